use crate::{ARENA_ALIGN, Error};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// Number of elements of a tensor of this shape.
#[must_use]
pub const fn elements(shape: &[usize]) -> usize {
    let mut elements = 1;
    let mut axis = 0;
    while axis < shape.len() {
        elements *= shape[axis];
        axis += 1;
    }
    elements
}

/// A buffer that a model reads or writes: row-major `f32`, the whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its name in the C header: `input`, `mean`, `variance`, `input_mean`, `mean1`, ...
    pub name: &'static str,
    /// Its dimensions, outermost first.
    pub shape: &'static [usize],
}

impl Buffer {
    /// Number of `f32` in the buffer.
    #[must_use]
    pub const fn elements(&self) -> usize {
        elements(self.shape)
    }
}

/// A compiled model, for code that works with any of them. Implemented by [`model!`](crate::model!).
///
/// Code that knows its model calls the inherent `run` instead, where a wrong length is a compile
/// error.
pub trait Model {
    /// Name of the compiled C function.
    const SYMBOL: &'static str;
    /// Items per call.
    const BATCH: usize;
    /// Bytes of scratch memory that a call needs.
    const ARENA_BYTES: usize;
    /// Bytes of read-only weights in the object file.
    const WEIGHT_BYTES: usize;
    /// Bytes of stack that the compiled function uses.
    const STACK_BYTES: usize;
    /// The buffers that the model reads, in the order of [`run_slices`](Self::run_slices).
    const INPUTS: &'static [Buffer];
    /// The buffers that the model writes, in the order of [`run_slices`](Self::run_slices).
    const OUTPUTS: &'static [Buffer];

    /// Run the model once on slices, one for each of [`INPUTS`](Self::INPUTS) and
    /// [`OUTPUTS`](Self::OUTPUTS).
    ///
    /// `arena` may be uninitialised; it is left with unspecified contents.
    ///
    /// # Errors
    ///
    /// [`Error::InputCount`], [`Error::OutputCount`], [`Error::Length`] or
    /// [`Error::ArenaTooSmall`] if the slices do not match the constants, [`Error::Misaligned`]
    /// if the arena is not aligned to [`ARENA_ALIGN`](crate::ARENA_ALIGN). Then nothing was written.
    fn run_slices(
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        arena: &mut [MaybeUninit<u8>],
    ) -> Result<(), Error>;
}

