//! The layers on tensors: loops around the algebra of [`crate::moments`].

use std::{array, ops::Range};

use rayon::prelude::*;

use super::{F64, Tensor, check_variances, predictions};
use crate::{
    layer::Layer,
    moments::{
        self, Moments,
        normalised::{Normalised, Spread},
    },
    ops::{
        blend,
        build::{Build, Part},
        contraction::{ConvTranspose, Convolution},
        embedding,
        matmul::Matmul,
        movement::{Border, Movement},
        norm::Norm,
        pool::{self, Pool},
        reduction::Reduction,
        resize::Resize,
        weights::{self, Weights},
        window::Window,
    },
    predictive::{central_quantile, interval_end},
    shape::{self, TensorType},
};

/// Elements that one task of an elementwise layer computes.
const ELEMENTS: usize = 4096;

/// Numbers of an operand that a contraction keeps close, in the level-2 cache.
const BLOCK: usize = 1 << 14;

/// The result of a layer. Sources and `gauss.reshape` are not layers here.
pub(super) fn apply(layer: &Layer, operands: &[&Tensor]) -> Result<Tensor, String> {
    let types: Vec<_> = operands.iter().map(|operand| operand.ty()).collect();
    let ty = shape::infer(layer, &types)?;
    match (layer, operands) {
        (Layer::Make, [mean, variance]) => {
            check_variances(&variance.mean)?;
            Ok(Tensor { variance: Some(variance.mean.clone()), ..(*mean).clone() })
        }
        (Layer::Mean, [input]) => Ok(Tensor::deterministic(&input.shape, input.mean.clone())),
        (Layer::Variance, [input]) => {
            let variances = input.variance.as_ref().ok_or("takes a Gaussian operand")?;
            Ok(Tensor::deterministic(&input.shape, variances.clone()))
        }
        (Layer::Dense, [input, weight]) => dense(input, weight, None, &ty),
        (Layer::Dense, [input, weight, bias]) => dense(input, weight, Some(bias), &ty),
        (Layer::Convolution(convolution), [input, weight, bias @ ..]) => {
            convolve(convolution, [*input, *weight], bias.first().copied(), &ty)
        }
        (Layer::ConvTranspose(convolution), [input, weight, bias @ ..]) => {
            scatter(convolution, [*input, *weight], bias.first().copied(), &ty)
        }
        (Layer::BatchNorm(epsilon), [input, gamma, beta, mean, variance]) => {
            batch_norm(*epsilon, [*input, *gamma, *beta], [*mean, *variance], &ty)
        }
        (Layer::Binary(binary), [left, right]) => {
            let shape = sizes(&ty);
            let places = [left, right].map(|operand| strides(&operand.shape, &shape));
            let (left, right) = (left.view(), right.view());
            elementwise(&ty, |i| {
                let [x, y] = [0, 1].map(|operand| place(i, &shape, &places[operand]));
                binary.moments(&mut F64, left.at(x), right.at(y))
            })
        }
        (Layer::Matmul(matmul), [lhs, rhs]) => product(*matmul, lhs, rhs, &ty),
        (Layer::Norm(norm), [input, parameters @ ..]) => normalised(norm, input, parameters, &ty),
        (Layer::Blend, [z, x, y]) => {
            let shape = sizes(&ty);
            let places = [z, x, y].map(|operand| strides(&operand.shape, &shape));
            let views = [z.view(), x.view(), y.view()];
            elementwise(&ty, |i| {
                let [z, x, y] =
                    [0, 1, 2].map(|operand| views[operand].at(place(i, &shape, &places[operand])));
                blend::moments(&mut F64, z, x, y)
            })
        }
        (Layer::AttentionWeights(weights), [logits]) => attention_weights(*weights, logits),
        (Layer::Composite(composite), operands) => {
            let operands: Vec<_> = operands.iter().map(|&operand| operand.clone()).collect();
            composite.build(&mut Evaluate, &operands)
        }
        (Layer::Embedding, [indices, table]) => embedded(indices, table, &ty),
        (Layer::Resize(resize), [input]) => resized(resize, input, &ty),
        (Layer::Movement(movement), operands) => moved(movement, operands, &ty),
        (Layer::Reduction(reduction), [input]) => reduced(reduction, input, &ty),
        (Layer::Activation(activation), [input]) => {
            let input = input.view();
            elementwise(&ty, |i| activation.moments(&mut F64, input.at(i)))
        }
        (Layer::Noise(noise), [input]) => {
            let input = input.view();
            elementwise(&ty, |i| noise.moments(&mut F64, input.at(i)))
        }
        (Layer::Pool(pool), [input]) => pooled(pool, input, &ty),
        (Layer::GlobalMaxPool, [input]) => global_max(input, &ty),
        (Layer::Flatten, [input]) => Ok(Tensor { shape: sizes(&ty), ..(*input).clone() }),
        (Layer::Softmax(method), [logits]) => {
            Ok(Tensor::deterministic(&sizes(&ty), predictions::softmax(*method, logits)))
        }
        (Layer::Uncertainty(method), [logits]) => {
            Ok(Tensor::deterministic(&sizes(&ty), predictions::uncertainty(*method, logits)))
        }
        (Layer::Decide(thresholds), [probabilities, uncertainty]) => {
            let decisions = predictions::decide(*thresholds, probabilities, uncertainty);
            Ok(Tensor::deterministic(&sizes(&ty), decisions))
        }
        (Layer::BinaryProbability, [logits]) => {
            Ok(Tensor::deterministic(&sizes(&ty), predictions::binary_probability(logits)))
        }
        (Layer::BinaryUncertainty, [logits]) => {
            Ok(Tensor::deterministic(&sizes(&ty), predictions::binary_uncertainty(logits)))
        }
        (Layer::BinaryDecide(thresholds), [probability, uncertainty]) => {
            let decisions = predictions::binary_decide(*thresholds, probability, uncertainty);
            Ok(Tensor::deterministic(&sizes(&ty), decisions))
        }
        (Layer::Interval(interval), [input]) => {
            let (input, quantile) = (input.view(), central_quantile(interval.coverage));
            elementwise(&ty, |i| {
                let side = if i % 2 == 0 { -1.0 } else { 1.0 };
                let end = interval_end(&mut F64, input.at(i / 2), side, quantile, interval.noise);
                Moments::deterministic(end)
            })
        }
        (layer, operands) => {
            Err(format!("has {} operands, which {layer:?} does not take", operands.len()))
        }
    }
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// Consecutive elements of a tensor.
#[derive(Clone, Copy)]
struct View<'a> {
    mean: &'a [f64],
    variance: Option<&'a [f64]>,
}

