//! Plots as SVG.

use pfp_compiler::error::Error;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    answers::Items,
    eval::Evaluation,
    metrics::{Bin, RiskPoint, RocPoint},
    page::{
        plot::{TEXT, axes, extent, line, number, svg},
        theme::{INK, MUTED, series},
    },
};

/// The colour of aleatoric uncertainty; that of epistemic is the next. No mode of a common evaluation
/// has them.
pub const PARTS: usize = 3;

/// The most bins whose numbers of items are written out.
const MOST_COUNTS: usize = 20;

/// Cells of a histogram along an axis.
const CELLS: usize = 32;

/// The diagonal from corner to corner of the unit square.
fn diagonal() -> PathElement<(f64, f64)> {
    PathElement::new([(0.0, 0.0), (1.0, 1.0)], MUTED.stroke_width(1))
}

/// Accuracy against confidence with its interval, and below it the number of items in each bin.
///
/// # Errors
///
/// Where drawing fails.
pub fn reliability(bins: &[Bin], index: usize) -> Result<String, Error> {
    let most = bins.iter().map(|bin| bin.items).max().unwrap_or(0).max(1) as f64;
    svg(|canvas| {
        let (upper, lower) = canvas.split_vertically(245);
        let mut chart =
            axes(&upper, (0.0..1.0, 0.0..1.0), ("confidence", "accuracy"), &|x| number(*x))?;
        chart.draw_series([diagonal()])?;
        let filled: Vec<_> = bins.iter().filter(|bin| bin.items > 0).collect();
        chart.draw_series(filled.iter().map(|bin| {
            let (low, high) = bin.interval;
            let ends = [(bin.confidence, low), (bin.confidence, high)];
            PathElement::new(ends, series(index).mix(0.6).stroke_width(2))
        }))?;
        chart.draw_series(
            filled
                .iter()
                .map(|bin| Circle::new((bin.confidence, bin.accuracy), 4, series(index).filled())),
        )?;
        let mut counts = ChartBuilder::on(&lower)
            .margin_left(10)
            .margin_right(10)
            .y_label_area_size(58)
            .build_cartesian_2d(0.0..1.0, 0.0..1.35)?;
        counts.configure_mesh().disable_mesh().disable_axes().draw()?;
        counts.draw_series(filled.iter().map(|bin| {
            let corners = [(bin.lower, 0.0), (bin.upper, bin.items as f64 / most)];
            Rectangle::new(corners, series(index).mix(0.5).filled())
        }))?;
        if bins.len() <= MOST_COUNTS {
            let style = ("sans-serif", 12).into_font().color(&INK);
            let style = style.pos(Pos::new(HPos::Center, VPos::Bottom));
            counts.draw_series(filled.iter().map(|bin| {
                let place = ((bin.lower + bin.upper) / 2.0, bin.items as f64 / most + 0.03);
                Text::new(count(bin.items), place, style.clone())
            }))?;
        }
        lower.draw_text(
            "items",
            &("sans-serif", TEXT).into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Bottom)),
            (60, 72),
        )?;
        Ok(())
    })
}

/// A number of items in four characters.
fn count(items: usize) -> String {
    match items {
        0..10_000 => items.to_string(),
        10_000..1_000_000 => format!("{}k", items / 1000),
        _ => format!("{}M", items / 1_000_000),
    }
}

/// Wrong answers against the share that is answered, one curve for each mode.
///
/// # Errors
///
/// Where drawing fails.
pub fn risk_coverage(curves: &[&[RiskPoint]]) -> Result<String, Error> {
    let risks = curves.iter().flat_map(|curve| curve.iter().map(|point| 100.0 * point.risk));
    let most = 1.1 * risks.fold(1.0, f64::max);
    svg(|canvas| {
        let mut chart =
            axes(canvas, (0.0..1.0, 0.0..most), ("coverage", "risk, %"), &|x| number(*x))?;
        for (index, curve) in curves.iter().enumerate() {
            let points = curve.iter().map(|point| (point.coverage, 100.0 * point.risk));
            chart.draw_series(LineSeries::new(points, line(index)))?;
        }
        Ok(())
    })
}

/// ROC curves.
///
/// # Errors
///
/// Where drawing fails.
pub fn roc(curves: &[&[RocPoint]]) -> Result<String, Error> {
    let names = ("in domain, above threshold", "out of domain, above");
    svg(|canvas| {
        let mut chart = axes(canvas, (0.0..1.0, 0.0..1.0), names, &|x| number(*x))?;
        chart.draw_series([diagonal()])?;
        for (index, curve) in curves.iter().enumerate() {
            let points = curve.iter().map(|point| (point.false_positives, point.true_positives));
            chart.draw_series(LineSeries::new(points, line(index)))?;
        }
        Ok(())
    })
}

