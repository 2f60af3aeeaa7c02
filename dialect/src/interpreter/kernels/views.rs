//! Elements of tensors, read and computed.

use std::{array, ops::Range};

use rayon::prelude::*;

use super::places::{place, strides};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::Moments,
    shape::TensorType,
};

/// Elements that one task of an elementwise layer computes.
const ELEMENTS: usize = 4096;

/// Consecutive elements of a tensor.
#[derive(Clone, Copy)]
pub(super) struct View<'a, V> {
    pub(super) mean: &'a [V],
    pub(super) variance: Option<&'a [V]>,
}

impl<'a, V: Scalar> View<'a, V> {
    pub(super) fn at(self, index: usize) -> Moments<V> {
        Moments { mean: self.mean[index], variance: self.variance.map(|v| v[index]) }
    }

    pub(super) fn slice(self, range: Range<usize>) -> View<'a, V> {
        View { mean: &self.mean[range.clone()], variance: self.variance.map(|v| &v[range]) }
    }
}

/// Consecutive elements of a tensor that is being computed.
pub(super) struct ViewMut<'a, V> {
    pub(super) mean: &'a mut [V],
    pub(super) variance: Option<&'a mut [V]>,
}

impl<V: Scalar> ViewMut<'_, V> {
    pub(super) fn at(&self, index: usize) -> Moments<V> {
        let variance = self.variance.as_deref();
        Moments { mean: self.mean[index], variance: variance.map(|v| v[index]) }
    }

    pub(super) fn set(&mut self, index: usize, value: Moments<V>) {
        self.mean[index] = value.mean;
        if let Some(variance) = &mut self.variance {
            variance[index] = value.variance.unwrap_or(V::ZERO);
        }
    }

    pub(super) fn fill(&mut self, value: Moments<V>) {
        self.mean.fill(value.mean);
        if let Some(variance) = &mut self.variance {
            variance.fill(value.variance.unwrap_or(V::ZERO));
        }
    }

    pub(super) fn slice(&mut self, range: Range<usize>) -> ViewMut<'_, V> {
        ViewMut {
            mean: &mut self.mean[range.clone()],
            variance: self.variance.as_deref_mut().map(|v| &mut v[range]),
        }
    }
}

impl<V: Scalar> Tensor<V> {
    /// Zeros of this type, whose shape is static.
    pub(super) fn zeros(ty: &TensorType) -> Result<Self, String> {
        let shape = sizes(ty);
        let zeros = || {
            let elements = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
            let mut values = Vec::new();
            values.try_reserve_exact(elements).ok()?;
            values.resize(elements, V::ZERO);
            Some(values)
        };
        let too_large = || format!("has a result {ty}, for which there is no memory");
        let mean = zeros().ok_or_else(too_large)?;
        let variance = match ty.gaussian {
            true => Some(zeros().ok_or_else(too_large)?),
            false => None,
        };
        Ok(Tensor::new(shape, mean, variance))
    }

    pub(super) fn view(&self) -> View<'_, V> {
        View { mean: &self.mean, variance: self.variance.as_deref() }
    }

    /// Computes the elements in parallel, `chunk` consecutive ones at a time;
    /// `compute` takes the number of the first one.
    pub(super) fn fill(&mut self, chunk: usize, compute: impl Fn(usize, ViewMut<V>) + Sync) {
        let chunk = chunk.max(1);
        let means = self.mean.par_chunks_mut(chunk).enumerate();
        match &mut self.variance {
            Some(variances) => {
                means.zip(variances.par_chunks_mut(chunk)).for_each(|((number, mean), variance)| {
                    compute(number * chunk, ViewMut { mean, variance: Some(variance) });
                })
            }
            None => means.for_each(|(number, mean)| {
                compute(number * chunk, ViewMut { mean, variance: None });
            }),
        }
    }
}

pub(super) fn sizes(ty: &TensorType) -> Vec<usize> {
    ty.shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect()
}

/// The first `N` sizes of a tensor.
pub(super) fn leading<const N: usize>(shape: &[usize]) -> [usize; N] {
    array::from_fn(|dim| shape.get(dim).copied().unwrap_or(1))
}

/// A tensor of this type whose elements are a function of their number.
pub(super) fn elementwise<V: Scalar>(
    ty: &TensorType,
    element: impl Fn(usize) -> Moments<V> + Sync,
) -> Result<Tensor<V>, String> {
    let mut result = Tensor::zeros(ty)?;
    result.fill(ELEMENTS, |start, mut out| {
        for index in 0..out.mean.len() {
            out.set(index, element(start + index));
        }
    });
    Ok(result)
}

/// A tensor of this type whose elements are a function of those of the operands in the same place.
/// Dimensions of size 1 are repeated.
pub(super) fn broadcast<V: Scalar, const N: usize>(
    operands: [&Tensor<V>; N],
    ty: &TensorType,
    element: impl Fn([Moments<V>; N]) -> Moments<V> + Sync,
) -> Result<Tensor<V>, String> {
    let shape = sizes(ty);
    let operands = operands.map(|operand| (operand.view(), strides(&operand.shape, &shape)));
    elementwise(ty, |i| {
        let at = |(view, strides): &(View<V>, Vec<usize>)| view.at(place(i, &shape, strides));
        element(operands.each_ref().map(at))
    })
}
