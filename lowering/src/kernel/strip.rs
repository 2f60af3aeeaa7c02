//! Strips: consecutive groups that compute an image some rows at a time.
//!
//! A pool reads neighbouring rows of what the layer before it computes, each once, as a sum
//! does of transformed tiles. Done strip by strip, these rows stay in the cache, and need the
//! memory of one strip only.

use std::cell::OnceCell;

use gauss_dialect::ir::{Builder, Value};

use super::{
    group::{Group, is_local},
    nest::{Access, Nest},
    plan::Planner,
    region::allocate_within_item,
};

/// Consecutive groups, and the loop around them.
#[derive(Debug)]
pub struct Strip {
    /// The groups, in program order.
    pub groups: Vec<Group>,
    /// Trips of the loop around the groups: strips, or 1.
    pub trips: i64,
}

/// How many times the cost of whole images strips may have by the model: they read the
/// weights more often, which the model sees, and keep to a nearer cache, which it does not.
const WORTH: f64 = 1.05;

/// Splits the groups of a region, of which the first is kernel `number` of the function,
/// into strips. Groups elsewhere use some buffers.
pub fn strips(
    groups: &[Group],
    elsewhere: &[Value],
    number: usize,
    planner: &Planner,
) -> Result<Vec<Strip>, String> {
    let mut strips: Vec<Strip> = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        match cut(groups, first, elsewhere, number, planner)? {
            Some((before, strip)) => {
                first += before.len() + strip.groups.len();
                strips.extend(before.into_iter().map(Strip::of_one));
                strips.push(strip);
            }
            None => {
                strips.push(Strip::of_one(groups[first].clone()));
                first += 1;
            }
        }
    }
    Ok(strips)
}

/// Groups that go before a strip, and the strip.
type Cut = (Vec<Group>, Strip);

/// The best strip that begins with group `first`, if there is one.
fn cut(
    groups: &[Group],
    first: usize,
    elsewhere: &[Value],
    number: usize,
    planner: &Planner,
) -> Result<Option<Cut>, String> {
    let dims = groups[first].dims_of_item();
    let chains = dims.filter_map(|dim| Chain::of(groups, (first, dim), elsewhere, planner));
    let chains: Vec<_> = chains.collect();
    // The kernel's name, without strips and with them.
    let names = [0, chains.first().map_or(0, |chain| chain.before.len())];
    let names = names.map(|before| planner.name(&groups[first], number + first + before));
    let given = names.iter().find_map(|name| planner.given(name)?.strips);
    let mut candidates: Vec<(&Chain, i64)> = Vec::new();
    for chain in &chains {
        let trips = (2..=chain.rows(groups)).filter(|&trips| chain.can_cut(groups, trips));
        candidates.extend(trips.map(|trips| (chain, trips)));
    }
    // What needs the least memory first.
    candidates.sort_by_key(|(chain, trips)| chain.bytes() / trips);
    let found = candidates.into_iter().find(|(chain, trips)| match given {
        Some(given) => given == *trips,
        None => chain.is_cheap(groups, *trips, planner),
    });
    match (given, found) {
        (Some(given), None) if given != 1 => {
            Err(format!("the schedule of kernel '{}' has no use for {given} 'strips'", names[1]))
        }
        _ => Ok(found.map(|(chain, trips)| chain.cut(groups, trips, planner.tasks))),
    }
}

/// Groups that may share a loop over parts of a dimension.
struct Chain {
    /// The numbers of the groups, and the dimension of each.
    members: Vec<(usize, usize)>,
    /// The numbers of groups between them that may go before them all.
    before: Vec<usize>,
    /// What one member writes and others access.
    shared: Vec<Shared>,
    /// The cost of the members without strips, once it is known.
    whole: OnceCell<f64>,
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
}

