//! Schedules: which dimension becomes vectors, which becomes rows of a register
//! tile, and how large the tile is.
//!
//! An analytic model compares the candidates. It counts, for one step of the
//! reduction on one tile, the arithmetic, the loads and the latency of the
//! accumulation, takes the largest, and adds what is done once per tile.

use std::{collections::HashSet, ops::Range};

use gauss_dialect::ir::{Op, Value};
use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    group::{Group, parts},
    nest::{Access, Nest},
    pack::Constants,
    tiling::{Run, runs},
};
use crate::target::Core;

/// How a group is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The parallel dimension whose neighbours are the lanes of a vector; none
    /// where there is no parallel dimension.
    pub vector: Option<usize>,
    /// The parallel dimension whose neighbours share what the vectors load.
    pub row: Option<usize>,
    /// Rows of the largest tile.
    pub rows: i64,
    /// Vectors of the largest tile.
    pub vectors: i64,
    /// Sets of accumulators that take the steps of a sum in turn, where one set
    /// would wait for its own results.
    pub splits: i64,
    /// Is what rows share with each other, as those of a convolution do, loaded once for
    /// the steps that are written out?
    #[serde(default)]
    pub window: bool,
    /// Steps of the innermost reduction that are loaded together, before the first of
    /// them is computed; 0 where the compiler decides.
    #[serde(default)]
    pub ahead: i64,
    /// The parallel dimensions, outermost loop first.
    pub order: Vec<usize>,
    /// Are products of constants computed at compile time and loaded, rather than
    /// computed from what is loaded?
    pub precompute: bool,
    /// Parts of the reduction that are done for many tiles in turn.
    pub block: Option<Block>,
    /// Elements that sums take in memory: those of a block, or of a tile whose
    /// epilogue goes through its rows one by one; 0 where all are in registers.
    #[serde(skip)]
    pub scratch: i64,
    /// Cycles of the group by the model, up to a constant factor.
    #[serde(skip)]
    pub cost: f64,
}

/// A part of a reduction, for the tiles of the innermost loops.
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

/// Consecutive lanes that one vector holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The first lane, counted from the start of the tile.
    pub offset: i64,
    /// Lanes with a meaning.
    pub count: i64,
    /// Lanes of the vector, a power of two.
    pub width: i64,
}

/// The vectors that cover `size` neighbours: full ones, then one that may be
/// narrower and only partly used.
pub fn chunks(size: i64, lanes: i64) -> Vec<Chunk> {
    let full = (0..size / lanes).map(|i| Chunk { offset: i * lanes, count: lanes, width: lanes });
    let rest = size % lanes;
    let last = (rest > 0).then(|| Chunk {
        offset: size - rest,
        count: rest,
        width: (rest as u64).next_power_of_two() as i64,
    });
    full.chain(last).collect()
}

/// As [`chunks`], for a reduction, where one or two lanes of more would take a register
/// too, but share nothing that is broadcast to four.
pub fn chunks_of_sums(size: i64, lanes: i64) -> Vec<Chunk> {
    let mut chunks = chunks(size, lanes);
    if let Some(last) = chunks.last_mut().filter(|_| size > 1) {
        last.width = last.width.max(lanes.min(4));
    }
    chunks
}

/// Lanes that a list of chunks occupies.
pub fn padded_width(chunks: &[Chunk]) -> i64 {
    chunks.iter().map(|chunk| chunk.width).sum()
}

/// A number as the sum of powers of two up to `most`, which is one: `(start, length)`.
pub fn powers(count: i64, most: i64) -> Vec<(i64, i64)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut length = most;
    while start < count {
        while length > count - start {
            length /= 2;
        }
        parts.push((start, length));
        start += length;
    }
    parts
}

/// How many [`powers`] a number has.
fn count_of_powers(count: i64, most: i64) -> i64 {
    count / most + i64::from((count % most).count_ones())
}

/// Neighbouring elements that rows of a tile share: what one row reads in a step, the
/// next one has read in an earlier step, as the rows of a convolution do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From a row to the next.
    pub stride: i64,
    /// All that the rows read.
    pub size: i64,
}

impl Window {
    /// The window of so many rows and steps of the innermost reduction, where it takes
    /// fewer loads than each row for itself.
    pub fn of(
        access: &Access,
        row: Option<usize>,
        rows: i64,
        steps: i64,
        core: &Core,
    ) -> Option<Self> {
        let stride = access.strides[row?];
        let size = (rows - 1) * stride + steps;
        let most = if core.lane_loads { core.lanes } else { 1 };
        let is_contiguous = stride > 0 && access.strides.last() == Some(&1);
        let loads = |count| count_of_powers(count, most);
        (is_contiguous && loads(size) < rows * loads(steps)).then_some(Self { stride, size })
    }
}

