//! Posteriors of ONNX models: how what a user says of parameters arrives at what an exporter made of them.

use std::{collections::BTreeMap, fs};

use pfp_compiler::parameters::Safetensors;
use prost::Message;
use serde_json::Value;

use crate::{
    fixture::{Dir, Ran, pfp, repository, safetensors},
    onnx::{NETWORKS, Node, exporters, floats, halves, model, model_of, node},
};

/// Where torch's exporter says which module a node comes from, and what it folded into it.
const SCOPES: &str = "pkg.torch.onnx.name_scopes";
const RULE: &str = "pkg.onnxscript.rewriter.rule_name";

/// Mean and variance of the outputs.
fn moments(ran: Ran) -> [Vec<f64>; 2] {
    let json = ran.json();
    ["mean", "variance"].map(|name| {
        let outputs = json["outputs"].as_array().unwrap();
        let output = outputs.iter().find(|output| output["name"] == name).unwrap();
        serde_json::from_value(output["values"].clone()).unwrap()
    })
}

/// A row of the table of `docs/onnx.md`: the largest distance of a mean from that of the samples, in standard
/// deviations, and the mean ratio of the variances.
fn stated(page: &str, network: &str) -> [f64; 2] {
    let row = page.lines().find(|line| line.starts_with(&format!("| `{network}` |")));
    let cells: Vec<_> = row.expect(network).split('|').map(str::trim).collect();
    [cells[3], cells[4]].map(|cell| cell.parse().unwrap())
}

/// Whatever an exporter did to the parameters, the network is the same: gates in another order, joined and
/// transposed weights, normalisations folded into weights. What is left beside 20,000 draws of the weights
/// (`test/import/make_onnx.py`) is that activations are taken as independent; the page says how much.
#[test]
fn posteriors_arrive_through_all_exporters() {
    let folder = repository().join("test/import/onnx");
    let page = fs::read_to_string(repository().join("docs/onnx.md")).unwrap();
    for network in NETWORKS {
        let file = |suffix: &str| folder.join(format!("{network}{suffix}"));
        let json: Value = serde_json::from_slice(&fs::read(file(".json")).unwrap()).unwrap();
        let sampled = ["mean", "variance"]
            .map(|name| serde_json::from_value::<Vec<f64>>(json[name].clone()).unwrap());
        let mut first: Option<[Vec<f64>; 2]> = None;
        for exporter in exporters(network) {
            let dir = Dir::empty();
            let mut command = pfp();
            command.args(["run", "--json", "-q", "--batch", "2", "--input"]).arg(file(".npy"));
            command.arg("--posterior").arg(file(".posterior.safetensors"));
            command.arg("--names").arg(file(".safetensors"));
            let got = moments(dir.run(command.arg(file(&format!("_{exporter}.onnx")))));
            let first = first.get_or_insert_with(|| got.clone());
            for (got, first) in got.iter().flatten().zip(first.iter().flatten()) {
                // The same sums in another order.
                let error = (got - first).abs();
                assert!(error <= 1e-5 * first.abs() + 1e-7, "{network}_{exporter}: {got}, {first}");
            }
        }
        let [mean, variance] = first.unwrap();
        let spread = sampled[1].iter().map(|variance| variance.sqrt());
        let off = mean.iter().zip(&sampled[0]).zip(spread).map(|((x, y), std)| (x - y).abs() / std);
        let ratios = variance.iter().zip(&sampled[1]).map(|(x, y)| x / y);
        let found = [off.fold(0.0, f64::max), ratios.sum::<f64>() / variance.len() as f64];
        let stated = stated(&page, network);
        for (found, stated) in found.iter().zip(&stated) {
            assert!(
                (found - stated).abs() <= 0.006,
                "{network}: {found}, docs/onnx.md has {stated}"
            );
        }
    }
}

