//! The float64 reference and Monte Carlo, and how far results are from them.

use gauss_dialect::{
    interpreter::{self, Program, Sampled, SampledTrace, Traced},
    shape::TensorType,
};
use pfp_compiler::{
    compile::{Function, Network},
    error::Error,
    prediction::Prediction,
    signature::{Buffer, Signature, Tensor},
};
use serde::Serialize;

use crate::{batches::Items, data::Output};

/// Below this share of the largest number of an array an error counts as relative to that share:
/// what is negligible next to its neighbours need not have all digits.
const NEGLIGIBLE: f64 = 1e-6;

/// The same for errors of means. A mean that is small because terms cancel has the rounding of the
/// terms: with errors of up to 1e-4 at this share, a millionth of the largest number of the array.
const CANCELLED: f64 = 1e-2;

/// Variances that differ by no more are equal, and so are values without variance: the least
/// normal number of binary32, below which compiled code may flush to zero, for each of a few
/// layers. So are means that differ by no more than the square root, where the variance is that
/// small: what lies around the mean of such an element was flushed.
const FLUSHED: f64 = 64.0 * f32::MIN_POSITIVE as f64;

/// Variances below this share of the squares of the means are what rounding leaves in binary64.
const ROUNDING: f64 = 1e-26;

/// One output tensor for all items, in double precision.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputMoments {
    /// The name of the output.
    pub name: String,
    /// The means.
    pub mean: Vec<f64>,
    /// The variances; `None` for a deterministic output.
    pub variance: Option<Vec<f64>>,
    /// Errors of its means are relative to this at least.
    pub least: f64,
}

/// Probabilities and nats of a head are right to 5e-6, not to their own digits.
const LEAST_PREDICTED: f64 = 0.05;

fn least(tensor: &Tensor) -> f64 {
    match tensor.prediction {
        Some(Prediction::Probabilities { .. } | Prediction::Uncertainty { .. }) => LEAST_PREDICTED,
        _ => 0.0,
    }
}

/// The result of a layer for all items, by the algebra of moments.
#[derive(Debug, Clone)]
pub struct LayerMoments {
    /// What its parameters are named after, or its op.
    pub layer: String,
    /// The op without its dialect.
    pub op: String,
    /// Means and variances.
    pub algebra: Elements,
}

/// What forward passes with drawn weights say of a function, for all items.
#[derive(Debug, Clone, Default)]
pub struct Draws {
    /// Of the Gaussian layers, in the order of [`Reference::trace`].
    pub layers: Vec<LayerDraws>,
    /// Of the outputs.
    pub outputs: Vec<LayerDraws>,
    /// The first output of each pass.
    pub passes: Vec<Vec<f32>>,
}

/// What forward passes say of one layer, for all items.
#[derive(Debug, Clone, Default)]
pub struct LayerDraws {
    /// Means and unbiased variances.
    pub monte_carlo: Elements,
    /// What each pass but the first adds to the sum of the squared differences from the means of
    /// Monte Carlo: each has the expectation of the sum of the variances.
    pub squares: Vec<f64>,
}

/// Means and variances of elements.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Elements {
    /// The means.
    pub mean: Vec<f64>,
    /// The variances.
    pub variance: Vec<f64>,
}

impl LayerDraws {
    /// Adds what Monte Carlo says of the first `used` of `batch` items. All items see the same
    /// weights in a pass.
    fn append(&mut self, sampled: Sampled, batch: usize, used: usize) {
        self.squares.resize(sampled.squares.len(), 0.0);
        for (sum, rows) in self.squares.iter_mut().zip(&sampled.squares) {
            *sum += rows[..rows.len() / batch * used].iter().sum::<f64>();
        }
        self.monte_carlo.append(sampled.moments, batch, used);
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
    /// Errors of the means, relative to max(|mean|, σ); of a deterministic output relative to its
    /// value; both to a hundredth of the largest at least.
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
    /// How many elements are infinite because they are beyond float32 in the reference too: no
    /// error.
    pub beyond_float32: usize,
    /// How many elements are infinite where float32 holds the reference: an infinite error.
    pub overflowed: usize,
}

/// The interpreter of one function.
pub struct Reference<'a> {
    program: Program,
    signature: &'a Signature,
}

impl<'a> Reference<'a> {
    /// Decodes a function of a network.
    ///
    /// # Errors
    ///
    /// Where the interpreter does not take it.
    pub fn new(network: &Network, function: &'a Function) -> Result<Self, Error> {
        let loaded = |name: &str, _: &TensorType| Err(format!("has no value for '{name}'"));
        let program = Program::of(network.op(), &function.name, &loaded).map_err(failed)?;
        Ok(Self { program, signature: &function.signature })
    }

