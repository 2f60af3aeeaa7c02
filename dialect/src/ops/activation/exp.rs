//! eˣ: the log-normal distribution.
//!
//! ```text
//! mean     = e^(m + v/2)
//! variance = e^(2(m + v))·(1 − e^(−v))
//! ```
//!
//! The bracket is computed without a difference where v is small.

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments},
};

/// The exponential function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exp;

/// The largest exponent of a finite result in `f32`.
const LARGEST: f64 = 88.72;

impl Pointwise for Exp {
    plain!(Exp, "exp");

    fn is_increasing(self) -> bool {
        true
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        a.exp(x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let half = a.constant(0.5);
        let exponent = a.fma(variance, half, mean);
        let result = a.exp(exponent);
        // Its square may be infinite; the factor itself is not, as v may be 0.
        let exponent = a.add(mean, variance);
        let exponent = {
            let largest = a.constant(LARGEST);
            a.select_ge(exponent, largest, largest, exponent)
        };
        let root = a.exp(exponent);
        let share = rise(a, variance);
        let product = a.mul(root, share);
        Moments::gaussian(result, a.mul(product, root))
    }
}

/// 1 − e^(−v).
pub fn rise<A: Elementary>(a: &mut A, v: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    let minus = a.sub(zero, v);
    let fall = a.exp_m1(minus);
    a.sub(zero, fall)
}
