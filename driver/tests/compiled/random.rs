//! Random shapes of every op, every kind of operand, against the reference.

use std::ops::RangeInclusive;

use gauss_dialect::{
    interpreter::{Program, Tensor},
    layer as kinds,
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
    shape::TensorType,
};
use gauss_lowering::target::Target;
use pfp_compiler::{diagnostics::Source, module::Session};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    case::{self, Case, Operand, Posterior, Tolerance, check},
    common, linked,
};

/// Sums of up to a few hundred positive terms in float32; the maxima add the few
/// 1e-6 of the tail's rational form.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 1e-5,
    mean: 2e-6,
    mean_absolute: 1e-6,
    variance: 1e-5,
    variance_absolute: 1e-30,
};

/// Sums of up to 4096 terms. Those of a deterministic result cancel, which leaves the
/// roundings of partial sums up to a hundred.
const LONG: Tolerance = Tolerance { mean_absolute: 1e-4, ..TOLERANCE };

/// Several layers, each of which passes the errors of the one before on.
const CHAIN: Tolerance = Tolerance { mean_of_sigma: 2e-5, mean: 1e-5, variance: 2e-5, ..TOLERANCE };

/// What quadrature adds to a tolerance, for operands whose deviations are up to about 3.
const QUADRATURE: Tolerance = Tolerance {
    mean_of_sigma: 3e-5,
    mean: 1e-5,
    mean_absolute: 1e-4,
    variance: 3e-4,
    variance_absolute: 3e-6,
};

/// The tolerance of a case: more where moments are by quadrature, or where up to 6561 terms cancel.
fn of_case(case: &Case, tolerance: Tolerance) -> Tolerance {
    if case.module.contains("gauss.reduce_sum ") {
        return Tolerance { mean_absolute: 1e-4, ..tolerance };
    }
    // What is divided by a deviation that is nearly 0 has the rounding of the numbers as its own.
    if Norm::NAMES.iter().any(|op| case.module.contains(&format!("gauss.{op} "))) {
        return Tolerance {
            mean_of_sigma: 1e-4,
            mean_absolute: 1e-5,
            variance: 1e-4,
            variance_absolute: 1e-6,
            ..tolerance
        };
    }
    // Chains of layers by quadrature, whose errors each passes on.
    let chains = Composite::NAMES.iter().chain([&Weights::NAME]);
    if chains.into_iter().any(|op| case.module.contains(&format!("gauss.{op} "))) {
        return Tolerance {
            mean_of_sigma: 1e-3,
            mean_absolute: 5e-4,
            variance: 3e-3,
            variance_absolute: 2e-5,
            ..tolerance
        };
    }
    let smooth = Activation::NAMES.iter().filter(|name| Activation::is_by_quadrature(name));
    match smooth.into_iter().any(|op| case.module.contains(&format!("gauss.{op} "))) {
        true => Tolerance {
            mean_of_sigma: tolerance.mean_of_sigma + QUADRATURE.mean_of_sigma,
            mean: tolerance.mean + QUADRATURE.mean,
            mean_absolute: tolerance.mean_absolute + QUADRATURE.mean_absolute,
            variance: tolerance.variance + QUADRATURE.variance,
            variance_absolute: tolerance.variance_absolute + QUADRATURE.variance_absolute,
        },
        false => tolerance,
    }
}

/// Numbers that float32 holds exactly.
pub fn tensor(shape: &[usize], gaussian: bool, seed: u64) -> Tensor {
    let mut tensor = common::random(shape, gaussian, seed);
    let round = |values: &mut Vec<f64>| {
        values.iter_mut().for_each(|value| *value = f64::from(*value as f32));
    };
    round(&mut tensor.mean);
    tensor.variance.iter_mut().for_each(round);
    tensor
}

struct Generator {
    rng: ChaCha8Rng,
    seed: u64,
}

