//! Mixtures over the nodes of a shared scale: each formula beside what it stands for, and whole layers beside draws.

mod common;
#[path = "common/quadrature.rs"]
mod quadrature;
#[path = "common/single.rs"]
mod single;

use std::f64::consts::PI;

use common::{gaussian, none, numbers, program};
use gauss_dialect::{
    interpreter::Tensor,
    moments::{F64, Moments, mixture},
};
use proptest::prelude::*;
use quadrature::Quadrature;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use single::F32;

fn density(t: f64) -> f64 {
    (-0.5 * t * t).exp() / (2.0 * PI).sqrt()
}

//===----------------------------------------------------------------------===//
// Deviations of squares
//===----------------------------------------------------------------------===//

/// The standard deviation of max(a + ξ, 0)² by integration: of the part above 0, and of the mass at 0.
fn rectified_deviation(quadrature: &Quadrature, a: f64) -> f64 {
    let (low, high) = match a < 0.0 {
        // Up to where the density has fallen by 1e-20 from its value at 0.
        true => (0.0, (a * a + 92.0).sqrt() + a),
        false => ((a - 13.0).max(0.0), a + 13.0),
    };
    let bounds: Vec<_> = (0..=64).map(|n| low + (high - low) * f64::from(n) / 64.0).collect();
    let over = |f: &dyn Fn(f64) -> f64| quadrature.over(&bounds, |x| f(x) * density(x - a));
    let size = a.abs();
    let beyond: Vec<_> = (0..=64).map(|n| size + 13.0 * f64::from(n) / 64.0).collect();
    let beyond = quadrature.over(&beyond, density);
    let at_zero = if a < 0.0 { 1.0 - beyond } else { beyond };
    let second = over(&|x| x * x);
    let variance = over(&|x| (x * x - second).powi(2)) + at_zero * second * second;
    variance.sqrt()
}

fn ratios() -> impl Iterator<Item = f64> {
    (-24..=12).map(|n| 10f64.powf(f64::from(n) / 4.0)).flat_map(|a| [-a, a])
}

/// The variance of X² is 4m²σ² + 2σ⁴, which integration gives, too.
#[test]
fn the_deviation_of_a_square_is_the_integral() {
    let quadrature = Quadrature::new();
    let bounds: Vec<_> = (0..=64).map(|n| -13.0 + 26.0 * f64::from(n) / 64.0).collect();
    for a in ratios() {
        // (a + t)² − (a² + 1) without what cancels.
        let variance =
            quadrature.over(&bounds, |t| (2.0 * a * t + t * t - 1.0).powi(2) * density(t));
        for sigma in [1e-8, 1.0, 1e6] {
            let x = Moments::gaussian(a * sigma, sigma * sigma);
            let got = mixture::square_deviation(&mut F64, x);
            let wanted = sigma * sigma * variance.sqrt();
            assert!((got - wanted).abs() < 1e-9 * wanted, "{a} {sigma}: {got}, not {wanted}");
        }
    }
}

/// Within 2e-4 of the integral, as far as there is any of it in double precision.
#[test]
fn the_deviation_of_a_rectified_square_is_the_integral() {
    let quadrature = Quadrature::new();
    let (mut worst, mut worst_single) = (0.0f64, 0.0f64);
    for a in ratios().filter(|a| *a > -30.0) {
        let wanted = rectified_deviation(&quadrature, a);
        for sigma in [1e-8, 1.0, 1e6] {
            let x = Moments::gaussian(a * sigma, sigma * sigma);
            let got = mixture::positive_square_deviation(&mut F64, x) / (sigma * sigma);
            worst = worst.max((got / wanted - 1.0).abs());
        }
        let single = mixture::positive_square_deviation(&mut F32, Moments::gaussian(a as f32, 1.0));
        let error = (f64::from(single) - wanted).abs() / wanted.max(1e-9);
        worst_single = worst_single.max(error);
    }
    assert!(worst < 2e-4, "{worst:.2e}");
    assert!(worst_single < 1e-3, "in single precision {worst_single:.2e}");
}

