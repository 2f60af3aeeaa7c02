//! Candidates: schedules to measure where the model alone is not to decide.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::{Costed, Schedule, UNROLLS, for_each};
use crate::{
    kernel::{constants::Constants, group::Group, schedule::tile::FULL_UNROLL},
    target::Core,
};

/// Prefetch distances, in elements.
const DISTANCES: [i64; 3] = [0, 512, 2048];

/// Schedules of a group, at most `count`: half of them those that the model finds cheapest, the others
/// the cheapest of each kind, in turn. Beside what the model chooses from, there are other numbers of
/// steps written out, of vectors side by side, prefetch distances, sizes of K-blocks and orders of
/// loops, most of which cost the same by the model.
pub fn candidates(
    group: &Group,
    core: &Core,
    constants: &Constants,
    count: usize,
) -> Vec<Schedule> {
    let mut all: Vec<Schedule> = Vec::new();
    // The model is strict about registers, and leaves some of the choices to numbers of the core.
    let lenient = Core {
        spare_registers: 0,
        vector_registers: core.vector_registers + SPILLED,
        computed_rows: core.max_rows,
        ..*core
    };
    for variant in variants(group, core) {
        let core = variant.core(&lenient);
        for core in [1, 2, 4].map(|parts| Core { l1_bytes: core.l1_bytes * parts / 2, ..core }) {
            for_each(group, &core, constants, &mut |model, Costed { choice, block, cost }| {
                let made = model.schedule(choice, block);
                let Numbers { unroll, side_by_side, prefetch } = variant;
                let cost = cost + model.cost_of_code(choice);
                let schedule = Schedule { unroll, side_by_side, prefetch, cost, ..made };
                all.extend(with_orders(schedule));
            });
            if all.len() > MOST.max(8 * count) {
                keep_some(&mut all, 4 * count);
            }
        }
    }
    keep_some(&mut all, count);
    all
}

/// So many registers more than there are may be asked for: what is spilled may be cheap.
const SPILLED: i64 = 4;

/// So many schedules are held before the dear ones are dropped.
const MOST: usize = 1 << 16;

/// Numbers of a schedule that the model takes from the core.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    unroll: Option<i64>,
    side_by_side: Option<i64>,
    prefetch: Option<i64>,
}

impl Numbers {
    fn core(self, core: &Core) -> Core {
        Core {
            reduction_unroll: self.unroll.unwrap_or(core.reduction_unroll),
            elementwise_unroll: self.side_by_side.unwrap_or(core.elementwise_unroll),
            ..*core
        }
    }
}

/// The numbers that make a difference for a group, those of the core first.
fn variants(group: &Group, core: &Core) -> Vec<Numbers> {
    let root = &group.root;
    let others = |is_of_use: bool, of_core: i64, numbers: &[i64]| -> Vec<Option<i64>> {
        let others = numbers.iter().filter(|&&number| is_of_use && number != of_core);
        [None].into_iter().chain(others.copied().map(Some)).collect()
    };
    let is_long = root.reduction_sizes().last().is_some_and(|&size| size > FULL_UNROLL);
    let has_functions = root.is_elementwise() || !group.epilogue.is_empty();
    // Weights from beyond the second-level cache, at least in part.
    let weights = root.inputs.iter().map(|input| {
        let sizes = root.sizes.iter().zip(&input.strides);
        sizes.filter(|(_, stride)| **stride > 0).map(|(size, _)| size).product::<i64>()
    });
    let is_far = !root.is_elementwise() && weights.max().unwrap_or(0) * 8 > core.l2_bytes;
    let distance = if core.prefetches { core.prefetched_elements } else { 0 };
    let unrolls = others(is_long, core.reduction_unroll, &UNROLLS);
    let side_by_side = others(has_functions, core.elementwise_unroll, &UNROLLS);
    let distances = others(is_far, distance, &DISTANCES);
    let mut variants = Vec::new();
    for &unroll in &unrolls {
        for &side_by_side in &side_by_side {
            for &prefetch in &distances {
                variants.push(Numbers { unroll, side_by_side, prefetch });
            }
        }
    }
    variants
}

/// The schedule, and it with the loop over vectors at the other side of those that share its weights.
fn with_orders(schedule: Schedule) -> impl Iterator<Item = Schedule> {
    let last = schedule.order.len() - usize::from(schedule.row.is_some());
    let place = schedule.order.iter().position(|dim| Some(*dim) == schedule.vector);
    let other = place.filter(|place| schedule.block.is_none() && place + 1 < last).map(|place| {
        let mut other = schedule.clone();
        other.order[place..last].rotate_left(1);
        other
    });
    [schedule].into_iter().chain(other)
}

/// Keeps so many: half of them the cheapest, the others the cheapest of each kind in turn. They stand
/// by their cost.
fn keep_some(all: &mut Vec<Schedule>, count: usize) {
    all.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    // A schedule may have been found with several sizes of the cache.
    let mut seen = HashSet::new();
    all.retain(|schedule| seen.insert(schedule.key()));
    if all.len() <= count {
        return;
    }
    let rest = all.split_off(count / 2);
    let mut kinds: BTreeMap<_, VecDeque<Schedule>> = BTreeMap::new();
    for schedule in rest {
        kinds.entry(kind(&schedule)).or_default().push_back(schedule);
    }
    while all.len() < count {
        let next: Vec<_> = kinds.values_mut().filter_map(VecDeque::pop_front).collect();
        let missing = count - all.len();
        all.extend(next.into_iter().take(missing));
    }
    all.sort_by(|a, b| a.cost.total_cmp(&b.cost));
}

/// What schedules of one kind have in common: which dimension is in lanes, which in rows, the tile and
/// whether there is a K-block.
fn kind(schedule: &Schedule) -> (Option<usize>, Option<usize>, i64, i64, bool) {
    let Schedule { vector, row, rows, vectors, block, .. } = schedule;
    (*vector, *row, *rows, *vectors, block.is_some())
}
