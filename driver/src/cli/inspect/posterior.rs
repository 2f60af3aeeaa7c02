//! `pfp inspect --params`: the numbers of the posterior.

use gauss_dialect::{ir::Op, shape::TensorType};
use gauss_lowering::parameters::declared::Declared;
use pfp_compiler::posterior::{Quantiles, Statistics};

use super::super::table::{Table, grouped};

/// The statistics of the parameters that a function uses, as a table, and what is wrong with them.
pub fn text(statistics: &[Statistics]) -> String {
    let mut table = Table::new(
        &[
            "posterior",
            "shape",
            "sigma 5 %",
            "median",
            "95 %",
            "sigma/|mu| 5 %",
            "median",
            "95 %",
            "RMS ratio",
            "zero",
        ],
        2,
    );
    for one in statistics {
        let sizes: Vec<_> = one.shape.iter().map(ToString::to_string).collect();
        let mut row = vec![one.name.clone(), sizes.join(" x ")];
        row.extend(quantiles(one.sigma));
        row.extend(quantiles(one.sigma_over_mean));
        row.push(one.rms_ratio.map_or("-".into(), number));
        row.push(grouped(one.zero_variances as u64));
        table.row(row);
    }
    let mut lines = vec![
        table.to_string(),
        "sigma: standard deviations; RMS ratio: root mean square of sigma over that of mu; zero: \
         variances of 0"
            .into(),
    ];
    let bad = statistics.iter().filter(|one| !one.is_valid()).map(|one| {
        format!(
            "{}: {} negative variance(s), {} NaN, {} infinite",
            one.name, one.negative_variances, one.nan, one.infinite
        )
    });
    lines.extend(bad);
    let warnings = statistics.iter().filter_map(|one| one.warning.as_ref());
    lines.extend(warnings.map(|warning| format!("WARNING: {warning}")));
    lines.join("\n")
}

fn quantiles(quantiles: Option<Quantiles>) -> [String; 3] {
    quantiles.map_or_else(
        || ["-", "-", "-"].map(String::from),
        |Quantiles { p5, median, p95, .. }| [p5, median, p95].map(number),
    )
}

/// Three digits.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        1e-3..0.01 => format!("{value:.5}"),
        0.01..0.1 => format!("{value:.4}"),
        0.1..1.0 => format!("{value:.3}"),
        1.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        100.0..1e4 => format!("{value:.0}"),
        _ => format!("{value:.1e}"),
    }
}

/// Name, shape and kind of the parameters.
pub type Types = Vec<(String, TensorType)>;

/// The parameters below an op.
pub fn types(op: Op) -> Types {
    Declared::all(op).into_iter().map(|Declared { name, ty, .. }| (name, ty)).collect()
}
