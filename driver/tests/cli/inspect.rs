//! `pfp inspect`.

use crate::fixture::{Dir, NET, npy};

#[test]
fn layers_sizes_and_work() {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    let answer = dir.pfp("inspect net.mlir --batch 2").ok();
    let (layers, arena) = answer.split_once("arena:").unwrap();
    insta::assert_snapshot!(layers);
    assert!(arena.contains("offset"), "{answer}");
}

#[test]
fn json_has_the_arena_plan() {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    let json =
        dir.pfp("inspect net.mlir --json --target aarch64-linux-gnu --cpu cortex-a53").json();
    let network = &json[0];
    assert_eq!(network["name"], "net");
    assert_eq!(network["parameters"], 2 * (18 + 24));
    assert_eq!(network["multiply_adds"], 2 * 32 * 9 + 3 * 3 * 8);
    assert_eq!(network["gaussian_maxima"], 32 + 3 * 8);
    let arena = &network["arena"];
    let slots = arena["plan"].as_array().unwrap();
    assert!(!slots.is_empty());
    let number = |slot: &serde_json::Value, field: &str| slot[field].as_u64().unwrap();
    for (index, a) in slots.iter().enumerate() {
        assert!(number(a, "offset") + number(a, "bytes") <= number(arena, "bytes"));
        for b in &slots[index + 1..] {
            let apart = |start: &str, end: &dyn Fn(&serde_json::Value) -> u64| {
                end(a) <= number(b, start) || end(b) <= number(a, start)
            };
            let in_space = apart("offset", &|slot| number(slot, "offset") + number(slot, "bytes"));
            let in_time = apart("first", &|slot| number(slot, "last") + 1);
            assert!(in_space || in_time, "{a} {b}");
        }
    }
}

#[test]
fn kernels_do_the_multiply_adds_of_the_layers() {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    for batch in [1, 5] {
        let network = dir.pfp(&format!("inspect net.mlir --json --batch {batch}")).json();
        let file = dir.pfp(&format!("inspect net.mlir --schedule --batch {batch}")).json();
        let kernels = file["kernels"].as_array().unwrap().iter();
        let sum: i64 = kernels.map(|kernel| kernel["multiply_adds"].as_i64().unwrap()).sum();
        assert_eq!(network[0]["multiply_adds"], sum, "{file:#}");
    }
}

#[test]
fn parameters_that_are_given_are_checked() {
    let dir = Dir::tiny();
    dir.write("net.mlir", NET);
    let error = dir.pfp("inspect net.mlir --params tiny.safetensors").error();
    assert!(error.contains("conv.weight.mean"), "{error}");
    dir.pfp("inspect tiny.mlir --params tiny.safetensors").ok();
}

#[test]
fn moments_of_layers_are_compared_with_monte_carlo() {
    let dir = Dir::tiny();
    // The largest means belong to the largest variances.
    let items: Vec<f32> = (0..12).map(|i| (i % 5) as f32 / 2.0 - 0.75).collect();
    dir.write("x.npy", npy(&[3, 4], &items));
    let arguments = "inspect tiny.mlir --params tiny.safetensors --moments x.npy --samples 4000";
    let report = &dir.pfp(&format!("{arguments} --json")).json()[0];
    assert_eq!((&report["items"], &report["samples"]), (&3.into(), &4000.into()), "{report:#}");
    let layers = report["layers"].as_array().unwrap();
    assert_eq!(layers.iter().map(|layer| &layer["op"]).collect::<Vec<_>>(), ["dense", "relu"]);
    for layer in layers {
        // A dense layer of an exact input is Gaussian, and a ReLU's moments are exact.
        let number = |name: &str| layer[name].as_f64().unwrap();
        assert_eq!(layer["elements"], 9);
        assert!(number("mean_in_deviations") < 0.05, "{layer:#}");
        assert!((number("variance_ratio") - 1.0).abs() < 0.1, "{layer:#}");
        assert!(number("variance_correlation") > 0.98, "{layer:#}");
    }
    let text = dir.pfp(arguments).ok();
    assert!(text.contains("means off") && text.contains("fc "), "{text}");

    let error = dir.pfp(&arguments.replace("x.npy", "missing")).error();
    assert!(error.contains("no file or folder missing"), "{error}");
    assert_eq!(dir.pfp(&arguments.replace("--params tiny.safetensors", "")).code, Some(2));
}
