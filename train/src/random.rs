//! Random numbers that follow from the seed and from what they are for, not from what was drawn before.

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// What numbers are drawn for. Each has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The order of the items in an epoch.
    Order,
    /// The first values of a parameter.
    Start,
    /// Draws of weights or outputs in a step.
    Step,
    /// Draws of weights or outputs in a validation.
    Validation,
}

/// The stream of a purpose that these two numbers count: an epoch, a parameter, or a step and a shard.
/// There is no other state: a run that goes on draws what it would have drawn.
pub fn stream(seed: u64, purpose: Purpose, major: u64, minor: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    let words = [seed, purpose as u64, major, minor];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Fills a slice with standard normal draws.
pub fn normals(random: &mut ChaCha8Rng, numbers: &mut [f32]) {
    numbers.iter_mut().for_each(|number| *number = random.sample(StandardNormal));
}

/// The order of the items in an epoch.
pub fn order(seed: u64, epoch: u64, order: &mut [u32]) {
    (0..).zip(order.iter_mut()).for_each(|(number, place)| *place = number);
    order.shuffle(&mut stream(seed, Purpose::Order, epoch, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, purpose: Purpose, major: u64, minor: u64) -> Vec<f32> {
        let mut numbers = vec![0.0; 1000];
        normals(&mut stream(seed, purpose, major, minor), &mut numbers);
        numbers
    }

    #[test]
    fn a_stream_follows_from_its_numbers_and_differs_from_every_other() {
        let first = draw(1, Purpose::Step, 2, 3);
        assert_eq!(first, draw(1, Purpose::Step, 2, 3));
        for other in [
            draw(2, Purpose::Step, 2, 3),
            draw(1, Purpose::Validation, 2, 3),
            draw(1, Purpose::Step, 3, 3),
            draw(1, Purpose::Step, 2, 2),
            draw(1, Purpose::Step, 3, 2),
        ] {
            let product: f32 = first.iter().zip(&other).map(|(a, b)| a * b).sum();
            assert!(product.abs() / 1000.0 < 0.15, "{product}");
        }
    }

    #[test]
    fn an_epoch_has_every_item_once_in_an_order_of_its_own() {
        let of = |seed, epoch| {
            let mut places = vec![0; 50];
            order(seed, epoch, &mut places);
            places
        };
        let mut sorted = of(7, 0);
        assert_eq!(sorted, of(7, 0));
        assert!(sorted != of(7, 1) && sorted != of(8, 0));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }
}
