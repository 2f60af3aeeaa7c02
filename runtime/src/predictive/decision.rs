//! Decisions with rejection, and intervals of regressions.

use super::{Uncertainty, argmax, non_negative};

/// What an application does with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The item is of this class, counted from 0.
    Accept(usize),
    /// The classes overlap here: the aleatoric uncertainty is above its threshold. More training
    /// would not help; a better measurement or a person might.
    Ambiguous,
    /// The model does not know this kind of input: the epistemic uncertainty is above its
    /// threshold, or something is not a number.
    Unknown,
}

impl Decision {
    /// The decision that the code in the buffer `decision` of a compiled model stands for: the
    /// number of a class, -1 for [`Ambiguous`](Self::Ambiguous), -2 for
    /// [`Unknown`](Self::Unknown). So is every other code.
    ///
    /// ```
    /// use pfp_runtime::predictive::Decision;
    ///
    /// assert_eq!(Decision::of_code(7.0), Decision::Accept(7));
    /// assert_eq!(Decision::of_code(-1.0), Decision::Ambiguous);
    /// assert_eq!(Decision::of_code(f32::NAN), Decision::Unknown);
    /// ```
    #[must_use]
    pub fn of_code(code: f32) -> Self {
        if code >= 0.0 {
            Self::Accept(code as usize)
        } else if code == -1.0 {
            Self::Ambiguous
        } else {
            Self::Unknown
        }
    }
}

/// Above which uncertainty an item is rejected, in nats. The default rejects nothing but what is
/// not a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The largest epistemic uncertainty of what is known.
    pub epistemic: f32,
    /// The largest aleatoric uncertainty of what is not ambiguous.
    pub aleatoric: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { epistemic: f32::INFINITY, aleatoric: f32::INFINITY }
    }
}

/// The most probable class, the first among equals, if neither uncertainty is above its threshold.
/// What is both unknown and ambiguous is unknown, since a model says nothing about the noise of
/// inputs that it does not know.
///
/// ```
/// use pfp_runtime::predictive::{Decision, Thresholds, decide, decompose};
///
/// let thresholds = Thresholds { epistemic: 0.3, aleatoric: 0.5 };
/// let decision = |mean: [f32; 3], variance: f32| {
///     let p = decompose(&mean, &[variance; 3], 1000, 0);
///     decide(&p.probabilities, &p.uncertainty, &thresholds)
/// };
/// assert_eq!(decision([0.0, 9.0, 0.0], 0.1), Decision::Accept(1));
/// assert_eq!(decision([9.0, 9.0, 0.0], 0.1), Decision::Ambiguous);
/// assert_eq!(decision([0.0, 0.0, 0.0], 100.0), Decision::Unknown);
/// ```
#[must_use]
pub fn decide(
    probabilities: &[f32],
    uncertainty: &Uncertainty,
    thresholds: &Thresholds,
) -> Decision {
    let Uncertainty { aleatoric, epistemic, .. } = *uncertainty;
    let is_sound = !aleatoric.is_nan() && probabilities.iter().all(|p| !p.is_nan());
    match argmax(probabilities) {
        Some(class) if is_sound && epistemic <= thresholds.epistemic => {
            if aleatoric <= thresholds.aleatoric {
                Decision::Accept(class)
            } else {
                Decision::Ambiguous
            }
        }
        _ => Decision::Unknown,
    }
}

/// The ends of the central interval that holds an observation of a Gaussian output,
/// mean ∓ z·√(variance + noise).
///
/// `noise_variance` is the variance of observations around the function that the model learnt; 0
/// gives the interval of the function. `z` is the [`central_quantile`] of the wanted coverage.
///
/// ```
/// use pfp_runtime::predictive::interval;
///
/// let z = 1.959_964; // 95 %
/// let [lower, upper] = interval(10.0, 3.0, 1.0, z);
/// assert!((lower - 6.0801).abs() < 1e-4 && (upper - 13.9199).abs() < 1e-4);
/// ```
#[must_use]
pub fn interval(mean: f32, variance: f32, noise_variance: f32, z: f32) -> [f32; 2] {
    let half = z * libm::sqrtf(non_negative(variance) + non_negative(noise_variance));
    [mean - half, mean + half]
}

/// z with Φ(z) - Φ(-z) = `coverage`, Φ the standard normal distribution function: 1.96 for 0.95.
/// 0 for a coverage of 0 or less, above 8 for one of 1 or more; NaN stays NaN.
///
/// ```
/// let z = pfp_runtime::predictive::central_quantile(0.95);
/// assert!((z - 1.959_963_984_540_054).abs() < 1e-14);
/// ```
#[must_use]
pub fn central_quantile(coverage: f64) -> f64 {
    if coverage.is_nan() {
        return coverage;
    }
    let (mut low, mut high) = (0.0, 40.0);
    // Bisection to the last bit.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if libm::erfc(middle * core::f64::consts::FRAC_1_SQRT_2) > 1.0 - coverage {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { epistemic: 0.3, aleatoric: 0.5 };

    fn decision(probabilities: &[f32], aleatoric: f32, epistemic: f32) -> Decision {
        let uncertainty = Uncertainty { total: aleatoric + epistemic, aleatoric, epistemic };
        decide(probabilities, &uncertainty, &THRESHOLDS)
    }

    #[test]
    fn thresholds_themselves_accept() {
        let p = [0.2, 0.4, 0.4];
        assert_eq!(decision(&p, 0.5, 0.3), Decision::Accept(1));
        assert_eq!(decision(&p, 0.51, 0.3), Decision::Ambiguous);
        assert_eq!(decision(&p, 0.5, 0.31), Decision::Unknown);
        assert_eq!(decision(&p, 0.51, 0.31), Decision::Unknown);
    }

    #[test]
    fn what_is_not_a_number_is_unknown() {
        assert_eq!(decision(&[0.5, 0.5], f32::NAN, 0.1), Decision::Unknown);
        assert_eq!(decision(&[0.5, 0.5], 0.1, f32::NAN), Decision::Unknown);
        assert_eq!(decision(&[0.5, f32::NAN], 0.1, 0.1), Decision::Unknown);
        assert_eq!(decision(&[], 0.1, 0.1), Decision::Unknown);
        let nothing = Thresholds::default();
        let nan = Uncertainty { total: 0.0, aleatoric: f32::NAN, epistemic: 0.0 };
        assert_eq!(decide(&[1.0], &nan, &nothing), Decision::Unknown);
        let most = Uncertainty { total: 9.0, aleatoric: 9.0, epistemic: 9.0 };
        assert_eq!(decide(&[1.0], &most, &nothing), Decision::Accept(0));
    }

    #[test]
    fn intervals_of_exact_and_noisy_outputs() {
        assert_eq!(interval(2.0, 0.0, 0.0, 1.96), [2.0, 2.0]);
        assert_eq!(interval(2.0, -1e-9, 4.0, 1.5), [-1.0, 5.0]);
        assert_eq!(interval(0.0, f32::INFINITY, 0.0, 1.0), [f32::NEG_INFINITY, f32::INFINITY]);
        assert!(interval(f32::NAN, 1.0, 0.0, 1.0).iter().all(|end| end.is_nan()));
        assert!(interval(0.0, f32::NAN, 0.0, 1.0).iter().all(|end| end.is_nan()));
    }

    #[test]
    fn quantiles_at_the_ends() {
        assert!(central_quantile(0.0) < 1e-15);
        assert!(central_quantile(1.0) > 8.0);
        assert!(central_quantile(f64::NAN).is_nan());
        assert!((central_quantile(0.5) - 0.674_489_750_196_081_7).abs() < 1e-14);
    }
}
