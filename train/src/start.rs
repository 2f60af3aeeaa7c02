//! Where training starts: random values, or those of a file.

use std::collections::BTreeSet;

use gauss_dialect::representation::Component;
use pfp_compiler::{array::Array, error::Error};

use crate::{
    gradient::{NOISE, Parameter, Values},
    layout::fan_in_scale,
    random::{Purpose, normals, stream},
};

/// So many names or shapes are listed in a message.
const SHOWN: usize = 12;

/// The deviation of the first weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// `sqrt(2 / fan-in)`: of networks whose activation is half a line (He et al., 2015).
    #[default]
    He,
    /// `sqrt(2 / (fan-in + fan-out))`: of symmetric activations (Glorot and Bengio, 2010).
    Glorot,
}

/// Arrays by name.
#[derive(Debug, Clone)]
pub struct Named {
    /// The file, in messages.
    pub source: String,
    /// The arrays: `NAME`, or `NAME.mean` and `NAME.var`.
    pub arrays: Vec<(String, Array)>,
    /// Do they follow each other as in the network that they are of?
    pub in_order: bool,
    /// Are their variances taken, where they have any?
    pub with_variances: bool,
}

/// Where training starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// Random weights, biases of 0, scales of 1.
    Random(Scale),
    /// What a file has.
    Named(Named),
}

/// The first values.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The values.
    pub values: Values,
    /// What a user should know.
    pub notes: Vec<String>,
}

/// The values that training starts from. Where variances are not given, the deviations are this fraction
/// of `1 / sqrt(fan-in)`.
///
/// # Errors
///
/// Where a file does not fit the network.
pub fn start(
    start: &Start,
    parameters: &[Parameter],
    fraction: f64,
    seed: u64,
) -> Result<Started, Error> {
    let deviation = |parameter: &Parameter| fraction * fan_in_scale(parameter, parameters);
    let mut values = Values::default();
    let mut notes = Vec::new();
    let first = |parameter: &Parameter| vec![deviation(parameter).powi(2) as f32; parameter.len()];
    match start {
        Start::Random(scale) => {
            for (number, parameter) in (0..).zip(parameters) {
                values.mean.extend(random(parameter, *scale, seed, number));
                if parameter.gaussian {
                    values.variance.extend(first(parameter));
                }
            }
        }
        Start::Named(named) => {
            let source = &named.source;
            let chosen = match by_name(named, parameters, &mut notes) {
                Ok(chosen) => chosen,
                Err(error) => {
                    let by_order = by_order(named, parameters).ok_or(error)?;
                    notes.push(format!(
                        "{source}: the names are others, the shapes and their order are those of the \
                         network: parameters are taken in order"
                    ));
                    by_order
                }
            };
            let mut without = Vec::new();
            for (parameter, (mean, variance)) in parameters.iter().zip(chosen) {
                values.mean.extend(&mean);
                if parameter.gaussian {
                    if variance.is_none() {
                        without.push(parameter.name.as_str());
                    }
                    values.variance.extend(variance.unwrap_or_else(|| first(parameter)));
                }
            }
            if !without.is_empty() {
                let why = if named.with_variances {
                    "has no variances for"
                } else {
                    "gives only the means of"
                };
                notes.push(format!(
                    "{source} {why} {}: they start with deviations of {fraction} / sqrt(fan-in)",
                    listed(&without)
                ));
            }
        }
    }
    match values.fault(parameters) {
        Some(fault) => {
            Err(Error::request(fault).with_help("values are finite, and variances not negative"))
        }
        None => Ok(Started { values, notes }),
    }
}

/// Random values of a parameter.
fn random(parameter: &Parameter, scale: Scale, seed: u64, number: u64) -> Vec<f32> {
    let count = parameter.len();
    let [first, rest @ ..] = &parameter.shape[..] else { return vec![0.0; count] };
    if parameter.name == NOISE {
        return vec![0.0; count];
    }
    if rest.is_empty() {
        return vec![if is_scale(&parameter.name) { 1.0 } else { 0.0 }; count];
    }
    let fan_in = rest.iter().product::<usize>().max(1) as f64;
    let area = rest.iter().skip(1).product::<usize>();
    let fan_out = (first * area) as f64;
    let deviation = match scale {
        Scale::He => (2.0 / fan_in).sqrt(),
        Scale::Glorot => (2.0 / (fan_in + fan_out)).sqrt(),
    };
    let mut numbers = vec![0.0; count];
    normals(&mut stream(seed, Purpose::Start, number, 0), &mut numbers);
    numbers.iter_mut().for_each(|x| *x = (f64::from(*x) * deviation) as f32);
    numbers
}

