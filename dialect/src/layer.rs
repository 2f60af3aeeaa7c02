//! The ops of the dialect as a Rust type, read off their name and attributes.
//!
//! Shape rules, interpreter, lowering and tools all read an op through [`Layer`],
//! so that an attribute's meaning, default and range stand in one place.

use crate::{
    attributes::{AttributeList, Attributes},
    ir::{Attribute, Op, Value},
    ops::{
        activation::Activation,
        binary::Binary,
        build::{Part, gain},
        composite::Composite,
        contraction::{ConvTranspose, Convolution},
        matmul::Matmul,
        mixture::{ScaleMixture, nodes},
        movement::Movement,
        noise::Noise,
        norm::Norm,
        pool::Pool,
        reduction::Reduction,
        resize::Resize,
        weights::Weights,
    },
    predictive::{MAX_DRAWS, Method, Sampling, Thresholds},
};

pub use crate::attributes::fits_f32;

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
    /// `gauss.correlated`.
    Correlated,
    /// `gauss.marginals`.
    Marginals,
    /// `gauss.covariance`, of each node of a mixture or else of the whole.
    Covariance {
        /// Of each node?
        of_nodes: bool,
    },
    /// `gauss.nodes`.
    Nodes,
    /// `gauss.mix`.
    Mix,
    /// `gauss.square_deviation`, of the positive part or else of the number itself.
    SquareDeviation {
        /// Of the positive part?
        rectified: bool,
    },
    /// `gauss.scale_nodes`, with how many there are.
    ScaleNodes(i64),
    /// `gauss.scale_mixture`.
    ScaleMixture(ScaleMixture),
    /// `gauss.with_diagonal`.
    WithDiagonal,
    /// `gauss.gain` of an activation.
    Gain(Activation),
    /// `gauss.dense`.
    Dense,
    /// A convolution: `gauss.conv2d`, ..
    Convolution(Convolution),
    /// A transposed convolution: `gauss.conv_transpose2d`, ..
    ConvTranspose(ConvTranspose),
    /// `gauss.matmul`.
    Matmul(Matmul),
    /// `gauss.batch_norm`, with its epsilon.
    BatchNorm(f64),
    /// A function of two tensors: `gauss.add`, ..
    Binary(Binary),
    /// Elements in other places: `gauss.transpose`, ..
    Movement(Movement),
    /// A normalisation by statistics of the values: `gauss.layer_norm`, ..
    Norm(Norm),
    /// `gauss.blend`.
    Blend,
    /// `gauss.attention_weights`.
    AttentionWeights(Weights),
    /// A network of other ops: `gauss.lstm`, ..
    Composite(Composite),
    /// `gauss.embedding`.
    Embedding,
    /// `gauss.resize`.
    Resize(Resize),
    /// `gauss.reduce_sum` or `gauss.reduce_mean`.
    Reduction(Reduction),
    /// An activation: `gauss.relu`, `gauss.gelu`, ..
    Activation(Activation),
    /// Noise that is drawn for each element: `gauss.dropout` or `gauss.noise`.
    Noise(Noise),
    /// A pool: `gauss.max_pool2d`, ..
    Pool(Pool),
    /// `gauss.global_max_pool`.
    GlobalMaxPool,
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

/// The attributes of `gauss.interval`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The probability that an observation lies within, between 0 and 1.
    pub coverage: f64,
    /// The variance of an observation around the result of the network.
    pub noise: f64,
}

