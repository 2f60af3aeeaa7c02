//! Normalisations.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Outcome, Typed, Value, View};
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
        // The channels are the second dimension of what the module has.
        let view = self.any_view(node, 0)?;
        let channels = view.dim(1)?;
        let view = if channels == 1 { view } else { self.second(&view, channels, &node.name)? };
        let mut operands = vec![view.value.clone()];
        for number in 1..5 {
            operands.push(self.row(node, number)?.ok_or("lacks one of its five inputs")?);
        }
        let epsilon = node.float("epsilon").unwrap_or(1e-5);
        let list = AttributeList::default().with("epsilon", epsilon);
        let operands: Vec<_> = operands.iter().collect();
        let value = self.op("batch_norm", &list, &operands, &node.name)?;
        self.view(node, 0, View { value, ..view })
    }

    /// The same value with a dimension of the module as the second one.
    fn second(&mut self, view: &View, dim: usize, at: &str) -> Result<View, String> {
        let mut dims: Vec<_> = (0..view.order.len()).filter(|&other| other != dim).collect();
        dims.insert(1.min(dims.len()), dim);
        let value = self.materialise(&View::of(view.value.clone(), dims.clone()), at)?;
        let place = |old: &usize| dims.iter().position(|dim| dim == old);
        let order = view.order.iter().filter_map(place).collect();
        Ok(View { value, order, ..view.clone() })
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
        let view = self.any_view(node, 0)?;
        let channels = view.shape().get(1).copied().ok_or("has an input without channels")?;
        if !view.joined.is_empty() || view.batch().is_some_and(|place| place > 0) {
            return self.group_norm_of_last(node, &view, channels);
        }
        let input = self.materialise(&view, &node.name)?;
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
                Some(constant) => Some(self.module.constant(&repeated(&constant, channels)?)?),
                None => self.row(node, number)?,
            };
            operands.extend(parameter);
        }
        let operands: Vec<_> = operands.iter().collect();
        let result = self.op(op, &list, &operands, &node.name)?;
        self.view(node, 0, View::plain(result))
    }
}

impl Converter<'_> {
    /// A norm over groups of channels where the batch is not the only dimension before them: over the last
    /// dimensions, those of a group.
    fn group_norm_of_last(&mut self, node: &Node, view: &View, channels: i64) -> Outcome {
        let groups = match node.is("GroupNormalization") {
            true => node.int("num_groups").ok_or("does not say how many groups")?,
            false => channels,
        };
        let inner = view.rank() - 1;
        let first = view.order.len() - inner;
        let is_last = view.joined.end <= first && view.batch().is_none_or(|place| place < first);
        if groups < 1 || channels % groups != 0 || !is_last {
            return Err(format!(
                "is over the batch, or {channels} channels in {groups} groups, {FIX}"
            ));
        }
        let settled = self.settled(view, &node.name)?;
        let whole = settled.value.ty.shape.clone();
        let (before, image) = (&whole[..first], &whole[first + 1..]);
        let grouped = [before, &[groups, channels / groups], image].concat();
        let value = self.module.reshape(&settled.value, &grouped, &node.name)?;
        let list = AttributeList::default()
            .with("dimensions", inner as i64)
            .with("epsilon", node.float("epsilon").unwrap_or(1e-5));
        let value = self.op("layer_norm", &list, &[&value], &node.name)?;
        let mut value = self.module.reshape(&value, &whole, &node.name)?;
        for (number, op) in [(1, "mul"), (2, "add")] {
            if node.input(number).is_none() {
                continue;
            }
            let given = self.known(node, number).ok_or("has parameters that are computed")?;
            let given = repeated(&given, channels)?;
            let sizes = [&[channels as usize], &vec![1; inner - 1][..]].concat();
            let given = Value::Constant(given.reshaped(sizes).into());
            let operand = self.beside(&given, &settled.order, &node.name)?;
            let operand = operand.ok_or("has parameters of more dimensions than its input")?;
            value =
                self.op(op, &AttributeList::default(), &[&value, &operand.value], &node.name)?;
        }
        self.view(node, 0, View { value, ..settled })
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