impl Generator {
    fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), seed }
    }

    fn size(&mut self, most: usize) -> usize {
        self.rng.random_range(1..=most)
    }

    fn flip(&mut self) -> bool {
        self.rng.random()
    }

    /// As [`tensor`], unlike each other.
    fn tensor(&mut self, shape: &[usize], gaussian: bool) -> Tensor {
        self.seed += 1;
        tensor(shape, gaussian, self.seed)
    }

    fn operand(&mut self, shape: &[usize], parameter: bool) -> Operand {
        let gaussian = self.flip();
        Operand { tensor: self.tensor(shape, gaussian), parameter }
    }

    fn dense(&mut self) -> Layer {
        let (n, k, m) = (self.size(15), self.size(70), self.size(75));
        let parameter = self.flip();
        let mut operands = vec![self.operand(&[n, k], false), self.operand(&[m, k], parameter)];
        if self.flip() {
            operands.push(self.operand(&[m], parameter));
        }
        ("dense", String::new(), operands, vec![n, m])
    }

    /// Groups, channels of the input and outputs: without groups, with some, depthwise.
    fn channels(&mut self) -> [usize; 3] {
        match self.size(4) {
            1 | 2 => [1, self.size(4), self.size(20)],
            3 => {
                let groups = self.size(3);
                [groups, groups * self.size(4), groups * self.size(20)]
            }
            _ => [self.size(40); 3],
        }
    }

    /// How a kernel lies along so many axes.
    fn axes(&mut self, rank: usize) -> Vec<SpatialAxis> {
        let axis = |_| SpatialAxis {
            stride: self.size(3) as i64,
            padding: [0; 2].map(|_| self.rng.random_range(0..3)),
            dilation: self.size(2) as i64,
        };
        (0..rank).map(axis).collect()
    }

    /// A convolution of any rank, of images as often as of all others.
    fn convolution(&mut self) -> Layer {
        let rank = [1, 2, 2, 3][self.rng.random_range(0..4)];
        let [groups, channels, outputs] = self.channels();
        let kernel: Vec<_> = (0..rank).map(|_| self.size(5 - rank / 2)).collect();
        let axes = self.axes(rank);
        let size: Vec<_> = kernel
            .iter()
            .zip(&axes)
            .map(|(&kernel, axis)| {
                axis.extent(kernel as i64) as usize + self.size([60, 36, 6][rank - 1]) - 1
            })
            .collect();
        let convolution = Convolution { axes, groups: groups as i64 };
        let shapes = [
            [&[self.size(3), channels][..], &size].concat(),
            [&[outputs, channels / groups][..], &kernel].concat(),
        ];
        let operands = self.linear(&shapes, outputs);
        let [input, weight] = [0, 1].map(|number: usize| operands[number].tensor.ty());
        let result = convolution.infer(&input, &weight).unwrap();
        (convolution.name(), convolution.write().to_string(), operands, sizes(&result))
    }

    /// A transposed convolution. What it cuts off may be more than a kernel is long.
    fn conv_transpose(&mut self) -> Layer {
        let rank = [1, 2, 2, 3][self.rng.random_range(0..4)];
        let [groups, channels, outputs] = self.channels();
        let kernel: Vec<_> = (0..rank).map(|_| self.size(6 - rank)).collect();
        let axes = self.axes(rank);
        let output_padding =
            axes.iter().map(|axis| self.rng.random_range(0..axis.stride.max(axis.dilation)));
        let output_padding: Vec<_> = output_padding.collect();
        let size: Vec<_> = (0..rank).map(|_| 4 + self.size([40, 14, 3][rank - 1])).collect();
        let convolution = ConvTranspose { axes, output_padding, groups: groups as i64 };
        let shapes = [
            [&[self.size(3), channels][..], &size].concat(),
            [&[channels, outputs / groups][..], &kernel].concat(),
        ];
        let operands = self.linear(&shapes, outputs);
        let [input, weight] = [0, 1].map(|number: usize| operands[number].tensor.ty());
        let result = convolution.infer(&input, &weight).unwrap();
        (convolution.name(), convolution.write().to_string(), operands, sizes(&result))
    }

    /// An input and a weight of these shapes, with a bias as often as without.
    fn linear(&mut self, [input, weight]: &[Vec<usize>; 2], outputs: usize) -> Vec<Operand> {
        let parameter = self.flip();
        let mut operands = vec![self.operand(input, false), self.operand(weight, parameter)];
        if self.flip() {
            operands.push(self.operand(&[outputs], parameter));
        }
        operands
    }

    /// A convolution along a line with a constant weight. Its rows share pixels at any
    /// stride that is shorter than the kernel, whose steps are written out in groups.
    fn line(&mut self) -> Layer {
        let (n, channels, outputs) = (self.size(2), self.size(3), self.size(40));
        let (kernel, stride, dilation) = (1 + self.size(11), self.size(3), self.size(2));
        let (positions, lines) = (self.size(20), self.size(3));
        let size = (positions - 1) * stride + dilation * (kernel - 1) + 1;
        let operands = vec![
            self.operand(&[n, channels, lines, size], false),
            self.operand(&[outputs, channels, 1, kernel], true),
        ];
        let attributes = format!("strides [1, {stride}] dilation [1, {dilation}]");
        ("conv2d", attributes, operands, vec![n, outputs, lines, positions])
    }

    /// A 3x3 convolution of so many channels that its mean is computed by Winograd's algorithm,
    /// where rows and columns are even and the weight is constant.
    fn wide(&mut self) -> Layer {
        let (n, channels, outputs) = (self.size(3), 7 + self.size(20), 7 + self.size(30));
        let padding: [usize; 4] = std::array::from_fn(|_| self.rng.random_range(0..3));
        let [rows, columns] = [0, 1].map(|axis| {
            let least = padding[axis] + padding[axis + 2];
            least.max(if self.rng.random_range(0..4) > 0 {
                2 * self.size(9)
            } else {
                self.size(18)
            })
        });
        let input = [
            n,
            channels,
            rows + 2 - padding[0] - padding[2],
            columns + 2 - padding[1] - padding[3],
        ];
        let parameter = self.rng.random_range(0..4) > 0;
        let mut operands =
            vec![self.operand(&input, false), self.operand(&[outputs, channels, 3, 3], parameter)];
        if self.flip() {
            operands.push(self.operand(&[outputs], parameter));
        }
        ("conv2d", format!("padding {padding:?}"), operands, vec![n, outputs, rows, columns])
    }

    /// A pool of any rank, of images as often as of all others.
    fn pool(&mut self, is_max: bool) -> Layer {
        let rank = [1, 2, 2, 3][self.rng.random_range(0..4)];
        let kernel: Vec<_> = (0..rank).map(|_| self.size(6 - rank)).collect();
        // Gaps and windows that are cut are rarer than whole ones.
        let (is_apart, ceil) = (self.size(4) == 1, self.size(3) == 1);
        let axes: Vec<_> = kernel
            .iter()
            .map(|&kernel| SpatialAxis {
                stride: self.size(5) as i64,
                padding: [0; 2].map(|_| self.rng.random_range(0..kernel as i64)),
                dilation: if is_apart { self.size(3) as i64 } else { 1 },
            })
            .collect();
        let mut shape = vec![self.size(2), self.size(3)];
        for (&kernel, axis) in kernel.iter().zip(&axes) {
            let least = axis.extent(kernel as i64).max(axis.padding.iter().sum());
            shape.push(least as usize + self.size([60, 40, 6][rank - 1]) - 1);
        }
        let kernel = kernel.into_iter().map(|size| size as i64).collect();
        let kind = match is_max {
            true => Kind::Max,
            false => Kind::Average { count_include_pad: self.flip() },
        };
        let pool = Pool { kind, window: Window { kernel, axes, ceil } };
        let operand = self.operand(&shape, false);
        let result = pool.infer(&operand.tensor.ty()).unwrap();
        (pool.name(), pool.write().to_string(), vec![operand], sizes(&result))
    }

    fn global_max_pool(&mut self) -> Layer {
        let shape = self.shape(3..=5);
        let operand = self.operand(&shape, false);
        let result = shape.iter().enumerate().map(|(dim, &size)| if dim < 2 { size } else { 1 });
        ("global_max_pool", String::new(), vec![operand], result.collect())
    }

    /// A shape of one of these ranks.
    fn shape(&mut self, ranks: RangeInclusive<usize>) -> Vec<usize> {
        let rank = self.rng.random_range(ranks);
        (0..rank).map(|_| self.size(9)).collect()
    }

    fn batch_norm(&mut self) -> Layer {
        let shape = self.shape(2..=4);
        let mut operands = vec![self.operand(&shape, false)];
        let parameter = self.flip();
        let channels = [shape[1]];
        operands.push(self.operand(&channels, parameter));
        operands.push(self.operand(&channels, parameter));
        for _ in 0..2 {
            let mut tensor = self.tensor(&channels, false);
            let positive = |value: f64| f64::from((value.abs() + 0.5) as f32);
            tensor.mean.iter_mut().for_each(|value| *value = positive(*value));
            operands.push(Operand { tensor, parameter });
        }
        ("batch_norm", String::new(), operands, shape)
    }

    /// Every function of two tensors in turn; now and then a dimension of one is repeated.
    fn binary(&mut self, number: usize) -> Layer {
        let binary = Binary::ALL[number % Binary::ALL.len()];
        let shape = self.shape(0..=4);
        let mut shapes = [shape.clone(), shape.clone()];
        for (dim, _) in shape.iter().enumerate() {
            if self.rng.random_range(0..4) == 0 {
                shapes[self.rng.random_range(0..2)][dim] = 1;
            }
        }
        let mut operands = shapes.map(|shape| self.operand(&shape, false));
        if binary == Binary::Prelu {
            operands[1].tensor.variance = None;
        }
        if binary == Binary::Div {
            let away = |value: f64| f64::from((value + value.signum()) as f32);
            let tensor = &mut operands[1].tensor;
            tensor.variance = None;
            tensor.mean.iter_mut().for_each(|value| *value = away(*value));
        }
        (binary.name(), String::new(), operands.into(), shape)
    }

    /// Every movement in turn.
    fn movement(&mut self, number: usize) -> Layer {
        let rank = self.rng.random_range(1..=4usize);
        let mut shape: Vec<_> = (0..rank).map(|_| 1 + self.size(8)).collect();
        let axis = self.rng.random_range(0..rank);
        let zeros = vec![0i64; rank];
        let ones = vec![1i64; rank];
        let mut others = vec![];
        let movement = match number % 9 {
            0 => {
                let mut permutation: Vec<_> = (0..rank as i64).collect();
                for dim in 1..rank {
                    permutation.swap(dim, self.rng.random_range(0..=dim));
                }
                Movement::Transpose(permutation)
            }
            1 => {
                let (size, step) = (self.size(shape[axis]), self.size(2));
                let size = if (size - 1) * step < shape[axis] { size } else { 1 };
                let start = self.rng.random_range(0..shape[axis] - (size - 1) * step);
                let [start, size, step] = [start, size, step].map(|n| n as i64);
                Movement::Slice { axis, start, size, step }
            }
            2 => {
                for _ in 0..self.rng.random_range(0..3) {
                    let mut other = shape.clone();
                    other[axis] = self.size(9);
                    others.push(other);
                }
                Movement::Concat(axis)
            }
            3..=5 => {
                let border =
                    [Border::Constant(-0.5), Border::Reflect, Border::Edge][number % 9 - 3];
                let most = if border == Border::Reflect { shape[axis] - 1 } else { 4 };
                let (mut low, mut high) = (zeros.clone(), zeros);
                low[axis] = self.rng.random_range(0..=most) as i64;
                high[axis] = self.rng.random_range(0..=most) as i64;
                Movement::Pad { low, high, border }
            }
            6 => {
                shape[axis] = 1;
                let mut to = vec![-1; rank];
                to[axis] = self.size(7) as i64;
                Movement::Expand(to)
            }
            7 => {
                let most = shape[axis] as i64;
                // Now and then so many that they are a loop.
                let count = if self.size(4) == 1 { 200 } else { self.size(9) };
                let indices = (0..count).map(|_| self.rng.random_range(0..most)).collect();
                Movement::Gather { axis, indices }
            }
            _ => {
                let mut factors = ones;
                factors[axis] = self.size(4) as i64;
                factors[rank - 1] = self.size(3) as i64;
                Movement::Upsample(factors)
            }
        };
        let shapes = [shape].into_iter().chain(others);
        let operands: Vec<_> = shapes.map(|shape| self.operand(&shape, false)).collect();
        let types: Vec<_> = operands.iter().map(|operand| operand.tensor.ty()).collect();
        let result = movement.infer(&types).unwrap();
        (movement.name(), movement.write().to_string(), operands, sizes(&result))
    }

    /// Matrices in one of four orders, with leading dimensions of which some are repeated.
    fn matmul(&mut self) -> Layer {
        let matmul = Matmul { transpose_lhs: self.flip(), transpose_rhs: self.flip() };
        let (m, k, n) = (self.any_size(40), self.any_size(70), self.any_size(75));
        let leading = self.shape(0..=2);
        let mut shapes = [leading.clone(), leading];
        for operand in &mut shapes {
            for size in operand.iter_mut().filter(|_| self.rng.random_range(0..4) == 0) {
                *size = 1;
            }
        }
        if self.flip() {
            shapes[1].clear();
        }
        shapes[0].extend(if matmul.transpose_lhs { [k, m] } else { [m, k] });
        shapes[1].extend(if matmul.transpose_rhs { [n, k] } else { [k, n] });
        let parameter = self.flip();
        let operands = [self.operand(&shapes[0], false), self.operand(&shapes[1], parameter)];
        let [lhs, rhs] = [0, 1].map(|number| operands[number].tensor.ty());
        let result = matmul.infer(&lhs, &rhs).unwrap().shape;
        let result = result.into_iter().map(|size| size as usize).collect();
        (Matmul::NAME, matmul.write().to_string(), operands.into(), result)
    }

    /// Every normalisation by the values in turn, of few and of many elements.
    fn norm(&mut self, number: usize) -> Layer {
        let mut shape = self.shape(2..=4);
        let last = shape.len() - 1;
        if self.flip() {
            shape[last] = [16, 32, 48, 100, 127][self.rng.random_range(0..5)];
        }
        let over = match number % 4 {
            0 => Over::Layer(self.size(last)),
            1 => Over::RootMeanSquare(self.size(last)),
            2 => {
                let groups = self.size(3);
                shape[1] = groups * self.size(4);
                Over::Groups(groups as i64)
            }
            _ => Over::Instance,
        };
        let norm = Norm { over, epsilon: 1e-5 };
        let sizes = &shape[norm.parameter_dims(shape.len())];
        let most = if matches!(over, Over::RootMeanSquare(_)) { 1 } else { 2 };
        let mut operands = vec![self.operand(&shape, false)];
        for _ in 0..self.rng.random_range(0..=most) {
            let parameter = self.flip();
            operands.push(self.operand(sizes, parameter));
        }
        (norm.name(), norm.write().to_string(), operands, shape)
    }

    /// A blend, weights of an attention, or a network that is one op, in turn.
    fn composite(&mut self, number: usize) -> Layer {
        let (n, t) = (self.size(3), self.size(5));
        match number % 5 {
            0 => {
                let shape = self.shape(0..=4);
                let mut operands = vec![];
                for _ in 0..3 {
                    let mut own = shape.clone();
                    if let Some(last) = own.last_mut().filter(|_| self.flip()) {
                        *last = 1;
                    }
                    operands.push(self.operand(&own, false));
                }
                let types: Vec<_> = operands.iter().map(|x| x.tensor.shape.clone()).collect();
                let size = |dim| types.iter().map(|shape: &Vec<usize>| shape[dim]).max();
                let result = (0..shape.len()).filter_map(size).collect();
                ("blend", String::new(), operands, result)
            }
            1 => {
                let weights = Weights { scale: 0.5, causal: self.flip() };
                let shape = vec![n, t, t + self.size(40)];
                let operands = vec![self.operand(&shape, false)];
                (Weights::NAME, weights.write().to_string(), operands, shape)
            }
            2 => {
                let (s, d, e) = (t + self.size(6), self.size(9), self.size(20));
                let scale = if self.flip() { Some(0.25) } else { None };
                let attention = Attention { scale, causal: self.flip() };
                let shapes = [[n, t, d], [n, s, d], [n, s, e]];
                let operands = shapes.map(|shape| self.operand(&shape, false)).into();
                (Attention::NAME, attention.write().to_string(), operands, vec![n, t, e])
            }
            which => {
                let direction = [Direction::Forward, Direction::Reverse, Direction::Bidirectional]
                    [self.rng.random_range(0..3)];
                let cell = match which {
                    3 => Cell::Lstm,
                    _ => Cell::Gru { linear_before_reset: self.flip() },
                };
                let recurrent = Recurrent { cell, direction, onnx_gates: self.flip() };
                let (i, h) = (self.size(9), self.size(20));
                let [d, gates] = [recurrent.directions(), recurrent.gates()].map(|n| n as usize);
                let parameter = self.flip();
                let mut operands = vec![
                    self.operand(&[n, t, i], false),
                    self.operand(&[d, gates * h, i], parameter),
                    self.operand(&[d, gates * h, h], parameter),
                ];
                for _ in 0..self.rng.random_range(0..=2) {
                    operands.push(self.operand(&[d, gates * h], parameter));
                }
                let attributes = Composite::Recurrent(recurrent).write().to_string();
                (recurrent.name(), attributes, operands, vec![n, t, d * h])
            }
        }
    }

    /// Rows of a table by numbers of which some are none of it.
    fn embedding(&mut self) -> Layer {
        let (rows, features) = (self.size(40), self.any_size(70));
        let shape = self.shape(0..=3);
        let mut indices = self.tensor(&shape, false);
        let choices = [-1.0, f64::NAN, 1e30, 0.75, rows as f64];
        for index in &mut indices.mean {
            *index = match self.rng.random_range(0..20) {
                rare @ 0..5 => choices[rare],
                _ => self.rng.random_range(0..rows) as f64,
            };
        }
        let parameter = self.flip();
        let operands = vec![
            Operand { tensor: indices, parameter: false },
            self.operand(&[rows, features], parameter),
        ];
        let result = [&shape[..], &[features]].concat();
        ("embedding", String::new(), operands, result)
    }

    /// Sizes of simple proportions as often as any.
    fn resize(&mut self) -> Layer {
        let shape = self.shape(1..=4);
        let rank = shape.len();
        let mut ratios = vec![(1, 1); rank];
        for ratio in &mut ratios {
            if self.flip() {
                *ratio = [(2, 1), (4, 1), (3, 2), (1, 2), (5, 3)][self.rng.random_range(0..5)];
            }
        }
        let extent = match self.flip() {
            true => {
                let size = |(&size, &(n, _)): (&usize, &(i64, i64))| match self.rng.random() {
                    true if n > 1 => self.rng.random_range(1..=50),
                    _ if n > 1 => n * size as i64,
                    _ => -1,
                };
                Extent::Sizes(shape.iter().zip(&ratios).map(size).collect())
            }
            false => Extent::Fractions {
                numerators: ratios.iter().map(|ratio| ratio.0).collect(),
                denominators: ratios
                    .iter()
                    .zip(&shape)
                    .map(|(&(n, d), &size)| if d > n * size as i64 { n } else { d })
                    .collect(),
            },
        };
        let resize = Resize { extent, aligned: self.flip() };
        let operand = self.operand(&shape, false);
        let result = resize.infer(&operand.tensor.ty()).unwrap().shape;
        let result = result.into_iter().map(|size| size as usize).collect();
        (Resize::NAME, resize.write().to_string(), vec![operand], result)
    }

    fn reduction(&mut self) -> Layer {
        let shape = self.shape(1..=4);
        let mut axes: Vec<_> = (0..shape.len()).filter(|_| self.flip()).collect();
        if axes.is_empty() {
            axes.push(self.rng.random_range(0..shape.len()));
        }
        let reduction = Reduction { is_mean: self.flip(), axes, keep_dims: self.flip() };
        let operand = self.operand(&shape, false);
        let result = reduction.infer(&operand.tensor.ty()).unwrap();
        (reduction.name(), reduction.write().to_string(), vec![operand], sizes(&result))
    }

    /// Every activation in turn, in one of the forms that tests of it go through.
    fn activation(&mut self, number: usize) -> Layer {
        let name = Activation::NAMES[number % Activation::NAMES.len()];
        let mut samples = Activation::samples();
        samples.retain(|activation| activation.name() == name);
        let activation = samples[self.rng.random_range(0..samples.len())];
        let shape = self.shape(0..=4);
        let operands = vec![self.operand(&shape, false)];
        (activation.name(), activation.write().to_string(), operands, shape)
    }

    /// Each kind of noise in turn.
    fn noise(&mut self, number: usize) -> Layer {
        let samples = Noise::samples();
        let noise = samples[number % samples.len()];
        let shape = self.shape(0..=4);
        let operands = vec![self.operand(&shape, false)];
        (noise.name(), noise.write().to_string(), operands, shape)
    }

    /// One to `most`, small numbers as likely as large ones.
    fn any_size(&mut self, most: usize) -> usize {
        let most = most >> self.rng.random_range(0..=most.ilog2());
        self.size(most.max(1))
    }

    /// Layers with up to 4096 terms in a sum and more than two tiles of outputs.
    fn long(&mut self) -> Layer {
        const MOST_PRODUCTS: usize = 2_000_000;
        let (op, input, weight, result) = loop {
            let n = self.any_size(24);
            let m = self.any_size(300);
            let (op, input, weight, result) = if self.flip() {
                let k = if self.flip() { 4096 } else { self.any_size(4096) };
                ("dense", vec![n, k], vec![m, k], vec![n, m])
            } else {
                let (c, kernel) = (self.any_size(160), self.size(5));
                let size = kernel + self.any_size(20) - 1;
                let positions = size - kernel + 1;
                (
                    "conv2d",
                    vec![n, c, size, size],
                    vec![m, c, kernel, kernel],
                    vec![n, m, positions, positions],
                )
            };
            let terms: usize = weight[1..].iter().product();
            if terms <= 4096 && terms * result.iter().product::<usize>() <= MOST_PRODUCTS {
                break (op, input, weight, result);
            }
        };
        // Constants are packed and blocked; arguments are not.
        let parameter = self.rng.random_range(0..4) > 0;
        let outputs = [weight[0]];
        let mut operands = vec![self.operand(&input, false), self.operand(&weight, parameter)];
        if self.flip() {
            operands.push(self.operand(&outputs, parameter));
        }
        (op, String::new(), operands, result)
    }

    /// An activation that makes no number much larger, nor little rounding a step: ReLU as often as
    /// all others.
    fn bounded(&mut self) -> Activation {
        let is_relu = self.flip();
        let mut known = Activation::samples();
        known.retain(|f| match is_relu {
            true => f.name() == "relu",
            false => !matches!(f.name(), "exp" | "square" | "sign" | "heaviside"),
        });
        known[self.rng.random_range(0..known.len())]
    }

    /// Convolutions of a batch, each with an activation and pooling, and a dense layer at the end.
    fn chain(&mut self, number: usize) -> Case {
        let mut posterior = Posterior::default();
        let ty = |shape: &[usize], gaussian| common::random(shape, gaussian, 0).ty();
        let n = 1 + self.size(3);
        let mut shape = [n, self.size(4), 8 + self.size(16), 8 + self.size(16)];
        let is_exact = self.flip();
        let input = self.tensor(&shape, !is_exact);
        let mut x = input.ty();
        let name = format!("chain_{number}");
        let (mut parameters, mut body) = (String::new(), String::new());
        let mut value = "%a".to_owned();
        let mut parameter = |generator: &mut Self, name: String, shape: &[usize]| {
            let tensor = generator.tensor(shape, true);
            posterior.insert(&name, &tensor);
            parameters += &format!("  %{name} = gauss.parameter \"{name}\" : {}\n", tensor.ty());
            tensor.ty()
        };
        for layer in 0..2 {
            let kernel = [2, 3].map(|axis| self.size(shape[axis].min(3)));
            let divisors = (2..=shape[1]).filter(|groups| shape[1].is_multiple_of(*groups));
            let groups = if self.flip() { divisors.min().unwrap_or(1) } else { 1 };
            let outputs = groups * self.any_size((40 / groups).max(1));
            let padding = self.rng.random_range(0..2);
            let weight = [outputs, shape[1] / groups, kernel[0], kernel[1]];
            let w = parameter(self, format!("w{layer}"), &weight);
            let b = parameter(self, format!("b{layer}"), &[outputs]);
            shape[1] = outputs;
            for axis in 0..2 {
                shape[axis + 2] = shape[axis + 2] + 2 * padding - kernel[axis] + 1;
            }
            let y = ty(&shape, true);
            let activation = self.bounded();
            body += &format!(
                "  %c{layer} = gauss.conv2d {value}, %w{layer}, %b{layer} padding {:?} groups \
                 {groups} : ({x}, {w}, {b}) -> {y}\n  %r{layer} = gauss.{} %c{layer}{} : ({y}) -> \
                 {y}\n",
                [padding; 4],
                activation.name(),
                activation.write(),
            );
            (value, x) = (format!("%r{layer}"), y);
            // Windows beside each other as often as some that overlap.
            let kernel = [2, 2, 3, 4][self.rng.random_range(0..4)];
            if self.rng.random_range(0..4) > 0 && kernel <= shape[2].min(shape[3]) {
                let pool = if self.flip() { "max_pool2d" } else { "avg_pool2d" };
                let stride = self.size(kernel);
                let padding = if self.flip() { self.rng.random_range(0..kernel) } else { 0 };
                for size in &mut shape[2..] {
                    *size = (*size + 2 * padding - kernel) / stride + 1;
                }
                let y = ty(&shape, true);
                body += &format!(
                    "  %p{layer} = gauss.{pool} {value} kernel [{kernel}, {kernel}] strides \
                     [{stride}, {stride}] padding {:?} : ({x}) -> {y}\n",
                    [padding; 4]
                );
                (value, x) = (format!("%p{layer}"), y);
            }
        }
        let mut result = shape.to_vec();
        if self.flip() {
            let features = shape[1..].iter().product();
            let outputs = self.any_size(40);
            let w = parameter(self, "w2".into(), &[outputs, features]);
            let flat = ty(&[n, features], true);
            result = vec![n, outputs];
            let y = ty(&result, true);
            body += &format!(
                "  %f = gauss.flatten {value} : ({x}) -> {flat}\n  %d = gauss.dense %f, %w2 : \
                 ({flat}, {w}) -> {y}\n"
            );
            (value, x) = ("%d".into(), y);
        }
        let module = format!(
            "func.func @{name}(%a: {}) -> {x} {{\n{parameters}{body}  return {value} : {x}\n}}\n",
            input.ty()
        );
        let expected = Tensor::deterministic(&result, vec![0.0; result.iter().product()]);
        let mut case = Case { name, module, posterior, inputs: vec![input], expected };
        case.expected = reference(&case);
        case
    }

    fn case(&mut self, number: usize) -> Case {
        let op = match number % 16 {
            0 if !number.is_multiple_of(32) => self.conv_transpose(),
            0 => self.dense(),
            1 | 2 => self.convolution(),
            3 if number % 64 == 3 => self.global_max_pool(),
            3 => self.pool(true),
            4 => self.pool(false),
            5 => self.activation(number / 16),
            6 => self.batch_norm(),
            7 => self.binary(number / 16),
            8 => self.movement(number / 16),
            9 => self.matmul(),
            10 => self.embedding(),
            11 => self.resize(),
            12 => self.norm(number / 16),
            13 => self.composite(number / 16),
            14 => self.noise(number / 16),
            _ => self.reduction(),
        };
        self.of_op(number, op)
    }

    fn of_op(&mut self, number: usize, (op, attributes, operands, shape): Layer) -> Case {
        let elements = shape.iter().product();
        let placeholder = Tensor::deterministic(&shape, vec![0.0; elements]);
        let name = format!("{op}_{number}");
        let mut case = Case::of_op(&name, op, &attributes, &operands, placeholder);
        case.expected = reference(&case);
        case
    }
}

