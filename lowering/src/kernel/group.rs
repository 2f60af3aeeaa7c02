//! Groups: nests that one kernel computes without a buffer between them.

use std::ops::Range;

use gauss_dialect::ir::{Op, Value};

use super::nest::{Access, Nest, is_allocated, users_of};
use crate::linalg::layer;

/// A nest with what initialises its outputs and what is computed from them while
/// they are in registers. All members have the same parallel dimensions.
#[derive(Debug, Clone)]
pub struct Group {
    /// For each output of the root, the nest that writes its initial value.
    pub initial: Vec<Option<Nest>>,
    /// The nest that the schedule follows.
    pub root: Nest,
    /// Elementwise nests on the root's outputs, in order.
    pub epilogue: Vec<Nest>,
    /// The buffers that hold their values after the kernel.
    kept: Vec<Value>,
    /// Does a loop around the group count the items of the batch?
    pub is_of_item: bool,
    /// How many strips of an item the loop around the group computes.
    pub strips: i64,
    /// The dimension along which strips differ.
    pub uneven: Option<Uneven>,
}

/// Strips that overlap, or of which the last ones reach beyond the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uneven {
    /// The dimension; a step of it is no part of a tile or a vector.
    pub dim: usize,
    /// The steps of a strip.
    pub size: i64,
    /// The halo: how many of the first steps the strip before has done, where it is of the same
    /// task.
    pub common: i64,
    /// The steps of the image.
    pub whole: i64,
}

impl Uneven {
    /// From the first step of a strip to the first of the next.
    pub fn advance(&self) -> i64 {
        self.size - self.common
    }

    /// Where the steps of so many whole strips end, which may be beyond the image.
    pub fn end(&self, strips: i64) -> i64 {
        self.advance() * (strips - 1) + self.size
    }
}

impl Group {
    fn new(initial: Vec<Option<Nest>>, root: Nest) -> Self {
        Self {
            initial,
            root,
            epilogue: Vec::new(),
            kept: Vec::new(),
            is_of_item: false,
            strips: 1,
            uneven: None,
        }
    }

    /// A nest with one output and nothing around it.
    fn of_one(nest: Nest) -> Self {
        Self::new(vec![None], nest)
    }

    /// A nest with one output, which others read, for each of so many strips.
    pub fn of_strip(nest: Nest, strips: i64) -> Self {
        let kept = vec![nest.outputs[0].root];
        Self { kept, strips, ..Self::of_one(nest) }
    }

    /// Every member in program order.
    pub fn members(&self) -> impl Iterator<Item = &Nest> {
        self.initial.iter().flatten().chain([&self.root]).chain(&self.epilogue)
    }

    /// Every member, to change.
    pub fn members_mut(&mut self) -> impl Iterator<Item = &mut Nest> {
        self.initial.iter_mut().flatten().chain([&mut self.root]).chain(&mut self.epilogue)
    }

    /// Must this buffer hold its values after the kernel?
    pub fn keeps(&self, buffer: Value) -> bool {
        self.kept.contains(&buffer)
    }

    /// Finds what others than the members read; all members must be there.
    fn find_kept(&mut self) {
        let members: Vec<Op> = self.members().map(|nest| nest.op).collect();
        let is_kept = |buffer: &Value| {
            !is_allocated(*buffer) || users_of(*buffer).iter().any(|user| !members.contains(user))
        };
        let written = self.members().flat_map(|nest| &nest.outputs).map(|out| out.root);
        self.kept = written.filter(is_kept).collect();
    }

    /// Does the group only fill its buffer with one number, as padding is?
    pub fn is_padding(&self) -> bool {
        let Nest { inputs, outputs, body, .. } = &self.root;
        let is_constant = inputs.is_empty()
            && body.argument(0).users().is_empty()
            && !body.ops().iter().any(|op| op.is("linalg.index"));
        is_constant && outputs.len() == 1 && self.root.is_elementwise() && self.epilogue.is_empty()
    }

    /// Does a member write to this buffer?
    pub fn writes(&self, buffer: Value) -> bool {
        self.members().flat_map(|nest| &nest.outputs).any(|out| out.root == buffer)
    }

