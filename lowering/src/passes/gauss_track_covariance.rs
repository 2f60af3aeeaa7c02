//! `--gauss-track-covariance`: covariances of the logits, from so many layers before them on.

use std::collections::HashMap;

use gauss_dialect::{
    ir::{Builder, Op, Type, Value},
    layer::Layer,
    ops::{binary::Binary, mixture::ScaleMixture},
    shape::{MAX_CORRELATED, MAX_FACTORED, TensorType},
};

use serde::Serialize;

use crate::{
    functions,
    pass::{Failed, Options, Outcome, Pass, fail},
};

/// Turns on covariances between the elements of an item, from a dense layer of a public function on to its
/// logits, which the predictive ops and, where it is asked for, the caller get with them. With nodes, the
/// first dense layer before those logits is a mixture over the scale that its outputs share.
pub const PASS: Pass = Pass {
    name: "gauss-track-covariance",
    description: "Carry covariances through the last layers of functions to what they predict \
                  (options: layers, nodes, work, returned)",
    options: &["layers", "nodes", "work", "returned"],
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
    /// Over how many nodes of a shared scale outputs are mixed, 3 or 5; 0 where they are not.
    pub nodes: i64,
    /// The most multiply-adds that both may cost, for the whole batch.
    pub work: u64,
    /// What the function returns of them.
    pub returned: Returned,
}

/// What a function returns of the covariances of its Gaussian result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// Nothing.
    Nothing,
    /// Their matrix; of a mixture, that of the whole.
    Matrix,
    /// Of a mixture mean, variance and matrix at each node; else as `Matrix`.
    OfNodes,
}

impl Tracking {
    fn of(options: &Options) -> Result<Self, String> {
        let number = |name: &str| match options.get(name) {
            None => Ok(u64::MAX),
            Some(text) => text.parse().map_err(|_| format!("{name}: '{text}' is not a number")),
        };
        Ok(Self {
            layers: usize::try_from(number("layers")?).unwrap_or(usize::MAX),
            nodes: match options.get("nodes") {
                None | Some("0") => 0,
                Some("3") => 3,
                Some("5") => 5,
                Some(other) => return Err(format!("'nodes' is 0, 3 or 5, not '{other}'")),
            },
            work: number("work")?,
            returned: match options.get("returned") {
                None | Some("false") => Returned::Nothing,
                Some("true") => Returned::Matrix,
                Some("nodes") => Returned::OfNodes,
                Some(other) => {
                    return Err(format!("'returned' is true, false or nodes, not '{other}'"));
                }
            },
        })
    }
}

/// What is carried through a function.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tracked {
    /// How many dense layers carry covariances.
    pub layers: usize,
    /// How many nodes of a shared scale are mixed, 0 where none is.
    pub nodes: i64,
    /// What they cost, in multiply-adds for the whole batch.
    #[serde(rename = "multiply_adds")]
    pub work: u64,
}

impl Tracked {
    fn add(&mut self, path: &Path) {
        self.layers += path.layers;
        self.nodes = self.nodes.max(path.mixture.map_or(0, |_| path.nodes()));
        self.work = self.work.saturating_add(path.work);
    }
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
    let functions = functions::public(module, function).into_iter();
    functions.map(|function| track_in(function, tracking)).collect()
}

/// What a head of the only Gaussian result of the function of this name would be given within the limits.
pub fn plan(module: Op, tracking: Tracking, function: &str) -> Option<Tracked> {
    let ops = module.body().map(|body| body.ops()).unwrap_or_default();
    let function = ops.into_iter().find(|op| op.symbol().as_deref() == Some(function));
    let output = function.and_then(output_of)?;
    // The head of one logit reads its variance alone.
    let is_one = output.ty().shape().is_some_and(|shape| shape.last() == Some(&1));
    if tracking.layers == 0 || is_one {
        return None;
    }
    let path = path_to(output, tracking, MAX_FACTORED)?;
    let mut tracked = Tracked::default();
    tracked.add(&path);
    Some(tracked)
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
                tracked.add(&path);
                carry(&path);
            }
        }
    }
    if tracking.returned != Returned::Nothing {
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
    /// Those that have covariances: a dense layer, whose input becomes correlated, and what follows it.
    ops: Vec<Op>,
    /// Where there is a mixture, what makes it of the first dense layer, and the ops between.
    mixture: Option<Mixture>,
    between: Vec<Op>,
    /// What makes a mixture of each node of the last dense layer.
    last: Option<Mixture>,
    layers: usize,
    work: u64,
}

