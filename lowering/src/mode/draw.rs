//! Draws of a Gaussian tensor: one number for each element, from its own distribution; and dropout.
//!
//! Element e of a tensor of n elements is word e div q of block e mod q, with q = ⌈n/4⌉
//! blocks of four words. So a vector of blocks writes four contiguous runs. A block is
//! named by its number, the pass, and the number of the Gaussian in its function; the
//! seed is the key. Nothing else enters: neither the target nor the batch nor the task.

use gauss_dialect::ir::{Attribute, Builder, Context, Type, Value};
use pfp_runtime::random::{DrawArithmetic, philox4x32_on, standard_normals, standard_normals_on};

use crate::linalg::{self, allocate, as_buffer, as_tensor, insert};

/// What the kernels that draw are called in reports.
const LAYER: &str = "draw";

/// Words of a block.
const WORDS: usize = 4;

/// Which numbers a Gaussian gets.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// The key of the generator.
    pub seed: u64,
    /// The number of the Gaussian in its function.
    pub number: u32,
}

impl Stream {
    fn key(&self) -> [u32; 2] {
        [self.seed as u32, (self.seed >> 32) as u32]
    }

    /// The draw of pass `sample`: `mean + deviation · z` for every element.
    pub fn values(&self, sample: u32, mean: &[f32], deviation: &[f32]) -> Vec<f32> {
        let blocks = mean.len().div_ceil(WORDS);
        let mut values = vec![0.0; mean.len()];
        for block in 0..blocks {
            let normals = standard_normals([block as u32, sample, self.number, 0], self.key());
            for (word, z) in normals.into_iter().enumerate() {
                let element = word * blocks + block;
                if let Some(value) = values.get_mut(element) {
                    *value = deviation[element] * z + mean[element];
                }
            }
        }
        values
    }
}

/// The moments of a Gaussian as lists of a multiple of four elements.
#[derive(Debug, Clone, Copy)]
pub struct MomentLists {
    /// The means.
    pub mean: Value,
    /// How far from them.
    pub spread: Spread,
}

/// What a standard normal number is multiplied by.
#[derive(Debug, Clone, Copy)]
pub enum Spread {
    /// Standard deviations.
    Deviations(Value),
    /// The roots of variances.
    Variances(Value),
    /// One standard deviation for all.
    Deviation(f64),
}

/// Emits the draw of the pass whose number the `i32` `sample` holds: a list of as many
/// elements as the moments have.
pub fn emit(builder: Builder, stream: Stream, sample: Value, moments: &MomentLists) -> Value {
    let spread = match moments.spread {
        Spread::Deviations(list) | Spread::Variances(list) => Some(list),
        Spread::Deviation(_) => None,
    };
    let lists = [Some(moments.mean), spread].into_iter().flatten().collect::<Vec<_>>();
    emit_blocks(builder, stream, sample, &lists, |a, counter, arguments| {
        let normals = standard_normals_on(a, counter, stream.key());
        let shifted = normals.into_iter().enumerate().map(|(word, z)| {
            let deviation = match moments.spread {
                Spread::Deviations(_) => arguments[WORDS + word],
                Spread::Variances(_) => a.sqrt(arguments[WORDS + word]),
                Spread::Deviation(deviation) => a.float(deviation as f32),
            };
            let scaled = a.mul(deviation, z);
            a.add(scaled, arguments[word])
        });
        shifted.collect()
    })
}

/// Emits dropout of the pass whose number the `i32` `sample` holds: each element of a list is
/// 0 with probability `rate`, to 2⁻³¹, and else divided by the rest.
pub fn emit_dropout(
    builder: Builder,
    stream: Stream,
    sample: Value,
    list: Value,
    rate: f64,
) -> Value {
    // Of the numbers from −2³⁰ to 2³⁰ that a word has but for its last bit, those below are kept.
    let range = f64::from(1u32 << 30);
    let bound = (-range + (1.0 - rate) * 2.0 * range).round() as i32;
    let factor = (1.0 / (1.0 - rate)) as f32;
    emit_blocks(builder, stream, sample, &[list], |a, counter, arguments| {
        let words = philox4x32_on(a, counter, stream.key());
        let scaled = words.into_iter().zip(arguments).map(|(word, &x)| {
            let number = a.shift_right(word, 1);
            let bound = a.word(bound.cast_unsigned());
            let difference = a.sub_words(number, bound);
            // All ones where it is negative.
            let mask = a.shift_right(difference, 31);
            let factor = a.word(factor.to_bits());
            let factor = a.and(mask, factor);
            let factor = a.bits_to_float(factor);
            a.mul(x, factor)
        });
        scaled.collect()
    })
}

/// Emits a kernel on lists of a multiple of four elements, for each block of random numbers one
/// step: `body` has the counter of the block, and of each list the elements of the four words.
fn emit_blocks(
    builder: Builder,
    stream: Stream,
    sample: Value,
    lists: &[Value],
    body: impl FnOnce(&mut Scalars, [Value; 4], &[Value]) -> Vec<Value>,
) -> Value {
    let context = builder.context();
    let elements = lists[0].ty().shape().and_then(|shape| shape.first().copied()).unwrap_or(0);
    let blocks = elements / WORDS as i64;
    let identity = context.identity_map(1);
    // On buffers: bufferisation would not write four parts of one tensor in place.
    let parts = |buffer: Value| {
        (0..WORDS as i64).map(move |word| (part(builder, buffer, word * blocks, blocks), identity))
    };
    let inputs: Vec<_> = lists.iter().flat_map(|&x| parts(as_buffer(builder, x))).collect();
    let buffer = allocate(builder, &[elements]);
    let outs: Vec<_> = parts(buffer).collect();
    linalg::generic(builder, &inputs, &outs, LAYER, |inner, arguments| {
        let mut a = Scalars { builder: inner };
        let index = inner
            .op("linalg.index")
            .attr("dim", context.i64_attr(0))
            .results(&[context.index()])
            .build()
            .result(0);
        let block = inner.value("arith.index_cast", &[index], context.integer(32));
        let (number, zero) = (a.word(stream.number), a.word(0));
        body(&mut a, [block, sample, number, zero], arguments)
    });
    as_tensor(builder, buffer)
}

