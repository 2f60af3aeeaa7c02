//! `pfp inspect --moments`: the moments of every layer against Monte Carlo.

use clap::Args;
use pfp_compiler::{
    array::Array,
    compile::{Function, Network},
    error::Error,
};
use pfp_evaluate::{
    batches::Items,
    data::{self, Preparation, Scale},
    eval::{DataSet, Role, Spec},
    halves::divergence,
    metrics::{median, pearson},
    reference::{Elements, LayerDraws, LayerMoments, Reference, ratio_of_sums},
};
use serde::Serialize;

use super::{
    super::{
        Ui,
        table::{Table, figure},
    },
    ladder::{self, Ladder},
};

/// What the layers are compared on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Moments")]
pub struct MomentsArgs {
    /// Compare every layer with Monte Carlo on this data set instead, named as for `pfp eval`, without
    /// covariances and with those that are chosen, and the outputs for each choice of covariances; needs --params
    #[arg(long, value_name = "DATA", requires = "params")]
    #[arg(conflicts_with_all = ["schedule", "head", "return_covariance"])]
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
    layers: Vec<LayerRow>,
    /// Where the ratio of variances leaves 1, if it does so beyond the noise.
    suspect: Option<Step>,
    /// Of what are logits, what each choice of covariances makes of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Ladder>,
}

/// How far the moments of one layer are from Monte Carlo.
#[derive(Debug, Clone, Serialize)]
struct LayerRow {
    layer: String,
    op: String,
    /// Elements over all items.
    elements: usize,
    /// Of independent elements.
    #[serde(flatten)]
    diagonal: Distance,
    /// With the covariances that are chosen, where these change anything.
    carried: Option<Distance>,
}

/// How far moments are from Monte Carlo.
#[derive(Debug, Clone, Serialize)]
struct Distance {
    /// Root mean square of the difference of the means over that of the standard deviations of
    /// Monte Carlo.
    mean_in_deviations: f64,
    /// The sum of the variances over that of Monte Carlo; `None` where that has none.
    variance_ratio: Option<f64>,
    /// The standard error that the noise of Monte Carlo gives the ratio.
    variance_ratio_error: Option<f64>,
    /// So many draws that count alike would have this noise: few where rare ones make up the sum.
    effective_samples: Option<f64>,
    /// The median over the elements of the variance over that of Monte Carlo; `None` where Monte
    /// Carlo saw half of them at one value.
    variance_ratio_median: Option<f64>,
    /// Pearson's correlation of the variances of the elements.
    variance_correlation: f64,
    /// The Kullback-Leibler divergence of the Gaussian of an element by Monte Carlo from that by moments, in
    /// nats: the median over the elements that vary; `None` where none does.
    kl_median: Option<f64>,
}

/// A ratio to what Monte Carlo measured, as the fields of a [`Distance`] have it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ratio {
    value: f64,
    standard_error: f64,
    effective_samples: f64,
}

/// From one ratio of variances to the next.
#[derive(Debug, Clone, Serialize)]
struct Step {
    layer: String,
    op: String,
    /// The layer before it whose ratio is known well enough; `None` at the first one.
    before: Option<String>,
    ratio_before: f64,
    ratio: f64,
}

/// Standard errors beyond which a difference is no noise. Of the ratios of many layers some are
/// far out by chance, and sums of squares have longer tails than the normal distribution.
const BEYOND_NOISE: f64 = 5.0;

/// Fewer effective samples say neither a ratio nor its standard error.
const ENOUGH_SAMPLES: f64 = 30.0;

/// Units whose variance is below this share of the mean have no say in medians and divergences: of units that are
/// active in less than about one of a hundred passes, Monte Carlo mostly measures too little.
const NEGLIGIBLE: f64 = 0.01;

impl MomentsArgs {
    /// Compares the layers of a function.
    pub fn compare(
        &self,
        spec: &Spec,
        (network, function): (&Network, &Function),
        most: Option<f64>,
        ui: &Ui,
    ) -> Result<Report, Error> {
        ui.stage("reading the data");
        let preparation = Preparation { scale: self.scale, normalize: self.normalize };
        // Labels are not looked at.
        let (role, classes) = (Role::OutOfDomain, usize::MAX);
        let set = DataSet::open(spec, role, &preparation, &function.signature, classes)?;
        ui.notes(&set.set.notes);
        let count = set.len().min(function.signature.items_of_calls(self.items as usize));
        let values = set.prepared(0..count)?;
        let arrays = [Array { shape: vec![count, values.len() / count], values }];
        let items = Items::new(&function.signature, &arrays)?;
        let reference = Reference::new(network, function)?;
        let is_of_logits = ladder::is_of_logits(function);
        let bar = ui.count("Monte Carlo", count);
        let (samples, seed) = (self.samples, self.seed);
        let draws =
            reference.draw(&items, (samples, seed), is_of_logits, &|done| bar.reach(done))?;
        let layers = reference.trace(&items, &|_| ())?;
        let (outputs, carried) = match is_of_logits {
            true => {
                let of = (network, function);
                let (outputs, carried) = ladder::compare(of, (&items, &draws), (most, seed), ui)?;
                (Some(outputs), carried)
            }
            false => (None, None),
        };
        let layers = named(function, &layers, carried.as_deref(), &draws.layers);
        Ok(Report {
            function: function.name.clone(),
            items: count,
            samples,
            seed,
            suspect: suspect(&layers),
            layers,
            outputs,
        })
    }
}

