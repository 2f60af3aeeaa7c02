//! Networks in ONNX, as exporters write them, and what is wrong with others.

use std::fs;

use prost::Message;
use serde_json::Value;

use crate::fixture::{Dir, pfp, repository};

/// The networks that `test/import/make_onnx.py` wrote.
pub const NETWORKS: [&str; 12] = [
    "mlp",
    "lenet",
    "resnet",
    "mobile",
    "conv1d",
    "ds_cnn",
    "unet",
    "lstm",
    "gru",
    "encoder",
    "embedding",
    "grouped",
];

/// How a network was exported: by the new exporter, by the old one, and by the new one without optimisation
/// where that leaves other parameters.
pub fn exporters(network: &str) -> &'static [&'static str] {
    match network {
        "resnet" | "mobile" => &["dynamo", "script", "plain"],
        _ => &["dynamo", "script"],
    }
}

/// Both of PyTorch's exporters: the compiled network gives what PyTorch does, up to the rounding of sums in
/// another order.
#[test]
fn exported_networks_give_what_they_gave() {
    let folder = repository().join("test/import/onnx");
    for network in NETWORKS {
        let wanted = fs::read(folder.join(format!("{network}.json"))).unwrap();
        let wanted: Value = serde_json::from_slice(&wanted).unwrap();
        let wanted: Vec<f64> = serde_json::from_value(wanted["outputs"].clone()).unwrap();
        for exporter in exporters(network) {
            let dir = Dir::empty();
            let model = folder.join(format!("{network}_{exporter}.onnx"));
            let input = folder.join(format!("{network}.npy"));
            dir.run(
                pfp()
                    .args(["run", "-q", "--batch", "2", "-o", "y.npy", "--input"])
                    .arg(input)
                    .arg(model),
            )
            .ok();
            let got = numbers(&dir.read("y.npy"));
            assert_eq!(got.len(), wanted.len(), "{network}_{exporter}");
            for (got, wanted) in got.iter().zip(&wanted) {
                let error = (f64::from(*got) - wanted).abs();
                assert!(
                    error <= 1e-5 * wanted.abs().max(1.0),
                    "{network}_{exporter}: {got}, not {wanted}"
                );
            }
        }
    }
}

/// The batch stays open, wherever the exporter puts it and whatever is joined with it.
#[test]
fn batches_of_exported_networks_stay_open() {
    let of_torch = NETWORKS.iter().flat_map(|network| {
        exporters(network).iter().map(move |exporter| format!("onnx/{network}_{exporter}.onnx"))
    });
    let of_others =
        ["keras_jax_cnn", "keras_jax_conv1d", "keras_torch_lstm", "keras_tensorflow_unet"];
    let of_others = of_others.iter().map(|network| format!("onnx-others/{network}.onnx"));
    let dir = Dir::empty();
    for name in of_torch.chain(of_others) {
        let model = repository().join("test/import").join(&name);
        let import = ["import", "-q", "-o", "m.mlir", "--params", "m.safetensors"];
        dir.run(pfp().args(import).arg(model)).ok();
        let module = dir.text("m.mlir");
        let header = module.lines().find(|line| line.contains("func.func"));
        let is_open = header
            .is_some_and(|line| line.contains("(%in0: tensor<?") && line.contains("-> tensor<?"));
        assert!(is_open, "{name}: {header:?}");
    }
}

/// The numbers of an array.
fn numbers(bytes: &[u8]) -> Vec<f32> {
    npyz::NpyFile::new(bytes).unwrap().into_vec().unwrap()
}

