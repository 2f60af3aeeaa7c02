//! Compiled code against the float64 reference: golden vectors, random networks,
//! the objects' promises, the special functions.

#[path = "../../../dialect/tests/common/mod.rs"]
mod common;

mod adapt;
mod calibrated;
mod candidates;
mod case;
mod chains;
mod encoder;
mod evaluated;
mod golden;
mod gradients;
mod hot_loops;
mod linked;
mod long_sums;
mod mixtures;
mod modes;
mod narrow;
mod nearer;
mod object;
mod predictions;
mod published;
mod random;
mod special;
mod windows;
mod winograd;
