//! Operators on constants alone: what exporters compute shapes with, and what they do to weights.

use std::rc::Rc;

use gauss_dialect::{ir, types};

use super::{
    constant::{Constant, Copies, Data, Int, made},
    graph::Node,
    moves::{self, axis_of, joined_size, known_integers, sizes_of, strides},
};

/// The results of an operator whose inputs are all known; `None` where it is not computed here.
///
/// # Errors
///
/// Where it cannot be applied to them.
pub fn fold(node: &Node, inputs: &[Option<&Constant>]) -> Option<Result<Vec<Constant>, String>> {
    let first = inputs.first().copied().flatten();
    let one = |result: Result<Constant, String>| Some(result.map(|constant| vec![constant]));
    let is_repeated = inputs.iter().flatten().any(|constant| constant.copies.is_some());
    if is_repeated && matches!(node.op.as_str(), "MatMul" | "Range" | "Tile") {
        return None;
    }
    match node.op.as_str() {
        "ConstantOfShape" => return one(constant_of_shape(node, first?)),
        "Range" => return one(range(inputs)),
        "Concat" => {
            let copies = inputs.iter().map(|input| input.and_then(|input| input.copies));
            let copies: Vec<_> = copies.collect();
            let axis = axis_of(node.int("axis").unwrap_or(0), first?.shape.len()).ok()?;
            let is_along = copies.iter().flatten().any(|copies| copies.axis == axis);
            if is_along || copies.windows(2).any(|pair| pair[0] != pair[1]) {
                return None;
            }
            let joined = concat(node, inputs);
            let copies = copies.first().copied().flatten();
            return one(joined.map(|joined| Constant { copies, ..joined }));
        }
        "Where" => return one(choose(inputs)),
        "MatMul" => {
            return one(product(first?, inputs.get(1).copied().flatten()?)?);
        }
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Mod" | "Equal" | "Greater"
        | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" => {
            let all: Option<Vec<&Constant>> = inputs.iter().copied().collect();
            return all.and_then(|all| joined(node, &all));
        }
        _ => {}
    }
    let x = first?;
    if node.is("Dropout") && is_true(inputs.get(2).copied().flatten()) {
        return Some(Err(TRAINING.into()));
    }
    if x.variance.is_some() && matches!(node.op.as_str(), "Expand" | "Tile") {
        // Copies of a random number are one: left to the module.
        return None;
    }
    let shape = sizes_of(x);
    let given = |number: usize| inputs.get(number).copied().flatten().cloned();
    if let Some(steps) = moves::Move::of(node, &shape, &given) {
        let apply = |steps: Vec<moves::Move>| {
            steps.iter().try_fold(x.clone(), |constant, step| step.apply(&constant))
        };
        let copies = inputs.get(1).copied().flatten().and_then(|indices| indices.copies);
        return match (copies.filter(|_| node.is("Gather")), x.copies) {
            // Rows by indices that are the same for all items.
            (Some(Copies { axis, count }), None) => {
                let first = axis_of(node.int("axis").unwrap_or(0), shape.len());
                let rows = steps.and_then(apply).and_then(|rows| {
                    Ok(Constant { copies: Some(Copies { axis: first? + axis, count }), ..rows })
                });
                one(rows)
            }
            (Some(_), Some(_)) => None,
            (None, None) => one(steps.and_then(apply)),
            // Left to the module where it is no constant of one item any more.
            (None, Some(_)) => steps.and_then(apply).ok().and_then(|constant| one(Ok(constant))),
        };
    }
    match node.op.as_str() {
        "Cast" => one(cast(x, node.int("to").unwrap_or(0))),
        "CastLike" => {
            let like = inputs.get(1).copied().flatten()?;
            let to = match &*like.data {
                Data::Float(_) => 1,
                Data::Int(_) => 7,
                Data::Bool(_) => 9,
            };
            one(cast(x, to))
        }
        "Shape" => one(Ok(part_of_shape(node, moves::as_integers(&shape)))),
        "Size" => {
            let size = joined_size(&shape).ok_or("counts too many elements".to_owned());
            one(size.map(|size| Constant::scalar(Data::Int(moves::as_integers(&[size])))))
        }
        "Split" => Some(split(node, x, inputs.get(1).copied().flatten())),
        "Tile" => one(tile(x, inputs.get(1).copied().flatten())),
        "Trilu" => triangle(node, x, inputs.get(1).copied().flatten()),
        "IsNaN" | "IsInf" => match &*x.data {
            Data::Float(values) => {
                let is_sought = |value: f32| match node.is("IsNaN") {
                    true => value.is_nan(),
                    false => {
                        let detects = |name| node.int(name).unwrap_or(1) != 0;
                        (value == f32::INFINITY && detects("detect_positive"))
                            || (value == f32::NEG_INFINITY && detects("detect_negative"))
                    }
                };
                let data = Data::Bool(values.iter().map(|&value| is_sought(value)).collect());
                one(Ok(Constant { data: Rc::new(data), variance: None, ..x.clone() }))
            }
            Data::Int(_) | Data::Bool(_) => None,
        },
        "Neg" | "Abs" | "Sqrt" | "Reciprocal" | "Exp" | "Log" | "Floor" | "Ceil" | "Not"
        | "Erf" => one_by_one(node, x).map(|result| result.map(|constant| vec![constant])),
        _ if is_repeated && node.op.starts_with("Reduce") => None,
        "ReduceProd" | "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceL1"
        | "ReduceL2" | "ReduceSumSquare" => one(reduced(node, x, inputs.get(1).copied().flatten())),
        _ => None,
    }
}

