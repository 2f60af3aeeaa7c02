//! `--lower-gauss`: the gauss dialect to linalg, arith, math and tensor.
//!
//! A Gaussian value becomes two tensors, its mean and its variance. While the
//! pass runs, `gauss.make` stands for the pair, so that the IR is valid between
//! any two steps; at the end nothing of gauss is left, or an error says why.

mod attention;
pub(super) mod composite;
mod contraction;
mod covariance;
mod fold;
mod gather;
mod matmul;
mod movement;
mod norm;
mod pool;
mod predictions;
mod resize;
mod rows;
mod transposed;

use std::collections::HashSet;

use gauss_dialect::{
    attributes::WHOLE_BATCH,
    ir::{AffineMap, Attribute, Block, Builder, Context, DYNAMIC, Op, Type, Value},
    layer::{Layer, Linear},
    moments::{self, Arithmetic, Moments, mixture},
    ops::{binary::Binary, blend},
    representation::{Component, Representation},
};

use crate::{
    buffers::Buffers,
    linalg,
    mode::{self, Mode, plain},
    parameters::declared::check_distinct,
    pass::{Failed, Outcome, Pass, fail},
    payload::Payload,
};
use predictions::Predicted;

/// Rewrites every gauss op into upstream ops and every gauss type in a function
/// signature into two tensors, mean first. A parameter that is not loaded
/// becomes an external `memref.global`. What the functions compute is the [`Mode`] of
/// the options.
pub const PASS: Pass = Pass {
    name: "lower-gauss",
    description: "Lower the gauss dialect to linalg, arith, math and tensor (options: mode, \
                  moments, mean, sample or presampled; samples; seed; draws)",
    options: Mode::OPTIONS,
    run: |module, options| {
        let mode = Mode::of(options).map_err(|error| fail(module, error))?;
        mode::apply(module, mode)?;
        composite::expand(module)?;
        covariance::expand(module)?;
        fold::reductions(module)?;
        lower(module)
    },
};

fn lower(module: Op) -> Outcome {
    check_distinct(module)?;
    for op in module.descendants() {
        match op.name().as_str() {
            "func.func" => lower_signature(op)?,
            "func.return" => lower_return(op),
            "func.call" => lower_call(op),
            _ => {}
        }
    }
    let mut globals = HashSet::new();
    let mut predicted = Predicted::default();
    for op in module.descendants() {
        if let Some(layer) = Layer::of(op).map_err(|error| fail(op, error))? {
            lower_op(op, &layer, module, &mut globals, &mut predicted)?;
        }
    }
    // Users before definitions, so that one sweep finds all that is dead.
    for op in module.descendants().into_iter().rev() {
        let is_ours = op.name().starts_with("gauss.") || op.is("linalg.transpose");
        if is_ours && !op.is_used() {
            op.erase();
        }
    }
    check_nothing_left(module)
}

