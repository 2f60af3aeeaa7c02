//! The predictive head on tables of `f64`: loops around [`crate::predictive`].

use std::{array, marker::PhantomData};

use pfp_runtime::predictive::LOGISTIC_MIXTURE;

use super::{Scalar, Tensor};
use crate::{
    moments::{Along, Arithmetic, Directional, F64, Moments},
    predictive::{
        self, Axis, Method, Prediction, Special, Tables, Thresholds, Uncertainty, binary,
        digamma_rise_reference, digamma_rise_slope, factor_entry, information_reference,
        information_slope,
    },
    shape::UNCERTAINTIES,
};

impl Special for F64 {
    fn information(&mut self, a: f64) -> f64 {
        information_reference(a)
    }

    fn digamma_rise(&mut self, a: f64) -> f64 {
        digamma_rise_reference(a)
    }
}

impl Special for Directional {
    fn information(&mut self, a: Along) -> Along {
        a.chain(information_reference(a.value), [information_slope(a.value), 0.0])
    }

    fn digamma_rise(&mut self, a: Along) -> Along {
        a.chain(digamma_rise_reference(a.value), [digamma_rise_slope(a.value), 0.0])
    }
}

/// Class probabilities, N×C.
pub(super) fn softmax<V: Scalar>(
    method: Method,
    logits: &Tensor<V>,
    covariance: Option<&Tensor<V>>,
) -> Vec<V> {
    predict(method, logits, covariance).probabilities.values
}

/// Total, aleatoric and epistemic uncertainty, N×3.
pub(super) fn uncertainty<V: Scalar>(
    method: Method,
    logits: &Tensor<V>,
    covariance: Option<&Tensor<V>>,
) -> Vec<V> {
    side_by_side(predict(method, logits, covariance).uncertainty)
}

/// Total, aleatoric and epistemic as the last dimension.
fn side_by_side<V: Scalar>(parts: Uncertainty<Table<V>>) -> Vec<V> {
    let items = parts.total.values.iter().zip(&parts.aleatoric.values).zip(&parts.epistemic.values);
    items.flat_map(|((&total, &aleatoric), &epistemic)| [total, aleatoric, epistemic]).collect()
}

fn predict<V: Scalar>(
    method: Method,
    logits: &Tensor<V>,
    covariance: Option<&Tensor<V>>,
) -> Prediction<Table<V>> {
    let mut sizes = Sizes::<V>::of_logits(logits, method);
    let axes = sizes.by([Axis::Classes, Axis::Rivals]);
    let covariance = covariance.map(|matrices| Table { values: matrices.mean.clone(), axes });
    let axes = sizes.by([Axis::Classes; 2]);
    let table = |values: &Vec<V>| Table { values: values.clone(), axes };
    let logits =
        Moments { mean: table(&logits.mean), variance: logits.variance.as_ref().map(table) };
    predictive::predict(&mut sizes, method, &logits, covariance.as_ref())
}

fn moments<V: Scalar>(logits: &Tensor<V>) -> Moments<Table<V>> {
    let table = |values: &Vec<V>| Table { values: values.clone(), axes: BY_CLASS };
    Moments { mean: table(&logits.mean), variance: logits.variance.as_ref().map(table) }
}

/// The probability that each label is 1, N×K.
pub(super) fn binary_probability<V: Scalar>(logits: &Tensor<V>) -> Vec<V> {
    binary::predict(&mut Sizes::<V>::of(logits, 1), &moments(logits)).probabilities.values
}

/// Total, aleatoric and epistemic uncertainty of each label, N×K×3.
pub(super) fn binary_uncertainty<V: Scalar>(logits: &Tensor<V>) -> Vec<V> {
    side_by_side(binary::predict(&mut Sizes::<V>::of(logits, 1), &moments(logits)).uncertainty)
}

