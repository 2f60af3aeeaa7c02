//! Pools.

use super::{
    places::indices,
    views::{View, elementwise, sizes},
};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::{self, Moments},
    ops::{
        pool::{self, Pool},
        window::Window,
    },
    shape::TensorType,
};

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

pub(super) fn pooled<V: Scalar>(
    layer: &Pool,
    input: &Tensor<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
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
            pool::Kind::Max => moments::max::<V::Algebra>,
            pool::Kind::Average { .. } => moments::add::<V::Algebra>,
        };
        let combined = fold(&covered, i / count * size, from, view, combine);
        let padded = |covered: &&Covered| covered.padded;
        let inside = |covered: &&Covered| covered.places.len();
        let elements: usize = match layer.kind {
            pool::Kind::Max => return combined,
            pool::Kind::Average { count_include_pad: true } => covered.iter().map(padded).product(),
            pool::Kind::Average { .. } => covered.iter().map(inside).product(),
        };
        moments::scale(&mut V::algebra(), combined, V::constant(1.0 / elements as f64))
    })
}

/// The maxima of windows that lie in the input, with the covariances of the pairs of their elements.
pub(super) fn pooled_with<V: Scalar>(
    layer: &Pool,
    input: &Tensor<V>,
    covariances: &[&Tensor<V>],
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let Pool { window, .. } = layer;
    let (from, to) = (&input.shape[2..], &sizes(ty)[2..]);
    let kernel: Vec<_> = window.kernel.iter().filter_map(|&n| usize::try_from(n).ok()).collect();
    let (size, count): (usize, usize) = (from.iter().product(), to.iter().product());
    let elements: usize = kernel.iter().product();
    let view = input.view();
    elementwise(ty, |i| {
        let positions = indices(i % count, to);
        let at = |element: usize| {
            let element = indices(element, &kernel);
            let places = (0..kernel.len()).map(|axis| {
                let places = Covered::of(window, axis, positions[axis], from[axis]).places;
                places[element[axis]]
            });
            let place = places.zip(from).fold(0, |place, (along, size)| place * size + along);
            view.at(i / count * size + place)
        };
        let elements: Vec<_> = (0..elements).map(at).collect();
        let covariances: Vec<_> = covariances.iter().map(|tensor| tensor.mean[i]).collect();
        moments::max_of_window(&mut V::algebra(), &window.kernel, &elements, &covariances)
    })
}

pub(super) fn global_max<V: Scalar>(
    input: &Tensor<V>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let sizes = &input.shape[2..];
    let all = |&size: &usize| Covered { places: (0..size).collect(), padded: size };
    let all: Vec<_> = sizes.iter().map(all).collect();
    let covered: Vec<_> = all.iter().collect();
    let (size, view) = (sizes.iter().product::<usize>(), input.view());
    elementwise(ty, |i| fold(&covered, i * size, sizes, view, moments::max::<V::Algebra>))
}

/// A function of two Gaussians.
type Combine<V> = fn(&mut <V as Scalar>::Algebra, Moments<V>, Moments<V>) -> Moments<V>;

/// Combines what a window covers: along the last axis first, then along those before it. `start` is
/// the number of the element at the origin, `sizes` are those of its plane.
fn fold<V: Scalar>(
    covered: &[&Covered],
    start: usize,
    sizes: &[usize],
    view: View<V>,
    combine: Combine<V>,
) -> Moments<V> {
    let [first, rest @ ..] = covered else { return view.at(start) };
    let inner: usize = sizes[1..].iter().product();
    first
        .places
        .iter()
        .map(|place| fold(rest, start + place * inner, &sizes[1..], view, combine))
        .reduce(|x, y| combine(&mut V::algebra(), x, y))
        .unwrap_or(Moments::deterministic(V::ZERO))
}
