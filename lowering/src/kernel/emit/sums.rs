//! Sums: the loops over the reductions of a tile.
//!
//! The error of a running sum grows with its length: each addition rounds, and terms that are
//! small beside the sum lose their last digits alike. A sum of partial sums, none of which has
//! more than about √n of the n terms or [`SHORT`] of them, has the error of sums of that length.

use std::cell::RefCell;

use gauss_dialect::ir::{Builder, Type, Value};

use super::{
    Kernel, Tile,
    evaluate::{Evaluation, Step, StepGroup},
    linear::Linear,
    loops::repeat,
    memory::splat,
};
use crate::kernel::{body::Body, schedule::tile::unrolled_steps};

/// Terms of a sum whose error is that of a few additions: 1e-6 of a sum of positive terms.
const SHORT: i64 = 1024;

/// The most terms of one running sum, of so many.
fn longest_sum(terms: i64) -> i64 {
    (terms as u64).isqrt().max(SHORT as u64) as i64
}

/// Terms of each but the last of the parts that a loop of `size` steps is cut into, of which
/// each has at most `most` and whole units: all alike where one length allows it.
fn part_of_sum(size: i64, most: i64, unit: i64) -> i64 {
    let most = (most / unit).max(1);
    let alike = |&units: &i64| size % (units * unit) == 0;
    let parts = (size + most * unit - 1) / (most * unit);
    let even = (size + parts * unit - 1) / (parts * unit);
    (most / 2 + 1..=most).rev().find(alike).unwrap_or(even) * unit
}

/// A part of a loop.
#[derive(Clone)]
struct Part {
    start: Linear,
    length: i64,
}

impl Part {
    /// All of a loop of a size; one step where there is no loop.
    fn of(size: Option<&i64>) -> Self {
        Self { start: Linear::default(), length: size.copied().unwrap_or(1) }
    }
}

impl Kernel<'_> {
    /// The reduction from `initial`, over the loops that `steps` does not fix. A long one is a
    /// sum of partial sums, which [`longest_sum`] bounds: the error of one running sum grows
    /// with its length.
    pub(super) fn sum(
        &self,
        builder: Builder,
        tile: &Tile,
        steps: &[Linear],
        initial: Vec<Value>,
    ) -> Vec<Value> {
        let sizes = self.group.root.reduction_sizes();
        let all = Part::of(sizes.get(steps.len()));
        let terms = sizes.iter().product();
        let longest = longest_sum(terms);
        let is_sum = Body::new(&self.group.root, None, None).is_sum();
        match terms <= longest || !is_sum {
            true => self.running_sum(builder, tile, steps, all, initial),
            false => self.partial_sums(builder, tile, steps, longest, initial),
        }
    }

    /// Adds sums of at most `longest` steps to `sums`.
    fn partial_sums(
        &self,
        builder: Builder,
        tile: &Tile,
        steps: &[Linear],
        longest: i64,
        sums: Vec<Value>,
    ) -> Vec<Value> {
        let sizes = self.group.root.reduction_sizes();
        let inner = sizes.iter().skip(steps.len() + 1).product::<i64>();
        let at = |index: Linear| [steps, &[index]].concat();
        let partial = |builder: Builder, part, sums: Vec<Value>| {
            let zeros = sums.iter().map(|sum| zero_of(builder, sum.ty())).collect();
            let partial = self.running_sum(builder, tile, steps, part, zeros);
            add_each(builder, &sums, &partial)
        };
        match sizes.get(steps.len()) {
            Some(&size) if inner >= longest => {
                repeat(builder, (0, size, 1), sums, |builder, index, sums| {
                    self.partial_sums(builder, tile, &at(index), longest, sums)
                })
            }
            Some(&size) if size * inner > longest => {
                let unit = if inner == 1 { unrolled_steps(sizes, self.core) } else { 1 };
                let length = part_of_sum(size, (longest / inner).max(unit), unit);
                let whole = size / length * length;
                let sums = repeat(builder, (0, whole, length), sums, |builder, start, sums| {
                    partial(builder, Part { start, length }, sums)
                });
                match size - whole {
                    0 => sums,
                    rest => {
                        let start = Linear::constant(whole);
                        partial(builder, Part { start, length: rest }, sums)
                    }
                }
            }
            size => partial(builder, Part::of(size), sums),
        }
    }

    /// The reduction from `initial`, in as many sets of accumulators as the
    /// schedule says; the others start from zero and are added at the end.
    fn running_sum(
        &self,
        builder: Builder,
        tile: &Tile,
        steps: &[Linear],
        part: Part,
        initial: Vec<Value>,
    ) -> Vec<Value> {
        let accumulators = initial.len();
        let mut carried = initial;
        for _ in 1..self.schedule.splits {
            for accumulator in 0..accumulators {
                carried.push(zero_of(builder, carried[accumulator].ty()));
            }
        }
        let carried = self.reduce(builder, tile, steps, part, carried);
        let mut sets = carried.chunks(accumulators);
        let first = sets.next().unwrap_or_default().to_vec();
        sets.fold(first, |sums, set| add_each(builder, &sums, set))
    }

    /// The loops over the reductions that `steps` does not fix yet, innermost
    /// last; of the outermost a part.
    fn reduce(
        &self,
        builder: Builder,
        tile: &Tile,
        steps: &[Linear],
        part: Part,
        carried: Vec<Value>,
    ) -> Vec<Value> {
        let sizes = self.group.root.reduction_sizes();
        let at = |index: Linear| [steps, &[part.start.clone().plus(&index, 1)]].concat();
        let size = part.length;
        match sizes[steps.len()..] {
            [] => {
                let step = Step { at: steps, group: None };
                self.add(self.evaluation(builder, &self.group.root, tile, step), 0, carried)
            }
            [_] => {
                let unroll = unrolled_steps(sizes, self.core);
                let full = size / unroll * unroll;
                let written_out = |builder, start: Linear, count, carried| {
                    self.steps(builder, tile, at(start), count, carried)
                };
                let carried =
                    repeat(builder, (0, full, unroll), carried, |builder, start, sums| {
                        self.prefetch_at_distance(builder, tile, &at(start.clone()), unroll);
                        written_out(builder, start, unroll, sums)
                    });
                written_out(builder, Linear::constant(full), size - full, carried)
            }
            [_, ..] => repeat(builder, (0, size, 1), carried, |builder, index, carried| {
                let next = Part::of(sizes.get(steps.len() + 1));
                self.reduce(builder, tile, &at(index), next, carried)
            }),
        }
    }
}

