//! A network in a mode of execution, on the items of a data set.

use std::{ops::Range, sync::Arc};

use gauss_lowering::{
    mode::Mode,
    passes::{gauss_pool_first::Order, gauss_track_covariance::Returned},
};
use pfp_compiler::{
    compile::{Function, Network, Options},
    diagnostics::{Covariance, Source},
    error::Error,
    module::Session,
    parameters::Safetensors,
};
use rayon::prelude::*;

use super::{dataset::DataSet, result::Thresholds};
use crate::{
    answers::{Dependence, Draws, Items, classes_of, of_draws, of_logits, of_moments},
    calibrate::rewrite,
    device::{Caller, Device, Executable},
    halves::Halvings,
};

/// A classifier, and the device that it is compiled for.
pub struct Classifier<'s> {
    session: &'s Session,
    source: Arc<Source>,
    parameters: Option<Safetensors>,
    device: &'s dyn Device,
    /// Its function, with a batch of its own or 1.
    pub function: Function,
    /// Is the batch chosen when it is compiled?
    pub has_free_batch: bool,
    /// Classes that it tells apart: one for each logit, or the two that one logit tells apart.
    pub classes: usize,
    /// What a person should know of the parameters, a line each.
    pub remarks: Vec<String>,
    /// SHA-256 of the module and of the parameter file.
    pub sha256: (String, Option<String>),
    /// The reject thresholds that its parameter file carries.
    pub thresholds: Option<Thresholds>,
}

impl<'s> Classifier<'s> {
    /// Opens a network and checks that it is a classifier: from one plain input to Gaussian
    /// logits, one for each class, or one of a binary label.
    ///
    /// # Errors
    ///
    /// Where it is none, or cannot be opened.
    pub fn open(
        session: &'s Session,
        source: &Arc<Source>,
        parameters: Option<Safetensors>,
        function: Option<&str>,
        device: &'s dyn Device,
    ) -> Result<Self, Error> {
        let network = Network::open(session, source, parameters.as_ref(), None)?;
        let function = network.function(function)?.clone();
        let signature = &function.signature;
        let classes = match (&signature.inputs[..], &signature.outputs[..]) {
            ([input], [output]) if !input.gaussian && output.gaussian => match output.shape[..] {
                [batch, logits] if batch == signature.batch() => Some(classes_of(logits)),
                _ => None,
            },
            _ => None,
        };
        let classes = classes.ok_or_else(|| {
            Error::request(format!("@{} is not a classifier", function.name)).with_help(
                "it must read one plain tensor and return one Gaussian tensor of logits: items x \
                 classes, or items x 1 of a binary classifier, whose logit is that of class 1",
            )
        })?;
        let calibration = parameters.as_ref().map(rewrite::read).transpose()?.flatten();
        let thresholds = calibration.map(|calibration| Thresholds {
            epistemic: calibration.thresholds.epistemic,
            aleatoric: calibration.thresholds.aleatoric,
        });
        Ok(Self {
            session,
            thresholds,
            has_free_batch: network.has_free_batch(),
            remarks: network.remarks().to_vec(),
            sha256: network.sha256(),
            device,
            source: Arc::clone(source),
            parameters,
            function,
            classes,
        })
    }

    /// In which order it takes maxima of Gaussians, and activations.
    pub fn order(&self) -> Order {
        self.source.order()
    }

    /// Which covariances it carries.
    pub fn covariance(&self) -> Covariance {
        self.source.covariance()
    }

    /// The core that code is made for.
    pub fn core(&self) -> &str {
        &self.device.target().name
    }

    /// What the system of the device calls its processor.
    pub fn cpu_name(&self) -> String {
        self.device.cpu_name()
    }

