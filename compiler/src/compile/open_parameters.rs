//! A network whose Gaussian parameters are inputs, so that they can be changed without compiling
//! again.

use std::{collections::BTreeMap, sync::Arc};

use gauss_dialect::{
    ir::{Op, Value},
    layer::Layer as Kind,
    parameters::{ParameterSource, ParameterTensor},
    representation::Component,
};

use super::{
    Function, Network, costs_of, fix_batch, foreign, functions, has_free_batch, public_functions,
    sha256,
};
use crate::{
    diagnostics::Source,
    error::Error,
    module::{Module, Session},
    parameters::Safetensors,
    signature::Signature,
};

/// A network of which one function takes its Gaussian parameters as inputs.
pub struct OpenNetwork<'s> {
    /// The network; other parameters are loaded.
    pub network: Network<'s>,
    /// The function. Its parameters follow its own inputs.
    pub function: Function,
    /// What the function takes and gives in the module that was read.
    pub signature: Signature,
    /// The names of the parameters in the order in which the function takes them.
    pub parameters: Vec<String>,
    /// The layers that use them, in the order of execution.
    pub layers: Vec<LinearLayer>,
    /// The parameters of the linear layer whose result the function returns, or why there is no
    /// such layer that could be scaled on its own.
    pub last: Result<Vec<String>, String>,
}

/// An op and the Gaussian parameters that it is the first to use.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearLayer {
    /// What the parameters are named after, such as `conv1` for `conv1.weight`.
    pub name: String,
    /// The op without its dialect, such as `conv2d`.
    pub op: String,
    /// The names of the parameters.
    pub parameters: Vec<String>,
}

impl<'s> OpenNetwork<'s> {
    /// Parses a module and opens one function. A `?` batch becomes `batch`, or `free` where none is
    /// given. The parameters must fit the module, as [`Network::open`] checks. Where names are given, only
    /// these parameters are inputs, in this order.
    ///
    /// # Errors
    ///
    /// As [`Network::open`] and [`Network::function`].
    pub fn open(
        session: &'s Session,
        source: &Arc<Source>,
        parameters: &Safetensors,
        (batch, free): (Option<i64>, i64),
        function: Option<&str>,
        only: Option<&[String]>,
    ) -> Result<Self, Error> {
        let mut module = session.parse(source)?;
        foreign::check(&module)?;
        module.take_order(Some(parameters));
        let batch = batch.or_else(|| has_free_batch(&module).then_some(free));
        let has_free_batch = fix_batch(&mut module, batch)?;
        if module.op().descendants().iter().any(|op| op.is("func.call")) {
            module.run("inline,symbol-dce")?;
        }
        let functions = public_functions(&module)?;
        let assumptions = module.assumptions();
        let module_sha256 = sha256(source.bytes());
        let parameters_sha256 = Some(sha256(parameters.bytes()));
        let costs = costs_of(&functions);
        let mut network = Network {
            module,
            functions,
            is_lowered: false,
            has_free_batch,
            module_sha256,
            parameters_sha256,
            remarks: Vec::new(),
            assumptions,
            carried: BTreeMap::new(),
            costs,
        };
        let Function { name, signature, .. } = network.function(function)?.clone();
        let op = find(&network.module, &name)?;
        let layers = linear_layers(op);
        let last = last_layer(op, network.op());
        let names = expose(op, only);
        // Other functions may have some of them, too, and are not compiled.
        let others = Without { source: parameters, names: &names };
        network.module.load_all_parameters_but(&others, &names)?;
        network.functions = public_functions(&network.module)?;
        let function = network.function(Some(&name))?.clone();
        Ok(Self { network, function, signature, parameters: names, layers, last })
    }
}

fn find(module: &Module, name: &str) -> Result<Op, Error> {
    let found = functions(module).into_iter().find(|op| op.symbol().as_deref() == Some(name));
    found.ok_or_else(|| Error::Internal(format!("the function @{name} is lost")))
}

/// The name of the parameter that a value is.
fn parameter(value: Value) -> Option<String> {
    match Kind::of(value.defining_op()?) {
        Ok(Some(Kind::Parameter(name))) => Some(name),
        _ => None,
    }
}