impl Layer {
    /// Ops that stand for values: they have no moments of their own.
    pub const SOURCES: [&'static str; 5] = ["parameter", "constant", "make", "mean", "variance"];

    /// Ops that say what is known of covariances, and what those are computed with.
    pub const COVARIANCES: [&'static str; 10] = [
        "correlated",
        "marginals",
        "covariance",
        "with_diagonal",
        "gain",
        "nodes",
        "mix",
        "square_deviation",
        "scale_nodes",
        ScaleMixture::NAME,
    ];

    /// Ops that read moments and give what follows from them.
    pub const PREDICTIONS: [&'static str; 7] = [
        "softmax",
        "uncertainty",
        "decide",
        "binary_probability",
        "binary_uncertainty",
        "binary_decide",
        "interval",
    ];

    /// Layers of no family.
    const SINGLE: [&'static str; 9] = [
        "dense",
        Matmul::NAME,
        "batch_norm",
        "blend",
        Weights::NAME,
        "embedding",
        Resize::NAME,
        "global_max_pool",
        "reshape",
    ];

    /// Every op that maps moments to moments, without the dialect.
    pub fn names() -> Vec<&'static str> {
        let families: [&[&str]; 12] = [
            &Self::SINGLE,
            &["flatten"],
            &Convolution::NAMES,
            &ConvTranspose::NAMES,
            &Pool::MAXIMA,
            &Pool::AVERAGES,
            &Norm::NAMES,
            &Composite::NAMES,
            &Noise::NAMES,
            &Movement::NAMES,
            &Reduction::NAMES,
            Activation::NAMES,
        ];
        let binary = Binary::ALL.map(Binary::name);
        families.into_iter().flatten().copied().chain(binary).collect()
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Parameter(_) => "parameter",
            Self::Constant => "constant",
            Self::Make => "make",
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Correlated => "correlated",
            Self::Marginals => "marginals",
            Self::Covariance { .. } => "covariance",
            Self::Nodes => "nodes",
            Self::Mix => "mix",
            Self::SquareDeviation { .. } => "square_deviation",
            Self::ScaleNodes(_) => "scale_nodes",
            Self::ScaleMixture(_) => ScaleMixture::NAME,
            Self::WithDiagonal => "with_diagonal",
            Self::Gain(_) => "gain",
            Self::Dense => "dense",
            Self::Convolution(convolution) => convolution.name(),
            Self::ConvTranspose(convolution) => convolution.name(),
            Self::Matmul(_) => Matmul::NAME,
            Self::BatchNorm(_) => "batch_norm",
            Self::Binary(binary) => binary.name(),
            Self::Movement(movement) => movement.name(),
            Self::Norm(norm) => norm.name(),
            Self::Noise(noise) => noise.name(),
            Self::Blend => "blend",
            Self::AttentionWeights(_) => Weights::NAME,
            Self::Composite(composite) => composite.name(),
            Self::Embedding => "embedding",
            Self::Resize(_) => Resize::NAME,
            Self::Reduction(reduction) => reduction.name(),
            Self::Activation(activation) => activation.name(),
            Self::Pool(pool) => pool.name(),
            Self::GlobalMaxPool => "global_max_pool",
            Self::Reshape => "reshape",
            Self::Flatten => "flatten",
            Self::Softmax(_) => "softmax",
            Self::Uncertainty(_) => "uncertainty",
            Self::Decide(_) => "decide",
            Self::BinaryProbability => "binary_probability",
            Self::BinaryUncertainty => "binary_uncertainty",
            Self::BinaryDecide(_) => "binary_decide",
            Self::Interval(_) => "interval",
        }
    }

    /// The attributes, as [`Layer::of`] reads them; those of sources hold values, and are not among
    /// them.
    pub fn write(&self) -> AttributeList {
        let none = AttributeList::default();
        match self {
            Self::Parameter(_)
            | Self::Constant
            | Self::Make
            | Self::Mean
            | Self::Variance
            | Self::Correlated
            | Self::Marginals
            | Self::Nodes
            | Self::Mix
            | Self::WithDiagonal
            | Self::Dense
            | Self::Blend
            | Self::Embedding
            | Self::GlobalMaxPool
            | Self::Reshape
            | Self::Flatten
            | Self::Binary(_)
            | Self::BinaryProbability
            | Self::BinaryUncertainty => none,
            Self::Gain(activation) => gain(*activation),
            Self::Covariance { of_nodes } => none.with("of_nodes", *of_nodes),
            Self::SquareDeviation { rectified } => none.with("rectified", *rectified),
            Self::ScaleNodes(nodes) => none.with("nodes", *nodes),
            Self::ScaleMixture(mixture) => mixture.write(),
            Self::Convolution(convolution) => convolution.write(),
            Self::ConvTranspose(convolution) => convolution.write(),
            Self::Matmul(matmul) => matmul.write(),
            Self::BatchNorm(epsilon) => none.with("epsilon", *epsilon),
            Self::Movement(movement) => movement.write(),
            Self::Norm(norm) => norm.write(),
            Self::Noise(noise) => noise.write(),
            Self::AttentionWeights(weights) => weights.write(),
            Self::Composite(composite) => composite.write(),
            Self::Resize(resize) => resize.write(),
            Self::Reduction(reduction) => reduction.write(),
            Self::Activation(activation) => activation.write(),
            Self::Pool(pool) => pool.write(),
            Self::Softmax(method) | Self::Uncertainty(method) => {
                let list = none.with("method", method.name());
                match method {
                    Method::MeanField | Method::Laplace => list,
                    Method::Sample(Sampling { draws, seed }) => {
                        list.with("draws", i64::from(*draws)).with("seed", seed.cast_signed())
                    }
                }
            }
            Self::Decide(thresholds) | Self::BinaryDecide(thresholds) => {
                let given =
                    [("epistemic", thresholds.epistemic), ("aleatoric", thresholds.aleatoric)];
                let given = given.into_iter().filter_map(|(name, at)| Some((name, at?)));
                given.fold(none, |list, (name, at)| list.with(name, at))
            }
            Self::Interval(Interval { coverage, noise }) => {
                none.with("coverage", *coverage).with("noise", *noise)
            }
        }
    }

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
        if let Some(noise) = Noise::read(short, attributes) {
            return noise.map(Layer::Noise);
        }
        if let Some(movement) = Movement::read(short, attributes) {
            return movement.map(Layer::Movement);
        }
        if let Some(composite) = Composite::read(short, attributes) {
            return composite.map(Layer::Composite);
        }
        if let Some(norm) = Norm::read(short, attributes) {
            return norm.map(Layer::Norm);
        }
        if let Some(reduction) = Reduction::read(short, attributes) {
            return reduction.map(Layer::Reduction);
        }
        if let Some(binary) = Binary::ALL.into_iter().find(|binary| binary.name() == short) {
            return Ok(Layer::Binary(binary));
        }
        if let Some(convolution) = Convolution::read(short, attributes) {
            return convolution.map(Layer::Convolution);
        }
        if let Some(convolution) = ConvTranspose::read(short, attributes) {
            return convolution.map(Layer::ConvTranspose);
        }
        if let Some(pool) = Pool::read(short, attributes) {
            return pool.map(Layer::Pool);
        }
        Ok(match op {
            "gauss.parameter" => {
                let name = attributes.text("name");
                Layer::Parameter(name.ok_or("needs the name of a parameter")?)
            }
            "gauss.constant" => Layer::Constant,
            "gauss.make" => Layer::Make,
            "gauss.mean" => Layer::Mean,
            "gauss.variance" => Layer::Variance,
            "gauss.correlated" => Layer::Correlated,
            "gauss.marginals" => Layer::Marginals,
            "gauss.covariance" => {
                Layer::Covariance { of_nodes: attributes.flag("of_nodes").unwrap_or(false) }
            }
            "gauss.nodes" => Layer::Nodes,
            "gauss.mix" => Layer::Mix,
            "gauss.square_deviation" => {
                Layer::SquareDeviation { rectified: attributes.flag("rectified").unwrap_or(false) }
            }
            "gauss.scale_nodes" => Layer::ScaleNodes(nodes(attributes)?),
            "gauss.scale_mixture" => Layer::ScaleMixture(ScaleMixture::read(attributes)?),
            "gauss.with_diagonal" => Layer::WithDiagonal,
            "gauss.gain" => Layer::Gain(function(attributes)?),
            "gauss.dense" => Layer::Dense,
            "gauss.matmul" => Layer::Matmul(Matmul::read(attributes)),
            "gauss.blend" => Layer::Blend,
            "gauss.attention_weights" => Layer::AttentionWeights(Weights::read(attributes)?),
            "gauss.embedding" => Layer::Embedding,
            "gauss.resize" => Layer::Resize(Resize::read(attributes)?),
            "gauss.batch_norm" => Layer::BatchNorm(attributes.amount("epsilon")?.unwrap_or(1e-5)),
            "gauss.global_max_pool" => Layer::GlobalMaxPool,
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
        matches!(self, Layer::Dense | Layer::Convolution(_) | Layer::ConvTranspose(_))
    }
}

