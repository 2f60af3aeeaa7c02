//! From the nodes of a model to ops of the dialect.

mod attention;
mod einsum;
mod elementwise;
mod linear;
mod norm;
mod patterns;
mod pool;
mod recurrent;
mod shape;
mod view;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use gauss_dialect::{attributes::AttributeList, ir::DYNAMIC, shape::TensorType};

use super::{
    constant::{Constant, Decoder},
    fold,
    graph::{Graph, Node, Port, constant_of},
    module::{Module, Parameters, Typed},
    moves::{self, Move, show},
    operators,
};
pub use view::View;

/// What a name of the model stands for.
#[derive(Debug, Clone)]
pub enum Value {
    /// Known now.
    Constant(Rc<Constant>),
    /// Computed by the module.
    Computed(View),
    /// Part of an expression that has no counterpart by itself, and why.
    Part(Rc<str>),
    /// Result of a node that was refused.
    Refused,
}

/// How to import a model.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The size of the batch where the model leaves it open; open where there is none.
    pub batch: Option<i64>,
    /// Does the network end before a last softmax?
    pub logits: bool,
}

/// Writes the ops of one model.
pub struct Converter<'a> {
    module: Module,
    values: HashMap<String, Value>,
    /// How many nodes and outputs read a value.
    readers: HashMap<String, usize>,
    nodes: &'a [Node],
    /// The number of the node that gives a value.
    makers: HashMap<String, usize>,
    /// Nodes whose work another one has done.
    done: HashSet<usize>,
    /// What was refused by a part of an expression that something else reads.
    problems: Vec<String>,
    /// How many elements may still be computed of constants.
    budget: usize,
    note: &'a mut dyn FnMut(&str),
}

/// The outcome of converting a node.
type Outcome = Result<(), String>;

/// How many copies of all weights exporters make at most, as by transposes.
const COPIES: usize = 8;

/// The most elements of what is no weight, such as masks.
const MASKS: usize = 1 << 25;

/// Converts a graph; the text of the module and its parameters. The items of a batch are said to belong together
/// where it is a whole one.
///
/// # Errors
///
/// Where there are nodes without a counterpart: a line for each.
pub fn convert(
    graph: &Graph,
    decoder: &mut Decoder,
    settings: &Settings,
    is_whole_batch: bool,
    note: &mut dyn FnMut(&str),
) -> Result<(String, Parameters), Vec<String>> {
    let unknown = graph.nodes.iter().filter_map(|node| {
        let why = operators::unknown(node)?;
        Some(format!("{} {why}", place(node)))
    });
    let unknown: Vec<_> = unknown.collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let mut readers = HashMap::new();
    let read = graph.nodes.iter().flat_map(|node| &node.inputs);
    for name in read.chain(graph.outputs.iter().map(|output| &output.name)) {
        *readers.entry(name.clone()).or_insert(0) += 1;
    }
    let makers = graph.nodes.iter().enumerate();
    let makers = makers
        .flat_map(|(number, node)| node.outputs.iter().map(move |name| (name.clone(), number)));
    let makers = makers.filter(|(name, _)| !name.is_empty()).collect();
    let constants = graph.initialisers.iter();
    let values =
        constants.map(|(name, constant)| (name.clone(), Value::Constant(constant.clone())));
    let mut converter = Converter {
        module: Module::new(),
        values: values.collect(),
        readers,
        nodes: &graph.nodes,
        makers,
        done: HashSet::new(),
        problems: Vec::new(),
        budget: COPIES * graph.initialisers.values().map(|one| one.data.len()).sum::<usize>()
            + MASKS,
        note,
    };
    let mut problems = Vec::new();
    let inputs = converter.inputs(graph, settings, &mut problems);
    for (number, node) in graph.nodes.iter().enumerate() {
        if converter.done.contains(&number) {
            continue;
        }
        if let Err(message) = converter.node(number, node, decoder) {
            let problem = format!("{} {message}", place(node));
            match patterns::is_part(node) {
                // Told where something else than an expression reads it.
                true => converter.part(node, problem.into()),
                false => problems.push(problem),
            }
        }
        for problem in std::mem::take(&mut converter.problems) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        for output in &node.outputs {
            converter.values.entry(output.clone()).or_insert(Value::Refused);
        }
    }
    let outputs = converter.outputs(graph, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let function = function_name(&graph.name);
    Ok(converter.module.finish((&function, is_whole_batch), &inputs, &outputs))
}

/// A node as messages name it.
fn place(node: &Node) -> String {
    let scope = node.scope.as_ref().map_or(String::new(), |scope| format!(" of '{scope}'"));
    format!("the node '{}'{scope}, {} of opset {},", node.name, node.operator(), node.opset)
}

/// A name that MLIR takes for a function.
fn function_name(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() => name,
        Some(_) => format!("_{name}"),
        None => "network".to_owned(),
    }
}

