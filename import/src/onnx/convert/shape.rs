//! Elements in other places: what is not one step of [`Move`] alone.

use gauss_dialect::{attributes::AttributeList, ir::DYNAMIC};

use super::{Converter, Outcome, Value, View, show};
use crate::onnx::{
    constant::{Constant, Data, Int},
    fold,
    graph::Node,
    moves::{FIX, Move, as_integers, axis_of, batches, joined_size, known_integers},
};

impl Converter<'_> {
    pub(super) fn moved(&mut self, node: &Node) -> Outcome {
        let mut view = self.any_view(node, 0)?;
        if node.is("Dropout") {
            self.check_dropout(node)?;
        }
        let known = |number: usize| self.known(node, number);
        let steps = Move::of(node, &view.shape(), &known).ok_or("is no movement")??;
        for step in &steps {
            view = self.apply(&view, step, &node.name)?;
        }
        self.view(node, 0, view)
    }

    fn check_dropout(&mut self, node: &Node) -> Outcome {
        let reads_mask = node.outputs.get(1).is_some_and(|name| self.readers.contains_key(name));
        match (fold::is_true(self.known(node, 2).as_ref()), reads_mask) {
            (true, _) => Err(fold::TRAINING.into()),
            (_, true) => Err("has a mask that is read; the network of inference has none".into()),
            (false, false) => Ok(()),
        }
    }

    pub(super) fn gather(&mut self, node: &Node) -> Outcome {
        if let Some(indices) = self.known(node, 1) {
            return match indices.copies {
                None => self.moved(node),
                Some(_) => Err(format!("takes elements of each item by itself, {FIX}")),
            };
        }
        let axis = node.int("axis").unwrap_or(0);
        let table = self.known(node, 0);
        match table {
            Some(table) if axis == 0 && table.shape.len() == 2 => {
                let indices = self.operand(node, 1)?;
                let table = self.module.constant(&table)?;
                let none = AttributeList::default();
                let result = self.op("embedding", &none, &[&indices, &table], &node.name)?;
                self.result(node, result)
            }
            _ => Err(
                "takes elements by computed indices, which is supported for rows of a constant \
                      table"
                    .into(),
            ),
        }
    }

    /// Are the indices of a table an expression of others that are as good, which take its place then?
    pub(super) fn takes_known_rows(&mut self, node: &Node) -> bool {
        let rows = self.known(node, 0).and_then(|table| table.shape.first().copied());
        let is_first = node.int("axis").unwrap_or(0) == 0;
        let (Some(rows), Some(name), true) = (rows, node.input(1), is_first) else { return false };
        let Some(view) = self.known_index(name, rows as i64) else { return false };
        self.values.insert(name.to_owned(), Value::Computed(view));
        true
    }

    pub(super) fn shape_of(&mut self, node: &Node) -> Outcome {
        let shape = self.shape(node, 0)?;
        let sizes = as_integers(&shape);
        let constant = match node.is("Size") {
            false => fold::part_of_shape(node, sizes),
            true => {
                let size = joined_size(&shape).ok_or("counts too many elements")?;
                Constant::scalar(Data::Int(as_integers(&[size])))
            }
        };
        self.constant(node, 0, constant)
    }

    pub(super) fn concat(&mut self, node: &Node) -> Outcome {
        if node.inputs.len() == 1 {
            let view = self.viewed(node, 0)?;
            return self.view(node, 0, view);
        }
        let mut views = Vec::new();
        for number in 0..node.inputs.len() {
            views.push(self.viewed(node, number)?);
        }
        let rank = views.first().map_or(0, |view| view.order.len());
        let axis = axis_of(node.int("axis").unwrap_or(0), rank)?;
        if views.iter().any(|view| view.batch() == Some(axis)) {
            return Err(format!("joins batches, {FIX}"));
        }
        let order = views.first().map(|view| view.order.clone()).unwrap_or_default();
        let (operands, axis, order) = match views.iter().all(|view| view.order == order) {
            true => {
                let axis = order[axis];
                (views.into_iter().map(|view| view.value).collect::<Vec<_>>(), axis, order)
            }
            false => {
                let mut operands = Vec::new();
                for view in &views {
                    operands.push(self.materialise(view, &node.name)?);
                }
                (operands, axis, (0..rank).collect())
            }
        };
        let list = AttributeList::default().with("axis", axis as i64);
        let operands: Vec<_> = operands.iter().collect();
        let value = self.op("concat", &list, &operands, &node.name)?;
        self.view(node, 0, View::of(value, order))
    }

    pub(super) fn split(&mut self, node: &Node) -> Outcome {
        let view = self.any_view(node, 0)?;
        let parts = fold::parts(node, &view.shape(), self.known(node, 1).as_ref())?;
        for (number, part) in parts.iter().enumerate() {
            let part = self.apply(&view, part, &node.name)?;
            self.view(node, number, part)?;
        }
        Ok(())
    }

    pub(super) fn pad(&mut self, node: &Node) -> Outcome {
        let view = self.viewed(node, 0)?;
        let rank = view.order.len();
        let pads = match node.ints("pads") {
            Some(pads) => pads,
            None => known_integers(self.known(node, 1).as_ref(), "pads")?,
        };
        let axes: Vec<usize> = match node.input(3) {
            Some(_) => {
                let axes = known_integers(self.known(node, 3).as_ref(), "axes")?;
                axes.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<_, _>>()?
            }
            None => (0..rank).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(format!("has {} pads for {} dimensions", pads.len(), axes.len()));
        }
        let value = match (node.float("value"), node.input(2)) {
            (Some(value), _) => value,
            (None, None) => 0.0,
            (None, Some(_)) => {
                let value = self.known(node, 2).and_then(|constant| constant.number());
                value.ok_or("has a value that is not one known number")?
            }
        };
        let mode = node.text("mode").unwrap_or("constant".into());
        // A negative pad takes elements away.
        let mut view = view;
        let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
        for (place, &axis) in axes.iter().enumerate() {
            let (before, behind) = (pads[place], pads[place + axes.len()]);
            let size = view.shape()[axis];
            let (cut, cut_behind) = ((-before).max(0), (-behind).max(0));
            if cut + cut_behind > 0 {
                let left = size - cut - cut_behind;
                if size == DYNAMIC || left < 1 {
                    return Err(format!(
                        "takes {before} and {behind} from {}",
                        show(&view.shape())
                    ));
                }
                let step = Move::Slice { axis, start: cut, size: left, step: 1 };
                view = self.apply(&view, &step, &node.name)?;
            }
            let dim = view.order[axis];
            (low[dim], high[dim]) = (before.max(0), behind.max(0));
        }
        if low.iter().chain(&high).all(|&pad| pad == 0) {
            return self.view(node, 0, view);
        }
        let list = AttributeList::default().with("low", low).with("high", high);
        let list = match mode.as_str() {
            "constant" => list.with("value", value),
            "reflect" | "edge" => list.with("mode", mode.as_str()),
            other => return Err(format!("has the mode '{other}'")),
        };
        let padded = self.op("pad", &list, &[&view.value], &node.name)?;
        self.view(node, 0, View::of(padded, view.order))
    }

    pub(super) fn tile(&mut self, node: &Node) -> Outcome {
        let mut view = self.viewed(node, 0)?;
        let (repeats, over) = fold::repeats_of(self.known(node, 1).as_ref(), &view.shape())?;
        if let Some(copies) = over {
            let mut sizes = view.shape();
            sizes[copies.axis] = batches(copies.count);
            view = self.apply(&view, &Move::Expand(sizes), &node.name)?;
        }
        for (axis, &count) in repeats.iter().enumerate().filter(|(_, count)| **count != 1) {
            let size = view.shape()[axis];
            let all =
                count.checked_mul(size).filter(|&all| size != DYNAMIC && all > 0 && all <= 1 << 24);
            let all = all.ok_or_else(|| format!("repeats the dimension {axis} {count} times"))?;
            let indices = (0..all).map(|index| index % size).collect();
            view = self.apply(&view, &Move::Gather { axis, indices }, &node.name)?;
        }
        self.view(node, 0, view)
    }

    pub(super) fn resize(&mut self, node: &Node) -> Outcome {
        let view = self.viewed(node, 0)?;
        let shape = view.shape();
        let rank = shape.len();
        // Upsample and the first Resize have scales as the second input.
        let old = node.is("Upsample") || node.opset < 11;
        let (scales, sizes) = if old { (1, 9) } else { (2, 3) };
        let scales = match node.attributes.get("scales") {
            Some(attribute) => Some(attribute.floats.clone()),
            None => match self.known(node, scales) {
                Some(scales) if scales.data.len() > 0 => scales.floats().map(<[f32]>::to_vec),
                _ if node.input(scales).is_some() && self.known(node, scales).is_none() => {
                    return Err("computes its scales from data".into());
                }
                _ => None,
            },
        };
        let sizes = match node.input(sizes) {
            Some(_) => {
                let sizes = self.known(node, sizes).ok_or("computes its sizes from data")?;
                (sizes.data.len() > 0).then_some(sizes)
            }
            None => None,
        };
        let axes: Vec<usize> = match node.ints("axes") {
            Some(axes) => {
                axes.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<_, _>>()?
            }
            None => (0..rank).collect(),
        };
        let policy = node.text("keep_aspect_ratio_policy").unwrap_or("stretch".into());
        if policy != "stretch" {
            return Err(format!("has the keep_aspect_ratio_policy '{policy}'"));
        }
        let mut resized = vec![None; rank];
        match (&scales, &sizes) {
            (Some(scales), _) if scales.len() == axes.len() => {
                for (&axis, &scale) in axes.iter().zip(scales) {
                    resized[axis] = Resized::by_scale(shape[axis], f64::from(scale))?;
                }
            }
            (None, Some(sizes)) if sizes.data.len() == axes.len() => {
                let Data::Int(sizes) = &*sizes.data else {
                    return Err("has sizes that are no integers".into());
                };
                for (&axis, &size) in axes.iter().zip(sizes) {
                    resized[axis] = Resized::to_size(shape[axis], size)?;
                }
            }
            _ => return Err("has another number of scales or sizes than of dimensions".into()),
        }
        let mode = node.text("mode").unwrap_or("nearest".into());
        let default = if old { "asymmetric" } else { "half_pixel" };
        let coordinates = node.text("coordinate_transformation_mode").unwrap_or(default.into());
        match mode.as_str() {
            "nearest" => self.nearest(node, view, &resized, &coordinates),
            "linear" | "bilinear" => self.linear(node, view, &resized, &coordinates),
            other => Err(format!("has the mode '{other}'; nearest and linear are supported")),
        }
    }

    fn nearest(
        &mut self,
        node: &Node,
        mut view: View,
        resized: &[Option<Resized>],
        coordinates: &str,
    ) -> Outcome {
        let rounding = match node.is("Upsample") || node.opset < 11 {
            true => "floor".to_owned(),
            false => node.text("nearest_mode").unwrap_or("round_prefer_floor".into()),
        };
        let rank = view.order.len();
        let mut factors = vec![1; rank];
        for (axis, resize) in resized.iter().enumerate() {
            let Some(resize) = resize else { continue };
            let indices = resize.nearest(coordinates, &rounding)?;
            let (from, to) = (resize.from, resize.to);
            let is_repeated =
                |(place, &index): (usize, &i64)| index == place as i64 / (to / from).max(1);
            if to % from == 0 && indices.iter().enumerate().all(is_repeated) {
                factors[view.order[axis]] = to / from;
            } else {
                view = self.apply(&view, &Move::Gather { axis, indices }, &node.name)?;
            }
        }
        if factors.iter().all(|&factor| factor == 1) {
            return self.view(node, 0, view);
        }
        let list = AttributeList::default().with("factors", factors);
        let value = self.op("upsample", &list, &[&view.value], &node.name)?;
        self.view(node, 0, View { value, ..view })
    }

    fn linear(
        &mut self,
        node: &Node,
        view: View,
        resized: &[Option<Resized>],
        coordinates: &str,
    ) -> Outcome {
        let resized: Vec<_> =
            resized.iter().enumerate().filter_map(|(n, r)| Some((n, r.as_ref()?))).collect();
        if resized.is_empty() {
            return self.view(node, 0, view);
        }
        let shrinks = resized.iter().any(|(_, resize)| resize.to < resize.from);
        if shrinks && node.int("antialias").unwrap_or(0) != 0 {
            return Err("shrinks with antialiasing".into());
        }
        let name = match coordinates {
            "half_pixel" | "align_corners" => coordinates,
            "pytorch_half_pixel" if resized.iter().all(|(_, resize)| resize.to > 1) => "half_pixel",
            other => {
                return Err(format!(
                    "interpolates with the coordinates '{other}'; half_pixel and align_corners are \
                     supported"
                ));
            }
        };
        let rank = view.order.len();
        let by_scale = name == "half_pixel" && resized.iter().any(|(_, resize)| !resize.is_exact());
        let list = AttributeList::default().with("coordinates", name);
        let list = match by_scale {
            false => {
                let mut sizes = vec![-1; rank];
                for (axis, resize) in &resized {
                    sizes[view.order[*axis]] = resize.to;
                }
                list.with("sizes", sizes)
            }
            true => {
                let (mut numerators, mut denominators) = (vec![1; rank], vec![1; rank]);
                for (axis, resize) in &resized {
                    let (numerator, denominator) = resize.fraction().ok_or_else(|| {
                        format!("has the scale {}, which is no simple fraction", resize.scale)
                    })?;
                    numerators[view.order[*axis]] = numerator;
                    denominators[view.order[*axis]] = denominator;
                }
                list.with("numerators", numerators).with("denominators", denominators)
            }
        };
        let value = self.op("resize", &list, &[&view.value], &node.name)?;
        self.view(node, 0, View { value, ..view })
    }
}

