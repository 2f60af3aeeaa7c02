//! Where the posterior of a network comes from, on the command line.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use gauss_lowering::passes::gauss_pool_first::Order;
use pfp_compiler::{diagnostics::Covariance, error::Error};
use pfp_import::{
    onnx,
    posterior::{
        Framework, Ordered, Request,
        layout::Reader,
        place::{Map, Parameter, Wishes},
        representation::Representation,
    },
};

use super::values;
use crate::importing;

/// The framework of `--posterior FILE`.
const OWN: &str = "safetensors";

/// What stands before the standard deviation of `--posterior constant:STD`.
const CONSTANT: &str = "constant:";

/// A posterior without a framework.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    /// A safetensors file.
    File(PathBuf),
    /// Standard deviations of so many times each weight.
    Relative(f64),
}

impl FromStr for Plain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_prefix(CONSTANT) else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let number = number.parse::<f64>().ok().filter(|std| (0.0..=1e3).contains(std));
        number.map(Self::Relative).ok_or_else(|| {
            format!("'{text}' is not {CONSTANT}STD with a relative standard deviation such as 0.05")
        })
    }
}

/// Which covariances reach the head of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carried {
    /// None.
    Diagonal,
    /// What is in the budget.
    #[default]
    Auto,
    /// All.
    Full,
}

impl Carried {
    const ALL: [Self; 3] = [Self::Diagonal, Self::Auto, Self::Full];

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Diagonal => ("diagonal", "None: elements count as independent"),
            Self::Auto => (
                "auto",
                "Of the last dense layers, of their scale and within pools, as the budget has room",
            ),
            Self::Full => ("full", "Those of all layers that have a rule for them"),
        }
    }
}

/// The heading of options for ONNX models, in every command that reads networks.
const ONNX: &str = "ONNX models";

/// How a command reads a network, an ONNX model above all. The heading is that of these options alone,
/// not of those that follow in a command.
#[derive(Debug, Default, Args)]
pub struct ReadingArgs {
    /// The order of max pools and the activations before them
    #[arg(long, value_name = "ORDER", default_value = Order::default().describe().0,
          value_parser = values::one_of(Order::ALL, Order::describe))]
    pub order: Order,

    /// Which covariances the prediction of a head uses: none (diagonal), those that cost little
    /// (auto), or all that have a rule (full); pfp inspect lists them with what they cost
    #[arg(long, value_name = "WHICH", default_value = "auto",
          value_parser = values::one_of(Carried::ALL, Carried::describe))]
    covariance: Carried,

    /// With --covariance auto, what the network may cost: so many times the multiply-adds of the
    /// network without covariances, such as 2x [default: 1.2x]
    #[arg(long, value_name = "TIMES", value_parser = values::times)]
    budget: Option<f64>,

    /// The posterior: a safetensors file with a tensor of standard deviations (or what its metadata
    /// call `representation`) for each Gaussian initialiser, or constant:STD for deviations of STD
    /// times each weight. `pfp import` takes those of frameworks
    #[arg(long, value_name = "FILE", conflicts_with = "params", help_heading = ONNX)]
    posterior: Option<Plain>,

    /// What the numbers of the posterior are, where the file does not say: std, variance,
    /// log_variance, log_std, softplus or precision
    #[arg(long, value_name = "WHAT", help_heading = ONNX)]
    representation: Option<Representation>,

    /// The weights of the model under the names of the posterior, such as the state dict: what the
    /// exporter renamed, reordered, joined or scaled is found by its numbers
    #[arg(long, value_name = "FILE", help_heading = ONNX)]
    names: Option<PathBuf>,

    /// End the model before its last softmax (or sigmoid)
    #[arg(long, help_heading = ONNX)]
    logits: bool,

    /// The values of the model that are wanted, by their names [default: its outputs]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', help_heading = ONNX)]
    outputs: Vec<String>,
}

