//! Buffers whose contents matter within a part of a loop only.

use gauss_dialect::ir::{Builder, Op, Value};

use crate::linalg::allocate;

/// The attribute of an allocation whose contents matter within one trip of the
/// loop that uses it.
pub const WITHIN_ITEM: &str = "gauss.within_item";

/// The attribute of such an allocation whose contents matter in the next trip as well: not
/// beyond the last trip.
pub const CARRIED: &str = "gauss.carried";

/// A buffer of so many numbers, whose contents matter within one trip of the loop that uses
/// it.
pub fn allocate_within_item(builder: Builder, elements: i64) -> Value {
    let buffer = allocate(builder, &[elements]);
    let mark = |op: Op| op.set_attribute(WITHIN_ITEM, op.context().unit_attr());
    buffer.defining_op().into_iter().for_each(mark);
    buffer
}
