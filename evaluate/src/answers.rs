//! What logits say of items: class probabilities, uncertainties, and the answer.

use std::ops::Range;

use gauss_dialect::moments::mixture;
use pfp_runtime::predictive::{self, Binary, Uncertainty};
use serde::Serialize;

use crate::{
    halves::{Halves, Halvings, mean_difference},
    reference::OutputMoments,
};

/// What a mode gave item by item: columns of one entry, or of one entry per class, for each item.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Items {
    /// The class that is answered: the one of the largest mean logit.
    pub class: Vec<usize>,
    /// The probabilities of the classes.
    pub probabilities: Vec<f32>,
    /// Predictive entropy, in nats.
    pub total: Vec<f32>,
    /// Expected entropy, in nats.
    pub aleatoric: Vec<f32>,
    /// Mutual information, in nats; zeros for a network without distribution.
    pub epistemic: Vec<f32>,
    /// The means of the logits.
    pub mean: Vec<f32>,
    /// Their variances; empty for a network without distribution.
    pub variance: Vec<f32>,
    /// The mean over the pairs of logits of the variance of their difference; empty for a network without
    /// distribution, or of one logit.
    pub difference: Vec<f32>,
    /// What the halves of the passes of a sampling mode say of each other.
    #[serde(skip)]
    pub halves: Halves,
}

impl Items {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.class.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.class.is_empty()
    }

    /// How many classes there are; 0 without items.
    pub fn classes(&self) -> usize {
        self.probabilities.len().checked_div(self.len()).unwrap_or(0)
    }

    /// Appends the items of another list.
    pub fn append(&mut self, other: Self) {
        self.class.extend(other.class);
        self.probabilities.extend(other.probabilities);
        self.total.extend(other.total);
        self.aleatoric.extend(other.aleatoric);
        self.epistemic.extend(other.epistemic);
        self.mean.extend(other.mean);
        self.variance.extend(other.variance);
        self.difference.extend(other.difference);
        self.halves += other.halves;
    }

    /// The probability of the class that is answered, for every item.
    pub fn confidence(&self) -> Vec<f64> {
        let rows = self.probabilities.chunks_exact(self.classes().max(1));
        self.class
            .iter()
            .zip(rows)
            .map(|(&class, row)| row.get(class).copied().map_or(0.0, f64::from))
            .collect()
    }
}

/// A number that is large for items that a network does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// The mean variance of the logits.
    Variance,
    /// The root of the mean variance over the largest magnitude of a mean.
    RelativeDeviation,
    /// Mutual information of class and weights, the epistemic uncertainty.
    MutualInformation,
    /// Predictive entropy, the total uncertainty.
    PredictiveEntropy,
}

impl Score {
    /// All scores.
    pub const ALL: [Self; 4] =
        [Self::Variance, Self::RelativeDeviation, Self::MutualInformation, Self::PredictiveEntropy];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Variance => "mean variance",
            Self::RelativeDeviation => "relative deviation",
            Self::MutualInformation => "mutual information",
            Self::PredictiveEntropy => "predictive entropy",
        }
    }

    /// The score of every item; `None` where the mode gives no distribution and the score needs
    /// one.
    pub fn of(self, items: &Items) -> Option<Vec<f64>> {
        let wide = |column: &[f32]| column.iter().copied().map(f64::from).collect();
        // A binary classifier has two classes but one logit.
        let logits = items.mean.len().checked_div(items.len()).unwrap_or(0).max(1);
        let means = || items.mean.chunks_exact(logits);
        let mean_variances = || items.variance.chunks_exact(logits).map(mean);
        match self {
            Self::PredictiveEntropy => Some(wide(&items.total)),
            _ if items.variance.is_empty() => None,
            Self::MutualInformation => Some(wide(&items.epistemic)),
            Self::Variance => Some(mean_variances().collect()),
            Self::RelativeDeviation => {
                let largest = means().map(|row| row.iter().fold(0f32, |max, x| max.max(x.abs())));
                // A mean of zero is no reason for an infinite score.
                let largest = largest.map(|x| f64::from(x.max(f32::MIN_POSITIVE)));
                Some(mean_variances().zip(largest).map(|(v, largest)| v.sqrt() / largest).collect())
            }
        }
    }
}

fn mean(row: &[f32]) -> f64 {
    row.iter().copied().map(f64::from).sum::<f64>() / row.len().max(1) as f64
}

