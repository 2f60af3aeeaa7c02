//! Modes: what a compiled function computes of a Bayesian network.

mod draw;
mod mean;
mod sample;

use std::{fmt, str::FromStr};

use gauss_dialect::{
    covariance,
    ir::{Builder, Op, Type},
    layer::Layer,
    shape::TensorType,
};

use crate::pass::{Options, Outcome, fail};

/// What a compiled function computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Mean and variance of the outputs in closed form, in one pass.
    #[default]
    Moments,
    /// The deterministic network with every Gaussian at its mean.
    Mean,
    /// Mean and variance of the outputs over forward passes with drawn weights.
    Sample(Sampling),
}

/// Forward passes with drawn weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// The number of passes, 1 to [`MAX_SAMPLES`].
    pub samples: u32,
    /// The key of the random numbers. The same seed gives the same weights on every
    /// target and for every batch and number of tasks.
    pub seed: u64,
    /// Are the weights drawn by the compiler, and not in each call?
    pub presampled: bool,
    /// Does the function also return the outputs of every pass?
    pub draws: bool,
}

/// Rewrites every function of a module, whose calls are inlined, so that it computes
/// what the mode says. What is left of the dialect has plain tensors, but for
/// Gaussian arguments of functions that sample.
///
/// # Errors
///
/// At an op that cannot be computed in the mode.
pub fn apply(module: Op, mode: Mode) -> Outcome {
    match mode {
        Mode::Moments => Ok(()),
        Mode::Mean => {
            leave_out_covariances(module)?;
            mean::apply(module)
        }
        Mode::Sample(sampling) => {
            leave_out_covariances(module)?;
            sample::apply(module, &sampling)
        }
    }
}

/// Takes covariances from all types, and from windows: numbers have none.
fn leave_out_covariances(module: Op) -> Outcome {
    let ops = module.descendants();
    let aside = covariance::of_windows(&ops);
    for &op in &ops {
        if let Ok(Some(Layer::Pool(_))) = Layer::of(op) {
            op.set_operands(&[op.operand(0)]);
        }
    }
    aside.into_iter().rev().for_each(Op::erase);
    for op in module.descendants() {
        match Layer::of(op).map_err(|error| fail(op, error))? {
            Some(Layer::Correlated | Layer::Marginals) => {
                op.result(0).replace_all_uses_with(op.operand(0));
                op.erase();
            }
            Some(Layer::ScaleMixture(_)) => {
                let operands: Vec<_> = [0].into_iter().chain(2..op.operands().len()).collect();
                let operands: Vec<_> = operands.into_iter().map(|n| op.operand(n)).collect();
                let Some(ty) = TensorType::of(op.result(0).ty()) else { continue };
                let Some(ty) = ty.marginals().to_type(op.result(0).ty()) else { continue };
                let dense = Builder::before(op).value("gauss.dense", &operands, ty);
                op.result(0).replace_all_uses_with(dense);
                op.erase();
            }
            Some(
                Layer::Covariance { .. }
                | Layer::Nodes
                | Layer::Mix
                | Layer::SquareDeviation { .. }
                | Layer::Gain(_),
            ) => {
                return Err(fail(
                    op,
                    "has no meaning in this mode, where nothing has a covariance",
                ));
            }
            Some(_) => op.results().into_iter().for_each(|value| {
                let marginals = TensorType::of(value.ty()).filter(TensorType::has_covariance);
                if let Some(ty) = marginals.and_then(|ty| ty.marginals().to_type(value.ty())) {
                    value.set_type(ty);
                }
            }),
            None => {}
        }
    }
    Ok(())
}

/// The plain tensor type of the shape of a Gaussian one; other types as they are.
pub(crate) fn plain(ty: Type) -> Type {
    match ty.is_gaussian() {
        true => Type::tensor(ty.element_type(), &ty.shape().unwrap_or_default()),
        false => ty,
    }
}

/// The most passes of a call: up to here `f32` holds their number exactly.
pub const MAX_SAMPLES: u32 = 1 << 24;

impl Sampling {
    /// So many passes, drawn in each call, with the seed 0.
    pub fn new(samples: u32) -> Self {
        Self { samples, seed: 0, presampled: false, draws: false }
    }
}