impl ReadingArgs {
    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let file = self.posterior.clone().and_then(|posterior| match posterior {
            Plain::File(path) => Some(path),
            Plain::Relative(_) => None,
        });
        file.into_iter().chain(self.names.clone())
    }

    /// Which covariances are carried to predictions.
    pub fn covariance(&self) -> Covariance {
        match self.covariance {
            Carried::Diagonal => Covariance::Diagonal,
            Carried::Auto => self.budget.map_or(Covariance::default(), Covariance::Within),
            Carried::Full => Covariance::Full,
        }
    }

    /// The budget of covariances that was said.
    pub fn most(&self) -> Option<f64> {
        self.budget.filter(|_| self.covariance == Carried::Auto)
    }

    /// The same as `pfp import` takes it.
    pub fn posterior(&self) -> PosteriorArgs {
        PosteriorArgs {
            posterior: self.posterior.clone(),
            representation: self.representation,
            names: self.names.clone(),
            logits: self.logits,
            outputs: self.outputs.clone(),
            ..PosteriorArgs::default()
        }
    }
}

/// Where the posterior comes from, and what the file does not say.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Posterior")]
pub struct PosteriorArgs {
    /// The posterior, as a framework saved it
    #[arg(long, num_args = 2, value_names = ["FRAMEWORK", "FILE"], conflicts_with = "posterior")]
    posterior_from: Option<Vec<String>>,

    /// The posterior: a safetensors file with NAME.mean and NAME.scale of each parameter, or NAME
    /// alone for scales around the values that the network has; its metadata say what the scales
    /// are, as `representation`. Of an ONNX model also constant:STD, for standard deviations of STD
    /// times each weight
    #[arg(long, value_name = "FILE")]
    posterior: Option<Plain>,

    /// What the numbers are, where the file does not say: std, variance, log_variance, log_std,
    /// softplus or precision
    #[arg(long, value_name = "WHAT")]
    representation: Option<Representation>,

    /// The weights of an ONNX model under the names of the posterior, such as the state dict: what
    /// the exporter renamed, reordered, joined or scaled is found by its numbers
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,

    /// End an ONNX model before its last softmax (or sigmoid)
    #[arg(long)]
    logits: bool,

    /// The values of an ONNX model that are wanted, by their names [default: its outputs]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    outputs: Vec<String>,

    /// Take the variances of a posterior with correlations, and drop these
    #[arg(long)]
    marginals: bool,

    /// The parameters of the network in the order of a posterior that is one vector;
    /// NAME:transpose of one that lies in x out, NAME:flax or NAME:keras of the kernel of a transposed
    /// convolution of these
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    order: Vec<Ordered>,

    /// The weights of the network, of a posterior without names: a state dict of torch
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Names of the file that match as a whole go to this parameter; NAME:transpose turns in x out
    /// to out x in, NAME:flax and NAME:keras the kernel of a transposed convolution of these, an empty
    /// name leaves them out. Can be given several times: the first that matches holds
    #[arg(long, value_name = "REGEX=NAME")]
    map: Vec<Map>,

    /// Take the mean of this parameter alone; with the variance 0 where a module declares it Gaussian
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    deterministic: Vec<String>,
}

