//! Factors of variances and a temperature, by coordinate descent on the negative log likelihood.

use super::{
    Settings,
    adjustable::Adjustable,
    predictions::{Logits, Sampling},
    search::minimise,
};
use crate::{batches::Items, data::Array, error::Error};

/// Natural logarithms of the factors that are tried first.
const FACTORS: (f64, f64) = (-9.3, 4.7);

/// And of the temperatures.
const TEMPERATURES: (f64, f64) = (-2.4, 2.4);

/// How far around its value a coordinate is searched in later rounds.
const NEIGHBOURHOOD: f64 = 1.4;

/// How exactly a logarithm is searched: a factor to 5 %.
const TOLERANCE: f64 = 0.05;

/// The most rounds over all coordinates.
const ROUNDS: usize = 3;

/// A round that gains less than this share of the likelihood is the last.
const NEGLIGIBLE_GAIN: f64 = 2e-3;

/// The most draws of the logits while candidates are compared: all see the same draws.
const DRAWS: u32 = 200;

/// A search over the variances and the scale of the logits.
pub struct Fit<'a> {
    model: &'a Adjustable,
    /// The items of the fit, gathered.
    arrays: Vec<Array>,
    labels: Vec<usize>,
    /// The numbers of the gathered items.
    all: Vec<usize>,
    settings: &'a Settings,
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
        let arrays = items.gather(chosen);
        let labels = chosen.iter().map(|&item| labels[item]).collect();
        Self { model, arrays, labels, all: (0..chosen.len()).collect(), settings }
    }

    /// The factor of all variances, the factors of the layers with it, the temperature.
    pub fn run(&self, progress: &dyn Fn(&str)) -> Result<(f64, Vec<f64>, f64), Error> {
        let items = Items::new(self.model.signature(), &self.arrays)?;
        let layers = vec![0.0; self.model.layers().len()];
        let mut best = Point { global: 0.0, layers, temperature: 0.0, nll: f64::INFINITY };
        best.nll = self.nll(&self.model.run(&items, &best.factors())?, 0.0);
        let by_layer = self.settings.layers && best.layers.len() > 1;
        for round in 0..ROUNDS {
            let start = best.nll;
            let near = |value: f64, first: (f64, f64)| match round {
                0 => first,
                _ => (value - NEIGHBOURHOOD, value + NEIGHBOURHOOD),
            };
            progress(&self.state(&best, "all variances"));
            let interval = near(best.global, FACTORS);
            best = self.improve(&items, best, interval, &|point, x| point.global = x)?;
            if self.settings.temperature && self.model.last().is_ok() {
                progress(&self.state(&best, "the temperature"));
                best = self.improve_temperature(&items, best, round)?;
            }
            for (index, layer) in self.model.layers().iter().enumerate().filter(|_| by_layer) {
                progress(&self.state(&best, &layer.name));
                let interval =
                    near(best.layers[index], (-NEIGHBOURHOOD * 3.0, NEIGHBOURHOOD * 2.0));
                best = self.improve(&items, best, interval, &|point, x| point.layers[index] = x)?;
            }
            if start - best.nll < NEGLIGIBLE_GAIN * start {
                break;
            }
        }
        Ok((best.global.exp(), best.factors(), best.temperature.exp()))
    }

    /// The best point along one coordinate, or the point itself.
    fn improve(
        &self,
        items: &Items,
        point: Point,
        interval: (f64, f64),
        set: &dyn Fn(&mut Point, f64),
    ) -> Result<Point, Error> {
        let at = |x: f64| {
            let mut candidate = point.clone();
            set(&mut candidate, x);
            candidate
        };
        let (x, nll) = minimise(interval, TOLERANCE, |x| {
            let candidate = at(x);
            let logits = self.model.run(items, &candidate.factors())?;
            Ok::<_, Error>(self.nll(&logits, candidate.temperature))
        })?;
        Ok(if nll < point.nll { Point { nll, ..at(x) } } else { point })
    }

    /// As [`Fit::improve`], on logits that are computed once.
    fn improve_temperature(
        &self,
        items: &Items,
        point: Point,
        round: usize,
    ) -> Result<Point, Error> {
        let logits = self.model.run(items, &point.factors())?;
        let interval = match round {
            0 => TEMPERATURES,
            _ => (point.temperature - NEIGHBOURHOOD, point.temperature + NEIGHBOURHOOD),
        };
        let (temperature, nll) =
            minimise(interval, TOLERANCE / 2.0, |x| Ok::<_, Error>(self.nll(&logits, x)))?;
        Ok(if nll < point.nll { Point { temperature, nll, ..point } } else { point })
    }

    fn nll(&self, logits: &Logits, temperature: f64) -> f64 {
        // Variances that a factor makes overflow are no candidate.
        if logits.check("").is_err() {
            return f64::INFINITY;
        }
        let Sampling { draws, seed } = self.settings.sampling;
        let sampling = Sampling { draws: draws.min(DRAWS), seed };
        logits.predict(temperature.exp(), sampling).nll(&self.labels, &self.all)
    }

    fn state(&self, best: &Point, what: &str) -> String {
        format!("fitting {what} (negative log likelihood {:.4})", best.nll)
    }
}
