//! Factors of variances and a temperature, by coordinate descent on the negative log likelihood.
//!
//! The likelihood of in-domain items alone often falls ever further as variances shrink: where the
//! mean network is right, uncertainty only costs. A network without variances would know nothing
//! of what it does not know. So the search ends at the smallest change, of the variances first and
//! then of the temperature, that is as good as the best one: within one standard error of its
//! likelihood. This is the one-standard-error rule (L. Breiman, J. Friedman, R. Olshen, C. Stone,
//! *Classification and regression trees*, 1984, section 3.4.3), the error being that of the mean
//! difference of the items' losses; a difference of a tenth of the likelihood never counts.

use std::convert::Infallible;

use pfp_compiler::{array::Array, error::Error};

use super::{
    Kept, Settings, Variances,
    adjustable::Adjustable,
    predictions::Logits,
    search::{evaluations, minimise},
};
use crate::{answers::Draws, batches::Items, watch::Watch};

/// Natural logarithms of the factors that are tried first.
const FACTORS: (f64, f64) = (-9.3, 4.7);

/// Those of a layer beside the factor of all variances.
const LAYER_FACTORS: (f64, f64) = (-3.5, 2.5);

/// And of the temperatures.
const TEMPERATURES: (f64, f64) = (-2.4, 2.4);

/// How far around its value a coordinate is searched in later rounds.
const NEIGHBOURHOOD: f64 = 1.4;

/// How exactly the logarithm of a factor is searched.
const TOLERANCE: f64 = 0.15;

/// And that of the temperature, which costs less.
const TEMPERATURE_TOLERANCE: f64 = 0.02;

/// The most rounds over all coordinates.
const ROUNDS: usize = 2;

/// A round that gains less than this share of the likelihood is the last.
const NEGLIGIBLE_GAIN: f64 = 2e-3;

/// A likelihood worse by at most this share of itself is as good: the search has chosen the best of
/// many, and a part of what it gained is chance.
const NEGLIGIBLE_LOSS: f64 = 0.1;

/// The most items that candidates are compared on.
const ITEMS: usize = 1000;

/// Halvings in the search for the smallest change of variances that will do.
const HALVINGS: usize = 5;

/// The most draws of the logits while candidates are compared: all see the same draws.
const DRAWS: u32 = 200;

/// A search over the variances and the scale of the logits.
pub struct Fit<'a> {
    model: &'a Adjustable,
    /// The items of the fit, gathered.
    arrays: Vec<Array>,
    labels: Vec<usize>,
    settings: &'a Settings,
}

/// What a fit found.
pub struct Fitted {
    /// The factor of all variances.
    pub global: f64,
    /// The factors of the layers, that of all variances included.
    pub factors: Vec<f64>,
    /// The temperature.
    pub temperature: f64,
    /// Why the variances stay as they are, where they were fitted.
    pub variances_kept: Option<Kept>,
    /// Why the temperature stays 1, where it was fitted.
    pub temperature_kept: Option<Kept>,
}

/// A candidate and what it is worth.
#[derive(Clone)]
struct Point {
    /// The logarithm of the factor of all variances.
    global: f64,
    /// Those of the layers, beside it.
    layers: Vec<f64>,
    /// That of the temperature.
    temperature: f64,
    /// Negative log likelihood, nats per item.
    nll: f64,
}

impl Point {
    /// The point with this share of the change of the variances.
    fn shrunk(&self, share: f64) -> Self {
        let layers = self.layers.iter().map(|layer| layer * share).collect();
        Self { global: self.global * share, layers, ..*self }
    }

    fn factors(&self) -> Vec<f64> {
        self.layers.iter().map(|layer| (self.global + layer).exp()).collect()
    }
}

impl<'a> Fit<'a> {
    /// A fit to some of the items.
    pub fn new(
        model: &'a Adjustable,
        items: &Items,
        labels: &[usize],
        chosen: &[usize],
        settings: &'a Settings,
    ) -> Self {
        let chosen = &chosen[..chosen.len().min(ITEMS)];
        let arrays = items.gather(chosen);
        let labels = chosen.iter().map(|&item| labels[item]).collect();
        Self { model, arrays, labels, settings }
    }

    /// Searches.
    ///
    /// # Errors
    ///
    /// Where the network cannot be run.
    pub fn run(&self, watch: &dyn Watch) -> Result<Fitted, Error> {
        let items = Items::new(self.model.signature(), &self.arrays)?;
        let layers = vec![0.0; self.model.layers().len()];
        let mut best = Point { global: 0.0, layers, temperature: 0.0, nll: f64::INFINITY };
        best.nll = self.nll(&self.model.run(&items, &best.factors())?, 0.0);
        for round in 0..ROUNDS {
            let start = best.nll;
            best = self.round(&items, best, round, watch)?;
            if start - best.nll < NEGLIGIBLE_GAIN * start {
                break;
            }
        }
        let candidates = 2 * (HALVINGS + 2);
        let progress = watch.count("fitting the smallest change that will do", candidates);
        let chosen = self.smallest_change(&items, best, &*progress)?;
        // Where no change at all will do, fewer candidates were tried.
        progress(candidates);
        Ok(chosen)
    }

