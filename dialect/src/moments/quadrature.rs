//! Moments of smooth functions of a Gaussian, by quadrature.
//!
//! Two rules, each where it is exact.
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
//! however small σ is and however saturated f.
//!
//! The slopes are taken at the 2·`PAIRS` nodes ±(k + ½)·`SPACING`·σ around m. Those of equal
//! distance enter as sum Sₖ and difference Dₖ, since the coefficients of even n depend on the sums
//! alone and those of odd n on the differences. So the gain of the mean is linear in the differences,
//! and the variance a sum of squares of linear forms, one block for each of both:
//!
//! ```text
//! E[f(X)]   = f(m) + σ·Σ pₖDₖ
//! Var[f(X)] = σ²·(Σᵢ (Σₖ UᵢₖSₖ)² + Σᵢ (Σₖ VᵢₖDₖ)²)
//! ```
//!
//! A quadratic form has such a sum with triangular U and V (Cholesky), and the squares converge twice as
//! fast as the bₙ: three forms of the sums and two of the differences stand for all. p, U and V minimise
//! the largest error over the functions of the dialect, each over its own narrow Gaussians, where a
//! constant slope counts most: its variance is right to 1e-6.
//!
//! At nodes of equal distance functions of eˣ need no exponential each; see [`Smooth::slopes`].
//!
//! # Wide Gaussians
//!
//! f is the sum of its asymptote, smoothed by a Gaussian of deviation s, and a remainder r that
//! vanishes on both sides. Of the smoothed asymptote A the moments are known. The remainder is expanded in
//! the functions that Gaussians of deviation s and their derivatives are, which a Gaussian X averages
//! to the same functions of τ² = σ² + s²:
//!
//! ```text
//! E[f(X)]   = E[A(X)] + φ(m/τ)/τ·Σ cₙ·Heₙ(m/τ)/τⁿ
//! ```
//!
//! and E\[f²\] likewise. One density, which the moments of A are made of too, serves all terms, and the
//! polynomials follow from each other. The coefficients minimise the largest error for the narrowest of
//! the wide Gaussians: a wider one averages those of E\[f\] and E\[f²\] over m, which makes them no larger.
//!
//! # Errors
//!
//! Of the mean, in σ (for a step no larger than that), and of the variance, relative to itself and
//! 1e-3σ²: at most 2.3e-5 and 1e-4 by the narrow rule, 2.5e-5 and 1.3e-4 by the wide one, all of mish.
//! `dialect/fit/smooth.py` computes all coefficients, and
//! these errors with `--check`.

mod reference;

use super::{Arithmetic, Elementary, INVERSE_SQRT_TWO_PI, Moments, TAIL_LIMIT_F32, finite_bell};

pub use reference::{reference, reference_slopes};

/// Nodes on either side of the mean.
pub const PAIRS: usize = 5;

/// The distance of the nodes in standard deviations.
const SPACING: f64 = 0.9;

/// p: what the differences of the slopes add to the mean, in σ.
const SHIFT: [f64; PAIRS] =
    [0.240_896_192_9, 0.086_575_642_01, 0.009_630_526_332, 0.000_965_891_620_9, 1.438_860_712e-6];

/// U, the sums of the slopes in the variance.
const EVEN: [[f64; PAIRS]; 3] = [
    [0.344_545_009_4, 0.115_469_454_7, 0.009_323_053_431, 0.002_348_628_998, -1.972_357_392e-5],
    [0.0, 0.106_693_508_3, 0.057_477_207_48, -0.003_313_243_788, -0.000_325_710_782_9],
    [0.0, 0.0, 0.027_441_524_77, 0.010_391_644_91, 0.004_123_376_782],
];

/// V, the differences.
const ODD: [[f64; PAIRS]; 2] = [
    [0.132_321_986_2, 0.138_500_928_2, 0.013_547_533_37, -0.005_066_000_274, 0.000_977_925_599_4],
    [0.0, 0.058_086_802_05, 0.047_504_715_54, 0.017_497_186_03, -0.001_596_236_981],
];

/// From this |m| on a function is its asymptote, for every narrow Gaussian.
pub const FARTHEST: f64 = 24.0;

/// What a function tends to on either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asymptote {
    /// 0 on the left, x on the right.
    Rectified,
    /// These two numbers.
    Step(f64, f64),
}

/// Where a function is not its asymptote.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// On which scale it changes there.
    pub scale: f64,
    /// Beyond this |x| they are equal in `f32`.
    pub end: f64,
}

/// The rule for wide Gaussians of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wide {
    /// A Gaussian is wide from a standard deviation of `from[0] + from[1]·|m|` on: the features
    /// lie around 0.
    pub from: [f64; 2],
    /// s: the standard deviation of the Gaussian that smooths the asymptote.
    pub smoothing: f64,
    /// cₙ of the function.
    pub mean: &'static [f64],
    /// cₙ of its square; for a step, of that of the distance from the middle.
    pub square: &'static [f64],
}