/// Is a vector of this name what a normalisation multiplies by, or divides by the root of?
fn is_scale(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    ["weight", "gamma", "scale", "var", "variance", "running_var", "moving_variance"]
        .contains(&last)
}

/// Mean, and variance where there is one.
type Chosen = Vec<(Vec<f32>, Option<Vec<f32>>)>;

fn by_name(
    named: &Named,
    parameters: &[Parameter],
    notes: &mut Vec<String>,
) -> Result<Chosen, Error> {
    let mut problems = Vec::new();
    let mut used = BTreeSet::from([NOISE]);
    let mut find = |name: &str, parameter: &Parameter| {
        let (name, array) = named.arrays.iter().find(|(other, _)| other == name)?;
        used.insert(name);
        // A number may be an array of one.
        let is_number = parameter.shape.is_empty() && array.values.len() == 1;
        if array.shape != parameter.shape && !is_number {
            problems.push(format!(
                "'{name}' has the shape {:?}, the network has {:?}",
                array.shape, parameter.shape
            ));
        }
        Some(array.values.clone())
    };
    let mut chosen = Vec::new();
    let mut missing = Vec::new();
    for parameter in parameters {
        let name = &parameter.name;
        let [mean, variance] = [Component::Mean, Component::Variance].map(|part| part.tensor(name));
        let (mean, variance) = match parameter.gaussian {
            true => {
                let variance = find(&variance, parameter).filter(|_| named.with_variances);
                (find(&mean, parameter).or_else(|| find(name, parameter)), variance)
            }
            false => (find(name, parameter), None),
        };
        match mean {
            Some(mean) => chosen.push((mean, variance)),
            None if name == NOISE => chosen.push((vec![0.0; parameter.len()], None)),
            None => missing.push(name.as_str()),
        }
    }
    let others = named.arrays.iter().map(|(name, _)| name.as_str());
    let others: Vec<_> = others.filter(|name| !used.contains(name)).collect();
    if missing.is_empty() && problems.is_empty() {
        if !others.is_empty() {
            notes.push(format!(
                "{} has more than the network: {} is not used",
                named.source,
                listed(&others)
            ));
        }
        return Ok(chosen);
    }
    let more = problems.len().saturating_sub(SHOWN);
    problems.truncate(SHOWN);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    if !missing.is_empty() {
        problems.push(format!("it has no values for {}", listed(&missing)));
    }
    if !others.is_empty() {
        problems.push(format!("the network has no parameters for {}", listed(&others)));
    }
    Err(Error::request(format!(
        "{} does not fit the network:\n  {}",
        named.source,
        problems.join("\n  ")
    ))
    .with_help(
        "parameters are found by their names, NAME or NAME.mean and NAME.var: rename those of the file or \
         of the module. Only an ONNX model has an order that can stand for names",
    ))
}

/// The first of several names.
fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(SHOWN).map(|name| format!("'{name}'"));
    let more = names.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("{more} more"));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

/// The arrays as they follow each other, where their shapes are those of the parameters.
fn by_order(named: &Named, parameters: &[Parameter]) -> Option<Chosen> {
    let own = parameters.iter().filter(|parameter| parameter.name != NOISE);
    let own: Vec<_> = own.map(|parameter| &parameter.shape).collect();
    let given: Vec<_> = named.arrays.iter().map(|(_, array)| &array.shape).collect();
    // Where some names agree, an order would mix what is meant.
    let agree = parameters
        .iter()
        .any(|parameter| named.arrays.iter().any(|(name, _)| *name == parameter.name));
    if !named.in_order || own != given || agree {
        return None;
    }
    let mut arrays = named.arrays.iter();
    let of = |parameter: &Parameter| match parameter.name == NOISE {
        true => Some((vec![0.0; parameter.len()], None)),
        false => arrays.next().map(|(_, array)| (array.values.clone(), None)),
    };
    parameters.iter().map(of).collect()
}
