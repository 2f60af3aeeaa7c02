//! x·Φ(x), and the form with a hyperbolic tangent.

use super::{Pointwise, sigmoid::Sides};
use crate::{
    attributes::{AttributeList, Attributes},
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Grid, Smooth},
    },
    ops::activation::sigmoid::Sigmoid,
};

/// The Gaussian error linear unit, Hendrycks and Gimpel 2016, arXiv 1606.08415.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gelu {
    /// x·Φ(x).
    Exact,
    /// x·σ(2u) with u = √(2/π)·(x + 0.044715x³).
    Tanh,
}

/// 2√(2/π).
const TWICE_ROOT: f64 = 1.595_769_121_605_730_7;

/// Of x³ in u.
const CUBIC: f64 = 0.044_715;

/// 1/√(2π).
const INVERSE_SQRT_TWO_PI: f64 = 0.398_942_280_401_432_7;

/// Beyond this a slope is 0 or 1, and powers of x stay finite.
const SATURATED: f64 = 30.0;

impl Pointwise for Gelu {
    const NAME: &'static str = "gelu";
    const IS_BY_QUADRATURE: bool = true;

    fn read(attributes: &Attributes) -> Result<Self, String> {
        match attributes.text("approximate").as_deref() {
            None | Some("none") => Ok(Self::Exact),
            Some("tanh") => Ok(Self::Tanh),
            Some(other) => Err(format!("has '{other}' as 'approximate'; known: 'none', 'tanh'")),
        }
    }

    fn write(self) -> AttributeList {
        match self {
            Self::Exact => AttributeList::default(),
            Self::Tanh => AttributeList::default().with("approximate", "tanh"),
        }
    }

    fn samples() -> Vec<Self> {
        vec![Self::Exact, Self::Tanh]
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        Smooth::value(self, a, x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        a.smooth(self, mean, variance)
    }
}

impl Smooth for Gelu {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const GRID: Grid = Grid { steps: [-9, 9], step: 0.6, smoothing: 0.8, width: [0.58, 0.05] };

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        match self {
            Self::Exact => {
                let (zero, one) = (a.constant(0.0), a.constant(1.0));
                let distance = a.abs(x);
                let rarer = a.upper_tail(distance);
                let rest = a.sub(one, rarer);
                let share = a.select_ge(x, zero, rest, rarer);
                a.mul(x, share)
            }
            Self::Tanh => {
                let held = held(a, x);
                let argument = argument(a, held);
                let share = Smooth::value(Sigmoid, a, argument);
                a.mul(x, share)
            }
        }
    }

    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let x = held(a, x);
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        match self {
            // Φ + xφ.
            Self::Exact => {
                let distance = a.abs(x);
                let square = a.mul(x, x);
                let minus_half = a.constant(-0.5);
                let exponent = a.mul(square, minus_half);
                let bell = a.decay(exponent);
                let rarer = a.upper_tail_beside(distance, bell);
                let rest = a.sub(one, rarer);
                let share = a.select_ge(x, zero, rest, rarer);
                let scale = a.constant(INVERSE_SQRT_TWO_PI);
                let density = a.mul(bell, scale);
                a.fma(x, density, share)
            }
            // s(1 + x(1 − s)·(2u)′) with s = σ(2u).
            Self::Tanh => {
                let argument = argument(a, x);
                let sides = Sides::at(a, argument);
                let (share, other) = (sides.select(a, argument), sides.other(a, argument));
                let square = a.mul(x, x);
                let (root, cubic) = (a.constant(TWICE_ROOT), a.constant(3.0 * CUBIC * TWICE_ROOT));
                let rise = a.fma(square, cubic, root);
                let product = a.mul(x, other);
                let factor = a.fma(product, rise, one);
                a.mul(share, factor)
            }
        }
    }
}

/// x, or what is as good as it where the slope is saturated; what is not a number stays.
fn held<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let (low, high) = (a.constant(-SATURATED), a.constant(SATURATED));
    let x = a.select_ge(x, high, high, x);
    a.select_ge(low, x, low, x)
}

/// 2u.
fn argument<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let (root, cubic) = (a.constant(TWICE_ROOT), a.constant(CUBIC * TWICE_ROOT));
    let square = a.mul(x, x);
    let factor = a.fma(square, cubic, root);
    a.mul(x, factor)
}
