//! A counter-based random number generator and standard normal variates.
//!
//! A counter-based generator has no state: the same counter and key give the same numbers on every
//! machine and in every order of evaluation, so results that depend on draws are reproducible.

use core::f32::consts::PI;

const ROUNDS: usize = 10;
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Philox 4x32 with 10 rounds: four independent uniform `u32` for each `counter` and `key`.
///
/// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, *Parallel random numbers: as easy as
/// 1, 2, 3*, SC 2011.
///
/// ```
/// use pfp_runtime::random::philox4x32;
///
/// assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
#[must_use]
pub const fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut x0, mut x1, mut x2, mut x3] = counter;
    let [mut k0, mut k1] = key;
    let mut round = 0;
    while round < ROUNDS {
        let product0 = MULTIPLIERS[0] as u64 * x0 as u64;
        let product1 = MULTIPLIERS[1] as u64 * x2 as u64;
        x0 = (product1 >> 32) as u32 ^ x1 ^ k0;
        x1 = product1 as u32;
        x2 = (product0 >> 32) as u32 ^ x3 ^ k1;
        x3 = product0 as u32;
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
        round += 1;
    }
    [x0, x1, x2, x3]
}

/// Four independent standard normal variates for each `counter` and `key`.
///
/// The Box-Muller transform (G. E. P. Box, M. E. Muller, *A note on the generation of random
/// normal deviates*, Ann. Math. Statist. 29, 1958) of the four numbers of [`philox4x32`]: with
/// u in (0, 1] and t in [-π, π], √(-2 ln u)·cos t and √(-2 ln u)·sin t. All 32 bits of u count, so
/// the tails reach |z| = 6.76.
#[must_use]
pub fn standard_normals(counter: [u32; 4], key: [u32; 2]) -> [f32; 4] {
    let [u0, t0, u1, t1] = philox4x32(counter, key);
    let [z0, z1] = box_muller(u0, t0);
    let [z2, z3] = box_muller(u1, t1);
    [z0, z1, z2, z3]
}

fn box_muller(radius: u32, angle: u32) -> [f32; 2] {
    const ULP: f32 = 1.0 / (1u64 << 32) as f32;
    // The half keeps u away from 0, where the logarithm has its pole.
    let u = (radius as f32 + 0.5) * ULP;
    let (sin, cos) = libm::sincosf(angle.cast_signed() as f32 * (2.0 * PI * ULP));
    let radius = libm::sqrtf(-2.0 * libm::logf(u));
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// `philox4x32 10` of `kat_vectors` in the Random123 distribution of the authors.
    #[test]
    fn known_answers() {
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox4x32(counter, key), expected);
        }
    }

    /// Against double precision, from a separate implementation.
    #[test]
    fn known_normals() {
        let expected = [
            -0.736_389_375_833_417,
            -0.158_000_580_908_405_24,
            0.616_053_116_226_842_9,
            1.244_658_290_412_076_9,
        ];
        for (z, expected) in standard_normals([1, 2, 3, 4], [5, 6]).iter().zip(expected) {
            assert!((f64::from(*z) - expected).abs() < 3e-7, "{z} {expected}");
        }
    }

    #[test]
    fn box_muller_is_finite_at_the_ends_of_its_range() {
        for radius in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            for angle in [0, 1, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                for z in box_muller(radius, angle) {
                    assert!(z.abs() < 6.77, "{radius:#x} {angle:#x}: {z}");
                }
            }
        }
        // The quarter turns.
        let e = libm::sqrtf(-2.0 * libm::logf(0.5));
        for (angle, expected) in [
            (0, [e, 0.0]),
            (0x4000_0000, [0.0, e]),
            (0x8000_0000, [-e, 0.0]),
            (0xc000_0000, [0.0, -e]),
        ] {
            let actual = box_muller(0x8000_0000, angle);
            for (a, b) in actual.iter().zip(expected) {
                assert!((a - b).abs() < 2e-7, "{angle:#x}: {actual:?}");
            }
        }
    }

    /// Kolmogorov-Smirnov against the standard normal distribution.
    #[test]
    fn distribution() {
        let mut z: Vec<f64> = (0..25_000)
            .flat_map(|i| standard_normals([i, 0, 0, 0], [1, 2]))
            .map(f64::from)
            .collect();
        let n = z.len() as f64;
        z.sort_by(f64::total_cmp);
        let distance = z
            .iter()
            .enumerate()
            .map(|(i, z)| {
                let p = 0.5 * libm::erfc(-z / core::f64::consts::SQRT_2);
                (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs())
            })
            .fold(0.0, f64::max);
        // 1.63/√n is the 1 % point.
        assert!(distance * n.sqrt() < 1.63, "{}", distance * n.sqrt());
    }

    #[test]
    fn the_four_variates_and_neighbouring_counters_are_uncorrelated() {
        const N: u32 = 25_000;
        let draws = |i: u32| {
            let [a, b, c, d] = standard_normals([i, 0, 0, 0], [3, 4]);
            let [e, ..] = standard_normals([i, 1, 0, 0], [3, 4]);
            let [f, ..] = standard_normals([i, 0, 0, 0], [4, 4]);
            [a, b, c, d, e, f].map(f64::from)
        };
        let mut products = [[0.0; 6]; 6];
        for i in 0..N {
            let z = draws(i);
            for (row, a) in products.iter_mut().zip(z) {
                for (sum, b) in row.iter_mut().zip(z) {
                    *sum += a * b / f64::from(N);
                }
            }
        }
        for (i, row) in products.iter().enumerate() {
            for (j, product) in row.iter().enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 0.04, "{i} {j}: {product}");
            }
        }
    }
}
