//! Covariances of the last layers: what heads get of them, what callers get, and that compiled code agrees with the
//! reference.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fixture::{Dir, npy, safetensors};

/// Activations of both kinds, a sum with a bias and a product with numbers between dense layers.
const MODULE: &str = r#"
func.func @net(%x: tensor<?x6xf32>) -> !gauss.tensor<?x4xf32> {
  %u = gauss.parameter "u" : !gauss.tensor<7x6xf32>
  %v = gauss.parameter "v" : !gauss.tensor<5x7xf32>
  %b = gauss.parameter "b" : !gauss.tensor<5xf32>
  %a = gauss.parameter "a" : tensor<1x5xf32>
  %w = gauss.parameter "w" : !gauss.tensor<4x5xf32>
  %0 = gauss.dense %x, %u : (tensor<?x6xf32>, !gauss.tensor<7x6xf32>) -> !gauss.tensor<?x7xf32>
  %1 = gauss.silu %0 : (!gauss.tensor<?x7xf32>) -> !gauss.tensor<?x7xf32>
  %2 = gauss.dense %1, %v, %b
    : (!gauss.tensor<?x7xf32>, !gauss.tensor<5x7xf32>, !gauss.tensor<5xf32>) -> !gauss.tensor<?x5xf32>
  %3 = gauss.mul %2, %a : (!gauss.tensor<?x5xf32>, tensor<1x5xf32>) -> !gauss.tensor<?x5xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x5xf32>) -> !gauss.tensor<?x5xf32>
  %5 = gauss.dense %4, %w : (!gauss.tensor<?x5xf32>, !gauss.tensor<4x5xf32>) -> !gauss.tensor<?x4xf32>
  return %5 : !gauss.tensor<?x4xf32>
}
"#;

/// Numbers that repeat nothing.
fn numbers(count: usize, seed: f32, low: f32, high: f32) -> Vec<f32> {
    (0..count).map(|n| low + (high - low) * (n as f32 * 0.754_877 + seed).fract()).collect()
}

fn network() -> Dir {
    let dir = Dir::empty();
    dir.write("net.mlir", MODULE);
    let mut tensors = BTreeMap::new();
    let mut insert = |name: &str, shape: &[usize], values: Vec<f32>| {
        tensors.insert(name.to_owned(), (shape.to_vec(), values));
    };
    let shapes: [(&str, &[usize]); 4] =
        [("u", &[7, 6]), ("v", &[5, 7]), ("b", &[5]), ("w", &[4, 5])];
    for (seed, (name, shape)) in (1u8..).zip(shapes) {
        let (count, seed) = (shape.iter().product(), f32::from(seed) * 0.13);
        insert(&format!("{name}.mean"), shape, numbers(count, seed, -1.0, 1.0));
        insert(&format!("{name}.var"), shape, numbers(count, seed + 0.5, 0.0, 0.2));
    }
    insert("a", &[1, 5], numbers(5, 0.9, -1.5, 1.5));
    dir.write("net.safetensors", safetensors(&tensors));
    dir.write("x.npy", npy(&[3, 6], &numbers(18, 0.4, -2.0, 2.0)));
    dir
}

const RUN: &str = "run net.mlir --params net.safetensors --input x.npy --batch 3 --json -q";

fn outputs(answer: &Value) -> BTreeMap<String, Vec<f64>> {
    let outputs = answer["outputs"].as_array().unwrap().iter();
    let values = |output: &Value| serde_json::from_value(output["values"].clone()).unwrap();
    outputs.map(|output| (output["name"].as_str().unwrap().to_owned(), values(output))).collect()
}

