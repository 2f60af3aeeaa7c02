//! A softmax of independent Gaussians whose results are Gaussians again, for use within a network.
//!
//! A result is the logistic function of its log-odds zᵢ − ln Σ_{j≠i} e^(zⱼ). With eⱼ = e^(mⱼ − peak)
//! and qⱼ = eⱼ/Σ_{k≠i} eₖ these have, to the second order in the deviations of the others,
//!
//! ```text
//! mean      lᵢ = mᵢ − ln Σ_{j≠i} e^(mⱼ) − ½ Σ_{j≠i} qⱼ(1 − qⱼ)vⱼ
//! variance  τᵢ = vᵢ + Σ_{j≠i} qⱼ²vⱼ
//! ```
//!
//! of which the last term of the mean is at most √(2·ln n·max v), how far the largest of n Gaussians
//! is above their mean. The moments of the logistic function are those of `gauss.sigmoid`. Sums over
//! all others are sums over all less one element; [`Sums`] tells why nothing is lost. At last all
//! results of a row are divided by the sum of their means.

use super::activation::Activation;
use crate::{
    attributes::{AttributeList, Attributes},
    ir::DYNAMIC,
    moments::{self, Elementary, Moments},
    types::TensorType,
};

/// `gauss.attention_weights`: a softmax along the last dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// What the logits are multiplied by.
    pub scale: f64,
    /// Does row i see but the columns up to i, counted from the last of both?
    pub causal: bool,
}

/// A logit that is not seen: none is smaller.
pub const UNSEEN: f64 = -(f32::MAX as f64);

/// What a sum of all but one is at least, where there are no others.
const LEAST: f64 = 1e-30;

/// The log-odds of an element that is alone; none are larger.
const CERTAIN: f64 = 1e15;

/// What a row adds up to. The elements of the largest mean, its peaks, are apart from those below
/// them: less one element, neither sum loses what counts of the others. Those below are measured by the
/// largest of them, so that the squares of their powers do not vanish beside a peak far above.
#[derive(Debug, Clone, Copy)]
pub struct Sums<V> {
    /// The largest mean.
    pub peak: V,
    /// The largest mean below that; [`UNSEEN`] where there is none.
    pub second: V,
    /// The largest variance.
    pub most: V,
    /// The sums of [`terms`].
    pub terms: [V; TERMS],
}

/// How many sums a row has.
pub const TERMS: usize = 5;

/// The mean of an element below the peaks of its row; [`UNSEEN`] of a peak.
pub fn below_peak<A: Elementary>(a: &mut A, mean: A::Value, peak: A::Value) -> A::Value {
    let unseen = a.constant(UNSEEN);
    a.select_ge(mean, peak, unseen, mean)
}

/// What an element adds to the sums of its row: a peak 1 and v, one below e = e^(m − second), e·v and
/// e²·v.
pub fn terms<A: Elementary>(
    a: &mut A,
    mean: A::Value,
    variance: A::Value,
    peak: A::Value,
    second: A::Value,
) -> [A::Value; TERMS] {
    let [zero, one] = [0.0, 1.0].map(|value| a.constant(value));
    let [count, of_peak] = [one, variance].map(|value| a.select_ge(mean, peak, value, zero));
    let below = a.sub(mean, second);
    let below = a.min_or(below, zero);
    let e = a.decay(below);
    let e = a.select_ge(mean, peak, zero, e);
    let ev = a.mul(e, variance);
    [count, of_peak, e, ev, a.mul(e, ev)]
}

