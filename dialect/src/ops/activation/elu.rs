//! x above 0, α(eˣ − 1) below; and what is made of it.
//!
//! With R = max(x, 0) and N = e^(min(x, 0)) − 1, of which one is 0, f = R + αN and
//!
//! ```text
//! mean     = E[R] + αE[N]
//! variance = Var[R] + α²Var[N] − 2αE[R]E[N]
//! ```
//!
//! in which no term is negative for α ≥ 0. Let a = m/σ and M(z) = Q(z)·e^(z²/2) the scaled tail, which
//! falls from ½ to 0, then
//!
//! ```text
//! E[e^(kx); x < 0] = e^(−a²/2)·M(a + kσ)                      a + kσ ≥ 0
//!                  = e^(km + k²v/2) − e^(−a²/2)·M(−a − kσ)    else
//! ```
//!
//! and no exponent is above 0. Below 0, Var\[N\] is the variance of eˣ, which is e^(2m + v)(e^v − 1), beside
//! such tails.
//!
//! For a small σ these are small differences. There, f is x or α(eˣ − 1) by the sign of m, whose moments are
//! known, and beside it a series in what lies on the other side of 0: U = max(−x, 0) or max(x, 0), whose
//! powers obey Wₙ = E\[Uⁿ\]/n! = (v·Wₙ₋₂ − |m|·Wₙ₋₁)/n. With t = −1 for m ≥ 0 and 1 below
//!
//! ```text
//! mean of it   = (1 − α)W₁ − tα Σ tⁿWₙ                        n ≥ 2
//! mean square  = t((2 − 2α²)W₂ − α² Σ (2ⁿ − 2)tⁿWₙ)           n ≥ 3, beyond that of the function beside it
//! ```

use super::Pointwise;
use crate::{
    attributes::{AttributeList, Attributes},
    moments::{Elementary, Moments, Rectified},
};

/// From this σ on the scaled tails are exact, in single and in double precision.
const WIDE: [f64; 2] = [0.25, 0.01];

/// The terms of the series.
const TERMS: usize = 9;

/// √(2π).
const SQRT_TWO_PI: f64 = 2.506_628_274_631_000_2;

/// Beyond this variance e^v − 1 is of use nowhere.
const LARGE: f64 = 80.0;

/// Larger than any mean in units of the exponent that is near to 0 beside a small σ.
const FAR: f64 = 1e18;

/// Beyond so many deviations tails are 0.
const LARGEST_PLACE: f64 = 1e9;

/// The largest parameter: its square is a number beside any variance that is used with it.
const LARGEST: f64 = 1e6;

/// x above 0, `size`·(e^(x/`unit`) − 1) below, all times `scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    pub size: f64,
    pub unit: f64,
    pub scale: f64,
}

/// A number that is an attribute, up to [`LARGEST`].
///
/// # Errors
///
/// Where it is below `least` or above [`LARGEST`].
pub fn parameter(attributes: &Attributes, least: f64) -> Result<f64, String> {
    let alpha = attributes.number("alpha")?.unwrap_or(1.0);
    match (least..=LARGEST).contains(&alpha) {
        true => Ok(alpha),
        false => Err(format!("has {alpha:e} as 'alpha'; it is from {least:e} to {LARGEST:e}")),
    }
}

/// The Gaussian in units of the exponent, and its tail.
#[derive(Clone, Copy)]
struct Scaled<V> {
    mean: V,
    variance: V,
    sigma: V,
    tail: Rectified<V>,
    /// e^(min(m, 0)), and less 1.
    power: V,
    fall: V,
    /// e^(v/2) − 1 and e^v − 1.
    rise: V,
    growth: V,
    /// e^(min(m, 0) + v/2).
    larger: V,
}