fn linear_layers(function: Op) -> Vec<LinearLayer> {
    let mut layers: Vec<LinearLayer> = Vec::new();
    for op in function.descendants() {
        let mut own: Vec<String> = Vec::new();
        for value in op.operands().into_iter().filter(|value| value.ty().is_gaussian()) {
            let known = |name: &String| {
                own.contains(name) || layers.iter().any(|layer| layer.parameters.contains(name))
            };
            own.extend(parameter(value).filter(|name| !known(name)));
        }
        let Some(first) = own.first() else { continue };
        let prefix = first.rsplit_once('.').map_or(first.as_str(), |(prefix, _)| prefix);
        let is_taken = layers.iter().any(|layer| layer.name == prefix);
        let name = if is_taken { first.clone() } else { prefix.to_owned() };
        let op = op.name().trim_start_matches("gauss.").to_owned();
        layers.push(LinearLayer { name, op, parameters: own });
    }
    layers
}

/// The parameters whose common scale is that of the result of `function`.
fn last_layer(function: Op, module: Op) -> Result<Vec<String>, String> {
    let end = function.body().and_then(|body| body.terminator());
    let results = end.map(Op::operands).unwrap_or_default();
    let [mut result] = results[..] else { return Err("the function has several results".into()) };
    let layer = loop {
        let op = result.defining_op().ok_or("the function returns an input")?;
        match Kind::of(op) {
            Ok(Some(Kind::Reshape | Kind::Flatten)) => result = op.operand(0),
            Ok(Some(kind)) if kind.is_linear() => break op,
            _ => return Err(format!("the last layer is '{}', which is not linear", op.name())),
        }
    };
    let mut uses = BTreeMap::<String, usize>::new();
    for op in module.descendants() {
        for name in op.operands().into_iter().filter_map(parameter) {
            *uses.entry(name).or_default() += 1;
        }
    }
    let own = layer.operands().into_iter().skip(1).map(|value| {
        let name = parameter(value).ok_or("the last layer has an operand that is no parameter")?;
        match uses.get(&name) {
            Some(1) => Ok(name),
            _ => Err(format!("the parameter '{name}' of the last layer is used elsewhere too")),
        }
    });
    own.collect()
}

/// Turns the Gaussian parameters of a function into its last arguments, or those of these names. Returns
/// their names.
fn expose(function: Op, only: Option<&[String]>) -> Vec<String> {
    let Some(body) = function.body() else { return Vec::new() };
    let mut arguments: Vec<(String, Value)> = Vec::new();
    let named = |op: Op| match Kind::of(op) {
        Ok(Some(Kind::Parameter(name))) if op.result(0).ty().is_gaussian() => Some((name, op)),
        _ => None,
    };
    let mut parameters: Vec<_> = function.descendants().into_iter().filter_map(named).collect();
    if let Some(only) = only {
        let place = |name: &String| only.iter().position(|wanted| wanted == name);
        parameters.retain(|(name, _)| place(name).is_some());
        parameters.sort_by_key(|(name, _)| place(name));
    }
    for (name, op) in parameters {
        let value = op.result(0);
        let known = arguments.iter().find(|(known, argument)| {
            *known == name && argument.ty().shape() == value.ty().shape()
        });
        let argument = known.map(|(_, argument)| *argument).unwrap_or_else(|| {
            let number = body.arguments().len();
            let argument = body.insert_argument(number, value.ty(), op.location());
            arguments.push((name, argument));
            argument
        });
        value.replace_all_uses_with(argument);
        op.erase();
    }
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    let signature = function.attribute("function_type").and_then(|ty| ty.as_type());
    if let Some((_, results)) = signature.and_then(|ty| ty.function_signature()) {
        let ty = function.context().function_type(&inputs, &results);
        function.set_attribute("function_type", ty.attr());
    }
    arguments.into_iter().map(|(name, _)| name).collect()
}

/// A parameter file without some Gaussian parameters.
pub(crate) struct Without<'a> {
    /// The file.
    pub source: &'a Safetensors,
    /// The names of those that it is without.
    pub names: &'a [String],
}

impl ParameterSource for Without<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn tensors(&self) -> Vec<String> {
        let hidden = |tensor: &String| {
            let component = Component::of_tensor(tensor);
            component.is_some_and(|(name, _)| self.names.iter().any(|hidden| hidden == name))
        };
        self.source.tensors().into_iter().filter(|tensor| !hidden(tensor)).collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        self.source.tensor(name)
    }
}
