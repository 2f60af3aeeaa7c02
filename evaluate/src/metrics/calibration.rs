//! Do answers come true as often as their confidence says?

use serde::Serialize;

/// The items whose confidence (the probability of their class) lies in `(lower, upper]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Its lower edge.
    pub lower: f64,
    /// Its upper edge.
    pub upper: f64,
    /// How many items.
    pub items: usize,
    /// Their mean confidence; 0 in an empty bin.
    pub confidence: f64,
    /// The share of right answers among them; 0 in an empty bin.
    pub accuracy: f64,
    /// The 95 % interval of that share, by Wilson's score.
    pub interval: (f64, f64),
}

/// The reliability diagram: bins of equal width from 0 to 1, each without its lower edge.
pub fn reliability(confidence: &[f64], right: &[bool], bins: usize) -> Vec<Bin> {
    let edge = |bin: usize| bin as f64 / bins as f64;
    let mut sums = vec![(0usize, 0.0, 0usize); bins];
    for (&confidence, &right) in confidence.iter().zip(right) {
        let bin = (1..bins).take_while(|&bin| edge(bin) < confidence).count();
        if let Some((items, sum, hits)) = sums.get_mut(bin) {
            *items += 1;
            *sum += confidence;
            *hits += usize::from(right);
        }
    }
    let bin = |(index, (items, sum, hits)): (usize, (usize, f64, usize))| {
        let count = items.max(1) as f64;
        Bin {
            lower: edge(index),
            upper: edge(index + 1),
            items,
            confidence: sum / count,
            accuracy: hits as f64 / count,
            interval: wilson(hits, items),
        }
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// The 95 % interval of a share of which `hits` of `items` were found (E. Wilson, *Probable inference*,
/// Journal of the American Statistical Association 22, 1927); 0 to 1 of nothing.
pub fn wilson(hits: usize, items: usize) -> (f64, f64) {
    const DEVIATIONS: f64 = 1.959_963_984_540_054;
    if items == 0 {
        return (0.0, 1.0);
    }
    let (n, square) = (items as f64, DEVIATIONS * DEVIATIONS);
    let share = hits as f64 / n;
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let spread = share * (1.0 - share) / n + square / (4.0 * n * n);
    let half = DEVIATIONS * spread.sqrt() / (1.0 + square / n);
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Expected calibration error: the distance of confidence and accuracy, averaged over the items of
/// all bins (C. Guo et al., *On calibration of modern neural networks*, ICML 2017).
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let items: usize = bins.iter().map(|bin| bin.items).sum();
    let gap = |bin: &Bin| bin.items as f64 * (bin.confidence - bin.accuracy).abs();
    bins.iter().map(gap).sum::<f64>() / items as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `scipy.stats.binomtest(hits, items).proportion_ci(method="wilson")`.
    #[test]
    fn intervals_are_those_of_scipy() {
        for (hits, items, low, high) in [
            (8, 10, 0.4901624715366418, 0.9433178485456248),
            (0, 5, 0.0, 0.43448246478317476),
            (5, 5, 0.5655175352168251, 1.0),
            (9876, 10000, 0.9852361608857194, 0.9895893639031967),
        ] {
            let interval = wilson(hits, items);
            assert!((interval.0 - low).abs() < 1e-12 && (interval.1 - high).abs() < 1e-12);
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below() {
        let bins = reliability(&[0.0, 0.5, 0.75, 1.0], &[false, true, true, true], 2);
        assert_eq!(bins.iter().map(|bin| bin.items).collect::<Vec<_>>(), [2, 2]);
        assert_eq!((bins[0].confidence, bins[0].accuracy), (0.25, 0.5));
        assert_eq!((bins[1].lower, bins[1].upper), (0.5, 1.0));
        assert_eq!(expected_calibration_error(&bins), (0.25 + 0.125) / 2.0);
    }
}