impl Exponential {
    /// The function of a number.
    pub fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
        let (zero, unit) = (a.constant(0.0), a.constant(1.0 / self.unit));
        let scaled = a.mul(x, unit);
        let below = a.select_ge(scaled, zero, zero, scaled);
        let fall = a.exp_m1(below);
        self.beside(a, x, fall, zero)
    }

    /// The function of a number with `fall` = e^(min(x, 0)) − 1, and `more` beside the latter.
    fn beside<A: Elementary>(
        self,
        a: &mut A,
        x: A::Value,
        fall: A::Value,
        more: A::Value,
    ) -> A::Value {
        let zero = a.constant(0.0);
        let (scale, size) = (a.constant(self.scale), a.constant(self.size * self.scale));
        let above = a.mul(x, scale);
        let below = a.add(fall, more);
        let below = a.mul(below, size);
        // What is not a number stays.
        let below = a.select_ge(zero, x, below, above);
        a.select_ge(x, zero, above, below)
    }

    /// Mean and variance of the function of a Gaussian.
    pub fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value> {
        let zero = a.constant(0.0);
        let rectified = Rectified::of(a, mean, variance);
        let x = Scaled::of(a, rectified, self.unit);
        let narrow = self.narrow(a, mean, &x);
        let wide = self.wide(a, variance, &x);
        let bound = a.by_precision(WIDE);
        let bound = a.constant(bound);
        let [first, second] = a.choose_ge(x.sigma, bound, [wide.0, wide.1], [narrow.0, narrow.1]);
        let second = a.select_ge(zero, second, zero, second);
        // What is not a number stays.
        Moments::gaussian(a.select_ge(mean, mean, first, mean), second)
    }

    /// The series.
    fn narrow<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        x: &Scaled<A::Value>,
    ) -> (A::Value, A::Value) {
        let (zero, two) = (a.constant(0.0), a.constant(2.0));
        let alpha = self.size / self.unit;
        // Far from 0 all terms are 0, and the quotient by a small unit may be infinite.
        let far = a.constant(FAR);
        let distance = a.abs(x.mean);
        let distance = a.min_or(distance, far);
        let terms = x.terms(a, distance);
        let linear = a.constant(1.0 - alpha);
        let shift = x.oriented(a, &terms, &|_| alpha);
        let shift = a.fma(terms[0], linear, shift);
        let square = x.oriented(a, &terms, &|n| match n {
            2 => 2.0 * alpha * alpha - 2.0,
            n => alpha * alpha * ((1u64 << n) as f64 - 2.0),
        });

        // Of x, or of α(eˣ − 1).
        let size = a.constant(alpha);
        let lift = a.mul(x.power, x.rise);
        let below = a.add(x.fall, lift);
        let below = a.mul(below, size);
        let base = a.select_ge(x.mean, zero, distance, below);
        let slope = a.mul(x.larger, size);
        let slope_square = a.mul(slope, slope);
        let below = a.mul(slope_square, x.growth);
        let spread = a.select_ge(x.mean, zero, x.variance, below);

        let sum = a.fma(base, two, shift);
        let spread = a.add(spread, square);
        let spread = a.negated_fma(shift, sum, spread);

        let lift = a.select_ge(x.mean, zero, zero, lift);
        let value = self.beside(a, mean, x.fall, lift);
        let unit = self.unit * self.scale;
        let [unit, square] = [unit, unit * unit].map(|x| a.constant(x));
        (a.fma(shift, unit, value), a.mul(spread, square))
    }

    /// The scaled tails.
    fn wide<A: Elementary>(
        self,
        a: &mut A,
        variance: A::Value,
        x: &Scaled<A::Value>,
    ) -> (A::Value, A::Value) {
        let zero = a.constant(0.0);
        let (fall, spread) = x.truncated(a);
        let mean = x.tail.mean;
        let rectified = a.select_ge(zero, mean, zero, mean);
        let rectified = a.fma(x.tail.theta, x.tail.tail.j, rectified);
        let share = x.tail.share(a);
        let [size, twice, square] =
            [self.size, 2.0 * self.size, self.size * self.size].map(|x| a.constant(x));
        let result = a.fma(fall, size, rectified);
        let own = a.mul(variance, share);
        let spread = a.fma(spread, square, own);
        let product = a.mul(fall, rectified);
        let spread = a.negated_fma(product, twice, spread);
        let [scale, square] = [self.scale, self.scale * self.scale].map(|x| a.constant(x));
        (a.mul(result, scale), a.mul(spread, square))
    }
}

impl<V: Copy> Scaled<V> {
    fn of<A: Elementary<Value = V>>(a: &mut A, tail: Rectified<V>, unit: f64) -> Self {
        let (zero, two, unit) = (a.constant(0.0), a.constant(2.0), a.constant(1.0 / unit));
        let [mean, sigma] = [tail.mean, tail.theta].map(|x| a.mul(x, unit));
        let below = a.select_ge(mean, zero, zero, mean);
        let (power, fall) = (a.exp(below), a.exp_m1(below));
        let variance = a.mul(sigma, sigma);
        let (large, half) = (a.constant(LARGE), a.constant(0.5));
        let held = a.min_or(variance, large);
        let exponent = a.mul(held, half);
        let rise = a.exp_m1(exponent);
        let growth = a.add(rise, two);
        let growth = a.mul(growth, rise);
        let larger = a.fma(power, rise, power);
        Self { mean, variance, sigma, tail, power, fall, rise, growth, larger }
    }

    /// W₁ to the last one.
    fn terms<A: Elementary<Value = V>>(&self, a: &mut A, distance: V) -> Vec<V> {
        let half = a.constant(0.5);
        let first = a.mul(self.sigma, self.tail.tail.j);
        let second = a.mul(self.variance, self.tail.tail.k);
        let mut terms = vec![first, a.mul(second, half)];
        for n in 3..=TERMS {
            let inverse = a.constant(1.0 / n as f64);
            let product = a.mul(self.variance, terms[n - 3]);
            let difference = a.negated_fma(distance, terms[n - 2], product);
            terms.push(a.mul(difference, inverse));
        }
        terms
    }

