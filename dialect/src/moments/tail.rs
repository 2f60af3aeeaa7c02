//! The tail functions of the normal distribution that the maximum needs.

use super::Arithmetic;

/// J, K and 1 − K − 2aJ of the module's page, at one `a ≥ 0`: L and U are the last two
/// less J².
#[derive(Debug, Clone, Copy)]
pub struct Tail<V> {
    /// J: what the maximum adds to the larger mean, in units of θ.
    pub j: V,
    /// K, which is L + J².
    pub k: V,
    /// 1 − K − 2aJ, which is U + J².
    pub rest: V,
}

/// From here on J, K and L are taken as zero in `f32`: e^(−a²/2) is below the
/// smallest normal number.
pub const TAIL_LIMIT_F32: f64 = 13.26;

/// From here on J, K and L are zero in `f64`.
pub(super) const TAIL_LIMIT_F64: f64 = 39.0;

/// From here on the double-precision tail is a continued fraction, and so deep:
/// 40 levels leave 2e-15 at 3, and less beyond.
const FRACTION_FROM: f64 = 3.0;
const FRACTION_DEPTH: u32 = 40;

/// K/J = N(a)/D(a) on [0, 13.5], to a relative error of 5.4e-7 in K and 1.7e-7
/// in J. From a weighted least-squares fit that was iterated towards the minimal
/// largest error. K/J falls like 2/a, which the degrees 3 over 4 reproduce, and
/// every coefficient is positive, so nothing cancels.
const NUMERATOR: [f64; 4] = [
    1.253_313_465_916_362_3,
    0.544_377_243_874_871_5,
    0.126_028_169_819_691_37,
    0.013_407_097_153_250_475,
];
const DENOMINATOR: [f64; 5] = [
    1.0,
    0.776_787_140_287_792_7,
    0.295_870_849_700_510_6,
    0.062_829_938_607_904_13,
    0.006_707_564_065_510_929,
];

/// N and D are computed as multiples of this, so that φ/E is a normal number wherever φ is:
/// E grows to 1e5.
const SCALE: f64 = 1.0 / (1 << 18) as f64;

/// 1/√(2π).
pub const INVERSE_SQRT_TWO_PI: f64 = 0.398_942_280_401_432_7;

impl<V: Copy> Tail<V> {
    /// For arithmetic that rounds to `f32`: one exponential, one division, and
    /// multiplications and additions of positive numbers.
    ///
    /// From the recurrence of the iterated integrals, φ = J + aQ and Q = K + aJ:
    /// φ = J(1 + a² + a·K/J). With K/J = N/D this gives J = φD/E and K = φN/E,
    /// where E = (1 + a²)D + aN; both keep their relative accuracy in the tail.
    pub fn rational<A: Arithmetic<Value = V>>(
        a: &mut A,
        ratio: V,
        exp: impl FnOnce(&mut A, V) -> V,
    ) -> Self {
        let limit = a.constant(TAIL_LIMIT_F32);
        let x = a.min_or(ratio, limit);
        let square = a.mul(x, x);
        let minus_half = a.constant(-0.5);
        let exponent = a.mul(square, minus_half);
        let exponential = exp(a, exponent);
        let numerator = polynomial(a, &NUMERATOR.map(|c| c * SCALE), x, square);
        let denominator = polynomial(a, &DENOMINATOR.map(|c| c * SCALE), x, square);
        let cross = a.fma(x, numerator, denominator);
        let total = a.fma(square, denominator, cross);
        let scale = a.constant(INVERSE_SQRT_TWO_PI);
        let density = a.mul(exponential, scale);
        // Does not wait for the exponential.
        let reciprocal = a.reciprocal(total);
        let quotient = a.mul(density, reciprocal);
        let j = a.mul(quotient, denominator);
        let k = a.mul(quotient, numerator);
        Self::from_integrals(a, x, [j, k])
    }

    fn from_integrals<A: Arithmetic<Value = V>>(a: &mut A, x: V, [j, k]: [V; 2]) -> Self {
        let one = a.constant(1.0);
        let two_x = a.add(x, x);
        let without_k = a.sub(one, k);
        Self { j, k, rest: a.negated_fma(two_x, j, without_k) }
    }

