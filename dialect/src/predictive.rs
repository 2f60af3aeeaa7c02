//! From Gaussian logits to what an application decides on.
//!
//! The formulas stand here once, over [`Tables`]: the reference interpreter runs
//! them on lists of `f64`, the lowering on a builder of `linalg.generic`.
//!
//! # Class probabilities
//!
//! With logits zₖ ~ N(mₖ, vₖ), independent, the class probabilities are
//! pₖ = E[softmax(z)ₖ], which has no closed form. There are three approximations:
//!
//! - [`Method::MeanField`]: qₖ/Σq with
//!   qₖ = 1/Σⱼ e^((mⱼ − mₖ)/√(1 + π/8·(vₖ + vⱼ))), where the term of k itself is 1. For
//!   two classes it is the approximation of MacKay 1992, "The evidence framework
//!   applied to classification networks"; for more the pairwise mean field of Lu, Ie,
//!   Sha 2020, arXiv:2006.07584, after Daunizeau 2017, arXiv:1703.00091.
//! - [`Method::Laplace`], the Laplace bridge: the Dirichlet distribution whose
//!   Laplace approximation in the softmax basis has these moments,
//!   αₖ = (1 − 2/C + eᵐᵏ/C²·Σⱼ e⁻ᵐʲ) / vₖ. Hobbhahn, Kristiadi, Hennig 2022, "Fast
//!   predictive uncertainty for classification with Bayesian deep networks". As
//!   there, the logits are first conditioned on a sum of zero:
//!   m ← m − v·Σm/Σv, v ← v − v²/Σv.
//! - [`Method::Sample`]: the mean over draws of the logits. Every item sees the same
//!   standard normal numbers, so they are constants: a seed gives the same draws on
//!   every target, and the noise of items that are compared is shared.
//!
//! Binary labels, each of a logit of its own, are in [`binary`].
//!
//! # Uncertainty
//!
//! The predictive entropy H(p), total, is the sum of the expected entropy
//! E[H(softmax(z))], aleatoric, and the mutual information of class and logits,
//! epistemic. In nats.
//!
//! - Mean field: to first order in v the mutual information is ½Σ pₖ(1 − pₖ)vₖ. With
//!   x twice that over H(p), `aleatoric = H(p)/√(1 + x)` has this slope at v = 0 and
//!   falls to 0 as v grows. For two classes of equal means it is the expected
//!   entropy of Houlsby et al. 2011, arXiv:1112.5745, whose constant π·ln 2/2 for
//!   probits is 4·ln 2 for logits.
//! - Laplace bridge: exact for the Dirichlet distribution; the module `laplace` has the
//!   formulas.
//! - Mixtures over the nodes of a shared scale, by any method: the weighted mean over the nodes, and how far apart their
//!   probabilities are is epistemic. Each node has its share of the draws.
//! - Samples: the mean of H over the draws, and the rest of H(p). Both are means that
//!   equal draws leave unchanged, so without a variance nothing is epistemic. The rest is
//!   a difference of entropies: in `f32` it is good to an absolute error.
//!
//! The closed forms do not subtract what is nearly equal: small probabilities and
//! uncertainties keep their digits.

pub mod binary;
mod information;
mod laplace;

use pfp_runtime::random::standard_normals;

use crate::moments::{Arithmetic, Elementary, Moments, mixture::rule};

pub use information::{
    digamma_rise, digamma_rise_reference, digamma_rise_slope, information, information_reference,
    information_slope,
};
pub use pfp_runtime::predictive::central_quantile;

/// Numbers that the head can be computed on.
pub trait Special: Elementary {
    /// g(a) = a(ψ(a + 1) − ln a) for a ≥ 0, ψ the digamma function: from 0 to ½.
    fn information(&mut self, a: Self::Value) -> Self::Value;
    /// ψ(a + 1) − ψ(1) for a from 0 to 1.
    fn digamma_rise(&mut self, a: Self::Value) -> Self::Value;
}

/// A number of the scalars of `R`.
pub type Number<R> = <<R as Tables>::Scalar as Arithmetic>::Value;