/// The layers by the names that they have in the module: parameters that are loaded have none.
fn named(
    function: &Function,
    layers: &[LayerMoments],
    carried: Option<&[LayerMoments]>,
    draws: &[LayerDraws],
) -> Vec<LayerRow> {
    let mut known = function.layers.iter().filter(|known| known.output.starts_with("!gauss"));
    let mut carried = carried.unwrap_or_default().iter();
    let measured = layers.iter().zip(draws).map(|(moments, draws)| {
        let LayerMoments { layer, op, algebra } = moments;
        let found = known.find(|known| known.op == *op);
        // Conversions stand between them, and mixtures for dense layers.
        let is_same =
            |other: &&LayerMoments| other.op == *op || op == "dense" && other.op == "scale_mixture";
        let other = carried.find(is_same).filter(|other| other.algebra != *algebra);
        LayerRow {
            layer: found.map_or(layer, |known| &known.name).clone(),
            op: op.clone(),
            elements: algebra.mean.len(),
            diagonal: distance(algebra, draws),
            carried: other.map(|other| distance(&other.algebra, draws)),
        }
    });
    measured.collect()
}

fn distance(algebra: &Elements, draws: &LayerDraws) -> Distance {
    let LayerDraws { monte_carlo, squares } = draws;
    let differences = algebra.mean.iter().zip(&monte_carlo.mean).map(|(a, b)| (a - b).powi(2));
    let differences: f64 = differences.sum();
    let ratio = ratio_of_sums(&algebra.variance, (&monte_carlo.mean, &monte_carlo.variance));
    let ratio = ratio.map(|value| Ratio::new(value, squares));
    let sampled: f64 = monte_carlo.variance.iter().sum();
    Distance {
        mean_in_deviations: ratio.map_or(0.0, |_| (differences / sampled).sqrt()),
        variance_ratio: ratio.map(|ratio| ratio.value),
        variance_ratio_error: ratio.map(|ratio| ratio.standard_error),
        effective_samples: ratio.map(|ratio| ratio.effective_samples),
        variance_ratio_median: ratio
            .and_then(|_| median_ratio(&algebra.variance, &monte_carlo.variance)),
        variance_correlation: pearson(&algebra.variance, &monte_carlo.variance),
        kl_median: ratio.and_then(|_| median_divergence(algebra, monte_carlo)),
    }
}

/// The median divergence of Monte Carlo from moments, units left out that hardly vary. A mean would be that of a few
/// units that are rarely active.
fn median_divergence(algebra: &Elements, monte_carlo: &Elements) -> Option<f64> {
    let least = NEGLIGIBLE * monte_carlo.variance.iter().sum::<f64>() / algebra.mean.len() as f64;
    let gaussians = |elements: &Elements| -> Vec<(f64, f64)> {
        elements.mean.iter().copied().zip(elements.variance.iter().copied()).collect()
    };
    let pairs = gaussians(monte_carlo).into_iter().zip(gaussians(algebra));
    let pairs = pairs.filter(|((_, variance), _)| *variance > least);
    let each: Vec<_> = pairs.filter_map(|(sampled, own)| divergence(sampled, own)).collect();
    (!each.is_empty()).then(|| median(each))
}

impl Distance {
    fn ratio(&self) -> Option<Ratio> {
        Some(Ratio {
            value: self.variance_ratio?,
            standard_error: self.variance_ratio_error?,
            effective_samples: self.effective_samples?,
        })
    }
}

