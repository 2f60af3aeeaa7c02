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
    MlirOperation, MlirRegion, MlirStringRef, MlirType, MlirValue,
};

/// Calls a function of the MLIR C API.
macro_rules! mlir {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the arguments are live handles of one context, by the contract of the module.
        unsafe { mlir_sys::$function($($argument),*) }
    };
}

mod affine;
mod attribute;
mod builder;
mod context;
mod structure;
mod types;

pub use builder::{Builder, OpBuilder};

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
