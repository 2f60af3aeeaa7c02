//! Handles on MLIR entities for code that rewrites IR.
//!
//! melior ties operations and values to borrows, which rewriting cannot keep:
//! an op is created, moved and erased while handles on its neighbours live on.
//! The handles here are plain copies of what the C API passes around. The
//! contract of the module, as in C++: a handle is used only while its context
//! lives and its operation has not been erased. The context outlives every
//! pass, and a pass erases an op only after the last use of its handles.

use std::{ffi::c_void, fmt};

use mlir_sys::{
    MlirAffineExpr, MlirAffineMap, MlirAttribute, MlirBlock, MlirContext, MlirLocation,
    MlirNamedAttribute, MlirOperation, MlirRegion, MlirStringRef, MlirType, MlirValue,
};

use crate::ffi;

/// Calls a function of the MLIR C API.
macro_rules! mlir {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the arguments are live handles of one context, by the contract of the module.
        unsafe { mlir_sys::$function($($argument),*) }
    };
}

/// The size of a dimension that is not known statically.
pub const DYNAMIC: i64 = i64::MIN;

/// The most elements that a tensor may have: 1 GiB for each of its moments.
pub const MAX_ELEMENTS: i64 = 1 << 28;

const NULL_ATTRIBUTE: MlirAttribute = MlirAttribute { ptr: std::ptr::null() };

fn string_ref(text: &str) -> MlirStringRef {
    MlirStringRef { data: text.as_ptr().cast(), length: text.len() }
}

fn to_string(text: MlirStringRef) -> String {
    // The pointer of an empty string may be null.
    if text.length == 0 {
        return String::new();
    }
    // SAFETY: MLIR returns strings that live as long as the entity they were read of.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.length) };
    String::from_utf8_lossy(bytes).into_owned()
}

/// Collects what one of the C API's print functions writes.
fn printed(print: impl FnOnce(mlir_sys::MlirStringCallback, *mut c_void)) -> String {
    extern "C" fn append(text: MlirStringRef, buffer: *mut c_void) {
        // SAFETY: `buffer` is the vector below; `text` is valid during the call.
        let (buffer, bytes) = unsafe {
            let bytes = std::slice::from_raw_parts(text.data.cast::<u8>(), text.length);
            (&mut *buffer.cast::<Vec<u8>>(), bytes)
        };
        buffer.extend_from_slice(bytes);
    }
    let mut buffer = Vec::<u8>::new();
    print(Some(append), (&raw mut buffer).cast());
    String::from_utf8_lossy(&buffer).into_owned()
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident, $raw:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name($raw);

        impl $name {
            /// Wraps a handle of the C API, which must not be null.
            pub fn from_raw(raw: $raw) -> Self {
                debug_assert!(!raw.ptr.is_null());
                Self(raw)
            }

            /// Wraps a handle of the C API; `None` where it is null.
            pub fn from_nullable(raw: $raw) -> Option<Self> {
                (!raw.ptr.is_null()).then_some(Self(raw))
            }

            /// The handle of the C API.
            pub fn to_raw(self) -> $raw {
                self.0
            }
        }
    };
}

macro_rules! identity {
    ($name:ident, $equal:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                mlir!($equal(self.0, other.0))
            }
        }
        impl Eq for $name {}
    };
}

macro_rules! display {
    ($name:ident, $print:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&printed(|callback, state| mlir!($print(self.0, callback, state))))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

handle!(/** An MLIR context. */ Context, MlirContext);
handle!(/** An operation. */ Op, MlirOperation);
handle!(/** An SSA value: the result of an operation or the argument of a block. */ Value, MlirValue);
handle!(/** A type. */ Type, MlirType);
handle!(/** An attribute. */ Attribute, MlirAttribute);
handle!(/** A block. */ Block, MlirBlock);
handle!(/** A region. */ Region, MlirRegion);
handle!(/** A source location. */ Location, MlirLocation);
handle!(/** An affine map. */ AffineMap, MlirAffineMap);
handle!(/** An affine expression. */ AffineExpr, MlirAffineExpr);

identity!(Op, mlirOperationEqual);
identity!(Value, mlirValueEqual);
identity!(Type, mlirTypeEqual);
identity!(Attribute, mlirAttributeEqual);
identity!(Block, mlirBlockEqual);
identity!(AffineMap, mlirAffineMapEqual);

display!(Op, mlirOperationPrint);
display!(Value, mlirValuePrint);
display!(Type, mlirTypePrint);
display!(Attribute, mlirAttributePrint);
display!(Block, mlirBlockPrint);
display!(Location, mlirLocationPrint);
display!(AffineMap, mlirAffineMapPrint);

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.0.ptr as usize).hash(state);
    }
}

