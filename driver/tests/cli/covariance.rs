//! Covariances of the last layers: what heads get of them, what callers get, and that compiled code agrees with the
//! reference.

use std::{collections::BTreeMap, fs};

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

/// Windows, mixtures and all layers at once, beside `test/covariance/make_golden.py`, which shares no code: it keeps whole
/// matrices, in float64. Single precision rounds to 1e-6 of the largest number.
#[test]
fn every_rule_agrees_with_an_independent_implementation() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test/covariance");
    let read = |file: &str| fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let golden: Value = serde_json::from_str(&read("golden.json")).unwrap();
    let values = |value: &Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    let tensor = |value: &Value| -> (Vec<usize>, Vec<f32>) {
        let shape = serde_json::from_value(value["shape"].clone()).unwrap();
        (shape, values(&value["values"]).into_iter().map(|x| x as f32).collect())
    };
    let parameters = golden["parameters"].as_object().unwrap().iter();
    let parameters = parameters.map(|(name, value)| (name.clone(), tensor(value))).collect();
    let (shape, numbers) = tensor(&golden["input"]);
    let dir = Dir::empty();
    dir.write("net.mlir", read("net.mlir"));
    dir.write("net.safetensors", safetensors(&parameters));
    dir.write("x.npy", npy(&shape, &numbers));
    let run = RUN.replace("--batch 3", "--batch 2 --covariance full --return-covariance");
    let outputs = outputs(&dir.pfp(&run).json());
    for name in ["mean", "covariance"] {
        let wanted = values(&golden[name]);
        assert_eq!(outputs[name].len(), wanted.len());
        let largest = wanted.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (got, wanted) in outputs[name].iter().zip(&wanted) {
            assert!((got - wanted).abs() < 2e-6 * largest, "{name}: {got}, not {wanted}");
        }
    }
}

