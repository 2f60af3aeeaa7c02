//! `--head` of `pfp compile` and `pfp run`.

use std::process::Command;

use serde_json::{Value, json};

use crate::fixture::{Dir, FUSION, NET, net_parameters, npy, safetensors};

const COMPILE: &str = "compile net.mlir --params net.safetensors";
const RUN: &str = "run net.mlir --params net.safetensors --input x.npy --json";

/// A directory with a classifier of three classes and three images.
fn dir() -> Dir {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", safetensors(&net_parameters()));
    let images: Vec<f32> = (0..3 * 36).map(|i| (i * 7 % 11) as f32 / 4.0 - 1.0).collect();
    dir.write("x.npy", npy(&[3, 1, 6, 6], &images));
    dir
}

/// The values of the output of this name, item by item.
fn output(answer: &Value, name: &str) -> Vec<Vec<f64>> {
    let outputs = answer["outputs"].as_array().unwrap();
    let output = outputs.iter().find(|output| output["name"] == name).unwrap();
    let numbers: Vec<_> =
        output["values"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    numbers.chunks(numbers.len() / 3).map(<[f64]>::to_vec).collect()
}

#[test]
fn a_classifier_returns_what_follows_from_its_logits() {
    let dir = dir();
    for head in ["mean-field", "laplace", "sample:500"] {
        let answer = dir.pfp(&format!("{RUN} --head {head} --batch 2")).json();
        let (mean, p) = (output(&answer, "mean"), output(&answer, "probabilities"));
        let uncertainty = output(&answer, "uncertainty");
        for ((mean, p), uncertainty) in mean.iter().zip(&p).zip(&uncertainty) {
            assert_eq!((mean.len(), p.len(), uncertainty.len()), (3, 3, 3));
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{head}: {p:?}");
            let entropy: f64 = p.iter().map(|p| -p * p.ln()).sum();
            assert!((uncertainty[0] - entropy).abs() < 1e-5, "{head}: {uncertainty:?} {entropy}");
            assert!((uncertainty[0] - uncertainty[1] - uncertainty[2]).abs() < 1e-6, "{head}");
        }
        assert_eq!(answer["outputs"].as_array().unwrap().len(), 4, "no thresholds, no decision");
    }
    let plain = dir.pfp(&format!("{RUN} --batch 2")).json();
    let headed = dir.pfp(&format!("{RUN} --head laplace --batch 2")).json();
    assert_eq!(output(&plain, "variance"), output(&headed, "variance"));
}

#[test]
fn numbers_that_float32_cannot_hold_are_refused() {
    let dir = dir();
    for option in [
        "interval:0.9 --noise-variance 1e39",
        "laplace --reject-epistemic 3.5e38",
        "laplace --reject-aleatoric 1e300",
    ] {
        let ran = dir.pfp(&format!("{RUN} --head {option}"));
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        let number = option.rsplit(' ').next().unwrap();
        assert!(ran.stderr.contains(&format!("{number} does not fit in float32")), "{ran:#?}");
    }
    dir.pfp(&format!("{RUN} --head interval:0.9 --noise-variance 1e38")).ok();
}

#[test]
fn draws_depend_on_their_seed() {
    let dir = dir();
    let run = |seed: &str| {
        let answer = dir.pfp(&format!("{RUN} --head sample:50 {seed}")).json();
        output(&answer, "probabilities")
    };
    assert_eq!(run(""), run("--head-seed 0"));
    assert_ne!(run(""), run("--head-seed 18446744073709551615"));
}

#[test]
fn thresholds_decide() {
    let dir = dir();
    let decide = |thresholds: &str| {
        let answer = dir.pfp(&format!("{RUN} --head mean-field {thresholds}")).json();
        let parts = output(&answer, "uncertainty");
        let decisions: Vec<_> = output(&answer, "decision").concat();
        (output(&answer, "probabilities"), parts, decisions)
    };
    let (p, parts, accepted) = decide("--reject-epistemic 9 --reject-aleatoric 9");
    for (p, class) in p.iter().zip(&accepted) {
        let largest = p.iter().copied().fold(0.0, f64::max);
        assert_eq!(p[*class as usize], largest);
    }
    assert!(parts.iter().all(|parts| parts[1] > 0.0 && parts[2] > 0.0), "{parts:?}");
    assert_eq!(decide("--reject-aleatoric 0").2, [-1.0; 3]);
    assert_eq!(decide("--reject-epistemic 0").2, [-2.0; 3]);
    assert_eq!(decide("--reject-epistemic 0 --reject-aleatoric 0").2, [-2.0; 3]);
    assert_eq!(decide("--reject-epistemic 9 --reject-aleatoric 0").2, [-1.0; 3]);
}

#[test]
fn a_regression_returns_intervals() {
    let dir = dir();
    let run = |noise: &str| dir.pfp(&format!("{RUN} --head interval:0.95 {noise}")).json();
    for (answer, noise) in [(run(""), 0.0), (run("--noise-variance 2"), 2.0)] {
        let (mean, variance) = (output(&answer, "mean"), output(&answer, "variance"));
        for (item, ends) in output(&answer, "interval").iter().enumerate() {
            for (element, ends) in ends.chunks(2).enumerate() {
                let half = 1.959_964 * (variance[item][element] + noise).sqrt();
                let mean = mean[item][element];
                assert!((ends[0] - (mean - half)).abs() < 1e-5, "{ends:?} {mean} {half}");
                assert!((ends[1] - (mean + half)).abs() < 1e-5, "{ends:?} {mean} {half}");
            }
        }
    }
}

#[test]
fn what_is_printed_of_a_head_is_named() {
    let dir = dir();
    let run = RUN.replace(" --json", "");
    let text = dir.pfp(&format!("{run} --head sample:100 --reject-epistemic 1e-6")).ok();
    let rows = |name: &str| -> Vec<Vec<String>> {
        let rows = text.lines().map(|line| line.split("  ").map(str::trim).collect::<Vec<_>>());
        let rows = rows.map(|cells| cells.into_iter().filter(|cell| !cell.is_empty()).collect());
        let rows = rows.filter(|cells: &Vec<&str>| cells.get(1) == Some(&name));
        rows.map(|cells| cells.into_iter().map(str::to_owned).collect()).collect()
    };
    for part in ["total", "aleatoric", "epistemic"] {
        let rows = rows(&format!("uncertainty {part}"));
        assert!(rows.len() > 1 && rows.iter().all(|row| row.len() == 3), "{part}: {text}");
    }
    assert!(rows("decision").iter().all(|row| row[2] == "unknown"), "{text}");
    let text = dir.pfp(&format!("{run} --head interval:0.9")).ok();
    assert!(text.contains("interval lower") && text.contains("interval upper"), "{text}");
}

#[test]
fn the_artefact_carries_its_head() {
    let dir = dir();
    dir.pfp(&format!(
        "{COMPILE} --head sample:20 --head-seed 7 --reject-epistemic 0.25 --reject-aleatoric 0.5 \
         --emit=obj,header,manifest,rust --batch 2"
    ))
    .ok();
    let manifest = dir.json("net.json");
    let outputs = manifest["outputs"].as_array().unwrap();
    let names: Vec<_> = outputs.iter().map(|output| output["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["output", "probabilities", "uncertainty", "decision"]);
    assert_eq!(
        outputs[2]["prediction"],
        json!({ "kind": "uncertainty", "method": "sample", "draws": 20, "seed": 7 })
    );
    assert_eq!(
        outputs[3]["prediction"],
        json!({
            "kind": "decision", "reject_epistemic": 0.25, "reject_aleatoric": 0.5,
            "ambiguous": -1.0, "unknown": -2.0
        })
    );
    assert_eq!(manifest["batch"], 2);
    let header = dir.text("net.h");
    for line in [
        "#define PFP_NET_DECISION_REJECT_EPISTEMIC 0.25",
        "#define PFP_NET_DECISION_REJECT_ALEATORIC 0.5",
        "#define PFP_NET_UNCERTAINTY_SHAPE {2, 3}",
        "enum pfp_decision { PFP_AMBIGUOUS = -1, PFP_UNKNOWN = -2 };",
        "float *probabilities, float *uncertainty, float *decision, void *arena);",
    ] {
        assert!(header.contains(line), "{line}\n{header}");
    }
    let rust = dir.text("net.rs");
    assert!(rust.contains("decision: DECISION_SHAPE"), "{rust}");
    assert!(rust.contains("pub const DECISION_REJECT_EPISTEMIC: f64 = 0.25;"), "{rust}");
}

#[test]
fn c_reads_the_decision_by_name() {
    let dir = dir();
    dir.pfp(&format!("{COMPILE} --head mean-field --reject-epistemic 0")).ok();
    dir.write(
        "main.c",
        "#include \"net.h\"
#include \"net.h\"
static _Alignas(PFP_NET_ARENA_ALIGN) char arena[PFP_NET_ARENA_BYTES + 1];
static float image[PFP_NET_INPUT_ELEMENTS] = {1}, mean[3], variance[3], p[3], u[3], decision[1];
int main(void) {
  if (pfp_net(image, mean, variance, p, u, decision, arena) != PFP_OK) return 1;
  return !(decision[0] == PFP_UNKNOWN && u[PFP_EPISTEMIC] > PFP_NET_DECISION_REJECT_EPISTEMIC);
}
",
    );
    let flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "main.c", "net.o", "-o"];
    dir.run(Command::new("cc").args(flags).arg("main")).ok();
    dir.run(&mut Command::new(dir.path("main"))).ok();
}

#[test]
fn what_a_head_does_not_take_is_refused() {
    let dir = dir();
    dir.write("fusion.mlir", FUSION);
    let refused = |arguments: &str| dir.pfp(arguments).error();
    for (arguments, message) in [
        ("--head laplace --head-seed 1", "the head laplace takes no seed"),
        ("--head laplace --noise-variance 1", "the head laplace takes no noise variance"),
        ("--head interval:0.9 --reject-epistemic 1", "the head interval:0.9 takes no thresholds"),
        ("--head laplace --function nought", "no public function @nought"),
    ] {
        let error = refused(&format!("{COMPILE} {arguments}"));
        assert!(error.contains(message), "{error}");
    }
    let error = refused("compile fusion.mlir --head laplace");
    assert!(error.contains("returns 2 values; a head is for one"), "{error}");
    assert!(dir.list(".").iter().all(|file| !file.ends_with(".o")));

    for arguments in [
        "--head softmax",
        "--head sample:0",
        "--head interval:1.5",
        "--head laplace --reject-epistemic -1",
        "--head laplace --reject-aleatoric nan",
        "--reject-epistemic 1",
    ] {
        let ran = dir.pfp(&format!("{COMPILE} {arguments}"));
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:?}");
    }
}

#[test]
fn a_head_reads_moments() {
    let dir = dir();
    for mode in ["mean", "sample:4"] {
        let refused = dir.pfp(&format!("{COMPILE} --head laplace --mode {mode}")).error();
        let message = format!("a head has no meaning with --mode {mode}");
        assert!(refused.contains(&message), "{refused}");
    }
}