impl std::hash::Hash for Op {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.0.ptr as usize).hash(state);
    }
}

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

    /// `!gauss.tensor<shape x element>`; a diagnostic at `location` and `None`
    /// where there is no such type.
    pub fn gaussian(location: Location, element: Type, shape: &[i64]) -> Option<Type> {
        let sizes = raw_sizes(shape);
        // SAFETY: live handles; `sizes` holds as many numbers as said.
        Type::from_nullable(unsafe {
            ffi::gauss_tensor_type_get_checked(
                location.0,
                sizes.len() as isize,
                sizes.as_ptr(),
                element.0,
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

impl AffineMap {
    /// This map as an attribute.
    pub fn attr(self) -> Attribute {
        Attribute(mlir!(mlirAffineMapAttrGet(self.0)))
    }

    /// The number of dimensions that the map takes.
    pub fn num_dims(self) -> usize {
        mlir!(mlirAffineMapGetNumDims(self.0)) as usize
    }

    /// The expressions of the map.
    pub fn results(self) -> Vec<AffineExpr> {
        (0..mlir!(mlirAffineMapGetNumResults(self.0)))
            .map(|i| AffineExpr(mlir!(mlirAffineMapGetResult(self.0, i))))
            .collect()
    }
}

impl AffineExpr {
    /// `self + other`.
    pub fn plus(self, other: AffineExpr) -> AffineExpr {
        AffineExpr(mlir!(mlirAffineAddExprGet(self.0, other.0)))
    }

    /// `self * factor`.
    pub fn times(self, factor: i64) -> AffineExpr {
        let context = Context(mlir!(mlirAffineExprGetContext(self.0)));
        AffineExpr(mlir!(mlirAffineMulExprGet(self.0, context.affine_constant(factor).0)))
    }

    /// The coefficients of the dimensions and the constant, where the expression
    /// is linear in `dims` dimensions.
    pub fn linear(self, dims: usize) -> Option<(Vec<i64>, i64)> {
        if mlir!(mlirAffineExprIsADim(self.0)) {
            let mut coefficients = vec![0; dims];
            coefficients[mlir!(mlirAffineDimExprGetPosition(self.0)) as usize] = 1;
            return Some((coefficients, 0));
        }
        if mlir!(mlirAffineExprIsAConstant(self.0)) {
            return Some((vec![0; dims], mlir!(mlirAffineConstantExprGetValue(self.0))));
        }
        if !mlir!(mlirAffineExprIsAAdd(self.0)) && !mlir!(mlirAffineExprIsAMul(self.0)) {
            return None;
        }
        let (left, left_constant) =
            AffineExpr(mlir!(mlirAffineBinaryOpExprGetLHS(self.0))).linear(dims)?;
        let (right, right_constant) =
            AffineExpr(mlir!(mlirAffineBinaryOpExprGetRHS(self.0))).linear(dims)?;
        if mlir!(mlirAffineExprIsAAdd(self.0)) {
            let sum = left.iter().zip(&right).map(|(a, b)| a + b).collect();
            return Some((sum, left_constant + right_constant));
        }
        // A product is linear where one factor is a constant.
        let (linear, constant, factor) = match right.iter().all(|&c| c == 0) {
            true => (left, left_constant, right_constant),
            false if left.iter().all(|&c| c == 0) => (right, right_constant, left_constant),
            false => return None,
        };
        Some((linear.iter().map(|c| c * factor).collect(), constant * factor))
    }
}

impl Value {
    /// The type of the value.
    pub fn ty(self) -> Type {
        Type(mlir!(mlirValueGetType(self.0)))
    }

    /// Gives the value another type. The caller keeps its users valid.
    pub fn set_type(self, ty: Type) {
        mlir!(mlirValueSetType(self.0, ty.0));
    }

    /// The operation whose result this is; `None` for a block argument.
    pub fn defining_op(self) -> Option<Op> {
        mlir!(mlirValueIsAOpResult(self.0)).then(|| Op(mlir!(mlirOpResultGetOwner(self.0))))
    }

    /// The block whose argument this is; `None` for the result of an operation.
    pub fn owner_block(self) -> Option<Block> {
        mlir!(mlirValueIsABlockArgument(self.0))
            .then(|| Block(mlir!(mlirBlockArgumentGetOwner(self.0))))
    }

    /// Which result of its operation, or which argument of its block, the value is.
    pub fn number(self) -> usize {
        let number = match mlir!(mlirValueIsAOpResult(self.0)) {
            true => mlir!(mlirOpResultGetResultNumber(self.0)),
            false => mlir!(mlirBlockArgumentGetArgNumber(self.0)),
        };
        number as usize
    }

    /// The operations that use the value, once for each use.
    pub fn users(self) -> Vec<Op> {
        let mut users = Vec::new();
        let mut usage = mlir!(mlirValueGetFirstUse(self.0));
        while !mlir!(mlirOpOperandIsNull(usage)) {
            users.push(Op(mlir!(mlirOpOperandGetOwner(usage))));
            usage = mlir!(mlirOpOperandGetNextUse(usage));
        }
        users
    }

    /// Makes every user of the value use `other`.
    pub fn replace_all_uses_with(self, other: Value) {
        mlir!(mlirValueReplaceAllUsesOfWith(self.0, other.0));
    }
}

impl Block {
    /// An unattached block with arguments of these types.
    pub fn new(arguments: &[Type], location: Location) -> Block {
        let types: Vec<_> = arguments.iter().map(|t| t.0).collect();
        let locations = vec![location.0; types.len()];
        Block(mlir!(mlirBlockCreate(types.len() as isize, types.as_ptr(), locations.as_ptr())))
    }

    /// The arguments of the block.
    pub fn arguments(self) -> Vec<Value> {
        (0..mlir!(mlirBlockGetNumArguments(self.0))).map(|i| self.argument(i as usize)).collect()
    }

    /// One argument of the block.
    pub fn argument(self, number: usize) -> Value {
        Value(mlir!(mlirBlockGetArgument(self.0, number as isize)))
    }

    /// Inserts an argument and returns it.
    pub fn insert_argument(self, number: usize, ty: Type, location: Location) -> Value {
        Value(mlir!(mlirBlockInsertArgument(self.0, number as isize, ty.0, location.0)))
    }

    /// Removes an argument that has no users.
    pub fn erase_argument(self, number: usize) {
        mlir!(mlirBlockEraseArgument(self.0, number as u32));
    }

    /// The operations of the block, in order, as they are now.
    pub fn ops(self) -> Vec<Op> {
        let mut ops = Vec::new();
        let mut next = Op::from_nullable(mlir!(mlirBlockGetFirstOperation(self.0)));
        while let Some(op) = next {
            ops.push(op);
            next = Op::from_nullable(mlir!(mlirOperationGetNextInBlock(op.0)));
        }
        ops
    }

    /// The first operation of the block.
    pub fn first_op(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirBlockGetFirstOperation(self.0)))
    }

    /// The last operation of the block, if it is a terminator.
    pub fn terminator(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirBlockGetTerminator(self.0)))
    }

    /// The operation whose region holds the block.
    pub fn parent_op(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirBlockGetParentOperation(self.0)))
    }
}

