//! The algebra of means and variances.
//!
//! Every formula of the dialect stands here, once, over an [`Arithmetic`]: the
//! reference interpreter runs it on `f64`, the lowering runs it on a builder of
//! MLIR. No formula subtracts numbers that are nearly equal, none has an
//! epsilon, and a zero variance is an ordinary value.
//!
//! # The maximum
//!
//! For X ~ N(m₁, v₁), Y ~ N(m₂, v₂), independent, with θ² = v₁ + v₂ and
//! a = |m₁ − m₂| / θ, Clark's moments (1961) are
//!
//! ```text
//! mean     = max(m₁, m₂) + θ·J(a)
//! variance = v_hi·U(a) + v_lo·L(a)
//! ```
//!
//! where `hi` is the operand with the larger mean, and with the standard normal
//! PDF φ and upper tail Q = 1 − Φ
//!
//! ```text
//! J(a) = φ − aQ                    the first iterated integral of the tail
//! K(a) = (1 + a²)Q − aφ            twice the second one
//! L(a) = K − J²                    U(a) = 1 − K − 2aJ − J²
//! ```
//!
//! All of them are positive, J, K and L fall like φ(a) times a rational function,
//! and U rises from ½ − 1/2π to 1. ReLU is the maximum with 0 ± 0. With a covariance c
//! of X and Y it is θ² = v₁ + v₂ − 2c, and the variance has one term more:
//!
//! ```text
//! variance = v_hi·U(a) + v_lo·L(a) + c·2J(a + J)
//! ```

mod along;
mod double;
pub mod dual;
mod maximum;
pub mod mixture;
mod normal;
pub mod normalised;
pub mod quadrature;
mod tail;

pub use along::{Along, Directional};
pub use double::F64;
pub use maximum::{Maximum, max, max_of_window, pairs};
pub use normal::{bell, finite_bell, horner, tanh, upper_tail};
use normal::{exp_m1, scaled_tails, upper_tail_beside};
pub(crate) use tail::INVERSE_SQRT_TWO_PI;
pub use tail::{TAIL_LIMIT_F32, Tail};

use quadrature::Smooth;

/// Numbers that the algebra can be run on.
pub trait Arithmetic {
    /// One number: a value, or the name of one in the program being built.
    type Value: Copy;

