//! Networks that learn where they run: a step of compiled code, and the same step in double precision by
//! differences of the interpreter.

use std::sync::Arc;

use gauss_dialect::{
    interpreter::Tensor, parameters::ParameterTensor, shape::TensorType, update::Adam,
};
use gauss_lowering::{
    passes::{gauss_append_loss::Loss, gauss_append_update::Optimiser},
    target::Target,
};
use pfp_compiler::{
    adapt::{Adaptable, Wanted},
    compile::Options,
    diagnostics::Source,
    jit::CompiledModel,
    module::Session,
    parameters::Safetensors,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    case::{Case, Posterior},
    gradients::losses::{self, Item},
    random,
};

const ITEMS: usize = 3;
const INPUTS: usize = 4;
const CLASSES: usize = 3;

/// Learning rates, and the weight of the divergence.
const SETTINGS: [f32; 3] = [0.01, 0.02, 0.125];

/// The step of differences.
const DIFFERENCE: f64 = 1e-5;

const MODULE: &str = r#"
func.func @net(%x: tensor<3x4xf32>) -> !gauss.tensor<3x3xf32> {
  %w1 = gauss.parameter "fc1.weight" : !gauss.tensor<5x4xf32>
  %b1 = gauss.parameter "fc1.bias" : !gauss.tensor<5xf32>
  %w2 = gauss.parameter "fc2.weight" : !gauss.tensor<3x5xf32>
  %b2 = gauss.parameter "fc2.bias" : !gauss.tensor<3xf32>
  %0 = gauss.dense %x, %w1, %b1 : (tensor<3x4xf32>, !gauss.tensor<5x4xf32>, !gauss.tensor<5xf32>) -> !gauss.tensor<3x5xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<3x5xf32>) -> !gauss.tensor<3x5xf32>
  %2 = gauss.dense %1, %w2, %b2 : (!gauss.tensor<3x5xf32>, !gauss.tensor<3x5xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3x3xf32>
  return %2 : !gauss.tensor<3x3xf32>
}
"#;

/// The parameters of the module, with their sizes.
const PARAMETERS: [(&str, [usize; 2]); 4] =
    [("fc1.weight", [5, 4]), ("fc1.bias", [5, 1]), ("fc2.weight", [3, 5]), ("fc2.bias", [3, 1])];

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn numbers(rng: &mut ChaCha8Rng, count: usize, low: f64, high: f64) -> Vec<f64> {
    (0..count).map(|_| f64::from(rng.random_range(low..high) as f32)).collect()
}

/// A posterior of which every seventh weight is certain.
fn posterior(rng: &mut ChaCha8Rng) -> Posterior {
    let mut posterior = Posterior::default();
    for (name, [rows, columns]) in PARAMETERS {
        let shape = if columns > 1 { vec![rows, columns] } else { vec![rows] };
        let mean = numbers(rng, rows * columns, -1.0, 1.0);
        let mut variance = numbers(rng, rows * columns, 0.01, 0.2);
        variance.iter_mut().step_by(7).for_each(|variance| *variance = 0.0);
        posterior.insert(name, &Tensor::gaussian(&shape, mean, variance));
    }
    posterior
}

/// What a step reads.
struct Data {
    input: Vec<f64>,
    target: Vec<f64>,
}

impl Data {
    fn of(rng: &mut ChaCha8Rng) -> Self {
        let input = numbers(rng, ITEMS * INPUTS, -2.0, 2.0);
        let mut target = vec![0.0; ITEMS * CLASSES];
        (0..ITEMS).for_each(|item| target[item * CLASSES + rng.random_range(0..CLASSES)] = 1.0);
        Self { input, target }
    }
}

/// The numbers of some parameters as they follow each other in a posterior.
fn flat(posterior: &Posterior, names: &[String]) -> Vec<f64> {
    let tensors = names.iter().flat_map(|name| [format!("{name}.mean"), format!("{name}.var")]);
    tensors.flat_map(|tensor| double(&posterior.0[&tensor].values)).collect()
}

