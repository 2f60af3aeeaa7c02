//! Emission: a scheduled group as `scf` loops over vector code.

mod sums;

use std::{cell::RefCell, collections::HashMap};

use gauss_dialect::ir::{Attribute, Block, Builder, DYNAMIC, Op, Type, Value};

use super::{
    body::Body,
    group::{Group, Uneven},
    nest::{Access, Nest, is_moving},
    pack::{Side, Stream},
    plan::Plan,
    schedule::{
        CACHE_LINE, Chunk, MAX_INTERLEAVE, Schedule, Shared, Window, chunks, chunks_of_sums,
        padded_width, powers,
    },
    tiling::{Run, runs},
};
use crate::target::Core;

/// The loops around a kernel.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The item of the batch, where the kernel computes one.
    pub item: Linear,
    /// The strip of the item, where the kernel computes one.
    pub strip: Linear,
    /// 0 in the first strip of a task, 1 in others.
    pub is_later_strip: Linear,
    /// The task, where several may run at the same time.
    pub task: Linear,
    /// The loop of the kernel that tasks share, and how many, where it is not the items
    /// that they share.
    pub sharing: Option<(Shared, i64)>,
    /// The first tile and the end of the last one along the outermost loop of a block,
    /// where the task has a part of it.
    pub part: Option<[Value; 2]>,
}

/// Emits a kernel at `builder`.
pub fn emit(plan: &Plan, core: &Core, around: &Around, builder: Builder) {
    let Plan { group, schedule, streams, scratch } = plan;
    let mut flat = HashMap::new();
    for access in group.members().flat_map(Nest::accesses) {
        flat.entry(access.root).or_insert_with(|| flatten(builder, access.root));
    }
    for stream in streams {
        flat.insert(stream.buffer, stream.buffer);
    }
    let kernel = Kernel { group, schedule, core, streams, around, scratch: *scratch, flat };
    kernel.loops(builder);
}

/// A buffer as a list of elements.
fn flatten(builder: Builder, buffer: Value) -> Value {
    let context = builder.context();
    if is_moving(buffer) {
        return flatten_moving(builder, buffer);
    }
    let elements: i64 = buffer.ty().shape().unwrap_or_default().iter().product();
    let ty = Type::memref(context.f32(), &[elements]);
    if buffer.ty() == ty {
        return buffer;
    }
    builder
        .op("memref.reinterpret_cast")
        .operands(&[buffer])
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(&[0]))
        .attr("static_sizes", context.i64_array_attr(&[elements]))
        .attr("static_strides", context.i64_array_attr(&[1]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 0, 0, 0]))
        .build()
        .result(0)
}

/// A part of a buffer, at a place that is known at run time, as a list of elements.
fn flatten_moving(builder: Builder, view: Value) -> Value {
    let context = builder.context();
    let shape = view.ty().shape().unwrap_or_default();
    let (strides, _) = view.ty().strides_and_offset().unwrap_or_default();
    let elements = shape.iter().zip(strides).map(|(size, stride)| (size - 1) * stride).sum::<i64>();
    let numbers = vec![context.index(); 1 + 2 * shape.len()];
    let metadata = builder
        .op("memref.extract_strided_metadata")
        .operands(&[view])
        .results(&[&[Type::memref(context.f32(), &[])], &numbers[..]].concat())
        .build();
    let text = format!("memref<{}xf32, strided<[1], offset: ?>>", elements + 1);
    // The text is a type, whatever the number.
    let ty = context.parse_type(&text).unwrap_or_else(|| view.ty());
    builder
        .op("memref.reinterpret_cast")
        .operands(&[metadata.result(0), metadata.result(1)])
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(&[DYNAMIC]))
        .attr("static_sizes", context.i64_array_attr(&[elements + 1]))
        .attr("static_strides", context.i64_array_attr(&[1]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 1, 0, 0]))
        .build()
        .result(0)
}

/// A sum of loop counters times constants.
#[derive(Debug, Clone, Default)]
pub struct Linear {
    constant: i64,
    terms: Vec<(Value, i64)>,
}

impl Linear {
    fn constant(constant: i64) -> Self {
        Self { constant, terms: vec![] }
    }

    /// A loop counter.
    fn counter(counter: Value) -> Self {
        Self { constant: 0, terms: vec![(counter, 1)] }
    }

    /// `self + other · factor`.
    fn plus(mut self, other: &Linear, factor: i64) -> Self {
        self.constant += other.constant * factor;
        if factor != 0 {
            self.terms.extend(other.terms.iter().map(|&(counter, c)| (counter, c * factor)));
        }
        self
    }

    fn plus_constant(mut self, constant: i64) -> Self {
        self.constant += constant;
        self
    }

    /// The sum as an `index`; the constant is added last, where addressing can
    /// take it in.
    pub fn emit(&self, builder: Builder) -> Value {
        let index = builder.context().index();
        let mut sum: Option<Value> = None;
        for &(counter, factor) in &self.terms {
            let term = match factor {
                1 => counter,
                _ => {
                    let factor = builder.index_constant(factor);
                    builder.value("arith.muli", &[counter, factor], index)
                }
            };
            sum = Some(match sum {
                Some(sum) => builder.value("arith.addi", &[sum, term], index),
                None => term,
            });
        }
        match (sum, self.constant) {
            (None, constant) => builder.index_constant(constant),
            (Some(sum), 0) => sum,
            (Some(sum), constant) => {
                let constant = builder.index_constant(constant);
                builder.value("arith.addi", &[sum, constant], index)
            }
        }
    }
}

