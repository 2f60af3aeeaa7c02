//! Numeric integration.

/// Nodes and weights of Gauss-Legendre quadrature on [-1, 1].
pub fn legendre(order: usize) -> Vec<(f64, f64)> {
    let n = order as f64;
    (0..order)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..10 {
                let (mut value, mut previous) = (x, 1.0);
                for k in 1..order {
                    let k = k as f64;
                    let next = ((2.0 * k + 1.0) * x * value - k * previous) / (k + 1.0);
                    (previous, value) = (value, next);
                }
                slope = n * (x * value - previous) / (x * x - 1.0);
                x -= value / slope;
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// Integrates over panels between neighbouring `bounds`, which ascend.
pub struct Quadrature(Vec<(f64, f64)>);

impl Quadrature {
    pub fn new() -> Self {
        Self(legendre(20))
    }

    pub fn over(&self, bounds: &[f64], f: impl Fn(f64) -> f64) -> f64 {
        let panels = bounds.windows(2).map(|panel| {
            let (middle, half) = (0.5 * (panel[0] + panel[1]), 0.5 * (panel[1] - panel[0]));
            half * self.0.iter().map(|(x, w)| w * f(middle + half * x)).sum::<f64>()
        });
        panels.sum()
    }
}
