//! The divergence of a Gaussian posterior of independent weights from the prior.

/// KL(q || p) in nats of independent Gaussians q from p = N(0, 1 / precision): the sum over all weights
/// of `(v/p + m²/p - 1 - ln(v/p)) / 2`. Weights without a variance are no part of it.
pub fn divergence(mean: &[f32], variance: &[f32], precision: f64) -> f64 {
    let one = |(&mean, &variance): (&f32, &f32)| {
        let (mean, ratio) = (f64::from(mean), f64::from(variance) * precision);
        0.5 * (ratio + mean * mean * precision - 1.0 - ratio.ln())
    };
    mean.iter().zip(variance).filter(|(_, variance)| **variance > 0.0).map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integral of q ln(q / p), by the rule of the midpoint.
    fn integral(mean: f64, variance: f64, prior: f64) -> f64 {
        let log = |x: f64, mean: f64, variance: f64| {
            -0.5 * ((x - mean).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
        };
        let (steps, width) = (20_000, 24.0 * variance.sqrt());
        let step = width / f64::from(steps);
        let at = |index: i32| mean - width / 2.0 + (f64::from(index) + 0.5) * step;
        let part = |x: f64| {
            let q = log(x, mean, variance);
            q.exp() * (q - log(x, 0.0, prior))
        };
        (0..steps).map(|index| part(at(index))).sum::<f64>() * step
    }

    #[test]
    fn it_is_the_integral_of_its_definition() {
        for (mean, variance, prior) in [(0.0, 1.0, 1.0), (1.5, 0.25, 2.0), (-3.0, 4.0, 0.5)] {
            let exact = integral(mean, variance, prior);
            let closed = divergence(&[mean as f32], &[variance as f32], 1.0 / prior);
            assert!((exact - closed).abs() < 1e-7 * (1.0 + exact), "{exact} {closed}");
        }
    }

    #[test]
    fn a_weight_without_a_variance_has_none() {
        assert_eq!(divergence(&[3.0, 0.0], &[0.0, 1.0], 1.0), 0.0);
    }
}
