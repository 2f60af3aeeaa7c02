//! Verdicts in words, and what they advise.

use super::{Compared, Conclusion, Grade, Judged, LIMITS, Measure, SetVerdict};
use crate::eval::set::Role;

impl Measure {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Probabilities => "class probabilities",
            Self::Variance => "variance of the logits",
            Self::Epistemic => "epistemic uncertainty",
        }
    }
}

impl Judged {
    /// The difference as a person reads it, and beside it the noise.
    pub fn shown(&self) -> (String, String) {
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        match self.measure {
            Measure::Class => (percent(1.0 - self.difference), percent(1.0 - self.noise)),
            Measure::Probabilities => (percent(self.difference), percent(self.noise)),
            Measure::Variance => {
                (factor(self.difference.exp()), format!("×/÷ {:.2}", self.noise.exp()))
            }
            Measure::Epistemic => {
                (format!("{:+.3} nats", self.difference), format!("± {:.3} nats", self.noise))
            }
        }
    }

    /// The limit as a person reads it.
    pub fn shown_limit(&self) -> String {
        match self.measure {
            Measure::Class => format!("{:.0} % beyond the noise", 100.0 * self.limit),
            Measure::Probabilities => format!("{:.0} % beyond the noise", 100.0 * self.limit),
            Measure::Variance => format!("{:.2} to {:.2}", (-self.limit).exp(), self.limit.exp()),
            Measure::Epistemic => format!("± {:.3} nats", self.limit),
        }
    }
}

/// A ratio with as many digits as it needs.
fn factor(ratio: f64) -> String {
    match ratio {
        1e-2..1e3 => format!("{ratio:.2}"),
        _ => format!("{ratio:.1e}"),
    }
}

pub fn with_passes(passes: u32) -> String {
    format!("Run again with --modes moments,mean,sample:{passes}.")
}

