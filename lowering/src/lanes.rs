//! Arithmetic on scalars, or on all lanes of a vector.

use gauss_dialect::ir::{Attribute, Builder, Op, Type, Value};

/// The number that a value is, in all lanes.
pub fn constant(value: Value) -> Option<f64> {
    let value = value.defining_op()?.attribute("value")?;
    let splat = || value.as_f32_elements()?.first().map(|&first| f64::from(first));
    value.as_f64().or_else(splat)
}

/// The integer that a value is.
pub fn integer_constant(value: Value) -> Option<i64> {
    value.defining_op().filter(|op| op.is("arith.constant"))?.attribute("value")?.as_i64()
}

/// The predicates of `arith.cmpf`, by their number in it.
#[derive(Debug, Clone, Copy)]
pub enum Predicate {
    /// Equal.
    OrderedEqual = 1,
    /// Greater.
    OrderedGreater = 2,
    /// Greater or equal.
    OrderedGreaterEqual = 3,
    /// Less.
    OrderedLess = 4,
    /// Less, or one of them is not a number.
    UnorderedOrLess = 11,
    /// One of them is not a number.
    Unordered = 14,
}

/// Emits `arith` ops of the type of one operand.
pub struct Lanes {
    /// Where.
    pub builder: Builder,
    /// The type: `f32`, or a vector of it.
    pub float: Type,
    /// Integers of 32 bits.
    pub integer: Type,
    /// The results of comparisons.
    pub boolean: Type,
    fma: bool,
}

impl Lanes {
    /// Emits before an op, of the type of its first operand. Without `fma` a fused
    /// multiply-add is a product and a sum.
    pub fn before(op: Op, fma: bool) -> Self {
        let builder = Builder::before(op);
        let context = builder.context();
        let float = op.operand(0).ty();
        let of = |element: Type| match float.shape() {
            Some(shape) => Type::vector(element, &shape),
            None => element,
        };
        let (integer, boolean) = (of(context.integer(32)), of(context.integer(1)));
        Self { builder, float, integer, boolean, fma }
    }

    fn literal(&self, value: Attribute, ty: Type) -> Value {
        match ty.is_vector() {
            true => self.builder.constant(Attribute::splat_of(ty, value), ty),
            false => self.builder.constant(value, ty),
        }
    }

    /// A number in all lanes.
    pub fn constant(&self, value: f64) -> Value {
        self.literal(self.builder.context().f32_attr(value), self.float)
    }

    /// An integer in all lanes.
    pub fn integer_constant(&self, value: i64) -> Value {
        self.literal(self.builder.context().integer(32).integer_attr(value), self.integer)
    }

    /// An op on two operands of one type.
    pub fn binary(&self, name: &str, a: Value, b: Value) -> Value {
        self.builder.value(name, &[a, b], a.ty())
    }

    /// `a · b`.
    pub fn mul(&self, a: Value, b: Value) -> Value {
        self.binary("arith.mulf", a, b)
    }

    /// `a · b + c`.
    pub fn fma(&self, a: Value, b: Value, c: Value) -> Value {
        if self.fma {
            return self.builder.value("math.fma", &[a, b, c], a.ty());
        }
        self.binary("arith.addf", self.mul(a, b), c)
    }

    /// `c − a · b`.
    pub fn negated_fma(&self, a: Value, b: Value, c: Value) -> Value {
        self.fma(self.builder.value("arith.negf", &[a], a.ty()), b, c)
    }

    /// `a` where `x` compares to `y`, else `b`.
    pub fn select(&self, predicate: Predicate, [x, y]: [Value; 2], a: Value, b: Value) -> Value {
        let chosen = self
            .builder
            .op("arith.cmpf")
            .operands(&[x, y])
            .attr("predicate", self.builder.context().i64_attr(predicate as i64))
            .results(&[self.boolean])
            .build()
            .result(0);
        self.builder.value("arith.select", &[chosen, a, b], a.ty())
    }

    /// Constant term first, by Horner's rule: slower than Estrin's scheme, but what is
    /// rounded first is multiplied most often by x.
    pub fn horner(&self, coefficients: &[f64], x: Value) -> Value {
        let terms = coefficients.iter().rev().map(|&coefficient| self.constant(coefficient));
        terms.reduce(|sum, term| self.fma(sum, x, term)).unwrap_or_else(|| self.constant(0.0))
    }

    /// Constant term first, by Estrin's scheme: pairs of terms side by side, then
    /// Horner's rule on x².
    pub fn polynomial(&self, coefficients: &[f64], x: Value, square: Value) -> Value {
        let pair = |pair: &[f64]| match *pair {
            [constant, slope] => self.fma(self.constant(slope), x, self.constant(constant)),
            _ => self.constant(pair.first().copied().unwrap_or(0.0)),
        };
        let pairs = coefficients.chunks(2).rev().map(pair);
        pairs.reduce(|sum, pair| self.fma(sum, square, pair)).unwrap_or_else(|| self.constant(0.0))
    }
}