impl Path {
    /// How many nodes the logits have.
    fn nodes(&self) -> i64 {
        let all = self.mixture.iter().chain(&self.last);
        all.map(|mixture| mixture.of.nodes).product()
    }
}

/// A dense layer that becomes a mixture.
#[derive(Clone, Copy)]
struct Mixture {
    dense: Op,
    of: ScaleMixture,
    before: Value,
}

/// Over so many nodes the scale of the logits themselves is mixed: only the head reads these.
const LAST_NODES: i64 = 3;

/// The best path to these logits within the limits: a mixture if there may be one, and the most layers. `None` where
/// there is none, or the logits have covariances.
fn path_to(logits: Value, tracking: Tracking, most: i64) -> Option<Path> {
    let ty = TensorType::of(logits.ty())?;
    let [_, classes] = ty.shape[..] else { return None };
    if !ty.gaussian || ty.has_covariance() || classes > most {
        return None;
    }
    let mut ops = Vec::new();
    gather(logits, &mut ops);
    let is_dense = |op: &Op| matches!(Layer::of(*op), Ok(Some(Layer::Dense)));
    // What comes before the first dense layer has no covariances yet.
    let ops = &ops[ops.iter().position(is_dense)?..];
    let starts: Vec<_> = (0..ops.len()).filter(|&place| is_dense(&ops[place])).collect();
    let wanted = starts.len().min(tracking.layers);
    let path = |mixture: Option<Mixture>, start: usize, layers: usize| {
        // The mixture is made of the first layer.
        let first = usize::from(mixture.is_some());
        let between = ops.get(1..start).filter(|_| mixture.is_some()).unwrap_or_default();
        let ops = &ops[start.max(first)..];
        let rows = mixture.map_or(1, |mixture| mixture.of.nodes.unsigned_abs());
        let shares = mixture.filter(|_| start == 0).map(|mixture| mixture.dense);
        let work = work(between, ops, rows, shares)?;
        // The logits of more layers than one are worth a scale of their own.
        let last = ops.iter().rev().find(|op| is_dense(op));
        let last = last.filter(|_| mixture.is_some() && layers > 1);
        let last = last.and_then(|&dense| mixture_of(dense, LAST_NODES));
        let (ops, between) = (ops.to_vec(), between.to_vec());
        let path = Path { ops, mixture, between, last, layers, work };
        (work <= tracking.work).then_some(path)
    };
    let all = |mixture: Option<Mixture>| {
        let kept = starts.iter().rev().take(wanted).enumerate();
        kept.rev().find_map(|(number, &start)| path(mixture, start, number + 1))
    };
    let mixture = mixture_of(ops[0], tracking.nodes);
    let mixture = mixture
        .filter(|_| starts.len() > 1 && !ops.iter().any(|op| meets_items(*op) || joins(*op)));
    mixture.and_then(|mixture| all(Some(mixture))).or_else(|| all(None))
}

/// The ops with a rule for covariances that a value comes from, each behind those that it reads.
fn gather(value: Value, ops: &mut Vec<Op>) {
    let Some((op, operands)) = step(value) else { return };
    if ops.contains(&op) {
        return;
    }
    operands.into_iter().for_each(|operand| gather(operand, ops));
    ops.push(op);
}

/// Is an op a sum of two that may come from the same elements?
fn joins(op: Op) -> bool {
    op.results().first().and_then(|&result| step(result)).is_some_and(|(_, from)| from.len() > 1)
}

