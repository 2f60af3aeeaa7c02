//! `pfp calibrate`.

use std::fs;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::fixture::{Dir, Ran, npy, pfp, repository};

/// A classifier of three classes, its inputs and their labels.
fn classifier() -> Dir {
    let dir = Dir::tiny();
    let relu = "  %z = gauss.relu %y : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32>\n";
    let text = dir.text("tiny.mlir").replace(relu, "").replace("return %z", "return %y");
    dir.write("linear.mlir", text);
    // The network prefers the last class where the numbers of an item have a large sum; every
    // ninth label disagrees.
    let items: Vec<f32> = (0..400).map(|i| ((i * 37) % 101) as f32 / 25.0 - 2.0).collect();
    let labels: Vec<f32> = items
        .chunks(4)
        .enumerate()
        .map(|(item, x)| match (x.iter().sum::<f32>() > -1.0) != (item % 9 == 0) {
            true => 2.0,
            false => 0.0,
        })
        .collect();
    dir.write("x.npy", npy(&[100, 4], &items));
    dir.write("labels.npy", npy(&[100], &labels));
    dir
}

const CALIBRATE: &str =
    "calibrate linear.mlir --params tiny.safetensors --draws 100 -o out.safetensors";

/// The numbers of a tensor of a safetensors file.
fn tensor(bytes: &[u8], name: &str) -> Vec<f64> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let data = file.tensor(name).unwrap().data().to_vec();
    data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect()
}

#[test]
fn the_parameters_carry_the_calibration() {
    let dir = classifier();
    let answer = dir.pfp(&format!("{CALIBRATE} --data x.npy@labels=labels.npy --json")).json();
    let calibration = &answer["calibration"];
    assert_eq!(dir.json("out.json"), *calibration);
    let (before, after) = (dir.read("tiny.safetensors"), dir.read("out.safetensors"));
    let (_, header) = SafeTensors::read_metadata(&after).unwrap();
    let text = &header.metadata().as_ref().unwrap()["pfp.calibration"];
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *calibration);

    let temperature = calibration["temperature"]["value"].as_f64().unwrap();
    let factor = calibration["layers"][0]["factor"].as_f64().unwrap();
    assert_eq!(calibration["layers"][0]["layer"], "fc");
    for (name, expected) in [
        ("fc.weight.mean", 1.0 / temperature),
        ("fc.bias.mean", 1.0 / temperature),
        ("fc.weight.var", factor / temperature.powi(2)),
        ("fc.bias.var", factor / temperature.powi(2)),
    ] {
        for (old, new) in tensor(&before, name).iter().zip(tensor(&after, name)) {
            assert!((new - old * expected).abs() <= 1e-6 * new.abs(), "{name}: {old} {new}");
        }
    }
    // Every tool takes the file.
    dir.pfp("check linear.mlir --params out.safetensors --samples 0").ok();
}

#[test]
fn the_compiled_head_has_the_thresholds() {
    let dir = classifier();
    let answer = dir.pfp(&format!("{CALIBRATE} --data x.npy@labels=labels.npy --json")).json();
    let thresholds = &answer["calibration"]["thresholds"];
    let compile = "compile linear.mlir --head sample:100";
    let of = |arguments: &str| dir.pfp(&format!("{compile} {arguments}")).ok();
    let macros = |name: &str| {
        let header = dir.text("tiny.h");
        let line = header.lines().find(|line| line.contains(&format!("PFP_TINY_DECISION_{name} ")));
        line.and_then(|line| line.split_whitespace().nth(2)?.trim_end_matches('f').parse().ok())
    };
    of("--params out.safetensors");
    for (name, key) in [("REJECT_EPISTEMIC", "epistemic"), ("REJECT_ALEATORIC", "aleatoric")] {
        let (found, wanted): (Option<f64>, _) = (macros(name), thresholds[key].as_f64().unwrap());
        let found = found.unwrap_or_else(|| panic!("no {name} in {}", dir.text("tiny.h")));
        assert!((found - wanted).abs() <= 1e-6 * wanted.abs(), "{name}: {found}, not {wanted}");
    }
    // The command line decides where it says anything.
    of("--params out.safetensors --reject-epistemic 0.25");
    assert_eq!((macros("REJECT_EPISTEMIC"), macros("REJECT_ALEATORIC")), (Some(0.25), None));
    of("--params tiny.safetensors");
    assert_eq!(macros("REJECT_EPISTEMIC"), None);
}

