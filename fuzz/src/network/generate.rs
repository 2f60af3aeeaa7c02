//! Networks from bytes: every layer, operand kind and shape, all of them valid.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use gauss_dialect::{
    ir::DYNAMIC,
    layer::Layer,
    ops::{
        activation::Activation,
        attention::Attention,
        binary::Binary,
        composite::Composite,
        contraction::{ConvTranspose, Convolution},
        matmul::Matmul,
        movement::{Border, Movement},
        noise::Noise,
        norm::{Norm, Over},
        pool::{Kind, Pool},
        recurrent::{Cell, Direction, Recurrent},
        reduction::Reduction,
        resize::{Extent, Resize},
        weights::Weights,
        window::{SpatialAxis, Window},
    },
    parameters::{ParameterSource, ParameterTensor},
    shape::{self, TensorType},
};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// The most elements of any tensor; it keeps a run within milliseconds.
const MAX_ELEMENTS: i64 = 1 << 11;

/// The most layers.
const MAX_LAYERS: usize = 8;

/// The most layers that are networks of their own: each takes seconds to compile with coverage.
const MAX_COMPOSITES: usize = 2;

/// The largest number in [`MEANS`].
pub const LARGEST_MEAN: f64 = 10.0;

const MEANS: [f32; 12] =
    [0.0, 1.0, -1.0, 0.5, -0.25, 2.0, -3.0, 0.1, -0.7, LARGEST_MEAN as f32, 1e-3, -1e-40];
const VARIANCES: [f32; 8] = [0.0, 1.0, 0.25, 0.01, 4.0, 0.3, 1e-6, 1e-40];
const POSITIVE: [f32; 4] = [1.0, 0.5, 2.0, 0.1];

/// A module with one public function, and what it needs to run.
pub struct Generated {
    pub text: String,
    /// The batch to compile for, where the module leaves it open.
    pub batch: Option<i64>,
    pub posterior: Posterior,
    /// The function's input buffers; a Gaussian input has two.
    pub inputs: Vec<Vec<f32>>,
}

/// The values of the parameters.
#[derive(Default)]
pub struct Posterior(BTreeMap<String, ParameterTensor>);

impl ParameterSource for Posterior {
    fn name(&self) -> &str {
        "the generated posterior"
    }

    fn tensors(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> std::result::Result<Option<ParameterTensor>, String> {
        Ok(self.0.get(name).cloned())
    }
}

/// A network.
///
/// # Errors
///
/// Where the bytes are at their end.
pub fn network(bytes: &mut Unstructured) -> Result<Generated> {
    let batch = bytes.int_in_range(1..=5)?;
    let dynamic = bytes.arbitrary()?;
    let mut generator = Generator {
        bytes,
        batch,
        dynamic,
        seed: 0,
        arguments: Vec::new(),
        inputs: Vec::new(),
        values: Vec::new(),
        computed: 0,
        composites: 0,
        has_one_result: false,
        body: String::new(),
        helpers: BTreeSet::new(),
        posterior: Posterior::default(),
    };
    generator.seed = generator.bytes.arbitrary::<u8>()?.into();
    generator.input()?;
    for _ in 0..generator.bytes.int_in_range(1..=MAX_LAYERS)? {
        generator.layer()?;
    }
    if generator.bytes.int_in_range(0..=1u8)? == 1 {
        generator.classifier()?;
    }
    generator.finish()
}

/// Something that an op can read.
#[derive(Clone)]
struct Value {
    name: String,
    ty: TensorType,
}

/// What a tensor's elements may be.
#[derive(Clone, Copy, PartialEq)]
enum Domain {
    Any,
    /// Not negative: a variance.
    Variance,
    /// Above zero: a running variance.
    Positive,
}

struct Generator<'b, 'u> {
    bytes: &'b mut Unstructured<'u>,
    batch: i64,
    /// Is the batch written `?`?
    dynamic: bool,
    /// Chooses the numbers; a byte of input for each would be most of the input.
    seed: u64,
    arguments: Vec<Value>,
    inputs: Vec<Vec<f32>>,
    /// What later layers may read: the arguments and what was computed.
    values: Vec<Value>,
    /// How many of the ops' results have been named.
    computed: usize,
    /// How many layers are networks of their own.
    composites: usize,
    /// Is the last value its only result?
    has_one_result: bool,
    body: String,
    /// Functions that the network calls.
    helpers: BTreeSet<String>,
    posterior: Posterior,
}

impl Generator<'_, '_> {
    fn chance(&mut self, out_of: u8) -> Result<bool> {
        self.bytes.ratio(1, out_of)
    }

