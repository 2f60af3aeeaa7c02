//! Entries whose numbers are in no initialiser: a network of another training, or a mistake.

use std::collections::HashSet;

use super::{Claim, Placing, Source};
use crate::{
    onnx::posterior::numbers::Block,
    posterior::place::{is_part_of, normalised, sizes},
};

impl Placing<'_> {
    /// Takes the means of a posterior for those of the model where these are of no training, or tells
    /// what is wrong.
    pub fn replace(&mut self) {
        let unplaced = self.unplaced();
        let agrees = self.claims.iter().any(|claim| {
            let numbers = self.sources[claim.source].numbers();
            numbers.is_some_and(|numbers| numbers.shape.len() > 1 && !numbers.is_uniform())
        });
        let placed = self.claims.iter().map(|claim| claim.source);
        let restored = self.restored.iter().map(|(source, _)| *source);
        let placed: HashSet<usize> = placed.chain(restored).collect();
        let moved = placed.iter().filter(|&&source| self.sources[source].has_other_means());
        let mut replaced = moved.count();
        for (source, own) in unplaced {
            // What takes the place of an initialiser has its name alone to be told by.
            if let (Some(own), false) = (own, agrees)
                && let Err(problem) = self.settle(source, own)
            {
                self.problems.push(problem);
                continue;
            }
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

    /// What became of a source that is in no initialiser, as far as it can be told.
    pub fn became(&self, source: usize) -> String {
        let Source { entry, name, shape, known, .. } = &self.sources[source];
        let told = normalised(name);
        if !told.is_empty() {
            return format!(
                "'{entry}' of shape {} is in no initialiser of the model{told}",
                sizes(shape)
            );
        }
        let parts = self.targets.iter().find(|target| is_part_of(&target.name, name));
        if let Some(parts) = parts {
            let told = normalised(&parts.name);
            return format!(
                "'{entry}' of shape {} is in no initialiser of the model{told}",
                sizes(shape)
            );
        }
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
