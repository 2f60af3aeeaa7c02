//! `pfp train`: posteriors from the command line, and what is refused.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;

use crate::fixture::{Dir, npy, pfp, safetensors};

#[test]
fn what_no_run_can_be_is_refused_before_files_are_read() {
    let dir = Dir::tiny();
    for (arguments, needle) in [
        ("", "give --epochs"),
        ("--epochs 3 --batch 101", "multiple of --shards"),
        ("--epochs 3 --patience 2", "--validation"),
        ("--epochs 3 --checkpoint p.safetensors", "two outputs would go to p.safetensors"),
        ("--epochs 3 --patience 2 --kl-warm-up 3 --validation x", "--patience judges no epoch"),
        ("--epochs 3 --prior 1e-30", "--prior 1e-30 is out of range"),
        ("--epochs 3 --loss gaussian --noise-variance 1e300", "--noise-variance 1e300 is out of"),
        (
            "--posterior swag --epochs 3 --freeze variances",
            "its variances are those of the samples",
        ),
        ("--posterior laplace", "give them with --init FILE"),
        (
            "--posterior laplace --loss gaussian --init x.safetensors",
            "needs the variance of its noise",
        ),
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
fn options_that_would_be_ignored_are_refused_by_name() {
    let dir = Dir::tiny();
    let laplace = "--posterior laplace --init x.safetensors";
    let swag = "--posterior swag --epochs 9";
    for (arguments, needle) in [
        (format!("{laplace} --resume c --freeze means"), "--resume, --freeze have no meaning with"),
        (format!("{laplace} --validation x"), "--validation has no meaning with"),
        (format!("{laplace} --prior 1 --batch 9"), "--batch, --prior have no meaning with"),
        (format!("{laplace} --learning-rate 1"), "--learning-rate has no meaning with"),
        (format!("{laplace} --init-sigma 1"), "--init-sigma has no meaning with"),
        (format!("{laplace} --swag-scale 1"), "--swag-scale has no meaning without"),
        (format!("{swag} --svi-draws local"), "--svi-draws has no meaning without --posterior svi"),
        (format!("{swag} --deviation-rate 1"), "--deviation-rate has no meaning with"),
        (format!("{swag} --init-sigma 1"), "--init-sigma has no meaning with"),
        (format!("{swag} --draws 2"), "--draws has no meaning without --posterior moments"),
        ("--epochs 1 --prior-precision 1".into(), "--prior-precision has no meaning without"),
        ("--epochs 1 --laplace-items 1".into(), "--laplace-items has no meaning without"),
        ("--epochs 1 --swag-after 0".into(), "--swag-after has no meaning without"),
        ("--epochs 1 --momentum 0.9".into(), "--momentum has no meaning without --optimiser sgd"),
        ("--epochs 1 --noise-variance 1".into(), "--noise-variance has no meaning without"),
        ("--epochs 1 --loss gaussian --draws 2".into(), "--draws has no meaning with --loss"),
        ("--epochs 1 --loss gaussian --labels each".into(), "--labels has no meaning with --loss"),
        ("--epochs 1 --resume c --init he".into(), "--init has no meaning with --resume"),
        (
            "--epochs 1 --resume c --init-sigma 1".into(),
            "--init-sigma has no meaning with --resume",
        ),
    ] {
        let error =
            dir.pfp(&format!("train tiny.mlir --data x.npy -o p.safetensors {arguments}")).error();
        assert!(error.contains(needle), "{arguments}: {error}");
    }
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
        "--posterior svi --svi-draws weights -o weights.safetensors",
        "--posterior svi --svi-draws local -o local.safetensors",
        "--posterior swag --init moments.safetensors -o swag.safetensors",
    ];
    for method in methods {
        let ran = dir.pfp(&format!("{SHORT} {method}"));
        assert_eq!(ran.code, Some(0), "{method}: {ran:#?}");
    }
    let laplace = "train net.mlir --data x --posterior laplace --init moments.safetensors \
                   -o laplace.safetensors";
    let ran = dir.pfp(laplace);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for name in ["moments", "second", "weights", "local", "swag", "laplace"] {
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
    for method in ["moments", "svi --svi-draws weights", "svi --svi-draws local"] {
        for (threads, seed, name) in [(1, 5, "a"), (2, 5, "b"), (2, 6, "c")] {
            let line = "train net.mlir --data x --epochs 3 --batch 20 --no-checkpoint";
            let ran = dir.pfp(&format!(
                "{line} --posterior {method} --threads {threads} --seed {seed} -o {name}.safetensors"
            ));
            assert_eq!(ran.code, Some(0), "{ran:#?}");
        }
        let [a, b, c] = ["a", "b", "c"].map(|name| tensors(&dir, &format!("{name}.safetensors")));
        assert_eq!(a, b, "{method}");
        assert_ne!(a, c, "{method}");
    }
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
    dir.write("tanh.mlir", NET.replace("gauss.relu", "gauss.tanh"));
    for (module, rest, needle) in [
        ("net", "--epochs 6 --prior 2", "prior"),
        ("net", "--epochs 1", "the checkpoint is of epoch 2, --epochs is 1"),
        ("tanh", "--epochs 6", "it has a module of another text"),
        ("net", "--epochs 6 --order as-written", "it has the order pool-first and not as-written"),
    ] {
        let resumed = "-o other.safetensors --resume part.checkpoint";
        let line = format!("train {module}.mlir --data x --batch 20 --seed 3 {rest} {resumed}");
        let error = dir.pfp(&line).error();
        assert!(error.contains(needle), "{error}");
    }
    assert!(!dir.path("other.safetensors").exists());
}

#[test]
fn a_run_that_begins_anew_tells_of_the_one_that_it_writes_over() {
    let dir = with_points(60);
    let line = "train net.mlir --data x --batch 20 -o p.safetensors";
    dir.pfp(&format!("{line} --epochs 2")).ok();
    let ran = dir.pfp(&format!("{line} --epochs 3"));
    assert!(ran.stderr.contains("p.checkpoint has 2 of 3 epochs of this run"), "{ran:#?}");
    let ran = dir.pfp(&format!("{line} --epochs 3"));
    assert!(!ran.stderr.contains("of this run"), "{ran:#?}");
}

#[test]
fn checkpoints_write_over_nothing_else() {
    let dir = with_points(60);
    dir.write("notes.txt", "mine");
    symlink("out.safetensors", dir.path("link")).unwrap();
    fs::create_dir(dir.path("folder")).unwrap();
    let files = ["net.mlir", "x-images.npy", "x-labels.npy", "notes.txt"];
    let before = files.map(|file| dir.read(file));
    for (checkpoint, needle) in [
        ("net.mlir", "is one of the inputs"),
        ("./folder/../x-images.npy", "is one of the inputs"),
        ("x-labels.npy", "is one of the inputs"),
        ("./out.safetensors", "two outputs would go to"),
        ("folder/../page.html", "two outputs would go to"),
        ("link", "two outputs would go to"),
        ("notes.txt", "is no checkpoint"),
        ("folder", "is no file that can be replaced"),
        ("net.mlir/below", "cannot write"),
    ] {
        let line = "train net.mlir --data x --epochs 1 --batch 20 --report page.html";
        let error =
            dir.pfp(&format!("{line} -o out.safetensors --checkpoint {checkpoint}")).error();
        assert!(error.contains(needle), "{checkpoint}: {error}");
    }
    assert_eq!(files.map(|file| dir.read(file)), before);
    assert!(!dir.path("out.safetensors").exists() && !dir.path("page.html").exists());
}

#[test]
fn each_output_has_a_checkpoint_of_its_own_and_a_device_none() {
    let dir = with_points(60);
    let line = "train net.mlir --data x --epochs 1 --batch 20";
    for output in ["beta-0.1", "beta-0.5", "a.safetensors", "/dev/null"] {
        dir.pfp(&format!("{line} -o {output}")).ok();
    }
    let names = dir.list(".");
    let made: Vec<_> = names.iter().filter(|name| name.ends_with(".checkpoint")).collect();
    assert_eq!(made, ["a.checkpoint", "beta-0.1.checkpoint", "beta-0.5.checkpoint"]);
    assert!(!fs::exists("/dev/null.checkpoint").unwrap());
}

#[test]
fn parameters_are_found_by_names_and_never_by_the_order_of_a_sorted_file() {
    let dir = with_points(30);
    let mut net = "func.func @net(%x: tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {\n".to_owned();
    let mut tensors = BTreeMap::new();
    for layer in 0..11 {
        let input = if layer == 0 { "%x".to_owned() } else { format!("%{}", layer - 1) };
        let ty = if layer == 0 { "tensor<?x2xf32>" } else { "!gauss.tensor<?x2xf32>" };
        net += &format!(
            "  %w{layer} = gauss.parameter \"net.{layer}\" : !gauss.tensor<2x2xf32>\n  %{layer} = \
             gauss.dense {input}, %w{layer} : ({ty}, !gauss.tensor<2x2xf32>) -> \
             !gauss.tensor<?x2xf32>\n"
        );
        tensors.insert(format!("layers.{layer}"), (vec![2, 2], vec![layer as f32; 4]));
    }
    dir.write("deep.mlir", net + "  return %10 : !gauss.tensor<?x2xf32>\n}\n");
    dir.write("other.safetensors", safetensors(&tensors));
    let labels: Vec<_> = (0..30).map(|item| (item % 2) as f32).collect();
    dir.write("two.npy", npy(&[30], &labels));
    let line = "train deep.mlir --data x-images.npy@labels=two.npy --epochs 1 --batch 10";
    let error = dir.pfp(&format!("{line} --init other.safetensors -o p.safetensors")).error();
    for needle in ["no values for 'net.0'", "no parameters for 'layers.0', 'layers.1', 'layers.10'"]
    {
        assert!(error.contains(needle), "{error}");
    }
}

/// A line of one input and one output, with noise of the variance 0.01 around it.
fn with_line(count: usize) -> Dir {
    let dir = Dir::empty();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let x: Vec<_> = (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect();
    let y: Vec<_> = x.iter().map(|x| 0.5 * x + 0.17 * rng.random_range(-1.0f32..1.0)).collect();
    dir.write("x.npy", npy(&[count, 1], &x));
    dir.write("y.npy", npy(&[count, 1], &y));
    dir.write(
        "line.mlir",
        "func.func @line(%x: tensor<?x1xf32>) -> !gauss.tensor<?x1xf32> {
  %w = gauss.parameter \"w\" : !gauss.tensor<1x1xf32>
  %0 = gauss.dense %x, %w : (tensor<?x1xf32>, !gauss.tensor<1x1xf32>) -> !gauss.tensor<?x1xf32>
  return %0 : !gauss.tensor<?x1xf32>
}
",
    );
    dir
}

/// How a posterior was made.
fn made(dir: &Dir, file: &str) -> serde_json::Value {
    let bytes = dir.read(file);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    serde_json::from_str(&metadata.metadata().as_ref().unwrap()["pfp.train"]).unwrap()
}

const LINE: &str = "train line.mlir --data x.npy@labels=y.npy --loss gaussian --batch 20";

#[test]
fn learned_noise_goes_on_from_the_posterior_it_was_learned_with() {
    let dir = with_line(100);
    let noise = |file: &str| made(&dir, file)["noise_variance"][0].as_f64().unwrap();
    dir.pfp(&format!("{LINE} --epochs 20 --learning-rate 0.05 -o first.safetensors")).ok();
    let first = noise("first.safetensors");
    assert!(first < 0.1, "{first}");
    let rest = "--init first.safetensors --epochs 1 --learning-rate 1e-6 -o again.safetensors";
    dir.pfp(&format!("{LINE} {rest}")).ok();
    assert!((noise("again.safetensors") / first - 1.0).abs() < 1e-3);
    let rest = "--freeze means --epochs 3 --learning-rate 0.05 -o kept.safetensors";
    dir.pfp(&format!("{LINE} {rest}")).ok();
    assert!((noise("kept.safetensors") - 1.0).abs() > 0.01);
    let rest = "--noise-variance 0.25 --epochs 1 -o given.safetensors";
    dir.pfp(&format!("{LINE} {rest}")).ok();
    assert_eq!(noise("given.safetensors"), 0.25);
}

#[test]
fn numbers_that_are_not_finite_are_never_written() {
    let dir = with_line(20);
    // The only step overflows.
    let rest = "--noise-variance 1 --optimiser sgd --learning-rate 1e300 --epochs 1";
    let error = dir.pfp(&format!("{LINE} {rest} -o p.safetensors")).error();
    assert!(error.contains("'w' has the value") && !error.contains("p.checkpoint"), "{error}");
    assert_eq!(dir.list("."), ["line.mlir", "x.npy", "y.npy"]);
    dir.pfp(&format!("{LINE} --noise-variance 1 --epochs 1 -o start.safetensors")).ok();
    let laplace = "--noise-variance 1 --posterior laplace --init start.safetensors";
    for precision in ["1e-60", "1e60"] {
        let line = format!("{LINE} {laplace} --prior-precision {precision} -o p.safetensors");
        let error = dir.pfp(&line.replace("--batch 20", "")).error();
        assert!(error.contains("--prior-precision 1e"), "{error}");
    }
    assert!(!dir.path("p.safetensors").exists());
}

#[test]
fn a_new_run_starts_from_the_values_of_a_checkpoint() {
    let dir = with_line(100);
    dir.pfp(&format!("{LINE} --epochs 3 --learning-rate 0.1 -o first.safetensors")).ok();
    let rest = "--init first.checkpoint --learning-rate 1e-9 --epochs 1 -o first.safetensors";
    let error = dir.pfp(&format!("{LINE} {rest}")).error();
    assert!(error.contains("name another file with --checkpoint"), "{error}");
    let rest = "--init first.checkpoint --learning-rate 1e-9 --epochs 1 -o next.safetensors";
    dir.pfp(&format!("{LINE} {rest}")).ok();
    let [first, next] = ["first.safetensors", "next.safetensors"].map(|file| {
        let numbers = tensors(&dir, file);
        let number = |name: &str| f32::from_le_bytes(numbers[name][..].try_into().unwrap());
        let noise = made(&dir, file)["noise_variance"][0].as_f64().unwrap();
        [number("w.mean"), number("w.var"), noise as f32]
    });
    let near = first.iter().zip(next).all(|(first, next)| (next / first - 1.0).abs() < 1e-4);
    assert!(near, "{first:?} {next:?}");
}

#[test]
fn deviations_that_are_given_replace_those_of_a_file() {
    let dir = with_line(20);
    dir.pfp(&format!("{LINE} --epochs 1 -o first.safetensors")).ok();
    let rest = "--init first.safetensors --init-sigma 0.5 --epochs 1 --learning-rate 1e-9";
    let ran = dir.pfp(&format!("{LINE} {rest} -o next.safetensors"));
    assert!(ran.stderr.contains("gives only the means of 'w'"), "{ran:#?}");
    let variance = tensors(&dir, "next.safetensors")["w.var"][..].try_into().unwrap();
    assert!((f32::from_le_bytes(variance) - 0.25).abs() < 1e-4);
}

#[test]
fn a_posterior_is_written_though_nobody_can_print() {
    let dir = with_line(20);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let arguments = format!("{LINE} --epochs 2 --json -o p.safetensors");
    let ran = dir.run(pfp().args(arguments.split_whitespace()).stdout(full));
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stderr.contains("No space left on device"), "{ran:#?}");
    assert_eq!(made(&dir, "p.safetensors")["epochs"], 2);
}

#[test]
fn metadata_say_what_had_a_part_and_nothing_else() {
    let dir = with_line(20);
    dir.pfp(&format!("{LINE} --epochs 1 --scale 1/2 -o first.safetensors")).ok();
    let first = &made(&dir, "first.safetensors")["settings"];
    assert_eq!((&first["init"], &first["init_sigma"]), (&"he".into(), &0.05.into()));
    assert_eq!((&first["scale"], &first["batch"]), (&"1/2".into(), &20.into()));
    let line = LINE.replace("--batch 20", "--posterior laplace --noise-variance 0.25");
    let rest = "--init first.safetensors --prior-precision 2 --laplace-items 9 -o l.safetensors";
    dir.pfp(&format!("{line} {rest}")).ok();
    let laplace = &made(&dir, "l.safetensors")["settings"];
    let expected = serde_json::json!({
        "loss": "gaussian",
        "seed": 0,
        "order": "pool-first",
        "init": "first.safetensors",
        "prior_precision": { "fixed": 2.0 },
        "laplace_items": 9,
    });
    assert_eq!(*laplace, expected);
}

#[test]
fn what_the_plain_network_leaves_out_is_told() {
    let dir = with_points(60);
    let dropout = "  %d = gauss.dropout %1 : (!gauss.tensor<?x8xf32>) -> !gauss.tensor<?x8xf32>\n  \
                   %u = gauss.parameter \"spare\" : !gauss.tensor<4xf32>\n  %2 = gauss.dense %d";
    dir.write("noisy.mlir", NET.replace("  %2 = gauss.dense %1", dropout));
    let line = "train noisy.mlir --data x --epochs 1 --batch 20 -o p.safetensors";
    let ran = dir.pfp(&format!("{line} --posterior svi"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("note: gauss.dropout does nothing here"), "{ran:#?}");
    assert!(ran.stderr.contains("WARNING: the result of @net does not depend on 'spare'"));
    let ran = dir.pfp(line);
    assert!(!ran.stderr.contains("does nothing here"), "{ran:#?}");
}

#[test]
fn a_network_that_has_nothing_to_draw_locally_is_told_so() {
    let dir = with_points(60);
    let known = ["<8x2xf32>", "<3x8xf32>"].into_iter().fold(NET.to_owned(), |module, shape| {
        module.replace(&format!("!gauss.tensor{shape}"), &format!("tensor{shape}"))
    });
    dir.write("known.mlir", known);
    let line = "--data x --epochs 1 --batch 20 --posterior svi --svi-draws local -o p.safetensors";
    let note = "note: @net has no dense layer whose weights are read once";
    let ran = dir.pfp(&format!("train net.mlir {line}"));
    assert!(!ran.stderr.contains(note), "{ran:#?}");
    let ran = dir.pfp(&format!("train known.mlir {line}"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains(note), "{ran:#?}");
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
    dir.write(
        "twice.mlir",
        NET.replace("?x3xf32> {", "?x3xf32>, !gauss.tensor<?x3xf32> {")
            .replace(
                "-> !gauss.tensor<?x3xf32>, !gauss.tensor<?x3xf32> {",
                "-> (!gauss.tensor<?x3xf32>, !gauss.tensor<?x3xf32>) {",
            )
            .replace(
                "return %2 : !gauss.tensor<?x3xf32>",
                "return %2, %2 : !gauss.tensor<?x3xf32>, !gauss.tensor<?x3xf32>",
            ),
    );
    dir.write("one.mlir", NET.replace("3xf32", "1xf32").replace("3x8xf32", "1x8xf32"));
    dir.write("plain.mlir", NET.replace("!gauss.tensor", "tensor"));
    dir.write(
        "whole.mlir",
        NET.replace("?x3xf32> {", "?x3xf32> attributes {gauss.whole_batch} {").replace('?', "10"),
    );
    dir.write("y.npy", npy(&[60, 3], &[f32::INFINITY; 180]));
    dir.write("shares.npy", npy(&[60, 3], &[0.25; 180]));
    dir.write("array.mlir", npy(&[1], &[1.0]));
    dir.write("tensors.mlir", safetensors(&BTreeMap::from([("a".into(), (vec![1], vec![1.0]))])));
    let none = "@f has no parameters";
    for (module, rest, needle) in [
        ("net", "--data nan", "NaN"),
        ("net", "--data far", "3"),
        ("net", "--data gone", "there is no file"),
        ("net", "--data x --freeze means --freeze variances", "frozen"),
        ("fixed", "--data x", "is fixed to 7"),
        ("whole", "--data x", "depend on the other items of its batch"),
        ("none", "--data x", none),
        ("plain", "--data x", "no parameter of @net is Gaussian"),
        ("plain", "--data x --posterior svi", "no parameter of @net is Gaussian"),
        ("twice", "--data x", "has 1 input(s) and 2 output(s)"),
        ("one", "--data x", "takes logits of 2 or more classes"),
        ("net", "--data x --loss binary", "has 3 outputs"),
        ("net", "--data x-images.npy@labels=y.npy --loss gaussian", "y.npy has the target inf"),
        ("net", "--data x-images.npy@labels=shares.npy", "add up to 0.75, not to 1"),
        ("net", "--data x --posterior swag --swag-after 18446744073709551615", "0 sample(s)"),
        ("array", "--data x", "is no module: it is an array (.npy)"),
        ("tensors", "--data x", "is no module: it is a safetensors file"),
    ] {
        let line = format!("train {module}.mlir {rest} --epochs 1 --batch 20 -o out.safetensors");
        let error = dir.pfp(&line).error();
        assert!(error.contains(needle), "{module} {rest}: {error}");
        assert!(!dir.path("out.safetensors").exists());
    }
}

/// The page and the last line show what the moments are beside draws of the weights.
#[test]
fn the_page_compares_moments_with_draws() {
    let dir = with_points(60);
    let line = "train net.mlir --data x --epochs 30 --posterior svi --batch 20 --no-checkpoint -o p.safetensors --json";
    let said = dir.pfp(&format!("{line} --report page.html --report-draws 4000")).ok();
    let end: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let agreement = &end["agreement"];
    assert_eq!((&agreement["draws"], &agreement["items"]), (&4000.into(), &60.into()), "{end:#}");
    // A hidden layer of few units, whose outputs the closed form takes as independent.
    let ratio = agreement["variance_ratio"].as_f64().unwrap();
    assert!((0.7..1.3).contains(&ratio), "{end:#}");
    assert!(agreement["mean"].as_f64().unwrap() < 0.2, "{end:#}");
    assert!(dir.text("page.html").contains("Moments and 4000 draws of the weights"));
    let said = dir.pfp(&format!("{line} --report page.html --report-draws 0")).ok();
    assert!(!said.contains("agreement") && !dir.text("page.html").contains("draws of the weights"));
    let ran = dir.pfp(&format!("{line} --report-draws 10"));
    assert_eq!(ran.code, Some(2), "a comparison is of a page: {ran:#?}");
}
