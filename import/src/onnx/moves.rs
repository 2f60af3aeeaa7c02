//! Operators that put elements in other places: of a constant now, of a computed value in the module.

use gauss_dialect::{ir::DYNAMIC, types::broadcast};

use super::{
    constant::{Constant, Copies, Int, made},
    graph::Node,
};

/// One step of such an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// The same elements in another shape, of which one size may be of [`batches`].
    Reshape(Vec<i64>),
    /// Dimension n of the result is dimension `permutation[n]`.
    Transpose(Vec<usize>),
    /// Elements `start`, `start + step`, .. along a dimension.
    Slice { axis: usize, start: i64, size: i64, step: i64 },
    /// The elements of these numbers along a dimension.
    Gather { axis: usize, indices: Vec<i64> },
    /// Dimensions of size 1 repeated to these sizes; the batch may be [`DYNAMIC`].
    Expand(Vec<i64>),
}

/// A dimension counted from the front, where it may be counted from behind.
///
/// # Errors
///
/// Where there is none.
pub fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let place = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|&axis| axis < rank);
    place.ok_or_else(|| format!("has the axis {axis} of a tensor of rank {rank}"))
}

/// The integers of an input that must be known.
///
/// # Errors
///
/// Where it is computed from data, or not an integer.
pub fn integers(constant: Option<&Constant>, what: &str) -> Result<Vec<Int>, String> {
    use super::constant::Data;
    let constant = constant.ok_or_else(|| format!("computes its {what} from data"))?;
    match &*constant.data {
        Data::Int(values) => Ok(values.clone()),
        Data::Float(_) | Data::Bool(_) => Err(format!("has {what} that are no integers")),
    }
}

/// As [`integers`], none of which is the size of the batch.
///
/// # Errors
///
/// Where one is.
pub fn known_integers(constant: Option<&Constant>, what: &str) -> Result<Vec<i64>, String> {
    let values = integers(constant, what)?;
    let known = |value| match value {
        Int::Known(value) => Ok(value),
        Int::Batches(_) => Err(format!("has {what} that depend on the size of the batch, {FIX}")),
    };
    values.into_iter().map(known).collect()
}

/// The size of a dimension that is so many times the batch: [`DYNAMIC`] is once.
pub fn batches(count: i64) -> i64 {
    DYNAMIC + (count - 1)
}

/// How many times the batch a size is; `None` of one that is known.
pub fn batches_of(size: i64) -> Option<i64> {
    (size < 0).then(|| size - DYNAMIC + 1)
}

/// The product of sizes, of which one may be of [`batches`]; `None` where it is too large.
pub fn joined_size(sizes: &[i64]) -> Option<i64> {
    let count = product(sizes)?;
    Some(if sizes.iter().any(|&size| size < 0) { batches(count) } else { count })
}

/// The sizes of a constant as the model means them.
pub fn sizes_of(constant: &Constant) -> Vec<i64> {
    let mut sizes: Vec<i64> = constant.shape.iter().map(|&size| size as i64).collect();
    if let Some(Copies { axis, count }) = constant.copies {
        sizes[axis] = batches(count);
    }
    sizes
}

/// Sizes as integers of the model.
pub fn as_integers(shape: &[i64]) -> Vec<Int> {
    let integer = |&size: &i64| batches_of(size).map_or(Int::Known(size), Int::Batches);
    shape.iter().map(integer).collect()
}

/// The only dimension that stands for the batch.
///
/// # Errors
///
/// Where there are several.
pub fn copies_in(sizes: &[i64]) -> Result<Option<Copies>, String> {
    let mut all = sizes.iter().enumerate().filter_map(|(axis, &size)| {
        let count = batches_of(size)?;
        Some(Copies { axis, count })
    });
    match (all.next(), all.next()) {
        (copies, None) => Ok(copies),
        _ => Err(format!("has the batch in two dimensions, {FIX}")),
    }
}

/// What to do where a size must be known.
pub const FIX: &str = "which is not fixed; fix it with --batch N";