/// Zero in every lane.
fn zero_of(builder: Builder, ty: Type) -> Value {
    let width = ty.shape().and_then(|shape| shape.first().copied()).unwrap_or(1);
    splat(builder, builder.context().f32_attr(0.0), width)
}

/// The sums of each of some vectors and its counterpart.
fn add_each(builder: Builder, sums: &[Value], others: &[Value]) -> Vec<Value> {
    let add = |(&a, &b): (&Value, &Value)| builder.value("arith.addf", &[a, b], a.ty());
    sums.iter().zip(others).map(add).collect()
}

impl Kernel<'_> {
    /// So many steps of the innermost reduction from `first` on, written out.
    fn steps(
        &self,
        builder: Builder,
        tile: &Tile,
        first: Vec<Linear>,
        count: i64,
        mut carried: Vec<Value>,
    ) -> Vec<Value> {
        let at = |step: i64| {
            let mut at = first.clone();
            if let Some(last) = at.pop() {
                at.push(last.plus_constant(step));
            }
            at
        };
        let group = StepGroup { first: at(0), count, known: RefCell::default() };
        let steps: Vec<_> = (0..count).map(at).collect();
        let ahead = self.schedule.ahead;
        for bunch in (0..count).step_by(ahead.max(1) as usize) {
            let end = count.min(bunch + ahead.max(1));
            let evaluation = |number: i64| {
                let step = Step { at: &steps[number as usize], group: Some((&group, number)) };
                self.evaluation(builder, &self.group.root, tile, step)
            };
            let mut evaluations: Vec<_> = (bunch..end).map(evaluation).collect();
            if ahead > 0 {
                evaluations.iter_mut().for_each(Evaluation::load);
                fence(builder, &carried);
            }
            for (number, evaluation) in (bunch..end).zip(evaluations) {
                let set = (number % self.schedule.splits) as usize;
                carried = self.add(evaluation, set, carried);
            }
            if ahead > 0 {
                fence(builder, &carried);
            }
        }
        carried
    }

    /// Adds one step to the accumulators of `set`.
    fn add(&self, evaluation: Evaluation, set: usize, mut carried: Vec<Value>) -> Vec<Value> {
        let root = &self.group.root;
        let extent = &evaluation.tile.extent;
        let cells = extent.rows as usize * extent.chunks.len();
        let accumulators = cells * root.outputs.len();
        let own = set * accumulators..(set + 1) * accumulators;
        let given = carried[own.clone()]
            .chunks(cells)
            .enumerate()
            .map(|(number, values)| (root.inputs.len() + number, values.to_vec()))
            .collect();
        let sums = evaluation.results(given).concat();
        carried.splice(own, sums);
        carried
    }
}

/// Keeps the compiler from moving instructions from before to after this place, and back.
/// Uses the first of some values that are known here; without one there is no fence.
pub fn fence(builder: Builder, values: &[Value]) {
    let context = builder.context();
    let Some(&value) = values.first() else { return };
    builder
        .op("llvm.call_intrinsic")
        .operands(&[value])
        .attr("intrin", context.string_attr("llvm.fake.use"))
        .attr("op_bundle_sizes", context.i32_array_attr(&[]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 0]))
        .build();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_cut_into_parts_of_about_one_length() {
        assert_eq!(part_of_sum(25_088, 1024, 4), 896);
        assert_eq!(part_of_sum(1_000_000, 1024, 4), 1000);
        assert_eq!(part_of_sum(512, 227, 1), 128);
        // A prime number of steps.
        assert_eq!(part_of_sum(100_003, 1024, 4), 1024);
        for size in 1..300 {
            for (most, unit) in [(1, 1), (7, 1), (64, 1), (4, 4), (50, 4)] {
                let part = part_of_sum(size, most, unit);
                assert!(part % unit == 0 && (1..=most.max(unit)).contains(&part));
                let parts = (size + part - 1) / part;
                // At most twice as many parts as needed.
                assert!(parts <= 2 * ((size + most - 1) / most), "{size} {most} {unit}: {part}");
            }
        }
    }

    #[test]
    fn a_part_has_about_as_many_terms_as_there_are_parts() {
        assert_eq!(longest_sum(100), SHORT);
        assert_eq!(longest_sum(1_000_000), SHORT);
        assert_eq!(longest_sum(100_000_000), 10_000);
    }
}
