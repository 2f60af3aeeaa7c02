//! Modes: the network of the means, and samples with drawn weights.

use gauss_dialect::{
    interpreter::{Program, Tensor},
    ops::noise::Noise,
};
use gauss_lowering::{
    mode::{Mode, Sampling},
    target::Target,
};
use pfp_compiler::{
    compile::{Compiled, Options},
    diagnostics::Source,
    jit::CompiledModel,
    module::Session,
};
use pfp_runtime::{Executor, Threads, random::standard_normals};

use crate::{
    case::{self, Case, Operand, Posterior, Tolerance, check, components},
    linked, random,
};

fn options(mode: Mode) -> Options {
    Options { mode, ..Options::default() }
}

fn sampling(samples: u32, seed: u64) -> Sampling {
    Sampling { seed, ..Sampling::new(samples) }
}

/// What a compiled function gives on this machine, buffer by buffer.
fn run(compiled: &Compiled, inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
    CompiledModel::new(compiled).unwrap().run(&inputs).unwrap()
}

/// The case with every variance 0, and the outputs of that: those of the mean network.
fn without_variance(case: &Case) -> Case {
    let mut case = case.clone();
    for input in &mut case.inputs {
        input.variance.iter_mut().flatten().for_each(|variance| *variance = 0.0);
    }
    for (name, tensor) in &mut case.posterior.0 {
        if name.ends_with(".var") {
            tensor.values.fill(0.0);
        }
    }
    case.expected = random::reference(&case);
    case
}

const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 0.0,
    mean: 2e-5,
    mean_absolute: 2e-5,
    variance: 0.0,
    variance_absolute: 1e-8,
};

fn networks(seed: u64) -> Vec<Case> {
    [random::cases(seed, 60), random::chains(seed, 4)].concat()
}

/// Networks that are their means where no input and weight has a variance.
fn without_noise(seed: u64) -> impl Iterator<Item = Case> {
    let is_noisy = |case: &Case| Noise::NAMES.iter().any(|op| case.name.starts_with(op));
    networks(seed).into_iter().filter(move |case| !is_noisy(case))
}

#[test]
fn the_mean_network_has_every_gaussian_at_its_mean() {
    for case in networks(21) {
        let exact = without_variance(&case);
        let expected = Tensor { variance: None, ..exact.expected };
        let means: Vec<_> =
            case.inputs.iter().map(|input| components(input).swap_remove(0)).collect();
        let compiled = case.compile_with(&Target::host(), &options(Mode::Mean));
        let outputs = run(&compiled, &means);
        assert_eq!(outputs.len(), 1, "one plain output");
        check(&case.module, &case.result(outputs), &expected, TOLERANCE);
    }
}

/// Without variances each pass gives the mean: so every op, shape and kind of operand
/// is right within the loop.
#[test]
fn samples_without_variance_are_the_mean_network() {
    for presampled in [false, true] {
        let mode = Mode::Sample(Sampling { presampled, ..sampling(2, 5) });
        for case in without_noise(22) {
            let case = without_variance(&case);
            let outputs = run(&case.compile_with(&Target::host(), &options(mode)), &case.buffers());
            check(&case.module, &case.result(outputs), &case.expected, TOLERANCE);
        }
    }
}

#[test]
fn samples_on_aarch64() {
    let target = Target::find("aarch64-linux-gnu", "cortex-a53").unwrap();
    let cases: Vec<_> = without_noise(23).map(|case| without_variance(&case)).collect();
    let options = options(Mode::Sample(sampling(2, 5)));
    let Some(results) = linked::run_with(&cases, &target, &options) else { return };
    for (case, result) in cases.iter().zip(results) {
        check(&case.module, &result, &case.expected, TOLERANCE);
    }
}

//===----------------------------------------------------------------------===//
// The generator
//===----------------------------------------------------------------------===//

/// The standard normal variates of one pass: mean 0, variance 1, no layer.
fn normals(elements: usize) -> Case {
    let unit = Tensor::gaussian(&[elements], vec![0.0; elements], vec![1.0; elements]);
    let mut posterior = Posterior::default();
    posterior.insert("z", &unit);
    let module = format!(
        "func.func @normals_{elements}() -> !gauss.tensor<{elements}xf32> {{\n  \
         %z = gauss.parameter \"z\" : !gauss.tensor<{elements}xf32>\n  \
         return %z : !gauss.tensor<{elements}xf32>\n}}\n"
    );
    let name = format!("normals_{elements}");
    Case { name, module, posterior, inputs: vec![], expected: unit }
}

