//! How well a score tells two groups apart.

use serde::Serialize;

use super::thin;

/// A point of a ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    /// The share of items in domain above a threshold.
    pub false_positives: f64,
    /// The share of items out of domain above it.
    pub true_positives: f64,
}

/// The counts of a ROC curve: for every threshold, from the highest score to the lowest, how many
/// items of each group score at least as much.
#[derive(Debug, Clone)]
pub struct Roc {
    counts: Vec<(usize, usize)>,
    /// The thresholds but for the first, above which there is nothing.
    thresholds: Vec<f64>,
    inside: usize,
    outside: usize,
}

impl Roc {
    /// Of the scores in domain (negatives) and out of domain (positives). Equal scores are one
    /// threshold. Neither group is empty.
    pub fn of(inside: &[f64], outside: &[f64]) -> Self {
        let negatives = inside.iter().map(|&score| (score, false));
        let mut scores: Vec<_> =
            negatives.chain(outside.iter().map(|&score| (score, true))).collect();
        scores.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let thresholds = scores.chunk_by(|(a, _), (b, _)| a == b);
        let thresholds = thresholds.filter_map(|equal| equal.first()).map(|(score, _)| *score);
        let thresholds = thresholds.collect();
        let (mut negatives, mut positives) = (0, 0);
        let counts = scores.chunk_by(|(a, _), (b, _)| a == b).map(|equal| {
            let more = equal.iter().filter(|(_, is_positive)| *is_positive).count();
            positives += more;
            negatives += equal.len() - more;
            (negatives, positives)
        });
        let counts = [(0, 0)].into_iter().chain(counts).collect();
        Self { counts, thresholds, inside: inside.len(), outside: outside.len() }
    }

    /// The area under the curve: the probability that an item out of domain scores higher than
    /// one in domain, ties counting half.
    pub fn auroc(&self) -> f64 {
        let area = |(from, to): (&(usize, usize), &(usize, usize))| {
            (to.0 - from.0) as f64 * (from.1 + to.1) as f64 / 2.0
        };
        let area: f64 = self.counts.iter().zip(self.counts.iter().skip(1)).map(area).sum();
        area / (self.inside as f64 * self.outside as f64)
    }

    /// The area under the precision-recall curve as average precision: precision at each
    /// threshold, weighted by what recall it adds.
    pub fn aupr(&self) -> f64 {
        let area = |(from, to): (&(usize, usize), &(usize, usize))| {
            (to.1 - from.1) as f64 * to.1 as f64 / (to.0 + to.1) as f64
        };
        let area: f64 = self.counts.iter().zip(self.counts.iter().skip(1)).map(area).sum();
        area / self.outside as f64
    }

    /// The share of items out of domain that pass below the lowest threshold that lets 95 % of
    /// those in domain pass.
    pub fn fpr95(&self) -> f64 {
        let above = self.counts.get(self.place95()).map_or(0, |&(_, above)| above);
        (self.outside - above) as f64 / self.outside as f64
    }

    /// That threshold; `None` where it is above all scores.
    pub fn threshold95(&self) -> Option<f64> {
        self.place95().checked_sub(1).and_then(|place| self.thresholds.get(place).copied())
    }

    fn place95(&self) -> usize {
        let passes =
            |&&(negatives, _): &&(usize, usize)| 20 * (self.inside - negatives) >= 19 * self.inside;
        self.counts.iter().take_while(passes).count().saturating_sub(1)
    }

    /// The curve, thinned to be drawn.
    pub fn points(&self) -> Vec<RocPoint> {
        let point = |&(negatives, positives): &(usize, usize)| RocPoint {
            false_positives: negatives as f64 / self.inside as f64,
            true_positives: positives as f64 / self.outside as f64,
        };
        let points: Vec<_> = self.counts.iter().map(point).collect();
        thin(&points, |point| (point.false_positives, point.true_positives))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_perfection_and_ties() {
        for (inside, outside, expected) in [
            (&[1.0, 2.0][..], &[3.0, 4.0][..], 1.0),
            (&[3.0, 4.0], &[1.0, 2.0], 0.0),
            (&[1.0, 1.0], &[1.0], 0.5),
            (&[1.0, 3.0], &[2.0, 3.0], 0.625),
        ] {
            assert_eq!(Roc::of(inside, outside).auroc(), expected);
        }
    }

    #[test]
    fn what_passes_with_the_items_in_domain() {
        let inside: Vec<_> = (1..=20).map(f64::from).collect();
        assert_eq!(Roc::of(&inside, &[0.0, 19.0, 19.5, 30.0]).fpr95(), 0.5);
        assert_eq!(Roc::of(&inside, &[0.0, 19.0, 19.5, 30.0]).threshold95(), Some(19.5));
        assert_eq!(Roc::of(&inside, &[30.0]).fpr95(), 0.0);
        assert_eq!(Roc::of(&[1.0], &[1.0]).threshold95(), None);
        assert_eq!(Roc::of(&[1.0], &[1.0]).fpr95(), 1.0);
    }

    #[test]
    fn the_curve_goes_from_corner_to_corner() {
        let points = Roc::of(&[1.0, 3.0], &[2.0, 4.0]).points();
        let points: Vec<_> = points.iter().map(|p| (p.false_positives, p.true_positives)).collect();
        assert_eq!(points, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    }
}