/// How class probabilities are computed from Gaussian logits.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    /// Draws of the logits of each item.
    pub count: u32,
    /// The seed of the first item; the next ones follow.
    pub seed: u64,
}

/// How many classes so many logits tell apart. One logit is that of the label 1 against 0.
pub fn classes_of(logits: usize) -> usize {
    logits.max(2)
}

/// What is known of Gaussian logits beside their means and variances.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependence<V> {
    /// The covariance matrix of each item, of a mixture at each of its nodes.
    pub covariance: Option<V>,
    /// The means at each node of a mixture.
    pub nodes: Option<V>,
}

impl<V: AsRef<[f32]>> Dependence<V> {
    /// The same of a range of items, out of so many.
    pub fn of(&self, range: Range<usize>, items: usize) -> Dependence<&[f32]> {
        let Self { covariance, nodes } = self;
        Dependence {
            covariance: covariance.as_ref().and_then(|values| part(values, &range, items)),
            nodes: nodes.as_ref().and_then(|values| part(values, &range, items)),
        }
    }
}

/// What values say of a range of items, out of so many.
fn part<'a>(
    values: &'a (impl AsRef<[f32]> + ?Sized),
    range: &Range<usize>,
    items: usize,
) -> Option<&'a [f32]> {
    let values = values.as_ref();
    let each = values.len() / items.max(1);
    values.get(range.start * each..range.end * each)
}

/// What Gaussian logits say of items, by draws of the logits; of one logit without draws. The logits are
/// independent where their covariances are not given. The nodes of a mixture share the draws.
pub fn of_moments(
    mean: &[f32],
    variance: &[f32],
    beside: &Dependence<&[f32]>,
    width: usize,
    draws: Draws,
) -> Items {
    let items = mean.len() / width;
    let rows = mean.chunks_exact(width).zip(variance.chunks_exact(width));
    let rows = (0..).zip(rows).map(|(item, (mean, variance))| {
        let seed = draws.seed.wrapping_add(item as u64);
        let draws = Draws { seed, ..draws };
        let beside = beside.of(item..item + 1, items);
        match (mean, variance, beside.covariance, beside.nodes) {
            (&[mean], &[variance], _, _) => {
                of_label(|sign| predictive::binary(sign * mean, variance))
            }
            (_, _, None, _) => decomposed(width, width, |p, scratch| {
                predictive::decompose_into(mean, variance, draws.count, seed, p, scratch)
            }),
            (_, _, Some(covariance), None) => correlated(mean, covariance, draws),
            (_, _, Some(covariance), Some(nodes)) => mixed(nodes, covariance, width, draws),
        }
    });
    let all = collect(mean, variance, width, rows);
    let rows = variance.chunks_exact(width).enumerate().filter_map(|(item, variance)| {
        let of_sum = variance_of_sum(variance, &beside.of(item..item + 1, items));
        Some(mean_difference(variance.iter().copied().map(f64::from), of_sum)? as f32)
    });
    Items { difference: rows.collect(), ..all }
}

/// What a head would say of a range of items, out of so many, by the outputs of a function of logits that may return
/// their covariances too: of a mixture the nodes and the covariances of each.
pub fn of_outputs(
    outputs: &[OutputMoments],
    range: Range<usize>,
    items: usize,
    draws: Draws,
) -> Items {
    let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
    let of = |number: usize| outputs.get(number).map(|output| narrow(&output.mean));
    let mean = of(0).unwrap_or_default();
    let variance = outputs.first().and_then(|output| output.variance.as_deref());
    let variance = narrow(variance.unwrap_or_default());
    let beside = match (of(1), of(2)) {
        (nodes, Some(covariance)) => Dependence { covariance: Some(covariance), nodes },
        (covariance, None) => Dependence { covariance, nodes: None },
    };
    let rows = |values: &[f32]| part(values, &range, items).unwrap_or_default().to_vec();
    let width = (mean.len() / items.max(1)).max(1);
    of_moments(&rows(&mean), &rows(&variance), &beside.of(range.clone(), items), width, draws)
}

