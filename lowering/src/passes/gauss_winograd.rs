//! `--gauss-winograd`: the means of 3x3 convolutions with fewer products.

use std::collections::HashMap;

use gauss_dialect::ir::{AffineMap, Attribute, Block, Builder, Context, Op, Type, Value};

use crate::{
    linalg::{self, allocate, as_buffer, as_tensor},
    pass::{Options, Pass, fail},
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
    description: "Compute the means of 3x3 convolutions with fewer products (option: channels, \
                  the least of the input and of the output, default 8)",
    options: &["channels"],
    run: |module, options| {
        let least = least_channels(options).map_err(|error| fail(module, error))?;
        for op in module.descendants() {
            if let Some(convolution) = Convolution::of(op, least) {
                convolution.transform();
            }
        }
        Ok(())
    },
};

fn least_channels(options: &Options) -> Result<i64, String> {
    let text = options.get("channels").unwrap_or("8");
    let least = text.parse().ok().filter(|&least| least > 0);
    least.ok_or_else(|| format!("'channels' is a number from 1 on, not '{text}'"))
}

/// Where a weight is used less often, reading the larger kernel takes longer than the
/// products that it saves.
const LEAST_USES: i64 = 16;

/// A tile of the input d becomes Bᵀ d B.
const INPUT: [[i8; 4]; 4] = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]];

/// The kernel g becomes G g Gᵀ.
const KERNEL: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// The sums m of their products give the outputs Aᵀ m A.
const OUTPUT: [[i8; 4]; 2] = [[1, 1, 1, 0], [0, 1, -1, -1]];

/// A convolution whose mean can be transformed.
struct Convolution {
    op: Op,
    mean: Mean,
    /// What the sum starts from.
    start: Start,
    /// The means of the input, by item, channel, row and column.
    input: Input,
    /// Items, channels, rows and columns of the output.
    shape: [i64; 4],
    /// Channels of the input.
    channels: i64,
    /// The means of the weights, by output channel, input channel, row and column.
    kernel: Vec<f32>,
}

/// The sum of the products of two inputs, apart from all else that a reduction computes.
struct Mean {
    /// The number of its output.
    output: usize,
    /// The operation that adds a product.
    term: Op,
    /// The numbers of the inputs.
    factors: [usize; 2],
}

impl Mean {
    fn of(op: Op, body: Block) -> Option<Self> {
        let inputs = op.operands().len() - op.results().len();
        let input_of = |value: Value| (0..inputs).find(|&n| body.argument(n) == value);
        let sums = body.terminator()?.operands().into_iter().enumerate();
        sums.into_iter().find_map(|(output, sum)| {
            let term = sum.defining_op().filter(|term| term.is("math.fma"))?;
            let start = body.argument(inputs + output);
            let is_apart = term.operand(2) == start
                && [start, sum].iter().all(|value| value.users().len() == 1);
            let factors = [input_of(term.operand(0))?, input_of(term.operand(1))?];
            let mean = Self { output, term, factors };
            (is_apart && mean.leaves_a_reduction(body, inputs)).then_some(mean)
        })
    }

    /// Does anything but the mean read this input?
    fn is_read_beside(&self, body: Block, input: usize) -> bool {
        body.argument(input).users().into_iter().any(|user| user != self.term)
    }

    /// Do the other sums, if there are any, add what is read, or all of them nothing?
    fn leaves_a_reduction(&self, body: Block, inputs: usize) -> bool {
        let sums = body.terminator().map(Op::operands).unwrap_or_default();
        let mut others = sums.iter().enumerate().filter(|(output, _)| *output != self.output);
        (0..inputs).any(|input| self.is_read_beside(body, input))
            || others.all(|(output, &sum)| sum == body.argument(inputs + output))
    }
}

/// What a sum starts from.
enum Start {
    /// One number.
    Literal(Attribute),
    /// A number for each output channel.
    Bias(Value),
}

impl Start {
    fn of(value: Value) -> Option<Self> {
        let op = value.defining_op().filter(|op| op.is("linalg.generic"))?;
        let body = op.body()?;
        let element = body.terminator()?.operand(0);
        if let Some(literal) = element.defining_op().filter(|op| op.is("arith.constant")) {
            return Some(Self::Literal(literal.attribute("value")?));
        }
        let map = op.attribute("indexing_maps")?.as_array()?.first()?.as_affine_map()?;
        let is_bias = map == channel_map(op.context()) && element == body.argument(0);
        is_bias.then(|| Self::Bias(op.operand(0)))
    }
}

