//! What a run is asked to do. Everything here, and nothing else, decides on its numbers.

use std::fmt;

use pfp_compiler::error::Error;
use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// How the loss of an item follows from outputs and target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Loss {
    /// The expected cross-entropy of the softmax of Gaussian logits, over draws of the logits; of the
    /// second order in the deviations where there are none.
    CrossEntropy {
        /// Draws of the logits of an item.
        draws: usize,
    },
    /// As that, of one logit for two classes.
    Binary {
        /// Draws of the logit of an item.
        draws: usize,
    },
    /// The expected negative log likelihood of a number with Gaussian noise, in closed form.
    Gaussian {
        /// The variance of the noise; learned where there is none.
        noise: Option<f64>,
    },
}

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The evidence lower bound with the expected likelihood of the moments of the outputs.
    Moments,
    /// The evidence lower bound with draws of the weights, one for each shard.
    Svi,
    /// The same bound with draws of what dense layers give for each item, and of the other weights.
    Local,
    /// The likelihood of the means with the prior as weight decay.
    Means,
}

/// The optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Optimiser {
    /// Kingma and Ba (2015), with bias correction.
    Adam {
        /// How much of the first moment stays in a step.
        beta1: f64,
        /// How much of the second moment stays in a step.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
    /// Gradient descent.
    Sgd {
        /// How much of the direction stays in a step.
        momentum: f64,
    },
}

/// The standard deviation of the prior of a weight, whose mean is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// The same for all weights.
    Fixed(f64),
    /// A multiple of `1 / sqrt(fan-in)` of the layer.
    FanIn(f64),
}

/// How moments of weights are collected, for a posterior by SWAG.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Collect {
    /// Steps between two; at least 1.
    pub every: u64,
    /// Epochs before the first.
    pub after: u64,
    /// What the variances are multiplied by.
    pub scale: f64,
}

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What is minimised.
    pub objective: Objective,
    /// The loss of an item.
    pub loss: Loss,
    /// The seed of order, starts and draws.
    pub seed: u64,
    /// Times that every item is used.
    pub epochs: u64,
    /// Items in a step.
    pub batch: usize,
    /// Calls that a step is cut into.
    pub shards: usize,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// The learning rate of means.
    pub learning_rate: f64,
    /// The learning rate of the logarithms of deviations, over that of means.
    pub deviation_rate: f64,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Epochs in which the learning rate rises.
    pub warm_up: f64,
    /// The largest norm of a gradient; longer ones are shortened.
    pub clip: Option<f64>,
    /// The prior of the weights.
    pub prior: Prior,
    /// How much the divergence from the prior counts.
    pub beta: f64,
    /// Epochs in which the divergence from the prior begins to count.
    pub kl_warm_up: f64,
    /// Have deterministic parameters the prior, too?
    pub decay_deterministic: bool,
    /// What is not trained: `means`, `variances`, or patterns of names.
    pub freeze: Vec<String>,
    /// Epochs without a better validation after which a run ends.
    pub patience: Option<u64>,
    /// How moments are collected, of a run that makes a posterior by SWAG.
    pub collect: Option<Collect>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            objective: Objective::Moments,
            loss: Loss::CrossEntropy { draws: 16 },
            seed: 0,
            epochs: 1,
            batch: 100,
            shards: 2,
            optimiser: Optimiser::ADAM,
            learning_rate: 1e-3,
            deviation_rate: 1.0,
            schedule: Schedule::Constant,
            warm_up: 0.0,
            clip: None,
            prior: Prior::Fixed(1.0),
            beta: 1.0,
            kl_warm_up: 0.0,
            decay_deterministic: false,
            freeze: Vec::new(),
            patience: None,
            collect: None,
        }
    }
}

impl Optimiser {
    /// Adam as its authors set it.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

impl Objective {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Moments => "moments",
            Self::Svi => "svi",
            Self::Local => "svi with local draws",
            Self::Means => "means",
        }
    }
}