/// The elements `offset..offset + length` of a buffer.
fn part(builder: Builder, buffer: Value, offset: i64, length: i64) -> Value {
    let context = builder.context();
    let offset_text = if offset == 0 { String::new() } else { format!(", offset: {offset}") };
    let text = format!("memref<{length}xf32, strided<[1]{offset_text}>>");
    // The text is a type, whatever the numbers.
    let ty = context.parse_type(&text).unwrap_or_else(|| buffer.ty());
    builder
        .op("memref.subview")
        .operands(&[buffer])
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(&[offset]))
        .attr("static_sizes", context.i64_array_attr(&[length]))
        .attr("static_strides", context.i64_array_attr(&[1]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 0, 0, 0]))
        .build()
        .result(0)
}

/// A list with zeros after it, to a multiple of four elements.
pub fn pad(builder: Builder, list: Value) -> Value {
    let length = list.ty().shape().and_then(|shape| shape.first().copied()).unwrap_or(0);
    let padded = padded(length);
    match padded == length {
        true => list,
        false => insert(builder, list, linalg::fill(builder, &[padded], 0.0, LAYER), &[0]),
    }
}

/// The next multiple of four.
pub fn padded(length: i64) -> i64 {
    let words = WORDS as i64;
    (length + words - 1) / words * words
}

/// Emits scalar operations of the generator; no product is fused with a sum.
struct Scalars {
    builder: Builder,
}

impl Scalars {
    fn context(&self) -> Context {
        self.builder.context()
    }

    fn emit(&self, name: &str, operands: &[Value], ty: Type) -> Value {
        self.builder.value(name, operands, ty)
    }

    fn binary(&self, name: &str, a: Value, b: Value) -> Value {
        self.emit(name, &[a, b], a.ty())
    }

    fn literal(&self, value: u32) -> (Attribute, Type) {
        let ty = self.context().integer(32);
        (ty.integer_attr(i64::from(value.cast_signed())), ty)
    }

    fn shift(&self, name: &str, a: Value, places: u32) -> Value {
        let (places, ty) = self.literal(places);
        self.binary(name, a, self.builder.constant(places, ty))
    }
}

impl DrawArithmetic for Scalars {
    type Word = Value;
    type Float = Value;

    fn word(&mut self, value: u32) -> Value {
        let (literal, ty) = self.literal(value);
        self.builder.constant(literal, ty)
    }

    fn float(&mut self, value: f32) -> Value {
        self.builder.constant(self.context().f32_attr(value.into()), self.context().f32())
    }

    fn wide_mul(&mut self, a: Value, b: Value) -> [Value; 2] {
        let types = [a.ty(); 2];
        let op = self.builder.op("arith.mului_extended").operands(&[a, b]).results(&types).build();
        [op.result(0), op.result(1)]
    }

    fn xor(&mut self, a: Value, b: Value) -> Value {
        self.binary("arith.xori", a, b)
    }

    fn and(&mut self, a: Value, b: Value) -> Value {
        self.binary("arith.andi", a, b)
    }

    fn add_words(&mut self, a: Value, b: Value) -> Value {
        self.binary("arith.addi", a, b)
    }

    fn sub_words(&mut self, a: Value, b: Value) -> Value {
        self.binary("arith.subi", a, b)
    }

    fn shift_left(&mut self, a: Value, places: u32) -> Value {
        self.shift("arith.shli", a, places)
    }

    fn shift_right(&mut self, a: Value, places: u32) -> Value {
        self.shift("arith.shrsi", a, places)
    }

    fn unsigned_to_float(&mut self, a: Value) -> Value {
        self.emit("arith.uitofp", &[a], self.context().f32())
    }

    fn signed_to_float(&mut self, a: Value) -> Value {
        self.emit("arith.sitofp", &[a], self.context().f32())
    }

    fn bits_to_float(&mut self, a: Value) -> Value {
        self.emit("arith.bitcast", &[a], self.context().f32())
    }

    fn float_to_bits(&mut self, a: Value) -> Value {
        self.emit("arith.bitcast", &[a], self.context().integer(32))
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        self.binary("arith.addf", a, b)
    }

    fn mul(&mut self, a: Value, b: Value) -> Value {
        self.binary("arith.mulf", a, b)
    }

    fn sqrt(&mut self, a: Value) -> Value {
        self.emit("math.sqrt", &[a], a.ty())
    }

    fn select_zero(&mut self, a: Value, then: Value, otherwise: Value) -> Value {
        let zero = self.word(0);
        let is_zero = self
            .builder
            .op("arith.cmpi")
            .operands(&[a, zero])
            .attr("predicate", self.context().i64_attr(0))
            .results(&[self.context().integer(1)])
            .build()
            .result(0);
        self.emit("arith.select", &[is_zero, then, otherwise], then.ty())
    }
}
