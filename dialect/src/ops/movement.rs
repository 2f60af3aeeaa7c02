//! Ops whose result has elements of their operands in other places: exact for any distribution.

use crate::{
    attributes::{AttributeList, Attributes},
    ir::DYNAMIC,
    types::TensorType,
};

/// The largest size, start or step in an attribute; it keeps sums far from overflow.
const MOST: i64 = 1 << 28;

/// The most elements that are added on one side by reflection or from an edge: each is copied by
/// itself.
const MOST_COPIES: i64 = 256;

/// What surrounds a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Border {
    /// A number without variance.
    Constant(f64),
    /// What lies on the other side of the outermost elements, without these.
    Reflect,
    /// The outermost elements.
    Edge,
}

/// Where the elements of a result come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Movement {
    /// `gauss.transpose`: dimension d of the result is dimension `permutation[d]`.
    Transpose(Vec<i64>),
    /// `gauss.slice`: `size` elements along an axis, from `start` on.
    Slice {
        /// The axis.
        axis: usize,
        /// The first element.
        start: i64,
        /// How many.
        size: i64,
        /// The distance from one to the next.
        step: i64,
    },
    /// `gauss.concat`: one behind the other along an axis.
    Concat(usize),
    /// `gauss.pad`: so much before and behind each dimension.
    Pad {
        /// Before.
        low: Vec<i64>,
        /// Behind.
        high: Vec<i64>,
        /// What is there.
        border: Border,
    },
    /// `gauss.expand`: a dimension of size 1 repeated to this size; −1 leaves one as it is, and 0 repeats the
    /// first one for each item of a batch that is not fixed.
    Expand(Vec<i64>),
    /// `gauss.upsample`: every element as often along each dimension, nearest neighbours.
    Upsample(Vec<i64>),
    /// `gauss.gather`: the elements with these numbers along an axis.
    Gather {
        /// The axis.
        axis: usize,
        /// Which, from 0; one may be there several times.
        indices: Vec<i64>,
    },
}

impl Movement {
    /// Every op of the family, without the dialect.
    pub const NAMES: [&'static str; 7] =
        ["transpose", "slice", "concat", "pad", "expand", "upsample", "gather"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        Some(match name {
            "transpose" => attributes.list("permutation", 0..=MOST).map(Self::Transpose),
            "slice" => slice(attributes),
            "concat" => axis(attributes).map(Self::Concat),
            "pad" => pad(attributes),
            "expand" => attributes.list("shape", -1..=MOST).map(Self::Expand),
            "upsample" => attributes.list("factors", 1..=MOST).map(Self::Upsample),
            "gather" => gather(attributes),
            _ => return None,
        })
    }

    /// The exchange of the two dimensions of a matrix.
    pub fn transposed() -> Self {
        Self::Transpose(vec![1, 0])
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transpose(_) => "transpose",
            Self::Slice { .. } => "slice",
            Self::Concat(_) => "concat",
            Self::Pad { .. } => "pad",
            Self::Expand(_) => "expand",
            Self::Upsample(_) => "upsample",
            Self::Gather { .. } => "gather",
        }
    }

