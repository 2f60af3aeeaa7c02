//! Forward passes with drawn weights.

use std::{ops::Range, sync::Arc};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::{Action, Error, Place, Program, Semantics, Tensor, kernels, owned};
use crate::{layer::Layer, ops::noise::Noise};

/// Up to so many numbers in the inputs, draws are evaluated in parallel.
const PARALLEL_INPUT: usize = 1 << 16;

/// What Monte Carlo says of a tensor.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// Mean and unbiased variance.
    pub moments: Tensor,
    /// What each draw but the first adds to the sum of squared differences from the mean, for each
    /// index of the first dimension the sum over all others. Every one has the expectation of the
    /// sum of the variances, and their spread is its sampling noise: that of heavy tails and of
    /// elements that vary together too.
    pub squares: Vec<Vec<f64>>,
}

/// What Monte Carlo says of a function and its layers.
#[derive(Debug, Clone)]
pub struct SampledTrace {
    /// The results of all layers, in the order of [`Program::trace`].
    pub layers: Vec<Sampled>,
    /// The outputs.
    pub outputs: Vec<Sampled>,
}

/// Is told of the outputs of every forward pass, in order.
pub type OnPass<'a> = &'a mut dyn FnMut(&[Tensor]);

impl Program {
    /// Mean and unbiased variance of the outputs over `samples` forward passes.
    ///
    /// Every pass draws each Gaussian input, parameter and constant once, so
    /// that the whole batch sees the same weights, and each `gauss.make` and the
    /// noise of each layer where it is executed. A `gauss.parameter` that is named twice is one draw.
    /// The result depends on the seed alone, not on the number of threads.
    ///
    /// A `gauss.mean` that the function returns stands for the number drawn,
    /// whose average is the mean.
    ///
    /// # Errors
    ///
    /// As [`Program::run`], and where `samples` is below 2 or the function
    /// computes with a mean or a variance, which one pass cannot know.
    pub fn sample(&self, inputs: &[Tensor], samples: u64, seed: u64) -> Result<Vec<Tensor>, Error> {
        let estimates = self.estimate(inputs, samples, seed, Kept::Outputs, &mut |_| ())?;
        Ok(estimates.into_iter().map(|estimate| estimate.moments).collect())
    }

    /// Mean and unbiased variance of the outputs and of the results of all layers over `samples` forward
    /// passes. What the moments of that layer approximate.
    ///
    /// # Errors
    ///
    /// As [`Program::sample`].
    pub fn sample_trace(
        &self,
        inputs: &[Tensor],
        samples: u64,
        seed: u64,
        on_pass: OnPass,
    ) -> Result<SampledTrace, Error> {
        let count = self.outputs().len();
        let mut layers = self.estimate(inputs, samples, seed, Kept::Layers, &mut |tensors| {
            on_pass(&tensors[tensors.len() - count..]);
        })?;
        let outputs = layers.split_off(layers.len() - count);
        Ok(SampledTrace { layers, outputs })
    }

    fn estimate(
        &self,
        inputs: &[Tensor],
        samples: u64,
        seed: u64,
        kept: Kept,
        on_pass: OnPass,
    ) -> Result<Vec<Sampled>, Error> {
        if samples < 2 {
            return Err(Error::Samples(samples));
        }
        let inputs = self.drawable(inputs)?;
        // Enough draws at a time to keep the threads busy; more would only take memory.
        let at_once = 4 * rayon::current_num_threads();
        let mut estimates = Vec::new();
        for start in (0..samples).step_by(at_once) {
            let range = start..samples.min(start.saturating_add(at_once as u64));
            let draws = self.draw_all(&inputs, range.clone(), seed, kept)?;
            for (draw, count) in draws.iter().zip(range) {
                on_pass(draw);
                estimates.resize_with(draw.len(), Estimate::default);
                for (estimate, output) in estimates.iter_mut().zip(draw) {
                    estimate.add(output, count + 1);
                }
            }
        }
        Ok(estimates.into_iter().map(|estimate| estimate.finish(samples)).collect())
    }

