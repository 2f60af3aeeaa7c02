//! What the members of a chain share: rows of buffers, and how they walk them.

use std::ops::Range;

use gauss_dialect::ir::{Builder, Value};

use crate::{
    kernel::{
        buffers::{self, allocate_within_item},
        group::{Group, is_local},
        nest::{Access, Nest},
        plan::Planner,
    },
    linalg,
};

/// The groups that chains are found in.
pub struct Scope<'a> {
    pub groups: &'a [Group],
    /// The numbers of groups right before a chain that write padding.
    pub padding: Range<usize>,
    /// What groups elsewhere use.
    pub elsewhere: &'a [Value],
    pub planner: &'a Planner<'a>,
    /// Tasks that may share the strips of an image.
    pub tasks: i64,
}

/// The number of a group, and its dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    pub number: usize,
    pub dim: usize,
}

/// Rows of a buffer, as its members walk them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shared {
    pub buffer: Value,
    /// From a row to the next.
    pub step: i64,
    pub rows: i64,
    /// Elements of one item.
    pub elements: i64,
    /// May only a part of it be kept, because nothing else uses it?
    pub is_local: bool,
    /// The group that writes the padding of a local buffer, and the dimension of its rows.
    pub padding: Option<Member>,
}

/// An access of a shared buffer.
#[derive(Clone, Copy)]
pub struct Use<'a> {
    /// Which member of the chain it is, and the dimension that this cuts.
    pub member: usize,
    pub dim: usize,
    pub nest: &'a Nest,
    pub access: &'a Access,
    pub writes: bool,
}

/// Steps or rows of a strip.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// From the first of a strip to the first of the next.
    pub advance: i64,
    /// How many: more than the advance where strips overlap.
    pub size: i64,
}

impl Part {
    /// The overlap of this strip and the next.
    pub fn common(&self) -> i64 {
        self.size - self.advance
    }
}

impl Member {
    /// Does a reduction read other weights for each part of the dimension? They are packed in
    /// the order of the kernel's own loops.
    pub fn reads_weights(&self, scope: &Scope) -> bool {
        let root = &scope.groups[self.number].root;
        let mut weights = root.inputs.iter().filter(|input| scope.planner.is_constant(input));
        !root.is_elementwise() && weights.any(|weight| weight.depends_on(self.dim))
    }
}

/// The buffers that one of the members writes and another one accesses.
pub fn shared(scope: &Scope, members: &[Member]) -> Vec<Shared> {
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
    pub fn images(&self) -> i64 {
        self.elements / (self.step * self.rows)
    }

    /// Whole images, the row in one, and the element of the row.
    fn coordinates(&self, elements: i64) -> [i64; 3] {
        let image = self.step * self.rows;
        [elements / image, elements % image / self.step, elements % self.step]
    }

    /// The rows of one step of a member, or 0 where it does not walk whole rows.
    pub fn pace(&self, of: &Use) -> i64 {
        match of.access.strides[of.dim] {
            step if self.step > 0 && step % self.step == 0 => step / self.step,
            _ => 0,
        }
    }

    /// The rows that so many steps access, if they keep to the elements of a row.
    pub fn rows_of(&self, of: &Use, steps: i64) -> Option<Range<i64>> {
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
    pub fn elements_of(&self, rows: &Part) -> i64 {
        self.images() * rows.size * self.step
    }

    /// Makes the accesses of a group, which has one strip, those of a buffer that holds no more.
    pub fn keep_one_strip(&self, group: &mut Group, rows: &Part) {
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
    pub fn replace<'a>(
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
    pub fn carry(
        &self,
        buffer: Value,
        rows: &Part,
        carried: &Range<i64>,
        at: Builder,
    ) -> Option<Nest> {
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