/// What the elements of a table are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Items of the batch.
    Items,
    /// Nodes of a mixture of Gaussian logits.
    Nodes,
    /// Draws of the logits.
    Draws,
    /// Parts of the mixture that stands for a logistic distribution.
    Parts,
    /// Classes, or binary labels.
    Classes,
    /// Classes that a class is compared with.
    Rivals,
}

impl Axis {
    /// Every axis, in the order of dimensions.
    pub const ALL: [Axis; 6] =
        [Axis::Items, Axis::Nodes, Axis::Draws, Axis::Parts, Axis::Classes, Axis::Rivals];
}

/// Tables along some of the axes.
pub trait Tables {
    /// The arithmetic of one element.
    type Scalar: Special;
    /// A table.
    type Table;

    /// How many classes, or binary labels, there are.
    fn classes(&self) -> usize;

    /// How many nodes of a mixture the logits are of; 1 where they are of none, and have no such axis.
    fn nodes(&self) -> usize;

    /// A table along [`Axis::Classes`] as one along [`Axis::Rivals`].
    fn rivals(&mut self, table: &Self::Table) -> Self::Table;

    /// A factor L of covariance matrices along [`Axis::Classes`] and [`Axis::Rivals`], whose diagonal is taken from
    /// `variance`: lower triangular, with L·Lᵀ the covariance, and rows whose squares sum to the
    /// variances whatever is rounded. Its entries are those of [`factor_entry`].
    fn factor(&mut self, covariance: &Self::Table, variance: &Self::Table) -> Self::Table;

    /// A table of literals along these axes, none of which is [`Axis::Items`].
    fn literal(&mut self, axes: &[Axis], values: Vec<f32>) -> Self::Table;

    /// A function of the elements at the same place; a table is the same along the axes
    /// that it lacks. The result has every axis of an input.
    fn map<const N: usize>(
        &mut self,
        inputs: [&Self::Table; N],
        f: impl Fn(&mut Self::Scalar, [Number<Self>; N]) -> Number<Self>,
    ) -> Self::Table;

    /// Combines the elements along an axis of an input in their order, starting with
    /// `initial`. The result has every other axis of an input.
    fn fold<const N: usize>(
        &mut self,
        axis: Axis,
        initial: f64,
        inputs: [&Self::Table; N],
        f: impl Fn(&mut Self::Scalar, Number<Self>, [Number<Self>; N]) -> Number<Self>,
    ) -> Self::Table;
}

/// How the expectation over Gaussian logits is approximated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Differences of logits shrunk by their deviation.
    MeanField,
    /// The Laplace bridge to a Dirichlet distribution.
    Laplace,
    /// Draws of the logits.
    Sample(Sampling),
}

impl Method {
    /// The method with a node's share of the draws, of so many nodes.
    #[must_use]
    pub fn shared(self, nodes: usize) -> Self {
        match self {
            Method::Sample(Sampling { draws, seed }) => {
                let nodes = u32::try_from(nodes).unwrap_or(1).max(1);
                Method::Sample(Sampling { draws: draws.div_ceil(nodes), seed })
            }
            other => other,
        }
    }
}

/// Draws of the logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// How many, from 1 to [`MAX_DRAWS`].
    pub draws: u32,
    /// What the draws depend on.
    pub seed: u64,
}

/// The most draws of the logits: the standard normal numbers are part of an object.
pub const MAX_DRAWS: u32 = 1 << 16;

/// The most numbers that the logits are drawn with, one for each draw and class: 256 MiB.
pub const MAX_DRAWN: i64 = 1 << 26;

impl Method {
    /// Its name in the attribute `method`.
    pub fn name(self) -> &'static str {
        match self {
            Method::MeanField => "mean-field",
            Method::Laplace => "laplace",
            Method::Sample(_) => "sample",
        }
    }
}

impl Sampling {
    /// Standard normal numbers, the classes of each draw together: those of
    /// `pfp_runtime::predictive::decompose` for the same draws and seed.
    pub fn normals(&self, classes: usize) -> Vec<f32> {
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        let of_draw = |draw| {
            let blocks = 0..classes.div_ceil(4) as u32;
            let numbers = blocks.flat_map(move |block| standard_normals([block, draw, 0, 0], key));
            numbers.take(classes)
        };
        (0..self.draws).flat_map(of_draw).collect()
    }
}

