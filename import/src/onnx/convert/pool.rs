//! Pools, and other reductions.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Outcome, View, linear::Geometry, show};
use crate::onnx::{fold, graph::Node, moves::Move};

impl Converter<'_> {
    pub(super) fn pool(&mut self, node: &Node) -> Outcome {
        if node.outputs.get(1).is_some_and(|name| self.readers.contains_key(name)) {
            return Err("has indices of the maxima that other nodes read".into());
        }
        let input = self.operand(node, 0)?;
        let kernel = node.ints("kernel_shape").ok_or("has no kernel_shape")?;
        if !(1..=3).contains(&kernel.len()) || kernel.iter().any(|&size| size < 1) {
            return Err(format!("has a window of {}", show(&kernel)));
        }
        let window = Geometry::of(node, &input.ty.shape, &kernel)?;
        let rank = kernel.len();
        let is_maximum = node.is("MaxPool");
        let mut list = AttributeList::default()
            .with("kernel", kernel)
            .with("strides", window.strides)
            .with("padding", window.padding)
            .with("dilation", window.dilation)
            .with("ceil", node.int("ceil_mode").unwrap_or(0) != 0);
        if !is_maximum {
            let counts = node.int("count_include_pad").unwrap_or(0) != 0;
            list = list.with("count_include_pad", counts);
        }
        let op = format!("{}_pool{rank}d", if is_maximum { "max" } else { "avg" });
        let result = self.op(&op, &list, &[&input], &node.name)?;
        self.result(node, result)
    }

    pub(super) fn global_pool(&mut self, node: &Node) -> Outcome {
        let input = self.operand(node, 0)?;
        let rank = input.ty.shape.len();
        if rank < 3 {
            return Err(format!(
                "pools {}, which has no spatial dimensions",
                show(&input.ty.shape)
            ));
        }
        let none = AttributeList::default();
        let result = match node.is("GlobalMaxPool") {
            true => self.op("global_max_pool", &none, &[&input], &node.name)?,
            false => {
                let axes: Vec<_> = (2..rank as i64).collect();
                let list = none.with("axes", axes).with("keep_dims", true);
                self.op("reduce_mean", &list, &[&input], &node.name)?
            }
        };
        self.result(node, result)
    }

    pub(super) fn reduce(&mut self, node: &Node) -> Outcome {
        let view = self.viewed(node, 0)?;
        let rank = view.order.len();
        let (axes, keep) = fold::reduction(node, self.known(node, 1).as_ref(), rank)?;
        if node.input(1).is_some() && self.known(node, 1).is_none() {
            return Err("computes its axes from data".into());
        }
        if axes.is_empty() {
            return match node.op.as_str() {
                "ReduceSumSquare" | "ReduceL1" => Err("has no axes".into()),
                _ => self.view(node, 0, view),
            };
        }
        if node.is("ReduceMax") || node.is("ReduceMin") {
            return self.extreme(node, &view, &axes, keep);
        }
        // Dimensions are reduced where they are; those of size 1 need no order.
        let mut places: Vec<_> = axes.iter().map(|&axis| view.order[axis] as i64).collect();
        places.sort_unstable();
        let list = AttributeList::default().with("axes", places).with("keep_dims", true);
        let op = if node.is("ReduceMean") { "reduce_mean" } else { "reduce_sum" };
        let none = AttributeList::default();
        let terms = match node.op.as_str() {
            "ReduceSumSquare" => self.op("square", &none, &[&view.value], &node.name)?,
            "ReduceL1" => self.op("abs", &none, &[&view.value], &node.name)?,
            _ => view.value,
        };
        let value = self.op(op, &list, &[&terms], &node.name)?;
        let view = View { value, order: view.order };
        match keep {
            true => self.view(node, 0, view),
            false => {
                let shape = view.shape();
                let kept = (0..rank).filter(|dim| !axes.contains(dim)).map(|dim| shape[dim]);
                let step = Move::Reshape(kept.collect());
                let view = self.apply(&view, &step, &node.name)?;
                self.view(node, 0, view)
            }
        }
    }

    /// The maximum over dimensions, as a global pool of one spatial dimension; the minimum is that of the
    /// negative.
    fn extreme(&mut self, node: &Node, view: &View, axes: &[usize], keep: bool) -> Outcome {
        let shape = view.shape();
        let rest: Vec<_> = (0..shape.len()).filter(|dim| !axes.contains(dim)).collect();
        let [batch, inner @ ..] = &rest[..] else {
            return Err("is over all dimensions, the batch among them".into());
        };
        if *batch != 0 {
            return Err("is over the batch, which has no moments".into());
        }
        let order = rest.iter().chain(axes).copied().collect();
        let size = |dims: &[usize]| dims.iter().map(|&dim| shape[dim]).product::<i64>();
        let flat = vec![shape[0], size(inner), size(axes)];
        let moved = self.apply(view, &Move::Transpose(order), &node.name)?;
        let moved = self.apply(&moved, &Move::Reshape(flat), &node.name)?;
        let mut value = self.materialise(&moved, &node.name)?;
        let sign = if node.is("ReduceMin") { -1.0 } else { 1.0 };
        value = self.scaled(value, sign, &node.name)?;
        value = self.op("global_max_pool", &AttributeList::default(), &[&value], &node.name)?;
        value = self.scaled(value, sign, &node.name)?;
        let sizes = (0..shape.len()).filter_map(|dim| match (axes.contains(&dim), keep) {
            (false, _) => Some(shape[dim]),
            (true, true) => Some(1),
            (true, false) => None,
        });
        let step = Move::Reshape(sizes.collect());
        let result = self.apply(&View::plain(value), &step, &node.name)?;
        self.view(node, 0, result)
    }
}
