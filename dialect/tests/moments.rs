//! The algebra of means and variances against numeric integration, and its
//! properties over wide ranges of operands.

#[path = "common/quadrature.rs"]
mod quadrature;
#[path = "common/single.rs"]
mod single;

use gauss_dialect::{
    interpreter::F64,
    moments::{self, Arithmetic, Moments, TAIL_LIMIT_F32, Tail},
};
use proptest::prelude::*;
use quadrature::Quadrature;
use single::F32;

//===----------------------------------------------------------------------===//
// Numeric integration
//===----------------------------------------------------------------------===//

impl Quadrature {
    /// ∫₀^∞ tⁿ φ(a + t) dt for a ≥ 0: no cancellation anywhere.
    fn tail_integral(&self, n: i32, a: f64) -> f64 {
        // Where the density has fallen by 1e-20 from its value at a.
        let end = (a * a + 92.0).sqrt() - a;
        let bounds: Vec<_> = (0..=16).map(|i| end * f64::from(i) / 16.0).collect();
        self.over(&bounds, |t| t.powi(n) * density(a + t))
    }

    /// Mean and variance of max(Z, 0) for Z ~ N(a, 1), the variance as a sum of
    /// squares: the mass at zero, and the density above.
    fn rectified(&self, a: f64) -> (f64, f64) {
        let start = (a - 13.0).max(0.0);
        let end = if a < 0.0 { (a * a + 92.0).sqrt() + a } else { a + 13.0 };
        let bounds: Vec<_> =
            (0..=32).map(|i| start + (end - start) * f64::from(i) / 32.0).collect();
        let mean = self.over(&bounds, |z| z * density(z - a));
        let at_zero = match a >= 0.0 {
            true => self.tail_integral(0, a),
            false => 1.0 - self.tail_integral(0, -a),
        };
        let above = self.over(&bounds, |z| (z - mean).powi(2) * density(z - a));
        (mean, at_zero * mean * mean + above)
    }

    /// What the maximum adds to the larger mean, and its variance, from the
    /// density φ₁Φ₂ + φ₂Φ₁ of the maximum.
    fn maximum(&self, x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
        let base = x.0.max(y.0);
        // Panels on the scale of either deviation around either mean.
        let mut bounds: Vec<f64> = Vec::new();
        for (mean, variance) in [x, y] {
            let steps = (-26..=26).map(|i| f64::from(i) * 0.5);
            bounds.extend(steps.map(|step| mean - base + step * variance.sqrt()));
        }
        bounds.sort_by(f64::total_cmp);
        let cdf = |z: f64| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
        let maximum_density = |z: f64| {
            let standard = |(mean, variance): (f64, f64)| (z - (mean - base)) / variance.sqrt();
            let (s, t) = (standard(x), standard(y));
            density(s) / x.1.sqrt() * cdf(t) + density(t) / y.1.sqrt() * cdf(s)
        };
        let gain = self.over(&bounds, |z| z * maximum_density(z));
        (gain, self.over(&bounds, |z| (z - gain).powi(2) * maximum_density(z)))
    }