/// Element e is word e div q of block e mod q, with q blocks.
fn formula(elements: usize, seed: u64) -> Vec<f32> {
    let blocks = elements.div_ceil(4);
    let key = [seed as u32, (seed >> 32) as u32];
    let word = |e: usize| standard_normals([(e % blocks) as u32, 0, 0, 0], key)[e / blocks];
    (0..elements).map(word).collect()
}

const LENGTHS: [usize; 6] = [1, 3, 4, 37, 1000, 4003];
const SEED: u64 = 0xfedc_ba98_7654_3210;

#[test]
fn compiled_draws_have_the_bits_of_the_formula() {
    let cases = LENGTHS.map(normals);
    let options = options(Mode::Sample(sampling(1, SEED)));
    let bits = |values: &[f32]| values.iter().map(|z| z.to_bits()).collect::<Vec<_>>();
    for (triple, cpu) in [
        ("host", "x86-64"),
        ("host", "x86-64-v3"),
        ("aarch64-linux-gnu", "cortex-a53"),
        ("aarch64-linux-gnu", "neoverse-n1"),
    ] {
        if cpu == "x86-64-v3" && !std::arch::is_x86_feature_detected!("avx2") {
            crate::common::absent::skipped("this machine has no AVX2");
            continue;
        }
        let target = Target::find(triple, cpu).unwrap();
        let Some(results) = linked::run_with(&cases, &target, &options) else { continue };
        for (elements, result) in LENGTHS.into_iter().zip(results) {
            let drawn: Vec<_> = result.mean.iter().map(|&z| z as f32).collect();
            assert_eq!(bits(&drawn), bits(&formula(elements, SEED)), "{elements} on {cpu}");
        }
    }
    for (case, elements) in cases.iter().zip(LENGTHS) {
        let drawn = run(&case.compile_with(&Target::host(), &options), &[]);
        assert_eq!(bits(&drawn[0]), bits(&formula(elements, SEED)), "{elements} on the host");
        assert_eq!(drawn[1], vec![0.0; elements], "one pass has no variance");
    }
}

//===----------------------------------------------------------------------===//
// Against Monte Carlo
//===----------------------------------------------------------------------===//

