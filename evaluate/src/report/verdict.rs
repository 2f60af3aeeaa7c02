//! Can the closed form be trusted on this data?

use maud::{Markup, html};

use crate::{
    eval::{
        Evaluation,
        verdict::{Conclusion, Grade, LIMITS, Measure, SetVerdict},
    },
    page::{section, table, text},
};

/// The answer, for each data set what it is and what to do, and the numbers behind it.
pub fn verdict(evaluation: &Evaluation) -> Markup {
    let verdict = &evaluation.verdict;
    let compared = verdict.sets.iter().any(|set| !set.measures.is_empty());
    section(
        "Can PFP be trusted on this data?",
        "",
        html! {
            p.answer { (verdict.answer) }
            @for set in &verdict.sets {
                @let (class, word) = badge(set.conclusion);
                div.set.(class) {
                    h3 { (set.set) " " span.badge { (word) } }
                    p { (capitalised(&set.sentence)) "." }
                    @if !set.advice.is_empty() {
                        ul { @for advice in &set.advice { li { (advice) } } }
                    }
                    @if !set.measures.is_empty() { (table_of(set)) }
                }
            }
            @if compared {
                p.muted { (explanation(evaluation)) }
            }
        },
    )
}

/// What the verdict on a data set follows from.
fn table_of(set: &SetVerdict) -> Markup {
    let rows = set.measures.iter().map(|judged| {
        let (difference, noise) = judged.shown();
        let (class, word) = grade(judged.grade);
        vec![
            text(measure(judged.measure)),
            html! { td { (difference) } },
            html! { td { (noise) } },
            html! { td { (judged.shown_limit()) } },
            html! { td.(class) { (word) } },
        ]
    });
    let against = set.against.as_deref().unwrap_or_default();
    let beside = format!("moments beside {against}");
    let head = [beside.as_str(), "found", "exact moments", "limit", "so it is"];
    table("", 1, &head, &rows.collect::<Vec<_>>())
}

/// How a conclusion looks, and what it is called.
fn badge(conclusion: Conclusion) -> (&'static str, &'static str) {
    match conclusion {
        Conclusion::AsCloseAsSamplingCanTell => ("good", "as close as sampling can tell"),
        Conclusion::Close => ("good", "close"),
        Conclusion::Different => ("bad", "different"),
        Conclusion::TooFewPasses => ("open", "not known: too few passes"),
        Conclusion::TooFewItems => ("open", "not known: too few items"),
        Conclusion::NotCompared => ("open", "not known: not compared"),
    }
}

/// What a grade is called.
fn grade(grade: Grade) -> (&'static str, &'static str) {
    match grade {
        Grade::Noise => ("good", "within the noise"),
        Grade::Small => ("good", "within the limit"),
        Grade::Large => ("bad", "beyond the limit"),
        Grade::Unknown => ("open", "hidden by the noise"),
    }
}

/// What a measure is called in the table, with what its numbers are.
fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Class => "same class, share of items",
        Measure::Probabilities => "probability with other classes",
        Measure::Variance => "variance of the logits, times sampling's",
        Measure::Epistemic => "epistemic uncertainty, minus sampling's",
    }
}

fn explanation(evaluation: &Evaluation) -> String {
    format!(
        "Trust means here that the closed form says what sampling the weights says. The noise is \
         what moments without any error would show beside the same passes: random halves of the \
         passes are compared with each other and differ twice as much. A share is noise up to {} \
         times that, a mean up to {} standard deviations; a share is held against its limit after \
         the noise is taken out. Variances may differ by a factor of {}, the epistemic uncertainty \
         by {:.0} % of the most there is, ln(classes), or {:.0} % of sampling's, whichever is more. No verdict below {} items or {} \
         passes. PFP's probabilities are averages over {} draws of its logits, as --head sample \
         computes them. Whether the posterior itself is right, the other sections say.",
        LIMITS.noise,
        LIMITS.deviations,
        LIMITS.variance,
        100.0 * LIMITS.epistemic,
        100.0 * LIMITS.epistemic_share,
        LIMITS.items,
        LIMITS.passes,
        evaluation.settings.logit_draws,
    )
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
