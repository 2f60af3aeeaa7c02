//! Can the closed form be trusted on this data? An answer in words from how it agrees with sampling,
//! beside the noise of the sampling itself.

mod sentences;

use serde::Serialize;

use self::sentences::{answer, different, evidently, too_noisy, what_to_do, with_passes};
use super::{agreement::Agreement, set::Role};
use crate::halves::Noise;

/// Up to which differences the closed form is taken for close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// The share of items with another class.
    pub class: f64,
    /// The total variation distance of the class probabilities.
    pub probabilities: f64,
    /// The ratio of variances, and one over it.
    pub variance: f64,
    /// The difference of the epistemic uncertainty, as a share of the most there is: ln(classes).
    pub epistemic: f64,
    /// Or else, where that is more, as a share of the epistemic uncertainty by sampling.
    pub epistemic_share: f64,
    /// An average distance is noise up to so many times what noise alone shows.
    pub noise: f64,
    /// And up to so many standard deviations of noise above its average.
    pub spread: f64,
    /// A signed average is noise up to so many of its standard deviations.
    pub deviations: f64,
    /// Items without which nothing is said.
    pub items: usize,
    /// Passes without which nothing is said.
    pub passes: u32,
}

/// The limits that verdicts are made by.
pub const LIMITS: Limits = Limits {
    class: 0.02,
    probabilities: 0.05,
    variance: 1.25,
    epistemic: 0.02,
    epistemic_share: 0.2,
    noise: 1.5,
    spread: 3.0,
    deviations: 2.0,
    items: 100,
    passes: 20,
};

/// What is advised to compare with, where nothing else follows from the data.
const ADVISED_PASSES: u32 = 100;

/// What a verdict on one data set follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The name of the set.
    pub set: String,
    /// Its part.
    pub role: Role,
    /// Its items.
    pub items: usize,
    /// The classes of the network.
    pub classes: usize,
    /// How mode `moments` agrees with sampling; `None` where one of them was not run.
    pub compared: Option<Compared>,
}

/// Mode `moments` beside a sampling mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The sampling mode.
    pub mode: String,
    /// Its passes.
    pub passes: u32,
    /// How both agree.
    pub agreement: Agreement,
    /// The mean epistemic uncertainty by sampling, in nats.
    pub epistemic: f64,
    /// Of a set out of domain the AUROC of the epistemic uncertainty, by moments and by sampling.
    pub auroc: Option<(f64, f64)>,
}

/// What can be said of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// No difference is beyond the noise of the sampling.
    AsCloseAsSamplingCanTell,
    /// Some differences are beyond the noise, none beyond a limit.
    Close,
    /// Some difference is beyond a limit.
    Different,
    /// The noise of the sampling is beyond a limit.
    TooFewPasses,
    /// The set is too small.
    TooFewItems,
    /// There is no sampling to compare with.
    NotCompared,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The class that is answered.
    Class,
    /// The class probabilities.
    Probabilities,
    /// The variance of the logits.
    Variance,
    /// The epistemic uncertainty.
    Epistemic,
}

/// What one measure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The difference is that of the noise.
    Noise,
    /// Beyond the noise, within the limit.
    Small,
    /// Beyond the limit.
    Large,
    /// The noise is beyond the limit.
    Unknown,
}

/// One measure of one data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Judged {
    /// Which.
    pub measure: Measure,
    /// The difference: of variances the logarithm of the ratio, moments over sampling.
    pub difference: f64,
    /// What exact moments would show, by the noise of the sampling alone.
    pub noise: f64,
    /// The largest difference that is taken for close.
    pub limit: f64,
    /// What follows.
    pub grade: Grade,
}

/// The verdict on one data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetVerdict {
    /// The name of the set.
    pub set: String,
    /// The sampling mode that it was compared with.
    pub against: Option<String>,
    /// What can be said.
    pub conclusion: Conclusion,
    /// In a sentence.
    pub sentence: String,
    /// What to do, a sentence each.
    pub advice: Vec<String>,
    /// What it follows from.
    pub measures: Vec<Judged>,
}

