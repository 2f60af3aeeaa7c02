//! Sums of values that come from the same elements.

mod common;

use common::{gaussian, none, program, random};
use gauss_dialect::interpreter::Tensor;
use proptest::prelude::*;

/// A function of the correlated value %c, D elements of 1 item, and of weights; returns mean, variance and covariance
/// of %y.
fn function(size: usize, arguments: &str, body: &str) -> String {
    let plain = format!("!gauss.tensor<1x{size}xf32>");
    let body = body.replace("VALUE", &format!("!gauss.tensor<1x{size}xf32, covariance>"));
    format!(
        "func.func @main(%x: {plain}{arguments}) -> ({plain}, tensor<1x{size}x{size}xf32>) {{
  %c = gauss.correlated %x : ({plain}) -> !gauss.tensor<1x{size}xf32, covariance>
{body}
  %m = gauss.marginals %y : (!gauss.tensor<1x{size}xf32, covariance>) -> {plain}
  %v = gauss.covariance %y : (!gauss.tensor<1x{size}xf32, covariance>) -> tensor<1x{size}x{size}xf32>
  return %m, %v : {plain}, tensor<1x{size}x{size}xf32>
}}"
    )
}

/// x ± A·x is (I ± A)·x, and its covariance (I ± A)·Σ·(I ± A)ᵀ.
#[test]
fn what_a_known_layer_adds_to_its_input_is_linear() {
    for (op, sign) in [("add", 1.0), ("sub", -1.0)] {
        let body = format!(
            "  %h = gauss.dense %c, %a : (VALUE, tensor<3x3xf32>) -> VALUE
  %y = gauss.{op} %c, %h : (VALUE, VALUE) -> VALUE"
        );
        let inputs = [random(&[1, 3], true, 1), random(&[3, 3], false, 2)];
        let source = function(3, ", %a: tensor<3x3xf32>", &body);
        let results = program(&source, &none).unwrap().run(&inputs).unwrap();
        let [x, a] = &inputs;
        let matrix = |i: usize, k: usize| f64::from(u8::from(i == k)) + sign * a.mean[i * 3 + k];
        for i in 0..3 {
            let mean: f64 = (0..3).map(|k| matrix(i, k) * x.mean[k]).sum();
            assert!((results[0].mean[i] - mean).abs() < 1e-12);
            for j in 0..3 {
                let variance = x.variance.as_ref().unwrap();
                let wanted: f64 = (0..3).map(|k| matrix(i, k) * matrix(j, k) * variance[k]).sum();
                let got = results[1].mean[i * 3 + j];
                assert!((got - wanted).abs() < 1e-12, "{op} {i} {j}: {got}, not {wanted}");
            }
            let variance = results[0].variance.as_ref().unwrap()[i];
            assert!((variance - results[1].mean[i * 4]).abs() < 1e-15);
        }
    }
}

#[test]
fn a_value_less_itself_is_zero() {
    for body in [
        "  %y = gauss.sub %c, %c : (VALUE, VALUE) -> VALUE",
        // Through two layers: the factors of both are equal.
        "  %h = gauss.dense %c, %w : (VALUE, !gauss.tensor<3x3xf32>) -> VALUE
  %r = gauss.tanh %h : (VALUE) -> VALUE
  %y = gauss.sub %r, %r : (VALUE, VALUE) -> VALUE",
    ] {
        let inputs = [random(&[1, 3], true, 3), random(&[3, 3], true, 4)];
        let source = function(3, ", %w: !gauss.tensor<3x3xf32>", body);
        let results = program(&source, &none).unwrap().run(&inputs).unwrap();
        assert_eq!(results[0].mean, [0.0; 3]);
        assert_eq!(results[0].variance, Some(vec![0.0; 3]));
        assert_eq!(results[1].mean, [0.0; 9]);
    }
}

/// Cov(x, f(x)) is E[f′(x)]·Var(x) (Stein 1981): the variance of x + f(x) is that of draws.
#[test]
fn an_activation_added_to_its_input_has_the_variance_of_draws() {
    const DRAWS: u64 = 200_000;
    let inputs = [Tensor::gaussian(&[1, 4], vec![-1.5, -0.3, 0.4, 2.0], vec![1.0, 2.0, 0.5, 0.1])];
    for activation in ["relu", "tanh", "sigmoid", "softplus", "gelu"] {
        let body = format!(
            "  %f = gauss.{activation} %c : (VALUE) -> VALUE
  %y = gauss.add %f, %c : (VALUE, VALUE) -> VALUE"
        );
        let results = program(&function(4, "", &body), &none).unwrap().run(&inputs).unwrap();
        let plain = format!(
            "func.func @main(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {{
  %f = gauss.{activation} %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %y = gauss.add %f, %x : (!gauss.tensor<1x4xf32>, !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %y : !gauss.tensor<1x4xf32>
}}"
        );
        let draws = program(&plain, &none).unwrap().draws(&inputs, 0..DRAWS, 1).unwrap();
        for element in 0..4 {
            let of = |draw: &Vec<Tensor>| draw[0].mean[element];
            let mean = draws.iter().map(of).sum::<f64>() / DRAWS as f64;
            let variance =
                draws.iter().map(|draw| (of(draw) - mean).powi(2)).sum::<f64>() / DRAWS as f64;
            let got = results[0].variance.as_ref().unwrap()[element];
            // Four standard errors of the variance of so many draws, of a kurtosis of up to 5.
            let error = (got / variance - 1.0).abs();
            assert!(error < 0.018, "{activation} {element}: {got}, draws {variance}");
        }
    }
}

