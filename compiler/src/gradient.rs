//! A network that is trained: its loss, and the gradient of that, as a compiled function.

use std::collections::BTreeSet;

use gauss_dialect::{
    ir::{Attribute, Op},
    layer::Layer,
    parameters::ParameterSource,
    representation::Component,
};
use gauss_lowering::{
    parameters::declared::Declared,
    passes::{
        gauss_append_loss::{LOG_NOISE, Loss},
        gauss_draw_locally::WIDTHS,
        gauss_gradient::PARAMETERS,
    },
    target::Target,
};

use crate::{
    compile::{
        Compiled, Function, Network, Options, fix_batch, foreign, functions, has_free_batch,
    },
    error::Error,
    module::Module,
    signature::Signature,
};

/// A parameter of a network, in the order in which the compiled function takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the module.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Does the function take means and variances of it?
    pub gaussian: bool,
    /// Is it declared as Gaussian?
    pub is_uncertain: bool,
    /// Is it fitted, and not a running statistic of batch normalisation?
    pub is_trainable: bool,
}

impl Parameter {
    /// How many numbers it has, each with a variance where it is Gaussian.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What is differentiated of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The loss of the moments of the outputs.
    Moments,
    /// That of the plain network, without variances.
    Mean,
    /// That of the plain network whose dense layers draw their outputs, of weights with variances.
    Local,
}

/// What the function that is compiled computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted<'a> {
    /// The function of the network, where there are several.
    pub function: Option<&'a str>,
    /// Items of a call, where the module leaves the batch open.
    pub items: i64,
    /// The loss.
    pub loss: Loss,
    /// What is differentiated.
    pub kind: Kind,
    /// Is the loss all that is computed?
    pub only_loss: bool,
}

/// A network with a loss, backwards, too.
///
/// The function takes the inputs of the network, the targets, K×N×C standard normal numbers where
/// the loss has draws, N×C ones for each layer whose outputs are drawn, the weights of the items, and the
/// parameters: of a Gaussian one the means, then the variances. It gives the losses of the items, the means of the outputs, and the gradient
/// of the weighted sum of the losses along each parameter. One of the loss only takes no weights and
/// gives no gradient.
pub struct Differentiated<'s> {
    /// The function on plain tensors.
    pub network: Network<'s>,
    /// The name of the function.
    pub name: String,
    /// What the network takes and gives, its parameters not counted.
    pub signature: Signature,
    /// The parameters, as the function takes them.
    pub parameters: Vec<Parameter>,
    /// The loss.
    pub loss: Loss,
    /// How many outputs of each item are drawn, of each layer that draws them.
    pub drawn: Vec<usize>,
}

/// What is known of a network before it is differentiated.
#[derive(Debug, Clone, PartialEq)]
pub struct Interface {
    /// The name of the function.
    pub name: String,
    /// What it takes and gives, its parameters not counted.
    pub signature: Signature,
    /// The names of the parameters that the module declares, and whether they are Gaussian.
    pub declared: Vec<(String, bool)>,
    /// The names of those that layers of the function use.
    pub used: BTreeSet<String>,
    /// The ops that draw noise of their own, such as `gauss.dropout`.
    pub noise: BTreeSet<String>,
}

impl Interface {
    /// That of a function, the only one where none is named. A `?` batch becomes `items`.
    ///
    /// # Errors
    ///
    /// Where there is no such function, or the module is no network.
    pub fn of(module: Module, function: Option<&str>, items: i64) -> Result<Self, Error> {
        let mut declared: Vec<(String, bool)> = Vec::new();
        for one in Declared::all(module.op()) {
            // Weights that are tied have one name.
            if declared.iter().all(|(name, _)| *name != one.name) {
                let is_gaussian = one.tensors().len() == 2;
                declared.push((one.name, is_gaussian));
            }
        }
        let (module, Function { name, signature, parameters: used, .. }) =
            only_function(module, function, (None, items))?;
        let noise = module.op().descendants().into_iter().filter_map(|op| match Layer::of(op) {
            Ok(Some(Layer::Noise(noise))) => Some(format!("gauss.{}", noise.name())),
            _ => None,
        });
        Ok(Self { name, signature, declared, used, noise: noise.collect() })
    }
}

