//! Sums of many terms: the error of a result does not grow with their number.

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    case::{self, Case, Operand, Tolerance, check},
    linked,
    random::reference,
};

/// Partial sums of up to about a thousand terms each lose a few units in the last place; one
/// running sum of a million positive terms loses 6e-4 of itself.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 5e-6,
    mean: 0.0,
    mean_absolute: 0.0,
    variance: 5e-6,
    variance_absolute: 0.0,
};

/// A layer on exact, positive inputs, with weights as they are at the start of training.
fn layer(op: &str, attributes: &str, input: &[usize], weight: &[usize], result: &[usize]) -> Case {
    let terms: usize = weight[1..].iter().product();
    let mut rng = ChaCha8Rng::seed_from_u64(terms as u64);
    let mut numbers = |shape: &[usize], from: f64, to: f64| -> Vec<f64> {
        let count = shape.iter().product();
        (0..count).map(|_| f64::from(rng.random_range(from..to) as f32)).collect()
    };
    let spread = 1.0 / (terms as f64).sqrt();
    let x = Tensor::deterministic(input, numbers(input, 0.0, 1.0));
    let mean = numbers(weight, -spread, spread);
    let w = Tensor::gaussian(weight, mean, numbers(weight, 0.0, spread * spread));
    let operands =
        [Operand { tensor: x, parameter: false }, Operand { tensor: w, parameter: true }];
    let placeholder = Tensor::deterministic(result, vec![0.0; result.iter().product()]);
    let mut case = Case::of_op(&format!("{op}_{terms}"), op, attributes, &operands, placeholder);
    case.expected = reference(&case);
    case
}

fn dense([n, k, m]: [usize; 3]) -> Case {
    layer("dense", "", &[n, k], &[m, k], &[n, m])
}

/// Parts of equal length and others; sums of one and of several items; a convolution whose
/// innermost loop is short.
fn cases() -> Vec<Case> {
    vec![
        dense([1, 25_088, 5]),
        dense([3, 100_003, 2]),
        dense([20, 12_288, 40]),
        layer("conv2d", "padding [1, 1, 1, 1]", &[1, 700, 5, 4], &[8, 700, 3, 3], &[1, 8, 5, 4]),
        layer("conv2d", "", &[2, 3, 60, 60], &[4, 3, 58, 58], &[2, 4, 3, 3]),
    ]
}

#[test]
fn long_sums_keep_their_digits_on_the_host() {
    let mut cases = cases();
    cases.push(dense([1, 1_000_000, 2]));
    let narrow = Target::find("host", "x86-64").unwrap();
    let sixteen_lanes = case::has_fma().then(case::sixteen_lanes);
    for target in [Target::host(), narrow].into_iter().chain(sixteen_lanes) {
        for case in &cases {
            let name = format!("{} on {}", case.name, target.name);
            check(&name, &case.run_on(&target), &case.expected, TOLERANCE);
        }
    }
}

#[test]
fn long_sums_keep_their_digits_on_aarch64() {
    for cpu in ["cortex-a53", "cortex-a72", "cortex-a76"] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let cases = cases();
        let Some(results) = linked::run(&cases, &target) else { continue };
        for (case, result) in cases.iter().zip(results) {
            let name = format!("{} on {cpu}", case.name);
            check(&name, &result, &case.expected, TOLERANCE);
        }
    }
}
