//! What stored numbers say of the spread of a Gaussian.

use std::{fmt, str::FromStr};

/// How a file states the spread of each weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Representation {
    /// The standard deviation.
    Std,
    /// Its square.
    Variance,
    /// The logarithm of the variance.
    LogVariance,
    /// The logarithm of the standard deviation.
    LogStd,
    /// A number whose softplus, log(1 + exp(x)), plus an offset is the standard deviation.
    Softplus {
        /// What is added.
        offset: f64,
    },
    /// The inverse of the variance.
    Precision,
}

/// The softplus of most frameworks.
pub const SOFTPLUS: Representation = Representation::Softplus { offset: 0.0 };

impl Representation {
    /// Those that can be named.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("std", Self::Std),
        ("variance", Self::Variance),
        ("log_variance", Self::LogVariance),
        ("log_std", Self::LogStd),
        ("softplus", SOFTPLUS),
        ("precision", Self::Precision),
    ];

    /// The variance that a number stands for; `None` where it stands for none.
    pub fn variance(self, number: f64) -> Option<f64> {
        let variance = match self {
            Self::Std if number >= 0.0 => number * number,
            Self::Variance if number >= 0.0 => number,
            Self::LogVariance => number.exp(),
            Self::LogStd => (2.0 * number).exp(),
            Self::Softplus { offset } => (softplus(number) + offset).powi(2),
            Self::Precision if number > 0.0 => 1.0 / number,
            Self::Std | Self::Variance | Self::Precision => return None,
        };
        variance.is_finite().then_some(variance)
    }
}

/// log(1 + exp(x)), accurate for every x.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl fmt::Display for Representation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Softplus { offset } if *offset != 0.0 => write!(f, "softplus + {offset:e}"),
            _ => {
                let named = Self::NAMED.iter().find(|(_, representation)| representation == self);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Representation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::NAMED.iter().find(|(name, _)| *name == text);
        named.map(|(_, representation)| *representation).ok_or_else(|| {
            let names = Self::NAMED.map(|(name, _)| name).join(", ");
            format!("'{}' is no representation; there are {names}", text.escape_debug())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_representation_of_one_variance() {
        let variance: f64 = 0.04;
        let sigma = variance.sqrt();
        for (representation, number) in [
            (Representation::Std, sigma),
            (Representation::Variance, variance),
            (Representation::LogVariance, variance.ln()),
            (Representation::LogStd, sigma.ln()),
            (SOFTPLUS, sigma.exp_m1().ln()),
            (Representation::Softplus { offset: 0.1 }, (sigma - 0.1).exp_m1().ln()),
            (Representation::Precision, 1.0 / variance),
        ] {
            let found = representation.variance(number).unwrap();
            assert!((found / variance - 1.0).abs() < 1e-13, "{representation}: {found}");
        }
    }

    #[test]
    fn softplus_is_accurate_at_the_ends() {
        assert_eq!(SOFTPLUS.variance(1e3), Some(1e6));
        let small = SOFTPLUS.variance(-100.0).unwrap().sqrt();
        assert!((small / (-100f64).exp() - 1.0).abs() < 1e-13);
    }

    #[test]
    fn what_is_no_spread_has_no_variance() {
        for (representation, number) in [
            (Representation::Std, -1e-9),
            (Representation::Variance, -1.0),
            (Representation::Precision, 0.0),
            (Representation::Precision, -1.0),
            (Representation::LogVariance, 1e4),
            (SOFTPLUS, f64::NAN),
            (Representation::Std, f64::INFINITY),
        ] {
            assert_eq!(representation.variance(number), None, "{representation} {number}");
        }
        assert_eq!(Representation::Std.variance(0.0), Some(0.0));
    }

    #[test]
    fn names_are_read_and_written() {
        for (name, representation) in Representation::NAMED {
            assert_eq!(
                (name.parse(), representation.to_string()),
                (Ok(representation), name.into())
            );
        }
        assert!("sigma".parse::<Representation>().unwrap_err().contains("log_std"));
    }
}
