//! The predictive head: known values, integrals, and its properties over wide ranges.

mod common;
#[path = "common/single.rs"]
mod single;

use std::f64::consts::PI;

use common::{none, program};
use gauss_dialect::{
    interpreter::Tensor,
    predictive::{
        Special, central_quantile, digamma_rise, digamma_rise_reference, information,
        information_reference,
    },
};
use pfp_runtime::predictive::decompose_into;
use proptest::prelude::*;
use single::F32;

const METHODS: [&str; 3] = [r#""mean-field""#, r#""laplace""#, r#""sample" draws 64 seed 7"#];

/// Total, aleatoric and epistemic.
type Parts = [f64; 3];

/// Class probabilities and uncertainty of one item.
fn predict(method: &str, mean: &[f64], variance: &[f64]) -> (Vec<f64>, Parts) {
    let classes = mean.len();
    let (logits, item) =
        (format!("!gauss.tensor<1x{classes}xf32>"), format!("tensor<1x{classes}xf32>"));
    let source = format!(
        "func.func @main(%x: {logits}) -> ({item}, tensor<1x3xf32>) {{
           %p = gauss.softmax %x method {method} : ({logits}) -> {item}
           %u = gauss.uncertainty %x method {method} : ({logits}) -> tensor<1x3xf32>
           return %p, %u : {item}, tensor<1x3xf32>
         }}"
    );
    let input = Tensor::gaussian(&[1, classes], mean.to_vec(), variance.to_vec());
    let results = program(&source, &none).unwrap().run(&[input]).unwrap();
    (results[0].mean.clone(), results[1].mean.clone().try_into().unwrap())
}

/// The decision with the probabilities and the uncertainty of one item.
fn decide(probabilities: &[f64], uncertainty: Parts, thresholds: &str) -> f64 {
    let item = format!("tensor<1x{}xf32>", probabilities.len());
    let source = format!(
        "func.func @main(%p: {item}, %u: tensor<1x3xf32>) -> tensor<1xf32> {{
           %d = gauss.decide %p, %u {thresholds} : ({item}, tensor<1x3xf32>) -> tensor<1xf32>
           return %d : tensor<1xf32>
         }}"
    );
    let inputs = [
        Tensor::deterministic(&[1, probabilities.len()], probabilities.to_vec()),
        Tensor::deterministic(&[1, 3], uncertainty.to_vec()),
    ];
    program(&source, &none).unwrap().run(&inputs).unwrap()[0].mean[0]
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
    logits.iter().map(|z| (z - largest).exp() / sum).collect()
}

fn entropy(p: &[f64]) -> f64 {
    p.iter().map(|p| if *p == 0.0 { 0.0 } else { -p * p.ln() }).sum()
}

/// Probability of the first of two classes, total and aleatoric uncertainty: integrals
/// over the difference of the logits, which is N(m₀ − m₁, v₀ + v₁).
fn two_classes(mean: [f64; 2], variance: [f64; 2]) -> (f64, Parts) {
    const STEPS: i32 = 20_000;
    let step = 20.0 / f64::from(STEPS);
    let deviation = (variance[0] + variance[1]).sqrt();
    let (mut p, mut aleatoric) = (0.0, 0.0);
    for i in 0..=STEPS {
        let t = f64::from(i) * step - 10.0;
        let weight = (-0.5 * t * t).exp() * step / (2.0 * PI).sqrt();
        let item = softmax(&[mean[0] - mean[1] + deviation * t, 0.0]);
        p += weight * item[0];
        aleatoric += weight * entropy(&item);
    }
    let total = entropy(&[p, 1.0 - p]);
    (p, [total, aleatoric, total - aleatoric])
}