/// The decomposition of the predictive entropy, in nats.
#[derive(Debug, Clone)]
pub struct Uncertainty<T> {
    /// Predictive entropy.
    pub total: T,
    /// Expected entropy: the noise of the data.
    pub aleatoric: T,
    /// Mutual information of class and logits: what the model does not know.
    pub epistemic: T,
}

/// The decision on an item that is ambiguous: its aleatoric uncertainty is above
/// the threshold. An accepted item has the number of its class, from 0.
pub const AMBIGUOUS: f64 = -1.0;

/// The decision on an item that the network does not know: its epistemic
/// uncertainty is above the threshold, or not a number.
pub const UNKNOWN: f64 = -2.0;

/// From here on a share is most of what it is a share of, and the others are known better
/// than by their distance from 1.
const MOST: f64 = 0.75;

/// What stands for 0 in a logarithm and a divisor: a normal number in `f32`.
const TINY: f64 = 1e-37;

/// Differences of logits beyond count as this, which is finite in `f32`.
const LARGEST_DIFFERENCE: f64 = 1e37;

/// Up to here 1 + x is finite in `f32` with a factor to spare.
const LARGEST_RATIO: f64 = 1e30;

/// Class probabilities and their uncertainty.
#[derive(Debug, Clone)]
pub struct Prediction<T> {
    /// Of each class.
    pub probabilities: T,
    /// Of each item.
    pub uncertainty: Uncertainty<T>,
}

/// Class probabilities and uncertainty of Gaussian logits by `method`, with what is known of their covariance
/// matrices. Deterministic ones have their softmax, and no epistemic uncertainty.
pub fn predict<R: Tables>(
    r: &mut R,
    method: Method,
    logits: &Moments<R::Table>,
    covariance: Option<&R::Table>,
) -> Prediction<R::Table> {
    let of_nodes = predict_nodes(r, method.shared(r.nodes()), logits, covariance);
    mixture(r, of_nodes)
}

/// The prediction of a mixture: weighted means of the probabilities and of what is aleatoric and epistemic at each
/// node, and with what is epistemic how far apart the nodes are, Σₖ wₖ Σ pₖ ln(pₖ/p).
fn mixture<R: Tables>(r: &mut R, nodes: Prediction<R::Table>) -> Prediction<R::Table> {
    let Some(rule) = i64::try_from(r.nodes()).ok().and_then(rule) else { return nodes };
    let weights = rule.iter().map(|&(_, weight)| weight as f32).collect();
    let weights = r.literal(&[Axis::Nodes], weights);
    let mut mean = |x: &R::Table| {
        r.fold(Axis::Nodes, 0.0, [x, &weights], |a, sum, [x, weight]| a.fma(x, weight, sum))
    };
    let Prediction { probabilities: each, uncertainty } = nodes;
    let probabilities = mean(&each);
    let [aleatoric, within] = [&uncertainty.aleatoric, &uncertainty.epistemic].map(&mut mean);
    let apart = r.fold(Axis::Classes, 0.0, [&each, &probabilities], |a, sum, [one, all]| {
        let (tiny, zero) = (a.constant(TINY), a.constant(0.0));
        let bounded = [one, all].map(|p| a.max(p, tiny));
        let [one_bounded, all_bounded] = bounded;
        let ratio = a.div(one_bounded, all_bounded);
        let logarithm = a.ln(ratio);
        let term = a.mul(one, logarithm);
        let term = a.select_ge(one, tiny, term, zero);
        a.add(sum, term)
    });
    let apart =
        r.fold(Axis::Nodes, 0.0, [&apart, &weights], |a, sum, [x, weight]| a.fma(x, weight, sum));
    let epistemic = r.map([&within, &apart], |a, [within, apart]| {
        let zero = a.constant(0.0);
        let apart = a.max(apart, zero);
        a.add(within, apart)
    });
    let total =
        r.map([&aleatoric, &epistemic], |a, [aleatoric, epistemic]| a.add(aleatoric, epistemic));
    Prediction { probabilities, uncertainty: Uncertainty { total, aleatoric, epistemic } }
}