/// Learning in double precision.
struct Reference {
    posterior: Posterior,
    names: Vec<String>,
    loss: Loss,
    optimiser: Optimiser,
    prior: Vec<f64>,
    state: Vec<f64>,
    memory: Vec<[f64; 2]>,
    steps: i32,
}

impl Reference {
    /// Which numbers of a posterior are variances.
    fn is_variance(&self) -> Vec<bool> {
        let kinds = self.names.iter().flat_map(|name| {
            let count = self.posterior.0[&format!("{name}.mean")].values.len();
            [vec![false; count], vec![true; count]].concat()
        });
        kinds.collect()
    }

    /// For each number of a posterior its mean and its variance.
    fn pairs(&self) -> Vec<[usize; 2]> {
        let mut pairs = Vec::new();
        for name in &self.names {
            let count = self.posterior.0[&format!("{name}.mean")].values.len();
            let start = pairs.len();
            for _ in 0..2 {
                pairs.extend((0..count).map(|own| [start + own, start + count + own]));
            }
        }
        pairs
    }

    /// Means and variances of the outputs by the interpreter.
    fn outputs(&self, state: &[f64], data: &Data) -> [Vec<f64>; 2] {
        let mut place = 0;
        let mut moved = std::collections::BTreeMap::new();
        for name in &self.names {
            let count = self.posterior.0[&format!("{name}.mean")].values.len();
            let [mean, variance] =
                [0, 1].map(|part| state[place + part * count..place + (part + 1) * count].to_vec());
            place += 2 * count;
            moved.insert(name.clone(), (mean, variance));
        }
        let others = random::values(&self.posterior);
        let values = |name: &str, ty: &TensorType| match moved.get(name) {
            Some((mean, variance)) => {
                let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
                Ok(Tensor::gaussian(&shape, mean.clone(), variance.clone()))
            }
            None => others(name, ty),
        };
        let case = Case {
            name: "net".into(),
            module: MODULE.into(),
            posterior: Posterior::default(),
            inputs: vec![Tensor::deterministic(&[ITEMS, INPUTS], data.input.clone())],
            expected: Tensor::deterministic(&[1], vec![0.0]),
        };
        let output = random::reference_with(&case, &values);
        [output.mean, output.variance.unwrap()]
    }

    /// The mean loss of the items.
    fn loss(&self, state: &[f64], data: &Data) -> f64 {
        let [means, variances] = self.outputs(state, data);
        let of = |item: usize| {
            let own = item * CLASSES..(item + 1) * CLASSES;
            let (noise, log_noise) = (Vec::new(), &[][..]);
            let [mean, variance, target] =
                [&means, &variances, &data.target].map(|values| &values[own.clone()]);
            losses::of_item(self.loss, &Item { mean, variance, target, noise, log_noise })
        };
        (0..ITEMS).map(of).sum::<f64>() / ITEMS as f64
    }

    /// Takes a step; returns the loss before it.
    fn step(&mut self, data: &Data) -> f64 {
        let [rate, deviation_rate, pull] = SETTINGS.map(f64::from);
        let (kinds, pairs) = (self.is_variance(), self.pairs());
        let before = self.state.clone();
        self.steps += 1;
        for place in 0..before.len() {
            let [mean, variance] = pairs[place];
            let (prior_mean, prior_variance) = (self.prior[mean], self.prior[variance]);
            if prior_variance == 0.0 {
                continue;
            }
            let at = |step: f64| {
                let mut state = before.clone();
                match kinds[place] {
                    true => state[place] *= (2.0 * step).exp(),
                    false => state[place] += step,
                }
                let ratio = state[variance] / prior_variance;
                let distance = state[mean] - prior_mean;
                let divergence =
                    0.5 * (ratio + distance * distance / prior_variance - 1.0 - ratio.ln());
                let divergence = if before[variance] > 0.0 {
                    divergence
                } else {
                    0.5 * (ratio + distance * distance / prior_variance)
                };
                self.loss(&state, data) + pull * divergence
            };
            let gradient = (at(DIFFERENCE) - at(-DIFFERENCE)) / (2.0 * DIFFERENCE);
            let rate = if kinds[place] { deviation_rate } else { rate };
            let [first, second] = &mut self.memory[place];
            let change = match self.optimiser {
                Optimiser::Adam(Adam { beta1, beta2, epsilon }) => {
                    *first = beta1 * *first + (1.0 - beta1) * gradient;
                    *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                    let first = *first / (1.0 - beta1.powi(self.steps));
                    let second = *second / (1.0 - beta2.powi(self.steps));
                    rate * first / (second.sqrt() + epsilon)
                }
                Optimiser::Sgd(momentum) => {
                    *first = momentum * *first + gradient;
                    rate * *first
                }
            };
            match kinds[place] {
                true => self.state[place] *= (-2.0 * change).exp(),
                false => self.state[place] -= change,
            }
        }
        self.loss(&before, data)
    }
}

