//! One step of an optimiser: from the gradients of the shards to new values.
//!
//! The loops are plain arithmetic, one operation after the other for each number. They are compiled for
//! several instruction sets, none of which fuses or reorders it: the numbers are the same on each.

use std::ops::Range;

use multiversion::multiversion;
use rayon::{iter::repeat_n, prelude::*};

use crate::{
    exponential::exp,
    gradient::Outcome,
    layout::Place,
    settings::Optimiser,
    state::{Memory, State},
};

/// Numbers that are updated together, so few that they stay in the nearest cache.
const BLOCK: usize = 1024;

/// Blocks that are worth a thread.
const BLOCKS_OF_A_THREAD: usize = 16;

/// Sums that run side by side.
const LANES: usize = 16;

/// What a step is made of, beside gradients.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What the gradients of the shards are multiplied by.
    pub scale: f64,
    /// What the gradient of the divergence from the prior is multiplied by.
    pub divergence: f64,
    /// The learning rate of means.
    pub rate: f64,
    /// The learning rate of the logarithms of deviations.
    pub deviation_rate: f64,
    /// The largest norm of the gradient.
    pub clip: Option<f64>,
    /// The number of the step, counted from 1.
    pub number: u64,
}

/// The updates of a run.
pub struct Updates {
    places: Vec<Place>,
    optimiser: Optimiser,
    /// Square sums of gradients, a number for each block.
    squares: Vec<f64>,
}

/// What becomes of a number of the gradient, and of the value that it is along.
#[derive(Clone, Copy)]
enum Rule {
    Adam { rate: f32, beta1: f32, beta2: f32, root: f32, epsilon: f32 },
    Sgd { rate: f32, momentum: f32 },
}

/// The same part of several arrays.
struct Block<'a> {
    /// Where it starts in the arrays.
    start: usize,
    gradient: &'a mut [f32],
    value: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Updates {
    /// Updates of the values at these places.
    pub fn new(places: Vec<Place>, optimiser: Optimiser) -> Self {
        let blocks = |range: &Range<usize>| range.len().div_ceil(BLOCK);
        let of_place =
            |place: &Place| blocks(&place.mean).max(place.variance.as_ref().map_or(0, blocks));
        let most = places.iter().map(of_place).max().unwrap_or(0);
        Self { places, optimiser, squares: vec![0.0; most] }
    }

    /// Takes a step, and returns the norm of the gradient before it was shortened. What the shards gave
    /// is lost.
    pub fn step(&mut self, state: &mut State, outcomes: &mut [Outcome], step: &Step) -> f64 {
        let Some(clip) = step.clip else {
            return self.pass(state, outcomes, step, Some(1.0), true).sqrt();
        };
        let norm = self.pass(state, outcomes, step, None, true).sqrt();
        let factor = if norm > clip { clip / norm } else { 1.0 };
        self.pass(state, outcomes, step, Some(factor), false);
        norm
    }

    /// Goes over all values: adds up their gradient where `combine` says so, and moves them along
    /// `factor` times that where there is one. Returns the square of the norm.
    fn pass(
        &mut self,
        state: &mut State,
        outcomes: &mut [Outcome],
        step: &Step,
        factor: Option<f64>,
        combine: bool,
    ) -> f64 {
        let Some((total, others)) = outcomes.split_first_mut() else { return 0.0 };
        let others = &*others;
        let factor = factor.map(|factor| factor as f32);
        let (scale, divergence) = (step.scale as f32, step.divergence);
        let mean_rule = self.rule(step, step.rate);
        let deviation_rule = self.rule(step, step.deviation_rate);
        let mut sum = 0.0;
        for place in &self.places {
            if place.trains_means {
                let range = place.mean.clone();
                let pull =
                    if place.has_prior { (divergence * place.precision) as f32 } else { 0.0 };
                let arrays = [&mut total.mean, &mut state.values.mean];
                let nothing = repeat_n((), range.len().div_ceil(BLOCK));
                let (memory, squares) = (&mut state.mean_memory, &mut self.squares);
                sum += each(range, arrays, memory, nothing, squares, |block, ()| {
                    let mut square = 0.0;
                    if combine {
                        let gradients = others.iter().map(|other| &other.mean[block.start..]);
                        gradients.for_each(|other| add(block.gradient, other));
                        square = means(block.gradient, block.value, scale, pull);
                    }
                    factor.into_iter().for_each(|factor| block.apply(mean_rule, factor));
                    square
                });
            }
            if let (true, Some(range)) = (place.trains_variances, place.variance.clone()) {
                let (pull, precision) = (divergence as f32, place.precision as f32);
                let variances = state.values.variance[range.clone()].par_chunks_mut(BLOCK);
                let arrays = [&mut total.variance, &mut state.log_deviation];
                let (memory, squares) = (&mut state.deviation_memory, &mut self.squares);
                sum += each(range, arrays, memory, variances, squares, |block, variance| {
                    let mut square = 0.0;
                    if combine {
                        let gradients = others.iter().map(|other| &other.variance[block.start..]);
                        gradients.for_each(|other| add(block.gradient, other));
                        square = deviations(block.gradient, variance, scale, pull, precision);
                    }
                    if let Some(factor) = factor {
                        block.apply(deviation_rule, factor);
                        squared_exponentials(variance, block.value);
                    }
                    square
                });
            }
        }
        sum
    }

    fn rule(&self, step: &Step, rate: f64) -> Rule {
        match self.optimiser {
            Optimiser::Adam { beta1, beta2, epsilon } => {
                let bias = |beta: f64| 1.0 - beta.powf(step.number as f64);
                Rule::Adam {
                    rate: (rate / bias(beta1)) as f32,
                    beta1: beta1 as f32,
                    beta2: beta2 as f32,
                    root: bias(beta2).sqrt().recip() as f32,
                    epsilon: epsilon as f32,
                }
            }
            Optimiser::Sgd { momentum } => {
                Rule::Sgd { rate: rate as f32, momentum: momentum as f32 }
            }
        }
    }
}

