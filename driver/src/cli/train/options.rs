//! The options of a run.

use std::path::PathBuf;

use clap::Args;
use pfp_evaluate::{
    data::{self, Preparation, Scale},
    eval::Spec,
};
use pfp_train::{
    data::SeveralLabels,
    laplace::Precision,
    schedule::Schedule,
    settings::{Collect, Loss, Objective, Optimiser, Prior, Settings},
};

use crate::cli::values;

/// Headings of the help.
const DATA: &str = "Data and loss";
const RUN: &str = "Run";
pub const START: &str = "Start";
const OPTIMISER: &str = "Optimiser";
const PRIOR: &str = "Prior and what is trained";
const SVI: &str = "With --posterior svi";
const SWAG: &str = "With --posterior swag";
const LAPLACE: &str = "With --posterior laplace";

/// How a posterior is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Moments,
    Svi,
    Swag,
    Laplace,
}

impl Method {
    pub const ALL: [Self; 4] = [Self::Moments, Self::Svi, Self::Swag, Self::Laplace];

    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Moments => ("moments", "variational, by the moments of the outputs"),
            Self::Svi => ("svi", "variational, by draws of the weights"),
            Self::Swag => ("swag", "means and variances of the weights along a training"),
            Self::Laplace => ("laplace", "variances around trained means, by curvature"),
        }
    }

    pub fn objective(self, draws: SviDraws) -> Objective {
        match (self, draws) {
            (Self::Moments, _) => Objective::Moments,
            (Self::Svi, SviDraws::Weights) => Objective::Svi,
            (Self::Svi, SviDraws::Local) => Objective::Local,
            (Self::Swag | Self::Laplace, _) => Objective::Means,
        }
    }
}

/// What is drawn with --posterior svi.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SviDraws {
    #[default]
    Weights,
    Local,
}

impl SviDraws {
    const ALL: [Self; 2] = [Self::Weights, Self::Local];

    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Weights => ("weights", "all weights, once for the items of a shard"),
            Self::Local => (
                "local",
                "what dense layers give, for each item (local reparameterisation), and other weights",
            ),
        }
    }
}

/// What the loss of an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossKind {
    CrossEntropy,
    Binary,
    Gaussian,
}

impl LossKind {
    const ALL: [Self; 3] = [Self::CrossEntropy, Self::Binary, Self::Gaussian];

    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::CrossEntropy => ("cross-entropy", "of classes, the outputs are their logits"),
            Self::Binary => ("binary", "of two classes, the output is the logit of class 1"),
            Self::Gaussian => ("gaussian", "of a regression with Gaussian noise"),
        }
    }
}

/// The data sets, and the loss.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// What the network is trained on; several are joined
    #[arg(long, help_heading = DATA, value_name = "DATA", required = true)]
    pub data: Vec<Spec>,

    /// What it is judged by after every epoch
    #[arg(long, help_heading = DATA, value_name = "DATA")]
    pub validation: Vec<Spec>,

    /// Multiply the numbers by this, such as 1/255
    #[arg(long, help_heading = DATA, value_name = "FACTOR", allow_hyphen_values = true)]
    pub scale: Option<Scale>,

    /// Then subtract MEAN and divide by STD
    #[arg(long, help_heading = DATA, value_name = "MEAN,STD", value_parser = data::parse_normalize)]
    #[arg(allow_hyphen_values = true)]
    pub normalize: Option<(f64, f64)>,

    /// What several labels of an item are
    #[arg(long, help_heading = DATA, value_name = "HOW", default_value = "mean",
          value_parser = values::one_of(SeveralLabels::ALL, SeveralLabels::describe))]
    pub labels: SeveralLabels,

    /// The loss of an item
    #[arg(long, help_heading = DATA, value_name = "LOSS", default_value = "cross-entropy",
          value_parser = values::one_of(LossKind::ALL, LossKind::describe))]
    pub loss: LossKind,

    /// Draws of the logits of an item with --posterior moments; 0 for the expansion of second order
    #[arg(long, help_heading = DATA, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1 << 12))]
    draws: u32,

    /// The variance of the noise with --loss gaussian; learned where it is not given
    #[arg(long, help_heading = DATA, value_name = "VARIANCE", value_parser = values::positive)]
    pub noise_variance: Option<f64>,
}

impl DataArgs {
    /// The loss; without a variance of the logits nothing is drawn.
    pub fn loss(&self, method: Method) -> Loss {
        let draws = if method == Method::Moments { self.draws as usize } else { 0 };
        match self.loss {
            LossKind::CrossEntropy => Loss::CrossEntropy { draws },
            LossKind::Binary => Loss::Binary { draws },
            LossKind::Gaussian => Loss::Gaussian { noise: self.noise_variance },
        }
    }

