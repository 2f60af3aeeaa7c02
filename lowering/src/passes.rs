//! The passes, one file each, named as its flag.

pub mod gauss_load_parameters;
pub mod gauss_set_batch;
pub mod lower_gauss;

use crate::pass::Pass;

/// Every pass of the crate.
pub static ALL: &[Pass] =
    &[gauss_load_parameters::PASS, gauss_set_batch::PASS, lower_gauss::PASS];
