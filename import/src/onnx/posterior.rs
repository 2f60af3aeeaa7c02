//! The posterior of a model: what a user says of its parameters, put on its initialisers.
//!
//! Exporters rename, reorder, join, scale and merge parameters and keep some names of what has other numbers
//! now. So an entry goes where its means are, and by its name alone only where it has none.

mod numbers;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    rc::Rc,
};

use super::{
    constant::{Constant, Data, Decoder},
    graph::{Graph, Node, constant_of},
};
use crate::posterior::{
    Entry, Weights,
    place::{Parameter, Wishes, end_alike, sizes},
};
use numbers::{Block, Numbers};

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

/// What an initialiser became.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The initialiser.
    pub parameter: Parameter,
    /// The entries that it got.
    pub entries: Vec<String>,
    /// What the exporter did to their numbers.
    pub how: Vec<&'static str>,
    /// The tensors of the file that they come from.
    pub keys: Vec<String>,
}

/// The posterior as it is in the model.
#[derive(Debug, Default)]
pub struct Placed {
    /// Every initialiser that is a parameter.
    pub rows: Vec<Row>,
    /// Entries that are in no initialiser, and why that is no mistake.
    pub left_out: Vec<(String, String)>,
    /// What a user should know.
    pub notes: Vec<String>,
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
                graph.initialisers.insert(output.clone(), Rc::new(constant));
                continue;
            }
        }
        rest.push(node);
    }
    graph.nodes = rest;
    Ok(read_initialisers(graph))
}

/// The initialisers of floating-point numbers that nodes read.
fn read_initialisers(graph: &Graph) -> Vec<Parameter> {
    let mut known = HashSet::new();
    let read = graph.nodes.iter().flat_map(|node| &node.inputs);
    let parameter = |name: &String| {
        let constant = graph.initialisers.get(name)?;
        constant.floats()?;
        let shape = constant.shape.clone();
        known.insert(name.clone()).then(|| Parameter { name: name.clone(), shape, gaussian: true })
    };
    read.filter_map(parameter).collect()
}

/// A parameter that the exporter wrote as the identity of another one with the same numbers becomes an
/// initialiser again, where the posterior speaks of it.
fn restore_aliases(graph: &mut Graph, wanted: &[String]) {
    let Graph { nodes, initialisers, .. } = graph;
    nodes.retain(|node| {
        let (Some(input), [output]) = (node.input(0), &node.outputs[..]) else { return true };
        let constant = initialisers.get(input).filter(|_| node.is("Identity"));
        let is_wanted = wanted.iter().any(|name| end_alike(name, output));
        let Some(constant) = constant.filter(|_| is_wanted) else { return true };
        let copy = Constant { origin: Some(output.clone()), ..constant.as_ref().clone() };
        initialisers.insert(output.clone(), Rc::new(copy));
        false
    });
}

/// What the inputs of a batch normalisation are called, from the second one on.
const STATISTICS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Exporters keep one of several tensors of the same numbers, as those of fresh normalisations. Where a
/// user's name is that of a node's module, the node gets an initialiser of its own again.
fn restore_merged(graph: &mut Graph, wanted: &[String]) {
    let Graph { nodes, initialisers, .. } = graph;
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
                *input = name;
            }
        }
    }
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
        Posterior::Relative(std) => Ok(relative(graph, parameters, std)),
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
            let mut rows = write(graph, &sources, &targets, claims);
            let add =
                |(source, nodes): &(usize, Vec<usize>)| add_bias(graph, &sources[*source], nodes);
            rows.extend(restored.iter().map(add));
            Ok(Placed { rows, left_out, notes })
        }
    }
}

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

