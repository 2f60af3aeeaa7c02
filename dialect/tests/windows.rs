//! Maxima of Gaussians with covariances: the formula beside integrals, windows beside draws, and what becomes of
//! them in the interpreter.

mod common;
#[path = "common/quadrature.rs"]
mod quadrature;
#[path = "common/single.rs"]
mod single;

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use common::{none, program, random};
use gauss_dialect::{
    interpreter::{F64, Tensor},
    moments::{self, Maximum, Moments, max_of_window, pairs},
};
use proptest::prelude::*;
use quadrature::Quadrature;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use single::F32;

fn gaussian((mean, variance): (f64, f64)) -> Moments<f64> {
    Moments::gaussian(mean, variance)
}

fn both(moments: Moments<f64>) -> (f64, f64) {
    (moments.mean, moments.variance.unwrap_or(f64::NAN))
}

/// The maximum of two with a covariance.
fn maximum(x: (f64, f64), y: (f64, f64), covariance: f64) -> (f64, f64) {
    both(Maximum::of(&mut F64, [gaussian(x), gaussian(y)], Some(covariance)).moments)
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// What the maximum of X = m + σs and Y = n + τ(ρs + √(1 − ρ²)t) is above the larger mean, and its variance, over
/// independent standard normal s and t.
fn integrated(x: (f64, f64), y: (f64, f64), correlation: f64) -> (f64, f64) {
    let q = Quadrature::new();
    let base = x.0.max(y.0);
    let (sigma, tau) = (x.1.sqrt(), y.1.sqrt());
    let rest = tau * (1.0 - correlation * correlation).max(0.0).sqrt();
    let panels = |kink: f64| {
        let mut bounds: Vec<f64> = (-20..=20).map(|n| f64::from(n) * 0.5).collect();
        // Where the larger one changes, the maximum has a bend.
        bounds.extend((-3..=3).map(|n| kink + f64::from(n) * 0.05).filter(|at| at.abs() < 10.0));
        bounds.sort_by(f64::total_cmp);
        bounds
    };
    let expect = |f: &dyn Fn(f64) -> f64| {
        let meet = (y.0 - x.0) / (sigma - correlation * tau);
        q.over(&panels(meet), |s| {
            let first = x.0 - base + sigma * s;
            let second = y.0 - base + correlation * tau * s;
            let inner = match rest == 0.0 {
                true => f(first.max(second)),
                false => q.over(&panels((first - second) / rest), |t| {
                    density(t) * f(first.max(second + rest * t))
                }),
            };
            density(s) * inner
        })
    };
    let gain = expect(&|z| z);
    (gain, expect(&|z| (z - gain).powi(2)))
}

const CORRELATIONS: [f64; 9] = [-1.0, -0.9, -0.3, 0.0, 0.2, 0.5, 0.9, 0.999, 1.0];

#[test]
fn the_maximum_of_correlated_numbers_is_the_integral() {
    for (v, w) in [(1.0, 1.0), (1.0, 0.3), (0.01, 1.0), (1.0, 1e-6), (1.0, 0.0), (0.0, 2.0)] {
        for difference in [-4.0, -1.5, -0.2, 0.0, 0.3, 1.0, 2.5] {
            for correlation in CORRELATIONS {
                let (x, y) = ((difference, v), (0.0, w));
                let covariance = correlation * f64::sqrt(v * w);
                let (gain, variance) = integrated(x, y, correlation);
                let result = maximum(x, y, covariance);
                let deviation = f64::sqrt(v + w);
                let place = format!("{difference}, {v}, {w}, {correlation}");
                let error = (result.0 - difference.max(0.0) - gain).abs() / deviation;
                assert!(error < 1e-9, "{place}: mean {error:e}");
                let error = (result.1 - variance).abs() / variance.max(1e-3 * (v + w));
                assert!(error < 1e-8, "{place}: variance {} for {variance}: {error:e}", result.1);
            }
        }
    }
}

#[test]
fn the_maximum_of_correlated_numbers_is_what_draws_give() {
    const DRAWS: usize = 400_000;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (difference, w, correlation) in [(0.3, 0.5, 0.8), (-0.5, 1.0, -0.7), (1.0, 2.0, 0.4)] {
        let f = f64::sqrt(1.0 - correlation * correlation);
        let mut draw = || {
            let (s, t): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
            f64::max(difference + s, f64::sqrt(w) * (correlation * s + f * t))
        };
        let draws: Vec<_> = (0..DRAWS).map(|_| draw()).collect();
        let (mean, variance) = statistics(&draws);
        let result = maximum((difference, 1.0), (0.0, w), correlation * f64::sqrt(w));
        let noise = (variance / DRAWS as f64).sqrt();
        assert!((result.0 - mean).abs() < 5.0 * noise, "{} for {mean}", result.0);
        assert!((result.1 / variance - 1.0).abs() < 0.015, "{} for {variance}", result.1);
    }
}

fn statistics(draws: &[f64]) -> (f64, f64) {
    let mean = draws.iter().sum::<f64>() / draws.len() as f64;
    let squares = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    (mean, squares / (draws.len() - 1) as f64)
}

/// Equal numbers with the covariance that they have are one number.
#[test]
fn the_maximum_of_a_number_with_itself_is_that_number() {
    for (mean, variance) in [(0.0, 1.0), (-3.5, 0.1), (1e20, 1e-30), (1e-20, 1e30), (2.0, 0.0)] {
        assert_eq!(maximum((mean, variance), (mean, variance), variance), (mean, variance));
        // As far apart as they are, the larger one is always the larger one.
        let above = mean + 0.5;
        assert_eq!(maximum((mean, variance), (above, variance), variance), (above, variance));
        let x = [mean, variance].map(|x| x as f32);
        let single = Moments::gaussian(x[0], x[1]);
        let result = Maximum::of(&mut F32, [single, single], Some(x[1])).moments;
        assert_eq!(result, single);
    }
}

/// X and −X: the maximum is |X|.
#[test]
fn the_maximum_of_opposite_numbers_is_the_size() {
    for variance in [1.0, 1e-12, 3e8] {
        let (mean, spread) = maximum((0.0, variance), (0.0, variance), -variance);
        assert!((mean / (2.0 * variance / PI).sqrt() - 1.0).abs() < 1e-14, "{mean}");
        assert!((spread / (variance * (1.0 - 2.0 / PI)) - 1.0).abs() < 1e-14, "{spread}");
    }
}

/// Rounded to `f32`, also where the variances are of very different sizes and where the difference of the
/// numbers is nearly certain.
#[test]
fn single_precision_is_close_to_double() {
    let (mut of_mean, mut of_variance) = (0.0f64, 0.0f64);
    for (v, w) in [(1.0, 1.0), (1.0, 0.4), (1.0, 1e-3), (1e-4, 1.0), (1e-12, 2e-12), (3e8, 1e8)] {
        for step in -40..=40 {
            for correlation in CORRELATIONS {
                let single = |x: f64| x as f32;
                let deviation = f64::sqrt(v + w);
                let m = single(f64::from(step) * 0.15 * deviation);
                let [v, w] = [single(v), single(w)];
                let c = single(correlation * f64::sqrt(f64::from(v) * f64::from(w)));
                let numbers = [Moments::gaussian(m, v), Moments::gaussian(0.0, w)];
                let result = Maximum::of(&mut F32, numbers, Some(c)).moments;
                let expected =
                    maximum((f64::from(m), f64::from(v)), (0.0, f64::from(w)), f64::from(c));
                let scale = deviation + expected.0.abs();
                of_mean = of_mean.max((f64::from(result.mean) - expected.0).abs() / scale);
                let variance = f64::from(result.variance.unwrap());
                of_variance = of_variance.max((variance / expected.1 - 1.0).abs());
            }
        }
    }
    println!("mean {of_mean:e} of the deviation, variance {of_variance:e} of itself");
    assert!(of_mean < 2e-6, "{of_mean:e}");
    assert!(of_variance < 2e-5, "{of_variance:e}");
}

fn any_numbers() -> impl Strategy<Value = ((f64, f64), (f64, f64), f64)> {
    let mean = || (-30.0..30.0f64, any::<bool>());
    let variance =
        || prop_oneof![1 => Just(0.0), 8 => (-37.0..37.0f64).prop_map(|e| 10f64.powf(e))];
    let correlation = prop_oneof![1 => Just(1.0), 1 => Just(-1.0), 4 => -1.01..1.01f64];
    (mean(), variance(), mean(), variance(), correlation).prop_map(|(m, v, n, w, correlation)| {
        let signed = |(e, minus): (f64, bool)| 10f64.powf(e) * if minus { -1.0 } else { 1.0 };
        ((signed(m), v), (signed(n), w), correlation * v.sqrt() * w.sqrt())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn no_maximum_is_undefined_or_has_a_negative_variance((x, y, c) in any_numbers()) {
        let (mean, variance) = maximum(x, y, c);
        prop_assert!(mean.is_finite() && variance.is_finite() && variance >= 0.0, "{mean} {variance}");
        let single = |(m, v): (f64, f64)| Moments::gaussian(m as f32, v as f32);
        let result = Maximum::of(&mut F32, [single(x), single(y)], Some(c as f32)).moments;
        prop_assert!(result.mean.is_finite(), "{result:?}");
        prop_assert!(result.variance.is_some_and(|v| v.is_finite() && v >= 0.0), "{result:?}");
    }

    #[test]
    fn covariances_that_cannot_be_give_nothing_undefined(
        x in (-5.0..5.0f64, 0.0..2.0f64), y in (-5.0..5.0f64, 0.0..2.0f64), c in -9.0..9.0f64,
    ) {
        let (mean, variance) = maximum(x, y, c);
        prop_assert!(mean >= x.0.max(y.0) && mean.is_finite());
        prop_assert!(variance >= 0.0 && variance.is_finite());
    }

    #[test]
    fn without_covariance_it_is_the_maximum_of_independent_numbers((x, y, _) in any_numbers()) {
        let plain = both(moments::max(&mut F64, gaussian(x), gaussian(y)));
        prop_assert_eq!(maximum(x, y, 0.0), plain);
    }

    #[test]
    fn it_is_scale_equivariant(
        m in -3.0..3.0f64, v in 0.0..2.0f64, w in 0.0..2.0f64, r in -1.0..1.0f64, e in -60..60i32,
    ) {
        let c = r * f64::sqrt(v * w);
        let (once, twice) = (2f64.powi(e), 4f64.powi(e));
        let (mean, variance) = maximum((m, v), (0.5, w), c);
        let scaled = maximum((m * once, v * twice), (0.5 * once, w * twice), c * twice);
        prop_assert_eq!(scaled, (mean * once, variance * twice));
    }

    /// Φ of the difference in its deviations.
    #[test]
    fn weights_are_the_probabilities_of_being_larger(
        m in -6.0..6.0f64, v in 0.01..2.0f64, w in 0.01..2.0f64, r in -0.99..0.99f64,
    ) {
        let c = r * f64::sqrt(v * w);
        let maximum = Maximum::of(&mut F64, [gaussian((m, v)), gaussian((0.0, w))], Some(c));
        let [p, q] = maximum.weights(&mut F64);
        let ratio = m / f64::sqrt(v + w - 2.0 * c);
        let expected = 0.5 * libm::erfc(-ratio * FRAC_1_SQRT_2);
        prop_assert!((p - expected).abs() < 1e-12, "{} for {}", p, expected);
        prop_assert!((p + q - 1.0).abs() < 1e-15);
    }
}

/// The kernels of windows that may have covariances.
const KERNELS: [&[i64]; 9] =
    [&[2], &[3], &[4], &[1, 2], &[2, 1], &[2, 2], &[2, 1, 2], &[1, 2, 2], &[2, 2, 1]];

fn size(kernel: &[i64]) -> usize {
    kernel.iter().product::<i64>() as usize
}

/// Rows from left to right, then down, then back: as windows of independent elements.
#[test]
fn a_window_without_covariances_is_a_chain_of_maxima() {
    let x = random(&[4], true, 7);
    let at = |n: usize| Moments::gaussian(x.mean[n], x.variance.as_ref().unwrap()[n]);
    let max = |x, y| moments::max(&mut F64, x, y);
    for kernel in KERNELS {
        let count = size(kernel);
        let elements: Vec<_> = (0..count).map(at).collect();
        let expected = match kernel {
            [2, 2] | [2, 1, 2] | [1, 2, 2] | [2, 2, 1] => max(max(at(0), at(1)), max(at(2), at(3))),
            _ => elements.iter().copied().reduce(max).unwrap(),
        };
        let zeros = vec![0.0; pairs(count)];
        assert_eq!(max_of_window(&mut F64, kernel, &elements, &zeros), expected, "{kernel:?}");
    }
}

/// Elements that are sums of the same standard normal numbers, as a convolution makes them.
struct Elements {
    means: Vec<f64>,
    factors: Vec<Vec<f64>>,
}

impl Elements {
    fn new(count: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let row = |rng: &mut ChaCha8Rng| (0..5).map(|_| rng.random_range(-0.4..0.8)).collect();
        let factors = (0..count).map(|_| row(&mut rng)).collect();
        Self { means: (0..count).map(|_| rng.random_range(-0.4..0.4)).collect(), factors }
    }

    fn covariance(&self, i: usize, j: usize) -> f64 {
        self.factors[i].iter().zip(&self.factors[j]).map(|(x, y)| x * y).sum()
    }

    fn maximum(&self, kernel: &[i64], with_covariances: bool) -> (f64, f64) {
        let count = self.means.len();
        let at = |n: usize| Moments::gaussian(self.means[n], self.covariance(n, n));
        let elements: Vec<_> = (0..count).map(at).collect();
        let of_pairs = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j)));
        let covariances: Vec<_> = of_pairs
            .map(|(i, j)| if with_covariances { self.covariance(i, j) } else { 0.0 })
            .collect();
        both(max_of_window(&mut F64, kernel, &elements, &covariances))
    }

    fn drawn(&self, draws: usize, seed: u64) -> (f64, f64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = || {
            let common: Vec<f64> = (0..5).map(|_| rng.sample(StandardNormal)).collect();
            let elements = self.means.iter().zip(&self.factors);
            let values = elements.map(|(mean, factors)| {
                mean + factors.iter().zip(&common).map(|(x, y)| x * y).sum::<f64>()
            });
            values.fold(f64::NEG_INFINITY, f64::max)
        };
        let draws: Vec<_> = (0..draws).map(|_| draw()).collect();
        statistics(&draws)
    }
}

