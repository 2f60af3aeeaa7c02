//! Frameworks of torch whose layers keep mean and spread side by side in the state dict.

use std::{collections::BTreeMap, rc::Rc};

use super::Framework;
use crate::posterior::{
    Keyed, Read, Reading,
    representation::{Representation, SOFTPLUS},
    tensor::Tensor,
};

/// What the layers of a framework call their tensors.
pub struct Layers {
    name: &'static str,
    /// Before and after the name of a parameter: of its mean, of its spread.
    mean: (&'static str, &'static str),
    scale: (&'static str, &'static str),
    representation: Representation,
    /// Is a part of a path one that no parameter belongs to, such as a copy or a prior?
    is_aside: fn(&str) -> bool,
    /// What names of noise and of priors begin or end with.
    beside: &'static [(&'static str, &'static str)],
}

pub const BAYESIAN_TORCH: Layers = Layers {
    name: "bayesian-torch",
    mean: ("mu_", ""),
    scale: ("rho_", ""),
    representation: SOFTPLUS,
    is_aside: |_| false,
    beside: &[("eps_", ""), ("prior_", "")],
};

pub const TORCH_UNCERTAINTY: Layers = Layers {
    name: "torch-uncertainty",
    mean: ("", "_mu"),
    scale: ("", "_sigma"),
    representation: SOFTPLUS,
    is_aside: is_sampler,
    beside: &[],
};

pub const BLITZ: Layers = Layers {
    name: "blitz",
    mean: ("", "_mu"),
    scale: ("", "_rho"),
    representation: SOFTPLUS,
    is_aside: is_sampler,
    beside: &[],
};

pub const TORCHBNN: Layers = Layers {
    name: "torchbnn",
    mean: ("", "_mu"),
    scale: ("", "_log_sigma"),
    representation: Representation::LogStd,
    is_aside: |_| false,
    beside: &[("", "_eps")],
};

pub const FASTBNNS: Layers = Layers {
    name: "fastbnns",
    mean: ("", "_mean"),
    scale: ("", "_rho"),
    representation: SOFTPLUS,
    is_aside: |part| part == "_moment_propagator",
    beside: &[],
};

/// The folder in which fastbnns keeps the parameters of a layer.
const FASTBNNS_FOLDER: &str = "_module_params";

/// Where it keeps the layer itself, whose parameters are the means once more.
const ALIASES: &str = "_module";

/// The tensors of a file by their keys.
type Keys<'a> = BTreeMap<&'a str, &'a Rc<Tensor>>;

/// Why a tensor belongs to no parameter.
const ASIDE: &str = "a copy, noise or a prior";

impl Framework for Layers {
    fn name(&self) -> &'static str {
        self.name
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let tensors = reading.tensors(reading.document.state_dict()?)?;
        let keys: Keys = tensors.iter().map(|(key, tensor)| (key.as_str(), tensor)).collect();
        let mut frozen = Vec::new();
        let mut apart = Vec::new();
        for (key, tensor) in &tensors {
            let (layer, leaf) = key.rsplit_once('.').unwrap_or(("", key));
            let within = |leaf: &str| match layer {
                "" => leaf.to_owned(),
                _ => format!("{layer}.{leaf}"),
            };
            if let Some(stem) = inner(leaf, self.mean)
                && keys.contains_key(within(&around(stem, self.scale)).as_str())
            {
                let scale_key = within(&around(stem, self.scale));
                let Some((&scale_key, &scale)) = keys.get_key_value(scale_key.as_str()) else {
                    continue;
                };
                let scale = (scale_key, scale);
                let name = name_of(layer, stem);
                let mean = (key.as_str(), tensor);
                let (mean, scale) = match drawn(&keys, &within(stem)) {
                    Some((drawn_mean, drawn_scale)) => {
                        if differ(reading, mean.1, drawn_mean.1)? {
                            apart.push(key.as_str());
                        }
                        (drawn_mean, drawn_scale)
                    }
                    None => (mean, scale),
                };
                reading.gaussian(name, mean, scale, self.representation)?;
                continue;
            }
            if let Some(stem) = inner(leaf, self.scale)
                && keys.contains_key(within(&around(stem, self.mean)).as_str())
            {
                continue;
            }
            let is_beside = |&&(before, after): &&(&str, &str)| {
                inner(leaf, (before, after)).is_some_and(|stem| !stem.is_empty())
            };
            let copied = layer.strip_suffix(ALIASES).map(|layer| {
                let mean = around(leaf, self.mean);
                keys.contains_key(format!("{layer}{FASTBNNS_FOLDER}.{mean}").as_str())
            });
            let is_aside = layer.split('.').any(self.is_aside) || copied == Some(true);
            if let Some(&(_, after)) = self.beside.iter().find(is_beside) {
                if after == "_eps" {
                    frozen.push(layer.to_owned());
                }
                reading.leave_out(key, ASIDE);
            } else if is_aside {
                reading.leave_out(key, ASIDE);
            } else if inner(leaf, self.mean).or(inner(leaf, self.scale)).is_some_and(is_parameter) {
                return Err(format!("'{key}' has no counterpart: mean and spread come in pairs"));
            } else {
                let budget = &reading.document.budget;
                reading.deterministic(key.clone(), (key, tensor), budget)?;
            }
        }
        if !apart.is_empty() {
            reading.note(format!(
                "{} differ(s) from what the sampler of the layer has, which the network draws from: \
                 the sampler's numbers are taken",
                apart.join(", ")
            ));
        }
        frozen.dedup();
        if !frozen.is_empty() {
            reading.note(format!(
                "the layer(s) {} were frozen when they were saved: there the network used one fixed \
                 draw, not this posterior",
                frozen.join(", ")
            ));
        }
        Ok(())
    }
}

/// What draws a parameter, such as `weight_ih_sampler`, or its prior.
fn is_sampler(part: &str) -> bool {
    part.ends_with("_sampler") || part.ends_with("_prior_dist")
}

/// Mean and spread that a parameter is drawn with. Those of the layer itself are the same numbers,
/// unless the network was moved to another device or dtype: then only these are trained.
fn drawn<'a>(keys: &Keys<'a>, parameter: &str) -> Option<(Keyed<'a>, Keyed<'a>)> {
    let find = |part: &str| {
        let (&key, &tensor) = keys.get_key_value(format!("{parameter}_sampler.{part}").as_str())?;
        Some((key, tensor))
    };
    Some((find("mu")?, find("rho")?))
}

fn differ(reading: &Reading, one: &Tensor, other: &Tensor) -> Read<bool> {
    let budget = &reading.document.budget;
    Ok(one.values(budget)? != other.values(budget)?)
}

/// Is a stem the name of a parameter, rather than the rest of another word?
fn is_parameter(stem: &str) -> bool {
    ["weight", "kernel", "bias"].contains(&stem)
}

fn inner<'a>(leaf: &'a str, (before, after): (&str, &str)) -> Option<&'a str> {
    leaf.strip_prefix(before)?.strip_suffix(after)
}

fn around(stem: &str, (before, after): (&str, &str)) -> String {
    format!("{before}{stem}{after}")
}

/// The name as torch's own layers have it.
fn name_of(layer: &str, stem: &str) -> String {
    let stem = if stem == "kernel" { "weight" } else { stem };
    let layer =
        layer.strip_suffix(FASTBNNS_FOLDER).map_or(layer, |rest| rest.trim_end_matches('.'));
    match layer {
        "" => stem.to_owned(),
        _ => format!("{layer}.{stem}"),
    }
}
