//! The Laplace bridge: from Gaussian logits to a Dirichlet distribution.
//!
//! # Conditioning
//!
//! The bridge is for logits that sum to zero. Conditioned on that, with v̄ = Σv/C and
//! m̄ = Σm/C,
//!
//! ```text
//! mean      m − v·Σm/Σv  = (m − m̄) − m̄·(v − v̄)/v̄
//! variance  v − v²/Σv    = v·w/Σv      where w is the sum of the other variances
//! ```
//!
//! The right-hand sides subtract what is left where it is small: logits that have a large
//! part in common, and a class that has nearly all of the variance.
//!
//! # Uncertainty
//!
//! With p = α/α₀ and the digamma function ψ, two forms of one identity:
//!
//! ```text
//! aleatoric = Σ pₖ(ψ(α₀ + 1) − ψ(αₖ + 1))          for α₀ ≤ 1, where it is the smaller part
//! epistemic = (Σ g(αₖ) − g(α₀))/α₀                 beyond, g(x) = x(ψ(x + 1) − ln x)
//! ```
//!
//! No term of either is large where the sum is small. The other part is what is left of
//! the total.

use super::{
    Axis, Prediction, Special, Tables, Uncertainty, at_least, at_most, bounded, entropy, largest,
    normalised, not_negative, others, sum,
};
use crate::moments::{Arithmetic, Elementary};

/// Variances outside of this range count as its ends: their reciprocals are normal numbers
/// in `f32`.
const LEAST_VARIANCE: f64 = 1e-30;
const LARGEST_VARIANCE: f64 = 1e30;

/// Concentrations α₀ outside of this range count as its ends: beyond them the mutual
/// information is all or nothing of the entropy.
const LEAST_CONCENTRATION: f64 = 1e-20;
const LARGEST_CONCENTRATION: f64 = 1e30;

/// A Dirichlet distribution: αₖ = `weights`ₖ/`scale`. The quotient may overflow where
/// the parts do not.
pub struct Dirichlet<T> {
    /// Positive, one for each class.
    weights: T,
    /// Between 0 and 1, one for each item.
    scale: T,
}

/// The distribution of the bridge for Gaussian logits of two classes or more.
pub fn bridge<R: Tables>(r: &mut R, mean: &R::Table, variance: &R::Table) -> Dirichlet<R::Table> {
    let variance = r.map([variance], |a, [v]| {
        let v = at_least(a, v, LEAST_VARIANCE);
        at_most(a, v, LARGEST_VARIANCE)
    });
    let mean = conditional_mean(r, mean, &variance);
    let variance = conditional_variance(r, &variance);
    of_conditional(r, mean, variance)
}

/// As [`bridge`], of correlated logits: with the row sums s of their covariances and Σs of all of them,
/// m ← m − s·Σm/Σs and v ← v − s²/Σs, at least [`LEAST_VARIANCE`] where rounding leaves less.
pub fn correlated_bridge<R: Tables>(
    r: &mut R,
    mean: &R::Table,
    variance: &R::Table,
    covariance: &R::Table,
) -> Dirichlet<R::Table> {
    let rows = r.fold(Axis::Rivals, 0.0, [covariance], |a, sum, [c]| a.add(sum, c));
    let (all, total) = (sum(r, &rows), sum(r, mean));
    // The share of a row in the sum of all; none of a sum that does not vary.
    let shares = r.map([&rows, &all], |a, [row, all]| {
        let (zero, least) = (a.constant(0.0), a.constant(LEAST_VARIANCE));
        let share = a.div(row, all);
        a.select_ge(all, least, share, zero)
    });
    let mean = r.map([mean, &shares, &total], |a, [m, share, total]| {
        let mean = a.negated_fma(share, total, m);
        bounded(a, mean)
    });
    let variance = r.map([variance, &shares, &rows], |a, [v, share, row]| {
        let left = a.negated_fma(share, row, v);
        let left = at_least(a, left, LEAST_VARIANCE);
        at_most(a, left, LARGEST_VARIANCE)
    });
    of_conditional(r, mean, variance)
}

/// The distribution for logits that sum to zero.
fn of_conditional<R: Tables>(r: &mut R, mean: R::Table, variance: R::Table) -> Dirichlet<R::Table> {
    let classes = r.classes() as f64;
    let largest = largest(r, &mean);
    let lowest =
        r.fold(Axis::Classes, f64::INFINITY, [&mean], |a, lowest, [m]| a.min_or(m, lowest));
    // e^(m − largest), and Σ e^(lowest − m): their product is scaled by e^(lowest − largest).
    let above = r.map([&mean, &largest], |a, [m, largest]| {
        let below = a.sub(m, largest);
        a.exp(below)
    });
    let below = r.fold(Axis::Classes, 0.0, [&mean, &lowest], |a, sum, [m, lowest]| {
        let above = a.sub(lowest, m);
        let power = a.exp(above);
        a.add(sum, power)
    });
    let scale = r.map([&lowest, &largest], |a, [lowest, largest]| {
        let difference = a.sub(lowest, largest);
        a.exp(difference)
    });
    let weights = r.map([&above, &below, &scale, &variance], move |a, inputs| {
        let [above, below, scale, v] = inputs;
        let offset = a.constant(1.0 - 2.0 / classes);
        let factor = a.constant(1.0 / (classes * classes));
        let product = a.mul(above, below);
        let offset = a.mul(scale, offset);
        let numerator = a.fma(product, factor, offset);
        a.div(numerator, v)
    });
    Dirichlet { weights, scale }
}

