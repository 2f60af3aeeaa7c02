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

/// Lays out the images that the groups exchange: channels last where that makes
/// the reduction that computes one cheaper, and for what follows elementwise.
pub fn assign(groups: &mut [Group], core: &Core, constants: &Constants) {
    let mut channels_last: Vec<Value> = Vec::new();
    for number in 0..groups.len() {
        let images: Vec<Image> =
            outputs(&groups[number]).into_iter().filter_map(Image::of).collect();
        let Some(images) = movable(images, groups) else { continue };
        let group = &groups[number];
        let wanted = match group.root.is_elementwise() {
            true => group.root.inputs.iter().any(|input| channels_last.contains(&input.root)),
            false => {
                let mut moved = group.clone();
                images.iter().for_each(|image| image.lay_out(&mut moved));
                cost(&moved, core, constants) < cost(group, core, constants)
            }
        };
        if wanted {
            for image in images {
                groups.iter_mut().for_each(|group| image.lay_out(group));
                channels_last.push(image.buffer);
            }
        }
    }
}

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

/// A batch of images in a buffer of the function: item, channel, row, column.
struct Image {
    buffer: Value,
    channels: i64,
    rows: i64,
    columns: i64,
}

impl Image {
    fn of(buffer: Value) -> Option<Self> {
        let shape = buffer.ty().shape().filter(|_| is_allocated(buffer))?;
        let [_, .., channels, rows, columns] = shape[..] else { return None };
        let differs = channels > 1 && rows * columns > 1;
        differs.then_some(Self { buffer, channels, rows, columns })
    }

    fn sizes(&self) -> [i64; 3] {
        [self.channels, self.rows, self.columns]
    }

    /// Splits loops that walk a whole item as one dimension into three; does every
    /// access of the image then move along its dimensions?
    fn fits(&self, group: &mut Group) -> bool {
        while let Some(dim) = self.flattened(group) {
            group.split(dim, &self.sizes());
        }
        let sizes = group.root.sizes.clone();
        let all = group.members().flat_map(|nest| nest.accesses());
        all.filter(|access| access.root == self.buffer)
            .all(|access| self.coordinates(access, &sizes).is_some())
    }

    /// A dimension along which some access walks all elements of an item.
    fn flattened(&self, group: &Group) -> Option<usize> {
        let item: i64 = self.sizes().iter().product();
        let sizes = &group.root.sizes;
        let mut accesses = group.members().flat_map(|nest| nest.accesses());
        accesses.find_map(|access| {
            let walks = |&dim: &usize| access.strides[dim] == 1 && sizes[dim] == item;
            (access.root == self.buffer).then(|| (0..access.strides.len()).find(walks)).flatten()
        })
    }

    /// The offset, and the stride along each dimension of the nest, as item,
    /// channel, row and column; `None` where an access leaves a row or an image.
    fn coordinates(&self, access: &Access, sizes: &[i64]) -> Option<(Index, Vec<Index>)> {
        let split = |elements: i64| {
            let (rest, column) = (elements / self.columns, elements % self.columns);
            let (rest, row) = (rest / self.rows, rest % self.rows);
            [rest / self.channels, rest % self.channels, row, column]
        };
        let offset = split(access.offset);
        let strides: Vec<_> = access.strides.iter().map(|&stride| split(stride)).collect();
        let limits = [i64::MAX, self.channels, self.rows, self.columns];
        let stays = |axis: usize| {
            let steps = strides.iter().zip(sizes).map(|(step, size)| step[axis] * (size - 1));
            offset[axis] + steps.sum::<i64>() < limits[axis]
        };
        (1..4).all(stays).then_some((offset, strides))
    }

    /// Makes the accesses of a group those of the image with channels last.
    fn lay_out(&self, group: &mut Group) {
        let sizes = group.root.sizes.clone();
        let join = |[item, channel, row, column]: Index| {
            ((item * self.rows + row) * self.columns + column) * self.channels + channel
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

/// Item, channel, row and column.
type Index = [i64; 4];