/// Layers as users of PyTorch spell them, by both exporters (`test/import/make_onnx_spellings.py`): imported with
/// an open batch, they give what onnxruntime gives for three items, up to the rounding of sums in another order;
/// what computes with the batch does so where it is fixed, and is refused where it is open.
#[test]
fn spelled_layers_give_what_they_gave_with_an_open_batch() {
    let folder = repository().join("test/import/onnx-spellings");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let about: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        for exporter in ["dynamo", "script"] {
            count += 1;
            let dir = Dir::empty();
            let model = folder.join(format!("{name}_{exporter}.onnx"));
            let import = ["import", "-q", "-o", "m.mlir", "--params", "m.safetensors"];
            let imported = dir.run(pfp().args(import).arg(&model));
            if let Some(part) = about["refused"].as_str().or(about["whole"].as_str()) {
                let error = imported.error();
                assert!(error.contains(part), "{name}_{exporter}: {error}");
            } else {
                imported.ok();
            }
            let run = ["run", "-q", "--batch", "3", "-o", "y.npy", "--input"];
            let run = |of: &[&str]| {
                dir.run(pfp().args(run).arg(path.with_extension("npy")).args(of)).ok();
            };
            match (about["refused"].is_string(), about["whole"].is_string()) {
                (true, _) => continue,
                (false, true) => run(&[model.to_str().unwrap()]),
                (false, false) => run(&["m.mlir", "--params", "m.safetensors"]),
            }
            let wanted: Vec<f64> = serde_json::from_value(about["outputs"].clone()).unwrap();
            let bytes = dir.read("y.npy");
            let shape = npyz::NpyFile::new(&bytes[..]).unwrap().shape().to_vec();
            let of_runtime: Vec<u64> = serde_json::from_value(about["shape"].clone()).unwrap();
            assert_eq!(shape, of_runtime, "{name}_{exporter}");
            for (got, wanted) in numbers(&bytes).iter().zip(&wanted) {
                let error = (f64::from(*got) - wanted).abs();
                assert!(
                    error <= 1e-5 * wanted.abs().max(1.0),
                    "{name}_{exporter}: {got}, not {wanted}"
                );
            }
        }
    }
    assert!(count >= 44, "{count}");
}

/// A model that computes with its batch takes whole batches: items that fill none are refused, whatever reads
/// them, also of the module that it was imported as.
#[test]
fn items_that_depend_on_each_other_are_taken_in_whole_batches() {
    let dir = Dir::empty();
    let model = repository().join("test/import/onnx-spellings/batch_mean_dynamo.onnx");
    let values =
        |count: usize| (0..count * 40).map(|n| (n as f32 * 0.37).sin()).collect::<Vec<_>>();
    for count in [3, 6, 7] {
        dir.write(&format!("{count}.npy"), crate::fixture::npy(&[count, 5, 8], &values(count)));
    }
    let import = ["import", "-q", "--batch", "3", "-o", "m.mlir", "--params", "m.safetensors"];
    dir.run(pfp().args(import).arg(&model)).ok();
    let of_model = [model.to_str().unwrap(), "--batch", "3"];
    let of_module = ["m.mlir", "--params", "m.safetensors"];
    for network in [&of_model[..], &of_module[..]] {
        for command in ["run", "check"] {
            let error = dir.run(pfp().args([command, "--input", "7.npy"]).args(network)).error();
            assert!(error.contains("takes 3 items together, of which 7 is no multiple"), "{error}");
        }
        let run = |count: usize| {
            let input = format!("{count}.npy");
            dir.run(pfp().args(["run", "-q", "-o", "y.npy", "--input", &input]).args(network)).ok();
            numbers(&dir.read("y.npy"))
        };
        // Two batches are the one and the other.
        assert_eq!(run(6)[..120], run(3)[..]);
        // Random items fill batches.
        dir.run(pfp().args(["check", "--items", "4"]).args(network)).ok();
    }
    dir.run(pfp().args(["run", "-q", "--input", "7.npy", "--batch", "7"]).arg(&model)).ok();
}

/// The same of a batch that the model itself fixes: layers on single items take any number of them.
#[test]
fn items_of_a_batch_that_the_model_fixes_are_taken_together_where_they_meet() {
    let dir = Dir::empty();
    dir.write("x.npy", crate::fixture::npy(&[3, 3], &[0.5; 9]));
    let apart = vec![node("Add", &["x", "c"], "a"), node("Relu", &["a"], "y")];
    dir.write("net.onnx", model(apart, vec![floats("c", &[3], &[1.0; 3])]).encode_to_vec());
    dir.pfp("run net.onnx --input x.npy -q").ok();
    // Across the items: columns become rows and back.
    let together = vec![
        node("Transpose", &["x"], "columns"),
        node("MatMul", &["columns", "m"], "mixed"),
        node("Transpose", &["mixed"], "y"),
    ];
    let matrix = floats("m", &[2, 2], &[0.5, 1.0, -1.0, 2.0]);
    dir.write("net.onnx", model(together, vec![matrix]).encode_to_vec());
    let error = dir.pfp("run net.onnx --input x.npy -q").error();
    assert!(error.contains("takes 2 items together, of which 3 is no multiple"), "{error}");
    dir.write("x.npy", crate::fixture::npy(&[4, 3], &[0.5; 12]));
    dir.pfp("run net.onnx --input x.npy -q").ok();
}

