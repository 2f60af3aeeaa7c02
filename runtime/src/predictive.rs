//! From Gaussian logits to class probabilities and their uncertainty.
//!
//! A compiled classifier gives each logit as an independent Gaussian of a mean and a variance. The
//! class probabilities are the expectation of the softmax over these logits,
//!
//! ```text
//! p(y = c) = E[softmax(z)_c],    z_i ~ N(mean_i, variance_i),
//! ```
//!
//! which has no closed form. [`decompose`] estimates it by sampling the logits (not the network),
//! together with the uncertainty decomposition, [`decompose_correlated_into`] that of logits whose covariances are known; [`decompose_draws_into`] takes draws from elsewhere;
//! [`mean_field`] and [`laplace_bridge`] are approximations without sampling. [`decide`] turns either
//! into a class or a rejection, [`binary`] and [`decide_binary`] are for a label of one logit, and [`interval`] is the counterpart for regression.
//!
//! A model that was compiled with a head (`pfp compile --head`) does all of this itself; then
//! [`Decision::of_code`] reads its decisions.
//!
//! # Numerics
//!
//! All entropies are in nats. No function yields a NaN or a negative entropy from finite input: a
//! variance of 0 is an exact logit, and a negative one, left by rounding, counts as 0. A NaN in the
//! input gives NaN. The functions work on one item; for a batch, call them for each row of the
//! outputs.

mod binary;
mod closed_form;
mod correlated;
mod decision;

pub use binary::{Binary, LOGISTIC_MIXTURE, binary, binary_draws, decide_binary};
pub use closed_form::{laplace_bridge, laplace_bridge_into, mean_field, mean_field_into};
pub use correlated::decompose_correlated_into;
pub use decision::{Decision, Thresholds, central_quantile, decide, interval};

use crate::Error;
use crate::random::standard_normals;
use core::f64::consts::FRAC_PI_8;

/// How uncertain a prediction is, and of which kind. In nats, between 0 and ln(classes).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Uncertainty {
    /// Predictive entropy H(E\[p\]): the entropy of the class probabilities.
    /// Always `aleatoric + epistemic`.
    pub total: f32,
    /// Expected entropy E\[H(p)\]: the noise of the data, which more training data cannot remove.
    pub aleatoric: f32,
    /// Mutual information of the class and the logits: what the model does not know.
    pub epistemic: f32,
}

/// Class probabilities and their uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction<const CLASSES: usize> {
    /// E\[softmax(logits)\]; sums to 1.
    pub probabilities: [f32; CLASSES],
    /// The decomposition of the predictive entropy.
    pub uncertainty: Uncertainty,
}

/// Class probabilities under Gaussian logits and the decomposition of their uncertainty.
///
/// With K = `draws` (at least 1) samples of the logits and p_k = softmax(z_k):
///
/// ```text
/// probabilities = 1/K Σ p_k
/// total         = H(1/K Σ p_k)        predictive entropy
/// aleatoric     = 1/K Σ H(p_k)        expected entropy
/// epistemic     = total - aleatoric   mutual information
/// ```
///
/// S. Depeweg, J. M. Hernández-Lobato, F. Doshi-Velez, S. Udluft, *Decomposition of uncertainty in
/// Bayesian deep learning for efficient and risk-sensitive learning*, ICML 2018; for classifiers
/// L. Smith, Y. Gal, *Understanding measures of uncertainty for adversarial example detection*,
/// UAI 2018.
///
/// The sampling error falls as 1/√K; total and epistemic are in addition low by O(1/K) on average,
/// as the entropy is concave. The draws depend on `seed` alone, so the result is reproducible and
/// items that are compared under one seed share their sampling noise.
///
/// Where every variance is 0 the result is exact: `epistemic` is 0.
///
/// ```
/// use pfp_runtime::predictive::decompose;
///
/// // A clear class, an ambiguous input, and an input that the model does not know.
/// let clear = decompose(&[9.0, 0.0, 0.0], &[0.1; 3], 1000, 0).uncertainty;
/// let ambiguous = decompose(&[9.0, 9.0, 0.0], &[0.1; 3], 1000, 0).uncertainty;
/// let unknown = decompose(&[0.0; 3], &[100.0; 3], 1000, 0).uncertainty;
///
/// assert!(clear.total < 0.1);
/// assert!(ambiguous.aleatoric > 0.6 && ambiguous.epistemic < 0.1);
/// assert!(unknown.epistemic > 0.7 && unknown.aleatoric < 0.3);
/// ```
#[must_use]
pub fn decompose<const CLASSES: usize>(
    mean: &[f32; CLASSES],
    variance: &[f32; CLASSES],
    draws: u32,
    seed: u64,
) -> Prediction<CLASSES> {
    let mut probabilities = [0.0; CLASSES];
    let mut logits = [0.0; CLASSES];
    let uncertainty = sample(mean, variance, draws, seed, &mut probabilities, &mut logits);
    Prediction { probabilities, uncertainty }
}

