//! Posteriors as frameworks save them, read without running any of their code.
//!
//! A file becomes plain values (`document`), a framework's names and numbers become entries with
//! mean and variance (`frameworks`), and entries find the parameters of a module (`place`).

mod document;
mod frameworks;
mod globals;
pub mod layout;
mod numpy;
mod objects;
mod pickle;
pub mod place;
pub mod representation;
mod tensor;
mod torch;

use std::rc::Rc;

use document::Document;
use frameworks::Wish;
use layout::{Layout, Turn};
use place::Parameter;
use representation::Representation;
use tensor::{Budget, Tensor};

/// What a reader gives, or what is wrong, in a clause of its own.
type Read<T> = Result<T, String>;

/// A framework that saves posteriors.
#[derive(Clone, Copy)]
pub struct Framework(&'static dyn frameworks::Framework);

/// What a user says beside the file.
#[derive(Default)]
pub struct Request<'a> {
    /// What the stored numbers are, where the file does not say.
    pub representation: Option<Representation>,
    /// Is the marginal variance taken of a posterior with correlations?
    pub marginals: bool,
    /// The parts of a flat vector, in order.
    pub order: Vec<Ordered>,
    /// The parameters of the module.
    pub parameters: &'a [Parameter],
    /// The weights of the network, where the posterior names none.
    pub weights: Option<&'a [u8]>,
}

/// A part of a flat vector, as a user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// What it is called.
    pub name: String,
    /// How it lies in the vector.
    pub turn: Turn,
}

/// What a file says of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What the framework calls the parameter.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Do the sizes say more than how many numbers there are?
    pub is_flat: bool,
    /// Whose order the dimensions have.
    pub layout: Layout,
    /// The means; `None` where the file has none.
    pub mean: Option<Vec<f32>>,
    /// The variances; `None` where the parameter is deterministic.
    pub variance: Option<Vec<f32>>,
    /// What the file calls the tensors that it comes from.
    pub keys: Vec<String>,
}

/// A parameter of a network, as its user names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: Vec<f32>,
}

/// The weights of a network: a state dict of torch, or a safetensors or npz file.
///
/// # Errors
///
/// Where the file is damaged, or holds none.
pub fn weights(bytes: &[u8]) -> Result<Vec<Weights>, String> {
    let document = Document::read(bytes)?;
    let tensors = document.tensors(document.state_dict()?, &mut |_, _| {})?;
    let weights = tensors.into_iter().map(|(name, tensor)| {
        let values = tensor.values(&document.budget)?.into_iter().map(|value| value as f32);
        Ok(Weights { name, shape: tensor.shape.clone(), values: values.collect() })
    });
    weights.collect()
}

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
pub struct Posterior {
    /// In the order of the file.
    pub entries: Vec<Entry>,
    /// Tensors that are part of no parameter, and why.
    pub left_out: Vec<(String, String)>,
    /// What a user should know.
    pub notes: Vec<String>,
}

impl Framework {
    /// All that are known, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        frameworks::ALL.iter().copied().map(Self)
    }

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Reads a file of it.
    ///
    /// # Errors
    ///
    /// Where the file is damaged, or does not say what mean and variance are.
    pub fn read(self, bytes: &[u8], request: &Request) -> Result<Posterior, String> {
        let given = [
            (Wish::Representation, "--representation", request.representation.is_some()),
            (Wish::Marginals, "--marginals", request.marginals),
            (Wish::Order, "--order", !request.order.is_empty()),
            (Wish::Weights, "--weights", request.weights.is_some()),
        ];
        if let Some((_, option, _)) =
            given.iter().find(|(wish, _, is_given)| *is_given && !self.0.takes().contains(wish))
        {
            return Err(format!("{option} has no meaning for files of {}", self.name()));
        }
        let document = Document::read(bytes)?;
        let weights = request.weights.map(Document::read).transpose();
        let weights = weights.map_err(|error| format!("the file of the weights: {error}"))?;
        let mut reading = Reading {
            document: &document,
            request,
            weights: weights.as_ref(),
            posterior: Posterior::default(),
        };
        self.0.read(&mut reading)?;
        let Posterior { entries, notes, .. } = &mut reading.posterior;
        let is_tiny = |value: &&f32| value.is_subnormal();
        let variances = entries.iter().filter_map(|entry| entry.variance.as_ref());
        match variances.flatten().filter(is_tiny).count() {
            0 => {}
            tiny => notes.push(format!(
                "{tiny} variance(s) below 1.2e-38 are denormal in float32, which x86-64 takes as 0"
            )),
        }
        match entries.iter().any(|entry| entry.variance.is_some()) {
            true => Ok(reading.posterior),
            false => Err(format!("it holds no Gaussian parameter as {} saves them", self.name())),
        }
    }
}