    /// Mean and variance of X·W.
    fn product(&self, x: (f64, f64), w: (f64, f64)) -> (f64, f64) {
        let bounds: Vec<_> = (-10..=10).map(f64::from).collect();
        let expect = |f: &dyn Fn(f64, f64) -> f64| {
            self.over(&bounds, |s| {
                density(s)
                    * self.over(&bounds, |t| {
                        density(t) * f(x.0 + s * x.1.sqrt(), w.0 + t * w.1.sqrt())
                    })
            })
        };
        let mean = expect(&|x, w| x * w);
        (mean, expect(&|x, w| (x * w - mean).powi(2)))
    }
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn relative_error(actual: f64, expected: f64) -> f64 {
    if actual == expected { 0.0 } else { ((actual - expected) / expected).abs() }
}

#[track_caller]
fn assert_close(actual: f64, expected: f64, tolerance: f64) {
    let error = relative_error(actual, expected);
    assert!(error <= tolerance, "{actual:e} is not {expected:e}: relative error {error:e}");
}

fn gaussian((mean, variance): (f64, f64)) -> Moments<f64> {
    Moments::gaussian(mean, variance)
}

/// Mean and variance of a result that has both.
fn both(moments: Moments<f64>) -> (f64, f64) {
    (moments.mean, moments.variance.unwrap_or(f64::NAN))
}

#[test]
fn the_quadrature_integrates_what_is_known() {
    let q = Quadrature::new();
    assert_close(q.over(&[-1.0, 1.0], |x| x.powi(38)), 2.0 / 39.0, 1e-14);
    assert_close(q.tail_integral(0, 0.0), 0.5, 1e-14);
    assert_close(q.tail_integral(2, 0.0), 0.5, 1e-14);
}

#[test]
fn the_reference_tail_keeps_its_relative_accuracy_as_far_as_numbers_reach() {
    let q = Quadrature::new();
    let (mut worst, mut worst_upper) = (0.0f64, 0.0f64);
    for step in 0..=3700 {
        let a = f64::from(step) * 0.01;
        let tail = Tail::reference(&mut F64, a);
        let (j, k) = (q.tail_integral(1, a), q.tail_integral(2, a));
        worst = worst
            .max(relative_error(tail.j, j))
            .max(relative_error(tail.lower(&mut F64), k - j * j));
        worst_upper =
            worst_upper.max(relative_error(tail.upper(&mut F64), 1.0 - k - 2.0 * a * j - j * j));
    }
    println!("J and L: {worst:e}, U: {worst_upper:e}");
    // Below 3 the differences lose a⁴/2 roundings, beyond the exponential a²/2.
    assert!(worst < 2e-13, "{worst:e}");
    assert!(worst_upper < 1e-14, "{worst_upper:e}");
}

#[test]
fn the_tail_ends_in_zero_and_one() {
    for ratio in [TAIL_LIMIT_F32, 40.0, 1e300, f64::INFINITY, f64::NAN] {
        let single = F32.tail(ratio as f32);
        let (lower, upper) = (single.lower(&mut F32), single.upper(&mut F32));
        assert_eq!((single.j, lower, upper), (0.0, 0.0, 1.0), "at {ratio}");
    }
    for ratio in [39.0, 1e300, f64::INFINITY, f64::NAN] {
        let double = F64.tail(ratio);
        let (lower, upper) = (double.lower(&mut F64), double.upper(&mut F64));
        assert_eq!((double.j, lower, upper), (0.0, 0.0, 1.0), "at {ratio}");
    }
}

#[test]
fn relu_is_the_integral_of_the_rectified_density() {
    let q = Quadrature::new();
    for step in -370..=400 {
        let a = f64::from(step) * 0.1;
        let (mean, variance) = q.rectified(a);
        for sigma in [1.0, 1e-6, 1e4] {
            let result = both(moments::relu(&mut F64, gaussian((a * sigma, sigma * sigma))));
            // The rounding of the ratio mean/σ costs a² roundings in the tail.
            let tolerance = 3e-13 + a * a * 3e-16;
            assert_close(result.0, mean * sigma, tolerance);
            assert_close(result.1, variance * sigma * sigma, 2.0 * tolerance);
        }
    }
}

#[test]
fn max_is_the_integral_of_the_density_of_the_maximum() {
    let q = Quadrature::new();
    for variance in [1.0, 0.3, 1e-3, 1e-8] {
        for step in -80..=80 {
            let (x, y) = ((f64::from(step) * 0.1, 1.0), (0.0, variance));
            let (gain, expected) = q.maximum(x, y);
            let result = both(moments::max(&mut F64, gaussian(x), gaussian(y)));
            let theta = (x.1 + y.1).sqrt();
            let error = (result.0 - x.0.max(y.0) - gain).abs() / theta;
            assert!(error < 1e-13, "{x:?} {y:?}: {error:e}");
            assert_close(result.1, expected, 1e-12);
        }
    }
}

#[test]
fn products_are_the_integrals_over_both_densities() {
    let q = Quadrature::new();
    let operands = [(0.0, 1.0), (1.5, 0.25), (-3.0, 1e-4), (40.0, 2.0), (1e-3, 9.0)];
    for x in operands {
        for w in operands {
            let zero = Moments::deterministic(0.0);
            let result = moments::multiply_add(&mut F64, gaussian(x), gaussian(w), zero);
            let (mean, variance) = q.product(x, w);
            assert!((result.mean - mean).abs() <= 1e-13 * (mean.abs() + variance.sqrt()));
            assert_close(both(result).1, variance, 1e-12);

            let exact_x = Moments::deterministic(x.0);
            let exact_w = Moments::deterministic(w.0);
            let result = moments::multiply_add(&mut F64, exact_x, gaussian(w), zero);
            assert_eq!(both(result), (x.0 * w.0, x.0 * x.0 * w.1));
            let result = moments::multiply_add(&mut F64, gaussian(x), exact_w, zero);
            assert_eq!(both(result), (x.0 * w.0, x.1 * (w.0 * w.0)));
            let result = moments::multiply_add(&mut F64, exact_x, exact_w, zero);
            assert_eq!(result, Moments::deterministic(x.0 * w.0));
        }
    }
}

#[test]
fn batch_norm_is_an_affine_map_with_independent_factor_and_summand() {
    let q = Quadrature::new();
    let (x, running_mean, running_variance, epsilon) = ((3.0, 2.0), 1.0, 3.99, 0.01);
    let deviation = moments::batch_norm_deviation(&mut F64, running_variance, epsilon);
    assert_close(deviation, 2.0, 1e-15);

    let (gamma, beta) = (Moments::deterministic(1.5), Moments::deterministic(-4.0));
    let normalise = |gamma, beta| {
        moments::batch_norm(&mut F64, gaussian(x), gamma, beta, running_mean, deviation)
    };
    // (3 - 1)/2·1.5 - 4 and 2/4·1.5².
    let (mean, variance) = both(normalise(gamma, beta));
    assert_close(mean, -2.5, 1e-15);
    assert_close(variance, 1.125, 1e-15);

    let (gamma, beta) = ((1.5, 0.25), (-4.0, 0.75));
    let (mean, variance) = both(normalise(gaussian(gamma), gaussian(beta)));
    let product = q.product((1.0, 0.5), gamma);
    assert_close(mean, product.0 + beta.0, 1e-13);
    assert_close(variance, product.1 + beta.1, 1e-13);
}

//===----------------------------------------------------------------------===//
// Properties
//===----------------------------------------------------------------------===//

/// Zero, or a number of any sign over 60 decades.
fn any_mean() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(0.0),
        1 => Just(-0.0),
        8 => (-30.0..30.0f64, any::<bool>())
            .prop_map(|(exponent, minus)| 10f64.powf(exponent) * if minus { -1.0 } else { 1.0 }),
    ]
}

