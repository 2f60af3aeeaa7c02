//! |x|: the folded normal distribution.
//!
//! |x| = max(x, 0) + max(−x, 0). With g = σJ(a), a = |m|/σ:
//!
//! ```text
//! mean     = |m| + 2g
//! variance = v(1 − 4J(a + J))
//! ```
//!
//! The bracket rises from 1 − 2/π to 1.

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments, Rectified, TAIL_LIMIT_F32},
};

/// The absolute value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Abs;

impl Pointwise for Abs {
    plain!(Abs, "abs");

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        a.abs(x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let rectified = Rectified::of(a, mean, variance);
        let (gain, Rectified { tail, ratio, .. }) = (rectified.gain(a), rectified);
        let (one, four) = (a.constant(1.0), a.constant(4.0));
        let distance = a.abs(mean);
        let twice = a.add(gain, gain);
        // Infinite without a variance.
        let limit = a.constant(TAIL_LIMIT_F32);
        let ratio = a.min_or(ratio, limit);
        let reach = a.add(ratio, tail.j);
        let part = a.mul(four, tail.j);
        let share = a.negated_fma(part, reach, one);
        Moments::gaussian(a.add(distance, twice), a.mul(variance, share))
    }
}
