//! Networks whose losses and gradients are written down in float64.

use pfp_compiler::error::Error;
use pfp_train::gradient::{Call, Gradient, Outcome, Parameter, Values};

/// What the double computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `y = w x + noise`, of Gaussian weights: expected negative log likelihood in closed form.
    Moments { noise: f64 },
    /// The same of plain weights.
    Plain { noise: f64 },
    /// The same of outputs that are drawn, of Gaussian weights: `y = w x + sqrt(v x²) ε`.
    Local { noise: f64 },
    /// Cross-entropy of the softmax of `W x`, of plain weights.
    Softmax,
    /// The sum of target x output.
    Linear,
}

/// One linear layer of `outputs` outputs, with a weight for each input, and a parameter that nothing
/// depends on where `spare` says so.
pub struct Double {
    pub kind: Kind,
    pub items: usize,
    pub inputs: usize,
    pub outputs: usize,
    parameters: Vec<Parameter>,
    /// After so many calls the loss is no number.
    pub fails_after: Option<std::sync::atomic::AtomicI64>,
}

pub fn parameters(inputs: usize, outputs: usize, gaussian: bool, spare: bool) -> Vec<Parameter> {
    let parameter = |name: &str, shape: &[usize], gaussian, trainable| Parameter {
        name: name.into(),
        shape: shape.to_vec(),
        gaussian,
        trainable,
    };
    let weight = parameter("layer.weight", &[outputs, inputs], gaussian, true);
    let bias = parameter("layer.bias", &[outputs], gaussian, true);
    let spare = spare.then(|| parameter("spare.weight", &[3], gaussian, true));
    let statistics = parameter("norm.running_mean", &[2], false, false);
    [weight, bias].into_iter().chain(spare).chain([statistics]).collect()
}

impl Double {
    pub fn new(kind: Kind, items: usize, inputs: usize, outputs: usize) -> Self {
        Self::with_spare(kind, items, inputs, outputs, false)
    }

    pub fn with_spare(
        kind: Kind,
        items: usize,
        inputs: usize,
        outputs: usize,
        spare: bool,
    ) -> Self {
        let gaussian = matches!(kind, Kind::Moments { .. } | Kind::Local { .. });
        let parameters = parameters(inputs, outputs, gaussian, spare);
        Self { kind, items, inputs, outputs, parameters, fails_after: None }
    }

    fn evaluate(&self, values: &Values, call: Call, result: &mut Outcome, along: bool) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let is_moments = matches!(self.kind, Kind::Moments { .. });
        let is_gaussian = is_moments || matches!(self.kind, Kind::Local { .. });
        let mean: Vec<f64> = values.mean.iter().map(|&x| x.into()).collect();
        let variance: Vec<f64> = values.variance.iter().map(|&x| x.into()).collect();
        if along {
            result.mean.fill(0.0);
            result.variance.fill(0.0);
        }
        let mut slopes = vec![0.0; mean.len()];
        let mut variance_slopes = vec![0.0; variance.len()];
        let failed = self
            .fails_after
            .as_ref()
            .is_some_and(|left| left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) <= 0);
        for item in 0..self.items {
            let x: Vec<f64> =
                call.input[item * inputs..(item + 1) * inputs].iter().map(|&x| x.into()).collect();
            let target = &call.target[item * outputs..(item + 1) * outputs];
            let target: Vec<f64> = target.iter().map(|&x| x.into()).collect();
            let weight = f64::from(call.weight[item]);
            let bias = outputs * inputs;
            let spread = |k: usize| {
                let sum = (0..inputs).map(|i| variance[k * inputs + i] * x[i] * x[i]).sum::<f64>();
                sum + variance[bias + k]
            };
            // Standard normal numbers over twice the deviations of the outputs, and the outputs.
            let is_local = matches!(self.kind, Kind::Local { .. });
            let draw = |k: usize| match is_local {
                true => f64::from(call.noise[item * outputs + k]) / (2.0 * spread(k).sqrt()),
                false => 0.0,
            };
            let output: Vec<f64> = (0..outputs)
                .map(|k| {
                    let sum = (0..inputs).map(|i| mean[k * inputs + i] * x[i]).sum::<f64>();
                    let drawn = if is_local { 2.0 * spread(k) * draw(k) } else { 0.0 };
                    sum + mean[bias + k] + drawn
                })
                .collect();
            // The loss, its slope along each output, and along the variance of each output.
            let (loss, slope, variance_slope) = match self.kind {
                Kind::Moments { noise } | Kind::Plain { noise } | Kind::Local { noise } => {
                    let mut loss = 0.0;
                    let mut slope = vec![];
                    for k in 0..outputs {
                        let error = output[k] - target[k];
                        let own = if is_moments { spread(k) } else { 0.0 };
                        loss += 0.5
                            * ((std::f64::consts::TAU * noise).ln()
                                + (error * error + own) / noise);
                        slope.push(error / noise);
                    }
                    let of_variance = |k: usize| match is_local {
                        true => slope[k] * draw(k),
                        false => 0.5 / noise,
                    };
                    let variance_slope = (0..outputs).map(of_variance).collect();
                    (loss, slope, variance_slope)
                }
                Kind::Softmax => {
                    let most = output.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = output.iter().map(|o| (o - most).exp()).sum();
                    let log = |k: usize| output[k] - most - sum.ln();
                    let loss = -(0..outputs).map(|k| target[k] * log(k)).sum::<f64>();
                    let total: f64 = target.iter().sum();
                    let slope = (0..outputs).map(|k| total * log(k).exp() - target[k]).collect();
                    (loss, slope, vec![0.0; outputs])
                }
                Kind::Linear => {
                    let loss = output.iter().zip(&target).map(|(o, t)| o * t).sum();
                    (loss, target.clone(), vec![0.0; outputs])
                }
            };
            result.losses[item] = if failed { f32::NAN } else { loss as f32 };
            for k in 0..outputs {
                result.outputs[item * outputs + k] = output[k] as f32;
                for i in 0..inputs {
                    slopes[k * inputs + i] += weight * slope[k] * x[i];
                }
                slopes[bias + k] += weight * slope[k];
                if is_gaussian {
                    for i in 0..inputs {
                        variance_slopes[k * inputs + i] += weight * variance_slope[k] * x[i] * x[i];
                    }
                    variance_slopes[bias + k] += weight * variance_slope[k];
                }
            }
        }
        if along {
            let copy = |to: &mut [f32], from: &[f64]| {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
            };
            copy(&mut result.mean, &slopes);
            copy(&mut result.variance, &variance_slopes);
        }
    }
}

impl Gradient for Double {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn items(&self) -> usize {
        self.items
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn noise(&self) -> usize {
        match self.kind {
            Kind::Local { .. } => self.outputs,
            _ => 0,
        }
    }

    fn gradient(&self, values: &Values, call: Call, result: &mut Outcome) -> Result<(), Error> {
        self.evaluate(values, call, result, true);
        Ok(())
    }

    fn loss(&self, values: &Values, call: Call, result: &mut Outcome) -> Result<(), Error> {
        self.evaluate(values, call, result, false);
        Ok(())
    }
}
