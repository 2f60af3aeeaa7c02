//! Answers against labels.

/// Labels: as many for each item. Several are read as equally probable.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The labels, item by item; classes of the network.
    pub values: &'a [usize],
    /// How many each item has; at least one.
    pub each: usize,
}

impl<'a> Labels<'a> {
    /// The labels of each item.
    fn items(self) -> impl Iterator<Item = &'a [usize]> {
        self.values.chunks_exact(self.each.max(1))
    }

    fn count(self) -> usize {
        self.values.len() / self.each.max(1)
    }
}

/// Which items are given a class that is one of their labels.
pub fn named(class: &[usize], labels: Labels) -> Vec<bool> {
    class.iter().zip(labels.items()).map(|(class, labels)| labels.contains(class)).collect()
}

/// The share of items for which something holds.
pub fn share(items: &[bool]) -> f64 {
    items.iter().filter(|holds| **holds).count() as f64 / items.len() as f64
}

/// Negative log likelihood in nats per item, over the labels of an item their average.
pub fn nll(probabilities: &[f32], labels: Labels) -> f64 {
    average(probabilities, labels, item_nll)
}

/// The negative logarithm of the probability of one class of an item, in nats. A probability below
/// the smallest normal `f32` counts as that, one that rounding made larger than 1 as 1: an item costs
/// from 0 to 87.3 nats.
pub fn item_nll(probabilities: &[f32], label: usize) -> f64 {
    let probability = probabilities.get(label).copied().unwrap_or(0.0);
    // Not -ln, which is -0 for what is certain.
    f64::from(probability.clamp(f32::MIN_POSITIVE, 1.0)).recip().ln()
}

/// Brier score: the squared distance of the probabilities from the label, summed over classes; over
/// the labels of an item their average.
pub fn brier(probabilities: &[f32], labels: Labels) -> f64 {
    average(probabilities, labels, |row, label| {
        let distance = |(class, &p): (usize, &f32)| {
            (f64::from(p) - f64::from(u8::from(class == label))).powi(2)
        };
        row.iter().enumerate().map(distance).sum()
    })
}

/// The average over items and their labels.
fn average(probabilities: &[f32], labels: Labels, loss: impl Fn(&[f32], usize) -> f64) -> f64 {
    let classes = probabilities.len().checked_div(labels.count()).unwrap_or(0).max(1);
    let rows = probabilities.chunks_exact(classes).zip(labels.items());
    let losses = rows.flat_map(|(row, labels)| labels.iter().map(move |&label| (row, label)));
    losses.map(|(row, label)| loss(row, label)).sum::<f64>() / labels.values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_label_is_right() {
        let labels = Labels { values: &[0, 1, 0, 1, 0, 1], each: 2 };
        assert_eq!(named(&[1, 0, 2], labels), [true, true, false]);
    }

    #[test]
    fn two_labels_are_each_half_of_the_truth() {
        let labels = Labels { values: &[0, 1], each: 2 };
        assert!((nll(&[0.5, 0.5, 0.0], labels) - 2f64.ln()).abs() < 1e-15);
        assert_eq!(brier(&[0.5, 0.5, 0.0], labels), 0.5);
    }

    #[test]
    fn no_probability_is_no_infinite_loss() {
        let loss = nll(&[1.0, 0.0], Labels { values: &[1], each: 1 });
        assert!((loss - 87.34).abs() < 0.01, "{loss}");
        // Above 1 by rounding.
        for certain in [1.0, 1.0 + f32::EPSILON] {
            let loss = nll(&[certain, 0.0], Labels { values: &[0], each: 1 });
            assert_eq!(loss.to_bits(), 0f64.to_bits(), "{loss}");
        }
    }
}
