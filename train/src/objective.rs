//! The gradient of an objective on a part of a batch.

use std::{mem, ops::Range};

use pfp_compiler::error::Error;
use rand_chacha::ChaCha8Rng;

use crate::{
    data::Data,
    gradient::{Call, Gradient, Outcome, Parameter, Values, sizes},
    layout::Place,
    random::normals,
    settings::Objective,
};

/// The gradient of an objective.
pub struct Estimate<'a> {
    gradient: &'a dyn Gradient,
    objective: Objective,
    /// Means and variances of the Gaussian parameters whose weights are drawn.
    drawn: Vec<Drawn>,
    /// Of those that the gradient takes variances of, where these are among all, and among its own.
    passed: Vec<[Range<usize>; 2]>,
}

/// A parameter whose weights are drawn.
struct Drawn {
    mean: Range<usize>,
    variance: Range<usize>,
    /// Where its standard normal numbers are.
    noise: Range<usize>,
}

/// What a call of one shard needs, made once.
#[derive(Debug, Clone)]
pub struct Shard {
    input: Vec<f32>,
    target: Vec<f32>,
    weight: Vec<f32>,
    /// Standard normal numbers: of weights, then of the call.
    noise: Vec<f32>,
    /// Drawn weights, and what the gradient takes of variances.
    drawn: Values,
    /// The gradient along the latter.
    along: Vec<f32>,
    /// How many items it has.
    pub items: usize,
}

/// What is wanted of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Losses, outputs and gradient.
    Gradient,
    /// Losses and outputs.
    Loss,
}

impl<'a> Estimate<'a> {
    /// That of an objective, of whose parameters these are the places. The gradient is that of the moments
    /// of the network for [`Objective::Moments`], else that of the plain network; for [`Objective::Local`] it
    /// takes variances of some parameters.
    ///
    /// # Errors
    ///
    /// Where the gradient is of another network.
    pub fn new(
        gradient: &'a dyn Gradient,
        objective: Objective,
        parameters: &[Parameter],
        places: &[Place],
    ) -> Result<Self, Error> {
        let others = gradient.parameters();
        let fits = |own: &Parameter, other: &Parameter| {
            let is_gaussian = match objective {
                Objective::Moments => other.gaussian == own.gaussian,
                Objective::Local => own.gaussian || !other.gaussian,
                Objective::Svi | Objective::Means => !other.gaussian,
            };
            own.name == other.name && own.shape == other.shape && is_gaussian
        };
        let fit = parameters.len() == others.len()
            && parameters.iter().zip(others).all(|(own, other)| fits(own, other));
        if !fit {
            return Err(Error::Internal(format!(
                "the gradient for {} has other parameters than the network",
                objective.name()
            )));
        }
        let (mut drawn, mut passed) = (Vec::new(), Vec::new());
        let (mut numbers, mut own) = (0, 0);
        for (Place { mean, variance, .. }, other) in places.iter().zip(others) {
            let Some(variance) = variance.clone() else { continue };
            let count = variance.len();
            match (other.gaussian, objective) {
                (true, _) => {
                    passed.push([variance, own..own + count]);
                    own += count;
                }
                (false, Objective::Svi | Objective::Local) => {
                    let noise = numbers..numbers + count;
                    drawn.push(Drawn { mean: mean.clone(), variance, noise });
                    numbers += count;
                }
                (false, _) => {}
            }
        }
        Ok(Self { gradient, objective, drawn, passed })
    }

    /// Items of a call.
    pub fn items(&self) -> usize {
        self.gradient.items()
    }

    /// Numbers that the network gives for an item.
    pub fn outputs(&self) -> usize {
        self.gradient.outputs()
    }

    /// Does it draw weights, or what layers give?
    fn draws(&self) -> bool {
        matches!(self.objective, Objective::Svi | Objective::Local)
    }

    /// Room for a call, of a network with these parameters.
    pub fn shard(&self, data: &Data, parameters: &[Parameter]) -> Shard {
        let items = self.items();
        let (means, _) = sizes(parameters);
        let means = if self.draws() { means } else { 0 };
        let (_, variances) = sizes(self.gradient.parameters());
        let variances = if self.draws() { variances } else { 0 };
        Shard {
            input: vec![0.0; items * data.length()],
            target: vec![0.0; items * data.target.width()],
            weight: vec![0.0; items],
            noise: vec![0.0; self.numbers() + items * self.gradient.noise()],
            drawn: Values { mean: vec![0.0; means], variance: vec![0.0; variances] },
            along: vec![0.0; variances],
            items: 0,
        }
    }

