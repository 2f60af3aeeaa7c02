//! The float64 interpreter: every op by hand, golden vectors, Monte Carlo.

mod common;
#[path = "interpreter/composites.rs"]
mod composites;
#[path = "interpreter/contraction.rs"]
mod contraction;
#[path = "interpreter/golden.rs"]
mod golden;
#[path = "interpreter/monte_carlo.rs"]
mod monte_carlo;
#[path = "interpreter/movement.rs"]
mod movement;
#[path = "interpreter/pool.rs"]
mod pool;
#[path = "interpreter/refusals.rs"]
mod refusals;

use std::{collections::BTreeMap, f64::consts::PI};

use common::{Tensors, none, program, random};
use gauss_dialect::{
    interpreter::{Error, F64, Parameters, Program, Tensor},
    moments::{self, Moments},
    shape::TensorType,
};

fn gaussian(shape: &[usize], mean: &[f64], variance: &[f64]) -> Tensor {
    Tensor::gaussian(shape, mean.to_vec(), variance.to_vec())
}

fn exact(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::deterministic(shape, values.to_vec())
}

/// A module whose function `main` has this signature and body.
fn main_of(signature: &str, body: &str) -> String {
    format!("func.func @main{signature} {{\n{body}\n}}")
}

/// The one result of a module whose function `main` has this signature and body.
#[track_caller]
fn run(signature: &str, body: &str, inputs: &[Tensor]) -> Tensor {
    let program = program(&main_of(signature, body), &none).expect("a program");
    let mut results = program.run(inputs).expect("a result");
    assert_eq!(results.len(), 1);
    results.remove(0)
}

/// The message of a module that cannot be decoded.
#[track_caller]
fn refused(source: &str, parameters: &dyn Parameters) -> String {
    program(source, parameters).expect_err("an error").to_string()
}

/// The largest errors of a tensor: of the means in units of max(|mean|, σ), and
/// of the variances, relative. Not a number where any element is not.
fn errors(actual: &Tensor, expected: &Tensor) -> (f64, f64) {
    assert_eq!(actual.shape, expected.shape);
    assert_eq!(actual.variance.is_some(), expected.variance.is_some());
    // Below 1e-300 the factors of a result may be denormal, and have few digits.
    let error = |actual: f64, expected: f64, unit: f64| match actual - expected {
        difference if difference.abs() < 1e-300 => 0.0,
        difference => difference.abs() / unit,
    };
    let (mut mean, mut variance) = (0.0, 0.0);
    let worsen = |worst: &mut f64, error: f64| {
        if error > *worst || error.is_nan() {
            *worst = error;
        }
    };
    for i in 0..expected.mean.len() {
        let mut unit = expected.mean[i].abs();
        if let (Some(actual), Some(expected)) = (&actual.variance, &expected.variance) {
            worsen(&mut variance, error(actual[i], expected[i], expected[i]));
            unit = unit.max(expected[i].sqrt());
        }
        worsen(&mut mean, error(actual.mean[i], expected.mean[i], unit));
    }
    (mean, variance)
}

#[track_caller]
fn assert_close(actual: &Tensor, expected: &Tensor, tolerance: f64) {
    let (mean, variance) = errors(actual, expected);
    assert!(
        mean <= tolerance && variance <= tolerance,
        "errors {mean:e} and {variance:e}\n  actual: {actual:?}\nexpected: {expected:?}"
    );
}

const DENSE: &str = "%y = gauss.dense %x, %w, %b : (XTYPE, WTYPE, BTYPE) -> RTYPE
                     return %y : RTYPE";

/// A dense layer of 2 inputs and 1 output on a batch of 2.
fn dense(x: &Tensor, w: &Tensor, b: &Tensor) -> Tensor {
    let ty = |tensor: &Tensor| tensor.ty().to_string();
    let gaussian = [x, w, b].iter().any(|tensor| tensor.variance.is_some());
    let result = if gaussian { "!gauss.tensor<2x1xf32>" } else { "tensor<2x1xf32>" };
    let body = DENSE
        .replace("XTYPE", &ty(x))
        .replace("WTYPE", &ty(w))
        .replace("BTYPE", &ty(b))
        .replace("RTYPE", result);
    let signature = format!("(%x: {}, %w: {}, %b: {}) -> {result}", ty(x), ty(w), ty(b));
    run(&signature, &body, &[x.clone(), w.clone(), b.clone()])
}