/// Compiled code beside the reference, over some steps.
#[track_caller]
fn check(names: &[&str], loss: Loss, optimiser: Optimiser, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let posterior = posterior(&mut rng);
    let session = Session::new();
    let source: Arc<Source> = Source::as_written("test.mlir", MODULE);
    let parameters = Safetensors::of(&posterior).unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let wanted = Wanted { function: None, batch: None, items: 1, loss, optimiser };
    let adaptable = Adaptable::open(&session, &source, &parameters, &names, &wanted).unwrap();
    let names: Vec<_> = adaptable.parameters.iter().map(|own| own.name.clone()).collect();
    let compile = |network: &pfp_compiler::compile::Network| {
        let function = network.function(None).unwrap();
        let options = Options::default();
        let compiled = network.compile(function, &Target::host(), &options, &|_| ()).unwrap();
        CompiledModel::new(&compiled).unwrap()
    };
    let (prediction, step) = (compile(&adaptable.network), compile(&adaptable.step));
    let start = flat(&posterior, &names);
    assert_eq!(double(&adaptable.prior), start, "what it starts from");
    // Another prior than what it starts from, with a certain weight of its own.
    let mut prior: Vec<f64> = start.iter().map(|value| f64::from((value * 0.75) as f32)).collect();
    let count = posterior.0[&format!("{}.mean", names[0])].values.len();
    prior[count + 1] = 0.0;
    let mut reference = Reference {
        posterior,
        names,
        loss,
        optimiser,
        memory: vec![[0.0; 2]; start.len()],
        prior: prior.clone(),
        state: start.clone(),
        steps: 0,
    };
    let length = step.signature().outputs[0].elements();
    let mut state = single(&start);
    state.resize(length, 0.0);
    let [mut losses, mut outputs] = [vec![0.0; ITEMS], vec![0.0; ITEMS * CLASSES]];
    for _ in 0..3 {
        let data = Data::of(&mut rng);
        let buffers =
            [single(&data.input), single(&data.target), SETTINGS.to_vec(), single(&prior)];
        let inputs: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
        let results = &mut [&mut state[..], &mut losses, &mut outputs];
        step.run_into(&inputs, results, &mut step.arena()).unwrap();
        let expected = reference.step(&data);
        let mean = losses.iter().sum::<f32>() / ITEMS as f32;
        assert!(
            (f64::from(mean) - expected).abs() < 1e-4 * expected.abs(),
            "{mean}, not {expected}"
        );
        for (place, (&own, &expected)) in state.iter().zip(&reference.state).enumerate() {
            // A hundredth of a step, where what Adam divides by what it divides is made of roundings.
            let allowed = 1e-4 + 1e-5 * expected.abs();
            let error = (f64::from(own) - expected).abs();
            assert!(error <= allowed, "number {place}: {own}, not {expected}");
        }
        let moments = prediction.run(&[&buffers[0], &state[..start.len()]]).unwrap();
        let expected = reference.outputs(&double(&state[..start.len()]), &data);
        for (own, expected) in moments.iter().flatten().zip(expected.iter().flatten()) {
            let error = (f64::from(*own) - expected).abs();
            assert!(error < 1e-5 * (1.0 + expected.abs()), "predicts {own}, not {expected}");
        }
    }
    assert!(single(&start) != state[..start.len()], "nothing was learned");
}

