//! NumPy's array files.

use pfp_compiler::array::{Element, Endian, Numbers, byte_count};
use py_literal::Value;

use super::Fault;

/// How an npy file begins.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy writes headers of 128 bytes or little more; those of records name their fields.
const HEADER_LIMIT: usize = 1 << 16;

/// Brackets within brackets, which the parser of the header recurses into. NumPy nests as deep as
/// records lie in records.
const NESTING_LIMIT: usize = 16;

/// So much of a dtype is shown.
const SHOWN_DTYPE: usize = 120;

/// Reads an array of numbers.
///
/// # Errors
///
/// Where it is not valid, or holds no numbers.
pub fn parse(bytes: &[u8]) -> Result<Numbers, Fault> {
    let (header, data) = split(bytes)?;
    let Header { dtype, is_fortran, shape } = Header::parse(&header)?;
    let (element, endian) = element(&dtype).ok_or_else(|| Fault::Unread(describe(&dtype)))?;
    match byte_count(&shape, element.size()) {
        Some(count) if count == data.len() => {}
        Some(count) if count < data.len() => {
            return Err(Fault::Malformed(format!(
                "{} bytes follow the array of shape {shape:?}: are there several arrays in the file?",
                data.len() - count
            )));
        }
        _ => {
            return Err(Fault::Malformed(format!(
                "its header promises an array of shape {shape:?}, more than the {} bytes of data: \
                 truncated?",
                data.len()
            )));
        }
    }
    let numbers = Numbers::with_endian(shape, element, data.to_vec(), endian);
    let numbers = numbers.map_err(Fault::Malformed)?;
    Ok(if is_fortran { numbers.from_column_major() } else { numbers })
}

/// The text of the header, and what follows it.
fn split(bytes: &[u8]) -> Result<(String, &[u8]), Fault> {
    let malformed = |message: &str| Fault::Malformed(message.into());
    let version = bytes.get(MAGIC.len()).copied().unwrap_or(0);
    let length_bytes = match version {
        1 => 2,
        2 | 3 => 4,
        _ => return Err(malformed("it has a version that NumPy does not write")),
    };
    let text = MAGIC.len() + 2 + length_bytes;
    let length = bytes.get(text - length_bytes..text);
    let length = length.ok_or_else(|| malformed("it ends within the header: truncated?"))?;
    let length = length.iter().rev().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
    let header = text.checked_add(length).and_then(|end| bytes.get(text..end));
    let header = header.ok_or_else(|| {
        Fault::Malformed(format!(
            "its header claims {length} bytes, more than there are: truncated?"
        ))
    })?;
    if length > HEADER_LIMIT || nesting(header) > NESTING_LIMIT {
        return Err(malformed("its header is not one that NumPy writes for an array of numbers"));
    }
    // Latin-1 before version 3.
    let header = match version {
        3 => String::from_utf8_lossy(header).into_owned(),
        _ => header.iter().copied().map(char::from).collect(),
    };
    Ok((header, &bytes[text + length..]))
}