impl<'a> View<'a> {
    fn at(self, index: usize) -> Moments<f64> {
        Moments { mean: self.mean[index], variance: self.variance.map(|v| v[index]) }
    }

    fn slice(self, range: Range<usize>) -> View<'a> {
        View { mean: &self.mean[range.clone()], variance: self.variance.map(|v| &v[range]) }
    }
}

/// Consecutive elements of a tensor that is being computed.
struct ViewMut<'a> {
    mean: &'a mut [f64],
    variance: Option<&'a mut [f64]>,
}

impl ViewMut<'_> {
    fn at(&self, index: usize) -> Moments<f64> {
        let variance = self.variance.as_deref();
        Moments { mean: self.mean[index], variance: variance.map(|v| v[index]) }
    }

    fn set(&mut self, index: usize, value: Moments<f64>) {
        self.mean[index] = value.mean;
        if let Some(variance) = &mut self.variance {
            variance[index] = value.variance.unwrap_or(0.0);
        }
    }

    fn fill(&mut self, value: Moments<f64>) {
        self.mean.fill(value.mean);
        if let Some(variance) = &mut self.variance {
            variance.fill(value.variance.unwrap_or(0.0));
        }
    }

    fn slice(&mut self, range: Range<usize>) -> ViewMut<'_> {
        ViewMut {
            mean: &mut self.mean[range.clone()],
            variance: self.variance.as_deref_mut().map(|v| &mut v[range]),
        }
    }
}

impl Tensor {
    /// Zeros of this type, whose shape is static.
    fn zeros(ty: &TensorType) -> Result<Tensor, String> {
        let shape = sizes(ty);
        let zeros = || {
            let elements = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
            let mut values = Vec::new();
            values.try_reserve_exact(elements).ok()?;
            values.resize(elements, 0.0);
            Some(values)
        };
        let too_large = || format!("has a result {ty}, for which there is no memory");
        let mean = zeros().ok_or_else(too_large)?;
        let variance = match ty.gaussian {
            true => Some(zeros().ok_or_else(too_large)?),
            false => None,
        };
        Ok(Tensor { shape, mean, variance })
    }

