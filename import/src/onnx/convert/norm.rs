//! Normalisations.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Outcome, Typed, View};
use crate::onnx::{
    constant::Constant,
    fold,
    graph::Node,
    moves::{FIX, Move, axis_of},
};

/// Does another node read a result beyond the first?
fn has_other_outputs(node: &Node, converter: &Converter) -> bool {
    node.outputs.iter().skip(1).any(|name| converter.readers.contains_key(name))
}

impl Converter<'_> {
    pub(super) fn batch_norm(&mut self, node: &Node) -> Outcome {
        if node.int("training_mode").unwrap_or(0) != 0 || has_other_outputs(node, self) {
            return Err(fold::TRAINING.into());
        }
        let input = self.operand(node, 0)?;
        let mut operands = vec![input];
        for number in 1..5 {
            operands.push(self.row(node, number)?.ok_or("lacks one of its five inputs")?);
        }
        let epsilon = node.float("epsilon").unwrap_or(1e-5);
        let list = AttributeList::default().with("epsilon", epsilon);
        let operands: Vec<_> = operands.iter().collect();
        let result = self.op("batch_norm", &list, &operands, &node.name)?;
        self.result(node, result)
    }

    pub(super) fn layer_norm(&mut self, node: &Node) -> Outcome {
        if has_other_outputs(node, self) {
            return Err(
                "has statistics that are read; leave out their outputs with --outputs".into()
            );
        }
        let view = self.viewed(node, 0)?;
        let view = self.settled(&view, &node.name)?;
        let shape = view.shape();
        let rank = shape.len();
        let axis = axis_of(node.int("axis").unwrap_or(-1), rank)?;
        if view.batch().is_some_and(|place| place >= axis && place > 0) {
            return Err(format!("is over the batch, {FIX}"));
        }
        let inner = shape[axis..].to_vec();
        let input = view.value;
        let list = AttributeList::default()
            .with("dimensions", (rank - axis) as i64)
            .with("epsilon", node.float("epsilon").unwrap_or(1e-5));
        let is_rms = node.is("RMSNormalization");
        let count = if is_rms { 1 } else { 2 };
        let mut operands = vec![input];
        for number in 1..=count {
            if let Some(parameter) = self.spread(node, number, &inner)? {
                operands.push(parameter);
            }
        }
        let op = if is_rms { "rms_norm" } else { "layer_norm" };
        let operands: Vec<_> = operands.iter().collect();
        let result = self.op(op, &list, &operands, &node.name)?;
        self.view(node, 0, View::of(result, view.order))
    }

    /// An optional input, repeated to these sizes.
    fn spread(
        &mut self,
        node: &Node,
        number: usize,
        shape: &[i64],
    ) -> Result<Option<Typed>, String> {
        if node.input(number).is_none() {
            return Ok(None);
        }
        let view = self.viewed(node, number)?;
        if view.shape() == shape {
            return self.materialise(&view, &node.name).map(Some);
        }
        let Some(constant) = self.known(node, number) else {
            return Err("has a parameter of other sizes than what it normalises over".into());
        };
        let mut sizes: Vec<i64> = constant.shape.iter().map(|&size| size as i64).collect();
        while sizes.len() > shape.len() && sizes[0] == 1 {
            sizes.remove(0);
        }
        let sizes = crate::onnx::moves::aligned(&sizes, shape.len());
        let aligned = Move::Reshape(sizes).apply(&constant)?;
        let repeated = Move::Expand(shape.to_vec()).apply(&aligned)?;
        self.module.constant(&repeated).map(Some)
    }

    pub(super) fn group_norm(&mut self, node: &Node) -> Outcome {
        let input = self.operand(node, 0)?;
        let channels = input.ty.shape.get(1).copied().ok_or("has an input without channels")?;
        let mut list =
            AttributeList::default().with("epsilon", node.float("epsilon").unwrap_or(1e-5));
        let mut operands = vec![input];
        let op = match node.is("GroupNormalization") {
            false => "instance_norm",
            true => {
                let groups = node.int("num_groups").ok_or("does not say how many groups")?;
                list = list.with("groups", groups);
                "group_norm"
            }
        };
        for number in 1..3 {
            // Until opset 20 there was one number for each group.
            let parameter = match self.known(node, number) {
                Some(constant) if (constant.data.len() as i64) < channels => {
                    let repeated = repeated(&constant, channels)?;
                    Some(self.module.constant(&repeated)?)
                }
                _ => self.row(node, number)?,
            };
            operands.extend(parameter);
        }
        let operands: Vec<_> = operands.iter().collect();
        let result = self.op(op, &list, &operands, &node.name)?;
        self.view(node, 0, View::plain(result))
    }
}

/// Each number for as many neighbours as make `count`.
fn repeated(constant: &Constant, count: i64) -> Result<Constant, String> {
    let groups = constant.data.len() as i64;
    if groups == 0 || count % groups != 0 {
        return Err(format!("has {groups} numbers for {count} channels"));
    }
    let indices = (0..count).map(|channel| channel / (count / groups)).collect();
    let row = constant.reshaped(vec![constant.data.len()]);
    Move::Gather { axis: 0, indices }.apply(&row)
}
