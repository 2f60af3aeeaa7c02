//! The search: numbers of the core first, then the schedules of all kernels at the same time.

mod kernels;
mod trial;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use gauss_lowering::{
    kernel::{
        given::{Database, Measured, ScheduleFile, TunedKernel, TunedNetwork},
        plan::KernelSchedule,
        shape::Shape,
    },
    mode::Mode,
};
use pfp_compiler::{
    compile::{Network, Options},
    error::Error,
    module::Session,
    signature::Signature,
};
use pfp_evaluate::device::{Buffers, Device};
use serde::Serialize;
use serde_json::{Map, Value};

use self::{kernels::Kernels, trial::Trials};
use crate::{
    compilers::{Compilers, Open},
    journal::{Entry, Journal, Subject},
    measure::Timing,
    numbers::{self, variants},
    ratio::Ratio,
};

/// How a search is done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long it may take.
    pub budget: Duration,
    /// How many candidates of each kernel there are to measure.
    pub candidates: usize,
    /// How windows of calls are timed.
    pub timing: Timing,
    /// Differences below so much of a time are not worth more windows.
    pub worth: f64,
    /// Of the order in which some candidates are measured.
    pub seed: u64,
    /// The CPUs that compile.
    pub cpus: Vec<usize>,
}

/// What is tuned.
pub struct Tuned<'a> {
    /// Opens the network.
    pub open: &'a Open<'a>,
    /// The function, where there are several.
    pub function: Option<&'a str>,
    /// Where it is timed, which is what it is compiled for.
    pub device: &'a dyn Device,
    /// Makes the inputs of a call.
    pub inputs: &'a dyn Fn(&Signature) -> Result<Buffers, Error>,
    /// What is computed.
    pub mode: Mode,
    /// Tasks that may run at the same time.
    pub tasks: usize,
}

/// How far a search is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// What is being done.
    pub stage: &'a str,
    /// Since the start.
    pub elapsed: Duration,
    /// Candidates that were measured.
    pub measured: usize,
    /// The expected time of a call over that of the model's choice.
    pub ratio: f64,
}

/// Is told how far a search is.
pub type Watch<'a> = &'a dyn Fn(Progress);

/// What came of a search.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The function.
    pub function: String,
    /// The core.
    pub core: String,
    /// The processor.
    pub cpu: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// Compilations of the network.
    pub compilations: usize,
    /// Candidates that were measured, of earlier runs too.
    pub measured: usize,
    /// What the journal of earlier runs had: candidates, and numbers of the core.
    pub taken_over: usize,
    /// Candidates that could not be compiled or run, and why the first could not.
    pub failed: usize,
    /// Why the first of those could not.
    pub failure: Option<String>,
    /// Microseconds of a call as the model chooses.
    pub of_model: f64,
    /// Microseconds of a call as it was tuned.
    pub tuned: f64,
    /// The second over the first.
    pub ratio: Ratio,
    /// Numbers of the core that were changed.
    pub numbers: Map<String, Value>,
    /// The numbers that were tried.
    pub trials: Vec<NumberTrial>,
    /// The kernels by shape, the longest first.
    pub kernels: Vec<KernelReport>,
    /// The expected ratio, by seconds since the start.
    pub course: Vec<(f64, f64)>,
}

/// Other numbers of the core, and the time of a call with them over that without.
#[derive(Debug, Clone, Serialize)]
pub struct NumberTrial {
    /// What they are about.
    pub what: String,
    /// The changes.
    pub changes: Map<String, Value>,
    /// The ratio of the times.
    pub ratio: Ratio,
}

/// The kernels of a shape.
#[derive(Debug, Clone, Serialize)]
pub struct KernelReport {
    /// Their names.
    pub kernels: Vec<String>,
    /// Their shape.
    pub shape: Shape,
    /// Microseconds of all of them in a call, as the model chooses.
    pub of_model: f64,
    /// The time of the best over that, measured anew; 1 where the model's choice stays.
    pub ratio: f64,
    /// The least ratio of all that were measured: by chance less than it is.
    pub least: f64,
    /// Candidates that were measured.
    pub measured: usize,
    /// Candidates that there are.
    pub candidates: usize,
    /// The schedule that is better than the model's.
    pub schedule: Option<gauss_lowering::kernel::schedule::Schedule>,
}