/// The input of a convolution whose last tiles may be in part outside of it.
enum Input {
    /// Its tiles are all inside.
    Even(Value),
    /// The op that puts what is padded into the zeros that another one gives.
    Padded { insertion: Op, around: Op },
}

impl Input {
    /// Padding can be made wider where nobody else reads it.
    fn of(op: Op, value: Value, [_, _, rows, columns]: [i64; 4]) -> Option<Self> {
        if rows % 2 == 0 && columns % 2 == 0 {
            return Some(Self::Even(value));
        }
        let insertion = value.defining_op().filter(|op| op.is("tensor.insert_slice"))?;
        let strides = insertion.attribute("static_strides")?.as_i64_array()?;
        let is_static = insertion.operands().len() == 2 && strides == [1; 4];
        let fits = value.ty().shape()?[2..] == [rows + 2, columns + 2];
        let around = insertion.operand(1).defining_op()?;
        let element = around.body()?.terminator()?.operand(0).defining_op()?;
        let is_zero = element.attribute("value")?.as_f64() == Some(0.0);
        let is_own = value.users().iter().all(|user| *user == op);
        (is_static && fits && is_zero && is_own).then_some(Self::Padded { insertion, around })
    }
}

impl Convolution {
    fn of(op: Op, least_channels: i64) -> Option<Self> {
        if !op.is("linalg.generic") || op.results().is_empty() {
            return None;
        }
        let mean = Mean::of(op, op.body()?)?;
        let maps = op.attribute("indexing_maps")?.as_array()?;
        let maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
        let [input, weight] = mean.factors;
        let shape: [i64; 4] = op.result(mean.output).ty().shape()?.try_into().ok()?;
        let [items, outputs, rows, columns] = shape;
        let channels = op.operand(input).ty().shape()?.get(1).copied()?;
        // The batch may not be known.
        let uses = items.checked_mul(rows)?.checked_mul(columns)?;
        let is_worth_it = channels.min(outputs) >= least_channels && uses >= LEAST_USES;
        let first_output = op.operands().len() - op.results().len();
        let is_convolution = maps[input] == image_map(op.context())
            && maps[first_output + mean.output] == result_map(op.context());
        if !is_convolution || !is_worth_it {
            return None;
        }
        let constant = op.operand(weight).defining_op().filter(|op| op.is("arith.constant"))?;
        let stored = constant.attribute("value")?.as_f32_elements()?;
        let kernel = by_channels(&stored, maps[weight], [outputs, channels])?;
        let start = Start::of(op.operand(first_output + mean.output))?;
        let input = Input::of(op, op.operand(input), shape)?;
        Some(Self { op, start, input, shape, channels, kernel, mean })
    }

    fn transform(self) {
        let builder = Builder::before(self.op);
        let tiles = self.tiles(builder, self.even_input(builder));
        let sums = self.sums(builder, tiles);
        let outputs = self.outputs(builder, sums);
        self.op.result(self.mean.output).replace_all_uses_with(outputs);
        let starts =
            self.op.operands().split_off(self.op.operands().len() - self.op.results().len());
        self.remove(builder);
        // What the other sums start from is wanted right before them.
        let starts = starts.into_iter().filter_map(Value::defining_op);
        for start in starts.filter(|op| op.is("linalg.generic") && op.results().len() == 1) {
            match start.result(0).users()[..] {
                [] => start.erase(),
                [user] => start.move_before(user),
                _ => {}
            }
        }
    }

    fn layer(&self) -> String {
        linalg::layer(self.op).unwrap_or_else(|| "conv2d".into())
    }

    /// Rows and columns of tiles.
    fn tile_counts(&self) -> [i64; 2] {
        [self.shape[2], self.shape[3]].map(|size| (size + 1) / 2)
    }

    /// The shape of 16 numbers for each tile and channel.
    fn of_tiles(&self, channels: i64) -> [i64; 5] {
        let [rows, columns] = self.tile_counts();
        [self.shape[0], 16, channels, rows, columns]
    }