/// How much of a tile is there.
#[derive(Debug, Clone)]
struct Extent {
    rows: i64,
    chunks: Vec<Chunk>,
}

impl Extent {
    /// Row and chunk of every vector of the tile.
    fn cells(&self) -> impl Iterator<Item = (i64, usize)> + use<> {
        let chunks = self.chunks.len();
        (0..self.rows).flat_map(move |row| (0..chunks).map(move |chunk| (row, chunk)))
    }
}

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

/// The strips of a task, of which there is more than one. `body` gets the strip and
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

/// One kernel in the making.
struct Kernel<'a> {
    group: &'a Group,
    schedule: &'a Schedule,
    core: &'a Core,
    streams: &'a [Stream],
    around: &'a Around,
    /// Memory for the sums of one tile, where the epilogue is a loop over its rows.
    scratch: Option<Value>,
    /// Every buffer as a list of elements.
    flat: HashMap<Value, Value>,
}

/// Where a tile is.
#[derive(Debug, Clone)]
struct Tile {
    /// The first index along each parallel dimension.
    position: Vec<Linear>,
    extent: Extent,
}

impl Kernel<'_> {
    /// The loops over the parallel dimensions, around tiles or blocks.
    fn loops(&self, builder: Builder) {
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
    fn share(
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

    /// As [`Kernel::walk`], some of the tiles along the first dimension, counted in tiles
    /// of the schedule's rows.
    fn walk_part(
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
        // How many tiles of a run come before a tile, which is one of all or their end.
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
    fn runs(&self, dim: usize, rows: i64) -> Vec<Run> {
        let size = self.group.root.sizes[dim];
        match self.schedule.row == Some(dim) {
            true => runs(size, rows, 1),
            false => self.schedule.tiles(dim, size, self.core),
        }
    }

    /// The tile from `start` on, of `length` elements along a dimension.
    fn advance(&self, mut tile: Tile, dim: usize, start: Linear, length: i64) -> Tile {
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
    fn walk(
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

    /// The end of the steps of a strip that are not beyond the image.
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

    /// Initial values, reductions, epilogue and stores of one tile.
    fn tile(&self, builder: Builder, tile: &Tile) {
        let root = &self.group.root;
        if root.is_elementwise() {
            let results = self.evaluate(builder, root, tile, HashMap::new());
            return self.finish(builder, tile, results);
        }
        let sums = self.sum(builder, tile, &[], self.initial(builder, tile));
        match self.scratch.filter(|_| tile.extent.rows > 1) {
            Some(scratch) => {
                let place = |row| self.place(tile, row);
                self.store_sums(builder, tile, &sums, scratch, place(Linear::default()));
                repeat(builder, (0, tile.extent.rows, 1), vec![], |builder, row, _| {
                    let row_tile = self.row_of(tile, &row);
                    let sums = self.load_sums(builder, &row_tile, scratch, place(row));
                    self.finish(builder, &row_tile, self.by_output(tile.extent.chunks.len(), sums));
                    vec![]
                });
            }
            None => {
                let cells = tile.extent.cells().count();
                self.finish(builder, tile, self.by_output(cells, sums));
            }
        }
    }

    /// A block: the sums of many tiles stay in memory while part after part of the
    /// reduction is added to them, so that the weights of a part are read from the
    /// nearest cache.
    fn block(&self, builder: Builder, dims: &[usize], origin: &Tile) {
        let Some(scratch) = self.scratch else { return };
        let place = |tile: &Tile| self.place(tile, self.index_in_block(dims, tile));
        self.walk_block(builder, dims, 1, origin, &mut |_, builder, tile| {
            let initial = self.initial(builder, &tile);
            self.store_sums(builder, &tile, &initial, scratch, place(&tile));
        });
        let hoisted = self.schedule.block.as_ref().map_or(0, |block| block.hoisted);
        self.hoist(builder, hoisted, vec![], &|builder, steps| {
            let rows = self.schedule.rows;
            self.walk_block(builder, dims, rows, origin, &mut |_, builder, tile| {
                self.prefetch(builder, dims, &tile, steps);
                let sums = self.load_sums(builder, &tile, scratch, place(&tile));
                let sums = self.sum(builder, &tile, steps, sums);
                self.store_sums(builder, &tile, &sums, scratch, place(&tile));
            });
        });
        self.walk_block(builder, dims, 1, origin, &mut |_, builder, tile| {
            let sums = self.load_sums(builder, &tile, scratch, place(&tile));
            self.finish(builder, &tile, self.by_output(tile.extent.chunks.len(), sums));
        });
    }

    /// The number of the tile's first row among those of the block.
    fn index_in_block(&self, dims: &[usize], tile: &Tile) -> Linear {
        dims.iter().fold(Linear::default(), |index, &dim| {
            let size = self.group.root.sizes[dim];
            Linear::default().plus(&index, size).plus(&tile.position[dim], 1)
        })
    }

    /// Asks for the tile's share of the weights of the next part, so that they are on
    /// their way to the second-level cache while this part is computed.
    fn prefetch(&self, builder: Builder, dims: &[usize], tile: &Tile, steps: &[Linear]) {
        let stream = self.streams.iter().find(|stream| stream.side == Side::Vector);
        let Some(stream) = stream.filter(|_| self.core.prefetches) else { return };
        let root = &self.group.root;
        let inner = &root.reduction_sizes()[steps.len()..];
        let slots = stream.members.len() as i64 * padded_width(&tile.extent.chunks);
        let part = slots * inner.iter().product::<i64>();
        let rows: i64 = dims.iter().map(|&dim| root.sizes[dim]).product();
        let of_row = (part + rows - 1) / rows;
        let size = stream.buffer.ty().shape().unwrap_or_default().iter().product::<i64>();
        let share = of_row * tile.extent.rows;
        // What stays in the second-level cache from call to call need not be asked for.
        if share > size || size * 4 <= self.core.l2_bytes {
            return;
        }
        let all: Vec<_> =
            steps.iter().cloned().chain(inner.iter().map(|_| Linear::default())).collect();
        let this = self.packed_element(tile, &all, (stream, 0), (0, 0));
        let next = this.plus_constant(part).plus(&self.index_in_block(dims, tile), of_row);
        // The last part asks for its own end again.
        let index = builder.context().index();
        let last = builder.index_constant(size - share);
        let first = builder.value("arith.minsi", &[next.emit(builder), last], index);
        repeat(builder, (0, share, CACHE_LINE), vec![], |builder, line, _| {
            let line = Linear::counter(first).plus(&line, 1).emit(builder);
            prefetch(builder, stream.buffer, line);
            vec![]
        });
    }

    /// Asks for weights that the second-level cache does not hold, some time before these
    /// steps of the reduction reach them, where no block brings them near.
    fn prefetch_ahead(&self, builder: Builder, tile: &Tile, first: &[Linear], count: i64) {
        let stream = self.streams.iter().find(|stream| stream.side == Side::Vector);
        let ahead = self.core.prefetched_elements;
        let is_asked = ahead > 0 && self.schedule.block.is_none();
        let Some(stream) = stream.filter(|_| is_asked) else { return };
        let size = stream.buffer.ty().shape().unwrap_or_default().iter().product::<i64>();
        let used = count * stream.members.len() as i64 * padded_width(&tile.extent.chunks);
        if size * 4 <= self.core.l2_bytes || size < used + ahead {
            return;
        }
        let this = self.packed_element(tile, first, (stream, 0), (0, 0));
        let index = builder.context().index();
        // The end of the weights is asked for again and again.
        let last = builder.index_constant(size - used);
        let ahead = this.plus_constant(ahead).emit(builder);
        let ahead = builder.value("arith.minsi", &[ahead, last], index);
        for line in (0..used).step_by(CACHE_LINE as usize) {
            let line = Linear::counter(ahead).plus_constant(line).emit(builder);
            prefetch(builder, stream.buffer, line);
        }
    }

    /// Loops over the dimensions of a block, or over the part of them that the task has.
    fn walk_block(
        &self,
        builder: Builder,
        dims: &[usize],
        rows: i64,
        origin: &Tile,
        body: &mut dyn FnMut(&Kernel, Builder, Tile),
    ) {
        match self.around.part {
            Some(part) => self.walk_part(builder, dims, (rows, part), origin.clone(), body),
            None => self.walk(builder, dims, rows, origin.clone(), body),
        }
    }

    /// Loops over the outermost `count` reductions, around `body`.
    fn hoist(
        &self,
        builder: Builder,
        count: usize,
        steps: Vec<Linear>,
        body: &dyn Fn(Builder, &[Linear]),
    ) {
        if steps.len() == count {
            return body(builder, &steps);
        }
        let size = self.group.root.reduction_sizes()[steps.len()];
        repeat(builder, (0, size, 1), vec![], |builder, counter, _| {
            let steps = steps.into_iter().chain([counter]).collect();
            self.hoist(builder, count, steps, body);
            vec![]
        });
    }

    //===------------------------------------------------------------------===//
    // Sums in memory
    //===------------------------------------------------------------------===//

    /// The sums of a row lie together: for each output, its vectors.
    fn place(&self, tile: &Tile, row: Linear) -> Linear {
        let columns = tile.extent.chunks.len() * self.group.root.outputs.len();
        let task = Linear::default().plus(&self.around.task, self.schedule.scratch);
        task.plus(&row, columns as i64 * self.core.lanes)
    }

    /// The place and the width of each sum, in the order of the accumulators.
    fn sums_of(&self, tile: &Tile, place: &Linear) -> Vec<(Linear, i64)> {
        let chunks = &tile.extent.chunks;
        let outputs = self.group.root.outputs.len();
        let of = |output: usize, (row, column): (i64, usize)| {
            let number = (row as usize * outputs + output) * chunks.len() + column;
            let place = place.clone().plus_constant(number as i64 * self.core.lanes);
            (place, chunks[column].width)
        };
        (0..outputs)
            .flat_map(|output| tile.extent.cells().map(move |cell| of(output, cell)))
            .collect()
    }

    fn store_sums(
        &self,
        builder: Builder,
        tile: &Tile,
        sums: &[Value],
        scratch: Value,
        place: Linear,
    ) {
        for (&sum, (place, _)) in sums.iter().zip(self.sums_of(tile, &place)) {
            let index = place.emit(builder);
            builder.op("vector.store").operands(&[sum, scratch, index]).build();
        }
    }

    fn load_sums(
        &self,
        builder: Builder,
        tile: &Tile,
        scratch: Value,
        place: Linear,
    ) -> Vec<Value> {
        let places = self.sums_of(tile, &place).into_iter();
        places.map(|(place, width)| load_lanes(builder, scratch, &place, width, width)).collect()
    }

    /// One row of a tile.
    fn row_of(&self, tile: &Tile, row: &Linear) -> Tile {
        let mut tile = tile.clone();
        tile.extent.rows = 1;
        if let Some(dim) = self.schedule.row {
            tile.position[dim] = tile.position[dim].clone().plus(row, 1);
        }
        tile
    }

    fn by_output(&self, cells: usize, sums: Vec<Value>) -> Vec<Vec<Value>> {
        sums.chunks(cells).map(<[Value]>::to_vec).collect()
    }

    /// Stores and epilogue of a tile, given the root's results for every cell.
    fn finish(&self, builder: Builder, tile: &Tile, results: Vec<Vec<Value>>) {
        let cells: Vec<_> = tile.extent.cells().collect();
        let mut held: HashMap<Value, Vec<Value>> = HashMap::new();
        let keep = |held: &mut HashMap<_, _>, nest: &Nest, results: Vec<Vec<Value>>| {
            for (out, values) in nest.outputs.iter().zip(results) {
                if self.group.keeps(out.root) {
                    for (&cell, &value) in cells.iter().zip(&values) {
                        self.store(builder, tile, out, cell, value);
                    }
                }
                held.insert(out.root, values);
            }
        };
        keep(&mut held, &self.group.root, results);
        for nest in &self.group.epilogue {
            let given = nest
                .inputs
                .iter()
                .enumerate()
                .filter_map(|(number, input)| Some((number, held.get(&input.root)?.clone())))
                .collect();
            let results = self.evaluate(builder, nest, tile, given);
            keep(&mut held, nest, results);
        }
    }

    /// The values that the accumulators start from: for every output, every cell.
    fn initial(&self, builder: Builder, tile: &Tile) -> Vec<Value> {
        let root = &self.group.root;
        let of = |number: usize| -> Vec<Value> {
            match &self.group.initial[number] {
                Some(nest) => {
                    self.evaluate(builder, nest, tile, HashMap::new()).pop().unwrap_or_default()
                }
                None => {
                    let out = &root.outputs[number];
                    let cells = tile.extent.cells();
                    cells.map(|cell| self.load(builder, root, tile, &[], out, cell)).collect()
                }
            }
        };
        (0..root.outputs.len()).flat_map(of).collect()
    }

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

    /// The results of a body outside of a reduction; as [`Evaluation::results`].
    fn evaluate(
        &self,
        builder: Builder,
        nest: &Nest,
        tile: &Tile,
        given: HashMap<usize, Vec<Value>>,
    ) -> Vec<Vec<Value>> {
        self.evaluation(builder, nest, tile, Step::NONE).results(given)
    }

    fn evaluation<'a>(
        &'a self,
        builder: Builder,
        nest: &'a Nest,
        tile: &'a Tile,
        step: Step<'a>,
    ) -> Evaluation<'a> {
        let body = Body::new(nest, self.schedule.vector, self.schedule.row);
        let (given, known, rows) = Default::default();
        Evaluation { kernel: self, builder, body, tile, step, given, known, rows }
    }

    //===------------------------------------------------------------------===//
    // Memory
    //===------------------------------------------------------------------===//

    /// The element of an access for the first lane of a cell.
    fn element(
        &self,
        tile: &Tile,
        steps: &[Linear],
        access: &Access,
        cell: (i64, usize),
    ) -> Linear {
        let indices = tile.position.iter().chain(steps);
        let mut element = Linear::constant(access.offset)
            .plus(&self.around.item, access.item)
            .plus(&self.around.strip, access.strip)
            .plus(&self.around.task, access.task);
        for (index, &stride) in indices.zip(&access.strides) {
            element = element.plus(index, stride);
        }
        if let Some(row) = self.schedule.row {
            element = element.plus_constant(cell.0 * access.strides[row]);
        }
        if let Some(vector) = self.schedule.vector {
            element =
                element.plus_constant(tile.extent.chunks[cell.1].offset * access.strides[vector]);
        }
        element
    }

    fn vector_stride(&self, access: &Access) -> i64 {
        self.schedule.vector.map_or(0, |vector| access.strides[vector])
    }

    /// The vector of an access of `nest` at a cell.
    fn load(
        &self,
        builder: Builder,
        nest: &Nest,
        tile: &Tile,
        steps: &[Linear],
        access: &Access,
        cell: (i64, usize),
    ) -> Value {
        let chunk = tile.extent.chunks[cell.1];
        let element = self.element(tile, steps, access, cell);
        let buffer = self.flat[&access.root];
        match self.vector_stride(access) {
            0 => broadcast(builder, load_scalar(builder, buffer, &element), chunk.width),
            1 if self.core.masks_loads && chunk.count < chunk.width => {
                load_masked(builder, buffer, &element, chunk)
            }
            1 => load_lanes(builder, buffer, &element, chunk.count, chunk.width),
            stride @ 2..=MAX_INTERLEAVE => {
                let family = Family::of(nest, access, stride);
                let start = element.plus_constant(-family.phase);
                let span = (chunk.count - 1) * stride + family.last_phase + 1;
                let loaded = load_lanes(builder, buffer, &start, span, span);
                let lane =
                    |lane| if lane < chunk.count { lane * stride + family.phase } else { -1 };
                shuffle(builder, loaded, &(0..chunk.width).map(lane).collect::<Vec<_>>())
            }
            stride => {
                let lane = |lane| {
                    let element = element.clone().plus_constant(lane * stride);
                    load_scalar(builder, buffer, &element)
                };
                let mut lanes: Vec<_> = (0..chunk.count).map(lane).collect();
                lanes.resize(chunk.width as usize, lanes[0]);
                let ty = vector_of(builder, chunk.width);
                builder.value("vector.from_elements", &lanes, ty)
            }
        }
    }

    fn store(
        &self,
        builder: Builder,
        tile: &Tile,
        access: &Access,
        cell: (i64, usize),
        value: Value,
    ) {
        let chunk = tile.extent.chunks[cell.1];
        let element = self.element(tile, &[], access, cell);
        let buffer = self.flat[&access.root];
        let stride = self.vector_stride(access);
        if stride == 1 || chunk.width == 1 {
            let lanes: Vec<_> = (0..chunk.count).collect();
            let value = match chunk.count == chunk.width {
                true => value,
                false => shuffle(builder, value, &lanes),
            };
            let index = element.emit(builder);
            builder.op("vector.store").operands(&[value, buffer, index]).build();
            return;
        }
        for lane in 0..chunk.count {
            let scalar = builder
                .op("vector.extract")
                .operands(&[value])
                .attr("static_position", builder.context().i64_array_attr(&[lane]))
                .results(&[builder.context().f32()])
                .build()
                .result(0);
            let index = element.clone().plus_constant(lane * stride).emit(builder);
            builder.op("memref.store").operands(&[scalar, buffer, index]).build();
        }
    }

    /// Where a member of a stream is for a row or a chunk of the tile.
    fn packed_element(
        &self,
        tile: &Tile,
        steps: &[Linear],
        (stream, member): (&Stream, usize),
        (row, chunk): (i64, usize),
    ) -> Linear {
        let sizes = self.group.root.reduction_sizes();
        let mut step = Linear::default();
        for (index, &size) in steps.iter().zip(sizes) {
            step = Linear::default().plus(&step, size).plus(index, 1);
        }
        let members = stream.members.len() as i64;
        let chunks = &tile.extent.chunks;
        let (tiled, slots, slot) = match stream.side {
            Side::Vector => {
                (self.schedule.vector, padded_width(chunks), padded_width(&chunks[..chunk]))
            }
            Side::Row => (self.schedule.row, tile.extent.rows, row),
        };
        let mut element =
            Linear::constant(member as i64 * slots + slot).plus(&step, members * slots);
        for (index, &distance) in tile.position.iter().zip(&stream.outer) {
            element = element.plus(index, distance);
        }
        if let Some(tiled) = tiled {
            // Every tile before this one is full, so its slots are its neighbours.
            element = element.plus(&tile.position[tiled], stream.depth * members);
        }
        element
    }
}

/// The part of [`powers`] with a place in it.
fn part_of(size: i64, most: i64, place: i64) -> (i64, i64) {
    let mut parts = powers(size, most).into_iter();
    parts.find(|(start, length)| place < start + length).unwrap_or((place, 1))
}

/// Asks for the line of an element, to come to the second-level cache.
fn prefetch(builder: Builder, buffer: Value, element: Value) {
    let context = builder.context();
    builder
        .op("memref.prefetch")
        .operands(&[buffer, element])
        .attr("isWrite", context.bool_attr(false))
        .attr("localityHint", context.integer(32).integer_attr(2))
        .attr("isDataCache", context.bool_attr(true))
        .build();
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

/// A step of the reduction.
#[derive(Clone, Copy)]
struct Step<'a> {
    /// The index along each reduction.
    at: &'a [Linear],
    /// The steps that it is written out with, and its number among them.
    group: Option<(&'a StepGroup, i64)>,
}

impl Step<'_> {
    /// Outside of a reduction.
    const NONE: Step<'static> = Step { at: &[], group: None };
}

/// Neighbouring steps of the innermost reduction.
struct StepGroup {
    /// The index of the first one along each reduction.
    first: Vec<Linear>,
    count: i64,
    /// What is loaded for several steps at once.
    known: RefCell<HashMap<Lanes, Value>>,
}

/// What the lanes of a vector are that is loaded for the scalars in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// Neighbouring steps of the reduction.
    Steps,
    /// Neighbouring rows of the tile.
    Rows,
    /// Neighbouring elements, which rows and steps share.
    Window(Window),
}

/// Values that a vector holds in its lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Lanes {
    value: Value,
    /// The row, where a vector is of one row.
    row: i64,
    /// The place of the first lane along the axis.
    start: i64,
    count: i64,
}

