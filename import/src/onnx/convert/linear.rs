//! Sums of products: Gemm, MatMul, convolutions, attention.

use gauss_dialect::attributes::AttributeList;

use super::{
    Converter, Outcome, Typed, Value, View,
    attention::{Hidden, Mask, OTHER_MASK},
    show,
};
use crate::onnx::{
    constant::Constant,
    graph::Node,
    moves::{self, Move},
};

/// The bias of a layer with as many outputs, where a constant is one.
fn bias(constant: &Constant, outputs: i64) -> Option<Constant> {
    let [leading @ .., last] = &constant.shape[..] else { return None };
    let is_row = leading.iter().all(|&size| size == 1) && *last as i64 == outputs;
    is_row.then(|| constant.reshaped(vec![*last]))
}

impl Converter<'_> {
    pub(super) fn gemm(&mut self, node: &Node) -> Outcome {
        let flag = |name: &str| node.int(name).unwrap_or(0) != 0;
        let (alpha, beta) = (node.float("alpha").unwrap_or(1.0), node.float("beta").unwrap_or(1.0));
        let mut input = self.any_view(node, 0)?;
        if input.batch().is_some_and(|place| place > 0) || !input.joined.is_empty() {
            return self.rows_apart(node, &input);
        }
        if flag("transA") {
            input = self.apply(&input, &Move::Transpose(vec![1, 0]), &node.name)?;
        }
        let input = self.materialise(&input, &node.name)?;
        let none = AttributeList::default();
        let weight = self.known(node, 1);
        let product = match &weight {
            Some(weight) if weight.shape.len() == 2 => {
                let weight = match flag("transB") {
                    true => weight.clone(),
                    false => Move::Transpose(vec![1, 0]).apply(weight)?,
                };
                let outputs = weight.shape[0] as i64;
                let given = self.known(node, 2).and_then(|given| bias(&given, outputs));
                let weight = self.module.constant(&weight)?;
                match given.filter(|_| (alpha, beta) == (1.0, 1.0)) {
                    Some(given) => {
                        let given = self.module.constant(&given)?;
                        let result =
                            self.op("dense", &none, &[&input, &weight, &given], &node.name)?;
                        return self.result(node, result);
                    }
                    None => self.op("dense", &none, &[&input, &weight], &node.name)?,
                }
            }
            _ => {
                let weight = self.operand(node, 1)?;
                let list = none.clone().with("transpose_rhs", flag("transB"));
                self.op("matmul", &list, &[&input, &weight], &node.name)?
            }
        };
        let product = self.scaled(product, alpha, &node.name)?;
        let result = match self.optional(node, 2)? {
            None => product,
            Some(summand) => {
                let summand = self.scaled(summand, beta, &node.name)?;
                let operands = self.aligned(vec![product, summand], &node.name)?;
                self.op("add", &none, &[&operands[0], &operands[1]], &node.name)?
            }
        };
        self.result(node, result)
    }

    /// A Gemm whose rows are several dimensions, the batch among them.
    fn rows_apart(&mut self, node: &Node, input: &View) -> Outcome {
        let flag = |name: &str| node.int(name).unwrap_or(0) != 0;
        let (alpha, beta) = (node.float("alpha").unwrap_or(1.0), node.float("beta").unwrap_or(1.0));
        let weight = self.known(node, 1).filter(|weight| weight.shape.len() == 2);
        let (Some(weight), false) = (weight, flag("transA")) else {
            return Err(format!("multiplies what is joined with the batch, {}", moves::FIX));
        };
        let input = self.settled(input, &node.name)?;
        if input.batch().is_none_or(|place| place + 1 == input.order.len()) {
            return Err(format!("sums over the batch, {}", moves::FIX));
        }
        let outputs = weight.shape[usize::from(!flag("transB"))] as i64;
        let weight = self.module.constant(&weight)?;
        let none = AttributeList::default();
        let list = none.clone().with("transpose_rhs", flag("transB"));
        let mut value = self.op("matmul", &list, &[&input.value, &weight], &node.name)?;
        value = self.scaled(value, alpha, &node.name)?;
        if node.input(2).is_some() {
            let row = self.known(node, 2).and_then(|given| bias(&given, outputs));
            let row = row.ok_or_else(|| format!("adds what is no row of {outputs} numbers"))?;
            let row = self.module.constant(&row)?;
            let row = self.scaled(row, beta, &node.name)?;
            let operands = self.aligned(vec![value, row], &node.name)?;
            value = self.op("add", &none, &[&operands[0], &operands[1]], &node.name)?;
        }
        self.view(node, 0, View { value, ..input })
    }

    /// A value times a number.
    pub(super) fn scaled(&mut self, value: Typed, factor: f64, at: &str) -> Result<Typed, String> {
        if factor == 1.0 {
            return Ok(value);
        }
        let factor = self.number(factor, value.ty.shape.len())?;
        self.op("mul", &AttributeList::default(), &[&value, &factor], at)
    }

    /// A number as a tensor of this rank.
    pub(super) fn number(&mut self, value: f64, rank: usize) -> Result<Typed, String> {
        use crate::onnx::constant::Data;
        let constant = Constant::new(vec![1; rank], Data::Float(vec![value as f32]));
        self.module.constant(&constant)
    }

    pub(super) fn matmul(&mut self, number: usize, node: &Node) -> Outcome {
        if self.known_attention(node)? {
            return Ok(());
        }
        let none = AttributeList::default();
        let weight = self.known(node, 1).filter(|weight| weight.shape.len() == 2);
        if let Some(weight) = weight
            && self.shape(node, 0)?.len() == 2
        {
            let input = self.operand(node, 0)?;
            let weight = Move::Transpose(vec![1, 0]).apply(&weight)?;
            // The sum with a row that follows is the bias.
            if let Some((place, sum, given)) =
                self.bias_behind(number, node, weight.shape[0] as i64)
            {
                let (weight, given) =
                    (self.module.constant(&weight)?, self.module.constant(&given)?);
                let result = self.op("dense", &none, &[&input, &weight, &given], &node.name)?;
                self.done.insert(place);
                return self.result(&sum, result);
            }
            let weight = self.module.constant(&weight)?;
            let result = self.op("dense", &none, &[&input, &weight], &node.name)?;
            return self.result(node, result);
        }
        if let Some((lhs, rhs)) = self.moved_matrices(node)? {
            let value = self.op("matmul", &none, &[&lhs.value, &rhs], &node.name)?;
            return self.view(node, 0, View::of(value, lhs.order));
        }
        let (left, right) = (self.shape(node, 0)?, self.shape(node, 1)?);
        let (lhs, lhs_flipped) = self.matrix(node, 0)?;
        let (rhs, rhs_flipped) = self.matrix(node, 1)?;
        let list = none.with("transpose_lhs", lhs_flipped).with("transpose_rhs", rhs_flipped);
        // A vector is a matrix of one row or column.
        let row = |value: Typed, shape: Vec<i64>, this: &mut Self| match shape.len() {
            1 => Err(format!("multiplies {} by {}, a vector", show(&left), show(&right))),
            _ => this.module.reshape(&value, &value.ty.shape.clone(), &node.name),
        };
        let lhs = row(lhs, left.clone(), self)?;
        let rhs = row(rhs, right.clone(), self)?;
        let result = self.op("matmul", &list, &[&lhs, &rhs], &node.name)?;
        self.result(node, result)
    }

    /// The operands of a product of matrices, where the batch is behind other dimensions of the left one.
    fn moved_matrices(&mut self, node: &Node) -> Result<Option<(View, Typed)>, String> {
        let left = self.any_view(node, 0)?;
        let y = match self.input(node, 1)? {
            Value::Constant(matrices) if !self.meets_batch(node, &matrices)? => {
                Value::Computed(self.any_view(node, 1)?)
            }
            y => y,
        };
        let (rank, place) = (left.order.len(), left.batch().unwrap_or(0));
        if place == 0 || place + 1 == rank {
            return Ok(None);
        }
        // The same matrix for all rows, or one for each place before them.
        if let Value::Constant(weight) = &y
            && weight.shape.len() == 2
        {
            let weight = self.module.constant(weight)?;
            return Ok(Some((self.settled(&left, &node.name)?, weight)));
        }
        let is_leading = place + 2 < rank;
        let x = Value::Computed(left);
        let pair = if is_leading { self.settled_pair(&x, &y, &node.name)? } else { None };
        Ok(pair.map(|(left, right)| (left, right.value)))
    }

    /// An operand of a product of matrices, and whether its last two dimensions are exchanged.
    fn matrix(&mut self, node: &Node, number: usize) -> Result<(Typed, bool), String> {
        let Value::Computed(view) = self.input(node, number)? else {
            return Ok((self.operand(node, number)?, false));
        };
        let rank = view.order.len();
        let mut flipped = view.clone();
        if rank >= 2 {
            flipped.order.swap(rank - 2, rank - 1);
        }
        match rank >= 2 && !view.is_plain() && flipped.is_plain() {
            true => Ok((flipped.value, true)),
            false => Ok((self.materialise(&view, &node.name)?, false)),
        }
    }

    /// The only reader of a node, where it adds a row of so many numbers: its number, itself, the row.
    fn bias_behind(
        &self,
        number: usize,
        node: &Node,
        outputs: i64,
    ) -> Option<(usize, Node, Constant)> {
        let output = node.outputs.first()?;
        let (place, sum) = self.only_reader(output)?;
        if !sum.is("Add") || place <= number {
            return None;
        }
        let other = usize::from(sum.inputs.first() == Some(output));
        let given = bias(&self.known(sum, other)?, outputs)?;
        Some((place, sum.clone(), given))
    }

    pub(super) fn convolution(&mut self, node: &Node) -> Outcome {
        let view = self.viewed(node, 0)?;
        let is_moved = view.batch().is_some_and(|place| place > 0) || view.rank() > 5;
        let weight = self.known(node, 1).filter(|weight| {
            weight.shape.len() == view.rank()
                && weight.shape[..2] == [1, 1]
                && weight.variance.is_none()
        });
        if let (true, Some(weight), None) = (is_moved, weight, node.input(2)) {
            let kernel: Vec<_> = weight.shape[2..].iter().map(|&size| size as i64).collect();
            let window = Geometry::of(node, &view.shape(), &kernel)?;
            return self.sum_of_some(node, &view, &weight, &window);
        }
        let input = self.operand(node, 0)?;
        let weight = self.weight(node, &input, 1)?;
        let (op, list) = {
            let kernel = &weight.ty.shape[2..];
            let window = Geometry::of(node, &input.ty.shape, kernel)?;
            let list = AttributeList::default()
                .with("strides", window.strides)
                .with("padding", window.padding)
                .with("dilation", window.dilation)
                .with("groups", node.int("group").unwrap_or(1));
            (format!("conv{}d", kernel.len()), list)
        };
        let bias = self.row(node, 2)?;
        let operands: Vec<_> = [&input, &weight].into_iter().chain(&bias).collect();
        let result = self.op(&op, &list, &operands, &node.name)?;
        self.result(node, result)
    }

    pub(super) fn transposed_convolution(&mut self, node: &Node) -> Outcome {
        let input = self.operand(node, 0)?;
        let weight = self.weight(node, &input, 1)?;
        let kernel = weight.ty.shape[2..].to_vec();
        let rank = kernel.len();
        let list = |name: &str, default: i64| node.ints(name).unwrap_or(vec![default; rank]);
        let (strides, dilation) = (list("strides", 1), list("dilations", 1));
        let mut output_padding = list("output_padding", 0);
        let mut padding = node.ints("pads").unwrap_or(vec![0; 2 * rank]);
        let auto = node.text("auto_pad").unwrap_or_default();
        let is_same = matches!(auto.as_str(), "SAME_UPPER" | "SAME_LOWER");
        let sizes = node.ints("output_shape");
        for lists in [&strides, &dilation, &output_padding, &kernel] {
            if lists.len() != rank {
                return Err(format!("has {} numbers for {rank} dimensions", lists.len()));
            }
        }
        if padding.len() != 2 * rank {
            return Err(format!("has {} pads for {rank} dimensions", padding.len()));
        }
        if sizes.is_some() || is_same {
            for dim in 0..rank {
                let size = input.ty.shape[dim + 2];
                let wanted = match &sizes {
                    Some(sizes) => sizes[sizes.len().saturating_sub(rank)..].get(dim).copied(),
                    None => size.checked_mul(strides[dim]),
                };
                let wanted = wanted.ok_or("has an output_shape of another rank")?;
                let whole = strides[dim] * (size - 1)
                    + output_padding[dim]
                    + (kernel[dim] - 1) * dilation[dim]
                    + 1;
                let total = whole - wanted;
                if total < 0 {
                    // Nothing is cut off: the rest is added behind.
                    output_padding[dim] -= total;
                    (padding[dim], padding[dim + rank]) = (0, 0);
                    continue;
                }
                let half = total / 2;
                (padding[dim], padding[dim + rank]) = match auto.as_str() {
                    "SAME_UPPER" => (half, total - half),
                    _ => (total - half, half),
                };
            }
        }
        let list = AttributeList::default()
            .with("strides", strides)
            .with("padding", padding)
            .with("dilation", dilation)
            .with("output_padding", output_padding)
            .with("groups", node.int("group").unwrap_or(1));
        let bias = self.row(node, 2)?;
        let operands: Vec<_> = [&input, &weight].into_iter().chain(&bias).collect();
        let result = self.op(&format!("conv_transpose{rank}d"), &list, &operands, &node.name)?;
        self.result(node, result)
    }

    /// The weight of a convolution over an image.
    fn weight(&mut self, node: &Node, input: &Typed, number: usize) -> Result<Typed, String> {
        let weight = self.operand(node, number)?;
        let rank = input.ty.shape.len();
        match (3..=5).contains(&rank) && weight.ty.shape.len() == rank {
            true => Ok(weight),
            false => Err(format!(
                "slides a weight of {} over {}; one to three spatial dimensions are supported",
                show(&weight.ty.shape),
                show(&input.ty.shape)
            )),
        }
    }

    /// An optional input as a list of numbers.
    pub(super) fn row(&mut self, node: &Node, number: usize) -> Result<Option<Typed>, String> {
        let Some(value) = self.optional(node, number)? else { return Ok(None) };
        let size: i64 = value.ty.shape.iter().product();
        self.module.reshape(&value, &[size], &node.name).map(Some)
    }

    /// A softmax over one dimension.
    pub(super) fn softmax(&mut self, node: &Node) -> Outcome {
        let view = self.viewed(node, 0)?;
        let shape = view.shape();
        let rank = shape.len();
        // Before opset 13 all dimensions from the axis on are one.
        let default = if node.opset < 13 { 1 } else { -1 };
        let axis = crate::onnx::moves::axis_of(node.int("axis").unwrap_or(default), rank)?;
        if node.is("LogSoftmax") {
            return Err(
                "has no moments within a network; import with --logits to end the network \
                        before it"
                    .into(),
            );
        }
        if node.opset < 13 && shape[axis + 1..].iter().any(|&size| size != 1) {
            return Err("joins several dimensions, as softmax did before opset 13".into());
        }
        let mut last = (0..rank).collect::<Vec<_>>();
        last.swap(axis, rank - 1);
        let moved = self.apply(&view, &Move::Transpose(last.clone()), &node.name)?;
        let settled = self.settled(&moved, &node.name)?;
        if settled.batch() == Some(rank - 1) {
            return Err(format!("is over the batch, {}", moves::FIX));
        }
        let moved = settled.value;
        let weights = match rank {
            1 => {
                let row = self.module.reshape(&moved, &[1, shape[0]], &node.name)?;
                let row =
                    self.op("attention_weights", &AttributeList::default(), &[&row], &node.name)?;
                self.module.reshape(&row, &shape, &node.name)?
            }
            _ => self.op("attention_weights", &AttributeList::default(), &[&moved], &node.name)?,
        };
        let order = last.iter().map(|&dim| settled.order[dim]).collect();
        self.view(node, 0, View::of(weights, order))
    }

    /// The operator of opset 23: queries, keys and values with heads of their own, or side by side.
    pub(super) fn attention(&mut self, node: &Node) -> Outcome {
        if (4..8).any(|number| node.input(number).is_some())
            || (1..4).any(|number| node.outputs.get(number).is_some_and(|name| !name.is_empty()))
        {
            return Err("has keys and values of the past, which are not supported".into());
        }
        if node.float("softcap").unwrap_or(0.0) != 0.0 {
            return Err("has a softcap, which is not supported".into());
        }
        let heads = [node.int("q_num_heads"), node.int("kv_num_heads"), node.int("kv_num_heads")];
        let mut operands = Vec::new();
        for (number, heads) in heads.into_iter().enumerate() {
            let mut view = self.viewed(node, number)?;
            if let [batch, steps, size] = view.shape()[..] {
                let heads = heads.filter(|&heads| heads > 0 && size % heads == 0);
                let heads = heads.ok_or("does not say how many heads its features are")?;
                let split = Move::Reshape(vec![batch, steps, heads, size / heads]);
                view = self.apply(&view, &split, &node.name)?;
                view = self.apply(&view, &Move::Transpose(vec![0, 2, 1, 3]), &node.name)?;
            }
            operands.push(self.materialise(&view, &node.name)?);
        }
        let heads_of = |operand: &Typed| operand.ty.shape.get(1).copied();
        if heads_of(&operands[0]) != heads_of(&operands[1]) {
            return Err("has more heads of queries than of keys, which is not supported".into());
        }
        let causal = node.int("is_causal").unwrap_or(0) != 0;
        let steps = |operand: &Typed| operand.ty.shape.get(2).copied().unwrap_or(1);
        let (queries, keys) = (steps(&operands[0]), steps(&operands[1]));
        let leading = operands[0].ty.shape.iter().take(2).copied();
        let scores: Vec<_> = leading.chain([queries, keys]).collect();
        if causal && queries != keys {
            return Err("is causal for another number of queries than of keys".into());
        }
        let causal = match self.hidden(node, &scores)? {
            Hidden::Nothing => causal,
            Hidden::Future => true,
            Hidden::Other => return Err(OTHER_MASK.into()),
        };
        let mut list = AttributeList::default().with("causal", causal);
        if let Some(scale) = node.float("scale") {
            list = list.with("scale", scale);
        }
        let result =
            self.op("attention", &list, &[&operands[0], &operands[1], &operands[2]], &node.name)?;
        let mut view = View::plain(result);
        if self.shape(node, 0)?.len() == 3 {
            view = self.apply(&view, &Move::Transpose(vec![0, 2, 1, 3]), &node.name)?;
            let shape = view.shape();
            let joined = Move::Reshape(vec![shape[0], shape[1], shape[2] * shape[3]]);
            view = self.apply(&view, &joined, &node.name)?;
        }
        self.view(node, 0, view)
    }
}

