//! Derivatives of programs along a direction, against differences of what programs compute.

mod common;

use std::collections::BTreeSet;

use common::{none, program};
use gauss_dialect::{
    interpreter::{Differentiated, Error, F64, Program, Tensor},
    layer::Layer,
    moments::{Along, Directional, Moments},
    ops::activation::Activation,
    shape::TensorType,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How far apart the points of a difference are, in units of what changes.
const STEP: f64 = 1e-3;

/// What the difference leaves: [`STEP`]⁴/30 of the fifth derivative, and what is rounded over [`STEP`].
const TOLERANCE: f64 = 1e-8;

type Function<'a> = dyn Fn(f64) -> f64 + 'a;

/// The derivative at 0 by four points, exact for polynomials up to the fourth degree.
fn slope(f: &Function) -> f64 {
    let pair = |step: f64| f(step) - f(-step);
    (8.0 * pair(STEP) - pair(2.0 * STEP)) / (12.0 * STEP)
}

/// The derivative at 0 by points above it alone, exact for polynomials up to the fourth degree.
fn slope_from_above(f: &Function) -> f64 {
    let weights = [-25.0 / 12.0, 4.0, -3.0, 4.0 / 3.0, -0.25];
    let terms = weights.into_iter().enumerate().map(|(n, weight)| weight * f(n as f64 * STEP));
    terms.sum::<f64>() / STEP
}

/// A tensor `t` beyond another one along slopes.
fn moved(tensor: &Tensor, slopes: Option<&Tensor>, t: f64) -> Tensor {
    let Some(slopes) = slopes else { return tensor.clone() };
    let sum = |values: &[f64], slopes: &[f64]| {
        values.iter().zip(slopes).map(|(value, slope)| value + t * slope).collect()
    };
    let variance = tensor.variance.as_deref().map(|variance| {
        slopes.variance.as_deref().map_or(variance.to_vec(), |slopes| sum(variance, slopes))
    });
    Tensor::new(tensor.shape.clone(), sum(&tensor.mean, &slopes.mean), variance)
}

/// All means, then all variances.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.mean.iter().chain(tensor.variance.iter().flatten()).copied().collect()
}

/// Checks a derivative against differences along the direction.
#[track_caller]
fn assert_slopes(
    name: &str,
    actual: &[Differentiated],
    outputs_at: &dyn Fn(f64) -> Vec<Tensor>,
    slope: fn(&Function) -> f64,
) {
    let at = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0].map(|n| (n, outputs_at(n * STEP)));
    let outputs_at = |t: f64| &at[((t / STEP).round() as i64 + 2) as usize].1;
    for (number, result) in actual.iter().enumerate() {
        assert_eq!(result.value, outputs_at(0.0)[number], "{name}");
        let actual = numbers(&result.slope);
        let largest = actual.iter().fold(1.0, |most: f64, slope| most.max(slope.abs()));
        assert!(actual.iter().any(|slope| *slope != 0.0), "{name} does not move");
        for (place, actual) in actual.into_iter().enumerate() {
            let expected = slope(&|t| numbers(&outputs_at(t)[number])[place]);
            let error = (actual - expected).abs() / largest;
            assert!(error <= TOLERANCE, "{name}, {place}: {actual}, {expected}: {error:e}");
        }
    }
}

/// What an operand is, before its sizes: Gaussian, plain numbers, positive ones, or indices below 3.
struct Operand {
    kind: char,
    shape: Vec<usize>,
}

impl Operand {
    fn of(text: &str) -> Self {
        let (kind, sizes) = text.split_at(1);
        let sizes = sizes.split('x').filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.parse().expect("a size")).collect();
        Self { kind: kind.chars().next().expect("a kind"), shape }
    }

    fn ty(&self) -> String {
        let sizes: String = self.shape.iter().map(|size| format!("{size}x")).collect();
        let prefix = if self.kind == 'g' { "!gauss." } else { "" };
        format!("{prefix}tensor<{sizes}f32>")
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Tensor {
        let count: usize = self.shape.iter().product();
        let mut fill =
            |low: f64, high: f64| (0..count).map(|_| rng.random_range(low..high)).collect();
        match self.kind {
            'g' => Tensor::gaussian(&self.shape, fill(-1.0, 1.0), fill(0.1, 1.0)),
            'p' => Tensor::deterministic(&self.shape, fill(0.5, 1.5)),
            'i' => Tensor::deterministic(&self.shape, (0..count).map(|n| (n % 3) as f64).collect()),
            _ => Tensor::deterministic(&self.shape, fill(-1.0, 1.0)),
        }
    }

    /// Numbers from −1 to 1, for variances too.
    fn direction(&self, rng: &mut ChaCha8Rng) -> Option<Tensor> {
        let count: usize = self.shape.iter().product();
        let mut fill = || (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
        let mean = fill();
        let variance = (self.kind == 'g').then(fill);
        (self.kind != 'i').then(|| Tensor::new(self.shape.clone(), mean, variance))
    }
}

/// An op, its attributes, its operands and its result.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str);

fn program_of((op, attributes, operands, result): Case) -> Program {
    let operands: Vec<_> = operands.iter().map(|text| Operand::of(text).ty()).collect();
    let result = Operand::of(result).ty();
    let names: Vec<_> = (0..operands.len()).map(|number| format!("%a{number}")).collect();
    let arguments: Vec<_> =
        names.iter().zip(&operands).map(|(name, ty)| format!("{name}: {ty}")).collect();
    let source = format!(
        "func.func @main({}) -> {result} {{
           %y = gauss.{op} {} {attributes} : ({}) -> {result}
           return %y : {result}
         }}",
        arguments.join(", "),
        names.join(", "),
        operands.join(", "),
    );
    program(&source, &none).unwrap_or_else(|error| panic!("{op}: {error}"))
}

