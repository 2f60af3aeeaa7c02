//! The deterministic network of the means.

use gauss_dialect::{
    ir::{Builder, Op, Type},
    layer::Layer,
    representation::Component,
};

use super::plain;
use crate::pass::{Outcome, fail};

/// Every Gaussian becomes a plain tensor, its mean. Layers take either.
///
/// # Errors
///
/// At an op that has no meaning without variances.
pub fn apply(module: Op) -> Outcome {
    for op in module.descendants() {
        match op.name().as_str() {
            "func.func" => sign(op)?,
            "func.call" => op.results().into_iter().for_each(|x| x.set_type(plain(x.ty()))),
            _ => {
                if let Some(layer) = Layer::of(op).map_err(|error| fail(op, error))? {
                    at_mean(op, &layer)?;
                }
            }
        }
    }
    Ok(())
}

fn sign(function: Op) -> Outcome {
    let signature = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (inputs, results) = signature
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let plain_types = |types: Vec<Type>| types.into_iter().map(plain).collect::<Vec<_>>();
    let ty = function.context().function_type(&plain_types(inputs), &plain_types(results));
    function.set_attribute("function_type", ty.attr());
    let arguments = function.body().map(|body| body.arguments()).unwrap_or_default();
    arguments.into_iter().for_each(|argument| argument.set_type(plain(argument.ty())));
    Ok(())
}

fn at_mean(op: Op, layer: &Layer) -> Outcome {
    let result = op.result(0);
    match layer {
        Layer::Variance => {
            return Err(fail(op, "has no meaning in the mode mean, where nothing has a variance"));
        }
        Layer::Mean | Layer::Make | Layer::Noise(_) => {
            result.replace_all_uses_with(op.operand(0));
            op.erase();
        }
        Layer::Constant => {
            let mean = op.attribute("mean").ok_or_else(|| fail(op, "needs 'mean'"))?;
            let constant = Builder::before(op).constant(mean, plain(result.ty()));
            result.replace_all_uses_with(constant);
            op.erase();
        }
        Layer::Parameter(name) => {
            if result.ty().is_gaussian() {
                let name = op.context().string_attr(&Component::Mean.tensor(name));
                op.set_attribute("name", name);
            }
            result.set_type(plain(result.ty()));
        }
        _ => result.set_type(plain(result.ty())),
    }
    Ok(())
}
