//! Ops that are networks of other ops: written once, and built by whoever computes with them.

use super::{attention::Attention, build::Build, recurrent::Recurrent};
use crate::attributes::{AttributeList, Attributes};

/// An op that is a network of others.
#[derive(Debug, Clone, PartialEq)]
pub enum Composite {
    /// `gauss.lstm` or `gauss.gru`.
    Recurrent(Recurrent),
    /// `gauss.attention`.
    Attention(Attention),
}

impl Composite {
    /// Every op of the family, without the dialect.
    pub const NAMES: [&'static str; 3] = ["lstm", "gru", Attention::NAME];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        match name {
            Attention::NAME => Some(Attention::read(attributes).map(Self::Attention)),
            _ => Recurrent::read(name, attributes).map(|op| op.map(Self::Recurrent)),
        }
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Recurrent(recurrent) => recurrent.name(),
            Self::Attention(_) => Attention::NAME,
        }
    }

    /// The attributes, as [`Composite::read`] takes them.
    pub fn write(&self) -> AttributeList {
        match self {
            Self::Recurrent(recurrent) => recurrent.write(),
            Self::Attention(attention) => attention.write(),
        }
    }

    /// The result, built of other ops.
    ///
    /// # Errors
    ///
    /// Where the operands do not fit.
    pub fn build<B: Build>(&self, b: &mut B, operands: &[B::Value]) -> Result<B::Value, String> {
        match self {
            Self::Recurrent(recurrent) => recurrent.build(b, operands),
            Self::Attention(attention) => attention.build(b, operands),
        }
    }
}
