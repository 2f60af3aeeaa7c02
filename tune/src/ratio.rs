//! How two times compare, and how far that can be trusted.

use serde::{Deserialize, Serialize};

/// The time of one thing over that of another, both measured in turn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The median over the rounds.
    pub median: f64,
    /// The standard error of the median.
    pub noise: f64,
}

/// What no number of rounds tells apart: the place of code and data in memory.
const LEAST_NOISE: f64 = 0.002;

/// The standard deviation of a normal distribution over its median absolute deviation, and the standard
/// error of a median over that of a mean.
const OF_DEVIATION: f64 = 1.4826;
const OF_MEDIAN: f64 = 1.2533;

/// So many standard errors are no chance.
const SURE: f64 = 2.0;

impl Ratio {
    /// Of the times of rounds, pair by pair. Without any: 1 with as much noise.
    pub fn of(times: &[f64], others: &[f64]) -> Self {
        let pairs = times.iter().zip(others).filter(|(time, other)| **time > 0.0 && **other > 0.0);
        let mut ratios: Vec<f64> = pairs.map(|(time, other)| time / other).collect();
        if ratios.is_empty() {
            return Self { median: 1.0, noise: 1.0 };
        }
        let middle = median(&mut ratios);
        let mut deviations: Vec<f64> = ratios.iter().map(|ratio| (ratio - middle).abs()).collect();
        let deviation = OF_DEVIATION * median(&mut deviations);
        let noise = OF_MEDIAN * deviation / (ratios.len() as f64).sqrt();
        Self { median: middle, noise: noise.max(LEAST_NOISE) }
    }

    /// Is the first certainly less?
    pub fn is_less(&self) -> bool {
        self.median + SURE * self.noise < 1.0
    }

    /// Is it certain which is less, or that the difference is below `worth`?
    pub fn is_settled(&self, worth: f64) -> bool {
        self.is_less()
            || self.median - SURE * self.noise > 1.0
            || SURE * self.noise + (self.median - 1.0).abs() < worth
    }
}

/// The median of a list that is not empty.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match numbers.len() % 2 {
        0 => (numbers[half - 1] + numbers[half]) / 2.0,
        _ => numbers[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_that_both_share_leaves_no_trace() {
        let drift: Vec<f64> = (0..10).map(|round| 10.0 + round as f64).collect();
        let faster: Vec<f64> = drift.iter().map(|time| time * 0.9).collect();
        let ratio = Ratio::of(&faster, &drift);
        assert!((ratio.median - 0.9).abs() < 1e-12 && ratio.is_less() && ratio.is_settled(0.01));
    }

    #[test]
    fn what_varies_more_than_it_differs_is_not_settled() {
        let times = [9.0, 11.0, 9.5, 10.7, 9.2];
        let ratio = Ratio::of(&times, &[10.0; 5]);
        assert!(!ratio.is_less() && !ratio.is_settled(0.01), "{ratio:?}");
        // A clock may see nothing of a short kernel.
        let nothing = Ratio::of(&[0.0; 5], &[0.0; 5]);
        assert!(!nothing.is_less() && !nothing.is_settled(0.01), "{nothing:?}");
    }

    #[test]
    fn one_disturbed_round_of_many_does_not_count() {
        let mut times = [9.0; 9];
        times[4] = 90.0;
        assert!(Ratio::of(&times, &[10.0; 9]).is_less());
    }
}
