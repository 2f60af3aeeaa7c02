//! `--gauss-expand-math`: exp, log, erf, sin and cos as polynomials, for scalars and vectors.

use gauss_dialect::ir::{Op, Value};

use crate::{
    lanes::{self, Lanes, Predicate::*},
    pass::{Outcome, Pass},
    promises::{FINITE_EXPONENT, TAIL_EXPONENT},
};

/// Rewrites `math.exp`, `math.log`, `math.erf`, `math.sin` and `math.cos` on `f32` into branch-free
/// `arith` and `math.fma`, so that no call of a math library is left. With `fma=false`
/// `math.fma` becomes a product and a sum, for cores that would call for it.
///
/// Largest errors, in units in the last place: exp 1 where the result is a
/// normal number (a smaller result is 0), log 1, erf 3. sin and cos are within 1.2e-7 for operands within
/// ±12867, with fused multiply-add within ±1e6, and within 2e-6 to ±6588397; from there on they are 0.
pub const PASS: Pass = Pass {
    name: "gauss-expand-math",
    description: "Expand exp, log, erf, sin and cos on f32 scalars and vectors (option: fma, default true)",
    options: &["fma"],
    run: |module, options| {
        expand(module, options.get("fma") != Some("false"));
        Ok(()) as Outcome
    },
};

fn expand(module: Op, fma: bool) {
    // Users first: a product of the tail's exponential has no place of its own.
    for op in module.descendants().into_iter().rev() {
        let is_f32 = |value: &Value| {
            let ty = value.ty();
            ty.is_f32() || (ty.is_vector() && ty.element_type().is_f32())
        };
        if !op.operands().first().is_some_and(is_f32) {
            continue;
        }
        let lanes = Lanes::before(op, fma);
        let result = match op.name().as_str() {
            "math.exp" if op.attribute(TAIL_EXPONENT).is_some() => {
                let exponent = op.operand(0);
                match only_product(op) {
                    Some((product, factor)) => {
                        let scaled = lanes.tail_exp(exponent, factor);
                        product.result(0).replace_all_uses_with(scaled);
                        product.erase();
                        scaled
                    }
                    None => lanes.tail_exp(exponent, 1.0),
                }
            }
            "math.exp" => lanes.exp(op.operand(0), has_no_special_values(op)),
            "math.log" => lanes.log(op.operand(0)),
            "math.erf" => lanes.erf(op.operand(0)),
            "math.sin" => lanes.sin_or_cos(op.operand(0), 0),
            "math.cos" => lanes.sin_or_cos(op.operand(0), 1),
            "math.fma" if !fma => lanes.fma(op.operand(0), op.operand(1), op.operand(2)),
            _ => continue,
        };
        op.result(0).replace_all_uses_with(result);
        op.erase();
    }
}

/// The product with a constant that is all that an op is for, and the constant.
fn only_product(op: Op) -> Option<(Op, f64)> {
    let [product] = op.result(0).users()[..] else { return None };
    if !product.is("arith.mulf") || product.operand(0) != op.result(0) {
        return None;
    }
    Some((product, lanes::constant(product.operand(1))?))
}

/// A value as the product of another and a power of two, by which to multiply rounds nothing.
fn without_power_of_two(x: Value) -> (Value, f64) {
    let is_power = |factor: &f64| factor.is_normal() && factor.abs().log2().fract() == 0.0;
    let product = x.defining_op().filter(|op| op.is("arith.mulf"));
    let factor = |op: Op| lanes::constant(op.operand(1)).filter(is_power);
    match product.and_then(|op| Some((op.operand(0), factor(op)?))) {
        Some(found) => found,
        None => (x, 1.0),
    }
}

/// Does the op promise that it meets neither infinities nor NaN?
fn has_no_special_values(op: Op) -> bool {
    if op.attribute(FINITE_EXPONENT).is_some() {
        return true;
    }
    let flags = op.attribute("fastmath").map(|flags| flags.to_string()).unwrap_or_default();
    flags.contains("fast>") || (flags.contains("nnan") && flags.contains("ninf"))
}

