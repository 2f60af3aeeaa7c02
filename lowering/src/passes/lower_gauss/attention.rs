//! A softmax whose results are Gaussians again: sums over each row, then two steps for every element.

use std::array;

use gauss_dialect::{
    ir::{Attribute, Type, Value},
    moments::{self, Arithmetic, Elementary, Moments},
    ops::weights::{self, UNSEEN, Weights},
};

use super::{Emitter, rows::Rows};
use crate::payload::Payload;

impl Emitter {
    /// The weights of rows of logits, in a tensor of this shape.
    pub(super) fn attention_weights(
        &self,
        layer: Weights,
        logits: Moments<Value>,
        shape: &[i64],
    ) -> Moments<Value> {
        let logits = self.seen(layer, logits, shape);
        let Some((&count, sizes)) = shape.split_last() else { return logits };
        let rows = Rows::of(self, sizes, count, logits);
        let peak = rows.reduced(
            &[],
            &[UNSEEN],
            |a, x, _, peak| vec![a.max(x.mean, peak[0])],
            |a, x, y| a.max(x, y),
        );
        let Some(_) = logits.variance else {
            let power = self.with_rows(shape, logits, &peak, |a, x, peak| {
                let below = a.sub(x.mean, peak[0]);
                Moments::deterministic(a.decay(below))
            });
            return self.divided(power, shape);
        };
        let most = rows.reduced(
            &[],
            &[0.0],
            |a, x, _, most| vec![a.max(x.variance.unwrap_or(x.mean), most[0])],
            |a, x, y| a.max(x, y),
        );
        let second = rows.reduced(
            &peak,
            &[UNSEEN],
            |a, x, peak, second| {
                let mean = weights::below_peak(a, x.mean, peak[0]);
                vec![a.max(mean, second[0])]
            },
            |a, x, y| a.max(x, y),
        );
        let largest = [peak, second].concat();
        let sums = rows.sums(&largest, weights::TERMS, |a, x, largest, sums| {
            let variance = x.variance.unwrap_or(x.mean);
            let terms = weights::terms(a, x.mean, variance, largest[0], largest[1]);
            terms.into_iter().zip(sums).map(|(term, &sum)| a.add(term, sum)).collect()
        });
        let known = [largest, most, sums].concat();
        let weights = self.with_rows(shape, logits, &known, |a, x, known| {
            let terms = array::from_fn(|number| known[3 + number]);
            let sums = weights::Sums { peak: known[0], second: known[1], most: known[2], terms };
            weights::weight(a, x.mean, x.variance.unwrap_or(x.mean), sums, count as f64)
        });
        self.divided(weights, shape)
    }

    /// The logits times their factor, those that are not seen far below all others.
    fn seen(&self, layer: Weights, logits: Moments<Value>, shape: &[i64]) -> Moments<Value> {
        if layer.scale == 1.0 && !layer.causal {
            return logits;
        }
        let rank = shape.len();
        let mut reads = vec![(logits, self.context.identity_map(rank))];
        if let (true, &[.., rows, columns]) = (layer.causal, shape) {
            let [rows, columns] = [rows, columns].map(|size| size as usize);
            let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
            let sees = |(row, column)| layer.sees([row, rows], [column, columns]);
            let mask: Vec<_> = places.map(|place| if sees(place) { 1.0 } else { 0.0 }).collect();
            let ty = Type::tensor(self.context.f32(), &shape[rank - 2..]);
            let mask = self.builder.constant(Attribute::dense(ty, &mask), ty);
            let dims = [rank - 2, rank - 1].map(|dim| self.context.dim(dim));
            reads.push((Moments::deterministic(mask), self.context.affine_map(rank, &dims)));
        }
        self.map(shape, &reads, logits.variance.is_some(), |a, x| {
            let factor = a.constant(layer.scale);
            let scaled = moments::scale(a, x[0], factor);
            let Some(mask) = x.get(1) else { return scaled };
            let [one, unseen] = [1.0, UNSEEN].map(|value| a.constant(value));
            Moments { mean: a.select_ge(mask.mean, one, scaled.mean, unseen), ..scaled }
        })
    }

    /// A function of each element and of numbers of its row.
    fn with_rows(
        &self,
        shape: &[i64],
        x: Moments<Value>,
        known: &[Value],
        f: impl FnOnce(&mut Payload, Moments<Value>, &[Value]) -> Moments<Value>,
    ) -> Moments<Value> {
        let rank = shape.len();
        let dims: Vec<_> = (0..rank - 1).map(|dim| self.context.dim(dim)).collect();
        let row = self.context.affine_map(rank, &dims);
        let mut reads = vec![(x, self.context.identity_map(rank))];
        reads.extend(known.iter().map(|&known| (Moments::deterministic(known), row)));
        self.map(shape, &reads, x.variance.is_some(), |a, x| {
            let known: Vec<_> = x[1..].iter().map(|known| known.mean).collect();
            f(a, x[0], &known)
        })
    }

    /// Elements divided by the sum of the means of their row.
    fn divided(&self, x: Moments<Value>, shape: &[i64]) -> Moments<Value> {
        let Some((&count, sizes)) = shape.split_last() else { return x };
        let means = Rows::of(self, sizes, count, Moments::deterministic(x.mean));
        let sums = means.sums(&[], 2, |a, x, _, sums| {
            let share = weights::share(a, x.mean);
            share.into_iter().zip(sums).map(|(own, &sum)| a.add(own, sum)).collect()
        });
        self.with_rows(shape, x, &sums, |a, x, sums| weights::normalised(a, x, [sums[0], sums[1]]))
    }
}
