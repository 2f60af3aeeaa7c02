//! Layouts: which dimension of an intermediate buffer is contiguous.
//!
//! A network is written with channels before rows and columns. A convolution that
//! computes many channels side by side wants them to be neighbours in memory, so
//! that it stores vectors, and pooling after it loads them. Only buffers of the
//! function itself are free to be laid out so.
//!
//! Items of a batch that a layer reads side by side must not be a multiple of a page
//! apart: they would share one set of the cache, which holds few of them.

use gauss_dialect::ir::{Builder, Value};

use super::{
    constants::Constants,
    group::{Group, is_local},
    nest::{Access, Nest, is_allocated},
    schedule,
};
use crate::{linalg::allocate, target::Core};

/// How many times dearer channels last may make the reductions that read what is computed elementwise.
const DEARER: f64 = 1.5;

/// Lays out the images that the groups exchange: channels last where that makes
/// the reduction that computes one cheaper, and for what follows elementwise, unless a
/// reduction that reads it becomes much dearer.
pub fn assign(groups: &mut [Group], core: &Core, constants: &Constants) {
    if !core.moves_channels {
        return;
    }
    // Each with the number of its spatial dimensions.
    let mut channels_last: Vec<(Value, usize)> = Vec::new();
    for number in 0..groups.len() {
        let buffers = outputs(&groups[number]);
        let mut all = Vec::new();
        for rank in RANKS {
            let images = buffers.iter().filter_map(|&buffer| Image::of(buffer, rank)).collect();
            all.extend(movable(images, groups).map(|images| (rank, images)));
        }
        let group = &groups[number];
        let wanted = match group.root.is_elementwise() {
            true => {
                let mut inputs = group.root.inputs.iter().map(|input| input.root);
                let of_input = inputs.find_map(|root| {
                    channels_last.iter().find(|(buffer, _)| *buffer == root).map(|(_, rank)| *rank)
                });
                let of_rank = all.into_iter().find(|(rank, _)| Some(*rank) == of_input);
                let readers = |images: &[Image]| {
                    let reads = |group: &&Group| {
                        let mut inputs = group.root.inputs.iter();
                        !group.root.is_elementwise()
                            && inputs.any(|input| images.iter().any(|x| x.buffer == input.root))
                    };
                    groups.iter().filter(reads).cloned().collect::<Vec<_>>()
                };
                of_rank.filter(|(_, images)| {
                    readers(images).into_iter().all(|reader| {
                        let mut moved = reader.clone();
                        images.iter().for_each(|image| image.lay_out(&mut moved));
                        let kept = cost(&reader, core, constants);
                        cost(&moved, core, constants) <= DEARER * kept
                    })
                })
            }
            false => {
                let cost_of = |images: &[Image]| {
                    let mut moved = group.clone();
                    images.iter().for_each(|image| image.lay_out(&mut moved));
                    cost(&moved, core, constants)
                };
                let all = all.into_iter().map(|of_rank| (cost_of(&of_rank.1), of_rank));
                let cheapest = all.min_by(|(a, _), (b, _)| a.total_cmp(b));
                let cheaper = |(moved, _): &(f64, _)| *moved < cost(group, core, constants);
                cheapest.filter(cheaper).map(|(_, of_rank)| of_rank)
            }
        };
        for (rank, image) in wanted
            .into_iter()
            .flat_map(|(rank, images)| images.into_iter().map(move |image| (rank, image)))
        {
            groups.iter_mut().for_each(|group| image.lay_out(group));
            channels_last.push((image.buffer, rank));
        }
    }
}

/// Numbers of spatial dimensions that an image may have, the usual one first.
const RANKS: [usize; 3] = [2, 1, 3];

/// Elements after which an address falls into the same set of a first-level cache.
const SET_PERIOD: i64 = 1024;

/// Elements of a line of the cache.
const LINE: i64 = 16;

/// Moves the items of a batch apart by a line where they are a multiple of 4 KB apart
/// and a reduction reads them.
pub fn spread_items(groups: &mut [Group]) {
    let mut batches: Vec<Batch> = Vec::new();
    for group in groups.iter().filter(|group| !group.root.is_elementwise()) {
        for batch in group.root.inputs.iter().filter_map(|input| Batch::of(input.root)) {
            if !batches.iter().any(|other| other.buffer == batch.buffer) {
                batches.push(batch);
            }
        }
    }
    for batch in batches {
        if is_local(batch.buffer, &*groups, &[]) && groups.iter().all(|group| batch.fits(group)) {
            batch.spread(groups);
        }
    }
}

/// A batch in a buffer of the function, whose items share the sets of the cache.
struct Batch {
    buffer: Value,
    items: i64,
    /// Elements of an item.
    item: i64,
}

impl Batch {
    fn of(buffer: Value) -> Option<Self> {
        let shape = buffer.ty().shape().filter(|_| is_allocated(buffer))?;
        let (&items, rest) = shape.split_first()?;
        let item = rest.iter().product::<i64>();
        (items > 1 && item % SET_PERIOD == 0).then_some(Self { buffer, items, item })
    }

    /// Does every access of a group stay in an item along all loops but those over items?
    fn fits(&self, group: &Group) -> bool {
        group.members().all(|nest| {
            nest.accesses().filter(|access| access.root == self.buffer).all(|access| {
                let steps = access.strides.iter().zip(&nest.sizes);
                let steps = steps.map(|(stride, size)| stride % self.item * (size - 1));
                access.offset % self.item + steps.sum::<i64>() < self.item
            })
        })
    }

