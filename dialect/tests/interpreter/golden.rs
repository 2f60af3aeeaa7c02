//! Golden vectors: single ops, and the published networks.

use super::*;

/// One case of `ops.json`: its op, its name and its arguments.
struct Case<'a> {
    op: &'a str,
    args: &'a serde_json::Value,
    prefix: String,
    tensors: &'a Tensors,
}

impl Case<'_> {
    fn tensor(&self, name: &str) -> Option<Tensor> {
        self.tensors.moments(&format!("{}.{name}", self.prefix))
    }

    fn plain(&self, name: &str) -> Option<Tensor> {
        self.tensors.plain(&format!("{}.{name}", self.prefix))
    }

    fn pair(&self, name: &str) -> [u64; 2] {
        let number = |i: usize| self.args[name][i].as_u64().expect("a pair of sizes");
        [number(0), number(1)]
    }

    fn window(&self, kernel: &str) -> String {
        let ([top, left], strides) = (self.pair("padding"), self.pair("stride"));
        format!("{kernel} strides {strides:?} padding {:?}", [top, left, top, left])
    }

    /// The op in the dialect, its attributes and its operands; `None` where the
    /// dialect has no such op.
    fn decode(&self) -> Option<(&str, String, Vec<Option<Tensor>>)> {
        let linear = || vec![self.tensor("x"), self.tensor("weight"), self.tensor("bias")];
        let kernel = || format!("kernel {:?}", self.pair("kernel"));
        Some(match self.op {
            "dense" => ("dense", String::new(), linear()),
            "conv2d" => {
                let (dilation, groups) = (self.pair("dilation"), &self.args["groups"]);
                let rest = format!("dilation {dilation:?} groups {groups}");
                ("conv2d", format!("{} {rest}", self.window("")), linear())
            }
            "relu" | "sigmoid" | "tanh" | "gelu" => {
                (self.op, String::new(), vec![self.tensor("x")])
            }
            "leaky_relu" => {
                ("leaky_relu", format!("slope {}", self.args["slope"]), vec![self.tensor("x")])
            }
            "max_pool2d" => ("max_pool2d", self.window(&kernel()), vec![self.tensor("x")]),
            "avg_pool2d" => {
                let count = &self.args["count_include_pad"];
                let attributes = format!("{} count_include_pad {count}", self.window(&kernel()));
                ("avg_pool2d", attributes, vec![self.tensor("x")])
            }
            "add" => ("add", String::new(), vec![self.tensor("a"), self.tensor("b")]),
            "batch_norm2d" => {
                let epsilon = self.args["eps"].as_f64().expect("an epsilon");
                let names = ["gamma", "beta", "running_mean", "running_var"];
                let operands = names.into_iter().map(|name| self.plain(name));
                let operands = std::iter::once(self.tensor("x")).chain(operands).collect();
                ("batch_norm", format!("epsilon {epsilon:.1e}"), operands)
            }
            _ => return None,
        })
    }
}

/// The result of one op on these operands, all of static shape.
fn apply(op: &str, attributes: &str, operands: &[Tensor], result: &Tensor) -> Tensor {
    let types: Vec<_> = operands.iter().map(|operand| operand.ty().to_string()).collect();
    let names: Vec<_> = (0..operands.len()).map(|i| format!("%x{i}")).collect();
    let arguments: Vec<_> = names.iter().zip(&types).map(|(n, ty)| format!("{n}: {ty}")).collect();
    let (operand_names, types, result) = (names.join(", "), types.join(", "), result.ty());
    let body = format!(
        "%y = gauss.{op} {operand_names} {attributes} : ({types}) -> {result}\nreturn %y : {result}"
    );
    run(&format!("({}) -> {result}", arguments.join(", ")), &body, operands)
}

/// What is left between two orders of summation in double precision.
const GOLDEN: f64 = 1e-11;

/// What is left between two rules of integration: where tanh is all but 1, its differences have few
/// digits.
const INTEGRATED: f64 = 2e-6;