fn predict_nodes<R: Tables>(
    r: &mut R,
    method: Method,
    logits: &Moments<R::Table>,
    covariance: Option<&R::Table>,
) -> Prediction<R::Table> {
    let Some(variance) = &logits.variance else {
        return certain(r, &logits.mean);
    };
    match (method, covariance) {
        (Method::MeanField, _) => mean_field(r, &logits.mean, variance, covariance),
        (Method::Laplace, None) => laplace::bridge(r, &logits.mean, variance).predict(r),
        (Method::Laplace, Some(covariance)) => {
            laplace::correlated_bridge(r, &logits.mean, variance, covariance).predict(r)
        }
        (Method::Sample(sampling), None) => sampled(r, sampling, &logits.mean, variance),
        (Method::Sample(sampling), Some(covariance)) => {
            sampled_together(r, sampling, &logits.mean, variance, covariance)
        }
    }
}

/// An entry below the diagonal of a factor, and what is left of its row's variance: the covariance that is
/// not yet factored over the deviation `pivot` of its column, at most what the row has left, so that the
/// squares of a row sum to its variance. 0 where the pivot is.
pub fn factor_entry<A: Arithmetic>(
    a: &mut A,
    covariance: A::Value,
    pivot: A::Value,
    rest: A::Value,
) -> Moments<A::Value> {
    let zero = a.constant(0.0);
    let most = a.sqrt(rest);
    let least = a.negate(most);
    let entry = a.div(covariance, pivot);
    // What is not a number, of two zeros, becomes the least.
    let entry = a.select_ge(entry, least, entry, least);
    let entry = a.min_or(entry, most);
    let entry = a.select_ge(zero, pivot, zero, entry);
    let left = a.negated_fma(entry, entry, rest);
    let left = a.max(left, zero);
    Moments::gaussian(entry, left)
}

fn certain<R: Tables>(r: &mut R, logits: &R::Table) -> Prediction<R::Table> {
    let probabilities = softmax(r, logits);
    let total = entropy(r, &probabilities);
    let aleatoric = r.map([&total], |_, [total]| total);
    // What is not a number stays.
    let epistemic = r.map([&total], |a, [total]| a.sub(total, total));
    Prediction { probabilities, uncertainty: Uncertainty { total, aleatoric, epistemic } }
}

/// The number of the class with the largest probability, the first among equals,
/// or [`AMBIGUOUS`] or [`UNKNOWN`] where an uncertainty is above its threshold.
/// Without a threshold an uncertainty may be anything but not a number.
pub fn decide<R: Tables>(
    r: &mut R,
    probabilities: &R::Table,
    aleatoric: &R::Table,
    epistemic: &R::Table,
    thresholds: Thresholds,
) -> R::Table {
    let classes = r.classes() as f64;
    let numbers = (0..r.classes()).map(|number| number as f32).collect();
    let numbers = r.literal(&[Axis::Classes], numbers);
    let largest = largest(r, probabilities);
    let class = r.fold(
        Axis::Classes,
        classes,
        [probabilities, &largest, &numbers],
        move |a, best, [p, largest, number]| {
            let none = a.constant(classes);
            let candidate = a.select_ge(p, largest, number, none);
            a.min_or(candidate, best)
        },
    );
    let total = r.fold(Axis::Classes, 0.0, [probabilities], |a, sum, [p]| a.add(sum, p));
    r.map([&class, &total, aleatoric, epistemic], move |a, [class, total, aleatoric, epistemic]| {
        rejected(a, class, total, [aleatoric, epistemic], thresholds)
    })
}

/// The decision `class`, or a code where an uncertainty, aleatoric or epistemic, is above its
/// threshold or something is not a number, `probability` included.
fn rejected<A: Arithmetic>(
    a: &mut A,
    class: A::Value,
    probability: A::Value,
    [aleatoric, epistemic]: [A::Value; 2],
    thresholds: Thresholds,
) -> A::Value {
    let [ambiguous, unknown, zero] = [AMBIGUOUS, UNKNOWN, 0.0].map(|x| a.constant(x));
    let [most_aleatoric, most_epistemic] = [thresholds.aleatoric, thresholds.epistemic]
        .map(|threshold| a.constant(threshold.unwrap_or(f64::INFINITY)));
    let accepted = a.select_ge(most_aleatoric, aleatoric, class, ambiguous);
    let known = a.select_ge(most_epistemic, epistemic, accepted, unknown);
    let is_sound = a.select_ge(aleatoric, zero, known, unknown);
    a.select_ge(probability, zero, is_sound, unknown)
}

