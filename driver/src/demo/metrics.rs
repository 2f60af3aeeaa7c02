//! How well a score tells two groups apart.

/// The area under the ROC curve: the probability that a positive scores higher
/// than a negative, ties counting half.
pub fn auroc(negative: &[f64], positive: &[f64]) -> f64 {
    let mut scores: Vec<_> = negative
        .iter()
        .map(|&score| (score, false))
        .chain(positive.iter().map(|&score| (score, true)))
        .collect();
    scores.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut below, mut wins) = (0.0, 0.0);
    for equal in scores.chunk_by(|(a, _), (b, _)| a == b) {
        let positives = equal.iter().filter(|(_, positive)| *positive).count() as f64;
        let negatives = equal.len() as f64 - positives;
        wins += positives * (below + negatives / 2.0);
        below += negatives;
    }
    wins / (negative.len() * positive.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_perfection_and_ties() {
        assert_eq!(auroc(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(auroc(&[3.0, 4.0], &[1.0, 2.0]), 0.0);
        assert_eq!(auroc(&[1.0, 1.0], &[1.0]), 0.5);
        assert_eq!(auroc(&[1.0, 3.0], &[2.0, 3.0]), 0.625);
    }
}
