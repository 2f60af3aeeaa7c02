//! `--gauss-append-update`: a step of an optimiser after a gradient.

use std::{fmt, str::FromStr};

use gauss_dialect::{
    ir::{AffineMap, Attribute, Block, Builder, Op, Type, Value},
    moments::Arithmetic,
    representation::Component,
    update::{self, Adam},
};

use super::gauss_gradient::PARAMETERS;
use crate::{
    buffers::Buffers,
    linalg,
    pass::{Options, Outcome, Pass, fail},
    payload::Payload,
};

/// The layer that the ops are from.
const LAYER: &str = "update";

/// Lets a function that returns a gradient take a step along it instead. In place of the weights of the
/// elements it takes a learning rate of means, one of the logarithms of deviations and what the divergence
/// from the prior is multiplied by; then the prior and the state: means and variances of the parameters,
/// and what the optimiser remembers. The new state comes in place of the gradient, and is written into the
/// buffers of the old one.
pub const PASS: Pass = Pass {
    name: "gauss-append-update",
    description: "Let functions that return a gradient return the state after a step along it (option: \
                  optimiser, which is adam, sgd or sgd:MOMENTUM)",
    options: &["optimiser"],
    run: |module, options| {
        let optimiser = Optimiser::of(options).map_err(|error| fail(module, error))?;
        let functions = module.body().map(Block::ops).unwrap_or_default();
        let differentiated = |op: &&Op| op.is("func.func") && op.attribute(PARAMETERS).is_some();
        let mut functions = functions.iter().filter(differentiated).peekable();
        if functions.peek().is_none() {
            return Err(fail(
                module,
                "has no function that returns a gradient: --gauss-gradient makes one",
            ));
        }
        functions.try_for_each(|function| append_to(*function, optimiser))
    },
};

/// The name of the buffer of rates and pull.
pub const SETTINGS: &str = "settings";
/// The name of the buffer of the prior.
pub const PRIOR: &str = "prior";
/// The name of the buffer of the state.
pub const STATE: &str = "state";

/// What moves a posterior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimiser {
    /// Adam, with its own settings.
    Adam(Adam),
    /// Gradient descent along a running mean that lasts so long; along the gradient itself where it is 0.
    Sgd(f64),
}

impl FromStr for Optimiser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "adam" => Ok(Self::Adam(Adam::default())),
            None if text == "sgd" => Ok(Self::Sgd(0.0)),
            Some(("sgd", momentum)) => {
                let momentum = momentum.parse().ok().filter(|beta| (0.0..1.0).contains(beta));
                momentum.map(Self::Sgd).ok_or_else(|| {
                    format!("the momentum in '{text}' is not a number from 0 to below 1")
                })
            }
            _ => Err(format!("no optimiser '{text}'; known: adam, sgd, sgd:MOMENTUM")),
        }
    }
}

impl fmt::Display for Optimiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adam(_) => f.write_str("adam"),
            Self::Sgd(0.0) => f.write_str("sgd"),
            Self::Sgd(momentum) => write!(f, "sgd:{momentum}"),
        }
    }
}

impl Optimiser {
    fn of(options: &Options) -> Result<Self, String> {
        options.get("optimiser").unwrap_or("adam").parse()
    }

    /// How many numbers it remembers of each mean, and of each variance.
    pub fn memories(self) -> usize {
        match self {
            Self::Adam(_) => 2,
            Self::Sgd(0.0) => 0,
            Self::Sgd(_) => 1,
        }
    }

    /// Does it count its steps?
    pub fn counts(self) -> bool {
        matches!(self, Self::Adam(_))
    }
}

/// A parameter: the arguments that its mean and its variance are.
struct Parameter {
    mean: usize,
    variance: usize,
}

/// The parameters that are Gaussian; an error names one that is not.
fn parameters(function: Op) -> Result<Vec<Parameter>, String> {
    let names = function.attribute(PARAMETERS).and_then(Attribute::as_array).unwrap_or_default();
    let names: Vec<_> = names.into_iter().filter_map(Attribute::as_string).collect();
    let mut rows = names.chunks_exact(2).enumerate().map(|(number, pair)| {
        let parts = [&pair[0], &pair[1]].map(|name| Component::of_tensor(name));
        match parts {
            [Some((mean, Component::Mean)), Some((variance, Component::Variance))]
                if mean == variance =>
            {
                Ok(Parameter { mean: 2 * number, variance: 2 * number + 1 })
            }
            _ => Err(pair[0].clone()),
        }
    });
    let known = rows.by_ref().collect::<Result<Vec<_>, _>>();
    let odd = if names.len() % 2 == 1 { names.last() } else { None };
    match (known, odd) {
        (Ok(known), None) => Ok(known),
        (Err(name), _) => Err(name),
        (Ok(_), Some(name)) => Err(name.clone()),
    }
    .map_err(|name| {
        format!(
            "takes '{name}', which is no mean with a variance: only Gaussian parameters are updated; load \
             the others before"
        )
    })
}