/// Branches that come from the same elements: through layers, through an activation, and as they are.
#[test]
fn compiled_residual_blocks_agree_with_the_reference() {
    let dir = network();
    let module = r#"
func.func @net(%x: VALUE) -> (VALUE, tensor<?x6x6xf32>, tensor<?x6xf32>) {
  %u = gauss.parameter "u" : WEIGHT
  %v = gauss.parameter "v" : WEIGHT
  %w = gauss.parameter "w" : WEIGHT
  %c = gauss.correlated %x : (VALUE) -> COVARIANCE
  %0 = gauss.dense %c, %u : (COVARIANCE, WEIGHT) -> COVARIANCE
  %1 = gauss.relu %0 : (COVARIANCE) -> COVARIANCE
  %2 = gauss.dense %1, %v : (COVARIANCE, WEIGHT) -> COVARIANCE
  %3 = gauss.add %c, %2 : (COVARIANCE, COVARIANCE) -> COVARIANCE
  %4 = gauss.tanh %3 : (COVARIANCE) -> COVARIANCE
  %5 = gauss.sub %4, %3 : (COVARIANCE, COVARIANCE) -> COVARIANCE
  %6 = gauss.dense %5, %w : (COVARIANCE, WEIGHT) -> COVARIANCE
  %7 = gauss.add %6, %4 : (COVARIANCE, COVARIANCE) -> COVARIANCE
  %m = gauss.marginals %7 : (COVARIANCE) -> VALUE
  %k = gauss.covariance %7 : (COVARIANCE) -> tensor<?x6x6xf32>
  %p = gauss.softmax %7 method "mean-field" : (COVARIANCE) -> tensor<?x6xf32>
  return %m, %k, %p : VALUE, tensor<?x6x6xf32>, tensor<?x6xf32>
}"#;
    let module = module
        .replace("VALUE", "!gauss.tensor<?x6xf32>")
        .replace("COVARIANCE", "!gauss.tensor<?x6xf32, covariance>")
        .replace("WEIGHT", "!gauss.tensor<6x6xf32>");
    dir.write("residual.mlir", module);
    for spread in [0.0, 1e-6, 0.3] {
        let mut tensors = BTreeMap::new();
        for (seed, name) in (1u8..).zip(["u", "v", "w"]) {
            let seed = f32::from(seed) * 0.17;
            let mean = (vec![6, 6], numbers(36, seed, -0.8, 0.8));
            tensors.insert(format!("{name}.mean"), mean);
            tensors.insert(format!("{name}.var"), (vec![6, 6], numbers(36, seed, 0.0, spread)));
        }
        dir.write("residual.safetensors", safetensors(&tensors));
        for batch in [1, 5] {
            let check = "check residual.mlir --params residual.safetensors --samples 0 -q";
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
    assert_ne!(last["variance"], full["variance"]);
    // Without a head and without the matrix nothing is carried.
    let alone = outputs(&dir.pfp(RUN).json());
    // What the last layer makes of covariances leaves its means, the same sums in another order.
    for (x, y) in last["mean"].iter().zip(&alone["mean"]) {
        assert!((x - y).abs() <= 1e-6 * x.abs().max(1.0), "{x} {y}");
    }
    // A mixture over the scale of the layer before has other variances before its ReLU, and so other means.
    assert_ne!(full["mean"], alone["mean"]);
    for ((x, y), variance) in full["mean"].iter().zip(&alone["mean"]).zip(&alone["variance"]) {
        assert!((x - y).abs() <= 0.1 * variance.sqrt(), "{x} {y}");
    }
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

/// What heads and callers are given, by the reference with the same draws; Monte Carlo is of the network alone.
#[test]
fn check_compares_what_a_head_and_the_caller_get() {
    let dir = network();
    let check = "check net.mlir --params net.safetensors --batch 6 --samples 200 --json -q";
    for (options, names) in [
        ("--return-covariance", &["output", "covariance"][..]),
        ("--head laplace", &["output", "probabilities", "uncertainty"]),
        (
            "--head sample:200 --head-seed 7 --return-covariance --covariance full",
            &["output", "probabilities", "uncertainty", "covariance"],
        ),
        (
            "--head mean-field --covariance diagonal --reject-epistemic 0.3",
            &["output", "probabilities", "uncertainty", "decision"],
        ),
    ] {
        let report = dir.pfp(&format!("{check} {options}")).json();
        let found = report["outputs"].as_array().unwrap().iter();
        let found: Vec<_> = found.map(|output| output["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{report:#}");
        let monte_carlo = report["monte_carlo"]["outputs"].as_array().unwrap();
        assert_eq!(monte_carlo.len(), 1, "{report:#}");
        assert!(monte_carlo[0]["variance_ratio"].as_f64().unwrap() > 0.5, "{report:#}");
    }
    let error = dir.pfp(&format!("{check} --head interval:2")).code;
    assert_eq!(error, Some(2));
    let dir = Dir::tiny();
    let error = dir.pfp("check tiny.mlir --params tiny.safetensors --return-covariance").error();
    assert!(error.contains("whose covariances are not known"), "{error}");
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

const MOMENTS: &str = "inspect net.mlir --params net.safetensors --moments x.npy";

/// Each choice beside the same draws, and what is carried of the one that the options choose.
#[test]
fn what_a_budget_buys_is_measured() {
    let dir = network();
    let report =
        |options: &str| dir.pfp(&format!("{MOMENTS} --json -q {options}")).json()[0].take();
    let full = report("--covariance full --samples 4000");
    let outputs = &full["outputs"];
    let choices = outputs["choices"].as_array().unwrap();
    let of = |choice: &Value, name: &str| choice[name].as_f64().unwrap();
    let budgets: Vec<_> = choices.iter().map(|choice| of(choice, "budget")).collect();
    assert!(budgets[0] == 1.0 && budgets.is_sorted() && budgets.len() > 2, "{outputs:#}");
    let listed = dir.pfp("inspect net.mlir --params net.safetensors --json").json();
    let listed = listed[0]["covariance"].as_array().unwrap().iter();
    assert_eq!(listed.map(|choice| of(choice, "budget")).collect::<Vec<_>>(), budgets[1..]);
    assert_eq!(choices.iter().filter(|choice| choice["chosen"] == true).count(), 1);
    // A head is given what the row says, with the budget as the text has it.
    for choice in &choices[1..] {
        let budget = (of(choice, "budget") * 100.0).ceil() / 100.0;
        let compile =
            "compile net.mlir --params net.safetensors --head mean-field --json -q -o out";
        let manifest = dir.pfp(&format!("{compile} --budget {budget:.2}x")).json();
        let carried = &manifest["functions"][0]["manifest"]["covariance"];
        for part in ["layers", "nodes", "pools", "multiply_adds"] {
            assert_eq!(carried[part], choice[part], "{choice:#} {carried:#}");
        }
    }
    let (none, all) = (&choices[0], choices.last().unwrap());
    assert_eq!((&none["multiply_adds"], &all["chosen"]), (&0.into(), &true.into()));
    let noise = of(&outputs["noise"], "kl");
    assert!(noise > 0.1 / 4000.0 && noise < 10.0 / 4000.0, "{outputs:#}");
    // As many draws of the logits as of a head say the same.
    let head = outputs_of_head(&dir, "--covariance full");
    let information = of(all, "mutual_information");
    assert!((head - information).abs() < 0.05 * information, "{head} {information}");
    let recommended = &outputs["recommended"];
    assert!(budgets.contains(&of(recommended, "budget")), "{outputs:#}");
    assert!(of(recommended, "distance") <= of(recommended, "least") + of(recommended, "noise"));

    // The last layers have other moments, the first ones not.
    let layers = full["layers"].as_array().unwrap();
    let carried: Vec<_> = layers.iter().map(|layer| !layer["carried"].is_null()).collect();
    assert!(!carried[0] && carried.ends_with(&[true]), "{layers:#?}");
    let diagonal = report("--covariance diagonal --samples 50");
    assert!(diagonal["layers"].as_array().unwrap().iter().all(|layer| layer["carried"].is_null()));
    assert_eq!(diagonal["outputs"]["choices"][0]["chosen"], true);

    // Of what the budget has no room for nothing is recommended.
    let small = report("--budget 1.01x --samples 50");
    assert_eq!(small["outputs"]["recommended"]["budget"], 1.0);
    let text = dir.pfp(&format!("{MOMENTS} --samples 50 --budget 1.01x")).ok();
    assert!(text.contains("of differences"), "{text}");
    assert!(
        text.contains("recommended for this data: --covariance diagonal, the nearest"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.len() <= 140), "{text}");
    let refused = dir.pfp(&format!("{MOMENTS} --head laplace"));
    assert_eq!(refused.code, Some(2), "{refused:#?}");
}

/// Two dense layers without an activation have the covariances of their rules.
#[test]
fn exact_covariances_are_as_near_as_sampling_can_tell() {
    let dir = network();
    dir.write(
        "net.mlir",
        r#"
func.func @net(%x: tensor<?x6xf32>) -> !gauss.tensor<?x5xf32> {
  %u = gauss.parameter "u" : !gauss.tensor<7x6xf32>
  %v = gauss.parameter "v" : !gauss.tensor<5x7xf32>
  %0 = gauss.dense %x, %u : (tensor<?x6xf32>, !gauss.tensor<7x6xf32>) -> !gauss.tensor<?x7xf32>
  %1 = gauss.dense %0, %v : (!gauss.tensor<?x7xf32>, !gauss.tensor<5x7xf32>) -> !gauss.tensor<?x5xf32>
  return %1 : !gauss.tensor<?x5xf32>
}
"#,
    );
    let mut tensors = BTreeMap::new();
    for (seed, (name, shape)) in (1u8..).zip([("u", vec![7, 6]), ("v", vec![5, 7])]) {
        let (count, seed) = (shape.iter().product(), f32::from(seed) * 0.13);
        tensors.insert(format!("{name}.mean"), (shape.clone(), numbers(count, seed, -1.0, 1.0)));
        // What the first layer does not know is what logits share.
        let high = if name == "u" { 0.8 } else { 0.002 };
        tensors.insert(format!("{name}.var"), (shape, numbers(count, seed + 0.5, 0.0, high)));
    }
    dir.write("net.safetensors", safetensors(&tensors));
    let report = dir.pfp(&format!("{MOMENTS} --json -q --samples 4000")).json();
    let outputs = &report[0]["outputs"];
    let of = |choice: &Value, name: &str| choice[name].as_f64().unwrap();
    let (none, all) = (&outputs["choices"][0], &outputs["choices"][1]);
    assert!(outputs["choices"].as_array().unwrap().len() == 2, "{outputs:#}");
    assert_eq!(of(none, "kl"), of(all, "kl"));
    let noise = of(&outputs["noise"], "log_difference");
    assert!(of(all, "log_difference").abs() < 4.0 * noise, "{outputs:#}");
    assert!(of(none, "log_difference").abs() > 8.0 * noise, "{outputs:#}");
    assert!(of(all, "kl_difference") < 0.1 * of(none, "kl_difference"), "{outputs:#}");
    assert!(of(all, "distance") < of(none, "distance"), "{outputs:#}");
    assert_eq!(outputs["recommended"]["budget"], all["budget"], "{outputs:#}");
}

/// The mean epistemic uncertainty that a head says of the items.
fn outputs_of_head(dir: &Dir, options: &str) -> f64 {
    let answer = outputs(&dir.pfp(&format!("{RUN} --head sample:20000 {options}")).json());
    let epistemic = answer["uncertainty"].iter().skip(2).step_by(3);
    epistemic.sum::<f64>() / 3.0
}

/// What is no list of logits, and one logit, has no choice.
#[test]
fn moments_without_a_choice_have_no_recommendation() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[2, 4], &numbers(8, 0.4, -2.0, 2.0)));
    let moments = "inspect tiny.mlir --params tiny.safetensors --moments x.npy --samples 50";
    let report = dir.pfp(&format!("{moments} --json")).json();
    let outputs = &report[0]["outputs"];
    assert_eq!(outputs["choices"].as_array().unwrap().len(), 1, "{outputs:#}");
    assert!(outputs["recommended"].is_null(), "{outputs:#}");
    let text = dir.pfp(moments).ok();
    assert!(!text.contains("recommended") && text.contains("draws"), "{text}");
}

/// A module whose second layer is a mixture, with all that may be asked of one; `head` is the method of predictions.
fn mixture(nodes: i64, layer: &str, bias: &str, activation: &str, head: &str) -> String {
    let hidden = "!gauss.tensor<?x6xf32>";
    let of = |elements: i64| format!("!gauss.tensor<?x{elements}xf32, covariance<{nodes}>>");
    let (five, four) = (of(5), of(4));
    let (bias, bias_type, parameter) = match bias {
        "" => ("", String::new(), String::new()),
        ty => (", %b", format!(", {ty}"), format!(r#"%b = gauss.parameter "b" : {ty}"#)),
    };
    let layer = layer.replace("BIAS", bias);
    let results = format!(
        "!gauss.tensor<?x4xf32>, tensor<?x4x4xf32>, tensor<?x{nodes}x4x4xf32>, \
         !gauss.tensor<?x{nodes}x4xf32>, tensor<?x4xf32>, tensor<?x3xf32>"
    );
    format!(
        r#"
func.func @net(%x: tensor<?x6xf32>) -> ({results}) {{
  %u = gauss.parameter "u" : !gauss.tensor<6x6xf32>
  %v = gauss.parameter "v" : !gauss.tensor<5x6xf32>
  %a = gauss.parameter "a" : tensor<1x5xf32>
  %w = gauss.parameter "w" : !gauss.tensor<4x5xf32>
  {parameter}
  %before = gauss.dense %x, %u : (tensor<?x6xf32>, !gauss.tensor<6x6xf32>) -> {hidden}
  %input = gauss.{activation} %before : ({hidden}) -> {hidden}
  %2 = gauss.scale_mixture %input, {layer}
    : ({hidden}, {hidden}, !gauss.tensor<5x6xf32>{bias_type}) -> {five}
  %3 = gauss.mul %2, %a : ({five}, tensor<1x5xf32>) -> {five}
  %4 = gauss.{activation} %3 : ({five}) -> {five}
  %5 = gauss.dense %4, %w : ({five}, !gauss.tensor<4x5xf32>) -> {four}
  %m = gauss.marginals %5 : ({four}) -> !gauss.tensor<?x4xf32>
  %c = gauss.covariance %5 : ({four}) -> tensor<?x4x4xf32>
  %d = gauss.covariance %5 of_nodes true : ({four}) -> tensor<?x{nodes}x4x4xf32>
  %n = gauss.nodes %5 : ({four}) -> !gauss.tensor<?x{nodes}x4xf32>
  %p = gauss.softmax %5 method {head} : ({four}) -> tensor<?x4xf32>
  %q = gauss.uncertainty %5 method {head} : ({four}) -> tensor<?x3xf32>
  return %m, %c, %d, %n, %p, %q : {results}
}}
"#
    )
}

/// The parameters of a mixture, with a bias of as many components as its type says.
fn write_mixture(dir: &Dir, bias: &str) {
    let mut tensors = BTreeMap::new();
    let mut insert = |name: &str, shape: &[usize], seed: f32, low: f32, high: f32| {
        let values = numbers(shape.iter().product(), seed, low, high);
        tensors.insert(name.to_owned(), (shape.to_vec(), values));
    };
    let shapes: [(&str, &[usize]); 3] = [("u", &[6, 6]), ("v", &[5, 6]), ("w", &[4, 5])];
    for (seed, (name, shape)) in (1u8..).zip(shapes) {
        let seed = f32::from(seed) * 0.17;
        insert(&format!("{name}.mean"), shape, seed, -1.0, 1.0);
        insert(&format!("{name}.var"), shape, seed + 0.5, 0.0, 0.3);
    }
    insert("a", &[1, 5], 0.9, -1.5, 1.5);
    match bias {
        "" => (),
        bias if bias.starts_with("tensor") => insert("b", &[5], 0.3, -1.0, 1.0),
        _ => {
            insert("b.mean", &[5], 0.3, -1.0, 1.0);
            insert("b.var", &[5], 0.6, 0.0, 0.5);
        }
    }
    dir.write("mixture.safetensors", safetensors(&tensors));
}

/// Of 3 and 5 nodes, of what is rectified or not, in groups, with each kind of bias and each method: compiled code
/// agrees with the reference, on random inputs.
#[test]
fn compiled_mixtures_agree_with_the_reference() {
    let dir = Dir::empty();
    let heads = [r#""mean-field""#, r#""laplace""#, r#""sample" draws 200"#];
    let cases = [
        (3, "%before, %vBIAS nodes 3 groups 1 rectified true", "!gauss.tensor<5xf32>", "relu"),
        (5, "%before, %vBIAS nodes 5 groups 3 rectified true", "tensor<5xf32>", "relu"),
        (5, "%input, %vBIAS nodes 5 groups 6", "", "relu"),
        (3, "%input, %vBIAS nodes 3 groups 2", "!gauss.tensor<5xf32>", "silu"),
    ];
    for (nodes, layer, bias, activation) in cases {
        write_mixture(&dir, bias);
        for head in heads {
            dir.write("mixture.mlir", mixture(nodes, layer, bias, activation, head));
            let check = "check mixture.mlir --params mixture.safetensors --samples 0 -q";
            for batch in [1, 6] {
                dir.pfp(&format!("{check} --batch {batch}")).ok();
            }
        }
    }
}

/// In one forward pass a mixture is a dense layer.
#[test]
fn a_mixture_is_a_dense_layer_where_nothing_has_a_variance() {
    let dir = Dir::empty();
    let bias = "!gauss.tensor<5xf32>";
    write_mixture(&dir, bias);
    dir.write("x.npy", npy(&[3, 6], &numbers(18, 0.4, -2.0, 2.0)));
    let layer = "%before, %vBIAS nodes 5 groups 3 rectified true";
    let mixed: String = mixture(5, layer, bias, "relu", r#""laplace""#)
        .lines()
        .filter(|line| {
            !["%c", "%d", "%n", "%p", "%q"]
                .iter()
                .any(|n| line.trim().starts_with(&format!("{n} =")))
        })
        .map(|line| match line.split_once("return ") {
            Some(_) => "  return %m : !gauss.tensor<?x4xf32>\n".to_owned(),
            None if line.starts_with("func.func") => {
                "func.func @net(%x: tensor<?x6xf32>) -> !gauss.tensor<?x4xf32> {\n".to_owned()
            }
            None => format!("{line}\n"),
        })
        .collect();
    let plain = mixed
        .replace(
            "gauss.scale_mixture %input, %before, %v, %b nodes 5 groups 3 rectified true",
            "gauss.dense %input, %v, %b",
        )
        .replace("(!gauss.tensor<?x6xf32>, !gauss.tensor<?x6xf32>, ", "(!gauss.tensor<?x6xf32>, ")
        .replace(", covariance<5>", "")
        .replace("gauss.marginals %5 :", "gauss.leaky_relu %5 slope 1.0 :");
    dir.write("mixed.mlir", mixed);
    dir.write("plain.mlir", plain);
    for mode in ["mean", "sample:7", "presampled:7"] {
        let run = |module: &str| {
            let options = "--params mixture.safetensors --input x.npy --batch 3 --json -q";
            outputs(&dir.pfp(&format!("run {module}.mlir {options} --mode {mode}")).json())
        };
        assert_eq!(run("mixed"), run("plain"), "{mode}");
    }
}

/// The variance of a scale is of the order of the fourth power of what a layer reads; it is taken relative to its mean.
/// Nodes whose means are equal add nothing to a variance.
#[test]
fn mixtures_hold_for_all_sizes_of_numbers_and_without_variances() {
    let dir = network();
    let module = MODULE.replace(
        "gauss.dense %1, %v, %b\n    : (!gauss.tensor<?x7xf32>, !gauss.tensor<5x7xf32>, !gauss.tensor<5xf32>)",
        "gauss.dense %1, %v\n    : (!gauss.tensor<?x7xf32>, !gauss.tensor<5x7xf32>)",
    );
    let module = module.replace("  %b = gauss.parameter \"b\" : !gauss.tensor<5xf32>\n", "");
    dir.write("scaled.mlir", module.replace("gauss.silu", "gauss.relu"));
    for variance in [0.2, 1e-20, 0.0] {
        let mut tensors = BTreeMap::new();
        for (seed, (name, shape)) in (1u8..).zip([("u", [7, 6]), ("v", [5, 7]), ("w", [4, 5])]) {
            let (count, seed) = (shape.iter().product(), f32::from(seed) * 0.13);
            let mean = (shape.to_vec(), numbers(count, seed, -1.0, 1.0));
            tensors.insert(format!("{name}.mean"), mean);
            let spread = (shape.to_vec(), numbers(count, seed + 0.5, 0.0, variance));
            tensors.insert(format!("{name}.var"), spread);
        }
        tensors.insert("a".to_owned(), (vec![1, 5], numbers(5, 0.9, -1.5, 1.5)));
        dir.write("scaled.safetensors", safetensors(&tensors));
        for size in [1e-9, 1.0, 1e9, 1e15] {
            dir.write("scaled.npy", npy(&[3, 6], &numbers(18, 0.4, -2.0 * size, 2.0 * size)));
            let check = "check scaled.mlir --params scaled.safetensors --input scaled.npy";
            let options = "--batch 3 --covariance full --return-covariance --samples 0 -q";
            dir.pfp(&format!("{check} {options}")).ok();
        }
    }
}