#[test]
fn a_known_number_has_no_deviation() {
    for mean in [-1e30, -3.0, -1e-20, 0.0, 1e-20, 2.0, 1e30] {
        for x in [Moments::deterministic(mean), Moments::gaussian(mean, 0.0)] {
            assert_eq!(mixture::square_deviation(&mut F64, x), 0.0, "{mean}");
            assert_eq!(mixture::positive_square_deviation(&mut F64, x), 0.0, "{mean}");
        }
        let x = Moments::gaussian(mean as f32, 0.0);
        assert_eq!(mixture::positive_square_deviation(&mut F32, x), 0.0, "{mean}");
    }
}

proptest! {
    /// Squares of such operands do not overflow.
    #[test]
    fn no_deviation_is_undefined_or_negative(
        mean in -37.0f32..18.0, variance in -37.0f32..18.0, is_negative in any::<bool>(),
    ) {
        let sign = if is_negative { -1.0 } else { 1.0 };
        let x = Moments::gaussian(sign * 10f32.powf(mean), 10f32.powf(variance));
        for got in [
            mixture::square_deviation(&mut F32, x),
            mixture::positive_square_deviation(&mut F32, x),
        ] {
            prop_assert!(got.is_finite() && got >= 0.0, "{x:?}: {got}");
        }
    }
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// The rules by their definition: roots of the Hermite polynomial, and weights that integrate powers.
#[test]
fn rules_integrate_powers() {
    for count in [3, 5] {
        let rule = mixture::rule(count).unwrap();
        for power in 0..2 * count as i32 {
            let got: f64 = rule.iter().map(|(x, w)| w * x.powi(power)).sum();
            // (n − 1)!! for even powers.
            let wanted: f64 = match power % 2 {
                0 => (1..power).step_by(2).map(f64::from).product(),
                _ => 0.0,
            };
            assert!((got - wanted).abs() < 1e-10 * wanted.max(1.0), "{count} {power}: {got}");
        }
    }
    assert!([0, 1, 2, 4, 6, -3].into_iter().all(|count| mixture::rule(count).is_none()));
}

fn scales(count: i64, variance: f64, mean: f64) -> Vec<f64> {
    let rule = mixture::rule(count).unwrap();
    rule.iter().map(|node| mixture::scale(&mut F64, &rule, [variance, mean], node.0)).collect()
}

/// The mean of the scale is 1, its variance r as far as the nodes reach.
#[test]
fn scales_have_the_mean_and_the_variance_that_they_stand_for() {
    for (count, reach) in [(3, 0.1), (5, 0.5)] {
        let rule = mixture::rule(count).unwrap();
        for mean in [1e-10, 1.0, 3e7] {
            for r in [1e-14, 1e-9, 1e-4, 0.01, 0.1, 0.5, 2.0, 50.0, 1e5, 1e12, 1e30] {
                let scales = scales(count, r * mean * mean, mean);
                assert!(scales.iter().all(|z| z.is_finite() && *z > 0.0), "{r}: {scales:?}");
                assert!(scales.is_sorted(), "{r}: {scales:?}");
                let of = |f: &dyn Fn(f64) -> f64| {
                    rule.iter().zip(&scales).map(|((_, w), z)| w * f(*z)).sum::<f64>()
                };
                assert!((of(&|z| z) - 1.0).abs() < 1e-12, "{r}: {scales:?}");
                let variance = of(&|z| (z - 1.0).powi(2));
                if r <= reach {
                    assert!((variance / r - 1.0).abs() < 0.05, "{count} {r}: {variance}");
                }
            }
        }
    }
}

#[test]
fn a_scale_that_is_known_is_one() {
    for count in [3, 5] {
        for (variance, mean) in [(0.0, 2.0), (0.0, 0.0), (3.0, 0.0), (f64::INFINITY, 0.0)] {
            for scale in scales(count, variance, mean) {
                assert!((scale - 1.0).abs() < 1e-12, "{variance} {mean}: {scale}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_scale_is_undefined_or_negative(variance in any::<f32>(), mean in any::<f32>()) {
        prop_assume!(!variance.is_nan() && !mean.is_nan());
        for count in [3, 5] {
            let rule = mixture::rule(count).unwrap();
            for node in &rule {
                let moments = [variance.abs(), mean.abs().min(f32::MAX)];
                let scale = mixture::scale(&mut F32, &rule, moments, node.0 as f32);
                prop_assert!(scale.is_finite() && scale >= 0.0, "{moments:?}: {scale}");
            }
        }
    }
}

//===----------------------------------------------------------------------===//
// Mixtures
//===----------------------------------------------------------------------===//

/// The weights of Gauss–Hermite quadrature as the tables have them (Abramowitz and Stegun, 25.10, for the density).
fn weights(count: usize) -> Vec<f64> {
    let sqrt_pi = PI.sqrt();
    let table: &[f64] = match count {
        3 => &[0.295_408_975_150_9, 1.181_635_900_604, 0.295_408_975_150_9],
        _ => &[
            0.019_953_242_059_05,
            0.393_619_323_152_2,
            0.945_308_720_482_9,
            0.393_619_323_152_2,
            0.019_953_242_059_05,
        ],
    };
    table.iter().map(|weight| weight / sqrt_pi).collect()
}

/// E[x] and E[x²] − E[x]² over the nodes.
#[test]
fn a_mix_has_the_moments_of_its_nodes() {
    for count in [3, 5] {
        let source = format!(
            "func.func @main(%x: !gauss.tensor<2x{count}x3xf32>, %y: tensor<2x{count}xf32>)
                 -> (!gauss.tensor<2x3xf32>, tensor<2xf32>) {{
               %m = gauss.mix %x : (!gauss.tensor<2x{count}x3xf32>) -> !gauss.tensor<2x3xf32>
               %n = gauss.mix %y : (tensor<2x{count}xf32>) -> tensor<2xf32>
               return %m, %n : !gauss.tensor<2x3xf32>, tensor<2xf32>
             }}"
        );
        let x = gaussian(&[2, count, 3], 0.2, 2.0);
        let y = Tensor::deterministic(&[2, count], numbers(2 * count, 0.7, -3.0, 3.0));
        let results = program(&source, &none).unwrap().run(&[x.clone(), y.clone()]).unwrap();
        let weights = weights(count);
        for item in 0..2 {
            let over = |f: &dyn Fn(usize) -> f64| {
                weights.iter().enumerate().map(|(node, w)| w * f(item * count + node)).sum::<f64>()
            };
            for element in 0..3 {
                let variances = x.variance.as_ref().unwrap();
                let mean = over(&|row| x.mean[row * 3 + element]);
                let square =
                    over(&|row| x.mean[row * 3 + element].powi(2) + variances[row * 3 + element]);
                let place = item * 3 + element;
                assert!((results[0].mean[place] - mean).abs() < 1e-10);
                let variance = results[0].variance.as_ref().unwrap()[place];
                assert!((variance - (square - mean * mean)).abs() < 1e-10);
            }
            assert!((results[1].mean[item] - over(&|row| y.mean[row])).abs() < 1e-10);
        }
    }
}

/// `before` of a layer whose input is its positive part, the layer, a ReLU and a second layer; all that is known of it.
fn chain(nodes: usize, groups: usize, items: usize) -> String {
    let (of_six, of_three, of_four) = (
        format!("!gauss.tensor<{items}x6xf32>"),
        format!("!gauss.tensor<{items}x3xf32, covariance<{nodes}>>"),
        format!("!gauss.tensor<{items}x4xf32, covariance<{nodes}>>"),
    );
    let results = format!(
        "!gauss.tensor<{items}x4xf32>, tensor<{items}x4x4xf32>, !gauss.tensor<{items}x{nodes}x4xf32>, \
         tensor<{items}x{nodes}x4x4xf32>, !gauss.tensor<{items}x3xf32>"
    );
    format!(
        "func.func @main(%z: {of_six}, %v: !gauss.tensor<3x6xf32>, %b: !gauss.tensor<3xf32>,
                         %w: !gauss.tensor<4x3xf32>) -> ({results}) {{
  %a = gauss.relu %z : ({of_six}) -> {of_six}
  %0 = gauss.scale_mixture %a, %z, %v, %b nodes {nodes} groups {groups} rectified true
    : ({of_six}, {of_six}, !gauss.tensor<3x6xf32>, !gauss.tensor<3xf32>) -> {of_three}
  %h = gauss.marginals %0 : ({of_three}) -> !gauss.tensor<{items}x3xf32>
  %1 = gauss.relu %0 : ({of_three}) -> {of_three}
  %2 = gauss.dense %1, %w : ({of_three}, !gauss.tensor<4x3xf32>) -> {of_four}
  %m = gauss.marginals %2 : ({of_four}) -> !gauss.tensor<{items}x4xf32>
  %c = gauss.covariance %2 : ({of_four}) -> tensor<{items}x4x4xf32>
  %n = gauss.nodes %2 : ({of_four}) -> !gauss.tensor<{items}x{nodes}x4xf32>
  %d = gauss.covariance %2 of_nodes true : ({of_four}) -> tensor<{items}x{nodes}x4x4xf32>
  return %m, %c, %n, %d, %h : {results}
}}"
    )
}

fn inputs(items: usize, seed: f64, spread: f64) -> Vec<Tensor> {
    vec![
        gaussian(&[items, 6], seed, spread),
        gaussian(&[3, 6], seed + 0.1, spread),
        gaussian(&[3], seed + 0.2, spread),
        gaussian(&[4, 3], seed + 0.4, spread),
    ]
}

/// The covariance of the whole is the mean of the covariances at the nodes, and the covariance of their means.
#[test]
fn covariances_of_a_mixture_obey_the_law_of_total_covariance() {
    for (nodes, groups) in [(3, 1), (5, 2), (5, 6)] {
        let results =
            program(&chain(nodes, groups, 2), &none).unwrap().run(&inputs(2, 0.15, 0.8)).unwrap();
        let weights = weights(nodes);
        for item in 0..2 {
            let over = |f: &dyn Fn(usize) -> f64| {
                weights.iter().enumerate().map(|(node, w)| w * f(item * nodes + node)).sum::<f64>()
            };
            let at = |row: usize, n: usize| results[2].mean[row * 4 + n];
            for i in 0..4 {
                let mean = over(&|row| at(row, i));
                assert!((results[0].mean[item * 4 + i] - mean).abs() < 1e-10);
                for j in 0..4 {
                    let within = over(&|row| results[3].mean[(row * 4 + i) * 4 + j]);
                    let other = over(&|row| at(row, j));
                    let between = over(&|row| (at(row, i) - mean) * (at(row, j) - other));
                    let got = results[1].mean[(item * 4 + i) * 4 + j];
                    assert!((got - within - between).abs() < 1e-9, "{item} {i} {j}: {got}");
                }
                let variance = results[0].variance.as_ref().unwrap()[item * 4 + i];
                assert_eq!(results[1].mean[(item * 4 + i) * 4 + i], variance);
            }
        }
    }
}

proptest! {
    /// No direction has a negative variance, of the whole and at each node.
    #[test]
    fn matrices_are_semidefinite(
        seed in 0.0f64..1.0,
        spread in prop_oneof![Just(0.0), Just(1e-6), Just(1.0), Just(1e4)],
        direction in prop::array::uniform4(-1.0f64..1.0),
    ) {
        let results = program(&chain(5, 2, 2), &none).unwrap().run(&inputs(2, seed, spread)).unwrap();
        for matrix in results[1].mean.chunks(16).chain(results[3].mean.chunks(16)) {
            // Subnormal numbers have fewer digits.
            let trace = (0..4).map(|n| matrix[n * 5]).sum::<f64>().max(f64::MIN_POSITIVE / 1e-12);
            let mut along = 0.0;
            for i in 0..4 {
                prop_assert!(matrix[i * 5] >= 0.0);
                for j in 0..4 {
                    prop_assert!((matrix[i * 4 + j] - matrix[j * 4 + i]).abs() <= 1e-12 * trace);
                    along += direction[i] * direction[j] * matrix[i * 4 + j];
                }
            }
            prop_assert!(along >= -1e-11 * trace, "{along} of {trace}");
        }
    }
}

/// Mean and variance of two dense layers with a ReLU between, of independent elements.
fn closure(inputs: &[Tensor]) -> [Tensor; 2] {
    let source = "
func.func @main(%z: !gauss.tensor<1x6xf32>, %v: !gauss.tensor<3x6xf32>, %b: !gauss.tensor<3xf32>,
                %w: !gauss.tensor<4x3xf32>) -> (!gauss.tensor<1x4xf32>, !gauss.tensor<1x3xf32>) {
  %a = gauss.relu %z : (!gauss.tensor<1x6xf32>) -> !gauss.tensor<1x6xf32>
  %0 = gauss.dense %a, %v, %b
    : (!gauss.tensor<1x6xf32>, !gauss.tensor<3x6xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<1x3xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x3xf32>) -> !gauss.tensor<1x3xf32>
  %2 = gauss.dense %1, %w : (!gauss.tensor<1x3xf32>, !gauss.tensor<4x3xf32>) -> !gauss.tensor<1x4xf32>
  return %2, %0 : !gauss.tensor<1x4xf32>, !gauss.tensor<1x3xf32>
}";
    program(source, &none).unwrap().run(inputs).unwrap().try_into().unwrap()
}

/// Behind a ReLU far in the tail only a large scale leaves something: a Gaussian of the same variance has next to none of
/// it, and the mixture is within a factor of draws.
#[test]
fn a_heavy_tail_is_nearer_to_draws_than_a_gaussian() {
    // One element of six is large and uncertain, and the biases are far below 0.
    let mut inputs = inputs(1, 0.3, 1.0);
    inputs[0] = Tensor::gaussian(&[1, 6], vec![-1.0; 6], vec![4.0; 6]);
    inputs[1] = Tensor::gaussian(&[3, 6], vec![0.0; 18], vec![1.0; 18]);
    inputs[2] = Tensor::gaussian(&[3], vec![-10.0; 3], vec![0.0; 3]);
    inputs[3] = Tensor::gaussian(&[4, 3], vec![0.0; 12], vec![1.0; 12]);
    let mixed = program(&chain(5, 6, 1), &none).unwrap().run(&inputs).unwrap();
    let [plain, hidden] = closure(&inputs);

    // The layer itself has the mean and the variance of a dense layer.
    for (mixture, dense) in [
        (&mixed[4].mean, &hidden.mean),
        (mixed[4].variance.as_ref().unwrap(), hidden.variance.as_ref().unwrap()),
    ] {
        for (x, y) in mixture.iter().zip(dense) {
            assert!((x - y).abs() < 1e-9 * y.abs().max(1.0), "{x}, not {y}");
        }
    }

    // Draws of all, written out; four outputs are alike.
    const DRAWS: usize = 400_000;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut square = 0.0;
    for _ in 0..DRAWS {
        let row: [f64; 36] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let a: Vec<f64> = row[..6].iter().map(|t| (-1.0 + 2.0 * t).max(0.0)).collect();
        let hidden = |i: usize| (0..6).map(|k| row[6 + i * 6 + k] * a[k]).sum::<f64>() - 10.0;
        let h: Vec<f64> = (0..3).map(|i| hidden(i).max(0.0)).collect();
        square += (0..4)
            .map(|o| (0..3).map(|i| row[24 + o * 3 + i] * h[i]).sum::<f64>().powi(2) / 4.0)
            .sum::<f64>();
    }
    let drawn = square / DRAWS as f64;
    let distance = |x: &Tensor| (x.variance.as_ref().unwrap()[0] / drawn).ln().abs();
    let (of_mixture, of_plain) = (distance(&mixed[0]), distance(&plain));
    assert!(of_mixture < 0.5 * of_plain, "of {drawn}: {:?}, {:?}", mixed[0], plain);
}

/// Where the scale is known all nodes are the same, and the whole is that of a Gaussian with covariances.
#[test]
fn without_a_random_scale_a_mixture_is_a_dense_layer() {
    let mut inputs = inputs(1, 0.3, 1.0);
    // The input is known.
    inputs[0] = Tensor::gaussian(&[1, 6], numbers(6, 0.1, -1.0, 2.0), vec![0.0; 6]);
    let results = program(&chain(5, 3, 1), &none).unwrap().run(&inputs).unwrap();
    let [plain, hidden] = closure(&inputs);
    // Outputs share nothing of a known input but the scale, so that independence holds in both.
    for (mixed, dense) in [(&results[0], &plain), (&results[4], &hidden)] {
        let all = |x: &Tensor| [x.mean.clone(), x.variance.clone().unwrap()].concat();
        for (x, y) in all(mixed).into_iter().zip(all(dense)) {
            assert!((x - y).abs() < 1e-9 * y.abs().max(1.0), "{x}, not {y}");
        }
    }
}

//===----------------------------------------------------------------------===//
// Predictions
//===----------------------------------------------------------------------===//

/// A matrix of three correlated logits of these deviations, and its factor.
fn correlated(deviations: [f64; 3], correlation: f64) -> ([f64; 9], [[f64; 3]; 3]) {
    let matrix = std::array::from_fn(|n| {
        let (i, j) = (n / 3, n % 3);
        let correlation = if i == j { 1.0 } else { correlation };
        correlation * deviations[i] * deviations[j]
    });
    let mut factor = [[0.0f64; 3]; 3];
    for i in 0..3 {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            factor[i][j] = match i == j {
                true => (matrix[i * 3 + i] - known).sqrt(),
                false => (matrix[i * 3 + j] - known) / factor[j][j],
            };
        }
    }
    (matrix, factor)
}

fn entropy(p: &[f64]) -> f64 {
    p.iter().map(|p| if *p > 0.0 { -p * p.ln() } else { 0.0 }).sum()
}

/// Probabilities, entropy and expected entropy over draws of the mixture: a node, and logits at it.
#[test]
fn predictions_of_a_mixture_are_means_over_its_draws() {
    for nodes in [3, 5] {
        let (logits, matrices) =
            (format!("!gauss.tensor<1x{nodes}x3xf32>"), format!("tensor<1x{nodes}x3x3xf32>"));
        let source = |method: &str| {
            format!(
                "func.func @main(%x: {logits}, %c: {matrices}) -> (tensor<1x3xf32>, tensor<1x3xf32>) {{
  %p = gauss.softmax %x, %c method {method} : ({logits}, {matrices}) -> tensor<1x3xf32>
  %u = gauss.uncertainty %x, %c method {method} : ({logits}, {matrices}) -> tensor<1x3xf32>
  return %p, %u : tensor<1x3xf32>, tensor<1x3xf32>
}}"
            )
        };
        let mean = numbers(3 * nodes, 0.4, -2.0, 2.0);
        let (mut variance, mut covariance, mut factors) = (vec![], vec![], vec![]);
        for node in 0..nodes {
            let wide = 0.3 + node as f64;
            let (matrix, factor) = correlated([wide, 0.5 * wide, 1.5 * wide], 0.4);
            variance.extend([matrix[0], matrix[4], matrix[8]]);
            covariance.extend(matrix);
            factors.push(factor);
        }
        let inputs = [
            Tensor::gaussian(&[1, nodes, 3], mean.clone(), variance),
            Tensor::deterministic(&[1, nodes, 3, 3], covariance),
        ];
        let run = |method: &str| program(&source(method), &none).unwrap().run(&inputs).unwrap();
        let results = run(r#""sample" draws 65536 seed 3"#);

        const DRAWS: usize = 40_000;
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let (mut probabilities, mut expected) = ([0.0; 3], 0.0);
        for (node, weight) in weights(nodes).into_iter().enumerate() {
            let weight = weight / DRAWS as f64;
            for _ in 0..DRAWS {
                let t: [f64; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
                let z: [f64; 3] = std::array::from_fn(|i| {
                    mean[node * 3 + i] + (0..3).map(|k| factors[node][i][k] * t[k]).sum::<f64>()
                });
                let e = z.map(f64::exp);
                let p = e.map(|x| x / e.iter().sum::<f64>());
                for (sum, p) in probabilities.iter_mut().zip(p) {
                    *sum += weight * p;
                }
                expected += weight * entropy(&p);
            }
        }
        let total = entropy(&probabilities);
        let wanted = [&probabilities[..], &[total, expected, total - expected]].concat();
        let got = [&results[0].mean[..], &results[1].mean].concat();
        for (got, wanted) in got.iter().zip(&wanted) {
            assert!((got - wanted).abs() < 0.01, "{nodes}: {got}, not {wanted}");
        }
        // The parts add up, whatever the method, and the total is the entropy of the whole.
        for method in [r#""mean-field""#, r#""laplace""#, r#""sample" draws 50"#] {
            let results = run(method);
            let (p, u) = (&results[0].mean, &results[1].mean);
            // The weights of the nodes are of single precision.
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{method}: {p:?}");
            assert!((u[0] - u[1] - u[2]).abs() < 1e-9, "{method}: {u:?}");
            assert!(u.iter().all(|x| *x >= 0.0), "{method}: {u:?}");
        }
    }
}
