//! Updates: how a step of an optimiser moves a posterior N(m, v) along the gradient of a loss.
//!
//! What is minimised is the mean loss of the items plus `pull` times the divergence from the prior
//! N(m₀, v₀), of one weight
//!
//! ```text
//! KL = ½ (v/v₀ + (m − m₀)²/v₀ − 1 − log(v/v₀))
//! ∂KL/∂m = (m − m₀)/v₀        ∂KL/∂s = v/v₀ − 1        with v = e^(2s)
//! ```
//!
//! Steps are along m and along the logarithm s of the deviation, so that no variance becomes negative
//! (Blundell et al. 2015). A weight whose prior has no variance is certain, and stays what it is.
//!
//! No step makes a state that is finite anything else, whatever gradients and settings are: a gradient
//! that is no number or too large counts as 0, and what a step would make infinite or no number, or of a
//! variance too small for the next steps, stays what it is.

use crate::moments::{Arithmetic, Elementary};

/// Priors with smaller variances are certain: their precision may be beyond `f32`. No step makes a
/// variance smaller.
pub const LEAST_VARIANCE: f64 = 1e-36;

/// Larger gradients count as 0: their squares may be beyond `f32`.
pub const MOST_GRADIENT: f64 = 1e18;

/// The most that the logarithm of a deviation changes by in a step.
pub const MOST_CHANGE: f64 = 1.0;

/// The largest `f32`.
const LARGEST: f64 = f32::MAX as f64;

/// What Adam is told besides gradients (Kingma and Ba 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// How long the mean of gradients lasts.
    pub beta1: f64,
    /// How long the mean of their squares lasts.
    pub beta2: f64,
    /// What keeps quotients finite.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// A gradient that takes part: 0 where the prior is certain, and where it is too large or no number.
fn taken<A: Arithmetic>(a: &mut A, gradient: A::Value, prior_variance: A::Value) -> A::Value {
    let [zero, most, least] = [0.0, MOST_GRADIENT, LEAST_VARIANCE].map(|value| a.constant(value));
    let size = a.abs(gradient);
    let usable = a.select_ge(most, size, gradient, zero);
    a.select_ge(prior_variance, least, usable, zero)
}

/// What a step makes of a number: `after` where it is finite, else the number as it is.
fn finite_or<A: Arithmetic>(a: &mut A, after: A::Value, before: A::Value) -> A::Value {
    let largest = a.constant(LARGEST);
    let size = a.abs(after);
    a.select_ge(largest, size, after, before)
}

/// The gradient along a mean, from that of the loss and from the prior's mean and variance.
pub fn along_mean<A: Arithmetic>(
    a: &mut A,
    mean: A::Value,
    [prior_mean, prior_variance]: [A::Value; 2],
    gradient: A::Value,
    pull: A::Value,
) -> A::Value {
    let distance = a.sub(mean, prior_mean);
    let distance = a.div(distance, prior_variance);
    let sum = a.fma(pull, distance, gradient);
    taken(a, sum, prior_variance)
}

/// The gradient along the logarithm of a deviation, from that of the loss along the variance.
pub fn along_deviation<A: Arithmetic>(
    a: &mut A,
    variance: A::Value,
    prior_variance: A::Value,
    gradient: A::Value,
    pull: A::Value,
) -> A::Value {
    let [one, two] = [1.0, 2.0].map(|value| a.constant(value));
    let ratio = a.div(variance, prior_variance);
    let distance = a.sub(ratio, one);
    let slope = a.mul(variance, two);
    let slope = a.mul(slope, gradient);
    let sum = a.fma(pull, distance, slope);
    taken(a, sum, prior_variance)
}

/// The mean that a step down by `change` gives.
pub fn mean_after<A: Arithmetic>(a: &mut A, mean: A::Value, change: A::Value) -> A::Value {
    let after = a.sub(mean, change);
    finite_or(a, after, mean)
}

/// The variance that a step of the logarithm of the deviation down by `change` gives: v·e^(−2·change).
pub fn variance_after<A: Elementary>(a: &mut A, variance: A::Value, change: A::Value) -> A::Value {
    let [most, least, twice] = [MOST_CHANGE, -MOST_CHANGE, -2.0].map(|value| a.constant(value));
    // Of a rate that is no number.
    let zero = a.constant(0.0);
    let change = a.select_ge(change, change, change, zero);
    let change = a.min_or(change, most);
    let change = a.max(change, least);
    let power = a.mul(change, twice);
    let factor = a.exp(power);
    let after = a.mul(variance, factor);
    let least = a.constant(LEAST_VARIANCE);
    let after = a.select_ge(after, least, after, variance);
    finite_or(a, after, variance)
}

/// A running mean that takes in `next`: β·memory + (1 − β)·next.
pub fn remembered<A: Arithmetic>(
    a: &mut A,
    beta: f64,
    memory: A::Value,
    next: A::Value,
) -> A::Value {
    let [kept, new] = [beta, 1.0 - beta].map(|value| a.constant(value));
    let old = a.mul(kept, memory);
    a.fma(new, next, old)
}

/// A direction that takes in `next`, as descent with momentum has it: β·direction + next.
pub fn gathered<A: Arithmetic>(
    a: &mut A,
    beta: f64,
    direction: A::Value,
    next: A::Value,
) -> A::Value {
    let kept = a.constant(beta);
    let after = a.fma(kept, direction, next);
    finite_or(a, after, direction)
}

/// 1/(1 − β^step), by which a running mean of so many steps is too small.
pub fn correction<A: Elementary>(a: &mut A, beta: f64, step: A::Value) -> A::Value {
    let [zero, one, logarithm] = [0.0, 1.0, beta.ln()].map(|value| a.constant(value));
    let power = a.mul(step, logarithm);
    let distance = a.exp_m1(power);
    let distance = a.sub(zero, distance);
    a.div(one, distance)
}

/// The change of Adam: rate·first/(√second + ε), both corrected.
pub fn adam<A: Arithmetic>(
    a: &mut A,
    epsilon: f64,
    rate: A::Value,
    [first, second]: [A::Value; 2],
    [of_first, of_second]: [A::Value; 2],
) -> A::Value {
    let epsilon = a.constant(epsilon);
    let first = a.mul(first, of_first);
    let second = a.mul(second, of_second);
    let root = a.sqrt(second);
    let root = a.add(root, epsilon);
    let direction = a.div(first, root);
    a.mul(rate, direction)
}