#[test]
fn thresholds_are_for_the_head_that_they_were_fitted_to() {
    let dir = classifier();
    dir.pfp(&format!("{CALIBRATE} --data x.npy@labels=labels.npy")).ok();
    assert_eq!(dir.json("out.json")["head"], "sample");
    for head in ["mean-field", "laplace", "sigmoid"] {
        let run = format!("compile linear.mlir --params out.safetensors --head {head}");
        let ran = dir.pfp(&run);
        let note = format!("uncertainties of the head sample, not of {head}: nothing is rejected");
        assert!(ran.stderr.contains(&note), "{ran:#?}");
        ran.ok();
        assert!(!dir.text("tiny.h").contains("REJECT"), "{head}");
        let ran = dir.pfp(&format!("{run} --reject-epistemic 0.5"));
        assert!(!ran.stderr.contains("nothing is rejected"), "{ran:#?}");
        assert!(dir.text("tiny.h").contains("REJECT_EPISTEMIC"), "{head}");
    }
}

#[test]
fn the_same_data_and_seed_give_the_same_file() {
    let dir = classifier();
    dir.pfp(&format!("{CALIBRATE} --data x.npy@labels=labels.npy")).ok();
    let first = dir.read("out.safetensors");
    dir.pfp(&format!("{CALIBRATE} --data x.npy@labels=labels.npy")).ok();
    assert_eq!(first, dir.read("out.safetensors"));
}

#[test]
fn a_temperature_needs_a_linear_last_layer() {
    let dir = classifier();
    let answer = dir
        .pfp(
            &format!("{CALIBRATE} --data x.npy@labels=labels.npy --json").replace("linear", "tiny"),
        )
        .json();
    let temperature = &answer["calibration"]["temperature"];
    assert_eq!(temperature["value"], 1.0);
    let reason = temperature["not_fitted"].as_str().unwrap();
    assert!(reason.contains("'gauss.relu', which is not linear"), "{reason}");
}

#[test]
fn parameters_of_called_functions_count() {
    let dir = classifier();
    let layer = dir.text("linear.mlir").replace("func.func @tiny", "func.func private @layer");
    let types = "(tensor<?x4xf32>) -> !gauss.tensor<?x3xf32>";
    let caller = format!(
        "func.func @tiny(%x: tensor<?x4xf32>) -> !gauss.tensor<?x3xf32> {{\n  \
         %y = call @layer(%x) : {types}\n  return %y : !gauss.tensor<?x3xf32>\n}}\n"
    );
    let calibrate = format!("{CALIBRATE} --data x.npy@labels=labels.npy --json");
    let alone = dir.pfp(&calibrate).json();
    dir.write("linear.mlir", format!("{layer}{caller}"));
    assert_eq!(dir.pfp(&calibrate).json(), alone);
}

