//! Binary labels: E[σ(z)] of a Gaussian logit z ~ N(m, v), and its uncertainty.
//!
//! # Large variances
//!
//! The logistic distribution is a mixture of normal ones of mean 0, whose deviation S is
//! twice a variable of Kolmogorov's distribution. Andrews, Mallows 1974, "Scale mixtures
//! of normal distributions"; Monahan, Stefanski 1992. So with Q the upper tail of the
//! normal distribution and φ its density
//!
//! ```text
//! σ(−x) = E[Q(x/S)]        H(σ(x)) = ∫ₓ^∞ t·σ′(t) dt = E[S·φ(x/S)]
//! ```
//!
//! and the convolution with N(m, v) gives, with T² = S² + v,
//!
//! ```text
//! E[σ(−z)] = E[Q(m/T)]     E[H(σ(z))] = E[S²/T·φ(m/T)]
//! ```
//!
//! The expectation over S is the trapezoidal rule in ln S, which converges like no
//! polynomial does: see [`LOGISTIC_MIXTURE`]. Its terms are positive, and an error that holds for
//! σ(−x) and H(σ(x)) at every x holds for their averages.
//!
//! # Small variances
//!
//! There the mutual information is a small difference of entropies. Instead, both it and
//! the probability are series in v, whose coefficients are polynomials in t = tanh(m/2):
//! the derivatives of σ are. Without a variance they are the plain sigmoid and zero.

use pfp_runtime::predictive::LOGISTIC_MIXTURE;

use super::{
    Axis, Prediction, Special, Tables, Thresholds, Uncertainty, at_most, minus_p_ln_p,
    not_negative, rejected, surprise_of_most,
};
use crate::moments::{Arithmetic, Elementary, Moments, bell, horner};

/// Below this variance four terms of the series have a relative error of 2.2e-6 in the mutual
/// information and 2.4e-7 in the probability.
const SMALL_VARIANCE: f64 = 1.0 / 16.0;

/// From here on Q is 0 in `f32`.
const TAIL_LIMIT: f64 = 20.0;

const INVERSE_SQRT_TWO_PI: f64 = 0.398_942_280_401_432_7;

/// The probability that each label is 1, and the decomposition of its entropy. Logits without a
/// variance have their sigmoid, and no epistemic uncertainty.
pub fn predict<R: Tables>(r: &mut R, logits: &Moments<R::Table>) -> Prediction<R::Table> {
    let mean = &logits.mean;
    let distance = r.map([mean], |a, [m]| a.abs(m));
    let Some(variance) = &logits.variance else {
        let rarer = r.map([&distance], |a, [x]| Sigmoid::new(a, x).rarer);
        let total = r.map([&rarer], |a, [q]| entropy(a, q));
        let aleatoric = r.map([&total], |_, [total]| total);
        // What is not a number stays.
        let epistemic = r.map([&total], |a, [total]| a.sub(total, total));
        let probabilities = of_one(r, mean, &rarer);
        return Prediction {
            probabilities,
            uncertainty: Uncertainty { total, aleatoric, epistemic },
        };
    };
    let column = |r: &mut R, f: &dyn Fn(f64, f64) -> f64| {
        let values = LOGISTIC_MIXTURE.iter().map(|&[s, weight]| f(s, weight) as f32).collect();
        r.literal(&[Axis::Parts], values)
    };
    let squares = column(r, &|s, _| s * s);
    let weights = column(r, &|_, weight| weight);
    let weighted_squares = column(r, &|s, weight| weight * s * s * INVERSE_SQRT_TWO_PI);
    // T, and the distance in units of it.
    let relative = |a: &mut R::Scalar, distance, v, square| {
        let sum = a.add(v, square);
        let deviation = a.sqrt(sum);
        let ratio = a.div(distance, deviation);
        (deviation, at_most(a, ratio, TAIL_LIMIT))
    };
    let inputs = [&distance, variance, &squares, &weights];
    let mixed = r.fold(Axis::Parts, 0.0, inputs, move |a, sum, [distance, v, square, weight]| {
        let (_, ratio) = relative(a, distance, v, square);
        let tail = a.upper_tail(ratio);
        a.fma(weight, tail, sum)
    });
    let inputs = [&distance, variance, &squares, &weighted_squares];
    let expected =
        r.fold(Axis::Parts, 0.0, inputs, move |a, sum, [distance, v, square, weight]| {
            let (deviation, ratio) = relative(a, distance, v, square);
            let bell = bell(a, ratio);
            let share = a.div(weight, deviation);
            a.fma(share, bell, sum)
        });
    let rarer = r.map([&distance, variance, &mixed], |a, [distance, v, mixed]| {
        let (small, v_small) = (a.constant(SMALL_VARIANCE), at_most(a, v, SMALL_VARIANCE));
        let series = Sigmoid::new(a, distance).smoothed(a, v_small);
        a.select_ge(v, small, mixed, series)
    });
    let total = r.map([&rarer], |a, [q]| entropy(a, q));
    // What is computed itself: epistemic by the series, aleatoric by the mixture.
    let part = r.map([&distance, variance, &expected, &total], |a, inputs| {
        let [distance, v, expected, total] = inputs;
        let (small, v_small) = (a.constant(SMALL_VARIANCE), at_most(a, v, SMALL_VARIANCE));
        let series = Sigmoid::new(a, distance).information(a, v_small);
        let part = a.select_ge(v, small, expected, series);
        let part = not_negative(a, part);
        // No more than there is; also where that is not a number.
        a.min_or(part, total)
    });
    let other = r.map([&total, &part], |a, [total, part]| a.sub(total, part));
    let choose = |r: &mut R, large: &R::Table, small: &R::Table| {
        r.map([variance, large, small], |a, [v, large, small]| {
            let bound = a.constant(SMALL_VARIANCE);
            a.select_ge(v, bound, large, small)
        })
    };
    let aleatoric = choose(r, &part, &other);
    let epistemic = choose(r, &other, &part);
    let probabilities = of_one(r, mean, &rarer);
    Prediction { probabilities, uncertainty: Uncertainty { total, aleatoric, epistemic } }
}

