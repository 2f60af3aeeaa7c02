//! Noise: random numbers of a layer, other ones for each element and pass.
//!
//! With mean m and variance v of the operand, and B Bernoulli with probability 1 − p
//!
//! ```text
//! dropout   x·B/(1 − p)    mean = m    variance = v/(1 − p) + m²·p/(1 − p)
//! noise     x + N(0, s)    mean = m    variance = v + s
//! ```

use crate::{
    attributes::{AttributeList, Attributes},
    moments::{Arithmetic, Moments},
};

/// `gauss.dropout` or `gauss.noise`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Noise {
    /// An element becomes 0 with this probability; the others are divided by the rest.
    Dropout {
        /// From 0 to below 1.
        rate: f64,
    },
    /// A Gaussian of mean 0 is added.
    Additive {
        /// Its variance.
        variance: f64,
    },
}

/// The rate of dropout where none is given.
const RATE: f64 = 0.5;

impl Noise {
    /// Both ops, without the dialect.
    pub const NAMES: [&'static str; 2] = ["dropout", "noise"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        match name {
            "dropout" => Some(attributes.number("rate").and_then(|rate| {
                let rate = rate.unwrap_or(RATE);
                match rate >= 0.0 && (rate as f32) < 1.0 {
                    true => Ok(Self::Dropout { rate }),
                    false => Err(format!(
                        "has {rate:e} as 'rate'; it is at least 0 and, rounded to float32, below 1"
                    )),
                }
            })),
            "noise" => Some(attributes.amount("variance").and_then(|variance| {
                let variance = variance.ok_or("needs the attribute 'variance'")?;
                Ok(Self::Additive { variance })
            })),
            _ => None,
        }
    }

    /// The op, without the dialect.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dropout { .. } => "dropout",
            Self::Additive { .. } => "noise",
        }
    }

    /// The attributes, as [`Noise::read`] takes them.
    pub fn write(self) -> AttributeList {
        match self {
            Self::Dropout { rate } => AttributeList::default().with("rate", rate),
            Self::Additive { variance } => AttributeList::default().with("variance", variance),
        }
    }

    /// Some of both, such that tests of them are tests of all.
    pub fn samples() -> Vec<Self> {
        let rates = [0.5, 0.0, 0.1, 0.9].map(|rate| Self::Dropout { rate });
        let variances = [0.25, 0.0, 3.0].map(|variance| Self::Additive { variance });
        rates.into_iter().chain(variances).collect()
    }

    /// Mean and variance of the noisy number.
    pub fn moments<A: Arithmetic>(self, a: &mut A, x: Moments<A::Value>) -> Moments<A::Value> {
        let variance = match self {
            Self::Dropout { rate } => {
                // Not m²p/(1 − p): m² may be infinite where p is 0.
                let root = a.constant((rate / (1.0 - rate)).sqrt());
                let product = a.mul(x.mean, root);
                let inverse = a.constant(1.0 / (1.0 - rate));
                match x.variance {
                    Some(variance) => {
                        let square = a.mul(product, product);
                        a.fma(variance, inverse, square)
                    }
                    None => a.mul(product, product),
                }
            }
            Self::Additive { variance } => {
                let added = a.constant(variance);
                x.variance.map_or(added, |variance| a.add(variance, added))
            }
        };
        Moments::gaussian(x.mean, variance)
    }
}
