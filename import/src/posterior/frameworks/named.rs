//! Files that name every tensor: states of `posteriors`, and safetensors files of a user's own.

use std::{collections::BTreeMap, rc::Rc};

use super::{Framework, Wish};
use crate::posterior::{
    Entry, Read, Reading,
    document::Document,
    layout::Layout,
    objects::{Id, Object},
    representation::Representation,
    tensor::Tensor,
    variances,
};

/// The state of a transform of `posteriors`: means and spreads in two dictionaries.
pub struct Posteriors;

/// What the second dictionary is called, and what its numbers are.
const SPREADS: [(&str, Representation); 2] =
    [("log_sd_diag", Representation::LogStd), ("prec_diag", Representation::Precision)];

impl Framework for Posteriors {
    fn name(&self) -> &'static str {
        "posteriors"
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let document = reading.document;
        let state = contents(document, document.root);
        let of = |name: &str| Some(contents(document, document.objects.entry(state, name)?));
        let params = of("params").ok_or("it has no 'params', as a state of posteriors has")?;
        let spread = SPREADS.iter().find_map(|&(name, meaning)| Some((name, of(name)?, meaning)));
        let (kind, spreads, representation) = spread
            .ok_or("it has neither 'log_sd_diag' nor 'prec_diag': only diagonal states are read")?;
        let means = reading.tensors(params)?;
        let spreads: BTreeMap<_, _> = reading.tensors(spreads)?.into_iter().collect();
        if let Some(extra) = spreads.keys().find(|name| means.iter().all(|mean| mean.0 != **name)) {
            return Err(format!("'{kind}.{extra}' has no mean in 'params'"));
        }
        for (name, mean) in &means {
            let spread = spreads.get(name);
            let spread = spread.ok_or_else(|| format!("'params.{name}' has no '{kind}.{name}'"))?;
            let keys = (format!("params.{name}"), format!("{kind}.{name}"));
            let advice = |error: String| match representation {
                Representation::Precision => format!(
                    "{error}; a Fisher information is 0 where the data say nothing: add the \
                     precision of the prior to prec_diag before saving"
                ),
                _ => error,
            };
            reading
                .gaussian(name.clone(), (&keys.0, mean), (&keys.1, spread), representation)
                .map_err(advice)?;
        }
        Ok(())
    }
}

/// What is wrapped in the classes of tensordict, which lie within each other so deep at most.
const WRAPPED: usize = 8;

/// The dictionary in an object of posteriors, or the object itself.
fn contents(document: &Document, object: Id) -> Id {
    let objects = &document.objects;
    let inside = |object: Id| {
        let Object::Opaque(opaque) = objects.get(object) else { return None };
        let state = opaque.state.or_else(|| opaque.arguments.last().copied())?;
        let data = objects.entry(state, "non_tensordict").and_then(|of| objects.entry(of, "data"));
        let within = ["tensordict", "_tensordict"].iter().find_map(|key| objects.entry(state, key));
        Some(data.or(within).unwrap_or(state))
    };
    let mut object = object;
    for _ in 0..WRAPPED {
        match inside(object) {
            Some(inner) => object = inner,
            None => break,
        }
    }
    object
}

/// A file with `NAME.mean` and `NAME.scale`, or with the scales alone.
pub struct Safetensors;

const MEAN: &str = ".mean";
const SCALE: &str = ".scale";
const VARIANCE: &str = ".var";

/// What torch counts batches in.
const COUNTER: &str = "num_batches_tracked";

/// The entry of the metadata.
const METADATA: &str = "representation";

impl Framework for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn takes(&self) -> &'static [Wish] {
        &[Wish::Representation]
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let stated =
            reading.document.metadata.get(METADATA).map(|text| text.parse()).transpose()?;
        let representation = match (stated, reading.request.representation) {
            (Some(stated), Some(given)) if stated != given => {
                return Err(format!(
                    "its metadata says representation={stated}, but --representation says {given}"
                ));
            }
            (stated, given) => stated.or(given),
        };
        let tensors: BTreeMap<String, Rc<Tensor>> =
            reading.tensors(reading.document.root)?.into_iter().collect();
        // Counters of batches are in every state dict.
        let is_counter = |key: &str| key.ends_with(COUNTER);
        let mut left_out = reading.posterior.left_out.iter();
        if let Some((key, why)) = left_out.find(|(key, _)| !is_counter(key)) {
            return Err(format!("'{key}' is no part of a posterior: {why}"));
        }
        let has_means = tensors.keys().any(|key| key.ends_with(MEAN));
        for (key, tensor) in &tensors {
            if let Some(name) = key.strip_suffix(MEAN) {
                let own = [(SCALE, None), (VARIANCE, Some(Representation::Variance))];
                let scale = own.iter().find_map(|&(suffix, own)| {
                    let key = format!("{name}{suffix}");
                    Some((tensors.get(&key)?, key, own))
                });
                let Some((scale, scale_key, own)) = scale else {
                    return Err(format!(
                        "'{key}' has neither '{name}{SCALE}' nor '{name}{VARIANCE}'"
                    ));
                };
                let representation = match own.or(representation) {
                    Some(representation) => representation,
                    None => reading.stated_representation("it")?,
                };
                let scale = (scale_key.as_str(), scale);
                reading.gaussian(name.to_owned(), (key, tensor), scale, representation)?;
                continue;
            }
            let of_mean = [SCALE, VARIANCE].iter().find_map(|suffix| key.strip_suffix(suffix));
            if of_mean.is_some_and(|name| tensors.contains_key(&format!("{name}{MEAN}"))) {
                continue;
            }
            if let (true, Some(suffix)) =
                (has_means, [SCALE, VARIANCE].iter().find(|suffix| key.ends_with(**suffix)))
            {
                let name = key.strip_suffix(suffix).unwrap_or_default();
                return Err(format!("'{key}' has no '{name}{MEAN}' beside it"));
            }
            let budget = &reading.document.budget;
            if has_means {
                reading.deterministic(key.clone(), (key, tensor), budget)?;
                continue;
            }
            let representation = match representation {
                Some(representation) => representation,
                None => reading.stated_representation("it")?,
            };
            let variance = variances(key, &tensor.values(budget)?, representation)?;
            reading.posterior.entries.push(Entry {
                name: key.clone(),
                shape: tensor.shape.clone(),
                is_flat: false,
                layout: Layout::Torch,
                mean: None,
                variance: Some(variance),
                keys: vec![key.clone()],
            });
        }
        Ok(())
    }
}
