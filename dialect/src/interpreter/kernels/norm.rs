//! Normalisation by running statistics and by those of the values.

use rayon::prelude::*;

use super::views::{View, elementwise, leading};
use crate::{
    interpreter::{F64, Tensor},
    moments::{
        self, Moments,
        normalised::{Normalised, Spread},
    },
    ops::norm::Norm,
    shape::TensorType,
};

pub(super) fn batch_norm(
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

pub(super) fn normalised(
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
