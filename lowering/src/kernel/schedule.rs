//! Schedules: which dimension becomes vectors, which becomes rows of the micro-tile, and how large
//! the tile is.
//!
//! An analytic model compares the candidates. It counts, for one step of the
//! reduction on one tile, the arithmetic, the loads and the latency of the
//! accumulation, takes the largest, and adds what is done once per tile.

pub mod cache;
mod candidates;
pub mod count;
mod model;
pub mod tile;

use serde::{Deserialize, Serialize};

use super::{
    constants::Constants,
    group::{Group, parts},
    tiling::{Run, runs},
};
use crate::target::Core;
pub use candidates::candidates;
use model::{Choice, Model};

/// How a group is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The parallel dimension whose neighbours are the lanes of a vector; none
    /// where there is no parallel dimension.
    pub vector: Option<usize>,
    /// The parallel dimension whose neighbours share what the vectors load.
    pub row: Option<usize>,
    /// Rows of the micro-tile (MR).
    pub rows: i64,
    /// Vectors of the micro-tile (NR).
    pub vectors: i64,
    /// Sets of accumulators, which take the steps of a sum in turn: one set would wait for its own
    /// results.
    pub splits: i64,
    /// Is what rows share with each other, as those of a convolution do, loaded once for
    /// the steps that are written out?
    #[serde(default)]
    pub window: bool,
    /// Steps of the innermost reduction that are loaded before the first of them is computed; 0 leaves
    /// that to LLVM.
    #[serde(default)]
    pub ahead: i64,
    /// The parallel dimensions, outermost loop first.
    pub order: Vec<usize>,
    /// Are products of constants computed at compile time and loaded, rather than
    /// computed from what is loaded?
    pub precompute: bool,
    /// The K-block: the part of the reduction that is done for many tiles in turn.
    pub block: Option<Block>,
    /// Steps of a long innermost reduction that are written out; those of the core where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unroll: Option<i64>,
    /// Vectors of elementwise functions, of an epilogue too, that are computed side by side; those of the
    /// core where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_by_side: Option<i64>,
    /// How many elements before their turn weights from beyond the second-level cache are asked for, 0
    /// for never, with a K-block the next part of them where it is not 0; that of the core where it is
    /// not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefetch: Option<i64>,
    /// Elements that sums take in memory: those of a block, or of a tile whose
    /// epilogue goes through its rows one by one; 0 where all are in registers.
    #[serde(skip)]
    pub scratch: i64,
    /// Cycles of the group by the model, up to a constant factor.
    #[serde(skip)]
    pub cost: f64,
}

/// A K-block: a part of a reduction, for the tiles of the innermost loops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Steps of the reduction in one part.
    pub steps: i64,
    /// How many of the innermost parallel loops the block takes.
    pub dims: usize,
    /// The reductions that are loops around the tiles; known once the reduction is
    /// split into parts.
    #[serde(skip)]
    pub hoisted: usize,
}

/// The cheapest schedule of a group.
pub fn choose(group: &Group, core: &Core, constants: &Constants) -> Schedule {
    let none = Schedule {
        vector: None,
        row: None,
        rows: 1,
        vectors: 1,
        splits: 1,
        window: false,
        ahead: 0,
        order: vec![],
        precompute: false,
        block: None,
        unroll: None,
        side_by_side: None,
        prefetch: None,
        scratch: 0,
        cost: f64::INFINITY,
    };
    let (mut best, mut least) = (none, f64::INFINITY);
    for_each(group, core, constants, &mut |model, Costed { choice, block, cost }| {
        let with_code = cost + model.cost_of_code(choice);
        if with_code < least {
            least = with_code;
            best = Schedule { cost, ..model.schedule(choice, block) };
        }
    });
    match best.vector {
        // A single element is no work worth counting.
        None => Schedule { cost: 0.0, ..best },
        Some(_) => best,
    }
}

/// A schedule of a model, and its cost.
struct Costed {
    choice: Choice,
    block: Option<Block>,
    cost: f64,
}

