//! Memory: buffers as lists of elements, loads and stores of the cells of a tile.

use gauss_dialect::ir::{Attribute, Builder, DYNAMIC, Type, Value};

use super::{Kernel, Tile, linear::Linear};
use crate::kernel::{
    nest::{Access, Nest, is_moving},
    pack::{Side, Stream},
    schedule::tile::{Chunk, MAX_INTERLEAVE, padded_width},
};

/// A buffer as a list of elements.
pub(super) fn flatten(builder: Builder, buffer: Value) -> Value {
    let context = builder.context();
    if is_moving(buffer) {
        return flatten_moving(builder, buffer);
    }
    let elements: i64 = buffer.ty().shape().unwrap_or_default().iter().product();
    let ty = Type::memref(context.f32(), &[elements]);
    if buffer.ty() == ty {
        return buffer;
    }
    builder
        .op("memref.reinterpret_cast")
        .operands(&[buffer])
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(&[0]))
        .attr("static_sizes", context.i64_array_attr(&[elements]))
        .attr("static_strides", context.i64_array_attr(&[1]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 0, 0, 0]))
        .build()
        .result(0)
}

/// A part of a buffer, at a place that is known at run time, as a list of elements.
fn flatten_moving(builder: Builder, view: Value) -> Value {
    let context = builder.context();
    let shape = view.ty().shape().unwrap_or_default();
    let (strides, _) = view.ty().strides_and_offset().unwrap_or_default();
    let elements = shape.iter().zip(strides).map(|(size, stride)| (size - 1) * stride).sum::<i64>();
    let numbers = vec![context.index(); 1 + 2 * shape.len()];
    let metadata = builder
        .op("memref.extract_strided_metadata")
        .operands(&[view])
        .results(&[&[Type::memref(context.f32(), &[])], &numbers[..]].concat())
        .build();
    let text = format!("memref<{}xf32, strided<[1], offset: ?>>", elements + 1);
    // The text is a type, whatever the number.
    let ty = context.parse_type(&text).unwrap_or_else(|| view.ty());
    builder
        .op("memref.reinterpret_cast")
        .operands(&[metadata.result(0), metadata.result(1)])
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(&[DYNAMIC]))
        .attr("static_sizes", context.i64_array_attr(&[elements + 1]))
        .attr("static_strides", context.i64_array_attr(&[1]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 1, 0, 0]))
        .build()
        .result(0)
}