/// Elements that rows read in so many steps of a reduction, with strides along both: how many
/// wait between two steps at most, because one of the steps after reads them again, and how many
/// there are.
fn sharing(rows: i64, steps: i64, strides: (i64, i64)) -> (i64, i64) {
    let read = |step| (0..rows).map(move |row| row * strides.0 + step * strides.1);
    let all = |steps: Range<i64>| steps.flat_map(read).collect::<HashSet<_>>();
    let waiting = |step| all(0..step).intersection(&all(step..steps)).count();
    let most = (1..steps).map(waiting).max().unwrap_or(0);
    (most as i64, all(0..steps).len() as i64)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What loops touch, each a stride and a number of trips: elements of the lines of the cache, and
/// pages.
fn touched(mut loops: Vec<(i64, i64)>) -> [i64; 2] {
    loops.retain(|(stride, _)| *stride > 0);
    loops.sort_unstable();
    [CACHE_LINE, PAGE].map(|unit| {
        // Pieces at one distance from each other, elements at first, and what all of them touch.
        let (mut distance, mut pieces, mut touched) = (1, 1, 1);
        let whole = |distance, pieces: i64| match distance {
            1 if unit == PAGE => (pieces + PAGE - 1) / PAGE,
            1 => pieces.max(unit),
            _ => pieces,
        };
        for &(stride, trips) in &loops {
            if stride < distance * pieces || (distance == 1 && stride < unit) {
                pieces += (trips - 1) * stride / distance;
            } else {
                touched *= whole(distance, pieces);
                (distance, pieces) = (stride, trips);
            }
        }
        touched * whole(distance, pieces)
    })
}

/// Elements of a line of the cache.
pub const CACHE_LINE: i64 = 16;

/// Elements of a page of memory.
const PAGE: i64 = 1024;

/// Sets of the first-level cache, as of one of 32 KiB with 8 ways, and lines in each.
const CACHE_SETS: i64 = 64;
const CACHE_WAYS: i64 = 8;

/// Up to this stride neighbours are loaded together and taken apart.
pub const MAX_INTERLEAVE: i64 = 4;

/// The innermost reduction is written out up to this trip count.
const FULL_UNROLL: i64 = 8;

/// Steps of the innermost reduction that are written out.
pub fn unrolled_steps(reductions: &[i64], core: &Core) -> i64 {
    match reductions.last() {
        Some(&size) if size > FULL_UNROLL => core.reduction_unroll,
        size => size.copied().unwrap_or(1),
    }
}

/// Uses of a weight from which on it is found in a near cache.
const ENOUGH_USES: i64 = 10;

/// Registers that an epilogue needs for its own values, and the cost from which on
/// it needs so many.
const EPILOGUE_REGISTERS: i64 = 12;
const LONG_EPILOGUE: i64 = 16;

/// What a hidden load costs more, in cycles, for a line of the second-level cache.
const HIDDEN_FAR_LOAD: f64 = 0.04;

/// How much slower than from the second-level cache weights come from beyond it.
const BEYOND: f64 = 3.0;

/// How much slower lines come from the second-level cache where they lie in more pages than a
/// core remembers the addresses of, and how many these are.
const SCATTERED: i64 = 3;
const REMEMBERED_PAGES: i64 = 64;

/// The cost in cycles of a vector of sums that is loaded and stored for a part of the
/// reduction, and of the end of a part, where the loop's branch is mispredicted and the
/// pipelines run empty.
const MOVED_SUM: f64 = 1.5;
const NEW_PART: f64 = 30.0;

/// The cost in cycles of the end of a run of equal tiles, and of code for another size of
/// tiles, which must be fetched.
const NEW_RUN: f64 = 15.0;
const NEW_BODY: f64 = 500.0;

/// Relative cost of the slow operations, in units of one addition.
const SLOW_OPS: [(&str, i64); 7] = [
    ("arith.divf", 8),
    ("math.sqrt", 10),
    ("math.exp", 14),
    ("math.log", 20),
    ("math.erf", 20),
    ("math.sin", 20),
    ("math.cos", 20),
];

/// The cheapest schedule of a group.
pub fn choose(group: &Group, core: &Core, constants: &Constants) -> Schedule {
    let root = &group.root;
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
        scratch: 0,
        cost: f64::INFINITY,
    };
    let (mut best, mut least) = (none, f64::INFINITY);
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
                                let cost = model.cost(choice, block.as_ref());
                                let Some(cost) = cost else { continue };
                                let with_code = cost + model.cost_of_code(choice);
                                if with_code < least {
                                    least = with_code;
                                    best = Schedule { cost, ..model.schedule(choice, block) };
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    match best.vector {
        // A single element is no work worth counting.
        None => Schedule { cost: 0.0, ..best },
        Some(_) => best,
    }
}

/// The dimensions of which a tile may have several steps.
fn dims_of_tiles(group: &Group) -> impl Iterator<Item = usize> {
    (0..group.root.parallel).filter(|&dim| group.uneven.is_none_or(|uneven| uneven.dim != dim))
}

impl Schedule {
    /// Checks a schedule that is given for a group, and adds what follows from it.
    pub fn complete(
        mut self,
        group: &Group,
        core: &Core,
        constants: &Constants,
    ) -> Result<Self, String> {
        let root = &group.root;
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
        let choice = self.choice();
        let bytes = model.bytes_of_weights(choice);
        match bytes as f64 / core.l2_rate() {
            _ if bytes <= core.l1_bytes * 2 / 3 => 0.0,
            cycles if bytes <= core.l2_bytes => cycles,
            cycles => cycles * BEYOND,
        }
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

/// What is left to choose once the dimensions are chosen; as in [`Schedule`].
#[derive(Debug, Clone, Copy)]
struct Choice {
    rows: i64,
    vectors: i64,
    splits: i64,
    window: bool,
    ahead: i64,
    precompute: bool,
}

/// What one choice of dimensions costs.
struct Model<'a> {
    group: &'a Group,
    core: &'a Core,
    constants: &'a Constants,
    vector: usize,
    row: Option<usize>,
    body: Body<'a>,
}

impl<'a> Model<'a> {
    fn new(
        group: &'a Group,
        core: &'a Core,
        constants: &'a Constants,
        vector: usize,
        row: Option<usize>,
    ) -> Self {
        let body = Body::new(&group.root, Some(vector), row);
        Self { group, core, constants, vector, row, body }
    }

    fn root(&self) -> &Nest {
        &self.group.root
    }

    fn largest_tile(&self) -> (i64, i64) {
        let vectors = chunks(self.root().sizes[self.vector], self.core.lanes).len() as i64;
        match self.root().is_elementwise() {
            true => (1, vectors.min(self.core.elementwise_unroll)),
            false => {
                let rows = self.row.map_or(1, |row| self.root().sizes[row]);
                (rows.min(self.core.max_rows), vectors.min(self.core.max_vectors))
            }
        }
    }

    /// Only a sum can be split, and only along the steps that are written out.
    fn possible_splits(&self) -> &'static [i64] {
        let innermost = self.root().reduction_sizes().last().copied().unwrap_or(1);
        match self.body.is_sum() && innermost >= self.core.reduction_unroll {
            true => &[1, 2, 4],
            false => &[1],
        }
    }

    /// What is left to choose for a tile.
    fn choices(&self, rows: i64, vectors: i64, splits: i64) -> Vec<Choice> {
        let windows = match (self.window(rows), self.core.lane_loads) {
            (None, _) => &[false][..],
            // The compiler merges loads of the same number, asked or not.
            (Some(_), false) => &[true],
            (Some(_), true) => &[true, false],
        };
        let mut choices = Vec::new();
        for &precompute in self.possible_precompute(rows) {
            for &window in windows {
                for ahead in self.possible_ahead() {
                    choices.push(Choice { rows, vectors, splits, window, ahead, precompute });
                }
            }
        }
        choices
    }

    /// On a core that starts instructions in order, a bunch of loads stands before what is
    /// computed from it, unless each cell reads for itself.
    fn possible_ahead(&self) -> Vec<i64> {
        let root = self.root();
        match self.core.load_stall > 0 && !root.is_elementwise() && !self.body.reads_by_cell() {
            true => {
                let steps = unrolled_steps(root.reduction_sizes(), self.core);
                [1, 2, 4].into_iter().filter(|&ahead| ahead <= steps).collect()
            }
            false => vec![0],
        }
    }

    fn is_packed(&self, input: &Access) -> bool {
        !self.root().is_elementwise()
            && self.constants.values(input.root).is_some()
            && input.depends_on(self.vector) != self.row.is_some_and(|row| input.depends_on(row))
    }

    /// Loads that one vector of an access takes.
    fn vector_loads(&self, access: &Access) -> f64 {
        // A vector that is as long as a line of the cache lies in two of them.
        let lines = if self.core.lanes < CACHE_LINE { 1 } else { 2 };
        match access.strides[self.vector] {
            0 | 1 => 1.0,
            _ if self.is_packed(access) => 1.0,
            stride @ 2..=MAX_INTERLEAVE => (stride * lines + 1) as f64,
            _ => 2.0 * self.core.lanes as f64,
        }
    }

    /// The cost in cycles of storing one vector to an access, beside so many others of a tile.
    fn vector_stores(&self, access: &Access, others: i64) -> f64 {
        let lanes = self.core.lanes;
        let stride = access.strides[self.vector];
        // Lines at these distances are in as many sets of the cache.
        let sets = match stride % CACHE_LINE {
            0 => CACHE_SETS / gcd(stride / CACHE_LINE, CACHE_SETS),
            _ => CACHE_SETS,
        };
        match stride {
            0 | 1 => 1.0,
            // The rows of a tile are neighbours in its lines, where these stay in the cache.
            _ if self.row.is_some() && lanes * others <= sets * CACHE_WAYS => lanes as f64,
            _ => 2.0 * lanes as f64,
        }
    }

    /// Cycles for the whole group, up to a constant factor; `None` where the tile
    /// does not fit the registers.
    fn cost(&self, choice: Choice, block: Option<&Block>) -> Option<f64> {
        let Choice { rows, vectors, splits, window, ahead, precompute } = choice;
        let root = self.root();
        let counts = self.body.counts();
        let outputs = root.outputs.len() as i64;
        if !root.is_elementwise() {
            let of_vector = match ahead {
                // A term at a time: its operands, and what they are computed from.
                0 => 1 + i64::from(self.ops_of_vector(precompute).computed > 0),
                _ => {
                    let (inputs, packed) = self.members(precompute);
                    // What is computed takes the place of what it is computed from, unless
                    // that is an input: its squares are used after it.
                    let computed =
                        i64::from(inputs > 0 && self.ops_of_vector(precompute).computed > 0);
                    (inputs + packed) * ahead + computed
                }
            };
            let of_row = match self.loads_of_rows(rows, window) {
                RowLoads { held: Some(vectors), of_each_step: true, .. } => {
                    counts.values_of_row * vectors * ahead.max(1)
                }
                RowLoads { held: Some(vectors), .. } => counts.values_of_row * vectors,
                RowLoads { held: None, .. } => 1 + i64::from(counts.ops_of_row > 0),
            };
            let used = outputs * rows * vectors * splits
                + of_vector * vectors
                + of_row
                + self.loads_ahead(vectors);
            // One vector is computed wherever it is kept.
            let is_least = rows * vectors * splits == 1 && ahead <= 1 && !window;
            if used > self.core.vector_registers - self.core.spare_registers && !is_least {
                return None;
            }
        }
        let lanes = self.core.lanes;
        let depth = root.reduction_sizes().iter().product::<i64>() as f64;
        let [along_vector, along_row] = self.runs(choice);
        let others: i64 = (0..root.parallel)
            .filter(|&dim| dim != self.vector && Some(dim) != self.row)
            .map(|dim| root.sizes[dim])
            .product();
        let [loads_of_vector, loads_of_row, loads_of_cell] = self.loads();
        let of_vector = self.ops_of_vector(precompute);
        let loads_of_vector = loads_of_vector + of_vector.loaded as f64;
        let per_element = self.per_element(vectors);
        let parts = self.parts(block) as f64;
        let far_bytes = self.far_bytes(choice, block);
        // Weights from beyond the next cache are no more bytes in this one.
        let all_far = self.far_bytes_of_inputs(choice, block)
            + far_bytes.min(self.bytes_of_step(choice) as f64);
        let mut total = 0.0;
        for of_vector_run in &along_vector {
            let chunks = chunks(of_vector_run.length, lanes).len() as f64;
            for of_row_run in &along_row {
                let of_rows = self.loads_of_rows(of_row_run.length, window).loads;
                let rows = of_row_run.length as f64;
                let count = (of_vector_run.count * of_row_run.count) as f64;
                // In lanes, several are computed at once too.
                let ops_of_rows = if self.core.lane_loads { of_rows } else { rows };
                let tile = rows * chunks;
                let arithmetic = counts.ops_of_both as f64 * tile
                    + of_vector.computed as f64 * chunks
                    + counts.ops_of_row as f64 * ops_of_rows;
                let loads =
                    loads_of_vector * chunks + loads_of_row * of_rows + loads_of_cell * tile;
                let latency = (counts.chain * self.core.fma_latency) as f64 / splits as f64;
                let part = chunks / vectors as f64;
                let far = far_bytes * part;
                let step = (arithmetic / self.core.fma_ports as f64)
                    .max((arithmetic + loads) / self.core.issue_width as f64)
                    .max(loads / self.core.load_ports as f64)
                    .max(far.max(all_far * part) / self.core.l2_rate())
                    .max(if root.is_elementwise() { 0.0 } else { latency });
                // Loop control and the first loads of a step are not free; nor is a load
                // that hides behind arithmetic.
                let sums = outputs as f64 * tile;
                let joins = (splits - 1) as f64 * sums;
                let hidden_load = self.core.hidden_load as f64 / 100.0;
                let hidden = match (ahead, self.core.load_stall as f64) {
                    (0, stall) => loads * (hidden_load + stall) + far / 64.0 * HIDDEN_FAR_LOAD,
                    // Nothing else is done while a bunch is loaded.
                    (_, stall) => loads + stall / ahead as f64,
                };
                let of_sums = depth * (step + hidden + 0.5) + per_element * tile + joins + 2.0;
                total += count * (of_sums + parts * (sums * MOVED_SUM + NEW_PART));
                total += of_vector_run.count as f64 * NEW_RUN;
            }
        }
        Some(total * others as f64)
    }

    /// The tiles along the vector dimension and along the rows.
    fn runs(&self, choice: Choice) -> [Vec<Run>; 2] {
        let sizes = &self.root().sizes;
        let rows = self.row.map_or(1, |row| sizes[row]);
        [runs(sizes[self.vector], choice.vectors, self.core.lanes), runs(rows, choice.rows, 1)]
    }

    /// What the code for each size of tiles costs, once for all strips.
    fn cost_of_code(&self, choice: Choice) -> f64 {
        let [along_vector, along_row] = self.runs(choice);
        (along_vector.len() * along_row.len()) as f64 * NEW_BODY
    }

    /// How a value of each row is loaded.
    fn loads_of_rows(&self, rows: i64, window: bool) -> RowLoads {
        let Core { lanes, lane_loads, .. } = *self.core;
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        let of_step = |loads: i64| loads as f64 / steps as f64;
        let of_steps = |held, loads| RowLoads { held, of_each_step: false, loads };
        match (self.window(rows).filter(|_| window), lane_loads) {
            (Some(window), true) => {
                let vectors = count_of_powers(window.size, lanes);
                of_steps(Some(vectors), of_step(vectors))
            }
            (_, false) => self.scalars_of_rows(rows),
            (None, true) if self.has_packed_rows() || self.has_neighbouring_rows() => RowLoads {
                held: Some((rows + lanes - 1) / lanes),
                of_each_step: true,
                loads: count_of_powers(rows, lanes) as f64,
            },
            (None, true) if self.has_neighbouring_steps() => {
                of_steps(Some(rows), of_step(rows * count_of_powers(steps, lanes)))
            }
            (None, true) => RowLoads { held: Some(rows), of_each_step: true, loads: rows as f64 },
        }
    }

    /// How scalars for rows are loaded: once, where several rows read one in several steps.
    fn scalars_of_rows(&self, rows: i64) -> RowLoads {
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        let shared = self.shared_inputs().filter(|input| !self.is_packed(input));
        let sharing = shared.filter_map(|input| {
            let strides = (input.strides[self.row?], *input.strides.last()?);
            Some(sharing(rows, steps, strides))
        });
        let (waiting, loads) = sharing.max().unwrap_or((0, rows * steps));
        RowLoads {
            // Each row holds the element of its step.
            held: (waiting > 0).then_some(waiting.max(rows)),
            of_each_step: false,
            loads: loads as f64 / steps as f64,
        }
    }

    /// The inputs that all lanes of a vector share.
    fn shared_inputs(&self) -> impl Iterator<Item = &Access> {
        self.root().inputs.iter().filter(|input| !input.depends_on(self.vector))
    }

    /// Are steps that are written out neighbours in what the rows read?
    fn has_neighbouring_steps(&self) -> bool {
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        steps > 1 && self.shared_inputs().all(|input| input.strides.last() == Some(&1))
    }

    /// Are rows, and not steps, neighbours in what they read?
    fn has_neighbouring_rows(&self) -> bool {
        let is_next = |row: usize| self.shared_inputs().all(|input| input.strides[row] == 1);
        self.row.is_some_and(is_next) && !self.has_neighbouring_steps()
    }

    /// What so many rows share.
    fn window(&self, rows: i64) -> Option<Window> {
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        self.shared_inputs().find_map(|input| Window::of(input, self.row, rows, steps, self.core))
    }

    /// Loads per vector, per row and per vector of each row, of one step.
    fn loads(&self) -> [f64; 3] {
        let mut loads = [0.0; 3];
        for input in &self.root().inputs {
            let of_row = self.row.is_some_and(|row| input.depends_on(row));
            match (input.depends_on(self.vector), of_row) {
                (true, false) => loads[0] += self.vector_loads(input),
                (false, _) => loads[1] += 1.0,
                (true, true) => loads[2] += self.vector_loads(input),
            }
        }
        loads
    }

    /// What is done once per vector of results: stores and the epilogue.
    fn per_element(&self, vectors: i64) -> f64 {
        let outputs = self.group.members().flat_map(|nest| &nest.outputs);
        let stored: Vec<_> = outputs.filter(|out| self.group.keeps(out.root)).collect();
        let others = vectors * stored.len() as i64;
        let stores: f64 = stored.into_iter().map(|out| self.vector_stores(out, others)).sum();
        let arithmetic: i64 = self.group.epilogue.iter().map(ops_cost).sum();
        stores + arithmetic as f64 / self.core.fma_ports as f64
    }

    /// Registers for vectors that the compiler loads before their turn: those of inputs
    /// that are not packed, and the parts of vectors that are put together.
    fn loads_ahead(&self, vectors: i64) -> i64 {
        let inputs = self
            .root()
            .inputs
            .iter()
            .filter(|input| input.depends_on(self.vector) && !self.is_packed(input));
        let (mut ahead, mut parts) = (-1, 0);
        for input in inputs {
            ahead += 1;
            parts = parts.max(if input.strides[self.vector] > 1 { 2 } else { 0 });
        }
        (ahead.max(0) + parts) * vectors
    }

    /// Memory for the sums, where the epilogue is long and they would be in its way.
    fn scratch(&self, rows: i64, vectors: i64) -> i64 {
        let epilogue: i64 = self.group.epilogue.iter().map(ops_cost).sum();
        let sums = self.root().outputs.len() as i64 * rows * vectors;
        // A long epilogue has two numbers for each of them, mean and variance.
        let is_tight = 2 * rows * vectors + EPILOGUE_REGISTERS > self.core.vector_registers;
        let wanted = rows > 1 && epilogue > LONG_EPILOGUE && is_tight;
        if wanted { sums * self.core.lanes } else { 0 }
    }

    /// The operations of the vector dimension alone, in each step and at compile time.
    fn ops_of_vector(&self, precompute: bool) -> OpsOfVector {
        let all = self.body.counts().ops_of_vector;
        if !precompute {
            return OpsOfVector { computed: all, loaded: 0 };
        }
        let inputs = &self.root().inputs;
        let ops = self.body.constant_ops(|number| self.is_packed(&inputs[number]));
        let of_vector = |op: &&Op| self.body.dependence_of(**op) == Some((true, false));
        let loaded = ops.iter().filter(of_vector).count() as i64;
        OpsOfVector { computed: all - loaded, loaded }
    }

    /// Are there constants on the side of the rows?
    fn has_packed_rows(&self) -> bool {
        let mut packed = self.root().inputs.iter().filter(|input| self.is_packed(input));
        packed.any(|input| !input.depends_on(self.vector))
    }

    /// How many results a packed weight is read for.
    fn uses(&self) -> i64 {
        let root = self.root();
        let packed = || root.inputs.iter().filter(|input| self.is_packed(input));
        let in_strip: i64 = (0..root.parallel)
            .filter(|&dim| !packed().any(|input| input.depends_on(dim)))
            .map(|dim| root.sizes[dim])
            .product();
        in_strip * self.group.strips
    }

    /// May, or must, products of constants be loaded rather than computed in each step?
    fn possible_precompute(&self, rows: i64) -> &'static [bool] {
        let mut packed = self.root().inputs.iter().filter(|input| self.is_packed(input));
        let of_vector = packed.any(|input| input.depends_on(self.vector));
        let may = of_vector && rows <= self.core.computed_rows && self.uses() >= ENOUGH_USES;
        match (self.has_packed_rows(), may) {
            (false, false) => &[false],
            // What is computed takes registers that few cores have to spare.
            (false, true) if self.core.vector_registers > 16 => &[true, false],
            _ => &[true],
        }
    }

    fn schedule(&self, choice: Choice, block: Option<Block>) -> Schedule {
        let Choice { rows, vectors, splits, window, ahead, precompute } = choice;
        let order = self.order();
        let scratch = match &block {
            Some(block) => self.block_sums(vectors, &order[order.len() - block.dims..]),
            None => self.scratch(rows, vectors),
        };
        Schedule {
            vector: Some(self.vector),
            row: self.row,
            rows,
            vectors,
            splits,
            window,
            ahead,
            order,
            precompute,
            block,
            scratch,
            cost: 0.0,
        }
    }

    /// The parallel dimensions, outermost loop first.
    fn order(&self) -> Vec<usize> {
        let root = self.root();
        let packed = |input: &&Access| self.is_packed(input);
        let weight_of_vector =
            root.inputs.iter().filter(packed).any(|input| input.depends_on(self.vector));
        let mut order: Vec<_> =
            (0..root.parallel).filter(|&dim| dim != self.vector && Some(dim) != self.row).collect();
        // Where everything that is read changes, as from one group of channels to the next,
        // there is nothing to keep.
        let is_apart = |dim: &usize| root.inputs.iter().all(|input| input.depends_on(*dim));
        // The loop of a strip's steps stays around what those do alike.
        let is_uneven = |dim: &usize| self.group.uneven.is_some_and(|uneven| uneven.dim == *dim);
        order.sort_by_key(|dim| (!is_apart(dim), !is_uneven(dim)));
        let apart = order.partition_point(is_apart);
        // A panel of weights stays in the cache while all that meets it passes by.
        order.insert(if weight_of_vector { apart } else { order.len() }, self.vector);
        order.extend(self.row);
        order
    }

    /// How many times a tile takes its sums from memory and puts them back.
    fn parts(&self, block: Option<&Block>) -> i64 {
        let sizes = self.root().reduction_sizes();
        match block.and_then(|block| parts(sizes, block.steps)) {
            Some((dim, part)) => sizes[..=dim].iter().product::<i64>() / part,
            None => 0,
        }
    }

    /// The sums of all tiles of some loops.
    fn block_sums(&self, vectors: i64, dims: &[usize]) -> i64 {
        let root = self.root();
        let rows: i64 = dims.iter().map(|&dim| root.sizes[dim]).product();
        rows * root.outputs.len() as i64 * vectors * self.core.lanes
    }

    /// The blocks to try, `None` being none.
    fn possible_blocks(&self, choice: Choice) -> Vec<Option<Block>> {
        match self.block(choice, &self.order()) {
            None => vec![None],
            Some(block) if self.is_near_enough(choice) => vec![None, Some(block)],
            block => vec![block],
        }
    }

    /// Values that each vector of a tile loads in a step: of inputs as they are, and
    /// packed ones.
    fn members(&self, precompute: bool) -> (i64, i64) {
        let inputs = || self.root().inputs.iter().filter(|input| input.depends_on(self.vector));
        let packed = inputs().filter(|input| self.is_packed(input)).count();
        let others = inputs().count() - packed;
        (others as i64, packed as i64 + self.ops_of_vector(precompute).loaded)
    }

    /// Bytes of the weights that one step of the largest tile reads.
    fn bytes_of_step(&self, choice: Choice) -> i64 {
        self.members(choice.precompute).1 * choice.vectors * self.core.lanes * 4
    }

    /// Bytes of the weights that all steps of the largest tile read.
    fn bytes_of_panel(&self, choice: Choice) -> i64 {
        self.bytes_of_step(choice) * self.root().reduction_sizes().iter().product::<i64>()
    }

    /// Bytes of all weights that are read by vectors.
    fn bytes_of_weights(&self, choice: Choice) -> i64 {
        let root = self.root();
        let mut packed = root.inputs.iter().filter(|input| self.is_packed(input));
        let Some(weight) = packed.find(|input| input.depends_on(self.vector)) else { return 0 };
        let others: i64 = (0..root.parallel)
            .filter(|&dim| dim != self.vector && weight.depends_on(dim))
            .map(|dim| root.sizes[dim])
            .product();
        let panel = choice.vectors * self.core.lanes;
        let panels = (root.sizes[self.vector] + panel - 1) / panel;
        self.bytes_of_panel(choice) * panels * others
    }

    /// Bytes of weights that stay in the first-level cache beside all else: beside those
    /// of the next part, where they are asked for.
    fn near_bytes(&self, choice: Choice) -> i64 {
        let is_prefetched =
            self.core.prefetches && self.bytes_of_weights(choice) > self.core.l2_bytes;
        self.core.l1_bytes * if is_prefetched { 9 } else { 16 } / 24
    }

    fn exceeds_nearest(&self, choice: Choice) -> bool {
        self.bytes_of_panel(choice) >= 2 * self.near_bytes(choice)
    }

    /// May the weights come from the second-level cache, step by step?
    fn is_near_enough(&self, choice: Choice) -> bool {
        self.core.l2_rate > 0 && self.bytes_of_weights(choice) <= self.core.l2_bytes
    }

    /// Bytes of weights that a step reads from the second-level cache, those from beyond
    /// counted for as many as they take the time of.
    fn far_bytes(&self, choice: Choice, block: Option<&Block>) -> f64 {
        // What is used once comes from afar in any tile.
        let is_far = block.is_none()
            && self.core.l2_rate > 0
            && self.uses() > 1
            && self.exceeds_nearest(choice);
        let bytes = self.bytes_of_step(choice) as f64;
        match (is_far, self.is_near_enough(choice)) {
            (true, true) => bytes,
            (true, false) => bytes * BEYOND,
            (false, _) => 0.0,
        }
    }

    /// Bytes of the lines of inputs that are not packed which a step reads, where a tile reads
    /// more of them than the first-level cache holds and from more pages than the core remembers,
    /// counted for as many as they take the time of. Others come before their turn.
    fn far_bytes_of_inputs(&self, choice: Choice, block: Option<&Block>) -> f64 {
        let root = self.root();
        let lanes = (choice.vectors * self.core.lanes).min(root.sizes[self.vector]);
        let of_input = |input: &Access| {
            let of_vector = (input.strides[self.vector], lanes);
            let of_row = self.row.map(|row| (input.strides[row], choice.rows));
            let strides = input.strides[root.parallel..].iter().copied();
            let reductions = strides.zip(root.reduction_sizes().iter().copied());
            touched(reductions.chain([of_vector]).chain(of_row).collect())
        };
        let inputs = root.inputs.iter().filter(|input| !self.is_packed(input)).map(of_input);
        let [elements, pages] = inputs.fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
        let weights = if block.is_some() { 0 } else { self.bytes_of_panel(choice) };
        let is_far = elements * 4 + weights > self.core.l1_bytes * 2 / 3;
        match is_far && pages > REMEMBERED_PAGES && !root.is_elementwise() {
            true => {
                let depth = root.reduction_sizes().iter().product::<i64>();
                (elements * 4 * SCATTERED) as f64 / depth as f64
            }
            false => 0.0,
        }
    }

    /// Parts of the reduction whose weights stay in the first-level cache while the
    /// tiles of the innermost loops pass by, where there are enough of both.
    fn block(&self, choice: Choice, order: &[usize]) -> Option<Block> {
        let Choice { rows, vectors, splits, .. } = choice;
        let root = self.root();
        let row = self.row.filter(|_| splits == 1)?;
        if !self.exceeds_nearest(choice) {
            return None;
        }
        // As many loops as leave their sums in the next cache, the vector's never.
        let fits = |dims: &usize| {
            let dims = &order[order.len() - dims..];
            !dims.contains(&self.vector)
                && self.block_sums(vectors, dims) * 4 <= self.core.l2_bytes / 2
        };
        let dims = (1..=order.len()).take_while(fits).last()?;
        let others = order[order.len() - dims..].iter().filter(|&&dim| dim != row);
        let tiles = root.sizes[row] / rows * others.map(|&dim| root.sizes[dim]).product::<i64>();
        if tiles < 2 {
            return None;
        }
        let steps = self.near_bytes(choice) / self.bytes_of_step(choice);
        parts(root.reduction_sizes(), steps)?;
        Some(Block { steps, dims, hoisted: 0 })
    }
}

