//! x·Φ(x), and the form with a hyperbolic tangent.

use super::Pointwise;
use crate::{
    attributes::{AttributeList, Attributes},
    moments::{
        Elementary, INVERSE_SQRT_TWO_PI, Moments, finite_bell,
        quadrature::{self, Asymptote, Extent, Smooth, Smoothed, Wide, combine},
    },
    ops::activation::sigmoid::Sigmoid,
};

/// The Gaussian error linear unit, Hendrycks and Gimpel 2016, arXiv 1606.08415.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gelu {
    /// x·Φ(x).
    Exact,
    /// x·σ(2u) with u = √(2/π)·(x + 0.044715x³).
    Tanh,
}

/// 2√(2/π).
const TWICE_ROOT: f64 = 1.595_769_121_605_730_7;

/// Of x³ in u.
const CUBIC: f64 = 0.044_715;

/// From this 2u on the slope is 1 in `f32`, and its exponential finite.
const LARGEST: f64 = 40.0;

/// Beyond this a slope is 0 or 1, and powers of x stay finite.
const SATURATED: f64 = 30.0;

/// The rule of the exact form for wide Gaussians: the coefficients of its square.
const SQUARE_EXACT: [f64; 12] = [
    -0.470_159_672,
    -1.000_033_23,
    -0.371_576_519_2,
    -0.000_362_257_765_6,
    0.021_042_386_45,
    -0.000_573_420_880_6,
    -0.001_809_121_552,
    -0.000_268_097_587_1,
    -4.450_709_306e-5,
    -4.305_041_096e-5,
    -1.370_577_608e-5,
    -2.052_912_077e-6,
];

/// The rule for wide Gaussians: the coefficients of the function, and of its square.
const MEAN_TANH: [f64; 11] = [
    -0.886_371_378_9,
    0.0,
    -0.101_870_046_8,
    0.0,
    -0.003_778_218_813,
    0.0,
    6.005_736_767e-5,
    0.0,
    4.505_673_191e-6,
    0.0,
    1.452_040_165e-8,
];
const SQUARE_TANH: [f64; 11] = [
    -0.467_051_020_7,
    -0.890_061_342_1,
    -0.409_918_740_8,
    -0.093_772_031_09,
    -0.015_181_204_49,
    -0.002_436_669_285,
    -0.000_139_848_585_5,
    0.000_103_194_941_2,
    3.345_687_466e-5,
    4.397_364_041e-6,
    1.830_798_75e-7,
];

impl Pointwise for Gelu {
    const NAME: &'static str = "gelu";
    const IS_BY_QUADRATURE: bool = true;

    fn read(attributes: &Attributes) -> Result<Self, String> {
        match attributes.text("approximate").as_deref() {
            None | Some("none") => Ok(Self::Exact),
            Some("tanh") => Ok(Self::Tanh),
            Some(other) => Err(format!("has '{other}' as 'approximate'; known: 'none', 'tanh'")),
        }
    }

    fn write(self) -> AttributeList {
        match self {
            Self::Exact => AttributeList::default(),
            Self::Tanh => AttributeList::default().with("approximate", "tanh"),
        }
    }

    fn samples() -> Vec<Self> {
        vec![Self::Exact, Self::Tanh]
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        Smooth::value(self, a, x)
    }

    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        a.smooth(self, mean, variance)
    }
}

impl Smooth for Gelu {
    const ASYMPTOTE: Asymptote = Asymptote::Rectified;
    const EXTENT: Extent = Extent { scale: 0.6, end: 5.4 };

    fn wide(self) -> Wide {
        match self {
            Self::Exact => {
                Wide { from: [0.55, 0.08], smoothing: 1.0, mean: &[], square: &SQUARE_EXACT }
            }
            Self::Tanh => {
                Wide { from: [0.43, 0.1], smoothing: 0.88, mean: &MEAN_TANH, square: &SQUARE_TANH }
            }
        }
    }

