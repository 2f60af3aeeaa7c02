//! NumPyro: the parameters of a guide, of plain models and of flax modules.

use std::{collections::BTreeMap, rc::Rc};

use super::{Framework, LOW_RANK_COST, Wish, cut, marginals, pieces, pyro::low_rank};
use crate::posterior::{
    Read, Reading,
    layout::Layout,
    means,
    objects::{Id, Object},
    representation::Representation,
    tensor::Tensor,
    variances,
};

pub struct Numpyro;

/// What the names of a site end with.
const LOC: &str = "_auto_loc";
const SCALE: &str = "_auto_scale";

/// What is said of numbers that are none of a standard deviation.
const NO_VARIANCE: &str = "that stand for no variance";

/// Dictionaries within dictionaries.
const DEPTH_LIMIT: usize = 16;

impl Framework for Numpyro {
    fn name(&self) -> &'static str {
        "numpyro"
    }

    fn takes(&self) -> &'static [Wish] {
        &[Wish::Representation, Wish::Marginals, Wish::Order]
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let mut tensors = BTreeMap::new();
        flatten(reading, "", reading.document.root, 0, &mut tensors)?;
        let representation = reading.request.representation.unwrap_or(Representation::Std);
        let unconstrained = |error: String| match reading.request.representation {
            // Negative numbers are what tells them.
            None if error.contains(NO_VARIANCE) => format!(
                "{error}; unconstrained numbers, as optim.get_params gives them, need \
                 --representation softplus: svi.get_params gives constrained ones"
            ),
            _ => error,
        };
        for (key, tensor) in &tensors {
            if ["auto_scale_tril", "auto_cov_factor"].contains(&key.as_str()) {
                continue;
            }
            if key == "auto_loc" {
                flat(reading, &tensors, representation).map_err(unconstrained)?;
                continue;
            }
            if key == "auto_scale" && tensors.contains_key("auto_loc") {
                continue;
            }
            let entry = match (key.strip_suffix(LOC), key.strip_suffix(SCALE)) {
                (Some(site), _) => {
                    let scale_key = format!("{site}{SCALE}");
                    let scale = tensors.get(&scale_key);
                    let scale =
                        scale.ok_or_else(|| format!("'{key}' has no '{scale_key}' beside it"))?;
                    let scale = (scale_key.as_str(), scale);
                    let name = site.to_owned();
                    reading
                        .gaussian(name, (key, tensor), scale, representation)
                        .map_err(unconstrained)?;
                    site
                }
                (None, Some(site)) => {
                    if !tensors.contains_key(&format!("{site}{LOC}")) {
                        return Err(format!("'{key}' has no '{site}{LOC}' beside it"));
                    }
                    continue;
                }
                (None, None) => {
                    let budget = &reading.document.budget;
                    reading.deterministic(key.clone(), (key, tensor), budget)?;
                    key.as_str()
                }
            };
            settle(reading, entry);
        }
        Ok(())
    }
}

/// Names and layout as torch has them, of the entry that came last.
fn settle(reading: &mut Reading, name: &str) {
    let module = name.rsplit_once(['.', '/']);
    let Some(entry) = reading.posterior.entries.last_mut() else { return };
    match module {
        Some((layer, "kernel")) => {
            entry.name = format!("{layer}.weight");
            entry.layout = Layout::Flax;
            entry.transpose();
            if entry.shape.len() > 2 {
                reading.note(format!(
                    "'{name}' is the kernel of a convolution: flax flattens images as height, width, \
                     channels, and a dense layer behind it needs its inputs in that order"
                ));
            }
        }
        Some((layer, "scale" | "embedding")) => entry.name = format!("{layer}.weight"),
        _ if name.ends_with("bias") => {}
        _ => entry.layout = Layout::Unknown,
    }
}

/// All tensors below a dictionary, by the path of keys.
fn flatten(
    reading: &mut Reading,
    path: &str,
    of: Id,
    depth: usize,
    tensors: &mut BTreeMap<String, Rc<Tensor>>,
) -> Read<()> {
    let document = reading.document;
    let entries = document.objects.entries(of);
    let entries = entries.ok_or("it is no dictionary of parameters, as svi_result.params is")?;
    if depth > DEPTH_LIMIT {
        return Err("its dictionaries are nested too deep".into());
    }
    for (key, value) in entries {
        let full = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match document.objects.get(value) {
            Object::Dict(_) => flatten(reading, &full, value, depth + 1, tensors)?,
            Object::Tensor(tensor) if tensor.element.is_float() => {
                // The parameters of a module that are not drawn: `net$params`.
                let name = full.replace("$params.", "/");
                if tensors.insert(name, Rc::clone(tensor)).is_some() {
                    return Err(format!("it has two entries '{}'", full.escape_debug()));
                }
            }
            Object::Tensor(_) => reading.leave_out(full, "integers are no weights"),
            _ => reading.leave_out(full, "it says which sites a module has"),
        }
    }
    Ok(())
}

/// A guide with one vector for all sites.
fn flat(
    reading: &mut Reading,
    tensors: &BTreeMap<String, Rc<Tensor>>,
    representation: Representation,
) -> Read<()> {
    let budget = &reading.document.budget;
    if tensors.contains_key("auto_scale_tril") {
        return Err("'auto_scale_tril' is of a guide with a full covariance, which is not read: \
                    train an AutoNormal"
            .into());
    }
    let (Some(loc), Some(scale)) = (tensors.get("auto_loc"), tensors.get("auto_scale")) else {
        return Err("'auto_loc' has no 'auto_scale' beside it".into());
    };
    let mean = means("auto_loc", &loc.values(budget)?)?;
    let scales = scale.values(budget)?;
    let mut keys = vec!["auto_loc", "auto_scale"];
    let variance = match tensors.get("auto_cov_factor") {
        None => variances("auto_scale", &scales, representation)?,
        Some(factor) => {
            keys.push("auto_cov_factor");
            let factors = factor.values(budget)?;
            marginals(reading, "'auto_cov_factor', of a low-rank guide,", LOW_RANK_COST)?;
            low_rank("auto_scale", (&scales, representation), &factors)?
        }
    };
    if mean.len() != variance.len() {
        return Err("'auto_loc' and 'auto_scale' are not equally long".into());
    }
    let pieces = pieces(reading, mean.len()).map_err(|error| format!("'auto_loc': {error}"))?;
    cut(reading, pieces, (&mean, &variance), &keys);
    Ok(())
}