/// The verdict on all data sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// In a sentence: can the closed form be trusted on this data?
    pub answer: String,
    /// For each data set.
    pub sets: Vec<SetVerdict>,
    /// What it was judged by.
    pub limits: Limits,
}

impl Verdict {
    /// The verdict on the data sets, the one in domain first.
    pub fn of(evidence: &[Evidence]) -> Self {
        let sets: Vec<_> = evidence.iter().map(judge).collect();
        Self { answer: answer(&sets), sets, limits: LIMITS }
    }
}

impl Judged {
    /// An average of distances, to which noise adds; `most` is what noise alone hardly exceeds.
    fn distance(measure: Measure, difference: f64, noise: f64, most: f64, limit: f64) -> Self {
        let beyond = (difference.powi(2) - noise.powi(2)).max(0.0).sqrt();
        let is_noise = difference <= most.max(LIMITS.noise * noise);
        Self { measure, difference, noise, limit, grade: grade(is_noise, beyond, noise, limit) }
    }

    /// An average of signed differences, of which noise has the standard deviation.
    fn signed(measure: Measure, difference: f64, noise: f64, limit: f64) -> Self {
        let sure = LIMITS.deviations * noise;
        let (size, is_noise) = (difference.abs(), difference.abs() <= sure);
        Self { measure, difference, noise, limit, grade: grade(is_noise, size, sure, limit) }
    }
}

fn grade(is_noise: bool, size: f64, noise: f64, limit: f64) -> Grade {
    // A limit that noise hides says nothing, unless the difference stands out of both.
    match (is_noise, size > limit, noise > limit) {
        (true, _, true) | (false, false, true) => Grade::Unknown,
        (true, _, false) => Grade::Noise,
        (false, true, _) => Grade::Large,
        (false, false, false) => Grade::Small,
    }
}

fn measures(evidence: &Evidence, compared: &Compared, noise: &Noise) -> Vec<Judged> {
    let Noise { differences: noise, spread } = noise;
    let differences = &compared.agreement.differences;
    let of_all = LIMITS.epistemic * (evidence.classes as f64).ln();
    let epistemic = of_all.max(LIMITS.epistemic_share * compared.epistemic);
    // How many items of few change their class by noise is a matter of chance.
    let count = (noise.class / evidence.items.max(1) as f64).sqrt();
    let class = LIMITS.spread * spread.class.hypot(count);
    let probabilities = LIMITS.spread * spread.probabilities;
    vec![
        Judged::distance(
            Measure::Class,
            differences.class,
            noise.class,
            noise.class + class,
            LIMITS.class,
        ),
        Judged::distance(
            Measure::Probabilities,
            differences.probabilities,
            noise.probabilities,
            noise.probabilities + probabilities,
            LIMITS.probabilities,
        ),
        Judged::signed(
            Measure::Variance,
            differences.log_variance,
            noise.log_variance,
            LIMITS.variance.ln(),
        ),
        Judged::signed(Measure::Epistemic, differences.epistemic, noise.epistemic, epistemic),
    ]
}

