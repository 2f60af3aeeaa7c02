//! How a person or a build script uses the compiler.
//!
//! - [`cli`]: the command line;
//! - [`board`]: compiled networks on boards, over ssh;
//! - [`importing`]: the file of a network, read by an importer;
//! - [`emulator`]: what a network executes, where no board is at hand;
//! - [`demo`]: the built-in networks on their built-in data;
//! - [`roofline`]: what one core can do;
//! - [`tools`]: MLIR's stock tools with the gauss dialect.

pub mod board;
pub mod cli;
pub mod demo;
pub mod emulator;
pub mod importing;
mod lsp;
pub mod roofline;
pub mod tools;