/// Two products `x` · `0.weight` · `2.weight`, of modules `0` and `2`.
fn products(weights: [&str; 2]) -> Vec<Node> {
    let scope = |of: &str| format!("['', '{of}', 'matmul']");
    vec![
        node("MatMul", &["x", weights[0]], "h").with(SCOPES, &scope("0")),
        node("MatMul", &["h", weights[1]], "y").with(SCOPES, &scope("2")),
    ]
}

const FIRST: [f32; 9] = [0.5, -1.0, 2.0, 0.25, 1.5, -0.75, 1.0, 3.0, -2.0];
const SECOND: [f32; 9] = [1.25, 0.5, -0.5, 2.5, -1.5, 0.125, 0.75, -3.5, 1.0];

/// A directory with a model of these nodes and 3×3 weights.
fn with(nodes: Vec<Node>, weights: &[(&str, [f32; 9])]) -> Dir {
    let dir = Dir::empty();
    let tensors = weights.iter().map(|(name, values)| floats(name, &[3, 3], values)).collect();
    dir.write("net.onnx", model(nodes, tensors).encode_to_vec());
    dir
}

/// A safetensors file of 3×3 tensors.
fn matrices(tensors: &[(&str, [f32; 9])]) -> Vec<u8> {
    let tensors =
        tensors.iter().map(|(name, values)| ((*name).to_owned(), (vec![3, 3], values.to_vec())));
    safetensors(&tensors.collect::<BTreeMap<_, _>>())
}

fn import(dir: &Dir, arguments: &str) -> Ran {
    dir.pfp(&format!("import net.onnx -o model.mlir --params model.safetensors {arguments}"))
}

/// A tensor of what was imported.
fn tensor(dir: &Dir, name: &str) -> Vec<f32> {
    let written = Safetensors::open(&dir.path("model.safetensors")).unwrap();
    written.f32(name).unwrap().unwrap_or_else(|| panic!("{name} is not there")).values
}

/// The transposed matrix: a dense layer of the dialect has a row for each output.
fn transposed(matrix: [f32; 9]) -> Vec<f32> {
    (0..9).map(|at| matrix[at % 3 * 3 + at / 3]).collect()
}

#[test]
fn an_entry_goes_to_the_initialiser_of_its_name_and_the_rest_stays_deterministic() {
    let dir =
        with(products(["0.weight", "2.weight"]), &[("0.weight", FIRST), ("2.weight", SECOND)]);
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    dir.write("std.safetensors", matrices(&[("2.weight", std)]));
    let error = import(&dir, "--posterior std.safetensors").error();
    assert!(error.contains("say it with --representation"), "{error}");
    let answer = import(&dir, "--posterior std.safetensors --representation std").ok();
    insta::assert_snapshot!(answer);
    assert_eq!(tensor(&dir, "0.weight"), transposed(FIRST));
    assert_eq!(tensor(&dir, "2.weight.mean"), transposed(SECOND));
    assert_eq!(tensor(&dir, "2.weight.var"), transposed(std.map(|std| std * std)));
    // The same on the way to anything else.
    dir.write("x.npy", crate::fixture::npy(&[2, 3], &[1.0, -0.5, 2.0, 0.25, 0.0, -1.0]));
    let run = "run --json -q --input x.npy";
    let beside =
        dir.pfp(&format!("{run} net.onnx --posterior std.safetensors --representation std"));
    let imported = dir.pfp(&format!("{run} model.mlir --params model.safetensors"));
    assert_eq!(moments(beside), moments(imported));
}

#[test]
fn a_relative_deviation_is_a_first_try() {
    let dir =
        with(products(["0.weight", "2.weight"]), &[("0.weight", FIRST), ("2.weight", SECOND)]);
    import(&dir, "--posterior constant:0.5").ok();
    assert_eq!(tensor(&dir, "0.weight.var"), transposed(FIRST.map(|mean| mean * mean / 4.0)));
    let wrong = import(&dir, "--posterior constant:much");
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
}

