//! Evaluation: the body of a nest on the cells of a tile.

use std::{cell::RefCell, collections::HashMap};

use gauss_dialect::ir::{Builder, Op, Type, Value};

use super::{
    Kernel, Tile,
    linear::Linear,
    memory::{broadcast, extract, load_lanes, load_scalar, splat},
};
use crate::kernel::{
    body::Body,
    nest::{Access, Nest},
    pack::{Side, Stream},
    schedule::tile::{RowWindow, powers},
};

/// A step of the reduction.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    /// The index along each reduction.
    pub(super) at: &'a [Linear],
    /// The steps that it is written out with, and its number among them.
    pub(super) group: Option<(&'a StepGroup, i64)>,
}

impl Step<'_> {
    /// Outside of a reduction.
    const NONE: Step<'static> = Step { at: &[], group: None };
}

/// Neighbouring steps of the innermost reduction.
pub(super) struct StepGroup {
    /// The index of the first one along each reduction.
    pub(super) first: Vec<Linear>,
    pub(super) count: i64,
    /// What is loaded for several steps at once.
    pub(super) known: RefCell<HashMap<Lanes, Value>>,
}

/// What the lanes of a vector are that is loaded for the scalars in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// Neighbouring steps of the reduction.
    Steps,
    /// Neighbouring rows of the tile.
    Rows,
    /// Neighbouring elements, which rows and steps share.
    Window(RowWindow),
}

/// Values that a vector holds in its lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lanes {
    value: Value,
    /// The row, where a vector is of one row.
    row: i64,
    /// The place of the first lane along the axis.
    start: i64,
    count: i64,
}

/// The body of a nest on the cells of one tile at one step. What does not differ
/// between rows or between vectors is computed once.
pub(super) struct Evaluation<'a> {
    kernel: &'a Kernel<'a>,
    builder: Builder,
    body: Body<'a>,
    pub(super) tile: &'a Tile,
    step: Step<'a>,
    /// What replaces reads of inputs and accumulators, by argument number.
    given: HashMap<usize, Vec<Value>>,
    known: HashMap<Place, Value>,
    /// What is loaded for several rows at once.
    rows: HashMap<Lanes, Value>,
}

/// A value of the body at the cells where it is the same: a row if it differs
/// between rows, a chunk if it differs between vectors, and the vector's width.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
pub(super) struct Place {
    value: Value,
    row: Option<i64>,
    chunk: Option<usize>,
    width: i64,
}

