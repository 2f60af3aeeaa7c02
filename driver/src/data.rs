//! Arrays in files: what models read and write.

mod idx;
mod npy;
mod write;

use std::{fmt, fs, io::Read, path::Path, str::FromStr};

use flate2::read::MultiGzDecoder;

pub use write::{Output, write};

use crate::{error::Error, parameters::Safetensors};

/// The largest file that is unpacked, against archives that explode.
const UNPACKED_LIMIT: u64 = 8 << 30;

/// A row-major array.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f32>,
}

/// What is done to the numbers of a file: `(x · scale − mean) / deviation`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Preparation {
    /// A factor, such as 1/255.
    pub scale: Option<Scale>,
    /// Mean and standard deviation of the training data, after scaling.
    pub normalize: Option<(f64, f64)>,
}

/// A factor, kept as a fraction so that bytes over 255 round as they should.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    numerator: f64,
    denominator: f64,
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| format!("'{text}' is not a number"))
        };
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let scale = Self { numerator: number(numerator)?, denominator: number(denominator)? };
        match scale.denominator {
            0.0 => Err("the denominator is 0".into()),
            _ => Ok(scale),
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1.0 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

/// Parses `MEAN,STD`.
pub fn parse_normalize(text: &str) -> Result<(f64, f64), String> {
    let (mean, deviation) = text.split_once(',').ok_or("expected MEAN,STD")?;
    let number = |text: &str| {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| format!("'{text}' is not a number"))
    };
    match (number(mean)?, number(deviation)?) {
        (_, deviation) if deviation <= 0.0 => Err("STD must be positive".into()),
        numbers => Ok(numbers),
    }
}

impl Preparation {
    /// Applies the preparation in double precision and rounds once.
    pub fn apply(&self, values: &mut [f32]) {
        let Scale { numerator, denominator } =
            self.scale.unwrap_or(Scale { numerator: 1.0, denominator: 1.0 });
        let (mean, deviation) = self.normalize.unwrap_or((0.0, 1.0));
        for value in values {
            let scaled = f64::from(*value) * numerator / denominator;
            *value = ((scaled - mean) / deviation) as f32;
        }
    }
}

/// Reads an array: `.npy`, IDX, or `FILE.safetensors:TENSOR`; the first two also gzipped.
pub fn read(path: &str) -> Result<Array, Error> {
    let (file, tensor) = match path.split_once(".safetensors:") {
        Some((file, tensor)) => (format!("{file}.safetensors"), Some(tensor)),
        None => (path.to_owned(), None),
    };
    let raw = fs::read(&file).map_err(|error| Error::read(Path::new(&file), error))?;
    let bytes = unpack(&file, raw)?;
    if file.ends_with(".safetensors") {
        return from_safetensors(&file, bytes, tensor);
    }
    if bytes.starts_with(npy::MAGIC) {
        return npy::parse(&bytes).map_err(|error| Error::malformed(&file, "npy file", error));
    }
    if bytes.starts_with(&[0, 0]) {
        return idx::parse(&bytes).map_err(|error| Error::malformed(&file, "IDX file", error));
    }
    Err(Error::request(format!("cannot tell what kind of file {file} is"))
        .with_help("known kinds: .npy, IDX, FILE.safetensors:TENSOR"))
}

fn unpack(file: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(&bytes[..])
        .take(UNPACKED_LIMIT + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| Error::malformed(file, "gzip file", error))?;
    if unpacked.len() as u64 > UNPACKED_LIMIT {
        return Err(Error::malformed(file, "input", "it unpacks to more than 8 GiB"));
    }
    Ok(unpacked)
}

fn from_safetensors(file: &str, bytes: Vec<u8>, tensor: Option<&str>) -> Result<Array, Error> {
    use gauss_lowering::parameters::ParameterSource;

    let tensors = Safetensors::from_bytes(file, bytes)?;
    let names = tensors.tensors();
    let choose = |message: String| {
        Error::request(message)
            .with_help(format!("choose one with {file}:TENSOR, of {}", names.join(", ")))
    };
    let name = match (tensor, &names[..]) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, names) => return Err(choose(format!("{file} has {} tensors", names.len()))),
    };
    match tensors.numbers(name) {
        Ok(Some(array)) => Ok(array),
        Ok(None) => Err(choose(format!("{file} has no tensor '{name}'"))),
        Err(message) => Err(Error::request(format!("cannot read the tensor '{name}': {message}"))),
    }
}

/// The number of elements of a shape that a file claims; `None` where they
/// would not fit in `bytes` at `size` bytes each.
fn elements_within(shape: &[usize], size: usize, bytes: usize) -> Option<usize> {
    let elements = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?;
    (elements.checked_mul(size)? <= bytes).then_some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_normalised_in_double_precision() {
        let mut array = Array { shape: vec![2], values: vec![0.0, 254.0] };
        let scale = Some("1/255".parse().unwrap());
        Preparation { scale, normalize: Some((0.1307, 0.3081)) }.apply(&mut array.values);
        let expected = |p: f64| ((p / 255.0 - 0.1307) / 0.3081) as f32;
        assert_eq!(array.values, [expected(0.0), expected(254.0)]);
    }

    #[test]
    fn a_scale_is_a_number_or_a_fraction() {
        assert!("1/0".parse::<Scale>().is_err());
        assert!("x".parse::<Scale>().is_err());
        assert_eq!("1/255".parse::<Scale>().map(|scale| scale.to_string()), Ok("1/255".into()));
        assert_eq!("0.5".parse(), Ok(Scale { numerator: 0.5, denominator: 1.0 }));
    }
}
