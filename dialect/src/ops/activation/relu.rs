//! max(x, 0).

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments, relu},
};

/// The rectified linear unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relu;

impl Pointwise for Relu {
    plain!(Relu, "relu");

    fn is_increasing(self) -> bool {
        true
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        relu(a, Moments::deterministic(x)).mean
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        relu(a, Moments::gaussian(mean, variance))
    }
}
