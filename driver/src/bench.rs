//! Latency of compiled functions on this machine, against what the machine can do.

pub mod measure;
pub mod profile;
pub mod roofline;