/// Renamed, and as the exporter wrote it the other way round.
#[test]
fn numbers_find_what_names_do_not() {
    let mut turned = [0.0; 9];
    turned.copy_from_slice(&transposed(FIRST));
    let dir = with(products(["val_0", "val_1"]), &[("val_0", turned), ("val_1", SECOND)]);
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    dir.write("std.safetensors", matrices(&[("0.weight", std)]));
    let posterior = "--posterior std.safetensors --representation std";
    let error = import(&dir, posterior).error();
    for part in [
        "'0.weight' of shape 3 x 3 is in no initialiser of the model",
        "initialisers of its sizes are 'val_0', 'val_1'",
        "it has no means to find it by: give the weights as you name them with --names FILE",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    dir.write("weights.safetensors", matrices(&[("0.weight", FIRST), ("2.weight", SECOND)]));
    let answer = import(&dir, &format!("{posterior} --names weights.safetensors")).ok();
    assert!(answer.contains("0.weight, transposed"), "{answer}");
    // Transposed by the exporter, and again for the dialect.
    assert_eq!(tensor(&dir, "val_0.var"), std.map(|std| std * std));
    let missing = matrices(&[("2.weight", SECOND)]);
    dir.write("weights.safetensors", missing);
    let error = import(&dir, &format!("{posterior} --names weights.safetensors")).error();
    assert!(error.contains("'0.weight' is not among the weights of --names"), "{error}");
}

/// A normalisation scales each output: the deviations alike. The name is the one of before.
#[test]
fn a_folded_normalisation_scales_the_deviations() {
    let factors = [2.0, -0.5, 4.0];
    let scaled = std::array::from_fn(|at| FIRST[at] * factors[at % 3]);
    let mut nodes = products(["0.weight", "2.weight"]);
    nodes[0] = nodes[0].clone().with(RULE, "FuseBatchNormIntoGemm");
    let dir = with(nodes, &[("0.weight", scaled), ("2.weight", SECOND)]);
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    dir.write("std.safetensors", matrices(&[("0.weight", std)]));
    let posterior = "--posterior std.safetensors --representation std";
    let error = import(&dir, posterior).error();
    assert!(error.contains("the exporter folded a normalisation into '0.weight'"), "{error}");
    dir.write("weights.safetensors", matrices(&[("0.weight", FIRST), ("2.weight", SECOND)]));
    let answer = import(&dir, &format!("{posterior} --names weights.safetensors")).ok();
    assert!(answer.contains("0.weight, scaled"), "{answer}");
    let variance = std::array::from_fn(|at| (std[at] * factors[at % 3]).powi(2));
    for (got, wanted) in tensor(&dir, "0.weight.var").iter().zip(transposed(variance)) {
        // The factor is found by a division.
        assert!((got - wanted).abs() <= 1e-6 * wanted, "{got}, {wanted}");
    }
}

/// Exporters keep one of several tensors of the same numbers.
#[test]
fn merged_initialisers_are_independent_again() {
    let ones = [1.0; 9];
    let dir = with(products(["0.weight", "0.weight"]), &[("0.weight", ones)]);
    let (first, second) = ([0.5; 9], [0.25; 9]);
    dir.write("std.safetensors", matrices(&[("0.weight", first), ("2.weight", second)]));
    dir.write("weights.safetensors", matrices(&[("0.weight", ones), ("2.weight", ones)]));
    for names in ["", "--names weights.safetensors"] {
        let posterior = "--posterior std.safetensors --representation std";
        let answer = import(&dir, &format!("{posterior} {names}")).ok();
        assert!(answer.contains("2.weight   3 x 3  Gaussian"), "{answer}");
        assert_eq!(tensor(&dir, "0.weight.var"), [0.25; 9]);
        assert_eq!(tensor(&dir, "2.weight.var"), [0.0625; 9]);
    }
    // One of them alone.
    dir.write("std.safetensors", matrices(&[("0.weight", first)]));
    import(&dir, "--posterior std.safetensors --representation std").ok();
    assert_eq!(tensor(&dir, "0.weight.var"), [0.25; 9]);
    assert_eq!(tensor(&dir, "0.weight.deterministic"), ones);
}

/// An architecture that was exported before training takes the means; a mixture is a mistake.
#[test]
fn other_means_are_taken_from_a_posterior_as_a_whole_only() {
    let weights = [("0.weight", FIRST), ("2.weight", SECOND)];
    let dir = with(products(["0.weight", "2.weight"]), &weights);
    let other: [f32; 9] = std::array::from_fn(|n| (n * n) as f32 / 8.0 - 1.0);
    let write = |means: [[f32; 9]; 2]| {
        let tensors = [
            ("0.weight.mean", means[0]),
            ("0.weight.scale", [0.5; 9]),
            ("2.weight.mean", means[1]),
            ("2.weight.scale", [0.5; 9]),
        ];
        dir.write("posterior.safetensors", matrices(&tensors));
    };
    let posterior = "--posterior posterior.safetensors --representation variance";
    write([SECOND.map(|mean| mean + 0.5), other]);
    let ran = import(&dir, posterior);
    assert!(ran.stderr.contains("2 parameter(s) take the means of the posterior"), "{ran:#?}");
    ran.ok();
    assert_eq!(tensor(&dir, "2.weight.mean"), transposed(other));
    write([FIRST, other]);
    let error = import(&dir, posterior).error();
    assert!(
        error.contains("'2.weight' has other means than the initialiser '2.weight'"),
        "{error}"
    );
    write([FIRST, SECOND]);
    import(&dir, posterior).ok();
    assert_eq!(tensor(&dir, "0.weight.var"), [0.5; 9]);
}

#[test]
fn options_of_models_mean_nothing_for_a_module() {
    let dir = Dir::tiny();
    let error = dir.pfp("inspect net.mlir --posterior constant:0.1").error();
    assert!(error.contains("--posterior has no meaning for a module in the dialect"), "{error}");
    let error = dir.pfp("inspect net.mlir --logits").error();
    assert!(error.contains("--logits has no meaning for a module in the dialect"), "{error}");
    let import = "import net.mlir -o model.mlir --params model.safetensors";
    for option in ["--posterior constant:0.1", "--names x.safetensors", "--logits", "--batch 2"] {
        let error = dir.pfp(&format!("{import} {option}")).error();
        assert!(error.contains("is for ONNX models"), "{option}: {error}");
    }
}

/// `--logits` ends a network before its softmax.
#[test]
fn a_network_can_end_before_its_softmax() {
    let mut nodes = products(["0.weight", "2.weight"]);
    nodes[1].outputs = vec!["logits".into()];
    nodes.push(node("Softmax", &["logits"], "y"));
    let dir = with(nodes, &[("0.weight", FIRST), ("2.weight", SECOND)]);
    let ran = import(&dir, "");
    assert!(ran.stderr.contains("--logits ends it before that"), "{ran:#?}");
    assert!(dir.text("model.mlir").contains("gauss.attention_weights"));
    import(&dir, "--logits").ok();
    assert!(!dir.text("model.mlir").contains("gauss.attention_weights"));
}

/// `x` · `w` + `b`, by names of the initialisers.
fn layer(weight: &str, bias: &str) -> Vec<Node> {
    vec![node("Gemm", &["x", weight, bias], "y").with(SCOPES, "['', 'fc', 'linear']")]
}

/// How a bias was scaled its own numbers must show: the factors of its weight may be others.
#[test]
fn a_bias_is_scaled_as_its_own_numbers_were() {
    let dir = Dir::empty();
    let (weight, bias) = (FIRST, [0.5f32, -2.0, 3.0]);
    let row = |name: &str, values: [f32; 3]| (name.to_owned(), (vec![3], values.to_vec()));
    let square = |name: &str, values: [f32; 9]| (name.to_owned(), (vec![3, 3], values.to_vec()));
    let std = [square("fc.weight", [0.5; 9]), row("fc.bias", [1.0, 2.0, 4.0])];
    dir.write("std.safetensors", safetensors(&BTreeMap::from(std)));
    let names = [
        square("fc.weight", weight),
        row("fc.bias", bias),
        row("norm.running_mean", [1.0, 0.25, -0.5]),
        row("norm.bias", [0.125, 1.0, 2.0]),
    ];
    dir.write("weights.safetensors", safetensors(&BTreeMap::from(names)));
    let options = "--posterior std.safetensors --representation std --names weights.safetensors";
    let write = |factors: [f32; 3], folded: [f32; 3]| {
        let scaled: [f32; 9] = std::array::from_fn(|at| weight[at] * factors[at % 3]);
        let tensors = vec![floats("w", &[3, 3], &scaled), floats("b", &[3], &folded)];
        dir.write("net.onnx", model(layer("w", "b"), tensors).encode_to_vec());
    };
    let factors = [2.0, -0.5, 4.0];
    // A normalisation: (bias - mean) * factor + shift.
    let mean = [1.0, 0.25, -0.5];
    let shift = [0.125, 1.0, 2.0];
    write(factors, std::array::from_fn(|at| (bias[at] - mean[at]) * factors[at] + shift[at]));
    import(&dir, options).ok();
    assert_eq!(tensor(&dir, "b.var"), [4.0, 1.0, 256.0]);
    // A multiple of its own.
    write(factors, bias.map(|bias| bias * 0.5));
    import(&dir, options).ok();
    assert_eq!(tensor(&dir, "b.var"), [0.25, 1.0, 4.0]);
    // What nothing explains is refused.
    write(factors, [7.0, 8.0, 9.0]);
    let error = import(&dir, options).error();
    assert!(error.contains("'fc.bias' of shape 3 is in no initialiser of the model"), "{error}");
}

/// A weight that is used in two forms is written twice.
#[test]
fn all_copies_of_a_weight_get_its_deviations() {
    let mut turned = [0.0; 9];
    turned.copy_from_slice(&transposed(FIRST));
    let half = FIRST.map(|value| value * 0.5);
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    for (copy, variance) in [
        (turned, std.map(|std| std * std).to_vec()),
        (half, transposed(std.map(|std| std * std * 0.25))),
    ] {
        let dir = with(products(["0.weight", "val_1"]), &[("0.weight", FIRST), ("val_1", copy)]);
        dir.write("std.safetensors", matrices(&[("0.weight", std)]));
        dir.write("weights.safetensors", matrices(&[("0.weight", FIRST)]));
        let options =
            "--posterior std.safetensors --representation std --names weights.safetensors";
        let ran = import(&dir, options);
        assert!(ran.stderr.contains("'0.weight' is in 'val_1' too"), "{ran:#?}");
        ran.ok();
        assert_eq!(tensor(&dir, "0.weight.var"), transposed(std.map(|std| std * std)));
        assert_eq!(tensor(&dir, "val_1.var"), variance);
    }
    // With a name of its own it may be another weight.
    let dir = with(products(["0.weight", "2.weight"]), &[("0.weight", FIRST), ("2.weight", FIRST)]);
    dir.write("std.safetensors", matrices(&[("0.weight", std)]));
    dir.write("weights.safetensors", matrices(&[("0.weight", FIRST), ("2.weight", FIRST)]));
    let options = "--posterior std.safetensors --representation std --names weights.safetensors";
    let error = import(&dir, options).error();
    assert!(error.contains("'2.weight' has the numbers of '0.weight' and no entry"), "{error}");
}

/// Nothing that a user says is ignored.
#[test]
fn options_without_effect_are_refused() {
    let weights = [("0.weight", FIRST), ("2.weight", SECOND)];
    let dir = with(products(["0.weight", "2.weight"]), &weights);
    dir.write("std.safetensors", matrices(&[("2.weight", [0.5; 9])]));
    for option in ["--deterministic 0.weight", "--map 'x=y'", "--names std.safetensors"] {
        let error = import(&dir, &format!("--posterior constant:0.1 {option}")).error();
        assert!(error.contains("has no meaning with --posterior constant:STD"), "{error}");
    }
    let error = import(&dir, "--names std.safetensors").error();
    assert!(error.contains("--names has no meaning without a posterior"), "{error}");
    let std = "--posterior std.safetensors --representation std";
    let error = import(&dir, &format!("{std} --map fc9=2.weight")).error();
    assert!(error.contains("--map 'fc9=2.weight' matches no entry"), "{error}");
    let error = dir.pfp("inspect net.onnx --params std.safetensors").error();
    assert!(error.contains("--params has no meaning for an ONNX model"), "{error}");
}

/// A bias of zeros that the exporter left out is random where the posterior says so.
#[test]
fn a_bias_of_zeros_is_restored() {
    let dir = Dir::empty();
    let fc = node("Gemm", &["x", "fc.weight"], "y").with(SCOPES, "['', 'fc', 'linear']");
    let tensors = vec![floats("fc.weight", &[3, 3], &FIRST)];
    dir.write("net.onnx", model(vec![fc], tensors).encode_to_vec());
    let row = |values: [f32; 3]| (vec![3], values.to_vec());
    let square = |values: [f32; 9]| (vec![3, 3], values.to_vec());
    let std =
        [("fc.weight".to_owned(), square([0.5; 9])), ("fc.bias".to_owned(), row([1.0, 2.0, 4.0]))];
    dir.write("std.safetensors", safetensors(&BTreeMap::from(std)));
    let names = [("fc.weight".to_owned(), square(FIRST)), ("fc.bias".to_owned(), row([0.0; 3]))];
    dir.write("weights.safetensors", safetensors(&BTreeMap::from(names)));
    let options = "--posterior std.safetensors --representation std --names weights.safetensors";
    let answer = import(&dir, options).ok();
    assert!(answer.contains("fc.bias, restored"), "{answer}");
    assert_eq!(tensor(&dir, "fc.bias.mean"), [0.0; 3]);
    assert_eq!(tensor(&dir, "fc.bias.var"), [1.0, 4.0, 16.0]);
}

/// A posterior that was trained on from the exported weights: its means go where those are, through what the
/// exporter folded.
#[test]
fn means_of_a_posterior_hold_where_the_weights_are_others() {
    let factors = [2.0, -0.5, 4.0];
    let scaled: [f32; 9] = std::array::from_fn(|at| FIRST[at] * factors[at % 3]);
    let dir = with(products(["val_0", "2.weight"]), &[("val_0", scaled), ("2.weight", SECOND)]);
    let trained = FIRST.map(|mean| mean + 0.25);
    let tensors = [
        ("0.weight.mean", trained),
        ("0.weight.scale", [0.5; 9]),
        ("2.weight.mean", SECOND),
        ("2.weight.scale", [0.5; 9]),
    ];
    dir.write("posterior.safetensors", matrices(&tensors));
    dir.write("weights.safetensors", matrices(&[("0.weight", FIRST), ("2.weight", SECOND)]));
    let options =
        "--posterior posterior.safetensors --representation std --names weights.safetensors";
    let ran = import(&dir, options);
    assert!(ran.stderr.contains("1 parameter(s) take the means of the posterior"), "{ran:#?}");
    assert!(ran.ok().contains("0.weight, scaled, other means"));
    let wanted = std::array::from_fn(|at| trained[at] * factors[at % 3]);
    for (got, wanted) in tensor(&dir, "val_0.mean").iter().zip(transposed(wanted)) {
        // The factor is found by a division.
        assert!((got - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{got}, {wanted}");
    }
    assert_eq!(tensor(&dir, "2.weight.mean"), transposed(SECOND));
}

/// Weights of float32 are those of a model of float16 that was made of them, renamed, transposed and scaled.
#[test]
fn weights_that_were_rounded_to_half_are_found() {
    let dir = Dir::empty();
    // Numbers that float16 rounds.
    let exact = |at: usize| (at as f32 * 0.7).sin() * 0.3;
    let first: [f32; 9] = std::array::from_fn(exact);
    let second: [f32; 9] = std::array::from_fn(|at| exact(at + 9));
    let factors = [2.1f32, -0.57, 4.3];
    let scaled: [f32; 9] = std::array::from_fn(|at| second[at] * factors[at % 3]);
    let tensors =
        vec![halves("val_0", &[3, 3], &transposed(first)), halves("val_1", &[3, 3], &scaled)];
    dir.write("net.onnx", model(products(["val_0", "val_1"]), tensors).encode_to_vec());
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    let tensors = [
        ("0.weight.mean", first),
        ("0.weight.scale", std),
        ("2.weight.mean", second),
        ("2.weight.scale", std),
    ];
    dir.write("posterior.safetensors", matrices(&tensors));
    let options = "--posterior posterior.safetensors --representation std";
    let answer = import(&dir, options).ok();
    assert!(
        answer.contains("0.weight, transposed") && answer.contains("2.weight, scaled"),
        "{answer}"
    );
    assert_eq!(tensor(&dir, "val_0.var"), std.map(|std| std * std));
    let wanted = std::array::from_fn(|at| (std[at] * factors[at % 3]).powi(2));
    for (got, wanted) in tensor(&dir, "val_1.var").iter().zip(transposed(wanted)) {
        // The factor comes of numbers that were rounded to 2^-11, and is squared.
        assert!((got - wanted).abs() <= 2.0 * 0.5f32.powi(11) * wanted, "{got}, {wanted}");
    }
}

/// An output that was pruned does not show the factor of its fold.
#[test]
fn the_factor_of_an_output_of_zeros_is_not_guessed() {
    let pruned: [f32; 9] = std::array::from_fn(|at| if at % 3 == 1 { 0.0 } else { FIRST[at] });
    let scaled = std::array::from_fn(|at| pruned[at] * [2.0, 3.0, 4.0][at % 3]);
    let dir = with(products(["val_0", "2.weight"]), &[("val_0", scaled), ("2.weight", SECOND)]);
    dir.write("weights.safetensors", matrices(&[("0.weight", pruned), ("2.weight", SECOND)]));
    let options = "--posterior std.safetensors --representation std --names weights.safetensors";
    dir.write("std.safetensors", matrices(&[("0.weight", [0.5; 9])]));
    let error = import(&dir, options).error();
    assert!(
        error.contains("all means of an output are 0, so that nothing tells its factor"),
        "{error}"
    );
    // What has no variance needs none.
    let std = std::array::from_fn(|at| if at % 3 == 1 { 0.0 } else { 0.5 });
    dir.write("std.safetensors", matrices(&[("0.weight", std)]));
    import(&dir, options).ok();
    let variance = tensor(&dir, "val_0.var");
    assert_eq!(variance[3..6], [0.0; 3]);
}

/// Means of zeros do not show whether an exporter transposed them.
#[test]
fn deviations_around_zeros_are_not_placed_in_an_order_that_nothing_tells() {
    let zeros = [0.0; 9];
    let dir = with(products(["val_0", "2.weight"]), &[("val_0", zeros), ("2.weight", SECOND)]);
    dir.write("weights.safetensors", matrices(&[("0.weight", zeros), ("2.weight", SECOND)]));
    let options = "--posterior std.safetensors --representation std --names weights.safetensors";
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    dir.write("std.safetensors", matrices(&[("0.weight", std)]));
    let error = import(&dir, options).error();
    assert!(error.contains("in more than one order of its dimensions"), "{error}");
    // The same in all orders.
    dir.write("std.safetensors", matrices(&[("0.weight", [0.5; 9])]));
    import(&dir, options).ok();
    assert_eq!(tensor(&dir, "val_0.var"), [0.25; 9]);
}

/// Plain sites of NumPyro lie as the model of the user has them: the numbers of --names tell.
#[test]
fn a_site_lies_as_its_means_lie_in_the_names() {
    let dir = with(products(["val_0", "2.weight"]), &[("val_0", FIRST), ("2.weight", SECOND)]);
    let mut turned = [0.0; 9];
    turned.copy_from_slice(&transposed(FIRST));
    let std: [f32; 9] = std::array::from_fn(|n| n as f32 / 8.0);
    let site = |mean| matrices(&[("w_auto_loc", mean), ("w_auto_scale", std)]);
    dir.write("names.safetensors", matrices(&[("w", turned), ("2.weight", SECOND)]));
    let options = "--posterior-from numpyro site.safetensors --names names.safetensors";
    dir.write("site.safetensors", site(FIRST));
    import(&dir, options).ok();
    // In x out as the initialiser, which the dialect transposes.
    assert_eq!(tensor(&dir, "val_0.var"), transposed(std.map(|std| std * std)));
    dir.write("site.safetensors", site(SECOND));
    let error = import(&dir, options).error();
    assert!(error.contains("nothing tells whether its rows are outputs"), "{error}");
}

/// flax has the kernel of a transposed convolution as place, in, out and backwards.
#[test]
fn a_mirrored_kernel_of_flax_is_found() {
    let dir = Dir::empty();
    let row = |values: &[f32], shape: &[usize]| (shape.to_vec(), values.to_vec());
    // Three places, one input, two outputs.
    let (kernel, std) = ([1.0, -2.0, 3.0, 4.0, -5.0, 6.0], [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
    let site = [
        ("net/up.kernel_auto_loc".to_owned(), row(&kernel, &[3, 1, 2])),
        ("net/up.kernel_auto_scale".to_owned(), row(&std, &[3, 1, 2])),
    ];
    dir.write("site.safetensors", safetensors(&BTreeMap::from(site)));
    let turned = |values: [f32; 6]| [4, 2, 0, 5, 3, 1].map(|at: usize| values[at]);
    let tensors = vec![floats("w", &[1, 2, 3], &turned(kernel))];
    let up = node("ConvTranspose", &["x", "w"], "y");
    let network = model_of(vec![up], tensors, [&[1, 1, 4], &[1, 2, 6]]);
    dir.write("net.onnx", network.encode_to_vec());
    import(&dir, "--posterior-from numpyro site.safetensors").ok();
    assert_eq!(tensor(&dir, "w.var"), turned(std).map(|std| std * std));
}

/// Of a weight under `weight_norm` there are two tensors, of which none is the weight.
#[test]
fn a_posterior_of_a_normalised_weight_is_refused_with_what_works() {
    let std = "--posterior std.safetensors --representation std";
    let advice = "torch.nn.utils.parametrize.remove_parametrizations";
    let parts = [
        ("0.parametrizations.weight.original0", SECOND),
        ("0.parametrizations.weight.original1", FIRST),
    ];
    let dir = with(products(["mul", "2.weight"]), &[("mul", FIRST), ("2.weight", SECOND)]);
    let names = matrices(&[parts[0], parts[1], ("2.weight", SECOND)]);
    dir.write("names.safetensors", names);
    dir.write("std.safetensors", matrices(&[("0.weight", [0.5; 9])]));
    let error = import(&dir, &format!("{std} --names names.safetensors")).error();
    assert!(error.contains("'0.weight' is not among the weights of --names; '0.param"), "{error}");
    assert!(error.contains(advice), "{error}");
    dir.write("std.safetensors", matrices(&[(parts[0].0, [0.5; 9])]));
    let error = import(&dir, std).error();
    assert!(error.contains("no Gaussian over its two tensors is one over '0.weight'"), "{error}");
    // Where the model has both.
    let dir =
        with(products([parts[0].0, parts[1].0]), &[(parts[0].0, SECOND), (parts[1].0, FIRST)]);
    dir.write("std.safetensors", matrices(&[(parts[1].0, [0.5; 9])]));
    let error = import(&dir, std).error();
    assert!(error.contains("has no moments") && error.contains(advice), "{error}");
}
