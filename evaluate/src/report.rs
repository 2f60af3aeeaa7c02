//! An evaluation as one HTML file.

mod pictures;
mod plots;
mod tables;
mod terms;
mod verdict;

use std::path::Path;

use maud::{Markup, html};
use pfp_compiler::error::Error;

use crate::{
    answers::Score,
    eval::{DataSet, Evaluation, ModeResult, Role},
    page::{Page, figure, legend, section},
};
use pictures::Choice;

/// The page for an evaluation and the data sets that it is of, in their order.
///
/// # Errors
///
/// Where the items of a folder can no longer be read.
pub fn page(evaluation: &Evaluation, sets: &[DataSet]) -> Result<String, Error> {
    let title = format!("@{}", evaluation.settings.function);
    let sections = [
        Some(verdict::verdict(evaluation)),
        summary(evaluation)?,
        reliability(evaluation)?,
        selective(evaluation)?,
        detection(evaluation)?,
        uncertainty(evaluation)?,
        pictures(evaluation, sets)?,
        details(evaluation),
        settings(evaluation),
    ];
    let sections: Vec<_> = sections.into_iter().flatten().collect();
    let settings = &evaluation.settings;
    let page = Page {
        title: &title,
        command: "pfp eval",
        lines: &[subtitle(evaluation), format!("{}, {}", settings.date, settings.cpu)],
        sections: &sections,
        version: &settings.version,
    };
    Ok(page.text())
}

fn subtitle(evaluation: &Evaluation) -> String {
    let sets = evaluation.sets.iter().map(|set| format!("{} ({} items)", set.name, set.items));
    let sets: Vec<_> = sets.collect();
    let module = Path::new(&evaluation.settings.module);
    let module = module.file_name().unwrap_or(module.as_os_str()).to_string_lossy();
    format!("{module} on {}", sets.join(", "))
}

fn names(evaluation: &Evaluation) -> Vec<&str> {
    evaluation.modes.iter().map(|mode| mode.mode.as_str()).collect()
}

fn summary(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let plot = plots::latency_against_accuracy(evaluation)?;
    let has_times = plot.is_some();
    Ok(Some(section(
        "Modes",
        "",
        html! {
            (tables::headline(evaluation))
            div.beside {
                @if let Some(svg) = plot {
                    (figure("Accuracy against time per item", &legend(0, &names(evaluation)), &svg))
                }
                div {
                    (terms::list(&[terms::ACCURACY, terms::NLL, terms::NAT, terms::ECE, terms::AUROC]))
                    @if has_times {
                        p.muted {
                            "Times are of one core, for items in calls of so many. Each point of the \
                             plot is a number of items in a call; towards the upper left is better."
                        }
                    }
                }
            }
        },
    )))
}

fn reliability(evaluation: &Evaluation) -> Result<Option<Markup>, Error> {
    let drawn = evaluation.modes.iter().enumerate().filter_map(|(index, mode)| {
        let classification = mode.sets.first()?.classification.as_ref()?;
        let bins = &classification.reliability;
        let svg = plots::reliability(bins, index);
        let title = format!("{}: ECE {:.2} %", mode.mode, 100.0 * classification.ece);
        Some(svg.map(|svg| {
            html! { div { (figure(&title, &html! {}, &svg)) (tables::bins(bins)) } }
        }))
    });
    let drawn = drawn.collect::<Result<Vec<_>, Error>>()?;
    Ok((!drawn.is_empty()).then(|| {
        section(
            "Reliability",
            "Do answers come true as often as their confidence says? On the diagonal they do; \
             above it the network knows more than it claims, below it less. A point stands for the \
             items of a bin of confidence, whose number is below it; the bar is the 95 % interval \
             of their accuracy (Wilson's). A bar that crosses the diagonal shows no miscalibration.",
            html! {
                div.figures { @for figure in &drawn { (figure) } }
                (terms::list(&[terms::ECE]))
            },
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
        html! {
            div.beside {
                (figure("Risk against coverage", &legend(0, &names(evaluation)), &svg))
                (terms::list(&[terms::COVERAGE, terms::RISK, terms::AURC]))
            }
        },
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
            let legend = legend(0, &scores);
            figures.push(figure(&title, &legend, &plots::roc(&curves)?));
        }
        if evaluation.modes.len() > 1 {
            // The one score that every mode has.
            let score = Score::PredictiveEntropy;
            let curves: Vec<_> =
                evaluation.modes.iter().filter_map(|mode| of_mode(mode, score)).collect();
            let curves: Vec<_> = curves.iter().map(|curve| &curve.roc[..]).collect();
            let title = format!("{} by mode, {}", set.name, score.name());
            let legend = legend(0, &names(evaluation));
            figures.push(figure(&title, &legend, &plots::roc(&curves)?));
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
                (terms::list(&[
                    terms::AUROC, terms::AUPR, terms::FPR95, terms::THRESHOLD, terms::SCORES,
                ]))
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
    for (set, result) in evaluation.sets.iter().zip(&mode.sets) {
        let (svg, most_items) = plots::uncertainties(&result.items, most)?;
        let ramp = html! {
            p.legend { span { "1 item " i.ramp {} " " (most_items) } }
        };
        let title = format!("{}: epistemic against aleatoric", set.name);
        let both = figure(&title, &ramp, &svg);
        let svg = plots::histograms(&result.items, most)?;
        let legend = legend(plots::PARTS, &["aleatoric", "epistemic"]);
        let title = format!("{}: share of items", set.name);
        figures.push(html! { div.pair { (both) (figure(&title, &legend, &svg)) } });
    }
    Ok(Some(section(
        "Uncertainty",
        &format!(
            "In mode {}, in nats; {most:.2} is not knowing anything of {} classes. The stronger \
             the colour of a cell, the more items are in it, on a logarithmic scale.",
            mode.mode, evaluation.settings.classes
        ),
        html! {
            div.pairs { @for figure in &figures { (figure) } }
            (terms::list(&[terms::ALEATORIC, terms::EPISTEMIC, terms::NAT]))
        },
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
    Some(section(
        "Numbers",
        "",
        html! {
            (tables::sets(evaluation))
            (terms::list(&[
                terms::ACCURACY, terms::NLL, terms::BRIER, terms::ECE, terms::AURC, terms::TOTAL,
                terms::ALEATORIC, terms::EPISTEMIC, terms::NAT, terms::MEAN_VARIANCE,
                terms::DIFFERENCES,
            ]))
            @if let Some(table) = tables::agreement(evaluation) {
                (table)
                (terms::list(&[
                    terms::SAME_CLASS, terms::PROBABILITIES, terms::VARIANCE_RATIO,
                    terms::EPISTEMIC_DIFFERENCE, terms::MEANS, terms::KL,
                    terms::KL_DIFFERENCES, terms::NOISE,
                    terms::MEDIAN_RATIO, terms::RANKS,
                ]))
            }
            @if let Some(table) = tables::latency(evaluation) { (table) }
        },
    ))
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
