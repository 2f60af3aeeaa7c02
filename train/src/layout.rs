//! Where the numbers of each parameter lie, and which of them are trained.

use std::ops::Range;

use pfp_compiler::error::Error;
use regex::Regex;

use crate::{
    gradient::{NOISE, Parameter},
    settings::{Objective, Prior, Settings},
};

/// The numbers of a parameter among all values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its means.
    pub mean: Range<usize>,
    /// Its variances, where it has any.
    pub variance: Option<Range<usize>>,
}

/// A parameter as it is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its means.
    pub mean: Range<usize>,
    /// Its variances, where it has any.
    pub variance: Option<Range<usize>>,
    /// One over the variance of its prior.
    pub precision: f64,
    /// Does the prior pull its means?
    pub has_prior: bool,
    /// Are its means trained?
    pub trains_means: bool,
    /// Are its variances trained?
    pub trains_variances: bool,
}

/// Where the numbers of these parameters lie, one after the other.
pub fn spans(parameters: &[Parameter]) -> Vec<Span> {
    let span = |(means, variances): &mut (usize, usize), parameter: &Parameter| {
        let mean = *means..*means + parameter.len();
        let variance = parameter.gaussian.then(|| *variances..*variances + parameter.len());
        *means = mean.end;
        *variances = variance.as_ref().map_or(*variances, |range| range.end);
        Some(Span { mean, variance })
    };
    parameters.iter().scan((0, 0), span).collect()
}

/// The places of these parameters, and what the settings say of each.
///
/// # Errors
///
/// Where a pattern is none or names no parameter, a name stands twice, or nothing is left to train.
pub fn places(parameters: &[Parameter], settings: &Settings) -> Result<Vec<Place>, Error> {
    let frozen = Frozen::of(&settings.freeze, parameters)?;
    let has_variances = settings.objective != Objective::Means;
    let mut places = Vec::new();
    for (index, (parameter, span)) in parameters.iter().zip(spans(parameters)).enumerate() {
        let Span { mean, variance } = span;
        if parameters[..index].iter().any(|other| other.name == parameter.name) {
            return Err(Error::Internal(format!(
                "the parameter '{}' is there twice",
                parameter.name
            )));
        }
        let is_free = parameter.trainable && !frozen.names(&parameter.name);
        let deviation = match settings.prior {
            Prior::Fixed(deviation) => deviation,
            Prior::FanIn(factor) => factor * fan_in_scale(parameter, parameters),
        };
        let precision = 1.0 / (deviation * deviation);
        if !(precision as f32).is_normal() {
            return Err(Error::request(format!(
                "--prior {} gives '{}' a prior that float32 cannot hold",
                settings.prior, parameter.name
            ))
            .with_help("choose a number nearer to 1"));
        }
        let decays = settings.decay_deterministic && parameter.name != NOISE;
        places.push(Place {
            precision,
            has_prior: parameter.gaussian || decays,
            // The learned noise is no weight: only its name freezes it.
            trains_means: is_free && (!frozen.means || parameter.name == NOISE),
            trains_variances: is_free && variance.is_some() && !frozen.variances && has_variances,
            mean,
            variance,
        });
    }
    if !places.iter().any(|place| place.trains_means || place.trains_variances) {
        return Err(Error::request("everything is frozen: there is nothing to train")
            .with_help("--freeze keeps means, variances, or the parameters that a pattern names"));
    }
    Ok(places)
}

/// `1 / sqrt(fan-in)` of the layer of a parameter: of a weight, the product of its sizes but the first;
/// of a vector, that of the weight of the same layer; 1 where there is none.
pub fn fan_in_scale(parameter: &Parameter, parameters: &[Parameter]) -> f64 {
    let fan_in = |shape: &[usize]| shape.iter().skip(1).product::<usize>().max(1) as f64;
    let layer = |name: &str| name.rsplit_once('.').map_or(String::new(), |(layer, _)| layer.into());
    let weight = match parameter.shape.len() {
        0 | 1 => parameters
            .iter()
            .filter(|other| other.shape.len() > 1)
            .find(|other| layer(&other.name) == layer(&parameter.name)),
        _ => Some(parameter),
    };
    weight.map_or(1.0, |weight| 1.0 / fan_in(&weight.shape).sqrt())
}

/// What is not trained.
struct Frozen {
    means: bool,
    variances: bool,
    patterns: Vec<Regex>,
}

