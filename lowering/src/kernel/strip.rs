//! Strips: consecutive groups that compute an image some rows at a time.
//!
//! A pool reads neighbouring rows of what the layer before it computes, as a sum does of
//! transformed tiles. Done strip by strip, these rows stay in the cache, and need the memory
//! of one strip only. Where the windows of two strips overlap, the rows that both read are
//! computed once, the halo: the first strip computes it too, and each copies its last rows to where
//! the next one has its first. Padding around an image is written once, before its
//! first strip.

use std::{cell::OnceCell, collections::BTreeSet, ops::Range};

use gauss_dialect::ir::{Builder, Value};

use super::{
    buffers::{self, allocate_within_item},
    group::{Group, is_local},
    nest::{Access, Nest},
    plan::Planner,
};
use crate::linalg;

/// Consecutive groups, and the loop around them.
#[derive(Debug)]
pub struct Strip {
    /// The groups, in program order.
    pub groups: Vec<Group>,
    /// Trips of the loop around the groups: strips, or 1.
    pub trips: i64,
}

/// The cost that strips may have by the model, relative to the cheapest candidate or to whole images.
/// More than 1, as the model sees that strips read the weights more often, but not that they keep to
/// a nearer cache.
const WORTH: f64 = 1.05;

/// Memory that counts as the least, relative to it.
const ALIKE: f64 = 1.25;

/// The most steps that are tried for strips of an incomplete chain. Windows of more rows keep an
/// image whole.
const LOOK_AHEAD: i64 = 64;

/// The cost in cycles of copying a vector of the halo to the next strip.
const HALO: f64 = 4.0;

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
    let by_model = best_of(&all, WORTH);
    let alone = || groups[first..=padding.end].iter().cloned();
    let named = |cut: Option<usize>| match cut.map(|cut| &candidates[cut].cut) {
        Some((chain, parts)) => planner.named(number, chain.kernels(parts)),
        None => planner.named(number, alone().map(|group| (group, 1))),
    };
    // What the model chooses, unless the schedules that are given name more of another way.
    let mut chosen = by_model;
    let most = named(by_model);
    if !planner.given.is_empty() && most != Some(usize::MAX) {
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

/// The groups that chains are found in.
struct Scope<'a> {
    groups: &'a [Group],
    /// The numbers of groups right before a chain that write padding.
    padding: Range<usize>,
    /// What groups elsewhere use.
    elsewhere: &'a [Value],
    planner: &'a Planner<'a>,
    /// Tasks that may share the strips of an image.
    tasks: i64,
}

/// Groups that may share a loop over parts of a dimension.
struct Chain<'a> {
    scope: &'a Scope<'a>,
    members: Vec<Member>,
    /// The numbers of groups between the members that may go before them all.
    before: Vec<usize>,
    /// What one member writes and others access.
    shared: Vec<Shared>,
    /// The cost of the members without strips, once it is known.
    whole: OnceCell<f64>,
}

/// The number of a group, and its dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Member {
    number: usize,
    dim: usize,
}

/// Rows of a buffer, as its members walk them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shared {
    buffer: Value,
    /// From a row to the next.
    step: i64,
    rows: i64,
    /// Elements of one item.
    elements: i64,
    /// May only a part of it be kept, because nothing else uses it?
    is_local: bool,
    /// The group that writes the padding of a local buffer, and the dimension of its rows.
    padding: Option<Member>,
}

/// An access of a shared buffer.
#[derive(Clone, Copy)]
struct Use<'a> {
    /// Which member of the chain it is, and the dimension that this cuts.
    member: usize,
    dim: usize,
    nest: &'a Nest,
    access: &'a Access,
    writes: bool,
}

/// How the members of a chain do so many strips.
struct Parts {
    trips: i64,
    /// For each member, the steps along its dimension.
    steps: Vec<Part>,
    /// For each shared buffer, its rows.
    rows: Vec<Part>,
    /// For each shared buffer, its halo: rows that a strip reads and the strip before has written.
    carried: Vec<Range<i64>>,
}

/// Steps or rows of a strip.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// From the first of a strip to the first of the next.
    advance: i64,
    /// How many: more than the advance where strips overlap.
    size: i64,
}

impl Part {
    /// The overlap of this strip and the next.
    fn common(&self) -> i64 {
        self.size - self.advance
    }
}

