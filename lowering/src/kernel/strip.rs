//! Strips: consecutive groups that compute an image some rows at a time.
//!
//! A pool reads neighbouring rows of what the layer before it computes, as a sum does of
//! transformed tiles. Done strip by strip, these rows stay in the cache, and need the memory
//! of one strip only. Where the windows of two strips overlap, the rows that both read are
//! computed once, the halo: the first strip computes it too, and each copies its last rows to where
//! the next one has its first. Padding around an image is written once, before its
//! first strip.

mod chain;
mod shared;

use gauss_dialect::ir::Value;

use self::{
    chain::Chain,
    shared::{Member, Scope},
};
use super::{group::Group, plan::Planner};

/// Consecutive groups, and the loop around them.
#[derive(Debug)]
pub struct Strip {
    /// The groups, in program order.
    pub groups: Vec<Group>,
    /// Trips of the loop around the groups: strips, or 1.
    pub trips: i64,
}

/// Memory that counts as the least, relative to it.
const ALIKE: f64 = 1.25;

/// Splits the groups of a scope, of which the first is kernel `number` of the function,
/// into strips. `elsewhere` are the buffers that other groups use.
pub fn strips(
    groups: &[Group],
    elsewhere: &[Value],
    mut number: usize,
    planner: &Planner,
) -> Vec<Strip> {
    let mut strips: Vec<Strip> = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        let (done, next) = cut(groups, first, elsewhere, number, planner);
        first += done;
        number += kernels(&next);
        strips.extend(next);
    }
    strips
}

/// How many kernels strips have.
pub fn kernels(strips: &[Strip]) -> usize {
    strips.iter().map(|strip| strip.groups.len()).sum()
}

/// The first group from `first` on that does not write padding, or the last group.
fn first_of_chain(groups: &[Group], first: usize) -> usize {
    let padding = groups[first..groups.len() - 1].iter().take_while(|group| group.is_padding());
    first + padding.count()
}

/// How many groups were taken, and the strips that they became: those that go before alone, then the
/// strip of several, if there is one.
type Cut = (usize, Vec<Strip>);

/// The best strip from group `first` on, which is kernel `number`; groups that only write padding go
/// before it. Where no strip pays, each group is alone.
fn cut(
    groups: &[Group],
    first: usize,
    elsewhere: &[Value],
    number: usize,
    planner: &Planner,
) -> Cut {
    let padding = first..first_of_chain(groups, first);
    // More than 1 where the core says so, as the model sees that strips read the weights more often,
    // but not that they keep to a nearer cache.
    let worth = planner.core.strip_percent as f64 / 100.0;
    // Tasks share the items of a batch, if there are any, rather than strips.
    let tasks = if groups[first].is_of_item { 1 } else { planner.tasks };
    let scope = Scope { groups, padding: padding.clone(), elsewhere, planner, tasks };
    let members = groups[padding.end].dims_of_item();
    let members = members.map(|dim| Member { number: padding.end, dim });
    let chains: Vec<_> = members.filter_map(|member| Chain::of(&scope, member)).collect();
    let all = chains.iter().flat_map(|chain| chain.all_parts().map(move |parts| (chain, parts)));
    let candidates: Vec<_> = all
        .map(|(chain, parts)| Candidate {
            elements: chain.elements(&parts),
            cost: chain.cost(&parts, planner),
            cut: (chain, parts),
        })
        .collect();
    let best_of = |numbers: &[usize], worth| {
        let numbered = numbers.iter().map(|&cut| {
            let Candidate { elements, cost, .. } = candidates[cut];
            Candidate { elements, cost, cut }
        });
        best(numbered, worth)
    };
    let all: Vec<_> = (0..candidates.len()).collect();
    let by_model = best_of(&all, worth);
    let alone = || groups[first..=padding.end].iter().cloned();
    let named = |cut: Option<usize>| match cut.map(|cut| &candidates[cut].cut) {
        Some((chain, parts)) => planner.named(number, chain.kernels(parts)),
        None => planner.named(number, alone().map(|group| (group, 1))),
    };
    // What the model chooses, unless the schedules that are given name more of another way. Sizes can
    // still change, as parts of an image get memory of their own.
    let is_of_model = match by_model.map(|cut| &candidates[cut].cut) {
        Some((chain, parts)) => planner.names_all(number, chain.kernels(parts)),
        None => planner.names_all(number, alone().map(|group| (group, 1))),
    };
    let mut chosen = by_model;
    let most = named(by_model);
    if !planner.given.is_empty() && !is_of_model {
        let others = all.iter().copied().map(Some).chain([None]).filter(|&cut| cut != by_model);
        let others: Vec<_> = others.map(|cut| (cut, named(cut))).collect();
        let of_others = others.iter().map(|(_, named)| *named).max().unwrap_or_default();
        if of_others > most {
            let others = others.into_iter().filter(|(_, named)| *named == of_others);
            chosen = best_of(&others.filter_map(|(cut, _)| cut).collect::<Vec<_>>(), f64::INFINITY);
        }
    }
    match chosen.map(|cut| &candidates[cut].cut) {
        Some((chain, parts)) => chain.cut(parts),
        None => {
            let strips: Vec<_> = alone().map(Strip::of_one).collect();
            (strips.len(), strips)
        }
    }
}

/// A way to cut a chain.
struct Candidate<T> {
    /// Numbers between the members.
    elements: i64,
    /// The cost relative to that of whole images.
    cost: f64,
    cut: T,
}

/// The cheapest of those with about the least memory, among candidates that cost at most `worth` times
/// the cheapest.
fn best<T>(candidates: impl Iterator<Item = Candidate<T>>, worth: f64) -> Option<T> {
    let mut candidates: Vec<_> = candidates.collect();
    let cheapest = candidates.iter().map(|candidate| candidate.cost).fold(1.0, f64::min);
    candidates.retain(|candidate| candidate.cost <= cheapest * worth);
    let least = candidates.iter().map(|candidate| candidate.elements).min()?;
    candidates.retain(|candidate| candidate.elements as f64 <= least as f64 * ALIKE);
    let found = candidates.into_iter().min_by(|a, b| a.cost.total_cmp(&b.cost));
    found.map(|candidate| candidate.cut)
}

impl Strip {
    fn of_one(group: Group) -> Self {
        Self { groups: vec![group], trips: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of(candidates: &[(i64, f64)]) -> Option<usize> {
        let candidates = candidates.iter().enumerate();
        let candidates =
            candidates.map(|(cut, &(elements, cost))| Candidate { elements, cost, cut });
        best(candidates, 1.05)
    }

    #[test]
    fn the_least_memory_wins_unless_it_costs_much_more() {
        assert_eq!(best_of(&[(1000, 1.0), (100, 1.04), (10, 1.06)]), Some(1));
        // Against the cheapest, not against whole images.
        assert_eq!(best_of(&[(1000, 0.9), (100, 0.96)]), Some(0));
        assert_eq!(best_of(&[(1000, 1.1)]), None);
    }

    #[test]
    fn of_much_the_same_memory_the_cheaper_wins() {
        assert_eq!(best_of(&[(100, 1.03), (120, 1.01), (130, 1.0)]), Some(1));
    }
}
