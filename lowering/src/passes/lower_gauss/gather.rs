//! Elements by their numbers.

use gauss_dialect::{
    ir::{Attribute, Block, Builder, DYNAMIC, Type, Value},
    moments::{Arithmetic, Moments},
};

use super::Emitter;
use crate::payload::Payload;

/// The most copies that are written one after the other.
const MOST_COPIES: usize = 64;

/// Numbers of a list that one copy takes: `size` of them, `step` apart.
#[derive(Debug, PartialEq)]
struct Run {
    from: i64,
    size: i64,
    step: i64,
}

impl Emitter {
    /// The elements with these numbers along an axis, in a tensor of this shape.
    pub(super) fn gather(
        &self,
        x: Moments<Value>,
        axis: usize,
        indices: &[i64],
        shape: &[i64],
    ) -> Moments<Value> {
        let runs = runs(indices);
        if runs.len() > MOST_COPIES {
            let ty = Type::tensor(self.context.f32(), &[indices.len() as i64]);
            // Sizes of tensors with more than one run are far below 2^24, where f32 ends.
            let values: Vec<_> = indices.iter().map(|&index| index as f32).collect();
            let numbers = self.builder.constant(Attribute::dense(ty, &values), ty);
            return self.looked_up(numbers, x, axis, shape);
        }
        let along = |value: i64, others: i64| {
            let mut list = vec![others; shape.len()];
            list[axis] = value;
            list
        };
        let mut to = 0;
        runs.iter().fold(self.each(x, |_| self.empty(shape)), |whole, run| {
            let mut part = shape.to_vec();
            part[axis] = run.size;
            let slice = |x| self.slice(x, &along(run.from, 0), &part, &along(run.step, 1));
            let whole = self.inserted(self.each(x, slice), whole, &along(to, 0));
            to += run.size;
            whole
        })
    }

    /// The rows of a table that a tensor of numbers names, in a tensor of this shape.
    pub(super) fn embedding(
        &self,
        numbers: Value,
        table: Moments<Value>,
        shape: &[i64],
    ) -> Moments<Value> {
        let Some((&features, indices)) = shape.split_last() else { return table };
        let count = indices.iter().product();
        let numbers = self.reshape(numbers, &[count]);
        let rows = self.looked_up(numbers, table, 0, &[count, features]);
        self.each(rows, |x| self.reshape(x, shape))
    }

    /// A loop over a list of numbers, each of which names an element along an axis. One that is too
    /// small or too large names the first or the last, so that nothing else is read.
    fn looked_up(
        &self,
        numbers: Value,
        x: Moments<Value>,
        axis: usize,
        shape: &[i64],
    ) -> Moments<Value> {
        let components = |x: Moments<Value>| [Some(x.mean), x.variance].into_iter().flatten();
        let into: Vec<_> = components(self.each(x, |_| self.empty(shape))).collect();
        let types: Vec<_> = into.iter().map(|x| x.ty()).collect();
        let block =
            Block::new(&[&[self.context.index()], &types[..]].concat(), self.builder.location());
        let inner = self.builder.in_block(block);
        let place = block.argument(0);
        let last = x.mean.ty().shape().map_or(0, |own| own[axis] - 1);
        let number = inner.value("tensor.extract", &[numbers, place], self.context.f32());
        let from = whole_number(inner, number, last);
        let sizes = self.dynamic_sizes(shape);
        let mut one = shape.to_vec();
        one[axis] = 1;
        let filled = components(x).enumerate().map(|(part, x)| {
            let extract = [&[x][..], &[from], &sizes];
            let element = at_element(inner, "tensor.extract_slice", extract, axis, [shape, &one]);
            let insert = [&[element, block.argument(part + 1)][..], &[place], &sizes];
            at_element(inner, "tensor.insert_slice", insert, axis, [shape, shape])
        });
        let filled: Vec<_> = filled.collect();
        inner.op("scf.yield").operands(&filled).build();
        let bounds = [0, shape[axis], 1].map(|bound| self.builder.index_constant(bound));
        let all = self
            .builder
            .op("scf.for")
            .operands(&bounds)
            .operands(&into)
            .results(&types)
            .region(block)
            .build();
        Moments { mean: all.result(0), variance: x.variance.map(|_| all.result(1)) }
    }
}

/// The whole part of a number as an index from 0 to `last`; 0 for what is not a number.
fn whole_number(builder: Builder, number: Value, last: i64) -> Value {
    let context = builder.context();
    let mut payload = Payload::new(builder);
    let [zero, most] = [0.0, last as f64].map(|bound| payload.constant(bound));
    let within = payload.max(number, zero);
    let within = payload.min_or(within, most);
    let whole = builder.value("arith.fptosi", &[within], context.integer(32));
    builder.value("arith.index_cast", &[whole], context.index())
}

/// An op on one element along an axis of a tensor, its place known only when it runs. `sizes` are
/// those of the batch where it is dynamic.
fn at_element(
    builder: Builder,
    name: &str,
    [operands, place, sizes]: [&[Value]; 3],
    axis: usize,
    [shape, result]: [&[i64]; 2],
) -> Value {
    let context = builder.context();
    let mut offsets = vec![0; shape.len()];
    offsets[axis] = DYNAMIC;
    let mut one = shape.to_vec();
    one[axis] = 1;
    let mut segments = vec![1; operands.len()];
    segments.extend([1, sizes.len() as i32, 0]);
    builder
        .op(name)
        .operands(&[operands, place, sizes].concat())
        .results(&[Type::tensor(context.f32(), result)])
        .attr("static_offsets", context.i64_array_attr(&offsets))
        .attr("static_sizes", context.i64_array_attr(&one))
        .attr("static_strides", context.i64_array_attr(&vec![1; shape.len()]))
        .attr("operandSegmentSizes", context.i32_array_attr(&segments))
        .build()
        .result(0)
}

/// The list as few runs of numbers that ascend in equal steps.
fn runs(indices: &[i64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &index in indices {
        match runs.last_mut() {
            Some(run) if run.size == 1 && index > run.from => {
                run.step = index - run.from;
                run.size = 2;
            }
            Some(run) if run.size > 1 && index == run.from + run.size * run.step => run.size += 1,
            _ => runs.push(Run { from: index, size: 1, step: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_where_the_step_changes() {
        let run = |from, size, step| Run { from, size, step };
        assert_eq!(runs(&[0, 2, 4, 1, 3, 5]), [run(0, 3, 2), run(1, 3, 2)]);
        assert_eq!(
            runs(&[3, 2, 2, 5, 6]),
            [run(3, 1, 1), run(2, 1, 1), run(2, 2, 3), run(6, 1, 1)]
        );
    }
}