/// Every layer of networks but activations.
const LAYERS: &[Case] = &[
    ("dense", "", &["g2x3", "g4x3", "g4"], "g2x4"),
    ("dense", "", &["t2x3", "g4x3"], "g2x4"),
    ("dense", "", &["g2x3", "t4x3", "t4"], "g2x4"),
    ("dense", "", &["t2x3", "t4x3", "g4"], "g2x4"),
    ("conv1d", "padding [1, 1]", &["g2x2x5", "g3x2x3", "g3"], "g2x3x5"),
    ("conv2d", "strides [2, 1] groups 2", &["g1x4x5x4", "g2x2x3x2", "g2"], "g1x2x2x3"),
    ("conv2d", "padding [1, 0, 1, 0]", &["t1x1x4x3", "g2x1x3x3"], "g1x2x4x1"),
    ("conv3d", "", &["g1x1x2x3x2", "t2x1x2x2x2"], "g1x2x1x2x1"),
    ("conv_transpose1d", "strides [2]", &["g1x2x3", "g2x1x2", "g1"], "g1x1x6"),
    ("conv_transpose2d", "padding [1, 1, 1, 1]", &["g1x2x3x3", "g2x1x3x3"], "g1x1x3x3"),
    ("conv_transpose3d", "", &["t1x1x1x2x2", "g1x2x2x1x1"], "g1x2x2x2x2"),
    ("matmul", "", &["g2x2x3", "g2x3x2"], "g2x2x2"),
    ("matmul", "transpose_rhs true", &["g2x3", "t4x3"], "g2x4"),
    ("batch_norm", "", &["g2x2x3", "g2", "g2", "t2", "p2"], "g2x2x3"),
    ("add", "", &["g2x3", "g1x3"], "g2x3"),
    ("sub", "", &["t2x3", "g2x3"], "g2x3"),
    ("mul", "", &["g2x3", "g2x1"], "g2x3"),
    ("mul", "", &["t2x3", "g2x3"], "g2x3"),
    ("div", "", &["g2x3", "p2x3"], "g2x3"),
    ("prelu", "", &["g2x3", "t1x3"], "g2x3"),
    ("blend", "", &["g2x3", "g2x3", "g1x3"], "g2x3"),
    ("blend", "", &["t2x3", "g2x3", "t2x3"], "g2x3"),
    ("max_pool1d", "kernel [3]", &["g1x2x5"], "g1x2x3"),
    ("max_pool2d", "kernel [2, 2] strides [2, 2]", &["g1x2x4x4"], "g1x2x2x2"),
    ("max_pool2d", "kernel [3, 2] padding [1, 0, 1, 0]", &["t1x1x4x4"], "t1x1x4x3"),
    ("max_pool3d", "kernel [2, 1, 2]", &["g1x1x2x2x2"], "g1x1x1x2x1"),
    ("avg_pool1d", "kernel [2] padding [1, 1]", &["g1x2x4"], "g1x2x5"),
    ("avg_pool2d", "kernel [2, 2]", &["g1x1x3x3"], "g1x1x2x2"),
    ("avg_pool3d", "kernel [1, 2, 2]", &["g1x1x2x2x2"], "g1x1x2x1x1"),
    ("global_max_pool", "", &["g2x2x3x2"], "g2x2x1x1"),
    ("layer_norm", "", &["g2x3x4", "g4", "g4"], "g2x3x4"),
    ("layer_norm", "dimensions 2", &["t2x3x4", "g3x4"], "g2x3x4"),
    ("layer_norm", "", &["t2x4"], "t2x4"),
    ("rms_norm", "", &["g2x5", "g5"], "g2x5"),
    ("group_norm", "groups 2", &["g2x4x3", "g4", "t4"], "g2x4x3"),
    ("instance_norm", "", &["g2x2x5"], "g2x2x5"),
    ("transpose", "permutation [1, 0]", &["g2x3"], "g3x2"),
    ("concat", "axis 1", &["g2x3", "t2x1"], "g2x4"),
    ("slice", "axis 1 size 2 step 2", &["g2x3"], "g2x2"),
    ("pad", "low [0, 1] high [0, 1] mode \"reflect\"", &["g2x3"], "g2x5"),
    ("pad", "low [0, 1] high [0, 0] value 3.0", &["g2x3"], "g2x4"),
    ("gather", "axis 1 indices [2, 0, 0, 1]", &["g2x3"], "g2x4"),
    ("expand", "shape [-1, 2]", &["g2x1"], "g2x2"),
    ("upsample", "factors [1, 2]", &["g2x3"], "g2x6"),
    ("resize", "sizes [-1, 4]", &["g1x3"], "g1x4"),
    ("reshape", "", &["g2x3"], "g3x2"),
    ("flatten", "", &["g2x3x2"], "g2x6"),
    ("reduce_sum", "axes [1]", &["g2x3x2"], "g2x2"),
    ("reduce_mean", "axes [1, 2]", &["g2x3x2"], "g2"),
    ("embedding", "", &["i1x4", "g3x2"], "g1x4x2"),
    ("dropout", "rate 0.25", &["g2x3"], "g2x3"),
    ("dropout", "rate 0.25", &["t2x3"], "g2x3"),
    ("noise", "variance 0.5", &["g2x3"], "g2x3"),
    ("attention_weights", "scale 0.7", &["g2x3x4"], "g2x3x4"),
    ("attention_weights", "causal true", &["g4x4"], "g4x4"),
    ("attention_weights", "", &["t3x4"], "t3x4"),
    ("attention", "", &["g1x2x3", "g1x4x3", "g1x4x2"], "g1x2x2"),
    ("attention", "causal true", &["g1x3x2", "t1x3x2", "g1x3x2"], "g1x3x2"),
    ("lstm", "", &["g2x3x2", "g1x8x2", "g1x8x2", "g1x8"], "g2x3x2"),
    ("lstm", "direction \"bidirectional\"", &["t1x2x2", "g2x4x2", "g2x4x1"], "g1x2x2"),
    ("gru", "", &["g2x3x2", "g1x6x2", "g1x6x2", "g1x6", "t1x6"], "g2x3x2"),
    ("gru", "linear_before_reset false", &["g1x2x2", "t1x6x2", "g1x6x2"], "g1x2x2"),
];

