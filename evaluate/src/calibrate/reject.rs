//! Thresholds of the uncertainties above which an answer is rejected.

use pfp_compiler::error::Error;
use pfp_runtime::predictive::Uncertainty;
use serde::{Deserialize, Serialize};

use super::rank;

/// What the thresholds are chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// So many of the in-domain items are accepted.
    Coverage(f64),
    /// At most so many of the items that should be rejected are accepted: those that are
    /// classified wrongly, and all out-of-domain ones.
    FalseAccept(f64),
}

/// An answer is *unknown* where its epistemic uncertainty is above the threshold, else *ambiguous*
/// where its aleatoric uncertainty is, else accepted. Both thresholds are the same quantile of the
/// uncertainties of in-domain items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The largest epistemic uncertainty that is accepted, in nats.
    pub epistemic: f64,
    /// The largest aleatoric uncertainty that is accepted, in nats.
    pub aleatoric: f64,
    /// What they were chosen for.
    pub goal: Goal,
    /// The share of in-domain items that they accept.
    pub coverage: f64,
    /// The share that they accept of the items that should be rejected, where there are any.
    pub false_accept: Option<f64>,
    /// The share of accepted in-domain items that are classified rightly, where any is accepted.
    pub accuracy: Option<f64>,
}

/// An item that thresholds are fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Its uncertainty.
    pub uncertainty: Uncertainty,
    /// Is it classified rightly? `None` for an item that is out of domain.
    pub right: Option<bool>,
}

impl Item {
    fn in_domain(&self) -> bool {
        self.right.is_some()
    }

    fn should_be_rejected(&self) -> bool {
        self.right != Some(true)
    }
}

impl Thresholds {
    /// The least (for a coverage) or largest (for a false-accept rate) thresholds that reach the
    /// goal, counting a new item as in split-conformal prediction.
    ///
    /// # Errors
    ///
    /// Where there are too few items for the goal.
    pub fn fit(items: &[Item], goal: Goal) -> Result<Self, Error> {
        let inside: Vec<_> = items.iter().copied().filter(Item::in_domain).collect();
        let quantiles = Quantiles::new(&inside);
        let level = match goal {
            Goal::Coverage(wanted) => {
                let needed = rank(inside.len(), wanted, "the thresholds")?;
                let reached = |level: usize| quantiles.at(level).accepted(&inside) >= needed;
                partition(1, inside.len(), |level| !reached(level))
            }
            Goal::FalseAccept(rate) => {
                let foreign: Vec<_> =
                    items.iter().copied().filter(Item::should_be_rejected).collect();
                // The same bound from the other side: so many accepted of so many and a new one.
                let rejected = rank(foreign.len(), 1.0 - rate, "the thresholds").map_err(|e| {
                    e.with_help(
                        "give out-of-domain items with --ood, more labelled items, or a higher rate",
                    )
                })?;
                let allowed = foreign.len() - rejected;
                let kept = |level: usize| quantiles.at(level).accepted(&foreign) <= allowed;
                let first_bad =
                    partition(1, inside.len() + 1, |level| level <= inside.len() && kept(level));
                if first_bad == 1 {
                    return Err(Error::request(format!(
                        "no thresholds keep the false-accept rate at {rate}: the uncertainties do \
                         not tell wrong answers from right ones"
                    ))
                    .with_help("allow a higher rate"));
                }
                first_bad - 1
            }
        };
        let limits = quantiles.at(level);
        let share = |kept: usize, of: usize| (of > 0).then(|| kept as f64 / of as f64);
        let accepted: Vec<_> = inside.iter().filter(|item| limits.accepts(item)).collect();
        let foreign: Vec<_> = items.iter().copied().filter(Item::should_be_rejected).collect();
        let right = accepted.iter().filter(|item| item.right == Some(true)).count();
        Ok(Self {
            epistemic: limits.epistemic.into(),
            aleatoric: limits.aleatoric.into(),
            goal,
            coverage: share(accepted.len(), inside.len()).unwrap_or(0.0),
            false_accept: share(limits.accepted(&foreign), foreign.len()),
            accuracy: share(right, accepted.len()),
        })
    }
}