fn append_to(function: Op, optimiser: Optimiser) -> Outcome {
    let refuse = |message: &str| fail(function, message);
    let parameters = parameters(function).map_err(|error| fail(function, error))?;
    let body = function.body().ok_or_else(|| refuse("has no body"))?;
    let end = body.terminator().ok_or_else(|| refuse("has no end"))?;
    let count = 2 * parameters.len();
    let (arguments, results) = (body.arguments(), end.operands());
    let (Some(first), Some(weights)) =
        (arguments.len().checked_sub(count), arguments.len().checked_sub(count + 1))
    else {
        return Err(refuse("takes fewer arguments than it has parameters"));
    };
    let Some(own) = results.len().checked_sub(count).filter(|&own| own > 0) else {
        return Err(refuse("returns fewer values than it has parameters"));
    };
    let own_inputs = arguments[..weights].to_vec();
    let context = function.context();
    let start = match body.first_op() {
        Some(op) => Builder::before(op),
        None => return Err(refuse("is empty")),
    };
    // The mean of the losses of the items.
    let shape = arguments[weights].ty().shape().unwrap_or_default();
    let items: i64 = shape.iter().product();
    let share = linalg::fill(start, &shape, 1.0 / items.max(1) as f64, LAYER);
    arguments[weights].replace_all_uses_with(share);
    let state = arguments[first..].to_vec();
    let mut place = weights;
    let mut insert = |ty: Type| {
        let value = body.insert_argument(place, ty, function.location());
        place += 1;
        value
    };
    let number = Type::tensor(context.f32(), &[]);
    let settings = [number; 3].map(&mut insert);
    let prior: Vec<_> = state.iter().map(|value| insert(value.ty())).collect();
    // The weights are between the prior and the state.
    body.erase_argument(place);
    let last = |ty: Type| body.insert_argument(body.arguments().len(), ty, function.location());
    let steps = optimiser.counts().then(|| last(number));
    let memories: Vec<Vec<Value>> = state
        .iter()
        .map(|value| (0..optimiser.memories()).map(|_| last(value.ty())).collect())
        .collect();
    let builder = Builder::before(end);
    let gradients = &results[own..];
    let step = Step::of(builder, optimiser, settings, steps);
    // All gradients come first: the steps after them overwrite what they read.
    let mut along = vec![None; count];
    for &Parameter { mean, variance } in &parameters {
        let prior = [prior[mean], prior[variance]];
        along[mean] = Some(step.along_mean(state[mean], prior, gradients[mean]));
        along[variance] =
            Some(step.along_deviation(state[variance], prior[1], gradients[variance]));
    }
    let is_mean = |place: usize| parameters.iter().any(|own| own.mean == place);
    let mut after = Vec::new();
    let mut remembered = Vec::new();
    for (place, gradient) in along.into_iter().enumerate() {
        let gradient = gradient.ok_or_else(|| refuse("has a parameter without a gradient"))?;
        let (next, memory) = step.moved(state[place], gradient, &memories[place], is_mean(place));
        after.push(next);
        remembered.extend(memory);
    }
    let updated: Vec<_> = after.into_iter().chain(step.steps).chain(remembered).collect();
    let results = [&results[..own], &updated].concat();
    end.set_operands(&results);
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    let types: Vec<_> = results.iter().map(|value| value.ty()).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &types).attr());
    function.remove_attribute(PARAMETERS);
    let names = own_inputs.iter().enumerate().map(|(number, _)| (format!("input{number}"), 1));
    let packed = [(SETTINGS, 3), (PRIOR, count), (STATE, updated.len())];
    let packed = packed.map(|(name, count)| (name.to_owned(), count));
    let (of_arguments, in_place) = (names.chain(packed).collect(), updated.len());
    Buffers { of_arguments, in_place, of_results: Vec::new() }.write(function);
    Ok(())
}

/// What an update is made of beside gradients.
struct Step {
    builder: Builder,
    optimiser: Optimiser,
    rate: Value,
    deviation_rate: Value,
    pull: Value,
    /// How many steps were taken, this one too.
    steps: Option<Value>,
    /// What running means are multiplied by.
    corrections: Option<[Value; 2]>,
}

impl Step {
    fn of(
        builder: Builder,
        optimiser: Optimiser,
        [rate, deviation_rate, pull]: [Value; 3],
        before: Option<Value>,
    ) -> Self {
        let mut step =
            Self { builder, optimiser, rate, deviation_rate, pull, steps: None, corrections: None };
        if let (Optimiser::Adam(adam), Some(before)) = (optimiser, before) {
            let steps = step.in_place(before, &[], |a, _, before| {
                let one = a.constant(1.0);
                a.add(before, one)
            });
            let of = |beta: f64| {
                step.each(steps.ty(), &[steps], move |a, x| update::correction(a, beta, x[0]))
            };
            step.corrections = Some([of(adam.beta1), of(adam.beta2)]);
            step.steps = Some(steps);
        }
        step
    }

