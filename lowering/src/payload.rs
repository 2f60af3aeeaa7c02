//! The moment algebra on MLIR: arithmetic that emits the body of a loop.

use std::collections::HashMap;

use gauss_dialect::{
    ir::{Attribute, Builder, Type, Value},
    moments::{self, Arithmetic, Elementary, Tail},
    predictive::{self, Special},
};

use crate::{
    lanes::Predicate,
    promises::{EITHER, ESTIMATE, FINITE_EXPONENT, TAIL_EXPONENT, TAIL_LEAST},
};

/// Emits scalar `arith` and `math` ops at the place of a builder. Equal
/// literals become one constant.
pub struct Payload {
    builder: Builder,
    element: Type,
    constants: HashMap<u64, Value>,
}

impl Payload {
    /// Emits at `builder`, in `f32`.
    pub fn new(builder: Builder) -> Self {
        Self { builder, element: builder.context().f32(), constants: HashMap::new() }
    }

    fn emit(&self, name: &str, operands: &[Value]) -> Value {
        self.builder.value(name, operands, self.element)
    }

    /// Emits an op that makes a promise, by the name of a discardable attribute.
    fn promise(&self, name: &str, operands: &[Value], promise: &str) -> Value {
        let op = self.builder.op(name).operands(operands).results(&[self.element]);
        op.attr(promise, self.builder.context().unit_attr()).build().result(0)
    }

    fn compare(&self, predicate: Predicate, a: Value, b: Value) -> Value {
        let context = self.builder.context();
        self.builder
            .op("arith.cmpf")
            .operands(&[a, b])
            .attr("predicate", context.i64_attr(predicate as i64))
            .results(&[context.integer(1)])
            .build()
            .result(0)
    }
}

impl Arithmetic for Payload {
    type Value = Value;

    fn constant(&mut self, value: f64) -> Value {
        if let Some(&known) = self.constants.get(&value.to_bits()) {
            return known;
        }
        let attribute: Attribute = self.builder.context().f32_attr(value);
        let constant = self.builder.constant(attribute, self.element);
        self.constants.insert(value.to_bits(), constant);
        constant
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        self.emit("arith.addf", &[a, b])
    }

    fn sub(&mut self, a: Value, b: Value) -> Value {
        self.emit("arith.subf", &[a, b])
    }

    fn mul(&mut self, a: Value, b: Value) -> Value {
        self.emit("arith.mulf", &[a, b])
    }

    fn negate(&mut self, a: Value) -> Value {
        self.emit("arith.negf", &[a])
    }

    fn div(&mut self, a: Value, b: Value) -> Value {
        self.emit("arith.divf", &[a, b])
    }

    fn reciprocal(&mut self, a: Value) -> Value {
        let one = self.constant(1.0);
        self.promise("arith.divf", &[one, a], ESTIMATE)
    }

    fn fma(&mut self, a: Value, b: Value, c: Value) -> Value {
        self.emit("math.fma", &[a, b, c])
    }

    fn negated_fma(&mut self, a: Value, b: Value, c: Value) -> Value {
        let negated = self.emit("arith.negf", &[a]);
        self.emit("math.fma", &[negated, b, c])
    }

    fn sqrt(&mut self, a: Value) -> Value {
        self.promise("math.sqrt", &[a], ESTIMATE)
    }

    fn abs(&mut self, a: Value) -> Value {
        self.emit("math.absf", &[a])
    }

    fn max(&mut self, a: Value, b: Value) -> Value {
        self.emit("arith.maxnumf", &[a, b])
    }

    fn min_or(&mut self, a: Value, b: Value) -> Value {
        let smaller = self.compare(Predicate::OrderedLess, a, b);
        self.emit("arith.select", &[smaller, a, b])
    }

    fn select_ge(&mut self, a: Value, b: Value, then: Value, otherwise: Value) -> Value {
        let chosen = self.compare(Predicate::OrderedGreaterEqual, a, b);
        self.emit("arith.select", &[chosen, then, otherwise])
    }

    fn choose_ge<const N: usize>(
        &mut self,
        a: Value,
        b: Value,
        then: [Value; N],
        otherwise: [Value; N],
    ) -> [Value; N] {
        let chosen = self.compare(Predicate::OrderedGreaterEqual, a, b);
        std::array::from_fn(|n| {
            self.promise("arith.select", &[chosen, then[n], otherwise[n]], EITHER)
        })
    }

    fn tail(&mut self, a: Value) -> Tail<Value> {
        Tail::rational(self, a, |payload, x| payload.promise("math.exp", &[x], TAIL_EXPONENT))
    }
}

impl Elementary for Payload {
    fn exp(&mut self, a: Value) -> Value {
        self.emit("math.exp", &[a])
    }

    fn finite_exp(&mut self, a: Value) -> Value {
        self.promise("math.exp", &[a], FINITE_EXPONENT)
    }

    fn decay(&mut self, a: Value) -> Value {
        let least = self.constant(TAIL_LEAST);
        let within = self.max(a, least);
        self.promise("math.exp", &[within], TAIL_EXPONENT)
    }

    fn ln(&mut self, a: Value) -> Value {
        self.emit("math.log", &[a])
    }

    fn sin(&mut self, a: Value) -> Value {
        self.emit("math.sin", &[a])
    }

    fn cos(&mut self, a: Value) -> Value {
        self.emit("math.cos", &[a])
    }

    fn upper_tail(&mut self, a: Value) -> Value {
        moments::upper_tail(self, a)
    }
}

impl Special for Payload {
    fn information(&mut self, a: Value) -> Value {
        predictive::information(self, a)
    }

    fn digamma_rise(&mut self, a: Value) -> Value {
        predictive::digamma_rise(self, a)
    }
}