/// So much of the budget goes to numbers of the core at most, and so much is left to measure what was
/// found.
const OF_NUMBERS: f64 = 0.25;
const OF_KERNELS: f64 = 0.9;

/// Tunes a function; what is better than the model's choice, and how that was found. Its journal is beside
/// the file that the results go to.
///
/// # Errors
///
/// Where the network cannot be opened, compiled or run as the model chooses, or the journal is of another
/// search or cannot be written.
pub fn tune(
    tuned: &Tuned,
    settings: &Settings,
    output: &Path,
    watch: Watch,
) -> Result<(Report, Database), Error> {
    let start = Instant::now();
    let (device, target) = (tuned.device, tuned.device.target());
    let session = Session::new();
    let network = (tuned.open)(&session)?;
    let function = network.function(tuned.function)?.clone();
    let digest = function.digest(tuned.mode, tuned.tasks);
    let subject = Subject {
        compiler: env!("CARGO_PKG_VERSION").into(),
        core: target.name.clone(),
        cpu: device.cpu_name(),
        network: digest.clone(),
    };
    let (journal, known) = Journal::open(&subject.journal_beside(output), &subject)?;
    let options = Options { mode: tuned.mode, tasks: tuned.tasks, ..Options::default() };
    let compilers = Compilers {
        open: tuned.open,
        function: function.name.clone(),
        target,
        options,
        cpus: settings.cpus.clone(),
    };
    let inputs = (tuned.inputs)(&function.signature.in_mode(tuned.mode))?;
    let mut trials =
        Trials { compilers, device, inputs, settings, start, journal, compilations: 0, watch };

    let (changes, number_trials) = choose_numbers(&mut trials, tuned, &known)?;
    let list = list_kernels(&network, &trials.compilers, &changes, settings.candidates)?;
    let mut kernels = Kernels::new(list, &known, settings);
    let course = kernels.search(&mut trials, &changes, OF_KERNELS)?;

    (trials.watch)(trials.progress(
        "measuring what was found",
        kernels.measured(),
        kernels.ratio(),
    ));
    kernels.verify(&mut trials, &changes)?;
    let own = ScheduleFile::default();
    let found = kernels.schedules(&changes);
    let compiled = trials.compile(&[own, found], false);
    let compiled = compiled.into_iter().collect::<Result<Vec<_>, Error>>()?;
    let windows = trials.time(&compiled.iter().collect::<Vec<_>>(), 2, |_| false)?;
    let calls: Vec<Vec<f64>> =
        windows.iter().map(|windows| windows.iter().map(|window| window.call).collect()).collect();
    let ratio = Ratio::of(&calls[1], &calls[0]);
    let median = |calls: &[f64]| crate::ratio::median(&mut calls.to_vec());
    let (of_model, best) = (median(&calls[0]), median(&calls[1]));
    let mut database = Database::default();
    // What is better kernel by kernel may be no better as a whole.
    if ratio.is_less() {
        let times = |of_model: f64, microseconds: f64, candidates: usize| Measured {
            cpu: subject.cpu.clone(),
            microseconds,
            of_model,
            candidates,
        };
        if !changes.is_empty() {
            database.networks.push(TunedNetwork {
                core: subject.core.clone(),
                name: function.name.clone(),
                digest,
                numbers: changes.clone(),
                times: times(of_model, best, number_trials.len()),
            });
        }
        for (shape, schedule, entry) in kernels.better() {
            database.kernels.push(TunedKernel {
                core: subject.core.clone(),
                shape,
                schedule,
                times: times(entry.of_model, entry.of_model * entry.ratio, entry.measured),
            });
        }
    }
    let (failed, failure) = kernels.failures();
    let report = Report {
        function: function.name,
        core: subject.core,
        cpu: subject.cpu,
        seconds: start.elapsed().as_secs_f64(),
        compilations: trials.compilations,
        measured: kernels.measured(),
        taken_over: known.len(),
        failed,
        failure,
        of_model,
        tuned: best,
        ratio,
        numbers: changes,
        trials: number_trials,
        kernels: kernels.reports(),
        course,
    };
    Ok((report, database))
}

