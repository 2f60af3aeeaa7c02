//! Covariances within pooling windows behind convolutions: nearer to draws of the weights, and the same from compiled
//! code as from the reference.

use gauss_dialect::{
    interpreter::{Program, Tensor},
    layer::Layer,
    predictive::Method,
};
use gauss_lowering::{
    passes::{
        gauss_append_head::Head,
        gauss_correlate_windows::{Correlated, correlate},
        gauss_pool_first::Order,
        gauss_track_covariance::Returned,
    },
    target::Target,
};
use pfp_compiler::{
    compile::Network,
    diagnostics::{Covariance, Source},
    module::Session,
};

use crate::{
    case::{self, Case, Posterior, Tolerance, check},
    linked,
    random::{self, reference, values},
};

/// Sums of up to a few hundred terms of either sign, and differences of variances and covariances.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 3e-5,
    mean: 2e-6,
    mean_absolute: 1e-6,
    variance: 5e-5,
    variance_absolute: 1e-30,
};

/// A convolution and a maximum behind it. Attributes are those of the ops.
struct Shape {
    rank: usize,
    input: &'static [usize],
    weight: &'static [usize],
    convolution: &'static str,
    convolved: &'static [usize],
    pool: &'static str,
    result: &'static [usize],
}

const SHAPES: [Shape; 9] = [
    Shape {
        rank: 2,
        input: &[2, 3, 9, 10],
        weight: &[5, 3, 3, 3],
        convolution: "",
        convolved: &[2, 5, 7, 8],
        pool: "kernel [2, 2] strides [2, 2]",
        result: &[2, 5, 3, 4],
    },
    // Padding, whose zeros the windows share.
    Shape {
        rank: 2,
        input: &[1, 2, 8, 8],
        weight: &[4, 2, 3, 3],
        convolution: "padding [1, 2, 0, 1]",
        convolved: &[1, 4, 7, 9],
        pool: "kernel [2, 2] strides [1, 2]",
        result: &[1, 4, 6, 4],
    },
    // Groups, strides and dilations that do not fit each other.
    Shape {
        rank: 2,
        input: &[2, 4, 13, 12],
        weight: &[6, 2, 2, 3],
        convolution: "strides [2, 3] dilation [3, 2] groups 2",
        convolved: &[2, 6, 5, 3],
        pool: "kernel [2, 2] strides [2, 1]",
        result: &[2, 6, 2, 2],
    },
    // A distance of windows that is a multiple of the dilation, one that is not.
    Shape {
        rank: 2,
        input: &[1, 3, 12, 11],
        weight: &[3, 3, 3, 2],
        convolution: "strides [2, 1] dilation [2, 3] padding [0, 1, 1, 0]",
        convolved: &[1, 3, 5, 9],
        pool: "kernel [2, 2] dilation [1, 3] strides [2, 3]",
        result: &[1, 3, 2, 2],
    },
    Shape {
        rank: 2,
        input: &[3, 2, 6, 9],
        weight: &[4, 1, 3, 3],
        convolution: "groups 2",
        convolved: &[3, 4, 4, 7],
        pool: "kernel [1, 3] strides [1, 2]",
        result: &[3, 4, 4, 3],
    },
    Shape {
        rank: 1,
        input: &[2, 3, 17],
        weight: &[6, 3, 5],
        convolution: "padding [2, 2]",
        convolved: &[2, 6, 17],
        pool: "kernel [4] strides [3]",
        result: &[2, 6, 5],
    },
    Shape {
        rank: 1,
        input: &[1, 2, 12],
        weight: &[3, 2, 3],
        convolution: "dilation [2]",
        convolved: &[1, 3, 8],
        pool: "kernel [2] strides [2] dilation [2]",
        result: &[1, 3, 3],
    },
    Shape {
        rank: 3,
        input: &[1, 2, 4, 5, 6],
        weight: &[3, 2, 2, 2, 3],
        convolution: "padding [0, 0, 1, 0, 0, 1]",
        convolved: &[1, 3, 3, 4, 6],
        pool: "kernel [2, 1, 2] strides [1, 2, 2]",
        result: &[1, 3, 2, 2, 3],
    },
    // One window, whose stride has no meaning.
    Shape {
        rank: 2,
        input: &[1, 1, 4, 4],
        weight: &[2, 1, 3, 3],
        convolution: "",
        convolved: &[1, 2, 2, 2],
        pool: "kernel [2, 2] strides [1048576, 1048576]",
        result: &[1, 2, 1, 1],
    },
];

