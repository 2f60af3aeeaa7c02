//! `--gauss-track-covariance`: covariances of the logits, from so many layers before them on.

use gauss_dialect::{
    ir::{Builder, Op, Type, Value},
    layer::Layer,
    ops::binary::Binary,
    shape::{MAX_CORRELATED, MAX_FACTORED, TensorType},
};

use serde::Serialize;

use crate::pass::{Failed, Options, Outcome, Pass, fail};

/// Turns on covariances between the elements of an item, from a dense layer of a public function on to its
/// logits, which the predictive ops and, where it is asked for, the caller get with them.
pub const PASS: Pass = Pass {
    name: "gauss-track-covariance",
    description: "Carry covariances through the last layers of functions to what they predict \
                  (options: layers, work, returned)",
    options: &["layers", "work", "returned"],
    run: |module, options| {
        let tracking = Tracking::of(options).map_err(|error| fail(module, error))?;
        track(module, tracking, None).map(drop)
    },
};

/// How far back from the logits covariances are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracking {
    /// The most dense layers.
    pub layers: usize,
    /// The most multiply-adds that they may cost, for the whole batch.
    pub work: u64,
    /// Does the function return them?
    pub returned: bool,
}

impl Tracking {
    fn of(options: &Options) -> Result<Self, String> {
        let number = |name: &str| match options.get(name) {
            None => Ok(u64::MAX),
            Some(text) => text.parse().map_err(|_| format!("{name}: '{text}' is not a number")),
        };
        Ok(Self {
            layers: usize::try_from(number("layers")?).unwrap_or(usize::MAX),
            work: number("work")?,
            returned: match options.get("returned") {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => return Err(format!("'returned' is true or false, not '{other}'")),
            },
        })
    }
}

/// What is carried through a function.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tracked {
    /// How many dense layers carry covariances.
    pub layers: usize,
    /// What they cost, in multiply-adds for the whole batch.
    #[serde(rename = "multiply_adds")]
    pub work: u64,
}

/// Carries covariances through all public functions, or the one of this name; what through each of them.
///
/// # Errors
///
/// Where they are asked for and cannot be given.
pub fn track(
    module: Op,
    tracking: Tracking,
    function: Option<&str>,
) -> Result<Vec<Tracked>, Failed> {
    let functions = public_functions(module, function).into_iter();
    functions.map(|function| track_in(function, tracking)).collect()
}

/// All public functions that have a body, or the one of this name.
pub(super) fn public_functions(module: Op, name: Option<&str>) -> Vec<Op> {
    let ops = module.body().map(|body| body.ops()).unwrap_or_default();
    let is_wanted = |op: &Op| {
        let visibility = op.attribute("sym_visibility").and_then(|text| text.as_string());
        let is_public = visibility.is_none_or(|visibility| visibility == "public");
        let is_named = name.is_none_or(|name| op.symbol().as_deref() == Some(name));
        op.is("func.func") && op.body().is_some() && is_public && is_named
    };
    ops.into_iter().filter(is_wanted).collect()
}

/// Has the only Gaussian result of the function of this name covariances within the limits?
pub fn is_possible(module: Op, tracking: Tracking, function: &str) -> bool {
    let ops = module.body().map(|body| body.ops()).unwrap_or_default();
    let function = ops.into_iter().find(|op| op.symbol().as_deref() == Some(function));
    let Some(output) = function.and_then(output_of) else { return false };
    tracking.layers > 0 && path_to(output, tracking, MAX_FACTORED).is_some()
}

/// The only Gaussian result of a function.
fn output_of(function: Op) -> Option<Value> {
    let returns = function.descendants().into_iter().find(|op| op.is("func.return"))?;
    let gaussian = returns.operands().into_iter().filter(|value| value.ty().is_gaussian());
    match gaussian.collect::<Vec<_>>()[..] {
        [output] => Some(output),
        _ => None,
    }
}