impl<'a> Chain<'a> {
    /// The longest chain that begins with a group, along one of its dimensions.
    fn of(scope: &'a Scope<'a>, first: Member) -> Option<Self> {
        let groups = scope.groups;
        if groups[first.number].root.sizes[first.dim] == 1 || first.reads_weights(scope) {
            return None;
        }
        let mut longest = None;
        let (mut before, mut waiting) = (Vec::new(), Vec::new());
        let mut chain = Self::of_members(scope, vec![first]);
        for (number, group) in groups.iter().enumerate().skip(first.number + 1) {
            let longer = group.dims_of_item().find_map(|dim| {
                let next = Member { number, dim };
                if next.reads_weights(scope) {
                    return None;
                }
                let members = [&chain.members[..], &[next]].concat();
                let longer = Self::of_members(scope, members);
                (longer.is_joined() && longer.can_go_on()).then_some(longer)
            });
            if let Some(longer) = longer {
                before.append(&mut waiting);
                chain = longer;
                if chain.all_parts().next().is_some() {
                    longest = Some((chain.members.clone(), before.clone()));
                }
            } else if chain.members.iter().all(|member| groups[member.number].commutes(group)) {
                waiting.push(number);
            } else {
                break;
            }
        }
        let (members, before) = longest?;
        let chain = Self { before, ..Self::of_members(scope, members) };
        let mut roots = chain.members.iter().map(|member| &groups[member.number].root);
        let is_worth_it = roots.any(|root| !root.is_elementwise())
            && chain.shared.iter().any(|shared| shared.is_local);
        is_worth_it.then_some(chain)
    }

    fn of_members(scope: &'a Scope<'a>, members: Vec<Member>) -> Self {
        let shared = shared(scope, &members);
        Self { scope, members, before: vec![], shared, whole: OnceCell::new() }
    }

    /// Does the last member use what the others write?
    fn is_joined(&self) -> bool {
        let last = self.members.len() - 1;
        self.shared.iter().any(|shared| self.uses(shared).any(|of| of.member == last))
    }