    /// The input with all of its tiles, which the other sums read from then on.
    fn even_input(&self, builder: Builder) -> Value {
        let (insertion, around) = match self.input {
            Input::Even(value) => return value,
            Input::Padded { insertion, around } => (insertion, around),
        };
        let [rows, columns] = self.tile_counts();
        let shape = [self.shape[0], self.channels, 2 * rows + 2, 2 * columns + 2];
        let zeros = linalg::fill(builder, &shape, 0.0, &self.layer());
        let offsets = insertion.attribute("static_offsets").and_then(Attribute::as_i64_array);
        let offsets = offsets.unwrap_or_default();
        let wider = linalg::insert(builder, insertion.operand(0), zeros, &offsets);
        insertion.result(0).replace_all_uses_with(wider);
        insertion.erase();
        if !around.is_used() {
            around.erase();
        }
        wider
    }

    /// The transformed tiles of the input. On buffers: bufferisation would not write 16 parts
    /// of one tensor in place.
    fn tiles(&self, builder: Builder, input: Value) -> Value {
        let context = builder.context();
        let input = as_buffer(builder, input);
        let tiles = allocate(builder, &self.of_tiles(self.channels));
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
        let [rows, columns] = self.tile_counts();
        let [items, outputs, _, _] = self.shape;
        let means = allocate(builder, &[items, outputs, 2 * rows, 2 * columns]);
        let mut inputs: Vec<_> = (0..16).map(|number| (sums, tile_map(context, number))).collect();
        if let Start::Bias(bias) = self.start {
            inputs.push((as_buffer(builder, bias), channel_map(context)));
        }
        let outs: Vec<_> = places(2).map(|place| (means, place_map(context, place))).collect();
        linalg::generic(builder, &inputs, &outs, &self.layer(), |inner, elements| {
            let start = match self.start {
                Start::Literal(value) => inner.constant(value, context.f32()),
                Start::Bias(_) => elements[16],
            };
            let outputs = transform(inner, &OUTPUT, &elements[..16]);
            let add = |output| inner.value("arith.addf", &[output, start], context.f32());
            outputs.into_iter().map(add).collect()
        });
        linalg::slice(builder, as_tensor(builder, means), &[0; 4], &self.shape)
    }

    /// Takes the mean, which nothing uses any more, out of the reduction.
    fn remove(&self, builder: Builder) {
        let op = self.op;
        let Some(body) = op.body() else { return };
        let inputs = op.operands().len() - op.results().len();
        let is_read = |number: &usize| self.mean.is_read_beside(body, *number);
        let others: Vec<_> =
            (0..op.results().len()).filter(|&output| output != self.mean.output).collect();
        let ins: Vec<_> = (0..inputs).filter(is_read).collect();
        let outs: Vec<_> = others.iter().map(|output| inputs + output).collect();
        if ins.is_empty() {
            // Nothing is added to the others.
            for (&output, &number) in others.iter().zip(&outs) {
                op.result(output).replace_all_uses_with(op.operand(number));
            }
            return op.erase();
        }
        let maps = op.attribute("indexing_maps").and_then(Attribute::as_array).unwrap_or_default();
        let reads = |numbers: &[usize]| -> Vec<_> {
            let read = |&number: &usize| Some((op.operand(number), maps[number].as_affine_map()?));
            numbers.iter().filter_map(read).collect()
        };
        let rest = linalg::generic(
            builder,
            &reads(&ins),
            &reads(&outs),
            &self.layer(),
            |inner, arguments| {
                let old = ins.iter().chain(&outs).map(|&number| body.argument(number));
                let values = old.zip(arguments.iter().copied()).collect();
                let results = copy(inner, body, self.mean.term, values);
                others.iter().map(|&output| results[output]).collect()
            },
        );
        for (&output, new) in others.iter().zip(rest.results()) {
            op.result(output).replace_all_uses_with(new);
        }
        op.erase();
    }
}

/// Copies the ops of a body but one, with other values for its arguments; returns what the
/// body yields.
fn copy(
    builder: Builder,
    body: Block,
    without: Op,
    mut values: HashMap<Value, Value>,
) -> Vec<Value> {
    let renamed = |op: Op, values: &HashMap<Value, Value>| -> Vec<Value> {
        op.operands().iter().map(|value| *values.get(value).unwrap_or(value)).collect()
    };
    for op in body.ops().into_iter().filter(|op| *op != without && !op.results().is_empty()) {
        let copy = op.clone_detached();
        copy.set_operands(&renamed(op, &values));
        builder.insert(copy);
        values.extend(op.results().into_iter().zip(copy.results()));
    }
    body.terminator().map(|end| renamed(end, &values)).unwrap_or_default()
}

/// Row and column of every place in a tile.
fn places(size: i64) -> impl Iterator<Item = [i64; 2]> {
    (0..size).flat_map(move |row| (0..size).map(move |column| [row, column]))
}