/// From a separate implementation in 40 digits.
#[test]
fn closed_forms_of_known_values() {
    type Known<'a> = (&'a str, &'a [f64], &'a [f64], &'a [f64], Parts);
    let known: [Known; 8] = [
        (
            METHODS[0],
            &[1.5, -0.5],
            &[0.25, 4.0],
            &[0.772_804_640_447_516, 0.227_195_359_552_484_07],
            [0.535_865_191_457_794_9, 0.346_439_523_841_954_1, 0.189_425_667_615_840_76],
        ),
        (
            METHODS[0],
            &[3.0, 1.0, -1.0],
            &[2.0, 0.5, 8.0],
            &[0.714_259_449_076_692_4, 0.181_899_775_752_821_98, 0.103_840_775_170_485_61],
            [0.785_555_037_113_735_4, 0.490_778_044_391_711_35, 0.294_776_992_722_024_1],
        ),
        (
            METHODS[0],
            &[1.0, -2.0, 0.5, 3.0, 0.0, 2.5],
            &[0.5, 4.0, 0.001, 1.0, 9.0, 0.25],
            &[
                0.091_335_513_457_222_92,
                0.021_015_378_042_147_57,
                0.054_172_066_610_204_83,
                0.438_477_237_070_477_2,
                0.088_937_044_818_568_7,
                0.306_062_760_001_378_8,
            ],
            [1.396_782_274_044_425_1, 1.033_933_530_224_093_7, 0.362_848_743_820_331_3],
        ),
        (
            METHODS[0],
            &[0.25, 0.5, 0.75],
            &[0.0001, 0.0002, 0.0001],
            &[0.254_278_528_018_038_74, 0.326_496_628_814_453_35, 0.419_224_843_167_507_97],
            [1.078_101_505_575_602, 1.078_057_863_751_062_3, 4.364_182_453_965_537e-5],
        ),
        (
            METHODS[1],
            &[3.0, 1.0, -1.0],
            &[2.0, 0.5, 8.0],
            &[0.573_658_862_992_694_4, 0.420_059_376_588_439_17, 0.006_281_760_418_866_465],
            [0.714_985_470_167_515_7, 0.694_210_627_494_984_4, 0.020_774_842_672_531_185],
        ),
        (
            METHODS[1],
            &[0.0; 3],
            &[100.0; 3],
            &[1.0 / 3.0; 3],
            [1.098_612_288_668_109_8, 0.031_964_370_583_243_994, 1.066_647_918_084_865_8],
        ),
        (
            METHODS[1],
            &[40.0, -35.0, 2.0, 0.0],
            &[1.0, 2.0, 3.0, 4.0],
            &[1.0, 0.0, 0.0, 0.0],
            [1.454e-16, 1.454e-16, 0.0],
        ),
        (
            METHODS[1],
            &[0.25, 0.5, 0.75],
            &[0.0001, 0.0002, 0.0001],
            &[0.331_390_916_968_152_1, 0.234_603_171_968_986_06, 0.434_005_911_062_861_85],
            [1.068_412_078_980_421_2, 1.068_373_107_702_001_1, 3.897_127_842_049_55e-5],
        ),
    ];
    for (method, mean, variance, probabilities, parts) in known {
        let (p, uncertainty) = predict(method, mean, variance);
        let pairs = p.iter().zip(probabilities).chain(uncertainty.iter().zip(&parts));
        for (actual, expected) in pairs {
            assert!((actual - expected).abs() < 2e-14, "{method} {mean:?}: {actual} {expected}");
        }
    }
}