    fn size(&mut self, max: i64) -> Result<i64> {
        self.bytes.int_in_range(1..=max.max(1))
    }

    /// The leading size of what holds the batch.
    fn leading(&self) -> i64 {
        if self.dynamic { DYNAMIC } else { self.batch }
    }

    fn elements(&self, shape: &[i64]) -> i64 {
        shape.iter().map(|&size| if size == DYNAMIC { self.batch } else { size }).product()
    }

    /// As many numbers as a tensor of this shape has.
    fn numbers(&mut self, shape: &[i64], palette: &[f32]) -> Vec<f32> {
        (0..self.elements(shape))
            .map(|_| {
                // splitmix64
                self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut x = self.seed;
                x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                palette[((x ^ (x >> 31)) % palette.len() as u64) as usize]
            })
            .collect()
    }

    fn palette(domain: Domain) -> &'static [f32] {
        match domain {
            Domain::Any => &MEANS,
            Domain::Variance => &VARIANCES,
            Domain::Positive => &POSITIVE,
        }
    }

    /// The first argument of the network, what the layers start from.
    fn input(&mut self) -> Result<()> {
        let gaussian = self.bytes.arbitrary()?;
        let n = self.leading();
        let shape = match self.bytes.int_in_range(0..=7u8)? {
            0..=2 => vec![n, self.size(6)?, self.size(11)?, self.size(11)?],
            3 => vec![n, self.size(4)?, self.size(4)?, self.size(5)?, self.size(5)?],
            4..=5 => vec![n, self.size(70)?],
            6 => vec![n],
            _ => vec![n, self.size(6)?, self.size(20)?],
        };
        self.argument(TensorType::new(shape, gaussian), Domain::Any);
        Ok(())
    }

    fn argument(&mut self, ty: TensorType, domain: Domain) -> Value {
        let value = Value { name: format!("%in{}", self.arguments.len()), ty };
        let shape = value.ty.shape.clone();
        let mean = self.numbers(&shape, Self::palette(domain));
        self.inputs.push(mean);
        if value.ty.gaussian {
            let variance = self.numbers(&shape, &VARIANCES);
            self.inputs.push(variance);
        }
        self.arguments.push(value.clone());
        if domain == Domain::Any {
            self.values.push(value.clone());
        }
        value
    }

    /// An operand of this shape: an argument, a parameter, a constant or an
    /// earlier value.
    fn operand(&mut self, shape: &[i64], gaussian: bool, domain: Domain) -> Result<Value> {
        let ty = TensorType::new(shape.to_vec(), gaussian);
        let fitting: Vec<_> = self.values.iter().filter(|value| value.ty == ty).cloned().collect();
        if domain == Domain::Any && !fitting.is_empty() && self.chance(3)? {
            return self.bytes.choose(&fitting).cloned();
        }
        if shape.contains(&DYNAMIC) || self.chance(4)? {
            return Ok(self.argument(ty, domain));
        }
        let mean = self.numbers(shape, Self::palette(domain));
        let variance = gaussian.then(|| self.numbers(shape, &VARIANCES));
        if self.bytes.arbitrary()? {
            return Ok(self.parameter(ty, mean, variance));
        }
        let tensor = TensorType { gaussian: false, ..ty.clone() };
        let splat = self.chance(4)?;
        let dense = |values: &[f32]| {
            let values = if splat { &values[..1] } else { values };
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            let hex = bytes.fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
            format!("dense<\"0x{hex}\"> : {tensor}")
        };
        let text = match &variance {
            Some(variance) => format!(
                "gauss.constant mean({}) variance({}) : {ty}",
                dense(&mean),
                dense(variance)
            ),
            None => format!("arith.constant {}", dense(&mean)),
        };
        Ok(self.define(&text, ty))
    }