impl Kernel<'_> {
    /// The element of an access for the first lane of a cell.
    pub(super) fn element(
        &self,
        tile: &Tile,
        steps: &[Linear],
        access: &Access,
        cell: (i64, usize),
    ) -> Linear {
        let indices = tile.position.iter().chain(steps);
        let mut element = Linear::constant(access.offset)
            .plus(&self.around.item, access.item)
            .plus(&self.around.strip, access.strip)
            .plus(&self.around.task, access.task);
        for (index, &stride) in indices.zip(&access.strides) {
            element = element.plus(index, stride);
        }
        if let Some(row) = self.schedule.row {
            element = element.plus_constant(cell.0 * access.strides[row]);
        }
        if let Some(vector) = self.schedule.vector {
            element =
                element.plus_constant(tile.extent.chunks[cell.1].offset * access.strides[vector]);
        }
        element
    }

    fn vector_stride(&self, access: &Access) -> i64 {
        self.schedule.vector.map_or(0, |vector| access.strides[vector])
    }

    /// The vector of an access of `nest` at a cell.
    pub(super) fn load(
        &self,
        builder: Builder,
        nest: &Nest,
        tile: &Tile,
        steps: &[Linear],
        access: &Access,
        cell: (i64, usize),
    ) -> Value {
        let chunk = tile.extent.chunks[cell.1];
        let element = self.element(tile, steps, access, cell);
        let buffer = self.flat[&access.root];
        match self.vector_stride(access) {
            0 => broadcast(builder, load_scalar(builder, buffer, &element), chunk.width),
            1 if self.core.masks_loads && chunk.count < chunk.width => {
                load_masked(builder, buffer, &element, chunk)
            }
            1 => load_lanes(builder, buffer, &element, chunk.count, chunk.width),
            stride @ 2..=MAX_INTERLEAVE => {
                let family = Family::of(nest, access, stride);
                let start = element.plus_constant(-family.phase);
                let span = (chunk.count - 1) * stride + family.last_phase + 1;
                let loaded = load_lanes(builder, buffer, &start, span, span);
                let lane =
                    |lane| if lane < chunk.count { lane * stride + family.phase } else { -1 };
                shuffle(builder, loaded, &(0..chunk.width).map(lane).collect::<Vec<_>>())
            }
            stride => {
                let lane = |lane| {
                    let element = element.clone().plus_constant(lane * stride);
                    load_scalar(builder, buffer, &element)
                };
                let mut lanes: Vec<_> = (0..chunk.count).map(lane).collect();
                lanes.resize(chunk.width as usize, lanes[0]);
                let ty = vector_of(builder, chunk.width);
                builder.value("vector.from_elements", &lanes, ty)
            }
        }
    }

    /// Stores the values of some cells. What rows have in one line of memory, which is no whole
    /// vector of theirs, goes there together, before the lines of other lanes take its place.
    pub(super) fn store_cells<'v>(
        &self,
        builder: Builder,
        tile: &Tile,
        access: &Access,
        cells: impl Iterator<Item = ((i64, usize), &'v Value)> + Clone,
    ) {
        let step_of_rows = self.schedule.row.map_or(0, |row| access.strides[row]);
        if self.vector_stride(access) <= 1 || step_of_rows <= 1 {
            cells.for_each(|(cell, &value)| self.store(builder, tile, access, cell, value));
            return;
        }
        for (column, chunk) in tile.extent.chunks.iter().enumerate() {
            for lane in 0..chunk.count {
                for ((row, _), &value) in cells.clone().filter(|((_, of), _)| *of == column) {
                    let element = self.element(tile, &[], access, (row, column));
                    self.store_lane(builder, access, element, lane, value);
                }
            }
        }
    }

    fn store(
        &self,
        builder: Builder,
        tile: &Tile,
        access: &Access,
        cell: (i64, usize),
        value: Value,
    ) {
        let chunk = tile.extent.chunks[cell.1];
        let element = self.element(tile, &[], access, cell);
        let buffer = self.flat[&access.root];
        let stride = self.vector_stride(access);
        if stride == 1 || chunk.width == 1 {
            let lanes: Vec<_> = (0..chunk.count).collect();
            let value = match chunk.count == chunk.width {
                true => value,
                false => shuffle(builder, value, &lanes),
            };
            let index = element.emit(builder);
            builder.op("vector.store").operands(&[value, buffer, index]).build();
            return;
        }
        for lane in 0..chunk.count {
            self.store_lane(builder, access, element.clone(), lane, value);
        }
    }

    /// Stores one lane of a vector whose first one has its place at `element`.
    fn store_lane(
        &self,
        builder: Builder,
        access: &Access,
        element: Linear,
        lane: i64,
        value: Value,
    ) {
        let scalar = builder
            .op("vector.extract")
            .operands(&[value])
            .attr("static_position", builder.context().i64_array_attr(&[lane]))
            .results(&[builder.context().f32()])
            .build()
            .result(0);
        let index = element.plus_constant(lane * self.vector_stride(access)).emit(builder);
        let buffer = self.flat[&access.root];
        builder.op("memref.store").operands(&[scalar, buffer, index]).build();
    }

    /// The element of a member of a stream, for a row or a chunk of the tile.
    pub(super) fn packed_element(
        &self,
        tile: &Tile,
        steps: &[Linear],
        (stream, member): (&Stream, usize),
        (row, chunk): (i64, usize),
    ) -> Linear {
        let sizes = self.group.root.reduction_sizes();
        let mut step = Linear::default();
        for (index, &size) in steps.iter().zip(sizes) {
            step = Linear::default().plus(&step, size).plus(index, 1);
        }
        let members = stream.members.len() as i64;
        let chunks = &tile.extent.chunks;
        let (tiled, slots, slot) = match stream.side {
            Side::Vector => {
                (self.schedule.vector, padded_width(chunks), padded_width(&chunks[..chunk]))
            }
            Side::Row => (self.schedule.row, tile.extent.rows, row),
        };
        let mut element =
            Linear::constant(member as i64 * slots + slot).plus(&step, members * slots);
        for (index, &distance) in tile.position.iter().zip(&stream.outer) {
            element = element.plus(index, distance);
        }
        if let Some(tiled) = tiled {
            // Every tile before this one is full, so its slots are its neighbours.
            element = element.plus(&tile.position[tiled], stream.depth * members);
        }
        element
    }
}

