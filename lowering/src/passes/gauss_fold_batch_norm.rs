//! `--gauss-fold-batch-norm`: batch normalisation into the layer before it.

use gauss_dialect::{
    check_component,
    ir::{Attribute, Builder, Op, Type, Value},
    layer::{Layer, Linear},
    ops::movement::{Border, Movement},
    representation::Component,
};

use crate::pass::{Outcome, Pass, fail};

/// Folds `gauss.batch_norm` with constant deterministic parameters into the
/// constant weight and bias of the linear layer that feeds it, where nothing else
/// uses that layer. Between both may be a `gauss.pad` that adds elements of the same
/// channel, or a number that all channels make the same of. With factor f = gamma/√(variance + ε) per
/// output: weight mean · f, weight variance · f², and the same for the bias plus
/// beta − running mean · f. Exact: scaling a Gaussian is affine.
pub const PASS: Pass = Pass {
    name: "gauss-fold-batch-norm",
    description: "Fold batch normalisation into the preceding linear layer",
    options: &[],
    run: |module, _| {
        for op in module.descendants() {
            if let Ok(Some(Layer::BatchNorm(epsilon))) = Layer::of(op) {
                check_running_variance(op, epsilon)?;
                fold(op, epsilon);
            }
        }
        Ok(())
    },
};

/// A running variance that is known must be one, and with epsilon something to divide by in `f32`.
fn check_running_variance(op: Op, epsilon: f64) -> Outcome {
    let Some(constant) = Constant::of(op.operand(4)) else { return Ok(()) };
    check_component(Component::Variance, "running variance", &constant.mean)
        .map_err(|error| fail(op, error))?;
    let is_nothing = |variance: &f32| variance + (epsilon as f32) < f32::MIN_POSITIVE;
    match constant.mean.iter().position(is_nothing) {
        Some(channel) => Err(fail(
            op,
            format!(
                "has running variance {} at channel {channel}; with epsilon {epsilon} added it must \
                 be positive, as it is divided by: give an epsilon",
                constant.mean[channel]
            ),
        )),
        None => Ok(()),
    }
}

/// The values of a constant operand.
struct Constant {
    mean: Vec<f32>,
    variance: Option<Vec<f32>>,
}

impl Constant {
    fn of(value: Value) -> Option<Self> {
        let op = value.defining_op()?;
        let read = |name: &str| op.attribute(name)?.as_f32_elements();
        match op.name().as_str() {
            "gauss.constant" => {
                Some(Self { mean: read("mean")?, variance: Some(read("variance")?) })
            }
            "arith.constant" => Some(Self { mean: read("value")?, variance: None }),
            _ => None,
        }
    }

    /// Multiplies each of `factors.len()` equal parts by its factor.
    fn scale(&mut self, factors: &[f64]) {
        let part = self.mean.len() / factors.len().max(1);
        let scale = |values: &mut [f32], power: i32| {
            for (values, factor) in values.chunks_mut(part.max(1)).zip(factors) {
                let factor = factor.powi(power);
                values.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
            }
        };
        scale(&mut self.mean, 1);
        if let Some(variance) = &mut self.variance {
            scale(variance, 2);
        }
    }

    fn is_finite(&self) -> bool {
        self.mean.iter().chain(self.variance.iter().flatten()).all(|value| value.is_finite())
    }

    fn emit(self, builder: Builder, ty: Type, name: &str) -> Value {
        let shape = ty.shape().unwrap_or_default();
        let tensor = Type::tensor(ty.element_type(), &shape);
        let resource = |part: &str, values| {
            Attribute::resource(tensor, &format!("folded.{name}.{part}"), values)
        };
        match self.variance {
            Some(variance) => builder
                .op("gauss.constant")
                .attr("mean", resource("mean", self.mean))
                .attr("variance", resource("var", variance))
                .results(&[ty])
                .build()
                .result(0),
            None => builder.constant(resource("mean", self.mean), tensor),
        }
    }
}

/// A padding between a layer and its normalisation.
struct Padding {
    op: Op,
    border: Border,
}