impl Move {
    /// The steps of a node on a value of this shape; `None` where the operator is not of this kind.
    /// `constant` gives the inputs that are known.
    ///
    /// # Errors
    ///
    /// Where the operator cannot be applied.
    pub fn of(
        node: &Node,
        shape: &[i64],
        constant: &dyn Fn(usize) -> Option<Constant>,
    ) -> Option<Result<Vec<Move>, String>> {
        let rank = shape.len();
        Some(match node.op.as_str() {
            "Identity" | "Dropout" => Ok(vec![]),
            "Reshape" => reshape(node, shape, constant(1).as_ref()),
            "Flatten" => flatten(node, shape),
            "Squeeze" => squeeze(node, shape, constant(1).as_ref()),
            "Unsqueeze" => unsqueeze(node, shape, constant(1).as_ref()),
            "Transpose" => transpose(node, rank),
            "Slice" => slice(node, shape, constant),
            "Gather" => gather(node, shape, constant(1).as_ref()),
            "Expand" => expand(shape, constant(1).as_ref()),
            "DepthToSpace" => depth_to_space(node, shape),
            "SpaceToDepth" => space_to_depth(node, shape),
            _ => return None,
        })
    }

    /// Can it be applied to a value of this shape?
    pub fn fits(&self, shape: &[i64]) -> bool {
        let has = |axis: usize, index: i64| {
            let size = shape.get(axis).copied();
            size.is_some_and(|size| size < 0 || (0..size).contains(&index))
        };
        match self {
            Self::Reshape(_) => true,
            Self::Transpose(permutation) => {
                permutation.len() == shape.len() && permutation.iter().all(|&dim| dim < shape.len())
            }
            Self::Slice { axis, size: 0, .. } => *axis < shape.len(),
            Self::Slice { axis, start, size, step } => {
                let last = (size - 1).checked_mul(*step).and_then(|last| last.checked_add(*start));
                has(*axis, *start) && last.is_some_and(|last| has(*axis, last))
            }
            Self::Gather { axis, indices } => {
                *axis < shape.len() && indices.iter().all(|&index| has(*axis, index))
            }
            Self::Expand(to) => {
                let repeats = |(&from, &to): (&i64, &i64)| from == to || from == 1;
                to.len() == shape.len() && shape.iter().zip(to).all(repeats)
            }
        }
    }

    /// The shape of the result.
    pub fn shape(&self, shape: &[i64]) -> Vec<i64> {
        let with = |axis: usize, size: i64| {
            let mut shape = shape.to_vec();
            shape[axis] = size;
            shape
        };
        match self {
            Self::Reshape(shape) | Self::Expand(shape) => shape.clone(),
            Self::Transpose(permutation) => permutation.iter().map(|&dim| shape[dim]).collect(),
            Self::Slice { axis, size, .. } => with(*axis, *size),
            Self::Gather { axis, indices } => with(*axis, indices.len() as i64),
        }
    }

    /// The step on a constant.
    ///
    /// # Errors
    ///
    /// Where the result would depend on the batch or be too large.
    pub fn apply(&self, constant: &Constant) -> Result<Constant, String> {
        let from = sizes_of(constant);
        if !self.fits(&from) {
            return Err(format!("reads a constant of {}, which does not fit", show(&from)));
        }
        let mut sizes = self.shape(&from);
        let copies = copies_in(&sizes)?;
        // One size stands for the batch.
        sizes.iter_mut().filter(|size| **size < 0).for_each(|size| *size = 1);
        let to = sizes.iter().map(|&size| size as usize).collect::<Vec<_>>();
        let count = made(&to, constant.data.len())?;
        if let Self::Reshape(_) = self {
            let before = |shape: &[usize], axis: usize| shape[..axis].iter().product::<usize>();
            let is_alike = match (constant.copies, copies) {
                (Some(from), Some(into)) => {
                    let places = before(&constant.shape, from.axis) == before(&to, into.axis);
                    places && count == constant.data.len()
                }
                _ => count == constant.data.len(),
            };
            return match (is_alike, constant.is_uniform()) {
                (true, _) => Ok(Constant { copies, ..constant.reshaped(to) }),
                (false, true) => Ok(Constant { copies, ..constant.picked(to, &vec![0; count]) }),
                (false, false) => Err(format!("regroups what is repeated over the batch, {FIX}")),
            };
        }
        let steps = strides(&constant.shape);
        // Of each dimension of the result: the step through the constant for an index.
        let place = |dim: usize, index: usize| match self {
            Self::Transpose(permutation) => index * steps[permutation[dim]],
            Self::Slice { axis, start, step, .. } if *axis == dim => {
                (start + index as i64 * step) as usize * steps[dim]
            }
            Self::Gather { axis, indices } if *axis == dim => indices[index] as usize * steps[dim],
            Self::Expand(_) if constant.shape[dim] == 1 => 0,
            Self::Reshape(_) | Self::Slice { .. } | Self::Gather { .. } | Self::Expand(_) => {
                index * steps[dim]
            }
        };
        let mut places = vec![0usize];
        places.reserve(count);
        for (dim, &size) in to.iter().enumerate() {
            let along: Vec<_> = (0..size).map(|index| place(dim, index)).collect();
            places =
                places.iter().flat_map(|base| along.iter().map(move |step| base + step)).collect();
        }
        Ok(Constant { copies, ..constant.picked(to, &places) })
    }
}

