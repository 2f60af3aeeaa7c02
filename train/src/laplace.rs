//! A posterior by Laplace's approximation with a diagonal generalised Gauss-Newton matrix.
//!
//! Around means that were trained, the posterior is Gaussian with the precision h + d, where d is the
//! precision of the prior and h the diagonal of `sum over items of J' L J`: J is the Jacobian of the outputs
//! along the weights, L the curvature of the loss along the outputs. L is a sum of `c c'` over few vectors
//! c, so that h is a sum of squares of the gradients of `c' output` of single items.

use pfp_compiler::error::Error;
use pfp_evaluate::watch::Watch;
use rayon::{ThreadPoolBuilder, prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    data::{Data, Target},
    gradient::{Call, Gradient, Outcome, Parameter, Values, sizes},
    layout::spans,
    random::order,
};

/// Parts that the items are cut into, whatever the number of threads.
const PARTS: usize = 8;

/// The range that the precision of a prior is searched in, as natural logarithms.
const LOG_PRECISIONS: (f64, f64) = (-23.0, 23.0);

/// The precision of the prior.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Given.
    Fixed(f64),
    /// One that has the largest marginal likelihood.
    Evidence,
    /// As that, one for each layer.
    EvidenceOfLayers,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The precision of the prior.
    pub precision: Precision,
    /// The variance of the noise of a regression.
    pub noise: f64,
    /// At most so many items, chosen by the seed; all where there are none.
    pub items: Option<usize>,
    /// The seed.
    pub seed: u64,
    /// Threads. The numbers do not depend on them.
    pub threads: usize,
}

/// A prior that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chosen {
    /// The parameters that have it.
    pub parameters: Vec<String>,
    /// One over its variance.
    pub precision: f64,
    /// How many weights the data determine: the sum of `h / (h + d)`.
    pub determined: f64,
    /// How many weights there are.
    pub weights: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Approximation {
    /// The means as they were, and the variances.
    pub values: Values,
    /// The priors.
    pub priors: Vec<Chosen>,
    /// What a user should know.
    pub notes: Vec<String>,
}

/// The posterior around the means of `values`. The gradient is that of the plain network for one item, with
/// a linear loss; `parameters` says which of its parameters are Gaussian.
///
/// # Errors
///
/// Where a call fails, the data do not fit, or a precision cannot be told.
pub fn laplace(
    gradient: &dyn Gradient,
    parameters: &[Parameter],
    values: &Values,
    data: &Data,
    settings: &Settings,
    watch: &dyn Watch,
) -> Result<Approximation, Error> {
    let curvature = curvature(gradient, parameters, values, data, settings, watch)?;
    let mut approximation =
        Approximation { values: values.clone(), priors: Vec::new(), notes: Vec::new() };
    let ranges: Vec<_> = spans(parameters).into_iter().map(|span| span.mean).collect();
    let mut precisions = vec![0.0; ranges.len()];
    for group in groups(parameters, settings.precision) {
        let places: Vec<_> = group.iter().flat_map(|&index| ranges[index].clone()).collect();
        let h: Vec<_> = places.iter().map(|&place| curvature[place]).collect();
        let square = places.iter().map(|&place| f64::from(values.mean[place]).powi(2)).sum();
        let names: Vec<_> = group.iter().map(|&index| parameters[index].name.clone()).collect();
        let precision = match settings.precision {
            Precision::Fixed(precision) => precision,
            _ => evidence(&h, square, &names, &mut approximation.notes)?,
        };
        group.iter().for_each(|&index| precisions[index] = precision);
        approximation.priors.push(Chosen {
            parameters: names,
            precision,
            determined: h.iter().map(|h| h / (h + precision)).sum(),
            weights: h.len(),
        });
    }
    let gaussian = parameters.iter().zip(ranges).zip(precisions);
    approximation.values.variance = gaussian
        .filter(|((parameter, _), _)| parameter.gaussian)
        .flat_map(|((_, range), d)| curvature[range].iter().map(move |h| (1.0 / (h + d)) as f32))
        .collect();
    match approximation.values.variance.iter().find(|variance| !variance.is_normal()) {
        Some(variance) => Err(Error::request(format!(
            "a variance would be {variance:e}: 0, infinite or denormal in float32"
        ))
        .with_help("give another --prior-precision")),
        None => Ok(approximation),
    }
}