    fn group(&self, member: usize) -> &'a Group {
        &self.scope.groups[self.members[member].number]
    }

    /// All steps of a member.
    fn size(&self, member: usize) -> i64 {
        self.group(member).root.sizes[self.members[member].dim]
    }

    /// What the members do with a buffer.
    fn uses(&self, shared: &Shared) -> impl Iterator<Item = Use<'a>> {
        let (groups, buffer) = (self.scope.groups, shared.buffer);
        self.members.iter().enumerate().flat_map(move |(member, &Member { number, dim })| {
            groups[number].members().flat_map(move |nest| {
                let inputs = nest.inputs.iter().map(|access| (access, false));
                let outputs = nest.outputs.iter().map(|access| (access, true));
                let all = inputs.chain(outputs);
                all.filter(move |(access, _)| access.root == buffer)
                    .map(move |(access, writes)| Use { member, dim, nest, access, writes })
            })
        })
    }

    /// Every way to do all that the members do in strips.
    fn all_parts(&self) -> impl Iterator<Item = Parts> {
        let last = self.members.len() - 1;
        let whole = self.size(last);
        let small = (1..=whole.isqrt()).filter(move |divisor| whole % divisor == 0);
        let divisors: BTreeSet<_> = small.flat_map(|divisor| [divisor, whole / divisor]).collect();
        let trips = divisors.into_iter().filter(|&trips| trips > 1);
        trips.filter_map(move |trips| self.parts(trips, whole / trips))
    }

    /// Can the members be done in strips if the next ones do not need all steps of the last?
    fn can_go_on(&self) -> bool {
        let whole = self.size(self.members.len() - 1);
        let mut advances = 1..=(whole / 2).min(LOOK_AHEAD);
        advances.any(|advance| self.parts(whole / advance, advance).is_some())
    }

    /// What the members do in so many strips, of which each advances the last member by so many
    /// steps, if they can do them one after the other.
    fn parts(&self, trips: i64, advance: i64) -> Option<Parts> {
        let advances = self.advances(advance)?;
        let mut steps: Vec<_> =
            advances.iter().map(|&advance| Part { advance, size: advance }).collect();
        for member in (0..steps.len()).rev() {
            let part = Part { size: self.steps_of_first(member, &steps)?, ..steps[member] };
            let (end, whole) = (part.advance * (trips - 1) + part.size, self.size(member));
            let is_last = member == self.members.len() - 1;
            let is_even = part.common() == 0 && (is_last || end <= whole);
            // What is never done, or twice by two tasks, may be no result.
            let is_possible = is_even && (is_last || end == whole) || self.is_inner(member);
            let is_empty = part.advance * (trips - 1) >= whole;
            if !is_possible || is_empty || !(is_even || self.has_other_dims(member)) {
                return None;
            }
            steps[member] = part;
        }
        let rows = self.shared.iter().map(|shared| self.rows_of(shared, &steps));
        let (rows, carried) = rows.collect::<Option<Vec<_>>>()?.into_iter().unzip();
        Some(Parts { trips, steps, rows, carried })
    }

    /// The steps of each member from a strip to the next, if all keep pace with the last one,
    /// which does so many.
    fn advances(&self, of_last: i64) -> Option<Vec<i64>> {
        let mut advances = vec![None; self.members.len()];
        *advances.last_mut()? = Some(of_last);
        // Each round finds one more, if there is one.
        for _ in &self.members {
            for shared in &self.shared {
                let rows = |of: Use| Some(advances[of.member]? * shared.pace(&of));
                let Some(rows) = self.uses(shared).find_map(rows) else { continue };
                for of in self.uses(shared) {
                    let advance = rows.checked_div(shared.pace(&of))?;
                    let is_exact = advance > 0 && advance * shared.pace(&of) == rows;
                    if !is_exact || *advances[of.member].get_or_insert(advance) != advance {
                        return None;
                    }
                }
            }
        }
        advances.into_iter().collect()
    }

    /// The steps that a member must do before those after it can do their first strip.
    fn steps_of_first(&self, member: usize, steps: &[Part]) -> Option<i64> {
        let mut size = steps[member].advance;
        for shared in &self.shared {
            for write in self.uses(shared).filter(|of| of.member == member && of.writes) {
                let first = shared.rows_of(&write, 1)?.start;
                for later in self.uses(shared).filter(|of| of.member > member) {
                    let rows = shared.rows_of(&later, steps[later.member].size)?.end - first;
                    let pace = shared.pace(&write);
                    size = size.max((rows + pace - 1) / pace);
                }
            }
        }
        Some(size)
    }

    /// The rows of a buffer in a strip, and which of them the strip before has written.
    fn rows_of(&self, shared: &Shared, steps: &[Part]) -> Option<(Part, Range<i64>)> {
        let (mut advance, mut size) = (0, 0);
        // The first rows in the first strip of a task, and in others.
        let (mut read, mut written) = ([i64::MAX; 2], [i64::MAX; 2]);
        for of in self.uses(shared) {
            let part = steps[of.member];
            advance = part.advance * shared.pace(&of);
            let rows = shared.rows_of(&of, part.size)?;
            size = size.max(rows.end);
            let first = [rows.start, rows.start + part.common() * shared.pace(&of)];
            let least = if of.writes { &mut written } else { &mut read };
            *least = [0, 1].map(|strip| first[strip].min(least[strip]));
        }
        // Another task may not have written these rows of the strip before yet.
        if self.scope.tasks > 1 && read[0] < written[0] {
            return None;
        }
        if size <= advance {
            return Some((Part { advance, size: advance }, 0..0));
        }
        // The rows in common are those of one member, which others read after it.
        let writer = self.uses(shared).find(|of| of.writes)?.member;
        let is_alone = |of: Use| (of.member == writer) == of.writes && of.member >= writer;
        // A sum reads far more rows than it computes, again for each strip.
        let is_pool = |of: Use| {
            let window = shared.rows_of(&of, 1);
            of.nest.is_elementwise() || window.is_some_and(|rows| rows.end <= shared.pace(&of))
        };
        let carried = read[1].min(written[1])..written[1];
        let count = carried.end - carried.start;
        let is_possible = self.uses(shared).all(|of| is_alone(of) && (of.writes || is_pool(of)));
        let part = Part { advance, size: size.max(carried.end + advance) };
        // What is carried may not overlap the place where it goes.
        (is_possible && count <= advance).then_some((part, carried))
    }

    /// The rows of a padded buffer that the last strips do not write, because they are below the
    /// image.
    fn rows_below(&self, shared: &Shared, rows: &Part, parts: &Parts) -> Range<i64> {
        let Some(of) = self.uses(shared).find(|of| of.writes) else { return 0..0 };
        let (part, pace) = (parts.steps[of.member], shared.pace(&of));
        let below = part.advance * (parts.trips - 1) + part.size - self.size(of.member);
        let written = self.uses(shared).filter(|of| of.writes);
        let first = written.filter_map(|of| shared.rows_of(&of, 1)).map(|rows| rows.start).min();
        let end = first.unwrap_or(0) + part.size * pace;
        // The strip before has written what it has in common.
        end - below.clamp(0, part.advance) * pace..end.min(rows.size)
    }

    /// Are all results of a member for others of the chain alone?
    fn is_inner(&self, member: usize) -> bool {
        let is_local = |buffer| {
            let mut local = self.shared.iter().filter(|shared| shared.is_local);
            local.any(|shared| shared.buffer == buffer)
        };
        let group = self.group(member);
        let written = group.members().flat_map(|nest| &nest.outputs).map(|out| out.root);
        written.into_iter().all(|buffer| !group.keeps(buffer) || is_local(buffer))
    }

    /// Has a member other dimensions, of which one can be that of vectors?
    fn has_other_dims(&self, member: usize) -> bool {
        let sizes = self.group(member).root.parallel_sizes().iter().enumerate();
        sizes.into_iter().any(|(dim, &size)| dim != self.members[member].dim && size > 1)
    }

    /// Elements between the members.
    fn elements(&self, parts: &Parts) -> i64 {
        let local = self.shared.iter().zip(&parts.rows).filter(|(shared, _)| shared.is_local);
        local.map(|(shared, rows)| shared.elements_of(rows)).sum()
    }

    /// The cost of strips relative to that of whole images.
    fn cost(&self, parts: &Parts, planner: &Planner) -> f64 {
        let of_all = |group: Group| {
            let (steps, of_first) = group.steps_in_strips();
            planner.cost(&group) * steps as f64 / of_first as f64
        };
        let whole = || {
            let members = (0..self.members.len()).map(|member| planner.cost(self.group(member)));
            members.sum()
        };
        let strips: f64 = self.members_of_strip(parts).map(of_all).sum();
        let carried = self.shared.iter().zip(&parts.carried).filter(|(shared, _)| shared.is_local);
        let carried =
            carried.map(|(shared, rows)| shared.images() * (rows.end - rows.start) * shared.step);
        let vectors = carried.sum::<i64>() as f64 / planner.core.lanes as f64;
        (strips + vectors * HALO * parts.trips as f64) / self.whole.get_or_init(whole)
    }

    /// What the members do for one strip, with buffers that hold one.
    fn members_of_strip(&self, parts: &Parts) -> impl Iterator<Item = Group> {
        self.members.iter().zip(&parts.steps).map(move |(member, steps)| {
            let mut group = self.scope.groups[member.number].clone();
            group.cut(member.dim, parts.trips, (steps.advance, steps.size));
            for (shared, rows) in self.shared.iter().zip(&parts.rows) {
                if shared.is_local {
                    shared.keep_one_strip(&mut group, rows);
                }
            }
            group
        })
    }

    /// The numbers of the groups that go before the members.
    fn alone(&self) -> Vec<usize> {
        self.scope.padding.clone().chain(self.before.iter().copied()).collect()
    }

    /// The groups in the order in which they are computed, with the strips of each; without what
    /// makes the next strip ready.
    fn kernels(&self, parts: &Parts) -> impl Iterator<Item = (Group, i64)> {
        let alone = self.alone().into_iter().map(|number| (self.scope.groups[number].clone(), 1));
        alone.chain(self.members_of_strip(parts).map(|group| (group, parts.trips)))
    }

    fn cut(&self, parts: &Parts) -> Cut {
        let groups = self.scope.groups;
        let alone = self.alone();
        let place = |number| alone.iter().position(|&other| other == number);
        let mut before: Vec<Group> = alone.iter().map(|&number| groups[number].clone()).collect();
        let mut members: Vec<Group> = self.members_of_strip(parts).collect();
        // What the next strip finds, written after this one has read what was there.
        let (mut carries, mut paddings) = (Vec::new(), Vec::new());
        let of_strip = |nest| Group::of_strip(nest, parts.trips);
        let last = self.group(self.members.len() - 1).members().last().map(|nest| nest.op);
        for ((shared, rows), carried) in self.shared.iter().zip(&parts.rows).zip(&parts.carried) {
            if !shared.is_local {
                continue;
            }
            if let Some(Member { number, dim }) = shared.padding
                && let Some(group) = place(number).and_then(|place| before.get_mut(place))
            {
                group.root.sizes[dim] = rows.size;
                shared.keep_one_strip(group, rows);
                let below = self.rows_below(shared, rows, parts);
                let below =
                    last.and_then(|last| group.root.part(dim, below, Builder::before(last)));
                paddings.extend(below.map(of_strip));
            }
            let all = before.iter_mut().chain(&mut members).chain(&mut paddings);
            let smaller = shared.replace(all, rows, self.scope.planner.tasks);
            if let (Some(buffer), Some(last), false) = (smaller, last, carried.is_empty()) {
                let carry = shared.carry(buffer, rows, carried, Builder::before(last));
                carries.extend(carry.map(of_strip));
            }
        }
        let done = before.len() + self.members.len();
        members.extend(carries.into_iter().chain(paddings));
        let strip = Strip { groups: members, trips: parts.trips };
        (done, before.into_iter().map(Strip::of_one).chain([strip]).collect())
    }
}

