//! Transposed convolutions, without a product with the zeros between the elements of their input.
//!
//! Places of the result that are a stride apart are a phase: they see the same kernel elements, each
//! at the neighbour of what the one before sees. So a phase is a convolution with some elements of
//! the kernel, the last one first. Phases that differ by as many steps in the input as in the result
//! are one convolution with a loop over them, whose result lies between those of the others.

use std::ops::Range;

use gauss_dialect::{
    ir::{Attribute, Type, Value},
    layer::Linear,
    moments::Moments,
    ops::{
        contraction::ConvTranspose,
        window::{SpatialAxis, check_padded},
    },
    shape::TensorType,
};

use super::{
    Emitter,
    contraction::{AxisLoops, Pairs},
};

/// The most phases, or groups of neighbours that are computed together.
const MAX_PHASES: usize = 64;

/// Neighbouring phases along an axis that are computed together.
#[derive(Debug, Clone, PartialEq)]
struct Phases {
    /// Where the first phase starts in the result.
    first: i64,
    /// The kernel elements that each phase sees, in the order of the places in the input.
    elements: Vec<Vec<i64>>,
    /// Places of each phase.
    positions: i64,
    /// The place in the input that the first element meets first; negative in the padding.
    start: i64,
    /// From a phase to the next one in the input.
    slope: i64,
    /// From a kernel element to the next one in the input.
    dilation: i64,
}

impl Phases {
    /// The phases along an axis of a kernel and a result of these sizes, those together that can be
    /// if `joins`.
    fn of(axis: &SpatialAxis, kernel: i64, result: i64, joins: bool) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for first in 0..axis.stride.min(result) {
            let next = Self::one(axis, kernel, result, first);
            let joined = all.last_mut().filter(|_| joins).is_some_and(|last| last.join(&next));
            if !joined {
                all.push(next);
            }
        }
        all
    }

    fn one(axis: &SpatialAxis, kernel: i64, result: i64, first: i64) -> Self {
        let SpatialAxis { stride, padding: [low, _], dilation } = *axis;
        // The steps back from the place to the start of each element.
        let back = |element: &i64| first + low - element * dilation;
        let elements: Vec<_> = (0..kernel).rev().filter(|k| back(k) % stride == 0).collect();
        let start = elements.first().map_or(0, |last| back(last) / stride);
        let step = match elements[..] {
            [last, next, ..] => back(&next) / stride - back(&last) / stride,
            _ => 1,
        };
        let positions = (result - first + stride - 1) / stride;
        Self { first, elements: vec![elements], positions, start, slope: 0, dilation: step }
    }

    /// Takes the next phase, if it follows these by the same steps.
    fn join(&mut self, next: &Self) -> bool {
        let count = self.elements.len() as i64;
        let slope = match count {
            1 => next.start - self.start,
            _ => self.slope,
        };
        let follows = next.start == self.start + slope * count
            && slope >= 0
            && next.positions == self.positions
            && next.elements[0].len() == self.elements[0].len();
        if follows {
            self.slope = slope;
            self.elements.extend_from_slice(&next.elements);
        }
        follows
    }

    fn count(&self) -> i64 {
        self.elements.len() as i64
    }

    /// Kernel elements of a phase.
    fn depth(&self) -> i64 {
        self.elements[0].len() as i64
    }

    /// The places of the input and its padding that are read.
    fn reads(&self) -> Range<i64> {
        let steps = (self.positions - 1)
            + self.slope * (self.count() - 1)
            + self.dilation * (self.depth() - 1);
        self.start..self.start + steps + 1
    }
}

/// Elements before and behind an input of a size for all that phases read of it.
fn padding(phases: &[Phases], size: i64) -> [i64; 2] {
    let reads = || phases.iter().filter(|phases| phases.depth() > 0).map(Phases::reads);
    let low = reads().map(|places| -places.start).max().unwrap_or(0);
    let high = reads().map(|places| places.end - size).max().unwrap_or(0);
    [low.max(0), high.max(0)]
}

