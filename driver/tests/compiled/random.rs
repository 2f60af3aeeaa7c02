//! Random shapes of every op, every kind of operand, against the reference.

use gauss_dialect::interpreter::{Program, Tensor};
use gauss_lowering::target::Target;
use pfp::{diagnostics::Source, module::Session};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    case::{Case, Operand, Tolerance, check},
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

    /// Numbers that float32 holds exactly, unlike each other.
    fn tensor(&mut self, shape: &[usize], gaussian: bool) -> Tensor {
        self.seed += 1;
        let mut tensor = common::random(shape, gaussian, self.seed);
        let round = |values: &mut Vec<f64>| {
            values.iter_mut().for_each(|value| *value = f64::from(*value as f32));
        };
        round(&mut tensor.mean);
        tensor.variance.iter_mut().for_each(round);
        tensor
    }

    fn operand(&mut self, shape: &[usize], parameter: bool) -> Operand {
        let gaussian = self.flip();
        Operand { tensor: self.tensor(shape, gaussian), parameter }
    }

    fn dense(&mut self) -> (&'static str, String, Vec<Operand>, Vec<usize>) {
        let (n, k, m) = (self.size(15), self.size(70), self.size(75));
        let parameter = self.flip();
        let mut operands = vec![self.operand(&[n, k], false), self.operand(&[m, k], parameter)];
        if self.flip() {
            operands.push(self.operand(&[m], parameter));
        }
        ("dense", String::new(), operands, vec![n, m])
    }

    fn conv2d(&mut self) -> (&'static str, String, Vec<Operand>, Vec<usize>) {
        let groups = if self.flip() { 1 } else { self.size(3) };
        let (channels, outputs) = (groups * self.size(4), groups * self.size(20));
        let kernel = [self.size(4), self.size(4)];
        let stride = [self.size(3), self.size(3)];
        let dilation = [self.size(2), self.size(2)];
        let padding: [usize; 4] = std::array::from_fn(|_| self.rng.random_range(0..3));
        let mut positions = [0, 0];
        let mut size = [0, 0];
        for axis in 0..2 {
            let extent = dilation[axis] * (kernel[axis] - 1) + 1;
            size[axis] = extent + self.size(36) - 1;
            positions[axis] =
                (size[axis] + padding[axis] + padding[axis + 2] - extent) / stride[axis] + 1;
        }
        let n = self.size(3);
        let parameter = self.flip();
        let mut operands = vec![
            self.operand(&[n, channels, size[0], size[1]], false),
            self.operand(&[outputs, channels / groups, kernel[0], kernel[1]], parameter),
        ];
        if self.flip() {
            operands.push(self.operand(&[outputs], parameter));
        }
        let attributes =
            format!("strides {stride:?} padding {padding:?} dilation {dilation:?} groups {groups}");
        ("conv2d", attributes, operands, vec![n, outputs, positions[0], positions[1]])
    }

    fn pool(&mut self, op: &'static str) -> (&'static str, String, Vec<Operand>, Vec<usize>) {
        let kernel = [self.size(5), self.size(5)];
        let stride = [self.size(4), self.size(6)];
        let padding: [usize; 4] =
            std::array::from_fn(|side| self.rng.random_range(0..kernel[side % 2]));
        let mut size = [0, 0];
        let mut positions = [0, 0];
        for axis in 0..2 {
            size[axis] = kernel[axis] + self.size(40) - 1;
            let padded = size[axis] + padding[axis] + padding[axis + 2];
            positions[axis] = (padded - kernel[axis]) / stride[axis] + 1;
        }
        let (n, channels) = (self.size(2), self.size(3));
        let operands = vec![self.operand(&[n, channels, size[0], size[1]], false)];
        let mut attributes = format!("kernel {kernel:?} strides {stride:?} padding {padding:?}");
        if op == "avg_pool2d" {
            attributes += &format!(" count_include_pad {}", self.flip());
        }
        (op, attributes, operands, vec![n, channels, positions[0], positions[1]])
    }

    fn elementwise(
        &mut self,
        op: &'static str,
    ) -> (&'static str, String, Vec<Operand>, Vec<usize>) {
        let rank = self.rng.random_range(if op == "batch_norm" { 2..=4 } else { 0..=4 });
        let shape: Vec<_> = (0..rank).map(|_| self.size(9)).collect();
        let mut operands = vec![self.operand(&shape, false)];
        match op {
            "add" => operands.push(self.operand(&shape, false)),
            "batch_norm" => {
                let parameter = self.flip();
                let channels = [shape[1]];
                operands.push(self.operand(&channels, parameter));
                operands.push(self.operand(&channels, parameter));
                for _ in 0..2 {
                    let mut tensor = self.tensor(&channels, false);
                    tensor.mean.iter_mut().for_each(|value| *value = value.abs() + 0.5);
                    operands.push(Operand { tensor, parameter });
                }
            }
            _ => {}
        }
        (op, String::new(), operands, shape)
    }

    fn case(&mut self, number: usize) -> Case {
        let (op, attributes, operands, shape) = match number % 7 {
            0 => self.dense(),
            1 | 2 => self.conv2d(),
            3 => self.pool("max_pool2d"),
            4 => self.pool("avg_pool2d"),
            5 => self.elementwise("relu"),
            _ => {
                let op = if self.flip() { "add" } else { "batch_norm" };
                self.elementwise(op)
            }
        };
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
    let values = |name: &str, ty: &gauss_dialect::shape::TensorType| {
        let read = |name: String| {
            let tensor = case.posterior.0.get(&name).ok_or(format!("no {name}"))?;
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
    };
    let program = Program::of(module.op(), &case.name, &values).unwrap();
    program.run(&case.inputs).unwrap().remove(0)
}

fn cases(seed: u64, count: usize) -> Vec<Case> {
    let mut generator = Generator::new(seed);
    (0..count).map(|number| generator.case(number)).collect()
}

#[test]
fn random_ops_on_the_host() {
    for case in cases(1, 210) {
        check(&format!("{}\n{}", case.name, case.module), &case.run(), &case.expected, TOLERANCE);
    }
}

#[test]
fn random_ops_on_other_cores() {
    for (seed, (triple, cpu)) in [
        ("host", "x86-64"),
        ("host", "x86-64-v3"),
        ("aarch64-linux-gnu", "cortex-a53"),
        ("aarch64-linux-gnu", "cortex-a76"),
    ]
    .into_iter()
    .enumerate()
    {
        if cpu == "x86-64-v3" && !std::arch::is_x86_feature_detected!("fma") {
            eprintln!("SKIPPED: this machine has no FMA");
            continue;
        }
        let cases = cases(100 + seed as u64, 63);
        let target = Target::find(triple, cpu).unwrap();
        let Some(results) = linked::run(&cases, &target) else { continue };
        for (case, result) in cases.iter().zip(results) {
            let name = format!("{} on {cpu}\n{}", case.name, case.module);
            check(&name, &result, &case.expected, TOLERANCE);
        }
    }
}
