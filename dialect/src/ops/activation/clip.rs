//! min(max(x, low), high), and what is made of it.
//!
//! By its symmetry about the centre of [low, high] let m be at most that; then
//!
//! ```text
//! y − low = P − N    P = max(x − low, 0)    N = max(x − high, 0)
//! ```
//!
//! and, as P = N + w where N > 0, with the width w = high − low
//!
//! ```text
//! mean     = E[P] − E[N]
//! variance = Var[P] − E[N²] − E[N](E[N] + 2(w − E[P]))
//! ```
//!
//! which is a small difference where σ is large beside w. There, with F(t) the probability of x > t,
//! E[y − low] = ∫F dt and E[(y − low)²] = 2∫(t − low)F dt over [low, high] are integrals of a function
//! that hardly bends, by the trapezoidal rule with two corrections from the slopes at the ends
//! (Euler-Maclaurin): the next one is w⁶/30240 of a fifth derivative.

use super::Pointwise;
use crate::{
    attributes::{AttributeList, Attributes},
    moments::{Elementary, Moments, Rectified, TAIL_LIMIT_F32, scale},
};

/// From so many widths on σ is large: the rule for large ones is off by about 1e-8 of w², that for
/// small ones by the rounding of ten times w².
const WIDE: f64 = 3.0;

/// The largest and the smallest bound: σ²/w² stays a number.
const LARGEST: f64 = 1e18;

/// A number held between two others: ReLU6 and hard tanh too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip {
    low: f64,
    high: f64,
}

impl Pointwise for Clip {
    const NAME: &'static str = "clip";

    fn read(attributes: &Attributes) -> Result<Self, String> {
        let bound = |name: &str| {
            let bound = attributes.number(name)?.ok_or_else(|| format!("needs '{name}'"))?;
            match bound.abs() <= LARGEST {
                true => Ok(bound),
                false => Err(format!("has {bound:e} as '{name}'; it is from -1e18 to 1e18")),
            }
        };
        let (low, high) = (bound("min")?, bound("max")?);
        match (low as f32) < high as f32 {
            true => Ok(Self { low, high }),
            false => Err(format!("has 'min' {low}, which is not below 'max' {high}")),
        }
    }

    fn write(self) -> AttributeList {
        AttributeList::default().with("min", self.low).with("max", self.high)
    }

    fn is_increasing(self) -> bool {
        true
    }

    fn samples() -> Vec<Self> {
        [(0.0, 6.0), (-1.0, 1.0), (-3.0, 0.5), (2.0, 2.25)]
            .map(|(low, high)| Self { low, high })
            .into()
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (low, high) = (a.constant(self.low), a.constant(self.high));
        // What is not a number stays.
        let above = a.select_ge(low, x, low, x);
        a.select_ge(above, high, high, above)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let width = self.high - self.low;
        let (zero, w) = (a.constant(0.0), a.constant(width));
        let (low, high) = (a.constant(self.low), a.constant(self.high));
        // p and w − p: how far m is above the bound that is nearer, and below the other one.
        let (over, under) = (a.sub(mean, low), a.sub(high, mean));
        let is_low = |a: &mut A, then, otherwise| a.select_ge(under, over, then, otherwise);
        let p = is_low(a, over, under);
        let d = is_low(a, under, over);
        let sigma = a.sqrt(variance);
        let near = Rectified::of(a, p, variance);
        let gain = near.gain(a);
        let positive = a.select_ge(p, zero, p, zero);
        let of_near = a.add(positive, gain);
        // N: its mean is σJ and the mean of its square vK at d/σ.
        let quotient = a.div(d, sigma);
        let ratio = a.abs(quotient);
        let far = a.tail(ratio);
        let of_far = a.mul(sigma, far.j);
        let square = a.mul(variance, far.k);
        let rest = a.sub(w, of_near);
        let twice = a.add(rest, rest);
        let sum = a.add(of_far, twice);
        let share = near.share(a);
        let spread = a.mul(variance, share);
        let spread = a.sub(spread, square);
        let second = a.negated_fma(of_far, sum, spread);

        let wide = wide(a, w, sigma, p, near, [ratio, far.j, far.k]);
        let w_square = a.constant(width * width);
        let [wide_first, wide_second] = [a.mul(wide[0], w), a.mul(wide[1], w_square)];

        // From the bound that is nearer; a small deviation moves the clipped mean inwards.
        let inwards = a.sub(gain, of_far);
        let clipped = self.value(a, mean);
        let (up, down) = (a.add(clipped, inwards), a.sub(clipped, inwards));
        let moved = is_low(a, up, down);
        let (up, down) = (a.add(low, wide_first), a.sub(high, wide_first));
        let ramp = is_low(a, up, down);
        let bound = a.constant(WIDE * width);
        let [result, second] = a.choose_ge(sigma, bound, [ramp, wide_second], [moved, second]);
        let second = a.select_ge(zero, second, zero, second);
        // What is not a number stays.
        Moments::gaussian(a.select_ge(mean, mean, result, mean), second)
    }
}

