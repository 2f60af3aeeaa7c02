//! `--gauss-use-destinations`: function results to buffers that the caller gives.

use gauss_dialect::ir::{Builder, Op, Type, Value};

use crate::pass::{Outcome, Pass, fail};

/// Turns tensor arguments into `memref` arguments and tensor results into
/// further `memref` arguments, after them, which the function writes. What is
/// computed last can then be written where the caller wants it, without a copy.
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
    for argument in body.arguments() {
        let ty = argument.ty();
        let Some(first) = body.first_op() else { continue };
        argument.set_type(buffer(ty));
        let read = Builder::before(first)
            .op("bufferization.to_tensor")
            .operands(&[argument])
            .attr("restrict", context.unit_attr())
            .results(&[ty])
            .build();
        argument.replace_all_uses_with(read.result(0));
        read.set_operand(0, argument);
    }
    // Read again: a result may be an argument.
    for result in end.operands() {
        let number = body.arguments().len();
        let out = body.insert_argument(number, buffer(result.ty()), function.location());
        Builder::before(end)
            .op("bufferization.materialize_in_destination")
            .operands(&[result, out])
            .attr("restrict", context.unit_attr())
            .attr("writable", context.unit_attr())
            .build();
    }
    end.set_operands(&[]);
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &[]).attr());
    function.remove_attribute("arg_attrs");
    function.remove_attribute("res_attrs");
    Ok(())
}