/// The median of the ratios of the variances of units, those left out that hardly vary.
fn median_ratio(variances: &[f64], sampled: &[f64]) -> Option<f64> {
    let sum: f64 =
        variances.iter().zip(sampled).map(|(variance, other)| variance.max(*other)).sum();
    let least = NEGLIGIBLE * sum / variances.len() as f64;
    let pairs = variances.iter().zip(sampled);
    let pairs = pairs.filter(|(variance, other)| variance.max(**other) > least);
    let mut ratios: Vec<_> = pairs.map(|(variance, sampled)| variance / sampled).collect();
    ratios.sort_by(f64::total_cmp);
    let middle = [ratios.len().checked_sub(1)? / 2, ratios.len() / 2].map(|place| ratios[place]);
    Some((middle[0] + middle[1]) / 2.0).filter(|median| median.is_finite())
}

impl Ratio {
    /// A ratio to the mean of what the draws say.
    fn new(value: f64, draws: &[f64]) -> Self {
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        let squares = draws.iter().map(|draw| draw * draw).sum::<f64>();
        // The variance over the square of the mean, without bias.
        let spread = (squares / (mean * mean) - count).max(0.0) / (count - 1.0);
        Self {
            value,
            standard_error: value * (spread / count).sqrt(),
            effective_samples: count * count * mean * mean / squares,
        }
    }

    fn is_known(&self) -> bool {
        self.effective_samples >= ENOUGH_SAMPLES
    }

    /// The standard error of the logarithm.
    fn relative_error(&self) -> f64 {
        self.standard_error / self.value
    }
}

/// Where the ratio of variances goes farther from 1 than at the layer before by most, of the layers
/// where this is beyond the noise of both.
fn suspect(layers: &[LayerRow]) -> Option<Step> {
    let known = layers.iter().filter_map(|layer| Some((layer, layer.diagonal.ratio()?)));
    let known: Vec<_> = known.filter(|(_, ratio)| ratio.is_known()).collect();
    let first = (None, Ratio { value: 1.0, standard_error: 0.0, effective_samples: f64::INFINITY });
    let before = [first].into_iter().chain(known.iter().map(|(layer, r)| (Some(*layer), *r)));
    let steps = known.iter().zip(before).filter_map(|((layer, after), (last, before))| {
        let distance = after.value.ln().abs();
        let step = distance - before.value.ln().abs();
        let noise = after.relative_error().hypot(before.relative_error());
        // The ratio of a variance of 0 is beyond any noise.
        let is_real = step > BEYOND_NOISE * noise
            && distance > BEYOND_NOISE * after.relative_error()
            || after.value == 0.0 && before.value > 0.0;
        let found = Step {
            layer: layer.layer.clone(),
            op: layer.op.clone(),
            before: last.map(|last| last.layer.clone()),
            ratio_before: before.value,
            ratio: after.value,
        };
        is_real.then_some((step, found))
    });
    steps.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, step)| step)
}

