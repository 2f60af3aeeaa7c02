//! Class probabilities and uncertainties of many items.

use pfp_compiler::error::Error;
use pfp_runtime::{predictive::Uncertainty, random::standard_normals};
use rayon::prelude::*;

use crate::{
    answers::{Dependence, Draws, Items, classes_of, of_moments},
    metrics::item_nll,
};

/// Items that a thread works on at a time.
const CHUNK: usize = 32;

/// Gaussian logits of many items, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Logits of one item: one for each class, or a single one that tells two classes apart.
    pub width: usize,
    /// The means.
    pub mean: Vec<f32>,
    /// The variances.
    pub variance: Vec<f32>,
    /// What is known beside.
    pub beside: Dependence<Vec<f32>>,
}

/// What is predicted for many items.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    classes: usize,
    class: Vec<usize>,
    probabilities: Vec<f32>,
    uncertainty: Vec<Uncertainty>,
}

impl Logits {
    /// How many items there are.
    pub fn items(&self) -> usize {
        self.mean.len() / self.width
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
                "the logits of item {} of {set} are not all finite: logit {} is {} with variance {}",
                index / self.width,
                index % self.width,
                self.mean[index],
                self.variance[index]
            ))
            .with_help("look for NaN or infinity in the input and the parameters")),
        }
    }

    /// Class probabilities and uncertainties at a temperature, as `pfp eval` computes them: means
    /// divided by the temperature, variances by its square. Equal draws give equal noise, so
    /// candidates can be compared.
    pub fn predict(&self, temperature: f64, draws: Draws) -> Predictions {
        let scale = |values: &[f32], divisor: f64| -> Vec<f32> {
            values.iter().map(|&value| (f64::from(value) / divisor) as f32).collect()
        };
        let length = CHUNK * self.width;
        let chunks = self.mean.par_chunks(length).zip(self.variance.par_chunks(length));
        let parts: Vec<Items> = chunks
            .enumerate()
            .map(|(index, (mean, variance))| {
                let start = index * CHUNK;
                let count = mean.len() / self.width;
                let beside = self.beside.of(start..start + count, self.items());
                let square = temperature * temperature;
                let covariance = beside.covariance.map(|values| scale(values, square));
                let nodes = beside.nodes.map(|values| scale(values, temperature));
                let beside =
                    Dependence { covariance: covariance.as_deref(), nodes: nodes.as_deref() };
                let mean = scale(mean, temperature);
                let variance = scale(variance, square);
                let seed = draws.seed.wrapping_add((index * CHUNK) as u64);
                let draws = Draws { seed, ..draws };
                of_moments(&mean, &variance, &beside, self.width, draws)
            })
            .collect();
        Predictions::new(classes_of(self.width), parts)
    }
}

impl Predictions {
    /// Gathers what is predicted for parts of the items.
    pub fn new(classes: usize, parts: Vec<Items>) -> Self {
        let mut all = Self { classes, class: vec![], probabilities: vec![], uncertainty: vec![] };
        for part in parts {
            let uncertainty = part.total.iter().zip(&part.aleatoric).zip(&part.epistemic);
            all.uncertainty.extend(uncertainty.map(|((&total, &aleatoric), &epistemic)| {
                Uncertainty { total, aleatoric, epistemic }
            }));
            all.class.extend(part.class);
            all.probabilities.extend(part.probabilities);
        }
        all
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
        self.class[item]
    }

    /// The share of these items whose most probable class is the right one.
    pub fn accuracy(&self, labels: &[usize], items: &[usize]) -> f64 {
        let right = items.iter().filter(|&&item| self.class(item) == labels[item]).count();
        right as f64 / items.len() as f64
    }

    /// The negative logarithm of the probability of a class, in nats.
    pub fn loss(&self, item: usize, class: usize) -> f64 {
        item_nll(self.probabilities(item), class)
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

    const DRAWS: Draws = Draws { count: 100, seed: 3 };

    #[test]
    fn a_temperature_divides_mean_and_deviation() {
        let logits = |mean: [f32; 4], variance: [f32; 4]| Logits {
            width: 2,
            mean: mean.into(),
            variance: variance.into(),
            beside: Dependence::default(),
        };
        let hot = logits([4.0, 0.0, 1.0, 3.0], [4.0, 8.0, 1.0, 2.0]).predict(2.0, DRAWS);
        let cold = logits([2.0, 0.0, 0.5, 1.5], [1.0, 2.0, 0.25, 0.5]).predict(1.0, DRAWS);
        assert_eq!(hot, cold);
        assert_eq!((hot.class(0), hot.class(1)), (0, 1));
        assert_eq!(hot.accuracy(&[0, 0], &[0, 1]), 0.5);
        let nll = -(f64::from(hot.probabilities(1)[0])).ln();
        assert_eq!(hot.nll(&[0, 0], &[1]), nll);
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let beside = Dependence::default();
        let mut logits = Logits { width: 2, mean: vec![0.0; 6], variance: vec![1.0; 6], beside };
        assert!(logits.check("x").is_ok());
        logits.mean[3] = f32::NAN;
        let error = logits.check("digits").unwrap_err().to_string();
        assert!(error.contains("item 1 of digits") && error.contains("logit 1 is NaN"), "{error}");
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
