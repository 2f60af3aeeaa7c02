//! Binary labels: the sigmoid of a Gaussian logit. In double precision.

use super::{Decision, Thresholds, Uncertainty, non_negative};
use core::f64::consts::{FRAC_1_SQRT_2, PI};

/// The probability of a binary label and its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    /// E\[sigmoid(logit)\], the probability that the label is 1.
    pub probability: f32,
    /// The decomposition of the entropy of the label, between 0 and ln 2.
    pub uncertainty: Uncertainty,
}

/// The logistic distribution as a mixture of normal ones of mean 0: their deviations, and their
/// weights. σ(-x) is the sum of the weights times Q(x/deviation), Q being the upper tail of the
/// normal distribution, to a relative error of 3e-7 for x from 0 to 16, and to 1e-13 beyond.
///
/// The deviations are twice a variable of Kolmogorov's distribution (D. F. Andrews, C. L. Mallows,
/// *Scale mixtures of normal distributions*, 1974; J. F. Monahan, L. A. Stefanski, *Normal scale
/// mixture approximations to F\*(z) and computation of the logistic-normal integral*, 1992). Here
/// they are the steps of the trapezoidal rule in their logarithm, 0.15 wide; a weight is the step
/// times the density of the logarithm.
pub const LOGISTIC_MIXTURE: [[f64; 2]; 19] = [
    [0.522_045_776_761_016, 6.939_753_293_005_774e-7],
    [0.606_530_659_712_633_4, 4.783_542_601_010_19e-5],
    [0.704_688_089_718_713_3, 9.734_439_504_962_762e-4],
    [0.818_730_753_077_981_8, 0.008_004_364_061_635_717],
    [0.951_229_424_500_714, 0.033_522_714_177_933_295],
    [1.105_170_918_075_647_5, 0.084_757_825_874_175_56],
    [1.284_025_416_687_741_4, 0.146_392_272_127_605_44],
    [1.491_824_697_641_270_1, 0.188_538_268_262_794_8],
    [1.733_253_017_867_394_8, 0.191_826_722_848_741_28],
    [2.013_752_707_470_476_6, 0.158_699_787_452_603_02],
    [2.339_646_851_925_990_8, 0.106_242_212_310_838_43],
    [2.718_281_828_459_044_6, 0.055_102_383_530_631_81],
    [3.158_192_909_689_767, 0.020_423_577_133_304_27],
    [3.669_296_667_619_244_4, 0.004_815_854_281_453_653],
    [4.263_114_515_168_817, 6.167_508_101_026_145e-4],
    [4.953_032_424_395_114, 3.464_913_131_625_392e-5],
    [5.754_602_676_005_729, 6.400_632_843_578_185e-7],
    [6.685_894_442_279_268, 2.634_519_430_307_072e-9],
    [7.767_901_106_306_771, 1.428_899_421_908_401_3e-12],
];

/// Variances below have the trapezoidal rule over the logit, as the difference of entropies needs
/// all digits there.
const SMALL_VARIANCE: f64 = 1.0 / 16.0;

/// The probability that a label is 1 under a Gaussian logit, and the decomposition of its
/// uncertainty. No draws are needed:
///
/// ```text
/// probability = E[sigmoid(z)]        z ~ N(mean, variance)
/// total       = H(probability)       in nats, H(p) = -p ln p - (1 - p) ln(1 - p)
/// aleatoric   = E[H(sigmoid(z))]
/// epistemic   = total - aleatoric
/// ```
///
/// With the mixture of [`LOGISTIC_MIXTURE`], whose deviations are s and weights w, and
/// t² = s² + variance,
///
/// ```text
/// E[sigmoid(-z)] = Σ w Q(mean/t)      E[H(sigmoid(z))] = Σ w s²/t φ(mean/t)
/// ```
///
/// Probabilities and uncertainties have errors below 1e-6, for any mean and variance. A variance of
/// 0 is the plain sigmoid, of which nothing is epistemic.
///
/// ```
/// use pfp_runtime::predictive::binary;
///
/// let certain = binary(2.0, 0.0);
/// assert!((certain.probability - 0.880_797).abs() < 1e-6);
/// assert_eq!(certain.uncertainty.epistemic, 0.0);
///
/// let unknown = binary(2.0, 100.0);
/// assert!((unknown.probability - 0.577_6).abs() < 1e-3);
/// assert!(unknown.uncertainty.epistemic > 0.5);
/// ```
#[must_use]
pub fn binary(mean: f32, variance: f32) -> Binary {
    let (x, v) = (f64::from(mean).abs(), f64::from(non_negative(variance)));
    // Of the label that is rarer: 0 for a positive mean.
    let (rarer, aleatoric) = if v == 0.0 {
        let rarer = sigmoid(-x);
        (rarer, entropy(rarer))
    } else if v < SMALL_VARIANCE {
        over_logit(x, v)
    } else {
        over_mixture(x, v)
    };
    of_parts(mean < 0.0, rarer, aleatoric)
}

