//! Biases: scaled as their own numbers show, and zeros that were left out.

use super::{Claim, Placing};
use crate::{
    onnx::{
        graph::Node,
        posterior::numbers::{Block, Numbers},
    },
    posterior::Weights,
};

impl Placing<'_> {
    /// Biases of layers whose weights were scaled by a fold. How the bias was scaled its own numbers must
    /// show: as c·(bias − mean) + shift with the factors c of the weight and the statistics of a
    /// normalisation, or as a multiple of itself.
    pub fn claim_biases(&mut self, names: &[Weights]) {
        let mut found: Vec<Claim> = Vec::new();
        for claim in &self.claims {
            let Some(factors) = claim.block.factors() else { continue };
            // No bias follows from a factor that nothing tells.
            let factor = |factor: &Option<f32>| factor.unwrap_or(f32::NAN);
            let factors: Vec<_> = factors.iter().map(factor).collect();
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
                    let factors = self.factors_of_bias(own, folded, &factors, names)?;
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
        folded: Numbers,
        factors: &[f32],
        names: &[Weights],
    ) -> Option<Vec<f32>> {
        let (relative, absolute) = folded.precision.tolerance();
        let folded = folded.values;
        let holds = |factors: &[f32], means: &[f32], shifts: &[f32]| {
            let lengths = [factors.len(), means.len(), shifts.len()];
            lengths.iter().all(|&length| length == bias.len())
                && (0..bias.len()).all(|at| {
                    let of = |list: &[f32]| f64::from(list[at]);
                    let (scaled, moved) = (of(factors) * of(bias), of(factors) * of(means));
                    let size = scaled.abs() + moved.abs() + of(shifts).abs() + of(folded).abs();
                    let error = (scaled - moved + of(shifts) - of(folded)).abs();
                    error <= relative * size + absolute
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
    pub fn restore_biases(&mut self) {
        let mut restored = Vec::new();
        for (source, own) in self.unplaced() {
            let bias = &self.sources[source];
            let is_zero =
                bias.known.as_ref().is_some_and(|all| all.iter().all(|&value| value == 0.0));
            if own.is_some() || !is_zero || bias.shape.len() != 1 || bias.variance.is_none() {
                continue;
            }
            let weights = self.claims.iter();
            // A bias behind a weight that was scaled would be scaled, too.
            let weights = weights.filter(|claim| {
                claim.block.factors().is_none() && bias.is_beside(&self.sources[claim.source])
            });
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
}