    /// Does a member accumulate into this buffer?
    pub fn adds_to(&self, buffer: Value) -> bool {
        let root = self.root.outputs.iter().zip(&self.initial);
        let is_it = |out: &Access| out.root == buffer;
        let mut sums = root.filter(|_| !self.root.is_elementwise());
        sums.any(|(out, initial)| is_it(out) && initial.is_none())
            || self.members().filter(|nest| nest.is_elementwise()).any(|nest| {
                let arguments = nest.body.arguments().into_iter().skip(nest.inputs.len());
                let mut outputs = nest.outputs.iter().zip(arguments);
                outputs.any(|(out, found)| is_it(out) && !found.users().is_empty())
            })
    }

    /// What the members compute, by the names of layers.
    pub fn layers(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for nest in [&self.root].into_iter().chain(&self.epilogue) {
            let name = layer(nest.op).unwrap_or_else(|| "copy".into());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join("+")
    }

    /// Replaces a buffer of all items or strips by one with a part for each task.
    pub fn replace(&mut self, buffer: Value, other: Value, task: i64) {
        for access in self.members_mut().flat_map(Nest::accesses_mut) {
            if access.root == buffer {
                (access.root, access.item, access.strip, access.task) = (other, 0, 0, task);
            }
        }
        self.kept.iter_mut().filter(|kept| **kept == buffer).for_each(|kept| *kept = other);
    }

    /// Joins neighbouring parallel dimensions that every access walks as one, and
    /// drops those of size 1.
    pub fn simplify(&mut self) {
        let mut dim = 0;
        while dim < self.root.parallel && self.root.parallel > 1 {
            if self.root.sizes[dim] == 1 {
                self.remove(dim);
                continue;
            }
            let inner = dim + 1;
            let is_even = |dim| self.uneven.is_none_or(|uneven| uneven.dim != dim);
            let joinable = inner < self.root.parallel && is_even(dim) && is_even(inner) && {
                let size = self.root.sizes[inner];
                let joins = |access: &Access| access.strides[dim] == access.strides[inner] * size;
                self.members().flat_map(Nest::accesses).all(joins)
            };
            if joinable {
                let size = self.root.sizes[dim];
                self.members_mut().for_each(|nest| nest.sizes[inner] *= size);
                self.remove(dim);
            } else {
                dim += 1;
            }
        }
    }

    /// Joins neighbouring reductions that every input walks as one. Packed constants do not
    /// count: they are stored in the order of the loops.
    pub fn join_reductions(&mut self, is_packed: impl Fn(&Access) -> bool) {
        let root = &mut self.root;
        let mut dim = root.parallel;
        while dim + 1 < root.sizes.len() {
            let size = root.sizes[dim + 1];
            // A dimension of one step is walked with any other.
            if root.sizes[dim] == 1 || size == 1 {
                let single = if size == 1 { dim + 1 } else { dim };
                root.sizes.remove(single);
                root.accesses_mut().for_each(|access| {
                    access.strides.remove(single);
                });
                continue;
            }
            let mut asked = root.inputs.iter().filter(|input| !is_packed(input));
            if asked.all(|input| input.strides[dim] == input.strides[dim + 1] * size) {
                root.sizes[dim + 1] *= root.sizes[dim];
                root.sizes.remove(dim);
                root.accesses_mut().for_each(|access| {
                    access.strides.remove(dim);
                });
            } else {
                dim += 1;
            }
        }
    }

    /// Splits the reductions into the parts that [`parts`] finds; returns how many of
    /// the outermost reductions then walk the parts.
    pub fn block_reductions(&mut self, steps: i64) -> usize {
        match parts(self.root.reduction_sizes(), steps) {
            None => 0,
            Some((dim, 1)) => dim + 1,
            Some((dim, part)) => {
                let size = self.root.reduction_sizes()[dim];
                self.split(self.root.parallel + dim, &[size / part, part]);
                dim + 1
            }
        }
    }

    /// What the members read or write.
    pub fn buffers(&self) -> impl Iterator<Item = Value> {
        self.members().flat_map(Nest::accesses).map(|access| access.root)
    }

    /// Takes the first dimension out of the group: a loop around it counts the items.
    pub fn peel(&mut self) {
        for access in self.members_mut().flat_map(Nest::accesses_mut) {
            access.item = access.strides[0];
        }
        self.is_of_item = true;
        self.remove(0);
    }

    /// The parallel dimensions of an item.
    pub fn dims_of_item(&self) -> Range<usize> {
        usize::from(!self.is_of_item)..self.root.parallel
    }

    /// Takes a loop over `trips` strips out of the group: each does `size` steps of a dimension,
    /// `advance` from the start of the one before.
    pub fn cut(&mut self, dim: usize, trips: i64, (advance, size): (i64, i64)) {
        let uneven = Uneven { dim, size, common: size - advance, whole: self.root.sizes[dim] };
        let is_uneven = uneven.common > 0 || uneven.end(trips) > uneven.whole;
        self.uneven = is_uneven.then_some(uneven);
        for nest in self.members_mut() {
            nest.sizes[dim] = size;
            nest.accesses_mut().for_each(|access| access.strip = access.strides[dim] * advance);
        }
        self.strips = trips;
    }

    /// The steps that all strips do of the dimension which they cut, and those of the first one.
    pub fn steps_in_strips(&self) -> (i64, i64) {
        match &self.uneven {
            None => (self.strips, 1),
            Some(uneven) => (uneven.end(self.strips).min(uneven.whole), uneven.size),
        }
    }

    /// Does neither group write what the other one reads or writes?
    pub fn commutes(&self, other: &Group) -> bool {
        self.members().all(|own| other.members().all(|nest| commute(own, nest)))
    }

    /// Splits a dimension into several.
    pub fn split(&mut self, dim: usize, sizes: &[i64]) {
        self.move_uneven(dim, sizes.len() as isize - 1);
        let reaches = |nest: &&mut Nest| dim < nest.sizes.len();
        self.members_mut().filter(reaches).for_each(|nest| nest.split(dim, sizes));
    }

    fn remove(&mut self, dim: usize) {
        self.move_uneven(dim, -1);
        for nest in self.members_mut() {
            nest.sizes.remove(dim);
            nest.parallel -= 1;
            nest.accesses_mut().for_each(|access| {
                access.strides.remove(dim);
            });
        }
    }

    /// Counts the dimensions anew, of which there are so many more at this one.
    fn move_uneven(&mut self, dim: usize, more: isize) {
        let after = self.uneven.as_mut().filter(|uneven| uneven.dim > dim);
        after.into_iter().for_each(|uneven| uneven.dim = uneven.dim.saturating_add_signed(more));
    }
}

/// Is this a buffer of the function that only these groups use? The program has the uses of
/// all ops but none of a buffer that took the place of another, which only groups have:
/// `elsewhere` are the buffers of the other groups.
pub fn is_local<'a>(
    buffer: Value,
    groups: impl IntoIterator<Item = &'a Group>,
    elsewhere: &[Value],
) -> bool {
    let members: Vec<Op> =
        groups.into_iter().flat_map(Group::members).map(|nest| nest.op).collect();
    is_allocated(buffer)
        && !elsewhere.contains(&buffer)
        && users_of(buffer).iter().all(|user| members.contains(user))
}

