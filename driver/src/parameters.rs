//! Parameter files: the posterior in safetensors.

use std::{collections::BTreeMap, ops::Range, path::Path};

use gauss_lowering::{
    files::{self, Kind},
    parameters::{ParameterSource, ParameterTensor},
};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::{
    data::{Array, Element, Numbers},
    error::Error,
};

/// The bytes that say how long the header is.
const LENGTH_BYTES: usize = 8;

/// A safetensors file, checked as a whole when it is opened.
pub struct Safetensors {
    name: String,
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Range<usize>,
}

/// Opens a parameter file for `--gauss-load-parameters`.
pub fn open(file: &str) -> Result<Box<dyn ParameterSource>, String> {
    match Safetensors::open(Path::new(file)) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(error.to_string()),
    }
}

impl Safetensors {
    /// Reads and checks a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes =
            files::read(path, Kind::PARAMETERS).map_err(|error| Error::read(path, error))?;
        Self::from_bytes(&path.display().to_string(), bytes)
    }

    /// Checks the contents of a file; `name` stands in messages.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        let malformed = |message: String| Error::malformed(name, "safetensors file", message);
        check_extent(&bytes).map_err(malformed)?;
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| malformed(error.to_string()))?;
        let data = LENGTH_BYTES + header;
        let tensors = metadata
            .tensors()
            .into_iter()
            .map(|(name, info)| {
                let (start, end) = info.data_offsets;
                let data = data + start..data + end;
                (name, Tensor { dtype: info.dtype, shape: info.shape.clone(), data })
            })
            .collect();
        let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { name: name.to_owned(), bytes, tensors, metadata })
    }

    /// The contents of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the file says beside its tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// All tensors by name.
    ///
    /// # Errors
    ///
    /// Where one is not of `f32`.
    pub fn arrays(&self) -> Result<Vec<(String, Array)>, Error> {
        let read = |name: &String| match self.f32(name) {
            Ok(array) => Ok(array.map(|array| (name.clone(), array))),
            Err(message) => {
                Err(Error::request(format!("cannot read the tensor '{name}': {message}")))
            }
        };
        self.tensors.keys().map(read).filter_map(Result::transpose).collect()
    }

    /// An `f32` tensor; `None` where there is none
    /// of this name.
    pub fn f32(&self, name: &str) -> Result<Option<Array>, String> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        if tensor.dtype != Dtype::F32 {
            return Err(format!(
                "it has the dtype {:?} in {}; only F32 is supported",
                tensor.dtype, self.name
            ));
        }
        Ok(Some(Array {
            shape: tensor.shape.clone(),
            values: self.decode(tensor, f32::from_le_bytes),
        }))
    }

    /// A tensor of integers or floats as the file holds it; `None` where there is none of this
    /// name.
    ///
    /// # Errors
    ///
    /// Where its elements are of another kind.
    pub fn numbers(&self, name: &str) -> Result<Option<Numbers>, String> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        let element = match tensor.dtype {
            Dtype::BOOL => Element::Bool,
            Dtype::U8 => Element::U8,
            Dtype::U16 => Element::U16,
            Dtype::U32 => Element::U32,
            Dtype::U64 => Element::U64,
            Dtype::I8 => Element::I8,
            Dtype::I16 => Element::I16,
            Dtype::I32 => Element::I32,
            Dtype::I64 => Element::I64,
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            dtype => {
                return Err(format!(
                    "it has the dtype {dtype:?} in {}; supported are BOOL, integers of 8 to 64 \
                     bits, BF16, F16, F32 and F64",
                    self.name
                ));
            }
        };
        let bytes = self.bytes.get(tensor.data.clone()).unwrap_or_default().to_vec();
        Numbers::new(tensor.shape.clone(), element, bytes).map(Some)
    }

    fn decode<const SIZE: usize>(&self, tensor: &Tensor, read: fn([u8; SIZE]) -> f32) -> Vec<f32> {
        let (elements, _) =
            self.bytes.get(tensor.data.clone()).unwrap_or_default().as_chunks::<SIZE>();
        elements.iter().copied().map(read).collect()
    }
}

/// Checks what the safetensors crate takes on trust, and what it reports
/// without a place: that header and tensors lie inside of the file.
fn check_extent(bytes: &[u8]) -> Result<(), String> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(format!("it has {} bytes, too few for a header", bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let header = header.ok_or_else(|| {
        format!("its header claims {length} bytes, but only {} follow: truncated?", rest.len())
    })?;
    let available = rest.len() - header.len();
    let header: BTreeMap<String, Value> = serde_json::from_slice(header)
        .map_err(|error| format!("its header is not a JSON object: {error}"))?;
    for (name, info) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let offset = |index: usize| info.get("data_offsets")?.get(index)?.as_u64();
        let (Some(start), Some(end)) = (offset(0), offset(1)) else {
            return Err(format!("the tensor '{name}' has no valid data_offsets"));
        };
        if start > end || end > available as u64 {
            return Err(format!(
                "the tensor '{name}' lies at bytes {start}..{end} of the data, which has \
                 {available} bytes: truncated?"
            ));
        }
    }
    Ok(())
}

impl ParameterSource for Safetensors {
    fn name(&self) -> &str {
        &self.name
    }

    fn tensors(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        let Some(Array { shape, values }) = self.f32(name)? else { return Ok(None) };
        // The sizes fit: their product is at most the length of the file, or one is zero.
        let shape = shape.into_iter().map(|size| i64::try_from(size).unwrap_or(i64::MAX)).collect();
        Ok(Some(ParameterTensor { shape, values }))
    }
}
