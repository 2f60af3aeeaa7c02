//! `--gauss-set-batch`: fixes the leading `?` dimension.

use gauss_dialect::{
    ir::{DYNAMIC, MAX_ELEMENTS, Op, Type, Value},
    layer::Layer,
    ops::movement::Movement,
};

use crate::pass::{Outcome, Pass, fail};

/// Gives every tensor whose leading dimension is dynamic the size `n` there.
pub const PASS: Pass = Pass {
    name: "gauss-set-batch",
    description: "Fix the leading dynamic dimension, the batch, of every function (option: n)",
    options: &["n"],
    run: |module, options| {
        let n = options.get("n").ok_or_else(|| fail(module, "gauss-set-batch needs n=SIZE"))?;
        match n.parse() {
            Ok(n @ 1..=0x4000_0000) => set_batch(module, n),
            _ => Err(fail(module, format!("the batch '{n}' is not a number in 1..=2^30"))),
        }
    },
};

/// Fixes the batch of every function of `module`.
///
/// # Errors
///
/// At an op whose operands do not fit with that batch.
pub fn set_batch(module: Op, n: i64) -> Outcome {
    for op in module.descendants() {
        let too_large = |value: Value| {
            let shape = value.ty().shape().unwrap_or_default();
            let rest = shape.iter().skip(1).try_fold(n, |product, &size| product.checked_mul(size));
            shape.first() == Some(&DYNAMIC) && rest.is_none_or(|elements| elements > MAX_ELEMENTS)
        };
        if op.results().into_iter().chain(op.operands()).any(too_large) {
            return Err(fail(
                op,
                format!("has a tensor of more than 2^28 elements with the batch {n}"),
            ));
        }
    }
    for op in module.descendants() {
        if op.is("func.func")
            && let Some((inputs, results)) =
                op.attribute("function_type").and_then(|t| t.as_type()?.function_signature())
        {
            let fixed =
                |types: Vec<Type>| types.into_iter().map(|ty| fix(ty, n)).collect::<Vec<_>>();
            let ty = op.context().function_type(&fixed(inputs), &fixed(results));
            op.set_attribute("function_type", ty.attr());
        }
        fix_copies(op, n)?;
        op.results().into_iter().for_each(|value| fix_value(value, n));
        for block in op.regions().into_iter().flat_map(|region| region.blocks()) {
            block.arguments().into_iter().for_each(|value| fix_value(value, n));
        }
    }
    Ok(())
}

/// Copies for each item of the batch are so many.
fn fix_copies(op: Op, n: i64) -> Outcome {
    let layer = Layer::of(op).map_err(|error| fail(op, error))?;
    let Some(Layer::Movement(Movement::Expand(mut shape))) = layer else { return Ok(()) };
    if let Some(first @ 0) = shape.first_mut() {
        *first = n;
        let expand = Layer::Movement(Movement::Expand(shape)).write();
        expand.entries(op.context()).for_each(|(name, value)| op.set_attribute(name, value));
    }
    Ok(())
}

fn fix_value(value: Value, n: i64) {
    value.set_type(fix(value.ty(), n));
}

fn fix(ty: Type, n: i64) -> Type {
    if !ty.is_gaussian() && !ty.is_ranked_tensor() {
        return ty;
    }
    let Some(mut shape) = ty.shape().filter(|shape| shape.first() == Some(&DYNAMIC)) else {
        return ty;
    };
    shape[0] = n;
    let element = ty.element_type();
    match ty.is_gaussian() {
        true => {
            let location = ty.context().unknown_location();
            Type::gaussian(location, element, &shape, ty.nodes()).unwrap_or(ty)
        }
        false => Type::tensor(element, &shape),
    }
}
