//! `--gauss-append-head`: what a function decides, from what it computes.

use std::{fmt, str::FromStr};

use gauss_dialect::{
    ir::{Attribute, Builder, Op, Type, Value},
    layer::{Interval, Layer, fits_f32},
    predictive::{MAX_DRAWS, Method, Sampling, Thresholds},
    shape::UNCERTAINTIES,
};

use crate::{
    functions,
    pass::{Options, Outcome, Pass, fail},
};

/// Appends the ops of a predictive head to public functions and returns their
/// results beside what the functions return.
pub const PASS: Pass = Pass {
    name: "gauss-append-head",
    description: "Append class probabilities, uncertainty and decision, or an interval (options: \
                  head, seed, reject-epistemic, reject-aleatoric, noise-variance, function)",
    options: &[
        "head",
        "seed",
        "reject-epistemic",
        "reject-aleatoric",
        "noise-variance",
        "function",
    ],
    run: |module, options| {
        let head = Head::of(options).map_err(|error| fail(module, error))?;
        append(module, &head, options.get("function"))
    },
};

/// What is appended to a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Head {
    /// Class probabilities and uncertainty, and a decision where there is a threshold.
    Classify(Method, Thresholds),
    /// The same of binary labels, each with a logit of its own.
    Binary(Thresholds),
    /// A predictive interval of each output.
    Interval(Interval),
}

/// The kind of a head, as command lines write it: `mean-field`, `laplace`,
/// `sample:1000`, `sigmoid` or `interval:0.95`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A classifier by mean field.
    MeanField,
    /// A classifier by the Laplace bridge.
    Laplace,
    /// A classifier by so many draws of the logits.
    Sample(u32),
    /// A binary classifier, or one of several binary labels.
    Sigmoid,
    /// A regression, with the coverage of its interval.
    Interval(f64),
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(coverage) = text.strip_prefix("interval:") {
            return match coverage.parse() {
                Ok(coverage) if coverage > 0.0 && coverage < 1.0 => Ok(Kind::Interval(coverage)),
                _ => Err(format!("the coverage '{coverage}' is not a number between 0 and 1")),
            };
        }
        if let Some(draws) = text.strip_prefix("sample:") {
            let draws = draws.parse().ok().filter(|draws| (1..=MAX_DRAWS).contains(draws));
            return draws.map(Kind::Sample).ok_or_else(|| {
                format!("the number of draws in '{text}' is not from 1 to {MAX_DRAWS}")
            });
        }
        match text {
            "mean-field" => Ok(Kind::MeanField),
            "laplace" => Ok(Kind::Laplace),
            "sigmoid" => Ok(Kind::Sigmoid),
            _ => Err(format!(
                "no head '{text}'; known: mean-field, laplace, sample:DRAWS, sigmoid, \
                 interval:COVERAGE"
            )),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::MeanField => f.write_str("mean-field"),
            Kind::Laplace => f.write_str("laplace"),
            Kind::Sample(draws) => write!(f, "sample:{draws}"),
            Kind::Sigmoid => f.write_str("sigmoid"),
            Kind::Interval(coverage) => write!(f, "interval:{coverage}"),
        }
    }
}

/// A number that is finite in `f32` and not negative: nats, or a variance.
///
/// # Errors
///
/// Where it is none.
pub fn parse_amount(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if f64::is_finite(value) && value >= 0.0 => match fits_f32(value) {
            true => Ok(value),
            false => Err(format!("{text} does not fit in float32")),
        },
        _ => Err(format!("'{text}' is not a finite number of at least 0")),
    }
}

/// What a head takes beside its kind.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settings {
    /// Above which uncertainty a classifier rejects.
    pub thresholds: Thresholds,
    /// The seed of draws; 0 where there is none.
    pub seed: Option<u64>,
    /// The variance of observations around a regression; 0 where there is none.
    pub noise: Option<f64>,
}

impl Head {
    /// A head of a kind.
    ///
    /// # Errors
    ///
    /// Where a setting is given that the kind does not take.
    pub fn new(kind: Kind, settings: Settings) -> Result<Self, String> {
        let Settings { thresholds, seed, noise } = settings;
        let refuse = |what| Err(format!("the head {kind} takes no {what}"));
        let is_sampled = matches!(kind, Kind::Sample(_));
        let is_interval = matches!(kind, Kind::Interval(_));
        if seed.is_some() && !is_sampled {
            return refuse("seed: it draws nothing");
        }
        if noise.is_some() && !is_interval {
            return refuse("noise variance: it is for the interval of a regression");
        }
        if thresholds != Thresholds::default() && is_interval {
            return refuse("thresholds: it makes no decision");
        }
        let method = match kind {
            Kind::MeanField => Method::MeanField,
            Kind::Laplace => Method::Laplace,
            Kind::Sample(draws) => Method::Sample(Sampling { draws, seed: seed.unwrap_or(0) }),
            Kind::Sigmoid => return Ok(Head::Binary(thresholds)),
            Kind::Interval(coverage) => {
                return Ok(Head::Interval(Interval { coverage, noise: noise.unwrap_or(0.0) }));
            }
        };
        Ok(Head::Classify(method, thresholds))
    }

