//! The order of the dimensions of an entry, where its framework has another one than torch, or where numbers
//! that are alike do not tell it.

use super::{Claim, Placing, Source};
use crate::{
    onnx::posterior::numbers,
    posterior::{
        Entry, Weights,
        layout::{Layout, Reader, Settled, Turn},
        place::{Map, Parameter},
    },
};

impl Placing<'_> {
    /// An initialiser as the parameter of a module.
    fn parameter(&self, target: usize) -> Parameter {
        let target = &self.targets[target];
        Parameter {
            name: target.name.clone(),
            shape: target.constant.shape.clone(),
            gaussian: true,
            reader: target.reader,
        }
    }

    /// Brings an entry into the order of torch, as far as the user, the numbers of the weights or the op that
    /// reads it tell; may it be the kernel of a transposed convolution still?
    pub fn order(
        &mut self,
        entry: &mut Entry,
        name: &str,
        map: Option<&Map>,
        weights: Option<&Weights>,
    ) -> Result<bool, String> {
        let turn = map.map(Map::turn).unwrap_or_default();
        let is_image = entry.shape.len() > 2;
        let own = self.target(name).map(|own| self.parameter(own));
        if turn != Turn::None {
            let Some(own) = own else {
                entry.turn(turn);
                return Ok(is_image && turn == Turn::Transpose);
            };
            let Settled { note, .. } = entry.settle(&own, turn)?;
            self.notes.extend(note);
            return Ok(false);
        }
        let may_be_mirrored = is_image && entry.layout == Layout::Flax;
        let Some(weights) = weights else {
            self.said(entry, map);
            return Ok(may_be_mirrored);
        };
        let has_numbers = |entry: &Entry| {
            entry.shape == weights.shape && entry.mean.as_ref() == Some(&weights.values)
        };
        let other = |turn: fn(&mut Entry), applies: bool| {
            let mut other = entry.clone();
            turn(&mut other);
            Some(other).filter(|other| applies && has_numbers(other))
        };
        let orders = [
            other(|_| {}, true),
            other(Entry::transpose, entry.layout == Layout::Unknown),
            other(Entry::mirror, may_be_mirrored),
        ];
        let mut orders = orders.into_iter().flatten();
        let (found, rest) = (orders.next(), orders.next());
        let is_same =
            |other: &Entry| found.as_ref().is_some_and(|found| found.variance == other.variance);
        let is_told = found.is_some() && rest.as_ref().is_none_or(is_same);
        let reader = own.as_ref().map_or(Reader::default(), |own| own.reader);
        if !is_told
            && map.is_none()
            && entry.layout == Layout::Unknown
            && entry.is_ambiguous(reader)
        {
            let asked = Parameter {
                name: name.to_owned(),
                shape: entry.shape.clone(),
                gaussian: true,
                reader,
            };
            return Err(entry.question(&asked));
        }
        match found {
            Some(found) if is_told => *entry = found,
            _ => self.said(entry, map),
        }
        Ok(may_be_mirrored && !is_told)
    }

    /// Where a user gives a name and says nothing of the order, it is that of torch.
    fn said(&self, entry: &mut Entry, map: Option<&Map>) {
        if map.is_some() && entry.layout == Layout::Unknown {
            entry.layout = Layout::Torch;
        }
    }

    /// Tries a source that may be the kernel of a transposed convolution as such.
    pub fn claim_mirrored(&mut self, source: usize, own: Option<usize>) -> Option<Vec<Claim>> {
        let known = &self.sources[source];
        if !known.may_be_mirrored || known.mean.is_none() || known.mean != known.known {
            return None;
        }
        let (mirrored, kept) = (known.mirrored(), known.entry(known.mean.clone()));
        self.sources[source].take(mirrored);
        let found =
            self.sources[source].numbers().map(|numbers| self.by_numbers(source, numbers, own));
        match found {
            Some(Ok(claims)) if claims.iter().all(|claim| self.is_transposed(claim)) => {
                Some(claims)
            }
            _ => {
                self.sources[source].take(kept);
                None
            }
        }
    }

    /// Is the claim one on the kernel of a transposed convolution?
    fn is_transposed(&self, claim: &Claim) -> bool {
        self.targets[claim.target].reader == Reader::TransposedConvolution
    }

    /// Checks that nothing but one order of a source fits where its numbers were found.
    pub fn check_order(&self, source: usize, claims: &[Claim]) -> Result<(), String> {
        let of = &self.sources[source];
        let Source { entry, variance, layout, .. } = of;
        let (Some(known), Some(variance)) = (of.numbers(), variance) else { return Ok(()) };
        let [claim] = claims else { return Ok(()) };
        let target = &self.targets[claim.target];
        let advice = "give it other means, such as those of a trained network, or export with \
                      optimize=False";
        if of.may_be_mirrored && self.is_transposed(claim) {
            if of.mean != of.known {
                return Err(format!(
                    "'{entry}' goes to the transposed convolution of '{}', whose kernel flax has in \
                     another order than --names: say :flax or :keras in --map, or leave out --names",
                    target.name
                ));
            }
            let mirrored = of.mirrored();
            let numbers =
                numbers::Numbers::of(&mirrored.shape, mirrored.mean.as_deref().unwrap_or(&[]));
            let fits = !numbers::find(numbers, &[target.numbers()]).is_empty();
            if fits && mirrored.variance.as_ref() != Some(variance) {
                return Err(format!(
                    "'{entry}' has the numbers of '{}' in more than one order, and its variances differ: \
                     say :flax or :keras in --map",
                    target.name
                ));
            }
        }
        let is_own = target.name == of.name && target.constant.shape == of.shape;
        let is_told = is_own && *layout != Layout::Unknown;
        if !is_told && numbers::is_ambiguous(known, target.numbers(), &claim.block, variance) {
            return Err(format!(
                "'{entry}' has the numbers of '{}' in more than one order of its dimensions, and its \
                 variances differ: {advice}",
                target.name
            ));
        }
        self.check_factors(source, claim)
    }

    /// Checks that the factor of all that is random or moved is told.
    pub fn check_factors(&self, source: usize, claim: &Claim) -> Result<(), String> {
        let Source { entry, variance, mean, known, .. } = &self.sources[source];
        let has_moved = |at: usize| match (mean, known) {
            (Some(mean), Some(known)) => mean.get(at) != known.get(at),
            _ => false,
        };
        let is_random = |at: usize| {
            variance.as_ref().and_then(|values| values.get(at)).is_some_and(|&value| value != 0.0)
        };
        let mut is_told = true;
        claim.block.each(|from, _, _| {
            is_told &= !claim.block.is_untold(from) || !(has_moved(from) || is_random(from));
        });
        match is_told {
            true => Ok(()),
            false => Err(format!(
                "'{entry}' was scaled for each output in '{}', and all means of an output are 0, so that \
                 nothing tells its factor: export with optimize=False",
                self.targets[claim.target].name
            )),
        }
    }

    /// Brings a source that takes the place of an initialiser into the order that its reader wants.
    pub fn settle(&mut self, source: usize, target: usize) -> Result<(), String> {
        let of = &self.sources[source];
        if of.mean.is_none() || of.layout == Layout::Torch {
            return Ok(());
        }
        let parameter = self.parameter(target);
        let mut entry = of.entry(of.mean.clone());
        let Settled { note, .. } = entry.settle(&parameter, Turn::None)?;
        if entry.layout == Layout::Unknown && entry.is_ambiguous(parameter.reader) {
            return Err(entry.question(&parameter));
        }
        self.notes.extend(note);
        self.sources[source].take(entry);
        Ok(())
    }
}
