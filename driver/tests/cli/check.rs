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
