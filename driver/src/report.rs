//! An evaluation as one HTML file that needs nothing else: no network, no script, no other file.

mod pictures;
mod plots;
mod tables;
mod theme;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    error::Error,
    eval::{DataSet, Evaluation, ModeResult, Role, Score},
};
use pictures::Choice;
use theme::swatch;

/// Forbids the page to load anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The page for an evaluation and the data sets that it is of, in their order.
///
/// # Errors
///
/// Where the items of a folder can no longer be read.
pub fn page(evaluation: &Evaluation, sets: &[DataSet]) -> Result<String, Error> {
    let title = format!("@{}", evaluation.settings.function);
    let sections = [
        summary(evaluation)?,
        reliability(evaluation)?,
        selective(evaluation)?,
        detection(evaluation)?,
        uncertainty(evaluation)?,
        pictures(evaluation, sets)?,
        details(evaluation),
        settings(evaluation),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) " - pfp eval" }
                style { (PreEscaped(theme::css())) }
            }
            body {
                header {
                    h1 { (title) }
                    p.muted { (subtitle(evaluation)) }
                }
                main { @for section in sections.iter().flatten() { (section) } }
                footer.muted { "pfp " (evaluation.settings.version) }
            }
        }
    };
    Ok(page.into_string())
}

fn subtitle(evaluation: &Evaluation) -> String {
    let sets = evaluation.sets.iter().map(|set| format!("{} ({} items)", set.name, set.items));
    let sets: Vec<_> = sets.collect();
    format!("{} on {}", evaluation.settings.module, sets.join(", "))
}

fn section(title: &str, note: &str, body: Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if !note.is_empty() { p.muted { (note) } }
            (body)
        }
    }
}

/// A plot with its title and the names of its series.
fn figure(title: &str, series: &[&str], svg: &str) -> Markup {
    html! {
        figure {
            figcaption { (title) }
            @if series.len() > 1 {
                p.legend {
                    @for (index, name) in series.iter().enumerate() {
                        span { (swatch(index)) (name) }
                    }
                }
            }
            (PreEscaped(svg))
        }
    }
}

fn names(evaluation: &Evaluation) -> Vec<&str> {
    evaluation.modes.iter().map(|mode| mode.mode.as_str()).collect()
}

fn summary(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let plot = plots::latency_against_accuracy(evaluation)?;
    Ok(Some(section(
        "Modes",
        "",
        html! {
            (tables::headline(evaluation))
            @if let Some(svg) = plot {
                div.figures {
                    (figure("Accuracy against time per item", &names(evaluation), &svg))
                }
                p.muted {
                    "One core; each point is a batch size, the larger the faster; towards the upper \
                     left is better."
                }
            }
        },
    )))
}

fn reliability(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let drawn = evaluation.modes.iter().enumerate().filter_map(|(index, mode)| {
        let classification = mode.sets.first()?.classification.as_ref()?;
        let svg = plots::reliability(&classification.reliability, index);
        let title = format!("{}: ECE {:.2} %", mode.mode, 100.0 * classification.ece);
        Some(svg.map(|svg| figure(&title, &[], &svg)))
    });
    let drawn = drawn.collect::<Result<Vec<_>, Error>>()?;
    Ok((!drawn.is_empty()).then(|| {
        section(
            "Reliability",
            "Do answers come true as often as their confidence says? On the diagonal they do; \
             above it the network knows more than it claims, below it less. The area of a point \
             is its share of the items.",
            html! { div.figures { @for figure in &drawn { (figure) } } },
        )
    }))
}

fn selective(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let curves: Vec<_> = evaluation
        .modes
        .iter()
        .filter_map(|mode| mode.sets.first()?.classification.as_ref())
        .map(|classification| &classification.risk_coverage[..])
        .collect();
    if curves.is_empty() {
        return Ok(None);
    }
    let svg = plots::risk_coverage(&curves)?;
    Ok(Some(section(
        "Selective answers",
        "The share of wrong answers where only the most confident ones are given. Lower is better.",
        html! { div.figures { (figure("Risk against coverage", &names(evaluation), &svg)) } },
    )))
}

