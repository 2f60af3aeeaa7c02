//! Numbers as tables.

use maud::{Markup, html};

use crate::{
    answers::Score,
    eval::{Classification, Detection, Evaluation, ModeResult, Role, Thresholds, latency::shown},
    metrics::Bin,
    page::{table, text, theme::swatch},
};

/// What cannot be given.
const NOTHING: &str = "–";

fn number(number: Option<f64>, digits: usize) -> Markup {
    html! { td { @match number {
        Some(number) => (format!("{number:.digits$}")),
        None => (NOTHING),
    } } }
}

fn classification(mode: &ModeResult) -> Option<&Classification> {
    mode.sets.first()?.classification.as_ref()
}

/// The best AUROC of a mode over its scores, against the first set out of domain.
fn best_detection<'a>(evaluation: &Evaluation, mode: &'a ModeResult) -> Option<&'a Detection> {
    let set = evaluation.sets.iter().find(|set| set.role == Role::OutOfDomain)?;
    let detections = mode.detection.iter().filter(|detection| detection.set == set.name);
    detections.max_by(|a, b| a.auroc.total_cmp(&b.auroc))
}

/// One line for each mode: how good, how sure, how fast.
pub fn headline(evaluation: &Evaluation) -> Markup {
    let batches: Vec<_> = evaluation
        .modes
        .first()
        .map(|mode| mode.latency.iter().map(|latency| latency.batch).collect())
        .unwrap_or_default();
    let times: Vec<_> = batches.iter().map(|batch| format!("µs, batch {batch}")).collect();
    let mut head = vec!["mode", "passes", "accuracy, %", "NLL, nats", "ECE, %"];
    head.push("best AUROC");
    head.extend(times.iter().map(String::as_str));
    let rows: Vec<_> = evaluation
        .modes
        .iter()
        .enumerate()
        .map(|(index, mode)| {
            let quality = classification(mode);
            let detection = best_detection(evaluation, mode);
            let mut row = vec![
                html! { td.text { span.whole { (swatch(index)) (mode.mode) } } },
                html! { td { (mode.passes) } },
                number(quality.map(|c| 100.0 * c.accuracy), 2),
                number(quality.map(|c| c.nll), 4),
                number(quality.map(|c| 100.0 * c.ece), 2),
                html! { td { @match detection {
                    Some(detection) => {
                        (format!("{:.4} ", detection.auroc))
                        span.muted { "by " (detection.score.name()) }
                    }
                    None => (NOTHING),
                } } },
            ];
            row.extend(batches.iter().map(|batch| {
                let found = mode.latency.iter().find(|latency| latency.batch == *batch);
                html! { td { @match found {
                    Some(latency) => {
                        (shown(latency.microseconds))
                        @if let Some(times) = latency.speed_up {
                            span.muted { (beside_moments(times)) }
                        }
                    }
                    None => (NOTHING),
                } } }
            }));
            row
        })
        .collect();
    html! {
        (table("", 1, &head, &rows))
        @if !batches.is_empty() {
            p.muted { "In brackets: beside mode moments." }
        }
    }
}

/// How a mode that takes so many times the time of mode `moments` compares with it.
fn beside_moments(times: f64) -> String {
    match times {
        1.0 => String::new(),
        1.0.. => format!(" ({times:.1}× slower)"),
        _ => format!(" ({:.1}× faster)", 1.0 / times),
    }
}

/// The bins of a reliability diagram that are not empty.
pub fn bins(bins: &[Bin]) -> Markup {
    let rows = bins.iter().filter(|bin| bin.items > 0).map(|bin| {
        let (low, high) = bin.interval;
        vec![
            text(&format!("{:.2} to {:.2}", bin.lower, bin.upper)),
            html! { td { (bin.items) } },
            number(Some(bin.confidence), 3),
            number(Some(bin.accuracy), 3),
            html! { td { (format!("{low:.3} to {high:.3}")) } },
        ]
    });
    let head = ["bin", "items", "confidence", "accuracy", "95 % interval"];
    html! {
        details { summary { "Bins as a table" } (table("", 1, &head, &rows.collect::<Vec<_>>())) }
    }
}