/// The variance of the sum of the logits of an item.
fn variance_of_sum(variance: &[f32], beside: &Dependence<&[f32]>) -> f64 {
    let sum = |values: &[f32]| values.iter().copied().map(f64::from).sum::<f64>();
    let width = variance.len();
    let Some(covariance) = beside.covariance else { return sum(variance) };
    let Some(nodes) = beside.nodes else { return sum(covariance) };
    let rule = rule(nodes.len() / width);
    let matrices = covariance.chunks_exact(width * width).map(sum);
    let each: Vec<_> = nodes.chunks_exact(width).map(sum).zip(matrices).zip(rule).collect();
    let mean: f64 = each.iter().map(|((mean, _), (_, weight))| weight * mean).sum();
    let apart = |mean_of: f64| (mean_of - mean).powi(2);
    each.iter().map(|((mean, within), (_, weight))| weight * (within + apart(*mean))).sum()
}

/// The nodes of a mixture and their weights.
fn rule(nodes: usize) -> Vec<mixture::Node> {
    i64::try_from(nodes).ok().and_then(mixture::rule).unwrap_or_default()
}

fn correlated(mean: &[f32], covariance: &[f32], draws: Draws) -> (Vec<f32>, Uncertainty) {
    let width = mean.len();
    decomposed(width, width * width + 2 * width, |p, scratch| {
        let Draws { count, seed } = draws;
        predictive::decompose_correlated_into(mean, covariance, count, seed, p, scratch)
    })
}

/// The mixture of what is predicted at each node.
fn mixed(nodes: &[f32], covariance: &[f32], width: usize, draws: Draws) -> (Vec<f32>, Uncertainty) {
    let count = nodes.len() / width;
    let rule = rule(count);
    let share = Draws { count: draws.count.div_ceil(count.max(1) as u32), ..draws };
    let mut probabilities = vec![0.0; width];
    let (mut aleatoric, mut each) = (0.0, Vec::new());
    let rows = nodes.chunks_exact(width).zip(covariance.chunks_exact(width * width));
    for ((mean, covariance), (_, weight)) in rows.zip(rule) {
        let (p, uncertainty) = correlated(mean, covariance, share);
        for (sum, p) in probabilities.iter_mut().zip(&p) {
            *sum += weight * f64::from(*p);
        }
        aleatoric += weight * f64::from(uncertainty.aleatoric);
        each.push((weight, uncertainty.epistemic, p));
    }
    // What is epistemic within the nodes, and how far these are apart: no difference of entropies.
    let apart = |p: &[f32]| {
        let term = |(&p, all): (&f32, &f64)| match p > 0.0 {
            true => f64::from(p) * (f64::from(p) / all).ln(),
            false => 0.0,
        };
        p.iter().zip(&probabilities).map(term).sum::<f64>().max(0.0)
    };
    let epistemic = each
        .iter()
        .map(|(weight, within, p)| weight * (f64::from(*within) + apart(p)))
        .sum::<f64>();
    let [total, aleatoric, epistemic] =
        [aleatoric + epistemic, aleatoric, epistemic].map(|x| x as f32);
    let probabilities = probabilities.into_iter().map(|p| p as f32).collect();
    (probabilities, Uncertainty { total, aleatoric, epistemic })
}

/// What exact logits say of items.
pub fn of_logits(logits: &[f32], width: usize) -> Items {
    let rows = logits.chunks_exact(width).map(|row| of_passes(row, width));
    collect(logits, &[], width, rows)
}

/// What the logits of many passes say of items, beside the moments of these. A pass may have logits
/// of more items.
pub fn of_draws<'a>(
    mean: &[f32],
    variance: &[f32],
    passes: impl Iterator<Item = &'a [f32]> + Clone,
    width: usize,
    halvings: &Halvings,
) -> Items {
    let items = mean.len() / width;
    let mut halves = Halves::default();
    let mut difference = Vec::new();
    let rows = (0..items).map(|item| {
        let row = item * width..(item + 1) * width;
        let logits = passes.clone().flat_map(|pass| pass.get(row.clone()).unwrap_or_default());
        let logits: Vec<_> = logits.copied().collect();
        halves += halvings.compare(&logits, width);
        let variances =
            variance.get(row.clone()).unwrap_or_default().iter().copied().map(f64::from);
        let of_sum = sampled_variance(
            logits.chunks_exact(width).map(|pass| pass.iter().copied().map(f64::from).sum()),
        );
        difference.extend(mean_difference(variances, of_sum).map(|x| x as f32));
        of_passes(&logits, width)
    });
    let items = collect(mean, variance, width, rows);
    Items { halves, difference, ..items }
}

/// The unbiased variance of numbers; 0 of a single one.
fn sampled_variance(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = numbers.len() as f64;
    let mean = numbers.clone().sum::<f64>() / count.max(1.0);
    numbers.map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0)
}

