//! How two lists of numbers go together.

/// Pearson's correlation; 0 where one list is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let deviations = || x.iter().map(|x| x - mean_x).zip(y.iter().map(|y| y - mean_y));
    let covariance: f64 = deviations().map(|(x, y)| x * y).sum();
    let spread_x: f64 = deviations().map(|(x, _)| x * x).sum();
    let spread_y: f64 = deviations().map(|(_, y)| y * y).sum();
    let spread = spread_x.sqrt() * spread_y.sqrt();
    if spread > 0.0 { covariance / spread } else { 0.0 }
}

/// Spearman's rank correlation, equal numbers sharing a rank; 0 where one list is constant.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&ranks(x), &ranks(y))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = below as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|&index| ranks[index] = rank);
        below += equal.len();
    }
    ranks
}

/// The middle one in order, or the mean of the two; 0 of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_goes_with_nothing() {
        assert_eq!(pearson(&[1.0, 2.0], &[3.0, 3.0]), 0.0);
        assert_eq!(spearman(&[], &[]), 0.0);
        assert_eq!(median(vec![]), 0.0);
    }
}