impl Member {
    /// Does a reduction read other weights for each part of the dimension? They are packed in
    /// the order of the kernel's own loops.
    fn reads_weights(&self, scope: &Scope) -> bool {
        let root = &scope.groups[self.number].root;
        let mut weights = root.inputs.iter().filter(|input| scope.planner.is_constant(input));
        !root.is_elementwise() && weights.any(|weight| weight.depends_on(self.dim))
    }
}

/// The buffers that one of the members writes and another one accesses.
fn shared(scope: &Scope, members: &[Member]) -> Vec<Shared> {
    let groups = scope.groups;
    let accesses = |member: &Member| groups[member.number].members().flat_map(Nest::accesses);
    let mut found: Vec<Shared> = Vec::new();
    for member in members {
        for out in groups[member.number].members().flat_map(|nest| &nest.outputs) {
            let buffer = out.root;
            let uses = |other: &Member| accesses(other).any(|access| access.root == buffer);
            let is_shared =
                members.iter().any(|other| other.number != member.number && uses(other));
            if !is_shared || found.iter().any(|shared| shared.buffer == buffer) {
                continue;
            }
            let steps = members.iter().flat_map(|member| {
                let own = accesses(member).filter(|access| access.root == buffer);
                own.map(|access| access.strides[member.dim])
            });
            // In the smallest rows, so that several make one of another member.
            let step = steps.filter(|&step| step > 0).min().unwrap_or(0);
            let padding = scope.padding_of(buffer, members, step);
            let is_own = |number: usize| {
                let is_member = members.iter().any(|member| member.number == number);
                is_member || padding.is_some_and(|padding| padding.number == number)
            };
            let (own, others): (Vec<_>, Vec<_>) =
                groups.iter().enumerate().partition(|(number, _)| is_own(*number));
            let of_others = others.iter().flat_map(|(_, group)| group.buffers());
            let elsewhere: Vec<_> = scope.elsewhere.iter().copied().chain(of_others).collect();
            let shape = buffer.ty().shape().unwrap_or_default();
            let rows = |member: &Member| {
                let root = &groups[member.number].root;
                let own = accesses(member).filter(|access| access.root == buffer);
                own.map(|access| access.strides[member.dim]).max().unwrap_or(0)
                    * root.sizes[member.dim]
                    / step.max(1)
            };
            found.push(Shared {
                buffer,
                step,
                rows: members.iter().chain(&padding).map(rows).max().unwrap_or(0),
                // What each task has for itself holds one item.
                elements: if out.task > 0 { out.task } else { shape.iter().product() },
                is_local: is_local(buffer, own.iter().map(|(_, group)| *group), &elsewhere),
                padding,
            });
        }
    }
    found
}