/// How one dimension changes its size.
#[derive(Debug, Clone, Copy)]
struct Resized {
    from: i64,
    to: i64,
    scale: f64,
}

impl Resized {
    /// `None` where the size stays.
    fn by_scale(from: i64, scale: f64) -> Result<Option<Self>, String> {
        if scale == 1.0 {
            return Ok(None);
        }
        if from == DYNAMIC {
            return Err(format!("changes the size of the batch, {FIX}"));
        }
        let to = (from as f64 * scale).floor();
        match scale.is_finite() && (1.0..1e6).contains(&to) {
            true => Ok(Some(Self { from, to: to as i64, scale })),
            false => Err(format!("scales {from} elements by {scale}")),
        }
    }

    fn to_size(from: i64, size: Int) -> Result<Option<Self>, String> {
        match size {
            Int::Batches(1) if from == DYNAMIC => Ok(None),
            Int::Known(to) if to == from => Ok(None),
            Int::Known(to) if from != DYNAMIC && (1..1_000_000).contains(&to) => {
                Ok(Some(Self { from, to, scale: to as f64 / from as f64 }))
            }
            Int::Known(_) | Int::Batches(_) => Err(format!("changes the size of the batch, {FIX}")),
        }
    }

    /// Is the scale the quotient of the sizes?
    fn is_exact(&self) -> bool {
        (self.scale - self.to as f64 / self.from as f64).abs() < 1e-9
    }

