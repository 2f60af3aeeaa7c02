//! Packing: constants in the order in which a kernel reads them.

use std::rc::Rc;

use gauss_dialect::ir::{Attribute, Block, Builder, Op, Type, Value};

use super::{
    body::Body,
    constants::Constants,
    nest::Nest,
    schedule::{
        Schedule,
        tile::{chunks_of_sums, padded_width},
    },
    tiling::Run,
};
use crate::target::Core;

/// Which side of a tile a stream belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A member is a vector for every chunk of the tile.
    Vector,
    /// A member is a scalar for every row of the tile.
    Row,
}

/// Constants that a kernel reads together, one after the other: for each tile,
/// for each step of the reduction, each member.
#[derive(Debug)]
pub struct Stream {
    /// The packed buffer.
    pub buffer: Value,
    /// The side of the tile.
    pub side: Side,
    /// The values of the body that are read from the stream, in this order.
    pub members: Vec<Value>,
    /// The buffers that it was made from.
    pub inputs: Vec<Value>,
    /// Steps of the reduction.
    pub depth: i64,
    /// For each parallel dimension that is neither vector nor row: the distance
    /// in the buffer.
    pub outer: Vec<i64>,
}

/// Packs the constant inputs of a reduction; the new global is put before `function`.
pub fn pack(
    nest: &Nest,
    schedule: &Schedule,
    core: &Core,
    constants: &Constants,
    function: Op,
    builder: Builder,
) -> Vec<Stream> {
    let (Some(vector), false) = (schedule.vector, nest.is_elementwise()) else {
        return vec![];
    };
    let on_row =
        |number: usize| schedule.row.is_some_and(|row| nest.inputs[number].depends_on(row));
    let on_vector = |number: usize| nest.inputs[number].depends_on(vector);
    let mut streams = Vec::new();
    for side in [Side::Vector, Side::Row] {
        let belongs = |number: &usize| match side {
            Side::Vector => on_vector(*number) && !on_row(*number),
            Side::Row => on_row(*number) && !on_vector(*number),
        };
        let candidates: Vec<_> = (0..nest.inputs.len()).filter(belongs).collect();
        let Some(&first) = candidates.first() else { continue };
        // One stream holds what is walked in the same way.
        let inputs: Vec<_> = candidates
            .into_iter()
            .filter(|&number| {
                let (a, b) = (&nest.inputs[number], &nest.inputs[first]);
                a.strides == b.strides && a.offset == b.offset
            })
            .filter_map(|number| Some((number, constants.values(nest.inputs[number].root)?)))
            .collect();
        if inputs.is_empty() {
            continue;
        }
        let source = Source::new(nest, schedule, inputs);
        let (values, outer) = source.arrange(schedule, core, vector, side);
        let name = format!("packed.{}", unique(function, constants));
        let ty = Type::memref(builder.context().f32(), &[values.len() as i64]);
        define_global(function, &name, ty, values);
        let buffer = builder
            .op("memref.get_global")
            .attr("name", builder.context().symbol_attr(&name))
            .results(&[ty])
            .build()
            .result(0);
        let depth = nest.reduction_sizes().iter().product();
        let inputs = source.inputs.iter().map(|(number, _)| nest.inputs[*number].root).collect();
        streams.push(Stream { buffer, side, members: source.members, inputs, depth, outer });
    }
    streams
}

/// A number that no other packed global of the module has.
fn unique(function: Op, constants: &Constants) -> usize {
    let module = function.parent().and_then(Op::body).map(Block::ops).unwrap_or_default();
    let mut number = module.iter().filter(|op| op.is("memref.global")).count();
    while constants.has(&format!("packed.{number}")) {
        number += 1;
    }
    number
}

fn define_global(function: Op, name: &str, ty: Type, values: Vec<f32>) {
    let builder = Builder::before(function);
    let context = builder.context();
    let tensor = Type::tensor(context.f32(), &[values.len() as i64]);
    builder
        .op("memref.global")
        .attr("sym_name", context.string_attr(name))
        .attr("sym_visibility", context.string_attr("private"))
        .attr("type", ty.attr())
        .attr("initial_value", Attribute::resource(tensor, name, values))
        .attr("constant", context.unit_attr())
        .attr("alignment", context.i64_attr(64))
        .build();
}

