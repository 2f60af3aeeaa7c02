//! ln(1 + eˣ).

use super::{
    Pointwise, plain,
    sigmoid::{Logistic, Sides},
    smooth,
};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Extent, PAIRS, Pair, Smooth, Wide},
    },
};

/// The smooth rectified linear unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softplus;

smooth!(Softplus, "softplus", true);

/// The rule for wide Gaussians: the coefficients of the function, and of its square.
const MEAN: [f64; 11] = [
    -0.160_092_494_5,
    0.0,
    0.551_570_048_3,
    0.0,
    0.222_275_966_8,
    0.0,
    0.226_707_078_8,
    0.0,
    0.075_625_924_88,
    0.0,
    0.013_958_293_87,
];
const SQUARE: [f64; 11] = [
    2.402_754_819,
    0.514_439_591_7,
    1.602_269_517,
    2.702_726_036,
    2.245_521_253,
    1.508_838_327,
    1.042_881_742,
    0.619_006_221_1,
    0.234_450_877,
    0.050_726_878_86,
    -0.000_276_797_146_3,
];

impl Smooth for Softplus {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const EXTENT: Extent = Extent { scale: 0.9, end: 11.7 };

    fn wide(self) -> Wide {
        Wide { from: [0.88, 0.12], smoothing: 1.9, mean: &MEAN, square: &SQUARE }
    }

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

    fn slopes<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        spacing: A::Value,
    ) -> [Pair<A::Value>; PAIRS] {
        Logistic::of(a, mean, spacing).values(a)
    }
}
