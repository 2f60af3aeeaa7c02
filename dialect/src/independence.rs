//! Where moments are computed as if numbers were independent that are not.
//!
//! Elements of a Gaussian tensor are independent by definition of the type, so the correlations that
//! a layer creates between its outputs are dropped everywhere. Beyond that, a network can use one value
//! twice and bring both uses together: the sum of a residual block, a gate that is computed from what it
//! scales, a weight in two layers in series. [`assumptions`] finds the ops where that happens.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;

use crate::{
    ir::{Op, Value},
    layer::Layer,
    ops::{
        binary::Binary,
        movement::{Border, Movement},
    },
};

/// An op whose moments are those of independent numbers, although some depend on each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumption {
    /// The op.
    pub op: Op,
    /// What depends on what.
    pub dependence: Dependence,
}

/// How numbers come to depend on each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Dependence {
    /// Two operands are functions of one value.
    Operands {
        /// The operands.
        pair: [usize; 2],
        /// What they have in common.
        origin: Origin,
    },
    /// A call passes what depends on a parameter that the function uses again.
    Callee {
        /// The operand.
        operand: usize,
        /// The parameter.
        origin: Origin,
    },
    /// Elements of an operand are in the result more than once.
    Copies {
        /// The operand.
        operand: usize,
    },
}

/// A Gaussian that others are functions of.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The value; the first that stands for it where it is a parameter.
    pub value: Value,
    /// Its name where it is a parameter.
    pub parameter: Option<String>,
}

/// The ops of a module that take for independent what is not, in program order. Functions are looked at
/// one by one: the arguments of each are independent there, and a call is one op.
pub fn assumptions(module: Op) -> Vec<Assumption> {
    let functions: Vec<_> = module.body().map(|body| body.ops()).unwrap_or_default();
    let named = functions.iter().filter_map(|&function| Some((function.symbol()?, function)));
    let named: HashMap<_, _> = named.collect();
    let mut callees = Callees { named, parameters: HashMap::new() };
    functions.into_iter().flat_map(|function| within(function, &mut callees)).collect()
}

fn within(function: Op, callees: &mut Callees) -> Vec<Assumption> {
    let mut graph = Graph::default();
    let mut found = Vec::new();
    for argument in function.body().map(|body| body.arguments()).unwrap_or_default() {
        if argument.ty().is_gaussian() {
            graph.add(Origin { value: argument, parameter: None }, Vec::new());
        }
    }
    for op in function.descendants() {
        // What the verifier refuses is no concern here.
        let layer = Layer::of(op).ok().flatten();
        let used = if op.is("func.call") { callees.parameters_of(op) } else { Vec::new() };
        let used: Vec<_> = used.into_iter().map(|parameter| graph.parameter(parameter)).collect();
        let gaussian = op.operands().into_iter().enumerate();
        let gaussian =
            gaussian.filter_map(|(number, value)| Some((number, *graph.of.get(&value)?)));
        let operands: Vec<_> = gaussian.collect();
        let dependence = graph
            .between_operands(&operands)
            .or_else(|| graph.with_callee(&operands, &used))
            .or_else(|| layer.as_ref().and_then(|layer| copies(op, layer)));
        found.extend(dependence.map(|dependence| Assumption { op, dependence }));
        graph.define(op, layer.as_ref(), &operands, &used);
    }
    found
}

/// The Gaussian parameters that functions use, those of functions that they call included.
struct Callees {
    named: HashMap<String, Op>,
    parameters: HashMap<String, Vec<Origin>>,
}

impl Callees {
    fn parameters_of(&mut self, call: Op) -> Vec<Origin> {
        let callee = call.attribute("callee").and_then(|callee| callee.as_symbol());
        callee.map(|callee| self.of_function(&callee)).unwrap_or_default()
    }

    fn of_function(&mut self, name: &str) -> Vec<Origin> {
        if let Some(known) = self.parameters.get(name) {
            return known.clone();
        }
        // A function that calls itself is refused elsewhere; here it ends.
        self.parameters.insert(name.to_owned(), Vec::new());
        let mut used: Vec<Origin> = Vec::new();
        let ops = self.named.get(name).map(|function| function.descendants()).unwrap_or_default();
        for op in ops {
            let more = match Layer::of(op) {
                Ok(Some(Layer::Parameter(name))) if op.result(0).ty().is_gaussian() => {
                    vec![Origin { value: op.result(0), parameter: Some(name) }]
                }
                _ if op.is("func.call") => self.parameters_of(op),
                _ => Vec::new(),
            };
            used.extend(more);
        }
        used.sort_by(|a, b| a.parameter.cmp(&b.parameter));
        used.dedup_by(|a, b| a.parameter == b.parameter);
        self.parameters.insert(name.to_owned(), used.clone());
        used
    }
}

