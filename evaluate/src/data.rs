//! Arrays in files: what models read and write.

mod gzip;
mod idx;
mod npy;
mod npz;
mod prepare;
mod write;

use std::path::Path;

use gauss_lowering::files::{self, Kind};
use pfp_compiler::{array::Numbers, error::Error, parameters::Safetensors};

use npz::Archive;
pub use prepare::{Part, Preparation, Scale, Unusable, parse_normalize};
pub use write::{Format, Output};

/// Why a file gives no numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is not what it should be: a clause of its own.
    Malformed(String),
    /// It is valid and holds this.
    Unread(String),
}

/// What files of several arrays are called.
const ARCHIVES: [&str; 2] = [".safetensors", ".npz"];

/// How compressed files begin that are not read.
const PACKED: [(&[u8], &str); 3] =
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ", "xz"), (b"BZh", "bzip2")];

/// A file and the array in it that `FILE.safetensors:NAME` and `FILE.npz:NAME` ask for. A file of
/// just this name comes first.
pub fn split(path: &str) -> (String, Option<&str>) {
    if !Path::new(path).exists() {
        for ending in ARCHIVES {
            if let Some((stem, array)) = path.split_once(&format!("{ending}:")) {
                return (format!("{stem}{ending}"), Some(array));
            }
        }
    }
    (path.to_owned(), None)
}

/// Reads an array: `.npy`, IDX, `FILE.npz:NAME` or `FILE.safetensors:NAME`, also gzipped.
///
/// # Errors
///
/// Where the file cannot be read, is not valid, or holds no numbers.
pub fn read(path: &str) -> Result<Numbers, Error> {
    let (file, array) = split(path);
    let bytes = open(&file)?;
    if file.ends_with(".safetensors") {
        return from_safetensors(&file, bytes, array);
    }
    if Archive::is(&bytes) {
        return from_npz(&file, &bytes, array);
    }
    if let Some(array) = array {
        return Err(Error::request(format!("{file} is no npz file, it has no array '{array}'")));
    }
    if bytes.starts_with(npy::MAGIC) {
        return npy::parse(&bytes).map_err(|fault| fault.of(&file));
    }
    if bytes.starts_with(&[0, 0]) {
        return idx::parse(&bytes).map_err(|error| Error::malformed(&file, "IDX file", error));
    }
    if let Some((_, packer)) = PACKED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Error::request(format!("{file} is compressed by {packer}"))
            .with_help("unpack it first; pfp unpacks gzip only"));
    }
    Err(Error::request(format!("cannot tell what kind of file {file} is"))
        .with_help("known kinds: .npy, IDX, FILE.npz:NAME, FILE.safetensors:TENSOR"))
}

/// The names of the arrays of a safetensors or npz file; none where it cannot be read.
pub fn names(file: &str) -> Vec<String> {
    use gauss_dialect::parameters::ParameterSource;

    let Ok(bytes) = open(file) else { return Vec::new() };
    match Archive::is(&bytes) {
        true => Archive::new(&bytes).map(|archive| archive.names()).unwrap_or_default(),
        false => {
            Safetensors::from_bytes(file, bytes).map(|file| file.tensors()).unwrap_or_default()
        }
    }
}

/// The contents of a file, unpacked.
fn open(file: &str) -> Result<Vec<u8>, Error> {
    let path = Path::new(file);
    let bytes = files::read(path, Kind::DATA).map_err(|error| Error::read(path, error))?;
    match gzip::is(&bytes) {
        true => gzip::unpack(&bytes).map_err(|error| Error::malformed(file, "gzip file", error)),
        false => Ok(bytes),
    }
}

impl Fault {
    fn of(self, file: &str) -> Error {
        match self {
            Self::Malformed(message) => Error::malformed(file, "npy file", message),
            Self::Unread(what) => Error::request(format!(
                "{file} is a valid npy file of {what}, which pfp does not read"
            ))
            .with_help("save it as numbers, such as x.astype(np.float32)"),
        }
    }
}

/// The array that is asked for, or the only one.
fn choose(file: &str, names: &[String], array: Option<&str>) -> Result<String, Error> {
    let wrong = |message: String| {
        let shown = names.join(", ");
        Error::request(message).with_help(format!("choose one with {file}:NAME, of {shown}"))
    };
    let kind = if file.ends_with(".safetensors") { "tensor" } else { "array" };
    match (array, names) {
        (Some(name), _) if names.iter().any(|other| other == name) => Ok(name.to_owned()),
        (Some(name), _) => Err(wrong(format!("{file} has no {kind} '{name}'"))),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Error::request(format!("{file} has no {kind}s"))),
        (None, names) => Err(wrong(format!("{file} has {} {kind}s", names.len()))),
    }
}

fn from_npz(file: &str, bytes: &[u8], array: Option<&str>) -> Result<Numbers, Error> {
    let malformed = |error| Error::malformed(file, "npz file", error);
    let mut archive = Archive::new(bytes).map_err(malformed)?;
    let names = archive.names();
    if names.is_empty() {
        return Err(Error::request(format!("{file} is a zip file without .npy files in it")));
    }
    let name = choose(file, &names, array)?;
    let bytes = archive.read(&name).map_err(malformed)?;
    npy::parse(&bytes).map_err(|fault| fault.of(&format!("{file}:{name}")))
}

fn from_safetensors(file: &str, bytes: Vec<u8>, array: Option<&str>) -> Result<Numbers, Error> {
    use gauss_dialect::parameters::ParameterSource;

    let tensors = Safetensors::from_bytes(file, bytes)?;
    let name = choose(file, &tensors.tensors(), array)?;
    let unreadable =
        |message| Error::request(format!("cannot read the tensor '{name}': {message}"));
    let numbers = tensors.numbers(&name).map_err(unreadable)?;
    numbers.ok_or_else(|| unreadable("there is none".into()))
}
