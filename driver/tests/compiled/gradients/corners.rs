//! Gradients where functions bend, where nothing varies, and at the ends of the range.

use gauss_dialect::{interpreter::Tensor, ops::activation::Activation};
use gauss_lowering::passes::gauss_append_loss::Loss;

use super::trained::{Gradient, Reference, Trained, check, gradient};
use crate::{
    case::{Case, Operand},
    common, random,
};

/// See `OF_OPS` of single ops.
const TOLERANCE: f64 = 2e-3;

/// An op of one parameter.
fn of_op(op: &str, attributes: &str, x: Tensor, shape: &[usize]) -> Case {
    let operand = Operand { tensor: x, parameter: true };
    let expected = Tensor::deterministic(shape, vec![0.0; shape.iter().product()]);
    let mut case = Case::of_op(op, op, attributes, &[operand], expected);
    case.expected = random::reference(&case);
    case
}

/// Each activation, of means with these variances.
fn activations(means: &[f64], variances: &[f64]) -> Vec<(Activation, Case)> {
    let of = |f: Activation| {
        let single = |values: &[f64]| values.iter().map(|&x| f64::from(x as f32)).collect();
        let x = Tensor::gaussian(&[means.len()], single(means), single(variances));
        (f, of_op(f.name(), &f.write().to_string(), x, &[means.len()]))
    };
    Activation::samples().into_iter().map(of).collect()
}

/// The gradient along a tensor.
fn along<'a>(gradient: &'a Gradient, name: &str) -> &'a [f32] {
    &gradient.of.iter().find(|(own, _)| own == name).unwrap().1
}

#[test]
fn an_activation_of_what_varies_around_a_bend_is_smooth() {
    let (means, variances) = ([0.0; 6], [1e-6, 1e-3, 0.04, 0.25, 1.0, 9.0]);
    for (_, case) in activations(&means, &variances) {
        let trained = Trained::of(&case, Loss::Gaussian(Some(1.5)), 1);
        // Differences see nothing of a deviation of 1e-3.
        check(&trained, TOLERANCE, Reference::Dual);
    }
}

#[test]
fn equal_gaussians_share_the_gradient_of_their_maximum() {
    for variance in [1e-4, 0.25, 4.0] {
        let x = Tensor::gaussian(&[2, 1, 4, 4], vec![0.5; 32], vec![variance; 32]);
        let case = of_op("max_pool2d", "kernel [2, 2] strides [2, 2]", x, &[2, 1, 2, 2]);
        let trained = Trained::of(&case, Loss::Gaussian(Some(1.5)), 2);
        check(&trained, TOLERANCE, Reference::Dual);
    }
}

/// A maximum of equal numbers is one of them: its gradient is not given to each.
#[test]
fn equal_numbers_have_the_gradient_of_one_maximum() {
    for (gaussian, op, attributes, shape) in [
        (false, "max_pool2d", "kernel [2, 2] strides [2, 2]", &[2, 1, 2, 2][..]),
        (true, "max_pool2d", "kernel [2, 2] strides [2, 2]", &[2, 1, 2, 2]),
        (false, "global_max_pool", "", &[2, 1, 1, 1]),
        (true, "global_max_pool", "", &[2, 1, 1, 1]),
    ] {
        let x = Tensor::new(vec![2, 1, 4, 4], vec![0.5; 32], gaussian.then(|| vec![0.0; 32]));
        let case = of_op(op, attributes, x, shape);
        let trained = Trained::of(&case, Loss::Linear, 3);
        let name = if gaussian { "p0.mean" } else { "p0" };
        let total: f64 = along(&gradient(&trained), name).iter().copied().map(f64::from).sum();
        let of_item = trained.targets.len() / trained.weights.len();
        let expected: f64 = trained
            .targets
            .chunks(of_item)
            .zip(&trained.weights)
            .map(|(targets, weight)| weight * targets.iter().sum::<f64>())
            .sum();
        assert!((total - expected).abs() < 1e-5, "{op}: {total}, not {expected}\n{}", case.module);
    }
}