    /// The map of the loops over a shape to the elements of a tensor: its own, or the only one.
    fn map(&self, rank: usize, value: Value) -> AffineMap {
        let context = self.builder.context();
        let own = value.ty().shape().unwrap_or_default().len();
        let dims: Vec<_> = (0..own).map(|dim| context.dim(dim)).collect();
        context.affine_map(rank, &dims)
    }

    fn reads(&self, ty: Type, inputs: &[Value]) -> Vec<(Value, AffineMap)> {
        let rank = ty.shape().unwrap_or_default().len();
        inputs.iter().map(|&value| (value, self.map(rank, value))).collect()
    }

    /// A new tensor, an element of each of the elements of the inputs.
    fn each(
        &self,
        ty: Type,
        inputs: &[Value],
        f: impl FnOnce(&mut Payload, &[Value]) -> Value,
    ) -> Value {
        let empty = self.builder.value("tensor.empty", &[], ty);
        let outs = self.reads(ty, &[empty]);
        let body = |inner: Builder, x: &[Value]| vec![f(&mut Payload::new(inner), x)];
        linalg::generic(self.builder, &self.reads(ty, inputs), &outs, LAYER, body).result(0)
    }

    /// A tensor in place of `old`, an element of each of its own and those of the inputs.
    fn in_place(
        &self,
        old: Value,
        inputs: &[Value],
        f: impl FnOnce(&mut Payload, &[Value], Value) -> Value,
    ) -> Value {
        let outs = self.reads(old.ty(), &[old]);
        let body = |inner: Builder, x: &[Value]| {
            let (own, x) = x.split_last().map_or((x[0], x), |(&own, x)| (own, x));
            vec![f(&mut Payload::new(inner), x, own)]
        };
        linalg::generic(self.builder, &self.reads(old.ty(), inputs), &outs, LAYER, body).result(0)
    }

    /// The gradient of the objective along means.
    fn along_mean(&self, mean: Value, prior: [Value; 2], of_loss: Value) -> Value {
        let inputs = [mean, prior[0], prior[1], of_loss, self.pull];
        self.each(of_loss.ty(), &inputs, |a, x| {
            update::along_mean(a, x[0], [x[1], x[2]], x[3], x[4])
        })
    }

    /// The gradient of the objective along the logarithms of deviations.
    fn along_deviation(&self, variance: Value, prior_variance: Value, of_loss: Value) -> Value {
        let inputs = [variance, prior_variance, of_loss, self.pull];
        self.each(of_loss.ty(), &inputs, |a, x| update::along_deviation(a, x[0], x[1], x[2], x[3]))
    }

    /// The values after the step, and what is remembered of the gradient.
    fn moved(
        &self,
        value: Value,
        gradient: Value,
        memory: &[Value],
        along_mean: bool,
    ) -> (Value, Vec<Value>) {
        let rate = if along_mean { self.rate } else { self.deviation_rate };
        let after = |a: &mut Payload, value: Value, change: Value| match along_mean {
            true => update::mean_after(a, value, change),
            false => update::variance_after(a, value, change),
        };
        match (self.optimiser, memory, self.corrections) {
            (Optimiser::Adam(adam), &[first, second], Some(corrections)) => {
                let first = self.in_place(first, &[gradient], |a, x, first| {
                    update::remembered(a, adam.beta1, first, x[0])
                });
                let second = self.in_place(second, &[gradient], |a, x, second| {
                    let square = a.mul(x[0], x[0]);
                    update::remembered(a, adam.beta2, second, square)
                });
                let inputs = [first, second, rate, corrections[0], corrections[1]];
                let moved = self.in_place(value, &inputs, |a, x, value| {
                    let change = update::adam(a, adam.epsilon, x[2], [x[0], x[1]], [x[3], x[4]]);
                    after(a, value, change)
                });
                (moved, vec![first, second])
            }
            (Optimiser::Sgd(momentum), &[first], _) => {
                let first = self.in_place(first, &[gradient], |a, x, first| {
                    update::gathered(a, momentum, first, x[0])
                });
                (self.descended(value, first, rate, after), vec![first])
            }
            _ => (self.descended(value, gradient, rate, after), Vec::new()),
        }
    }

    fn descended(
        &self,
        value: Value,
        direction: Value,
        rate: Value,
        after: impl FnOnce(&mut Payload, Value, Value) -> Value,
    ) -> Value {
        self.in_place(value, &[direction, rate], |a, x, value| {
            let change = a.mul(x[0], x[1]);
            after(a, value, change)
        })
    }
}
