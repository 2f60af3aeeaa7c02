//! The predictive head on tensors: `linalg.generic` ops around
//! [`gauss_dialect::predictive`].

use std::array;

use gauss_dialect::{
    ir::{AffineMap, Attribute, Type, Value},
    layer::Interval,
    moments::Moments,
    predictive::{self, Method, Rows, Thresholds},
    shape::UNCERTAINTIES,
};

use super::{Emitter, Read};
use crate::payload::Payload;

impl Emitter {
    pub(super) fn softmax(&self, method: Method, logits: Moments<Value>) -> Moments<Value> {
        let mut table = Table::of(self, logits.mean);
        let logits = table.logits(logits);
        Moments::deterministic(predictive::probabilities(&mut table, method, &logits).value)
    }

    pub(super) fn uncertainty(&self, method: Method, logits: Moments<Value>) -> Moments<Value> {
        let mut table = Table::of(self, logits.mean);
        let items = table.items;
        let logits = table.logits(logits);
        let parts = predictive::uncertainty(&mut table, method, &logits);
        let (item, column) = (self.context.dim(0), self.context.dim(1));
        let of_item = self.context.affine_map(2, &[item]);
        let read = |row: Row| (Moments::deterministic(row.value), of_item);
        let inputs = [
            read(parts.total),
            read(parts.aleatoric),
            read(parts.epistemic),
            (
                Moments::deterministic(self.counting(UNCERTAINTIES)),
                self.context.affine_map(2, &[column]),
            ),
        ];
        self.map(&[items, UNCERTAINTIES], &inputs, false, |a, x| {
            use gauss_dialect::moments::Arithmetic;
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
        let mut table = Table::of(self, probabilities);
        let items = table.items;
        let column =
            |number| Row { value: self.column(uncertainty, items, number), extent: Extent::Items };
        let probabilities = Row { value: probabilities, extent: Extent::Both };
        let [aleatoric, epistemic] = [1, 2].map(column);
        let decision =
            predictive::decide(&mut table, &probabilities, &aleatoric, &epistemic, thresholds);
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
        let sides = self.constants(&[-1.0, 1.0]);
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

    /// 0, 1, 2, ….
    fn counting(&self, count: i64) -> Value {
        self.constants(&(0..count).map(|number| number as f32).collect::<Vec<_>>())
    }

    fn constants(&self, values: &[f32]) -> Value {
        let ty = Type::tensor(self.context.f32(), &[values.len() as i64]);
        self.builder.constant(Attribute::dense(ty, values), ty)
    }
}

/// The tables of a batch of logits.
struct Table<'a> {
    emit: &'a Emitter,
    items: i64,
    classes: i64,
}

/// A tensor, and along what its elements differ.
#[derive(Clone, Copy)]
struct Row {
    value: Value,
    extent: Extent,
}

#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Items,
    Classes,
    Both,
}

impl<'a> Table<'a> {
    /// The tables for an N×C tensor.
    fn of(emit: &'a Emitter, tensor: Value) -> Self {
        let shape = tensor.ty().shape().unwrap_or_default();
        let size = |dim: usize| shape.get(dim).copied().unwrap_or(1);
        Self { emit, items: size(0), classes: size(1) }
    }

    fn logits(&self, logits: Moments<Value>) -> Moments<Row> {
        let row = |value| Row { value, extent: Extent::Both };
        Moments { mean: row(logits.mean), variance: logits.variance.map(row) }
    }

    /// The inputs as loops over items and classes read them, or over items alone.
    fn reads<const N: usize>(&self, inputs: [&Row; N], dims: usize) -> [Read; N] {
        let context = self.emit.context;
        inputs.map(|input| {
            let map: AffineMap = match input.extent {
                Extent::Items => context.affine_map(dims, &[context.dim(0)]),
                Extent::Classes => context.affine_map(dims, &[context.dim(1)]),
                Extent::Both => context.identity_map(dims),
            };
            (Moments::deterministic(input.value), map)
        })
    }
}

impl Rows for Table<'_> {
    type Scalar = Payload;
    type Row = Row;

    fn classes(&self) -> usize {
        usize::try_from(self.classes).unwrap_or(1)
    }

    fn numbers(&mut self) -> Row {
        Row { value: self.emit.counting(self.classes), extent: Extent::Classes }
    }

    fn map<const N: usize>(
        &mut self,
        inputs: [&Row; N],
        f: impl Fn(&mut Payload, [Value; N]) -> Value,
    ) -> Row {
        let is_narrow = inputs.iter().all(|input| input.extent == Extent::Items);
        let (shape, extent) = match is_narrow {
            true => (vec![self.items], Extent::Items),
            false => (vec![self.items, self.classes], Extent::Both),
        };
        let reads = self.reads(inputs, shape.len());
        let body = |a: &mut Payload, x: &[Moments<Value>]| {
            Moments::deterministic(f(a, array::from_fn(|n| x[n].mean)))
        };
        Row { value: self.emit.map(&shape, &reads, false, body).mean, extent }
    }

    fn fold<const N: usize>(
        &mut self,
        initial: f64,
        inputs: [&Row; N],
        f: impl Fn(&mut Payload, Value, [Value; N]) -> Value,
    ) -> Row {
        let context = self.emit.context;
        let initial = Moments::deterministic(self.emit.fill(&[self.items], initial));
        let out = context.affine_map(2, &[context.dim(0)]);
        let reads = self.reads(inputs, 2);
        let folded = self.emit.generic(&reads, initial, out, |a, x, sum| {
            Moments::deterministic(f(a, sum.mean, array::from_fn(|n| x[n].mean)))
        });
        Row { value: folded.mean, extent: Extent::Items }
    }
}
