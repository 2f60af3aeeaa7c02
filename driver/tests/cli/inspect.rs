//! `pfp inspect`.

use std::collections::BTreeMap;

use crate::fixture::{Dir, NET, Tensor, net_parameters, npy, safetensors, tiny_parameters};

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
    assert_eq!(network["parameters"], 18 + 24);
    assert_eq!(network["stored_numbers"], 2 * (18 + 24));
    assert!(network.get("posterior").is_none());
    assert_eq!(network["multiply_adds"], 2 * 32 * 9 + 3 * 3 * 8);
    assert_eq!(network["gaussian_maxima"], 8 + 3 * 8);
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

#[test]
fn the_posterior_is_described_where_it_is_given() {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", safetensors(&net_parameters()));
    let ran = dir.pfp("inspect net.mlir --params net.safetensors");
    assert_eq!(ran.stderr, "");
    let answer = ran.ok();
    let (_, posterior) = answer.split_once("posterior").unwrap();
    let (posterior, _) = posterior.split_once("arena:").unwrap();
    insta::assert_snapshot!(posterior);
    let json = dir.pfp("inspect net.mlir --params net.safetensors --json").json();
    let weight = &json[0]["posterior"][0];
    assert_eq!((&weight["name"], &weight["shape"]), (&"conv.weight".into(), &[2, 1, 3, 3].into()));
    // The variances are 0, 1/16, ... 6/16, in turn.
    let number = |field: &str| weight["sigma"][field].as_f64().unwrap();
    assert_eq!((number("min"), number("max")), (0.0, 0.375f64.sqrt()));
    assert_eq!(weight["zero_variances"], 3);
    assert!(weight["warning"].is_null());
}

#[test]
fn a_rho_in_the_place_of_a_variance_is_told() {
    let dir = Dir::tiny();
    let mut parameters = tiny_parameters();
    // Weights around 0.05 and a rho of -5, squared: standard deviations 100 times as large.
    parameters.insert("fc.weight.mean".into(), (vec![3, 4], [0.05, -0.05].repeat(6)));
    parameters.insert("fc.weight.var".into(), (vec![3, 4], vec![25.0; 12]));
    dir.write("rho.safetensors", safetensors(&parameters));
    dir.write("x.npy", npy(&[1, 4], &[1.0; 4]));
    let warning = "WARNING: the standard deviations of 'fc.weight' are 100 times its means";
    for command in ["inspect tiny.mlir", "compile tiny.mlir", "run tiny.mlir --input x.npy"] {
        let ran = dir.pfp(&format!("{command} --params rho.safetensors"));
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        match command.starts_with("inspect") {
            true => assert!(ran.stdout.contains(warning), "{ran:#?}"),
            false => assert!(ran.stderr.starts_with(warning), "{ran:#?}"),
        }
        assert!(ran.stderr.lines().count() <= 1, "{ran:#?}");
    }
    // Before training, biases are 0.
    parameters = tiny_parameters();
    parameters.insert("fc.bias.mean".into(), (vec![3], vec![0.0; 3]));
    dir.write("new.safetensors", safetensors(&parameters));
    assert_eq!(dir.pfp("compile tiny.mlir --params new.safetensors").stderr, "");
}

#[test]
fn invalid_numbers_are_counted_and_refused() {
    let dir = Dir::tiny();
    let mut parameters = tiny_parameters();
    let variances = &mut parameters.get_mut("fc.weight.var").unwrap().1;
    (variances[1], variances[5], variances[7]) = (-1.0, -2.0, f32::NAN);
    dir.write("bad.safetensors", safetensors(&parameters));
    let ran = dir.pfp("inspect tiny.mlir --params bad.safetensors");
    assert!(
        ran.stdout.contains("fc.weight: 2 negative variance(s), 1 NaN, 0 infinite"),
        "{ran:#?}"
    );
    assert!(ran.error().contains("variance -1 at element 1"));
    let ran = dir.pfp("inspect tiny.mlir --params bad.safetensors --json");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    // A map has its names in order: the weight comes first in the module.
    assert_eq!(json[0]["posterior"][0]["negative_variances"], 2, "{json:#}");
    assert_eq!(ran.code, Some(1));
    dir.write("x.npy", npy(&[1, 4], &[1.0; 4]));
    dir.write("y.npy", npy(&[1], &[1.0]));
    for command in [
        "compile tiny.mlir",
        "run tiny.mlir --input x.npy",
        "check tiny.mlir",
        "bench tiny.mlir --batch 1",
        "eval tiny.mlir --in-domain x.npy@labels=y.npy",
        "calibrate tiny.mlir --data x.npy@labels=y.npy -o out.safetensors",
        "inspect tiny.mlir --moments x.npy",
        "inspect tiny.mlir --schedule",
    ] {
        let error = dir.pfp(&format!("{command} --params bad.safetensors")).error();
        assert!(error.contains("variance -1 at element 1"), "{command}: {error}");
    }
}

