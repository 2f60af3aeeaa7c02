//! Moments of smooth functions of a Gaussian, by quadrature.
//!
//! Two rules, each where it is exact; both are evaluated and one is selected, so that compiled
//! code has no branch.
//!
//! # Narrow Gaussians
//!
//! With X = m + σZ and the slope g = f′, let bₙ = E[g(X)·Heₙ(Z)]/n! be the coefficients of g in
//! Hermite polynomials. Then
//!
//! ```text
//! E[f(X)]   = f(m) − σ·Σ bₙ·Heₙ₊₁(0)/(n + 1)
//! Var[f(X)] = σ²·Σ n!/(n + 1)·bₙ²
//! ```
//!
//! The second line is Parseval's identity for f, whose coefficients are σbₙ/(n + 1). All terms are
//! positive, and nothing is a difference of values of f: a variance keeps its relative accuracy
//! however small σ is and however saturated f. The coefficients come from Gauss-Hermite quadrature
//! with [`NODES`] nodes, at which the slope alone is evaluated.
//!
//! # Wide Gaussians
//!
//! f is the sum of its smoothed asymptote A, whose moments are known, and a remainder r = f − A that
//! vanishes on both sides. A Gaussian that is wide beside the features of f is integrated with r and
//! with f² − A² by the trapezoidal rule, on a grid that does not depend on it:
//!
//! ```text
//! E[f(X)]   = E[A(X)] + Σ h·r(xⱼ)·N(xⱼ; m, σ²)
//! ```
//!
//! and E\[f²\] likewise. Its error falls as exp(−2π²σ²/h²). The densities on the grid are a product
//! of geometric progressions: three exponentials for all of them.

use super::{Arithmetic, Elementary, F64, Moments, Rectified, rarer_side};

/// Nodes of Gauss-Hermite quadrature.
pub const NODES: usize = 10;

/// The positive nodes for the weight e^(−z²/2)/√(2π), and their weights.
const HERMITE: [[f64; 2]; NODES / 2] = [
    [0.484_935_707_515_497_65, 0.344_642_334_932_019_05],
    [1.465_989_094_391_158_2, 0.135_483_702_980_267_7],
    [2.484_325_841_638_954_6, 0.019_111_580_500_770_285],
    [3.581_823_483_551_926_7, 0.000_758_070_934_312_217_6],
    [4.859_462_828_332_312, 4.310_652_630_718_287e-6],
];

/// 1/√(2π).
const INVERSE_SQRT_TWO_PI: f64 = 0.398_942_280_401_432_7;

/// What a function tends to on either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asymptote {
    /// 0 on the left, x on the right.
    Rectified,
    /// These two numbers.
    Step(f64, f64),
}

/// Where a function is not its asymptote, and on which scale it changes there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// The ends of the grid, in steps.
    pub steps: [i32; 2],
    /// The distance of its points.
    pub step: f64,
    /// The standard deviation of the Gaussian that smooths the asymptote.
    pub smoothing: f64,
    /// A Gaussian is wide from a standard deviation of `width[0] + width[1]·|m|` on: the features
    /// lie around 0.
    pub width: [f64; 2],
}

/// A smooth function that has two asymptotes.
pub trait Smooth: Copy {
    /// Its asymptotes.
    const ASYMPTOTE: Asymptote;
    /// Its grid.
    const GRID: Grid;

    /// The function.
    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value;

    /// Its slope, to a relative error wherever that is possible.
    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value;
}

/// Mean and variance of a smooth function of a Gaussian, in arithmetic that rounds to `f32`.
pub fn moments<A: Elementary, F: Smooth>(
    a: &mut A,
    f: F,
    mean: A::Value,
    variance: A::Value,
) -> Moments<A::Value> {
    let sigma = a.sqrt(variance);
    let narrow = narrow(a, f, mean, sigma);
    let wide = wide(a, f, mean, variance, sigma);
    let distance = a.abs(mean);
    let [least, slope] = F::GRID.width.map(|width| a.constant(width));
    let bound = a.fma(distance, slope, least);
    let [mean, variance] = [(wide.0, narrow.0), (wide.1, narrow.1)]
        .map(|(wide, narrow)| a.select_ge(sigma, bound, wide, narrow));
    Moments::gaussian(mean, variance)
}

