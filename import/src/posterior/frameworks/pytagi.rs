//! pytagi: means and variances of each layer, in flat lists.

use super::Framework;
use crate::posterior::{
    Entry, Read, Reading,
    layout::Layout,
    means,
    objects::{Id, Object},
    representation::Representation,
    variances,
};

pub struct Pytagi;

/// The lists of a layer, in order.
const LISTS: [&str; 4] = ["mu_w", "var_w", "mu_b", "var_b"];

impl Framework for Pytagi {
    fn name(&self) -> &'static str {
        "pytagi"
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let document = reading.document;
        let layers = document.objects.entries(document.root);
        let mut layers = layers.ok_or("it is no dictionary of layers, as net.state_dict() is")?;
        // The dictionary has no order of its own.
        layers.sort_by_key(|&(layer, _)| layer);
        for (layer, lists) in layers {
            let lists = document.objects.items(lists).filter(|lists| lists.len() == LISTS.len());
            let lists = lists.ok_or_else(|| {
                format!("'{}' is no tuple of {}", layer.escape_debug(), LISTS.join(", "))
            })?;
            for (stem, pair) in [("weight", 0), ("bias", 2)] {
                let key = |index: usize| format!("{layer}.{}", LISTS[index]);
                let values = |index: usize| {
                    let values = numbers(reading, lists[index]);
                    values.ok_or_else(|| format!("'{}' is no list of numbers", key(index)))?
                };
                let (mean, variance) = (values(pair)?, values(pair + 1)?);
                if mean.len() != variance.len() {
                    return Err(format!(
                        "'{}' and '{}' are not equally long",
                        key(pair),
                        key(pair + 1)
                    ));
                }
                if mean.is_empty() {
                    continue;
                }
                reading.posterior.entries.push(Entry {
                    name: format!("{layer}.{stem}"),
                    shape: vec![mean.len()],
                    is_flat: true,
                    layout: Layout::Torch,
                    mean: Some(means(&key(pair), &mean)?),
                    variance: Some(variances(&key(pair + 1), &variance, Representation::Variance)?),
                    keys: vec![key(pair), key(pair + 1)],
                });
            }
        }
        Ok(())
    }
}

fn numbers(reading: &Reading, list: Id) -> Option<Read<Vec<f64>>> {
    let objects = &reading.document.objects;
    if let Object::Tensor(tensor) = objects.get(list) {
        return Some(tensor.values(&reading.document.budget));
    }
    let number = |&item: &Id| match objects.get(item) {
        Object::Float(number) => Some(*number),
        Object::Int(number) => Some(*number as f64),
        _ => None,
    };
    objects.items(list)?.iter().map(number).collect::<Option<_>>().map(Ok)
}
