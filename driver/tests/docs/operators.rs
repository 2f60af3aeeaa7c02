//! The table of operators, which is generated.

use std::{collections::BTreeSet, env, fs};

use gauss_dialect::ops::activation::Activation;

use super::{
    code::ops,
    page::{Page, root},
};

/// What is known of an op beyond its definition: ranks, how its moments come about, into what its
/// loop is fused, and the ONNX ops that it stands for.
struct Operator(&'static str, &'static str, &'static str, &'static str, &'static str);

const ANY: &str = "any";
const EXACT: &str = "exact for an element";
const QUADRATURE: &str = "quadrature";
const EXPANDED: &str = "Taylor polynomial of degree 2";
const COMPOSED: &str = "those of its parts";
const MOVED: &str = "exact";
const EPILOGUE: &str = "the loop before";
const OWN: &str = "its own loop";
const VIEW: &str = "no loop";

#[rustfmt::skip]
const OPERATORS: &[Operator] = &[
    Operator("dense", "2", "exact for independent operands", "tiled, with what follows", "Gemm, MatMul"),
    Operator("conv1d", "3", "exact for independent operands", "tiled, with what follows", "Conv"),
    Operator("conv2d", "4", "exact for independent operands", "tiled, with what follows", "Conv"),
    Operator("conv3d", "5", "exact for independent operands", "tiled, with what follows", "Conv"),
    Operator("conv_transpose1d", "3", "exact for independent operands", "tiled, with what follows", "ConvTranspose"),
    Operator("conv_transpose2d", "4", "exact for independent operands", "tiled, with what follows", "ConvTranspose"),
    Operator("conv_transpose3d", "5", "exact for independent operands", "tiled, with what follows", "ConvTranspose"),
    Operator("matmul", "2 and more", "exact for independent elements", "tiled, with what follows", "MatMul, Gemm"),
    Operator("batch_norm", "2 and more", EXACT, "the weights, or the loop before", "BatchNormalization"),
    Operator("layer_norm", "1 and more", EXPANDED, OWN, "LayerNormalization"),
    Operator("rms_norm", "1 and more", EXPANDED, OWN, "RMSNormalization"),
    Operator("group_norm", "2 and more", EXPANDED, OWN, "GroupNormalization"),
    Operator("instance_norm", "2 and more", EXPANDED, OWN, "InstanceNormalization"),
    Operator("add", ANY, "exact for independent operands", EPILOGUE, "Add, Sum"),
    Operator("sub", ANY, "exact for independent operands", EPILOGUE, "Sub"),
    Operator("mul", ANY, "exact for independent operands", EPILOGUE, "Mul"),
    Operator("div", ANY, EXACT, EPILOGUE, "Div"),
    Operator("prelu", ANY, EXACT, EPILOGUE, "PRelu"),
    Operator("relu", ANY, EXACT, EPILOGUE, "Relu"),
    Operator("leaky_relu", ANY, EXACT, EPILOGUE, "LeakyRelu"),
    Operator("clip", ANY, EXACT, EPILOGUE, "Clip"),
    Operator("hard_sigmoid", ANY, EXACT, EPILOGUE, "HardSigmoid"),
    Operator("hard_swish", ANY, EXACT, EPILOGUE, "HardSwish, Mul by HardSigmoid"),
    Operator("elu", ANY, EXACT, EPILOGUE, "Elu"),
    Operator("celu", ANY, EXACT, EPILOGUE, "Celu"),
    Operator("selu", ANY, EXACT, EPILOGUE, "Selu with its default constants"),
    Operator("abs", ANY, EXACT, EPILOGUE, "Abs"),
    Operator("square", ANY, EXACT, EPILOGUE, "Mul of a value by itself, Pow 2"),
    Operator("exp", ANY, EXACT, EPILOGUE, "Exp"),
    Operator("sin", ANY, EXACT, EPILOGUE, "Sin"),
    Operator("sign", ANY, EXACT, EPILOGUE, "Sign"),
    Operator("heaviside", ANY, EXACT, EPILOGUE, "-"),
    Operator("sigmoid", ANY, QUADRATURE, EPILOGUE, "Sigmoid"),
    Operator("tanh", ANY, QUADRATURE, EPILOGUE, "Tanh"),
    Operator("silu", ANY, QUADRATURE, EPILOGUE, "Mul of Sigmoid, Swish"),
    Operator("gelu", ANY, QUADRATURE, EPILOGUE, "Gelu"),
    Operator("mish", ANY, QUADRATURE, EPILOGUE, "Mish"),
    Operator("softplus", ANY, QUADRATURE, EPILOGUE, "Softplus"),
    Operator("dropout", ANY, EXACT, EPILOGUE, "Dropout in training mode"),
    Operator("noise", ANY, EXACT, EPILOGUE, "Add of RandomNormalLike"),
    Operator("max_pool1d", "3", "a chain of maxima of two, each refitted", OWN, "MaxPool"),
    Operator("max_pool2d", "4", "a chain of maxima of two, each refitted", OWN, "MaxPool"),
    Operator("max_pool3d", "5", "a chain of maxima of two, each refitted", OWN, "MaxPool"),
    Operator("global_max_pool", "3 and more", "a chain of maxima of two, each refitted", OWN, "GlobalMaxPool, ReduceMax"),
    Operator("avg_pool1d", "3", "exact for independent elements", OWN, "AveragePool"),
    Operator("avg_pool2d", "4", "exact for independent elements", OWN, "AveragePool"),
    Operator("avg_pool3d", "5", "exact for independent elements", OWN, "AveragePool"),
    Operator("reduce_sum", ANY, "exact for independent elements", OWN, "ReduceSum, ReduceSumSquare, ReduceL1"),
    Operator("reduce_mean", ANY, "exact for independent elements", OWN, "ReduceMean, GlobalAveragePool"),
    Operator("transpose", ANY, MOVED, OWN, "Transpose"),
    Operator("slice", ANY, MOVED, OWN, "Slice, Split"),
    Operator("concat", ANY, MOVED, OWN, "Concat"),
    Operator("pad", ANY, MOVED, OWN, "Pad"),
    Operator("expand", ANY, MOVED, OWN, "Expand"),
    Operator("upsample", ANY, MOVED, OWN, "Resize, Upsample"),
    Operator("gather", ANY, MOVED, OWN, "Gather of constant indices"),
    Operator("embedding", ANY, MOVED, OWN, "Gather of rows by a computed tensor"),
    Operator("resize", ANY, "exact for independent elements", OWN, "Resize, linear"),
    Operator("reshape", ANY, MOVED, VIEW, "Reshape, Squeeze, Unsqueeze"),
    Operator("flatten", "1 and more", MOVED, VIEW, "Flatten"),
    Operator("blend", ANY, "exact for independent operands", EPILOGUE, "-"),
    Operator("attention_weights", "2 and more", "log-odds, quadrature", OWN, "Softmax within a network"),
    Operator("attention", "2 and more", COMPOSED, OWN, "Attention"),
    Operator("lstm", "3", COMPOSED, OWN, "LSTM"),
    Operator("gru", "3", COMPOSED, OWN, "GRU"),
    Operator("softmax", "2", "by the method", OWN, "Softmax at the end"),
    Operator("uncertainty", "2", "by the method", OWN, "-"),
    Operator("decide", "2", "exact", OWN, "-"),
    Operator("binary_probability", "2", "a mixture of 19 Gaussians", OWN, "Sigmoid at the end"),
    Operator("binary_uncertainty", "2", "a mixture of 19 Gaussians", OWN, "-"),
    Operator("binary_decide", "2", "exact", OWN, "-"),
    Operator("interval", ANY, "exact", OWN, "-"),
    Operator("parameter", ANY, "-", VIEW, "an initialiser"),
    Operator("constant", ANY, "-", VIEW, "an initialiser"),
    Operator("make", ANY, "-", VIEW, "-"),
    Operator("mean", ANY, "-", VIEW, "-"),
    Operator("variance", ANY, "-", VIEW, "-"),
    Operator("correlated", "2", "-", VIEW, "-"),
    Operator("marginals", "2", "-", VIEW, "-"),
    Operator("covariance", "2", "-", OWN, "-"),
    Operator("nodes", "2", "-", VIEW, "-"),
    Operator("mix", "2 and more", EXACT, OWN, "-"),
    Operator("square_deviation", ANY, EXACT, EPILOGUE, "-"),
    Operator("scale_nodes", "1", "exact", OWN, "-"),
    Operator("scale_mixture", "2", "a log-normal scale, quadrature", OWN, "-"),
    Operator("with_diagonal", "2", "-", OWN, "-"),
    Operator("gain", ANY, "the derivative of the mean", EPILOGUE, "-"),
];

/// The ops that read moments, which a forward pass does not have.
const OF_MOMENTS: [&str; 13] = [
    "binary_decide",
    "binary_probability",
    "binary_uncertainty",
    "covariance",
    "decide",
    "gain",
    "interval",
    "mean",
    "mix",
    "nodes",
    "softmax",
    "square_deviation",
    "uncertainty",
];

fn table_of_operators() -> String {
    let known = ops();
    let names: BTreeSet<_> = known.iter().map(|op| op.name.as_str()).collect();
    let listed: BTreeSet<_> = OPERATORS.iter().map(|operator| operator.0).collect();
    assert_eq!(names, listed, "OPERATORS has not the ops of the definition");
    let quadrature: BTreeSet<_> =
        OPERATORS.iter().filter(|operator| operator.2 == QUADRATURE).map(|o| o.0).collect();
    assert!(quadrature.iter().all(|name| Activation::NAMES.contains(name)), "{quadrature:?}");
    let mut table = "| op | ranks | modes | moments | fused into | ONNX ops that it stands for |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for Operator(name, ranks, moments, fused, onnx) in OPERATORS {
        let modes = match OF_MOMENTS.contains(name) || *name == "variance" {
            true => "moments",
            false => "moments, mean, sample, presampled",
        };
        table += &format!(
            "| [`gauss.{name}`](ops/{name}.md) | {ranks} | {modes} | [{moments}](ops/{name}.md#numerics) \
             | {fused} | {onnx} |\n"
        );
    }
    table
}

#[test]
fn the_table_of_operators_is_generated() {
    let page = Page::read(root().join("docs/operators.md"));
    let (before, rest) = page.text.split_once("| op |").expect("a table");
    let after = rest.rsplit_once("|\n").map_or("", |(_, after)| after);
    let generated = format!("{before}{}{after}", table_of_operators());
    if env::var_os("PFP_UPDATE_DOCS").is_some() {
        fs::write(&page.path, generated).expect("a page that can be written");
        return;
    }
    assert!(
        page.text == generated,
        "docs/operators.md is not what the code says; write it again with\n\n    PFP_UPDATE_DOCS=1 \
         cargo test --release -p pfp --test docs -- the_table_of_operators\n"
    );
}
