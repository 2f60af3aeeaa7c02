//! Errors as exceptions of Python.

use pfp::cli::Refused;
use pfp_compiler::error::Error;
use pyo3::prelude::*;

/// The exceptions of the package, under the names that it has for them.
mod raised {
    pyo3::import_exception!(pfp._errors, Error);
}

pub use raised::Error as PyError;

/// The exception that says what was refused.
pub fn exception(refused: &Refused) -> PyErr {
    let (message, help) = refused.report();
    PyError::new_err((message, help))
}

/// As [`exception`], of work that failed.
pub fn failed(error: Error) -> PyErr {
    exception(&Refused::Failed(error))
}