impl Converter<'_> {
    fn inputs(
        &mut self,
        graph: &Graph,
        settings: &Settings,
        problems: &mut Vec<String>,
    ) -> Vec<(Typed, String)> {
        let mut inputs = Vec::new();
        for (number, input) in graph.inputs.iter().enumerate() {
            if !self.readers.contains_key(&input.name) {
                (self.note)(&format!("the input '{}' is left out: nothing reads it", input.name));
                continue;
            }
            let value = input_shape(input, settings).map(|shape| {
                let ty = TensorType::new(shape, false);
                Typed { name: format!("%in{number}"), ty }
            });
            match value {
                Ok(value) => {
                    if !matches!(input.element, 1 | 10 | 11 | 16) {
                        (self.note)(&format!(
                            "the input '{}' has elements of type {}: the compiled network takes \
                             them as float32",
                            input.name,
                            super::constant::type_name(input.element)
                        ));
                    }
                    let view = View::plain(value.clone());
                    self.values.insert(input.name.clone(), Value::Computed(view));
                    inputs.push((value, input.name.clone()));
                }
                Err(message) => {
                    problems.push(format!("the input '{}' {message}", input.name));
                    self.values.insert(input.name.clone(), Value::Refused);
                }
            }
        }
        if inputs.is_empty() && problems.is_empty() {
            problems.push("the model has no inputs that its outputs depend on".into());
        }
        inputs
    }

    fn outputs(&mut self, graph: &Graph, problems: &mut Vec<String>) -> Vec<Typed> {
        let mut outputs = Vec::new();
        let mut missing = Vec::new();
        for output in &graph.outputs {
            let name = &output.name;
            let value = match self.values.get(name).cloned() {
                Some(Value::Computed(view)) => self.materialise(&view, name),
                Some(Value::Constant(_)) => Err("depends on no input".to_owned()),
                Some(Value::Part(problem)) => {
                    if !problems.iter().any(|known| **known == *problem) {
                        problems.push(problem.to_string());
                    }
                    continue;
                }
                Some(Value::Refused) | None => {
                    missing.push(name);
                    continue;
                }
            };
            match value {
                Ok(value) => outputs.push(value),
                Err(message) => problems.push(format!("the output '{name}' {message}")),
            }
        }
        // Where there are problems, these are why.
        if problems.is_empty() {
            let message =
                |name| format!("the output '{name}' is one of its node that is not computed here");
            problems.extend(missing.into_iter().map(message));
        }
        outputs
    }

    fn node(&mut self, number: usize, node: &Node, decoder: &mut Decoder) -> Outcome {
        if node.is("Constant") {
            let constant = constant_of(node, decoder).map_err(|failure| failure.to_string())?;
            return self.constant(node, 0, constant);
        }
        let inputs: Vec<_> =
            node.inputs.iter().map(|name| self.values.get(name).cloned()).collect();
        if inputs.iter().any(|input| matches!(input, Some(Value::Refused))) {
            return Ok(());
        }
        let part = inputs.iter().find_map(|input| match input {
            Some(Value::Part(problem)) => Some(problem.clone()),
            _ => None,
        });
        if let Some(problem) = part {
            match node.op.as_str() {
                _ if patterns::is_part(node) => {
                    if !self.known_activation(node)? && !self.known_norm(node)? {
                        self.part(node, problem);
                    }
                }
                // A mask is a part of an attention.
                "Softmax" => {
                    let problem = match self.mask_problem(node) {
                        Some(message) => format!("{} {message}", place(node)).into(),
                        None => problem,
                    };
                    self.part(node, problem);
                }
                // Negative indices are those of the table anyway.
                "Gather" if self.takes_known_rows(node) => self.layer(number, node)?,
                "MatMul"
                    if self.find_attention(node).is_some() && self.layer(number, node).is_ok() => {}
                _ => self.problems.push(problem.to_string()),
            }
            return Ok(());
        }
        let constants: Vec<_> = inputs
            .iter()
            .map(|input| match input {
                Some(Value::Constant(constant)) => Some(constant.as_ref()),
                _ => None,
            })
            .collect();
        if let (true, [Some(constant), None]) = (node.is("CastLike"), &constants[..]) {
            // Everything that is computed is a floating-point number.
            let result = fold::cast(constant, 1)?;
            return self.constant(node, 0, result);
        }
        let is_computed = inputs.iter().any(|input| matches!(input, Some(Value::Computed(_))));
        if !is_computed && let Some(results) = fold::fold(node, &constants) {
            for (number, result) in results?.into_iter().enumerate() {
                let rest = self.budget.checked_sub(result.data.len());
                self.budget = rest.ok_or("makes too many constants of those of the model")?;
                self.constant(node, number, result)?;
            }
            return Ok(());
        }
        self.layer(number, node)
    }

    /// Makes the results of a node parts of an expression.
    fn part(&mut self, node: &Node, problem: Rc<str>) {
        for output in &node.outputs {
            self.values.insert(output.clone(), Value::Part(problem.clone()));
        }
    }

    /// A node on values that are computed.
    fn layer(&mut self, number: usize, node: &Node) -> Outcome {
        match self.spread_apart(number, node) {
            Some(outcome) => outcome,
            None => self.layer_alone(number, node),
        }
    }

    /// As [`Converter::layer`], the batch of no value being joined with other dimensions but where the node
    /// takes that apart itself.
    fn layer_alone(&mut self, number: usize, node: &Node) -> Outcome {
        match node.op.as_str() {
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(number, node),
            "Conv" => self.convolution(node),
            "ConvTranspose" => self.transposed_convolution(node),
            "BatchNormalization" => self.batch_norm(node),
            "LayerNormalization" | "RMSNormalization" => self.layer_norm(node),
            "InstanceNormalization" | "GroupNormalization" => self.group_norm(node),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" | "GlobalMaxPool" => self.global_pool(node),
            "LSTM" | "GRU" => self.recurrent(node),
            "Attention" => self.attention(node),
            "Softmax" | "LogSoftmax" => self.softmax(node),
            "ReduceMean" | "ReduceSum" | "ReduceSumSquare" | "ReduceL1" | "ReduceMax"
            | "ReduceMin" => self.reduce(node),
            "Concat" => self.concat(node),
            "Einsum" => self.einsum(number, node),
            "Split" => self.split(node),
            "Pad" => self.pad(node),
            "Resize" | "Upsample" => self.resize(node),
            "Tile" => self.tile(node),
            "Shape" | "Size" => self.shape_of(node),
            "Gather" => self.gather(node),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Dropout"
            | "Transpose" | "Slice" | "Expand" | "DepthToSpace" | "SpaceToDepth" => {
                self.moved(node)
            }
            _ => self.elementwise(node),
        }
    }

    /// Gives a result that is known.
    fn constant(&mut self, node: &Node, number: usize, constant: Constant) -> Outcome {
        if let Some(name) = node.outputs.get(number).filter(|name| !name.is_empty()) {
            self.values.insert(name.clone(), Value::Constant(Rc::new(constant)));
        }
        Ok(())
    }

    /// Gives the first result.
    fn result(&mut self, node: &Node, value: Typed) -> Outcome {
        self.view(node, 0, View::plain(value))
    }

    fn view(&mut self, node: &Node, number: usize, view: View) -> Outcome {
        if let Some(name) = node.outputs.get(number).filter(|name| !name.is_empty()) {
            self.values.insert(name.clone(), Value::Computed(view));
        }
        Ok(())
    }

    /// The input of a node.
    fn input(&self, node: &Node, number: usize) -> Result<Value, String> {
        let name = node.input(number).ok_or_else(|| format!("lacks the input {number}"))?;
        self.values.get(name).cloned().ok_or_else(|| format!("reads '{name}', which nothing gives"))
    }

    /// An input that is known; `None` where it is left out or computed.
    fn known(&self, node: &Node, number: usize) -> Option<Constant> {
        match self.values.get(node.input(number)?) {
            Some(Value::Constant(constant)) => Some(constant.as_ref().clone()),
            _ => None,
        }
    }

    /// An input as the module has it, computed or not.
    fn operand(&mut self, node: &Node, number: usize) -> Result<Typed, String> {
        match self.input(node, number)? {
            Value::Constant(constant) => {
                let view = self.constant_view(&constant, &node.name)?;
                self.materialise(&view, &node.name)
            }
            Value::Computed(view) => self.materialise(&view, &node.name),
            Value::Part(_) | Value::Refused => Err("reads a value that was refused".into()),
        }
    }

    /// An optional input as [`Converter::operand`].
    fn optional(&mut self, node: &Node, number: usize) -> Result<Option<Typed>, String> {
        match node.input(number) {
            Some(_) => self.operand(node, number).map(Some),
            None => Ok(None),
        }
    }

    /// A computed input, dimensions where they are, none of them joined with the batch.
    fn viewed(&mut self, node: &Node, number: usize) -> Result<View, String> {
        let view = self.any_view(node, number)?;
        match view.joined.is_empty() {
            true => Ok(view),
            false => {
                Err(format!("reads a batch that is joined with other dimensions, {}", moves::FIX))
            }
        }
    }

    /// A computed input, dimensions where they are.
    fn any_view(&mut self, node: &Node, number: usize) -> Result<View, String> {
        match self.input(node, number)? {
            Value::Constant(constant) => self.constant_view(&constant, &node.name),
            Value::Computed(view) => Ok(view),
            Value::Part(_) | Value::Refused => Err("reads a value that was refused".into()),
        }
    }

    /// A constant in the module, for each item of the batch where it is repeated over that.
    fn constant_view(&mut self, constant: &Constant, at: &str) -> Result<View, String> {
        let view = self.module.constant(constant).map(View::plain)?;
        match constant.copies {
            None => Ok(view),
            Some(_) => self.apply(&view, &Move::Expand(moves::sizes_of(constant)), at),
        }
    }

    /// An operand of an operator on single elements: what is the same for all items stays once where another
    /// operand has the batch.
    fn element_operand(&mut self, node: &Node, number: usize) -> Result<Typed, String> {
        match self.input(node, number)? {
            Value::Constant(constant) if self.meets_batch(node, &constant)? => {
                self.module.constant(&constant)
            }
            _ => self.operand(node, number),
        }
    }

    /// Does a constant meet a computed value with a batch, where it is repeated over that?
    fn meets_batch(&self, node: &Node, constant: &Constant) -> Result<bool, String> {
        let Some(copies) = constant.copies else { return Ok(true) };
        let views = node.inputs.iter().filter_map(|name| match self.values.get(name)? {
            Value::Computed(view) => Some(view),
            Value::Constant(_) | Value::Part(_) | Value::Refused => None,
        });
        // Dimensions are aligned at the last one.
        let behind = constant.shape.len() - copies.axis;
        let places = views.filter_map(|view| Some(view.order.len() - view.batch()?));
        let places: Vec<_> = places.collect();
        match places.iter().all(|&place| place == behind) {
            true => Ok(!places.is_empty()),
            false => Err(format!("meets the batch in another dimension, {}", moves::FIX)),
        }
    }

    /// The sizes of an input, known or computed.
    fn shape(&self, node: &Node, number: usize) -> Result<Vec<i64>, String> {
        Ok(match self.input(node, number)? {
            Value::Constant(constant) => moves::sizes_of(&constant),
            Value::Computed(view) => view.shape(),
            Value::Part(_) | Value::Refused => {
                return Err("reads a value that was refused".into());
            }
        })
    }

    fn op(
        &mut self,
        op: &str,
        attributes: &AttributeList,
        operands: &[&Typed],
        at: &str,
    ) -> Result<Typed, String> {
        self.module.op(op, attributes, operands, at)
    }

    /// The only reader of a result, where no output is it.
    fn only_reader(&self, name: &str) -> Option<(usize, &Node)> {
        (self.readers.get(name) == Some(&1)).then_some(())?;
        let reads = |(_, node): &(usize, &Node)| node.inputs.iter().any(|input| input == name);
        self.nodes.iter().enumerate().find(reads)
    }
}

