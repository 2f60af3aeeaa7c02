//! The numbers that a call gives, which arrays of NumPy look at.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    ffi::c_int,
    ptr::{self, NonNull},
    slice,
};

use numpy::npyffi::{
    NPY_ARRAY_CARRAY, NPY_TYPES, NpyTypes, PY_ARRAY_API, get_type_object, npy_intp,
};
use pyo3::{exceptions::PyMemoryError, prelude::*};

/// Where each output begins at a multiple of, as allocations do that are not asked for more.
const ALIGN_BYTES: usize = 16;

/// The same in floats.
pub const ALIGN: usize = ALIGN_BYTES / size_of::<f32>();

/// Floats that a call writes, and that arrays of Python read and write afterwards.
pub struct Memory {
    start: NonNull<f32>,
    layout: Layout,
    count: usize,
}

// SAFETY: plain memory of its own.
unsafe impl Send for Memory {}
// SAFETY: without exclusive access it only tells where it lies.
unsafe impl Sync for Memory {}

impl Memory {
    /// So many zeros.
    ///
    /// # Errors
    ///
    /// Where there is not so much memory.
    pub fn new(count: usize) -> PyResult<Self> {
        let refused = || PyMemoryError::new_err(format!("no memory for {count} float32"));
        let bytes = count.checked_mul(size_of::<f32>()).ok_or_else(refused)?;
        // An allocation has at least one byte.
        let layout = Layout::from_size_align(bytes.max(1), ALIGN_BYTES).map_err(|_| refused())?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(refused)?;
        Ok(Self { start: start.cast(), layout, count })
    }

    /// All numbers, before arrays look at them.
    pub fn numbers(&mut self) -> &mut [f32] {
        // SAFETY: allocated for so many, zeroed, and borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.count) }
    }

    /// An array that looks at the numbers from `first` on, and keeps their owner.
    ///
    /// # Errors
    ///
    /// Where NumPy cannot be imported, refuses the shape, or the numbers are not there.
    pub fn array<'py>(
        &self,
        owner: &Bound<'py, PyAny>,
        first: usize,
        shape: &[usize],
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = owner.py();
        let end = shape.iter().product::<usize>().checked_add(first);
        if end.is_none_or(|end| end > self.count) {
            return Err(PyMemoryError::new_err("an array beyond the outputs of its call"));
        }
        let mut sizes: Vec<_> = shape.iter().map(|&size| size as npy_intp).collect();
        // SAFETY: the numbers are within the allocation, which lives as long as `owner`, whose reference
        // `PyArray_SetBaseObject` takes over. Null strides are those of a row-major array.
        unsafe {
            let array = PY_ARRAY_API.PyArray_NewFromDescr(
                py,
                get_type_object(py, NpyTypes::PyArray_Type),
                PY_ARRAY_API.PyArray_DescrFromType(py, NPY_TYPES::NPY_FLOAT as c_int),
                sizes.len() as c_int,
                sizes.as_mut_ptr(),
                ptr::null_mut(),
                self.start.as_ptr().add(first).cast(),
                NPY_ARRAY_CARRAY,
                ptr::null_mut(),
            );
            let array = Bound::from_owned_ptr_or_err(py, array)?;
            let base = owner.clone().into_ptr();
            match PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), base) {
                0 => Ok(array),
                _ => Err(PyErr::fetch(py)),
            }
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.start.as_ptr().cast(), self.layout) }
    }
}