/// A Gaussian parameter that is repeated over the batch is one random number: an item has the moments that it
/// has alone, up to rounding.
#[test]
fn parameters_that_are_repeated_over_the_batch_have_the_moments_of_each_item() {
    let dir = Dir::empty();
    let folder = repository().join("test/import/onnx-spellings");
    let run = |input: &str, batch: &str, output: &str| {
        let run = ["run", "-q", "--posterior", "constant:0.1", "--batch", batch, "-o", output];
        let model = folder.join("class_token_script.onnx");
        dir.run(pfp().args(run).args(["--input", input]).arg(model)).ok();
        let answer: Value = serde_json::from_slice(&dir.read(output)).unwrap();
        let values = |array: &Value| -> Vec<f64> {
            serde_json::from_value(array["values"].clone()).unwrap()
        };
        answer.as_array().unwrap().iter().flat_map(values).collect::<Vec<_>>()
    };
    let input = folder.join("class_token.npy").display().to_string();
    let (together, alone) = (run(&input, "3", "three.json"), run(&input, "1", "one.json"));
    assert_eq!(together.len(), 12);
    for (together, alone) in together.iter().zip(&alone) {
        assert!((together - alone).abs() <= 1e-5 * alone.abs(), "{together}, not {alone}");
    }
}

/// A last dimension that is joined with the batch is no shape of an output, and the message says what helps.
#[test]
fn outputs_that_are_joined_with_the_batch_are_refused() {
    let model = repository().join("test/import/onnx-others/skl2onnx_regressor2.onnx");
    let dir = Dir::empty();
    let error = dir.run(pfp().arg("inspect").arg(model)).error();
    assert!(error.contains("'variable' joins the batch with other dimensions"), "{error}");
    assert!(error.contains("fix it with --batch N"), "{error}");
}

/// The messages of a model that are needed here.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opsets: Vec<Opset>,
}

#[derive(Clone, PartialEq, Message)]
struct Opset {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    tensors: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    inputs: Vec<Port>,
    #[prost(message, repeated, tag = "12")]
    outputs: Vec<Port>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op: String,
    #[prost(string, tag = "7")]
    domain: String,
    #[prost(message, repeated, tag = "9")]
    metadata: Vec<Entry>,
}

impl Node {
    /// The node with what torch's exporter says of it.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.metadata.push(Entry { key: key.into(), value: value.into() });
        self
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    sizes: Vec<i64>,
    #[prost(int32, tag = "2")]
    element: i32,
    #[prost(float, repeated, tag = "4")]
    floats: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    small: Vec<i32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(message, repeated, tag = "13")]
    external: Vec<Entry>,
    #[prost(int32, tag = "14")]
    location: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Port {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    ty: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, tag = "1")]
    element: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    sizes: Vec<Size>,
}

#[derive(Clone, PartialEq, Message)]
struct Size {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
}

fn value(name: &str, sizes: &[i64]) -> Port {
    let sizes = sizes.iter().map(|&value| Size { value: Some(value) }).collect();
    let tensor = TensorType { element: 1, shape: Some(Shape { sizes }) };
    Port { name: name.into(), ty: Some(Type { tensor: Some(tensor) }) }
}

/// A node by its operator, inputs and output; it is named as its output.
pub fn node(op: &str, inputs: &[&str], output: &str) -> Node {
    let inputs = inputs.iter().map(|&input| input.into()).collect();
    let (name, op) = (format!("the {output}"), op.into());
    Node { inputs, outputs: vec![output.into()], name, op, ..Node::default() }
}

/// A model from `x` of 2×3 to `y`.
pub fn model(nodes: Vec<Node>, tensors: Vec<Tensor>) -> Model {
    model_of(nodes, tensors, [&[2, 3], &[2, 3]])
}

/// A model with an input `x` and an output `y` of these sizes.
pub fn model_of(nodes: Vec<Node>, tensors: Vec<Tensor>, sizes: [&[i64]; 2]) -> Model {
    let (inputs, outputs) = (vec![value("x", sizes[0])], vec![value("y", sizes[1])]);
    let opsets = vec![Opset { domain: String::new(), version: 20 }];
    Model { graph: Some(Graph { nodes, tensors, inputs, outputs }), opsets }
}