/// Steps between neighbours along each dimension of a row-major tensor.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim] * shape[dim];
    }
    strides
}

/// The product of sizes, with a batch of 1.
fn product(shape: &[i64]) -> Option<i64> {
    let known = shape.iter().map(|&size| batches_of(size).unwrap_or(size));
    known.filter(|&size| size < MOST).try_fold(1i64, i64::checked_mul).filter(|&size| size < MOST)
}

/// More than the elements of any tensor.
const MOST: i64 = 1 << 40;

fn reshape(node: &Node, from: &[i64], to: Option<&Constant>) -> Result<Vec<Move>, String> {
    let keeps_zero = node.int("allowzero").unwrap_or(0) != 0;
    let mut sizes = Vec::new();
    let mut rest = None;
    for (dim, size) in integers(to, "shape")?.into_iter().enumerate() {
        sizes.push(match size {
            Int::Batches(count) => batches(count),
            Int::Known(0) if !keeps_zero => {
                *from.get(dim).ok_or("keeps the size of a dimension that is not there")?
            }
            Int::Known(-1) if rest.is_none() => {
                rest = Some(dim);
                1
            }
            Int::Known(size) if size > 0 => size,
            Int::Known(size) => return Err(format!("has the size {size} in its shape")),
        });
    }
    let open = |shape: &[i64]| shape.iter().filter(|&&size| size < 0).count();
    let (had, has) = (open(from), open(&sizes));
    let (before, after) =
        product(from).zip(product(&sizes)).ok_or("has sizes that are too large")?;
    if let Some(dim) = rest {
        let left = if after > 0 && before % after == 0 { before / after } else { 0 };
        sizes[dim] = match had.cmp(&has) {
            std::cmp::Ordering::Equal => left,
            // The batch is what is left.
            std::cmp::Ordering::Greater if left > 0 => batches(left),
            _ => 0,
        };
    }
    let (had, has) = (open(from), open(&sizes));
    let after = product(&sizes).unwrap_or(0);
    if had != has || after != before {
        let fix = if had > 0 { "; the batch is not fixed: --batch N fixes it" } else { "" };
        return Err(format!(
            "reshapes {} elements in {} to {}{fix}",
            before,
            show(from),
            show(&sizes)
        ));
    }
    Ok(vec![Move::Reshape(sizes)])
}

/// Sizes as messages show them.
pub fn show(shape: &[i64]) -> String {
    let size = |&size: &i64| match batches_of(size) {
        None => size.to_string(),
        Some(1) => "?".to_owned(),
        Some(count) => format!("{count}*?"),
    };
    format!("[{}]", shape.iter().map(size).collect::<Vec<_>>().join(", "))
}

fn flatten(node: &Node, shape: &[i64]) -> Result<Vec<Move>, String> {
    let axis = node.int("axis").unwrap_or(1);
    let rank = shape.len();
    let axis = if axis == rank as i64 { rank } else { axis_of(axis, rank)? };
    let (rows, columns) = shape.split_at(axis);
    let size = |sizes: &[i64]| joined_size(sizes).ok_or("has sizes that are too large");
    Ok(vec![Move::Reshape(vec![size(rows)?, size(columns)?])])
}

/// The axes of a node, which are an attribute in old operators and an input in new ones.
fn axes(node: &Node, given: Option<&Constant>, rank: usize) -> Result<Option<Vec<usize>>, String> {
    let axes = match node.ints("axes") {
        Some(axes) => axes,
        None if node.input(1).is_some() => known_integers(given, "axes")?,
        None => return Ok(None),
    };
    let mut axes: Vec<_> =
        axes.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<_, _>>()?;
    axes.sort_unstable();
    match axes.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(format!("has the axes {axes:?}, one of them twice")),
        false => Ok(Some(axes)),
    }
}

