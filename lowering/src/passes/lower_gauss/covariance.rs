//! Covariances, by ops on tensors without them.

use std::collections::HashMap;

use gauss_dialect::{
    covariance::{self, Correlated, Operand},
    ir::{Builder, Op, Value},
    layer::Layer,
    moments::{Moments, mixture},
};

use super::{Emitter, composite::Ops, is_dynamic};
use crate::pass::{Failed, Outcome, fail};

/// Writes out every op on tensors with covariances.
pub(super) fn expand(module: Op) -> Outcome {
    let mut known = Known::default();
    let mut done = Vec::new();
    for op in module.descendants() {
        let is_concerned =
            op.operands().iter().chain(&op.results()).any(|v| v.ty().has_covariance());
        if is_concerned {
            known.expand(op)?;
            done.extend(
                op.results().first().filter(|_| op.name().starts_with("gauss.")).map(|_| op),
            );
        }
    }
    let is_any = !done.is_empty();
    for op in done.into_iter().rev() {
        let is_left = op.results().iter().any(|value| value.ty().has_covariance());
        if is_left || !op.is_used() {
            op.erase();
        }
    }
    if is_any {
        erase_unused(module);
    }
    Ok(())
}

/// Erases what nothing reads: covariances that go no further.
fn erase_unused(module: Op) {
    for op in module.descendants().into_iter().rev() {
        if op.name().starts_with("gauss.") && !op.is_used() {
            op.erase();
        }
    }
}

/// What is known of the values of a module.
#[derive(Default)]
struct Known {
    parts: HashMap<Value, Correlated<Value>>,
    /// What predictions of logits read: the logits, of a mixture at each node, and their covariances.
    logits: HashMap<Value, [Value; 2]>,
}

impl Known {
    fn parts(&self, op: Op, value: Value) -> Result<&Correlated<Value>, Failed> {
        self.parts.get(&value).ok_or_else(|| {
            fail(
                op,
                "takes covariances that no op gives: they flow through gauss ops of one function",
            )
        })
    }

    fn operand(&self, op: Op, value: Value) -> Result<Operand<Value>, Failed> {
        match value.ty().has_covariance() {
            true => Ok(Operand::Correlated(self.parts(op, value)?.clone())),
            false => Ok(Operand::Plain(value)),
        }
    }

    fn marginals(&self, op: Op, value: Value) -> Result<Value, Failed> {
        let mut ops = Ops::at(Builder::before(op));
        covariance::marginals(&mut ops, self.parts(op, value)?).map_err(|error| fail(op, error))
    }

    fn logits(&mut self, op: Op, value: Value) -> Result<[Value; 2], Failed> {
        if let Some(&known) = self.logits.get(&value) {
            return Ok(known);
        }
        let parts = self.parts(op, value)?;
        let mut ops = Ops::at(Builder::before(op));
        let logits = match parts.nodes {
            1 => Ok(parts.marginals),
            _ => covariance::of_nodes(&mut ops, parts),
        };
        let matrices = covariance::of_each(&mut ops, parts);
        let known = [logits, matrices].map(|value| value.map_err(|error| fail(op, error)));
        let [logits, matrices] = known;
        let known = [logits?, matrices?];
        self.logits.insert(value, known);
        Ok(known)
    }

