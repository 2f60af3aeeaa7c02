//! Arrays as a compiled function reads them.

use std::{borrow::Cow, slice};

use numpy::npyffi::{
    NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_TYPES, PyArray_Check, PyArrayObject,
};
use pfp_compiler::{
    array::{Element, Numbers},
    error::Error,
};
use pfp_evaluate::{
    batches,
    data::{Part, Preparation},
};
use pyo3::{prelude::*, sync::PyOnceLock, types::PyTuple};
use smallvec::SmallVec;

use crate::error::failed;

/// The bits of the exponent of a `f32`: all of them are set in what is infinite or no number.
const EXPONENT: u32 = 0x7f80_0000;

/// As many as most functions have inputs or outputs, without an allocation.
pub type Few<T> = SmallVec<[T; 4]>;

/// What a function reads in one buffer.
pub struct Expected {
    /// What it is called.
    pub name: String,
    /// Does it hold variances?
    pub is_variance: bool,
}

/// An array of float32 as it lies in memory, row-major.
pub struct Floats<'py> {
    array: Bound<'py, PyAny>,
}

impl<'py> Floats<'py> {
    /// Takes an array as it is, or converts what holds numbers.
    ///
    /// # Errors
    ///
    /// Where it holds no numbers.
    pub fn of(given: &Bound<'py, PyAny>, expected: &Expected) -> PyResult<Self> {
        let py = given.py();
        if let Some(floats) = Self::as_it_is(given) {
            return Ok(floats);
        }
        static CONVERT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let convert = CONVERT.import(py, "pfp._arrays", "as_float32")?;
        let converted = convert.call1((given, expected.name.as_str()))?;
        Self::as_it_is(&converted).ok_or_else(|| {
            failed(Error::Internal(format!("'{}' is not what was converted", expected.name)))
        })
    }

    /// The array, where nothing is to be converted.
    fn as_it_is(given: &Bound<'py, PyAny>) -> Option<Self> {
        // SAFETY: a live object; the fields are read of an array alone.
        let fits = unsafe {
            PyArray_Check(given.py(), given.as_ptr()) != 0 && {
                let fields = &(*given.as_ptr().cast::<PyArrayObject>()).fields;
                let descr = &(*fields.descr).fields;
                let wanted = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
                descr.type_num == NPY_TYPES::NPY_FLOAT as i32
                    && descr.byteorder as u8 != b'>'
                    && fields.flags & wanted == wanted
            }
        };
        fits.then(|| Self { array: given.clone() })
    }

    fn fields(&self) -> &numpy::npyffi::PyArrayObject_fields {
        // SAFETY: an array of NumPy, by construction.
        unsafe { &(*self.array.as_ptr().cast::<PyArrayObject>()).fields }
    }

    /// The sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        let fields = self.fields();
        match usize::try_from(fields.nd) {
            // SAFETY: as many sizes as the array has dimensions; none is negative.
            Ok(count @ 1..) => unsafe { slice::from_raw_parts(fields.dimensions.cast(), count) },
            _ => &[],
        }
    }

    /// The numbers. Whoever writes to the array meanwhile makes them mean nothing, as with any library that
    /// releases the interpreter.
    pub fn numbers(&self) -> &[f32] {
        let count = self.shape().iter().product();
        match count {
            0 => &[],
            // SAFETY: an aligned, contiguous array of so many float32 in the machine's order of bytes, by
            // construction.
            _ => unsafe { slice::from_raw_parts(self.fields().data.cast(), count) },
        }
    }

    /// The numbers as the function reads them, `length` for each item.
    ///
    /// # Errors
    ///
    /// Where one is not finite, or a negative variance.
    pub fn checked(&self, expected: &Expected, length: usize) -> PyResult<Cow<'_, [f32]>> {
        let numbers = self.numbers();
        let is_odd = |bits: u32| {
            bits & EXPONENT == EXPONENT || (expected.is_variance && bits.cast_signed() < 0)
        };
        // Without a branch for each number.
        match numbers.iter().fold(false, |odd, number| odd | is_odd(number.to_bits())) {
            false => Ok(Cow::Borrowed(numbers)),
            true => prepare(numbers, expected, length).map(Cow::Owned).map_err(failed),
        }
    }
}

/// What the command line makes of such numbers: an error, or zeros without a sign.
fn prepare(numbers: &[f32], expected: &Expected, length: usize) -> Result<Vec<f32>, Error> {
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let numbers =
        Numbers::new(vec![numbers.len()], Element::F32, bytes).map_err(Error::Internal)?;
    let part = if expected.is_variance { Part::Variance } else { Part::Value };
    Preparation::default()
        .apply(&numbers, 0..numbers.len(), part)
        .map_err(|unusable| batches::refuse(&expected.name, length, 0, unusable))
}

/// All arrays of a call.
///
/// # Errors
///
/// As [`Floats::of`].
pub fn floats<'py>(
    given: &Bound<'py, PyTuple>,
    expected: &[Expected],
) -> PyResult<Few<Floats<'py>>> {
    given.iter().zip(expected).map(|(given, expected)| Floats::of(&given, expected)).collect()
}