    fn parameter(&mut self, ty: TensorType, mean: Vec<f32>, variance: Option<Vec<f32>>) -> Value {
        let name = format!("p{}", self.posterior.0.len());
        let mut put = |name: String, values: Vec<f32>| {
            let tensor = ParameterTensor { shape: ty.shape.clone(), values };
            self.posterior.0.insert(name, tensor);
        };
        match variance {
            Some(variance) => {
                put(format!("{name}.mean"), mean);
                put(format!("{name}.var"), variance);
            }
            None => put(name.clone(), mean),
        }
        self.define(&format!("gauss.parameter \"{name}\" : {ty}"), ty)
    }

    /// Writes an op.
    fn define(&mut self, op: &str, ty: TensorType) -> Value {
        let value = Value { name: format!("%{}", self.computed), ty };
        self.computed += 1;
        let _ = writeln!(self.body, "  {} = {op}", value.name);
        value
    }

    /// Writes a layer, unless its operands do not fit or its result is too large.
    fn emit(&mut self, layer: &Layer, operands: &[Value]) {
        let (name, attributes) = (layer.name(), layer.write());
        let types: Vec<_> = operands.iter().map(|operand| operand.ty.clone()).collect();
        let Ok(ty) = shape::infer(layer, &types) else { return };
        if self.elements(&ty.shape) > MAX_ELEMENTS {
            return;
        }
        let names: Vec<_> = operands.iter().map(|operand| operand.name.as_str()).collect();
        let types: Vec<_> = types.iter().map(ToString::to_string).collect();
        let (names, types) = (names.join(", "), types.join(", "));
        let text = match layer {
            Layer::Make => format!("gauss.make {names} : {}", operands[0].ty),
            Layer::Mean | Layer::Variance => format!("gauss.{name} {names} : {types}"),
            _ => format!("gauss.{name} {names}{attributes} : ({types}) -> {ty}"),
        };
        let value = self.define(&text, ty);
        self.values.push(value);
    }

    /// A layer on the last value, now and then on an earlier one.
    fn layer(&mut self) -> Result<()> {
        let last = self.values.len() - 1;
        let x = match self.chance(5)? {
            true => self.bytes.choose(&self.values)?.clone(),
            false => self.values[last].clone(),
        };
        // Layers with weights as often as all others.
        if self.bytes.arbitrary()? {
            return self.linear(x);
        }
        match self.bytes.int_in_range(0..=15u8)? {
            0 => return self.make(x),
            1 => return self.components(x),
            2 => return self.call(&x),
            _ => {}
        }
        let name = *self.bytes.choose(&Layer::names())?;
        self.op(name, x)
    }

    /// An op on a value, a member of its family if not itself; an activation where its rank does not fit.
    fn op(&mut self, name: &str, x: Value) -> Result<()> {
        let rank = x.ty.shape.len();
        let is_image = (3..=5).contains(&rank);
        let is_pool = |name| Pool::MAXIMA.contains(&name) || Pool::AVERAGES.contains(&name);
        match name {
            name if Activation::NAMES.contains(&name) => self.activation(x),
            name if name == "dense" || Convolution::NAMES.contains(&name) => self.linear(x),
            name if ConvTranspose::NAMES.contains(&name) && is_image => self.conv_transpose(x),
            name if is_pool(name) && is_image => self.pool(x),
            "global_max_pool" if is_image => {
                self.emit(&Layer::GlobalMaxPool, &[x]);
                Ok(())
            }
            name if Movement::NAMES.contains(&name) && rank >= 1 => self.movement(x),
            name if Reduction::NAMES.contains(&name) && rank >= 2 => self.reduction(x),
            name if Norm::NAMES.contains(&name) && rank >= 2 => self.norm(x),
            name if Binary::ALL.iter().any(|binary| binary.name() == name) => self.binary(x),
            Matmul::NAME if rank >= 2 => self.matmul(x),
            "batch_norm" if rank >= 2 => self.batch_norm(x),
            Resize::NAME if rank >= 1 => self.resize(x),
            // A row is a step function of its number, which rounding must not move.
            "embedding" if rank >= 1 && !x.ty.gaussian && x.name.starts_with("%in") => {
                self.embedding(x)
            }
            "blend" => self.blend(x),
            name if Noise::NAMES.contains(&name) => self.noise(x),
            Attention::NAME | Weights::NAME | "lstm" | "gru"
                if self.composites == MAX_COMPOSITES =>
            {
                self.activation(x)
            }
            Attention::NAME | Weights::NAME if rank >= 3 => {
                self.composites += 1;
                self.attention(x)
            }
            "lstm" | "gru" if rank == 3 => {
                self.composites += 1;
                self.recurrent(x)
            }
            "flatten" if rank >= 1 => {
                self.emit(&Layer::Flatten, &[x]);
                Ok(())
            }
            "reshape" if rank >= 1 => self.reshape(x),
            name if Self::needs_rank(name) => self.activation(x),
            name => panic!("no network is made of gauss.{name}: teach the generator"),
        }
    }

