//! The scalar body of a nest: which of its values depend on what.

use std::collections::HashMap;

use gauss_dialect::ir::{Op, Value};

use super::nest::Nest;

/// The body of a nest, seen by a tile.
#[derive(Debug)]
pub struct Body<'a> {
    nest: &'a Nest,
    /// For each value: does it differ between vectors, and between rows?
    dependence: HashMap<Value, (bool, bool)>,
}

impl<'a> Body<'a> {
    /// Looks at the body of `nest` from a tile along these dimensions.
    pub fn new(nest: &'a Nest, vector: Option<usize>, row: Option<usize>) -> Self {
        let mut dependence = HashMap::new();
        for (number, input) in nest.inputs.iter().enumerate() {
            let on = |dim: Option<usize>| dim.is_some_and(|dim| input.depends_on(dim));
            dependence.insert(nest.body.argument(number), (on(vector), on(row)));
        }
        for number in 0..nest.outputs.len() {
            let argument = nest.body.argument(nest.inputs.len() + number);
            dependence.insert(argument, (true, true));
        }
        let mut body = Self { nest, dependence };
        for op in nest.body.ops() {
            let joined = op.operands().into_iter().map(|operand| body.dependence(operand));
            let joined = joined.fold((false, false), |a, b| (a.0 || b.0, a.1 || b.1));
            // The only loop of the nest, if it is read.
            let joined = match op.is("linalg.index") {
                true => (vector == Some(0), row == Some(0)),
                false => joined,
            };
            for result in op.results() {
                body.dependence.insert(result, joined);
            }
        }
        body
    }

    /// The nest.
    pub fn nest(&self) -> &'a Nest {
        self.nest
    }

    /// Does the value differ between the vectors of a tile, and between its rows?
    /// A value from outside of the body is the same everywhere.
    pub fn dependence(&self, value: Value) -> (bool, bool) {
        self.dependence.get(&value).copied().unwrap_or((false, false))
    }

    /// Does an input differ between both rows and vectors?
    pub fn reads_by_cell(&self) -> bool {
        let inputs = 0..self.nest.inputs.len();
        inputs.into_iter().any(|n| self.dependence(self.nest.body.argument(n)) == (true, true))
    }

    /// The same for the result of an operation, where it has one.
    pub fn dependence_of(&self, op: Op) -> Option<(bool, bool)> {
        op.results().first().map(|&result| self.dependence(result))
    }

    /// What the body yields, one value per output.
    pub fn results(&self) -> Vec<Value> {
        self.nest.body.terminator().map(Op::operands).unwrap_or_default()
    }

    /// Is every result its accumulator plus something that depends on no accumulator?
    pub fn is_sum(&self) -> bool {
        let first = self.nest.inputs.len();
        let accumulators: Vec<_> = (0..self.nest.outputs.len())
            .map(|number| self.nest.body.argument(first + number))
            .collect();
        let is_used = |value: Value| value.users().len() == 1;
        self.results().into_iter().zip(&accumulators).all(|(result, &accumulator)| {
            let mut value = result;
            // Back from the result through what is added, each used once.
            while value != accumulator {
                let Some(op) = value.defining_op().filter(|_| is_used(value)) else {
                    return false;
                };
                value = match op.name().as_str() {
                    "math.fma" => op.operand(2),
                    "arith.addf" if accumulators.contains(&op.operand(0)) => op.operand(0),
                    "arith.addf" => op.operand(1),
                    _ => return false,
                };
            }
            is_used(accumulator)
        })
    }

    /// Multiply-adds of one element and step of a reduction.
    pub fn multiply_adds(&self) -> i64 {
        let mut count = 0;
        for mut value in self.results().into_iter().filter(|_| !self.nest.is_elementwise()) {
            while let Some(op) = value.defining_op().filter(|op| op.is("math.fma")) {
                count += 1;
                value = op.operand(2);
            }
        }
        count
    }

    /// The longest path of operations from an accumulator to its next value.
    pub fn chain(&self) -> i64 {
        let accumulators: Vec<_> = (0..self.nest.outputs.len())
            .map(|number| self.nest.body.argument(self.nest.inputs.len() + number))
            .collect();
        let mut length: HashMap<Value, i64> = accumulators.into_iter().map(|a| (a, 0)).collect();
        for op in self.nest.body.ops() {
            let longest = op.operands().iter().filter_map(|operand| length.get(operand)).max();
            if let Some(&longest) = longest {
                for result in op.results() {
                    length.insert(result, longest + 1);
                }
            }
        }
        self.results().iter().filter_map(|result| length.get(result)).max().copied().unwrap_or(0)
    }

    /// The operations whose result follows from constant inputs alone, other than
    /// literals, with their results in order.
    pub fn constant_ops(&self, is_constant: impl Fn(usize) -> bool) -> Vec<Op> {
        let mut known: Vec<Value> = (0..self.nest.inputs.len())
            .filter(|&number| is_constant(number))
            .map(|number| self.nest.body.argument(number))
            .collect();
        let mut found = Vec::new();
        for op in self.nest.body.ops() {
            if op.results().is_empty() || op.is("arith.constant") {
                continue;
            }
            if op.operands().iter().all(|operand| known.contains(operand)) {
                known.push(op.result(0));
                found.push(op);
            }
        }
        found
    }
}