/// [`binary`] for draws of the logit, such as those of forward passes with drawn weights: the means
/// over the draws. NaN without any.
///
/// ```
/// use pfp_runtime::predictive::binary_draws;
///
/// // Two passes that are sure of different labels.
/// let label = binary_draws(&[90.0, -90.0]);
/// assert_eq!(label.probability, 0.5);
/// assert!(label.uncertainty.epistemic > 0.69);
/// ```
#[must_use]
pub fn binary_draws(logits: &[f32]) -> Binary {
    // Running means: equal draws leave them exactly unchanged.
    let mean = |f: &dyn Fn(f64) -> f64| {
        let values = logits.iter().map(|&z| f(f64::from(z)));
        let numbered = (1..).map(f64::from as fn(u32) -> f64).zip(values);
        let mean = |mean: f64, (number, value): (f64, f64)| mean + (value - mean) / number;
        if logits.is_empty() { f64::NAN } else { numbered.fold(0.0, mean) }
    };
    // Each as a sum of numbers that may be small.
    let (zero, one) = (mean(&|z| sigmoid(-z)), mean(&sigmoid));
    let aleatoric = mean(&|z| entropy(sigmoid(-z.abs())));
    of_parts(one < zero, if one < zero { one } else { zero }, aleatoric)
}

/// What is decided on a binary label: [`Decision::Accept`] with 1 where the probability is at least
/// ½, else with 0, if neither uncertainty is above its threshold.
///
/// ```
/// use pfp_runtime::predictive::{Decision, Thresholds, binary, decide_binary};
///
/// let thresholds = Thresholds { epistemic: 0.2, aleatoric: 0.5 };
/// let decision = |mean, variance| decide_binary(&binary(mean, variance), &thresholds);
/// assert_eq!(decision(4.0, 0.1), Decision::Accept(1));
/// assert_eq!(decision(-4.0, 0.1), Decision::Accept(0));
/// assert_eq!(decision(0.1, 0.1), Decision::Ambiguous);
/// assert_eq!(decision(0.1, 100.0), Decision::Unknown);
/// ```
#[must_use]
pub fn decide_binary(label: &Binary, thresholds: &Thresholds) -> Decision {
    let Binary { probability, uncertainty } = label;
    // At ½ the first of equals would be taken.
    let order = [*probability, 1.0 - probability];
    match super::decide(&order, uncertainty, thresholds) {
        Decision::Accept(place) => Decision::Accept(1 - place),
        rejected => rejected,
    }
}

/// From the probability of the rarer label, and whether that is 1.
fn of_parts(one_is_rarer: bool, rarer: f64, aleatoric: f64) -> Binary {
    let total = entropy(rarer);
    // Jensen's inequality makes aleatoric <= total; the minimum removes what rounding leaves.
    let aleatoric = if aleatoric >= total { total } else { aleatoric };
    Binary {
        probability: if one_is_rarer { rarer } else { 1.0 - rarer } as f32,
        uncertainty: Uncertainty {
            total: total as f32,
            aleatoric: aleatoric as f32,
            epistemic: (total - aleatoric) as f32,
        },
    }
}

fn sigmoid(z: f64) -> f64 {
    let power = libm::exp(-z.abs());
    if z >= 0.0 { 1.0 / (1.0 + power) } else { power / (1.0 + power) }
}

/// The entropy of a label, one of whose values has the probability `p`.
fn entropy(p: f64) -> f64 {
    if p == 0.0 { 0.0 } else { -p * libm::log(p) - (1.0 - p) * libm::log1p(-p) }
}

/// E\[sigmoid(-z)\] and the expected entropy by the mixture.
fn over_mixture(x: f64, v: f64) -> (f64, f64) {
    let (mut rarer, mut aleatoric) = (0.0, 0.0);
    for [s, weight] in LOGISTIC_MIXTURE {
        let t = libm::sqrt(s * s + v);
        let ratio = x / t;
        rarer += weight * 0.5 * libm::erfc(ratio * FRAC_1_SQRT_2);
        aleatoric += weight * s * s / t * density(ratio);
    }
    (rarer, aleatoric)
}