/// Every head on covariances through all layers that have a rule: host and reference agree, on random inputs.
#[test]
fn compiled_code_agrees_with_the_reference() {
    let dir = network();
    for method in [r#""mean-field""#, r#""laplace""#, r#""sample" draws 200"#] {
        let types = "(!gauss.tensor<?x4xf32, covariance>)";
        let head = format!(
            "%m = gauss.marginals %5 : {types} -> !gauss.tensor<?x4xf32>
             %c = gauss.covariance %5 : {types} -> tensor<?x4x4xf32>
             %p = gauss.softmax %5 method {method} : {types} -> tensor<?x4xf32>
             %q = gauss.uncertainty %5 method {method} : {types} -> tensor<?x3xf32>
             return %m, %c, %p, %q
               : !gauss.tensor<?x4xf32>, tensor<?x4x4xf32>, tensor<?x4xf32>, tensor<?x3xf32>"
        );
        let results =
            "(!gauss.tensor<?x4xf32>, tensor<?x4x4xf32>, tensor<?x4xf32>, tensor<?x3xf32>) {";
        let correlated = "%k = gauss.correlated %1 : (!gauss.tensor<?x7xf32>) \
                          -> !gauss.tensor<?x7xf32, covariance>\n  %2 = gauss.dense %k";
        let module = MODULE
            .replace("-> !gauss.tensor<?x4xf32> {", &format!("-> {results}"))
            .replace("%2 = gauss.dense %1", correlated)
            .replace("return %5 : !gauss.tensor<?x4xf32>", &head);
        let module: Vec<_> = module
            .lines()
            .map(|line| match line.trim_start() {
                line if line.starts_with("%2 =") || line.starts_with(": (!gauss.tensor<?x7") => {
                    line.replace("?x7xf32>,", "?x7xf32, covariance>,").replace(
                        "-> !gauss.tensor<?x5xf32>",
                        "-> !gauss.tensor<?x5xf32, covariance>",
                    )
                }
                line if ["%3 =", "%4 =", "%5 ="].iter().any(|name| line.starts_with(name)) => line
                    .replace("?x5xf32>", "?x5xf32, covariance>")
                    .replace("-> !gauss.tensor<?x4xf32>", "-> !gauss.tensor<?x4xf32, covariance>"),
                line => line.to_owned(),
            })
            .collect();
        dir.write("head.mlir", module.join("\n"));
        for batch in [1, 6] {
            let check = "check head.mlir --params net.safetensors --samples 0 -q";
            dir.pfp(&format!("{check} --batch {batch}")).ok();
        }
    }
}

/// What is carried is more from option to option, and the diagonal is the variance.
#[test]
fn covariances_are_returned_where_they_are_asked_for() {
    let dir = network();
    let run =
        |options: &str| outputs(&dir.pfp(&format!("{RUN} --return-covariance {options}")).json());
    let (last, full) = (run("--covariance auto"), run("--covariance full"));
    for outputs in [&last, &full] {
        assert_eq!(outputs.keys().collect::<Vec<_>>(), ["covariance", "mean", "variance"]);
        for (number, variance) in outputs["variance"].iter().enumerate() {
            let (item, logit) = (number / 4, number % 4);
            assert_eq!(outputs["covariance"][item * 16 + logit * 5], *variance);
        }
    }
    // The means are the same sums, in another order.
    for (x, y) in last["mean"].iter().zip(&full["mean"]) {
        assert!((x - y).abs() <= 1e-6 * x.abs().max(1.0), "{x} {y}");
    }
    assert_ne!(last["variance"], full["variance"]);
    // Without a head and without the matrix nothing is carried.
    let alone = outputs(&dir.pfp(RUN).json());
    let diagonal = outputs(&dir.pfp(&format!("{RUN} --covariance diagonal")).json());
    assert_eq!(alone, diagonal);
    assert_eq!(alone["variance"], last["variance"]);
}

/// A head gets the covariances that the options say, and the manifest says which those are.
#[test]
fn heads_get_what_the_budget_has_room_for() {
    let dir = network();
    let carried = |options: &str| {
        let compile =
            "compile net.mlir --params net.safetensors --head mean-field --json -q -o out";
        let manifest = dir.pfp(&format!("{compile} {options}")).json();
        let covariance = &manifest["functions"][0]["manifest"]["covariance"];
        (covariance["layers"].as_u64().unwrap(), covariance["multiply_adds"].as_u64().unwrap())
    };
    assert_eq!(carried("--covariance diagonal"), (0, 0));
    assert_eq!(carried("--covariance full").0, 2);
    // 5·4 + 4·4·5 = 100 for the last layer; the dense layers take 2·42 + 3·35 + 3·20 = 249.
    assert_eq!(carried("--budget 1.5x").0, 1);
    assert_eq!(carried("--budget 1.3x"), (0, 0));
    let epistemic = |options: &str| {
        let answer = outputs(&dir.pfp(&format!("{RUN} --head sample:2000 {options}")).json());
        answer["uncertainty"][2]
    };
    let (diagonal, full) = (epistemic("--covariance diagonal"), epistemic("--covariance full"));
    assert!((diagonal - full).abs() > 1e-3, "{diagonal} {full}");
}

#[test]
fn what_has_no_covariances_says_so() {
    let dir = Dir::tiny();
    let error =
        dir.pfp("compile tiny.mlir --params tiny.safetensors --return-covariance -o out").error();
    assert!(error.contains("whose covariances are not known"), "{error}");
    let dir = network();
    let error = dir
        .pfp("compile net.mlir --params net.safetensors --return-covariance --mode mean -o out")
        .error();
    assert!(error.contains("--return-covariance has no meaning with --mode mean"), "{error}");
}
