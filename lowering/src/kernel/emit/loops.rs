//! Loops: those of `scf`, and those of a kernel over its tiles.

use gauss_dialect::ir::{Block, Builder, Op, Value};

use super::{Around, Extent, Kernel, Tile, linear::Linear};
use crate::kernel::{
    group::Uneven,
    schedule::{
        Shared,
        tile::{chunks, chunks_of_sums},
    },
    tiling::{Run, runs},
};

/// `for counter in (start..end).step_by(step)`, carrying values; no loop where
/// there is one trip.
pub fn repeat(
    builder: Builder,
    (start, end, step): (i64, i64, i64),
    carried: Vec<Value>,
    body: impl FnOnce(Builder, Linear, Vec<Value>) -> Vec<Value>,
) -> Vec<Value> {
    if end - start <= step {
        return body(builder, Linear::constant(start), carried);
    }
    let bounds = [start, end, step].map(|bound| builder.index_constant(bound));
    for_loop(builder, bounds, carried, body).results()
}

/// An `scf.for`.
fn for_loop(
    builder: Builder,
    bounds: [Value; 3],
    carried: Vec<Value>,
    body: impl FnOnce(Builder, Linear, Vec<Value>) -> Vec<Value>,
) -> Op {
    let types: Vec<_> = carried.iter().map(|value| value.ty()).collect();
    let arguments: Vec<_> =
        [builder.context().index()].into_iter().chain(types.iter().copied()).collect();
    let block = Block::new(&arguments, builder.location());
    let inner = builder.in_block(block);
    let carried_in = block.arguments().split_off(1);
    let carried_out = body(inner, Linear::counter(block.argument(0)), carried_in);
    inner.op("scf.yield").operands(&carried_out).build();
    builder.op("scf.for").operands(&bounds).operands(&carried).results(&types).region(block).build()
}

/// The attribute of a loop whose trips are tasks: they may run at the same time.
pub const TASKS: &str = "gauss.tasks";

/// Tasks that share `trips` trips of a loop evenly. `body` gets the number of the
/// task and its first trip and the end of its last one.
pub fn share(
    builder: Builder,
    (tasks, trips): (i64, i64),
    body: impl FnOnce(Builder, Linear, [Value; 2]),
) {
    let bounds = [0, tasks, 1].map(|bound| builder.index_constant(bound));
    let share = (trips + tasks - 1) / tasks;
    let around = for_loop(builder, bounds, vec![], |inner, task, _| {
        let index = builder.context().index();
        let limit = inner.index_constant(trips);
        let least = |value: Linear| inner.value("arith.minsi", &[value.emit(inner), limit], index);
        let first = Linear::default().plus(&task, share);
        let part = [least(first.clone()), least(first.plus_constant(share))];
        body(inner, task, part);
        vec![]
    });
    around.set_attribute(TASKS, builder.context().unit_attr());
}

/// `for counter in start..end`.
pub fn for_each(builder: Builder, [start, end]: [Value; 2], body: impl FnOnce(Builder, Linear)) {
    let one = builder.index_constant(1);
    for_loop(builder, [start, end, one], vec![], |inner, counter, _| {
        body(inner, counter);
        vec![]
    });
}

/// A loop over the strips of a task, of which there are several. `body` gets the strip and
/// [`Around::is_later_strip`].
pub fn for_each_strip(
    builder: Builder,
    [start, end]: [Value; 2],
    body: impl FnOnce(Builder, Linear, Linear),
) {
    let [zero, one] = [0, 1].map(|number| builder.index_constant(number));
    for_loop(builder, [start, end, one], vec![zero], |inner, strip, carried| {
        body(inner, strip, Linear::counter(carried[0]));
        vec![one]
    });
}

/// `sge` of `arith.cmpi`.
const AT_LEAST: i64 = 5;