    /// A literal.
    fn constant(&mut self, value: f64) -> Self::Value;
    /// `a + b`.
    fn add(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a − b`.
    fn sub(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a · b`.
    fn mul(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `−a`.
    fn negate(&mut self, a: Self::Value) -> Self::Value {
        let minus_one = self.constant(-1.0);
        self.mul(a, minus_one)
    }
    /// `a / b`.
    fn div(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `1 / a`, where `a` and the quotient are normal numbers.
    fn reciprocal(&mut self, a: Self::Value) -> Self::Value {
        let one = self.constant(1.0);
        self.div(one, a)
    }
    /// `a · b + c`, rounded once where that costs no more than twice.
    fn fma(&mut self, a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value;
    /// `c − a · b`, rounded as [`Arithmetic::fma`].
    fn negated_fma(&mut self, a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value;
    /// `√a`.
    fn sqrt(&mut self, a: Self::Value) -> Self::Value;
    /// `|a|`.
    fn abs(&mut self, a: Self::Value) -> Self::Value;
    /// The larger of two numbers.
    fn max(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a` where it is smaller than `b`, else `b`; `b` where `a` is not a number.
    fn min_or(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `then` where `a ≥ b`, else `otherwise`.
    fn select_ge(
        &mut self,
        a: Self::Value,
        b: Self::Value,
        then: Self::Value,
        otherwise: Self::Value,
    ) -> Self::Value;
    /// All of `then` where `a ≥ b`, else of `otherwise`; worth a branch where either takes long.
    fn choose_ge<const N: usize>(
        &mut self,
        a: Self::Value,
        b: Self::Value,
        then: [Self::Value; N],
        otherwise: [Self::Value; N],
    ) -> [Self::Value; N] {
        std::array::from_fn(|n| self.select_ge(a, b, then[n], otherwise[n]))
    }
    /// The first of two numbers where arithmetic rounds to `f32`, the second in double precision.
    fn by_precision(&self, [single, _]: [f64; 2]) -> f64 {
        single
    }
    /// J, K and 1 − K − 2aJ at `a ≥ 0`. `a` may be infinite or, as the quotient of two
    /// zeros, not a number: both mean that the larger mean decides alone.
    fn tail(&mut self, a: Self::Value) -> Tail<Self::Value>;
}

/// Numbers with the functions that activations and predictive heads are made of.
pub trait Elementary: Arithmetic {
    /// eᵃ.
    fn exp(&mut self, a: Self::Value) -> Self::Value;
    /// eᵃ where it is finite; anything else where it is not.
    fn finite_exp(&mut self, a: Self::Value) -> Self::Value {
        self.exp(a)
    }
    /// eᵃ for a ≤ 88; anything where `a` is not a number.
    fn decay(&mut self, a: Self::Value) -> Self::Value {
        self.exp(a)
    }
    /// eᵃ − 1, to a relative error.
    fn exp_m1(&mut self, a: Self::Value) -> Self::Value
    where
        Self: Sized,
    {
        exp_m1(self, a)
    }
    /// ln a.
    fn ln(&mut self, a: Self::Value) -> Self::Value;
    /// sin a.
    fn sin(&mut self, a: Self::Value) -> Self::Value;
    /// cos a.
    fn cos(&mut self, a: Self::Value) -> Self::Value;
    /// tanh a.
    fn tanh(&mut self, a: Self::Value) -> Self::Value
    where
        Self: Sized,
    {
        tanh(self, a)
    }
    /// 1 − Φ(a) for a ≥ 0, Φ the standard normal distribution function.
    fn upper_tail(&mut self, a: Self::Value) -> Self::Value;
    /// The same where e^(−a²/2) is known.
    fn upper_tail_beside(&mut self, a: Self::Value, bell: Self::Value) -> Self::Value
    where
        Self: Sized,
    {
        upper_tail_beside(self, a, bell)
    }
    /// (1 − Φ(a))·e^(a²/2) for two a from 0 to 1e9.
    fn scaled_tails(&mut self, a: [Self::Value; 2]) -> [Self::Value; 2]
    where
        Self: Sized,
    {
        scaled_tails(self, a)
    }
    /// Mean and variance of a smooth function of a Gaussian.
    fn smooth<F: Smooth>(
        &mut self,
        f: F,
        mean: Self::Value,
        variance: Self::Value,
    ) -> Moments<Self::Value>
    where
        Self: Sized,
    {
        f.moments(self, mean, variance)
    }
}

/// A number known by its moments: Gaussian, or deterministic without a variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments<V> {
    /// The mean.
    pub mean: V,
    /// The variance; `None` is exactly zero.
    pub variance: Option<V>,
}

impl<V> Moments<V> {
    /// A number without uncertainty.
    pub fn deterministic(mean: V) -> Self {
        Self { mean, variance: None }
    }

    /// A Gaussian.
    pub fn gaussian(mean: V, variance: V) -> Self {
        Self { mean, variance: Some(variance) }
    }
}

/// `sum + x·w` for independent x and w:
/// mean `+ mμ`, variance `+ v(s + μ²) + m²s`. Goodman 1960, "On the exact
/// variance of products"; no term cancels another.
pub fn multiply_add<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    w: Moments<A::Value>,
    sum: Moments<A::Value>,
) -> Moments<A::Value> {
    let mean = a.fma(x.mean, w.mean, sum.mean);
    let accumulate = |a: &mut A, left, right, total: Option<A::Value>| {
        Some(match total {
            Some(total) => a.fma(left, right, total),
            None => a.mul(left, right),
        })
    };
    let mut variance = sum.variance;
    if let Some(s) = w.variance {
        let square = a.mul(x.mean, x.mean);
        variance = accumulate(a, square, s, variance);
    }
    if let Some(v) = x.variance {
        let second_moment = match w.variance {
            Some(s) => a.fma(w.mean, w.mean, s),
            None => a.mul(w.mean, w.mean),
        };
        variance = accumulate(a, v, second_moment, variance);
    }
    Moments { mean, variance }
}

/// The sum of two independent numbers.
pub fn add<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    y: Moments<A::Value>,
) -> Moments<A::Value> {
    let mean = a.add(x.mean, y.mean);
    let variance = match (x.variance, y.variance) {
        (Some(v), Some(w)) => Some(a.add(v, w)),
        (v, w) => v.or(w),
    };
    Moments { mean, variance }
}

/// The difference of two independent numbers.
pub fn sub<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    y: Moments<A::Value>,
) -> Moments<A::Value> {
    let mean = a.sub(x.mean, y.mean);
    let variance = match (x.variance, y.variance) {
        (Some(v), Some(w)) => Some(a.add(v, w)),
        (v, w) => v.or(w),
    };
    Moments { mean, variance }
}

/// The product of two independent numbers, Goodman 1960: mean `mμ`, variance `v(s + μ²) + m²s`.
pub fn mul<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    y: Moments<A::Value>,
) -> Moments<A::Value> {
    let mean = a.mul(x.mean, y.mean);
    // Not m²s: m² may be infinite where s is 0.
    let squared = |a: &mut A, mean, variance| {
        let deviation = a.sqrt(variance);
        let product = a.mul(mean, deviation);
        a.mul(product, product)
    };
    let of_x = x.variance.map(|v| squared(a, y.mean, v));
    let of_y = y.variance.map(|s| squared(a, x.mean, s));
    let variance = match (x.variance.zip(of_x), y.variance.zip(of_y)) {
        (Some((v, of_x)), Some((s, of_y))) => {
            let sum = a.fma(v, s, of_x);
            Some(a.add(sum, of_y))
        }
        (Some((_, one)), None) | (None, Some((_, one))) => Some(one),
        (None, None) => None,
    };
    Moments { mean, variance }
}

/// A number divided by one that is known.
pub fn div<A: Arithmetic>(a: &mut A, x: Moments<A::Value>, divisor: A::Value) -> Moments<A::Value> {
    let mean = a.div(x.mean, divisor);
    let variance = x.variance.map(|v| {
        let part = a.div(v, divisor);
        a.div(part, divisor)
    });
    Moments { mean, variance }
}

/// `x · factor` for a deterministic factor.
pub fn scale<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    factor: A::Value,
) -> Moments<A::Value> {
    let mean = a.mul(x.mean, factor);
    let variance = x.variance.map(|v| {
        let square = a.mul(factor, factor);
        a.mul(v, square)
    });
    Moments { mean, variance }
}

/// Batch normalisation at inference: `(x − running_mean) / deviation · gamma + beta`
/// with `deviation = √(running_variance + epsilon)`. Ioffe and Szegedy 2015.
pub fn batch_norm<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    gamma: Moments<A::Value>,
    beta: Moments<A::Value>,
    running_mean: A::Value,
    deviation: A::Value,
) -> Moments<A::Value> {
    let centred = a.sub(x.mean, running_mean);
    let one = a.constant(1.0);
    let inverse = a.div(one, deviation);
    let normalised = scale(a, Moments { mean: centred, ..x }, inverse);
    multiply_add(a, normalised, gamma, beta)
}

/// `√(running_variance + epsilon)`, the deviation that batch normalisation divides by.
pub fn batch_norm_deviation<A: Arithmetic>(
    a: &mut A,
    running_variance: A::Value,
    epsilon: f64,
) -> A::Value {
    let epsilon = a.constant(epsilon);
    let sum = a.add(running_variance, epsilon);
    a.sqrt(sum)
}

/// `max(x, 0)`; the moments of the rectified Gaussian.
pub fn relu<A: Arithmetic>(a: &mut A, x: Moments<A::Value>) -> Moments<A::Value> {
    let zero = a.constant(0.0);
    // What is not a number is not below 0: it stays.
    let rectified = a.select_ge(zero, x.mean, zero, x.mean);
    let Some(v) = x.variance else {
        return Moments::deterministic(rectified);
    };
    let parts = Rectified::of(a, x.mean, v);
    let mean = a.fma(parts.theta, parts.tail.j, rectified);
    let share = parts.share(a);
    Moments::gaussian(mean, a.mul(v, share))
}

/// What `max(x, 0)` is made of for a Gaussian x.
#[derive(Debug, Clone, Copy)]
pub struct Rectified<V> {
    /// The mean of x.
    pub mean: V,
    /// σ.
    pub theta: V,
    /// a = |m|/σ; not a number where both are 0.
    pub ratio: V,
    /// The tail at a.
    pub tail: Tail<V>,
}

impl<V: Copy> Rectified<V> {
    /// Of a Gaussian.
    pub fn of<A: Arithmetic<Value = V>>(a: &mut A, mean: V, variance: V) -> Self {
        let theta = a.sqrt(variance);
        // The sign goes last: θ may be a negative zero.
        let quotient = a.div(mean, theta);
        let ratio = a.abs(quotient);
        let tail = a.tail(ratio);
        Self { mean, theta, ratio, tail }
    }

    /// The variance of the maximum in units of that of x.
    pub fn share<A: Arithmetic<Value = V>>(&self, a: &mut A) -> V {
        let zero = a.constant(0.0);
        // L + J² or U + J²: what is common to both is subtracted once.
        let with_square = a.select_ge(zero, self.mean, self.tail.k, self.tail.rest);
        a.negated_fma(self.tail.j, self.tail.j, with_square)
    }

    /// σJ(a): what the mean of the maximum is above the maximum of the mean.
    pub fn gain<A: Arithmetic<Value = V>>(&self, a: &mut A) -> V {
        a.mul(self.theta, self.tail.j)
    }

    /// Q and φ at a: the upper tail and the density of the standard normal distribution.
    pub fn upper_tail<A: Arithmetic<Value = V>>(&self, a: &mut A) -> (V, V) {
        let limit = a.constant(TAIL_LIMIT_F32);
        let ratio = a.min_or(self.ratio, limit);
        let upper = a.fma(ratio, self.tail.j, self.tail.k);
        (upper, a.fma(ratio, upper, self.tail.j))
    }
}

/// The probability that a Gaussian is on the other side of 0 than its mean: 0 where its variance is.
pub fn rarer_side<A: Elementary>(a: &mut A, mean: A::Value, variance: A::Value) -> A::Value {
    let theta = a.sqrt(variance);
    let quotient = a.div(mean, theta);
    let ratio = a.abs(quotient);
    let limit = a.constant(SIDE_LIMIT);
    let ratio = a.min_or(ratio, limit);
    let side = a.upper_tail(ratio);
    // Where reciprocals are estimated, the quotient by a deviation of 0 is 0.
    let zero = a.constant(0.0);
    a.select_ge(zero, variance, zero, side)
}

/// From here on [`rarer_side`] is 0 in `f32`, and as good as 0 in `f64`.
const SIDE_LIMIT: f64 = 40.0;
