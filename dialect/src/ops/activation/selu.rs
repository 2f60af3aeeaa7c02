//! λ times x above 0, λα(eˣ − 1) below, with the constants for which mean 0 and variance 1 are a fixed point.

use super::{Pointwise, elu::Exponential, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments},
};

/// The scaled exponential linear unit, Klambauer et al. 2017, arXiv 1706.02515.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selu;

/// α and λ of the paper's appendix.
const FUNCTION: Exponential =
    Exponential { size: 1.673_263_242_354_377_2, unit: 1.0, scale: 1.050_700_987_355_480_5 };

impl Pointwise for Selu {
    plain!(Selu, "selu");

    fn is_increasing(self) -> bool {
        true
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        FUNCTION.value(a, x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        FUNCTION.gaussian(a, mean, variance)
    }
}
