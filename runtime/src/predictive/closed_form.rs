//! Predictions without sampling. In double precision: a row of logits is short.

use super::{Prediction, Uncertainty, check_length, non_negative};
use crate::Error;
use core::f64::consts::FRAC_PI_8;

/// Class probabilities and uncertainty by the pairwise mean-field approximation.
///
/// The probabilities are pᵢ = qᵢ/Σqⱼ with
///
/// ```text
/// qᵢ = 1 / Σⱼ exp((meanⱼ - meanᵢ) / √(1 + π/8 · (varianceᵢ + varianceⱼ))),
/// ```
///
/// where the term of i itself is 1: every pair of classes by MacKay's approximation. Z. Lu, E. Ie,
/// F. Sha, *Mean-field approximation to Gaussian-softmax integral with application to uncertainty
/// estimation*, arXiv:2006.07584, after J. Daunizeau, arXiv:1703.00091. [`probit_softmax`] is
/// cheaper, and less accurate where the variances of logits differ.
///
/// [`probit_softmax`]: super::probit_softmax
///
/// To first order in the variances the mutual information of class and logits is
/// ½ Σ pᵢ(1 - pᵢ)·varianceᵢ. With x twice that over H(p),
///
/// ```text
/// total     = H(p)
/// aleatoric = H(p) / √(1 + x)
/// epistemic = total - aleatoric
/// ```
///
/// has this slope where the variances vanish, and leaves nothing aleatoric where they are large.
/// For two classes of equal means it is the expected entropy of N. Houlsby, F. Huszár,
/// Z. Ghahramani, M. Lengyel, *Bayesian active learning for classification and preference
/// learning*, arXiv:1112.5745.
///
/// ```
/// use pfp_runtime::predictive::mean_field;
///
/// let unknown = mean_field(&[0.0; 3], &[100.0; 3]).uncertainty;
/// assert!(unknown.epistemic > 0.9 && unknown.aleatoric < 0.2);
/// ```
#[must_use]
pub fn mean_field<const CLASSES: usize>(
    mean: &[f32; CLASSES],
    variance: &[f32; CLASSES],
) -> Prediction<CLASSES> {
    let mut probabilities = [0.0; CLASSES];
    let uncertainty = pairwise(mean, variance, &mut probabilities);
    Prediction { probabilities, uncertainty }
}

/// [`mean_field`] on slices; writes the class probabilities to `probabilities`.
///
/// # Errors
///
/// [`Error::Length`] if one of the slices is not as long as `mean`. Then nothing was written.
pub fn mean_field_into(
    mean: &[f32],
    variance: &[f32],
    probabilities: &mut [f32],
) -> Result<Uncertainty, Error> {
    check_length("variance", variance, mean.len())?;
    check_length("probabilities", probabilities, mean.len())?;
    Ok(pairwise(mean, variance, probabilities))
}

fn pairwise(mean: &[f32], variance: &[f32], probabilities: &mut [f32]) -> Uncertainty {
    let logits = || {
        let widened = |(&m, &v): (&f32, &f32)| (f64::from(m), f64::from(non_negative(v)));
        mean.iter().zip(variance).map(widened)
    };
    let odds = |(m, v): (f64, f64)| {
        let shrunk = |(rival, w): (f64, f64)| (rival - m) / libm::sqrt(1.0 + FRAC_PI_8 * (v + w));
        // An overflow is an odds of 0.
        1.0 / logits().map(|rival| libm::exp(shrunk(rival))).sum::<f64>()
    };
    // The class that no rival is ahead of has odds of 1/C or more.
    let sum: f64 = logits().map(odds).sum();
    let (mut total, mut spread) = (0.0, 0.0);
    for (probability, (m, v)) in probabilities.iter_mut().zip(logits()) {
        let p = odds((m, v)) / sum;
        *probability = p as f32;
        total -= if p == 0.0 { 0.0 } else { p * libm::log(p) };
        spread += p * (1.0 - p) * v;
    }
    let total = if total <= 0.0 { 0.0 } else { total };
    // Nothing is uncertain of what is certain; infinite variances leave nothing aleatoric.
    let x = if spread <= 0.0 { 0.0 } else { spread / total };
    let root = libm::sqrt(1.0 + x);
    let share = if x == f64::INFINITY { 1.0 } else { x / (1.0 + x + root) };
    Uncertainty {
        total: total as f32,
        aleatoric: (total / root) as f32,
        epistemic: (total * share) as f32,
    }
}

