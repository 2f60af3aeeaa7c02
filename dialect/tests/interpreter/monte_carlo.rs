//! Monte Carlo.

use super::*;

/// Checks estimates from `samples` draws of numbers whose fourth central moment
/// is at most `kurtosis` times the squared variance, at 4.5 standard errors.
fn assert_converged(estimate: &Tensor, reference: &Tensor, samples: u64, kurtosis: f64) {
    let n = samples as f64;
    let variances = reference.variance.as_ref().expect("a Gaussian reference");
    let estimated = estimate.variance.as_ref().expect("an estimated variance");
    for i in 0..reference.mean.len() {
        let mean_error = (variances[i] / n).sqrt();
        let variance_error = variances[i] * ((kurtosis - 1.0) / n).sqrt();
        let mean = (estimate.mean[i] - reference.mean[i]) / mean_error;
        let variance = (estimated[i] - variances[i]) / variance_error;
        assert!(mean.abs() < 4.5, "mean {i} is off by {mean} standard errors");
        assert!(variance.abs() < 4.5, "variance {i} is off by {variance} standard errors");
    }
}

#[test]
fn monte_carlo_converges_where_the_moments_are_exact() {
    const SAMPLES: u64 = 40_000;
    let source = main_of(
        "(%x: !gauss.tensor<2x8xf32>) -> !gauss.tensor<2x3xf32>",
        "%w = gauss.parameter \"w\" : !gauss.tensor<3x8xf32>
         %b = gauss.parameter \"b\" : !gauss.tensor<3xf32>
         %y = gauss.dense %x, %w, %b
           : (!gauss.tensor<2x8xf32>, !gauss.tensor<3x8xf32>, !gauss.tensor<3xf32>)
           -> !gauss.tensor<2x3xf32>
         return %y : !gauss.tensor<2x3xf32>",
    );
    let parameters = |name: &str, _: &_| match name {
        "w" => Ok(random(&[3, 8], true, 8)),
        _ => Ok(random(&[3], true, 9)),
    };
    let dense = program(&source, &parameters).unwrap();
    let x = [random(&[2, 8], true, 10)];
    let estimate = dense.sample(&x, SAMPLES, 1).unwrap().remove(0);
    // A product of two Gaussians has the kurtosis 9 at most.
    assert_converged(&estimate, &dense.run(&x).unwrap()[0], SAMPLES, 9.0);

    let source = main_of(
        "(%x: !gauss.tensor<5xf32>) -> !gauss.tensor<5xf32>",
        "%y = gauss.relu %x : (!gauss.tensor<5xf32>) -> !gauss.tensor<5xf32>
         return %y : !gauss.tensor<5xf32>",
    );
    let relu = program(&source, &none).unwrap();
    let x = [gaussian(&[5], &[-1.0, -0.5, 0.0, 0.7, 3.0], &[1.0, 4.0, 1.0, 0.25, 2.0])];
    let estimate = relu.sample(&x, SAMPLES, 2).unwrap().remove(0);
    // The kurtosis of max(Z - 1, 0), the largest of the five, is 21.
    assert_converged(&estimate, &relu.run(&x).unwrap()[0], SAMPLES, 21.0);
}

#[test]
fn noise_has_the_moments_of_its_draws() {
    const SAMPLES: u64 = 40_000;
    let means = [-1.0, 0.25, 0.7, 3.0];
    // The kurtosis of x·B/(1 − p), the largest of which is that of a rate of 0.9, is 3/(1 − p) at most.
    for (op, kurtosis) in [
        ("dropout %x rate 0.3", 4.5),
        ("dropout %x rate 0.9", 30.0),
        ("noise %x variance 0.25", 3.0),
    ] {
        for (ty, x) in [
            ("tensor<4xf32>", Tensor::deterministic(&[4], means.to_vec())),
            ("!gauss.tensor<4xf32>", gaussian(&[4], &means, &[0.5, 1.0, 0.0, 2.0])),
        ] {
            let source = main_of(
                &format!("(%x: {ty}) -> !gauss.tensor<4xf32>"),
                &format!(
                    "%y = gauss.{op} : ({ty}) -> !gauss.tensor<4xf32>
                          return %y : !gauss.tensor<4xf32>"
                ),
            );
            let noisy = program(&source, &none).unwrap();
            let x = [x];
            let estimate = noisy.sample(&x, SAMPLES, 3).unwrap().remove(0);
            assert_converged(&estimate, &noisy.run(&x).unwrap()[0], SAMPLES, kurtosis);
        }
    }
}

