//! Calibration on labelled data that the network was not trained on: what `pfp calibrate` does.
//!
//! One half of the data is for the fit: a factor for all variances, one for the variances of each
//! layer, and a temperature of the logits, by negative log likelihood. The other half is for what
//! must not see the fit: the likelihood that is reported, reject thresholds, and the quantile of
//! split-conformal prediction sets.

pub mod adjustable;
pub mod conformal;
mod fit;
pub mod predictions;
pub mod reject;
pub mod rewrite;
pub mod search;

use gauss_lowering::passes::gauss_append_head::Kind;
use pfp_compiler::error::Error;
use serde::{Deserialize, Serialize};

use crate::{answers::Draws, batches::Items, metrics::Roc, watch::Watch};
use adjustable::Adjustable;
use conformal::Conformal;
use fit::Fit;
use predictions::{Predictions, shuffled};
use reject::{Goal, Item, Thresholds};

/// The key of a safetensors file's metadata under which its [`Calibration`] stands as JSON.
pub const METADATA: &str = "pfp.calibration";

/// Random halvings on which prediction sets are checked.
const CONFORMAL_SPLITS: usize = 20;

/// The fewest items that either half of the data may have.
const MIN_ITEMS: usize = 20;

/// What is fitted, and to what end.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How logits become class probabilities.
    pub draws: Draws,
    /// The share of the items that factors and temperature are fitted to, in (0, 1).
    pub fit_share: f64,
    /// What may change of the variances.
    pub variances: Variances,
    /// Is a temperature fitted?
    pub temperature: bool,
    /// What the thresholds are for.
    pub goal: Goal,
    /// The coverage of prediction sets, in (0, 1).
    pub conformal: f64,
}

/// What may change of the variances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variances {
    /// Nothing.
    Keep,
    /// One factor for all.
    One,
    /// A factor for each layer.
    Layers,
}

impl Variances {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Keep, Self::One, Self::Layers];

    /// A short name, and what may change in words.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Keep => ("keep", "Nothing"),
            Self::One => ("one", "One factor for all"),
            Self::Layers => ("layers", "A factor for each layer"),
        }
    }
}

/// Labelled items, and items that belong to no class.
pub struct Labelled<'a> {
    /// The items.
    pub items: Items<'a>,
    /// The class of each.
    pub labels: Vec<usize>,
    /// Items out of domain, for a false-accept rate.
    pub out_of_domain: Option<Items<'a>>,
}

/// What a calibration found. Stands in the metadata of the parameter file that it wrote, under
/// [`METADATA`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// SHA-256 of the parameter file that was calibrated.
    pub parameters_sha256: String,
    /// The factor of all variances.
    pub variance_factor: f64,
    /// The layers in the order of execution.
    pub layers: Vec<LayerFactor>,
    /// Why the variances stay as they are, where they were fitted.
    #[serde(default)]
    pub variances_kept: Option<Kept>,
    /// The temperature of the logits.
    pub temperature: Temperature,
    /// When to reject an answer.
    pub thresholds: Thresholds,
    /// The rule of prediction sets.
    pub conformal: Conformal,
    /// How the rule did on parts of the items that it is from; `None` where it needs all of them.
    pub conformal_check: Option<conformal::Check>,
    /// The head whose uncertainties the thresholds are for: `sample`, or `sigmoid` of a binary
    /// classifier.
    #[serde(default = "of_draws")]
    pub head: String,
    /// Draws of the logits that probabilities and uncertainties were computed from.
    pub draws: u32,
    /// The seed of the draws and of the split of the items.
    pub seed: u64,
    /// How well the mutual information tells the held-out items from those out of domain, where
    /// there are any.
    pub detection: Option<Detection>,
    /// On the items that factors and temperature were fitted to.
    pub fitted: Change,
    /// On the other items.
    pub held_out: Change,
}

/// The head of thresholds on uncertainties by draws of the logits.
fn of_draws() -> String {
    "sample".into()
}

/// The factor of the variances of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerFactor {
    /// The layer.
    pub layer: String,
    /// Its parameters.
    pub parameters: Vec<String>,
    /// What their variances are multiplied by, the factor of all variances included.
    pub factor: f64,
}

/// The temperature of the logits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// What the logits are divided by. It is part of the parameters written: the means of the last
    /// layer are divided by it, the variances by its square.
    pub value: f64,
    /// Why it was not fitted, where it was not.
    pub not_fitted: Option<String>,
    /// Why it stays 1, where it was fitted.
    #[serde(default)]
    pub kept: Option<Kept>,
}

/// Why what was fitted stays as it is: the best that was found is hardly better. Negative log
/// likelihoods are those of the items of the fit, in nats per item, and by fewer draws than that of
/// [`Quality`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// As it is.
    pub nll: f64,
    /// With the best change.
    pub best: f64,
    /// A gain of no more is noise.
    pub noise: f64,
}

/// The area under the ROC curve of a score: 0.5 is chance, 1 perfect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// As the parameters were.
    pub before: f64,
    /// As they are now.
    pub after: f64,
}

