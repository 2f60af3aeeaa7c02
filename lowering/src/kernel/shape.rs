//! Shapes: what kernels have in common that one schedule suits.

use std::fmt::Write;

use gauss_dialect::ir::Value;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{constants::Constants, group::Group, nest::Nest};

/// What the time of a kernel depends on beside its schedule and the core.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The layers that it computes.
    pub layers: String,
    /// Trip counts of the parallel dimensions.
    pub parallel: Vec<i64>,
    /// Trip counts of the reductions.
    pub reductions: Vec<i64>,
    /// Strips of an item that it computes in turn with its neighbours.
    pub strips: i64,
    /// Tasks that may run at the same time.
    pub tasks: i64,
    /// Of all loops, accesses and operations: 16 hexadecimal digits.
    pub digest: String,
}

impl Shape {
    /// The shape of a group with as few dimensions as possible.
    pub fn of(group: &Group, strips: i64, tasks: i64, constants: &Constants) -> Self {
        let mut text = format!("{strips} {tasks} {:?}", group.uneven);
        let mut buffers = Vec::new();
        for nest in group.members() {
            describe(nest, group, constants, &mut buffers, &mut text);
        }
        let digest = Sha256::digest(text.as_bytes());
        Self {
            layers: group.layers(),
            parallel: group.root.parallel_sizes().to_vec(),
            reductions: group.root.reduction_sizes().to_vec(),
            strips,
            tasks,
            digest: digest.iter().take(8).fold(String::new(), |mut digits, byte| {
                // Writing to a string does not fail.
                let _ = write!(digits, "{byte:02x}");
                digits
            }),
        }
    }
}

/// Adds the loops, the accesses and the operations of a nest; buffers go by the order in which they are met.
fn describe(
    nest: &Nest,
    group: &Group,
    constants: &Constants,
    buffers: &mut Vec<Value>,
    text: &mut String,
) {
    let _ = write!(text, "\n{:?} {}:", nest.sizes, nest.parallel);
    for access in nest.accesses() {
        let place = buffers.iter().position(|buffer| *buffer == access.root);
        let place = place.unwrap_or_else(|| {
            buffers.push(access.root);
            buffers.len() - 1
        });
        let kind = match (constants.values(access.root).is_some(), group.keeps(access.root)) {
            (true, _) => "weights",
            (false, true) => "kept",
            (false, false) => "",
        };
        let _ = write!(text, " {place}{kind}{:?}", access.strides);
    }
    let mut values = nest.body.arguments();
    for op in nest.body.ops() {
        let operands = op.operands().into_iter().map(|operand| {
            let known = values.iter().position(|value| *value == operand);
            known.map_or(-1, |number| number as i64)
        });
        let _ = write!(text, "\n{}{:?}", op.name(), operands.collect::<Vec<_>>());
        values.extend(op.results());
    }
}