/// A result before the last division, of `count` elements in a row.
pub fn weight<A: Elementary>(
    a: &mut A,
    mean: A::Value,
    variance: A::Value,
    sums: Sums<A::Value>,
    count: f64,
) -> Moments<A::Value> {
    let own = terms(a, mean, variance, sums.peak, sums.second);
    let [zero, one] = [0.0, 1.0].map(|value| a.constant(value));
    let mut others = sums.terms;
    for (sum, own) in others.iter_mut().zip(own) {
        let other = a.sub(*sum, own);
        *sum = a.max(other, zero);
    }
    let [peaks, of_peaks, e, ev, eev] = others;
    // The largest of the others: a peak, or the second where the element is the only peak.
    let down = a.sub(sums.second, sums.peak);
    let power = a.decay(down);
    let half = a.constant(0.5);
    let [largest, power] = a.choose_ge(peaks, half, [sums.peak, power], [sums.second, one]);
    let [e, ev, eev] = [e, ev, eev].map(|sum| a.mul(sum, power));
    let eev = a.mul(eev, power);
    let least = a.constant(LEAST);
    let rest = a.add(peaks, e);
    let rest = a.max(rest, least);
    // Both are means of variances, weighted by q and by q².
    let single = a.add(of_peaks, ev);
    let average = a.div(single, rest);
    let average = a.min_or(average, sums.most);
    let double = a.add(of_peaks, eev);
    let shared = a.div(double, rest);
    let shared = a.div(shared, rest);
    let shared = a.min_or(shared, average);
    let rise = a.sub(average, shared);
    let rise = a.mul(rise, half);
    let reach = a.constant(2.0 * count.ln());
    let reach = a.mul(reach, sums.most);
    let reach = a.sqrt(reach);
    let rise = a.min_or(rise, reach);
    let log = a.ln(rest);
    let above = a.sub(mean, largest);
    let odds = a.sub(above, log);
    let odds = a.sub(odds, rise);
    let [certain, impossible] = [CERTAIN, -CERTAIN].map(|value| a.constant(value));
    let odds = a.min_or(odds, certain);
    let odds = a.max(odds, impossible);
    let odds = a.select_ge(least, rest, certain, odds);
    let spread = a.add(variance, shared);
    Activation::SIGMOID.moments(a, Moments::gaussian(odds, spread))
}

/// The mean of a result before the last division, as one of the large of its row or of the others.
pub fn share<A: Elementary>(a: &mut A, mean: A::Value) -> [A::Value; 2] {
    let [zero, half] = [0.0, 0.5].map(|value| a.constant(value));
    [a.select_ge(mean, half, mean, zero), a.select_ge(mean, half, zero, mean)]
}

/// A result divided by the sum of the means of its row, which is that of the large and that of the
/// others. A number from 0 to 1 with the mean m has a variance of at most m(1 − m), where 1 − m is the
/// share of all but it.
pub fn normalised<A: Elementary>(
    a: &mut A,
    weight: Moments<A::Value>,
    sums: [A::Value; 2],
) -> Moments<A::Value> {
    let least = a.constant(LEAST);
    let sum = a.add(sums[0], sums[1]);
    let sum = a.max(sum, least);
    let Moments { mean, variance } = moments::div(a, weight, sum);
    let variance = variance.map(|variance| {
        let zero = a.constant(0.0);
        let own = share(a, weight.mean);
        let [large, small] = [0, 1].map(|group| a.sub(sums[group], own[group]));
        let rest = a.add(large, small);
        let rest = a.max(rest, zero);
        let rest = a.div(rest, sum);
        let most = a.mul(mean, rest);
        a.min_or(variance, most)
    });
    Moments { mean, variance }
}

impl Weights {
    /// The op, without the dialect.
    pub const NAME: &'static str = "attention_weights";

    /// Reads the attributes.
    ///
    /// # Errors
    ///
    /// Where one has no meaning.
    pub fn read(attributes: &Attributes) -> Result<Self, String> {
        Ok(Self {
            scale: attributes.number("scale")?.unwrap_or(1.0),
            causal: attributes.flag("causal").unwrap_or(false),
        })
    }

    /// The attributes, as [`Weights::read`] takes them.
    pub fn write(self) -> AttributeList {
        AttributeList::default().with("scale", self.scale).with("causal", self.causal)
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the operand is no matrix, has a row that sees nothing, or its rows are the batch.
    pub fn infer(self, logits: &TensorType) -> Result<TensorType, String> {
        let [.., rows, columns] = logits.shape[..] else {
            return Err(format!("needs logits of rank 2 or more, got {logits}"));
        };
        if self.causal && rows == DYNAMIC {
            return Err(format!("is causal along the batch of {logits}, which is not fixed"));
        }
        if self.causal && rows > columns {
            return Err(format!(
                "is causal on {logits}, whose first {} rows would see nothing",
                rows - columns
            ));
        }
        Ok(logits.clone())
    }

    /// Does a row of so many see a column of so many?
    pub fn sees(self, [row, rows]: [usize; 2], [column, columns]: [usize; 2]) -> bool {
        !self.causal || column + rows <= row + columns
    }
}