/// Measures before and after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// How many items.
    pub items: usize,
    /// As the parameters were.
    pub before: Quality,
    /// As they are now.
    pub after: Quality,
}

/// How good predictions are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Negative log likelihood, nats per item.
    pub nll: f64,
    /// The share of right answers.
    pub accuracy: f64,
}

impl Calibration {
    /// The factor of the variances of a parameter, before the temperature.
    pub fn factor(&self, parameter: &str) -> f64 {
        let layer =
            self.layers.iter().find(|layer| layer.parameters.iter().any(|p| p == parameter));
        layer.map_or(1.0, |layer| layer.factor)
    }

    /// Are the thresholds on the uncertainties of this head?
    pub fn is_for(&self, head: Kind) -> bool {
        match head {
            Kind::Sample(_) => self.head == "sample",
            Kind::Sigmoid => self.head == "sigmoid",
            Kind::MeanField | Kind::Laplace | Kind::Interval(_) => false,
        }
    }
}

/// Calibrates a classifier.
///
/// # Errors
///
/// Where there are too few items, a label is not a class, a logit is not finite, or the goal cannot
/// be reached.
pub fn calibrate(
    model: &Adjustable,
    parameters_sha256: String,
    data: &Labelled,
    settings: &Settings,
    watch: &dyn Watch,
) -> Result<Calibration, Error> {
    check_labels(&data.labels, data.items.count(), model.classes())?;
    let (fitted, held_out) = split(data.items.count(), settings)?;
    check_held_out(held_out.len(), data.items.count(), settings)?;
    let ones = vec![1.0; model.layers().len()];
    watch.stage("the network as it is");
    let before = model.run(&data.items, &ones)?;
    before.check("the labelled data")?;
    let before = before.predict(1.0, settings.draws);

    let fit = Fit::new(model, &data.items, &data.labels, &fitted, settings);
    let fit::Fitted { global, factors, temperature, variances_kept, temperature_kept } =
        fit.run(watch)?;
    watch.stage("thresholds and prediction sets");
    let after = model.run(&data.items, &factors)?;
    after.check("the labelled data")?;
    let after = after.predict(temperature, settings.draws);
    let change = |items: &[usize]| Change {
        items: items.len(),
        before: quality(&before, &data.labels, items),
        after: quality(&after, &data.labels, items),
    };
    let mut judged: Vec<_> = held_out
        .iter()
        .map(|&item| Item {
            uncertainty: after.uncertainty(item),
            right: Some(after.class(item) == data.labels[item]),
        })
        .collect();
    let mut detection = None;
    if let Some(items) = &data.out_of_domain {
        let predict = |factors: &[f64], temperature: f64| {
            let logits = model.run(items, factors)?;
            logits.check("the data out of domain")?;
            Ok::<_, Error>(logits.predict(temperature, settings.draws))
        };
        let all: Vec<_> = (0..items.count()).collect();
        let epistemic = |predictions: &Predictions, items: &[usize]| -> Vec<f64> {
            items.iter().map(|&item| predictions.uncertainty(item).epistemic.into()).collect()
        };
        let area = |inside: &Predictions, outside: &Predictions| {
            Roc::of(&epistemic(inside, &held_out), &epistemic(outside, &all)).auroc()
        };
        let foreign = predict(&factors, temperature)?;
        detection = Some(Detection {
            before: area(&before, &predict(&ones, 1.0)?),
            after: area(&after, &foreign),
        });
        judged.extend(
            all.iter().map(|&item| Item { uncertainty: foreign.uncertainty(item), right: None }),
        );
    }
    let layers = model.layers().iter().zip(&factors).map(|(layer, &factor)| LayerFactor {
        layer: layer.name.clone(),
        parameters: layer.parameters.clone(),
        factor,
    });
    let coverage = settings.conformal;
    Ok(Calibration {
        parameters_sha256,
        variance_factor: global,
        layers: layers.collect(),
        variances_kept,
        temperature: Temperature {
            value: temperature,
            not_fitted: why_not(model, settings),
            kept: temperature_kept,
        },
        thresholds: Thresholds::fit(&judged, settings.goal)?,
        conformal: Conformal::fit(&after, &data.labels, &held_out, coverage)?,
        conformal_check: Conformal::check(
            &after,
            &data.labels,
            &held_out,
            coverage,
            CONFORMAL_SPLITS,
        )?,
        head: if model.is_binary() { "sigmoid".into() } else { of_draws() },
        draws: settings.draws.count,
        seed: settings.draws.seed,
        detection,
        fitted: change(&fitted),
        held_out: change(&held_out),
    })
}

/// Why the temperature stays 1, where it does.
fn why_not(model: &Adjustable, settings: &Settings) -> Option<String> {
    match (settings.temperature, model.last()) {
        (false, _) => Some("it was not asked for".into()),
        (true, Err(reason)) => Some(format!("it cannot become part of the parameters: {reason}")),
        (true, Ok(_)) => None,
    }
}

fn quality(predictions: &Predictions, labels: &[usize], items: &[usize]) -> Quality {
    Quality { nll: predictions.nll(labels, items), accuracy: predictions.accuracy(labels, items) }
}

