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
//! and U rises from ½ − 1/2π to 1. ReLU is the maximum with 0 ± 0.

mod tail;

pub use tail::{TAIL_LIMIT_F32, Tail};

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
    /// J, K and 1 − K − 2aJ at `a ≥ 0`. `a` may be infinite or, as the quotient of two
    /// zeros, not a number: both mean that the larger mean decides alone.
    fn tail(&mut self, a: Self::Value) -> Tail<Self::Value>;
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
    let theta = a.sqrt(v);
    // The sign goes last: θ may be a negative zero.
    let quotient = a.div(x.mean, theta);
    let ratio = a.abs(quotient);
    let tail = a.tail(ratio);
    let mean = a.fma(theta, tail.j, rectified);
    // L + J² or U + J²: what is common to both is subtracted once.
    let with_square = a.select_ge(zero, x.mean, tail.k, tail.rest);
    let share = a.negated_fma(tail.j, tail.j, with_square);
    Moments::gaussian(mean, a.mul(v, share))
}

/// The maximum of two independent numbers, taken as Gaussian again. A mean of
/// −∞ with variance 0 is the neutral element.
pub fn max<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    y: Moments<A::Value>,
) -> Moments<A::Value> {
    let larger = a.max(x.mean, y.mean);
    let (v, w) = match (x.variance, y.variance) {
        (None, None) => return Moments::deterministic(larger),
        (v, w) => {
            let zero = a.constant(0.0);
            (v.unwrap_or(zero), w.unwrap_or(zero))
        }
    };
    let sum = a.add(v, w);
    let theta = a.sqrt(sum);
    let difference = a.sub(x.mean, y.mean);
    let quotient = a.div(difference, theta);
    let ratio = a.abs(quotient);
    let tail = a.tail(ratio);
    let mean = a.fma(theta, tail.j, larger);
    let high = a.select_ge(x.mean, y.mean, v, w);
    let low = a.select_ge(x.mean, y.mean, w, v);
    let (lower, upper) = (tail.lower(a), tail.upper(a));
    let of_low = a.mul(low, lower);
    Moments::gaussian(mean, a.fma(high, upper, of_low))
}
