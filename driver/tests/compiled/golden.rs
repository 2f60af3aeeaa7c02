//! The golden vectors: single ops with their edge cases, and whole networks.

use std::{fs, path::Path};

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use serde_json::Value;

use crate::{
    case::{Case, Operand, Tolerance, check},
    common::{Tensors, absent::shared_data},
    linked,
};

/// The limits that the golden vectors suggest for float32: mean 1e-4 σ + 1e-6
/// relative, variance 1e-4 relative + 1e-6 of the largest input variance.
fn tolerance(case: &Case) -> Tolerance {
    let posterior = case.posterior.0.iter().filter(|(name, _)| name.ends_with(".var"));
    let largest = case
        .inputs
        .iter()
        .flat_map(|input| input.variance.iter().flatten().copied())
        .chain(posterior.flat_map(|(_, tensor)| tensor.values.iter().map(|&v| f64::from(v))))
        .fold(0.0, f64::max);
    // A deterministic average of numbers that cancel is as exact as its largest
    // term: the reference run in float32 is off by 4e-6 of the result there.
    let deterministic = case.expected.variance.is_none();
    Tolerance {
        mean_of_sigma: 1e-4,
        mean: if deterministic { 4e-6 } else { 1e-6 },
        mean_absolute: f64::from(f32::MIN_POSITIVE),
        variance: 1e-4,
        variance_absolute: 1e-6 * largest,
    }
}

/// The op's mnemonic and its operands in order.
const OPS: [(&str, &str, &[&str]); 11] = [
    ("dense", "dense", &["x", "weight", "bias"]),
    ("conv2d", "conv2d", &["x", "weight", "bias"]),
    ("gelu", "gelu", &["x"]),
    ("leaky_relu", "leaky_relu", &["x"]),
    ("relu", "relu", &["x"]),
    ("sigmoid", "sigmoid", &["x"]),
    ("tanh", "tanh", &["x"]),
    ("max_pool2d", "max_pool2d", &["x"]),
    ("avg_pool2d", "avg_pool2d", &["x"]),
    ("add", "add", &["a", "b"]),
    ("batch_norm2d", "batch_norm", &["x", "gamma", "beta", "running_mean", "running_var"]),
];

fn attributes(op: &str, args: &Value) -> String {
    let pair = |name: &str| args[name].to_string();
    let padding = || {
        let [h, w] = [&args["padding"][0], &args["padding"][1]];
        format!("[{h}, {w}, {h}, {w}]")
    };
    match op {
        "conv2d" => format!(
            "strides {} padding {} dilation {} groups {}",
            pair("stride"),
            padding(),
            pair("dilation"),
            args["groups"]
        ),
        "max_pool2d" => {
            format!("kernel {} strides {} padding {}", pair("kernel"), pair("stride"), padding())
        }
        "avg_pool2d" => format!(
            "kernel {} strides {} padding {} count_include_pad {}",
            pair("kernel"),
            pair("stride"),
            padding(),
            args["count_include_pad"]
        ),
        "leaky_relu" => format!("slope {}", args["slope"]),
        "batch_norm2d" => format!("epsilon {:.1e}", args["eps"].as_f64().unwrap()),
        _ => String::new(),
    }
}

/// Every golden case of an op that the dialect has; those with weights twice, as
/// arguments and as parameters, which are packed.
fn op_cases(data: &Path) -> Vec<Case> {
    let golden = data.join("golden");
    let tensors = Tensors::open(&golden.join("ops.safetensors"));
    let list: Value =
        serde_json::from_str(&fs::read_to_string(golden.join("ops.json")).unwrap()).unwrap();
    let mut cases = Vec::new();
    for entry in list.as_array().unwrap() {
        let (op, case) = (entry["op"].as_str().unwrap(), entry["case"].as_str().unwrap());
        let known = OPS.iter().find(|(name, _, _)| *name == op);
        let (_, mnemonic, names) = known.unwrap_or_else(|| panic!("no op for the cases of {op}"));
        let read = |name: &str| {
            let name = format!("{op}.{case}.{name}");
            tensors.moments(&name).or_else(|| tensors.plain(&name))
        };
        let present: Vec<Tensor> = names.iter().filter_map(|name| read(name)).collect();
        let expected = read("out").unwrap();
        for parameter in [false, true] {
            if parameter && names.len() < 3 {
                continue;
            }
            let operands: Vec<_> = present
                .iter()
                .enumerate()
                .map(|(number, tensor)| Operand {
                    tensor: tensor.clone(),
                    parameter: parameter && number > 0,
                })
                .collect();
            let suffix = if parameter { "parameters" } else { "arguments" };
            let name = format!("{op}_{case}_{suffix}");
            cases.push(Case::of_op(
                &name,
                mnemonic,
                &attributes(op, &entry["args"]),
                &operands,
                expected.clone(),
            ));
        }
    }
    assert!(cases.len() > 60, "{} golden cases", cases.len());
    cases
}