/// What is Gaussian beside the weight.
#[derive(Clone, Copy)]
struct Uncertain {
    input: bool,
    bias: Option<bool>,
}

const UNCERTAIN: [Uncertain; 4] = [
    Uncertain { input: false, bias: None },
    Uncertain { input: false, bias: Some(true) },
    Uncertain { input: true, bias: Some(false) },
    Uncertain { input: true, bias: Some(true) },
];

/// Numbers whose uncertainty is that of a trained network.
fn tensor(shape: &[usize], gaussian: bool, seed: u64) -> Tensor {
    let mut tensor = random::tensor(shape, gaussian, seed);
    // A power of two: the numbers stay those of float32.
    tensor.variance.iter_mut().flatten().for_each(|variance| *variance *= 0.125);
    tensor
}

/// The function, without covariances.
fn plain(shape: &Shape, uncertain: Uncertain, number: usize) -> Case {
    let Shape { rank, convolution, pool, .. } = shape;
    let seed = 10 * number as u64;
    let x = tensor(shape.input, uncertain.input, seed + 1);
    let mut posterior = Posterior::default();
    let weight = tensor(shape.weight, true, seed + 2);
    posterior.insert("w", &weight);
    let outputs = shape.weight[0];
    let (mut parameter, mut operand, mut operand_type) =
        (String::new(), String::new(), String::new());
    if let Some(gaussian) = uncertain.bias {
        let bias = tensor(&[outputs], gaussian, seed + 3);
        posterior.insert("b", &bias);
        parameter = format!("  %b = gauss.parameter \"b\" : {}\n", bias.ty());
        operand = ", %b".to_owned();
        operand_type = format!(", {}", bias.ty());
    }
    let gaussian =
        |shape: &[usize]| Tensor::<f64>::gaussian(shape, vec![], vec![]).ty().to_string();
    let (xt, wt) = (x.ty().to_string(), weight.ty().to_string());
    let [convolved, result] = [shape.convolved, shape.result].map(gaussian);
    let module = format!(
        "func.func @net(%x: {xt}) -> {result} {{
  %w = gauss.parameter \"w\" : {wt}
{parameter}  %0 = gauss.conv{rank}d %x, %w{operand} {convolution} : ({xt}, {wt}{operand_type}) -> {convolved}
  %1 = gauss.max_pool{rank}d %0 {pool} : ({convolved}) -> {result}
  return %1 : {result}
}}
"
    );
    let count = shape.result.iter().product();
    let expected = Tensor::deterministic(shape.result, vec![0.0; count]);
    let mut case = Case { name: "net".to_owned(), module, posterior, inputs: vec![x], expected };
    case.expected = reference(&case);
    case
}

/// The module with covariances.
fn with_covariances(module: &str, work: u64) -> (String, Correlated) {
    let session = Session::new();
    let parsed = session.parse(&Source::as_written("test.mlir", module)).unwrap();
    let correlated = correlate(parsed.op(), None, work).unwrap();
    assert!(parsed.op().verify());
    (parsed.op().to_string(), correlated)
}

fn correlated(case: &Case) -> Case {
    let (module, correlated) = with_covariances(&case.module, u64::MAX);
    assert_eq!(correlated.pools, 1, "{}", case.module);
    let mut case = Case { module, ..case.clone() };
    case.expected = reference(&case);
    case
}

fn cases() -> Vec<Case> {
    let shapes = SHAPES.iter().enumerate();
    let all = shapes.flat_map(|(number, shape)| {
        UNCERTAIN.map(|uncertain| correlated(&plain(shape, uncertain, number)))
    });
    all.enumerate().map(|(number, case)| renamed(case, &format!("net{number}"))).collect()
}

