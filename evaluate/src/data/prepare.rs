//! What is done to the numbers of a file before a model reads them.

use std::{fmt, ops::Range, str::FromStr};

use pfp_compiler::array::{Array, Numbers};

/// What is done to the numbers of a file: `(x · scale − mean) / std`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Preparation {
    /// A factor, such as 1/255.
    pub scale: Option<Scale>,
    /// Mean and standard deviation of the training data, after scaling.
    pub normalize: Option<(f64, f64)>,
}

/// What numbers are to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Plain numbers, or means.
    Value,
    /// Variances of means that are prepared in the same way.
    Variance,
}

/// A number that no model reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusable {
    /// Its index among those that were prepared.
    pub index: usize,
    /// What it is, such as `the variance -1`.
    pub what: String,
    /// Why it is refused, a clause of its own.
    pub reason: String,
}

/// A factor, kept as a fraction so that bytes over 255 round as they should.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    numerator: f64,
    denominator: f64,
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let scale = Self { numerator: number(numerator)?, denominator: number(denominator)? };
        let quotient = scale.numerator / scale.denominator;
        match scale.denominator {
            0.0 => Err("the denominator is 0".into()),
            _ if quotient == 0.0 => Err("it would make every number 0".into()),
            _ if !quotient.is_finite() => Err("it is too large".into()),
            _ => Ok(scale),
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1.0 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

/// Parses `MEAN,STD`.
///
/// # Errors
///
/// Where a number is not finite, or the standard deviation not above 0.
pub fn parse_normalize(text: &str) -> Result<(f64, f64), String> {
    let (mean, deviation) = text.split_once(',').ok_or("expected MEAN,STD")?;
    match (number(mean)?, number(deviation)?) {
        (_, deviation) if deviation <= 0.0 => Err("STD must be positive".into()),
        numbers => Ok(numbers),
    }
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("'{text}' is not a number"))
}

impl Preparation {
    /// Prepares some numbers in double precision and rounds each once.
    ///
    /// # Errors
    ///
    /// With the first that is not finite, in the file or as `f32`, or a negative variance.
    pub fn apply(
        &self,
        numbers: &Numbers,
        range: Range<usize>,
        part: Part,
    ) -> Result<Vec<f32>, Unusable> {
        let Scale { numerator, denominator } =
            self.scale.unwrap_or(Scale { numerator: 1.0, denominator: 1.0 });
        let (mean, deviation) = self.normalize.unwrap_or((0.0, 1.0));
        let prepare = |value: f64| match part {
            Part::Value => (value * numerator / denominator - mean) / deviation,
            Part::Variance => value * (numerator / denominator / deviation).powi(2),
        };
        let start = range.start;
        let prepared = numbers.values(range).enumerate().map(|(index, value)| {
            let result = prepare(value) as f32;
            let is_variance = part == Part::Variance;
            match value.is_finite() && result.is_finite() && !(is_variance && value < 0.0) {
                // A zero with a sign is a zero.
                true => Ok(if is_variance { result.abs() } else { result }),
                false => {
                    let text = numbers.text(start + index);
                    Err(self.unusable(index, &text, value, part))
                }
            }
        });
        prepared.collect()
    }

    /// All numbers of an array.
    ///
    /// # Errors
    ///
    /// As for [`Self::apply`].
    pub fn array(&self, numbers: &Numbers, part: Part) -> Result<Array, Unusable> {
        let values = self.apply(numbers, 0..numbers.len(), part)?;
        Ok(Array { shape: numbers.shape().to_vec(), values })
    }

    fn unusable(&self, index: usize, text: &str, value: f64, part: Part) -> Unusable {
        let what = match part {
            Part::Value => text.to_owned(),
            Part::Variance => format!("the variance {text}"),
        };
        let options =
            [(self.scale.is_some(), "--scale"), (self.normalize.is_some(), "--normalize")];
        let options: Vec<_> =
            options.iter().filter(|(given, _)| *given).map(|(_, name)| *name).collect();
        let reason = match (value.is_finite(), options.is_empty()) {
            (false, _) => "it must be finite".into(),
            (true, _) if value < 0.0 && part == Part::Variance => "it must not be negative".into(),
            (true, true) => "it does not fit in float32".into(),
            (true, false) => {
                format!("after {} it does not fit in float32", options.join(" and "))
            }
        };
        Unusable { index, what, reason }
    }
}

#[cfg(test)]
mod tests {
    use pfp_compiler::array::Element;

    use super::*;

    fn doubles(values: &[f64]) -> Numbers {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Numbers::new(vec![values.len()], Element::F64, bytes).unwrap()
    }

    fn apply(preparation: Preparation, values: &[f64], part: Part) -> Result<Vec<f32>, Unusable> {
        preparation.apply(&doubles(values), 0..values.len(), part)
    }

    #[test]
    fn numbers_are_prepared_in_double_precision() {
        let preparation = Preparation {
            scale: Some("1/255".parse().unwrap()),
            normalize: Some((0.1307, 0.3081)),
        };
        let expected = |p: f64| ((p / 255.0 - 0.1307) / 0.3081) as f32;
        let prepared = apply(preparation, &[0.0, 254.0], Part::Value).unwrap();
        assert_eq!(prepared, [expected(0.0), expected(254.0)]);
        // A kelvin of 16777217 is no float32; the difference to 16777216 is.
        let preparation = Preparation { normalize: Some((16777216.0, 1.0)), scale: None };
        assert_eq!(
            apply(preparation, &[16777217.0, 16777216.25], Part::Value).unwrap(),
            [1.0, 0.25]
        );
    }

    #[test]
    fn a_variance_is_scaled_by_the_square() {
        let preparation =
            Preparation { scale: Some("-1/4".parse().unwrap()), normalize: Some((9.0, 0.5)) };
        assert_eq!(apply(preparation, &[4.0, 0.0, -0.0], Part::Variance).unwrap(), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn what_no_model_reads_is_named() {
        let none = Preparation::default();
        let scaled = Preparation { scale: Some("1e30".parse().unwrap()), normalize: None };
        for (preparation, values, part, index, what, reason) in [
            (none, &[0.0, f64::NAN][..], Part::Value, 1, "NaN", "must be finite"),
            (none, &[f64::NEG_INFINITY], Part::Value, 0, "-inf", "must be finite"),
            (none, &[1e39], Part::Value, 0, "1e39", "it does not fit in float32"),
            (scaled, &[1.0, 1e9], Part::Value, 1, "1000000000", "after --scale it does not fit"),
            (none, &[0.0, 1.0, -1e-60], Part::Variance, 2, "the variance -1e-60", "negative"),
            (none, &[f64::INFINITY], Part::Variance, 0, "the variance inf", "must be finite"),
        ] {
            let unusable = apply(preparation, values, part).unwrap_err();
            assert_eq!((unusable.index, unusable.what.as_str()), (index, what));
            assert!(unusable.reason.contains(reason), "{unusable:?}");
        }
    }

    #[test]
    fn a_scale_is_a_number_or_a_fraction() {
        assert!("1/0".parse::<Scale>().is_err());
        assert!("x".parse::<Scale>().is_err());
        for text in ["0", "0/3", "nan", "inf", "1/inf", "1e300/1e-300", "1e-300/1e300"] {
            assert!(text.parse::<Scale>().is_err(), "{text}");
        }
        assert_eq!("1/255".parse::<Scale>().map(|scale| scale.to_string()), Ok("1/255".into()));
        assert_eq!("-0.5".parse(), Ok(Scale { numerator: -0.5, denominator: 1.0 }));
    }
}