    /// −t Σ tⁿ·weight(n)·Wₙ over n ≥ 2.
    fn oriented<A: Elementary<Value = V>>(
        &self,
        a: &mut A,
        terms: &[V],
        weight: &dyn Fn(usize) -> f64,
    ) -> V {
        let zero = a.constant(0.0);
        // From the smallest term on.
        let mut sum = |start: usize| {
            (start..TERMS + 1).step_by(2).rev().fold(None, |sum, n| {
                let (term, weight) = (terms[n - 1], a.constant(weight(n)));
                Some(match sum {
                    None => a.mul(term, weight),
                    Some(sum) => a.fma(term, weight, sum),
                })
            })
        };
        let (Some(even), Some(odd)) = (sum(2), sum(3)) else { return zero };
        let above = a.sub(even, odd);
        let below = a.add(even, odd);
        let below = a.sub(zero, below);
        a.select_ge(self.mean, zero, above, below)
    }

    /// Mean and variance of N by scaled tails.
    fn truncated<A: Elementary<Value = V>>(&self, a: &mut A) -> (V, V) {
        let (zero, one, root) = (a.constant(0.0), a.constant(1.0), a.constant(SQRT_TWO_PI));
        let quotient = a.div(self.tail.mean, self.tail.theta);
        let (rarer, density) = self.tail.upper_tail(a);
        let bell = a.mul(density, root);
        // a + σ and a + 2σ, and the tails there.
        let places = [1.0, 2.0].map(|k| {
            let k = a.constant(k);
            a.fma(self.sigma, k, quotient)
        });
        let most = a.constant(LARGEST_PLACE);
        let sizes = places.map(|place| {
            let size = a.abs(place);
            a.min_or(size, most)
        });
        let tails = a.scaled_tails(sizes).map(|ratio| a.mul(bell, ratio));
        // m ≥ 0.
        let above = a.sub(tails[0], rarer);
        let twice = a.add(tails[0], tails[0]);
        let difference = a.sub(tails[1], twice);
        let square = a.add(difference, rarer);
        let spread_above = a.negated_fma(above, above, square);
        // m < 0: of N + 1. Beside e^(m + v/2), where a + σ < 0, the tail is subtracted.
        let minus = a.sub(zero, tails[0]);
        let rest = a.select_ge(places[0], zero, tails[0], minus);
        let rest = a.add(rest, rarer);
        let all = a.select_ge(places[0], zero, zero, self.larger);
        let mean = a.add(all, rest);
        let square = a.add(tails[1], rarer);
        let far = a.negated_fma(mean, mean, square);
        // a + 2σ < 0: the variance of eˣ, and the tails.
        let product = a.mul(self.larger, self.growth);
        let difference = a.sub(rarer, tails[1]);
        let near = a.fma(product, self.larger, difference);
        let twice = a.add(self.larger, self.larger);
        let sum = a.add(twice, rest);
        let near = a.negated_fma(rest, sum, near);
        let spread_below = a.select_ge(places[1], zero, far, near);
        let below = a.sub(mean, one);
        (
            a.select_ge(self.mean, zero, above, below),
            a.select_ge(self.mean, zero, spread_above, spread_below),
        )
    }
}

/// An [`Exponential`] of a parameter from `$least` on, as a layer.
macro_rules! exponential {
    ($name:literal, $least:expr, $samples:expr) => {
        const NAME: &'static str = $name;

        fn read(attributes: &Attributes) -> Result<Self, String> {
            Ok(Self { alpha: parameter(attributes, $least)? })
        }

        fn write(self) -> AttributeList {
            AttributeList::default().with("alpha", self.alpha)
        }

        fn is_increasing(self) -> bool {
            true
        }

        fn samples() -> Vec<Self> {
            $samples.map(|alpha| Self { alpha }).into()
        }

        fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
            self.function().value(a, x)
        }

        fn gaussian<A: Elementary>(
            self,
            a: &mut A,
            mean: A::Value,
            variance: A::Value,
        ) -> Moments<A::Value> {
            self.function().gaussian(a, mean, variance)
        }
    };
}
pub(super) use exponential;

/// The exponential linear unit, Clevert et al. 2015, arXiv 1511.07289.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elu {
    alpha: f64,
}

impl Elu {
    fn function(self) -> Exponential {
        Exponential { size: self.alpha, unit: 1.0, scale: 1.0 }
    }
}

impl Pointwise for Elu {
    exponential!("elu", 0.0, [1.0, 0.0, 0.5, 2.0]);
}