pub fn floats(name: &str, sizes: &[i64], floats: &[f32]) -> Tensor {
    let (name, sizes, floats) = (name.into(), sizes.to_vec(), floats.to_vec());
    Tensor { name, sizes, element: 1, floats, ..Tensor::default() }
}

/// A tensor of float16, to which the numbers are rounded.
pub fn halves(name: &str, sizes: &[i64], values: &[f32]) -> Tensor {
    let bits = |value: &f32| i32::from(half::f16::from_f32(*value).to_bits());
    let small = values.iter().map(bits).collect();
    Tensor { element: 10, floats: vec![], small, ..floats(name, sizes, &[]) }
}

/// The error of `pfp inspect` on a model.
fn error(bytes: impl AsRef<[u8]>) -> String {
    let dir = Dir::empty();
    dir.write("net.onnx", bytes);
    dir.pfp("inspect net.onnx").error()
}

/// One run tells of all nodes, each with its name, operator and opset.
#[test]
fn all_nodes_that_are_not_supported_are_named_at_once() {
    let mut foreign = node("FusedGemm", &["a"], "b");
    foreign.domain = "com.microsoft".into();
    let nodes = vec![node("Det", &["x"], "a"), foreign, node("Loop", &["b"], "y")];
    let mut model = model(nodes, vec![]);
    model.opsets.push(Opset { domain: "com.microsoft".into(), version: 1 });
    let error = error(model.encode_to_vec());
    for part in [
        "'the a', Det of opset 20, is not supported",
        "'the b', com.microsoft.FusedGemm of opset 1, is an operator of one runtime",
        "'the y', Loop of opset 20, has control flow",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn what_is_wrong_with_a_model_is_said() {
    let bytes = model(vec![node("Relu", &["x"], "y")], vec![]).encode_to_vec();
    for length in 1..bytes.len() {
        // Some are whole models without an output, or a graph without nodes.
        error(&bytes[..length]);
    }
    let wrong = |nodes, tensors, part: &str| {
        let error = error(model(nodes, tensors).encode_to_vec());
        assert!(error.contains(part), "{part}: {error}");
    };
    wrong(
        vec![node("Add", &["x", "b"], "a"), node("Relu", &["a"], "b"), node("Relu", &["b"], "y")],
        vec![],
        "has nodes that wait for each other: 'the a', 'the b'",
    );
    wrong(
        vec![node("Relu", &["z"], "y")],
        vec![],
        "reads 'z' in the node 'the y', which nothing gives",
    );
    wrong(vec![node("Relu", &["x"], "a")], vec![], "has the output 'y', which no node gives");
    let twice = vec![node("Relu", &["x"], "y"), node("Tanh", &["x"], "y")];
    wrong(twice, vec![], "gives the value 'y' twice");
    let mut further = node("Relu", &["x"], "a");
    further.outputs.push("y".into());
    wrong(vec![further], vec![], "the output 'y' is one of its node that is not computed here");
    let add = || vec![node("Add", &["x", "c"], "y")];
    wrong(add(), vec![floats("c", &[3], &[1.0])], "holds 1 numbers for 3 elements");
    wrong(add(), vec![floats("c", &[1 << 40, 1 << 40], &[])], "more than 268435456 elements");
    wrong(add(), vec![floats("c", &[-1], &[])], "has a negative size");
    wrong(add(), vec![floats("c", &[5], &[1.0; 5])], "'the y', Add of opset 20,");
    wrong(add(), vec![floats("c", &[1], &[f32::INFINITY])], "'c', which holds inf");
    let text = Tensor { element: 8, ..floats("c", &[1], &[]) };
    wrong(add(), vec![text], "has elements of type string");
}

/// A model reads no file but those beside it.
#[test]
fn numbers_in_other_files_are_in_the_folder_of_the_model() {
    let dir = Dir::empty();
    let bytes: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::create_dir(dir.path("models")).unwrap();
    dir.write("outside.bin", &bytes);
    dir.write("models/inside.bin", &bytes);
    std::os::unix::fs::symlink(dir.path("outside.bin"), dir.path("models/link.bin")).unwrap();
    let external = |location: &str| {
        let entry = Entry { key: "location".into(), value: location.into() };
        let tensor = Tensor { external: vec![entry], location: 1, ..floats("c", &[3], &[]) };
        dir.write(
            "models/net.onnx",
            model(vec![node("Add", &["x", "c"], "y")], vec![tensor]).encode_to_vec(),
        );
        dir.pfp("inspect models/net.onnx")
    };
    external("inside.bin").ok();
    external("./inside.bin").ok();
    // What is read is not written over.
    let import = "import models/net.onnx -o model.mlir --params";
    let error = dir.pfp(&format!("{import} models/inside.bin")).error();
    assert!(error.contains("models/inside.bin"), "{error}");
    assert_eq!(dir.read("models/inside.bin"), bytes);
    assert!(external("../outside.bin").error().contains("is not in the folder of the model"));
    let absolute = dir.path("outside.bin").display().to_string();
    assert!(external(&absolute).error().contains("is not in the folder of the model"));
    assert!(external("link.bin").error().contains("leads out of the folder"));
    assert!(external("missing.bin").error().contains("missing.bin"));
}

/// Models of other writers than PyTorch (`test/import/make_onnx_others.py`): what runs elsewhere runs here with
/// the same numbers, or is refused for a reason.
#[test]
fn models_of_other_writers_give_what_they_gave() {
    let folder = repository().join("test/import/onnx-others");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        count += 1;
        let wanted: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let dir = Dir::empty();
        let run = dir.run(
            pfp()
                .args(["run", "-q", "--batch", "2", "-o", "y.npy", "--input"])
                .arg(path.with_extension("npy"))
                .arg(path.with_extension("onnx")),
        );
        if let Some(part) = wanted["refused"].as_str() {
            let error = run.error();
            assert!(error.contains(part), "{}: {error}", path.display());
            continue;
        }
        run.ok();
        let wanted: Vec<f64> = serde_json::from_value(wanted["outputs"].clone()).unwrap();
        let got = numbers(&dir.read("y.npy"));
        assert_eq!(got.len(), wanted.len(), "{}", path.display());
        for (got, wanted) in got.iter().zip(&wanted) {
            let error = (f64::from(*got) - wanted).abs();
            assert!(
                error <= 1e-5 * wanted.abs().max(1.0),
                "{}: {got}, not {wanted}",
                path.display()
            );
        }
    }
    assert!(count > 20, "{count}");
}

/// `--outputs` names the values that are wanted: a classifier without the node that names the class.
#[test]
fn outputs_can_be_chosen() {
    let model = repository().join("test/import/onnx-others/skl2onnx_classes.onnx");
    let dir = Dir::empty();
    let inspect = |outputs: &[&str]| dir.run(pfp().arg("inspect").arg(&model).args(outputs));
    let error = inspect(&[]).error();
    assert!(error.contains("ArgMax of opset 21, gives places"), "{error}");
    inspect(&["--outputs", "probabilities"]).ok();
    // Any value will do: here the logits.
    let answer = inspect(&["--outputs", "add_result2"]).ok();
    assert!(!answer.contains("attention_weights"), "{answer}");
    let error = inspect(&["--outputs", "logits"]).error();
    assert!(
        error.contains("no node gives 'logits'; the outputs of the model are 'label'"),
        "{error}"
    );
}

/// Products of constants are computed when a model is read: of matrices, of vectors, of both.
#[test]
fn products_of_constants_are_computed() {
    let dir = Dir::empty();
    let nodes = vec![
        node("MatMul", &["m", "v"], "column"),
        node("MatMul", &["v", "m"], "row"),
        node("MatMul", &["v", "v"], "number"),
        node("Add", &["column", "row"], "sum"),
        node("Mul", &["sum", "number"], "scaled"),
        node("Add", &["x", "scaled"], "y"),
    ];
    let matrix = [1.0, 2.0, 0.0, 0.5, -1.0, 3.0, 4.0, 0.0, 1.0];
    let tensors = vec![floats("m", &[3, 3], &matrix), floats("v", &[3], &[1.0, -2.0, 0.5])];
    dir.write("net.onnx", model(nodes, tensors).encode_to_vec());
    dir.write("x.npy", crate::fixture::npy(&[2, 3], &[0.0; 6]));
    let answer = dir.pfp("run net.onnx --input x.npy --json -q").json();
    // m·v = [-3, 4, 4.5], v·m = [2, 4, -5.5], v·v = 5.25.
    let wanted = [-5.25, 42.0, -5.25, -5.25, 42.0, -5.25];
    let got: Vec<f64> = serde_json::from_value(answer["outputs"][0]["values"].clone()).unwrap();
    assert_eq!(got, wanted);
}
