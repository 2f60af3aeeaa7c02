//! The nodes of a model in an order in which they can be computed, functions written out.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    constant::{Constant, Decoder},
    proto::{self, kind},
};
use crate::Failure;

/// The most nodes of a model with all functions written out.
const MAX_NODES: usize = 200_000;

/// The deepest call of a function by functions.
const MAX_DEPTH: usize = 16;

/// The domain of the operators of ONNX itself.
pub const ONNX: &str = "";

/// An operator and what it is applied to.
#[derive(Debug, Clone)]
pub struct Node {
    /// The operator's domain; [`ONNX`] for its own.
    pub domain: String,
    /// The operator.
    pub op: String,
    /// The node's own name, or that of its first result.
    pub name: String,
    /// Where in the user's model it comes from, where the exporter tells.
    pub scope: Option<String>,
    /// The rule by which the exporter put it together of other nodes, where it tells.
    pub fold: Option<String>,
    /// Names of values; empty where an optional one is left out.
    pub inputs: Vec<String>,
    /// Names of values.
    pub outputs: Vec<String>,
    /// By name.
    pub attributes: HashMap<String, proto::Attribute>,
    /// The version of the operators of its domain.
    pub opset: i64,
}

impl Node {
    /// The operator with its domain, as messages name it.
    pub fn operator(&self) -> String {
        match self.domain.as_str() {
            ONNX => self.op.clone(),
            domain => format!("{domain}.{}", self.op),
        }
    }

    /// Is this an operator of ONNX itself?
    pub fn is(&self, op: &str) -> bool {
        self.domain == ONNX && self.op == op
    }

    /// Is it the standardisation of inputs of classical models?
    pub fn is_scaler(&self) -> bool {
        self.domain == "ai.onnx.ml" && self.op == "Scaler"
    }

    /// Numbers.
    pub fn floats(&self, name: &str) -> Option<Vec<f32>> {
        self.attributes.get(name).map(|attribute| attribute.floats.clone())
    }

    /// The name of an input that is there.
    pub fn input(&self, number: usize) -> Option<&str> {
        self.inputs.get(number).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// An integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attributes.get(name).map(|attribute| attribute.i)
    }

    /// A number.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.attributes.get(name).map(|attribute| f64::from(attribute.f))
    }

    /// A list of integers.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attributes.get(name).map(|attribute| attribute.ints.clone())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        let attribute = self.attributes.get(name)?;
        Some(String::from_utf8_lossy(&attribute.s).into_owned())
    }
}

/// What goes in and out of a graph.
#[derive(Debug, Clone)]
pub struct Port {
    /// The name of the value.
    pub name: String,
    /// The number of its element type.
    pub element: i32,
    /// Its sizes; a name where one is not fixed, which may be empty.
    pub shape: Option<Vec<Result<i64, String>>>,
}

/// A model.
#[derive(Clone)]
pub struct Graph {
    /// What it is called, where it has a name.
    pub name: String,
    /// The version of ONNX's own operators.
    pub opset: i64,
    /// Sorted: a node stands behind those that it reads from.
    pub nodes: Vec<Node>,
    /// Initialisers by name.
    pub initialisers: HashMap<String, Rc<Constant>>,
    /// The numbers of their element types.
    pub elements: HashMap<String, i32>,
    /// Inputs that are no initialisers.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
}

fn refused(message: String) -> Failure {
    Failure::Refused { message }
}

impl Graph {
    /// Reads the graph of a model.
    ///
    /// # Errors
    ///
    /// Where it is none that can be computed, or a tensor cannot be read.
    pub fn of(model: proto::Model, decoder: &mut Decoder) -> Result<Self, Failure> {
        let proto::Model { graph, opset_import, functions } = model;
        let graph = graph.ok_or_else(|| refused("has no graph".into()))?;
        let opsets = opsets(&opset_import);
        let Some(&opset) = opsets.get(ONNX) else {
            return Err(refused("does not say which version of ONNX's operators it means".into()));
        };
        if let Some(sparse) = graph.sparse_initializer.first() {
            let name = sparse.values.as_ref().map_or("", |values| &values.name);
            return Err(refused(format!("has the sparse tensor '{name}'; make it dense")));
        }
        let mut initialisers = HashMap::new();
        let mut elements = HashMap::new();
        for tensor in &graph.initializer {
            let constant = Rc::new(decoder.tensor(tensor)?);
            elements.insert(tensor.name.clone(), tensor.data_type);
            if initialisers.insert(tensor.name.clone(), constant).is_some() {
                return Err(refused(format!("has two initialisers named '{}'", tensor.name)));
            }
        }
        let inputs = graph.input.iter().filter(|input| !initialisers.contains_key(&input.name));
        let inputs: Vec<_> = inputs.map(port).collect();
        let outputs: Vec<_> = graph.output.iter().map(port).collect();
        if outputs.is_empty() {
            return Err(refused("has no outputs".into()));
        }

        let mut inliner = Inliner { functions: &functions, nodes: Vec::new(), calls: 0 };
        for node in graph.node {
            inliner.place(node, &opsets, None, 0)?;
        }
        let known = initialisers.keys().chain(inputs.iter().map(|input| &input.name));
        let known: HashSet<&str> = known.map(String::as_str).collect();
        let nodes = sorted(inliner.nodes, known)?;
        for output in &outputs {
            let is_made = |node: &Node| node.outputs.contains(&output.name);
            let is_given = initialisers.contains_key(&output.name)
                || inputs.iter().any(|input| input.name == output.name);
            if !is_given && !nodes.iter().any(is_made) {
                return Err(refused(format!(
                    "has the output '{}', which no node gives",
                    output.name
                )));
            }
        }
        Ok(Self { name: graph.name, opset, nodes, initialisers, elements, inputs, outputs })
    }

