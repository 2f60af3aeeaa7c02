//! Pools, and other reductions.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Outcome, View, linear::Geometry, show};
use crate::onnx::{fold, graph::Node};

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
            return self.view(node, 0, view);
        }
        // Dimensions are reduced where they are; those of size 1 need no order.
        let mut places: Vec<_> = axes.iter().map(|&axis| view.order[axis] as i64).collect();
        places.sort_unstable();
        let list = AttributeList::default().with("axes", places).with("keep_dims", true);
        let op = if node.is("ReduceMean") { "reduce_mean" } else { "reduce_sum" };
        let value = self.op(op, &list, &[&view.value], &node.name)?;
        let view = View { value, order: view.order };
        match keep {
            true => self.view(node, 0, view),
            false => {
                let shape = view.shape();
                let kept = (0..rank).filter(|dim| !axes.contains(dim)).map(|dim| shape[dim]);
                let step = crate::onnx::moves::Move::Reshape(kept.collect());
                let view = self.apply(&view, &step, &node.name)?;
                self.view(node, 0, view)
            }
        }
    }
}