impl Kernel<'_> {
    /// The loops over the parallel dimensions, around tiles or blocks.
    pub(super) fn loops(&self, builder: Builder) {
        let position = vec![Linear::default(); self.group.root.parallel];
        let extent = Extent { rows: 1, chunks: chunks(1, self.core.lanes) };
        let origin = Tile { position, extent };
        let (order, rows) = (&self.schedule.order[..], self.schedule.rows);
        let inner = self.schedule.block.as_ref().map_or(0, |block| block.dims);
        let (outer, inner) = order.split_at(order.len() - inner);
        // The kernel knows its task, if it is one.
        let mut body = |kernel: &Kernel, builder, tile: Tile| match &kernel.schedule.block {
            Some(_) => kernel.block(builder, inner, &tile),
            None => kernel.tile(builder, &tile),
        };
        match self.around.sharing {
            None => self.walk(builder, outer, rows, origin, &mut body),
            Some((Shared::Outermost, tasks)) => {
                self.share(builder, outer[0], tasks, |kernel, builder, part| {
                    kernel.walk_part(builder, outer, (rows, part), origin, &mut body);
                });
            }
            Some((Shared::Block, tasks)) => {
                self.share(builder, inner[0], tasks, |kernel, builder, part| {
                    let around = &Around { part: Some(part), ..kernel.around.clone() };
                    let kernel = Kernel { around, flat: kernel.flat.clone(), ..*kernel };
                    kernel.walk(builder, outer, rows, origin, &mut body);
                });
            }
        }
    }

    /// Shares the tiles along a dimension among tasks. `body` gets the kernel of a task,
    /// its first tile and the end of its last one.
    pub(super) fn share(
        &self,
        builder: Builder,
        dim: usize,
        tasks: i64,
        body: impl FnOnce(&Kernel, Builder, [Value; 2]),
    ) {
        let runs = self.schedule.tiles(dim, self.group.root.sizes[dim], self.core);
        let tiles = runs.iter().map(|run| run.count).sum();
        share(builder, (tasks, tiles), |builder, task, part| {
            let around = &Around { task, ..self.around.clone() };
            let kernel = Kernel { around, flat: self.flat.clone(), ..*self };
            body(&kernel, builder, part);
        });
    }

    /// As [`Kernel::walk`] for a part of the tiles along the first dimension. Its bounds count tiles
    /// of the schedule's size, whatever `rows` is.
    pub(super) fn walk_part(
        &self,
        builder: Builder,
        dims: &[usize],
        (rows, [first, end]): (i64, [Value; 2]),
        origin: Tile,
        body: &mut dyn FnMut(&Kernel, Builder, Tile),
    ) {
        let Some((&dim, inner)) = dims.split_first() else { return };
        let size = self.group.root.sizes[dim];
        let runs = self.schedule.tiles(dim, size, self.core);
        let index = builder.context().index();
        // Tiles of `run` that precede the global index `tile`, which may equal the total.
        let clamp = |tile: Value, run: &Run| {
            let bound = |name, value, bound| {
                builder.value(name, &[value, builder.index_constant(bound)], index)
            };
            let mut before = tile;
            if run.first > 0 {
                let past = Linear::counter(tile).plus_constant(-run.first).emit(builder);
                before = bound("arith.maxsi", past, 0);
            }
            match run.end() < size {
                true => bound("arith.minsi", before, run.count),
                false => before,
            }
        };
        if self.schedule.row == Some(dim) && rows != self.schedule.rows {
            // Row by row, whatever the tiles are.
            let row = |tile: Value| {
                let within = |run| Linear::counter(clamp(tile, run));
                let rows = runs
                    .iter()
                    .fold(Linear::default(), |sum, run| sum.plus(&within(run), run.length));
                rows.emit(builder)
            };
            return for_each(builder, [row(first), row(end)], |builder, start| {
                let tile = self.advance(origin.clone(), dim, start, 1);
                self.walk(builder, inner, rows, tile, body);
            });
        }
        for run in &runs {
            for_each(builder, [clamp(first, run), clamp(end, run)], |builder, trip| {
                let start = Linear::constant(run.start).plus(&trip, run.length);
                let tile = self.advance(origin.clone(), dim, start, run.length);
                self.walk(builder, inner, rows, tile, body);
            });
        }
    }

    /// The tiles along a dimension, of so many rows.
    pub(super) fn runs(&self, dim: usize, rows: i64) -> Vec<Run> {
        let size = self.group.root.sizes[dim];
        match self.schedule.row == Some(dim) {
            true => runs(size, rows, 1),
            false => self.schedule.tiles(dim, size, self.core),
        }
    }

    /// The tile from `start` on, of `length` elements along a dimension.
    pub(super) fn advance(&self, mut tile: Tile, dim: usize, start: Linear, length: i64) -> Tile {
        if self.schedule.vector == Some(dim) {
            tile.extent.chunks = match self.group.root.is_elementwise() {
                true => chunks(length, self.core.lanes),
                false => chunks_of_sums(length, self.core.lanes),
            };
        } else if self.schedule.row == Some(dim) {
            tile.extent.rows = length;
        }
        tile.position[dim] = start;
        tile
    }

    /// Loops over `dims` in tiles of so many rows.
    pub(super) fn walk(
        &self,
        builder: Builder,
        dims: &[usize],
        rows: i64,
        tile: Tile,
        body: &mut dyn FnMut(&Kernel, Builder, Tile),
    ) {
        let Some((&dim, inner)) = dims.split_first() else {
            return body(self, builder, tile);
        };
        if let Some(uneven) = self.group.uneven.filter(|uneven| uneven.dim == dim) {
            let part = [builder.index_constant(0), self.end_of_strip(builder, uneven)];
            return for_each(builder, part, |builder, step| {
                self.unless_done(builder, uneven, step, |builder, step| {
                    self.walk(builder, inner, rows, self.advance(tile, dim, step, 1), body);
                });
            });
        }
        for run in self.runs(dim, rows) {
            let bounds = (run.start, run.end(), run.length);
            repeat(builder, bounds, vec![], |builder, counter, _| {
                let tile = self.advance(tile.clone(), dim, counter, run.length);
                self.walk(builder, inner, rows, tile, body);
                vec![]
            });
        }
    }

    /// Where the steps of a strip end that lie within the image.
    fn end_of_strip(&self, builder: Builder, uneven: Uneven) -> Value {
        let size = builder.index_constant(uneven.size);
        if uneven.end(self.group.strips) <= uneven.whole {
            return size;
        }
        let left = Linear::constant(uneven.whole).plus(&self.around.strip, -uneven.advance());
        let left = left.emit(builder);
        builder.value("arith.minsi", &[left, size], builder.context().index())
    }

    /// A step of a strip, unless the strip before it has done it for the same task. The loop
    /// counts these steps as well: an address derived from a first step that is not known would
    /// need a register of its own.
    fn unless_done(
        &self,
        builder: Builder,
        uneven: Uneven,
        step: Linear,
        body: impl FnOnce(Builder, Linear),
    ) {
        if uneven.common == 0 {
            return body(builder, step);
        }
        let context = builder.context();
        let done = Linear::default().plus(&self.around.is_later_strip, uneven.common);
        let is_left = builder
            .op("arith.cmpi")
            .operands(&[step.emit(builder), done.emit(builder)])
            .results(&[context.integer(1)])
            .attr("predicate", context.i64_attr(AT_LEAST))
            .build()
            .result(0);
        let block = Block::new(&[], builder.location());
        let inner = builder.in_block(block);
        body(inner, step);
        inner.op("scf.yield").build();
        builder.op("scf.if").operands(&[is_left]).region(block).empty_region().build();
    }
}