#[test]
fn samples_are_the_mean_and_variance_of_the_draws() {
    let program = Network::small().program();
    let x = [random(&[5, 3], true, 11)];
    let draws = program.draws(&x, 0..100, 3).unwrap();
    assert_eq!(draws[40..60], program.draws(&x, 40..60, 3).unwrap()[..]);
    assert_ne!(draws[40..60], program.draws(&x, 40..60, 4).unwrap()[..]);
    let estimate = program.sample(&x, 100, 3).unwrap().remove(0);
    let values = |i: usize| draws.iter().map(move |draw| draw[0].mean[i]);
    let means: Vec<_> = (0..10).map(|i| values(i).sum::<f64>() / 100.0).collect();
    let square = |i: usize| values(i).map(|value| (value - means[i]).powi(2)).sum::<f64>();
    let variances: Vec<_> = (0..10).map(|i| square(i) / 99.0).collect();
    assert_close(&estimate, &gaussian(&[5, 2], &means, &variances), 1e-12);
}

#[test]
fn the_number_of_threads_does_not_change_a_sample() {
    let program = Network::small().program();
    let x = [random(&[70, 3], true, 12)];
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| program.sample(&x, 33, 5).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn the_batch_shares_the_weights_of_a_draw() {
    let source = main_of(
        "(%x: tensor<?x1xf32>) -> (!gauss.tensor<?x1xf32>, !gauss.tensor<?x1xf32>)",
        "%w = gauss.parameter \"w\" : !gauss.tensor<1x1xf32>
         %v = gauss.parameter \"w\" : !gauss.tensor<1x1xf32>
         %y = gauss.dense %x, %w
           : (tensor<?x1xf32>, !gauss.tensor<1x1xf32>) -> !gauss.tensor<?x1xf32>
         %z = gauss.dense %x, %v
           : (tensor<?x1xf32>, !gauss.tensor<1x1xf32>) -> !gauss.tensor<?x1xf32>
         return %y, %z : !gauss.tensor<?x1xf32>, !gauss.tensor<?x1xf32>",
    );
    let program =
        program(&source, &|_: &str, _: &_| Ok(gaussian(&[1, 1], &[0.0], &[1.0]))).unwrap();
    let draw = program.draws(&[exact(&[3, 1], &[1.0, 1.0, 2.0])], 7..8, 6).unwrap().remove(0);
    let [first, second] = [&draw[0].mean, &draw[1].mean];
    assert!(first[0] != 0.0);
    assert_eq!(*first, [first[0], first[0], 2.0 * first[0]]);
    assert_eq!(first, second, "a parameter that is named twice is one draw");
    let alone = program.draws(&[exact(&[1, 1], &[1.0])], 7..8, 6).unwrap().remove(0);
    assert_eq!(alone[0].mean, [first[0]], "the weights do not depend on the batch");
}

#[test]
fn gaussian_elements_are_drawn_apart() {
    let source = main_of(
        "(%m: tensor<4xf32>) -> !gauss.tensor<4xf32>",
        "%x = gauss.make %m, %m : tensor<4xf32>
         return %x : !gauss.tensor<4xf32>",
    );
    let program = program(&source, &none).unwrap();
    let ones = exact(&[4], &[1.0, 1.0, 1.0, 0.0]);
    let draw = program.draws(&[ones], 0..1, 0).unwrap().remove(0).remove(0);
    assert_eq!((draw.variance, draw.mean[3]), (None, 0.0));
    assert!(draw.mean[0] != draw.mean[1] && draw.mean[1] != draw.mean[2]);
}

#[test]
fn one_pass_knows_no_moments() {
    let ty = "!gauss.tensor<1xf32>";
    let sample = |results: &str, body: &str| {
        let source = main_of(&format!("(%x: {ty}) -> {results}"), body);
        program(&source, &none).unwrap().sample(&[gaussian(&[1], &[1.0], &[4.0])], 1000, 7)
    };
    let message = |results: &str, body: &str| sample(results, body).unwrap_err().to_string();
    assert_eq!(
        message(
            "tensor<1xf32>",
            "%v = gauss.variance %x : !gauss.tensor<1xf32>
                                  return %v : tensor<1xf32>"
        ),
        "-:2:6: 'gauss.variance' op has no meaning in one forward pass"
    );
    assert_eq!(
        message(
            "tensor<1xf32>",
            "%m = gauss.mean %x : !gauss.tensor<1xf32>
                                  %r = gauss.relu %m : (tensor<1xf32>) -> tensor<1xf32>
                                  return %r : tensor<1xf32>"
        ),
        "-:2:6: 'gauss.mean' op has no meaning within one forward pass, only as a result of the \
         function"
    );
    let mean = sample(
        "tensor<1xf32>",
        "%m = gauss.mean %x : !gauss.tensor<1xf32>
                                        return %m : tensor<1xf32>",
    );
    let mean = mean.unwrap()[0].mean[0];
    assert!((mean - 1.0).abs() < 0.3, "{mean}");
    let program = Network::small().program();
    assert_eq!(program.sample(&[random(&[1, 3], true, 0)], 1, 0), Err(Error::Samples(1)));
}
