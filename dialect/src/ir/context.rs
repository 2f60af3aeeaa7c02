//! What a context makes: types, attributes, affine maps, places.

use super::{AffineExpr, AffineMap, Attribute, Context, Location, Op, Type, string_ref};
use crate::ffi;

impl Context {
    /// `f32`.
    pub fn f32(self) -> Type {
        Type(mlir!(mlirF32TypeGet(self.0)))
    }

    /// `index`.
    pub fn index(self) -> Type {
        Type(mlir!(mlirIndexTypeGet(self.0)))
    }

    /// The signless integer type of this width.
    pub fn integer(self, width: u32) -> Type {
        Type(mlir!(mlirIntegerTypeGet(self.0, width)))
    }

    /// Parses a type written in MLIR syntax; `None` where the text is not one.
    pub fn parse_type(self, text: &str) -> Option<Type> {
        Type::from_nullable(mlir!(mlirTypeParseGet(self.0, string_ref(text))))
    }

    /// Parses an attribute written in MLIR syntax; `None` where the text is not one.
    pub fn parse_attribute(self, text: &str) -> Option<Attribute> {
        Attribute::from_nullable(mlir!(mlirAttributeParseGet(self.0, string_ref(text))))
    }

    /// Parses a module written in MLIR syntax; `None` where the text is not one.
    /// It belongs to the context's lifetime.
    pub fn parse_op(self, text: &str) -> Option<Op> {
        let name = string_ref("generated");
        Op::from_nullable(mlir!(mlirOperationCreateParse(self.0, string_ref(text), name)))
    }

    /// The location of code that no source line stands for.
    pub fn unknown_location(self) -> Location {
        Location(mlir!(mlirLocationUnknownGet(self.0)))
    }

    /// `d<position>`.
    pub fn dim(self, position: usize) -> AffineExpr {
        AffineExpr(mlir!(mlirAffineDimExprGet(self.0, position as isize)))
    }

    /// A constant affine expression.
    pub fn affine_constant(self, value: i64) -> AffineExpr {
        AffineExpr(mlir!(mlirAffineConstantExprGet(self.0, value)))
    }

    /// `(d0, .., d<dims-1>) -> (expressions)`.
    pub fn affine_map(self, dims: usize, expressions: &[AffineExpr]) -> AffineMap {
        let mut raw: Vec<_> = expressions.iter().map(|e| e.0).collect();
        AffineMap(mlir!(mlirAffineMapGet(
            self.0,
            dims as isize,
            0,
            raw.len() as isize,
            raw.as_mut_ptr()
        )))
    }

    /// The identity map on `dims` dimensions.
    pub fn identity_map(self, dims: usize) -> AffineMap {
        AffineMap(mlir!(mlirAffineMapMultiDimIdentityGet(self.0, dims as isize)))
    }

    /// An `i64` attribute.
    pub fn i64_attr(self, value: i64) -> Attribute {
        self.integer(64).integer_attr(value)
    }

    /// An attribute of type `f32`.
    pub fn f32_attr(self, value: f64) -> Attribute {
        Attribute(mlir!(mlirFloatAttrDoubleGet(self.0, self.f32().0, value)))
    }

    /// An attribute of type `f64`.
    pub fn f64_attr(self, value: f64) -> Attribute {
        let ty = mlir!(mlirF64TypeGet(self.0));
        Attribute(mlir!(mlirFloatAttrDoubleGet(self.0, ty, value)))
    }

    /// A string attribute.
    pub fn string_attr(self, text: &str) -> Attribute {
        Attribute(mlir!(mlirStringAttrGet(self.0, string_ref(text))))
    }

    /// A symbol reference.
    pub fn symbol_attr(self, name: &str) -> Attribute {
        Attribute(mlir!(mlirFlatSymbolRefAttrGet(self.0, string_ref(name))))
    }

    /// `unit`.
    pub fn unit_attr(self) -> Attribute {
        Attribute(mlir!(mlirUnitAttrGet(self.0)))
    }

    /// A boolean attribute.
    pub fn bool_attr(self, value: bool) -> Attribute {
        Attribute(mlir!(mlirBoolAttrGet(self.0, i32::from(value))))
    }

    /// `array<i64: ..>`.
    pub fn i64_array_attr(self, values: &[i64]) -> Attribute {
        Attribute(mlir!(mlirDenseI64ArrayGet(self.0, values.len() as isize, values.as_ptr())))
    }

    /// `array<i32: ..>`.
    pub fn i32_array_attr(self, values: &[i32]) -> Attribute {
        Attribute(mlir!(mlirDenseI32ArrayGet(self.0, values.len() as isize, values.as_ptr())))
    }

    /// An attribute that lists attributes.
    pub fn array_attr(self, elements: &[Attribute]) -> Attribute {
        let raw: Vec<_> = elements.iter().map(|a| a.0).collect();
        Attribute(mlir!(mlirArrayAttrGet(self.0, raw.len() as isize, raw.as_ptr())))
    }

    /// `{name = attribute, ..}`.
    pub fn dictionary_attr(self, entries: &[(&str, Attribute)]) -> Attribute {
        let named = entries.iter().map(|(name, attribute)| {
            let name = mlir!(mlirIdentifierGet(self.0, string_ref(name)));
            mlir!(mlirNamedAttributeGet(name, attribute.0))
        });
        let named: Vec<_> = named.collect();
        Attribute(mlir!(mlirDictionaryAttrGet(self.0, named.len() as isize, named.as_ptr())))
    }

    /// The function type `(inputs) -> (results)`.
    pub fn function_type(self, inputs: &[Type], results: &[Type]) -> Type {
        let inputs: Vec<_> = inputs.iter().map(|t| t.0).collect();
        let results: Vec<_> = results.iter().map(|t| t.0).collect();
        Type(mlir!(mlirFunctionTypeGet(
            self.0,
            inputs.len() as isize,
            inputs.as_ptr(),
            results.len() as isize,
            results.as_ptr()
        )))
    }
}

impl Location {
    /// The name that it is, such as that of the node of a model.
    pub fn name(self) -> Option<String> {
        mlir!(mlirLocationIsAName(self.0)).then(|| {
            let name = mlir!(mlirLocationNameGetName(self.0));
            super::to_string(mlir!(mlirIdentifierStr(name)))
        })
    }

    /// Reports an error here.
    pub fn emit_error(self, message: &str) {
        self.emit_error_with_note(message, "");
    }

    /// Reports an error here, and what to do as a note where there is something.
    pub fn emit_error_with_note(self, message: &str, note: &str) {
        // SAFETY: a live location; the texts are valid during the call.
        unsafe { ffi::gauss_emit_error(self.0, string_ref(message), string_ref(note)) }
    }
}
