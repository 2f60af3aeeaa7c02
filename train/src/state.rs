//! All that a run knows between two steps.

use serde::{Deserialize, Serialize};

use crate::gradient::Values;

/// What an optimiser remembers of each number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The first moment, or the direction.
    pub first: Vec<f32>,
    /// The second moment.
    pub second: Vec<f32>,
}

/// Sums over the items of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Of the weights of the items.
    pub items: f64,
    /// Of losses.
    pub loss: f64,
    /// Of right answers, or of squared errors.
    pub score: f64,
    /// Of the norms of the gradients of steps.
    pub norm: f64,
}

/// The best values of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The loss of the validation.
    pub loss: f64,
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// The values.
    pub values: Values,
}

/// Mean and sum of squared deviations of every mean, over collected steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// How many were collected.
    pub count: u64,
    /// Their means.
    pub mean: Vec<f64>,
    /// The sums of their squared deviations from these.
    pub squares: Vec<f64>,
}

/// Numbers of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// Steps since the start of the run.
    pub steps: u64,
    /// The mean loss of an item during the epoch, in nats.
    pub loss: f64,
    /// The share of right answers during the epoch, of a classifier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// The root mean square of the errors during the epoch, of a regression.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmse: Option<f64>,
    /// The divergence of the posterior from the prior at the end, in nats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kl: Option<f64>,
    /// What the divergence counts at the end.
    pub beta: f64,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The mean norm of the gradients of steps.
    pub gradient_norm: f64,
    /// On data that is not trained on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Validation>,
    /// Seconds of the epoch.
    pub seconds: f64,
}

/// Numbers of a validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The mean loss of an item, in nats.
    pub loss: f64,
    /// The share of right answers, of a classifier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// The root mean square of the errors, of a regression.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmse: Option<f64>,
}

/// All that a run knows between two steps.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Means and variances.
    pub values: Values,
    /// Logarithms of the standard deviations, which are what is trained.
    pub log_deviation: Vec<f32>,
    /// Of the means.
    pub mean_memory: Memory,
    /// Of the logarithms of the deviations.
    pub deviation_memory: Memory,
    /// Steps that are done.
    pub step: u64,
    /// Epochs that are done.
    pub epoch: u64,
    /// Steps of the next epoch that are done.
    pub step_of_epoch: u64,
    /// Sums over these.
    pub totals: Totals,
    /// The best values so far, where a validation chooses them.
    pub best: Option<Best>,
    /// Moments of the means, where they are collected.
    pub collected: Option<Collected>,
    /// The epochs that are done.
    pub history: Vec<Record>,
}

impl State {
    /// The state before the first step.
    pub fn new(values: Values) -> Self {
        let memory = |length: usize| Memory { first: vec![0.0; length], second: vec![0.0; length] };
        let log = |&variance: &f32| (0.5 * f64::from(variance).ln()) as f32;
        Self {
            log_deviation: values.variance.iter().map(log).collect(),
            mean_memory: memory(values.mean.len()),
            deviation_memory: memory(values.variance.len()),
            values,
            step: 0,
            epoch: 0,
            step_of_epoch: 0,
            totals: Totals::default(),
            best: None,
            collected: None,
            history: Vec::new(),
        }
    }
}

impl State {
    /// Are all numbers beside the values such as a run goes on from?
    pub fn is_sound(&self) -> bool {
        let is_finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
        let memories = [&self.mean_memory, &self.deviation_memory];
        let mut logs = self.log_deviation.iter().zip(&self.values.variance);
        let Totals { items, loss, score, norm } = self.totals;
        let mut collected = self.collected.iter().flat_map(|c| c.mean.iter().chain(&c.squares));
        memories.iter().all(|memory| is_finite(&memory.first) && is_finite(&memory.second))
            && memories.iter().all(|memory| memory.second.iter().all(|second| *second >= 0.0))
            // Of a variance that is not trained the logarithm may be that of 0.
            && logs.all(|(log, variance)| log.is_finite() || (*variance == 0.0 && *log < 0.0))
            && [items, loss, score, norm].iter().all(|number| number.is_finite())
            && collected.all(|number| number.is_finite())
    }
}

impl Collected {
    /// Counts in some more values.
    pub fn add(&mut self, values: &[f32]) {
        self.count += 1;
        self.mean.resize(values.len(), 0.0);
        self.squares.resize(values.len(), 0.0);
        let count = self.count as f64;
        for ((mean, squares), &value) in self.mean.iter_mut().zip(&mut self.squares).zip(values) {
            // Welford's.
            let difference = f64::from(value) - *mean;
            *mean += difference / count;
            *squares += difference * (f64::from(value) - *mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_what_was_collected() {
        let numbers = [3.0f32, -1.0, 4.0, 1.0, 5.0, -9.0];
        let mut collected = Collected::default();
        numbers.iter().for_each(|&number| collected.add(&[number, 1e6 + number]));
        let mean = 0.5;
        let squares = numbers.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
        assert_eq!(collected.count, 6);
        assert!((collected.mean[0] - mean).abs() < 1e-12);
        assert!((collected.squares[0] - squares).abs() < 1e-9);
        assert!((collected.squares[1] - squares).abs() < 1e-6);
    }
}