/// The sizes of an input of the network.
fn input_shape(input: &Port, settings: &Settings) -> Result<Vec<i64>, String> {
    let shape = input.shape.as_ref().ok_or("has no sizes")?;
    let mut sizes = Vec::new();
    for (dim, size) in shape.iter().enumerate() {
        sizes.push(match (size, dim, settings.batch) {
            (Ok(0), _, _) => return Err(format!("has the size 0 in the dimension {dim}")),
            (Ok(size), _, _) => *size,
            (Err(_), 0, None) => DYNAMIC,
            (Err(_), 0, Some(batch)) => batch,
            (Err(name), _, _) => {
                let name = if name.is_empty() { "without a name" } else { name };
                return Err(format!(
                    "has a size that is not fixed in the dimension {dim} ({name}); export the model \
                     with a fixed one"
                ));
            }
        });
    }
    Ok(sizes)
}

/// Operands of one rank: those of fewer dimensions get ones before them.
impl Converter<'_> {
    fn aligned(&mut self, operands: Vec<Typed>, at: &str) -> Result<Vec<Typed>, String> {
        let rank = operands.iter().map(|operand| operand.ty.shape.len()).max().unwrap_or(0);
        let align = |operand: Typed| {
            let shape = moves::aligned(&operand.ty.shape, rank);
            self.module
                .reshape(&operand, &shape, at)
                .map_err(|message| format!("has an operand of {}: {message}", show(&shape)))
        };
        operands.into_iter().map(align).collect()
    }
}
