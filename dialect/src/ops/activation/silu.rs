//! x/(1 + e^(−x)), also called swish.

use super::{
    Pointwise, plain,
    sigmoid::{Logistic, Sides},
    smooth,
};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Extent, PAIRS, Pair, Smooth, Wide, places},
    },
    ops::activation::sigmoid::Sigmoid,
};

/// The sigmoid linear unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silu;

smooth!(Silu, "silu", false);

/// The rule for wide Gaussians: the coefficients of the function, and of its square.
const MEAN: [f64; 15] = [
    -3.356_044_067,
    0.0,
    -1.388_526_491,
    0.0,
    -3.160_646_208,
    0.0,
    -2.552_984_474,
    0.0,
    -1.628_863_298,
    0.0,
    -0.545_690_859_4,
    0.0,
    -0.092_420_071_65,
    0.0,
    -0.005_263_669_566,
];
const SQUARE: [f64; 17] = [
    -3.288_472_278,
    -14.271_501_82,
    -16.943_725_02,
    -17.578_392_36,
    -22.596_042_63,
    -27.116_037_81,
    -27.104_301_24,
    -23.754_385_16,
    -18.652_073_86,
    -12.831_084_02,
    -7.529_579_937,
    -3.746_600_476,
    -1.564_590_382,
    -0.539_366_641_9,
    -0.146_570_011_8,
    -0.028_420_334_83,
    -0.003_500_551_181,
];

impl Smooth for Silu {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const EXTENT: Extent = Extent { scale: 0.8, end: 12.0 };

    fn wide(self) -> Wide {
        Wide { from: [0.72, 0.12], smoothing: 1.85, mean: &MEAN, square: &SQUARE }
    }

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

    /// σ + x·σ′, as those of [`Logistic`] with the products of m and d before the division.
    fn slopes<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        spacing: A::Value,
    ) -> [Pair<A::Value>; PAIRS] {
        let Logistic { squares, power, cosine, sine, nodes } = Logistic::of(a, mean, spacing);
        let of_mean = [squares, cosine, sine].map(|factor| a.mul(mean, factor));
        let mut places = places().into_iter();
        nodes.map(|node| {
            let place = places.next().map_or(spacing, |place| {
                let place = a.constant(place);
                a.mul(spacing, place)
            });
            let even = a.fma(cosine, node.cosine, squares);
            let odd = a.mul(sine, node.sine);
            let sum = a.fma(of_mean[1], node.cosine, of_mean[0]);
            let sum = a.negated_fma(place, odd, sum);
            let difference = a.mul(place, even);
            let difference = a.negated_fma(of_mean[2], node.sine, difference);
            let value = a.add(power, node.cosine);
            let [sum, difference] =
                [(sum, value), (difference, node.sine)].map(|(slope, value)| {
                    let total = a.fma(slope, node.inverse, value);
                    a.mul(total, node.inverse)
                });
            Pair { sum, difference }
        })
    }
}