    /// The outputs of single forward passes, one entry for each sample number in
    /// `samples`. A number and a seed give the same weights in every call, so a
    /// large batch can be passed in parts.
    ///
    /// # Errors
    ///
    /// As [`Program::sample`], but any number of samples will do.
    pub fn draws(
        &self,
        inputs: &[Tensor],
        samples: Range<u64>,
        seed: u64,
    ) -> Result<Vec<Vec<Tensor>>, Error> {
        self.draw_all(&self.drawable(inputs)?, samples, seed, Kept::Outputs)
    }

    fn draw_all(
        &self,
        inputs: &[Arc<Tensor>],
        samples: Range<u64>,
        seed: u64,
        kept: Kept,
    ) -> Result<Vec<Vec<Tensor>>, Error> {
        // A layer of a large batch keeps the threads busy on its own; more than one
        // draw at a time would only take memory.
        let numbers: usize = inputs.iter().map(|input| input.mean.len()).sum();
        match numbers > PARALLEL_INPUT {
            true => samples.map(|number| self.draw(inputs, number, seed, kept)).collect(),
            false => {
                let draw = |number| self.draw(inputs, number, seed, kept);
                samples.into_par_iter().map(draw).collect()
            }
        }
    }

    /// One forward pass.
    fn draw(
        &self,
        inputs: &[Arc<Tensor>],
        number: u64,
        seed: u64,
        kept: Kept,
    ) -> Result<Vec<Tensor>, Error> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let mut draw_each = |tensors: &[Arc<Tensor>]| -> Vec<_> {
            tensors.iter().map(|tensor| drawn(tensor, &mut rng)).collect()
        };
        // First, so that the weights are the same for any input.
        let constants = draw_each(&self.constants);
        let inputs = draw_each(inputs);
        let mut sampler = Sampler { rng, kept, layers: Vec::new() };
        let outputs = self.evaluate(inputs, &constants, &mut sampler)?;
        sampler.layers.extend(outputs);
        Ok(owned(sampler.layers))
    }

    /// The inputs, where they fit and the program has a meaning in one forward pass.
    fn drawable(&self, inputs: &[Tensor]) -> Result<Vec<Arc<Tensor>>, Error> {
        for (number, function) in self.functions.iter().enumerate() {
            let is_entry = number + 1 == self.functions.len();
            for step in &function.steps {
                if step.is_aside {
                    continue;
                }
                let mut others = function.steps.iter().filter(|step| !step.is_aside);
                let mut used = |slot| others.any(|step| step.operands.contains(&slot));
                let message = match &step.action {
                    Action::Layer(
                        Layer::Variance
                        | Layer::Covariance { .. }
                        | Layer::Nodes
                        | Layer::Mix
                        | Layer::SquareDeviation { .. }
                        | Layer::Gain(_),
                    ) => "has no meaning in one forward pass",
                    Action::Layer(Layer::Mean) if !is_entry || used(step.result) => {
                        "has no meaning within one forward pass, only as a result of the function"
                    }
                    _ => continue,
                };
                return Err(step.place.error(message));
            }
        }
        self.share(inputs)
    }
}

/// What is kept of a forward pass.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// What the function returns.
    Outputs,
    /// The results of all layers, and what the function returns.
    Layers,
}

/// Layers on numbers that were drawn.
struct Sampler {
    rng: ChaCha8Rng,
    kept: Kept,
    layers: Vec<Arc<Tensor>>,
}