    /// Leaves out nodes whose results nothing needs.
    pub fn prune(&mut self, outputs: &[String]) {
        let mut needed: HashSet<String> = outputs.iter().cloned().collect();
        let mut kept = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.drain(..).rev() {
            if node.outputs.iter().any(|output| needed.contains(output)) {
                needed.extend(node.inputs.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        self.nodes = kept;
    }
}

/// The versions of the operators by domain.
fn opsets(list: &[proto::OperatorSet]) -> HashMap<String, i64> {
    list.iter().map(|set| (domain(&set.domain), set.version)).collect()
}

fn domain(name: &str) -> String {
    if name == "ai.onnx" { ONNX.to_owned() } else { name.to_owned() }
}

fn port(info: &proto::ValueInfo) -> Port {
    let tensor = info.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref());
    let size = |dim: &proto::Dimension| match (&dim.dim_value, &dim.dim_param) {
        (Some(value), _) if *value >= 0 => Ok(*value),
        (_, Some(name)) => Err(name.clone()),
        _ => Err(String::new()),
    };
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    Port {
        name: info.name.clone(),
        element: tensor.map_or(0, |tensor| tensor.elem_type),
        shape: shape.map(|shape| shape.dim.iter().map(size).collect()),
    }
}

/// Writes out the functions of a model.
struct Inliner<'a> {
    functions: &'a [proto::Function],
    nodes: Vec<Node>,
    calls: usize,
}

/// What names mean in the body of a function.
struct Call {
    names: HashMap<String, String>,
    prefix: String,
    attributes: HashMap<String, proto::Attribute>,
}

impl Call {
    fn name(&self, name: &str) -> String {
        match self.names.get(name) {
            Some(name) => name.clone(),
            None if name.is_empty() => String::new(),
            None => format!("{}{name}", self.prefix),
        }
    }
}

impl Inliner<'_> {
    fn place(
        &mut self,
        node: proto::Node,
        opsets: &HashMap<String, i64>,
        call: Option<&Call>,
        depth: usize,
    ) -> Result<(), Failure> {
        if self.nodes.len() >= MAX_NODES {
            return Err(refused(format!("has more than {MAX_NODES} nodes")));
        }
        let rename = |name: &String| call.map_or(name.clone(), |call| call.name(name));
        let inputs: Vec<_> = node.input.iter().map(rename).collect();
        let outputs: Vec<_> = node.output.iter().map(rename).collect();
        let mut attributes = HashMap::new();
        for attribute in node.attribute {
            // An attribute of the function that the node is in, or its default.
            let given = match attribute.ref_attr_name.as_str() {
                "" => Some(attribute.clone()),
                reference => call.and_then(|call| call.attributes.get(reference)).cloned(),
            };
            if let Some(given) = given {
                attributes.insert(attribute.name, given);
            }
        }
        let domain = domain(&node.domain);
        let is_called = |function: &&proto::Function| {
            function.domain == node.domain && function.name == node.op_type
        };
        if let Some(function) = self.functions.iter().find(is_called) {
            if depth == MAX_DEPTH {
                return Err(refused(format!("calls the function '{}' by itself", node.op_type)));
            }
            self.calls += 1;
            let names = function.input.iter().cloned().zip(inputs.iter().cloned());
            let left_out = function.input.iter().skip(inputs.len()).cloned();
            let results = function.output.iter().cloned().zip(outputs.iter().cloned());
            let names = names.chain(left_out.map(|name| (name, String::new()))).chain(results);
            let defaults = function.attribute_proto.iter().cloned();
            let mut given: HashMap<_, _> =
                defaults.map(|attribute| (attribute.name.clone(), attribute)).collect();
            given.extend(attributes);
            let prefix = format!("{}.{}.", node.op_type, self.calls);
            let inner = Call { names: names.collect(), prefix, attributes: given };
            let opsets = self::opsets(&function.opset_import);
            for node in &function.node {
                self.place(node.clone(), &opsets, Some(&inner), depth + 1)?;
            }
            return Ok(());
        }
        let Some(&opset) = opsets.get(&domain) else {
            return Err(refused(format!(
                "has the operator '{}' of the domain '{domain}', whose version it does not say",
                node.op_type
            )));
        };
        let first = outputs.first().cloned().unwrap_or_default();
        let name = if node.name.is_empty() { first } else { node.name };
        let name = call.map_or(name.clone(), |call| format!("{}{name}", call.prefix));
        let scope = scope_of(&node.metadata_props).or_else(|| scope_in(&name));
        let fold = node.metadata_props.iter().find(|entry| entry.key == RULE);
        let fold = fold.map(|entry| entry.value.clone());
        let op = node.op_type;
        self.nodes.push(Node { domain, op, name, scope, fold, inputs, outputs, attributes, opset });
        Ok(())
    }
}