    /// The standard normal numbers of weights.
    fn numbers(&self) -> usize {
        self.drawn.last().map_or(0, |last| last.noise.end)
    }

    /// Room for what a call gives, of a network with these parameters.
    pub fn outcome(&self, parameters: &[Parameter]) -> Outcome {
        let (_, variances) = sizes(parameters);
        Outcome { variance: vec![0.0; variances], ..Outcome::new(self.gradient) }
    }

    /// Calls the gradient for the items of a shard. Where it has none, all it gives is 0.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    pub fn call(
        &self,
        values: &Values,
        shard: &mut Shard,
        random: &mut ChaCha8Rng,
        wanted: Wanted,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        if shard.items == 0 {
            outcome.mean.fill(0.0);
            outcome.variance.fill(0.0);
            return Ok(());
        }
        normals(random, &mut shard.noise);
        let Shard { input, target, weight, noise, drawn, along, .. } = shard;
        let (of_weights, noise) = noise.split_at(self.numbers());
        let call = Call { input, target, weight, noise };
        if self.objective == Objective::Moments {
            return self.run(values, call, wanted, outcome);
        }
        // The gradient has as many variances as it takes, the outcome all.
        let mut variance = mem::replace(&mut outcome.variance, mem::take(along));
        let result = if self.draws() {
            self.draw(values, of_weights, drawn);
            self.run(drawn, call, wanted, outcome)
        } else {
            self.run(values, call, wanted, outcome)
        };
        *along = mem::take(&mut outcome.variance);
        if wanted == Wanted::Gradient {
            for [place, own] in &self.passed {
                variance[place.clone()].copy_from_slice(&along[own.clone()]);
            }
            self.along_variances(values, of_weights, &outcome.mean, &mut variance);
        }
        outcome.variance = variance;
        result
    }

    fn run(
        &self,
        values: &Values,
        call: Call,
        wanted: Wanted,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        match wanted {
            Wanted::Gradient => self.gradient.gradient(values, call, outcome),
            Wanted::Loss => self.gradient.loss(values, call, outcome),
        }
    }

    /// Weights `w = mean + sqrt(variance) noise`, and the variances that the gradient takes.
    fn draw(&self, values: &Values, noise: &[f32], drawn: &mut Values) {
        drawn.mean.copy_from_slice(&values.mean);
        for own in &self.drawn {
            let spread =
                values.variance[own.variance.clone()].iter().zip(&noise[own.noise.clone()]);
            for (weight, (variance, noise)) in drawn.mean[own.mean.clone()].iter_mut().zip(spread) {
                *weight += variance.sqrt() * noise;
            }
        }
        for [place, own] in &self.passed {
            drawn.variance[own.clone()].copy_from_slice(&values.variance[place.clone()]);
        }
    }

    /// The gradient g along drawn weights is that along the means; along the variances it is
    /// `g noise / (2 sqrt(variance))`.
    fn along_variances(&self, values: &Values, noise: &[f32], along: &[f32], result: &mut [f32]) {
        for own in &self.drawn {
            let spread =
                values.variance[own.variance.clone()].iter().zip(&noise[own.noise.clone()]);
            let along = along[own.mean.clone()].iter().zip(spread);
            let result = result[own.variance.clone()].iter_mut();
            for (result, (along, (variance, noise))) in result.zip(along) {
                // A variance of 0 is one that is not trained.
                let deviation = if *variance > 0.0 { variance.sqrt() } else { f32::INFINITY };
                *result = along * noise / (2.0 * deviation);
            }
        }
    }
}

impl Shard {
    /// Takes items of the data, at most as many as a call has. The rest repeats the first, with a weight
    /// of 0: it is a real item, so that no layer divides by nothing.
    pub fn fill(&mut self, data: &Data, items: impl ExactSizeIterator<Item = usize>) {
        let (length, width) = (data.length(), data.target.width());
        self.items = items.len();
        self.weight.fill(0.0);
        let mut first = None;
        for (place, item) in items.enumerate() {
            first.get_or_insert(item);
            self.set(place, data, item, (length, width));
            self.weight[place] = 1.0;
        }
        if let Some(first) = first {
            (self.items..self.weight.len())
                .for_each(|place| self.set(place, data, first, (length, width)));
        }
    }

    fn set(&mut self, place: usize, data: &Data, item: usize, (length, width): (usize, usize)) {
        data.read_input(item, &mut self.input[place * length..(place + 1) * length]);
        self.target[place * width..(place + 1) * width].copy_from_slice(data.target(item));
    }

    /// The target of an item of the call.
    pub fn target(&self, place: usize, width: usize) -> &[f32] {
        &self.target[place * width..(place + 1) * width]
    }
}