/// Visits every schedule that fits the registers, in the loop order of the model.
fn for_each(
    group: &Group,
    core: &Core,
    constants: &Constants,
    visit: &mut dyn FnMut(&Model, Costed),
) {
    let root = &group.root;
    for vector in dims_of_tiles(group) {
        let mut rows: Vec<_> = dims_of_tiles(group).filter(|&dim| dim != vector).collect();
        // Of two that cost the same, the one whose rows are nearer to each other in memory.
        let shared = || root.inputs.iter().filter(|input| !input.depends_on(vector));
        rows.sort_by_key(|&dim| shared().map(|input| input.strides[dim]).max());
        let rows: Vec<_> = match root.is_elementwise() {
            true => vec![None],
            false => rows.into_iter().map(Some).chain([None]).collect(),
        };
        for row in rows {
            let model = Model::new(group, core, constants, vector, row);
            let (max_rows, max_vectors) = model.largest_tile();
            for rows in 1..=max_rows {
                for vectors in 1..=max_vectors {
                    for &splits in model.possible_splits() {
                        for choice in model.choices(rows, vectors, splits) {
                            for block in model.possible_blocks(choice) {
                                if let Some(cost) = model.cost(choice, block.as_ref()) {
                                    visit(&model, Costed { choice, block, cost });
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Steps that may be written out, and vectors that may be computed side by side.
const UNROLLS: [i64; 4] = [1, 2, 4, 8];

/// The longest prefetch distance, in elements.
const MAX_PREFETCH: i64 = 1 << 20;

/// The dimensions of which a tile may have several steps.
fn dims_of_tiles(group: &Group) -> impl Iterator<Item = usize> {
    (0..group.root.parallel).filter(|&dim| group.uneven.is_none_or(|uneven| uneven.dim != dim))
}

impl Schedule {
    /// The core with the numbers of the schedule.
    pub fn core(&self, core: &Core) -> Core {
        let mut core = *core;
        core.reduction_unroll = self.unroll.unwrap_or(core.reduction_unroll);
        core.elementwise_unroll = self.side_by_side.unwrap_or(core.elementwise_unroll);
        if let Some(distance) = self.prefetch {
            (core.prefetches, core.prefetched_elements) = (distance > 0, distance);
        }
        core
    }

    /// What tells the schedule from others of its kernel, as text.
    pub fn key(&self) -> String {
        // Numbers and lists of them always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks a schedule that is given for a group, and adds what follows from it.
    ///
    /// # Errors
    ///
    /// Where the schedule does not fit the group; the message continues the words `the schedule of
    /// kernel 'NAME'`.
    pub fn complete(
        mut self,
        group: &Group,
        core: &Core,
        constants: &Constants,
    ) -> Result<Self, String> {
        let root = &group.root;
        for (name, count) in [("unroll", self.unroll), ("side_by_side", self.side_by_side)] {
            if count.is_some_and(|count| !UNROLLS.contains(&count)) {
                return Err(format!("needs '{name}' to be one of {UNROLLS:?}"));
            }
        }
        if self.prefetch.is_some_and(|distance| !(0..=MAX_PREFETCH).contains(&distance)) {
            return Err(format!("needs 'prefetch' from 0 to {MAX_PREFETCH}"));
        }
        let core = &self.core(core);
        let mut sorted = self.order.clone();
        sorted.sort_unstable();
        let Some(vector) = self.vector.filter(|&vector| vector < root.parallel) else {
            return match (root.parallel, self.vector) {
                // A single element leaves nothing to choose.
                (0, None) => Ok(choose(group, core, constants)),
                (0, Some(_)) => Err("is for a single element, which has no 'vector'".into()),
                _ => Err(format!("needs a 'vector' below {}", root.parallel)),
            };
        };
        if sorted != (0..root.parallel).collect::<Vec<_>>() {
            return Err(format!("needs each dimension below {} once in 'order'", root.parallel));
        }
        let mut tiled = [Some(vector), self.row].into_iter().flatten();
        if let Some(dim) = tiled.find(|tiled| dims_of_tiles(group).all(|dim| dim != *tiled)) {
            return Err(format!(
                "has dimension {dim} as 'vector' or 'row', along which strips differ"
            ));
        }
        if self.row == Some(vector) || self.row.is_some_and(|row| self.order.last() != Some(&row)) {
            return Err("needs a 'row' that is not 'vector' and stands last in 'order'".into());
        }
        let model = Model::new(group, core, constants, vector, self.row);
        let (rows, vectors) = model.largest_tile();
        if !(1..=rows).contains(&self.rows) || !(1..=vectors).contains(&self.vectors) {
            return Err(format!("needs 'rows' from 1 to {rows} and 'vectors' from 1 to {vectors}"));
        }
        if !model.possible_splits().contains(&self.splits) {
            return Err(format!("needs 'splits' to be one of {:?}", model.possible_splits()));
        }
        if self.window && model.window(self.rows).is_none() {
            return Err("has a 'window', but no rows that share what they read".into());
        }
        if !model.possible_ahead().contains(&self.ahead) {
            return Err(format!("needs 'ahead' to be one of {:?}", model.possible_ahead()));
        }
        self.scratch = match &self.block {
            None => model.scratch(self.rows, self.vectors),
            Some(block) => {
                let dims = 1..=self.order.len();
                let inner = || &self.order[self.order.len() - block.dims..];
                if self.row.is_none() || !dims.contains(&block.dims) || inner().contains(&vector) {
                    return Err("needs a 'block' of loops with 'row' but without 'vector'".into());
                }
                if self.splits > 1 || parts(root.reduction_sizes(), block.steps).is_none() {
                    return Err("needs a 'block' of 'steps' that split the reduction into equal \
                                parts, and 1 in 'splits'"
                        .into());
                }
                model.block_sums(self.vectors, inner())
            }
        };
        let choice = self.choice();
        self.cost = model.cost(choice, self.block.as_ref()).unwrap_or(f64::INFINITY);
        Ok(self)
    }

    fn choice(&self) -> Choice {
        Choice {
            rows: self.rows,
            vectors: self.vectors,
            splits: self.splits,
            window: self.window,
            ahead: self.ahead,
            precompute: self.precompute,
        }
    }

    /// The cost of bringing the weights of a group to the first-level cache once, which is
    /// the same for most of its schedules and no part of theirs.
    pub fn cost_of_weights(&self, group: &Group, core: &Core, constants: &Constants) -> f64 {
        let Some(vector) = self.vector else { return 0.0 };
        let model = Model::new(group, core, constants, vector, self.row);
        model.cost_of_weights(self.choice())
    }

    /// The tiles along a parallel dimension of a size.
    pub fn tiles(&self, dim: usize, size: i64, core: &Core) -> Vec<Run> {
        match (self.vector == Some(dim), self.row == Some(dim)) {
            (true, _) => runs(size, self.vectors, core.lanes),
            (_, true) => runs(size, self.rows, 1),
            _ => runs(size, 1, 1),
        }
    }

    /// The loop whose tiles `tasks` tasks share most evenly, which becomes the outermost
    /// one or is that of the block, and how many tasks get any; `None` where there is
    /// nothing to share.
    pub fn share(&mut self, sizes: &[i64], core: &Core, tasks: i64) -> Option<(Shared, i64)> {
        let outer = self.order.len() - self.block.as_ref().map_or(0, |block| block.dims);
        let tiles = |dim: usize| {
            let runs = self.tiles(dim, sizes[dim], core);
            (runs[0].length, runs.iter().map(|run| run.count).sum::<i64>())
        };
        let of_one = |dim: usize| (tiles(dim).1 + tasks - 1) / tasks;
        let largest_share = |&place: &usize| {
            let dim = self.order[place];
            // In thousandths of the whole, so that a later loop must win clearly.
            (of_one(dim) * tiles(dim).0).min(sizes[dim]) * 1000 / sizes[dim]
        };
        let last = if self.block.is_some() { outer + 1 } else { outer };
        let place = (0..last).min_by_key(largest_share)?;
        let dim = self.order[place];
        let shares = (tiles(dim).1 + of_one(dim) - 1) / of_one(dim);
        let shared = match place < outer {
            true => Shared::Outermost,
            false => Shared::Block,
        };
        if shared == Shared::Outermost {
            let dim = self.order.remove(place);
            self.order.insert(0, dim);
        }
        (shares > 1).then_some((shared, shares))
    }
}

/// The loop of a kernel that tasks share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The outermost.
    Outermost,
    /// The outermost of the block.
    Block,
}
