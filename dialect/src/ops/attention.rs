//! Scaled dot-product attention.

use super::{
    binary::Binary,
    build::{Build, Part},
    matmul::Matmul,
    reduction::Reduction,
    weights::Weights,
};
use crate::attributes::{AttributeList, Attributes};

/// `gauss.attention`: weights of queries and keys, times values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// What products of queries and keys are multiplied by; `None` for one over the root of their
    /// length.
    pub scale: Option<f64>,
    /// As of [`Weights`].
    pub causal: bool,
}

impl Attention {
    /// The op, without the dialect.
    pub const NAME: &'static str = "attention";

    /// Reads the attributes.
    ///
    /// # Errors
    ///
    /// Where one has no meaning.
    pub fn read(attributes: &Attributes) -> Result<Self, String> {
        let causal = attributes.flag("causal").unwrap_or(false);
        Ok(Self { scale: attributes.number("scale")?, causal })
    }

    /// The attributes, as [`Attention::read`] takes them.
    pub fn write(self) -> AttributeList {
        let list = AttributeList::default().with("causal", self.causal);
        match self.scale {
            Some(scale) => list.with("scale", scale),
            None => list,
        }
    }

    /// The result, built of other ops.
    ///
    /// # Errors
    ///
    /// Where the operands do not fit.
    pub fn build<B: Build>(self, b: &mut B, operands: &[B::Value]) -> Result<B::Value, String> {
        let [queries, keys, values] = operands else {
            return Err(format!("has {} operands, not queries, keys and values", operands.len()));
        };
        let with_keys = Matmul { transpose_lhs: false, transpose_rhs: true };
        let logits = b.layer(Part::Matmul(with_keys), &[queries, keys])?;
        let depth = b.ty(queries).shape.last().copied().unwrap_or(1);
        let scale = self.scale.unwrap_or(1.0 / (depth as f64).sqrt());
        let weights = Weights { scale, causal: self.causal };
        let weights = b.layer(Part::AttentionWeights(weights), &[&logits])?;
        let product = Part::Matmul(Matmul { transpose_lhs: false, transpose_rhs: false });
        if !b.ty(&weights).gaussian || b.ty(values).shape.len() < 2 {
            return b.layer(product, &[&weights, values]);
        }
        // Weights add up to 1: what all values have in common does not vary with them.
        let means = match b.ty(values).gaussian {
            true => b.layer(Part::Mean, &[values])?,
            false => values.clone(),
        };
        let axes = vec![b.ty(values).shape.len() - 2];
        let mean = Part::Reduction(Reduction { is_mean: true, axes, keep_dims: true });
        let common = b.layer(mean, &[&means])?;
        let rest = b.layer(Part::Binary(Binary::Sub), &[values, &common])?;
        let result = b.layer(product, &[&weights, &rest])?;
        let missing = b.ty(&result).shape.len() - b.ty(&common).shape.len();
        let shape = [vec![1; missing], b.ty(&common).shape].concat();
        let common = if missing > 0 { b.reshape(&common, &shape)? } else { common };
        b.layer(Part::Binary(Binary::Add), &[&result, &common])
    }
}
