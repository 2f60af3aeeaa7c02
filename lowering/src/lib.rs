//! Lowering of the gauss dialect: how a network is computed.
//!
//! - [`passes`]: one file per pass, named as its flag;
//! - [`pipelines`]: named sequences of passes;
//! - [`kernel`]: the kernel generator, from loop nests to vector code;
//! - [`mode`]: what is computed of a network: moments, its mean, samples;
//! - [`target`]: what the schedules need to know of a core;
//! - [`functions`], [`buffers`]: the functions of a module, and where their arguments lie;
//! - [`files`]: how much is read of a file.
//!
//! The crate knows no command line and no file format: parameters come through
//! [`gauss_dialect::parameters::ParameterSource`].

pub mod buffers;
pub mod effect;
pub mod files;
pub mod functions;
pub mod kernel;
pub mod lanes;
pub mod linalg;
pub mod mode;
pub mod parameters;
pub mod pass;
pub mod passes;
pub mod payload;
pub mod pipelines;
pub mod promises;
pub mod target;

/// Makes the passes and pipelines of this crate known to MLIR's registry, for
/// command lines and textual pipelines. Call it once per process, before any
/// of them is parsed.
pub fn register_passes(open: parameters::OpenParameters) {
    parameters::set_open(open);
    pass::register(passes::ALL, pipelines::ALL);
}