#[test]
fn golden_ops() {
    let Some(data) = common::absent::shared_data() else { return };
    let cases = std::fs::read_to_string(data.join("golden/ops.json")).expect("ops.json");
    let cases: serde_json::Value = serde_json::from_str(&cases).expect("JSON");
    let tensors = Tensors::open(&data.join("golden/ops.safetensors"));
    let mut worst: BTreeMap<&str, (usize, f64, f64)> = BTreeMap::new();
    for case in cases.as_array().expect("a list") {
        let (op, name) = (case["op"].as_str().unwrap(), case["case"].as_str().unwrap());
        let prefix = format!("{op}.{name}");
        let case = Case { op, args: &case["args"], prefix, tensors: &tensors };
        let decoded = case.decode();
        let (mnemonic, attributes, operands) = decoded.unwrap_or_else(|| panic!("no op {op}"));
        let operands: Vec<_> = operands.into_iter().flatten().collect();
        let expected = case.tensor("out").expect("an output");
        let actual = apply(mnemonic, &attributes, &operands, &expected);
        let (mean, variance) = errors(&actual, &expected);
        let limit = if matches!(op, "gelu" | "sigmoid" | "tanh") { INTEGRATED } else { GOLDEN };
        assert!(mean <= limit && variance <= limit, "{op}.{name}: {mean:e}, {variance:e}");
        let (count, worst_mean, worst_variance) = worst.entry(op).or_default();
        *count += 1;
        *worst_mean = worst_mean.max(mean);
        *worst_variance = worst_variance.max(variance);
    }
    for (op, (count, mean, variance)) in &worst {
        println!("{op}: {count} cases, mean {mean:.1e}, variance {variance:.1e}");
    }
    assert!(worst.len() >= 11, "{:?}", worst.keys());
}

const MLP: &str = r#"
func.func @main(%x: tensor<?x1x28x28xf32>) -> !gauss.tensor<?x10xf32> {
  %w0 = gauss.parameter "input_layer.weight" : !gauss.tensor<100x784xf32>
  %b0 = gauss.parameter "input_layer.bias" : !gauss.tensor<100xf32>
  %w1 = gauss.parameter "hidden_layers.0.weight" : !gauss.tensor<100x100xf32>
  %b1 = gauss.parameter "hidden_layers.0.bias" : !gauss.tensor<100xf32>
  %w2 = gauss.parameter "out_layer.weight" : !gauss.tensor<10x100xf32>
  %b2 = gauss.parameter "out_layer.bias" : !gauss.tensor<10xf32>
  %0 = gauss.flatten %x : (tensor<?x1x28x28xf32>) -> tensor<?x784xf32>
  %1 = gauss.dense %0, %w0, %b0
    : (tensor<?x784xf32>, !gauss.tensor<100x784xf32>, !gauss.tensor<100xf32>)
    -> !gauss.tensor<?x100xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x100xf32>) -> !gauss.tensor<?x100xf32>
  %3 = gauss.dense %2, %w1, %b1
    : (!gauss.tensor<?x100xf32>, !gauss.tensor<100x100xf32>, !gauss.tensor<100xf32>)
    -> !gauss.tensor<?x100xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x100xf32>) -> !gauss.tensor<?x100xf32>
  %5 = gauss.dense %4, %w2, %b2
    : (!gauss.tensor<?x100xf32>, !gauss.tensor<10x100xf32>, !gauss.tensor<10xf32>)
    -> !gauss.tensor<?x10xf32>
  return %5 : !gauss.tensor<?x10xf32>
}"#;

