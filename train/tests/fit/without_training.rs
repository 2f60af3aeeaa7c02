//! Posteriors around means that were trained before.

use pfp_train::{
    data::{Data, Target},
    gradient::{Parameter, Values},
    laplace::{self, Approximation, Precision},
    settings::{Collect, Objective, Optimiser, Prior, Settings},
    state::State,
};

use crate::{
    double::{Double, Kind, parameters},
    fixture::{Case, Told, classes, close, conjugate, regression, values},
};

const SETTINGS: laplace::Settings = laplace::Settings {
    precision: Precision::Fixed(4.0),
    noise: 0.25,
    items: None,
    seed: 0,
    threads: 2,
};

fn laplace(
    (data, inputs, outputs): (&Data, usize, usize),
    values: &Values,
    settings: laplace::Settings,
) -> Approximation {
    let linear = Double::new(Kind::Linear, 1, inputs, outputs);
    let parameters = parameters(inputs, outputs, true, false);
    laplace::laplace(&linear, &parameters, values, data, &settings, &Told::default()).unwrap()
}

#[test]
fn laplace_of_a_linear_model_has_the_diagonal_of_the_exact_precision() {
    let data = regression(200);
    let (matrix, _) = conjugate(&data, 0.25, 4.0);
    let values = values(&parameters(3, 1, true, false), 0.5);
    let result = laplace((&data, 3, 1), &values, SETTINGS);
    assert_eq!(result.values.mean, values.mean);
    for (index, row) in matrix.iter().enumerate() {
        close(f64::from(result.values.variance[index]) * row[index], 1.0, 1e-5);
    }
    for threads in [1, 3] {
        let settings = laplace::Settings { threads, ..SETTINGS };
        assert_eq!(laplace((&data, 3, 1), &values, settings), result);
    }
}

#[test]
fn laplace_of_a_classifier_has_the_hessian_of_the_cross_entropy() {
    // Of a linear classifier the generalised Gauss-Newton matrix is the Hessian.
    let data = classes(60, 3);
    let values = values(&parameters(2, 3, true, false), 0.5);
    let fixed = laplace::Settings { precision: Precision::Fixed(0.7), ..SETTINGS };
    let result = laplace((&data, 2, 3), &values, fixed);
    let loss = |values: &[f64]| {
        let mut sum = 0.0;
        for item in 0..data.len() {
            let x = data.input(item);
            let logit = |k: usize| {
                values[2 * k] * f64::from(x[0])
                    + values[2 * k + 1] * f64::from(x[1])
                    + values[6 + k]
            };
            let all: f64 = (0..3).map(|k| logit(k).exp()).sum();
            let target = data.target(item);
            sum -= (0..3).map(|k| f64::from(target[k]) * (logit(k) - all.ln())).sum::<f64>();
        }
        sum
    };
    let at: Vec<f64> = values.mean.iter().map(|&x| x.into()).collect();
    for index in 0..9 {
        let moved = |by: f64| {
            let mut at = at.clone();
            at[index] += by;
            loss(&at)
        };
        let second = (moved(1e-3) - 2.0 * moved(0.0) + moved(-1e-3)) / 1e-6;
        close(1.0 / f64::from(result.values.variance[index]) - 0.7, second, 1e-4);
    }
}

#[test]
fn laplace_of_two_classes_by_one_logit() {
    let inputs = vec![0.5f32, -1.0, 2.0, 0.1];
    let data = Data::new(Target::Binary, inputs.clone(), vec![1.0, 0.0, 1.0, 0.0]).unwrap();
    let values = Values { mean: vec![0.8, -0.2, 0.0, 0.0], variance: vec![1.0; 2] };
    let fixed = laplace::Settings { precision: Precision::Fixed(1e-3), ..SETTINGS };
    let result = laplace((&data, 1, 1), &values, fixed);
    let h = |power: i32| {
        let one = |x: &f32| {
            let p = 1.0 / (1.0 + (-(0.8 * f64::from(*x) - 0.2)).exp());
            p * (1.0 - p) * f64::from(*x).powi(power)
        };
        inputs.iter().map(one).sum::<f64>()
    };
    close(1.0 / f64::from(result.values.variance[0]), h(2) + 1e-3, 1e-4);
    close(1.0 / f64::from(result.values.variance[1]), h(0) + 1e-3, 1e-4);
}

/// The part of the log evidence of diagonal curvatures that depends on the precision.
fn log_evidence(h: &[f64], square: f64, precision: f64) -> f64 {
    let n = h.len() as f64;
    let determinant: f64 = h.iter().map(|h| (h + precision).ln()).sum();
    0.5 * (n * precision.ln() - precision * square - determinant)
}

#[test]
fn the_precision_of_the_prior_has_the_largest_evidence() {
    let data = regression(200);
    let (matrix, mean) = conjugate(&data, 0.25, 0.0);
    let mut values = values(&parameters(3, 1, true, false), 0.5);
    for (value, mean) in values.mean.iter_mut().zip(&mean) {
        *value = *mean as f32;
    }
    let all: Vec<_> = (0..4).map(|index| matrix[index][index]).collect();
    let square = |range: std::ops::Range<usize>| mean[range].iter().map(|m| m * m).sum::<f64>();
    let is_best = |precision: f64, h: &[f64], square: f64| {
        let best = log_evidence(h, square, precision);
        for factor in [0.9, 0.99, 1.01, 1.1] {
            assert!(best > log_evidence(h, square, precision * factor), "{precision} {factor}");
        }
    };
    let evidence = laplace::Settings { precision: Precision::Evidence, ..SETTINGS };
    let result = laplace((&data, 3, 1), &values, evidence);
    let [prior] = &result.priors[..] else { panic!("{:?}", result.priors) };
    assert_eq!(prior.weights, 4);
    assert!(prior.determined > 3.0 && prior.determined < 4.0);
    is_best(prior.precision, &all, square(0..4));
    for (index, h) in all.iter().enumerate() {
        close(f64::from(result.values.variance[index]) * (h + prior.precision), 1.0, 1e-5);
    }
}