fn track_in(function: Op, tracking: Tracking) -> Result<Tracked, Failed> {
    let mut tracked = Tracked::default();
    for op in function.descendants() {
        let is_head = matches!(Layer::of(op), Ok(Some(Layer::Softmax(_) | Layer::Uncertainty(_))));
        if is_head && op.operands().len() == 1 && tracking.layers > 0 {
            let logits = op.operand(0);
            if let Some(path) = path_to(logits, tracking, classes_of(op)) {
                tracked.layers += path.layers;
                tracked.work = tracked.work.saturating_add(path.work);
                carry(&path);
            }
        }
    }
    if tracking.returned {
        give_back(function, tracking, &mut tracked)?;
    }
    Ok(tracked)
}

/// The most elements that an op takes with covariances.
fn classes_of(op: Op) -> i64 {
    use gauss_dialect::predictive::Method;
    match Layer::of(op) {
        Ok(Some(Layer::Softmax(Method::Sample(_)) | Layer::Uncertainty(Method::Sample(_)))) => {
            MAX_FACTORED
        }
        _ => MAX_CORRELATED,
    }
}

/// The ops from a dense layer to the logits.
struct Path {
    /// The first dense layer, whose input becomes correlated, and what follows it.
    ops: Vec<Op>,
    layers: usize,
    work: u64,
}

/// The longest path to these logits within the limits; `None` where there is none, or they have covariances.
fn path_to(logits: Value, tracking: Tracking, most: i64) -> Option<Path> {
    let ty = TensorType::of(logits.ty())?;
    let [_, classes] = ty.shape[..] else { return None };
    if !ty.gaussian || ty.covariance || classes > most {
        return None;
    }
    let mut ops = Vec::new();
    // The places of dense layers among the ops, the last layer first.
    let mut starts: Vec<usize> = Vec::new();
    let mut value = logits;
    while let Some((op, next)) = step(value) {
        ops.push(op);
        if matches!(Layer::of(op), Ok(Some(Layer::Dense))) {
            starts.push(ops.len());
        }
        if starts.len() >= tracking.layers {
            break;
        }
        value = next;
    }
    let path = |&length: &usize| {
        let ops: Vec<_> = ops[..length].iter().rev().copied().collect();
        let work = work(&ops)?;
        let layers = starts.iter().filter(|&&start| start <= length).count();
        (work <= tracking.work).then_some(Path { ops, layers, work })
    };
    starts.iter().rev().find_map(path)
}

/// The op that gives a value, where it has a rule for covariances, and the operand that they come from.
fn step(value: Value) -> Option<(Op, Value)> {
    let op = value.defining_op()?;
    let layer = Layer::of(op).ok()??;
    let is_known = |value: Value| !value.ty().is_gaussian();
    let is_apart = |value: Value| {
        let op = value.defining_op();
        is_known(value) || op.is_some_and(|op| op.is("gauss.parameter") || op.is("gauss.constant"))
    };
    let carries = |value: Value| {
        let ty = TensorType::of(value.ty());
        ty.is_some_and(|ty| match ty.shape[..] {
            [_, elements] => ty.gaussian && !ty.covariance && elements <= MAX_CORRELATED,
            _ => false,
        })
    };
    let operands = op.operands();
    let from = match (&layer, &operands[..]) {
        (Layer::Dense | Layer::Activation(_), [input, ..]) => *input,
        (Layer::Binary(Binary::Add | Binary::Sub), [x, y]) if is_apart(*y) => *x,
        (Layer::Binary(Binary::Add | Binary::Sub), [x, y]) if is_apart(*x) => *y,
        (Layer::Binary(Binary::Mul | Binary::Div), [x, y]) if is_known(*y) => *x,
        (Layer::Binary(Binary::Mul), [x, y]) if is_known(*x) => *y,
        _ => return None,
    };
    // What is repeated over the items or the elements has no row of its own.
    let is_whole = matches!(layer, Layer::Dense) || from.ty().shape() == value.ty().shape();
    (carries(from) && is_whole).then_some((op, from))
}

