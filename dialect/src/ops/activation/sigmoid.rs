//! 1/(1 + e^(−x)).

use super::{Pointwise, plain, smooth};
use crate::{
    attributes::Attributes,
    moments::{
        Elementary, Moments,
        quadrature::{Asymptote, Extent, PAIRS, Pair, Smooth, Wide},
    },
};

/// The logistic function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmoid;

smooth!(Sigmoid, "sigmoid", true);

/// The rule for wide Gaussians: the coefficients of the function, and of the square of its
/// distance from ½.
pub const MEAN: [f64; 18] = [
    0.0,
    0.066_335_827,
    0.0,
    -0.542_269_893_2,
    0.0,
    -0.290_738_594_5,
    0.0,
    -0.315_112_307_7,
    0.0,
    -0.196_162_132_7,
    0.0,
    -0.089_809_026_3,
    0.0,
    -0.023_840_865_87,
    0.0,
    -0.003_353_490_932,
    0.0,
    -0.000_175_819_402_5,
];
pub const SQUARE: [f64; 19] = [
    -0.999_999_743_8,
    0.0,
    0.066_518_577_84,
    0.0,
    -0.539_128_918_2,
    0.0,
    -0.272_813_209_7,
    0.0,
    -0.269_160_254_6,
    0.0,
    -0.136_934_895_9,
    0.0,
    -0.049_465_642_97,
    0.0,
    -0.009_411_106_88,
    0.0,
    -0.000_849_909_791_3,
    0.0,
    -1.320_399_182e-5,
];

impl Smooth for Sigmoid {
    const ASYMPTOTE: Asymptote = Asymptote::Step(0.0, 1.0);
    const EXTENT: Extent = Extent { scale: 0.9, end: 11.7 };

    fn wide(self) -> Wide {
        Wide { from: [0.76, 0.1], smoothing: 1.85, mean: &MEAN, square: &SQUARE }
    }

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

    fn slopes<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        spacing: A::Value,
    ) -> [Pair<A::Value>; PAIRS] {
        Logistic::of(a, mean, spacing).slopes(a, 1.0)
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

/// The logistic function at pairs m ± d of nodes of equal distance, and its slope. With C = cosh m and
/// S = sinh m
///
/// ```text
/// σ(m + d) + σ(m − d)   = (C + S + cosh d)/(C + cosh d)
/// σ(m + d) − σ(m − d)   = sinh d/(C + cosh d)
/// σ′(m + d) + σ′(m − d) = (1 + C·cosh d)/(C + cosh d)²
/// σ′(m + d) − σ′(m − d) = −S·sinh d/(C + cosh d)²
/// ```
///
/// All terms are positive: nothing cancels. They are scaled by 2q with q = e^(−|m|), so that nothing
/// overflows. The hyperbolic functions at 3d, 5d, … follow from those at d and 2cosh 2d.
#[derive(Debug, Clone, Copy)]
pub struct Logistic<V> {
    /// 4q².
    pub squares: V,
    /// 2q(C + S).
    pub power: V,
    /// 2qC.
    pub cosine: V,
    /// 2qS.
    pub sine: V,
    /// The pairs.
    pub nodes: [Node<V>; PAIRS],
}

/// A pair of nodes at m ± d.
#[derive(Debug, Clone, Copy)]
pub struct Node<V> {
    /// 2q·cosh d.
    pub cosine: V,
    /// 2q·sinh d.
    pub sine: V,
    /// 1/(2q(C + cosh d)).
    pub inverse: V,
}

impl<V: Copy> Logistic<V> {
    /// Around m, at the distances d/2, 3d/2, ….
    pub fn of<A: Elementary<Value = V>>(a: &mut A, mean: V, spacing: V) -> Self {
        let (zero, minus_half) = (a.constant(0.0), a.constant(-0.5));
        let distance = a.abs(mean);
        let minus = a.sub(zero, distance);
        let power = a.exp(minus);
        let exponent = a.mul(spacing, minus_half);
        let root = a.decay(exponent);
        Self::from_powers(a, mean, power, root)
    }

    /// From the sign of m, e^(−|m|) and e^(−d/2).
    pub fn from_powers<A: Elementary<Value = V>>(a: &mut A, mean: V, power: V, root: V) -> Self {
        let (zero, one, two) = (a.constant(0.0), a.constant(1.0), a.constant(2.0));
        let square = a.mul(power, power);
        let inverse = a.reciprocal(root);
        let twice = a.add(square, square);
        let (cosine, sine) = (a.add(one, square), a.sub(one, square));
        let opposite = a.sub(square, one);
        let (sum, difference) = (a.add(inverse, root), a.sub(inverse, root));
        let mut current = (a.mul(power, sum), a.mul(power, difference));
        let mut last = (current.0, a.negate(current.1));
        // 2cosh d.
        let root = a.mul(root, root);
        let growth = a.fma(inverse, inverse, root);
        let nodes = std::array::from_fn(|_| {
            let divisor = a.add(cosine, current.0);
            let node = Node { cosine: current.0, sine: current.1, inverse: a.reciprocal(divisor) };
            let [next_cosine, next_sine] =
                [(current.0, last.0), (current.1, last.1)].map(|(now, before)| {
                    let before = a.negate(before);
                    a.fma(growth, now, before)
                });
            (last, current) = (current, (next_cosine, next_sine));
            node
        });
        Self {
            squares: a.add(twice, twice),
            power: a.select_ge(mean, zero, two, twice),
            cosine,
            sine: a.select_ge(mean, zero, sine, opposite),
            nodes,
        }
    }

    /// Sums and differences of the function.
    pub fn values<A: Elementary<Value = V>>(&self, a: &mut A) -> [Pair<V>; PAIRS] {
        self.nodes.map(|Node { cosine, sine, inverse }| {
            let sum = a.add(self.power, cosine);
            Pair { sum: a.mul(sum, inverse), difference: a.mul(sine, inverse) }
        })
    }

    /// Sums and differences of its slope, times a factor.
    pub fn slopes<A: Elementary<Value = V>>(&self, a: &mut A, factor: f64) -> [Pair<V>; PAIRS] {
        let (positive, negative) = (a.constant(factor), a.constant(-factor));
        let squares = a.mul(self.squares, positive);
        let cosine_of_mean = a.mul(self.cosine, positive);
        let sine_of_mean = a.mul(self.sine, negative);
        self.nodes.map(|Node { cosine, sine, inverse }| {
            let square = a.mul(inverse, inverse);
            let sum = a.fma(cosine_of_mean, cosine, squares);
            let difference = a.mul(sine_of_mean, sine);
            Pair { sum: a.mul(sum, square), difference: a.mul(difference, square) }
        })
    }
}
