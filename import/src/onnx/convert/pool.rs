//! Pools, and other reductions.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Outcome, Typed, View, linear::Geometry, show};
use crate::onnx::{
    constant::Constant,
    fold,
    graph::Node,
    moves::{FIX, Move, joined_size},
};

/// An image of the dimensions that a window slides over.
struct Folded {
    image: Typed,
    /// The spatial dimensions of the model that it slides over.
    sliding: Vec<usize>,
    /// The dimensions of the model in the order of the image.
    order: Vec<usize>,
    /// The sizes of those that it does not slide over.
    whole: Vec<i64>,
}

impl Converter<'_> {
    pub(super) fn pool(&mut self, node: &Node) -> Outcome {
        if node.outputs.get(1).is_some_and(|name| self.readers.contains_key(name)) {
            return Err("has indices of the maxima that other nodes read".into());
        }
        let view = self.viewed(node, 0)?;
        let kernel = node.ints("kernel_shape").ok_or("has no kernel_shape")?;
        if kernel.is_empty() || kernel.iter().any(|&size| size < 1) {
            return Err(format!("has a window of {}", show(&kernel)));
        }
        let window = Geometry::of(node, &view.shape(), &kernel)?;
        let rank = kernel.len();
        if rank > 3 || view.batch().is_some_and(|place| place > 0) {
            return self.pool_of_some(node, &view, &kernel, &window);
        }
        let input = self.materialise(&view, &node.name)?;
        let dims: Vec<_> = (0..rank).collect();
        let result = self.pooled(node, &input, &kernel, &window, &dims)?;
        self.result(node, result)
    }

    /// A pool over these spatial dimensions of an image that has no others.
    fn pooled(
        &mut self,
        node: &Node,
        image: &Typed,
        kernel: &[i64],
        window: &Geometry,
        dims: &[usize],
    ) -> Result<Typed, String> {
        let of = |list: &[i64]| dims.iter().map(|&dim| list[dim]).collect::<Vec<_>>();
        let (before, behind) = window.padding.split_at(kernel.len());
        let mut list = AttributeList::default()
            .with("kernel", of(kernel))
            .with("strides", of(&window.strides))
            .with("padding", [of(before), of(behind)].concat())
            .with("dilation", of(&window.dilation))
            .with("ceil", node.int("ceil_mode").unwrap_or(0) != 0);
        let is_maximum = node.is("MaxPool");
        if !is_maximum {
            let counts = node.int("count_include_pad").unwrap_or(0) != 0;
            list = list.with("count_include_pad", counts);
        }
        let kind = if is_maximum { "max" } else { "avg" };
        self.op(&format!("{kind}_pool{}d", dims.len()), &list, &[image], &node.name)
    }

    /// A pool that leaves most dimensions as they are, wherever the batch is: as one over the others.
    fn pool_of_some(
        &mut self,
        node: &Node,
        view: &View,
        kernel: &[i64],
        window: &Geometry,
    ) -> Outcome {
        let (_, sliding) = window.still_and_sliding(kernel);
        if sliding.is_empty() {
            return self.view(node, 0, view.clone());
        }
        let folded = self.folded(node, view, kernel, window)?;
        let result = self.pooled(node, &folded.image, kernel, window, &folded.sliding)?;
        self.unfold(node, folded, result)
    }

    /// A sum of one channel over windows that leave most dimensions as they are, with known weights.
    pub(super) fn sum_of_some(
        &mut self,
        node: &Node,
        view: &View,
        weight: &Constant,
        window: &Geometry,
    ) -> Outcome {
        let kernel: Vec<_> = weight.shape[2..].iter().map(|&size| size as i64).collect();
        let folded = self.folded(node, view, &kernel, window)?;
        let of = |list: &[i64]| folded.sliding.iter().map(|&dim| list[dim]).collect::<Vec<_>>();
        let (before, behind) = window.padding.split_at(kernel.len());
        let channels = folded.image.ty.shape[1];
        let list = AttributeList::default()
            .with("strides", of(&window.strides))
            .with("padding", [of(before), of(behind)].concat())
            .with("dilation", of(&window.dilation))
            .with("groups", channels);
        let each = Move::Reshape([vec![1, 1], of(&kernel)].concat()).apply(weight)?;
        let indices = vec![0; channels as usize];
        let each = Move::Gather { axis: 0, indices }.apply(&each)?;
        let weight = self.module.constant(&each)?;
        let op = format!("conv{}d", folded.sliding.len());
        let result = self.op(&op, &list, &[&folded.image, &weight], &node.name)?;
        self.unfold(node, folded, result)
    }

    /// The dimensions that a window slides over as those of an image, and all others as its channels.
    fn folded(
        &mut self,
        node: &Node,
        view: &View,
        kernel: &[i64],
        window: &Geometry,
    ) -> Result<Folded, String> {
        let (still, sliding) = window.still_and_sliding(kernel);
        if !(1..=3).contains(&sliding.len()) {
            return Err(format!(
                "slides a window of {} over {}",
                show(kernel),
                show(&view.shape())
            ));
        }
        let shape = view.shape();
        let batch = view.batch().unwrap_or(0);
        if sliding.iter().any(|dim| dim + 2 == batch) {
            return Err(format!("slides over the batch, {FIX}"));
        }
        let others = [0, 1].into_iter().chain(still.iter().map(|dim| dim + 2));
        let others = others.filter(|&dim| dim != batch);
        let places = sliding.iter().map(|dim| dim + 2);
        let order: Vec<_> = [batch].into_iter().chain(others).chain(places).collect();
        let moved = self.apply(view, &Move::Transpose(order.clone()), &node.name)?;
        let mut whole = moved.shape();
        let image = whole.split_off(order.len() - sliding.len());
        let channels = joined_size(&whole[1..]).ok_or("has sizes that are too large")?;
        let flat = [&[shape[batch], channels], &image[..]].concat();
        let moved = self.apply(&moved, &Move::Reshape(flat), &node.name)?;
        let image = self.materialise(&moved, &node.name)?;
        Ok(Folded { image, sliding, order, whole })
    }

    /// Gives the result of a window on what was folded.
    fn unfold(&mut self, node: &Node, folded: Folded, result: Typed) -> Outcome {
        let whole = [&folded.whole, &result.ty.shape[2..]].concat();
        let result = self.apply(&View::plain(result), &Move::Reshape(whole), &node.name)?;
        let mut back = vec![0; folded.order.len()];
        for (place, &dim) in folded.order.iter().enumerate() {
            back[dim] = place;
        }
        let result = self.apply(&result, &Move::Transpose(back), &node.name)?;
        self.view(node, 0, result)
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
        let view = self.any_view(node, 0)?;
        let rank = view.rank();
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
        let shape = view.shape();
        if axes.iter().any(|&axis| shape[axis] < 0) {
            return Err(format!("is over the batch, {FIX}"));
        }
        if node.is("ReduceMax") || node.is("ReduceMin") {
            let view = self.viewed(node, 0)?;
            return self.extreme(node, &view, &axes, keep);
        }
        // Dimensions are reduced where they are; those of size 1 need no order.
        let places = axes.iter().map(|&axis| view.dim(axis).map(|dim| dim as i64));
        let mut places = places.collect::<Result<Vec<_>, _>>()?;
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
        let view = View { value, ..view };
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
        let batch = view.batch().or(rest.first().copied());
        // The batch comes first, as the channels of one image where there is none.
        let inner: Vec<_> = rest.into_iter().filter(|&dim| Some(dim) != batch).collect();
        let order: Vec<_> = batch.into_iter().chain(inner.iter().copied()).collect();
        let whole = order.iter().chain(axes).copied().collect();
        let size = |dims: &[usize]| dims.iter().map(|&dim| shape[dim]).product::<i64>();
        let flat = vec![batch.map_or(1, |batch| shape[batch]), size(&inner), size(axes)];
        let moved = self.apply(view, &Move::Transpose(whole), &node.name)?;
        let moved = self.apply(&moved, &Move::Reshape(flat), &node.name)?;
        let mut value = self.materialise(&moved, &node.name)?;
        let sign = if node.is("ReduceMin") { -1.0 } else { 1.0 };
        value = self.scaled(value, sign, &node.name)?;
        value = self.op("global_max_pool", &AttributeList::default(), &[&value], &node.name)?;
        value = self.scaled(value, sign, &node.name)?;
        let ones = axes.iter().map(|_| 1);
        let sizes = order.iter().map(|&dim| shape[dim]).chain(ones).collect();
        let result = self.apply(&View::plain(value), &Move::Reshape(sizes), &node.name)?;
        let mut back = vec![0; shape.len()];
        for (place, &dim) in order.iter().chain(axes).enumerate() {
            back[dim] = place;
        }
        let mut result = self.apply(&result, &Move::Transpose(back), &node.name)?;
        if !keep {
            let kept = (0..shape.len()).filter(|dim| !axes.contains(dim)).map(|dim| shape[dim]);
            result = self.apply(&result, &Move::Reshape(kept.collect()), &node.name)?;
        }
        self.view(node, 0, result)
    }
}