/// 1 where its probability is at least ½, else 0; or a code of a rejection, as
/// [`decide`](super::decide) has them.
pub fn decide<R: Tables>(
    r: &mut R,
    probability: &R::Table,
    aleatoric: &R::Table,
    epistemic: &R::Table,
    thresholds: Thresholds,
) -> R::Table {
    r.map([probability, aleatoric, epistemic], move |a, [p, aleatoric, epistemic]| {
        let [zero, half, one] = [0.0, 0.5, 1.0].map(|x| a.constant(x));
        let label = a.select_ge(p, half, one, zero);
        rejected(a, label, p, [aleatoric, epistemic], thresholds)
    })
}

/// The probability of a 1, from that of the rarer label: 1 is rarer below a mean of 0.
fn of_one<R: Tables>(r: &mut R, mean: &R::Table, rarer: &R::Table) -> R::Table {
    r.map([mean, rarer], |a, [m, q]| {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let rest = a.sub(one, q);
        a.select_ge(m, zero, rest, q)
    })
}

/// −q ln q − (1 − q) ln(1 − q) of a q up to ½.
fn entropy<A: Special>(a: &mut A, q: A::Value) -> A::Value {
    let one = a.constant(1.0);
    let p = a.sub(one, q);
    let surprise = surprise_of_most(a, p, q);
    let often = a.mul(p, surprise);
    minus_p_ln_p(a, q, often)
}

/// The sigmoid at −x for x ≥ 0, and what its derivatives are made of.
struct Sigmoid<V> {
    /// σ(−x).
    rarer: V,
    /// tanh(x/2), and its square.
    t: V,
    square: V,
    /// σ′(x).
    slope: V,
}

impl<V: Copy> Sigmoid<V> {
    fn new<A: Special<Value = V>>(a: &mut A, x: V) -> Self {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let minus = a.sub(zero, x);
        let power = a.exp(minus);
        let sum = a.add(one, power);
        let difference = a.sub(one, power);
        let t = a.div(difference, sum);
        let rarer = a.div(power, sum);
        Self { rarer, t, square: a.mul(t, t), slope: a.div(rarer, sum) }
    }

    /// E[σ(−z)] = Σ vᵏ/(2ᵏ·k!)·σ⁽²ᵏ⁾(−x), up to k = 3.
    fn smoothed<A: Special<Value = V>>(&self, a: &mut A, v: V) -> V {
        let one = a.constant(1.0);
        let terms: [&[f64]; 3] =
            [&[1.0 / 4.0], &[-1.0 / 8.0, 3.0 / 16.0], &[17.0 / 192.0, -5.0 / 16.0, 15.0 / 64.0]];
        let series = self.series(a, v, &terms);
        // σ″(−x) is σ(−x)·t(1 + t)/2; the other even derivatives are multiples of it.
        let odd = a.fma(self.t, self.t, self.t);
        let factor = a.mul(odd, v);
        let change = a.fma(factor, series, one);
        a.mul(self.rarer, change)
    }

    /// H(E[σ(z)]) − E[H(σ(z))], up to v⁴. Its first term is σ′·v/2.
    fn information<A: Special<Value = V>>(&self, a: &mut A, v: V) -> V {
        let terms: [&[f64]; 4] = [
            &[1.0 / 2.0],
            &[-3.0 / 16.0, 7.0 / 16.0],
            &[5.0 / 48.0, -21.0 / 32.0, 59.0 / 96.0],
            &[-119.0 / 1536.0, 1433.0 / 1536.0, -3101.0 / 1536.0, 601.0 / 512.0],
        ];
        let series = self.series(a, v, &terms);
        let slope = a.mul(self.slope, v);
        a.mul(slope, series)
    }

    /// A polynomial in v whose coefficients are polynomials in t², constant terms first.
    fn series<A: Special<Value = V>>(&self, a: &mut A, v: V, terms: &[&[f64]]) -> V {
        let zero = a.constant(0.0);
        terms.iter().rev().fold(zero, |sum, coefficients| {
            let term = horner(a, coefficients, self.square);
            a.fma(sum, v, term)
        })
    }
}
