//! Dense layers and convolutions: sums of products with a weight.

use std::ops::Range;

use super::{
    places::indices,
    views::{View, ViewMut, leading, sizes},
};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::{self, Moments},
    ops::{
        contraction::{ConvTranspose, Convolution},
        window::Window,
    },
    shape::TensorType,
};

/// Numbers of an operand that a contraction keeps close, in the level-2 cache.
const BLOCK: usize = 1 << 14;

/// The operands of a layer.
#[derive(Clone, Copy)]
pub(super) struct Linear<'a, V> {
    input: &'a Tensor<V>,
    weight: &'a Tensor<V>,
    bias: Option<&'a Tensor<V>>,
}

impl<'a, V: Scalar> Linear<'a, V> {
    /// With the bias if there is one.
    pub(super) fn new(input: &'a Tensor<V>, weight: &'a Tensor<V>, bias: &[&'a Tensor<V>]) -> Self {
        Self { input, weight, bias: bias.first().copied() }
    }

    /// What the sums of an output begin with.
    fn bias(&self, output: usize) -> Moments<V> {
        self.bias.map_or(Moments::deterministic(V::ZERO), |bias| bias.view().at(output))
    }
}

pub(super) fn dense<V: Scalar>(operands: Linear<V>, ty: &TensorType) -> Result<Tensor<V>, String> {
    let Linear { input, weight, .. } = operands;
    let mut result = Tensor::zeros(ty)?;
    let [outputs, depth] = leading(&weight.shape);
    let weights = weight.view();
    let rows = (BLOCK / depth).clamp(8, 64);
    result.fill(rows * outputs, |start, mut out| {
        let (first, rows) = (start / outputs, out.mean.len() / outputs);
        let source = input.view().slice(first * depth..(first + rows) * depth);
        let columns = Buffer::arranged(source, depth * rows, |to, from| {
            for (row, values) in from.chunks_exact(depth).enumerate() {
                for (k, &value) in values.iter().enumerate() {
                    to[k * rows + row] = value;
                }
            }
        });
        let mut sums = Buffer::zeros(rows, ty.gaussian);
        for output in 0..outputs {
            let weights = weights.slice(output * depth..(output + 1) * depth);
            sums.view_mut().fill(operands.bias(output));
            contract(sums.view_mut(), columns.view(), weights);
            for row in 0..rows {
                out.set(row * outputs + output, sums.view().at(row));
            }
        }
    });
    Ok(result)
}

pub(super) fn convolve<V: Scalar>(
    convolution: &Convolution,
    operands: Linear<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let Linear { input, weight, .. } = operands;
    let mut result = Tensor::zeros(ty)?;
    let [_, channels] = leading(&input.shape);
    let [outputs, group_channels] = leading(&weight.shape);
    let weights = weight.view();
    let kernel: Vec<_> = weight.ty().shape[2..].to_vec();
    let window = convolution.window(&kernel);
    let patches = Patches { window: &window, input: &input.shape[2..], output: &sizes(ty)[2..] };
    let (rows, columns) = patches.lines();
    let size: usize = input.shape[2..].iter().product();
    let depth = weight.shape[1..].iter().product::<usize>();
    let groups = channels / group_channels;
    let block = (BLOCK / (depth * columns).max(1)).clamp(1, rows);
    let image_size = outputs * rows * columns;
    result.fill(image_size, |start, mut out| {
        let image = start / image_size;
        for group in 0..groups {
            let from = (image * groups + group) * group_channels * size;
            let source = input.view().slice(from..from + group_channels * size);
            for first in (0..rows).step_by(block) {
                let block = first..rows.min(first + block);
                let positions = block.len() * columns;
                let lines = patches.sources(block);
                // Long lines of deep windows are taken a few terms of the sums at a time.
                let part = (BLOCK / positions.max(1)).clamp(1, depth);
                for start in (0..depth).step_by(part) {
                    let terms = start..depth.min(start + part);
                    let patches = Buffer::arranged(source, terms.len() * positions, |to, from| {
                        patches.gather(&lines, terms.clone(), from, to);
                    });
                    for output in group * outputs / groups..(group + 1) * outputs / groups {
                        let of_output = output * depth;
                        let weights = weights.slice(of_output + terms.start..of_output + terms.end);
                        let to = (output * rows + first) * columns;
                        let mut sum = out.slice(to..to + positions);
                        if start == 0 {
                            sum.fill(operands.bias(output));
                        }
                        contract(sum, patches.view(), weights);
                    }
                }
            }
        }
    });
    Ok(result)
}

/// A transposed convolution, by its definition: every element of the input is multiplied by the
/// kernel, and each product added where it falls.
pub(super) fn scatter<V: Scalar>(
    convolution: &ConvTranspose,
    operands: Linear<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let Linear { input, weight, .. } = operands;
    let mut result = Tensor::zeros(ty)?;
    let [_, channels] = leading(&input.shape);
    let [_, group_outputs] = leading(&weight.shape);
    let outputs = result.shape[1];
    let group_channels = channels * group_outputs / outputs;
    let (from, kernel) = (&input.shape[2..], &weight.shape[2..]);
    let to = result.shape[2..].to_vec();
    let (positions, elements): (usize, usize) = (from.iter().product(), kernel.iter().product());
    // For every kernel element, where in a plane of the result each product falls.
    let place = |element: usize, position: usize| {
        let (element, position) = (indices(element, kernel), indices(position, from));
        convolution.axes.iter().enumerate().try_fold(0, |place, (number, axis)| {
            let at = position[number] as i64 * axis.stride + element[number] as i64 * axis.dilation;
            let at = usize::try_from(at - axis.padding[0]).ok().filter(|at| *at < to[number])?;
            Some(place * to[number] + at)
        })
    };
    let places: Vec<Vec<_>> = (0..elements)
        .map(|element| (0..positions).map(|position| place(element, position)).collect())
        .collect();
    let (x, weights) = (input.view(), weight.view());
    let plane: usize = to.iter().product();
    result.fill(plane, |start, mut out| {
        let (image, output) = (start / plane / outputs, start / plane % outputs);
        let (group, of_group) = (output / group_outputs, output % group_outputs);
        out.fill(operands.bias(output));
        for channel in group * group_channels..(group + 1) * group_channels {
            for (element, places) in places.iter().enumerate() {
                let w = weights.at((channel * group_outputs + of_group) * elements + element);
                for (position, place) in places.iter().enumerate() {
                    let Some(place) = *place else { continue };
                    let x = x.at((image * channels + channel) * positions + position);
                    let sum = out.at(place);
                    out.set(place, moments::multiply_add(&mut V::algebra(), x, w, sum));
                }
            }
        }
    });
    Ok(result)
}

/// `sum[p] += Σ_k columns[k, p] · weights[k]` for all positions p.
fn contract<V: Scalar>(mut sum: ViewMut<V>, columns: View<V>, weights: View<V>) {
    let positions = sum.mean.len();
    for k in 0..weights.mean.len() {
        multiply_add(&mut sum, columns.slice(k * positions..(k + 1) * positions), weights.at(k));
    }
}

/// `sum[p] += x[p] · w`. The loop has one weight, so that what depends on it
/// alone is computed once.
fn multiply_add<V: Scalar>(sum: &mut ViewMut<V>, x: View<V>, w: Moments<V>) {
    let means = sum.mean.iter_mut().zip(x.mean);
    match (&mut sum.variance, x.variance, w.variance) {
        (Some(variances), Some(x_variances), _) => {
            for ((sum, &mean), (variance, &v)) in means.zip(variances.iter_mut().zip(x_variances)) {
                let total = Moments::gaussian(*sum, *variance);
                let total =
                    moments::multiply_add(&mut V::algebra(), Moments::gaussian(mean, v), w, total);
                (*sum, *variance) = (total.mean, total.variance.unwrap_or(*variance));
            }
        }
        (Some(variances), None, Some(_)) => {
            for ((sum, &mean), variance) in means.zip(variances.iter_mut()) {
                let total = Moments::gaussian(*sum, *variance);
                let total = moments::multiply_add(
                    &mut V::algebra(),
                    Moments::deterministic(mean),
                    w,
                    total,
                );
                (*sum, *variance) = (total.mean, total.variance.unwrap_or(*variance));
            }
        }
        _ => {
            let w = Moments::deterministic(w.mean);
            for (sum, &mean) in means {
                let total = Moments::deterministic(*sum);
                let x = Moments::deterministic(mean);
                *sum = moments::multiply_add(&mut V::algebra(), x, w, total).mean;
            }
        }
    }
}

/// The operand of a contraction, in the order in which it is read, or a part of
/// its result.
struct Buffer<V> {
    mean: Vec<V>,
    variance: Option<Vec<V>>,
}

impl<V: Scalar> Buffer<V> {
    fn zeros(length: usize, gaussian: bool) -> Self {
        Self { mean: vec![V::ZERO; length], variance: gaussian.then(|| vec![V::ZERO; length]) }
    }

