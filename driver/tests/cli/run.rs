//! `pfp run`.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::fixture::{Dir, FUSION, gzip, npy, safetensors, tiny_dense};

const RUN: &str = "run tiny.mlir --params tiny.safetensors";

/// Five items of four numbers.
fn items() -> Vec<f32> {
    (0..20).map(|i| i as f32 / 4.0 - 2.0).collect()
}

fn outputs(answer: &Value) -> Vec<Vec<f64>> {
    let outputs = answer["outputs"].as_array().unwrap();
    let numbers = |output: &Value| {
        output["values"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    outputs.iter().map(numbers).collect()
}

#[test]
fn items_are_run_in_batches_of_any_size() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[5, 4], &items()));
    let one = dir.pfp(&format!("{RUN} --input x.npy --json")).json();
    assert_eq!(one["items"], 5);
    assert_eq!(one["outputs"][0]["name"], "mean");
    assert_eq!(one["outputs"][1]["name"], "variance");
    assert_eq!(one["outputs"][0]["shape"], serde_json::json!([5, 3]));
    for batch in [2, 5, 8] {
        let batched = dir.pfp(&format!("{RUN} --input x.npy --json --batch {batch}")).json();
        for (one, batched) in outputs(&one).iter().zip(outputs(&batched)) {
            for (a, b) in one.iter().zip(batched) {
                assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "batch {batch}: {a} {b}");
            }
        }
    }
}

#[test]
fn a_number_that_is_too_large_on_the_way_is_told() {
    let dir = Dir::tiny();
    let mut items = items();
    items[9] = 3e38;
    dir.write("x.npy", npy(&[5, 4], &items));
    let ran = dir.pfp(&format!("{RUN} --input x.npy"));
    assert!(ran.stderr.contains("of item 2 is inf: a number on the way is too large"), "{ran:#?}");
    ran.ok();
}

#[test]
fn the_numbers_are_those_of_the_layer() {
    let dir = Dir::empty();
    let module = crate::fixture::TINY
        .lines()
        .filter(|line| !line.contains("gauss.relu"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("return %z", "return %y");
    dir.write("tiny.mlir", module);
    dir.write("tiny.safetensors", safetensors(&crate::fixture::tiny_parameters()));
    let x = [0.5, -1.0, 2.0, 0.25];
    dir.write("x.npy", npy(&[4], &x));
    let answer = outputs(&dir.pfp(&format!("{RUN} --input x.npy --json")).json());
    let (mean, variance) = tiny_dense(&x);
    for (got, wanted) in answer.iter().zip([mean, variance]) {
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - f64::from(wanted)).abs() < 1e-6, "{answer:?}");
        }
    }
}

#[test]
fn every_input_format_gives_the_same_numbers() {
    let dir = Dir::tiny();
    let bytes: Vec<u8> = (0..20).collect();
    let floats: Vec<f32> = bytes.iter().map(|&b| f32::from(b)).collect();
    let idx = [&[0, 0, 8, 2, 0, 0, 0, 5, 0, 0, 0, 4][..], &bytes].concat();
    dir.write("x.npy", npy(&[5, 4], &floats));
    dir.write("x-idx2-ubyte.gz", gzip(&idx));
    dir.write("x.idx2-ubyte", idx);
    let tensors = BTreeMap::from([
        ("x".to_owned(), (vec![5, 4], floats)),
        ("y".to_owned(), (vec![1], vec![0.0])),
    ]);
    dir.write("x.safetensors", safetensors(&tensors));
    let run = |input: &str| dir.pfp(&format!("{RUN} --input {input} --json")).json();
    let expected = run("x.npy");
    for input in ["x.idx2-ubyte", "x-idx2-ubyte.gz", "x.safetensors:x"] {
        assert_eq!(run(input), expected, "{input}");
    }
    let error = dir.pfp(&format!("{RUN} --input x.safetensors")).error();
    assert!(error.contains("has 2 tensors") && error.contains("x, y"), "{error}");
    let error = dir.pfp(&format!("{RUN} --input x.safetensors:z")).error();
    assert!(error.contains("no tensor 'z'"), "{error}");
}

