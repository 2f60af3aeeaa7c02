//! From the file of a network to what pfp compiles: a module in the gauss dialect, and the
//! posterior where the file has one.
//!
//! A format is one implementation of [`Importer`]. It is given a path and [`Files`] to read it
//! with, and gives an [`Import`]; what the user should know goes to a function for notes. It knows
//! neither the file system nor how errors are shown, and nothing after it knows the format.

pub mod onnx;
pub mod posterior;
mod text;

use std::{
    io,
    path::{Path, PathBuf},
};

use gauss_dialect::parameters::ParameterSource;

pub use onnx::{OPERATORS as ONNX_OPERATORS, Onnx, Settings as OnnxSettings};
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

    /// All bytes of a file of numbers that a file in `folder` refers to, by its path from there.
    ///
    /// # Errors
    ///
    /// As [`Files::read`]; also where the file is not in the folder, as by a link that leads out of it.
    fn read_data(&self, folder: &Path, name: &Path) -> io::Result<Vec<u8>> {
        self.read(&folder.join(name))
    }
}

/// No files at all: for what must be complete in itself.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
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

/// The importer for a file. Where `batch` is given, a network that computes with the size of its batch
/// gets one of this size.
pub fn importer_of(path: &Path, options: &OnnxSettings) -> Box<dyn Importer> {
    match is_onnx(path) {
        true => Box::new(Onnx { settings: options.clone() }),
        false => Box::new(ModuleText),
    }
}

/// Is a file taken for an ONNX model?
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}
