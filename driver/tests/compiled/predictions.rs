//! The predictive head, compiled: against the float64 interpreter and the helpers of
//! the runtime, for any batch and number of classes.

use gauss_dialect::{interpreter::Tensor, predictive::UNKNOWN};
use gauss_lowering::target::Target;
use pfp_runtime::predictive::decompose_into;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    case::{Case, Posterior, Tolerance, check, has_fma, sixteen_lanes},
    common::{none, program},
    linked,
};

const METHODS: [(&str, &str); 3] = [
    ("mean_field", r#""mean-field""#),
    ("laplace", r#""laplace""#),
    ("sample", r#""sample" draws 37 seed 5"#),
];

/// Absolute: probabilities and entropies of ten classes, whose parts are rounded.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 0.0,
    mean: 1e-5,
    mean_absolute: 6e-6,
    variance: 0.0,
    variance_absolute: 0.0,
};

/// A function of one op, and what the interpreter gives.
fn case(name: &str, op: &str, inputs: Vec<Tensor>, result: &str) -> Case {
    let types: Vec<_> = inputs.iter().map(|input| input.ty().to_string()).collect();
    let arguments: Vec<_> =
        types.iter().enumerate().map(|(number, ty)| format!("%a{number}: {ty}")).collect();
    let of = |function: &str| {
        format!(
            "func.func @{function}({}) -> {result} {{
  %r = gauss.{op} : ({}) -> {result}
  return %r : {result}
}}",
            arguments.join(", "),
            types.join(", ")
        )
    };
    let expected = program(&of("main"), &none).unwrap().run(&inputs).unwrap().remove(0);
    let posterior = Posterior::default();
    Case { name: name.into(), module: of(name), posterior, inputs, expected }
}

/// Logits of clear, ambiguous, unknown and extreme items.
fn logits(rng: &mut StdRng, items: usize, classes: usize) -> Tensor {
    let mut single = |range: std::ops::Range<f32>| f64::from(rng.random_range(range));
    let (mut mean, mut variance) = (vec![], vec![]);
    for item in 0..items {
        let (spread, most) = [(3.0, 1.0), (8.0, 0.01), (1.0, 30.0), (20.0, 4.0)][item % 4];
        for _ in 0..classes {
            mean.push(single(-spread..spread));
            variance.push(single(0.1 * most..most));
        }
    }
    Tensor::gaussian(&[items, classes], mean, variance)
}

/// Logits with a part in common, and variances of ratios up to 10^16.
fn unequal_logits(rng: &mut StdRng, items: usize, classes: usize) -> Tensor {
    let (mut mean, mut variance) = (vec![], vec![]);
    for item in 0..items {
        let common = [0.0, 0.0, 3.0, -1.0][item % 4];
        for _ in 0..classes {
            mean.push(common + f64::from(rng.random_range(-2f32..2.0)));
            variance.push(f64::from(10f32.powf(rng.random_range(-8f32..8.0))));
        }
    }
    Tensor::gaussian(&[items, classes], mean, variance)
}

/// Cases of each shape: two ops by every method, a decision, an interval, and the ops of labels.
const OPS: usize = 2 * METHODS.len() + 2 + 3;

fn cases() -> Vec<Case> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut cases = Vec::new();
    for (items, classes) in [(1, 10), (7, 3), (3, 2), (5, 4), (2, 17), (33, 10), (4, 100)] {
        let (of, three) = (format!("{items}x{classes}"), format!("tensor<{items}x3xf32>"));
        let logits = logits(&mut rng, items, classes);
        for (name, method) in METHODS {
            let mut push = |op: &str, result: &str| {
                let name = format!("{op}_{name}_{of}");
                let op = format!("{op} %a0 method {method}");
                cases.push(case(&name, &op, vec![logits.clone()], result));
            };
            push("softmax", &format!("tensor<{of}xf32>"));
            push("uncertainty", &three);
        }
        // Far from the thresholds, so that rounding decides nothing.
        let amount = |rng: &mut StdRng| if rng.random() { 0.25 } else { 0.75 };
        let probabilities: Vec<_> =
            (0..items * classes).map(|_| f64::from(rng.random::<f32>())).collect();
        let uncertainty = (0..3 * items).map(|_| amount(&mut rng)).collect();
        cases.push(case(
            &format!("decide_{of}"),
            "decide %a0, %a1 epistemic 0.5 aleatoric 0.6",
            vec![
                Tensor::deterministic(&[items, classes], probabilities),
                Tensor::deterministic(&[items, 3], uncertainty),
            ],
            &format!("tensor<{items}xf32>"),
        ));
        let result = format!("tensor<{of}x2xf32>");
        let op = "interval %a0 coverage 0.9 noise 0.5";
        cases.push(case(&format!("interval_{of}"), op, vec![logits.clone()], &result));
        cases.extend(labels(&mut rng, logits));
    }
    cases.extend(labels(&mut rng, label_logits()));
    cases
}

