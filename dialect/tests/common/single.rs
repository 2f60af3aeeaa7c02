//! Arithmetic that rounds to `f32`.

use gauss_dialect::moments::{Arithmetic, Elementary, Tail, upper_tail};

/// Single precision as compiled code has it: fused multiply-add, and the tail
/// from one exponential.
pub struct F32;

impl Arithmetic for F32 {
    type Value = f32;

    fn constant(&mut self, value: f64) -> f32 {
        value as f32
    }
    fn add(&mut self, a: f32, b: f32) -> f32 {
        a + b
    }
    fn sub(&mut self, a: f32, b: f32) -> f32 {
        a - b
    }
    fn mul(&mut self, a: f32, b: f32) -> f32 {
        a * b
    }
    fn div(&mut self, a: f32, b: f32) -> f32 {
        a / b
    }
    fn fma(&mut self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    fn negated_fma(&mut self, a: f32, b: f32, c: f32) -> f32 {
        (-a).mul_add(b, c)
    }
    fn sqrt(&mut self, a: f32) -> f32 {
        a.sqrt()
    }
    fn abs(&mut self, a: f32) -> f32 {
        a.abs()
    }
    fn max(&mut self, a: f32, b: f32) -> f32 {
        a.max(b)
    }
    fn min_or(&mut self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }
    fn select_ge(&mut self, a: f32, b: f32, then: f32, otherwise: f32) -> f32 {
        if a >= b { then } else { otherwise }
    }
    fn tail(&mut self, a: f32) -> Tail<f32> {
        // Compiled code has no denormal exponentials.
        Tail::rational(self, a, |_, x| if x < -87.4 { 0.0 } else { x.exp() })
    }
}

impl Elementary for F32 {
    fn exp(&mut self, a: f32) -> f32 {
        a.exp()
    }
    fn ln(&mut self, a: f32) -> f32 {
        a.ln()
    }
    fn sin(&mut self, a: f32) -> f32 {
        a.sin()
    }
    fn cos(&mut self, a: f32) -> f32 {
        a.cos()
    }
    fn upper_tail(&mut self, a: f32) -> f32 {
        upper_tail(self, a)
    }
}