    fn view(&self) -> View<'_> {
        View { mean: &self.mean, variance: self.variance.as_deref() }
    }

    /// Computes the elements in parallel, `chunk` consecutive ones at a time;
    /// `compute` takes the number of the first one.
    fn fill(&mut self, chunk: usize, compute: impl Fn(usize, ViewMut) + Sync) {
        let chunk = chunk.max(1);
        let means = self.mean.par_chunks_mut(chunk).enumerate();
        match &mut self.variance {
            Some(variances) => {
                means.zip(variances.par_chunks_mut(chunk)).for_each(|((number, mean), variance)| {
                    compute(number * chunk, ViewMut { mean, variance: Some(variance) });
                })
            }
            None => means.for_each(|(number, mean)| {
                compute(number * chunk, ViewMut { mean, variance: None });
            }),
        }
    }
}

fn sizes(ty: &TensorType) -> Vec<usize> {
    ty.shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect()
}

/// The first `N` sizes of a tensor.
fn leading<const N: usize>(shape: &[usize]) -> [usize; N] {
    array::from_fn(|dim| shape.get(dim).copied().unwrap_or(1))
}

/// A tensor of this type whose elements are a function of their number.
fn elementwise(
    ty: &TensorType,
    element: impl Fn(usize) -> Moments<f64> + Sync,
) -> Result<Tensor, String> {
    let mut result = Tensor::zeros(ty)?;
    result.fill(ELEMENTS, |start, mut out| {
        for index in 0..out.mean.len() {
            out.set(index, element(start + index));
        }
    });
    Ok(result)
}

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

/// `sum[p] = Σ_k columns[k, p] · weights[k] + bias` for all positions p.
fn contract(mut sum: ViewMut, columns: View, weights: View, bias: Option<Moments<f64>>) {
    sum.fill(bias.unwrap_or(Moments::deterministic(0.0)));
    let positions = sum.mean.len();
    for k in 0..weights.mean.len() {
        multiply_add(&mut sum, columns.slice(k * positions..(k + 1) * positions), weights.at(k));
    }
}

/// `sum[p] += x[p] · w`. The loop has one weight, so that what depends on it
/// alone is computed once.
fn multiply_add(sum: &mut ViewMut, x: View, w: Moments<f64>) {
    let means = sum.mean.iter_mut().zip(x.mean);
    match (&mut sum.variance, x.variance, w.variance) {
        (Some(variances), Some(x_variances), _) => {
            for ((sum, &mean), (variance, &v)) in means.zip(variances.iter_mut().zip(x_variances)) {
                let total = Moments::gaussian(*sum, *variance);
                let total = moments::multiply_add(&mut F64, Moments::gaussian(mean, v), w, total);
                (*sum, *variance) = (total.mean, total.variance.unwrap_or(*variance));
            }
        }
        (Some(variances), None, Some(_)) => {
            for ((sum, &mean), variance) in means.zip(variances.iter_mut()) {
                let total = Moments::gaussian(*sum, *variance);
                let total = moments::multiply_add(&mut F64, Moments::deterministic(mean), w, total);
                (*sum, *variance) = (total.mean, total.variance.unwrap_or(*variance));
            }
        }
        _ => {
            let w = Moments::deterministic(w.mean);
            for (sum, &mean) in means {
                let total = Moments::deterministic(*sum);
                let x = Moments::deterministic(mean);
                *sum = moments::multiply_add(&mut F64, x, w, total).mean;
            }
        }
    }
}

/// The operand of a contraction, in the order in which it is read, or a part of
/// its result.
struct Buffer {
    mean: Vec<f64>,
    variance: Option<Vec<f64>>,
}

impl Buffer {
    fn zeros(length: usize, gaussian: bool) -> Self {
        Self { mean: vec![0.0; length], variance: gaussian.then(|| vec![0.0; length]) }
    }

    /// `length` zeros that `arrange` overwrites, first with means, then with variances.
    fn arranged(source: View, length: usize, arrange: impl Fn(&mut [f64], &[f64])) -> Self {
        let mut buffer = Self::zeros(length, source.variance.is_some());
        arrange(&mut buffer.mean, source.mean);
        if let (Some(to), Some(from)) = (&mut buffer.variance, source.variance) {
            arrange(to, from);
        }
        buffer
    }