impl Chain {
    /// The longest chain that begins with a group, along one of its dimensions.
    fn of(
        groups: &[Group],
        first: (usize, usize),
        elsewhere: &[Value],
        planner: &Planner,
    ) -> Option<Self> {
        if groups[first.0].root.sizes[first.1] == 1 || reads_weights(groups, first, planner) {
            return None;
        }
        let (mut before, mut waiting) = (Vec::new(), Vec::new());
        let mut chain = Self::of_members(groups, vec![first], elsewhere);
        for (number, group) in groups.iter().enumerate().skip(first.0 + 1) {
            let longer = group.dims_of_item().find_map(|dim| {
                let next = (number, dim);
                if reads_weights(groups, next, planner) || !follows(groups, &chain.members, next) {
                    return None;
                }
                let members = [&chain.members[..], &[next]].concat();
                let longer = Self::of_members(groups, members, elsewhere);
                let mut trips = 2..=longer.rows(groups);
                trips.any(|trips| longer.can_cut(groups, trips)).then_some(longer)
            });
            if let Some(longer) = longer {
                before.append(&mut waiting);
                chain = longer;
            } else if chain.members.iter().all(|&(member, _)| groups[member].commutes(group)) {
                waiting.push(number);
            } else {
                break;
            }
        }
        let mut roots = chain.members.iter().map(|&(number, _)| &groups[number].root);
        let is_worth_it = roots.any(|root| !root.is_elementwise())
            && chain.shared.iter().any(|shared| shared.is_local);
        is_worth_it.then_some(Self { before, ..chain })
    }

    fn of_members(groups: &[Group], members: Vec<(usize, usize)>, elsewhere: &[Value]) -> Self {
        let shared = shared(groups, &members, elsewhere);
        Self { members, before: vec![], shared, whole: OnceCell::new() }
    }

    /// The fewest rows of a member.
    fn rows(&self, groups: &[Group]) -> i64 {
        let rows = self.members.iter().map(|&(number, dim)| groups[number].root.sizes[dim]);
        rows.min().unwrap_or(1)
    }

    /// Can all members do so many parts, one after the other, without looking into another?
    fn can_cut(&self, groups: &[Group], trips: i64) -> bool {
        self.members.iter().all(|&(number, dim)| {
            let group = &groups[number];
            group.root.sizes[dim] % trips == 0
                && self.shared.iter().all(|shared| {
                    let stays = |access: &Access, nest: &Nest| {
                        access.root != shared.buffer || shared.stays(access, nest, dim, trips)
                    };
                    group.members().all(|nest| nest.accesses().all(|access| stays(access, nest)))
                })
        })
    }

    /// Bytes between the members, of which strips keep a part.
    fn bytes(&self) -> i64 {
        let local = self.shared.iter().filter(|shared| shared.is_local);
        local.map(|shared| shared.elements * 4).sum()
    }

    /// Do strips cost little more than whole images?
    fn is_cheap(&self, groups: &[Group], trips: i64, planner: &Planner) -> bool {
        let whole = self.whole.get_or_init(|| self.cost(groups, 1, planner));
        self.cost(groups, trips, planner) <= whole * WORTH
    }

    /// The cost of all members in so many strips.
    fn cost(&self, groups: &[Group], trips: i64, planner: &Planner) -> f64 {
        let of_strip = self.members_of_strip(groups, trips).map(|group| planner.cost(&group));
        of_strip.sum::<f64>() * trips as f64
    }

    /// What the members do for one of so many strips, with buffers that hold one.
    fn members_of_strip(&self, groups: &[Group], trips: i64) -> impl Iterator<Item = Group> {
        self.members.iter().map(move |&(number, dim)| {
            let mut group = groups[number].clone();
            group.cut(dim, trips);
            for shared in self.shared.iter().filter(|shared| shared.is_local) {
                shared.keep_one_strip(&mut group, trips);
            }
            group
        })
    }

    fn cut(&self, groups: &[Group], trips: i64, tasks: i64) -> Cut {
        let mut strip = Strip { groups: self.members_of_strip(groups, trips).collect(), trips };
        for shared in self.shared.iter().filter(|shared| shared.is_local) {
            shared.replace(&mut strip, tasks);
        }
        (self.before.iter().map(|&number| groups[number].clone()).collect(), strip)
    }
}

/// Does a reduction read other weights for each part of the dimension? They are packed in the
/// order of the kernel's own loops.
fn reads_weights(groups: &[Group], (number, dim): (usize, usize), planner: &Planner) -> bool {
    let root = &groups[number].root;
    let mut weights = root.inputs.iter().filter(|input| planner.is_constant(input));
    !root.is_elementwise() && weights.any(|weight| weight.depends_on(dim))
}

