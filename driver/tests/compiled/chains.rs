//! Several layers and long sums: regions of items, layouts, parts of a reduction, tasks.

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use pfp_compiler::{
    compile::{Network, Options, Schedules},
    diagnostics::Source,
    jit::CompiledModel,
    module::Session,
};
use pfp_runtime::{Executor, Threads};

use crate::{
    case::{Case, Posterior, Tolerance, check, components},
    random::{reference, tensor},
};

/// Relative errors of sums of up to 4096 terms, and of the maxima between them.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 3e-5,
    mean: 2e-6,
    mean_absolute: 1e-6,
    variance: 1e-5,
    variance_absolute: 1e-30,
};

/// Two convolutions with ReLU and max-pooling, then a dense layer, on a batch.
fn convolutional(batch: usize, channels: [usize; 2], gaussian: bool) -> Case {
    let [c, d] = channels;
    let (n, k) = (batch, d * 4 * 5);
    let x = tensor(&[n, 2, 18, 22], gaussian, 1);
    let mut posterior = Posterior::default();
    posterior.insert("w1", &tensor(&[c, 2, 3, 3], true, 2));
    posterior.insert("b1", &tensor(&[c], true, 3));
    posterior.insert("w2", &tensor(&[d, c, 3, 3], true, 4));
    posterior.insert("w3", &tensor(&[7, k], true, 5));
    let xt = x.ty();
    let module = format!(
        "func.func @net(%x: {xt}) -> !gauss.tensor<{n}x7xf32> {{
  %w1 = gauss.parameter \"w1\" : !gauss.tensor<{c}x2x3x3xf32>
  %b1 = gauss.parameter \"b1\" : !gauss.tensor<{c}xf32>
  %w2 = gauss.parameter \"w2\" : !gauss.tensor<{d}x{c}x3x3xf32>
  %w3 = gauss.parameter \"w3\" : !gauss.tensor<7x{k}xf32>
  %0 = gauss.conv2d %x, %w1, %b1 padding [1, 1, 1, 1] : ({xt}, !gauss.tensor<{c}x2x3x3xf32>, !gauss.tensor<{c}xf32>) -> !gauss.tensor<{n}x{c}x18x22xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<{n}x{c}x18x22xf32>) -> !gauss.tensor<{n}x{c}x18x22xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2] : (!gauss.tensor<{n}x{c}x18x22xf32>) -> !gauss.tensor<{n}x{c}x9x11xf32>
  %3 = gauss.conv2d %2, %w2 padding [1, 1, 1, 1] : (!gauss.tensor<{n}x{c}x9x11xf32>, !gauss.tensor<{d}x{c}x3x3xf32>) -> !gauss.tensor<{n}x{d}x9x11xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<{n}x{d}x9x11xf32>) -> !gauss.tensor<{n}x{d}x9x11xf32>
  %5 = gauss.avg_pool2d %4 kernel [2, 2] strides [2, 2] : (!gauss.tensor<{n}x{d}x9x11xf32>) -> !gauss.tensor<{n}x{d}x4x5xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<{n}x{d}x4x5xf32>) -> !gauss.tensor<{n}x{k}xf32>
  %7 = gauss.dense %6, %w3 : (!gauss.tensor<{n}x{k}xf32>, !gauss.tensor<7x{k}xf32>) -> !gauss.tensor<{n}x7xf32>
  return %7 : !gauss.tensor<{n}x7xf32>
}}"
    );
    case(module, posterior, x, &[n, 7])
}

/// Kernel and stride of a pool; padding above and below, and on both sides.
#[derive(Clone, Copy)]
struct Window([usize; 2], [usize; 2]);

