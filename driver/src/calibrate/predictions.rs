//! Class probabilities and uncertainties of many items.

use pfp_runtime::{predictive, predictive::Uncertainty, random::standard_normals};
use rayon::prelude::*;

use crate::error::Error;

/// Gaussian logits of many items, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Logits of one item.
    pub classes: usize,
    /// The means.
    pub mean: Vec<f32>,
    /// The variances.
    pub variance: Vec<f32>,
}

/// How logits become class probabilities: by so many draws from one seed, the same draws for every
/// item and every candidate, so that comparisons share their noise.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// Draws of the logits of an item.
    pub draws: u32,
    /// What the draws depend on.
    pub seed: u64,
}

/// What is predicted for many items.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    classes: usize,
    probabilities: Vec<f32>,
    uncertainty: Vec<Uncertainty>,
}

impl Logits {
    /// How many items there are.
    pub fn items(&self) -> usize {
        self.mean.len() / self.classes
    }

    /// Checks that every logit is a finite number.
    ///
    /// # Errors
    ///
    /// Names the first item of which a logit is not.
    pub fn check(&self, set: &str) -> Result<(), Error> {
        let bad = self.mean.iter().zip(&self.variance).position(|(mean, variance)| {
            !mean.is_finite() || !variance.is_finite() || *variance < 0.0
        });
        match bad {
            None => Ok(()),
            Some(index) => Err(Error::request(format!(
                "the logits of item {} of {set} are not all finite: class {} is {} with variance {}",
                index / self.classes,
                index % self.classes,
                self.mean[index],
                self.variance[index]
            ))
            .with_help("look for NaN or infinity in the input and the parameters")),
        }
    }

    /// Class probabilities and uncertainties at a temperature: means divided by it, variances by
    /// its square.
    pub fn predict(&self, temperature: f64, sampling: Sampling) -> Predictions {
        let each = self.rows().map_init(
            || (vec![0.0; self.classes], vec![0.0; self.classes], vec![0.0; self.classes]),
            |(mean, variance, scratch), row| {
                let mut probabilities = vec![0.0; self.classes];
                let uncertainty = sample(
                    row,
                    temperature,
                    sampling,
                    (mean, variance),
                    (&mut probabilities, scratch),
                );
                (probabilities, uncertainty)
            },
        );
        let (probabilities, uncertainty): (Vec<_>, Vec<_>) = each.collect();
        Predictions { classes: self.classes, probabilities: probabilities.concat(), uncertainty }
    }

    fn rows(&self) -> impl IndexedParallelIterator<Item = (&[f32], &[f32])> {
        let rows = self.mean.par_chunks_exact(self.classes);
        rows.zip(self.variance.par_chunks_exact(self.classes))
    }
}

fn sample(
    (mean, variance): (&[f32], &[f32]),
    temperature: f64,
    sampling: Sampling,
    (scaled_mean, scaled_variance): (&mut [f32], &mut [f32]),
    (probabilities, scratch): (&mut [f32], &mut [f32]),
) -> Uncertainty {
    let scale = |values: &[f32], scaled: &mut [f32], divisor: f64| {
        for (value, scaled) in values.iter().zip(scaled) {
            *scaled = (f64::from(*value) / divisor) as f32;
        }
    };
    scale(mean, scaled_mean, temperature);
    scale(variance, scaled_variance, temperature * temperature);
    let Sampling { draws, seed } = sampling;
    // The slices have the same length, which is all that could be wrong.
    predictive::decompose_into(scaled_mean, scaled_variance, draws, seed, probabilities, scratch)
        .unwrap_or_default()
}

impl Predictions {
    /// Predictions with these class probabilities, row-major, and an uncertainty for each item.
    pub fn new(classes: usize, probabilities: Vec<f32>, uncertainty: Vec<Uncertainty>) -> Self {
        Self { classes, probabilities, uncertainty }
    }

    /// The class probabilities of an item.
    pub fn probabilities(&self, item: usize) -> &[f32] {
        &self.probabilities[item * self.classes..(item + 1) * self.classes]
    }

    /// The uncertainty of an item.
    pub fn uncertainty(&self, item: usize) -> Uncertainty {
        self.uncertainty[item]
    }

    /// The most probable class of an item.
    pub fn class(&self, item: usize) -> usize {
        predictive::argmax(self.probabilities(item)).unwrap_or(0)
    }

    /// The share of these items whose most probable class is the right one.
    pub fn accuracy(&self, labels: &[usize], items: &[usize]) -> f64 {
        let right = items.iter().filter(|&&item| self.class(item) == labels[item]).count();
        right as f64 / items.len() as f64
    }

    /// The negative logarithm of the probability of a class, in nats. A probability that rounds to
    /// 0 counts as the smallest normal number.
    pub fn loss(&self, item: usize, class: usize) -> f64 {
        -f64::from(self.probabilities(item)[class].max(f32::MIN_POSITIVE)).ln()
    }

    /// The mean loss of the right classes of these items.
    pub fn nll(&self, labels: &[usize], items: &[usize]) -> f64 {
        let losses = items.iter().map(|&item| self.loss(item, labels[item]));
        losses.sum::<f64>() / items.len() as f64
    }
}

/// A random order of items that depends on the seed alone.
pub fn shuffled(items: &[usize], seed: u64) -> Vec<usize> {
    let key = [seed as u32, (seed >> 32) as u32];
    // Sorting by independent normals is a uniformly random order.
    let mut keyed: Vec<_> = items
        .chunks(4)
        .zip(0..)
        .flat_map(|(chunk, block)| {
            chunk.iter().copied().zip(standard_normals([block, 0, 0, 0], key))
        })
        .collect();
    keyed.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    keyed.into_iter().map(|(item, _)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLING: Sampling = Sampling { draws: 100, seed: 3 };

    #[test]
    fn a_temperature_divides_mean_and_deviation() {
        let logits = |mean: [f32; 4], variance: [f32; 4]| Logits {
            classes: 2,
            mean: mean.into(),
            variance: variance.into(),
        };
        let hot = logits([4.0, 0.0, 1.0, 3.0], [4.0, 8.0, 1.0, 2.0]).predict(2.0, SAMPLING);
        let cold = logits([2.0, 0.0, 0.5, 1.5], [1.0, 2.0, 0.25, 0.5]).predict(1.0, SAMPLING);
        assert_eq!(hot, cold);
        assert_eq!((hot.class(0), hot.class(1)), (0, 1));
        assert_eq!(hot.accuracy(&[0, 0], &[0, 1]), 0.5);
        let nll = -(f64::from(hot.probabilities(1)[0])).ln();
        assert_eq!(hot.nll(&[0, 0], &[1]), nll);
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let mut logits = Logits { classes: 2, mean: vec![0.0; 6], variance: vec![1.0; 6] };
        assert!(logits.check("x").is_ok());
        logits.mean[3] = f32::NAN;
        let error = logits.check("digits").unwrap_err().to_string();
        assert!(error.contains("item 1 of digits") && error.contains("class 1 is NaN"), "{error}");
    }

    #[test]
    fn an_order_depends_on_the_seed_and_loses_nothing() {
        let items: Vec<_> = (0..1001).collect();
        let order = shuffled(&items, 1);
        assert_eq!(order, shuffled(&items, 1));
        assert_ne!(order, shuffled(&items, 2));
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, items);
    }
}
