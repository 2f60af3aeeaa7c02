//! What the numbers of a posterior look like, and which can hardly be meant.
//!
//! A variance is easily exported as something else: a standard deviation, the logarithm of one, or
//! the argument of the softplus that training used. The network still runs, and its answers mean
//! nothing. The rule that tells it compares root mean squares of whole tensors, as single weights
//! near 0 are ordinary: of weights, that of the standard deviations is above [`ABSURD`] times that
//! of the means, so that what a layer computes is noise with a thousandth of signal. Vectors, such
//! as biases, may all be near 0 and are added to sums of about 1: theirs are compared with 1 where
//! their means are smaller.

use gauss_dialect::{parameters::ParameterSource, representation::Component, shape::TensorType};
use serde::Serialize;

use crate::parameters::Safetensors;

/// Above this ratio of root mean squares a tensor can hardly be meant. Trained mean-field
/// posteriors stay below 10.
pub const ABSURD: f64 = 30.0;

/// The numbers of a Gaussian parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// The parameter.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<i64>,
    /// Quantiles of the standard deviations; `None` where there is no valid variance.
    pub sigma: Option<Quantiles>,
    /// Quantiles of the standard deviations over the magnitudes of the means, means of 0 aside;
    /// `None` where there is none.
    pub sigma_over_mean: Option<Quantiles>,
    /// The root mean square of the standard deviations over that of the means; `None` where the
    /// means are all 0.
    pub rms_ratio: Option<f64>,
    /// Variances that are 0.
    pub zero_variances: usize,
    /// Variances that are negative.
    pub negative_variances: usize,
    /// Means and variances that are no number.
    pub nan: usize,
    /// Means and variances that are infinite.
    pub infinite: usize,
    /// What is wrong, and what it probably means.
    pub warning: Option<String>,
}

/// Values that shares of all numbers do not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// The smallest.
    pub min: f64,
    /// Of 5 %.
    pub p5: f64,
    /// Of one half.
    pub median: f64,
    /// Of 95 %.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    /// Those of numbers in any order; of two neighbours the lower one.
    fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let last = numbers.len().checked_sub(1)?;
        let at = |share: f64| numbers[(share * last as f64) as usize];
        Some(Self { min: at(0.0), p5: at(0.05), median: at(0.5), p95: at(0.95), max: at(1.0) })
    }
}

impl Statistics {
    /// Those of the Gaussian parameter `name`. The slices have the same length.
    pub fn of(name: &str, shape: &[i64], mean: &[f32], variance: &[f32]) -> Self {
        let count =
            |is: fn(f32) -> bool| mean.iter().chain(variance).filter(|&&value| is(value)).count();
        let pairs = || {
            let pairs =
                mean.iter().zip(variance).map(|(&mean, &v)| (f64::from(mean), f64::from(v)));
            pairs.filter(|(mean, v)| mean.is_finite() && v.is_finite() && *v >= 0.0)
        };
        let rms = |sum: f64| (sum / pairs().count().max(1) as f64).sqrt();
        let rms_sigma = rms(pairs().map(|(_, v)| v).sum());
        let rms_mean = rms(pairs().map(|(mean, _)| mean * mean).sum());
        let ratios = pairs().filter(|(mean, _)| *mean != 0.0);
        let mut statistics = Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            sigma: Quantiles::of(pairs().map(|(_, v)| v.sqrt()).collect()),
            sigma_over_mean: Quantiles::of(ratios.map(|(mean, v)| v.sqrt() / mean.abs()).collect()),
            rms_ratio: (rms_mean > 0.0).then_some(rms_sigma / rms_mean),
            zero_variances: variance.iter().filter(|&&v| v == 0.0).count(),
            negative_variances: variance.iter().filter(|&&v| v < 0.0).count(),
            nan: count(f32::is_nan),
            infinite: count(f32::is_infinite),
            warning: None,
        };
        statistics.warning = statistics.judge(rms_sigma, rms_mean);
        statistics
    }

    /// Can a network be compiled of it?
    pub fn is_valid(&self) -> bool {
        self.negative_variances + self.nan + self.infinite == 0
    }

    fn judge(&self, rms_sigma: f64, rms_mean: f64) -> Option<String> {
        let Self { name, negative_variances, nan, infinite, .. } = self;
        let elements: i64 = self.shape.iter().product();
        if *negative_variances > 0 {
            return Some(format!(
                "{negative_variances} of {elements} variances of '{name}' are negative: '.var' \
                 probably holds a rho or a logarithm; export softplus(rho)^2 or exp(log_var)"
            ));
        }
        if nan + infinite > 0 {
            return Some(format!(
                "'{name}' has {nan} NaN and {infinite} infinite numbers: training diverged, or a \
                 logarithm of 0 or a division by 0 was exported"
            ));
        }
        let is_vector = self.shape.len() < 2;
        let scale = if is_vector { rms_mean.max(1.0) } else { rms_mean };
        let ratio = rms_sigma / scale;
        let what = if is_vector && rms_mean < 1.0 { "1" } else { "its means" };
        (rms_mean > 0.0 || is_vector).then_some(ratio).filter(|ratio| *ratio > ABSURD).map(
            |ratio| {
                format!(
                    "the standard deviations of '{name}' are {ratio:.0} times {what} (root mean \
                 squares): '.var' probably holds no variance but a rho or its square, a logarithm, \
                 or a standard deviation of another scale"
                )
            },
        )
    }
}

