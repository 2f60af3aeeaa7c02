//! Blocks: the sums of many tiles stay in memory while part after part of the reduction is added.

use gauss_dialect::ir::{Builder, Value};

use super::{
    Kernel, Tile,
    linear::Linear,
    loops::repeat,
    memory::{load_lanes, prefetch},
};
use crate::kernel::{
    pack::Side,
    schedule::{cache::CACHE_LINE, tile::padded_width},
};

impl Kernel<'_> {
    /// A block: the sums of many tiles stay in memory while part after part of the
    /// reduction is added to them, so that the weights of a part are read from the
    /// nearest cache.
    pub(super) fn block(&self, builder: Builder, dims: &[usize], origin: &Tile) {
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

    /// Prefetches the tile's share of the weights of the next K-block into the second-level cache,
    /// while this one is computed.
    pub(super) fn prefetch(&self, builder: Builder, dims: &[usize], tile: &Tile, steps: &[Linear]) {
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
        // What stays in the second-level cache from call to call needs no prefetch.
        if share > size || size * 4 <= self.core.l2_bytes {
            return;
        }
        let all: Vec<_> =
            steps.iter().cloned().chain(inner.iter().map(|_| Linear::default())).collect();
        let this = self.packed_element(tile, &all, (stream, 0), (0, 0));
        let next = this.plus_constant(part).plus(&self.index_in_block(dims, tile), of_row);
        // The last K-block prefetches its own end again.
        let index = builder.context().index();
        let last = builder.index_constant(size - share);
        let first = builder.value("arith.minsi", &[next.emit(builder), last], index);
        repeat(builder, (0, share, CACHE_LINE), vec![], |builder, line, _| {
            let line = Linear::counter(first).plus(&line, 1).emit(builder);
            prefetch(builder, stream.buffer, line);
            vec![]
        });
    }

    /// Prefetches weights that the second-level cache does not hold, at the core's prefetch distance
    /// from these steps of the reduction, where there are no K-blocks.
    pub(super) fn prefetch_at_distance(
        &self,
        builder: Builder,
        tile: &Tile,
        first: &[Linear],
        count: i64,
    ) {
        let stream = self.streams.iter().find(|stream| stream.side == Side::Vector);
        let distance = self.core.prefetched_elements;
        let is_wanted = distance > 0 && self.schedule.block.is_none();
        let Some(stream) = stream.filter(|_| is_wanted) else { return };
        let size = stream.buffer.ty().shape().unwrap_or_default().iter().product::<i64>();
        let used = count * stream.members.len() as i64 * padded_width(&tile.extent.chunks);
        if size * 4 <= self.core.l2_bytes || size < used + distance {
            return;
        }
        let this = self.packed_element(tile, first, (stream, 0), (0, 0));
        let index = builder.context().index();
        // Near the end of the weights, the end is prefetched again and again.
        let last = builder.index_constant(size - used);
        let first = this.plus_constant(distance).emit(builder);
        let first = builder.value("arith.minsi", &[first, last], index);
        for line in (0..used).step_by(CACHE_LINE as usize) {
            let line = Linear::counter(first).plus_constant(line).emit(builder);
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
    pub(super) fn hoist(
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
}

impl Kernel<'_> {
    /// The sums of a row lie together: for each output, its vectors.
    pub(super) fn place(&self, tile: &Tile, row: Linear) -> Linear {
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

    pub(super) fn store_sums(
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

    pub(super) fn load_sums(
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
    pub(super) fn row_of(&self, tile: &Tile, row: &Linear) -> Tile {
        let mut tile = tile.clone();
        tile.extent.rows = 1;
        if let Some(dim) = self.schedule.row {
            tile.position[dim] = tile.position[dim].clone().plus(row, 1);
        }
        tile
    }

    pub(super) fn by_output(&self, cells: usize, sums: Vec<Value>) -> Vec<Vec<Value>> {
        sums.chunks(cells).map(<[Value]>::to_vec).collect()
    }
}