/// Where nothing varies an activation is its plain function, and so is the derivative along a mean.
#[test]
fn the_gradient_along_the_mean_of_a_known_number_is_the_plain_slope() {
    // No activation bends or jumps at any of these.
    let means = [-7.3, -2.1, -0.7, -1e-2, 1e-2, 0.4, 1.7, 2.6, 4.9, 7.7];
    for (f, case) in activations(&means, &[0.0; 10]) {
        let trained = Trained::of(&case, Loss::Linear, 4);
        let gradient = gradient(&trained);
        for (name, values) in &gradient.of {
            assert!(values.iter().all(|value| value.is_finite()), "{f:?}: {name} {values:?}");
        }
        for (place, slope) in along(&gradient, "p0.mean").iter().enumerate() {
            let mut direction = vec![0.0; means.len()];
            direction[place] = 1.0;
            let expected = trained.slope(&[("p0.mean".to_owned(), direction)].into());
            assert!(
                (f64::from(*slope) - expected).abs() <= TOLERANCE * expected.abs() + 1e-5,
                "{f:?}({}): {slope}, expected {expected}",
                means[place]
            );
        }
    }
}

/// At a bend the slope is that on the side of smaller numbers.
#[test]
fn at_a_bend_the_slope_is_that_below() {
    for (name, attributes, below) in
        [("relu", "", 0.0), ("abs", "", -1.0), ("leaky_relu", "slope 0.125", 0.125)]
    {
        for gaussian in [false, true] {
            let x = Tensor::new(vec![3], vec![0.0; 3], gaussian.then(|| vec![0.0; 3]));
            let case = of_op(name, attributes, x, &[3]);
            let trained = Trained::of(&case, Loss::Linear, 5);
            let tensor = if gaussian { "p0.mean" } else { "p0" };
            let gradient = gradient(&trained);
            for (place, &slope) in along(&gradient, tensor).iter().enumerate() {
                let expected = below * trained.targets[place] * trained.weights[place];
                assert!(
                    (f64::from(slope) - expected).abs() < 1e-6,
                    "{name}, {gaussian}: {slope}, not {expected}"
                );
            }
        }
    }
}

/// Gradients of random ops none of whose operands varies are finite.
#[test]
fn nothing_that_is_known_has_a_gradient_that_is_not_finite() {
    for mut case in random::trainable(76, 32) {
        if case.expected.shape.is_empty() {
            continue;
        }
        let variances = case.posterior.0.iter_mut().filter(|(name, _)| name.ends_with(".var"));
        variances.for_each(|(_, tensor)| tensor.values.fill(0.0));
        check_finite(&case, Loss::Gaussian(Some(1.5)));
    }
}

#[track_caller]
fn check_finite(case: &Case, loss: Loss) {
    let trained = Trained::of(case, loss, 7);
    let Gradient { losses, of, .. } = gradient(&trained);
    assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}\n{}", case.module);
    for (name, values) in of {
        let wrong = values.iter().position(|value| !value.is_finite());
        assert!(wrong.is_none(), "{loss}: {name} at {wrong:?}: {values:?}\n{}", case.module);
    }
}

/// Activations of means and deviations up to 10⁴, in any proportion.
#[test]
fn activations_on_any_scale_have_finite_gradients() {
    let scales = [0.0, 1e-30, 1e-12, 1e-4, 1e-2, 1.0, 1e2, 1e4];
    let means = scales.iter().flat_map(|&scale| [-scale, scale]);
    let pairs: Vec<(f64, f64)> = means
        .flat_map(|mean| scales.iter().map(move |&deviation| (mean, deviation * deviation)))
        .collect();
    let (means, variances): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for (f, case) in activations(&means, &variances) {
        // exp is beyond float32.
        if f.name() != "exp" {
            check_finite(&case, Loss::Linear);
            check_finite(&case, Loss::Gaussian(Some(1.5)));
        }
    }
}

/// A classifier whose logits are far apart, or all but equal.
#[test]
fn losses_of_logits_on_any_scale_have_finite_gradients() {
    for scale in [1e-12, 1e-4, 1.0, 1e2, 1e4] {
        for spread in [0.0, 1e-12, 1.0, 1e4] {
            let x = common::random(&[4, 5], true, 8);
            let scaled = |values: &[f64], by: f64| -> Vec<f64> {
                values.iter().map(|x| f64::from((x * by) as f32)).collect()
            };
            let variance = scaled(x.variance.as_ref().unwrap(), spread);
            let x = Tensor::gaussian(&[4, 5], scaled(&x.mean, scale), variance);
            let case = of_op("relu", "", x, &[4, 5]);
            for loss in [
                Loss::CrossEntropy(0),
                Loss::CrossEntropy(3),
                Loss::Binary(0),
                Loss::Binary(3),
                Loss::Gaussian(Some(0.5)),
                Loss::Gaussian(None),
            ] {
                check_finite(&case, loss);
            }
        }
    }
}