/// [`decompose`] on slices, for a number of classes that is not known at compile time.
///
/// Writes the class probabilities to `probabilities` and uses `scratch`, whose contents do not
/// matter.
///
/// # Errors
///
/// [`Error::Length`] if one of the slices is not as long as `mean`. Then nothing was written.
pub fn decompose_into(
    mean: &[f32],
    variance: &[f32],
    draws: u32,
    seed: u64,
    probabilities: &mut [f32],
    scratch: &mut [f32],
) -> Result<Uncertainty, Error> {
    let classes = mean.len();
    check_length("variance", variance, classes)?;
    check_length("probabilities", probabilities, classes)?;
    check_length("scratch", scratch, classes)?;
    Ok(sample(mean, variance, draws, seed, probabilities, scratch))
}

fn sample(
    mean: &[f32],
    variance: &[f32],
    draws: u32,
    seed: u64,
    probabilities: &mut [f32],
    logits: &mut [f32],
) -> Uncertainty {
    let key = [seed as u32, (seed >> 32) as u32];
    let mut average = Average::new(probabilities);
    for draw in 0..draws.max(1) {
        let moments = mean.chunks(4).zip(variance.chunks(4));
        for ((block, logits), (mean, variance)) in (0..).zip(logits.chunks_mut(4)).zip(moments) {
            let normals = standard_normals([block, draw, 0, 0], key);
            for (((logit, mean), variance), z) in
                logits.iter_mut().zip(mean).zip(variance).zip(normals)
            {
                *logit = mean + libm::sqrtf(non_negative(*variance)) * z;
            }
        }
        average.add(logits);
    }
    average.uncertainty()
}

/// Class probabilities from draws of the logits, such as those of forward passes with drawn
/// weights, and the decomposition of their uncertainty.
///
/// `draws` holds one vector of logits after the other, each as long as `probabilities`. The
/// formulas are those of [`decompose`].
///
/// Writes the class probabilities to `probabilities` and uses `scratch`, whose contents do not
/// matter.
///
/// # Errors
///
/// [`Error::Length`] if `scratch` is not as long as `probabilities`, or `draws` not a multiple of
/// that, at least one. Then nothing was written.
///
/// ```
/// use pfp_runtime::predictive::decompose_draws_into;
///
/// // Two passes that are sure of different classes.
/// let (mut probabilities, mut scratch) = ([0.0; 2], [0.0; 2]);
/// let draws = [90.0, 0.0, 0.0, 90.0];
/// let uncertainty = decompose_draws_into(&draws, &mut probabilities, &mut scratch)?;
/// assert_eq!(probabilities, [0.5, 0.5]);
/// assert!(uncertainty.epistemic > 0.69 && uncertainty.aleatoric < 1e-6);
/// # Ok::<(), pfp_runtime::Error>(())
/// ```
pub fn decompose_draws_into(
    draws: &[f32],
    probabilities: &mut [f32],
    scratch: &mut [f32],
) -> Result<Uncertainty, Error> {
    let classes = probabilities.len();
    check_length("scratch", scratch, classes)?;
    let passes = draws.len().checked_div(classes).unwrap_or(0).max(1);
    check_length("draws", draws, passes * classes)?;
    let mut average = Average::new(probabilities);
    for logits in draws.chunks_exact(classes.max(1)) {
        scratch.copy_from_slice(logits);
        average.add(scratch);
    }
    Ok(average.uncertainty())
}

