//! Cases with a loss: the compiled gradient, and the derivatives of the reference.

use std::collections::BTreeMap;

use gauss_dialect::{
    interpreter::{Program, Tensor},
    shape::TensorType,
};
use gauss_lowering::{
    passes::gauss_append_loss::{LOG_NOISE, Loss},
    target::Target,
};
use pfp_compiler::{
    diagnostics::Source,
    gradient::{Differentiated, Kind, Wanted},
    jit::CompiledModel,
    module::Session,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::losses::{self, Item};
use crate::{case::Case, random};

/// How far differences reach: they are good to 1e-9 of what they are of.
const STEP: f64 = 1e-6;

/// A case with a loss.
pub struct Trained<'a> {
    pub case: &'a Case,
    pub loss: Loss,
    /// Is it the network of the means?
    pub is_mean: bool,
    /// What the reference gives.
    outputs: Tensor,
    pub targets: Vec<f64>,
    /// Of the items.
    pub weights: Vec<f64>,
    /// K×N×C standard normal numbers.
    noise: Vec<f64>,
    /// Of a learned noise.
    log_noise: Vec<f64>,
    seed: u64,
}

/// A direction in some tensors of the posterior, by their names.
type Direction = BTreeMap<String, Vec<f64>>;

impl<'a> Trained<'a> {
    /// With targets, weights and draws that are random.
    pub fn of(case: &'a Case, loss: Loss, seed: u64) -> Self {
        Self::with(case, loss, false, seed)
    }

    /// The network of the means, of a case without variances.
    pub fn of_means(case: &'a Case, loss: Loss, seed: u64) -> Self {
        Self::with(case, loss, true, seed)
    }