fn relative(graph: &mut Graph, parameters: &[Parameter], std: f64) -> Placed {
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

/// Fewer numbers could be those of something else by chance.
const LEAST_COPY: usize = 3;

/// The largest error of a folded bias, relative to its terms: that of a few operations in float32.
const BIAS_TOLERANCE: f64 = 1e-5;

/// Where numbers of a source are in a target that holds nothing else: all of them, scaled, or some.
fn copy_of(source: Numbers, target: Numbers) -> Vec<Block> {
    let all = |found: Vec<Vec<(usize, Block)>>| {
        found.into_iter().next().unwrap_or_default().into_iter().map(|(_, block)| block)
    };
    let whole: Vec<_> = all(numbers::find(source, &[target])).collect();
    if !whole.is_empty() {
        return whole;
    }
    if let Some(block) = numbers::scaled(source, target) {
        return vec![block];
    }
    all(numbers::find(target, &[source])).map(Block::reversed).collect()
}

/// A parameter as the user knows it.
struct Source {
    /// Its name, and what the file calls it.
    name: String,
    entry: String,
    keys: Vec<String>,
    shape: Vec<usize>,
    /// The numbers by which it is found.
    known: Option<Vec<f32>>,
    /// The means of the posterior, where they may be others.
    mean: Option<Vec<f32>>,
    variance: Option<Vec<f32>>,
}

impl Source {
    fn numbers(&self) -> Option<Numbers<'_>> {
        Some(Numbers { shape: &self.shape, values: self.known.as_ref()? })
    }

    /// The module of the user's program that it belongs to.
    fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(stem, _)| stem)
    }

    /// Is its bias or weight of the same module?
    fn is_beside(&self, other: &Self) -> bool {
        self.stem() == other.stem() && self.name != other.name
    }
}

/// An initialiser.
struct Target {
    name: String,
    constant: Rc<Constant>,
}

impl Target {
    fn numbers(&self) -> Numbers<'_> {
        Numbers { shape: &self.constant.shape, values: self.constant.floats().unwrap_or_default() }
    }
}

/// Numbers of a source in an initialiser.
#[derive(Clone)]
struct Claim {
    source: usize,
    target: usize,
    block: Block,
    /// Do the means of the source take the place of those of the model?
    replaces: bool,
    /// Another initialiser is made for these readers: nodes and the numbers of their inputs.
    readers: Option<Vec<(usize, usize)>>,
}

/// What of a posterior has found its place so far.
struct Placing<'a> {
    graph: &'a Graph,
    targets: Vec<Target>,
    sources: Vec<Source>,
    claims: Vec<Claim>,
    /// Biases of zeros that the exporter left out, and the nodes that they belong to.
    restored: Vec<(usize, Vec<usize>)>,
    problems: Vec<String>,
    left_out: Vec<(String, String)>,
    notes: Vec<String>,
}

