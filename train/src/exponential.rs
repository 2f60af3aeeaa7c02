//! The exponential of many numbers.

/// Above this an exponential is infinite in single precision, below its negative it is nearly 0.
const MOST: f32 = 87.0;

/// `exp(x)` to two units in the last place, without a branch, so that loops over it are vectorised.
/// Arguments beyond ±87 count as those.
///
/// `exp(x) = 2^n exp(r)` with a whole n and |r| <= ln(2) / 2; the polynomial is that of Cephes, `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // A number of so many bits that what is added to it is rounded to a whole number.
    const ROUND: f32 = 12_582_912.0;
    // ln(2) in two parts, of which the first times n is exact.
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-MOST, MOST);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * HIGH) - n * LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // The exponent of a float is a whole number of its own.
    let power = (shifted.to_bits() << 23).wrapping_add(f32::to_bits(1.0));
    p * f32::from_bits(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for step in -87_000..=87_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "{x}: {error}");
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn beyond_single_precision_it_stays_a_positive_number() {
        for x in [-1e30, -100.0, 100.0, 1e30] {
            assert!(exp(x) > 0.0 && exp(x).is_finite(), "{x}");
        }
        assert!(exp(f32::NAN).is_nan());
    }
}
