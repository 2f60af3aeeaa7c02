//! Cases of random ops and chains: sizes, operands and attributes drawn by a generator that is seeded.

mod chain;
mod classifier;
mod composite;
mod elementwise;
mod linear;
mod movement;
mod norm;
mod pool;
mod reduction;

use std::ops::RangeInclusive;

use gauss_dialect::{interpreter::Tensor, layer as kinds, shape};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use self::classifier::Classifier;
use super::{reference, tensor};
use crate::case::{Case, Operand};

/// An op with its attributes, its operands and the shape of its result.
type Layer = (&'static str, String, Vec<Operand>, Vec<usize>);

/// An op on these operands, with the result that the rules of shapes give it.
fn inferred(layer: kinds::Layer, operands: Vec<Operand>) -> Layer {
    let types: Vec<_> = operands.iter().map(|operand| operand.tensor.ty()).collect();
    let result = shape::infer(&layer, &types).unwrap();
    let sizes = result.shape.iter().map(|&size| size as usize).collect();
    (layer.name(), layer.write().to_string(), operands, sizes)
}

/// Cases of one kind of op.
pub fn of_kind(seed: u64, count: usize, kind: fn(&mut Generator) -> Layer) -> Vec<Case> {
    let mut generator = Generator::new(seed);
    let mut case = |number| {
        let layer = kind(&mut generator);
        generator.of_op(number, layer)
    };
    (0..count).map(&mut case).collect()
}

pub struct Generator {
    rng: ChaCha8Rng,
    seed: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), seed }
    }

    fn size(&mut self, most: usize) -> usize {
        self.rng.random_range(1..=most)
    }

    /// One to `most`, small numbers as likely as large ones.
    fn any_size(&mut self, most: usize) -> usize {
        let most = most >> self.rng.random_range(0..=most.ilog2());
        self.size(most.max(1))
    }

    fn flip(&mut self) -> bool {
        self.rng.random()
    }

    /// A shape of one of these ranks.
    fn shape(&mut self, ranks: RangeInclusive<usize>) -> Vec<usize> {
        let rank = self.rng.random_range(ranks);
        (0..rank).map(|_| self.size(9)).collect()
    }

    /// As [`tensor`], unlike each other.
    fn tensor(&mut self, shape: &[usize], gaussian: bool) -> Tensor {
        self.seed += 1;
        tensor(shape, gaussian, self.seed)
    }

    fn operand(&mut self, shape: &[usize], parameter: bool) -> Operand {
        let gaussian = self.flip();
        Operand { tensor: self.tensor(shape, gaussian), parameter }
    }

    pub fn case(&mut self, number: usize) -> Case {
        let layer = self.layer(number);
        self.of_op(number, layer)
    }

    /// A case all of whose operands are parameters, but for numbers of elements.
    pub fn trainable(&mut self, number: usize) -> Case {
        let (op, attributes, mut operands, shape) = self.layer(number);
        let first = usize::from(op == "embedding");
        operands[first..].iter_mut().for_each(|operand| operand.parameter = true);
        self.of_op(number, (op, attributes, operands, shape))
    }

    /// An op, of each family in turn.
    fn layer(&mut self, number: usize) -> Layer {
        match number % 16 {
            0 if !number.is_multiple_of(32) => self.conv_transpose(),
            0 => self.dense(),
            1 | 2 => self.convolution(),
            3 if number % 64 == 3 => self.global_max_pool(),
            3 => self.pool(true),
            4 => self.pool(false),
            5 => self.activation(number / 16),
            6 => self.batch_norm(),
            7 => self.binary(number / 16),
            8 => self.movement(number / 16),
            9 => self.matmul(),
            10 => self.embedding(),
            11 => self.resize(),
            12 => self.norm(number / 16),
            13 => self.composite(number / 16),
            14 => self.noise(number / 16),
            _ => self.reduction(),
        }
    }

    fn of_op(&mut self, number: usize, (op, attributes, operands, shape): Layer) -> Case {
        let elements = shape.iter().product();
        let placeholder = Tensor::deterministic(&shape, vec![0.0; elements]);
        let name = format!("{op}_{number}");
        let mut case = Case::of_op(&name, op, &attributes, &operands, placeholder);
        case.expected = reference(&case);
        case
    }
}
