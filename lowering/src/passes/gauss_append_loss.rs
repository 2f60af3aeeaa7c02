//! `--gauss-append-loss`: how unlikely targets are, given what a function computes.

use std::{fmt, str::FromStr};

use gauss_dialect::{
    ir::{AffineMap, Builder, DYNAMIC, Op, Type, Value},
    loss,
    moments::{Arithmetic, Moments},
    predictive::MAX_DRAWS,
};

use crate::{
    functions, linalg,
    pass::{Options, Outcome, Pass, fail},
    payload::Payload,
};

/// The parameter that a learned noise is: the logarithm of its variance, for each output.
pub const LOG_NOISE: &str = "pfp.noise.log_variance";

/// The layer that the ops are from.
const LAYER: &str = "loss";

/// Makes a function return the loss of each item and the means of its outputs, in place of the
/// outputs. It takes the targets as one more argument, of the shape of the outputs, and with draws
/// standard normal numbers, so many for each output.
pub const PASS: Pass = Pass {
    name: "gauss-append-loss",
    description: "Return the loss of each item for targets (options: loss, which is \
                  cross-entropy[:DRAWS], binary[:DRAWS], gaussian[:VARIANCE] or linear; mean, where \
                  the function is lowered in the mode mean; function)",
    options: &["loss", "mean", "function"],
    run: |module, options| {
        let loss = Loss::of(options).map_err(|error| fail(module, error))?;
        append(module, loss, options.get("mean") == Some("true"), options.get("function"))
    },
};

/// What is expected of outputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// The negative log likelihood of classes by their logits; expected over so many draws, or to
    /// second order without.
    CrossEntropy(u32),
    /// The same of binary labels, each with a logit of its own.
    Binary(u32),
    /// The negative log likelihood of numbers around the outputs with this variance; a parameter
    /// where it is learned.
    Gaussian(Option<f64>),
    /// The sum of outputs times targets.
    Linear,
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, detail) = match text.split_once(':') {
            Some((name, detail)) => (name, Some(detail)),
            None => (text, None),
        };
        let draws = || match detail {
            None => Ok(0),
            Some(detail) => {
                let draws = detail.parse().ok().filter(|draws| (1..=MAX_DRAWS).contains(draws));
                draws.ok_or_else(|| {
                    format!("the number of draws in '{text}' is not from 1 to {MAX_DRAWS}")
                })
            }
        };
        match (name, detail) {
            ("cross-entropy", _) => Ok(Loss::CrossEntropy(draws()?)),
            ("binary", _) => Ok(Loss::Binary(draws()?)),
            ("gaussian", None) => Ok(Loss::Gaussian(None)),
            ("gaussian", Some(detail)) => {
                let is_usable = |variance: &f64| {
                    let single = *variance as f32;
                    single.is_normal() && single > 0.0
                };
                let variance = detail.parse().ok().filter(is_usable);
                let variance = variance.ok_or_else(|| {
                    format!("the variance '{detail}' is not a positive number of float32")
                })?;
                Ok(Loss::Gaussian(Some(variance)))
            }
            ("linear", None) => Ok(Loss::Linear),
            _ => Err(format!(
                "no loss '{text}'; known: cross-entropy[:DRAWS], binary[:DRAWS], \
                 gaussian[:VARIANCE], linear"
            )),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::CrossEntropy(0) => f.write_str("cross-entropy"),
            Loss::CrossEntropy(draws) => write!(f, "cross-entropy:{draws}"),
            Loss::Binary(0) => f.write_str("binary"),
            Loss::Binary(draws) => write!(f, "binary:{draws}"),
            Loss::Gaussian(None) => f.write_str("gaussian"),
            Loss::Gaussian(Some(variance)) => write!(f, "gaussian:{variance}"),
            Loss::Linear => f.write_str("linear"),
        }
    }
}

impl Loss {
    fn of(options: &Options) -> Result<Self, String> {
        options.get("loss").ok_or("gauss-append-loss needs loss=LOSS")?.parse()
    }

    /// How many draws of the outputs the loss is expected over; 0 where it takes none.
    pub fn draws(self) -> u32 {
        match self {
            Loss::CrossEntropy(draws) | Loss::Binary(draws) => draws,
            Loss::Gaussian(_) | Loss::Linear => 0,
        }
    }
}

/// Appends a loss to the public function of this name, or to all of them.
///
/// # Errors
///
/// At a function whose results have no such loss.
pub fn append(module: Op, loss: Loss, is_mean: bool, function: Option<&str>) -> Outcome {
    let functions = functions::to_append_to(module, function, "loss")?;
    functions.into_iter().try_for_each(|function| append_to(function, module, loss, is_mean))
}

