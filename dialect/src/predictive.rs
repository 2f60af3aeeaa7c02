//! From Gaussian logits to what an application decides on.
//!
//! The formulas stand here once, over [`Rows`]: the reference interpreter runs
//! them on lists of `f64`, the lowering on a builder of `linalg.generic`. A row
//! holds one item, a number for each of its C classes.
//!
//! # Class probabilities
//!
//! With logits zₖ ~ N(mₖ, vₖ), independent, the class probabilities are
//! pₖ = E[softmax(z)ₖ], which has no closed form. There are two approximations:
//!
//! - [`Method::MeanField`]: softmax(mₖ / √(1 + π/8·vₖ)). MacKay 1992, "The
//!   evidence framework applied to classification networks"; for several classes
//!   Lu, Ie, Sha 2020, arXiv:2006.07584.
//! - [`Method::Laplace`], the Laplace bridge: the Dirichlet distribution whose
//!   Laplace approximation in the softmax basis has these moments,
//!   αₖ = (1 − 2/C + eᵐᵏ/C²·Σⱼ e⁻ᵐʲ) / vₖ. Hobbhahn, Kristiadi, Hennig 2022, "Fast
//!   predictive uncertainty for classification with Bayesian deep networks". As
//!   there, the logits are first conditioned on a sum of zero:
//!   m ← m − v·Σm/Σv, v ← v − v²/Σv.
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
//! - Laplace bridge: exact for the Dirichlet distribution. With α₀ = Σα and
//!   g(x) = x(ψ(x + 1) − ln x), `epistemic = (Σₖ g(αₖ) − g(α₀))/α₀`, where no term is
//!   infinite for large α and their difference does not vanish.
//!
//! Neither subtracts two entropies: a small epistemic uncertainty keeps its digits.

mod information;

use crate::moments::{Arithmetic, Moments};

pub use information::{information, information_reference};

/// Numbers that the head can be computed on.
pub trait Elementary: Arithmetic {
    /// eᵃ.
    fn exp(&mut self, a: Self::Value) -> Self::Value;
    /// ln a.
    fn ln(&mut self, a: Self::Value) -> Self::Value;
    /// g(a) = a(ψ(a + 1) − ln a) for a ≥ 0, ψ the digamma function: from 0 to ½.
    fn information(&mut self, a: Self::Value) -> Self::Value;
}

/// A number of the scalars of `R`.
pub type Number<R> = <<R as Rows>::Scalar as Arithmetic>::Value;

/// Tables of one row per item: wide ones hold a number for each class, narrow
/// ones a single number.
pub trait Rows {
    /// The arithmetic of one element.
    type Scalar: Elementary;
    /// A table.
    type Row;

    /// How many classes there are.
    fn classes(&self) -> usize;

    /// The number of each class, from 0: a wide table.
    fn numbers(&mut self) -> Self::Row;

    /// A function of the elements at the same place; those of a narrow table are the
    /// same for all classes. Narrow where all inputs are.
    fn map<const N: usize>(
        &mut self,
        inputs: [&Self::Row; N],
        f: impl Fn(&mut Self::Scalar, [Number<Self>; N]) -> Number<Self>,
    ) -> Self::Row;

    /// Combines the classes of each item from the first to the last, starting with
    /// `initial`: a narrow table. At least one input is wide.
    fn fold<const N: usize>(
        &mut self,
        initial: f64,
        inputs: [&Self::Row; N],
        f: impl Fn(&mut Self::Scalar, Number<Self>, [Number<Self>; N]) -> Number<Self>,
    ) -> Self::Row;
}

/// How the expectation over Gaussian logits is approximated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Logits shrunk by their deviation.
    MeanField,
    /// The Laplace bridge to a Dirichlet distribution.
    Laplace,
}

impl Method {
    /// Every method with its name in attributes and command lines.
    pub const ALL: [(&str, Method); 2] =
        [("mean-field", Method::MeanField), ("laplace", Method::Laplace)];

    /// The method of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, method)| method)
    }

    /// Its name in attributes and command lines.
    pub fn name(self) -> &'static str {
        match self {
            Method::MeanField => "mean-field",
            Method::Laplace => "laplace",
        }
    }
}

/// The decomposition of the predictive entropy, each a narrow table, in nats.
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

/// Below this, a variance of the Laplace bridge counts as this.
const LEAST_VARIANCE: f64 = 1e-30;

/// Concentrations α₀ of the Dirichlet distribution outside of this range count as its
/// ends: beyond them the mutual information is all or nothing of the entropy.
const LEAST_CONCENTRATION: f64 = 1e-20;
const LARGEST_CONCENTRATION: f64 = 1e30;

/// What stands for 0 in a logarithm and a divisor: a normal number in `f32`.
const TINY: f64 = 1e-37;

/// Up to here 1 + x is finite in `f32` with a factor to spare.
const LARGEST_RATIO: f64 = 1e30;

