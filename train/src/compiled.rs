//! The gradient of a network as compiled code.

use std::sync::{Arc, Mutex, PoisonError};

use gauss_lowering::{passes::gauss_append_loss, target::Target};
use pfp_compiler::{
    diagnostics::Source,
    error::Error,
    gradient::{self, Differentiated, Wanted},
    jit::{Arena, CompiledModel},
    module::Session,
    signature::Signature,
};
use pfp_runtime::Executor;

use crate::{
    gradient::{Call, Gradient, Outcome, Parameter, Values},
    settings::Loss,
};

/// What is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The moments of the outputs, along means and variances of the parameters.
    Moments,
    /// The outputs of the plain network, every parameter a number.
    Plain,
}

/// What is compiled.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The module.
    pub source: &'a Arc<Source>,
    /// The function, where there are several.
    pub function: Option<&'a str>,
    /// What is differentiated.
    pub kind: Kind,
    /// The loss of an item.
    pub loss: Loss,
    /// Items of a call.
    pub items: usize,
}

/// A network that can be trained.
pub struct Network {
    /// Its gradient.
    pub gradient: Box<dyn Gradient>,
    /// Its parameters as the module declares them, in the order of the gradient.
    pub parameters: Vec<Parameter>,
    /// What it takes and gives, its parameters not counted.
    pub signature: Signature,
    /// The name of the function.
    pub function: String,
}

/// Compiles the gradient of a network for this machine.
///
/// # Errors
///
/// Where the network or its loss has no gradient.
pub fn open(request: &Request) -> Result<Network, Error> {
    let Request { source, function, kind, items, .. } = *request;
    let loss = match request.loss {
        Loss::CrossEntropy { draws } => gauss_append_loss::Loss::CrossEntropy(draws as u32),
        Loss::Binary { draws } => gauss_append_loss::Loss::Binary(draws as u32),
        Loss::Gaussian { noise } => gauss_append_loss::Loss::Gaussian(noise),
        Loss::Linear => gauss_append_loss::Loss::Linear,
    };
    let items_of_call = i64::try_from(items)
        .map_err(|_| Error::request(format!("a call of {items} items is too large")))?;
    let wanted = |only_loss| Wanted {
        function,
        items: items_of_call,
        loss,
        is_mean: kind == Kind::Plain,
        only_loss,
    };
    let session = Session::new();
    let differentiated = Differentiated::of(session.parse(source)?, &wanted(false))?;
    let Differentiated { name, signature, parameters: taken, .. } = &differentiated;
    let ([input], [output]) = (&signature.inputs[..], &signature.outputs[..]) else {
        return Err(Error::request(format!(
            "@{name} has {} inputs and {} outputs; a network that is trained has one of each",
            signature.inputs.len(),
            signature.outputs.len()
        )));
    };
    if input.gaussian {
        return Err(Error::request(format!(
            "@{name} takes a Gaussian input, whose variances no data set has"
        ))
        .with_help("train a function of plain inputs"));
    }
    if input.shape.first() != Some(&items) || output.shape.first() != Some(&items) {
        return Err(Error::request(format!(
            "the batch of @{name} is fixed to {}, where a call has {items} items",
            input.shape.first().copied().unwrap_or(1)
        ))
        .with_help("write ? as the leading dimension of the module's tensors"));
    }
    let target = Target::host();
    let gradient = CompiledModel::new(&differentiated.compile(&target)?)?;
    let only_loss = Differentiated::of(session.parse(source)?, &wanted(true))?;
    let only_loss = CompiledModel::new(&only_loss.compile(&target)?)?;
    let of = |parameter: &gradient::Parameter, gaussian| Parameter {
        name: parameter.name.clone(),
        shape: parameter.shape.clone(),
        gaussian,
        trainable: parameter.is_trainable,
    };
    let parameters = taken.iter().map(|own| of(own, own.is_uncertain)).collect();
    let taken = taken.iter().map(|own| of(own, own.gaussian)).collect();
    let draws = match kind {
        Kind::Moments => loss.draws() as usize,
        Kind::Plain => 0,
    };
    let per_item = |elements: usize| elements / items.max(1);
    let gradient = Code {
        inputs: per_item(input.elements()),
        outputs: per_item(output.elements()),
        parameters: taken,
        items,
        draws,
        gradient: Function::new(gradient),
        loss: Function::new(only_loss),
    };
    Ok(Network {
        gradient: Box::new(gradient),
        parameters,
        signature: signature.clone(),
        function: name.clone(),
    })
}

/// A compiled function, with arenas for as many calls as there were at a time.
struct Function {
    model: CompiledModel,
    arenas: Mutex<Vec<Arena>>,
}

impl Function {
    fn new(model: CompiledModel) -> Self {
        Self { model, arenas: Mutex::new(Vec::new()) }
    }

    fn call(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Error> {
        let arenas = || self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let known = arenas().pop();
        let mut arena = known.unwrap_or_else(|| self.model.arena());
        let serial = Executor::serial();
        let result = self.model.run_parallel_into(inputs, outputs, &mut arena, &serial);
        arenas().push(arena);
        result
    }
}

/// A network and its loss as compiled code.
struct Code {
    parameters: Vec<Parameter>,
    items: usize,
    inputs: usize,
    outputs: usize,
    draws: usize,
    gradient: Function,
    loss: Function,
}

impl Code {
    /// The buffers that a call reads: input, target, draws, the weights of the items, parameters.
    fn inputs<'a>(&self, values: &'a Values, call: Call<'a>, weight: bool) -> Vec<&'a [f32]> {
        let mut inputs = vec![call.input, call.target];
        if self.draws > 0 {
            inputs.push(call.noise);
        }
        if weight {
            inputs.push(call.weight);
        }
        let (mut means, mut variances) = (&values.mean[..], &values.variance[..]);
        for parameter in &self.parameters {
            let (mean, rest) = means.split_at(parameter.len().min(means.len()));
            inputs.push(mean);
            means = rest;
            if parameter.gaussian {
                let (variance, rest) = variances.split_at(parameter.len().min(variances.len()));
                inputs.push(variance);
                variances = rest;
            }
        }
        inputs
    }
}

impl Gradient for Code {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn items(&self) -> usize {
        self.items
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn draws(&self) -> usize {
        self.draws
    }

    fn gradient(&self, values: &Values, call: Call, result: &mut Outcome) -> Result<(), Error> {
        let mut outputs: Vec<&mut [f32]> = vec![&mut result.losses, &mut result.outputs];
        let (mut means, mut variances) = (&mut result.mean[..], &mut result.variance[..]);
        for parameter in &self.parameters {
            let (mean, rest) = means.split_at_mut(parameter.len().min(means.len()));
            outputs.push(mean);
            means = rest;
            if parameter.gaussian {
                let (variance, rest) = variances.split_at_mut(parameter.len().min(variances.len()));
                outputs.push(variance);
                variances = rest;
            }
        }
        self.gradient.call(&self.inputs(values, call, true), &mut outputs)
    }

    fn loss(&self, values: &Values, call: Call, result: &mut Outcome) -> Result<(), Error> {
        let mut outputs: Vec<&mut [f32]> = vec![&mut result.losses, &mut result.outputs];
        self.loss.call(&self.inputs(values, call, false), &mut outputs)
    }
}
