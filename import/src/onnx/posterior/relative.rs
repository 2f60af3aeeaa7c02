//! Standard deviations relative to the weights, for a first try.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::placed::Placed;
use crate::{
    onnx::{
        constant::Constant,
        graph::{Graph, Node},
    },
    posterior::place::{Parameter, Row},
};

/// Operators with weights, and which inputs these are.
const WEIGHTED: [(&str, &[usize]); 6] = [
    ("Gemm", &[1, 2]),
    ("MatMul", &[0, 1]),
    ("Conv", &[1, 2]),
    ("ConvTranspose", &[1, 2]),
    ("LSTM", &[1, 2, 3]),
    ("GRU", &[1, 2, 3]),
];

/// Operators that leave the numbers of weights as they are.
const MOVING: [&str; 10] = [
    "Transpose",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Identity",
    "Cast",
    "Concat",
    "Slice",
    "Split",
    "Gather",
];

/// Gives the weights and biases of layers standard deviations of `std` times themselves.
pub fn relative(graph: &mut Graph, parameters: &[Parameter], std: f64) -> Placed {
    let weighted = |node: &Node| {
        WEIGHTED.iter().find(|(op, _)| node.is(op)).map_or(&[][..], |(_, inputs)| inputs)
    };
    let makers: HashMap<&str, &Node> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
        .collect();
    let mut open: Vec<&str> = Vec::new();
    for node in &graph.nodes {
        open.extend(weighted(node).iter().filter_map(|&number| node.input(number)));
        // The bias of a product of matrices.
        if node.is("Add") {
            let of_product =
                |name: &String| makers.get(name.as_str()).is_some_and(|node| node.is("MatMul"));
            if node.inputs.iter().any(of_product) {
                open.extend(node.inputs.iter().map(String::as_str));
            }
        }
    }
    let mut weights: HashSet<String> = HashSet::new();
    let mut seen: HashSet<&str> = HashSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        if graph.initialisers.contains_key(name) {
            weights.insert(name.to_owned());
        } else if let Some(node) =
            makers.get(name).filter(|node| MOVING.iter().any(|op| node.is(op)))
        {
            open.extend(node.inputs.iter().map(String::as_str));
        }
    }
    let mut rows = Vec::new();
    for parameter in parameters {
        let is_weight = weights.contains(&parameter.name);
        if let Some(constant) = graph.initialisers.get_mut(&parameter.name).filter(|_| is_weight)
            && let Some(values) = constant.floats()
        {
            let variance = |&value: &f32| (std * f64::from(value)).powi(2) as f32;
            let variance = values.iter().map(variance).collect();
            *constant = Rc::new(Constant {
                variance: Some(Rc::new(variance)),
                ..constant.as_ref().clone()
            });
        }
        let parameter = Parameter { gaussian: is_weight, ..parameter.clone() };
        let how = if is_weight { vec!["relative"] } else { vec![] };
        rows.push(Row { parameter, entries: vec![], how, keys: vec![] });
    }
    Placed { rows, ..Placed::default() }
}