    fn with(case: &'a Case, loss: Loss, is_mean: bool, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |count: usize, low: f64, high: f64| -> Vec<f64> {
            (0..count).map(|_| f64::from(rng.random_range(low..high) as f32)).collect()
        };
        let outputs = random::reference(case);
        let (items, elements) = (outputs.shape[0], outputs.mean.len());
        let of_item = elements / items;
        let mut targets = match loss {
            Loss::CrossEntropy(_) | Loss::Binary(_) => numbers(elements, 0.0, 1.0),
            Loss::Gaussian(_) | Loss::Linear => numbers(elements, -2.0, 2.0),
        };
        if let Loss::CrossEntropy(_) = loss {
            // Probabilities of the classes.
            for target in targets.chunks_mut(of_item) {
                let sum: f64 = target.iter().sum();
                target.iter_mut().for_each(|t| *t = f64::from((*t / sum) as f32));
            }
        }
        let weights = numbers(items, 0.25, 1.0);
        let draws = match outputs.variance.is_some() && !is_mean {
            true => loss.draws() as usize,
            false => 0,
        };
        let noise = numbers(draws * elements, -2.0, 2.0);
        let is_learned = loss == Loss::Gaussian(None);
        let log_noise = if is_learned { numbers(of_item, -0.5, 0.5) } else { Vec::new() };
        Self { case, loss, is_mean, outputs, targets, weights, noise, log_noise, seed }
    }

    fn of_item(&self) -> usize {
        self.targets.len() / self.weights.len()
    }

    /// The losses of the items for other outputs and another noise.
    fn losses(&self, mean: &[f64], variance: &[f64], log_noise: &[f64]) -> Vec<f64> {
        let (elements, of_item) = (self.targets.len(), self.of_item());
        let of = |number: usize| {
            let places = number * of_item..(number + 1) * of_item;
            let noise = self.noise.chunks(elements).map(|draw| &draw[places.clone()]).collect();
            let [mean, variance] = [mean, variance].map(|values| &values[places.clone()]);
            let target = &self.targets[places];
            losses::of_item(self.loss, &Item { mean, variance, target, noise, log_noise })
        };
        (0..self.weights.len()).map(of).collect()
    }

    /// The weighted sum of the losses of the items.
    fn total(&self, output: &Tensor, log_noise: &[f64]) -> f64 {
        let zeros = vec![0.0; output.mean.len()];
        let variance = output.variance.as_ref().filter(|_| !self.is_mean).unwrap_or(&zeros);
        let losses = self.losses(&output.mean, variance, log_noise);
        losses.iter().zip(&self.weights).map(|(loss, weight)| loss * weight).sum()
    }

    /// The learned noise so many steps along a direction.
    fn noise_along(&self, direction: &Direction, step: f64) -> Vec<f64> {
        let mut log_noise = self.log_noise.clone();
        let along = direction.get(LOG_NOISE).into_iter().flatten();
        log_noise.iter_mut().zip(along).for_each(|(value, slope)| *value += step * slope);
        log_noise
    }

    /// The derivative along a direction, by the interpreter's dual numbers up to the outputs. From there
    /// on by differences of the loss, element by element.
    pub fn slope(&self, direction: &Direction) -> f64 {
        let Case { module, name: function, posterior, inputs, .. } = self.case;
        let session = Session::new();
        let module = session.parse(&Source::as_written("test.mlir", module.as_str())).unwrap();
        let program = Program::of(module.op(), function, &random::values(posterior)).unwrap();
        let slopes = |parameter: &str, ty: &TensorType| {
            let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
            let of = |component: &str| {
                let own = direction.get(&format!("{parameter}{component}"));
                own.cloned().unwrap_or_else(|| vec![0.0; shape.iter().product()])
            };
            Some(match ty.gaussian {
                true => Tensor::gaussian(&shape, of(".mean"), of(".var")),
                false => Tensor::deterministic(&shape, of("")),
            })
        };
        let still = vec![None; inputs.len()];
        let output = program.derivative(inputs, &still, &slopes).unwrap().remove(0);
        let (mut value, slope) = (output.value, output.slope);
        if self.is_mean {
            value.variance = None;
        }
        let mut sum = 0.0;
        let steps = |value: f64| STEP * value.abs().max(1.0);
        for place in 0..value.mean.len() {
            let step = steps(value.mean[place]);
            let mut at = |step: f64| {
                let before = value.mean[place];
                value.mean[place] += step;
                let total = self.total(&value, &self.log_noise);
                value.mean[place] = before;
                total
            };
            sum += (at(step) - at(-step)) / (2.0 * step) * slope.mean[place];
        }
        if let (true, Some(of_variance)) = (value.variance.is_some(), &slope.variance) {
            for (place, slope) in of_variance.iter().enumerate() {
                let at = |step: f64| {
                    let mut moved = value.clone();
                    let own = moved.variance.iter_mut().flatten().nth(place);
                    own.into_iter().for_each(|variance| *variance += step);
                    self.total(&moved, &self.log_noise)
                };
                let variance = value.variance.as_ref().map_or(0.0, |variance| variance[place]);
                // No variance is below 0.
                let step = 1e-4 * variance;
                sum += slope
                    * match step > 0.0 {
                        true => (at(step) - at(-step)) / (2.0 * step),
                        false => (at(STEP) - at(0.0)) / STEP,
                    };
            }
        }
        let at = |step| self.total(&value, &self.noise_along(direction, step));
        sum + (at(STEP) - at(-STEP)) / (2.0 * STEP)
    }

    /// The loss so many steps along a direction, by the interpreter.
    fn along(&self, direction: &Direction, step: f64) -> f64 {
        let values = random::values(&self.case.posterior);
        let moved = |parameter: &str, ty: &TensorType| {
            let mut tensor = values(parameter, ty)?;
            let components: &mut [(&str, &mut Vec<f64>)] = match &mut tensor.variance {
                Some(variance) => &mut [(".mean", &mut tensor.mean), (".var", variance)],
                None => &mut [("", &mut tensor.mean)],
            };
            for (component, values) in components {
                let along = direction.get(&format!("{parameter}{component}"));
                let along = along.into_iter().flatten();
                values.iter_mut().zip(along).for_each(|(value, slope)| *value += step * slope);
            }
            Ok(tensor)
        };
        let output = random::reference_with(self.case, &moved);
        self.total(&output, &self.noise_along(direction, step))
    }

    /// The derivative along a direction, by differences of the interpreter.
    fn difference(&self, direction: &Direction) -> f64 {
        (self.along(direction, STEP) - self.along(direction, -STEP)) / (2.0 * STEP)
    }

    /// Values of a tensor of the posterior, or of the noise that is learned.
    pub fn values(&self, name: &str) -> Vec<f32> {
        match self.case.posterior.0.get(name) {
            Some(tensor) => tensor.values.clone(),
            None => single(&self.log_noise),
        }
    }
}