impl Converter<'_> {
    /// What the mask of an attention hides.
    fn hidden(&self, node: &Node, scores: &[i64]) -> Result<Hidden, String> {
        if node.input(3).is_none() {
            return Ok(Hidden::Nothing);
        }
        let mask =
            self.known(node, 3).ok_or("has a mask that is computed, which is not supported")?;
        let mask = Mask::of_choice(&mask, false).or_else(|| Mask::of_summand(&mask));
        // Keys that a mask does not reach are hidden.
        let mask = mask.filter(|mask| mask.shape.last() == scores.last());
        Ok(mask.map_or(Hidden::Other, |mask| mask.hides(scores)))
    }
}

/// The attributes of a window that slides over an image.
pub(super) struct Geometry {
    pub strides: Vec<i64>,
    /// Before each dimension, then behind each.
    pub padding: Vec<i64>,
    pub dilation: Vec<i64>,
}

impl Geometry {
    /// The spatial dimensions that a window leaves as they are, and those that it slides over.
    pub(super) fn still_and_sliding(&self, kernel: &[i64]) -> (Vec<usize>, Vec<usize>) {
        let rank = kernel.len();
        let is_still = |dim: &usize| {
            let (dim, pads) = (*dim, &self.padding);
            kernel[dim] == 1 && self.strides[dim] == 1 && pads[dim] == 0 && pads[dim + rank] == 0
        };
        (0..rank).partition(is_still)
    }

