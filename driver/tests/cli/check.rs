//! `pfp check`.

use crate::fixture::{Dir, FUSION, npy};

#[test]
fn compiled_code_agrees_with_the_reference() {
    let dir = Dir::tiny();
    let answer = dir.pfp("check tiny.mlir --params tiny.safetensors").ok();
    assert!(answer.contains("ok: every error is at most 1e-4"), "{answer}");
    assert!(answer.contains("Monte Carlo, 1000 samples"), "{answer}");
    let json = dir
        .pfp("check tiny.mlir --params tiny.safetensors --items 3 --batch 2 --samples 4000 --json")
        .json();
    assert_eq!(json["items"], 3);
    assert_eq!(json["passed"], true);
    let output = &json["outputs"][0];
    assert_eq!(output["mean"]["elements"].as_array().unwrap().len(), 9);
    assert!(output["variance"]["max"].as_f64().unwrap() < 1e-4, "{output:#}");
    // One layer and its activation are exact, so that Monte Carlo converges to them.
    let monte_carlo = &json["monte_carlo"]["outputs"][0];
    assert!(monte_carlo["mean_in_deviations"].as_f64().unwrap() < 0.05, "{monte_carlo:#}");
    assert!((monte_carlo["variance_ratio"].as_f64().unwrap() - 1.0).abs() < 0.1, "{monte_carlo:#}");
}

#[test]
fn an_error_above_the_tolerance_is_exit_code_1() {
    let dir = Dir::tiny();
    let ran = dir.pfp("check tiny.mlir --params tiny.safetensors --samples 0 --tolerance 1e-12");
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stdout.contains("FAILED: an error is above 1e-12"), "{ran:#?}");
    assert!(ran.stdout.contains("worst variance of output: item"), "{ran:#?}");
}

#[test]
fn the_seed_decides() {
    let dir = Dir::tiny();
    let check = |seed: u64| {
        dir.pfp(&format!("check tiny.mlir --params tiny.safetensors --seed {seed} --json")).ok()
    };
    assert_eq!(check(1), check(1));
    assert_ne!(check(1), check(2));
}

#[test]
fn given_input_and_several_arrays() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[2, 4], &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]));
    let json = dir.pfp("check tiny.mlir --params tiny.safetensors --input x.npy --json").json();
    assert_eq!(json["items"], 2);
    dir.write("fusion.mlir", FUSION);
    let json = dir.pfp("check fusion.mlir --samples 100 --json").json();
    assert_eq!(json["outputs"][0]["name"], "output0");
    assert!(json["outputs"][1]["variance"].is_null());
}

#[test]
fn too_many_random_items_are_refused() {
    let dir = Dir::tiny();
    let error = dir.pfp("check tiny.mlir --params tiny.safetensors --items 4294967295").error();
    assert!(error.contains("are too many"), "{error}");
}

/// ReLUs and a pool of what is -12.9 deviations below zero, and beside it what is not: the
/// variance is no normal number of binary32.
#[test]
fn dead_units_are_no_error() {
    let dir = Dir::empty();
    let pool = |channels: usize| {
        let input = format!("!gauss.tensor<?x{channels}x2x2xf32>");
        let output = format!("!gauss.tensor<?x{channels}x1x1xf32>");
        format!(
            "func.func @net(%x: {input}) -> {output} {{\n  \
             %0 = gauss.relu %x : ({input}) -> {input}\n  \
             %1 = gauss.max_pool2d %0 kernel [2, 2] : ({input}) -> {output}\n  \
             return %1 : {output}\n}}\n"
        )
    };
    for (channels, units) in [(1, &[-12.9f32][..]), (2, &[-12.9, 1.0]), (3, &[-37.0, -20.0, 0.5])] {
        dir.write("net.mlir", pool(channels));
        let means: Vec<f32> = units.iter().flat_map(|&mean| [mean; 4]).collect();
        dir.write("m.npy", npy(&[1, channels, 2, 2], &means));
        dir.write("v.npy", npy(&[1, channels, 2, 2], &vec![1.0; 4 * channels]));
        let answer = dir.pfp("check net.mlir --input m.npy --input v.npy").ok();
        assert!(answer.contains("ok: every error"), "{answer}");
    }
}

