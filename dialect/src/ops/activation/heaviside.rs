//! 0 below 0, else 1.
//!
//! With Q the upper tail of the normal distribution at |m|/σ the mean is 1 − Q or Q, by the sign of
//! m, and the variance Q(1 − Q): that of a coin.

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments, rarer_side},
};

/// The step at 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heaviside;

impl Pointwise for Heaviside {
    plain!(Heaviside, "heaviside");

    fn is_increasing(self) -> bool {
        true
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let step = a.select_ge(x, zero, one, zero);
        // What is not a number stays.
        a.select_ge(x, x, step, x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let rarer = rarer_side(a, mean, variance);
        let rest = a.sub(one, rarer);
        let above = a.select_ge(mean, zero, rest, rarer);
        let above = a.select_ge(mean, mean, above, mean);
        Moments::gaussian(above, a.mul(rarer, rest))
    }
}
