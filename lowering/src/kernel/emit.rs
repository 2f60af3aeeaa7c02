//! Emission: a scheduled group as `scf` loops over vector code.

mod block;
mod evaluate;
pub mod linear;
pub mod loops;
mod memory;
mod sums;

use std::collections::HashMap;

use gauss_dialect::ir::{Builder, Op, Value};

use super::{
    group::Group,
    nest::Nest,
    pack::Stream,
    plan::Plan,
    schedule::{Schedule, Shared, tile::Chunk},
};
use crate::target::Core;
use linear::Linear;
use loops::repeat;
use memory::flatten;
pub use sums::fence;

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
pub fn emit(plan: &Plan, around: &Around, builder: Builder) {
    let Plan { group, schedule, streams, scratch, core } = plan;
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

    /// Stores and epilogue of a tile, given the root's results for every cell.
    fn finish(&self, builder: Builder, tile: &Tile, results: Vec<Vec<Value>>) {
        let cells: Vec<_> = tile.extent.cells().collect();
        let mut held: HashMap<Value, Vec<Value>> = HashMap::new();
        let keep = |held: &mut HashMap<_, _>, nest: &Nest, results: Vec<Vec<Value>>| {
            for (out, values) in nest.outputs.iter().zip(results) {
                if self.group.keeps(out.root) {
                    let cells = cells.iter().copied().zip(&values);
                    self.store_cells(builder, tile, out, cells);
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
}

/// Removes the nests that a kernel replaces.
pub fn erase_members(group: &Group) {
    let ops: Vec<Op> = group.members().map(|nest| nest.op).collect();
    ops.into_iter().rev().for_each(Op::erase);
}