#[test]
fn figures_of_units_that_monte_carlo_never_sees_are_small() {
    let dir = Dir::empty();
    dir.write(
        "net.mlir",
        "func.func @net(%x: !gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32> {\n  \
         %0 = gauss.relu %x : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32>\n  \
         return %0 : !gauss.tensor<?x3xf32>\n}\n",
    );
    dir.write("v.npy", npy(&[1, 3], &[1.0; 3]));
    // The middle one is active in one of two million draws.
    for means in [[-12.0, 1.0, 2.0], [-5.0, -12.0, 1.0], [-12.0, -12.0, -12.0]] {
        dir.write("m.npy", npy(&[1, 3], &means));
        let check = "check net.mlir --input m.npy --input v.npy";
        let deviation = &dir.pfp(&format!("{check} --json")).json()["monte_carlo"]["outputs"][0];
        // The noise of 1000 samples is 0.03.
        assert!(deviation["mean_in_deviations"].as_f64().unwrap() < 0.1, "{deviation:#}");
        let text = dir.pfp(check).ok();
        let longest = text.split_whitespace().map(str::len).max().unwrap();
        assert!(longest < 30, "{text}");
    }
}

/// Squares of inputs: means of 1.8e19 and more are beyond float32.
#[test]
fn infinite_results_are_counted_and_pass_where_the_reference_overflows_float32() {
    let dir = Dir::empty();
    let chain = |last: &str| {
        format!(
            "func.func @net(%x: !gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32> {{\n  \
             %0 = gauss.square %x : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32>\n  \
             {last}}}\n"
        )
    };
    dir.write("net.mlir", chain("return %0 : !gauss.tensor<?x3xf32>\n"));
    dir.write("m.npy", npy(&[1, 3], &[1.0, 2.0, 1e25]));
    dir.write("v.npy", npy(&[1, 3], &[1.0; 3]));
    let check = "check net.mlir --input m.npy --input v.npy";
    let answer = dir.pfp(check).ok();
    for line in [
        "mean of output: 1 element(s) are infinite, in the reference too or beyond float32 there",
        "variance of output: 1 element(s) are infinite, in the reference too",
        "ok: every error",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
    assert!(!answer.contains("NaN"), "{answer}");
    let json = dir.pfp(&format!("{check} --json")).json();
    assert_eq!(json["outputs"][0]["mean"]["beyond_float32"], 1);
    assert_eq!(json["outputs"][0]["variance"]["overflowed"], 0);

    // What float32 holds again once it is scaled is infinite all the same.
    dir.write(
        "net.mlir",
        chain(
            "%w = arith.constant dense<1.0e-30> : tensor<3x3xf32>\n  \
             %1 = gauss.dense %0, %w : (!gauss.tensor<?x3xf32>, tensor<3x3xf32>) \
             -> !gauss.tensor<?x3xf32>\n  \
             return %1 : !gauss.tensor<?x3xf32>\n",
        ),
    );
    let ran = dir.pfp(check);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let line =
        "mean of output: 3 element(s) are infinite, which float32 would hold by the reference";
    assert!(ran.stdout.contains(line), "{ran:#?}");
    assert!(ran.stdout.contains("FAILED: results overflow float32"), "{ran:#?}");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let dir = Dir::tiny();
    let refused = |arguments: &str| {
        let ran = dir.pfp(arguments);
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:#?}");
        ran.stderr
    };
    let check = "check tiny.mlir --params tiny.safetensors";
    for value in ["nan", "NaN", "inf", "-inf", "-1e-4", "-1", "1e999", "x"] {
        let error = refused(&format!("{check} --tolerance={value}"));
        assert!(error.contains("is not a finite number of at least 0"), "{value}: {error}");
    }
    let error = refused(&format!("{check} --tolerance -1"));
    assert!(error.contains("is not a finite number of at least 0"), "{error}");
    refused(&format!("{check} --samples 1"));
    refused(&format!("{check} --items 0"));
    dir.pfp(&format!("{check} --samples 0 --tolerance 1")).ok();
    for value in ["nan", "inf", "0", "-1"] {
        refused(&format!("bench tiny.mlir --params tiny.safetensors --seconds={value}"));
        for option in ["coverage", "false-accept", "conformal", "fit-share"] {
            let calibrate =
                "calibrate tiny.mlir --params tiny.safetensors --data x -o y.safetensors";
            refused(&format!("{calibrate} --{option}={value}"));
        }
    }
    for value in ["nan", "inf", "0", "0/2", "1/0", "1e300/1e-300"] {
        refused(&format!("eval tiny.mlir --in-domain x --scale={value}"));
        let moments = "inspect tiny.mlir --params tiny.safetensors --moments x";
        refused(&format!("{moments} --scale={value}"));
    }
    for value in ["nan,1", "0,nan", "0,inf", "0,0", "0,-1", "inf,1"] {
        refused(&format!("eval tiny.mlir --in-domain x --normalize={value}"));
    }
}