impl Scope<'_> {
    /// The group before the last one of a chain that writes the padding of a buffer, and the
    /// dimension of its rows. `None` with several tasks, or if the fill initialises an accumulator.
    fn padding_of(&self, buffer: Value, members: &[Member], step: i64) -> Option<Member> {
        let last = members.last().filter(|_| self.tasks == 1)?.number;
        let groups = members.iter().map(|member| &self.groups[member.number]);
        let mut writers = groups.filter(|group| group.writes(buffer));
        let (writer, None) = (writers.next()?, writers.next()) else { return None };
        if writer.adds_to(buffer) {
            return None;
        }
        let writes = |number: &usize| {
            let group = &self.groups[*number];
            group.is_padding() && group.root.outputs[0].root == buffer
        };
        let is_member = |number: &usize| members.iter().any(|member| member.number == *number);
        let others = (self.padding.start..last).filter(|number| !is_member(number));
        let mut all = others.filter(writes);
        let (number, None) = (all.next()?, all.next()) else { return None };
        let strides = &self.groups[number].root.outputs[0].strides;
        let dim = strides.iter().position(|&stride| stride == step)?;
        Some(Member { number, dim })
    }
}

impl Shared {
    /// Whole images in an item; what remains lies between two items.
    fn images(&self) -> i64 {
        self.elements / (self.step * self.rows)
    }