/// Accuracy and uncertainty of every mode on every data set.
pub fn sets(evaluation: &Evaluation) -> Markup {
    let head = [
        "data",
        "mode",
        "accuracy, %",
        "NLL, nats",
        "Brier",
        "ECE, %",
        "AURC, %",
        "total, nats",
        "aleatoric",
        "epistemic",
        "mean variance",
        "of differences",
    ];
    let rows = evaluation.modes.iter().flat_map(|mode| {
        mode.sets.iter().map(|result| {
            let quality = result.classification.as_ref();
            let uncertainty = &result.uncertainty;
            vec![
                text(&result.set),
                text(&mode.mode),
                number(quality.map(|c| 100.0 * c.accuracy), 2),
                number(quality.map(|c| c.nll), 4),
                number(quality.map(|c| c.brier), 4),
                number(quality.map(|c| 100.0 * c.ece), 2),
                number(quality.map(|c| 100.0 * c.aurc), 3),
                number(Some(uncertainty.total), 4),
                number(Some(uncertainty.aleatoric), 4),
                number(uncertainty.epistemic, 4),
                number(uncertainty.variance, 3),
                number(uncertainty.difference, 3),
            ]
        })
    });
    let notes = evaluation.sets.iter().flat_map(|set| &set.notes);
    html! {
        (table("Data sets", 2, &head, &rows.collect::<Vec<_>>()))
        @for note in notes { p.muted { (note) } }
    }
}

/// How well every score tells sets out of domain from the one in domain.
pub fn detection(evaluation: &Evaluation) -> Markup {
    let rows = evaluation.modes.iter().flat_map(|mode| {
        mode.detection.iter().map(|detection: &Detection| {
            let score: Score = detection.score;
            vec![
                text(&detection.set),
                text(&mode.mode),
                text(score.name()),
                number(Some(detection.auroc), 4),
                number(Some(detection.aupr), 4),
                number(Some(detection.fpr95), 4),
                number(detection.threshold95, 4),
            ]
        })
    });
    let head = ["data", "mode", "score", "AUROC", "AUPR", "FPR95", "threshold"];
    table("Detection", 3, &head, &rows.collect::<Vec<_>>())
}

/// How far moments are from sampling, where there is sampling.
pub fn agreement(evaluation: &Evaluation) -> Option<Markup> {
    let rows: Vec<_> = evaluation
        .modes
        .iter()
        .flat_map(|mode| mode.sets.iter().map(move |result| (mode, result)))
        .filter_map(|(mode, result)| {
            let agreement = result.agreement?;
            let differences = agreement.differences;
            Some(vec![
                text(&mode.mode),
                text(&result.set),
                number(Some(100.0 * (1.0 - differences.class)), 2),
                number(Some(100.0 * differences.probabilities), 2),
                number(Some(differences.log_variance.exp()), 3),
                number(differences.log_difference.map(f64::exp), 3),
                number(Some(differences.epistemic), 4),
                number(Some(differences.mean), 3),
                number(agreement.noise.map(|noise| noise.differences.mean), 3),
                number(Some(differences.kl), 4),
                number(agreement.noise.map(|noise| noise.differences.kl), 4),
                number(differences.kl_difference, 4),
                number(agreement.noise.and_then(|noise| noise.differences.kl_difference), 4),
                number(Some(agreement.variance_ratio), 3),
                number(Some(agreement.correlation), 3),
                number(Some(agreement.rank_correlation), 3),
            ])
        })
        .collect();
    let head = [
        "moments against",
        "data",
        "same class, %",
        "probabilities, %",
        "variance, ratio",
        "of differences",
        "epistemic, nats",
        "means, deviations",
        "noise",
        "KL, nats",
        "noise",
        "KL of differences",
        "noise",
        "median ratio",
        "correlation",
        "of ranks",
    ];
    (!rows.is_empty()).then(|| table("Agreement with sampling", 2, &head, &rows))
}

