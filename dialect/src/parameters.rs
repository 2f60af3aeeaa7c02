//! Where the values of `gauss.parameter` come from.

/// A named set of `f32` tensors.
pub trait ParameterSource {
    /// What the source is called in messages, such as a file name.
    fn name(&self) -> &str;

    /// The names of all tensors.
    fn tensors(&self) -> Vec<String>;

    /// One tensor, `None` where there is none of this name.
    ///
    /// # Errors
    ///
    /// Where it cannot be read as `f32`.
    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String>;
}

/// A tensor of a [`ParameterSource`], row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterTensor {
    /// The sizes.
    pub shape: Vec<i64>,
    /// The elements.
    pub values: Vec<f32>,
}
