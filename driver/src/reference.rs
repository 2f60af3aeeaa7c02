//! The float64 reference and Monte Carlo, and how far results are from them.

use gauss_dialect::{
    interpreter::{self, Program},
    shape::TensorType,
};
use serde::Serialize;

use crate::{
    batches::Items,
    compile::{Function, Network},
    data::Output,
    error::Error,
    signature::{Buffer, Signature},
};

/// Below this share of an array's largest variance (or, without variances,
/// value) an error counts as relative to that share: what is negligible next to
/// its neighbours need not have all digits.
const NEGLIGIBLE: f64 = 1e-6;

/// One output tensor for all items, in double precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The name of the output.
    pub name: String,
    /// The means.
    pub mean: Vec<f64>,
    /// The variances; `None` for a deterministic output.
    pub variance: Option<Vec<f64>>,
}

/// The result of a layer for all items.
#[derive(Debug, Clone)]
pub struct LayerMoments {
    /// What its parameters are named after, or its op.
    pub layer: String,
    /// The op without its dialect.
    pub op: String,
    /// By the algebra of moments.
    pub algebra: Elements,
    /// Over forward passes with drawn weights.
    pub monte_carlo: Elements,
}

/// Means and variances of elements.
#[derive(Debug, Clone, Default)]
pub struct Elements {
    /// The means.
    pub mean: Vec<f64>,
    /// The variances.
    pub variance: Vec<f64>,
}

impl LayerMoments {
    fn new(layer: String, op: String) -> Self {
        let op = op.trim_start_matches("gauss.").to_owned();
        Self { layer, op, algebra: Elements::default(), monte_carlo: Elements::default() }
    }
}

impl Elements {
    /// Adds the first `used` of `batch` items.
    fn append(&mut self, tensor: interpreter::Tensor, batch: usize, used: usize) {
        let kept = tensor.mean.len() / batch * used;
        self.mean.extend_from_slice(&tensor.mean[..kept]);
        self.variance.extend_from_slice(&tensor.variance.unwrap_or_default()[..kept]);
    }
}

/// How far one output is from the reference, element by element.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The name of the output.
    pub name: String,
    /// Errors of the means, relative to max(|mean|, σ); of a deterministic
    /// output relative to its value.
    pub mean: Errors,
    /// Relative errors of the variances.
    pub variance: Option<Errors>,
}

/// Errors of the elements of an array.
#[derive(Debug, Clone, Serialize)]
pub struct Errors {
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub average: f64,
    /// The element with the largest.
    pub worst: usize,
    /// All of them.
    pub elements: Vec<f64>,
}

/// The interpreter of one function.
pub struct Reference<'a> {
    program: Program,
    signature: &'a Signature,
}

impl<'a> Reference<'a> {
    /// Decodes a function of a network.
    pub fn new(network: &Network, function: &'a Function) -> Result<Self, Error> {
        let loaded = |name: &str, _: &TensorType| Err(format!("has no value for '{name}'"));
        let program = Program::of(network.op(), &function.name, &loaded).map_err(failed)?;
        Ok(Self { program, signature: &function.signature })
    }

    /// Means and variances in double precision.
    pub fn run(&self, items: &Items, progress: &dyn Fn(usize)) -> Result<Vec<Moments>, Error> {
        self.in_batches(items, progress, |inputs| self.program.run(inputs))
    }

