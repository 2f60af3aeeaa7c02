//! eˣ: the log-normal distribution.
//!
//! ```text
//! mean     = e^(m + v/2)
//! variance = e^(2(m + v))·(1 − e^(−v))
//! ```
//!
//! The bracket is computed without a difference where v is small.

use super::{Pointwise, plain};
use crate::{
    attributes::Attributes,
    moments::{Elementary, Moments, horner},
};

/// The exponential function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exp;

/// Below this the series of (1 − e^(−v))/v has a relative error of 3e-8 with eight terms.
const SMALL: f64 = 1.0;

/// (1 − e^(−v))/v = Σ (−v)ᵏ/(k + 1)!.
const SERIES: [f64; 9] = [
    1.0,
    -1.0 / 2.0,
    1.0 / 6.0,
    -1.0 / 24.0,
    1.0 / 120.0,
    -1.0 / 720.0,
    1.0 / 5040.0,
    -1.0 / 40320.0,
    1.0 / 362_880.0,
];

/// The largest exponent of a finite result in `f32`.
const LARGEST: f64 = 88.72;

impl Pointwise for Exp {
    plain!(Exp, "exp");

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        a.exp(x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let half = a.constant(0.5);
        let exponent = a.fma(variance, half, mean);
        let result = a.exp(exponent);
        // Its square may be infinite; the factor itself is not, as v may be 0.
        let exponent = a.add(mean, variance);
        let exponent = {
            let largest = a.constant(LARGEST);
            a.select_ge(exponent, largest, largest, exponent)
        };
        let root = a.exp(exponent);
        let share = rise(a, variance);
        let product = a.mul(root, share);
        Moments::gaussian(result, a.mul(product, root))
    }
}

/// 1 − e^(−v).
fn rise<A: Elementary>(a: &mut A, v: A::Value) -> A::Value {
    let (zero, one, bound) = (a.constant(0.0), a.constant(1.0), a.constant(SMALL));
    let minus = a.sub(zero, v);
    let power = a.exp(minus);
    let difference = a.sub(one, power);
    let series = horner(a, &SERIES, v);
    let small = a.mul(series, v);
    a.select_ge(v, bound, difference, small)
}