impl Mode {
    /// The options by which a pass or pipeline is told the mode.
    pub const OPTIONS: &'static [&'static str] = &["mode", "samples", "seed", "draws"];

    /// Reads the options of a pass.
    ///
    /// # Errors
    ///
    /// Where a value is out of range, or `samples`, `seed` or `draws` stands beside a
    /// mode without samples.
    pub fn of(options: &Options) -> Result<Self, String> {
        let name = options.get("mode").unwrap_or("moments");
        let presampled = match name {
            "sample" => false,
            "presampled" => true,
            "moments" | "mean" => {
                let extra = ["samples", "seed", "draws"];
                let extra = extra.into_iter().find(|option| options.get(option).is_some());
                return match (extra, name) {
                    (Some(extra), _) => Err(format!(
                        "'{extra}' is an option of the modes sample and presampled, not of '{name}'"
                    )),
                    (None, "mean") => Ok(Mode::Mean),
                    (None, _) => Ok(Mode::Moments),
                };
            }
            _ => {
                return Err(format!("'mode' is moments, mean, sample or presampled, not '{name}'"));
            }
        };
        let samples = options
            .get("samples")
            .ok_or_else(|| format!("mode={name} needs samples=N, the number of forward passes"))?;
        let seed = options.get("seed").unwrap_or("0");
        Ok(Mode::Sample(Sampling {
            samples: parse_samples(samples)?,
            seed: seed.parse().map_err(|_| {
                format!("'seed' is a number from 0 to 18446744073709551615, not '{seed}'")
            })?,
            presampled,
            draws: match options.get("draws") {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => return Err(format!("'draws' is true or false, not '{other}'")),
            },
        }))
    }

    /// The options of a pass that [`Mode::of`] reads this mode from.
    pub fn options(&self) -> String {
        match self {
            Mode::Moments => "mode=moments".into(),
            Mode::Mean => "mode=mean".into(),
            Mode::Sample(Sampling { samples, seed, presampled, draws }) => {
                let name = if *presampled { "presampled" } else { "sample" };
                format!("mode={name} samples={samples} seed={seed} draws={draws}")
            }
        }
    }
}

fn parse_samples(text: &str) -> Result<u32, String> {
    let samples = text.parse().ok().filter(|samples| (1..=MAX_SAMPLES).contains(samples));
    samples.ok_or_else(|| format!("the number of samples is from 1 to {MAX_SAMPLES}, not '{text}'"))
}

/// `moments`, `mean`, `sample:N` or `presampled:N`; the seed is 0.
impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "moments" => Ok(Mode::Moments),
            None if text == "mean" => Ok(Mode::Mean),
            Some((kind @ ("sample" | "presampled"), samples)) => {
                let presampled = kind == "presampled";
                Ok(Mode::Sample(Sampling { presampled, ..Sampling::new(parse_samples(samples)?) }))
            }
            None if matches!(text, "sample" | "presampled") => {
                Err(format!("'{text}' needs the number of forward passes, as in '{text}:30'"))
            }
            _ => Err(format!("a mode is moments, mean, sample:N or presampled:N, not '{text}'")),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Moments => f.write_str("moments"),
            Mode::Mean => f.write_str("mean"),
            Mode::Sample(Sampling { samples, presampled: false, .. }) => {
                write!(f, "sample:{samples}")
            }
            Mode::Sample(Sampling { samples, .. }) => write!(f, "presampled:{samples}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &str) -> Result<Mode, String> {
        Mode::of(&Options::parse(options, Mode::OPTIONS)?)
    }

    #[test]
    fn a_mode_is_what_it_prints() {
        for text in ["moments", "mean", "sample:30", "presampled:1"] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn options_say_the_whole_mode() {
        for mode in [
            Mode::Moments,
            Mode::Mean,
            Mode::Sample(Sampling::new(30)),
            Mode::Sample(Sampling { samples: 2, seed: u64::MAX, presampled: true, draws: true }),
        ] {
            assert_eq!(parse(&mode.options()), Ok(mode));
        }
    }

    #[test]
    fn a_bad_mode_is_told_what_is_possible() {
        let error = |text: &str| text.parse::<Mode>().unwrap_err();
        assert!(error("fast").contains("moments, mean, sample:N or presampled:N"));
        assert!(error("sample").contains("sample:30"));
        assert!(error("sample:0").contains("from 1 to 16777216, not '0'"));
        assert!(error("mean:3").contains("not 'mean:3'"));
        assert!(parse("mode=sample").unwrap_err().contains("needs samples=N"));
        assert!(parse("mode=mean seed=3").unwrap_err().contains("'seed' is an option of"));
        assert!(parse("mode=sample samples=1 seed=-1").unwrap_err().contains("not '-1'"));
        assert!(parse("mode=sample samples=1 draws=2").unwrap_err().contains("not '2'"));
    }
}