/// Which Gaussian values of a function each is computed from. A value has a higher number than what it
/// is computed from.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    of: HashMap<Value, usize>,
    parameters: HashMap<String, usize>,
}

struct Node {
    origin: Origin,
    sources: Vec<Source>,
}

/// What a value is computed from, or a part of that.
struct Source {
    node: usize,
    part: Option<Part>,
}

/// Some elements along an axis.
#[derive(Clone, Copy)]
struct Part {
    axis: usize,
    start: i64,
    size: i64,
    step: i64,
}

impl Part {
    fn is_apart_from(self, other: Self) -> bool {
        let has = |index: i64| {
            let distance = index - other.start;
            distance >= 0 && distance % other.step == 0 && distance / other.step < other.size
        };
        self.axis == other.axis && !(0..self.size).any(|i| has(self.start + i * self.step))
    }
}

impl Graph {
    fn add(&mut self, origin: Origin, sources: Vec<Source>) -> usize {
        let node = self.nodes.len();
        self.of.insert(origin.value, node);
        self.nodes.push(Node { origin, sources });
        node
    }

    /// The node of a parameter, which is one however often it is named.
    fn parameter(&mut self, origin: Origin) -> usize {
        let name = origin.parameter.clone().unwrap_or_default();
        if let Some(&node) = self.parameters.get(&name) {
            self.of.insert(origin.value, node);
            return node;
        }
        let node = self.add(origin, Vec::new());
        self.parameters.insert(name, node);
        node
    }

    /// Adds the Gaussian results of an op.
    fn define(
        &mut self,
        op: Op,
        layer: Option<&Layer>,
        operands: &[(usize, usize)],
        used: &[usize],
    ) {
        for value in op.results() {
            if !value.ty().is_gaussian() {
                continue;
            }
            if let Some(Layer::Parameter(name)) = layer {
                self.parameter(Origin { value, parameter: Some(name.clone()) });
                continue;
            }
            let part = match layer {
                Some(&Layer::Movement(Movement::Slice { axis, start, size, step })) => {
                    Some(Part { axis, start, size, step })
                }
                _ => None,
            };
            let nodes = operands.iter().map(|&(_, node)| node).chain(used.iter().copied());
            let sources = nodes.map(|node| Source { node, part }).collect();
            self.add(Origin { value, parameter: None }, sources);
        }
    }

    /// A node and all that it is computed from, but not through what is `blocked`.
    fn reach(&self, node: usize, blocked: &FixedBitSet) -> FixedBitSet {
        let mut reached = FixedBitSet::with_capacity(self.nodes.len());
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if !blocked.contains(node) && !reached.put(node) {
                open.extend(self.nodes[node].sources.iter().map(|source| source.node));
            }
        }
        reached
    }

    /// The latest value that two others are computed from, unless they are computed from parts of it
    /// that are apart.
    fn common(&self, pair: [usize; 2]) -> Option<usize> {
        let mut blocked = FixedBitSet::with_capacity(self.nodes.len());
        loop {
            let reached = pair.map(|node| self.reach(node, &blocked));
            let node = reached[0].intersection(&reached[1]).max()?;
            let [ours, theirs] = [0, 1].map(|side| {
                if pair[side] == node { None } else { self.parts(node, &reached[side]) }
            });
            let are_apart = ours.zip(theirs).is_some_and(|(ours, theirs)| {
                ours.iter().all(|a| theirs.iter().all(|b| a.is_apart_from(*b)))
            });
            if !are_apart {
                return Some(node);
            }
            blocked.insert(node);
        }
    }

    /// The parts of a node that are used within what is reached; `None` where one use is of all of it.
    fn parts(&self, node: usize, reached: &FixedBitSet) -> Option<Vec<Part>> {
        let users = reached.ones().flat_map(|user| &self.nodes[user].sources);
        users.filter(|source| source.node == node).map(|source| source.part).collect()
    }

    fn between_operands(&self, operands: &[(usize, usize)]) -> Option<Dependence> {
        let pairs = operands.iter().enumerate().flat_map(|(index, &(second, to))| {
            operands[..index].iter().map(move |&(first, from)| ([first, second], [from, to]))
        });
        let shared = pairs.filter_map(|(pair, nodes)| Some((pair, self.common(nodes)?)));
        let (pair, node) = shared.max_by_key(|&(_, node)| node)?;
        Some(Dependence::Operands { pair, origin: self.nodes[node].origin.clone() })
    }

    fn with_callee(&self, operands: &[(usize, usize)], used: &[usize]) -> Option<Dependence> {
        let pairs = operands.iter().flat_map(|&(operand, from)| {
            used.iter().map(move |&parameter| (operand, [from, parameter]))
        });
        let shared = pairs.filter_map(|(operand, nodes)| Some((operand, self.common(nodes)?)));
        let (operand, node) = shared.max_by_key(|&(_, node)| node)?;
        Some(Dependence::Callee { operand, origin: self.nodes[node].origin.clone() })
    }
}

