//! A network in a mode of execution, on the items of a data set.

use std::{ops::Range, path::Path, sync::Arc};

use gauss_lowering::{mode::Mode, target::Target};
use pfp_runtime::predictive::{self, Binary, Uncertainty};
use rayon::prelude::*;

use super::{
    DataSet,
    agreement::{Halves, Halvings},
    result::{Items, Thresholds},
};
use crate::{
    calibrate::rewrite,
    compile::{Function, Network, Options},
    diagnostics::Source,
    error::Error,
    jit::{Arena, CompiledModel},
    module::Session,
    parameters::Safetensors,
    target::{self, HOST},
};

/// A classifier, and what compiles it for this machine.
pub struct Classifier<'s> {
    session: &'s Session,
    source: Arc<Source>,
    parameters: Option<Safetensors>,
    target: Target,
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

/// How class probabilities are computed from Gaussian logits.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    /// Draws of the logits of each item.
    pub count: u32,
    /// The seed of the first item; the next ones follow.
    pub seed: u64,
}

impl<'s> Classifier<'s> {
    /// Opens a network and checks that it is a classifier: from one plain input to Gaussian
    /// logits, one for each class, or one of a binary label.
    pub fn open(
        session: &'s Session,
        module: &Path,
        parameters: Option<&Path>,
        function: Option<&str>,
    ) -> Result<Self, Error> {
        let source = Source::open(module)?;
        let parameters = parameters.map(Safetensors::open).transpose()?;
        let network = Network::open(session, &source, parameters.as_ref(), None)?;
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
            target: target::find(HOST, None)?,
            source,
            parameters,
            function,
            classes,
        })
    }

    /// The core that code is made for.
    pub fn core(&self) -> &str {
        &self.target.name
    }

    /// Compiles the network for a mode and a batch.
    pub fn compile(&self, mode: Mode, batch: usize) -> Result<CompiledModel, Error> {
        let batch = i64::try_from(batch).ok();
        let network = Network::open(self.session, &self.source, self.parameters.as_ref(), batch)?;
        let function = network.function(Some(&self.function.name))?;
        let options = Options { mode, ..Options::default() };
        CompiledModel::new(&network.compile(function, &self.target, &options, &|_| ())?)
    }
}

/// How many classes so many logits tell apart. One logit is that of the label 1 against 0.
pub fn classes_of(logits: usize) -> usize {
    logits.max(2)
}

/// Runs a model of this mode and batch on every item of a set, batches in parallel. What comes
/// out does not depend on the number of threads.
pub fn run(
    model: &CompiledModel,
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
    model: &'a CompiledModel,
    batch: usize,
    outputs: Vec<Vec<f32>>,
    arena: Arena,
}

impl<'a> Worker<'a> {
    fn new(model: &'a CompiledModel, batch: usize) -> Self {
        let buffers = model.signature().output_buffers();
        let outputs = buffers.iter().map(|buffer| vec![0.0; buffer.tensor.elements()]).collect();
        Self { model, batch, outputs, arena: model.arena() }
    }

    /// Computes the outputs of a batch of items, which zeros fill up.
    fn call(&mut self, set: &DataSet, items: Range<usize>) -> Result<(), Error> {
        let mut input = set.prepared(items.clone())?;
        input.resize(input.len() / items.len().max(1) * self.batch, 0.0);
        let mut outputs: Vec<_> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.model.run_into(&[&input], &mut outputs, &mut self.arena)
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
                of_moments(mean, variance, width, Draws { seed, ..draws })
            }
            Mode::Mean => of_logits(mean, width),
            Mode::Sample(_) => {
                let passes = output(2).chunks_exact((self.batch * width).max(1));
                of_draws(mean, variance, passes, width, halvings)
            }
        })
    }
}

/// What Gaussian logits say of items, by draws of the logits; of one logit without draws.
pub fn of_moments(mean: &[f32], variance: &[f32], width: usize, draws: Draws) -> Items {
    let rows = mean.chunks_exact(width).zip(variance.chunks_exact(width));
    let rows = (0..).zip(rows).map(|(item, (mean, variance))| {
        let seed = draws.seed.wrapping_add(item);
        match (mean, variance) {
            (&[mean], &[variance]) => of_label(|sign| predictive::binary(sign * mean, variance)),
            _ => decomposed(width, |p, scratch| {
                predictive::decompose_into(mean, variance, draws.count, seed, p, scratch)
            }),
        }
    });
    collect(mean, variance, width, rows)
}

/// What exact logits say of items.
fn of_logits(logits: &[f32], width: usize) -> Items {
    let rows = logits.chunks_exact(width).map(|row| of_passes(row, width));
    collect(logits, &[], width, rows)
}

