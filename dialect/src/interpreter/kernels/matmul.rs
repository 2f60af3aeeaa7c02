//! Products of matrices.

use super::{
    places::{place, strides},
    views::{elementwise, sizes},
};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::{self, Moments},
    ops::matmul::Matmul,
    shape::TensorType,
};

pub(super) fn product<V: Scalar>(
    matmul: Matmul,
    lhs: &Tensor<V>,
    rhs: &Tensor<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let shape = sizes(ty);
    let (leading, [rows, columns]) = matrices(&shape);
    let (left, right) = (Matrices::of(lhs, leading), Matrices::of(rhs, leading));
    // How far apart neighbours are along the rows or columns of the result, and along the sum.
    let [row, left_step] = match matmul.transpose_lhs {
        true => [1, left.columns],
        false => [left.columns, 1],
    };
    let [column, right_step] = match matmul.transpose_rhs {
        true => [right.columns, 1],
        false => [1, right.columns],
    };
    let depth = if matmul.transpose_lhs { left.rows } else { left.columns };
    let (x, y) = (lhs.view(), rhs.view());
    elementwise(ty, |i| {
        let [matrix, in_matrix] = [i / (rows * columns), i % (rows * columns)];
        let from = left.start(matrix, leading) + in_matrix / columns * row;
        let with = right.start(matrix, leading) + in_matrix % columns * column;
        (0..depth).fold(Moments::deterministic(V::ZERO), |sum, k| {
            moments::multiply_add(
                &mut V::algebra(),
                x.at(from + k * left_step),
                y.at(with + k * right_step),
                sum,
            )
        })
    })
}

/// The leading sizes of a tensor, and its last two.
fn matrices(shape: &[usize]) -> (&[usize], [usize; 2]) {
    match shape {
        [leading @ .., rows, columns] => (leading, [*rows, *columns]),
        _ => (shape, [1, 1]),
    }
}

/// An operand of a product of matrices.
struct Matrices {
    rows: usize,
    columns: usize,
    /// How many matrices one is from the next along each leading dimension of the result.
    steps: Vec<usize>,
}

impl Matrices {
    fn of<V: Scalar>(operand: &Tensor<V>, leading: &[usize]) -> Self {
        let (own, [rows, columns]) = matrices(&operand.shape);
        let own = [&vec![1; leading.len() - own.len()], own].concat();
        Self { rows, columns, steps: strides(&own, leading) }
    }

    /// The first element of the matrix that a matrix of the result is computed from.
    fn start(&self, matrix: usize, leading: &[usize]) -> usize {
        place(matrix, leading, &self.steps) * self.rows * self.columns
    }
}
