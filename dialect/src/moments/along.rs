//! Double precision with a derivative beside each number: what the reference is differentiated with.
//!
//! A number stands for value + root·√t + slope·t at a t that leaves 0 upwards. There is a root where a
//! variance of exactly 0 becomes v′t: its deviation is √v′·√t, whose square has the slope v′ again. So
//! formulas that go by way of a deviation have the derivatives that they have beside 0, and no slope is
//! infinite. A term of √t in a result, whose derivative would be infinite, counts for nothing.

use super::{Arithmetic, Elementary, F64, INVERSE_SQRT_TWO_PI, Moments, Tail, quadrature, tail};

/// Double precision along a direction.
///
/// A slope of 0 contributes nothing, even beside what is infinite. Of equal numbers the one that grows more
/// counts as larger, as it is right behind this place: so all parts of a formula are on the same side of it.
/// Their values too; else values are those of [`F64`], bit by bit.
#[derive(Debug, Clone, Copy)]
pub struct Directional;

/// A number, and what becomes of it along the direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Along {
    /// The number.
    pub value: f64,
    root: f64,
    /// Its derivative.
    pub slope: f64,
}

impl Along {
    /// A number with this derivative.
    pub const fn new(value: f64, slope: f64) -> Self {
        Self { value, root: 0.0, slope }
    }

    /// A number that does not depend on the direction.
    pub const fn constant(value: f64) -> Self {
        Self::new(value, 0.0)
    }

    /// A function of the number, by its first and second derivative.
    pub fn chain(self, value: f64, [first, second]: [f64; 2]) -> Self {
        let curved = product(0.5 * second, self.root * self.root);
        let slope = product(first, self.slope) + curved;
        Self { value, root: product(first, self.root), slope }
    }

    /// By what numbers are compared, the first of these first.
    fn rank(self) -> [f64; 3] {
        [self.value, self.root, self.slope]
    }

    fn with_value(self, value: f64) -> Self {
        Self { value, ..self }
    }

    fn negative(self) -> Self {
        Self { value: -self.value, root: -self.root, slope: -self.slope }
    }
}

/// 0 where a factor is, whatever the other one is.
fn product(x: f64, y: f64) -> f64 {
    if x == 0.0 || y == 0.0 { 0.0 } else { x * y }
}

/// The density of the standard normal distribution.
fn density(x: f64) -> f64 {
    INVERSE_SQRT_TWO_PI * (-0.5 * x * x).exp()
}

impl Arithmetic for Directional {
    type Value = Along;

    fn constant(&mut self, value: f64) -> Along {
        Along::constant(value)
    }

    fn add(&mut self, a: Along, b: Along) -> Along {
        Along { value: F64.add(a.value, b.value), root: a.root + b.root, slope: a.slope + b.slope }
    }

    fn sub(&mut self, a: Along, b: Along) -> Along {
        Along { value: F64.sub(a.value, b.value), root: a.root - b.root, slope: a.slope - b.slope }
    }

    fn mul(&mut self, a: Along, b: Along) -> Along {
        let value = F64.mul(a.value, b.value);
        let slope = a.value * b.slope + a.slope * b.value;
        // The usual case: no product of 0 and what is infinite.
        if a.root == 0.0 && b.root == 0.0 && !slope.is_nan() {
            return Along::new(value, slope);
        }
        let ends = product(a.value, b.slope) + product(a.slope, b.value);
        Along {
            value,
            root: product(a.value, b.root) + product(a.root, b.value),
            slope: ends + product(a.root, b.root),
        }
    }

    /// A quotient by 0 is constant: what takes one looks at its value alone.
    fn div(&mut self, a: Along, b: Along) -> Along {
        let value = F64.div(a.value, b.value);
        if b.value == 0.0 {
            return Along::constant(value);
        }
        let root = (a.root - product(value, b.root)) / b.value;
        let slope = a.slope - product(value, b.slope) - product(root, b.root);
        Along { value, root, slope: slope / b.value }
    }

    fn fma(&mut self, a: Along, b: Along, c: Along) -> Along {
        let product = self.mul(a, b);
        self.add(product, c).with_value(F64.fma(a.value, b.value, c.value))
    }

    fn negated_fma(&mut self, a: Along, b: Along, c: Along) -> Along {
        let product = self.mul(a, b);
        self.sub(c, product).with_value(F64.negated_fma(a.value, b.value, c.value))
    }

