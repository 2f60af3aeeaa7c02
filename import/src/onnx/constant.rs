//! Tensors that are known when a network is imported: weights, and numbers that shapes are made of.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use gauss_dialect::ir::MAX_ELEMENTS;
use prost::bytes::Bytes;

use super::proto;
use crate::{Failure, Files};

/// An integer. The size of the batch, and a multiple of it, is one that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Int {
    /// A number.
    Known(i64),
    /// So many times the size of the batch, at least once.
    Batches(i64),
}

/// The elements of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Floating-point numbers of any width.
    Float(Vec<f32>),
    /// Integers of any width.
    Int(Vec<Int>),
    /// Yes or no.
    Bool(Vec<bool>),
}

impl Data {
    /// How many elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// The elements at these places.
    #[must_use]
    pub fn pick(&self, places: &[usize]) -> Self {
        fn pick<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|&place| values[place]).collect()
        }
        match self {
            Self::Float(values) => Self::Float(pick(values, places)),
            Self::Int(values) => Self::Int(pick(values, places)),
            Self::Bool(values) => Self::Bool(pick(values, places)),
        }
    }
}

/// A dimension of size 1 that stands for so many times the batch: the tensor is the same for all items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    /// The dimension.
    pub axis: usize,
    /// So many times the batch.
    pub count: i64,
}

/// A tensor that is known, with the posterior where it is a weight that has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The sizes.
    pub shape: Vec<usize>,
    /// The elements: of a weight the means.
    pub data: Rc<Data>,
    /// The variances of the elements.
    pub variance: Option<Rc<Vec<f32>>>,
    /// The initialiser that it is, or was made of.
    pub origin: Option<String>,
    /// Where it is repeated over the batch.
    pub copies: Option<Copies>,
}

impl Constant {
    /// A tensor that is not from an initialiser.
    pub fn new(shape: Vec<usize>, data: Data) -> Self {
        Self { shape, data: Rc::new(data), variance: None, origin: None, copies: None }
    }

    /// A scalar.
    pub fn scalar(data: Data) -> Self {
        Self::new(vec![], data)
    }

    /// Integers, as a list.
    pub fn integers(values: Vec<Int>) -> Self {
        Self::new(vec![values.len()], Data::Int(values))
    }

    /// The same elements, sizes apart, repeated over no batch.
    #[must_use]
    pub fn reshaped(&self, shape: Vec<usize>) -> Self {
        Self { shape, copies: None, ..self.clone() }
    }

    /// Elements from these places, in a tensor of this shape.
    #[must_use]
    pub fn picked(&self, shape: Vec<usize>, places: &[usize]) -> Self {
        let variance = self.variance.as_ref();
        let variance = variance.map(|values| places.iter().map(|&place| values[place]).collect());
        Self {
            shape,
            data: Rc::new(self.data.pick(places)),
            variance: variance.map(Rc::new),
            origin: self.origin.clone(),
            copies: None,
        }
    }

    /// Are all elements the same number, known exactly?
    pub fn is_uniform(&self) -> bool {
        self.variance.is_none()
            && match &*self.data {
                Data::Float(values) => values.windows(2).all(|pair| pair[0] == pair[1]),
                Data::Int(values) => values.windows(2).all(|pair| pair[0] == pair[1]),
                Data::Bool(values) => values.windows(2).all(|pair| pair[0] == pair[1]),
            }
    }

    /// The floating-point numbers, where it holds such.
    pub fn floats(&self) -> Option<&[f32]> {
        match &*self.data {
            Data::Float(values) => Some(values),
            Data::Int(_) | Data::Bool(_) => None,
        }
    }

