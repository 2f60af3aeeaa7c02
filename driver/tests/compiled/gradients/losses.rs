//! Losses of items in double precision, written as their page has them.

use gauss_lowering::passes::gauss_append_loss::Loss;

/// What a loss is of: the outputs of one item, and what is expected of them.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    pub mean: &'a [f64],
    /// Zeros where the outputs are known.
    pub variance: &'a [f64],
    pub target: &'a [f64],
    /// Standard normal numbers for each draw; none where the loss takes no draws.
    pub noise: Vec<&'a [f64]>,
    /// Of a learned noise, the logarithm of its variance.
    pub log_noise: &'a [f64],
}

/// The loss of an item.
pub fn of_item(loss: Loss, item: &Item) -> f64 {
    let Item { mean, variance, target, .. } = item;
    match loss {
        Loss::CrossEntropy(0) => {
            let p = softmax(mean);
            cross_entropy(mean, target) + of_variance(variance, &p)
        }
        Loss::CrossEntropy(_) => over_draws(item, |z| cross_entropy(z, target)),
        Loss::Binary(0) => {
            let p: Vec<_> = mean.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
            binary(mean, target) + of_variance(variance, &p)
        }
        Loss::Binary(_) => over_draws(item, |z| binary(z, target)),
        Loss::Gaussian(noise) => (0..mean.len())
            .map(|i| {
                let tau = noise.unwrap_or_else(|| item.log_noise[i].exp());
                let square = (target[i] - mean[i]).powi(2) + variance[i];
                0.5 * ((2.0 * std::f64::consts::PI * tau).ln() + square / tau)
            })
            .sum(),
        Loss::Linear => mean.iter().zip(*target).map(|(z, t)| z * t).sum(),
    }
}

/// The mean of a loss over draws of the outputs; of the means where there are none.
fn over_draws(item: &Item, loss: impl Fn(&[f64]) -> f64) -> f64 {
    if item.noise.is_empty() {
        return loss(item.mean);
    }
    let drawn = |noise: &&[f64]| {
        let z = |i: usize| item.mean[i] + item.variance[i].sqrt() * noise[i];
        loss(&(0..item.mean.len()).map(z).collect::<Vec<_>>())
    };
    item.noise.iter().map(drawn).sum::<f64>() / item.noise.len() as f64
}

/// −Σ tᵢ log softmax(z)ᵢ.
fn cross_entropy(z: &[f64], target: &[f64]) -> f64 {
    let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = most + z.iter().map(|z| (z - most).exp()).sum::<f64>().ln();
    z.iter().zip(target).map(|(z, t)| t * (log_sum - z)).sum()
}

/// −Σ tᵢ log σ(zᵢ) + (1 − tᵢ) log (1 − σ(zᵢ)).
fn binary(z: &[f64], target: &[f64]) -> f64 {
    let minus_log_sigma = |z: f64| (-z).max(0.0) + (-z.abs()).exp().ln_1p();
    let of_label =
        |(&z, &t): (&f64, &f64)| t * minus_log_sigma(z) + (1.0 - t) * minus_log_sigma(-z);
    z.iter().zip(target).map(of_label).sum()
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<_> = z.iter().map(|z| (z - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// ½ Σ vᵢ pᵢ (1 − pᵢ).
fn of_variance(variance: &[f64], p: &[f64]) -> f64 {
    variance.iter().zip(p).map(|(v, p)| 0.5 * v * p * (1.0 - p)).sum()
}