/// What a stream is made of. Slots are the inputs, then the results of `ops`.
struct Source<'a> {
    nest: &'a Nest,
    inputs: Vec<(usize, Rc<[f32]>)>,
    /// Operations on the inputs that are done here, with the slots of their operands.
    ops: Vec<(Op, Vec<usize>)>,
    members: Vec<Value>,
    /// The slots of the members.
    slots: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(nest: &'a Nest, schedule: &Schedule, inputs: Vec<(usize, Rc<[f32]>)>) -> Self {
        let body = Body::new(nest, schedule.vector, schedule.row);
        let is_input = |number| inputs.iter().any(|(input, _)| *input == number);
        let candidates = match schedule.precompute {
            true => body.constant_ops(is_input),
            false => vec![],
        };
        let mut known: Vec<Value> =
            inputs.iter().map(|(number, _)| nest.body.argument(*number)).collect();
        let mut ops = Vec::new();
        for op in candidates {
            let slot = |operand: &Value| known.iter().position(|value| value == operand);
            let operands: Option<Vec<_>> = op.operands().iter().map(slot).collect();
            if let Some(operands) = operands
                && evaluate(&op.name(), &[0.0; 3]).is_some()
            {
                known.push(op.result(0));
                ops.push((op, operands));
            }
        }
        // What only precomputed operations use is not read at run time.
        let is_read =
            |value: &Value| value.users().iter().any(|user| !ops.iter().any(|(op, _)| op == user));
        let slots: Vec<_> = (0..known.len()).filter(|&slot| is_read(&known[slot])).collect();
        let members = slots.iter().map(|&slot| known[slot]).collect();
        Self { nest, inputs, ops, members, slots }
    }

    /// The members' values at one element of the iteration space, into `out`.
    fn values_at(&self, index: &[i64], names: &[String], known: &mut Vec<f32>, out: &mut [f32]) {
        known.clear();
        // The inputs of a stream are walked in the same way.
        let access = &self.nest.inputs[self.inputs[0].0];
        let steps = access.strides.iter().zip(index);
        let element = access.offset + steps.map(|(stride, i)| stride * i).sum::<i64>();
        for (_, values) in &self.inputs {
            let value = usize::try_from(element).ok().and_then(|element| values.get(element));
            known.push(value.copied().unwrap_or(0.0));
        }
        for ((_, operands), name) in self.ops.iter().zip(names) {
            let mut values = [0.0; 3];
            for (value, &slot) in values.iter_mut().zip(operands) {
                *value = known[slot];
            }
            known.push(evaluate(name, &values).unwrap_or(0.0));
        }
        for (out, &slot) in out.iter_mut().zip(&self.slots) {
            *out = known[slot];
        }
    }

    /// The packed values, and the distance in them of each outer dimension.
    fn arrange(
        &self,
        schedule: &Schedule,
        core: &Core,
        vector: usize,
        side: Side,
    ) -> (Vec<f32>, Vec<i64>) {
        let nest = self.nest;
        let access = &nest.inputs[self.inputs[0].0];
        let is_tiled = |dim: usize| dim == vector || Some(dim) == schedule.row;
        let tiled = match (side, schedule.row) {
            (Side::Row, Some(row)) => row,
            _ => vector,
        };
        let tiles = schedule.tiles(tiled, nest.sizes[tiled], core);
        let outer_dims: Vec<_> =
            (0..nest.parallel).filter(|&dim| !is_tiled(dim) && access.depends_on(dim)).collect();
        let members = self.members.len();
        let names: Vec<_> = self.ops.iter().map(|(op, _)| op.name()).collect();
        let mut known = Vec::new();
        let mut column = vec![0.0; members];
        let mut values: Vec<f32> = Vec::new();
        let mut outer = vec![0; nest.parallel];
        let mut index = vec![0; nest.sizes.len()];
        let outer_sizes: Vec<_> = outer_dims.iter().map(|&dim| nest.sizes[dim]).collect();
        for_each_index(&outer_sizes, |position| {
            for (&dim, &i) in outer_dims.iter().zip(position) {
                index[dim] = i;
            }
            // The first index along a dimension that is not 0 shows its distance.
            if let Some(at) = position.iter().position(|&i| i == 1)
                && position.iter().sum::<i64>() == 1
            {
                outer[outer_dims[at]] = values.len() as i64;
            }
            for (start, size) in tiles.iter().flat_map(Run::tiles) {
                let slots: Vec<Option<i64>> = match side {
                    Side::Row => (0..size).map(Some).collect(),
                    Side::Vector => lane_slots(size, core.lanes),
                };
                for_each_index(nest.reduction_sizes(), |step| {
                    index[nest.parallel..].copy_from_slice(step);
                    let start_of_step = values.len();
                    values.resize(start_of_step + slots.len() * members, 0.0);
                    for (place, slot) in slots.iter().enumerate() {
                        let Some(lane) = slot else { continue };
                        index[tiled] = start + lane;
                        self.values_at(&index, &names, &mut known, &mut column);
                        for (member, &value) in column.iter().enumerate() {
                            values[start_of_step + member * slots.len() + place] = value;
                        }
                    }
                });
            }
        });
        (values, outer)
    }
}

/// The lanes of the chunks of a tile; `None` for a lane without meaning.
fn lane_slots(size: i64, lanes: i64) -> Vec<Option<i64>> {
    let chunks = chunks_of_sums(size, lanes);
    let slots: Vec<_> = chunks
        .iter()
        .flat_map(|chunk| {
            (0..chunk.width).map(|lane| (lane < chunk.count).then_some(chunk.offset + lane))
        })
        .collect();
    debug_assert_eq!(slots.len() as i64, padded_width(&chunks));
    slots
}

/// Calls `f` with every index of a row-major iteration space.
fn for_each_index(sizes: &[i64], mut f: impl FnMut(&[i64])) {
    let mut index = vec![0; sizes.len()];
    loop {
        f(&index);
        let Some(dim) = (0..sizes.len()).rev().find(|&dim| index[dim] + 1 < sizes[dim]) else {
            return;
        };
        index[dim] += 1;
        index[dim + 1..].fill(0);
    }
}

/// An operation on `f32` values, fused as on cores with FMA.
fn evaluate(name: &str, operands: &[f32]) -> Option<f32> {
    match (name, operands) {
        ("math.fma", &[a, b, c, ..]) => Some(a.mul_add(b, c)),
        ("arith.mulf", &[a, b, ..]) => Some(a * b),
        ("arith.addf", &[a, b, ..]) => Some(a + b),
        _ => None,
    }
}