/// The ops of binary labels: one for each logit.
fn labels(rng: &mut StdRng, logits: Tensor) -> [Case; 3] {
    let [items, labels] = logits.shape[..] else { panic!("{:?}", logits.shape) };
    let of = format!("{items}x{labels}");
    let (ty, parts) = (format!("tensor<{of}xf32>"), format!("tensor<{of}x3xf32>"));
    let mut random = |count: usize| (0..count).map(|_| f64::from(rng.random::<f32>())).collect();
    let probability = Tensor::deterministic(&[items, labels], random(items * labels));
    // Far from the thresholds, so that rounding decides nothing.
    let amounts: Vec<f64> = random(3 * items * labels);
    let amounts = amounts.into_iter().map(|x| if x < 0.5 { 0.25 } else { 0.75 }).collect();
    let uncertainty = Tensor::deterministic(&[items, labels, 3], amounts);
    let decide = "binary_decide %a0, %a1 epistemic 0.5 aleatoric 0.6";
    [
        case(&format!("binary_p_{of}"), "binary_probability %a0", vec![logits.clone()], &ty),
        case(&format!("binary_u_{of}"), "binary_uncertainty %a0", vec![logits], &parts),
        case(&format!("binary_decide_{of}"), decide, vec![probability, uncertainty], &ty),
    ]
}

/// One logit for each item, of every size, the mean and the variance of any other.
fn label_logits() -> Tensor {
    let means = [0.0, 1e-6, 0.5, -3.0, 12.0, -20.0, 90.0, 1e30];
    let variances = [0.0, 1e-8, 1e-3, 0.0624, 0.0626, 1.0, 30.0, 1e8, 1e30];
    let pairs = means.into_iter().flat_map(|m| variances.map(|v| (m, v)));
    let (mean, variance): (Vec<f64>, Vec<f64>) = pairs.unzip();
    Tensor::gaussian(&[mean.len(), 1], mean, variance)
}

#[test]
fn predictions_on_the_host() {
    let cases = cases();
    for case in &cases {
        check(&case.name, &case.run(), &case.expected, TOLERANCE);
    }
    let mut others = vec![Target::find("host", "x86-64").unwrap()];
    if has_fma() {
        others.extend([Target::find("host", "x86-64-v3").unwrap(), sixteen_lanes()]);
    }
    for target in others {
        for case in &cases[..2 * OPS] {
            let name = format!("{} for {}", case.name, target.name);
            check(&name, &case.run_on(&target), &case.expected, TOLERANCE);
        }
    }
}

#[test]
fn predictions_on_aarch64() {
    let cases = cases();
    for (cpu, cases) in [("cortex-a53", &cases[..OPS]), ("cortex-a72", &cases[..])] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let Some(results) = linked::run(cases, &target) else { return };
        for (case, result) in cases.iter().zip(results) {
            check(&format!("{} for {cpu}", case.name), &result, &case.expected, TOLERANCE);
        }
    }
}

/// Small parts keep their digits: the errors of labels are relative.
#[test]
fn labels_keep_small_probabilities() {
    let tolerance = |mean| Tolerance { mean, mean_absolute: 1e-30, ..TOLERANCE };
    let logits = label_logits();
    let labels = labels(&mut StdRng::seed_from_u64(3), logits.clone());
    check("probability", &labels[0].run(), &labels[0].expected, tolerance(3e-6));
    let (actual, expected) = (labels[1].run().mean, &labels[1].expected.mean);
    for (item, (actual, expected)) in actual.chunks(3).zip(expected.chunks(3)).enumerate() {
        let variance = logits.variance.as_ref().unwrap()[item];
        for (column, relative) in [4e-6, 4e-6, 2e-4].into_iter().enumerate() {
            let error = (actual[column] - expected[column]).abs();
            // Denormal numbers are zero.
            let close = error <= relative * expected[column] + 1e-36;
            assert!(close, "{} {variance} {column}: {actual:?} {expected:?}", logits.mean[item]);
        }
        assert!(variance > 0.0 || actual[2] == 0.0, "{actual:?}");
    }
}

#[test]
fn unequal_variances_cancel_nothing() {
    let mut rng = StdRng::seed_from_u64(4);
    for (items, classes) in [(64, 2), (32, 3), (8, 10), (2, 1000)] {
        let logits = unequal_logits(&mut rng, items, classes);
        for (name, method) in &METHODS[..2] {
            for (op, result) in [("softmax", classes), ("uncertainty", 3)] {
                let ty = format!("tensor<{items}x{result}xf32>");
                let code = format!("{op} %a0 method {method}");
                let case = case(op, &code, vec![logits.clone()], &ty);
                check(&format!("{op} {name} {classes}"), &case.run(), &case.expected, TOLERANCE);
            }
        }
    }
}