/// The statistics of the Gaussian ones of some parameters, in their order, each once. Those that the
/// file lacks or has in another shape are left out.
pub fn statistics(file: &Safetensors, declared: &[(String, TensorType)]) -> Vec<Statistics> {
    let mut found: Vec<Statistics> = Vec::new();
    for (name, TensorType { shape, gaussian, .. }) in declared {
        if !gaussian || found.iter().any(|known| known.name == *name) {
            continue;
        }
        let component = |component: Component| {
            let read = file.tensor(&component.tensor(name)).ok().flatten();
            read.filter(|tensor| tensor.shape == *shape)
        };
        if let (Some(mean), Some(variance)) =
            (component(Component::Mean), component(Component::Variance))
        {
            found.push(Statistics::of(name, shape, &mean.values, &variance.values));
        }
    }
    found
}

/// What a person should know of parameters, a line each: that they were rounded, and the worst of
/// those that can hardly be meant.
pub fn remarks(file: &Safetensors, declared: &[(String, TensorType)]) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(conversion) = file.conversion() {
        remarks.push(format!("note: {}: {conversion}", file.name()));
    }
    let absurd: Vec<_> =
        statistics(file, declared).into_iter().filter(|one| one.warning.is_some()).collect();
    let worst = absurd.iter().max_by(|a, b| {
        let ratio = |one: &Statistics| one.rms_ratio.unwrap_or(f64::INFINITY);
        ratio(a).total_cmp(&ratio(b))
    });
    if let Some(warning) = worst.and_then(|one| one.warning.as_ref()) {
        let others = match absurd.len() - 1 {
            0 => String::new(),
            others => format!("; so it is with {others} more"),
        };
        remarks
            .push(format!("WARNING: {warning}{others}; see pfp inspect --params {}", file.name()));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(shape: &[i64], mean: f32, variance: f32) -> Option<String> {
        let elements = shape.iter().product::<i64>() as usize;
        let statistics =
            Statistics::of("w", shape, &vec![mean; elements], &vec![variance; elements]);
        statistics.warning
    }

    #[test]
    fn quantiles_are_numbers_of_the_list() {
        let quantiles = Quantiles::of((0..=100).rev().map(f64::from).collect()).unwrap();
        let expected = Quantiles { min: 0.0, p5: 5.0, median: 50.0, p95: 95.0, max: 100.0 };
        assert_eq!(quantiles, expected);
        assert_eq!(Quantiles::of(Vec::new()), None);
    }

    #[test]
    fn deviations_far_above_the_means_are_told() {
        // A rho of -5, squared, beside weights of a layer with 400 inputs.
        assert!(warning(&[120, 400], 0.05, 25.0).unwrap().contains("100 times its means"));
        assert!(warning(&[10], 0.05, 1e4).unwrap().contains("100 times 1"));
        assert!(warning(&[10], 2.0, 1e4).unwrap().contains("50 times its means"));
    }

    #[test]
    fn what_training_finds_is_not() {
        // A layer that returned to a prior of N(0, 1), with one weight in a hundred left.
        let mean: Vec<f32> = (0..1000).map(|i| if i % 100 == 0 { 1.0 } else { 1e-6 }).collect();
        assert_eq!(Statistics::of("w", &[10, 100], &mean, &[1.0; 1000]).warning, None);
        // Before training: biases of 0.
        assert_eq!(warning(&[10], 0.0, 0.0025), None);
        assert_eq!(warning(&[10, 10], 0.05, 0.0025), None);
        assert_eq!(warning(&[10, 10], 0.0, 1.0), None);
        assert_eq!(warning(&[10, 10], 0.05, 0.0), None);
    }

    #[test]
    fn what_is_no_variance_is_counted() {
        let mean = [0.0, f32::NAN, 1.0, 1.0, f32::NEG_INFINITY, 2.0];
        let variance = [0.0, 1.0, -1.0, -0.5, 1.0, 4.0];
        let statistics = Statistics::of("w", &[2, 3], &mean, &variance);
        let counts = (statistics.zero_variances, statistics.negative_variances);
        assert_eq!((counts, statistics.nan, statistics.infinite), ((1, 2), 1, 1));
        assert!(!statistics.is_valid());
        assert!(statistics.warning.unwrap().contains("2 of 6 variances of 'w' are negative"));
        let ratios = statistics.sigma_over_mean.unwrap();
        assert_eq!((ratios.min, ratios.max), (1.0, 1.0));
    }
}