/// The numbers of the items for the fit and of those held out.
fn split(count: usize, settings: &Settings) -> Result<(Vec<usize>, Vec<usize>), Error> {
    let mut order = shuffled(&(0..count).collect::<Vec<_>>(), settings.draws.seed);
    let fitted = (count as f64 * settings.fit_share).round() as usize;
    let held_out = order.split_off(fitted.min(count));
    match order.len().min(held_out.len()) {
        MIN_ITEMS.. => Ok((order, held_out)),
        _ => Err(Error::request(format!(
            "{count} labelled items are too few: {} would be for the fit and {} held out",
            order.len(),
            held_out.len()
        ))
        .with_help(format!("give at least {MIN_ITEMS} for either"))),
    }
}

fn check_labels(labels: &[usize], items: usize, classes: usize) -> Result<(), Error> {
    if labels.len() != items {
        return Err(Error::request(format!("there are {items} items but {} labels", labels.len()))
            .with_help("give a label for each item, in the same order"));
    }
    match labels.iter().position(|&label| label >= classes) {
        None => Ok(()),
        Some(item) => Err(Error::request(format!(
            "the label of item {item} is {}, but the network tells {classes} classes apart, 0 to {}",
            labels[item],
            classes - 1
        ))),
    }
}

/// The rank, from 1, of the value among `items` sorted ones below which a new one falls with
/// probability `coverage` at least: `⌈(items + 1) · coverage⌉`.
///
/// # Errors
///
/// Where there are too few items, so that no value would do.
fn rank(items: usize, coverage: f64, what: &str) -> Result<usize, Error> {
    let rank = position(items, coverage);
    if rank <= items {
        return Ok(rank);
    }
    Err(Error::request(format!("{items} items are too few for {what} at a level of {coverage}"))
        .with_help(format!(
            "at least {} are needed; give more labelled items or a lower level",
            needed(coverage)
        )))
}

/// The fewest items of which [`rank`] finds one.
fn needed(coverage: f64) -> usize {
    let about = (coverage / (1.0 - coverage)).floor().max(1.0) as usize;
    // The quotient is rounded, and the rule decides.
    let near = (about - 1).max(1)..=about.saturating_add(1);
    near.into_iter().find(|&items| position(items, coverage) <= items).unwrap_or(about)
}

fn position(items: usize, coverage: f64) -> usize {
    // Products such as 10 · 0.9 must not be rounded up past a whole number.
    ((items as f64 + 1.0) * coverage * (1.0 - 1e-12)).ceil().max(1.0) as usize
}

/// Are enough items held out for what is made of them? Says so before anything is fitted.
fn check_held_out(held_out: usize, items: usize, settings: &Settings) -> Result<(), Error> {
    let thresholds = match settings.goal {
        Goal::Coverage(level) => Some(("the thresholds", level, "--coverage")),
        // Those that should be rejected are not known yet.
        Goal::FalseAccept(_) => None,
    };
    let sets = ("prediction sets", settings.conformal, "--conformal");
    for (what, level, option) in thresholds.into_iter().chain([sets]) {
        let needed = needed(level);
        if held_out >= needed {
            continue;
        }
        let share = settings.fit_share;
        let of_items = |items: f64| items - (items * share).round();
        let least = (needed as f64 / (1.0 - share)).floor();
        let mut all = least.max(MIN_ITEMS as f64 / share);
        while of_items(all) < needed as f64 {
            all += 1.0;
        }
        let mut help = format!(
            "at least {needed} are needed: give {:.0} labelled items in all, or a lower {option}",
            all.ceil()
        );
        if items >= needed.saturating_add(MIN_ITEMS) {
            let share = (items - needed) as f64 / items as f64;
            help +=
                &format!(", or hold out more with --fit-share {:.3}", (share * 1e3).floor() / 1e3);
        }
        return Err(Error::request(format!(
            "{held_out} items are too few for {what} at a level of {level}: so many of {items} are \
             held out"
        ))
        .with_help(help));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_a_new_item() {
        assert_eq!(rank(9, 0.9, "x").unwrap(), 9);
        assert_eq!(rank(99, 0.95, "x").unwrap(), 95);
        assert_eq!(rank(100, 0.95, "x").unwrap(), 96);
        assert!(rank(8, 0.9, "x").is_err());
        assert!(rank(0, 0.5, "x").is_err());
    }

    #[test]
    fn as_many_items_as_the_rule_needs() {
        // The least n with ceil((n + 1) level) <= n.
        let levels = [0.01, 0.5, 0.6, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999];
        let expected = [1, 1, 2, 9, 19, 49, 99, 199, 999, 9999];
        assert_eq!(levels.map(needed), expected);
        for level in levels {
            let least = needed(level);
            assert!(rank(least, level, "x").is_ok(), "{level}");
            assert!(least == 1 || rank(least - 1, level, "x").is_err(), "{level}");
        }
    }

    #[test]
    fn labels_are_classes_one_for_each_item() {
        assert!(check_labels(&[0, 9], 2, 10).is_ok());
        assert!(check_labels(&[0], 2, 10).is_err() && check_labels(&[10], 1, 10).is_err());
    }
}
