//! What training converges to.

use pfp_train::{
    divergence::divergence,
    schedule::Schedule,
    settings::{Objective, Optimiser, Prior, Settings},
    state::State,
};

use crate::{
    double::{Double, Kind, parameters},
    fixture::{Case, Told, bits, classes, close, conjugate, regression, settings, values},
};

const NOISE: f64 = 0.25;

/// Of a Gaussian posterior with the precision matrix P, the best of independent Gaussians has its mean
/// and the variances `1 / P_ii`.
#[track_caller]
fn is_the_optimum(values: &pfp_train::gradient::Values, precision: f64, tolerance: f64) {
    let data = regression(200);
    let (matrix, mean) = conjugate(&data, NOISE, precision);
    for (index, expected) in mean.iter().enumerate() {
        close(values.mean[index].into(), *expected, tolerance);
        let ratio = f64::from(values.variance[index]) * matrix[index][index];
        close(ratio, 1.0, 10.0 * tolerance);
    }
}

#[test]
fn moments_reach_the_optimum_of_independent_gaussians() {
    let data = regression(200);
    let double = Double::new(Kind::Moments { noise: NOISE }, 100, 3, 1);
    let settings = Settings {
        batch: 200,
        epochs: 3000,
        learning_rate: 0.02,
        schedule: Schedule::Cosine,
        prior: Prior::Fixed(0.5),
        ..settings()
    };
    let fitted = Case::new(&double, &data, settings).fit().unwrap();
    is_the_optimum(&fitted.values, 4.0, 1e-4);
    // Running statistics are none that training changes.
    let start = values(&parameters(3, 1, true, false), 0.01);
    assert_eq!(fitted.values.mean[4..], start.mean[4..]);
}

#[test]
fn batches_and_descent_reach_it_too() {
    let data = regression(200);
    let double = Double::new(Kind::Moments { noise: NOISE }, 15, 3, 1);
    // The last batch of an epoch has 20 items.
    let settings = Settings {
        batch: 45,
        shards: 3,
        epochs: 4000,
        learning_rate: 0.02,
        schedule: Schedule::Cosine,
        optimiser: Optimiser::Sgd { momentum: 0.9 },
        deviation_rate: 2.0,
        clip: Some(5.0),
        prior: Prior::Fixed(0.5),
        ..settings()
    };
    let fitted = Case::new(&double, &data, settings).fit().unwrap();
    is_the_optimum(&fitted.values, 4.0, 0.02);
}

#[test]
fn draws_of_weights_reach_the_same_optimum() {
    let data = regression(200);
    let plain = Double::new(Kind::Plain { noise: NOISE }, 50, 3, 1);
    let parameters = parameters(3, 1, true, false);
    let settings = Settings {
        objective: Objective::Svi,
        batch: 200,
        shards: 4,
        epochs: 12_000,
        learning_rate: 0.01,
        schedule: Schedule::Cosine,
        prior: Prior::Fixed(0.5),
        ..settings()
    };
    let case = Case { parameters: &parameters, ..Case::new(&plain, &data, settings) };
    let fitted = case.fit().unwrap();
    is_the_optimum(&fitted.values, 4.0, 0.005);
}

#[test]
fn draws_of_outputs_reach_the_same_optimum() {
    let data = regression(200);
    let double = Double::new(Kind::Local { noise: NOISE }, 50, 3, 1);
    let settings = Settings {
        objective: Objective::Local,
        batch: 200,
        shards: 4,
        epochs: 12_000,
        learning_rate: 0.01,
        schedule: Schedule::Cosine,
        prior: Prior::Fixed(0.5),
        ..settings()
    };
    let fitted = Case::new(&double, &data, settings).fit().unwrap();
    is_the_optimum(&fitted.values, 4.0, 0.005);
}

#[test]
fn a_divergence_that_counts_less_leaves_smaller_variances() {
    let data = regression(200);
    let double = Double::new(Kind::Moments { noise: NOISE }, 100, 3, 1);
    let settings = Settings {
        batch: 200,
        epochs: 3000,
        learning_rate: 0.02,
        schedule: Schedule::Cosine,
        prior: Prior::Fixed(0.5),
        beta: 0.1,
        ..settings()
    };
    let fitted = Case::new(&double, &data, settings).fit().unwrap();
    // The likelihood of ten times the data, the variances ten times as small.
    let (matrix, mean) = conjugate(&data, NOISE, 0.1 * 4.0);
    for (index, expected) in mean.iter().enumerate() {
        close(fitted.values.mean[index].into(), *expected, 1e-4);
        close(f64::from(fitted.values.variance[index]) * matrix[index][index], 0.1, 1e-3);
    }
    let last = fitted.history.last().unwrap();
    let divergence = divergence(&fitted.values.mean[..4], &fitted.values.variance, 4.0);
    close(last.kl.unwrap(), divergence, 1e-12);
}