/// What compiled code gives.
pub struct Gradient {
    /// The losses of the items.
    pub losses: Vec<f32>,
    /// The means of the outputs.
    pub means: Vec<f32>,
    /// The gradient along each tensor of the posterior, by its name.
    pub of: Vec<(String, Vec<f32>)>,
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// The gradient by compiled code.
pub fn gradient(trained: &Trained) -> Gradient {
    let Trained { case, loss, is_mean, targets, weights, noise, .. } = trained;
    let session = Session::new();
    let module = session.parse(&Source::as_written("test.mlir", case.module.as_str())).unwrap();
    let kind = if *is_mean { Kind::Mean } else { Kind::Moments };
    let wanted = Wanted { function: None, items: 1, loss: *loss, kind, only_loss: false };
    let differentiated = Differentiated::of(module, &wanted);
    let differentiated =
        differentiated.unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    let compiled = differentiated.compile(&Target::host());
    let compiled = compiled.unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    let model = CompiledModel::new(&compiled).unwrap();
    let mut buffers = match is_mean {
        true => case.inputs.iter().map(|input| single(&input.mean)).collect(),
        false => case.buffers(),
    };
    buffers.push(single(targets));
    if !noise.is_empty() {
        buffers.push(single(noise));
    }
    buffers.push(single(weights));
    let mut names = Vec::new();
    for parameter in &differentiated.parameters {
        let mean = format!("{}.mean", parameter.name);
        let components = match (parameter.gaussian, case.posterior.0.contains_key(&mean)) {
            (true, _) => vec![mean, format!("{}.var", parameter.name)],
            (false, true) => vec![mean],
            (false, false) => vec![parameter.name.clone()],
        };
        for name in components {
            buffers.push(trained.values(&name));
            names.push(name);
        }
    }
    let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
    let mut outputs = model.run(&slices).unwrap().into_iter();
    let [losses, means] = [0, 1].map(|_| outputs.next().unwrap());
    Gradient { losses, means, of: names.into_iter().zip(outputs).collect() }
}

/// What a gradient is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// Dual numbers.
    Dual,
    /// Differences.
    Differences,
    /// Both.
    Both,
}

/// Checks losses, and the gradient along random directions in each tensor and in all at once. What
/// float32 may lose is in proportion to the sizes of the terms that a derivative is the sum of.
#[track_caller]
pub fn check(trained: &Trained, tolerance: f64, reference: Reference) {
    let module = &trained.case.module;
    let Gradient { losses, means, of: gradients } = gradient(trained);
    let zeros = vec![0.0; means.len()];
    let outputs = &trained.outputs;
    let variance = outputs.variance.as_ref().filter(|_| !trained.is_mean).unwrap_or(&zeros);
    let expected = trained.losses(&outputs.mean, variance, &trained.log_noise);
    for (&loss, expected) in losses.iter().zip(&expected) {
        let error = (f64::from(loss) - expected).abs();
        let allowed = tolerance * (expected.abs() + 1.0);
        assert!(error <= allowed, "loss {loss}, expected {expected}\n{module}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(trained.seed);
    let mut direction = |name: &str| -> Vec<f64> {
        let is_variance = name.ends_with(".var");
        let along = |value: f32| {
            let sign = if rng.random() { 1.0 } else { -1.0 };
            let size = if is_variance { f64::from(value) } else { 1.0 };
            sign * rng.random_range(0.5..1.0) * size
        };
        trained.values(name).into_iter().map(along).collect()
    };
    let mut directions = Vec::new();
    for (name, gradient) in &gradients {
        assert!(gradient.iter().all(|value| value.is_finite()), "{name}\n{module}");
        directions.push(Direction::from([(name.clone(), direction(name))]));
    }
    let names = gradients.iter().map(|(name, _)| name);
    directions.push(names.map(|name| (name.clone(), direction(name))).collect());
    for direction in directions {
        let products = gradients.iter().filter_map(|(name, gradient)| {
            let along = direction.get(name)?;
            Some(gradient.iter().zip(along).map(|(&g, d)| f64::from(g) * d))
        });
        let products: Vec<_> = products.flatten().collect();
        let slope: f64 = products.iter().sum();
        let size: f64 = products.iter().map(|product| product.abs()).sum();
        let mut expected = Vec::new();
        if reference != Reference::Differences {
            expected.push(trained.slope(&direction));
        }
        if reference != Reference::Dual {
            expected.push(trained.difference(&direction));
        }
        let error = expected.iter().fold(0.0f64, |most, e| most.max((slope - e).abs()));
        assert!(
            error <= tolerance * (size + 1e-3),
            "along {:?}: {slope}, expected {expected:?}, {:.2e} of {size}, loss {}\n{module}",
            direction.keys(),
            error / size,
            trained.loss
        );
    }
}
