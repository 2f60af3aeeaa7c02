//! x·tanh(ln(1 + eˣ)).
//!
//! With q = e^(−|x|) the hyperbolic tangent is n/(n + c), where n = 1 + 2q and c = 2q² for x ≥ 0, and
//! n = q(q + 2) and c = 2 below.

use super::{Pointwise, plain, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Extent, PAIRS, Pair, Smooth, Wide, places},
    },
};

/// The activation of Misra 2019, arXiv 1908.08681.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mish;

smooth!(Mish, "mish", false);

/// The rule for wide Gaussians: the coefficients of the function, and of its square.
const MEAN: [f64; 16] = [
    -2.535_294_521,
    1.575_641_941,
    -0.570_754_266_4,
    1.483_551_756,
    -1.956_359_31,
    1.884_025_181,
    -1.293_665_767,
    1.491_482_13,
    -0.689_882_177_3,
    0.751_827_979_3,
    -0.168_804_671_2,
    0.210_949_039_2,
    -0.019_287_139_4,
    0.029_594_193_75,
    -0.000_357_862_534_2,
    0.001_589_365_985,
];
const SQUARE: [f64; 19] = [
    -0.393_101_851_6,
    -3.309_984_34,
    -0.106_005_667_6,
    2.125_526_969,
    1.767_082_32,
    2.522_749_124,
    4.603_174_689,
    5.963_542_904,
    6.032_609_491,
    5.132_403_423,
    3.740_926_112,
    2.291_505_977,
    1.187_724_785,
    0.511_333_781_4,
    0.186_216_691_6,
    0.054_090_449_83,
    0.012_803_631_85,
    0.002_042_137_106,
    0.000_236_020_542_6,
];

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

/// Beyond this |m| slopes that are not 0 or 1 have no weight in `f32`, and within it e^(4m) is finite.
const SATURATED: f64 = 20.0;

impl Smooth for Mish {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const EXTENT: Extent = Extent { scale: 0.6, end: 12.6 };

    fn wide(self) -> Wide {
        Wide { from: [0.62, 0.11], smoothing: 1.68, mean: &MEAN, square: &SQUARE }
    }

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

    /// With w = eˣ and p = w(w + 2), t = p/(p + 2) and the slope t + 4x·w(w + 1)/(p + 2)². The powers of
    /// the nodes are geometric progressions, and the two nodes of a pair share a division.
    fn slopes<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        spacing: A::Value,
    ) -> [Pair<A::Value>; PAIRS] {
        let [low, high, four, two, minus_half] =
            [-SATURATED, SATURATED, 4.0, 2.0, -0.5].map(|x| a.constant(x));
        let mean = a.min_or(mean, high);
        let mean = a.max(mean, low);
        let power = a.decay(mean);
        let exponent = a.mul(spacing, minus_half);
        let below = a.decay(exponent);
        let above = a.reciprocal(below);
        let centre = a.mul(mean, four);
        let ratios = [above, below].map(|step| a.mul(step, step));
        let mut powers = [above, below].map(|step| a.mul(power, step));
        places().map(|place| {
            let parts = powers.map(|power| {
                let more = a.add(power, two);
                a.mul(power, more)
            });
            let divisors = parts.map(|part| a.add(part, two));
            let product = a.mul(divisors[0], divisors[1]);
            let inverse = a.reciprocal(product);
            let inverses = [divisors[1], divisors[0]].map(|other| a.mul(inverse, other));
            let [above, below] = [0, 1].map(|side| {
                let place = a.constant(if side == 0 { 4.0 * place } else { -4.0 * place });
                let four_x = a.fma(spacing, place, centre);
                let (power, inverse) = (powers[side], inverses[side]);
                let rise = a.fma(power, power, power);
                let rise = a.mul(rise, inverse);
                let sum = a.fma(four_x, rise, parts[side]);
                a.mul(sum, inverse)
            });
            powers = [0, 1].map(|side| a.mul(powers[side], ratios[side]));
            Pair { sum: a.add(above, below), difference: a.sub(above, below) }
        })
    }
}
