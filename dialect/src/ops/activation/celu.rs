//! x above 0, α(e^(x/α) − 1) below: its slope is 1 at 0 for every α.

use super::{
    Pointwise,
    elu::{Exponential, exponential, parameter},
};
use crate::{
    attributes::{AttributeList, Attributes},
    moments::{Elementary, Moments},
};

/// The least parameter: variances are divided by its square.
const LEAST: f64 = 1e-6;

/// The continuously differentiable exponential linear unit, Barron 2017, arXiv 1704.07483.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Celu {
    alpha: f64,
}

impl Celu {
    fn function(self) -> Exponential {
        Exponential { size: self.alpha, unit: self.alpha, scale: 1.0 }
    }
}

impl Pointwise for Celu {
    exponential!("celu", LEAST, [1.0, 0.3, 2.5]);
}
