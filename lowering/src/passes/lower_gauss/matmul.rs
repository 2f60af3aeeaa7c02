//! Products of matrices.

use gauss_dialect::{ir::Value, moments::Moments, ops::matmul::Matmul};

use super::{Emitter, Read};

impl Emitter {
    /// The products of two tensors of matrices, in a tensor of this shape.
    pub(super) fn matmul(
        &self,
        matmul: Matmul,
        [lhs, rhs]: [Moments<Value>; 2],
        shape: &[i64],
    ) -> Moments<Value> {
        let rank = shape.len();
        let (row, column, depth) = (rank - 2, rank - 1, rank);
        let swapped = |dims: [usize; 2], swap| if swap { [dims[1], dims[0]] } else { dims };
        let inputs = [
            self.matrices(lhs, swapped([row, depth], matmul.transpose_lhs), shape),
            self.matrices(rhs, swapped([depth, column], matmul.transpose_rhs), shape),
        ];
        let gaussian = lhs.variance.is_some() || rhs.variance.is_some();
        let zero = Moments {
            mean: self.fill(shape, 0.0),
            variance: gaussian.then(|| self.fill(shape, 0.0)),
        };
        let dims: Vec<_> = (0..rank).map(|dim| self.context.dim(dim)).collect();
        self.contract(inputs, zero, self.context.affine_map(rank + 1, &dims))
    }

    /// A read of matrices whose rows and columns lie along these two dimensions of the loops. Leading
    /// dimensions are those of the result, and repeated where they are 1 or missing.
    fn matrices(&self, x: Moments<Value>, last: [usize; 2], shape: &[i64]) -> Read {
        let own = x.mean.ty().shape().unwrap_or_default();
        let leading = own.len().saturating_sub(2);
        let missing = shape.len() - own.len();
        let index = |(dim, &size): (usize, &i64)| match size == 1 && shape[missing + dim] != 1 {
            true => self.context.affine_constant(0),
            false => self.context.dim(missing + dim),
        };
        let mut indices: Vec<_> = own[..leading].iter().enumerate().map(index).collect();
        indices.extend(last.map(|dim| self.context.dim(dim)));
        (x, self.context.affine_map(shape.len() + 1, &indices))
    }
}