/// (2ᶠ − 1)/f on |f| ≤ ½, to 9.1e-8 of 2ᶠ.
const EXP2: [f64; 5] = [
    0.693_146_977_596_612_3,
    0.240_222_420_818_467_12,
    0.055_507_337_456_145_805,
    0.009_671_512_862_015_966,
    0.001_326_472_708_903_708_7,
];

/// (eʳ − 1 − r)/r² on |r| ≤ ½ ln 2, to 3e-9 of eʳ; least squares, iterated
/// towards the minimal largest error, as are the polynomials below.
const EXP: [f64; 5] = [
    0.499_999_934_124_128_1,
    0.166_665_201_064_626_68,
    0.041_668_394_223_355_984,
    0.008_368_780_574_572_538,
    0.001_381_446_705_637_192_5,
];

/// Below the logarithm of the smallest normal number the exponential is 0.
const EXP_LEAST: f64 = -87.336_54;

/// Above the logarithm of the largest number the exponential is infinite.
const EXP_LARGEST: f64 = 88.722_84;

/// 1.5 · 2²³: a sum with it rounds to an integer, which its low bits hold.
const ROUND: f64 = 12_582_912.0;

/// What the exponent field of 2ⁿ holds beyond n.
const EXPONENT_BIAS: f64 = 127.0;

/// ln 2 in two parts; the product of the first with an exponent is exact.
const LN2_HIGH: f64 = 0.693_145_751_953_125;
const LN2_LOW: f64 = 1.428_606_820_309_417_2e-6;

/// (ln(1 + f) − f + f²/2)/f³ on √½ ≤ 1 + f ≤ √2, to 5.8e-9 of ln(1 + f).
const LOG: [f64; 8] = [
    0.333_333_317_096_948_2,
    -0.250_008_210_562_146_84,
    0.200_012_266_674_570_8,
    -0.166_233_564_793_904_64,
    0.142_017_624_671_425_12,
    -0.131_601_950_531_537_56,
    0.127_615_503_592_883_54,
    -0.076_344_299_058_551_78,
];

/// The bits of √½.
const SQRT_HALF_BITS: i64 = 0x3f35_04f3;

/// The bits of a mantissa, and their number.
const MANTISSA: i64 = 0x007f_ffff;
const MANTISSA_BITS: i64 = 23;

/// The smallest normal number.
const LEAST_NORMAL: f64 = f32::MIN_POSITIVE as f64;

/// erf(x)/x in x² on |x| ≤ 1, to 1.3e-9.
const ERF_SMALL: [f64; 7] = [
    1.128_379_165_726_626_4,
    -0.376_126_258_234_291_6,
    0.112_835_851_377_977_41,
    -0.026_853_811_417_685_836,
    0.005_188_326_582_176_009,
    -0.000_801_018_288_956_734_1,
    7.853_822_494_176_266e-5,
];

/// −ln(1 − erf(x)) on 0.98 ≤ x ≤ 3.95, to 1.2e-9 of erf.
const ERF_LARGE: [f64; 7] = [
    0.000_300_417_587_317_846_5,
    1.127_251_496_548_887_1,
    0.637_883_024_545_673_2,
    0.103_327_395_885_904_5,
    -0.021_940_450_195_702_12,
    0.002_972_446_192_430_533_4,
    -0.000_188_823_963_850_892_62,
];

/// Beyond this erf is 1 in `f32`.
const ERF_LIMIT: f64 = 3.95;

/// (sin r − r)/r³ in r² on |r| ≤ π/4, to 1.3e-8 of sin r; by interpolation, as the next one.
const SIN: [f64; 3] =
    [-0.166_666_646_563_104_76, 0.008_332_747_104_310_149, -0.000_195_876_390_171_857_14];

/// (cos r − 1 + r²/2)/r⁴ in r² on |r| ≤ π/4, to 8e-10.
const COS: [f64; 3] =
    [0.041_666_664_653_487_145, -0.001_388_830_186_723_148_6, 2.454_768_969_780_388e-5];

/// π/2 in three parts, of which the first two have 11 bits: products with whole numbers up to 2¹³ are
/// exact, those up to 2²² where multiply-adds are fused.
const HALF_PI: [f64; 3] = [1.570_312_5, 0.000_483_751_296_997_070_3, 7.549_789_954_891_882e-8];

