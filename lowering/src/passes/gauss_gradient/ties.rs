//! Largest elements of which there are several.

use std::collections::HashMap;

use gauss_dialect::ir::{Attribute, Builder, Op, Value};

use super::scalar::Kind;
use crate::{lanes::Predicate, linalg};

/// The adjoints of the results of a nest; where a result is a largest element, the share that each of
/// those has that are equal to it.
///
/// # Errors
///
/// Where the nest has no body.
pub(super) fn shared(
    builder: Builder,
    op: Op,
    kinds: &[Kind],
    results: &[Option<Value>],
) -> Result<Vec<Option<Value>>, String> {
    let share = |((number, kind), adjoint): ((usize, &Kind), &Option<Value>)| match (kind, adjoint)
    {
        (Kind::Maximum(term), Some(adjoint)) => {
            let count = count(builder, op, number, *term)?;
            Ok(Some(quotient(builder, op, *adjoint, count)))
        }
        _ => Ok(*adjoint),
    };
    kinds.iter().enumerate().zip(results).map(share).collect()
}

/// How many terms are equal to each element of a result.
fn count(builder: Builder, op: Op, number: usize, term: Value) -> Result<Value, String> {
    let body = op.body().ok_or("has no body")?;
    let maps = op.attribute("indexing_maps").and_then(Attribute::as_array).unwrap_or_default();
    let maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
    let inputs = op.operands().len() - op.results().len();
    let largest = op.result(number);
    let mut reads: Vec<_> = op.operands().into_iter().zip(maps.iter().copied()).collect();
    let (_, map) = reads[inputs + number];
    reads.truncate(inputs);
    reads.push((largest, map));
    let shape = largest.ty().shape().unwrap_or_default();
    let layer = layer(op);
    let outs = [(linalg::fill(builder, &shape, 0.0, &layer), map)];
    let nest = linalg::generic(builder, &reads, &outs, &layer, |inner, scalars| {
        let context = inner.context();
        let (largest, sum) = (scalars[inputs], scalars[inputs + 1]);
        let mut values: HashMap<_, _> =
            (0..inputs).map(|input| (body.argument(input), scalars[input])).collect();
        values.extend((0..op.results().len()).map(|out| (body.argument(inputs + out), largest)));
        for op in body.ops().into_iter().filter(|op| !op.is("linalg.yield")) {
            inner.copy(op, &mut values);
        }
        let term = *values.get(&term).unwrap_or(&term);
        let equal = inner
            .op("arith.cmpf")
            .operands(&[term, largest])
            .attr("predicate", context.i64_attr(Predicate::OrderedEqual as i64))
            .results(&[context.integer(1)])
            .build()
            .result(0);
        let [zero, one] =
            [0.0, 1.0].map(|value| inner.constant(context.f32_attr(value), context.f32()));
        let one = inner.value("arith.select", &[equal, one, zero], context.f32());
        vec![inner.value("arith.addf", &[one, sum], context.f32())]
    });
    Ok(nest.result(0))
}

fn quotient(builder: Builder, op: Op, adjoint: Value, count: Value) -> Value {
    let shape = adjoint.ty().shape().unwrap_or_default();
    let map = builder.context().identity_map(shape.len());
    let empty = builder.value("tensor.empty", &[], adjoint.ty());
    let share = |inner: Builder, x: &[Value]| {
        vec![inner.value("arith.divf", &[x[0], x[1]], builder.context().f32())]
    };
    let reads = [(adjoint, map), (count, map)];
    linalg::generic(builder, &reads, &[(empty, map)], &layer(op), share).result(0)
}

fn layer(op: Op) -> String {
    format!("{}.gradient", linalg::layer(op).unwrap_or_else(|| "generic".into()))
}