/// How deep brackets lie in brackets.
fn nesting(header: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in header {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// What a header says.
struct Header {
    dtype: Value,
    is_fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Self, Fault> {
        let malformed = |message: String| Fault::Malformed(message);
        let value: Value = without_long(text)
            .trim()
            .parse()
            .map_err(|_| malformed("its header is no dictionary of Python".into()))?;
        let Value::Dict(entries) = value else {
            return Err(malformed("its header is no dictionary of Python".into()));
        };
        let entry = |key: &str| {
            let found = entries.iter().find(|(name, _)| *name == Value::String(key.into()));
            let found = found.map(|(_, value)| value.clone());
            found.ok_or_else(|| malformed(format!("its header does not say '{key}'")))
        };
        let is_fortran = match entry("fortran_order")? {
            Value::Boolean(is_fortran) => is_fortran,
            _ => return Err(malformed("its 'fortran_order' is neither True nor False".into())),
        };
        let shape = match entry("shape")? {
            Value::Tuple(sizes) | Value::List(sizes) => sizes,
            _ => return Err(malformed("its 'shape' is no tuple".into())),
        };
        let size = |value: &Value| match value {
            Value::Integer(size) => size.to_string().parse().ok(),
            _ => None,
        };
        let shape = shape.iter().map(size).collect::<Option<Vec<usize>>>();
        let shape = shape.ok_or_else(|| malformed("its 'shape' holds what is no size".into()))?;
        Ok(Self { dtype: entry("descr")?, is_fortran, shape })
    }
}

/// A header without the `L` that Python 2 wrote after long integers.
fn without_long(text: &str) -> String {
    let mut characters = text.chars().peekable();
    let mut kept = String::new();
    while let Some(character) = characters.next() {
        let is_long = character == 'L'
            && kept.ends_with(|c: char| c.is_ascii_digit())
            && matches!(characters.peek(), Some(',' | ')'));
        if !is_long {
            kept.push(character);
        }
    }
    kept
}

/// The numbers that a dtype stands for, where pfp reads them.
fn element(dtype: &Value) -> Option<(Element, Endian)> {
    let text = dtype.as_string()?;
    let (order, kind) = text.split_at_checked(1)?;
    let endian = match order {
        "<" | "|" | "=" => Endian::Little,
        ">" => Endian::Big,
        _ => return None,
    };
    let element = match kind {
        "b1" => Element::Bool,
        "u1" => Element::U8,
        "u2" => Element::U16,
        "u4" => Element::U32,
        "u8" => Element::U64,
        "i1" => Element::I8,
        "i2" => Element::I16,
        "i4" => Element::I32,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ => return None,
    };
    Some((element, endian))
}

/// A dtype that pfp does not read, in NumPy's words and as the file has it.
fn describe(dtype: &Value) -> String {
    let shown = dtype.to_string();
    let shown = match shown.char_indices().nth(SHOWN_DTYPE) {
        Some((end, _)) => format!("{}..", &shown[..end]),
        None => shown,
    };
    let text = dtype.as_string().map_or("", |text| text.get(1..).unwrap_or_default());
    let bits = |digits: &str| digits.parse::<u32>().map_or(String::new(), |n| (8 * n).to_string());
    let name = match (text.get(..1), text.get(1..).unwrap_or_default()) {
        (Some("O"), _) => "Python objects".into(),
        (Some("c"), bytes) => format!("complex numbers (complex{})", bits(bytes)),
        (Some("f"), bytes) => format!("long doubles (float{})", bits(bytes)),
        (Some("M"), unit) => format!("dates (datetime64{})", unit.trim_start_matches('8')),
        (Some("m"), unit) => format!("durations (timedelta64{})", unit.trim_start_matches('8')),
        (Some("U" | "S" | "a"), _) => "strings".into(),
        (Some("V"), "2") => "raw bytes (void; so NumPy saves bfloat16)".into(),
        (Some("V"), _) => "raw bytes (void)".into(),
        _ if matches!(dtype, Value::List(_)) => "records (a structured dtype)".into(),
        _ => "a kind of element".into(),
    };
    format!("{name}, dtype {shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    fn header(dtype: &str, is_fortran: &str, shape: &str) -> String {
        format!("{{'descr': {dtype}, 'fortran_order': {is_fortran}, 'shape': {shape}, }}\n")
    }

    #[track_caller]
    fn holds(header: &str, data: &[u8], shape: &[usize], values: &[f64]) {
        let numbers = parse(&npy(header, data)).unwrap();
        assert_eq!(numbers.shape(), shape);
        assert_eq!(numbers.all().collect::<Vec<_>>(), values);
    }

    #[test]
    fn numbers_of_every_order() {
        let floats = [1.5f32.to_le_bytes(), 2.5f32.to_le_bytes()].concat();
        holds(&header("'<f4'", "False", "(1, 2)"), &floats, &[1, 2], &[1.5, 2.5]);
        holds(&header("'|u1'", "False", "(3,)"), &[1, 2, 255], &[3], &[1.0, 2.0, 255.0]);
        holds(&header("'>f8'", "False", "()"), &0.25f64.to_be_bytes(), &[], &[0.25]);
        holds(&header("'|b1'", "False", "(2,)"), &[0, 1], &[2], &[0.0, 1.0]);
        holds(&header("'|i1'", "True", "(2, 2)"), &[1, 2, 3, 4], &[2, 2], &[1.0, 3.0, 2.0, 4.0]);
        // As Python 2 wrote it.
        holds(&header("'|u1'", "False", "(1L, 2L)"), &[1, 2], &[1, 2], &[1.0, 2.0]);
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
            "((((((((((((((((((((1,))))))))))))))))))))",
            "(0,)",
        ];
        for shape in shapes {
            let bytes = npy(&header("'<f4'", "False", shape), &[0; 4]);
            assert!(matches!(parse(&bytes), Err(Fault::Malformed(_))), "{shape}");
        }
        for bytes in [
            npy("{", &[]),
            npy("{}", &[]),
            npy("3", &[]),
            MAGIC.to_vec(),
            [MAGIC, &[1, 0, 255, 255]].concat(),
            [MAGIC, &[2, 0, 255, 255, 255, 255]].concat(),
            [MAGIC, &[9, 0, 0, 0]].concat(),
        ] {
            assert!(matches!(parse(&bytes), Err(Fault::Malformed(_))), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_valid_and_named() {
        for (dtype, size, name) in [
            (
                "[('x', '<f4'), ('y', '<i8', (3,))]",
                28,
                "records (a structured dtype), dtype [('x',",
            ),
            ("'|O'", 8, "Python objects, dtype '|O'"),
            ("'<c16'", 16, "complex numbers (complex128), dtype '<c16'"),
            ("'<M8[ns]'", 8, "dates (datetime64[ns]), dtype '<M8[ns]'"),
            ("'<m8[25s]'", 8, "durations (timedelta64[25s])"),
            ("'<U5'", 20, "strings, dtype '<U5'"),
            ("'|S3'", 3, "strings, dtype '|S3'"),
            ("'<f16'", 16, "long doubles (float128)"),
            ("'|V2'", 2, "raw bytes"),
        ] {
            match parse(&npy(&header(dtype, "False", "(1,)"), &vec![0; size])) {
                Err(Fault::Unread(what)) => assert!(what.starts_with(name), "{what}"),
                other => panic!("{dtype}: {other:?}"),
            }
        }
    }
}
