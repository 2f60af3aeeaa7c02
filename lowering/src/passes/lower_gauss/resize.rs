//! Linear interpolation, one dimension after the other.

use std::ops::Range;

use gauss_dialect::{
    ir::{Attribute, Type, Value},
    moments::{self, Moments},
    ops::{
        movement::Border,
        resize::{Axis, Resize},
    },
};

use super::Emitter;
use crate::payload::Payload;

/// The most groups of elements that are computed one after the other. Where there are more, sizes
/// have little in common: the result is a product with a matrix of weights, or the neighbours of all
/// elements are gathered.
const MOST_GROUPS: usize = 32;

/// The most weights in a matrix, which has a row for each element of the result: 1 MiB.
const MOST_WEIGHTS: i64 = 1 << 18;

impl Emitter {
    /// A tensor interpolated to another size, which is `shape`.
    pub(super) fn resize(
        &self,
        resize: &Resize,
        x: Moments<Value>,
        shape: &[i64],
    ) -> Moments<Value> {
        let own = x.mean.ty().shape().unwrap_or_default();
        let axes = resize.axes(&own).into_iter();
        axes.filter(|axis| axis.from != axis.to || axis.period != axis.advance).fold(
            x,
            |x, axis| {
                let mut sizes = x.mean.ty().shape().unwrap_or_default();
                sizes[axis.dim] = shape[axis.dim];
                let groups = groups(&axis);
                match groups.len() <= MOST_GROUPS {
                    true => self.interpolated(x, &axis, &groups, &sizes),
                    false if axis.to * axis.from <= MOST_WEIGHTS => self.weighted(x, &axis, &sizes),
                    false => self.between(x, &axis, &sizes),
                }
            },
        )
    }

    /// Group by group: the elements between the same two neighbours, in every period.
    fn interpolated(
        &self,
        x: Moments<Value>,
        axis: &Axis,
        groups: &[(i64, Range<i64>)],
        shape: &[i64],
    ) -> Moments<Value> {
        let dim = axis.dim;
        let periods = (axis.to + axis.period - 1) / axis.period;
        let with = |sizes: &[i64], parts: &[i64]| {
            let mut sizes = sizes.to_vec();
            sizes.splice(dim..=dim, parts.iter().copied());
            sizes
        };
        // One element before the first, whose place is −1, and what the last period reads.
        let highest = groups.iter().map(|(low, _)| low + 1).max().unwrap_or(0);
        let behind = ((periods - 1) * axis.advance + highest + 1 - axis.from).max(0);
        let padded = self.bordered(x, dim, [1, behind], Border::Constant(0.0));
        let whole = with(shape, &[periods, axis.period]);
        let empty = self.each(x, |_| self.empty(&whole));
        let all = groups.iter().fold(empty, |all, (low, places)| {
            let part = with(shape, &[periods, places.end - places.start]);
            let neighbour = |offset: i64| {
                let slice = |x| {
                    let offsets = with(&vec![0; shape.len()], &[low + 1 + offset]);
                    let steps = with(&vec![1; shape.len()], &[axis.advance.max(1)]);
                    self.slice(x, &offsets, &with(shape, &[periods]), &steps)
                };
                let dims = (0..part.len()).filter(|&d| d != dim + 1).map(|d| self.context.dim(d));
                let map = self.context.affine_map(part.len(), &dims.collect::<Vec<_>>());
                (self.each(padded, slice), map)
            };
            let weights = |of: fn(f64) -> f64| {
                let at = |period: i64, place: i64| period * axis.period + place;
                let values = (0..periods)
                    .flat_map(|period| places.clone().map(move |place| at(period, place)));
                let values = values.map(|index| match index < axis.to {
                    true => of(axis.tap(index).weight) as f32,
                    false => 0.0,
                });
                let ty = Type::tensor(self.context.f32(), &part[dim..=dim + 1]);
                let constant =
                    self.builder.constant(Attribute::dense(ty, &values.collect::<Vec<_>>()), ty);
                let dims = [dim, dim + 1].map(|d| self.context.dim(d));
                let map = self.context.affine_map(part.len(), &dims);
                (Moments::deterministic(constant), map)
            };
            let reads = [neighbour(0), neighbour(1), weights(|w| 1.0 - w), weights(|w| w)];
            let group = self.map(&part, &reads, x.variance.is_some(), between);
            let offsets = with(&vec![0; shape.len()], &[0, places.start]);
            self.inserted(group, all, &offsets)
        });
        let joined = with(shape, &[periods * axis.period]);
        let joined = self.each(all, |x| self.reshape(x, &joined));
        let (zeros, ones) = (vec![0; shape.len()], vec![1; shape.len()]);
        self.each(joined, |x| match periods * axis.period == axis.to {
            true => x,
            false => self.slice(x, &zeros, shape, &ones),
        })
    }

