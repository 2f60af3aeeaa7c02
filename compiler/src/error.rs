//! What can go wrong, and how it is told.

use std::{fmt, io, path::Path};

use miette::Diagnostic;
use thiserror::Error;

use crate::diagnostics::Rejected;

/// Why `pfp` could not do its work. The message names the file, the argument or
/// the place in the module.
#[derive(Debug, Error, Diagnostic)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {path}: {reason}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the operating system says.
        reason: String,
    },

    /// A file is not what it should be.
    #[error("{path} is not a valid {format}: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// What the file should be.
        format: &'static str,
        /// What is wrong, in a clause of its own.
        message: String,
    },

    /// A request that does not fit the model or the machine.
    #[error("{message}")]
    Request {
        /// What does not fit.
        message: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// MLIR rejected the module.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Rejected(#[from] Rejected),

    /// A fault of the compiler.
    #[error("internal error: {0}")]
    #[diagnostic(help("this is a fault of pfp, not of the model; please report it"))]
    Internal(String),
}

impl Error {
    /// A file that cannot be read.
    pub fn read(path: &Path, error: io::Error) -> Self {
        Self::file("read", path, error)
    }

    /// A file that cannot be written.
    pub fn write(path: &Path, error: io::Error) -> Self {
        Self::file("write", path, error)
    }

    fn file(action: &'static str, path: &Path, error: io::Error) -> Self {
        // Without the "(os error 2)" that tells a user nothing.
        let reason = error.to_string();
        let reason = reason.split(" (os error").next().unwrap_or(&reason).to_owned();
        Self::File { action, path: path.display().to_string(), reason }
    }

    /// A file that is not what it should be.
    pub fn malformed(path: &str, format: &'static str, message: impl fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), format, message: message.to_string() }
    }

    /// A request that does not fit.
    pub fn request(message: impl Into<String>) -> Self {
        Self::Request { message: message.into(), help: None }
    }

    /// Adds what to do.
    pub fn with_help(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Request { message, .. } => Self::Request { message, help: Some(advice.into()) },
            other => other,
        }
    }
}