/// The module of the user's program that a node comes from, as torch's exporter writes it: a list of
/// names from the outermost one on, the node's own last.
fn scope_of(metadata: &[proto::Entry]) -> Option<String> {
    let entry = metadata.iter().find(|entry| entry.key == "pkg.torch.onnx.name_scopes")?;
    let list = entry.value.trim_start_matches('[').trim_end_matches(']');
    let names: Vec<_> = list.split(", ").map(|name| name.trim_matches(['\'', '"'])).collect();
    let [.., scope, _own] = names[..] else { return None };
    (!scope.is_empty()).then(|| scope.to_owned())
}

/// Where torch's exporter says by which rule it rewrote a node.
const RULE: &str = "pkg.onnxscript.rewriter.rule_name";

/// The same in the name of a node, as torch's older exporter writes it: `/layers.0/linear1/MatMul`.
fn scope_in(name: &str) -> Option<String> {
    let (scope, _own) = name.strip_prefix('/')?.rsplit_once('/')?;
    Some(scope.replace('/', "."))
}

/// Puts nodes behind those that they read from.
fn sorted(nodes: Vec<Node>, known: HashSet<&str>) -> Result<Vec<Node>, Failure> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (number, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if known.contains(output.as_str()) || makers.insert(output, number).is_some() {
                return Err(refused(format!("gives the value '{output}' twice")));
            }
        }
    }
    let mut waits: Vec<usize> = vec![0; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (number, node) in nodes.iter().enumerate() {
        for input in node.inputs.iter().filter(|input| !input.is_empty()) {
            match makers.get(input.as_str()) {
                Some(&maker) => {
                    readers[maker].push(number);
                    waits[number] += 1;
                }
                None if known.contains(input.as_str()) => {}
                None => {
                    return Err(refused(format!(
                        "reads '{input}' in the node '{}', which nothing gives",
                        node.name
                    )));
                }
            }
        }
    }
    // The order of the file where that is one: the smallest number that is ready.
    let mut ready: std::collections::BTreeSet<usize> =
        (0..nodes.len()).filter(|&number| waits[number] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(number) = ready.pop_first() {
        order.push(number);
        for &reader in &readers[number] {
            waits[reader] -= 1;
            if waits[reader] == 0 {
                ready.insert(reader);
            }
        }
    }
    if order.len() < nodes.len() {
        let waiting = (0..nodes.len()).filter(|&number| waits[number] > 0);
        let names: Vec<_> =
            waiting.take(5).map(|number| format!("'{}'", nodes[number].name)).collect();
        return Err(refused(format!("has nodes that wait for each other: {}", names.join(", "))));
    }
    let mut nodes: Vec<_> = nodes.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|number| nodes[number].take()).collect())
}

/// The tensor of a `Constant` node.
///
/// # Errors
///
/// Where it has none that can be read.
pub fn constant_of(node: &Node, decoder: &mut Decoder) -> Result<Constant, Failure> {
    use super::constant::{Data, Int};
    let known = |values: &[i64]| values.iter().map(|&value| Int::Known(value)).collect();
    for (name, attribute) in &node.attributes {
        let constant = match (name.as_str(), attribute.kind) {
            ("value", _) => match &attribute.t {
                Some(tensor) => decoder.tensor(tensor)?,
                None => continue,
            },
            ("value_float", _) => Constant::scalar(Data::Float(vec![attribute.f])),
            ("value_int", _) => Constant::scalar(Data::Int(vec![Int::Known(attribute.i)])),
            ("value_floats", _) => {
                Constant::new(vec![attribute.floats.len()], Data::Float(attribute.floats.clone()))
            }
            ("value_ints", kind::INTS | 0) => Constant::integers(known(&attribute.ints)),
            _ => continue,
        };
        let origin = node.outputs.first().cloned();
        return Ok(Constant { origin, ..constant });
    }
    Err(refused(format!("has no numbers in the node '{}'", node.name)))
}