/// How a value of each row is loaded.
#[derive(Debug, Clone, Copy)]
struct RowLoads {
    /// Vectors that hold the values; `None` where each is loaded right before its use.
    held: Option<i64>,
    /// Are they of one step, or else of all that are written out?
    of_each_step: bool,
    /// Loads in a step.
    loads: f64,
}

/// Operations of the vector dimension alone.
#[derive(Debug, Clone, Copy)]
struct OpsOfVector {
    /// In each step.
    computed: i64,
    /// At compile time, their results being loaded.
    loaded: i64,
}

/// The cost of an elementwise body, in additions.
fn ops_cost(nest: &Nest) -> i64 {
    let cost = |name: &str| SLOW_OPS.iter().find(|(slow, _)| *slow == name).map_or(1, |(_, c)| *c);
    nest.body.ops().iter().map(|op| cost(&op.name())).sum()
}

/// How many values and operations of a body depend on what.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Inputs and results that depend on the vector dimension alone.
    pub values_of_vector: i64,
    /// Inputs and results that depend on the row dimension alone, or on neither.
    pub values_of_row: i64,
    /// Operations on the vector dimension alone.
    pub ops_of_vector: i64,
    /// Operations on the row dimension alone, or on neither.
    pub ops_of_row: i64,
    /// Operations for every element of the tile.
    pub ops_of_both: i64,
    /// Operations from an accumulator to its next value.
    pub chain: i64,
}