    /// Improves one coordinate after the other.
    fn round(
        &self,
        items: &Items,
        mut best: Point,
        round: usize,
        watch: &dyn Watch,
    ) -> Result<Point, Error> {
        let tell = |best: &Point, what: &str, interval: (f64, f64), tolerance: f64| {
            let what = format!("fitting {what} (negative log likelihood {:.4})", best.nll);
            watch.count(&what, evaluations(interval, tolerance))
        };
        let near = |value: f64, first: (f64, f64)| match round {
            0 => first,
            _ => (value - NEIGHBOURHOOD, value + NEIGHBOURHOOD),
        };
        let interval = near(best.temperature, TEMPERATURES);
        let progress = tell(&best, "the temperature", interval, TEMPERATURE_TOLERANCE);
        let logits = self.model.run(items, &best.factors())?;
        best = self.fit_temperature(&logits, interval, best, &*progress);
        let variances = self.settings.variances;
        if variances != Variances::Keep {
            let interval = near(best.global, FACTORS);
            let progress = tell(&best, "all variances", interval, TOLERANCE);
            let set = |point: &mut Point, x| point.global = x;
            best = self.improve(items, best, interval, &set, &*progress)?;
            let interval = near(best.temperature, TEMPERATURES);
            let progress = tell(&best, "the temperature", interval, TEMPERATURE_TOLERANCE);
            let logits = self.model.run(items, &best.factors())?;
            best = self.fit_temperature(&logits, interval, best, &*progress);
        }
        if variances == Variances::Layers && best.layers.len() > 1 {
            for (index, layer) in self.model.layers().iter().enumerate() {
                let interval = near(best.layers[index], LAYER_FACTORS);
                let progress = tell(&best, &layer.name, interval, TOLERANCE);
                let set = |point: &mut Point, x| point.layers[index] = x;
                best = self.improve(items, best, interval, &set, &*progress)?;
            }
        }
        Ok(best)
    }

    /// The point with the least of the change of the variances, and then of the temperature, whose
    /// likelihood is as good as the best.
    fn smallest_change(
        &self,
        items: &Items,
        best: Point,
        progress: &dyn Fn(usize),
    ) -> Result<Fitted, Error> {
        let near = (best.temperature - NEIGHBOURHOOD, best.temperature + NEIGHBOURHOOD);
        let Least { value: chosen, losses, kept: variances_kept } = least_share(|share| {
            let point = best.shrunk(share);
            let logits = self.model.run(items, &point.factors())?;
            let nll = self.nll(&logits, point.temperature);
            // The temperature makes up for variances and the other way round.
            let point = self.fit_temperature(&logits, near, Point { nll, ..point }, &|_| ());
            let losses = self.losses(&logits, point.temperature);
            progress(1);
            Ok((point, losses))
        })?;
        let logits = self.model.run(items, &chosen.factors())?;
        let Least { value: temperature, kept, .. } = least_share(|share| match share {
            1.0 => Ok((chosen.temperature, losses.clone())),
            share => {
                let temperature = chosen.temperature * share;
                progress(1);
                Ok((temperature, self.losses(&logits, temperature)))
            }
        })?;
        Ok(Fitted {
            global: chosen.global.exp(),
            factors: chosen.factors(),
            temperature: temperature.exp(),
            variances_kept: variances_kept.filter(|_| self.settings.variances != Variances::Keep),
            temperature_kept: kept.filter(|_| self.fits_temperature()),
        })
    }

    fn fits_temperature(&self) -> bool {
        self.settings.temperature && self.model.last().is_ok()
    }

    /// The best point along one coordinate, or the point itself.
    fn improve(
        &self,
        items: &Items,
        point: Point,
        interval: (f64, f64),
        set: &dyn Fn(&mut Point, f64),
        progress: &dyn Fn(usize),
    ) -> Result<Point, Error> {
        let at = |x: f64| {
            let mut candidate = point.clone();
            set(&mut candidate, x);
            candidate
        };
        let (x, nll) = minimise(interval, TOLERANCE, |x| {
            let candidate = at(x);
            let logits = self.model.run(items, &candidate.factors())?;
            let nll = self.nll(&logits, candidate.temperature);
            progress(1);
            Ok::<_, Error>(nll)
        })?;
        Ok(if nll < point.nll { Point { nll, ..at(x) } } else { point })
    }

