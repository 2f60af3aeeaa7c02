//! The predictive head on tensors: `linalg.generic` ops around
//! [`gauss_dialect::predictive`].

use std::array;

use gauss_dialect::{
    ir::{AffineMap, Attribute, Block, Op, Type, Value},
    layer::Interval,
    moments::{Arithmetic, Moments},
    predictive::{self, Axis, Method, Prediction, Tables, Thresholds, Uncertainty, binary},
    shape::UNCERTAINTIES,
};
use pfp_runtime::predictive::LOGISTIC_MIXTURE;

use super::{Emitter, Read};
use crate::payload::Payload;

/// What has been predicted: ops on the same logits in one block share it.
#[derive(Default)]
pub(super) struct Predicted(Vec<(Key, Prediction<Table>)>);

/// What a prediction is of: the block that it is in, the operands, and what they are logits of.
type Key = (Block, Vec<Value>, Labels);

/// What logits are logits of.
#[derive(Clone, Copy, PartialEq)]
enum Labels {
    /// One of several classes.
    Classes(Method),
    /// Each of a label of its own.
    Binary,
}

impl Predicted {
    /// The prediction of the op's logits.
    fn get(&mut self, emit: &Emitter, op: Op, labels: Labels) -> Prediction<Table> {
        let key = (op.block(), op.operands(), labels);
        if let Some((_, known)) = self.0.iter().find(|(other, _)| *other == key) {
            return known.clone();
        }
        let logits = emit.moments(op.operand(0));
        let mut sizes = match labels {
            Labels::Classes(method) => Sizes::of_logits(emit, logits.mean, method),
            Labels::Binary => Sizes::of(emit, logits.mean, 1),
        };
        let axes = sizes.by([Axis::Classes; 2]);
        let table = |value| Table { value, axes };
        let logits = Moments { mean: table(logits.mean), variance: logits.variance.map(table) };
        let axes = sizes.by([Axis::Classes, Axis::Rivals]);
        let covariance = op.operands().get(1).map(|&value| Table { value, axes });
        let prediction = match labels {
            Labels::Classes(method) => {
                predictive::predict(&mut sizes, method, &logits, covariance.as_ref())
            }
            Labels::Binary => binary::predict(&mut sizes, &logits),
        };
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
        let prediction = predicted.get(self, op, Labels::Classes(method));
        Moments::deterministic(prediction.probabilities.value)
    }

    /// Total, aleatoric and epistemic uncertainty as the columns of an N×3 tensor.
    pub(super) fn uncertainty(
        &self,
        op: Op,
        method: Method,
        predicted: &mut Predicted,
        shape: &[i64],
    ) -> Moments<Value> {
        let prediction = predicted.get(self, op, Labels::Classes(method));
        self.side_by_side(prediction.uncertainty, shape)
    }

    pub(super) fn binary_probability(&self, op: Op, predicted: &mut Predicted) -> Moments<Value> {
        let prediction = predicted.get(self, op, Labels::Binary);
        Moments::deterministic(prediction.probabilities.value)
    }

    /// Total, aleatoric and epistemic uncertainty as the last dimension of an N×K×3 tensor.
    pub(super) fn binary_uncertainty(
        &self,
        op: Op,
        predicted: &mut Predicted,
        shape: &[i64],
    ) -> Moments<Value> {
        self.side_by_side(predicted.get(self, op, Labels::Binary).uncertainty, shape)
    }

