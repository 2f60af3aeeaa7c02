//! What is gained by answering the most confident items only (Y. Geifman, R. El-Yaniv, *Selective
//! classification for deep neural networks*, NeurIPS 2017).

use serde::Serialize;

use super::thin;

/// A point of the risk-coverage curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RiskPoint {
    /// The share of items that are answered, the most confident ones.
    pub coverage: f64,
    /// The share of wrong answers among them.
    pub risk: f64,
}

/// The risk at every coverage, items ordered by confidence. Items of equal confidence come in no
/// order: each counts as the average of them.
fn risks(confidence: &[f64], right: &[bool]) -> Vec<RiskPoint> {
    let mut items: Vec<_> = confidence.iter().zip(right).collect();
    items.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let total = items.len() as f64;
    let mut points = Vec::new();
    let mut wrong = 0.0;
    for equal in items.chunk_by(|(a, _), (b, _)| a == b) {
        let errors = equal.iter().filter(|(_, right)| !**right).count() as f64;
        let before = points.len();
        for number in 1..=equal.len() {
            let errors = wrong + errors * number as f64 / equal.len() as f64;
            let answered = (before + number) as f64;
            points.push(RiskPoint { coverage: answered / total, risk: errors / answered });
        }
        wrong += errors;
    }
    points
}

/// The risk-coverage curve, thinned to be drawn.
pub fn risk_coverage(confidence: &[f64], right: &[bool]) -> Vec<RiskPoint> {
    thin(&risks(confidence, right), |point| (point.coverage, point.risk))
}

/// The area under the risk-coverage curve: the mean of the risks at all coverages.
pub fn aurc(confidence: &[f64], right: &[bool]) -> f64 {
    let points = risks(confidence, right);
    points.iter().map(|point| point.risk).sum::<f64>() / points.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_are_unsure_cost_little() {
        let confidence = [0.9, 0.8, 0.7, 0.6];
        let low = aurc(&confidence, &[true, true, true, false]);
        let high = aurc(&confidence, &[false, true, true, true]);
        assert_eq!(low, 0.25 / 4.0);
        assert!((high - (1.0 + 0.5 + 1.0 / 3.0 + 0.25) / 4.0).abs() < 1e-15);
    }

    #[test]
    fn equal_confidence_has_no_order() {
        for right in [[true, false], [false, true]] {
            let points = risk_coverage(&[0.5, 0.5], &right);
            assert_eq!(points.iter().map(|p| p.risk).collect::<Vec<_>>(), [0.5, 0.5]);
        }
    }
}
