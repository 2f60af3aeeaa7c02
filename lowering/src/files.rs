//! Files that are read whole, each kind up to a limit: a device or a pipe may never end.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// A kind of contents, and how much of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// What it is called in messages.
    pub name: &'static str,
    /// Bytes that are read at most.
    pub limit: u64,
}

impl Kind {
    /// Modules, as text or bytecode.
    pub const MODULE: Self = Self { name: "modules", limit: 512 << 20 };
    /// Schedules of kernels.
    pub const SCHEDULE: Self = Self { name: "schedules", limit: 16 << 20 };
    /// Posteriors.
    pub const PARAMETERS: Self = Self { name: "parameter files", limit: 16 << 30 };
    /// Arrays; also what an archive of them unpacks to.
    pub const DATA: Self = Self { name: "data files", limit: 8 << 30 };
    /// Images, packed.
    pub const IMAGE: Self = Self { name: "images", limit: 256 << 20 };
}

/// The limit of what does not say how long it is: pipes and devices.
const STREAM_LIMIT: u64 = 1 << 30;

/// The contents of a file.
///
/// # Errors
///
/// Where it cannot be read, or is longer than its kind may be; the message states the limit.
pub fn read(path: &Path, kind: Kind) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let name = match kind.limit > STREAM_LIMIT {
            true => "pipes and devices",
            false => kind.name,
        };
        return read_all(file, Kind { name, limit: kind.limit.min(STREAM_LIMIT) });
    }
    match metadata.len() > kind.limit {
        true => Err(too_long(kind)),
        false => read_all(file, kind),
    }
}

/// All that a reader has.
///
/// # Errors
///
/// As for [`read`].
pub fn read_all(reader: impl Read, kind: Kind) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(kind.limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > kind.limit {
        true => Err(too_long(kind)),
        false => Ok(bytes),
    }
}

fn too_long(kind: Kind) -> io::Error {
    let limit = match kind.limit.is_multiple_of(1 << 30) {
        true => format!("{} GiB", kind.limit >> 30),
        false => format!("{} MiB", kind.limit >> 20),
    };
    let message = format!("it has more than {limit}, the limit for {}", kind.name);
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Kind = Kind { name: "notes", limit: 1 << 20 };

    #[test]
    fn what_never_ends_is_an_error_with_the_limit() {
        let error = read(Path::new("/dev/zero"), SMALL).unwrap_err().to_string();
        assert_eq!(error, "it has more than 1 MiB, the limit for notes");
        let error = read(Path::new("/dev/zero"), Kind { limit: 2 << 30, ..SMALL }).unwrap_err();
        assert!(error.to_string().contains("1 GiB, the limit for pipes and devices"), "{error}");
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(
            read_all(io::repeat(0).take(1 << 20), SMALL).map(|b| b.len()).ok(),
            Some(1 << 20)
        );
        assert!(read_all(io::repeat(0).take((1 << 20) + 1), SMALL).is_err());
    }
}
