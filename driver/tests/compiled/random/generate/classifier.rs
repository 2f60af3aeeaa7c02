//! Classifiers: any op, what is between it and dense layers, and up to four of these.

use std::{collections::BTreeMap, fmt::Write, sync::OnceLock};

use gauss_dialect::{
    interpreter::Tensor,
    layer as kinds,
    ops::{
        binary::Binary,
        norm::{Norm, Over},
        pool::{Kind, Pool},
        window::{SpatialAxis, Window},
    },
    shape::{self, TensorType},
};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Generator, Layer};
use crate::case::{Case, Operand};

/// The most numbers that the first op takes, and that it gives.
const MOST_TAKEN: usize = 700;
const MOST_GIVEN: usize = 160;

/// The most items of a batch.
const MOST_ITEMS: usize = 3;

/// For each op, numbers of [`Generator::layer`] that give it.
fn numbers_of(op: &str) -> Option<&'static [usize]> {
    static NUMBERS: OnceLock<BTreeMap<&'static str, Vec<usize>>> = OnceLock::new();
    let numbers = NUMBERS.get_or_init(|| {
        let mut generator = Generator::new(0);
        let mut numbers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for number in 0..2048 {
            numbers.entry(generator.layer(number).0).or_default().push(number);
        }
        numbers
    });
    numbers.get(op).map(Vec::as_slice)
}

impl Generator {
    /// A classifier, of one item or a few. The ops of the dialect begin it in turn, in any order.
    pub fn classifier(&mut self, number: usize) -> Classifier {
        let mut names = kinds::Layer::names();
        names.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        let (op, attributes, mut operands, sizes) = self.small(names[number % names.len()]);
        // What is known of the first op, from nearly all to little.
        let relative = self.relative();
        for variance in operands.iter_mut().filter_map(|x| x.tensor.variance.as_mut()).flatten() {
            *variance = f64::from((*variance * relative) as f32);
        }
        let mut network =
            Network::of_op(&format!("net_{number}"), op, &attributes, &operands, &sizes);
        self.behind_images(&mut network);
        network.flatten();
        let features = network.value();
        let layers = self.size(4);
        let mut skipped = None;
        for layer in 1..=layers {
            let is_last = layer == layers;
            let outputs = if is_last { 1 + self.size(11) } else { 1 + self.size(19) };
            let uncertain = is_last || self.rng.random_range(0..8) > 0;
            self.logits(&mut network, outputs, uncertain);
            if !is_last {
                self.between(&mut network, &mut skipped);
            }
        }
        let is_chain = network.is_chain;
        Classifier { case: network.finish(), features, is_chain }
    }

    /// An op on few numbers; any where no single one makes this one.
    fn small(&mut self, op: &str) -> Layer {
        let numbers = numbers_of(op);
        loop {
            let number = match numbers {
                Some(numbers) => numbers[self.rng.random_range(0..numbers.len())],
                None => self.rng.random_range(0..2048),
            };
            let layer = self.layer(number);
            let (name, _, operands, sizes) = &layer;
            let taken: usize = operands.iter().map(|operand| operand.tensor.mean.len()).sum();
            let given: usize = sizes.iter().product();
            let is_wanted = numbers.is_none() || *name == op;
            if is_wanted && taken <= MOST_TAKEN && (2..=MOST_GIVEN).contains(&given) {
                return layer;
            }
        }
    }

    /// The variance of weights beside the square of their means: from 1/256 to 2.
    fn relative(&mut self) -> f64 {
        0.5f64.powf(self.rng.random_range(-1.0..8.0))
    }

    /// Numbers whose squares are `gain`² on average, with variances of `relative` times as much.
    fn around(&mut self, shape: &[usize], mean: f64, gain: f64, relative: Option<f64>) -> Tensor {
        let count: usize = shape.iter().product();
        let mut numbers = |low: f64, high: f64| -> Vec<f64> {
            (0..count).map(|_| f64::from(self.rng.random_range(low..high) as f32)).collect()
        };
        let values = numbers(mean - 1.75 * gain, mean + 1.75 * gain);
        let variances = relative.map(|relative| numbers(0.0, 2.0 * relative * gain * gain));
        Tensor::new(shape.to_vec(), values, variances)
    }