#[test]
fn each_layer_has_a_precision_of_its_own_where_that_is_asked() {
    let data = regression(40);
    let spare = true;
    let parameters: Vec<Parameter> = parameters(3, 1, true, spare);
    let linear = Double::with_spare(Kind::Linear, 1, 3, 1, spare);
    let values = values(&parameters, 0.5);
    let run = |precision: Precision| {
        let settings = laplace::Settings { precision, ..SETTINGS };
        laplace::laplace(&linear, &parameters, &values, &data, &settings, &Told::default())
    };
    let fixed = run(Precision::Fixed(2.0)).unwrap();
    // Data say nothing of it: it has the variance of the prior.
    assert_eq!(fixed.values.variance[4..], [0.5; 3]);
    let error = run(Precision::EvidenceOfLayers).unwrap_err().to_string();
    assert!(error.contains("no output depends on spare.weight"), "{error}");
    let one = run(Precision::Evidence).unwrap();
    assert_eq!(one.priors[0].weights, 7);
}

#[test]
fn some_of_the_items_stand_for_all() {
    let data = regression(4000);
    let values = values(&parameters(3, 1, true, false), 0.5);
    let all = laplace((&data, 3, 1), &values, SETTINGS);
    let some = laplace::Settings { items: Some(1000), ..SETTINGS };
    let some = laplace((&data, 3, 1), &values, some);
    for (all, some) in all.values.variance.iter().zip(&some.values.variance) {
        close((some / all).into(), 1.0, 0.05);
    }
}

#[test]
fn swag_has_the_moments_of_the_steps_that_it_collects() {
    let data = regression(60);
    let plain = Double::new(Kind::Plain { noise: 0.25 }, 10, 3, 1);
    let parameters = parameters(3, 1, true, false);
    let run = |epochs: u64, collect: Option<Collect>| {
        let settings = Settings {
            objective: Objective::Means,
            optimiser: Optimiser::Sgd { momentum: 0.0 },
            learning_rate: 0.05,
            batch: 20,
            epochs,
            collect,
            prior: Prior::Fixed(1.0),
            ..Settings::default()
        };
        Case { parameters: &parameters, ..Case::new(&plain, &data, settings) }.fit().unwrap().values
    };
    // Three steps in an epoch: after each of the epochs 3 to 7.
    let collect = Collect { every: 3, after: 2, scale: 0.5 };
    let swag = run(7, Some(collect));
    let samples: Vec<_> = (3..=7).map(|epochs| run(epochs, None).mean).collect();
    for index in 0..4 {
        let numbers = || samples.iter().map(|sample| f64::from(sample[index]));
        let mean = numbers().sum::<f64>() / 5.0;
        let variance = numbers().map(|x| (x - mean).powi(2)).sum::<f64>() / 5.0;
        close(swag.mean[index].into(), mean, 1e-6);
        close(f64::from(swag.variance[index]) / variance, 0.5, 1e-4);
    }
    let few = Settings {
        objective: Objective::Means,
        batch: 20,
        collect: Some(Collect { every: 100, after: 0, scale: 0.5 }),
        ..Settings::default()
    };
    let case = Case { parameters: &parameters, ..Case::new(&plain, &data, few) };
    let state = State::new(values(&parameters, 0.01));
    let error = case.fit_from(state, &Told::default()).unwrap_err().to_string();
    assert!(error.contains("0 sample(s) of the weights would be collected"), "{error}");
}

#[test]
fn swag_refuses_what_it_cannot_collect_and_tells_what_it_keeps() {
    let data = regression(60);
    let plain = Double::new(Kind::Plain { noise: 0.25 }, 10, 3, 1);
    let parameters = parameters(3, 1, true, false);
    let run = |collect: Collect, freeze: &str| {
        let settings = Settings {
            objective: Objective::Means,
            batch: 20,
            epochs: 4,
            collect: Some(collect),
            freeze: vec![freeze.into()],
            ..Settings::default()
        };
        let case = Case { parameters: &parameters, ..Case::new(&plain, &data, settings) };
        let told = Told::default();
        let fitted = case.fit_from(State::new(values(&parameters, 0.01)), &told);
        (fitted, told.0.into_inner().unwrap())
    };
    let collect = Collect { every: 3, after: 0, scale: 0.5 };
    let late = Collect { after: u64::MAX, ..collect };
    let error = run(late, "layer.bias").0.unwrap_err().to_string();
    assert!(error.contains("0 sample(s) of the weights would be collected"), "{error}");
    let error = run(collect, "variances").0.unwrap_err().to_string();
    assert!(error.contains("--freeze variances has no meaning with --posterior swag"), "{error}");
    let (fitted, told) = run(collect, "layer.bias");
    assert_eq!(fitted.unwrap().values.variance[3], 0.01);
    assert_eq!(told, ["'layer.bias' is frozen: mean and variance stay as they start"]);
}

#[test]
fn variances_that_float32_cannot_hold_are_refused() {
    let data = regression(20);
    let values = values(&parameters(3, 1, true, false), 0.5);
    let linear = Double::new(Kind::Linear, 1, 3, 1);
    let parameters = parameters(3, 1, true, false);
    for precision in [1e-60, 1e60] {
        let settings = laplace::Settings { precision: Precision::Fixed(precision), ..SETTINGS };
        let told = Told::default();
        let error = laplace::laplace(&linear, &parameters, &values, &data, &settings, &told);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("--prior-precision"), "{error}");
    }
}