/// Every op of the dialect, Gaussian inputs, and results of each kind.
const IMAGES: &str = "
func.func @images(%x: !gauss.tensor<2x2x6x6xf32>) -> (!gauss.tensor<2x3xf32>, tensor<2x3xf32>) {
  %w1 = gauss.parameter \"w1\" : !gauss.tensor<4x1x3x3xf32>
  %b1 = gauss.parameter \"b1\" : !gauss.tensor<4xf32>
  %gamma = gauss.parameter \"gamma\" : !gauss.tensor<4xf32>
  %beta = gauss.parameter \"beta\" : tensor<4xf32>
  %m = gauss.parameter \"m\" : tensor<4xf32>
  %v = gauss.parameter \"v\" : tensor<4xf32>
  %w2 = gauss.parameter \"w2\" : !gauss.tensor<5x4x2x2xf32>
  %w3 = gauss.parameter \"w3\" : !gauss.tensor<3x5xf32>
  %b3 = gauss.parameter \"b3\" : !gauss.tensor<3xf32>
  %one = arith.constant dense<1.0> : tensor<2x3xf32>
  %c1 = gauss.conv2d %x, %w1, %b1 padding [1, 1, 1, 1] groups 2 : (!gauss.tensor<2x2x6x6xf32>, !gauss.tensor<4x1x3x3xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<2x4x6x6xf32>
  %n1 = gauss.batch_norm %c1, %gamma, %beta, %m, %v : (!gauss.tensor<2x4x6x6xf32>, !gauss.tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<2x4x6x6xf32>
  %r1 = gauss.relu %n1 : (!gauss.tensor<2x4x6x6xf32>) -> !gauss.tensor<2x4x6x6xf32>
  %p1 = gauss.max_pool2d %r1 kernel [2, 2] strides [2, 2] : (!gauss.tensor<2x4x6x6xf32>) -> !gauss.tensor<2x4x3x3xf32>
  %c2 = gauss.conv2d %p1, %w2 : (!gauss.tensor<2x4x3x3xf32>, !gauss.tensor<5x4x2x2xf32>) -> !gauss.tensor<2x5x2x2xf32>
  %p2 = gauss.avg_pool2d %c2 kernel [2, 2] : (!gauss.tensor<2x5x2x2xf32>) -> !gauss.tensor<2x5x1x1xf32>
  %f = gauss.flatten %p2 : (!gauss.tensor<2x5x1x1xf32>) -> !gauss.tensor<2x5xf32>
  %d = gauss.dense %f, %w3, %b3 : (!gauss.tensor<2x5xf32>, !gauss.tensor<3x5xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<2x3xf32>
  %noise = gauss.make %one, %one : tensor<2x3xf32>
  %s = gauss.add %d, %noise : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %t = gauss.reshape %s : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<6xf32>
  %u = gauss.reshape %t : (!gauss.tensor<6xf32>) -> !gauss.tensor<2x3xf32>
  %e = gauss.mean %d : !gauss.tensor<2x3xf32>
  return %u, %e : !gauss.tensor<2x3xf32>, tensor<2x3xf32>
}
";

/// Random parameters and input of the network.
fn images(seed: u32) -> (Posterior, Tensor) {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let mut tensor = |shape: &[usize], gaussian: bool| {
        let count = shape.iter().product();
        let single = |x: f64| f64::from(x as f32);
        let mean: Vec<_> = (0..count).map(|_| single(next() - 0.4)).collect();
        let variance: Vec<_> = (0..count).map(|_| single(0.05 + 0.2 * next())).collect();
        match gaussian {
            true => Tensor::gaussian(shape, mean, variance),
            false => Tensor::deterministic(shape, variance),
        }
    };
    let mut posterior = Posterior::default();
    for (name, shape, gaussian) in [
        ("w1", &[4, 1, 3, 3][..], true),
        ("b1", &[4], true),
        ("gamma", &[4], true),
        ("beta", &[4], false),
        ("m", &[4], false),
        ("v", &[4], false),
        ("w2", &[5, 4, 2, 2], true),
        ("w3", &[3, 5], true),
        ("b3", &[3], true),
    ] {
        posterior.insert(name, &tensor(shape, gaussian));
    }
    (posterior, tensor(&[2, 2, 6, 6], true))
}

/// Mean and variance of the reference and of compiled samples are two estimates; their
/// difference is at most 4 of its standard errors.
#[test]
fn samples_converge_to_the_monte_carlo_reference() {
    (7..10).for_each(samples_converge);
}

fn samples_converge(seed: u32) {
    const SAMPLES: usize = 10_000;
    let (posterior, x) = images(seed);
    let session = Session::new();
    let module = session.parse(&Source::as_written("images", IMAGES)).unwrap();
    let program = Program::of(module.op(), "images", &random::values(&posterior)).unwrap();
    let reference =
        program.sample(std::slice::from_ref(&x), SAMPLES as u64, 11 + u64::from(seed)).unwrap();

    let mode = Mode::Sample(Sampling { draws: true, ..sampling(SAMPLES as u32, 12) });
    let compiled =
        case::compile_with(IMAGES, Some(&posterior), None, &Target::host(), &options(mode));
    let names: Vec<_> =
        compiled.function.signature.output_buffers().into_iter().map(|b| b.name).collect();
    assert_eq!(names, ["mean0", "variance0", "draws0", "output1"]);
    let outputs = run(&compiled, &components(&x));
    let [mean, variance, draws, average] = &outputs[..] else { panic!("four buffers") };
    let n = SAMPLES as f64;
    for element in 0..6 {
        let drawn = || draws.iter().skip(element).step_by(6).map(|&x| f64::from(x));
        let exact_mean = drawn().sum::<f64>() / n;
        let central = |power| drawn().map(|x| (x - exact_mean).powi(power)).sum::<f64>() / n;
        let exact_variance = central(2) * n / (n - 1.0);
        let (m, v) = (f64::from(mean[element]), f64::from(variance[element]));
        assert!((m - exact_mean).abs() < 1e-5, "mean of the draws: {m} {exact_mean}");
        assert!(
            (v - exact_variance).abs() < 1e-4 * v,
            "variance of the draws: {v} {exact_variance}"
        );

        let reference_variance = reference[0].variance.as_ref().unwrap()[element];
        let of_mean = (2.0 * v / n).sqrt();
        let of_variance = (2.0 * (central(4) - v * v) / n).sqrt();
        let difference = (m - reference[0].mean[element]).abs();
        assert!(difference < 4.0 * of_mean, "mean {m} ± {of_mean}: off by {difference}");
        let difference = (v - reference_variance).abs();
        assert!(
            difference < 4.0 * of_variance,
            "variance {v} ± {of_variance}: off by {difference}"
        );
        let difference = (f64::from(average[element]) - reference[1].mean[element]).abs();
        assert!(difference < 4.0 * of_mean, "plain mean: off by {difference}");
    }
}

/// Draws of each pass, one row of `elements` for each.
fn draws_of(op: &str, elements: usize, mode: Sampling, target: &Target) -> Vec<Vec<f32>> {
    let module = format!(
        "func.func @net(%x: tensor<{elements}xf32>) -> !gauss.tensor<{elements}xf32> {{
  %0 = gauss.{op} : (tensor<{elements}xf32>) -> !gauss.tensor<{elements}xf32>
  return %0 : !gauss.tensor<{elements}xf32>
}}"
    );
    let mode = Mode::Sample(Sampling { draws: true, ..mode });
    let compiled = case::compile_with(&module, None, None, target, &options(mode));
    let draws = run(&compiled, &[vec![2.0; elements]]).swap_remove(2);
    draws.chunks_exact(elements).map(<[f32]>::to_vec).collect()
}

/// Dropout is exact: each number is 0 or its quotient, as often as the rate says, whatever its
/// neighbours and other passes are. Noise has the distribution that it should have.
#[test]
fn noise_is_drawn_for_each_element_and_pass() {
    const SAMPLES: u32 = 3000;
    const ELEMENTS: usize = 37;
    let target = Target::host();
    let n = f64::from(SAMPLES) * ELEMENTS as f64;
    for (op, mean, variance, fourth) in [
        // 2·B/0.8 with p = 0.2, centred: 0.5 and −2.
        ("dropout %x rate 0.2", 2.0, 1.0, 0.8 * 0.0625 + 0.2 * 16.0),
        ("noise %x variance 0.25", 2.0, 0.25, 3.0 * 0.0625),
    ] {
        let rows = draws_of(op, ELEMENTS, sampling(SAMPLES, 9), &target);
        let presampled = Sampling { presampled: true, ..sampling(SAMPLES, 9) };
        assert_eq!(rows, draws_of(op, ELEMENTS, presampled, &target), "{op}: presampled");
        assert_ne!(rows, draws_of(op, ELEMENTS, sampling(SAMPLES, 10), &target), "{op}: the seed");
        let plain = Target::find("host", "x86-64").unwrap();
        assert_eq!(rows, draws_of(op, ELEMENTS, sampling(SAMPLES, 9), &plain), "{op}: x86-64");
        if op.starts_with("dropout") {
            assert!(rows.iter().flatten().all(|y| [0.0, 2.5].contains(y)), "{op}");
        }
        let centred: Vec<Vec<f64>> =
            rows.iter().map(|row| row.iter().map(|&y| f64::from(y) - mean).collect()).collect();
        let average = |terms: &mut dyn Iterator<Item = f64>| terms.sum::<f64>() / n;
        let first = average(&mut centred.iter().flatten().copied());
        let second = average(&mut centred.iter().flatten().map(|y| y * y));
        // Beside each other, and in the next pass.
        let beside = average(
            &mut centred
                .iter()
                .flat_map(|row| row.iter().zip(row.iter().cycle().skip(1)).map(|(x, y)| x * y)),
        );
        let later = average(
            &mut centred
                .iter()
                .zip(centred.iter().cycle().skip(1))
                .flat_map(|(row, next)| row.iter().zip(next).map(|(x, y)| x * y)),
        );
        let error = |power: f64| 4.5 * (power / n).sqrt();
        assert!(first.abs() < error(variance), "{op}: mean {first}");
        assert!((second - variance).abs() < error(fourth - variance * variance), "{op}: {second}");
        assert!(beside.abs() < error(variance * variance), "{op}: neighbours {beside}");
        assert!(later.abs() < error(variance * variance), "{op}: passes {later}");
    }
}

/// Moments, compiled samples and the reference's Monte Carlo of a network with dropout and noise between
/// layers, whose weights are known.
#[test]
fn monte_carlo_dropout_agrees_with_moments_and_reference() {
    const SAMPLES: usize = 20_000;
    const NET: &str = "
func.func @net(%x: tensor<3x6xf32>) -> !gauss.tensor<3x4xf32> {
  %w = gauss.parameter \"w\" : tensor<4x6xf32>
  %a = gauss.dropout %x rate 0.25 : (tensor<3x6xf32>) -> !gauss.tensor<3x6xf32>
  %b = gauss.dense %a, %w : (!gauss.tensor<3x6xf32>, tensor<4x6xf32>) -> !gauss.tensor<3x4xf32>
  %c = gauss.noise %b variance 0.1 : (!gauss.tensor<3x4xf32>) -> !gauss.tensor<3x4xf32>
  %d = gauss.dropout %c rate 0.1 : (!gauss.tensor<3x4xf32>) -> !gauss.tensor<3x4xf32>
  return %d : !gauss.tensor<3x4xf32>
}";
    let mut posterior = Posterior::default();
    posterior.insert("w", &random::tensor(&[4, 6], false, 3));
    let x = random::tensor(&[3, 6], false, 4);
    let session = Session::new();
    let module = session.parse(&Source::as_written("net", NET)).unwrap();
    let program = Program::of(module.op(), "net", &random::values(&posterior)).unwrap();
    let exact = program.run(std::slice::from_ref(&x)).unwrap().remove(0);
    let estimate = program.sample(std::slice::from_ref(&x), SAMPLES as u64, 5).unwrap().remove(0);
    let compile =
        |mode| case::compile_with(NET, Some(&posterior), None, &Target::host(), &options(mode));
    let inputs = components(&x);
    let moments = run(&compile(Mode::Moments), &inputs);
    let samples = run(&compile(Mode::Sample(sampling(SAMPLES as u32, 6))), &inputs);
    let plain = run(&compile(Mode::Mean), &inputs);
    let n = SAMPLES as f64;
    let variances = exact.variance.as_ref().unwrap();
    for (element, (&mean, &variance)) in exact.mean.iter().zip(variances).enumerate() {
        let known = [f64::from(moments[0][element]), f64::from(moments[1][element])];
        assert!((known[0] - mean).abs() < 1e-5 && (known[1] - variance).abs() < 1e-5 * variance);
        assert!((f64::from(plain[0][element]) - mean).abs() < 1e-5);
        let drawn = [f64::from(samples[0][element]), f64::from(samples[1][element])];
        let reference = [estimate.mean[element], estimate.variance.as_ref().unwrap()[element]];
        for [m, v] in [drawn, reference] {
            // All layers are linear: the moments are exact. Of sums of a few such terms the kurtosis is
            // below 6.
            assert!((m - mean).abs() < 4.5 * (variance / n).sqrt(), "{element}: {m} {mean}");
            let error = 4.5 * variance * (5.0 / n).sqrt();
            assert!((v - variance).abs() < error, "{element}: {v} {variance}");
        }
    }
}

/// Weights of any spread give the variance of what was drawn: the passes of a weight that is
/// almost known differ in their last digits only.
#[test]
fn variances_of_draws_hold_for_any_spread() {
    const SAMPLES: usize = 3000;
    let spreads = (-8..=4).map(|power| 10f64.powi(power));
    let means = [1.0, -3.7, 1234.5];
    let moments: Vec<(f64, f64)> =
        spreads.flat_map(|spread| means.map(|mean| (mean, (mean * spread).powi(2)))).collect();
    let n = moments.len();
    let weights = Tensor::gaussian(
        &[n, 1],
        moments.iter().map(|(mean, _)| *mean).collect(),
        moments.iter().map(|(_, variance)| *variance).collect(),
    );
    let mut posterior = Posterior::default();
    posterior.insert("w", &weights);
    let module = format!(
        "func.func @net(%x: tensor<1x1xf32>) -> !gauss.tensor<1x{n}xf32> {{
  %w = gauss.parameter \"w\" : !gauss.tensor<{n}x1xf32>
  %0 = gauss.dense %x, %w : (tensor<1x1xf32>, !gauss.tensor<{n}x1xf32>) -> !gauss.tensor<1x{n}xf32>
  return %0 : !gauss.tensor<1x{n}xf32>
}}"
    );
    let mode = Mode::Sample(Sampling { draws: true, ..sampling(SAMPLES as u32, 5) });
    let compiled =
        case::compile_with(&module, Some(&posterior), None, &Target::host(), &options(mode));
    let outputs = run(&compiled, &[vec![1.0]]);
    let [mean, variance, draws] = &outputs[..] else { panic!("three buffers") };
    for (element, (weight, known)) in moments.into_iter().enumerate() {
        let drawn = || draws.iter().skip(element).step_by(n).map(|&x| f64::from(x));
        let of_draws = drawn().sum::<f64>() / SAMPLES as f64;
        let squares = drawn().map(|x| (x - of_draws).powi(2)).sum::<f64>();
        let of_draws_variance = squares / (SAMPLES - 1) as f64;
        let (m, v) = (f64::from(mean[element]), f64::from(variance[element]));
        let place = format!("{weight} ± {}", known.sqrt());
        // Roundings of 3000 steps of a recurrence.
        assert!(
            (m - of_draws).abs() <= 3e-7 * of_draws.abs() + 5e-6 * v.sqrt(),
            "{place}: {m} {of_draws}"
        );
        assert!((v - of_draws_variance).abs() <= 3e-6 * of_draws_variance, "{place}: {v}");
        // Four standard errors of a variance, and what rounding a draw to float32 adds.
        let rounding = (weight * f64::from(f32::EPSILON)).powi(2);
        assert!(
            (v - known).abs() <= 4.0 * (2.0 / SAMPLES as f64).sqrt() * known + rounding,
            "{place}: {v}"
        );
    }
}

