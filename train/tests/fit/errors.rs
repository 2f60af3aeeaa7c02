//! What cannot be trained is an error that says why.

use miette::Diagnostic;
use pfp_compiler::error::Error;
use pfp_train::{
    data::{Data, Target},
    gradient::Parameter,
    settings::{Loss, Objective, Prior, Settings},
    state::State,
};

use crate::{
    double::{Double, Kind, parameters},
    fixture::{Case, Told, regression, settings, values},
};

const KIND: Kind = Kind::Moments { noise: 0.25 };

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, needle: &str) {
    let error = result.unwrap_err();
    let help = error.help().map(|help| help.to_string()).unwrap_or_default();
    let text = format!("{error}\n{help}");
    assert!(text.contains(needle), "{text}");
}

#[test]
fn settings_that_fit_nothing() {
    let data = regression(60);
    let double = Double::new(KIND, 10, 3, 1);
    let fit = |settings: Settings| Case::new(&double, &data, settings).fit();
    refused(fit(Settings { batch: 31, ..settings() }), "multiple of --shards");
    refused(fit(Settings { shards: 0, ..settings() }), "cannot be cut into 0 shards");
    refused(fit(Settings { patience: Some(3), ..settings() }), "--patience needs data");
    let lasting = Settings { patience: Some(3), kl_warm_up: 1.0, ..settings() };
    let case = Case { validation: Some(&data), ..Case::new(&double, &data, lasting) };
    refused(case.fit(), "--patience judges no epoch: --kl-warm-up 1 lasts for all 1 of --epochs");
    for noise in [1e300, 1e-300, 1e-40] {
        let loss = Loss::Gaussian { noise: Some(noise) };
        refused(fit(Settings { loss, ..settings() }), "--noise-variance");
    }
    for prior in [1e-30, 1e30] {
        refused(fit(Settings { prior: Prior::Fixed(prior), ..settings() }), "--prior ");
        refused(fit(Settings { prior: Prior::FanIn(prior), ..settings() }), "--prior ");
    }
    refused(fit(Settings { beta: 1e300, ..settings() }), "--beta 1e300");
    let freeze = vec!["means".to_owned(), "variances".to_owned()];
    refused(fit(Settings { freeze, ..settings() }), "everything is frozen");
    let freeze = vec!["layr.*".to_owned()];
    refused(fit(Settings { freeze, ..settings() }), "the parameters are layer.weight, layer.bias");
}

#[test]
fn data_that_fit_no_network() {
    let data = regression(60);
    let double = Double::new(KIND, 10, 4, 1);
    refused(Case::new(&double, &data, settings()).fit(), "has 3 numbers, the network takes 4");
    let double = Double::new(KIND, 10, 3, 2);
    refused(Case::new(&double, &data, settings()).fit(), "has 1 numbers, the network gives 2");
    refused(Data::new(Target::Binary, vec![], vec![]), "no items");
    refused(Data::new(Target::Binary, vec![1.0, 2.0, 3.0], vec![1.0, 0.0]), "whole items");
    refused(Data::new(Target::Binary, vec![1.0, f32::NAN], vec![1.0, 0.0]), "NaN in item 1");
    let targets = vec![1.0, f32::INFINITY];
    refused(Data::new(Target::Numbers(1), vec![1.0, 2.0], targets), "the target inf in item 1");
}

#[test]
fn losses_and_outputs_that_do_not_belong_together() {
    let cross_entropy = Loss::CrossEntropy { draws: 0 };
    refused(Target::of(cross_entropy, &[1]), "--loss binary");
    refused(Target::of(cross_entropy, &[4, 5]), "the network gives the shape [4, 5]");
    refused(Target::of(Loss::Binary { draws: 0 }, &[3]), "has 3 outputs");
    assert_eq!(Target::of(cross_entropy, &[3]).unwrap(), Target::Classes(3));
    assert_eq!(Target::of(Loss::Gaussian { noise: None }, &[2]).unwrap(), Target::Numbers(2));
}

