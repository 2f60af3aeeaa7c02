//! `--gauss-correlate-windows`: covariances of the elements of pooling windows behind convolutions.

use gauss_dialect::{
    ir::{Builder, Op, Value},
    layer::{Layer, Linear},
    ops::{
        binary::Binary,
        contraction::Convolution,
        movement::{Border, Movement},
        pool::Pool,
        window::{MAX_WINDOW, SpatialAxis},
    },
};

use serde::Serialize;

use super::lower_gauss::composite::Ops;
use crate::{
    functions,
    pass::{Failed, Options, Pass, fail},
};

/// Gives maxima of windows the covariances of the elements of each window, where these are sums with the same
/// uncertain weights: the input of the pool is a convolution with a Gaussian weight.
pub const PASS: Pass = Pass {
    name: "gauss-correlate-windows",
    description: "Give maxima of windows behind convolutions the covariances of the elements of each window \
                  (option: work)",
    options: &["work"],
    run: |module, options| {
        let work = work_of(options).map_err(|error| fail(module, error))?;
        correlate(module, None, work).map(drop)
    },
};

fn work_of(options: &Options) -> Result<u64, String> {
    match options.get("work") {
        None => Ok(u64::MAX),
        Some(text) => text.parse().map_err(|_| format!("work: '{text}' is not a number")),
    }
}

/// What maxima have got covariances.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Correlated {
    /// How many pools.
    pub pools: usize,
    /// What they cost, in multiply-adds for the whole batch.
    #[serde(rename = "multiply_adds")]
    pub work: u64,
}

/// The multiply-adds that covariances of each pool of the function of this name cost, from the last pool back.
pub fn costs(module: Op, function: &str) -> Vec<u64> {
    let pools = functions::public(module, Some(function));
    let pools = pools.into_iter().flat_map(|function| function.descendants().into_iter().rev());
    pools.filter_map(Windows::of).map_while(|windows| windows.work()).collect()
}

/// Gives maxima covariances in all public functions, or in the one of this name: from the last pool of a function
/// back to the first one with which they cost more than `work` multiply-adds, for the whole batch.
///
/// # Errors
///
/// Where an op that computes them cannot be built.
pub fn correlate(module: Op, function: Option<&str>, work: u64) -> Result<Correlated, Failed> {
    let mut correlated = Correlated::default();
    for function in functions::public(module, function) {
        let mut left = work;
        let pools = function.descendants().into_iter().rev();
        for windows in pools.filter_map(Windows::of) {
            let Some(work) = windows.work().filter(|&work| work <= left) else { break };
            windows.emit().map_err(|error| fail(windows.op, error))?;
            left -= work;
            correlated.pools += 1;
            correlated.work = correlated.work.saturating_add(work);
        }
    }
    Ok(correlated)
}

/// The windows of a pool that reads a convolution.
struct Windows {
    op: Op,
    /// The operands of the convolution.
    linear: Linear,
    /// The convolution at the first element of each window.
    convolution: Convolution,
    /// What is around its input.
    padding: Vec<[i64; 2]>,
    /// Where what the elements of a window read begins, in the padded input.
    starts: Vec<Vec<i64>>,
    /// The spatial sizes of its weight.
    kernel: Vec<i64>,
    /// How many windows there are along each axis.
    positions: Vec<i64>,
}