fn append_to(function: Op, module: Op, loss: Loss, is_mean: bool) -> Outcome {
    let (terminator, output) = functions::returned(function, module, "loss")?;
    let shape = output.ty().shape().unwrap_or_default();
    if shape.contains(&DYNAMIC) {
        return Err(fail(function, "needs a batch that is fixed: --gauss-set-batch"));
    }
    let is_logits = shape.len() == 2 && shape[1] > 1;
    if matches!(loss, Loss::CrossEntropy(_)) && !is_logits {
        return Err(fail(
            function,
            format!(
                "returns {}, which are no logits of 2 or more classes for each item: a binary \
                 classifier has the loss 'binary', a regression 'gaussian'",
                output.ty()
            ),
        ));
    }
    let [items, elements] = match shape[..] {
        [] => return Err(fail(function, "returns a number without a dimension of items")),
        [items, ref rest @ ..] => [items, rest.iter().product()],
    };
    let signature = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (mut inputs, _) = signature
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let body = function.body().ok_or_else(|| fail(function, "has no body"))?;
    let builder = Builder::before(terminator);
    let f32 = builder.context().f32();
    let mut argument = |shape: &[i64]| {
        let ty = Type::tensor(f32, shape);
        inputs.push(ty);
        body.insert_argument(inputs.len() - 1, ty, function.location())
    };
    let flat = [items, elements];
    let component = |name: &str| {
        let ty = Type::tensor(f32, &shape);
        let value = match output.ty().is_gaussian() {
            true => builder.value(name, &[output], ty),
            false => output,
        };
        linalg::regrouped(builder, value, &flat)
    };
    let is_gaussian = output.ty().is_gaussian() && !is_mean;
    let terms = Terms {
        builder,
        flat,
        mean: component("gauss.mean"),
        variance: is_gaussian.then(|| component("gauss.variance")),
        targets: linalg::regrouped(builder, argument(&shape), &flat),
        noise: (loss.draws() > 0 && is_gaussian)
            .then(|| argument(&[i64::from(loss.draws()), items, elements])),
    };
    let losses = match loss {
        Loss::CrossEntropy(_) => terms.cross_entropy(),
        Loss::Binary(_) => terms.binary(),
        Loss::Gaussian(noise) => terms.gaussian(noise),
        Loss::Linear => terms.linear(),
    };
    let results = [losses, linalg::regrouped(builder, terms.mean, &shape)];
    terminator.set_operands(&results);
    let ty = function.context().function_type(&inputs, &results.map(Value::ty));
    function.set_attribute("function_type", ty.attr());
    Ok(())
}

/// What a loss is computed of: N×C outputs.
struct Terms {
    builder: Builder,
    flat: [i64; 2],
    mean: Value,
    variance: Option<Value>,
    targets: Value,
    /// K×N×C standard normal numbers.
    noise: Option<Value>,
}

impl Terms {
    /// A map of loops to these of them.
    fn map(&self, loops: usize, dims: &[usize]) -> AffineMap {
        let context = self.builder.context();
        let dims: Vec<_> = dims.iter().map(|&dim| context.dim(dim)).collect();
        context.affine_map(loops, &dims)
    }

    fn each(
        &self,
        shape: &[i64],
        inputs: &[(Value, AffineMap)],
        f: impl FnOnce(&mut Payload, &[Value]) -> Value,
    ) -> Value {
        let ty = Type::tensor(self.builder.context().f32(), shape);
        let empty = self.builder.value("tensor.empty", &[], ty);
        let outs = [(empty, self.builder.context().identity_map(shape.len()))];
        let body = |inner: Builder, x: &[Value]| vec![f(&mut Payload::new(inner), x)];
        linalg::generic(self.builder, inputs, &outs, LAYER, body).result(0)
    }

    /// A number for each place of a shape, from `initial` on; the loops after the first ones are taken
    /// in one after the other.
    fn reduced(
        &self,
        (shape, loops): (&[i64], usize),
        initial: f64,
        inputs: &[(Value, AffineMap)],
        f: impl FnOnce(&mut Payload, &[Value], Value) -> Value,
    ) -> Value {
        let dims: Vec<_> = (0..shape.len()).collect();
        let outs = [(linalg::fill(self.builder, shape, initial, LAYER), self.map(loops, &dims))];
        let body = |inner: Builder, x: &[Value]| {
            let (sum, x) = x.split_last().map_or((x[0], x), |(&sum, x)| (sum, x));
            vec![f(&mut Payload::new(inner), x, sum)]
        };
        linalg::generic(self.builder, inputs, &outs, LAYER, body).result(0)
    }