impl From<Part> for Layer {
    fn from(part: Part) -> Self {
        match part {
            Part::Make => Layer::Make,
            Part::Mean => Layer::Mean,
            Part::Variance => Layer::Variance,
            Part::Gain(activation) => Layer::Gain(activation),
            Part::WithDiagonal => Layer::WithDiagonal,
            Part::Mix => Layer::Mix,
            Part::SquareDeviation { rectified } => Layer::SquareDeviation { rectified },
            Part::ScaleNodes(nodes) => Layer::ScaleNodes(nodes),
            Part::Dense => Layer::Dense,
            Part::Blend => Layer::Blend,
            Part::Matmul(matmul) => Layer::Matmul(matmul),
            Part::Binary(binary) => Layer::Binary(binary),
            Part::Movement(movement) => Layer::Movement(movement),
            Part::Reduction(reduction) => Layer::Reduction(reduction),
            Part::Activation(activation) => Layer::Activation(activation),
            Part::AttentionWeights(weights) => Layer::AttentionWeights(weights),
        }
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

/// The activation of the attributes `function` and `settings`.
fn function(attributes: &Attributes) -> Result<Activation, String> {
    let name =
        attributes.text("function").ok_or("needs the name of an activation as 'function'")?;
    let dictionary = attributes.get("settings");
    let of_function = |name: &str| dictionary.and_then(|dictionary| dictionary.entry(name));
    let activation = Activation::read(&name, &Attributes::new(&of_function));
    activation.ok_or_else(|| format!("has the function '{name}', which is no activation"))?
}

/// The attributes `epistemic` and `aleatoric`.
fn thresholds(attributes: &Attributes) -> Result<Thresholds, String> {
    Ok(Thresholds {
        epistemic: attributes.amount("epistemic")?,
        aleatoric: attributes.amount("aleatoric")?,
    })
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
    /// The operands of a [linear layer](Layer::is_linear).
    pub fn of(op: Op) -> Self {
        let operands = op.operands();
        Self { input: operands[0], weight: operands[1], bias: operands.get(2).copied() }
    }
}
