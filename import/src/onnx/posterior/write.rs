//! The variances, and means that are others, written into a model.

use std::rc::Rc;

use super::placing::{Claim, Source, Target};
use crate::{
    onnx::{
        constant::{Constant, Data},
        graph::Graph,
    },
    posterior::{
        layout::Reader,
        place::{Parameter, Row},
    },
};

/// Writes the variances into the model.
pub fn write(
    graph: &mut Graph,
    sources: &[Source],
    targets: &[Target],
    claims: Vec<Claim>,
) -> Vec<Row> {
    let mut rows: Vec<_> = targets
        .iter()
        .map(|target| Row {
            parameter: Parameter {
                name: target.name.clone(),
                shape: target.constant.shape.clone(),
                gaussian: false,
                reader: Reader::default(),
            },
            entries: vec![],
            how: vec![],
            keys: vec![],
        })
        .collect();
    for (number, target) in targets.iter().enumerate() {
        keep_rest(graph, (number, target), sources, &claims);
    }
    for claim in claims {
        let source = &sources[claim.source];
        let target = &targets[claim.target];
        let (name, number) = match &claim.readers {
            // The readers of another initialiser, which is made for them.
            Some(readers) if source.name != target.name => {
                let name = free_name(graph, &source.name);
                for &(node, input) in readers {
                    graph.nodes[node].inputs[input].clone_from(&name);
                }
                let copy =
                    Constant { origin: Some(name.clone()), ..target.constant.as_ref().clone() };
                graph.initialisers.insert(name.clone(), Rc::new(copy));
                let parameter = Parameter {
                    name: name.clone(),
                    shape: target.constant.shape.clone(),
                    gaussian: false,
                    reader: Reader::default(),
                };
                rows.push(Row { parameter, entries: vec![], how: vec!["separated"], keys: vec![] });
                (name, rows.len() - 1)
            }
            _ => (target.name.clone(), claim.target),
        };
        let Some(constant) = graph.initialisers.get_mut(&name) else { continue };
        let mut changed = constant.as_ref().clone();
        let has_other_means = claim.replaces || source.has_other_means();
        if let (true, Some(mean), Data::Float(values)) =
            (has_other_means, &source.mean, &*changed.data)
        {
            let mut values = values.clone();
            let known = source.known.as_deref().unwrap_or(mean);
            claim.block.each(|from, to, factor| {
                // Whatever was folded into a number moves with it.
                let moved = f64::from(mean[from]) - f64::from(known[from]);
                values[to] = match claim.replaces || values[to] == known[from] {
                    true => mean[from],
                    false => (f64::from(values[to]) + f64::from(factor) * moved) as f32,
                };
            });
            changed.data = Rc::new(Data::Float(values));
        }
        if let Some(variance) = &source.variance {
            let mut values = match &changed.variance {
                Some(known) => known.to_vec(),
                None => vec![0.0; changed.data.len()],
            };
            claim.block.each(|from, to, factor| {
                let square = f64::from(factor) * f64::from(factor);
                values[to] = (f64::from(variance[from]) * square) as f32;
            });
            changed.variance = Some(Rc::new(values));
        }
        let row = &mut rows[number];
        row.parameter.gaussian |= changed.variance.is_some();
        *constant = Rc::new(changed);
        if !row.entries.contains(&source.entry) {
            row.entries.push(source.entry.clone());
            row.keys.extend(source.keys.iter().cloned());
        }
        let is_part = claim.block.count() < targets[claim.target].constant.data.len();
        let how = [
            (claim.block.is_transposed(), "transposed"),
            (is_part, "joined"),
            (claim.block.factors().is_some(), "scaled"),
            (has_other_means, "other means"),
        ];
        let how = how.into_iter().filter_map(|(holds, how)| holds.then_some(how));
        how.for_each(|how| {
            if !row.how.contains(&how) {
                row.how.push(how);
            }
        });
    }
    rows
}

/// Gives nodes the bias of a source, where the exporter left out one of zeros.
pub fn add_bias(graph: &mut Graph, source: &Source, nodes: &[usize]) -> Row {
    let name = free_name(graph, &source.name);
    let means = source.mean.clone().unwrap_or_else(|| vec![0.0; source.shape[0]]);
    let constant = Constant {
        variance: source.variance.clone().map(Rc::new),
        origin: Some(name.clone()),
        ..Constant::new(source.shape.clone(), Data::Float(means))
    };
    graph.initialisers.insert(name.clone(), Rc::new(constant));
    for &node in nodes {
        let node = &mut graph.nodes[node];
        node.inputs.resize(node.inputs.len().max(3), String::new());
        node.inputs[2].clone_from(&name);
        node.attributes.remove("beta");
    }
    Row {
        parameter: Parameter {
            name,
            shape: source.shape.clone(),
            gaussian: true,
            reader: Reader::default(),
        },
        entries: vec![source.entry.clone()],
        how: vec!["restored"],
        keys: source.keys.clone(),
    }
}

/// Gives those readers of a merged initialiser that no source speaks for one of their own, without a variance.
fn keep_rest(
    graph: &mut Graph,
    (number, target): (usize, &Target),
    sources: &[Source],
    claims: &[Claim],
) {
    let own = claims.iter().filter(|claim| claim.target == number);
    let readers: Vec<_> =
        own.clone().filter_map(|claim| claim.readers.as_ref()).flatten().collect();
    if readers.is_empty() || own.clone().all(|claim| sources[claim.source].name != target.name) {
        return;
    }
    let name = free_name(graph, &format!("{}.deterministic", target.name));
    let mut is_read = false;
    for (node, of) in graph.nodes.iter_mut().enumerate() {
        for (input, read) in of.inputs.iter_mut().enumerate() {
            if *read == target.name && !readers.contains(&&(node, input)) {
                read.clone_from(&name);
                is_read = true;
            }
        }
    }
    if is_read {
        let copy = Constant { origin: Some(name.clone()), ..target.constant.as_ref().clone() };
        graph.initialisers.insert(name, Rc::new(copy));
    }
}

/// A name that no value of the graph has.
fn free_name(graph: &Graph, wanted: &str) -> String {
    let is_taken = |name: &String| {
        graph.initialisers.contains_key(name)
            || graph.nodes.iter().any(|node| node.outputs.contains(name))
            || graph.inputs.iter().any(|input| input.name == *name)
    };
    let names = std::iter::once(wanted.to_owned()).chain((2..).map(|n| format!("{wanted}.{n}")));
    names.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
}
