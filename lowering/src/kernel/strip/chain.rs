//! Chains: groups that can be done strip by strip, in which ways, and what that costs.

use std::{cell::OnceCell, collections::BTreeSet, ops::Range};

use gauss_dialect::ir::Builder;

use super::{
    Cut, Strip,
    shared::{Member, Part, Scope, Shared, Use, shared},
};
use crate::kernel::{group::Group, plan::Planner};

/// The most steps that are tried for strips of an incomplete chain. Windows of more rows keep an
/// image whole.
const LOOK_AHEAD: i64 = 64;

/// The cost in cycles of copying a vector of the halo to the next strip.
const HALO: f64 = 4.0;

/// Groups that may share a loop over parts of a dimension.
pub struct Chain<'a> {
    scope: &'a Scope<'a>,
    members: Vec<Member>,
    /// The numbers of groups between the members that may go before them all.
    before: Vec<usize>,
    /// What one member writes and others access.
    shared: Vec<Shared>,
    /// The cost of the members without strips, once it is known.
    whole: OnceCell<f64>,
}

/// How the members of a chain do so many strips.
pub struct Parts {
    trips: i64,
    /// For each member, the steps along its dimension.
    steps: Vec<Part>,
    /// For each shared buffer, its rows.
    rows: Vec<Part>,
    /// For each shared buffer, its halo: rows that a strip reads and the strip before has written.
    carried: Vec<Range<i64>>,
}

impl<'a> Chain<'a> {
    /// The longest chain that begins with a group, along one of its dimensions.
    pub fn of(scope: &'a Scope<'a>, first: Member) -> Option<Self> {
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
    pub fn all_parts(&self) -> impl Iterator<Item = Parts> {
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
    pub fn elements(&self, parts: &Parts) -> i64 {
        let local = self.shared.iter().zip(&parts.rows).filter(|(shared, _)| shared.is_local);
        local.map(|(shared, rows)| shared.elements_of(rows)).sum()
    }

    /// The cost of strips relative to that of whole images.
    pub fn cost(&self, parts: &Parts, planner: &Planner) -> f64 {
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
    pub fn kernels(&self, parts: &Parts) -> impl Iterator<Item = (Group, i64)> {
        let alone = self.alone().into_iter().map(|number| (self.scope.groups[number].clone(), 1));
        alone.chain(self.members_of_strip(parts).map(|group| (group, parts.trips)))
    }

    pub fn cut(&self, parts: &Parts) -> Cut {
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
