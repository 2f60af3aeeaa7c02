//! From the file of a network to what pfp compiles: a module in the gauss dialect, and the
//! posterior where the file has one.
//!
//! A format is one implementation of [`Importer`]. It is given a path and [`Files`] to read it
//! with, and gives an [`Import`]; what the user should know goes to a function for notes. It knows
//! neither the file system nor how errors are shown, and nothing after it knows the format.

mod text;

use std::{
    io,
    path::{Path, PathBuf},
};

use gauss_dialect::parameters::ParameterSource;

pub use text::ModuleText;

/// What an importer reads: the file that a user names, and those that it refers to, such as tensors
/// in files of their own.
pub trait Files {
    /// All bytes of a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is longer than a file of a network may be.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// A network as pfp compiles it.
pub struct Import {
    /// What places in diagnostics refer to, such as a path.
    pub name: String,
    /// A module in the gauss dialect, as text.
    pub module: Vec<u8>,
    /// The values of its `gauss.parameter`s; `None` where they are in a file of their own.
    pub parameters: Option<Box<dyn ParameterSource>>,
}

/// Why a file gives no network.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It cannot be read, or a file that it refers to.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not of the format, or says what the dialect cannot.
    #[error("{message}")]
    Refused {
        /// What is wrong, in a clause of its own that names the place in the file.
        message: String,
    },
}

/// A format that networks are read from.
pub trait Importer {
    /// What the format is called in messages.
    fn format(&self) -> &'static str;

    /// Reads the network at `path`. `note` is told what is approximated or left out, a line each.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, is not of the format, or says what the dialect cannot.
    fn import(
        &self,
        path: &Path,
        files: &dyn Files,
        note: &mut dyn FnMut(&str),
    ) -> Result<Import, Failure>;
}

/// The importer for a file.
pub fn importer_of(_path: &Path) -> &'static dyn Importer {
    &ModuleText
}