/// What agrees, with the noise: class and variance, and what is more than noise.
pub fn evidently(judged: &[Judged]) -> String {
    let told = |judged: &&Judged| {
        matches!(judged.measure, Measure::Class | Measure::Variance) || judged.grade == Grade::Small
    };
    let parts = judged.iter().filter(told).map(|judged| {
        let (difference, noise) = judged.shown();
        match judged.measure {
            Measure::Class => format!(
                "its class agrees with that of sampling on {difference} of the items (exact moments \
                 would on about {noise})"
            ),
            Measure::Probabilities => {
                format!("{difference} of its probability is with other classes ({noise})")
            }
            Measure::Variance => format!(
                "its variance of the logits is {difference} times that of sampling ({noise})"
            ),
            Measure::Epistemic => {
                format!("its epistemic uncertainty differs by {difference} ({noise})")
            }
        }
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// What differs, causes before what follows from them.
pub fn different(compared: &Compared, judged: &[Judged]) -> String {
    const ORDER: [Measure; 4] =
        [Measure::Variance, Measure::Epistemic, Measure::Probabilities, Measure::Class];
    let find = |measure| judged.iter().find(|judged| judged.measure == measure);
    let large = ORDER.into_iter().filter_map(find).filter(|judged| judged.grade == Grade::Large);
    let parts = large.map(|judged| {
        let (difference, noise) = judged.shown();
        match judged.measure {
            Measure::Variance => {
                let verb = if judged.difference < 0.0 { "underestimates" } else { "overestimates" };
                format!(
                    "{verb} the variance of the logits, which is {difference} times that of sampling"
                )
            }
            Measure::Epistemic => {
                let verb = if judged.difference < 0.0 { "underestimates" } else { "overestimates" };
                format!(
                    "{verb} the epistemic uncertainty by {:.3} nats, where sampling has {:.3}",
                    judged.difference.abs(),
                    compared.epistemic
                )
            }
            Measure::Probabilities => format!(
                "gives {difference} of the probability to other classes, of which noise explains \
                 {noise}"
            ),
            Measure::Class => format!(
                "agrees on the class of {difference} of the items, where noise leaves {noise}"
            ),
        }
    });
    format!("PFP {}", parts.collect::<Vec<_>>().join("; it "))
}

/// What cannot be told with so many passes, and how many can.
pub fn too_noisy(passes: u32, judged: &[Judged]) -> (String, u32) {
    let unknown: Vec<_> = judged.iter().filter(|judged| judged.grade == Grade::Unknown).collect();
    let names: Vec<_> = unknown.iter().map(|judged| judged.measure.name()).collect();
    let excess = unknown.iter().map(|judged| {
        let deviations = match judged.measure {
            Measure::Class | Measure::Probabilities => 1.0,
            Measure::Variance | Measure::Epistemic => LIMITS.deviations,
        };
        deviations * judged.noise / judged.limit
    });
    // Noise falls with the root of the passes.
    let needed = f64::from(passes) * excess.fold(1.0, f64::max).powi(2);
    let sentence = format!(
        "{passes} passes of sampling are too noisy to tell whether the {} of PFP {} right",
        names.join(" and the "),
        match unknown[..] {
            [Judged { measure: Measure::Class | Measure::Variance | Measure::Epistemic, .. }] =>
                "is",
            _ => "are",
        },
    );
    (sentence, round_up(needed))
}

/// The next of 20, 50, 100, 200, ..: a little more than asked for.
pub fn round_up(passes: f64) -> u32 {
    let steps = (1..8).flat_map(|power| [1, 2, 5].map(|digit| digit * 10u32.pow(power)));
    steps.into_iter().find(|&step| f64::from(step) > passes).unwrap_or(50_000_000)
}

pub fn what_to_do(role: Role, compared: &Compared, judged: &[Judged]) -> Vec<String> {
    let is_large = |measure| judged.iter().any(|j| j.measure == measure && j.grade == Grade::Large);
    let answers = is_large(Measure::Class) || is_large(Measure::Probabilities);
    let spread = is_large(Measure::Variance) || is_large(Measure::Epistemic);
    let mut advice = vec![];
    if !answers {
        advice.push("Classes and probabilities may be used.".to_owned());
    }
    if spread {
        advice.push(
            "Do not read these uncertainties as those of sampling: set thresholds on PFP's own \
             numbers."
                .into(),
        );
    }
    if let Some((moments, sampled)) = compared.auroc {
        advice.push(format!(
            "As a detector by epistemic uncertainty PFP has an AUROC of {moments:.3}, sampling of \
             {sampled:.3}."
        ));
    }
    advice.push(match role {
        Role::OutOfDomain => {
            "Use thresholds that pfp calibrate --ood fits, or pay for sampling: --mode sample:N."
                .into()
        }
        Role::InDomain | Role::Ambiguous => {
            "Fit variances and temperature with pfp calibrate and evaluate again, or pay for \
             sampling: --mode sample:N."
                .into()
        }
    });
    let is_known = |j: &Judged| {
        j.measure == Measure::Variance && matches!(j.grade, Grade::Noise | Grade::Small)
    };
    if is_large(Measure::Epistemic) && judged.iter().any(is_known) {
        advice.push(
            "The variances of the logits are within their limit: what is missing is how the logits vary \
             together, more of which a larger --budget knows; pfp inspect lists what there is."
                .into(),
        );
    }
    if judged.iter().any(|judged| judged.grade == Grade::Unknown) {
        let (sentence, needed) = too_noisy(compared.passes, judged);
        advice.push(format!("{}: {}", sentence, with_passes(needed).replacen("Run", "run", 1)));
    }
    advice
}

/// The answer for all data sets.
pub fn answer(sets: &[SetVerdict]) -> String {
    let named = |wanted: &[Conclusion]| -> Vec<&str> {
        let sets = sets.iter().filter(|set| wanted.contains(&set.conclusion));
        sets.map(|set| set.set.as_str()).collect()
    };
    let good = named(&[Conclusion::AsCloseAsSamplingCanTell, Conclusion::Close]);
    let bad = named(&[Conclusion::Different]);
    let passes = named(&[Conclusion::TooFewPasses]);
    let items = named(&[Conclusion::TooFewItems]);
    if named(&[Conclusion::NotCompared]).len() == sets.len() {
        return "Not known: PFP was not compared with sampling.".into();
    }
    let is_first = |names: &[&str]| sets.first().is_some_and(|set| names.contains(&&*set.set));
    let said =
        |names: &[&str], what: &str| (!names.is_empty()).then(|| what.replace("{}", &list(names)));
    let mut parts = vec![
        said(&good, "on {} PFP stands in for sampling"),
        said(&bad, "on {} PFP differs from sampling"),
        said(&passes, "for {} more passes of sampling are needed to tell"),
        said(&items, "for {} more items are needed to tell"),
    ];
    // The set in domain decides, and what is said of it stands first.
    if is_first(&bad) {
        parts.swap(0, 1);
    }
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let word = match (good.len() == sets.len(), is_first(&good), is_first(&bad)) {
        (true, ..) => "Yes",
        (_, true, _) => "In part",
        (.., true) => "No",
        _ if bad.is_empty() => "Not known",
        _ => "In part",
    };
    format!("{word}: {}.", parts.join("; "))
}

/// Names as a person lists them.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
