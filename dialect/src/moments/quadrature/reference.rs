//! The moments of smooth functions in double precision: the oracle of the rules, with none of their
//! coefficients.

use super::{Asymptote, Smooth};
use crate::moments::{F64, INVERSE_SQRT_TWO_PI, Moments, Rectified, rarer_side};

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
        // The trapezoidal rule over all of the Gaussian.
        let step = FEATURE * sigma.min(F::EXTENT.scale);
        let count = (REACH * sigma / step).ceil() as i64;
        let values: Vec<_> = (-count..=count)
            .map(|k| {
                let offset = k as f64 * step;
                let weight = (-0.5 * (offset / sigma).powi(2)).exp();
                (weight, f.value(&mut F64, mean + offset))
            })
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
    let asymptote = |x: f64| match F::ASYMPTOTE {
        Asymptote::Rectified => x.max(0.0),
        Asymptote::Step(_, high) if x > 0.0 => high,
        Asymptote::Step(low, _) => low,
    };
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
    // Gauss-Legendre quadrature with three nodes on panels that are short beside every feature.
    let panels = (end / (FEATURE * F::EXTENT.scale)).ceil();
    let half = 0.5 * end / panels;
    let (mut first, mut second) = (0.0, 0.0);
    for side in [-1.0, 1.0] {
        for panel in 0..panels as i64 {
            let middle = (2.0 * panel as f64 + 1.0) * half;
            for (node, weight) in [(-0.6f64.sqrt(), 5.0), (0.0, 8.0), (0.6f64.sqrt(), 5.0)] {
                let x = side * (middle + half * node);
                let density = (-0.5 * ((x - mean) / sigma).powi(2)).exp() / sigma;
                let weight = weight / 9.0 * half * density * INVERSE_SQRT_TWO_PI;
                let (value, base) = (f.value(&mut F64, x), asymptote(x));
                first += weight * (value - base);
                second += weight * (value - base) * (value + base);
            }
        }
    }
    let result = spread + second - first * (2.0 * known + first);
    (known + first, result.max(0.0))
}
