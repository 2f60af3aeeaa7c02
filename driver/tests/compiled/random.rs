//! Random shapes of every op, every kind of operand, against the reference.

mod generate;

use gauss_dialect::{
    interpreter::{Parameters, Program, Tensor},
    layer as kinds,
    ops::{
        activation::Activation,
        composite::Composite,
        contraction::{ConvTranspose, Convolution},
        matmul::Matmul,
        norm::Norm,
        weights::Weights,
    },
    predictive::{Method, Sampling},
    shape::TensorType,
};
use gauss_lowering::{
    passes::{gauss_append_head::Head, gauss_pool_first::Order, gauss_track_covariance::Returned},
    target::Target,
};
use pfp_compiler::{
    compile::{Network, Options},
    diagnostics::{Covariance, Source},
    jit::CompiledModel,
    module::Session,
};

pub use self::generate::Classifier;
use self::generate::{Generator, of_kind};
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

/// The share of the largest number of a result by which others may be off behind an op of any kind and several layers.
const OF_CLASSIFIERS: f64 = 2e-3;

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
        false => tolerance.max_absolute(of_cancelled_terms(case)),
    }
}

/// What float32 loses of a deterministic linear layer, whose terms may cancel: each partial sum is rounded by
/// up to half a unit of itself, and the errors walk at random, as the partial sums do. That is about half a unit
/// of the sum of the sizes of all terms; 4 times as much is beyond what ten thousand networks meet.
fn of_cancelled_terms(case: &Case) -> f64 {
    let linear =
        [&["dense", Matmul::NAME][..], &Convolution::NAMES, &ConvTranspose::NAMES].concat();
    let is_linear = linear.iter().any(|op| case.module.contains(&format!("gauss.{op} ")));
    if case.expected.variance.is_some() || !is_linear {
        return 0.0;
    }
    let mut sizes = case.clone();
    sizes.inputs.iter_mut().flat_map(|input| &mut input.mean).for_each(|x| *x = x.abs());
    let parameters = sizes.posterior.0.values_mut();
    parameters.flat_map(|tensor| &mut tensor.values).for_each(|x| *x = x.abs());
    let largest = reference(&sizes).mean.into_iter().fold(0.0, f64::max);
    2.0 * largest * f64::from(f32::EPSILON / 2.0)
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

/// What the interpreter gives in double precision.
pub fn reference(case: &Case) -> Tensor {
    reference_with(case, &values(&case.posterior))
}

/// The same with other values of the parameters.
pub fn reference_with(case: &Case, parameters: &dyn Parameters) -> Tensor {
    let session = Session::new();
    let module = session
        .parse(&Source::as_written(case.name.clone(), case.module.as_bytes()))
        .unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    let program = Program::of(module.op(), &case.name, parameters).unwrap();
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

/// Cases whose operands are parameters.
pub fn trainable(seed: u64, count: usize) -> Vec<Case> {
    let mut generator = Generator::new(seed);
    (0..count).map(|number| generator.trainable(number)).collect()
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

/// Classifiers of which the ops of the dialect begin each in turn.
pub fn classifiers(seed: u64, count: usize) -> Vec<Classifier> {
    let mut generator = Generator::new(seed);
    (0..count).map(|number| generator.classifier(number)).collect()
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
pub fn portions(usual: usize, seed: u64) -> impl Iterator<Item = (u64, usize)> {
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
pub fn assert_every_op_is_there(cases: &[Case]) {
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
        let source = Source::as_written(case.name.clone(), case.module.as_bytes());
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

/// Sizes without a common divisor, whose matrix of weights would be large.
#[test]
fn long_axes_are_interpolated() {
    for (attributes, shape, result) in [
        ("sizes [-1, 701, -1]", [2, 700, 3], [2, 701, 3]),
        ("sizes [-1, -1, 400] coordinates \"align_corners\"", [2, 2, 997], [2, 2, 400]),
        ("numerators [1, 1, 101] denominators [1, 1, 100]", [1, 3, 701], [1, 3, 708]),
    ] {
        for gaussian in [false, true] {
            let operand = Operand { tensor: tensor(&shape, gaussian, 5), parameter: false };
            let size = result.iter().product();
            let placeholder = Tensor::deterministic(&result, vec![0.0; size]);
            let mut case = Case::of_op("resize", "resize", attributes, &[operand], placeholder);
            case.expected = reference(&case);
            check_here(&[case], &Target::host(), TOLERANCE);
        }
    }
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

/// Classifiers with what a budget has room for, and each kind of result beside the logits, against the reference
/// after the same passes.
#[test]
fn classifiers_with_covariances_on_the_host() {
    let sampling = Sampling { draws: 60, seed: 1 };
    let heads =
        [None, Some(Method::MeanField), Some(Method::Laplace), Some(Method::Sample(sampling))];
    let session = Session::new();
    for (seed, count) in portions(16, 11) {
        for (number, Classifier { case, .. }) in classifiers(seed, count).iter().enumerate() {
            let covariance =
                [Covariance::Full, Covariance::Within(1.5), Covariance::Within(3.0)][number % 3];
            let source = Source::with(
                case.name.clone(),
                case.module.as_bytes(),
                Order::default(),
                covariance,
            );
            let mut network =
                Network::with_source(&session, &source, Some(&case.posterior), None).unwrap();
            let carries = network.carries_covariance(None).unwrap();
            if let Some(method) = heads[number % 4] {
                network.append_head(&Head::Classify(method, Default::default()), None).unwrap();
            }
            if carries && number % 4 < 2 {
                let returned = [Returned::OfNodes, Returned::Matrix][number % 2];
                network.return_covariance(None, returned).unwrap();
            }
            let function = network.function(None).unwrap();
            let loaded = |name: &str, _: &TensorType| Err(format!("has no value for '{name}'"));
            let program = Program::of(network.op(), &case.name, &loaded).unwrap();
            let expected = program.run(&case.inputs).unwrap();
            let compiled =
                network.compile(function, &Target::host(), &Options::default(), &|_| {}).unwrap();
            let buffers = case.buffers();
            let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
            let actual = CompiledModel::new(&compiled).unwrap().run(&slices).unwrap();
            let components = expected.iter().flat_map(|tensor| {
                [Some(&tensor.mean), tensor.variance.as_ref()].into_iter().flatten()
            });
            assert_eq!(components.clone().count(), actual.len(), "{}", network.op());
            for (actual, expected) in actual.iter().zip(components) {
                let scale = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
                for (x, y) in actual.iter().zip(expected) {
                    let off = (f64::from(*x) - y).abs();
                    let is_near = off <= OF_CLASSIFIERS * scale + 1e-6;
                    assert!(is_near, "{x} for {y} of up to {scale}\n{}", network.op());
                }
            }
        }
    }
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
            crate::common::absent::skipped("this machine has no FMA");
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