/// One decision for each label, N×K.
pub(super) fn binary_decide<V: Scalar>(
    thresholds: Thresholds,
    probability: &Tensor<V>,
    uncertainty: &Tensor<V>,
) -> Vec<V> {
    let [aleatoric, epistemic] = [1, 2].map(|number| column(uncertainty, number, BY_CLASS));
    let probability = Table { values: probability.mean.clone(), axes: BY_CLASS };
    let mut sizes = Sizes::<V>::of(uncertainty, 1);
    binary::decide(&mut sizes, &probability, &aleatoric, &epistemic, thresholds).values
}

/// A column of an uncertainty, whose last dimension holds three.
fn column<V: Scalar>(uncertainty: &Tensor<V>, number: usize, axes: Axes) -> Table<V> {
    let values = uncertainty.mean.iter().skip(number).step_by(UNCERTAINTIES as usize);
    Table { values: values.copied().collect(), axes }
}

/// One decision for each item.
pub(super) fn decide<V: Scalar>(
    thresholds: Thresholds,
    probabilities: &Tensor<V>,
    uncertainty: &Tensor<V>,
) -> Vec<V> {
    let mut sizes = Sizes::<V>::of(probabilities, 1);
    let [aleatoric, epistemic] = [1, 2].map(|number| column(uncertainty, number, BY_ITEM));
    let probabilities = Table { values: probabilities.mean.clone(), axes: BY_CLASS };
    predictive::decide(&mut sizes, &probabilities, &aleatoric, &epistemic, thresholds).values
}

const AXES: usize = Axis::ALL.len();

/// Which axes a table has.
type Axes = [bool; AXES];

const BY_ITEM: Axes = [true, false, false, false, false, false];
const BY_CLASS: Axes = [true, false, false, false, true, false];

/// The sizes of the axes.
struct Sizes<V>([usize; AXES], PhantomData<V>);

impl<V: Scalar> Sizes<V> {
    /// Those of an N×C or N×C×3 tensor, with so many draws.
    fn of(tensor: &Tensor<V>, draws: usize) -> Self {
        let size = |dim: usize| tensor.shape.get(dim).copied().unwrap_or(1);
        Self([size(0), 1, draws, LOGISTIC_MIXTURE.len(), size(1), size(1)], PhantomData)
    }

    /// Those of N×C logits, or of N×K×C at the nodes of a mixture.
    fn of_logits(logits: &Tensor<V>, method: Method) -> Self {
        let (nodes, classes) = match logits.shape[..] {
            [_, nodes, classes] => (nodes, classes),
            _ => (1, logits.shape.last().copied().unwrap_or(1)),
        };
        let draws = match method.shared(nodes) {
            Method::Sample(sampling) => sampling.draws as usize,
            Method::MeanField | Method::Laplace => 1,
        };
        let items = logits.shape.first().copied().unwrap_or(1);
        Self([items, nodes, draws, LOGISTIC_MIXTURE.len(), classes, classes], PhantomData)
    }

    /// Items, nodes where there are several, and these.
    fn by(&self, others: [Axis; 2]) -> Axes {
        Axis::ALL.map(|axis| match axis {
            Axis::Items => true,
            Axis::Nodes => self.nodes() > 1,
            other => others.contains(&other),
        })
    }

    /// The sizes along these axes, and 1 along the others.
    fn along(&self, axes: Axes) -> [usize; AXES] {
        array::from_fn(|axis| if axes[axis] { self.0[axis] } else { 1 })
    }

    /// The number of the element at a place.
    fn number(&self, axes: Axes, place: [usize; AXES]) -> usize {
        (0..AXES).filter(|&axis| axes[axis]).fold(0, |n, axis| n * self.0[axis] + place[axis])
    }

    fn at<const N: usize>(&self, inputs: [&Table<V>; N], place: [usize; AXES]) -> [V; N] {
        inputs.map(|input| input.values[self.number(input.axes, place)])
    }
}

