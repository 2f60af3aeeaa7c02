//! Where the values of `gauss.parameter` come from.

pub mod declared;
pub(crate) mod hints;

use std::sync::OnceLock;

/// A named set of `f32` tensors.
pub trait ParameterSource {
    /// What the source is called in messages, such as a file name.
    fn name(&self) -> &str;

    /// The names of all tensors.
    fn tensors(&self) -> Vec<String>;

    /// One tensor, `None` where there is none of this name, an error where it
    /// cannot be read as `f32`.
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

/// Opens a parameter file.
pub type OpenParameters = fn(&str) -> Result<Box<dyn ParameterSource>, String>;

static OPEN: OnceLock<OpenParameters> = OnceLock::new();

/// Sets how `--gauss-load-parameters=file=..` opens its file.
pub(crate) fn set_open(open: OpenParameters) {
    // A second registration keeps the first function.
    let _ = OPEN.set(open);
}

pub(crate) fn open(file: &str) -> Result<Box<dyn ParameterSource>, String> {
    let open = OPEN.get().ok_or("this tool cannot read parameter files")?;
    open(file)
}