#[test]
fn derivatives_of_layers_are_the_limits_of_differences() {
    for &case in LAYERS {
        (0..3).for_each(|seed| assert_differentiated(case, seed));
    }
}

/// Checks the derivative of an op at random operands along a random direction.
#[track_caller]
fn assert_differentiated(case: Case, seed: u64) {
    let operands: Vec<_> = case.2.iter().map(|text| Operand::of(text)).collect();
    assert_program_differentiated(case.0, &program_of(case), &operands, seed);
}

#[track_caller]
fn assert_program_differentiated(name: &str, program: &Program, operands: &[Operand], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let inputs: Vec<_> = operands.iter().map(|operand| operand.random(&mut rng)).collect();
    let slopes: Vec<_> = operands.iter().map(|operand| operand.direction(&mut rng)).collect();
    let outputs_at = |t: f64| {
        let pairs = inputs.iter().zip(&slopes);
        let inputs: Vec<_> = pairs.map(|(input, s)| moved(input, s.as_ref(), t)).collect();
        program.run(&inputs).unwrap()
    };
    let actual = program.derivative(&inputs, &slopes, &|_, _| None).unwrap();
    assert_slopes(name, &actual, &outputs_at, slope);
}

/// Means and variances are numbers on their own, and numbers are means and variances.
#[test]
fn components_have_the_slopes_of_the_whole() {
    let (x, y) = ("!gauss.tensor<2xf32>", "tensor<2xf32>");
    let source = format!(
        "func.func @main(%x: {x}) -> ({y}, {y}, {x}) {{
           %m = gauss.mean %x : {x}
           %v = gauss.variance %x : {x}
           %s = gauss.add %m, %m : ({y}, {y}) -> {y}
           %y = gauss.make %v, %v : {y}
           return %s, %v, %y : {y}, {y}, {x}
         }}"
    );
    let input = Tensor::gaussian(&[2], vec![1.0, 2.0], vec![0.5, 0.25]);
    let slopes = Tensor::gaussian(&[2], vec![3.0, -1.0], vec![-2.0, 4.0]);
    let program = program(&source, &none).unwrap();
    let results = program.derivative(&[input], &[Some(slopes)], &|_, _| None).unwrap();
    let slopes: Vec<_> = results.into_iter().map(|result| result.slope).collect();
    let expected = [
        Tensor::deterministic(&[2], vec![6.0, -2.0]),
        Tensor::deterministic(&[2], vec![-2.0, 4.0]),
        Tensor::gaussian(&[2], vec![-2.0, 4.0], vec![-2.0, 4.0]),
    ];
    assert_eq!(slopes, expected);
}