/// An axis of the result.
struct Axis {
    phases: Vec<Phases>,
    stride: i64,
    /// Are the phases a dimension of their own in the result while they are put there? Else each is
    /// at every stride-th place.
    is_split: bool,
    /// What is put before and behind the input.
    padding: [i64; 2],
}

impl Axis {
    /// The axis for an input, a kernel and a result of these sizes. Phases see different elements of
    /// the kernel: of one whose numbers are not known each is read by itself.
    fn of(axis: &SpatialAxis, [input, kernel, result]: [i64; 3], is_known: bool) -> Self {
        let apart = Phases::of(axis, kernel, result, false);
        let joined = Phases::of(axis, kernel, result, is_known && result % axis.stride == 0);
        let is_split = joined.len() < apart.len();
        let phases = if is_split { joined } else { apart };
        let padding = padding(&phases, input);
        Self { phases, stride: axis.stride, is_split, padding }
    }
}

/// What the parts of a transposed convolution have in common.
struct Parts<'a> {
    pairs: Pairs,
    axes: &'a [Axis],
    /// The input, padded.
    input: Moments<Value>,
    weight: Weight<'a>,
    bias: Option<Value>,
    /// Batch and outputs.
    leading: &'a [i64],
}

/// The weight of a transposed convolution.
struct Weight<'a> {
    /// As it is where its numbers are known, else reversed along every axis.
    value: Moments<Value>,
    /// The numbers, where they are known.
    known: Option<Moments<Vec<f32>>>,
    /// Channels, outputs of a group, sizes of the kernel.
    shape: &'a [i64],
}

impl Emitter {
    /// A transposed convolution, phase by phase.
    ///
    /// # Errors
    ///
    /// Where there are more phases than are written out, or the input is too large with what the
    /// phases read around it; the message continues the words
    /// `'gauss.op' op`.
    pub(super) fn conv_transpose(
        &self,
        convolution: &ConvTranspose,
        layer: Linear,
        shape: &[i64],
    ) -> Result<Moments<Value>, String> {
        let (input, weight) = (self.moments(layer.input), self.moments(layer.weight));
        let [from, kernel] = [input, weight].map(|x| x.mean.ty().shape().unwrap_or_default());
        let known = numbers(weight);
        let axes: Vec<_> = (0..convolution.axes.len())
            .map(|number| {
                let sizes = [&from[..], &kernel, shape].map(|shape| shape[number + 2]);
                Axis::of(&convolution.axes[number], sizes, known.is_some())
            })
            .collect();
        let count = axes.iter().fold(1usize, |n, axis| n.saturating_mul(axis.phases.len()));
        if count > MAX_PHASES {
            return Err(format!(
                "has {count} phases, places of the result that see other elements of the kernel; each \
                 is written out, up to {MAX_PHASES}: take smaller strides, or a constant weight whose \
                 kernel and result are multiples of the stride"
            ));
        }
        let padding: Vec<_> = axes.iter().map(|axis| axis.padding).collect();
        let of_input = TensorType::new(from.clone(), input.variance.is_some());
        check_padded(&of_input, &padding)?;
        let value = match known {
            Some(_) => weight,
            None => self.each(weight, |weight| self.reversed(weight)),
        };
        let parts = Parts {
            pairs: Pairs { groups: convolution.groups, channels_first: true },
            axes: &axes,
            input: self.padded(input, &padding, 0.0),
            weight: Weight { value, known, shape: &kernel },
            bias: layer.bias,
            leading: &shape[..2],
        };
        let all = product(&axes);
        let result = match &all[..] {
            [only] => self.part(&parts, only),
            _ => self.interleaved(&parts, &all, shape),
        };
        Ok(self.each(result, |x| self.reshape(x, shape)))
    }