/// Probabilities and uncertainty of an item by the logits of passes, one after the other.
fn of_passes(logits: &[f32], width: usize) -> (Vec<f32>, Uncertainty) {
    match width {
        1 => of_label(|sign| {
            let logits: Vec<_> = logits.iter().map(|logit| sign * logit).collect();
            predictive::binary_draws(&logits)
        }),
        _ => decomposed(width, width, |p, scratch| {
            predictive::decompose_draws_into(logits, p, scratch)
        }),
    }
}

/// A binary label as one of two classes, by what is predicted of the logit times 1 and -1: a small
/// probability of 0 has digits that are lost in that of 1.
fn of_label(predict: impl Fn(f32) -> Binary) -> (Vec<f32>, Uncertainty) {
    let (zero, one) = (predict(-1.0), predict(1.0));
    (vec![zero.probability, one.probability], one.uncertainty)
}

/// Probabilities and uncertainty of an item.
fn decomposed(
    classes: usize,
    scratch: usize,
    decompose: impl Fn(&mut [f32], &mut [f32]) -> Result<Uncertainty, pfp_runtime::Error>,
) -> (Vec<f32>, Uncertainty) {
    let (mut probabilities, mut scratch) = (vec![0.0; classes], vec![0.0; scratch]);
    // The slices are as long as they must be, which is all that could be wrong.
    let uncertainty = decompose(&mut probabilities, &mut scratch).unwrap_or_default();
    (probabilities, uncertainty)
}

