//! A compiled network whose variances can be changed between calls.

use std::sync::Arc;

use gauss_dialect::{parameters::ParameterSource, representation::Component};
use gauss_lowering::passes::gauss_track_covariance::Returned;
use pfp_compiler::{
    compile::{LinearLayer, OpenNetwork, Options},
    diagnostics::Source,
    error::Error,
    jit::{Arena, CompiledModel},
    module::Session,
    parameters::Safetensors,
    signature::Signature,
    target::{self, HOST},
};
use rayon::prelude::*;

use super::predictions::Logits;
use crate::{
    answers::{Dependence, classes_of},
    batches::Items,
};

/// Items in a call where the module leaves it open. Weights that are inputs are read anew for each
/// call.
const BATCH: i64 = 50;

/// A classifier that was compiled once, its Gaussian parameters being inputs of each call.
pub struct Adjustable {
    model: CompiledModel,
    signature: Signature,
    layers: Vec<LinearLayer>,
    last: Result<Vec<String>, String>,
    parameters: Vec<Parameter>,
}

struct Parameter {
    mean: Vec<f32>,
    variance: Vec<f32>,
    /// The layer that it belongs to.
    layer: usize,
}

impl Adjustable {
    /// Compiles one function of a module. The parameters must fit, as
    /// [`Network::open`](pfp_compiler::compile::Network::open) checks.
    ///
    /// # Errors
    ///
    /// Where the module or the function does not compile, the function does not give Gaussian
    /// logits, or no parameter of it is Gaussian.
    pub fn new(
        source: &Arc<Source>,
        parameters: &Safetensors,
        batch: Option<i64>,
        function: Option<&str>,
    ) -> Result<Self, Error> {
        let session = Session::new();
        let open = OpenNetwork::open(&session, source, parameters, (batch, BATCH), function, None)?;
        let OpenNetwork { mut network, function, signature, parameters: names, layers, last } =
            open;
        check_classifier(&signature)?;
        if names.is_empty() {
            return Err(Error::request(format!(
                "@{} has no Gaussian parameter whose variance could be calibrated",
                function.name
            )));
        }
        let values = |name: &str| -> Result<Vec<f32>, Error> {
            let tensor = parameters.tensor(name).map_err(Error::request)?;
            let tensor = tensor.ok_or_else(|| Error::Internal(format!("'{name}' is lost")))?;
            Ok(tensor.values)
        };
        let opened = names.iter().map(|name| {
            let layer = layers.iter().position(|layer| layer.parameters.contains(name));
            Ok(Parameter {
                mean: values(&Component::Mean.tensor(name))?,
                variance: values(&Component::Variance.tensor(name))?,
                layer: layer.unwrap_or(0),
            })
        });
        let opened = opened.collect::<Result<Vec<_>, Error>>()?;
        let target = target::find(HOST, None)?;
        // What a head would be given.
        let name = Some(function.name.as_str());
        if network.carries_covariance(name)? {
            network.return_covariance(name, Returned::OfNodes)?;
        }
        let function = network.function(name)?.clone();
        let compiled = network.compile(&function, &target, &Options::default(), &|_| ())?;
        let model = CompiledModel::new(&compiled)?;
        Ok(Self { model, signature, layers, last, parameters: opened })
    }

    /// What the network takes and gives, its parameters not counted.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The layers whose variances can be changed.
    pub fn layers(&self) -> &[LinearLayer] {
        &self.layers
    }

    /// The parameters of the last layer, or why the logits cannot be scaled by them.
    ///
    /// # Errors
    ///
    /// Where there is no such layer.
    pub fn last(&self) -> Result<&[String], &str> {
        self.last.as_deref().map_err(String::as_str)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        classes_of(width(&self.signature))
    }

    /// Is there one logit for two classes?
    pub fn is_binary(&self) -> bool {
        width(&self.signature) == 1
    }

    /// The logits of all items, the variances of each layer multiplied by its factor.
    ///
    /// # Errors
    ///
    /// Where a call of the compiled function fails.
    pub fn run(&self, items: &Items, factors: &[f64]) -> Result<Logits, Error> {
        let variances: Vec<Vec<f32>> = self
            .parameters
            .iter()
            .map(|parameter| {
                let factor = factors.get(parameter.layer).copied().unwrap_or(1.0);
                let scale = |&variance: &f32| scaled(variance, factor);
                parameter.variance.iter().map(scale).collect()
            })
            .collect();
        let batch = self.signature.batch();
        let starts: Vec<_> = (0..items.count()).step_by(batch).collect();
        let starts_count = starts.len();
        let chunks = starts
            .into_par_iter()
            .map_init(
                || self.model.arena(),
                |arena, start| self.call(&items.chunk(start, batch), &variances, arena),
            )
            .collect::<Result<Vec<_>, Error>>()?;
        let gather = |output: usize| {
            let chunks = chunks.iter().filter_map(|chunk| chunk.get(output));
            let mut all: Vec<f32> = chunks.flatten().copied().collect();
            all.truncate(all.len() / (starts_count * batch).max(1) * items.count());
            all
        };
        // A mixture gives mean, variance and covariances at its nodes, another its covariances.
        let beside = match chunks.first().map_or(0, Vec::len) {
            5 => Dependence { covariance: Some(gather(4)), nodes: Some(gather(2)) },
            3 => Dependence { covariance: Some(gather(2)), nodes: None },
            _ => Dependence::default(),
        };
        let width = width(&self.signature);
        Ok(Logits { width, mean: gather(0), variance: gather(1), beside })
    }

    fn call(
        &self,
        inputs: &[Vec<f32>],
        variances: &[Vec<f32>],
        arena: &mut Arena,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let own = inputs.iter().map(Vec::as_slice);
        let parameters = self.parameters.iter().zip(variances);
        let parameters = parameters
            .flat_map(|(parameter, variance)| [parameter.mean.as_slice(), variance.as_slice()]);
        let inputs: Vec<_> = own.chain(parameters).collect();
        let buffers = self.model.signature().output_buffers();
        let outputs = buffers.iter().map(|buffer| vec![0.0; buffer.tensor.elements()]);
        let mut outputs: Vec<_> = outputs.collect();
        let mut all: Vec<_> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.model.run_into(&inputs, &mut all, arena)?;
        Ok(outputs)
    }
}

/// A variance times a factor, rounded once.
pub fn scaled(variance: f32, factor: f64) -> f32 {
    (f64::from(variance) * factor) as f32
}

/// How many logits an item has.
fn width(signature: &Signature) -> usize {
    let elements = signature.outputs.first().map_or(0, |output| output.elements());
    elements / signature.batch().max(1)
}

fn check_classifier(signature: &Signature) -> Result<(), Error> {
    match &signature.outputs[..] {
        [output] if output.gaussian && output.shape.len() == 2 => Ok(()),
        _ => Err(Error::request("calibration needs a network that gives Gaussian logits").with_help(
            "they are items x classes, or items x 1 of a binary classifier, whose logit is that \
             of class 1",
        )),
    }
}
