//! Finds LLVM and MLIR 22, says what must be installed where they are missing, and compiles C++ against
//! them.
//!
//! Build scripts of the workspace ask [`Llvm::find`] for paths and [`glue`] for a compiler. The crate's
//! own build script runs the same check first, so that a machine without LLVM stops with one message
//! within a second.

mod find;
mod glue;

pub use find::{Llvm, MAJOR_VERSION, Missing, PACKAGES};
pub use glue::glue;