    /// Compiles the network for a mode and a batch, and loads it on the device.
    ///
    /// # Errors
    ///
    /// As `Network::compile` and [`Device::load`].
    pub fn compile(&self, mode: Mode, batch: usize) -> Result<Box<dyn Executable>, Error> {
        let batch = i64::try_from(batch).ok();
        let mut network =
            Network::open(self.session, &self.source, self.parameters.as_ref(), batch)?;
        // What a head would be given.
        let name = Some(self.function.name.as_str());
        if mode == Mode::Moments && network.carries_covariance(name)? {
            network.return_covariance(name, Returned::OfNodes)?;
        }
        let function = network.function(name)?;
        let options = Options { mode, ..Options::default() };
        let target = self.device.target();
        self.device.load(&network.compile(function, target, &options, &|_| ())?)
    }
}

/// Runs a model of this mode and batch on every item of a set, batches in parallel. What comes
/// out does not depend on the number of threads.
///
/// # Errors
///
/// Where an item cannot be read, or has no finite logits.
pub fn run(
    model: &dyn Executable,
    mode: Mode,
    batch: usize,
    set: &DataSet,
    draws: Draws,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Items, Error> {
    let starts: Vec<_> = (0..set.len()).step_by(batch).collect();
    let halvings = match mode {
        Mode::Sample(sampling) => Halvings::of(sampling.samples as usize),
        Mode::Moments | Mode::Mean => Halvings::of(0),
    };
    let parts: Vec<Result<Items, Error>> = starts
        .into_par_iter()
        .map_init(
            || Worker::new(model, batch),
            |worker, start| {
                let items = start..(start + batch).min(set.len());
                worker.call(set, items.clone())?;
                let part = worker.assess(mode, set, items.clone(), draws, &halvings)?;
                progress(items.len());
                Ok(part)
            },
        )
        .collect();
    let mut all = Items::default();
    for part in parts {
        all.append(part?);
    }
    Ok(all)
}

/// The memory of a thread.
struct Worker<'a> {
    caller: Box<dyn Caller + 'a>,
    batch: usize,
    outputs: Vec<Vec<f32>>,
}

impl<'a> Worker<'a> {
    fn new(model: &'a dyn Executable, batch: usize) -> Self {
        Self { caller: model.caller(), batch, outputs: Vec::new() }
    }

    /// Computes the outputs of a batch of items, which zeros fill up.
    fn call(&mut self, set: &DataSet, items: Range<usize>) -> Result<(), Error> {
        let mut input = set.prepared(items.clone())?;
        input.resize(input.len() / items.len().max(1) * self.batch, 0.0);
        self.outputs = self.caller.call(&[vec![input]])?.pop().unwrap_or_default();
        Ok(())
    }

    /// What the outputs say of the items.
    fn assess(
        &self,
        mode: Mode,
        set: &DataSet,
        items: Range<usize>,
        draws: Draws,
        halvings: &Halvings,
    ) -> Result<Items, Error> {
        let output = |index: usize| self.outputs.get(index).map_or(&[][..], Vec::as_slice);
        let width = output(0).len() / self.batch.max(1);
        let kept = items.len() * width;
        let of_items = |index: usize| output(index).get(..kept).unwrap_or_default();
        let (mean, variance) = (of_items(0), of_items(1));
        let number = |all: &[f32]| all.iter().position(|x| !x.is_finite());
        if let Some(element) = number(mean).or(number(variance)) {
            return Err(Error::request(format!(
                "in mode {mode} the logits of item {} of {} are not finite",
                items.start + element / width,
                set.set.name
            ))
            .with_help("check the parameters and the numbers of the item; see --scale"));
        }
        Ok(match mode {
            Mode::Moments => {
                let seed = draws.seed.wrapping_add(items.start as u64);
                let given = |index: usize| self.outputs.get(index);
                // A mixture gives mean, variance and covariances at its nodes, another its covariances.
                let beside = match (given(4), given(2)) {
                    (Some(matrices), nodes) => Dependence { covariance: Some(matrices), nodes },
                    (None, matrices) => Dependence { covariance: matrices, nodes: None },
                };
                let beside = beside.of(0..items.len(), self.batch);
                of_moments(mean, variance, &beside, width, Draws { seed, ..draws })
            }
            Mode::Mean => of_logits(mean, width),
            Mode::Sample(_) => {
                let passes = output(2).chunks_exact((self.batch * width).max(1));
                of_draws(mean, variance, passes, width, halvings)
            }
        })
    }
}
