//! Outputs of dense layers that are drawn: losses and gradients beside a network that is written down in
//! double precision, and the distribution of what is drawn.

use gauss_lowering::{passes::gauss_append_loss::Loss, target::Target};
use pfp_compiler::{
    diagnostics::Source,
    gradient::{Differentiated, Kind, Wanted},
    jit::CompiledModel,
    module::Session,
};
use pfp_runtime::random::standard_normals;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A layer that is not dense, two that are, and one whose weights are read twice.
const NETWORK: &str = r#"
func.func @net(%x: tensor<?x1x2x3xf32>) -> !gauss.tensor<?x3xf32> {
  %k = gauss.parameter "conv.weight" : !gauss.tensor<2x1x1x2xf32>
  %w1 = gauss.parameter "fc1.weight" : !gauss.tensor<5x8xf32>
  %b1 = gauss.parameter "fc1.bias" : !gauss.tensor<5xf32>
  %w2 = gauss.parameter "fc2.weight" : !gauss.tensor<3x5xf32>
  %b2 = gauss.parameter "fc2.bias" : tensor<3xf32>
  %t = gauss.parameter "tied.weight" : !gauss.tensor<3x3xf32>
  %0 = gauss.conv2d %x, %k : (tensor<?x1x2x3xf32>, !gauss.tensor<2x1x1x2xf32>) -> !gauss.tensor<?x2x2x2xf32>
  %1 = gauss.flatten %0 : (!gauss.tensor<?x2x2x2xf32>) -> !gauss.tensor<?x8xf32>
  %2 = gauss.dense %1, %w1, %b1 : (!gauss.tensor<?x8xf32>, !gauss.tensor<5x8xf32>, !gauss.tensor<5xf32>) -> !gauss.tensor<?x5xf32>
  %3 = gauss.tanh %2 : (!gauss.tensor<?x5xf32>) -> !gauss.tensor<?x5xf32>
  %4 = gauss.dense %3, %w2, %b2 : (!gauss.tensor<?x5xf32>, !gauss.tensor<3x5xf32>, tensor<3xf32>) -> !gauss.tensor<?x3xf32>
  %5 = gauss.dense %4, %t : (!gauss.tensor<?x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<?x3xf32>
  %6 = gauss.dense %5, %t : (!gauss.tensor<?x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<?x3xf32>
  return %6 : !gauss.tensor<?x3xf32>
}
"#;

const ITEMS: usize = 4;

/// One layer of 3 inputs and 2 outputs.
const LAYER: &str = r#"
func.func @layer(%x: tensor<?x3xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<2x3xf32>
  %b = gauss.parameter "b" : !gauss.tensor<2xf32>
  %0 = gauss.dense %x, %w, %b : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}
"#;

/// The difference by which slopes of the reference are found.
const STEP: f64 = 1e-6;

fn compiled(module: &str, items: usize, loss: Loss) -> (CompiledModel, Differentiated<'static>) {
    // The module lives as long as the test.
    let session: &'static Session = Box::leak(Box::new(Session::new()));
    let module = session.parse(&Source::as_written("test.mlir", module)).unwrap();
    let items = items as i64;
    let wanted = Wanted { function: None, items, loss, kind: Kind::Local, only_loss: false };
    let differentiated = Differentiated::of(module, &wanted).unwrap();
    let model = CompiledModel::new(&differentiated.compile(&Target::host()).unwrap()).unwrap();
    (model, differentiated)
}

fn run(model: &CompiledModel, buffers: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let single: Vec<Vec<f32>> =
        buffers.iter().map(|values| values.iter().map(|&x| x as f32).collect()).collect();
    let slices: Vec<_> = single.iter().map(Vec::as_slice).collect();
    let outputs = model.run(&slices).unwrap();
    outputs.into_iter().map(|values| values.into_iter().map(f64::from).collect()).collect()
}

fn numbers(rng: &mut ChaCha8Rng, count: usize, low: f64, high: f64) -> Vec<f64> {
    (0..count).map(|_| f64::from(rng.random_range(low..high) as f32)).collect()
}

fn normals(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    let key = [rng.random(), rng.random()];
    let blocks =
        (0..count.div_ceil(4) as u32).flat_map(|block| standard_normals([block, 0, 0, 0], key));
    blocks.take(count).map(f64::from).collect()
}

/// A row of outputs for a row of inputs.
fn dense(x: &[f64], weight: &[f64], bias: &[f64], outputs: usize) -> Vec<f64> {
    let row = |k: usize| -> f64 {
        let own = &weight[k * x.len()..(k + 1) * x.len()];
        own.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + bias.get(k).copied().unwrap_or(0.0)
    };
    (0..outputs).map(row).collect()
}

/// m + √v·ε with m and v of the outputs of a layer given its inputs.
fn drawn(x: &[f64], weight: [&[f64]; 2], bias: [&[f64]; 2], noise: &[f64]) -> Vec<f64> {
    let mean = dense(x, weight[0], bias[0], noise.len());
    let squares: Vec<_> = x.iter().map(|x| x * x).collect();
    let variance = dense(&squares, weight[1], bias[1], noise.len());
    (0..noise.len()).map(|k| mean[k] + variance[k].sqrt() * noise[k]).collect()
}

/// The cross-entropy of each item of the network, of buffers in the order of the compiled function: input,
/// target, noise of two layers, weights of the items, and the parameters by these names.
fn losses(buffers: &[Vec<f64>], names: &[String]) -> Vec<f64> {
    let of = |name: &str| &buffers[5 + names.iter().position(|own| own == name).unwrap()][..];
    let item = |item: usize| {
        let x = &buffers[0][item * 6..(item + 1) * 6];
        let kernel = of("conv.weight.mean");
        let place = |c: usize, row: usize, column: usize| {
            (0..2).map(|k| kernel[c * 2 + k] * x[row * 3 + column + k]).sum::<f64>()
        };
        let places = (0..8).map(|n| place(n / 4, n / 2 % 2, n % 2)).collect::<Vec<_>>();
        let [noise1, noise2] = [(2, 5), (3, 3)]
            .map(|(buffer, width)| &buffers[buffer][item * width..(item + 1) * width]);
        let weight = [of("fc1.weight.mean"), of("fc1.weight.var")];
        let hidden = drawn(&places, weight, [of("fc1.bias.mean"), of("fc1.bias.var")], noise1);
        let hidden: Vec<_> = hidden.into_iter().map(f64::tanh).collect();
        let weight = [of("fc2.weight.mean"), of("fc2.weight.var")];
        let logits = drawn(&hidden, weight, [of("fc2.bias"), &[]], noise2);
        let tied = of("tied.weight.mean");
        let logits = dense(&dense(&logits, tied, &[], 3), tied, &[], 3);
        let sum = logits.iter().map(|z| z.exp()).sum::<f64>().ln();
        let target = &buffers[1][item * 3..(item + 1) * 3];
        logits.iter().zip(target).map(|(z, t)| t * (sum - z)).sum::<f64>()
    };
    (0..ITEMS).map(item).collect()
}

#[test]
fn gradients_of_drawn_outputs_are_the_limits_of_differences() {
    let (model, differentiated) = compiled(NETWORK, ITEMS, Loss::CrossEntropy(0));
    assert_eq!(differentiated.drawn, [5, 3]);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut target = vec![0.0; ITEMS * 3];
    (0..ITEMS).for_each(|item| target[item * 3 + item % 3] = 1.0);
    let mut buffers = vec![numbers(&mut rng, ITEMS * 6, -2.0, 2.0), target];
    buffers.push(normals(&mut rng, ITEMS * 5));
    buffers.push(normals(&mut rng, ITEMS * 3));
    buffers.push(numbers(&mut rng, ITEMS, 0.5, 1.5));
    let mut names = Vec::new();
    for parameter in &differentiated.parameters {
        let (name, count) = (&parameter.name, parameter.elements());
        let is_local = matches!(&name[..], "fc1.weight" | "fc1.bias" | "fc2.weight");
        assert_eq!(parameter.gaussian, is_local, "{name}");
        assert_eq!(parameter.is_uncertain, name != "fc2.bias", "{name}");
        buffers.push(numbers(&mut rng, count, -1.0, 1.0));
        names.push(match parameter.is_uncertain {
            true => format!("{name}.mean"),
            false => name.clone(),
        });
        if parameter.gaussian {
            buffers.push(numbers(&mut rng, count, 0.01, 0.3));
            names.push(format!("{name}.var"));
        }
    }
    let given = run(&model, &buffers);
    let expected = losses(&buffers, &names);
    for (loss, expected) in given[0].iter().zip(&expected) {
        assert!((loss - expected).abs() < 1e-5 * (1.0 + expected), "{loss}, not {expected}");
    }
    let total = |buffers: &[Vec<f64>]| {
        losses(buffers, &names).iter().zip(&buffers[4]).map(|(loss, weight)| loss * weight).sum()
    };
    for (number, name) in names.iter().enumerate() {
        for (place, slope) in given[2 + number].iter().enumerate() {
            let at = |step: f64| -> f64 {
                let mut moved = buffers.clone();
                moved[5 + number][place] += step;
                total(&moved)
            };
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let error = (slope - expected).abs();
            assert!(error < 2e-5 * (1.0 + expected.abs()), "{name}: {slope}, not {expected}");
        }
    }
}

#[test]
fn drawn_outputs_have_the_moments_of_the_closed_form_and_are_independent() {
    let items = 20_000;
    let (model, _) = compiled(LAYER, items, Loss::Linear);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let x = [0.5, -2.0, 1.25];
    let [weight, bias] = [6, 2]
        .map(|count| [numbers(&mut rng, count, -1.0, 1.0), numbers(&mut rng, count, 0.01, 0.5)]);
    let zeros = vec![0.0; items * 2];
    let noise = normals(&mut rng, items * 2);
    let [w, v] = weight.clone();
    let [b, c] = bias.clone();
    let buffers = [x.repeat(items), zeros, noise, vec![1.0; items], w, v, b, c];
    let drawn = &run(&model, &buffers)[1];
    let squares = x.map(|x| x * x);
    let mean = dense(&x, &weight[0], &bias[0], 2);
    let variance = dense(&squares, &weight[1], &bias[1], 2);
    let count = items as f64;
    let centred = |k: usize, item: usize| drawn[item * 2 + k] - mean[k];
    for (k, expected) in variance.iter().enumerate() {
        let error = (0..items).map(|item| centred(k, item)).sum::<f64>() / count;
        // Four deviations of a mean, and of a variance, of so many draws.
        assert!(error.abs() < 4.0 * (expected / count).sqrt(), "the mean is off by {error}");
        let own = (0..items).map(|item| centred(k, item).powi(2)).sum::<f64>() / count;
        let error = own / expected - 1.0;
        assert!(error.abs() < 4.0 * (2.0 / count).sqrt(), "the variance is off by {error}");
    }
    let bound = 4.0 * (variance[0] * variance[1] / count).sqrt();
    let beside = (0..items).map(|item| centred(0, item) * centred(1, item)).sum::<f64>() / count;
    assert!(beside.abs() < bound, "outputs of an item have the covariance {beside}");
    let bound = 4.0 * variance[0] / count.sqrt();
    let next = (1..items).map(|item| centred(0, item - 1) * centred(0, item)).sum::<f64>() / count;
    assert!(next.abs() < bound, "outputs of two items have the covariance {next}");
}

#[test]
fn weights_without_variance_have_finite_gradients() {
    let items = 2;
    let (model, _) = compiled(LAYER, items, Loss::Gaussian(Some(1.0)));
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let x = numbers(&mut rng, items * 3, -2.0, 2.0);
    let target = numbers(&mut rng, items * 2, -2.0, 2.0);
    let [w, b] = [6, 2].map(|count| numbers(&mut rng, count, -1.0, 1.0));
    let noise = normals(&mut rng, items * 2);
    let zeros = [6, 2].map(|count| vec![0.0; count]);
    let buffers = [x, target, noise, vec![1.0; items], w, zeros[0].clone(), b, zeros[1].clone()];
    let given = run(&model, &buffers);
    assert!(given.iter().flatten().all(|number| number.is_finite()), "{given:?}");
    // Nothing varies: the outputs are the means, and so are the slopes along them.
    for item in 0..items {
        let mean = dense(&buffers[0][item * 3..(item + 1) * 3], &buffers[4], &buffers[6], 2);
        for (own, expected) in given[1][item * 2..(item + 1) * 2].iter().zip(&mean) {
            assert!((own - expected).abs() < 1e-6, "{own}, not {expected}");
        }
    }
    for k in 0..2 {
        let slope = |item: usize| given[1][item * 2 + k] - buffers[1][item * 2 + k];
        let expected: f64 = (0..items).map(slope).sum();
        assert!((given[4][k] - expected).abs() < 1e-5, "{}, not {expected}", given[4][k]);
    }
}