    fn spread(&self, groups: &mut [Group]) {
        let Some(op) = self.buffer.defining_op() else { return };
        let spread = allocate(Builder::before(op), &[(self.item + LINE) * self.items]);
        let moved = |elements: i64| elements + elements / self.item * LINE;
        for group in groups {
            for access in group.members_mut().flat_map(Nest::accesses_mut) {
                if access.root == self.buffer {
                    access.offset = moved(access.offset);
                    access.strides.iter_mut().for_each(|stride| *stride = moved(*stride));
                }
            }
            group.replace(self.buffer, spread, 0);
        }
    }
}

fn cost(group: &Group, core: &Core, constants: &Constants) -> f64 {
    let mut group = group.clone();
    group.simplify();
    schedule::choose(&group, core, constants).cost
}

fn outputs(group: &Group) -> Vec<Value> {
    let mut buffers: Vec<Value> = Vec::new();
    for out in group.members().flat_map(|nest| &nest.outputs) {
        if !buffers.contains(&out.root) {
            buffers.push(out.root);
        }
    }
    buffers
}

/// The images, if there are any and every access of each can follow another layout.
fn movable(images: Vec<Image>, groups: &mut [Group]) -> Option<Vec<Image>> {
    for image in &images {
        if !is_local(image.buffer, &*groups, &[])
            || !groups.iter_mut().all(|group| image.fits(group))
        {
            return None;
        }
    }
    (!images.is_empty()).then_some(images)
}

/// A batch of images in a buffer of the function: item, channel, and a place along each spatial
/// dimension.
struct Image {
    buffer: Value,
    /// Channels, then the spatial sizes.
    sizes: Vec<i64>,
}

impl Image {
    /// The images that a buffer holds, if they may have so many spatial dimensions. Before those and
    /// the channels may be more than one dimension of items where it is the usual number.
    fn of(buffer: Value, rank: usize) -> Option<Self> {
        let shape = buffer.ty().shape().filter(|_| is_allocated(buffer))?;
        let items = shape.len().checked_sub(rank + 1).filter(|&items| items > 0)?;
        let sizes = shape[items..].to_vec();
        let differs = sizes[0] > 1 && sizes[1..].iter().product::<i64>() > 1;
        (differs && (items == 1 || rank == RANKS[0])).then_some(Self { buffer, sizes })
    }

    /// Splits loops that walk a whole item as one dimension into those of an image; does every
    /// access of the image then move along its dimensions?
    fn fits(&self, group: &mut Group) -> bool {
        while let Some(dim) = self.flattened(group) {
            group.split(dim, &self.sizes);
        }
        let sizes = group.root.sizes.clone();
        let all = group.members().flat_map(|nest| nest.accesses());
        all.filter(|access| access.root == self.buffer)
            .all(|access| self.coordinates(access, &sizes).is_some())
    }

    /// A dimension along which some access walks all elements of an item.
    fn flattened(&self, group: &Group) -> Option<usize> {
        let item: i64 = self.sizes.iter().product();
        let sizes = &group.root.sizes;
        let mut accesses = group.members().flat_map(|nest| nest.accesses());
        accesses.find_map(|access| {
            let walks = |&dim: &usize| access.strides[dim] == 1 && sizes[dim] == item;
            (access.root == self.buffer).then(|| (0..access.strides.len()).find(walks)).flatten()
        })
    }

    /// The offset, and the stride along each dimension of the nest, as item, channel and places;
    /// `None` where an access leaves a row or an image.
    fn coordinates(&self, access: &Access, sizes: &[i64]) -> Option<(Index, Vec<Index>)> {
        let split = |elements: i64| {
            let mut rest = elements;
            let mut index: Index = vec![0; self.sizes.len() + 1];
            for (axis, size) in self.sizes.iter().enumerate().rev() {
                index[axis + 1] = rest % size;
                rest /= size;
            }
            index[0] = rest;
            index
        };
        let offset = split(access.offset);
        let strides: Vec<_> = access.strides.iter().map(|&stride| split(stride)).collect();
        let stays = |(axis, limit): (usize, &i64)| {
            let steps = strides.iter().zip(sizes).map(|(step, size)| step[axis + 1] * (size - 1));
            offset[axis + 1] + steps.sum::<i64>() < *limit
        };
        self.sizes.iter().enumerate().all(stays).then_some((offset, strides))
    }

    /// Makes the accesses of a group those of the image with channels last.
    fn lay_out(&self, group: &mut Group) {
        let sizes = group.root.sizes.clone();
        let [channels, spatial @ ..] = &self.sizes[..] else { return };
        let join = |index: Index| {
            let places = spatial.iter().zip(&index[2..]);
            let place = places.fold(index[0], |place, (size, index)| place * size + index);
            place * channels + index[1]
        };
        for nest in group.members_mut() {
            for access in nest.accesses_mut().filter(|access| access.root == self.buffer) {
                if let Some((offset, strides)) = self.coordinates(access, &sizes) {
                    access.offset = join(offset);
                    access.strides = strides.into_iter().map(join).collect();
                }
            }
        }
    }
}

/// Item, channel, and a place along each spatial dimension.
type Index = Vec<i64>;