/// The intermediate mean of 1000 is rounded to float32 between two maxima; at a
/// standard deviation of 0.1 that alone moves the variance by 3e-4.
fn case_tolerance(case: &Case) -> Tolerance {
    let suggested = tolerance(case);
    let suggested = match case.name.contains("large_mean_small_variance") {
        true => return Tolerance { variance: 3e-4, ..suggested },
        false => suggested,
    };
    // By quadrature, a mean of 1e-11 beside deviations of 1 is not told from 0.
    match ["gelu", "sigmoid", "tanh"].iter().any(|op| case.name.starts_with(op)) {
        true => Tolerance { mean_absolute: 5e-8, ..suggested },
        false => suggested,
    }
}

#[test]
fn every_golden_op_on_the_host() {
    let Some(data) = shared_data() else { return };
    for case in op_cases(&data) {
        check(&case.name, &case.run(), &case.expected, case_tolerance(&case));
    }
}

#[test]
fn every_golden_op_linked_into_a_c_program() {
    let Some(data) = shared_data() else { return };
    let cases = op_cases(&data);
    for cpu in ["x86-64", "native"] {
        let target = Target::find("host", cpu).unwrap();
        let Some(results) = linked::run(&cases, &target) else { return };
        for (case, result) in cases.iter().zip(results) {
            let name = format!("{} on {cpu}", case.name);
            check(&name, &result, &case.expected, case_tolerance(case));
        }
    }
}

#[test]
fn every_golden_op_on_aarch64() {
    let Some(data) = shared_data() else { return };
    let cases = op_cases(&data);
    for (cpu, cases) in ["cortex-a72", "cortex-a53", "cortex-a76"].into_iter().zip([
        &cases[..],
        &cases[..cases.len() / 2],
        &cases[cases.len() / 2..],
    ]) {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let Some(results) = linked::run(cases, &target) else { return };
        for (case, result) in cases.iter().zip(results) {
            check(
                &format!("{} on {cpu}", case.name),
                &result,
                &case.expected,
                case_tolerance(case),
            );
        }
    }
}

/// The networks of the paper with both readings of the stored scales.
fn network_cases(data: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (golden, model) in [
        ("mlp", "mlp_dirty_mnist"),
        ("mlp_softplus", "mlp_dirty_mnist_softplus"),
        ("lenet", "lenet_dirty_mnist"),
        ("lenet_softplus", "lenet_dirty_mnist_softplus"),
    ] {
        let network = golden.split('_').next().unwrap();
        let file = format!("{}/../test/models/{network}.mlir", env!("CARGO_MANIFEST_DIR"));
        let module = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let tensors = Tensors::open(&data.join(format!("golden/{golden}.safetensors")));
        let parameters = Tensors::open(&data.join(format!("models/{model}.safetensors")));
        for (set, factor) in [("mnist", 1.0), ("mnist", 0.7), ("fashion", 1.0), ("fashion", 0.7)] {
            let mut case = Case {
                name: format!("{golden}_{set}_{}", (factor * 10.0) as u32),
                module: String::new(),
                posterior: Default::default(),
                inputs: vec![tensors.plain(&format!("{set}.input")).unwrap()],
                expected: tensors.moments(&format!("{set}.factor_{factor:.1}")).unwrap(),
            };
            case.module = module
                .replace(&format!("@{network}"), &format!("@{}", case.name))
                .replace('?', &case.inputs[0].shape[0].to_string());
            for name in parameters.names("") {
                if let Some(name) = name.strip_suffix(".mean") {
                    let mut tensor = parameters.moments(name).unwrap();
                    tensor.variance.iter_mut().flatten().for_each(|v| *v *= factor);
                    case.posterior.insert(name, &tensor);
                }
            }
            cases.push(case);
        }
    }
    cases
}

/// Float32 through up to twelve layers: measured 2e-5 of σ and 6e-6.
const NETWORK: Tolerance = Tolerance {
    mean_of_sigma: 1e-4,
    mean: 1e-6,
    mean_absolute: 0.0,
    variance: 2e-5,
    variance_absolute: 0.0,
};

#[test]
fn every_golden_network_on_the_host_and_on_aarch64() {
    let Some(data) = shared_data() else { return };
    let cases = network_cases(&data);
    let host: Vec<_> = cases.iter().map(Case::run).collect();
    for (case, result) in cases.iter().zip(&host) {
        check(&case.name, result, &case.expected, NETWORK);
    }
    for cpu in ["cortex-a53", "cortex-a72", "cortex-a76"] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let Some(results) = linked::run(&cases, &target) else { return };
        for ((case, result), host) in cases.iter().zip(results).zip(&host) {
            let name = format!("{} on {cpu}", case.name);
            check(&name, &result, &case.expected, NETWORK);
            check_agreement(&name, &result, host);
        }
    }
}

/// Host and AArch64 agree to 1e-5 of max(|mean|, σ) and to 1e-4 of the variance.
fn check_agreement(name: &str, a: &Tensor, b: &Tensor) {
    let (va, vb) = (a.variance.as_ref().unwrap(), b.variance.as_ref().unwrap());
    for i in 0..a.mean.len() {
        let scale = b.mean[i].abs().max(vb[i].sqrt());
        assert!((a.mean[i] - b.mean[i]).abs() <= 1e-5 * scale, "{name}: mean at {i}");
        assert!((va[i] - vb[i]).abs() <= 1e-4 * vb[i], "{name}: variance at {i}");
    }
}