/// The operand of which the result has elements more than once. Items of a batch never meet, so that
/// what is repeated for each of them does not count.
fn copies(op: Op, layer: &Layer) -> Option<Dependence> {
    let result = op.result(0).ty().shape()?;
    let is_repeated = |operand: usize| {
        let value = op.operand(operand);
        let Some(shape) = value.ty().shape() else { return false };
        let grows = shape.iter().zip(&result).skip(1).any(|(&from, &to)| from == 1 && to > 1);
        value.ty().is_gaussian() && grows
    };
    let operand = match layer {
        Layer::Binary(Binary::Add | Binary::Sub | Binary::Mul) => {
            (0..2).find(|&operand| is_repeated(operand))
        }
        Layer::Blend => (0..3).find(|&operand| is_repeated(operand)),
        Layer::Binary(Binary::Div | Binary::Prelu) | Layer::Movement(Movement::Expand(_)) => {
            is_repeated(0).then_some(0)
        }
        Layer::Movement(Movement::Upsample(factors)) => {
            let grows = factors.iter().any(|&factor| factor > 1);
            (op.operand(0).ty().is_gaussian() && grows).then_some(0)
        }
        Layer::Movement(Movement::Pad { low, high, border: Border::Reflect | Border::Edge }) => {
            let grows = low.iter().chain(high).any(|&size| size > 0);
            (op.operand(0).ty().is_gaussian() && grows).then_some(0)
        }
        Layer::Movement(Movement::Gather { indices, .. }) => {
            let repeats = (1..indices.len()).any(|n| indices[..n].contains(&indices[n]));
            (op.operand(0).ty().is_gaussian() && repeats).then_some(0)
        }
        // Rows may be named twice within an item.
        Layer::Embedding => {
            let indices = op.operand(0).ty().shape()?;
            let several = indices.iter().skip(1).any(|&size| size > 1);
            (op.operand(1).ty().is_gaussian() && several).then_some(1)
        }
        Layer::Resize(resize) => {
            let shape = op.operand(0).ty().shape()?;
            let grows = !resize.axes(&shape).is_empty();
            (op.operand(0).ty().is_gaussian() && grows).then_some(0)
        }
        Layer::Movement(
            Movement::Pad { border: Border::Constant(_), .. }
            | Movement::Transpose(_)
            | Movement::Slice { .. }
            | Movement::Concat(_),
        )
        | Layer::Parameter(_)
        | Layer::Constant
        | Layer::Make
        | Layer::Mean
        | Layer::Variance
        | Layer::Correlated
        | Layer::Marginals
        | Layer::Covariance { .. }
        | Layer::Nodes
        | Layer::Mix
        | Layer::SquareDeviation { .. }
        | Layer::ScaleNodes(_)
        | Layer::ScaleMixture(_)
        | Layer::WithDiagonal
        | Layer::Gain(_)
        | Layer::Dense
        | Layer::Convolution(_)
        | Layer::ConvTranspose(_)
        | Layer::Matmul(_)
        | Layer::Norm(_)
        | Layer::AttentionWeights(_)
        | Layer::Composite(_)
        | Layer::BatchNorm(_)
        | Layer::Reduction(_)
        | Layer::Activation(_)
        | Layer::Noise(_)
        | Layer::Pool(_)
        | Layer::GlobalMaxPool
        | Layer::Reshape
        | Layer::Flatten
        | Layer::Softmax(_)
        | Layer::Uncertainty(_)
        | Layer::Decide(_)
        | Layer::BinaryProbability
        | Layer::BinaryUncertainty
        | Layer::BinaryDecide(_)
        | Layer::Interval(_) => None,
    };
    Some(Dependence::Copies { operand: operand? })
}
