//! x·tanh(ln(1 + eˣ)).
//!
//! With q = e^(−|x|) the hyperbolic tangent is n/(n + c), where n = 1 + 2q and c = 2q² for x ≥ 0, and
//! n = q(q + 2) and c = 2 below.

use super::{Pointwise, plain, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Grid, Smooth},
    },
};

/// The activation of Misra 2019, arXiv 1908.08681.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mish;

smooth!(Mish, "mish");

/// tanh(ln(1 + eˣ)), and 1 less that.
struct Share<V> {
    share: V,
    rest: V,
}

impl<V: Copy> Share<V> {
    /// From q = e^(−|x|).
    fn of<A: Elementary<Value = V>>(a: &mut A, x: V, power: V) -> Self {
        let (zero, one, two) = (a.constant(0.0), a.constant(1.0), a.constant(2.0));
        let above = a.fma(two, power, one);
        let sum = a.add(power, two);
        let below = a.mul(power, sum);
        let square = a.mul(power, power);
        let twice = a.add(square, square);
        let part = a.select_ge(x, zero, above, below);
        let other = a.select_ge(x, zero, twice, two);
        let all = a.add(part, other);
        let inverse = a.div(one, all);
        Self { share: a.mul(part, inverse), rest: a.mul(other, inverse) }
    }
}

impl Smooth for Mish {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const GRID: Grid = Grid { steps: [-21, 12], step: 0.6, smoothing: 0.9, width: [0.55, 0.1] };

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let zero = a.constant(0.0);
        let distance = a.abs(x);
        let minus = a.sub(zero, distance);
        let power = a.exp(minus);
        let Share { share, .. } = Share::of(a, x, power);
        a.mul(x, share)
    }

    /// t + x(1 − t)(1 + t)·σ(x).
    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, one) = (a.constant(0.0), a.constant(1.0));
        let distance = a.abs(x);
        let minus = a.sub(zero, distance);
        let power = a.decay(minus);
        let Share { share, rest } = Share::of(a, x, power);
        let sum = a.add(one, power);
        let larger = a.div(one, sum);
        let smaller = a.mul(power, larger);
        let logistic = a.select_ge(x, zero, larger, smaller);
        let more = a.add(one, share);
        let product = a.mul(rest, more);
        let product = a.mul(product, logistic);
        a.fma(x, product, share)
    }
}