/// A convolution with ReLU, then two pools of windows that meet, overlap, leave gaps or reach
/// beyond the image, and a convolution of padded results: rows that strips may cut, or must not.
fn pooled(batch: usize, channels: usize, window: Window, gaussian: bool) -> Case {
    let (n, c) = (batch, channels);
    let Window([kernel, stride], [above, beside]) = window;
    let pool = |size: usize, padding: usize| (size + 2 * padding - kernel) / stride + 1;
    let (rows, columns) = (pool(24, above), pool(13, beside));
    let half = rows / 2;
    let x = tensor(&[n, 3, 26, 15], gaussian, 1);
    let mut posterior = Posterior::default();
    posterior.insert("w1", &tensor(&[c, 3, 3, 3], true, 2));
    posterior.insert("w2", &tensor(&[4, c, 3, 3], true, 3));
    let xt = x.ty();
    let module = format!(
        "func.func @net(%x: {xt}) -> !gauss.tensor<{n}x4x{half}x{columns}xf32> {{
  %w1 = gauss.parameter \"w1\" : !gauss.tensor<{c}x3x3x3xf32>
  %w2 = gauss.parameter \"w2\" : !gauss.tensor<4x{c}x3x3xf32>
  %0 = gauss.conv2d %x, %w1 : ({xt}, !gauss.tensor<{c}x3x3x3xf32>) -> !gauss.tensor<{n}x{c}x24x13xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<{n}x{c}x24x13xf32>) -> !gauss.tensor<{n}x{c}x24x13xf32>
  %2 = gauss.max_pool2d %1 kernel [{kernel}, {kernel}] strides [{stride}, {stride}] padding [{above}, {beside}, {above}, {beside}] : (!gauss.tensor<{n}x{c}x24x13xf32>) -> !gauss.tensor<{n}x{c}x{rows}x{columns}xf32>
  %3 = gauss.avg_pool2d %2 kernel [2, 1] strides [2, 1] : (!gauss.tensor<{n}x{c}x{rows}x{columns}xf32>) -> !gauss.tensor<{n}x{c}x{half}x{columns}xf32>
  %4 = gauss.conv2d %3, %w2 padding [1, 1, 1, 1] : (!gauss.tensor<{n}x{c}x{half}x{columns}xf32>, !gauss.tensor<4x{c}x3x3xf32>) -> !gauss.tensor<{n}x4x{half}x{columns}xf32>
  return %4 : !gauss.tensor<{n}x4x{half}x{columns}xf32>
}}"
    );
    case(module, posterior, x, &[n, 4, half, columns])
}

/// Three convolutions of many channels, with ReLUs, pools and padding between them: means by
/// Winograd's algorithm in strips of an image, and in whole images where they are small.
fn wide(batch: usize, [c, d, e]: [usize; 3], gaussian: bool) -> Case {
    let n = batch;
    let x = tensor(&[n, c, 26, 18], gaussian, 1);
    let mut posterior = Posterior::default();
    posterior.insert("w1", &tensor(&[d, c, 3, 3], true, 2));
    posterior.insert("b1", &tensor(&[d], true, 3));
    posterior.insert("w2", &tensor(&[e, d, 3, 3], true, 4));
    posterior.insert("w3", &tensor(&[c, e, 3, 3], true, 5));
    posterior.insert("b3", &tensor(&[c], false, 6));
    let xt = x.ty();
    let module = format!(
        "func.func @net(%x: {xt}) -> !gauss.tensor<{n}x{c}x6x4xf32> {{
  %w1 = gauss.parameter \"w1\" : !gauss.tensor<{d}x{c}x3x3xf32>
  %b1 = gauss.parameter \"b1\" : !gauss.tensor<{d}xf32>
  %w2 = gauss.parameter \"w2\" : !gauss.tensor<{e}x{d}x3x3xf32>
  %w3 = gauss.parameter \"w3\" : !gauss.tensor<{c}x{e}x3x3xf32>
  %b3 = gauss.parameter \"b3\" : tensor<{c}xf32>
  %0 = gauss.conv2d %x, %w1, %b1 : ({xt}, !gauss.tensor<{d}x{c}x3x3xf32>, !gauss.tensor<{d}xf32>) -> !gauss.tensor<{n}x{d}x24x16xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<{n}x{d}x24x16xf32>) -> !gauss.tensor<{n}x{d}x24x16xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2] : (!gauss.tensor<{n}x{d}x24x16xf32>) -> !gauss.tensor<{n}x{d}x12x8xf32>
  %3 = gauss.conv2d %2, %w2 padding [1, 1, 1, 1] : (!gauss.tensor<{n}x{d}x12x8xf32>, !gauss.tensor<{e}x{d}x3x3xf32>) -> !gauss.tensor<{n}x{e}x12x8xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<{n}x{e}x12x8xf32>) -> !gauss.tensor<{n}x{e}x12x8xf32>
  %5 = gauss.avg_pool2d %4 kernel [2, 2] strides [2, 2] : (!gauss.tensor<{n}x{e}x12x8xf32>) -> !gauss.tensor<{n}x{e}x6x4xf32>
  %6 = gauss.conv2d %5, %w3, %b3 padding [1, 1, 1, 1] : (!gauss.tensor<{n}x{e}x6x4xf32>, !gauss.tensor<{c}x{e}x3x3xf32>, tensor<{c}xf32>) -> !gauss.tensor<{n}x{c}x6x4xf32>
  return %6 : !gauss.tensor<{n}x{c}x6x4xf32>
}}"
    );
    case(module, posterior, x, &[n, c, 6, 4])
}