/// Class probabilities of Gaussian logits by `method`; of deterministic ones the
/// softmax.
pub fn probabilities<R: Rows>(r: &mut R, method: Method, logits: &Moments<R::Row>) -> R::Row {
    match variance(r, logits) {
        None => softmax(r, &logits.mean),
        Some(v) => match method {
            Method::MeanField => mean_field(r, &logits.mean, v),
            Method::Laplace => Dirichlet::bridge(r, &logits.mean, v).mean(r),
        },
    }
}

/// The uncertainty of Gaussian logits by `method`; of deterministic ones it is all
/// aleatoric.
pub fn uncertainty<R: Rows>(
    r: &mut R,
    method: Method,
    logits: &Moments<R::Row>,
) -> Uncertainty<R::Row> {
    let Some(v) = variance(r, logits) else {
        let p = softmax(r, &logits.mean);
        let total = entropy(r, &p);
        let aleatoric = r.map([&total], |_, [total]| total);
        // What is not a number stays.
        let epistemic = r.map([&total], |a, [total]| a.sub(total, total));
        return Uncertainty { total, aleatoric, epistemic };
    };
    match method {
        Method::MeanField => {
            let p = mean_field(r, &logits.mean, v);
            shrunk_entropy(r, &p, v)
        }
        Method::Laplace => Dirichlet::bridge(r, &logits.mean, v).uncertainty(r),
    }
}

/// The variances of logits; none where one class is certain whatever they are.
fn variance<'a, R: Rows>(r: &R, logits: &'a Moments<R::Row>) -> Option<&'a R::Row> {
    logits.variance.as_ref().filter(|_| r.classes() > 1)
}

