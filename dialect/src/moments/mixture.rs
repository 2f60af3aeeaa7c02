//! A scale that is shared and random, and mixtures over its nodes.
//!
//! Given its input a, the output of a dense layer has the variance q = Σ sₖaₖ² from its weights, the same random
//! number, up to the factor of each output, for all outputs. It is taken as log-normal with the mean and the variance
//! that follow from the squares of a, and the layers behind it are computed at the nodes of Gauss–Hermite
//! quadrature of ln q.
//!
//! # The square of a positive part
//!
//! With X ~ N(m, v), a = −m/σ and the iterated integrals of the normal tail Mₙ = E[max(ξ − a, 0)ⁿ], the variance of
//! max(X, 0)² is v²(M₄ − M₂²). M₂ is K of [`super::Tail`], and the quotients rₙ = Mₙ/Mₙ₋₁ follow from
//! Mₙ = (n − 1)Mₙ₋₂ − aMₙ₋₁ as the continued fraction rₙ₋₁ = (n − 1)/(a + rₙ), which loses nothing for a ≥ 0. For
//! a < 0, M₄(a) = a⁴ + 6a² + 3 − M₄(−a) and M₂(a) = a² + 1 − M₂(−a).

use super::{Arithmetic, Elementary, Moments};

/// A node of a quadrature over the standard normal distribution, and its weight.
pub type Node = (f64, f64);

/// Gauss–Hermite quadrature of 3 or 5 nodes, or what several of one scale after the other make, the one of 5 nodes
/// first: of 9, 15, 25, 45 or 75 nodes. `None` where there is no such rule.
pub fn rule(nodes: i64) -> Option<Vec<Node>> {
    let (first, others) = match nodes {
        5 | 15 | 25 | 45 | 75 => (5, nodes / 5),
        3 | 9 => (3, nodes / 3),
        _ => return None,
    };
    let outer = one_scale(first)?;
    match others {
        1 => Some(outer),
        others => {
            let inner = rule(others)?;
            let pairs = outer.iter().flat_map(|&(_, outer)| {
                inner.iter().map(move |&(place, weight)| (place, outer * weight))
            });
            Some(pairs.collect())
        }
    }
}

/// The nodes of a mixture whose nodes are mixtures of so many more; `None` where there is no such rule.
pub fn nodes_within(outer: i64, inner: i64) -> Option<i64> {
    let nodes = outer.checked_mul(inner)?;
    let is_last_smaller = outer == 1 || inner == 3 || outer % 3 != 0;
    (one_scale(inner).is_some() && is_last_smaller && (rule(nodes).is_some())).then_some(nodes)
}

/// Gauss–Hermite quadrature of so many nodes; `None` where there is no such rule here.
pub fn one_scale(nodes: i64) -> Option<Vec<Node>> {
    let ten = 10f64.sqrt();
    let (half, middle): (Vec<Node>, _) = match nodes {
        3 => (vec![(3f64.sqrt(), 1.0 / 6.0)], 2.0 / 3.0),
        5 => (
            vec![
                ((5.0 + ten).sqrt(), (7.0 - 2.0 * ten) / 60.0),
                ((5.0 - ten).sqrt(), (7.0 + 2.0 * ten) / 60.0),
            ],
            8.0 / 15.0,
        ),
        _ => return None,
    };
    let low = half.iter().map(|&(x, w)| (-x, w));
    Some(low.chain([(0.0, middle)]).chain(half.iter().rev().copied()).collect())
}

/// More than this the variance of a scale is not taken to be, relative to the square of its mean.
const WIDEST: f64 = 1e6;

/// The scale at the node `x` of a rule, relative to its mean; 1 where the mean is 0.
pub fn scale<A: Elementary>(
    a: &mut A,
    rule: &[Node],
    [variance, mean]: [A::Value; 2],
    x: A::Value,
) -> A::Value {
    let [zero, one, widest] = [0.0, 1.0, WIDEST].map(|x| a.constant(x));
    let deviation = a.sqrt(variance);
    let relative = a.div(deviation, mean);
    let square = a.mul(relative, relative);
    let square = a.min_or(square, widest);
    let square = a.select_ge(zero, mean, zero, square);
    // ln(1 + r), with what 1 + r has lost of r.
    let sum = a.add(square, one);
    let (logarithm, rounded) = (a.ln(sum), a.sub(sum, one));
    let quotient = a.div(square, rounded);
    let logarithm = a.mul(logarithm, quotient);
    let logarithm = a.select_ge(one, sum, square, logarithm);
    let width = a.sqrt(logarithm);
    let mut total = zero;
    for &(node, weight) in rule {
        let (node, weight) = (a.constant(node), a.constant(weight));
        let exponent = a.mul(width, node);
        let power = a.exp(exponent);
        total = a.fma(weight, power, total);
    }
    let exponent = a.mul(width, x);
    let power = a.exp(exponent);
    a.div(power, total)
}

