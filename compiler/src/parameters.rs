//! Parameter files: the posterior in safetensors.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    path::Path,
};

use gauss_dialect::{
    layer::fits_f32,
    parameters::{ParameterSource, ParameterTensor},
};
use gauss_lowering::files::{self, Kind};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, View};
use serde::Serialize;
use serde_json::Value;

use crate::{
    array::{Array, Element, Numbers},
    error::Error,
};

/// The bytes that say how long the header is.
const LENGTH_BYTES: usize = 8;

/// What to do with floats below 16 bits.
const SMALL_FLOATS: &str = "multiply by the scales and export as F16 or F32";

/// How files of other formats begin, and what they are.
const OTHER_FORMATS: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "it is a zip archive, as .npz, .pt and .keras files are"),
    (b"\x80\x02", "it is a pickle"),
    (b"\x80\x04", "it is a pickle"),
    (b"\x89HDF", "it is an HDF5 file"),
    (b"\x93NUMPY", "it is an npy file"),
    (b"GGUF", "it is a GGUF file"),
];

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

/// What became of tensors that are not of `f32`. Floats of 16 bits are `f32` without an error.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Conversion {
    /// How many tensors.
    pub tensors: usize,
    /// Their dtypes.
    pub dtypes: BTreeSet<String>,
    /// The largest relative error of rounding, denormal results aside.
    pub largest: f64,
    /// Numbers other than zero that are zero or denormal as `f32`.
    pub denormal: usize,
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tensors, dtypes, largest, denormal } = self;
        let dtypes = dtypes.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        write!(f, "{tensors} tensor(s) of {dtypes} are taken as float32, ")?;
        match *largest > 0.0 {
            true => write!(f, "rounded by at most {largest:.1e} of a number")?,
            false => write!(f, "without an error")?,
        }
        match denormal {
            0 => Ok(()),
            _ => write!(
                f,
                "; {denormal} number(s) below 1.2e-38 become 0 or denormal, which x86-64 takes as 0"
            ),
        }
    }
}

/// Opens a parameter file for `--gauss-load-parameters`.
///
/// # Errors
///
/// As [`Safetensors::open`], as text.
pub fn open(file: &str) -> Result<Box<dyn ParameterSource>, String> {
    match Safetensors::open(Path::new(file)) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(error.to_string()),
    }
}

/// A tensor of a source whose numbers are read when they are written, so that there are no two copies of
/// all of them.
struct Pending<'a> {
    source: &'a dyn ParameterSource,
    name: String,
    shape: Vec<usize>,
    count: usize,
    /// What went wrong at the second reading.
    failure: &'a RefCell<Option<String>>,
}

impl View for Pending<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let tensor = self.source.tensor(&self.name);
        let values = tensor.map(|tensor| tensor.map(|tensor| tensor.values).unwrap_or_default());
        let values = values.unwrap_or_else(|message| {
            self.failure.replace(Some(message));
            Vec::new()
        });
        Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.count * size_of::<f32>()
    }
}