    /// Does an op take values of some ranks, or exact ones, only?
    fn needs_rank(name: &str) -> bool {
        let families: [&[&str]; 7] = [
            &ConvTranspose::NAMES,
            &Pool::MAXIMA,
            &Pool::AVERAGES,
            &Movement::NAMES,
            &Reduction::NAMES,
            &Norm::NAMES,
            &Composite::NAMES,
        ];
        let others = [
            "global_max_pool",
            Matmul::NAME,
            "batch_norm",
            Resize::NAME,
            "embedding",
            Weights::NAME,
            "flatten",
            "reshape",
        ];
        families.into_iter().flatten().chain(&others).any(|known| *known == name)
    }

    /// A layer with a weight.
    fn linear(&mut self, x: Value) -> Result<()> {
        match x.ty.shape.len() {
            2 => self.dense(x),
            3..=5 => self.convolution(x),
            _ => self.activation(x),
        }
    }

    fn movement(&mut self, x: Value) -> Result<()> {
        let shape = x.ty.shape.clone();
        let rank = shape.len();
        // The batch stays where it is.
        let axis = self.bytes.int_in_range(0..=rank - 1)?;
        let is_fixed = |dim: usize| shape[dim] != DYNAMIC;
        let movement = match self.bytes.int_in_range(0..=6u8)? {
            6 if is_fixed(axis) => {
                let count = self.size(9)?;
                let indices = (0..count).map(|_| self.bytes.int_in_range(0..=shape[axis] - 1));
                Movement::Gather { axis, indices: indices.collect::<Result<_>>()? }
            }
            0 => {
                let mut permutation: Vec<_> = (0..rank as i64).collect();
                let moved = usize::from(!is_fixed(0));
                permutation[moved..].rotate_left(axis % (rank - moved).max(1));
                Movement::Transpose(permutation)
            }
            1 if is_fixed(axis) => {
                let size = self.size(shape[axis])?;
                let step = if size > 1 { (shape[axis] - 1) / (size - 1) } else { 1 };
                let start = self.bytes.int_in_range(0..=shape[axis] - 1 - (size - 1) * step)?;
                Movement::Slice { axis, start, size, step: step.max(1) }
            }
            2 if is_fixed(axis) => {
                let gaussian = self.bytes.arbitrary()?;
                let other = self.operand(&shape, gaussian, Domain::Any)?;
                let movement = Movement::Concat(axis);
                self.emit(&Layer::Movement(movement), &[x, other]);
                return Ok(());
            }
            3 => {
                let border = *self.bytes.choose(&[
                    Border::Constant(0.0),
                    Border::Constant(-1.5),
                    Border::Edge,
                    Border::Reflect,
                ])?;
                let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
                if is_fixed(axis) {
                    let most = if border == Border::Reflect { shape[axis] - 1 } else { 3 };
                    low[axis] = self.bytes.int_in_range(0..=most.min(3))?;
                    high[axis] = self.bytes.int_in_range(0..=most.min(3))?;
                }
                Movement::Pad { low, high, border }
            }
            4 => {
                Movement::Expand(shape.iter().map(|&size| if size == 1 { 3 } else { -1 }).collect())
            }
            _ => {
                let mut factors = vec![1; rank];
                if is_fixed(axis) {
                    factors[axis] = self.size(3)?;
                }
                Movement::Upsample(factors)
            }
        };
        self.emit(&Layer::Movement(movement), &[x]);
        Ok(())
    }

