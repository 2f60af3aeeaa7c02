//! The parameters of a module, and how their files are opened.

pub mod declared;
pub(crate) mod hints;

use std::sync::OnceLock;

use gauss_dialect::parameters::ParameterSource;

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
