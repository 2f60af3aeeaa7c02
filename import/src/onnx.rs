//! Networks in ONNX.
//!
//! A file is parsed (`proto`) and its nodes are put in order (`graph`); then each node becomes ops of the
//! dialect (`convert`). What depends on no input is computed on the way (`fold`): shapes, and what
//! exporters do to weights.

mod constant;
mod convert;
mod fold;
mod graph;
mod module;
mod moves;
mod operators;
pub mod posterior;
mod proto;

use std::path::{Path, PathBuf};

use prost::Message;

use crate::{Failure, Files, Import, Importer, posterior::place::Parameter};

pub use convert::Settings;
pub use operators::OPERATORS;

/// The newest version of ONNX's operators that was read when this was written.
const NEWEST_OPSET: i64 = 28;

/// The oldest one.
const OLDEST_OPSET: i64 = 7;

/// A network in ONNX, with the weights as its parameters.
#[derive(Debug, Clone, Default)]
pub struct Onnx {
    /// How to read it.
    pub settings: Settings,
}

impl Importer for Onnx {
    fn format(&self) -> &'static str {
        FORMAT
    }

    fn import(
        &self,
        path: &Path,
        files: &dyn Files,
        note: &mut dyn FnMut(&str),
    ) -> Result<Import, Failure> {
        Model::read(path, files, note)?.import(&self.settings, note)
    }
}

/// The files beside a model that hold tensors of it; none where it cannot be read.
pub fn data_files(path: &Path, files: &dyn Files) -> Vec<PathBuf> {
    let model = files
        .read(path)
        .ok()
        .and_then(|bytes| proto::Model::decode(prost::bytes::Bytes::from(bytes)).ok());
    let graph = model.and_then(|model| model.graph);
    let folder = path.parent().unwrap_or(Path::new(""));
    let tensors = graph.iter().flat_map(|graph| &graph.initializer);
    let entries = tensors.flat_map(|tensor| &tensor.external_data);
    let named =
        entries.filter(|entry| entry.key == "location").map(|entry| folder.join(&entry.value));
    named.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// What it is called in messages.
pub const FORMAT: &str = "ONNX model";

/// A model that has been read.
#[derive(Clone)]
pub struct Model<'a> {
    name: String,
    graph: graph::Graph,
    decoder: constant::Decoder<'a>,
}

impl<'a> Model<'a> {
    /// Reads the model at `path`.
    ///
    /// # Errors
    ///
    /// Where it is none, or a tensor of it cannot be read.
    pub fn read(
        path: &Path,
        files: &'a dyn Files,
        note: &mut dyn FnMut(&str),
    ) -> Result<Self, Failure> {
        let bytes = files
            .read(path)
            .map_err(|error| Failure::Unreadable { path: path.to_owned(), error })?;
        let model = proto::Model::decode(prost::bytes::Bytes::from(bytes))
            .map_err(|error| refused(format!("is no ONNX model, or a part of one: {error}")))?;
        let mut decoder = constant::Decoder::new(path, files);
        let graph = graph::Graph::of(model, &mut decoder)?;
        match graph.opset {
            OLDEST_OPSET..=NEWEST_OPSET => {}
            opset if opset > NEWEST_OPSET => note(&format!(
                "the model has opset {opset}; operators up to {NEWEST_OPSET} are known, and read as in it"
            )),
            opset => {
                return Err(refused(format!(
                    "has opset {opset}; {OLDEST_OPSET} is the oldest that is read: export it anew"
                )));
            }
        }
        Ok(Self { name: path.display().to_string(), graph, decoder })
    }

    /// Makes these values, which nodes give, the outputs of the network.
    ///
    /// # Errors
    ///
    /// Where nothing gives one of them.
    pub fn end_at(&mut self, names: &[String]) -> Result<(), Failure> {
        let nodes = &self.graph.nodes;
        let is_given = |name: &String| nodes.iter().any(|node| node.outputs.contains(name));
        if let Some(name) = names.iter().find(|name| !is_given(name)) {
            let own: Vec<_> =
                self.graph.outputs.iter().map(|output| format!("'{}'", output.name)).collect();
            return Err(refused(format!(
                "no node gives '{name}'; the outputs of the model are {}",
                own.join(", ")
            )));
        }
        let port = |name: &String| graph::Port { name: name.clone(), element: 1, shape: None };
        self.graph.outputs = names.iter().map(port).collect();
        self.graph.prune(names);
        Ok(())
    }

