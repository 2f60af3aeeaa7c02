//! `pfp inspect --moments`: the moments of every layer against Monte Carlo.

use clap::Args;
use serde::Serialize;

use super::super::{Ui, table::Table};
use crate::{
    batches::Items,
    compile::{Function, Network},
    data::{self, Array, Preparation, Scale},
    error::Error,
    eval::{DataSet, Role, Spec, metrics::pearson},
    reference::{LayerMoments, Reference},
};

/// What the layers are compared on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Moments")]
pub struct MomentsArgs {
    /// Compare mean and variance of every layer with Monte Carlo on this data set instead, named as
    /// for `pfp eval`; needs --params
    #[arg(long, value_name = "DATA", requires = "params", conflicts_with = "schedule")]
    pub moments: Option<Spec>,

    /// Multiply the numbers by this, such as 1/255
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true, requires = "moments")]
    scale: Option<Scale>,

    /// Then subtract MEAN and divide by STD
    #[arg(long, value_name = "MEAN,STD", value_parser = data::parse_normalize)]
    #[arg(allow_hyphen_values = true, requires = "moments")]
    normalize: Option<(f64, f64)>,

    /// How many items, the first ones
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    items: u32,

    /// Forward passes of Monte Carlo
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(2..))]
    samples: u64,

    /// The seed of Monte Carlo
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// How far the moments of the layers of a function are from Monte Carlo.
#[derive(Debug, Serialize)]
pub struct Report {
    function: String,
    items: usize,
    samples: u64,
    seed: u64,
    layers: Vec<Layer>,
}

/// How far the moments of one layer are from Monte Carlo.
#[derive(Debug, Serialize)]
struct Layer {
    layer: String,
    op: String,
    /// Elements over all items.
    elements: usize,
    /// Root mean square of the difference of the means over that of the standard deviations of
    /// Monte Carlo.
    mean_in_deviations: f64,
    /// The sum of the variances over that of Monte Carlo; `None` where that has none.
    variance_ratio: Option<f64>,
    /// Pearson's correlation of the variances of the elements.
    variance_correlation: f64,
}

impl MomentsArgs {
    /// Compares the layers of a function.
    pub fn compare(
        &self,
        spec: &Spec,
        network: &Network,
        function: &Function,
        ui: &Ui,
    ) -> Result<Report, Error> {
        ui.stage("reading the data");
        let preparation = Preparation { scale: self.scale, normalize: self.normalize };
        // Labels are not looked at.
        let (role, classes) = (Role::OutOfDomain, usize::MAX);
        let set = DataSet::open(spec, role, &preparation, &function.signature, classes)?;
        ui.notes(&set.set.notes);
        let count = set.len().min(self.items as usize);
        let values = set.prepared(0..count)?;
        let arrays = [Array { shape: vec![count, values.len() / count], values }];
        let items = Items::new(&function.signature, &arrays)?;
        let reference = Reference::new(network, function)?;
        let bar = ui.count("Monte Carlo", count);
        let layers = reference.layers(&items, self.samples, self.seed, &|done| {
            bar.set_position(done as u64);
        })?;
        Ok(Report {
            function: function.name.clone(),
            items: count,
            samples: self.samples,
            seed: self.seed,
            layers: named(function, &layers),
        })
    }
}

/// The layers by the names that they have in the module: parameters that are loaded have none.
fn named(function: &Function, layers: &[LayerMoments]) -> Vec<Layer> {
    let mut known = function.layers.iter().filter(|known| known.output.starts_with("!gauss"));
    let measured = layers.iter().map(|moments| {
        let found = known.find(|known| known.op == moments.op);
        let name = found.map_or(&moments.layer, |known| &known.name);
        layer(name.clone(), moments)
    });
    measured.collect()
}

fn layer(name: String, moments: &LayerMoments) -> Layer {
    let LayerMoments { op, algebra, monte_carlo, .. } = moments;
    let squares = algebra.mean.iter().zip(&monte_carlo.mean).map(|(a, b)| (a - b).powi(2));
    let squares: f64 = squares.sum();
    let sampled: f64 = monte_carlo.variance.iter().sum();
    Layer {
        layer: name,
        op: op.clone(),
        elements: algebra.mean.len(),
        mean_in_deviations: if sampled > 0.0 { (squares / sampled).sqrt() } else { 0.0 },
        variance_ratio: (sampled > 0.0).then(|| algebra.variance.iter().sum::<f64>() / sampled),
        variance_correlation: pearson(&algebra.variance, &monte_carlo.variance),
    }
}

/// The layer whose ratio of variances is farther from 1 than that of the layer before it by most.
fn suspect(layers: &[Layer]) -> Option<(&Layer, f64, f64)> {
    let ratios = layers.iter().filter_map(|layer| Some((layer, layer.variance_ratio?)));
    let before = [1.0].into_iter().chain(layers.iter().filter_map(|layer| layer.variance_ratio));
    let steps = ratios.zip(before).map(|((layer, after), before)| (layer, before, after));
    let step = |(_, before, after): &(&Layer, f64, f64)| after.ln().abs() - before.ln().abs();
    steps.filter(|s| step(s).is_finite()).max_by(|a, b| step(a).total_cmp(&step(b)))
}

/// The report as a table.
pub fn text(report: &Report) -> String {
    let mut table =
        Table::new(&["layer", "op", "elements", "means off", "variances", "correlation"], 2);
    for layer in &report.layers {
        table.row(vec![
            layer.layer.clone(),
            layer.op.clone(),
            layer.elements.to_string(),
            format!("{:.3}", layer.mean_in_deviations),
            layer.variance_ratio.map_or("-".into(), |ratio| format!("{ratio:.3}")),
            format!("{:.3}", layer.variance_correlation),
        ]);
    }
    let noise = (1.0 / report.samples as f64).sqrt();
    let mut lines = vec![
        format!(
            "@{}, {} item(s), Monte Carlo of {} samples",
            report.function, report.items, report.samples
        ),
        String::new(),
        table.to_string(),
        String::new(),
        format!(
            "means in standard deviations of Monte Carlo, whose own noise is {noise:.3};\n\
             variances as the sum over that of Monte Carlo"
        ),
    ];
    if let Some((layer, before, after)) = suspect(&report.layers) {
        lines.push(format!(
            "largest step: {} ({}), from {before:.3} to {after:.3} times the variance",
            layer.layer, layer.op
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(name: &str, ratio: Option<f64>) -> Layer {
        Layer {
            layer: name.into(),
            op: name.into(),
            elements: 1,
            mean_in_deviations: 0.0,
            variance_ratio: ratio,
            variance_correlation: 1.0,
        }
    }

    #[test]
    fn the_suspect_is_where_the_ratio_changes_most() {
        let layers = [
            ratio("a", Some(1.01)),
            ratio("b", None),
            ratio("c", Some(0.7)),
            ratio("d", Some(0.75)),
        ];
        let (layer, before, after) = suspect(&layers).unwrap();
        assert_eq!((layer.layer.as_str(), before, after), ("c", 1.01, 0.7));
        assert!(suspect(&[]).is_none());
    }
}
