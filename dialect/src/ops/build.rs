//! What ops are made of that are networks of others.

use super::{
    activation::Activation, binary::Binary, matmul::Matmul, movement::Movement,
    reduction::Reduction, weights::Weights,
};
use crate::{attributes::AttributeList, types::TensorType};

/// An op that others are made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// `gauss.make`.
    Make,
    /// `gauss.mean`.
    Mean,
    /// `gauss.variance`.
    Variance,
    /// `gauss.gain` of an activation.
    Gain(Activation),
    /// `gauss.with_diagonal`.
    WithDiagonal,
    /// `gauss.mix`.
    Mix,
    /// `gauss.square_deviation`.
    SquareDeviation {
        /// Of the positive part?
        rectified: bool,
    },
    /// `gauss.scale_nodes`.
    ScaleNodes(i64),
    /// `gauss.dense`.
    Dense,
    /// `gauss.blend`.
    Blend,
    /// `gauss.matmul`.
    Matmul(Matmul),
    /// A function of two tensors.
    Binary(Binary),
    /// Elements in other places.
    Movement(Movement),
    /// A sum or a mean over dimensions.
    Reduction(Reduction),
    /// An activation.
    Activation(Activation),
    /// `gauss.attention_weights`.
    AttentionWeights(Weights),
}

/// The attributes of `gauss.gain`.
pub fn gain(activation: Activation) -> AttributeList {
    AttributeList::default()
        .with("function", activation.name())
        .with("settings", activation.write())
}

/// What makes values out of others: the interpreter, the lowering, a count.
pub trait Build {
    /// A tensor, or the name of one in the program being built.
    type Value: Clone;

    /// The type of a value.
    fn ty(&self, value: &Self::Value) -> TensorType;

    /// The result of a part.
    ///
    /// # Errors
    ///
    /// Where the operands do not fit.
    fn layer(&mut self, part: Part, operands: &[&Self::Value]) -> Result<Self::Value, String>;

    /// The same elements in another shape.
    ///
    /// # Errors
    ///
    /// Where there are not as many.
    fn reshape(&mut self, value: &Self::Value, shape: &[i64]) -> Result<Self::Value, String>;

    /// A 0 whose dimensions all have the size 1; as a Gaussian with the variance 0.
    fn zero(&mut self, rank: usize, gaussian: bool) -> Self::Value;
}