/// The verdict on one data set.
fn judge(evidence: &Evidence) -> SetVerdict {
    let verdict = |conclusion, sentence: String, advice: Vec<String>, measures: Vec<Judged>| {
        let against = evidence.compared.as_ref().map(|compared| compared.mode.clone());
        let set = evidence.set.clone();
        SetVerdict { set, against, conclusion, sentence, advice, measures }
    };
    let Some(compared) = &evidence.compared else {
        return verdict(
            Conclusion::NotCompared,
            "nothing says how close PFP is, as it was not compared with sampling".into(),
            vec![with_passes(ADVISED_PASSES)],
            vec![],
        );
    };
    let passes = compared.passes;
    let noise = match compared.agreement.noise {
        Some(noise) if passes >= LIMITS.passes => noise,
        _ => {
            return verdict(
                Conclusion::TooFewPasses,
                format!(
                    "{passes} passes of sampling are too few to compare with; {} are needed",
                    LIMITS.passes
                ),
                vec![with_passes(ADVISED_PASSES)],
                vec![],
            );
        }
    };
    let judged = measures(evidence, compared, &noise);
    if evidence.items < LIMITS.items {
        return verdict(
            Conclusion::TooFewItems,
            format!(
                "{} items are too few for a verdict; {} are needed",
                evidence.items, LIMITS.items
            ),
            vec![format!("Evaluate at least {} items of this kind.", LIMITS.items)],
            judged,
        );
    }
    // What belongs to no class has no right one.
    let decides = |j: &&Judged| evidence.role != Role::OutOfDomain || j.measure != Measure::Class;
    let decisive: Vec<_> = judged.iter().filter(decides).copied().collect();
    let has = |grade: Grade| decisive.iter().any(|judged| judged.grade == grade);
    let (conclusion, sentence, advice) = match (has(Grade::Large), has(Grade::Unknown)) {
        (true, _) => (
            Conclusion::Different,
            different(compared, &decisive),
            what_to_do(evidence.role, compared, &decisive),
        ),
        (false, true) => {
            let (sentence, needed) = too_noisy(passes, &decisive);
            (Conclusion::TooFewPasses, sentence, vec![with_passes(needed)])
        }
        (false, false) if has(Grade::Small) => {
            (Conclusion::Close, format!("PFP is close to sampling: {}", evidently(&judged)), vec![])
        }
        (false, false) => (
            Conclusion::AsCloseAsSamplingCanTell,
            format!("PFP is as close as sampling can tell: {}", evidently(&judged)),
            vec![],
        ),
    };
    verdict(conclusion, sentence, advice, judged)
}

#[cfg(test)]
mod tests {
    use super::{sentences::round_up, *};
    use crate::halves::Differences;

    /// Nothing differs, and there is hardly any noise.
    fn equal() -> Evidence {
        let differences = Differences {
            class: 0.001,
            probabilities: 0.001,
            log_variance: 0.01,
            epistemic: 0.001,
            ..Differences::default()
        };
        let noise = Noise { differences, ..Noise::default() };
        let agreement = Agreement {
            variance_ratio: 1.0,
            correlation: 1.0,
            rank_correlation: 1.0,
            differences: Differences::default(),
            noise: Some(noise),
        };
        let compared = Compared {
            mode: "sample:100".into(),
            passes: 100,
            agreement,
            epistemic: 0.05,
            auroc: None,
        };
        Evidence {
            set: "digits".into(),
            role: Role::InDomain,
            items: 1000,
            classes: 10,
            compared: Some(compared),
        }
    }

    /// What follows where something is changed.
    fn with(change: impl FnOnce(&mut Differences, &mut Differences)) -> SetVerdict {
        let mut evidence = equal();
        let agreement = &mut evidence.compared.as_mut().unwrap().agreement;
        change(&mut agreement.differences, &mut agreement.noise.as_mut().unwrap().differences);
        judge(&evidence)
    }

