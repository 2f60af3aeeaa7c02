//! Reverse mode through the body of a loop: what each number that it reads contributes to what it
//! yields.
//!
//! Where a function has a corner, such as |x| at 0, all rules take the side of smaller numbers, and
//! of two that vary the first for the larger one, as the formulas do: the corners of one formula
//! then belong together, and a smooth function that is put together at a corner has its own
//! derivative there.

use std::collections::{HashMap, HashSet};

use gauss_dialect::ir::{Block, Builder, Context, Op, Value};

use crate::{
    lanes::{Predicate, constant},
    promises::TAIL_EXPONENT,
};

/// √ of the smallest normal number: no root is taken for less where it divides.
const LEAST_ROOT: f64 = 1.0842e-19;

/// How a loop makes an element of its result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Of what it reads, once.
    Function,
    /// By adding a term for every step.
    Sum,
    /// As the largest of these terms.
    Maximum(Value),
    /// By a step that takes the result of the one before for more than that.
    Recurrence,
}

impl Kind {
    /// How a body comes to what it yields, which `sum` is the place of.
    pub(super) fn of(body: Block, yielded: Value, sum: Value) -> Self {
        let on_sum = dependent(body, &[sum]);
        if !on_sum.contains(&yielded) {
            return Kind::Function;
        }
        let rises = |value: &Value| on_sum.contains(value);
        let mut value = yielded;
        while value != sum {
            let Some(op) = value.defining_op() else { return Kind::Recurrence };
            let operands = op.operands();
            let on: Vec<_> = operands.iter().map(rises).collect();
            value = match (op.name().as_str(), &on[..]) {
                ("arith.addf" | "arith.subf", [true, false]) => operands[0],
                ("arith.addf", [false, true]) => operands[1],
                ("math.fma", [false, false, true]) => operands[2],
                ("arith.maxnumf", _) if value == yielded && operands.contains(&sum) => {
                    let term = operands.iter().copied().find(|operand| !rises(operand));
                    return term.map_or(Kind::Recurrence, Kind::Maximum);
                }
                _ => return Kind::Recurrence,
            };
        }
        Kind::Sum
    }
}

/// The values of a body that depend on some of its own, these included.
pub(super) fn dependent(body: Block, on: &[Value]) -> HashSet<Value> {
    let mut found: HashSet<_> = on.iter().copied().collect();
    for op in body.ops() {
        if op.operands().iter().any(|operand| found.contains(operand)) {
            found.extend(op.results());
        }
    }
    found
}

/// The adjoints of the numbers of a body, as ops at the end of another block.
pub(super) struct Reverse {
    builder: Builder,
    context: Context,
    /// What stands for each number of the body.
    values: HashMap<Value, Value>,
    adjoints: HashMap<Value, Value>,
    /// What the numbers that are asked for reach.
    wanted: HashSet<Value>,
    /// How numbers grow with what the body reads: like which power of it.
    degrees: HashMap<Value, f64>,
}

impl Reverse {
    /// Computes a body anew. `values` are its arguments and what stands for them, `wanted` those
    /// whose adjoints are asked for.
    pub(super) fn new(
        builder: Builder,
        body: Block,
        mut values: HashMap<Value, Value>,
        wanted: &[Value],
    ) -> Self {
        let wanted = dependent(body, wanted);
        let mut degrees = values.values().map(|&value| (value, 1.0)).collect();
        for op in body.ops().into_iter().filter(|op| !op.is("linalg.yield")) {
            let copy = builder.copy(op, &mut values);
            if op.operands().iter().any(|operand| wanted.contains(operand)) {
                below_at_ties(copy);
            }
            let degree = degree(copy, &degrees);
            degrees.extend(copy.results().into_iter().map(|result| (result, degree)));
        }
        let context = builder.context();
        Self { builder, context, values, adjoints: HashMap::new(), wanted, degrees }
    }

    /// What stands for a number of the body.
    pub(super) fn value(&self, value: Value) -> Value {
        *self.values.get(&value).unwrap_or(&value)
    }

    /// The adjoint of a number; none where it is 0.
    pub(super) fn adjoint(&self, value: Value) -> Option<Value> {
        self.adjoints.get(&value).copied()
    }

    /// Adds to the adjoint of a number of the body.
    pub(super) fn add(&mut self, to: Value, adjoint: Value) {
        if !self.wanted.contains(&to) {
            return;
        }
        let sum = match self.adjoint(to) {
            Some(before) => self.emit("arith.addf", &[before, adjoint]),
            None => adjoint,
        };
        self.adjoints.insert(to, sum);
    }