/// What is said of nodes of a network that is being trained.
pub const TRAINING: &str = "is in training mode; export the network for inference";

/// Is a flag known to be set?
pub fn is_true(flag: Option<&Constant>) -> bool {
    flag.is_some_and(|flag| matches!(&*flag.data, Data::Bool(values) if values.contains(&true)))
}

/// The sizes that a `Shape` node asks for.
pub fn part_of_shape(node: &Node, sizes: Vec<Int>) -> Constant {
    let rank = sizes.len() as i64;
    let place = |name: &str, default: i64| {
        let at = node.int(name).unwrap_or(default);
        (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize
    };
    let (start, end) = (place("start", 0), place("end", rank));
    Constant::integers(sizes.get(start..end.max(start)).unwrap_or_default().to_vec())
}

fn constant_of_shape(node: &Node, shape: &Constant) -> Result<Constant, String> {
    let sizes = moves::integers(Some(shape), "sizes")?;
    let is_negative = |size: &Int| matches!(size, Int::Known(..0));
    if sizes.iter().any(is_negative) {
        return Err("has a negative size".into());
    }
    let sizes = sizes.into_iter().map(|size| match size {
        Int::Known(size) => size,
        Int::Batches(count) => moves::batches(count),
    });
    let sizes: Vec<i64> = sizes.collect();
    let copies = moves::copies_in(&sizes)?;
    let shape = sizes.into_iter().map(|size| if size < 0 { 1 } else { size });
    let shape: Vec<i64> = shape.collect();
    let shape: Option<Vec<usize>> = shape.iter().map(|&size| usize::try_from(size).ok()).collect();
    let shape = shape.ok_or("has a negative size")?;
    let count = made(&shape, 0)?;
    let value = node.attributes.get("value").and_then(|value| value.t.as_ref());
    let data = match value {
        None => Data::Float(vec![0.0; count]),
        Some(tensor) => {
            let folder = std::path::Path::new("");
            let value = super::constant::Decoder::new(folder, &crate::NoFiles).tensor(tensor);
            let value = value.map_err(|failure| failure.to_string())?;
            if value.data.len() != 1 {
                return Err("has a value of more than one number".into());
            }
            value.data.pick(&vec![0; count])
        }
    };
    Ok(Constant { copies, ..Constant::new(shape, data) })
}

fn range(inputs: &[Option<&Constant>]) -> Result<Constant, String> {
    let number = |number: usize| {
        let constant = inputs.get(number).copied().flatten();
        let is_integer = constant.is_some_and(|constant| matches!(&*constant.data, Data::Int(_)));
        constant.and_then(Constant::number).map(|value| (value, is_integer))
    };
    let (Some((start, integer)), Some((end, _)), Some((step, _))) =
        (number(0), number(1), number(2))
    else {
        let is_batch = |constant: &&Constant| matches!(&*constant.data, Data::Int(values) if matches!(values[..], [Int::Batches(_)]));
        return Err(match inputs.iter().flatten().any(is_batch) {
            true => format!("counts the items of the batch, {}", moves::FIX),
            false => "has a start, a limit or a step that is not known".into(),
        });
    };
    let count = ((end - start) / step).ceil().max(0.0);
    if step == 0.0 || count.is_nan() {
        return Err(format!("counts from {start} to {end} by {step}"));
    }
    made(&[count as usize], 0)?;
    let values = (0..count as usize).map(|number| start + number as f64 * step);
    Ok(match integer {
        true => Constant::integers(values.map(|value| Int::Known(value as i64)).collect()),
        false => {
            let values: Vec<_> = values.map(|value| value as f32).collect();
            Constant::new(vec![values.len()], Data::Float(values))
        }
    })
}

fn concat(node: &Node, inputs: &[Option<&Constant>]) -> Result<Constant, String> {
    let all: Option<Vec<&Constant>> = inputs.iter().copied().collect();
    let all = all.filter(|all| !all.is_empty()).ok_or("joins nothing")?;
    let shape = &all[0].shape;
    let axis = axis_of(node.int("axis").unwrap_or(0), shape.len())?;
    let fits = |other: &&Constant| {
        let rest = |shape: &[usize]| {
            let mut shape = shape.to_vec();
            shape.get_mut(axis).into_iter().for_each(|size| *size = 0);
            shape
        };
        rest(&other.shape) == rest(shape)
    };
    if !all.iter().all(fits) {
        return Err("joins tensors whose other dimensions differ".into());
    }
    let outer: usize = shape[..axis].iter().product();
    let block = |constant: &Constant| constant.shape[axis..].iter().product::<usize>();
    let mut joined = shape.clone();
    joined[axis] = all.iter().map(|constant| constant.shape[axis]).sum();
    fn rows<T: Copy>(parts: &[(&[T], usize)], outer: usize) -> Vec<T> {
        let row = |row: usize| {
            parts.iter().flat_map(move |(part, block)| &part[row * block..(row + 1) * block])
        };
        (0..outer).flat_map(row).copied().collect()
    }
    macro_rules! of_kind {
        ($kind:ident) => {{
            let parts = all.iter().map(|constant| match &*constant.data {
                Data::$kind(values) => Some((values.as_slice(), block(constant))),
                _ => None,
            });
            let parts: Option<Vec<_>> = parts.collect();
            parts.map(|parts| Data::$kind(rows(&parts, outer)))
        }};
    }
    let data = of_kind!(Float).or_else(|| of_kind!(Int)).or_else(|| of_kind!(Bool));
    let data = data.ok_or("joins tensors of different element types")?;
    let mut result = Constant::new(joined, data);
    if all.iter().any(|constant| constant.variance.is_some()) {
        let zeros: Vec<_> = all.iter().map(|constant| vec![0.0; constant.data.len()]).collect();
        let parts = all.iter().zip(&zeros).map(|(constant, zeros)| {
            let variance = constant.variance.as_deref().unwrap_or(zeros);
            (variance.as_slice(), block(constant))
        });
        result.variance = Some(Rc::new(rows(&parts.collect::<Vec<_>>(), outer)));
    }
    result.origin = all.iter().find_map(|constant| constant.origin.clone());
    Ok(result)
}

/// The product of matrices or vectors; `None` where it is left to the module.
fn product(x: &Constant, y: &Constant) -> Option<Result<Constant, String>> {
    let (a, b) = (x.floats()?, y.floats()?);
    if x.variance.is_some() || y.variance.is_some() {
        return None;
    }
    // A vector is a row before a matrix, and a column behind one.
    let (rows, depth) = match x.shape[..] {
        [depth] => (1, depth),
        [rows, depth] => (rows, depth),
        _ => return None,
    };
    let (other, columns) = match y.shape[..] {
        [depth] => (depth, 1),
        [depth, columns] => (depth, columns),
        _ => return None,
    };
    if depth != other {
        return Some(Err(format!("multiplies {:?} by {:?}", x.shape, y.shape)));
    }
    if let Err(message) = made(&[rows, columns], a.len().max(b.len())) {
        return Some(Err(message));
    }
    let sum = |row: usize, column: usize| {
        let terms = (0..depth)
            .map(|at| f64::from(a[row * depth + at]) * f64::from(b[at * columns + column]));
        terms.sum::<f64>() as f32
    };
    let values = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let values = values.map(|(row, column)| sum(row, column)).collect();
    let rows = (x.shape.len() > 1).then_some(rows);
    let columns = (y.shape.len() > 1).then_some(columns);
    let shape = rows.into_iter().chain(columns).collect();
    Some(Ok(Constant::new(shape, Data::Float(values))))
}

/// The common shape of constants, and for each the place of its element for each element of the result.
fn broadcast(all: &[&Constant]) -> Result<(Vec<usize>, Vec<Vec<usize>>), String> {
    let rank = all.iter().map(|constant| constant.shape.len()).max().unwrap_or(0);
    let sizes = |constant: &Constant| {
        let shape: Vec<_> = constant.shape.iter().map(|&size| size as i64).collect();
        moves::aligned(&shape, rank)
    };
    let shapes: Vec<_> = all.iter().map(|constant| sizes(constant)).collect();
    let common = shapes.iter().try_fold(vec![1; rank], |common, sizes| {
        types::broadcast(&common, sizes).ok_or_else(|| {
            format!("has operands of {} and {}", moves::show(&common), moves::show(sizes))
        })
    })?;
    let shape: Vec<_> = common.into_iter().map(|size| size as usize).collect();
    made(&shape, all.iter().map(|constant| constant.data.len()).max().unwrap_or(0))?;
    let places = shapes.iter().map(|sizes| {
        let own: Vec<_> = sizes.iter().map(|&size| size as usize).collect();
        let steps = strides(&own);
        let mut places = vec![0usize];
        for (dim, &size) in shape.iter().enumerate() {
            let step = if sizes[dim] == 1 { 0 } else { steps[dim] };
            places = places
                .iter()
                .flat_map(|base| (0..size).map(move |index| base + index * step))
                .collect();
        }
        places
    });
    Ok((shape.clone(), places.collect()))
}

/// Where the result of an operator on single elements is repeated over the batch.
fn common_copies(all: &[&Constant], shape: &[usize]) -> Result<Option<Copies>, String> {
    let mut common = None;
    for constant in all {
        let Some(copies) = constant.copies else { continue };
        let axis = copies.axis + shape.len() - constant.shape.len();
        let copies = Copies { axis, ..copies };
        if shape[axis] != 1 || common.is_some_and(|other| other != copies) {
            return Err(format!("meets the batch in another dimension, {}", moves::FIX));
        }
        common = Some(copies);
    }
    Ok(common)
}

fn choose(inputs: &[Option<&Constant>]) -> Result<Constant, String> {
    let [Some(which), Some(then), Some(otherwise)] = inputs[..] else {
        return Err("chooses by data".into());
    };
    if then.variance.is_some() || otherwise.variance.is_some() {
        return Err("chooses among weights that have a posterior".into());
    }
    let (shape, places) = broadcast(&[which, then, otherwise])?;
    let Data::Bool(which) = &*which.data else { return Err("chooses by numbers".into()) };
    let of = |constant: &Constant, places: &[usize]| constant.data.pick(places);
    let data = match (of(then, &places[1]), of(otherwise, &places[2])) {
        (Data::Float(a), Data::Float(b)) => Data::Float(chosen(which, &places[0], &a, &b)),
        (Data::Int(a), Data::Int(b)) => Data::Int(chosen(which, &places[0], &a, &b)),
        (Data::Bool(a), Data::Bool(b)) => Data::Bool(chosen(which, &places[0], &a, &b)),
        _ => return Err("chooses between different element types".into()),
    };
    let copies = common_copies(&inputs.iter().copied().flatten().collect::<Vec<_>>(), &shape)?;
    Ok(Constant { copies, ..Constant::new(shape, data) })
}

fn chosen<T: Copy>(which: &[bool], places: &[usize], then: &[T], otherwise: &[T]) -> Vec<T> {
    let pairs = then.iter().zip(otherwise);
    places.iter().zip(pairs).map(|(&place, (&a, &b))| if which[place] { a } else { b }).collect()
}

/// An operator on several constants, element by element.
fn joined(node: &Node, all: &[&Constant]) -> Option<Result<Vec<Constant>, String>> {
    if let [only] = all {
        return Some(Ok(vec![(*only).clone()]));
    }
    let mut rest = all.iter();
    let mut result = (*rest.next()?).clone();
    for next in rest {
        result = match pair(node, &result, next)? {
            Ok(result) => result,
            Err(message) => return Some(Err(message)),
        };
    }
    Some(Ok(vec![result]))
}

fn pair(node: &Node, x: &Constant, y: &Constant) -> Option<Result<Constant, String>> {
    let op = match node.op.as_str() {
        "Mod" if node.int("fmod").unwrap_or(0) != 0 => "Fmod",
        op => op,
    };
    let (shape, places) = match broadcast(&[x, y]) {
        Ok(found) => found,
        Err(message) => return Some(Err(message)),
    };
    let data = match (x.data.pick(&places[0]), y.data.pick(&places[1])) {
        (Data::Float(a), Data::Float(b)) => floats(op, &a, &b)?,
        (Data::Int(a), Data::Int(b)) => match integers(op, &a, &b)? {
            Ok(data) => data,
            Err(message) => return Some(Err(message)),
        },
        (Data::Bool(a), Data::Bool(b)) => {
            let of = |f: fn(bool, bool) -> bool| {
                Data::Bool(a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect())
            };
            match op {
                "And" => of(|a, b| a && b),
                "Or" => of(|a, b| a || b),
                "Equal" => of(|a, b| a == b),
                _ => return None,
            }
        }
        (Data::Float(_), Data::Int(_)) if op == "Pow" => {
            let whole = Constant { variance: None, ..y.clone() };
            let y = cast(&whole, 1).ok()?;
            return pair(node, x, &y);
        }
        _ => return Some(Err("has operands of different element types".into())),
    };
    let copies = match common_copies(&[x, y], &shape) {
        Ok(copies) => copies,
        Err(message) => return Some(Err(message)),
    };
    let mut result = Constant { copies, ..Constant::new(shape, data) };
    let factor = |constant: &Constant, places: &[usize]| match constant.data.pick(places) {
        Data::Float(values) => values,
        Data::Int(_) | Data::Bool(_) => vec![],
    };
    let of = |variance: &Rc<Vec<f32>>, places: &[usize]| {
        places.iter().map(|&place| variance[place]).collect::<Vec<_>>()
    };
    let scaled = |variance: Vec<f32>, by: Vec<f32>, divides: bool| {
        let scale = |(variance, by): (f32, f32)| {
            let square = f64::from(by) * f64::from(by);
            let variance = f64::from(variance);
            (if divides { variance / square } else { variance * square }) as f32
        };
        variance.into_iter().zip(by).map(scale).collect::<Vec<_>>()
    };
    let is_repeated = |constant: &Constant| {
        constant.variance.is_some() && result.data.len() > constant.data.len()
    };
    if is_repeated(x) || is_repeated(y) {
        // Copies of a random number are one: left to the module.
        return None;
    }
    result.variance = match (&x.variance, &y.variance, op) {
        (None, None, _) => None,
        (Some(x), None, "Add" | "Sub") => Some(of(x, &places[0])),
        (None, Some(y), "Add" | "Sub") => Some(of(y, &places[1])),
        (Some(x), None, "Mul" | "Div") => {
            Some(scaled(of(x, &places[0]), factor(y, &places[1]), op == "Div"))
        }
        (None, Some(y), "Mul") => Some(scaled(of(y, &places[1]), factor(x, &places[0]), false)),
        // Left to the module.
        _ => return None,
    }
    .map(Rc::new);
    result.origin = match x.data.len() >= y.data.len() {
        true => x.origin.clone().or_else(|| y.origin.clone()),
        false => y.origin.clone().or_else(|| x.origin.clone()),
    };
    Some(Ok(result))
}

fn floats(op: &str, a: &[f32], b: &[f32]) -> Option<Data> {
    let of = |f: fn(f32, f32) -> f32| {
        Some(Data::Float(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()))
    };
    let is = |f: fn(f32, f32) -> bool| {
        Some(Data::Bool(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()))
    };
    match op {
        "Add" => of(|a, b| a + b),
        "Sub" => of(|a, b| a - b),
        "Mul" => of(|a, b| a * b),
        "Div" => of(|a, b| a / b),
        "Pow" => of(f32::powf),
        "Min" => of(f32::min),
        "Max" => of(f32::max),
        "Fmod" => of(|a, b| a % b),
        "Equal" => is(|a, b| a == b),
        "Greater" => is(|a, b| a > b),
        "GreaterOrEqual" => is(|a, b| a >= b),
        "Less" => is(|a, b| a < b),
        "LessOrEqual" => is(|a, b| a <= b),
        _ => None,
    }
}

fn integers(op: &str, a: &[Int], b: &[Int]) -> Option<Result<Data, String>> {
    use Int::{Batches, Known};
    let of_batch = || format!("computes with the size of the batch, {}", moves::FIX);
    let compute = |&(a, b): &(Int, Int)| -> Result<Int, String> {
        match (op, a, b) {
            ("Mul", Batches(count), Known(times @ 1..))
            | ("Mul", Known(times @ 1..), Batches(count)) => {
                let count = count.checked_mul(times).filter(|&count| count <= ir::MAX_ELEMENTS);
                count.map(Batches).ok_or_else(of_batch)
            }
            ("Div", Batches(count), Known(by @ 1..)) if count % by == 0 => Ok(Batches(count / by)),
            ("Div", Batches(count), Batches(by)) if count % by == 0 => Ok(Known(count / by)),
            ("Mod", Batches(count), Known(by @ 1..)) if count % by == 0 => Ok(Known(0)),
            ("Add", all @ Batches(_), Known(0))
            | ("Add", Known(0), all @ Batches(_))
            | ("Sub", all @ Batches(_), Known(0)) => Ok(all),
            ("Max", all @ Batches(_), Known(..=1)) | ("Max", Known(..=1), all @ Batches(_)) => {
                Ok(all)
            }
            ("Min" | "Max", Batches(a), Batches(b)) if a == b => Ok(Batches(a)),
            (_, Known(a), Known(b)) => {
                let result = match op {
                    "Add" => a.checked_add(b),
                    "Sub" => a.checked_sub(b),
                    "Mul" => a.checked_mul(b),
                    "Div" => a.checked_div(b),
                    // The sign is that of the divisor, and with fmod that of the dividend.
                    "Mod" => a.checked_rem(b).map(|rest| match (rest < 0) != (b < 0) {
                        true if rest != 0 => rest + b,
                        _ => rest,
                    }),
                    "Fmod" => a.checked_rem(b),
                    "Pow" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
                    "Min" => Some(a.min(b)),
                    "Max" => Some(a.max(b)),
                    _ => None,
                };
                result.map(Known).ok_or_else(|| format!("cannot compute with {a} and {b}"))
            }
            _ => Err(of_batch()),
        }
    };
    let pairs: Vec<_> = a.iter().copied().zip(b.iter().copied()).collect();
    let is = |f: fn(i64, i64) -> bool| {
        let compare = |&(a, b): &(Int, Int)| match (a, b) {
            (Known(a), Known(b)) => Ok(f(a, b)),
            // A batch is no sign such as -1.
            (Batches(_), Known(..=0)) => Ok(f(1, 0)),
            (Known(..=0), Batches(_)) => Ok(f(0, 1)),
            (Batches(a), Batches(b)) => Ok(f(a, b)),
            _ => Err(of_batch()),
        };
        pairs.iter().map(compare).collect::<Result<Vec<_>, _>>().map(Data::Bool)
    };
    Some(match op {
        "Equal" => is(|a, b| a == b),
        "Greater" => is(|a, b| a > b),
        "GreaterOrEqual" => is(|a, b| a >= b),
        "Less" => is(|a, b| a < b),
        "LessOrEqual" => is(|a, b| a <= b),
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Fmod" | "Pow" | "Min" | "Max" => {
            pairs.iter().map(compute).collect::<Result<Vec<_>, _>>().map(Data::Int)
        }
        _ => return None,
    })
}

