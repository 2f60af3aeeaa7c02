//! `--gauss-plan-arena`: buffers as places in one arena that the caller gives.

use std::{collections::HashMap, iter::successors};

use gauss_dialect::ir::{Attribute, Block, Builder, Op, Type, Value};

use crate::{
    kernel::{
        buffers::{CARRIED, WITHIN_ITEM},
        emit::loops::TASKS,
        nest::users_of,
    },
    pass::{Outcome, Pass, fail},
};

/// Replaces every `memref.alloc` of a function by a view of one more argument,
/// the arena. Buffers that are not live at the same time share their place. The
/// plan is kept in the function's attributes `gauss.arena_bytes` and
/// `gauss.arena_plan`.
pub const PASS: Pass = Pass {
    name: "gauss-plan-arena",
    description: "Place every buffer of a function in one arena, by lifetime",
    options: &[],
    run: |module, _| {
        let ops = module.body().map(|body| body.ops()).unwrap_or_default();
        ops.into_iter().filter(|op| op.is("func.func")).try_for_each(plan)
    },
};

/// Every buffer starts on a cache line, as does the arena.
pub const ALIGNMENT: i64 = 64;

/// A buffer in the arena.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Size in bytes.
    bytes: i64,
    /// The steps of the function between which the buffer is live, both included.
    first: usize,
    last: usize,
    /// Distance from the start of the arena in bytes.
    offset: i64,
}

impl Place {
    fn is_live_with(&self, other: &Place) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    fn end(&self) -> i64 {
        self.offset + self.bytes
    }
}

fn plan(function: Op) -> Outcome {
    let Some(body) = function.body() else {
        return Ok(());
    };
    let is_loop_of = |block: Block| {
        successors(block.parent_op(), |op| op.parent())
            .take_while(|op| !op.is("func.func"))
            .all(|op| op.is("scf.for") && op.attribute(TASKS).is_none())
    };
    let mut found = Vec::new();
    for op in function.descendants() {
        if !op.is("memref.alloc") {
            continue;
        }
        if !is_loop_of(op.block()) {
            return Err(fail(
                op,
                "allocates inside of a branch or a task, where no place can be planned",
            ));
        }
        let shape = op.result(0).ty().shape().unwrap_or_default();
        if shape.iter().any(|&size| size < 0) || !op.result(0).ty().element_type().is_f32() {
            return Err(fail(op, "allocates a buffer that is not of fixed size and f32"));
        }
        let elements = shape.iter().try_fold(4i64, |product, &size| product.checked_mul(size));
        let bytes = elements.ok_or_else(|| fail(op, "allocates more than an arena can hold"))?;
        found.push((op, home(op), align(bytes)));
    }
    let homes: Vec<Block> = found.iter().map(|(_, home, _)| *home).collect();
    let steps = Steps::of(body, &homes);
    let mut allocations = Vec::new();
    for (op, home, bytes) in found {
        if let Some((first, last)) = steps.live(op, home) {
            allocations.push((op, Place { bytes, first, last, offset: 0 }));
        }
    }
    let mut places: Vec<Place> = allocations.iter().map(|(_, place)| place.clone()).collect();
    let arena_bytes = assign(&mut places);

    let context = function.context();
    let arena_type = Type::memref(context.integer(8), &[arena_bytes]);
    let arena = body.insert_argument(body.arguments().len(), arena_type, function.location());
    for ((op, _), place) in allocations.iter().zip(&places) {
        replace(*op, arena, place.offset);
    }
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &[]).attr());
    function.set_attribute("gauss.arena_bytes", context.i64_attr(arena_bytes));
    let entries: Vec<Attribute> = places
        .iter()
        .map(|place| {
            let entry = [place.offset, place.bytes, place.first as i64, place.last as i64];
            context.i64_array_attr(&entry)
        })
        .collect();
    function.set_attribute("gauss.arena_plan", context.array_attr(&entries));
    Ok(())
}

/// The steps of a function: the ops of its body, and those of the loops among them in which
/// buffers are live for a part of a trip.
struct Steps {
    /// For each op, when it begins and when it ends.
    spans: HashMap<Op, (usize, usize)>,
}

impl Steps {
    fn of(body: Block, homes: &[Block]) -> Self {
        let mut steps = Self { spans: HashMap::new() };
        let loops = |home: &Block| {
            let around = successors(home.parent_op(), |op| op.parent());
            around.take_while(|op| !op.is("func.func")).collect::<Vec<_>>()
        };
        let loops: Vec<Op> = homes.iter().flat_map(loops).collect();
        steps.number(body, &mut 0, &loops);
        steps
    }