/// 2²²·π/2: from here on floats do not tell an angle.
const ANGLE_LIMIT: f64 = 6_588_397.0;

impl Lanes {
    /// The low bits of a float, moved to where its exponent stands.
    fn as_exponent(&self, x: Value) -> Value {
        let bits = self.builder.value("arith.bitcast", &[x], self.integer);
        self.binary("arith.shli", bits, self.integer_constant(MANTISSA_BITS))
    }

    /// eˣ = 2ⁿ·eʳ with n the integer nearest to x/ln 2.
    fn exp(&self, x: Value, no_special_values: bool) -> Value {
        let round = self.constant(ROUND);
        let shifted = self.fma(x, self.constant(std::f64::consts::LOG2_E), round);
        let n = self.binary("arith.subf", shifted, round);
        let r = self.fma(n, self.constant(-LN2_HIGH), x);
        let r = self.fma(n, self.constant(-LN2_LOW), r);
        let square = self.mul(r, r);
        let series = self.polynomial(&EXP, r, square);
        // One is added last: what is rounded before is small against it.
        let fraction = self.fma(series, square, r);
        let mantissa = self.binary("arith.addf", fraction, self.constant(1.0));
        let bits = self.builder.value("arith.bitcast", &[mantissa], self.integer);
        let sum = self.binary("arith.addi", bits, self.as_exponent(shifted));
        let scaled = self.builder.value("arith.bitcast", &[sum], self.float);
        let least = self.constant(EXP_LEAST);
        let result = self.select(OrderedLess, [x, least], self.constant(0.0), scaled);
        if no_special_values {
            return result;
        }
        let infinity = self.constant(f64::INFINITY);
        let largest = self.constant(EXP_LARGEST);
        let result = self.select(OrderedGreater, [x, largest], infinity, result);
        self.select(Unordered, [x, x], x, result)
    }

    /// eˣ = 2ⁿ·2ᶠ for |x| up to that of [`TAIL_LEAST`](crate::promises::TAIL_LEAST), in fewer steps than [`Lanes::exp`]
    /// and to 2 units in the last place at 0, 12 at the end, where the rounding of
    /// log₂ e counts most. There the bits of 2ⁿ, n = −127, are those of zero. `scale`
    /// multiplies the result by way of the coefficients.
    fn tail_exp(&self, x: Value, scale: f64) -> Value {
        let (x, factor) = without_power_of_two(x);
        let log2_e = self.constant(std::f64::consts::LOG2_E * factor);
        let shift = self.constant(ROUND + EXPONENT_BIAS);
        let shifted = self.fma(x, log2_e, shift);
        let n = self.binary("arith.subf", shift, shifted);
        let f = self.fma(x, log2_e, n);
        let square = self.mul(f, f);
        let series = self.polynomial(&EXP2.map(|c| c * scale), f, square);
        let fraction = self.fma(series, f, self.constant(scale));
        let power = self.builder.value("arith.bitcast", &[self.as_exponent(shifted)], self.float);
        self.mul(fraction, power)
    }

