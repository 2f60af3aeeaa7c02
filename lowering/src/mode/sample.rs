//! Forward passes with drawn weights: a loop around the deterministic network.
//!
//! Each pass draws every Gaussian input, parameter and constant once, for the whole
//! batch, and each `gauss.make` and the noise of a layer where it is executed. What depends on no draw is
//! computed once, before the loop. Mean and variance of the results are carried from
//! pass to pass by Welford's recurrence (B. P. Welford, *Note on a method for
//! calculating corrected sums of squares and products*, Technometrics 4, 1962), which
//! subtracts no large sums, on the differences from the first pass: a running mean of the
//! results themselves would stop to move once a pass changes it by less than its last digit.
//! The recurrence is that of the mean of the squares: a sum of many would lose theirs.

use std::collections::HashSet;

use gauss_dialect::{
    ir::{Attribute, Block, Builder, DYNAMIC, Op, Type, Value},
    layer::Layer,
    ops::noise::Noise,
};

use super::{
    Sampling,
    draw::{self, MomentLists, Spread, Stream},
    plain,
};
use crate::{
    linalg,
    pass::{Failed, Outcome, fail},
};

/// What the kernels that add a pass to the moments are called in reports.
const LAYER: &str = "average";

/// The most bytes that weights drawn by the compiler may take.
const MAX_PRESAMPLED_BYTES: u64 = 1 << 30;

/// Rewrites every function of a module.
///
/// # Errors
///
/// At an op that cannot be sampled.
pub fn apply(module: Op, sampling: &Sampling) -> Outcome {
    let ops = module.body().map(Block::ops).unwrap_or_default();
    let mut presampled_bytes = 0;
    for function in ops.into_iter().filter(|op| op.is("func.func")) {
        if let Some(body) = function.body() {
            presampled_bytes += sample(function, body, sampling, presampled_bytes)?;
        }
    }
    Ok(())
}

/// Where the numbers of a Gaussian come from.
#[derive(Debug, Clone)]
struct Source {
    /// The Gaussian.
    value: Value,
    /// Its number in the function; parameters of one name share it.
    number: u32,
    /// The draw, once it is emitted.
    drawn: Option<Value>,
}

/// A function in the making.
struct Function<'a> {
    sampling: &'a Sampling,
    sources: Vec<Source>,
    /// Before the loop.
    outside: Builder,
    /// In the loop.
    inside: Builder,
    /// The number of the pass, as an `index` and as an `i32`.
    pass: Value,
    sample: Value,
    presampled_bytes: u64,
}

/// Returns the bytes of weights that were drawn here.
fn sample(
    function: Op,
    body: Block,
    sampling: &Sampling,
    presampled_bytes: u64,
) -> Result<u64, Failed> {
    let sources = sources(body)?;
    if sources.is_empty() && !uses_gaussians(body) {
        return Ok(0);
    }
    let end = body.terminator().filter(|_| function.region(0).blocks().len() == 1);
    let end = end.ok_or_else(|| fail(function, "has control flow; a network is one block"))?;
    check(function, body)?;
    let dependent = dependent(body, &sources)?;
    // What the function returned, before its values become plain.
    let returned: Vec<_> = end.operands().into_iter().map(|x| (x, x.ty())).collect();

    let context = function.context();
    let outside = Builder::before(end);
    let averages: Vec<_> = returned
        .iter()
        .filter(|(x, _)| dependent.contains(x))
        .map(|&(_, ty)| Average::begin(outside, ty, sampling))
        .collect();
    let carried: Vec<_> = averages.iter().flat_map(Average::parts).collect();
    let types: Vec<_> = carried.iter().map(|x| x.ty()).collect();
    let block = Block::new(&[&[context.index()], &types[..]].concat(), end.location());
    let inside = outside.in_block(block);
    let pass = block.argument(0);
    let sample = inside.value("arith.index_cast", &[pass], context.integer(32));
    let mut made = Function { sampling, sources, outside, inside, pass, sample, presampled_bytes };
    for op in body.ops() {
        if op.results().iter().any(|result| dependent.contains(result)) && !made.is_source(op) {
            made.draw_operands(op)?;
            move_to_end(op, block);
            op.results().into_iter().for_each(|x| x.set_type(plain(x.ty())));
        }
    }
    let arguments = &mut block.arguments().into_iter().skip(1);
    let count = Count { is_first: made.is_first(), reciprocal: made.reciprocal_count() };
    let mut next = Vec::new();
    let mut averages = averages.into_iter();
    for &(x, _) in returned.iter().filter(|(x, _)| dependent.contains(x)) {
        let Some(average) = averages.next() else { break };
        let value = made.drawn_or_same(x)?;
        let value = through_mean(value);
        let value = made.drawn_or_same(value)?;
        next.extend(average.add(&made, value, count, arguments));
    }
    inside.op("scf.yield").operands(&next).build();
    let bounds = [0, i64::from(sampling.samples), 1].map(|bound| outside.index_constant(bound));
    let passes = outside
        .op("scf.for")
        .operands(&bounds)
        .operands(&carried)
        .results(&types)
        .region(block)
        .build();
    let mut results = Vec::new();
    let mut of_loop = passes.results().into_iter();
    for &(x, ty) in &returned {
        if !dependent.contains(&x) {
            results.push(x);
            continue;
        }
        let first = of_loop.next();
        let rest = of_loop.next();
        results.extend(first.zip(rest).map(|(first, rest)| mean(outside, first, rest)));
        if ty.is_gaussian() {
            results.extend(of_loop.next().map(|sum| variance(outside, sum, sampling.samples)));
            if sampling.draws {
                results.extend(of_loop.next());
            }
        }
    }
    end.set_operands(&results);
    erase_dead(body, block);
    let inputs: Vec<_> = body.arguments().into_iter().map(Value::ty).collect();
    let results: Vec<_> = results.into_iter().map(Value::ty).collect();
    function.set_attribute("function_type", context.function_type(&inputs, &results).attr());
    Ok(made.presampled_bytes - presampled_bytes)
}

