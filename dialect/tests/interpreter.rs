//! The float64 interpreter: every op by hand, golden vectors, Monte Carlo.

mod common;
#[path = "interpreter/golden.rs"]
mod golden;
#[path = "interpreter/monte_carlo.rs"]
mod monte_carlo;
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

#[test]
fn dense_takes_any_mix_of_gaussian_and_deterministic_operands() {
    let (x, w, b) = (
        gaussian(&[2, 2], &[1.0, 2.0, -3.0, 0.0], &[0.5, 0.25, 0.0, 4.0]),
        gaussian(&[1, 2], &[3.0, -1.0], &[2.0, 1.0]),
        gaussian(&[1], &[10.0], &[0.125]),
    );
    let plain = |tensor: &Tensor| Tensor { variance: None, ..tensor.clone() };
    let means = [11.0, 1.0];
    // Σ v(s + μ²) + m²s: 0.5·11 + 1·2 + 0.25·2 + 4·1 and 0·11 + 9·2 + 4·2 + 0·1.
    let both = [12.0, 26.0];
    let expect = |variances: [f64; 2]| gaussian(&[2, 1], &means, &variances);
    assert_eq!(dense(&x, &w, &plain(&b)), expect(both));
    assert_eq!(dense(&x, &w, &b), expect([12.125, 26.125]));
    assert_eq!(dense(&plain(&x), &w, &plain(&b)), expect([6.0, 18.0]));
    assert_eq!(dense(&x, &plain(&w), &plain(&b)), expect([4.75, 4.0]));
    assert_eq!(dense(&plain(&x), &plain(&w), &b), expect([0.125, 0.125]));
    assert_eq!(dense(&plain(&x), &plain(&w), &plain(&b)), exact(&[2, 1], &means));
}

#[test]
fn dense_without_a_bias() {
    let result = run(
        "(%x: tensor<?x2xf32>, %w: tensor<1x2xf32>) -> tensor<?x1xf32>",
        "%y = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
         return %y : tensor<?x1xf32>",
        &[exact(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), exact(&[1, 2], &[10.0, 1.0])],
    );
    assert_eq!(result, exact(&[2, 1], &[12.0, 34.0]));
}

/// The shape of a convolution: C, H, W, O, KH, KW and the attributes.
struct Convolution {
    sizes: [usize; 6],
    strides: [usize; 2],
    padding: [usize; 4],
    dilation: [usize; 2],
    groups: usize,
}

impl Convolution {
    /// The sums of the op's page, one element after the other.
    fn expected(&self, x: &Tensor, w: &Tensor, b: &Tensor) -> Tensor {
        let [channels, height, width, outputs, kernel_height, kernel_width] = self.sizes;
        let (group_channels, group_outputs) = (channels / self.groups, outputs / self.groups);
        let extent = |size, kernel, axis: usize| {
            let padded = size + self.padding[axis] + self.padding[axis + 2];
            (padded - self.dilation[axis] * (kernel - 1) - 1) / self.strides[axis] + 1
        };
        let (rows, columns) = (extent(height, kernel_height, 0), extent(width, kernel_width, 1));
        let variance = |tensor: &Tensor, i: usize| tensor.variance.as_ref().map_or(0.0, |v| v[i]);
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for n in 0..x.shape[0] {
            for o in 0..outputs {
                for (row, column) in grid(rows, columns) {
                    let (mut mean, mut total) = (b.mean[o], variance(b, o));
                    for c in 0..group_channels {
                        for (i, j) in grid(kernel_height, kernel_width) {
                            let y = row * self.strides[0] + i * self.dilation[0];
                            let x_ = column * self.strides[1] + j * self.dilation[1];
                            let inside = (self.padding[0]..self.padding[0] + height).contains(&y)
                                && (self.padding[1]..self.padding[1] + width).contains(&x_);
                            if !inside {
                                continue;
                            }
                            let channel = o / group_outputs * group_channels + c;
                            let plane = (n * channels + channel) * height;
                            let at = (plane + y - self.padding[0]) * width + x_ - self.padding[1];
                            let tap =
                                ((o * group_channels + c) * kernel_height + i) * kernel_width + j;
                            let (m, v) = (x.mean[at], variance(x, at));
                            let (mu, s) = (w.mean[tap], variance(w, tap));
                            mean += m * mu;
                            total += v * (s + mu * mu) + m * m * s;
                        }
                    }
                    means.push(mean);
                    variances.push(total);
                }
            }
        }
        let gaussian = [x, w, b].iter().any(|tensor| tensor.variance.is_some());
        Tensor {
            shape: vec![x.shape[0], outputs, rows, columns],
            mean: means,
            variance: gaussian.then_some(variances),
        }
    }