/// Has an op a second operand that is not the same for all items? The rows of a mixture do not meet it.
fn meets_items(op: Op) -> bool {
    let is_of_item = |value: &Value| value.ty().shape().is_none_or(|s| s.first() != Some(&1));
    let is_binary = matches!(Layer::of(op), Ok(Some(Layer::Binary(_))));
    is_binary && op.operands().iter().filter(|value| is_of_item(value)).count() > 1
}

/// What a dense layer of uncertain inputs and weights becomes.
fn mixture_of(dense: Op, nodes: i64) -> Option<Mixture> {
    let input = dense.operand(0);
    if nodes == 0 || !input.ty().is_gaussian() || !dense.operand(1).ty().is_gaussian() {
        return None;
    }
    let [_, elements] = input.ty().shape()?[..] else { return None };
    // Through what leaves the elements in their order, to what they are the positive parts of.
    let mut value = input;
    let mut channels = None;
    let mut before = None;
    while let Some(op) = value.defining_op() {
        match Layer::of(op) {
            Ok(Some(Layer::Reshape | Layer::Flatten)) => {
                let shape = op.operand(0).ty().shape()?;
                let is_image = shape.len() > 2 && shape[0] == input.ty().shape()?[0];
                channels = channels.or(is_image.then(|| shape[1]));
            }
            Ok(Some(Layer::Activation(activation)))
                if before.is_none() && activation.is_rectifier() =>
            {
                before = Some(op.operand(0));
            }
            // Elements in another order, and channels that do not lie one after the other.
            Ok(Some(Layer::Movement(_))) => {
                channels = Some(elements);
                break;
            }
            _ => break,
        }
        value = op.operand(0);
    }
    let groups = channels.filter(|channels| elements % channels == 0).unwrap_or(elements);
    let of = ScaleMixture { nodes, groups, rectified: before.is_some() };
    Some(Mixture { dense, of, before: before.unwrap_or(input) })
}

/// The op that gives a value, where it has a rule for covariances, and the operands that they come from.
fn step(value: Value) -> Option<(Op, Vec<Value>)> {
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
            [_, elements] => ty.gaussian && !ty.has_covariance() && elements <= MAX_CORRELATED,
            _ => false,
        })
    };
    let operands = op.operands();
    let from = match (&layer, &operands[..]) {
        (Layer::Dense | Layer::Activation(_), [input, ..]) => vec![*input],
        (Layer::Binary(Binary::Add | Binary::Sub), [x, y]) if is_apart(*y) => vec![*x],
        (Layer::Binary(Binary::Add | Binary::Sub), [x, y]) if is_apart(*x) => vec![*y],
        (Layer::Binary(Binary::Add | Binary::Sub), [x, y]) => vec![*x, *y],
        (Layer::Binary(Binary::Mul | Binary::Div), [x, y]) if is_known(*y) => vec![*x],
        (Layer::Binary(Binary::Mul), [x, y]) if is_known(*x) => vec![*y],
        _ => return None,
    };
    // What is repeated over the items or the elements has no row of its own.
    let is_whole =
        |from: Value| matches!(layer, Layer::Dense) || from.ty().shape() == value.ty().shape();
    from.iter().all(|&from| carries(from) && is_whole(from)).then_some((op, from))
}

