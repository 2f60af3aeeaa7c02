//! The types of tensors.

use std::fmt;

use crate::{
    ir::{DYNAMIC, Type},
    representation::Representation,
};

/// The most elements of an item whose covariances are known.
pub const MAX_CORRELATED: i64 = 4096;

/// A tensor type without its element type, which is always `f32`.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorType {
    /// The sizes; [`DYNAMIC`] for a batch that is not fixed yet.
    pub shape: Vec<i64>,
    /// Is it `!gauss.tensor`, or else `tensor`?
    pub gaussian: bool,
    /// How many Gaussians with covariances of the elements of an item it is a mixture of; 0 where
    /// covariances are not known. Where they are it is Gaussian and N×D.
    pub nodes: i64,
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}tensor<", if self.gaussian { "!gauss." } else { "" })?;
        for &size in &self.shape {
            match size {
                DYNAMIC => f.write_str("?x")?,
                size => write!(f, "{size}x")?,
            }
        }
        match self.nodes {
            0 => f.write_str("f32>"),
            1 => f.write_str("f32, covariance>"),
            nodes => write!(f, "f32, covariance<{nodes}>>"),
        }
    }
}

impl TensorType {
    /// A tensor of independent Gaussians, or of plain numbers.
    pub fn new(shape: Vec<i64>, gaussian: bool) -> Self {
        Self { shape, gaussian, nodes: 0 }
    }

    /// Are the covariances of the elements of an item known?
    pub fn has_covariance(&self) -> bool {
        self.nodes > 0
    }

    /// The same elements as independent Gaussians, or plain numbers.
    #[must_use]
    pub fn marginals(&self) -> Self {
        Self::new(self.shape.clone(), self.gaussian)
    }

    /// Reads a `tensor` or `!gauss.tensor` type; `None` for any other.
    pub fn of(ty: Type) -> Option<Self> {
        let gaussian = ty.is_gaussian();
        if !gaussian && !ty.is_ranked_tensor() {
            return None;
        }
        Some(Self { shape: ty.shape()?, gaussian, nodes: ty.nodes() })
    }

    /// What a tensor of the type consists of, beside covariances.
    pub fn representation(&self) -> Representation {
        Representation::of(self.gaussian)
    }

    /// The MLIR type, with the element type of `like`.
    pub fn to_type(&self, like: Type) -> Option<Type> {
        let element = like.element_type();
        match self.gaussian {
            true => {
                let location = like.context().unknown_location();
                Type::gaussian(location, element, &self.shape, self.nodes)
            }
            false => Some(Type::tensor(element, &self.shape)),
        }
    }
}

/// The sizes of a result for operands of these sizes, as many of each: where one is 1, its elements
/// are repeated. `None` where others differ.
pub fn broadcast(x: &[i64], y: &[i64]) -> Option<Vec<i64>> {
    let size = |(&x, &y): (&i64, &i64)| match (x, y) {
        (x, y) if x == y => Some(x),
        // A batch that is not fixed yet may be 1 itself.
        (1, size) | (size, 1) if size != DYNAMIC => Some(size),
        (1, DYNAMIC) | (DYNAMIC, 1) => Some(DYNAMIC),
        _ => None,
    };
    x.iter().zip(y).map(size).collect()
}
