//! Run a Bayesian neural network that `pfp` compiled ahead of time.
//!
//! `pfp compile model.mlir --emit=obj,rust` writes an object file with one C function and a Rust
//! file which invokes [`model!`]. That macro defines a type with the model's shapes as constants
//! and a safe `run`:
//!
//! ```
//! # // Stands for the compiled object file.
//! # #[unsafe(no_mangle)]
//! # extern "C" fn pfp_lenet(
//! #     input: *const f32, mean: *mut f32, variance: *mut f32, arena: *mut core::ffi::c_void,
//! # ) -> core::ffi::c_int {
//! #     assert!(!input.is_null() && arena.addr().is_multiple_of(64));
//! #     unsafe { mean.write_bytes(0, 10); variance.write_bytes(0, 10) };
//! #     0
//! # }
//! mod models {
//! #   /*
//!     include!(concat!(env!("OUT_DIR"), "/lenet.rs"));
//! #   */
//! #   include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/emitted/lenet.rs"));
//! }
//! use models::Lenet;
//! use pfp_runtime::Arena;
//! # #[cfg(feature = "predictive")]
//! use pfp_runtime::predictive;
//!
//! let image = [0.0; Lenet::INPUT_ELEMENTS];
//! let mut mean = [0.0; Lenet::OUTPUT_ELEMENTS];
//! let mut variance = [0.0; Lenet::OUTPUT_ELEMENTS];
//! let mut arena = Arena::<{ Lenet::ARENA_BYTES }>::new();
//!
//! Lenet::run(&image, &mut mean, &mut variance, &mut arena)?;
//!
//! # #[cfg(feature = "predictive")] {
//! let prediction = predictive::decompose(&mean, &variance, 100, 0);
//! assert!(prediction.uncertainty.epistemic <= prediction.uncertainty.total);
//! # }
//! # Ok::<(), pfp_runtime::Error>(())
//! ```
//!
//! A compiled model has no mutable state: its weights are read-only data in the object file and
//! its scratch memory is the [`Arena`] of the caller. Two threads may run it at the same time, each
//! with an arena of its own.
//!
//! # Features
//!
//! `predictive` (default): the `predictive` and `random` modules. Without it the crate has no
//! dependency at all.
//!
//! `std`: `Threads`, which runs the tasks of a model that was compiled with `--threads` on threads
//! of the system. Without it the crate needs no `std`.

#![no_std]
#![warn(missing_docs)]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod arena;
mod error;
mod executor;
mod model;
#[cfg(feature = "predictive")]
pub mod predictive;
#[cfg(feature = "predictive")]
pub mod random;
#[cfg(any(test, feature = "std"))]
mod threads;

#[cfg(target_has_atomic = "8")]
pub use arena::StaticArena;
pub use arena::{ARENA_ALIGN, Arena};
pub use error::Error;
pub use executor::{Executor, Task};
pub use model::{Buffer, Model, elements};
#[cfg(any(test, feature = "std"))]
pub use threads::Threads;

/// What the expansion of [`model!`] needs. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::model::{arena_pointer, array, array_mut, status};
}
