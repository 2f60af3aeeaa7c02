//! `--gauss-gradient`: what a function computes, and its gradient.
//!
//! Reverse mode over linalg on tensors, which is what every op of the dialect becomes: the rules are
//! those of a few ops on tensors and of a few on numbers, whatever the op was.

mod adjoints;
mod factor;
mod look_up;
mod nest;
mod parts;
mod scalar;
mod ties;
mod windows;
mod written_out;

use std::collections::{HashMap, HashSet};

use gauss_dialect::ir::{Attribute, Block, Builder, Op, Type, Value};

use self::{
    nest::Nest,
    parts::{Parts, Place},
};
use crate::{
    linalg,
    pass::{Failed, Outcome, Pass, fail},
};

/// Makes every parameter that a function reads an argument of it. The function takes one argument
/// more before them, the weights of the elements of its first result, and returns after its results
/// the gradient of the weighted sum of these elements along each parameter, in the same order. With
/// `only-arguments` parameters become arguments, and that is all.
pub const PASS: Pass = Pass {
    name: "gauss-gradient",
    description: "Let functions in linalg on tensors return the gradient of their first result along \
                  their parameters, which become arguments (options: only-arguments)",
    options: &["only-arguments"],
    run: |module, options| {
        let functions = module.body().map(Block::ops).unwrap_or_default();
        let only_arguments = options.get("only-arguments") == Some("true");
        for function in functions.iter().filter(|op| op.is("func.func")) {
            differentiate(*function, only_arguments)?;
        }
        erase_globals(module);
        Ok(())
    },
};

/// The attribute of a function that lists the tensors that it takes as parameters.
pub const PARAMETERS: &str = "gauss.parameters";

/// The parameters that a function reads, with the ops that read them.
fn parameters(module: Op, body: Block) -> Vec<(String, Vec<Op>)> {
    let globals = module.body().map(Block::ops).unwrap_or_default();
    let is_open = |op: &Op| {
        op.is("memref.global")
            && op.attribute("initial_value").is_none_or(|value| value.to_string() == "unit")
    };
    let names = globals.into_iter().filter(is_open).filter_map(Op::symbol);
    let reads = |name: &String| {
        let is_read = |op: &Op| {
            op.is("memref.get_global")
                && op.attribute("name").and_then(Attribute::as_symbol).as_ref() == Some(name)
        };
        body.ops().into_iter().filter(is_read).collect::<Vec<_>>()
    };
    let read = names.map(|name| {
        let reads = reads(&name);
        (name, reads)
    });
    read.filter(|(_, reads)| !reads.is_empty()).collect()
}

fn differentiate(function: Op, only_arguments: bool) -> Outcome {
    let Some(body) = function.body() else { return Ok(()) };
    let module = function.parent().ok_or(Failed)?;
    let signature = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (mut inputs, mut results) = signature
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let parameters = parameters(module, body);
    if parameters.is_empty() {
        return Err(fail(
            function,
            "has no parameters to differentiate along: they are gauss.parameter ops, lowered before \
             by --lower-gauss and not loaded",
        ));
    }
    let Some(&differentiated) = results.first() else {
        return Err(fail(function, "has no result to differentiate"));
    };
    let mut weights = None;
    if !only_arguments {
        written_out::recurrences(function)?;
        weights = Some(body.insert_argument(inputs.len(), differentiated, function.location()));
        inputs.push(differentiated);
    }
    let mut arguments = Vec::new();
    for (_, reads) in &parameters {
        let tensors = reads.iter().flat_map(|read| read.result(0).users());
        let tensors: Vec<_> = tensors.filter(|op| op.is("bufferization.to_tensor")).collect();
        let ty = tensors
            .first()
            .map(|op| op.result(0).ty())
            .ok_or_else(|| fail(function, "reads a parameter in another way than as a tensor"))?;
        let argument = body.insert_argument(inputs.len(), ty, function.location());
        inputs.push(ty);
        tensors.iter().for_each(|op| op.result(0).replace_all_uses_with(argument));
        tensors.into_iter().for_each(Op::erase);
        reads.iter().for_each(|read| read.erase());
        arguments.push(argument);
    }
    let returned = body.terminator().ok_or_else(|| fail(function, "has no end"))?;
    if let Some(weights) = weights {
        let mut sweep = Sweep::new(body, &arguments);
        sweep.parts.entry(returned.operand(0)).or_default().add(weights);
        let builder = Builder::before(returned);
        sweep.run(builder, body)?;
        let gradients: Vec<_> =
            arguments.iter().map(|&argument| sweep.gradient(builder, argument)).collect();
        returned.set_operands(&[returned.operands(), gradients].concat());
        results.extend(arguments.iter().map(|argument| argument.ty()));
    }
    let context = function.context();
    function.set_attribute("function_type", context.function_type(&inputs, &results).attr());
    let names: Vec<_> = parameters.iter().map(|(name, _)| context.string_attr(name)).collect();
    function.set_attribute(PARAMETERS, context.array_attr(&names));
    Ok(())
}

/// Erases the globals of parameters, which nothing reads any more.
fn erase_globals(module: Op) {
    let read: HashSet<_> = module
        .descendants()
        .into_iter()
        .filter(|op| op.is("memref.get_global"))
        .filter_map(|op| op.attribute("name")?.as_symbol())
        .collect();
    let globals = module.body().map(Block::ops).unwrap_or_default();
    let unread =
        |op: &Op| op.is("memref.global") && op.symbol().is_some_and(|name| !read.contains(&name));
    globals.into_iter().filter(unread).for_each(Op::erase);
}

