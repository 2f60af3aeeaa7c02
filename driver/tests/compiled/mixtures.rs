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

/// The sizes of a network.
#[derive(Clone, Copy)]
struct Sizes {
    items: usize,
    nodes: usize,
    groups: usize,
    inputs: usize,
    hidden: usize,
    outputs: usize,
}

/// A mixture, an activation, and a dense layer, of which `op` gives a result of this type.
fn case(rng: &mut StdRng, name: &str, sizes: Sizes, op: &str, result: &str) -> Case {
    let Sizes { items, nodes, groups, inputs, hidden, outputs } = sizes;
    let plain = format!("!gauss.tensor<{items}x{inputs}xf32>");
    let mixture = |elements| format!("!gauss.tensor<{items}x{elements}xf32, covariance<{nodes}>>");
    let (of_hidden, of_outputs) = (mixture(hidden), mixture(outputs));
    let first = format!("!gauss.tensor<{hidden}x{inputs}xf32>");
    let bias = format!("!gauss.tensor<{hidden}xf32>");
    let second = format!("!gauss.tensor<{outputs}x{hidden}xf32>");
    let of = |function: &str| {
        format!(
            "func.func @{function}(%z: {plain}, %v: {first}, %b: {bias}, %w: {second}) -> {result} {{
  %a = gauss.relu %z : ({plain}) -> {plain}
  %0 = gauss.scale_mixture %a, %z, %v, %b nodes {nodes} groups {groups} rectified true
    : ({plain}, {plain}, {first}, {bias}) -> {of_hidden}
  %1 = gauss.relu %0 : ({of_hidden}) -> {of_hidden}
  %2 = gauss.dense %1, %w : ({of_hidden}, {second}) -> {of_outputs}
  %r = gauss.{op} : ({of_outputs}) -> {result}
  return %r : {result}
}}"
        )
    };
    let inputs = vec![
        gaussian(rng, &[items, inputs], 1.5, 2.0),
        gaussian(rng, &[hidden, inputs], 1.0, 0.5),
        gaussian(rng, &[hidden], 1.0, 0.5),
        gaussian(rng, &[outputs, hidden], 1.0, 0.5),
    ];
    let expected = program(&of("main"), &none).unwrap().run(&inputs).unwrap().remove(0);
    Case { name: name.into(), module: of(name), posterior: Posterior::default(), inputs, expected }
}

/// Of random sizes, all that is known of a mixture, and every head.
fn cases() -> Vec<Case> {
    let mut rng = StdRng::seed_from_u64(8);
    let mut cases = Vec::new();
    for number in 0..5 {
        let (groups, each) = (rng.random_range(1..=6), rng.random_range(1..=4));
        let sizes = Sizes {
            items: [1, 6, 2, 3, 5][number],
            nodes: [5, 3, 5, 3, 5][number],
            groups,
            inputs: groups * each,
            hidden: rng.random_range(1..=21),
            outputs: rng.random_range(2..=12),
        };
        let Sizes { items, nodes, outputs, .. } = sizes;
        let mut push = |name: &str, op: &str, result: &str| {
            let name = format!("{name}_{number}");
            cases.push(case(&mut rng, &name, sizes, op, result));
        };
        push("marginals", "marginals %2", &format!("!gauss.tensor<{items}x{outputs}xf32>"));
        push("nodes", "nodes %2", &format!("!gauss.tensor<{items}x{nodes}x{outputs}xf32>"));
        push("matrix", "covariance %2", &format!("tensor<{items}x{outputs}x{outputs}xf32>"));
        let each = format!("tensor<{items}x{nodes}x{outputs}x{outputs}xf32>");
        push("matrices", "covariance %2 of_nodes true", &each);
        for method in [r#""mean-field""#, r#""laplace""#, r#""sample" draws 41 seed 3"#] {
            let name = &method[1..5];
            let op = format!("softmax %2 method {method}");
            push(&format!("p_{name}"), &op, &format!("tensor<{items}x{outputs}xf32>"));
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
