//! The maximum of Gaussians that are independent, or whose covariances are known.

use super::{Arithmetic, Moments, TAIL_LIMIT_F32, Tail, tail::TAIL_LIMIT_F64};

/// The maximum of two Gaussians, and with what weights others vary with it.
#[derive(Debug, Clone, Copy)]
pub struct Maximum<V> {
    /// The maximum, taken as Gaussian again.
    pub moments: Moments<V>,
    means: [V; 2],
    theta: V,
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
        // Not m − n: where both are equal, all comparisons take m for the larger one.
        let difference = a.sub(n, m);
        let quotient = a.div(difference, theta);
        let ratio = a.abs(quotient);
        let tail = a.tail(ratio);
        let mean = a.fma(theta, tail.j, larger);
        let high = a.select_ge(m, n, v, w);
        let low = a.select_ge(m, n, w, v);
        let (lower, upper) = (tail.lower(a), tail.upper(a));
        let of_low = a.mul(low, lower);
        let moments = Moments::deterministic(mean);
        let mut maximum = Self { moments, means, theta, ratio, tail };
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

    /// Q = K + aJ: the probability that the number with the smaller mean is the larger one.
    fn rarer<A: Arithmetic<Value = V>>(&self, a: &mut A) -> V {
        let ratio = self.finite_ratio(a);
        a.fma(ratio, self.tail.j, self.tail.k)
    }

    /// φ = J + aQ.
    fn density<A: Arithmetic<Value = V>>(&self, a: &mut A) -> V {
        let (ratio, rarer) = (self.finite_ratio(a), self.rarer(a));
        a.fma(ratio, rarer, self.tail.j)
    }

    /// The weights of the two numbers: the probabilities that each is the larger one. With them both enter the
    /// covariance of the maximum with a third Gaussian.
    pub fn weights<A: Arithmetic<Value = V>>(&self, a: &mut A) -> [V; 2] {
        let of_low = self.rarer(a);
        let one = a.constant(1.0);
        let of_high = a.sub(one, of_low);
        let [m, n] = self.means;
        [a.select_ge(m, n, of_high, of_low), a.select_ge(m, n, of_low, of_high)]
    }

    /// What the covariance of two maxima is more than the weights of their numbers say, where c is the covariance of
    /// the differences of these: c²/2·φφ′/(θθ′), the second term of Price's theorem (1958). Two maxima of the same
    /// numbers bend at the same place.
    fn beyond_weights<A: Arithmetic<Value = V>>(&self, a: &mut A, other: &Self, c: V) -> V {
        let densities = [self.density(a), other.density(a)];
        let (size, scale) = (a.abs(c), a.mul(self.theta, other.theta));
        // A difference without variance has no covariance.
        let quotient = a.div(size, scale);
        let one = a.constant(1.0);
        let correlation = a.min_or(quotient, one);
        let product = a.mul(densities[0], densities[1]);
        let square = a.mul(correlation, size);
        let half = a.constant(0.5);
        let square = a.mul(square, half);
        a.mul(square, product)
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
/// is the larger one, and with another maximum a little more.
pub fn max_of_window<A: Arithmetic>(
    a: &mut A,
    kernel: &[i64],
    elements: &[Moments<A::Value>],
    covariances: &[A::Value],
) -> Moments<A::Value> {
    let number = elements.len();
    let mut of_pair = vec![vec![None; number]; number];
    let all = (0..number).flat_map(|i| (i + 1..number).map(move |j| (i, j)));
    for ((i, j), &covariance) in all.zip(covariances) {
        of_pair[i][j] = Some(covariance);
    }
    let mut fold = Fold { values: elements.to_vec(), of_pair, joined: vec![None; number] };
    // The elements that are left, each the maximum of those that went into it.
    let mut left: Vec<usize> = (0..number).collect();
    for &size in kernel.iter().rev() {
        let group = usize::try_from(size).unwrap_or(1).max(1);
        let groups = left.chunks(group);
        for members in groups.clone() {
            members[1..].iter().for_each(|&from| fold.join(a, members[0], from));
        }
        left = groups.map(|members| members[0]).collect();
    }
    fold.values[0]
}

/// The elements of a window on their way to its maximum.
struct Fold<V> {
    values: Vec<Moments<V>>,
    /// The covariances by first and second element, the first one before the second one.
    of_pair: Vec<Vec<Option<V>>>,
    /// The last maximum that went into an element.
    joined: Vec<Option<Joined<V>>>,
}

/// A maximum, and what covariances its two numbers have with the others.
#[derive(Clone)]
struct Joined<V> {
    maximum: Maximum<V>,
    with: Vec<Option<[V; 2]>>,
}

impl<V: Copy> Fold<V> {
    /// Puts the maximum of two elements in the place of the first one.
    fn join<A: Arithmetic<Value = V>>(&mut self, a: &mut A, into: usize, from: usize) {
        let covariance = self.of_pair[into][from].take();
        let maximum = Maximum::of(a, [self.values[into], self.values[from]], covariance);
        self.values[into] = maximum.moments;
        let mut weights = None;
        let mut with = vec![None; self.values.len()];
        for other in 0..with.len() {
            let place = |one: usize| (one.min(other), one.max(other));
            let ((i, j), (k, l)) = (place(into), place(from));
            let (first, second) = (self.of_pair[i][j], self.of_pair[k][l].take());
            let (Some(first), Some(second)) = (first, second) else { continue };
            with[other] = Some([first, second]);
            let [p, q] = *weights.get_or_insert_with(|| maximum.weights(a));
            let of_second = a.mul(q, second);
            let mut sum = a.fma(p, first, of_second);
            if let Some(Joined { maximum: earlier, with }) = &self.joined[other]
                && let (Some(x), Some(y)) = (with[into], with[from])
            {
                let [x, y] = [x, y].map(|[first, second]| a.sub(first, second));
                let of_differences = a.sub(x, y);
                let more = maximum.beyond_weights(a, earlier, of_differences);
                sum = a.add(sum, more);
            }
            self.of_pair[i][j] = Some(sum);
        }
        self.joined[into] = Some(Joined { maximum, with });
    }
}
