//! The special functions over the range of float32.

use gauss_dialect::{interpreter::Tensor, ops::activation::Activation};
use gauss_lowering::target::Target;
use pfp_compiler::jit::CompiledModel;

use crate::{
    case::{self, Case, Operand, Posterior, compile},
    common, linked,
};

const COUNT: usize = 4096;

/// A function of the name `f` that computes `%value` of each of `count` numbers `%in`.
fn elementwise(name: &str, count: usize, body: &str) -> String {
    format!(
        "#map = affine_map<(d0) -> (d0)>
func.func @{name}(%x: tensor<{count}xf32>) -> tensor<{count}xf32> {{
  %empty = tensor.empty() : tensor<{count}xf32>
  %y = linalg.generic {{indexing_maps = [#map, #map], iterator_types = [\"parallel\"]}}
      ins(%x : tensor<{count}xf32>) outs(%empty : tensor<{count}xf32>) {{
  ^bb0(%in: f32, %out: f32):
    {body}
    linalg.yield %value : f32
  }} -> tensor<{count}xf32>
  return %y : tensor<{count}xf32>
}}"
    )
}

/// `op` on a vector of `COUNT` numbers, compiled.
fn function(op: &str, target: &Target) -> CompiledModel {
    let module = elementwise("f", COUNT, &format!("%value = math.{op} %in : f32"));
    CompiledModel::new(&compile(&module, None, None, target)).unwrap()
}

/// The error of a computed number in units in the last place of the exact one, a normal number.
fn units(computed: f32, exact: f64) -> f64 {
    let rounded = exact.abs() as f32;
    let unit = f32::from_bits(rounded.to_bits() + 1) - rounded;
    (f64::from(computed) - exact).abs() / f64::from(unit)
}

/// The largest error in units in the last place over every `STEP`-th float,
/// where `reference` gives a normal number.
fn worst(model: &CompiledModel, reference: fn(f64) -> f64) -> f64 {
    // A prime step meets every exponent and spreads over all fractions.
    const STEP: u32 = 251;
    let mut worst = 0.0f64;
    let mut arena = model.arena();
    let mut output = vec![0.0f32; COUNT];
    let bits: Vec<u32> = (0..=u32::MAX / STEP).map(|i| i * STEP).collect();
    for block in bits.chunks_exact(COUNT) {
        let input: Vec<f32> = block.iter().map(|&bits| f32::from_bits(bits)).collect();
        model.run_into(&[&input], &mut [&mut output], &mut arena).unwrap();
        for (&x, &y) in input.iter().zip(&output) {
            let exact = reference(f64::from(x));
            let rounded = exact as f32;
            if x.is_subnormal() {
                // Taken as it is, or as zero.
                let zero = reference(f64::from(0.0f32.copysign(x)));
                let near = |exact: f64| {
                    let error = (f64::from(y) - exact).abs();
                    f64::from(y) == exact
                        || (y.is_nan() && exact.is_nan())
                        || error <= exact.abs() * f64::from(f32::EPSILON)
                        || error <= f64::from(f32::MIN_POSITIVE)
                };
                assert!(near(exact) || near(zero), "f({x}) = {y}");
            } else if rounded.is_nan() {
                assert!(y.is_nan(), "f({x}) = {y}, not a NaN");
            } else if !rounded.is_finite() {
                // The last float before overflow may round either way.
                assert!(y == rounded || y >= f32::MAX * 0.999_999, "f({x}) = {y}, not {rounded}");
            } else if rounded.abs() < f32::MIN_POSITIVE {
                assert!(
                    (f64::from(y) - exact).abs() <= f64::from(f32::MIN_POSITIVE),
                    "f({x}) = {y}"
                );
            } else {
                worst = worst.max(units(y, exact));
            }
        }
    }
    worst
}

#[test]
fn exp_log_and_erf_are_within_their_stated_errors() {
    for cpu in ["native", "x86-64"] {
        let target = Target::find("host", cpu).unwrap();
        let exp = worst(&function("exp", &target), f64::exp);
        let log = worst(&function("log", &target), f64::ln);
        let erf = worst(&function("erf", &target), libm::erf);
        println!("{cpu}: exp {exp:.2} ulp, log {log:.2} ulp, erf {erf:.2} ulp");
        assert!(exp <= 1.0 && log <= 1.0 && erf <= 3.0, "{cpu}: {exp:.2} {log:.2} {erf:.2} ulp");
    }
}

#[test]
fn sin_and_cos_lose_digits_only_where_their_page_says() {
    // How far, and how exact: the parts of π/2 are, up to there, without fused multiply-add and with it.
    let limits: [(&str, &[(f64, f64)]); 2] =
        [("native", &[(1e6, 1.2e-7), (6_588_396.0, 2e-6)]), ("x86-64", &[(12_867.0, 1.2e-7)])];
    for (cpu, limits) in limits {
        let target = Target::find("host", cpu).unwrap();
        for (name, reference) in [("sin", f64::sin as fn(f64) -> f64), ("cos", f64::cos)] {
            let model = function(name, &target);
            let run = |inputs: &[f32]| -> Vec<f32> {
                let (mut arena, mut output) = (model.arena(), vec![0.0f32; COUNT]);
                model.run_into(&[inputs], &mut [&mut output], &mut arena).unwrap();
                output
            };
            for &(end, limit) in limits {
                let mut worst = 0.0f64;
                for block in 0..64 {
                    // Evenly, evenly in the logarithm, and small negative ones.
                    let input: Vec<f32> = (0..COUNT)
                        .map(|i| {
                            let share = (block * COUNT + i) as f64 / (64 * COUNT) as f64;
                            let x = match i % 3 {
                                0 => end * share,
                                1 => 1e-6 * (end * 1e6).powf(share),
                                _ => -20.0 * share,
                            };
                            x as f32
                        })
                        .collect();
                    for (&x, y) in input.iter().zip(run(&input)) {
                        worst = worst.max((f64::from(y) - reference(f64::from(x))).abs());
                    }
                }
                println!("{cpu}: {name} {worst:e} up to {end}");
                assert!(worst < limit, "{cpu}: {name} {worst:e} up to {end}");
            }
            let beyond: Vec<f32> =
                (0..COUNT).map(|i| 6.6e6 * 1e31f32.powf(i as f32 / COUNT as f32)).collect();
            assert!(run(&beyond).iter().all(|&y| y == 0.0), "{cpu}: {name}");
            for none in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert!(run(&[none; COUNT]).iter().all(|y| y.is_nan()), "{cpu}: {name}({none})");
            }
        }
    }
}

#[test]
fn estimated_roots_and_reciprocals_are_within_their_stated_errors() {
    // Every 509th float whose result, and what is found on the way, is a normal number.
    let floats = || (f32::MIN_POSITIVE.to_bits()..1f32.to_bits() + (126 << 23)).step_by(509);
    let inputs: Vec<_> = floats().map(|bits| f64::from(f32::from_bits(bits))).collect();
    let function = |(name, body, exact): (&str, &str, fn(f64) -> f64)| Case {
        name: name.to_owned(),
        module: elementwise(name, inputs.len(), body),
        posterior: Posterior::default(),
        inputs: vec![Tensor::deterministic(&[inputs.len()], inputs.clone())],
        expected: Tensor::deterministic(
            &[inputs.len()],
            inputs.iter().copied().map(exact).collect(),
        ),
    };
    let cases = [
        ("root", "%value = math.sqrt %in {pfp.estimate} : f32", f64::sqrt as fn(f64) -> f64),
        (
            "quotient",
            "%root = math.sqrt %in {pfp.estimate} : f32
    %value = arith.divf %in, %root : f32",
            f64::sqrt,
        ),
        (
            "reciprocal",
            "%one = arith.constant 1.0 : f32
    %value = arith.divf %one, %in {pfp.estimate} : f32",
            f64::recip,
        ),
    ]
    .map(function);
    let target = Target::find("aarch64-linux-gnu", "cortex-a72").unwrap();
    let Some(results) = linked::run(&cases, &target) else { return };
    for ((case, result), limit) in cases.iter().zip(results).zip([2.0, 3.0, 2.0]) {
        let errors = result.mean.iter().zip(&case.expected.mean);
        let worst = errors.map(|(&y, &exact)| units(y as f32, exact)).fold(0.0, f64::max);
        println!("{}: {worst:.2} ulp", case.name);
        assert!(worst <= limit, "{}: {worst:.2} ulp", case.name);
    }
}

/// The largest relative errors.
#[derive(Debug, Default, Clone, Copy)]
struct Worst {
    mean: f64,
    variance: f64,
}

impl Worst {
    /// Adds element `i`, a maximum of numbers with a deviation. What is below 1e-30, or below
    /// 1e-37 of the deviation or the variance, counts as zero.
    fn add(&mut self, actual: &Tensor, exact: &Tensor, i: usize, deviation: f64) {
        let error = |actual: f64, exact: f64, unit: f64| {
            let least = 1e-30 + 1e-37 * unit;
            let error = ((actual - exact).abs() - least).max(0.0) / exact.abs().max(least);
            assert!(actual.is_finite(), "{actual} for {exact} at {i}");
            error
        };
        let variance = |tensor: &Tensor| tensor.variance.as_ref().unwrap()[i];
        self.mean = self.mean.max(error(actual.mean[i], exact.mean[i], deviation));
        let of_variance = error(variance(actual), variance(exact), deviation * deviation);
        self.variance = self.variance.max(of_variance);
    }

    /// Prints the errors, which are within [`tail_limit`] at `a`.
    fn check(self, what: &str, a: f64) {
        let Self { mean, variance } = self;
        let text = format!("{what}: mean {mean:.1e}, variance {variance:.1e}");
        println!("{text}");
        assert!(mean.max(variance) <= tail_limit(a), "{text}");
    }
}

/// An op on Gaussian numbers, and what the interpreter gives.
fn of_op(name: &str, op: &str, attributes: &str, input: Tensor, result: &[usize]) -> Case {
    let ty = |shape: &[usize]| common::random(shape, true, 0).ty();
    let (x, y) = (ty(&input.shape), ty(result));
    let module = format!(
        "func.func @main(%x: {x}) -> {y} {{\n  %y = gauss.{op} %x {attributes} : ({x}) -> {y}\n  \
         return %y : {y}\n}}\n"
    );
    let program = common::program(&module, &common::none).unwrap();
    let expected = program.run(std::slice::from_ref(&input)).unwrap().remove(0);
    let operand = Operand { tensor: input, parameter: false };
    Case::of_op(name, op, attributes, &[operand], expected)
}

/// Float32 numbers of these means and variances.
fn gaussian(shape: &[usize], mean: Vec<f64>, variance: Vec<f64>) -> Tensor {
    let rounded = |values: Vec<f64>| values.into_iter().map(|x| f64::from(x as f32)).collect();
    Tensor::gaussian(shape, rounded(mean), rounded(variance))
}

/// The name of a target and what cases give there: the machine's own lanes, 16, an AArch64
/// core that divides and takes roots, and one that estimates.
fn everywhere(cases: &[Case]) -> Vec<(String, Vec<Tensor>)> {
    let mut results = vec![];
    for target in here() {
        let here = cases.iter().map(|case| case.run_on(&target)).collect();
        results.push((target.name, here));
    }
    for cpu in ["cortex-a53", "cortex-a72"] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let linked = linked::run(cases, &target);
        results.extend(linked.map(|there| (cpu.to_owned(), there)));
    }
    results
}

/// Distances of a mean, or of two, in deviations: from -14 to 40.
fn ratios() -> impl Iterator<Item = f64> + Clone {
    const RATIOS: usize = 1 << 16;
    (0..RATIOS).map(|i| -14.0 + 54.0 * i as f64 / RATIOS as f64)
}

const SCALES: [f64; 5] = [1e-9, 1e-3, 1.0, 1e3, 1e9];

/// Every ratio on every scale.
fn scaled_ratios() -> Vec<(f64, f64)> {
    SCALES.iter().flat_map(|&scale| ratios().map(move |ratio| (scale, ratio))).collect()
}

/// The relative error of what contains e^(−a²/2): that of a, which is rounded, becomes a²
/// times as large. The limit of `dialect/tests/moments.rs`.
fn tail_limit(a: f64) -> f64 {
    1.5e-6 + 1.2e-7 * a * a
}

/// The machine's own lanes, and 16.
fn here() -> impl Iterator<Item = Target> {
    [Target::host()].into_iter().chain(case::has_fma().then(case::sixteen_lanes))
}

#[test]
fn relu_is_exact_from_the_far_tail_to_the_identity() {
    // [`tail_limit`] where a band ends; beyond 13.24 the tail is zero.
    let allowed = [("m < -4σ", 13.24), ("-4σ < m < 0", 4.0), ("m > 0", 0.0)];
    let ratios = scaled_ratios();
    let means = ratios.iter().map(|(scale, ratio)| ratio * scale).collect();
    let variances = ratios.iter().map(|(scale, _)| scale * scale).collect();
    let relu =
        of_op("relu", "relu", "", gaussian(&[ratios.len()], means, variances), &[ratios.len()]);
    for (name, results) in everywhere(std::slice::from_ref(&relu)) {
        let mut worst = [Worst::default(); 3];
        for (i, &(scale, ratio)) in ratios.iter().enumerate() {
            let band = if ratio < -4.0 { 0 } else { 1 + usize::from(ratio >= 0.0) };
            worst[band].add(&results[0], &relu.expected, i, scale);
        }
        for ((band, a), worst) in allowed.iter().zip(worst) {
            worst.check(&format!("{name}: relu, {band}"), *a);
        }
    }
}

#[test]
fn max_is_exact_at_any_distance_of_the_means() {
    const DEVIATIONS: [[f64; 2]; 4] = [[1.0, 1.0], [1.0, 0.01], [0.01, 1.0], [1.0, 0.0]];
    let ratios = scaled_ratios();
    let max = |(number, [a, b]): (usize, [f64; 2])| {
        let theta = a.hypot(b);
        let means = ratios.iter().flat_map(|(scale, ratio)| [0.0, ratio * theta * scale]);
        let variances = ratios.iter().flat_map(|(scale, _)| [a, b].map(|d| (d * scale).powi(2)));
        let input = gaussian(&[1, 1, ratios.len(), 2], means.collect(), variances.collect());
        let name = format!("max{number}");
        of_op(&name, "max_pool2d", "kernel [1, 2]", input, &[1, 1, ratios.len(), 1])
    };
    let cases: Vec<_> = DEVIATIONS.into_iter().enumerate().map(max).collect();
    for (name, results) in everywhere(&cases) {
        let mut worst = Worst::default();
        for ((case, result), [a, b]) in cases.iter().zip(&results).zip(DEVIATIONS) {
            for (i, (scale, _)) in ratios.iter().enumerate() {
                worst.add(result, &case.expected, i, a.hypot(b) * scale);
            }
        }
        worst.check(&format!("{name}: max"), 13.24);
    }
}

/// No variance, the least and the largest ones, with means from 0 to the largest.
#[test]
fn relu_is_exact_at_the_ends_of_the_range() {
    const LEAST: f32 = f32::from_bits(1);
    const SIZES: [f32; 9] =
        [0.0, LEAST, 1e-40, f32::MIN_POSITIVE, 1e-20, 1.0, 1e19, 1e38, f32::MAX];
    let means = SIZES.iter().flat_map(|&size| [-size, size]).map(f64::from);
    let variances = SIZES.iter().copied().chain([-0.0]).map(f64::from);
    let pairs: Vec<_> = variances.flat_map(|v| means.clone().map(move |m| (m, v))).collect();
    let (means, variances) = pairs.iter().copied().unzip();
    let relu =
        of_op("relu", "relu", "", gaussian(&[pairs.len()], means, variances), &[pairs.len()]);
    for (name, results) in everywhere(std::slice::from_ref(&relu)) {
        let flushes = !name.starts_with("cortex");
        let mut worst = Worst::default();
        for (i, &(_, variance)) in pairs.iter().enumerate() {
            // Zero is what x86-64 takes a denormal number for.
            if !(flushes && variance > 0.0 && variance < f64::from(f32::MIN_POSITIVE)) {
                worst.add(&results[0], &relu.expected, i, variance.sqrt());
            }
        }
        worst.check(&format!("{name}: relu at the ends"), 13.24);
    }
}

/// Where there is no variance, an activation is its plain function, and has none: also where a core estimates
/// reciprocals and takes the quotient by a deviation of 0 for 0.
#[test]
fn an_activation_of_a_known_number_is_the_plain_function() {
    let means = [0.0, 1e-30, 1e-6, 0.25, 1.0, 2.999, 3.0, 6.0, 100.0];
    let means: Vec<_> = means.iter().flat_map(|&mean: &f64| [-mean, mean]).collect();
    let count = means.len();
    let cases: Vec<_> = Activation::samples()
        .into_iter()
        .enumerate()
        .map(|(number, activation)| {
            let name = format!("{}{number}", activation.name());
            let attributes = activation.write().to_string();
            let input = gaussian(&[count], means.clone(), vec![0.0; count]);
            of_op(&name, activation.name(), &attributes, input, &[count])
        })
        .collect();
    for (target, results) in everywhere(&cases) {
        for (case, result) in cases.iter().zip(&results) {
            for (place, (&got, &wanted)) in result.mean.iter().zip(&case.expected.mean).enumerate()
            {
                let (name, mean) = (&case.name, means[place]);
                // What is beyond float32 is infinite on both sides.
                let wanted = f64::from(wanted as f32);
                let error = if got == wanted { 0.0 } else { (got - wanted).abs() };
                assert!(
                    error <= 3e-6 * wanted.abs().max(1e-6),
                    "{target}: {name}({mean}): {got}, not {wanted}"
                );
                let variance = result.variance.as_ref().map_or(0.0, |variance| variance[place]);
                assert!(variance == 0.0, "{target}: {name}({mean}) varies by {variance}");
            }
        }
    }
}

#[test]
fn relu_keeps_what_is_not_a_number() {
    let mut relu =
        of_op("relu", "relu", "", gaussian(&[COUNT], vec![1.0; COUNT], vec![1.0; COUNT]), &[COUNT]);
    relu.inputs[0].mean.fill(f64::NAN);
    for (name, results) in everywhere(std::slice::from_ref(&relu)) {
        assert!(results[0].mean.iter().all(|mean| mean.is_nan()), "{name}");
    }
}