/// Passes round; beside weights that are known to six digits that shows, but little.
#[test]
fn rounding_adds_little_to_the_variance_of_draws() {
    const OUTPUTS: usize = 400;
    const SAMPLES: u32 = 1000;
    for (terms, most) in [(1, 0.005), (256, 0.03)] {
        let mut weights = random::tensor(&[OUTPUTS, terms], true, 3);
        let x = random::tensor(&[1, terms], false, 4);
        let variances = weights.mean.iter().map(|mean| f64::from((mean * 1e-6).powi(2) as f32));
        weights.variance = Some(variances.collect());
        let operands =
            [(x, false), (weights, true)].map(|(tensor, parameter)| Operand { tensor, parameter });
        let placeholder = Tensor::deterministic(&[1, OUTPUTS], vec![0.0; OUTPUTS]);
        let mut case = Case::of_op("certain", "dense", "", &operands, placeholder);
        case.expected = random::reference(&case);
        let mode = Mode::Sample(sampling(SAMPLES, 6));
        let outputs = run(&case.compile_with(&Target::host(), &options(mode)), &case.buffers());
        let expected = case.expected.variance.as_ref().unwrap();
        let ratios = outputs[1].iter().zip(expected).map(|(&v, exact)| f64::from(v) / exact);
        let excess = ratios.sum::<f64>() / OUTPUTS as f64 - 1.0;
        // Four standard errors of the average of so many variances.
        let noise = 4.0 * (2.0 / (f64::from(SAMPLES) * OUTPUTS as f64)).sqrt();
        assert!((-noise..most + noise).contains(&excess), "{terms} terms: {excess}");
    }
}

