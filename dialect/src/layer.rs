//! The ops of the dialect as a Rust type, read off their name and attributes.
//!
//! Shape rules, interpreter, lowering and tools all read an op through [`Layer`],
//! so that an attribute's meaning, default and range stand in one place.

use std::ops::RangeInclusive;

use crate::{
    ir::{Attribute, Op, Value},
    predictive::{MAX_DRAWS, Method, Sampling, Thresholds},
};

/// The largest stride, dilation, padding or kernel size that is accepted; it
/// keeps the arithmetic on sizes far from overflow.
const MAX_WINDOW: i64 = 1 << 20;

/// The largest pooling window along an axis: the lowering writes out its steps.
const MAX_POOL: i64 = 256;

/// An op of the gauss dialect without its operands.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// `gauss.parameter`, with its name.
    Parameter(String),
    /// `gauss.constant`.
    Constant,
    /// `gauss.make`.
    Make,
    /// `gauss.mean`.
    Mean,
    /// `gauss.variance`.
    Variance,
    /// `gauss.dense`.
    Dense,
    /// `gauss.conv2d`.
    Conv2d(Conv2d),
    /// `gauss.batch_norm`, with its epsilon.
    BatchNorm(f64),
    /// `gauss.add`.
    Add,
    /// `gauss.relu`.
    Relu,
    /// `gauss.max_pool2d`.
    MaxPool2d(Window),
    /// `gauss.avg_pool2d`.
    AvgPool2d(AvgPool2d),
    /// `gauss.reshape`.
    Reshape,
    /// `gauss.flatten`.
    Flatten,
    /// `gauss.softmax`.
    Softmax(Method),
    /// `gauss.uncertainty`.
    Uncertainty(Method),
    /// `gauss.decide`.
    Decide(Thresholds),
    /// `gauss.binary_probability`
    BinaryProbability,
    /// `gauss.binary_uncertainty`
    BinaryUncertainty,
    /// `gauss.binary_decide`
    BinaryDecide(Thresholds),
    /// `gauss.interval`.
    Interval(Interval),
}

/// A window that slides over the last two dimensions of an N×C×H×W tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Height and width.
    pub kernel: [i64; 2],
    /// Steps down and right.
    pub strides: [i64; 2],
    /// Padding at top, left, bottom and right.
    pub padding: [i64; 4],
    /// Distance of neighbouring window elements, down and right.
    pub dilation: [i64; 2],
}

/// The attributes of `gauss.conv2d`. The kernel size comes from the weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2d {
    /// Steps down and right.
    pub strides: [i64; 2],
    /// Padding at top, left, bottom and right.
    pub padding: [i64; 4],
    /// Distance of neighbouring kernel elements, down and right.
    pub dilation: [i64; 2],
    /// Number of groups that do not see each other's channels.
    pub groups: i64,
}

/// The attributes of `gauss.avg_pool2d`.
#[derive(Debug, Clone, PartialEq)]
pub struct AvgPool2d {
    /// The window.
    pub window: Window,
    /// Is padding counted in the number that the sum is divided by?
    pub count_include_pad: bool,
}

/// The attributes of `gauss.interval`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The probability that an observation lies within, between 0 and 1.
    pub coverage: f64,
    /// The variance of an observation around the result of the network.
    pub noise: f64,
}

impl Layer {
    /// Reads an op; `None` where it is not of this dialect, an error where its
    /// attributes have no meaning.
    pub fn of(op: Op) -> Result<Option<Layer>, String> {
        let name = op.name();
        if !name.starts_with("gauss.") {
            return Ok(None);
        }
        Self::from_attributes(&name, &|attribute| op.attribute(attribute)).map(Some)
    }