/// Define the type of a compiled model. The Rust file that `pfp --emit=rust` writes is one
/// invocation of this macro.
///
/// For `@lenet`, with one deterministic input and one Gaussian output, the compiler writes
///
/// ```
#[doc = include_str!("../tests/emitted/lenet.rs")]
/// # #[unsafe(no_mangle)]
/// # extern "C" fn pfp_lenet(_: *const f32, _: *mut f32, _: *mut f32, _: *mut u8) -> i32 { 0 }
/// # assert_eq!(Lenet::INPUT_SHAPE, [1, 1, 28, 28]);
/// ```
///
/// which defines
///
/// ```text
/// pub struct Lenet;
///
/// impl Lenet {
///     pub const BATCH: usize = 1;
///     pub const ARENA_BYTES: usize = 25_088;
///     pub const WEIGHT_BYTES: usize = 532_824;
///     pub const STACK_BYTES: usize = 512;
///     pub const INPUT_SHAPE: [usize; 4] = [1, 1, 28, 28];
///     pub const INPUT_ELEMENTS: usize = 784;
///     pub const OUTPUT_SHAPE: [usize; 2] = [1, 10];
///     pub const OUTPUT_ELEMENTS: usize = 10;
///
///     pub fn run<const BYTES: usize>(
///         input: &[f32; 784],
///         mean: &mut [f32; 10],
///         variance: &mut [f32; 10],
///         arena: &mut Arena<BYTES>,           // BYTES >= ARENA_BYTES, checked at compile time
///     ) -> Result<(), Error>;
/// }
///
/// impl Model for Lenet { /* the same, on slices */ }
/// ```
///
/// # Grammar
///
/// The braces hold the four scalar constants and `ARENA_ALIGN`, in this order, then one line
/// `const <SHAPE>, <ELEMENTS> = [<dimensions>];` for each tensor. The function has the parameters
/// of the C function in their order, each with the name of its shape: inputs before the arrow,
/// outputs after it. The `void *arena` at the end is understood. A Gaussian tensor is two
/// parameters of one shape, so a Gaussian input reads
///
/// ```text
/// unsafe extern "C" fn pfp_sensor(
///     input_mean: INPUT_SHAPE,
///     input_variance: INPUT_SHAPE,
/// ) -> (mean: OUTPUT_SHAPE, variance: OUTPUT_SHAPE);
/// ```
///
/// and a model with two inputs and a Gaussian and a deterministic output
///
/// ```text
/// unsafe extern "C" fn pfp_fusion(
///     input0: INPUT0_SHAPE,
///     input1_mean: INPUT1_SHAPE,
///     input1_variance: INPUT1_SHAPE,
/// ) -> (mean0: OUTPUT0_SHAPE, variance0: OUTPUT0_SHAPE, output1: OUTPUT1_SHAPE);
/// ```
///
/// # Safety
///
/// Whoever writes `unsafe extern "C"` asserts that the function which is linked in under this name
/// was compiled together with the constants: it reads the input shapes, writes the output shapes
/// completely, and uses `ARENA_BYTES` bytes aligned to `ARENA_ALIGN` and nothing else.
///
/// # Compile-time errors
///
/// An arena that is too small does not compile:
///
/// ```compile_fail
#[doc = include_str!("../tests/emitted/lenet.rs")]
/// # #[unsafe(no_mangle)]
/// # extern "C" fn pfp_lenet(_: *const f32, _: *mut f32, _: *mut f32, _: *mut u8) -> i32 { 0 }
/// let mut arena = pfp_runtime::Arena::<{ Lenet::ARENA_BYTES - 1 }>::new();
/// Lenet::run(&[0.0; 784], &mut [0.0; 10], &mut [0.0; 10], &mut arena).unwrap();
/// ```
#[macro_export]
macro_rules! model {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $Model:ident {
            const BATCH = $batch:expr;
            const ARENA_BYTES = $arena_bytes:expr;
            const ARENA_ALIGN = $arena_align:expr;
            const WEIGHT_BYTES = $weight_bytes:expr;
            const STACK_BYTES = $stack_bytes:expr;
            $(const $SHAPE:ident, $ELEMENTS:ident = [$($dimension:expr),* $(,)?];)*
        }

        unsafe extern "C" fn $symbol:ident(
            $($input:ident: $INPUT:ident),* $(,)?
        ) -> (
            $($output:ident: $OUTPUT:ident),* $(,)?
        );
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $Model;

        const _: () = assert!(
            $arena_align <= $crate::ARENA_ALIGN,
            "the model needs an arena of a larger alignment than pfp_runtime::Arena has"
        );

        #[allow(dead_code)]
        impl $Model {
            /// Items per call.
            pub const BATCH: usize = $batch;
            /// Bytes of scratch memory that a call needs.
            pub const ARENA_BYTES: usize = $arena_bytes;
            /// Bytes of read-only weights in the object file.
            pub const WEIGHT_BYTES: usize = $weight_bytes;
            /// Bytes of stack that the compiled function uses.
            pub const STACK_BYTES: usize = $stack_bytes;

            $(
                /// Dimensions of the tensor, outermost first; stored row-major.
                pub const $SHAPE: [usize; <[usize]>::len(&[$($dimension),*])] = [$($dimension),*];
                /// Number of elements of the tensor, the whole batch.
                pub const $ELEMENTS: usize = $crate::elements(&Self::$SHAPE);
            )*

            /// Run the model once.
            ///
            /// Every output element is written; the arena is left with unspecified contents.
            ///
            /// # Errors
            ///
            /// Only if the compiled function refuses its arguments, which these types exclude.
            #[allow(clippy::too_many_arguments)]
            pub fn run<const BYTES: usize>(
                $($input: &[f32; $crate::elements(&$Model::$INPUT)],)*
                $($output: &mut [f32; $crate::elements(&$Model::$OUTPUT)],)*
                arena: &mut $crate::Arena<BYTES>,
            ) -> ::core::result::Result<(), $crate::Error> {
                const {
                    assert!(
                        BYTES >= $Model::ARENA_BYTES,
                        "the arena is smaller than the model's ARENA_BYTES"
                    )
                };
                Self::call($($input,)* $($output,)* arena.as_mut_slice())
            }

            #[allow(clippy::too_many_arguments)]
            fn call(
                $($input: &[f32; $crate::elements(&$Model::$INPUT)],)*
                $($output: &mut [f32; $crate::elements(&$Model::$OUTPUT)],)*
                arena: &mut [::core::mem::MaybeUninit<u8>],
            ) -> ::core::result::Result<(), $crate::Error> {
                unsafe extern "C" {
                    fn $symbol(
                        $($input: *const f32,)*
                        $($output: *mut f32,)*
                        arena: *mut ::core::ffi::c_void,
                    ) -> ::core::ffi::c_int;
                }
                let arena = $crate::__private::arena_pointer(arena, Self::ARENA_BYTES)?;
                // SAFETY: the arrays have the lengths of the model's shapes, the exclusive
                // references rule out overlap, and the arena has the model's size and alignment.
                // That the symbol is such a function was asserted where the macro was invoked.
                $crate::__private::status(unsafe {
                    $symbol($($input.as_ptr(),)* $($output.as_mut_ptr(),)* arena)
                })
            }
        }

        impl $crate::Model for $Model {
            const SYMBOL: &'static str = stringify!($symbol);
            const BATCH: usize = $Model::BATCH;
            const ARENA_BYTES: usize = $Model::ARENA_BYTES;
            const WEIGHT_BYTES: usize = $Model::WEIGHT_BYTES;
            const STACK_BYTES: usize = $Model::STACK_BYTES;
            const INPUTS: &'static [$crate::Buffer] = &[
                $($crate::Buffer { name: stringify!($input), shape: &$Model::$INPUT }),*
            ];
            const OUTPUTS: &'static [$crate::Buffer] = &[
                $($crate::Buffer { name: stringify!($output), shape: &$Model::$OUTPUT }),*
            ];

            fn run_slices(
                inputs: &[&[f32]],
                outputs: &mut [&mut [f32]],
                arena: &mut [::core::mem::MaybeUninit<u8>],
            ) -> ::core::result::Result<(), $crate::Error> {
                let [$($input),*] = inputs else {
                    return ::core::result::Result::Err($crate::Error::InputCount {
                        expected: Self::INPUTS.len(),
                        actual: inputs.len(),
                    });
                };
                let output_count = outputs.len();
                let [$($output),*] = outputs else {
                    return ::core::result::Result::Err($crate::Error::OutputCount {
                        expected: Self::OUTPUTS.len(),
                        actual: output_count,
                    });
                };
                $(let $input = $crate::__private::array(stringify!($input), $input)?;)*
                $(let $output = $crate::__private::array_mut(stringify!($output), $output)?;)*
                $Model::call($($input,)* $($output,)* arena)
            }
        }
    };
}

