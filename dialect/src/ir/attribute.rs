//! Attributes: what they hold, and constants.

use std::ffi::c_void;

use super::{AffineMap, Attribute, MAX_ELEMENTS, Type, string_ref, to_string};
use crate::ffi;

impl Attribute {
    /// The text of a string attribute.
    pub fn as_string(self) -> Option<String> {
        mlir!(mlirAttributeIsAString(self.0))
            .then(|| to_string(mlir!(mlirStringAttrGetValue(self.0))))
    }

    /// The symbol that a flat symbol reference names.
    pub fn as_symbol(self) -> Option<String> {
        mlir!(mlirAttributeIsAFlatSymbolRef(self.0))
            .then(|| to_string(mlir!(mlirFlatSymbolRefAttrGetValue(self.0))))
    }

    /// The numbers of an `array<i64: ..>`.
    pub fn as_i64_array(self) -> Option<Vec<i64>> {
        mlir!(mlirAttributeIsADenseI64Array(self.0)).then(|| {
            (0..mlir!(mlirDenseArrayGetNumElements(self.0)))
                .map(|i| mlir!(mlirDenseI64ArrayGetElement(self.0, i)))
                .collect()
        })
    }

    /// The value of an integer attribute.
    pub fn as_i64(self) -> Option<i64> {
        mlir!(mlirAttributeIsAInteger(self.0)).then(|| mlir!(mlirIntegerAttrGetValueInt(self.0)))
    }

    /// The value of a float attribute.
    pub fn as_f64(self) -> Option<f64> {
        mlir!(mlirAttributeIsAFloat(self.0)).then(|| mlir!(mlirFloatAttrGetValueDouble(self.0)))
    }

    /// The value of a boolean attribute.
    pub fn as_bool(self) -> Option<bool> {
        mlir!(mlirAttributeIsABool(self.0)).then(|| mlir!(mlirBoolAttrGetValue(self.0)))
    }

    /// The type of a type attribute.
    pub fn as_type(self) -> Option<Type> {
        mlir!(mlirAttributeIsAType(self.0)).then(|| Type(mlir!(mlirTypeAttrGetValue(self.0))))
    }

    /// The elements of an array attribute.
    pub fn as_array(self) -> Option<Vec<Attribute>> {
        mlir!(mlirAttributeIsAArray(self.0)).then(|| {
            (0..mlir!(mlirArrayAttrGetNumElements(self.0)))
                .map(|i| Attribute(mlir!(mlirArrayAttrGetElement(self.0, i))))
                .collect()
        })
    }

    /// The map of an affine map attribute.
    pub fn as_affine_map(self) -> Option<AffineMap> {
        mlir!(mlirAttributeIsAAffineMap(self.0))
            .then(|| AffineMap(mlir!(mlirAffineMapAttrGetValue(self.0))))
    }

    /// The entry of a dictionary attribute.
    pub fn entry(self, name: &str) -> Option<Attribute> {
        if !mlir!(mlirAttributeIsADictionary(self.0)) {
            return None;
        }
        Attribute::from_nullable(mlir!(mlirDictionaryAttrGetElementByName(
            self.0,
            string_ref(name)
        )))
    }

    /// The values of a `dense` or `dense_resource` attribute of `f32`, row-major;
    /// `None` also where they are more than a tensor may have.
    pub fn as_f32_elements(self) -> Option<Vec<f32>> {
        // SAFETY: a live attribute.
        let count = unsafe { ffi::gauss_elements_count(self.0) };
        // A splat of any size takes a few bytes in the source.
        if count > MAX_ELEMENTS {
            return None;
        }
        let mut values = vec![0.0; usize::try_from(count).ok()?];
        // SAFETY: `values` holds as many floats as the attribute has elements.
        unsafe { ffi::gauss_elements_read_f32(self.0, values.as_mut_ptr()) }.then_some(values)
    }

    /// The type of a typed attribute such as `dense<..>`.
    pub fn value_type(self) -> Type {
        Type(mlir!(mlirAttributeGetType(self.0)))
    }

    /// A `dense_resource` attribute of the shaped `f32` type that owns `values`.
    /// The name is made unique by MLIR.
    pub fn resource(ty: Type, name: &str, values: Vec<f32>) -> Attribute {
        extern "C" fn release(owner: *mut c_void, _: *const c_void, _: usize, _: usize) {
            // SAFETY: `owner` is the box leaked below, released once.
            drop(unsafe { Box::from_raw(owner.cast::<Vec<f32>>()) });
        }
        let owner = Box::new(values);
        let (data, bytes) = (owner.as_ptr(), owner.len() * size_of::<f32>());
        Attribute(mlir!(mlirUnmanagedDenseResourceElementsAttrGet(
            ty.0,
            string_ref(name),
            data.cast_mut().cast(),
            bytes,
            align_of::<f32>(),
            false,
            Some(release),
            Box::into_raw(owner).cast()
        )))
    }

    /// A `dense` attribute of the shaped `f32` type with these elements, row-major.
    pub fn dense(ty: Type, values: &[f32]) -> Attribute {
        Attribute(mlir!(mlirDenseElementsAttrFloatGet(
            ty.0,
            values.len() as isize,
            values.as_ptr()
        )))
    }

    /// A `dense` attribute of the shaped `f32` type with one value for all elements.
    pub fn splat(ty: Type, value: f64) -> Attribute {
        Self::splat_of(ty, ty.context().f32_attr(value))
    }

    /// A `dense` attribute of the shaped type with `element` everywhere.
    pub fn splat_of(ty: Type, element: Attribute) -> Attribute {
        Attribute(mlir!(mlirDenseElementsAttrSplatGet(ty.0, element.0)))
    }
}