impl Region {
    /// Adds a block, which the region takes over.
    pub fn append(self, block: Block) {
        mlir!(mlirRegionAppendOwnedBlock(self.0, block.0));
    }

    /// The blocks of the region.
    pub fn blocks(self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut next = Block::from_nullable(mlir!(mlirRegionGetFirstBlock(self.0)));
        while let Some(block) = next {
            blocks.push(block);
            next = Block::from_nullable(mlir!(mlirBlockGetNextInRegion(block.0)));
        }
        blocks
    }
}

impl Op {
    /// The context of the operation.
    pub fn context(self) -> Context {
        Context(mlir!(mlirOperationGetContext(self.0)))
    }

    /// The full name, such as `gauss.dense`.
    pub fn name(self) -> String {
        let identifier = mlir!(mlirOperationGetName(self.0));
        to_string(mlir!(mlirIdentifierStr(identifier)))
    }

    /// Has the operation this name?
    pub fn is(self, name: &str) -> bool {
        self.name() == name
    }

    /// The location of the operation.
    pub fn location(self) -> Location {
        Location(mlir!(mlirOperationGetLocation(self.0)))
    }

    /// The operands.
    pub fn operands(self) -> Vec<Value> {
        (0..mlir!(mlirOperationGetNumOperands(self.0))).map(|i| self.operand(i as usize)).collect()
    }

    /// One operand.
    pub fn operand(self, number: usize) -> Value {
        Value(mlir!(mlirOperationGetOperand(self.0, number as isize)))
    }

    /// Replaces one operand.
    pub fn set_operand(self, number: usize, value: Value) {
        mlir!(mlirOperationSetOperand(self.0, number as isize, value.0));
    }