/// The arena as the compiled function wants it.
///
/// # Errors
///
/// Where it is too small, or not aligned.
pub fn arena_pointer(arena: &mut [MaybeUninit<u8>], expected: usize) -> Result<*mut c_void, Error> {
    if arena.len() < expected {
        return Err(Error::ArenaTooSmall { expected, actual: arena.len() });
    }
    // An empty slice points anywhere; a model without an arena takes a null pointer.
    if expected == 0 {
        return Ok(core::ptr::null_mut());
    }
    if !arena.as_ptr().addr().is_multiple_of(ARENA_ALIGN) {
        return Err(Error::Misaligned);
    }
    Ok(arena.as_mut_ptr().cast())
}

/// A slice as an array of the length that the model reads.
///
/// # Errors
///
/// Where it has another length.
pub fn array<'a, const N: usize>(
    buffer: &'static str,
    slice: &'a [f32],
) -> Result<&'a [f32; N], Error> {
    slice.try_into().map_err(|_| Error::Length { buffer, expected: N, actual: slice.len() })
}

/// A slice as an array of the length that the model writes.
///
/// # Errors
///
/// Where it has another length.
pub fn array_mut<'a, const N: usize>(
    buffer: &'static str,
    slice: &'a mut [f32],
) -> Result<&'a mut [f32; N], Error> {
    let actual = slice.len();
    slice.try_into().map_err(|_| Error::Length { buffer, expected: N, actual })
}

/// The status of the compiled function.
///
/// # Errors
///
/// Where it is not 0.
pub const fn status(status: c_int) -> Result<(), Error> {
    match status {
        0 => Ok(()),
        1 => Err(Error::Null),
        2 => Err(Error::Misaligned),
        unknown => Err(Error::Status(unknown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Arena;

    #[test]
    fn elements_of_scalars_tensors_and_empty_tensors() {
        assert_eq!(elements(&[]), 1);
        assert_eq!(elements(&[1, 1, 28, 28]), 784);
        assert_eq!(elements(&[3, 0, 2]), 0);
        assert_eq!(Buffer { name: "mean", shape: &[2, 10] }.elements(), 20);
    }

    #[test]
    fn a_model_without_an_arena_gets_null() {
        assert_eq!(arena_pointer(&mut [], 0), Ok(core::ptr::null_mut()));
        let mut arena = Arena::<64>::new();
        assert_eq!(arena_pointer(arena.as_mut_slice(), 0), Ok(core::ptr::null_mut()));
    }

    #[test]
    fn an_arena_of_the_wrong_size_or_alignment_is_refused() {
        let mut arena = Arena::<129>::new();
        let bytes = arena.as_mut_slice();
        assert!(arena_pointer(bytes, 129).is_ok());
        assert_eq!(
            arena_pointer(bytes, 130),
            Err(Error::ArenaTooSmall { expected: 130, actual: 129 })
        );
        assert_eq!(arena_pointer(&mut bytes[1..], 128), Err(Error::Misaligned));
        assert!(arena_pointer(&mut bytes[64..], 65).is_ok());
    }

    #[test]
    fn every_status_of_the_c_header_is_known() {
        assert_eq!(status(0), Ok(()));
        assert_eq!(status(1), Err(Error::Null));
        assert_eq!(status(2), Err(Error::Misaligned));
        assert_eq!(status(7), Err(Error::Status(7)));
        assert_eq!(status(-1), Err(Error::Status(-1)));
    }
}
