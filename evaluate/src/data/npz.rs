//! NumPy's archives of arrays.

use std::io::Cursor;

use gauss_lowering::files::{self, Kind};
use zip::{ZipArchive, result::ZipError};

/// How a zip file begins: with a file, or with the end of an empty one.
const MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// What the names of arrays end with.
const ENDING: &str = ".npy";

/// A zip file of npy files.
pub struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    /// Is this a zip file?
    pub fn is(bytes: &[u8]) -> bool {
        MAGIC.iter().any(|magic| bytes.starts_with(magic))
    }

    /// Reads the list of files.
    ///
    /// # Errors
    ///
    /// Where they are no valid archive.
    pub fn new(bytes: &'a [u8]) -> Result<Self, String> {
        ZipArchive::new(Cursor::new(bytes)).map(Self).map_err(|error| error.to_string())
    }

    /// The names of the arrays, in the order in which they were saved.
    pub fn names(&self) -> Vec<String> {
        let names = self.0.file_names().filter_map(Result::ok);
        names.filter_map(|name| Some(name.strip_suffix(ENDING)?.to_owned())).collect()
    }

    /// The npy file of an array.
    ///
    /// # Errors
    ///
    /// Where there is none, or it cannot be unpacked.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let file = self.0.by_name(&format!("{name}{ENDING}"));
        let file = file.map_err(|error| match error {
            ZipError::CompressionMethodNotSupported(method) => format!(
                "'{name}' is packed by method {method} of zip, which is not read: save it with \
                 numpy.savez or numpy.savez_compressed"
            ),
            error => error.to_string(),
        })?;
        files::read_all(file, Kind::DATA).map_err(|error| error.to_string())
    }
}