    /// Whole images, the row in one, and the element of the row.
    fn coordinates(&self, elements: i64) -> [i64; 3] {
        let image = self.step * self.rows;
        [elements / image, elements % image / self.step, elements % self.step]
    }

    /// The rows of one step of a member, or 0 where it does not walk whole rows.
    fn pace(&self, of: &Use) -> i64 {
        match of.access.strides[of.dim] {
            step if self.step > 0 && step % self.step == 0 => step / self.step,
            _ => 0,
        }
    }

    /// The rows that so many steps access, if they keep to the elements of a row.
    fn rows_of(&self, of: &Use, steps: i64) -> Option<Range<i64>> {
        let [_, start, _] = self.coordinates(of.access.offset);
        let strides = of.access.strides.iter().zip(&of.nest.sizes).enumerate();
        let spans = strides.map(|(other, (step, &size))| {
            let size = if other == of.dim { steps } else { size };
            self.coordinates(*step).map(|step| step * (size - 1))
        });
        let [image, row, element] = spans.fold(self.coordinates(of.access.offset), |sum, span| {
            [sum[0] + span[0], sum[1] + span[1], sum[2] + span[2]]
        });
        (image < self.images() && element < self.step).then_some(start..row + 1)
    }

    /// Elements of the buffer that holds the rows of one strip of each image.
    fn elements_of(&self, rows: &Part) -> i64 {
        self.images() * rows.size * self.step
    }

    /// Makes the accesses of a group, which has one strip, those of a buffer that holds no more.
    fn keep_one_strip(&self, group: &mut Group, rows: &Part) {
        let moved = |elements: i64| {
            let [image, row, element] = self.coordinates(elements);
            (image * rows.size + row) * self.step + element
        };
        for access in group.members_mut().flat_map(Nest::accesses_mut) {
            if access.root == self.buffer {
                access.strip = 0;
                access.offset = moved(access.offset);
                access.strides.iter_mut().for_each(|stride| *stride = moved(*stride));
            }
        }
    }

    /// Puts a buffer with the rows of one strip for each task in the place of this one.
    fn replace<'a>(
        &self,
        groups: impl Iterator<Item = &'a mut Group>,
        rows: &Part,
        tasks: i64,
    ) -> Option<Value> {
        let op = self.buffer.defining_op()?;
        let elements = self.elements_of(rows);
        let smaller = allocate_within_item(Builder::before(op), elements * tasks);
        groups.for_each(|group| group.replace(self.buffer, smaller, elements));
        Some(smaller)
    }

    /// The group that copies the halo: the last rows of a strip to where the next one has its first.
    fn carry(&self, buffer: Value, rows: &Part, carried: &Range<i64>, at: Builder) -> Option<Nest> {
        let allocation = buffer.defining_op()?;
        allocation.set_attribute(buffers::CARRIED, allocation.context().unit_attr());
        let mut nest = Nest::of(linalg::copy(at, buffer, buffer)).ok()?;
        nest.sizes = vec![self.images(), carried.end - carried.start, self.step];
        nest.parallel = nest.sizes.len();
        let row = |row: i64| Access {
            offset: row * self.step,
            strides: vec![rows.size * self.step, self.step, 1],
            task: self.elements_of(rows),
            ..nest.outputs[0].clone()
        };
        (nest.inputs, nest.outputs) =
            (vec![row(carried.start + rows.advance)], vec![row(carried.start)]);
        Some(nest)
    }
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
        best(candidates, WORTH)
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