#[test]
fn the_last_layer_learns_by_adam() {
    check(&["fc2.weight", "fc2.bias"], Loss::CrossEntropy(0), Optimiser::Adam(Adam::default()), 1);
}

#[test]
fn all_layers_learn_by_descent() {
    let all = PARAMETERS.map(|(name, _)| name);
    check(&all, Loss::CrossEntropy(0), Optimiser::Sgd(0.0), 2);
    check(&all, Loss::Gaussian(Some(0.5)), Optimiser::Sgd(0.9), 3);
}

#[test]
fn one_parameter_learns_alone() {
    check(&["fc1.weight"], Loss::Binary(0), Optimiser::Sgd(0.0), 4);
}

/// A step of compiled code, and the state that it moves.
struct Learner {
    step: CompiledModel,
    prior: Vec<f32>,
    state: Vec<f32>,
    /// Which numbers of the posterior are variances.
    variances: Vec<std::ops::Range<usize>>,
}

impl Learner {
    /// One of the last layer, of which some weights are certain.
    fn new(optimiser: Optimiser) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let posterior = posterior(&mut rng);
        let session = Session::new();
        let source: Arc<Source> = Source::as_written("test.mlir", MODULE);
        let parameters = Safetensors::of(&posterior).unwrap();
        let names = ["fc2.weight", "fc2.bias"].map(str::to_owned);
        let loss = Loss::CrossEntropy(0);
        let wanted = Wanted { function: None, batch: None, items: 1, loss, optimiser };
        let adaptable = Adaptable::open(&session, &source, &parameters, &names, &wanted).unwrap();
        let function = adaptable.step.function(None).unwrap();
        let options = Options::default();
        let compiled =
            adaptable.step.compile(function, &Target::host(), &options, &|_| ()).unwrap();
        let step = CompiledModel::new(&compiled).unwrap();
        let state = vec![0.0; step.signature().outputs[0].elements()];
        let variances = adaptable.parameters.iter().map(|own| {
            let count = own.shape.iter().product::<i64>() as usize;
            own.variance..own.variance + count
        });
        let variances = variances.collect();
        let mut learner = Self { step, prior: adaptable.prior.clone(), state, variances };
        learner.start();
        learner
    }

    /// Puts the state back to what it starts from.
    fn start(&mut self) {
        self.state.fill(0.0);
        self.state[..self.prior.len()].copy_from_slice(&self.prior);
    }

    /// Takes a step on items of which every number is `input`; returns their losses.
    fn step(&mut self, input: f32, settings: &[f32; 3]) -> Vec<f32> {
        let input = [input; ITEMS * INPUTS];
        let mut target = vec![0.0; ITEMS * CLASSES];
        target.iter_mut().step_by(CLASSES).for_each(|share| *share = 1.0);
        let [mut losses, mut outputs] = [vec![0.0; ITEMS], vec![0.0; ITEMS * CLASSES]];
        let inputs = [&input[..], &target, settings, &self.prior];
        let results = &mut [&mut self.state[..], &mut losses, &mut outputs];
        self.step.run_into(&inputs, results, &mut self.step.arena()).unwrap();
        losses
    }

    fn posterior(&self) -> &[f32] {
        &self.state[..self.prior.len()]
    }

    /// Is all that it knows finite, and no variance negative, or 0 that was none?
    #[track_caller]
    fn check(&self, what: &str) {
        let bad = self.state.iter().position(|value| !value.is_finite());
        assert_eq!(bad, None, "{what}: number {bad:?} of {:?}", self.state);
        for place in self.variances.iter().cloned().flatten() {
            let (own, start) = (self.state[place], self.prior[place]);
            let is_kept = if start == 0.0 { own == 0.0 } else { own > 0.0 };
            assert!(is_kept, "{what}: the variance {start} became {own}");
        }
    }
}