//===----------------------------------------------------------------------===//
// One seed, one result
//===----------------------------------------------------------------------===//

#[test]
fn the_compiler_draws_what_a_call_draws() {
    let (posterior, x) = images(7);
    let outputs = [false, true].map(|presampled| {
        let mode = Mode::Sample(Sampling { presampled, draws: true, ..sampling(20, 3) });
        let target = Target::host();
        run(
            &case::compile_with(IMAGES, Some(&posterior), None, &target, &options(mode)),
            &components(&x),
        )
    });
    for (drawn, presampled) in outputs[0].iter().flatten().zip(outputs[1].iter().flatten()) {
        assert!((drawn - presampled).abs() <= 1e-5 * drawn.abs().max(1.0), "{drawn} {presampled}");
    }
}

/// What is joined, padded, or built step by step is a result like any other, pass by pass.
#[test]
fn results_that_are_written_in_parts_are_drawn() {
    const SAMPLES: u32 = 5;
    // The arguments, where `w` is Gaussian and has 8 elements; the layers; the size of the result.
    let networks = [
        (
            "%x: tensor<1x4xf32>, %w: !gauss.tensor<2x4xf32>",
            "%0 = gauss.dense %x, %w : (tensor<1x4xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<1x2xf32>
             %y = gauss.concat %x, %0 axis 1 : (tensor<1x4xf32>, !gauss.tensor<1x2xf32>) -> !gauss.tensor<1x6xf32>",
            "1x6",
        ),
        (
            "%x: tensor<1x4xf32>, %w: !gauss.tensor<2x4xf32>",
            "%0 = gauss.dense %x, %w : (tensor<1x4xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<1x2xf32>
             %y = gauss.pad %0 low [0, 1] high [0, 3] value 7.0 : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<1x6xf32>",
            "1x6",
        ),
        (
            "%x: tensor<1x4xf32>, %w: !gauss.tensor<2x4xf32>",
            "%0 = gauss.dense %x, %w : (tensor<1x4xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<1x2xf32>
             %y = gauss.gather %0 axis 1 indices [1, 1, 0] : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<1x3xf32>",
            "1x3",
        ),
        (
            "%x: tensor<1x2x1x2xf32>, %w: !gauss.tensor<2x1x2x2xf32>",
            "%y = gauss.conv_transpose2d %x, %w strides [2, 2] : (tensor<1x2x1x2xf32>, !gauss.tensor<2x1x2x2xf32>) -> !gauss.tensor<1x1x2x4xf32>",
            "1x1x2x4",
        ),
        (
            "%x: tensor<1x2x2xf32>, %w: !gauss.tensor<1x4x2xf32>",
            "%r = arith.constant dense<0.5> : tensor<1x4x1xf32>
             %y = gauss.lstm %x, %w, %r : (tensor<1x2x2xf32>, !gauss.tensor<1x4x2xf32>, tensor<1x4x1xf32>) -> !gauss.tensor<1x2x1xf32>",
            "1x2x1",
        ),
    ];
    let numbers = |count: usize| (0..count).map(|i| (i * 5 % 7 + 1) as f32 / 8.0).collect();
    let inputs: [Vec<f32>; 3] = [4, 8, 8].map(numbers);
    for (arguments, layers, shape) in networks {
        let result = format!("!gauss.tensor<{shape}xf32>");
        let module = format!(
            "func.func @net({arguments}) -> {result} {{ {layers}\n return %y : {result} }}"
        );
        for presampled in [false, true] {
            let [plain, drawn] = [false, true].map(|draws| {
                let mode = Mode::Sample(Sampling { presampled, draws, ..sampling(SAMPLES, 4) });
                let target = Target::host();
                run(&case::compile_with(&module, None, None, &target, &options(mode)), &inputs)
            });
            let [mean, variance, draws] = &drawn[..] else { panic!("three buffers: {module}") };
            for (element, (&m, &v)) in mean.iter().zip(variance).enumerate() {
                let of_passes = draws.iter().skip(element).step_by(mean.len());
                let of_passes: Vec<_> = of_passes.map(|&x| f64::from(x)).collect();
                assert_eq!(of_passes.len(), SAMPLES as usize, "{module}");
                let n = f64::from(SAMPLES);
                let average = of_passes.iter().sum::<f64>() / n;
                let squares = of_passes.iter().map(|x| (x - average).powi(2)).sum::<f64>();
                let found = [f64::from(m), f64::from(v)];
                let without = [plain[0][element], plain[1][element]].map(f64::from);
                for expected in [[average, squares / (n - 1.0)], without] {
                    for (found, expected) in found.into_iter().zip(expected) {
                        assert!(
                            (found - expected).abs() <= 1e-5 * expected.abs().max(0.1),
                            "element {element}: {found} {expected}\n{module}"
                        );
                    }
                }
            }
            assert!(variance.iter().any(|&v| v > 1e-4), "{module}");
        }
    }
}