    fn view(&self) -> View<'_> {
        View { mean: &self.mean, variance: self.variance.as_deref() }
    }

    fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut { mean: &mut self.mean, variance: self.variance.as_deref_mut() }
    }
}

fn dense(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    ty: &TensorType,
) -> Result<Tensor, String> {
    let mut result = Tensor::zeros(ty)?;
    let [outputs, depth] = leading(&weight.shape);
    let (weights, bias) = (weight.view(), bias.map(Tensor::view));
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
            contract(sums.view_mut(), columns.view(), weights, bias.map(|b| b.at(output)));
            for row in 0..rows {
                out.set(row * outputs + output, sums.view().at(row));
            }
        }
    });
    Ok(result)
}

fn convolve(
    convolution: &Convolution,
    [input, weight]: [&Tensor; 2],
    bias: Option<&Tensor>,
    ty: &TensorType,
) -> Result<Tensor, String> {
    let mut result = Tensor::zeros(ty)?;
    let [_, channels] = leading(&input.shape);
    let [outputs, group_channels] = leading(&weight.shape);
    let (weights, bias) = (weight.view(), bias.map(Tensor::view));
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
                let patches = Buffer::arranged(source, depth * positions, |to, from| {
                    patches.gather(block.clone(), from, to);
                });
                for output in group * outputs / groups..(group + 1) * outputs / groups {
                    let weights = weights.slice(output * depth..(output + 1) * depth);
                    let to = (output * rows + first) * columns;
                    let sum = out.slice(to..to + positions);
                    contract(sum, patches.view(), weights, bias.map(|b| b.at(output)));
                }
            }
        }
    });
    Ok(result)
}

fn product(matmul: Matmul, lhs: &Tensor, rhs: &Tensor, ty: &TensorType) -> Result<Tensor, String> {
    let shape = sizes(ty);
    let (leading, [rows, columns]) = matrices(&shape);
    let (left, right) = (Matrices::of(lhs, leading), Matrices::of(rhs, leading));
    // How far apart neighbours are along the rows or columns of the result, and along the sum.
    let [row, left_step] = match matmul.transpose_lhs {
        true => [1, left.columns],
        false => [left.columns, 1],
    };
    let [column, right_step] = match matmul.transpose_rhs {
        true => [right.columns, 1],
        false => [1, right.columns],
    };
    let depth = if matmul.transpose_lhs { left.rows } else { left.columns };
    let (x, y) = (lhs.view(), rhs.view());
    elementwise(ty, |i| {
        let [matrix, in_matrix] = [i / (rows * columns), i % (rows * columns)];
        let from = left.start(matrix, leading) + in_matrix / columns * row;
        let with = right.start(matrix, leading) + in_matrix % columns * column;
        (0..depth).fold(Moments::deterministic(0.0), |sum, k| {
            moments::multiply_add(
                &mut F64,
                x.at(from + k * left_step),
                y.at(with + k * right_step),
                sum,
            )
        })
    })
}

/// The leading sizes of a tensor, and its last two.
fn matrices(shape: &[usize]) -> (&[usize], [usize; 2]) {
    match shape {
        [leading @ .., rows, columns] => (leading, [*rows, *columns]),
        _ => (shape, [1, 1]),
    }
}

/// An operand of a product of matrices.
struct Matrices {
    rows: usize,
    columns: usize,
    /// How many matrices one is from the next along each leading dimension of the result.
    steps: Vec<usize>,
}

impl Matrices {
    fn of(operand: &Tensor, leading: &[usize]) -> Self {
        let (own, [rows, columns]) = matrices(&operand.shape);
        let own = [&vec![1; leading.len() - own.len()], own].concat();
        Self { rows, columns, steps: strides(&own, leading) }
    }

    /// The first element of the matrix that a matrix of the result is computed from.
    fn start(&self, matrix: usize, leading: &[usize]) -> usize {
        place(matrix, leading, &self.steps) * self.rows * self.columns
    }
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