    fn expand(&mut self, op: Op) -> Outcome {
        let layer = Layer::of(op).map_err(|error| fail(op, error))?;
        let Some(layer) = layer else {
            return Err(fail(
                op,
                "holds covariances, which flow through gauss ops only; gauss.covariance gives them as a \
                 tensor, gauss.marginals leaves them out",
            ));
        };
        let mut ops = Ops::at(Builder::before(op));
        match layer {
            Layer::Correlated => {
                let operand = self.operand(op, op.operand(0))?;
                let parts = covariance::correlated(&mut ops, &operand);
                self.parts.insert(op.result(0), parts.map_err(|error| fail(op, error))?);
            }
            Layer::Marginals => {
                let marginals = self.marginals(op, op.operand(0))?;
                op.result(0).replace_all_uses_with(marginals);
            }
            Layer::Nodes => {
                let nodes = covariance::of_nodes(&mut ops, self.parts(op, op.operand(0))?);
                op.result(0).replace_all_uses_with(nodes.map_err(|error| fail(op, error))?);
            }
            Layer::Covariance { of_nodes: false } => {
                let parts = self.parts(op, op.operand(0))?;
                let matrix =
                    covariance::matrix(&mut ops, parts).map_err(|error| fail(op, error))?;
                op.result(0).replace_all_uses_with(matrix);
            }
            Layer::Covariance { of_nodes: true } => {
                let [_, matrices] = self.logits(op, op.operand(0))?;
                op.result(0).replace_all_uses_with(matrices);
            }
            Layer::Softmax(_) | Layer::Uncertainty(_) => {
                let known = self.logits(op, op.operand(0))?;
                op.set_operands(&known);
            }
            Layer::ScaleMixture(_) if is_dynamic(op.operand(0)) => {
                return Err(fail(op, "needs a batch that is fixed: --gauss-set-batch"));
            }
            layer if covariance::is_kept(&layer) => {
                let operands = op.operands().into_iter().map(|value| self.operand(op, value));
                let operands = operands.collect::<Result<Vec<_>, _>>()?;
                let parts = covariance::apply(&mut ops, &layer, &operands);
                self.parts.insert(op.result(0), parts.map_err(|error| fail(op, error))?);
            }
            _ => {
                for (place, value) in op.operands().into_iter().enumerate() {
                    if value.ty().has_covariance() {
                        let marginals = self.marginals(op, value)?;
                        op.set_operand(place, marginals);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Emitter {
    /// The mixture of what lies along the second dimension.
    pub(super) fn mix(&self, input: Moments<Value>, shape: &[i64]) -> Moments<Value> {
        let sizes = input.mean.ty().shape().unwrap_or_default();
        let rule = sizes.get(1).and_then(|&nodes| mixture::rule(nodes)).unwrap_or_default();
        let one: Vec<_> =
            sizes.iter().enumerate().map(|(dim, &size)| if dim == 1 { 1 } else { size }).collect();
        let node = |number: usize| {
            let mut offsets = vec![0; sizes.len()];
            offsets[1] = number as i64;
            let node = self.each(input, |x| self.slice(x, &offsets, &one, &vec![1; sizes.len()]));
            let node = self.each(node, |x| self.reshape(x, shape));
            (node, self.context.identity_map(shape.len()))
        };
        let nodes: Vec<_> = (0..rule.len()).map(node).collect();
        self.map(shape, &nodes, input.variance.is_some(), |a, x| mixture::mix(a, &rule, x))
    }

    /// The nodes of a scale for each item.
    pub(super) fn scale_nodes(&self, moments: [Value; 2], shape: &[i64]) -> Moments<Value> {
        let rule = shape.last().and_then(|&nodes| mixture::rule(nodes)).unwrap_or_default();
        let places: Vec<_> = rule.iter().map(|&(place, _)| place as f32).collect();
        let places = Moments::deterministic(self.literal(&[rule.len() as i64], &places));
        let along = |dim| self.context.affine_map(2, &[self.context.dim(dim)]);
        let [variance, mean] = moments.map(|value| (Moments::deterministic(value), along(0)));
        self.map(shape, &[variance, mean, (places, along(1))], false, |a, x| {
            let [variance, mean, place] = [x[0].mean, x[1].mean, x[2].mean];
            Moments::deterministic(mixture::scale(a, &rule, [variance, mean], place))
        })
    }

    /// N×D×D matrices with the diagonals N×D.
    pub(super) fn with_diagonal(&self, matrices: Value, diagonal: Value) -> Moments<Value> {
        let shape = matrices.ty().shape().unwrap_or_default();
        let [items, size, _] = shape[..] else { return Moments::deterministic(matrices) };
        // The diagonal of a matrix that is stored row after row is every (D + 1)-th element.
        let flat = self.reshape(matrices, &[items, size * size]);
        let flat = self.insert_strided(diagonal, flat, &[0, 0], &[1, size + 1]);
        Moments::deterministic(self.reshape(flat, &shape))
    }
}