    pub fn preparation(&self) -> Preparation {
        Preparation { scale: self.scale, normalize: self.normalize }
    }
}

/// How long, in which parts, and what is kept of it.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Times that every item is used
    #[arg(long, help_heading = RUN, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub epochs: Option<u64>,

    /// Items in a step
    #[arg(long, help_heading = RUN, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub batch: u32,

    /// Calls that a step is cut into, which threads share; the numbers depend on it
    #[arg(long, help_heading = RUN, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub shards: u16,

    /// Threads; the numbers do not depend on it [default: one for each CPU]
    #[arg(long, help_heading = RUN, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// The seed of the order of the items, of first values and of draws
    #[arg(long, help_heading = RUN, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// End after so many epochs without a smaller loss of --validation, and write the best posterior
    #[arg(long, help_heading = RUN, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub patience: Option<u64>,

    /// The file of checkpoints [default: the output with the ending .checkpoint in place of .safetensors]
    #[arg(long, help_heading = RUN, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,

    /// Steps between two checkpoints, beside those at the ends of epochs
    #[arg(long, help_heading = RUN, value_name = "STEPS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub checkpoint_every: Option<u64>,

    /// Write no checkpoints
    #[arg(long, help_heading = RUN, conflicts_with_all = ["checkpoint", "checkpoint_every"])]
    pub no_checkpoint: bool,

    /// Go on from a checkpoint of a run with the same network, data and settings
    #[arg(long, help_heading = RUN, value_name = "FILE")]
    pub resume: Option<PathBuf>,
}

/// How values follow from gradients.
#[derive(Debug, Args)]
pub struct OptimiserArgs {
    /// adam or sgd
    #[arg(long, help_heading = OPTIMISER, value_name = "NAME", default_value = "adam")]
    #[arg(value_parser = ["adam", "sgd"])]
    optimiser: String,

    /// The learning rate of means
    #[arg(long, help_heading = OPTIMISER, value_name = "RATE", default_value_t = 1e-3)]
    #[arg(value_parser = values::positive)]
    learning_rate: f64,

    /// The learning rate of the logarithms of standard deviations, over that of means
    #[arg(long, help_heading = OPTIMISER, value_name = "FACTOR", default_value_t = 1.0)]
    #[arg(value_parser = values::amount)]
    deviation_rate: f64,

    /// constant, cosine, or step:EPOCHS,FACTOR
    #[arg(long, help_heading = OPTIMISER, value_name = "SCHEDULE", default_value = "constant")]
    #[arg(value_parser = schedule)]
    schedule: Schedule,

    /// Epochs in which the learning rate rises from 0
    #[arg(long, help_heading = OPTIMISER, value_name = "EPOCHS", default_value_t = 0.0)]
    #[arg(value_parser = values::amount)]
    learning_rate_warm_up: f64,

    /// How much of its direction sgd keeps in a step
    #[arg(long, help_heading = OPTIMISER, value_name = "SHARE", default_value_t = 0.9)]
    #[arg(value_parser = momentum)]
    momentum: f64,

    /// Shorten gradients whose norm is above this
    #[arg(long, help_heading = OPTIMISER, value_name = "NORM", value_parser = values::positive)]
    clip: Option<f64>,
}

impl OptimiserArgs {
    pub fn is_sgd(&self) -> bool {
        self.optimiser == "sgd"
    }

    pub fn apply(&self, settings: Settings) -> Settings {
        let optimiser = match self.optimiser.as_str() {
            "sgd" => Optimiser::Sgd { momentum: self.momentum },
            _ => Optimiser::ADAM,
        };
        Settings {
            optimiser,
            learning_rate: self.learning_rate,
            deviation_rate: self.deviation_rate,
            schedule: self.schedule,
            warm_up: self.learning_rate_warm_up,
            clip: self.clip,
            ..settings
        }
    }
}

/// The prior, and what is trained.
#[derive(Debug, Args)]
pub struct PriorArgs {
    /// The standard deviation of the prior of a weight: a number, or fan-in:FACTOR for FACTOR / sqrt(fan-in)
    #[arg(long, help_heading = PRIOR, value_name = "SIGMA", default_value = "1", value_parser = prior)]
    prior: Prior,

    /// What the divergence from the prior is multiplied by
    #[arg(long, help_heading = PRIOR, value_name = "FACTOR", default_value_t = 1.0)]
    #[arg(value_parser = values::amount)]
    beta: f64,

    /// Epochs in which the divergence begins to count, from 0 to all
    #[arg(long, help_heading = PRIOR, value_name = "EPOCHS", default_value_t = 0.0)]
    #[arg(value_parser = values::amount)]
    kl_warm_up: f64,