/// Variances of every ratio, logits with a large part in common: from a separate implementation in
/// 40 digits. Relative, so that small parts count.
#[test]
fn closed_forms_of_unequal_variances() {
    type Known<'a> = (&'a str, &'a [f64], &'a [f64], &'a [f64], Parts);
    let known: [Known; 22] = [
        (
            METHODS[1],
            &[0.0, 0.0],
            &[0.000_1, 10000.0],
            &[0.5, 0.5],
            [std::f64::consts::LN_2, 0.693_097_183_060_445_2, 4.999_749_950_006_251e-5],
        ),
        (
            METHODS[0],
            &[0.0, 0.0],
            &[0.000_1, 10000.0],
            &[0.5, 0.5],
            [std::f64::consts::LN_2, 0.011_540_057_889_186_37, 0.681_607_122_670_758_8],
        ),
        (
            METHODS[1],
            &[0.0, 0.0],
            &[1e-8, 100000000.0],
            &[0.5, 0.5],
            [std::f64::consts::LN_2, 0.693_147_175_559_945_3, 4.999_999_975e-9],
        ),
        (
            METHODS[0],
            &[0.0, 0.0],
            &[1e-8, 100000000.0],
            &[0.5, 0.5],
            [std::f64::consts::LN_2, 0.000_115_416_574_677_214_5, 0.693_031_763_985_268_1],
        ),
        (
            METHODS[1],
            &[1.0, -0.5],
            &[1e-8, 100000000.0],
            &[0.880_797_077_977_882_4, 0.119_202_922_022_117_6],
            [0.365_333_855_087_207_6, 0.365_333_852_987_335_9, 2.099_871_695_540_806e-9],
        ),
        (
            METHODS[0],
            &[1.0, -0.5],
            &[1e-8, 100000000.0],
            &[0.500_059_841_341_012_6, 0.499_940_158_658_987_4],
            [0.693_147_173_397_973, 0.000_115_416_573_715_004_9, 0.693_031_756_824_258_1],
        ),
        (
            METHODS[1],
            &[1.0, -0.5],
            &[100000000.0, 1e-8],
            &[0.731_058_578_630_004_9, 0.268_941_421_369_995_1],
            [0.582_203_108_888_217_9, 0.582_203_104_955_979_3, 3.932_238_643_768_879e-9],
        ),
        (
            METHODS[0],
            &[1.0, -0.5],
            &[100000000.0, 1e-8],
            &[0.500_059_841_341_012_6, 0.499_940_158_658_987_4],
            [0.693_147_173_397_973, 0.000_115_416_573_715_004_9, 0.693_031_756_824_258_1],
        ),
        (
            METHODS[1],
            &[2.0, 1.0, -1.0],
            &[100000000.0, 1e-8, 1.0],
            &[5.023_032_209_942_821e-9, 0.999_999_991_784_859_7, 3.192_108_042_199_414e-9],
            [1.666_473_110_641_366e-7, 1.617_340_480_300_435e-7, 4.913_263_034_093_146e-9],
        ),
        (
            METHODS[0],
            &[2.0, 1.0, -1.0],
            &[100000000.0, 1e-8, 1.0],
            &[0.360_193_184_930_901_5, 0.494_709_143_594_206_6, 0.145_097_671_474_892],
            [0.996_056_616_201_046_6, 0.000_207_077_946_532_041_8, 0.995_849_538_254_514_6],
        ),
        (
            METHODS[1],
            &[2.0, 1.0, -1.0],
            &[0.000_1, 0.000_1, 10000.0],
            &[0.717_835_559_512_042_3, 0.272_851_928_558_153_5, 0.009_312_511_929_804_205],
            [0.635_909_265_648_567_3, 0.635_905_101_263_551, 4.164_385_016_334_841e-6],
        ),
        (
            METHODS[0],
            &[2.0, 1.0, -1.0],
            &[0.000_1, 0.000_1, 10000.0],
            &[0.444_736_539_274_160_7, 0.220_258_886_700_804_2, 0.335_004_574_025_035_1],
            [1.059_963_875_415_512, 0.023_115_250_357_351_29, 1.036_848_625_058_16],
        ),
        (
            METHODS[1],
            &[1000.5, 1000.0, 999.0],
            &[0.5, 0.5, 0.5],
            &[0.459_507_554_089_357_5, 0.332_247_812_012_915_1, 0.208_244_633_897_727_4],
            [1.050_152_836_096_087, 0.927_576_980_477_355, 0.122_575_855_618_731_9],
        ),
        (
            METHODS[0],
            &[1000.5, 1000.0, 999.0],
            &[0.5, 0.5, 0.5],
            &[0.516_750_978_464_534_1, 0.338_281_293_531_971_2, 0.144_967_728_003_494_7],
            [0.987_779_548_162_691_6, 0.865_522_967_352_15, 0.122_256_580_810_541_8],
        ),
        (
            METHODS[1],
            &[1000.5, 1000.0, 999.0],
            &[0.000_1, 1.0, 10000.0],
            &[0.999_955_059_687_67, 4.494_031_233_000_773e-5, 0.0],
            [0.000_494_799_708_815_110_1, 0.000_494_799_708_815_110_1, 2.063_453_467_152_837e-38],
        ),
        (
            METHODS[0],
            &[1000.5, 1000.0, 999.0],
            &[0.000_1, 1.0, 10000.0],
            &[0.382_472_639_525_623_6, 0.286_547_394_008_149_3, 0.330_979_966_466_227_1],
            [1.091_699_090_089_9, 0.024_232_986_293_411_19, 1.067_466_103_796_489],
        ),
        (
            METHODS[1],
            &[0.0, 0.5, 1.0],
            &[100000000.0, 100000000.0, 100000000.0],
            &[0.253_839_623_618_058, 0.319_199_817_355_209_5, 0.426_960_559_026_732_5],
            [1.075_904_482_543_981, 3.499_571_659_453_94e-8, 1.075_904_447_548_265],
        ),
        (
            METHODS[0],
            &[0.0, 0.5, 1.0],
            &[100000000.0, 100000000.0, 100000000.0],
            &[0.333_314_527_190_850_3, 0.333_333_332_979_655_7, 0.333_352_139_829_494],
            [1.098_612_287_607_077, 0.000_141_030_259_298_744_8, 1.098_471_257_347_778],
        ),
        (
            METHODS[1],
            &[0.0, 0.5, 1.0],
            &[1e-8, 1e-8, 1e-8],
            &[0.253_839_623_618_058, 0.319_199_817_355_209_5, 0.426_960_559_026_732_5],
            [1.075_904_482_543_981, 1.075_904_479_482_236, 3.061_745_428_202_306e-9],
        ),
        (
            METHODS[0],
            &[0.0, 0.5, 1.0],
            &[1e-8, 1e-8, 1e-8],
            &[0.186_323_723_708_821_3, 0.307_195_885_911_609_8, 0.506_480_390_379_568_9],
            [1.020_191_337_306_361, 1.020_191_334_234_402, 3.071_958_845_240_86e-9],
        ),
        (
            METHODS[1],
            &[3.0, 0.0],
            &[1000000.0, 1000000.0],
            &[0.952_574_126_822_433_3, 0.047_425_873_177_566_78],
            [0.190_864_971_106_442_4, 1.644_914_111_168_132e-6, 0.190_863_326_192_331_2],
        ),
        (
            METHODS[0],
            &[3.0, 0.0],
            &[1000000.0, 1000000.0],
            &[0.500_846_283_028_421_2, 0.499_153_716_971_578_8],
            [0.693_145_748_169_333, 0.000_816_116_511_013_939_5, 0.692_329_631_658_319_1],
        ),
    ];
    for (method, mean, variance, probabilities, parts) in known {
        let (p, uncertainty) = predict(method, mean, variance);
        let pairs = p.iter().zip(probabilities).chain(uncertainty.iter().zip(&parts));
        for (actual, expected) in pairs {
            // A concentration is at most 1e30.
            let close = (actual - expected).abs() <= 1e-11 * expected + 1e-30;
            assert!(close, "{method} {mean:?} {variance:?}: {actual} {expected}");
        }
    }
}

