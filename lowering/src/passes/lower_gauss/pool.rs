//! Pools: what is combined of each window.

use gauss_dialect::{
    ir::{Attribute, Type, Value},
    moments::{self, Arithmetic, Moments},
    ops::{
        pool::{Kind, Pool},
        window::Window,
    },
};

use super::{Emitter, Read};
use crate::payload::Payload;

/// Makes one number of two.
type Combine = fn(&mut Payload, Moments<Value>, Moments<Value>) -> Moments<Value>;

impl Emitter {
    pub(super) fn pool(&self, pool: &Pool, input: Moments<Value>, shape: &[i64]) -> Moments<Value> {
        let size = input.mean.ty().shape().unwrap_or_default();
        let window = pool.window.closed(&size[2..]);
        let count_include_pad = match pool.kind {
            Kind::Max => {
                let padded = self.pad(input, &window, f64::NEG_INFINITY);
                return self.windows(padded, &window, shape, moments::max, |_, x, _| x, None);
            }
            Kind::Average { count_include_pad } => count_include_pad,
        };
        let padded = self.pad(input, &window, 0.0);
        let scale = |a: &mut Payload, x, factor: Option<Moments<Value>>| {
            let factor = match factor {
                Some(factor) => factor.mean,
                None => a.constant(1.0 / window.kernel.iter().product::<i64>() as f64),
            };
            moments::scale(a, x, factor)
        };
        // Windows that end beyond the padding have fewer elements in any case.
        let is_cut = window != Window { ceil: false, ..pool.window.clone() };
        let has_counts = is_cut || (window.is_padded() && !count_include_pad);
        let reciprocals = has_counts.then(|| {
            let values =
                reciprocal_counts(&pool.window, count_include_pad, &size[2..], &shape[2..]);
            let ty = Type::tensor(self.context.f32(), &shape[2..]);
            let constant = self.builder.constant(Attribute::dense(ty, &values), ty);
            let dims: Vec<_> = (2..shape.len()).map(|dim| self.context.dim(dim)).collect();
            let map = self.context.affine_map(shape.len(), &dims);
            (Moments::deterministic(constant), map)
        });
        self.windows(padded, &window, shape, moments::add, scale, reciprocals)
    }

    /// The maximum of each window, whose elements have covariances.
    pub(super) fn correlated_max(
        &self,
        window: &Window,
        input: Moments<Value>,
        covariances: &[Moments<Value>],
        shape: &[i64],
    ) -> Moments<Value> {
        let strides: Vec<_> =
            [1, 1].into_iter().chain(window.axes.iter().map(|axis| axis.stride)).collect();
        let identity = self.context.identity_map(shape.len());
        let element = |offsets: Vec<i64>| {
            let offsets = [&[0, 0], &offsets[..]].concat();
            (self.each(input, |x| self.slice(x, &offsets, shape, &strides)), identity)
        };
        let elements: Vec<Read> = window.offsets().into_iter().map(element).collect();
        let of_pairs = covariances.iter().map(|&covariance| (covariance, identity));
        let reads: Vec<_> = elements.iter().copied().chain(of_pairs).collect();
        self.map(shape, &reads, true, |a, x| {
            let (elements, covariances) = x.split_at(elements.len());
            let covariances: Vec<_> = covariances.iter().map(|pair| pair.mean).collect();
            moments::max_of_window(a, &window.kernel, elements, &covariances)
        })
    }

    /// The maximum of each channel: along the last axis first, then along those before it.
    pub(super) fn global_max(&self, input: Moments<Value>, shape: &[i64]) -> Moments<Value> {
        let rank = shape.len();
        let maximum = (2..rank).rev().fold(input, |x, axis| {
            let sizes = x.mean.ty().shape().unwrap_or_default();
            let kept = &sizes[..axis];
            let initial = Moments {
                mean: self.fill(kept, f64::NEG_INFINITY),
                variance: x.variance.map(|_| self.fill(kept, 0.0)),
            };
            let identity = self.context.identity_map(axis + 1);
            let dims: Vec<_> = (0..axis).map(|dim| self.context.dim(dim)).collect();
            let out = self.context.affine_map(axis + 1, &dims);
            self.generic(&[(x, identity)], initial, out, |a, x, max| moments::max(a, max, x[0]))
        });
        self.each(maximum, |x| self.reshape(x, shape))
    }

    /// Combines the elements of each window: along the last axis first, then along those before it,
    /// each from its start to its end. `finish` ends the last step.
    fn windows(
        &self,
        input: Moments<Value>,
        window: &Window,
        shape: &[i64],
        combine: Combine,
        finish: impl Fn(&mut Payload, Moments<Value>, Option<Moments<Value>>) -> Moments<Value>,
        extra: Option<Read>,
    ) -> Moments<Value> {
        let gaussian = input.variance.is_some();
        let fold = |a: &mut Payload, x: &[Moments<Value>]| {
            x[1..].iter().fold(x[0], |sum, &next| combine(a, sum, next))
        };
        let mut combined = input;
        // What the steps that follow read along the axes before them.
        let mut sizes = shape.to_vec();
        for (axis, lies) in window.axes.iter().enumerate() {
            sizes[axis + 2] = (shape[axis + 2] - 1) * lies.stride + window.extent(axis);
        }
        for axis in (1..window.axes.len()).rev() {
            sizes[axis + 2] = shape[axis + 2];
            let slices = self.slices(combined, window, axis, &sizes);
            combined = self.map(&sizes, &slices, gaussian, fold);
        }
        let mut inputs = self.slices(combined, window, 0, shape);
        let elements = inputs.len();
        inputs.extend(extra);
        self.map(shape, &inputs, gaussian, |a, x| {
            let combined = fold(a, &x[..elements]);
            finish(a, combined, x.get(elements).copied())
        })
    }

    /// The elements of all windows along an axis: the first ones, the second ones, ..
    fn slices(&self, x: Moments<Value>, window: &Window, axis: usize, sizes: &[i64]) -> Vec<Read> {
        let identity = self.context.identity_map(sizes.len());
        (0..window.kernel[axis])
            .map(|element| {
                let mut offsets = vec![0; sizes.len()];
                offsets[axis + 2] = element * window.axes[axis].dilation;
                let mut strides = vec![1; sizes.len()];
                strides[axis + 2] = window.axes[axis].stride;
                (self.each(x, |x| self.slice(x, &offsets, sizes, &strides)), identity)
            })
            .collect()
    }
}

/// One over the number of window elements that an average counts, for every position.
fn reciprocal_counts(
    window: &Window,
    count_include_pad: bool,
    input: &[i64],
    positions: &[i64],
) -> Vec<f32> {
    let counts = |axis: usize| -> Vec<usize> {
        let [low, high] = window.axes[axis].padding;
        let counted = match count_include_pad {
            true => -low..input[axis] + high,
            false => 0..input[axis],
        };
        let counted = |position| {
            window.places(axis, position).filter(|place| counted.contains(place)).count()
        };
        (0..positions[axis]).map(counted).collect()
    };
    let all = (0..positions.len()).map(counts).fold(vec![1], |all, counts| {
        all.iter().flat_map(|all| counts.iter().map(move |count| all * count)).collect()
    });
    all.into_iter().map(|count| (1.0 / count as f64) as f32).collect()
}
