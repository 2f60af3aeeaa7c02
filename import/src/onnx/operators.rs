//! The operators of ONNX that networks are imported from, with their attributes.

use super::graph::Node;

/// Attributes of what slides over an image.
const WINDOW: &[&str] = &[
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "dilations",
    "group",
    "kernel_shape",
    "output_padding",
    "output_shape",
    "pads",
    "storage_order",
    "strides",
];

/// Attributes of recurrent layers.
const RECURRENT: &[&str] = &[
    "activation_alpha",
    "activation_beta",
    "activations",
    "clip",
    "direction",
    "hidden_size",
    "input_forget",
    "layout",
    "linear_before_reset",
    "output_sequence",
];

/// Attributes of reductions over axes.
const REDUCTION: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];

/// The operators that are known, with the attributes that are read, or mean nothing for a network that is
/// not trained.
pub const OPERATORS: &[(&str, &[&str])] = &[
    ("Abs", &[]),
    ("Add", &[]),
    ("And", &[]),
    (
        "Attention",
        &[
            "is_causal",
            "kv_num_heads",
            "q_num_heads",
            "qk_matmul_output_mode",
            "scale",
            "softcap",
            "softmax_precision",
        ],
    ),
    ("AveragePool", WINDOW),
    ("BatchNormalization", &["epsilon", "momentum", "spatial", "training_mode"]),
    ("Cast", &["round_mode", "saturate", "to"]),
    ("CastLike", &["round_mode", "saturate"]),
    ("Ceil", &[]),
    ("Celu", &["alpha"]),
    ("Clip", &["max", "min"]),
    ("Concat", &["axis"]),
    ("Constant", &["value", "value_float", "value_floats", "value_int", "value_ints"]),
    ("ConstantOfShape", &["value"]),
    ("Conv", WINDOW),
    ("ConvTranspose", WINDOW),
    ("DepthToSpace", &["blocksize", "mode"]),
    ("Div", &[]),
    ("Dropout", &["is_test", "ratio", "seed"]),
    ("Einsum", &["equation"]),
    ("Elu", &["alpha"]),
    ("Equal", &[]),
    ("Erf", &[]),
    ("Exp", &[]),
    ("Expand", &[]),
    ("Flatten", &["axis"]),
    ("Floor", &[]),
    ("GRU", RECURRENT),
    ("Gather", &["axis"]),
    ("Gelu", &["approximate"]),
    ("Gemm", &["alpha", "beta", "transA", "transB", "broadcast"]),
    ("GlobalAveragePool", &[]),
    ("GlobalMaxPool", &[]),
    ("Greater", &[]),
    ("GreaterOrEqual", &[]),
    ("GroupNormalization", &["epsilon", "num_groups", "stash_type"]),
    ("HardSigmoid", &["alpha", "beta"]),
    ("HardSwish", &[]),
    ("Identity", &[]),
    ("IsInf", &["detect_negative", "detect_positive"]),
    ("IsNaN", &[]),
    ("InstanceNormalization", &["epsilon"]),
    ("LSTM", RECURRENT),
    ("LayerNormalization", &["axis", "epsilon", "stash_type"]),
    ("LeakyRelu", &["alpha"]),
    ("Less", &[]),
    ("LessOrEqual", &[]),
    ("Log", &[]),
    ("LogSoftmax", &["axis"]),
    ("MatMul", &[]),
    ("Max", &[]),
    ("MaxPool", WINDOW),
    ("Min", &[]),
    ("Mish", &[]),
    ("Mod", &["fmod"]),
    ("Mul", &[]),
    ("Neg", &[]),
    ("Not", &[]),
    ("Or", &[]),
    ("PRelu", &[]),
    ("Pad", &["mode", "pads", "value"]),
    ("Pow", &[]),
    ("RMSNormalization", &["axis", "epsilon", "stash_type"]),
    ("Range", &[]),
    ("Reciprocal", &[]),
    ("ReduceL1", REDUCTION),
    ("ReduceL2", REDUCTION),
    ("ReduceMax", REDUCTION),
    ("ReduceMean", REDUCTION),
    ("ReduceMin", REDUCTION),
    ("ReduceProd", REDUCTION),
    ("ReduceSum", REDUCTION),
    ("ReduceSumSquare", REDUCTION),
    ("Relu", &[]),
    ("Reshape", &["allowzero"]),
    (
        "Resize",
        &[
            "antialias",
            "axes",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
            "scales",
        ],
    ),
    ("Selu", &["alpha", "gamma"]),
    ("Shape", &["start", "end"]),
    ("Sigmoid", &[]),
    ("Sign", &[]),
    ("Sin", &[]),
    ("Size", &[]),
    ("Slice", &["axes", "ends", "starts"]),
    ("Softmax", &["axis"]),
    ("Softplus", &[]),
    ("SpaceToDepth", &["blocksize", "mode"]),
    ("Split", &["axis", "num_outputs", "split"]),
    ("Sqrt", &[]),
    ("Squeeze", &["axes"]),
    ("Sub", &[]),
    ("Sum", &[]),
    ("Swish", &["alpha"]),
    ("Tanh", &[]),
    ("Tile", &[]),
    ("Transpose", &["perm"]),
    ("Trilu", &["upper"]),
    ("Unsqueeze", &["axes"]),
    (
        "Upsample",
        &[
            "antialias",
            "axes",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
            "scales",
        ],
    ),
    ("Where", &[]),
];

/// The attributes of the operator of a node, where it has a counterpart or is computed on constants.
fn attributes(node: &Node) -> Option<&'static [&'static str]> {
    if node.is_scaler() {
        return Some(&["offset", "scale"]);
    }
    let known = OPERATORS.iter().find(|(op, _)| node.is(op));
    known.map(|(_, attributes)| *attributes)
}

/// What of a node is not known, in a clause of its own.
pub fn unknown(node: &Node) -> Option<String> {
    let Some(known) = attributes(node) else { return Some(unsupported(node).to_owned()) };
    let mut names: Vec<_> = node.attributes.keys().map(String::as_str).collect();
    names.retain(|name| !known.contains(name));
    let name = names.into_iter().min()?;
    Some(format!("has the attribute '{name}', which is not known"))
}

fn unsupported(node: &Node) -> &'static str {
    match (node.domain.as_str(), node.op.as_str()) {
        ("", "If" | "Loop" | "Scan") => "has control flow; a network is one block of layers",
        ("", "QuantizeLinear" | "DequantizeLinear" | "QLinearConv" | "QLinearMatMul") => {
            "is quantised; import the network before it is"
        }
        ("com.microsoft.nchwc", _) => {
            "has weights in the layout of one runtime; import the model before that optimised it"
        }
        ("com.microsoft", _) => {
            "is an operator of one runtime; import the model before that optimised it"
        }
        ("ai.onnx.ml", _) => {
            "is no layer of a network; leave it out with --outputs, which names the results that are wanted"
        }
        ("", "ArgMax" | "ArgMin" | "TopK") => {
            "gives places, which have no moments; leave them out with --outputs, which names the \
             results that are wanted"
        }
        _ => "is not supported",
    }
}
