//! Named sequences of passes.

use crate::pass::Pipeline;

/// Every pipeline of the crate.
pub static ALL: &[Pipeline] = &[];