    /// Reads an op by its name and a look-up of its attributes.
    pub fn from_attributes(
        op: &str,
        attribute: &dyn Fn(&str) -> Option<Attribute>,
    ) -> Result<Layer, String> {
        let window = || -> Result<Window, String> {
            Ok(Window {
                kernel: sizes(attribute, "kernel", None, 1..=MAX_POOL)?,
                strides: sizes(attribute, "strides", Some([1, 1]), 1..=MAX_WINDOW)?,
                padding: sizes(attribute, "padding", Some([0; 4]), 0..=MAX_WINDOW)?,
                dilation: [1, 1],
            })
        };
        Ok(match op {
            "gauss.parameter" => {
                let name = attribute("name").and_then(Attribute::as_string);
                Layer::Parameter(name.ok_or("needs the name of a parameter")?)
            }
            "gauss.constant" => Layer::Constant,
            "gauss.make" => Layer::Make,
            "gauss.mean" => Layer::Mean,
            "gauss.variance" => Layer::Variance,
            "gauss.dense" => Layer::Dense,
            "gauss.conv2d" => Layer::Conv2d(Conv2d {
                strides: sizes(attribute, "strides", Some([1, 1]), 1..=MAX_WINDOW)?,
                padding: sizes(attribute, "padding", Some([0; 4]), 0..=MAX_WINDOW)?,
                dilation: sizes(attribute, "dilation", Some([1, 1]), 1..=MAX_WINDOW)?,
                groups: {
                    let groups = attribute("groups").map_or(Some(1), Attribute::as_i64);
                    match groups {
                        Some(groups) if groups >= 1 => groups,
                        _ => return Err("has 'groups' that is not a positive integer".into()),
                    }
                },
            }),
            "gauss.batch_norm" => Layer::BatchNorm(amount(attribute, "epsilon")?.unwrap_or(1e-5)),
            "gauss.add" => Layer::Add,
            "gauss.relu" => Layer::Relu,
            "gauss.max_pool2d" => Layer::MaxPool2d(window()?),
            "gauss.avg_pool2d" => Layer::AvgPool2d(AvgPool2d {
                window: window()?,
                count_include_pad: attribute("count_include_pad")
                    .and_then(Attribute::as_bool)
                    .unwrap_or(true),
            }),
            "gauss.reshape" => Layer::Reshape,
            "gauss.flatten" => Layer::Flatten,
            "gauss.softmax" => Layer::Softmax(method(attribute)?),
            "gauss.uncertainty" => Layer::Uncertainty(method(attribute)?),
            "gauss.decide" => Layer::Decide(thresholds(attribute)?),
            "gauss.binary_probability" => Layer::BinaryProbability,
            "gauss.binary_uncertainty" => Layer::BinaryUncertainty,
            "gauss.binary_decide" => Layer::BinaryDecide(thresholds(attribute)?),
            "gauss.interval" => Layer::Interval(Interval {
                coverage: match attribute("coverage").and_then(Attribute::as_f64) {
                    Some(coverage) if coverage > 0.0 && coverage < 1.0 => coverage,
                    _ => return Err("has a 'coverage' that is not between 0 and 1".into()),
                },
                noise: amount(attribute, "noise")?.unwrap_or(0.0),
            }),
            _ => return Err("is not an op of the gauss dialect that this compiler knows".into()),
        })
    }

    /// Is this a layer that sums products of its input with a weight?
    pub fn is_linear(&self) -> bool {
        matches!(self, Layer::Dense | Layer::Conv2d(_))
    }
}