/// Two layers with a dynamic batch, large enough that tasks share them.
fn network() -> (String, Posterior) {
    let module = "func.func @net(%x: tensor<?x300xf32>) -> !gauss.tensor<?x10xf32> {
  %w = gauss.parameter \"w\" : !gauss.tensor<200x300xf32>
  %v = gauss.parameter \"v\" : !gauss.tensor<10x200xf32>
  %0 = gauss.dense %x, %w : (tensor<?x300xf32>, !gauss.tensor<200x300xf32>) -> !gauss.tensor<?x200xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x200xf32>) -> !gauss.tensor<?x200xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<?x200xf32>, !gauss.tensor<10x200xf32>) -> !gauss.tensor<?x10xf32>
  return %2 : !gauss.tensor<?x10xf32>
}
";
    let mut posterior = Posterior::default();
    for (name, shape) in [("w", [200, 300]), ("v", [10, 200])] {
        let count: usize = shape.iter().product();
        let mean = (0..count).map(|i| ((i * 37 % 101) as f64 - 50.0) / 1024.0).collect();
        posterior.insert(name, &Tensor::gaussian(&shape, mean, vec![1.0 / 1024.0; count]));
    }
    (module.to_owned(), posterior)
}

fn items(count: usize) -> Vec<f32> {
    (0..count * 300).map(|i| ((i * 29 % 97) as f32 - 48.0) / 64.0).collect()
}

