//! ln(1 + eˣ).

use super::{Pointwise, plain, sigmoid::Sides, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Grid, Smooth},
    },
};

/// The smooth rectified linear unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softplus;

smooth!(Softplus, "softplus");

impl Smooth for Softplus {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const GRID: Grid = Grid { steps: [-13, 13], step: 0.9, smoothing: 1.3, width: [0.85, 0.12] };

    /// max(x, 0) + ln(1 + q) with q = e^(−|x|). Where 1 + q is rounded, ln(1 + q)·q/((1 + q) − 1)
    /// has the digits of q.
    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let distance = a.abs(x);
        let minus = a.sub(zero, distance);
        let power = a.exp(minus);
        let sum = a.add(one, power);
        let gap = a.sub(sum, one);
        let logarithm = a.ln(sum);
        let ratio = a.div(power, gap);
        let product = a.mul(logarithm, ratio);
        // q is what remains of a gap of 0.
        let soft = a.select_ge(zero, gap, power, product);
        let rectified = a.select_ge(zero, x, zero, x);
        a.add(rectified, soft)
    }

    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let sides = Sides::at(a, x);
        sides.select(a, x)
    }
}
