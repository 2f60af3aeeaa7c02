//! Split-conformal prediction sets.
//!
//! The set of an item holds every class `c` whose score `1 - p(c)` is at most a quantile of the
//! scores of the right classes of items that nothing was fitted to. Where those items and new ones
//! are exchangeable, a set holds the right class with at least the stated probability, however
//! wrong the probabilities are. V. Vovk, A. Gammerman, G. Shafer, *Algorithmic learning in a random
//! world*, 2005; M. Sadinle, J. Lei, L. Wasserman, *Least ambiguous set-valued classifiers with
//! bounded error levels*, JASA 114, 2019.

use serde::{Deserialize, Serialize};

use super::{
    predictions::{Predictions, shuffled},
    rank,
};
use crate::error::Error;

/// The rule that makes prediction sets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// The probability that a set holds the right class, over the draw of items.
    pub coverage: f64,
    /// The largest score `1 - p(c)` of a class in a set.
    pub quantile: f64,
    /// How many items the quantile is of.
    pub items: usize,
}

/// How prediction sets did on items that their quantile had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Random halvings of the items: a quantile from one half, sets for the other.
    pub splits: usize,
    /// The share of sets with the right class, the mean over the splits.
    pub coverage: f64,
    /// The mean number of classes in a set.
    pub size: f64,
    /// The share of sets without any class.
    pub empty: f64,
}

impl Conformal {
    /// The rule for a wanted coverage: the `⌈(n + 1) · coverage⌉`-th smallest of `n` scores.
    ///
    /// # Errors
    ///
    /// Where there are too few items for the coverage.
    pub fn fit(
        predictions: &Predictions,
        labels: &[usize],
        items: &[usize],
        coverage: f64,
    ) -> Result<Self, Error> {
        let mut scores: Vec<_> = items
            .iter()
            .map(|&item| nonconformity(predictions.probabilities(item), labels[item]))
            .collect();
        let rank = rank(scores.len(), coverage, "prediction sets")?;
        scores.sort_by(f64::total_cmp);
        Ok(Self { coverage, quantile: scores[rank - 1], items: scores.len() })
    }

    /// The classes in the set of an item.
    pub fn set(&self, probabilities: &[f32]) -> Vec<usize> {
        let inside = |&class: &usize| nonconformity(probabilities, class) <= self.quantile;
        (0..probabilities.len()).filter(inside).collect()
    }

    /// Halves the items at random many times and measures.
    ///
    /// # Errors
    ///
    /// Where half of the items are too few for the coverage.
    pub fn check(
        predictions: &Predictions,
        labels: &[usize],
        items: &[usize],
        coverage: f64,
        splits: usize,
    ) -> Result<Check, Error> {
        let mut check = Check { splits, coverage: 0.0, size: 0.0, empty: 0.0 };
        for split in 0..splits {
            let order = shuffled(items, split as u64);
            let (known, new) = order.split_at(order.len() / 2);
            let rule = Self::fit(predictions, labels, known, coverage)?;
            let weight = 1.0 / (splits * new.len()) as f64;
            for &item in new {
                let set = rule.set(predictions.probabilities(item));
                check.coverage += weight * f64::from(set.contains(&labels[item]));
                check.size += weight * set.len() as f64;
                check.empty += weight * f64::from(set.is_empty());
            }
        }
        Ok(check)
    }
}

/// `1 - p(class)`, as the sum of the other probabilities: near 0 the difference would have no
/// digits, and equal scores would make the sets too large.
fn nonconformity(probabilities: &[f32], class: usize) -> f64 {
    let others = probabilities.iter().enumerate().filter(|(other, _)| *other != class);
    others.map(|(_, &p)| f64::from(p)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Items;

    /// Two classes; the right one, 0, has the probability `p`.
    fn predictions(right: &[f32]) -> Predictions {
        let probabilities = right.iter().flat_map(|&p| [p, 1.0 - p]).collect();
        Predictions::new(2, vec![Items { probabilities, ..Items::default() }])
    }

    #[test]
    fn the_quantile_counts_the_new_item() {
        let predictions = predictions(&[0.9, 0.8, 0.7, 0.6]);
        let fit = |coverage| Conformal::fit(&predictions, &[0; 4], &[0, 1, 2, 3], coverage);
        // The third smallest of four scores is below a new one with probability 2/5 at most.
        let rule = fit(0.6).unwrap();
        assert!((rule.quantile - 0.3).abs() < 1e-6, "{rule:?}");
        assert_eq!(rule.set(&[0.75, 0.25]), [0]);
        assert_eq!(rule.set(&[0.5, 0.5]), [] as [usize; 0]);
        assert!((fit(0.8).unwrap().quantile - 0.4).abs() < 1e-6);
        assert!(fit(0.9).unwrap_err().to_string().contains("4 items are too few"));
    }

    #[test]
    fn sets_hold_the_right_class_as_often_as_stated() {
        let right: Vec<_> = (0..10_000).map(|i| ((i * 7919) % 10_007) as f32 / 10_007.0).collect();
        let items: Vec<_> = (0..right.len()).collect();
        let labels = vec![0; right.len()];
        let check = Conformal::check(&predictions(&right), &labels, &items, 0.9, 20).unwrap();
        assert!((check.coverage - 0.9).abs() < 0.01, "{check:?}");
    }
}