impl Semantics<f64> for Sampler {
    fn apply(&mut self, layer: &Layer, operands: &[&Tensor]) -> Result<Tensor, String> {
        match layer {
            Layer::Correlated | Layer::Marginals => Ok(operands[0].clone()),
            Layer::ScaleMixture(_) => {
                let [input, _, parameters @ ..] = operands else {
                    return Err("takes an input, what it is computed of, and a weight".into());
                };
                kernels::apply(&Layer::Dense, &[&[*input], parameters].concat())
            }
            Layer::Pool(_) => kernels::apply(layer, &operands[..1]),
            Layer::Make => Ok(draw(&kernels::apply(layer, operands)?, &mut self.rng)),
            Layer::Noise(noise) => {
                // Checks the operand.
                kernels::apply(layer, operands)?;
                Ok(disturb(*noise, operands[0], &mut self.rng))
            }
            _ => kernels::apply(layer, operands),
        }
    }

    fn has_covariances(&self) -> bool {
        false
    }

    fn observe(&mut self, _place: &Place, result: &Arc<Tensor>) {
        if self.kept == Kept::Layers {
            self.layers.push(result.clone());
        }
    }
}

/// A deterministic tensor is its own draw.
fn drawn(tensor: &Arc<Tensor>, rng: &mut ChaCha8Rng) -> Arc<Tensor> {
    match tensor.variance {
        Some(_) => Arc::new(draw(tensor, rng)),
        None => tensor.clone(),
    }
}

/// One number for each element, from its Gaussian.
fn draw(tensor: &Tensor, rng: &mut ChaCha8Rng) -> Tensor {
    let variances = tensor.variance.as_deref().unwrap_or_default();
    let numbers = tensor.mean.iter().zip(variances).map(|(mean, variance)| {
        let standard: f64 = rng.sample(StandardNormal);
        mean + variance.sqrt() * standard
    });
    Tensor::deterministic(&tensor.shape, numbers.collect())
}

/// Each number with noise of its own.
fn disturb(noise: Noise, tensor: &Tensor, rng: &mut ChaCha8Rng) -> Tensor {
    let mut disturbed = |x: f64| match noise {
        Noise::Dropout { rate } => {
            let is_kept = rng.random::<f64>() >= rate;
            x * if is_kept { 1.0 / (1.0 - rate) } else { 0.0 }
        }
        Noise::Additive { variance } => {
            let standard: f64 = rng.sample(StandardNormal);
            x + variance.sqrt() * standard
        }
    };
    let numbers = tensor.mean.iter().map(|&x| disturbed(x)).collect();
    Tensor::deterministic(&tensor.shape, numbers)
}

/// Mean and variance of a sequence of tensors. Welford 1962.
#[derive(Default)]
struct Estimate {
    shape: Vec<usize>,
    mean: Vec<f64>,
    /// The sum of squared differences from the mean.
    squares: Vec<f64>,
    /// What each tensor but the first has added to them.
    added: Vec<Vec<f64>>,
}

impl Estimate {
    /// Adds the tensor that makes it `count`.
    fn add(&mut self, tensor: &Tensor, count: u64) {
        self.shape.clone_from(&tensor.shape);
        self.mean.resize(tensor.mean.len(), 0.0);
        self.squares.resize(tensor.mean.len(), 0.0);
        let rows = tensor.shape.first().map_or(1, |&rows| rows.max(1));
        let length = (tensor.mean.len() / rows).max(1);
        let sums = self.mean.chunks_mut(length).zip(self.squares.chunks_mut(length));
        let rows = sums.zip(tensor.mean.chunks(length)).map(|((means, squares), values)| {
            let mut added = 0.0;
            for ((mean, squares), value) in means.iter_mut().zip(squares).zip(values) {
                let difference = value - *mean;
                *mean += difference / count as f64;
                let square = difference * (value - *mean);
                *squares += square;
                added += square;
            }
            added
        });
        let added = rows.collect();
        if count > 1 {
            self.added.push(added);
        }
    }

    fn finish(self, count: u64) -> Sampled {
        let variances = self.squares.into_iter().map(|squares| squares / (count - 1) as f64);
        let variance = Some(variances.collect());
        let moments = Tensor::new(self.shape, self.mean, variance);
        Sampled { moments, squares: self.added }
    }
}
