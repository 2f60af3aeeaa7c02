//! What changes in the course of a run: the learning rate, and how much the prior counts.

use serde::{Deserialize, Serialize};

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It does not.
    Constant,
    /// Along half a cosine, to 0 at the end of the last epoch (Loshchilov and Hutter, 2017).
    Cosine,
    /// By a factor after every so many epochs.
    Step {
        /// Epochs between two steps; at least 1.
        every: u64,
        /// The factor.
        factor: f64,
    },
}

/// What a part of a run is measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Steps in an epoch; at least 1.
    pub steps_per_epoch: u64,
    /// Epochs of the run; at least 1.
    pub epochs: u64,
}

impl Schedule {
    /// The share of the learning rate that the step of this number has, counted from 0, after a linear
    /// warm-up over so many epochs.
    pub fn share(self, step: u64, warm_up: f64, clock: Clock) -> f64 {
        let warm = ramp(step + 1, warm_up, clock);
        let epoch = step as f64 / clock.steps_per_epoch as f64;
        warm * match self {
            Self::Constant => 1.0,
            Self::Cosine => {
                let done = (epoch / clock.epochs as f64).min(1.0);
                (1.0 + (std::f64::consts::PI * done).cos()) / 2.0
            }
            Self::Step { every, factor } => {
                let steps = step / clock.steps_per_epoch.max(1) / every.max(1);
                factor.powi(i32::try_from(steps).unwrap_or(i32::MAX))
            }
        }
    }
}

/// The share that a linear warm-up over so many epochs has reached after some steps.
pub fn ramp(steps: u64, epochs: f64, clock: Clock) -> f64 {
    let length = epochs * clock.steps_per_epoch as f64;
    if length > 0.0 { (steps as f64 / length).min(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { steps_per_epoch: 10, epochs: 4 };

    #[test]
    fn a_cosine_falls_from_one_to_nothing() {
        let share = |step| Schedule::Cosine.share(step, 0.0, CLOCK);
        assert_eq!(share(0), 1.0);
        assert!((share(20) - 0.5).abs() < 1e-12);
        assert!(share(39) > 0.0 && share(40).abs() < 1e-12 && share(400).abs() < 1e-12);
    }

    #[test]
    fn steps_fall_after_whole_epochs() {
        let schedule = Schedule::Step { every: 2, factor: 0.1 };
        let share = |step| schedule.share(step, 0.0, CLOCK);
        assert_eq!((share(0), share(19), share(20), share(39)), (1.0, 1.0, 0.1, 0.1));
    }

    #[test]
    fn a_warm_up_is_linear_and_no_step_of_it_is_nothing() {
        let share = |step| Schedule::Constant.share(step, 0.5, CLOCK);
        assert_eq!((share(0), share(1), share(4), share(5)), (0.2, 0.4, 1.0, 1.0));
        assert_eq!(
            (ramp(0, 2.0, CLOCK), ramp(5, 2.0, CLOCK), ramp(0, 0.0, CLOCK)),
            (0.0, 0.25, 1.0)
        );
    }
}
