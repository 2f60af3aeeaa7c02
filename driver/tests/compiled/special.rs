//! The special functions over the range of float32.

use gauss_dialect::interpreter::{Program, Tensor};
use gauss_lowering::target::Target;
use pfp::jit::CompiledModel;

use crate::{
    case::{self, compile},
    common,
};

const COUNT: usize = 4096;

/// `op` on a vector of `COUNT` numbers, compiled.
fn function(op: &str, target: &Target) -> CompiledModel {
    let module = format!(
        "#map = affine_map<(d0) -> (d0)>
func.func @f(%x: tensor<{COUNT}xf32>) -> tensor<{COUNT}xf32> {{
  %empty = tensor.empty() : tensor<{COUNT}xf32>
  %y = linalg.generic {{indexing_maps = [#map, #map], iterator_types = [\"parallel\"]}}
      ins(%x : tensor<{COUNT}xf32>) outs(%empty : tensor<{COUNT}xf32>) {{
  ^bb0(%in: f32, %out: f32):
    %value = math.{op} %in : f32
    linalg.yield %value : f32
  }} -> tensor<{COUNT}xf32>
  return %y : tensor<{COUNT}xf32>
}}"
    );
    CompiledModel::new(&compile(&module, None, None, target)).unwrap()
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
                let ulp = f64::from(f32::from_bits(rounded.abs().to_bits() + 1) - rounded.abs());
                worst = worst.max((f64::from(y) - exact).abs() / ulp);
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

/// The largest relative errors.
#[derive(Debug, Default, Clone, Copy)]
struct Worst {
    mean: f64,
    variance: f64,
}

impl Worst {
    /// Adds a mean and a variance of a maximum of numbers with a deviation. What is below
    /// 1e-30, or below 1e-37 of the deviation or the variance, counts as zero.
    fn add(&mut self, actual: [f64; 2], exact: [f64; 2], deviation: f64) {
        let error = |actual: f64, exact: f64, unit: f64| {
            let least = 1e-30 + 1e-37 * unit;
            ((actual - exact).abs() - least).max(0.0) / exact.abs().max(least)
        };
        let [mean, variance] = [error(actual[0], exact[0], deviation), {
            error(actual[1], exact[1], deviation * deviation)
        }];
        assert!(mean.is_finite() && variance.is_finite(), "{actual:?} for {exact:?}");
        self.mean = self.mean.max(mean);
        self.variance = self.variance.max(variance);
    }
}

/// An op on Gaussian numbers, compiled and interpreted.
struct Both {
    model: CompiledModel,
    program: Program,
    shape: &'static [usize],
}

impl Both {
    fn new(op: &str, shape: &'static [usize], result: &[usize], target: &Target) -> Self {
        let ty = |shape: &[usize]| common::random(shape, true, 0).ty();
        let (x, y) = (ty(shape), ty(result));
        let module = format!(
            "func.func @main(%x: {x}) -> {y} {{\n  %y = gauss.{op} : ({x}) -> {y}\n  return %y : \
             {y}\n}}\n"
        );
        let model = CompiledModel::new(&compile(&module, None, None, target)).unwrap();
        Self { model, program: common::program(&module, &common::none).unwrap(), shape }
    }

    /// Means and variances of the results: computed, and exact.
    fn run(&self, mean: &[f32], variance: &[f32]) -> [[Vec<f64>; 2]; 2] {
        let double = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let outputs = self.model.run(&[mean, variance]).unwrap();
        let input = Tensor::gaussian(self.shape, double(mean), double(variance));
        let exact = self.program.run(&[input]).unwrap().remove(0);
        [[double(&outputs[0]), double(&outputs[1])], [exact.mean, exact.variance.unwrap()]]
    }
}

/// Distances of a mean, or of two, in deviations: from -14 to 40, `COUNT` at a time.
fn ratios() -> impl Iterator<Item = Vec<f64>> {
    const BLOCKS: usize = 16;
    let ratio = |i: usize| -14.0 + 54.0 * i as f64 / (BLOCKS * COUNT) as f64;
    (0..BLOCKS).map(move |block| (block * COUNT..(block + 1) * COUNT).map(ratio).collect())
}

const SCALES: [f64; 5] = [1e-9, 1e-3, 1.0, 1e3, 1e9];

/// The relative error of what contains e^(−a²/2): that of a, which is rounded, becomes a²
/// times as large. The limit of `dialect/tests/moments.rs`.
fn tail_limit(a: f64) -> f64 {
    1.5e-6 + 1.2e-7 * a * a
}

/// The machine's own lanes, and 16.
fn targets() -> Vec<Target> {
    [Target::host()].into_iter().chain(case::has_fma().then(case::sixteen_lanes)).collect()
}

#[test]
fn relu_is_exact_from_the_far_tail_to_the_identity() {
    // [`tail_limit`] where a band ends; beyond 13.24 the tail is zero.
    let allowed = [("m < -4σ", 13.24), ("-4σ < m < 0", 4.0), ("m > 0", 0.0)];
    for target in targets() {
        let relu = Both::new("relu %x", &[COUNT], &[COUNT], &target);
        let mut worst = [Worst::default(); 3];
        for (scale, ratios) in SCALES.iter().flat_map(|&s| ratios().map(move |r| (s, r))) {
            let mean: Vec<_> = ratios.iter().map(|ratio| (ratio * scale) as f32).collect();
            let variance = vec![(scale * scale) as f32; COUNT];
            let [[m, v], [exact_m, exact_v]] = relu.run(&mean, &variance);
            for (i, &ratio) in ratios.iter().enumerate() {
                let band = if ratio < -4.0 { 0 } else { 1 + usize::from(ratio >= 0.0) };
                worst[band].add([m[i], v[i]], [exact_m[i], exact_v[i]], scale);
            }
        }
        for ((band, a), worst) in allowed.iter().zip(worst) {
            let text = format!(
                "{}: relu, {band}: mean {:.1e}, variance {:.1e}",
                target.name, worst.mean, worst.variance
            );
            println!("{text}");
            assert!(worst.mean.max(worst.variance) <= tail_limit(*a), "{text}");
        }
    }
}

#[test]
fn max_is_exact_at_any_distance_of_the_means() {
    const DEVIATIONS: [[f64; 2]; 4] = [[1.0, 1.0], [1.0, 0.01], [0.01, 1.0], [1.0, 0.0]];
    for target in targets() {
        let op = "max_pool2d %x kernel [1, 2]";
        let max = Both::new(op, &[1, 1, COUNT, 2], &[1, 1, COUNT, 1], &target);
        let mut worst = Worst::default();
        for [a, b] in DEVIATIONS {
            for (scale, ratios) in SCALES.iter().flat_map(|&s| ratios().map(move |r| (s, r))) {
                let theta = a.hypot(b) * scale;
                let mean = ratios.iter().flat_map(|ratio| [0.0, (ratio * theta) as f32]);
                let variance = [a, b].map(|deviation| (deviation * scale).powi(2) as f32);
                let mean: Vec<_> = mean.collect();
                let [[m, v], [exact_m, exact_v]] = max.run(&mean, &variance.repeat(COUNT));
                for i in 0..COUNT {
                    worst.add([m[i], v[i]], [exact_m[i], exact_v[i]], theta);
                }
            }
        }
        let text = format!(
            "{}: max: mean {:.1e}, variance {:.1e}",
            target.name, worst.mean, worst.variance
        );
        println!("{text}");
        assert!(worst.mean.max(worst.variance) <= tail_limit(13.24), "{text}");
    }
}

#[test]
fn relu_keeps_what_is_not_a_number() {
    for target in targets() {
        let relu = Both::new("relu %x", &[COUNT], &[COUNT], &target);
        let outputs = relu.model.run(&[&[f32::NAN; COUNT], &[1.0; COUNT]]).unwrap();
        assert!(outputs[0].iter().all(|mean| mean.is_nan()), "{}", target.name);
    }
}