    /// Of a node over an image with these sizes.
    pub(super) fn of(node: &Node, image: &[i64], kernel: &[i64]) -> Result<Self, String> {
        let rank = kernel.len();
        if image.len() != rank + 2 {
            return Err(format!("slides a window of {} over {}", show(kernel), show(image)));
        }
        if let Some(given) = node.ints("kernel_shape").filter(|given| given != kernel) {
            return Err(format!(
                "has the kernel_shape {} for a kernel of {}",
                show(&given),
                show(kernel)
            ));
        }
        let list = |name: &str| node.ints(name).unwrap_or(vec![1; rank]);
        let (strides, dilation) = (list("strides"), list("dilations"));
        let mut padding = node.ints("pads").unwrap_or(vec![0; 2 * rank]);
        if strides.len() != rank || dilation.len() != rank || padding.len() != 2 * rank {
            return Err(format!("has strides, pads or dilations of another rank than {rank}"));
        }
        if strides.iter().chain(&dilation).any(|&step| !(1..=1 << 20).contains(&step)) {
            return Err("has a stride or dilation that is not from 1 to 1048576".into());
        }
        match node.text("auto_pad").as_deref() {
            None | Some("NOTSET" | "") => {}
            Some("VALID") => padding = vec![0; 2 * rank],
            Some(auto @ ("SAME_UPPER" | "SAME_LOWER")) => {
                for dim in 0..rank {
                    let size = image[dim + 2];
                    if size < 0 && (kernel[dim], strides[dim]) == (1, 1) {
                        continue;
                    }
                    if size < 0 {
                        return Err(format!("slides over the batch, {}", moves::FIX));
                    }
                    let outputs = (size + strides[dim] - 1) / strides[dim];
                    let extent = (kernel[dim] - 1) * dilation[dim] + 1;
                    let total = ((outputs - 1) * strides[dim] + extent - size).max(0);
                    let half = total / 2;
                    (padding[dim], padding[dim + rank]) = match auto {
                        "SAME_UPPER" => (half, total - half),
                        _ => (total - half, half),
                    };
                }
            }
            Some(other) => return Err(format!("has the auto_pad '{other}'")),
        }
        Ok(Self { strides, padding, dilation })
    }
}
