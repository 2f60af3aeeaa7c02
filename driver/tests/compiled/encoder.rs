//! The block of an encoder among the examples, compiled, against the reference.

use std::fs;

use gauss_lowering::{
    mode::{Mode, Sampling},
    target::Target,
};
use pfp_compiler::compile::Options;

use crate::{
    case::{Case, Posterior, Tolerance, check},
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
