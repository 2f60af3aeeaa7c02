//! A network that learns on the device: prediction from a posterior in memory, and the step that moves it.

use std::sync::Arc;

use gauss_dialect::{parameters::ParameterSource, representation::Component};
use gauss_lowering::{
    buffers::Buffers,
    functions,
    parameters::declared::Declared,
    passes::{
        gauss_append_loss::Loss,
        gauss_append_update::{Optimiser, PRIOR, SETTINGS, STATE},
        gauss_gradient::PARAMETERS,
    },
};

use crate::{
    compile::{
        Function, Network, foreign,
        open_parameters::{LinearLayer, OpenNetwork, Without},
    },
    diagnostics::Source,
    error::Error,
    gradient::only_function,
    module::{Module, Session},
    parameters::Safetensors,
};

/// The name of the buffer that the posterior is in.
pub const POSTERIOR: &str = "posterior";

/// What is adapted, and how.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The function, where there are several.
    pub function: Option<&'a str>,
    /// The items of a prediction, where they are given.
    pub batch: Option<i64>,
    /// The items of a step, where the module leaves them open.
    pub items: i64,
    /// What a step makes smaller.
    pub loss: Loss,
    /// How it moves the posterior.
    pub optimiser: Optimiser,
}

/// A network of which some Gaussian parameters are in memory of the caller.
pub struct Adaptable<'s> {
    /// Predicts from a posterior, the last input of its function.
    pub network: Network<'s>,
    /// The function that predicts.
    pub function: Function,
    /// Takes a step.
    pub step: Network<'s>,
    /// The posterior that the module comes with.
    pub prior: Vec<f32>,
    /// The parameters, as they follow each other in the posterior.
    pub parameters: Vec<Adapted>,
}

/// A parameter in the posterior: its means, and its variances after them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Adapted {
    /// Its name in the module.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<i64>,
    /// Where its means begin, counted in numbers.
    pub mean: usize,
    /// Where its variances begin.
    pub variance: usize,
}

/// The layers with Gaussian parameters, in the order of execution.
///
/// # Errors
///
/// As [`Network::open`].
pub fn layers(
    session: &Session,
    source: &Arc<Source>,
    parameters: &Safetensors,
    wanted: &Wanted,
) -> Result<Vec<LinearLayer>, Error> {
    let batch = (wanted.batch, 1);
    let open = OpenNetwork::open(session, source, parameters, batch, wanted.function, None)?;
    Ok(open.layers)
}

impl<'s> Adaptable<'s> {
    /// Opens a network whose parameters of these names are adapted; the others stay what they are.
    ///
    /// # Errors
    ///
    /// As [`Network::open`], where the outputs have no such loss, and where no gradient reaches a parameter.
    pub fn open(
        session: &'s Session,
        source: &Arc<Source>,
        parameters: &Safetensors,
        names: &[String],
        wanted: &Wanted,
    ) -> Result<Self, Error> {
        let (step, names) = step(session.parse(source)?, parameters, names, wanted)?;
        let batch = (wanted.batch, 1);
        let open =
            OpenNetwork::open(session, source, parameters, batch, wanted.function, Some(&names))?;
        let OpenNetwork { network, function, signature, parameters: taken, .. } = open;
        if taken != names {
            return Err(Error::Internal("prediction and step differ in their parameters".into()));
        }
        let own = signature.inputs.iter().map(|input| (input.name.clone(), 1));
        let posterior = (POSTERIOR.to_owned(), names.len());
        let buffers = Buffers {
            of_arguments: own.chain([posterior]).collect(),
            in_place: 0,
            of_results: Vec::new(),
        };
        let network = network.with_buffers(&function.name, &buffers)?;
        let function = network.function(Some(&function.name))?.clone();
        let (prior, parameters) = layout(parameters, &names)?;
        Ok(Self { network, function, step, prior, parameters })
    }
}

