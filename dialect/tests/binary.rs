//! Binary labels of Gaussian logits: against quadrature, and properties over wide ranges.

mod common;
#[path = "common/single.rs"]
mod single;

use common::{none, program};
use gauss_dialect::{interpreter::Tensor, moments::upper_tail, predictive::Special};
use pfp_runtime::predictive::binary;
use proptest::prelude::*;
use single::F32;

/// Probability, total, aleatoric and epistemic uncertainty of each label of one item.
fn predict(mean: &[f64], variance: Option<&[f64]>) -> Vec<[f64; 4]> {
    let labels = mean.len();
    let kind = if variance.is_some() { "!gauss.tensor" } else { "tensor" };
    let (logits, p, u) = (
        format!("{kind}<1x{labels}xf32>"),
        format!("tensor<1x{labels}xf32>"),
        format!("tensor<1x{labels}x3xf32>"),
    );
    let source = format!(
        "func.func @main(%x: {logits}) -> ({p}, {u}) {{
           %p = gauss.binary_probability %x : ({logits}) -> {p}
           %u = gauss.binary_uncertainty %x : ({logits}) -> {u}
           return %p, %u : {p}, {u}
         }}"
    );
    let input = match variance {
        Some(variance) => Tensor::gaussian(&[1, labels], mean.to_vec(), variance.to_vec()),
        None => Tensor::deterministic(&[1, labels], mean.to_vec()),
    };
    let results = program(&source, &none).unwrap().run(&[input]).unwrap();
    let parts = results[1].mean.chunks(3);
    results[0].mean.iter().zip(parts).map(|(p, u)| [*p, u[0], u[1], u[2]]).collect()
}

/// The decision on one label.
fn decide(p: f64, [aleatoric, epistemic]: [f64; 2], thresholds: &str) -> f64 {
    let source = format!(
        "func.func @main(%p: tensor<1x1xf32>, %u: tensor<1x1x3xf32>) -> tensor<1x1xf32> {{
           %d = gauss.binary_decide %p, %u {thresholds}
             : (tensor<1x1xf32>, tensor<1x1x3xf32>) -> tensor<1x1xf32>
           return %d : tensor<1x1xf32>
         }}"
    );
    let inputs = [
        Tensor::deterministic(&[1, 1], vec![p]),
        Tensor::deterministic(&[1, 1, 3], vec![aleatoric + epistemic, aleatoric, epistemic]),
    ];
    program(&source, &none).unwrap().run(&inputs).unwrap()[0].mean[0]
}

/// Relative, so that small probabilities and uncertainties count: the mixture and the series are
/// good to 3e-7 and 2.2e-6, and the epistemic part is a difference from a variance of 1/16 on.
#[test]
fn predictions_are_the_integrals() {
    let known: [(f64, f64, [f64; 4]); 74] = include!("../../runtime/tests/data/binary.rs");
    for (mean, variance, expected) in known {
        let actual = predict(&[mean], Some(&[variance]))[0];
        let tolerances = [3e-7, 3e-7, 3e-6, 3e-5];
        // What the mixture leaves out, from a distance of 16 on.
        let rest = 1e-12;
        for ((actual, expected), tolerance) in actual.iter().zip(expected).zip(tolerances) {
            let close = (actual - expected).abs() <= tolerance * expected + rest;
            assert!(close, "N({mean}, {variance}): {actual} {expected}");
        }
    }
}

#[test]
fn a_logit_without_variance_has_its_sigmoid_and_nothing_epistemic() {
    for mean in [-700.0, -3.5, -0.0, 0.0, 1e-9, 0.25, 30.0, 1e30] {
        let sigmoid = 1.0 / (1.0 + f64::exp(-mean));
        for variance in [Some(&[0.0][..]), None] {
            let [p, total, aleatoric, epistemic] = predict(&[mean], variance)[0];
            assert!((p - sigmoid).abs() <= 1e-15 * sigmoid, "{mean}: {p} {sigmoid}");
            assert_eq!((total, epistemic), (aleatoric, 0.0), "{mean}");
        }
    }
}

