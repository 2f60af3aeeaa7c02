use core::ffi::c_int;
use core::fmt;

/// Why a model did not run. On an error the outputs are unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The compiled function saw a null pointer (`PFP_ERROR_NULL`).
    Null,
    /// The arena does not start at a multiple of the model's arena alignment
    /// (`PFP_ERROR_ALIGNMENT`).
    Misaligned,
    /// The arena has fewer bytes than the model's `ARENA_BYTES`.
    ArenaTooSmall {
        /// Bytes the model needs.
        expected: usize,
        /// Bytes the caller provided.
        actual: usize,
    },
    /// The number of input buffers is not that of the model.
    InputCount {
        /// Buffers the model reads.
        expected: usize,
        /// Buffers the caller provided.
        actual: usize,
    },
    /// The number of output buffers is not that of the model.
    OutputCount {
        /// Buffers the model writes.
        expected: usize,
        /// Buffers the caller provided.
        actual: usize,
    },
    /// A buffer has the wrong number of elements.
    Length {
        /// Which buffer.
        buffer: &'static str,
        /// Elements it must have.
        expected: usize,
        /// Elements it has.
        actual: usize,
    },
    /// The compiled function returned a status that this version of the crate does not know.
    Status(c_int),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Null => f.write_str("the model was given a null pointer"),
            Self::Misaligned => f.write_str("the arena is not aligned as the model requires"),
            Self::ArenaTooSmall { expected, actual } => {
                write!(f, "the model needs an arena of {expected} bytes, not {actual}")
            }
            Self::InputCount { expected, actual } => {
                write!(f, "the model reads {expected} buffers, not {actual}")
            }
            Self::OutputCount { expected, actual } => {
                write!(f, "the model writes {expected} buffers, not {actual}")
            }
            Self::Length { buffer, expected, actual } => {
                write!(f, "`{buffer}` must have {expected} elements, not {actual}")
            }
            Self::Status(status) => write!(f, "the model returned the unknown status {status}"),
        }
    }
}

impl core::error::Error for Error {}