/// The multiply-adds that covariances and the rows of a mixture cost, for the whole batch; `None` where they are too
/// many to count. `shares` is a dense layer whose outputs have covariances as a mixture.
fn work(between: &[Op], ops: &[Op], rows: u64, shares: Option<Op>) -> Option<u64> {
    let mut work = 0u64;
    // The moments of a row for each further node.
    for &op in between.iter().chain(ops) {
        let (items, moments) = moments_of(op)?;
        work = work.checked_add(moments.checked_mul(items)?.checked_mul(rows.checked_sub(1)?)?)?;
    }
    // How many elements the factors come from that covariances are kept by.
    let mut depth = 0u64;
    let mut outputs = 0u64;
    for &op in shares.iter().chain(ops) {
        let [items, elements] = sizes(op.result(0))?;
        outputs = elements;
        let each = match Layer::of(op) {
            Ok(Some(Layer::Dense)) => {
                let [_, inputs] = sizes(op.operand(0))?;
                // The factors of the inputs, their diagonals, and a new one.
                let of_factors =
                    elements.checked_mul(depth)?.checked_mul(inputs.checked_add(2)?)?;
                depth = depth.checked_add(inputs)?;
                of_factors
            }
            // The factors of both.
            _ if joins(op) => elements.checked_mul(depth.checked_add(elements)?.checked_mul(2)?)?,
            _ => elements,
        };
        work = work.checked_add(each.checked_mul(items)?.checked_mul(rows)?)?;
    }
    // The matrix of the last.
    let [items, _] = ops.last().map_or(Some([0, 0]), |op| sizes(op.result(0)))?;
    let matrix = outputs.checked_mul(outputs.checked_add(1)?)?.checked_mul(depth)?;
    work.checked_add(matrix.checked_mul(items)?.checked_mul(rows)?)
}

/// How many items an op has, and the multiply-adds of mean and variance of one.
fn moments_of(op: Op) -> Option<(u64, u64)> {
    let [items, outputs] = sizes(op.result(0))?;
    let each = match Layer::of(op) {
        Ok(Some(Layer::Dense)) => {
            let [_, inputs] = sizes(op.operand(0))?;
            let terms = if op.operand(1).ty().is_gaussian() { 3 } else { 2 };
            outputs.checked_mul(inputs)?.checked_mul(terms)?
        }
        _ => outputs,
    };
    Some((items, each))
}

/// Items and their elements; a batch that is not fixed is of one item.
fn sizes(value: Value) -> Option<[u64; 2]> {
    let shape = value.ty().shape()?;
    let sizes = [shape.first()?, shape.get(1)?];
    Some(sizes.map(|&size| u64::try_from(size).unwrap_or(1)))
}

/// Gives the results of the ops covariances, which others than ops of the path and of predictions do not read; the
/// last of them.
fn carry(path: &Path) -> Option<Value> {
    let mut nodes = 1;
    let mut last = path.last;
    if let Some(mixture) = path.mixture {
        nodes = mixture.of.nodes;
        let replaced = mixture.dense.result(0);
        let mixed = mix(mixture, nodes)?;
        // Of two layers the last one is computed of the first.
        last = last.map(|last| match last.before == replaced {
            true => Mixture { before: mixed.result(0), ..last },
            false => last,
        });
        set_type(mixed.result(0), nodes, path);
        path.between.iter().for_each(|op| set_type(op.result(0), nodes, path));
    }
    // Elements count as independent up to the first layer whose covariances are carried.
    let is_dense = |op: &Op| matches!(Layer::of(*op), Ok(Some(Layer::Dense)));
    let between = path.between.iter().filter(|op| is_dense(op));
    let first = path.ops.first().filter(|_| !path.between.is_empty());
    for op in between.chain(first) {
        let input = op.operand(0);
        let correlated = with_nodes(input.ty(), nodes)?;
        op.set_operand(0, Builder::before(*op).value("gauss.correlated", &[input], correlated));
    }
    let mut known = HashMap::new();
    let mut value = None;
    for &op in &path.ops {
        let is_first = is_dense(&op) && !op.operand(0).ty().has_covariance();
        for (place, operand) in op.operands().into_iter().enumerate() {
            if is_first && place == 0 && !known.contains_key(&operand) {
                known.insert(operand, correlated(op, operand)?);
            }
            if let Some(&correlated) = known.get(&operand) {
                op.set_operand(place, correlated);
            }
        }
        // A branch from before the first layer that is carried.
        if !op.operands().iter().any(|operand| operand.ty().has_covariance()) {
            continue;
        }
        let op = match last.filter(|last| last.dense == op) {
            Some(last) => {
                nodes = path.nodes();
                mix(last, nodes)?
            }
            None => op,
        };
        set_type(op.result(0), nodes, path);
        value = Some(op.result(0));
    }
    value
}

