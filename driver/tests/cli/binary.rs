//! Networks of one logit: the sigmoid head, evaluation and calibration.

use std::{collections::BTreeMap, process::Command};

use serde_json::{Value, json};

use crate::fixture::{Dir, npy, safetensors};

const BINARY: &str = r#"func.func @net(%x: tensor<?x2xf32>) -> !gauss.tensor<?x1xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<1x2xf32>
  %b = gauss.parameter "b" : !gauss.tensor<1xf32>
  %0 = gauss.dense %x, %w, %b : (tensor<?x2xf32>, !gauss.tensor<1x2xf32>, !gauss.tensor<1xf32>) -> !gauss.tensor<?x1xf32>
  return %0 : !gauss.tensor<?x1xf32>
}
"#;

/// Items, and the probability of a 1 with total, aleatoric and epistemic uncertainty: quadrature of
/// the logit N(3x₀ − 3x₁, 0.01(x₀² + x₁²) + 1e-4).
const ITEMS: [([f32; 2], [f64; 4]); 5] = [
    (
        [0.125_730_22, -0.132_104_86],
        [0.684_261_436_694, 0.623_615_480_181, 0.623_568_755_846, 4.672_433_469_8e-5],
    ),
    (
        [0.125, -0.125],
        [0.679_162_596_974, 0.627_499_057_79, 0.627_454_121_817, 4.493_597_318_02e-5],
    ),
    ([2.0, 1.0], [0.951_544_024_204, 0.193_943_614_865, 0.192_792_681_396, 0.001_150_933_468_43]),
    ([-10.0, -10.25], [0.632_675_145_957, 0.657_516_557_15, 0.509_955_013_895, 0.147_561_543_255]),
    (
        [30.0, 40.0],
        [2.076_007_518_08e-8, 3.880_106_660_35e-7, 1.558_049_547_96e-7, 2.322_057_112_39e-7],
    ),
];

const MODEL: &str = "net.mlir --params net.safetensors";

/// A binary classifier and its items.
fn dir() -> Dir {
    let dir = Dir::empty();
    dir.write("net.mlir", BINARY);
    dir.write(
        "net.safetensors",
        safetensors(&BTreeMap::from([
            ("w.mean".into(), (vec![1, 2], vec![3.0, -3.0])),
            ("w.var".into(), (vec![1, 2], vec![0.01, 0.01])),
            ("b.mean".into(), (vec![1], vec![0.0])),
            ("b.var".into(), (vec![1], vec![1e-4])),
        ])),
    );
    dir.write("x.npy", npy(&[5, 2], &ITEMS.map(|(x, _)| x).concat()));
    dir
}

