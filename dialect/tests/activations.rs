//! Every activation of the dialect against numeric integration of the plain function, in double
//! precision and in arithmetic that rounds to `f32` as compiled code does.

#[path = "common/quadrature.rs"]
mod quadrature;
#[path = "common/single.rs"]
mod single;

use gauss_dialect::{
    interpreter::F64,
    moments::{Elementary, Moments},
    ops::activation::Activation,
};
use proptest::prelude::*;
use quadrature::Quadrature;
use single::F32;

/// An activation as its users know it.
struct Plain {
    function: Box<dyn Fn(f64) -> f64>,
    /// Where the function or its slope jumps.
    kinks: Vec<f64>,
    size: Size,
}

/// How large results become.
#[derive(Clone, Copy)]
enum Size {
    /// Between two numbers.
    Bounded(f64, f64),
    /// As large as the argument.
    Linear,
    /// Larger: errors count beside the deviation of the result. Tested for σ up to this, and means up to
    /// seven times as much, where the variance is a number of `f32`.
    Steep(f64),
}
use Size::{Bounded, Linear, Steep};

/// The plain function, from textbooks.
fn plain(activation: Activation) -> Plain {
    let written = activation.write().to_string();
    let number = |name: &str| -> f64 {
        let mut words = written.split(' ').skip_while(|word| *word != name);
        words.nth(1).unwrap_or_else(|| panic!("no {name} in {written}")).parse().unwrap()
    };
    let sigmoid =
        |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let (function, kinks, size): (Box<dyn Fn(f64) -> f64>, Vec<f64>, _) = match activation.name() {
        "abs" => (Box::new(f64::abs), vec![0.0], Linear),
        "clip" => {
            let (low, high) = (number("min"), number("max"));
            (Box::new(move |x| x.clamp(low, high)), vec![low, high], Bounded(low, high))
        }
        "celu" => {
            let alpha = number("alpha");
            let below = move |x: f64| alpha * (x / alpha).exp_m1();
            (Box::new(move |x| if x < 0.0 { below(x) } else { x }), vec![0.0], Linear)
        }
        "elu" => {
            let alpha = number("alpha");
            (Box::new(move |x| if x < 0.0 { alpha * x.exp_m1() } else { x }), vec![0.0], Linear)
        }
        "exp" => (Box::new(f64::exp), vec![], Steep(3.0)),
        "gelu" if written.contains("tanh") => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            let share = move |x: f64| 0.5 * (1.0 + (root * (x + 0.044715 * x.powi(3))).tanh());
            // Where the hyperbolic tangent is rounded to -1 the tail is 0 here and not there.
            (Box::new(move |x| x * share(x)), vec![], Linear)
        }
        "gelu" => {
            let cdf = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
            (Box::new(move |x| x * cdf(x)), vec![], Linear)
        }
        "heaviside" => (Box::new(|x| f64::from(u8::from(x >= 0.0))), vec![0.0], Bounded(0.0, 1.0)),
        "hard_sigmoid" => {
            let (alpha, beta) = (number("alpha"), number("beta"));
            let mut kinks = vec![-beta / alpha, (1.0 - beta) / alpha];
            kinks.sort_by(f64::total_cmp);
            (Box::new(move |x| (alpha * x + beta).clamp(0.0, 1.0)), kinks, Bounded(0.0, 1.0))
        }
        "hard_swish" => {
            let function = |x: f64| x * (x + 3.0).clamp(0.0, 6.0) / 6.0;
            (Box::new(function), vec![-3.0, 3.0], Linear)
        }
        "leaky_relu" => {
            let slope = number("slope");
            (Box::new(move |x| if x < 0.0 { slope * x } else { x }), vec![0.0], Linear)
        }
        "mish" => (Box::new(move |x| x * softplus(x).tanh()), vec![], Linear),
        "relu" => (Box::new(|x| x.max(0.0)), vec![0.0], Linear),
        "selu" => {
            let (alpha, scale) = (1.673_263_242_354_377_2, 1.050_700_987_355_480_5);
            let below = move |x: f64| scale * alpha * x.exp_m1();
            (Box::new(move |x| if x < 0.0 { below(x) } else { scale * x }), vec![0.0], Linear)
        }
        "sigmoid" => (Box::new(sigmoid), vec![], Bounded(0.0, 1.0)),
        "sign" => (
            Box::new(|x| if x == 0.0 { 0.0 } else { f64::signum(x) }),
            vec![0.0],
            Bounded(-1.0, 1.0),
        ),
        "silu" => (Box::new(move |x| x * sigmoid(x)), vec![], Linear),
        "sin" => (Box::new(f64::sin), vec![], Bounded(-1.0, 1.0)),
        "softplus" => (Box::new(softplus), vec![], Linear),
        "square" => (Box::new(|x| x * x), vec![], Steep(f64::INFINITY)),
        "tanh" => (Box::new(f64::tanh), vec![], Bounded(-1.0, 1.0)),
        other => panic!("the tests do not know what gauss.{other} computes"),
    };
    Plain { function, kinks, size }
}

