//! x/(1 + e^(−x)), also called swish.

use super::{Pointwise, plain, sigmoid::Sides, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Grid, Smooth},
    },
    ops::activation::sigmoid::Sigmoid,
};

/// The sigmoid linear unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silu;

smooth!(Silu, "silu");

impl Smooth for Silu {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const GRID: Grid = Grid { steps: [-15, 15], step: 0.8, smoothing: 1.2, width: [0.7, 0.1] };

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let share = Smooth::value(Sigmoid, a, x);
        a.mul(x, share)
    }

    /// σ(x)·(1 + x·σ(−x)).
    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let one = a.constant(1.0);
        let sides = Sides::at(a, x);
        let (share, other) = (sides.select(a, x), sides.other(a, x));
        let factor = a.fma(x, other, one);
        a.mul(share, factor)
    }
}