/// Uncertainties of in-domain items in ascending order.
struct Quantiles {
    epistemic: Vec<f32>,
    aleatoric: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Limits {
    epistemic: f32,
    aleatoric: f32,
}

impl Quantiles {
    fn new(items: &[Item]) -> Self {
        let sorted = |part: fn(&Uncertainty) -> f32| {
            let mut values: Vec<_> = items.iter().map(|item| part(&item.uncertainty)).collect();
            values.sort_by(f32::total_cmp);
            values
        };
        Self { epistemic: sorted(|u| u.epistemic), aleatoric: sorted(|u| u.aleatoric) }
    }

    /// The `level`-th smallest of each, from 1.
    fn at(&self, level: usize) -> Limits {
        Limits { epistemic: self.epistemic[level - 1], aleatoric: self.aleatoric[level - 1] }
    }
}

impl Limits {
    fn accepts(&self, item: &Item) -> bool {
        let Uncertainty { epistemic, aleatoric, .. } = item.uncertainty;
        epistemic <= self.epistemic && aleatoric <= self.aleatoric
    }

    fn accepted(&self, items: &[Item]) -> usize {
        items.iter().filter(|item| self.accepts(item)).count()
    }
}

/// The first of `low..high` for which a predicate that holds up to somewhere does not hold; `high`
/// where it holds for all.
fn partition(mut low: usize, mut high: usize, holds: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        match holds(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(epistemic: f32, aleatoric: f32, right: Option<bool>) -> Item {
        let total = epistemic + aleatoric;
        Item { uncertainty: Uncertainty { total, aleatoric, epistemic }, right }
    }

    /// 99 in-domain items, ever less certain in both ways; the last ten are wrong.
    fn ramp() -> Vec<Item> {
        let certain = |i: usize| item(i as f32 / 100.0, i as f32 / 50.0, Some(i < 90));
        (1..100).map(certain).collect()
    }

    #[test]
    fn a_coverage_counts_the_new_item() {
        let thresholds = Thresholds::fit(&ramp(), Goal::Coverage(0.8)).unwrap();
        assert_eq!((thresholds.epistemic as f32, thresholds.aleatoric as f32), (0.8, 1.6));
        assert_eq!(thresholds.coverage, 80.0 / 99.0);
        assert_eq!(thresholds.accuracy, Some(1.0));
        assert_eq!(thresholds.false_accept, Some(0.0));
    }

    #[test]
    fn either_uncertainty_rejects() {
        // Epistemic and aleatoric uncertainty run against each other.
        let items: Vec<_> =
            (1..=999).map(|i| item(i as f32, (1000 - i) as f32, Some(true))).collect();
        let thresholds = Thresholds::fit(&items, Goal::Coverage(0.9)).unwrap();
        assert!(thresholds.coverage >= 0.9 && thresholds.coverage < 0.905, "{thresholds:?}");
        assert_eq!((thresholds.epistemic, thresholds.aleatoric), (950.0, 950.0));
    }

    #[test]
    fn a_false_accept_rate_is_kept() {
        let mut items = ramp();
        items.extend((0..89).map(|i| item(0.505 + i as f32 / 100.0, 0.1, None)));
        let thresholds = Thresholds::fit(&items, Goal::FalseAccept(0.1)).unwrap();
        // Of 99 items, one less than a tenth of 100 may pass.
        assert!((thresholds.false_accept.unwrap() - 9.0 / 99.0).abs() < 1e-9, "{thresholds:?}");
        assert!((thresholds.epistemic - 0.59).abs() < 1e-6, "{thresholds:?}");
    }

    #[test]
    fn too_few_items_and_hopeless_ones_are_refused() {
        let few = Thresholds::fit(&ramp(), Goal::Coverage(0.995)).unwrap_err().to_string();
        assert!(few.contains("99 items are too few"), "{few}");
        let few = Thresholds::fit(&ramp(), Goal::FalseAccept(0.01)).unwrap_err().to_string();
        assert!(few.contains("10 items are too few"), "{few}");
        let items: Vec<_> = (0..100).map(|i| item(0.0, 0.0, Some(i % 2 == 0))).collect();
        let hopeless = Thresholds::fit(&items, Goal::FalseAccept(0.1)).unwrap_err().to_string();
        assert!(hopeless.contains("no thresholds keep"), "{hopeless}");
    }
}
