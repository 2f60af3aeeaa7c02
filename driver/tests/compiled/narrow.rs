//! Random networks of small batches whose images become narrow: kernels and strides that leave
//! one row or column, pools of any window, residual sums, a dense layer at the end. Their
//! kernels are grouped, reordered and cut in ways that wide images do not lead to.

use std::fmt::Write;

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    case::{self, Case, Posterior, Tolerance, check},
    random::{reference, tensor},
};

/// Up to five layers, each of which passes the errors of the one before on. Means behind a
/// ReLU that is nearly off move variances by more than their own share.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 3e-5,
    mean: 1e-5,
    mean_absolute: 2e-6,
    variance: 5e-5,
    variance_absolute: 1e-12,
};

/// Networks of a usual run; `PFP_NARROW_NETWORKS` takes the place of it.
const NETWORKS: u64 = 150;

struct Generator {
    rng: SmallRng,
    seed: u64,
    shape: [usize; 4],
    posterior: Posterior,
    arguments: Vec<String>,
    inputs: Vec<Tensor>,
    head: String,
    body: String,
    value: String,
    gaussian: bool,
    values: usize,
}

impl Generator {
    fn size(&mut self, most: usize) -> usize {
        self.rng.random_range(1..=most)
    }

    fn flip(&mut self) -> bool {
        self.rng.random()
    }

    /// An argument of the function or a parameter.
    fn operand(&mut self, shape: &[usize], gaussian: bool, is_argument: bool) -> (String, String) {
        self.seed += 1;
        let tensor = tensor(shape, gaussian, self.seed);
        let (name, ty) = (format!("p{}", self.seed), tensor.ty().to_string());
        if is_argument {
            self.arguments.push(format!("%{name}: {ty}"));
            self.inputs.push(tensor);
        } else {
            self.posterior.insert(&name, &tensor);
            writeln!(self.head, "  %{name} = gauss.parameter \"{name}\" : {ty}").unwrap();
        }
        (format!("%{name}"), ty)
    }

    fn ty(&self) -> String {
        let [n, c, h, w] = self.shape;
        let gauss = if self.gaussian { "!gauss." } else { "" };
        format!("{gauss}tensor<{n}x{c}x{h}x{w}xf32>")
    }

    fn emit(
        &mut self,
        op: &str,
        operands: &[(String, String)],
        attributes: &str,
        shape: [usize; 4],
    ) {
        self.shape = shape;
        let names: Vec<_> = operands.iter().map(|(name, _)| name.as_str()).collect();
        let types: Vec<_> = operands.iter().map(|(_, ty)| ty.as_str()).collect();
        self.gaussian = types.iter().any(|ty| ty.starts_with('!'));
        self.values += 1;
        self.value = format!("%v{}", self.values);
        let (names, types, ty) = (names.join(", "), types.join(", "), self.ty());
        writeln!(
            self.body,
            "  {} = gauss.{op} {names}{attributes} : ({types}) -> {ty}",
            self.value
        )
        .unwrap();
    }

    fn current(&self) -> (String, String) {
        (self.value.clone(), self.ty())
    }

    /// Padding above, left, below, right, less than the kernel on each side.
    fn padding(&mut self, kernel: [usize; 2]) -> [usize; 4] {
        match self.flip() {
            true => std::array::from_fn(|side| self.rng.random_range(0..kernel[side % 2])),
            false => [0; 4],
        }
    }