    /// `length` zeros that `arrange` overwrites, first with means, then with variances.
    fn arranged(source: View<V>, length: usize, arrange: impl Fn(&mut [V], &[V])) -> Self {
        let mut buffer = Self::zeros(length, source.variance.is_some());
        arrange(&mut buffer.mean, source.mean);
        if let (Some(to), Some(from)) = (&mut buffer.variance, source.variance) {
            arrange(to, from);
        }
        buffer
    }

    fn view(&self) -> View<'_, V> {
        View { mean: &self.mean, variance: self.variance.as_deref() }
    }

    fn view_mut(&mut self) -> ViewMut<'_, V> {
        ViewMut { mean: &mut self.mean, variance: self.variance.as_deref_mut() }
    }
}

/// What a kernel element meets of a plane in a line of the result.
struct Source {
    /// The positions of the line where it is inside of the plane.
    valid: Range<usize>,
    /// The place of the first of them in the plane; `None` where the whole line is in the padding.
    start: Option<usize>,
}

/// The values that a window meets, line by line: a line goes along the last axis.
struct Patches<'a> {
    window: &'a Window,
    /// The spatial sizes of the input and of the result.
    input: &'a [usize],
    output: &'a [usize],
}

impl Patches<'_> {
    /// Lines of the result, and their length.
    fn lines(&self) -> (usize, usize) {
        let (columns, rows) = self.output.split_last().unwrap_or((&1, &[]));
        (rows.iter().product(), *columns)
    }

    /// For every kernel element what it meets of the input in some lines of the result.
    fn sources(&self, rows: Range<usize>) -> Vec<Vec<Source>> {
        let last = self.input.len() - 1;
        let (width, (_, columns)) = (self.input[last], self.lines());
        let axis = self.window.axes[last];
        let kernel: Vec<_> =
            self.window.kernel.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        let of_element = |element: usize| {
            let element = indices(element, &kernel);
            let offset = element[last] as i64 * axis.dilation - axis.padding[0];
            let valid = inside(offset, axis.stride, width, columns);
            let left = usize::try_from(valid.start as i64 * axis.stride + offset).ok();
            let of_row = |row| {
                let row = self.row(&indices(row, &self.output[..last]), &element);
                let start = row.zip(left).map(|(row, left)| row * width + left);
                Source { valid: valid.clone(), start }
            };
            rows.clone().map(of_row).collect()
        };
        (0..kernel.iter().product()).map(of_element).collect()
    }

    /// For some channels and kernel elements, in the order of the weight, the values that they meet
    /// in lines of the result; what lies in the padding stays zero.
    fn gather<V: Scalar>(
        &self,
        sources: &[Vec<Source>],
        terms: Range<usize>,
        planes: &[V],
        patches: &mut [V],
    ) {
        let (last, (_, columns)) = (self.input.len() - 1, self.lines());
        let step = usize::try_from(self.window.axes[last].stride).unwrap_or(1);
        let size: usize = self.input.iter().product();
        let patches = patches.chunks_exact_mut(columns.max(1));
        let sources = terms.flat_map(|term| {
            let plane = &planes[term / sources.len() * size..][..size];
            sources[term % sources.len()].iter().map(move |source| (plane, source))
        });
        for ((plane, Source { valid, start }), patch) in sources.zip(patches) {
            let Some(start) = *start else { continue };
            let values = plane.iter().skip(start).step_by(step);
            for (to, &value) in patch[valid.clone()].iter_mut().zip(values) {
                *to = value;
            }
        }
    }

    /// The line of the input that a kernel element meets in a line of the result; `None` in the
    /// padding.
    fn row(&self, position: &[usize], element: &[usize]) -> Option<usize> {
        let axes = self.window.axes.iter().zip(self.input).zip(position.iter().zip(element));
        axes.into_iter().try_fold(0, |row, ((axis, &size), (&position, &element))| {
            let place = position as i64 * axis.stride + element as i64 * axis.dilation;
            let place = usize::try_from(place - axis.padding[0]).ok();
            place.filter(|place| *place < size).map(|place| row * size + place)
        })
    }
}

/// The output positions p for which `p·stride + offset` is within `0..size`.
fn inside(offset: i64, stride: i64, size: usize, positions: usize) -> Range<usize> {
    let first_from = |bound: i64| {
        let position = (bound - offset + stride - 1).div_euclid(stride);
        usize::try_from(position).unwrap_or(0).min(positions)
    };
    first_from(0)..first_from(size as i64)
}