/// The sum and the difference of the slopes at m + d and m − d.
#[derive(Debug, Clone, Copy)]
pub struct Pair<V> {
    pub sum: V,
    pub difference: V,
}

/// A smooth function that has two asymptotes.
pub trait Smooth: Copy {
    /// Its asymptotes.
    const ASYMPTOTE: Asymptote;
    /// Where it differs from them.
    const EXTENT: Extent;

    /// Its rule for wide Gaussians.
    fn wide(self) -> Wide;

    /// The function.
    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value;

    /// Its slope, to a relative error wherever that is possible.
    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value;

    /// Mean and variance of the function of a Gaussian, in arithmetic that rounds to `f32`.
    fn moments<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        moments(a, self, mean, variance)
    }

    /// The slopes at m ± d/2, m ± 3d/2, …: where they are rational in eˣ, in fewer steps than each by
    /// itself. Anything where m ± 5d is beyond [`FARTHEST`] on either side.
    fn slopes<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        spacing: A::Value,
    ) -> [Pair<A::Value>; PAIRS] {
        places().map(|place| {
            let [above, below] = [place, -place].map(|place| {
                let place = a.constant(place);
                let x = a.fma(spacing, place, mean);
                self.slope(a, x)
            });
            Pair { sum: a.add(above, below), difference: a.sub(above, below) }
        })
    }
}

/// ½, 1½, …: the nodes above the mean in units of their distance.
pub fn places() -> [f64; PAIRS] {
    std::array::from_fn(|k| k as f64 + 0.5)
}

/// Mean and variance by the rule that is exact.
pub fn moments<A: Elementary, F: Smooth>(
    a: &mut A,
    f: F,
    mean: A::Value,
    variance: A::Value,
) -> Moments<A::Value> {
    let sigma = a.sqrt(variance);
    let narrow = narrow(a, f, mean, sigma);
    let wide = wide(a, f, mean, variance);
    let bound = bound(a, f.wide(), mean);
    let [mean, variance] = a.choose_ge(sigma, bound, [wide.0, wide.1], [narrow.0, narrow.1]);
    Moments::gaussian(mean, variance)
}

/// The standard deviation from which on a Gaussian is wide; not a number where the mean is none, so that
/// it is narrow.
pub fn bound<A: Arithmetic>(a: &mut A, wide: Wide, mean: A::Value) -> A::Value {
    let distance = a.abs(mean);
    let farthest = a.constant(FARTHEST);
    let distance = a.select_ge(distance, farthest, farthest, distance);
    let [least, slope] = wide.from.map(|from| a.constant(from));
    a.fma(distance, slope, least)
}

/// The rule for narrow Gaussians.
fn narrow<A: Elementary, F: Smooth>(
    a: &mut A,
    f: F,
    mean: A::Value,
    sigma: A::Value,
) -> (A::Value, A::Value) {
    let spacing = a.constant(SPACING);
    let spacing = a.mul(sigma, spacing);
    let pairs = f.slopes(a, mean, spacing);
    let (sums, differences) = (pairs.map(|pair| pair.sum), pairs.map(|pair| pair.difference));
    // Side by side: each sum waits for its own terms.
    let even = sum_of_squares(a, &EVEN, &sums);
    let odd = sum_of_squares(a, &ODD, &differences);
    let squares = a.add(even, odd);
    let shift = combine(a, &SHIFT, &differences);
    let value = f.value(a, mean);
    let scaled = a.mul(sigma, squares);
    (a.fma(sigma, shift, value), a.mul(sigma, scaled))
}

/// Σᵢ (Σₖ wᵢₖxₖ)².
fn sum_of_squares<A: Arithmetic, const N: usize>(
    a: &mut A,
    weights: &[[f64; N]],
    terms: &[A::Value],
) -> A::Value {
    let mut sum = a.constant(0.0);
    for (number, row) in weights.iter().enumerate() {
        let form = combine(a, row, terms);
        sum = if number == 0 { a.mul(form, form) } else { a.fma(form, form, sum) };
    }
    sum
}

/// Σ wₖxₖ over the weights other than 0.
pub fn combine<A: Arithmetic>(a: &mut A, weights: &[f64], terms: &[A::Value]) -> A::Value {
    let mut total = None;
    for (&weight, &term) in weights.iter().zip(terms).filter(|(weight, _)| **weight != 0.0) {
        let weight = a.constant(weight);
        total = Some(match total {
            None => a.mul(term, weight),
            Some(total) => a.fma(term, weight, total),
        });
    }
    total.unwrap_or_else(|| a.constant(0.0))
}