    /// Replaces all operands.
    pub fn set_operands(self, values: &[Value]) {
        let raw: Vec<_> = values.iter().map(|v| v.0).collect();
        mlir!(mlirOperationSetOperands(self.0, raw.len() as isize, raw.as_ptr()));
    }

    /// The results.
    pub fn results(self) -> Vec<Value> {
        (0..mlir!(mlirOperationGetNumResults(self.0))).map(|i| self.result(i as usize)).collect()
    }

    /// One result.
    pub fn result(self, number: usize) -> Value {
        Value(mlir!(mlirOperationGetResult(self.0, number as isize)))
    }

    /// An inherent or discardable attribute.
    pub fn attribute(self, name: &str) -> Option<Attribute> {
        Attribute::from_nullable(mlir!(mlirOperationGetAttributeByName(self.0, string_ref(name))))
    }

    /// Sets an attribute.
    pub fn set_attribute(self, name: &str, value: Attribute) {
        mlir!(mlirOperationSetAttributeByName(self.0, string_ref(name), value.0));
    }

    /// Removes an attribute.
    pub fn remove_attribute(self, name: &str) {
        mlir!(mlirOperationRemoveAttributeByName(self.0, string_ref(name)));
    }

    /// The name that the operation defines as a symbol.
    pub fn symbol(self) -> Option<String> {
        self.attribute("sym_name")?.as_string()
    }

    /// One region.
    pub fn region(self, number: usize) -> Region {
        Region(mlir!(mlirOperationGetRegion(self.0, number as isize)))
    }

    /// The regions.
    pub fn regions(self) -> Vec<Region> {
        (0..mlir!(mlirOperationGetNumRegions(self.0))).map(|i| self.region(i as usize)).collect()
    }

    /// The only block of the first region.
    pub fn body(self) -> Option<Block> {
        if mlir!(mlirOperationGetNumRegions(self.0)) == 0 {
            return None;
        }
        Block::from_nullable(mlir!(mlirRegionGetFirstBlock(self.region(0).0)))
    }

    /// The block that holds the operation.
    pub fn block(self) -> Block {
        Block(mlir!(mlirOperationGetBlock(self.0)))
    }

    /// The operation around this one.
    pub fn parent(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirOperationGetParentOperation(self.0)))
    }

    /// The next operation of the block.
    pub fn next(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirOperationGetNextInBlock(self.0)))
    }

    /// Has any result a user?
    pub fn is_used(self) -> bool {
        self.results().into_iter().any(|result| !result.users().is_empty())
    }

    /// Removes the operation, whose results have no users, from the IR.
    pub fn erase(self) {
        mlir!(mlirOperationDestroy(self.0));
    }

    /// Moves the operation before `other`.
    pub fn move_before(self, other: Op) {
        mlir!(mlirOperationMoveBefore(self.0, other.0));
    }

    /// A copy of the operation, not yet in a block.
    pub fn clone_detached(self) -> Op {
        Op(mlir!(mlirOperationClone(self.0)))
    }

    /// Every operation below this one, outer before inner, as they are now.
    pub fn descendants(self) -> Vec<Op> {
        let mut found = Vec::new();
        let mut regions = self.regions();
        regions.reverse();
        while let Some(region) = regions.pop() {
            for op in region.blocks().into_iter().flat_map(Block::ops) {
                found.push(op);
                found.extend(op.descendants());
            }
        }
        found
    }

    /// Reports an error of this operation, in the words `'name' op message`.
    pub fn emit_error(self, message: &str) {
        self.emit_error_with_note(message, self.location(), "");
    }

    /// Reports an error of this operation, and a note at a place where the note is not empty.
    pub fn emit_error_with_note(self, message: &str, at: Location, note: &str) {
        // SAFETY: a live operation and location; the texts are valid during the call.
        unsafe {
            ffi::gauss_emit_op_error(self.0, string_ref(message), at.0, string_ref(note));
        }
    }

    /// Remarks on this operation, with a note at a place.
    pub fn emit_remark(self, message: &str, at: Location, note: &str) {
        // SAFETY: a live operation and location; the texts are valid during the call.
        unsafe {
            ffi::gauss_emit_op_remark(self.0, string_ref(message), at.0, string_ref(note));
        }
    }

    /// Checks the operation and all below it; errors go to the context's handlers.
    pub fn verify(self) -> bool {
        mlir!(mlirOperationVerify(self.0))
    }
}

/// Where a [`Builder`] inserts.
#[derive(Clone, Copy)]
enum Position {
    Before(Op),
    End(Block),
}

/// Creates operations at one place.
#[derive(Clone, Copy)]
pub struct Builder {
    context: Context,
    location: Location,
    position: Position,
}