/// What equal variances leave of a large part in common is exact.
#[test]
fn what_logits_have_in_common_cancels() {
    let mean = vec![1000.5, 1000.0, 999.0, -65536.25, -65536.0, -65535.0];
    let logits = Tensor::gaussian(&[2, 3], mean, vec![0.3; 6]);
    for (name, method) in METHODS {
        let code = format!("softmax %a0 method {method}");
        let case = case("softmax", &code, vec![logits.clone()], "tensor<2x3xf32>");
        // A draw adds to the logit, in its precision.
        let tolerance = if name == "sample" { 1e-2 } else { 1e-6 };
        let tolerance = Tolerance { mean: tolerance, mean_absolute: 0.0, ..TOLERANCE };
        check(name, &case.run(), &case.expected, tolerance);
    }
}

#[test]
fn sampled_predictions_are_those_of_the_runtime() {
    let logits = logits(&mut StdRng::seed_from_u64(2), 4, 10);
    let op = |op: &str| format!(r#"{op} %a0 method "sample" draws 200 seed 9"#);
    let softmax = case("softmax", &op("softmax"), vec![logits.clone()], "tensor<4x10xf32>").run();
    let parts = case("parts", &op("uncertainty"), vec![logits.clone()], "tensor<4x3xf32>").run();
    let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
    for item in 0..4 {
        let row = 10 * item..10 * (item + 1);
        let mean = single(&logits.mean[row.clone()]);
        let variance = single(&logits.variance.as_ref().unwrap()[row.clone()]);
        let (mut p, mut scratch) = ([0.0; 10], [0.0; 10]);
        let u = decompose_into(&mean, &variance, 200, 9, &mut p, &mut scratch).unwrap();
        let expected = p.iter().chain([&u.total, &u.aleatoric, &u.epistemic]);
        let actual = softmax.mean[row].iter().chain(&parts.mean[3 * item..3 * item + 3]);
        for (actual, &expected) in actual.zip(expected) {
            assert!((actual - f64::from(expected)).abs() < 1e-5, "{item}: {actual} {expected}");
        }
    }
}

/// Whatever the logits, probabilities are finite, and what is not a number is unknown.
#[test]
fn predictions_at_the_edges() {
    let edges = [0.0, 1e-38, 1e-30, 1.0, 1e10, 1e30, f64::from(f32::MAX)];
    let (mut mean, mut variance) = (vec![], vec![]);
    for &size in &edges {
        for &v in &edges {
            mean.extend([size, -size, 0.0]);
            variance.extend([v, 0.5 * v, 0.0]);
            mean.extend([size, size, 0.0]);
            variance.extend([v, v, v]);
        }
    }
    let items = mean.len() / 3;
    let edge_logits = Tensor::gaussian(&[items, 3], mean, variance);
    for (name, method) in METHODS {
        let run = |op: &str, columns: usize| {
            let result = format!("tensor<{items}x{columns}xf32>");
            let op = format!("{op} %a0 method {method}");
            case(op.split(' ').next().unwrap(), &op, vec![edge_logits.clone()], &result).run().mean
        };
        let (p, parts) = (run("softmax", 3), run("uncertainty", 3));
        for (item, row) in p.chunks(3).enumerate() {
            let sum: f64 = row.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{name}: item {item}: {row:?}");
        }
        assert!(parts.iter().all(|x| (0.0..1.0987).contains(x)), "{name}: {parts:?}");
    }

    for (mean, variance) in [(f64::NAN, 1.0), (f64::NAN, 0.0)] {
        let logits = Tensor::gaussian(&[1, 1], vec![mean], vec![variance]);
        let [p, parts, _] = labels(&mut StdRng::seed_from_u64(5), logits);
        let all = [p.run().mean, parts.run().mean].concat();
        assert!(all.iter().all(|x| x.is_nan()), "{mean} {variance}: {all:?}");
        let logits = Tensor::gaussian(&[1, 2], vec![0.0, mean], vec![1.0, variance]);
        for (name, method) in METHODS {
            let op = format!("softmax %a0 method {method}");
            let p = case("softmax", &op, vec![logits.clone()], "tensor<1x2xf32>").run().mean;
            assert!(p.iter().all(|x| x.is_nan()), "{name}: {mean} {variance}: {p:?}");
        }
    }

    let uncertainty = [f64::NAN, 0.1, 0.1, 0.1, f64::NAN, 0.1, 0.1, 0.1, f64::NAN];
    let inputs = vec![
        Tensor::deterministic(&[3, 2], vec![f64::NAN, 0.5, 0.5, 0.5, 0.2, 0.8]),
        Tensor::deterministic(&[3, 3], uncertainty.to_vec()),
    ];
    let decisions = case("decide", "decide %a0, %a1", inputs, "tensor<3xf32>").run();
    assert_eq!(decisions.mean, [UNKNOWN; 3]);
}