/// Class probabilities and uncertainty by the Laplace bridge: those of the Dirichlet distribution
/// with the parameters
///
/// ```text
/// αᵢ = (1 - 2/C + exp(mᵢ)/C² · Σ exp(-mⱼ)) / vᵢ
/// ```
///
/// where C is the number of classes and m, v are the logits given that their sum is zero,
/// m = mean - variance·Σmean/Σvariance and v = variance - variance²/Σvariance. With α₀ = Σαᵢ and
/// the digamma function ψ
///
/// ```text
/// p         = α/α₀
/// total     = H(p)
/// aleatoric = ψ(α₀ + 1) - Σ pᵢ ψ(αᵢ + 1)
/// epistemic = total - aleatoric
/// ```
///
/// M. Hobbhahn, A. Kristiadi, P. Hennig, *Fast predictive uncertainty for classification with
/// Bayesian deep networks*, UAI 2022. It suits logits that spread little and about equally; a
/// class whose variance is far smaller than that of others draws the probability to it, whatever
/// its mean. [`mean_field`] does not.
///
/// A variance below 1e-30 counts as 1e-30, one above 1e30 as 1e30.
///
/// ```
/// use pfp_runtime::predictive::laplace_bridge;
///
/// let prediction = laplace_bridge(&[3.0, 1.0, -1.0], &[2.0, 0.5, 8.0]);
/// assert!((prediction.probabilities[0] - 0.5737).abs() < 1e-4);
/// assert!((prediction.uncertainty.epistemic - 0.0208).abs() < 1e-4);
/// ```
#[must_use]
pub fn laplace_bridge<const CLASSES: usize>(
    mean: &[f32; CLASSES],
    variance: &[f32; CLASSES],
) -> Prediction<CLASSES> {
    let mut probabilities = [0.0; CLASSES];
    let uncertainty = bridge(mean, variance, &mut probabilities);
    Prediction { probabilities, uncertainty }
}

/// [`laplace_bridge`] on slices; writes the class probabilities to `probabilities`.
///
/// # Errors
///
/// [`Error::Length`] if one of the slices is not as long as `mean`. Then nothing was written.
pub fn laplace_bridge_into(
    mean: &[f32],
    variance: &[f32],
    probabilities: &mut [f32],
) -> Result<Uncertainty, Error> {
    check_length("variance", variance, mean.len())?;
    check_length("probabilities", probabilities, mean.len())?;
    Ok(bridge(mean, variance, probabilities))
}

const LEAST_VARIANCE: f64 = 1e-30;
const LARGEST_VARIANCE: f64 = 1e30;

/// Concentrations outside of this range leave all or nothing of the entropy aleatoric.
const LEAST_CONCENTRATION: f64 = 1e-20;
const LARGEST_CONCENTRATION: f64 = 1e30;

