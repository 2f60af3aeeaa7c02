//! A calibrated parameter file.

use std::collections::HashMap;

use gauss_dialect::representation::Component;
use pfp_compiler::{array::Array, error::Error, parameters::Safetensors};
use safetensors::{Dtype, tensor::TensorView};

use super::{Calibration, METADATA, adjustable::scaled};

/// The parameter file with scaled variances, the temperature in the parameters of the last layer,
/// and the calibration in its metadata. Other metadata stays.
///
/// # Errors
///
/// Where a tensor cannot be read as `f32`.
pub fn rewrite(
    parameters: &Safetensors,
    calibration: &Calibration,
    last: &[String],
) -> Result<Vec<u8>, Error> {
    let tensors = parameters.arrays()?;
    let scaled: Vec<_> = tensors
        .iter()
        .map(|(name, array)| {
            let factor = factor(name, calibration, last);
            array.values.iter().flat_map(|&value| scaled(value, factor).to_le_bytes()).collect()
        })
        .collect::<Vec<Vec<u8>>>();
    let internal = |error: safetensors::SafeTensorError| Error::Internal(error.to_string());
    let views = tensors
        .iter()
        .zip(&scaled)
        .map(|((name, Array { shape, .. }), bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(internal)?;
    let text =
        serde_json::to_string(calibration).map_err(|error| Error::Internal(error.to_string()))?;
    let mut metadata: HashMap<_, _> = parameters.metadata().clone().into_iter().collect();
    metadata.insert(METADATA.into(), text);
    safetensors::serialize(views, Some(metadata)).map_err(internal)
}

/// The calibration that a parameter file carries, if any.
///
/// # Errors
///
/// Where the metadata is not that of a calibration.
pub fn read(parameters: &Safetensors) -> Result<Option<Calibration>, Error> {
    let text = parameters.metadata().get(METADATA);
    text.map(|text| serde_json::from_str(text)).transpose().map_err(|error| {
        Error::malformed(
            gauss_dialect::parameters::ParameterSource::name(parameters),
            "calibrated parameter file",
            format!("its metadata '{METADATA}' cannot be read: {error}"),
        )
    })
}

/// What a tensor is multiplied by.
fn factor(tensor: &str, calibration: &Calibration, last: &[String]) -> f64 {
    // A deterministic parameter may be called `bn.var`.
    if last.iter().any(|name| name == tensor) {
        return 1.0 / calibration.temperature.value;
    }
    let (parameter, component) = Component::of_tensor(tensor).unwrap_or((tensor, Component::Value));
    let temperature = match last.iter().any(|name| name == parameter) {
        true => calibration.temperature.value,
        false => 1.0,
    };
    match component {
        Component::Variance => calibration.factor(parameter) / (temperature * temperature),
        Component::Value | Component::Mean => 1.0 / temperature,
    }
}