/// Accesses of one buffer that interleave: together they read what lies between
/// the elements of each, so that one load serves them all.
struct Family {
    /// The place of the access in its period of `stride` elements.
    phase: i64,
    /// The last place of that period that any access reads.
    last_phase: i64,
}

impl Family {
    fn of(nest: &Nest, access: &Access, stride: i64) -> Self {
        let members: Vec<i64> = nest
            .inputs
            .iter()
            .filter(|other| other.root == access.root && other.strides == access.strides)
            .map(|other| other.offset)
            .collect();
        let first = members.iter().copied().min().unwrap_or(access.offset);
        let phase = (access.offset - first) % stride;
        let start = access.offset - phase;
        let in_period = members.iter().map(|offset| offset - start);
        let last_phase =
            in_period.filter(|phase| (0..stride).contains(phase)).max().unwrap_or(phase);
        Self { phase, last_phase: last_phase.max(phase) }
    }
}

fn vector_of(builder: Builder, width: i64) -> Type {
    Type::vector(builder.context().f32(), &[width])
}

fn load_scalar(builder: Builder, buffer: Value, element: &Linear) -> Value {
    let index = element.emit(builder);
    builder.value("memref.load", &[buffer, index], builder.context().f32())
}

fn broadcast(builder: Builder, scalar: Value, width: i64) -> Value {
    let ty = Type::vector(scalar.ty(), &[width]);
    builder.value("vector.broadcast", &[scalar], ty)
}