impl Safetensors {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not a valid safetensors file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes =
            files::read(path, Kind::PARAMETERS).map_err(|error| Error::read(path, error))?;
        Self::from_bytes(&path.display().to_string(), bytes)
    }

    /// Checks the contents of a file; `name` stands in messages.
    ///
    /// # Errors
    ///
    /// Where they are not those of a valid safetensors file.
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

    /// The file that would hold the tensors of a source.
    ///
    /// # Errors
    ///
    /// Where a tensor cannot be read.
    pub fn of(source: &dyn ParameterSource) -> Result<Self, Error> {
        let malformed = |message: String| Error::malformed(source.name(), "parameters", message);
        let failure = RefCell::new(None);
        let mut tensors = Vec::new();
        for name in source.tensors() {
            let tensor = source.tensor(&name).map_err(malformed)?;
            let ParameterTensor { shape, values } =
                tensor.ok_or_else(|| malformed(format!("'{name}' is not there")))?;
            let shape = shape.into_iter().filter_map(|size| size.try_into().ok()).collect();
            let count = values.len();
            tensors.push(Pending { source, name, shape, count, failure: &failure });
        }
        let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor));
        let bytes = safetensors::serialize(tensors, None);
        if let Some(message) = failure.take() {
            return Err(malformed(message));
        }
        let bytes = bytes.map_err(|error| malformed(error.to_string()))?;
        Self::from_bytes(source.name(), bytes)
    }

    /// The contents of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The whole file.
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
    /// Where one cannot be read as `f32`, as [`Safetensors::f32`] says.
    pub fn arrays(&self) -> Result<Vec<(String, Array)>, Error> {
        let read = |name: &String| match self.f32(name) {
            Ok(array) => Ok(array.map(|array| (name.clone(), array))),
            Err(message) => {
                Err(Error::request(format!("cannot read the tensor '{name}': {message}")))
            }
        };
        self.tensors.keys().map(read).filter_map(Result::transpose).collect()
    }

    /// A tensor of floats, rounded to `f32`; `None` where there is none of this name.
    ///
    /// # Errors
    ///
    /// Where it is of integers or of floats below 16 bits, or holds a number that does not fit.
    pub fn f32(&self, name: &str) -> Result<Option<Array>, String> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        Ok(Some(Array { shape: tensor.shape.clone(), values: self.floats(tensor)? }))
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

    fn floats(&self, tensor: &Tensor) -> Result<Vec<f32>, String> {
        match tensor.dtype {
            Dtype::F32 => Ok(self.decode(tensor, f32::from_le_bytes)),
            Dtype::F16 => Ok(self.decode(tensor, |b| f16::from_le_bytes(b).to_f32())),
            Dtype::BF16 => Ok(self.decode(tensor, |b| bf16::from_le_bytes(b).to_f32())),
            Dtype::F64 => {
                let doubles = self.decode(tensor, f64::from_le_bytes);
                let large = |x: &f64| x.is_finite() && !fits_f32(*x);
                match doubles.iter().position(large) {
                    Some(index) => Err(format!(
                        "it has {:e} at element {index} in {}, which does not fit in float32",
                        doubles[index], self.name
                    )),
                    None => Ok(doubles.into_iter().map(|x| x as f32).collect()),
                }
            }
            dtype => Err(format!(
                "it has the dtype {dtype} in {}; parameters are F64, F32, F16 or BF16: {}",
                self.name,
                match dtype.bitsize() {
                    ..8 => SMALL_FLOATS,
                    _ if dtype.to_string().starts_with("F8") => SMALL_FLOATS,
                    _ => {
                        "numbers that count, such as num_batches_tracked, do not belong in the \
                         file; export quantised weights as floats"
                    }
                }
            )),
        }
    }

    /// What becomes of the tensors that are not of `f32`; `None` where all are.
    pub fn conversion(&self) -> Option<Conversion> {
        let mut conversion = Conversion::default();
        for tensor in self.tensors.values() {
            match tensor.dtype {
                Dtype::F64 => {
                    for exact in self.decode(tensor, f64::from_le_bytes) {
                        let rounded = f64::from(exact as f32);
                        match exact != 0.0 && rounded.abs() < f32::MIN_POSITIVE.into() {
                            true => conversion.denormal += 1,
                            false if exact.is_finite() && exact != 0.0 => {
                                let error = ((rounded - exact) / exact).abs();
                                conversion.largest = conversion.largest.max(error);
                            }
                            false => {}
                        }
                    }
                }
                Dtype::BF16 => {
                    let values = self.decode(tensor, |b| bf16::from_le_bytes(b).to_f32());
                    conversion.denormal += values.iter().filter(|x| x.is_subnormal()).count();
                }
                Dtype::F16 => {}
                _ => continue,
            }
            conversion.tensors += 1;
            conversion.dtypes.insert(tensor.dtype.to_string());
        }
        (conversion.tensors > 0).then_some(conversion)
    }

    fn decode<T, const SIZE: usize>(&self, tensor: &Tensor, read: fn([u8; SIZE]) -> T) -> Vec<T> {
        let (elements, _) =
            self.bytes.get(tensor.data.clone()).unwrap_or_default().as_chunks::<SIZE>();
        elements.iter().copied().map(read).collect()
    }
}

/// Checks what the safetensors crate takes on trust, and what it reports
/// without a place: that header and tensors lie inside of the file.
fn check_extent(bytes: &[u8]) -> Result<(), String> {
    // The length of a header may be the first bytes of another format; a header begins with a brace.
    let has_header = bytes.get(LENGTH_BYTES) == Some(&b'{');
    let other = OTHER_FORMATS.iter().find(|(magic, _)| !has_header && bytes.starts_with(magic));
    if let Some((_, what)) = other {
        return Err(format!(
            "{what}; write a dictionary of arrays with safetensors.numpy.save_file or \
             safetensors.torch.save_file"
        ));
    }
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
