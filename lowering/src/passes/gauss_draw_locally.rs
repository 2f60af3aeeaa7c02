//! `--gauss-draw-locally`: the plain network with drawn outputs of its dense layers.

use std::collections::{HashMap, HashSet};

use gauss_dialect::{
    ir::{Block, Builder, DYNAMIC, Op, Type, Value},
    layer::Layer,
    loss,
    moments::Moments,
};

use crate::{
    linalg,
    mode::{self, Mode, plain},
    pass::{Failed, Outcome, Pass, fail},
    payload::Payload,
};

/// The layer that the ops are from.
const LAYER: &str = "draw";

/// Makes every Gaussian its mean, but for the weights of dense layers that are read once: the outputs of
/// such a layer are drawn, for each item on its own, of their mean and variance given its inputs. The
/// standard normal numbers are further arguments, one for each layer, of the shape of its outputs.
pub const PASS: Pass = Pass {
    name: "gauss-draw-locally",
    description: "Make Gaussians their means, but draw the outputs of dense layers from normal \
                  numbers that the function takes (local reparameterisation)",
    options: &[],
    run: |module, _| {
        let ops = module.body().map(Block::ops).unwrap_or_default();
        let mut drawn = Vec::new();
        for function in ops.into_iter().filter(|op| op.is("func.func")) {
            if let Some(body) = function.body() {
                drawn.push((function, body, layers(function, body)?));
            }
        }
        mode::apply(module, Mode::Mean)?;
        drawn.into_iter().try_for_each(|(function, body, layers)| draw(function, body, &layers))
    },
};

/// The attribute of a function that says how many outputs of each item are drawn in each layer, in the
/// order of the arguments that the numbers are taken from.
pub const WIDTHS: &str = "gauss.drawn";

/// A dense layer whose outputs are drawn.
struct Dense {
    op: Op,
    /// Its Gaussian parameters that are read nowhere else, with what they are called.
    parameters: Vec<(Op, String, Type)>,
    /// The type of its outputs as Gaussians.
    outputs: Type,
}

/// The Gaussian parameter that a value is.
fn parameter(value: Value) -> Option<(Op, String)> {
    let op = value.defining_op().filter(|_| value.ty().is_gaussian())?;
    match Layer::of(op) {
        Ok(Some(Layer::Parameter(name))) => Some((op, name)),
        _ => None,
    }
}

/// The layers whose outputs can be drawn: rows of their inputs are items, and no other op reads their
/// weights. Weights that are read twice, such as for each place of a sequence, are one draw for all.
fn layers(function: Op, body: Block) -> Result<Vec<Dense>, Failed> {
    let mut reads = HashMap::<String, usize>::new();
    let inner = function.descendants();
    for (_, name) in inner.iter().flat_map(|op| op.operands()).filter_map(parameter) {
        *reads.entry(name).or_default() += 1;
    }
    let input = body.arguments().first().and_then(|input| input.ty().shape());
    let items = input.and_then(|shape| shape.first().copied());
    if items == Some(DYNAMIC) {
        return Err(fail(function, "needs a batch that is fixed: --gauss-set-batch"));
    }
    let of_items = dependent(body);
    let mut layers = Vec::new();
    for op in body.ops() {
        if !matches!(Layer::of(op), Ok(Some(Layer::Dense))) {
            continue;
        }
        let input = op.operand(0);
        let rows = input.ty().shape().and_then(|shape| shape.first().copied());
        if rows != items || !of_items.contains(&input) {
            continue;
        }
        let own = op.operands().into_iter().skip(1).filter_map(|value| {
            let (parameter, name) = parameter(value)?;
            let is_alone = reads.get(&name) == Some(&1);
            is_alone.then(|| (parameter, name, value.ty()))
        });
        let parameters: Vec<_> = own.collect();
        let weight = op.operand(1).defining_op();
        if parameters.iter().any(|(parameter, ..)| Some(*parameter) == weight) {
            layers.push(Dense { op, parameters, outputs: op.result(0).ty() });
        }
    }
    Ok(layers)
}

/// What follows from the first argument of a function.
fn dependent(body: Block) -> HashSet<Value> {
    let mut dependent: HashSet<_> = body.arguments().into_iter().take(1).collect();
    for op in body.ops() {
        if op.operands().iter().any(|operand| dependent.contains(operand)) {
            dependent.extend(op.results());
        }
    }
    dependent
}

/// Draws the outputs of layers of a function in which every Gaussian is its mean.
fn draw(function: Op, body: Block, layers: &[Dense]) -> Outcome {
    let context = function.context();
    let mut widths = Vec::new();
    for Dense { op, parameters, outputs } in layers {
        for (parameter, name, ty) in parameters {
            parameter.set_attribute("name", context.string_attr(name));
            parameter.result(0).set_type(*ty);
        }
        let ty = plain(*outputs);
        let noise = body.insert_argument(body.arguments().len(), ty, op.location());
        let builder = Builder::before(*op);
        let moments = builder.value("gauss.dense", &op.operands(), *outputs);
        let [mean, variance] =
            ["gauss.mean", "gauss.variance"].map(|part| builder.value(part, &[moments], ty));
        let shape = ty.shape().unwrap_or_default();
        let own = context.identity_map(shape.len());
        let empty = builder.value("tensor.empty", &[], ty);
        let reads = [(mean, own), (variance, own), (noise, own)];
        let drawn = linalg::generic(builder, &reads, &[(empty, own)], LAYER, |inner, x| {
            vec![loss::draw(&mut Payload::new(inner), Moments::gaussian(x[0], x[1]), x[2])]
        });
        op.result(0).replace_all_uses_with(drawn.result(0));
        op.erase();
        widths.push(shape.iter().skip(1).product::<i64>());
    }
    let signature = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (_, results) = signature
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &results).attr());
    function.set_attribute(WIDTHS, context.i64_array_attr(&widths));
    Ok(())
}