const LENET: &str = r#"
func.func @main(%x: tensor<?x1x28x28xf32>) -> !gauss.tensor<?x10xf32> {
  %w0 = gauss.parameter "conv1.weight" : !gauss.tensor<6x1x5x5xf32>
  %b0 = gauss.parameter "conv1.bias" : !gauss.tensor<6xf32>
  %w1 = gauss.parameter "conv2.weight" : !gauss.tensor<16x6x5x5xf32>
  %b1 = gauss.parameter "conv2.bias" : !gauss.tensor<16xf32>
  %w2 = gauss.parameter "fc1.weight" : !gauss.tensor<120x400xf32>
  %b2 = gauss.parameter "fc1.bias" : !gauss.tensor<120xf32>
  %w3 = gauss.parameter "fc2.weight" : !gauss.tensor<84x120xf32>
  %b3 = gauss.parameter "fc2.bias" : !gauss.tensor<84xf32>
  %w4 = gauss.parameter "fc3.weight" : !gauss.tensor<10x84xf32>
  %b4 = gauss.parameter "fc3.bias" : !gauss.tensor<10xf32>
  %0 = gauss.conv2d %x, %w0, %b0 padding [2, 2, 2, 2]
    : (tensor<?x1x28x28xf32>, !gauss.tensor<6x1x5x5xf32>, !gauss.tensor<6xf32>)
    -> !gauss.tensor<?x6x28x28xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x6x28x28xf32>) -> !gauss.tensor<?x6x28x28xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x6x28x28xf32>) -> !gauss.tensor<?x6x14x14xf32>
  %3 = gauss.conv2d %2, %w1, %b1
    : (!gauss.tensor<?x6x14x14xf32>, !gauss.tensor<16x6x5x5xf32>, !gauss.tensor<16xf32>)
    -> !gauss.tensor<?x16x10x10xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x16x10x10xf32>) -> !gauss.tensor<?x16x10x10xf32>
  %5 = gauss.max_pool2d %4 kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x16x10x10xf32>) -> !gauss.tensor<?x16x5x5xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x400xf32>
  %7 = gauss.dense %6, %w2, %b2
    : (!gauss.tensor<?x400xf32>, !gauss.tensor<120x400xf32>, !gauss.tensor<120xf32>)
    -> !gauss.tensor<?x120xf32>
  %8 = gauss.relu %7 : (!gauss.tensor<?x120xf32>) -> !gauss.tensor<?x120xf32>
  %9 = gauss.dense %8, %w3, %b3
    : (!gauss.tensor<?x120xf32>, !gauss.tensor<84x120xf32>, !gauss.tensor<84xf32>)
    -> !gauss.tensor<?x84xf32>
  %10 = gauss.relu %9 : (!gauss.tensor<?x84xf32>) -> !gauss.tensor<?x84xf32>
  %11 = gauss.dense %10, %w4, %b4
    : (!gauss.tensor<?x84xf32>, !gauss.tensor<10x84xf32>, !gauss.tensor<10xf32>)
    -> !gauss.tensor<?x10xf32>
  return %11 : !gauss.tensor<?x10xf32>
}"#;

/// A published network whose variances are multiplied by `factor`.
fn network(source: &str, parameters: &Tensors, factor: f64) -> Program {
    program(source, &|name: &str, _: &_| {
        let tensor = parameters.moments(name).ok_or("is not in the file")?;
        let variance = tensor.variance.map(|v| v.into_iter().map(|v| v * factor).collect());
        Ok(Tensor { variance, ..tensor })
    })
    .expect("a network")
}

#[test]
fn golden_networks() {
    let Some(data) = common::absent::shared_data() else { return };
    for (source, name) in [(MLP, "mlp"), (LENET, "lenet")] {
        for suffix in ["", "_softplus"] {
            let file = data.join(format!("models/{name}_dirty_mnist{suffix}.safetensors"));
            let parameters = Tensors::open(&file);
            let golden = Tensors::open(&data.join(format!("golden/{name}{suffix}.safetensors")));
            let (mut mean, mut variance) = (0.0f64, 0.0f64);
            let mut compare = |what: &str, actual: &Tensor, expected: &Tensor| {
                let (m, v) = errors(actual, expected);
                assert!(m <= GOLDEN && v <= GOLDEN, "{name}{suffix} {what}: {m:e}, {v:e}");
                (mean, variance) = (mean.max(m), variance.max(v));
            };
            for (set, factor) in
                [("mnist", 1.0), ("mnist", 0.7), ("fashion", 1.0), ("fashion", 0.7)]
            {
                let program = network(source, &parameters, factor);
                let input = golden.plain(&format!("{set}.input")).expect("an input");
                let expected = golden.moments(&format!("{set}.factor_{factor:.1}"));
                let result = program.run(std::slice::from_ref(&input)).expect("a result");
                compare(set, &result[0], &expected.expect("an output"));
                if factor == 1.0 {
                    compare_trace(&program, &golden, set, &input, &mut compare);
                }
            }
            println!("{name}{suffix}: mean {mean:.1e}, variance {variance:.1e}");
        }
    }
}

/// Compares every layer on the first two inputs.
fn compare_trace(
    program: &Program,
    golden: &Tensors,
    set: &str,
    input: &Tensor,
    compare: &mut impl FnMut(&str, &Tensor, &Tensor),
) {
    let size = input.mean.len() / input.shape[0];
    let shape = [&[2], &input.shape[1..]].concat();
    let trace = program.trace(&[exact(&shape, &input.mean[..2 * size])]).expect("a trace");
    let prefix = format!("{set}.trace.");
    let layers = trace.iter().enumerate().map(|(number, t)| format!("{number:02}.{}", t.layer));
    let names = golden.names(&prefix);
    let names: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(".mean")).collect();
    assert_eq!(layers.collect::<Vec<_>>(), names);
    for (name, traced) in names.into_iter().zip(&trace) {
        let expected = golden.moments(&format!("{prefix}{name}")).expect("a layer");
        compare(name, &traced.output, &expected);
    }
}