/// The Gaussian parameters that share a prior, by their places.
fn groups(parameters: &[Parameter], precision: Precision) -> Vec<Vec<usize>> {
    let layer = |index: usize| {
        let name = &parameters[index].name;
        match precision {
            Precision::EvidenceOfLayers => {
                name.rsplit_once('.').map_or(&name[..], |(layer, _)| layer)
            }
            _ => "",
        }
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in (0..parameters.len()).filter(|&index| parameters[index].gaussian) {
        match groups.iter_mut().find(|group| layer(group[0]) == layer(index)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// The diagonal of the generalised Gauss-Newton matrix, for all values.
fn curvature(
    gradient: &dyn Gradient,
    parameters: &[Parameter],
    values: &Values,
    data: &Data,
    settings: &Settings,
    watch: &dyn Watch,
) -> Result<Vec<f64>, Error> {
    check(gradient, parameters, data, settings)?;
    let plain = Values { mean: values.mean.clone(), variance: Vec::new() };
    let mut items = vec![0; data.len()];
    order(settings.seed, 0, &mut items);
    items.truncate(settings.items.unwrap_or(data.len()).max(1));
    let pool = ThreadPoolBuilder::new().num_threads(settings.threads).build();
    let pool =
        pool.map_err(|error| Error::request(format!("threads cannot be started: {error}")))?;
    let progress = watch.count("curvature", items.len());
    let part = |items: &[u32]| {
        let mut sums = vec![0.0; plain.mean.len()];
        let mut outcome = Outcome::new(gradient);
        let (mut outputs, mut cotangent) = (Vec::new(), vec![0.0; gradient.outputs()]);
        let zero = cotangent.clone();
        let mut input = vec![0.0; data.length()];
        for &item in items {
            data.read_input(item as usize, &mut input);
            let call = Call { input: &input, target: &zero, weight: &[1.0], noise: &[] };
            gradient.loss(&plain, call, &mut outcome)?;
            outputs.clone_from(&outcome.outputs);
            for number in 0..directions(data.target) {
                direction(data.target, &outputs, settings.noise, number, &mut cotangent);
                gradient.gradient(&plain, Call { target: &cotangent, ..call }, &mut outcome)?;
                for (sum, x) in sums.iter_mut().zip(&outcome.mean) {
                    *sum += f64::from(*x).powi(2);
                }
            }
            progress(1);
        }
        Ok(sums)
    };
    let length = items.len().div_ceil(PARTS);
    let parts = pool.install(|| {
        items.par_chunks(length).with_max_len(1).map(part).collect::<Result<Vec<_>, Error>>()
    })?;
    // As if all items had been there.
    let scale = data.len() as f64 / items.len() as f64;
    let mut sum = vec![0.0; plain.mean.len()];
    for part in &parts {
        sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += scale * x);
    }
    match sum.iter().all(|h| h.is_finite()) {
        true => Ok(sum),
        false => Err(Error::request("the curvature of the loss is not finite")
            .with_help("does the network give numbers for all items? See pfp run")),
    }
}

fn check(
    gradient: &dyn Gradient,
    parameters: &[Parameter],
    data: &Data,
    settings: &Settings,
) -> Result<(), Error> {
    if gradient.items() != 1 || sizes(gradient.parameters()).0 != sizes(parameters).0 {
        return Err(Error::Internal("laplace takes the plain gradient of one item".into()));
    }
    if data.length() != gradient.inputs() || data.target.width() != gradient.outputs() {
        return Err(Error::request("the data do not fit the network"));
    }
    if !parameters.iter().any(|parameter| parameter.gaussian) {
        return Err(Error::request(
            "no parameter of the network is Gaussian: there is no variance",
        ));
    }
    if let Precision::Fixed(precision) = settings.precision
        && !(precision.recip() as f32).is_normal()
    {
        return Err(Error::request(format!(
            "--prior-precision {precision:e} is out of range: one over it, the variance of the prior, is \
             no number of float32"
        ))
        .with_help("choose a number nearer to 1"));
    }
    if matches!(data.target, Target::Numbers(_)) && settings.noise <= 0.0 {
        return Err(Error::request("laplace of a regression needs the variance of its noise")
            .with_help("give it with --noise-variance"));
    }
    Ok(())
}

/// How many vectors the curvature of the loss is the sum of.
fn directions(target: Target) -> usize {
    match target {
        Target::Classes(outputs) | Target::Numbers(outputs) => outputs,
        Target::Binary => 1,
    }
}

/// One of the vectors c whose `c c'` add up to the curvature of the loss along the outputs: of a softmax p,
/// `diag(p) - p p' = sum over classes of p_k (e_k - p)(e_k - p)'`.
fn direction(target: Target, outputs: &[f32], noise: f64, number: usize, vector: &mut [f32]) {
    match target {
        Target::Classes(_) => {
            let most = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exp = |&output: &f32| f64::from(output - most).exp();
            let sum: f64 = outputs.iter().map(exp).sum();
            let root = (exp(&outputs[number]) / sum).sqrt();
            for (class, (vector, output)) in vector.iter_mut().zip(outputs).enumerate() {
                let own = if class == number { 1.0 } else { 0.0 };
                *vector = (root * (own - exp(output) / sum)) as f32;
            }
        }
        Target::Binary => {
            let p = 1.0 / (1.0 + f64::from(-outputs[0]).exp());
            vector[0] = (p * (1.0 - p)).sqrt() as f32;
        }
        Target::Numbers(_) => {
            vector.fill(0.0);
            vector[number] = noise.sqrt().recip() as f32;
        }
    }
}

/// The precision d with the largest evidence `n ln d - d |w|² - sum of ln(h + d)`, which is concave in
/// ln(d): where `sum of h / (h + d) = d |w|²` (MacKay, 1992).
fn evidence(
    h: &[f64],
    square: f64,
    names: &[String],
    notes: &mut Vec<String>,
) -> Result<f64, Error> {
    if h.iter().all(|h| *h == 0.0) {
        return Err(Error::request(format!(
            "no output depends on {}: the data say nothing of its variance",
            names.join(", ")
        ))
        .with_help("give the precision of the prior with --prior-precision"));
    }
    let slope = |log: f64| {
        let d = log.exp();
        h.iter().map(|h| h / (h + d)).sum::<f64>() - d * square
    };
    let (mut low, mut high) = LOG_PRECISIONS;
    if slope(high) > 0.0 {
        notes.push(format!(
            "{}: the means are so near to 0 that the evidence has no largest value; the precision of \
             the prior is {:.1e}",
            names.join(", "),
            high.exp()
        ));
        return Ok(high.exp());
    }
    while high - low > 1e-10 {
        let middle = (low + high) / 2.0;
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    Ok(((low + high) / 2.0).exp())
}
