//! Covariances: each rule beside what it stands for, semidefiniteness, and what heads make of them.

mod common;

use std::f64::consts::PI;

use common::{gaussian, none, program};
use gauss_dialect::{
    interpreter::Tensor,
    moments::{F64, Moments},
    ops::activation::Activation,
};
use pfp_runtime::predictive::decompose_correlated_into;
use proptest::prelude::*;

/// Two dense layers with a ReLU between them, from independent inputs; returns mean, variance and covariance.
const CHAIN: &str = "
func.func @main(%x: !gauss.tensor<2x4xf32>, %w: !gauss.tensor<3x4xf32>, %b: !gauss.tensor<3xf32>,
                %u: !gauss.tensor<5x3xf32>) -> (!gauss.tensor<2x5xf32>, tensor<2x5x5xf32>) {
  %c = gauss.correlated %x : (!gauss.tensor<2x4xf32>) -> !gauss.tensor<2x4xf32, covariance>
  %y = gauss.dense %c, %w, %b
    : (!gauss.tensor<2x4xf32, covariance>, !gauss.tensor<3x4xf32>, !gauss.tensor<3xf32>)
    -> !gauss.tensor<2x3xf32, covariance>
  %r = gauss.relu %y : (!gauss.tensor<2x3xf32, covariance>) -> !gauss.tensor<2x3xf32, covariance>
  %z = gauss.dense %r, %u
    : (!gauss.tensor<2x3xf32, covariance>, !gauss.tensor<5x3xf32>) -> !gauss.tensor<2x5xf32, covariance>
  %m = gauss.marginals %z : (!gauss.tensor<2x5xf32, covariance>) -> !gauss.tensor<2x5xf32>
  %v = gauss.covariance %z : (!gauss.tensor<2x5xf32, covariance>) -> tensor<2x5x5xf32>
  return %m, %v : !gauss.tensor<2x5xf32>, tensor<2x5x5xf32>
}";

/// The covariances of y = Σ w·x + b over independent x, w and b, by the bilinearity of covariances.
#[test]
fn a_dense_layer_gives_what_bilinearity_says() {
    let source = "
func.func @main(%x: !gauss.tensor<1x4xf32>, %w: !gauss.tensor<3x4xf32>, %b: !gauss.tensor<3xf32>)
    -> (!gauss.tensor<1x3xf32>, tensor<1x3x3xf32>) {
  %c = gauss.correlated %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32, covariance>
  %y = gauss.dense %c, %w, %b
    : (!gauss.tensor<1x4xf32, covariance>, !gauss.tensor<3x4xf32>, !gauss.tensor<3xf32>)
    -> !gauss.tensor<1x3xf32, covariance>
  %m = gauss.marginals %y : (!gauss.tensor<1x3xf32, covariance>) -> !gauss.tensor<1x3xf32>
  %v = gauss.covariance %y : (!gauss.tensor<1x3xf32, covariance>) -> tensor<1x3x3xf32>
  return %m, %v : !gauss.tensor<1x3xf32>, tensor<1x3x3xf32>
}";
    let inputs =
        [gaussian(&[1, 4], 0.1, 0.8), gaussian(&[3, 4], 0.2, 0.3), gaussian(&[3], 0.7, 0.5)];
    let [x, w, b] = &inputs;
    let results = program(source, &none).unwrap().run(&inputs).unwrap();
    let variance = |tensor: &Tensor, n: usize| tensor.variance.as_ref().unwrap()[n];
    for i in 0..3 {
        for j in 0..3 {
            let shared: f64 =
                (0..4).map(|k| w.mean[i * 4 + k] * w.mean[j * 4 + k] * variance(x, k)).sum();
            let own: f64 = (0..4)
                .map(|k| variance(w, i * 4 + k) * (x.mean[k].powi(2) + variance(x, k)))
                .sum::<f64>()
                + variance(b, i);
            let wanted = if i == j { shared + own } else { shared };
            let got = results[1].mean[i * 3 + j];
            assert!((got - wanted).abs() < 1e-12, "{i} {j}: {got}, not {wanted}");
        }
        let diagonal = results[1].mean[i * 4];
        assert_eq!(diagonal, variance(&results[0], i));
    }
}