#[test]
fn weights_are_counted_as_people_count_them() {
    let dir = Dir::empty();
    // A weight that two layers share, and a batch normalisation with its statistics.
    dir.write(
        "tied.mlir",
        r#"func.func @tied(%x: tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<4x4xf32>
  %again = gauss.parameter "fc.weight" : !gauss.tensor<4x4xf32>
  %g = gauss.parameter "bn.weight" : tensor<4xf32>
  %b = gauss.parameter "bn.bias" : tensor<4xf32>
  %m = gauss.parameter "bn.running_mean" : tensor<4xf32>
  %v = gauss.parameter "bn.running_var" : tensor<4xf32>
  %0 = gauss.dense %x, %w : (tensor<?x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = gauss.dense %0, %again : (!gauss.tensor<?x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<?x4xf32>
  %2 = gauss.batch_norm %1, %g, %b, %m, %v : (!gauss.tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<?x4xf32>
  return %2 : !gauss.tensor<?x4xf32>
}"#,
    );
    let json = dir.pfp("inspect tied.mlir --json").json();
    assert_eq!(json[0]["parameters"], 16 + 2 * 4);
    assert_eq!(json[0]["stored_numbers"], 2 * 16 + 4 * 4);
    let layers = json[0]["layers"].as_array().unwrap();
    let counts: Vec<_> = layers.iter().map(|layer| layer["parameters"].as_u64()).collect();
    assert_eq!(counts, [Some(16), Some(0), Some(8)]);
}

#[test]
fn a_head_leaves_the_layers_their_names() {
    let dir = Dir::tiny();
    let manifest =
        dir.pfp("compile tiny.mlir --params tiny.safetensors --head laplace --json").json();
    let counts = &manifest["functions"][0]["manifest"]["op_counts"];
    assert_eq!((&counts["parameters"], &counts["layers"][0]["name"]), (&15.into(), &"fc".into()));
    assert_eq!(counts["layers"].as_array().unwrap().len(), 4, "{counts:#}");
}

/// Of a dense layer and a ReLU of exact numbers the moments are exact.
#[test]
fn no_layer_is_named_for_the_noise_of_monte_carlo() {
    let dir = Dir::tiny();
    // The second output is rarely active, the third hardly ever.
    let x = [2.0, 0.5, -1.0, 0.25, 1.0, -1.0, 3.0, 0.0, -6.0, 1.0, 1.0, 1.0];
    dir.write("x.npy", npy(&[3, 4], &x));
    for (samples, seeds) in [(3, 10), (20, 10), (100, 10), (1000, 10)] {
        for (seed, batch) in (0..seeds).map(|seed| (seed, 1 + seed % 2)) {
            let answer = dir
                .pfp(&format!(
                    "inspect tiny.mlir --params tiny.safetensors --moments x.npy --json \
                     --samples {samples} --seed {seed} --batch {batch}"
                ))
                .json();
            assert!(answer[0]["suspect"].is_null(), "{samples} {seed}: {answer:#}");
        }
    }
    let text =
        dir.pfp("inspect tiny.mlir --params tiny.safetensors --moments x.npy --samples 100").ok();
    assert!(text.contains("no layer takes the ratio away from 1"), "{text}");
}

/// One unit, copied, and the copies added, which the moments take for independent.
#[test]
fn the_layer_that_adds_what_varies_together_is_named() {
    let dir = Dir::empty();
    let dense = |name: &str, x: &str, from: usize, to: usize, number: usize| {
        let weight = format!("!gauss.tensor<{to}x{from}xf32>");
        let input = if number == 0 { "" } else { "!gauss." };
        format!(
            "  %w{number} = gauss.parameter \"{name}\" : {weight}\n  \
             %y{number} = gauss.dense {x}, %w{number} : ({input}tensor<?x{from}xf32>, {weight}) -> \
             !gauss.tensor<?x{to}xf32>\n"
        )
    };
    let layers = [
        dense("own.weight", "%x", 4, 1, 0),
        dense("copies.weight", "%y0", 1, 9, 1),
        dense("sum.weight", "%y1", 9, 1, 2),
    ];
    dir.write(
        "net.mlir",
        format!(
            "func.func @net(%x: tensor<?x4xf32>) -> !gauss.tensor<?x1xf32> {{\n{}  \
             return %y2 : !gauss.tensor<?x1xf32>\n}}\n",
            layers.concat()
        ),
    );
    let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
    for (name, shape, variance) in [
        ("own.weight", vec![1, 4], 0.5),
        ("copies.weight", vec![9, 1], 0.0),
        ("sum.weight", vec![1, 9], 0.0),
    ] {
        let length = shape.iter().product();
        tensors.insert(format!("{name}.mean"), (shape.clone(), vec![1.0; length]));
        tensors.insert(format!("{name}.var"), (shape, vec![variance; length]));
    }
    dir.write("net.safetensors", safetensors(&tensors));
    dir.write("x.npy", npy(&[2, 4], &[1.0, 0.5, -1.0, 2.0, 0.0, 1.0, 1.0, -0.5]));
    let inspect = "inspect net.mlir --params net.safetensors --moments x.npy";
    for seed in 0..5 {
        let answer = dir.pfp(&format!("{inspect} --json --seed {seed}")).json();
        let suspect = &answer[0]["suspect"];
        assert_eq!((&suspect["layer"], &suspect["before"]), (&"sum".into(), &"copies".into()));
        // The variance of nine copies is 81 times, not nine times, that of one.
        let number = |name: &str| suspect[name].as_f64().unwrap();
        assert!((number("ratio_before") - 1.0).abs() < 0.3, "{answer:#}");
        assert!((number("ratio") - 1.0 / 9.0).abs() < 0.03, "{answer:#}");
        let layer = &answer[0]["layers"][2];
        assert_eq!(layer["layer"], "sum");
        // Two items, the squares of normal numbers that hardly vary together.
        let number = |name: &str| layer[name].as_f64().unwrap();
        let error = number("variance_ratio_error") / number("variance_ratio");
        assert!(error > (1.0f64 / 1000.0).sqrt() && error < 0.06, "{layer:#}");
        assert!((number("variance_ratio_median") - 1.0 / 9.0).abs() < 0.03, "{layer:#}");
    }
    let text = dir.pfp(inspect).ok();
    assert!(text.contains("largest step: sum (dense), from "), "{text}");
}

const RESIDUAL: &str = r#"
func.func @residual(%x: tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x4xf32>
  %0 = gauss.dense %x, %w : (tensor<?x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %2 = gauss.add %0, %1 : (!gauss.tensor<?x4xf32>, !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %2 : !gauss.tensor<?x4xf32>
}
"#;

#[test]
fn remarks_tell_where_a_value_is_used_twice() {
    let dir = Dir::empty();
    dir.write("residual.mlir", RESIDUAL);
    dir.write("net.mlir", NET);
    let ran = dir.pfp("inspect residual.mlir --remarks --json");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    insta::assert_snapshot!(ran.stderr);
    let silent = dir.pfp("inspect residual.mlir");
    assert!(!silent.stderr.contains("independent"), "{silent:#?}");
    let none = dir.pfp("inspect net.mlir --remarks");
    assert!(none.stderr.contains("no value is used twice"), "{none:#?}");
}

/// Functions are seen through, and a value that is read twice has two arrows.
const PARTS: &str = r#"
func.func private @twice(%x: !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = gauss.add %x, %0 : (!gauss.tensor<?x4xf32>, !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> loc("the sum \"+\"")
  return %1 : !gauss.tensor<?x4xf32>
}
func.func @parts(%x: tensor<?x4xf32>) -> (!gauss.tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = gauss.parameter "fc.w" : !gauss.tensor<4x4xf32>
  %0 = gauss.dense %x, %w : (tensor<?x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = func.call @twice(%0) : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %1, %x : !gauss.tensor<?x4xf32>, tensor<?x4xf32>
}
"#;

#[test]
fn a_network_is_drawn() {
    let dir = Dir::empty();
    dir.write("parts.mlir", PARTS);
    let answer = dir.pfp("inspect parts.mlir --batch 2 --dot net.dot --svg net.svg").ok();
    assert!(answer.ends_with("  net.svg\n  net.dot\n"), "{answer}");
    insta::assert_snapshot!(dir.text("net.dot"));
    let svg = dir.text("net.svg");
    assert!(svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for part in ["the sum &quot;+&quot;", "dense", "2 x 4", "output"] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    dir.write("two.mlir", PARTS.replace("private @twice", "@twice"));
    let error = dir.pfp("inspect two.mlir --batch 2 --svg net.svg").error();
    assert!(error.contains("choose one of twice, parts with --function"), "{error}");
    dir.pfp("inspect two.mlir --batch 2 --function twice --svg net.svg").ok();
}