/// Accuracy in domain against microseconds per item, a point for each batch; `None` where no times
/// were measured.
///
/// # Errors
///
/// Where drawing fails.
pub fn latency_against_accuracy(evaluation: &Evaluation) -> Result<Option<String>, Error> {
    let curves: Vec<Vec<(f64, f64)>> = evaluation
        .modes
        .iter()
        .map(|mode| {
            let classification = mode.sets.first().and_then(|set| set.classification.as_ref());
            let accuracy = classification.map(|classification| 100.0 * classification.accuracy);
            let times = mode.latency.iter().map(|latency| latency.microseconds);
            accuracy.map_or(Vec::new(), |accuracy| times.map(|time| (time, accuracy)).collect())
        })
        .collect();
    let all = || curves.iter().flatten().copied();
    if all().next().is_none() {
        return Ok(None);
    }
    let (fastest, slowest) = extent(all().map(|(time, _)| time));
    let (least, most) = extent(all().map(|(_, accuracy)| accuracy));
    let room = (0.2 * (most - least)).max(0.5);
    let x = (fastest / 2.0..slowest * 2.0).log_scale();
    let y = (least - room)..(most + room).min(100.0 + room / 2.0);
    svg(|canvas| {
        let names = ("µs per item", "accuracy, %");
        let mut chart = axes(canvas, (x, y), names, &|x| number(*x))?;
        for (index, curve) in curves.iter().enumerate() {
            chart.draw_series(LineSeries::new(curve.iter().copied(), line(index)))?;
            let point = |&place: &(f64, f64)| Circle::new(place, 5, series(index).filled());
            chart.draw_series(curve.iter().map(point))?;
        }
        Ok(())
    })
    .map(Some)
}

/// The cell of a histogram from 0 to `most` that a value falls into.
fn cell(value: f32, most: f64) -> usize {
    ((f64::from(value) / most * CELLS as f64) as usize).min(CELLS - 1)
}

/// How many items have which epistemic and aleatoric uncertainty, and the most items of a cell.
///
/// # Errors
///
/// Where drawing fails.
pub fn uncertainties(items: &Items, most: f64) -> Result<(String, usize), Error> {
    let mut counts = vec![0usize; CELLS * CELLS];
    for (&aleatoric, &epistemic) in items.aleatoric.iter().zip(&items.epistemic) {
        counts[cell(epistemic, most) * CELLS + cell(aleatoric, most)] += 1;
    }
    let largest = counts.iter().copied().max().unwrap_or(1).max(1);
    let names = ("aleatoric, nats", "epistemic, nats");
    let svg = svg(|canvas| {
        let mut chart = axes(canvas, (0.0..most, 0.0..most), names, &|x| number(*x))?;
        let step = most / CELLS as f64;
        let occupied = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        chart.draw_series(occupied.map(|(place, &count)| {
            let (row, column) = ((place / CELLS) as f64, (place % CELLS) as f64);
            let shade = ((1 + count) as f64).ln() / ((1 + largest) as f64).ln();
            Rectangle::new(
                [(column * step, row * step), ((column + 1.0) * step, (row + 1.0) * step)],
                series(0).mix(0.15 + 0.85 * shade).filled(),
            )
        }))?;
        Ok(())
    })?;
    Ok((svg, largest))
}

/// Histograms of aleatoric and of epistemic uncertainty.
///
/// # Errors
///
/// Where drawing fails.
pub fn histograms(items: &Items, most: f64) -> Result<String, Error> {
    let shares = |values: &[f32]| {
        let mut shares = [0.0; CELLS];
        for &value in values {
            shares[cell(value, most)] += 100.0 / values.len() as f64;
        }
        shares
    };
    let both = [shares(&items.aleatoric), shares(&items.epistemic)];
    let highest = both.iter().flatten().copied().fold(1.0, f64::max);
    let names = ("nats", "items, %");
    svg(|canvas| {
        let mut chart = axes(canvas, (0.0..most, 0.0..1.05 * highest), names, &|x| number(*x))?;
        let step = most / CELLS as f64;
        for (index, shares) in both.iter().enumerate() {
            // The outline of the columns.
            let outline = shares.iter().enumerate().flat_map(|(column, &share)| {
                [(column as f64 * step, share), ((column + 1) as f64 * step, share)]
            });
            chart.draw_series(LineSeries::new(outline, line(PARTS + index)))?;
        }
        Ok(())
    })
}