fn squeeze(node: &Node, shape: &[i64], given: Option<&Constant>) -> Result<Vec<Move>, String> {
    let axes = axes(node, given, shape.len())?;
    let axes = axes.unwrap_or_else(|| (0..shape.len()).filter(|&dim| shape[dim] == 1).collect());
    if let Some(&axis) = axes.iter().find(|&&axis| shape[axis] != 1) {
        return Err(format!(
            "removes the dimension {axis} of {}, whose size is not 1",
            show(shape)
        ));
    }
    let kept = (0..shape.len()).filter(|dim| !axes.contains(dim));
    Ok(vec![Move::Reshape(kept.map(|dim| shape[dim]).collect())])
}

fn unsqueeze(node: &Node, shape: &[i64], given: Option<&Constant>) -> Result<Vec<Move>, String> {
    let count = match node.ints("axes") {
        Some(axes) => axes.len(),
        None => given.map_or(0, |given| given.data.len()),
    };
    let rank = shape.len() + count;
    let axes = axes(node, given, rank)?.ok_or("has no axes")?;
    let mut sizes = shape.iter();
    let to = (0..rank).map(|dim| match axes.contains(&dim) {
        true => 1,
        false => sizes.next().copied().unwrap_or(1),
    });
    let to: Vec<_> = to.collect();
    Ok(vec![Move::Reshape(to)])
}

fn transpose(node: &Node, rank: usize) -> Result<Vec<Move>, String> {
    let reversed = || (0..rank as i64).rev().collect();
    let permutation = node.ints("perm").unwrap_or_else(reversed);
    let permutation: Vec<_> =
        permutation.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<_, _>>()?;
    let mut sorted = permutation.clone();
    sorted.sort_unstable();
    match sorted.iter().copied().eq(0..rank) {
        true => Ok(vec![Move::Transpose(permutation)]),
        false => Err(format!("has the permutation {permutation:?} of {rank} dimensions")),
    }
}

fn slice(
    node: &Node,
    shape: &[i64],
    constant: &dyn Fn(usize) -> Option<Constant>,
) -> Result<Vec<Move>, String> {
    let list = |number: usize, name: &str| match node.ints(name) {
        Some(list) => Ok(Some(list)),
        None if node.input(number).is_none() => Ok(None),
        None => known_integers(constant(number).as_ref(), name).map(Some),
    };
    let (Some(starts), Some(ends)) = (list(1, "starts")?, list(2, "ends")?) else {
        return Err("has no starts or no ends".into());
    };
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("has lists of different lengths as starts, ends, axes and steps".into());
    }
    let mut moves = Vec::new();
    for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let axis = axis_of(axis, shape.len())?;
        let size = shape[axis];
        if (start, step) == (0, 1) && end == i64::MAX {
            continue;
        }
        if size < 0 {
            match (start, step, end) {
                (0, 1, i64::MAX | 0x7fff_ffff) => continue,
                (_, ..=-1, _) => return Err(format!("reverses the batch, {FIX}")),
                _ => return Err(format!("takes a part of the batch, {FIX}")),
            }
        }
        if step == 0 || step == i64::MIN {
            return Err(format!("has the step {step}"));
        }
        let place = |at: i64, low: i64, high: i64| {
            let counted = if at < 0 { at.saturating_add(size) } else { at };
            counted.clamp(low, high)
        };
        let (start, end) = match step > 0 {
            true => (place(start, 0, size), place(end, 0, size)),
            false => (place(start, 0, size - 1), place(end, -1, size - 1)),
        };
        let count = match step > 0 {
            true => (end - start + step - 1).max(0) / step,
            false => (start - end - step - 1).max(0) / -step,
        };
        if (start, count, step) == (0, size, 1) {
            continue;
        }
        moves.push(match step > 0 {
            true => Move::Slice { axis, start, size: count, step },
            false => {
                let indices = (0..count).map(|number| start + number * step).collect();
                Move::Gather { axis, indices }
            }
        });
    }
    Ok(moves)
}