    /// Means and variances in double precision.
    ///
    /// # Errors
    ///
    /// Where the values of the items have no result, at the op.
    pub fn run(
        &self,
        items: &Items,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<OutputMoments>, Error> {
        self.in_batches(items, progress, |inputs| self.program.run(inputs))
    }

    /// Means and variances over forward passes with drawn weights.
    ///
    /// # Errors
    ///
    /// As [`Reference::run`].
    pub fn sample(
        &self,
        items: &Items,
        samples: u64,
        seed: u64,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<OutputMoments>, Error> {
        self.in_batches(items, progress, |inputs| self.program.sample(inputs, samples, seed))
    }

    /// Means and variances of the result of every layer, layers without variance left out.
    ///
    /// # Errors
    ///
    /// As [`Reference::run`].
    pub fn trace(
        &self,
        items: &Items,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<LayerMoments>, Error> {
        let batch = self.signature.batch();
        let mut all: Vec<LayerMoments> = Vec::new();
        for start in (0..items.count()).step_by(batch) {
            let inputs = tensors(self.signature, items.chunk(start, batch));
            let used = (items.count() - start).min(batch);
            let traced = self.program.trace(&inputs).map_err(failed)?.into_iter();
            let gaussian = traced.filter(|traced| traced.output.variance.is_some());
            for (number, Traced { layer, op, output, .. }) in gaussian.enumerate() {
                if number == all.len() {
                    let op = op.trim_start_matches("gauss.").to_owned();
                    all.push(LayerMoments { layer, op, algebra: Elements::default() });
                }
                all[number].algebra.append(output, batch, used);
            }
            progress(start + used);
        }
        Ok(all)
    }

    /// What forward passes with drawn weights say of the layers that have a variance, and of the outputs. The
    /// first output of every pass is kept where `keeps` says so.
    ///
    /// # Errors
    ///
    /// As [`Reference::run`].
    pub fn draw(
        &self,
        items: &Items,
        (samples, seed): (u64, u64),
        keeps: bool,
        progress: &dyn Fn(usize),
    ) -> Result<Draws, Error> {
        let batch = self.signature.batch();
        let mut all = Draws::default();
        for start in (0..items.count()).step_by(batch) {
            let inputs = tensors(self.signature, items.chunk(start, batch));
            let used = (items.count() - start).min(batch);
            let traced = self.program.trace(&inputs).map_err(failed)?;
            let mut number = 0;
            let mut keep = |outputs: &[interpreter::Tensor]| {
                let Some(output) = outputs.first().filter(|_| keeps) else { return };
                all.passes.resize((number + 1).max(all.passes.len()), Vec::new());
                let kept = &output.mean[..output.mean.len() / batch * used];
                all.passes[number].extend(kept.iter().map(|&x| x as f32));
                number += 1;
            };
            let sampled = self.program.sample_trace(&inputs, samples, seed, &mut keep);
            let SampledTrace { layers, outputs } = sampled.map_err(failed)?;
            let layers = traced.into_iter().zip(layers);
            let gaussian = layers.filter(|(traced, _)| traced.output.variance.is_some());
            let gaussian = gaussian.map(|(_, sampled)| sampled).collect();
            for (all, sampled) in [(&mut all.layers, gaussian), (&mut all.outputs, outputs)] {
                all.resize_with(sampled.len(), LayerDraws::default);
                let each = all.iter_mut().zip(sampled);
                each.for_each(|(all, sampled)| all.append(sampled, batch, used));
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
    ) -> Result<Vec<OutputMoments>, Error> {
        let batch = self.signature.batch();
        let mut all: Vec<_> = self
            .signature
            .outputs
            .iter()
            .map(|output| OutputMoments {
                name: output.name.clone(),
                mean: Vec::new(),
                variance: output.gaussian.then(Vec::new),
                least: least(output),
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
            interpreter::Tensor::new(input.shape.clone(), mean, variance)
        })
        .collect()
}

/// The outputs of a compiled model as moments.
pub fn moments(signature: &Signature, outputs: &[Output]) -> Vec<OutputMoments> {
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
            let variance = parts.next().and_then(of);
            OutputMoments { name: tensor.name.clone(), mean, variance, least: least(tensor) }
        })
        .collect()
}

/// Compares results with the reference.
pub fn compare(results: &[OutputMoments], reference: &[OutputMoments]) -> Vec<Comparison> {
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

fn mean_errors(result: &OutputMoments, reference: &OutputMoments) -> Errors {
    // An infinite variance is no measure.
    let deviation = |index| Some(reference.deviation(index)).filter(|x| x.is_finite());
    let own = |index: usize| reference.mean[index].abs().max(deviation(index).unwrap_or(0.0));
    let floor = CANCELLED * largest((0..reference.mean.len()).map(own));
    let floor = floor.max(reference.least);
    let flushed = |index: usize| match &reference.variance {
        None => FLUSHED,
        Some(variance) if variance[index] <= FLUSHED => FLUSHED.sqrt(),
        Some(_) => 0.0,
    };
    Errors::new(&result.mean, &reference.mean, |index| (own(index).max(floor), flushed(index)))
}

fn variance_errors(result: &[f64], reference: &[f64]) -> Errors {
    let floor = NEGLIGIBLE * largest(reference.iter().copied());
    Errors::new(result, reference, |index| (reference[index].max(floor), FLUSHED))
}

/// The largest finite absolute value, or 0.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.map(f64::abs).filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// Is a result infinite as the reference is once it is rounded to float32?
fn overflows(result: f64, reference: f64) -> bool {
    result.is_infinite() && f64::from(reference as f32) == result
}

impl Errors {
    /// Errors relative to the scale of each element; differences that are no larger than a second
    /// number are none.
    fn new(results: &[f64], reference: &[f64], scale: impl Fn(usize) -> (f64, f64)) -> Self {
        let elements: Vec<_> = results
            .iter()
            .zip(reference)
            .enumerate()
            .map(|(index, (result, reference))| {
                let (difference, (scale, equal)) = ((result - reference).abs(), scale(index));
                match result == reference || difference <= equal || overflows(*result, *reference) {
                    true => 0.0,
                    // What is not a number agrees with nothing.
                    false => match difference / scale {
                        error if error.is_nan() => f64::INFINITY,
                        error => error,
                    },
                }
            })
            .collect();
        let worst = (0..elements.len()).max_by(|&a, &b| elements[a].total_cmp(&elements[b]));
        let worst = worst.unwrap_or(0);
        let average = elements.iter().sum::<f64>() / elements.len().max(1) as f64;
        let infinite = || results.iter().zip(reference).filter(|(result, _)| result.is_infinite());
        let is_beyond = |(result, reference): &(&f64, &f64)| overflows(**result, **reference);
        let beyond_float32 = infinite().filter(is_beyond).count();
        Self {
            max: elements.get(worst).copied().unwrap_or(0.0),
            average,
            worst,
            elements,
            beyond_float32,
            overflowed: infinite().count() - beyond_float32,
        }
    }
}

impl OutputMoments {
    /// The standard deviation of an element; 0 of a deterministic one.
    fn deviation(&self, index: usize) -> f64 {
        self.variance.as_ref().map_or(0.0, |variance| variance[index].max(0.0).sqrt())
    }

    /// The elements of which mean and variance are finite, here and by Monte Carlo.
    fn finite(&self, monte_carlo: &Self) -> Vec<usize> {
        let count = self.mean.len().min(monte_carlo.mean.len());
        let numbers = |index| {
            [self, monte_carlo].map(|moments| moments.mean[index] + moments.deviation(index))
        };
        (0..count).filter(|&index| numbers(index).iter().all(|x| x.is_finite())).collect()
    }

    /// How many elements are not finite, here or by Monte Carlo.
    pub fn not_finite(&self, monte_carlo: &Self) -> usize {
        self.mean.len() - self.finite(monte_carlo).len()
    }

    /// How far the means are from those of Monte Carlo: the mean over the finite elements of the
    /// difference in standard deviations, the larger of both, and at least a millionth of the
    /// largest number. `None` where no element is finite.
    pub fn mean_in_deviations(&self, monte_carlo: &Self) -> Option<f64> {
        let finite = self.finite(monte_carlo);
        let deviation = |index| self.deviation(index).max(monte_carlo.deviation(index));
        let numbers = finite.iter().flat_map(|&index| [deviation(index), self.mean[index]]);
        let floor = NEGLIGIBLE * largest(numbers);
        let differences = finite.iter().map(|&index| {
            let difference = (self.mean[index] - monte_carlo.mean[index]).abs();
            if difference == 0.0 { 0.0 } else { difference / deviation(index).max(floor) }
        });
        (!finite.is_empty()).then(|| differences.sum::<f64>() / finite.len() as f64)
    }

    /// The sum of the finite variances over that of Monte Carlo; `None` where that has none beyond
    /// rounding.
    pub fn variance_ratio(&self, monte_carlo: &Self) -> Option<f64> {
        let finite = self.finite(monte_carlo);
        let of = |values: &[f64]| finite.iter().map(|&index| values[index]).collect::<Vec<_>>();
        let (own, sampled) = (self.variance.as_ref()?, monte_carlo.variance.as_ref()?);
        ratio_of_sums(&of(own), (&of(&monte_carlo.mean), &of(sampled)))
    }
}

/// The sum of variances over that of Monte Carlo, whose means are known; `None` where that has none
/// beyond rounding.
pub fn ratio_of_sums(variances: &[f64], (means, sampled): (&[f64], &[f64])) -> Option<f64> {
    let rounding = ROUNDING * means.iter().map(|mean| mean * mean).sum::<f64>();
    let [sum, sampled] = [variances, sampled].map(|values| values.iter().sum::<f64>());
    (sampled > rounding.max(f64::MIN_POSITIVE)).then(|| sum / sampled)
}

impl Comparison {
    /// How many means and variances are infinite where float32 holds the reference.
    pub fn overflowed(&self) -> usize {
        self.mean.overflowed + self.variance.as_ref().map_or(0, |variance| variance.overflowed)
    }

    /// The larger of the largest errors of mean and variance.
    pub fn max(&self) -> f64 {
        self.variance.as_ref().map_or(0.0, |variance| variance.max).max(self.mean.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(mean: &[f64], variance: &[f64]) -> OutputMoments {
        let variance = Some(variance.to_vec());
        OutputMoments { name: "output".into(), mean: mean.to_vec(), variance, least: 0.0 }
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
    fn what_is_negligible_beside_its_neighbours_need_not_have_all_digits() {
        // A unit that is far from ever active, whose variance is denormal in binary32.
        let dead = compare(
            &[output(&[0.0, 1.0], &[0.0, 0.5])],
            &[output(&[2.35e-21, 1.0], &[5e-42, 0.5])],
        );
        assert_eq!((dead[0].mean.max, dead[0].max()), (0.0, 0.0));
        // A mean is measured by the largest, as a variance is.
        let small = compare(
            &[output(&[1.00001e-9, 1.0], &[1e-20, 0.5])],
            &[output(&[1e-9, 1.0], &[1e-20, 0.5])],
        );
        assert!((small[0].mean.max - 1e-12).abs() < 1e-15, "{:?}", small[0]);
        // Nothing else beside it.
        let alone = compare(&[output(&[0.0], &[0.0])], &[output(&[1.9e-34], &[3e-35])]);
        assert!(alone[0].variance.as_ref().unwrap().max > 0.9);
        let alone = compare(&[output(&[0.0], &[0.0])], &[output(&[1.9e-34], &[3e-38])]);
        assert_eq!(alone[0].max(), 0.0);
    }

    /// 5e-6 at the default tolerance of 1e-4, whatever the largest of the item is.
    #[test]
    fn a_prediction_is_right_to_5e_6() {
        let of = |nats: f64| OutputMoments {
            name: "uncertainty".into(),
            mean: vec![nats, 3e-9],
            variance: None,
            least: LEAST_PREDICTED,
        };
        for (nats, passes) in [(1e-9, true), (4.9e-6, true), (5.1e-6, false), (1e-3, false)] {
            let error = compare(&[of(4e-9 + nats)], &[of(4e-9)])[0].max();
            assert_eq!(error <= 1e-4, passes, "{nats}: {error}");
        }
        assert!(compare(&[of(1.0 + 9e-5)], &[of(1.0)])[0].max() <= 1e-4);
        assert!(compare(&[of(1.0 + 2e-4)], &[of(1.0)])[0].max() > 1e-4);
    }

    #[test]
    fn a_mean_whose_terms_cancel_has_their_rounding() {
        // Sums of 64 terms of up to 3 in binary32, one of which cancels to 2.7e-4.
        for variance in [None, Some(vec![1e-12; 2])] {
            let of = |mean: f64| OutputMoments {
                name: "output".into(),
                mean: vec![10.0, mean],
                variance: variance.clone(),
                least: 0.0,
            };
            assert!(compare(&[of(2.708e-4)], &[of(2.704e-4)])[0].max() < 1e-5);
            assert!(compare(&[of(3.7e-4)], &[of(2.7e-4)])[0].max() > 9e-4);
        }
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        let reference = [output(&[1.0, 1e-3, 0.0, 2.0], &[0.25, 1e-4, 0.0, 1e-39])];
        let right = reference[0].clone();
        assert_eq!(compare(&reference, &reference)[0].max(), 0.0);
        for index in 0..4 {
            for change in [1e-3, -1e-3, f64::NAN, f64::INFINITY] {
                let mut wrong = right.clone();
                wrong.mean[index] += change;
                let error = compare(&[wrong], &reference)[0].max();
                assert!(error > 4e-4, "mean {index} by {change}: {error}");
                let mut wrong = right.clone();
                wrong.variance.as_mut().unwrap()[index] += change;
                let error = compare(&[wrong], &reference)[0].max();
                assert!(error > 4e-4, "variance {index} by {change}: {error}");
            }
        }
        // One number that is not finite hides no other.
        let infinite = [output(&[f64::INFINITY, 1.0], &[1.0, f64::INFINITY])];
        let wrong = compare(&[output(&[f64::INFINITY, 2.0], &[3.0, f64::INFINITY])], &infinite);
        assert!(wrong[0].variance.as_ref().unwrap().max > 1.0);
        let plain =
            |value: f64| OutputMoments { mean: vec![value, 1.0], variance: None, ..right.clone() };
        assert!(compare(&[plain(f64::INFINITY)], &[plain(1.0)])[0].max() > 1.0);
        let [a, b] = [[f64::INFINITY, 1.0], [f64::INFINITY, 2.0]].map(|mean| OutputMoments {
            mean: mean.into(),
            variance: None,
            ..right.clone()
        });
        assert!(compare(&[b], &[a])[0].max() > 0.5);
    }

    #[test]
    fn a_unit_that_monte_carlo_never_saw_is_no_deviation() {
        // ReLUs of -12, 1 and 2 with a deviation of 1.
        let algebra = output(&[1.9e-34, 1.0833, 2.0085], &[3e-35, 0.7511, 0.9657]);
        let sampled = output(&[0.0, 1.1083, 2.0385], &[0.0, 0.7511, 0.9657]);
        let deviations = algebra.mean_in_deviations(&sampled).unwrap();
        assert!((deviations - 0.0198).abs() < 1e-3, "{deviations}");
        assert!((algebra.variance_ratio(&sampled).unwrap() - 1.0).abs() < 1e-12);
        // None of the units was seen.
        let (algebra, sampled) = (output(&[1.9e-34], &[3e-35]), output(&[0.0], &[0.0]));
        assert!(algebra.mean_in_deviations(&sampled).unwrap() < 1.0);
        assert_eq!(algebra.variance_ratio(&sampled), None);
        // Without variance there is rounding alone.
        let (algebra, sampled) = (output(&[1.0], &[0.0]), output(&[1.0 + 1e-16], &[1e-33]));
        assert!(algebra.mean_in_deviations(&sampled).unwrap() < 1e-9);
        assert_eq!(algebra.variance_ratio(&sampled), None);
    }

    #[test]
    fn what_overflows_float32_is_counted() {
        const INFINITY: f64 = f64::INFINITY;
        // Beyond float32, beyond float64, within both, and of the other sign.
        let reference = [output(&[1e39, INFINITY, 1e38, -1e39], &[1.0; 4])];
        let errors = &compare(&[output(&[INFINITY; 4], &[1.0; 4])], &reference)[0].mean;
        assert_eq!((errors.beyond_float32, errors.overflowed), (2, 2));
        assert_eq!(errors.elements, [0.0, 0.0, INFINITY, INFINITY]);
        // An infinite variance excuses no mean.
        let infinite = compare(&[output(&[2.0], &[INFINITY])], &[output(&[1.0], &[INFINITY])]);
        assert_eq!((infinite[0].mean.max, infinite[0].variance.as_ref().unwrap().max), (1.0, 0.0));
        // Monte Carlo is compared with what is finite.
        let (algebra, sampled) =
            (output(&[1.0, INFINITY], &[4.0, INFINITY]), output(&[2.0, 1e300], &[4.0, INFINITY]));
        assert_eq!(algebra.not_finite(&sampled), 1);
        assert_eq!(algebra.mean_in_deviations(&sampled), Some(0.5));
        assert_eq!(algebra.variance_ratio(&sampled), Some(1.0));
        let nothing = output(&[INFINITY], &[INFINITY]);
        assert_eq!(nothing.mean_in_deviations(&nothing), None);
        assert_eq!(nothing.variance_ratio(&nothing), None);
    }

    #[test]
    fn zero_agrees_with_zero_and_a_nan_with_nothing() {
        let comparison =
            compare(&[output(&[0.0, f64::NAN], &[0.0, 1.0])], &[output(&[0.0, 0.0], &[0.0, 1.0])]);
        assert_eq!(comparison[0].mean.elements, [0.0, f64::INFINITY]);
        assert_eq!(comparison[0].max(), f64::INFINITY);
    }
}