/// One way through a function from its end to its start.
struct Sweep {
    /// What depends on a parameter.
    active: HashSet<Value>,
    /// The adjoints that are known so far.
    parts: HashMap<Value, Parts>,
}

impl Sweep {
    fn new(body: Block, parameters: &[Value]) -> Self {
        let mut active: HashSet<_> = parameters.iter().copied().collect();
        for op in body.ops() {
            // A loop reads what its body does.
            let read = op.descendants().into_iter().flat_map(Op::operands).chain(op.operands());
            if read.into_iter().any(|operand| active.contains(&operand)) {
                active.extend(op.results());
            }
        }
        Self { active, parts: HashMap::new() }
    }

    fn run(&mut self, builder: Builder, body: Block) -> Outcome {
        let last = body.terminator();
        for op in body.ops().into_iter().rev().filter(|op| Some(*op) != last) {
            let results = op.results();
            if !results.iter().any(|result| self.active.contains(result)) {
                continue;
            }
            let builder = builder.at_location_of(op);
            let adjoint = |result: &Value| {
                let parts = self.parts.remove(result)?;
                Some(parts.sum(builder, &result.ty().shape().unwrap_or_default()))
            };
            let adjoints: Vec<_> = results.iter().map(adjoint).collect();
            if adjoints.iter().any(Option::is_some) {
                self.step(builder, op, &adjoints).map_err(|error| fail(op, error))?;
            }
        }
        Ok(())
    }

    /// Adds the adjoints of what an op reads.
    fn step(&mut self, builder: Builder, op: Op, results: &[Option<Value>]) -> Result<(), String> {
        let known = &self.active;
        let active = |value: Value| known.contains(&value);
        match (op.name().as_str(), results) {
            ("linalg.generic", _) => {
                let nest = Nest::of(op)?;
                let results = ties::shared(builder, op, &nest.kinds(), results)?;
                let adjoints = nest.adjoints(builder, &results, active)?;
                adjoints.into_iter().for_each(|(value, adjoint)| self.add(value, adjoint));
            }
            ("scf.for", _) => {
                let adjoints = look_up::adjoints(builder, op, results, active)?;
                adjoints.into_iter().for_each(|(value, adjoint)| self.add(value, adjoint));
            }
            ("tensor.extract_slice", &[Some(adjoint)]) if op.operands().len() > 1 => {
                let table = op.operand(0);
                let adjoint = look_up::scattered(builder, op, adjoint)?;
                self.add(table, adjoint);
            }
            ("tensor.extract_slice", &[Some(adjoint)]) => {
                let place = place(op)?;
                let adjoint = linalg::regrouped(builder, adjoint, &place.sizes);
                self.add_at(op.operand(0), adjoint, place);
            }
            ("tensor.insert_slice", &[Some(adjoint)]) => {
                let place = place(op)?;
                let at = (&place.offsets[..], &place.strides[..]);
                let (part, whole) = (op.operand(0), op.operand(1));
                if self.active.contains(&part) {
                    let own = linalg::slice_strided(builder, adjoint, at, &place.sizes);
                    let shape = part.ty().shape().unwrap_or_default();
                    self.add(part, linalg::regrouped(builder, own, &shape));
                }
                if self.active.contains(&whole) {
                    let zeros = linalg::fill(builder, &place.sizes, 0.0, "concat.gradient");
                    self.add(whole, linalg::insert_strided(builder, zeros, adjoint, at));
                }
            }
            ("tensor.expand_shape" | "tensor.collapse_shape" | "tensor.cast", &[Some(adjoint)]) => {
                let shape = op.operand(0).ty().shape().unwrap_or_default();
                self.add(op.operand(0), linalg::regrouped(builder, adjoint, &shape));
            }
            _ => return Err("has no derivative here".into()),
        }
        Ok(())
    }

    fn add(&mut self, to: Value, adjoint: Value) {
        self.parts.entry(to).or_default().add(adjoint);
    }

    fn add_at(&mut self, to: Value, adjoint: Value, place: Place) {
        self.parts.entry(to).or_default().add_at(adjoint, place);
    }

    /// The gradient along a parameter.
    fn gradient(&mut self, builder: Builder, parameter: Value) -> Value {
        let shape = parameter.ty().shape().unwrap_or_default();
        match self.parts.remove(&parameter) {
            Some(parts) => parts.sum(builder, &shape),
            None => linalg::fill(builder, &shape, 0.0, "parameter.gradient"),
        }
    }
}

/// Where the elements lie that an op takes out of a tensor, or puts into it.
fn place(op: Op) -> Result<Place, String> {
    let read = |name: &str| op.attribute(name).and_then(Attribute::as_i64_array);
    let all = [read("static_offsets"), read("static_sizes"), read("static_strides")];
    let [Some(offsets), Some(sizes), Some(strides)] = all else {
        return Err("is at a place that is not known".into());
    };
    let is_known = |list: &[i64]| list.iter().all(|&value| value >= 0);
    match is_known(&offsets) && is_known(&sizes) && is_known(&strides) {
        true => Ok(Place { offsets, sizes, strides }),
        false => Err("is at a place that is not known".into()),
    }
}
