//! `pfp train`: what is refused before anything is read.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;

use crate::fixture::{Dir, npy};

#[test]
fn what_no_run_can_be_is_refused_before_files_are_read() {
    let dir = Dir::tiny();
    for (arguments, needle) in [
        ("", "give --epochs"),
        ("--epochs 3 --batch 101", "multiple of --shards"),
        ("--epochs 3 --patience 2", "--validation"),
        ("--epochs 3 --checkpoint p.safetensors", "two outputs would go to p.safetensors"),
        ("--posterior laplace", "give them with --init FILE"),
        ("--posterior laplace --epochs 3 --init x.safetensors", "changes no mean"),
        (
            "--posterior swag --epochs 3 --patience 2 --validation x.npy",
            "samples are of all epochs",
        ),
    ] {
        let line = format!("train tiny.mlir --data x.npy -o p.safetensors {arguments}");
        let ran = dir.pfp(&line);
        assert_eq!(ran.code, Some(1), "{arguments}: {ran:#?}");
        assert!(ran.stderr.contains(needle), "{arguments}: {ran:#?}");
    }
    let ran = dir.pfp("train tiny.onnx --data x.npy --epochs 3 -o p.safetensors");
    assert!(ran.stderr.contains("pfp import"), "{ran:#?}");
}

#[test]
fn an_option_that_is_none_is_exit_code_2() {
    let dir = Dir::tiny();
    for arguments in [
        "--schedule linear",
        "--schedule step:0,0.1",
        "--prior -1",
        "--prior fan-in:0",
        "--momentum 1",
        "--posterior magic",
        "--loss hinge",
        "--labels some",
        "--prior-precision most",
        "--learning-rate 0",
        "--no-checkpoint --checkpoint-every 3",
    ] {
        let line = format!("train tiny.mlir --data x.npy --epochs 3 -o p.safetensors {arguments}");
        let ran = dir.pfp(&line);
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:#?}");
    }
}

/// Two layers, with a dynamic batch.
const NET: &str = r#"func.func @net(%x: tensor<?x2xf32>) -> !gauss.tensor<?x3xf32> {
  %w = gauss.parameter "hidden.weight" : !gauss.tensor<8x2xf32>
  %b = gauss.parameter "hidden.bias" : !gauss.tensor<8xf32>
  %v = gauss.parameter "out.weight" : !gauss.tensor<3x8xf32>
  %c = gauss.parameter "out.bias" : !gauss.tensor<3xf32>
  %0 = gauss.dense %x, %w, %b : (tensor<?x2xf32>, !gauss.tensor<8x2xf32>, !gauss.tensor<8xf32>) -> !gauss.tensor<?x8xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x8xf32>) -> !gauss.tensor<?x8xf32>
  %2 = gauss.dense %1, %v, %c : (!gauss.tensor<?x8xf32>, !gauss.tensor<3x8xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<?x3xf32>
  return %2 : !gauss.tensor<?x3xf32>
}
"#;

/// Points around three places, each a class.
fn with_points(count: usize) -> Dir {
    let dir = Dir::empty();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let places = [[-1.5, 0.0], [1.5, -1.0], [0.5, 1.5]];
    let (mut items, mut labels) = (Vec::new(), Vec::new());
    for number in 0..count {
        let class = number % 3;
        items.extend(places[class].map(|x: f32| x + rng.random_range(-0.9..0.9)));
        labels.push(class as f32);
    }
    dir.write("net.mlir", NET);
    dir.write("x-images.npy", npy(&[count, 2], &items));
    dir.write("x-labels.npy", npy(&[count], &labels));
    dir
}

