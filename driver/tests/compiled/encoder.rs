//! The block of an encoder among the examples, compiled, against the reference.

use std::fs;

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::{
    mode::{Mode, Sampling},
    target::Target,
};
use pfp_compiler::compile::Options;

use crate::{
    case::{Case, Operand, Posterior, Tolerance, check},
    random::{reference, tensor},
};

/// A normalisation and a GELU by quadrature follow on an attention by quadrature.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 2e-3,
    mean: 1e-4,
    mean_absolute: 1e-4,
    variance: 5e-3,
    variance_absolute: 1e-6,
};

/// The block with weights of these deviations beside means from −1/8 to 1/8.
fn block(deviation: f64) -> Case {
    let file = format!("{}/../examples/encoder/block.mlir", env!("CARGO_MANIFEST_DIR"));
    let module = fs::read_to_string(file).unwrap().replace('?', "2");
    let mut posterior = Posterior::default();
    for (seed, line) in module.lines().filter(|line| line.contains("gauss.parameter")).enumerate() {
        let name = line.split('"').nth(1).unwrap();
        let sizes = line.split('<').nth(1).unwrap().trim_end_matches("xf32>").split('x');
        let shape: Vec<usize> = sizes.map(|size| size.parse().unwrap()).collect();
        let mut drawn = tensor(&shape, line.contains("!gauss"), seed as u64);
        drawn.mean.iter_mut().for_each(|mean| *mean = f64::from((*mean / 8.0) as f32));
        for variance in drawn.variance.iter_mut().flatten() {
            *variance = f64::from((*variance * (deviation / 8.0).powi(2)) as f32);
        }
        posterior.insert(name, &drawn);
    }
    let inputs = vec![tensor(&[2, 16, 32], false, 99)];
    let mut case =
        Case { name: "block".into(), module, posterior, expected: inputs[0].clone(), inputs };
    case.expected = reference(&case);
    case
}

#[test]
fn the_block_of_an_encoder_agrees_with_the_reference() {
    for deviation in [1e-3, 0.3, 1.0] {
        let case = block(deviation);
        check(&format!("deviation {deviation}"), &case.run(), &case.expected, TOLERANCE);
    }
}

#[test]
fn the_block_of_an_encoder_is_compiled_in_every_mode() {
    let sampling = Sampling::new(3);
    for mode in [
        Mode::Mean,
        Mode::Sample(sampling),
        Mode::Sample(Sampling { presampled: true, ..sampling }),
    ] {
        let options = Options { mode, ..Options::default() };
        block(0.3).compile_with(&Target::host(), &options);
    }
}

/// A weight near 1 has the variance of what is left for the others, however little that is.
#[test]
fn weights_are_right_where_one_logit_is_far_above_all_others() {
    let tolerance = Tolerance {
        mean_of_sigma: 1e-3,
        mean: 1e-6,
        mean_absolute: 1e-9,
        variance: 1e-3,
        // Squares of what is left for the others leave the normal numbers below.
        variance_absolute: 1e-30,
    };
    let mut mean = vec![];
    for above in [2.0, 5.0, 8.0, 12.0, 16.0, 25.0, 40.0] {
        mean.extend([above, 0.0, 0.25, -0.5]);
    }
    // The logistic function of a wide Gaussian keeps 2e-7 of its variance, not its own digits.
    for (deviation, share) in [(0.01f32, 0.0), (0.1, 0.0), (0.5, 0.0), (1.5, 4e-7)] {
        let variance = f64::from(deviation * deviation);
        let variance_absolute = tolerance.variance_absolute + share * variance;
        let tolerance = Tolerance { variance_absolute, ..tolerance };
        let logits = Tensor::gaussian(&[7, 4], mean.clone(), vec![variance; mean.len()]);
        let operands = [Operand { tensor: logits.clone(), parameter: false }];
        let mut case = Case::of_op("weights", "attention_weights", "", &operands, logits);
        case.expected = reference(&case);
        check("weights", &case.run_on(&Target::host()), &case.expected, tolerance);
    }
}

/// Of two logits the log-odds are Gaussian: their weights are integrals, however wide and far apart they are.
#[test]
fn weights_are_right_where_wide_logits_are_far_apart() {
    /// Mean and variance of the logistic function of a Gaussian.
    fn logistic(mean: f64, deviation: f64) -> [f64; 2] {
        let mut sums = [0.0; 3];
        for step in -4000..=4000 {
            let z = f64::from(step) / 400.0;
            let density = (-z * z / 2.0).exp();
            let value = 1.0 / (1.0 + (-mean - deviation * z).exp());
            let terms = [density, density * value, density * value * value];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        let mean = sums[1] / sums[0];
        [mean, sums[2] / sums[0] - mean * mean]
    }

    let places =
        [(0.0, 3.0), (20.0, 8.0), (50.0, 15.0), (60.0, 38.0), (90.0, 60.0), (300.0, 200.0)];
    let (mut mean, mut variance) = (vec![], vec![]);
    let (mut expected_mean, mut expected_variance) = (vec![], vec![]);
    for (above, deviation) in places {
        let variances = [0.7f64, 0.3].map(|share| share * deviation * deviation);
        for order in [[0, 1], [1, 0]] {
            mean.extend(order.map(|n| [above, 0.0][n]));
            variance.extend(order.map(|n| variances[n]));
            let weights = [logistic(above, deviation), logistic(-above, deviation)];
            expected_mean.extend(order.map(|n| weights[n][0]));
            expected_variance.extend(order.map(|n| weights[n][1]));
        }
    }
    let shape = [mean.len() / 2, 2];
    let logits = Tensor::gaussian(&shape, mean, variance);
    let expected = Tensor::gaussian(&shape, expected_mean, expected_variance);
    let operands = [Operand { tensor: logits.clone(), parameter: false }];
    let case = Case::of_op("weights", "attention_weights", "", &operands, logits);
    // What the rule for wide Gaussians leaves: 3e-5 of a deviation, 2e-4 of a variance.
    let tolerance = Tolerance {
        mean_of_sigma: 1e-4,
        mean: 0.0,
        mean_absolute: 1e-6,
        variance: 5e-4,
        variance_absolute: 1e-6,
    };
    check("weights", &case.run_on(&Target::host()), &expected, tolerance);
}
