//! Gradients of compiled code against differences of the reference in double precision.

use gauss_dialect::{
    interpreter::{Program, Tensor},
    shape::TensorType,
};
use gauss_lowering::{passes::gauss_append_loss::Loss, target::Target};
use pfp_compiler::{
    diagnostics::Source,
    gradient::{Differentiated, Wanted},
    jit::CompiledModel,
    module::Session,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{case::Case, random};

/// The variance of the noise of the Gaussian loss.
const NOISE: f64 = 1.5;

/// How far differences reach: they are good to 1e-9 of what they are of.
const STEP: f64 = 1e-6;

/// A case with a loss: targets, and the weights of the items.
struct Trained<'a> {
    case: &'a Case,
    targets: Vec<f64>,
    weights: Vec<f64>,
}

impl<'a> Trained<'a> {
    fn of(case: &'a Case, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |count: usize, low: f64, high: f64| -> Vec<f64> {
            (0..count).map(|_| f64::from(rng.random_range(low..high) as f32)).collect()
        };
        let targets = numbers(case.expected.mean.len(), -2.0, 2.0);
        let weights = numbers(case.expected.shape[0], 0.25, 1.0);
        Self { case, targets, weights }
    }

    /// The weighted sum of the Gaussian losses of the items, without what is constant.
    fn loss(&self, output: &Tensor) -> f64 {
        let of_item = self.targets.len() / self.weights.len();
        let term = |(place, (&mean, &target)): (usize, (&f64, &f64))| {
            let variance = output.variance.as_ref().map_or(0.0, |variance| variance[place]);
            let square = (target - mean).powi(2) + variance;
            self.weights[place / of_item] * square / (2.0 * NOISE)
        };
        output.mean.iter().zip(&self.targets).enumerate().map(term).sum()
    }

    /// The derivative of the loss along a direction in one tensor, by the interpreter's dual numbers.
    fn slope(&self, name: &str, direction: &[f64]) -> f64 {
        let Case { module, name: function, posterior, inputs, .. } = self.case;
        let session = Session::new();
        let module = session.parse(&Source::as_written("test.mlir", module.as_str())).unwrap();
        let program = Program::of(module.op(), function, &random::values(posterior)).unwrap();
        let slopes = |parameter: &str, ty: &TensorType| {
            let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
            let zeros = vec![0.0; direction.len()];
            match name.strip_prefix(parameter)? {
                ".var" => Some(Tensor::gaussian(&shape, zeros, direction.to_vec())),
                ".mean" => Some(Tensor::gaussian(&shape, direction.to_vec(), zeros)),
                "" => Some(Tensor::deterministic(&shape, direction.to_vec())),
                _ => None,
            }
        };
        let still = vec![None; inputs.len()];
        let output = program.derivative(inputs, &still, &slopes).unwrap().remove(0);
        let of_item = self.targets.len() / self.weights.len();
        let term = |(place, target): (usize, &f64)| {
            let of_mean = 2.0 * (output.value.mean[place] - target) * output.slope.mean[place];
            let of_variance = output.slope.variance.as_ref().map_or(0.0, |slope| slope[place]);
            self.weights[place / of_item] * (of_mean + of_variance) / (2.0 * NOISE)
        };
        self.targets.iter().enumerate().map(term).sum()
    }

    /// The loss so many steps along a direction in one tensor, by the interpreter.
    fn along(&self, name: &str, direction: &[f64], step: f64) -> f64 {
        let values = random::values(&self.case.posterior);
        let moved = |parameter: &str, ty: &TensorType| {
            let mut tensor = values(parameter, ty)?;
            let own = match name.strip_prefix(parameter) {
                Some(".var") => tensor.variance.as_mut(),
                Some(".mean" | "") => Some(&mut tensor.mean),
                _ => None,
            };
            for (value, direction) in own.into_iter().flatten().zip(direction) {
                *value += step * direction;
            }
            Ok(tensor)
        };
        self.loss(&random::reference_with(self.case, &moved))
    }
}

/// The gradient along each tensor of the posterior, by its name.
fn gradient(trained: &Trained) -> Vec<(String, Vec<f32>)> {
    let Trained { case, targets, weights } = trained;
    let session = Session::new();
    let module = session.parse(&Source::as_written("test.mlir", case.module.as_str())).unwrap();
    let loss = Loss::Gaussian(Some(NOISE));
    let wanted = Wanted { function: None, items: 1, loss, is_mean: false, only_loss: false };
    let differentiated = Differentiated::of(module, &wanted);
    let differentiated =
        differentiated.unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    let compiled = differentiated.compile(&Target::host());
    let compiled = compiled.unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    let model = CompiledModel::new(&compiled).unwrap();
    let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let mut buffers = case.buffers();
    buffers.extend([single(targets), single(weights)]);
    let mut names = Vec::new();
    for parameter in &differentiated.parameters {
        let components: &[&str] = if parameter.gaussian { &[".mean", ".var"] } else { &[""] };
        for component in components {
            let name = format!("{}{component}", parameter.name);
            buffers.push(case.posterior.0[&name].values.clone());
            names.push(name);
        }
    }
    let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
    let outputs = model.run(&slices).unwrap();
    names.into_iter().zip(outputs.into_iter().skip(2)).collect()
}

/// Checks the gradient along random directions in each tensor.
#[track_caller]
fn check(case: &Case, tolerance: f64, seed: u64) {
    let trained = Trained::of(case, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let gradients = gradient(&trained);
    // What float32 may lose is in proportion to the largest of all.
    for (name, gradient) in gradients {
        assert!(gradient.iter().all(|value| value.is_finite()), "{name}\n{}", case.module);
        let own = &case.posterior.0[&name].values;
        let is_variance = name.ends_with(".var");
        for _ in 0..2 {
            let direction: Vec<_> = own
                .iter()
                .map(|&value| {
                    let sign = if rng.random() { 1.0 } else { -1.0 };
                    let size = if is_variance { f64::from(value) } else { 1.0 };
                    sign * rng.random_range(0.5..1.0) * size
                })
                .collect();
            let products = || gradient.iter().zip(&direction).map(|(&g, d)| f64::from(g) * d);
            let (slope, size) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
            let at = |step| trained.along(&name, &direction, step);
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let dual = trained.slope(&name, &direction);
            let error = (slope - expected).abs().max((slope - dual).abs());
            assert!(
                error <= tolerance * (size + 1e-3),
                "along {name}: {slope}, expected {expected} and {dual}, {:.2e} of {size}\n{}",
                error / size,
                case.module
            );
        }
    }
}

#[test]
fn random_ops_have_the_gradients_of_the_reference() {
    for (seed, count) in random::portions(320, 71) {
        let cases = random::trainable(seed, count);
        // A loss is of items.
        let has_items = |(_, case): &(usize, &Case)| !case.expected.shape.is_empty();
        for (number, case) in cases.iter().enumerate().filter(has_items) {
            check(case, 2e-3, number as u64);
        }
    }
}