/// The values of the output of this name.
fn output(answer: &Value, name: &str) -> Vec<f64> {
    let outputs = answer["outputs"].as_array().unwrap();
    let output = outputs.iter().find(|output| output["name"] == name).unwrap();
    output["values"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn the_sigmoid_head_gives_the_integrals() {
    let dir = dir();
    let run = |options: &str| {
        dir.pfp(&format!("run {MODEL} --input x.npy --json --head sigmoid {options}")).json()
    };
    let answer = run("--batch 2");
    let (p, parts) = (output(&answer, "probabilities"), output(&answer, "uncertainty"));
    for ((p, parts), (x, expected)) in p.iter().zip(parts.chunks(3)).zip(ITEMS) {
        for (actual, expected) in [p].into_iter().chain(parts).zip(expected) {
            // The small ones are relative: the variance of the logit is rounded.
            assert!((actual - expected).abs() < 1e-4 * expected, "{x:?}: {actual} {expected}");
            assert!((actual - expected).abs() < 1e-6, "{x:?}: {actual} {expected}");
        }
    }
    assert_eq!(answer["outputs"].as_array().unwrap().len(), 4, "no thresholds, no decision");
    let decisions = |thresholds: &str| output(&run(thresholds), "decision");
    let both = "--reject-epistemic 0.1 --reject-aleatoric 0.625";
    assert_eq!(decisions(both), [1.0, -1.0, 1.0, -2.0, 0.0]);
    assert_eq!(decisions("--reject-epistemic 1"), [1.0, 1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn a_head_of_classes_refuses_one_logit() {
    let dir = dir();
    for head in ["mean-field", "laplace", "sample:100"] {
        for command in ["run --input x.npy", "compile -o out"] {
            let (command, options) = command.split_once(' ').unwrap();
            let error = dir.pfp(&format!("{command} {MODEL} {options} --head {head}")).error();
            assert!(error.contains("1 logit for each item"), "{error}");
            assert!(error.contains("a binary classifier takes the head 'sigmoid'"), "{error}");
        }
    }
    assert!(!dir.path("out").exists());
    for refused in ["--head-seed 1", "--noise-variance 1"] {
        let error = dir.pfp(&format!("compile {MODEL} --head sigmoid {refused}")).error();
        assert!(error.contains("the head sigmoid takes no"), "{error}");
    }
}

#[test]
fn the_artefact_says_that_it_decides_on_a_label() {
    let dir = dir();
    dir.pfp(&format!(
        "compile {MODEL} --batch 5 --head sigmoid --reject-epistemic 0.1 \
         --emit=obj,header,manifest,rust"
    ))
    .ok();
    let manifest = dir.json("net.json");
    let outputs = manifest["outputs"].as_array().unwrap();
    let names: Vec<_> = outputs.iter().map(|output| output["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["output", "probabilities", "uncertainty", "decision"]);
    assert_eq!(outputs[1]["prediction"], json!({ "kind": "probabilities", "method": "sigmoid" }));
    assert_eq!(outputs[2]["shape"], json!([5, 1, 3]));
    assert_eq!(outputs[3]["prediction"]["reject_epistemic"], 0.1);
    let header = dir.text("net.h");
    for line in [
        "probability of a 1, of each label",
        "0, 1, PFP_AMBIGUOUS or PFP_UNKNOWN",
        "#define PFP_NET_UNCERTAINTY_SHAPE {5, 1, 3}",
        "#define PFP_NET_DECISION_REJECT_EPISTEMIC 0.1",
    ] {
        assert!(header.contains(line), "{line}\n{header}");
    }
    assert!(dir.text("net.rs").contains("const DECISION_SHAPE, DECISION_ELEMENTS = [5, 1];"));
    let items = ITEMS.map(|(x, _)| format!("{:?}, {:?}", x[0], x[1])).join(", ");
    dir.write(
        "main.c",
        format!(
            "#include \"net.h\"
static _Alignas(PFP_NET_ARENA_ALIGN) char arena[PFP_NET_ARENA_BYTES + 1];
static float x[PFP_NET_INPUT_ELEMENTS] = {{{items}}}, mean[5], variance[5], p[5], u[5][3], d[5];
int main(void) {{
  if (pfp_net(x, mean, variance, p, u[0], d, arena) != PFP_OK) return 1;
  if (d[0] != 1 || d[4] != 0 || d[3] != PFP_UNKNOWN) return 2;
  return !(p[0] > 0.68426f && p[0] < 0.68427f && u[3][PFP_EPISTEMIC] > 0.1475f);
}}
"
        ),
    );
    let flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "main.c", "net.o", "-o"];
    dir.run(Command::new("cc").args(flags).arg("main")).ok();
    dir.run(&mut Command::new(dir.path("main"))).ok();
}

#[test]
fn several_logits_are_labels_of_their_own() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[1, 4], &[0.5, -1.0, 2.0, 0.25]));
    let run = |head: &str| {
        let command = "run tiny.mlir --params tiny.safetensors --input x.npy --json --head";
        dir.pfp(&format!("{command} {head}")).json()
    };
    let p = output(&run("sigmoid --reject-aleatoric 9"), "probabilities");
    // Of a ReLU no logit is likely below 0; the classes of a softmax share what there is.
    assert!(p.len() == 3 && p.iter().all(|&p| p >= 0.5), "{p:?}");
    let classes = output(&run("mean-field"), "probabilities");
    assert!((classes.iter().sum::<f64>() - 1.0).abs() < 1e-6);
}

#[test]
fn a_binary_classifier_is_evaluated_as_one_of_two_classes() {
    let dir = dir();
    let labels = [1.0, 0.0, 1.0, 1.0, 0.0];
    dir.write("labels.npy", npy(&[5], &labels));
    let modes = "moments,mean,sample:4000";
    let answer = dir
        .pfp(&format!(
            "eval {MODEL} --in-domain x.npy@labels=labels.npy --ood x.npy@name=same --no-latency \
             --modes {modes} --bins 1 --json --items"
        ))
        .json();
    assert_eq!(answer["settings"]["classes"], 2);
    let of = |mode: usize| &answer["modes"][mode]["sets"][0];
    let (mut nll, mut brier, mut total, mut epistemic, mut confidence) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for ((_, [p, t, _, e]), label) in ITEMS.into_iter().zip(labels) {
        nll -= if label == 1.0 { p.ln() } else { (-p).ln_1p() } / 5.0;
        brier += 2.0 * (p - f64::from(label)).powi(2) / 5.0;
        total += t / 5.0;
        epistemic += e / 5.0;
        confidence += p.max(1.0 - p) / 5.0;
    }
    let close = |actual: &Value, expected: f64, tolerance: f64| {
        let actual = actual.as_f64().unwrap();
        assert!((actual - expected).abs() < tolerance, "{actual} {expected}");
    };
    for (mode, tolerance) in [(0, 1e-6), (2, 0.02)] {
        let (quality, uncertainty) = (&of(mode)["classification"], &of(mode)["uncertainty"]);
        close(&quality["accuracy"], 0.8, 1e-9);
        close(&quality["nll"], nll, tolerance);
        close(&quality["brier"], brier, tolerance);
        close(&quality["ece"], (confidence - 0.8).abs(), tolerance);
        close(&uncertainty["total"], total, tolerance);
        close(&uncertainty["epistemic"], epistemic, tolerance);
    }
    assert_eq!(of(0)["items"]["class"], json!([1, 1, 1, 1, 0]));
    assert!(of(1)["uncertainty"]["epistemic"].is_null());
    close(&answer["modes"][0]["detection"][0]["auroc"], 0.5, 1e-9);
    // Any other label is none of the two.
    dir.write("labels.npy", npy(&[5], &[1.0, 0.0, 2.0, 1.0, 0.0]));
    let error = dir.pfp(&format!("eval {MODEL} --in-domain x.npy@labels=labels.npy")).error();
    assert!(error.contains("item 2") && error.contains("the label 2"), "{error}");
    assert!(error.contains("2 classes apart"), "{error}");
}

#[test]
fn a_binary_classifier_is_calibrated() {
    let dir = dir();
    let items: Vec<f32> = (0..400).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
    let labels: Vec<f32> = items
        .chunks(2)
        .enumerate()
        .map(|(item, x)| f32::from((x[0] > x[1]) != (item % 7 == 0)))
        .collect();
    dir.write("held.npy", npy(&[200, 2], &items));
    dir.write("labels.npy", npy(&[200], &labels));
    let calibrate =
        format!("calibrate {MODEL} --data held.npy@labels=labels.npy -o out.safetensors");
    let answer = dir.pfp(&format!("{calibrate} --json")).json();
    let calibration = &answer["calibration"];
    // A seventh of the labels is wrong: the logits are too large.
    assert!(calibration["temperature"]["value"].as_f64().unwrap() > 1.0, "{calibration}");
    let held_out = &calibration["held_out"];
    let nll = |when: &str| held_out[when]["nll"].as_f64().unwrap();
    assert!(nll("after") < nll("before"), "{held_out}");
    assert_eq!(held_out["before"]["accuracy"], held_out["after"]["accuracy"]);
    // The head decides by what was found.
    let run = "run net.mlir --params out.safetensors --input held.npy --head sigmoid --json";
    let decisions = output(&dir.pfp(run).json(), "decision");
    let accepted = decisions.iter().filter(|&&decision| decision >= 0.0).count() as f64 / 200.0;
    assert!((0.85..1.0).contains(&accepted), "{accepted}");
}
