//! Pools.

use gauss_dialect::{
    layer as kinds,
    ops::{
        pool::{Kind, Pool},
        window::{SpatialAxis, Window},
    },
};
use rand::Rng;

use super::{Generator, Layer, inferred};

impl Generator {
    /// A pool of any rank, of images as often as of all others.
    pub fn pool(&mut self, is_max: bool) -> Layer {
        let rank = [1, 2, 2, 3][self.rng.random_range(0..4)];
        let kernel: Vec<_> = (0..rank).map(|_| self.size(6 - rank)).collect();
        // Gaps and windows that are cut are rarer than whole ones.
        let (is_apart, ceil) = (self.size(4) == 1, self.size(3) == 1);
        let axes: Vec<_> = kernel
            .iter()
            .map(|&kernel| SpatialAxis {
                stride: self.size(5) as i64,
                padding: [0; 2].map(|_| self.rng.random_range(0..kernel as i64)),
                dilation: if is_apart { self.size(3) as i64 } else { 1 },
            })
            .collect();
        let mut shape = vec![self.size(2), self.size(3)];
        for (&kernel, axis) in kernel.iter().zip(&axes) {
            let least = axis.extent(kernel as i64).max(axis.padding.iter().sum());
            shape.push(least as usize + self.size([60, 40, 6][rank - 1]) - 1);
        }
        let kernel = kernel.into_iter().map(|size| size as i64).collect();
        let kind = match is_max {
            true => Kind::Max,
            false => Kind::Average { count_include_pad: self.flip() },
        };
        let pool = Pool { kind, window: Window { kernel, axes, ceil } };
        let operand = self.operand(&shape, false);
        inferred(kinds::Layer::Pool(pool), vec![operand])
    }

    pub fn global_max_pool(&mut self) -> Layer {
        let shape = self.shape(3..=5);
        let operand = self.operand(&shape, false);
        let result = shape.iter().enumerate().map(|(dim, &size)| if dim < 2 { size } else { 1 });
        ("global_max_pool", String::new(), vec![operand], result.collect())
    }
}
