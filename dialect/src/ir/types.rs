//! Types: what they are, and how they are made.

use super::{Attribute, Context, DYNAMIC, Location, NULL_ATTRIBUTE, Type};
use crate::ffi;

impl Type {
    /// The context of the type.
    pub fn context(self) -> Context {
        Context(mlir!(mlirTypeGetContext(self.0)))
    }

    /// Is this `!gauss.tensor`?
    pub fn is_gaussian(self) -> bool {
        // SAFETY: a live type.
        unsafe { ffi::gauss_type_is_tensor(self.0) }
    }

    /// Is this a `!gauss.tensor` with covariances?
    pub fn has_covariance(self) -> bool {
        self.nodes() > 0
    }

    /// How many Gaussians with covariances a `!gauss.tensor` is a mixture of; 0 where no covariances
    /// are known.
    pub fn nodes(self) -> i64 {
        // SAFETY: a live type.
        unsafe { ffi::gauss_type_nodes(self.0) }
    }

    /// Is this a ranked `tensor`?
    pub fn is_ranked_tensor(self) -> bool {
        mlir!(mlirTypeIsARankedTensor(self.0))
    }

    /// Is this a `memref`?
    pub fn is_memref(self) -> bool {
        mlir!(mlirTypeIsAMemRef(self.0))
    }

    /// Is this a `vector`?
    pub fn is_vector(self) -> bool {
        mlir!(mlirTypeIsAVector(self.0))
    }

    /// Is this `f32`?
    pub fn is_f32(self) -> bool {
        mlir!(mlirTypeIsAF32(self.0))
    }

    /// The sizes of a ranked shaped type, [`DYNAMIC`] where one is not known;
    /// `None` for other types.
    pub fn shape(self) -> Option<Vec<i64>> {
        if !mlir!(mlirTypeIsAShaped(self.0)) || !mlir!(mlirShapedTypeHasRank(self.0)) {
            return None;
        }
        let rank = mlir!(mlirShapedTypeGetRank(self.0));
        Some(
            (0..rank)
                .map(|dim| match mlir!(mlirShapedTypeIsDynamicDim(self.0, dim as isize)) {
                    true => DYNAMIC,
                    false => mlir!(mlirShapedTypeGetDimSize(self.0, dim as isize)),
                })
                .collect(),
        )
    }

    /// The element type of a shaped type.
    pub fn element_type(self) -> Type {
        Type(mlir!(mlirShapedTypeGetElementType(self.0)))
    }

    /// `tensor<shape x element>`.
    pub fn tensor(element: Type, shape: &[i64]) -> Type {
        let sizes = raw_sizes(shape);
        Type(mlir!(mlirRankedTensorTypeGet(
            sizes.len() as isize,
            sizes.as_ptr(),
            element.0,
            NULL_ATTRIBUTE
        )))
    }

    /// `memref<shape x element>`, row-major.
    pub fn memref(element: Type, shape: &[i64]) -> Type {
        let sizes = raw_sizes(shape);
        Type(mlir!(mlirMemRefTypeContiguousGet(
            element.0,
            sizes.len() as isize,
            sizes.as_ptr(),
            NULL_ATTRIBUTE
        )))
    }

    /// `vector<shape x element>`.
    pub fn vector(element: Type, shape: &[i64]) -> Type {
        Type(mlir!(mlirVectorTypeGet(shape.len() as isize, shape.as_ptr(), element.0)))
    }

    /// `!gauss.tensor<shape x element>`, a mixture of so many nodes with covariances, 0 where none are
    /// known; a diagnostic at `location` and `None` where there is no such type.
    pub fn gaussian(location: Location, element: Type, shape: &[i64], nodes: i64) -> Option<Type> {
        let sizes = raw_sizes(shape);
        // SAFETY: live handles; `sizes` holds as many numbers as said.
        Type::from_nullable(unsafe {
            ffi::gauss_tensor_type_get_checked(
                location.0,
                sizes.len() as isize,
                sizes.as_ptr(),
                element.0,
                nodes,
            )
        })
    }

    /// The offset and the strides of a strided `memref`, [`DYNAMIC`] where not known.
    pub fn strides_and_offset(self) -> Option<(Vec<i64>, i64)> {
        let mut strides = vec![0; self.shape()?.len()];
        let mut offset = 0;
        let result =
            mlir!(mlirMemRefTypeGetStridesAndOffset(self.0, strides.as_mut_ptr(), &raw mut offset));
        (result.value != 0).then_some((strides, offset))
    }

    /// An integer or index attribute of this type.
    pub fn integer_attr(self, value: i64) -> Attribute {
        Attribute(mlir!(mlirIntegerAttrGet(self.0, value)))
    }

    /// This type as an attribute.
    pub fn attr(self) -> Attribute {
        Attribute(mlir!(mlirTypeAttrGet(self.0)))
    }

    /// The input and result types of a function type.
    pub fn function_signature(self) -> Option<(Vec<Type>, Vec<Type>)> {
        if !mlir!(mlirTypeIsAFunction(self.0)) {
            return None;
        }
        let inputs = (0..mlir!(mlirFunctionTypeGetNumInputs(self.0)))
            .map(|i| Type(mlir!(mlirFunctionTypeGetInput(self.0, i))))
            .collect();
        let results = (0..mlir!(mlirFunctionTypeGetNumResults(self.0)))
            .map(|i| Type(mlir!(mlirFunctionTypeGetResult(self.0, i))))
            .collect();
        Some((inputs, results))
    }
}

/// MLIR's own number for a dynamic size in place of ours.
fn raw_sizes(shape: &[i64]) -> Vec<i64> {
    let dynamic = mlir!(mlirShapedTypeGetDynamicSize());
    shape.iter().map(|&size| if size == DYNAMIC { dynamic } else { size }).collect()
}