/// Running means over draws: equal draws leave them exactly unchanged, so a variance of 0 is exact.
struct Average<'a> {
    probabilities: &'a mut [f32],
    aleatoric: f32,
    draws: u32,
}

impl<'a> Average<'a> {
    fn new(probabilities: &'a mut [f32]) -> Self {
        probabilities.fill(0.0);
        Self { probabilities, aleatoric: 0.0, draws: 0 }
    }

    /// Takes a draw of the logits, which become their softmax.
    fn add(&mut self, logits: &mut [f32]) {
        softmax(logits);
        self.draws += 1;
        let weight = 1.0 / self.draws as f32;
        self.aleatoric += (entropy(logits) - self.aleatoric) * weight;
        for (mean, p) in self.probabilities.iter_mut().zip(&*logits) {
            *mean += (p - *mean) * weight;
        }
    }

    fn uncertainty(self) -> Uncertainty {
        // Jensen's inequality makes aleatoric <= total; the minimum removes what rounding leaves.
        let total = entropy(self.probabilities);
        let aleatoric = self.aleatoric.min(total);
        Uncertainty { total, aleatoric, epistemic: total - aleatoric }
    }
}

/// Class probabilities under Gaussian logits without sampling: the mean-field approximation.
///
/// On entry `mean` holds the means of the logits, on return
///
/// ```text
/// softmax(m),    m_i = mean_i / √(1 + π/8 · variance_i).
/// ```
///
/// For two classes this is MacKay's approximation of the logistic-Gaussian integral through the
/// probit function (D. J. C. MacKay, *The evidence framework applied to classification networks*,
/// Neural Computation 4, 1992); for more, the mean-field approximation of the softmax-Gaussian
/// integral (Z. Lu, E. Ie, F. Sha, *Mean-field approximation to Gaussian-softmax integral with
/// application to uncertainty estimation*, arXiv:2006.07584).
///
/// Its [`entropy`] approximates the total uncertainty; [`mean_field`] also tells aleatoric from
/// epistemic.
///
/// # Errors
///
/// [`Error::Length`] if `variance` is not as long as `mean`. Then nothing was written.
///
/// ```
/// use pfp_runtime::predictive::probit_softmax;
///
/// let mut probabilities = [2.0, 0.0];
/// probit_softmax(&mut probabilities, &[8.0, 8.0])?;
/// assert!((probabilities[0] - 0.7277).abs() < 1e-4); // 0.8808 without the variance
/// # Ok::<(), pfp_runtime::Error>(())
/// ```
pub fn probit_softmax(mean: &mut [f32], variance: &[f32]) -> Result<(), Error> {
    check_length("variance", variance, mean.len())?;
    let shrunk =
        |m: f32, v: f32| f64::from(m) / libm::sqrt(1.0 + FRAC_PI_8 * f64::from(non_negative(v)));
    let moments = mean.iter().zip(variance);
    let largest = moments.map(|(&m, &v)| shrunk(m, v)).fold(f64::NEG_INFINITY, f64::max);
    // What logits have in common goes before they are rounded.
    for (mean, variance) in mean.iter_mut().zip(variance) {
        *mean = (shrunk(*mean, *variance) - largest) as f32;
    }
    softmax(mean);
    Ok(())
}

