//! The gradient of a network as compiled code.

use std::sync::{Arc, Mutex, PoisonError};

use gauss_lowering::{passes::gauss_append_loss, target::Target};
use pfp_compiler::{
    diagnostics::Source,
    error::Error,
    gradient::{self, Differentiated, Interface, Wanted},
    jit::{Arena, CompiledModel},
    module::Session,
    signature::{Signature, Tensor},
};
use pfp_runtime::Executor;

use sha2::{Digest, Sha256};

use crate::{
    checkpoint::Origin,
    data::Target as Expected,
    gradient::{Call, Gradient, Outcome, Parameter, Values},
    settings::Loss,
};

/// What is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The loss of the moments of the outputs, along means and variances of the parameters.
    Moments,
    /// The loss of the outputs of the plain network, every parameter a number.
    Plain,
    /// The same, but dense layers draw their outputs, along means and variances of their weights.
    Local,
    /// The sum of target x output of the plain network: the target is what the gradient of the outputs
    /// is multiplied by.
    Linear,
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
    /// What its outputs should be.
    pub target: Expected,
    /// What it was read from.
    pub origin: Origin,
    /// What a user should know.
    pub notes: Vec<String>,
    /// What a user should mend.
    pub warnings: Vec<String>,
}

/// Compiles the gradient of a network for this machine.
///
/// # Errors
///
/// Where the network cannot be trained, or it or its loss has no gradient.
pub fn open(request: &Request) -> Result<Network, Error> {
    let Request { source, function, kind, items, .. } = *request;
    let loss = match (kind, request.loss) {
        (Kind::Linear, _) => gauss_append_loss::Loss::Linear,
        (_, Loss::CrossEntropy { draws }) => gauss_append_loss::Loss::CrossEntropy(draws as u32),
        (_, Loss::Binary { draws }) => gauss_append_loss::Loss::Binary(draws as u32),
        (_, Loss::Gaussian { noise }) => gauss_append_loss::Loss::Gaussian(noise),
    };
    let items_of_call = i64::try_from(items)
        .map_err(|_| Error::request(format!("a call of {items} items is too large")))?;
    let session = Session::new();
    let interface = Interface::of(session.parse(source)?, function, items_of_call)?;
    let target = check(&interface, request)?;
    let wanted = |only_loss| Wanted {
        function,
        items: items_of_call,
        loss,
        kind: match kind {
            Kind::Moments => gradient::Kind::Moments,
            Kind::Plain | Kind::Linear => gradient::Kind::Mean,
            Kind::Local => gradient::Kind::Local,
        },
        only_loss,
    };
    let differentiated = Differentiated::of(session.parse(source)?, &wanted(false))?;
    let taken = &differentiated.parameters;
    if !taken.iter().any(|parameter| parameter.is_uncertain) {
        return Err(without_gaussian(&interface.name));
    }
    let host = Target::host();
    let gradient = CompiledModel::new(&differentiated.compile(&host)?)?;
    let only_loss = Differentiated::of(session.parse(source)?, &wanted(true))?;
    let only_loss = CompiledModel::new(&only_loss.compile(&host)?)?;
    let of = |parameter: &gradient::Parameter, gaussian| Parameter {
        name: parameter.name.clone(),
        shape: parameter.shape.clone(),
        gaussian,
        trainable: parameter.is_trainable,
    };
    let parameters: Vec<_> = taken.iter().map(|own| of(own, own.is_uncertain)).collect();
    let taken = taken.iter().map(|own| of(own, own.gaussian)).collect();
    let of_draws = (kind == Kind::Local && differentiated.drawn.is_empty())
        .then(|| of_weights_only(&interface.name));
    let notes = of_noise(&interface, kind).into_iter().chain(of_draws).collect();
    let warnings = of_unread(&interface, &parameters).into_iter().collect();
    let Interface { name, signature, .. } = interface;
    let has_variances =
        kind == Kind::Moments && signature.outputs.iter().any(|output| output.gaussian);
    let per_item =
        |tensors: &[Tensor]| tensors.first().map_or(0, |tensor| tensor.elements() / items.max(1));
    let noise = match has_variances && loss.draws() > 0 {
        true => vec![loss.draws() as usize * per_item(&signature.outputs)],
        false => differentiated.drawn.clone(),
    };
    let gradient = Code {
        inputs: per_item(&signature.inputs),
        outputs: per_item(&signature.outputs),
        parameters: taken,
        items,
        noise,
        gradient: Function::new(gradient),
        loss: Function::new(only_loss),
    };
    let hash = Sha256::digest(source.text());
    let origin = Origin {
        module_sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        order: source.order().describe().0.to_owned(),
        function: name,
    };
    Ok(Network {
        gradient: Box::new(gradient),
        parameters,
        signature,
        target,
        origin,
        notes,
        warnings,
    })
}