/// The Gaussians that are drawn: arguments, then what ops make, in order.
fn sources(body: Block) -> Result<Vec<Source>, Failed> {
    let mut sources: Vec<Source> = Vec::new();
    let mut named: Vec<(String, u32)> = Vec::new();
    let mut count = 0;
    let mut next = || {
        count += 1;
        count - 1
    };
    for value in body.arguments().into_iter().filter(|x| x.ty().is_gaussian()) {
        sources.push(Source { value, number: next(), drawn: None });
    }
    for op in body.ops() {
        let number = match Layer::of(op).map_err(|error| fail(op, error))? {
            Some(Layer::Constant | Layer::Make | Layer::Noise(_)) => next(),
            Some(Layer::Parameter(name)) if op.result(0).ty().is_gaussian() => {
                match named.iter().find(|(known, _)| *known == name) {
                    Some(&(_, number)) => number,
                    None => {
                        let number = next();
                        named.push((name, number));
                        number
                    }
                }
            }
            _ => continue,
        };
        sources.push(Source { value: op.result(0), number, drawn: None });
    }
    Ok(sources)
}

fn uses_gaussians(body: Block) -> bool {
    body.ops().into_iter().flat_map(Op::operands).any(|x| x.ty().is_gaussian())
}

/// Has every value a fixed size, and is every call inlined?
fn check(function: Op, body: Block) -> Outcome {
    let is_dynamic = |x: &Value| x.ty().shape().is_some_and(|shape| shape.contains(&DYNAMIC));
    let mut values = body.ops().into_iter().flat_map(Op::results).chain(body.arguments());
    if values.any(|x| is_dynamic(&x)) {
        return Err(fail(
            function,
            "has a dynamic batch, of which no samples can be taken; fix it with --gauss-set-batch",
        ));
    }
    if let Some(call) = body.ops().into_iter().find(|op| op.is("func.call")) {
        return Err(fail(call, "must be inlined before samples can be taken; run --inline first"));
    }
    Ok(())
}

/// The values that differ from pass to pass.
fn dependent(body: Block, sources: &[Source]) -> Result<HashSet<Value>, Failed> {
    let mut dependent: HashSet<Value> = sources.iter().map(|source| source.value).collect();
    for op in body.ops() {
        let inner = op.descendants();
        let mut operands = inner.iter().chain([&op]).flat_map(|op| op.operands());
        if !operands.any(|operand| dependent.contains(&operand)) {
            continue;
        }
        let is_returned = || op.result(0).users().iter().all(|user| user.is("func.return"));
        match Layer::of(op).map_err(|error| fail(op, error))? {
            Some(Layer::Variance) => {
                return Err(fail(op, "has no meaning in one forward pass"));
            }
            Some(Layer::Mean) if !is_returned() => {
                return Err(fail(
                    op,
                    "has no meaning within one forward pass, only as a result of the function",
                ));
            }
            _ => dependent.extend(op.results()),
        }
    }
    Ok(dependent)
}