fn bridge(mean: &[f32], variance: &[f32], probabilities: &mut [f32]) -> Uncertainty {
    if mean.len() < 2 {
        probabilities.fill(1.0);
        return Uncertainty::default();
    }
    let classes = mean.len() as f64;
    // What is not a number stays.
    let bounded = |&v: &f32| f64::from(v).clamp(LEAST_VARIANCE, LARGEST_VARIANCE);
    let sum: f64 = mean.iter().copied().map(f64::from).sum();
    let spread: f64 = variance.iter().map(bounded).sum();
    // The sum of the variances but for the largest one, which may be nearly all.
    let largest = variance.iter().map(bounded).fold(0.0, f64::max);
    let most = variance.iter().position(|v| bounded(v) == largest);
    let others = |index: usize, v: f64| match most {
        Some(most) if most == index => {
            let rest = variance.iter().enumerate().filter(|&(other, _)| other != index);
            rest.map(|(_, v)| bounded(v)).sum()
        }
        _ => spread - v,
    };
    let conditional = |(index, (&m, v)): (usize, (&f32, &f32))| {
        let v = bounded(v);
        (f64::from(m) - v / spread * sum, v * (others(index, v) / spread))
    };
    let logits = || mean.iter().zip(variance).enumerate().map(conditional);
    let largest = logits().map(|(m, _)| m).fold(f64::NEG_INFINITY, f64::max);
    let lowest = logits().map(|(m, _)| m).fold(f64::INFINITY, f64::min);
    // The largest α may overflow. All are scaled by e^(lowest - largest).
    let scale = libm::exp(lowest - largest);
    let below: f64 = logits().map(|(m, _)| libm::exp(lowest - m)).sum();
    let weight = |(m, v): (f64, f64)| {
        let product = libm::exp(m - largest) * below / (classes * classes);
        ((1.0 - 2.0 / classes) * scale + product) / v
    };
    let weights: f64 = logits().map(weight).sum();
    let concentration = weights / scale;
    let concentration = concentration.clamp(LEAST_CONCENTRATION, LARGEST_CONCENTRATION);
    let (mut total, mut gain) = (0.0, 0.0);
    for (probability, logit) in probabilities.iter_mut().zip(logits()) {
        let p = weight(logit) / weights;
        *probability = p as f32;
        total -= if p == 0.0 { 0.0 } else { p * libm::log(p) };
        gain += information(p * concentration);
    }
    let total = if total <= 0.0 { 0.0 } else { total };
    // What is not a number stays so.
    let epistemic = (gain - information(concentration)) / concentration;
    let epistemic = if epistemic <= 0.0 { 0.0 } else { epistemic };
    let epistemic = if epistemic >= total { total } else { epistemic };
    Uncertainty {
        total: total as f32,
        aleatoric: (total - epistemic) as f32,
        epistemic: epistemic as f32,
    }
}

/// x(ψ(x + 1) - ln x), from 0 at 0 to ½: the epistemic uncertainty is
/// (Σ information(αᵢ) - information(α₀))/α₀, where nothing is infinite for large α.
fn information(x: f64) -> f64 {
    /// B₂ₙ/2n of the asymptotic series of ψ.
    const SERIES: [f64; 6] =
        [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0];
    const FROM: f64 = 12.0;
    if x == 0.0 {
        return 0.0;
    }
    // ψ(y + 1) - ln y
    let beyond = |y: f64| {
        let square = 1.0 / (y * y);
        0.5 / y - square * SERIES.iter().rev().fold(0.0, |sum, term| sum * square + term)
    };
    // ψ(y + 1) = ψ(y) + 1/y, as often as it takes.
    let (mut y, mut steps) = (x, 0.0);
    while y < FROM {
        y += 1.0;
        steps += 1.0 / y;
    }
    x * (beyond(y) + libm::log(y / x) - steps)
}

#[cfg(test)]
mod tests {
    use core::f64::consts::LN_2;

    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn close(actual: f32, expected: f64) -> bool {
        (f64::from(actual) - expected).abs() < 2e-7
    }

    /// From a separate implementation in 40 digits.
    #[test]
    fn known_values() {
        let Prediction { probabilities, uncertainty } =
            mean_field(&[3.0, 1.0, -1.0], &[2.0, 0.5, 8.0]);
        for (p, expected) in probabilities.iter().zip([0.714_259_45, 0.181_899_78, 0.103_840_78]) {
            assert!(close(*p, expected), "{p} {expected}");
        }
        assert!(close(uncertainty.total, 0.785_555_037), "{uncertainty:?}");
        assert!(close(uncertainty.aleatoric, 0.490_778_044), "{uncertainty:?}");
        assert!(close(uncertainty.epistemic, 0.294_776_993), "{uncertainty:?}");

        let Prediction { probabilities, uncertainty } =
            laplace_bridge(&[1.0, -2.0, 0.5, 3.0, 0.0, 2.5], &[0.5, 4.0, 0.001, 1.0, 9.0, 0.25]);
        for (p, expected) in probabilities.iter().zip([
            0.002_615_889_42,
            0.000_079_233_125_2,
            0.968_303_775_6,
            0.007_246_294_18,
            0.000_067_452_172_1,
            0.021_687_355_54,
        ]) {
            assert!(close(*p, expected), "{p} {expected}");
        }
        assert!(close(uncertainty.total, 0.166_928_237_09), "{uncertainty:?}");
        assert!(close(uncertainty.aleatoric, 0.166_269_642_78), "{uncertainty:?}");
        assert!(close(uncertainty.epistemic, 0.000_658_594_31), "{uncertainty:?}");
    }

