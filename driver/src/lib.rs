//! The driver of the compiler: how a person or a build script uses it.
//!
//! - [`module`]: parsing a gauss module and running passes on it;
//! - [`parameters`], [`posterior`]: the posterior in safetensors, and whether its numbers can be meant;
//! - [`target`]: which machine code is made for;
//! - [`compile`]: a network and its machine code; [`signature`] and [`layers`]
//!   say what a network takes, gives and costs;
//! - [`emit`]: the files that a compilation writes;
//! - [`jit`]: a compiled model in this process;
//! - [`data`], [`batches`]: arrays in files, and models on many items;
//! - [`mod@reference`]: the float64 reference and Monte Carlo, and errors against them;
//! - [`calibrate`]: variances, temperature and thresholds from held-out data;
//! - [`eval`]: what a network is worth on data;
//! - [`mod@report`]: an evaluation as a page;
//! - [`demo`]: the built-in networks on their built-in data;
//! - [`watch`]: progress of long work;
//! - [`cli`]: the command line;
//! - [`output`], [`interrupt`]: files that are written whole, and what a signal leaves;
//! - [`guard`]: what MLIR must not be given;
//! - [`diagnostics`], [`error`]: what is wrong, and where;
//! - [`tools`]: MLIR's stock tools with the gauss dialect.

pub mod batches;
pub mod bench;
pub mod calibrate;
pub mod cli;
pub mod compile;
pub mod data;
pub mod demo;
pub mod diagnostics;
pub mod emit;
pub mod error;
pub mod eval;
mod ffi;
pub mod guard;
pub mod interrupt;
pub mod jit;
pub mod layers;
mod lsp;
pub mod module;
pub mod output;
pub mod parameters;
pub mod posterior;
pub mod prediction;
pub mod reference;
pub mod report;
pub mod signature;
pub mod target;
pub mod tools;
pub mod watch;