#[test]
fn values_of_another_network_and_variances_of_nothing() {
    let data = regression(60);
    let double = Double::new(KIND, 10, 3, 1);
    let case = Case::new(&double, &data, settings());
    let mut start = values(case.parameters, 0.01);
    start.variance[1] = 0.0;
    let told = Told::default();
    refused(case.fit_from(State::new(start), &told), "'layer.weight' starts with a variance of 0");
    let mut start = values(case.parameters, 0.01);
    start.mean.pop();
    refused(case.fit_from(State::new(start), &told), "those of another network");
}

#[test]
fn a_variance_of_nothing_may_be_kept() {
    let data = regression(60);
    let double = Double::new(KIND, 10, 3, 1);
    let plain = Double::new(Kind::Plain { noise: 0.25 }, 10, 3, 1);
    for (gradient, objective) in [(&double, Objective::Moments), (&plain, Objective::Svi)] {
        let freeze = vec!["variances".to_owned()];
        let settings = Settings { freeze, objective, ..settings() };
        let parameters = parameters(3, 1, true, false);
        let case = Case { parameters: &parameters, ..Case::new(gradient, &data, settings) };
        let state = State::new(values(&parameters, 0.0));
        let fitted = case.fit_from(state, &Told::default()).unwrap();
        assert_eq!(fitted.values.variance, [0.0; 4]);
        assert!(fitted.values.mean.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_parameter_that_no_gradient_reaches_is_named() {
    let data = regression(400);
    let double = Double::with_spare(KIND, 10, 3, 1, true);
    let told = Told::default();
    let case = Case::new(&double, &data, Settings { epochs: 2, ..settings() });
    case.fit_from(State::new(values(case.parameters, 0.01)), &told).unwrap();
    let told = told.0.into_inner().unwrap();
    let [warning] = &told[..] else { panic!("{told:?}") };
    assert!(warning.contains("along 'spare.weight' was 0 in each of the first 20"), "{warning}");
}

#[test]
fn a_network_that_no_gradient_reaches_is_an_error() {
    let data = Data::new(Target::Numbers(1), vec![0.0; 30], vec![0.0; 10]).unwrap();
    let double = Double::new(KIND, 10, 3, 1);
    let freeze = vec![r"layer\.bias".to_owned()];
    let case = Case::new(&double, &data, Settings { freeze, ..settings() });
    refused(case.fit(), "nothing can be learned");
}

#[test]
fn a_rate_that_is_too_high_is_an_error_and_no_posterior() {
    let data = regression(60);
    let plain = Double::new(Kind::Plain { noise: 1e-6 }, 10, 3, 1);
    let settings = Settings {
        objective: Objective::Means,
        optimiser: pfp_train::settings::Optimiser::Sgd { momentum: 0.0 },
        learning_rate: 1e6,
        epochs: 50,
        ..settings()
    };
    refused(Case::new(&plain, &data, settings).fit(), "lower --learning-rate");
}

#[test]
fn values_that_the_last_step_makes_infinite_are_not_written() {
    let data = regression(10);
    let double = Double::new(KIND, 10, 3, 1);
    let settings = Settings {
        optimiser: pfp_train::settings::Optimiser::Sgd { momentum: 0.0 },
        learning_rate: 1e300,
        batch: 20,
        ..settings()
    };
    refused(Case::new(&double, &data, settings).fit(), "'layer.weight' has the value");
}

#[test]
fn a_gradient_of_another_network_is_no_request_of_the_user() {
    let data = regression(60);
    let double = Double::new(KIND, 10, 3, 1);
    let others: Vec<Parameter> = parameters(3, 1, false, false);
    let case = Case { parameters: &others, ..Case::new(&double, &data, settings()) };
    refused(case.fit(), "internal error");
}
