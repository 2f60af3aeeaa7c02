//! Recurrences step after step, so that each step has a derivative of its own.

use std::collections::HashMap;

use gauss_dialect::ir::{AffineExpr, AffineMap, Attribute, Builder, Op, Value};

use super::{nest::Nest, scalar::Kind};
use crate::{
    linalg,
    pass::{Outcome, fail},
};

/// Replaces every nest whose steps take the result of the one before for more than a sum by one that
/// reads what all its steps read.
pub(super) fn recurrences(function: Op) -> Outcome {
    for op in function.descendants().into_iter().filter(|op| op.is("linalg.generic")) {
        let is_recurrence = || Some(Nest::of(op).ok()?.kinds().contains(&Kind::Recurrence));
        if is_recurrence().unwrap_or(false) {
            write_out(op).map_err(|error| fail(op, error))?;
        }
    }
    Ok(())
}

fn write_out(op: Op) -> Result<(), String> {
    let other = || "is a recurrence that has no derivative here".to_owned();
    let context = op.context();
    let builder = Builder::before(op);
    let body = op.body().ok_or_else(other)?;
    let maps = op.attribute("indexing_maps").and_then(Attribute::as_array).ok_or_else(other)?;
    let maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
    let dims = maps.first().map_or(0, |map| map.num_dims());
    let operands = op.operands();
    let inputs = operands.len() - op.results().len();
    let walked = |expression: &AffineExpr| {
        let (steps, start) = expression.linear(dims)?;
        let mut loops = steps.iter().enumerate().filter(|(_, step)| **step != 0);
        let (dim, &step) = loops.next()?;
        (step == 1 && start == 0 && loops.next().is_none()).then_some(dim)
    };
    let along = |map: &AffineMap| map.results().iter().map(walked).collect::<Option<Vec<_>>>();
    let read = maps.iter().map(along).collect::<Option<Vec<_>>>().ok_or_else(other)?;
    let out = read.last().ok_or_else(other)?.clone();
    // One loop that is no dimension of the result.
    let mut reduced = (0..dims).filter(|dim| !out.contains(dim));
    let (Some(dim), None) = (reduced.next(), reduced.next()) else { return Err(other()) };
    let mut reads: Vec<(Value, AffineMap)> = Vec::new();
    // The number of the read of each input at each step.
    let mut at: Vec<Vec<usize>> = Vec::new();
    let mut count = 1;
    let map_of = |dims: &[usize]| {
        let place = |dim: &usize| out.iter().position(|other| other == dim);
        let places = dims.iter().map(place).collect::<Option<Vec<_>>>()?;
        let expressions: Vec<_> = places.into_iter().map(|dim| context.dim(dim)).collect();
        Some(context.affine_map(out.len(), &expressions))
    };
    for (&tensor, dims) in operands[..inputs].iter().zip(&read) {
        let shape = tensor.ty().shape().unwrap_or_default();
        let Some(axis) = dims.iter().position(|&other| other == dim) else {
            at.push(vec![reads.len()]);
            reads.push((tensor, map_of(dims).ok_or_else(other)?));
            continue;
        };
        count = shape[axis];
        let kept: Vec<_> = dims.iter().copied().filter(|&other| other != dim).collect();
        let map = map_of(&kept).ok_or_else(other)?;
        let mut of_input = Vec::new();
        for step in 0..shape[axis] {
            let mut one = shape.clone();
            one[axis] = 1;
            let mut offsets = vec![0; shape.len()];
            offsets[axis] = step;
            let slice = linalg::slice(builder, tensor, &offsets, &one);
            one.remove(axis);
            of_input.push(reads.len());
            reads.push((linalg::regrouped(builder, slice, &one), map));
        }
        at.push(of_input);
    }
    let first = reads.len();
    let identity = context.identity_map(out.len());
    reads.extend(operands[inputs..].iter().map(|&initial| (initial, identity)));
    let outs: Vec<_> = op
        .results()
        .iter()
        .map(|result| (builder.value("tensor.empty", &[], result.ty()), identity))
        .collect();
    let layer = linalg::layer(op).unwrap_or_default();
    let yielded = body.terminator().map(Op::operands).unwrap_or_default();
    let all = linalg::generic(builder, &reads, &outs, &layer, |inner, scalars| {
        let mut sums = scalars[first..first + outs.len()].to_vec();
        for step in 0..count as usize {
            let mut values = HashMap::new();
            for (number, places) in at.iter().enumerate() {
                let place = places.get(step).or(places.first()).copied().unwrap_or_default();
                values.insert(body.argument(number), scalars[place]);
            }
            for (number, &sum) in sums.iter().enumerate() {
                values.insert(body.argument(inputs + number), sum);
            }
            for op in body.ops().into_iter().filter(|op| !op.is("linalg.yield")) {
                inner.copy(op, &mut values);
            }
            sums = yielded.iter().map(|value| *values.get(value).unwrap_or(value)).collect();
        }
        sums
    });
    for (result, new) in op.results().into_iter().zip(all.results()) {
        result.replace_all_uses_with(new);
    }
    op.erase();
    Ok(())
}