    /// A product with a matrix for all leading indices, or with one for each.
    fn matmul(&mut self, x: Value) -> Result<()> {
        let rank = x.ty.shape.len();
        let (transpose_lhs, transpose_rhs) = (self.bytes.arbitrary()?, self.bytes.arbitrary()?);
        let matmul = Matmul { transpose_lhs, transpose_rhs };
        let depth = x.ty.shape[if transpose_lhs { rank - 2 } else { rank - 1 }];
        if depth == DYNAMIC {
            return Ok(());
        }
        let columns = self.size((MAX_ELEMENTS / depth).min(40))?;
        let mut shape =
            if self.bytes.arbitrary()? { x.ty.shape[..rank - 2].to_vec() } else { vec![] };
        shape.extend(if transpose_rhs { [columns, depth] } else { [depth, columns] });
        if self.elements(&shape) > MAX_ELEMENTS {
            return Ok(());
        }
        let gaussian = self.bytes.arbitrary()?;
        let other = self.operand(&shape, gaussian, Domain::Any)?;
        self.emit(&Layer::Matmul(matmul), &[x, other]);
        Ok(())
    }

    fn resize(&mut self, x: Value) -> Result<()> {
        let mut sizes = vec![-1; x.ty.shape.len()];
        for (size, &own) in sizes.iter_mut().zip(&x.ty.shape) {
            if own != DYNAMIC && self.bytes.arbitrary()? {
                *size = self.size(2 * own)?;
            }
        }
        let resize = Resize { extent: Extent::Sizes(sizes), aligned: self.bytes.arbitrary()? };
        self.emit(&Layer::Resize(resize), &[x]);
        Ok(())
    }

    fn norm(&mut self, x: Value) -> Result<()> {
        let shape = x.ty.shape.clone();
        let dimensions = self.bytes.int_in_range(1..=shape.len() - 1)?;
        let over = match self.bytes.int_in_range(0..=3u8)? {
            0 => Over::Layer(dimensions),
            1 => Over::RootMeanSquare(dimensions),
            2 => {
                let divisors: Vec<_> = (1..=shape[1]).filter(|d| shape[1] % d == 0).collect();
                Over::Groups(*self.bytes.choose(&divisors)?)
            }
            _ => Over::Instance,
        };
        let norm = Norm { over, epsilon: *self.bytes.choose(&[1e-5, 1e-2])? };
        let most = if matches!(over, Over::RootMeanSquare(_)) { 1 } else { 2 };
        let sizes = shape[norm.parameter_dims(shape.len())].to_vec();
        let mut operands = vec![x];
        for _ in 0..self.bytes.int_in_range(0..=most)? {
            let gaussian = self.bytes.arbitrary()?;
            operands.push(self.operand(&sizes, gaussian, Domain::Any)?);
        }
        self.emit(&Layer::Norm(norm), &operands);
        Ok(())
    }

    fn blend(&mut self, x: Value) -> Result<()> {
        let shape = x.ty.shape.clone();
        let gaussian = self.bytes.arbitrary()?;
        let weight = self.operand(&shape, gaussian, Domain::Any)?;
        let gaussian = self.bytes.arbitrary()?;
        let other = self.operand(&shape, gaussian, Domain::Any)?;
        self.emit(&Layer::Blend, &[weight, x, other]);
        Ok(())
    }

    /// Attention of a value to itself, or its weights alone.
    fn attention(&mut self, x: Value) -> Result<()> {
        let causal = self.bytes.arbitrary()?;
        if self.bytes.arbitrary()? {
            let weights = Weights { scale: 0.5, causal };
            self.emit(&Layer::AttentionWeights(weights), &[x]);
            return Ok(());
        }
        let attention = Composite::Attention(Attention { scale: None, causal });
        self.emit(&Layer::Composite(attention), &[x.clone(), x.clone(), x]);
        Ok(())
    }

