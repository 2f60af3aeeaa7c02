//! Where the dimensions of a computed value are in the module, and the steps that move them.
//!
//! The module has the batch as its first dimension. A model may have it anywhere, and as a part of another
//! dimension, as heads of attention are joined with it: this is kept beside the value, which stays as it is.

use std::{collections::HashMap, ops::Range};

use gauss_dialect::{attributes::AttributeList, ir::DYNAMIC};

use super::{Converter, Outcome, Typed, Value};
use crate::onnx::{
    graph::Node,
    moves::{FIX, Move, aligned, batches_of, joined_size, show},
};

/// A computed value, and where its dimensions are.
#[derive(Debug, Clone)]
pub struct View {
    /// What the module has.
    pub value: Typed,
    /// Dimension n of what the model means, those of a joined one counted apart, is dimension `order[n]` of
    /// what the module has.
    pub order: Vec<usize>,
    /// The places in `order` that are one dimension of the model, the batch among them; mostly none.
    pub joined: Range<usize>,
}

impl View {
    /// A value as the module has it.
    pub fn plain(value: Typed) -> Self {
        let order = (0..value.ty.shape.len()).collect();
        Self::of(value, order)
    }

    /// A value with its dimensions in this order.
    pub fn of(value: Typed, order: Vec<usize>) -> Self {
        Self { value, order, joined: 0..0 }
    }

    /// The same value with the dimensions of the joined one apart.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { joined: 0..0, ..self.clone() }
    }

    /// For each dimension of the model, its places in `order`.
    fn places(&self) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let mut next = 0;
        while next < self.order.len() {
            let end = match !self.joined.is_empty() && next == self.joined.start {
                true => self.joined.end,
                false => next + 1,
            };
            places.push(next..end);
            next = end;
        }
        places
    }

    /// How many dimensions the model means.
    pub fn rank(&self) -> usize {
        self.order.len() - self.joined.len().saturating_sub(1)
    }

    /// Its sizes as the model means them.
    pub fn shape(&self) -> Vec<i64> {
        let sizes = self.sizes();
        let size = |place: Range<usize>| joined_size(&sizes[place]).unwrap_or(i64::MAX);
        self.places().into_iter().map(size).collect()
    }

    /// The sizes of all places in `order`.
    fn sizes(&self) -> Vec<i64> {
        self.order.iter().map(|&dim| self.value.ty.shape[dim]).collect()
    }

    /// The dimension of the module that a dimension of the model is.
    ///
    /// # Errors
    ///
    /// Where several are joined to it.
    pub(super) fn dim(&self, axis: usize) -> Result<usize, String> {
        match self.places().get(axis).cloned() {
            Some(place) if place.len() == 1 => Ok(self.order[place.start]),
            _ => Err(format!("reads a part of a dimension that is joined with the batch, {FIX}")),
        }
    }

    /// The place of the batch in `order`.
    pub fn batch(&self) -> Option<usize> {
        self.sizes().iter().position(|&size| size == DYNAMIC)
    }

    /// The order of the dimensions where the batch is moved to the front and all others stay.
    fn settled_order(&self) -> Vec<usize> {
        let batch = self.batch().unwrap_or(0);
        let place = |other: usize| match other.cmp(&batch) {
            std::cmp::Ordering::Less => other + 1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => other,
        };
        (0..self.order.len()).map(place).collect()
    }

    /// Are the dimensions where the model means them to be?
    pub fn is_plain(&self) -> bool {
        self.joined.is_empty() && self.order.iter().copied().eq(0..self.order.len())
    }
}

