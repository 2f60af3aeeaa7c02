//! The attributes of ops: what reads them, and what they are written as.

use std::{fmt, ops::RangeInclusive};

use crate::ir::{Attribute, Context};

/// Marks a function that takes the items of a batch together: their results depend on each other.
pub const WHOLE_BATCH: &str = "gauss.whole_batch";

/// A look-up of the attributes of an op. Messages continue the words `'gauss.op' op`.
#[derive(Clone, Copy)]
pub struct Attributes<'a>(&'a dyn Fn(&str) -> Option<Attribute>);

impl<'a> Attributes<'a> {
    /// Those that `find` knows.
    pub fn new(find: &'a dyn Fn(&str) -> Option<Attribute>) -> Self {
        Self(find)
    }

    /// An attribute of any kind.
    pub fn get(&self, name: &str) -> Option<Attribute> {
        (self.0)(name)
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(Attribute::as_string)
    }

    /// A yes or no.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Attribute::as_bool)
    }

    /// A number that stays finite when it is rounded to `f32`.
    ///
    /// # Errors
    ///
    /// Where it does not, or is none.
    pub fn number(&self, name: &str) -> Result<Option<f64>, String> {
        match self.get(name).map(Attribute::as_f64) {
            None => Ok(None),
            Some(Some(value)) if value.is_finite() => match fits_f32(value) {
                true => Ok(Some(value)),
                false => Err(format!("has {value:e} as '{name}', which does not fit in float32")),
            },
            Some(_) => Err(format!("has an infinite '{name}', or one that is not a number")),
        }
    }

    /// A number of at least 0: nats, or a variance.
    ///
    /// # Errors
    ///
    /// Where it is negative or does not stay finite as `f32`.
    pub fn amount(&self, name: &str) -> Result<Option<f64>, String> {
        match self.get(name).map(Attribute::as_f64) {
            Some(Some(value)) if value.is_finite() && value >= 0.0 => self.number(name),
            None => Ok(None),
            Some(_) => {
                Err(format!("has a negative or infinite '{name}', or one that is not a number"))
            }
        }
    }

    /// An integer in `range`.
    ///
    /// # Errors
    ///
    /// Where it is another one.
    pub fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, String> {
        match self.get(name).map(Attribute::as_i64) {
            None => Ok(None),
            Some(Some(value)) if range.contains(&value) => Ok(Some(value)),
            Some(value) => Err(format!(
                "has {} as '{name}'; it must be {}",
                value.map_or("no integer".into(), |value| value.to_string()),
                within(&range)
            )),
        }
    }

    /// Any number of integers in `range`.
    ///
    /// # Errors
    ///
    /// Where there is no list, or it holds another number.
    pub fn list(&self, name: &str, range: RangeInclusive<i64>) -> Result<Vec<i64>, String> {
        let list = self.get(name).and_then(Attribute::as_i64_array);
        let list = list.ok_or_else(|| format!("needs the attribute '{name}'"))?;
        match list.iter().find(|number| !range.contains(number)) {
            Some(number) => Err(format!("has {number} in '{name}'; it must be {}", within(&range))),
            None => Ok(list),
        }
    }

    /// So many integers in `range`.
    ///
    /// # Errors
    ///
    /// Where there are none and no default for each, there are more or fewer, or one is another.
    pub fn sizes(
        &self,
        name: &str,
        count: usize,
        default: Option<i64>,
        range: RangeInclusive<i64>,
    ) -> Result<Vec<i64>, String> {
        let Some(value) = self.get(name) else {
            let default = default.ok_or_else(|| format!("needs the attribute '{name}'"))?;
            return Ok(vec![default; count]);
        };
        let sizes = value.as_i64_array().unwrap_or_default();
        if sizes.len() != count {
            let plural = if count == 1 { "" } else { "s" };
            return Err(format!("needs {count} integer{plural} as '{name}', got {}", sizes.len()));
        }
        match sizes.iter().find(|size| !range.contains(size)) {
            Some(size) => Err(format!("has {size} in '{name}'; it must be {}", within(&range))),
            None => Ok(sizes),
        }
    }
}

/// Where a number must be, as messages say it.
fn within(range: &RangeInclusive<i64>) -> String {
    match *range.start() {
        i64::MIN => format!("at most {}", range.end()),
        _ => format!("in {range:?}"),
    }
}

/// Does a finite number stay finite when it is rounded to `f32`, as compiled code holds it?
pub fn fits_f32(value: f64) -> bool {
    (value as f32).is_finite()
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// A floating-point number.
    Number(f64),
    /// A text.
    Text(String),
    /// An integer.
    Integer(i64),
    /// Integers.
    Integers(Vec<i64>),
    /// A yes or no.
    Flag(bool),
    /// Others by their names.
    Dictionary(AttributeList),
}

impl Setting {
    /// The attribute that an op holds.
    fn attribute(&self, context: Context) -> Attribute {
        match self {
            Self::Number(number) => context.f64_attr(*number),
            Self::Text(text) => context.string_attr(text),
            Self::Integer(number) => context.i64_attr(*number),
            Self::Integers(numbers) => context.i64_array_attr(numbers),
            Self::Flag(flag) => context.bool_attr(*flag),
            Self::Dictionary(list) => {
                context.dictionary_attr(&list.entries(context).collect::<Vec<_>>())
            }
        }
    }
}

impl From<i64> for Setting {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<AttributeList> for Setting {
    fn from(list: AttributeList) -> Self {
        Self::Dictionary(list)
    }
}

impl From<Vec<i64>> for Setting {
    fn from(numbers: Vec<i64>) -> Self {
        Self::Integers(numbers)
    }
}

impl From<bool> for Setting {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<f64> for Setting {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:e}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Integers(numbers) => write!(f, "{numbers:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Dictionary(list) => {
                let entry = |(name, setting): &(&str, Setting)| match setting {
                    // A literal of MLIR has a point.
                    Self::Number(number) => format!("{name} = {number:.17e}"),
                    _ => format!("{name} = {setting}"),
                };
                write!(f, "{{{}}}", list.0.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The attributes of an op. As text the clauses of its assembly, each after a space.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributeList(Vec<(&'static str, Setting)>);

impl AttributeList {
    /// These and one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Setting>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// The attributes by name.
    pub fn entries(&self, context: Context) -> impl Iterator<Item = (&'static str, Attribute)> {
        self.0.iter().map(move |(name, setting)| (*name, setting.attribute(context)))
    }
}

impl fmt::Display for AttributeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}