/// The step of a network, and the parameters that it moves, in their order.
fn step<'s>(
    mut module: Module<'s>,
    parameters: &Safetensors,
    names: &[String],
    wanted: &Wanted,
) -> Result<(Network<'s>, Vec<String>), Error> {
    let items = wanted.items;
    foreign::check(&module)?;
    module.take_order(Some(parameters));
    // Other functions have parameters of their own, which are gone with them.
    module.load_all_parameters_but(&Without { source: parameters, names }, names)?;
    let (mut module, function) = only_function(module, wanted.function, (None, items))?;
    if function.signature.is_whole_batch {
        return Err(Error::request(format!(
            "the results of an item of @{} depend on the others of its batch",
            function.name
        )));
    }
    let inputs = function.signature.input_buffers();
    if inputs.iter().any(|input| input.tensor.gaussian) {
        return Err(Error::request(format!(
            "@{} takes a Gaussian input; what learns on a device reads plain numbers",
            function.name
        )));
    }
    let mut buffers: Vec<_> = inputs.iter().map(|input| (input.name.clone(), 1)).collect();
    check_read(&module, names, &function.name)?;
    let Wanted { loss, optimiser, .. } = wanted;
    module.run(&format!("gauss-to-gradient{{loss={loss}}}"))?;
    let [op] = functions::public(module.op(), None)[..] else {
        return Err(Error::Internal("the gradient is no function".into()));
    };
    let taken = op.attribute(PARAMETERS).and_then(|names| names.as_array()).unwrap_or_default();
    let taken: Vec<_> = taken.into_iter().filter_map(|name| name.as_string()).collect();
    let order = order(&taken, names, &function.name)?;
    module.run(&format!("gauss-append-update{{optimiser={optimiser}}}"))?;
    let [op] = functions::public(module.op(), None)[..] else {
        return Err(Error::Internal("the step is no function".into()));
    };
    let Some(mut known) = Buffers::of(op) else {
        return Err(Error::Internal("the step has no buffers".into()));
    };
    buffers.push(("target".into(), 1));
    if loss.draws() > 0 {
        buffers.push(("noise".into(), 1));
    }
    let [settings, prior, state] = [SETTINGS, PRIOR, STATE]
        .map(|name| known.of_arguments.iter().find(|(known, _)| known == name).cloned());
    buffers.extend([settings, prior, state].into_iter().flatten());
    known.of_arguments = buffers;
    known.of_results = ["loss", "output"].map(str::to_owned).to_vec();
    known.write(op);
    let context = op.context();
    let name = format!("{}_step", function.name);
    op.set_attribute("sym_name", context.string_attr(&name));
    Ok((Network::lowered(module)?, order))
}

/// The names of the parameters whose tensors a function takes, of each the means and the variances.
fn order(taken: &[String], names: &[String], function: &str) -> Result<Vec<String>, Error> {
    let is_of = |name: &String, tensors: &[String]| {
        let [mean, variance] = tensors_of(name);
        tensors == [mean, variance]
    };
    let of_pair = |pair: &[String]| names.iter().find(|name| is_of(name, pair)).cloned();
    let order: Vec<_> = taken.chunks(2).filter_map(of_pair).collect();
    let missing: Vec<_> = names.iter().filter(|name| !order.contains(name)).cloned().collect();
    if missing.is_empty() { Ok(order) } else { Err(independent(function, &missing)) }
}

/// Checks that the function reads the parameters of these names.
fn check_read(module: &Module, names: &[String], function: &str) -> Result<(), Error> {
    let declared = Declared::all(module.op());
    let is_read =
        |name: &&String| declared.iter().any(|known| known.name == **name && known.op.is_used());
    let unread: Vec<_> = names.iter().filter(|name| !is_read(name)).cloned().collect();
    if unread.is_empty() { Ok(()) } else { Err(independent(function, &unread)) }
}

fn independent(function: &str, names: &[String]) -> Error {
    Error::request(format!(
        "the loss of @{function} does not depend on mean and variance of {}",
        names.join(", ")
    ))
    .with_help("leave them as they are: name others with --parameters")
}

fn tensors_of(name: &str) -> [String; 2] {
    [Component::Mean, Component::Variance].map(|component| component.tensor(name))
}

/// The posterior as it is in memory, and where its parameters are.
fn layout(parameters: &Safetensors, names: &[String]) -> Result<(Vec<f32>, Vec<Adapted>), Error> {
    let mut numbers = Vec::new();
    let mut places = Vec::new();
    for name in names {
        let mut shape = Vec::new();
        let starts = tensors_of(name).map(|tensor| -> Result<usize, Error> {
            let found = parameters.tensor(&tensor).map_err(Error::request)?;
            let found = found
                .ok_or_else(|| Error::Internal(format!("the parameter '{tensor}' is lost")))?;
            let start = numbers.len();
            numbers.extend_from_slice(&found.values);
            shape = found.shape;
            Ok(start)
        });
        let [mean, variance] = starts;
        let (mean, variance) = (mean?, variance?);
        places.push(Adapted { name: name.clone(), shape, mean, variance });
    }
    Ok((numbers, places))
}