#[test]
fn bad_data_is_refused_with_a_reason() {
    let dir = classifier();
    let refused = |arguments: &str| dir.pfp(&format!("{CALIBRATE} {arguments}")).error();
    let labels = |values: &[f32]| dir.write("bad.npy", npy(&[values.len()], values));

    labels(&[0.0; 99]);
    assert!(
        refused("--data x.npy@labels=bad.npy").contains("labels of shape [99] for the 100 item(s)")
    );
    labels(&[&[0.0; 99][..], &[3.0]].concat());
    let error = refused("--data x.npy@labels=bad.npy");
    assert!(
        error.contains("item 99 of bad.npy has the label 3, but the network tells 3 classes"),
        "{error}"
    );
    labels(&[0.5; 100]);
    assert!(refused("--data x.npy@labels=bad.npy").contains("has 0.5 as its label number 0"));
    dir.write("bad.npy", npy(&[100, 2], &[0.0; 200]));
    assert!(refused("--data x.npy@labels=bad.npy").contains("several labels for each item"));

    let error = refused("--data x.npy@labels=labels.npy --coverage 0.999");
    assert!(error.contains("50 items are too few for the thresholds"), "{error}");
    assert!(error.contains("at least 999 are needed"), "{error}");
    let error = refused("--data x.npy@labels=labels.npy --conformal 0.99");
    assert!(error.contains("50 items are too few for prediction sets"), "{error}");
    assert!(error.contains("at least 99 are needed: give 198 labelled items in all"), "{error}");
    // 99 of the 100 items would leave none for the fit.
    assert!(!error.contains("--fit-share"), "{error}");
    let error = refused("--data x.npy@labels=labels.npy --conformal 0.985");
    assert!(error.contains("at least 66 are needed"), "{error}");
    assert!(error.contains("hold out more with --fit-share 0.34"), "{error}");
    let error = refused("--data x.npy@labels=labels.npy --fit-share 0.95");
    assert!(error.contains("100 labelled items are too few"), "{error}");

    for (bad, needle) in [
        (f32::NAN, "bad-item.npy has NaN in item 7, element 2; it must be finite"),
        (3e38, "the logits of item 7 of the labelled data are not all finite"),
    ] {
        let mut items = vec![0.0; 400];
        items[4 * 7 + 2] = bad;
        dir.write("bad-item.npy", npy(&[100, 4], &items));
        let error = refused("--data bad-item.npy@labels=labels.npy");
        assert!(error.contains(needle), "{error}");
    }
    dir.write("empty.npy", npy(&[0, 4], &[]));
    let error = dir
        .pfp(&format!("{CALIBRATE} --data x.npy@labels=labels.npy").replace("x.npy", "empty.npy"))
        .error();
    assert!(error.contains("has no items"), "{error}");

    let error = dir
        .pfp(
            &format!("{CALIBRATE} --data x.npy@labels=labels.npy")
                .replace("out.safetensors", "out.npy"),
        )
        .error();
    assert!(error.contains("is no parameter file"), "{error}");
    assert!(!dir.path("out.safetensors").exists() && !dir.path("out.json").exists());
}

#[test]
fn a_false_accept_rate_uses_data_out_of_domain() {
    let dir = classifier();
    // Far out, where the means of the logits are equal.
    let far = [100.0, -100.0, 50.0, -51.0].repeat(50);
    dir.write("ood.npy", npy(&[50, 4], &far));
    let answer = dir
        .pfp(&format!(
            "{CALIBRATE} --data x.npy@labels=labels.npy --ood ood.npy --false-accept 0.2 --json"
        ))
        .json();
    let thresholds = &answer["calibration"]["thresholds"];
    assert_eq!(thresholds["goal"]["false-accept"], 0.2);
    assert!(thresholds["false_accept"].as_f64().unwrap() <= 0.2, "{answer:#}");
}