/// The report as tables; with the budget that was said.
pub fn text(report: &Report, most: Option<f64>) -> String {
    let has_carried = report.layers.iter().any(|layer| layer.carried.is_some());
    let mut head = vec![
        "layer",
        "op",
        "elements",
        "means off",
        "variances",
        "+-",
        "median",
        "correlation",
        "KL",
    ];
    if has_carried {
        head.extend(["carried: means off", "variances", "median", "KL"]);
    }
    let mut table = Table::new(&head, 2);
    let or_none = |number: Option<f64>| number.map_or("-".into(), figure);
    for layer in &report.layers {
        let LayerRow { diagonal, carried, .. } = layer;
        let ratio = diagonal.ratio();
        let mut row = vec![
            layer.layer.clone(),
            layer.op.clone(),
            layer.elements.to_string(),
            figure(diagonal.mean_in_deviations),
            or_none(ratio.map(|ratio| ratio.value)),
            match ratio {
                Some(ratio) if !ratio.is_known() => "?".into(),
                ratio => or_none(ratio.map(|ratio| ratio.standard_error)),
            },
            or_none(diagonal.variance_ratio_median),
            format!("{:.3}", diagonal.variance_correlation),
            or_none(diagonal.kl_median),
        ];
        if let Some(carried) = carried {
            row.push(figure(carried.mean_in_deviations));
            let others = [carried.variance_ratio, carried.variance_ratio_median, carried.kl_median];
            row.extend(others.map(or_none));
        }
        table.row(row);
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
             variances as the sum over that of Monte Carlo, with the standard error that its noise \
             gives, and\n\
             the median of the units' own ratios; KL: the median divergence of the Gaussian of a unit by \
             Monte Carlo\n\
             from that by moments, in nats: {} by the noise alone",
            figure(std::f64::consts::LN_2 / report.samples as f64)
        ),
    ];
    if has_carried {
        lines.push(
            "carried: with the covariances that are chosen, where these change a layer".into(),
        );
    }
    if report
        .layers
        .iter()
        .filter_map(|layer| layer.diagonal.ratio())
        .any(|ratio| !ratio.is_known())
    {
        lines.push(
            "?: a few samples make up the sum, as of rarely active units; see the median, or take \
             more --samples"
                .into(),
        );
    }
    lines.push(match &report.suspect {
        Some(Step { layer, op, before, ratio_before, ratio }) => format!(
            "largest step: {layer} ({op}), from {}{} to {} times the variance",
            figure(*ratio_before),
            before.as_ref().map_or(String::new(), |before| format!(" after {before}")),
            figure(*ratio)
        ),
        None => "no layer takes the ratio away from 1 by more than the noise of Monte Carlo".into(),
    });
    if let Some(outputs) = &report.outputs {
        lines.push(String::new());
        lines.extend(outputs.lines(most));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(name: &str, ratio: Option<(f64, f64)>) -> LayerRow {
        LayerRow {
            layer: name.into(),
            op: name.into(),
            elements: 1,
            diagonal: Distance {
                mean_in_deviations: 0.0,
                variance_ratio: ratio.map(|(value, _)| value),
                variance_ratio_error: ratio.map(|(_, error)| error),
                effective_samples: ratio.map(|_| 1000.0),
                variance_ratio_median: None,
                variance_correlation: 1.0,
                kl_median: None,
            },
            carried: None,
        }
    }

    #[test]
    fn the_suspect_is_where_the_ratio_changes_most() {
        let layers = [
            ratio("a", Some((1.01, 0.02))),
            ratio("b", None),
            ratio("c", Some((0.7, 0.02))),
            ratio("d", Some((0.75, 0.02))),
        ];
        let step = suspect(&layers).unwrap();
        assert_eq!((step.layer.as_str(), step.before.as_deref()), ("c", Some("a")));
        assert_eq!((step.ratio_before, step.ratio), (1.01, 0.7));
        assert!(suspect(&[]).is_none());
    }

    #[test]
    fn noise_is_no_suspect() {
        // Beyond the noise of both ratios, not of one.
        assert!(suspect(&[ratio("a", Some((0.9, 0.03)))]).is_none());
        assert!(suspect(&[ratio("a", Some((0.8, 0.03)))]).is_some());
        let pair = |a, b| suspect(&[ratio("a", Some(a)), ratio("b", Some(b))]);
        assert!(pair((1.0, 0.05), (1.2, 0.02)).is_none());
        assert!(pair((1.0, 0.01), (1.2, 0.02)).is_some());
        // Nearer to 1 is no loss.
        assert_eq!(pair((0.7, 0.01), (1.0, 0.01)).unwrap().layer, "a");
        // What few draws decide says nothing, be it as far as it may.
        let mut few = ratio("a", Some((100.0, 1.0)));
        few.diagonal.effective_samples = Some(3.0);
        assert!(suspect(&[few, ratio("b", Some((1.0, 0.02)))]).is_none());
    }

    #[test]
    fn the_standard_error_is_that_of_the_tails() {
        // A normal number: the squares have the kurtosis 3, the relative variance 2.
        let normal = |i: u32| -> f64 {
            // Box and Muller, of evenly spread numbers.
            let (u, v) = ((f64::from(i % 100) + 0.5) / 100.0, (f64::from(i / 100) + 0.5) / 100.0);
            (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        };
        let squares: Vec<_> = (0..10_000).map(|i| normal(i).powi(2)).collect();
        let of_normal = Ratio::new(1.0, &squares);
        assert!((of_normal.standard_error - (2.0f64 / 10_000.0).sqrt()).abs() < 5e-4);
        assert!((of_normal.effective_samples - 10_000.0 / 3.0).abs() < 150.0);
        // A unit that is active in one of a hundred draws, and there always alike.
        let rare: Vec<_> = (0..10_000).map(|i| f64::from(u8::from(i % 100 == 0))).collect();
        let of_rare = Ratio::new(2.0, &rare);
        assert!((of_rare.standard_error - 2.0 * (99.0f64 / 10_000.0).sqrt()).abs() < 1e-4);
        assert!((of_rare.effective_samples - 100.0).abs() < 1e-9);
    }

    #[test]
    fn the_median_is_of_units_that_vary() {
        assert_eq!(median_ratio(&[1.0, 2.0, 9.0], &[1.0, 1.0, 1.0]), Some(2.0));
        assert_eq!(median_ratio(&[1.0, 3.0], &[1.0, 1.0]), Some(2.0));
        assert_eq!(median_ratio(&[1.0, 1e-20, 1e-20], &[1.0, 0.0, 0.0]), Some(1.0));
        assert_eq!(median_ratio(&[1.0, 1.0], &[0.0, 0.0]), None);
        assert_eq!(median_ratio(&[], &[]), None);
    }
}