/// Of two elements within the noise of the draws, which is 0.002 deviations and 0.3 %; of more as close as a
/// maximum is to a Gaussian, here on average over windows.
#[test]
fn windows_are_what_draws_of_their_elements_give() {
    for kernel in KERNELS {
        let count = size(kernel);
        const WINDOWS: u64 = 12;
        let (mut with, mut without) = ([0.0f64; 2], [0.0f64; 2]);
        for seed in 0..WINDOWS {
            let elements = Elements::new(count, seed);
            let (mean, variance) = elements.drawn(200_000, 100 + seed);
            let errors = |(m, v): (f64, f64)| {
                [(m - mean).abs() / variance.sqrt(), (v / variance - 1.0).abs()]
            };
            let (one, other) =
                (errors(elements.maximum(kernel, true)), errors(elements.maximum(kernel, false)));
            for n in 0..2 {
                with[n] += one[n] / WINDOWS as f64;
                without[n] += other[n] / WINDOWS as f64;
            }
        }
        println!("{kernel:?}: {with:?}, without covariances {without:?}");
        let allowed = if count == 2 { [0.003, 0.005] } else { [0.02, 0.08] };
        for n in 0..2 {
            assert!(with[n] < allowed[n] && without[n] > 2.5 * with[n], "{kernel:?}: {with:?}");
        }
    }
}