/// Parts of nested reductions of at most `steps` steps: all of the inner dimensions,
/// and so many trips of the one before them. None where the reductions are short,
/// or where only much smaller parts would be equal.
pub fn parts(sizes: &[i64], steps: i64) -> Option<(usize, i64)> {
    let inner = |dim: usize| sizes[dim + 1..].iter().product::<i64>();
    let dim = (0..sizes.len()).find(|&dim| inner(dim) <= steps)?;
    let most = (steps / inner(dim)).min(sizes[dim]);
    if most == sizes[dim] {
        // The parts are the trips of the dimension outside.
        return (dim > 0).then(|| (dim - 1, 1));
    }
    let part = (1..=most).rev().find(|part| sizes[dim] % part == 0).unwrap_or(1);
    (part * inner(dim) * 4 >= steps).then_some((dim, part))
}

/// Splits consecutive nests into groups. Only neighbours are joined, and what can be
/// made neighbours by nests that swap places with those between them.
pub fn group(nests: Vec<Nest>) -> Vec<Group> {
    let mut groups = Vec::new();
    // Nests that may turn out to initialise the next root.
    let mut waiting: Vec<Nest> = Vec::new();
    for nest in nests {
        if let Some(last) = groups.last_mut()
            && let Some(next) = extending(last, &nest)
            && let Some(earlier) = make_way(&mut waiting, last, &next)
        {
            last.epilogue.push(next);
            let place = groups.len() - 1;
            groups.splice(place..place, earlier.into_iter().map(Group::of_one));
            continue;
        }
        if nest.is_elementwise() && nest.outputs.len() == 1 {
            waiting.push(nest);
            continue;
        }
        let initial: Vec<_> = match nest.is_elementwise() {
            true => nest.outputs.iter().map(|_| None).collect(),
            false => {
                nest.outputs.iter().map(|out| take_initial(&mut waiting, &nest, out)).collect()
            }
        };
        flush(&mut waiting, &mut groups);
        groups.push(Group::new(initial, nest));
    }
    flush(&mut waiting, &mut groups);
    groups.iter_mut().for_each(Group::find_kept);
    groups
}