impl Builder {
    /// Inserts before `op`, at its location.
    pub fn before(op: Op) -> Self {
        Self { context: op.context(), location: op.location(), position: Position::Before(op) }
    }

    /// Inserts at the end of `block`.
    pub fn at_end(context: Context, block: Block, location: Location) -> Self {
        Self { context, location, position: Position::End(block) }
    }

    /// The same location, at the end of another block.
    pub fn in_block(self, block: Block) -> Self {
        Self { position: Position::End(block), ..self }
    }

    /// The same place, at the location of an operation.
    pub fn at_location_of(self, op: Op) -> Self {
        Self { location: op.location(), ..self }
    }

    /// The context of the IR.
    pub fn context(self) -> Context {
        self.context
    }

    /// The location that new operations get.
    pub fn location(self) -> Location {
        self.location
    }

    /// Starts an operation.
    pub fn op(self, name: &str) -> OpBuilder<'_> {
        OpBuilder {
            builder: self,
            name,
            operands: Vec::new(),
            results: Vec::new(),
            attributes: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// An operation with one result.
    pub fn value(self, name: &str, operands: &[Value], ty: Type) -> Value {
        self.op(name).operands(operands).results(&[ty]).build().result(0)
    }

    /// `arith.constant` of type `index`.
    pub fn index_constant(self, value: i64) -> Value {
        let ty = self.context.index();
        self.constant(ty.integer_attr(value), ty)
    }

    /// `arith.constant`.
    pub fn constant(self, value: Attribute, ty: Type) -> Value {
        self.op("arith.constant").attr("value", value).results(&[ty]).build().result(0)
    }

    /// Inserts a detached operation.
    pub fn insert(self, op: Op) {
        match self.position {
            Position::Before(next) => {
                mlir!(mlirBlockInsertOwnedOperationBefore(next.block().0, next.0, op.0));
            }
            Position::End(block) => mlir!(mlirBlockAppendOwnedOperation(block.0, op.0)),
        }
    }
}

/// An operation in the making.
pub struct OpBuilder<'a> {
    builder: Builder,
    name: &'a str,
    operands: Vec<MlirValue>,
    results: Vec<MlirType>,
    attributes: Vec<MlirNamedAttribute>,
    regions: Vec<MlirRegion>,
}

impl OpBuilder<'_> {
    /// Adds operands.
    pub fn operands(mut self, operands: &[Value]) -> Self {
        self.operands.extend(operands.iter().map(|v| v.0));
        self
    }

    /// Adds results.
    pub fn results(mut self, types: &[Type]) -> Self {
        self.results.extend(types.iter().map(|t| t.0));
        self
    }

    /// Adds an attribute.
    pub fn attr(mut self, name: &str, value: Attribute) -> Self {
        let identifier = mlir!(mlirIdentifierGet(self.builder.context.0, string_ref(name)));
        self.attributes.push(mlir!(mlirNamedAttributeGet(identifier, value.0)));
        self
    }

    /// Adds a region with one block, which it takes over.
    pub fn region(mut self, block: Block) -> Self {
        let region = mlir!(mlirRegionCreate());
        mlir!(mlirRegionAppendOwnedBlock(region, block.0));
        self.regions.push(region);
        self
    }

    /// Adds a region without blocks.
    pub fn empty_region(mut self) -> Self {
        self.regions.push(mlir!(mlirRegionCreate()));
        self
    }

    /// Creates and inserts the operation.
    ///
    /// # Panics
    ///
    /// Where MLIR cannot create the operation: an operation of this name is not
    /// registered, a fault of the caller and not of any input.
    pub fn build(self) -> Op {
        let mut state =
            mlir!(mlirOperationStateGet(string_ref(self.name), self.builder.location.0));

        mlir!(mlirOperationStateAddOperands(
            &raw mut state,
            self.operands.len() as isize,
            self.operands.as_ptr()
        ));
        mlir!(mlirOperationStateAddResults(
            &raw mut state,
            self.results.len() as isize,
            self.results.as_ptr()
        ));
        mlir!(mlirOperationStateAddAttributes(
            &raw mut state,
            self.attributes.len() as isize,
            self.attributes.as_ptr()
        ));
        mlir!(mlirOperationStateAddOwnedRegions(
            &raw mut state,
            self.regions.len() as isize,
            self.regions.as_ptr()
        ));
        let op = Op::from_nullable(mlir!(mlirOperationCreate(&raw mut state)))
            .unwrap_or_else(|| panic!("MLIR cannot create {}", self.name));
        self.builder.insert(op);
        op
    }
}
