//! Networks of several layers with each of the losses.

use gauss_dialect::ops::noise::Noise;
use gauss_lowering::passes::gauss_append_loss::Loss;

use super::trained::{Reference, Trained, check};
use crate::{
    case::Case,
    random::{self, Classifier},
};

/// As of single ops; the errors of each layer go through the next ones.
const OF_NETWORKS: f64 = 5e-3;

fn classifiers(seed: u64, count: usize) -> impl Iterator<Item = Case> {
    random::classifiers(seed, count).into_iter().map(|Classifier { case, .. }| case)
}

/// The case with every variance 0.
fn without_variance(mut case: Case) -> Case {
    for input in &mut case.inputs {
        input.variance.iter_mut().flatten().for_each(|variance| *variance = 0.0);
    }
    for (name, tensor) in &mut case.posterior.0 {
        if name.ends_with(".var") {
            tensor.values.fill(0.0);
        }
    }
    case
}

#[test]
fn classifiers_have_the_gradients_of_the_reference_with_every_loss() {
    let losses = [
        Loss::CrossEntropy(0),
        Loss::CrossEntropy(5),
        Loss::Binary(0),
        Loss::Binary(3),
        Loss::Gaussian(Some(0.5)),
        Loss::Gaussian(None),
        Loss::Linear,
    ];
    for (seed, count) in random::portions(28, 72) {
        for (number, case) in classifiers(seed, count).enumerate() {
            let loss = losses[number % losses.len()];
            let trained = Trained::of(&case, loss, number as u64);
            check(&trained, OF_NETWORKS, Reference::Dual);
        }
    }
}

#[test]
fn chains_of_convolutions_have_the_gradients_of_the_reference() {
    for (number, case) in random::chains(73, 4).iter().enumerate() {
        let trained = Trained::of(case, Loss::Gaussian(Some(1.5)), number as u64);
        check(&trained, OF_NETWORKS, Reference::Dual);
    }
}

/// The network of the means is the plain network: what it has of variances is of them.
#[test]
fn networks_of_the_means_have_the_gradients_of_the_plain_networks() {
    let ops = random::trainable(74, 32);
    let ops = ops.into_iter().filter(|case| !case.expected.shape.is_empty());
    let is_noise = |case: &Case| Noise::NAMES.iter().any(|op| case.name.starts_with(op));
    let ops = ops.filter(|case| !is_noise(case));
    let losses = [Loss::Gaussian(Some(1.5)), Loss::Binary(4), Loss::Linear];
    for (number, case) in ops.map(without_variance).enumerate() {
        let trained = Trained::of_means(&case, losses[number % losses.len()], number as u64);
        check(&trained, OF_NETWORKS, Reference::Differences);
    }
    let losses = [Loss::CrossEntropy(0), Loss::CrossEntropy(4), Loss::Gaussian(None)];
    for (number, case) in classifiers(75, 8).map(without_variance).enumerate() {
        let trained = Trained::of_means(&case, losses[number % losses.len()], number as u64);
        check(&trained, OF_NETWORKS, Reference::Differences);
    }
}