impl Windows {
    /// Of an op that is such a pool, and has no covariances.
    fn of(op: Op) -> Option<Self> {
        let Ok(Some(Layer::Pool(pool))) = Layer::of(op) else { return None };
        let [input] = op.operands()[..] else { return None };
        let before = input.defining_op()?;
        let Ok(Some(Layer::Convolution(convolution))) = Layer::of(before) else { return None };
        let linear = Linear::of(before);
        if !pool.may_have_covariances() || !linear.weight.ty().is_gaussian() {
            return None;
        }
        let Pool { window, .. } = pool;
        let positions = op.result(0).ty().shape()?.get(2..)?.to_vec();
        let axes = window.axes.iter().zip(&convolution.axes).zip(&positions);
        let along = |((pool, axis), &count): ((&SpatialAxis, &SpatialAxis), &i64)| {
            // Of one window there is no next one.
            let stride = if count == 1 { 1 } else { pool.stride * axis.stride };
            let dilation = axis.dilation;
            (stride <= MAX_WINDOW).then_some(SpatialAxis { stride, padding: [0, 0], dilation })
        };
        let in_input = |offsets: Vec<i64>| {
            offsets.iter().zip(&convolution.axes).map(|(n, axis)| n * axis.stride).collect()
        };
        Some(Self {
            op,
            linear,
            padding: convolution.axes.iter().map(|axis| axis.padding).collect(),
            starts: window.offsets().into_iter().map(in_input).collect(),
            kernel: linear.weight.ty().shape()?.get(2..)?.to_vec(),
            convolution: Convolution {
                axes: axes.map(along).collect::<Option<_>>()?,
                groups: convolution.groups,
            },
            positions,
        })
    }

    /// The pairs of elements.
    fn pairs(&self) -> impl Iterator<Item = [usize; 2]> {
        let elements = self.starts.len();
        (0..elements).flat_map(move |i| (i + 1..elements).map(move |j| [i, j]))
    }

    /// From the second element of a pair to the first one in elements of the kernel, where both read an
    /// uncertain element of the input.
    fn shift(&self, [i, j]: [usize; 2]) -> Option<Vec<i64>> {
        if !self.linear.input.ty().is_gaussian() {
            return None;
        }
        let along = |axis: usize| {
            let distance = self.starts[j][axis] - self.starts[i][axis];
            let dilation = self.convolution.axes[axis].dilation;
            let shift = distance / dilation;
            (distance % dilation == 0 && shift.abs() < self.kernel[axis]).then_some(shift)
        };
        (0..self.kernel.len()).map(along).collect()
    }

    /// The sizes of what all windows read of the input with a kernel of these sizes.
    fn extents(&self, kernel: &[i64]) -> Vec<i64> {
        let axes = self.convolution.axes.iter().zip(kernel).zip(&self.positions);
        axes.map(|((axis, &kernel), count)| (count - 1) * axis.stride + axis.extent(kernel))
            .collect()
    }

    /// How many elements of the kernel are left of it behind a shift.
    fn overlap(&self, shift: &[i64]) -> Vec<i64> {
        self.kernel.iter().zip(shift).map(|(size, shift)| size - shift.abs()).collect()
    }

    /// The multiply-adds that the covariances cost, for the whole batch; `None` where they are too many to count.
    fn work(&self) -> Option<u64> {
        let size = |value: Value, dim: usize| {
            value.ty().shape().and_then(|shape| u64::try_from(*shape.get(dim)?).ok()).unwrap_or(1)
        };
        let product = |sizes: &[i64]| {
            let sizes = sizes.iter().map(|&size| u64::try_from(size).ok());
            sizes.reduce(|x, y| x?.checked_mul(y?))?
        };
        let Linear { input, weight, .. } = self.linear;
        let [items, channels] = [0, 1].map(|dim| size(input, dim));
        let [filters, depth] = [0, 1].map(|dim| size(weight, dim));
        let sums = items.checked_mul(filters)?.checked_mul(product(&self.positions)?)?;
        let convolved = |kernel: &[i64]| sums.checked_mul(depth.checked_mul(product(kernel)?)?);
        let mut work = 0u64;
        for pair in self.pairs() {
            let read =
                items.checked_mul(channels)?.checked_mul(product(&self.extents(&self.kernel))?)?;
            work = work.checked_add(read)?.checked_add(convolved(&self.kernel)?)?;
            if let Some(shift) = self.shift(pair) {
                let kernel = self.overlap(&shift);
                let weights = filters.checked_mul(depth)?.checked_mul(product(&kernel)?)?;
                work = work.checked_add(weights)?.checked_add(convolved(&kernel)?)?;
                work = work.checked_add(sums)?;
            }
        }
        Some(work)
    }