impl Converter<'_> {
    /// The dimensions where the model means them to be.
    pub(super) fn materialise(&mut self, view: &View, at: &str) -> Result<Typed, String> {
        if view.is_plain() {
            return Ok(view.value.clone());
        }
        let shape = view.shape();
        if shape.iter().skip(1).any(|&size| size < 0) {
            return Err(format!("moves the batch, {FIX}"));
        }
        if !view.joined.is_empty() {
            return Err(format!("joins the batch with other dimensions, {FIX}"));
        }
        // Where only dimensions of size 1 move, the elements stay.
        let large = |dims: &mut dyn Iterator<Item = usize>| {
            dims.filter(|&dim| view.value.ty.shape[dim] != 1).collect::<Vec<_>>()
        };
        let moved = large(&mut view.order.iter().copied());
        if moved.is_sorted() {
            return self.module.reshape(&view.value, &shape, at);
        }
        let permutation: Vec<_> = view.order.iter().map(|&dim| dim as i64).collect();
        let attributes = AttributeList::default().with("permutation", permutation);
        self.op("transpose", &attributes, &[&view.value], at)
    }

    /// The value with the batch first and the other dimensions as the model means them.
    pub(super) fn settled(&mut self, view: &View, at: &str) -> Result<View, String> {
        let place = view.batch().unwrap_or(0);
        let others = (0..view.order.len()).filter(|&other| other != place);
        let front = std::iter::once(place).chain(others).map(|place| view.order[place]).collect();
        let value = match view.order.is_empty() {
            true => view.value.clone(),
            false => self.materialise(&View::of(view.value.clone(), front), at)?,
        };
        Ok(View { value, order: view.settled_order(), joined: view.joined.clone() })
    }

    /// Two operands that lie alike, where the batch of one is behind other dimensions; `None` where it is not,
    /// or they cannot.
    pub(super) fn settled_pair(
        &mut self,
        x: &Value,
        y: &Value,
        at: &str,
    ) -> Result<Option<(View, View)>, String> {
        let moved = |value: &Value| match value {
            Value::Computed(view) if view.batch().is_some_and(|place| place > 0) => {
                Some(view.settled_order())
            }
            _ => None,
        };
        let Some(order) = moved(x).or_else(|| moved(y)) else { return Ok(None) };
        let x = self.beside(x, &order, at)?;
        Ok(x.zip(self.beside(y, &order, at)?))
    }

    /// An operand with the dimensions in this order; `None` where it cannot be.
    pub(super) fn beside(
        &mut self,
        value: &Value,
        order: &[usize],
        at: &str,
    ) -> Result<Option<View>, String> {
        match value {
            Value::Computed(view) if view.settled_order() == order => {
                self.settled(view, at).map(Some)
            }
            Value::Constant(constant) if constant.shape.len() <= order.len() => {
                let constant = self.module.constant(constant)?;
                let sizes = aligned(&constant.ty.shape, order.len());
                let constant = self.module.reshape(&constant, &sizes, at)?;
                let mut places = vec![0; order.len()];
                for (place, &dim) in order.iter().enumerate() {
                    places[dim] = place;
                }
                let value = self.materialise(&View::of(constant, places), at)?;
                Ok(Some(View::of(value, order.to_vec())))
            }
            Value::Computed(_) | Value::Constant(_) | Value::Part(_) | Value::Refused => Ok(None),
        }
    }

    /// A step on a computed value.
    pub(super) fn apply(&mut self, view: &View, step: &Move, at: &str) -> Result<View, String> {
        let list = AttributeList::default();
        let of = |value: Typed| View { value, ..view.clone() };
        if !step.fits(&view.shape()) {
            return Err(format!("reads a value of {}, which does not fit", show(&view.shape())));
        }
        Ok(match step {
            Move::Transpose(permutation) => {
                let places = view.places();
                let (mut order, mut joined) = (Vec::new(), 0..0);
                for &dim in permutation {
                    let place = places[dim].clone();
                    if place.len() > 1 {
                        joined = order.len()..order.len() + place.len();
                    }
                    order.extend_from_slice(&view.order[place]);
                }
                View { value: view.value.clone(), order, joined }
            }
            Move::Reshape(shape) => self.reshaped(view, shape, at)?,
            Move::Slice { axis, size: 0, .. } => {
                let shape = show(&view.shape());
                return Err(format!("takes no elements of the dimension {axis} of {shape}"));
            }
            Move::Slice { axis, start, size, step } => {
                let list = list
                    .with("axis", view.dim(*axis)? as i64)
                    .with("start", *start)
                    .with("size", *size)
                    .with("step", *step);
                of(self.op("slice", &list, &[&view.value], at)?)
            }
            Move::Gather { axis, indices } => {
                let axis = view.dim(*axis)? as i64;
                // A run is a slice.
                let step = indices.get(1).map_or(1, |second| second - indices[0]);
                let is_run = indices.windows(2).all(|pair| pair[1] - pair[0] == step) && step > 0;
                let value = match is_run {
                    true => {
                        let list = list
                            .with("axis", axis)
                            .with("start", indices[0])
                            .with("size", indices.len() as i64)
                            .with("step", step);
                        self.op("slice", &list, &[&view.value], at)?
                    }
                    false => {
                        let list = list.with("axis", axis).with("indices", indices.clone());
                        self.op("gather", &list, &[&view.value], at)?
                    }
                };
                of(value)
            }
            Move::Expand(shape)
                if shape.iter().zip(view.shape()).any(|(&to, from)| to < 0 && from == 1) =>
            {
                self.repeated_over_batch(view, shape, at)?
            }
            Move::Expand(shape) => {
                let mut physical = view.value.ty.shape.clone();
                let own = view.shape();
                for (axis, &size) in shape.iter().enumerate().filter(|(n, size)| own[*n] != **size)
                {
                    physical[view.dim(axis)?] = size;
                }
                physical.iter_mut().filter(|size| **size == DYNAMIC).for_each(|size| *size = -1);
                let list = list.with("shape", physical);
                of(self.op("expand", &list, &[&view.value], at)?)
            }
        })
    }

    /// A value that is the same for all items, repeated for each of them.
    fn repeated_over_batch(
        &mut self,
        view: &View,
        shape: &[i64],
        at: &str,
    ) -> Result<View, String> {
        let axis = shape.iter().position(|&size| size < 0).unwrap_or(0);
        if view.batch().is_some() || shape.iter().filter(|&&size| size < 0).ne([&DYNAMIC]) {
            return Err(format!("repeats a value over the batch, {FIX}"));
        }
        let others = (0..shape.len()).filter(|&other| other != axis);
        let front: Vec<_> = [axis].into_iter().chain(others).collect();
        let moved = self.apply(view, &Move::Transpose(front.clone()), at)?;
        let moved = self.materialise(&moved, at)?;
        // A first size of 0 is that of the batch.
        let sizes = front.iter().map(|&dim| shape[dim].max(0)).collect::<Vec<_>>();
        let value =
            self.op("expand", &AttributeList::default().with("shape", sizes), &[&moved], at)?;
        let mut order = vec![0; front.len()];
        for (place, &dim) in front.iter().enumerate() {
            order[dim] = place;
        }
        Ok(View::of(value, order))
    }

    /// The same elements in another shape.
    fn reshaped(&mut self, view: &View, shape: &[i64], at: &str) -> Result<View, String> {
        let is_open = shape.iter().any(|&size| size < 0);
        let is_first = is_open && shape[0] == DYNAMIC;
        if view.is_plain() && (is_first || !is_open) {
            return Ok(View::plain(self.module.reshape(&view.value, shape, at)?));
        }
        if view.joined.is_empty()
            && let Some((physical, order)) = with_ones(view, shape)
        {
            return Ok(View::of(self.module.reshape(&view.value, &physical, at)?, order));
        }
        if is_open {
            return self.regrouped(view, shape, at);
        }
        let value = self.materialise(view, at)?;
        Ok(View::plain(self.module.reshape(&value, shape, at)?))
    }

    /// A reshape of a value with a batch that is somewhere, and may be a part of a dimension before or after.
    fn regrouped(&mut self, view: &View, shape: &[i64], at: &str) -> Result<View, String> {
        let refuse = || format!("reshapes {} to {}, {FIX}", show(&view.shape()), show(shape));
        let sizes = view.sizes();
        let from = view.batch().ok_or_else(refuse)?;
        let to = shape.iter().position(|&size| size < 0).ok_or_else(refuse)?;
        let count = batches_of(shape[to]).ok_or_else(refuse)?;
        let product = |sizes: &[i64]| joined_size(sizes).ok_or_else(refuse);
        let (before, behind) = (product(&sizes[..from])?, product(&sizes[from + 1..])?);
        let (kept_before, kept_behind) = (product(&shape[..to])?, product(&shape[to + 1..])?);
        if before % kept_before != 0 || behind % kept_behind != 0 {
            return Err(refuse());
        }
        // What is joined with the batch, slower and faster than it.
        let (slow, fast) = (before / kept_before, behind / kept_behind);
        if slow.checked_mul(fast) != Some(count) {
            return Err(refuse());
        }
        let part = |size: i64| (size > 1).then_some(size);
        let slower = shape[..to].iter().copied().chain(part(slow));
        let faster = part(fast).into_iter().chain(shape[to + 1..].iter().copied());
        let (slower, faster) = (slower.collect::<Vec<_>>(), faster.collect::<Vec<_>>());
        let place = slower.len();
        let all: Vec<_> =
            slower.iter().copied().chain([DYNAMIC]).chain(faster.iter().copied()).collect();
        let end = place + 1 + usize::from(fast > 1);
        let joined = if end - to > 1 { to..end } else { 0..0 };
        if all == sizes {
            return Ok(View { joined, ..view.clone() });
        }
        let settled = self.settled(&view.apart(), at)?;
        let physical: Vec<_> = [DYNAMIC].into_iter().chain(slower).chain(faster).collect();
        let value = self.module.reshape(&settled.value, &physical, at)?;
        let order = (1..=place).chain([0]).chain(place + 1..all.len()).collect();
        Ok(View { value, order, joined })
    }

    /// A node that treats the parts of a dimension as it treats the whole, on values where the batch is
    /// joined with others: the dimensions are counted apart, and joined again in the result. `None` where no
    /// input is such a value, or the node does not.
    pub(super) fn spread_apart(&mut self, number: usize, node: &Node) -> Option<Outcome> {
        let joined = node.inputs.iter().filter_map(|name| match self.values.get(name) {
            Some(Value::Computed(view)) if !view.joined.is_empty() => Some(view.clone()),
            _ => None,
        });
        let widest = joined.max_by_key(View::rank)?;
        let node = &counted_from_behind(node, &widest)?;
        let mut replaced = HashMap::new();
        let mut outcome = self.replace_inputs(node, &widest, &mut replaced);
        if outcome.is_ok() {
            outcome = self.layer_alone(number, node);
        }
        self.values.extend(replaced);
        let rejoined = outcome.and_then(|()| {
            for name in &node.outputs {
                if let Some(Value::Computed(view)) = self.values.get_mut(name)
                    && view.joined.is_empty()
                {
                    if view.order.len() != widest.order.len() {
                        return Err(format!("joins the batch with other dimensions, {FIX}"));
                    }
                    view.joined = widest.joined.clone();
                }
            }
            Ok(())
        });
        Some(rejoined)
    }

    /// Puts the inputs of a node apart as those of the widest are; what they were is put into `replaced`.
    fn replace_inputs(
        &mut self,
        node: &Node,
        widest: &View,
        replaced: &mut HashMap<String, Value>,
    ) -> Outcome {
        let refuse = || format!("reads a batch that is joined with other dimensions, {FIX}");
        // Dimensions behind the joined one are the same for all.
        let behind = widest.rank() - 1 - widest.joined.start;
        let parts = widest.joined.len();
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            let Some(value) = self.values.get(name) else { continue };
            if replaced.contains_key(name) {
                continue;
            }
            let apart = match value {
                Value::Computed(view) if !view.joined.is_empty() => {
                    if view.rank() - 1 - view.joined.start != behind || view.joined.len() != parts {
                        return Err(refuse());
                    }
                    Value::Computed(view.apart())
                }
                // One matrix for all rows.
                Value::Constant(constant) if node.is("MatMul") && constant.shape.len() <= 2 => {
                    continue;
                }
                Value::Constant(constant) if constant.shape.len() > behind => {
                    let at = constant.shape.len() - 1 - behind;
                    let is_moved = constant.copies.is_some_and(|copies| copies.axis != at);
                    if constant.shape[at] != 1 || is_moved {
                        return Err(refuse());
                    }
                    let mut shape = constant.shape.clone();
                    shape.splice(at..=at, std::iter::repeat_n(1, parts));
                    Value::Constant(constant.reshaped(shape).into())
                }
                Value::Computed(view) if view.rank() > behind => return Err(refuse()),
                _ => continue,
            };
            if let Some(was) = self.values.insert(name.clone(), apart) {
                replaced.insert(name.clone(), was);
            }
        }
        Ok(())
    }
}

