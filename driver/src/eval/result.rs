//! What an evaluation finds, as it is printed, written and drawn.

use serde::Serialize;

use super::{agreement::Halves, verdict::Verdict};

/// Everything that an evaluation found.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Can the closed form be trusted on these data sets?
    pub verdict: Verdict,
    /// What reproduces it.
    pub settings: Settings,
    /// The data sets, the one in domain first.
    pub sets: Vec<Set>,
    /// What each mode of execution gave, in the order in which they were asked for.
    pub modes: Vec<ModeResult>,
}

/// What reproduces an evaluation, beside the data sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The release of pfp.
    pub version: String,
    /// The file of the network.
    pub module: String,
    /// SHA-256 of its text.
    pub module_sha256: String,
    /// The file of the posterior.
    pub parameters: Option<String>,
    /// SHA-256 of that file.
    pub parameters_sha256: Option<String>,
    /// The function of the module.
    pub function: String,
    /// The core that code was made for.
    pub core: String,
    /// What the system calls the processor that it ran on.
    pub cpu: String,
    /// When it began, in UTC, such as `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Classes that the network tells apart.
    pub classes: usize,
    /// Items in a call.
    pub batch: usize,
    /// Draws of the logits that class probabilities are computed from in mode `moments`.
    pub logit_draws: u32,
    /// The seed of all draws.
    pub seed: u64,
    /// Bins of the reliability diagram.
    pub bins: usize,
    /// The reject thresholds that the parameter file carries.
    pub thresholds: Option<Thresholds>,
}

/// Uncertainties above which an answer is rejected, in nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Thresholds {
    /// Above it an item is unknown.
    pub epistemic: f64,
    /// Above it an item is ambiguous.
    pub aleatoric: f64,
}

/// The part that a data set plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What the network was trained for.
    InDomain,
    /// What belongs to several classes.
    Ambiguous,
    /// What belongs to none.
    OutOfDomain,
}

/// A data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Set {
    /// A short name, unique in the evaluation.
    pub name: String,
    /// Its part.
    pub role: Role,
    /// The file or folder with the items.
    pub source: String,
    /// The file or folder with the labels.
    pub labels_source: Option<String>,
    /// The factor of its numbers, such as `1/255`.
    pub scale: Option<String>,
    /// Mean and standard deviation that are taken out of the scaled numbers.
    pub normalize: Option<(f64, f64)>,
    /// How many items it has.
    pub items: usize,
    /// The sizes of an item.
    pub item_shape: Vec<usize>,
    /// Labels of each item; 0 where it has none.
    pub labels_per_item: usize,
    /// The labels, item by item. Left out of JSON without `--items`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<usize>,
    /// What was left out, and how labels were taken where that is not plain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What one mode of execution gave.
#[derive(Debug, Clone, Serialize)]
pub struct ModeResult {
    /// The mode, such as `moments` or `sample:30`.
    pub mode: String,
    /// Forward passes of an answer.
    pub passes: u32,
    /// For each data set, in the order of [`Evaluation::sets`].
    pub sets: Vec<SetResult>,
    /// How well each score tells each set out of domain from the one in domain.
    pub detection: Vec<Detection>,
    /// Times of calls; empty where they were not measured.
    pub latency: Vec<Latency>,
}

/// What one mode gave for one data set.
#[derive(Debug, Clone, Serialize)]
pub struct SetResult {
    /// The name of the data set.
    pub set: String,
    /// Average uncertainties.
    pub uncertainty: Uncertainties,
    /// How good the answers are, where the set has labels.
    pub classification: Option<Classification>,
    /// How far the moments of the logits in mode `moments` are from those of this sampling mode.
    pub agreement: Option<Agreement>,
    /// Item by item. Left out of JSON without `--items`.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub items: Items,
}

/// Averages over the items of a set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Uncertainties {
    /// Predictive entropy, in nats.
    pub total: f64,
    /// Expected entropy, in nats.
    pub aleatoric: f64,
    /// Mutual information, in nats; `None` for a network without distribution.
    pub epistemic: Option<f64>,
    /// The mean variance of the logits; `None` for a network without distribution.
    pub variance: Option<f64>,
}

/// How good the answers for labelled items are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// The share of answers that name one of the labels.
    pub accuracy: f64,
    /// Negative log likelihood, nats per item.
    pub nll: f64,
    /// Brier score, the squared distance from the label summed over classes: 0 to 2.
    pub brier: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// The bins that it is computed from.
    pub reliability: Vec<Bin>,
    /// Area under the risk-coverage curve.
    pub aurc: f64,
    /// Its points, coverage ascending.
    pub risk_coverage: Vec<RiskPoint>,
}