    fn of(options: &Options) -> Result<Self, String> {
        let amount = |name: &str| {
            let parse = |text| parse_amount(text).map_err(|error| format!("{name}: {error}"));
            options.get(name).map(parse).transpose()
        };
        let kind = options.get("head").ok_or("gauss-append-head needs head=HEAD")?;
        let seed = options.get("seed").map(|text| {
            text.parse().map_err(|_| format!("seed: '{text}' is not a number below 2^64"))
        });
        let settings = Settings {
            thresholds: Thresholds {
                epistemic: amount("reject-epistemic")?,
                aleatoric: amount("reject-aleatoric")?,
            },
            seed: seed.transpose()?,
            noise: amount("noise-variance")?,
        };
        Self::new(kind.parse()?, settings)
    }
}

/// Appends a head to the public function of this name, or to all of them.
///
/// # Errors
///
/// At a function whose results the head cannot take.
pub fn append(module: Op, head: &Head, function: Option<&str>) -> Outcome {
    let functions = functions::to_append_to(module, function, "head")?;
    functions.into_iter().try_for_each(|function| append_to(function, module, head))
}

fn append_to(function: Op, module: Op, head: &Head) -> Outcome {
    let (terminator, output) = functions::returned(function, module, "head")?;
    let builder = Builder::before(terminator);
    let ty = output.ty();
    let no_logits = |rows| {
        let message = format!("returns {ty}, which are no logits: a row of {rows} for each item");
        fail(function, message)
    };
    let results = match (head, &ty.shape().unwrap_or_default()[..]) {
        (Head::Classify(..), [_, 1]) => {
            return Err(fail(
                function,
                format!(
                    "returns {ty}, 1 logit for each item: the head is for 2 or more classes; a \
                     binary classifier takes the head 'sigmoid'"
                ),
            ));
        }
        (Head::Classify(method, thresholds), &[items, _]) => {
            classify(builder, output, items, *method, *thresholds)
        }
        (Head::Classify(..), _) => return Err(no_logits("classes")),
        (Head::Binary(thresholds), &[items, labels]) => {
            binary(builder, output, [items, labels], *thresholds)
        }
        (Head::Binary(_), _) => return Err(no_logits("labels")),
        (Head::Interval(interval), _) => vec![self::interval(builder, output, *interval)],
    };
    let values: Vec<_> = [output].into_iter().chain(results).collect();
    terminator.set_operands(&values);
    let inputs = function.attribute("function_type").and_then(Attribute::as_type);
    let (inputs, _) = inputs
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let types: Vec<_> = values.into_iter().map(Value::ty).collect();
    let ty = function.context().function_type(&inputs, &types);
    function.set_attribute("function_type", ty.attr());
    Ok(())
}

fn classify(
    builder: Builder,
    logits: Value,
    items: i64,
    method: Method,
    thresholds: Thresholds,
) -> Vec<Value> {
    let shape = logits.ty().shape().unwrap_or_default();
    let probabilities = predict(builder, &Layer::Softmax(method), &[logits], &shape);
    let uncertainty = Layer::Uncertainty(method);
    let uncertainty = predict(builder, &uncertainty, &[logits], &[items, UNCERTAINTIES]);
    let mut results = vec![probabilities, uncertainty];
    if thresholds != Thresholds::default() {
        let decide = Layer::Decide(thresholds);
        results.push(predict(builder, &decide, &results, &[items]));
    }
    results
}

fn binary(
    builder: Builder,
    logits: Value,
    [items, labels]: [i64; 2],
    thresholds: Thresholds,
) -> Vec<Value> {
    let shape = [items, labels];
    let of_logits = |layer: &Layer, shape: &[i64]| predict(builder, layer, &[logits], shape);
    let probability = of_logits(&Layer::BinaryProbability, &shape);
    let uncertainty = of_logits(&Layer::BinaryUncertainty, &[items, labels, UNCERTAINTIES]);
    let mut results = vec![probability, uncertainty];
    if thresholds != Thresholds::default() {
        let decide = Layer::BinaryDecide(thresholds);
        results.push(predict(builder, &decide, &results, &shape));
    }
    results
}

/// An op of the head with its attributes.
fn predict(builder: Builder, layer: &Layer, operands: &[Value], shape: &[i64]) -> Value {
    let ty = Type::tensor(builder.context().f32(), shape);
    let name = format!("gauss.{}", layer.name());
    let op = builder.op(&name).operands(operands).results(&[ty]);
    let attributes = layer.write();
    let op = attributes
        .entries(builder.context())
        .fold(op, |op, (name, attribute)| op.attr(name, attribute));
    op.build().result(0)
}

fn interval(builder: Builder, output: Value, interval: Interval) -> Value {
    let shape = output.ty().shape().unwrap_or_default().into_iter().chain([2]);
    let shape: Vec<_> = shape.collect();
    predict(builder, &Layer::Interval(interval), &[output], &shape)
}
