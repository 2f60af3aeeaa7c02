//! The compiler as a module of Python: commands as the command line has them, compiled functions on arrays of
//! NumPy, and what they give. Everything else of the package `pfp` is Python, in `python/pfp/`.
//!
//! - [`mod@error`]: errors as exceptions;
//! - [`worker`]: work beside the interpreter, which goes on hearing signals;
//! - [`function`], [`model`]: a compiled function, and its code for one size of batch;
//! - [`input`], [`prediction`], [`memory`]: the arrays that it takes and gives.

mod error;
mod function;
mod input;
mod memory;
mod model;
mod prediction;
mod worker;

use pyo3::prelude::*;

/// The compiler, without what Python says more simply.
#[pymodule]
mod _pfp {
    use std::{ffi::OsString, process::ExitCode};

    use gauss_dialect::predictive;
    use pyo3::prelude::*;

    use crate::worker::work;
    #[pymodule_export]
    use crate::{function::Function, prediction::Prediction};

    /// The version of the compiler.
    #[pymodule_export]
    #[allow(non_upper_case_globals)] // the name that Python has for it
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// What a decision says of an item that is like several classes.
    #[pymodule_export]
    const AMBIGUOUS: i64 = predictive::AMBIGUOUS as i64;

    /// What a decision says of an item that is like nothing the network knows.
    #[pymodule_export]
    const UNKNOWN: i64 = predictive::UNKNOWN as i64;

    /// Runs a command line without the name of the program. Returns what would stand on standard output, and
    /// whether the answer is yes; `tell` gets the lines of standard error.
    #[pyfunction]
    fn command(
        py: Python<'_>,
        arguments: Vec<OsString>,
        tell: &Bound<'_, PyAny>,
    ) -> PyResult<(String, bool)> {
        let answer = work(py, tell, move |listener| pfp::cli::answer(arguments, listener))?;
        Ok((answer.text, answer.is_accepted))
    }

    /// Runs a command line with the name of the program, as the program does, and ends the process.
    #[pyfunction]
    fn main(py: Python<'_>, arguments: Vec<OsString>) {
        py.detach(|| {
            let code = pfp::cli::main_of(arguments);
            std::process::exit(i32::from(code != ExitCode::SUCCESS));
        })
    }
}
