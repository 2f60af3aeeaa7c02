//! The posterior of a model: what a user says of its parameters, put on its initialisers.
//!
//! Exporters rename, reorder, join, scale and merge parameters and keep some names of what has other numbers
//! now. So an entry goes where its means are, and by its name alone only where it has none.

mod merged;
mod numbers;
mod placed;
mod placing;
mod relative;
mod write;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    constant::{Data, Decoder},
    graph::{Graph, Node, constant_of},
};
use crate::posterior::{
    Entry, Weights,
    layout::Reader,
    place::{Parameter, Wishes},
};
use merged::{restore_aliases, restore_merged};
use placing::Placing;

pub use placed::Placed;

/// Where the variances of a model come from.
#[derive(Debug)]
pub enum Posterior {
    /// Standard deviations of so many times the weight itself, for the weights and biases of layers.
    Relative(f64),
    /// What a file says.
    Entries {
        /// Of each parameter.
        entries: Vec<Entry>,
        /// The numbers of the parameters as the user names them; empty where the entries have means.
        names: Vec<Weights>,
        /// What the user says of the places.
        wishes: Wishes,
    },
}

/// The initialisers that can be parameters, in the order of their use; weights in `Constant` nodes become some.
///
/// # Errors
///
/// Where the tensor of a node cannot be read.
pub fn parameters(
    graph: &mut Graph,
    decoder: &mut Decoder,
) -> Result<Vec<Parameter>, crate::Failure> {
    let mut rest = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        if node.is("Constant") && node.attributes.contains_key("value") {
            let constant = constant_of(&node, decoder)?;
            if let (Some(output), Data::Float(_), true) =
                (node.outputs.first(), &*constant.data, constant.data.len() > 1)
            {
                let tensor = node.attributes.get("value").and_then(|value| value.t.as_ref());
                graph.elements.extend(tensor.map(|tensor| (output.clone(), tensor.data_type)));
                graph.initialisers.insert(output.clone(), Rc::new(constant));
                continue;
            }
        }
        rest.push(node);
    }
    graph.nodes = rest;
    Ok(read_initialisers(graph))
}

/// Gives the initialisers of a model their posterior.
///
/// # Errors
///
/// Everything that has no place, a line each.
pub fn place(
    graph: &mut Graph,
    parameters: &[Parameter],
    posterior: Posterior,
) -> Result<Placed, Vec<String>> {
    match posterior {
        Posterior::Relative(std) => Ok(relative::relative(graph, parameters, std)),
        Posterior::Entries { entries, names, wishes } => {
            let name = |entry: &Entry| {
                let map = wishes.map_of(&entry.name);
                map.map_or(entry.name.clone(), |map| map.name_of(&entry.name))
            };
            let named = names.iter().map(|weights| weights.name.clone());
            let wanted: Vec<_> = entries.iter().map(name).chain(named).collect();
            restore_aliases(graph, &wanted);
            restore_merged(graph, &wanted);
            let mut placing = Placing::of(graph, &read_initialisers(graph));
            placing.sources(entries, &names, &wishes);
            placing.claim();
            placing.claim_copies(&names);
            placing.claim_biases(&names);
            placing.restore_biases();
            placing.replace();
            let claims = placing.separate();
            let Placing { problems, sources, targets, restored, notes, left_out, .. } = placing;
            if !problems.is_empty() {
                return Err(problems);
            }
            let mut rows = write::write(graph, &sources, &targets, claims);
            let add = |(source, nodes): &(usize, Vec<usize>)| {
                write::add_bias(graph, &sources[*source], nodes)
            };
            rows.extend(restored.iter().map(add));
            Ok(Placed { rows, left_out, notes })
        }
    }
}

/// The initialisers of floating-point numbers that nodes read.
fn read_initialisers(graph: &Graph) -> Vec<Parameter> {
    let mut readers: HashMap<&str, Vec<Reader>> = HashMap::new();
    for node in &graph.nodes {
        for (number, name) in node.inputs.iter().enumerate() {
            readers.entry(name).or_default().push(reader(node, number));
        }
    }
    let mut known = HashSet::new();
    let read = graph.nodes.iter().flat_map(|node| &node.inputs);
    let parameter = |name: &String| {
        let constant = graph.initialisers.get(name)?;
        constant.floats()?;
        known.insert(name.clone()).then(|| Parameter {
            name: name.clone(),
            shape: constant.shape.clone(),
            gaussian: true,
            reader: Reader::all(readers.get(name.as_str()).into_iter().flatten().copied()),
        })
    };
    read.filter_map(parameter).collect()
}

/// What a node is to an input.
fn reader(node: &Node, number: usize) -> Reader {
    let flag = |name: &str| node.int(name).unwrap_or(0) != 0;
    if number != 1 {
        return Reader::Other;
    }
    match node.operator().as_str() {
        "Conv" => Reader::OutputsFirst,
        "Gemm" if flag("transB") => Reader::OutputsFirst,
        "Gemm" | "MatMul" => Reader::InputsFirst,
        "ConvTranspose" if node.int("group").unwrap_or(1) == 1 => Reader::TransposedConvolution,
        _ => Reader::Other,
    }
}