    fn moments<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        match self {
            Self::Exact => exact(a, self.wide(), mean, variance),
            Self::Tanh => quadrature::moments(a, self, mean, variance),
        }
    }

    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        match self {
            Self::Exact => {
                let (zero, one) = (a.constant(0.0), a.constant(1.0));
                let distance = a.abs(x);
                let bell = finite_bell(a, distance);
                let rarer = a.upper_tail_beside(distance, bell);
                let rest = a.sub(one, rarer);
                let share = a.select_ge(x, zero, rest, rarer);
                a.mul(x, share)
            }
            Self::Tanh => {
                let held = held(a, x);
                let argument = argument(a, held);
                let share = Smooth::value(Sigmoid, a, argument);
                a.mul(x, share)
            }
        }
    }

    fn slope<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let [low, high] = [-SATURATED, SATURATED].map(|limit| a.constant(limit));
        let x = a.min_or(x, high);
        let x = a.max(x, low);
        match self {
            // Φ + xφ.
            Self::Exact => {
                let (zero, one) = (a.constant(0.0), a.constant(1.0));
                let distance = a.abs(x);
                let square = a.mul(x, x);
                let minus_half = a.constant(-0.5);
                let exponent = a.mul(square, minus_half);
                let bell = a.decay(exponent);
                let rarer = a.upper_tail_beside(distance, bell);
                let rest = a.sub(one, rarer);
                let share = a.select_ge(x, zero, rest, rarer);
                let scale = a.constant(INVERSE_SQRT_TWO_PI);
                let density = a.mul(bell, scale);
                a.fma(x, density, share)
            }
            // y/(1 + y)·(1 + x(2u)′/(1 + y)) with y = e^(2u).
            Self::Tanh => {
                let [one, root, cubic, steeper, largest] =
                    [1.0, TWICE_ROOT, CUBIC * TWICE_ROOT, 3.0 * CUBIC * TWICE_ROOT, LARGEST]
                        .map(|x| a.constant(x));
                let square = a.mul(x, x);
                let factor = a.fma(square, cubic, root);
                let exponent = a.mul(x, factor);
                let exponent = a.min_or(exponent, largest);
                let power = a.decay(exponent);
                let divisor = a.add(one, power);
                let inverse = a.reciprocal(divisor);
                let share = a.mul(power, inverse);
                let rise = a.fma(square, steeper, root);
                let rise = a.mul(rise, x);
                let factor = a.fma(rise, inverse, one);
                a.mul(share, factor)
            }
        }
    }
}

/// x, or what is as good as it where the slope is saturated; what is not a number stays.
fn held<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let (low, high) = (a.constant(-SATURATED), a.constant(SATURATED));
    let x = a.select_ge(x, high, high, x);
    a.select_ge(low, x, low, x)
}

/// 2u.
fn argument<A: Elementary>(a: &mut A, x: A::Value) -> A::Value {
    let (root, cubic) = (a.constant(TWICE_ROOT), a.constant(CUBIC * TWICE_ROOT));
    let square = a.mul(x, x);
    let factor = a.fma(square, cubic, root);
    a.mul(x, factor)
}

/// Terms of the series for narrow Gaussians.
const TERMS: usize = 10;

/// Mean and variance of x·Φ(x). With τ² = 1 + v, z = m/τ, D = φ(z)/τ and Hₙ = Heₙ(z)/τⁿ
///
/// ```text
/// M = E[f(X)] = mΦ(z) + vD
/// Var[f(X)]   = Σ vⁿ/n!·(dⁿM/dmⁿ)²
///             = v·((Φ(z) + DH₁)² + D²·Σ vⁿ⁻¹/n!·(Hₙ₋₂ − Hₙ)²)        n from 2 on
/// ```
///
/// by Parseval's identity, since a derivative of the mean is the average of that of f: for narrow
/// Gaussians, to 5e-5 with [`TERMS`]. For wide ones f² is expanded, as that of every function.
fn exact<A: Elementary>(
    a: &mut A,
    wide: Wide,
    mean: A::Value,
    variance: A::Value,
) -> Moments<A::Value> {
    let smoothed = Smoothed::of(a, wide, mean, variance);
    let Smoothed { above, density, .. } = smoothed;
    let polynomials = &smoothed.polynomials;
    let product = a.mul(mean, above);
    let result = a.fma(variance, density, product);

    // From the last term to the first.
    let mut series = a.constant(0.0);
    for n in (2..=TERMS).rev() {
        let term = a.sub(polynomials[n - 2], polynomials[n]);
        let square = a.mul(term, term);
        let factor = a.constant(1.0 / (n + 1) as f64);
        let factor = a.mul(variance, factor);
        series = if n == TERMS { square } else { a.fma(factor, series, square) };
    }
    let half = a.constant(0.5);
    let factor = a.mul(variance, half);
    let factor = a.mul(factor, density);
    let factor = a.mul(factor, density);
    let slope = a.fma(density, polynomials[1], above);
    let squares = a.mul(slope, slope);
    let squares = a.fma(factor, series, squares);
    let narrow = a.mul(variance, squares);

    let excess = combine(a, wide.square, polynomials);
    let excess = a.add(excess, mean);
    let spread = smoothed.rectified_variance(a, result, excess);
    let bound = quadrature::bound(a, wide, mean);
    let bound = a.mul(bound, bound);
    Moments::gaussian(result, a.select_ge(variance, bound, spread, narrow))
}
