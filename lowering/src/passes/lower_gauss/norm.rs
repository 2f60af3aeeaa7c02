//! Normalisation by statistics of the values themselves: sums over each group of elements, then one
//! step for every element.

use gauss_dialect::{
    ir::Value,
    moments::{
        self, Arithmetic, Moments,
        normalised::{Normalised, Spread},
    },
    ops::norm::Norm,
};

use super::{Emitter, rows::Rows};
use crate::payload::Payload;

/// What is known of a group, one number for each.
#[derive(Clone)]
struct Statistics {
    /// A number near the mean of the means, and how far the mean is from it; none where nothing is
    /// centred.
    centre: Vec<Value>,
    /// One over the deviation.
    scale: Value,
    /// The means of w, r·w, r²·w and w², where there are variances.
    spread: Vec<Value>,
}

impl Emitter {
    /// A normalised tensor of this shape; `parameters` are gamma and beta, as many as there are.
    pub(super) fn norm(
        &self,
        norm: &Norm,
        x: Moments<Value>,
        parameters: &[Moments<Value>],
        shape: &[i64],
    ) -> Moments<Value> {
        let grouping = norm.grouping(shape);
        let rows = grouping.rows.len();
        let count = grouping.formula.count as i64;
        let statistics =
            Statistics::of(&Rows::of(self, &grouping.rows, count, x), grouping.formula);
        let split = [grouping.rows, grouping.inner].concat();
        let dims = |dims: std::ops::Range<usize>| {
            let dims: Vec<_> = dims.map(|dim| self.context.dim(dim)).collect();
            self.context.affine_map(split.len(), &dims)
        };
        let mut reads = vec![(self.each(x, |x| self.reshape(x, &split)), dims(0..split.len()))];
        let known = statistics.all();
        reads.extend(known.iter().map(|&value| (Moments::deterministic(value), dims(0..rows))));
        let sizes = &split[grouping.parameters.clone()];
        reads.extend(parameters.iter().map(|&parameter| {
            let parameter = self.each(parameter, |x| self.reshape(x, sizes));
            (parameter, dims(grouping.parameters.clone()))
        }));
        let gaussian = reads.iter().any(|(x, _)| x.variance.is_some());
        let result = self.map(&split, &reads, gaussian, |a, x| {
            let (known, parameters) = x[1..].split_at(known.len());
            let known: Vec<_> = known.iter().map(|known| known.mean).collect();
            let normalised = statistics.element(a, grouping.formula, x[0], &known);
            match *parameters {
                [] => normalised,
                [gamma] => moments::mul(a, normalised, gamma),
                [gamma, beta, ..] => moments::multiply_add(a, normalised, gamma, beta),
            }
        });
        self.each(result, |x| self.reshape(x, shape))
    }
}

impl Statistics {
    fn of(rows: &Rows, formula: Normalised) -> Self {
        let share = 1.0 / formula.count;
        let centre = match formula.centred {
            true => {
                let means = rows.sums(&[], 1, |a, x, _, sums| {
                    let share = a.constant(share);
                    vec![a.fma(x.mean, share, sums[0])]
                });
                vec![means[0]]
            }
            false => vec![],
        };
        let has_variance = rows.has_variance();
        let count = 1 + centre.len() + usize::from(has_variance);
        // The mean square, the mean of the variances, and how far the mean is from the centre: this
        // is little, but not beside deviations that are little too.
        let squares = rows.sums(&centre, count, |a, x, centre, sums| {
            let share = a.constant(share);
            let d = centred(a, x.mean, centre);
            let part = a.mul(d, share);
            let mut next = vec![a.fma(d, part, sums[0])];
            next.extend(x.variance.map(|variance| a.fma(variance, share, sums[1])));
            next.extend(centre.first().map(|_| a.add(part, sums[count - 1])));
            next
        });
        let variance = has_variance.then(|| squares[1]);
        let offset = (!centre.is_empty()).then(|| squares[count - 1]);
        let inputs = [Some(squares[0]), variance, offset].into_iter().flatten().collect::<Vec<_>>();
        let scale = rows.each(&inputs, |a, x| {
            let square = match offset {
                Some(_) => {
                    let zero = a.constant(0.0);
                    let offset = x[x.len() - 1];
                    let square = a.negated_fma(offset, offset, x[0]);
                    a.select_ge(zero, square, zero, square)
                }
                None => x[0],
            };
            formula.scale(a, square, variance.map(|_| x[1]))
        });
        let centre = centre.into_iter().chain(offset).collect::<Vec<_>>();
        let spread = match variance {
            Some(variance) => {
                let w = rows.each(&[variance, scale], |a, x| {
                    let [_, w] = formula.scaled(a, x[1], x[0], x[1]);
                    w
                });
                let inputs = [&centre[..], &[scale]].concat();
                let rest = rows.sums(&inputs, 3, |a, x, known, sums| {
                    let (centre, scale) = known.split_at(known.len() - 1);
                    let d = centred(a, x.mean, centre);
                    let variance = x.variance.unwrap_or(d);
                    let scaled = formula.scaled(a, d, variance, scale[0]);
                    let terms = formula.terms(a, scaled);
                    terms.into_iter().zip(sums).map(|(term, &sum)| a.add(term, sum)).collect()
                });
                [vec![w], rest].concat()
            }
            None => vec![],
        };
        Self { centre, scale, spread }
    }

    fn all(&self) -> Vec<Value> {
        [&self.centre[..], &[self.scale], &self.spread].concat()
    }

    /// The normalised element x, where `known` are the elements of [`Statistics::all`].
    fn element(
        &self,
        a: &mut Payload,
        formula: Normalised,
        x: Moments<Value>,
        known: &[Value],
    ) -> Moments<Value> {
        let (centre, rest) = known.split_at(self.centre.len());
        let d = centred(a, x.mean, centre);
        match (x.variance, rest) {
            (Some(variance), &[scale, w, b, c, d_square]) => {
                let scaled = formula.scaled(a, d, variance, scale);
                formula.element(a, scaled, Spread { a: w, b, c, d: d_square })
            }
            _ => Moments::deterministic(a.mul(d, rest[0])),
        }
    }
}

/// A number less the centre of its group, given in two parts, of which the second may be missing.
fn centred(a: &mut Payload, x: Value, centre: &[Value]) -> Value {
    centre.iter().fold(x, |x, &part| a.sub(x, part))
}
