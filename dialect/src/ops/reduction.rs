//! Sums and means over dimensions, of independent elements.

use crate::{
    attributes::{AttributeList, Attributes},
    ir::DYNAMIC,
    types::TensorType,
};

/// `gauss.reduce_sum` or `gauss.reduce_mean`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduction {
    /// Is the sum divided by how many elements it has?
    pub is_mean: bool,
    /// The dimensions that are summed, in ascending order.
    pub axes: Vec<usize>,
    /// Do they stay, with size 1?
    pub keep_dims: bool,
}

impl Reduction {
    /// Both ops, without the dialect.
    pub const NAMES: [&'static str; 2] = ["reduce_sum", "reduce_mean"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        let is_mean = Self::NAMES.iter().position(|known| *known == name)? == 1;
        let axes = attributes.list("axes", 0..=i64::from(u8::MAX)).and_then(|axes| {
            match axes.is_sorted_by(|a, b| a < b) && !axes.is_empty() {
                true => Ok(axes.into_iter().map(|axis| axis as usize).collect()),
                false => Err(format!("has {axes:?} as 'axes'; they ascend, and there is one")),
            }
        });
        let keep_dims = attributes.flag("keep_dims").unwrap_or(false);
        Some(axes.map(|axes| Self { is_mean, axes, keep_dims }))
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        Self::NAMES[usize::from(self.is_mean)]
    }

    /// The attributes, as [`Reduction::read`] takes them.
    pub fn write(&self) -> AttributeList {
        let axes: Vec<_> = self.axes.iter().map(|&axis| axis as i64).collect();
        AttributeList::default().with("axes", axes).with("keep_dims", self.keep_dims)
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the operand has no such axis, or its batch is one.
    pub fn infer(&self, input: &TensorType) -> Result<TensorType, String> {
        for &axis in &self.axes {
            match input.shape.get(axis) {
                Some(&DYNAMIC) => {
                    return Err(format!("sums over the batch of {input}, which is not fixed"));
                }
                Some(_) => {}
                None => return Err(format!("has the axis {axis}, which {input} does not have")),
            }
        }
        let size = |(axis, &size): (usize, &i64)| match self.axes.contains(&axis) {
            true => self.keep_dims.then_some(1),
            false => Some(size),
        };
        let shape = input.shape.iter().enumerate().filter_map(size).collect();
        Ok(TensorType::new(shape, input.gaussian))
    }

    /// One over how many elements a sum has, or 1.
    pub fn factor(&self, shape: &[i64]) -> f64 {
        let count: f64 = self.axes.iter().map(|&axis| shape[axis] as f64).product();
        if self.is_mean { 1.0 / count } else { 1.0 }
    }
}