/// The attributes `method`, `draws` and `seed`.
fn method(attribute: &dyn Fn(&str) -> Option<Attribute>) -> Result<Method, String> {
    let name = attribute("method").and_then(Attribute::as_string);
    let name = name.ok_or("needs the attribute 'method'")?;
    let (draws, seed) = (attribute("draws"), attribute("seed"));
    let method = match &name[..] {
        "mean-field" => Method::MeanField,
        "laplace" => Method::Laplace,
        "sample" => {
            let draws = draws.and_then(Attribute::as_i64).and_then(|n| u32::try_from(n).ok());
            let draws = draws.filter(|draws| (1..=MAX_DRAWS).contains(draws)).ok_or_else(|| {
                format!("needs a number from 1 to {MAX_DRAWS} as 'draws' of the method 'sample'")
            })?;
            let seed = seed.map_or(Some(0), Attribute::as_i64).unwrap_or(0);
            return Ok(Method::Sample(Sampling { draws, seed: seed.cast_unsigned() }));
        }
        _ => {
            return Err(format!(
                "has the method '{name}'; known: 'mean-field', 'laplace', 'sample'"
            ));
        }
    };
    match draws.or(seed) {
        Some(_) => Err(format!("has 'draws' or a 'seed', which the method '{name}' does not take")),
        None => Ok(method),
    }
}

/// The attributes `epistemic` and `aleatoric`.
fn thresholds(attribute: &dyn Fn(&str) -> Option<Attribute>) -> Result<Thresholds, String> {
    Ok(Thresholds {
        epistemic: amount(attribute, "epistemic")?,
        aleatoric: amount(attribute, "aleatoric")?,
    })
}

/// An attribute that is a number of at least 0: nats, or a variance.
fn amount(
    attribute: &dyn Fn(&str) -> Option<Attribute>,
    name: &str,
) -> Result<Option<f64>, String> {
    match attribute(name).map(Attribute::as_f64) {
        None => Ok(None),
        Some(Some(value)) if value.is_finite() && value >= 0.0 => match fits_f32(value) {
            true => Ok(Some(value)),
            false => Err(format!("has {value:e} as '{name}', which does not fit in float32")),
        },
        Some(_) => Err(format!("has a negative or infinite '{name}', or one that is not a number")),
    }
}

/// Does a finite number stay finite when it is rounded to `f32`, as compiled code holds it?
pub fn fits_f32(value: f64) -> bool {
    (value as f32).is_finite()
}

/// An array attribute of `N` integers in `range`.
fn sizes<const N: usize>(
    attribute: &dyn Fn(&str) -> Option<Attribute>,
    name: &str,
    default: Option<[i64; N]>,
    range: RangeInclusive<i64>,
) -> Result<[i64; N], String> {
    let Some(value) = attribute(name) else {
        return default.ok_or_else(|| format!("needs the attribute '{name}'"));
    };
    let values = value.as_i64_array().unwrap_or_default();
    let sizes: [i64; N] = values
        .as_slice()
        .try_into()
        .map_err(|_| format!("needs {N} integers as '{name}', got {}", values.len()))?;
    match sizes.iter().find(|size| !range.contains(size)) {
        Some(size) => Err(format!("has {size} in '{name}'; it must be in {range:?}")),
        None => Ok(sizes),
    }
}

impl Conv2d {
    /// The window of a weight whose last two dimensions are `kernel`.
    pub fn window(&self, kernel: [i64; 2]) -> Window {
        Window { kernel, strides: self.strides, padding: self.padding, dilation: self.dilation }
    }
}

impl Window {
    /// How many positions the window has in an input of this height and width;
    /// `None` where it does not fit.
    pub fn positions(&self, input: [i64; 2]) -> Option<[i64; 2]> {
        let along = |axis: usize| {
            let padded = input[axis] + self.padding[axis] + self.padding[axis + 2];
            let extent = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            (padded >= extent).then(|| (padded - extent) / self.strides[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// Is there any padding?
    pub fn is_padded(&self) -> bool {
        self.padding != [0; 4]
    }
}

/// The operands of a layer by their part in it.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// What flows in.
    pub input: Value,
    /// The weight.
    pub weight: Value,
    /// The bias, if there is one.
    pub bias: Option<Value>,
}

impl Linear {
    /// The operands of a `gauss.dense` or `gauss.conv2d`.
    pub fn of(op: Op) -> Self {
        let operands = op.operands();
        Self { input: operands[0], weight: operands[1], bias: operands.get(2).copied() }
    }
}
