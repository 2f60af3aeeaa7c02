//! Chains of layers.

use gauss_dialect::{interpreter::Tensor, ops::activation::Activation};
use rand::Rng;

use super::Generator;
use crate::{
    case::{Case, Posterior},
    common,
    random::reference,
};

impl Generator {
    /// An activation that makes no number much larger, nor little rounding a step: ReLU as often as
    /// all others.
    pub fn bounded(&mut self) -> Activation {
        let is_relu = self.flip();
        let mut known = Activation::samples();
        known.retain(|f| match is_relu {
            true => f.name() == "relu",
            false => !matches!(f.name(), "exp" | "square" | "sign" | "heaviside"),
        });
        known[self.rng.random_range(0..known.len())]
    }

    /// Convolutions of a batch, each with an activation and pooling, and a dense layer at the end.
    pub fn chain(&mut self, number: usize) -> Case {
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
}