/// The items whose confidence (the probability of their class) lies in `(lower, upper]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Its lower edge.
    pub lower: f64,
    /// Its upper edge.
    pub upper: f64,
    /// How many items.
    pub items: usize,
    /// Their mean confidence; 0 in an empty bin.
    pub confidence: f64,
    /// The share of right answers among them; 0 in an empty bin.
    pub accuracy: f64,
    /// The 95 % interval of that share, by Wilson's score.
    pub interval: (f64, f64),
}

/// A point of the risk-coverage curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RiskPoint {
    /// The share of items that are answered, the most confident ones.
    pub coverage: f64,
    /// The share of wrong answers among them.
    pub risk: f64,
}

/// A number that is large for items that a network does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// The mean variance of the logits.
    Variance,
    /// The root of the mean variance over the largest magnitude of a mean.
    RelativeDeviation,
    /// Mutual information of class and weights, the epistemic uncertainty.
    MutualInformation,
    /// Predictive entropy, the total uncertainty.
    PredictiveEntropy,
}

/// How well a score tells a set out of domain from the one in domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    /// The name of the set out of domain.
    pub set: String,
    /// By which score.
    pub score: Score,
    /// Area under the ROC curve: 0.5 is chance, 1 perfect.
    pub auroc: f64,
    /// Area under the precision-recall curve, items out of domain being the positives.
    pub aupr: f64,
    /// The share of items out of domain that pass where 95 % of those in domain pass.
    pub fpr95: f64,
    /// The score from which on items are turned away there; `None` where none is.
    pub threshold95: Option<f64>,
    /// The ROC curve, items out of domain being the positives.
    pub roc: Vec<RocPoint>,
}

/// A point of a ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    /// The share of items in domain above a threshold.
    pub false_positives: f64,
    /// The share of items out of domain above it.
    pub true_positives: f64,
}

/// How far mode `moments` is from a sampling mode on one data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// The median ratio of the variances of single logits, moments over sampling.
    pub variance_ratio: f64,
    /// Pearson's correlation of the items' mean variances.
    pub correlation: f64,
    /// Spearman's rank correlation of the items' mean variances.
    pub rank_correlation: f64,
    /// What differs. Of logarithms and uncertainties the bias of few passes is taken out.
    #[serde(flatten)]
    pub differences: Differences,
    /// What would differ if moments were exact, by the noise of the sampling alone; `None` of fewer
    /// than four passes.
    pub noise: Option<Noise>,
}

/// What exact moments would show beside sampling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Noise {
    /// On average.
    #[serde(flatten)]
    pub differences: Differences,
    /// How much that varies.
    pub spread: Spread,
}

/// Standard deviations of the differences that have no sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Of the share of items with another class.
    #[serde(rename = "other_class")]
    pub class: f64,
    /// Of the total variation distance of the class probabilities.
    pub probabilities: f64,
}

/// How two views of the same items differ, or by how much they would by chance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Differences {
    /// The share of items with another class.
    #[serde(rename = "other_class")]
    pub class: f64,
    /// The total variation distance of the class probabilities, 0 to 1: how much probability is
    /// with another class. An average over the items.
    pub probabilities: f64,
    /// The logarithm of the ratio of the items' mean variances, moments over sampling. An average
    /// over the items; as noise its standard deviation.
    pub log_variance: f64,
    /// The epistemic uncertainty by moments minus that by sampling, in nats. An average over the
    /// items; as noise its standard deviation.
    pub epistemic: f64,
    /// Root mean square of the difference of the mean logits, in standard deviations of sampling.
    pub mean: f64,
    /// Kullback-Leibler divergence of the Gaussian of a logit by sampling from that by moments, in
    /// nats. An average over the logits.
    pub kl: f64,
}

/// The time of calls of one batch on one core.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Items in a call.
    pub batch: usize,
    /// Microseconds per item: the median of the calls over the batch.
    pub microseconds: f64,
    /// How many times faster mode `moments` is, where it was measured too.
    pub speed_up: Option<f64>,
}

