//! Numbers of rows: sums and largest elements, formed in parts that lie side by side in vectors.

use gauss_dialect::{
    ir::{AffineMap, Value},
    moments::{Arithmetic, Moments},
};

use super::Emitter;
use crate::{linalg, payload::Payload};

/// The most parts of a row.
const MOST_PARTS: i64 = 64;

/// A width of vectors that those of most cores are a multiple or a part of.
const LANES: i64 = 16;

/// A tensor as rows of elements.
pub(super) struct Rows<'a> {
    emit: &'a Emitter,
    /// The sizes of the dimensions that number the rows.
    sizes: Vec<i64>,
    /// The elements: each row is so many steps of so many parts.
    x: Moments<Value>,
    parts: i64,
}

impl<'a> Rows<'a> {
    /// The rows of a tensor, of `count` elements each.
    pub(super) fn of(emit: &'a Emitter, sizes: &[i64], count: i64, x: Moments<Value>) -> Self {
        let parts = parts(count);
        let split = [sizes, &[count / parts, parts]].concat();
        let x = emit.each(x, |x| emit.reshape(x, &split));
        Self { emit, sizes: sizes.to_vec(), x, parts }
    }

    /// Have the elements variances?
    pub(super) fn has_variance(&self) -> bool {
        self.x.variance.is_some()
    }

    /// A map from the first `count` loops.
    fn leading(&self, count: usize, loops: usize) -> AffineMap {
        let dims: Vec<_> = (0..count).map(|dim| self.emit.context.dim(dim)).collect();
        self.emit.context.affine_map(loops, &dims)
    }

    /// `count` sums over each row. `term` gets an element, the numbers of its row and the sums so
    /// far, and gives the next ones.
    pub(super) fn sums(
        &self,
        known: &[Value],
        count: usize,
        term: impl FnOnce(&mut Payload, Moments<Value>, &[Value], &[Value]) -> Vec<Value>,
    ) -> Vec<Value> {
        self.reduced(known, &vec![0.0; count], term, |a, x, y| a.add(x, y))
    }

    /// Numbers of each row, which begin with `initial` and take in one element after the other;
    /// `join` makes one of those of two parts.
    pub(super) fn reduced(
        &self,
        known: &[Value],
        initial: &[f64],
        term: impl FnOnce(&mut Payload, Moments<Value>, &[Value], &[Value]) -> Vec<Value>,
        join: fn(&mut Payload, Value, Value) -> Value,
    ) -> Vec<Value> {
        let emit = self.emit;
        let rows = self.sizes.len();
        let mut indices: Vec<_> = (0..rows).map(|dim| emit.context.dim(dim)).collect();
        // Parts are a dimension of the result, steps are taken in.
        indices.extend([emit.context.dim(rows + 1), emit.context.dim(rows)]);
        let element = emit.context.affine_map(rows + 2, &indices);
        let own = [Some(self.x.mean), self.x.variance].into_iter().flatten();
        let mut reads: Vec<_> = own.map(|x| (x, element)).collect();
        let components = reads.len();
        reads.extend(known.iter().map(|&value| (value, self.leading(rows, rows + 2))));
        let begin = |sizes: &[i64], map: AffineMap| -> Vec<_> {
            initial.iter().map(|&value| (emit.fill(sizes, value), map)).collect()
        };
        let of_parts = [&self.sizes[..], &[self.parts]].concat();
        let outs = begin(&of_parts, self.leading(rows + 1, rows + 2));
        let of_parts =
            linalg::generic(emit.builder, &reads, &outs, &emit.layer, |inner, values| {
                let (x, values) = values.split_at(components);
                let (known, sums) = values.split_at(known.len());
                let x = Moments { mean: x[0], variance: x.get(1).copied() };
                term(&mut Payload::new(inner), x, known, sums)
            });
        let reads = of_parts.results().into_iter().map(|x| (x, self.leading(rows + 1, rows + 1)));
        let reads: Vec<_> = reads.collect();
        let outs = begin(&self.sizes, self.leading(rows, rows + 1));
        let all = linalg::generic(emit.builder, &reads, &outs, &emit.layer, |inner, values| {
            let mut payload = Payload::new(inner);
            let (parts, sums) = values.split_at(initial.len());
            parts.iter().zip(sums).map(|(&part, &sum)| join(&mut payload, part, sum)).collect()
        });
        all.results()
    }

    /// A number of each row from others of it.
    pub(super) fn each(
        &self,
        inputs: &[Value],
        f: impl FnOnce(&mut Payload, &[Value]) -> Value,
    ) -> Value {
        let inputs: Vec<_> = inputs.iter().map(|&x| Moments::deterministic(x)).collect();
        let result = self.emit.elementwise(&self.sizes, &inputs, |a, x| {
            let values: Vec<_> = x.iter().map(|x| x.mean).collect();
            Moments::deterministic(f(a, &values))
        });
        result.mean
    }
}

/// How many parts a row of so many elements has: vectors, where the number has a divisor for it.
fn parts(count: i64) -> i64 {
    let divisors = (LANES / 4..=MOST_PARTS.min(count / 4)).rev().filter(|parts| count % parts == 0);
    let divisors: Vec<_> = divisors.collect();
    let whole = divisors.iter().find(|&parts| parts % LANES == 0);
    whole.or(divisors.first()).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_whole_vectors_where_they_can() {
        assert_eq!([768, 784, 100, 32, 16, 7, 127].map(parts), [64, 16, 25, 8, 4, 1, 1]);
    }
}
