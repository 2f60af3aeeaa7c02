//! The maximum of Gaussians that are independent, or whose covariances are known.

use super::{Arithmetic, Moments, TAIL_LIMIT_F32, Tail, tail::TAIL_LIMIT_F64};

/// The maximum of two Gaussians, and with what weights others vary with it.
#[derive(Debug, Clone, Copy)]
pub struct Maximum<V> {
    /// The maximum, taken as Gaussian again.
    pub moments: Moments<V>,
    means: [V; 2],
    /// a = |m₁ − m₂|/θ; not a number where both are 0.
    ratio: V,
    tail: Tail<V>,
}

impl<V: Copy> Maximum<V> {
    /// Of two numbers, and their covariance where they have one.
    ///
    /// Clark 1961. The difference of the numbers has the variance θ² = v + w − 2c, of which a
    /// covariance beyond what rounding leaves of it takes nothing below 0; nor does it the variance.
    pub fn of<A: Arithmetic<Value = V>>(
        a: &mut A,
        [x, y]: [Moments<V>; 2],
        covariance: Option<V>,
    ) -> Self {
        let means @ [m, n] = [x.mean, y.mean];
        let larger = a.max(m, n);
        let [v, w] = [x, y].map(|number| number.variance.unwrap_or_else(|| a.constant(0.0)));
        let square = match covariance {
            None => a.add(v, w),
            Some(c) => {
                // Exact where c is near v and w; v + w would round before what it is near to goes.
                let [v, w] = [v, w].map(|variance| a.sub(variance, c));
                let sum = a.add(v, w);
                not_below_zero(a, sum)
            }
        };
        let theta = a.sqrt(square);
        let difference = a.sub(m, n);
        let quotient = a.div(difference, theta);
        let ratio = a.abs(quotient);
        let tail = a.tail(ratio);
        let mean = a.fma(theta, tail.j, larger);
        let high = a.select_ge(m, n, v, w);
        let low = a.select_ge(m, n, w, v);
        let (lower, upper) = (tail.lower(a), tail.upper(a));
        let of_low = a.mul(low, lower);
        let mut maximum = Self { moments: Moments::deterministic(mean), means, ratio, tail };
        let mut variance = a.fma(high, upper, of_low);
        if let Some(c) = covariance {
            let common = maximum.common(a);
            variance = a.fma(c, common, variance);
            variance = not_below_zero(a, variance);
        }
        maximum.moments.variance = Some(variance);
        maximum
    }

    /// a where it is a number at which the tail is not yet 0.
    fn finite_ratio<A: Arithmetic<Value = V>>(&self, a: &mut A) -> V {
        let limit = a.by_precision([TAIL_LIMIT_F32, TAIL_LIMIT_F64]);
        let limit = a.constant(limit);
        a.min_or(self.ratio, limit)
    }

    /// 1 − U − L = 2J(a + J): the share of the covariance in the variance.
    fn common<A: Arithmetic<Value = V>>(&self, a: &mut A) -> V {
        let ratio = self.finite_ratio(a);
        let sum = a.add(ratio, self.tail.j);
        let half = a.mul(self.tail.j, sum);
        a.add(half, half)
    }

    /// The weights of the two numbers: the probabilities that each is the larger one.
    pub fn weights<A: Arithmetic<Value = V>>(&self, a: &mut A) -> [V; 2] {
        let ratio = self.finite_ratio(a);
        // Q = K + aJ.
        let of_low = a.fma(ratio, self.tail.j, self.tail.k);
        let one = a.constant(1.0);
        let of_high = a.sub(one, of_low);
        let [m, n] = self.means;
        [a.select_ge(m, n, of_high, of_low), a.select_ge(m, n, of_low, of_high)]
    }
}

/// The maximum of two independent numbers, taken as Gaussian again. A mean of
/// −∞ with variance 0 is the neutral element.
pub fn max<A: Arithmetic>(
    a: &mut A,
    x: Moments<A::Value>,
    y: Moments<A::Value>,
) -> Moments<A::Value> {
    match (x.variance, y.variance) {
        (None, None) => Moments::deterministic(a.max(x.mean, y.mean)),
        _ => Maximum::of(a, [x, y], None).moments,
    }
}

/// What is not a number is not below 0: it stays.
fn not_below_zero<A: Arithmetic>(a: &mut A, x: A::Value) -> A::Value {
    let zero = a.constant(0.0);
    a.select_ge(zero, x, zero, x)
}

/// How many pairs so many elements make.
pub fn pairs(elements: usize) -> usize {
    elements * elements.saturating_sub(1) / 2
}

/// The maximum of the elements of a window, which are there row by row, with the covariances of
/// their pairs: (0, 1), (0, 2), .., (1, 2), ..
///
/// Maxima of two, each taken as Gaussian again: along the last axis of the `kernel` first, then along those
/// before it. A maximum varies with another element as the two that it is of do, each with the probability that it
/// is the larger one.
pub fn max_of_window<A: Arithmetic>(
    a: &mut A,
    kernel: &[i64],
    elements: &[Moments<A::Value>],
    covariances: &[A::Value],
) -> Moments<A::Value> {
    let number = elements.len();
    // The covariances by first and second element, the first one before the second one.
    let mut of_pair: Vec<Vec<Option<A::Value>>> = vec![vec![None; number]; number];
    let all = (0..number).flat_map(|i| (i + 1..number).map(move |j| (i, j)));
    for ((i, j), &covariance) in all.zip(covariances) {
        of_pair[i][j] = Some(covariance);
    }
    let mut values = elements.to_vec();
    // The elements that are left, each the maximum of those that went into it.
    let mut left: Vec<usize> = (0..number).collect();
    for &size in kernel.iter().rev() {
        let group = usize::try_from(size).unwrap_or(1).max(1);
        let mut first_of_groups = Vec::new();
        for start in (0..left.len()).step_by(group) {
            let into = left[start];
            let end = (start + group).min(left.len());
            for &from in &left[start + 1..end] {
                let maximum = Maximum::of(a, [values[into], values[from]], of_pair[into][from]);
                values[into] = maximum.moments;
                join(a, &maximum, [into, from], &mut of_pair);
            }
            first_of_groups.push(into);
        }
        left = first_of_groups;
    }
    values.first().copied().unwrap_or_else(|| Moments::deterministic(a.constant(0.0)))
}

/// Puts the covariances of the maximum of two elements with all others in the place of those of the first,
/// and takes those of the second away.
fn join<A: Arithmetic>(
    a: &mut A,
    maximum: &Maximum<A::Value>,
    [into, from]: [usize; 2],
    of_pair: &mut [Vec<Option<A::Value>>],
) {
    of_pair[into][from] = None;
    let mut weights = None;
    for other in 0..of_pair.len() {
        let place = |one: usize| (one.min(other), one.max(other));
        let ((i, j), (k, l)) = (place(into), place(from));
        let (Some(first), Some(second)) = (of_pair[i][j], of_pair[k][l].take()) else { continue };
        let [p, q] = *weights.get_or_insert_with(|| maximum.weights(a));
        let of_second = a.mul(q, second);
        of_pair[i][j] = Some(a.fma(p, first, of_second));
    }
}