/// A block of two uncertain layers with its input added, behind an uncertain layer, and logits.
const BLOCK: &str = "  %h = gauss.dense %c, %w0 : (VALUE, !gauss.tensor<6x6xf32>) -> VALUE
  %1 = gauss.dense %h, %w1 : (VALUE, !gauss.tensor<6x6xf32>) -> VALUE
  %2 = gauss.relu %1 : (VALUE) -> VALUE
  %3 = gauss.dense %2, %w2 : (VALUE, !gauss.tensor<6x6xf32>) -> VALUE
  %4 = gauss.add %h, %3 : (VALUE, VALUE) -> VALUE
  %5 = gauss.relu %4 : (VALUE) -> VALUE
  %y = gauss.dense %5, %w3 : (VALUE, !gauss.tensor<6x6xf32>) -> VALUE";

const WEIGHTS: &str = ", %w0: !gauss.tensor<6x6xf32>, %w1: !gauss.tensor<6x6xf32>, \
                       %w2: !gauss.tensor<6x6xf32>, %w3: !gauss.tensor<6x6xf32>";

/// Weights that are similar to a known one, so that both branches are of the same size and the same sign.
fn weights(spread: f64, seed: u64) -> Vec<Tensor> {
    let weight = |number: u64| {
        let random = random(&[6, 6], true, seed + number);
        let mean = (0..36).map(|n| 0.3 * random.mean[n] + if n % 7 == 0 { 0.7 } else { 0.0 });
        let variance = random.variance.unwrap_or_default().iter().map(|v| v * spread).collect();
        Tensor::gaussian(&[6, 6], mean.collect(), variance)
    };
    (0..4).map(weight).collect()
}

/// How far logarithms of the variances of all differences of two logits are from those of draws, on average. That
/// is what a head sees.
#[test]
fn a_residual_block_comes_nearer_to_draws_than_independent_branches() {
    const DRAWS: u64 = 20_000;
    let plain = |body: &str| body.replace("VALUE", "!gauss.tensor<1x6xf32>").replace("%c", "%x");
    let draws = format!(
        "func.func @main(%x: !gauss.tensor<1x6xf32>{WEIGHTS}) -> !gauss.tensor<1x6xf32> {{
{}
  return %y : !gauss.tensor<1x6xf32>
}}",
        plain(BLOCK)
    );
    // Without what both branches share: the sum reads the input of the block as another one.
    let apart = BLOCK.replace(
        "%4 = gauss.add %h",
        "%a = gauss.marginals %h : (VALUE) -> !gauss.tensor<1x6xf32>
  %b = gauss.correlated %a : (!gauss.tensor<1x6xf32>) -> VALUE
  %4 = gauss.add %b",
    );
    let (mut near, mut far) = (0.0, 0.0);
    for seed in 0..4u64 {
        let x =
            Tensor { mean: vec![0.8, -0.2, 1.0, 0.5, -0.6, 0.3], ..gaussian(&[1, 6], 0.2, 0.3) };
        let inputs = [vec![x], weights(0.03, 10 * seed)].concat();
        let sampled = program(&draws, &none).unwrap().draws(&inputs, 0..DRAWS, 1).unwrap();
        let distance = |body: &str| {
            let results =
                program(&function(6, WEIGHTS, body), &none).unwrap().run(&inputs).unwrap();
            let mut total = 0.0;
            for i in 0..6 {
                for j in 0..i {
                    let at = |i: usize, j: usize| results[1].mean[i * 6 + j];
                    let of = |draw: &Vec<Tensor>| draw[0].mean[i] - draw[0].mean[j];
                    let mean = sampled.iter().map(of).sum::<f64>() / DRAWS as f64;
                    let squares = sampled.iter().map(|draw| (of(draw) - mean).powi(2));
                    let wanted = squares.sum::<f64>() / DRAWS as f64;
                    total += ((at(i, i) + at(j, j) - 2.0 * at(i, j)) / wanted).ln().abs() / 15.0;
                }
            }
            total / 4.0
        };
        near += distance(BLOCK);
        far += distance(&apart);
    }
    println!(
        "variances of differences of logits are off by {near:.3}, with branches apart {far:.3}"
    );
    assert!(near < 0.5 * far, "{near} and {far}");
}

proptest! {
    /// No direction has a negative variance, whatever the inputs.
    #[test]
    fn matrices_of_residual_blocks_are_semidefinite(
        seed in 0u64..1000,
        spread in prop_oneof![Just(0.0), Just(1e-6), Just(0.1), Just(1e4)],
        direction in prop::array::uniform6(-1.0f64..1.0),
    ) {
        let inputs = [vec![random(&[1, 6], true, seed)], weights(spread, seed)].concat();
        let results = program(&function(6, WEIGHTS, BLOCK), &none).unwrap().run(&inputs).unwrap();
        let at = |i: usize, j: usize| results[1].mean[i * 6 + j];
        let trace: f64 = (0..6).map(|n| at(n, n)).sum();
        let mut along = 0.0;
        for i in 0..6 {
            prop_assert!(at(i, i) >= 0.0);
            for j in 0..6 {
                along += direction[i] * direction[j] * at(i, j);
            }
        }
        prop_assert!(along >= -1e-11 * trace, "{along} of {trace}");
    }
}