/// Which element of the input meets which covariance: windows of an image, apart and dilated.
#[test]
fn the_interpreter_takes_the_pairs_of_each_window() {
    let x = random(&[2, 3, 5, 6], true, 4);
    let covariances: Vec<_> = (0..6).map(|n| random(&[2, 3, 2, 4], false, 10 + n)).collect();
    let covariances = covariances.into_iter().map(|mut tensor| {
        tensor.mean.iter_mut().for_each(|c| *c *= 0.1);
        tensor
    });
    let inputs: Vec<_> = [x.clone()].into_iter().chain(covariances).collect();
    let plain = "tensor<2x3x2x4xf32>";
    let arguments: Vec<_> = (0..6).map(|n| format!("%c{n}: {plain}")).collect();
    let names: Vec<_> = (0..6).map(|n| format!("%c{n}")).collect();
    let types = [plain; 6].join(", ");
    let source = format!(
        "func.func @main(%x: !gauss.tensor<2x3x5x6xf32>, {}) -> !gauss.tensor<2x3x2x4xf32> {{
           %y = gauss.max_pool2d %x, {} kernel [2, 2] strides [2, 1] dilation [1, 2]
             : (!gauss.tensor<2x3x5x6xf32>, {types}) -> !gauss.tensor<2x3x2x4xf32>
           return %y : !gauss.tensor<2x3x2x4xf32>
         }}",
        arguments.join(", "),
        names.join(", "),
    );
    let program = program(&source, &none).unwrap();
    let result = program.run(&inputs).unwrap().remove(0);
    for plane in 0..6 {
        for (row, column) in (0..2).flat_map(|row| (0..4).map(move |column| (row, column))) {
            let at = |down: usize, right: usize| {
                let place = plane * 30 + (2 * row + down) * 6 + column + 2 * right;
                Moments::gaussian(x.mean[place], x.variance.as_ref().unwrap()[place])
            };
            let place = plane * 8 + row * 4 + column;
            let of_pairs: Vec<_> = inputs[1..].iter().map(|pair| pair.mean[place]).collect();
            let elements = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
            let (mean, variance) = both(max_of_window(&mut F64, &[2, 2], &elements, &of_pairs));
            assert_eq!(result.mean[place], mean);
            assert_eq!(result.variance.as_ref().unwrap()[place], variance);
        }
    }
    // Numbers that are drawn have no covariances.
    let draws = program.draws(&inputs, 0..3, 5).unwrap();
    assert!(draws.iter().all(|draw| draw[0].variance.is_none()));
}

