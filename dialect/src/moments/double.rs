//! Double precision.

use super::{
    Arithmetic, Elementary, Moments, Tail,
    quadrature::{self, Smooth},
    tail,
};

/// Double precision, the arithmetic of the reference.
#[derive(Debug, Clone, Copy)]
pub struct F64;

impl Arithmetic for F64 {
    type Value = f64;

    fn constant(&mut self, value: f64) -> f64 {
        value
    }

    fn add(&mut self, a: f64, b: f64) -> f64 {
        a + b
    }

    fn sub(&mut self, a: f64, b: f64) -> f64 {
        a - b
    }

    fn mul(&mut self, a: f64, b: f64) -> f64 {
        a * b
    }

    fn div(&mut self, a: f64, b: f64) -> f64 {
        a / b
    }

    /// Rounds twice: a fused operation is a library call per element on
    /// baseline x86-64, and the results would depend on the machine.
    fn fma(&mut self, a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }

    fn negated_fma(&mut self, a: f64, b: f64, c: f64) -> f64 {
        c - a * b
    }

    fn sqrt(&mut self, a: f64) -> f64 {
        a.sqrt()
    }

    fn abs(&mut self, a: f64) -> f64 {
        a.abs()
    }

    /// Not a number where an operand is not.
    fn max(&mut self, a: f64, b: f64) -> f64 {
        if a > b || a.is_nan() { a } else { b }
    }

    fn min_or(&mut self, a: f64, b: f64) -> f64 {
        if a < b { a } else { b }
    }

    fn select_ge(&mut self, a: f64, b: f64, then: f64, otherwise: f64) -> f64 {
        if a >= b { then } else { otherwise }
    }

    fn by_precision(&self, [_, double]: [f64; 2]) -> f64 {
        double
    }

    fn tail(&mut self, a: f64) -> Tail<f64> {
        Tail::reference(self, a)
    }
}

impl Elementary for F64 {
    fn exp(&mut self, a: f64) -> f64 {
        a.exp()
    }

    fn exp_m1(&mut self, a: f64) -> f64 {
        a.exp_m1()
    }

    fn ln(&mut self, a: f64) -> f64 {
        a.ln()
    }

    fn sin(&mut self, a: f64) -> f64 {
        a.sin()
    }

    fn cos(&mut self, a: f64) -> f64 {
        a.cos()
    }

    fn tanh(&mut self, a: f64) -> f64 {
        a.tanh()
    }

    fn upper_tail(&mut self, a: f64) -> f64 {
        0.5 * libm::erfc(a * std::f64::consts::FRAC_1_SQRT_2)
    }

    fn upper_tail_beside(&mut self, a: f64, _: f64) -> f64 {
        self.upper_tail(a)
    }

    fn scaled_tails(&mut self, a: [f64; 2]) -> [f64; 2] {
        a.map(tail::scaled)
    }

    fn smooth<F: Smooth>(&mut self, f: F, mean: f64, variance: f64) -> Moments<f64> {
        quadrature::reference(f, mean, variance)
    }
}
