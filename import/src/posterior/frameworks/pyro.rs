//! Pyro: the parameter store, and the state of a guide.

use std::rc::Rc;

use super::{Framework, LOW_RANK_COST, Wish, cut, marginals, pieces};
use crate::posterior::{
    Read, Reading, means,
    objects::{Id, Object},
    representation::{Representation, SOFTPLUS},
    tensor::Tensor,
    variances,
};

pub struct Pyro;

/// What the state dict of a guide has behind each name.
const UNCONSTRAINED: &str = "_unconstrained";

/// What stands between a module of the store and the name of its parameter.
const IN_MODULE: &str = "$$$";

impl Framework for Pyro {
    fn name(&self) -> &'static str {
        "pyro"
    }

    fn takes(&self) -> &'static [Wish] {
        &[Wish::Representation, Wish::Marginals, Wish::Order]
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let objects = &reading.document.objects;
        let root = reading.document.root;
        match (objects.entry(root, "params"), objects.entry(root, "constraints")) {
            (Some(params), Some(constraints)) => store(reading, params, constraints),
            _ => guide(reading),
        }
    }
}

/// A parameter store: unconstrained numbers, and the constraint of each.
fn store(reading: &mut Reading, params: Id, constraints: Id) -> Read<()> {
    let tensors = reading.tensors(params)?;
    let constraint = |key: &str| {
        let objects = &reading.document.objects;
        objects.entry(constraints, key).map(|id| meaning(reading, id)).transpose()
    };
    let mut parameters = Vec::new();
    for (key, tensor) in tensors {
        let meaning = constraint(&key).map_err(|error| format!("'{key}' {error}"))?;
        parameters.push(Parameter { key, tensor, meaning: meaning.unwrap_or(Meaning::Unknown) });
    }
    take(reading, &parameters)
}

/// The state dict of a guide, which has no constraints.
fn guide(reading: &mut Reading) -> Read<()> {
    let tensors = reading.tensors(reading.document.state_dict()?)?;
    let mut parameters = Vec::new();
    for (key, tensor) in tensors {
        let Some(name) = key.strip_suffix(UNCONSTRAINED) else {
            let meaning = Meaning::Real;
            parameters.push(Parameter { key, tensor, meaning });
            continue;
        };
        let is_scale = name.contains("scales.") || name.ends_with("scale");
        let meaning = match is_scale {
            true => Meaning::Scale(
                reading
                    .stated_representation("the state of a guide, other than a parameter store,")?,
            ),
            false => Meaning::Real,
        };
        parameters.push(Parameter { key: name.to_owned(), tensor, meaning });
    }
    take(reading, &parameters)
}

/// A tensor of a file.
struct Parameter {
    key: String,
    tensor: Rc<Tensor>,
    meaning: Meaning,
}

/// What the numbers of a tensor are.
#[derive(Clone, Copy)]
enum Meaning {
    /// What they say.
    Real,
    /// A standard deviation, in this representation.
    Scale(Representation),
    /// The file does not say.
    Unknown,
}

/// Constraints of constraints.
const NESTED: usize = 4;

/// What a constraint says of the numbers that it is kept with.
fn meaning(reading: &Reading, constraint: Id) -> Read<Meaning> {
    let objects = &reading.document.objects;
    let mut constraint = constraint;
    for _ in 0..NESTED {
        let Object::Opaque(opaque) = objects.get(constraint) else {
            return Err("has a constraint that is none".into());
        };
        let attribute = |name: &str| opaque.state.and_then(|state| objects.entry(state, name));
        let is_zero = attribute("lower_bound").is_none_or(|bound| match objects.get(bound) {
            Object::Float(bound) => *bound == 0.0,
            Object::Int(bound) => *bound == 0,
            _ => false,
        });
        match opaque.class.rsplit('.').next().unwrap_or_default() {
            "_Real" => return Ok(Meaning::Real),
            "_SoftplusPositive" if is_zero => return Ok(Meaning::Scale(SOFTPLUS)),
            "_Positive" | "_GreaterThan" if is_zero => {
                return Ok(Meaning::Scale(Representation::LogStd));
            }
            "_IndependentConstraint" => match attribute("base_constraint") {
                Some(base) => constraint = base,
                None => break,
            },
            _ => return Err(format!("has the constraint {}, which is not read", opaque.class)),
        }
    }
    Err("has a constraint of constraints".into())
}

/// A name with the part before a word, and the part after it.
fn split<'a>(key: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    if let Some(site) = key.strip_prefix(word) {
        return Some(("", site));
    }
    let at = key.find(&format!(".{word}"))?;
    Some((&key[..at], &key[at + 1 + word.len()..]))
}

