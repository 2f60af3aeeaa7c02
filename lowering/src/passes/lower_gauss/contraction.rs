//! Linear layers: sums of products of an input and a weight.

use gauss_dialect::{
    ir::{AffineExpr, AffineMap, Attribute, Context, Op, Value},
    layer::Linear,
    moments::{self, Moments},
    ops::{
        contraction::Convolution,
        window::{SpatialAxis, Window},
    },
};

use super::{Emitter, Read};

impl Emitter {
    pub(super) fn dense(&self, layer: Linear, shape: &[i64]) -> Moments<Value> {
        let dim = |number| self.context.dim(number);
        let map = |a, b| self.context.affine_map(3, &[dim(a), dim(b)]);
        let (batch, output, depth) = (0, 1, 2);
        let inputs = [
            (self.moments(layer.input), map(batch, depth)),
            self.as_stored(self.moments(layer.weight), 3, &[dim(output), dim(depth)]),
        ];
        let initial = self.bias(layer.bias, shape, [inputs[0].0, inputs[1].0]);
        self.contract(inputs, initial, map(batch, output))
    }

    pub(super) fn convolution(
        &self,
        convolution: &Convolution,
        layer: Linear,
        shape: &[i64],
    ) -> Moments<Value> {
        let weight = self.moments(layer.weight);
        let weight_shape = layer.weight.ty().shape().unwrap_or_default();
        let window = convolution.window(&weight_shape[2..]);
        let input = self.pad(self.moments(layer.input), &window, 0.0);
        let initial = self.bias(layer.bias, shape, [input, weight]);
        let of_axis = |axis: &SpatialAxis| AxisLoops {
            start: 0,
            parallel: vec![axis.stride],
            element: axis.dilation,
        };
        let axes: Vec<_> = window.axes.iter().map(of_axis).collect();
        let pairs = Pairs { groups: convolution.groups, channels_first: false };
        self.convolve(&axes, pairs, [input, weight], initial)
    }

    /// `initial + Σ input · weight` over kernel elements and the pairs of channels that `pairs` are.
    pub(super) fn convolve(
        &self,
        axes: &[AxisLoops],
        pairs: Pairs,
        [input, weight]: [Moments<Value>; 2],
        initial: Moments<Value>,
    ) -> Moments<Value> {
        let loops = |outer, inner| Loops { context: self.context, axes, outer, inner };
        let weight_shape = weight.mean.ty().shape().unwrap_or_default();
        let groups = pairs.groups;
        if groups == 1 {
            // n, o, positions; c, elements.
            let loops = loops(2, 1);
            let ([item, output], channel) = ([0, 1].map(|n| loops.outer(n)), loops.inner(0));
            let elements = loops.elements(&pairs.ordered(output, channel));
            let weight = self.as_stored(weight, loops.count(), &elements);
            let input = (input, loops.places(&[item, channel]));
            return self.contract([input, weight], initial, loops.result());
        }
        if weight_shape[..2] == [groups, 1] {
            // n, c, positions; elements: a channel and an output are a group.
            let loops = loops(2, 0);
            let [item, channel] = [0, 1].map(|n| loops.outer(n));
            let elements = loops.elements(&[channel, self.context.affine_constant(0)]);
            let weight = self.as_stored(weight, loops.count(), &elements);
            let input = (input, loops.places(&[item, channel]));
            return self.contract([input, weight], initial, loops.result());
        }
        // n, g, o, positions; c, elements: the channels and the outputs split by group.
        let split = |x: Value, position: usize| {
            let mut sizes = x.ty().shape().unwrap_or_default();
            let size = sizes[position];
            sizes.splice(position..=position, [groups, size / groups]);
            self.reshape(x, &sizes)
        };
        let loops = loops(3, 1);
        let ([item, group, output], channel) = ([0, 1, 2].map(|n| loops.outer(n)), loops.inner(0));
        let elements = loops.elements(&[&[group][..], &pairs.ordered(output, channel)].concat());
        let inputs = [
            (self.each(input, |x| split(x, 1)), loops.places(&[item, group, channel])),
            (self.each(weight, |x| split(x, 0)), self.context.affine_map(loops.count(), &elements)),
        ];
        let shape = initial.mean.ty().shape().unwrap_or_default();
        let initial = self.each(initial, |x| split(x, 1));
        let result = self.contract(inputs, initial, loops.result());
        self.each(result, |x| self.reshape(x, &shape))
    }

    /// `input` with `value` ± 0 around it, where a window is padded.
    pub(super) fn pad(&self, input: Moments<Value>, window: &Window, value: f64) -> Moments<Value> {
        let padding: Vec<_> = window.axes.iter().map(|axis| axis.padding).collect();
        self.padded(input, &padding, value)
    }

    /// `input` with `value` ± 0 around its spatial dimensions; `input` itself where there is no
    /// padding.
    pub(super) fn padded(
        &self,
        input: Moments<Value>,
        padding: &[[i64; 2]],
        value: f64,
    ) -> Moments<Value> {
        if padding.iter().all(|padding| *padding == [0, 0]) {
            return input;
        }
        let low = padding.iter().map(|padding| padding[0]);
        let offsets: Vec<_> = [0, 0].into_iter().chain(low).collect();
        let pad = |x: Value, value: f64| {
            let mut padded = x.ty().shape().unwrap_or_default();
            for (size, padding) in padded[2..].iter_mut().zip(padding) {
                *size += padding.iter().sum::<i64>();
            }
            self.insert(x, self.fill(&padded, value), &offsets)
        };
        Moments { mean: pad(input.mean, value), variance: input.variance.map(|v| pad(v, 0.0)) }
    }