    fn recurrent(&mut self, x: Value) -> Result<()> {
        let direction = *self.bytes.choose(&[
            Direction::Forward,
            Direction::Reverse,
            Direction::Bidirectional,
        ])?;
        let cell = match self.bytes.arbitrary()? {
            true => Cell::Lstm,
            false => Cell::Gru { linear_before_reset: self.bytes.arbitrary()? },
        };
        let recurrent = Recurrent { cell, direction, onnx_gates: self.bytes.arbitrary()? };
        let (directions, hidden) = (recurrent.directions(), self.size(4)?);
        let outputs = recurrent.gates() * hidden;
        let mut operands = vec![x.clone()];
        for depth in [x.ty.shape[2], hidden] {
            let gaussian = self.bytes.arbitrary()?;
            operands.push(self.operand(&[directions, outputs, depth], gaussian, Domain::Any)?);
        }
        for _ in 0..self.bytes.int_in_range(0..=2u8)? {
            let gaussian = self.bytes.arbitrary()?;
            operands.push(self.operand(&[directions, outputs], gaussian, Domain::Any)?);
        }
        let composite = Composite::Recurrent(recurrent);
        self.emit(&Layer::Composite(composite), &operands);
        Ok(())
    }

    /// Rows of a table by numbers that may be anything.
    fn embedding(&mut self, x: Value) -> Result<()> {
        let shape = [self.size(20)?, self.size(20)?];
        let gaussian = self.bytes.arbitrary()?;
        let table = self.operand(&shape, gaussian, Domain::Any)?;
        self.emit(&Layer::Embedding, &[x, table]);
        Ok(())
    }

    fn reduction(&mut self, x: Value) -> Result<()> {
        let axis = self.bytes.int_in_range(1..=x.ty.shape.len() - 1)?;
        let (is_mean, keep_dims) = (self.bytes.arbitrary()?, self.bytes.arbitrary()?);
        let reduction = Reduction { is_mean, axes: vec![axis], keep_dims };
        self.emit(&Layer::Reduction(reduction), &[x]);
        Ok(())
    }

    /// ReLU as often as all others.
    fn activation(&mut self, x: Value) -> Result<()> {
        let mut known = Activation::samples();
        // A step turns the least rounding into a difference of its whole height.
        known.retain(|activation| !matches!(activation.name(), "sign" | "heaviside"));
        if self.bytes.arbitrary()? {
            known.retain(|activation| activation.name() == "relu");
        }
        let activation = *self.bytes.choose(&known)?;
        self.emit(&Layer::Activation(activation), &[x]);
        Ok(())
    }

    fn noise(&mut self, x: Value) -> Result<()> {
        let noise = *self.bytes.choose(&Noise::samples())?;
        self.emit(&Layer::Noise(noise), &[x]);
        Ok(())
    }

    fn bias(&mut self, outputs: i64) -> Result<Option<Value>> {
        if self.chance(4)? {
            return Ok(None);
        }
        let gaussian = self.bytes.arbitrary()?;
        self.operand(&[outputs], gaussian, Domain::Any).map(Some)
    }

    fn dense(&mut self, x: Value) -> Result<()> {
        let depth = x.ty.shape[1];
        let outputs = self.size((MAX_ELEMENTS / depth).min(70))?;
        let gaussian = self.bytes.arbitrary()?;
        let weight = self.operand(&[outputs, depth], gaussian, Domain::Any)?;
        let bias = self.bias(outputs)?;
        let operands: Vec<_> = [x, weight].into_iter().chain(bias).collect();
        self.emit(&Layer::Dense, &operands);
        Ok(())
    }

    fn convolution(&mut self, x: Value) -> Result<()> {
        let (channels, rank) = (x.ty.shape[1], x.ty.shape.len() - 2);
        let divisors: Vec<_> = (1..=channels).filter(|d| channels % d == 0).collect();
        let groups = *self.bytes.choose(&divisors)?;
        let kernel = self.kernel(rank)?;
        let per_output = channels / groups * kernel.iter().product::<i64>();
        let outputs = groups * self.size((20 / groups).min(MAX_ELEMENTS / per_output / groups))?;
        let axes = self.axes(&[3; 3][..rank], 3)?;
        let convolution = Convolution { axes, groups };
        let shape = [&[outputs, channels / groups][..], &kernel].concat();
        let gaussian = self.bytes.arbitrary()?;
        let weight = self.operand(&shape, gaussian, Domain::Any)?;
        let bias = self.bias(outputs)?;
        let operands: Vec<_> = [x, weight].into_iter().chain(bias).collect();
        self.emit(&Layer::Convolution(convolution), &operands);
        Ok(())
    }

