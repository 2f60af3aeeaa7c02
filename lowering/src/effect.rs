//! What ops do beside their results.

use gauss_dialect::ir::{Op, Value};

use crate::kernel::nest::root_of;

/// What an op does beside its results; a buffer is the root of that in the op.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It loads from a buffer.
    Reads(Value),
    /// It stores to a buffer.
    Writes(Value),
    /// Not one of the ops that are known.
    Unknown,
}

/// The effect of an op of a loop over vectors.
pub fn effect(op: Op) -> Effect {
    match op.name().as_str() {
        "vector.load" | "vector.maskedload" | "memref.load" => {
            Effect::Reads(root_of(op.operand(0)))
        }
        "vector.store" | "memref.store" => Effect::Writes(root_of(op.operand(1))),
        "vector.maskedstore" => Effect::Writes(root_of(op.operand(0))),
        "vector.broadcast"
        | "vector.shuffle"
        | "vector.extract"
        | "vector.constant_mask"
        | "vector.step"
        | "vector.from_elements" => Effect::None,
        name if name.starts_with("arith.") || name.starts_with("math.") => Effect::None,
        _ => Effect::Unknown,
    }
}
