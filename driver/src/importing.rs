//! The file of a network, read by an importer.

use std::{io, path::Path, sync::Arc};

use gauss_dialect::parameters::ParameterSource;
use gauss_lowering::files::{self, Kind};
use pfp_compiler::{diagnostics::Source, error::Error};
use pfp_import::{Failure, Files};

/// A network as its file has it.
pub struct Imported {
    /// The module.
    pub source: Arc<Source>,
    /// The values of its parameters, where the file has them.
    pub parameters: Option<Box<dyn ParameterSource>>,
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        files::read(path, Kind::MODULE)
    }
}

/// Reads the network at `path`; `note` is told what a user should know.
///
/// # Errors
///
/// Where a file cannot be read, or holds no network.
pub fn open(path: &Path, note: &mut dyn FnMut(&str)) -> Result<Imported, Error> {
    let importer = pfp_import::importer_of(path);
    let import = importer.import(path, &Disk, note).map_err(|failure| match failure {
        Failure::Unreadable { path, error } => Error::read(&path, error),
        Failure::Refused { message } => {
            Error::malformed(&path.display().to_string(), importer.format(), message)
        }
    })?;
    let source = Source::new(import.name, import.module);
    Ok(Imported { source, parameters: import.parameters })
}
