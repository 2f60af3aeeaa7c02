//! NumPy's array files.

use npyz::{NpyFile, Order};

use super::{Array, elements_within};

/// How an npy file begins.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy writes headers of 128 bytes or little more.
const HEADER_LIMIT: usize = 1 << 16;

/// Reads an array of floats, integers or bytes, in C order.
pub fn parse(bytes: &[u8]) -> Result<Array, String> {
    check_header(bytes)?;
    let file = NpyFile::new(bytes).map_err(|error| error.to_string())?;
    if file.order() == Order::Fortran && file.shape().len() > 1 {
        return Err("it is in Fortran order; save np.ascontiguousarray(x)".into());
    }
    let shape: Vec<_> = file
        .shape()
        .iter()
        .map(|&size| usize::try_from(size).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    let descr = file.dtype().descr();
    let read_error = |error: std::io::Error| format!("its data cannot be read: {error}");
    let values: Vec<f32> = match descr.trim_matches('\'').get(1..) {
        Some("f4") => file.into_vec::<f32>().map_err(read_error)?,
        Some("f8") => {
            let wide = file.into_vec::<f64>().map_err(read_error)?;
            wide.into_iter().map(|x| x as f32).collect()
        }
        Some("u1") => {
            let bytes = file.into_vec::<u8>().map_err(read_error)?;
            bytes.into_iter().map(f32::from).collect()
        }
        Some("i4") => {
            let integers = file.into_vec::<i32>().map_err(read_error)?;
            integers.into_iter().map(|x| x as f32).collect()
        }
        Some("i8") => {
            let integers = file.into_vec::<i64>().map_err(read_error)?;
            integers.into_iter().map(|x| x as f32).collect()
        }
        _ => return Err(format!("it has the dtype {descr}; supported are f4, f8, i4, i8 and u1")),
    };
    Ok(Array { shape, values })
}

/// Keeps from npyz what it does not defend itself against: a header longer
/// than the file, deep nesting (its parser recurses), and sizes whose product
/// overflows.
fn check_header(bytes: &[u8]) -> Result<(), String> {
    let number =
        |bytes: &[u8]| bytes.iter().rev().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
    let version = bytes.get(MAGIC.len()).copied().unwrap_or(0);
    let length_bytes = if version == 1 { 2 } else { 4 };
    let text = MAGIC.len() + 2 + length_bytes;
    let length = bytes.get(text - length_bytes..text).map(number);
    let length = length.ok_or("it ends within the header")?;
    let header = text.checked_add(length).and_then(|end| bytes.get(text..end));
    let header = header.ok_or_else(|| {
        format!("its header claims {length} bytes, more than there are: truncated?")
    })?;
    let brackets = header.iter().filter(|byte| b"([{".contains(byte)).count();
    if length > HEADER_LIMIT || brackets > 8 {
        return Err("its header is not one that NumPy writes for a plain array".into());
    }
    // The numbers are the sizes and, in the dtype, the bytes of an element.
    let numbers = header.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let sizes = numbers
        .map(|digits| {
            String::from_utf8_lossy(digits).parse().map_err(|_| "it has a size beyond all memory")
        })
        .collect::<Result<Vec<usize>, _>>()?;
    let data = bytes.len() - text - length;
    match elements_within(&sizes, 1, data) {
        Some(_) => Ok(()),
        None => Err(format!("its header promises more than the {data} bytes of data: truncated?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn floats_doubles_and_bytes() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
        let data = [1.5f32.to_le_bytes(), 2.5f32.to_le_bytes()].concat();
        let expected = Array { shape: vec![1, 2], values: vec![1.5, 2.5] };
        assert_eq!(parse(&npy(header, &data)), Ok(expected));
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n";
        let expected = Array { shape: vec![3], values: vec![1.0, 2.0, 255.0] };
        assert_eq!(parse(&npy(header, &[1, 2, 255])), Ok(expected));
        let header = "{'descr': '>f8', 'fortran_order': False, 'shape': (), }\n";
        let expected = Array { shape: vec![], values: vec![0.25] };
        assert_eq!(parse(&npy(header, &0.25f64.to_be_bytes())), Ok(expected));
    }

    #[test]
    fn hostile_headers_are_errors() {
        let shapes = [
            "(2,)",
            "(18446744073709551615, 18446744073709551615)",
            "(4294967296, 4294967296)",
            "(99999999999999999999999,)",
            "(-1,)",
            "((((((((((1,))))))))))",
        ];
        for shape in shapes {
            let header =
                format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
            assert!(parse(&npy(&header, &[0; 4])).is_err(), "{shape}");
        }
        assert!(parse(&npy("{", &[])).is_err());
        assert!(parse(MAGIC).is_err());
        assert!(parse(&[MAGIC, &[1, 0, 255, 255]].concat()).is_err());
        assert!(parse(&[MAGIC, &[2, 0, 255, 255, 255, 255]].concat()).is_err());
    }

    #[test]
    fn other_dtypes_are_named() {
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }\n";
        let error = parse(&npy(header, &[0; 8])).unwrap_err();
        assert!(error.contains("'<i8'"), "{error}");
    }
}