/// The columns of items. Their class is the one of the largest mean logit, or by the sign of the
/// only one: that needs no draws.
fn collect(
    mean: &[f32],
    variance: &[f32],
    width: usize,
    rows: impl Iterator<Item = (Vec<f32>, Uncertainty)>,
) -> Items {
    let class = mean.chunks_exact(width).map(|row| match row {
        &[logit] => usize::from(logit >= 0.0),
        _ => predictive::argmax(row).unwrap_or(0),
    });
    let (class, mean, variance) = (class.collect(), mean.to_vec(), variance.to_vec());
    let mut items = Items { class, mean, variance, ..Items::default() };
    for (probabilities, uncertainty) in rows {
        items.probabilities.extend(probabilities);
        items.total.push(uncertainty.total);
        items.aleatoric.push(uncertainty.aleatoric);
        items.epistemic.push(uncertainty.epistemic);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Items {
        Items {
            class: vec![1, 0],
            probabilities: vec![0.25, 0.75, 0.5, 0.5],
            total: vec![0.5, 0.7],
            aleatoric: vec![0.25, 0.5],
            epistemic: vec![0.25, 0.2],
            mean: vec![1.0, -4.0, 0.0, 0.0],
            variance: vec![6.0, 2.0, 0.0, 0.0],
            ..Items::default()
        }
    }

    #[test]
    fn scores_of_two_items() {
        let items = items();
        assert_eq!(items.confidence(), [0.75, 0.5]);
        assert_eq!(Score::Variance.of(&items), Some(vec![4.0, 0.0]));
        assert_eq!(Score::RelativeDeviation.of(&items), Some(vec![0.5, 0.0]));
        assert_eq!(Score::MutualInformation.of(&items), Some(vec![0.25, f64::from(0.2f32)]));
    }

    #[test]
    fn a_network_without_distribution_has_entropy_only() {
        let items = Items { variance: Vec::new(), ..items() };
        let given = Score::ALL.into_iter().filter(|score| score.of(&items).is_some());
        assert_eq!(given.collect::<Vec<_>>(), [Score::PredictiveEntropy]);
    }

    #[test]
    fn draws_are_gathered_item_by_item() {
        // Two passes over three items, the last of which is not wanted.
        let sure = [9.0, -9.0];
        let passes = [[sure, sure, [0.0; 2]], [sure, [-9.0, 9.0], [0.0; 2]]].map(|p| p.concat());
        let mean = [9.0, -9.0, 0.0, 0.5];
        let items =
            of_draws(&mean, &[0.0; 4], passes.iter().map(Vec::as_slice), 2, &Halvings::of(2));
        assert_eq!(items.class, [0, 1]);
        assert!(items.probabilities[0] > 0.999 && items.epistemic[0] < 1e-6);
        assert_eq!(items.probabilities[2..], [0.5, 0.5]);
        assert!(items.epistemic[1] > 0.69 && items.aleatoric[1] < 1e-5);
    }

    /// Of draws that agree with the moments, whatever these are given as.
    #[test]
    fn variances_of_differences_are_those_of_draws() {
        // Two logits at two equal nodes: means (0, 0) and (2, 1), or as one Gaussian.
        let passes = [[0.0f32, 0.0], [2.0, 1.0]];
        let (mean, variance) = ([1.0f32, 0.5], [2.0f32, 0.5]);
        let draws = passes.iter().map(<[f32; 2]>::as_slice);
        let sampled = of_draws(&mean, &variance, draws, 2, &Halvings::of(2));
        assert_eq!(sampled.difference, [0.5]);
        let of = |covariance: Option<&[f32]>| {
            let beside = Dependence { covariance, nodes: None };
            let draws = Draws { count: 10, seed: 0 };
            of_moments(&mean, &variance, &beside, 2, draws).difference
        };
        assert_eq!(of(Some(&[2.0, 1.0, 1.0, 0.5])), [0.5]);
        assert_eq!(of(None), [2.5]);
    }

    #[test]
    fn exact_logits_know_everything() {
        let items = of_logits(&[1.0, 0.0, 0.0, 3.0], 2);
        assert_eq!(items.class, [0, 1]);
        assert_eq!(items.epistemic, [0.0, 0.0]);
        assert_eq!(items.total, items.aleatoric);
    }

    /// The draws of each node alone, with their weights.
    #[test]
    fn a_mixture_is_the_mean_of_its_nodes() {
        let means: Vec<f32> = (0..9).map(|n| (n as f32 * 0.77).fract() * 3.0 - 1.5).collect();
        let variances = [0.1, 2.0, 30.0];
        let matrix = |v: f32| [v, 0.3 * v, 0.0, 0.3 * v, v, -0.2 * v, 0.0, -0.2 * v, v];
        let covariance: Vec<f32> = variances.into_iter().flat_map(matrix).collect();
        let beside = Dependence { covariance: Some(&covariance[..]), nodes: Some(&means[..]) };
        let (mean, variance) = ([0.0; 3], [1.0; 3]);
        let got = of_moments(&mean, &variance, &beside, 3, Draws { count: 30_000, seed: 3 });

        let (mut probabilities, mut aleatoric) = ([0.0; 3], 0.0);
        for (node, weight) in [1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0].into_iter().enumerate() {
            let beside = Dependence { covariance: Some(&covariance[node * 9..][..9]), nodes: None };
            let mean = &means[node * 3..][..3];
            let one = of_moments(mean, &[1.0; 3], &beside, 3, Draws { count: 40_000, seed: 8 });
            for (sum, p) in probabilities.iter_mut().zip(&one.probabilities) {
                *sum += weight * p;
            }
            aleatoric += weight * one.aleatoric[0];
        }
        let total: f32 = probabilities.iter().map(|p| -p * p.ln()).sum();
        let wanted = [&probabilities[..], &[total, aleatoric, total - aleatoric]].concat();
        let got =
            [&got.probabilities[..], &[got.total[0], got.aleatoric[0], got.epistemic[0]]].concat();
        for (got, wanted) in got.iter().zip(&wanted) {
            assert!((got - wanted).abs() < 0.01, "{got}, not {wanted}");
        }
    }

    /// Of one logit there are two classes, whatever is known beside.
    #[test]
    fn one_logit_with_a_covariance_is_that_of_a_label() {
        let beside = Dependence { covariance: Some(&[2.0f32][..]), nodes: None };
        let draws = Draws { count: 10, seed: 0 };
        let known = of_moments(&[0.5], &[2.0], &beside, 1, draws);
        assert_eq!(known, of_moments(&[0.5], &[2.0], &Dependence::default(), 1, draws));
        assert_eq!(known.probabilities.len(), 2);
    }

    #[test]
    fn items_have_draws_of_their_own_that_do_not_depend_on_the_batch() {
        let (mean, variance) = ([0.5, 0.0, 0.5, 0.0], [1.0; 4]);
        let both =
            of_moments(&mean, &variance, &Dependence::default(), 2, Draws { count: 50, seed: 3 });
        let second = of_moments(
            &mean[2..],
            &variance[2..],
            &Dependence::default(),
            2,
            Draws { count: 50, seed: 4 },
        );
        assert_eq!(both.probabilities[2..], second.probabilities);
        assert_ne!(both.probabilities[2..], both.probabilities[..2]);
    }
}