/// Mean and variance of the function of a Gaussian: the variance as a sum of squares.
fn integrated(q: &Quadrature, plain: &Plain, mean: f64, sigma: f64) -> (f64, f64) {
    let (start, end) = (mean - 12.0 * sigma, mean + 12.0 * sigma);
    let mut bounds: Vec<f64> =
        (-48..=48).map(|step| mean + f64::from(step) * 0.25 * sigma).collect();
    bounds.extend((-120..=120).map(|step| 0.5 * f64::from(step)).chain(plain.kinks.clone()));
    bounds.retain(|x| (start..=end).contains(x));
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let density = |x: f64| {
        let z = (x - mean) / sigma;
        (-0.5 * z * z).exp() / (sigma * (2.0 * std::f64::consts::PI).sqrt())
    };
    let base = (plain.function)(mean);
    let shift = q.over(&bounds, |x| density(x) * ((plain.function)(x) - base));
    let spread = q.over(&bounds, |x| density(x) * ((plain.function)(x) - base - shift).powi(2));
    (base + shift, spread)
}

/// Means and standard deviations over twelve decades, near to the features of the functions and far
/// from them.
fn operands() -> Vec<(f64, f64)> {
    let mut operands = Vec::new();
    for half_decade in -12..=12 {
        let sigma = 10f64.powf(f64::from(half_decade) / 2.0);
        let ratios = [0.0, 0.1, 0.5, 1.0, 2.0, 3.5, 6.0].into_iter().flat_map(|r| [r, -r]);
        let places = [0.3, 1.0, 2.2, 3.0, 4.5, 6.0, 9.0].into_iter().flat_map(|m| [m, -m]);
        let means = ratios.map(|ratio| ratio * sigma).chain(places);
        operands.extend(means.map(|mean| (f64::from(mean as f32), f64::from(sigma as f32))));
    }
    // Around the places where one rule takes over from another.
    for step in 3..=30 {
        let sigma = 0.1 * f64::from(step);
        let means = (-20..=20).map(|place| 0.5 * f64::from(place) + 0.07);
        operands.extend(means.map(|mean| (f64::from(mean as f32), f64::from(sigma as f32))));
    }
    operands
}

/// The errors of an activation: of the mean in units of `scale`, of the variance relative to itself
/// and a thousandth of the square of `scale`.
#[derive(Debug, Default, Clone, Copy)]
struct Errors {
    mean: f64,
    mean_at: (f64, f64),
    variance: f64,
    variance_at: (f64, f64),
}

