//! Values on the command line: what each kind may be.

pub use gauss_lowering::passes::gauss_append_head::parse_amount as amount;

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::SignedDuration;

/// The most draws of the logits of an item.
pub const DRAWS: i64 = 1 << 24;

/// The longest measurement, in seconds.
const SECONDS: f64 = 3600.0;

/// Parses a number between 0 and 1, both excluded.
///
/// # Errors
///
/// Where it is not.
pub fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| number > 0.0 && number < 1.0);
    number.ok_or_else(|| format!("'{text}' is not a number between 0 and 1"))
}

/// Parses a number above 0.
///
/// # Errors
///
/// Where it is none.
pub fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("'{text}' is not a number above 0"))
}

/// Parses a time in seconds that is not 0.
///
/// # Errors
///
/// Where it is not one, or too long.
pub fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| number > 0.0 && number <= SECONDS);
    number.ok_or_else(|| format!("'{text}' is not a number above 0 and at most {SECONDS}"))
}

/// The longest and the shortest search, in seconds.
const BUDGET: std::ops::RangeInclusive<i64> = 10..=86_400;

/// Parses a time such as 90s, 10m or 2h.
///
/// # Errors
///
/// Where it is none, or not between ten seconds and a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.filter(|duration| BUDGET.contains(&duration.as_secs()));
    let parsed = parsed.and_then(|duration| duration.try_into().ok());
    parsed.ok_or_else(|| format!("'{text}' is no time from 10s to 24h, such as 90s, 10m or 2h"))
}

/// Parses a multiple of at least 1, with or without an x behind it.
///
/// # Errors
///
/// Where it is not one.
pub fn times(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
    let number = number.filter(|number| number.is_finite() && *number >= 1.0);
    number.ok_or_else(|| format!("'{text}' is not a multiple of at least 1, such as 2 or 1.5x"))
}

/// Parses a number of forward passes of Monte Carlo, of which variances need two; 0 for none.
///
/// # Errors
///
/// Where it is not one.
pub fn samples_or_none(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().ok().filter(|&number| number != 1);
    number.ok_or_else(|| format!("'{text}' is neither 0 nor a whole number of at least 2"))
}

/// Parses one of several values by its name; `describe` gives the name, and the value in words.
pub fn one_of<T: Copy + Send + Sync + 'static, const COUNT: usize>(
    all: [T; COUNT],
    describe: fn(T) -> (&'static str, &'static str),
) -> impl TypedValueParser<Value = T> {
    let possible = all.map(|value| {
        let (name, words) = describe(value);
        PossibleValue::new(name).help(words)
    });
    PossibleValuesParser::new(possible).try_map(move |text| {
        let named = all.into_iter().find(|&value| describe(value).0 == text);
        named.ok_or_else(|| format!("there is no '{text}'"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["nan", "NaN", "inf", "-inf", "-1", "-0.5", "1e999", "", "x"] {
            assert!(share(text).is_err(), "{text}");
            assert!(seconds(text).is_err(), "{text}");
            assert!(times(text).is_err(), "{text}");
            assert!(amount(text).is_err(), "{text}");
            assert!(samples_or_none(text).is_err(), "{text}");
        }
        assert!(share("0").is_err() && share("1").is_err() && seconds("0").is_err());
        assert!(seconds("3601").is_err() && samples_or_none("1").is_err());
        assert_eq!((share("0.5"), seconds("2"), amount("0")), (Ok(0.5), Ok(2.0), Ok(0.0)));
        assert_eq!((times("1"), times("2.5x"), times("0.9").is_err()), (Ok(1.0), Ok(2.5), true));
        assert_eq!((samples_or_none("0"), samples_or_none("2")), (Ok(0), Ok(2)));
    }
}
