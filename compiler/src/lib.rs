//! From a gauss module and its posterior to machine code.
//!
//! - [`mod@array`]: arrays as models read them and as files hold them;
//! - [`parameters`], [`posterior`]: the posterior in safetensors, and whether its numbers can be meant;
//! - [`module`]: parsing a gauss module and running passes on it;
//! - [`target`]: which machine code is made for;
//! - [`compile`]: a network and its machine code; [`signature`], [`prediction`] and [`layers`]
//!   say what a network takes, gives and costs;
//! - [`gradient`], [`adapt`]: a network with the gradient of a loss, and one that learns where it runs;
//! - [`emit`]: the files that a compilation writes;
//! - [`jit`], [`profile`]: a compiled model in this process, and where the time of a call goes;
//! - [`output`], [`interrupt`]: files that are written whole, and what a signal leaves;
//! - [`guard`]: what MLIR must not be given;
//! - [`diagnostics`], [`error`]: what is wrong, and where.
//!
//! The crate knows no command line and no data set.

pub mod adapt;
pub mod array;
pub mod compile;
pub mod diagnostics;
pub mod emit;
pub mod error;
mod ffi;
pub mod gradient;
pub mod guard;
pub mod interrupt;
pub mod jit;
pub mod layers;
pub mod module;
pub mod output;
pub mod parameters;
pub mod posterior;
pub mod prediction;
pub mod profile;
pub mod signature;
pub mod target;
