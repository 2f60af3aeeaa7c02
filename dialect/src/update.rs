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

use crate::moments::{Arithmetic, Elementary};

/// Priors with smaller variances are certain: their precision may be beyond `f32`.
pub const LEAST_VARIANCE: f64 = 1e-36;

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

/// A Gaussian weight, and its prior.
#[derive(Debug, Clone, Copy)]
pub struct Weight<V> {
    /// The mean.
    pub mean: V,
    /// The variance.
    pub variance: V,
    /// The mean of the prior.
    pub prior_mean: V,
    /// The variance of the prior.
    pub prior_variance: V,
}

/// A gradient that takes part: 0 where the prior is certain, and where it is not finite.
fn taken<A: Arithmetic>(a: &mut A, gradient: A::Value, prior_variance: A::Value) -> A::Value {
    let [zero, largest, least] = [0.0, LARGEST, LEAST_VARIANCE].map(|value| a.constant(value));
    let size = a.abs(gradient);
    let finite = a.select_ge(largest, size, gradient, zero);
    a.select_ge(prior_variance, least, finite, zero)
}

/// The gradient along the mean, from that of the loss.
pub fn along_mean<A: Arithmetic>(
    a: &mut A,
    weight: Weight<A::Value>,
    gradient: A::Value,
    pull: A::Value,
) -> A::Value {
    let distance = a.sub(weight.mean, weight.prior_mean);
    let distance = a.div(distance, weight.prior_variance);
    let sum = a.fma(pull, distance, gradient);
    taken(a, sum, weight.prior_variance)
}

/// The gradient along the logarithm of the deviation, from that of the loss along the variance.
pub fn along_deviation<A: Arithmetic>(
    a: &mut A,
    weight: Weight<A::Value>,
    gradient: A::Value,
    pull: A::Value,
) -> A::Value {
    let [one, two] = [1.0, 2.0].map(|value| a.constant(value));
    let ratio = a.div(weight.variance, weight.prior_variance);
    let distance = a.sub(ratio, one);
    let slope = a.mul(weight.variance, two);
    let slope = a.mul(slope, gradient);
    let sum = a.fma(pull, distance, slope);
    taken(a, sum, weight.prior_variance)
}

/// The variance that a step of the logarithm of the deviation down by `change` gives: v·e^(−2·change).
pub fn variance_after<A: Elementary>(a: &mut A, variance: A::Value, change: A::Value) -> A::Value {
    let [most, least, twice] = [MOST_CHANGE, -MOST_CHANGE, -2.0].map(|value| a.constant(value));
    let change = a.min_or(change, most);
    let change = a.max(change, least);
    let power = a.mul(change, twice);
    let factor = a.exp(power);
    a.mul(variance, factor)
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
