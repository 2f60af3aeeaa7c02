//! The gauss dialect: what can be said about a Bayesian neural network.
//!
//! - [`builders`]: builders and accessors of the ops, generated from `td/Gauss.td`;
//! - [`types`]: the types of tensors;
//! - [`layer`], [`shape`]: the ops as a Rust type, and their shape rules;
//! - [`ops`]: the ops by family, each in a file of its own;
//! - [`attributes`]: what ops read their attributes with, and write them;
//! - [`representation`]: the components of an uncertain tensor, and their names;
//! - [`moments`]: the algebra of means and variances, written once;
//! - [`predictive`]: from Gaussian logits to probabilities and decisions, written once;
//! - [`loss`], [`update`]: what training minimises, and how it moves a posterior, written once;
//! - [`interpreter`]: the float64 reference and Monte Carlo;
//! - [`independence`]: where numbers are taken as independent that are not;
//! - [`parameters`]: where the values of parameters come from;
//! - [`ir`]: handles on MLIR entities for code that rewrites IR.
//!
//! The crate knows no target, no schedule and no file format.

pub mod attributes;
pub mod covariance;
mod ffi;
pub mod independence;
pub mod interpreter;
pub mod ir;
pub mod layer;
pub mod loss;
pub mod moments;
pub mod ops;
pub mod parameters;
pub mod predictive;
pub mod representation;
pub mod shape;
pub mod types;
pub mod update;
mod verify;

pub use verify::check_component;

use melior::dialect::DialectRegistry;

/// Builders and accessors of the ops, one type per op.
#[allow(missing_docs, clippy::all)] // generated
pub mod builders {
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
