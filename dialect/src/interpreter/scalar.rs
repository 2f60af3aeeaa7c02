//! What numbers the interpreter computes with.

use std::fmt;

use crate::{
    moments::{Along, Directional, F64},
    predictive::Special,
};

/// A number that the kernels can be run on.
pub trait Scalar: Copy + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The arithmetic of these numbers.
    type Algebra: Special<Value = Self>;

    /// 0.
    const ZERO: Self;

    /// The arithmetic.
    fn algebra() -> Self::Algebra;

    /// A number that is known.
    fn constant(value: f64) -> Self;

    /// The number in double precision, without what it has beside it.
    fn value(self) -> f64;
}

impl Scalar for f64 {
    type Algebra = F64;

    const ZERO: Self = 0.0;

    fn algebra() -> F64 {
        F64
    }

    fn constant(value: f64) -> Self {
        value
    }

    fn value(self) -> f64 {
        self
    }
}

impl Scalar for Along {
    type Algebra = Directional;

    const ZERO: Self = Self::constant(0.0);

    fn algebra() -> Directional {
        Directional
    }

    fn constant(value: f64) -> Self {
        Self::constant(value)
    }

    fn value(self) -> f64 {
        self.value
    }
}