fn renamed(case: Case, name: &str) -> Case {
    let module = case.module.replace("@net(", &format!("@{name}("));
    Case { name: name.to_owned(), module, ..case }
}

/// Mean and variance over forward passes with drawn weights and inputs.
fn sampled(case: &Case, samples: u64) -> Tensor {
    let session = Session::new();
    let module = session.parse(&Source::as_written("test.mlir", case.module.as_bytes())).unwrap();
    let program = Program::of(module.op(), &case.name, &values(&case.posterior)).unwrap();
    program.sample(&case.inputs, samples, 1).unwrap().remove(0)
}

/// How far moments are from those of draws: of the mean in deviations, of the variance in itself, on average.
fn distance(moments: &Tensor, draws: &Tensor) -> [f64; 2] {
    let variances = draws.variance.as_ref().unwrap();
    let count = variances.len() as f64;
    let means = moments.mean.iter().zip(&draws.mean).zip(variances);
    let spreads = moments.variance.as_ref().unwrap().iter().zip(variances);
    [
        means.map(|((x, y), v)| (x - y).abs() / v.sqrt()).sum::<f64>() / count,
        spreads.map(|(x, y)| (x / y - 1.0).abs()).sum::<f64>() / count,
    ]
}

#[test]
fn moments_come_nearer_to_draws_of_the_weights() {
    let mut sums = [[0.0; 2]; 2];
    for (number, shape) in SHAPES.iter().enumerate() {
        for uncertain in UNCERTAIN {
            let case = plain(shape, uncertain, number);
            let draws = sampled(&case, 20_000);
            let without = distance(&case.expected, &draws);
            let with = distance(&correlated(&case).expected, &draws);
            println!("{with:.4?} for {without:.4?}: {}", case.module);
            for n in 0..2 {
                sums[0][n] += with[n];
                sums[1][n] += without[n];
                // The noise of the draws is 0.006 deviations and 0.8 %.
                let noise = [0.002, 0.003][n];
                assert!(with[n] < without[n] + noise, "{with:?} for {without:?}: {}", case.module);
            }
        }
    }
    let [with, without] = sums;
    println!("{with:.3?} for {without:.3?}");
    assert!(with[0] < 0.5 * without[0] && with[1] < 0.7 * without[1], "{with:?} for {without:?}");
}

/// Two sums with the same Gaussian weights and exact inputs are jointly Gaussian: within the noise of 40,000
/// draws, which is 0.004 deviations and 0.6 % on average.
#[test]
fn pairs_behind_exact_inputs_are_exact() {
    let pair = Shape { pool: "kernel [1, 2] strides [2, 1]", result: &[2, 5, 4, 7], ..SHAPES[0] };
    let line =
        Shape { pool: "kernel [2] strides [3] dilation [2]", result: &[2, 6, 5], ..SHAPES[5] };
    for (number, shape) in [pair, line].iter().enumerate() {
        for uncertain in &UNCERTAIN[..2] {
            let case = plain(shape, *uncertain, number);
            let draws = sampled(&case, 40_000);
            let with = distance(&correlated(&case).expected, &draws);
            let without = distance(&case.expected, &draws);
            println!("{with:.4?} for {without:.4?}");
            assert!(with[0] < 0.006 && with[1] < 0.009, "{with:?}: {}", case.module);
            assert!(without[0] > 0.02 && without[1] > 0.03, "{without:?}: {}", case.module);
        }
    }
}

/// The convolution's own moments are what they are without.
#[test]
fn draws_are_those_without_covariances() {
    let case = plain(&SHAPES[0], UNCERTAIN[3], 0);
    assert_eq!(sampled(&correlated(&case), 50), sampled(&case, 50));
}

#[test]
fn windows_with_covariances_on_the_host() {
    for case in cases() {
        check(&case.module, &case.run(), &case.expected, TOLERANCE);
    }
}

#[test]
fn windows_with_covariances_with_sixteen_lanes() {
    if case::has_fma() {
        for case in cases() {
            check(&case.module, &case.run_on(&case::sixteen_lanes()), &case.expected, TOLERANCE);
        }
    }
}

