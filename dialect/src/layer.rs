//! The ops of the dialect as a Rust type, read off their name and attributes.
//!
//! Shape rules, interpreter, lowering and tools all read an op through [`Layer`],
//! so that an attribute's meaning, default and range stand in one place.

use crate::{
    attributes::Attributes,
    ir::{Attribute, Op, Value},
    ops::{
        activation::Activation, binary::Binary, matmul::Matmul, movement::Movement,
        reduction::Reduction, resize::Resize,
    },
    predictive::{MAX_DRAWS, Method, Sampling, Thresholds},
};

pub use crate::attributes::fits_f32;

/// The largest stride, dilation, padding or kernel size that is accepted; it
/// keeps the arithmetic on sizes far from overflow.
const MAX_WINDOW: i64 = 1 << 20;

/// The largest pooling window along an axis: the lowering writes out its steps.
pub const MAX_POOL: i64 = 256;

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
    /// `gauss.matmul`.
    Matmul(Matmul),
    /// `gauss.batch_norm`, with its epsilon.
    BatchNorm(f64),
    /// A function of two tensors: `gauss.add`, ..
    Binary(Binary),
    /// Elements in other places: `gauss.transpose`, ..
    Movement(Movement),
    /// `gauss.embedding`.
    Embedding,
    /// `gauss.resize`.
    Resize(Resize),
    /// `gauss.reduce_sum` or `gauss.reduce_mean`.
    Reduction(Reduction),
    /// An activation: `gauss.relu`, `gauss.gelu`, ..
    Activation(Activation),
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
    /// Does a last window that begins inside of the input and its padding, and ends beyond, count?
    pub ceil: bool,
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
    ///
    /// # Errors
    ///
    /// Where its attributes have no meaning; the message continues the words `'gauss.op' op`.
    pub fn of(op: Op) -> Result<Option<Layer>, String> {
        let name = op.name();
        if !name.starts_with("gauss.") {
            return Ok(None);
        }
        Self::from_attributes(&name, &|attribute| op.attribute(attribute)).map(Some)
    }

    /// Reads an op by its name and a look-up of its attributes.
    ///
    /// # Errors
    ///
    /// As [`Layer::of`].
    pub fn from_attributes(
        op: &str,
        attribute: &dyn Fn(&str) -> Option<Attribute>,
    ) -> Result<Layer, String> {
        let attributes = &Attributes::new(attribute);
        let short = op.strip_prefix("gauss.").unwrap_or(op);
        if let Some(activation) = Activation::read(short, attributes) {
            return activation.map(Layer::Activation);
        }
        if let Some(movement) = Movement::read(short, attributes) {
            return movement.map(Layer::Movement);
        }
        if let Some(reduction) = Reduction::read(short, attributes) {
            return reduction.map(Layer::Reduction);
        }
        if let Some(binary) = Binary::ALL.into_iter().find(|binary| binary.name() == short) {
            return Ok(Layer::Binary(binary));
        }
        let window = || -> Result<Window, String> {
            Ok(Window {
                kernel: attributes.sizes("kernel", None, 1..=MAX_POOL)?,
                strides: attributes.sizes("strides", Some([1, 1]), 1..=MAX_WINDOW)?,
                padding: attributes.sizes("padding", Some([0; 4]), 0..=MAX_WINDOW)?,
                dilation: attributes.sizes("dilation", Some([1, 1]), 1..=MAX_WINDOW)?,
                ceil: attributes.flag("ceil").unwrap_or(false),
            })
        };
        Ok(match op {
            "gauss.parameter" => {
                let name = attributes.text("name");
                Layer::Parameter(name.ok_or("needs the name of a parameter")?)
            }
            "gauss.constant" => Layer::Constant,
            "gauss.make" => Layer::Make,
            "gauss.mean" => Layer::Mean,
            "gauss.variance" => Layer::Variance,
            "gauss.dense" => Layer::Dense,
            "gauss.conv2d" => Layer::Conv2d(Conv2d {
                strides: attributes.sizes("strides", Some([1, 1]), 1..=MAX_WINDOW)?,
                padding: attributes.sizes("padding", Some([0; 4]), 0..=MAX_WINDOW)?,
                dilation: attributes.sizes("dilation", Some([1, 1]), 1..=MAX_WINDOW)?,
                groups: {
                    let groups = attributes.get("groups").map_or(Some(1), Attribute::as_i64);
                    match groups {
                        Some(groups) if groups >= 1 => groups,
                        _ => return Err("has 'groups' that is not a positive integer".into()),
                    }
                },
            }),
            "gauss.matmul" => Layer::Matmul(Matmul::read(attributes)),
            "gauss.embedding" => Layer::Embedding,
            "gauss.resize" => Layer::Resize(Resize::read(attributes)?),
            "gauss.batch_norm" => Layer::BatchNorm(attributes.amount("epsilon")?.unwrap_or(1e-5)),
            "gauss.max_pool2d" => Layer::MaxPool2d(window()?),
            "gauss.avg_pool2d" => Layer::AvgPool2d(AvgPool2d {
                window: window()?,
                count_include_pad: attributes.flag("count_include_pad").unwrap_or(true),
            }),
            "gauss.reshape" => Layer::Reshape,
            "gauss.flatten" => Layer::Flatten,
            "gauss.softmax" => Layer::Softmax(method(attributes)?),
            "gauss.uncertainty" => Layer::Uncertainty(method(attributes)?),
            "gauss.decide" => Layer::Decide(thresholds(attributes)?),
            "gauss.binary_probability" => Layer::BinaryProbability,
            "gauss.binary_uncertainty" => Layer::BinaryUncertainty,
            "gauss.binary_decide" => Layer::BinaryDecide(thresholds(attributes)?),
            "gauss.interval" => Layer::Interval(Interval {
                coverage: match attributes.get("coverage").and_then(Attribute::as_f64) {
                    Some(coverage) if coverage > 0.0 && coverage < 1.0 => coverage,
                    _ => return Err("has a 'coverage' that is not between 0 and 1".into()),
                },
                noise: attributes.amount("noise")?.unwrap_or(0.0),
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
fn method(attributes: &Attributes) -> Result<Method, String> {
    let name = attributes.text("method");
    let name = name.ok_or("needs the attribute 'method'")?;
    let (draws, seed) = (attributes.get("draws"), attributes.get("seed"));
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
fn thresholds(attributes: &Attributes) -> Result<Thresholds, String> {
    Ok(Thresholds {
        epistemic: attributes.amount("epistemic")?,
        aleatoric: attributes.amount("aleatoric")?,
    })
}

impl Conv2d {
    /// The window of a weight whose last two dimensions are `kernel`.
    pub fn window(&self, kernel: [i64; 2]) -> Window {
        let Self { strides, padding, dilation, .. } = *self;
        Window { kernel, strides, padding, dilation, ceil: false }
    }
}

impl Window {
    /// How many positions the window has in an input of this height and width;
    /// `None` where it does not fit.
    pub fn positions(&self, input: [i64; 2]) -> Option<[i64; 2]> {
        let along = |axis: usize| {
            let padded = input[axis] + self.padding[axis] + self.padding[axis + 2];
            let (extent, stride) = (self.extent(axis), self.strides[axis]);
            let whole = (padded >= extent).then(|| (padded - extent) / stride + 1)?;
            let is_cut = (padded - extent) % stride != 0;
            let begins_inside = whole * stride < input[axis] + self.padding[axis];
            Some(whole + i64::from(self.ceil && is_cut && begins_inside))
        };
        Some([along(0)?, along(1)?])
    }

    /// From the first to the last element of the window along an axis.
    fn extent(&self, axis: usize) -> i64 {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// The same windows with so much padding below and to the right that none ends beyond it.
    pub fn closed(&self, input: [i64; 2]) -> Self {
        let mut closed = Self { ceil: false, ..self.clone() };
        let positions = self.positions(input).unwrap_or([1, 1]);
        for axis in 0..2 {
            let end = (positions[axis] - 1) * self.strides[axis] + self.extent(axis);
            let least = end - input[axis] - self.padding[axis];
            closed.padding[axis + 2] = closed.padding[axis + 2].max(least);
        }
        closed
    }

    /// The places along an axis that the window covers at a position; those in the padding are
    /// negative, or the size and beyond.
    pub fn places(&self, axis: usize, position: i64) -> impl Iterator<Item = i64> + Clone {
        let start = position * self.strides[axis] - self.padding[axis];
        let step = self.dilation[axis];
        (0..self.kernel[axis]).map(move |element| start + element * step)
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