/// Does a group use what the members write, and do all then walk the rows of what they
/// share alike?
fn follows(groups: &[Group], members: &[(usize, usize)], group: (usize, usize)) -> bool {
    let all: Vec<_> = members.iter().copied().chain([group]).collect();
    let mut uses = false;
    let mut keep_pace = true;
    for shared in shared(groups, &all, &[]) {
        for &(number, dim) in &all {
            let size = groups[number].root.sizes[dim];
            let accesses = groups[number].members().flat_map(Nest::accesses);
            for access in accesses.filter(|access| access.root == shared.buffer) {
                uses |= number == group.0;
                keep_pace &= access.strides[dim] * size == shared.step * shared.rows;
            }
        }
    }
    uses && keep_pace
}

/// The buffers that one of the members writes and another one accesses; groups elsewhere use
/// some of them.
fn shared(groups: &[Group], members: &[(usize, usize)], elsewhere: &[Value]) -> Vec<Shared> {
    let mut found: Vec<Shared> = Vec::new();
    let is_member = |number: usize| members.iter().any(|&(member, _)| member == number);
    let (own, others): (Vec<_>, Vec<_>) =
        groups.iter().enumerate().partition(|(number, _)| is_member(*number));
    let of_others = others.iter().flat_map(|(_, group)| group.buffers());
    let elsewhere: Vec<_> = elsewhere.iter().copied().chain(of_others).collect();
    let accesses = |number: usize| groups[number].members().flat_map(Nest::accesses);
    for &(number, dim) in members {
        let group = &groups[number];
        for out in group.members().flat_map(|nest| &nest.outputs) {
            let uses = |number: usize| accesses(number).any(|access| access.root == out.root);
            let is_shared = members.iter().any(|&(other, _)| other != number && uses(other));
            if !is_shared || found.iter().any(|shared| shared.buffer == out.root) {
                continue;
            }
            let shape = out.root.ty().shape().unwrap_or_default();
            let is_local = is_local(out.root, own.iter().map(|(_, group)| *group), &elsewhere);
            let steps = members.iter().flat_map(|&(member, dim)| {
                let own = accesses(member).filter(|access| access.root == out.root);
                own.map(move |access| access.strides[dim])
            });
            // In the smallest rows, so that several make one of another member.
            let step = steps.filter(|&step| step > 0).min().unwrap_or(0);
            found.push(Shared {
                buffer: out.root,
                step,
                rows: out.strides[dim] * group.root.sizes[dim] / step.max(1),
                // What each task has for itself holds one item.
                elements: if out.task > 0 { out.task } else { shape.iter().product() },
                is_local,
            });
        }
    }
    found
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

    /// Does an access keep to the rows of its part, each a part of the row?
    fn stays(&self, access: &Access, nest: &Nest, dim: usize, trips: i64) -> bool {
        if self.step == 0 {
            return false;
        }
        let steps =
            access.strides.iter().zip(&nest.sizes).enumerate().map(|(other, (step, size))| {
                let trips = if other == dim { trips } else { 1 };
                self.coordinates(*step).map(|step| step * (size / trips - 1))
            });
        let [image, row, element] = steps.fold(self.coordinates(access.offset), |sum, step| {
            [sum[0] + step[0], sum[1] + step[1], sum[2] + step[2]]
        });
        image < self.images() && row < self.rows / trips && element < self.step
    }

    /// Makes the accesses of a group, which has one strip, those of a buffer that holds no more.
    fn keep_one_strip(&self, group: &mut Group, trips: i64) {
        let moved = |elements: i64| {
            let [image, row, element] = self.coordinates(elements);
            (image * self.rows / trips + row) * self.step + element
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
    fn replace(&self, strip: &mut Strip, tasks: i64) {
        let Some(op) = self.buffer.defining_op() else { return };
        let elements = self.images() * self.step * self.rows / strip.trips;
        let smaller = allocate_within_item(Builder::before(op), elements * tasks);
        strip.groups.iter_mut().for_each(|group| group.replace(self.buffer, smaller, elements));
    }
}

impl Strip {
    fn of_one(group: Group) -> Self {
        Self { groups: vec![group], trips: 1 }
    }
}