fn take(reading: &mut Reading, parameters: &[Parameter]) -> Read<()> {
    let find = |guide: &str, name: &str| {
        let key = match guide {
            "" => name.to_owned(),
            _ => format!("{guide}.{name}"),
        };
        parameters.iter().find(|parameter| parameter.key == key)
    };
    for parameter in parameters {
        let Parameter { key, tensor, meaning } = parameter;
        if let Some((guide, site)) = split(key, "locs.") {
            if matches!(meaning, Meaning::Scale(_)) {
                return Err(format!("'{key}' has the constraint of a scale, not of a location"));
            }
            let scale = find(guide, &format!("scales.{site}"));
            let scale = scale.ok_or_else(|| format!("'{key}' has no scales.{site} beside it"))?;
            let representation = representation(scale)?;
            reading.gaussian(
                site.to_owned(),
                (key, tensor),
                (&scale.key, &scale.tensor),
                representation,
            )?;
        } else if let Some((guide, site)) = split(key, "scales.") {
            if find(guide, &format!("locs.{site}")).is_none() {
                return Err(format!("'{key}' has no locs.{site} beside it"));
            }
        } else if key.ends_with("scale_tril") {
            return Err(format!(
                "'{key}' is of a guide with a full covariance, which is not read: train an \
                 AutoNormal"
            ));
        } else if let Some(guide) = key.strip_suffix("loc").filter(|rest| is_part(rest)) {
            let guide = guide.trim_end_matches('.');
            let scale = find(guide, "scale");
            let scale = scale.ok_or_else(|| format!("'{key}' has no scale beside it"))?;
            flat(reading, parameter, scale, find(guide, "cov_factor"))?;
        } else if ["scale", "cov_factor"].iter().any(|part| {
            let guide = key.strip_suffix(part).filter(|rest| is_part(rest));
            guide.is_some_and(|guide| find(guide.trim_end_matches('.'), "loc").is_some())
        }) {
            // Read with its loc.
        } else {
            if !matches!(meaning, Meaning::Real) {
                return Err(format!(
                    "'{key}' is neither a location nor a scale, and is not kept as it is"
                ));
            }
            let name = key.split_once(IN_MODULE).map_or(key.as_str(), |(_, name)| name);
            let budget = &reading.document.budget;
            reading.deterministic(name.to_owned(), (key, tensor), budget)?;
        }
    }
    Ok(())
}

/// Does a name before a part end as a part does?
fn is_part(rest: &str) -> bool {
    rest.is_empty() || rest.ends_with('.')
}

fn representation(scale: &Parameter) -> Read<Representation> {
    match scale.meaning {
        Meaning::Scale(representation) => Ok(representation),
        Meaning::Real | Meaning::Unknown => {
            Err(format!("'{}' has no constraint that says what its numbers are", scale.key))
        }
    }
}

/// A guide with one vector for all sites.
fn flat(
    reading: &mut Reading,
    loc: &Parameter,
    scale: &Parameter,
    factor: Option<&Parameter>,
) -> Read<()> {
    let budget = &reading.document.budget;
    let representation = representation(scale)?;
    let mean = means(&loc.key, &loc.tensor.values(budget)?)?;
    let scales = scale.tensor.values(budget)?;
    let mut keys = vec![loc.key.as_str(), scale.key.as_str()];
    let variance = match factor {
        None => variances(&scale.key, &scales, representation)?,
        Some(factor) => {
            keys.push(&factor.key);
            let factors = factor.tensor.values(budget)?;
            marginals(reading, &format!("'{}', of a low-rank guide,", factor.key), LOW_RANK_COST)?;
            low_rank(&scale.key, (&scales, representation), &factors)?
        }
    };
    if mean.len() != variance.len() {
        return Err(format!(
            "'{}' has {} numbers, but '{}' has {}",
            loc.key,
            mean.len(),
            scale.key,
            variance.len()
        ));
    }
    let pieces = pieces(reading, mean.len()).map_err(|error| format!("'{}': {error}", loc.key))?;
    cut(reading, pieces, (&mean, &variance), &keys);
    Ok(())
}

/// The marginal variances of a low-rank posterior: of scale * (noise + factor * fewer noises).
pub fn low_rank(
    key: &str,
    (scales, representation): (&[f64], Representation),
    factors: &[f64],
) -> Read<Vec<f32>> {
    if scales.is_empty() || !factors.len().is_multiple_of(scales.len()) {
        return Err(format!("'{key}' and its cov_factor do not fit together"));
    }
    let rank = factors.len() / scales.len();
    let marginal = |(index, &scale): (usize, &f64)| {
        let row = factors.get(index * rank..(index + 1) * rank).unwrap_or_default();
        let spread = 1.0 + row.iter().map(|factor| factor * factor).sum::<f64>();
        representation.variance(scale).map_or(f64::NAN, |variance| variance * spread)
    };
    let marginals: Vec<_> = scales.iter().enumerate().map(marginal).collect();
    variances(key, &marginals, Representation::Variance)
}
