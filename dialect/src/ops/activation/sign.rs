//! −1 below 0, 0 at 0, 1 above.
//!
//! With Q the upper tail of the normal distribution at |m|/σ the mean is ±(1 − 2Q), and the variance
//! 4Q(1 − Q): that of a coin.

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments, rarer_side},
};

/// The sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sign;

impl Pointwise for Sign {
    plain!(Sign, "sign");

    fn is_increasing(self) -> bool {
        true
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        signed(a, x, None)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let (one, two) = (a.constant(1.0), a.constant(2.0));
        let rarer = rarer_side(a, mean, variance);
        let size = a.negated_fma(two, rarer, one);
        let rest = a.sub(one, rarer);
        let product = a.mul(rarer, rest);
        let four = a.constant(4.0);
        Moments::gaussian(signed(a, mean, Some(size)), a.mul(product, four))
    }
}

/// `size`, or 1, with the sign of x; 0 where x is 0, and x where it is not a number.
fn signed<A: Elementary>(a: &mut A, x: A::Value, size: Option<A::Value>) -> A::Value {
    let (zero, one) = (a.constant(0.0), a.constant(1.0));
    let size = size.unwrap_or(one);
    let minus = a.sub(zero, size);
    let below = a.select_ge(x, zero, x, minus);
    let not_above = a.select_ge(zero, x, below, size);
    // Neither x ≥ 0 nor 0 ≥ x.
    a.select_ge(x, x, not_above, x)
}
