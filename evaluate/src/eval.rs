//! What a network is worth on data: answers, uncertainty and time, by mode of execution.

pub mod agreement;
pub mod dataset;
pub mod execute;
pub mod latency;
mod result;
pub mod set;
pub mod verdict;

use std::{path::PathBuf, sync::Arc};

use gauss_lowering::mode::{Mode, Sampling};
use jiff::Timestamp;
use pfp_compiler::{diagnostics::Source, error::Error, module::Session, parameters::Safetensors};
use rayon::ThreadPoolBuilder;

use crate::{
    answers::{Draws, Items, Score},
    data::Preparation,
    device::Device,
    metrics::{self, Labels, Roc},
    watch::Watch,
};
pub use agreement::Agreement;
pub use dataset::{DataSet, Spec};
pub use execute::Classifier;
pub use result::{
    Classification, Detection, Evaluation, Latency, ModeResult, SetResult, Settings, Thresholds,
    Uncertainties,
};
pub use set::{Role, Set};
use verdict::{Compared, Evidence, Verdict};

/// Items in a call where the module leaves the choice.
const BATCH: usize = 100;

/// Items in a call whose time is measured, where the module leaves the choice.
const LATENCY_BATCHES: [usize; 3] = [1, 10, 100];

/// What is to be evaluated, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The file of the network.
    pub module: PathBuf,
    /// Its posterior.
    pub parameters: Option<PathBuf>,
    /// The function, where there are several.
    pub function: Option<String>,
    /// The data sets; the first is the one in domain.
    pub sets: Vec<(Role, Spec)>,
    /// The default `(x * scale - mean) / std` of sets without their own.
    pub preparation: Preparation,
    /// The modes of execution.
    pub modes: Vec<Mode>,
    /// Items in a call.
    pub batch: Option<usize>,
    /// Draws of the logits in mode `moments`.
    pub logit_draws: u32,
    /// The seed of all draws.
    pub seed: u64,
    /// Bins of the reliability diagram.
    pub bins: usize,
    /// Threads that batches are run by. The results do not depend on it.
    pub threads: usize,
    /// Batches whose time is measured; `None` chooses them.
    pub latency: Option<Vec<usize>>,
}

impl Request {
    /// The files that are read.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let sets = self.sets.iter().flat_map(|(_, spec)| spec.files());
        [self.module.clone()].into_iter().chain(self.parameters.clone()).chain(sets).collect()
    }
}