impl PosteriorArgs {
    /// The framework and its file.
    pub fn source(&self) -> Result<Option<(Framework, PathBuf)>, Error> {
        let (name, path) = match (self.posterior_from.as_deref(), &self.posterior) {
            (Some([framework, path]), _) => (framework.as_str(), PathBuf::from(path)),
            (_, Some(Plain::File(path))) => (OWN, path.clone()),
            _ => return Ok(None),
        };
        name.parse().map(|framework| Some((framework, path))).map_err(Error::request)
    }

    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let from = self.posterior_from.iter().filter_map(|from| from.get(1)).map(PathBuf::from);
        let own = match &self.posterior {
            Some(Plain::File(path)) => Some(path.clone()),
            _ => None,
        };
        from.chain(own).chain(self.weights.clone()).chain(self.names.clone())
    }

    /// Does an ONNX model end before its last softmax?
    pub fn logits(&self) -> bool {
        self.logits
    }

    /// The values of an ONNX model that are wanted.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Is there a posterior?
    pub fn is_given(&self) -> bool {
        self.posterior.is_some() || self.posterior_from.is_some()
    }

    /// Refuses options that say something of a posterior where there is none.
    ///
    /// # Errors
    ///
    /// At the first such option.
    pub fn check_given(&self) -> Result<(), Error> {
        match self.of_files_only() {
            Some(option) if !self.is_given() => {
                Err(Error::request(format!("{option} has no meaning without a posterior")))
            }
            _ => Ok(()),
        }
    }

    /// What the user says of the places.
    pub fn wishes(&self) -> Wishes {
        Wishes { maps: self.map.clone(), deterministic: self.deterministic.clone() }
    }

    /// An option that means something for a posterior in a file only.
    fn of_files_only(&self) -> Option<&'static str> {
        let given = [
            (self.representation.is_some(), "--representation"),
            (self.names.is_some(), "--names"),
            (self.marginals, "--marginals"),
            (!self.order.is_empty(), "--order"),
            (self.weights.is_some(), "--weights"),
            (!self.map.is_empty(), "--map"),
            (!self.deterministic.is_empty(), "--deterministic"),
        ];
        given.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
    }

    /// An option that means something for ONNX models only.
    pub fn of_onnx_only(&self) -> Option<&'static str> {
        let given = [
            (matches!(self.posterior, Some(Plain::Relative(_))), "--posterior constant:STD"),
            (self.names.is_some(), "--names"),
            (self.logits, "--logits"),
            (!self.outputs.is_empty(), "--outputs"),
        ];
        given.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
    }

    /// The entries of the file, with what was left out of it.
    pub fn read(
        &self,
        parameters: &[Parameter],
    ) -> Result<pfp_import::posterior::Posterior, Error> {
        let Some((framework, path)) = self.source()? else { return Ok(Default::default()) };
        let weights = self.weights.as_deref().map(importing::bytes).transpose()?;
        let request = Request {
            representation: self.representation,
            marginals: self.marginals,
            order: self.order.clone(),
            parameters,
            weights: weights.as_deref(),
        };
        importing::posterior(framework, &path, &request)
    }

    /// The posterior of an ONNX model with these parameters. `told` gets what the file has beside it.
    pub fn of_model(
        &self,
        parameters: &[Parameter],
        told: &mut dyn FnMut(pfp_import::posterior::Posterior),
    ) -> Result<onnx::posterior::Posterior, Error> {
        if let Some(Plain::Relative(std)) = self.posterior {
            return match self.of_files_only() {
                None => Ok(onnx::posterior::Posterior::Relative(std)),
                Some(option) => Err(Error::request(format!(
                    "{option} has no meaning with --posterior constant:STD, which has no entries"
                ))),
            };
        }
        self.check_given()?;
        let names = self.names.as_deref().map(importing::weights).transpose()?;
        let names = names.unwrap_or_default();
        // A posterior in one vector is in the order of the user's names.
        let reader = |name: &str| {
            let own = parameters.iter().find(|parameter| parameter.name == name);
            own.map_or(Reader::default(), |parameter| parameter.reader)
        };
        let own: Vec<_> = names
            .iter()
            .map(|weights| Parameter {
                name: weights.name.clone(),
                shape: weights.shape.clone(),
                gaussian: true,
                reader: reader(&weights.name),
            })
            .collect();
        let mut posterior = self.read(if own.is_empty() { parameters } else { &own })?;
        let entries = std::mem::take(&mut posterior.entries);
        told(posterior);
        Ok(onnx::posterior::Posterior::Entries { entries, names, wishes: self.wishes() })
    }
}