    /// The initialisers that can be parameters.
    ///
    /// # Errors
    ///
    /// Where a tensor cannot be read.
    pub fn parameters(&mut self) -> Result<Vec<Parameter>, Failure> {
        posterior::parameters(&mut self.graph, &mut self.decoder)
    }

    /// The numbers of an initialiser.
    pub fn values(&self, name: &str) -> Option<&[f32]> {
        self.graph.initialisers.get(name)?.floats()
    }

    /// Gives these parameters their posterior.
    ///
    /// # Errors
    ///
    /// Everything that has no place, a line each.
    pub fn place(
        &mut self,
        parameters: &[Parameter],
        given: posterior::Posterior,
    ) -> Result<posterior::Placed, Vec<String>> {
        posterior::place(&mut self.graph, parameters, given)
    }

    /// The module that it becomes.
    ///
    /// # Errors
    ///
    /// Where the dialect does not have what it says.
    pub fn import(
        mut self,
        settings: &Settings,
        note: &mut dyn FnMut(&str),
    ) -> Result<Import, Failure> {
        end_before_softmax(&mut self.graph, settings, note);
        let outputs: Vec<_> = self.graph.outputs.iter().map(|output| output.name.clone()).collect();
        self.graph.prune(&outputs);
        let is_whole_batch = self.is_whole_batch(settings);
        let (module, parameters) =
            convert::convert(&self.graph, &mut self.decoder, settings, is_whole_batch, note)
                .map_err(|problems| refused(listed(&problems)))?;
        Ok(Import {
            name: self.name,
            module: module.into_bytes(),
            parameters: Some(Box::new(parameters)),
        })
    }
}

impl Model<'_> {
    /// May the results of an item depend on others of its batch? An open batch is read for a fixed one where the
    /// model computes with it; of a batch that the model itself fixes this is so where it cannot be opened.
    fn is_whole_batch(&self, settings: &Settings) -> bool {
        let sizes = self.graph.inputs.iter().map(|input| input.shape.as_ref()?.first());
        let sizes: Vec<_> = sizes.flatten().collect();
        if sizes.iter().any(|size| size.is_err()) {
            return settings.batch.is_some();
        }
        if sizes.iter().all(|size| **size == Ok(1)) {
            return false;
        }
        let mut open = self.graph.clone();
        for shape in open.inputs.iter_mut().filter_map(|input| input.shape.as_mut()) {
            shape.iter_mut().take(1).for_each(|size| *size = Err(String::new()));
        }
        let settings = Settings { batch: None, ..settings.clone() };
        convert::convert(&open, &mut self.decoder.clone(), &settings, false, &mut |_| {}).is_err()
    }
}

fn refused(message: String) -> Failure {
    Failure::Refused { message }
}

/// The most problems that a message lists.
const MOST_PROBLEMS: usize = 20;

fn listed(problems: &[String]) -> String {
    if let [only] = problems {
        return only.clone();
    }
    let shown = problems.iter().take(MOST_PROBLEMS).map(|problem| format!("\n  {problem}"));
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    format!("{} problems:{}{more}", problems.len(), shown.collect::<String>())
}

/// Lets the network end before its last softmax where that is wanted; says that it could where not.
fn end_before_softmax(graph: &mut graph::Graph, settings: &Settings, note: &mut dyn FnMut(&str)) {
    let ends =
        |node: &graph::Node| node.is("Softmax") || node.is("LogSoftmax") || node.is("Sigmoid");
    let is_end = |output: &graph::Port| {
        graph.nodes.iter().any(|node| node.outputs.contains(&output.name) && ends(node))
    };
    if settings.logits && !graph.outputs.iter().any(is_end) {
        note("--logits changes nothing: no output is that of a softmax or a sigmoid");
    }
    for output in &mut graph.outputs {
        let maker = graph.nodes.iter().find(|node| node.outputs.contains(&output.name));
        let Some(node) = maker.filter(|node| {
            node.is("Softmax") || node.is("LogSoftmax") || (settings.logits && node.is("Sigmoid"))
        }) else {
            continue;
        };
        match (settings.logits, node.input(0)) {
            (true, Some(logits)) => {
                note(&format!(
                    "the network ends before the {} '{}': its output are logits",
                    node.op, node.name
                ));
                output.name = logits.to_owned();
            }
            _ => note(&format!(
                "the network ends with the {} '{}'; --logits ends it before that, so that --head \
                 gives probabilities from the moments of the logits",
                node.op, node.name
            )),
        }
    }
}
