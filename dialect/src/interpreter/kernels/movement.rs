//! Layers whose elements are those of an operand, elsewhere.

use super::{
    places::indices,
    views::{elementwise, leading, sizes},
};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::Moments,
    ops::{
        embedding,
        movement::{Border, Movement},
    },
    shape::TensorType,
};

pub(super) fn moved<V: Scalar>(
    movement: &Movement,
    operands: &[&Tensor<V>],
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let shape = sizes(ty);
    let shapes: Vec<_> = operands.iter().map(|operand| &operand.shape[..]).collect();
    let views: Vec<_> = operands.iter().map(|operand| operand.view()).collect();
    let around = match movement {
        Movement::Pad { border: Border::Constant(value), .. } => *value,
        _ => 0.0,
    };
    elementwise(ty, |i| match movement.source(&shapes, &indices(i, &shape)) {
        Some((operand, from)) => {
            let own = shapes[operand];
            let number =
                from.iter().zip(own).fold(0, |number, (index, size)| number * size + index);
            views[operand].at(number)
        }
        None => Moments::deterministic(V::constant(around)),
    })
}

pub(super) fn embedded<V: Scalar>(
    indices: &Tensor<V>,
    table: &Tensor<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let [rows, features] = leading(&table.shape);
    let view = table.view();
    elementwise(ty, |i| {
        let row = embedding::row(indices.mean[i / features].value(), rows);
        view.at(row * features + i % features)
    })
}
