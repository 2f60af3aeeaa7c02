//! x·min(max(x + 3, 0), 6)/6.
//!
//! f(x) = x + f(−x), so let M = −|m| be the mean of Y, which is x or −x, and
//! E\[f(x)\] = max(m, 0) + E\[f(Y)\]. With q(y) = y(y + 3)/6 and b(t) = t²/6 + t/2
//!
//! ```text
//! M ≥ −3:  f(Y) = q(Y) − b(U) − b(N)      U = max(−3 − Y, 0)    N = max(Y − 3, 0)
//! M < −3:  f(Y) = P²/6 − P/2 − b(N)       P = max(Y + 3, 0)
//! ```
//!
//! U or P and N are rare: their powers have the moments of tails. As q = b(U) where U > 0, and
//! q = b(N) + N + 3 where N > 0, the mean square is that of q, or 0, and one polynomial in each of them.
//! Beside σ² this loses digits as σ²/18 grows. There, f is max(x, 0) and a remainder within ±3, over
//! which the density is a short series in Hermite polynomials.

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments, TAIL_LIMIT_F32, Tail},
};

/// x·ReLU6(x + 3)/6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardSwish;

/// The function bends at ± this.
const BEND: f64 = 3.0;

/// From this σ on the series is exact, in single and in double precision.
const WIDE: [f64; 2] = [8.0, 300.0];

/// Of He₀, He₂ and He₄ over powers of σ: the moments of f − max(x, 0), which is even, over (2k)!.
const FIRST: [f64; 3] = [-9.0 / 6.0, -81.0 / 40.0, -729.0 / 1008.0];

/// Of He₀ to He₃: the moments of f² − max(x, 0)² over n!.
const SECOND: [f64; 4] = [-27.0 / 15.0, -81.0 / 20.0, -243.0 / 70.0, -729.0 / 252.0];

impl Pointwise for HardSwish {
    plain!(HardSwish, "hard_swish");

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, bend, six) = (a.constant(0.0), a.constant(BEND), a.constant(6.0));
        let above = a.add(x, bend);
        // What is not a number stays.
        let above = a.select_ge(zero, above, zero, above);
        let share = a.select_ge(above, six, six, above);
        let sixth = a.constant(1.0 / 6.0);
        let share = a.mul(share, sixth);
        a.mul(x, share)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let (zero, bend) = (a.constant(0.0), a.constant(BEND));
        let bound = a.by_precision(WIDE);
        let bound = a.constant(bound);
        let sigma = a.sqrt(variance);
        let distance = a.abs(mean);
        let inner = a.sub(bend, distance);
        // The near tail is that at 0 where σ is large.
        let beyond = a.abs(inner);
        let near = a.select_ge(sigma, bound, distance, beyond);
        let near = Side::of(a, near, sigma, variance);
        let far = a.add(bend, distance);
        let far = Side::of(a, far, sigma, variance);

        let plain = self.value(a, mean);
        let (first, second) = bent(a, [mean, inner], &near, &far);
        let first = a.add(plain, first);
        let wide = wide(a, mean, &near);
        let [first, second] = a.choose_ge(sigma, bound, [wide.0, wide.1], [first, second]);
        // Not below 0.
        Moments::gaussian(first, a.select_ge(zero, second, zero, second))
    }
}

/// max(S, 0) of a Gaussian S whose mean is not above 0.
struct Side<V> {
    distance: V,
    variance: V,
    sigma: V,
    tail: Tail<V>,
    /// The distance in standard deviations, at most that at which the tail is 0.
    ratio: V,
    /// Mean and mean square.
    moments: [V; 2],
}

impl<V: Copy> Side<V> {
    fn of<A: Elementary<Value = V>>(a: &mut A, distance: V, sigma: V, variance: V) -> Self {
        let quotient = a.div(distance, sigma);
        // σ may be a negative zero.
        let ratio = a.abs(quotient);
        let tail = a.tail(ratio);
        let limit = a.constant(TAIL_LIMIT_F32);
        let ratio = a.min_or(ratio, limit);
        let moments = [a.mul(sigma, tail.j), a.mul(variance, tail.k)];
        Self { distance, variance, sigma, tail, ratio, moments }
    }

    /// The upper tail.
    fn probability<A: Elementary<Value = V>>(&self, a: &mut A) -> V {
        a.fma(self.ratio, self.tail.j, self.tail.k)
    }

    /// The means of the third and fourth power: E\[Sⁿ\] = (n − 1)v·E\[Sⁿ⁻²\] − d·E\[Sⁿ⁻¹\].
    fn higher<A: Elementary<Value = V>>(&self, a: &mut A) -> [V; 2] {
        let [first, second] = self.moments;
        let variance = self.variance;
        let twice = a.add(variance, variance);
        let thrice = a.add(twice, variance);
        let third = a.mul(twice, first);
        let third = a.negated_fma(self.distance, second, third);
        let fourth = a.mul(thrice, second);
        [third, a.negated_fma(self.distance, third, fourth)]
    }
}

