//! `--gauss-winograd`: the means of 3x3 convolutions with fewer products.

use std::collections::HashMap;

use gauss_dialect::ir::{AffineMap, Attribute, Builder, Context, Op, Type, Value};

use crate::{
    kernel::group::LAYER,
    linalg::{self, as_buffer, as_tensor},
    pass::Pass,
};

/// Computes the mean of a convolution with a constant 3x3 kernel by the algorithm
/// F(2x2, 3x3) of Winograd: 16 products for four neighbouring outputs and a channel of the
/// input, where the sum itself takes 36 (Lavin and Gray, Fast Algorithms for Convolutional
/// Neural Networks, 2015, section 4).
///
/// The variance stays a sum of products none of which is negative: the differences that the
/// algorithm forms would cost it its relative accuracy.
pub const PASS: Pass = Pass {
    name: "gauss-winograd",
    description: "Compute the means of 3x3 convolutions with fewer products",
    options: &[],
    run: |module, _| {
        for op in module.descendants() {
            if let Some(convolution) = Convolution::of(op) {
                convolution.transform();
            }
        }
        Ok(())
    },
};

/// A tile of the input d becomes Bᵀ d B.
const INPUT: [[i8; 4]; 4] = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]];

/// The kernel g becomes G g Gᵀ.
const KERNEL: [[f64; 3]; 4] =
    [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// The sums m of their products give the outputs Aᵀ m A.
const OUTPUT: [[i8; 4]; 2] = [[1, 1, 1, 0], [0, 1, -1, -1]];

/// Fewer channels, of the input or of the output, do not pay for the transformations.
const LEAST_CHANNELS: i64 = 16;

/// Where a weight is used less often, it takes longer to read than to multiply.
const LEAST_USES: i64 = 64;

/// A convolution whose mean can be transformed.
struct Convolution {
    op: Op,
    /// The number of the output that is the mean.
    output: usize,
    /// The operation that adds a product to it.
    term: Op,
    initial: Initial,
    /// The means of the input, by item, channel, row and column.
    input: Value,
    /// Items, channels, rows and columns of the output.
    shape: [i64; 4],
    /// Channels of the input.
    channels: i64,
    /// The means of the weights, by output channel, input channel, row and column.
    kernel: Vec<f32>,
}

/// What a sum starts from.
enum Initial {
    Literal(Attribute),
    /// A number for each output channel.
    Channel(Value),
}

impl Convolution {
    fn of(op: Op) -> Option<Self> {
        let outputs = op.results().len();
        if !op.is("linalg.generic") || outputs == 0 {
            return None;
        }
        let (operands, body) = (op.operands(), op.body()?);
        let inputs = operands.len() - outputs;
        let maps = op.attribute("indexing_maps")?.as_array()?;
        let maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
        let input_of = |value: Value| (0..inputs).find(|&n| body.argument(n) == value);
        let sums = body.terminator()?.operands().into_iter().enumerate();
        let (output, term, input, weight) = sums.into_iter().find_map(|(output, sum)| {
            let term = sum.defining_op().filter(|term| term.is("math.fma"))?;
            let start = body.argument(inputs + output);
            let is_alone = term.operand(2) == start && [start, sum].map(|x| x.users().len()) == [1, 1];
            let factors = (input_of(term.operand(0))?, input_of(term.operand(1))?);
            is_alone.then_some((output, term, factors.0, factors.1))
        })?;
        let shape: [i64; 4] = op.result(output).ty().shape()?.try_into().ok()?;
        let channels = operands[input].ty().shape()?.get(1).copied()?;
        let [items, out_channels, rows, columns] = shape;
        let is_even = rows % 2 == 0 && columns % 2 == 0;
        let pays = channels.min(out_channels) >= LEAST_CHANNELS
            && items * rows * columns >= LEAST_USES;
        let context = op.context();
        let is_convolution = maps[input] == image_map(context)
            && maps[inputs + output].results().len() == 4
            && maps[inputs + output].num_dims() == 7;
        if !is_even || !pays || !is_convolution {
            return None;
        }
        let constant = operands[weight].defining_op().filter(|op| op.is("arith.constant"))?;
        let stored = constant.attribute("value")?.as_f32_elements()?;
        let kernel = by_channels(&stored, &maps[weight], [out_channels, channels])?;
        let initial = Initial::of(operands[inputs + output])?;
        let input = operands[input];
        Some(Self { op, output, term, initial, input, shape, channels, kernel })
    }

    fn transform(self) {
        let builder = Builder::before(self.op);
        let sums = self.sums(builder, self.tiles(builder));
        self.op.result(self.output).replace_all_uses_with(self.outputs(builder, sums));
        let starts = self.op.operands().split_off(self.op.operands().len() - self.op.results().len());
        self.remove(builder);
        for start in starts.into_iter().filter_map(Value::defining_op) {
            match start.result(0).users().first() {
                Some(user) => start.move_before(*user),
                None => start.erase(),
            }
        }
    }

    fn layer(&self) -> String {
        self.op.attribute(LAYER).and_then(Attribute::as_string).unwrap_or_default()
    }

    /// The shape of 16 numbers for each tile and channel.
    fn of_tiles(&self, channels: i64) -> [i64; 5] {
        let [items, _, rows, columns] = self.shape;
        [items, 16, channels, rows / 2, columns / 2]
    }

    /// The transformed tiles of the input.
    fn tiles(&self, builder: Builder) -> Value {
        let context = builder.context();
        let input = as_buffer(builder, self.input);
        let tiles = linalg::allocate(builder, &self.of_tiles(self.channels));
        let inputs: Vec<_> = places(4).map(|place| (input, place_map(context, place))).collect();
        let outs: Vec<_> = (0..16).map(|number| (tiles, tile_map(context, number))).collect();
        linalg::generic(builder, &inputs, &outs, &self.layer(), |inner, elements| {
            transform(inner, &INPUT, elements)
        });
        as_tensor(builder, tiles)
    }

    /// The sums over the channels of the input, for each of the 16 numbers of a tile.
    fn sums(&self, builder: Builder, tiles: Value) -> Value {
        let context = builder.context();
        let [_, outputs, _, _] = self.shape;
        let ty = Type::tensor(context.f32(), &[16, outputs, self.channels]);
        let weight = builder.constant(Attribute::resource(ty, "winograd", self.weights()), ty);
        let zero = linalg::fill(builder, &self.of_tiles(outputs), 0.0, &self.layer());
        // Item, number, output channel, row and column of the tile; input channel.
        let map = |dims: &[usize]| {
            let dims: Vec<_> = dims.iter().map(|&dim| context.dim(dim)).collect();
            context.affine_map(6, &dims)
        };
        let inputs = [(tiles, map(&[0, 1, 5, 3, 4])), (weight, map(&[1, 2, 5]))];
        let outs = [(zero, map(&[0, 1, 2, 3, 4]))];
        let add = |inner: Builder, x: &[Value]| vec![inner.value("math.fma", x, x[0].ty())];
        linalg::generic(builder, &inputs, &outs, &self.layer(), add).result(0)
    }

    /// The transformed kernel by number in the tile, output channel and input channel.
    fn weights(&self) -> Vec<f32> {
        let kernels: Vec<_> = self.kernel.chunks_exact(9).map(transform_kernel).collect();
        (0..16).flat_map(|number| kernels.iter().map(move |kernel| kernel[number])).collect()
    }

    /// The means.
    fn outputs(&self, builder: Builder, sums: Value) -> Value {
        let context = builder.context();
        let sums = as_buffer(builder, sums);
        let mean = linalg::allocate(builder, &self.shape);
        let mut inputs: Vec<_> = (0..16).map(|number| (sums, tile_map(context, number))).collect();
        if let Initial::Channel(start) = self.initial {
            inputs.push((as_buffer(builder, start), context.affine_map(4, &[context.dim(1)])));
        }
        let outs: Vec<_> = places(2).map(|place| (mean, place_map(context, place))).collect();
        linalg::generic(builder, &inputs, &outs, &self.layer(), |inner, elements| {
            let start = match self.initial {
                Initial::Literal(value) => inner.constant(value, context.f32()),
                Initial::Channel(_) => elements[16],
            };
            let outputs = transform(inner, &OUTPUT, &elements[..16]);
            let add = |output| inner.value("arith.addf", &[output, start], context.f32());
            outputs.into_iter().map(add).collect()
        });
        as_tensor(builder, mean)
    }

    /// Takes the mean, which nothing uses any more, out of the sum.
    fn remove(self, builder: Builder) {
        let Some(body) = self.op.body().filter(|_| self.op.results().len() > 1) else {
            return self.op.erase();
        };
        let inputs = self.op.operands().len() - self.op.results().len();
        let is_read = |number: usize| {
            let users = body.argument(number).users();
            users.into_iter().any(|user| user != self.term)
        };
        let kept: Vec<_> = (0..self.op.operands().len())
            .filter(|&n| if n < inputs { is_read(n) } else { n != inputs + self.output })
            .collect();
        let operands = self.op.operands();
        let maps = self.op.attribute("indexing_maps").and_then(Attribute::as_array);
        let maps = maps.unwrap_or_default();
        let map = |number: usize| maps.get(number).and_then(|map| map.as_affine_map());
        let reads = |kept: &[usize]| -> Vec<_> {
            kept.iter().filter_map(|&number| Some((operands[number], map(number)?))).collect()
        };
        let first_out = kept.partition_point(|&number| number < inputs);
        let (ins, outs) = (reads(&kept[..first_out]), reads(&kept[first_out..]));
        let rest = linalg::generic(builder, &ins, &outs, &self.layer(), |inner, arguments| {
            let old = kept.iter().map(|&number| body.argument(number));
            let mut values: HashMap<Value, Value> =
                old.zip(arguments.iter().copied()).collect();
            let new = |values: &HashMap<_, _>, value| values.get(&value).copied().unwrap_or(value);
            for op in body.ops().into_iter().filter(|op| *op != self.term && op.is_used()) {
                let copy = op.clone_detached();
                let operands = copy.operands().into_iter().map(|value| new(&values, value));
                copy.set_operands(&operands.collect::<Vec<_>>());
                inner.insert(copy);
                values.extend(op.results().into_iter().zip(copy.results()));
            }
            let yielded = body.terminator().map(Op::operands).unwrap_or_default();
            let yielded = yielded.into_iter().enumerate().filter(|(n, _)| *n != self.output);
            yielded.map(|(_, value)| new(&values, value)).collect()
        });
        let results = self.op.results().into_iter().enumerate();
        let others = results.filter(|(number, _)| *number != self.output);
        for ((_, result), new) in others.zip(rest.results()) {
            result.replace_all_uses_with(new);
        }
        self.op.erase();
    }
}

impl Initial {
    /// Reads an op that gives each channel one value.
    fn of(value: Value) -> Option<Self> {
        let op = value.defining_op().filter(|op| op.is("linalg.generic"))?;
        let result = op.body()?.terminator()?.operand(0);
        if let Some(literal) = result.defining_op().filter(|op| op.is("arith.constant")) {
            return Some(Self::Literal(literal.attribute("value")?));
        }
        let map = op.attribute("indexing_maps")?.as_array()?.first()?.as_affine_map()?;
        let context = op.context();
        let by_channel = context.affine_map(4, &[context.dim(1)]);
        let is_bias = map == by_channel && result == op.body()?.argument(0);
        is_bias.then(|| Self::Channel(op.operand(0)))
    }
}

/// Row and column of every place in a tile.
fn places(size: i64) -> impl Iterator<Item = [i64; 2]> {
    (0..size).flat_map(move |row| (0..size).map(move |column| [row, column]))
}

/// How a 3x3 convolution without strides reads an image.
fn image_map(context: Context) -> AffineMap {
    // n, o, y, x; c, i, j
    let dim = |number| context.dim(number);
    context.affine_map(7, &[dim(0), dim(4), dim(2).plus(dim(5)), dim(3).plus(dim(6))])
}

/// A place in the tiles of an image, two rows and two columns apart, by item, channel, row
/// and column of the tile.
fn place_map(context: Context, [row, column]: [i64; 2]) -> AffineMap {
    let along = |dim, place| context.dim(dim).times(2).plus(context.affine_constant(place));
    context.affine_map(4, &[context.dim(0), context.dim(1), along(2, row), along(3, column)])
}

/// One of the 16 numbers of a tile.
fn tile_map(context: Context, number: i64) -> AffineMap {
    let dim = |number| context.dim(number);
    context.affine_map(4, &[dim(0), context.affine_constant(number), dim(1), dim(2), dim(3)])
}

/// M x Mᵀ for a square x, both row-major.
fn transform<const R: usize>(
    builder: Builder,
    matrix: &[[i8; 4]; R],
    elements: &[Value],
) -> Vec<Value> {
    let combine = |factors: &[i8; 4], elements: [Value; 4]| {
        let mut terms = factors.iter().zip(elements).filter(|(factor, _)| **factor != 0);
        // A positive term comes first, so that nothing is negated.
        let terms = {
            let mut sorted: Vec<_> = terms.by_ref().collect();
            sorted.sort_by_key(|(factor, _)| **factor < 0);
            sorted
        };
        let ty = elements[0].ty();
        terms[1..].iter().fold(terms[0].1, |sum, (factor, x)| {
            let op = if **factor > 0 { "arith.addf" } else { "arith.subf" };
            builder.value(op, &[sum, *x], ty)
        })
    };
    // M x by columns, then that times Mᵀ by rows.
    let columns: Vec<Vec<Value>> = (0..4)
        .map(|column| {
            let column = [0, 4, 8, 12].map(|row| elements[row + column]);
            matrix.iter().map(|factors| combine(factors, column)).collect()
        })
        .collect();
    (0..R)
        .flat_map(|row| {
            let row = [0, 1, 2, 3].map(|column: usize| columns[column][row]);
            matrix.iter().map(move |factors| combine(factors, row)).collect::<Vec<_>>()
        })
        .collect()
}

/// G g Gᵀ in double precision, rounded once.
fn transform_kernel(kernel: &[f32]) -> [f32; 16] {
    let mut transformed = [0.0; 16];
    for (number, value) in transformed.iter_mut().enumerate() {
        let (row, column) = (KERNEL[number / 4], KERNEL[number % 4]);
        let term = |place: usize| row[place / 3] * column[place % 3] * f64::from(kernel[place]);
        *value = (0..9).map(term).sum::<f64>() as f32;
    }
    transformed
}

/// Weights in the order of output channel, input channel, row and column, from one in which a
/// convolution reads them; `None` where they are not those of a 3x3 kernel.
fn by_channels(stored: &[f32], map: &AffineMap, [outputs, inputs]: [i64; 2]) -> Option<Vec<f32>> {
    let sizes = HashMap::from([(1, outputs), (4, inputs), (5, 3), (6, 3)]);
    let mut steps = HashMap::new();
    let mut step = 1;
    for expr in map.results().iter().rev() {
        let (factors, constant) = expr.linear(map.num_dims())?;
        let dim = factors.iter().position(|&factor| factor == 1)?;
        if constant != 0 || factors.iter().sum::<i64>() != 1 {
            return None;
        }
        steps.insert(dim, step);
        step *= sizes.get(&dim)?;
    }
    if steps.len() != 4 || step != stored.len() as i64 {
        return None;
    }
    let mut values = Vec::with_capacity(stored.len());
    for output in 0..outputs {
        for input in 0..inputs {
            for place in 0..9 {
                let index = output * steps[&1] + input * steps[&4] + place / 3 * steps[&5] + place % 3 * steps[&6];
                values.push(*stored.get(index as usize)?);
            }
        }
    }
    Some(values)
}
