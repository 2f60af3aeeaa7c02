//! Functions in arithmetic that rounds to `f32`: the upper tail of the normal distribution, tanh, series.

use super::{Arithmetic, Elementary};

/// Q(x)·e^(x²/2) = t·P(t) for x ≥ 0 with t = 1/(1 + `MILLS_SCALE`·x), to a relative error of
/// 7.7e-8; least squares, iterated towards the minimal largest error.
const MILLS: [f64; 9] = [
    0.143_617_415_629_634_56,
    0.143_689_077_205_019_94,
    0.123_930_318_098_338_86,
    0.096_483_594_848_106_69,
    -0.001_806_116_738_270_378_8,
    0.110_027_928_235_476_41,
    -0.226_496_938_107_134,
    0.141_205_253_846_993_15,
    -0.030_650_570_821_136_383,
];
const MILLS_SCALE: f64 = 0.36;

/// Q for x ≥ 0 in arithmetic that rounds to `f32`.
pub fn upper_tail<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let density = bell(a, x);
    upper_tail_beside(a, x, density)
}

/// Q for x ≥ 0 where e^(−x²/2) is known.
pub fn upper_tail_beside<A: Arithmetic>(a: &mut A, x: A::Value, bell: A::Value) -> A::Value {
    let (one, divisor) = (a.constant(1.0), mills_divisor(a, x));
    let t = a.div(one, divisor);
    let ratio = mills(a, t);
    a.mul(bell, ratio)
}

/// Q(x)·e^(x²/2) for two x from 0 to 1e9, with one division.
pub fn scaled_tails<A: Arithmetic>(a: &mut A, x: [A::Value; 2]) -> [A::Value; 2] {
    let [first, second] = x.map(|x| mills_divisor(a, x));
    let product = a.mul(first, second);
    let reciprocal = a.reciprocal(product);
    [second, first].map(|other| {
        let t = a.mul(reciprocal, other);
        mills(a, t)
    })
}

/// 1/t.
fn mills_divisor<A: Arithmetic>(a: &mut A, x: A::Value) -> A::Value {
    let (one, scale) = (a.constant(1.0), a.constant(MILLS_SCALE));
    a.fma(x, scale, one)
}

/// t·P(t).
fn mills<A: Arithmetic>(a: &mut A, t: A::Value) -> A::Value {
    let ratio = horner(a, &MILLS, t);
    a.mul(ratio, t)
}

/// e^(−x²/2).
pub fn bell<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let minus_half = a.constant(-0.5);
    let square = a.mul(x, x);
    let exponent = a.mul(square, minus_half);
    a.exp(exponent)
}

/// e^(−x²/2); anything where x is not a number.
pub fn finite_bell<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let minus_half = a.constant(-0.5);
    let square = a.mul(x, x);
    let exponent = a.mul(square, minus_half);
    a.finite_exp(exponent)
}

/// A polynomial, constant term first.
pub fn horner<A: Arithmetic>(a: &mut A, coefficients: &[f64], x: A::Value) -> A::Value {
    let mut sum = a.constant(0.0);
    for (number, &coefficient) in coefficients.iter().rev().enumerate() {
        let term = a.constant(coefficient);
        sum = if number == 0 { term } else { a.fma(sum, x, term) };
    }
    sum
}

/// Below this the function is a series, as 1 − e^(−2|x|) has fewer digits.
const TANH_SMALL: f64 = 0.625;

/// tanh(x)/x in x² on |x| ≤ [`TANH_SMALL`], to 4e-9; least squares, iterated towards the minimal largest
/// error.
const TANH_SERIES: [f64; 6] = [
    0.999_999_996_103_046_9,
    -0.333_332_606_705_074,
    0.133_311_295_999_537_95,
    -0.053_721_188_825_773_95,
    0.020_591_297_511_663_893,
    -0.005_660_276_680_919_535,
];

/// tanh x.
pub fn tanh<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let (zero, one, small) = (a.constant(0.0), a.constant(1.0), a.constant(TANH_SMALL));
    let distance = a.abs(x);
    let minus_two = a.constant(-2.0);
    let exponent = a.mul(distance, minus_two);
    let power = a.exp(exponent);
    let (sum, difference) = (a.add(one, power), a.sub(one, power));
    let size = a.div(difference, sum);
    let minus = a.sub(zero, size);
    let large = a.select_ge(x, zero, size, minus);
    let square = a.mul(x, x);
    let series = horner(a, &TANH_SERIES, square);
    let series = a.mul(series, x);
    a.select_ge(distance, small, large, series)
}

/// Up to this distance from 0 eˣ − 1 is a series, as the difference has fewer digits.
const EXP_M1_SMALL: f64 = 0.5;

/// (eˣ − 1)/x = Σ xᵏ/(k + 1)!: to 1e-8 on |x| ≤ [`EXP_M1_SMALL`].
const EXP_M1_SERIES: [f64; 8] =
    [1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0];

/// eˣ − 1.
pub fn exp_m1<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let (one, small) = (a.constant(1.0), a.constant(EXP_M1_SMALL));
    let power = a.exp(x);
    let large = a.sub(power, one);
    let series = horner(a, &EXP_M1_SERIES, x);
    let series = a.mul(series, x);
    let distance = a.abs(x);
    a.select_ge(distance, small, large, series)
}