impl Evaluation<'_> {
    /// The results for every cell of the tile, one list per output.
    pub(super) fn results(mut self, given: HashMap<usize, Vec<Value>>) -> Vec<Vec<Value>> {
        self.given = given;
        let nest = self.body.nest();
        // One operation for many cells after the other: in a reduction, what a term reads
        // is not needed any more when the next term begins; elsewhere, a constant is
        // loaded once for all.
        let cells: Vec<_> = self.tile.extent.cells().collect();
        let side_by_side = match nest.is_elementwise() {
            true => nest.unroll(self.kernel.core) as usize,
            // What each cell reads for itself would wait for all others.
            false if self.body.reads_by_cell() => 1,
            false => cells.len(),
        };
        for cells in cells.chunks(side_by_side) {
            for op in nest.body.ops() {
                let is_of_cell = match self.body.dependence_of(op) {
                    Some((by_vector, by_row)) => by_vector && (by_row || nest.is_elementwise()),
                    None => false,
                };
                if is_of_cell {
                    cells.iter().for_each(|&cell| {
                        self.value(op.result(0), cell);
                    });
                }
            }
        }
        let results = self.body.results().into_iter();
        results.map(|result| cells.iter().map(|&cell| self.value(result, cell)).collect()).collect()
    }

    /// Loads what the body reads but the accumulators.
    pub(super) fn load(&mut self) {
        for result in self.body.results() {
            self.load_for(result);
        }
    }

    fn load_for(&mut self, value: Value) {
        let op = value.defining_op().filter(|op| op.block() == self.body.nest().body);
        match op.filter(|_| self.packed(value).is_none() && self.axis(value).is_none()) {
            Some(op) => op.operands().into_iter().for_each(|operand| self.load_for(operand)),
            None if op.is_some() || self.own_input(value).is_some() => {
                for cell in self.tile.extent.cells() {
                    self.value(value, cell);
                }
            }
            None => {}
        }
    }

    pub(super) fn value(&mut self, value: Value, cell: (i64, usize)) -> Value {
        let (by_vector, by_row) = self.body.dependence(value);
        let (row, chunk) = cell;
        let place = Place {
            value,
            row: by_row.then_some(row),
            chunk: by_vector.then_some(chunk),
            width: self.tile.extent.chunks[chunk].width,
        };
        if let Some(&known) = self.known.get(&place) {
            return known;
        }
        let computed = self.compute(value, cell, place.width);
        self.known.insert(place, computed);
        computed
    }

    pub(super) fn compute(&mut self, value: Value, cell: (i64, usize), width: i64) -> Value {
        if let Some(axis) = self.axis(value) {
            let (lanes, lane) = self.lanes_of(value, cell.0, axis);
            let vector = self.vector_of_lanes(lanes, axis);
            return broadcast(self.builder, extract(self.builder, vector, lane), width);
        }
        if let Some((stream, member)) = self.packed(value) {
            let packed = (stream, member);
            let element = self.kernel.packed_element(self.tile, self.step.at, packed, cell);
            return match stream.side {
                Side::Vector => load_lanes(self.builder, stream.buffer, &element, width, width),
                Side::Row => {
                    let scalar = load_scalar(self.builder, stream.buffer, &element);
                    broadcast(self.builder, scalar, width)
                }
            };
        }
        let Some(op) = value.defining_op() else {
            return self.shared_argument(value, cell, width);
        };
        if op.is("linalg.index") {
            return self.index(cell, width);
        }
        if op.block() != self.body.nest().body || op.is("arith.constant") {
            return match op.attribute("value").filter(|_| op.is("arith.constant")) {
                Some(literal) => splat(self.builder, literal, width),
                None => broadcast(self.builder, value, width),
            };
        }
        let operands: Vec<_> =
            op.operands().into_iter().map(|operand| self.value(operand, cell)).collect();
        self.apply(op, &operands, width).result(value.number())
    }

    /// The index along the only loop of the nest, lane by lane.
    pub(super) fn index(&self, (row, chunk): (i64, usize), width: i64) -> Value {
        let schedule = self.kernel.schedule;
        let first = self.tile.position.first().cloned().unwrap_or_default();
        let (first, is_vector) = match (schedule.vector, schedule.row) {
            (Some(0), _) => (first.plus_constant(self.tile.extent.chunks[chunk].offset), true),
            (_, Some(0)) => (first.plus_constant(row), false),
            _ => (first, false),
        };
        let first = broadcast(self.builder, first.emit(self.builder), width);
        if !is_vector {
            return first;
        }
        let steps = self.builder.value("vector.step", &[], first.ty());
        self.builder.value("arith.addi", &[first, steps], first.ty())
    }

    /// The operation on vectors.
    pub(super) fn apply(&self, op: Op, operands: &[Value], width: i64) -> Op {
        let copy = op.clone_detached();
        copy.set_operands(operands);
        for result in copy.results() {
            result.set_type(Type::vector(result.ty(), &[width]));
        }
        self.builder.insert(copy);
        copy
    }

    /// The axis along which a value that all vectors share can be loaded or computed for several rows
    /// or steps at once, on a core that multiplies by a lane.
    fn axis(&self, value: Value) -> Option<Axis> {
        let (by_vector, _) = self.body.dependence(value);
        if !self.kernel.core.lane_loads || by_vector || self.step.group.is_none() {
            return None;
        }
        if let Some((stream, _)) = self.packed(value) {
            return (stream.side == Side::Row).then_some(Axis::Rows);
        }
        match value.defining_op() {
            None => {
                let input = self.own_input(value)?;
                let (group, step) = self.step.group?;
                if let Some(window) = self.window(value) {
                    return Some(Axis::Window(window));
                }
                let (_, length) = part_of(group.count, self.kernel.core.lanes, step);
                let along_steps = input.strides.last() == Some(&1) && length > 1;
                let along_rows =
                    self.kernel.schedule.row.is_some_and(|row| input.strides[row] == 1);
                match (along_steps, along_rows) {
                    (true, _) => Some(Axis::Steps),
                    (_, true) => Some(Axis::Rows),
                    _ => None,
                }
            }
            Some(op) if op.block() == self.body.nest().body && !op.operands().is_empty() => {
                let mut axes = op.operands().into_iter().map(|operand| self.axis(operand));
                let first = axes.next()??;
                axes.all(|axis| axis == Some(first)).then_some(first)
            }
            Some(_) => None,
        }
    }

    /// The window that rows share of what an argument reads.
    fn window(&self, value: Value) -> Option<RowWindow> {
        let schedule = self.kernel.schedule;
        let (group, _) = self.step.group.filter(|_| schedule.window)?;
        let (input, rows) = (self.own_input(value)?, self.tile.extent.rows);
        RowWindow::of(input, schedule.row, rows, group.count, self.kernel.core)
    }

    /// The vector that holds a value for a row at this step, and the lane.
    fn lanes_of(&self, value: Value, row: i64, axis: Axis) -> (Lanes, i64) {
        let (steps, step) = self.step.group.map_or((1, 0), |(group, step)| (group.count, step));
        let (row, size, place) = match axis {
            Axis::Steps => (row, steps, step),
            Axis::Rows => (0, self.tile.extent.rows, row),
            Axis::Window(window) => (0, window.size, row * window.stride + step),
        };
        let (start, count) = part_of(size, self.kernel.core.lanes, place);
        (Lanes { value, row, start, count }, place - start)
    }

    fn vector_of_lanes(&mut self, lanes: Lanes, axis: Axis) -> Value {
        let Some((group, _)) = self.step.group else { return lanes.value };
        let known = match axis {
            Axis::Rows => self.rows.get(&lanes).copied(),
            Axis::Steps | Axis::Window(_) => group.known.borrow().get(&lanes).copied(),
        };
        if let Some(known) = known {
            return known;
        }
        let first = if axis == Axis::Rows { self.step.at } else { &group.first };
        let vector = self.compute_lanes(lanes, axis, first);
        match axis {
            Axis::Rows => self.rows.insert(lanes, vector),
            Axis::Steps | Axis::Window(_) => group.known.borrow_mut().insert(lanes, vector),
        };
        vector
    }

    fn compute_lanes(&mut self, lanes: Lanes, axis: Axis, first: &[Linear]) -> Value {
        let Lanes { value, row, start, count } = lanes;
        if let Some(packed) = self.packed(value) {
            let at = (start, 0);
            let element = self.kernel.packed_element(self.tile, self.step.at, packed, at);
            return load_lanes(self.builder, packed.0.buffer, &element, count, count);
        }
        if let Some(op) = value.defining_op() {
            let operands: Vec<_> = op
                .operands()
                .into_iter()
                .map(|value| self.vector_of_lanes(Lanes { value, ..lanes }, axis))
                .collect();
            return self.apply(op, &operands, count).result(value.number());
        }
        let Some(input) = self.own_input(value) else { return value };
        let element = self.kernel.element(self.tile, first, input, (row, 0)).plus_constant(start);
        load_lanes(self.builder, self.kernel.flat[&input.root], &element, count, count)
    }

    /// The input of the nest that an argument of its body reads.
    fn own_input(&self, value: Value) -> Option<&Access> {
        let nest = self.body.nest();
        let is_own = nest.body.arguments().get(value.number()) == Some(&value);
        nest.inputs.get(value.number()).filter(|_| is_own && value.defining_op().is_none())
    }

    /// A read of an input that rows may share, or what stands for it.
    fn shared_argument(&self, value: Value, cell: (i64, usize), width: i64) -> Value {
        let by_vector = self.body.dependence(value).0;
        let window = self.window(value).filter(|_| !by_vector);
        let (Some(window), Some((group, step))) = (window, self.step.group) else {
            return self.argument(value, cell, width);
        };
        let start = cell.0 * window.stride + step;
        let lanes = Lanes { value, row: 0, start, count: width };
        let known = group.known.borrow().get(&lanes).copied();
        known.unwrap_or_else(|| {
            let loaded = self.argument(value, cell, width);
            group.known.borrow_mut().insert(lanes, loaded);
            loaded
        })
    }

    /// A read of an input, or what stands for it.
    pub(super) fn argument(&self, value: Value, cell: (i64, usize), width: i64) -> Value {
        let nest = self.body.nest();
        let number = value.number();
        let is_own = nest.body.arguments().get(number) == Some(&value);
        if !is_own {
            return broadcast(self.builder, value, width);
        }
        if let Some(values) = self.given.get(&number) {
            let (row, chunk) = cell;
            return values[row as usize * self.tile.extent.chunks.len() + chunk];
        }
        let access = match nest.inputs.get(number) {
            Some(input) => input,
            None => &nest.outputs[number - nest.inputs.len()],
        };
        self.kernel.load(self.builder, nest, self.tile, self.step.at, access, cell)
    }

    /// The stream that holds a value of the root's body.
    pub(super) fn packed(&self, value: Value) -> Option<(&'_ Stream, usize)> {
        if self.body.nest().op != self.kernel.group.root.op {
            return None;
        }
        self.kernel.streams.iter().find_map(|stream| {
            let member = stream.members.iter().position(|&member| member == value)?;
            Some((stream, member))
        })
    }
}

/// The part of [`powers`] with a place in it.
fn part_of(size: i64, most: i64, place: i64) -> (i64, i64) {
    let mut parts = powers(size, most).into_iter();
    parts.find(|(start, length)| place < start + length).unwrap_or((place, 1))
}

impl Kernel<'_> {
    /// The results of a body outside of a reduction; as [`Evaluation::results`].
    pub(super) fn evaluate(
        &self,
        builder: Builder,
        nest: &Nest,
        tile: &Tile,
        given: HashMap<usize, Vec<Value>>,
    ) -> Vec<Vec<Value>> {
        self.evaluation(builder, nest, tile, Step::NONE).results(given)
    }

    pub(super) fn evaluation<'a>(
        &'a self,
        builder: Builder,
        nest: &'a Nest,
        tile: &'a Tile,
        step: Step<'a>,
    ) -> Evaluation<'a> {
        let body = Body::new(nest, self.schedule.vector, self.schedule.row);
        let (given, known, rows) = Default::default();
        Evaluation { kernel: self, builder, body, tile, step, given, known, rows }
    }
}
