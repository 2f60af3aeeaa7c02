//! K-blocks: parts of a reduction whose weights stay in the first-level cache, and the bytes that
//! come from beyond it.

use super::{Choice, Model};
use crate::kernel::{
    group::parts,
    nest::Access,
    schedule::{Block, cache::touched},
};

/// The time of bytes from beyond the second-level cache, relative to bytes from it.
const BEYOND: f64 = 3.0;

/// The time of lines from the second-level cache that miss the TLB, relative to others, and the pages
/// that the TLB holds.
const SCATTERED: i64 = 3;
const REMEMBERED_PAGES: i64 = 64;

impl Model<'_> {
    /// How many times a tile takes its sums from memory and puts them back.
    pub(super) fn parts(&self, block: Option<&Block>) -> i64 {
        let sizes = self.root().reduction_sizes();
        match block.and_then(|block| parts(sizes, block.steps)) {
            Some((dim, part)) => sizes[..=dim].iter().product::<i64>() / part,
            None => 0,
        }
    }

    /// The sums of all tiles of some loops.
    pub(in crate::kernel::schedule) fn block_sums(&self, vectors: i64, dims: &[usize]) -> i64 {
        let root = self.root();
        let rows: i64 = dims.iter().map(|&dim| root.sizes[dim]).product();
        rows * root.outputs.len() as i64 * vectors * self.core.lanes
    }

    /// The K-blocks to try, and `None` for going without.
    pub(in crate::kernel::schedule) fn possible_blocks(
        &self,
        choice: Choice,
    ) -> Vec<Option<Block>> {
        match self.block(choice, &self.order()) {
            None => vec![None],
            Some(block) if self.is_near_enough(choice) => vec![None, Some(block)],
            block => vec![block],
        }
    }

    /// Values that each vector of a tile loads in a step: of inputs as they are, and
    /// packed ones.
    pub(super) fn members(&self, precompute: bool) -> (i64, i64) {
        let inputs = || self.root().inputs.iter().filter(|input| input.depends_on(self.vector));
        let packed = inputs().filter(|input| self.is_packed(input)).count();
        let others = inputs().count() - packed;
        (others as i64, packed as i64 + self.ops_of_vector(precompute).loaded)
    }

    /// Bytes of the weights that one step of the largest tile reads.
    pub(super) fn bytes_of_step(&self, choice: Choice) -> i64 {
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

    /// Cycles that bring all weights to the first-level cache once.
    pub(in crate::kernel::schedule) fn cost_of_weights(&self, choice: Choice) -> f64 {
        let bytes = self.bytes_of_weights(choice);
        match bytes as f64 / self.core.l2_rate() {
            _ if bytes <= self.core.l1_bytes * 2 / 3 => 0.0,
            cycles if bytes <= self.core.l2_bytes => cycles,
            cycles => cycles * BEYOND,
        }
    }

    /// Bytes of weights that L1 holds beside all else, which includes those of the next K-block where
    /// they are prefetched.
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

    /// L2 bytes of weights per step; weights that miss L2 are charged [`BEYOND`] times.
    pub(super) fn far_bytes(&self, choice: Choice, block: Option<&Block>) -> f64 {
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

    /// L2 bytes per step of inputs that are not packed, charged [`SCATTERED`] times, where a tile
    /// reads more of them than L1 holds and from more pages than the TLB does. Other inputs are
    /// prefetched by the core.
    pub(super) fn far_bytes_of_inputs(&self, choice: Choice, block: Option<&Block>) -> f64 {
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

    /// The K-block: the part of the reduction whose weights stay in the first-level cache for all
    /// tiles of the innermost loops; `None` where there are too few of either.
    pub(super) fn block(&self, choice: Choice, order: &[usize]) -> Option<Block> {
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