/// m − v·Σm/Σv.
fn conditional_mean<R: Tables>(r: &mut R, mean: &R::Table, variance: &R::Table) -> R::Table {
    let [average_mean, average_variance] = [mean, variance].map(|x| average(r, x));
    r.map([mean, variance, &average_mean, &average_variance], |a, [m, v, of_m, of_v]| {
        let distance = a.sub(m, of_m);
        let distance = bounded(a, distance);
        let excess = a.sub(v, of_v);
        let ratio = a.div(excess, of_v);
        let shift = a.mul(of_m, ratio);
        let shift = bounded(a, shift);
        a.sub(distance, shift)
    })
}

/// v·w/Σv with the sum w of the other variances: the smaller of the two times a share that
/// is no smaller than ½.
fn conditional_variance<R: Tables>(r: &mut R, variance: &R::Table) -> R::Table {
    let (all, rest) = (sum(r, variance), others(r, variance));
    r.map([variance, &rest, &all], |a, [v, rest, all]| {
        let [share, share_of_rest] = [v, rest].map(|part| a.div(part, all));
        let of_most = a.mul(rest, share);
        let of_few = a.mul(v, share_of_rest);
        a.select_ge(v, rest, of_most, of_few)
    })
}

/// The mean along the classes; no sum of finite numbers overflows.
fn average<R: Tables>(r: &mut R, x: &R::Table) -> R::Table {
    let weight = 1.0 / r.classes() as f64;
    r.fold(Axis::Classes, 0.0, [x], move |a, sum, [x]| {
        let weight = a.constant(weight);
        a.fma(x, weight, sum)
    })
}

impl<T> Dirichlet<T> {
    /// The mean αₖ/α₀ and the uncertainty.
    pub fn predict<R: Tables<Table = T>>(&self, r: &mut R) -> Prediction<T> {
        let p = normalised(r, &self.weights);
        let total = entropy(r, &p);
        let weight = sum(r, &self.weights);
        let concentration = r.map([&weight, &self.scale], |a, [weight, scale]| {
            let concentration = a.div(weight, scale);
            let largest = a.constant(LARGEST_CONCENTRATION);
            let concentration = a.min_or(concentration, largest);
            at_least(a, concentration, LEAST_CONCENTRATION)
        });
        let inputs = [&p, &concentration];
        let gains = r.fold(Axis::Classes, 0.0, inputs, |a, sum, [p, concentration]| {
            let alpha = a.mul(p, concentration);
            let gain = a.information(alpha);
            a.add(sum, gain)
        });
        let expected = r.fold(Axis::Classes, 0.0, inputs, |a, sum, [p, concentration]| {
            let one = a.constant(1.0);
            let concentration = a.min_or(concentration, one);
            let alpha = a.mul(p, concentration);
            let (of_all, of_class) = (a.digamma_rise(concentration), a.digamma_rise(alpha));
            let entropy = a.sub(of_all, of_class);
            a.fma(p, entropy, sum)
        });
        // What the form at hand computes: aleatoric for α₀ ≤ 1, else epistemic.
        let part = r.map([&gains, &expected, &concentration, &total], |a, inputs| {
            let [gains, expected, concentration, total] = inputs;
            let gain = a.information(concentration);
            let difference = a.sub(gains, gain);
            let information = a.div(difference, concentration);
            let one = a.constant(1.0);
            let part = a.select_ge(one, concentration, expected, information);
            let part = not_negative(a, part);
            // No more than there is; also where that is not a number.
            a.min_or(part, total)
        });
        let other = r.map([&total, &part], |a, [total, part]| {
            let rest = a.sub(total, part);
            not_negative(a, rest)
        });
        let choose = |r: &mut R, small: &T, large: &T| {
            r.map([small, large, &concentration], |a, [small, large, concentration]| {
                let one = a.constant(1.0);
                a.select_ge(one, concentration, small, large)
            })
        };
        let aleatoric = choose(r, &part, &other);
        let epistemic = choose(r, &other, &part);
        let uncertainty = Uncertainty { total, aleatoric, epistemic };
        Prediction { probabilities: p, uncertainty }
    }
}