/// A gauss value crosses what this pass does not rewrite, such as a block argument.
fn check_nothing_left(module: Op) -> Outcome {
    for op in module.descendants() {
        let blocks = op.regions().into_iter().flat_map(|region| region.blocks());
        let arguments = blocks.flat_map(Block::arguments).collect::<Vec<_>>();
        let values = op.results().into_iter().chain(op.operands()).chain(arguments);
        if values.into_iter().any(|value| value.ty().is_gaussian()) {
            return Err(fail(
                op,
                "holds a gauss value that cannot be lowered: values may flow through gauss ops, \
                 functions, calls and returns only",
            ));
        }
    }
    Ok(())
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

fn split_types(types: Vec<Type>) -> Vec<Type> {
    let split = |ty: Type| match ty.is_gaussian() {
        true => vec![plain(ty); Representation::Gaussian.components().len()],
        false => vec![ty],
    };
    types.into_iter().flat_map(split).collect()
}

fn lower_signature(function: Op) -> Outcome {
    function.remove_attribute(WHOLE_BATCH);
    let signature = function.attribute("function_type").and_then(|ty| ty.as_type());
    let (inputs, results) = signature
        .and_then(Type::function_signature)
        .ok_or_else(|| fail(function, "has no function type"))?;
    if !inputs.iter().chain(&results).any(|ty| ty.is_gaussian()) {
        return Ok(());
    }
    if function.attribute("arg_attrs").is_some() || function.attribute("res_attrs").is_some() {
        return Err(fail(
            function,
            "has attributes on arguments or results, which have no place once a Gaussian is two \
             tensors",
        ));
    }
    let context = function.context();
    if let Some(buffers) = Buffers::of(function) {
        buffers.split(&inputs, |ty| split_types(vec![ty]).len()).write(function);
    }
    let ty = context.function_type(&split_types(inputs), &split_types(results));
    function.set_attribute("function_type", ty.attr());
    let Some(body) = function.body() else { return Ok(()) };
    let mut number = 0;
    while number < body.arguments().len() {
        let argument = body.argument(number);
        let ty = argument.ty();
        if ty.is_gaussian() {
            let part = plain(ty);
            let mean = body.insert_argument(number, part, function.location());
            let variance = body.insert_argument(number + 1, part, function.location());
            let builder = match body.first_op() {
                Some(first) => Builder::before(first),
                None => Builder::at_end(context, body, function.location()),
            };
            let made = builder.value("gauss.make", &[mean, variance], ty);
            argument.replace_all_uses_with(made);
            body.erase_argument(number + 2);
            number += 1;
        }
        number += 1;
    }
    Ok(())
}

/// A divisor that is known must not be 0.
fn check_divisor(op: Op) -> Outcome {
    let constant = op.operand(1).defining_op().filter(|op| op.name().as_str() == "arith.constant");
    let divisors = constant.and_then(|op| op.attribute("value")?.as_f32_elements());
    match divisors.and_then(|divisors| divisors.iter().position(|&divisor| divisor == 0.0)) {
        Some(element) => Err(fail(op, format!("divides by 0, element {element} of its divisor"))),
        None => Ok(()),
    }
}

/// The components of a Gaussian value, the value itself otherwise.
fn split_values(builder: Builder, values: Vec<Value>) -> Vec<Value> {
    let split = |value: Value| {
        let representation = Representation::of(value.ty().is_gaussian());
        let read = move |component: &Component| match component.op() {
            Some(name) => builder.value(name, &[value], plain(value.ty())),
            None => value,
        };
        representation.components().iter().map(read)
    };
    values.into_iter().flat_map(split).collect()
}

fn lower_return(op: Op) {
    if op.operands().iter().any(|value| value.ty().is_gaussian()) {
        op.set_operands(&split_values(Builder::before(op), op.operands()));
    }
}

fn lower_call(op: Op) {
    let types: Vec<_> = op.results().into_iter().map(Value::ty).collect();
    let gaussian = |ty: &Type| ty.is_gaussian();
    if !types.iter().any(gaussian)
        && !op.operands().into_iter().map(Value::ty).any(|t| gaussian(&t))
    {
        return;
    }
    let Some(callee) = op.attribute("callee") else { return };
    let builder = Builder::before(op);
    let call = builder
        .op("func.call")
        .operands(&split_values(builder, op.operands()))
        .results(&split_types(types.clone()))
        .attr("callee", callee)
        .build();
    let mut next = 0;
    for (result, ty) in op.results().into_iter().zip(types) {
        let value = match ty.is_gaussian() {
            true => {
                next += 2;
                builder.value("gauss.make", &[call.result(next - 2), call.result(next - 1)], ty)
            }
            false => {
                next += 1;
                call.result(next - 1)
            }
        };
        result.replace_all_uses_with(value);
    }
    op.erase();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

fn lower_op(
    op: Op,
    layer: &Layer,
    module: Op,
    globals: &mut HashSet<String>,
    predicted: &mut Predicted,
) -> Outcome {
    let name = op.name().trim_start_matches("gauss.").to_owned();
    let builder = Builder::before(op);
    let mut emit = Emitter { builder, context: op.context(), layer: name, batch: None };
    emit.batch = op.operands().into_iter().map(|x| emit.moments(x).mean).find(|&x| is_dynamic(x));
    let shape = op.result(0).ty().shape().ok_or_else(|| fail(op, "has a result without shape"))?;
    let operand = |number: usize| emit.moments(op.operand(number));
    let result = match layer {
        // The pair itself; it goes when nothing uses it any more.
        Layer::Make => return Ok(()),
        Layer::Mean => Moments::deterministic(operand(0).mean),
        Layer::Variance => match operand(0).variance {
            Some(variance) => Moments::deterministic(variance),
            None => return Err(fail(op, "has a deterministic operand")),
        },
        Layer::Correlated
        | Layer::Marginals
        | Layer::Covariance { .. }
        | Layer::Nodes
        | Layer::ScaleMixture(_) => {
            return Err(fail(op, "has covariances, which are not written out"));
        }
        Layer::Mix => emit.mix(operand(0), &shape),
        Layer::SquareDeviation { rectified } => {
            let read = (operand(0), emit.context.identity_map(shape.len()));
            emit.map(&shape, &[read], false, |a, x| {
                Moments::deterministic(match rectified {
                    true => mixture::positive_square_deviation(a, x[0]),
                    false => mixture::square_deviation(a, x[0]),
                })
            })
        }
        Layer::ScaleNodes(_) => emit.scale_nodes([operand(0).mean, operand(1).mean], &shape),
        Layer::WithDiagonal => emit.with_diagonal(operand(0).mean, operand(1).mean),
        Layer::Gain(activation) => {
            let read = (operand(0), emit.context.identity_map(shape.len()));
            emit.map(&shape, &[read], false, |a, x| {
                Moments::deterministic(activation.gain(a, x[0]))
            })
        }
        Layer::Parameter(name) => emit.parameter(op, name, module, globals),
        Layer::Constant => emit.constant(op)?,
        Layer::Dense => emit.dense(Linear::of(op), &shape),
        Layer::Convolution(convolution) => emit.convolution(convolution, Linear::of(op), &shape),
        Layer::ConvTranspose(convolution) => emit
            .conv_transpose(convolution, Linear::of(op), &shape)
            .map_err(|error| fail(op, error))?,
        Layer::Matmul(matmul) => emit.matmul(*matmul, [operand(0), operand(1)], &shape),
        Layer::BatchNorm(epsilon) => {
            let channel = [operand(1), operand(2), operand(3), operand(4)];
            emit.batch_norm(operand(0), channel, *epsilon, &shape)
        }
        Layer::Binary(binary) => {
            if *binary == Binary::Div {
                check_divisor(op)?;
            }
            let reads = [0, 1].map(|number| emit.repeated(operand(number), &shape));
            let gaussian = reads.iter().any(|(x, _)| x.variance.is_some());
            emit.map(&shape, &reads, gaussian, |a, x| binary.moments(a, x[0], x[1]))
        }
        Layer::Movement(movement) => {
            let operands: Vec<_> = (0..op.operands().len()).map(operand).collect();
            emit.movement(movement, &operands, &shape)
        }
        Layer::Norm(norm) => {
            let parameters: Vec<_> = (1..op.operands().len()).map(operand).collect();
            emit.norm(norm, operand(0), &parameters, &shape)
        }
        Layer::Blend => {
            let reads = [0, 1, 2].map(|number| emit.repeated(operand(number), &shape));
            let gaussian = reads.iter().any(|(x, _)| x.variance.is_some());
            emit.map(&shape, &reads, gaussian, |a, x| blend::moments(a, x[0], x[1], x[2]))
        }
        Layer::AttentionWeights(weights) => emit.attention_weights(*weights, operand(0), &shape),
        Layer::Composite(_) => {
            return Err(fail(op, "is made of other ops, and not yet written out"));
        }
        Layer::Embedding => {
            if is_dynamic(op.operand(0)) {
                return Err(fail(op, "needs a batch that is fixed: --gauss-set-batch"));
            }
            emit.embedding(operand(0).mean, operand(1), &shape)
        }
        Layer::Resize(resize) => emit.resize(resize, operand(0), &shape),
        Layer::Reduction(reduction) => emit.reduction(reduction, operand(0), &shape),
        Layer::Activation(activation) => {
            emit.elementwise(&shape, &[operand(0)], |a, x| activation.moments(a, x[0]))
        }
        Layer::Noise(noise) => {
            let read = (operand(0), emit.context.identity_map(shape.len()));
            emit.map(&shape, &[read], true, |a, x| noise.moments(a, x[0]))
        }
        Layer::Pool(pool) => {
            let covariances: Vec<_> = (1..op.operands().len()).map(operand).collect();
            match covariances.is_empty() {
                true => emit.pool(pool, operand(0), &shape),
                false => emit.correlated_max(&pool.window, operand(0), &covariances, &shape),
            }
        }
        Layer::GlobalMaxPool => emit.global_max(operand(0), &shape),
        Layer::Reshape | Layer::Flatten => emit.each(operand(0), |x| emit.reshape(x, &shape)),
        Layer::Softmax(method) => emit.softmax(op, *method, predicted),
        Layer::Uncertainty(method) => emit.uncertainty(op, *method, predicted, &shape),
        Layer::Decide(thresholds) => emit.decide(*thresholds, operand(0).mean, operand(1).mean),
        Layer::BinaryProbability => emit.binary_probability(op, predicted),
        Layer::BinaryUncertainty => emit.binary_uncertainty(op, predicted, &shape),
        Layer::BinaryDecide(thresholds) => {
            emit.binary_decide(*thresholds, operand(0).mean, operand(1).mean)
        }
        Layer::Interval(interval) => emit.interval(*interval, operand(0), &shape),
    };
    let value = match result.variance {
        Some(variance) => {
            emit.builder.value("gauss.make", &[result.mean, variance], op.result(0).ty())
        }
        None => result.mean,
    };
    op.result(0).replace_all_uses_with(value);
    op.erase();
    Ok(())
}

/// The op of the module's body that holds `op`.
fn top_level(op: Op, module: Op) -> Op {
    match op.parent() {
        Some(parent) if parent != module => top_level(parent, module),
        _ => op,
    }
}

/// An input of a `linalg.generic`: its moments, read through one map.
type Read = (Moments<Value>, AffineMap);

/// Emits upstream ops at one place.
struct Emitter {
    builder: Builder,
    context: Context,
    /// The name of the layer, for the ops that are made from it.
    layer: String,
    /// A tensor whose leading dimension is the batch, where the batch is dynamic.
    batch: Option<Value>,
}

impl Emitter {
    /// The components of a value: those of the `gauss.make` that stands for it,
    /// or ops that read them.
    fn moments(&self, value: Value) -> Moments<Value> {
        if !value.ty().is_gaussian() {
            return Moments::deterministic(value);
        }
        if let Some(make) = value.defining_op().filter(|op| op.is("gauss.make")) {
            return Moments::gaussian(make.operand(0), make.operand(1));
        }
        let ty = plain(value.ty());
        Moments::gaussian(
            self.builder.value("gauss.mean", &[value], ty),
            self.builder.value("gauss.variance", &[value], ty),
        )
    }

    /// The same function of the mean and of the variance.
    fn each(&self, x: Moments<Value>, f: impl Fn(Value) -> Value) -> Moments<Value> {
        Moments { mean: f(x.mean), variance: x.variance.map(f) }
    }

    //===------------------------------------------------------------------===//
    // Sources
    //===------------------------------------------------------------------===//

    fn parameter(
        &self,
        op: Op,
        name: &str,
        module: Op,
        globals: &mut HashSet<String>,
    ) -> Moments<Value> {
        let ty = op.result(0).ty();
        let mut external = |symbol: String| {
            let tensor = plain(ty);
            let memref = Type::memref(ty.element_type(), &ty.shape().unwrap_or_default());
            if globals.insert(symbol.clone()) {
                Builder::before(top_level(op, module))
                    .op("memref.global")
                    .attr("sym_name", self.context.string_attr(&symbol))
                    .attr("type", memref.attr())
                    .attr("constant", self.context.unit_attr())
                    .build();
            }
            let buffer = self
                .builder
                .op("memref.get_global")
                .attr("name", self.context.symbol_attr(&symbol))
                .results(&[memref])
                .build()
                .result(0);
            self.builder
                .op("bufferization.to_tensor")
                .operands(&[buffer])
                .attr("restrict", self.context.unit_attr())
                .results(&[tensor])
                .build()
                .result(0)
        };
        match ty.is_gaussian() {
            true => {
                let [mean, variance] = [Component::Mean, Component::Variance];
                Moments::gaussian(external(mean.tensor(name)), external(variance.tensor(name)))
            }
            false => Moments::deterministic(external(name.to_owned())),
        }
    }

    fn constant(&self, op: Op) -> Result<Moments<Value>, Failed> {
        let ty = plain(op.result(0).ty());
        let read = |name: &str| {
            let values = op.attribute(name).ok_or_else(|| fail(op, format!("needs '{name}'")))?;
            Ok(self.builder.constant(values, ty))
        };
        Ok(Moments::gaussian(read("mean")?, read("variance")?))
    }

    //===------------------------------------------------------------------===//
    // Layers
    //===------------------------------------------------------------------===//

    fn batch_norm(
        &self,
        input: Moments<Value>,
        [gamma, beta, running_mean, running_variance]: [Moments<Value>; 4],
        epsilon: f64,
        shape: &[i64],
    ) -> Moments<Value> {
        let deviation = self.elementwise(&shape[1..2], &[running_variance], |a, x| {
            Moments::deterministic(moments::batch_norm_deviation(a, x[0].mean, epsilon))
        });
        let identity = self.context.identity_map(shape.len());
        let channel = self.context.affine_map(shape.len(), &[self.context.dim(1)]);
        let inputs = [
            (input, identity),
            (gamma, channel),
            (beta, channel),
            (running_mean, channel),
            (deviation, channel),
        ];
        let gaussian = inputs.iter().any(|(x, _)| x.variance.is_some());
        self.map(shape, &inputs, gaussian, |a, x| {
            moments::batch_norm(a, x[0], x[1], x[2], x[3].mean, x[4].mean)
        })
    }

    //===------------------------------------------------------------------===//
    // Building blocks
    //===------------------------------------------------------------------===//

    /// A read of a tensor for a result of `shape`: its dimensions of size 1 are repeated.
    fn repeated(&self, x: Moments<Value>, shape: &[i64]) -> Read {
        let own = x.mean.ty().shape().unwrap_or_default();
        let index = |(dim, (&own, &size)): (usize, (&i64, &i64))| match own == 1 && size != 1 {
            true => self.context.affine_constant(0),
            false => self.context.dim(dim),
        };
        let indices: Vec<_> = own.iter().zip(shape).enumerate().map(index).collect();
        (x, self.context.affine_map(shape.len(), &indices))
    }

    /// One result element from the operands' elements at the same place.
    fn elementwise(
        &self,
        shape: &[i64],
        operands: &[Moments<Value>],
        f: impl FnOnce(&mut Payload, &[Moments<Value>]) -> Moments<Value>,
    ) -> Moments<Value> {
        let identity = self.context.identity_map(shape.len());
        let reads: Vec<_> = operands.iter().map(|&x| (x, identity)).collect();
        let gaussian = operands.iter().any(|x| x.variance.is_some());
        self.map(shape, &reads, gaussian, f)
    }

    /// A tensor of `shape` whose elements are a function of what is read for them.
    fn map(
        &self,
        shape: &[i64],
        inputs: &[Read],
        gaussian: bool,
        f: impl FnOnce(&mut Payload, &[Moments<Value>]) -> Moments<Value>,
    ) -> Moments<Value> {
        let initial =
            Moments { mean: self.empty(shape), variance: gaussian.then(|| self.empty(shape)) };
        let identity = self.context.identity_map(shape.len());
        self.generic(inputs, initial, identity, |a, x, _| f(a, x))
    }

    /// A `linalg.generic` on Gaussian operands, whose result has the type and the
    /// components of `initial`. Dimensions that `out` does not name are reduced.
    fn generic(
        &self,
        inputs: &[Read],
        initial: Moments<Value>,
        out: AffineMap,
        body: impl FnOnce(&mut Payload, &[Moments<Value>], Moments<Value>) -> Moments<Value>,
    ) -> Moments<Value> {
        let components = |x: Moments<Value>| [Some(x.mean), x.variance].into_iter().flatten();
        let values: Vec<_> = inputs.iter().flat_map(|&(x, _)| components(x)).collect();
        let inits: Vec<_> = components(initial).collect();
        let maps: Vec<_> = inputs
            .iter()
            .flat_map(|&(x, map)| components(x).map(move |_| map.attr()))
            .chain(inits.iter().map(|_| out.attr()))
            .collect();
        let parallel = out.results().len();
        let iterators: Vec<_> = (0..out.num_dims())
            .map(|dim| {
                linalg::iterator(
                    self.context,
                    if dim < parallel { "parallel" } else { "reduction" },
                )
            })
            .collect();

        let scalars = vec![self.context.f32(); values.len() + inits.len()];
        let block = Block::new(&scalars, self.builder.location());
        let inner = self.builder.in_block(block);
        let mut payload = Payload::new(inner);
        let mut arguments = block.arguments().into_iter();
        let mut next = |x: Moments<Value>| Moments {
            // The block has an argument for every component.
            mean: arguments.next().unwrap_or(x.mean),
            variance: x.variance.map(|v| arguments.next().unwrap_or(v)),
        };
        let read: Vec<_> = inputs.iter().map(|&(x, _)| next(x)).collect();
        let sum = next(initial);
        let result = body(&mut payload, &read, sum);
        let mut results = vec![result.mean];
        if initial.variance.is_some() {
            // Deterministic where the result is Gaussian: its variance is zero.
            results.push(result.variance.unwrap_or_else(|| payload.constant(0.0)));
        }
        inner.op("linalg.yield").operands(&results).build();

        let types: Vec<_> = inits.iter().map(|x| x.ty()).collect();
        let segments = [values.len() as i32, inits.len() as i32];
        let op = self
            .builder
            .op("linalg.generic")
            .operands(&values)
            .operands(&inits)
            .results(&types)
            .attr("indexing_maps", self.context.array_attr(&maps))
            .attr("iterator_types", self.context.array_attr(&iterators))
            .attr("operandSegmentSizes", self.context.i32_array_attr(&segments))
            .attr(linalg::LAYER, self.context.string_attr(&self.layer))
            .region(block)
            .build();
        let variance = initial.variance.map(|_| op.result(1));
        Moments { mean: op.result(0), variance }
    }

    /// The operands that stand for the dynamic sizes of a shape.
    fn dynamic_sizes(&self, shape: &[i64]) -> Vec<Value> {
        match (shape.first(), self.batch) {
            (Some(&DYNAMIC), Some(like)) => {
                let zero = self.builder.index_constant(0);
                vec![self.builder.value("tensor.dim", &[like, zero], self.context.index())]
            }
            _ => vec![],
        }
    }

    /// A tensor without values.
    fn empty(&self, shape: &[i64]) -> Value {
        let ty = Type::tensor(self.context.f32(), shape);
        self.builder.value("tensor.empty", &self.dynamic_sizes(shape), ty)
    }

    fn fill(&self, shape: &[i64], value: f64) -> Value {
        self.map(shape, &[], false, |a, _| Moments::deterministic(a.constant(value))).mean
    }

    /// `around` with `x` in it, from these offsets on.
    fn insert(&self, x: Value, around: Value, offsets: &[i64]) -> Value {
        self.insert_strided(x, around, offsets, &vec![1; offsets.len()])
    }

    /// `around` with `x` in it at every `strides`-th place, from these offsets on.
    fn insert_strided(&self, x: Value, around: Value, offsets: &[i64], strides: &[i64]) -> Value {
        let size = x.ty().shape().unwrap_or_default();
        let sizes = self.dynamic_sizes(&size);
        self.builder
            .op("tensor.insert_slice")
            .operands(&[x, around])
            .operands(&sizes)
            .results(&[around.ty()])
            .attr("static_offsets", self.context.i64_array_attr(offsets))
            .attr("static_sizes", self.context.i64_array_attr(&size))
            .attr("static_strides", self.context.i64_array_attr(strides))
            .attr(
                "operandSegmentSizes",
                self.context.i32_array_attr(&[1, 1, 0, sizes.len() as i32, 0]),
            )
            .build()
            .result(0)
    }

    /// Every `strides`-th element of `x` from `offsets` on, `shape` in all.
    fn slice(&self, x: Value, offsets: &[i64], shape: &[i64], strides: &[i64]) -> Value {
        let sizes = self.dynamic_sizes(shape);
        self.builder
            .op("tensor.extract_slice")
            .operands(&[x])
            .operands(&sizes)
            .results(&[Type::tensor(self.context.f32(), shape)])
            .attr("static_offsets", self.context.i64_array_attr(offsets))
            .attr("static_sizes", self.context.i64_array_attr(shape))
            .attr("static_strides", self.context.i64_array_attr(strides))
            .attr(
                "operandSegmentSizes",
                self.context.i32_array_attr(&[1, 0, sizes.len() as i32, 0]),
            )
            .build()
            .result(0)
    }

    /// The same elements in another shape; a leading dimension that both shapes
    /// have stays.
    fn reshape(&self, x: Value, shape: &[i64]) -> Value {
        let from = x.ty().shape().unwrap_or_default();
        if from == shape {
            return x;
        }
        let kept = usize::from(!from.is_empty() && from.first() == shape.first());
        let flat: Vec<_> = if from.len() > kept || shape.len() > kept {
            let rest = from[kept..].iter().product();
            from[..kept].iter().copied().chain([rest]).collect()
        } else {
            from.clone()
        };
        // A tensor of rank 0 has no dimension to collapse from: it expands only.
        let flattened = match from.len() > flat.len() {
            true => self.collapse(x, &flat, kept),
            false if from.len() < flat.len() => self.expand(x, &flat, kept),
            false => x,
        };
        match shape.len() > flat.len() {
            true => self.expand(flattened, shape, kept),
            false if shape.len() < flat.len() => self.collapse(flattened, shape, kept),
            false => flattened,
        }
    }

    /// Which dimensions of the larger shape each dimension of the smaller one
    /// holds: the first `kept` their own, the last all that remain.
    fn reassociation(&self, larger: usize, smaller: usize, kept: usize) -> Attribute {
        let group = |dims: std::ops::Range<usize>| {
            let dims: Vec<_> = dims.map(|dim| self.context.i64_attr(dim as i64)).collect();
            self.context.array_attr(&dims)
        };
        let mut groups: Vec<_> = (0..kept).map(|dim| group(dim..dim + 1)).collect();
        if smaller > kept {
            groups.push(group(kept..larger));
        } else if smaller > 0 {
            groups[smaller - 1] = group(smaller - 1..larger);
        }
        self.context.array_attr(&groups)
    }

    fn collapse(&self, x: Value, shape: &[i64], kept: usize) -> Value {
        let rank = x.ty().shape().unwrap_or_default().len();
        self.builder
            .op("tensor.collapse_shape")
            .operands(&[x])
            .results(&[Type::tensor(self.context.f32(), shape)])
            .attr("reassociation", self.reassociation(rank, shape.len(), kept))
            .build()
            .result(0)
    }

    fn expand(&self, x: Value, shape: &[i64], kept: usize) -> Value {
        let rank = x.ty().shape().unwrap_or_default().len();
        self.builder
            .op("tensor.expand_shape")
            .operands(&[x])
            .operands(&self.dynamic_sizes(shape))
            .results(&[Type::tensor(self.context.f32(), shape)])
            .attr("reassociation", self.reassociation(shape.len(), rank, kept))
            .attr("static_output_shape", self.context.i64_array_attr(shape))
            .build()
            .result(0)
    }
}

fn is_dynamic(x: Value) -> bool {
    x.ty().shape().is_some_and(|shape| shape.contains(&DYNAMIC))
}