/// The tensor with another element type, by its number.
///
/// # Errors
///
/// Where numbers are not converted to it.
pub fn cast(x: &Constant, to: i64) -> Result<Constant, String> {
    let is_float = matches!(to, 1 | 10 | 11 | 16);
    let is_integer = matches!(to, 2..=7 | 12 | 13);
    let data = match &*x.data {
        Data::Float(_) if is_float => return Ok(x.clone()),
        Data::Int(_) if is_integer => return Ok(x.clone()),
        Data::Bool(_) if to == 9 => return Ok(x.clone()),
        Data::Float(values) if is_integer => {
            Data::Int(values.iter().map(|&value| Int::Known(value as i64)).collect())
        }
        Data::Float(values) if to == 9 => {
            Data::Bool(values.iter().map(|&value| value != 0.0).collect())
        }
        Data::Bool(values) if is_float => {
            Data::Float(values.iter().map(|&value| f32::from(u8::from(value))).collect())
        }
        Data::Bool(values) if is_integer => {
            Data::Int(values.iter().map(|&value| Int::Known(i64::from(value))).collect())
        }
        Data::Int(_) => {
            let values = known_integers(Some(x), "numbers")?;
            match to {
                9 => Data::Bool(values.iter().map(|&value| value != 0).collect()),
                _ if is_float => Data::Float(values.iter().map(|&value| value as f32).collect()),
                _ => return Err(unsupported_type(to)),
            }
        }
        Data::Float(_) | Data::Bool(_) => return Err(unsupported_type(to)),
    };
    Ok(Constant { data: Rc::new(data), variance: None, ..x.clone() })
}

