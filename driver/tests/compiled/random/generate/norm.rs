//! Normalisation by running statistics and by those of the values.

use gauss_dialect::ops::norm::{Norm, Over};
use rand::Rng;

use super::{Generator, Layer};
use crate::case::Operand;

impl Generator {
    pub fn batch_norm(&mut self) -> Layer {
        let shape = self.shape(2..=4);
        let mut operands = vec![self.operand(&shape, false)];
        let parameter = self.flip();
        let channels = [shape[1]];
        operands.push(self.operand(&channels, parameter));
        operands.push(self.operand(&channels, parameter));
        for _ in 0..2 {
            let mut tensor = self.tensor(&channels, false);
            let positive = |value: f64| f64::from((value.abs() + 0.5) as f32);
            tensor.mean.iter_mut().for_each(|value| *value = positive(*value));
            operands.push(Operand { tensor, parameter });
        }
        ("batch_norm", String::new(), operands, shape)
    }

    /// Every normalisation by the values in turn, of few and of many elements.
    pub fn norm(&mut self, number: usize) -> Layer {
        let mut shape = self.shape(2..=4);
        let last = shape.len() - 1;
        if self.flip() {
            shape[last] = [16, 32, 48, 100, 127][self.rng.random_range(0..5)];
        }
        let over = match number % 4 {
            0 => Over::Layer(self.size(last)),
            1 => Over::RootMeanSquare(self.size(last)),
            2 => {
                let groups = self.size(3);
                shape[1] = groups * self.size(4);
                Over::Groups(groups as i64)
            }
            _ => Over::Instance,
        };
        let norm = Norm { over, epsilon: 1e-5 };
        let sizes = &shape[norm.parameter_dims(shape.len())];
        let most = if matches!(over, Over::RootMeanSquare(_)) { 1 } else { 2 };
        let mut operands = vec![self.operand(&shape, false)];
        for _ in 0..self.rng.random_range(0..=most) {
            let parameter = self.flip();
            operands.push(self.operand(sizes, parameter));
        }
        (norm.name(), norm.write().to_string(), operands, shape)
    }
}
