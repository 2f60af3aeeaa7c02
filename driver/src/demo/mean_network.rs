//! The network with every weight at its mean: the baseline of cost.

use std::sync::Arc;

use gauss_lowering::parameters::{ParameterSource, ParameterTensor};

use crate::{diagnostics::Source, parameters::Safetensors};

/// The module with plain tensors in place of Gaussian ones. Every layer takes
/// either, and the parser checks what comes out.
pub fn source(source: &Source) -> Arc<Source> {
    let text = String::from_utf8_lossy(source.bytes()).replace("!gauss.tensor<", "tensor<");
    Source::new(source.name(), text)
}

/// The means of a posterior under the names of its parameters.
pub struct Means<'a>(&'a Safetensors);

impl<'a> Means<'a> {
    /// The means of a parameter file.
    pub fn new(posterior: &'a Safetensors) -> Self {
        Self(posterior)
    }
}

impl ParameterSource for Means<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn tensors(&self) -> Vec<String> {
        let names = self.0.tensors().into_iter().filter(|name| !name.ends_with(".var"));
        names
            .map(|name| name.strip_suffix(".mean").map(ToOwned::to_owned).unwrap_or(name))
            .collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        match self.0.tensor(&format!("{name}.mean"))? {
            Some(mean) => Ok(Some(mean)),
            None => self.0.tensor(name),
        }
    }
}