/// The rule for narrow Gaussians.
fn narrow<A: Elementary, F: Smooth>(
    a: &mut A,
    f: F,
    mean: A::Value,
    sigma: A::Value,
) -> (A::Value, A::Value) {
    // Sums and differences of the slopes at ±z.
    let pairs = HERMITE.map(|[z, _]| {
        let (above, below) = (a.constant(z), a.constant(-z));
        let above = a.fma(sigma, above, mean);
        let below = a.fma(sigma, below, mean);
        let (above, below) = (f.slope(a, above), f.slope(a, below));
        (a.add(above, below), a.sub(above, below))
    });
    let combine = |a: &mut A, odd: bool, weights: [f64; NODES / 2]| {
        let terms = pairs.iter().map(|&(sum, difference)| if odd { difference } else { sum });
        let mut total = None;
        for (term, weight) in terms.zip(weights) {
            let weight = a.constant(weight);
            total = Some(match total {
                None => a.mul(term, weight),
                Some(total) => a.fma(term, weight, total),
            });
        }
        total.unwrap_or(mean)
    };
    let mut squares = None;
    for n in 0..NODES {
        let scale = (factorial(n) / (n + 1) as f64).sqrt() / factorial(n);
        let b = combine(a, n % 2 == 1, HERMITE.map(|[z, weight]| weight * hermite(n, z) * scale));
        squares = Some(match squares {
            None => a.mul(b, b),
            Some(squares) => a.fma(b, b, squares),
        });
    }
    let shift = combine(a, true, HERMITE.map(|[z, weight]| weight * gain(z)));
    let value = f.value(a, mean);
    let scaled = squares.map_or(sigma, |squares| a.mul(sigma, squares));
    (a.fma(sigma, shift, value), a.mul(sigma, scaled))
}