    /// A product with a matrix that has two weights in each row.
    fn weighted(&self, x: Moments<Value>, axis: &Axis, shape: &[i64]) -> Moments<Value> {
        let rank = shape.len();
        let mut matrix = vec![0.0f32; (axis.to * axis.from) as usize];
        for index in 0..axis.to {
            let tap = axis.tap(index);
            for (at, weight) in [(tap.low, 1.0 - tap.weight), (tap.low + 1, tap.weight)] {
                if (0..axis.from).contains(&at) {
                    matrix[(index * axis.from + at) as usize] = weight as f32;
                }
            }
        }
        let ty = Type::tensor(self.context.f32(), &[axis.to, axis.from]);
        let weights = self.builder.constant(Attribute::dense(ty, &matrix), ty);
        let dim = |number| self.context.dim(number);
        let indices: Vec<_> =
            (0..rank).map(|d| if d == axis.dim { dim(rank) } else { dim(d) }).collect();
        let inputs = [
            (x, self.context.affine_map(rank + 1, &indices)),
            (
                Moments::deterministic(weights),
                self.context.affine_map(rank + 1, &[dim(axis.dim), dim(rank)]),
            ),
        ];
        let zero = self.each(x, |_| self.fill(shape, 0.0));
        let out: Vec<_> = (0..rank).map(dim).collect();
        self.contract(inputs, zero, self.context.affine_map(rank + 1, &out))
    }

    /// Both neighbours of every element gathered, then weighted.
    fn between(&self, x: Moments<Value>, axis: &Axis, shape: &[i64]) -> Moments<Value> {
        let taps: Vec<_> = (0..axis.to).map(|index| axis.tap(index)).collect();
        let neighbours = [0, 1].map(|offset| {
            let indices = taps.iter().map(|tap| (tap.low + offset).clamp(0, axis.from - 1));
            let found = self.gather(x, axis.dim, &indices.collect::<Vec<_>>(), shape);
            (found, self.context.identity_map(shape.len()))
        });
        let ty = Type::tensor(self.context.f32(), &[axis.to]);
        let weights = |of: fn(f64) -> f64| {
            let values: Vec<_> = taps.iter().map(|tap| of(tap.weight) as f32).collect();
            let constant = self.builder.constant(Attribute::dense(ty, &values), ty);
            let map = self.context.affine_map(shape.len(), &[self.context.dim(axis.dim)]);
            (Moments::deterministic(constant), map)
        };
        let [first, second] = neighbours;
        let reads = [first, second, weights(|w| 1.0 - w), weights(|w| w)];
        self.map(shape, &reads, x.variance.is_some(), between)
    }
}

/// The elements x₀ and x₁ with their weights x₂ and x₃.
fn between(a: &mut Payload, x: &[Moments<Value>]) -> Moments<Value> {
    let first = moments::scale(a, x[0], x[2].mean);
    moments::multiply_add(a, x[1], x[3], first)
}

/// The elements of a period that lie between the same two neighbours, each with the number of the
/// first of these.
fn groups(axis: &Axis) -> Vec<(i64, Range<i64>)> {
    let mut groups: Vec<(i64, Range<i64>)> = Vec::new();
    for index in 0..axis.period.min(axis.to) {
        let low = axis.tap(index).low;
        match groups.last_mut() {
            Some((known, places)) if *known == low => places.end = index + 1,
            _ => groups.push((low, index..index + 1)),
        }
    }
    groups
}