    /// ln x = n·ln 2 + ln(1 + f) with √½ ≤ 1 + f < √2. A subnormal operand is scaled to
    /// a normal one; that of 0 is −∞, of a negative one not a number.
    fn log(&self, x: Value) -> Value {
        let least = self.constant(LEAST_NORMAL);
        let scale = (1i64 << MANTISSA_BITS) as f64;
        let scaled = self.mul(x, self.constant(scale));
        let normal = self.select(OrderedLess, [x, least], scaled, x);
        let shift = self.constant(-(MANTISSA_BITS as f64));
        let shift = self.select(OrderedLess, [x, least], shift, self.constant(0.0));

        let bits = self.builder.value("arith.bitcast", &[normal], self.integer);
        let origin = self.integer_constant(SQRT_HALF_BITS);
        let above = self.binary("arith.subi", bits, origin);
        let n = self.binary("arith.shrsi", above, self.integer_constant(MANTISSA_BITS));
        let n = self.builder.value("arith.sitofp", &[n], self.float);
        let n = self.binary("arith.addf", n, shift);
        let mantissa = self.binary("arith.andi", above, self.integer_constant(MANTISSA));
        let mantissa = self.binary("arith.addi", mantissa, origin);
        let mantissa = self.builder.value("arith.bitcast", &[mantissa], self.float);

        let f = self.binary("arith.subf", mantissa, self.constant(1.0));
        let square = self.mul(f, f);
        let cube = self.mul(square, f);
        // From the smallest term to the largest.
        let series = self.mul(self.horner(&LOG, f), cube);
        let sum = self.fma(n, self.constant(LN2_LOW), series);
        let sum = self.fma(square, self.constant(-0.5), sum);
        let sum = self.binary("arith.addf", f, sum);
        let result = self.fma(n, self.constant(LN2_HIGH), sum);

        let infinity = self.constant(f64::INFINITY);
        let result = self.select(OrderedEqual, [x, infinity], infinity, result);
        let zero = self.constant(0.0);
        let pole = self.constant(f64::NEG_INFINITY);
        let result = self.select(OrderedEqual, [x, zero], pole, result);
        self.select(UnorderedOrLess, [x, zero], self.constant(f64::NAN), result)
    }

    /// erf by its odd series near 0 and as 1 − e^(−p(|x|)) beyond.
    fn erf(&self, x: Value) -> Value {
        let size = self.builder.value("math.absf", &[x], self.float);
        let limit = self.constant(ERF_LIMIT);
        let size = self.select(OrderedLess, [size, limit], size, limit);
        let square = self.mul(x, x);
        let small = self.mul(self.horner(&ERF_SMALL, square), x);
        let exponent = self.horner(&ERF_LARGE, size);
        let exponent = self.builder.value("arith.negf", &[exponent], self.float);
        let one = self.constant(1.0);
        let complement = self.exp(exponent, true);
        let large = self.binary("arith.subf", one, complement);
        let large = self.builder.value("math.copysign", &[large, x], self.float);
        let result = self.select(OrderedLess, [size, one], small, large);
        self.select(Unordered, [x, x], x, result)
    }

    /// sin(x + kπ/2) for k = 0, 1: with n the whole number nearest to x/(π/2) and r the rest, ± sin r or
    /// ± cos r by the two low bits of n + k. 0 from [`ANGLE_LIMIT`] on.
    fn sin_or_cos(&self, x: Value, quarters: i64) -> Value {
        let round = self.constant(ROUND);
        let shifted = self.fma(x, self.constant(std::f64::consts::FRAC_2_PI), round);
        let n = self.binary("arith.subf", shifted, round);
        let r = HALF_PI.iter().fold(x, |r, &part| self.fma(n, self.constant(-part), r));
        let bits = self.builder.value("arith.bitcast", &[shifted], self.integer);
        let quarter = self.binary("arith.addi", bits, self.integer_constant(quarters));

        let square = self.mul(r, r);
        let sine = self.mul(self.horner(&SIN, square), square);
        let sine = self.fma(sine, r, r);
        let cosine = self.mul(self.horner(&COS, square), square);
        let cosine =
            self.fma(square, cosine, self.fma(square, self.constant(-0.5), self.constant(1.0)));

        let odd = self.binary("arith.andi", quarter, self.integer_constant(1));
        let odd = self.builder.value("arith.sitofp", &[odd], self.float);
        let chosen = self.select(OrderedGreater, [odd, self.constant(0.0)], cosine, sine);
        let sign = self.binary("arith.andi", quarter, self.integer_constant(2));
        let sign = self.binary("arith.shli", sign, self.integer_constant(30));
        let chosen = self.builder.value("arith.bitcast", &[chosen], self.integer);
        let signed = self.binary("arith.xori", chosen, sign);
        let signed = self.builder.value("arith.bitcast", &[signed], self.float);

        let size = self.builder.value("math.absf", &[x], self.float);
        // Neither an infinity nor what is not a number has an angle.
        let none = self.binary("arith.subf", x, x);
        self.select(OrderedLess, [size, self.constant(ANGLE_LIMIT)], signed, none)
    }
}
