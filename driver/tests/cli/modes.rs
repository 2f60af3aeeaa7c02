//! `--mode` of `pfp compile`, `pfp run` and `pfp bench`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fixture::{Dir, npy, safetensors};

const TINY: &str = "tiny.mlir --params tiny.safetensors";

fn with_input() -> Dir {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[5, 4], &[0.5; 20]));
    dir
}

fn names_and_shapes(answer: &Value) -> Vec<(&str, &Value)> {
    let outputs = answer["outputs"].as_array().unwrap();
    outputs.iter().map(|output| (output["name"].as_str().unwrap(), &output["shape"])).collect()
}

#[test]
fn the_mean_network_has_a_plain_output() {
    let dir = with_input();
    let answer = dir.pfp(&format!("run {TINY} --mode mean --input x.npy --json")).json();
    assert_eq!(names_and_shapes(&answer), [("output", &json!([5, 3]))]);
    dir.pfp(&format!("compile {TINY} --mode mean")).ok();
    assert!(
        dir.text("tiny.h")
            .contains("int pfp_tiny(const float *input, float *output, void *arena);")
    );
    assert!(dir.text("tiny.h").contains("Every Gaussian is at its mean."));
    assert_eq!(dir.json("tiny.json")["mode"], json!({ "name": "mean" }));
}

#[test]
fn samples_have_the_signature_of_moments() {
    let dir = with_input();
    for (mode, name) in [("sample:30", "sample"), ("presampled:30", "presampled")] {
        let run = format!("run {TINY} --mode {mode} --seed 3 --input x.npy --json");
        let answer = dir.pfp(&run).json();
        assert_eq!(
            names_and_shapes(&answer),
            [("mean", &json!([5, 3])), ("variance", &json!([5, 3]))]
        );
        assert_eq!(dir.pfp(&run).json(), answer, "a seed gives the same numbers");
        dir.pfp(&format!("compile {TINY} --mode {mode} --seed 3")).ok();
        assert_eq!(
            dir.json("tiny.json")["mode"],
            json!({ "name": name, "samples": 30, "seed": 3 })
        );
        assert!(dir.text("tiny.h").contains("over 30 forward passes"));
        assert!(dir.text("tiny.h").contains("with seed 3."));
    }
}

#[test]
fn draws_list_the_outputs_of_every_pass() {
    let dir = with_input();
    let run = format!("run {TINY} --mode sample:7 --draws --input x.npy --json");
    let answer = dir.pfp(&run).json();
    assert_eq!(names_and_shapes(&answer)[2], ("draws", &json!([7, 5, 3])));
    let values = |output: usize| -> Vec<f64> {
        let values = answer["outputs"][output]["values"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let (means, draws) = (values(0), values(2));
    for (element, mean) in means.iter().enumerate() {
        let average = draws.iter().skip(element).step_by(15).sum::<f64>() / 7.0;
        assert!((mean - average).abs() < 1e-5 * average.abs().max(1.0), "{mean} {average}");
    }
    // Batches are put together pass by pass.
    let batched = dir.pfp(&format!("{run} --batch 2")).json();
    for (one, other) in draws.iter().zip(batched["outputs"][2]["values"].as_array().unwrap()) {
        assert!((one - other.as_f64().unwrap()).abs() < 1e-5 * one.abs().max(1.0));
    }
    dir.pfp(&format!("compile {TINY} --mode sample:7 --draws --emit=header,rust")).ok();
    assert!(dir.text("tiny.h").contains("#define PFP_TINY_DRAWS_SHAPE {7, 1, 3}"));
    assert!(dir.text("tiny.h").contains("float *mean, float *variance, float *draws, void *arena"));
    assert!(dir.text("tiny.rs").contains("draws: DRAWS_SHAPE"));
}

#[test]
fn a_bad_mode_is_explained() {
    let dir = with_input();
    let error = |arguments: &str| dir.pfp(&format!("compile {TINY} {arguments}")).error();
    assert!(error("--seed 1").contains("--seed has no meaning with --mode moments"));
    assert!(error("--mode mean --draws").contains("--draws has no meaning with --mode mean"));
    for (mode, reason) in [
        ("fast", "moments, mean, sample:N or presampled:N"),
        ("sample", "sample:30"),
        ("sample:0", "from 1 to 16777216"),
        ("sample:many", "from 1 to 16777216"),
    ] {
        let ran = dir.pfp(&format!("compile {TINY} --mode {mode}"));
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(reason), "{mode}: {}", ran.stderr);
    }
}

#[test]
fn a_mode_is_timed() {
    let dir = Dir::tiny();
    let arguments = "--mode sample:3 --batch 2 --seconds 0.02 --rounds 1 --json";
    let answer = dir.pfp(&format!("bench {TINY} {arguments}")).json();
    assert!(answer["results"][0]["microseconds"]["median"].as_f64().unwrap() > 0.0);
}

/// Every result has its own mean, variance and draws.
#[test]
fn several_outputs_are_sampled_apart() {
    let dir = Dir::empty();
    dir.write(
        "two.mlir",
        "func.func @two(%x: tensor<?x2xf32>) -> (!gauss.tensor<?x1xf32>, !gauss.tensor<?x2xf32>, !gauss.tensor<?x1xf32>) {
  %a = gauss.parameter \"a\" : !gauss.tensor<1x2xf32>
  %b = gauss.parameter \"b\" : !gauss.tensor<2x2xf32>
  %0 = gauss.dense %x, %a : (tensor<?x2xf32>, !gauss.tensor<1x2xf32>) -> !gauss.tensor<?x1xf32>
  %1 = gauss.dense %x, %b : (tensor<?x2xf32>, !gauss.tensor<2x2xf32>) -> !gauss.tensor<?x2xf32>
  return %0, %1, %0 : !gauss.tensor<?x1xf32>, !gauss.tensor<?x2xf32>, !gauss.tensor<?x1xf32>
}
",
    );
    let parameters = BTreeMap::from([
        ("a.mean".to_owned(), (vec![1, 2], vec![1.0, 2.0])),
        ("a.var".to_owned(), (vec![1, 2], vec![0.25, 0.0])),
        ("b.mean".to_owned(), (vec![2, 2], vec![-1.0, 0.5, 3.0, 4.0])),
        ("b.var".to_owned(), (vec![2, 2], vec![0.0, 1.0, 0.0, 0.0])),
    ]);
    dir.write("two.safetensors", safetensors(&parameters));
    dir.write("x.npy", npy(&[1, 2], &[1.0, 1.0]));
    let run = "run two.mlir --params two.safetensors --input x.npy --json -q";
    for mode in ["sample:2000", "presampled:2000"] {
        let answer = dir.pfp(&format!("{run} --mode {mode}")).json();
        let values: Vec<Vec<f64>> = answer["outputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|output| serde_json::from_value(output["values"].clone()).unwrap())
            .collect();
        // The noise of 2,000 draws is 0.022 of a deviation and 0.032 of a variance.
        let wanted =
            [vec![3.0], vec![0.25], vec![-0.5, 7.0], vec![1.0, 0.0], vec![3.0], vec![0.25]];
        assert_eq!(values.len(), wanted.len(), "{answer}");
        for (got, wanted) in values.iter().flatten().zip(wanted.iter().flatten()) {
            assert!((got - wanted).abs() <= 0.15, "{mode}: {values:?}");
        }
        assert_eq!(values[0], values[4], "{mode}");
    }
    let draws = dir.pfp(&format!("{run} --mode sample:3 --draws")).json();
    assert_eq!(draws["outputs"].as_array().unwrap().len(), 9, "{draws}");
}