    /// The parts at their places in a result of `shape`, each axis as places and phases.
    fn interleaved(&self, parts: &Parts, all: &[Vec<&Phases>], shape: &[i64]) -> Moments<Value> {
        let sizes = parts.axes.iter().zip(&shape[2..]).flat_map(|(axis, &size)| {
            if axis.is_split { vec![size / axis.stride, axis.stride] } else { vec![size] }
        });
        let apart: Vec<_> = parts.leading.iter().copied().chain(sizes).collect();
        let whole = || self.reshape(self.empty(shape), &apart);
        let bias = parts.bias.map(|bias| self.moments(bias));
        let operands = [parts.input, parts.weight.value].into_iter().chain(bias);
        let is_gaussian = operands.into_iter().any(|x| x.variance.is_some());
        let empty = Moments { mean: whole(), variance: is_gaussian.then(whole) };
        all.iter().fold(empty, |whole, phases| {
            let part = self.part(parts, phases);
            let (mut offsets, mut strides) = (vec![0; 2], vec![1; 2]);
            for (axis, phases) in parts.axes.iter().zip(phases) {
                match axis.is_split {
                    true => {
                        offsets.extend([0, phases.first]);
                        strides.extend([1, 1]);
                    }
                    false => {
                        offsets.push(phases.first);
                        strides.push(axis.stride);
                    }
                }
            }
            let put = |part, whole| self.insert_strided(part, whole, &offsets, &strides);
            Moments {
                mean: put(part.mean, whole.mean),
                variance: part.variance.zip(whole.variance).map(|(part, whole)| put(part, whole)),
            }
        })
    }

    /// Some phases of each axis: a convolution with their kernel elements, or the bias alone where
    /// they see none.
    fn part(&self, parts: &Parts, phases: &[&Phases]) -> Moments<Value> {
        let axes = || parts.axes.iter().zip(phases);
        let sizes = axes().flat_map(|(axis, phases)| {
            let sizes = [phases.positions, phases.count()];
            sizes.into_iter().take(if axis.is_split { 2 } else { 1 })
        });
        let shape: Vec<_> = parts.leading.iter().copied().chain(sizes).collect();
        let initial = self.bias(parts.bias, &shape, [parts.input, parts.weight.value]);
        if phases.iter().any(|phases| phases.depth() == 0) {
            return initial;
        }
        let loops: Vec<_> = axes()
            .map(|(axis, phases)| AxisLoops {
                start: phases.start + axis.padding[0],
                parallel: if axis.is_split { vec![1, phases.slope] } else { vec![1] },
                element: phases.dilation,
            })
            .collect();
        let inputs = [parts.input, self.weight_of(parts, phases)];
        self.convolve(&loops, parts.pairs, inputs, initial)
    }

    /// The kernel elements of some phases.
    fn weight_of(&self, parts: &Parts, phases: &[&Phases]) -> Moments<Value> {
        let Weight { value, known, shape } = &parts.weight;
        let mut sizes = shape[..2].to_vec();
        let Some(known) = known else {
            let (mut offsets, mut strides) = (vec![0; 2], vec![1; 2]);
            for (&size, phases) in shape[2..].iter().zip(phases) {
                let elements = &phases.elements[0];
                sizes.push(phases.depth());
                // Counted from the end, as the kernel is reversed.
                offsets.push(size - 1 - elements[0]);
                strides.push(elements.get(1).map_or(1, |next| elements[0] - next));
            }
            return self.each(*value, |x| self.slice(x, &offsets, &sizes, &strides));
        };
        for (axis, phases) in parts.axes.iter().zip(phases) {
            sizes.extend(axis.is_split.then(|| phases.count()));
            sizes.push(phases.depth());
        }
        let elements: Vec<_> = phases.iter().map(|phases| phases.elements.concat()).collect();
        let ty = Type::tensor(self.context.f32(), &sizes);
        let constant = |values: &[f32]| {
            let values = gathered(values, &shape[2..], &elements);
            self.builder.constant(Attribute::resource(ty, "phases", values), ty)
        };
        Moments { mean: constant(&known.mean), variance: known.variance.as_deref().map(constant) }
    }

    /// A weight whose kernel elements are in the opposite order along every axis.
    fn reversed(&self, weight: Value) -> Value {
        let shape = weight.ty().shape().unwrap_or_default();
        (2..shape.len()).filter(|&dim| shape[dim] > 1).fold(weight, |x, dim| {
            let mut one = shape.clone();
            one[dim] = 1;
            let at = |index: i64| {
                let mut offsets = vec![0; shape.len()];
                offsets[dim] = index;
                offsets
            };
            (0..shape[dim]).fold(self.empty(&shape), |whole, index| {
                let slice = self.slice(x, &at(index), &one, &vec![1; shape.len()]);
                self.insert(slice, whole, &at(shape[dim] - 1 - index))
            })
        })
    }
}

