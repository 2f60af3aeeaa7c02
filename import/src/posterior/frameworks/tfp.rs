//! TensorFlow Probability: the weights of a model, by their paths, in an archive of NumPy.

use std::{collections::BTreeMap, rc::Rc};

use super::Framework;
use crate::posterior::{
    Read, Reading, layout::Layout, representation::Representation, tensor::Tensor,
};

pub struct Tfp;

/// What a layer calls mean and spread of its kernel or bias.
const LOC: &str = "_posterior_loc";
const SCALE: &str = "_posterior_untransformed_scale";

/// What is added to the softplus: the smallest step above 1 in float32.
const OFFSET: f64 = f32::EPSILON as f64;

impl Framework for Tfp {
    fn name(&self) -> &'static str {
        "tfp"
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let tensors = reading.tensors(reading.document.root)?;
        let mut named: BTreeMap<String, (&str, &Rc<Tensor>)> = BTreeMap::new();
        for (key, tensor) in &tensors {
            if let Some((other, _)) = named.insert(path(key), (key, tensor)) {
                return Err(format!(
                    "'{other}' and '{key}' are of one variable: give layers names"
                ));
            }
        }
        for (path, &(key, tensor)) in &named {
            if let Some(of) = path.strip_suffix(LOC) {
                let name = of.to_owned();
                let representation = Representation::Softplus { offset: OFFSET };
                match named.get(&format!("{of}{SCALE}")) {
                    Some(scale) => {
                        reading.gaussian(name, (key, tensor), *scale, representation)?;
                    }
                    // A posterior of one point, as biases have by default.
                    None => {
                        let budget = &reading.document.budget;
                        reading.deterministic(name, (key, tensor), budget)?;
                    }
                }
            } else if let Some(of) = path.strip_suffix(SCALE) {
                if !named.contains_key(&format!("{of}{LOC}")) {
                    return Err(format!("'{key}' has no '{of}{LOC}' beside it"));
                }
                continue;
            } else {
                let budget = &reading.document.budget;
                reading.deterministic(path.clone(), (key, tensor), budget)?;
            }
            let Some(entry) = reading.posterior.entries.last_mut() else { continue };
            let stem = entry.name.strip_suffix("kernel");
            match stem.filter(|stem| stem.is_empty() || stem.ends_with('/')) {
                Some(stem) => {
                    entry.name = format!("{stem}weight");
                    entry.layout = Layout::Keras;
                    entry.transpose();
                }
                None if entry.name.ends_with("embeddings") => {}
                None => entry.layout = Layout::Unknown,
            }
        }
        Ok(())
    }
}

/// A path without the number that TensorFlow puts behind it.
fn path(key: &str) -> String {
    key.rsplit_once(':').map_or(key, |(path, _)| path).to_owned()
}