    fn conv_transpose(&mut self, x: Value) -> Result<()> {
        let (channels, rank) = (x.ty.shape[1], x.ty.shape.len() - 2);
        let divisors: Vec<_> = (1..=channels).filter(|d| channels % d == 0).collect();
        let groups = *self.bytes.choose(&divisors)?;
        let kernel = self.kernel(rank)?;
        let per_output = channels * kernel.iter().product::<i64>();
        let outputs = self.size((20 / groups).min(MAX_ELEMENTS / per_output))?;
        let axes = self.axes(&[3; 3][..rank], 3)?;
        let output_padding = axes
            .iter()
            .map(|axis| self.bytes.int_in_range(0..=axis.stride.max(axis.dilation) - 1))
            .collect::<Result<_>>()?;
        let convolution = ConvTranspose { axes, output_padding, groups };
        let shape = [&[channels, outputs][..], &kernel].concat();
        let gaussian = self.bytes.arbitrary()?;
        let weight = self.operand(&shape, gaussian, Domain::Any)?;
        let bias = self.bias(outputs * groups)?;
        let operands: Vec<_> = [x, weight].into_iter().chain(bias).collect();
        self.emit(&Layer::ConvTranspose(convolution), &operands);
        Ok(())
    }

    /// The sizes of a window.
    fn kernel(&mut self, rank: usize) -> Result<Vec<i64>> {
        (0..rank).map(|_| self.size(if rank == 3 { 2 } else { 4 })).collect()
    }

    /// How a window lies along each axis, with so much padding at most.
    fn axes(&mut self, padding: &[i64], stride: i64) -> Result<Vec<SpatialAxis>> {
        let is_padded = self.bytes.arbitrary()?;
        let axis = |&most: &i64| {
            let mut side = || if is_padded { self.bytes.int_in_range(0..=most) } else { Ok(0) };
            let padding = [side()?, side()?];
            Ok(SpatialAxis { stride: self.size(stride)?, padding, dilation: self.size(2)? })
        };
        padding.iter().map(axis).collect()
    }

    fn pool(&mut self, x: Value) -> Result<()> {
        if self.chance(8)? {
            self.emit(&Layer::GlobalMaxPool, &[x]);
            return Ok(());
        }
        let kernel = self.kernel(x.ty.shape.len() - 2)?;
        let padding: Vec<_> = kernel.iter().map(|size| size - 1).collect();
        let axes = self.axes(&padding, 4)?;
        let window = Window { kernel, axes, ceil: self.bytes.arbitrary()? };
        let kind = match self.bytes.arbitrary()? {
            true => Kind::Max,
            false => Kind::Average { count_include_pad: self.bytes.arbitrary()? },
        };
        let pool = Pool { kind, window };
        self.emit(&Layer::Pool(pool), &[x]);
        Ok(())
    }

    fn batch_norm(&mut self, x: Value) -> Result<()> {
        let channels = [x.ty.shape[1]];
        let (gamma, beta) = (self.chance(4)?, self.chance(4)?);
        let operands = [
            x,
            self.operand(&channels, gamma, Domain::Any)?,
            self.operand(&channels, beta, Domain::Any)?,
            self.operand(&channels, false, Domain::Any)?,
            self.operand(&channels, false, Domain::Positive)?,
        ];
        let epsilon = *self.bytes.choose(&[1e-5, 0.0, 1.0])?;
        self.emit(&Layer::BatchNorm(epsilon), &operands);
        Ok(())
    }

    fn binary(&mut self, x: Value) -> Result<()> {
        let binary = *self.bytes.choose(&Binary::ALL)?;
        let shape = x.ty.shape.clone();
        let operands = match binary {
            // A divisor and a slope are known.
            Binary::Div => [x, self.operand(&shape, false, Domain::Positive)?],
            Binary::Prelu => [x, self.operand(&shape, false, Domain::Any)?],
            Binary::Add | Binary::Sub | Binary::Mul => {
                let gaussian = self.bytes.arbitrary()?;
                let other = self.operand(&shape, gaussian, Domain::Any)?;
                if self.bytes.arbitrary()? { [x, other] } else { [other, x] }
            }
        };
        self.emit(&Layer::Binary(binary), &operands);
        Ok(())
    }

