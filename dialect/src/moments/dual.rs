//! Numbers with a derivative beside them: a formula that is run on them is differentiated.

use super::{Arithmetic, Elementary, INVERSE_SQRT_TWO_PI, Tail};

/// Another arithmetic with derivatives with respect to one number.
pub struct Dual<'a, A>(pub &'a mut A);

/// A number and its derivative, which is 0 where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Number<V> {
    /// The number.
    pub value: V,
    /// Its derivative.
    pub slope: Option<V>,
}

impl<V> Number<V> {
    /// A number that does not depend on what is differentiated by.
    pub fn constant(value: V) -> Self {
        Self { value, slope: None }
    }
}

impl<A: Arithmetic> Dual<'_, A> {
    /// What is differentiated by.
    pub fn variable(&mut self, value: A::Value) -> Number<A::Value> {
        Number { value, slope: Some(self.0.constant(1.0)) }
    }

    /// A function of a number with this slope there.
    fn chain(&mut self, a: Number<A::Value>, value: A::Value, slope: A::Value) -> Number<A::Value> {
        Number { value, slope: a.slope.map(|of_a| self.0.mul(of_a, slope)) }
    }

    fn scaled(&mut self, slope: Option<A::Value>, factor: A::Value) -> Option<A::Value> {
        slope.map(|slope| self.0.mul(slope, factor))
    }

    fn sum(&mut self, x: Option<A::Value>, y: Option<A::Value>) -> Option<A::Value> {
        match (x, y) {
            (Some(x), Some(y)) => Some(self.0.add(x, y)),
            (x, y) => x.or(y),
        }
    }

    fn negative(&mut self, x: Option<A::Value>) -> Option<A::Value> {
        x.map(|x| self.0.negate(x))
    }

    /// The slope that goes with the number that a ≥ b chooses. Of equal numbers the one of larger slope counts as larger,
    /// as it is right behind this place: so all parts of a formula are on the same side of it.
    fn chosen(
        &mut self,
        [a, b]: [Number<A::Value>; 2],
        [then, otherwise]: [Option<A::Value>; 2],
    ) -> Option<A::Value> {
        if then.is_none() && otherwise.is_none() {
            return None;
        }
        let zero = self.0.constant(0.0);
        let [then, otherwise] = [then, otherwise].map(|slope| slope.unwrap_or(zero));
        let [of_a, of_b] = [a, b].map(|number| number.slope.unwrap_or(zero));
        let where_equal = self.0.select_ge(of_a, of_b, then, otherwise);
        let not_less = self.0.select_ge(b.value, a.value, where_equal, then);
        Some(self.0.select_ge(a.value, b.value, not_less, otherwise))
    }
}