impl<'a> Placing<'a> {
    fn of(graph: &'a Graph, parameters: &[Parameter]) -> Self {
        let target = |parameter: &Parameter| {
            let constant = graph.initialisers.get(&parameter.name)?.clone();
            Some(Target { name: parameter.name.clone(), constant })
        };
        Self {
            graph,
            targets: parameters.iter().filter_map(target).collect(),
            sources: Vec::new(),
            claims: Vec::new(),
            restored: Vec::new(),
            problems: Vec::new(),
            left_out: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The entries, by the names that the user gives them.
    fn sources(&mut self, entries: Vec<Entry>, names: &[Weights], wishes: &Wishes) {
        let mut known = BTreeMap::new();
        self.problems.extend(wishes.idle(entries.iter().map(|entry| entry.name.as_str())));
        let mut deterministic: HashSet<&String> = wishes.deterministic.iter().collect();
        for mut entry in entries {
            let mut name = entry.name.clone();
            if let Some(map) = wishes.map_of(&entry.name) {
                name = map.name_of(&entry.name);
                if name.is_empty() {
                    self.left_out.push((entry.name, crate::posterior::place::BY_MAP.into()));
                    continue;
                }
                if map.is_transposed() {
                    entry.transpose();
                }
            }
            if deterministic.remove(&name) {
                entry.variance = None;
            }
            let mut source = Source {
                name,
                entry: entry.name,
                keys: entry.keys,
                shape: entry.shape,
                known: entry.mean.clone(),
                mean: entry.mean,
                variance: entry.variance,
            };
            if !names.is_empty() {
                match named(&source, names) {
                    Ok(weights) => {
                        source.name.clone_from(&weights.name);
                        source.shape.clone_from(&weights.shape);
                        source.known = Some(weights.values.clone());
                    }
                    // Statistics and such are no parameters of everyone.
                    Err(_) if source.variance.is_none() => {}
                    Err(problem) => {
                        self.problems.push(problem);
                        continue;
                    }
                }
            }
            if let Some(other) = known.insert(source.name.clone(), source.entry.clone()) {
                self.problems
                    .push(format!("'{other}' and '{}' both go to '{}'", source.entry, source.name));
                continue;
            }
            self.sources.push(source);
        }
        for name in deterministic {
            self.problems.push(format!("the posterior has no '{name}' of --deterministic"));
        }
    }

    fn target(&self, name: &str) -> Option<usize> {
        self.targets.iter().position(|target| target.name == name)
    }

    /// Finds the numbers of each source.
    fn claim(&mut self) {
        for source in 0..self.sources.len() {
            let own = self.target(&self.sources[source].name);
            let found = match self.sources[source].numbers() {
                Some(numbers) => self.by_numbers(source, numbers, own),
                None => self.by_name(source, own),
            };
            match found {
                Ok(claims) => self.claims.extend(claims),
                Err(Some(problem)) => self.problems.push(problem),
                Err(None) => {}
            }
        }
    }

    fn by_numbers(
        &self,
        source: usize,
        numbers: Numbers,
        own: Option<usize>,
    ) -> Result<Vec<Claim>, Option<String>> {
        let claim = |target: usize, block: Block| Claim {
            source,
            target,
            block,
            replaces: false,
            readers: None,
        };
        let all = |blocks: Vec<(usize, Block)>| {
            blocks.into_iter().map(|(target, block)| claim(target, block)).collect::<Vec<_>>()
        };
        let scaled = |target: Numbers| match numbers.is_uniform() {
            true => None,
            false => numbers::scaled(numbers, target),
        };
        // The initialiser of its name first: others may have the same numbers.
        if let Some(own) = own {
            let target = self.targets[own].numbers();
            if let Some(found) = numbers::find(numbers, &[target]).pop() {
                return Ok(all(found.into_iter().map(|(_, block)| (own, block)).collect()));
            }
            if let Some(block) = scaled(target) {
                return Ok(vec![claim(own, block)]);
            }
        }
        let targets: Vec<_> = self.targets.iter().map(Target::numbers).collect();
        let mut found = numbers::find(numbers, &targets);
        let is_own = |blocks: &Vec<(usize, Block)>| {
            blocks.iter().all(|&(target, _)| self.is_read_in(target, self.sources[source].stem()))
        };
        if numbers.is_uniform() {
            // Zeros and ones are those of anything: only what its layer reads is meant.
            found.retain(is_own);
        }
        if found.len() > 1 {
            match found.iter().position(is_own) {
                Some(only) => found = vec![found.swap_remove(only)],
                None => {
                    let names: Vec<_> = found
                        .iter()
                        .flatten()
                        .map(|(target, _)| format!("'{}'", self.targets[*target].name))
                        .collect();
                    return Err(Some(format!(
                        "'{}' has the numbers of {}, and nothing tells which it is: --map \
                         '{}=NAME' says it",
                        self.sources[source].entry,
                        names.join(" and of "),
                        regex::escape(&self.sources[source].entry)
                    )));
                }
            }
        }
        if let Some(found) = found.pop() {
            return Ok(all(found));
        }
        let mut targets = targets.into_iter().enumerate();
        let found = targets.find_map(|(target, other)| Some(claim(target, scaled(other)?)));
        found.map(|claim| vec![claim]).ok_or(None)
    }

    /// The initialiser of the name of a source that has no numbers, or what its layer reads in its place.
    fn by_name(&self, source: usize, own: Option<usize>) -> Result<Vec<Claim>, Option<String>> {
        let Source { name, shape, entry, .. } = &self.sources[source];
        let beside = |(target, of): &(usize, &Target)| {
            let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
            last(&of.name) == last(name)
                && of.constant.shape == *shape
                && self.is_read_in(*target, self.sources[source].stem())
        };
        let merged = || self.targets.iter().enumerate().find(beside).map(|(target, _)| target);
        let Some(target) = own.or_else(merged) else {
            return Err(Some(self.became(source)));
        };
        let known = &self.targets[target].constant;
        if let Some(rule) = self.fold_of(target) {
            return Err(Some(format!(
                "'{entry}' has no means, and the exporter folded a normalisation into '{}' ({rule}), \
                 whose numbers have other standard deviations now: give the weights as they were \
                 with --names FILE, or export with optimize=False",
                self.targets[target].name
            )));
        }
        if known.shape != *shape {
            return Err(Some(format!(
                "'{entry}' has the shape {}, but the initialiser '{}' has {}: give the weights as you \
                 name them with --names FILE",
                sizes(shape),
                self.targets[target].name,
                sizes(&known.shape)
            )));
        }
        let block = Block::whole(known.data.len());
        Ok(vec![Claim { source, target, block, replaces: false, readers: None }])
    }

    /// Other initialisers that hold numbers of a source: exporters write a weight once for each form in
    /// which it is used.
    fn claim_copies(&mut self, names: &[Weights]) {
        let mut copies = Vec::new();
        for (target, of) in self.targets.iter().enumerate() {
            let numbers = of.numbers();
            let is_claimed = self.claims.iter().any(|claim| claim.target == target);
            let is_own = self.sources.iter().any(|source| source.name == of.name);
            if is_claimed || is_own || numbers.is_uniform() || numbers.values.len() < LEAST_COPY {
                continue;
            }
            let placed = |source: &usize| self.claims.iter().any(|claim| claim.source == *source);
            let sources = 0..self.sources.len();
            for source in sources.filter(|source| placed(source)) {
                let Some(known) = self.sources[source].numbers() else { continue };
                if self.sources[source].variance.is_none() || known.is_uniform() {
                    continue;
                }
                let blocks = copy_of(known, numbers);
                if blocks.is_empty() {
                    continue;
                }
                let entry = &self.sources[source].entry;
                if names.iter().any(|weights| weights.name == of.name) {
                    self.problems.push(format!(
                        "'{}' has the numbers of '{entry}' and no entry: give it one of its own, or \
                         leave it out of --names if it is the same weight",
                        of.name
                    ));
                } else {
                    self.notes.push(format!(
                        "'{entry}' is in '{}' too: its uses are taken as independent",
                        of.name
                    ));
                    let claim =
                        |block| Claim { source, target, block, replaces: false, readers: None };
                    copies.extend(blocks.into_iter().map(claim));
                }
                break;
            }
        }
        self.claims.extend(copies);
    }

    /// Biases of layers whose weights were scaled by a fold. How the bias was scaled its own numbers must
    /// show: as c·(bias − mean) + shift with the factors c of the weight and the statistics of a
    /// normalisation, or as a multiple of itself.
    fn claim_biases(&mut self, names: &[Weights]) {
        let mut found: Vec<Claim> = Vec::new();
        for claim in &self.claims {
            let Some(factors) = claim.block.factors() else { continue };
            for target in self.biases_of(claim.target) {
                let is_claimed =
                    |claims: &[Claim]| claims.iter().any(|claim| claim.target == target);
                if is_claimed(&self.claims) || is_claimed(&found) {
                    continue;
                }
                let folded = self.targets[target].numbers();
                let weight = &self.sources[claim.source];
                let biases = self.sources.iter().enumerate();
                let mut biases = biases.filter(|(_, bias)| bias.is_beside(weight));
                let block = biases.find_map(|(source, bias)| {
                    let own = bias.known.as_ref().filter(|own| own.len() == folded.values.len())?;
                    let factors = self.factors_of_bias(own, folded.values, factors, names)?;
                    Some((source, Block::scaled(factors)))
                });
                let claim = |(source, block)| Claim {
                    source,
                    target,
                    block,
                    replaces: false,
                    readers: None,
                };
                found.extend(block.map(claim));
            }
        }
        self.claims.extend(found);
    }

    /// The factors of a bias that became `folded` where the weight was scaled by `factors`.
    fn factors_of_bias(
        &self,
        bias: &[f32],
        folded: &[f32],
        factors: &[f32],
        names: &[Weights],
    ) -> Option<Vec<f32>> {
        let holds = |factors: &[f32], means: &[f32], shifts: &[f32]| {
            let lengths = [factors.len(), means.len(), shifts.len()];
            lengths.iter().all(|&length| length == bias.len())
                && (0..bias.len()).all(|at| {
                    let of = |list: &[f32]| f64::from(list[at]);
                    let (scaled, moved) = (of(factors) * of(bias), of(factors) * of(means));
                    let size = scaled.abs() + moved.abs() + of(shifts).abs() + of(folded).abs();
                    (scaled - moved + of(shifts) - of(folded)).abs() <= BIAS_TOLERANCE * size
                })
        };
        let zeros = vec![0.0; bias.len()];
        let own = self
            .sources
            .iter()
            .filter_map(|source| Some((source.name.as_str(), source.known.as_deref()?)));
        let named = names.iter().map(|weights| (weights.name.as_str(), weights.values.as_slice()));
        let all: Vec<(&str, &[f32])> = own.chain(named).collect();
        let get =
            |name: String| all.iter().find(|(known, _)| *known == name).map(|(_, values)| *values);
        let of_norm = all.iter().any(|(name, means)| {
            let Some(stem) = name.strip_suffix("running_mean") else { return false };
            let shifts = get(format!("{stem}bias"));
            holds(factors, means, shifts.unwrap_or(&zeros))
        });
        if of_norm || holds(factors, &zeros, &zeros) {
            return Some(factors.to_vec());
        }
        // Another multiple: the same for all, or it could be anything.
        let largest = (0..bias.len()).max_by(|&x, &y| bias[x].abs().total_cmp(&bias[y].abs()))?;
        let factor = folded[largest] / bias[largest];
        let multiple = vec![factor; bias.len()];
        let is_told = bias.len() > 1 && factor.is_finite() && factor != 0.0;
        (is_told && holds(&multiple, &zeros, &zeros)).then_some(multiple)
    }

    /// Sources without a place, with the initialisers of their names.
    fn unplaced(&self) -> Vec<(usize, Option<usize>)> {
        let is_placed = |source: &usize| {
            self.claims.iter().any(|claim| claim.source == *source)
                || self.restored.iter().any(|(restored, _)| restored == source)
        };
        let rest = (0..self.sources.len()).filter(|source| !is_placed(source));
        let rest = rest.filter(|&source| self.sources[source].known.is_some());
        rest.map(|source| (source, self.target(&self.sources[source].name))).collect()
    }

    /// The biases of the layers that read a weight.
    fn biases_of(&self, weight: usize) -> Vec<usize> {
        let readers = self.readers(weight).into_iter();
        readers
            .filter_map(|(node, _)| self.target(self.graph.nodes[node].input(2)?))
            .filter(|&bias| bias != weight)
            .collect()
    }

    /// Biases of zeros, which exporters leave out: of a layer without a bias whose weight is that of the same
    /// module.
    fn restore_biases(&mut self) {
        let mut restored = Vec::new();
        for (source, own) in self.unplaced() {
            let bias = &self.sources[source];
            let is_zero =
                bias.known.as_ref().is_some_and(|all| all.iter().all(|&value| value == 0.0));
            if own.is_some() || !is_zero || bias.shape.len() != 1 || bias.variance.is_none() {
                continue;
            }
            let weights = self.claims.iter();
            let weights = weights.filter(|claim| bias.is_beside(&self.sources[claim.source]));
            let mut nodes: Vec<usize> = weights
                .flat_map(|claim| self.readers(claim.target))
                .filter(|&(node, input)| {
                    let node = &self.graph.nodes[node];
                    input == 1
                        && node.input(2).is_none()
                        && self.outputs(node) == Some(bias.shape[0])
                })
                .map(|(node, _)| node)
                .collect();
            nodes.sort_unstable();
            nodes.dedup();
            if !nodes.is_empty() {
                restored.push((source, nodes));
            }
        }
        self.restored.extend(restored);
    }

    /// How many outputs a layer has that may have a bias.
    fn outputs(&self, node: &Node) -> Option<usize> {
        let weight = &self.graph.initialisers.get(node.input(1)?)?.shape;
        let flag = |name: &str| node.int(name).unwrap_or(0) != 0;
        let (place, groups) = match node.op.as_str() {
            "Gemm" => (usize::from(!flag("transB")), 1),
            "Conv" => (0, 1),
            "ConvTranspose" => (1, usize::try_from(node.int("group").unwrap_or(1)).ok()?),
            _ => return None,
        };
        weight.get(place).map(|size| size * groups)
    }

    /// Takes the means of a posterior for those of the model where these are of no training, or tells
    /// what is wrong.
    fn replace(&mut self) {
        let unplaced = self.unplaced();
        let agrees = self.claims.iter().any(|claim| {
            let numbers = self.sources[claim.source].numbers();
            numbers.is_some_and(|numbers| numbers.shape.len() > 1 && !numbers.is_uniform())
        });
        let mut replaced = 0;
        for (source, own) in unplaced {
            let Source { entry, shape, variance, mean, .. } = &self.sources[source];
            let fits = own.filter(|&own| self.targets[own].constant.shape == *shape);
            // A network of another training needs all of the posterior's numbers.
            if variance.is_none() && agrees && own.is_none() {
                self.left_out.push((
                    entry.clone(),
                    "deterministic, and in no initialiser of the model".into(),
                ));
                continue;
            }
            let problem = match fits {
                None => self.became(source),
                Some(own) if agrees => format!(
                    "'{entry}' has other means than the initialiser '{}', while those of others \
                     agree: the exporter made other numbers of it; give the weights of the model \
                     as you name them with --names FILE, or export with optimize=False",
                    self.targets[own].name
                ),
                Some(own) => match (self.fold_of(own), mean) {
                    (Some(rule), _) => format!(
                        "'{entry}' has other means than the initialiser '{}', into which the exporter \
                         folded a normalisation ({rule}): export with optimize=False",
                        self.targets[own].name
                    ),
                    (None, None) => self.became(source),
                    (None, Some(mean)) => {
                        let block = Block::whole(mean.len());
                        self.claims.push(Claim {
                            source,
                            target: own,
                            block,
                            replaces: true,
                            readers: None,
                        });
                        replaced += 1;
                        continue;
                    }
                },
            };
            self.problems.push(problem);
        }
        if replaced > 0 {
            self.notes.push(format!(
                "{replaced} parameter(s) take the means of the posterior, which are not those of the model"
            ));
        }
    }

    /// Nodes that read an initialiser, and the numbers of the inputs.
    fn readers(&self, target: usize) -> Vec<(usize, usize)> {
        let name = &self.targets[target].name;
        let nodes = self.graph.nodes.iter().enumerate();
        let reads = |(node, of): (usize, &Node)| {
            // Some read sizes or a type alone.
            let reads_numbers = |input: usize| match of.op.as_str() {
                "Shape" | "Size" => false,
                "CastLike" => input == 0,
                _ => true,
            };
            let inputs = of.inputs.iter().enumerate();
            let inputs = inputs.filter(|(input, of)| *of == name && reads_numbers(*input));
            inputs.map(|(input, _)| (node, input)).collect::<Vec<_>>()
        };
        nodes.flat_map(reads).collect()
    }

    /// Does a node belong to the module `stem` of the user's program, or of a part of it?
    fn is_in(&self, node: &Node, stem: &str) -> bool {
        let scopes = || self.graph.nodes.iter().filter_map(|node| node.scope.as_deref());
        let Some(scope) = node.scope.as_deref().filter(|_| !stem.is_empty()) else { return false };
        // A module may use the parameters of one within it.
        let within =
            |scope: &str| stem.strip_prefix(scope).is_some_and(|rest| rest.starts_with('.'));
        match scopes().any(|scope| scope == stem) {
            true => scope == stem,
            false => end_alike(scope, stem) || within(scope),
        }
    }

    /// Is a node of the user's module `stem` among the readers?
    fn is_read_in(&self, target: usize, stem: &str) -> bool {
        self.readers(target).iter().any(|&(node, _)| self.is_in(&self.graph.nodes[node], stem))
    }

    /// The rule by which an exporter folded something into an initialiser.
    fn fold_of(&self, target: usize) -> Option<&str> {
        let readers = self.readers(target);
        let folds = readers.iter().find_map(|&(node, _)| self.graph.nodes[node].fold.as_deref());
        folds.filter(|rule| rule.contains("BatchNorm"))
    }

    /// Merged initialisers become one for each source again.
    fn separate(&mut self) -> Vec<Claim> {
        let mut claims = std::mem::take(&mut self.claims);
        for target in 0..self.targets.len() {
            let readers = self.readers(target);
            let whole = |claim: &Claim| {
                claim.target == target
                    && claim.block.count() == self.targets[target].constant.data.len()
            };
            let own: Vec<usize> =
                (0..claims.len()).filter(|&number| whole(&claims[number])).collect();
            let partly = claims.iter().filter(|claim| claim.target == target).count() > own.len();
            if own.len() > 1 && partly {
                self.problems.push(format!(
                    "'{}' holds the numbers of several entries twice: export with optimize=False",
                    self.targets[target].name
                ));
                continue;
            }
            let is_uniform = self.targets[target].numbers().is_uniform();
            if own.is_empty() || readers.len() < 2 || (own.len() == 1 && !is_uniform) {
                if own.len() > 1 {
                    self.problems.push(self.ambiguous(target, &own, &claims));
                }
                if let ([only], true) = (&own[..], readers.len() > 1) {
                    // Parts that are cut out of it do not overlap.
                    let cuts = |&(node, _): &(usize, usize)| {
                        let node = &self.graph.nodes[node];
                        ["Slice", "Gather", "Split"].iter().any(|op| node.is(op))
                    };
                    if !readers.iter().all(cuts) {
                        self.notes.push(format!(
                            "'{}' is read by {} nodes: its uses are taken as independent",
                            self.sources[claims[*only].source].entry,
                            readers.len()
                        ));
                    }
                }
                continue;
            }
            let mut rest: Vec<_> = readers.clone();
            for &number in &own {
                let stem = self.sources[claims[number].source].stem().to_owned();
                let (mine, others): (Vec<_>, Vec<_>) =
                    rest.iter().partition(|(node, _)| self.is_in(&self.graph.nodes[*node], &stem));
                rest = others;
                claims[number].readers = Some(mine);
            }
            let without =
                |number: &usize| claims[*number].readers.as_ref().is_some_and(Vec::is_empty);
            match own.iter().copied().filter(without).collect::<Vec<_>>()[..] {
                [] => {}
                [only] if !rest.is_empty() && own.len() > 1 => claims[only].readers = Some(rest),
                _ => self.problems.push(self.ambiguous(target, &own, &claims)),
            }
        }
        claims
    }

    fn ambiguous(&self, target: usize, own: &[usize], claims: &[Claim]) -> String {
        if let [only] = own {
            return format!(
                "'{}' has the numbers of '{}', which several nodes read, and nothing tells which of them \
                 is meant: export with optimize=False",
                self.sources[claims[*only].source].entry, self.targets[target].name
            );
        }
        let names: Vec<_> = own
            .iter()
            .map(|&number| format!("'{}'", self.sources[claims[number].source].entry))
            .collect();
        format!(
            "{} have the same numbers, which the exporter merged into '{}', and nothing tells which \
             node reads which: export with optimize=False",
            names.join(" and "),
            self.targets[target].name
        )
    }

    /// What became of a source that is in no initialiser, as far as it can be told.
    fn became(&self, source: usize) -> String {
        let Source { entry, shape, known, .. } = &self.sources[source];
        let stem = self.sources[source].stem();
        let mut text =
            format!("'{entry}' of shape {} is in no initialiser of the model", sizes(shape));
        let mut own = self.graph.nodes.iter().filter(|node| self.is_in(node, stem));
        let fuses = |rule: &&str| rule.starts_with("Fuse");
        if let Some(rule) = own.find_map(|node| node.fold.as_deref().filter(fuses)) {
            text += &format!("; the exporter changed its layer ({rule})");
        }
        if known.as_ref().is_some_and(|values| values.iter().all(|&value| value == 0.0)) {
            text += "; its means are all 0: exporters leave out biases of zeros";
        }
        let reversed: Vec<_> = shape.iter().rev().copied().collect();
        let alike = self
            .targets
            .iter()
            .filter(|target| target.constant.shape == *shape || target.constant.shape == reversed);
        let alike: Vec<_> = alike.take(4).map(|target| format!("'{}'", target.name)).collect();
        if !alike.is_empty() {
            text += &format!("; initialisers of its sizes are {}", alike.join(", "));
        }
        if let Some(target) = self.targets.iter().find(|target| target.constant.shape == *shape) {
            let pattern = regex::escape(entry);
            text += &format!("; --map '{pattern}={}' if that is the one", target.name);
        }
        text += match known {
            None => {
                "; it has no means to find it by: give the weights as you name them with --names FILE"
            }
            Some(_) => {
                "; export with optimize=False, which keeps parameters as they are, or leave it out \
                 with --map 'REGEX='"
            }
        };
        text
    }
}

/// The weights that a source means.
fn named<'a>(source: &Source, names: &'a [Weights]) -> Result<&'a Weights, String> {
    let Source { name, entry, shape, .. } = source;
    let exact = names.iter().find(|weights| weights.name == *name);
    let found = match exact {
        Some(weights) => weights,
        None => {
            let alike: Vec<_> =
                names.iter().filter(|weights| end_alike(&weights.name, name)).collect();
            match alike[..] {
                [only] => only,
                [] => return Err(format!("'{entry}' is not among the weights of --names")),
                _ => {
                    return Err(format!(
                        "'{entry}' may be '{}' or '{}' of --names: say which with --map '{}=NAME'",
                        alike[0].name,
                        alike[1].name,
                        regex::escape(entry)
                    ));
                }
            }
        }
    };
    match found.shape == *shape {
        true => Ok(found),
        false => Err(format!(
            "'{entry}' has the shape {}, but '{}' of --names has {}",
            sizes(shape),
            found.name,
            sizes(&found.shape)
        )),
    }
}

