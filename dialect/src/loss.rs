//! Losses: how unlikely targets are, given Gaussian outputs.
//!
//! Each is the expectation of a negative log likelihood over outputs z ~ N(m, v), per item:
//!
//! | loss | −log p(t given z) | its expectation |
//! |---|---|---|
//! | cross-entropy | Σ tᵢ·(log Σ exp zⱼ − zᵢ) | over draws z = m + √v·ε, or to second order |
//! | binary | Σ softplus(zᵢ) − tᵢ·zᵢ | over draws, or to second order |
//! | Gaussian | ½ Σ log 2πτ + (tᵢ − zᵢ)²/τ | ½ Σ log 2πτ + ((tᵢ − mᵢ)² + vᵢ)/τ, exactly |
//!
//! To second order in z − m, E[f(z)] ≈ f(m) + ½ Σ vᵢ ∂²f/∂zᵢ², with the second derivatives
//! p(1 − p) of the softmax and of the logistic function.

use crate::{
    moments::{Arithmetic, Elementary, Moments, quadrature::Smooth},
    ops::activation::softplus::Softplus,
};

/// log 2π.
const LOG_TWO_PI: f64 = 1.837_877_066_409_345_5;

/// z = m + √v·ε, a draw of a Gaussian from one of the standard normal distribution.
pub fn draw<A: Arithmetic>(a: &mut A, x: Moments<A::Value>, noise: A::Value) -> A::Value {
    let Some(variance) = x.variance else { return x.mean };
    let deviation = a.sqrt(variance);
    a.fma(deviation, noise, x.mean)
}

/// e^(z − peak), of logits with this peak.
pub fn power<A: Elementary>(a: &mut A, logit: A::Value, peak: A::Value) -> A::Value {
    let below = a.sub(logit, peak);
    a.exp(below)
}

/// What a class adds to the cross-entropy: t·(log Σ exp z − z), where Σ exp z = sum·e^peak.
pub fn cross_entropy<A: Elementary>(
    a: &mut A,
    [logit, target]: [A::Value; 2],
    [peak, sum]: [A::Value; 2],
) -> A::Value {
    let logarithm = a.ln(sum);
    let below = a.sub(logit, peak);
    let distance = a.sub(logarithm, below);
    a.mul(target, distance)
}

/// What the variance of a logit adds to second order: ½v·p(1 − p) for a target of weight 1.
pub fn of_variance<A: Arithmetic>(
    a: &mut A,
    variance: A::Value,
    probability: A::Value,
) -> A::Value {
    let half = a.constant(0.5);
    let spread = a.negated_fma(probability, probability, probability);
    let spread = a.mul(spread, half);
    a.mul(variance, spread)
}

/// What a label adds to the binary cross-entropy: softplus(z) − t·z.
pub fn binary<A: Elementary>(a: &mut A, logit: A::Value, target: A::Value) -> A::Value {
    let soft = Softplus.value(a, logit);
    a.negated_fma(target, logit, soft)
}

/// The logistic function.
pub fn logistic<A: Elementary>(a: &mut A, logit: A::Value) -> A::Value {
    let half = a.constant(0.5);
    let part = a.mul(logit, half);
    let part = a.tanh(part);
    a.fma(part, half, half)
}

/// What an output adds to the Gaussian loss: ½(log 2πτ + ((t − m)² + v)/τ).
pub fn gaussian<A: Elementary>(
    a: &mut A,
    x: Moments<A::Value>,
    target: A::Value,
    log_noise: A::Value,
) -> A::Value {
    let [half, constant] = [0.5, LOG_TWO_PI].map(|value| a.constant(value));
    let distance = a.sub(target, x.mean);
    let square = a.mul(distance, distance);
    let square = x.variance.map_or(square, |variance| a.add(square, variance));
    let minus = a.negate(log_noise);
    let precision = a.exp(minus);
    let logarithm = a.add(log_noise, constant);
    let sum = a.fma(square, precision, logarithm);
    a.mul(sum, half)
}