    /// Pools, and activations before them, of what has windows.
    fn behind_images(&mut self, network: &mut Network) {
        let Some(spatial) =
            network.ty.shape.get(2..).filter(|sizes| (1..=3).contains(&sizes.len()))
        else {
            return;
        };
        let (rank, is_wide) = (spatial.len(), spatial.iter().all(|&size| size >= 2));
        if self.flip() {
            let activation = self.bounded();
            network.then(&kinds::Layer::Activation(activation), &[]);
        }
        if is_wide && self.rng.random_range(0..4) > 0 {
            let kind = match self.rng.random_range(0..3) {
                0 => Kind::Average { count_include_pad: false },
                _ => Kind::Max,
            };
            let axis = SpatialAxis { stride: 2, padding: [0, 0], dilation: 1 };
            let window = Window { kernel: vec![2; rank], axes: vec![axis; rank], ceil: false };
            network.then(&kinds::Layer::Pool(Pool { kind, window }), &[]);
        }
    }

    fn logits(&mut self, network: &mut Network, outputs: usize, uncertain: bool) {
        let depth = network.ty.shape[1] as usize;
        let gain = self.rng.random_range(0.5..2.5) / (depth as f64).sqrt();
        let relative = uncertain.then(|| self.relative());
        let weight = self.around(&[outputs, depth], 0.0, gain, relative);
        let mut operands = vec![network.parameter(&weight)];
        if self.flip() {
            let relative = self.flip().then(|| self.relative());
            let bias = self.around(&[outputs], 0.0, 0.5, relative);
            operands.push(network.parameter(&bias));
        }
        network.then(&kinds::Layer::Dense, &operands);
    }

    /// An activation, and now and then what else is between dense layers.
    fn between(&mut self, network: &mut Network, skipped: &mut Option<Value>) {
        let features = network.ty.shape[1] as usize;
        match self.rng.random_range(0..10) {
            0 => {
                network.is_chain = false;
                let norm = Norm { over: Over::Layer(1), epsilon: 1e-5 };
                network.then(&kinds::Layer::Norm(norm), &[]);
            }
            1 => {
                let factors = self.around(&[1, features], 1.0, 0.2, None);
                let factors = network.parameter(&factors);
                network.then(&kinds::Layer::Binary(Binary::Mul), &[factors]);
            }
            2 => {
                let gaussian = self.flip().then(|| self.relative());
                let terms = self.around(&[1, features], 0.0, 0.5, gaussian);
                let terms = network.parameter(&terms);
                network.then(&kinds::Layer::Binary(Binary::Add), &[terms]);
            }
            _ => {}
        }
        let activation = self.bounded();
        network.then(&kinds::Layer::Activation(activation), &[]);
        // A residual branch, of the value before the next layer.
        let value = network.value();
        if let Some(skipped) = skipped.replace(value).filter(|_| self.rng.random_range(0..4) == 0) {
            let columns = skipped.1.shape[1] as usize;
            let weight =
                self.around(&[features, columns], 0.0, 0.5 / (columns as f64).sqrt(), None);
            network.add_branch(&skipped, &weight);
        }
    }
}

/// A network from inputs to logits.
pub struct Classifier {
    pub case: Case,
    /// What the first of its dense layers reads.
    features: Value,
    /// Do dense layers and functions of single elements follow, each of the one before?
    pub is_chain: bool,
}

impl Classifier {
    /// The module with the features of the first dense layer as a second result.
    pub fn with_features(&self) -> String {
        let (name, ty) = &self.features;
        let logits = TensorType { gaussian: true, ..self.case.expected.ty() };
        let module = self.case.module.replacen(
            &format!(") -> {logits} {{"),
            &format!(") -> ({logits}, {ty}) {{"),
            1,
        );
        let (body, result) = module.rsplit_once("  return ").unwrap();
        let (result, _) = result.split_once(" : ").unwrap();
        format!("{body}  return {result}, {name} : {logits}, {ty}\n}}\n")
    }
}