    /// Three tensors as the last dimension of one of `shape`.
    fn side_by_side(&self, parts: Uncertainty<Table>, shape: &[i64]) -> Moments<Value> {
        let (dims, last) = (shape.len(), shape.len() - 1);
        let along = |dims_read: std::ops::Range<usize>| {
            self.context
                .affine_map(dims, &dims_read.map(|dim| self.context.dim(dim)).collect::<Vec<_>>())
        };
        let columns = self.literal(&[UNCERTAINTIES], &[0.0, 1.0, 2.0]);
        let read = |part: Table| (Moments::deterministic(part.value), along(0..last));
        let inputs = [
            read(parts.total),
            read(parts.aleatoric),
            read(parts.epistemic),
            (Moments::deterministic(columns), along(last..dims)),
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
        let [aleatoric, epistemic] =
            [1, 2].map(|number| Table { value: self.column(uncertainty, number), axes: BY_ITEM });
        let probabilities = Table { value: probabilities, axes: BY_CLASS };
        let decision =
            predictive::decide(&mut sizes, &probabilities, &aleatoric, &epistemic, thresholds);
        Moments::deterministic(decision.value)
    }

    pub(super) fn binary_decide(
        &self,
        thresholds: Thresholds,
        probability: Value,
        uncertainty: Value,
    ) -> Moments<Value> {
        let mut sizes = Sizes::of(self, probability, 1);
        let [aleatoric, epistemic] =
            [1, 2].map(|number| Table { value: self.column(uncertainty, number), axes: BY_CLASS });
        let probability = Table { value: probability, axes: BY_CLASS };
        let decision = binary::decide(&mut sizes, &probability, &aleatoric, &epistemic, thresholds);
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

    /// What stands at one place of the last dimension of a tensor.
    fn column(&self, x: Value, number: i64) -> Value {
        let shape = x.ty().shape().unwrap_or_default();
        let kept = &shape[..shape.len().saturating_sub(1)];
        let with_last = |value: i64| kept.iter().map(|_| 0).chain([value]).collect::<Vec<_>>();
        let sizes = self.dynamic_sizes(kept);
        let extents: Vec<_> = kept.iter().copied().chain([1]).collect();
        self.builder
            .op("tensor.extract_slice")
            .operands(&[x])
            .operands(&sizes)
            .results(&[Type::tensor(self.context.f32(), kept)])
            .attr("static_offsets", self.context.i64_array_attr(&with_last(number)))
            .attr("static_sizes", self.context.i64_array_attr(&extents))
            .attr("static_strides", self.context.i64_array_attr(&vec![1; shape.len()]))
            .attr(
                "operandSegmentSizes",
                self.context.i32_array_attr(&[1, 0, sizes.len() as i32, 0]),
            )
            .build()
            .result(0)
    }

    pub(super) fn literal(&self, shape: &[i64], values: &[f32]) -> Value {
        let ty = Type::tensor(self.context.f32(), shape);
        self.builder.constant(Attribute::dense(ty, values), ty)
    }
}

/// So many columns of a factor are joined at once.
const BLOCK: i64 = 8;

const AXES: usize = Axis::ALL.len();

/// Which axes a table has.
type Axes = [bool; AXES];

const BY_ITEM: Axes = [true, false, false, false, false, false];
const BY_CLASS: Axes = [true, false, false, false, true, false];

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
        let parts = LOGISTIC_MIXTURE.len() as i64;
        Self { emit, sizes: [size(0), 1, draws, parts, size(1), size(1)] }
    }

    /// Those of N×C logits, or of N×K×C at the nodes of a mixture.
    fn of_logits(emit: &'a Emitter, logits: Value, method: Method) -> Self {
        let shape = logits.ty().shape().unwrap_or_default();
        let (nodes, classes) = match shape[..] {
            [_, nodes, classes] => (nodes, classes),
            _ => (1, shape.last().copied().unwrap_or(1)),
        };
        let draws = match method.shared(usize::try_from(nodes).unwrap_or(1)) {
            Method::Sample(sampling) => i64::from(sampling.draws),
            Method::MeanField | Method::Laplace => 1,
        };
        let items = shape.first().copied().unwrap_or(1);
        let parts = LOGISTIC_MIXTURE.len() as i64;
        Self { emit, sizes: [items, nodes, draws, parts, classes, classes] }
    }