/// `count` neighbours as a vector of `width` lanes; the others have no meaning.
fn load_lanes(builder: Builder, buffer: Value, element: &Linear, count: i64, width: i64) -> Value {
    let index = element.emit(builder);
    let loaded = builder.value("vector.load", &[buffer, index], vector_of(builder, count));
    if count == width {
        return loaded;
    }
    let lanes: Vec<_> = (0..width).map(|lane| if lane < count { lane } else { -1 }).collect();
    shuffle(builder, loaded, &lanes)
}

/// The first lanes of a vector, the others zero.
fn load_masked(builder: Builder, buffer: Value, element: &Linear, chunk: Chunk) -> Value {
    let context = builder.context();
    let index = element.emit(builder);
    let mask = Type::vector(context.integer(1), &[chunk.width]);
    let mask = builder
        .op("vector.constant_mask")
        .attr("mask_dim_sizes", context.i64_array_attr(&[chunk.count]))
        .results(&[mask])
        .build()
        .result(0);
    let zero = splat(builder, context.f32_attr(0.0), chunk.width);
    let ty = vector_of(builder, chunk.width);
    builder.value("vector.maskedload", &[buffer, index, mask, zero], ty)
}

/// The lanes of a vector in another order; -1 is a lane without meaning.
fn shuffle(builder: Builder, vector: Value, lanes: &[i64]) -> Value {
    builder
        .op("vector.shuffle")
        .operands(&[vector, vector])
        .attr("mask", builder.context().i64_array_attr(lanes))
        .results(&[vector_of(builder, lanes.len() as i64)])
        .build()
        .result(0)
}

