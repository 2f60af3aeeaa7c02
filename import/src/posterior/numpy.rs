//! Archives of arrays that NumPy writes.

use std::{
    io::{Cursor, Read as _},
    rc::Rc,
};

use zip::ZipArchive;

use super::{
    Read, globals,
    tensor::{Tensor, elements},
};

/// How an npy file begins.
const MAGIC: &[u8] = b"\x93NUMPY";

/// What the names of arrays end with.
const ENDING: &str = ".npy";

/// Bytes that the arrays of an archive unpack to at most.
const UNPACKED_LIMIT: u64 = 4 << 30;

/// Is an archive with these files one of arrays?
pub fn is(names: &[String]) -> bool {
    !names.is_empty() && names.iter().all(|name| name.ends_with(ENDING))
}

/// The arrays of an archive, in the order in which they were saved.
///
/// # Errors
///
/// Where it is damaged, or one holds no numbers.
pub fn read(bytes: &[u8], names: &[String]) -> Read<Vec<(String, Tensor)>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut left = UNPACKED_LIMIT;
    let mut arrays = Vec::new();
    for name in names {
        let of_array = |error: &dyn std::fmt::Display| format!("its array '{name}': {error}");
        let file = archive.by_name(name).map_err(|error| of_array(&error))?;
        let mut contents = Vec::new();
        file.take(left + 1).read_to_end(&mut contents).map_err(|error| of_array(&error))?;
        left = left.checked_sub(contents.len() as u64).ok_or("its arrays unpack to too much")?;
        let tensor = parse(&contents).map_err(|error| of_array(&error))?;
        arrays.push((name.strip_suffix(ENDING).unwrap_or(name).to_owned(), tensor));
    }
    Ok(arrays)
}

/// An npy file.
fn parse(bytes: &[u8]) -> Read<Tensor> {
    if !bytes.starts_with(MAGIC) {
        return Err("it is no npy file".into());
    }
    let length_bytes = match bytes.get(MAGIC.len()) {
        Some(1) => 2,
        Some(2 | 3) => 4,
        _ => return Err("it has a version that NumPy does not write".into()),
    };
    let text = MAGIC.len() + 2 + length_bytes;
    let truncated = || "it ends within its header: truncated?".to_owned();
    let length = bytes.get(text - length_bytes..text).ok_or_else(truncated)?;
    let length = length.iter().rev().fold(0usize, |length, &byte| length << 8 | usize::from(byte));
    let data = text.checked_add(length).ok_or_else(truncated)?;
    let header = bytes.get(text..data).ok_or_else(truncated)?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is no text")?;
    let dtype = value(header, "descr").and_then(quoted);
    let dtype = dtype.ok_or("its elements are no numbers")?;
    let kind = globals::dtype_of(dtype)
        .ok_or_else(|| format!("its dtype '{}' is no number", dtype.escape_debug()))?;
    let is_fortran = match value(header, "fortran_order").map(|text| text.starts_with("True")) {
        Some(is_fortran) => is_fortran,
        None => return Err("its header does not say 'fortran_order'".into()),
    };
    let shape = value(header, "shape").and_then(sizes).ok_or("its header states no shape")?;
    let data = bytes.get(data..).unwrap_or_default();
    match elements(&shape).and_then(|count| count.checked_mul(kind.0.size())) {
        Some(count) if count == data.len() => {
            Tensor::contiguous(kind, shape, is_fortran, Rc::from(data))
        }
        _ => Err(format!("an array of shape {shape:?} does not take {} bytes", data.len())),
    }
}

/// What follows a key of the header.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let after = header.split_once(&format!("'{key}':"))?.1;
    Some(after.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    Some(text.strip_prefix('\'')?.split_once('\'')?.0)
}

fn sizes(text: &str) -> Option<Vec<usize>> {
    let sizes = text.strip_prefix('(')?.split_once(')')?.0;
    let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
    sizes.map(|size| size.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posterior::tensor::Budget;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn arrays_are_read_in_either_order() {
        let data: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        let header = "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 2), }\n";
        let tensor = parse(&npy(header, &data)).unwrap();
        assert_eq!(tensor.shape, [2, 2]);
        assert_eq!(tensor.values(&Budget::of(0)).unwrap(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn what_is_no_array_of_numbers_is_an_error() {
        for (header, data) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (), }", &b""[..]),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }", b""),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", b"1234"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", b""),
            ("{'descr': '<f4', 'shape': (1,), }", b"1234"),
            ("", b""),
        ] {
            assert!(parse(&npy(header, data)).is_err(), "{header}");
        }
        assert!(parse(b"\x93NUMPY\x01\x00\xff\xff{").is_err());
    }
}