/// The numbers of a constant.
fn numbers(x: Moments<Value>) -> Option<Moments<Vec<f32>>> {
    let read = |value: Value| {
        let constant = value.defining_op().filter(|op| op.is("arith.constant"))?;
        constant.attribute("value")?.as_f32_elements()
    };
    let variance = x.variance.map(|variance| read(variance).ok_or(()));
    Some(Moments { mean: read(x.mean)?, variance: variance.transpose().ok()? })
}

/// Of every kernel, which have these sizes, the elements that are named along each axis.
fn gathered(values: &[f32], kernel: &[i64], elements: &[Vec<i64>]) -> Vec<f32> {
    let places = kernel.iter().zip(elements).fold(vec![0], |places, (size, elements)| {
        let next = |place: i64| elements.iter().map(move |element| place * size + element);
        places.into_iter().flat_map(next).collect()
    });
    let size = kernel.iter().product::<i64>() as usize;
    let mut gathered = Vec::with_capacity(values.len() / size * places.len());
    for kernel in values.chunks_exact(size) {
        gathered.extend(places.iter().map(|&place| kernel[place as usize]));
    }
    gathered
}

/// Every choice of phases of each axis.
fn product(axes: &[Axis]) -> Vec<Vec<&Phases>> {
    let mut all: Vec<Vec<&Phases>> = vec![vec![]];
    for axis in axes {
        let longer =
            |some: Vec<_>| axis.phases.iter().map(move |phases| [&some[..], &[phases]].concat());
        all = all.into_iter().flat_map(longer).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(stride: i64, low: i64, dilation: i64) -> SpatialAxis {
        SpatialAxis { stride, padding: [low, 0], dilation }
    }

    #[test]
    fn every_place_meets_the_elements_that_fall_on_it() {
        for (stride, low, dilation, kernel, result, joins) in (1..6)
            .flat_map(|stride| (0..4).map(move |low| (stride, low)))
            .flat_map(|(s, low)| (1..4).map(move |dilation| (s, low, dilation)))
            .flat_map(|(s, l, d)| (1..6).map(move |kernel| (s, l, d, kernel)))
            .flat_map(|(s, l, d, k)| [(s, l, d, k, 7, false), (s, l, d, k, 4 * s, true)])
        {
            let axis = axis(stride, low, dilation);
            let mut seen = vec![vec![]; result as usize];
            for phases in Phases::of(&axis, kernel, result, joins) {
                for (number, elements) in phases.elements.iter().enumerate() {
                    for position in 0..phases.positions {
                        let place = phases.first + number as i64 + position * stride;
                        let start = phases.start + position + number as i64 * phases.slope;
                        let reads = (0..).map(|step| start + step * phases.dilation);
                        seen[place as usize].extend(elements.iter().copied().zip(reads));
                    }
                }
            }
            for (place, seen) in seen.into_iter().enumerate() {
                // Element k of the kernel falls from input p on p·stride + k·dilation − low.
                let falls = |k: i64| place as i64 + low - k * dilation;
                let all = (0..kernel).rev().filter(|&k| falls(k) % stride == 0);
                assert_eq!(seen, all.map(|k| (k, falls(k) / stride)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn phases_are_one_convolution_where_their_places_follow_each_other() {
        let counts = |axis, kernel, result| -> Vec<i64> {
            Phases::of(&axis, kernel, result, true).iter().map(Phases::count).collect()
        };
        // Two times as large with and without overlap; patches; a kernel of three.
        assert_eq!(counts(axis(2, 1, 1), 4, 16), [2]);
        assert_eq!(counts(axis(2, 0, 1), 2, 16), [2]);
        assert_eq!(counts(axis(16, 0, 1), 16, 64), [16]);
        assert_eq!(counts(axis(2, 1, 1), 3, 16), [1, 1]);
    }
}
