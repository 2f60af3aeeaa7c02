//! Weighted sums of elements of one operand: reductions and interpolation.

use super::{
    places::{indices, place, strides},
    views::{elementwise, sizes},
};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::{self, Moments},
    ops::{reduction::Reduction, resize::Resize},
    shape::TensorType,
};

pub(super) fn reduced<V: Scalar>(
    reduction: &Reduction,
    input: &Tensor<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let kept = Reduction { keep_dims: true, ..reduction.clone() };
    let outer: Vec<_> = sizes(&kept.infer(&input.ty())?);
    let inner: Vec<_> = reduction.axes.iter().map(|&axis| input.shape[axis]).collect();
    let count: usize = inner.iter().product();
    let steps = strides(&input.shape, &input.shape);
    let inner_steps: Vec<_> = reduction.axes.iter().map(|&axis| steps[axis]).collect();
    let shape: Vec<_> = input.ty().shape;
    let factor = V::constant(reduction.factor(&shape));
    let view = input.view();
    elementwise(ty, |i| {
        let start = place(i, &outer, &steps);
        let terms = (0..count).map(|k| view.at(start + place(k, &inner, &inner_steps)));
        let sum = terms.reduce(|x, y| moments::add(&mut V::algebra(), x, y));
        moments::scale(&mut V::algebra(), sum.unwrap_or(Moments::deterministic(V::ZERO)), factor)
    })
}

pub(super) fn resized<V: Scalar>(
    resize: &Resize,
    input: &Tensor<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let shape = sizes(ty);
    let steps = strides(&input.shape, &input.shape);
    let axes = resize.axes(&input.ty().shape);
    let view = input.view();
    elementwise(ty, |i| {
        let mut index = indices(i, &shape);
        // What is summed: an element by its number, and its weight.
        let mut terms = vec![(0, 1.0)];
        for axis in &axes {
            let tap = axis.tap(index[axis.dim] as i64);
            index[axis.dim] = 0;
            let sides = [(tap.low, 1.0 - tap.weight), (tap.low + 1, tap.weight)];
            let sides = sides.into_iter().filter(|(_, weight)| *weight != 0.0);
            let beside = |(number, share): (usize, f64)| {
                let step = steps[axis.dim];
                sides.clone().map(move |(at, weight)| (number + at as usize * step, share * weight))
            };
            terms = terms.into_iter().flat_map(beside).collect();
        }
        let rest: usize = index.iter().zip(&steps).map(|(index, step)| index * step).sum();
        let parts = terms.into_iter().map(|(at, weight)| {
            moments::scale(&mut V::algebra(), view.at(rest + at), V::constant(weight))
        });
        let sum = parts.reduce(|x, y| moments::add(&mut V::algebra(), x, y));
        sum.unwrap_or(Moments::deterministic(V::ZERO))
    })
}