fn unsupported_type(to: i64) -> String {
    let number = i32::try_from(to).unwrap_or(-1);
    format!("converts to the type {}", super::constant::type_name(number))
}

fn split(node: &Node, x: &Constant, given: Option<&Constant>) -> Result<Vec<Constant>, String> {
    let shape = sizes_of(x);
    let slices = parts(node, &shape, given)?;
    slices.iter().map(|slice| slice.apply(x)).collect()
}

/// The parts that a `Split` node makes of a value of this shape.
///
/// # Errors
///
/// Where they do not fit it.
pub fn parts(
    node: &Node,
    shape: &[i64],
    given: Option<&Constant>,
) -> Result<Vec<moves::Move>, String> {
    let axis = axis_of(node.int("axis").unwrap_or(0), shape.len())?;
    let size = shape[axis];
    if size < 0 {
        return Err(format!("splits the batch, {}", moves::FIX));
    }
    let sizes = match node.ints("split") {
        Some(sizes) => sizes,
        None if node.input(1).is_some() => known_integers(given, "sizes of the parts")?,
        None => {
            let count = node.int("num_outputs").unwrap_or(node.outputs.len() as i64);
            if count < 1 || count > size {
                return Err(format!("makes {count} parts of {size} elements"));
            }
            // The last part is smaller where they are not alike.
            let part = (size + count - 1) / count;
            let start = |number: i64| (number * part).min(size);
            (0..count).map(|number| start(number + 1) - start(number)).collect()
        }
    };
    if sizes.iter().sum::<i64>() != size || sizes.iter().any(|&part| part < 1) {
        return Err(format!("makes parts of {sizes:?} of {size} elements"));
    }
    let mut start = 0;
    let part = |&size: &i64| {
        let from = start;
        start += size;
        moves::Move::Slice { axis, start: from, size, step: 1 }
    };
    Ok(sizes.iter().map(part).collect())
}