/// Through layers: beside draws of everything, within 13 % of the largest covariance. Of the ReLU the first term of
/// Price's theorem is kept; the rest, and what weights that several items share add, is not.
#[test]
fn a_chain_comes_close_to_draws() {
    let inputs = [
        gaussian(&[2, 4], 0.15, 0.5),
        gaussian(&[3, 4], 0.25, 0.05),
        gaussian(&[3], 0.65, 0.05),
        gaussian(&[5, 3], 0.45, 0.05),
    ];
    let chain = program(CHAIN, &none).unwrap();
    let results = chain.run(&inputs).unwrap();
    let plain = CHAIN
        .lines()
        .filter(|line| !line.contains("gauss.covariance") && !line.contains("gauss.marginals"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace(
            "return %m, %v : !gauss.tensor<2x5xf32>, tensor<2x5x5xf32>",
            "return %z : !gauss.tensor<2x5xf32>",
        )
        .replace("-> (!gauss.tensor<2x5xf32>, tensor<2x5x5xf32>) {", "-> !gauss.tensor<2x5xf32> {")
        .replace("%c = gauss.correlated", "%c = gauss.leaky_relu")
        .replace("gauss.leaky_relu %x :", "gauss.leaky_relu %x slope 1.0 :")
        .replace(", covariance>", ">");
    const DRAWS: u64 = 40_000;
    let draws = program(&plain, &none).unwrap().draws(&inputs, 0..DRAWS, 1).unwrap();
    let (mut worst, mut largest) = (0.0f64, 0.0f64);
    for item in 0..2 {
        for i in 0..5 {
            for j in 0..5 {
                let at = |draw: &Vec<Tensor>, n: usize| draw[0].mean[item * 5 + n];
                let mean = |n| draws.iter().map(|draw| at(draw, n)).sum::<f64>() / DRAWS as f64;
                let (of_i, of_j) = (mean(i), mean(j));
                let products = draws.iter().map(|draw| (at(draw, i) - of_i) * (at(draw, j) - of_j));
                let wanted = products.sum::<f64>() / DRAWS as f64;
                worst = worst.max((results[1].mean[(item * 5 + i) * 5 + j] - wanted).abs());
                largest = largest.max(wanted.abs());
            }
        }
    }
    assert!(worst < 0.13 * largest, "{worst} of {largest}");
}

/// E[f′(x)] is Cov(f(x), x) over the variance of x (Stein 1981), which is integrated here.
#[test]
fn gains_are_covariances_with_the_input() {
    for activation in Activation::samples() {
        let mut worst = 0.0f64;
        for mean in [-3.0, -1.0, -0.2, 0.0, 0.4, 2.0] {
            for variance in [1e-4, 0.04, 0.5, 2.0, 9.0] {
                let got = activation.gain(&mut F64, Moments::gaussian(mean, variance));
                let wanted = stein(activation, mean, variance);
                let error = (got - wanted).abs() / wanted.abs().max(1.0);
                worst = worst.max(error);
            }
        }
        // ELU and its like are composed of fits whose slopes are less exact than their values.
        assert!(worst < 3e-4, "{activation:?}: {worst:.2e}");
    }
}

fn stein(activation: Activation, mean: f64, variance: f64) -> f64 {
    const STEPS: i32 = 200_000;
    let (deviation, step) = (variance.sqrt(), 24.0 / f64::from(STEPS));
    let term = |n: i32| {
        let t = (f64::from(n) + 0.5) * step - 12.0;
        let x = Moments::deterministic(mean + deviation * t);
        let value = activation.moments(&mut F64, x).mean;
        value * t * (-0.5 * t * t).exp() / (2.0 * PI).sqrt() * step
    };
    (0..STEPS).map(term).sum::<f64>() / deviation
}

#[test]
fn a_known_input_shares_nothing() {
    for activation in Activation::samples() {
        let gain = activation.gain(&mut F64, Moments::gaussian(0.3, 0.0));
        assert_eq!(gain, 0.0, "{activation:?}");
    }
}

/// Class probabilities and uncertainty of one item with a covariance matrix.
fn predict(method: &str, mean: &[f64], covariance: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let classes = mean.len();
    let (logits, item, matrix) = (
        format!("!gauss.tensor<1x{classes}xf32>"),
        format!("tensor<1x{classes}xf32>"),
        format!("tensor<1x{classes}x{classes}xf32>"),
    );
    let source = format!(
        "func.func @main(%x: {logits}, %c: {matrix}) -> ({item}, tensor<1x3xf32>) {{
           %p = gauss.softmax %x, %c method {method} : ({logits}, {matrix}) -> {item}
           %u = gauss.uncertainty %x, %c method {method} : ({logits}, {matrix}) -> tensor<1x3xf32>
           return %p, %u : {item}, tensor<1x3xf32>
         }}"
    );
    let variance = (0..classes).map(|n| covariance[n * classes + n]).collect();
    let inputs = [
        Tensor::gaussian(&[1, classes], mean.to_vec(), variance),
        Tensor::deterministic(&[1, classes, classes], covariance.to_vec()),
    ];
    let results = program(&source, &none).unwrap().run(&inputs).unwrap();
    (results[0].mean.clone(), results[1].mean.clone())
}