    /// For every channel and kernel element, in the order of the weight, the values that it meets in
    /// some lines of the result; what lies in the padding stays zero.
    fn gather(&self, rows: Range<usize>, planes: &[f64], patches: &mut [f64]) {
        let last = self.input.len() - 1;
        let (width, (_, columns)) = (self.input[last], self.lines());
        let axis = self.window.axes[last];
        let step = usize::try_from(axis.stride).unwrap_or(1);
        let kernel: Vec<_> =
            self.window.kernel.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        // For every kernel element and line: what of the line is inside, and where it begins.
        let mut sources = Vec::new();
        for element in 0..kernel.iter().product() {
            let element = indices(element, &kernel);
            let offset = element[last] as i64 * axis.dilation - axis.padding[0];
            let valid = inside(offset, axis.stride, width, columns);
            let left = usize::try_from(valid.start as i64 * axis.stride + offset).ok();
            for row in rows.clone() {
                let row = self.row(&indices(row, &self.output[..last]), &element);
                sources.push((valid.clone(), row.zip(left).map(|(row, left)| row * width + left)));
            }
        }
        let size = self.input.iter().product();
        let patches = patches.chunks_exact_mut(columns.max(1));
        let sources = planes
            .chunks_exact(size)
            .flat_map(|plane| sources.iter().map(move |(valid, start)| (plane, valid, start)));
        for ((plane, valid, start), patch) in sources.zip(patches) {
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

/// A transposed convolution, by its definition: every element of the input is multiplied by the
/// kernel, and each product added where it falls.
fn scatter(
    convolution: &ConvTranspose,
    [input, weight]: [&Tensor; 2],
    bias: Option<&Tensor>,
    ty: &TensorType,
) -> Result<Tensor, String> {
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
    let (x, weights, bias) = (input.view(), weight.view(), bias.map(Tensor::view));
    let plane: usize = to.iter().product();
    result.fill(plane, |start, mut out| {
        let (image, output) = (start / plane / outputs, start / plane % outputs);
        let (group, of_group) = (output / group_outputs, output % group_outputs);
        out.fill(bias.map_or(Moments::deterministic(0.0), |bias| bias.at(output)));
        for channel in group * group_channels..(group + 1) * group_channels {
            for (element, places) in places.iter().enumerate() {
                let w = weights.at((channel * group_outputs + of_group) * elements + element);
                for (position, place) in places.iter().enumerate() {
                    let Some(place) = *place else { continue };
                    let x = x.at((image * channels + channel) * positions + position);
                    let sum = out.at(place);
                    out.set(place, moments::multiply_add(&mut F64, x, w, sum));
                }
            }
        }
    });
    Ok(result)
}

/// The output positions p for which `p·stride + offset` is within `0..size`.
fn inside(offset: i64, stride: i64, size: usize, positions: usize) -> Range<usize> {
    let first_from = |bound: i64| {
        let position = (bound - offset + stride - 1).div_euclid(stride);
        usize::try_from(position).unwrap_or(0).min(positions)
    };
    first_from(0)..first_from(size as i64)
}

//===----------------------------------------------------------------------===//
// Elements in other places
//===----------------------------------------------------------------------===//

/// How far elements are apart along each dimension of `shape`, in a tensor whose dimensions of size
/// 1 are repeated.
fn strides(own: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut stride = 1;
    let mut strides = vec![0; shape.len()];
    for dim in (0..own.len()).rev() {
        strides[dim] = if own[dim] == 1 { 0 } else { stride };
        stride *= own[dim];
    }
    strides
}

/// The place of an element, by its number in a tensor of `shape`.
fn place(number: usize, shape: &[usize], strides: &[usize]) -> usize {
    indices(number, shape).iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

/// The indices of an element, by its number.
fn indices(mut number: usize, shape: &[usize]) -> Vec<usize> {
    let mut indices = vec![0; shape.len()];
    for dim in (0..shape.len()).rev() {
        indices[dim] = number % shape[dim];
        number /= shape[dim];
    }
    indices
}

fn moved(movement: &Movement, operands: &[&Tensor], ty: &TensorType) -> Result<Tensor, String> {
    let shape = sizes(ty);
    let shapes: Vec<_> = operands.iter().map(|operand| &operand.shape[..]).collect();
    let views: Vec<_> = operands.iter().map(|operand| operand.view()).collect();
    let around = match movement {
        Movement::Pad { border: Border::Constant(value), .. } => *value,
        _ => 0.0,
    };
    elementwise(ty, |i| match movement.source(&shapes, &indices(i, &shape)) {
        Some((operand, from)) => {
            let own = shapes[operand];
            let number =
                from.iter().zip(own).fold(0, |number, (index, size)| number * size + index);
            views[operand].at(number)
        }
        None => Moments::deterministic(around),
    })
}

fn embedded(indices: &Tensor, table: &Tensor, ty: &TensorType) -> Result<Tensor, String> {
    let [rows, features] = leading(&table.shape);
    let view = table.view();
    elementwise(ty, |i| {
        let row = embedding::row(indices.mean[i / features], rows);
        view.at(row * features + i % features)
    })
}

fn resized(resize: &Resize, input: &Tensor, ty: &TensorType) -> Result<Tensor, String> {
    let shape = sizes(ty);
    let steps = strides(&input.shape, &input.shape);
    let axes = resize.axes(&input.ty().shape);
    let view = input.view();
    elementwise(ty, |i| {
        let mut index = indices(i, &shape);
        // What is summed: an element by its number, and its weight.
        let mut terms = vec![(0, 1.0)];
        for axis in &axes {
            let tap = axis.tap(index[axis.dim] as i64);
            index[axis.dim] = 0;
            let sides = [(tap.low, 1.0 - tap.weight), (tap.low + 1, tap.weight)];
            let sides = sides.into_iter().filter(|(_, weight)| *weight != 0.0);
            let beside = |(number, share): (usize, f64)| {
                let step = steps[axis.dim];
                sides.clone().map(move |(at, weight)| (number + at as usize * step, share * weight))
            };
            terms = terms.into_iter().flat_map(beside).collect();
        }
        let rest: usize = index.iter().zip(&steps).map(|(index, step)| index * step).sum();
        let parts = terms
            .into_iter()
            .map(|(at, weight)| moments::scale(&mut F64, view.at(rest + at), weight));
        let sum = parts.reduce(|x, y| moments::add(&mut F64, x, y));
        sum.unwrap_or(Moments::deterministic(0.0))
    })
}

fn reduced(reduction: &Reduction, input: &Tensor, ty: &TensorType) -> Result<Tensor, String> {
    let kept = Reduction { keep_dims: true, ..reduction.clone() };
    let outer: Vec<_> = sizes(&kept.infer(&input.ty())?);
    let inner: Vec<_> = reduction.axes.iter().map(|&axis| input.shape[axis]).collect();
    let count: usize = inner.iter().product();
    let steps = strides(&input.shape, &input.shape);
    let inner_steps: Vec<_> = reduction.axes.iter().map(|&axis| steps[axis]).collect();
    let shape: Vec<_> = input.ty().shape;
    let factor = reduction.factor(&shape);
    let view = input.view();
    elementwise(ty, |i| {
        let start = place(i, &outer, &steps);
        let terms = (0..count).map(|k| view.at(start + place(k, &inner, &inner_steps)));
        let sum = terms.reduce(|x, y| moments::add(&mut F64, x, y));
        moments::scale(&mut F64, sum.unwrap_or(Moments::deterministic(0.0)), factor)
    })
}

//===----------------------------------------------------------------------===//
// Other layers
//===----------------------------------------------------------------------===//

fn batch_norm(
    epsilon: f64,
    [input, gamma, beta]: [&Tensor; 3],
    [running_mean, running_variance]: [&Tensor; 2],
    ty: &TensorType,
) -> Result<Tensor, String> {
    let [_, channels] = leading(&input.shape);
    let size: usize = input.shape.iter().skip(2).product();
    let deviations: Vec<_> = running_variance
        .mean
        .iter()
        .map(|&variance| moments::batch_norm_deviation(&mut F64, variance, epsilon))
        .collect();
    let bad = |deviation: f64| deviation.is_nan() || deviation == 0.0;
    if let Some(channel) = deviations.iter().position(|&deviation| bad(deviation)) {
        return Err(format!(
            "has running_variance {} at channel {channel}; with epsilon {epsilon} added it must \
             be positive",
            running_variance.mean[channel]
        ));
    }
    let (input, gamma, beta) = (input.view(), gamma.view(), beta.view());
    elementwise(ty, |i| {
        let c = i / size % channels;
        let (x, gamma, beta) = (input.at(i), gamma.at(c), beta.at(c));
        moments::batch_norm(&mut F64, x, gamma, beta, running_mean.mean[c], deviations[c])
    })
}

/// What is known of elements that are normalised together.
struct Statistics {
    mean: f64,
    scale: f64,
    /// `None` where there are no variances.
    spread: Option<Spread<f64>>,
}

impl Statistics {
    fn of(formula: Normalised, x: View) -> Self {
        let n = formula.count;
        let average = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value / n).sum();
        let mean = match formula.centred {
            true => average(&mut x.mean.iter().copied()),
            false => 0.0,
        };
        let square = average(&mut x.mean.iter().map(|m| (m - mean) * (m - mean)));
        let variance = x.variance.map(|variances| average(&mut variances.iter().copied()));
        let scale = formula.scale(&mut F64, square, variance);
        let spread = x.variance.zip(variance).map(|(variances, variance)| {
            let [_, a] = formula.scaled(&mut F64, 0.0, variance, scale);
            let mut spread = Spread { a, b: 0.0, c: 0.0, d: 0.0 };
            for (&m, &v) in x.mean.iter().zip(variances) {
                let scaled = formula.scaled(&mut F64, m - mean, v, scale);
                let [b, c, d] = formula.terms(&mut F64, scaled);
                spread = Spread { a, b: spread.b + b, c: spread.c + c, d: spread.d + d };
            }
            spread
        });
        Self { mean, scale, spread }
    }

    fn element(&self, formula: Normalised, x: Moments<f64>) -> Moments<f64> {
        let d = x.mean - self.mean;
        match x.variance.zip(self.spread) {
            Some((variance, spread)) => {
                let scaled = formula.scaled(&mut F64, d, variance, self.scale);
                formula.element(&mut F64, scaled, spread)
            }
            None => Moments::deterministic(d * self.scale),
        }
    }
}

fn normalised(
    norm: &Norm,
    input: &Tensor,
    parameters: &[&Tensor],
    ty: &TensorType,
) -> Result<Tensor, String> {
    let formula = norm.grouping(&ty.shape).formula;
    let size = formula.count as usize;
    let view = input.view();
    let groups: Vec<_> = (0..view.mean.len() / size)
        .into_par_iter()
        .map(|group| Statistics::of(formula, view.slice(group * size..(group + 1) * size)))
        .collect();
    // Which element of the parameters an element of the input meets.
    let dims = norm.parameter_dims(input.shape.len());
    let count: usize = input.shape[dims.clone()].iter().product();
    let inner: usize = input.shape[dims.end..].iter().product();
    elementwise(ty, |i| {
        let normalised = groups[i / size].element(formula, view.at(i));
        let parameter = |tensor: &Tensor| tensor.view().at(i / inner % count);
        match parameters {
            [] => normalised,
            [gamma] => moments::mul(&mut F64, normalised, parameter(gamma)),
            [gamma, beta, ..] => {
                moments::multiply_add(&mut F64, normalised, parameter(gamma), parameter(beta))
            }
        }
    })
}

/// Composites evaluate the layers that they are built of.
struct Evaluate;

impl Build for Evaluate {
    type Value = Tensor;

    fn ty(&self, value: &Tensor) -> TensorType {
        value.ty()
    }

    fn layer(&mut self, part: Part, operands: &[&Tensor]) -> Result<Tensor, String> {
        apply(&part.into(), operands)
    }

    fn reshape(&mut self, value: &Tensor, shape: &[i64]) -> Result<Tensor, String> {
        let ty = TensorType { shape: shape.to_vec(), ..value.ty() };
        shape::check_reshape(&value.ty(), &ty)?;
        Ok(Tensor { shape: sizes(&ty), ..value.clone() })
    }

    fn zero(&mut self, rank: usize, gaussian: bool) -> Tensor {
        let variance = gaussian.then(|| vec![0.0]);
        Tensor { shape: vec![1; rank], mean: vec![0.0], variance }
    }
}

fn attention_weights(layer: Weights, logits: &Tensor) -> Result<Tensor, String> {
    let [columns, rows] = [1, 2].map(|dim| logits.shape[logits.shape.len() - dim]);
    let mut result = Tensor::zeros(&logits.ty())?;
    let view = logits.view();
    result.fill(columns, |start, mut out| {
        let row = start / columns % rows;
        let seen = (0..columns).take_while(|&column| layer.sees([row, rows], [column, columns]));
        let logits: Vec<_> = seen
            .map(|column| moments::scale(&mut F64, view.at(start + column), layer.scale))
            .collect();
        for (column, weight) in weights_of(&logits).into_iter().enumerate() {
            out.set(column, weight);
        }
    });
    Ok(result)
}

/// A softmax.
fn weights_of(logits: &[Moments<f64>]) -> Vec<Moments<f64>> {
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
    let peak = largest(&mut logits.iter().map(|x| x.mean));
    let count = logits.len() as f64;
    let weights: Vec<_> = match logits.iter().all(|x| x.variance.is_none()) {
        true => logits.iter().map(|x| Moments::deterministic((x.mean - peak).exp())).collect(),
        false => {
            let variance = |x: &Moments<f64>| x.variance.unwrap_or(0.0);
            let most = largest(&mut logits.iter().map(variance));
            let mut sums = weights::Sums { peak, most, terms: [0.0; weights::TERMS] };
            for x in logits {
                let own = weights::terms(&mut F64, x.mean, variance(x), peak);
                sums.terms.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
            let weight =
                |x: &Moments<f64>| weights::weight(&mut F64, x.mean, variance(x), sums, count);
            logits.iter().map(weight).collect()
        }
    };
    let mut sums = [0.0; 2];
    for weight in &weights {
        let own = weights::share(&mut F64, weight.mean);
        sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    weights.into_iter().map(|weight| weights::normalised(&mut F64, weight, sums)).collect()
}

/// What a window covers along an axis at one position.
struct Covered {
    /// The places inside of the input.
    places: Vec<usize>,
    /// How many places there are in the input and its padding.
    padded: usize,
}

impl Covered {
    fn of(window: &Window, axis: usize, position: usize, size: usize) -> Self {
        let [low, high] = window.axes[axis].padding;
        let padded = -low..size as i64 + high;
        let places = window.places(axis, position as i64);
        let inside = |place: i64| usize::try_from(place).ok().filter(|place| *place < size);
        Self {
            places: places.clone().filter_map(inside).collect(),
            padded: places.filter(|place| padded.contains(place)).count(),
        }
    }
}

fn pooled(layer: &Pool, input: &Tensor, ty: &TensorType) -> Result<Tensor, String> {
    let (from, to) = (&input.shape[2..], &sizes(ty)[2..]);
    let of_axis = |axis: usize| -> Vec<_> {
        (0..to[axis]).map(|p| Covered::of(&layer.window, axis, p, from[axis])).collect()
    };
    let covered: Vec<_> = (0..to.len()).map(of_axis).collect();
    let (size, count): (usize, usize) = (from.iter().product(), to.iter().product());
    let view = input.view();
    elementwise(ty, |i| {
        let positions = indices(i % count, to);
        let covered: Vec<_> = covered.iter().zip(positions).map(|(axis, p)| &axis[p]).collect();
        let combine = match layer.kind {
            pool::Kind::Max => moments::max::<F64>,
            pool::Kind::Average { .. } => moments::add::<F64>,
        };
        let combined = fold(&covered, i / count * size, from, view, combine);
        let padded = |covered: &&Covered| covered.padded;
        let inside = |covered: &&Covered| covered.places.len();
        let elements: usize = match layer.kind {
            pool::Kind::Max => return combined,
            pool::Kind::Average { count_include_pad: true } => covered.iter().map(padded).product(),
            pool::Kind::Average { .. } => covered.iter().map(inside).product(),
        };
        moments::scale(&mut F64, combined, 1.0 / elements as f64)
    })
}

fn global_max(input: &Tensor, ty: &TensorType) -> Result<Tensor, String> {
    let sizes = &input.shape[2..];
    let all = |&size: &usize| Covered { places: (0..size).collect(), padded: size };
    let all: Vec<_> = sizes.iter().map(all).collect();
    let covered: Vec<_> = all.iter().collect();
    let (size, view) = (sizes.iter().product::<usize>(), input.view());
    elementwise(ty, |i| fold(&covered, i * size, sizes, view, moments::max::<F64>))
}

/// Combines what a window covers: along the last axis first, then along those before it. `start` is
/// the number of the element at the origin, `sizes` are those of its plane.
fn fold(
    covered: &[&Covered],
    start: usize,
    sizes: &[usize],
    view: View,
    combine: fn(&mut F64, Moments<f64>, Moments<f64>) -> Moments<f64>,
) -> Moments<f64> {
    let [first, rest @ ..] = covered else { return view.at(start) };
    let inner: usize = sizes[1..].iter().product();
    first
        .places
        .iter()
        .map(|place| fold(rest, start + place * inner, &sizes[1..], view, combine))
        .reduce(|x, y| combine(&mut F64, x, y))
        .unwrap_or(Moments::deterministic(0.0))
}