fn tile(x: &Constant, repeats: Option<&Constant>) -> Result<Constant, String> {
    let (repeats, copies) = repeats_of(repeats, &sizes_of(x))?;
    let mut result = x.clone();
    for (axis, &count) in repeats.iter().enumerate().filter(|(_, count)| **count != 1) {
        let size = result.shape[axis] as i64;
        let all =
            count.checked_mul(size).filter(|&all| all > 0 && made(&[all as usize], 0).is_ok());
        let all = all.ok_or_else(|| format!("repeats {size} elements {count} times"))?;
        let indices = (0..all).map(|index| index % size).collect();
        result = moves::Move::Gather { axis, indices }.apply(&result)?;
    }
    Ok(Constant { copies, ..result })
}

/// How often each dimension of a value of this shape is repeated, and which of size 1 over the batch.
///
/// # Errors
///
/// Where that is not known, or a larger one is.
pub fn repeats_of(
    given: Option<&Constant>,
    shape: &[i64],
) -> Result<(Vec<i64>, Option<Copies>), String> {
    let mut repeats = moves::integers(given, "repeats")?;
    if repeats.len() != shape.len() {
        return Err("has another number of repeats than of dimensions".into());
    }
    let over = repeats.iter().enumerate().find_map(|(axis, repeat)| match repeat {
        Int::Batches(count) if shape[axis] == 1 => Some(Copies { axis, count: *count }),
        _ => None,
    });
    if let Some(Copies { axis, .. }) = over {
        repeats[axis] = Int::Known(1);
    }
    let repeats = known_integers(Some(&Constant::integers(repeats)), "repeats")?;
    Ok((repeats, over))
}