    /// The point with the best temperature for these logits of it, where one is fitted.
    fn fit_temperature(
        &self,
        logits: &Logits,
        interval: (f64, f64),
        point: Point,
        progress: &dyn Fn(usize),
    ) -> Point {
        if !self.fits_temperature() {
            return point;
        }
        let evaluate = |x: f64| {
            let nll = self.nll(logits, x);
            progress(1);
            Ok::<_, Infallible>(nll)
        };
        let Ok((temperature, nll)) = minimise(interval, TEMPERATURE_TOLERANCE, evaluate);
        if nll < point.nll { Point { temperature, nll, ..point } } else { point }
    }

    fn nll(&self, logits: &Logits, temperature: f64) -> f64 {
        mean(&self.losses(logits, temperature))
    }

    /// The negative log likelihood of each item.
    fn losses(&self, logits: &Logits, temperature: f64) -> Vec<f64> {
        // Variances that a factor makes overflow are no candidate.
        if logits.check("").is_err() {
            return vec![f64::INFINITY; self.labels.len()];
        }
        let Draws { count, seed } = self.settings.draws;
        let draws = Draws { count: count.min(DRAWS), seed };
        let predictions = logits.predict(temperature.exp(), draws);
        self.labels.iter().enumerate().map(|(item, &label)| predictions.loss(item, label)).collect()
    }
}

/// The candidate with the least share of a change, of those that are as good as the candidate with
/// all of it.
fn least_share<T>(
    evaluate: impl Fn(f64) -> Result<(T, Vec<f64>), Error>,
) -> Result<Least<T>, Error> {
    let mut chosen = evaluate(1.0)?;
    let best = chosen.1.clone();
    let (none, losses) = evaluate(0.0)?;
    if is_as_good(&losses, &best) {
        let kept = Kept { nll: mean(&losses), best: mean(&best), noise: noise(&losses, &best) };
        return Ok(Least { value: none, losses, kept: Some(kept) });
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        let candidate = evaluate(middle)?;
        match is_as_good(&candidate.1, &best) {
            true => (high, chosen) = (middle, candidate),
            false => low = middle,
        }
    }
    let (value, losses) = chosen;
    Ok(Least { value, losses, kept: None })
}

/// The least of a change that will do.
struct Least<T> {
    value: T,
    /// Of each item.
    losses: Vec<f64>,
    /// Why nothing of the change was needed, where it was not.
    kept: Option<Kept>,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Are losses on average at most one standard error, or a negligible share, above others of the
/// same items?
fn is_as_good(losses: &[f64], best: &[f64]) -> bool {
    mean(losses) - mean(best) <= noise(losses, best)
}

/// One standard error of the mean difference of losses, or the share of the best ones that is
/// negligible.
fn noise(losses: &[f64], best: &[f64]) -> f64 {
    let differences: Vec<_> = losses.iter().zip(best).map(|(a, b)| a - b).collect();
    let (count, average) = (differences.len() as f64, mean(&differences));
    let squares = differences.iter().map(|d| (d - average).powi(2)).sum::<f64>();
    (squares / (count - 1.0) / count).sqrt().max(NEGLIGIBLE_LOSS * mean(best))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_change_within_one_standard_error_is_chosen() {
        // Differences of 1 +- 2 over 100 items have a standard error of 0.2.
        let losses = |mean: f64| -> Vec<_> {
            (0..100).map(|i| mean + if i % 2 == 0 { 2.0 } else { -2.0 }).collect()
        };
        assert!(is_as_good(&losses(0.19), &[0.0; 100]));
        assert!(!is_as_good(&losses(0.21), &[0.0; 100]));
        let at = |share: f64| match share {
            1.0 => Ok((share, vec![0.0; 100])),
            share => Ok((share, losses(1.0 - share))),
        };
        let Least { value: share, kept, .. } = least_share(at).unwrap();
        assert!(kept.is_none());
        assert!((share - 0.8).abs() <= 0.5f64.powi(HALVINGS as i32), "{share}");
        // Nothing of the change, where that costs no more than noise: 0.1 of 0.2.
        let at = |share: f64| Ok((share, losses(1.0 + 0.1 * (1.0 - share))));
        let Least { value, kept, .. } = least_share(at).unwrap();
        let Kept { nll, best, noise } = kept.unwrap();
        assert_eq!(value, 0.0);
        assert!((nll - 1.1).abs() < 1e-9 && (best - 1.0).abs() < 1e-9, "{nll} {best}");
        // All items differ alike: a tenth of the likelihood is negligible.
        assert!((noise - 0.1).abs() < 1e-9, "{noise}");
    }
}
