//! The file of a network, read by an importer.

use std::{io, path::Path, sync::Arc};

use gauss_lowering::files::{self, Kind};
use pfp_compiler::{diagnostics::Source, error::Error, parameters::Safetensors};
use pfp_import::{
    Failure, Files, OnnxSettings,
    posterior::{Framework, Posterior, Request},
};

/// A network as its file has it.
pub struct Imported {
    /// The module.
    pub source: Arc<Source>,
    /// The values of its parameters, where the file has them.
    pub parameters: Option<Safetensors>,
    /// The size of the batch, where the network was read for one.
    pub batch: Option<i64>,
}

impl Imported {
    /// The parameters of the file at `given`, or those that came with the network.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn parameters(&mut self, given: Option<&Path>) -> Result<Option<Safetensors>, Error> {
        match given {
            Some(path) => Safetensors::open(path).map(Some),
            None => Ok(self.parameters.take()),
        }
    }
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        files::read(path, Kind::MODULE)
    }

    fn read_data(&self, folder: &Path, name: &Path) -> io::Result<Vec<u8>> {
        let path = folder.join(name);
        // A link may lead out of the folder.
        let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if !path.canonicalize()?.starts_with(place.canonicalize()?) {
            return Err(io::Error::other("it is a link that leads out of the folder of the model"));
        }
        files::read(&path, Kind::PARAMETERS)
    }
}

/// Reads the network at `path`; `note` is told what a user should know. A network that computes with the
/// size of its batch is read for one of `batch` items, where that is given.
///
/// # Errors
///
/// Where a file cannot be read, or holds no network.
pub fn open(
    path: &Path,
    batch: Option<i64>,
    note: &mut dyn FnMut(&str),
) -> Result<Imported, Error> {
    let read = |batch: Option<i64>, note: &mut dyn FnMut(&str)| {
        let importer = pfp_import::importer_of(path, &OnnxSettings { batch, logits: false });
        importer.import(path, &Disk, note).map_err(|failure| match failure {
            Failure::Unreadable { path, error } => Error::read(&path, error),
            Failure::Refused { message } => {
                Error::malformed(&path.display().to_string(), importer.format(), message)
            }
        })
    };
    let mut notes = Vec::new();
    let (import, batch) = match (read(None, &mut |text| notes.push(text.to_owned())), batch) {
        (Ok(import), _) => (import, None),
        (Err(error), None) => return Err(error),
        (Err(_), Some(batch)) => {
            notes.clear();
            (read(Some(batch), &mut |text| notes.push(text.to_owned()))?, Some(batch))
        }
    };
    notes.iter().for_each(|text| note(text));
    let parameters = import.parameters.as_deref().map(Safetensors::of).transpose()?;
    let source = Source::new(import.name, import.module);
    Ok(Imported { source, parameters, batch })
}

/// All bytes of a file of numbers.
///
/// # Errors
///
/// Where it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    files::read(path, Kind::PARAMETERS).map_err(|error| Error::read(path, error))
}

/// Reads the posterior that a framework saved.
///
/// # Errors
///
/// Where the file cannot be read, or does not say what mean and variance are.
pub fn posterior(framework: Framework, path: &Path, request: &Request) -> Result<Posterior, Error> {
    framework.read(&bytes(path)?, request).map_err(|message| {
        Error::request(format!("{} is no posterior of {framework:?}: {message}", path.display()))
            .with_help("docs/import.md says what pfp reads of each framework")
    })
}