/// Runs a network, read from the file that is requested, on data sets in all modes on a device, and
/// measures it. Returns the data sets too.
///
/// # Errors
///
/// Where the network is no classifier, a data set does not fit it, or a result is not finite.
pub fn evaluate(
    request: &Request,
    (source, parameters): (&Arc<Source>, Option<Safetensors>),
    device: &dyn Device,
    watch: &dyn Watch,
) -> Result<(Evaluation, Vec<DataSet>), Error> {
    let date = now();
    watch.stage("reading the network");
    let session = Session::new();
    let function = request.function.as_deref();
    let classifier = Classifier::open(&session, source, parameters, function, device)?;
    classifier.remarks.iter().for_each(|remark| watch.remark(remark));
    let batch = match classifier.has_free_batch {
        true => request.batch.unwrap_or(BATCH),
        false => request.batch.unwrap_or(classifier.function.signature.batch()),
    };
    watch.stage("reading the data");
    let sets = open_sets(request, &classifier)?;
    sets.iter().flat_map(|set| &set.set.notes).for_each(|note| watch.note(note));
    let pool = ThreadPoolBuilder::new().num_threads(request.threads).build();
    let pool =
        pool.map_err(|error| Error::request(format!("threads cannot be started: {error}")))?;
    let seeded =
        |draws| request.modes.iter().map(move |&mode| with_seed(mode, request.seed, draws));
    let modes: Vec<_> = seeded(true).collect();
    let draws = Draws { count: request.logit_draws, seed: request.seed };
    let mut results = Vec::new();
    for &mode in &modes {
        watch.stage(&format!("{mode}: compiling"));
        let model = classifier.compile(mode, batch)?;
        let items = sets
            .iter()
            .map(|set| {
                let progress = watch.count(&format!("{mode}: {}", set.set.name), set.len());
                pool.install(|| execute::run(&*model, mode, batch, set, draws, &*progress))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        watch.stage(&format!("{mode}: measures"));
        results.push(mode_result(mode, &sets, items, request.bins));
    }
    compare_with_moments(&modes, request.logit_draws, &mut results);
    let batches = match (&request.latency, classifier.has_free_batch) {
        (Some(batches), _) => batches.clone(),
        (None, true) => LATENCY_BATCHES.to_vec(),
        (None, false) => vec![batch],
    };
    if let (false, Some(set)) = (batches.is_empty(), sets.first()) {
        let progress = watch.count("latency", batches.len());
        // Without the logits of every pass, as an application would call it.
        let modes: Vec<_> = seeded(false).collect();
        let times = latency::measure(&classifier, &modes, &batches, set, &|| progress(1))?;
        for (result, times) in results.iter_mut().zip(times) {
            result.latency = times;
        }
    }
    let settings = settings(request, &classifier, batch, date);
    let descriptions: Vec<_> = sets.iter().map(|set| set.set.clone()).collect();
    let verdict = Verdict::of(&evidence(&descriptions, classifier.classes, &modes, &results));
    Ok((Evaluation { verdict, settings, sets: descriptions, modes: results }, sets))
}

/// A mode whose draws follow from a seed, and which returns those of the logits where `draws` says so.
fn with_seed(mode: Mode, seed: u64, draws: bool) -> Mode {
    match mode {
        Mode::Sample(sampling) => Mode::Sample(Sampling { seed, draws, ..sampling }),
        other => other,
    }
}

fn open_sets(request: &Request, classifier: &Classifier) -> Result<Vec<DataSet>, Error> {
    let mut sets: Vec<DataSet> = Vec::new();
    let specs: Vec<_> = request.sets.iter().map(|(_, spec)| spec).collect();
    for ((role, spec), name) in request.sets.iter().zip(dataset::names(&specs)) {
        let spec = &Spec { name: Some(name), ..spec.clone() };
        let signature = &classifier.function.signature;
        let set = DataSet::open(spec, *role, &request.preparation, signature, classifier.classes)?;
        if sets.iter().any(|other| other.set.name == set.set.name) {
            return Err(Error::request(format!("two data sets are called {}", set.set.name))
                .with_help("give one of them a name of its own: PATH@name=NAME"));
        }
        sets.push(set);
    }
    Ok(sets)
}

/// The time in UTC, to the second.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn settings(request: &Request, classifier: &Classifier, batch: usize, date: String) -> Settings {
    let (module_sha256, parameters_sha256) = classifier.sha256.clone();
    let (covariance, budget) = classifier.covariance().describe();
    Settings {
        version: env!("CARGO_PKG_VERSION").into(),
        module: request.module.display().to_string(),
        module_sha256,
        parameters: request.parameters.as_ref().map(|path| path.display().to_string()),
        parameters_sha256,
        function: classifier.function.name.clone(),
        order: classifier.order().describe().0.into(),
        covariance: covariance.into(),
        budget,
        core: classifier.core().to_owned(),
        cpu: classifier.cpu_name(),
        date,
        classes: classifier.classes,
        batch,
        logit_draws: request.logit_draws,
        seed: request.seed,
        bins: request.bins,
        thresholds: classifier.thresholds,
    }
}

fn mode_result(mode: Mode, sets: &[DataSet], items: Vec<Items>, bins: usize) -> ModeResult {
    let inside = items.first();
    let outside = sets.iter().zip(&items).filter(|(set, _)| set.set.role == Role::OutOfDomain);
    let detection = outside
        .flat_map(|(set, outside)| inside.map_or(vec![], |inside| detect(set, inside, outside)));
    let detection = detection.collect();
    let sets = sets.iter().zip(items).map(|(set, items)| set_result(set, items, bins)).collect();
    let passes = match mode {
        Mode::Moments | Mode::Mean => 1,
        Mode::Sample(sampling) => sampling.samples,
    };
    ModeResult { mode: mode.to_string(), passes, sets, detection, latency: Vec::new() }
}

fn set_result(set: &DataSet, items: Items, bins: usize) -> SetResult {
    let set = &set.set;
    let labels = Labels { values: &set.labels, each: set.labels_per_item };
    let classification = (set.labels_per_item > 0).then(|| classify(&items, labels, bins));
    let uncertainty = uncertainties(&items);
    SetResult { set: set.name.clone(), uncertainty, classification, agreement: None, items }
}

/// Averages of the uncertainties of items.
pub fn uncertainties(items: &Items) -> Uncertainties {
    let average = |column: &[f32]| {
        column.iter().copied().map(f64::from).sum::<f64>() / column.len().max(1) as f64
    };
    let has_distribution = !items.variance.is_empty();
    Uncertainties {
        total: average(&items.total),
        aleatoric: average(&items.aleatoric),
        epistemic: has_distribution.then(|| average(&items.epistemic)),
        variance: has_distribution.then(|| average(&items.variance)),
        difference: (!items.difference.is_empty()).then(|| average(&items.difference)),
    }
}

fn classify(items: &Items, labels: Labels, bins: usize) -> Classification {
    let right = metrics::named(&items.class, labels);
    let confidence = items.confidence();
    let reliability = metrics::reliability(&confidence, &right, bins);
    Classification {
        accuracy: metrics::share(&right),
        nll: metrics::nll(&items.probabilities, labels),
        brier: metrics::brier(&items.probabilities, labels),
        ece: metrics::expected_calibration_error(&reliability),
        reliability,
        aurc: metrics::aurc(&confidence, &right),
        risk_coverage: metrics::risk_coverage(&confidence, &right),
    }
}

fn detect(set: &DataSet, inside: &Items, outside: &Items) -> Vec<Detection> {
    let detection = |score: Score| {
        let roc = Roc::of(&score.of(inside)?, &score.of(outside)?);
        Some(Detection {
            set: set.set.name.clone(),
            score,
            auroc: roc.auroc(),
            aupr: roc.aupr(),
            fpr95: roc.fpr95(),
            threshold95: roc.threshold95(),
            roc: roc.points(),
        })
    };
    Score::ALL.into_iter().filter_map(detection).collect()
}

/// Fills in how far mode `moments` is from the sampling modes.
fn compare_with_moments(modes: &[Mode], draws: u32, results: &mut [ModeResult]) {
    let Some(moments) = modes.iter().position(|mode| *mode == Mode::Moments) else { return };
    let moments: Vec<_> = results[moments].sets.iter().map(|set| set.items.clone()).collect();
    for (mode, result) in modes.iter().zip(results) {
        // One pass has no variance.
        if matches!(mode, Mode::Sample(sampling) if sampling.samples > 1) {
            for (moments, sampled) in moments.iter().zip(&mut result.sets) {
                sampled.agreement =
                    Some(agreement::agree(moments, draws, &sampled.items, result.passes));
            }
        }
    }
}

/// What the verdict on each set follows from: mode `moments` beside the sampling mode of the most
/// passes.
fn evidence(sets: &[Set], classes: usize, modes: &[Mode], results: &[ModeResult]) -> Vec<Evidence> {
    let moments = modes.iter().position(|mode| *mode == Mode::Moments);
    let moments = moments.and_then(|index| results.get(index));
    let sampling = modes.iter().zip(results).filter(|(mode, _)| matches!(mode, Mode::Sample(_)));
    // The first of several.
    let sampled = sampling.map(|(_, result)| result).rev().max_by_key(|result| result.passes);
    let auroc = |result: &ModeResult, set: &str| {
        let by = |d: &&Detection| d.set == set && d.score == Score::MutualInformation;
        result.detection.iter().find(by).map(|detection| detection.auroc)
    };
    let compared = |index: usize, set: &Set| {
        let (moments, sampled) = (moments?, sampled?);
        let result = sampled.sets.get(index)?;
        Some(Compared {
            mode: sampled.mode.clone(),
            passes: sampled.passes,
            agreement: result.agreement?,
            epistemic: result.uncertainty.epistemic?,
            auroc: auroc(moments, &set.name).zip(auroc(sampled, &set.name)),
        })
    };
    let of_set = |(index, set): (usize, &Set)| Evidence {
        set: set.name.clone(),
        role: set.role,
        items: set.items,
        classes,
        compared: compared(index, set),
    };
    sets.iter().enumerate().map(of_set).collect()
}
