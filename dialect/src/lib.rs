//! The gauss dialect: what can be said about a Bayesian neural network.
//!
//! - [`ops`]: builders and accessors of the ops, generated from `td/Gauss.td`;
//! - [`layer`], [`shape`]: the ops as a Rust type, and their shape rules;
//! - [`moments`]: the algebra of means and variances, written once;
//! - [`predictive`]: from Gaussian logits to probabilities and decisions, written once;
//! - [`interpreter`]: the float64 reference and Monte Carlo;
//! - [`ir`]: handles on MLIR entities for code that rewrites IR.
//!
//! The crate knows no target, no schedule and no file format.

mod ffi;
pub mod interpreter;
pub mod ir;
pub mod layer;
pub mod moments;
pub mod predictive;
pub mod shape;
mod verify;

pub use verify::check_moments;

use melior::dialect::DialectRegistry;

/// Builders and accessors of the ops, one type per op.
#[allow(missing_docs, clippy::all)] // generated
pub mod ops {
    melior::dialect! {
        name: "gauss",
        files: ["Gauss.td"],
        include_directory_env_vars: ["GAUSS_TD_DIR"],
    }
}

/// Adds the gauss dialect to a registry.
pub fn register(registry: &DialectRegistry) {
    // SAFETY: a live registry.
    unsafe { ffi::gauss_register_dialect(registry.to_raw()) }
}