/// Replace logits by their softmax, exp(z_i) / Σ exp(z_j).
///
/// The largest logit is subtracted first, so no exponential overflows.
///
/// ```
/// let mut logits = [1000.0, 1000.0, 0.0];
/// pfp_runtime::predictive::softmax(&mut logits);
/// assert_eq!(logits, [0.5, 0.5, 0.0]);
/// ```
pub fn softmax(logits: &mut [f32]) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = libm::expf(*logit - largest);
        sum += *logit;
    }
    for p in logits {
        *p /= sum;
    }
}

/// Shannon entropy of a discrete distribution in nats, -Σ p ln p with 0 ln 0 = 0.
///
/// Of the class probabilities it is the predictive entropy.
///
/// ```
/// use pfp_runtime::predictive::entropy;
///
/// assert_eq!(entropy(&[1.0, 0.0]), 0.0);
/// assert_eq!(entropy(&[0.5, 0.5]), core::f32::consts::LN_2);
/// ```
#[must_use]
pub fn entropy(probabilities: &[f32]) -> f32 {
    let entropy =
        probabilities.iter().map(|&p| if p == 0.0 { 0.0 } else { -p * libm::logf(p) }).sum();
    // A probability that was rounded to just above 1 has a negative term.
    non_negative(entropy)
}

/// Index of the largest value, the first among equals; `None` if there is none. NaNs are skipped.
///
/// ```
/// use pfp_runtime::predictive::argmax;
///
/// assert_eq!(argmax(&[0.1, 0.7, 0.2]), Some(1));
/// ```
#[must_use]
pub fn argmax(values: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (index, &value) in values.iter().enumerate() {
        if !value.is_nan() && best.is_none_or(|(_, best)| value > best) {
            best = Some((index, value));
        }
    }
    best.map(|(index, _)| index)
}