fn move_to_end(op: Op, block: Block) {
    let marker = Builder::at_end(op.context(), block, op.location()).index_constant(0);
    if let Some(marker) = marker.defining_op() {
        op.move_before(marker);
        marker.erase();
    }
}

/// What a `gauss.mean` that is returned stands for: the number drawn.
fn through_mean(value: Value) -> Value {
    match value.defining_op().filter(|op| op.is("gauss.mean")) {
        Some(op) => op.operand(0),
        None => value,
    }
}

/// Sources and `gauss.mean` ops that nothing uses any more.
fn erase_dead(body: Block, in_loop: Block) {
    for op in [body.ops(), in_loop.ops()].concat().into_iter().rev() {
        if op.name().starts_with("gauss.") && !op.is_used() {
            op.erase();
        }
    }
}

impl Function<'_> {
    fn is_source(&self, op: Op) -> bool {
        self.sources.iter().any(|source| source.value.defining_op() == Some(op))
    }

    /// Draws what the op reads for the first time.
    fn draw_operands(&mut self, op: Op) -> Outcome {
        for (number, operand) in op.operands().into_iter().enumerate() {
            let value = self.drawn_or_same(operand)?;
            op.set_operand(number, value);
        }
        Ok(())
    }

    /// The draw of a source; another value as it is.
    fn drawn_or_same(&mut self, value: Value) -> Result<Value, Failed> {
        let Some(index) = self.sources.iter().position(|source| source.value == value) else {
            return Ok(value);
        };
        if let Some(drawn) = self.sources[index].drawn {
            return Ok(drawn);
        }
        let number = self.sources[index].number;
        let stream = Stream { seed: self.sampling.seed, number };
        let layer = match value.defining_op() {
            Some(op) => Layer::of(op).map_err(|error| fail(op, error))?.map(|layer| (op, layer)),
            None => None,
        };
        let drawn = match layer {
            Some((op, Layer::Constant)) => self.draw_constant(op, stream)?,
            Some((op, Layer::Make)) => {
                self.draw_operands(op)?;
                self.draw_value(value, stream)
            }
            Some((op, Layer::Noise(noise))) => {
                self.draw_operands(op)?;
                self.draw_noise(op, noise, stream)
            }
            _ => self.draw_value(value, stream),
        };
        self.sources[index].drawn = Some(drawn);
        Ok(drawn)
    }

    /// The draw of moments that only a call knows.
    fn draw_value(&self, value: Value, stream: Stream) -> Value {
        let shape = value.ty().shape().unwrap_or_default();
        let ty = plain(value.ty());
        let list = Type::tensor(ty.element_type(), &[shape.iter().product()]);
        let (builder, [mean, variance]) = match value.defining_op() {
            Some(op) if op.is("gauss.make") => (self.inside, [op.operand(0), op.operand(1)]),
            _ => {
                let part = |name: &str| self.outside.value(name, &[value], ty);
                (self.outside, [part("gauss.mean"), part("gauss.variance")])
            }
        };
        let as_list = |x: Value| draw::pad(builder, reshape(builder, x, list));
        let moments =
            MomentLists { mean: as_list(mean), spread: Spread::Variances(as_list(variance)) };
        let drawn = draw::emit(self.inside, stream, self.sample, &moments);
        let drawn = linalg::slice(self.inside, drawn, &[0], &[shape.iter().product()]);
        reshape(self.inside, drawn, ty)
    }

    /// The numbers that a layer reads, each with noise of its own.
    fn draw_noise(&self, op: Op, noise: Noise, stream: Stream) -> Value {
        let x = op.operand(0);
        let ty = plain(x.ty());
        let elements: i64 = ty.shape().unwrap_or_default().iter().product();
        let list = Type::tensor(ty.element_type(), &[elements]);
        let mean = draw::pad(self.inside, reshape(self.inside, x, list));
        let drawn = match noise {
            Noise::Dropout { rate } => {
                draw::emit_dropout(self.inside, stream, self.sample, mean, rate)
            }
            Noise::Additive { variance } => {
                let spread = Spread::Deviation(variance.sqrt());
                draw::emit(self.inside, stream, self.sample, &MomentLists { mean, spread })
            }
        };
        reshape(self.inside, linalg::slice(self.inside, drawn, &[0], &[elements]), ty)
    }

    /// The draw of a constant, in the order in which its layer reads it.
    fn draw_constant(&mut self, op: Op, stream: Stream) -> Result<Value, Failed> {
        let value = op.result(0);
        let (ty, shape) = (plain(value.ty()), value.ty().shape().unwrap_or_default());
        let order = reading_order(value);
        let read = |name: &str| {
            let values = op.attribute(name).and_then(Attribute::as_f32_elements);
            let values = values.ok_or_else(|| fail(op, format!("has no values as '{name}'")))?;
            Ok(permute(&values, &shape, &order))
        };
        let (mean, variance) = (read("mean")?, read("variance")?);
        let deviation: Vec<f32> = variance.into_iter().map(f32::sqrt).collect();
        let list = match self.sampling.presampled {
            true => self.presampled(op, stream, &mean, &deviation)?,
            false => {
                let moments = MomentLists {
                    mean: self.constant("mean", mean),
                    spread: Spread::Deviations(self.constant("deviation", deviation)),
                };
                let drawn = draw::emit(self.inside, stream, self.sample, &moments);
                linalg::slice(self.inside, drawn, &[0], &[shape.iter().product()])
            }
        };
        let stored: Vec<_> = order.iter().map(|&dim| shape[dim]).collect();
        let stored = reshape(self.inside, list, Type::tensor(ty.element_type(), &stored));
        Ok(transpose(self.inside, stored, &order, ty))
    }

    /// A list of constants, padded with zeros.
    fn constant(&self, name: &str, mut values: Vec<f32>) -> Value {
        values.resize(draw::padded(values.len() as i64) as usize, 0.0);
        let ty = Type::tensor(self.outside.context().f32(), &[values.len() as i64]);
        self.outside.constant(Attribute::resource(ty, name, values), ty)
    }

    /// The draws of all passes as one constant, of which each pass reads its own.
    fn presampled(
        &mut self,
        op: Op,
        stream: Stream,
        mean: &[f32],
        deviation: &[f32],
    ) -> Result<Value, Failed> {
        let (samples, elements) = (self.sampling.samples, mean.len() as i64);
        self.presampled_bytes += u64::from(samples) * mean.len() as u64 * 4;
        if self.presampled_bytes > MAX_PRESAMPLED_BYTES {
            return Err(fail(
                op,
                format!(
                    "and the weights before it, drawn {samples} times, take more than {} MiB; \
                     take fewer samples, or draw in each call: mode=sample",
                    MAX_PRESAMPLED_BYTES >> 20
                ),
            ));
        }
        let values = (0..samples).flat_map(|sample| stream.values(sample, mean, deviation));
        let values: Vec<f32> = values.collect();
        let context = self.outside.context();
        let all = Type::tensor(context.f32(), &[i64::from(samples), elements]);
        let all = self.outside.constant(Attribute::resource(all, "presampled", values), all);
        let slice = self
            .inside
            .op("tensor.extract_slice")
            .operands(&[all, self.pass])
            .results(&[Type::tensor(context.f32(), &[elements])])
            .attr("static_offsets", context.i64_array_attr(&[DYNAMIC, 0]))
            .attr("static_sizes", context.i64_array_attr(&[1, elements]))
            .attr("static_strides", context.i64_array_attr(&[1, 1]))
            .attr("operandSegmentSizes", context.i32_array_attr(&[1, 1, 0, 0]))
            .build();
        Ok(slice.result(0))
    }

    /// Is this the first pass?
    fn is_first(&self) -> Value {
        let (builder, context) = (self.inside, self.inside.context());
        let zero = builder.constant(self.sample.ty().integer_attr(0), self.sample.ty());
        builder
            .op("arith.cmpi")
            .operands(&[self.sample, zero])
            .results(&[context.integer(1)])
            .attr("predicate", context.i64_attr(EQUAL))
            .build()
            .result(0)
    }

    /// One over the number of passes so far, this one included.
    fn reciprocal_count(&self) -> Value {
        let (builder, float) = (self.inside, self.inside.context().f32());
        let one = builder.constant(builder.context().f32_attr(1.0), float);
        let before = builder.value("arith.uitofp", &[self.sample], float);
        let count = builder.value("arith.addf", &[before, one], float);
        builder.value("arith.divf", &[one, count], float)
    }
}