fn diagonal(variance: &[f64]) -> Vec<f64> {
    let size = variance.len();
    (0..size * size).map(|n| if n / size == n % size { variance[n % size] } else { 0.0 }).collect()
}

const METHODS: [&str; 3] = [r#""mean-field""#, r#""laplace""#, r#""sample" draws 500 seed 7"#];

/// Logits that share nothing are independent ones; of two logits only the variance of the difference counts.
#[test]
fn heads_take_covariances_as_what_they_are() {
    for method in METHODS {
        let (mean, variance) = ([0.5, -0.3, 1.0], [0.4, 1.0, 2.0]);
        let (p, u) = predict(method, &mean, &diagonal(&variance));
        let source = format!(
            "func.func @main(%x: !gauss.tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {{
               %p = gauss.softmax %x method {method} : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
               %u = gauss.uncertainty %x method {method} : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
               return %p, %u : tensor<1x3xf32>, tensor<1x3xf32>
             }}"
        );
        let input = Tensor::gaussian(&[1, 3], mean.to_vec(), variance.to_vec());
        let alone = program(&source, &none).unwrap().run(&[input]).unwrap();
        for (got, wanted) in p.iter().zip(&alone[0].mean).chain(u.iter().zip(&alone[1].mean)) {
            assert!((got - wanted).abs() < 1e-9, "{method}: {got}, not {wanted}");
        }
    }
    // 1.2 + 0.7 − 2·0.5 = 0.45 + 0.45.
    let (p, _) = predict(METHODS[0], &[0.8, 0.0], &[1.2, 0.5, 0.5, 0.7]);
    let (q, _) = predict(METHODS[0], &[0.8, 0.0], &diagonal(&[0.45, 0.45]));
    assert!((p[0] - q[0]).abs() < 1e-12, "{p:?}, not {q:?}");
    // What all logits share changes nothing.
    for method in METHODS {
        let (_, u) = predict(method, &[0.8, 0.0], &[3.0; 4]);
        assert!(u[2] < 1e-6, "{method}: {u:?}");
    }
}

/// The runtime's draws are those of the op.
#[test]
fn draws_of_correlated_logits_are_those_of_the_runtime() {
    let (mean, covariance) = ([0.5, -0.3, 1.0], [1.0, 0.6, -0.2, 0.6, 2.0, 0.1, -0.2, 0.1, 0.7]);
    let (p, u) = predict(METHODS[2], &mean, &covariance);
    let (mut probabilities, mut scratch) = ([0.0; 3], [0.0; 15]);
    let (mean, covariance) = (mean.map(|x| x as f32), covariance.map(|x| x as f32));
    let result =
        decompose_correlated_into(&mean, &covariance, 500, 7, &mut probabilities, &mut scratch);
    let uncertainty = result.unwrap();
    for (got, wanted) in probabilities.iter().zip(&p) {
        assert!((f64::from(*got) - wanted).abs() < 1e-5, "{got}, not {wanted}");
    }
    assert!((f64::from(uncertainty.epistemic) - u[2]).abs() < 1e-5, "{uncertainty:?} {u:?}");
}

proptest! {
    /// The matrix of a chain is positive semidefinite, whatever the inputs: no direction has a negative variance.
    #[test]
    fn covariances_are_semidefinite(
        seed in 0.0f64..1.0,
        spread in prop_oneof![Just(0.0), Just(1e-6), Just(1.0), Just(1e4)],
        direction in prop::array::uniform5(-1.0f64..1.0),
    ) {
        let inputs = [
            gaussian(&[2, 4], seed, spread),
            gaussian(&[3, 4], seed + 0.1, spread),
            gaussian(&[3], seed + 0.2, spread),
            gaussian(&[5, 3], seed + 0.4, spread),
        ];
        let results = program(CHAIN, &none).unwrap().run(&inputs).unwrap();
        for item in 0..2 {
            let at = |i: usize, j: usize| results[1].mean[(item * 5 + i) * 5 + j];
            // Subnormal numbers have fewer digits.
            let trace = (0..5).map(|n| at(n, n)).sum::<f64>().max(f64::MIN_POSITIVE / 1e-12);
            let mut along = 0.0;
            for i in 0..5 {
                prop_assert!(at(i, i) >= 0.0);
                for j in 0..5 {
                    prop_assert!((at(i, j) - at(j, i)).abs() <= 1e-12 * trace);
                    along += direction[i] * direction[j] * at(i, j);
                }
            }
            prop_assert!(along >= -1e-11 * trace, "{along} of {trace}");
        }
    }
}
