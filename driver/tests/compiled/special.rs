//! The special functions over the range of float32.

use gauss_lowering::target::Target;
use pfp::jit::CompiledModel;

use crate::case::compile;

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
            if x.is_nan() {
                assert!(y.is_nan(), "NaN became {y}");
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
fn exp_and_erf_are_within_their_stated_errors() {
    for cpu in ["native", "x86-64"] {
        let target = Target::find("host", cpu).unwrap();
        let exp = worst(&function("exp", &target), f64::exp);
        let erf = worst(&function("erf", &target), libm::erf);
        println!("{cpu}: exp {exp:.2} ulp, erf {erf:.2} ulp");
        assert!(exp <= 1.0 && erf <= 3.0, "{cpu}: exp {exp:.2} ulp, erf {erf:.2} ulp");
    }
}