/// Above which uncertainty an item is rejected, in nats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// The largest epistemic uncertainty of what is known.
    pub epistemic: Option<f64>,
    /// The largest aleatoric uncertainty of what is not ambiguous.
    pub aleatoric: Option<f64>,
}

/// An end of the central interval that holds an observation x + ε with the coverage
/// of `quantile`, ε ~ N(0, noise): `mean + side·quantile·√(variance + noise)`, with
/// `side` −1 for the lower and 1 for the upper end.
pub fn interval_end<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    side: A::Value,
    quantile: f64,
    noise: f64,
) -> A::Value {
    let noise = a.constant(noise);
    let variance = match x.variance {
        Some(variance) => a.add(variance, noise),
        None => noise,
    };
    let deviation = a.sqrt(variance);
    let quantile = a.constant(quantile);
    let half = a.mul(deviation, quantile);
    a.fma(side, half, x.mean)
}

fn largest<R: Tables>(r: &mut R, x: &R::Table) -> R::Table {
    r.fold(Axis::Classes, f64::NEG_INFINITY, [x], |a, largest, [x]| a.max(largest, x))
}

fn sum<R: Tables>(r: &mut R, x: &R::Table) -> R::Table {
    r.fold(Axis::Classes, 0.0, [x], |a, sum, [x]| a.add(sum, x))
}

/// eᶻ/Σe^z; the largest logit is subtracted first, so no exponential overflows.
fn softmax<R: Tables>(r: &mut R, logits: &R::Table) -> R::Table {
    let largest = largest(r, logits);
    let powers = r.map([logits, &largest], |a, [z, largest]| {
        let below = a.sub(z, largest);
        a.exp(below)
    });
    normalised(r, &powers)
}

fn normalised<R: Tables>(r: &mut R, x: &R::Table) -> R::Table {
    let sum = sum(r, x);
    r.map([x, &sum], |a, [x, sum]| a.div(x, sum))
}

fn mean_field<R: Tables>(
    r: &mut R,
    mean: &R::Table,
    variance: &R::Table,
    covariance: Option<&R::Table>,
) -> Prediction<R::Table> {
    if let Some(covariance) = covariance {
        return mean_field_of_differences(r, mean, variance, covariance);
    }
    let (rival_mean, rival_variance) = (r.rivals(mean), r.rivals(variance));
    let shrunk = |a: &mut R::Scalar, [m, v, rival_m, rival_v]: [_; 4]| {
        let (factor, one) = (a.constant(std::f64::consts::FRAC_PI_8), a.constant(1.0));
        // Apart: the sum of the variances may overflow.
        let square = a.fma(v, factor, one);
        let square = a.fma(rival_v, factor, square);
        let root = a.sqrt(square);
        let difference = a.sub(rival_m, m);
        let difference = bounded(a, difference);
        a.div(difference, root)
    };
    let inputs = [mean, variance, &rival_mean, &rival_variance];
    // How far the strongest rival is ahead; 0 of the strongest itself.
    let lead = r.fold(Axis::Rivals, 0.0, inputs, move |a, lead, inputs| {
        let difference = shrunk(a, inputs);
        // Not a number where an operand is not.
        a.select_ge(lead, difference, lead, difference)
    });
    let inputs = [mean, variance, &rival_mean, &rival_variance, &lead];
    let sum = r.fold(Axis::Rivals, 0.0, inputs, move |a, sum, [m, v, rival_m, rival_v, lead]| {
        let difference = shrunk(a, [m, v, rival_m, rival_v]);
        let below = a.sub(difference, lead);
        let power = a.exp(below);
        a.add(sum, power)
    });
    let probabilities = of_odds(r, &lead, &sum);
    let rest = others(r, &probabilities);
    let inputs = [&probabilities, &rest, variance];
    let spread = r.fold(Axis::Classes, 0.0, inputs, |a, sum, [p, rest, v]| {
        let weighted = a.mul(p, v);
        a.fma(weighted, rest, sum)
    });
    let uncertainty = shrunk_entropy(r, &probabilities, &spread);
    Prediction { probabilities, uncertainty }
}