#[test]
fn windows_with_covariances_on_aarch64() {
    let target = Target::find("aarch64-linux-gnu", "cortex-a76").unwrap();
    let cases = cases();
    let Some(results) = linked::run(&cases, &target) else { return };
    for (case, result) in cases.iter().zip(results) {
        check(&case.module, &result, &case.expected, TOLERANCE);
    }
}

/// A module of any batch, of which two are compiled.
#[test]
fn the_batch_may_be_fixed_later() {
    let fixed = plain(&SHAPES[0], UNCERTAIN[3], 0);
    let dynamic = fixed.module.replace("<2x3x", "<?x3x").replace("<2x5x", "<?x5x");
    let (module, _) = with_covariances(&dynamic, u64::MAX);
    assert!(module.contains("tensor<?x5x3x4xf32>)"), "{module}");
    let expected = correlated(&fixed).expected;
    let compiled = case::compile(&module, Some(&fixed.posterior), Some(2), &Target::host());
    let model = pfp_compiler::jit::CompiledModel::new(&compiled).unwrap();
    let buffers = fixed.buffers();
    let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
    let result = fixed.result(model.run(&slices).unwrap());
    check(&module, &result, &expected, TOLERANCE);
}

/// Both modes are those of the network without covariances, to the bit.
#[test]
fn other_modes_take_no_covariances() {
    use gauss_lowering::mode::{Mode, Sampling};
    use pfp_compiler::{compile::Options, jit::CompiledModel};
    let plain = plain(&SHAPES[0], UNCERTAIN[3], 0);
    let other = correlated(&plain);
    for mode in [Mode::Mean, Mode::Sample(Sampling::new(7))] {
        let options = Options { mode, ..Options::default() };
        let [one, two] = [&plain, &other].map(|case| {
            let compiled = case.compile_with(&Target::host(), &options);
            let model = CompiledModel::new(&compiled).unwrap();
            let buffers = match mode {
                Mode::Mean => case.buffers()[..1].to_vec(),
                _ => case.buffers(),
            };
            let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
            model.run(&slices).unwrap()
        });
        assert_eq!(one, two, "{mode}");
    }
}

/// From the last pool back, as far as the work goes; the report says what the layers count.
#[test]
fn work_is_what_the_layers_count() {
    let first = plain(&SHAPES[0], UNCERTAIN[3], 0);
    let ty = "!gauss.tensor<2x5x3x4xf32>";
    let module = first.module.replace(
        &format!("  return %1 : {ty}"),
        &format!(
            "  %v = gauss.parameter \"v\" : !gauss.tensor<4x5x2x2xf32>
  %2 = gauss.conv2d %1, %v : ({ty}, !gauss.tensor<4x5x2x2xf32>) -> !gauss.tensor<2x4x2x3xf32>
  %3 = gauss.max_pool2d %2 kernel [1, 2] : (!gauss.tensor<2x4x2x3xf32>) -> !gauss.tensor<2x4x2x2xf32>
  return %3 : !gauss.tensor<2x4x2x2xf32>"
        ),
    );
    let module = module.replacen(&format!("-> {ty} {{"), "-> !gauss.tensor<2x4x2x2xf32> {", 1);
    // Products of 2·5·3·3 numbers, 2·4·2·2 sums of 5·4 products, and of 5·2 in which the input is the same;
    // 4·5·2 products of weights and as many sums as there are results.
    let last = 90 + 32 * 20 + 32 * 10 + 40 + 32;
    let (none, correlated) = with_covariances(&module, last - 1);
    assert_eq!(correlated, Correlated::default());
    assert_eq!(none, with_covariances(&module, 0).0);
    let (_, correlated) = with_covariances(&module, last);
    assert_eq!(correlated, Correlated { pools: 1, work: last });
    let (all, correlated) = with_covariances(&module, u64::MAX);
    assert_eq!(correlated.pools, 2);
    let count = |module: &str| {
        let session = Session::new();
        let parsed = session.parse(&Source::as_written("test.mlir", module)).unwrap();
        let function = parsed.op().body().unwrap().ops()[0];
        let layers = pfp_compiler::layers::of(function, parsed.op()).layers;
        let names: Vec<_> = layers.iter().map(|layer| layer.op.clone()).collect();
        assert_eq!(names, ["conv2d", "max_pool2d", "conv2d", "max_pool2d"]);
        layers.iter().map(|layer| layer.multiply_adds).collect::<Vec<_>>()
    };
    let (before, after) = (count(&none), count(&all));
    assert_eq!((before[1], before[3]), (0, 0));
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    assert_eq!(after[3], last);
    assert_eq!(after[1] + after[3], correlated.work);
}