    /// Give deterministic parameters the prior, too
    #[arg(long, help_heading = PRIOR)]
    decay_deterministic: bool,

    /// Do not train means, variances, or the parameters whose whole name fits a regular expression
    #[arg(long, help_heading = PRIOR, value_name = "means|variances|REGEX")]
    pub freeze: Vec<String>,
}

impl PriorArgs {
    pub fn apply(&self, settings: Settings) -> Settings {
        Settings {
            prior: self.prior,
            beta: self.beta,
            kl_warm_up: self.kl_warm_up,
            decay_deterministic: self.decay_deterministic,
            ..settings
        }
    }
}

/// What is drawn.
#[derive(Debug, Args)]
pub struct SviArgs {
    /// What is drawn in a step
    #[arg(long, help_heading = SVI, value_name = "WHAT", default_value = SviDraws::default().describe().0,
          value_parser = values::one_of(SviDraws::ALL, SviDraws::describe))]
    pub svi_draws: SviDraws,
}

/// What SWAG collects.
#[derive(Debug, Args)]
pub struct SwagArgs {
    /// Steps between two samples of the weights [default: those of an epoch]
    #[arg(long, help_heading = SWAG, value_name = "STEPS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub swag_every: Option<u64>,

    /// Epochs before the first sample
    #[arg(long, help_heading = SWAG, value_name = "EPOCHS", default_value_t = 0)]
    swag_after: u64,

    /// What the variances of the samples are multiplied by
    #[arg(long, help_heading = SWAG, value_name = "FACTOR", default_value_t = 0.5)]
    #[arg(value_parser = values::positive)]
    swag_scale: f64,
}

impl SwagArgs {
    /// What is collected. Until the data are read, nobody knows the steps of an epoch.
    pub fn collect(&self) -> Collect {
        Collect {
            every: self.swag_every.unwrap_or(1),
            after: self.swag_after,
            scale: self.swag_scale,
        }
    }
}

/// What Laplace's approximation takes.
#[derive(Debug, Args)]
pub struct LaplaceArgs {
    /// One over the variance of the prior: a number, evidence for the one of the largest marginal likelihood,
    /// or layers for one of each layer
    #[arg(long, help_heading = LAPLACE, value_name = "PRECISION", default_value = "evidence")]
    #[arg(value_parser = precision)]
    pub prior_precision: Precision,

    /// Take so many of the items, for all
    #[arg(long, help_heading = LAPLACE, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub laplace_items: Option<u32>,
}

fn momentum(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..1.0).contains(number));
    number.ok_or_else(|| format!("'{text}' is not a number from 0 to below 1"))
}

fn prior(text: &str) -> Result<Prior, String> {
    match text.strip_prefix("fan-in:") {
        Some(factor) => values::positive(factor).map(Prior::FanIn),
        None => values::positive(text).map(Prior::Fixed),
    }
}

fn precision(text: &str) -> Result<Precision, String> {
    match text {
        "evidence" => Ok(Precision::Evidence),
        "layers" => Ok(Precision::EvidenceOfLayers),
        number => values::positive(number)
            .map(Precision::Fixed)
            .map_err(|_| format!("'{text}' is neither a number above 0 nor evidence nor layers")),
    }
}

fn schedule(text: &str) -> Result<Schedule, String> {
    let steps = || {
        let (every, factor) = text.strip_prefix("step:")?.split_once(',')?;
        let every = every.parse().ok().filter(|&every: &u64| every > 0)?;
        Some(Schedule::Step { every, factor: values::positive(factor).ok()? })
    };
    match text {
        "constant" => Ok(Schedule::Constant),
        "cosine" => Ok(Schedule::Cosine),
        _ => steps().ok_or_else(|| {
            format!("'{text}' is neither constant nor cosine nor such as step:10,0.1")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_options_may_be() {
        assert_eq!(schedule("step:10,0.5"), Ok(Schedule::Step { every: 10, factor: 0.5 }));
        for text in ["step:0,0.5", "step:10", "step:10,-1", "linear"] {
            assert!(schedule(text).is_err(), "{text}");
        }
        assert_eq!(
            (prior("0.1"), prior("fan-in:2")),
            (Ok(Prior::Fixed(0.1)), Ok(Prior::FanIn(2.0)))
        );
        assert!(prior("0").is_err() && prior("fan-in:x").is_err() && prior("inf").is_err());
        assert_eq!(precision("layers"), Ok(Precision::EvidenceOfLayers));
        assert!(precision("nan").is_err() && momentum("1").is_err() && momentum("0").is_ok());
    }
}