/// Zero, or a positive number over 120 decades.
fn any_variance() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 8 => (-60.0..60.0f64).prop_map(|exponent| 10f64.powf(exponent))]
}

fn any_moments() -> impl Strategy<Value = Moments<f64>> {
    (any_mean(), prop_oneof![1 => Just(None), 4 => any_variance().prop_map(Some)])
        .prop_map(|(mean, variance)| Moments { mean, variance })
}

/// Moments whose mean is some deviations from zero, where the ReLU is neither
/// on nor off.
fn near_zero() -> impl Strategy<Value = (f64, f64)> {
    (-6.0..6.0f64, -20.0..20.0f64).prop_map(|(ratio, exponent)| {
        let sigma = 10f64.powf(exponent);
        (ratio * sigma, sigma * sigma)
    })
}

fn is_sound(moments: Moments<f64>) -> bool {
    moments.mean.is_finite() && moments.variance.is_none_or(|v| v.is_finite() && v >= 0.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn no_result_is_undefined_or_has_a_negative_variance(
        x in any_moments(), y in any_moments(), z in any_moments(), factor in any_mean(),
    ) {
        prop_assert!(is_sound(moments::relu(&mut F64, x)));
        prop_assert!(is_sound(moments::max(&mut F64, x, y)));
        prop_assert!(is_sound(moments::add(&mut F64, x, y)));
        prop_assert!(is_sound(moments::scale(&mut F64, x, factor)));
        prop_assert!(is_sound(moments::multiply_add(&mut F64, x, y, z)));
        prop_assert!(is_sound(moments::batch_norm(&mut F64, x, y, z, factor, 0.5)));
    }

    #[test]
    fn single_precision_is_never_undefined_or_negative(
        x in (any::<f32>(), any::<f32>()), y in (any::<f32>(), any::<f32>()),
    ) {
        // Sums of such operands do not overflow.
        let moments = |(mean, variance): (f32, f32)| {
            Moments::gaussian(mean.clamp(-1e38, 1e38), variance.abs().min(1e38))
        };
        prop_assume!(!x.0.is_nan() && !x.1.is_nan() && !y.0.is_nan() && !y.1.is_nan());
        let results = [
            moments::relu(&mut F32, moments(x)),
            moments::max(&mut F32, moments(x), moments(y)),
        ];
        for result in results {
            prop_assert!(result.mean.is_finite(), "{result:?}");
            prop_assert!(result.variance.is_some_and(|v| v.is_finite() && v >= 0.0), "{result:?}");
        }
    }

    #[test]
    fn zero_variance_is_the_deterministic_result(m in any_mean(), n in any_mean(), s in any_mean()) {
        let (x, y, sum) = (gaussian((m, 0.0)), gaussian((n, 0.0)), gaussian((s, 0.0)));
        prop_assert_eq!(both(moments::relu(&mut F64, x)), (m.max(0.0), 0.0));
        prop_assert_eq!(both(moments::max(&mut F64, x, y)), (m.max(n), 0.0));
        prop_assert_eq!(both(moments::add(&mut F64, x, y)), (m + n, 0.0));
        prop_assert_eq!(both(moments::multiply_add(&mut F64, x, y, sum)), (m * n + s, 0.0));
    }

    #[test]
    fn deterministic_operands_have_a_deterministic_result(m in any_mean(), n in any_mean()) {
        let (x, y) = (Moments::deterministic(m), Moments::deterministic(n));
        prop_assert_eq!(moments::relu(&mut F64, x), Moments::deterministic(m.max(0.0)));
        prop_assert_eq!(moments::max(&mut F64, x, y), Moments::deterministic(m.max(n)));
        prop_assert_eq!(moments::add(&mut F64, x, y), Moments::deterministic(m + n));
    }

    #[test]
    fn a_missing_variance_is_a_zero_one(x in any_moments(), m in any_mean()) {
        let (exact, zero) = (Moments::deterministic(m), gaussian((m, 0.0)));
        let some = |r: Moments<f64>| (r.mean, r.variance.unwrap_or(0.0));
        prop_assert_eq!(
            some(moments::max(&mut F64, x, exact)), some(moments::max(&mut F64, x, zero)));
        prop_assert_eq!(
            some(moments::add(&mut F64, x, exact)), some(moments::add(&mut F64, x, zero)));
        prop_assert_eq!(
            some(moments::multiply_add(&mut F64, x, exact, exact)),
            some(moments::multiply_add(&mut F64, x, zero, zero)));
    }

    #[test]
    fn minus_infinity_is_neutral_for_max(m in any_mean(), v in any_variance()) {
        let x = gaussian((m, v));
        for neutral in [gaussian((f64::NEG_INFINITY, 0.0)), Moments::deterministic(f64::NEG_INFINITY)]
        {
            prop_assert_eq!(moments::max(&mut F64, x, neutral), x);
            prop_assert_eq!(moments::max(&mut F64, neutral, x), x);
            prop_assert_eq!(moments::max(&mut F64, neutral, neutral).mean, f64::NEG_INFINITY);
        }
    }

    #[test]
    fn max_is_symmetric(x in near_zero(), y in near_zero()) {
        let forth = both(moments::max(&mut F64, gaussian(x), gaussian(y)));
        let back = both(moments::max(&mut F64, gaussian(y), gaussian(x)));
        prop_assert_eq!(forth.0, back.0);
        // At equal means U and L are the same number, rounded differently.
        prop_assert!(relative_error(forth.1, back.1) < 1e-15);
    }

    #[test]
    fn max_of_two_means_is_a_lower_bound(x in near_zero(), y in near_zero()) {
        let (mean, variance) = both(moments::max(&mut F64, gaussian(x), gaussian(y)));
        prop_assert!(mean >= x.0.max(y.0));
        prop_assert!(variance <= x.1 + y.1);
    }

    #[test]
    fn max_does_not_feel_the_size_of_the_means(
        m in -(1i32 << 20)..1 << 20, n in -(1i32 << 20)..1 << 20,
        v in 1e-6..2.0f64, w in 1e-6..2.0f64,
    ) {
        // Multiples of 2^-18 to which 1e4 can be added exactly.
        let (m, n) = (f64::from(m) * 2f64.powi(-18), f64::from(n) * 2f64.powi(-18));
        let near = both(moments::max(&mut F64, gaussian((m, v)), gaussian((n, w))));
        let far = both(moments::max(&mut F64, gaussian((m + 1e4, v)), gaussian((n + 1e4, w))));
        prop_assert_eq!(near.1, far.1);
        prop_assert!((far.0 - 1e4 - near.0).abs() <= 4e-12);
    }

    #[test]
    fn relu_and_max_are_scale_equivariant(x in near_zero(), y in near_zero(), e in -20..20i32) {
        // A power of two scales every intermediate result exactly.
        let scaled = |r: (f64, f64)| (r.0 * 2f64.powi(e), r.1 * 4f64.powi(e));
        prop_assert_eq!(
            both(moments::relu(&mut F64, gaussian(scaled(x)))),
            scaled(both(moments::relu(&mut F64, gaussian(x)))));
        prop_assert_eq!(
            both(moments::max(&mut F64, gaussian(scaled(x)), gaussian(scaled(y)))),
            scaled(both(moments::max(&mut F64, gaussian(x), gaussian(y)))));
    }

    #[test]
    fn relu_is_the_maximum_with_zero(x in near_zero()) {
        let zero = gaussian((0.0, 0.0));
        let (relu, max) = (
            both(moments::relu(&mut F64, gaussian(x))),
            both(moments::max(&mut F64, gaussian(x), zero)),
        );
        prop_assert_eq!(relu.0, max.0);
        prop_assert!(relative_error(relu.1, max.1) < 1e-15);
    }

    /// max(x, 0) − max(−x, 0) = x, and the squares add up to x².
    #[test]
    fn positive_and_negative_part_make_the_whole((mean, variance) in near_zero()) {
        let positive = both(moments::relu(&mut F64, gaussian((mean, variance))));
        let negative = both(moments::relu(&mut F64, gaussian((-mean, variance))));
        let sigma = variance.sqrt();
        prop_assert!((positive.0 - negative.0 - mean).abs() <= 1e-14 * (sigma + mean.abs()));
        let square = |(mean, variance): (f64, f64)| variance + mean * mean;
        let whole = square((mean, variance));
        prop_assert!(relative_error(square(positive) + square(negative), whole) < 1e-13);
    }
}

//===----------------------------------------------------------------------===//
// Single precision
//===----------------------------------------------------------------------===//

/// Neither a result in units of its deviation nor the result itself is below
/// this: beneath lie the denormal numbers, where `f32` has few digits.
const LEAST: f64 = 1e-30;

/// The largest relative error that `f32` may make at a = |m₁ − m₂|/θ.
///
/// The fit of the tail is good to 1.5e-6 with the roundings that follow it. The
/// roundings of θ², θ, a and a² reach the result through φ, which turns a
/// relative error δ of a into a²δ: 3·a² half units at worst, below 2·a² as seen.
/// That is 2e-6 at 2 deviations, 6e-6 at 6 and 1.6e-5 at 11, where φ is 2e-27.
fn tolerance(a: f64) -> f64 {
    1.5e-6 + 2.0 * a * a * 0.5 * f64::from(f32::EPSILON)
}

/// The largest relative errors seen, and the largest in units of [`tolerance`].
#[derive(Debug, Default)]
struct Sweep {
    mean: f64,
    variance: f64,
    excess: f64,
}

impl Sweep {
    /// Compares results at a, with `theta` the unit of the deviation.
    fn compare(&mut self, a: f64, theta: f64, single: Moments<f32>, double: Moments<f64>) {
        let (mean, variance) = both(double);
        let single_variance = single.variance.map_or(f64::NAN, f64::from);
        let checks = [
            (&mut self.mean, single.mean.into(), mean, theta),
            (&mut self.variance, single_variance, variance, theta * theta),
        ];
        for (worst, actual, expected, unit) in checks {
            if expected.abs() >= LEAST * unit.max(1.0) {
                let error = relative_error(actual, expected);
                assert!(!error.is_nan(), "{actual:e} for {expected:e}");
                *worst = worst.max(error);
                self.excess = self.excess.max(error / tolerance(a));
            }
        }
    }

    #[track_caller]
    fn finish(self, name: &str) {
        let Self { mean, variance, excess } = self;
        println!("{name}: mean {mean:.1e}, variance {variance:.1e}, of tolerance {excess:.2}");
        assert!(excess <= 1.0, "{name}: mean {mean:e}, variance {variance:e}, {excess}");
    }
}

fn promoted(x: Moments<f32>) -> Moments<f64> {
    Moments { mean: x.mean.into(), variance: x.variance.map(f64::from) }
}

/// Means over deviations from -13 to 40, closely.
fn ratios() -> impl Iterator<Item = f64> {
    (-1_300_000..4_000_000).step_by(17).map(|step| f64::from(step) * 1e-5)
}

#[test]
fn single_precision_relu_is_close_to_double() {
    for sigma in [1e-15, 1e-6, 0.03, 1.0, 3e4, 1e15] {
        let mut sweep = Sweep::default();
        for ratio in ratios() {
            let x = Moments::gaussian((ratio * sigma) as f32, (sigma * sigma) as f32);
            let double = moments::relu(&mut F64, promoted(x));
            sweep.compare(ratio, sigma, moments::relu(&mut F32, x), double);
        }
        sweep.finish(&format!("relu, sigma {sigma:e}"));
    }
}

#[test]
fn single_precision_max_is_close_to_double() {
    for (v, w) in [(1.0, 0.7), (1.0, 0.0), (1e-8, 1.0), (3e8, 2e8), (1e-12, 1e-12)] {
        for base in [0.0f32, 1e4] {
            let theta = (f64::from(v) + f64::from(w)).sqrt();
            let mut sweep = Sweep::default();
            for ratio in ratios() {
                let x = Moments::gaussian((ratio * theta) as f32 + base, v);
                let y = Moments::gaussian(base, w);
                let double = moments::max(&mut F64, promoted(x), promoted(y));
                sweep.compare(ratio, theta, moments::max(&mut F32, x, y), double);
            }
            sweep.finish(&format!("max, variances {v:e} and {w:e}, means near {base:e}"));
        }
    }
}
