//! The weights of an attention.

use crate::{
    interpreter::{Scalar, Tensor},
    moments::{self, Arithmetic, Elementary, Moments},
    ops::weights::{self, Weights},
};

pub(super) fn attention_weights<V: Scalar>(
    layer: Weights,
    logits: &Tensor<V>,
) -> Result<Tensor<V>, String> {
    let [columns, rows] = [1, 2].map(|dim| logits.shape[logits.shape.len() - dim]);
    let mut result = Tensor::zeros(&logits.ty())?;
    let (view, scale) = (logits.view(), V::constant(layer.scale));
    result.fill(columns, |start, mut out| {
        let row = start / columns % rows;
        let seen = (0..columns).take_while(|&column| layer.sees([row, rows], [column, columns]));
        let logits: Vec<_> = seen
            .map(|column| moments::scale(&mut V::algebra(), view.at(start + column), scale))
            .collect();
        for (column, weight) in weights_of(&logits).into_iter().enumerate() {
            out.set(column, weight);
        }
    });
    Ok(result)
}

/// A softmax.
fn weights_of<V: Scalar>(logits: &[Moments<V>]) -> Vec<Moments<V>> {
    let a = &mut V::algebra();
    let largest = |values: &mut dyn Iterator<Item = V>| {
        let least = V::constant(f64::NEG_INFINITY);
        values.fold(least, |x, y| if y.value().is_nan() { x } else { V::algebra().max(x, y) })
    };
    let peak = largest(&mut logits.iter().map(|x| x.mean));
    let count = logits.len() as f64;
    let weights: Vec<_> = match logits.iter().all(|x| x.variance.is_none()) {
        true => logits
            .iter()
            .map(|x| {
                let below = a.sub(x.mean, peak);
                Moments::deterministic(a.exp(below))
            })
            .collect(),
        false => {
            let variance = |x: &Moments<V>| x.variance.unwrap_or(V::ZERO);
            let most = largest(&mut logits.iter().map(variance));
            let below = |x: &Moments<V>| weights::below_peak(&mut V::algebra(), x.mean, peak);
            let second = largest(&mut logits.iter().map(below));
            let mut sums = weights::Sums { peak, second, most, terms: [V::ZERO; weights::TERMS] };
            for x in logits {
                let own = weights::terms(a, x.mean, variance(x), peak, second);
                for (sum, own) in sums.terms.iter_mut().zip(own) {
                    *sum = a.add(*sum, own);
                }
            }
            logits.iter().map(|x| weights::weight(a, x.mean, variance(x), sums, count)).collect()
        }
    };
    let mut sums = [V::ZERO; 2];
    for weight in &weights {
        let own = weights::share(a, weight.mean);
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum = a.add(*sum, own);
        }
    }
    weights.into_iter().map(|weight| weights::normalised(a, weight, sums)).collect()
}