/// The mixture of what is at the nodes of a rule.
pub fn mix<A: Arithmetic>(
    a: &mut A,
    rule: &[Node],
    nodes: &[Moments<A::Value>],
) -> Moments<A::Value> {
    let zero = a.constant(0.0);
    let weights: Vec<_> = rule.iter().map(|&(_, weight)| a.constant(weight)).collect();
    // From one of them on: equal means are their mean, whatever is rounded.
    let Some(one) = nodes.get(nodes.len() / 2) else {
        return Moments::deterministic(zero);
    };
    let mean = weights.iter().zip(nodes).fold(one.mean, |sum, (&weight, node)| {
        let apart = a.sub(node.mean, one.mean);
        a.fma(weight, apart, sum)
    });
    let mut variance = None;
    for (&weight, node) in weights.iter().zip(nodes) {
        if let Some(v) = node.variance {
            let apart = a.sub(node.mean, mean);
            let spread = a.fma(apart, apart, v);
            variance = Some(a.fma(weight, spread, variance.unwrap_or(zero)));
        }
    }
    Moments { mean, variance }
}

/// √Var(X²).
pub fn square_deviation<A: Arithmetic>(a: &mut A, x: Moments<A::Value>) -> A::Value {
    let Some(variance) = x.variance else { return a.constant(0.0) };
    let [zero, two] = [0.0, 2.0].map(|x| a.constant(x));
    let double = a.mul(x.mean, two);
    let of_variance = a.mul(variance, two);
    let square = a.fma(double, double, of_variance);
    let (deviation, root) = (a.sqrt(variance), a.sqrt(square));
    let product = a.mul(deviation, root);
    // The square of a large mean overflows.
    a.select_ge(zero, variance, zero, product)
}

/// How deep the continued fraction begins, with rₙ ≈ 2(n − ½)/(a + √(a² + 4n − 2)): M₄ is then good to 2e-4.
const DEPTH: u32 = 10;

/// √Var(max(X, 0)²).
pub fn positive_square_deviation<A: Arithmetic>(a: &mut A, x: Moments<A::Value>) -> A::Value {
    let Some(variance) = x.variance else { return a.constant(0.0) };
    let [zero, two, most] = [0.0, 2.0, 1e4].map(|x| a.constant(x));
    let deviation = a.sqrt(variance);
    let size = a.abs(x.mean);
    let ratio = a.div(size, deviation);
    let ratio = a.min_or(ratio, most);
    let second = a.tail(ratio).k;
    // M₄/M₂ = r₄·r₃.
    let size_of_next = f64::from(DEPTH) + 0.5;
    let [twice, four_times] = [2.0, 4.0].map(|x| a.constant(x * size_of_next));
    let root = a.fma(ratio, ratio, four_times);
    let root = a.sqrt(root);
    let below = a.add(ratio, root);
    let mut quotient = a.div(twice, below);
    let mut before = quotient;
    for n in (3..=DEPTH).rev() {
        let n = a.constant(f64::from(n));
        let below = a.add(ratio, quotient);
        before = quotient;
        quotient = a.div(n, below);
    }
    let fourth = a.mul(before, quotient);
    let fourth = a.mul(fourth, second);
    // On the far side of 0, with what is missing of all of it: 4a² + 2 − M₄ + 2(1 + a²)M₂ − M₂².
    let square = a.mul(second, second);
    let rest = a.sub(two, fourth);
    let rest = a.sub(rest, square);
    let rest = a.fma(second, two, rest);
    let factor = a.fma(second, two, two);
    let factor = a.add(factor, two);
    let of_mean = a.mul(size, factor);
    let inner = a.mul(variance, rest);
    let inner = a.fma(of_mean, size, inner);
    let inner = a.max(inner, zero);
    let root = a.sqrt(inner);
    let above = a.mul(deviation, root);
    let spread = a.sub(fourth, square);
    let spread = a.max(spread, zero);
    let root = a.sqrt(spread);
    let below = a.mul(variance, root);
    let result = a.select_ge(x.mean, zero, above, below);
    a.select_ge(zero, variance, zero, result)
}
