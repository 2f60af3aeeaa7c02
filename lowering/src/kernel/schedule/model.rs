//! The analytic model: what a tile costs, and which tiles there are to choose from.

mod block;
mod loads;

use gauss_dialect::ir::Op;

use super::{
    Block, Schedule,
    count::ops_cost,
    tile::{chunks, unrolled_steps},
};
use crate::{
    kernel::{
        body::Body,
        constants::Constants,
        group::Group,
        nest::{Access, Nest},
        tiling::{Run, runs},
    },
    target::Core,
};
use loads::RowLoads;

/// From so many uses on, a weight is in a near cache.
const ENOUGH_USES: i64 = 10;

/// Registers that a long epilogue needs for its own values, and the cost from which on it is long.
const EPILOGUE_REGISTERS: i64 = 12;
const LONG_EPILOGUE: i64 = 16;

/// The cost in cycles that is left of a hidden load of a line from the second-level cache.
const HIDDEN_FAR_LOAD: f64 = 0.04;

/// The cost in cycles of a vector of sums that is loaded and stored for a part of the
/// reduction, and of the end of a part, where the loop's branch is mispredicted and the
/// pipelines run empty.
const MOVED_SUM: f64 = 1.5;
const NEW_PART: f64 = 30.0;

/// The cost in cycles of the end of a run of equal tiles, and of code for another size of
/// tiles, which must be fetched.
const NEW_RUN: f64 = 15.0;
const NEW_BODY: f64 = 500.0;

/// What is left to choose once the dimensions are chosen; as in [`Schedule`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) rows: i64,
    pub(super) vectors: i64,
    pub(super) splits: i64,
    pub(super) window: bool,
    pub(super) ahead: i64,
    pub(super) precompute: bool,
}

/// What one choice of dimensions costs.
pub(super) struct Model<'a> {
    group: &'a Group,
    core: &'a Core,
    constants: &'a Constants,
    vector: usize,
    row: Option<usize>,
    body: Body<'a>,
}

impl<'a> Model<'a> {
    pub(super) fn new(
        group: &'a Group,
        core: &'a Core,
        constants: &'a Constants,
        vector: usize,
        row: Option<usize>,
    ) -> Self {
        let body = Body::new(&group.root, Some(vector), row);
        Self { group, core, constants, vector, row, body }
    }

    pub(super) fn root(&self) -> &Nest {
        &self.group.root
    }

    pub(super) fn largest_tile(&self) -> (i64, i64) {
        let vectors = chunks(self.root().sizes[self.vector], self.core.lanes).len() as i64;
        match self.root().is_elementwise() {
            true => (1, vectors.min(self.root().unroll(self.core))),
            false => {
                let rows = self.row.map_or(1, |row| self.root().sizes[row]);
                (rows.min(self.core.max_rows), vectors.min(self.core.max_vectors))
            }
        }
    }

    /// Sets of accumulators: only a sum can have several, along the steps that are unrolled.
    pub(super) fn possible_splits(&self) -> &'static [i64] {
        let innermost = self.root().reduction_sizes().last().copied().unwrap_or(1);
        match self.body.is_sum() && innermost >= self.core.reduction_unroll {
            true => &[1, 2, 4],
            false => &[1],
        }
    }

    /// What is left to choose for a tile.
    pub(super) fn choices(&self, rows: i64, vectors: i64, splits: i64) -> Vec<Choice> {
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

    /// How many steps are loaded before the first is computed: on a core that issues in order, loads
    /// stand in bunches, unless each cell reads for itself.
    pub(super) fn possible_ahead(&self) -> Vec<i64> {
        let root = self.root();
        match self.core.load_stall > 0 && !root.is_elementwise() && !self.body.reads_by_cell() {
            true => {
                let steps = unrolled_steps(root.reduction_sizes(), self.core);
                [1, 2, 4].into_iter().filter(|&ahead| ahead <= steps).collect()
            }
            false => vec![0],
        }
    }

    pub(super) fn is_packed(&self, input: &Access) -> bool {
        !self.root().is_elementwise()
            && self.constants.values(input.root).is_some()
            && input.depends_on(self.vector) != self.row.is_some_and(|row| input.depends_on(row))
    }

    /// Cycles for the whole group, up to a constant factor; `None` where the tile
    /// does not fit the registers.
    pub(super) fn cost(&self, choice: Choice, block: Option<&Block>) -> Option<f64> {
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
        let per_element = self.per_element(rows, vectors);
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
    pub(super) fn runs(&self, choice: Choice) -> [Vec<Run>; 2] {
        let sizes = &self.root().sizes;
        let rows = self.row.map_or(1, |row| sizes[row]);
        [runs(sizes[self.vector], choice.vectors, self.core.lanes), runs(rows, choice.rows, 1)]
    }

    /// What the code for each size of tiles costs, once for all strips.
    pub(super) fn cost_of_code(&self, choice: Choice) -> f64 {
        let [along_vector, along_row] = self.runs(choice);
        (along_vector.len() * along_row.len()) as f64 * NEW_BODY
    }

    /// What is done once per vector of results: stores and the epilogue.
    fn per_element(&self, rows: i64, vectors: i64) -> f64 {
        let outputs = self.group.members().flat_map(|nest| &nest.outputs);
        let stored: Vec<_> = outputs.filter(|out| self.group.keeps(out.root)).collect();
        let others = vectors * stored.len() as i64;
        let stores = stored.into_iter().map(|out| self.vector_stores(out, others, rows));
        let stores: f64 = stores.sum();
        let arithmetic: i64 = self.group.epilogue.iter().map(ops_cost).sum();
        stores + arithmetic as f64 / self.core.fma_ports as f64
    }

    /// Elements of memory for the sums, where a long epilogue needs their registers.
    pub(super) fn scratch(&self, rows: i64, vectors: i64) -> i64 {
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
    pub(super) fn has_packed_rows(&self) -> bool {
        let mut packed = self.root().inputs.iter().filter(|input| self.is_packed(input));
        packed.any(|input| !input.depends_on(self.vector))
    }

    /// How many results a packed weight is read for.
    pub(super) fn uses(&self) -> i64 {
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

    pub(super) fn schedule(&self, choice: Choice, block: Option<Block>) -> Schedule {
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
            unroll: None,
            side_by_side: None,
            prefetch: None,
            scratch,
            cost: 0.0,
        }
    }

    /// The parallel dimensions, outermost loop first.
    pub(super) fn order(&self) -> Vec<usize> {
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
}

/// Operations of the vector dimension alone.
#[derive(Debug, Clone, Copy)]
struct OpsOfVector {
    /// In each step.
    computed: i64,
    /// At compile time, their results being loaded.
    loaded: i64,
}