fn errors(activation: Activation, moments: &dyn Fn(f64, f64) -> Option<(f64, f64)>) -> Errors {
    let (q, plain, mut worst) = (Quadrature::new(), plain(activation), Errors::default());
    for (mean, sigma) in operands() {
        if let Steep(most) = plain.size
            && (sigma > most || mean.abs() > 7.0 * most)
        {
            continue;
        }
        let Some((actual_mean, actual_variance)) = moments(mean, sigma) else { continue };
        let (expected_mean, expected_variance) = match activation.name() {
            // The phase is uniform: e^(−v/2) is below 1e-39.
            "sin" if sigma > 30.0 => (0.0, 0.5),
            _ => integrated(&q, &plain, mean, sigma),
        };
        let scale = match plain.size {
            Bounded(low, high) if matches!(activation.name(), "sign" | "heaviside") => high - low,
            Bounded(low, high) => sigma.min(high - low),
            Linear => sigma,
            Steep(_) => expected_variance.sqrt(),
        };
        // The mean itself is rounded.
        let rounding = if moments(0.0, 0.0).is_some() { expected_mean.abs() } else { 0.0 };
        let unit = scale.max(rounding * 0.05);
        let mean_error = (actual_mean - expected_mean).abs() / unit;
        let variance_error = (actual_variance - expected_variance).abs()
            / (expected_variance + 1e-3 * scale * scale);
        assert!(!mean_error.is_nan() && !variance_error.is_nan(), "{activation:?} {mean} {sigma}");
        if mean_error > worst.mean {
            (worst.mean, worst.mean_at) = (mean_error, (mean, sigma));
        }
        if variance_error > worst.variance {
            (worst.variance, worst.variance_at) = (variance_error, (mean, sigma));
        }
    }
    worst
}