/// Where the elements of a constant stand, dimension by dimension: outputs innermost
/// where a layer reads it as its weight, else as they are.
fn reading_order(value: Value) -> Vec<usize> {
    let rank = value.ty().shape().unwrap_or_default().len();
    let natural: Vec<_> = (0..rank).collect();
    let wanted = |user: Op| -> Vec<usize> {
        let is_weight = user.operands().iter().filter(|&&operand| operand == value).count() == 1
            && user.operands().get(1) == Some(&value);
        match Layer::of(user) {
            Ok(Some(Layer::Dense)) if is_weight => vec![1, 0],
            Ok(Some(Layer::Convolution(convolution))) if is_weight && convolution.groups == 1 => {
                (2..rank).chain([1, 0]).collect()
            }
            _ => natural.clone(),
        }
    };
    let mut orders = value.users().into_iter().map(wanted);
    let first = orders.next().unwrap_or_else(|| natural.clone());
    match orders.all(|order| order == first) {
        true => first,
        false => natural,
    }
}

/// Values whose dimension `d` is dimension `order[d]` of what is given.
fn permute(values: &[f32], shape: &[i64], order: &[usize]) -> Vec<f32> {
    let mut strides = vec![1; shape.len()];
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim] * shape[dim] as usize;
    }
    let mut permuted = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..values.len() {
        let place: usize = order.iter().zip(&index).map(|(&dim, i)| strides[dim] * i).sum();
        permuted.push(values[place]);
        for d in (0..index.len()).rev() {
            index[d] += 1;
            if index[d] < shape[order[d]] as usize {
                break;
            }
            index[d] = 0;
        }
    }
    permuted
}