/// The built-in digits: better on items that the fit has not seen, as often right, and what is no
/// digit is still told from digits.
#[test]
fn the_built_in_networks_gain() {
    let dir = Dir::empty();
    for network in ["mlp", "cnn"] {
        let output = dir.path("out.safetensors");
        let mut command = pfp();
        command.current_dir(repository().join("examples/digits")).args(["calibrate", "--json"]);
        command.args([&format!("{network}.mlir"), "--params", &format!("{network}.safetensors")]);
        command.args(["--data", "test", "--ood", "ood", "--scale", "1/16"]);
        command.args(["--normalize", "0.5,0.5", "-o", output.to_str().unwrap()]);
        let ran = Ran::of(&mut command);
        for step in ["fitting the temperature", "fitting all variances", "the smallest change"] {
            assert!(ran.stderr.contains(step), "{ran:#?}");
        }
        let answer = ran.json();
        let number = |pointer: &str| answer.pointer(pointer).and_then(Value::as_f64).unwrap();
        let held_out = |what: &str| number(&format!("/calibration/held_out/{what}"));
        assert!(held_out("after/nll") < 0.8 * held_out("before/nll"), "{network}: {answer:#}");
        assert!(held_out("after/accuracy") >= held_out("before/accuracy"), "{network}: {answer:#}");
        let detection = |what: &str| number(&format!("/calibration/detection/{what}"));
        assert!(detection("after") > detection("before") - 0.01, "{network}: {answer:#}");
        let coverage = number("/calibration/conformal_check/coverage");
        assert!((coverage - 0.9).abs() < 0.02, "{network}: {answer:#}");
    }
    assert!(fs::metadata(dir.path("out.json")).unwrap().len() > 0);
}

/// `ceil((n + 1) level) <= n` of the 50 items that are held out, or of as many as are asked for.
#[test]
fn every_level_that_the_held_out_items_allow_is_taken() {
    let dir = classifier();
    for (level, share, needs) in [(0.98, 0.5, 49), (0.97, 0.5, 33), (0.985, 0.34, 66)] {
        let data = "--data x.npy@labels=labels.npy --variances keep";
        let calibrate = format!("{CALIBRATE} {data} --conformal {level} --fit-share {share}");
        let answer = dir.pfp(&format!("{calibrate} --json")).json();
        let calibration = &answer["calibration"];
        let held_out = calibration["held_out"]["items"].as_u64().unwrap();
        assert_eq!(calibration["conformal"]["items"], held_out, "{level}");
        match &calibration["conformal_check"] {
            Value::Null => {
                assert_eq!(held_out, needs, "{level}");
                let text = dir.pfp(&calibrate).ok();
                assert!(text.contains("not measured"), "{text}");
            }
            check => {
                assert!(check["known"].as_u64().unwrap() >= needs, "{check:#}");
                assert!(check["new"].as_u64().unwrap() >= 1, "{check:#}");
            }
        }
    }
}

#[test]
fn what_is_kept_and_what_is_empty_is_explained() {
    let dir = classifier();
    let calibrate = format!("{CALIBRATE} --data x.npy@labels=labels.npy --conformal 0.6");
    let answer = dir.pfp(&format!("{calibrate} --json")).json();
    let calibration = &answer["calibration"];
    let text = dir.pfp(&calibrate).ok();
    let is_kept = calibration["layers"][0]["factor"] == 1.0;
    assert_eq!(text.contains("the variances are kept: the best change"), is_kept, "{text}");
    let kept = &calibration["variances_kept"];
    assert_eq!(kept.is_object(), is_kept, "{calibration:#}");
    if let Some(kept) = kept.as_object() {
        let number = |name: &str| kept[name].as_f64().unwrap();
        assert!(number("nll") - number("best") <= number("noise"), "{kept:?}");
    }
    let text_of_none = dir.pfp(&format!("{calibrate} --variances keep")).ok();
    assert!(text_of_none.contains("the variances are kept: --variances keep"), "{text_of_none}");

    // Right answers in 89 of a hundred, sets with the right class in 60.
    let check = &calibration["conformal_check"];
    let empty = check["empty"].as_f64().unwrap();
    let expected = check["expected_empty"].as_array().unwrap();
    let [low, high] = [0, 1].map(|end| expected[end].as_f64().unwrap());
    assert!(low > 0.1 && (high - 0.4).abs() < 1e-9, "{check:#}");
    assert!(empty > low - 0.1 && empty < high + 0.1, "{check:#}");
    assert!(text.contains("an empty set says"), "{text}");
    assert!(text.contains("a higher --conformal makes fewer"), "{text}");
}
