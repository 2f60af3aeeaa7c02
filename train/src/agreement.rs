//! A posterior by its moments, beside draws of its weights.

use std::sync::Arc;

use gauss_lowering::{
    mode::{Mode, Sampling},
    target::Target,
};
use pfp_compiler::{
    compile::{Network, Options},
    diagnostics::Source,
    error::Error,
    jit::CompiledModel,
    module::Session,
    parameters::Safetensors,
};
use pfp_evaluate::{
    halves::{Differences, Sums, View},
    metrics,
};
use serde::Serialize;

use crate::data::Data;

/// Items that are compared.
pub const ITEMS: usize = 100;

/// What is compared.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The module.
    pub source: &'a Arc<Source>,
    /// The function.
    pub function: &'a str,
    /// The posterior.
    pub parameters: &'a Safetensors,
    /// The items; the first of them are taken.
    pub data: &'a Data,
    /// How often the weights are drawn.
    pub draws: u32,
    /// The seed of the draws.
    pub seed: u64,
}

/// How far the moments of the outputs are from those of draws of the weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// How often the weights were drawn.
    pub draws: u32,
    /// How many items were compared.
    pub items: usize,
    /// The median ratio of the variances of single outputs, moments over draws.
    pub variance_ratio: f64,
    /// What differs.
    #[serde(flatten)]
    pub differences: Differences,
    /// Standard deviations of single outputs, by draws and by moments.
    #[serde(skip)]
    pub deviations: Vec<(f64, f64)>,
}

/// Compares the moments of a posterior with draws of its weights.
///
/// # Errors
///
/// Where the network cannot be compiled.
pub fn agreement(request: &Request) -> Result<Agreement, Error> {
    let Request { source, function, parameters, data, draws, seed } = *request;
    let items = data.len().min(ITEMS);
    let batch = i64::try_from(items).map_err(|error| Error::Internal(error.to_string()))?;
    let session = Session::new();
    let network = Network::with_source(&session, source, Some(parameters), Some(batch))?;
    let function = network.function(Some(function))?;
    let inputs: Vec<f32> = (0..items).flat_map(|item| data.input(item)).collect();
    let moments = |mode: Mode| -> Result<[Vec<f64>; 2], Error> {
        let options = Options { mode, ..Options::default() };
        let compiled = network.compile(function, &Target::host(), &options, &|_| ())?;
        let mut outputs = CompiledModel::new(&compiled)?.run(&[&inputs])?.into_iter();
        let mut double = || outputs.next().unwrap_or_default().into_iter().map(f64::from).collect();
        Ok([double(), double()])
    };
    let [mean, variance] = moments(Mode::Moments)?;
    let [drawn_mean, drawn_variance] =
        moments(Mode::Sample(Sampling { seed, ..Sampling::new(draws) }))?;
    let width = mean.len() / items.max(1);
    let mut sums = Sums::default();
    for item in 0..items {
        let own = item * width..(item + 1) * width;
        let of = |mean: &[f64], variance: &[f64]| View {
            class: largest(&mean[own.clone()]),
            mean: mean[own.clone()].to_vec(),
            variance: variance[own.clone()].to_vec(),
            ..View::default()
        };
        sums += Sums::of(&of(&mean, &variance), &of(&drawn_mean, &drawn_variance));
    }
    let pairs = variance.iter().zip(&drawn_variance).filter(|(_, drawn)| **drawn > 0.0);
    let ratios = pairs.map(|(own, drawn)| own / drawn).collect();
    let deviations = drawn_variance.iter().zip(&variance);
    Ok(Agreement {
        draws,
        items,
        variance_ratio: metrics::median(ratios),
        differences: sums.differences(),
        deviations: deviations.map(|(drawn, own)| (drawn.sqrt(), own.sqrt())).collect(),
    })
}

/// The first of the largest numbers.
fn largest(numbers: &[f64]) -> usize {
    let larger = |best: usize, (index, number): (usize, &f64)| {
        if *number > numbers[best] { index } else { best }
    };
    numbers.iter().enumerate().fold(0, larger)
}
