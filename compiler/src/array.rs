//! Arrays as models read them, and as files hold them: nothing is rounded before it is scaled.

use std::ops::Range;

use half::{bf16, f16};

/// A row-major array as a model reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f32>,
}

/// What a number is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// A byte: 0 is false.
    Bool,
    /// Unsigned integers.
    U8,
    U16,
    U32,
    U64,
    /// Signed integers.
    I8,
    I16,
    I32,
    I64,
    /// Floats of IEEE 754, and the half of a `f32` that has its exponent.
    F16,
    Bf16,
    F32,
    F64,
}

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// The lowest first.
    Little,
    /// The highest first.
    Big,
}

/// A row-major array as a file holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    shape: Vec<usize>,
    element: Element,
    /// Little-endian.
    bytes: Vec<u8>,
}

impl Element {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// The number in `size` little-endian bytes, rounded where it is an integer beyond 2^53.
    fn read(self, bytes: &[u8]) -> f64 {
        // One place takes the bytes apart: all integers fit in 64 bits.
        let unsigned = || bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        let signed = || {
            let unused = 64 - 8 * self.size() as u32;
            (unsigned() << unused) as i64 >> unused
        };
        match self {
            Self::Bool => f64::from(u8::from(unsigned() != 0)),
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => unsigned() as f64,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => signed() as f64,
            Self::F16 => f16::from_bits(unsigned() as u16).to_f64(),
            Self::Bf16 => bf16::from_bits(unsigned() as u16).to_f64(),
            Self::F32 => f32::from_bits(unsigned() as u32).into(),
            Self::F64 => f64::from_bits(unsigned()),
        }
    }
}

impl Numbers {
    /// Little-endian numbers, row-major.
    ///
    /// # Errors
    ///
    /// Where the sizes do not make the bytes.
    pub fn new(shape: Vec<usize>, element: Element, bytes: Vec<u8>) -> Result<Self, String> {
        match byte_count(&shape, element.size()) {
            Some(count) if count == bytes.len() => Ok(Self { shape, element, bytes }),
            _ => Err(format!(
                "its sizes {shape:?} at {} byte(s) each do not make the {} bytes that follow",
                element.size(),
                bytes.len()
            )),
        }
    }

    /// Numbers in any order of bytes.
    ///
    /// # Errors
    ///
    /// Where the sizes do not make the bytes.
    pub fn with_endian(
        shape: Vec<usize>,
        element: Element,
        mut bytes: Vec<u8>,
        endian: Endian,
    ) -> Result<Self, String> {
        if endian == Endian::Big {
            bytes.chunks_exact_mut(element.size()).for_each(<[u8]>::reverse);
        }
        Self::new(shape, element, bytes)
    }

    /// The same array where the bytes are of one that varies fastest along its first dimension.
    pub fn from_column_major(self) -> Self {
        let size = self.element.size();
        let strides: Vec<_> = self
            .shape
            .iter()
            .scan(1, |stride, &length| Some(std::mem::replace(stride, *stride * length)))
            .collect();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut place = vec![0; self.shape.len()];
        let mut source = 0;
        for _ in 0..self.len() {
            bytes.extend_from_slice(&self.bytes[source * size..(source + 1) * size]);
            for dimension in (0..place.len()).rev() {
                place[dimension] += 1;
                source += strides[dimension];
                if place[dimension] < self.shape[dimension] {
                    break;
                }
                source -= strides[dimension] * self.shape[dimension];
                place[dimension] = 0;
            }
        }
        Self { bytes, ..self }
    }

