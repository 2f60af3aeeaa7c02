//! Functions of two independent tensors, element by element. A dimension of size 1 of either is
//! repeated.

use crate::{
    moments::{self, Arithmetic, Moments},
    ops::activation::leaky_relu,
    types::{TensorType, broadcast},
};

/// A function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `gauss.add`.
    Add,
    /// `gauss.sub`.
    Sub,
    /// `gauss.mul`.
    Mul,
    /// `gauss.div`, whose divisor is deterministic.
    Div,
    /// `gauss.prelu`: the second operand is the slope below 0, deterministic.
    Prelu,
}

impl Binary {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Add, Self::Sub, Self::Mul, Self::Div, Self::Prelu];

    /// The op, without its dialect.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Prelu => "prelu",
        }
    }

    /// What it does to its operands, in messages.
    fn verb(self) -> &'static str {
        match self {
            Self::Add => "adds",
            Self::Sub => "subtracts",
            Self::Mul => "multiplies",
            Self::Div => "divides",
            Self::Prelu => "bends",
        }
    }

    /// The function of two independent numbers.
    pub fn moments<A: Arithmetic>(
        self,
        a: &mut A,
        x: Moments<A::Value>,
        y: Moments<A::Value>,
    ) -> Moments<A::Value> {
        match self {
            Self::Add => moments::add(a, x, y),
            Self::Sub => moments::sub(a, x, y),
            Self::Mul => moments::mul(a, x, y),
            Self::Div => moments::div(a, x, y.mean),
            Self::Prelu => leaky_relu::moments(a, x, y.mean),
        }
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the shapes do not fit, or a divisor is Gaussian.
    pub fn infer(self, x: &TensorType, y: &TensorType) -> Result<TensorType, String> {
        if self == Self::Div && y.gaussian {
            return Err(format!(
                "divides by the Gaussian {y}: the reciprocal of a Gaussian has no moments; make the \
                 divisor deterministic"
            ));
        }
        if self == Self::Prelu && y.gaussian {
            return Err(format!(
                "has the Gaussian slope {y}; the moments are those for a slope that is known"
            ));
        }
        let differ = || format!("{} {x} and {y}, whose shapes differ", self.verb());
        if x.shape.len() != y.shape.len() {
            return Err(differ());
        }
        let shape = broadcast(&x.shape, &y.shape);
        let gaussian = x.gaussian || y.gaussian;
        Ok(TensorType::new(shape.ok_or_else(differ)?, gaussian))
    }
}
