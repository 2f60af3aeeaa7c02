//! A run that goes on has the numbers of one that never stopped.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use miette::Diagnostic;
use pfp_compiler::parameters::Safetensors;
use pfp_train::{
    checkpoint::{self, Checkpoints, Origin},
    schedule::Schedule,
    settings::{Collect, Objective, Settings},
    state::State,
};

use crate::{
    double::{Double, Kind, parameters},
    fixture::{Case, Told, bits, classes, regression, settings, values},
};

fn run_settings(objective: Objective) -> Settings {
    Settings {
        objective,
        batch: 24,
        shards: 3,
        epochs: 6,
        learning_rate: 0.01,
        schedule: Schedule::Cosine,
        kl_warm_up: 2.0,
        clip: Some(0.5),
        patience: Some(50),
        ..Settings::default()
    }
}

/// Runs, and copies the checkpoint of a step while it is there: what a process that is killed then leaves.
fn stopped_after(case: &Case, path: &Path, steps: u64) -> PathBuf {
    let copy = path.with_extension(format!("{steps}"));
    let checkpoints =
        Some(Checkpoints { path: path.to_owned(), every: Some(1), pause: Duration::ZERO });
    let case = Case { checkpoints, ..case.clone() };
    Killed { path, copy: &copy, steps, case: &case }.run();
    copy
}

struct Killed<'a> {
    path: &'a Path,
    copy: &'a Path,
    steps: u64,
    case: &'a Case<'a>,
}

impl pfp_evaluate::watch::Watch for Killed<'_> {
    fn stage(&self, _: &str) {}

    fn count(&self, _: &str, _: usize) -> Box<dyn Fn(usize) + Sync> {
        let (path, copy) = (self.path.to_owned(), self.copy.to_owned());
        let (identity, steps) = (self.case.run().identity(), self.steps);
        // Told after a step, before the checkpoint of it is written.
        Box::new(move |_| {
            let state = checkpoint::read(&path, &identity);
            if state.is_ok_and(|state| state.step == steps) {
                fs::copy(&path, &copy).unwrap();
            }
        })
    }
}

impl Killed<'_> {
    fn run(&self) {
        let state = State::new(values(self.case.parameters, 0.01));
        self.case.run().fit(state, self, &mut |_| ()).unwrap();
        assert!(self.copy.exists(), "no checkpoint of step {}", self.steps);
    }
}

#[test]
fn a_run_goes_on_from_any_step_with_the_same_bits() {
    let plain = Double::new(Kind::Softmax, 8, 2, 3);
    let local = Double::new(Kind::Local { noise: 0.25 }, 8, 3, 1);
    for objective in [Objective::Svi, Objective::Local, Objective::Means] {
        let (double, loss, [data, held_out]) = match objective {
            Objective::Local => (&local, settings().loss, [regression(100), regression(31)]),
            _ => (&plain, Settings::default().loss, [classes(100, 3), classes(31, 4)]),
        };
        let parameters = parameters(double.inputs, double.outputs, true, false);
        let collect =
            (objective == Objective::Means).then_some(Collect { every: 2, after: 1, scale: 0.5 });
        let patience = collect.is_none().then_some(50);
        let settings = Settings { loss, collect, patience, ..run_settings(objective) };
        let case = Case::new(double, &data, settings);
        let case = Case { parameters: &parameters, validation: Some(&held_out), ..case };
        let whole = bits(&case.fit().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.checkpoint");
        // In the first epoch, at the end of one, in the middle, and in the last.
        for steps in [1, 5, 13, 28] {
            let copy = stopped_after(&case, &path, steps);
            let state = checkpoint::read(&copy, &case.run().identity()).unwrap();
            assert_eq!(state.step, steps);
            let again = Case { threads: 2, ..case.clone() };
            assert!(bits(&again.fit_from(state, &Told::default()).unwrap()) == whole, "{steps}");
        }
    }
}

#[test]
fn a_run_that_is_over_goes_on_for_more_epochs() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let run = |epochs: u64, state: Option<State>| {
        let settings = Settings { epochs, ..settings() };
        let checkpoints =
            Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
        let case = Case { checkpoints, ..Case::new(&double, &data, settings) };
        let first = || State::new(values(case.parameters, 0.01));
        let fitted = case.fit_from(state.unwrap_or_else(first), &Told::default()).unwrap();
        (bits(&fitted), checkpoint::read(&path, &case.run().identity()).unwrap())
    };
    let (_, state) = run(2, None);
    assert_eq!((state.epoch, state.history.len()), (2, 2));
    let (longer, _) = run(5, Some(state));
    assert!(longer == run(5, None).0);
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_it_is_said_why() {
    let (data, other_data) = (regression(60), regression(61));
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
    Case { checkpoints, ..Case::new(&double, &data, settings()) }.fit().unwrap();
    let refusal =
        |case: &Case| checkpoint::read(&path, &case.run().identity()).unwrap_err().to_string();
    let other = Settings { learning_rate: 0.5, shards: 1, ..settings() };
    let message = refusal(&Case::new(&double, &data, other));
    assert!(message.contains("shards 2 and not 1, learning rate 0.001 and not 0.5"), "{message}");
    let message = refusal(&Case::new(&double, &other_data, settings()));
    assert!(message.contains("other data"), "{message}");
    let held_out = Case { validation: Some(&data), ..Case::new(&double, &data, settings()) };
    assert!(refusal(&held_out).contains("another validation"));
    let parameters = parameters(3, 1, false, false);
    let plain = Case { parameters: &parameters, ..Case::new(&double, &data, settings()) };
    let message = refusal(&plain);
    assert!(
        message.contains("layer.weight [1, 3] Gaussian, which this network has not"),
        "{message}"
    );
}

#[test]
fn what_is_no_checkpoint_is_an_error_and_no_panic() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
    let case = Case { checkpoints, ..Case::new(&double, &data, settings()) };
    case.fit().unwrap();
    let identity = case.run().identity();
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(97) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(checkpoint::read(&path, &identity).is_err(), "{length}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(checkpoint::read(&path, &identity).is_ok());
    assert!(checkpoint::read(&folder.path().join("none"), &identity).is_err());
}

#[test]
fn a_checkpoint_of_another_network_of_the_same_parameters_is_refused() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
    let case = Case { checkpoints, ..Case::new(&double, &data, settings()) };
    case.fit().unwrap();
    let own = case.run().identity();
    for (change, needle) in [
        (&(|origin: &mut Origin| origin.module_sha256.push('1')) as &dyn Fn(&mut Origin), "module"),
        (&|origin| origin.order.push('1'), "the order"),
        (&|origin| origin.function.push('1'), "the function"),
    ] {
        let mut other = own.clone();
        change(&mut other.origin);
        let message = checkpoint::read(&path, &other).unwrap_err().to_string();
        assert!(message.contains(needle), "{message}");
    }
}

