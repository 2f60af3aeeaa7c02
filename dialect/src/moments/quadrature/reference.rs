//! The moments of smooth functions in double precision: the oracle of the rules, with none of their
//! coefficients; and their derivatives by mean and variance.
//!
//! A derivative by the mean averages that of the function, one by the variance half of the second one:
//!
//! ```text
//! ∂E[f]/∂m   = E[f′]             ∂E[f]/∂v   = ½E[f″]
//! ∂Var[f]/∂m = 2Cov[f, f′]       ∂Var[f]/∂v = E[f′²] + Cov[f, f″]
//! ```
//!
//! which are integrals by the same nodes.

use super::{Asymptote, Smooth};
use crate::moments::{
    Along, Directional, F64, INVERSE_SQRT_TWO_PI, Moments, Rectified, rarer_side,
};

/// Nodes of Gauss-Hermite quadrature.
const NODES: usize = 10;

/// The positive nodes for the weight e^(−z²/2)/√(2π), and their weights.
const HERMITE: [[f64; 2]; NODES / 2] = [
    [0.484_935_707_515_497_65, 0.344_642_334_932_019_05],
    [1.465_989_094_391_158_2, 0.135_483_702_980_267_7],
    [2.484_325_841_638_954_6, 0.019_111_580_500_770_285],
    [3.581_823_483_551_926_7, 0.000_758_070_934_312_217_6],
    [4.859_462_828_332_312, 4.310_652_630_718_287e-6],
];

/// Below this share of the scale of a function Gauss-Hermite quadrature of the slope is exact in `f64`.
const NARROW: f64 = 0.09;

/// Beyond so many deviations there is nothing in `f64`.
const REACH: f64 = 12.0;

/// A narrower feature than this share of its scale no function has.
const FEATURE: f64 = 1.0 / 6.0;

/// From a deviation of so many ends of the extent on the remainder is integrated by itself.
const WIDE: f64 = 4.0;

/// Beyond so many ends of the extent the remainder is 0 in `f64`.
const VANISHED: f64 = 5.0;

/// Mean and variance in double precision, to 1e-11 of σ and of the variance beside 1e-6 of σ².
pub fn reference<F: Smooth>(f: F, mean: f64, variance: f64) -> Moments<f64> {
    let sigma = variance.sqrt();
    let end = F::EXTENT.end;
    let (first, second) = if sigma < NARROW * F::EXTENT.scale {
        narrow(f, mean, sigma)
    } else if sigma < WIDE * end {
        let values: Vec<_> = nodes::<F>(sigma)
            .map(|(offset, weight)| (weight, f.value(&mut F64, mean + offset)))
            .collect();
        let total: f64 = values.iter().map(|(weight, _)| weight).sum();
        let average = values.iter().map(|(weight, value)| weight * value).sum::<f64>() / total;
        let spread = values.iter().map(|(weight, value)| weight * (value - average).powi(2));
        (average, spread.sum::<f64>() / total)
    } else {
        wide(f, mean, variance, VANISHED * end)
    };
    Moments::gaussian(first, second)
}

/// The trapezoidal rule over all of a Gaussian: how far the nodes are from the mean, and their weights.
fn nodes<F: Smooth>(sigma: f64) -> impl Iterator<Item = (f64, f64)> {
    let step = FEATURE * sigma.min(F::EXTENT.scale);
    let count = (REACH * sigma / step).ceil() as i64;
    (-count..=count).map(move |k| {
        let offset = k as f64 * step;
        (offset, (-0.5 * (offset / sigma).powi(2)).exp())
    })
}