    /// Adds where the number is one that `chosen` is true for.
    pub(super) fn add_where(&mut self, to: Value, chosen: Value, adjoint: Value) {
        if self.wanted.contains(&to) {
            let zero = self.constant(0.0);
            let adjoint = self.emit("arith.select", &[chosen, adjoint, zero]);
            self.add(to, adjoint);
        }
    }

    /// Are two numbers equal?
    pub(super) fn equal(&self, x: Value, y: Value) -> Value {
        self.compare(Predicate::OrderedEqual, x, y)
    }

    /// Takes the adjoints of all results of the body to what it reads.
    ///
    /// # Errors
    ///
    /// The name of an op without a rule.
    pub(super) fn run(&mut self, body: Block) -> Result<(), String> {
        for op in body.ops().into_iter().rev() {
            let Some(adjoint) = op.results().first().and_then(|&result| self.adjoint(result))
            else {
                continue;
            };
            self.step(op, adjoint)?;
        }
        Ok(())
    }

    fn step(&mut self, op: Op, adjoint: Value) -> Result<(), String> {
        let operands = op.operands();
        let result = self.value(op.result(0));
        let of: Vec<_> = operands.iter().map(|&operand| self.value(operand)).collect();
        match (op.name().as_str(), &operands[..]) {
            ("arith.constant", _) => {}
            ("arith.addf", &[x, y]) => {
                self.add(x, adjoint);
                self.add(y, adjoint);
            }
            ("arith.subf", &[x, y]) => {
                self.add(x, adjoint);
                self.subtract(y, adjoint);
            }
            ("arith.negf", &[x]) => self.subtract(x, adjoint),
            ("arith.mulf", &[x, y]) => {
                self.add_product(x, adjoint, of[1]);
                self.add_product(y, adjoint, of[0]);
            }
            ("math.fma", &[x, y, z]) => {
                self.add_product(x, adjoint, of[1]);
                self.add_product(y, adjoint, of[0]);
                self.add(z, adjoint);
            }
            ("arith.divf", &[x, y]) => {
                let share = self.emit("arith.divf", &[adjoint, of[1]]);
                let share = self.unless_zero(adjoint, share);
                self.add(x, share);
                if self.wanted.contains(&y) {
                    let product = self.emit("arith.mulf", &[share, result]);
                    let product = self.unless_zero(share, product);
                    self.subtract(y, product);
                }
            }
            ("math.sqrt", &[x]) => {
                let [half, least] = [0.5, LEAST_ROOT].map(|value| self.constant(value));
                let root = self.emit("arith.maxnumf", &[result, least]);
                let half = self.emit("arith.mulf", &[adjoint, half]);
                let share = self.emit("arith.divf", &[half, root]);
                self.add(x, share);
            }
            ("math.absf", &[x]) => {
                let zero = self.constant(0.0);
                let above = self.compare(Predicate::OrderedGreater, of[0], zero);
                let negative = self.emit("arith.negf", &[adjoint]);
                let signed = self.emit("arith.select", &[above, adjoint, negative]);
                self.add(x, signed);
            }
            ("arith.maxnumf", &[x, y]) => {
                let predicate = match constant(of[1]) {
                    Some(_) => Predicate::OrderedGreater,
                    None => Predicate::OrderedGreaterEqual,
                };
                let first = self.compare(predicate, of[0], of[1]);
                self.choose(first, [x, y], adjoint);
            }
            ("arith.select", &[_, x, y]) => self.choose(of[0], [x, y], adjoint),
            ("math.exp", &[x]) => self.add_product(x, adjoint, result),
            ("math.log", &[x]) => {
                let share = self.emit("arith.divf", &[adjoint, of[0]]);
                let share = self.unless_zero(adjoint, share);
                self.add(x, share);
            }
            ("math.sin", &[x]) => {
                let cosine = self.emit("math.cos", &[of[0]]);
                self.add_product(x, adjoint, cosine);
            }
            ("math.cos", &[x]) => {
                let sine = self.emit("math.sin", &[of[0]]);
                let negative = self.emit("arith.negf", &[sine]);
                self.add_product(x, adjoint, negative);
            }
            ("math.tanh", &[x]) => {
                let one = self.constant(1.0);
                let negative = self.emit("arith.negf", &[result]);
                let slope = self.emit("math.fma", &[negative, result, one]);
                self.add_product(x, adjoint, slope);
            }
            (name, _) => return Err(name.to_owned()),
        }
        Ok(())
    }

    fn subtract(&mut self, from: Value, adjoint: Value) {
        if self.wanted.contains(&from) {
            let negative = self.emit("arith.negf", &[adjoint]);
            self.add(from, negative);
        }
    }