    /// Draws of the outputs, K×N×C; without noise the means, as one draw.
    fn draws(&self) -> (Value, i64) {
        let [items, elements] = self.flat;
        let (Some(noise), Some(variance)) = (self.noise, self.variance) else {
            return (linalg::regrouped(self.builder, self.mean, &[1, items, elements]), 1);
        };
        let draws = noise.ty().shape().and_then(|shape| shape.first().copied()).unwrap_or(1);
        let own = self.map(3, &[1, 2]);
        let reads = [(self.mean, own), (variance, own), (noise, self.map(3, &[0, 1, 2]))];
        let drawn = self.each(&[draws, items, elements], &reads, |a, x| {
            loss::draw(a, Moments::gaussian(x[0], x[1]), x[2])
        });
        (drawn, draws)
    }

    /// Peaks and Σ exp(z − peak) of the logits of each draw, K×N.
    fn sums(&self, logits: Value, draws: i64) -> [Value; 2] {
        let rows = [draws, self.flat[0]];
        let read = (logits, self.map(3, &[0, 1, 2]));
        let peaks =
            self.reduced((&rows, 3), f64::NEG_INFINITY, &[read], |a, x, peak| a.max(x[0], peak));
        let reads = [read, (peaks, self.map(3, &[0, 1]))];
        let sums = self.reduced((&rows, 3), 0.0, &reads, |a, x, sum| {
            let power = loss::power(a, x[0], x[1]);
            a.add(power, sum)
        });
        [peaks, sums]
    }

    /// Loops over items, draws and outputs: K×N×C tensors, K×N tensors, N×C tensors.
    fn of_draws(&self) -> [AffineMap; 3] {
        [self.map(3, &[1, 0, 2]), self.map(3, &[1, 0]), self.map(3, &[0, 2])]
    }

    fn cross_entropy(&self) -> Value {
        let (logits, draws) = self.draws();
        let [peaks, sums] = self.sums(logits, draws);
        let [of_draws, of_rows, of_items] = self.of_draws();
        let mut reads =
            vec![(logits, of_draws), (self.targets, of_items), (peaks, of_rows), (sums, of_rows)];
        let of_variance = self.variance.filter(|_| self.noise.is_none());
        reads.extend(of_variance.map(|variance| (variance, of_items)));
        self.reduced((&self.flat[..1], 3), 0.0, &reads, |a, x, sum| {
            let term = loss::cross_entropy(a, [x[0], x[1]], [x[2], x[3]]);
            let share = a.constant(1.0 / draws as f64);
            let next = a.fma(term, share, sum);
            match x.get(4) {
                Some(&variance) => {
                    let power = loss::power(a, x[0], x[2]);
                    let probability = a.div(power, x[3]);
                    let more = loss::of_variance(a, variance, probability);
                    a.add(more, next)
                }
                None => next,
            }
        })
    }

    fn binary(&self) -> Value {
        let (logits, draws) = self.draws();
        let [of_draws, _, of_items] = self.of_draws();
        let mut reads = vec![(logits, of_draws), (self.targets, of_items)];
        let of_variance = self.variance.filter(|_| self.noise.is_none());
        reads.extend(of_variance.map(|variance| (variance, of_items)));
        self.reduced((&self.flat[..1], 3), 0.0, &reads, |a, x, sum| {
            let term = loss::binary(a, x[0], x[1]);
            let share = a.constant(1.0 / draws as f64);
            let next = a.fma(term, share, sum);
            match x.get(2) {
                Some(&variance) => {
                    let probability = loss::logistic(a, x[0]);
                    let more = loss::of_variance(a, variance, probability);
                    a.add(more, next)
                }
                None => next,
            }
        })
    }

    fn gaussian(&self, noise: Option<f64>) -> Value {
        let own = self.map(2, &[0, 1]);
        let mut reads = vec![(self.mean, own), (self.targets, own)];
        reads.extend(self.variance.map(|variance| (variance, own)));
        let learned = noise.is_none();
        if learned {
            let context = self.builder.context();
            let ty = Type::tensor(context.f32(), &self.flat[1..]);
            let op = self.builder.op("gauss.parameter").results(&[ty]);
            let parameter = op.attr("name", context.string_attr(LOG_NOISE)).build().result(0);
            reads.push((parameter, self.map(2, &[1])));
        }
        let has_variance = self.variance.is_some();
        self.reduced((&self.flat[..1], 2), 0.0, &reads, |a, x, sum| {
            let output = Moments { mean: x[0], variance: has_variance.then(|| x[2]) };
            let log_noise = match noise {
                Some(variance) => a.constant(variance.ln()),
                None => x[x.len() - 1],
            };
            let term = loss::gaussian(a, output, x[1], log_noise);
            a.add(term, sum)
        })
    }

    fn linear(&self) -> Value {
        let own = self.map(2, &[0, 1]);
        let reads = [(self.mean, own), (self.targets, own)];
        self.reduced((&self.flat[..1], 2), 0.0, &reads, |a, x, sum| a.fma(x[0], x[1], sum))
    }
}