/// A value with covariances between its elements, which are 0, for all that read it in the block of an op.
fn correlated(op: Op, value: Value) -> Option<Value> {
    let first = op.block().ops().into_iter().find(|op| op.operands().contains(&value))?;
    let ty = with_nodes(value.ty(), 1)?;
    Some(Builder::before(first).value("gauss.correlated", &[value], ty))
}

/// Puts a mixture, of so many nodes with those of its input, in the place of its dense layer.
fn mix(mixture: Mixture, nodes: i64) -> Option<Op> {
    let Mixture { dense, of, before } = mixture;
    let builder = Builder::before(dense);
    let (input, result) = (dense.operand(0), dense.result(0));
    let before = match before.ty().shape() == input.ty().shape() {
        true => before,
        false => builder.value("gauss.reshape", &[before], input.ty()),
    };
    let operands: Vec<_> =
        [input, before].into_iter().chain(dense.operands().into_iter().skip(1)).collect();
    let ty = with_nodes(result.ty(), nodes)?;
    let op = builder.op("gauss.scale_mixture").operands(&operands).results(&[ty]);
    let list = of.write();
    let op = list.entries(dense.context()).fold(op, |op, (name, value)| op.attr(name, value));
    let mixed = op.build();
    result.replace_all_uses_with(mixed.result(0));
    dense.erase();
    Some(mixed)
}

/// Gives a result covariances, and what has no rule for them its marginals.
fn set_type(result: Value, nodes: i64, path: &Path) {
    let Some(plain) =
        TensorType::of(result.ty()).and_then(|ty| ty.marginals().to_type(result.ty()))
    else {
        return;
    };
    let Some(correlated) = with_nodes(plain, nodes) else { return };
    let others: Vec<_> = result.users().into_iter().filter(|user| !takes(*user, path)).collect();
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

/// Does a user of a result take it with its covariances?
fn takes(user: Op, path: &Path) -> bool {
    let is_within = path.ops.contains(&user) || path.between.contains(&user);
    match Layer::of(user) {
        Ok(Some(Layer::Softmax(_) | Layer::Uncertainty(_))) => {
            let shape = user.operand(0).ty().shape();
            shape.is_some_and(|shape| shape.last().is_some_and(|&size| size <= classes_of(user)))
        }
        Ok(Some(
            Layer::Correlated
            | Layer::ScaleMixture(_)
            | Layer::Covariance { .. }
            | Layer::Marginals,
        )) => true,
        _ => is_within,
    }
}

fn with_nodes(ty: Type, nodes: i64) -> Option<Type> {
    let tensor = TensorType::of(ty)?;
    TensorType { nodes, ..tensor }.to_type(ty)
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
            let last = Tracking { layers: 1, nodes: 0, work: u64::MAX, ..tracking };
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
            tracked.add(&path);
            carry(&path).unwrap_or(output)
        }
    };
    let Some(TensorType { shape, nodes, .. }) = TensorType::of(correlated.ty()) else {
        return Ok(());
    };
    let [items, elements] = shape[..] else { return Ok(()) };
    let context = function.context();
    let builder = Builder::before(returns);
    let mut values = returns.operands();
    let is_of_nodes = tracking.returned == Returned::OfNodes && nodes > 1;
    let mut sizes = vec![items, elements, elements];
    if is_of_nodes {
        let ty = TensorType::new(vec![items, nodes, elements], true).to_type(correlated.ty());
        let ty = ty.ok_or_else(|| fail(function, "has nodes that do not fit a tensor"))?;
        values.push(builder.value("gauss.nodes", &[correlated], ty));
        sizes.insert(1, nodes);
    }
    let matrices = builder.op("gauss.covariance").operands(&[correlated]);
    let matrices = matrices.results(&[Type::tensor(context.f32(), &sizes)]);
    let matrices = match is_of_nodes {
        true => matrices.attr("of_nodes", context.bool_attr(true)),
        false => matrices,
    };
    values.push(matrices.build().result(0));
    returns.set_operands(&values);
    let inputs = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (inputs, _) = inputs
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    let types: Vec<_> = values.into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &types).attr());
    Ok(())
}