/// What a head has taken of a budget is not there for what is returned beside it.
#[test]
fn a_budget_is_spent_once() {
    let Case { module, posterior, .. } = plain(&SHAPES[0], UNCERTAIN[3], 0);
    let (images, logits) = ("!gauss.tensor<2x5x3x4xf32>", "!gauss.tensor<2x4xf32>");
    let layers = format!(
        "  %v = gauss.parameter \"v\" : !gauss.tensor<4x60xf32>
  %2 = gauss.flatten %1 : ({images}) -> !gauss.tensor<2x60xf32>
  %3 = gauss.dense %2, %v : (!gauss.tensor<2x60xf32>, !gauss.tensor<4x60xf32>) -> {logits}
  return %3 : {logits}"
    );
    let module = module.replace(&format!("  return %1 : {images}"), &layers).replacen(
        &format!("-> {images} {{"),
        &format!("-> {logits} {{"),
        1,
    );
    let mut posterior = posterior;
    posterior.insert("v", &tensor(&[4, 60], true, 9));
    let carried = |budget: Covariance, returned: Returned| {
        let session = Session::new();
        let source = Source::with("net.mlir", module.as_bytes(), Order::default(), budget);
        let mut network = Network::with_source(&session, &source, Some(&posterior), None).unwrap();
        let head = Head::Classify(Method::MeanField, Default::default());
        let cost: u64 = network.functions()[0].layers.iter().map(|layer| layer.multiply_adds).sum();
        network.append_head(&head, None).unwrap();
        if returned != Returned::Nothing {
            network.return_covariance(None, returned).unwrap();
        }
        (cost as f64, network.carried("net"))
    };
    let (cost, all) = carried(Covariance::Full, Returned::Nothing);
    assert_eq!((all.layers, all.pools), (1, 1));
    // One multiply-add less than both cost has room for the layer alone.
    for (less, pools) in [(0.0, 1), (1.0, 0)] {
        let budget = Covariance::Within(1.0 + (all.multiply_adds as f64 - less) / cost);
        for returned in [Returned::Nothing, Returned::Matrix, Returned::OfNodes] {
            let (_, carried) = carried(budget, returned);
            assert_eq!((carried.layers, carried.pools), (1, pools), "{returned:?} {less}");
        }
    }
}

/// An activation stays before a maximum whose covariances are those of what the activation gives.
#[test]
fn what_has_covariances_stays_behind_activations() {
    let module = "func.func @net(%x: !gauss.tensor<1x1x4xf32>, %c: tensor<1x1x2xf32>) -> !gauss.tensor<1x1x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<1x1x4xf32>) -> !gauss.tensor<1x1x4xf32>
  %1 = gauss.max_pool1d %0, %c kernel [2] strides [2] : (!gauss.tensor<1x1x4xf32>, tensor<1x1x2xf32>) -> !gauss.tensor<1x1x2xf32>
  return %1 : !gauss.tensor<1x1x2xf32>
}";
    use gauss_lowering::passes::gauss_pool_first::{Values, pool_first};
    let session = Session::new();
    let parsed = session.parse(&Source::as_written("test.mlir", module)).unwrap();
    pool_first(parsed.op(), Values::All, None);
    let ops = parsed.op().descendants();
    let layers: Vec<_> = ops.iter().filter_map(|op| Layer::of(*op).unwrap()).collect();
    assert!(matches!(layers[..], [Layer::Activation(_), Layer::Pool(_)]), "{layers:?}");
}