/// The same by the trapezoidal rule over the logit.
fn over_logit(x: f64, v: f64) -> (f64, f64) {
    const STEP: f64 = 0.5;
    const STEPS: i32 = 18;
    let deviation = libm::sqrt(v);
    let (mut rarer, mut aleatoric, mut all) = (0.0, 0.0, 0.0);
    for step in -STEPS..=STEPS {
        let t = STEP * f64::from(step);
        let (weight, z) = (density(t), x + deviation * t);
        all += weight;
        rarer += weight * sigmoid(-z);
        aleatoric += weight * entropy(sigmoid(-z.abs()));
    }
    (rarer / all, aleatoric / all)
}

/// φ.
fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * PI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(label: Binary) -> [f32; 4] {
        let Binary { probability, uncertainty: Uncertainty { total, aleatoric, epistemic } } =
            label;
        [probability, total, aleatoric, epistemic]
    }

    #[test]
    fn predictions_are_the_integrals() {
        let known: [(f64, f64, [f64; 4]); 74] = include!("../../tests/data/binary.rs");
        for (mean, variance, expected) in known {
            let actual = parts(binary(mean as f32, variance as f32));
            // The results are rounded, and so is the variance.
            let tolerances = [3e-7, 6e-7, 6e-7, 2e-5];
            // What the mixture leaves out, from a distance of 16 on.
            let rest = 1e-12;
            for ((actual, expected), tolerance) in actual.into_iter().zip(expected).zip(tolerances)
            {
                let close = (f64::from(actual) - expected).abs() <= tolerance * expected + rest;
                assert!(close, "N({mean}, {variance}): {actual} {expected}");
            }
        }
    }

    #[test]
    fn decisions_on_labels() {
        let label = |probability, aleatoric, epistemic| Binary {
            probability,
            uncertainty: Uncertainty { total: aleatoric + epistemic, aleatoric, epistemic },
        };
        let thresholds = Thresholds { epistemic: 0.2, aleatoric: 0.5 };
        for (label, decision) in [
            (label(0.5, 0.5, 0.2), Decision::Accept(1)),
            (label(0.49, 0.5, 0.2), Decision::Accept(0)),
            (label(0.9, 0.51, 0.2), Decision::Ambiguous),
            (label(0.9, 0.51, 0.21), Decision::Unknown),
            (label(f32::NAN, 0.1, 0.1), Decision::Unknown),
            (label(0.9, f32::NAN, 0.1), Decision::Unknown),
            (label(0.9, 0.1, f32::NAN), Decision::Unknown),
        ] {
            assert_eq!(decide_binary(&label, &thresholds), decision, "{label:?}");
        }
    }

    #[test]
    fn draws_are_averaged() {
        let [p, total, aleatoric, epistemic] = parts(binary_draws(&[1.0, -3.0]));
        // The sigmoid is 0.731059 and 0.047426.
        assert!((p - 0.389_242).abs() < 1e-6, "{p}");
        assert!((total - 0.668_408).abs() < 1e-6, "{total}");
        assert!((aleatoric - 0.386_534).abs() < 1e-6, "{aleatoric}");
        assert!((epistemic - 0.281_874).abs() < 1e-6, "{epistemic}");
        assert_eq!(parts(binary_draws(&[2.5, 2.5, 2.5])), parts(binary(2.5, 0.0)));
        assert!(parts(binary_draws(&[])).iter().all(|x| x.is_nan()));
        assert!(parts(binary_draws(&[1.0, f32::NAN])).iter().all(|x| x.is_nan()));
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for (mean, variance) in
            [(f32::NAN, 1.0), (f32::NAN, 0.0), (f32::NAN, 1e-3), (1.0, f32::NAN)]
        {
            let label = parts(binary(mean, variance));
            assert!(label.iter().all(|x| x.is_nan()), "{mean} {variance}: {label:?}");
        }
    }

    proptest! {
        #[test]
        fn finite_logits_have_finite_parts(
            mean in proptest::num::f32::NORMAL | proptest::num::f32::ZERO,
            variance in proptest::num::f32::POSITIVE | proptest::num::f32::SUBNORMAL,
        ) {
            let [p, total, aleatoric, epistemic] = parts(binary(mean, variance));
            prop_assert!((0.0..=1.0).contains(&p));
            for part in [total, aleatoric, epistemic] {
                prop_assert!((0.0..=core::f32::consts::LN_2).contains(&part), "{}", part);
            }
            prop_assert!((total - aleatoric - epistemic).abs() < 1e-6);
        }
    }
}
