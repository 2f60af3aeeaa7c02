//! The gradient of an objective on a part of a batch.

use std::mem;

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
    /// Means and variances of the Gaussian parameters.
    gaussian: Vec<Place>,
}

/// What a call of one shard needs, made once.
#[derive(Debug, Clone)]
pub struct Shard {
    input: Vec<f32>,
    target: Vec<f32>,
    weight: Vec<f32>,
    noise: Vec<f32>,
    /// Drawn weights.
    drawn: Values,
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
    /// of the network for [`Objective::Moments`], else that of the plain network.
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
        let is_plain = objective != Objective::Moments;
        let fits = |own: &Parameter, other: &Parameter| {
            let gaussian = own.gaussian && !is_plain;
            own.name == other.name && own.shape == other.shape && gaussian == other.gaussian
        };
        let others = gradient.parameters();
        let fit = parameters.len() == others.len()
            && parameters.iter().zip(others).all(|(own, other)| fits(own, other));
        if !fit {
            return Err(Error::Internal(format!(
                "the gradient for {} has other parameters than the network",
                objective.name()
            )));
        }
        let gaussian = places.iter().filter(|place| place.variance.is_some()).cloned().collect();
        Ok(Self { gradient, objective, gaussian })
    }

    /// Items of a call.
    pub fn items(&self) -> usize {
        self.gradient.items()
    }

    /// Numbers that the network gives for an item.
    pub fn outputs(&self) -> usize {
        self.gradient.outputs()
    }

    /// Room for a call, of a network with these parameters.
    pub fn shard(&self, data: &Data, parameters: &[Parameter]) -> Shard {
        let items = self.items();
        let (means, variances) = sizes(parameters);
        let draws = match self.objective {
            Objective::Moments => self.gradient.draws() * items * self.outputs(),
            Objective::Svi => variances,
            Objective::Means => 0,
        };
        let drawn = if self.objective == Objective::Svi { means } else { 0 };
        Shard {
            input: vec![0.0; items * data.length()],
            target: vec![0.0; items * data.target.width()],
            weight: vec![0.0; items],
            noise: vec![0.0; draws],
            drawn: Values { mean: vec![0.0; drawn], variance: Vec::new() },
            items: 0,
        }
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
        let Shard { input, target, weight, noise, drawn, .. } = shard;
        let mut call = Call { input, target, weight, noise };
        if self.objective == Objective::Moments {
            return self.run(values, call, wanted, outcome);
        }
        call.noise = &[];
        // The plain network has no variances.
        let mut variance = mem::take(&mut outcome.variance);
        let result = match self.objective {
            Objective::Svi => {
                self.draw(values, noise, drawn);
                let result = self.run(drawn, call, wanted, outcome);
                if wanted == Wanted::Gradient {
                    self.along_variances(values, noise, &outcome.mean, &mut variance);
                }
                result
            }
            _ => self.run(values, call, wanted, outcome),
        };
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

    /// Weights `w = mean + sqrt(variance) noise`.
    fn draw(&self, values: &Values, noise: &[f32], drawn: &mut Values) {
        drawn.mean.copy_from_slice(&values.mean);
        for Place { mean, variance, .. } in &self.gaussian {
            let Some(variance) = variance else { continue };
            let spread = values.variance[variance.clone()].iter().zip(&noise[variance.clone()]);
            for (weight, (variance, noise)) in drawn.mean[mean.clone()].iter_mut().zip(spread) {
                *weight += variance.sqrt() * noise;
            }
        }
    }

    /// The gradient g along drawn weights is that along the means; along the variances it is
    /// `g noise / (2 sqrt(variance))`.
    fn along_variances(&self, values: &Values, noise: &[f32], along: &[f32], result: &mut [f32]) {
        for Place { mean, variance, .. } in &self.gaussian {
            let Some(range) = variance else { continue };
            let spread = values.variance[range.clone()].iter().zip(&noise[range.clone()]);
            let along = along[mean.clone()].iter().zip(spread);
            for (result, (along, (variance, noise))) in result[range.clone()].iter_mut().zip(along)
            {
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
