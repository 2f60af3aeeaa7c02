//! Products of matrices, one for each index of the leading dimensions.

use crate::{
    attributes::{AttributeList, Attributes},
    ir::DYNAMIC,
    types::{TensorType, broadcast},
};

/// `gauss.matmul`: which of its operands are read as their transposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matmul {
    /// Is the left operand …×K×M, and not …×M×K?
    pub transpose_lhs: bool,
    /// Is the right operand …×N×K, and not …×K×N?
    pub transpose_rhs: bool,
}

impl Matmul {
    /// The op, without the dialect.
    pub const NAME: &'static str = "matmul";

    /// Reads the attributes.
    pub fn read(attributes: &Attributes) -> Self {
        let flag = |name| attributes.flag(name).unwrap_or(false);
        Self { transpose_lhs: flag("transpose_lhs"), transpose_rhs: flag("transpose_rhs") }
    }

    /// The attributes, as [`Matmul::read`] takes them.
    pub fn write(self) -> AttributeList {
        AttributeList::default()
            .with("transpose_lhs", self.transpose_lhs)
            .with("transpose_rhs", self.transpose_rhs)
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the matrices do not fit each other, or their leading dimensions do not.
    pub fn infer(self, lhs: &TensorType, rhs: &TensorType) -> Result<TensorType, String> {
        let (left, [rows, depth]) = split(lhs, self.transpose_lhs)?;
        let (right, [columns, rhs_depth]) = split(rhs, !self.transpose_rhs)?;
        if depth == DYNAMIC || rhs_depth == DYNAMIC {
            return Err(format!(
                "multiplies {lhs} by {rhs} and sums over the batch, which is not fixed"
            ));
        }
        if depth != rhs_depth {
            return Err(format!(
                "multiplies {lhs} by {rhs}: the rows of the left matrix have {depth} elements, the \
                 columns of the right one {rhs_depth}"
            ));
        }
        let rank = left.len().max(right.len());
        let [left, right] = [left, right].map(|sizes| {
            let missing = rank - sizes.len();
            [vec![1; missing], sizes.to_vec()].concat()
        });
        let mut shape = broadcast(&left, &right).ok_or_else(|| {
            format!("multiplies {lhs} by {rhs}, whose leading dimensions do not fit each other")
        })?;
        shape.extend([rows, columns]);
        Ok(TensorType::new(shape, lhs.gaussian || rhs.gaussian))
    }
}

/// The leading dimensions of an operand and, in this order or swapped, its last two.
fn split(ty: &TensorType, is_swapped: bool) -> Result<(&[i64], [i64; 2]), String> {
    match ty.shape.as_slice() {
        [leading @ .., rows, columns] if is_swapped => Ok((leading, [*columns, *rows])),
        [leading @ .., rows, columns] => Ok((leading, [*rows, *columns])),
        _ => Err(format!("needs matrices, tensors of rank 2 and more, got {ty}")),
    }
}
