//! What the measures are, told where they stand.

use maud::{Markup, html};

/// A name and what it means.
pub type Term = (&'static str, &'static str);

pub const ACCURACY: Term = ("accuracy", "the share of answers that are the label; more is better");

pub const NLL: Term = (
    "NLL",
    "negative log likelihood: the average of −ln p(label), in nats. 0 where every label was given \
     all of the probability; less is better",
);

pub const NAT: Term = (
    "nat",
    "the unit of information with natural logarithms: 1.44 bits. An even choice of two is 0.69 \
     nats, of ten 2.30",
);

pub const BRIER: Term = (
    "Brier",
    "the squared distance of the class probabilities from the label, 0 to 2; less is better",
);

pub const ECE: Term = (
    "ECE",
    "expected calibration error: how far accuracy and confidence (the probability of the answer) \
     are apart, averaged over bins of confidence; less is better",
);

pub const AURC: Term = (
    "AURC",
    "area under the risk-coverage curve: the share of wrong answers among the most confident \
     items, averaged over how many are answered; less is better",
);

pub const COVERAGE: Term =
    ("coverage", "the share of items that are answered, most confident first");

pub const RISK: Term = ("risk", "the share of wrong answers among those");

pub const AUROC: Term = (
    "AUROC",
    "the probability that an item out of domain scores higher than one in domain: 0.5 is chance, \
     1 is perfect",
);

pub const AUPR: Term = (
    "AUPR",
    "average precision of finding what is out of domain; chance is its share of the items, 1 is \
     perfect",
);

pub const FPR95: Term = (
    "FPR95",
    "the share of items out of domain that pass unnoticed when 95 % of those in domain pass; 0 is \
     perfect, 0.95 chance",
);

pub const THRESHOLD: Term =
    ("threshold", "from this score on items are turned away, so that 95 % of those in domain pass");

pub const SCORES: Term = (
    "scores",
    "mean variance: of the logits. Relative deviation: its root over the largest mean logit. \
     Mutual information: the epistemic uncertainty. Predictive entropy: the total uncertainty",
);

pub const TOTAL: Term =
    ("total", "the entropy of the class probabilities: aleatoric plus epistemic");

pub const ALEATORIC: Term = (
    "aleatoric",
    "the entropy that stays when the weights are known: the item fits several classes",
);

pub const EPISTEMIC: Term = (
    "epistemic",
    "the mutual information of class and weights: the network does not know such items; more data \
     would help",
);

pub const MEAN_VARIANCE: Term =
    ("mean variance", "of the logits, averaged over classes and items, in squared logits");

pub const DIFFERENCES: Term = (
    "of differences",
    "the same of the difference of two logits, averaged over all pairs: class probabilities depend on the \
     logits through these alone",
);

pub const SAME_CLASS: Term = ("same class", "the share of items that both answer alike");

pub const PROBABILITIES: Term = (
    "probabilities",
    "how much of the class probability is with other classes (total variation distance), averaged \
     over items",
);

pub const VARIANCE_RATIO: Term = (
    "variance, ratio",
    "the mean variance of an item's logits by PFP over that by sampling, the typical item (the \
     geometric mean); 1 is equal",
);

pub const EPISTEMIC_DIFFERENCE: Term =
    ("epistemic, nats", "PFP's epistemic uncertainty minus that of sampling, averaged over items");

pub const MEANS: Term = (
    "means, deviations",
    "root mean square difference of the mean logits, in standard deviations of sampling",
);

pub const KL: Term = (
    "KL",
    "Kullback-Leibler divergence of the Gaussian of a logit by sampling from that by PFP, averaged \
     over logits",
);

pub const KL_DIFFERENCES: Term = (
    "KL of differences",
    "the same divergence of a Gaussian with the mean variance of the differences of two logits, averaged over \
     items: what covariances add to what is known of each logit",
);

pub const NOISE: Term = (
    "noise",
    "what moments without any error would show beside as many passes, from random halves of the \
     passes: two halves differ twice as much (KL: four times) as exact moments from all passes",
);

pub const RANKS: Term = (
    "correlation, of ranks",
    "Pearson's and Spearman's correlation of the items' mean variances; 1 where both order items \
     alike",
);

pub const MEDIAN_RATIO: Term =
    ("median ratio", "the median over single logits of the variance by PFP over that by sampling");

/// A list of terms.
pub fn list(terms: &[Term]) -> Markup {
    html! {
        dl.terms { @for (name, meaning) in terms { div { dt { (name) } dd { (meaning) "." } } } }
    }
}
