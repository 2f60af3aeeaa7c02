//! Indices: sums of loop counters times constants.

use gauss_dialect::ir::{Builder, Value};

/// A sum of loop counters times constants.
#[derive(Debug, Clone, Default)]
pub struct Linear {
    constant: i64,
    terms: Vec<(Value, i64)>,
}

impl Linear {
    pub(super) fn constant(constant: i64) -> Self {
        Self { constant, terms: vec![] }
    }

    /// A loop counter.
    pub(super) fn counter(counter: Value) -> Self {
        Self { constant: 0, terms: vec![(counter, 1)] }
    }

    /// `self + other · factor`.
    pub(super) fn plus(mut self, other: &Linear, factor: i64) -> Self {
        self.constant += other.constant * factor;
        if factor != 0 {
            self.terms.extend(other.terms.iter().map(|&(counter, c)| (counter, c * factor)));
        }
        self
    }

    pub(super) fn plus_constant(mut self, constant: i64) -> Self {
        self.constant += constant;
        self
    }

    /// The sum as an `index`; the constant is added last, where addressing can
    /// take it in.
    pub fn emit(&self, builder: Builder) -> Value {
        let index = builder.context().index();
        let mut sum: Option<Value> = None;
        for &(counter, factor) in &self.terms {
            let term = match factor {
                1 => counter,
                _ => {
                    let factor = builder.index_constant(factor);
                    builder.value("arith.muli", &[counter, factor], index)
                }
            };
            sum = Some(match sum {
                Some(sum) => builder.value("arith.addi", &[sum, term], index),
                None => term,
            });
        }
        match (sum, self.constant) {
            (None, constant) => builder.index_constant(constant),
            (Some(sum), 0) => sum,
            (Some(sum), constant) => {
                let constant = builder.index_constant(constant);
                builder.value("arith.addi", &[sum, constant], index)
            }
        }
    }
}