    #[test]
    fn differences_are_judged_beside_their_noise() {
        use Conclusion::{
            AsCloseAsSamplingCanTell as Equal, Close, Different, TooFewPasses as Noisy,
        };
        type Set = fn(&mut Differences, f64);
        let class: Set = |d, x| d.class = x;
        let probabilities: Set = |d, x| d.probabilities = x;
        let variance: Set = |d, x| d.log_variance = x;
        let epistemic: Set = |d, x| d.epistemic = x;
        // Limits: 2 % of the classes, 5 % of the probability, a factor of 1.25, whose logarithm is
        // 0.223, and 0.02 ln(10) = 0.046 nats.
        for (name, set, difference, noise, expected) in [
            ("class", class, 0.0, 0.0, Equal),
            ("class", class, 0.019, 0.014, Equal),
            ("class", class, 0.019, 0.005, Close),
            ("class", class, 0.0205, 0.005, Close),
            ("class", class, 0.04, 0.005, Different),
            ("class", class, 0.04, 0.03, Noisy),
            ("class", class, 0.4, 0.03, Different),
            ("probabilities", probabilities, 0.03, 0.021, Equal),
            ("probabilities", probabilities, 0.04, 0.02, Close),
            ("probabilities", probabilities, 0.06, 0.02, Different),
            ("probabilities", probabilities, 0.07, 0.06, Noisy),
            ("variance", variance, -0.02, 0.011, Equal),
            ("variance", variance, 0.2, 0.05, Close),
            ("variance", variance, -0.2, 0.05, Close),
            ("variance", variance, 0.25, 0.05, Different),
            ("variance", variance, -0.25, 0.05, Different),
            ("variance", variance, -0.25, 0.12, Different),
            ("variance", variance, -0.23, 0.12, Noisy),
            ("variance", variance, 0.0, 0.12, Noisy),
            ("epistemic", epistemic, -0.01, 0.006, Equal),
            ("epistemic", epistemic, 0.04, 0.006, Close),
            ("epistemic", epistemic, 0.05, 0.006, Different),
            ("epistemic", epistemic, -0.05, 0.03, Noisy),
        ] {
            let verdict = with(|differences, noises| {
                set(differences, difference);
                set(noises, noise);
            });
            let what = format!("{name} {difference} {noise}: {verdict:?}");
            assert_eq!(verdict.conclusion, expected, "{what}");
            assert_eq!(verdict.advice.is_empty(), matches!(expected, Equal | Close), "{what}");
        }
    }

    #[test]
    fn a_large_epistemic_uncertainty_may_differ_by_a_share_of_itself() {
        let mut evidence = equal();
        let compared = evidence.compared.as_mut().unwrap();
        compared.agreement.differences.epistemic = 0.15;
        compared.epistemic = 1.0;
        assert_eq!(judge(&evidence).conclusion, Conclusion::Close);
        evidence.compared.as_mut().unwrap().epistemic = 0.5;
        assert_eq!(judge(&evidence).conclusion, Conclusion::Different);
    }

    #[test]
    fn out_of_domain_no_class_is_right() {
        let mut evidence = Evidence { role: Role::OutOfDomain, ..equal() };
        let agreement = &mut evidence.compared.as_mut().unwrap().agreement;
        agreement.differences.class = 0.5;
        assert_eq!(judge(&evidence).conclusion, Conclusion::AsCloseAsSamplingCanTell);
        assert_eq!(judge(&evidence).measures[0].grade, Grade::Large);
    }

    #[test]
    fn one_item_of_few_more_or_less_is_noise() {
        // Of 120 items noise changes one: three are no surprise, of 12000 three hundred are.
        for (items, expected) in
            [(120, Conclusion::AsCloseAsSamplingCanTell), (12_000, Conclusion::Different)]
        {
            let mut evidence = Evidence { items, ..equal() };
            let agreement = &mut evidence.compared.as_mut().unwrap().agreement;
            agreement.differences.class = 3.0 / 120.0;
            agreement.noise.as_mut().unwrap().differences.class = 1.0 / 120.0;
            assert_eq!(judge(&evidence).conclusion, expected);
        }
    }

    #[test]
    fn what_one_draw_can_do_to_many_items_is_noise() {
        // Of a network with few inputs a draw moves all items the same way.
        for (spread, expected) in
            [(0.02, Conclusion::AsCloseAsSamplingCanTell), (0.002, Conclusion::Different)]
        {
            let mut evidence = equal();
            let agreement = &mut evidence.compared.as_mut().unwrap().agreement;
            agreement.differences.class = 0.08;
            let noise = agreement.noise.as_mut().unwrap();
            (noise.differences.class, noise.spread.class) = (0.02, spread);
            assert_eq!(judge(&evidence).conclusion, expected);
        }
    }

