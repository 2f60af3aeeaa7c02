//! A loop nest, and how it reads its inputs.

use gauss_dialect::ir::{
    AffineExpr, AffineMap, Attribute, Block, Builder, Context, Op, Type, Value,
};

use super::scalar::Kind;
use crate::linalg;

/// A `linalg.generic` on tensors of static shape.
pub(super) struct Nest {
    pub(super) op: Op,
    pub(super) context: Context,
    pub(super) inputs: Vec<Operand>,
    pub(super) outs: Vec<Operand>,
    /// Trip counts.
    pub(super) sizes: Vec<i64>,
    pub(super) body: Block,
    pub(super) layer: String,
}

/// A tensor and how it is read: for each of its dimensions the steps along the loops and where it
/// begins.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) tensor: Value,
    pub(super) map: Vec<Linear>,
}

/// A place along a dimension: so many steps for each loop, from a start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    pub(super) steps: Vec<i64>,
    pub(super) start: i64,
}

impl Linear {
    /// The loop that is walked as it is, if it is one.
    pub(super) fn alone(&self) -> Option<usize> {
        let mut loops = self.loops();
        let first = loops.next()?;
        (loops.next().is_none() && self.start == 0 && self.steps[first] == 1).then_some(first)
    }

    pub(super) fn loops(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().enumerate().filter(|(_, step)| **step != 0).map(|(number, _)| number)
    }

    pub(super) fn is_constant(&self) -> bool {
        self.loops().next().is_none()
    }
}

impl Nest {
    /// # Errors
    ///
    /// Where its accesses are not linear, or sizes not known: continues the words `'linalg.generic' op`.
    pub(super) fn of(op: Op) -> Result<Self, String> {
        let maps = op.attribute("indexing_maps").and_then(Attribute::as_array);
        let maps = maps.ok_or("has no indexing maps")?;
        let maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
        let dims = maps.first().map_or(0, |map| map.num_dims());
        let operand = |(tensor, map): (Value, AffineMap)| {
            let linear = |expression: AffineExpr| {
                let (steps, start) = expression.linear(dims)?;
                Some(Linear { steps, start })
            };
            let map = map.results().into_iter().map(linear).collect::<Option<Vec<_>>>();
            let map = map.ok_or("has an indexing map that is not linear")?;
            Ok::<_, String>(Operand { tensor, map })
        };
        let operands = op.operands().into_iter().zip(maps).map(operand);
        let mut inputs = operands.collect::<Result<Vec<_>, _>>()?;
        let outs = inputs.split_off(inputs.len() - op.results().len().min(inputs.len()));
        let mut sizes = vec![None; dims];
        for Operand { tensor, map } in inputs.iter().chain(&outs) {
            let shape = tensor.ty().shape().unwrap_or_default();
            for (place, size) in map.iter().zip(shape) {
                if let Some(alone) = place.alone() {
                    sizes[alone] = Some(size);
                }
            }
        }
        let sizes = sizes.into_iter().collect::<Option<Vec<_>>>();
        let sizes = sizes.filter(|sizes| sizes.iter().all(|&size| size > 0));
        Ok(Self {
            op,
            context: op.context(),
            inputs,
            outs,
            sizes: sizes.ok_or("has a loop whose trip count is not known; fix the batch first")?,
            body: op.body().ok_or("has no body")?,
            layer: format!("{}.gradient", linalg::layer(op).unwrap_or_else(|| "generic".into())),
        })
    }

    /// How the nest makes each of its results.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let yielded = self.body.terminator().map(Op::operands).unwrap_or_default();
        let sums = (self.inputs.len()..).map(|number| self.body.argument(number));
        yielded.into_iter().zip(sums).map(|(value, sum)| Kind::of(self.body, value, sum)).collect()
    }

    pub(super) fn empty(&self, builder: Builder, shape: &[i64]) -> Value {
        builder.value("tensor.empty", &[], Type::tensor(self.context.f32(), shape))
    }
}