/// The number of the class with the largest probability, the first among equals,
/// or [`AMBIGUOUS`] or [`UNKNOWN`] where an uncertainty is above its threshold.
/// Without a threshold an uncertainty may be anything but not a number.
pub fn decide<R: Rows>(
    r: &mut R,
    probabilities: &R::Row,
    aleatoric: &R::Row,
    epistemic: &R::Row,
    thresholds: Thresholds,
) -> R::Row {
    let classes = r.classes() as f64;
    let numbers = r.numbers();
    let largest = largest(r, probabilities);
    let class = r.fold(
        classes,
        [probabilities, &largest, &numbers],
        move |a, best, [p, largest, number]| {
            let none = a.constant(classes);
            let candidate = a.select_ge(p, largest, number, none);
            a.min_or(candidate, best)
        },
    );
    let total = r.fold(0.0, [probabilities], |a, sum, [p]| a.add(sum, p));
    let at_most = |threshold: Option<f64>| threshold.unwrap_or(f64::INFINITY);
    let limits = [at_most(thresholds.aleatoric), at_most(thresholds.epistemic)];
    r.map([&class, &total, aleatoric, epistemic], move |a, [class, total, aleatoric, epistemic]| {
        let [ambiguous, unknown, zero] = [AMBIGUOUS, UNKNOWN, 0.0].map(|x| a.constant(x));
        let [most_aleatoric, most_epistemic] = limits.map(|x| a.constant(x));
        let accepted = a.select_ge(most_aleatoric, aleatoric, class, ambiguous);
        let known = a.select_ge(most_epistemic, epistemic, accepted, unknown);
        let is_sound = a.select_ge(aleatoric, zero, known, unknown);
        a.select_ge(total, zero, is_sound, unknown)
    })
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

/// z with Φ(z) − Φ(−z) = `coverage`, for a coverage between 0 and 1, to 1e-14.
pub fn central_quantile(coverage: f64) -> f64 {
    // The complement loses nothing for coverages near 1, which end in zeros there.
    let outside = 1.0 - coverage;
    let outside_of = |z: f64| libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
    let (mut low, mut high) = (0.0, 40.0);
    // Bisection to the last bit of a number below 40.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        match outside_of(middle) > outside {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

fn largest<R: Rows>(r: &mut R, x: &R::Row) -> R::Row {
    r.fold(f64::NEG_INFINITY, [x], |a, largest, [x]| a.max(largest, x))
}

fn sum<R: Rows>(r: &mut R, x: &R::Row) -> R::Row {
    r.fold(0.0, [x], |a, sum, [x]| a.add(sum, x))
}

/// eᶻ/Σe^z; the largest logit is subtracted first, so no exponential overflows.
fn softmax<R: Rows>(r: &mut R, logits: &R::Row) -> R::Row {
    let largest = largest(r, logits);
    let powers = r.map([logits, &largest], |a, [z, largest]| {
        let below = a.sub(z, largest);
        a.exp(below)
    });
    normalised(r, &powers)
}

fn normalised<R: Rows>(r: &mut R, x: &R::Row) -> R::Row {
    let sum = sum(r, x);
    r.map([x, &sum], |a, [x, sum]| a.div(x, sum))
}

fn mean_field<R: Rows>(r: &mut R, mean: &R::Row, variance: &R::Row) -> R::Row {
    let shrunk = r.map([mean, variance], |a, [m, v]| {
        let (factor, one) = (a.constant(std::f64::consts::FRAC_PI_8), a.constant(1.0));
        let square = a.fma(v, factor, one);
        let root = a.sqrt(square);
        a.div(m, root)
    });
    softmax(r, &shrunk)
}

/// −Σ p ln p, with 0·ln 0 = 0.
fn entropy<R: Rows>(r: &mut R, p: &R::Row) -> R::Row {
    let entropy = r.fold(0.0, [p], |a, sum, [p]| {
        let tiny = a.constant(TINY);
        let positive = a.max(p, tiny);
        let ln = a.ln(positive);
        a.negated_fma(p, ln, sum)
    });
    r.map([&entropy], |a, [entropy]| not_negative(a, entropy))
}

/// 0 where a number is negative from rounding. What is not a number stays.
fn not_negative<A: Arithmetic>(a: &mut A, x: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    a.select_ge(zero, x, zero, x)
}

/// The uncertainty of the mean-field approximation.
fn shrunk_entropy<R: Rows>(r: &mut R, p: &R::Row, variance: &R::Row) -> Uncertainty<R::Row> {
    let total = entropy(r, p);
    let spread = r.fold(0.0, [p, variance], |a, sum, [p, v]| {
        let one = a.constant(1.0);
        let rest = a.sub(one, p);
        let weighted = a.mul(p, v);
        a.fma(weighted, rest, sum)
    });
    let ratio = r.map([&spread, &total], |a, [spread, total]| {
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

/// A Dirichlet distribution: αₖ = `weights`ₖ/`scale`. The quotient may overflow where
/// the parts do not.
struct Dirichlet<T> {
    /// Positive, wide.
    weights: T,
    /// Between 0 and 1, narrow.
    scale: T,
}

impl<T> Dirichlet<T> {
    /// The Laplace bridge from Gaussian logits.
    fn bridge<R: Rows<Row = T>>(r: &mut R, mean: &T, variance: &T) -> Self {
        let classes = r.classes() as f64;
        let variance = r.map([variance], |a, [v]| at_least(a, v, LEAST_VARIANCE));
        let share = normalised(r, &variance);
        let total = sum(r, mean);
        let centred = r.map([mean, &share, &total], |a, [m, s, total]| a.negated_fma(s, total, m));
        let conditional = r.map([&variance, &share], |a, [v, s]| {
            let one = a.constant(1.0);
            let rest = a.sub(one, s);
            let conditional = a.mul(v, rest);
            at_least(a, conditional, LEAST_VARIANCE)
        });
        let largest = largest(r, &centred);
        let lowest = r.fold(f64::INFINITY, [&centred], |a, lowest, [m]| a.min_or(m, lowest));
        // e^(m − largest), and Σ e^(lowest − m): their product is scaled by e^(lowest − largest).
        let above = r.map([&centred, &largest], |a, [m, largest]| {
            let below = a.sub(m, largest);
            a.exp(below)
        });
        let below = r.fold(0.0, [&centred, &lowest], |a, sum, [m, lowest]| {
            let above = a.sub(lowest, m);
            let power = a.exp(above);
            a.add(sum, power)
        });
        let scale = r.map([&lowest, &largest], |a, [lowest, largest]| {
            let difference = a.sub(lowest, largest);
            a.exp(difference)
        });
        let weights = r.map([&above, &below, &scale, &conditional], move |a, inputs| {
            let [above, below, scale, v] = inputs;
            let offset = a.constant(1.0 - 2.0 / classes);
            let factor = a.constant(1.0 / (classes * classes));
            let product = a.mul(above, below);
            let offset = a.mul(scale, offset);
            let numerator = a.fma(product, factor, offset);
            a.div(numerator, v)
        });
        Self { weights, scale }
    }

    /// αₖ/α₀.
    fn mean<R: Rows<Row = T>>(&self, r: &mut R) -> T {
        normalised(r, &self.weights)
    }

    fn uncertainty<R: Rows<Row = T>>(&self, r: &mut R) -> Uncertainty<T> {
        let p = self.mean(r);
        let total = entropy(r, &p);
        let weight = sum(r, &self.weights);
        let concentration = r.map([&weight, &self.scale], |a, [weight, scale]| {
            let concentration = a.div(weight, scale);
            let largest = a.constant(LARGEST_CONCENTRATION);
            let concentration = a.min_or(concentration, largest);
            at_least(a, concentration, LEAST_CONCENTRATION)
        });
        let gains = r.fold(0.0, [&p, &concentration], |a, sum, [p, concentration]| {
            let alpha = a.mul(p, concentration);
            let gain = a.information(alpha);
            a.add(sum, gain)
        });
        let epistemic = r.map([&gains, &concentration, &total], |a, inputs| {
            let [gains, concentration, total] = inputs;
            let gain = a.information(concentration);
            let difference = a.sub(gains, gain);
            let information = a.div(difference, concentration);
            let information = not_negative(a, information);
            // No more than there is; also where that is not a number.
            a.min_or(information, total)
        });
        let aleatoric = r.map([&total, &epistemic], |a, [total, epistemic]| {
            let rest = a.sub(total, epistemic);
            not_negative(a, rest)
        });
        Uncertainty { total, aleatoric, epistemic }
    }
}

/// The larger of a number and a constant; what is not a number stays.
fn at_least<A: Arithmetic>(a: &mut A, x: A::Value, least: f64) -> A::Value {
    let least = a.constant(least);
    a.select_ge(least, x, least, x)
}
