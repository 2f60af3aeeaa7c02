//! A mean of two numbers, weighted by a third: z·x + (1 − z)·y, all independent.

use crate::{
    moments::{Arithmetic, Moments},
    types::{TensorType, broadcast},
};

/// The moments of z·x + (1 − z)·y. With means ζ, m, μ and variances s, v, w: mean ζm + (1 − ζ)μ,
/// variance s(m − μ)² + v(ζ² + s) + w((1 − ζ)² + s).
pub fn moments<A: Arithmetic>(
    a: &mut A,
    z: Moments<A::Value>,
    x: Moments<A::Value>,
    y: Moments<A::Value>,
) -> Moments<A::Value> {
    let one = a.constant(1.0);
    let rest = a.sub(one, z.mean);
    let of_y = a.mul(rest, y.mean);
    let mean = a.fma(z.mean, x.mean, of_y);
    let mut parts = Vec::new();
    if let Some(s) = z.variance {
        let difference = a.sub(x.mean, y.mean);
        // Not (m − μ)²s: the square may be infinite where s is 0.
        let deviation = a.sqrt(s);
        let product = a.mul(difference, deviation);
        parts.push(a.mul(product, product));
    }
    for (share, variance) in [(z.mean, x.variance), (rest, y.variance)] {
        let Some(variance) = variance else { continue };
        let square = match z.variance {
            Some(s) => a.fma(share, share, s),
            None => a.mul(share, share),
        };
        parts.push(a.mul(variance, square));
    }
    let variance = parts.into_iter().reduce(|sum, part| a.add(sum, part));
    Moments { mean, variance }
}

/// The type of the result.
///
/// # Errors
///
/// Where the shapes do not fit.
pub fn infer(operands: [&TensorType; 3]) -> Result<TensorType, String> {
    let [z, x, y] = operands;
    let all = broadcast(&x.shape, &y.shape).filter(|_| x.shape.len() == y.shape.len());
    let all = all.and_then(|shape| broadcast(&z.shape, &shape));
    let shape = all.filter(|shape| shape.len() == z.shape.len() && shape.len() == x.shape.len());
    let shape = shape.ok_or_else(|| format!("blends {x} and {y} by {z}, whose shapes differ"))?;
    Ok(TensorType::new(shape, operands.iter().any(|operand| operand.gaussian)))
}