fn one_by_one(node: &Node, x: &Constant) -> Option<Result<Constant, String>> {
    let op = node.op.as_str();
    if x.variance.is_some() && op != "Neg" {
        return None;
    }
    let data = match &*x.data {
        Data::Float(values) => {
            let f: fn(f32) -> f32 = match op {
                "Neg" => |x| -x,
                "Abs" => f32::abs,
                "Sqrt" => f32::sqrt,
                "Reciprocal" => f32::recip,
                "Exp" => f32::exp,
                "Log" => f32::ln,
                "Floor" => f32::floor,
                "Ceil" => f32::ceil,
                "Erf" => |x| libm::erf(f64::from(x)) as f32,
                _ => return None,
            };
            Data::Float(values.iter().map(|&value| f(value)).collect())
        }
        Data::Int(_) => {
            let values = match known_integers(Some(x), "numbers") {
                Ok(values) => values,
                Err(message) => return Some(Err(message)),
            };
            let f: fn(i64) -> i64 = match op {
                "Neg" => i64::wrapping_neg,
                "Abs" => i64::wrapping_abs,
                _ => return None,
            };
            Data::Int(values.into_iter().map(|value| Int::Known(f(value))).collect())
        }
        Data::Bool(values) if op == "Not" => {
            Data::Bool(values.iter().map(|value| !value).collect())
        }
        Data::Bool(_) => return None,
    };
    Some(Ok(Constant { data: Rc::new(data), ..x.clone() }))
}

