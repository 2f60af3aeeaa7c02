//! The moments of elements that are divided by the deviation of all of them.
//!
//! For n independent xᵢ with means mᵢ and variances vᵢ, let dᵢ = mᵢ − mean of the m where elements
//! are centred (layer, group and instance normalisation), and mᵢ where they are not (root mean
//! square). The sample's mean square s² has the expectation
//!
//! ```text
//! S² = mean(d²) + mean(v)·(1 − 1/n) + ε        without −1/n where nothing is centred
//! ```
//!
//! and a result is (xᵢ − x̄)/√(s² + ε). Around the expectations, with r = d/S and w = v/S²,
//!
//! ```text
//! A = mean(w)    B = mean(r·w)    C = mean(r²·w)    D = mean(w²)
//! q = D·(1 − 2/n) + A²/n                            D where nothing is centred
//! κ = (2q + 4C)/n                                   the variance of s² in units of S⁴
//! hᵢ = (1 + rᵢ²)/n                                  rᵢ²/n
//! uᵢ = wᵢ·(1 − 2/n) + A/n                           wᵢ
//!
//! mean     = rᵢ·(1 + 3κ/8) − (rᵢwᵢ − B)/n           B = 0
//! variance = ( wᵢ·(1 − hᵢ)² + (A + 2rᵢB + rᵢ²C)/n − wᵢhᵢ² + rᵢ²q/2n )·(1 + κ)/(1 + 2uᵢ/n)
//! ```
//!
//! The mean is that of the Taylor polynomial of degree 2 about the expectations. The first bracket is
//! the delta method: a sum of the squares of all derivatives times their variances, of which the
//! element's own stands apart, so that nothing cancels but what is of the others; the last term is of
//! the curvature of s². The quotient holds what is of higher order where the deviations are not small
//! beside S: the element's own share of s², and the spread of s².

use super::{Arithmetic, Moments};

/// How elements are normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalised {
    /// How many are normalised together.
    pub count: f64,
    /// Is their mean subtracted?
    pub centred: bool,
    /// What is added to their mean square.
    pub epsilon: f64,
}

/// Means over the elements, which [`Normalised::element`] needs.
#[derive(Debug, Clone, Copy)]
pub struct Spread<V> {
    /// Of w.
    pub a: V,
    /// Of r·w.
    pub b: V,
    /// Of r²·w.
    pub c: V,
    /// Of w².
    pub d: V,
}

impl Normalised {
    /// 1/S, from the mean of the squares of d and that of the variances.
    pub fn scale<A: Arithmetic>(
        &self,
        a: &mut A,
        square: A::Value,
        variance: Option<A::Value>,
    ) -> A::Value {
        let epsilon = a.constant(self.epsilon);
        let square = match variance {
            Some(variance) => {
                let share = if self.centred { 1.0 - 1.0 / self.count } else { 1.0 };
                let share = a.constant(share);
                a.fma(variance, share, square)
            }
            None => square,
        };
        let sum = a.add(square, epsilon);
        let root = a.sqrt(sum);
        let one = a.constant(1.0);
        a.div(one, root)
    }

    /// r and w of an element, from d and v.
    pub fn scaled<A: Arithmetic>(
        &self,
        a: &mut A,
        d: A::Value,
        variance: A::Value,
        scale: A::Value,
    ) -> [A::Value; 2] {
        let r = a.mul(d, scale);
        let w = a.mul(variance, scale);
        let w = a.mul(w, scale);
        // No variance is larger in units of S², but it may be infinite where S is nearly 0.
        let n = self.count;
        let most = match self.centred {
            true if n > 1.0 => n * n / (n - 1.0),
            true => 0.0,
            false => n,
        };
        let most = a.constant(most);
        [r, a.min_or(w, most)]
    }

    /// What an element adds to the sums of r·w, r²·w and w², each over n.
    pub fn terms<A: Arithmetic>(&self, a: &mut A, [r, w]: [A::Value; 2]) -> [A::Value; 3] {
        let share = a.constant(1.0 / self.count);
        let part = a.mul(w, share);
        let single = a.mul(r, part);
        [single, a.mul(r, single), a.mul(w, part)]
    }

    /// Mean and variance of an element.
    pub fn element<A: Arithmetic>(
        &self,
        a: &mut A,
        [r, w]: [A::Value; 2],
        spread: Spread<A::Value>,
    ) -> Moments<A::Value> {
        let [zero, one, two] = [0.0, 1.0, 2.0].map(|value| a.constant(value));
        let share = a.constant(1.0 / self.count);
        let Spread { a: mean_w, b, c, d } = spread;
        let square = a.mul(r, r);
        let product = a.mul(r, w);
        // q, h, u, what the first bracket adds for all elements, and r·w less its mean.
        let (q, h, u, all, own) = match self.centred {
            true => {
                let rest = a.constant(1.0 - 2.0 / self.count);
                let mean_square = a.mul(mean_w, mean_w);
                let mean_square = a.mul(mean_square, share);
                let q = a.fma(d, rest, mean_square);
                let h = a.add(one, square);
                let h = a.mul(h, share);
                let mean_share = a.mul(mean_w, share);
                let u = a.fma(w, rest, mean_share);
                let twice = a.add(r, r);
                let all = a.fma(twice, b, mean_w);
                let all = a.fma(square, c, all);
                (q, h, u, all, a.sub(product, b))
            }
            false => (d, a.mul(square, share), w, a.mul(square, c), product),
        };
        let four = a.constant(4.0);
        let kappa = a.add(q, q);
        let kappa = a.fma(four, c, kappa);
        let kappa = a.mul(kappa, share);

        let three_eighths = a.constant(0.375);
        let growth = a.fma(three_eighths, kappa, one);
        let grown = a.mul(r, growth);
        let mean = a.negated_fma(own, share, grown);

        let left = a.sub(one, h);
        let weight = a.mul(left, left);
        let alone = a.mul(w, weight);
        let square_h = a.mul(h, h);
        let of_own = a.mul(w, square_h);
        let of_all = a.mul(all, share);
        let of_others = a.sub(of_all, of_own);
        // Not `max`, which a number that is none would not pass.
        let of_others = a.select_ge(zero, of_others, zero, of_others);
        let half_share = a.constant(0.5 / self.count);
        let curved = a.mul(square, q);
        let sum = a.add(alone, of_others);
        let sum = a.fma(curved, half_share, sum);
        let more = a.add(one, kappa);
        let less = a.mul(two, u);
        let less = a.fma(less, share, one);
        let factor = a.div(more, less);
        Moments::gaussian(mean, a.mul(sum, factor))
    }
}