/// Prefetches the line of an element into the second-level cache.
pub(super) fn prefetch(builder: Builder, buffer: Value, element: Value) {
    let context = builder.context();
    builder
        .op("memref.prefetch")
        .operands(&[buffer, element])
        .attr("isWrite", context.bool_attr(false))
        .attr("localityHint", context.integer(32).integer_attr(2))
        .attr("isDataCache", context.bool_attr(true))
        .build();
}

/// Accesses of one buffer that interleave: together they read what lies between
/// the elements of each, so that one load serves them all.
struct Family {
    /// The place of the access in its period of `stride` elements.
    phase: i64,
    /// The last place of that period that any access reads.
    last_phase: i64,
}

impl Family {
    pub(super) fn of(nest: &Nest, access: &Access, stride: i64) -> Self {
        let members: Vec<i64> = nest
            .inputs
            .iter()
            .filter(|other| other.root == access.root && other.strides == access.strides)
            .map(|other| other.offset)
            .collect();
        let first = members.iter().copied().min().unwrap_or(access.offset);
        let phase = (access.offset - first) % stride;
        let start = access.offset - phase;
        let in_period = members.iter().map(|offset| offset - start);
        let last_phase =
            in_period.filter(|phase| (0..stride).contains(phase)).max().unwrap_or(phase);
        Self { phase, last_phase: last_phase.max(phase) }
    }
}

fn vector_of(builder: Builder, width: i64) -> Type {
    Type::vector(builder.context().f32(), &[width])
}

pub(super) fn load_scalar(builder: Builder, buffer: Value, element: &Linear) -> Value {
    let index = element.emit(builder);
    builder.value("memref.load", &[buffer, index], builder.context().f32())
}

pub(super) fn broadcast(builder: Builder, scalar: Value, width: i64) -> Value {
    let ty = Type::vector(scalar.ty(), &[width]);
    builder.value("vector.broadcast", &[scalar], ty)
}

/// `count` neighbours as a vector of `width` lanes; the others have no meaning.
pub(super) fn load_lanes(
    builder: Builder,
    buffer: Value,
    element: &Linear,
    count: i64,
    width: i64,
) -> Value {
    let index = element.emit(builder);
    let loaded = builder.value("vector.load", &[buffer, index], vector_of(builder, count));
    if count == width {
        return loaded;
    }
    let lanes: Vec<_> = (0..width).map(|lane| if lane < count { lane } else { -1 }).collect();
    shuffle(builder, loaded, &lanes)
}

/// The first lanes of a vector, the others zero.
fn load_masked(builder: Builder, buffer: Value, element: &Linear, chunk: Chunk) -> Value {
    let context = builder.context();
    let index = element.emit(builder);
    let mask = Type::vector(context.integer(1), &[chunk.width]);
    let mask = builder
        .op("vector.constant_mask")
        .attr("mask_dim_sizes", context.i64_array_attr(&[chunk.count]))
        .results(&[mask])
        .build()
        .result(0);
    let zero = splat(builder, context.f32_attr(0.0), chunk.width);
    let ty = vector_of(builder, chunk.width);
    builder.value("vector.maskedload", &[buffer, index, mask, zero], ty)
}

/// The lanes of a vector in another order; -1 is a lane without meaning.
fn shuffle(builder: Builder, vector: Value, lanes: &[i64]) -> Value {
    builder
        .op("vector.shuffle")
        .operands(&[vector, vector])
        .attr("mask", builder.context().i64_array_attr(lanes))
        .results(&[vector_of(builder, lanes.len() as i64)])
        .build()
        .result(0)
}

/// One lane of a vector.
pub(super) fn extract(builder: Builder, vector: Value, lane: i64) -> Value {
    builder
        .op("vector.extract")
        .operands(&[vector])
        .attr("static_position", builder.context().i64_array_attr(&[lane]))
        .results(&[vector.ty().element_type()])
        .build()
        .result(0)
}

/// A literal in every lane.
pub(super) fn splat(builder: Builder, literal: Attribute, width: i64) -> Value {
    let ty = Type::vector(literal.value_type(), &[width]);
    builder.constant(Attribute::splat_of(ty, literal), ty)
}