#[test]
fn any_number_of_threads_gives_the_same_numbers() {
    let plain = Double::new(Kind::Softmax, 8, 2, 3);
    let local = Double::new(Kind::Local { noise: NOISE }, 8, 3, 1);
    let (of_classes, of_numbers) = (Settings::default().loss, settings().loss);
    for (objective, double, loss, [data, held_out]) in [
        (Objective::Svi, &plain, of_classes, [classes(100, 3), classes(31, 4)]),
        (Objective::Local, &local, of_numbers, [regression(100), regression(31)]),
    ] {
        let parameters = parameters(double.inputs, double.outputs, true, false);
        let run = |threads: usize, seed: u64| {
            let settings = Settings {
                objective,
                batch: 24,
                shards: 3,
                epochs: 5,
                seed,
                loss,
                ..Settings::default()
            };
            let case = Case::new(double, &data, settings);
            let case =
                Case { threads, parameters: &parameters, validation: Some(&held_out), ..case };
            bits(&case.fit().unwrap())
        };
        let first = run(1, 0);
        assert!(first == run(2, 0) && first == run(3, 0));
        assert!(first != run(1, 1));
    }
}

#[test]
fn what_is_frozen_keeps_its_numbers() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: NOISE }, 10, 3, 1);
    let start = values(&parameters(3, 1, true, false), 0.01);
    let run = |freeze: &[&str]| {
        let freeze = freeze.iter().map(|text| (*text).to_owned()).collect();
        let settings = Settings { freeze, epochs: 3, learning_rate: 0.05, ..settings() };
        let fitted = Case::new(&double, &data, settings).fit().unwrap().values;
        let same = |own: &[f32], other: &[f32]| own == other;
        [
            same(&fitted.mean[..3], &start.mean[..3]),
            same(&fitted.mean[3..4], &start.mean[3..4]),
            same(&fitted.variance[..3], &start.variance[..3]),
            same(&fitted.variance[3..], &start.variance[3..]),
        ]
    };
    assert_eq!(run(&[]), [false; 4]);
    assert_eq!(run(&["means"]), [true, true, false, false]);
    assert_eq!(run(&["variances"]), [false, false, true, true]);
    assert_eq!(run(&[r".*\.bias"]), [false, true, false, true]);
}

#[test]
fn training_ends_when_the_validation_gets_no_better_and_keeps_the_best() {
    let (data, held_out) = (classes(30, 3), classes(300, 4));
    let plain = Double::new(Kind::Softmax, 5, 2, 3);
    let settings = Settings {
        objective: Objective::Means,
        batch: 10,
        epochs: 500,
        learning_rate: 0.1,
        prior: Prior::Fixed(100.0),
        patience: Some(5),
        ..Settings::default()
    };
    let case = Case { validation: Some(&held_out), ..Case::new(&plain, &data, settings) };
    let fitted = case.fit().unwrap();
    let losses: Vec<_> =
        fitted.history.iter().map(|record| record.validation.unwrap().loss).collect();
    let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    assert!(fitted.stopped && fitted.epoch == best as u64 + 1, "{losses:?}");
    assert_eq!(fitted.history.len(), best + 1 + 5);
    // The values are those of the best epoch.
    let shorter = Settings { epochs: fitted.epoch, patience: None, ..case.settings.clone() };
    let until = Case { settings: shorter, ..Case::new(&plain, &data, Settings::default()) };
    assert_eq!(until.fit().unwrap().values, fitted.values);
    assert!(fitted.history.iter().all(|record| record.accuracy.is_some() && record.rmse.is_none()));
}

#[test]
fn what_is_told_of_an_epoch_is_so() {
    let data = regression(50);
    let double = Double::new(Kind::Moments { noise: NOISE }, 10, 3, 1);
    let settings = Settings {
        epochs: 4,
        beta: 0.5,
        kl_warm_up: 2.0,
        warm_up: 1.0,
        learning_rate: 0.01,
        schedule: Schedule::Step { every: 3, factor: 0.1 },
        ..settings()
    };
    let case = Case::new(&double, &data, settings);
    let mut told = Vec::new();
    let state = State::new(values(case.parameters, 0.01));
    let fitted = case.run().fit(state, &Told::default(), &mut |record| told.push(record.clone()));
    assert_eq!(fitted.unwrap().history, told);
    let column = |of: fn(&pfp_train::state::Record) -> f64| told.iter().map(of).collect::<Vec<_>>();
    assert_eq!(column(|r| r.epoch as f64), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(column(|r| r.steps as f64), [3.0, 6.0, 9.0, 12.0]);
    assert_eq!(column(|r| r.beta), [0.25, 0.5, 0.5, 0.5]);
    assert_eq!(column(|r| r.learning_rate), [0.01, 0.01, 0.01, 0.001]);
    assert!(told.windows(2).all(|pair| pair[1].loss < pair[0].loss));
    assert!(told.iter().all(|r| r.rmse.is_some() && r.accuracy.is_none() && r.gradient_norm > 0.0));
}
