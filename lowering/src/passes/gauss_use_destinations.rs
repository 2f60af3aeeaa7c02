//! `--gauss-use-destinations`: function results to buffers that the caller gives.

use gauss_dialect::ir::{Builder, Op, Type, Value};

use crate::{
    buffers::Buffers,
    pass::{Outcome, Pass, fail},
};

/// Turns tensor arguments into `memref` arguments and tensor results into
/// further `memref` arguments, after them, which the function writes. What is
/// computed last can then be written where the caller wants it, without a copy. Results that are new
/// values of arguments are written into these.
pub const PASS: Pass = Pass {
    name: "gauss-use-destinations",
    description: "Turn tensor arguments and results of functions into memref arguments",
    options: &[],
    run: |module, _| {
        let ops = module.body().map(|body| body.ops()).unwrap_or_default();
        ops.into_iter().filter(|op| op.is("func.func")).try_for_each(use_destinations)
    },
};

/// The row-major buffer of a tensor type.
fn buffer(ty: Type) -> Type {
    match ty.is_ranked_tensor() {
        true => Type::memref(ty.element_type(), &ty.shape().unwrap_or_default()),
        false => ty,
    }
}

fn use_destinations(function: Op) -> Outcome {
    let Some(body) = function.body() else {
        return Err(fail(function, "is a declaration; only functions with a body are compiled"));
    };
    if function.region(0).blocks().len() > 1 {
        return Err(fail(function, "has control flow; a network is one block of layers"));
    }
    let Some(end) = body.terminator() else {
        return Err(fail(function, "has no terminator"));
    };
    for ty in end.operands().into_iter().chain(body.arguments()).map(Value::ty) {
        let is_static = ty.shape().is_some_and(|shape| shape.iter().all(|&size| size > 0));
        if !ty.is_ranked_tensor() || !is_static || !ty.element_type().is_f32() {
            return Err(fail(
                function,
                format!(
                    "has an argument or result of type {ty}; it must be an f32 tensor \
                         of fixed size (is the batch set?)"
                ),
            ));
        }
    }
    if let Some(call) = function.descendants().into_iter().find(|op| op.is("func.call")) {
        return Err(fail(call, "calls a function that could not be inlined (is it recursive?)"));
    }
    let context = function.context();
    let buffers = Buffers::take(function);
    let in_place = buffers.as_ref().map_or(0, |buffers| buffers.in_place);
    let arguments = body.arguments();
    let split = |values: &[Value]| values.len().checked_sub(in_place);
    let (Some(read), Some(own)) = (split(&arguments), split(&end.operands())) else {
        return Err(fail(function, "updates more arguments than it has"));
    };
    let updated: Vec<_> = end.operands()[own..].to_vec();
    if arguments[read..].iter().zip(&updated).any(|(old, new)| old.ty() != new.ty()) {
        return Err(fail(function, "updates an argument by a value of another type"));
    }
    if let Some(buffers) = &buffers {
        let types: Vec<_> = arguments.iter().map(|value| value.ty()).collect();
        buffers.write_places(function, &types);
    }
    for (number, argument) in arguments.into_iter().enumerate() {
        let ty = argument.ty();
        let Some(first) = body.first_op() else { continue };
        argument.set_type(buffer(ty));
        let mut tensor = Builder::before(first)
            .op("bufferization.to_tensor")
            .operands(&[argument])
            .attr("restrict", context.unit_attr())
            .results(&[ty]);
        if number >= read {
            tensor = tensor.attr("writable", context.unit_attr());
        }
        let tensor = tensor.build();
        argument.replace_all_uses_with(tensor.result(0));
        tensor.set_operand(0, argument);
    }
    let store = |result: Value, out: Value| {
        Builder::before(end)
            .op("bufferization.materialize_in_destination")
            .operands(&[result, out])
            .attr("restrict", context.unit_attr())
            .attr("writable", context.unit_attr())
            .build();
    };
    // Read again: a result may be an argument.
    let results = end.operands();
    for (number, &result) in results[own..].iter().enumerate() {
        store(result, body.argument(read + number));
    }
    for &result in &results[..own] {
        let number = body.arguments().len();
        let out = body.insert_argument(number, buffer(result.ty()), function.location());
        store(result, out);
    }
    end.set_operands(&[]);
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &[]).attr());
    function.remove_attribute("arg_attrs");
    function.remove_attribute("res_attrs");
    Ok(())
}