/// What computes covariances is none of the layers, and no draw needs it.
#[test]
fn draws_and_traces_leave_out_what_computes_covariances() {
    let source = |operand: &str, ty: &str| {
        format!(
            "func.func @main(%x: !gauss.tensor<1x1x4xf32>) -> !gauss.tensor<1x1x2xf32> {{
               %v = gauss.variance %x : !gauss.tensor<1x1x4xf32>
               %c = gauss.slice %v axis 2 size 2 : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32>
               %y = gauss.max_pool1d %x{operand} kernel [2] strides [2]
                 : (!gauss.tensor<1x1x4xf32>{ty}) -> !gauss.tensor<1x1x2xf32>
               return %y : !gauss.tensor<1x1x2xf32>
             }}"
        )
    };
    let x = random(&[1, 1, 4], true, 9);
    let with = program(&source(", %c", ", tensor<1x1x2xf32>"), &none).unwrap();
    let inputs: [Tensor; 1] = [x];
    let traced = with.trace(&inputs).unwrap();
    let ops: Vec<_> = traced.iter().map(|layer| &layer.op[..]).collect();
    assert_eq!(ops, ["gauss.max_pool1d"]);
    let mut passes = 0;
    let sampled = with.sample_trace(&inputs, 10, 1, &mut |_| passes += 1).unwrap();
    assert_eq!((sampled.layers.len(), sampled.outputs.len(), passes), (1, 1, 10));
    assert_eq!(sampled.layers[0].moments, sampled.outputs[0].moments);
    // Where nothing takes them they are ops like others, and have no meaning in a draw.
    let without = program(&source("", ""), &none).unwrap();
    assert_eq!(without.trace(&inputs).unwrap().len(), 3);
    assert!(without.sample(&inputs, 10, 1).unwrap_err().to_string().contains("no meaning"));
}
