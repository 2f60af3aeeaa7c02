//! Elements in other places, and sums over dimensions.

use gauss_dialect::{
    ir::Value,
    moments::{self, Arithmetic, Moments},
    ops::{
        movement::{Border, Movement},
        reduction::Reduction,
    },
};

use super::Emitter;

impl Emitter {
    /// The result of a movement, which has this shape.
    pub(super) fn movement(
        &self,
        movement: &Movement,
        operands: &[Moments<Value>],
        shape: &[i64],
    ) -> Moments<Value> {
        let input = operands[0];
        match movement {
            Movement::Transpose(permutation) => {
                // Dimension d of the result is read at dimension permutation[d].
                let mut indices = vec![self.context.dim(0); shape.len()];
                for (dim, &from) in permutation.iter().enumerate() {
                    indices[from as usize] = self.context.dim(dim);
                }
                let map = self.context.affine_map(shape.len(), &indices);
                self.map(shape, &[(input, map)], input.variance.is_some(), |_, x| x[0])
            }
            Movement::Slice { axis, start, step, .. } => {
                let part = |x: Value| {
                    let mut offsets = vec![0; shape.len()];
                    offsets[*axis] = *start;
                    let mut strides = vec![1; shape.len()];
                    strides[*axis] = *step;
                    self.slice(x, &offsets, shape, &strides)
                };
                let whole = self.each(input, part);
                let identity = self.context.identity_map(shape.len());
                self.map(shape, &[(whole, identity)], input.variance.is_some(), |_, x| x[0])
            }
            Movement::Concat(axis) => {
                let gaussian = operands.iter().any(|x| x.variance.is_some());
                let mut joined = Moments {
                    mean: self.empty(shape),
                    variance: gaussian.then(|| self.empty(shape)),
                };
                let mut offset = 0;
                for &operand in operands {
                    let size = operand.mean.ty().shape().unwrap_or_default();
                    let mut offsets = vec![0; shape.len()];
                    offsets[*axis] = offset;
                    joined = self.inserted(operand, joined, &offsets);
                    offset += size[*axis];
                }
                joined
            }
            Movement::Pad { low, high, border } => {
                (0..shape.len()).fold(input, |x, dim| match (low[dim], high[dim]) {
                    (0, 0) => x,
                    (low, high) => self.bordered(x, dim, [low, high], *border),
                })
            }
            Movement::Expand(_) => {
                let gaussian = input.variance.is_some();
                self.map(shape, &[self.repeated(input, shape)], gaussian, |_, x| x[0])
            }
            Movement::Upsample(factors) => self.upsampled(input, factors, shape),
            Movement::Gather { axis, indices } => self.gather(input, *axis, indices, shape),
        }
    }

    /// A tensor in another, from these offsets on; without a variance it gets zeros as one.
    pub(super) fn inserted(
        &self,
        x: Moments<Value>,
        into: Moments<Value>,
        offsets: &[i64],
    ) -> Moments<Value> {
        let shape = x.mean.ty().shape().unwrap_or_default();
        let variance = into.variance.map(|into| {
            let own = x.variance.unwrap_or_else(|| self.fill(&shape, 0.0));
            self.insert(own, into, offsets)
        });
        Moments { mean: self.insert(x.mean, into.mean, offsets), variance }
    }

    /// A tensor with so many elements before and behind one of its dimensions.
    pub(super) fn bordered(
        &self,
        x: Moments<Value>,
        dim: usize,
        [low, high]: [i64; 2],
        border: Border,
    ) -> Moments<Value> {
        let own = x.mean.ty().shape().unwrap_or_default();
        let mut shape = own.clone();
        shape[dim] += low + high;
        let at = |index: i64| {
            let mut offsets = vec![0; own.len()];
            offsets[dim] = index;
            offsets
        };
        let whole = match border {
            Border::Constant(value) => Moments {
                mean: self.fill(&shape, value),
                variance: x.variance.map(|_| self.fill(&shape, 0.0)),
            },
            Border::Reflect | Border::Edge => self.each(x, |_| self.empty(&shape)),
        };
        let whole = self.inserted(x, whole, &at(low));
        let mut one = own.clone();
        one[dim] = 1;
        let last = own[dim] - 1;
        let sources = match border {
            Border::Constant(_) => vec![],
            Border::Edge => (0..low)
                .map(|to| (to, 0))
                .chain((0..high).map(|n| (low + last + 1 + n, last)))
                .collect(),
            Border::Reflect => (0..low)
                .map(|to| (to, low - to))
                .chain((0..high).map(|n| (low + last + 1 + n, last - 1 - n)))
                .collect::<Vec<_>>(),
        };
        sources.into_iter().fold(whole, |whole, (to, from)| {
            let slice = self.each(x, |x| self.slice(x, &at(from), &one, &vec![1; own.len()]));
            self.inserted(slice, whole, &at(to))
        })
    }

    /// Every element repeated: each dimension with a factor is followed by one along which nothing
    /// changes, and both are one again at the end.
    fn upsampled(&self, x: Moments<Value>, factors: &[i64], shape: &[i64]) -> Moments<Value> {
        let own = x.mean.ty().shape().unwrap_or_default();
        let (mut apart, mut indices) = (Vec::new(), Vec::new());
        for (&size, &factor) in own.iter().zip(factors) {
            indices.push(self.context.dim(apart.len()));
            apart.push(size);
            if factor > 1 {
                apart.push(factor);
            }
        }
        let map = self.context.affine_map(apart.len(), &indices);
        let repeated = self.map(&apart, &[(x, map)], x.variance.is_some(), |_, x| x[0]);
        self.each(repeated, |x| self.reshape(x, shape))
    }

    /// Sums over dimensions, or means.
    pub(super) fn reduction(
        &self,
        reduction: &Reduction,
        x: Moments<Value>,
        shape: &[i64],
    ) -> Moments<Value> {
        let own = x.mean.ty().shape().unwrap_or_default();
        let kept: Vec<_> = (0..own.len()).filter(|dim| !reduction.axes.contains(dim)).collect();
        // What is kept comes first.
        let order: Vec<_> = kept.iter().chain(&reduction.axes).copied().collect();
        let mut indices = vec![self.context.dim(0); own.len()];
        for (place, &dim) in order.iter().enumerate() {
            indices[dim] = self.context.dim(place);
        }
        let map = self.context.affine_map(own.len(), &indices);
        let dims: Vec<_> = (0..kept.len()).map(|dim| self.context.dim(dim)).collect();
        let out = self.context.affine_map(own.len(), &dims);
        let sizes: Vec<_> = kept.iter().map(|&dim| own[dim]).collect();
        let zero = |_: Value| self.fill(&sizes, 0.0);
        let initial = self.each(x, zero);
        let sum = self.generic(&[(x, map)], initial, out, |a, x, sum| moments::add(a, x[0], sum));
        let factor = reduction.factor(&own);
        let result = match reduction.is_mean {
            true => self.elementwise(&sizes, &[sum], |a, x| {
                let factor = a.constant(factor);
                moments::scale(a, x[0], factor)
            }),
            false => sum,
        };
        self.each(result, |x| self.reshape(x, shape))
    }
}