/// The derivatives of mean and variance in double precision, each by the mean and by the variance.
pub fn reference_slopes<F: Smooth>(f: F, mean: f64, variance: f64) -> [[f64; 2]; 2] {
    let sigma = variance.sqrt();
    let end = F::EXTENT.end;
    if sigma < NARROW * F::EXTENT.scale {
        return narrow_slopes(f, mean, sigma);
    }
    if sigma >= WIDE * end {
        return wide_slopes(f, mean, variance, VANISHED * end);
    }
    let values: Vec<_> = nodes::<F>(sigma)
        .map(|(offset, weight)| {
            let x = mean + offset;
            (weight, f.value(&mut F64, x), bends(f, x))
        })
        .collect();
    let total: f64 = values.iter().map(|(weight, ..)| weight).sum();
    let average = |term: &dyn Fn(f64, [f64; 2]) -> f64| {
        let terms = values.iter().map(|&(weight, value, bends)| weight * term(value, bends));
        terms.sum::<f64>() / total
    };
    let centre = average(&|value, _| value);
    [
        [average(&|_, [first, _]| first), 0.5 * average(&|_, [_, second]| second)],
        [
            2.0 * average(&|value, [first, _]| (value - centre) * first),
            average(&|value, [first, second]| first * first + (value - centre) * second),
        ],
    ]
}

/// The first and the second derivative of a function.
fn bends<F: Smooth>(f: F, x: f64) -> [f64; 2] {
    let slope = f.slope(&mut Directional, Along::new(x, 1.0));
    [slope.value, slope.slope]
}

/// Parseval's identity over the coefficients of the slope, b₀ = E[f′] and bₙ = σ/n·E[f″·Heₙ₋₁(Z)]/(n − 1)!, which keep
/// their digits however small σ is.
fn narrow_slopes<F: Smooth>(f: F, mean: f64, sigma: f64) -> [[f64; 2]; 2] {
    let places = HERMITE.into_iter().flat_map(|[z, weight]| [(z, weight), (-z, weight)]);
    let nodes: Vec<_> = places.map(|(z, weight)| (z, weight, bends(f, mean + sigma * z))).collect();
    let first: f64 = nodes.iter().map(|(_, weight, [first, _])| weight * first).sum();
    let second = |n: usize| {
        let terms = nodes.iter().map(|(z, weight, [_, second])| weight * hermite(n, *z) * second);
        terms.sum::<f64>() / factorial(n)
    };
    let others = (1..NODES).map(|n| sigma * second(n - 1) / n as f64);
    let b: Vec<_> = [first].into_iter().chain(others).collect();
    let sum = |apart: usize, factor: &dyn Fn(usize) -> f64| -> f64 {
        (0..NODES - apart).map(|n| factorial(n) * factor(n) * b[n] * b[n + apart]).sum()
    };
    let by_mean = 2.0 * sigma * sum(1, &|_| 1.0);
    let by_variance = sum(0, &|_| 1.0) + sum(2, &|n| (n + 2) as f64);
    [[first, 0.5 * second(0)], [by_mean, by_variance]]
}

/// Parseval's identity over the coefficients bₙ of the slope.
fn narrow<F: Smooth>(f: F, mean: f64, sigma: f64) -> (f64, f64) {
    let (mut shift, mut squares) = (0.0, 0.0);
    for n in 0..NODES {
        let terms = HERMITE.into_iter().flat_map(|[z, weight]| [(z, weight), (-z, weight)]);
        let term = |(z, weight)| weight * hermite(n, z) * f.slope(&mut F64, mean + sigma * z);
        let b = terms.map(term).sum::<f64>() / factorial(n);
        shift -= b * hermite(n + 1, 0.0) / (n + 1) as f64;
        squares += factorial(n) / (n + 1) as f64 * b * b;
    }
    (f.value(&mut F64, mean) + sigma * shift, sigma * sigma * squares)
}