    /// The sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// What the numbers are.
    pub fn element(&self) -> Element {
        self.element
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.element.size()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Some of the numbers, in double precision.
    pub fn values(&self, range: Range<usize>) -> impl Iterator<Item = f64> + Clone {
        let size = self.element.size();
        let bytes = self.bytes.get(range.start * size..range.end * size).unwrap_or_default();
        bytes.chunks_exact(size).map(|bytes| self.element.read(bytes))
    }

    /// All numbers, in double precision.
    pub fn all(&self) -> impl Iterator<Item = f64> + Clone {
        self.values(0..self.len())
    }

    /// A number as a person writes it.
    pub fn text(&self, index: usize) -> String {
        let value = self.values(index..index + 1).next().unwrap_or(f64::NAN);
        let size = self.element.size();
        let bytes = self.bytes.get(index * size..(index + 1) * size).unwrap_or_default();
        match self.element {
            Element::Bool => (value != 0.0).to_string(),
            Element::U64 => u64::from_le_bytes(bytes.try_into().unwrap_or_default()).to_string(),
            Element::I64 => i64::from_le_bytes(bytes.try_into().unwrap_or_default()).to_string(),
            // With the digits that tell it from its neighbours of the same width.
            Element::F16 | Element::Bf16 | Element::F32 => float_text(value as f32, value),
            _ => float_text(value, value),
        }
    }
}

/// The text of a number: `1e30` rather than 31 digits, `7` rather than `7.0`.
fn float_text(shown: impl std::fmt::Display + std::fmt::LowerExp, value: f64) -> String {
    match value.abs() {
        size if size.is_finite() && size != 0.0 && !(1e-5..1e16).contains(&size) => {
            format!("{shown:e}")
        }
        _ => format!("{shown}"),
    }
}

/// The bytes of an array; `None` where no memory could hold them.
pub fn byte_count(shape: &[usize], size: usize) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?.checked_mul(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(element: Element, bytes: &[u8]) -> Numbers {
        Numbers::new(vec![bytes.len() / element.size()], element, bytes.to_vec()).unwrap()
    }

    #[track_caller]
    fn holds(element: Element, bytes: &[u8], value: f64, text: &str) {
        let numbers = numbers(element, bytes);
        assert_eq!(numbers.all().collect::<Vec<_>>(), [value]);
        assert_eq!(numbers.text(0), text);
    }

    #[test]
    fn every_element_is_read_and_written() {
        holds(Element::Bool, &[7], 1.0, "true");
        holds(Element::U8, &[255], 255.0, "255");
        holds(Element::I8, &[255], -1.0, "-1");
        holds(Element::U16, &65535u16.to_le_bytes(), 65535.0, "65535");
        holds(Element::I16, &(-2i16).to_le_bytes(), -2.0, "-2");
        holds(Element::U32, &u32::MAX.to_le_bytes(), 4294967295.0, "4294967295");
        holds(Element::I32, &i32::MIN.to_le_bytes(), -2147483648.0, "-2147483648");
        holds(Element::U64, &u64::MAX.to_le_bytes(), 2f64.powi(64), "18446744073709551615");
        holds(Element::I64, &i64::MIN.to_le_bytes(), -(2f64.powi(63)), "-9223372036854775808");
        holds(Element::F16, &0x3c01u16.to_le_bytes(), 1.0009765625, "1.0009766");
        holds(Element::Bf16, &0xc040u16.to_le_bytes(), -3.0, "-3");
        holds(Element::F32, &0.1f32.to_le_bytes(), f64::from(0.1f32), "0.1");
        holds(Element::F64, &1e30f64.to_le_bytes(), 1e30, "1e30");
        holds(Element::F64, &0.1f64.to_le_bytes(), 0.1, "0.1");
        assert_eq!(numbers(Element::F32, &f32::NAN.to_le_bytes()).text(0), "NaN");
        assert_eq!(numbers(Element::F64, &f64::NEG_INFINITY.to_le_bytes()).text(0), "-inf");
    }

    #[test]
    fn orders_of_bytes_and_of_dimensions() {
        let bytes = 258u16.to_be_bytes().to_vec();
        let big = Numbers::with_endian(vec![1], Element::U16, bytes, Endian::Big).unwrap();
        assert_eq!(big.all().collect::<Vec<_>>(), [258.0]);
        // x[i, j, k] = 100 i + 10 j + k, of sizes 2, 3, 2, as it lies in Fortran.
        let columns = [0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121].to_vec();
        let rows = Numbers::new(vec![2, 3, 2], Element::U8, columns).unwrap().from_column_major();
        let expected = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121].map(f64::from);
        assert_eq!(rows.all().collect::<Vec<_>>(), expected);
        assert_eq!(rows.shape(), [2, 3, 2]);
    }

    #[test]
    fn sizes_must_make_the_bytes() {
        assert!(Numbers::new(vec![2], Element::U16, vec![0; 3]).is_err());
        assert!(Numbers::new(vec![usize::MAX, 2], Element::F64, vec![]).is_err());
        assert!(Numbers::new(vec![0], Element::F64, vec![]).unwrap().is_empty());
    }
}