/// Covariances along a dense layer, an activation and another dense layer; at last those of the classes, of a mixture, and of
/// a sum of two branches.
#[test]
fn derivatives_of_covariances_are_the_limits_of_differences() {
    let [x, c, y] =
        ["!gauss.tensor<2x3xf32>", "!gauss.tensor<2x3xf32, covariance>", "!gauss.tensor<2x3xf32>"];
    let w = "!gauss.tensor<3x3xf32>";
    let signature = format!("(%x: {x}, %w: {w}, %u: {w})");
    let start = format!(
        "%c = gauss.correlated %x : ({x}) -> {c}
         %d = gauss.dense %c, %w : ({c}, {w}) -> {c}
         %a = gauss.relu %d : ({c}) -> {c}
         %e = gauss.dense %a, %u : ({c}, {w}) -> {c}
         %s = gauss.add %e, %d : ({c}, {c}) -> {c}"
    );
    let mixture = "!gauss.tensor<2x3xf32, covariance<5>>";
    for (name, end, result) in [
        ("marginals", format!("%r = gauss.marginals %s : ({c}) -> {y}"), y),
        (
            "covariance",
            format!("%r = gauss.covariance %s : ({c}) -> tensor<2x3x3xf32>"),
            "tensor<2x3x3xf32>",
        ),
        (
            "softmax",
            format!("%r = gauss.softmax %e method \"laplace\" : ({c}) -> tensor<2x3xf32>"),
            "tensor<2x3xf32>",
        ),
        (
            "scale_mixture",
            format!(
                "%m = gauss.scale_mixture %d, %d, %u nodes 5 groups 1 : ({c}, {c}, {w}) -> {mixture}
                 %f = gauss.relu %m : ({mixture}) -> {mixture}
                 %r = gauss.marginals %f : ({mixture}) -> {y}"
            ),
            y,
        ),
    ] {
        let source = format!(
            "func.func @main{signature} -> {result} {{\n{start}\n{end}\nreturn %r : {result}\n}}"
        );
        let program = program(&source, &none).unwrap();
        let operands = ["g2x3", "g3x3", "g3x3"].map(Operand::of);
        assert_program_differentiated(name, &program, &operands, 21);
    }
}