#[test]
fn inputs_are_scaled_and_normalised() {
    let dir = Dir::tiny();
    let raw: Vec<f32> = (0..4).map(|i| i as f32 * 51.0).collect();
    let prepared: Vec<f32> =
        raw.iter().map(|&x| ((f64::from(x) / 255.0 - 0.5) / 0.25) as f32).collect();
    dir.write("raw.npy", npy(&[4], &raw));
    dir.write("prepared.npy", npy(&[4], &prepared));
    let raw = dir.pfp(&format!("{RUN} --input raw.npy --scale 1/255 --normalize 0.5,0.25 --json"));
    let prepared = dir.pfp(&format!("{RUN} --input prepared.npy --json"));
    assert_eq!(raw.json(), prepared.json());
}

#[test]
fn outputs_go_to_files_of_every_format() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[5, 4], &items()));
    let run = |output: &str| dir.pfp(&format!("{RUN} --input x.npy --output {output}"));
    assert!(run("y.safetensors").ok().contains("y.safetensors"));
    run("y.json").ok();
    assert!(run("y.npy").ok().contains("y.variance.npy"));
    let expected = outputs(&dir.pfp(&format!("{RUN} --input x.npy --json")).json());

    let bytes = dir.read("y.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let json = dir.json("y.json");
    for (index, name) in ["mean", "variance"].into_iter().enumerate() {
        let wanted: Vec<u8> =
            expected[index].iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
        assert_eq!(tensors.tensor(name).unwrap().data(), wanted, "{name}");
        assert_eq!(tensors.tensor(name).unwrap().shape(), [5, 3]);
        assert!(dir.read(&format!("y.{name}.npy")).ends_with(&wanted), "{name}");
        assert_eq!(json[index]["name"], name);
    }
    let error = run("y.txt").error();
    assert!(error.contains("cannot tell from its name how to write y.txt"), "{error}");
}

#[test]
fn without_a_file_the_first_items_are_printed() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[1, 4], &[1.0, 2.0, 3.0, 4.0]));
    insta::assert_snapshot!(dir.pfp(&format!("{RUN} --input x.npy")).ok());
    dir.write("many.npy", npy(&[30, 4], &[1.0; 120]));
    let answer = dir.pfp(&format!("{RUN} --input many.npy")).ok();
    assert!(answer.contains("(10 more; write all with --output FILE)"), "{answer}");
}

#[test]
fn several_arrays_are_given_in_order() {
    let dir = Dir::empty();
    dir.write("fusion.mlir", FUSION);
    dir.write("a.npy", npy(&[1, 4], &[1.0, -2.0, 3.0, -4.0]));
    dir.write("m.npy", npy(&[1, 4], &[10.0, 20.0, 30.0, 40.0]));
    dir.write("v.npy", npy(&[1, 4], &[0.5; 4]));
    let run = "run fusion.mlir --json --input a.npy --input m.npy --input v.npy";
    let answer = dir.pfp(run).json();
    assert_eq!(outputs(&answer)[0], [11.0, 18.0, 33.0, 36.0]);
    assert_eq!(outputs(&answer)[1], [0.5; 4]);
    assert_eq!(outputs(&answer)[2], [1.0, 0.0, 3.0, 0.0]);
    let error = dir.pfp("run fusion.mlir --input a.npy").error();
    assert!(error.contains("the model reads 3 array(s), got 1"), "{error}");
    assert!(error.contains("input0, input1_mean, input1_variance"), "{error}");
    dir.write("two.npy", npy(&[2, 4], &[0.0; 8]));
    let error = dir.pfp("run fusion.mlir --input a.npy --input two.npy --input two.npy").error();
    assert!(error.contains("'input0' has 1 item(s), but 'input1_mean' has 2"), "{error}");
}

#[test]
fn an_input_of_the_wrong_size_names_both_sizes() {
    let dir = Dir::tiny();
    for (shape, count) in [(&[5, 3][..], 15), (&[4, 5], 20), (&[0, 4], 0), (&[], 1)] {
        dir.write("x.npy", npy(shape, &vec![0.0; count]));
        let error = dir.pfp(&format!("{RUN} --input x.npy")).error();
        assert!(error.contains("'input' takes any number of items of shape [4]"), "{error}");
        assert!(error.contains(&format!("has shape {shape:?}")), "{error}");
    }
    let error = dir.pfp(RUN).error();
    assert!(error.contains("the model reads 1 array(s), got 0"), "{error}");
}