/// Probabilities that are to each other as qₖ = e^(−lead)/sum, which does not overflow.
fn of_odds<R: Tables>(r: &mut R, lead: &R::Table, sum: &R::Table) -> R::Table {
    let odds = r.map([lead, sum], |a, [lead, sum]| {
        let zero = a.constant(0.0);
        let behind = a.sub(zero, lead);
        let power = a.exp(behind);
        a.div(power, sum)
    });
    normalised(r, &odds)
}

/// The mean field of correlated logits: by the variances of their differences, vₖ + vⱼ − 2cₖⱼ.
fn mean_field_of_differences<R: Tables>(
    r: &mut R,
    mean: &R::Table,
    variance: &R::Table,
    covariance: &R::Table,
) -> Prediction<R::Table> {
    let (rival_mean, rival_variance) = (r.rivals(mean), r.rivals(variance));
    let inputs = [mean, &rival_mean, variance, &rival_variance, covariance];
    let differences = r.map(inputs, |a, [m, rival_m, v, rival_v, covariance]| {
        let one = a.constant(1.0);
        let factor = a.constant(std::f64::consts::FRAC_PI_8);
        let twice = a.constant(std::f64::consts::FRAC_PI_4);
        // Apart: the sum of the variances may overflow.
        let square = a.fma(v, factor, one);
        let square = a.negated_fma(covariance, twice, square);
        let square = a.fma(rival_v, factor, square);
        let square = a.max(square, one);
        let root = a.sqrt(square);
        let difference = a.sub(rival_m, m);
        let difference = bounded(a, difference);
        a.div(difference, root)
    });
    let lead = r.fold(Axis::Rivals, 0.0, [&differences], |a, lead, [difference]| {
        // Not a number where an operand is not.
        a.select_ge(lead, difference, lead, difference)
    });
    let sum = r.fold(Axis::Rivals, 0.0, [&differences, &lead], |a, sum, [difference, lead]| {
        let below = a.sub(difference, lead);
        let power = a.exp(below);
        a.add(sum, power)
    });
    let probabilities = of_odds(r, &lead, &sum);
    // ½Σ pₖpⱼ·Var(zₖ − zⱼ), which is Σ pₖ(1 − pₖ)vₖ where nothing is shared.
    let rival = r.rivals(&probabilities);
    let inputs = [&rival, variance, &rival_variance, covariance];
    let apart = r.fold(Axis::Rivals, 0.0, inputs, |a, sum, [p, v, rival_v, covariance]| {
        let [zero, half] = [0.0, 0.5].map(|x| a.constant(x));
        let (v, rival_v) = (a.mul(v, half), a.mul(rival_v, half));
        let distance = a.sub(v, covariance);
        let distance = a.add(distance, rival_v);
        let distance = a.max(distance, zero);
        a.fma(p, distance, sum)
    });
    let spread = r.fold(Axis::Classes, 0.0, [&probabilities, &apart], |a, sum, [p, apart]| {
        a.fma(p, apart, sum)
    });
    let uncertainty = shrunk_entropy(r, &probabilities, &spread);
    Prediction { probabilities, uncertainty }
}

/// The mean over draws of correlated logits m + L·ε, with a factor L of their covariances.
fn sampled_together<R: Tables>(
    r: &mut R,
    sampling: Sampling,
    mean: &R::Table,
    variance: &R::Table,
    covariance: &R::Table,
) -> Prediction<R::Table> {
    let factor = r.factor(covariance, variance);
    let normals = normals(r, sampling);
    let normals = r.rivals(&normals);
    let deviations =
        r.fold(Axis::Rivals, 0.0, [&factor, &normals], |a, sum, [factor, z]| a.fma(factor, z, sum));
    let one = r.literal(&[Axis::Classes], vec![1.0; r.classes()]);
    mean_of_draws(r, sampling, [mean, &one, &deviations])
}