/// A dense layer.
fn dense([n, k, m]: [usize; 3], gaussian: bool) -> Case {
    let x = tensor(&[n, k], gaussian, 1);
    let mut posterior = Posterior::default();
    posterior.insert("w", &tensor(&[m, k], true, 2));
    let xt = x.ty();
    let module = format!(
        "func.func @net(%x: {xt}) -> !gauss.tensor<{n}x{m}xf32> {{
  %w = gauss.parameter \"w\" : !gauss.tensor<{m}x{k}xf32>
  %0 = gauss.dense %x, %w : ({xt}, !gauss.tensor<{m}x{k}xf32>) -> !gauss.tensor<{n}x{m}xf32>
  return %0 : !gauss.tensor<{n}x{m}xf32>
}}"
    );
    case(module, posterior, x, &[n, m])
}

fn case(module: String, posterior: Posterior, x: Tensor, shape: &[usize]) -> Case {
    let placeholder = Tensor::deterministic(shape, vec![0.0; shape.iter().product()]);
    let name = "net".to_owned();
    let mut case = Case { name, module, posterior, inputs: vec![x], expected: placeholder };
    case.expected = reference(&case);
    case
}

fn compile(case: &Case, target: &Target, options: &Options) -> CompiledModel {
    let session = Session::new();
    let source = Source::as_written("test.mlir", case.module.as_bytes());
    let network = Network::with_source(&session, &source, Some(&case.posterior), None).unwrap();
    let function = network.function(None).unwrap();
    let compiled = network.compile(function, target, options, &|_| {}).unwrap();
    CompiledModel::new(&compiled).unwrap()
}

