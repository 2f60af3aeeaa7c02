//! A posterior as the file that every other command reads.

use std::collections::{BTreeMap, HashMap};

use gauss_dialect::representation::{Component, Representation};
use pfp_compiler::{array::Array, error::Error};
use safetensors::{Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{
    gradient::{NOISE, Parameter, Values},
    layout::Span,
};

/// The metadata that says how a posterior was made.
pub const METADATA: &str = "pfp.train";

/// The bytes of a parameter file: `NAME.mean` and `NAME.var` of Gaussian parameters, `NAME` of others, and
/// in the metadata how it was made.
///
/// # Errors
///
/// Where they cannot be made.
pub fn bytes(
    values: &Values,
    parameters: &[Parameter],
    spans: &[Span],
    made: &impl Serialize,
) -> Result<Vec<u8>, Error> {
    let internal = |error: &dyn std::fmt::Display| Error::Internal(format!("posterior: {error}"));
    let mut tensors = Vec::new();
    for (parameter, span) in parameters.iter().zip(spans) {
        if parameter.name == NOISE {
            continue;
        }
        for component in Representation::of(parameter.gaussian).components() {
            let numbers = match (component, &span.variance) {
                (Component::Variance, Some(range)) => &values.variance[range.clone()],
                _ => &values.mean[span.mean.clone()],
            };
            let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            tensors.push((component.tensor(&parameter.name), &parameter.shape, bytes));
        }
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, (*shape).clone(), bytes).map(|view| (name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| internal(&error))?;
    let made = serde_json::to_string(made).map_err(|error| internal(&error))?;
    let metadata = HashMap::from([(METADATA.to_owned(), made)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| internal(&error))
}

/// The parameter of a learned noise as a posterior with these metadata has it.
///
/// # Errors
///
/// Where the metadata say what no variance is.
pub fn noise_of(metadata: &BTreeMap<String, String>) -> Result<Option<Array>, String> {
    #[derive(Deserialize)]
    struct Made {
        #[serde(default)]
        noise_variance: Vec<f64>,
    }
    let Some(text) = metadata.get(METADATA) else { return Ok(None) };
    let Made { noise_variance } = serde_json::from_str(text)
        .map_err(|error| format!("its metadata '{METADATA}' cannot be read: {error}"))?;
    let values: Vec<_> = noise_variance.iter().map(|variance| variance.ln() as f32).collect();
    match values.iter().all(|log| log.is_finite()) {
        true => Ok((!values.is_empty()).then(|| Array { shape: vec![values.len()], values })),
        false => Err(format!("its metadata have the variances of noise {noise_variance:?}")),
    }
}

/// The variance of the noise of each output that was learned; none where it was not.
pub fn learned_noise(values: &Values, parameters: &[Parameter], spans: &[Span]) -> Vec<f64> {
    let is_noise = |(parameter, _): &(&Parameter, &Span)| parameter.name == NOISE;
    let span = parameters.iter().zip(spans).find(is_noise).map(|(_, span)| span.mean.clone());
    let logs = span.and_then(|span| values.mean.get(span)).unwrap_or_default();
    logs.iter().map(|&log| f64::from(log).exp()).collect()
}