/// Does something with each block of a range, and with what goes with it, on all threads. Adds up what it
/// gives, in order.
fn each<T: Send>(
    range: Range<usize>,
    [gradient, value]: [&mut Vec<f32>; 2],
    Memory { first, second }: &mut Memory,
    beside: impl IndexedParallelIterator<Item = T>,
    squares: &mut [f64],
    work: impl Fn(&mut Block, T) -> f64 + Sync,
) -> f64 {
    let start = range.start;
    let arrays = [gradient, value, first, second];
    let [gradient, value, first, second] =
        arrays.map(|array| array[range.clone()].par_chunks_mut(BLOCK));
    let blocks = gradient.zip(value).zip(first.zip(second)).zip(beside);
    blocks.zip(&mut *squares).enumerate().with_min_len(BLOCKS_OF_A_THREAD).for_each(
        |(index, ((((gradient, value), (first, second)), beside), square))| {
            let start = start + index * BLOCK;
            *square = work(&mut Block { start, gradient, value, first, second }, beside);
        },
    );
    squares[..range.len().div_ceil(BLOCK)].iter().sum()
}

impl Block<'_> {
    fn apply(&mut self, rule: Rule, factor: f32) {
        match rule {
            Rule::Adam { rate, beta1, beta2, root, epsilon } => {
                let settings = [rate, beta1, beta2, root, epsilon, factor];
                adam(self.gradient, self.value, self.first, self.second, settings);
            }
            Rule::Sgd { rate, momentum } => {
                descend(self.gradient, self.value, self.first, [rate, momentum, factor]);
            }
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn add(sum: &mut [f32], other: &[f32]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}

/// The gradient along means, of which `pull` is one over the variance of the prior; returns its square.
#[multiversion(targets("x86_64+avx2"))]
fn means(gradient: &mut [f32], mean: &[f32], scale: f32, pull: f32) -> f64 {
    for (gradient, mean) in gradient.iter_mut().zip(mean) {
        *gradient = *gradient * scale + mean * pull;
    }
    square(gradient)
}

/// The gradient along the logarithm s of a deviation from that along the variance v = exp(2 s), as
/// `dv/ds = 2 v`; that of the divergence is `v / p - 1`. Returns its square.
#[multiversion(targets("x86_64+avx2"))]
fn deviations(
    gradient: &mut [f32],
    variance: &[f32],
    scale: f32,
    pull: f32,
    precision: f32,
) -> f64 {
    let scale = 2.0 * scale;
    for (gradient, variance) in gradient.iter_mut().zip(variance) {
        *gradient = *gradient * scale * variance + pull * (variance * precision - 1.0);
    }
    square(gradient)
}

/// The sum of squares: sums side by side, as one after the other would be no vectors.
#[inline(always)]
fn square(numbers: &[f32]) -> f64 {
    let mut sums = [0.0f32; LANES];
    let (rows, rest) = numbers.as_chunks::<LANES>();
    for row in rows {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x * x;
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += x * x;
    }
    sums.into_iter().map(f64::from).sum()
}

#[multiversion(targets("x86_64+avx2"))]
fn adam(
    gradient: &[f32],
    value: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    [rate, beta1, beta2, root, epsilon, factor]: [f32; 6],
) {
    let moments = first.iter_mut().zip(second);
    for ((gradient, value), (first, second)) in gradient.iter().zip(value).zip(moments) {
        let gradient = gradient * factor;
        *first = beta1 * *first + (1.0 - beta1) * gradient;
        *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
        *value -= rate * *first / (second.sqrt() * root + epsilon);
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn descend(
    gradient: &[f32],
    value: &mut [f32],
    direction: &mut [f32],
    [rate, momentum, factor]: [f32; 3],
) {
    for ((gradient, value), direction) in gradient.iter().zip(value).zip(direction) {
        *direction = momentum * *direction + gradient * factor;
        *value -= rate * *direction;
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn squared_exponentials(squares: &mut [f32], logs: &[f32]) {
    for (square, log) in squares.iter_mut().zip(logs) {
        *square = exp(2.0 * log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::Values;

    const ITEMS: f64 = 50.0;

    fn place(length: usize) -> Place {
        Place {
            mean: 0..length,
            variance: Some(0..length),
            precision: 4.0,
            has_prior: true,
            trains_means: true,
            trains_variances: true,
        }
    }

    fn number(index: usize, salt: usize) -> f32 {
        ((index * 7919 + salt * 104_729) % 1000) as f32 / 500.0 - 1.0
    }

    fn numbers(length: usize, salt: usize) -> Vec<f32> {
        (0..length).map(|index| number(index, salt)).collect()
    }

    fn outcomes(length: usize) -> Vec<Outcome> {
        let outcome = |salt: usize| Outcome {
            mean: numbers(length, salt),
            variance: numbers(length, salt + 10),
            ..Outcome::default()
        };
        vec![outcome(1), outcome(2)]
    }

    fn state(length: usize) -> State {
        let variance = numbers(length, 3).iter().map(|x| 0.1 + x * x).collect();
        State::new(Values { mean: numbers(length, 4), variance })
    }

    fn step(number: u64, clip: Option<f64>) -> Step {
        let divergence = 0.3 / ITEMS;
        Step { scale: 0.25, divergence, rate: 0.01, deviation_rate: 0.02, clip, number }
    }

    /// Kingma and Ba's algorithm 1, as it is printed.
    fn reference(
        mut x: f64,
        gradients: impl Iterator<Item = impl Fn(f64) -> f64>,
        rate: f64,
    ) -> f64 {
        let (mut m, mut v) = (0.0, 0.0);
        for (t, gradient) in (1..).zip(gradients) {
            let g = gradient(x);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (m, v) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
            x -= rate * m / (v.sqrt() + 1e-8);
        }
        x
    }

    #[test]
    fn adam_is_the_published_algorithm_along_means_and_logarithms_of_deviations() {
        let length = 5000;
        let mut own = state(length);
        let start = own.clone();
        let mut updates = Updates::new(vec![place(length)], Optimiser::ADAM);
        (1..=3).for_each(|number| {
            updates.step(&mut own, &mut outcomes(length), &step(number, None));
        });
        let gradients = outcomes(length);
        for index in (0..length).step_by(97) {
            let sum = |of: fn(&Outcome) -> &Vec<f32>| {
                gradients.iter().map(|outcome| f64::from(of(outcome)[index])).sum::<f64>() * 0.25
            };
            let (along_mean, along_variance) = (sum(|o| &o.mean), sum(|o| &o.variance));
            let pull = 0.3 / ITEMS;
            let mean = |m: f64| along_mean + pull * m * 4.0;
            let expected = reference(start.values.mean[index].into(), [mean; 3].into_iter(), 0.01);
            assert!((f64::from(own.values.mean[index]) - expected).abs() < 2e-6);
            let log = |s: f64| {
                let variance = (2.0 * s).exp();
                along_variance * 2.0 * variance + pull * (variance * 4.0 - 1.0)
            };
            let first = f64::from(start.values.variance[index]).ln() / 2.0;
            let expected = (2.0 * reference(first, [log; 3].into_iter(), 0.02)).exp();
            let variance = f64::from(own.values.variance[index]);
            assert!((variance / expected - 1.0).abs() < 1e-5, "{variance} {expected}");
        }
    }

    #[test]
    fn a_gradient_is_shortened_to_the_norm_and_told_as_it_was() {
        let length = 3000;
        let optimiser = Optimiser::Sgd { momentum: 0.0 };
        let run = |clip| {
            let mut own = state(length);
            let mut updates = Updates::new(vec![place(length)], optimiser);
            let norm = updates.step(&mut own, &mut outcomes(length), &step(1, clip));
            let moves = own.values.mean.iter().zip(state(length).values.mean);
            let square = moves.map(|(own, start)| f64::from(own - start).powi(2)).sum::<f64>();
            let logs = own.log_deviation.iter().zip(state(length).log_deviation);
            let logs = logs.map(|(own, start)| f64::from(own - start).powi(2)).sum::<f64>();
            (norm, (square / 0.01f64.powi(2) + logs / 0.02f64.powi(2)).sqrt())
        };
        let (norm, moved) = run(None);
        assert!((norm / moved - 1.0).abs() < 1e-3, "{norm} {moved}");
        let (told, moved) = run(Some(0.5));
        assert!((told - norm).abs() < 1e-9 && (moved - 0.5).abs() < 1e-3, "{told} {moved}");
        let (_, moved) = run(Some(2.0 * norm));
        assert!((norm / moved - 1.0).abs() < 1e-3);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_numbers() {
        let length = 100_000;
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut own = state(length);
            let mut updates = Updates::new(vec![place(length)], Optimiser::ADAM);
            let mut outcomes = outcomes(length);
            let norm = pool.install(|| updates.step(&mut own, &mut outcomes, &step(1, Some(0.1))));
            (own, norm.to_bits())
        };
        let first = run(1);
        assert!(first == run(2) && first == run(3));
    }
}
