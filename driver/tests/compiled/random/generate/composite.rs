//! Blends, weights of an attention, and networks that are one op.

use gauss_dialect::ops::{
    attention::Attention,
    composite::Composite,
    recurrent::{Cell, Direction, Recurrent},
    weights::Weights,
};
use rand::Rng;

use super::{Generator, Layer};

impl Generator {
    /// A blend, weights of an attention, or a network that is one op, in turn.
    pub fn composite(&mut self, number: usize) -> Layer {
        let (n, t) = (self.size(3), self.size(5));
        match number % 5 {
            0 => {
                let shape = self.shape(0..=4);
                let mut operands = vec![];
                for _ in 0..3 {
                    let mut own = shape.clone();
                    if let Some(last) = own.last_mut().filter(|_| self.flip()) {
                        *last = 1;
                    }
                    operands.push(self.operand(&own, false));
                }
                let types: Vec<_> = operands.iter().map(|x| x.tensor.shape.clone()).collect();
                let size = |dim| types.iter().map(|shape: &Vec<usize>| shape[dim]).max();
                let result = (0..shape.len()).filter_map(size).collect();
                ("blend", String::new(), operands, result)
            }
            1 => {
                let weights = Weights { scale: 0.5, causal: self.flip() };
                let shape = vec![n, t, t + self.size(40)];
                let operands = vec![self.operand(&shape, false)];
                (Weights::NAME, weights.write().to_string(), operands, shape)
            }
            2 => {
                let (s, d, e) = (t + self.size(6), self.size(9), self.size(20));
                let scale = if self.flip() { Some(0.25) } else { None };
                let attention = Attention { scale, causal: self.flip() };
                let shapes = [[n, t, d], [n, s, d], [n, s, e]];
                let operands = shapes.map(|shape| self.operand(&shape, false)).into();
                (Attention::NAME, attention.write().to_string(), operands, vec![n, t, e])
            }
            which => {
                let direction = [Direction::Forward, Direction::Reverse, Direction::Bidirectional]
                    [self.rng.random_range(0..3)];
                let cell = match which {
                    3 => Cell::Lstm,
                    _ => Cell::Gru { linear_before_reset: self.flip() },
                };
                let recurrent = Recurrent { cell, direction, onnx_gates: self.flip() };
                let (i, h) = (self.size(9), self.size(20));
                let [d, gates] = [recurrent.directions(), recurrent.gates()].map(|n| n as usize);
                let parameter = self.flip();
                let mut operands = vec![
                    self.operand(&[n, t, i], false),
                    self.operand(&[d, gates * h, i], parameter),
                    self.operand(&[d, gates * h, h], parameter),
                ];
                for _ in 0..self.rng.random_range(0..=2) {
                    operands.push(self.operand(&[d, gates * h], parameter));
                }
                let attributes = Composite::Recurrent(recurrent).write().to_string();
                (recurrent.name(), attributes, operands, vec![n, t, d * h])
            }
        }
    }
}