    /// Items, nodes where there are several, and these.
    fn by(&self, others: [Axis; 2]) -> Axes {
        Axis::ALL.map(|axis| match axis {
            Axis::Items => true,
            Axis::Nodes => self.sizes[Axis::Nodes as usize] > 1,
            other => others.contains(&other),
        })
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

    fn nodes(&self) -> usize {
        usize::try_from(self.sizes[Axis::Nodes as usize]).unwrap_or(1)
    }

    fn rivals(&mut self, table: &Table) -> Table {
        let [items, nodes, draws, parts, classes, _] = table.axes;
        Table { value: table.value, axes: [items, nodes, draws, parts, false, classes] }
    }

    /// Column after column: what the columns before it leave of the covariances, over the pivot. Each column is taken
    /// off all that follow, and columns are joined in blocks: MLIR's bufferization takes a time that grows with the
    /// square of how many insertions into one tensor there are, and with what is read of it between them.
    fn factor(&mut self, covariance: &Table, variance: &Table) -> Table {
        let emit = self.emit;
        let [items, nodes, classes] =
            [Axis::Items, Axis::Nodes, Axis::Classes].map(|axis| self.sizes[axis as usize]);
        // A matrix for each item and node; a batch that is not fixed has no nodes.
        let items = if nodes > 1 { items * nodes } else { items };
        let context = emit.context;
        let [item, row, column] = [0, 1, 2].map(|dim| context.dim(dim));
        let first = context.affine_constant(0);
        // What is left of the covariances and of the variances of the rows from the step on.
        let mut matrices = emit.reshape(covariance.value, &[items, classes, classes]);
        let mut rest = emit.reshape(variance.value, &[items, classes]);
        let mut columns = Vec::new();
        for step in 0..classes {
            let below = classes - step - 1;
            let pivot = emit.slice(rest, &[0, 0], &[items, 1], &[1, 1]);
            let pivot = emit.elementwise(&[items, 1], &[Moments::deterministic(pivot)], |a, x| {
                Moments::deterministic(a.sqrt(x[0].mean))
            });
            columns.push((emit.reshape(pivot.mean, &[items, 1, 1]), [0, step, step]));
            if below == 0 {
                break;
            }
            let part = |value: Value, from: &[i64], sizes: &[i64]| {
                Moments::deterministic(emit.slice(value, from, sizes, &vec![1; sizes.len()]))
            };
            let left = part(rest, &[0, 1], &[items, below]);
            let known = part(matrices, &[0, 1, 0], &[items, below, 1]);
            let known = Moments::deterministic(emit.reshape(known.mean, &[items, below]));
            let all = context.affine_map(2, &[item, row]);
            let one = context.affine_map(2, &[item, first]);
            let reads = [(known, all), (pivot, one), (left, all)];
            let entries = emit.map(&[items, below], &reads, true, |a, x| {
                predictive::factor_entry(a, x[0].mean, x[1].mean, x[2].mean)
            });
            rest = entries.variance.unwrap_or(left.mean);
            let of_column = Moments::deterministic(entries.mean);
            let sizes = [items, below, below];
            let reads = [
                (part(matrices, &[0, 1, 1], &sizes), context.affine_map(3, &[item, row, column])),
                (of_column, context.affine_map(3, &[item, row])),
                (of_column, context.affine_map(3, &[item, column])),
            ];
            let next = emit.map(&sizes, &reads, false, |a, x| {
                Moments::deterministic(a.negated_fma(x[1].mean, x[2].mean, x[0].mean))
            });
            matrices = next.mean;
            let of_column = emit.reshape(entries.mean, &[items, below, 1]);
            columns.push((of_column, [0, step + 1, step]));
        }
        let factor = emit.fill(&[items, classes, classes], 0.0);
        let blocks = (0..classes).step_by(BLOCK as usize).map(|first| {
            let width = BLOCK.min(classes - first);
            let block = emit.fill(&[items, classes, width], 0.0);
            let own = columns.iter().filter(|(_, at)| (first..first + width).contains(&at[2]));
            let block = own.fold(block, |block, &(part, [item, row, column])| {
                emit.insert(part, block, &[item, row, column - first])
            });
            (block, first)
        });
        let factor = blocks
            .fold(factor, |factor, (block, first)| emit.insert(block, factor, &[0, 0, first]));
        let axes = self.by([Axis::Classes, Axis::Rivals]);
        let shape: Vec<_> =
            (0..AXES).filter(|&axis| axes[axis]).map(|axis| self.sizes[axis]).collect();
        Table { value: emit.reshape(factor, &shape), axes }
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