/// What an op reads: its name and its type.
type Value = (String, TensorType);

/// A network, as far as it is written.
struct Network {
    case: Case,
    body: String,
    name: String,
    ty: TensorType,
    /// How many values and parameters have names.
    named: usize,
    is_chain: bool,
}

impl Network {
    fn of_op(
        name: &str,
        op: &str,
        attributes: &str,
        operands: &[Operand],
        sizes: &[usize],
    ) -> Self {
        let elements = sizes.iter().product();
        let placeholder = Tensor::deterministic(sizes, vec![0.0; elements]);
        let case = Case::of_op(name, op, attributes, operands, placeholder);
        let gaussian = case.module.contains("  return %r : !gauss.");
        let ty = TensorType { gaussian, ..case.expected.ty() };
        Self { case, body: String::new(), name: "%r".to_owned(), ty, named: 0, is_chain: true }
    }

    fn value(&self) -> Value {
        (self.name.clone(), self.ty.clone())
    }

    fn new_name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}{}", self.named)
    }

    fn parameter(&mut self, tensor: &Tensor) -> Value {
        let name = self.new_name("w");
        self.case.posterior.insert(&name, tensor);
        let ty = tensor.ty();
        writeln!(self.body, "  %{name} = gauss.parameter \"{name}\" : {ty}").unwrap();
        (format!("%{name}"), ty)
    }

    /// A layer on the last value and others.
    fn then(&mut self, layer: &kinds::Layer, others: &[Value]) {
        let operands: Vec<_> = [self.value()].into_iter().chain(others.iter().cloned()).collect();
        let types: Vec<_> = operands.iter().map(|(_, ty)| ty.clone()).collect();
        let ty = shape::infer(layer, &types).unwrap();
        let attributes = layer.write();
        self.write(&format!("{}{attributes}", layer.name()), &operands, ty);
    }

    fn write(&mut self, op: &str, operands: &[Value], ty: TensorType) {
        let (name, attributes) = op.split_once(' ').unwrap_or((op, ""));
        let result = format!("%{}", self.new_name("v"));
        let names: Vec<_> = operands.iter().map(|(name, _)| name.as_str()).collect();
        let types: Vec<_> = operands.iter().map(|(_, ty)| ty.to_string()).collect();
        let (names, types) = (names.join(", "), types.join(", "));
        writeln!(self.body, "  {result} = gauss.{name} {names} {attributes} : ({types}) -> {ty}")
            .unwrap();
        (self.name, self.ty) = (result, ty);
    }

    /// Adds a branch from an earlier value through a weight.
    fn add_branch(&mut self, from: &Value, weight: &Tensor) {
        self.is_chain = false;
        let value = self.value();
        let weight = self.parameter(weight);
        (self.name, self.ty) = from.clone();
        self.then(&kinds::Layer::Dense, &[weight]);
        self.then(&kinds::Layer::Binary(Binary::Add), &[value]);
    }

    /// Items and their features.
    fn flatten(&mut self) {
        let elements: i64 = self.ty.shape.iter().product();
        let items = self.ty.shape.first().copied().filter(|&items| {
            items as usize <= MOST_ITEMS && elements > items && self.ty.shape.len() > 1
        });
        match items {
            Some(_) if self.ty.shape.len() == 2 => {}
            Some(_) => self.then(&kinds::Layer::Flatten, &[]),
            None => {
                let ty = TensorType { shape: vec![1, elements], ..self.ty.clone() };
                self.write("reshape", &[self.value()], ty);
            }
        }
    }

    fn finish(self) -> Case {
        let Self { mut case, body, name, ty, .. } = self;
        let (front, _) = case.module.rsplit_once("  return ").unwrap();
        let (function, front) = front.split_once(" {\n").unwrap();
        let (arguments, _) = function.rsplit_once(" -> ").unwrap();
        case.module = format!("{arguments} -> {ty} {{\n{front}{body}  return {name} : {ty}\n}}\n");
        let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
        case.expected = Tensor::deterministic(&shape, vec![0.0; shape.iter().product()]);
        case
    }
}