/// What the logits of many passes say of items, beside the moments of these. A pass may have logits
/// of more items.
fn of_draws<'a>(
    mean: &[f32],
    variance: &[f32],
    passes: impl Iterator<Item = &'a [f32]> + Clone,
    width: usize,
    halvings: &Halvings,
) -> Items {
    let items = mean.len() / width;
    let mut halves = Halves::default();
    let rows = (0..items).map(|item| {
        let row = item * width..(item + 1) * width;
        let logits = passes.clone().flat_map(|pass| pass.get(row.clone()).unwrap_or_default());
        let logits: Vec<_> = logits.copied().collect();
        halves += halvings.compare(&logits, width);
        of_passes(&logits, width)
    });
    let items = collect(mean, variance, width, rows);
    Items { halves, ..items }
}

/// Probabilities and uncertainty of an item by the logits of passes, one after the other.
fn of_passes(logits: &[f32], width: usize) -> (Vec<f32>, Uncertainty) {
    match width {
        1 => of_label(|sign| {
            let logits: Vec<_> = logits.iter().map(|logit| sign * logit).collect();
            predictive::binary_draws(&logits)
        }),
        _ => decomposed(width, |p, scratch| predictive::decompose_draws_into(logits, p, scratch)),
    }
}

/// A binary label as one of two classes, by what is predicted of the logit times 1 and -1: a small
/// probability of 0 has digits that are lost in that of 1.
fn of_label(predict: impl Fn(f32) -> Binary) -> (Vec<f32>, Uncertainty) {
    let (zero, one) = (predict(-1.0), predict(1.0));
    (vec![zero.probability, one.probability], one.uncertainty)
}

/// Probabilities and uncertainty of an item.
fn decomposed(
    classes: usize,
    decompose: impl Fn(&mut [f32], &mut [f32]) -> Result<Uncertainty, pfp_runtime::Error>,
) -> (Vec<f32>, Uncertainty) {
    let (mut probabilities, mut scratch) = (vec![0.0; classes], vec![0.0; classes]);
    // The slices have the same length, which is all that could be wrong.
    let uncertainty = decompose(&mut probabilities, &mut scratch).unwrap_or_default();
    (probabilities, uncertainty)
}

/// The columns of items. Their class is the one of the largest mean logit, or by the sign of the
/// only one: that needs no draws.
fn collect(
    mean: &[f32],
    variance: &[f32],
    width: usize,
    rows: impl Iterator<Item = (Vec<f32>, Uncertainty)>,
) -> Items {
    let class = mean.chunks_exact(width).map(|row| match row {
        &[logit] => usize::from(logit >= 0.0),
        _ => predictive::argmax(row).unwrap_or(0),
    });
    let (class, mean, variance) = (class.collect(), mean.to_vec(), variance.to_vec());
    let mut items = Items { class, mean, variance, ..Items::default() };
    for (probabilities, uncertainty) in rows {
        items.probabilities.extend(probabilities);
        items.total.push(uncertainty.total);
        items.aleatoric.push(uncertainty.aleatoric);
        items.epistemic.push(uncertainty.epistemic);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_gathered_item_by_item() {
        // Two passes over three items, the last of which is not wanted.
        let sure = [9.0, -9.0];
        let passes = [[sure, sure, [0.0; 2]], [sure, [-9.0, 9.0], [0.0; 2]]].map(|p| p.concat());
        let mean = [9.0, -9.0, 0.0, 0.5];
        let items =
            of_draws(&mean, &[0.0; 4], passes.iter().map(Vec::as_slice), 2, &Halvings::of(2));
        assert_eq!(items.class, [0, 1]);
        assert!(items.probabilities[0] > 0.999 && items.epistemic[0] < 1e-6);
        assert_eq!(items.probabilities[2..], [0.5, 0.5]);
        assert!(items.epistemic[1] > 0.69 && items.aleatoric[1] < 1e-5);
    }

    #[test]
    fn exact_logits_know_everything() {
        let items = of_logits(&[1.0, 0.0, 0.0, 3.0], 2);
        assert_eq!(items.class, [0, 1]);
        assert_eq!(items.epistemic, [0.0, 0.0]);
        assert_eq!(items.total, items.aleatoric);
    }

    #[test]
    fn items_have_draws_of_their_own_that_do_not_depend_on_the_batch() {
        let (mean, variance) = ([0.5, 0.0, 0.5, 0.0], [1.0; 4]);
        let both = of_moments(&mean, &variance, 2, Draws { count: 50, seed: 3 });
        let second = of_moments(&mean[2..], &variance[2..], 2, Draws { count: 50, seed: 4 });
        assert_eq!(both.probabilities[2..], second.probabilities);
        assert_ne!(both.probabilities[2..], both.probabilities[..2]);
    }
}