    fn positions(&self, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 4]) -> [usize; 2] {
        [0, 1].map(|axis| {
            (self.shape[axis + 2] + padding[axis] + padding[axis + 2] - kernel[axis]) / stride[axis]
                + 1
        })
    }

    fn conv2d(&mut self) {
        let [n, c, h, w] = self.shape;
        let groups = if self.size(4) == 1 { c } else { 1 };
        let outputs = groups * self.size(if groups == 1 { 9 } else { 2 });
        // As often as not the whole image, along each axis.
        let kernel = [h, w].map(|size| match self.size(3) {
            1 => size.min(5),
            _ => self.size(size.min(3)),
        });
        let stride = [self.size(3), self.size(3)];
        let padding = self.padding(kernel);
        let [rows, columns] = self.positions(kernel, stride, padding);
        let gaussian = self.size(5) > 1;
        let is_argument = self.size(4) == 1;
        let mut operands = vec![
            self.current(),
            self.operand(&[outputs, c / groups, kernel[0], kernel[1]], gaussian, is_argument),
        ];
        if self.flip() {
            operands.push(self.operand(&[outputs], gaussian, false));
        }
        let attributes = format!(" strides {stride:?} padding {padding:?} groups {groups}");
        self.emit("conv2d", &operands, &attributes, [n, outputs, rows, columns]);
    }

    fn pool(&mut self) {
        let [n, c, h, w] = self.shape;
        let kernel = [self.size(h.min(4)), self.size(w.min(4))];
        let stride = [self.size(3), self.size(3)];
        let padding = self.padding(kernel);
        let [rows, columns] = self.positions(kernel, stride, padding);
        let mut attributes = format!(" kernel {kernel:?} strides {stride:?} padding {padding:?}");
        let op = if self.flip() { "max_pool2d" } else { "avg_pool2d" };
        if op == "avg_pool2d" {
            attributes += &format!(" count_include_pad {}", self.flip());
        }
        let operands = [self.current()];
        self.emit(op, &operands, &attributes, [n, c, rows, columns]);
    }

    /// A residual sum: with the ReLU of the value, or with another input.
    fn add(&mut self) {
        let other = match self.flip() {
            true => {
                let value = self.current();
                self.emit("relu", std::slice::from_ref(&value), "", self.shape);
                value
            }
            false => {
                let (shape, gaussian) = (self.shape, self.flip());
                self.operand(&shape, gaussian, true)
            }
        };
        let operands = [self.current(), other];
        self.emit("add", &operands, "", self.shape);
    }

    fn network(seed: u64) -> Case {
        let mut generator = Self {
            rng: SmallRng::seed_from_u64(seed),
            seed: seed * 1000,
            shape: [0; 4],
            posterior: Posterior::default(),
            arguments: vec![],
            inputs: vec![],
            head: String::new(),
            body: String::new(),
            value: String::new(),
            gaussian: false,
            values: 0,
        };
        generator.shape = [
            generator.rng.random_range(2..=9),
            generator.size(4),
            generator.size(12),
            generator.size(6),
        ];
        generator.gaussian = generator.flip();
        let (shape, gaussian) = (generator.shape, generator.gaussian);
        (generator.value, _) = generator.operand(&shape, gaussian, true);
        for _ in 0..generator.rng.random_range(2..=5) {
            match generator.size(8) {
                1..=3 => generator.conv2d(),
                4 | 5 => generator.pool(),
                6 | 7 => {
                    let operands = [generator.current()];
                    generator.emit("relu", &operands, "", generator.shape);
                }
                _ => generator.add(),
            }
        }
        generator.finish(seed)
    }

    fn finish(mut self, seed: u64) -> Case {
        let mut shape = self.shape.to_vec();
        let mut result = self.ty();
        if self.flip() {
            let (n, features) = (shape[0], shape[1..].iter().product::<usize>());
            let outputs = self.size(5);
            let (w, wt) = self.operand(&[outputs, features], true, false);
            let gauss = if self.gaussian { "!gauss." } else { "" };
            let flat = format!("{gauss}tensor<{n}x{features}xf32>");
            writeln!(self.body, "  %flat = gauss.flatten {} : ({result}) -> {flat}", self.value)
                .unwrap();
            shape = vec![n, outputs];
            result = format!("!gauss.tensor<{n}x{outputs}xf32>");
            writeln!(self.body, "  %y = gauss.dense %flat, {w} : ({flat}, {wt}) -> {result}")
                .unwrap();
            self.value = "%y".into();
        }
        let name = format!("narrow_{seed}");
        let module = format!(
            "func.func @{name}({}) -> {result} {{\n{}{}  return {} : {result}\n}}\n",
            self.arguments.join(", "),
            self.head,
            self.body,
            self.value
        );
        let expected = Tensor::deterministic(&shape, vec![0.0; shape.iter().product()]);
        let mut case =
            Case { name, module, posterior: self.posterior, inputs: self.inputs, expected };
        case.expected = reference(&case);
        case
    }
}

#[test]
fn narrow_networks_on_the_host() {
    let networks = std::env::var("PFP_NARROW_NETWORKS");
    let networks = networks.map_or(NETWORKS, |count| count.parse().unwrap());
    let sixteen_lanes = case::has_fma().then(case::sixteen_lanes);
    for seed in 1..=networks {
        let case = Generator::network(seed);
        // The two take turns: one network tells little of one core alone.
        let wide = sixteen_lanes.as_ref().filter(|_| seed % 3 == 0);
        let target = wide.cloned().unwrap_or_else(Target::host);
        let name = format!("{} on {}\n{}", case.name, target.name, case.module);
        check(&name, &case.run_on(&target), &case.expected, TOLERANCE);
    }
}