/// The bytes of the tensors of a file, by name.
fn tensors(dir: &Dir, file: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = dir.read(file);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

/// The options of a short run.
const SHORT: &str = "train net.mlir --data x --epochs 6 --batch 20 --learning-rate 0.02 --seed 5";

#[test]
fn every_method_gives_a_posterior_that_classifies() {
    let dir = with_points(240);
    let methods = [
        "-o moments.safetensors",
        "--draws 0 -o second.safetensors",
        "--posterior svi -o svi.safetensors",
        "--posterior swag --init moments.safetensors --freeze variances -o swag.safetensors",
    ];
    for method in methods {
        let ran = dir.pfp(&format!("{SHORT} {method}"));
        assert_eq!(ran.code, Some(0), "{method}: {ran:#?}");
    }
    let laplace = "train net.mlir --data x --posterior laplace --init moments.safetensors \
                   -o laplace.safetensors";
    let ran = dir.pfp(laplace);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for name in ["moments", "second", "svi", "swag", "laplace"] {
        let line =
            format!("eval net.mlir --params {name}.safetensors --in-domain x --no-latency --json");
        let evaluated = dir.pfp(&line).json();
        let accuracy = &evaluated["modes"][0]["sets"][0]["classification"]["accuracy"];
        assert!(accuracy.as_f64().unwrap() > 0.9, "{name}: {evaluated:#}");
    }
}

#[test]
fn numbers_depend_on_the_seed_and_not_on_threads() {
    let dir = with_points(120);
    for (threads, seed, name) in [(1, 5, "a"), (2, 5, "b"), (2, 6, "c")] {
        let line = "train net.mlir --data x --epochs 3 --batch 20";
        let ran =
            dir.pfp(&format!("{line} --threads {threads} --seed {seed} -o {name}.safetensors"));
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| tensors(&dir, &format!("{name}.safetensors")));
    assert_eq!(a, b);
    assert_ne!(a, c);
}

#[test]
fn a_run_that_ends_goes_on_with_the_same_numbers() {
    let dir = with_points(120);
    let line = "train net.mlir --data x --batch 20 --seed 3";
    for rest in [
        "--epochs 6 -o whole.safetensors --checkpoint whole.checkpoint",
        "--epochs 2 -o part.safetensors --checkpoint part.checkpoint",
        "--epochs 6 -o again.safetensors --resume part.checkpoint --threads 1",
    ] {
        let ran = dir.pfp(&format!("{line} {rest}"));
        assert_eq!(ran.code, Some(0), "{rest}: {ran:#?}");
    }
    assert_eq!(tensors(&dir, "whole.safetensors"), tensors(&dir, "again.safetensors"));
    let ran = dir
        .pfp(&format!("{line} --epochs 6 --prior 2 -o other.safetensors --resume part.checkpoint"));
    assert!(ran.code == Some(1) && ran.stderr.contains("prior"), "{ran:#?}");
}

#[test]
fn a_network_and_data_that_do_not_fit_are_refused() {
    let dir = with_points(60);
    dir.write("nan-images.npy", npy(&[2, 2], &[0.0, f32::NAN, 1.0, 2.0]));
    dir.write("nan-labels.npy", npy(&[2], &[0.0, 1.0]));
    dir.write("far-images.npy", npy(&[2, 2], &[0.0, 0.5, 1.0, 2.0]));
    dir.write("far-labels.npy", npy(&[2], &[0.0, 3.0]));
    dir.write("fixed.mlir", NET.replace('?', "7"));
    dir.write("none.mlir", "func.func @f(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {\n  return %x : tensor<?x2xf32>\n}\n");
    for (module, rest, needle) in [
        ("net", "--data nan", "nan"),
        ("net", "--data far", "3"),
        ("net", "--data gone", "there is no file"),
        ("net", "--data x --freeze means --freeze variances", "frozen"),
        ("fixed", "--data x", "is fixed to 7"),
        ("none", "--data x", "parameters"),
        ("net", "--data x --loss binary", "3"),
    ] {
        let line = format!("train {module}.mlir {rest} --epochs 1 --batch 20 -o out.safetensors");
        let ran = dir.pfp(&line);
        assert_eq!(ran.code, Some(1), "{rest}: {ran:#?}");
        assert!(ran.stderr.to_lowercase().contains(needle), "{rest}: {ran:#?}");
        assert!(!dir.path("out.safetensors").exists());
    }
}
