//! Means of 3x3 convolutions by Winograd's algorithm: rounding errors are those that it may
//! have, and variances know nothing of it.

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    case::{self, Case, Operand},
    linked,
    random::reference,
};

/// Half a unit in the last place of float32, relative.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// Sizes of a layer with one item.
const CHANNELS: usize = 20;
const OUTPUTS: usize = 24;
const ROWS: usize = 12;
const COLUMNS: usize = 8;

/// An image of faint pixels, one in ten of which is a hundred million times as bright.
fn image(rng: &mut ChaCha8Rng) -> Tensor {
    let (rows, columns) = (ROWS + 2, COLUMNS + 2);
    let mut scale = |_| if rng.random_bool(0.1) { 1e3 } else { 1e-5 };
    let scales: Vec<f64> = (0..rows * columns).map(&mut scale).collect();
    let mut values = |scale: fn(f64) -> f64, least: f64| -> Vec<f64> {
        let pixels = (0..CHANNELS).flat_map(|_| &scales);
        pixels.map(|&s| f64::from((scale(s) * rng.random_range(least..1.0)) as f32)).collect()
    };
    let (mean, variance) = (values(|s| s, -1.0), values(|s| s * s, 0.0));
    Tensor::gaussian(&[1, CHANNELS, rows, columns], mean, variance)
}

/// A kernel that ignores half of the pixels of a window, others for each output: where one of
/// these is bright, the algorithm adds and subtracts what the sum itself does not see.
fn kernel(rng: &mut ChaCha8Rng) -> Tensor {
    let seen: Vec<bool> = (0..OUTPUTS * 9).map(|_| rng.random()).collect();
    let mut values = |least: f64| -> Vec<f64> {
        let places = (0..OUTPUTS * CHANNELS * 9).map(|n| n / (CHANNELS * 9) * 9 + n % 9);
        places
            .map(|place| match seen[place] {
                true => f64::from(rng.random_range(least..1.0) as f32),
                false => 0.0,
            })
            .collect()
    };
    let (mean, variance) = (values(-1.0), values(0.0));
    Tensor::gaussian(&[OUTPUTS, CHANNELS, 3, 3], mean, variance)
}

fn layer(seed: u64) -> (Case, [Tensor; 2]) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (input, weight) = (image(&mut rng), kernel(&mut rng));
    let operands = [(&input, false), (&weight, true)]
        .map(|(tensor, parameter)| Operand { tensor: tensor.clone(), parameter });
    let placeholder =
        Tensor::deterministic(&[1, OUTPUTS, ROWS, COLUMNS], vec![0.0; OUTPUTS * ROWS * COLUMNS]);
    let mut case = Case::of_op("layer", "conv2d", "", &operands, placeholder);
    case.expected = reference(&case);
    (case, [input, weight])
}

/// |M| |x| |M|ᵀ.
fn magnitudes<const R: usize, const C: usize>(
    m: &[[f64; C]; R],
    x: [[f64; C]; C],
) -> [[f64; R]; R] {
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let terms = (0..C).flat_map(|a| (0..C).map(move |b| (a, b)));
            terms.map(|(a, b)| (m[i][a] * m[j][b] * x[a][b]).abs()).sum()
        })
    })
}

/// The sum of all numbers that are added to an output, by the sum itself and by the algorithm.
fn sums_of_magnitudes([input, weight]: &[Tensor; 2], [o, y, x]: [usize; 3]) -> [f64; 2] {
    const B: [[f64; 4]; 4] =
        [[1., 0., -1., 0.], [0., 1., 1., 0.], [0., -1., 1., 0.], [0., 1., 0., -1.]];
    const G: [[f64; 3]; 4] = [[1., 0., 0.], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0., 0., 1.]];
    const A: [[f64; 4]; 2] = [[1., 1., 1., 0.], [0., 1., -1., -1.]];
    let pixel = |c: usize, y: usize, x: usize| input.mean[(c * (ROWS + 2) + y) * (COLUMNS + 2) + x];
    let factor = |c: usize, i: usize, j: usize| weight.mean[(o * CHANNELS + c) * 9 + i * 3 + j];
    let mut direct = 0.0;
    let mut products = [[0.0; 4]; 4];
    for c in 0..CHANNELS {
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            direct += (pixel(c, y + i, x + j) * factor(c, i, j)).abs();
        }
        let tile = std::array::from_fn(|i| {
            std::array::from_fn(|j| pixel(c, y / 2 * 2 + i, x / 2 * 2 + j))
        });
        let kernel = std::array::from_fn(|i| std::array::from_fn(|j| factor(c, i, j)));
        let (tile, kernel) = (magnitudes(&B, tile), magnitudes(&G, kernel));
        for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
            products[i][j] += tile[i][j] * kernel[i][j];
        }
    }
    [direct, magnitudes(&A, products)[y % 2][x % 2]]
}

/// An output is the sum of what the algorithm adds. A term is rounded twice for each
/// dimension of the tile of the input, once in the kernel, at most once in each step of the
/// sum, and up to four times on the way to the output.
fn check(name: &str, actual: &Tensor, expected: &Tensor, operands: &[Tensor; 2]) {
    let mut exceeds_direct = false;
    for index in 0..expected.mean.len() {
        let (o, y, x) = (index / (ROWS * COLUMNS), index / COLUMNS % ROWS, index % COLUMNS);
        let [direct, transformed] = sums_of_magnitudes(operands, [o, y, x]);
        let error = (actual.mean[index] - expected.mean[index]).abs();
        let bound = (CHANNELS + 9) as f64 * ROUNDING * transformed;
        assert!(error <= bound, "{name}: mean at {o}, {y}, {x} is off by {error:e} > {bound:e}");
        exceeds_direct |= error > (CHANNELS * 9) as f64 * ROUNDING * direct;
    }
    // Else the layer was not transformed, and the bound tells nothing.
    assert!(exceeds_direct, "{name}: the errors are those of the direct sum");
    let [actual, expected] = [actual, expected].map(|x| x.variance.as_ref().unwrap());
    for (index, (&v, &reference)) in actual.iter().zip(expected).enumerate() {
        assert!((v - reference).abs() <= 1e-5 * reference, "{name}: {v}, {reference} at {index}");
    }
}

#[test]
fn errors_of_means_are_bounded_and_variances_are_exact_to_1e_5() {
    for seed in 0..4 {
        let (case, operands) = layer(seed);
        let mut targets = vec![Target::host()];
        targets.extend(case::has_fma().then(case::sixteen_lanes));
        for target in targets {
            check(&target.name, &case.run_on(&target), &case.expected, &operands);
        }
    }
    let (case, operands) = layer(4);
    for cpu in ["cortex-a53", "cortex-a72", "cortex-a76"] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let results = linked::run(std::slice::from_ref(&case), &target);
        for result in results.into_iter().flatten() {
            check(cpu, &result, &case.expected, &operands);
        }
    }
}
