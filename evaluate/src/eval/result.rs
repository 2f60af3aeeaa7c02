//! What an evaluation finds, as it is printed, written and drawn.

use serde::Serialize;

use super::{agreement::Agreement, set::Set, verdict::Verdict};
use crate::{
    answers::{Items, Score},
    metrics::{Bin, RiskPoint, RocPoint},
    told::Told,
};

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
    /// The order of maxima and activations, such as `pool-first`.
    pub order: String,
    /// Which covariances mode `moments` carries: diagonal, auto or full.
    pub covariance: String,
    /// What they may cost, in times of the network; `None` unless `auto`.
    pub budget: Option<f64>,
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
    /// The mean variance of the differences of two logits; `None` also of one logit.
    pub difference: Option<f64>,
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

/// The time of calls of one batch on one core.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// Items in a call.
    pub batch: usize,
    /// Microseconds per item: the median of the calls over the batch.
    pub microseconds: f64,
    /// How many times faster mode `moments` is, where it was measured too.
    pub speed_up: Option<f64>,
    /// What a board told.
    #[serde(flatten)]
    pub told: Option<Told>,
}
