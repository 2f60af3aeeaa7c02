//! How far the closed form is from sampling.

use serde::Serialize;

use crate::{
    answers::{Items, Score},
    halves::{Differences, Noise, Spread, Sums, View},
    metrics,
};

/// How far mode `moments` is from a sampling mode on one data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// The median ratio of the variances of single logits, moments over sampling.
    pub variance_ratio: f64,
    /// Pearson's correlation of the items' mean variances.
    pub correlation: f64,
    /// Spearman's rank correlation of the items' mean variances.
    pub rank_correlation: f64,
    /// What differs. Of logarithms and uncertainties the bias of few passes is taken out.
    #[serde(flatten)]
    pub differences: Differences,
    /// What would differ if moments were exact, by the noise of the sampling alone; `None` of fewer
    /// than four passes.
    pub noise: Option<Noise>,
}

/// What a mode says of one item.
fn view(items: &Items, item: usize) -> View {
    let row = |column: &[f32]| -> Vec<f64> {
        // A binary classifier has one logit for two classes.
        let width = column.len() / items.len().max(1);
        let row = column.get(item * width..(item + 1) * width).unwrap_or_default();
        row.iter().copied().map(f64::from).collect()
    };
    View {
        class: items.class[item],
        mean: row(&items.mean),
        variance: row(&items.variance),
        probabilities: row(&items.probabilities),
        epistemic: items.epistemic[item].into(),
        difference: items.difference.get(item).copied().map(f64::from),
    }
}

/// Compares mode `moments`, which took so many draws of the logits, with a sampling mode of so many
/// passes.
pub fn agree(moments: &Items, draws: u32, sampled: &Items, passes: u32) -> Agreement {
    let mut sums = Sums::default();
    for item in 0..moments.len().min(sampled.len()) {
        sums += Sums::of(&view(moments, item), &view(sampled, item));
    }
    let differences = sums.differences();
    let bias = sampled.halves.bias().differences();
    let noise = sampled.halves.noise().map(|noise| {
        // The draws of the logits are a noise of the same kind.
        let more = (1.0 + f64::from(passes) / f64::from(draws.max(1))).sqrt();
        let Noise { differences, spread } = noise;
        let probabilities = more * differences.probabilities;
        Noise {
            differences: Differences { probabilities, ..differences },
            spread: Spread { probabilities: more * spread.probabilities, ..spread },
        }
    });
    let ratios = moments.variance.iter().zip(&sampled.variance);
    let ratios = ratios.map(|(own, sampled)| (f64::from(*own), f64::from(*sampled)));
    let ratios = ratios.filter(|(_, sampled)| *sampled > 0.0).map(|(own, sampled)| own / sampled);
    let score = |items: &Items| Score::Variance.of(items).unwrap_or_default();
    let (own, other) = (score(moments), score(sampled));
    Agreement {
        variance_ratio: metrics::median(ratios.collect()),
        correlation: metrics::pearson(&own, &other),
        rank_correlation: metrics::spearman(&own, &other),
        differences: Differences {
            log_variance: differences.log_variance + bias.log_variance,
            epistemic: differences.epistemic + bias.epistemic,
            log_difference: differences
                .log_difference
                .map(|log| log + bias.log_difference.unwrap_or(0.0)),
            ..differences
        },
        noise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halves::Halvings;

    fn items(class: Vec<usize>, mean: Vec<f32>, variance: Vec<f32>) -> Items {
        let epistemic = vec![0.0; class.len()];
        Items {
            probabilities: vec![0.5; mean.len()],
            class,
            mean,
            difference: variance.chunks(2).map(|pair| pair[0] + pair[1]).collect(),
            variance,
            epistemic,
            ..Items::default()
        }
    }

    #[test]
    fn agreement_is_measured_in_deviations_and_ratios() {
        let moments = items(vec![0, 1], vec![1.0, 0.0, 2.0, 4.0], vec![1.0, 3.0, 4.0, 8.0]);
        let sampled = items(vec![0, 0], vec![3.0, 0.0, 2.0, 4.0], vec![4.0, 6.0, 16.0, 0.0]);
        let agreement = agree(&moments, 1000, &sampled, 2);
        let differences = agreement.differences;
        assert!((differences.mean - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(agreement.variance_ratio, 0.25);
        assert!((agreement.correlation - 1.0).abs() < 1e-12);
        assert_eq!((differences.class, differences.probabilities), (0.5, 0.0));
        // Mean variances of 2 and 6 against 5 and 8.
        assert!((differences.log_variance - (0.4f64 * 0.75).ln() / 2.0).abs() < 1e-12);
        // Three logits with two variances: halves of ln(1/4) + 8 - 1, ln(1/2) + 2 - 1, ln(1/4) + 4 - 1.
        let kl = (11.0 - 32f64.ln()) / 6.0;
        assert!((differences.kl - kl).abs() < 1e-12, "{differences:?}");
        // Variances of the differences of 4 and 12 against 10 and 16.
        assert!((differences.log_difference.unwrap() - (0.4f64 * 0.75).ln() / 2.0).abs() < 1e-7);
        let kl = [0.4f64, 0.75].map(|ratio| (ratio.ln() + 1.0 / ratio - 1.0) / 2.0);
        assert!((differences.kl_difference.unwrap() - (kl[0] + kl[1]) / 2.0).abs() < 1e-6);
        assert_eq!(agreement.noise, None);
    }

    #[test]
    fn a_network_that_does_not_vary_agrees_with_itself() {
        let sure = items(vec![0], vec![1.0, 0.0], vec![0.0, 0.0]);
        let halves = Halvings::of(10).compare(&[1.0, 0.0].repeat(10), 2);
        let agreement = agree(&sure, 1000, &Items { halves, ..sure.clone() }, 10);
        let noise = agreement.noise.unwrap();
        assert_eq!((noise.spread.class, noise.spread.probabilities), (0.0, 0.0));
        for differences in [agreement.differences, noise.differences] {
            let Differences { class, probabilities, log_variance, epistemic, mean, kl, .. } =
                differences;
            let pairs = [differences.log_difference, differences.kl_difference].map(Option::unwrap);
            for difference in
                [class, probabilities, log_variance, epistemic, mean, kl].into_iter().chain(pairs)
            {
                assert!(difference.abs() < 1e-12, "{differences:?}");
            }
        }
    }
}
