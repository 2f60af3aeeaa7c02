//! 1/(1 + e^(−x)).

use super::{Pointwise, plain, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Grid, Smooth},
    },
};

/// The logistic function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmoid;

smooth!(Sigmoid, "sigmoid");

impl Smooth for Sigmoid {
    const ASYMPTOTE: Asymptote = Asymptote::Step(0.0, 1.0);
    const GRID: Grid = Grid { steps: [-13, 13], step: 0.9, smoothing: 1.3, width: [0.8, 0.09] };

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let zero = a.constant(0.0);
        let distance = a.abs(x);
        let minus = a.sub(zero, distance);
        let power = a.exp(minus);
        let Sides { larger, smaller } = Sides::of(a, power);
        a.select_ge(x, zero, larger, smaller)
    }

    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let Sides { larger, smaller } = Sides::at(a, x);
        a.mul(larger, smaller)
    }
}

/// The logistic function at |x| and at −|x|.
#[derive(Debug, Clone, Copy)]
pub struct Sides<V> {
    pub larger: V,
    pub smaller: V,
}

impl<V: Copy> Sides<V> {
    /// At an x that is a number.
    pub fn at<A: Elementary<Value = V>>(a: &mut A, x: V) -> Self {
        let zero = a.constant(0.0);
        let distance = a.abs(x);
        let minus = a.sub(zero, distance);
        let power = a.decay(minus);
        Self::of(a, power)
    }

    /// From e^(−|x|).
    fn of<A: Elementary<Value = V>>(a: &mut A, power: V) -> Self {
        let one = a.constant(1.0);
        let sum = a.add(one, power);
        let larger = a.div(one, sum);
        Self { larger, smaller: a.mul(power, larger) }
    }

    /// The logistic function at x.
    pub fn select<A: Elementary<Value = V>>(self, a: &mut A, x: V) -> V {
        let zero = a.constant(0.0);
        a.select_ge(x, zero, self.larger, self.smaller)
    }

    /// The logistic function at −x.
    pub fn other<A: Elementary<Value = V>>(self, a: &mut A, x: V) -> V {
        let zero = a.constant(0.0);
        a.select_ge(x, zero, self.smaller, self.larger)
    }
}