/// The upper or lower triangle of matrices, zeros elsewhere; `None` where it is left to the module.
fn triangle(
    node: &Node,
    x: &Constant,
    diagonal: Option<&Constant>,
) -> Option<Result<Vec<Constant>, String>> {
    let [.., rows, columns] = x.shape[..] else {
        return Some(Err("takes a triangle of what is no matrix".into()));
    };
    if x.variance.is_some() || x.copies.is_some_and(|copies| copies.axis + 2 >= x.shape.len()) {
        return None;
    }
    let offset = match node.input(1) {
        None => 0.0,
        Some(_) => match diagonal.and_then(Constant::number) {
            Some(offset) => offset,
            None => return Some(Err("has a diagonal that is not one known number".into())),
        },
    };
    let is_upper = node.int("upper").unwrap_or(1) != 0;
    let is_kept = |place: usize| {
        let (row, column) = (place / columns % rows, place % columns);
        let above = column as f64 - row as f64 - offset;
        if is_upper { above >= 0.0 } else { above <= 0.0 }
    };
    fn kept<T: Copy>(values: &[T], zero: T, is_kept: &dyn Fn(usize) -> bool) -> Vec<T> {
        let or_zero = |(place, &value): (usize, &T)| if is_kept(place) { value } else { zero };
        values.iter().enumerate().map(or_zero).collect()
    }
    let data = match &*x.data {
        Data::Float(values) => Data::Float(kept(values, 0.0, &is_kept)),
        Data::Int(values) => Data::Int(kept(values, Int::Known(0), &is_kept)),
        Data::Bool(values) => Data::Bool(kept(values, false, &is_kept)),
    };
    Some(Ok(vec![Constant { data: Rc::new(data), ..x.clone() }]))
}