/// Heₙ(z).
fn hermite(n: usize, z: f64) -> f64 {
    let step = |(last, this): (f64, f64), k: usize| (this, z * this - k as f64 * last);
    (0..n).fold((0.0, 1.0), step).1
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

/// The asymptote itself, and the remainder on [−end, end], which is split where that has a kink.
fn wide<F: Smooth>(f: F, mean: f64, variance: f64, end: f64) -> (f64, f64) {
    let sigma = variance.sqrt();
    let (known, spread) = match F::ASYMPTOTE {
        Asymptote::Rectified => {
            let parts = Rectified::of(&mut F64, mean, variance);
            (mean.max(0.0) + parts.gain(&mut F64), variance * parts.share(&mut F64))
        }
        Asymptote::Step(low, high) => {
            let rarer = rarer_side(&mut F64, mean, variance);
            let above = if mean > 0.0 { 1.0 - rarer } else { rarer };
            (low + (high - low) * above, (high - low).powi(2) * rarer * (1.0 - rarer))
        }
    };
    let (mut first, mut second) = (0.0, 0.0);
    for (x, weight) in panels::<F>(end) {
        let density = (-0.5 * ((x - mean) / sigma).powi(2)).exp() / sigma;
        let weight = weight * density * INVERSE_SQRT_TWO_PI;
        let (value, base) = (f.value(&mut F64, x), asymptote::<F>(x));
        first += weight * (value - base);
        second += weight * (value - base) * (value + base);
    }
    let result = spread + second - first * (2.0 * known + first);
    (known + first, result.max(0.0))
}

/// Gauss-Legendre quadrature with three nodes on panels that are short beside every feature.
fn panels<F: Smooth>(end: f64) -> impl Iterator<Item = (f64, f64)> {
    let panels = (end / (FEATURE * F::EXTENT.scale)).ceil();
    let half = 0.5 * end / panels;
    [-1.0, 1.0].into_iter().flat_map(move |side| {
        (0..panels as i64).flat_map(move |panel| {
            let middle = (2.0 * panel as f64 + 1.0) * half;
            [(-0.6f64.sqrt(), 5.0), (0.0, 8.0), (0.6f64.sqrt(), 5.0)]
                .into_iter()
                .map(move |(node, weight)| (side * (middle + half * node), weight / 9.0 * half))
        })
    })
}

fn asymptote<F: Smooth>(x: f64) -> f64 {
    match F::ASYMPTOTE {
        Asymptote::Rectified => x.max(0.0),
        Asymptote::Step(_, high) if x > 0.0 => high,
        Asymptote::Step(low, _) => low,
    }
}

/// As [`wide`]: what the asymptote has of each derivative, and what the remainder adds to it, over which the density has the
/// logarithmic derivatives z/σ and (z² − 1)/2v.
fn wide_slopes<F: Smooth>(f: F, mean: f64, variance: f64, end: f64) -> [[f64; 2]; 2] {
    let sigma = variance.sqrt();
    let z = mean / sigma;
    let bell = INVERSE_SQRT_TWO_PI * (-0.5 * z * z).exp();
    let rarer = rarer_side(&mut F64, mean, variance);
    let above = if mean > 0.0 { 1.0 - rarer } else { rarer };
    // E[f] and E[f²], and their derivatives.
    let (known, of_known, of_square) = match F::ASYMPTOTE {
        Asymptote::Rectified => {
            let known = mean * above + sigma * bell;
            (known, [above, 0.5 * bell / sigma], [2.0 * known, above])
        }
        Asymptote::Step(low, high) => {
            let of_known = [bell / sigma, -0.5 * z * bell / variance].map(|x| x * (high - low));
            (low + (high - low) * above, of_known, of_known.map(|x| x * (high + low)))
        }
    };
    let (mut first, mut of_first, mut of_second) = (0.0, [0.0; 2], [0.0; 2]);
    for (x, weight) in panels::<F>(end) {
        let z = (x - mean) / sigma;
        let weight = weight * INVERSE_SQRT_TWO_PI * (-0.5 * z * z).exp() / sigma;
        let (value, base) = (f.value(&mut F64, x), asymptote::<F>(x));
        first += weight * (value - base);
        for (n, by) in [z / sigma, 0.5 * (z * z - 1.0) / variance].into_iter().enumerate() {
            of_first[n] += weight * (value - base) * by;
            of_second[n] += weight * (value - base) * (value + base) * by;
        }
    }
    let of_mean = [0, 1].map(|n| of_known[n] + of_first[n]);
    let of_variance =
        [0, 1].map(|n| of_square[n] + of_second[n] - 2.0 * (known + first) * of_mean[n]);
    [of_mean, of_variance]
}