/// A number that float32 cannot hold, or one that follows from it.
fn beyond(option: &str, number: f64, what: &str) -> Error {
    Error::request(format!(
        "{option} {number:e} is out of range: {what} is 0 or infinite in float32"
    ))
    .with_help("choose a number nearer to 1")
}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(deviation) => write!(f, "{deviation}"),
            Self::FanIn(factor) => write!(f, "fan-in:{factor}"),
        }
    }
}

impl Settings {
    /// The items of a call.
    pub fn items_per_call(&self) -> usize {
        self.batch.div_ceil(self.shards.max(1))
    }

    /// Checks what does not depend on the network.
    ///
    /// # Errors
    ///
    /// Where settings do not fit each other, or need a validation that is not there.
    pub fn check(&self, has_validation: bool) -> Result<(), Error> {
        if self.shards == 0 || self.batch == 0 || !self.batch.is_multiple_of(self.shards) {
            return Err(Error::request(format!(
                "a batch of {} items cannot be cut into {} shards",
                self.batch, self.shards
            ))
            .with_help("choose a --batch that is a multiple of --shards"));
        }
        self.check_sizes()?;
        if self.patience.is_some() && !has_validation {
            return Err(Error::request("--patience needs data to judge by")
                .with_help("give it with --validation"));
        }
        if self.patience.is_some() && self.collect.is_some() {
            return Err(Error::request("--patience has no meaning with --posterior swag")
                .with_help("its samples are of all epochs"));
        }
        if self.patience.is_some() && self.kl_warm_up >= self.epochs as f64 {
            return Err(Error::request(format!(
                "--patience judges no epoch: --kl-warm-up {} lasts for all {} of --epochs",
                self.kl_warm_up, self.epochs
            ))
            .with_help(
                "a posterior is judged once the divergence counts in full: shorten the warm-up",
            ));
        }
        if self.collect.is_some() && self.freeze.iter().any(|frozen| frozen == "variances") {
            return Err(Error::request("--freeze variances has no meaning with --posterior swag")
                .with_help("its variances are those of the samples; leave it out"));
        }
        Ok(())
    }

    /// Checks that what steps are made of is no 0 and no infinity as float32.
    fn check_sizes(&self) -> Result<(), Error> {
        let is_usable = |number: f64| (number as f32).is_normal();
        if let Loss::Gaussian { noise: Some(noise) } = self.loss
            && !(is_usable(noise) && is_usable(noise.recip()))
        {
            return Err(beyond("--noise-variance", noise, "it"));
        }
        let (Prior::Fixed(deviation) | Prior::FanIn(deviation)) = self.prior;
        if !is_usable((deviation * deviation).recip()) {
            return Err(beyond("--prior", deviation, "one over its square"));
        }
        if !(self.beta as f32).is_finite() {
            return Err(beyond("--beta", self.beta, "it"));
        }
        Ok(())
    }

    /// What differs in other settings, in words; the number of epochs does where the learning rate
    /// depends on it only.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let fields = |settings: &Self| match serde_json::to_value(settings) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (own, other) = (fields(self), fields(other));
        let may_differ = |name: &str| name == "epochs" && self.schedule != Schedule::Cosine;
        let differs = |(name, value): &(&String, &serde_json::Value)| {
            !may_differ(name) && other.get(*name) != Some(*value)
        };
        let words = |(name, value): (&String, &serde_json::Value)| {
            let other = other.get(name).unwrap_or(&serde_json::Value::Null);
            format!("{} {value} and not {other}", name.replace('_', " "))
        };
        let different: Vec<_> = own.iter().filter(differs).map(words).collect();
        (!different.is_empty()).then(|| different.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let own = Settings::default();
        assert_eq!(own.difference(&own), None);
        let other = Settings { learning_rate: 0.01, seed: 7, epochs: 9, ..own.clone() };
        let words = own.difference(&other).unwrap();
        assert_eq!(words, "seed 0 and not 7, learning rate 0.001 and not 0.01");
        let cosine = Settings { schedule: Schedule::Cosine, ..own.clone() };
        let longer = Settings { epochs: 2, ..cosine.clone() };
        assert_eq!(cosine.difference(&longer).unwrap(), "epochs 1 and not 2");
    }
}