fn grid(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

/// A module with one layer from operands `%0`, `%1`, ..
fn layer(op: &str, attributes: &str, operands: &[Tensor], result: &[usize]) -> Tensor {
    let gaussian = operands.iter().any(|operand| operand.variance.is_some());
    let shape = result.iter().map(|&size| size as i64).collect();
    let result = TensorType::new(shape, gaussian);
    let types: Vec<_> = operands.iter().map(|operand| operand.ty().to_string()).collect();
    let names: Vec<_> = (0..operands.len()).map(|number| format!("%a{number}")).collect();
    let arguments: Vec<_> =
        names.iter().zip(&types).map(|(name, ty)| format!("{name}: {ty}")).collect();
    let body = format!(
        "%y = gauss.{op} {} {attributes} : ({}) -> {result}\nreturn %y : {result}",
        names.join(", "),
        types.join(", ")
    );
    run(&format!("({}) -> {result}", arguments.join(", ")), &body, operands)
}

/// The same elements in another shape.
fn reshaped(tensor: &Tensor, shape: &[usize]) -> Tensor {
    Tensor { shape: shape.to_vec(), ..tensor.clone() }
}

#[test]
fn batch_norm_takes_any_rank() {
    // (x − 1)/2·3 + 4 in channel 0 and (x + 1)/4·1 in channel 1.
    let source = |ty: &str| {
        let body = format!(
            "%g = arith.constant dense<[3.0, 1.0]> : tensor<2xf32>
             %b = arith.constant dense<[4.0, 0.0]> : tensor<2xf32>
             %m = arith.constant dense<[1.0, -1.0]> : tensor<2xf32>
             %v = arith.constant dense<[3.5, 15.5]> : tensor<2xf32>
             %y = gauss.batch_norm %x, %g, %b, %m, %v epsilon 0.5 : ({ty}, tensor<2xf32>, \
             tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> {ty}
             return %y : {ty}"
        );
        (format!("(%x: {ty}) -> {ty}"), body)
    };
    let (signature, body) = source("!gauss.tensor<?x2xf32>");
    let x = gaussian(&[2, 2], &[1.0, 3.0, 5.0, 7.0], &[4.0, 16.0, 0.0, 1.0]);
    let y = gaussian(&[2, 2], &[4.0, 1.0, 10.0, 2.0], &[9.0, 1.0, 0.0, 0.0625]);
    assert_eq!(run(&signature, &body, &[x]), y);

    let (signature, body) = source("tensor<1x2x1x2xf32>");
    let x = exact(&[1, 2, 1, 2], &[1.0, 3.0, 3.0, 7.0]);
    let y = exact(&[1, 2, 1, 2], &[4.0, 7.0, 1.0, 2.0]);
    assert_eq!(run(&signature, &body, &[x]), y);
}

#[test]
fn batch_norm_with_a_gaussian_gamma_and_beta() {
    let body = "%z = arith.constant dense<0.0> : tensor<1xf32>
         %o = arith.constant dense<1.0> : tensor<1xf32>
         %g = gauss.constant mean(dense<3.0> : tensor<1xf32>)
                             variance(dense<0.5> : tensor<1xf32>) : !gauss.tensor<1xf32>
         %b = gauss.constant mean(dense<4.0> : tensor<1xf32>)
                             variance(dense<0.25> : tensor<1xf32>) : !gauss.tensor<1xf32>
         %y = gauss.batch_norm %x, %g, %b, %z, %o epsilon 0.0
           : (tensor<1x1xf32>, !gauss.tensor<1xf32>, !gauss.tensor<1xf32>, tensor<1xf32>,
              tensor<1xf32>) -> !gauss.tensor<1x1xf32>
         return %y : !gauss.tensor<1x1xf32>";
    let result =
        run("(%x: tensor<1x1xf32>) -> !gauss.tensor<1x1xf32>", body, &[exact(&[1, 1], &[2.0])]);
    assert_eq!(result, gaussian(&[1, 1], &[10.0], &[2.25]));
}

#[test]
fn add_adds_means_and_variances() {
    let result = run(
        "(%a: !gauss.tensor<2xf32>, %b: !gauss.tensor<2xf32>, %c: tensor<2xf32>)
            -> !gauss.tensor<2xf32>",
        "%s = gauss.add %a, %b
           : (!gauss.tensor<2xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
         %t = gauss.add %s, %c : (!gauss.tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<2xf32>
         return %t : !gauss.tensor<2xf32>",
        &[
            gaussian(&[2], &[1.0, 2.0], &[0.5, 0.0]),
            gaussian(&[2], &[-3.0, 4.0], &[0.25, 1.0]),
            exact(&[2], &[100.0, 200.0]),
        ],
    );
    assert_eq!(result, gaussian(&[2], &[98.0, 206.0], &[0.75, 1.0]));
}

#[test]
fn relu_of_the_standard_normal() {
    let ty = "!gauss.tensor<4xf32>";
    let result = run(
        &format!("(%x: {ty}) -> {ty}"),
        &format!("%y = gauss.relu %x : ({ty}) -> {ty}\nreturn %y : {ty}"),
        &[gaussian(&[4], &[0.0, 0.0, -2.0, 3.0], &[1.0, 4.0, 0.0, 0.0])],
    );
    // Mean 1/√2π, variance ½ − 1/2π.
    let (mean, variance) = (1.0 / (2.0 * PI).sqrt(), 0.5 - 0.5 / PI);
    let expected =
        gaussian(&[4], &[mean, 2.0 * mean, 0.0, 3.0], &[variance, 4.0 * variance, 0.0, 0.0]);
    assert_close(&result, &expected, 1e-15);
}

#[test]
fn deterministic_relu_and_not_a_number() {
    let ty = "tensor<3xf32>";
    let result = run(
        &format!("(%x: {ty}) -> {ty}"),
        &format!("%y = gauss.relu %x : ({ty}) -> {ty}\nreturn %y : {ty}"),
        &[exact(&[3], &[-1.0, 2.0, f64::NAN])],
    );
    assert_eq!(result.mean[..2], [0.0, 2.0]);
    assert!(result.mean[2].is_nan(), "what is not a number is not hidden");
    assert_eq!(result.variance, None);
}

#[test]
fn make_and_its_components() {
    let source = "func.func @main(%m: tensor<2xf32>, %v: tensor<2xf32>)
           -> (!gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
         %x = gauss.make %m, %v : tensor<2xf32>
         %n = gauss.mean %x : !gauss.tensor<2xf32>
         %w = gauss.variance %x : !gauss.tensor<2xf32>
         return %x, %n, %w : !gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
       }";
    let program = program(source, &none).unwrap();
    let (mean, variance) = (exact(&[2], &[1.0, -2.0]), exact(&[2], &[0.5, 0.0]));
    let results = program.run(&[mean.clone(), variance.clone()]).unwrap();
    assert_eq!(results, [gaussian(&[2], &[1.0, -2.0], &[0.5, 0.0]), mean, variance]);
}

#[test]
fn constants_and_parameters() {
    let source =
        "func.func @main() -> (!gauss.tensor<2xf32>, tensor<2xf32>, !gauss.tensor<2xf32>) {
         %a = gauss.constant mean(dense<[1.0, -2.0]> : tensor<2xf32>)
                             variance(dense<0.25> : tensor<2xf32>) : !gauss.tensor<2xf32>
         %b = arith.constant dense<3.0> : tensor<2xf32>
         %c = gauss.parameter \"fc.bias\" : !gauss.tensor<2xf32>
         return %a, %b, %c : !gauss.tensor<2xf32>, tensor<2xf32>, !gauss.tensor<2xf32>
       }";
    let value = gaussian(&[2], &[5.0, 6.0], &[7.0, 8.0]);
    let program = program(source, &|name: &str, ty: &_| {
        assert_eq!((name, ty), ("fc.bias", &value.ty()));
        Ok(value.clone())
    });
    let results = program.unwrap().run(&[]).unwrap();
    let constant = gaussian(&[2], &[1.0, -2.0], &[0.25, 0.25]);
    assert_eq!(results, [constant, exact(&[2], &[3.0, 3.0]), value.clone()]);
}

#[test]
fn a_function_may_call_another_twice_and_swap_its_arguments() {
    let source = "
       func.func private @swap(%a: tensor<1xf32>, %b: tensor<1xf32>)
           -> (tensor<1xf32>, tensor<1xf32>) {
         return %b, %a : tensor<1xf32>, tensor<1xf32>
       }
       func.func @main(%a: tensor<1xf32>, %b: tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>) {
         %c:2 = call @swap(%a, %b) : (tensor<1xf32>, tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>)
         %s = gauss.add %c#0, %b : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
         %d:2 = call @swap(%c#1, %s) : (tensor<1xf32>, tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>)
         return %d#0, %d#1 : tensor<1xf32>, tensor<1xf32>
       }";
    let program = program(source, &none).unwrap();
    let results = program.run(&[exact(&[1], &[1.0]), exact(&[1], &[10.0])]).unwrap();
    assert_eq!(results, [exact(&[1], &[20.0]), exact(&[1], &[1.0])]);
}

#[test]
fn any_batch_gives_the_rows_of_single_runs() {
    let network = Network::small();
    let program = network.program();
    let batch = random(&[131, 3], true, 6);
    let together = program.run(std::slice::from_ref(&batch)).unwrap().remove(0);
    let variances = batch.variance.as_ref().unwrap();
    for row in [0, 1, 77, 130] {
        let range = row * 3..row * 3 + 3;
        let single = gaussian(&[1, 3], &batch.mean[range.clone()], &variances[range]);
        let alone = program.run(&[single]).unwrap().remove(0);
        assert_eq!(alone.mean, together.mean[row * 2..row * 2 + 2]);
        assert_eq!(
            alone.variance.unwrap(),
            together.variance.as_ref().unwrap()[row * 2..row * 2 + 2]
        );
    }
}

/// A dense layer, ReLU, and a dense layer with the same weights for every test.
struct Network(String);

impl Network {
    fn small() -> Self {
        Self(main_of(
            "(%x: !gauss.tensor<?x3xf32>) -> !gauss.tensor<?x2xf32>",
            "%w = gauss.parameter \"fc1.weight\" : !gauss.tensor<4x3xf32>
             %b = gauss.parameter \"fc1.bias\" : !gauss.tensor<4xf32>
             %y = gauss.dense %x, %w, %b
               : (!gauss.tensor<?x3xf32>, !gauss.tensor<4x3xf32>, !gauss.tensor<4xf32>)
               -> !gauss.tensor<?x4xf32>
             %z = gauss.relu %y : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
             %v = gauss.parameter \"fc2.weight\" : !gauss.tensor<2x4xf32>
             %r = gauss.dense %z, %v
               : (!gauss.tensor<?x4xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<?x2xf32>
             return %r : !gauss.tensor<?x2xf32>",
        ))
    }

    fn program(&self) -> Program {
        program(&self.0, &|name: &str, ty: &TensorType| {
            let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
            Ok(random(&shape, ty.gaussian, name.len() as u64))
        })
        .unwrap()
    }
}

#[test]
fn a_trace_lists_the_layers_by_name_and_place() {
    let program = Network::small().program();
    let trace = program.trace(&[random(&[2, 3], true, 7)]).unwrap();
    let layers: Vec<_> = trace.iter().map(|t| (&t.layer[..], &t.op[..], &t.location[..])).collect();
    assert_eq!(
        layers,
        [
            ("fc1", "gauss.dense", "-:4:19"),
            ("relu", "gauss.relu", "-:7:19"),
            ("fc2", "gauss.dense", "-:9:19"),
        ]
    );
    let result = program.run(&[random(&[2, 3], true, 7)]).unwrap();
    assert_eq!(trace.last().map(|t| &t.output), result.first());
}

#[test]
fn a_program_can_be_shared_between_threads() {
    fn check(_: impl Send + Sync + 'static) {}
    check(Network::small().program());
}
