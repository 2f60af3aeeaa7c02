//! Weighted sums of elements of one operand: reductions and interpolation.

use gauss_dialect::{
    layer as kinds,
    ops::{
        reduction::Reduction,
        resize::{Extent, Resize},
    },
};
use rand::Rng;

use super::{Generator, Layer, inferred};

impl Generator {
    pub fn reduction(&mut self) -> Layer {
        let shape = self.shape(1..=4);
        let mut axes: Vec<_> = (0..shape.len()).filter(|_| self.flip()).collect();
        if axes.is_empty() {
            axes.push(self.rng.random_range(0..shape.len()));
        }
        let reduction = Reduction { is_mean: self.flip(), axes, keep_dims: self.flip() };
        let operand = self.operand(&shape, false);
        inferred(kinds::Layer::Reduction(reduction), vec![operand])
    }

    /// Sizes of simple proportions as often as any.
    pub fn resize(&mut self) -> Layer {
        let shape = self.shape(1..=4);
        let rank = shape.len();
        let mut ratios = vec![(1, 1); rank];
        for ratio in &mut ratios {
            if self.flip() {
                *ratio = [(2, 1), (4, 1), (3, 2), (1, 2), (5, 3)][self.rng.random_range(0..5)];
            }
        }
        let extent = match self.flip() {
            true => {
                let size = |(&size, &(n, _)): (&usize, &(i64, i64))| match self.rng.random() {
                    true if n > 1 => self.rng.random_range(1..=50),
                    _ if n > 1 => n * size as i64,
                    _ => -1,
                };
                Extent::Sizes(shape.iter().zip(&ratios).map(size).collect())
            }
            false => Extent::Fractions {
                numerators: ratios.iter().map(|ratio| ratio.0).collect(),
                denominators: ratios
                    .iter()
                    .zip(&shape)
                    .map(|(&(n, d), &size)| if d > n * size as i64 { n } else { d })
                    .collect(),
            },
        };
        let resize = Resize { extent, aligned: self.flip() };
        let operand = self.operand(&shape, false);
        inferred(kinds::Layer::Resize(resize), vec![operand])
    }
}