/// The standard normal numbers of all draws.
fn normals<R: Tables>(r: &mut R, sampling: Sampling) -> R::Table {
    let normals = sampling.normals(r.classes());
    r.literal(&[Axis::Draws, Axis::Classes], normals)
}

fn sampled<R: Tables>(
    r: &mut R,
    sampling: Sampling,
    mean: &R::Table,
    variance: &R::Table,
) -> Prediction<R::Table> {
    let normals = normals(r, sampling);
    let deviation = r.map([variance], |a, [v]| a.sqrt(v));
    mean_of_draws(r, sampling, [mean, &deviation, &normals])
}

/// The mean over draws of the logits m + d·z.
fn mean_of_draws<R: Tables>(
    r: &mut R,
    sampling: Sampling,
    [m, d, z]: [&R::Table; 3],
) -> Prediction<R::Table> {
    let weights = (1..=sampling.draws).map(|draw| 1.0 / draw as f32).collect();
    let weights = r.literal(&[Axis::Draws], weights);
    // The logits are computed where they are needed: there are as many as draws.
    let largest = r.fold(Axis::Classes, f64::NEG_INFINITY, [m, d, z], |a, largest, [m, d, z]| {
        let logit = a.fma(d, z, m);
        a.max(largest, logit)
    });
    let power = |a: &mut R::Scalar, [m, d, z, largest]: [_; 4]| {
        let logit = a.fma(d, z, m);
        let below = a.sub(logit, largest);
        a.exp(below)
    };
    let sum = r.fold(Axis::Classes, 0.0, [m, d, z, &largest], move |a, sum, logit| {
        let power = power(a, logit);
        a.add(sum, power)
    });
    let inverse = r.map([&sum], |a, [sum]| {
        let one = a.constant(1.0);
        a.div(one, sum)
    });
    let probability = move |a: &mut R::Scalar, [m, d, z, largest, inverse]: [_; 5]| {
        let power = power(a, [m, d, z, largest]);
        a.mul(power, inverse)
    };
    // Running means: equal draws leave them as they are.
    let towards = |a: &mut R::Scalar, mean, value, weight| {
        let difference = a.sub(value, mean);
        a.fma(difference, weight, mean)
    };
    let inputs = [m, d, z, &largest, &inverse, &weights];
    let probabilities = r.fold(Axis::Draws, 0.0, inputs, move |a, mean, inputs| {
        let [m, d, z, largest, inverse, weight] = inputs;
        let p = probability(a, [m, d, z, largest, inverse]);
        towards(a, mean, p, weight)
    });
    let inputs = [m, d, z, &largest, &inverse];
    let entropies = r.fold(Axis::Classes, 0.0, inputs, move |a, sum, inputs| {
        let p = probability(a, inputs);
        minus_p_ln_p(a, p, sum)
    });
    let expected = r.fold(Axis::Draws, 0.0, [&entropies, &weights], move |a, mean, inputs| {
        let [entropy, weight] = inputs;
        towards(a, mean, entropy, weight)
    });
    // As that of a draw, so that equal draws have no more in common than each.
    let total = r.fold(Axis::Classes, 0.0, [&probabilities], |a, sum, [p]| minus_p_ln_p(a, p, sum));
    let total = r.map([&total], |a, [total]| not_negative(a, total));
    // Jensen's inequality makes it the smaller one; the minimum removes what rounding leaves.
    let aleatoric = r.map([&expected, &total], |a, [expected, total]| {
        let expected = not_negative(a, expected);
        a.min_or(expected, total)
    });
    let epistemic = r.map([&total, &aleatoric], |a, [total, part]| a.sub(total, part));
    Prediction { probabilities, uncertainty: Uncertainty { total, aleatoric, epistemic } }
}

/// The entropy of a distribution, with 0·ln 0 = 0. What all but one class share of a
/// probability near 1 counts with all its digits.
fn entropy<R: Tables>(r: &mut R, p: &R::Table) -> R::Table {
    let rest = others(r, p);
    let entropy = r.fold(Axis::Classes, 0.0, [p, &rest], |a, sum, [p, rest]| {
        let few = minus_p_ln_p(a, p, sum);
        let surprise = surprise_of_most(a, p, rest);
        let most = a.fma(p, surprise, sum);
        let bound = a.constant(MOST);
        a.select_ge(p, bound, most, few)
    });
    r.map([&entropy], |a, [entropy]| not_negative(a, entropy))
}