    /// The scale as a quotient of small integers, by continued fractions.
    fn fraction(&self) -> Option<(i64, i64)> {
        let (mut low, mut high) = ((0i64, 1i64), (1i64, 0i64));
        let mut rest = self.scale;
        for _ in 0..24 {
            let whole = rest.floor();
            let next = (
                high.0.checked_mul(whole as i64)? + low.0,
                high.1.checked_mul(whole as i64)? + low.1,
            );
            (low, high) = (high, next);
            if (high.0 as f64 / high.1 as f64 - self.scale).abs() <= 1e-7 * self.scale {
                return (high.0 < 1 << 20 && high.1 < 1 << 20).then_some(high);
            }
            rest = 1.0 / (rest - whole);
        }
        None
    }

    /// The element that each element of the result is.
    fn nearest(&self, coordinates: &str, rounding: &str) -> Result<Vec<i64>, String> {
        let (from, to) = (self.from as f64, self.to as f64);
        let place = |index: f64| match coordinates {
            "asymmetric" => Some(index / self.scale),
            "half_pixel" => Some((index + 0.5) / self.scale - 0.5),
            "half_pixel_symmetric" => {
                let adjustment = to / (from * self.scale);
                Some(from / 2.0 * (1.0 - adjustment) + (index + 0.5) / self.scale - 0.5)
            }
            "pytorch_half_pixel" if self.to > 1 => Some((index + 0.5) / self.scale - 0.5),
            "pytorch_half_pixel" => Some(0.0),
            "align_corners" if self.to > 1 => Some(index * (from - 1.0) / (to - 1.0)),
            "align_corners" => Some(0.0),
            _ => None,
        };
        let round = |place: f64| match rounding {
            "floor" => Some(place.floor()),
            "ceil" => Some(place.ceil()),
            "round_prefer_floor" => Some((place - 0.5).ceil()),
            "round_prefer_ceil" => Some((place + 0.5).floor()),
            _ => None,
        };
        let index = |index: i64| {
            let place = place(index as f64)?;
            Some(round(place)?.clamp(0.0, from - 1.0) as i64)
        };
        (0..self.to).map(index).collect::<Option<_>>().ok_or_else(|| {
            format!("has the coordinates '{coordinates}' and the nearest_mode '{rounding}'")
        })
    }
}