#[test]
fn every_label_is_on_its_own() {
    let (mean, variance) = ([2.0, -1.0, 0.5], [0.25, 4.0, 0.0]);
    let together = predict(&mean, Some(&variance));
    for label in 0..3 {
        let alone = predict(&mean[label..=label], Some(&variance[label..=label]));
        assert_eq!(together[label], alone[0]);
    }
}

#[test]
fn decisions_on_labels() {
    let both = "epistemic 0.2 aleatoric 0.5";
    assert_eq!(decide(0.9, [0.3, 0.02], both), 1.0);
    assert_eq!(decide(0.1, [0.3, 0.02], both), 0.0);
    // One half is a 1, and a threshold itself is not above it.
    assert_eq!(decide(0.5, [0.5, 0.2], both), 1.0);
    assert_eq!(decide(0.499, [0.51, 0.1], both), -1.0);
    assert_eq!(decide(0.9, [0.1, 0.3], both), -2.0);
    assert_eq!(decide(0.9, [0.6, 0.3], both), -2.0);
    assert_eq!(decide(0.9, [0.6, 0.3], ""), 1.0);
    for (p, parts) in [(f64::NAN, [0.1; 2]), (0.5, [f64::NAN, 0.1]), (0.5, [0.1, f64::NAN])] {
        assert_eq!(decide(p, parts, ""), -2.0);
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    for (mean, variance) in [(f64::NAN, 1.0), (f64::NAN, 0.0)] {
        let label = predict(&[mean], Some(&[variance]))[0];
        assert!(label.iter().all(|x| x.is_nan()), "{mean} {variance}: {label:?}");
    }
}

#[test]
fn the_tail_in_single_precision_is_close_to_double() {
    let mut worst = 0.0f64;
    for step in 0..130_000 {
        let x = step as f32 * 1e-4;
        let exact = 0.5 * libm::erfc(f64::from(x) * std::f64::consts::FRAC_1_SQRT_2);
        // The rounding of x²/2 is the exponential's.
        let rounding = 2f64.powi(-24) * f64::from(x * x);
        let error = (f64::from(upper_tail(&mut F32, x)) / exact - 1.0).abs();
        worst = worst.max(error - rounding);
    }
    println!("relative error {worst:.2e} beside that of the exponent");
    assert!(worst < 5e-7);
}

impl Special for F32 {
    fn information(&mut self, _: f32) -> f32 {
        unreachable!("the tail needs no digamma function")
    }
    fn digamma_rise(&mut self, _: f32) -> f32 {
        unreachable!("the tail needs no digamma function")
    }
}

proptest! {
    #[test]
    fn labels_have_probabilities_and_parts(
        (mean, variance) in prop_oneof![
            (-30.0..30.0f64, 0.0..50.0f64),
            (-3.0e38..3.0e38f64, 0.0..3.0e38f64),
            (-30.0..30.0f64, (-300..40i32).prop_map(|e| 10f64.powi(e))),
        ]
    ) {
        let [p, total, aleatoric, epistemic] = predict(&[mean], Some(&[variance]))[0];
        prop_assert!((0.0..=1.0).contains(&p), "{}", p);
        let most = std::f64::consts::LN_2 + 1e-12;
        let parts = [total, aleatoric, epistemic];
        prop_assert!(parts.iter().all(|x| (0.0..=most).contains(x)), "{:?}", parts);
        prop_assert!((total - aleatoric - epistemic).abs() < 1e-12, "{:?}", parts);
        // 0 and 1 change places with the sign.
        let [other, ..] = predict(&[-mean], Some(&[variance]))[0];
        prop_assert!(mean == 0.0 || (p + other - 1.0).abs() < 1e-12, "{} {}", p, other);
        // The runtime has another rule for small variances, and erfc of its own.
        let helper = binary(mean as f32, variance as f32);
        let [mean, variance] = [mean, variance].map(|x| f64::from(x as f32));
        let [p, total, aleatoric, _] = predict(&[mean], Some(&[variance]))[0];
        let pairs = [(p, helper.probability), (total, helper.uncertainty.total),
            (aleatoric, helper.uncertainty.aleatoric)];
        for (actual, single) in pairs {
            prop_assert!((actual - f64::from(single)).abs() < 1e-6, "{} {}", actual, single);
        }
    }
}