    fn sqrt(&mut self, a: Along) -> Along {
        let value = F64.sqrt(a.value);
        match a.value == 0.0 {
            // No variance falls below 0.
            true => Along { value, root: a.slope.max(0.0).sqrt(), slope: 0.0 },
            false => a.chain(value, [0.5 / value, -0.25 / (value * a.value)]),
        }
    }

    fn abs(&mut self, a: Along) -> Along {
        let zero = Along::constant(0.0);
        let chosen = if a.rank() >= zero.rank() { a } else { a.negative() };
        chosen.with_value(F64.abs(a.value))
    }

    fn max(&mut self, a: Along, b: Along) -> Along {
        let chosen = if a.rank() > b.rank() || a.value.is_nan() { a } else { b };
        chosen.with_value(F64.max(a.value, b.value))
    }

    fn min_or(&mut self, a: Along, b: Along) -> Along {
        let chosen = if a.rank() < b.rank() { a } else { b };
        chosen.with_value(F64.min_or(a.value, b.value))
    }

    fn select_ge(&mut self, a: Along, b: Along, then: Along, otherwise: Along) -> Along {
        if a.rank() >= b.rank() { then } else { otherwise }
    }

    fn by_precision(&self, pair: [f64; 2]) -> f64 {
        F64.by_precision(pair)
    }

    fn tail(&mut self, a: Along) -> Tail<Along> {
        let tail = F64.tail(a.value);
        if a.value.is_nan() || a.value >= tail::TAIL_LIMIT_F64 {
            return tail.map(Along::constant);
        }
        let (upper, density) = (F64.upper_tail(a.value), density(a.value));
        let first = tail.slopes(&mut F64, a.value, upper);
        Tail {
            j: a.chain(tail.j, [first.j, density]),
            k: a.chain(tail.k, [first.k, 2.0 * upper]),
            rest: a.chain(tail.rest, [first.rest, 2.0 * (upper - a.value * density)]),
        }
    }
}

impl Elementary for Directional {
    fn exp(&mut self, a: Along) -> Along {
        let value = F64.exp(a.value);
        a.chain(value, [value; 2])
    }

    fn exp_m1(&mut self, a: Along) -> Along {
        a.chain(F64.exp_m1(a.value), [F64.exp(a.value); 2])
    }

    fn ln(&mut self, a: Along) -> Along {
        let slope = 1.0 / a.value;
        a.chain(F64.ln(a.value), [slope, -slope * slope])
    }

    fn sin(&mut self, a: Along) -> Along {
        let (sine, cosine) = (F64.sin(a.value), F64.cos(a.value));
        a.chain(sine, [cosine, -sine])
    }

    fn cos(&mut self, a: Along) -> Along {
        let (sine, cosine) = (F64.sin(a.value), F64.cos(a.value));
        a.chain(cosine, [-sine, -cosine])
    }

    fn tanh(&mut self, a: Along) -> Along {
        let value = F64.tanh(a.value);
        // 1/cosh², which 1 − tanh² has fewer digits of.
        let power = (-2.0 * a.value.abs()).exp();
        let slope = 4.0 * power / (1.0 + power).powi(2);
        a.chain(value, [slope, -2.0 * value * slope])
    }

    fn upper_tail(&mut self, a: Along) -> Along {
        let density = density(a.value);
        a.chain(F64.upper_tail(a.value), [-density, a.value * density])
    }

    fn upper_tail_beside(&mut self, a: Along, _: Along) -> Along {
        self.upper_tail(a)
    }

    fn scaled_tails(&mut self, a: [Along; 2]) -> [Along; 2] {
        a.map(|a| {
            let (value, slope) = (tail::scaled(a.value), tail::scaled_slope(a.value));
            a.chain(value, [slope, value + a.value * slope])
        })
    }

    fn smooth<F: quadrature::Smooth>(
        &mut self,
        f: F,
        mean: Along,
        variance: Along,
    ) -> Moments<Along> {
        let values = quadrature::reference(f, mean.value, variance.value);
        let [of_mean, of_variance] = quadrature::reference_slopes(f, mean.value, variance.value);
        let along = |value: f64, [by_mean, by_variance]: [f64; 2]| {
            let first = mean.chain(value, [by_mean, 0.0]);
            let second = variance.chain(value, [by_variance, 0.0]);
            Along { value, root: first.root + second.root, slope: first.slope + second.slope }
        };
        let variance = values.variance.map(|value| along(value, of_variance));
        Moments { mean: along(values.mean, of_mean), variance }
    }
}