#[test]
fn the_reference_is_the_integral() {
    let mut wrong = Vec::new();
    for activation in Activation::samples() {
        let worst = errors(activation, &|mean, sigma| {
            let x = Moments::gaussian(mean, sigma * sigma);
            let result = activation.moments(&mut F64, x);
            Some((result.mean, result.variance.unwrap()))
        });
        println!("{}{}: {worst:?}", activation.name(), activation.write());
        // The rule of clip for large deviations is a series, whose error is that in `f64` too.
        let series = matches!(activation.name(), "clip" | "hard_sigmoid");
        let [mean, variance] = if series { [1e-6, 2e-4] } else { [1e-9, 1e-7] };
        if !(worst.mean < mean && worst.variance < variance) {
            wrong.push(format!("{activation:?}: {worst:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Limits for `f32`: what pages state.
fn limits(activation: Activation) -> [f64; 2] {
    match activation.name() {
        "mish" => [2.5e-5, 1.7e-4],
        "sigmoid" | "silu" | "softplus" | "gelu" | "tanh" => [1e-5, 1.7e-4],
        "clip" | "hard_sigmoid" => [1e-5, 2e-4],
        "hard_swish" => [1e-5, 2e-5],
        _ => [1e-5, 1e-5],
    }
}

#[test]
fn single_precision_is_within_its_limits_over_twelve_decades() {
    let mut wrong = Vec::new();
    for activation in Activation::samples() {
        let worst = errors(activation, &|mean, sigma| {
            let variance = (sigma * sigma) as f32;
            let x = Moments::gaussian(mean as f32, variance);
            let result = activation.moments(&mut F32, x);
            Some((f64::from(result.mean), f64::from(result.variance.unwrap())))
        });
        println!("{}{}: {worst:?}", activation.name(), activation.write());
        let [mean, variance] = limits(activation);
        if !(worst.mean < mean && worst.variance < variance) {
            wrong.push(format!("{activation:?}: {worst:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where a unit is off, or saturated, a variance is small beside σ² and keeps digits of its own.
#[test]
fn small_variances_keep_their_digits() {
    let q = Quadrature::new();
    for activation in Activation::samples() {
        if !["elu", "celu", "selu", "relu"].contains(&activation.name()) {
            continue;
        }
        let (plain, mut worst) = (plain(activation), (0.0, 0.0, 0.0));
        for half_decade in -12..=4 {
            let sigma = f64::from(10f64.powf(f64::from(half_decade) / 2.0) as f32);
            for step in 0..=24 {
                let far = f64::from((-0.25 * f64::from(step) * sigma) as f32);
                let places = [far, far - 3.0, -0.5 * f64::from(step)];
                for mean in places.map(|mean| f64::from(mean as f32)) {
                    let (_, expected) = integrated(&q, &plain, mean, sigma);
                    // A few deviations from what is not flat, and normal numbers.
                    if mean < -6.5 * sigma - 20.0 || expected < 1e-9 * sigma * sigma {
                        continue;
                    }
                    let x = Moments::gaussian(mean as f32, (sigma * sigma) as f32);
                    let result = activation.moments(&mut F32, x).variance.unwrap();
                    let error = (f64::from(result) / expected - 1.0).abs();
                    if error > worst.0 {
                        worst = (error, mean, sigma);
                    }
                }
            }
        }
        println!("{}{}: {worst:?}", activation.name(), activation.write());
        assert!(worst.0 < 1e-5, "{activation:?}: {worst:?}");
    }
}

#[test]
fn without_variance_it_is_the_plain_function() {
    for activation in Activation::samples() {
        let plain = plain(activation);
        for step in -400..=400 {
            let x = f64::from(f64::from(step) as f32 * 0.05);
            let expected = (plain.function)(x);
            let exact = activation.moments(&mut F64, Moments::deterministic(x));
            assert!(
                (exact.mean - expected).abs() <= 1e-8 * expected.abs().max(1e-3),
                "{activation:?} {x}"
            );
            let single = activation.moments(&mut F32, Moments::deterministic(x as f32));
            let error = (f64::from(single.mean) - expected).abs();
            assert!(error <= 2e-6 * expected.abs().max(1e-4), "{activation:?} {x}: {error:e}");
            let narrow = activation.moments(&mut F64, Moments::gaussian(x, 0.0));
            assert_eq!(
                (narrow.mean, narrow.variance),
                (exact.mean, Some(0.0)),
                "{activation:?} {x}"
            );
            let narrow = activation.moments(&mut F32, Moments::gaussian(x as f32, 0.0));
            assert_eq!(
                (narrow.mean, narrow.variance),
                (single.mean, Some(0.0)),
                "{activation:?} {x}"
            );
        }
    }
}

#[test]
fn what_is_not_a_number_stays() {
    for activation in Activation::samples() {
        let nan = activation.moments(&mut F32, Moments::deterministic(f32::NAN));
        assert!(nan.mean.is_nan(), "{activation:?}");
        let nan = activation.moments(&mut F32, Moments::gaussian(f32::NAN, 1.0));
        assert!(nan.mean.is_nan(), "{activation:?}: {nan:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn nothing_finite_gives_nan_or_a_negative_variance(
        mean in prop_oneof![any::<f32>(), -50f32..50.0],
        variance in prop_oneof![any::<f32>(), 0f32..100.0],
    ) {
        prop_assume!(mean.is_finite() && variance.is_finite());
        let variance = variance.abs();
        for activation in Activation::samples() {
            let result = activation.moments(&mut F32, Moments::gaussian(mean, variance));
            let spread = result.variance.unwrap();
            prop_assert!(!result.mean.is_nan() && spread >= 0.0,
                "{:?} of {} {}: {:?}", activation, mean, variance, result);
            let plain = activation.moments(&mut F32, Moments::deterministic(mean));
            prop_assert!(!plain.mean.is_nan(), "{:?} of {}", activation, mean);
        }
    }
}

#[test]
fn the_names_are_those_of_the_samples() {
    let mut seen: Vec<_> =
        Activation::samples().iter().map(|activation| activation.name()).collect();
    seen.dedup();
    assert_eq!(seen, Activation::NAMES);
    assert!(F64.upper_tail(0.0) == 0.5);
}

/// What may be exchanged with a maximum never makes a larger number a smaller one, and all others do.
#[test]
fn increasing_activations_are_those_that_never_fall() {
    let points: Vec<f64> = (-4000..=4000).map(|n| f64::from(n) / 200.0).collect();
    for activation in Activation::samples() {
        let value = |x: f64| activation.moments(&mut F64, Moments::deterministic(x)).mean;
        let values: Vec<_> = points.iter().map(|&x| value(x)).collect();
        // What is rounded may fall by a unit in the last place.
        let rises = values.windows(2).all(|pair| pair[1] >= pair[0] - 1e-15 * pair[0].abs());
        assert_eq!(rises, activation.is_increasing(), "{activation:?}");
    }
}