impl<A: Elementary> Arithmetic for Dual<'_, A> {
    type Value = Number<A::Value>;

    fn constant(&mut self, value: f64) -> Self::Value {
        Number::constant(self.0.constant(value))
    }

    fn add(&mut self, a: Self::Value, b: Self::Value) -> Self::Value {
        Number { value: self.0.add(a.value, b.value), slope: self.sum(a.slope, b.slope) }
    }

    fn sub(&mut self, a: Self::Value, b: Self::Value) -> Self::Value {
        let slope = match (a.slope, b.slope) {
            (Some(x), Some(y)) => Some(self.0.sub(x, y)),
            (x, y) => x.or(self.negative(y)),
        };
        Number { value: self.0.sub(a.value, b.value), slope }
    }

    fn mul(&mut self, a: Self::Value, b: Self::Value) -> Self::Value {
        let (of_a, of_b) = (self.scaled(a.slope, b.value), self.scaled(b.slope, a.value));
        Number { value: self.0.mul(a.value, b.value), slope: self.sum(of_a, of_b) }
    }

    fn div(&mut self, a: Self::Value, b: Self::Value) -> Self::Value {
        let value = self.0.div(a.value, b.value);
        // (a′ − value·b′)/b.
        let of_b = self.scaled(b.slope, value);
        let of_b = self.negative(of_b);
        let slope = self.sum(a.slope, of_b).map(|slope| self.0.div(slope, b.value));
        Number { value, slope }
    }

    fn fma(&mut self, a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value {
        let (of_a, of_b) = (self.scaled(a.slope, b.value), self.scaled(b.slope, a.value));
        let of_product = self.sum(of_a, of_b);
        Number {
            value: self.0.fma(a.value, b.value, c.value),
            slope: self.sum(of_product, c.slope),
        }
    }

    fn negated_fma(&mut self, a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value {
        let negative = self.negate(a);
        let slope = self.fma(negative, b, c).slope;
        Number { value: self.0.negated_fma(a.value, b.value, c.value), slope }
    }

    fn sqrt(&mut self, a: Self::Value) -> Self::Value {
        let root = self.0.sqrt(a.value);
        let half = self.0.constant(0.5);
        let slope = self.0.div(half, root);
        self.chain(a, root, slope)
    }

    fn abs(&mut self, a: Self::Value) -> Self::Value {
        let (zero, value) = (self.constant(0.0), self.0.abs(a.value));
        let negative = self.negative(a.slope);
        Number { value, slope: self.chosen([a, zero], [a.slope, negative]) }
    }

    fn max(&mut self, a: Self::Value, b: Self::Value) -> Self::Value {
        let slope = self.chosen([a, b], [a.slope, b.slope]);
        Number { value: self.0.max(a.value, b.value), slope }
    }

    fn min_or(&mut self, a: Self::Value, b: Self::Value) -> Self::Value {
        let slope = self.chosen([a, b], [b.slope, a.slope]);
        Number { value: self.0.min_or(a.value, b.value), slope }
    }

    fn select_ge(
        &mut self,
        a: Self::Value,
        b: Self::Value,
        then: Self::Value,
        otherwise: Self::Value,
    ) -> Self::Value {
        let slope = self.chosen([a, b], [then.slope, otherwise.slope]);
        Number { value: self.0.select_ge(a.value, b.value, then.value, otherwise.value), slope }
    }

    fn by_precision(&self, pair: [f64; 2]) -> f64 {
        self.0.by_precision(pair)
    }

    fn tail(&mut self, a: Self::Value) -> Tail<Self::Value> {
        let tail = self.0.tail(a.value);
        let upper = self.0.upper_tail(a.value);
        let slopes = tail.slopes(self.0, a.value, upper);
        Tail {
            j: self.chain(a, tail.j, slopes.j),
            k: self.chain(a, tail.k, slopes.k),
            rest: self.chain(a, tail.rest, slopes.rest),
        }
    }
}

impl<A: Elementary> Elementary for Dual<'_, A> {
    fn exp(&mut self, a: Self::Value) -> Self::Value {
        let power = self.0.exp(a.value);
        self.chain(a, power, power)
    }

    fn ln(&mut self, a: Self::Value) -> Self::Value {
        let (value, one) = (self.0.ln(a.value), self.0.constant(1.0));
        let slope = self.0.div(one, a.value);
        self.chain(a, value, slope)
    }

    fn sin(&mut self, a: Self::Value) -> Self::Value {
        let (sine, cosine) = (self.0.sin(a.value), self.0.cos(a.value));
        self.chain(a, sine, cosine)
    }

    fn cos(&mut self, a: Self::Value) -> Self::Value {
        let (cosine, sine) = (self.0.cos(a.value), self.0.sin(a.value));
        let slope = self.0.negate(sine);
        self.chain(a, cosine, slope)
    }

    fn upper_tail(&mut self, a: Self::Value) -> Self::Value {
        let value = self.0.upper_tail(a.value);
        let (minus_half, scale) = (self.0.constant(-0.5), self.0.constant(-INVERSE_SQRT_TWO_PI));
        let square = self.0.mul(a.value, a.value);
        let exponent = self.0.mul(square, minus_half);
        let bell = self.0.exp(exponent);
        let slope = self.0.mul(bell, scale);
        self.chain(a, value, slope)
    }
}