/// The rule for wide Gaussians.
fn wide<A: Elementary, F: Smooth>(
    a: &mut A,
    f: F,
    mean: A::Value,
    variance: A::Value,
) -> (A::Value, A::Value) {
    let wide = f.wide();
    let smoothed = Smoothed::of(a, wide, mean, variance);
    let [of_mean, of_square] =
        [wide.mean, wide.square].map(|cs| combine(a, cs, &smoothed.polynomials));
    match F::ASYMPTOTE {
        Asymptote::Rectified => {
            let gain = a.add(smoothed.total, of_mean);
            let product = a.mul(mean, smoothed.above);
            let result = a.fma(gain, smoothed.density, product);
            // m is x(σ² + s²), and finite where the density is 0.
            let mean_of_x = a.mul(smoothed.x, smoothed.total);
            let excess = a.negated_fma(mean_of_x, of_mean, of_square);
            (result, smoothed.rectified_variance(a, result, excess))
        }
        Asymptote::Step(low, high) => {
            let [half, centre, size, square] =
                [0.5, 0.5 * (low + high), high - low, (high - low) * (high - low)]
                    .map(|x| a.constant(x));
            let known = a.sub(smoothed.above, half);
            let known = a.mul(known, size);
            let spread = a.mul(smoothed.rarer, smoothed.rest);
            let spread = a.mul(spread, square);
            // E[f²] − E[f]² from the middle of the step on, beside those of the step.
            let first = a.mul(of_mean, smoothed.density);
            let twice = a.add(known, known);
            let both = a.add(twice, first);
            let sum = a.fma(of_square, smoothed.density, spread);
            let result = a.negated_fma(first, both, sum);
            let known = a.add(known, centre);
            let value = a.add(known, first);
            let [low, high] = [low.min(high), low.max(high)].map(|x| a.constant(x));
            // Far from the step the remainder's error is larger than what is left of it.
            let value = a.select_ge(low, value, low, value);
            let value = a.select_ge(value, high, high, value);
            (value, not_below_zero(a, result))
        }
    }
}

/// A number or 0, the larger of both; what is not a number stays.
fn not_below_zero<A: Arithmetic>(a: &mut A, x: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    a.select_ge(zero, x, zero, x)
}

/// What the rule for wide Gaussians is made of.
pub struct Smoothed<V> {
    mean: V,
    variance: V,
    /// τ² = σ² + s².
    total: V,
    /// The probability that X + sε is above 0: Φ(m/τ).
    pub above: V,
    /// The smaller of that and what is left.
    rarer: V,
    rest: V,
    /// φ(m/τ)/τ.
    pub density: V,
    /// m/τ², finite where the density is 0.
    x: V,
    /// Heₙ(m/τ)/τⁿ.
    pub polynomials: Vec<V>,
}

impl<V: Copy> Smoothed<V> {
    /// Of a Gaussian, with polynomials for all coefficients of a rule.
    pub fn of<A: Elementary<Value = V>>(a: &mut A, wide: Wide, mean: V, variance: V) -> Self {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let square = a.constant(wide.smoothing * wide.smoothing);
        let total = a.add(variance, square);
        let tau = a.sqrt(total);
        let inverse = a.div(one, tau);
        let z = a.mul(mean, inverse);
        let distance = a.abs(z);
        let bell = finite_bell(a, distance);
        let rarer = a.upper_tail_beside(distance, bell);
        let rest = a.sub(one, rarer);
        let scale = a.constant(INVERSE_SQRT_TWO_PI);
        let scale = a.mul(inverse, scale);
        let [low, high] = [-TAIL_LIMIT_F32, TAIL_LIMIT_F32].map(|limit| a.constant(limit));
        let held = a.min_or(z, high);
        let held = a.max(held, low);
        let x = a.mul(held, inverse);
        Self {
            mean,
            variance,
            total,
            above: a.select_ge(z, zero, rest, rarer),
            rarer,
            rest,
            density: a.mul(bell, scale),
            x,
            polynomials: polynomials(a, x, inverse, wide.mean.len().max(wide.square.len())),
        }
    }

    /// The variance of a function with a rectified asymptote from its mean M, where E\[f²\] is
    /// vΦ + mM + D·excess:
    ///
    /// ```text
    /// Var[f(X)] = vΦ + M(m − M) + D·excess
    /// ```
    ///
    /// A wide Gaussian is not so far from 0 that M(m − M) would lose what v adds.
    pub fn rectified_variance<A: Elementary<Value = V>>(
        &self,
        a: &mut A,
        result: V,
        excess: V,
    ) -> V {
        let sum = a.mul(self.variance, self.above);
        let sum = a.fma(self.density, excess, sum);
        let gap = a.sub(self.mean, result);
        let spread = a.fma(result, gap, sum);
        not_below_zero(a, spread)
    }
}

/// Heₙ(z)/τⁿ for n below `count` from x = z/τ and 1/τ.
fn polynomials<A: Arithmetic>(
    a: &mut A,
    x: A::Value,
    inverse: A::Value,
    count: usize,
) -> Vec<A::Value> {
    let square = a.mul(inverse, inverse);
    let mut found = vec![a.constant(1.0), x];
    let mut factor = square;
    while let [.., before, last] = found[..]
        && found.len() < count
    {
        // Only the last step is on the path from one to the next.
        let product = a.mul(factor, before);
        let product = a.negate(product);
        found.push(a.fma(x, last, product));
        factor = a.add(factor, square);
    }
    found
}
