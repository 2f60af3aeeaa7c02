//! tanh x.

use super::{Pointwise, plain, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Grid, Smooth},
    },
};

/// The hyperbolic tangent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tanh;

smooth!(Tanh, "tanh");

impl Smooth for Tanh {
    const ASYMPTOTE: Asymptote = Asymptote::Step(-1.0, 1.0);
    const GRID: Grid = Grid { steps: [-16, 16], step: 0.42, smoothing: 0.65, width: [0.37, 0.08] };

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        a.tanh(x)
    }

    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (one, two, minus_two) = (a.constant(1.0), a.constant(2.0), a.constant(-2.0));
        let distance = a.abs(x);
        let exponent = a.mul(distance, minus_two);
        let power = a.decay(exponent);
        // 4q/(1 + q)².
        let sum = a.add(one, power);
        let part = a.div(two, sum);
        let square = a.mul(part, part);
        a.mul(square, power)
    }
}