    /// The attributes, as [`Movement::read`] takes them.
    pub fn write(&self) -> AttributeList {
        let list = AttributeList::default();
        match self {
            Self::Transpose(permutation) => list.with("permutation", permutation.clone()),
            Self::Slice { axis, start, size, step } => list
                .with("axis", *axis as i64)
                .with("start", *start)
                .with("size", *size)
                .with("step", *step),
            Self::Concat(axis) => list.with("axis", *axis as i64),
            Self::Pad { low, high, border } => {
                let list = list.with("low", low.clone()).with("high", high.clone());
                match border {
                    Border::Constant(value) => list.with("value", *value),
                    Border::Reflect => list.with("mode", "reflect"),
                    Border::Edge => list.with("mode", "edge"),
                }
            }
            Self::Expand(shape) => list.with("shape", shape.clone()),
            Self::Upsample(factors) => list.with("factors", factors.clone()),
            Self::Gather { axis, indices } => {
                list.with("axis", *axis as i64).with("indices", indices.clone())
            }
        }
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where an operand does not fit.
    pub fn infer(&self, operands: &[TensorType]) -> Result<TensorType, String> {
        let gaussian = operands.iter().any(|operand| operand.gaussian);
        let input = operands.first().ok_or("needs an operand")?;
        let shape = match self {
            Self::Transpose(permutation) => transposed(permutation, input)?,
            Self::Slice { axis, start, size, step } => {
                let whole = along(input, *axis)?;
                let last = start + (size - 1) * step;
                if last >= whole {
                    return Err(format!(
                        "takes element {last} along axis {axis} of {input}, which has {whole}"
                    ));
                }
                replaced(input, *axis, *size)
            }
            Self::Concat(axis) => joined(*axis, operands)?,
            Self::Pad { low, high, border } => padded(low, high, *border, input)?,
            Self::Expand(shape) => {
                same_rank("shape", shape, input)?;
                let size = |(dim, (&from, &to)): (usize, (&i64, &i64))| match (from, to) {
                    (from, -1) => Ok(from),
                    (from, to) if from == to => Ok(to),
                    (1, to) if to > 0 => Ok(to),
                    (1, 0) if dim == 0 => Ok(DYNAMIC),
                    (from, to) => Err(format!(
                        "expands {input} to the size {to} where it has {from}: only a dimension of \
                         size 1 is repeated"
                    )),
                };
                input.shape.iter().zip(shape).enumerate().map(size).collect::<Result<_, _>>()?
            }
            Self::Upsample(factors) => {
                same_rank("factors", factors, input)?;
                let size = |(&from, &factor): (&i64, &i64)| match (from, factor) {
                    (from, 1) => Ok(from),
                    (DYNAMIC, _) => Err("repeats the items of the batch".to_owned()),
                    (from, factor) => Ok(from.saturating_mul(factor)),
                };
                input.shape.iter().zip(factors).map(size).collect::<Result<_, _>>()?
            }
            Self::Gather { axis, indices } => {
                let whole = along(input, *axis)?;
                if let Some(beyond) = indices.iter().find(|&&index| index >= whole) {
                    return Err(format!(
                        "takes element {beyond} along axis {axis} of {input}, which has {whole}"
                    ));
                }
                replaced(input, *axis, indices.len() as i64)
            }
        };
        Ok(TensorType::new(shape, gaussian))
    }

    /// The operand and the place in it from which the element at `index` of the result comes; `None`
    /// for a constant border. `shapes` are those of the operands.
    pub fn source(&self, shapes: &[&[usize]], index: &[usize]) -> Option<(usize, Vec<usize>)> {
        let mut place = index.to_vec();
        match self {
            Self::Transpose(permutation) => {
                for (&from, &value) in permutation.iter().zip(index) {
                    place[from as usize] = value;
                }
            }
            Self::Slice { axis, start, step, .. } => {
                place[*axis] = *start as usize + index[*axis] * *step as usize;
            }
            Self::Concat(axis) => {
                let mut rest = index[*axis];
                for (operand, shape) in shapes.iter().enumerate() {
                    if rest < shape[*axis] {
                        place[*axis] = rest;
                        return Some((operand, place));
                    }
                    rest -= shape[*axis];
                }
                return None;
            }
            Self::Pad { low, border, .. } => {
                for (dim, value) in place.iter_mut().enumerate() {
                    let size = shapes[0][dim] as i64;
                    let inside = *value as i64 - low[dim];
                    let from = match border {
                        Border::Constant(_) if !(0..size).contains(&inside) => return None,
                        Border::Constant(_) => inside,
                        Border::Edge => inside.clamp(0, size - 1),
                        Border::Reflect if inside < 0 => -inside,
                        Border::Reflect if inside >= size => 2 * (size - 1) - inside,
                        Border::Reflect => inside,
                    };
                    *value = from as usize;
                }
            }
            Self::Expand(_) => {
                for (value, &size) in place.iter_mut().zip(shapes[0]) {
                    *value = (*value).min(size - 1);
                }
            }
            Self::Upsample(factors) => {
                for (value, &factor) in place.iter_mut().zip(factors) {
                    *value /= factor as usize;
                }
            }
            Self::Gather { axis, indices } => {
                place[*axis] = indices[index[*axis]] as usize;
            }
        }
        Some((0, place))
    }
}

fn axis(attributes: &Attributes) -> Result<usize, String> {
    let axis = attributes.integer("axis", 0..=MOST)?.ok_or("needs the attribute 'axis'")?;
    Ok(axis as usize)
}

fn slice(attributes: &Attributes) -> Result<Movement, String> {
    let size = attributes.integer("size", 1..=MOST)?.ok_or("needs the attribute 'size'")?;
    Ok(Movement::Slice {
        axis: axis(attributes)?,
        start: attributes.integer("start", 0..=MOST)?.unwrap_or(0),
        size,
        step: attributes.integer("step", 1..=MOST)?.unwrap_or(1),
    })
}

fn gather(attributes: &Attributes) -> Result<Movement, String> {
    let indices = attributes.list("indices", i64::MIN..=MOST)?;
    if indices.is_empty() {
        return Err("takes nothing: 'indices' is empty".into());
    }
    match indices.iter().find(|&&index| index < 0) {
        Some(index) => Err(format!(
            "has {index} in 'indices'; elements are counted from 0, the last is the size less 1"
        )),
        None => Ok(Movement::Gather { axis: axis(attributes)?, indices }),
    }
}

fn pad(attributes: &Attributes) -> Result<Movement, String> {
    let value = attributes.number("value")?;
    let border = match (attributes.text("mode").as_deref(), value) {
        (None | Some("constant"), value) => Border::Constant(value.unwrap_or(0.0)),
        (Some("reflect"), None | Some(0.0)) => Border::Reflect,
        (Some("edge"), None | Some(0.0)) => Border::Edge,
        (Some(mode @ ("reflect" | "edge")), Some(_)) => {
            return Err(format!("has a 'value', which the mode '{mode}' does not take"));
        }
        (Some(mode), _) => {
            return Err(format!("has the mode '{mode}'; known: 'constant', 'reflect', 'edge'"));
        }
    };
    Ok(Movement::Pad {
        low: attributes.list("low", 0..=MOST)?,
        high: attributes.list("high", 0..=MOST)?,
        border,
    })
}

fn same_rank(name: &str, list: &[i64], input: &TensorType) -> Result<(), String> {
    match list.len() == input.shape.len() {
        true => Ok(()),
        false => Err(format!(
            "has {} numbers in '{name}' for {input} of rank {}",
            list.len(),
            input.shape.len()
        )),
    }
}

/// The size along an axis, which must be static.
fn along(input: &TensorType, axis: usize) -> Result<i64, String> {
    match input.shape.get(axis) {
        Some(&DYNAMIC) => {
            Err(format!("has the axis {axis}, the batch of {input}, which is not fixed"))
        }
        Some(&size) => Ok(size),
        None => Err(format!("has the axis {axis}, which {input} does not have")),
    }
}

fn replaced(input: &TensorType, axis: usize, size: i64) -> Vec<i64> {
    let mut shape = input.shape.clone();
    shape[axis] = size;
    shape
}

fn transposed(permutation: &[i64], input: &TensorType) -> Result<Vec<i64>, String> {
    same_rank("permutation", permutation, input)?;
    let mut seen = vec![false; permutation.len()];
    for &dim in permutation {
        match seen.get_mut(dim as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(format!("has {permutation:?}, which is no permutation")),
        }
    }
    if input.shape.contains(&DYNAMIC) && permutation.first() != Some(&0) {
        return Err(format!("moves the batch of {input}, which is not fixed, from its place"));
    }
    Ok(permutation.iter().map(|&dim| input.shape[dim as usize]).collect())
}

fn joined(axis: usize, operands: &[TensorType]) -> Result<Vec<i64>, String> {
    let Some(first) = operands.first() else { return Err("joins nothing".into()) };
    let mut sum = 0i64;
    for operand in operands {
        sum = sum.saturating_add(along(operand, axis)?);
        if replaced(operand, axis, 0) != replaced(first, axis, 0) {
            return Err(format!(
                "joins {first} and {operand} along axis {axis}: all other sizes must agree"
            ));
        }
    }
    Ok(replaced(first, axis, sum))
}

fn padded(
    low: &[i64],
    high: &[i64],
    border: Border,
    input: &TensorType,
) -> Result<Vec<i64>, String> {
    same_rank("low", low, input)?;
    same_rank("high", high, input)?;
    let size = |((&size, &low), &high): ((&i64, &i64), &i64)| {
        if low == 0 && high == 0 {
            return Ok(size);
        }
        let most = match border {
            _ if size == DYNAMIC => return Err("pads the batch, which is not fixed".to_owned()),
            Border::Constant(_) => MOST,
            Border::Reflect => MOST_COPIES.min(size - 1),
            Border::Edge => MOST_COPIES,
        };
        match low.max(high) <= most {
            true => Ok(size + low + high),
            false => Err(format!(
                "adds {} elements beside the {size} of a dimension; in this mode at most {most}",
                low.max(high)
            )),
        }
    };
    input.shape.iter().zip(low).zip(high).map(size).collect()
}