    /// A read of a weight by these indices, in the place of a transposition from it.
    fn as_stored(&self, weight: Moments<Value>, dims: usize, indices: &[AffineExpr]) -> Read {
        let permutation = |op: Op| op.attribute("permutation").and_then(Attribute::as_i64_array);
        let transposition = weight.mean.defining_op().filter(|op| op.is("linalg.transpose"));
        let Some((op, permutation)) = transposition.and_then(|op| Some((op, permutation(op)?)))
        else {
            return (weight, self.context.affine_map(dims, indices));
        };
        // Dimension d of the result is dimension permutation[d] of what is stored.
        let mut stored = indices.to_vec();
        for (&index, &dim) in indices.iter().zip(&permutation) {
            stored[dim as usize] = index;
        }
        let map = self.context.affine_map(dims, &stored);
        (Moments::deterministic(op.operand(0)), map)
    }

    /// `initial + Σ input · weight`; the dimensions after those of the result are summed.
    pub(super) fn contract(
        &self,
        inputs: [Read; 2],
        initial: Moments<Value>,
        out: AffineMap,
    ) -> Moments<Value> {
        self.generic(&inputs, initial, out, |a, x, sum| moments::multiply_add(a, x[0], x[1], sum))
    }

    /// The bias, or zero, along dimension 1 of `shape`; with a variance where the
    /// bias or an operand has one.
    pub(super) fn bias(
        &self,
        bias: Option<Value>,
        shape: &[i64],
        operands: [Moments<Value>; 2],
    ) -> Moments<Value> {
        let bias = bias.map(|bias| self.moments(bias));
        let gaussian = operands.into_iter().chain(bias).any(|x| x.variance.is_some());
        let fill = |x: Option<Value>| match x {
            Some(x) => {
                let map = self.context.affine_map(shape.len(), &[self.context.dim(1)]);
                let read = [(Moments::deterministic(x), map)];
                self.map(shape, &read, false, |_, x| x[0]).mean
            }
            None => self.fill(shape, 0.0),
        };
        Moments {
            mean: fill(bias.map(|b| b.mean)),
            variance: gaussian.then(|| fill(bias.and_then(|b| b.variance))),
        }
    }
}

/// The channels of the input and the outputs that meet in a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs {
    /// Groups that do not see each other.
    pub groups: i64,
    /// Has the weight channels before outputs?
    pub channels_first: bool,
}

impl Pairs {
    fn ordered(self, output: AffineExpr, channel: AffineExpr) -> [AffineExpr; 2] {
        match self.channels_first {
            true => [channel, output],
            false => [output, channel],
        }
    }
}

/// The loops along a spatial axis, each with the step that it takes through the input.
#[derive(Debug, Clone)]
pub(super) struct AxisLoops {
    /// The place in the padded input that is read first.
    pub start: i64,
    /// The loops over the places of the result; the weight depends on all but the first.
    pub parallel: Vec<i64>,
    /// The loop over kernel elements.
    pub element: i64,
}

/// The loops of a convolution: some outer ones, those over places of the result; some reductions,
/// one over the kernel elements along each axis.
struct Loops<'a> {
    context: Context,
    axes: &'a [AxisLoops],
    outer: usize,
    inner: usize,
}

impl Loops<'_> {
    /// How many loops are no reductions.
    fn parallel(&self) -> usize {
        self.outer + self.axes.iter().map(|axis| axis.parallel.len()).sum::<usize>()
    }

    fn count(&self) -> usize {
        self.parallel() + self.inner + self.axes.len()
    }

    /// One of the outer loops.
    fn outer(&self, number: usize) -> AffineExpr {
        self.context.dim(number)
    }

    /// One of the reductions around those over kernel elements.
    fn inner(&self, number: usize) -> AffineExpr {
        self.context.dim(self.parallel() + number)
    }

    /// The loops along each axis, those over the result and the one over the kernel.
    fn of_axes(&self) -> impl Iterator<Item = (Vec<AffineExpr>, AffineExpr)> {
        let (mut next, of_elements) = (self.outer, self.parallel() + self.inner);
        self.axes.iter().enumerate().map(move |(number, axis)| {
            let first = next;
            next += axis.parallel.len();
            let parallel = (first..next).map(|dim| self.context.dim(dim)).collect();
            (parallel, self.context.dim(of_elements + number))
        })
    }

    /// What is read of the padded input, behind these indices.
    fn places(&self, leading: &[AffineExpr]) -> AffineMap {
        let place = |(axis, (parallel, element)): (&AxisLoops, (Vec<AffineExpr>, AffineExpr))| {
            let steps = parallel.into_iter().zip(&axis.parallel);
            let steps = steps.chain([(element, &axis.element)]).map(|(dim, &step)| dim.times(step));
            let start = self.context.affine_constant(axis.start);
            // A start at 0 leaves no trace.
            steps
                .chain((axis.start != 0).then_some(start))
                .reduce(AffineExpr::plus)
                .unwrap_or(start)
        };
        let places = self.axes.iter().zip(self.of_axes()).map(place);
        let indices: Vec<_> = leading.iter().copied().chain(places).collect();
        self.context.affine_map(self.count(), &indices)
    }

    /// The indices of a weight, behind these.
    fn elements(&self, leading: &[AffineExpr]) -> Vec<AffineExpr> {
        let mut indices = leading.to_vec();
        for (parallel, element) in self.of_axes() {
            indices.extend(parallel.into_iter().skip(1));
            indices.push(element);
        }
        indices
    }

    /// What is written: all but the reductions.
    fn result(&self) -> AffineMap {
        let dims: Vec<_> = (0..self.parallel()).map(|dim| self.context.dim(dim)).collect();
        self.context.affine_map(self.count(), &dims)
    }
}
