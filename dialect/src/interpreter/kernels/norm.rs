//! Normalisation by running statistics and by those of the values.

use rayon::prelude::*;

use super::views::{View, elementwise, leading};
use crate::{
    interpreter::{Scalar, Tensor},
    moments::{
        self, Arithmetic, Moments,
        normalised::{Normalised, Spread},
    },
    ops::norm::Norm,
    shape::TensorType,
};

pub(super) fn batch_norm<V: Scalar>(
    epsilon: f64,
    [input, gamma, beta]: [&Tensor<V>; 3],
    [running_mean, running_variance]: [&Tensor<V>; 2],
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let [_, channels] = leading(&input.shape);
    let size: usize = input.shape.iter().skip(2).product();
    let deviations: Vec<_> = running_variance
        .mean
        .iter()
        .map(|&variance| moments::batch_norm_deviation(&mut V::algebra(), variance, epsilon))
        .collect();
    let bad = |deviation: &V| deviation.value().is_nan() || deviation.value() == 0.0;
    if let Some(channel) = deviations.iter().position(bad) {
        return Err(format!(
            "has running_variance {} at channel {channel}; with epsilon {epsilon} added it must \
             be positive",
            running_variance.mean[channel].value()
        ));
    }
    let (input, gamma, beta) = (input.view(), gamma.view(), beta.view());
    elementwise(ty, |i| {
        let c = i / size % channels;
        let (x, gamma, beta) = (input.at(i), gamma.at(c), beta.at(c));
        moments::batch_norm(&mut V::algebra(), x, gamma, beta, running_mean.mean[c], deviations[c])
    })
}

/// What is known of elements that are normalised together.
struct Statistics<V> {
    mean: V,
    scale: V,
    /// `None` where there are no variances.
    spread: Option<Spread<V>>,
}

impl<V: Scalar> Statistics<V> {
    fn of(formula: Normalised, x: View<V>) -> Self {
        let mut a = V::algebra();
        let count = V::constant(formula.count);
        let average = |values: &mut dyn Iterator<Item = V>| {
            values.fold(V::ZERO, |sum, value| {
                let share = V::algebra().div(value, count);
                V::algebra().add(sum, share)
            })
        };
        let mean = match formula.centred {
            true => average(&mut x.mean.iter().copied()),
            false => V::ZERO,
        };
        let square = average(&mut x.mean.iter().map(|&m| {
            let d = V::algebra().sub(m, mean);
            V::algebra().mul(d, d)
        }));
        let variance = x.variance.map(|variances| average(&mut variances.iter().copied()));
        let scale = formula.scale(&mut a, square, variance);
        let spread = x.variance.zip(variance).map(|(variances, variance)| {
            let [_, of_w] = formula.scaled(&mut a, V::ZERO, variance, scale);
            let mut spread = Spread { a: of_w, b: V::ZERO, c: V::ZERO, d: V::ZERO };
            for (&m, &v) in x.mean.iter().zip(variances) {
                let d = a.sub(m, mean);
                let scaled = formula.scaled(&mut a, d, v, scale);
                let [b, c, d] = formula.terms(&mut a, scaled);
                spread = Spread {
                    a: of_w,
                    b: a.add(spread.b, b),
                    c: a.add(spread.c, c),
                    d: a.add(spread.d, d),
                };
            }
            spread
        });
        Self { mean, scale, spread }
    }

    fn element(&self, formula: Normalised, x: Moments<V>) -> Moments<V> {
        let d = V::algebra().sub(x.mean, self.mean);
        match x.variance.zip(self.spread) {
            Some((variance, spread)) => {
                let scaled = formula.scaled(&mut V::algebra(), d, variance, self.scale);
                formula.element(&mut V::algebra(), scaled, spread)
            }
            None => Moments::deterministic(V::algebra().mul(d, self.scale)),
        }
    }
}

pub(super) fn normalised<V: Scalar>(
    norm: &Norm,
    input: &Tensor<V>,
    parameters: &[&Tensor<V>],
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
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
        let parameter = |tensor: &Tensor<V>| tensor.view().at(i / inner % count);
        match parameters {
            [] => normalised,
            [gamma] => moments::mul(&mut V::algebra(), normalised, parameter(gamma)),
            [gamma, beta, ..] => moments::multiply_add(
                &mut V::algebra(),
                normalised,
                parameter(gamma),
                parameter(beta),
            ),
        }
    })
}