/// Heₙ(z).
fn hermite(n: usize, z: f64) -> f64 {
    let step = |(last, this): (f64, f64), k: usize| (this, z * this - k as f64 * last);
    (0..n).fold((0.0, 1.0), step).1
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

/// −Σ Heₙ(z)·Heₙ₊₁(0)/((n + 1)·n!) over the odd n: what a slope at z adds to the mean, in units of σ
/// and of its weight.
fn gain(z: f64) -> f64 {
    let term = |n: usize| -hermite(n, z) * hermite(n + 1, 0.0) / ((n + 1) as f64 * factorial(n));
    (1..NODES).step_by(2).map(term).sum()
}

/// The rule for wide Gaussians.
fn wide<A: Elementary, F: Smooth>(
    a: &mut A,
    f: F,
    mean: A::Value,
    variance: A::Value,
    sigma: A::Value,
) -> (A::Value, A::Value) {
    let (zero, one) = (a.constant(0.0), a.constant(1.0));
    let Asymptotic { mean: known, variance: spread } =
        Asymptotic::of(a, F::ASYMPTOTE, F::GRID.smoothing, mean, variance);
    // The density at x = jh is that at 0, times a ratio for each step, which itself changes by one.
    let h = F::GRID.step;
    let inverse = a.div(one, variance);
    let exponential = |a: &mut A, slope: f64, offset: f64| {
        let (slope, offset) = (a.constant(slope), a.constant(offset));
        let exponent = a.fma(mean, slope, offset);
        let exponent = a.mul(exponent, inverse);
        a.finite_exp(exponent)
    };
    let quotient = a.div(mean, sigma);
    let square = a.mul(quotient, quotient);
    let minus_half = a.constant(-0.5);
    let exponent = a.mul(square, minus_half);
    let centre = a.decay(exponent);
    let change = exponential(a, 0.0, -h * h);
    let [low, high] = F::GRID.steps;
    let (mut first, mut second) = (zero, zero);
    let mut add = |a: &mut A, j: i32, density: A::Value| {
        let [r, q] =
            remainder(f, f64::from(j) * h).map(|value| a.constant(value * h * INVERSE_SQRT_TWO_PI));
        first = a.fma(density, r, first);
        second = a.fma(density, q, second);
    };
    add(a, 0, centre);
    for (steps, sign) in [(high, 1), (-low, -1)] {
        let (mut density, mut ratio) = (centre, exponential(a, f64::from(sign) * h, -0.5 * h * h));
        for j in 1..=steps {
            density = a.mul(density, ratio);
            add(a, sign * j, density);
            if j < steps {
                ratio = a.mul(ratio, change);
            }
        }
    }
    let per_sigma = a.div(one, sigma);
    let first = a.mul(first, per_sigma);
    let second = a.mul(second, per_sigma);
    // E[f²] − E[f]² beside those of the asymptote.
    let twice = a.add(known, known);
    let both = a.add(twice, first);
    let sum = a.add(spread, second);
    let result = a.negated_fma(first, both, sum);
    // Not below 0; what is not a number stays.
    let result = a.select_ge(zero, result, zero, result);
    (a.add(known, first), result)
}

/// Mean and variance of the smoothed asymptote; of a rectified one the variance is that beside which
/// [`remainder`] stands.
struct Asymptotic<V> {
    mean: V,
    variance: V,
}

impl<V: Copy> Asymptotic<V> {
    fn of<A: Elementary<Value = V>>(
        a: &mut A,
        asymptote: Asymptote,
        smoothing: f64,
        mean: V,
        variance: V,
    ) -> Self {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let square = a.constant(smoothing * smoothing);
        let total = a.add(variance, square);
        match asymptote {
            Asymptote::Rectified => {
                let smoothed = Rectified::of(a, mean, total);
                let rectified = a.max(mean, zero);
                let (lower, _) = smoothed.upper_tail(a);
                let upper = a.sub(one, lower);
                let above = a.select_ge(zero, mean, lower, upper);
                let share = smoothed.share(a);
                let reach = a.mul(total, share);
                let variance = a.negated_fma(above, square, reach);
                Self { mean: a.fma(smoothed.theta, smoothed.tail.j, rectified), variance }
            }
            Asymptote::Step(low, high) => {
                let rarer = rarer_side(a, mean, total);
                let rest = a.sub(one, rarer);
                let above = a.select_ge(zero, mean, rarer, rest);
                let [low, size, square] =
                    [low, high - low, (high - low) * (high - low)].map(|x| a.constant(x));
                let product = a.mul(rarer, rest);
                Self { mean: a.fma(above, size, low), variance: a.mul(product, square) }
            }
        }
    }
}

/// f − A and f² − B at a point, where B is what [`Asymptotic`] takes for E\[A²\] before the Gaussian
/// is averaged over: for a step its squares, smoothed, and for a rectified asymptote E[max(x + sε, 0)²]
/// less s² times the probability of what is above 0, so that it tends to x².
fn remainder<F: Smooth>(f: F, x: f64) -> [f64; 2] {
    let value = f.value(&mut F64, x);
    let s = F::GRID.smoothing;
    let tail = F64.tail(x.abs() / s);
    let lower = F64.upper_tail(x.abs() / s);
    let above = if x > 0.0 { 1.0 - lower } else { lower };
    let [known, square] = match F::ASYMPTOTE {
        Asymptote::Rectified => {
            // (1 + a²)Q ± aφ by the sign of x: K for a negative one.
            let second = match x > 0.0 {
                true => x * x + s * s - s * s * tail.k,
                false => s * s * tail.k,
            };
            [x.max(0.0) + s * tail.j, second - s * s * above]
        }
        Asymptote::Step(low, high) => {
            [low + (high - low) * above, low * low + (high * high - low * low) * above]
        }
    };
    [value - known, value * value - square]
}

/// Below this share of the least wide deviation the rule for narrow Gaussians is exact in `f64`.
const NARROW: f64 = 0.1;

/// Beyond so many deviations there is nothing in `f64`.
const REACH: f64 = 12.0;

/// A narrower feature than this share of the step of the grid no function has.
const FEATURE: f64 = 1.0 / 6.0;

/// From a deviation of so many ends of the grid on the remainder is integrated by itself.
const WIDE: f64 = 4.0;

/// Beyond so many ends of the grid the remainder is 0 in `f64`.
const VANISHED: f64 = 5.0;

/// Mean and variance in double precision, to 1e-11 of σ and of the variance beside 1e-6 of σ².
pub fn reference<F: Smooth>(f: F, mean: f64, variance: f64) -> Moments<f64> {
    let sigma = variance.sqrt();
    let [low, high] = F::GRID.steps.map(|steps| f64::from(steps) * F::GRID.step);
    let end = high.max(-low);
    let (first, second) = if sigma < NARROW * F::GRID.width[0] {
        narrow(&mut F64, f, mean, sigma)
    } else if sigma < WIDE * end {
        // The trapezoidal rule over all of the Gaussian.
        let step = FEATURE * sigma.min(F::GRID.step);
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
        wide_reference(f, mean, variance, VANISHED * end)
    };
    Moments::gaussian(first, second)
}

/// The asymptote itself, and the remainder on [−end, end], which is split where that has a kink.
fn wide_reference<F: Smooth>(f: F, mean: f64, variance: f64, end: f64) -> (f64, f64) {
    let sigma = variance.sqrt();
    let asymptote = |x: f64| match F::ASYMPTOTE {
        Asymptote::Rectified => x.max(0.0),
        Asymptote::Step(low, high) => {
            if x > 0.0 {
                high
            } else {
                low
            }
        }
    };
    let Asymptotic { mean: known, variance: spread } =
        Asymptotic::of(&mut F64, F::ASYMPTOTE, 0.0, mean, variance);
    // Gauss-Legendre quadrature with three nodes on panels that are short beside every feature.
    let panels = (end / (FEATURE * F::GRID.step)).ceil();
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