impl std::str::FromStr for Ordered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, turn) = Turn::split(text);
        Ok(Self { name: name.to_owned(), turn })
    }
}

impl std::fmt::Debug for Framework {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Framework {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|framework| framework.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(Self::name).collect();
            format!("'{}' is no framework; there are {}", text.escape_debug(), names.join(", "))
        })
    }
}

/// A file that is read, and what is known of it so far.
struct Reading<'a> {
    document: &'a Document,
    request: &'a Request<'a>,
    weights: Option<&'a Document>,
    posterior: Posterior,
}

/// A tensor and the key of its file.
type Keyed<'a> = (&'a str, &'a Rc<Tensor>);

impl<'a> Reading<'a> {
    fn note(&mut self, note: impl Into<String>) {
        self.posterior.notes.push(note.into());
    }

    fn leave_out(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.posterior.left_out.push((key.into(), why.into()));
    }

    /// The tensors of a dictionary; the rest of it is left out.
    fn tensors(&mut self, of: objects::Id) -> Read<document::Named> {
        let Self { document, posterior, .. } = self;
        let mut leave_out = |key: &str, why: &str| {
            posterior.left_out.push((key.to_owned(), why.to_owned()));
        };
        document.tensors(of, &mut leave_out)
    }

    /// The representation, of a file that does not state any.
    fn stated_representation(&self, what: &str) -> Read<Representation> {
        self.request.representation.ok_or_else(|| {
            format!(
                "{what} does not say what its numbers are: say it with --representation, such as \
                 --representation std"
            )
        })
    }

    /// Adds a Gaussian parameter.
    fn gaussian(
        &mut self,
        name: String,
        (mean_key, mean): Keyed,
        (key, scale): Keyed,
        representation: Representation,
    ) -> Read<()> {
        if mean.shape != scale.shape {
            return Err(format!(
                "'{mean_key}' has the shape {:?}, but '{key}' has {:?}",
                mean.shape, scale.shape
            ));
        }
        let budget = &self.document.budget;
        let variance = variances(key, &scale.values(budget)?, representation)?;
        let mean = means(mean_key, &mean.values(budget)?)?;
        self.posterior.entries.push(Entry {
            name,
            shape: scale.shape.clone(),
            is_flat: false,
            layout: Layout::Torch,
            mean: Some(mean),
            variance: Some(variance),
            keys: vec![mean_key.to_owned(), key.to_owned()],
        });
        Ok(())
    }

    /// Adds a deterministic parameter.
    fn deterministic(&mut self, name: String, (key, tensor): Keyed, budget: &Budget) -> Read<()> {
        let mean = means(key, &tensor.values(budget)?)?;
        self.posterior.entries.push(Entry {
            name,
            shape: tensor.shape.clone(),
            is_flat: false,
            layout: Layout::Torch,
            mean: Some(mean),
            variance: None,
            keys: vec![key.to_owned()],
        });
        Ok(())
    }
}

/// Means as `f32`.
fn means(key: &str, values: &[f64]) -> Read<Vec<f32>> {
    let rounded = |(index, &value): (usize, &f64)| {
        let rounded = value as f32;
        match rounded.is_finite() {
            true => Ok(rounded),
            false => Err(format!("'{key}' has {value:e} at element {index}, which is no mean")),
        }
    };
    values.iter().enumerate().map(rounded).collect()
}

/// The variances that numbers stand for, rounded once.
fn variances(key: &str, values: &[f64], representation: Representation) -> Read<Vec<f32>> {
    let rounded = |value: f64| representation.variance(value).map(|variance| variance as f32);
    let rounded = |value: f64| rounded(value).filter(|variance| variance.is_finite());
    let found: Option<Vec<_>> = values.iter().map(|&value| rounded(value)).collect();
    found.ok_or_else(|| {
        let is_wrong = |value: &f64| rounded(*value).is_none();
        let wrong = values.iter().filter(|value| is_wrong(value)).count();
        let first = values.iter().position(is_wrong).unwrap_or(0);
        let value = values.get(first).copied().unwrap_or(f64::NAN);
        format!(
            "'{key}' has {wrong} of {} numbers that stand for no variance as {representation}, the \
             first {value:e} at element {first}",
            values.len()
        )
    })
}