const OPTIMISERS: [fn() -> Optimiser; 3] =
    [|| Optimiser::Adam(Adam::default()), || Optimiser::Sgd(0.0), || Optimiser::Sgd(0.9)];

#[test]
fn inputs_that_are_no_numbers_change_nothing_that_is() {
    for optimiser in OPTIMISERS.map(|make| make()) {
        let mut learner = Learner::new(optimiser);
        let start = learner.posterior().to_vec();
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let losses = learner.step(bad, &SETTINGS);
            assert!(losses.iter().all(|loss| !loss.is_finite()), "inputs of {bad}: {losses:?}");
            assert!(learner.posterior() == start, "{optimiser} after inputs of {bad}");
        }
        learner.step(1.0, &SETTINGS);
        assert!(learner.posterior() != start, "{optimiser} learns nothing after them");
        learner.check("after them");
    }
}

#[test]
fn no_input_and_no_setting_makes_a_state_that_is_not_finite() {
    let [rate, deviation_rate, pull] = SETTINGS;
    let settings = [
        SETTINGS,
        [f32::NAN, deviation_rate, pull],
        [rate, f32::NAN, pull],
        [rate, deviation_rate, f32::NAN],
        [f32::INFINITY; 3],
        [1e30, 1e30, pull],
        [f32::MAX; 3],
        [rate, deviation_rate, 1e30],
        [-1e30, -1e30, 1e3],
        [0.0, 1e3, 0.0],
    ];
    for optimiser in OPTIMISERS.map(|make| make()) {
        let mut learner = Learner::new(optimiser);
        for settings in settings {
            for input in [1.0, 1e4, 1e8, 1e12, 1e16, 1e19] {
                learner.start();
                for number in 0..30 {
                    learner.step(input, &settings);
                    let what = format!("{optimiser}, {settings:?}, {input}, step {number}");
                    learner.check(&what);
                }
            }
        }
    }
}

#[test]
fn a_rate_that_is_no_number_moves_nothing_along_it() {
    for optimiser in OPTIMISERS.map(|make| make()) {
        let mut learner = Learner::new(optimiser);
        let start = learner.posterior().to_vec();
        let ranges = learner.variances.clone();
        let is_variance = |place: &usize| ranges.iter().any(|own| own.contains(place));
        let places = 0..start.len();
        let (variances, means): (Vec<_>, Vec<_>) = places.partition(is_variance);
        let [rate, deviation_rate, pull] = SETTINGS;
        let same = |learner: &Learner, places: &[usize]| {
            places.iter().all(|&place| learner.state[place] == start[place])
        };
        learner.step(1.0, &[f32::NAN, deviation_rate, pull]);
        assert!(same(&learner, &means) && !same(&learner, &variances), "{optimiser}");
        learner.start();
        learner.step(1.0, &[rate, f32::NAN, pull]);
        assert!(!same(&learner, &means) && same(&learner, &variances), "{optimiser}");
    }
}

#[test]
fn what_cannot_learn_is_named() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut posterior = posterior(&mut rng);
    let unused = ParameterTensor { shape: vec![1], values: vec![0.5] };
    posterior.0.insert("spare.mean".into(), unused.clone());
    posterior.0.insert("spare.var".into(), unused);
    let module = MODULE.replacen(
        "  return",
        "  %s = gauss.parameter \"spare\" : !gauss.tensor<1xf32>\n  return",
        1,
    );
    let session = Session::new();
    let source: Arc<Source> = Source::as_written("test.mlir", module.as_str());
    let parameters = Safetensors::of(&posterior).unwrap();
    let (loss, optimiser) = (Loss::CrossEntropy(0), Optimiser::Sgd(0.0));
    let wanted = Wanted { function: None, batch: None, items: 1, loss, optimiser };
    let names = ["spare".to_owned()];
    let error = Adaptable::open(&session, &source, &parameters, &names, &wanted).err().unwrap();
    assert!(format!("{error}").contains("spare"), "{error}");
}