/// What a mode gave item by item: columns of one entry, or of one entry per class, for each item.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Items {
    /// The class that is answered: the one of the largest mean logit.
    pub class: Vec<usize>,
    /// The probabilities of the classes.
    pub probabilities: Vec<f32>,
    /// Predictive entropy, in nats.
    pub total: Vec<f32>,
    /// Expected entropy, in nats.
    pub aleatoric: Vec<f32>,
    /// Mutual information, in nats; zeros for a network without distribution.
    pub epistemic: Vec<f32>,
    /// The means of the logits.
    pub mean: Vec<f32>,
    /// Their variances; empty for a network without distribution.
    pub variance: Vec<f32>,
    /// What the halves of the passes of a sampling mode say of each other.
    #[serde(skip)]
    pub halves: Halves,
}

impl Items {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.class.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.class.is_empty()
    }

    /// How many classes there are; 0 without items.
    pub fn classes(&self) -> usize {
        self.probabilities.len().checked_div(self.len()).unwrap_or(0)
    }

    /// Appends the items of another list.
    pub fn append(&mut self, other: Self) {
        self.class.extend(other.class);
        self.probabilities.extend(other.probabilities);
        self.total.extend(other.total);
        self.aleatoric.extend(other.aleatoric);
        self.epistemic.extend(other.epistemic);
        self.mean.extend(other.mean);
        self.variance.extend(other.variance);
        self.halves += other.halves;
    }

    /// The probability of the class that is answered, for every item.
    pub fn confidence(&self) -> Vec<f64> {
        let rows = self.probabilities.chunks_exact(self.classes().max(1));
        self.class
            .iter()
            .zip(rows)
            .map(|(&class, row)| row.get(class).copied().map_or(0.0, f64::from))
            .collect()
    }
}

impl Score {
    /// All scores.
    pub const ALL: [Self; 4] =
        [Self::Variance, Self::RelativeDeviation, Self::MutualInformation, Self::PredictiveEntropy];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Variance => "mean variance",
            Self::RelativeDeviation => "relative deviation",
            Self::MutualInformation => "mutual information",
            Self::PredictiveEntropy => "predictive entropy",
        }
    }

    /// The score of every item; `None` where the mode gives no distribution and the score needs
    /// one.
    pub fn of(self, items: &Items) -> Option<Vec<f64>> {
        let wide = |column: &[f32]| column.iter().copied().map(f64::from).collect();
        // A binary classifier has two classes but one logit.
        let logits = items.mean.len().checked_div(items.len()).unwrap_or(0).max(1);
        let means = || items.mean.chunks_exact(logits);
        let mean_variances = || items.variance.chunks_exact(logits).map(mean);
        match self {
            Self::PredictiveEntropy => Some(wide(&items.total)),
            _ if items.variance.is_empty() => None,
            Self::MutualInformation => Some(wide(&items.epistemic)),
            Self::Variance => Some(mean_variances().collect()),
            Self::RelativeDeviation => {
                let largest = means().map(|row| row.iter().fold(0f32, |max, x| max.max(x.abs())));
                // A mean of zero is no reason for an infinite score.
                let largest = largest.map(|x| f64::from(x.max(f32::MIN_POSITIVE)));
                Some(mean_variances().zip(largest).map(|(v, largest)| v.sqrt() / largest).collect())
            }
        }
    }
}

fn mean(row: &[f32]) -> f64 {
    row.iter().copied().map(f64::from).sum::<f64>() / row.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Items {
        Items {
            class: vec![1, 0],
            probabilities: vec![0.25, 0.75, 0.5, 0.5],
            total: vec![0.5, 0.7],
            aleatoric: vec![0.25, 0.5],
            epistemic: vec![0.25, 0.2],
            mean: vec![1.0, -4.0, 0.0, 0.0],
            variance: vec![6.0, 2.0, 0.0, 0.0],
            ..Items::default()
        }
    }

    #[test]
    fn scores_of_two_items() {
        let items = items();
        assert_eq!(items.confidence(), [0.75, 0.5]);
        assert_eq!(Score::Variance.of(&items), Some(vec![4.0, 0.0]));
        assert_eq!(Score::RelativeDeviation.of(&items), Some(vec![0.5, 0.0]));
        assert_eq!(Score::MutualInformation.of(&items), Some(vec![0.25, f64::from(0.2f32)]));
    }

    #[test]
    fn a_network_without_distribution_has_entropy_only() {
        let items = Items { variance: Vec::new(), ..items() };
        let given = Score::ALL.into_iter().filter(|score| score.of(&items).is_some());
        assert_eq!(given.collect::<Vec<_>>(), [Score::PredictiveEntropy]);
    }
}
