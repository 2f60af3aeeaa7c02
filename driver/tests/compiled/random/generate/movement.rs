//! Ops whose elements are those of an operand, elsewhere.

use gauss_dialect::{
    layer as kinds,
    ops::movement::{Border, Movement},
};
use rand::Rng;

use super::{Generator, Layer, inferred};
use crate::case::Operand;

impl Generator {
    /// Every movement in turn.
    pub fn movement(&mut self, number: usize) -> Layer {
        let rank = self.rng.random_range(1..=4usize);
        let mut shape: Vec<_> = (0..rank).map(|_| 1 + self.size(8)).collect();
        let axis = self.rng.random_range(0..rank);
        let zeros = vec![0i64; rank];
        let ones = vec![1i64; rank];
        let mut others = vec![];
        let movement = match number % 9 {
            0 => {
                let mut permutation: Vec<_> = (0..rank as i64).collect();
                for dim in 1..rank {
                    permutation.swap(dim, self.rng.random_range(0..=dim));
                }
                Movement::Transpose(permutation)
            }
            1 => {
                let (size, step) = (self.size(shape[axis]), self.size(2));
                let size = if (size - 1) * step < shape[axis] { size } else { 1 };
                let start = self.rng.random_range(0..shape[axis] - (size - 1) * step);
                let [start, size, step] = [start, size, step].map(|n| n as i64);
                Movement::Slice { axis, start, size, step }
            }
            2 => {
                for _ in 0..self.rng.random_range(0..3) {
                    let mut other = shape.clone();
                    other[axis] = self.size(9);
                    others.push(other);
                }
                Movement::Concat(axis)
            }
            3..=5 => {
                let border =
                    [Border::Constant(-0.5), Border::Reflect, Border::Edge][number % 9 - 3];
                let most = if border == Border::Reflect { shape[axis] - 1 } else { 4 };
                let (mut low, mut high) = (zeros.clone(), zeros);
                low[axis] = self.rng.random_range(0..=most) as i64;
                high[axis] = self.rng.random_range(0..=most) as i64;
                Movement::Pad { low, high, border }
            }
            6 => {
                shape[axis] = 1;
                let mut to = vec![-1; rank];
                to[axis] = self.size(7) as i64;
                Movement::Expand(to)
            }
            7 => {
                let most = shape[axis] as i64;
                // Now and then so many that they are a loop.
                let count = if self.size(4) == 1 { 200 } else { self.size(9) };
                let indices = (0..count).map(|_| self.rng.random_range(0..most)).collect();
                Movement::Gather { axis, indices }
            }
            _ => {
                let mut factors = ones;
                factors[axis] = self.size(4) as i64;
                factors[rank - 1] = self.size(3) as i64;
                Movement::Upsample(factors)
            }
        };
        let shapes = [shape].into_iter().chain(others);
        let operands = shapes.map(|shape| self.operand(&shape, false)).collect();
        inferred(kinds::Layer::Movement(movement), operands)
    }

    /// Rows of a table by numbers of which some are none of it.
    pub fn embedding(&mut self) -> Layer {
        let (rows, features) = (self.size(40), self.any_size(70));
        let shape = self.shape(0..=3);
        let mut indices = self.tensor(&shape, false);
        let choices = [-1.0, f64::NAN, 1e30, 0.75, rows as f64];
        for index in &mut indices.mean {
            *index = match self.rng.random_range(0..20) {
                rare @ 0..5 => choices[rare],
                _ => self.rng.random_range(0..rows) as f64,
            };
        }
        let parameter = self.flip();
        let operands = vec![
            Operand { tensor: indices, parameter: false },
            self.operand(&[rows, features], parameter),
        ];
        let result = [&shape[..], &[features]].concat();
        ("embedding", String::new(), operands, result)
    }
}