/// A node that does with the parts of the joined dimension what it does with the whole, its axis counted
/// from behind; `None` where it does not.
fn counted_from_behind(node: &Node, view: &View) -> Option<Node> {
    let rank = view.rank() as i64;
    let behind = rank - 1 - view.joined.start as i64;
    let mut node = node.clone();
    match node.op.as_str() {
        "Softmax" | "LayerNormalization" | "RMSNormalization" => {
            let axis = node.int("axis").unwrap_or(-1);
            let axis = if axis < 0 { axis } else { axis - rank };
            if let Some(attribute) = node.attributes.get_mut("axis") {
                attribute.i = axis;
            }
            (-behind..0).contains(&axis).then_some(node)
        }
        // The last two dimensions are those of the matrices.
        "MatMul" => (behind >= 1).then_some(node),
        "Identity" | "Dropout" => Some(node),
        _ => super::elementwise::is_elementwise(&node).then_some(node),
    }
}

/// A reshape that only adds or removes dimensions of size 1: the sizes of what the module has, and where
/// the dimensions are then.
fn with_ones(view: &View, shape: &[i64]) -> Option<(Vec<i64>, Vec<usize>)> {
    let large = |shape: &[i64]| shape.iter().copied().filter(|&size| size != 1).collect::<Vec<_>>();
    if large(&view.shape()) != large(shape) {
        return None;
    }
    // The dimensions that stay, by their place in the value, then ones behind them.
    let kept: Vec<usize> =
        view.order.iter().copied().filter(|&dim| view.value.ty.shape[dim] != 1).collect();
    let mut sorted = kept.clone();
    sorted.sort_unstable();
    let mut physical: Vec<i64> = sorted.iter().map(|&dim| view.value.ty.shape[dim]).collect();
    let mut kept = kept.iter().map(|dim| sorted.iter().position(|other| other == dim));
    let mut order = Vec::new();
    for &size in shape {
        match size {
            1 => {
                order.push(physical.len());
                physical.push(1);
            }
            _ => order.push(kept.next()??),
        }
    }
    Some((physical, order))
}
