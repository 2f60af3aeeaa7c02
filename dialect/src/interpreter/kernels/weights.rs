//! The weights of an attention.

use crate::{
    interpreter::{F64, Tensor},
    moments::{self, Moments},
    ops::weights::{self, Weights},
};

pub(super) fn attention_weights(layer: Weights, logits: &Tensor) -> Result<Tensor, String> {
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
            let below = |x: &Moments<f64>| weights::below_peak(&mut F64, x.mean, peak);
            let second = largest(&mut logits.iter().map(below));
            let mut sums = weights::Sums { peak, second, most, terms: [0.0; weights::TERMS] };
            for x in logits {
                let own = weights::terms(&mut F64, x.mean, variance(x), peak, second);
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