fn reduced(node: &Node, x: &Constant, given: Option<&Constant>) -> Result<Constant, String> {
    if x.variance.is_some() {
        return Err("reduces a weight that has a posterior".into());
    }
    let rank = x.shape.len();
    let (axes, keep) = reduction(node, given, rank)?;
    let mut places = vec![Vec::new()];
    let kept: Vec<_> = (0..rank).filter(|dim| !axes.contains(dim)).collect();
    let steps = strides(&x.shape);
    let walk = |dims: &[usize]| {
        let mut places = vec![0usize];
        for &dim in dims {
            let size = x.shape[dim];
            places = places
                .iter()
                .flat_map(|base| (0..size).map(move |index| (base, index)))
                .map(|(base, index)| base + index * steps[dim])
                .collect();
        }
        places
    };
    let (outer, inner) = (walk(&kept), walk(&axes));
    places.clear();
    places
        .extend(outer.iter().map(|base| inner.iter().map(|step| base + step).collect::<Vec<_>>()));
    let shape = (0..rank).filter_map(|dim| match (axes.contains(&dim), keep) {
        (false, _) => Some(x.shape[dim]),
        (true, true) => Some(1),
        (true, false) => None,
    });
    let shape: Vec<_> = shape.collect();
    let op = node.op.as_str();
    let data = match &*x.data {
        Data::Float(values) => {
            let reduce = |places: &Vec<usize>| {
                let values = places.iter().map(|&place| f64::from(values[place]));
                let result = match op {
                    "ReduceProd" => values.product(),
                    "ReduceSum" => values.sum(),
                    "ReduceMean" => values.sum::<f64>() / places.len() as f64,
                    "ReduceMax" => values.fold(f64::NEG_INFINITY, f64::max),
                    "ReduceMin" => values.fold(f64::INFINITY, f64::min),
                    "ReduceL1" => values.map(f64::abs).sum(),
                    "ReduceSumSquare" => values.map(|value| value * value).sum(),
                    _ => values.map(|value| value * value).sum::<f64>().sqrt(),
                };
                result as f32
            };
            Data::Float(places.iter().map(reduce).collect())
        }
        Data::Int(values) if op == "ReduceProd" => {
            let product = |places: &Vec<usize>| {
                let mut factors = places.iter().map(|&place| values[place]);
                factors.try_fold(Int::Known(1), |product, factor| {
                    let product = integers("Mul", &[product], &[factor]);
                    match product.ok_or("cannot multiply integers")?? {
                        Data::Int(values) => Ok(values[0]),
                        Data::Float(_) | Data::Bool(_) => Err("multiplies no integers".to_owned()),
                    }
                })
            };
            Data::Int(places.iter().map(product).collect::<Result<_, _>>()?)
        }
        Data::Int(_) => {
            let values = known_integers(Some(x), "numbers")?;
            let reduce = |places: &Vec<usize>| {
                let mut values = places.iter().map(|&place| values[place]);
                let result = match op {
                    "ReduceSum" => values.try_fold(0i64, i64::checked_add),
                    "ReduceMax" => values.max(),
                    "ReduceMin" => values.min(),
                    _ => None,
                };
                result.map(Int::Known).ok_or_else(|| format!("cannot {op} integers"))
            };
            Data::Int(places.iter().map(reduce).collect::<Result<_, _>>()?)
        }
        Data::Bool(_) => return Err("reduces what are no numbers".into()),
    };
    Ok(Constant::new(shape, data))
}

/// The axes of a reduction, and whether they stay with size 1.
///
/// # Errors
///
/// Where they are not known, or are none of a tensor of this rank.
pub fn reduction(
    node: &Node,
    given: Option<&Constant>,
    rank: usize,
) -> Result<(Vec<usize>, bool), String> {
    let keep = node.int("keepdims").unwrap_or(1) != 0;
    let axes = match node.ints("axes") {
        Some(axes) => axes,
        None if node.input(1).is_some() => known_integers(given, "axes")?,
        None => vec![],
    };
    if axes.is_empty() {
        let none = node.int("noop_with_empty_axes").unwrap_or(0) != 0;
        return Ok((if none { vec![] } else { (0..rank).collect() }, keep));
    }
    let mut axes: Vec<_> =
        axes.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<_, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok((axes, keep))
}
