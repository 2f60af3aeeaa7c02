//! Functions of single elements and of two.

use gauss_dialect::ops::{activation::Activation, binary::Binary, noise::Noise};
use rand::Rng;

use super::{Generator, Layer};

impl Generator {
    /// Every function of two tensors in turn; now and then a dimension of one is repeated.
    pub fn binary(&mut self, number: usize) -> Layer {
        let binary = Binary::ALL[number % Binary::ALL.len()];
        let shape = self.shape(0..=4);
        let mut shapes = [shape.clone(), shape.clone()];
        for (dim, _) in shape.iter().enumerate() {
            if self.rng.random_range(0..4) == 0 {
                shapes[self.rng.random_range(0..2)][dim] = 1;
            }
        }
        let mut operands = shapes.map(|shape| self.operand(&shape, false));
        if binary == Binary::Prelu {
            operands[1].tensor.variance = None;
        }
        if binary == Binary::Div {
            let away = |value: f64| f64::from((value + value.signum()) as f32);
            let tensor = &mut operands[1].tensor;
            tensor.variance = None;
            tensor.mean.iter_mut().for_each(|value| *value = away(*value));
        }
        (binary.name(), String::new(), operands.into(), shape)
    }

    /// Every activation in turn, in one of the forms that tests of it go through.
    pub fn activation(&mut self, number: usize) -> Layer {
        let name = Activation::NAMES[number % Activation::NAMES.len()];
        let mut samples = Activation::samples();
        samples.retain(|activation| activation.name() == name);
        let activation = samples[self.rng.random_range(0..samples.len())];
        let shape = self.shape(0..=4);
        let operands = vec![self.operand(&shape, false)];
        (activation.name(), activation.write().to_string(), operands, shape)
    }

    /// Each kind of noise in turn.
    pub fn noise(&mut self, number: usize) -> Layer {
        let samples = Noise::samples();
        let noise = samples[number % samples.len()];
        let shape = self.shape(0..=4);
        let operands = vec![self.operand(&shape, false)];
        (noise.name(), noise.write().to_string(), operands, shape)
    }
}
