//! Packing: constants in the order in which a kernel reads them.

use std::{cell::RefCell, collections::HashMap};

use gauss_dialect::ir::{Attribute, Block, Builder, Op, Type, Value};

use super::{
    body::Body,
    nest::Nest,
    schedule::{Schedule, chunks, padded_width, tiles},
};
use crate::target::Core;

/// The constant buffers of a module: `memref.global` with a value.
pub struct Constants {
    globals: HashMap<String, Op>,
    values: RefCell<HashMap<String, Vec<f32>>>,
}

impl Constants {
    /// The constants of a module.
    pub fn of(module: Op) -> Self {
        let ops = module.body().map(Block::ops).unwrap_or_default();
        let constant = |op: &Op| op.is("memref.global") && op.attribute("constant").is_some();
        let globals = ops.into_iter().filter(constant).filter_map(|op| Some((op.symbol()?, op)));
        Self { globals: globals.collect(), values: RefCell::default() }
    }

    /// The values of a buffer that is a constant.
    pub fn values(&self, buffer: Value) -> Option<Vec<f32>> {
        let op = buffer.defining_op().filter(|op| op.is("memref.get_global"))?;
        let name = op.attribute("name")?.as_symbol()?;
        if let Some(values) = self.values.borrow().get(&name) {
            return Some(values.clone());
        }
        let values = self.globals.get(&name)?.attribute("initial_value")?.as_f32_elements()?;
        self.values.borrow_mut().insert(name, values.clone());
        Some(values)
    }
}

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
        let name = format!("packed_{}", unique(function, constants));
        let ty = Type::memref(builder.context().f32(), &[values.len() as i64]);
        define_global(function, &name, ty, values);
        let buffer = builder
            .op("memref.get_global")
            .attr("name", builder.context().symbol_attr(&name))
            .results(&[ty])
            .build()
            .result(0);
        let depth = nest.reduction_sizes().iter().product();
        streams.push(Stream { buffer, side, members: source.members, depth, outer });
    }
    streams
}

/// A number that no other packed global of the module has.
fn unique(function: Op, constants: &Constants) -> usize {
    let module = function.parent().and_then(Op::body).map(Block::ops).unwrap_or_default();
    let mut number = module.iter().filter(|op| op.is("memref.global")).count();
    while constants.globals.contains_key(&format!("packed_{number}")) {
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

/// What a stream is made of.
struct Source<'a> {
    nest: &'a Nest,
    inputs: Vec<(usize, Vec<f32>)>,
    /// Operations on the inputs that are done here.
    ops: Vec<Op>,
    members: Vec<Value>,
}

impl<'a> Source<'a> {
    fn new(nest: &'a Nest, schedule: &Schedule, inputs: Vec<(usize, Vec<f32>)>) -> Self {
        let body = Body::new(nest, schedule.vector, schedule.row);
        let is_input = |number| inputs.iter().any(|(input, _)| *input == number);
        let ops: Vec<_> = match schedule.precompute {
            true => body
                .constant_ops(is_input)
                .into_iter()
                .filter(|op| evaluate(*op, &[0.0; 3]).is_some())
                .collect(),
            false => vec![],
        };
        let arguments = inputs.iter().map(|(number, _)| nest.body.argument(*number));
        let results = ops.iter().map(|op| op.result(0));
        // What only precomputed operations use is not read at run time.
        let is_read = |value: &Value| value.users().iter().any(|user| !ops.contains(user));
        let members = arguments.chain(results).filter(is_read).collect();
        Self { nest, inputs, ops, members }
    }

    /// The members' values at one element of the iteration space.
    fn values_at(&self, index: &[i64]) -> Vec<f32> {
        let mut known: HashMap<Value, f32> = HashMap::new();
        for (number, values) in &self.inputs {
            let access = &self.nest.inputs[*number];
            let steps = access.strides.iter().zip(index);
            let element = access.offset + steps.map(|(stride, i)| stride * i).sum::<i64>();
            let value = usize::try_from(element).ok().and_then(|element| values.get(element));
            known.insert(self.nest.body.argument(*number), value.copied().unwrap_or(0.0));
        }
        for op in &self.ops {
            let read = |value: Value| known.get(&value).copied().unwrap_or(0.0);
            let operands: Vec<_> = op.operands().into_iter().map(read).collect();
            known.insert(op.result(0), evaluate(*op, &operands).unwrap_or(0.0));
        }
        self.members.iter().map(|member| known.get(member).copied().unwrap_or(0.0)).collect()
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
        let (tiled, tile) = match (side, schedule.row) {
            (Side::Row, Some(row)) => (row, schedule.rows),
            _ => (vector, schedule.vectors * core.lanes),
        };
        let outer_dims: Vec<_> =
            (0..nest.parallel).filter(|&dim| !is_tiled(dim) && access.depends_on(dim)).collect();
        let mut values = Vec::new();
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
            for (start, size) in tiles(nest.sizes[tiled], tile) {
                let slots: Vec<Option<i64>> = match side {
                    Side::Row => (0..size).map(Some).collect(),
                    Side::Vector => lane_slots(size, core.lanes),
                };
                for_each_index(nest.reduction_sizes(), |step| {
                    index[nest.parallel..].copy_from_slice(step);
                    let columns: Vec<_> = slots
                        .iter()
                        .map(|slot| match slot {
                            Some(lane) => {
                                index[tiled] = start + lane;
                                self.values_at(&index)
                            }
                            None => vec![0.0; self.members.len()],
                        })
                        .collect();
                    for member in 0..self.members.len() {
                        values.extend(columns.iter().map(|column| column[member]));
                    }
                });
            }
        });
        (values, outer)
    }
}

/// The lanes of the chunks of a tile; `None` for a lane without meaning.
fn lane_slots(size: i64, lanes: i64) -> Vec<Option<i64>> {
    let chunks = chunks(size, lanes);
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

/// An operation on `f32` values, as the target computes it.
fn evaluate(op: Op, operands: &[f32]) -> Option<f32> {
    match (op.name().as_str(), operands) {
        ("math.fma", &[a, b, c, ..]) => Some(a.mul_add(b, c)),
        ("arith.mulf", &[a, b, ..]) => Some(a * b),
        ("arith.addf", &[a, b, ..]) => Some(a + b),
        _ => None,
    }
}
