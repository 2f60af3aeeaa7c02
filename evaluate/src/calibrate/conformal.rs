//! Split-conformal prediction sets.
//!
//! The set of an item holds every class `c` whose score `1 - p(c)` is at most a quantile of the
//! scores of the right classes of items that nothing was fitted to. Where those items and new ones
//! are exchangeable, a set holds the right class with at least the stated probability, however
//! wrong the probabilities are. V. Vovk, A. Gammerman, G. Shafer, *Algorithmic learning in a random
//! world*, 2005; M. Sadinle, J. Lei, L. Wasserman, *Least ambiguous set-valued classifiers with
//! bounded error levels*, JASA 114, 2019.

use pfp_compiler::error::Error;
use serde::{Deserialize, Serialize};

use super::{
    needed,
    predictions::{Predictions, shuffled},
    rank,
};

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
    /// Random splits of the items: a quantile from one part, sets for the other.
    pub splits: usize,
    /// Items that each quantile is of: half of them, or more where the coverage needs more.
    #[serde(default)]
    pub known: usize,
    /// Items that sets are made for in each split.
    #[serde(default)]
    pub new: usize,
    /// The share of sets with the right class, the mean over the splits.
    pub coverage: f64,
    /// The mean number of classes in a set.
    pub size: f64,
    /// The share of sets without any class.
    pub empty: f64,
    /// Between which shares of empty sets are expected: the accuracy less the stated coverage, and
    /// what that leaves of 1. `None` in files that do not tell.
    #[serde(default)]
    pub expected_empty: Option<(f64, f64)>,
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

    /// Splits the items at random many times and measures. `None` where no item would be left
    /// beside those that the coverage needs.
    ///
    /// # Errors
    ///
    /// Where the items are too few for the coverage.
    pub fn check(
        predictions: &Predictions,
        labels: &[usize],
        items: &[usize],
        coverage: f64,
        splits: usize,
    ) -> Result<Option<Check>, Error> {
        let known = needed(coverage).max(items.len() / 2);
        let Some(new) = items.len().checked_sub(known).filter(|&new| new > 0) else {
            return Ok(None);
        };
        // An empty set holds no right class, and a set of wrong ones alone is of a wrong answer.
        let accuracy = predictions.accuracy(labels, items);
        let expected_empty = Some(((accuracy - coverage).max(0.0), 1.0 - coverage));
        let (size, empty) = (0.0, 0.0);
        let mut check = Check { splits, known, new, coverage: 0.0, size, empty, expected_empty };
        for split in 0..splits {
            let order = shuffled(items, split as u64);
            let (known, new) = order.split_at(known);
            let rule = Self::fit(predictions, labels, known, coverage)?;
            for &item in new {
                let set = rule.set(predictions.probabilities(item));
                check.coverage += f64::from(set.contains(&labels[item]));
                check.size += set.len() as f64;
                check.empty += f64::from(set.is_empty());
            }
        }
        let count = (splits * new) as f64;
        for sum in [&mut check.coverage, &mut check.size, &mut check.empty] {
            *sum /= count;
        }
        Ok(Some(check))
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
    use crate::answers::Items;

    /// Two classes; the right one, 0, has the probability `p`.
    fn predictions(right: &[f32]) -> Predictions {
        let probabilities = right.iter().flat_map(|&p| [p, 1.0 - p]).collect();
        let class = right.iter().map(|&p| usize::from(p < 0.5)).collect();
        Predictions::new(2, vec![Items { probabilities, class, ..Items::default() }])
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
        let check = check.unwrap();
        assert!((check.coverage - 0.9).abs() < 0.01, "{check:?}");
    }

    #[test]
    fn the_check_takes_what_the_rule_leaves() {
        let right: Vec<_> = (0..100).map(|i| 0.5 + i as f32 / 250.0).collect();
        let (predictions, labels) = (predictions(&right), [0; 100]);
        let items: Vec<_> = (0..100).collect();
        let check = |count: usize, coverage| {
            let check = Conformal::check(&predictions, &labels, &items[..count], coverage, 20);
            check.unwrap().map(|check| (check.known, check.new))
        };
        assert_eq!(check(100, 0.9), Some((50, 50)));
        // 49 items are needed, 20 are not enough halved.
        assert_eq!(check(50, 0.98), Some((49, 1)));
        assert_eq!(check(20, 0.95), Some((19, 1)));
        assert_eq!(check(19, 0.95), None);
        assert!(Conformal::fit(&predictions, &labels, &items[..49], 0.98).is_ok());
        assert!(Conformal::fit(&predictions, &labels, &items[..48], 0.98).is_err());
    }

    #[test]
    fn empty_sets_are_as_many_as_expected() {
        // Nineteen of twenty answers are right, each less sure than the one before.
        let right: Vec<_> =
            (0..2000).map(|i| if i % 20 == 0 { 0.2 } else { 0.6 + i as f32 / 5100.0 }).collect();
        let items: Vec<_> = (0..right.len()).collect();
        let labels = vec![0; right.len()];
        let check = Conformal::check(&predictions(&right), &labels, &items, 0.8, 20).unwrap();
        let check = check.unwrap();
        let (low, high) = check.expected_empty.unwrap();
        assert!((low - 0.15).abs() < 1e-9 && (high - 0.2).abs() < 1e-9, "{check:?}");
        assert!(check.empty > low - 0.01 && check.empty < high + 0.01, "{check:?}");
    }
}