fn gather(node: &Node, shape: &[i64], indices: Option<&Constant>) -> Result<Vec<Move>, String> {
    let axis = axis_of(node.int("axis").unwrap_or(0), shape.len())?;
    let of_indices = indices.map(|indices| indices.shape.clone()).unwrap_or_default();
    let indices = known_integers(indices, "indices")?;
    let size = shape[axis];
    if size < 0 {
        return Err(format!("takes items of the batch, {FIX}"));
    }
    let place = |index: i64| {
        let counted = if index < 0 { index.saturating_add(size) } else { index };
        let is_there = (0..size).contains(&counted);
        is_there.then_some(counted).ok_or_else(|| format!("takes element {index} of {size}"))
    };
    let indices = indices.into_iter().map(place).collect::<Result<Vec<_>, _>>()?;
    if indices.is_empty() {
        return Err("takes no elements".into());
    }
    let picked = Move::Gather { axis, indices };
    let mut to = shape.to_vec();
    to.splice(axis..=axis, of_indices.iter().map(|&size| size as i64));
    match of_indices.len() {
        1 => Ok(vec![picked]),
        _ => Ok(vec![picked, Move::Reshape(to)]),
    }
}

fn expand(shape: &[i64], to: Option<&Constant>) -> Result<Vec<Move>, String> {
    let size = |size| match size {
        Int::Known(size) if size > 0 => Ok(size),
        Int::Known(size) => Err(format!("has the size {size} in its shape")),
        Int::Batches(count) => Ok(batches(count)),
    };
    let to = integers(to, "shape")?.into_iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let rank = shape.len().max(to.len());
    let from = aligned(shape, rank);
    let to = aligned(&to, rank);
    let sizes = broadcast(&from, &to);
    let sizes = sizes
        .ok_or_else(|| format!("repeats {} to {}, which does not fit", show(shape), show(&to)))?;
    let is_repeated = |(&from, &size): (&i64, &i64)| from != size && size < 0 && size != DYNAMIC;
    if from.iter().zip(&sizes).any(is_repeated) {
        return Err(format!("repeats a value over the batch, {FIX}"));
    }
    let mut moves = Vec::new();
    if from.len() != shape.len() {
        moves.push(Move::Reshape(from.clone()));
    }
    if sizes != from {
        moves.push(Move::Expand(sizes));
    }
    Ok(moves)
}

/// Sizes with ones before them.
pub fn aligned(shape: &[i64], rank: usize) -> Vec<i64> {
    let ones = rank.saturating_sub(shape.len());
    std::iter::repeat_n(1, ones).chain(shape.iter().copied()).collect()
}

fn block(node: &Node, shape: &[i64]) -> Result<(i64, [i64; 4]), String> {
    let block = node.int("blocksize").filter(|&block| (1..=1 << 20).contains(&block));
    let block = block.ok_or("has no blocksize of at least 1")?;
    match *shape {
        [n, c, h, w] => Ok((block, [n, c, h, w])),
        _ => Err(format!("is applied to {}, which is no image", show(shape))),
    }
}

fn depth_to_space(node: &Node, shape: &[i64]) -> Result<Vec<Move>, String> {
    let (b, [n, c, h, w]) = block(node, shape)?;
    if c % (b * b) != 0 {
        return Err(format!("has {c} channels for blocks of {b} by {b}"));
    }
    let d = c / (b * b);
    let (split, permutation) = match node.text("mode").as_deref() {
        None | Some("DCR") => (vec![n, b, b, d, h, w], vec![0, 3, 4, 1, 5, 2]),
        Some("CRD") => (vec![n, d, b, b, h, w], vec![0, 1, 4, 2, 5, 3]),
        Some(other) => return Err(format!("has the mode '{other}'")),
    };
    Ok(vec![
        Move::Reshape(split),
        Move::Transpose(permutation),
        Move::Reshape(vec![n, d, h * b, w * b]),
    ])
}

fn space_to_depth(node: &Node, shape: &[i64]) -> Result<Vec<Move>, String> {
    let (b, [n, c, h, w]) = block(node, shape)?;
    if h % b != 0 || w % b != 0 {
        return Err(format!("has an image of {h} by {w} for blocks of {b} by {b}"));
    }
    let permutation = match node.text("mode").as_deref() {
        None | Some("DCR") => vec![0, 3, 5, 1, 2, 4],
        Some("CRD") => vec![0, 1, 3, 5, 2, 4],
        Some(other) => return Err(format!("has the mode '{other}'")),
    };
    Ok(vec![
        Move::Reshape(vec![n, c, h / b, b, w / b, b]),
        Move::Transpose(permutation),
        Move::Reshape(vec![n, c * b * b, h / b, w / b]),
    ])
}