/// What initialises nothing is a kernel of its own.
fn flush(waiting: &mut Vec<Nest>, groups: &mut Vec<Group>) {
    for nest in waiting.drain(..) {
        let extended = groups.last_mut().and_then(|last| Some((extending(last, &nest)?, last)));
        match extended {
            Some((nest, last)) => last.epilogue.push(nest),
            None => groups.push(Group::of_one(nest)),
        }
    }
}

/// Lets `nest` follow `group` at once: takes out those of the waiting nests that go before
/// the group; the others stay for after the nest. `None` where some can do neither.
fn make_way(waiting: &mut Vec<Nest>, group: &Group, nest: &Nest) -> Option<Vec<Nest>> {
    let goes_before = |other: &Nest| !commute(other, nest);
    for (place, other) in waiting.iter().enumerate().filter(|(_, other)| goes_before(other)) {
        let passed = waiting[..place].iter().filter(|other| !goes_before(other));
        if !passed.chain(group.members()).all(|member| commute(member, other)) {
            return None;
        }
    }
    Some(waiting.extract_if(.., |other| goes_before(other)).collect())
}

/// Does neither nest write what the other one reads or writes?
fn commute(a: &Nest, b: &Nest) -> bool {
    let disturbs = |a: &Nest, b: &Nest| {
        a.outputs.iter().any(|out| b.accesses().any(|access| access.root == out.root))
    };
    !disturbs(a, b) && !disturbs(b, a)
}

/// The waiting nest that writes exactly what `root` finds in `out`. Nests that
/// wait are neighbours of the root and write different buffers.
fn take_initial(waiting: &mut Vec<Nest>, root: &Nest, out: &Access) -> Option<Nest> {
    let position = waiting.iter().rposition(|nest| nest.outputs[0].root == out.root)?;
    let nest = waiting[position].refined(root.parallel_sizes())?;
    let written_again =
        waiting[position + 1..].iter().any(|later| later.accesses().any(|a| a.root == out.root));
    let fits = nest.outputs[0].offset == out.offset
        && nest.outputs[0].strides == out.strides[..root.parallel]
        && !root.inputs.iter().any(|input| input.root == out.root)
        && !written_again;
    fits.then(|| {
        waiting.remove(position);
        nest
    })
}

/// `nest` in the dimensions of `group`, if it can be computed from the values that the group
/// holds in registers.
fn extending(group: &Group, nest: &Nest) -> Option<Nest> {
    let parallel = group.root.parallel;
    let nest = nest.refined(group.root.parallel_sizes()).filter(Nest::is_elementwise)?;
    let written: Vec<_> = group.members().flat_map(|member| &member.outputs).collect();
    let same =
        |a: &Access, b: &Access| a.offset == b.offset && a.strides[..] == b.strides[..parallel];
    let mut uses_group = false;
    for input in &nest.inputs {
        // What is held is known by its buffer alone: no part of it may be elsewhere.
        let mut places = written.iter().filter(|out| out.root == input.root).peekable();
        uses_group |= places.peek().is_some();
        if !places.all(|out| same(input, out)) {
            return None;
        }
    }
    // An output that the group reads or writes elsewhere would have to wait for it.
    let clobbers = nest
        .outputs
        .iter()
        .any(|out| group.members().flat_map(Nest::accesses).any(|access| access.root == out.root));
    (uses_group && !clobbers).then_some(nest)
}