fn reshape(builder: Builder, x: Value, ty: Type) -> Value {
    match x.ty() == ty {
        true => x,
        false => builder.value("gauss.reshape", &[x], ty),
    }
}

/// The tensor whose dimension `order[d]` is dimension `d` of `stored`.
fn transpose(builder: Builder, stored: Value, order: &[usize], ty: Type) -> Value {
    if order.iter().enumerate().all(|(place, &dim)| place == dim) {
        return stored;
    }
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &dim)| inverse[dim] = place as i64);
    let empty = builder.value("tensor.empty", &[], ty);
    let block = Block::new(&[ty.element_type(); 2], builder.location());
    builder.in_block(block).op("linalg.yield").operands(&[block.argument(0)]).build();
    builder
        .op("linalg.transpose")
        .operands(&[stored, empty])
        .results(&[ty])
        .attr("permutation", builder.context().i64_array_attr(&inverse))
        .region(block)
        .build()
        .result(0)
}

/// `eq` of `arith.cmpi`.
const EQUAL: i64 = 0;

/// Which pass it is.
#[derive(Clone, Copy)]
struct Count {
    is_first: Value,
    /// One over the number of passes so far, this one included.
    reciprocal: Value,
}

/// What is carried from pass to pass for one result of the function.
struct Average {
    /// The result of the first pass.
    first: Value,
    /// The mean of the differences from it.
    mean: Value,
    /// The mean of the squares of what the differences differ from their mean.
    squares: Option<Value>,
    draws: Option<Value>,
}

impl Average {
    /// Of no pass yet.
    fn begin(builder: Builder, ty: Type, sampling: &Sampling) -> Self {
        let shape = ty.shape().unwrap_or_default();
        let zeros = || linalg::fill(builder, &shape, 0.0, LAYER);
        let gaussian = ty.is_gaussian();
        let all = [&[i64::from(sampling.samples)], &shape[..]].concat();
        let all = Type::tensor(ty.element_type(), &all);
        let empty = || builder.value("tensor.empty", &[], all);
        Self {
            first: zeros(),
            mean: zeros(),
            squares: gaussian.then(zeros),
            draws: (gaussian && sampling.draws).then(empty),
        }
    }

    fn parts(&self) -> impl Iterator<Item = Value> + use<> {
        [Some(self.first), Some(self.mean), self.squares, self.draws].into_iter().flatten()
    }