/// How a convolution without strides reads its input.
fn image_map(context: Context) -> AffineMap {
    // n, o, y, x; c, i, j
    let dim = |number| context.dim(number);
    context.affine_map(7, &[dim(0), dim(4), dim(2).plus(dim(5)), dim(3).plus(dim(6))])
}

/// How it writes its result.
fn result_map(context: Context) -> AffineMap {
    context.affine_map(7, &[0, 1, 2, 3].map(|number| context.dim(number)))
}

/// A number for each channel of an image.
fn channel_map(context: Context) -> AffineMap {
    context.affine_map(4, &[context.dim(1)])
}

/// A place in the tiles of an image, which are two rows and two columns apart, by item,
/// channel, row and column of the tile.
fn place_map(context: Context, [row, column]: [i64; 2]) -> AffineMap {
    let along = |dim, place| context.dim(dim).times(2).plus(context.affine_constant(place));
    context.affine_map(4, &[context.dim(0), context.dim(1), along(2, row), along(3, column)])
}

/// One of the 16 numbers of the tiles, by the same.
fn tile_map(context: Context, number: i64) -> AffineMap {
    let dim = |number| context.dim(number);
    context.affine_map(4, &[dim(0), context.affine_constant(number), dim(1), dim(2), dim(3)])
}

/// M x Mᵀ, row-major, of the 4x4 numbers x.
fn transform<const ROWS: usize>(
    builder: Builder,
    matrix: &[[i8; 4]; ROWS],
    elements: &[Value],
) -> Vec<Value> {
    let times = |column: [Value; 4]| matrix.map(|factors| combine(builder, factors, column));
    let columns = [0, 1, 2, 3].map(|column| times([0, 4, 8, 12].map(|row| elements[row + column])));
    (0..ROWS).flat_map(|row| times(columns.map(|column| column[row]))).collect()
}

/// The sum of numbers with factors of 1, 0 and -1, one of which is 1.
fn combine(builder: Builder, factors: [i8; 4], numbers: [Value; 4]) -> Value {
    let of_factor = |wanted: i8| {
        let all = factors.into_iter().zip(numbers);
        all.filter(move |(factor, _)| *factor == wanted).map(|(_, number)| number)
    };
    let ty = numbers[0].ty();
    let add = |a: Value, b: Value| builder.value("arith.addf", &[a, b], ty);
    let sum = of_factor(1).reduce(add).unwrap_or(numbers[0]);
    of_factor(-1).fold(sum, |sum, number| builder.value("arith.subf", &[sum, number], ty))
}

/// G g Gᵀ in double precision, rounded once.
fn transform_kernel(kernel: &[f32]) -> [f32; 16] {
    std::array::from_fn(|number| {
        let (row, column) = (KERNEL[number / 4], KERNEL[number % 4]);
        let term = |place: usize| row[place / 3] * column[place % 3] * f64::from(kernel[place]);
        (0..9).map(term).sum::<f64>() as f32
    })
}

/// Weights in the order of output channel, input channel, row and column, from that of their
/// tensor, of which a map tells how the convolution reads it; `None` where they are not those
/// of a 3x3 kernel.
fn by_channels(stored: &[f32], map: AffineMap, [outputs, inputs]: [i64; 2]) -> Option<Vec<f32>> {
    // Of the dimensions of the convolution.
    let sizes = [(1, outputs), (4, inputs), (5, 3), (6, 3)];
    let mut steps = [None; 4];
    let mut step = 1;
    for expr in map.results().into_iter().rev() {
        let (factors, constant) = expr.linear(map.num_dims())?;
        let at = sizes.iter().position(|&(dim, _)| factors[dim] == 1)?;
        let is_dim = constant == 0 && factors.iter().filter(|&&factor| factor != 0).count() == 1;
        if !is_dim || steps[at].is_some() {
            return None;
        }
        steps[at] = Some(step);
        step *= sizes[at].1;
    }
    let [Some(output), Some(input), Some(row), Some(column)] = steps else { return None };
    if step != stored.len() as i64 {
        return None;
    }
    let at =
        |o: i64, c: i64, place: i64| o * output + c * input + place / 3 * row + place % 3 * column;
    let channels = (0..outputs).flat_map(|o| (0..inputs).map(move |c| (o, c)));
    let numbers = channels.flat_map(|(o, c)| (0..9).map(move |place| at(o, c, place)));
    numbers.map(|number| stored.get(number as usize).copied()).collect()
}
