//! The special functions of the Dirichlet distribution's entropies, by the digamma function
//! ψ: g(x) = x(ψ(x + 1) − ln x), and the rise ψ(x + 1) − ψ(1).

use super::Special;
use crate::moments::horner;

/// ψ(1 + x) on [0, 1], to 3.2e-8; least squares, iterated towards the minimal
/// largest error, as is the polynomial below.
const DIGAMMA: [f64; 10] = [
    -0.577_215_632_596_880_9,
    1.644_927_060_404_880_2,
    -1.201_805_337_118_172,
    1.078_782_884_260_872_4,
    -1.011_118_561_078_34,
    0.905_492_496_650_900_3,
    -0.695_160_276_324_839,
    0.400_533_487_066_336_07,
    -0.146_379_909_639_508_14,
    0.024_728_155_771_744_53,
];

/// g(1/t) on [0, 1], to a relative error of 2.6e-8.
const RECIPROCAL: [f64; 8] = [
    0.499_999_986_813_369_77,
    -0.083_331_827_074_294_51,
    -2.770_104_387_399_751_8e-5,
    0.008_511_417_927_792_442,
    -0.000_416_015_475_974_668_8,
    -0.004_209_979_504_436_784,
    0.002_961_984_453_806_833_7,
    -0.000_703_542_148_495_465_3,
];

/// Below this an argument counts as this; a normal number in `f32`.
const LEAST: f64 = 1e-37;

/// B₂ₙ/2n, of the asymptotic series of ψ.
const SERIES: [f64; 7] = [
    1.0 / 12.0,
    -1.0 / 120.0,
    1.0 / 252.0,
    -1.0 / 240.0,
    1.0 / 132.0,
    -691.0 / 32_760.0,
    1.0 / 12.0,
];

/// g for arithmetic that rounds to `f32`, to a relative error of 5e-7: a logarithm, a
/// division and two polynomials, one for either side of 1.
pub fn information<A: Special>(a: &mut A, x: A::Value) -> A::Value {
    let (one, least) = (a.constant(1.0), a.constant(LEAST));
    let x = a.max(x, least);
    let small = a.min_or(x, one);
    let large = a.max(x, one);
    let reciprocal = a.div(one, large);
    let beyond = horner(a, &RECIPROCAL, reciprocal);
    // Both terms have the sign of the sum but near 1, where the logarithm is small.
    let ln = a.ln(small);
    let digamma = horner(a, &DIGAMMA, small);
    let difference = a.sub(digamma, ln);
    let within = a.mul(small, difference);
    a.select_ge(x, one, beyond, within)
}

/// From here on the asymptotic series of ψ is good to 1e-16.
const FROM: f64 = 16.0;

/// g in double precision, to a relative error of 1e-13, by the recurrence and the
/// asymptotic series of ψ. Abramowitz and Stegun 1964, 6.3.5 and 6.3.18.
pub fn information_reference(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    // ψ(y) + 1/(2y) − ln y
    let rest = |y: f64| {
        let square = 1.0 / (y * y);
        -square * SERIES.iter().rev().fold(0.0, |sum, term| sum * square + term)
    };
    if x >= FROM {
        return 0.5 + x * rest(x);
    }
    let steps = (FROM - x).ceil();
    let y = x + steps;
    let shifted: f64 = (1..steps as u32).map(|step| 1.0 / (x + f64::from(step))).sum();
    x * (y.ln() - x.ln() - 0.5 / y + rest(y) - shifted)
}

/// ψ(x + 1) − ψ(1) on [0, 1] for arithmetic that rounds to `f32`, to 1e-7.
pub fn digamma_rise<A: Special>(a: &mut A, x: A::Value) -> A::Value {
    let slope = horner(a, &DIGAMMA[1..], x);
    a.mul(slope, x)
}

/// ψ(x + 1) − ψ(1) = Σ x/(n(n + x)) for x from 0 to 1 in double precision, to a relative
/// error of 1e-15: some terms of the sum, and the asymptotic series of the rest.
pub fn digamma_rise_reference(x: f64) -> f64 {
    const TERMS: u32 = 16;
    let sum: f64 = (1..=TERMS).map(f64::from).map(|n| x / (n * (n + x))).sum();
    // ψ(y) = ln y − 1/(2y) − Σ B₂ₙ/2n·y⁻²ⁿ at y = start + x, less the same at start.
    let start = f64::from(TERMS + 1);
    let y = start + x;
    // y⁻²ⁿ less start⁻²ⁿ has the factor −x.
    let (inverse, inverse_start) = (1.0 / y, 1.0 / start);
    let mut rest = (x / start).ln_1p() + 0.5 * x * inverse * inverse_start;
    let square = inverse_start * inverse_start;
    let (mut power, mut factor) = (square, (y + start) * inverse * inverse * x * square);
    for term in SERIES {
        rest += term * factor;
        // start⁻²ⁿ⁻² − y⁻²ⁿ⁻², from the difference before.
        factor = factor * inverse * inverse + power * (y + start) * x * inverse * inverse * square;
        power *= square;
    }
    sum + rest
}

/// g′ in double precision, g(x)/x + xψ′(x + 1) − 1; infinite at 0.
pub fn information_slope(x: f64) -> f64 {
    if x < FROM {
        return information_reference(x) / x + x * digamma_rise_slope(x) - 1.0;
    }
    let square = 1.0 / (x * x);
    let terms = SERIES.iter().enumerate().rev();
    square * terms.fold(0.0, |sum, (n, term)| sum * square + (2 * n + 1) as f64 * term)
}

/// ψ′(x + 1) in double precision for x ≥ 0, by the recurrence and the asymptotic series. Abramowitz and Stegun 1964,
/// 6.4.6 and 6.4.12.
pub fn digamma_rise_slope(x: f64) -> f64 {
    let steps = (FROM - x).ceil().max(1.0);
    let y = x + steps;
    let shifted: f64 = (1..steps as u32).map(|step| (x + f64::from(step)).powi(-2)).sum();
    let square = 1.0 / (y * y);
    let terms = SERIES.iter().enumerate().rev();
    let rest = terms.fold(0.0, |sum, (n, term)| sum * square + (2 * n + 2) as f64 * term);
    shifted + 1.0 / y + 0.5 * square + rest * square / y
}