/// What the interpreter gives in double precision.
pub fn reference(case: &Case) -> Tensor {
    let session = Session::new();
    let module = session
        .parse(&Source::new(case.name.clone(), case.module.as_bytes()))
        .unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    let program = Program::of(module.op(), &case.name, &values(&case.posterior)).unwrap();
    program.run(&case.inputs).unwrap().remove(0)
}

/// A posterior for the interpreter.
pub fn values(posterior: &Posterior) -> impl Fn(&str, &TensorType) -> Result<Tensor, String> {
    |name, ty| {
        let read = |name: String| {
            let tensor = posterior.0.get(&name).ok_or(format!("no {name}"))?;
            Ok::<_, String>(tensor.values.iter().map(|&value| f64::from(value)).collect())
        };
        let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
        Ok(match ty.gaussian {
            true => Tensor::gaussian(
                &shape,
                read(format!("{name}.mean"))?,
                read(format!("{name}.var"))?,
            ),
            false => Tensor::deterministic(&shape, read(name.to_owned())?),
        })
    }
}

pub fn cases(seed: u64, count: usize) -> Vec<Case> {
    let mut generator = Generator::new(seed);
    (0..count).map(|number| generator.case(number)).collect()
}

/// An op with its attributes, its operands and the shape of its result.
type Layer = (&'static str, String, Vec<Operand>, Vec<usize>);

/// The shape of a type, which is static.
fn sizes(ty: &TensorType) -> Vec<usize> {
    ty.shape.iter().map(|&size| size as usize).collect()
}

/// Cases of one kind of op.
fn of_kind(seed: u64, count: usize, kind: fn(&mut Generator) -> Layer) -> Vec<Case> {
    let mut generator = Generator::new(seed);
    let mut case = |number| {
        let layer = kind(&mut generator);
        generator.of_op(number, layer)
    };
    (0..count).map(&mut case).collect()
}

fn long_cases(seed: u64, count: usize) -> Vec<Case> {
    of_kind(seed, count, Generator::long)
}

fn lines(seed: u64, count: usize) -> Vec<Case> {
    of_kind(seed, count, Generator::line)
}

fn wide(seed: u64, count: usize) -> Vec<Case> {
    of_kind(seed, count, Generator::wide)
}

pub fn chains(seed: u64, count: usize) -> Vec<Case> {
    let mut generator = Generator::new(seed);
    (0..count).map(|number| generator.chain(number)).collect()
}

/// Compiles the cases for a target whose code this machine runs, and checks the results.
fn check_here(cases: &[Case], target: &Target, tolerance: Tolerance) {
    for case in cases {
        let name = format!("{} on {}\n{}", case.name, target.name, case.module);
        check(&name, &case.run_on(target), &case.expected, of_case(case, tolerance));
    }
}

/// A number from the environment, such as `PFP_RANDOM_CASES=10000 PFP_RANDOM_SEED=1` for a long run.
fn setting(name: &str, usual: u64) -> u64 {
    let value = std::env::var(name);
    value.map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

/// Numbers of cases that are made and checked at a time.
fn portions(usual: usize, seed: u64) -> impl Iterator<Item = (u64, usize)> {
    const MOST: usize = 400;
    let count = setting("PFP_RANDOM_CASES", usual as u64) as usize;
    let seed = setting("PFP_RANDOM_SEED", seed);
    (0..count).step_by(MOST).map(move |from| (seed + from as u64, MOST.min(count - from)))
}

#[test]
fn random_ops_on_the_host() {
    for (number, (seed, count)) in portions(400, 1).enumerate() {
        let cases = cases(seed, count);
        if number == 0 {
            assert_every_op_is_there(&cases);
            assert_attributes_are_read_as_they_are_written(&cases);
        }
        check_here(&cases, &Target::host(), TOLERANCE);
    }
}

/// A long run goes through all ops on one core.
#[test]
fn random_ops_on_one_other_core() {
    let target = Target::find("aarch64-linux-gnu", "cortex-a72").unwrap();
    for (seed, count) in portions(80, 200) {
        let cases = cases(seed, count);
        let Some(results) = linked::run(&cases, &target) else { return };
        for (case, result) in cases.iter().zip(results) {
            let name = format!("{} on {}\n{}", case.name, target.name, case.module);
            check(&name, &result, &case.expected, of_case(case, TOLERANCE));
        }
    }
}

/// An op that no case has would be one that is compared with the reference nowhere.
#[track_caller]
fn assert_every_op_is_there(cases: &[Case]) {
    // A reshape is none of a kernel: those of chains and special cases are compared.
    let elsewhere = ["reshape", "flatten"];
    let is_there = |name: &&str| {
        let op = format!("gauss.{name} ");
        elsewhere.contains(name) || cases.iter().any(|case| case.module.contains(&op))
    };
    let missing: Vec<_> =
        kinds::Layer::names().into_iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "no random case has {missing:?}: teach the generator");
}

/// What an op reads of its attributes is what it writes.
fn assert_attributes_are_read_as_they_are_written(cases: &[Case]) {
    let session = Session::new();
    for case in cases {
        let source = Source::new(case.name.clone(), case.module.as_bytes());
        let module = session.parse(&source).unwrap();
        for op in module.op().descendants() {
            let Some(layer) = kinds::Layer::of(op).unwrap() else { continue };
            assert_eq!(op.name(), format!("gauss.{}", layer.name()));
            for (name, written) in layer.write().entries(op.context()) {
                let read = op.attribute(name);
                assert!(read.is_none_or(|read| read == written), "{name} of {op}: {written}");
            }
        }
    }
}

#[test]
fn long_sums_on_the_host() {
    check_here(&long_cases(2, 60), &Target::host(), LONG);
}

#[test]
fn lines_on_the_host() {
    check_here(&lines(7, 60), &Target::host(), TOLERANCE);
}

#[test]
fn wide_convolutions_on_the_host() {
    check_here(&wide(9, 60), &Target::host(), LONG);
}

#[test]
fn chains_of_layers_on_the_host() {
    check_here(&chains(3, 40), &Target::host(), CHAIN);
}

#[test]
fn random_ops_with_sixteen_lanes() {
    if case::has_fma() {
        let target = case::sixteen_lanes();
        check_here(&cases(4, 140), &target, TOLERANCE);
        check_here(&long_cases(5, 40), &target, LONG);
        check_here(&chains(6, 20), &target, CHAIN);
        check_here(&lines(8, 40), &target, TOLERANCE);
        check_here(&wide(10, 40), &target, LONG);
    }
}

#[test]
fn random_ops_on_other_cores() {
    for (seed, (triple, cpu)) in [
        ("host", "x86-64"),
        ("host", "x86-64-v3"),
        ("aarch64-linux-gnu", "cortex-a53"),
        ("aarch64-linux-gnu", "cortex-a72"),
        ("aarch64-linux-gnu", "cortex-a76"),
    ]
    .into_iter()
    .enumerate()
    {
        if cpu == "x86-64-v3" && !std::arch::is_x86_feature_detected!("fma") {
            eprintln!("SKIPPED: this machine has no FMA");
            continue;
        }
        let target = Target::find(triple, cpu).unwrap();
        let seed = 100 + seed as u64;
        for (cases, tolerance) in [
            (cases(seed, 63), TOLERANCE),
            (lines(seed, 30), TOLERANCE),
            (long_cases(seed, 15), LONG),
            (wide(seed, 15), LONG),
            (chains(seed, 15), CHAIN),
        ] {
            let Some(results) = linked::run(&cases, &target) else { continue };
            for (case, result) in cases.iter().zip(results) {
                let name = format!("{} on {cpu}\n{}", case.name, case.module);
                check(&name, &result, &case.expected, of_case(case, tolerance));
            }
        }
    }
}
