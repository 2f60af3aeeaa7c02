//! Regions: groups that share a loop over the items of a batch.
//!
//! Convolutions use each weight at many places of one item. Done item by item,
//! what they exchange stays in the cache, and needs the memory of one item only.
//! A dense layer uses a weight once per item, so it takes the whole batch.

use std::ops::Range;

use gauss_dialect::ir::{Builder, Value};

use super::{
    buffers::allocate_within_item,
    constants::Constants,
    group::{Group, is_local},
    nest::{Access, Nest},
    plan::Planner,
    strip::{Strip, kernels, strips},
};

/// Consecutive strips, and the loop around them.
#[derive(Debug)]
pub struct ItemRegion {
    /// What is computed for an item, in order.
    pub strips: Vec<Strip>,
    /// Trips of the loop around them: items, or 1.
    pub items: i64,
}

/// Consecutive groups that do one item after the other, if `items` is not 1.
#[derive(Debug)]
struct Items {
    groups: Vec<Group>,
    items: i64,
}

/// Uses of a weight within one item from which on a loop over items costs nothing.
const ENOUGH_USES: i64 = 16;

/// Splits consecutive groups, of which the first is kernel `number` of the function, into
/// regions.
pub fn regions(groups: Vec<Group>, mut number: usize, planner: &Planner) -> Vec<ItemRegion> {
    let parts = by_items(groups, planner);
    let used: Vec<Vec<Value>> = parts.iter().map(Items::buffers).collect();
    let mut regions = Vec::new();
    let mut alone = Vec::new();
    let mut first = 0;
    for (part, Items { groups, items }) in parts.into_iter().enumerate() {
        if items == 1 {
            alone.extend(groups);
            continue;
        }
        let strips_alone = strips(&alone, &elsewhere(&used, first..part), number, planner);
        number += kernels(&strips_alone);
        regions.extend(ItemRegion::of_each(strips_alone));
        alone.clear();
        let strips = strips(&groups, &elsewhere(&used, part..part + 1), number, planner);
        number += kernels(&strips);
        regions.push(ItemRegion { strips, items });
        first = part + 1;
    }
    let strips = strips(&alone, &elsewhere(&used, first..used.len()), number, planner);
    regions.extend(ItemRegion::of_each(strips));
    regions
}

/// The buffers that all parts use but those of `own`.
fn elsewhere(used: &[Vec<Value>], own: Range<usize>) -> Vec<Value> {
    [&used[..own.start], &used[own.end..]].concat().concat()
}

/// Joins groups that may share a loop over items.
fn by_items(groups: Vec<Group>, planner: &Planner) -> Vec<Items> {
    let mut joined: Vec<Items> = Vec::new();
    for group in groups {
        let items = items(&group, planner.constants);
        match joined.last_mut() {
            Some(last) if items > 1 && last.items == items && last.takes(&group) => {
                last.groups.push(group);
            }
            _ => joined.push(Items { groups: vec![group], items }),
        }
    }
    let used: Vec<Vec<Value>> = joined.iter().map(Items::buffers).collect();
    for (number, joined) in joined.iter_mut().enumerate() {
        let is_worth_it = joined.groups.len() > 1
            && joined.groups.iter().any(|group| !group.root.is_elementwise());
        match is_worth_it {
            true => joined.enter(planner.tasks, &elsewhere(&used, number..number + 1)),
            false => joined.items = 1,
        }
    }
    joined
}

/// The items of the batch that a group may compute one after the other, else 1.
fn items(group: &Group, constants: &Constants) -> i64 {
    let root = &group.root;
    if root.parallel < 2 || root.outputs.iter().any(|out| !out.depends_on(0)) {
        return 1;
    }
    // What all items read, known or not.
    let is_weight =
        |input: &&Access| !input.depends_on(0) || constants.values(input.root).is_some();
    let weights = root.inputs.iter().filter(is_weight);
    let is_used_often = |uses: i64| uses >= ENOUGH_USES;
    let often = root.is_elementwise()
        || weights.into_iter().all(|weight| {
            let free = (1..root.parallel).filter(|&dim| !weight.depends_on(dim));
            !weight.depends_on(0) && is_used_often(free.map(|dim| root.sizes[dim]).product())
        });
    if often { root.sizes[0] } else { 1 }
}

impl ItemRegion {
    /// A region for each strip.
    fn of_each(strips: Vec<Strip>) -> impl Iterator<Item = Self> {
        strips.into_iter().map(|strip| Self { strips: vec![strip], items: 1 })
    }
}

impl Items {
    /// Can the group compute an item as soon as the groups here have computed it?
    fn takes(&self, group: &Group) -> bool {
        let inside = || self.groups.iter().flat_map(Group::members);
        let members = || inside().chain(group.members());
        let is_written =
            |buffer| members().flat_map(|nest| &nest.outputs).any(|out| out.root == buffer);
        // Whoever shares a buffer that one of them writes keeps to the item's own part.
        let keeps_to = |access: &Access, sizes: &[i64], item: i64| {
            let steps = access.strides.iter().zip(sizes).skip(1);
            let end = access.offset + steps.map(|(step, size)| step * (size - 1)).sum::<i64>();
            access.strides[0] == item && end < item
        };
        group.members().flat_map(Nest::accesses).filter(|access| is_written(access.root)).all(
            |access| {
                let item = access.strides[0];
                members().all(|nest| {
                    nest.accesses()
                        .filter(|other| other.root == access.root)
                        .all(|other| keeps_to(other, &nest.sizes, item))
                })
            },
        )
    }

    /// What the groups read or write.
    fn buffers(&self) -> Vec<Value> {
        self.groups.iter().flat_map(Group::buffers).collect()
    }

    /// Makes the items a loop around the groups, which `tasks` tasks may share. `elsewhere` are the
    /// buffers that other groups use.
    fn enter(&mut self, tasks: i64, elsewhere: &[Value]) {
        for group in &mut self.groups {
            group.peel();
        }
        let mut written: Vec<Value> = Vec::new();
        let nests = self.groups.iter().flat_map(Group::members);
        for out in nests.flat_map(|nest| &nest.outputs).filter(|out| out.item > 0) {
            if !written.contains(&out.root) {
                written.push(out.root);
            }
        }
        written.retain(|&buffer| is_local(buffer, &self.groups, elsewhere));
        written.into_iter().for_each(|buffer| self.contract(buffer, tasks));
    }

    /// Leaves a buffer with the elements of one item for each task.
    fn contract(&mut self, buffer: Value, tasks: i64) {
        let accesses = |group: &Group| {
            let own = group.members().flat_map(Nest::accesses);
            own.filter(|access| access.root == buffer).map(|a| a.item).collect::<Vec<_>>()
        };
        let items: Vec<_> = self.groups.iter().flat_map(accesses).collect();
        let (Some(&item), Some(op)) = (items.first(), buffer.defining_op()) else { return };
        if items.iter().any(|&other| other != item) {
            return;
        }
        let smaller = allocate_within_item(Builder::before(op), item * tasks);
        self.groups.iter_mut().for_each(|group| group.replace(buffer, smaller, item));
    }
}