    /// The derivatives of all three at this a, where `upper` is Q: J′ = −Q, K′ = −2J and
    /// (1 − K − 2aJ)′ = 2aQ.
    pub fn slopes<A: Arithmetic<Value = V>>(self, a: &mut A, ratio: V, upper: V) -> Self {
        let two = a.constant(2.0);
        let j = a.negate(upper);
        let twice = a.mul(self.j, two);
        let k = a.negate(twice);
        let twice = a.mul(upper, two);
        Self { j, k, rest: a.mul(twice, ratio) }
    }

    /// The same function of all three.
    pub fn map<U>(self, mut f: impl FnMut(V) -> U) -> Tail<U> {
        Tail { j: f(self.j), k: f(self.k), rest: f(self.rest) }
    }

    /// L: the share of the variance of the operand with the smaller mean.
    pub fn lower<A: Arithmetic<Value = V>>(self, a: &mut A) -> V {
        a.negated_fma(self.j, self.j, self.k)
    }

    /// U: the share of the variance of the operand with the larger mean.
    pub fn upper<A: Arithmetic<Value = V>>(self, a: &mut A) -> V {
        a.negated_fma(self.j, self.j, self.rest)
    }
}

impl Tail<f64> {
    /// In double precision: J, L and U to a relative error of 2e-13.
    ///
    /// The integrals I₋₁ = φ, I₀ = Q, I₁ = J, I₂ = K/2, … obey
    /// Iₙ₋₂ = n·Iₙ + a·Iₙ₋₁. Solved for J and K it subtracts numbers that are
    /// nearly equal where a is large. There, the ratios rₙ = Iₙ/Iₙ₋₁ come from the
    /// continued fraction rₙ₋₁ = 1/(a + n·rₙ), which only adds. Gautschi 1967,
    /// "Computational aspects of three-term recurrence relations".
    pub fn reference(a: &mut impl Arithmetic<Value = f64>, ratio: f64) -> Self {
        let x = if ratio < TAIL_LIMIT_F64 { ratio } else { TAIL_LIMIT_F64 };
        let density = INVERSE_SQRT_TWO_PI * (-0.5 * x * x).exp();
        let (j, k) = if x < FRACTION_FROM {
            let tail = 0.5 * libm::erfc(x * std::f64::consts::FRAC_1_SQRT_2);
            (density - x * tail, (1.0 + x * x) * tail - x * density)
        } else {
            let [r0, r1, r2] = ratios(x);
            let j = density * r0 * r1;
            (j, 2.0 * j * r2)
        };
        Self::from_integrals(a, x, [j, k])
    }
}

/// r₀, r₁ and r₂ by the continued fraction, which starts from the fixed point of its step.
fn ratios(x: f64) -> [f64; 3] {
    let start = 2.0 / (x + (x * x + 4.0 * f64::from(FRACTION_DEPTH)).sqrt());
    let ratio = |next: f64, n: u32| 1.0 / (x + f64::from(n) * next);
    let r2 = (3..=FRACTION_DEPTH).rev().fold(start, ratio);
    let r1 = ratio(r2, 2);
    [ratio(r1, 1), r1, r2]
}

/// Q(x)·e^(x²/2) for x ≥ 0 in double precision.
pub fn scaled(x: f64) -> f64 {
    match x < FRACTION_FROM {
        true => 0.5 * libm::erfc(x * std::f64::consts::FRAC_1_SQRT_2) * (0.5 * x * x).exp(),
        false => INVERSE_SQRT_TWO_PI * ratios(x)[0],
    }
}

/// The derivative of [`scaled`]: −J(x)·e^(x²/2).
pub fn scaled_slope(x: f64) -> f64 {
    match x < FRACTION_FROM {
        true => x * scaled(x) - INVERSE_SQRT_TWO_PI,
        false => {
            let [r0, r1, _] = ratios(x);
            -INVERSE_SQRT_TWO_PI * r0 * r1
        }
    }
}

/// A polynomial, constant term first, by Estrin's scheme: pairs of terms side by
/// side, then Horner's rule on x².
fn polynomial<A: Arithmetic>(
    a: &mut A,
    coefficients: &[f64],
    x: A::Value,
    square: A::Value,
) -> A::Value {
    let pairs: Vec<_> = coefficients
        .chunks(2)
        .map(|pair| {
            let constant = a.constant(pair[0]);
            match pair.get(1) {
                Some(&slope) => {
                    let slope = a.constant(slope);
                    a.fma(slope, x, constant)
                }
                None => constant,
            }
        })
        .collect();
    let highest = pairs.len() - 1;
    pairs[..highest].iter().rev().fold(pairs[highest], |sum, &pair| a.fma(sum, square, pair))
}