    /// Means and variances over forward passes with drawn weights.
    pub fn sample(
        &self,
        items: &Items,
        samples: u64,
        seed: u64,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<Moments>, Error> {
        self.in_batches(items, progress, |inputs| self.program.sample(inputs, samples, seed))
    }

    /// Means and variances of the result of every layer, by the algebra and by Monte Carlo, layers
    /// without variance left out.
    pub fn layers(
        &self,
        items: &Items,
        samples: u64,
        seed: u64,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<LayerMoments>, Error> {
        let batch = self.signature.batch();
        let mut all: Vec<LayerMoments> = Vec::new();
        for start in (0..items.count()).step_by(batch) {
            let inputs = tensors(self.signature, items.chunk(start, batch));
            let used = (items.count() - start).min(batch);
            let traced = self.program.trace(&inputs).map_err(failed)?;
            let sampled = self.program.sample_trace(&inputs, samples, seed).map_err(failed)?;
            let layers = traced.into_iter().zip(sampled);
            let gaussian = layers.filter(|(traced, _)| traced.output.variance.is_some());
            for (number, (traced, sampled)) in gaussian.enumerate() {
                if number == all.len() {
                    all.push(LayerMoments::new(traced.layer, traced.op));
                }
                all[number].algebra.append(traced.output, batch, used);
                all[number].monte_carlo.append(sampled, batch, used);
            }
            progress(start + used);
        }
        Ok(all)
    }

    fn in_batches(
        &self,
        items: &Items,
        progress: &dyn Fn(usize),
        evaluate: impl Fn(
            &[interpreter::Tensor],
        ) -> Result<Vec<interpreter::Tensor>, interpreter::Error>,
    ) -> Result<Vec<Moments>, Error> {
        let batch = self.signature.batch();
        let mut all: Vec<_> = self
            .signature
            .outputs
            .iter()
            .map(|output| Moments {
                name: output.name.clone(),
                mean: Vec::new(),
                variance: output.gaussian.then(Vec::new),
            })
            .collect();
        for start in (0..items.count()).step_by(batch) {
            let inputs = tensors(self.signature, items.chunk(start, batch));
            let used = (items.count() - start).min(batch);
            for (moments, output) in all.iter_mut().zip(evaluate(&inputs).map_err(failed)?) {
                let kept = output.mean.len() / batch * used;
                moments.mean.extend_from_slice(&output.mean[..kept]);
                if let (Some(all), Some(part)) = (&mut moments.variance, &output.variance) {
                    all.extend_from_slice(&part[..kept]);
                }
            }
            progress(start + used);
        }
        Ok(all)
    }
}

fn failed(error: interpreter::Error) -> Error {
    Error::request(error.to_string())
}

/// The buffers of a call as the interpreter takes them.
fn tensors(signature: &Signature, buffers: Vec<Vec<f32>>) -> Vec<interpreter::Tensor> {
    let mut buffers = buffers.into_iter().map(|b| b.into_iter().map(f64::from).collect());
    let mut next = || -> Vec<f64> { buffers.next().unwrap_or_default() };
    signature
        .inputs
        .iter()
        .map(|input| {
            let mean = next();
            let variance = input.gaussian.then(&mut next);
            interpreter::Tensor { shape: input.shape.clone(), mean, variance }
        })
        .collect()
}

/// The outputs of a compiled model as moments.
pub fn moments(signature: &Signature, outputs: &[Output]) -> Vec<Moments> {
    let buffers = signature.output_buffers();
    let of = |buffer: &Buffer| {
        let output = outputs.iter().find(|output| output.name == buffer.name);
        output.map(|output| output.values.iter().copied().map(f64::from).collect::<Vec<_>>())
    };
    signature
        .outputs
        .iter()
        .map(|tensor| {
            let mut parts = buffers.iter().filter(|buffer| buffer.tensor == tensor);
            let mean = parts.next().and_then(of).unwrap_or_default();
            Moments { name: tensor.name.clone(), mean, variance: parts.next().and_then(of) }
        })
        .collect()
}

/// Compares results with the reference.
pub fn compare(results: &[Moments], reference: &[Moments]) -> Vec<Comparison> {
    results
        .iter()
        .zip(reference)
        .map(|(result, reference)| Comparison {
            name: result.name.clone(),
            mean: mean_errors(result, reference),
            variance: match (&result.variance, &reference.variance) {
                (Some(result), Some(reference)) => Some(variance_errors(result, reference)),
                _ => None,
            },
        })
        .collect()
}

fn mean_errors(result: &Moments, reference: &Moments) -> Errors {
    let floor = NEGLIGIBLE * largest(&reference.mean);
    let scale = |index: usize| {
        let mean = reference.mean[index].abs();
        match &reference.variance {
            Some(variance) => mean.max(variance[index].sqrt()),
            None => mean.max(floor),
        }
    };
    Errors::new(&result.mean, &reference.mean, scale)
}

fn variance_errors(result: &[f64], reference: &[f64]) -> Errors {
    let floor = NEGLIGIBLE * largest(reference);
    Errors::new(result, reference, |index| reference[index].max(floor))
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

impl Errors {
    fn new(results: &[f64], reference: &[f64], scale: impl Fn(usize) -> f64) -> Self {
        let elements: Vec<_> = results
            .iter()
            .zip(reference)
            .enumerate()
            .map(|(index, (result, reference))| match result == reference {
                true => 0.0,
                false => {
                    let error = (result - reference).abs() / scale(index);
                    // What is not a number agrees with nothing.
                    if error.is_nan() { f64::INFINITY } else { error }
                }
            })
            .collect();
        let worst = (0..elements.len()).max_by(|&a, &b| elements[a].total_cmp(&elements[b]));
        let worst = worst.unwrap_or(0);
        let average = elements.iter().sum::<f64>() / elements.len().max(1) as f64;
        Self { max: elements.get(worst).copied().unwrap_or(0.0), average, worst, elements }
    }
}

impl Comparison {
    /// The larger of the largest errors of mean and variance.
    pub fn max(&self) -> f64 {
        self.variance.as_ref().map_or(0.0, |variance| variance.max).max(self.mean.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(mean: &[f64], variance: &[f64]) -> Moments {
        let variance = Some(variance.to_vec());
        Moments { name: "output".into(), mean: mean.to_vec(), variance }
    }

    #[test]
    fn a_mean_near_zero_is_measured_in_deviations() {
        let comparison =
            compare(&[output(&[0.01, 10.1], &[4.0, 1.0])], &[output(&[0.0, 10.0], &[4.0, 1.0])]);
        let errors = &comparison[0].mean;
        assert!((errors.elements[0] - 0.005).abs() < 1e-12);
        assert!((errors.max - 0.01).abs() < 1e-12 && errors.worst == 1);
        assert_eq!(comparison[0].variance.as_ref().map(|v| v.max), Some(0.0));
    }

    #[test]
    fn zero_agrees_with_zero_and_a_nan_with_nothing() {
        let comparison =
            compare(&[output(&[0.0, f64::NAN], &[0.0, 1.0])], &[output(&[0.0, 0.0], &[0.0, 1.0])]);
        assert_eq!(comparison[0].mean.elements, [0.0, f64::INFINITY]);
        assert_eq!(comparison[0].max(), f64::INFINITY);
    }
}
