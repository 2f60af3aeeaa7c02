//! The predictive head on tensors: `linalg.generic` ops around
//! [`gauss_dialect::predictive`].

use std::array;

use gauss_dialect::{
    ir::{AffineMap, Attribute, Block, Op, Type, Value},
    layer::Interval,
    moments::{Arithmetic, Moments},
    predictive::{self, Axis, Method, Prediction, Tables, Thresholds},
    shape::UNCERTAINTIES,
};

use super::{Emitter, Read};
use crate::payload::Payload;

/// What has been predicted: `gauss.softmax` and `gauss.uncertainty` of the same logits
/// in one block share it.
#[derive(Default)]
pub(super) struct Predicted(Vec<((Block, Value, Method), Prediction<Table>)>);

impl Predicted {
    /// The prediction of the op's logits.
    fn get(&mut self, emit: &Emitter, op: Op, method: Method) -> Prediction<Table> {
        let key = (op.block(), op.operand(0), method);
        if let Some((_, known)) = self.0.iter().find(|(other, _)| *other == key) {
            return known.clone();
        }
        let draws = match method {
            Method::Sample(sampling) => i64::from(sampling.draws),
            Method::MeanField | Method::Laplace => 1,
        };
        let logits = emit.moments(op.operand(0));
        let mut sizes = Sizes::of(emit, logits.mean, draws);
        let table = |value| Table { value, axes: BY_CLASS };
        let logits = Moments { mean: table(logits.mean), variance: logits.variance.map(table) };
        let prediction = predictive::predict(&mut sizes, method, &logits);
        self.0.push((key, prediction.clone()));
        prediction
    }
}

impl Emitter {
    pub(super) fn softmax(
        &self,
        op: Op,
        method: Method,
        predicted: &mut Predicted,
    ) -> Moments<Value> {
        Moments::deterministic(predicted.get(self, op, method).probabilities.value)
    }

    /// Total, aleatoric and epistemic uncertainty as the columns of an N×3 tensor.
    pub(super) fn uncertainty(
        &self,
        op: Op,
        method: Method,
        predicted: &mut Predicted,
        shape: &[i64],
    ) -> Moments<Value> {
        let parts = predicted.get(self, op, method).uncertainty;
        let along = |dim: usize| self.context.affine_map(2, &[self.context.dim(dim)]);
        let columns = self.literal(&[UNCERTAINTIES], &[0.0, 1.0, 2.0]);
        let read = |value: Value, dim: usize| (Moments::deterministic(value), along(dim));
        let inputs = [
            read(parts.total.value, 0),
            read(parts.aleatoric.value, 0),
            read(parts.epistemic.value, 0),
            read(columns, 1),
        ];
        self.map(shape, &inputs, false, |a, x| {
            let (one, two) = (a.constant(1.0), a.constant(2.0));
            let [total, aleatoric, epistemic, column] = array::from_fn(|n| x[n].mean);
            let first = a.select_ge(column, one, aleatoric, total);
            Moments::deterministic(a.select_ge(column, two, epistemic, first))
        })
    }

    pub(super) fn decide(
        &self,
        thresholds: Thresholds,
        probabilities: Value,
        uncertainty: Value,
    ) -> Moments<Value> {
        let mut sizes = Sizes::of(self, probabilities, 1);
        let items = sizes.sizes[Axis::Items as usize];
        let [aleatoric, epistemic] = [1, 2]
            .map(|number| Table { value: self.column(uncertainty, items, number), axes: BY_ITEM });
        let probabilities = Table { value: probabilities, axes: BY_CLASS };
        let decision =
            predictive::decide(&mut sizes, &probabilities, &aleatoric, &epistemic, thresholds);
        Moments::deterministic(decision.value)
    }

    /// The two ends of an interval lie side by side in the last dimension of `shape`.
    pub(super) fn interval(
        &self,
        interval: Interval,
        input: Moments<Value>,
        shape: &[i64],
    ) -> Moments<Value> {
        let (dims, last) = (shape.len(), shape.len() - 1);
        let element: Vec<_> = (0..last).map(|dim| self.context.dim(dim)).collect();
        let sides = self.literal(&[2], &[-1.0, 1.0]);
        let inputs = [
            (input, self.context.affine_map(dims, &element)),
            (
                Moments::deterministic(sides),
                self.context.affine_map(dims, &[self.context.dim(last)]),
            ),
        ];
        let quantile = predictive::central_quantile(interval.coverage);
        self.map(shape, &inputs, false, |a, x| {
            let (x, side) = (x[0], x[1].mean);
            Moments::deterministic(predictive::interval_end(a, x, side, quantile, interval.noise))
        })
    }