/// Writes the variances into the model.
fn write(
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
                };
                rows.push(Row { parameter, entries: vec![], how: vec!["separated"], keys: vec![] });
                (name, rows.len() - 1)
            }
            _ => (target.name.clone(), claim.target),
        };
        let Some(constant) = graph.initialisers.get_mut(&name) else { continue };
        let mut changed = constant.as_ref().clone();
        if claim.replaces
            && let (Some(mean), Data::Float(values)) = (&source.mean, &*changed.data)
        {
            let mut values = values.clone();
            claim.block.each(|from, to, _| values[to] = mean[from]);
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
            (claim.replaces, "other means"),
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

/// Gives nodes a bias of zeros with the variance of a source.
fn add_bias(graph: &mut Graph, source: &Source, nodes: &[usize]) -> Row {
    let name = free_name(graph, &source.name);
    let zeros = Data::Float(vec![0.0; source.shape[0]]);
    let constant = Constant {
        variance: source.variance.clone().map(Rc::new),
        origin: Some(name.clone()),
        ..Constant::new(source.shape.clone(), zeros)
    };
    graph.initialisers.insert(name.clone(), Rc::new(constant));
    for &node in nodes {
        let node = &mut graph.nodes[node];
        node.inputs.resize(node.inputs.len().max(3), String::new());
        node.inputs[2].clone_from(&name);
        node.attributes.remove("beta");
    }
    Row {
        parameter: Parameter { name, shape: source.shape.clone(), gaussian: true },
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