impl Body<'_> {
    /// Counts the operations and values of the body.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let cost =
            |name: &str| SLOW_OPS.iter().find(|(slow, _)| *slow == name).map_or(1, |(_, c)| *c);
        let mut count = |value: Value, ops: i64| match self.dependence(value) {
            (true, false) => {
                counts.values_of_vector += 1;
                counts.ops_of_vector += ops;
            }
            (false, _) => {
                counts.values_of_row += 1;
                counts.ops_of_row += ops;
            }
            (true, true) => counts.ops_of_both += ops,
        };
        for (number, _) in self.nest().inputs.iter().enumerate() {
            count(self.nest().body.argument(number), 0);
        }
        for op in self.nest().body.ops() {
            if op.is("arith.constant") || op.results().is_empty() {
                continue;
            }
            count(op.result(0), cost(&op.name()));
        }
        counts.chain = self.chain();
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_counted_as_they_are() {
        for (count, most) in (0..100).flat_map(|count| [1, 2, 4, 8].map(|most| (count, most))) {
            let powers = powers(count, most);
            assert_eq!(count_of_powers(count, most), powers.len() as i64);
            assert_eq!(powers.iter().map(|(_, length)| length).sum::<i64>(), count);
        }
    }

    #[test]
    fn what_rows_share_waits_from_its_first_to_its_last_step() {
        // A dense layer; convolutions with stride 1, stride 2 in 7 and in 3 steps, dilation 2.
        let cases =
            [(4, 2, (784, 1)), (4, 5, (1, 1)), (4, 7, (2, 1)), (4, 3, (2, 1)), (6, 3, (1, 2))];
        let found = cases.map(|(rows, steps, strides)| sharing(rows, steps, strides));
        assert_eq!(found, [(0, 8), (3, 8), (6, 13), (3, 9), (4, 10)]);
    }

    #[test]
    fn loops_touch_what_several_of_them_lead_to_once() {
        // Rows of a dense layer; of a convolution, whose windows overlap with stride 2 down; 64
        // channels of 32x32, and of 14x14.
        assert_eq!(touched(vec![(1, 784), (784, 3), (0, 100)]), [3 * 784, 3]);
        assert_eq!(touched(vec![(4624, 8), (68, 5), (1, 5), (136, 6)]), [8 * 15 * 16, 8]);
        assert_eq!(touched(vec![(1, 32), (1024, 64)]), [32 * 64, 64]);
        assert_eq!(touched(vec![(1, 32), (196, 64)]), [32 * 64, 13]);
    }

    #[test]
    fn the_last_chunk_of_a_sum_is_no_narrower_than_four_lanes_unless_it_is_a_scalar() {
        let widths = |size| chunks_of_sums(size, 16).iter().map(|chunk| chunk.width).collect();
        let expected: [(i64, Vec<i64>); 5] =
            [(1, vec![1]), (2, vec![4]), (17, vec![16, 4]), (21, vec![16, 8]), (32, vec![16, 16])];
        for (size, expected) in expected {
            let found: Vec<i64> = widths(size);
            assert_eq!(found, expected, "{size}");
        }
    }
}
