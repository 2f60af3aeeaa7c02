//! How many operations and values a body has, and what they cost.

use gauss_dialect::ir::{Op, Value};

use crate::kernel::{body::Body, nest::Nest};

/// Relative cost of the slow operations, in units of one addition.
const SLOW_OPS: [(&str, i64); 7] = [
    ("arith.divf", 8),
    ("math.sqrt", 10),
    ("math.exp", 14),
    ("math.log", 20),
    ("math.erf", 20),
    ("math.sin", 20),
    ("math.cos", 20),
];

/// The cost of an op, in additions.
pub fn op_cost(op: Op) -> i64 {
    let name = op.name();
    SLOW_OPS.iter().find(|(slow, _)| *slow == name).map_or(1, |(_, cost)| *cost)
}

/// The cost of an elementwise body, in additions.
pub(super) fn ops_cost(nest: &Nest) -> i64 {
    nest.body.ops().into_iter().map(op_cost).sum()
}

/// How many values and operations of a body depend on what.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Inputs and results that depend on the vector dimension alone.
    pub values_of_vector: i64,
    /// Inputs and results that depend on the row dimension alone, or on neither.
    pub values_of_row: i64,
    /// Operations on the vector dimension alone.
    pub ops_of_vector: i64,
    /// Operations on the row dimension alone, or on neither.
    pub ops_of_row: i64,
    /// Operations for every element of the tile.
    pub ops_of_both: i64,
    /// Operations from an accumulator to its next value.
    pub chain: i64,
}

impl Body<'_> {
    /// Counts the operations and values of the body.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let mut count = |value: Value, ops: i64| match self.dependence(value) {
            (true, false) => {
                counts.values_of_vector += 1;
                counts.ops_of_vector += ops;
            }
            (false, _) => {
                counts.values_of_row += 1;
                counts.ops_of_row += ops;
            }
            (true, true) => counts.ops_of_both += ops,
        };
        for (number, _) in self.nest().inputs.iter().enumerate() {
            count(self.nest().body.argument(number), 0);
        }
        for op in self.nest().body.ops() {
            if op.is("arith.constant") || op.results().is_empty() {
                continue;
            }
            count(op.result(0), op_cost(op));
        }
        counts.chain = self.chain();
        counts
    }
}