#[test]
fn the_batch_does_not_matter() {
    let (module, posterior) = network();
    let options = options(Mode::Sample(sampling(7, 9)));
    let outputs_at = |batch: usize| {
        let target = Target::host();
        let batch_size = Some(batch as i64);
        case::compile_with(&module, Some(&posterior), batch_size, &target, &options)
    };
    let x = items(10);
    let whole = run(&outputs_at(10), std::slice::from_ref(&x));
    let single = outputs_at(1);
    for item in 0..10 {
        let one = run(&single, &[x[item * 300..(item + 1) * 300].to_vec()]);
        for (whole, one) in whole.iter().zip(one) {
            for (a, b) in whole[item * 10..(item + 1) * 10].iter().zip(one) {
                assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0), "item {item}: {a} {b}");
            }
        }
    }
}

#[test]
fn the_number_of_tasks_does_not_matter() {
    let (module, posterior) = network();
    let threads = Threads::new(2).unwrap();
    for presampled in [false, true] {
        let mode = Mode::Sample(Sampling { presampled, draws: true, ..sampling(5, 9) });
        let outputs = |tasks: usize, executor: &Executor| {
            let options = Options { tasks, ..options(mode) };
            let target = Target::host();
            let compiled =
                case::compile_with(&module, Some(&posterior), Some(64), &target, &options);
            if tasks > 1 {
                assert!(String::from_utf8_lossy(&compiled.object).contains("pfp_net_parallel"));
            }
            let model = CompiledModel::new(&compiled).unwrap();
            let mut outputs = [640, 640, 3200].map(|elements| vec![0.0; elements]);
            let mut slices = outputs.each_mut().map(Vec::as_mut_slice);
            let x = items(64);
            model.run_parallel_into(&[&x], &mut slices, &mut model.arena(), executor).unwrap();
            outputs
        };
        let expected = outputs(1, &Executor::serial());
        for tasks in [2, 3] {
            assert_eq!(outputs(tasks, &Executor::serial()), expected, "{tasks} tasks in order");
            assert_eq!(outputs(tasks, &threads.executor()), expected, "{tasks} tasks on threads");
        }
    }
}

#[test]
fn another_seed_gives_other_weights() {
    let (module, posterior) = network();
    let outputs = [1, 2].map(|seed| {
        let options = options(Mode::Sample(sampling(3, seed)));
        let target = Target::host();
        let compiled = case::compile_with(&module, Some(&posterior), None, &target, &options);
        run(&compiled, &[items(1)])
    });
    assert_ne!(outputs[0], outputs[1]);
}