/// `x`, or 0 if it is negative. Unlike `max`, lets a NaN pass.
fn non_negative(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

fn check_length(buffer: &'static str, slice: &[f32], expected: usize) -> Result<(), Error> {
    if slice.len() == expected {
        Ok(())
    } else {
        Err(Error::Length { buffer, expected, actual: slice.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn close(actual: f32, expected: f64, tolerance: f64) -> bool {
        (f64::from(actual) - expected).abs() <= tolerance
    }

    /// Finite values of every magnitude.
    fn any_finite() -> impl Strategy<Value = f32> {
        use proptest::num::f32::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
    }

    fn any_logits() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        prop_oneof![
            prop::collection::vec((-20f32..20.0, 0f32..50.0), 1..12),
            prop::collection::vec((any_finite(), any_finite()), 1..12),
        ]
        .prop_map(|pairs| pairs.into_iter().unzip())
    }

    fn softmax_f64(logits: &[f64]) -> Vec<f64> {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
        logits.iter().map(|z| (z - largest).exp() / sum).collect()
    }

    fn entropy_f64(p: &[f64]) -> f64 {
        -p.iter().map(|p| if *p == 0.0 { 0.0 } else { p * p.ln() }).sum::<f64>()
    }

    /// Probability of the first of two classes, total and aleatoric uncertainty by quadrature.
    ///
    /// The softmax of two logits depends on their difference only, which is N(m0 - m1, v0 + v1).
    fn two_classes(mean: [f64; 2], variance: [f64; 2]) -> (f64, f64, f64) {
        const STEPS: i32 = 20_000;
        let step = 20.0 / f64::from(STEPS);
        let sd = (variance[0] + variance[1]).sqrt();
        let (mut p, mut aleatoric) = (0.0, 0.0);
        for i in 0..=STEPS {
            let t = f64::from(i) * step - 10.0;
            let weight = (-0.5 * t * t).exp() * step / (2.0 * core::f64::consts::PI).sqrt();
            let probabilities = softmax_f64(&[mean[0] - mean[1] + sd * t, 0.0]);
            p += weight * probabilities[0];
            aleatoric += weight * entropy_f64(&probabilities);
        }
        (p, entropy_f64(&[p, 1.0 - p]), aleatoric)
    }

    #[test]
    fn softmax_of_known_values() {
        let mut p = [1.0, 2.0, 3.0];
        softmax(&mut p);
        for (p, expected) in p.iter().zip([
            0.090_030_573_170_380_46,
            0.244_728_471_054_797_64,
            0.665_240_955_774_821_8,
        ]) {
            assert!(close(*p, expected, 6e-8), "{p} {expected}");
        }
        softmax(&mut []);
        let mut one = [f32::MAX];
        softmax(&mut one);
        assert_eq!(one, [1.0]);
        let mut extremes = [f32::MAX, f32::MIN, f32::MAX];
        softmax(&mut extremes);
        assert_eq!(extremes, [0.5, 0.0, 0.5]);
    }

    #[test]
    fn entropy_of_known_values() {
        assert_eq!(entropy(&[]), 0.0);
        assert_eq!(entropy(&[1.0]), 0.0);
        assert_eq!(entropy(&[0.0, 1.000_000_1, 0.0]), 0.0);
        assert!(close(entropy(&[0.5, 0.25, 0.25]), 1.039_720_770_839_917_9, 1e-7));
        assert!(close(entropy(&[0.1; 10]), core::f64::consts::LN_10, 5e-7));
        assert!(entropy(&[f32::NAN, 0.5]).is_nan());
    }

    #[test]
    fn argmax_of_ties_nans_and_nothing() {
        assert_eq!(argmax(&[]), None);
        assert_eq!(argmax(&[f32::NAN]), None);
        assert_eq!(argmax(&[f32::NAN, -1.0, 3.0, 3.0, f32::NAN]), Some(2));
        assert_eq!(argmax(&[f32::NEG_INFINITY]), Some(0));
    }

    #[test]
    fn decomposition_of_two_classes_matches_quadrature() {
        const DRAWS: u32 = 100_000;
        for (mean, variance) in [
            ([0.0, 0.0], [1.0, 1.0]),
            ([1.5, -0.5], [0.25, 4.0]),
            ([0.0, 3.0], [0.0, 9.0]),
            ([-2.0, 2.0], [30.0, 10.0]),
            ([100.0, 100.5], [1e-4, 0.0]),
        ] {
            let (p, total, aleatoric) = two_classes(mean, variance);
            let actual = decompose(&mean.map(|x| x as f32), &variance.map(|x| x as f32), DRAWS, 7);
            // Five standard errors of values in [0, 1].
            let tolerance = 5.0 * 0.5 / f64::from(DRAWS).sqrt();
            let u = actual.uncertainty;
            assert!(close(actual.probabilities[0], p, tolerance), "{actual:?} {p}");
            assert!(close(u.total, total, tolerance), "{u:?} {total}");
            assert!(close(u.aleatoric, aleatoric, tolerance), "{u:?} {aleatoric}");
            assert!(close(u.epistemic, total - aleatoric, tolerance), "{u:?}");
        }
    }

    /// Against the same draws in double precision, from a separate implementation.
    #[test]
    fn decomposition_of_known_draws() {
        let actual = decompose(
            &[1.0, -2.0, 0.5, 3.0, 0.0, 2.5],
            &[0.5, 4.0, 0.0, 1.0, 9.0, 0.25],
            16,
            0x1234_5678_9abc_def0,
        );
        for (p, expected) in actual.probabilities.iter().zip([
            0.060_100_109_568_090_88,
            0.010_889_835_698_590_023,
            0.035_983_012_230_598_44,
            0.444_928_564_859_577_66,
            0.196_273_993_372_147_02,
            0.251_824_484_270_995_96,
        ]) {
            assert!(close(*p, expected, 3e-7), "{p} {expected}");
        }
        let u = actual.uncertainty;
        assert!(close(u.total, 1.365_015_622_892_473, 2e-6), "{u:?}");
        assert!(close(u.aleatoric, 1.061_986_610_656_500_4, 2e-6), "{u:?}");
    }

    #[test]
    fn draws_that_are_given_are_decomposed_as_those_that_are_drawn() {
        let (mean, variance, key) = ([1.0, -2.0, 0.5, 3.0, 0.0], [0.5, 4.0, 0.0, 1.0, 9.0], [7, 0]);
        let draws: Vec<f32> = (0..20)
            .flat_map(|draw| {
                let [first, second] =
                    [0, 1].map(|block| standard_normals([block, draw, 0, 0], key));
                let normals = first.into_iter().chain(second);
                let moments = mean.into_iter().zip(variance).zip(normals);
                moments.map(|((mean, variance), z)| mean + libm::sqrtf(variance) * z)
            })
            .collect();
        let (mut p, mut scratch) = ([0.0; 5], [0.0; 5]);
        let uncertainty = decompose_draws_into(&draws, &mut p, &mut scratch).unwrap();
        let expected = decompose(&mean, &variance, 20, 7);
        assert_eq!((p, uncertainty), (expected.probabilities, expected.uncertainty));
        for length in [0, 4, 99] {
            let error = decompose_draws_into(&draws[..length], &mut p, &mut scratch).unwrap_err();
            assert!(matches!(error, Error::Length { buffer: "draws", .. }), "{error:?}");
        }
    }

    #[test]
    fn probit_softmax_of_known_values() {
        let mut p = [3.0, 1.0, -1.0];
        probit_softmax(&mut p, &[2.0, 0.5, 8.0]).unwrap();
        for (p, expected) in p.iter().zip([
            0.752_432_230_543_017_1,
            0.198_816_117_596_025_83,
            0.048_751_651_860_957_08,
        ]) {
            assert!(close(*p, expected, 2e-7), "{p} {expected}");
        }
    }

    #[test]
    fn more_classes_than_one_block_of_draws_are_exchangeable() {
        let actual = decompose(&[0.0; 11], &[4.0; 11], 50_000, 1);
        for p in actual.probabilities {
            assert!(close(p, 1.0 / 11.0, 0.003), "{actual:?}");
        }
        assert!(close(actual.uncertainty.total, 11f64.ln(), 1e-3));
    }

    #[test]
    fn draws_depend_on_the_seed_and_zero_draws_count_as_one() {
        let (mean, variance) = ([0.0, 1.0, 2.0], [1.0; 3]);
        assert_eq!(decompose(&mean, &variance, 10, 5), decompose(&mean, &variance, 10, 5));
        for other in [6, 5 + (1 << 32)] {
            assert_ne!(decompose(&mean, &variance, 10, 5), decompose(&mean, &variance, 10, other));
        }
        assert_eq!(decompose(&mean, &variance, 0, 5), decompose(&mean, &variance, 1, 5));
    }

    #[test]
    fn lengths_are_checked() {
        let error = |buffer| Err(Error::Length { buffer, expected: 3, actual: 2 });
        let (mut p, mut s) = ([7.0; 3], [7.0; 3]);
        assert_eq!(decompose_into(&[0.0; 3], &[0.0; 2], 1, 0, &mut p, &mut s), error("variance"));
        assert_eq!(
            decompose_into(&[0.0; 3], &[0.0; 3], 1, 0, &mut p[..2], &mut s),
            error("probabilities")
        );
        assert_eq!(
            decompose_into(&[0.0; 3], &[0.0; 3], 1, 0, &mut p, &mut s[..2]),
            error("scratch")
        );
        assert_eq!(probit_softmax(&mut p, &[0.0; 2]), error("variance").map(|_: Uncertainty| ()));
        assert_eq!(p, [7.0; 3]);
    }

    #[test]
    fn nan_is_not_hidden() {
        let u = decompose(&[0.0, 1.0], &[f32::NAN, 0.0], 4, 0).uncertainty;
        assert!(u.total.is_nan() && u.aleatoric.is_nan() && u.epistemic.is_nan());
        let mut p = [f32::NAN, 0.0];
        probit_softmax(&mut p, &[1.0, 1.0]).unwrap();
        assert!(p.iter().all(|p| p.is_nan()));
    }

    #[test]
    fn probit_softmax_is_close_to_the_expectation_for_two_classes() {
        // One exact logit: there the approximation is MacKay's.
        for mean in [-3.0, -1.0, 0.0, 0.5, 2.0] {
            for variance in [0.0, 0.5, 2.0, 10.0] {
                let (expected, ..) = two_classes([mean, 0.0], [variance, 0.0]);
                let mut p = [mean as f32, 0.0];
                probit_softmax(&mut p, &[variance as f32, 0.0]).unwrap();
                assert!(close(p[0], expected, 0.02), "{mean} {variance}: {p:?} {expected}");
            }
        }
    }

    proptest! {
        #[test]
        fn softmax_matches_f64(logits in prop::collection::vec(-100f32..100.0, 1..20)) {
            let expected = softmax_f64(&logits.iter().map(|z| f64::from(*z)).collect::<Vec<_>>());
            let mut actual = logits;
            softmax(&mut actual);
            for (actual, expected) in actual.iter().zip(expected) {
                // Relative, as z - max is rounded: 200 · 2^-24 and a few ulp.
                let tolerance = 2e-5 * expected + 1e-37;
                prop_assert!(close(*actual, expected, tolerance), "{} {}", actual, expected);
            }
        }

        #[test]
        fn entropy_matches_f64(logits in prop::collection::vec(-20f32..20.0, 1..20)) {
            let mut p = logits;
            softmax(&mut p);
            let expected = entropy_f64(&p.iter().map(|p| f64::from(*p)).collect::<Vec<_>>());
            prop_assert!(close(entropy(&p), expected.max(0.0), 2e-6));
        }

        #[test]
        fn predictions_are_distributions((mean, variance) in any_logits(), seed: u64, draws in 0u32..20) {
            let classes = mean.len();
            let bound = (classes as f32).ln() + 1e-5;
            let (mut p, mut scratch) = (vec![0.0; classes], vec![f32::NAN; classes]);
            let u = decompose_into(&mean, &variance, draws, seed, &mut p, &mut scratch).unwrap();
            prop_assert!(p.iter().all(|p| (0.0..=1.000_01).contains(p)), "{:?}", p);
            prop_assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert!((0.0..=bound).contains(&u.total), "{:?}", u);
            prop_assert!((0.0..=u.total).contains(&u.aleatoric), "{:?}", u);
            prop_assert!((0.0..=u.total).contains(&u.epistemic), "{:?}", u);
            prop_assert!((u.total - u.aleatoric - u.epistemic).abs() < 1e-6);

            let mut p = mean;
            probit_softmax(&mut p, &variance).unwrap();
            prop_assert!(p.iter().all(|p| (0.0..=1.000_01).contains(p)), "{:?}", p);
            prop_assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }

        #[test]
        fn without_variance_the_prediction_is_the_softmax(
            mean in prop::array::uniform5(any_finite()),
            draws in 1u32..200,
        ) {
            let mut expected = mean;
            softmax(&mut expected);
            let actual = decompose(&mean, &[0.0, -0.0, 0.0, -1e-9, 0.0], draws, 3);
            prop_assert_eq!(actual.probabilities, expected);
            prop_assert_eq!(actual.uncertainty.total, entropy(&expected));
            prop_assert_eq!(actual.uncertainty.aleatoric, entropy(&expected));
            prop_assert_eq!(actual.uncertainty.epistemic, 0.0);

            let mut p = mean;
            probit_softmax(&mut p, &[0.0; 5]).unwrap();
            prop_assert_eq!(p, expected);
        }

        #[test]
        fn probit_softmax_shrinks_towards_uniform(mean in -10f32..10.0, v in 0f32..20.0) {
            let mut without = [mean, 0.0];
            softmax(&mut without);
            let mut with = [mean, 0.0];
            probit_softmax(&mut with, &[v, v]).unwrap();
            prop_assert!((with[0] - 0.5).abs() <= (without[0] - 0.5).abs() + 1e-6);
            prop_assert!(entropy(&with) >= entropy(&without) - 1e-6);
        }
    }
}