/// The sum of the others, for each of some numbers that are not negative: their own sum
/// where one of them is most of it, instead of a difference.
fn others<R: Tables>(r: &mut R, x: &R::Table) -> R::Table {
    let all = sum(r, x);
    let is_most = |a: &mut R::Scalar, x, all, then, otherwise| {
        let share = a.constant(MOST);
        let bound = a.mul(all, share);
        a.select_ge(x, bound, then, otherwise)
    };
    let few = r.fold(Axis::Classes, 0.0, [x, &all], move |a, sum, [x, all]| {
        let more = a.add(sum, x);
        is_most(a, x, all, sum, more)
    });
    r.map([x, &all, &few], move |a, [x, all, few]| {
        let rest = a.sub(all, x);
        is_most(a, x, all, few, rest)
    })
}

/// −ln p of a p near 1, from a `rest` = 1 − p that has more digits: `rest` times
/// −ln p/(1 − p), which hardly depends on how p is rounded.
fn surprise_of_most<A: Special>(a: &mut A, p: A::Value, rest: A::Value) -> A::Value {
    let (zero, one) = (a.constant(0.0), a.constant(1.0));
    let gap = a.sub(p, one);
    let ln = a.ln(p);
    let slope = a.div(ln, gap);
    // Where p was rounded to 1, 0/0.
    let slope = a.select_ge(gap, zero, one, slope);
    a.mul(rest, slope)
}

/// `sum − p ln p`, to an absolute error.
fn minus_p_ln_p<A: Special>(a: &mut A, p: A::Value, sum: A::Value) -> A::Value {
    let tiny = a.constant(TINY);
    let positive = a.max(p, tiny);
    let ln = a.ln(positive);
    a.negated_fma(p, ln, sum)
}

/// 0 where a number is negative from rounding. What is not a number stays.
fn not_negative<A: Arithmetic>(a: &mut A, x: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    a.select_ge(zero, x, zero, x)
}

/// The uncertainty of the mean-field approximation, where twice the mutual information is `spread` to first
/// order.
fn shrunk_entropy<R: Tables>(r: &mut R, p: &R::Table, spread: &R::Table) -> Uncertainty<R::Table> {
    let total = entropy(r, p);
    let ratio = r.map([spread, &total], |a, [spread, total]| {
        let (tiny, largest) = (a.constant(TINY), a.constant(LARGEST_RATIO));
        let divisor = a.max(total, tiny);
        let ratio = a.div(spread, divisor);
        let ratio = a.min_or(ratio, largest);
        not_negative(a, ratio)
    });
    let root = |a: &mut R::Scalar, x| {
        let one = a.constant(1.0);
        let square = a.add(x, one);
        (square, a.sqrt(square))
    };
    let aleatoric = r.map([&total, &ratio], move |a, [total, x]| {
        let (_, root) = root(a, x);
        a.div(total, root)
    });
    // total·(1 − 1/√(1 + x)), without a difference.
    let epistemic = r.map([&total, &ratio], move |a, [total, x]| {
        let (square, root) = root(a, x);
        let divisor = a.add(square, root);
        let share = a.div(x, divisor);
        a.mul(total, share)
    });
    Uncertainty { total, aleatoric, epistemic }
}

/// A number between ±[`LARGEST_DIFFERENCE`]; what is not a number stays.
fn bounded<A: Arithmetic>(a: &mut A, x: A::Value) -> A::Value {
    let x = at_most(a, x, LARGEST_DIFFERENCE);
    at_least(a, x, -LARGEST_DIFFERENCE)
}

/// The smaller of a number and a constant; what is not a number stays.
fn at_most<A: Arithmetic>(a: &mut A, x: A::Value, most: f64) -> A::Value {
    let most = a.constant(most);
    a.select_ge(x, most, most, x)
}

/// The larger of a number and a constant; what is not a number stays.
fn at_least<A: Arithmetic>(a: &mut A, x: A::Value, least: f64) -> A::Value {
    let least = a.constant(least);
    a.select_ge(least, x, least, x)
}
