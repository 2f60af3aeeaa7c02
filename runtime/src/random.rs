//! A counter-based random number generator and standard normal variates.
//!
//! A counter-based generator has no state: the same counter and key give the same numbers on every
//! machine and in every order of evaluation, so results that depend on draws are reproducible.
//!
//! The formulas stand here once, over an [`DrawArithmetic`]. This crate runs them on `u32` and `f32`,
//! the compiler of `pfp` on a builder of code that draws in vectors. Every step is an operation
//! that IEEE 754 rounds correctly, none is fused, so both give the same bits everywhere.

/// Words of 32 bits and binary32 floats that the generator can be run on.
pub trait DrawArithmetic {
    /// A word.
    type Word: Copy;
    /// A float.
    type Float: Copy;

    /// A literal.
    fn word(&mut self, value: u32) -> Self::Word;
    /// A literal.
    fn float(&mut self, value: f32) -> Self::Float;
    /// The low and the high half of `a · b`.
    fn wide_mul(&mut self, a: Self::Word, b: Self::Word) -> [Self::Word; 2];
    /// `a ⊕ b`.
    fn xor(&mut self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a ∧ b`.
    fn and(&mut self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a + b`, modulo 2³².
    fn add_words(&mut self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a − b`, modulo 2³².
    fn sub_words(&mut self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a` shifted to the left by fewer than 32 places.
    fn shift_left(&mut self, a: Self::Word, places: u32) -> Self::Word;
    /// `a` shifted to the right by fewer than 32 places, its first bit repeated.
    fn shift_right(&mut self, a: Self::Word, places: u32) -> Self::Word;
    /// The float nearest to a word without sign.
    fn unsigned_to_float(&mut self, a: Self::Word) -> Self::Float;
    /// The float nearest to a word in two's complement.
    fn signed_to_float(&mut self, a: Self::Word) -> Self::Float;
    /// The float of these bits.
    fn bits_to_float(&mut self, a: Self::Word) -> Self::Float;
    /// The bits of a float.
    fn float_to_bits(&mut self, a: Self::Float) -> Self::Word;
    /// `a + b`.
    fn add(&mut self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a · b`, rounded before anything is added to it.
    fn mul(&mut self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `√a`.
    fn sqrt(&mut self, a: Self::Float) -> Self::Float;
    /// `then` where the word is 0, else `otherwise`.
    fn select_zero(
        &mut self,
        a: Self::Word,
        then: Self::Float,
        otherwise: Self::Float,
    ) -> Self::Float;
}

const ROUNDS: u32 = 10;
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// The formula of [`philox4x32`].
pub fn philox4x32_on<A: DrawArithmetic>(
    a: &mut A,
    counter: [A::Word; 4],
    key: [u32; 2],
) -> [A::Word; 4] {
    let [mut x0, mut x1, mut x2, mut x3] = counter;
    let multipliers = MULTIPLIERS.map(|multiplier| a.word(multiplier));
    for round in 0..ROUNDS {
        let [k0, k1] = [0, 1].map(|i| a.word(key[i].wrapping_add(WEYL[i].wrapping_mul(round))));
        let [low0, high0] = a.wide_mul(multipliers[0], x0);
        let [low1, high1] = a.wide_mul(multipliers[1], x2);
        let (mixed0, mixed1) = (a.xor(high1, x1), a.xor(high0, x3));
        (x0, x1, x2, x3) = (a.xor(mixed0, k0), low1, a.xor(mixed1, k1), low0);
    }
    [x0, x1, x2, x3]
}

/// The formula of [`standard_normals`].
pub fn standard_normals_on<A: DrawArithmetic>(
    a: &mut A,
    counter: [A::Word; 4],
    key: [u32; 2],
) -> [A::Float; 4] {
    let [u0, t0, u1, t1] = philox4x32_on(a, counter, key);
    let [z0, z1] = box_muller(a, u0, t0);
    let [z2, z3] = box_muller(a, u1, t1);
    [z0, z1, z2, z3]
}

/// √(-2 ln u)·cos t and √(-2 ln u)·sin t with u = (radius + ½)/2³² and t = 2π·angle/2³².
fn box_muller<A: DrawArithmetic>(a: &mut A, radius: A::Word, angle: A::Word) -> [A::Float; 2] {
    const ULP: f32 = 1.0 / (1u64 << 32) as f32;
    let radius = a.unsigned_to_float(radius);
    // The half keeps u away from 0, where the logarithm has its pole.
    let (half, ulp) = (a.float(0.5), a.float(ULP));
    let shifted = a.add(radius, half);
    let u = a.mul(shifted, ulp);
    let logarithm = ln(a, u);
    let minus_two = a.float(-2.0);
    let square = a.mul(minus_two, logarithm);
    let radius = a.sqrt(square);
    direction(a, angle).map(|coordinate| a.mul(radius, coordinate))
}

/// ln u for a normal number in (0, 1], to 1.5 units in the last place. The polynomial is that of
/// `logf` in Cephes (S. L. Moshier, *Methods and Programs for Mathematical Functions*, 1989).
fn ln<A: DrawArithmetic>(a: &mut A, u: A::Float) -> A::Float {
    const SERIES: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    // ln 2 in two parts; the product of the first with an exponent is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // u = 2ⁿ·(1 + x) with 1 + x from √½ to √2.
    let (bits, root_half) = (a.float_to_bits(u), a.word(0x3f35_04f3));
    let above = a.sub_words(bits, root_half);
    let n = a.shift_right(above, 23);
    let exponent = a.shift_left(n, 23);
    let mantissa = a.sub_words(bits, exponent);
    let (mantissa, n, minus_one) = (a.bits_to_float(mantissa), a.signed_to_float(n), a.float(-1.0));
    let x = a.add(mantissa, minus_one);
    let square = a.mul(x, x);
    let series = horner(a, &SERIES, x);
    let cube = a.mul(x, square);
    let mut sum = a.mul(series, cube);
    let [high, low] = LN2.map(|part| a.float(part));
    let low = a.mul(n, low);
    sum = a.add(sum, low);
    let minus_half = a.float(-0.5);
    let half_square = a.mul(minus_half, square);
    sum = a.add(sum, half_square);
    sum = a.add(x, sum);
    let high = a.mul(n, high);
    a.add(sum, high)
}

/// The cosine and the sine of 2π·angle/2³², to 1 unit in the last place of one. The polynomials
/// are those of `sinf` and `cosf` in Cephes.
fn direction<A: DrawArithmetic>(a: &mut A, angle: A::Word) -> [A::Float; 2] {
    const SIN: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];
    const COS: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];
    const RADIANS: f32 = (core::f64::consts::PI / (1u64 << 31) as f64) as f32;
    const EIGHTH: u32 = 1 << 29;
    // The nearest multiple of a quarter turn, and the rest.
    let eighth = a.word(EIGHTH);
    let turned = a.add_words(angle, eighth);
    let quarters = a.shift_right(turned, 30);
    let whole = a.shift_left(quarters, 30);
    let rest = a.sub_words(angle, whole);
    let (rest, radians) = (a.signed_to_float(rest), a.float(RADIANS));
    let x = a.mul(rest, radians);
    let square = a.mul(x, x);

    let series = horner(a, &SIN, square);
    let cube = a.mul(x, square);
    let sum = a.mul(series, cube);
    let sin = a.add(sum, x);

    let series = horner(a, &COS, square);
    let fourth = a.mul(square, square);
    let sum = a.mul(series, fourth);
    let (minus_half, one) = (a.float(-0.5), a.float(1.0));
    let half_square = a.mul(minus_half, square);
    let sum = a.add(sum, half_square);
    let cos = a.add(sum, one);

    // A quarter turn makes (cos, sin) into (-sin, cos).
    let one = a.word(1);
    let odd = a.and(quarters, one);
    let next = a.add_words(quarters, one);
    [(cos, sin, next), (sin, cos, quarters)].map(|(even, other, half_turns)| {
        let size = a.select_zero(odd, even, other);
        let (bits, two) = (a.float_to_bits(size), a.word(2));
        let negative = a.and(half_turns, two);
        let sign = a.shift_left(negative, 30);
        let signed = a.xor(bits, sign);
        a.bits_to_float(signed)
    })
}

/// The polynomial with these coefficients, that of the highest power first.
fn horner<A: DrawArithmetic>(a: &mut A, coefficients: &[f32], x: A::Float) -> A::Float {
    let mut sum = a.float(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        let (product, term) = (a.mul(sum, x), a.float(coefficient));
        sum = a.add(product, term);
    }
    sum
}

/// One number at a time.
struct Scalar;

impl DrawArithmetic for Scalar {
    type Word = u32;
    type Float = f32;

    fn word(&mut self, value: u32) -> u32 {
        value
    }

    fn float(&mut self, value: f32) -> f32 {
        value
    }

    fn wide_mul(&mut self, a: u32, b: u32) -> [u32; 2] {
        let product = u64::from(a) * u64::from(b);
        [product as u32, (product >> 32) as u32]
    }

    fn xor(&mut self, a: u32, b: u32) -> u32 {
        a ^ b
    }

    fn and(&mut self, a: u32, b: u32) -> u32 {
        a & b
    }

    fn add_words(&mut self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn sub_words(&mut self, a: u32, b: u32) -> u32 {
        a.wrapping_sub(b)
    }

    fn shift_left(&mut self, a: u32, places: u32) -> u32 {
        a << places
    }

    fn shift_right(&mut self, a: u32, places: u32) -> u32 {
        (a.cast_signed() >> places).cast_unsigned()
    }

    fn unsigned_to_float(&mut self, a: u32) -> f32 {
        a as f32
    }

    fn signed_to_float(&mut self, a: u32) -> f32 {
        a.cast_signed() as f32
    }

    fn bits_to_float(&mut self, a: u32) -> f32 {
        f32::from_bits(a)
    }

    fn float_to_bits(&mut self, a: f32) -> u32 {
        a.to_bits()
    }

    fn add(&mut self, a: f32, b: f32) -> f32 {
        a + b
    }

    fn mul(&mut self, a: f32, b: f32) -> f32 {
        a * b
    }

    fn sqrt(&mut self, a: f32) -> f32 {
        libm::sqrtf(a)
    }

    fn select_zero(&mut self, a: u32, then: f32, otherwise: f32) -> f32 {
        if a == 0 { then } else { otherwise }
    }
}

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
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    philox4x32_on(&mut Scalar, counter, key)
}

/// Four independent standard normal variates for each `counter` and `key`.
///
/// The Box-Muller transform (G. E. P. Box, M. E. Muller, *A note on the generation of random
/// normal deviates*, Ann. Math. Statist. 29, 1958) of the four numbers of [`philox4x32`]: with
/// u in (0, 1] and t in [-π, π], √(-2 ln u)·cos t and √(-2 ln u)·sin t. All 32 bits of u count, so
/// the tails reach |z| = 6.76. With u rounded to a float, the results are within
/// 2.5e-7·(1 + √(-2 ln u)) of these numbers.
#[must_use]
pub fn standard_normals(counter: [u32; 4], key: [u32; 2]) -> [f32; 4] {
    standard_normals_on(&mut Scalar, counter, key)
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
                for z in box_muller(&mut Scalar, radius, angle) {
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
            let actual = box_muller(&mut Scalar, 0x8000_0000, angle);
            for (a, b) in actual.iter().zip(expected) {
                assert!((a - b).abs() < 2e-7, "{angle:#x}: {actual:?}");
            }
        }
    }

    /// Against double precision, over the whole range of both numbers.
    #[test]
    fn box_muller_is_accurate() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        for _ in 0..200_000 {
            // Every order of magnitude of u, and every direction.
            let (radius, angle) = (next() >> (next() >> 27), next());
            // The formula rounds u to a float; near 1 that is what counts.
            let u = f64::from(radius as f32 + 0.5) / 2f64.powi(32);
            let (sin, cos) = libm::sincos(
                f64::from(angle.cast_signed()) * core::f64::consts::PI / 2f64.powi(31),
            );
            let size = libm::sqrt(-2.0 * libm::log(u));
            let actual = box_muller(&mut Scalar, radius, angle);
            for (z, expected) in actual.iter().zip([size * cos, size * sin]) {
                let error = (f64::from(*z) - expected).abs();
                assert!(error < 2.5e-7 * (1.0 + size), "{radius:#x} {angle:#x}: {z} {expected}");
            }
        }
    }

    /// Mean, variance, skewness and kurtosis of 10⁷ draws, each within 4 standard errors.
    #[test]
    fn moments() {
        const BLOCKS: u32 = 2_500_000;
        let n = 4.0 * f64::from(BLOCKS);
        let mut sums = [0.0; 4];
        for block in 0..BLOCKS {
            for z in standard_normals([block, 7, 0, 0], [8, 9]) {
                let z = f64::from(z);
                let square = z * z;
                for (sum, power) in sums.iter_mut().zip([z, square, square * z, square * square]) {
                    *sum += power;
                }
            }
        }
        // The variances of z, z², z³ and z⁴ are 1, 2, 15 and 96.
        for ((sum, expected), variance) in
            sums.iter().zip([0.0, 1.0, 0.0, 3.0]).zip([1.0, 2.0, 15.0, 96.0f64])
        {
            let error = (sum / n - expected).abs() / libm::sqrt(variance / n);
            assert!(error < 4.0, "{} is {error} standard errors from {expected}", sum / n);
        }
    }

    /// Kolmogorov-Smirnov against the standard normal distribution, 10⁷ draws.
    #[test]
    fn distribution() {
        let mut z: Vec<f32> =
            (0..2_500_000).flat_map(|i| standard_normals([i, 0, 0, 0], [1, 2])).collect();
        let n = z.len() as f64;
        z.sort_unstable_by(f32::total_cmp);
        let distance = z
            .iter()
            .enumerate()
            .map(|(i, z)| {
                let p = 0.5 * libm::erfc(-f64::from(*z) / core::f64::consts::SQRT_2);
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