/// The body of a nest on the cells of one tile at one step. What does not differ
/// between rows or between vectors is computed once.
struct Evaluation<'a> {
    kernel: &'a Kernel<'a>,
    builder: Builder,
    body: Body<'a>,
    tile: &'a Tile,
    step: Step<'a>,
    /// What replaces reads of inputs and accumulators, by argument number.
    given: HashMap<usize, Vec<Value>>,
    known: HashMap<Place, Value>,
    /// What is loaded for several rows at once.
    rows: HashMap<Lanes, Value>,
}

/// A value of the body at the cells where it is the same: a row if it differs
/// between rows, a chunk if it differs between vectors, and the vector's width.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
struct Place {
    value: Value,
    row: Option<i64>,
    chunk: Option<usize>,
    width: i64,
}

impl Evaluation<'_> {
    /// The results for every cell of the tile, one list per output.
    fn results(mut self, given: HashMap<usize, Vec<Value>>) -> Vec<Vec<Value>> {
        self.given = given;
        let nest = self.body.nest();
        // One operation for many cells after the other: in a reduction, what a term reads
        // is not needed any more when the next term begins; elsewhere, a constant is
        // loaded once for all.
        let cells: Vec<_> = self.tile.extent.cells().collect();
        let side_by_side = match nest.is_elementwise() {
            true => self.kernel.core.elementwise_unroll as usize,
            // What each cell reads for itself would wait for all others.
            false if self.body.reads_by_cell() => 1,
            false => cells.len(),
        };
        for cells in cells.chunks(side_by_side) {
            for op in nest.body.ops() {
                let is_of_cell = match self.body.dependence_of(op) {
                    Some((by_vector, by_row)) => by_vector && (by_row || nest.is_elementwise()),
                    None => false,
                };
                if is_of_cell {
                    cells.iter().for_each(|&cell| {
                        self.value(op.result(0), cell);
                    });
                }
            }
        }
        let results = self.body.results().into_iter();
        results.map(|result| cells.iter().map(|&cell| self.value(result, cell)).collect()).collect()
    }

    /// Loads what the body reads but the accumulators.
    fn load(&mut self) {
        for result in self.body.results() {
            self.load_for(result);
        }
    }

    fn load_for(&mut self, value: Value) {
        let op = value.defining_op().filter(|op| op.block() == self.body.nest().body);
        match op.filter(|_| self.packed(value).is_none() && self.axis(value).is_none()) {
            Some(op) => op.operands().into_iter().for_each(|operand| self.load_for(operand)),
            None if op.is_some() || self.own_input(value).is_some() => {
                for cell in self.tile.extent.cells() {
                    self.value(value, cell);
                }
            }
            None => {}
        }
    }

    fn value(&mut self, value: Value, cell: (i64, usize)) -> Value {
        let (by_vector, by_row) = self.body.dependence(value);
        let (row, chunk) = cell;
        let place = Place {
            value,
            row: by_row.then_some(row),
            chunk: by_vector.then_some(chunk),
            width: self.tile.extent.chunks[chunk].width,
        };
        if let Some(&known) = self.known.get(&place) {
            return known;
        }
        let computed = self.compute(value, cell, place.width);
        self.known.insert(place, computed);
        computed
    }

    fn compute(&mut self, value: Value, cell: (i64, usize), width: i64) -> Value {
        if let Some(axis) = self.axis(value) {
            let (lanes, lane) = self.lanes_of(value, cell.0, axis);
            let vector = self.vector_of_lanes(lanes, axis);
            return broadcast(self.builder, extract(self.builder, vector, lane), width);
        }
        if let Some((stream, member)) = self.packed(value) {
            let packed = (stream, member);
            let element = self.kernel.packed_element(self.tile, self.step.at, packed, cell);
            return match stream.side {
                Side::Vector => load_lanes(self.builder, stream.buffer, &element, width, width),
                Side::Row => {
                    let scalar = load_scalar(self.builder, stream.buffer, &element);
                    broadcast(self.builder, scalar, width)
                }
            };
        }
        let Some(op) = value.defining_op() else {
            return self.shared_argument(value, cell, width);
        };
        if op.is("linalg.index") {
            return self.index(cell, width);
        }
        if op.block() != self.body.nest().body || op.is("arith.constant") {
            return match op.attribute("value").filter(|_| op.is("arith.constant")) {
                Some(literal) => splat(self.builder, literal, width),
                None => broadcast(self.builder, value, width),
            };
        }
        let operands: Vec<_> =
            op.operands().into_iter().map(|operand| self.value(operand, cell)).collect();
        self.apply(op, &operands, width).result(value.number())
    }

    /// The index along the only loop of the nest, lane by lane.
    fn index(&self, (row, chunk): (i64, usize), width: i64) -> Value {
        let schedule = self.kernel.schedule;
        let first = self.tile.position.first().cloned().unwrap_or_default();
        let (first, is_vector) = match (schedule.vector, schedule.row) {
            (Some(0), _) => (first.plus_constant(self.tile.extent.chunks[chunk].offset), true),
            (_, Some(0)) => (first.plus_constant(row), false),
            _ => (first, false),
        };
        let first = broadcast(self.builder, first.emit(self.builder), width);
        if !is_vector {
            return first;
        }
        let steps = self.builder.value("vector.step", &[], first.ty());
        self.builder.value("arith.addi", &[first, steps], first.ty())
    }

    /// The operation on vectors.
    fn apply(&self, op: Op, operands: &[Value], width: i64) -> Op {
        let copy = op.clone_detached();
        copy.set_operands(operands);
        for result in copy.results() {
            result.set_type(Type::vector(result.ty(), &[width]));
        }
        self.builder.insert(copy);
        copy
    }

    /// Along what a value that all vectors share can be loaded or computed for
    /// several rows or steps at once, on a core that multiplies by a lane.
    fn axis(&self, value: Value) -> Option<Axis> {
        let (by_vector, _) = self.body.dependence(value);
        if !self.kernel.core.lane_loads || by_vector || self.step.group.is_none() {
            return None;
        }
        if let Some((stream, _)) = self.packed(value) {
            return (stream.side == Side::Row).then_some(Axis::Rows);
        }
        match value.defining_op() {
            None => {
                let input = self.own_input(value)?;
                let (group, step) = self.step.group?;
                if let Some(window) = self.window(value) {
                    return Some(Axis::Window(window));
                }
                let (_, length) = part_of(group.count, self.kernel.core.lanes, step);
                let along_steps = input.strides.last() == Some(&1) && length > 1;
                let along_rows =
                    self.kernel.schedule.row.is_some_and(|row| input.strides[row] == 1);
                match (along_steps, along_rows) {
                    (true, _) => Some(Axis::Steps),
                    (_, true) => Some(Axis::Rows),
                    _ => None,
                }
            }
            Some(op) if op.block() == self.body.nest().body && !op.operands().is_empty() => {
                let mut axes = op.operands().into_iter().map(|operand| self.axis(operand));
                let first = axes.next()??;
                axes.all(|axis| axis == Some(first)).then_some(first)
            }
            Some(_) => None,
        }
    }

    /// The window that rows share of what an argument reads.
    fn window(&self, value: Value) -> Option<Window> {
        let schedule = self.kernel.schedule;
        let (group, _) = self.step.group.filter(|_| schedule.window)?;
        let (input, rows) = (self.own_input(value)?, self.tile.extent.rows);
        Window::of(input, schedule.row, rows, group.count, self.kernel.core)
    }

    /// The vector that holds a value for a row at this step, and the lane.
    fn lanes_of(&self, value: Value, row: i64, axis: Axis) -> (Lanes, i64) {
        let (steps, step) = self.step.group.map_or((1, 0), |(group, step)| (group.count, step));
        let (row, size, place) = match axis {
            Axis::Steps => (row, steps, step),
            Axis::Rows => (0, self.tile.extent.rows, row),
            Axis::Window(window) => (0, window.size, row * window.stride + step),
        };
        let (start, count) = part_of(size, self.kernel.core.lanes, place);
        (Lanes { value, row, start, count }, place - start)
    }

    fn vector_of_lanes(&mut self, lanes: Lanes, axis: Axis) -> Value {
        let Some((group, _)) = self.step.group else { return lanes.value };
        let known = match axis {
            Axis::Rows => self.rows.get(&lanes).copied(),
            Axis::Steps | Axis::Window(_) => group.known.borrow().get(&lanes).copied(),
        };
        if let Some(known) = known {
            return known;
        }
        let first = if axis == Axis::Rows { self.step.at } else { &group.first };
        let vector = self.compute_lanes(lanes, axis, first);
        match axis {
            Axis::Rows => self.rows.insert(lanes, vector),
            Axis::Steps | Axis::Window(_) => group.known.borrow_mut().insert(lanes, vector),
        };
        vector
    }

    fn compute_lanes(&mut self, lanes: Lanes, axis: Axis, first: &[Linear]) -> Value {
        let Lanes { value, row, start, count } = lanes;
        if let Some(packed) = self.packed(value) {
            let at = (start, 0);
            let element = self.kernel.packed_element(self.tile, self.step.at, packed, at);
            return load_lanes(self.builder, packed.0.buffer, &element, count, count);
        }
        if let Some(op) = value.defining_op() {
            let operands: Vec<_> = op
                .operands()
                .into_iter()
                .map(|value| self.vector_of_lanes(Lanes { value, ..lanes }, axis))
                .collect();
            return self.apply(op, &operands, count).result(value.number());
        }
        let Some(input) = self.own_input(value) else { return value };
        let element = self.kernel.element(self.tile, first, input, (row, 0)).plus_constant(start);
        load_lanes(self.builder, self.kernel.flat[&input.root], &element, count, count)
    }

    /// The input of the nest that an argument of its body reads.
    fn own_input(&self, value: Value) -> Option<&Access> {
        let nest = self.body.nest();
        let is_own = nest.body.arguments().get(value.number()) == Some(&value);
        nest.inputs.get(value.number()).filter(|_| is_own && value.defining_op().is_none())
    }

    /// A read of an input that rows may share, or what stands for it.
    fn shared_argument(&self, value: Value, cell: (i64, usize), width: i64) -> Value {
        let by_vector = self.body.dependence(value).0;
        let window = self.window(value).filter(|_| !by_vector);
        let (Some(window), Some((group, step))) = (window, self.step.group) else {
            return self.argument(value, cell, width);
        };
        let start = cell.0 * window.stride + step;
        let lanes = Lanes { value, row: 0, start, count: width };
        let known = group.known.borrow().get(&lanes).copied();
        known.unwrap_or_else(|| {
            let loaded = self.argument(value, cell, width);
            group.known.borrow_mut().insert(lanes, loaded);
            loaded
        })
    }

    /// A read of an input, or what stands for it.
    fn argument(&self, value: Value, cell: (i64, usize), width: i64) -> Value {
        let nest = self.body.nest();
        let number = value.number();
        let is_own = nest.body.arguments().get(number) == Some(&value);
        if !is_own {
            return broadcast(self.builder, value, width);
        }
        if let Some(values) = self.given.get(&number) {
            let (row, chunk) = cell;
            return values[row as usize * self.tile.extent.chunks.len() + chunk];
        }
        let access = match nest.inputs.get(number) {
            Some(input) => input,
            None => &nest.outputs[number - nest.inputs.len()],
        };
        self.kernel.load(self.builder, nest, self.tile, self.step.at, access, cell)
    }

    /// The stream that holds a value of the root's body.
    fn packed(&self, value: Value) -> Option<(&'_ Stream, usize)> {
        if self.body.nest().op != self.kernel.group.root.op {
            return None;
        }
        self.kernel.streams.iter().find_map(|stream| {
            let member = stream.members.iter().position(|&member| member == value)?;
            Some((stream, member))
        })
    }
}

/// One lane of a vector.
fn extract(builder: Builder, vector: Value, lane: i64) -> Value {
    builder
        .op("vector.extract")
        .operands(&[vector])
        .attr("static_position", builder.context().i64_array_attr(&[lane]))
        .results(&[vector.ty().element_type()])
        .build()
        .result(0)
}

/// A literal in every lane.
fn splat(builder: Builder, literal: Attribute, width: i64) -> Value {
    let ty = Type::vector(literal.value_type(), &[width]);
    builder.constant(Attribute::splat_of(ty, literal), ty)
}

/// Removes the nests that a kernel replaces.
pub fn erase_members(group: &Group) {
    let ops: Vec<Op> = group.members().map(|nest| nest.op).collect();
    ops.into_iter().rev().for_each(Op::erase);
}