    /// Gives the pool the covariances.
    fn emit(&self) -> Result<(), String> {
        let ops = Ops::at(Builder::before(self.op));
        let Linear { input, weight, bias } = self.linear;
        let mean = match input.ty().is_gaussian() {
            true => ops.emit(&Layer::Mean, &[input])?,
            false => input,
        };
        let mean = self.padded(&ops, mean)?;
        let spread = ops.emit(&Layer::Variance, &[weight])?;
        let bias = match bias.filter(|bias| bias.ty().is_gaussian()) {
            Some(bias) => Some(ops.emit(&Layer::Variance, &[bias])?),
            None => None,
        };
        let of_input = match self.pairs().any(|pair| self.shift(pair).is_some()) {
            true => {
                let variance = ops.emit(&Layer::Variance, &[input])?;
                let variance = self.padded(&ops, variance)?;
                Some((variance, ops.emit(&Layer::Mean, &[weight])?))
            }
            false => None,
        };
        let extents = self.extents(&self.kernel);
        let read = |start: &Vec<i64>| slice(&ops, mean, start, &extents);
        let elements = self.starts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut operands = vec![self.op.operand(0)];
        for pair @ [i, j] in self.pairs() {
            let product = multiplied(&ops, elements[i], elements[j])?;
            let sum: Vec<_> = [product, spread].into_iter().chain(bias).collect();
            let mut covariance = self.convolved(&ops, &sum)?;
            if let Some((variance, weight)) = of_input
                && let Some(shift) = self.shift(pair)
            {
                let more = self.of_input(&ops, variance, weight, &self.starts[i], &shift)?;
                covariance = ops.emit(&Layer::Binary(Binary::Add), &[covariance, more])?;
            }
            operands.push(covariance);
        }
        self.op.set_operands(&operands);
        Ok(())
    }

    /// What the elements of a pair have in common by elements of the input that both read. `start` is that of
    /// the first one, whose kernel element k meets the element k − `shift` of the second one.
    fn of_input(
        &self,
        ops: &Ops,
        variance: Value,
        weight: Value,
        start: &[i64],
        shift: &[i64],
    ) -> Result<Value, String> {
        let kernel = self.overlap(shift);
        let part = |sign: i64| -> Vec<i64> { shift.iter().map(|n| (sign * n).max(0)).collect() };
        let [first, second] = [part(1), part(-1)].map(|start| slice(ops, weight, &start, &kernel));
        let weights = multiplied(ops, first?, second?)?;
        let axes = self.convolution.axes.iter().zip(part(1));
        let start: Vec<_> = axes
            .zip(start)
            .map(|((axis, skipped), start)| start + skipped * axis.dilation)
            .collect();
        let variance = slice(ops, variance, &start, &self.extents(&kernel))?;
        self.convolved(ops, &[variance, weights])
    }

    fn convolved(&self, ops: &Ops, operands: &[Value]) -> Result<Value, String> {
        ops.emit(&Layer::Convolution(self.convolution.clone()), operands)
    }

    /// With zeros around it where the convolution has padding.
    fn padded(&self, ops: &Ops, x: Value) -> Result<Value, String> {
        if self.padding.iter().all(|sides| *sides == [0, 0]) {
            return Ok(x);
        }
        let sides = |side: usize| {
            [0, 0].into_iter().chain(self.padding.iter().map(|sides| sides[side])).collect()
        };
        let (low, high) = (sides(0), sides(1));
        let pad = Movement::Pad { low, high, border: Border::Constant(0.0) };
        ops.emit(&Layer::Movement(pad), &[x])
    }
}

fn multiplied(ops: &Ops, x: Value, y: Value) -> Result<Value, String> {
    ops.emit(&Layer::Binary(Binary::Mul), &[x, y])
}

/// So many elements along each spatial dimension, from these on.
fn slice(ops: &Ops, x: Value, starts: &[i64], sizes: &[i64]) -> Result<Value, String> {
    let whole = x.ty().shape().unwrap_or_default();
    let axes = (2..whole.len()).zip(starts).zip(sizes);
    axes.filter(|((axis, _), size)| whole[*axis] != **size).try_fold(
        x,
        |x, ((axis, start), size)| {
            let slice = Movement::Slice { axis, start: *start, size: *size, step: 1 };
            ops.emit(&Layer::Movement(slice), &[x])
        },
    )
}
