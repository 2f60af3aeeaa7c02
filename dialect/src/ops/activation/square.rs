//! x²: a scaled chi-squared distribution, not central.
//!
//! ```text
//! mean     = m² + v
//! variance = 2v² + 4m²v
//! ```

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments},
};

/// The square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square;

impl Pointwise for Square {
    plain!(Square, "square");

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        a.mul(x, x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let (two, four) = (a.constant(2.0), a.constant(4.0));
        let square = a.mul(mean, mean);
        // Not m²v: m² may be infinite where v is 0.
        let sigma = a.sqrt(variance);
        let product = a.mul(sigma, mean);
        let cross = a.mul(product, product);
        let own = a.mul(variance, variance);
        let own = a.mul(own, two);
        Moments::gaussian(a.add(square, variance), a.fma(cross, four, own))
    }
}
