//! A parameter that is in several initialisers, and several that are in one.

use super::{Claim, Placing};
use crate::{
    onnx::posterior::numbers::{self, Block, Numbers},
    posterior::Weights,
};

/// Fewer numbers could be those of something else by chance.
const LEAST_COPY: usize = 3;

/// Where numbers of a source are in a target that holds nothing else: all of them, scaled, or some.
fn copy_of(source: Numbers, target: Numbers, groups: Option<usize>) -> Vec<Block> {
    let all = |found: Vec<Vec<(usize, Block)>>| {
        found.into_iter().next().unwrap_or_default().into_iter().map(|(_, block)| block)
    };
    let whole: Vec<_> = all(numbers::find(source, &[target])).collect();
    if !whole.is_empty() {
        return whole;
    }
    if let Some(block) = numbers::scaled(source, target, groups) {
        return vec![block];
    }
    all(numbers::find(target, &[source])).map(Block::reversed).collect()
}

impl Placing<'_> {
    /// Other initialisers that hold numbers of a source: exporters write a weight once for each form in
    /// which it is used.
    pub fn claim_copies(&mut self, names: &[Weights]) {
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
                let blocks = copy_of(known, numbers, of.groups);
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
                    for block in blocks {
                        let claim = Claim { source, target, block, replaces: false, readers: None };
                        self.problems.extend(self.check_factors(source, &claim).err());
                        copies.push(claim);
                    }
                }
                break;
            }
        }
        self.claims.extend(copies);
    }

    /// Merged initialisers become one for each source again.
    pub fn separate(&mut self) -> Vec<Claim> {
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
            if let Some(problem) = self.overlap(target, &claims) {
                self.problems.push(problem);
                continue;
            }
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

    /// Parts of several sources that are in the same place of a join.
    fn overlap(&self, target: usize, claims: &[Claim]) -> Option<String> {
        let count = self.targets[target].constant.data.len();
        let parts =
            claims.iter().filter(|claim| claim.target == target && claim.block.count() < count);
        let parts: Vec<_> = parts.collect();
        if parts.len() < 2 {
            return None;
        }
        let mut owners = vec![None; count];
        let mut others = None;
        for part in parts {
            part.block.each(|_, to, _| match owners.get(to).copied().flatten() {
                Some(owner) if owner != part.source => others = Some((owner, part.source)),
                _ => owners[to] = Some(part.source),
            });
        }
        let (one, other) = others?;
        Some(format!(
            "'{}' and '{}' have the same numbers, and nothing tells where in '{}' each of them is: export \
             with optimize=False",
            self.sources[one].entry, self.sources[other].entry, self.targets[target].name
        ))
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
}
