//! Initialisers that an exporter made one of several: each of them is one again.

use std::{collections::HashSet, rc::Rc};

use crate::{
    onnx::{constant::Constant, graph::Graph},
    posterior::place::end_alike,
};

/// A parameter that the exporter wrote as the identity of another one with the same numbers becomes an
/// initialiser again, where the posterior speaks of it.
pub fn restore_aliases(graph: &mut Graph, wanted: &[String]) {
    let Graph { nodes, initialisers, elements, .. } = graph;
    nodes.retain(|node| {
        let (Some(input), [output]) = (node.input(0), &node.outputs[..]) else { return true };
        let constant = initialisers.get(input).filter(|_| node.is("Identity"));
        let is_wanted = wanted.iter().any(|name| end_alike(name, output));
        let Some(constant) = constant.filter(|_| is_wanted) else { return true };
        let copy = Constant { origin: Some(output.clone()), ..constant.as_ref().clone() };
        initialisers.insert(output.clone(), Rc::new(copy));
        elements.extend(elements.get(input).map(|&element| (output.clone(), element)));
        false
    });
}

/// What the inputs of a batch normalisation are called, from the second one on.
const STATISTICS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Exporters keep one of several tensors of the same numbers, as those of fresh normalisations. Where a
/// user's name is that of a node's module, the node gets an initialiser of its own again.
pub fn restore_merged(graph: &mut Graph, wanted: &[String]) {
    let Graph { nodes, initialisers, elements, .. } = graph;
    let scopes: HashSet<String> = nodes.iter().filter_map(|node| node.scope.clone()).collect();
    // The module that a name is of, as nodes tell, and the rest: parameters of modules within are its own too.
    let split = |name: &str| {
        let places = name.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
        let mut places = places.into_iter().rev();
        let of_module = places.find(|&at| scopes.contains(&name[..at]));
        let at = of_module.or_else(|| name.rfind('.'))?;
        Some((name[..at].to_owned(), name[at + 1..].to_owned()))
    };
    for node in nodes.iter_mut() {
        let Some(scope) = node.scope.clone() else { continue };
        let is_norm = node.is("BatchNormalization");
        for (number, input) in node.inputs.iter_mut().enumerate() {
            let Some(constant) = initialisers.get(input).cloned() else { continue };
            let Some((stem, own)) = split(input) else { continue };
            let meant = match (is_norm, number) {
                (true, 1..=4) => STATISTICS[number - 1],
                _ => &own,
            };
            let name = format!("{scope}.{meant}");
            let is_wanted = wanted.iter().any(|wanted| end_alike(wanted, &name));
            let is_other = !end_alike(&stem, &scope) || own != meant;
            if !is_other || !is_wanted {
                continue;
            }
            let copy = Constant { origin: Some(name.clone()), ..constant.as_ref().clone() };
            let known = initialisers.entry(name.clone()).or_insert_with(|| Rc::new(copy));
            if known.data == constant.data && known.shape == constant.shape {
                elements.extend(elements.get(input).map(|&element| (name.clone(), element)));
                *input = name;
            }
        }
    }
}