/// Mean and variance of (y − low)/w where σ is large beside w. In units of w, with s = w/σ, z the bounds
/// in deviations from the mean and φ the density at them, the slopes of F are −sφ, s²zφ and
/// −s³(z² − 1)φ.
fn wide<A: Elementary>(
    a: &mut A,
    w: A::Value,
    sigma: A::Value,
    p: A::Value,
    near: Rectified<A::Value>,
    [ratio, far_j, far_k]: [A::Value; 3],
) -> [A::Value; 2] {
    let (zero, one, half) = (a.constant(0.0), a.constant(1.0), a.constant(0.5));
    let limit = a.constant(TAIL_LIMIT_F32);
    let [near_z, far_z] = [near.ratio, ratio].map(|z| a.min_or(z, limit));
    let (near_tail, near_density) = near.upper_tail(a);
    let far_tail = a.fma(far_z, far_j, far_k);
    let far_density = a.fma(far_z, far_tail, far_j);
    // F at the bound that is nearer, which m may be beyond.
    let rest = a.sub(one, near_tail);
    let near_f = a.select_ge(p, zero, rest, near_tail);
    let minus = a.sub(zero, near_z);
    let near_z = a.select_ge(p, zero, minus, near_z);
    // The other one is at least half of w away.
    let far_f = far_tail;

    let s = a.div(w, sigma);
    let square = a.mul(s, s);
    let cube = a.mul(square, s);
    let third = |a: &mut A, z, density| {
        let square = a.mul(z, z);
        let factor = a.sub(square, one);
        a.mul(factor, density)
    };
    let (near_third, far_third) = (third(a, near_z, near_density), third(a, far_z, far_density));

    let ends = a.add(near_f, far_f);
    let middle = a.mul(ends, half);
    let bend = a.sub(near_density, far_density);
    let bend = a.mul(bend, s);
    let twelfth = a.constant(1.0 / 12.0);
    let first = a.negated_fma(bend, twelfth, middle);
    let difference = a.sub(near_third, far_third);
    let difference = a.mul(difference, cube);
    let small = a.constant(1.0 / 720.0);
    let first = a.fma(difference, small, first);

    let fall = a.sub(near_f, far_f);
    let slope = a.fma(s, far_density, fall);
    let sixth = a.constant(1.0 / 6.0);
    let second = a.fma(slope, sixth, far_f);
    let (near_bend, far_bend) = (a.mul(near_z, near_density), a.mul(far_z, far_density));
    let bend = a.sub(far_bend, near_bend);
    let three = a.constant(3.0);
    let bend = a.mul(bend, three);
    let bend = a.negated_fma(s, far_third, bend);
    let bend = a.mul(bend, square);
    let small = a.constant(1.0 / 360.0);
    let second = a.fma(bend, small, second);
    [first, a.negated_fma(first, first, second)]
}

/// `min(max(alpha·x + beta, 0), 1)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardSigmoid {
    alpha: f64,
    beta: f64,
}

/// What the scaled number is held between.
const UNIT: Clip = Clip { low: 0.0, high: 1.0 };

impl HardSigmoid {
    fn scaled<A: Elementary>(self, a: &mut A, x: Moments<A::Value>) -> Moments<A::Value> {
        let (alpha, beta) = (a.constant(self.alpha), a.constant(self.beta));
        let scaled = scale(a, x, alpha);
        Moments { mean: a.add(scaled.mean, beta), ..scaled }
    }
}

impl Pointwise for HardSigmoid {
    const NAME: &'static str = "hard_sigmoid";

    fn read(attributes: &Attributes) -> Result<Self, String> {
        let number = |name: &str, default: f64| {
            let number = attributes.number(name)?.unwrap_or(default);
            match number.abs() <= LARGEST {
                true => Ok(number),
                false => Err(format!("has {number:e} as '{name}'; it is from -1e18 to 1e18")),
            }
        };
        Ok(Self { alpha: number("alpha", 1.0 / 6.0)?, beta: number("beta", 0.5)? })
    }

    fn write(self) -> AttributeList {
        AttributeList::default().with("alpha", self.alpha).with("beta", self.beta)
    }

    fn is_increasing(self) -> bool {
        self.alpha >= 0.0
    }

    fn samples() -> Vec<Self> {
        [(1.0 / 6.0, 0.5), (0.2, 0.5), (-1.0, 0.25)]
            .map(|(alpha, beta)| Self { alpha, beta })
            .into()
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let scaled = self.scaled(a, Moments::deterministic(x)).mean;
        UNIT.value(a, scaled)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let scaled = self.scaled(a, Moments::gaussian(mean, variance));
        UNIT.gaussian(a, scaled.mean, scaled.variance.unwrap_or(variance))
    }
}