    /// From a separate implementation in 40 digits.
    #[test]
    fn laplace_of_unequal_variances() {
        for (mean, variance, probability, parts) in [
            ([0.0, 0.0], [1e-4, 1e4], 0.5, [LN_2, 0.693_097_18, 4.999_749_9e-5]),
            ([0.0, 0.0], [1e8, 1e-8], 0.5, [LN_2, LN_2, 4.999_999_97e-9]),
            ([1.0, -0.5], [1e-8, 1e8], 0.880_797_08, [0.365_333_86, 0.365_333_85, 2.099_871_7e-9]),
            ([1.0, -0.5], [1e8, 1e-8], 0.731_058_58, [0.582_203_11, 0.582_203_10, 3.932_238_6e-9]),
        ] {
            let Prediction { probabilities, uncertainty } = laplace_bridge(&mean, &variance);
            let Uncertainty { total, aleatoric, epistemic } = uncertainty;
            let actual = [probabilities[0], total, aleatoric, epistemic];
            let [total, aleatoric, epistemic] = parts;
            for (actual, expected) in actual.iter().zip([probability, total, aleatoric, epistemic])
            {
                let error = f64::from(*actual) / expected - 1.0;
                // The variances are rounded.
                assert!(error.abs() < 3e-7, "{variance:?}: {actual} {expected}");
            }
        }
    }

    #[test]
    fn edges() {
        for predict in [mean_field::<1>, laplace_bridge::<1>] {
            let certain = predict(&[-5.0], &[3.0]);
            assert_eq!(certain.probabilities, [1.0]);
            assert_eq!(certain.uncertainty, Uncertainty::default());
        }
        for predict in [mean_field::<3>, laplace_bridge::<3>] {
            let nan = predict(&[1.0, f32::NAN, 0.0], &[1.0; 3]);
            assert!(nan.probabilities.iter().all(|p| p.is_nan()));
            assert!(nan.uncertainty.epistemic.is_nan());
        }
        let exact = mean_field(&[1.0, 0.0], &[0.0; 2]).uncertainty;
        assert_eq!((exact.aleatoric, exact.epistemic), (exact.total, 0.0));
        let same = laplace_bridge(&[0.0; 4], &[0.0; 4]);
        assert_eq!(same.probabilities, [0.25; 4]);
        assert!(same.uncertainty.epistemic < 1e-7);
        let mut short = [0.0; 2];
        assert!(mean_field_into(&[0.0; 3], &[0.0; 3], &mut short).is_err());
        assert!(laplace_bridge_into(&[0.0; 3], &[0.0; 2], &mut [0.0; 3]).is_err());
    }

    proptest! {
        #[test]
        fn predictions_are_distributions(
            logits in prop::collection::vec(
                prop_oneof![
                    (-20f32..20.0, 0f32..50.0),
                    (-1e30f32..1e30, prop_oneof![Just(0f32), 0f32..1e30]),
                ],
                1..12
            )
        ) {
            let (mean, variance): (Vec<_>, Vec<_>) = logits.into_iter().unzip();
            let mut p = mean.clone();
            for predict in [mean_field_into, laplace_bridge_into] {
                let u = predict(&mean, &variance, &mut p).unwrap();
                prop_assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{:?}", p);
                let most = (mean.len() as f32).ln() + 1e-5;
                for part in [u.total, u.aleatoric, u.epistemic] {
                    prop_assert!((0.0..=most).contains(&part), "{:?}", u);
                }
                prop_assert!((u.total - u.aleatoric - u.epistemic).abs() < 1e-5, "{:?}", u);
            }
        }
    }
}