    fn reshape(&mut self, x: Value) -> Result<()> {
        let (kept, rest) = match x.ty.shape[0] {
            DYNAMIC => (vec![DYNAMIC], &x.ty.shape[1..]),
            _ => (vec![], &x.ty.shape[..]),
        };
        let mut left = self.elements(rest);
        let mut shape = kept;
        for _ in 0..self.bytes.int_in_range(0..=3u8)? {
            let divisors: Vec<_> = (1..=left).filter(|d| left % d == 0).collect();
            let size = *self.bytes.choose(&divisors)?;
            shape.push(size);
            left /= size;
        }
        if left > 1 || shape.is_empty() {
            shape.push(left);
        }
        let ty = TensorType::new(shape, x.ty.gaussian);
        let value = self.define(&format!("gauss.reshape {} : ({}) -> {ty}", x.name, x.ty), ty);
        self.values.push(value);
        Ok(())
    }

    /// A Gaussian from a mean and a variance that come from elsewhere.
    fn make(&mut self, x: Value) -> Result<()> {
        let mean = match x.ty.gaussian {
            true => {
                let known = self.values.len();
                self.emit(&Layer::Mean, &[x]);
                match self.values.get(known) {
                    Some(mean) => mean.clone(),
                    // The input may be larger than what a layer may make.
                    None => return Ok(()),
                }
            }
            false => x,
        };
        let variance = self.operand(&mean.ty.shape.clone(), false, Domain::Variance)?;
        self.emit(&Layer::Make, &[mean, variance]);
        Ok(())
    }

    fn components(&mut self, x: Value) -> Result<()> {
        if x.ty.gaussian {
            let variance: bool = self.bytes.arbitrary()?;
            let layer = if variance { Layer::Variance } else { Layer::Mean };
            self.emit(&layer, &[x]);
        }
        Ok(())
    }

    /// A call of a function of this module.
    fn call(&mut self, x: &Value) -> Result<()> {
        let ty = &x.ty;
        let name = format!("@relu_{}", ty.to_string().replace(|c: char| !c.is_alphanumeric(), "_"));
        self.helpers.insert(format!(
            "func.func private {name}(%x: {ty}) -> {ty} {{\n  \
             %y = gauss.relu %x : ({ty}) -> {ty}\n  return %y : {ty}\n}}\n"
        ));
        let value =
            self.define(&format!("func.call {name}({}) : ({ty}) -> {ty}", x.name), ty.clone());
        self.values.push(value);
        Ok(())
    }

    fn last(&self) -> Value {
        self.values[self.values.len() - 1].clone()
    }

    /// Dense layers of the last value, with what may be between them.
    fn classifier(&mut self) -> Result<()> {
        match self.last().ty.shape.len() {
            0 | 1 => return Ok(()),
            2 => {}
            _ => self.emit(&Layer::Flatten, &[self.last()]),
        }
        self.has_one_result = true;
        for _ in 0..self.bytes.int_in_range(1..=4u8)? {
            match self.bytes.int_in_range(0..=5u8)? {
                0 => {}
                1 => self.binary(self.last())?,
                _ => self.activation(self.last())?,
            }
            self.dense(self.last())?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Generated> {
        let mut results = self.values.last().cloned().into_iter().collect::<Vec<_>>();
        while !self.has_one_result && results.len() < 4 && self.chance(4)? {
            let result = self.bytes.choose(&self.values)?.clone();
            results.push(result);
        }
        let arguments: Vec<_> =
            self.arguments.iter().map(|value| format!("{}: {}", value.name, value.ty)).collect();
        let names: Vec<_> = results.iter().map(|value| value.name.as_str()).collect();
        let types: Vec<_> = results.iter().map(|value| value.ty.to_string()).collect();
        let helpers: String = self.helpers.into_iter().collect();
        let text = format!(
            "{helpers}func.func @net({}) -> ({types}) {{\n{}  return {} : {types}\n}}\n",
            arguments.join(", "),
            self.body,
            names.join(", "),
            types = types.join(", "),
        );
        Ok(Generated {
            text,
            batch: self.dynamic.then_some(self.batch),
            posterior: self.posterior,
            inputs: self.inputs,
        })
    }
}