/// The kernels with their candidates, as these numbers of the core make them.
fn list_kernels(
    network: &Network,
    compilers: &Compilers,
    changes: &Map<String, Value>,
    candidates: usize,
) -> Result<Vec<KernelSchedule>, Error> {
    let file = ScheduleFile { core: changes.clone(), kernels: Vec::new() };
    let function = network.function(Some(&compilers.function))?;
    compilers.with_file(&file, |options| {
        let options = Options { candidates, ..options };
        Ok(network.lower(function, compilers.target, &options)?.kernels)
    })
}

/// The numbers of the core that suit the network, and all that were tried.
fn choose_numbers(
    trials: &mut Trials,
    tuned: &Tuned,
    known: &[Entry],
) -> Result<(Map<String, Value>, Vec<NumberTrial>), Error> {
    let core = tuned.device.target().core;
    let variants: Vec<_> = variants(&core, tuned.tasks)
        .into_iter()
        .filter(|(_, changes)| numbers::with(&core, changes).is_some())
        .collect();
    let what_of = |changes: &Map<String, Value>| {
        let found = variants.iter().find(|(_, other)| other == changes);
        found.map_or("several", |(what, _)| what).to_owned()
    };
    let mut tried: Vec<NumberTrial> = Vec::new();
    for entry in known {
        if let Entry::Numbers { changes, ratio } = entry {
            let changes = changes.clone();
            tried.push(NumberTrial { what: what_of(&changes), changes, ratio: *ratio });
        }
    }
    let chosen = known.iter().find_map(|entry| match entry {
        Entry::Chosen { changes } => Some(changes.clone()),
        _ => None,
    });
    if let Some(chosen) = chosen {
        return Ok((chosen, tried));
    }
    let file =
        |changes: &Map<String, Value>| ScheduleFile { core: changes.clone(), kernels: Vec::new() };
    let base = trials.compile_one(&file(&Map::new()), false)?;
    let left: Vec<_> = variants
        .iter()
        .filter(|(_, changes)| !tried.iter().any(|trial| trial.changes == *changes))
        .collect();
    for part in left.chunks(trials.settings.cpus.len().max(1)) {
        if trials.is_over(OF_NUMBERS) {
            break;
        }
        (trials.watch)(trials.progress("numbers of the core", 0, 1.0));
        let files: Vec<_> = part.iter().map(|(_, changes)| file(changes)).collect();
        let compiled = trials.compile(&files, false);
        // What changes no code, or cannot be compiled, is no variant of this network.
        let others: Vec<_> = part
            .iter()
            .zip(&compiled)
            .filter_map(|(variant, compiled)| Some((variant, compiled.as_ref().ok()?)))
            .filter(|(_, compiled)| compiled.object != base.object)
            .collect();
        let all: Vec<_> = [&base].into_iter().chain(others.iter().map(|(_, c)| *c)).collect();
        for (number, ratio) in (0..).zip(trials.compare_calls(&all)?) {
            let (what, changes) = others
                .get(number)
                .map(|(variant, _)| (variant.0, &variant.1))
                .ok_or_else(|| Error::Internal("a time of no variant".into()))?;
            trials.journal.add(&Entry::Numbers { changes: changes.clone(), ratio })?;
            tried.push(NumberTrial { what: what.into(), changes: changes.clone(), ratio });
        }
    }
    let mut better: Vec<_> = tried.iter().filter(|trial| trial.ratio.is_less()).cloned().collect();
    better.sort_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median));
    let mut chosen = Map::new();
    let mut best = base;
    for trial in better {
        // Of several values of one number, the best alone.
        if trial.changes.keys().any(|name| chosen.contains_key(name)) {
            continue;
        }
        if trials.is_over(OF_NUMBERS + 0.1) && !chosen.is_empty() {
            break;
        }
        let mut joined = chosen.clone();
        joined.extend(trial.changes.clone());
        let Ok(compiled) = trials.compile_one(&file(&joined), false) else { continue };
        let ratios = trials.compare_calls(&[&best, &compiled])?;
        if ratios.first().is_some_and(Ratio::is_less) {
            (chosen, best) = (joined, compiled);
        }
    }
    trials.journal.add(&Entry::Chosen { changes: chosen.clone() })?;
    Ok((chosen, tried))
}