fn run(case: &Case, model: &CompiledModel, executor: &Executor) -> Vec<Vec<f32>> {
    let inputs = components(&case.inputs[0]);
    let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
    let mut outputs = vec![vec![0.0; case.expected.mean.len()]; 2];
    let mut slices: Vec<_> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    model.run_parallel_into(&inputs, &mut slices, &mut model.arena(), executor).unwrap();
    outputs
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for gaussian in [false, true] {
        // The last has items of 5 · 4 KB for the dense layer.
        for (batch, channels) in [(1, [3, 8]), (3, [16, 20]), (5, [1, 33]), (2, [2, 256])] {
            cases.push(convolutional(batch, channels, gaussian));
        }
        for (batch, channels, window) in [
            (1, 20, Window([2, 2], [0, 0])),
            (2, 5, Window([3, 3], [0, 0])),
            (1, 7, Window([3, 2], [0, 0])),
            (2, 40, Window([3, 2], [1, 1])),
            (3, 16, Window([2, 3], [0, 0])),
            (1, 33, Window([3, 1], [1, 1])),
            (2, 3, Window([4, 2], [1, 1])),
            (2, 9, Window([4, 4], [2, 2])),
            (2, 11, Window([4, 1], [2, 2])),
            (1, 8, Window([3, 3], [1, 1])),
            (1, 40, Window([5, 2], [2, 2])),
        ] {
            cases.push(pooled(batch, channels, window, gaussian));
        }
        for (batch, channels) in [(1, [8, 9, 10]), (3, [16, 32, 24]), (2, [9, 64, 33])] {
            cases.push(wide(batch, channels, gaussian));
        }
        for shape in [[40, 4096, 20], [17, 1000, 70], [9, 997, 33], [1, 4096, 3], [64, 640, 16]] {
            cases.push(dense(shape, gaussian));
        }
    }
    cases
}

#[test]
fn chains_and_long_sums_on_the_host() {
    for case in cases() {
        let model = compile(&case, &Target::host(), &Options::default());
        let result = case.result(run(&case, &model, &Executor::serial()));
        check(&case.module, &result, &case.expected, TOLERANCE);
    }
}

/// A file that gives the generator a core of 16 lanes; LLVM splits the vectors for
/// cores that have narrower ones. So the code for AVX-512 is run on any machine.
fn sixteen_lanes() -> tempfile::NamedTempFile {
    let core = Target::core("x86-64-v4").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = serde_json::json!({ "core": core, "kernels": [] }).to_string();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn chains_and_long_sums_with_sixteen_lanes() {
    let file = sixteen_lanes();
    let schedules = Schedules::File(file.path().to_owned());
    let options = Options { schedules, ..Options::default() };
    for case in cases() {
        let model = compile(&case, &Target::host(), &options);
        let result = case.result(run(&case, &model, &Executor::serial()));
        check(&case.module, &result, &case.expected, TOLERANCE);
    }
}

unsafe extern "C" fn backwards(
    _: *mut std::ffi::c_void,
    task: pfp_runtime::Task,
    data: *mut std::ffi::c_void,
    count: usize,
) {
    for index in (0..count).rev() {
        // SAFETY: the model's task with its data.
        unsafe { task(data, index) };
    }
}

#[test]
fn tasks_give_the_same_bits_whoever_runs_them() {
    // SAFETY: runs each task once.
    let backwards = unsafe { Executor::new(std::ptr::null_mut(), backwards) };
    let threads = Threads::new(2).unwrap();
    let cases = [
        // By items of the batch, by strips of an item, by columns, and by rows of a block
        // whose columns are few.
        convolutional(8, [24, 40], true),
        pooled(1, 320, Window([2, 2], [0, 0]), true),
        pooled(1, 320, Window([3, 2], [0, 0]), true),
        pooled(1, 320, Window([3, 2], [1, 1]), false),
        pooled(1, 320, Window([3, 1], [1, 1]), true),
        pooled(1, 320, Window([3, 2], [0, 1]), true),
        wide(1, [64, 48, 80], true),
        wide(8, [16, 32, 24], false),
        dense([64, 784, 100], false),
        dense([99, 1000, 40], true),
    ];
    for case in cases {
        let alone = compile(&case, &Target::host(), &Options::default());
        let expected = run(&case, &alone, &Executor::serial());
        for tasks in [2, 3, 7] {
            let options = Options { tasks, ..Options::default() };
            let model = compile(&case, &Target::host(), &options);
            for executor in [Executor::serial(), backwards, threads.executor()] {
                assert_eq!(run(&case, &model, &executor), expected, "{tasks} tasks");
            }
        }
    }
}
