//! Covariances, by ops on tensors without them.

use std::collections::HashMap;

use gauss_dialect::{
    covariance::{self, Correlated, Operand},
    ir::{Builder, Op, Value},
    layer::Layer,
    moments::Moments,
};

use super::{Emitter, composite::Ops};
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
    for op in done.into_iter().rev() {
        let is_left = op.results().iter().any(|value| value.ty().has_covariance());
        if is_left || !op.is_used() {
            op.erase();
        }
    }
    Ok(())
}

/// What is known of the values of a module.
#[derive(Default)]
struct Known {
    parts: HashMap<Value, Correlated<Value>>,
    matrices: HashMap<Value, Value>,
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

    fn matrix(&mut self, op: Op, value: Value) -> Result<Value, Failed> {
        if let Some(&matrix) = self.matrices.get(&value) {
            return Ok(matrix);
        }
        let parts = self.parts(op, value)?;
        let mut ops = Ops::at(Builder::before(op));
        let matrix = covariance::matrix(&mut ops, parts).map_err(|error| fail(op, error))?;
        self.matrices.insert(value, matrix);
        Ok(matrix)
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
                let parts = covariance::correlated(&mut ops, &op.operand(0));
                self.parts.insert(op.result(0), parts.map_err(|error| fail(op, error))?);
            }
            Layer::Marginals => {
                let marginals = self.parts(op, op.operand(0))?.marginals;
                op.result(0).replace_all_uses_with(marginals);
            }
            Layer::Covariance => {
                let matrix = self.matrix(op, op.operand(0))?;
                op.result(0).replace_all_uses_with(matrix);
            }
            Layer::Softmax(_) | Layer::Uncertainty(_) => {
                let logits = op.operand(0);
                let matrix = self.matrix(op, logits)?;
                let marginals = self.parts(op, logits)?.marginals;
                op.set_operands(&[marginals, matrix]);
            }
            layer if covariance::is_kept(&layer) => {
                let operand = |value: Value| match value.ty().has_covariance() {
                    true => Ok(Operand::Correlated(self.parts(op, value)?.clone())),
                    false => Ok(Operand::Plain(value)),
                };
                let operands =
                    op.operands().into_iter().map(operand).collect::<Result<Vec<_>, _>>()?;
                let parts = covariance::apply(&mut ops, &layer, &operands);
                self.parts.insert(op.result(0), parts.map_err(|error| fail(op, error))?);
            }
            _ => {
                for (place, value) in op.operands().into_iter().enumerate() {
                    if value.ty().has_covariance() {
                        op.set_operand(place, self.parts(op, value)?.marginals);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Emitter {
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
