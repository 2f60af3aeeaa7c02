//! tanh x.

use super::{
    Pointwise, plain,
    sigmoid::{self, Logistic},
    smooth,
};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Extent, PAIRS, Pair, Smooth, Wide},
    },
};

/// The hyperbolic tangent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tanh;

smooth!(Tanh, "tanh", true);

/// The rule for wide Gaussians is that of the logistic function: tanh x = 2σ(2x) − 1.
const MEAN: [f64; sigmoid::MEAN.len()] = halved(sigmoid::MEAN, 1.0);
const SQUARE: [f64; sigmoid::SQUARE.len()] = halved(sigmoid::SQUARE, 2.0);

/// Coefficients of a function of x from those of 2x, and with a factor.
const fn halved<const N: usize>(mut coefficients: [f64; N], factor: f64) -> [f64; N] {
    let (mut n, mut scale) = (0, factor);
    while n < N {
        coefficients[n] *= scale;
        scale *= 0.5;
        n += 1;
    }
    coefficients
}

impl Smooth for Tanh {
    const ASYMPTOTE: Asymptote = Asymptote::Step(-1.0, 1.0);
    const EXTENT: Extent = Extent { scale: 0.45, end: 6.0 };

    fn wide(self) -> Wide {
        Wide { from: [0.38, 0.1], smoothing: 0.925, mean: &MEAN, square: &SQUARE }
    }

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

    fn slopes<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        spacing: A::Value,
    ) -> [Pair<A::Value>; PAIRS] {
        let distance = a.abs(mean);
        let minus_two = a.constant(-2.0);
        let exponent = a.mul(distance, minus_two);
        let power = a.exp(exponent);
        let exponent = a.negate(spacing);
        let root = a.decay(exponent);
        Logistic::from_powers(a, mean, power, root).slopes(a, 4.0)
    }
}