/// The linear layer that feeds an op alone, and the paddings on the way to it, the first one first.
fn producer(op: Op) -> Option<(Op, Layer, Vec<Padding>)> {
    let mut paddings = Vec::new();
    let mut user = op;
    loop {
        let op = user.operand(0).defining_op()?;
        if op.result(0).users().len() != 1 {
            return None;
        }
        match Layer::of(op).ok()?? {
            layer if layer.is_linear() => {
                paddings.reverse();
                return Some((op, layer, paddings));
            }
            Layer::Movement(Movement::Pad { low, high, border }) => {
                if [low, high].iter().any(|added| added.get(1) != Some(&0)) {
                    return None;
                }
                paddings.push(Padding { op, border });
                user = op;
            }
            _ => return None,
        }
    }
}

/// The factor of each part of a weight: its outputs, or the outputs of each channel.
fn factors_of_parts(layer: &Layer, weight: &[i64], factors: &[f64]) -> Vec<f64> {
    match layer {
        Layer::ConvTranspose(convolution) => {
            let [channels, of_group] = [weight[0], weight[1]].map(|size| size as usize);
            let group_channels = channels / convolution.groups as usize;
            let group = |channel| channel / group_channels * of_group;
            (0..channels).flat_map(|c| &factors[group(c)..group(c) + of_group]).copied().collect()
        }
        _ => factors.to_vec(),
    }
}

/// Folds one op, if its operands allow it.
fn fold(op: Op, epsilon: f64) -> Option<()> {
    let (linear, layer, paddings) = producer(op)?;
    let deterministic = |number: usize| {
        let constant = Constant::of(op.operand(number))?;
        constant.variance.is_none().then_some(constant.mean)
    };
    let (gamma, beta) = (deterministic(1)?, deterministic(2)?);
    let (mean, variance) = (deterministic(3)?, deterministic(4)?);
    let Linear { input, weight, bias } = Linear::of(linear);
    let mut weights = Constant::of(weight)?;
    let mut biases = match bias {
        Some(bias) => Constant::of(bias)?,
        None => Constant { mean: vec![0.0; gamma.len()], variance: None },
    };
    let factors: Vec<f64> = gamma
        .iter()
        .zip(&variance)
        .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + epsilon).sqrt())
        .collect();
    // What a border of one number becomes, if it is the same in every channel.
    let border = |border: &Border| match *border {
        Border::Constant(value) => {
            let of_channel = |channel: usize| {
                let centred = value - f64::from(mean[channel]);
                (centred * factors[channel] + f64::from(beta[channel])) as f32
            };
            let first = of_channel(0);
            let is_one = (0..factors.len()).all(|channel| of_channel(channel) == first);
            (is_one && first.is_finite()).then_some(Some(first))
        }
        Border::Reflect | Border::Edge => Some(None),
    };
    let borders = paddings.iter().map(|padding| border(&padding.border));
    let borders = borders.collect::<Option<Vec<_>>>()?;
    weights.scale(&factors_of_parts(&layer, &weight.ty().shape()?, &factors));
    for (index, value) in biases.mean.iter_mut().enumerate() {
        let centred = f64::from(*value) - f64::from(mean[index]);
        *value = (centred * factors[index] + f64::from(beta[index])) as f32;
    }
    if let Some(variance) = &mut biases.variance {
        for (value, factor) in variance.iter_mut().zip(&factors) {
            *value = (f64::from(*value) * factor * factor) as f32;
        }
    }
    // What does not fit in `f32` once it is folded may do so where the sum is scaled.
    if !weights.is_finite() || !biases.is_finite() {
        return None;
    }
    let builder = Builder::before(op);
    let outputs = gamma.len() as i64;
    let bias_type = match (bias, &biases.variance) {
        (Some(bias), _) => bias.ty(),
        (None, _) => Type::tensor(op.context().f32(), &[outputs]),
    };
    let weight = weights.emit(builder, weight.ty(), "weight");
    let bias = biases.emit(builder, bias_type, "bias");
    let folded = linear.clone_detached();
    builder.insert(folded);
    folded.set_operands(&[input, weight, bias]);
    let result = paddings.iter().zip(borders).fold(folded.result(0), |x, (padding, border)| {
        let padded = padding.op.clone_detached();
        builder.insert(padded);
        padded.set_operand(0, x);
        if let Some(value) = border {
            padded.set_attribute("value", op.context().f64_attr(value.into()));
        }
        padded.result(0)
    });
    op.result(0).replace_all_uses_with(result);
    op.erase();
    paddings.iter().rev().for_each(|padding| padding.op.erase());
    linear.erase();
    Some(())
}