    /// Adds a product; 0 where the adjoint is, whatever the other factor may be.
    fn add_product(&mut self, to: Value, adjoint: Value, factor: Value) {
        if !self.wanted.contains(&to) {
            return;
        }
        if self.degrees.get(&factor).is_some_and(|&degree| degree > FINITE_DEGREE) {
            let product = self.emit("arith.mulf", &[adjoint, factor]);
            let product = self.unless_zero(adjoint, product);
            return self.add(to, product);
        }
        let sum = match self.adjoint(to) {
            Some(before) => self.emit("math.fma", &[adjoint, factor, before]),
            None => self.emit("arith.mulf", &[adjoint, factor]),
        };
        self.adjoints.insert(to, sum);
    }

    /// The adjoint goes to the first of two where `first` is true, else to the second.
    fn choose(&mut self, first: Value, [x, y]: [Value; 2], adjoint: Value) {
        let zero = self.constant(0.0);
        for (to, arms) in [(x, [adjoint, zero]), (y, [zero, adjoint])] {
            if self.wanted.contains(&to) {
                let share = self.emit("arith.select", &[first, arms[0], arms[1]]);
                self.add(to, share);
            }
        }
    }

    /// `value` where the adjoint that it is a multiple of is not 0.
    fn unless_zero(&self, adjoint: Value, value: Value) -> Value {
        let zero = self.constant(0.0);
        let is_zero = self.equal(adjoint, zero);
        self.emit("arith.select", &[is_zero, zero, value])
    }

    fn constant(&self, value: f64) -> Value {
        self.builder.constant(self.context.f32_attr(value), self.context.f32())
    }

    fn compare(&self, predicate: Predicate, x: Value, y: Value) -> Value {
        self.builder
            .op("arith.cmpf")
            .operands(&[x, y])
            .attr("predicate", self.context.i64_attr(predicate as i64))
            .results(&[self.context.integer(1)])
            .build()
            .result(0)
    }

    fn emit(&self, name: &str, operands: &[Value]) -> Value {
        self.builder.value(name, operands, self.context.f32())
    }
}

/// Makes a comparison of what varies with a constant one that fails where both are equal.
fn below_at_ties(op: Op) {
    let predicate = op.attribute("predicate").and_then(|predicate| predicate.as_i64());
    let is_not_less = predicate == Some(Predicate::OrderedGreaterEqual as i64);
    if !op.is("arith.cmpf") || !is_not_less {
        return;
    }
    let (x, y) = (op.operand(0), op.operand(1));
    if x != y && constant(x).is_none() && constant(y).is_some() {
        let greater = op.context().i64_attr(Predicate::OrderedGreater as i64);
        op.set_attribute("predicate", greater);
    }
}

/// Up to this power of what a body reads, numbers are finite where that is below 1e9.
const FINITE_DEGREE: f64 = 4.0;

/// Like which power of what a body reads the result of an op grows; constants and what lies outside of the
/// body do not.
fn degree(op: Op, degrees: &HashMap<Value, f64>) -> f64 {
    let of: Vec<_> =
        op.operands().iter().map(|operand| degrees.get(operand).copied().unwrap_or(0.0)).collect();
    let largest = || of.iter().copied().fold(0.0, f64::max);
    match (op.name().as_str(), &of[..]) {
        ("arith.divf" | "math.log", _) => f64::INFINITY,
        ("math.exp", _) if op.attribute(TAIL_EXPONENT).is_none() => f64::INFINITY,
        ("math.exp" | "math.tanh" | "math.sin" | "math.cos" | "arith.cmpf", _) => 0.0,
        ("arith.select", _) if is_held(op) => 0.0,
        ("arith.mulf", &[x, y]) => x + y,
        ("math.fma", &[x, y, z]) => z.max(x + y),
        ("math.sqrt", &[x]) => x / 2.0,
        _ => largest(),
    }
}

/// Is an op what is smaller of a number and a constant? In bodies that is the size of a quotient.
fn is_held(op: Op) -> bool {
    let less = Predicate::OrderedLess as i64;
    let is_less = |test: &Op| {
        test.attribute("predicate").and_then(|predicate| predicate.as_i64()) == Some(less)
            && test.operands() == op.operands()[1..]
    };
    let from_size = |value: Value| value.defining_op().is_some_and(|op| op.is("math.absf"));
    op.operand(0).defining_op().filter(is_less).is_some()
        && constant(op.operand(2)).is_some()
        && from_size(op.operand(1))
}