fn detection(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let mut figures = Vec::new();
    let outside = evaluation.sets.iter().filter(|set| set.role == Role::OutOfDomain);
    for set in outside {
        let of_mode = |mode: &ModeResult, score: Score| {
            mode.detection.iter().find(|d| d.set == set.name && d.score == score).cloned()
        };
        if let Some(first) = evaluation.modes.first() {
            let curves: Vec<_> =
                Score::ALL.into_iter().filter_map(|score| of_mode(first, score)).collect();
            let scores: Vec<_> = curves.iter().map(|curve| curve.score.name()).collect();
            let curves: Vec<_> = curves.iter().map(|curve| &curve.roc[..]).collect();
            let title = format!("{} by score, {}", set.name, first.mode);
            figures.push(figure(&title, &scores, &plots::roc(&curves)?));
        }
        if evaluation.modes.len() > 1 {
            // The one score that every mode has.
            let score = Score::PredictiveEntropy;
            let curves: Vec<_> =
                evaluation.modes.iter().filter_map(|mode| of_mode(mode, score)).collect();
            let curves: Vec<_> = curves.iter().map(|curve| &curve.roc[..]).collect();
            let title = format!("{} by mode, {}", set.name, score.name());
            figures.push(figure(&title, &names(evaluation), &plots::roc(&curves)?));
        }
    }
    Ok((!figures.is_empty()).then(|| {
        section(
            "Out of domain",
            "ROC curves of scores that should be large for what the network was not trained on. \
             Nearer to the upper left corner is better.",
            html! {
                div.figures { @for figure in &figures { (figure) } }
                (tables::detection(evaluation))
            },
        )
    }))
}

fn uncertainty(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let with_variance =
        |mode: &&ModeResult| mode.sets.iter().any(|result| result.uncertainty.epistemic.is_some());
    let Some(mode) = evaluation.modes.iter().find(with_variance) else { return Ok(None) };
    let most = (evaluation.settings.classes as f64).ln();
    let mut figures = Vec::new();
    for (index, (set, result)) in evaluation.sets.iter().zip(&mode.sets).enumerate() {
        let title = format!("{}: epistemic against aleatoric", set.name);
        figures.push(figure(&title, &[], &plots::uncertainties(&result.items, most, index)?));
        let title = format!("{}: share of items", set.name);
        let series = ["aleatoric", "epistemic"];
        figures.push(figure(&title, &series, &plots::histograms(&result.items, most)?));
    }
    Ok(Some(section(
        "Uncertainty",
        &format!(
            "In nats, at most {most:.2}; mode {}. Aleatoric: the item fits several classes. \
             Epistemic: the network has not seen such items. Darker cells hold more items, on a \
             logarithmic scale.",
            mode.mode
        ),
        html! { div.figures { @for figure in &figures { (figure) } } },
    )))
}

fn pictures(evaluation: &Evaluation, sets: &[DataSet]) -> Result<Option<Markup>, Error> {
    let Some(mode) = evaluation.modes.first() else { return Ok(None) };
    let mut galleries = Vec::new();
    for (set, result) in sets.iter().zip(&mode.sets) {
        for choice in Choice::ALL {
            galleries.extend(pictures::gallery(set, &result.items, choice)?);
        }
    }
    Ok((!galleries.is_empty()).then(|| {
        section(
            "Items",
            &format!(
                "Mode {}. Bars are the probabilities of the classes; labels are marked.",
                mode.mode
            ),
            html! { @for gallery in &galleries { (gallery) } },
        )
    }))
}

fn details(evaluation: &Evaluation) -> Option<Markup> {
    let tables =
        [tables::sets(evaluation), tables::agreement(evaluation), tables::latency(evaluation)];
    Some(section("Numbers", "", html! { @for table in tables.iter().flatten() { (table) } }))
}

fn settings(evaluation: &Evaluation) -> Option<Markup> {
    Some(section(
        "Reproduce",
        "",
        html! {
            pre { (tables::command(evaluation)) }
            (tables::settings(evaluation))
        },
    ))
}
