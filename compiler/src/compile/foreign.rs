//! Ops that are none of a network.

use gauss_dialect::ir::Op;

use super::functions;
use crate::{error::Error, module::Module};

/// The most ops that one report names.
const SHOWN: usize = 10;

/// Checks that the functions of a module are made of what a network is made of. Passes take more:
/// `pfp-opt` runs them on any module.
///
/// # Errors
///
/// At every op that is none of a network.
pub fn check(module: &Module) -> Result<(), Error> {
    let bodies = functions(module).into_iter().filter_map(Op::body);
    let foreign: Vec<_> = bodies.flat_map(|body| body.ops()).filter(|op| !is_known(op)).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(module.reject_all(foreign.into_iter().take(SHOWN).map(|op| {
        let message = "is no op of a network: a network is made of gauss ops, func.call and \
                       arith.constant";
        (op, message, advice(&op.name()))
    })))
}

fn is_known(op: &Op) -> bool {
    let name = op.name();
    name.starts_with("gauss.")
        || matches!(name.as_str(), "func.call" | "func.return" | "arith.constant")
}

/// What to write instead.
fn advice(op: &str) -> &'static str {
    const INSTEAD: [(&str, &str); 16] = [
        ("arith.addf", "the sum of two tensors is gauss.add"),
        ("linalg.add", "the sum of two tensors is gauss.add"),
        ("arith.max", "the maximum with zero is gauss.relu"),
        ("linalg.max", "the maximum with zero is gauss.relu"),
        (
            "linalg.matmul",
            "a fully connected layer is gauss.dense, with a weight of outputs x inputs",
        ),
        ("linalg.conv_2d", "a convolution is gauss.conv2d"),
        ("linalg.pooling_nchw_max", "the maximum over a window is gauss.max_pool2d"),
        ("linalg.pooling_nchw_sum", "the average over a window is gauss.avg_pool2d"),
        ("linalg.softmax", "class probabilities of logits are gauss.softmax, or --head"),
        ("tensor.collapse_shape", "another shape of the same elements is gauss.reshape"),
        ("tensor.expand_shape", "another shape of the same elements is gauss.reshape"),
        ("tensor.reshape", "another shape of the same elements is gauss.reshape"),
        ("memref.", "a network works on tensors"),
        ("scf.", "a network has no control flow: it is one block of layers"),
        ("cf.", "a network has no control flow: it is one block of layers"),
        ("affine.", "a network has no control flow: it is one block of layers"),
    ];
    INSTEAD
        .iter()
        .find(|(start, _)| op.starts_with(start))
        .map_or("the ops are listed in docs/README.md; pfp-opt takes others", |(_, advice)| advice)
}
