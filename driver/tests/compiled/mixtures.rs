//! Mixtures over the nodes of a shared scale, compiled: against the float64 interpreter.

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    case::{Case, Posterior, Tolerance, check},
    common::{none, program},
    linked,
};

/// The deviation of a square is composed of a continued fraction, and the nodes of exponentials of it.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 2e-5,
    mean: 2e-5,
    mean_absolute: 2e-5,
    variance: 1e-4,
    variance_absolute: 1e-6,
};

fn gaussian(rng: &mut StdRng, shape: &[usize], spread: f32, most: f32) -> Tensor {
    let count = shape.iter().product();
    let mean = (0..count).map(|_| f64::from(rng.random_range(-spread..spread))).collect();
    let variance = (0..count).map(|_| f64::from(rng.random_range(0.0..most))).collect();
    Tensor::gaussian(shape, mean, variance)
}

/// A mixture, an activation, and a dense layer, of which `op` gives a result of the shape `result`.
fn case(
    rng: &mut StdRng,
    name: &str,
    items: usize,
    layer: [usize; 2],
    op: &str,
    result: &str,
) -> Case {
    let [nodes, groups] = layer;
    let (of_six, of_five, of_four) = (
        format!("!gauss.tensor<{items}x6xf32>"),
        format!("!gauss.tensor<{items}x5xf32, covariance<{nodes}>>"),
        format!("!gauss.tensor<{items}x4xf32, covariance<{nodes}>>"),
    );
    let weights = "!gauss.tensor<5x6xf32>, !gauss.tensor<5xf32>";
    let of = |function: &str| {
        format!(
            "func.func @{function}(%z: {of_six}, %v: !gauss.tensor<5x6xf32>, %b: !gauss.tensor<5xf32>, \
             %w: !gauss.tensor<4x5xf32>) -> {result} {{
  %a = gauss.relu %z : ({of_six}) -> {of_six}
  %0 = gauss.scale_mixture %a, %z, %v, %b nodes {nodes} groups {groups} rectified true
    : ({of_six}, {of_six}, {weights}) -> {of_five}
  %1 = gauss.relu %0 : ({of_five}) -> {of_five}
  %2 = gauss.dense %1, %w : ({of_five}, !gauss.tensor<4x5xf32>) -> {of_four}
  %r = gauss.{op} : ({of_four}) -> {result}
  return %r : {result}
}}"
        )
    };
    let inputs = vec![
        gaussian(rng, &[items, 6], 1.5, 2.0),
        gaussian(rng, &[5, 6], 1.0, 0.5),
        gaussian(rng, &[5], 1.0, 0.5),
        gaussian(rng, &[4, 5], 1.0, 0.5),
    ];
    let expected = program(&of("main"), &none).unwrap().run(&inputs).unwrap().remove(0);
    Case { name: name.into(), module: of(name), posterior: Posterior::default(), inputs, expected }
}

fn cases() -> Vec<Case> {
    let mut rng = StdRng::seed_from_u64(8);
    let mut cases = Vec::new();
    for (items, layer) in [(1, [5, 1]), (6, [3, 3]), (2, [5, 6])] {
        let [nodes, groups] = layer;
        let mut push = |name: &str, op: &str, result: &str| {
            let name = format!("{name}_{items}_{nodes}_{groups}");
            cases.push(case(&mut rng, &name, items, layer, op, result));
        };
        push("marginals", "marginals %2", &format!("!gauss.tensor<{items}x4xf32>"));
        push("nodes", "nodes %2", &format!("!gauss.tensor<{items}x{nodes}x4xf32>"));
        push("matrix", "covariance %2", &format!("tensor<{items}x4x4xf32>"));
        let each = format!("tensor<{items}x{nodes}x4x4xf32>");
        push("matrices", "covariance %2 of_nodes true", &each);
        for method in [r#""mean-field""#, r#""laplace""#, r#""sample" draws 41 seed 3"#] {
            let name = &method[1..5].replace('-', "_");
            let op = format!("softmax %2 method {method}");
            push(&format!("p_{name}"), &op, &format!("tensor<{items}x4xf32>"));
            let op = format!("uncertainty %2 method {method}");
            push(&format!("u_{name}"), &op, &format!("tensor<{items}x3xf32>"));
        }
    }
    cases
}

#[test]
fn mixtures_on_the_host() {
    let x86 = Target::find("host", "x86-64");
    for case in &cases() {
        check(&case.name, &case.run(), &case.expected, TOLERANCE);
        if let Ok(target) = &x86 {
            check(&case.name, &case.run_on(target), &case.expected, TOLERANCE);
        }
    }
}

#[test]
fn mixtures_on_aarch64() {
    let cases = cases();
    for cpu in ["cortex-a53", "cortex-a72"] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let Some(results) = linked::run(&cases, &target) else { return };
        for (case, result) in cases.iter().zip(results) {
            check(&format!("{} for {cpu}", case.name), &result, &case.expected, TOLERANCE);
        }
    }
}