/// The figures of docs/predictive.md.
#[test]
fn two_classes_are_close_to_the_integral() {
    let mut worst = [[0.0f64; 3]; 3];
    for difference in [0.0, 0.5, 1.0, 2.0, 4.0, 8.0] {
        for variance in [0.01, 0.1, 1.0, 4.0, 16.0, 64.0] {
            let (mean, variance) = ([difference, 0.0], [0.5 * variance; 2]);
            let (p, parts) = two_classes(mean, variance);
            let methods = [METHODS[0], METHODS[1], r#""sample" draws 10000"#];
            for (worst, method) in worst.iter_mut().zip(methods) {
                let (probabilities, uncertainty) = predict(method, &mean, &variance);
                let errors =
                    [probabilities[0] - p, uncertainty[1] - parts[1], uncertainty[2] - parts[2]];
                worst.iter_mut().zip(errors).for_each(|(w, error)| *w = w.max(error.abs()));
            }
        }
    }
    println!("probability, aleatoric, epistemic: {worst:.3?}");
    let most = [[0.02, 0.04, 0.05], [0.3, 0.15, 0.45], [0.01; 3]];
    for (worst, most) in worst.iter().zip(most) {
        assert!(worst.iter().zip(most).all(|(worst, most)| *worst <= most), "{worst:?}");
    }
}

#[test]
fn samples_are_those_of_the_runtime() {
    let (mean, variance) = ([1.0, -2.0, 0.5, 3.0, 0.0, 2.5], [0.5, 4.0, 0.0, 1.0, 9.0, 0.25]);
    let seed = 0x8234_5678_9abc_def0u64;
    let method = format!(r#""sample" draws 16 seed {}"#, seed.cast_signed());
    let (p, parts) = predict(&method, &mean, &variance);
    let (mut probabilities, mut scratch) = ([0.0; 6], [0.0; 6]);
    let [mean, variance] = [mean, variance].map(|row| row.map(|x| x as f32));
    let u = decompose_into(&mean, &variance, 16, seed, &mut probabilities, &mut scratch).unwrap();
    let single = probabilities.iter().chain([&u.total, &u.aleatoric, &u.epistemic]);
    for (actual, &single) in p.iter().chain(&parts).zip(single) {
        assert!((actual - f64::from(single)).abs() < 3e-6, "{actual} {single}");
    }
}

#[test]
fn without_a_variance_the_softmax_and_nothing_epistemic() {
    let mean = [0.5, -1.0, 2.0, 0.0];
    for method in [METHODS[0], METHODS[2]] {
        let (p, [total, aleatoric, epistemic]) = predict(method, &mean, &[0.0; 4]);
        let close = |(p, q): (&f64, &f64)| (p - q).abs() < 1e-15;
        assert!(p.iter().zip(&softmax(&mean)).all(close), "{method}: {p:?}");
        assert_eq!([total, aleatoric, epistemic], [entropy(&p), entropy(&p), 0.0], "{method}");
    }
}

#[test]
fn what_is_not_a_number_stays_so_and_is_unknown() {
    for method in METHODS {
        let (p, parts) = predict(method, &[1.0, f64::NAN, 0.0], &[1.0; 3]);
        assert!(p.iter().chain(&parts).all(|x| x.is_nan()), "{method}: {p:?} {parts:?}");
        for thresholds in ["", "epistemic 1.0", "aleatoric 1.0"] {
            assert_eq!(decide(&p, parts, thresholds), -2.0);
        }
    }
    let p = [0.5, f64::NAN];
    assert_eq!(decide(&p, [0.1; 3], ""), -2.0);
    assert_eq!(decide(&[0.5, 0.5], [0.1, f64::NAN, 0.1], ""), -2.0);
}

#[test]
fn decisions() {
    let p = [0.1, 0.4, 0.4, 0.1];
    let both = "epistemic 0.3 aleatoric 0.5";
    // The first of equals; a threshold itself is not above it.
    assert_eq!(decide(&p, [0.8, 0.5, 0.3], both), 1.0);
    assert_eq!(decide(&p, [0.9, 0.6, 0.3], both), -1.0);
    assert_eq!(decide(&p, [0.8, 0.4, 0.4], both), -2.0);
    // Both: nothing can be said of an input that is not known.
    assert_eq!(decide(&p, [1.0, 0.6, 0.4], both), -2.0);
    // A threshold that is left out rejects nothing.
    assert_eq!(decide(&p, [9.0, 9.0, 0.3], "epistemic 0.3"), 1.0);
    assert_eq!(decide(&p, [9.0, 0.5, 9.0], "aleatoric 0.5"), 1.0);
    assert_eq!(decide(&[0.0, 0.0, 1.0], [0.0; 3], "epistemic 0.0 aleatoric 0.0"), 2.0);
}

#[test]
fn intervals_hold_what_they_say() {
    let source = "func.func @main(%y: !gauss.tensor<2x1xf32>) -> tensor<2x1x2xf32> {
        %i = gauss.interval %y coverage 0.95 noise 0.75
          : (!gauss.tensor<2x1xf32>) -> tensor<2x1x2xf32>
        return %i : tensor<2x1x2xf32>
      }";
    let input = Tensor::gaussian(&[2, 1], vec![10.0, -1.0], vec![0.25, 0.0]);
    let ends = program(source, &none).unwrap().run(&[input]).unwrap().remove(0).mean;
    let (one, other) = (1.959_963_984_540_054, 1.959_963_984_540_054 * 0.75f64.sqrt());
    for (end, expected) in ends.iter().zip([10.0 - one, 10.0 + one, -1.0 - other, other - 1.0]) {
        assert!((end - expected).abs() < 1e-13, "{ends:?}");
    }
}

/// From a separate implementation in 40 digits.
#[test]
fn quantiles() {
    for (coverage, z) in [
        (0.5, 0.674_489_750_196_081_7),
        (0.9, 1.644_853_626_951_472_9),
        (0.95, 1.959_963_984_540_053_8),
        (0.999_999, 4.891_638_475_692_932),
    ] {
        assert!((central_quantile(coverage) - z).abs() < 1e-14 * z, "{coverage}");
    }
}

/// From a separate implementation in 40 digits.
#[test]
fn the_information_of_known_values() {
    for (x, g) in [
        (0.0, 0.0),
        (1e-30, 6.850_033_712_491_985e-29),
        (1e-3, 0.006_332_183_347_171_836),
        (0.25, 0.289_710_206_935_906_3),
        (1.0, 0.422_784_335_098_467_13),
        (1.5, 0.446_537_298_805_618_2),
        (7.0, 0.488_119_302_302_076_84),
        (15.999, 0.494_793_372_242_027_74),
        (16.0, 0.494_793_697_402_866_1),
        (1e3, 0.499_916_666_675),
        (1e12, 0.499_999_999_999_916_7),
    ] {
        assert!((information_reference(x) - g).abs() <= 2e-14 * g, "{x}: {g}");
    }
}

/// From a separate implementation in 40 digits.
#[test]
fn the_rise_of_digamma_of_known_values() {
    for (x, rise) in [
        (0.0, 0.0),
        (1e-20, 1.644_934_066_848_226_4e-20),
        (1e-3, 0.001_643_733_091_232_389_1),
        (0.25, 0.349_762_131_525_267_5),
        (0.5, 0.613_705_638_880_109_4),
        (1.0, 1.0),
    ] {
        assert!((digamma_rise_reference(x) - rise).abs() <= 2e-15 * rise, "{x}: {rise}");
        let single = f64::from(F32.digamma_rise(x as f32));
        assert!((single - rise).abs() <= 1.5e-7, "{x}: {single} {rise}");
    }
}

impl Special for F32 {
    fn information(&mut self, a: f32) -> f32 {
        information(self, a)
    }
    fn digamma_rise(&mut self, a: f32) -> f32 {
        digamma_rise(self, a)
    }
}

#[test]
fn the_information_in_single_precision_is_close_to_double() {
    let mut worst = 0.0f64;
    // A prime step meets every exponent and spreads over all fractions.
    let (least, largest) = (1e-36f32.to_bits(), f32::MAX.to_bits());
    for bits in (least..largest).step_by(4999) {
        let x = f32::from_bits(bits);
        let exact = information_reference(f64::from(x));
        worst = worst.max((f64::from(F32.information(x)) / exact - 1.0).abs());
    }
    println!("relative error {worst:.2e}");
    assert!(worst < 5e-7);
    assert!(F32.information(0.0) < 1e-34 && F32.information(f32::INFINITY) <= 0.5);
}

/// Numbers of every magnitude that `f32` has.
fn magnitude() -> impl Strategy<Value = f64> {
    (-1.0f64..1.0, -30..38i32).prop_map(|(x, exponent)| x * 10f64.powi(exponent))
}

proptest! {
    #[test]
    fn probabilities_sum_to_one_and_uncertainty_has_parts(
        logits in prop::collection::vec(
            prop_oneof![(-20.0..20.0, 0.0..50.0), (magnitude(), magnitude())], 2..12
        )
    ) {
        let (mean, variance): (Vec<_>, Vec<_>) =
            logits.into_iter().map(|(mean, variance): (f64, f64)| (mean, variance.abs())).unzip();
        for method in METHODS {
            let (p, [total, aleatoric, epistemic]) = predict(method, &mean, &variance);
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{}: {:?}", method, p);
            prop_assert!(p.iter().all(|p| (0.0..=1.0 + 1e-12).contains(p)), "{}: {:?}", method, p);
            let parts = [total, aleatoric, epistemic];
            let most = (mean.len() as f64).ln() + 1e-12;
            prop_assert!(parts.iter().all(|x| (0.0..=most).contains(x)), "{}: {:?}", method, parts);
            prop_assert!((total - aleatoric - epistemic).abs() < 1e-12, "{}: {:?}", method, parts);
        }
    }

    #[test]
    fn the_first_order_of_the_mean_field_is_exact(
        mean in prop::collection::vec(-2.0..2.0f64, 2..8)
    ) {
        let variance = vec![1e-6; mean.len()];
        let (_, [_, _, epistemic]) = predict(METHODS[0], &mean, &variance);
        let p = softmax(&mean);
        let first_order = 0.5 * p.iter().map(|p| p * (1.0 - p) * 1e-6).sum::<f64>();
        prop_assert!((epistemic / first_order - 1.0).abs() < 1e-4, "{} {}", epistemic, first_order);
    }
}
