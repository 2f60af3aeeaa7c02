//! Where the entries of a posterior are in a model.

mod biases;
mod copies;
mod order;
mod rest;

use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

use super::numbers::{self, Block, Numbers, Precision};
use crate::{
    onnx::{
        constant::Constant,
        graph::{Graph, Node},
    },
    posterior::{
        Entry, Weights,
        layout::{Layout, Reader},
        place::{BY_MAP, Parameter, Wishes, end_alike, is_part_of, normalised, sizes, whole_of},
    },
};

/// A parameter as the user knows it.
pub struct Source {
    /// Its name, and what the file calls it.
    pub name: String,
    pub entry: String,
    pub keys: Vec<String>,
    pub shape: Vec<usize>,
    /// Whose order its dimensions have.
    pub layout: Layout,
    /// May it be the kernel of a transposed convolution, which would lie in another order?
    pub may_be_mirrored: bool,
    /// The numbers by which it is found.
    pub known: Option<Vec<f32>>,
    /// The means of the posterior, where they may be others.
    pub mean: Option<Vec<f32>>,
    pub variance: Option<Vec<f32>>,
}

impl Source {
    fn numbers(&self) -> Option<Numbers<'_>> {
        Some(Numbers::of(&self.shape, self.known.as_ref()?))
    }

    /// As an entry, with the means by which it is found or those of the posterior.
    fn entry(&self, mean: Option<Vec<f32>>) -> Entry {
        Entry {
            name: self.entry.clone(),
            shape: self.shape.clone(),
            is_flat: false,
            layout: self.layout,
            mean,
            variance: self.variance.clone(),
            keys: vec![],
        }
    }

    /// Takes the order that an entry was brought into.
    fn take(&mut self, entry: Entry) {
        (self.shape, self.variance) = (entry.shape, entry.variance);
        (self.known, self.mean) = (entry.mean.clone(), entry.mean);
    }

    /// The same as the kernel of a transposed convolution.
    fn mirrored(&self) -> Entry {
        let mut entry = self.entry(self.mean.clone());
        entry.mirror();
        entry
    }

    /// Has the posterior other means than the weights by which it is found?
    pub fn has_other_means(&self) -> bool {
        matches!((&self.mean, &self.known), (Some(mean), Some(known)) if mean != known)
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
pub struct Target {
    pub name: String,
    pub constant: Rc<Constant>,
    /// What reads it.
    pub reader: Reader,
    /// The groups of the transposed convolution that reads it.
    pub groups: Option<usize>,
    pub precision: Precision,
}

impl Target {
    fn numbers(&self) -> Numbers<'_> {
        Numbers {
            shape: &self.constant.shape,
            values: self.constant.floats().unwrap_or_default(),
            precision: self.precision,
        }
    }
}

/// Numbers of a source in an initialiser.
#[derive(Clone)]
pub struct Claim {
    pub source: usize,
    pub target: usize,
    pub block: Block,
    /// Do the means of the source take the place of those of the model?
    pub replaces: bool,
    /// Another initialiser is made for these readers: nodes and the numbers of their inputs.
    pub readers: Option<Vec<(usize, usize)>>,
}

/// What of a posterior has found its place so far.
pub struct Placing<'a> {
    pub graph: &'a Graph,
    pub targets: Vec<Target>,
    pub sources: Vec<Source>,
    pub claims: Vec<Claim>,
    /// Biases of zeros that the exporter left out, and the nodes that they belong to.
    pub restored: Vec<(usize, Vec<usize>)>,
    pub problems: Vec<String>,
    pub left_out: Vec<(String, String)>,
    pub notes: Vec<String>,
}