/// The multiply-adds that covariances cost, for the whole batch; `None` where they are too many to count.
fn work(ops: &[Op]) -> Option<u64> {
    let mut work = 0u64;
    let mut shares = false;
    for op in ops {
        let shape = op.result(0).ty().shape()?;
        let [items, outputs] =
            [shape.first()?, shape.get(1)?].map(|&size| u64::try_from(size).unwrap_or(1));
        let each = match Layer::of(*op) {
            Ok(Some(Layer::Dense)) => {
                let inputs = op.operand(0).ty().shape()?;
                let inputs = u64::try_from(*inputs.get(1)?).ok()?;
                let half = outputs.checked_mul(inputs)?;
                let from_shared = if shares { half.checked_mul(inputs)? } else { half };
                shares = true;
                from_shared.checked_add(half.checked_mul(outputs)?)?
            }
            _ => outputs.checked_mul(outputs)?,
        };
        work = work.checked_add(each.checked_mul(items)?)?;
    }
    Some(work)
}

/// Gives the results of the ops covariances, which others than ops of the path and of predictions do not read.
fn carry(path: &Path) {
    let Some(&first) = path.ops.first() else { return };
    let builder = Builder::before(first);
    let input = first.operand(0);
    let Some(correlated) = with_covariance(input.ty()) else { return };
    first.set_operand(0, builder.value("gauss.correlated", &[input], correlated));
    for &op in &path.ops {
        let result = op.result(0);
        let plain = result.ty();
        let Some(correlated) = with_covariance(plain) else { return };
        let others: Vec<_> =
            result.users().into_iter().filter(|user| !takes(*user, path)).collect();
        result.set_type(correlated);
        for user in others {
            let marginals = Builder::before(user).value("gauss.marginals", &[result], plain);
            for (place, operand) in user.operands().into_iter().enumerate() {
                if operand == result {
                    user.set_operand(place, marginals);
                }
            }
        }
    }
}

fn takes(user: Op, path: &Path) -> bool {
    path.ops.contains(&user)
        || matches!(
            Layer::of(user),
            Ok(Some(
                Layer::Softmax(_) | Layer::Uncertainty(_) | Layer::Covariance | Layer::Marginals
            ))
        )
}

fn with_covariance(ty: Type) -> Option<Type> {
    let tensor = TensorType::of(ty)?;
    TensorType { covariance: true, ..tensor }.to_type(ty)
}

/// Lets a function return the covariances of its only Gaussian result, behind the others.
fn give_back(function: Op, tracking: Tracking, tracked: &mut Tracked) -> Outcome {
    let returns = function.descendants().into_iter().find(|op| op.is("func.return"));
    let returns = returns.ok_or_else(|| fail(function, "has no return"))?;
    let Some(output) = output_of(function) else {
        return Err(fail(
            function,
            "returns no Gaussian, or several; covariances are returned of one Gaussian result",
        ));
    };
    // What a path to a prediction has made of it.
    let known = output.defining_op().filter(|op| op.is("gauss.marginals")).map(|op| op.operand(0));
    let correlated = match known {
        Some(known) => known,
        None => {
            // What is asked for is given whatever it costs, of the last layer.
            let last = Tracking { layers: 1, work: u64::MAX, ..tracking };
            let path =
                [tracking, last].into_iter().find_map(|t| path_to(output, t, MAX_CORRELATED));
            let Some(path) = path else {
                return Err(fail(
                    function,
                    format!(
                        "returns {}, whose covariances are not known: they are behind dense layers, of up to \
                         {MAX_CORRELATED} elements, whose inputs are uncertain",
                        output.ty()
                    ),
                ));
            };
            tracked.layers += path.layers;
            tracked.work = tracked.work.saturating_add(path.work);
            carry(&path);
            output
        }
    };
    let Some(TensorType { shape, .. }) = TensorType::of(correlated.ty()) else { return Ok(()) };
    let [items, elements] = shape[..] else { return Ok(()) };
    let context = function.context();
    let matrices = Type::tensor(context.f32(), &[items, elements, elements]);
    let matrices = Builder::before(returns).value("gauss.covariance", &[correlated], matrices);
    let values: Vec<_> = returns.operands().into_iter().chain([matrices]).collect();
    returns.set_operands(&values);
    let inputs = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (inputs, _) = inputs
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let types: Vec<_> = values.into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &types).attr());
    Ok(())
}