/// Numbers along some of the axes.
#[derive(Debug, Clone)]
struct Table<V> {
    values: Vec<V>,
    axes: Axes,
}

/// Every place of a table of these sizes, in order.
fn places(sizes: [usize; AXES]) -> impl Iterator<Item = [usize; AXES]> {
    (0..sizes.iter().product()).map(move |number: usize| {
        let mut rest = number;
        let mut place = [0; AXES];
        for axis in (0..AXES).rev() {
            place[axis] = rest % sizes[axis];
            rest /= sizes[axis];
        }
        place
    })
}

/// The axes that a table has which is computed from `inputs`.
fn joined<V, const N: usize>(inputs: [&Table<V>; N]) -> Axes {
    array::from_fn(|axis| inputs.iter().any(|input| input.axes[axis]))
}

impl<V: Scalar> Tables for Sizes<V> {
    type Scalar = V::Algebra;
    type Table = Table<V>;

    fn classes(&self) -> usize {
        self.0[Axis::Classes as usize]
    }

    fn nodes(&self) -> usize {
        self.0[Axis::Nodes as usize]
    }

    fn rivals(&mut self, table: &Table<V>) -> Table<V> {
        let [items, nodes, draws, parts, classes, _] = table.axes;
        Table { values: table.values.clone(), axes: [items, nodes, draws, parts, false, classes] }
    }

    fn factor(&mut self, covariance: &Table<V>, variance: &Table<V>) -> Table<V> {
        let (classes, a) = (self.classes(), &mut V::algebra());
        let mut values = vec![V::ZERO; covariance.values.len()];
        let items =
            values.chunks_mut(classes * classes).zip(covariance.values.chunks(classes * classes));
        for ((factor, matrix), variance) in items.zip(variance.values.chunks(classes)) {
            let mut rest = variance.to_vec();
            for step in 0..classes {
                let pivot = a.sqrt(rest[step]);
                factor[step * classes + step] = pivot;
                for row in step + 1..classes {
                    let known = (0..step).fold(V::ZERO, |sum, k| {
                        let [x, y] = [row, step].map(|row| factor[row * classes + k]);
                        a.fma(x, y, sum)
                    });
                    let covariance = a.sub(matrix[row * classes + step], known);
                    let entry = factor_entry(a, covariance, pivot, rest[row]);
                    factor[row * classes + step] = entry.mean;
                    rest[row] = entry.variance.unwrap_or(V::ZERO);
                }
            }
        }
        Table { values, axes: self.by([Axis::Classes, Axis::Rivals]) }
    }

    fn literal(&mut self, axes: &[Axis], values: Vec<f32>) -> Table<V> {
        let axes = Axis::ALL.map(|axis| axes.contains(&axis));
        Table { values: values.into_iter().map(|value| V::constant(value.into())).collect(), axes }
    }

    fn map<const N: usize>(
        &mut self,
        inputs: [&Table<V>; N],
        f: impl Fn(&mut V::Algebra, [V; N]) -> V,
    ) -> Table<V> {
        let axes = joined(inputs);
        let values =
            places(self.along(axes)).map(|place| f(&mut V::algebra(), self.at(inputs, place)));
        Table { values: values.collect(), axes }
    }

    fn fold<const N: usize>(
        &mut self,
        axis: Axis,
        initial: f64,
        inputs: [&Table<V>; N],
        f: impl Fn(&mut V::Algebra, V, [V; N]) -> V,
    ) -> Table<V> {
        let axis = axis as usize;
        let mut axes = joined(inputs);
        axes[axis] = false;
        let of_place = |mut place: [usize; AXES]| {
            (0..self.0[axis]).fold(V::constant(initial), |sum, step| {
                place[axis] = step;
                f(&mut V::algebra(), sum, self.at(inputs, place))
            })
        };
        Table { values: places(self.along(axes)).map(of_place).collect(), axes }
    }
}