    #[test]
    fn nothing_is_said_without_evidence() {
        let not_compared = judge(&Evidence { compared: None, ..equal() });
        assert_eq!(not_compared.conclusion, Conclusion::NotCompared);
        assert_eq!(not_compared.advice, ["Run again with --modes moments,mean,sample:100."]);
        let few = judge(&Evidence { items: 99, ..equal() });
        assert_eq!(few.conclusion, Conclusion::TooFewItems);
        assert_eq!(few.measures.len(), 4);
        for passes in [2, 19] {
            let mut evidence = equal();
            evidence.compared.as_mut().unwrap().passes = passes;
            assert_eq!(judge(&evidence).conclusion, Conclusion::TooFewPasses);
        }
        let mut evidence = equal();
        evidence.compared.as_mut().unwrap().agreement.noise = None;
        assert_eq!(judge(&evidence).conclusion, Conclusion::TooFewPasses);
        let answer = Verdict::of(&[Evidence { compared: None, ..equal() }]).answer;
        assert_eq!(answer, "Not known: PFP was not compared with sampling.");
    }

    #[test]
    fn as_many_passes_are_advised_as_the_noise_needs() {
        // Two deviations are to be below 0.223: (0.4 / 0.223)² = 3.2 times the passes.
        let verdict = with(|_, noise| noise.log_variance = 0.2);
        assert_eq!(verdict.advice, ["Run again with --modes moments,mean,sample:500."]);
        assert!(verdict.sentence.contains("variance of the logits of PFP is right"), "{verdict:?}");
        assert_eq!([round_up(20.0), round_up(30.0), round_up(101.0)], [50, 50, 200]);
    }

    #[test]
    fn sentences_say_what_and_how_much() {
        let verdict = with(|differences, _| differences.log_variance = 0.5f64.ln());
        assert_eq!(
            verdict.sentence,
            "PFP underestimates the variance of the logits, which is 0.50 times that of sampling"
        );
        assert!(verdict.advice[0].contains("may be used"), "{verdict:?}");
        let verdict = with(|differences, noise| (differences.class, noise.class) = (0.019, 0.014));
        let agrees = "its class agrees with that of sampling on 98.10 % of the items (exact moments \
                      would on about 98.60 %)";
        assert!(verdict.sentence.contains(agrees), "{verdict:?}");
        let verdict = with(|differences, _| differences.class = 0.3);
        assert!(!verdict.advice.iter().any(|advice| advice.contains("may be used")), "{verdict:?}");
    }

    #[test]
    fn the_answer_speaks_of_every_set() {
        let different = |set: &str, role| {
            let mut evidence = Evidence { set: set.into(), role, ..equal() };
            evidence.compared.as_mut().unwrap().agreement.differences.log_variance = -1.0;
            evidence
        };
        let few = Evidence { set: "few".into(), items: 3, ..equal() };
        let fashion = different("fashion", Role::OutOfDomain);
        let wrong = different("digits", Role::InDomain);
        for (evidence, expected) in [
            (vec![equal()], "Yes: on digits PFP stands in for sampling."),
            (
                vec![equal(), fashion.clone()],
                "In part: on digits PFP stands in for sampling; on fashion PFP differs from \
                 sampling.",
            ),
            (vec![wrong.clone()], "No: on digits PFP differs from sampling."),
            (vec![wrong, fashion], "No: on digits and fashion PFP differs from sampling."),
            (vec![few.clone()], "Not known: for few more items are needed to tell."),
            (
                vec![equal(), few],
                "In part: on digits PFP stands in for sampling; for few more items are needed to \
                 tell.",
            ),
        ] {
            assert_eq!(Verdict::of(&evidence).answer, expected);
        }
    }
}