/// Times of calls, where they were measured.
pub fn latency(evaluation: &Evaluation) -> Option<Markup> {
    let rows: Vec<_> = evaluation
        .modes
        .iter()
        .flat_map(|mode| mode.latency.iter().map(move |latency| (mode, latency)))
        .map(|(mode, latency)| {
            vec![
                text(&mode.mode),
                html! { td { (latency.batch) } },
                html! { td { (shown(latency.microseconds)) } },
                number(latency.speed_up, 2),
            ]
        })
        .collect();
    let head = ["mode", "batch", "µs per item, one core", "times that of moments"];
    let told = evaluation.modes.iter().flat_map(|mode| {
        mode.latency.iter().filter_map(move |latency| {
            let told = latency.told.as_ref()?.text();
            Some(format!("{}, batch {}: {told}", mode.mode, latency.batch))
        })
    });
    (!rows.is_empty()).then(|| {
        html! {
            (table("Time", 1, &head, &rows))
            @for line in told { p.muted { (line) } }
        }
    })
}

/// The command line that gives the evaluation again.
pub fn command(evaluation: &Evaluation) -> String {
    let settings = &evaluation.settings;
    let mut lines = vec![format!("pfp eval {}", quoted(&settings.module))];
    if let Some(parameters) = &settings.parameters {
        lines.push(format!("--params {}", quoted(parameters)));
    }
    lines.push(format!("--function {} --order {}", quoted(&settings.function), settings.order));
    let budget = settings.budget.map_or(String::new(), |budget| format!(" --budget {budget}x"));
    lines.push(format!("--covariance {}{budget}", settings.covariance));
    for set in &evaluation.sets {
        let flag = match set.role {
            Role::InDomain => "--in-domain",
            Role::Ambiguous => "--ambiguous",
            Role::OutOfDomain => "--ood",
        };
        let mut spec = set.source.clone();
        if let Some(labels) = set.labels_source.as_ref().filter(|labels| **labels != set.source) {
            spec += &format!("@labels={labels}");
        }
        if let Some(scale) = &set.scale {
            spec += &format!("@scale={scale}");
        }
        if let Some((mean, deviation)) = set.normalize {
            spec += &format!("@normalize={mean},{deviation}");
        }
        spec += &format!("@name={}", set.name);
        lines.push(format!("{flag} {}", quoted(&spec)));
    }
    let modes: Vec<_> = evaluation.modes.iter().map(|mode| mode.mode.as_str()).collect();
    lines.push(format!("--modes {}", modes.join(",")));
    lines.push(format!(
        "--batch {} --draws {} --seed {} --bins {}",
        settings.batch, settings.logit_draws, settings.seed, settings.bins
    ));
    lines.join(" \\\n    ")
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// What else the evaluation depends on.
pub fn settings(evaluation: &Evaluation) -> Markup {
    let settings = &evaluation.settings;
    let thresholds = settings.thresholds.map(|Thresholds { epistemic, aleatoric }| {
        format!(
            "unknown above {epistemic:.4} nats epistemic, ambiguous above {aleatoric:.4} aleatoric"
        )
    });
    let rows = [
        ("pfp", Some(settings.version.clone())),
        ("module, SHA-256", Some(settings.module_sha256.clone())),
        ("parameters, SHA-256", settings.parameters_sha256.clone()),
        ("code for", Some(settings.core.clone())),
        ("processor", Some(settings.cpu.clone())),
        ("date", Some(settings.date.clone())),
        ("reject thresholds of the parameter file", thresholds),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| {
        value.map(|value| vec![text(name), html! { td.long { (value) } }])
    });
    table("", 2, &["", ""], &rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("mnist/t10k@normalize=0.5,0.5"), "mnist/t10k@normalize=0.5,0.5");
        assert_eq!(quoted("my net's.mlir"), r"'my net'\''s.mlir'");
        assert_eq!(quoted(""), "''");
    }
}