impl<'s> Differentiated<'s> {
    /// Differentiates a network whose parameters are not loaded.
    ///
    /// # Errors
    ///
    /// Where there is no such function, its outputs have no such loss, it has no parameters, or the
    /// module has none that a gradient can be taken along.
    pub fn of(module: Module<'s>, wanted: &Wanted) -> Result<Self, Error> {
        let (mut module, Function { name, signature, .. }) =
            only_function(module, wanted.function, (None, wanted.items))?;
        let declared = Declared::all(module.op());
        let statistics = statistics(module.op());
        let kind = match wanted.kind {
            Kind::Moments => "",
            Kind::Mean => " mean=true",
            Kind::Local => " mean=true local=true",
        };
        let only = if wanted.only_loss { " only-arguments=true" } else { "" };
        module.run(&format!("gauss-to-gradient{{loss={}{kind}{only}}}", wanted.loss))?;
        let network = Network::lowered(module)?;
        let taken = taken(network.op());
        let parameters = parameters(&taken, &declared, &statistics, &network)?;
        let drawn = drawn(network.op());
        Ok(Self { network, name, signature, parameters, loss: wanted.loss, drawn })
    }

    /// Compiles the function.
    ///
    /// # Errors
    ///
    /// As [`Network::compile`].
    pub fn compile(&self, target: &Target) -> Result<Compiled, Error> {
        let function = self.network.function(None)?;
        self.network.compile(function, target, &Options::default(), &|_| {})
    }
}

/// A module of one function, which calls no other, and that function. A `?` batch becomes `items`.
///
/// # Errors
///
/// Where there is no such function, or the module is no network.
pub(crate) fn only_function<'s>(
    mut module: Module<'s>,
    function: Option<&str>,
    (parameters, items): (Option<&dyn ParameterSource>, i64),
) -> Result<(Module<'s>, Function), Error> {
    foreign::check(&module)?;
    module.check_calls()?;
    module.take_order(parameters);
    let batch = has_free_batch(&module).then_some(items);
    fix_batch(&mut module, batch)?;
    module.check_parameters()?;
    let network = Network::lowered(module)?;
    let function = network.function(function)?.clone();
    let mut module = network.into_module();
    let private = module.op().context().string_attr("private");
    for op in functions(&module) {
        if op.symbol().as_deref() != Some(&function.name) {
            op.set_attribute("sym_visibility", private);
        }
    }
    module.run("gauss-check-calls,inline,symbol-dce")?;
    Ok((module, function))
}

/// The names of the parameters that are running statistics of batch normalisation.
fn statistics(module: Op) -> BTreeSet<String> {
    let of_layer = |op: Op| {
        let is_batch_norm = matches!(Layer::of(op), Ok(Some(Layer::BatchNorm(_))));
        let operands = if is_batch_norm { op.operands().split_off(3) } else { Vec::new() };
        operands.into_iter().filter_map(|value| Some(Declared::of(value.defining_op()?)?.name))
    };
    module.descendants().into_iter().flat_map(of_layer).collect()
}

/// The tensors that the function takes as parameters.
fn taken(module: Op) -> Vec<String> {
    let listed = |op: Op| op.attribute(PARAMETERS).and_then(Attribute::as_array);
    let lists = module.descendants().into_iter().filter_map(listed);
    lists.flatten().filter_map(Attribute::as_string).collect()
}

/// How many outputs of each item are drawn, of each layer.
fn drawn(module: Op) -> Vec<usize> {
    let widths = |op: Op| op.attribute(WIDTHS).and_then(Attribute::as_i64_array);
    let widths = module.descendants().into_iter().filter_map(widths).flatten();
    widths.filter_map(|width| usize::try_from(width).ok()).collect()
}

fn parameters(
    taken: &[String],
    declared: &[Declared],
    statistics: &BTreeSet<String>,
    network: &Network,
) -> Result<Vec<Parameter>, Error> {
    let signature = &network.function(None)?.signature;
    let first = signature.inputs.len() - taken.len().min(signature.inputs.len());
    let shapes = signature.inputs[first..].iter().map(|input| input.shape.clone());
    let mut parameters: Vec<Parameter> = Vec::new();
    for (tensor, shape) in taken.iter().zip(shapes) {
        if parameters
            .last()
            .is_some_and(|last| last.gaussian && *tensor == Component::Variance.tensor(&last.name))
        {
            continue;
        }
        let of_tensor = |declared: &&Declared| declared.tensors().contains(tensor);
        let declared = declared.iter().find(of_tensor);
        let name = declared.map_or_else(|| tensor.clone(), |declared| declared.name.clone());
        let both = declared.map(Declared::tensors).unwrap_or_default();
        parameters.push(Parameter {
            shape,
            gaussian: both.len() == 2 && both.iter().all(|tensor| taken.contains(tensor)),
            is_uncertain: both.len() == 2,
            is_trainable: !statistics.contains(&name),
            name,
        });
    }
    let is_known = |parameter: &Parameter| {
        parameter.name == LOG_NOISE
            || declared.iter().any(|declared| declared.name == parameter.name)
    };
    match parameters.iter().all(is_known) {
        true => Ok(parameters),
        false => Err(Error::Internal("the gradient takes a parameter that is not declared".into())),
    }
}