impl Frozen {
    fn of(freeze: &[String], parameters: &[Parameter]) -> Result<Self, Error> {
        let mut frozen = Self { means: false, variances: false, patterns: Vec::new() };
        for text in freeze {
            match text.as_str() {
                "means" => frozen.means = true,
                "variances" => frozen.variances = true,
                pattern => frozen.patterns.push(compile(pattern, parameters)?),
            }
        }
        Ok(frozen)
    }

    fn names(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_match(name))
    }
}

/// A pattern of whole names that fits at least one.
fn compile(pattern: &str, parameters: &[Parameter]) -> Result<Regex, Error> {
    let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
        Error::request(format!("--freeze {pattern} is no regular expression"))
            .with_help("a pattern is one for whole names, such as 'conv1\\..*'")
    })?;
    if parameters.iter().any(|parameter| regex.is_match(&parameter.name)) {
        return Ok(regex);
    }
    let names: Vec<_> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    Err(Error::request(format!("--freeze {pattern} fits the name of no parameter"))
        .with_help(format!("the parameters are {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Vec<Parameter> {
        let parameter = |name: &str, shape: &[usize], gaussian, trainable| Parameter {
            name: name.into(),
            shape: shape.to_vec(),
            gaussian,
            trainable,
        };
        vec![
            parameter("conv.weight", &[4, 3, 2, 2], true, true),
            parameter("conv.bias", &[4], true, true),
            parameter("norm.running_mean", &[4], false, false),
            parameter("norm.weight", &[4], false, true),
        ]
    }

    fn of(freeze: &[&str]) -> Result<Vec<Place>, Error> {
        let freeze = freeze.iter().map(|text| (*text).to_owned()).collect();
        places(&parameters(), &Settings { freeze, ..Settings::default() })
    }

    fn trained(freeze: &[&str]) -> Vec<(bool, bool)> {
        let places = of(freeze).unwrap();
        places.iter().map(|place| (place.trains_means, place.trains_variances)).collect()
    }

    #[test]
    fn numbers_lie_one_after_the_other() {
        let places = of(&[]).unwrap();
        let means: Vec<_> = places.iter().map(|place| place.mean.clone()).collect();
        assert_eq!(means, [0..48, 48..52, 52..56, 56..60]);
        let variances: Vec<_> = places.iter().map(|place| place.variance.clone()).collect();
        assert_eq!(variances, [Some(0..48), Some(48..52), None, None]);
    }

    #[test]
    fn what_is_frozen_is_not_trained_and_running_statistics_never_are() {
        let (yes, no) = ((true, true), (false, false));
        assert_eq!(trained(&[]), [yes, yes, no, (true, false)]);
        assert_eq!(trained(&["means"]), [(false, true), (false, true), no, no]);
        assert_eq!(trained(&["variances"]), [(true, false), (true, false), no, (true, false)]);
        assert_eq!(trained(&[r"conv\..*"]), [no, no, no, (true, false)]);
    }

    #[test]
    fn the_learned_noise_is_frozen_by_its_name_only() {
        let noise =
            Parameter { name: NOISE.into(), shape: vec![1], gaussian: false, trainable: true };
        let parameters = [parameters(), vec![noise]].concat();
        let trains = |freeze: &str| {
            let settings = Settings { freeze: vec![freeze.into()], ..Settings::default() };
            places(&parameters, &settings).unwrap()[4].trains_means
        };
        assert!(trains("means") && trains("variances") && !trains(r"pfp\.noise\..*"));
    }

    #[test]
    fn patterns_that_cannot_be_meant_are_errors() {
        for (freeze, needle) in [
            (&["conv"][..], "fits the name of no parameter"),
            (&["("], "no regular expression"),
            (&["means", "variances"], "everything is frozen"),
            (&[".*"], "everything is frozen"),
        ] {
            let error = of(freeze).unwrap_err().to_string();
            assert!(error.contains(needle), "{error}");
        }
    }

    #[test]
    fn a_vector_has_the_fan_in_of_its_layer() {
        let parameters = parameters();
        let scale = |index: usize| fan_in_scale(&parameters[index], &parameters);
        assert_eq!((scale(0), scale(1)), (12f64.sqrt().recip(), 12f64.sqrt().recip()));
        assert_eq!(scale(3), 1.0);
        let settings = Settings { prior: Prior::FanIn(2.0), ..Settings::default() };
        let places = places(&parameters, &settings).unwrap();
        assert!((places[0].precision - 3.0).abs() < 1e-12);
    }
}