    fn check(&self, gaussian: [bool; 3]) {
        let [channels, height, width, outputs, kernel_height, kernel_width] = self.sizes;
        let x = random(&[3, channels, height, width], gaussian[0], 1);
        let w =
            random(&[outputs, channels / self.groups, kernel_height, kernel_width], gaussian[1], 2);
        let b = random(&[outputs], gaussian[2], 3);
        let expected = self.expected(&x, &w, &b);
        let types = format!("({}, {}, {})", x.ty(), w.ty(), b.ty());
        let body = format!(
            "%y = gauss.conv2d %x, %w, %b strides {:?} padding {:?} dilation {:?} groups {} \
             : {types} -> {result}
             return %y : {result}",
            self.strides,
            self.padding,
            self.dilation,
            self.groups,
            result = expected.ty(),
        );
        let signature =
            format!("(%x: {}, %w: {}, %b: {}) -> {}", x.ty(), w.ty(), b.ty(), expected.ty());
        assert_close(&run(&signature, &body, &[x, w, b]), &expected, 1e-11);
    }
}

fn grid(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

#[test]
fn conv2d_is_the_sum_over_its_window() {
    let plain = Convolution {
        sizes: [2, 5, 6, 3, 3, 2],
        strides: [1, 1],
        padding: [0; 4],
        dilation: [1, 1],
        groups: 1,
    };
    for bits in 0..8 {
        plain.check([bits & 1 > 0, bits & 2 > 0, bits & 4 > 0]);
    }
    let all = [true; 3];
    Convolution { padding: [2, 0, 1, 3], ..plain }.check(all);
    Convolution { strides: [2, 3], padding: [1, 2, 0, 1], ..plain }.check(all);
    Convolution { dilation: [2, 3], padding: [1, 2, 3, 4], ..plain }.check(all);
    Convolution { sizes: [4, 5, 6, 6, 3, 2], groups: 2, padding: [1; 4], ..plain }.check(all);
    Convolution { sizes: [3, 7, 7, 6, 3, 3], groups: 3, strides: [2, 2], ..plain }.check(all);
    // The kernel is larger than the input, which padding makes good.
    Convolution { sizes: [1, 2, 1, 2, 4, 5], padding: [2, 3, 2, 4], ..plain }.check(all);
    // A window that meets nothing but padding.
    Convolution { sizes: [1, 2, 2, 1, 1, 1], padding: [3, 3, 3, 3], strides: [2, 2], ..plain }
        .check(all);
    // Larger than one block of output rows.
    Convolution { sizes: [20, 30, 31, 2, 5, 5], padding: [2; 4], ..plain }.check(all);
}

/// A module with one layer from operands `%0`, `%1`, ..
fn layer(op: &str, attributes: &str, operands: &[Tensor], result: &[usize]) -> Tensor {
    let gaussian = operands.iter().any(|operand| operand.variance.is_some());
    let shape = result.iter().map(|&size| size as i64).collect();
    let result = TensorType { shape, gaussian };
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
fn a_line_is_an_image_of_one_row() {
    let (x, w, b) =
        (random(&[2, 4, 9], true, 1), random(&[6, 2, 3], true, 2), random(&[6], true, 3));
    let image = [reshaped(&x, &[2, 4, 1, 9]), reshaped(&w, &[6, 2, 1, 3]), b.clone()];
    let two = "strides [1, 2] padding [0, 1, 0, 2] dilation [1, 2] groups 2";
    let two = layer("conv2d", two, &image, &[2, 6, 1, 4]);
    let one = "strides [2] padding [1, 2] dilation [2] groups 2";
    let one = layer("conv1d", one, &[x.clone(), w, b], &[2, 6, 4]);
    assert_eq!(one, reshaped(&two, &[2, 6, 4]));

    for (op, more) in [("max", ""), ("avg", " count_include_pad false")] {
        let two = format!("kernel [1, 3] strides [1, 2] padding [0, 2, 0, 1] ceil true{more}");
        let two = layer(&format!("{op}_pool2d"), &two, &image[..1], &[2, 4, 1, 6]);
        let one = format!("kernel [3] strides [2] padding [2, 1] ceil true{more}");
        let one = layer(&format!("{op}_pool1d"), &one, std::slice::from_ref(&x), &[2, 4, 6]);
        assert_eq!(one, reshaped(&two, &[2, 4, 6]));
    }
}

/// Slice by slice: those of the kernel are convolutions of images whose results are added.
#[test]
fn conv3d_is_the_sum_of_convolutions_of_its_slices() {
    let (x, w) = (random(&[1, 2, 5, 4, 6], true, 1), random(&[3, 2, 2, 3, 2], true, 2));
    let attributes = "strides [2, 1, 2] padding [1, 1, 0, 0, 0, 1] dilation [3, 1, 2]";
    let (depth, rows, columns) = (2, 3, 3);
    let result =
        layer("conv3d", attributes, &[x.clone(), w.clone()], &[1, 3, depth, rows, columns]);
    // One slice of every channel, or of every kernel.
    let slice = |of: &Tensor, at: usize| {
        let [planes, slices, height, width] =
            [of.shape[0] * of.shape[1], of.shape[2], of.shape[3], of.shape[4]];
        let take = |values: &[f64]| -> Vec<f64> {
            let size = height * width;
            let start = |plane| (plane * slices + at) * size;
            (0..planes)
                .flat_map(|plane| values[start(plane)..start(plane) + size].to_vec())
                .collect()
        };
        let variance = of.variance.as_ref().map(|values| take(values));
        let shape = vec![of.shape[0], of.shape[1], height, width];
        Tensor { shape, mean: take(&of.mean), variance }
    };
    let mut expected = Tensor {
        mean: vec![0.0; result.mean.len()],
        variance: Some(vec![0.0; result.mean.len()]),
        ..result.clone()
    };
    for (z, h) in grid(depth, 2) {
        // Of 5 slices and one before them.
        let Some(at) = (2 * z + 3 * h).checked_sub(1).filter(|at| *at < 5) else { continue };
        let attributes = "strides [1, 2] padding [1, 0, 0, 1] dilation [1, 2]";
        let part =
            layer("conv2d", attributes, &[slice(&x, at), slice(&w, h)], &[1, 3, rows, columns]);
        for (o, place) in grid(3, rows * columns) {
            let [to, from] = [(o * depth + z) * rows * columns + place, o * rows * columns + place];
            expected.mean[to] += part.mean[from];
            let variances = expected.variance.as_mut().zip(part.variance.as_ref());
            variances.into_iter().for_each(|(to_, from_)| to_[to] += from_[from]);
        }
    }
    assert_close(&result, &expected, 1e-12);
}

/// The definition of textbooks: a convolution of the input with zeros between its elements, whose
/// kernel is turned round and has channels and outputs swapped.
#[test]
fn a_transposed_convolution_is_one_of_an_input_with_zeros() {
    // Stride, padding before and behind, dilation, output padding, groups.
    let cases = [
        (1, [0, 0], 1, 0, 1),
        (2, [1, 1], 1, 0, 1),
        (2, [1, 0], 1, 1, 2),
        (3, [0, 2], 2, 2, 1),
        (2, [2, 1], 2, 1, 4),
        (4, [0, 0], 3, 0, 2),
    ];
    let (channels, outputs, size, kernel) = (4, 8, 5, 3);
    for (stride, [low, high], dilation, more, groups) in cases {
        let (of_input, of_group) = (channels / groups, outputs / groups);
        let x = random(&[2, channels, size], true, 1);
        let w = random(&[channels, of_group, kernel], true, 2);
        let b = random(&[outputs], true, 3);
        let reach = dilation * (kernel - 1);
        let length = (size - 1) * stride + reach + 1 + more - low - high;
        let attributes = format!(
            "strides [{stride}] padding [{low}, {high}] dilation [{dilation}] output_padding \
             [{more}] groups {groups}"
        );
        let operands = [x.clone(), w.clone(), b.clone()];
        let result = layer("conv_transpose1d", &attributes, &operands, &[2, outputs, length]);

        // Zeros between the elements, so many before them and as many as are read behind them.
        let before = reach as i64 - low as i64;
        let wide = length + reach;
        let spread = |values: &[f64]| -> Vec<f64> {
            let mut spread = vec![0.0; 2 * channels * wide];
            for (number, &value) in values.iter().enumerate() {
                let at = (number % size * stride) as i64 + before;
                if (0..wide as i64).contains(&at) {
                    spread[number / size * wide + at as usize] = value;
                }
            }
            spread
        };
        let turned = |values: &[f64]| -> Vec<f64> {
            let mut turned = vec![0.0; values.len()];
            for (c, o) in grid(channels, of_group) {
                for k in 0..kernel {
                    let output = c / of_input * of_group + o;
                    let to = (output * of_input + c % of_input) * kernel + kernel - 1 - k;
                    turned[to] = values[(c * of_group + o) * kernel + k];
                }
            }
            turned
        };
        let map = |of: &Tensor, shape: &[usize], f: &dyn Fn(&[f64]) -> Vec<f64>| {
            let variance = of.variance.as_ref().map(|values| f(values));
            Tensor { shape: shape.to_vec(), mean: f(&of.mean), variance }
        };
        let x = map(&x, &[2, channels, wide], &spread);
        let w = map(&w, &[outputs, of_input, kernel], &turned);
        let attributes = format!("dilation [{dilation}] groups {groups}");
        let expected = layer("conv1d", &attributes, &[x, w, b], &[2, outputs, length]);
        assert_close(&result, &expected, 1e-12);
    }
}

/// A kernel that is a product of one for rows and one for columns does both one after the other.
#[test]
fn a_transposed_convolution_goes_along_each_axis() {
    let x = random(&[1, 1, 3, 4, 2], false, 1);
    let kernels = [2, 3, 1].map(|size| random(&[size], false, size as u64));
    let mut product = vec![];
    for (i, (j, k)) in (0..2).flat_map(|i| grid(3, 1).map(move |jk| (i, jk))) {
        product.push(kernels[0].mean[i] * kernels[1].mean[j] * kernels[2].mean[k]);
    }
    let w = exact(&[1, 1, 2, 3, 1], &product);
    let attributes = "strides [2, 1, 3] padding [1, 0, 0, 0, 1, 0] output_padding [0, 0, 1]";
    let result = layer("conv_transpose3d", attributes, &[x.clone(), w], &[1, 1, 5, 5, 5]);
    let along = |x: &Tensor, axis: usize, strides: &str, rest: &str, size: usize| {
        let mut shape = x.shape.clone();
        shape[axis + 2] = size;
        let mut of_kernel = vec![1; 5];
        of_kernel[axis + 2] = kernels[axis].shape[0];
        let attributes = format!("strides {strides} {rest}");
        let operands = [x.clone(), reshaped(&kernels[axis], &of_kernel)];
        layer("conv_transpose3d", &attributes, &operands, &shape)
    };
    let x = along(&x, 0, "[2, 1, 1]", "padding [1, 0, 0, 0, 0, 0]", 5);
    let x = along(&x, 1, "[1, 1, 1]", "padding [0, 0, 0, 0, 1, 0]", 5);
    let x = along(&x, 2, "[1, 1, 3]", "output_padding [0, 0, 1]", 5);
    assert_close(&result, &x, 1e-12);
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

/// A module with one pool from `input` to `result`.
fn pool(op: &str, attributes: &str, input: &Tensor, result: &[usize]) -> Tensor {
    let kind = if input.variance.is_some() { "!gauss." } else { "" };
    let sizes: Vec<_> = result.iter().map(|size| format!("{size}x")).collect();
    let (input_ty, result_ty) = (input.ty(), format!("{kind}tensor<{}f32>", sizes.concat()));
    let body = format!(
        "%y = gauss.{op} %x {attributes} : ({input_ty}) -> {result_ty}\nreturn %y : {result_ty}"
    );
    run(&format!("(%x: {input_ty}) -> {result_ty}"), &body, std::slice::from_ref(input))
}

#[test]
fn max_pool2d_goes_along_each_row_and_then_down() {
    let input = random(&[1, 1, 3, 3], true, 4);
    let result = pool("max_pool2d", "kernel [3, 3]", &input, &[1, 1, 1, 1]);
    let at =
        |i: usize| Moments { mean: input.mean[i], variance: input.variance.as_ref().map(|v| v[i]) };
    let max = |x, y| moments::max(&mut F64, x, y);
    let row = |i| {
        let left = max(at(i), at(i + 1));
        max(left, at(i + 2))
    };
    let (first, second, third) = (row(0), row(3), row(6));
    let upper = max(first, second);
    let all = max(upper, third);
    assert_eq!(result.mean, [all.mean]);
    assert_eq!(result.variance, all.variance.map(|v| vec![v]));
}

#[test]
fn a_global_maximum_is_a_pool_of_the_whole_image() {
    let image = random(&[2, 3, 4, 5], true, 4);
    let all = pool("max_pool2d", "kernel [4, 5]", &image, &[2, 3, 1, 1]);
    assert_eq!(pool("global_max_pool", "", &image, &[2, 3, 1, 1]), all);
    let volume = random(&[2, 3, 2, 4, 5], true, 4);
    let all = pool("max_pool3d", "kernel [2, 4, 5]", &volume, &[2, 3, 1, 1, 1]);
    assert_eq!(pool("global_max_pool", "", &volume, &[2, 3, 1, 1, 1]), all);
    // A window has at most 256 elements along an axis, the whole line has not.
    let line: Vec<_> = (0..300).map(|i| f64::from(i * 7 % 300)).collect();
    let line = exact(&[1, 1, 300], &line);
    assert_eq!(pool("global_max_pool", "", &line, &[1, 1, 1]), exact(&[1, 1, 1], &[299.0]));
}

#[test]
fn max_pool3d_takes_slice_after_slice() {
    let volume = random(&[1, 1, 2, 2, 2], true, 4);
    let slices = reshaped(&volume, &[1, 2, 2, 2]);
    let slices = pool("max_pool2d", "kernel [2, 2]", &slices, &[1, 2, 1, 1]);
    let line = reshaped(&slices, &[1, 1, 2]);
    let expected = pool("max_pool1d", "kernel [2]", &line, &[1, 1, 1]);
    let result = pool("max_pool3d", "kernel [2, 2, 2]", &volume, &[1, 1, 1, 1, 1]);
    assert_eq!(result, reshaped(&expected, &[1, 1, 1, 1, 1]));
    let result = pool("avg_pool3d", "kernel [2, 2, 2]", &volume, &[1, 1, 1, 1, 1]);
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let variance = volume.variance.as_deref().map(sum).unwrap() / 64.0;
    let expected = gaussian(&[1, 1, 1, 1, 1], &[sum(&volume.mean) / 8.0], &[variance]);
    assert_close(&result, &expected, 1e-15);
}

#[test]
fn padding_takes_no_part_in_max_pool2d() {
    let input = exact(&[1, 1, 2, 3], &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]);
    let attributes = "kernel [2, 2] strides [1, 2] padding [1, 1, 0, 0]";
    let result = pool("max_pool2d", attributes, &input, &[1, 1, 2, 2]);
    assert_eq!(result, exact(&[1, 1, 2, 2], &[-1.0, -2.0, -1.0, -2.0]));
    let input = Tensor { variance: Some(vec![0.0; 6]), ..input };
    let result = pool("max_pool2d", attributes, &input, &[1, 1, 2, 2]);
    assert_eq!(result, gaussian(&[1, 1, 2, 2], &[-1.0, -2.0, -1.0, -2.0], &[0.0; 4]));
}

#[test]
fn avg_pool2d_counts_padding_or_not() {
    let input = gaussian(&[1, 1, 2, 2], &[4.0, 8.0, 12.0, 16.0], &[16.0, 32.0, 48.0, 64.0]);
    let attributes = "kernel [2, 2] padding [1, 0, 0, 1]";
    let result = pool("avg_pool2d", attributes, &input, &[1, 1, 2, 2]);
    // The windows hold {4, 8}, {8}, {4, 8, 12, 16} and {8, 16}.
    assert_eq!(result, gaussian(&[1, 1, 2, 2], &[3.0, 2.0, 10.0, 6.0], &[3.0, 2.0, 10.0, 6.0]));
    let exclude = format!("{attributes} count_include_pad false");
    let result = pool("avg_pool2d", &exclude, &input, &[1, 1, 2, 2]);
    assert_eq!(result, gaussian(&[1, 1, 2, 2], &[6.0, 8.0, 10.0, 12.0], &[12.0, 32.0, 10.0, 24.0]));
}

#[test]
fn pools_leave_channels_and_images_apart() {
    let input = exact(&[2, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let result = pool("max_pool2d", "kernel [1, 2]", &input, &[2, 2, 1, 1]);
    assert_eq!(result, exact(&[2, 2, 1, 1], &[2.0, 4.0, 6.0, 8.0]));
    let result = pool("avg_pool2d", "kernel [1, 2]", &input, &[2, 2, 1, 1]);
    assert_eq!(result, exact(&[2, 2, 1, 1], &[1.5, 3.5, 5.5, 7.5]));
}

#[test]
fn reshape_and_flatten_keep_the_elements_and_the_batch() {
    let signature = "(%x: !gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x3x1x2xf32>";
    let body = "%f = gauss.flatten %x : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32>
         %y = gauss.reshape %f : (!gauss.tensor<?x6xf32>) -> !gauss.tensor<?x3x1x2xf32>
         return %y : !gauss.tensor<?x3x1x2xf32>";
    let input = random(&[4, 2, 3], true, 5);
    let expected = Tensor { shape: vec![4, 3, 1, 2], ..input.clone() };
    assert_eq!(run(signature, body, &[input]), expected);
}

#[test]
fn reshape_may_drop_and_add_dimensions() {
    let body = "%y = gauss.reshape %x : (tensor<1x1xf32>) -> tensor<f32>
         %z = gauss.reshape %y : (tensor<f32>) -> tensor<1xf32>
         return %z : tensor<1xf32>";
    let result = run("(%x: tensor<1x1xf32>) -> tensor<1xf32>", body, &[exact(&[1, 1], &[7.0])]);
    assert_eq!(result, exact(&[1], &[7.0]));
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

/// A pool of a line of numbers.
#[track_caller]
fn line_pool(op: &str, line: &[f64], expected: &[f64]) {
    let (from, to) = (line.len(), expected.len());
    let result = run(
        &format!("(%x: tensor<1x1x1x{from}xf32>) -> tensor<1x1x1x{to}xf32>"),
        &format!(
            "%y = gauss.{op} : (tensor<1x1x1x{from}xf32>) -> tensor<1x1x1x{to}xf32>
             return %y : tensor<1x1x1x{to}xf32>"
        ),
        &[exact(&[1, 1, 1, from], line)],
    );
    assert_close(&result, &exact(&[1, 1, 1, to], expected), 1e-15);
}

/// As PyTorch counts: a window that ends beyond input and padding has what is left of it.
#[test]
fn pools_round_up_and_have_gaps() {
    let line = [1.0, 2.0, 3.0, 4.0, 5.0];
    let two = "kernel [1, 2] strides [1, 2]";
    line_pool(&format!("avg_pool2d %x {two}"), &line, &[1.5, 3.5]);
    line_pool(&format!("avg_pool2d %x {two} ceil true"), &line, &[1.5, 3.5, 5.0]);
    line_pool(&format!("max_pool2d %x {two} ceil true"), &line, &[2.0, 4.0, 5.0]);
    let three = "kernel [1, 3] strides [1, 2] padding [0, 1, 0, 1] ceil true";
    line_pool(&format!("avg_pool2d %x {three}"), &line[..4], &[1.0, 3.0, 2.0]);
    let inside = format!("avg_pool2d %x {three} count_include_pad false");
    line_pool(&inside, &line[..4], &[1.5, 3.0, 4.0]);
    // A window that would begin in the padding behind the input is none.
    let wide = "kernel [1, 2] strides [1, 3] padding [0, 1, 0, 1] ceil true";
    line_pool(&format!("max_pool2d %x {wide}"), &line[..4], &[1.0, 4.0]);
    let apart = "kernel [1, 2] dilation [1, 2]";
    line_pool(&format!("max_pool2d %x {apart}"), &[1.0, 5.0, 2.0, 4.0], &[2.0, 5.0]);
    line_pool(&format!("avg_pool2d %x {apart}"), &[1.0, 5.0, 2.0, 4.0], &[1.5, 4.5]);
}

/// Every element by hand.
#[test]
fn movements_and_sums() {
    let x = gaussian(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let check = |op: &str, shape: &str, means: &[f64], variances: &[f64]| {
        let ty = format!("!gauss.tensor<{shape}xf32>");
        let sizes: Vec<_> = shape.split('x').map(|size| size.parse().unwrap()).collect();
        let result = run(
            &format!("(%x: !gauss.tensor<2x3xf32>) -> {ty}"),
            &format!("%y = gauss.{op} : (!gauss.tensor<2x3xf32>) -> {ty}\nreturn %y : {ty}"),
            std::slice::from_ref(&x),
        );
        assert_close(&result, &gaussian(&sizes, means, variances), 1e-15);
    };
    let reflected = "pad %x low [0, 2] high [0, 1] mode \"reflect\"";
    check(
        reflected,
        "2x6",
        &[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 6.0, 5.0, 4.0, 5.0, 6.0, 5.0],
        &[0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.6, 0.5, 0.4, 0.5, 0.6, 0.5],
    );
    let edge = "pad %x low [1, 0] high [0, 1] mode \"edge\"";
    check(
        edge,
        "3x4",
        &[1.0, 2.0, 3.0, 3.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 6.0],
        &[0.1, 0.2, 0.3, 0.3, 0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.6],
    );
    let constant = "pad %x low [0, 1] high [0, 0] value 7.0";
    check(
        constant,
        "2x4",
        &[7.0, 1.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0],
        &[0.0, 0.1, 0.2, 0.3, 0.0, 0.4, 0.5, 0.6],
    );
    check(
        "transpose %x permutation [1, 0]",
        "3x2",
        &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
        &[0.1, 0.4, 0.2, 0.5, 0.3, 0.6],
    );
    check("slice %x axis 1 start 1 size 2", "2x2", &[2.0, 3.0, 5.0, 6.0], &[0.2, 0.3, 0.5, 0.6]);
    check("reduce_sum %x axes [0]", "3", &[5.0, 7.0, 9.0], &[0.5, 0.7, 0.9]);
    check("reduce_mean %x axes [0, 1] keep_dims true", "1x1", &[3.5], &[2.1 / 36.0]);
    let doubled = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 6.0];
    check("upsample %x factors [1, 2]", "2x6", &doubled, &doubled.map(|m| m / 10.0));
}

#[test]
fn products_of_matrices_by_hand() {
    // Two matrices, the second operand of which is one for both.
    let x = gaussian(&[2, 1, 2], &[1.0, 2.0, -3.0, 0.0], &[0.5, 0.25, 0.0, 4.0]);
    let w = gaussian(&[1, 2], &[3.0, -1.0], &[2.0, 1.0]);
    let result = run(
        "(%x: !gauss.tensor<2x1x2xf32>, %w: !gauss.tensor<1x2xf32>) -> !gauss.tensor<2x1x1xf32>",
        "%y = gauss.matmul %x, %w transpose_rhs true
           : (!gauss.tensor<2x1x2xf32>, !gauss.tensor<1x2xf32>) -> !gauss.tensor<2x1x1xf32>
         return %y : !gauss.tensor<2x1x1xf32>",
        &[x, w],
    );
    // As of the dense layer above.
    assert_eq!(result, gaussian(&[2, 1, 1], &[1.0, -9.0], &[12.0, 26.0]));
}

#[test]
fn a_product_of_matrices_is_a_sum_for_each_element() {
    let sizes = [2, 3, 4, 5, 6];
    let [a, b, m, k, n] = sizes;
    for (transpose_lhs, transpose_rhs) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let left = if transpose_lhs { [a, b, k, m] } else { [a, b, m, k] };
        let right = if transpose_rhs { [a, 1, n, k] } else { [a, 1, k, n] };
        let (x, y) = (random(&left, true, 1), random(&right, true, 2));
        let result = exact(&[a, b, m, n], &[]);
        let ty = format!("!gauss.tensor<{a}x{b}x{m}x{n}xf32>");
        let actual = run(
            &format!("(%x: {}, %y: {}) -> {ty}", x.ty(), y.ty()),
            &format!(
                "%z = gauss.matmul %x, %y transpose_lhs {transpose_lhs} transpose_rhs \
                 {transpose_rhs} : ({}, {}) -> {ty}
                 return %z : {ty}",
                x.ty(),
                y.ty()
            ),
            &[x.clone(), y.clone()],
        );
        let (mut mean, mut variance) = (vec![], vec![]);
        for (p, q) in grid(a, b) {
            for (i, j) in grid(m, n) {
                let (mut sum, mut spread) = (0.0, 0.0);
                for l in 0..k {
                    let inner = if transpose_lhs { l * m + i } else { i * k + l };
                    let at = (p * b + q) * m * k + inner;
                    let inner = if transpose_rhs { j * k + l } else { l * n + j };
                    let with = p * k * n + inner;
                    let (x_mean, x_variance) = (x.mean[at], x.variance.as_ref().unwrap()[at]);
                    let (y_mean, y_variance) = (y.mean[with], y.variance.as_ref().unwrap()[with]);
                    sum += x_mean * y_mean;
                    // E[x²]E[y²] less the square of the mean.
                    spread += (x_mean.powi(2) + x_variance) * (y_mean.powi(2) + y_variance)
                        - (x_mean * y_mean).powi(2);
                }
                mean.push(sum);
                variance.push(spread);
            }
        }
        assert_close(&actual, &gaussian(&result.shape, &mean, &variance), 1e-13);
    }
}

#[test]
fn rows_of_a_table_stay_within_it() {
    let table = gaussian(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let numbers = [0.0, 2.0, 1.75, -5.0, 3.0, 1e30, f64::NAN, f64::NEG_INFINITY];
    let result = run(
        "(%i: tensor<8xf32>, %t: !gauss.tensor<3x2xf32>) -> !gauss.tensor<8x2xf32>",
        "%y = gauss.embedding %i, %t : (tensor<8xf32>, !gauss.tensor<3x2xf32>) -> !gauss.tensor<8x2xf32>
         return %y : !gauss.tensor<8x2xf32>",
        &[exact(&[8], &numbers), table],
    );
    let means: Vec<_> = result.mean.chunks(2).map(|row| row[0]).collect();
    assert_eq!(means, [1.0, 5.0, 3.0, 1.0, 5.0, 5.0, 1.0, 1.0]);
    assert_eq!(result.variance.unwrap()[2..4], [0.5, 0.6]);
}

/// What `gauss.resize` makes of a line.
#[track_caller]
fn resized(attributes: &str, line: &[f64], size: usize) -> Tensor {
    let (from, to) = (line.len(), size);
    let variance: Vec<_> = line.iter().map(|value| value * value).collect();
    run(
        &format!("(%x: !gauss.tensor<{from}xf32>) -> !gauss.tensor<{to}xf32>"),
        &format!(
            "%y = gauss.resize %x {attributes} : (!gauss.tensor<{from}xf32>) -> !gauss.tensor<{to}xf32>
             return %y : !gauss.tensor<{to}xf32>"
        ),
        &[gaussian(&[from], line, &variance)],
    )
}

#[test]
fn interpolation_weighs_two_neighbours() {
    // A place, then the weights of its neighbours, in the coordinates of PyTorch's `interpolate`.
    let line = [1.0, 5.0, 2.0, 7.0];
    let expected = |places: &[f64]| {
        let at = |&place: &f64| {
            let place = place.clamp(0.0, 3.0);
            let (low, w) = (place.floor() as usize, place.fract());
            let high = (low + 1).min(3);
            let mean = (1.0 - w) * line[low] + w * line[high];
            (mean, ((1.0 - w) * line[low]).powi(2) + (w * line[high]).powi(2))
        };
        let (mean, variance): (Vec<_>, Vec<_>) = places.iter().map(at).unzip();
        gaussian(&[places.len()], &mean, &variance)
    };
    let half_pixel = |size: usize, ratio: f64| {
        expected(&(0..size).map(|i| (i as f64 + 0.5) / ratio - 0.5).collect::<Vec<_>>())
    };
    let aligned = |size: usize| {
        let step = if size == 1 { 0.0 } else { 3.0 / (size - 1) as f64 };
        expected(&(0..size).map(|i| i as f64 * step).collect::<Vec<_>>())
    };
    for size in [1, 2, 3, 4, 6, 7, 8, 13, 16] {
        let sizes = resized(&format!("sizes [{size}]"), &line, size);
        assert_close(&sizes, &half_pixel(size, size as f64 / 4.0), 1e-13);
        let corners =
            resized(&format!("sizes [{size}] coordinates \"align_corners\""), &line, size);
        assert_close(&corners, &aligned(size), 1e-13);
    }
    // 4·7/5 = 5.6: five elements at the distance of 5/7, and not of 4/5.
    let fraction = resized("numerators [7] denominators [5]", &line, 5);
    assert_close(&fraction, &half_pixel(5, 1.4), 1e-13);
}