    /// A column of an N×3 tensor.
    fn column(&self, x: Value, items: i64, number: i64) -> Value {
        let sizes = self.dynamic_sizes(&[items]);
        self.builder
            .op("tensor.extract_slice")
            .operands(&[x])
            .operands(&sizes)
            .results(&[Type::tensor(self.context.f32(), &[items])])
            .attr("static_offsets", self.context.i64_array_attr(&[0, number]))
            .attr("static_sizes", self.context.i64_array_attr(&[items, 1]))
            .attr("static_strides", self.context.i64_array_attr(&[1, 1]))
            .attr(
                "operandSegmentSizes",
                self.context.i32_array_attr(&[1, 0, sizes.len() as i32, 0]),
            )
            .build()
            .result(0)
    }

    fn literal(&self, shape: &[i64], values: &[f32]) -> Value {
        let ty = Type::tensor(self.context.f32(), shape);
        self.builder.constant(Attribute::dense(ty, values), ty)
    }
}

const AXES: usize = Axis::ALL.len();

/// Which axes a table has.
type Axes = [bool; AXES];

const BY_ITEM: Axes = [true, false, false, false];
const BY_CLASS: Axes = [true, false, true, false];

/// The sizes of the axes of tables.
struct Sizes<'a> {
    emit: &'a Emitter,
    sizes: [i64; AXES],
}

/// A tensor, and which axes it has.
#[derive(Clone, Copy)]
struct Table {
    value: Value,
    axes: Axes,
}

impl<'a> Sizes<'a> {
    /// Those of an N×C tensor, with so many draws.
    fn of(emit: &'a Emitter, tensor: Value, draws: i64) -> Self {
        let shape = tensor.ty().shape().unwrap_or_default();
        let size = |dim: usize| shape.get(dim).copied().unwrap_or(1);
        Self { emit, sizes: [size(0), draws, size(1), size(1)] }
    }

    /// A read of each input by loops over these axes, outermost first.
    fn reads<const N: usize>(&self, inputs: [&Table; N], loops: &[usize]) -> [Read; N] {
        inputs.map(|input| {
            let own = |axis: &usize| input.axes[*axis];
            (Moments::deterministic(input.value), self.along(loops, own))
        })
    }

    /// The map from loops over axes to those axes that are chosen, in their order.
    fn along(&self, loops: &[usize], chosen: impl Fn(&usize) -> bool) -> AffineMap {
        let context = self.emit.context;
        let of_axis = |axis| {
            let dim = loops.iter().position(|&other| other == axis)?;
            chosen(&axis).then(|| context.dim(dim))
        };
        context.affine_map(loops.len(), &(0..AXES).filter_map(of_axis).collect::<Vec<_>>())
    }
}

/// The axes that any of the inputs has.
fn joined<const N: usize>(inputs: [&Table; N]) -> Axes {
    array::from_fn(|axis| inputs.iter().any(|input| input.axes[axis]))
}

impl Tables for Sizes<'_> {
    type Scalar = Payload;
    type Table = Table;

    fn classes(&self) -> usize {
        usize::try_from(self.sizes[Axis::Classes as usize]).unwrap_or(1)
    }

    fn rivals(&mut self, table: &Table) -> Table {
        let [items, draws, classes, _] = table.axes;
        Table { value: table.value, axes: [items, draws, false, classes] }
    }

    fn literal(&mut self, axes: &[Axis], values: Vec<f32>) -> Table {
        let shape: Vec<_> = axes.iter().map(|&axis| self.sizes[axis as usize]).collect();
        let axes = Axis::ALL.map(|axis| axes.contains(&axis));
        Table { value: self.emit.literal(&shape, &values), axes }
    }

    fn map<const N: usize>(
        &mut self,
        inputs: [&Table; N],
        f: impl Fn(&mut Payload, [Value; N]) -> Value,
    ) -> Table {
        let axes = joined(inputs);
        let loops: Vec<_> = (0..AXES).filter(|&axis| axes[axis]).collect();
        let shape: Vec<_> = loops.iter().map(|&axis| self.sizes[axis]).collect();
        let reads = self.reads(inputs, &loops);
        let result = self.emit.map(&shape, &reads, false, |a, x| {
            Moments::deterministic(f(a, array::from_fn(|n| x[n].mean)))
        });
        Table { value: result.mean, axes }
    }

    fn fold<const N: usize>(
        &mut self,
        axis: Axis,
        initial: f64,
        inputs: [&Table; N],
        f: impl Fn(&mut Payload, Value, [Value; N]) -> Value,
    ) -> Table {
        let axis = axis as usize;
        let mut axes = joined(inputs);
        axes[axis] = false;
        let kept: Vec<_> = (0..AXES).filter(|&axis| axes[axis]).collect();
        let shape: Vec<_> = kept.iter().map(|&axis| self.sizes[axis]).collect();
        // What is reduced is the innermost loop.
        let loops: Vec<_> = kept.into_iter().chain([axis]).collect();
        let reads = self.reads(inputs, &loops);
        let initial = Moments::deterministic(self.emit.fill(&shape, initial));
        let out = self.along(&loops, |axis| axes[*axis]);
        let result = self.emit.generic(&reads, initial, out, |a, x, sum| {
            Moments::deterministic(f(a, sum.mean, array::from_fn(|n| x[n].mean)))
        });
        Table { value: result.mean, axes }
    }
}