    /// Adds the result of a pass to what the loop carries.
    fn add(
        &self,
        function: &Function,
        x: Value,
        count: Count,
        carried: &mut impl Iterator<Item = Value>,
    ) -> Vec<Value> {
        let builder = function.inside;
        let context = builder.context();
        let shape = x.ty().shape().unwrap_or_default();
        let map = context.identity_map(shape.len());
        let float = context.f32();
        let sums: Vec<_> = carried.take(2 + usize::from(self.squares.is_some())).collect();
        let draws = self.draws.and_then(|_| carried.next());
        // The pass's own part is written here, so that the result may be written in parts elsewhere.
        let own = draws.map(|draws| pass_of(builder, draws, &shape, function.pass));
        let outs: Vec<_> = sums.iter().copied().chain(own).map(|out| (out, map)).collect();
        let added = linalg::generic(builder, &[(x, map)], &outs, LAYER, |inner, arguments| {
            let [result, first, mean, rest @ ..] = arguments else { return vec![] };
            let (squares, own) = rest.split_at(usize::from(self.squares.is_some()));
            let first = inner.value("arith.select", &[count.is_first, *result, *first], float);
            let x = inner.value("arith.subf", &[*result, first], float);
            let difference = inner.value("arith.subf", &[x, *mean], float);
            let step = inner.value("arith.mulf", &[difference, count.reciprocal], float);
            let mean = inner.value("arith.addf", &[*mean, step], float);
            let more = squares.iter().map(|&squares| {
                let rest = inner.value("arith.subf", &[x, mean], float);
                let square = inner.value("arith.mulf", &[difference, rest], float);
                let more = inner.value("arith.subf", &[square, squares], float);
                let step = inner.value("arith.mulf", &[more, count.reciprocal], float);
                inner.value("arith.addf", &[squares, step], float)
            });
            [first, mean].into_iter().chain(more).chain(own.iter().map(|_| *result)).collect()
        });
        let mut next = added.results();
        if let Some(draws) = draws {
            let own = next.pop();
            next.extend(own.map(|own| with_pass(builder, own, draws, function.pass)));
        }
        next
    }
}

/// The part of the draws of all passes that is one pass's.
fn pass_of(builder: Builder, draws: Value, shape: &[i64], pass: Value) -> Value {
    let ty = Type::tensor(draws.ty().element_type(), shape);
    at_pass(builder, "tensor.extract_slice", &[draws, pass], shape, ty)
}

/// The draws of all passes with that of one in it.
fn with_pass(builder: Builder, own: Value, draws: Value, pass: Value) -> Value {
    let shape = own.ty().shape().unwrap_or_default();
    at_pass(builder, "tensor.insert_slice", &[own, draws, pass], &shape, draws.ty())
}

/// An op on the part of one pass, whose number is the last operand.
fn at_pass(builder: Builder, name: &str, operands: &[Value], shape: &[i64], ty: Type) -> Value {
    let context = builder.context();
    let rank = shape.len() + 1;
    let mut offsets = vec![0; rank];
    offsets[0] = DYNAMIC;
    let segments = [&vec![1; operands.len()][..], &[0, 0]].concat();
    builder
        .op(name)
        .operands(operands)
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(&offsets))
        .attr("static_sizes", context.i64_array_attr(&[&[1], shape].concat()))
        .attr("static_strides", context.i64_array_attr(&vec![1; rank]))
        .attr("operandSegmentSizes", context.i32_array_attr(&segments))
        .build()
        .result(0)
}

/// The mean of the passes, from the first one and the mean of the differences from it.
fn mean(builder: Builder, first: Value, differences: Value) -> Value {
    elementwise(builder, &[first, differences], |inner, arguments| {
        inner.value("arith.addf", arguments, builder.context().f32())
    })
}

/// The unbiased variance, of one pass 0.
fn variance(builder: Builder, squares: Value, samples: u32) -> Value {
    if samples < 2 {
        return squares;
    }
    let context = builder.context();
    elementwise(builder, &[squares], |inner, arguments| {
        let factor = context.f32_attr(f64::from(samples) / f64::from(samples - 1));
        let factor = inner.constant(factor, context.f32());
        inner.value("arith.mulf", &[arguments[0], factor], context.f32())
    })
}

/// A tensor computed from the elements of others of its shape.
fn elementwise(
    builder: Builder,
    inputs: &[Value],
    body: impl FnOnce(Builder, &[Value]) -> Value,
) -> Value {
    let ty = inputs[0].ty();
    let map = builder.context().identity_map(ty.shape().unwrap_or_default().len());
    let empty = builder.value("tensor.empty", &[], ty);
    let inputs: Vec<_> = inputs.iter().map(|&input| (input, map)).collect();
    let body =
        |inner: Builder, arguments: &[Value]| vec![body(inner, &arguments[..arguments.len() - 1])];
    linalg::generic(builder, &inputs, &[(empty, map)], LAYER, body).result(0)
}