/// What the mean is above f(m), and the variance.
fn bent<A: Elementary>(
    a: &mut A,
    [mean, inner]: [A::Value; 2],
    near: &Side<A::Value>,
    far: &Side<A::Value>,
) -> (A::Value, A::Value) {
    let variance = near.variance;
    let zero = a.constant(0.0);
    let [half, third, sixth, small] =
        [0.5, 1.0 / 3.0, 1.0 / 6.0, 1.0 / 36.0].map(|x| a.constant(x));
    // Even powers of U and of P differ in their sign.
    let signed = |a: &mut A, even| {
        let minus = a.sub(zero, even);
        a.select_ge(inner, zero, minus, even)
    };
    let ([t1, t2], [t3, t4]) = (near.moments, near.higher(a));
    let ([s1, s2], [s3, s4]) = (far.moments, far.higher(a));

    let even = signed(a, t2);
    let odd = a.add(t1, s1);
    let square = a.sub(even, s2);
    let odd = a.mul(odd, half);
    let shift = a.mul(square, sixth);
    let shift = a.sub(shift, odd);

    let quarter = a.constant(0.25);
    let even = a.mul(t2, quarter);
    let even = a.fma(t4, small, even);
    let even = signed(a, even);
    let of_near = a.negated_fma(t3, sixth, even);
    let [linear, quadratic] = [3.0, 2.25].map(|x| a.constant(x));
    let of_far = a.mul(s1, linear);
    let of_far = a.fma(s2, quadratic, of_far);
    let of_far = a.fma(s3, half, of_far);
    let of_far = a.fma(s4, small, of_far);
    let square = a.sub(of_near, of_far);

    // Mean and variance of q(Y), the latter as that of f(x) where x is −Y.
    let distance = a.abs(mean);
    let minus = a.sub(zero, distance);
    let base = a.mul(minus, inner);
    let rise = a.mul(variance, sixth);
    let base = a.fma(base, sixth, rise);
    let base = a.select_ge(inner, zero, base, zero);
    let rise = a.select_ge(inner, zero, rise, zero);
    let slope = a.fma(mean, third, half);
    let eighteenth = a.constant(1.0 / 18.0);
    let bend = a.mul(variance, eighteenth);
    let share = a.fma(slope, slope, bend);
    let one = a.constant(1.0);
    let saturated = a.select_ge(mean, zero, one, zero);
    let share = a.select_ge(inner, zero, share, saturated);
    let spread = a.fma(variance, share, square);
    let twice = a.add(base, base);
    let sum = a.add(twice, shift);
    let spread = a.negated_fma(shift, sum, spread);

    // Of x = −Y: twice the covariance of Y and f(Y) − q(Y) less.
    let (t0, s0) = (near.probability(a), far.probability(a));
    let even = signed(a, t0);
    let even = a.add(even, s0);
    let odd = a.sub(t1, s1);
    let gain = a.mul(odd, third);
    let gain = a.negated_fma(even, half, gain);
    let twice = a.add(variance, variance);
    let less = a.negated_fma(twice, gain, spread);
    let spread = a.select_ge(mean, zero, less, spread);
    (a.add(rise, shift), spread)
}

/// Mean and variance where σ is large: those of max(x, 0), and what the remainder adds.
fn wide<A: Elementary>(a: &mut A, mean: A::Value, near: &Side<A::Value>) -> (A::Value, A::Value) {
    let (zero, one) = (a.constant(0.0), a.constant(1.0));
    let (variance, per_sigma) = (near.variance, a.div(one, near.sigma));
    let rectified = a.select_ge(zero, mean, zero, mean);
    let rectified = a.add(rectified, near.moments[0]);
    let with_square = a.select_ge(zero, mean, near.tail.k, near.tail.rest);
    let share = a.negated_fma(near.tail.j, near.tail.j, with_square);

    let z = near.ratio;
    let z_square = a.mul(z, z);
    let probability = near.probability(a);
    let density = a.fma(z, probability, near.tail.j);
    let step = a.mul(per_sigma, per_sigma);
    let density = a.mul(density, per_sigma);
    let (three, six) = (a.constant(3.0), a.constant(6.0));
    let hermite_2 = a.sub(z_square, one);
    let hermite_3 = a.sub(z_square, three);
    let hermite_4 = a.sub(z_square, six);
    let hermite_4 = a.fma(z_square, hermite_4, three);

    let [c0, c2, c4] = FIRST.map(|x| a.constant(x));
    let fourth = a.mul(hermite_4, step);
    let first = a.mul(fourth, c4);
    let first = a.fma(hermite_2, c2, first);
    let first = a.fma(first, step, c0);
    let first = a.mul(first, density);

    let [c0, c1, c2, c3] = SECOND.map(|x| a.constant(x));
    let odd = a.mul(hermite_3, step);
    let odd = a.fma(odd, c3, c1);
    let signed = a.mul(z, per_sigma);
    let minus = a.sub(zero, signed);
    let signed = a.select_ge(mean, zero, signed, minus);
    let second = a.mul(hermite_2, step);
    let second = a.fma(second, c2, c0);
    let second = a.fma(signed, odd, second);
    let second = a.mul(second, density);

    let spread = a.fma(variance, share, second);
    let product = a.mul(first, rectified);
    let twice = a.add(product, product);
    let spread = a.sub(spread, twice);
    (a.add(rectified, first), a.negated_fma(first, first, spread))
}