#[test]
fn every_layer_of_networks_has_a_derivative() {
    let mut tested: BTreeSet<_> = LAYERS.iter().map(|case| case.0).collect();
    tested.extend(Activation::NAMES);
    let known: BTreeSet<_> = Layer::names().into_iter().collect();
    assert_eq!(known.difference(&tested).collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// Mean and variance of an activation of m ± √v, and the derivatives of both along a direction.
fn along(
    activation: Activation,
    [mean, variance]: [f64; 2],
    [of_mean, of_variance]: [f64; 2],
) -> [Along; 2] {
    let x = Moments::gaussian(Along::new(mean, of_mean), Along::new(variance, of_variance));
    let Moments { mean, variance } = activation.moments(&mut Directional, x);
    [mean, variance.expect("a Gaussian")]
}

fn values(activation: Activation, mean: f64, variance: f64) -> [f64; 2] {
    let Moments { mean, variance } =
        activation.moments(&mut F64, Moments::gaussian(mean, variance));
    [mean, variance.expect("a Gaussian")]
}

/// Slopes are in units of σ and v. An error of the mean counts in σ, and one of the variance beside v and itself; both
/// have what is rounded of the values over [`STEP`], and the errors of the double-precision rules.
#[test]
fn derivatives_of_activations_are_the_limits_of_differences() {
    for activation in Activation::samples() {
        for sigma in [1e-4, 3e-3, 0.02, 0.1, 0.4, 1.1, 3.3, 25.0, 350.0] {
            for mean in [-50.0, -4.0, -2.3, -0.7, -0.05, 0.0, 1e-3, 0.4, 1.9, 5.5, 30.0] {
                if activation.name() == "exp" && sigma > 4.0 {
                    continue;
                }
                let variance = sigma * sigma;
                for direction in [[sigma, 0.0], [0.0, variance], [-0.7 * sigma, 0.4 * variance]] {
                    let actual = along(activation, [mean, variance], direction);
                    let at = |t: f64, n: usize| {
                        values(activation, mean + t * direction[0], variance + t * direction[1])[n]
                    };
                    let [first, second] = values(activation, mean, variance);
                    let scales = [
                        sigma + second.sqrt() + 1e-5 * first.abs(),
                        1e-2 * variance + second + 1e-5 * first * first,
                    ];
                    for n in 0..2 {
                        assert!((actual[n].value - [first, second][n]).abs() <= 1e-9 * scales[n]);
                        let expected = slope(&|t| at(t, n));
                        let error = (actual[n].slope - expected).abs() / scales[n];
                        assert!(
                            error < 3e-7,
                            "{activation:?} of {mean} ± {sigma}, {direction:?}, {n}: {}, {expected}: {error:e}",
                            actual[n].slope
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn derivatives_of_activations_of_numbers_are_those_of_the_function() {
    for activation in Activation::samples() {
        for x in [-7.0, -1.3, -0.4, 0.3, 0.9, 2.8, 9.0] {
            let value = |x| activation.moments(&mut F64, Moments::deterministic(x)).mean;
            let x_along = Moments::deterministic(Along::new(x, 2.0));
            let actual = activation.moments(&mut Directional, x_along).mean;
            let expected = slope(&|t| value(x + 2.0 * t));
            assert_eq!(actual.value, value(x));
            let error = (actual.slope - expected).abs() / value(x).abs().max(1.0);
            assert!(error < 1e-9, "{activation:?} at {x}: {}, {expected}", actual.slope);
        }
    }
}

/// Where a function is smooth, the mean of f(x) grows by f″/2 with a variance that leaves 0, and its variance by f′².
#[test]
fn a_variance_of_zero_has_the_slopes_beside_it() {
    for activation in Activation::samples() {
        for mean in [-6.5, -2.2, -0.6, 0.37, 1.4, 2.1, 5.3] {
            let function = |x: f64| activation.moments(&mut F64, Moments::deterministic(x)).mean;
            let first = slope(&|t| function(mean + t));
            let second = slope(&|t| slope(&|s| function(mean + s + t)));
            for of_variance in [1.0, 0.25] {
                let actual = along(activation, [mean, 0.0], [0.0, of_variance]);
                let expected = [0.5 * second, first * first].map(|slope| slope * of_variance);
                for n in 0..2 {
                    let error = (actual[n].slope - expected[n]).abs();
                    let size = function(mean).powi(n as i32 + 1).abs().max(1.0);
                    assert!(
                        error < 1e-7 * size,
                        "{activation:?} of {mean} ± 0, {n}: {}, {}",
                        actual[n].slope,
                        expected[n]
                    );
                }
            }
            let actual = along(activation, [mean, 0.0], [1.0, 0.0]);
            assert!((actual[0].slope - first).abs() < 1e-8 * function(mean).abs().max(1.0));
            assert_eq!(actual[1].slope, 0.0, "{activation:?} of {mean} ± 0");
        }
    }
}

#[test]
fn no_derivative_of_an_activation_is_undefined() {
    let means = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 0.5, 1e-300, -1e10, 1e10];
    let variances = [0.0, 5e-324, 1e-300, 1e-37, 1e-12, 1.0, 1e10];
    for activation in Activation::samples() {
        let moderate = |x: f64| activation.name() != "exp" || x.abs() < 50.0;
        for mean in means.into_iter().filter(|m| moderate(*m)) {
            for variance in variances.into_iter().filter(|v| moderate(*v)) {
                for direction in [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 1.0]] {
                    for number in along(activation, [mean, variance], direction) {
                        let is_huge = variance > 0.0 && variance < 1e-36;
                        assert!(
                            number.slope.is_finite() || (is_huge && !number.slope.is_nan()),
                            "{activation:?} of {mean} ± √{variance} along {direction:?}: {number:?}"
                        );
                    }
                }
            }
        }
    }
}

/// The derivative of the mean of f(x) is the mean of f′, which a mean on the kink has one half of.
#[test]
fn at_a_kink_the_mean_has_the_slope_of_both_sides() {
    let relu = |direction| along(Activation::RELU, [0.0, 4.0], direction).map(|x| x.slope);
    for sign in [1.0, -1.0] {
        let [of_mean, of_variance] = relu([sign, 0.0]);
        assert!((of_mean - 0.5 * sign).abs() < 1e-15);
        // 2·Cov(r, 1{x > 0}) = σ/√2π.
        let expected = sign * 2.0 / (2.0 * std::f64::consts::PI).sqrt();
        assert!((of_variance - expected).abs() < 1e-15, "{of_variance}");
    }
    // φ(0)/2σ.
    let expected = 0.25 / (2.0 * std::f64::consts::PI).sqrt();
    assert!((relu([0.0, 1.0])[0] - expected).abs() < 1e-15);
    for activation in Activation::samples() {
        for variance in [1e-6, 0.5, 60.0] {
            let slopes = [1.0, -1.0].map(|sign| along(activation, [0.0, variance], [sign, 0.0]));
            for (up, (down, size)) in slopes[0].iter().zip(slopes[1].iter().zip([1.0, variance])) {
                let [up, down] = [up.slope, -down.slope];
                assert!(
                    (up - down).abs() <= 1e-9 * size.max(up.abs()),
                    "{activation:?}: {up}, {down}"
                );
            }
        }
    }
}

/// The one result of an op, and its derivative.
#[track_caller]
fn differentiated(case: Case, inputs: &[Tensor], slopes: &[Option<Tensor>]) -> Differentiated {
    let mut results = program_of(case).derivative(inputs, slopes, &|_, _| None).unwrap();
    assert_eq!(results.len(), 1);
    results.remove(0)
}

#[test]
fn equal_numbers_share_the_slope_of_their_maximum() {
    let case: Case = ("max_pool1d", "kernel [2]", &["g1x1x2"], "g1x1x1");
    let x = Tensor::gaussian(&[1, 1, 2], vec![0.3; 2], vec![2.0; 2]);
    for (direction, expected) in [([1.0, 0.0], 0.5), ([0.0, 1.0], 0.5), ([-1.0, 0.0], -0.5)] {
        let slopes = Tensor::gaussian(&[1, 1, 2], direction.to_vec(), vec![0.0; 2]);
        let result = differentiated(case, std::slice::from_ref(&x), &[Some(slopes)]);
        assert!((result.slope.mean[0] - expected).abs() < 1e-15);
    }
    // Without variances the side to which the direction goes.
    let case: Case = ("max_pool1d", "kernel [2]", &["t1x1x2"], "t1x1x1");
    let x = Tensor::deterministic(&[1, 1, 2], vec![0.3; 2]);
    for (direction, expected) in [([1.0, 0.25], 1.0), ([-1.0, -0.25], -0.25)] {
        let slopes = Tensor::deterministic(&[1, 1, 2], direction.to_vec());
        let result = differentiated(case, std::slice::from_ref(&x), &[Some(slopes)]);
        assert_eq!(result.slope.mean, [expected]);
    }
}

/// What is behind a jump moves as at its place.
#[test]
fn a_number_on_a_jump_has_its_own_value() {
    let source = "func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
           %s = gauss.sign %x : (tensor<2xf32>) -> tensor<2xf32>
           %z = gauss.mul %s, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
           return %z : tensor<2xf32>
         }";
    let of = |values: [f64; 2]| Tensor::deterministic(&[2], values.to_vec());
    let inputs = [of([0.0, 2.0]), of([5.0, 7.0])];
    for side in [1.0, -1.0] {
        let slopes = [Some(of([side, side])), Some(of([3.0, 4.0]))];
        let program = program(source, &none).unwrap();
        let result = program.derivative(&inputs, &slopes, &|_, _| None).unwrap().remove(0);
        assert_eq!(result, Differentiated { value: of([0.0, 7.0]), slope: of([0.0, 4.0]) });
    }
}

#[test]
fn equal_logits_move_the_weights_of_an_attention_as_unequal_ones() {
    for (kind, result) in [("t", "t1x3"), ("g", "g1x3")] {
        for mean in [[0.5, 0.5, 0.5], [0.5, 0.5, -1.0], [0.5, -1.0, -1.0]] {
            let operand = if kind == "g" { "g1x3" } else { "t1x3" };
            let operands: &'static [&'static str] = if kind == "g" { &["g1x3"] } else { &["t1x3"] };
            let program = program_of(("attention_weights", "", operands, result));
            let mut rng = ChaCha8Rng::seed_from_u64(9);
            let input = Tensor { mean: mean.to_vec(), ..Operand::of(operand).random(&mut rng) };
            let slopes = Operand::of(operand).direction(&mut rng);
            let actual = program.derivative(
                std::slice::from_ref(&input),
                std::slice::from_ref(&slopes),
                &|_, _| None,
            );
            let outputs_at = |t| program.run(&[moved(&input, slopes.as_ref(), t)]).unwrap();
            assert_slopes("attention_weights", &actual.unwrap(), &outputs_at, slope);
        }
    }
}

/// Half of all variances are 0, and leave it along the direction.
#[test]
fn derivatives_of_layers_at_variances_of_zero_are_the_limits_from_above() {
    for &case in LAYERS {
        let program = program_of(case);
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let operands: Vec<_> = case.2.iter().map(|text| Operand::of(text)).collect();
        let mut inputs: Vec<_> = operands.iter().map(|operand| operand.random(&mut rng)).collect();
        let mut slopes: Vec<_> =
            operands.iter().map(|operand| operand.direction(&mut rng)).collect();
        for (input, slopes) in inputs.iter_mut().zip(&mut slopes) {
            let slopes = slopes.as_mut().and_then(|slopes| slopes.variance.as_mut());
            let (Some(variances), Some(slopes)) = (input.variance.as_mut(), slopes) else {
                continue;
            };
            for (variance, slope) in variances.iter_mut().zip(slopes).step_by(2) {
                (*variance, *slope) = (0.0, slope.abs());
            }
        }
        let along =
            |slopes: &[Option<Tensor>]| program.derivative(&inputs, slopes, &|_, _| None).unwrap();
        let outputs_at = |t: f64| {
            let pairs = inputs.iter().zip(&slopes);
            let inputs: Vec<_> =
                pairs.map(|(input, s)| moved(input, s.as_ref(), t.max(0.0))).collect();
            program.run(&inputs).unwrap()
        };
        let actual = along(&slopes);
        // Maxima of numbers one of which has no variance hardly bend, and are flat to all orders.
        let is_bent = case.0.contains("max_pool") || case.0 == "prelu";
        match is_bent {
            true => assert!(actual.iter().flat_map(|x| numbers(&x.slope)).all(f64::is_finite)),
            false => assert_slopes(case.0, &actual, &outputs_at, slope_from_above),
        }
    }
}

/// At any proportion of means and variances, and where all are equal.
#[test]
fn no_derivative_of_a_layer_is_undefined() {
    for &case in LAYERS {
        let program = program_of(case);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let operands: Vec<_> = case.2.iter().map(|text| Operand::of(text)).collect();
        for of_means in [0.0, 1e-6, 1.0, 1e4] {
            for of_variances in [0.0, 1e-12, 1.0, 1e6] {
                let scaled = |operand: &Operand, rng: &mut ChaCha8Rng| {
                    let mut input = operand.random(rng);
                    if matches!(operand.kind, 'g' | 't') {
                        input.mean.iter_mut().for_each(|mean| *mean *= of_means);
                    }
                    input.variance.iter_mut().flatten().for_each(|v| *v *= of_variances);
                    input
                };
                let inputs: Vec<_> = operands.iter().map(|x| scaled(x, &mut rng)).collect();
                let slopes: Vec<_> = operands.iter().map(|x| x.direction(&mut rng)).collect();
                let results = program.derivative(&inputs, &slopes, &|_, _| None).unwrap();
                for result in results {
                    assert!(
                        numbers(&result.value).iter().all(|value| !value.is_finite())
                            || numbers(&result.slope).iter().all(|slope| slope.is_finite()),
                        "{} {}, {of_means}, {of_variances}: {result:?}",
                        case.0,
                        case.1
                    );
                }
            }
        }
    }
}

/// A variance of 0 that would fall has the slope of one that grows, times −1.
#[test]
fn a_variance_of_zero_has_one_slope() {
    let case: Case = ("mul", "", &["g3", "g3"], "g3");
    let inputs = [
        Tensor::gaussian(&[3], vec![2.0, -1.0, 0.5], vec![0.0, 0.5, 0.0]),
        Tensor::gaussian(&[3], vec![3.0, 1.0, -2.0], vec![0.5, 0.0, 0.0]),
    ];
    for sign in [1.0, -1.0] {
        let slopes = |of_variance: [f64; 3]| {
            let of_variance = of_variance.map(|slope| slope * sign).to_vec();
            Some(Tensor::gaussian(&[3], vec![0.0; 3], of_variance))
        };
        let slopes = [slopes([1.0, 0.0, 1.0]), slopes([0.0, 1.0, 1.0])];
        let result = differentiated(case, &inputs, &slopes);
        assert_eq!(result.slope.mean, [0.0; 3]);
        // v(s + μ²) + m²s.
        let expected = [9.5, 1.5, 4.25].map(|slope| slope * sign);
        for (actual, expected) in result.slope.variance.unwrap().iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-14, "{actual}, {expected}");
        }
    }
}

/// Ops on outputs of networks.
const HEADS: &[Case] = &[
    ("softmax", "method \"mean-field\"", &["g2x3"], "t2x3"),
    ("softmax", "method \"laplace\"", &["g2x3"], "t2x3"),
    ("softmax", "method \"sample\" draws 16 seed 3", &["g2x3"], "t2x3"),
    ("uncertainty", "method \"mean-field\"", &["g2x3"], "t2x3"),
    ("uncertainty", "method \"laplace\"", &["g2x3"], "t2x3"),
    ("uncertainty", "method \"sample\" draws 16 seed 3", &["g2x3"], "t2x3"),
    ("binary_probability", "", &["g2x3"], "t2x3"),
    ("binary_uncertainty", "", &["g2x3"], "t2x3x3"),
    ("interval", "coverage 0.9 noise 0.5", &["g2x3"], "t2x3x2"),
];

#[test]
fn derivatives_of_heads_are_the_limits_of_differences() {
    for &case in HEADS {
        assert_differentiated(case, 11);
    }
}

const NETWORK: &str = "
    func.func @main(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x2xf32> {
      %w = gauss.parameter \"fc1.weight\" : !gauss.tensor<4x3xf32>
      %b = gauss.parameter \"fc1.bias\" : !gauss.tensor<4xf32>
      %y = gauss.dense %x, %w, %b
        : (!gauss.tensor<2x3xf32>, !gauss.tensor<4x3xf32>, !gauss.tensor<4xf32>)
        -> !gauss.tensor<2x4xf32>
      %z = gauss.relu %y : (!gauss.tensor<2x4xf32>) -> !gauss.tensor<2x4xf32>
      %v = gauss.parameter \"fc2.weight\" : !gauss.tensor<2x4xf32>
      %r = gauss.dense %z, %v
        : (!gauss.tensor<2x4xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<2x2xf32>
      return %r : !gauss.tensor<2x2xf32>
    }";

/// Numbers that depend on the name, Gaussian.
fn parameter(name: &str, ty: &TensorType, direction: bool) -> Tensor {
    let shape: Vec<_> = ty.shape.iter().map(|&size| usize::try_from(size).unwrap()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(name.bytes().map(u64::from).sum());
    let operand = Operand { kind: 'g', shape };
    match direction {
        true => operand.direction(&mut rng).unwrap(),
        false => operand.random(&mut rng),
    }
}

#[test]
fn parameters_have_slopes_by_their_names() {
    let input = Operand::of("g2x3").random(&mut ChaCha8Rng::seed_from_u64(1));
    let of_input = Operand::of("g2x3").direction(&mut ChaCha8Rng::seed_from_u64(2));
    let program_at = |t: f64, only: &str| {
        let value = |name: &str, ty: &TensorType| {
            let slopes = parameter(name, ty, true);
            Ok(moved(&parameter(name, ty, false), name.starts_with(only).then_some(&slopes), t))
        };
        program(NETWORK, &value).unwrap()
    };
    for only in ["fc1.weight", "fc1.bias", "fc2.weight", "fc"] {
        let slopes =
            |name: &str, ty: &TensorType| name.starts_with(only).then(|| parameter(name, ty, true));
        let actual = program_at(0.0, only).derivative(
            std::slice::from_ref(&input),
            std::slice::from_ref(&of_input),
            &slopes,
        );
        let outputs_at =
            |t: f64| program_at(t, only).run(&[moved(&input, of_input.as_ref(), t)]).unwrap();
        assert_slopes(only, &actual.unwrap(), &outputs_at, slope);
    }
    let program = program_at(0.0, "");
    let names: Vec<_> = program.parameters().map(|(name, _)| name).collect();
    assert_eq!(names, ["fc1.weight", "fc1.bias", "fc2.weight"]);
    assert_eq!(program.parameters().next().unwrap().1.shape, [4, 3]);
}

#[test]
fn without_slopes_of_variances_only_means_change() {
    let case: Case = ("add", "", &["g2", "t2"], "g2");
    let inputs = [
        Tensor::gaussian(&[2], vec![1.0, 2.0], vec![0.5, 0.0]),
        Tensor::deterministic(&[2], vec![3.0, 4.0]),
    ];
    let slopes = [Some(Tensor::deterministic(&[2], vec![1.0, -1.0])), None];
    let result = differentiated(case, &inputs, &slopes);
    assert_eq!(result.slope, Tensor::gaussian(&[2], vec![1.0, -1.0], vec![0.0; 2]));
    assert_eq!(result.value, Tensor::gaussian(&[2], vec![4.0, 6.0], vec![0.5, 0.0]));
}

#[test]
fn slopes_that_do_not_fit_are_errors_that_tell_of_what() {
    let program = program_of(("add", "", &["g2", "t2"], "g2"));
    let inputs = [
        Tensor::gaussian(&[2], vec![1.0, 2.0], vec![0.5, 0.0]),
        Tensor::deterministic(&[2], vec![3.0, 4.0]),
    ];
    let refused = |slopes: &[Option<Tensor>]| -> String {
        let result: Result<_, Error> = program.derivative(&inputs, slopes, &|_, _| None);
        result.expect_err("an error").to_string()
    };
    assert_eq!(
        refused(&[None]),
        "the slopes of the inputs of 'main' are 1 tensors for 2 inputs; give a `None` for each that does not \
         change"
    );
    let wide = Some(Tensor::deterministic(&[3], vec![0.0; 3]));
    assert_eq!(
        refused(&[wide, None]),
        "the slopes of input 0 of 'main' have the shape [3], not [2]"
    );
    let short = Some(Tensor::deterministic(&[2], vec![0.0]));
    assert_eq!(
        refused(&[short, None]),
        "the slopes of input 0 of 'main' are a tensor that has shape [2] but 1 means"
    );
    let gaussian = Some(Tensor::gaussian(&[2], vec![0.0; 2], vec![0.0; 2]));
    assert_eq!(
        refused(&[None, gaussian]),
        "the slopes of input 1 of 'main' change variances, of which it has none"
    );
    let input = Operand::of("g2x3").random(&mut ChaCha8Rng::seed_from_u64(1));
    let value = |name: &str, ty: &TensorType| Ok(parameter(name, ty, false));
    let network = common::program(NETWORK, &value).unwrap();
    let slopes = |name: &str, _: &TensorType| {
        (name == "fc1.bias").then(|| Tensor::deterministic(&[1], vec![0.0]))
    };
    let error = network.derivative(&[input], &[None], &slopes).expect_err("an error");
    assert_eq!(error.to_string(), "the slopes of parameter 'fc1.bias' have the shape [1], not [4]");
}
