//! Adjoints that come in parts: of whole tensors, and of elements that were taken out of them.

use gauss_dialect::ir::{Builder, Type, Value};

use crate::linalg;

/// The layer of sums of adjoints.
const LAYER: &str = "sum.gradient";

/// Elements of a tensor: from offsets on, in strides.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) offsets: Vec<i64>,
    pub(super) sizes: Vec<i64>,
    pub(super) strides: Vec<i64>,
}

impl Place {
    /// Have two places no element in common?
    fn is_apart(&self, other: &Place) -> bool {
        let along = |place: &Place, dim: usize| {
            let (offset, stride) = (place.offsets[dim], place.strides[dim]);
            (0..place.sizes[dim]).map(move |step| offset + step * stride)
        };
        (0..self.sizes.len()).any(|dim| {
            let own: std::collections::HashSet<_> = along(self, dim).collect();
            along(other, dim).all(|index| !own.contains(&index))
        })
    }

    fn elements(&self) -> i64 {
        self.sizes.iter().product()
    }
}

/// What the adjoint of a tensor is the sum of.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    whole: Vec<Value>,
    some: Vec<(Value, Place)>,
}

impl Parts {
    pub(super) fn add(&mut self, adjoint: Value) {
        self.whole.push(adjoint);
    }

    pub(super) fn add_at(&mut self, adjoint: Value, place: Place) {
        self.some.push((adjoint, place));
    }

    /// The sum, as a tensor of this shape.
    pub(super) fn sum(self, builder: Builder, shape: &[i64]) -> Value {
        let mut whole = self.whole.into_iter();
        let first = whole.next();
        let is_zero = first.is_none();
        let total: i64 = shape.iter().product();
        let mut apart = Vec::new();
        let mut overlapping = Vec::new();
        for (adjoint, place) in self.some {
            match is_zero && apart.iter().all(|(_, known): &(Value, Place)| known.is_apart(&place))
            {
                true => apart.push((adjoint, place)),
                false => overlapping.push((adjoint, place)),
            }
        }
        let covered: i64 = apart.iter().map(|(_, place)| place.elements()).sum();
        let start = match first {
            Some(first) => whole.fold(first, |sum, next| added(builder, sum, next)),
            None if covered == total => {
                let ty = Type::tensor(builder.context().f32(), shape);
                builder.value("tensor.empty", &[], ty)
            }
            None => linalg::fill(builder, shape, 0.0, LAYER),
        };
        let put = |whole: Value, (part, place): (Value, Place)| {
            linalg::insert_strided(builder, part, whole, (&place.offsets, &place.strides))
        };
        let sum = apart.into_iter().fold(start, put);
        overlapping.into_iter().fold(sum, |sum, (adjoint, place)| {
            let at = (&place.offsets[..], &place.strides[..]);
            let own = linalg::slice_strided(builder, sum, at, &place.sizes);
            put(sum, (added(builder, own, adjoint), place))
        })
    }
}

/// The sum of two tensors.
pub(super) fn added(builder: Builder, x: Value, y: Value) -> Value {
    let shape = x.ty().shape().unwrap_or_default();
    let map = builder.context().identity_map(shape.len());
    let empty = builder.value("tensor.empty", &[], x.ty());
    let sum = |inner: Builder, x: &[Value]| {
        vec![inner.value("arith.addf", &[x[0], x[1]], builder.context().f32())]
    };
    linalg::generic(builder, &[(x, map), (y, map)], &[(empty, map)], LAYER, sum).result(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: i64, size: i64, stride: i64) -> Place {
        Place { offsets: vec![0, offset], sizes: vec![3, size], strides: vec![1, stride] }
    }

    #[test]
    fn places_are_apart_where_a_dimension_has_no_index_of_both() {
        assert!(place(0, 4, 2).is_apart(&place(1, 4, 2)));
        assert!(place(0, 4, 1).is_apart(&place(4, 4, 1)));
        assert!(!place(0, 4, 2).is_apart(&place(2, 4, 2)));
        assert!(!place(0, 5, 1).is_apart(&place(4, 4, 1)));
    }
}
