//! x above 0, slope·x below.
//!
//! y = λx + (1 − λ)r with r = max(x, 0). With g = σJ(a), a = |m|/σ, and R = Var\[r\]/v, because
//! xr = r² the covariance of x and r is vR + g(|m| + g) for either sign of m. So
//!
//! ```text
//! mean     = (m ≥ 0 ? m : λm) + (1 − λ)g
//! variance = v(λ² + (1 − λ²)R) + 2λ(1 − λ)·g(|m| + g)
//! ```
//!
//! For slopes in [0, 1] every term is positive. For others one is not; λ = −1 is |x|, whose variance is
//! at least (1 − 2/π)v.

use super::Pointwise;
use crate::{
    attributes::{AttributeList, Attributes, fits_f32},
    moments::{Arithmetic, Elementary, Moments, Rectified},
};

/// The leaky rectified linear unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyRelu {
    /// The slope below 0.
    slope: f64,
}

impl Pointwise for LeakyRelu {
    const NAME: &'static str = "leaky_relu";

    fn read(attributes: &Attributes) -> Result<Self, String> {
        let slope = attributes.number("slope")?.unwrap_or(0.01);
        // The variance has its square as a factor.
        match fits_f32(slope * slope) {
            true => Ok(Self { slope }),
            false => Err(format!("has {slope:e} as 'slope', whose square does not fit in float32")),
        }
    }

    fn write(self) -> AttributeList {
        AttributeList::default().with("slope", self.slope)
    }

    fn is_increasing(self) -> bool {
        self.slope >= 0.0
    }

    fn samples() -> Vec<Self> {
        [0.01, 0.0, 1.0, 0.3, -0.5, 2.0].map(|slope| Self { slope }).into()
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let slope = a.constant(self.slope);
        plain(a, x, slope)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let slope = a.constant(self.slope);
        bent(a, mean, variance, slope)
    }
}

/// The function of a number that is Gaussian or not, for any slope.
pub fn moments<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    slope: A::Value,
) -> Moments<A::Value> {
    match x.variance {
        Some(variance) => bent(a, x.mean, variance, slope),
        None => Moments::deterministic(plain(a, x.mean, slope)),
    }
}

fn plain<A: Arithmetic>(a: &mut A, x: A::Value, slope: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    let scaled = a.mul(x, slope);
    a.select_ge(x, zero, x, scaled)
}

fn bent<A: Arithmetic>(
    a: &mut A,
    mean: A::Value,
    variance: A::Value,
    slope: A::Value,
) -> Moments<A::Value> {
    let one = a.constant(1.0);
    let rectified = Rectified::of(a, mean, variance);
    let (gain, share) = (rectified.gain(a), rectified.share(a));
    let plain = plain(a, mean, slope);
    let rest = a.sub(one, slope);
    let result = a.fma(rest, gain, plain);

    let square = a.mul(slope, slope);
    let above = a.negated_fma(slope, slope, one);
    let share = a.fma(above, share, square);
    let distance = a.abs(mean);
    let reach = a.add(distance, gain);
    let product = a.mul(gain, reach);
    let cross = a.mul(slope, rest);
    let twice = a.add(cross, cross);
    let cross = a.mul(twice, product);
    Moments::gaussian(result, a.fma(variance, share, cross))
}