#[test]
fn a_state_that_no_run_is_in_is_refused() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
    let settings = Settings { epochs: 3, ..settings() };
    let case = Case { checkpoints, ..Case::new(&double, &data, settings) };
    case.fit().unwrap();
    let identity = case.run().identity();
    let whole = checkpoint::read(&path, &identity).unwrap();
    type Change<'a> = &'a dyn Fn(&mut State);
    let changes: [(Change, &str); 6] = [
        (&|state| state.values.mean[1] = f32::NAN, "'layer.weight' has the value NaN"),
        (&|state| state.values.variance[3] = -1.0, "'layer.bias' has the variance -1"),
        (&|state| state.mean_memory.first[0] = f32::INFINITY, "not finite"),
        (&|state| state.totals.loss = f64::NAN, "not finite"),
        (&|state| state.epoch = 7, "contradict"),
        (&|state| state.step_of_epoch = 100, "contradict"),
    ];
    for (change, needle) in changes {
        let mut state = whole.clone();
        change(&mut state);
        checkpoint::write(&path, &state, &identity).unwrap();
        let message = checkpoint::read(&path, &identity).unwrap_err().to_string();
        assert!(message.contains(needle), "{message}");
    }
    let mut state = whole.clone();
    state.step += 1;
    let message = case.fit_from(state, &Told::default()).unwrap_err().to_string();
    assert!(message.contains("is of no step of this run"), "{message}");
    let shorter =
        Case { settings: Settings { epochs: 2, ..case.settings.clone() }, ..case.clone() };
    let message = shorter.fit_from(whole, &Told::default()).unwrap_err().to_string();
    assert!(message.contains("is of epoch 3, --epochs is 2"), "{message}");
}

#[test]
fn epochs_that_end_at_once_share_a_checkpoint_and_the_last_has_one() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let pause = Duration::from_secs(1 << 20);
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause });
    let settings = Settings { epochs: 5, ..settings() };
    let case = Case { checkpoints, ..Case::new(&double, &data, settings) };
    let identity = case.run().identity();
    let mut epochs = Vec::new();
    let state = State::new(values(case.parameters, 0.01));
    let on_epoch = &mut |_: &_| {
        epochs.push(checkpoint::read(&path, &identity).map_or(0, |state| state.epoch));
    };
    case.run().fit(state, &Told::default(), on_epoch).unwrap();
    // Told before the checkpoint of an epoch would be written.
    assert_eq!(epochs, [0, 1, 1, 1, 1]);
    assert_eq!(checkpoint::read(&path, &identity).unwrap().epoch, 5);
}

#[test]
fn the_values_of_a_checkpoint_have_names() {
    let data = regression(60);
    let double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
    let case = Case { checkpoints, ..Case::new(&double, &data, settings()) };
    let fitted = case.fit().unwrap();
    let file = Safetensors::open(&path).unwrap();
    let arrays = checkpoint::arrays(&file, "run.checkpoint").unwrap().unwrap();
    let names: Vec<_> = arrays.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "layer.weight.mean",
        "layer.weight.var",
        "layer.bias.mean",
        "layer.bias.var",
        "norm.running_mean",
    ];
    assert_eq!(names, expected);
    assert_eq!(arrays[0].1.values, fitted.values.mean[..3]);
    assert_eq!(
        (&arrays[1].1.shape[..], &arrays[1].1.values[..]),
        (&[1, 3][..], &fitted.values.variance[..3])
    );
}

#[test]
fn a_run_whose_loss_is_no_number_stops_and_keeps_its_last_checkpoint() {
    let data = regression(60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut double = Double::new(Kind::Moments { noise: 0.25 }, 10, 3, 1);
    // Three steps of two shards in an epoch.
    double.fails_after = Some(15.into());
    let settings = Settings { epochs: 9, learning_rate: 0.25, ..settings() };
    let checkpoints = Some(Checkpoints { path: path.clone(), every: None, pause: Duration::ZERO });
    let case = Case { checkpoints, ..Case::new(&double, &data, settings) };
    let error = case.fit().unwrap_err();
    let (message, help) = (error.to_string(), error.help().unwrap().to_string());
    assert!(
        message.contains("the loss is NaN in epoch 3, step 8, at a learning rate of 0.25"),
        "{message}"
    );
    assert!(help.contains("--init ") && help.contains("run.checkpoint starts from them"), "{help}");
    let state = checkpoint::read(&path, &case.run().identity()).unwrap();
    assert_eq!((state.epoch, state.step), (2, 6));
    assert!(state.values.mean.iter().all(|x| x.is_finite()));
}