    /// The only element as a number, where there is one without a variance.
    pub fn number(&self) -> Option<f64> {
        let is_exact = self.variance.is_none() && self.data.len() == 1;
        match &*self.data {
            Data::Float(values) if is_exact => values.first().map(|&value| f64::from(value)),
            Data::Int(values) if is_exact => match values.first() {
                Some(Int::Known(value)) => Some(*value as f64),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Decodes the tensors of a model, some of which are in other files.
#[derive(Clone)]
pub struct Decoder<'a> {
    folder: PathBuf,
    files: &'a dyn Files,
    /// What was read of other files, by location.
    read: HashMap<String, Bytes>,
}

impl<'a> Decoder<'a> {
    /// Of the model at `path`.
    pub fn new(path: &Path, files: &'a dyn Files) -> Self {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self { folder, files, read: HashMap::new() }
    }

    /// The tensor.
    ///
    /// # Errors
    ///
    /// Where its file cannot be read, or its bytes are not its numbers.
    pub fn tensor(&mut self, tensor: &proto::Tensor) -> Result<Constant, Failure> {
        let name = &tensor.name;
        let refuse = |message: String| Failure::Refused {
            message: format!("the tensor '{name}' {message}"),
        };
        let mut shape = Vec::with_capacity(tensor.dims.len());
        for &size in &tensor.dims {
            let size = usize::try_from(size);
            shape.push(size.map_err(|_| refuse("has a negative size".into()))?);
        }
        let count = elements(&shape).ok_or_else(|| {
            refuse(format!("has the sizes {shape:?}, more than {MAX_ELEMENTS} elements"))
        })?;
        let raw = match tensor.data_location {
            1 => Some(self.external(tensor)?),
            _ => Some(tensor.raw_data.clone()).filter(|raw| !raw.is_empty()),
        };
        let data = match raw {
            Some(raw) => of_bytes(tensor.data_type, &raw, count),
            None => of_fields(tensor, count),
        };
        let data = data.map_err(refuse)?;
        let origin = (!name.is_empty()).then(|| name.clone());
        Ok(Constant { origin, ..Constant::new(shape, data) })
    }

    /// The bytes of a tensor in another file.
    fn external(&mut self, tensor: &proto::Tensor) -> Result<Bytes, Failure> {
        let name = &tensor.name;
        let refuse = |message: String| Failure::Refused {
            message: format!("the tensor '{name}' {message}"),
        };
        let entry = |key: &str| {
            let entry = tensor.external_data.iter().find(|entry| entry.key == key);
            entry.map(|entry| entry.value.as_str())
        };
        let location = entry("location").unwrap_or_default();
        let mut parts = Path::new(location).components();
        let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if location.is_empty() || !parts.all(is_inside) {
            return Err(refuse(format!(
                "is in the file '{location}', which is not in the folder of the model"
            )));
        }
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text
                .parse::<usize>()
                .map(Some)
                .map_err(|_| refuse(format!("has the {key} '{text}' in '{location}'"))),
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        if !self.read.contains_key(location) {
            let path = self.folder.join(location);
            let bytes = self
                .files
                .read_data(&self.folder, Path::new(location))
                .map_err(|error| Failure::Unreadable { path, error })?;
            self.read.insert(location.to_owned(), bytes.into());
        }
        let file = &self.read[location];
        let end = length.map_or(Some(file.len()), |length| offset.checked_add(length));
        match end.filter(|&end| offset <= end && end <= file.len()) {
            Some(end) => Ok(file.slice(offset..end)),
            None => Err(refuse(format!(
                "is beyond the end of '{location}', which has {} bytes",
                file.len()
            ))),
        }
    }
}

/// The number of elements, where it is not too large.
pub fn elements(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    count.filter(|&count| i64::try_from(count).is_ok_and(|count| count <= MAX_ELEMENTS))
}

/// The most elements of a tensor that is made of smaller ones while a model is read.
const MOST_MADE: usize = 1 << 24;

/// The number of elements of a tensor that is made of one with `of` elements.
///
/// # Errors
///
/// Where it is too large for what shapes and masks are made of.
pub fn made(shape: &[usize], of: usize) -> Result<usize, String> {
    let count = elements(shape).filter(|&count| count <= MOST_MADE.max(of));
    count.ok_or_else(|| format!("makes a constant of the sizes {shape:?}, which is too large"))
}

/// What element types of ONNX are called, by their number.
const TYPES: [&str; 26] = [
    "undefined",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "uint4",
    "int4",
    "float4e2m1",
    "float8e8m0",
    "uint2",
];

/// The name of an element type.
pub fn type_name(number: i32) -> String {
    let known = usize::try_from(number).ok().and_then(|number| TYPES.get(number));
    known.map_or(format!("number {number}"), |name| (*name).to_owned())
}

fn of_bytes(data_type: i32, raw: &[u8], count: usize) -> Result<Data, String> {
    fn all<const N: usize, T>(raw: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        raw.as_chunks().0.iter().map(|&bytes| convert(bytes)).collect()
    }
    let integers = |values: Vec<i64>| Data::Int(values.into_iter().map(Int::Known).collect());
    let data = match data_type {
        1 => Data::Float(all(raw, f32::from_le_bytes)),
        10 => Data::Float(all(raw, |bytes| half::f16::from_le_bytes(bytes).to_f32())),
        11 => Data::Float(all(raw, |bytes| f64::from_le_bytes(bytes) as f32)),
        16 => Data::Float(all(raw, |bytes| half::bf16::from_le_bytes(bytes).to_f32())),
        2 => integers(all(raw, |[byte]| i64::from(byte))),
        3 => integers(all(raw, |bytes| i64::from(i8::from_le_bytes(bytes)))),
        4 => integers(all(raw, |bytes| i64::from(u16::from_le_bytes(bytes)))),
        5 => integers(all(raw, |bytes| i64::from(i16::from_le_bytes(bytes)))),
        6 => integers(all(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))),
        7 => integers(all(raw, i64::from_le_bytes)),
        12 => integers(all(raw, |bytes| i64::from(u32::from_le_bytes(bytes)))),
        9 => Data::Bool(all(raw, |[byte]| byte != 0)),
        other => return Err(unsupported(other)),
    };
    let width = match data_type {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        7 | 11 => 8,
        _ => 4,
    };
    match raw.len() == count * width {
        true => Ok(data),
        false => Err(format!(
            "has {} bytes for {count} elements of type {}",
            raw.len(),
            type_name(data_type)
        )),
    }
}

fn of_fields(tensor: &proto::Tensor, count: usize) -> Result<Data, String> {
    let integers =
        |values: &mut dyn Iterator<Item = i64>| Data::Int(values.map(Int::Known).collect());
    let bits = |value: &i32| u16::try_from(*value).unwrap_or_default();
    let small = &tensor.int32_data;
    let data = match tensor.data_type {
        1 => Data::Float(tensor.float_data.clone()),
        10 => Data::Float(small.iter().map(|x| half::f16::from_bits(bits(x)).to_f32()).collect()),
        16 => Data::Float(small.iter().map(|x| half::bf16::from_bits(bits(x)).to_f32()).collect()),
        11 => Data::Float(tensor.double_data.iter().map(|&x| x as f32).collect()),
        2..=6 => integers(&mut small.iter().map(|&x| i64::from(x))),
        7 => integers(&mut tensor.int64_data.iter().copied()),
        9 => Data::Bool(small.iter().map(|&x| x != 0).collect()),
        12 => integers(&mut tensor.uint64_data.iter().map(|&x| x.cast_signed())),
        other => return Err(unsupported(other)),
    };
    match data.len() == count {
        true => Ok(data),
        false => Err(format!("holds {} numbers for {count} elements", data.len())),
    }
}

fn unsupported(data_type: i32) -> String {
    format!(
        "has elements of type {}; float, float16, bfloat16, double, bool and integers of 8 to 64 bits \
         are read",
        type_name(data_type)
    )
}