    /// Numbers the ops of a block, and of those of its loops that are among `loops`.
    fn number(&mut self, block: Block, step: &mut usize, loops: &[Op]) {
        for op in block.ops() {
            let first = *step;
            if let Some(body) = op.body().filter(|_| loops.contains(&op)) {
                *step += 1;
                self.number(body, step, loops);
            }
            self.spans.insert(op, (first, *step));
            *step += 1;
        }
    }

    /// The first and the last step at which an allocation is used in its home.
    fn live(&self, allocation: Op, home: Block) -> Option<(usize, usize)> {
        let users = users_of(allocation.result(0)).into_iter();
        let spans = users.filter_map(|user| self.spans.get(&ancestor(user, home)?).copied());
        let spans: Vec<_> = spans.collect();
        let first = spans.iter().map(|(first, _)| *first).min()?;
        Some((first, spans.iter().map(|(_, last)| *last).max()?))
    }
}

/// The block whose steps an allocation is live for: its own; or the innermost that holds all
/// uses of what matters within one trip of the loop around them, or that loop, if each trip
/// carries something to the next. Trips that are tasks may run at the same time, so their steps
/// follow no order.
fn home(allocation: Op) -> Block {
    let mut home = allocation.block();
    let mut outer = home;
    if allocation.attribute(WITHIN_ITEM).is_none() {
        return home;
    }
    let users = users_of(allocation.result(0));
    loop {
        let mut around = users.iter().map(|&user| ancestor(user, home));
        let first = around.next().flatten().filter(|&op| around.all(|other| other == Some(op)));
        let is_in_order = |op: &Op| op.is("scf.for") && op.attribute(TASKS).is_none();
        match first.filter(is_in_order).and_then(Op::body) {
            Some(body) => (outer, home) = (home, body),
            None if allocation.attribute(CARRIED).is_some() => return outer,
            None => return home,
        }
    }
}

/// The op of a block that `op` is, or is inside of.
fn ancestor(op: Op, block: Block) -> Option<Op> {
    successors(Some(op), |op| op.parent()).find(|op| op.block() == block)
}

fn align(bytes: i64) -> i64 {
    (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
}

fn replace(allocation: Op, arena: Value, offset: i64) {
    let builder = Builder::before(allocation);
    let offset = builder.index_constant(offset);
    let view = builder.value("memref.view", &[arena, offset], allocation.result(0).ty());
    allocation.result(0).replace_all_uses_with(view);
    allocation.erase();
}

/// Gives every place an offset and returns the size of the arena. Places are
/// taken in several orders, each put as low as the others allow; the smallest
/// arena wins. No arena is smaller than the largest sum of live buffers.
fn assign(places: &mut [Place]) -> i64 {
    type Key = fn(&Place) -> (i64, i64);
    let orders: [Key; 3] = [
        |place| (-place.bytes, place.first as i64),
        |place| (place.first as i64, -place.bytes),
        |place| (-((place.last - place.first) as i64), -place.bytes),
    ];
    let mut best: Option<(i64, Vec<Place>)> = None;
    for key in orders {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&index| key(&places[index]));
        let mut candidate = places.to_vec();
        let mut placed: Vec<usize> = Vec::new();
        for index in order {
            candidate[index].offset = lowest(&candidate, &placed, index);
            placed.push(index);
        }
        let size = candidate.iter().map(Place::end).max().unwrap_or(0);
        if best.as_ref().is_none_or(|(least, _)| size < *least) {
            best = Some((size, candidate));
        }
    }
    let (size, chosen) = best.unwrap_or_default();
    places.clone_from_slice(&chosen);
    size
}

/// The lowest offset at which a place meets none of the placed ones.
fn lowest(places: &[Place], placed: &[usize], index: usize) -> i64 {
    let place = &places[index];
    let mut others: Vec<&Place> =
        placed.iter().map(|&other| &places[other]).filter(|o| o.is_live_with(place)).collect();
    others.sort_by_key(|other| other.offset);
    let mut offset = 0;
    for other in others {
        if offset + place.bytes <= other.offset {
            break;
        }
        offset = offset.max(other.end());
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bytes: i64, first: usize, last: usize) -> Place {
        Place { bytes, first, last, offset: 0 }
    }

    #[test]
    fn buffers_of_a_chain_share_two_places() {
        let mut places = [place(128, 0, 1), place(64, 1, 2), place(128, 2, 3), place(64, 3, 4)];
        assert_eq!(assign(&mut places), 192);
        for (i, a) in places.iter().enumerate() {
            for b in &places[i + 1..] {
                let apart = a.end() <= b.offset || b.end() <= a.offset;
                assert!(apart || !a.is_live_with(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_function_without_buffers_needs_no_arena() {
        assert_eq!(assign(&mut []), 0);
    }
}
