//! Gradients of compiled code against differences of the reference in double precision, and against
//! its derivatives.

mod corners;
mod local;
pub mod losses;
mod networks;
mod trained;

use gauss_lowering::passes::gauss_append_loss::Loss;

use self::trained::{Reference, Trained, check};
use crate::{case::Case, random};

/// What float32 may lose of a derivative, as a share of the sum of the sizes of its terms: a few units in
/// the last place for each op of the formulas of the moments, some of which cancel to a thousandth.
const OF_OPS: f64 = 2e-3;

#[test]
fn random_ops_have_the_gradients_of_the_reference() {
    for (seed, count) in random::portions(96, 71) {
        let cases = random::trainable(seed, count);
        // A loss is of items.
        let has_items = |(_, case): &(usize, &Case)| !case.expected.shape.is_empty();
        for (number, case) in cases.iter().enumerate().filter(has_items) {
            let trained = Trained::of(case, Loss::Gaussian(Some(1.5)), number as u64);
            check(&trained, OF_OPS, Reference::Both);
        }
    }
}
