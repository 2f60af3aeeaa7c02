//! sin x.
//!
//! ```text
//! mean     = e^(−v/2)·sin m
//! variance = r(r/2 + (1 − r)cos²m)    r = 1 − e^(−v)
//! ```
//!
//! No term is negative.

use super::{Pointwise, exp::rise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments},
};

/// The sine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sin;

impl Pointwise for Sin {
    plain!(Sin, "sin");

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        a.sin(x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let (half, minus_half) = (a.constant(0.5), a.constant(-0.5));
        let (sine, cosine) = (a.sin(mean), a.cos(mean));
        let exponent = a.mul(variance, minus_half);
        let damping = a.exp(exponent);
        let rise = rise(a, variance);
        let square = a.mul(cosine, cosine);
        let rest = a.mul(damping, damping);
        let part = a.mul(rest, square);
        let factor = a.fma(rise, half, part);
        Moments::gaussian(a.mul(damping, sine), a.mul(rise, factor))
    }
}
