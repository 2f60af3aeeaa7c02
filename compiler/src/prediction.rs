//! What a function returns beside moments: the results of a predictive head.

use gauss_dialect::{
    ir::Value,
    layer::Layer,
    predictive::{self, Method, Thresholds},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// What a tensor says that a predictive op has computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Prediction {
    /// The probability of each class, or that each binary label is 1.
    Probabilities {
        /// How they are approximated.
        #[serde(flatten, serialize_with = "settings")]
        method: Estimate,
    },
    /// Total, aleatoric and epistemic uncertainty, in nats.
    Uncertainty {
        /// How it is approximated.
        #[serde(flatten, serialize_with = "settings")]
        method: Estimate,
    },
    /// The class or the binary label, or one of two codes.
    Decision {
        /// Is it a label, 0 or 1?
        #[serde(skip)]
        is_label: bool,
        /// The largest epistemic uncertainty of what is known, in nats.
        reject_epistemic: Option<f64>,
        /// The largest aleatoric uncertainty of what is not ambiguous, in nats.
        reject_aleatoric: Option<f64>,
        /// The code of an ambiguous item.
        ambiguous: f64,
        /// The code of an unknown item.
        unknown: f64,
    },
    /// The covariances of the outputs of each item.
    Covariance,
    /// The lower and the upper end of an interval.
    Interval {
        /// The probability that an observation lies within.
        coverage: f64,
        /// The variance of observations that is added to that of the network.
        noise_variance: f64,
    },
}

/// How an expectation over Gaussian logits is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimate {
    /// The softmax over classes.
    Softmax(Method),
    /// The sigmoid of each logit.
    Sigmoid,
}

fn settings<S: Serializer>(estimate: &Estimate, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let name = match estimate {
        Estimate::Softmax(method) => method.name(),
        Estimate::Sigmoid => "sigmoid",
    };
    map.serialize_entry("method", name)?;
    if let Estimate::Softmax(Method::Sample(sampling)) = estimate {
        map.serialize_entry("draws", &sampling.draws)?;
        map.serialize_entry("seed", &sampling.seed)?;
    }
    map.end()
}

impl Prediction {
    /// What a value is, by the op that defines it.
    pub fn of(value: Value) -> Option<Self> {
        let decision = |thresholds: Thresholds, is_label| Self::Decision {
            is_label,
            reject_epistemic: thresholds.epistemic,
            reject_aleatoric: thresholds.aleatoric,
            ambiguous: predictive::AMBIGUOUS,
            unknown: predictive::UNKNOWN,
        };
        Some(match Layer::of(value.defining_op()?).ok()?? {
            Layer::Softmax(method) => Self::Probabilities { method: Estimate::Softmax(method) },
            Layer::Uncertainty(method) => Self::Uncertainty { method: Estimate::Softmax(method) },
            Layer::Decide(thresholds) => decision(thresholds, false),
            Layer::BinaryProbability => Self::Probabilities { method: Estimate::Sigmoid },
            Layer::BinaryUncertainty => Self::Uncertainty { method: Estimate::Sigmoid },
            Layer::BinaryDecide(thresholds) => decision(thresholds, true),
            Layer::Covariance { of_nodes: false } => Self::Covariance,
            Layer::Interval(interval) => {
                Self::Interval { coverage: interval.coverage, noise_variance: interval.noise }
            }
            _ => return None,
        })
    }

    /// The name of its buffer.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Probabilities { .. } => "probabilities",
            Self::Uncertainty { .. } => "uncertainty",
            Self::Decision { .. } => "decision",
            Self::Covariance => "covariance",
            Self::Interval { .. } => "interval",
        }
    }

    /// What a caller finds in the buffer.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Probabilities { method: Estimate::Softmax(_) } => "probabilities of the classes",
            Self::Probabilities { method: Estimate::Sigmoid } => {
                "probability of a 1, of each label"
            }
            Self::Uncertainty { .. } => "total, aleatoric and epistemic uncertainty in nats",
            Self::Decision { is_label: false, .. } => {
                "the class from 0, PFP_AMBIGUOUS or PFP_UNKNOWN"
            }
            Self::Decision { is_label: true, .. } => "0, 1, PFP_AMBIGUOUS or PFP_UNKNOWN",
            Self::Covariance => "covariances of the outputs of each item",
            Self::Interval { .. } => "lower and upper ends",
        }
    }

    /// The numbers of the artefact that the prediction depends on.
    pub fn constants(&self) -> Vec<Constant> {
        let constant =
            |name, meaning, value: Option<f64>| Some(Constant { name, meaning, value: value? });
        let constants = match *self {
            Self::Probabilities { .. } | Self::Uncertainty { .. } | Self::Covariance => vec![],
            Self::Decision { reject_epistemic, reject_aleatoric, .. } => vec![
                constant(
                    "REJECT_EPISTEMIC",
                    "nats, above which an item is unknown",
                    reject_epistemic,
                ),
                constant(
                    "REJECT_ALEATORIC",
                    "nats, above which an item is ambiguous",
                    reject_aleatoric,
                ),
            ],
            Self::Interval { coverage, noise_variance } => vec![
                constant("COVERAGE", "probability of an observation within", Some(coverage)),
                constant("NOISE_VARIANCE", "variance of observations", Some(noise_variance)),
            ],
        };
        constants.into_iter().flatten().collect()
    }
}

/// A number that an artefact was compiled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// Its name after that of the tensor, in capitals.
    pub name: &'static str,
    /// What it is, in a few words with its unit.
    pub meaning: &'static str,
    /// The number.
    pub value: f64,
}