/// What cannot be trained; what the outputs should be of what can.
fn check(interface: &Interface, request: &Request) -> Result<Expected, Error> {
    let Interface { name, signature, declared, used, .. } = interface;
    let items = request.items;
    let ([input], [output]) = (&signature.inputs[..], &signature.outputs[..]) else {
        return Err(Error::request(format!(
            "@{name} has {} input(s) and {} output(s); a network that is trained has one of each",
            signature.inputs.len(),
            signature.outputs.len()
        ))
        .with_help("choose another with --function, or write one that returns what is trained"));
    };
    if input.gaussian {
        return Err(Error::request(format!(
            "@{name} takes a Gaussian input, whose variances no data set has"
        ))
        .with_help("train a function of plain inputs"));
    }
    if signature.is_whole_batch {
        return Err(Error::request(format!(
            "the results of @{name} for an item depend on the other items of its batch"
        ))
        .with_help(
            "a training cuts batches into calls, and weighs items one by one: train a function whose \
             items are independent",
        ));
    }
    if input.shape.first() != Some(&items) || output.shape.first() != Some(&items) {
        return Err(Error::request(format!(
            "the batch of @{name} is fixed to {}, where a call has {items} items",
            input.shape.first().copied().unwrap_or(1)
        ))
        .with_help("write ? as the leading dimension of the module's tensors"));
    }
    if used.is_empty() {
        return Err(Error::request(format!(
            "@{name} has no parameters: there is nothing to train"
        ))
        .with_help("weights are gauss.parameter ops; see docs/tutorial.md"));
    }
    if !declared.iter().any(|(name, is_gaussian)| *is_gaussian && used.contains(name)) {
        return Err(without_gaussian(name));
    }
    Expected::of(request.loss, &output.shape[1..])
}

fn without_gaussian(name: &str) -> Error {
    Error::request(format!("no parameter of @{name} is Gaussian: it has no posterior")).with_help(
        "declare the parameters that are to have variances as !gauss.tensor, such as gauss.parameter \
         \"fc.weight\" : !gauss.tensor<10x32xf32>",
    )
}

/// That noise of layers is no part of a plain network.
fn of_noise(interface: &Interface, kind: Kind) -> Option<String> {
    let ops: Vec<_> = interface.noise.iter().map(String::as_str).collect();
    (kind != Kind::Moments && !ops.is_empty()).then(|| {
        format!(
            "{} does nothing here: the plain network passes numbers on as they are; only --posterior \
             moments trains with its variance",
            ops.join(" and ")
        )
    })
}

/// That no layer draws its outputs.
fn of_weights_only(function: &str) -> String {
    format!(
        "@{function} has no dense layer whose weights are read once, so that only weights are drawn"
    )
}

/// That parameters are declared which nothing reads.
fn of_unread(interface: &Interface, parameters: &[Parameter]) -> Option<String> {
    let declared = interface.declared.iter().map(|(name, _)| name);
    let unread = declared.filter(|name| parameters.iter().all(|own| own.name != **name));
    let unread: Vec<_> = unread.map(|name| format!("'{name}'")).collect();
    (!unread.is_empty()).then(|| {
        format!(
            "WARNING: the result of @{} does not depend on {}: that has no part in the posterior, and \
             commands that take the module with --params need all that it declares. Remove it, or keep \
             other functions in modules of their own",
            interface.name,
            unread.join(", ")
        )
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
    /// The standard normal numbers that an item takes, of each buffer of them.
    noise: Vec<usize>,
    gradient: Function,
    loss: Function,
}

impl Code {
    /// The buffers that a call reads: input, target, draws, the weights of the items, parameters.
    fn inputs<'a>(&self, values: &'a Values, call: Call<'a>, weight: bool) -> Vec<&'a [f32]> {
        let mut inputs = vec![call.input, call.target];
        let mut noise = call.noise;
        for count in &self.noise {
            let (own, rest) = noise.split_at((count * self.items).min(noise.len()));
            inputs.push(own);
            noise = rest;
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

    fn noise(&self) -> usize {
        self.noise.iter().sum()
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