impl<'a> Placing<'a> {
    pub fn of(graph: &'a Graph, parameters: &[Parameter]) -> Self {
        let target = |parameter: &Parameter| {
            let constant = graph.initialisers.get(&parameter.name)?.clone();
            let name = parameter.name.clone();
            let reads = |node: &&Node| node.is("ConvTranspose") && node.input(1) == Some(&name);
            let groups = graph.nodes.iter().find(reads).and_then(|node| node.int("group"));
            let groups = groups.and_then(|groups| usize::try_from(groups).ok());
            let element = graph.elements.get(&name).copied().unwrap_or_default();
            let precision = Precision::of(element);
            Some(Target { name, constant, reader: parameter.reader, groups, precision })
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
    pub fn sources(&mut self, entries: Vec<Entry>, names: &[Weights], wishes: &Wishes) {
        let mut known = BTreeMap::new();
        self.problems.extend(wishes.idle(entries.iter().map(|entry| entry.name.as_str())));
        let mut deterministic: HashSet<&String> = wishes.deterministic.iter().collect();
        for mut entry in entries {
            let map = wishes.map_of(&entry.name);
            let name = map.map_or(entry.name.clone(), |map| map.name_of(&entry.name));
            if name.is_empty() {
                self.left_out.push((entry.name, BY_MAP.into()));
                continue;
            }
            if deterministic.remove(&name) {
                entry.variance = None;
            }
            if entry.variance.is_some() && self.is_normalised(&name) {
                self.problems.push(format!("'{}' has no moments{}", entry.name, normalised(&name)));
                continue;
            }
            let weights = match names {
                [] => None,
                _ => match named(&name, &entry.name, names) {
                    Ok(weights) => Some(weights),
                    // Statistics and such are no parameters of everyone.
                    Err(_) if entry.variance.is_none() => None,
                    Err(problem) => {
                        self.problems.push(problem);
                        continue;
                    }
                },
            };
            let ordered = self.order(&mut entry, &name, map, weights);
            let may_be_mirrored = match ordered {
                Ok(may_be_mirrored) => may_be_mirrored,
                Err(problem) => {
                    self.problems.push(problem);
                    continue;
                }
            };
            let fitting = weights.filter(|weights| weights.shape == entry.shape);
            if let (Some(weights), None, Some(_)) = (weights, fitting, &entry.variance) {
                self.problems.push(format!(
                    "'{}' has the shape {}, but '{}' of --names has {}",
                    entry.name,
                    sizes(&entry.shape),
                    weights.name,
                    sizes(&weights.shape)
                ));
                continue;
            }
            let mut source = Source {
                name,
                entry: entry.name,
                keys: entry.keys,
                shape: entry.shape,
                layout: entry.layout,
                may_be_mirrored,
                known: entry.mean.clone(),
                mean: entry.mean,
                variance: entry.variance,
            };
            if let Some(weights) = fitting {
                source.name.clone_from(&weights.name);
                source.known = Some(weights.values.clone());
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

    /// Does the model compute a weight from this tensor and another one by `weight_norm`?
    fn is_normalised(&self, name: &str) -> bool {
        let parts = |weight: String| {
            self.targets.iter().filter(|target| is_part_of(&target.name, &weight)).count()
        };
        whole_of(name).map_or(0, parts) > 1
    }

    fn target(&self, name: &str) -> Option<usize> {
        self.targets.iter().position(|target| target.name == name)
    }

    /// Finds the numbers of each source.
    pub fn claim(&mut self) {
        for source in 0..self.sources.len() {
            let own = self.target(&self.sources[source].name);
            let found = match self.sources[source].numbers() {
                Some(numbers) => self.by_numbers(source, numbers, own),
                None => self.by_name(source, own),
            };
            let found = match found {
                Err(None) => self.claim_mirrored(source, own).ok_or(None),
                found => found,
            };
            let found = found.and_then(|claims| {
                self.check_order(source, &claims)?;
                Ok(claims)
            });
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
        let scaled = |target: usize| match numbers.is_uniform() {
            true => None,
            false => {
                let target = &self.targets[target];
                numbers::scaled(numbers, target.numbers(), target.groups)
            }
        };
        // The initialiser of its name first: others may have the same numbers.
        if let Some(own) = own {
            let target = self.targets[own].numbers();
            if let Some(found) = numbers::find(numbers, &[target]).pop() {
                return Ok(all(found.into_iter().map(|(_, block)| (own, block)).collect()));
            }
            if let Some(block) = scaled(own) {
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
                    return Err(Some(self.several(source, &names)));
                }
            }
        }
        if let Some(found) = found.pop() {
            return Ok(all(found));
        }
        let found = (0..targets.len()).filter_map(|target| Some(claim(target, scaled(target)?)));
        let mut found: Vec<_> = found.collect();
        if found.len() > 1 {
            let stem = self.sources[source].stem();
            let is_own = |claim: &Claim| self.is_read_in(claim.target, stem);
            let name = |claim: &Claim| format!("'{}'", self.targets[claim.target].name);
            let names: Vec<_> = found.iter().map(name).collect();
            found.retain(is_own);
            if found.len() != 1 {
                return Err(Some(self.several(source, &names)));
            }
        }
        found.pop().map(|claim| vec![claim]).ok_or(None)
    }

    fn several(&self, source: usize, names: &[String]) -> String {
        format!(
            "'{}' has the numbers of {}, and nothing tells which it is: --map '{}=NAME' says it",
            self.sources[source].entry,
            names.join(" and of "),
            regex::escape(&self.sources[source].entry)
        )
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
}

/// The weights that a source means.
fn named<'a>(name: &str, entry: &str, names: &'a [Weights]) -> Result<&'a Weights, String> {
    let exact = names.iter().find(|weights| weights.name == name);
    match exact {
        Some(weights) => Ok(weights),
        None => {
            let alike: Vec<_> =
                names.iter().filter(|weights| end_alike(&weights.name, name)).collect();
            match alike[..] {
                [only] => Ok(only),
                [] => {
                    let parts = names.iter().find(|weights| is_part_of(&weights.name, name));
                    let advice = parts.map_or(String::new(), |parts| normalised(&parts.name));
                    Err(format!("'{entry}' is not among the weights of --names{advice}"))
                }
                _ => Err(format!(
                    "'{entry}' may be '{}' or '{}' of --names: say which with --map '{}=NAME'",
                    alike[0].name,
                    alike[1].name,
                    regex::escape(entry)
                )),
            }
        }
    }
}
