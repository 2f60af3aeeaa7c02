//! Files packed by gzip.

use std::io::{self, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use gauss_lowering::files::{self, Kind};

/// How a gzip file, and each of its members, begins.
const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Is this a gzip file?
pub fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The contents of all members. Zeros may follow a member: tapes and `dd` fill up blocks. What else
/// follows is an error, for it may be the rest of a damaged member.
///
/// # Errors
///
/// Where a member is damaged, or the contents are too long.
pub fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    files::read_all(Members(GzDecoder::new(bytes)), Kind::DATA)
}

/// The members of a file one after the other; the decoder of one stops at its end.
struct Members<'a>(GzDecoder<&'a [u8]>);

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(buffer)?;
            let rest = *self.0.get_ref();
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            let rest = &rest[zeros..];
            if read > 0 || buffer.is_empty() || rest.is_empty() {
                return Ok(read);
            }
            if !is(rest) {
                let message = format!("its last {} bytes are neither gzip nor zeros", rest.len());
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
            self.0 = GzDecoder::new(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn pack(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_and_padding() {
        let (a, b) = (pack(b"one"), pack(b"two"));
        for (bytes, text) in [
            (a.clone(), "one"),
            ([&a[..], &[0; 500]].concat(), "one"),
            ([&a[..], &b].concat(), "onetwo"),
            ([&a[..], &[0; 7], &b, &[0]].concat(), "onetwo"),
        ] {
            assert_eq!(unpack(&bytes).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn damage_is_an_error() {
        let file = pack(b"one");
        for bytes in [
            file[..file.len() - 3].to_vec(),
            [&file[..], b"rest"].concat(),
            [&file[..], &[0, 0], b"rest"].concat(),
            [&file[..], &file[..9]].concat(),
        ] {
            assert!(unpack(&bytes).is_err(), "{bytes:?}");
        }
    }
}
