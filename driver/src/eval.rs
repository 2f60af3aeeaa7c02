//! What a network is worth on data: answers, uncertainty and time, by mode of execution.

pub mod dataset;
pub mod execute;
mod latency;
pub mod metrics;
mod result;

use std::path::PathBuf;

use gauss_lowering::mode::{Mode, Sampling};
use rayon::ThreadPoolBuilder;

pub use dataset::{DataSet, Spec};
pub use execute::{Classifier, Draws};
pub use result::{
    Agreement, Bin, Classification, Detection, Evaluation, Items, Latency, ModeResult, RiskPoint,
    RocPoint, Role, Score, Set, SetResult, Settings, Uncertainties,
};

use crate::{data::Preparation, error::Error, module::Session};
use metrics::{Labels, Roc};

/// Items in a call where the module leaves the choice.
const BATCH: usize = 100;

/// Items in a call whose time is measured, where the module leaves the choice.
const LATENCY_BATCHES: [usize; 3] = [1, 10, 100];

/// What is to be evaluated, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The network.
    pub module: PathBuf,
    /// Its posterior.
    pub parameters: Option<PathBuf>,
    /// The function, where there are several.
    pub function: Option<String>,
    /// The data sets; the first is the one in domain.
    pub sets: Vec<(Role, Spec)>,
    /// What is done to the numbers of all sets that say nothing else.
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

/// Is told what is done.
pub trait Watch {
    /// A step of unknown length begins.
    fn stage(&self, what: &str);

    /// What a user should know of the data; nobody need listen.
    fn note(&self, _note: &str) {}

    /// A line that a user should read of the parameters; nobody need listen.
    fn remark(&self, _text: &str) {}

    /// A step of so many parts begins. Returns what is told how many more are done.
    fn count(&self, what: &str, parts: usize) -> Box<dyn Fn(usize) + Sync>;
}

/// Runs a network on data sets in all modes and measures it. Returns the data sets too.
pub fn evaluate(request: &Request, watch: &dyn Watch) -> Result<(Evaluation, Vec<DataSet>), Error> {
    watch.stage("reading the network");
    let session = Session::new();
    let (module, parameters) = (&request.module, request.parameters.as_deref());
    let classifier = Classifier::open(&session, module, parameters, request.function.as_deref())?;
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
                pool.install(|| execute::run(&model, mode, batch, set, draws, &*progress))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        watch.stage(&format!("{mode}: measures"));
        results.push(mode_result(mode, &sets, items, request.bins));
    }
    compare_with_moments(&modes, &mut results);
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
    let settings = settings(request, &classifier, batch);
    let descriptions = sets.iter().map(|set| set.set.clone()).collect();
    Ok((Evaluation { settings, sets: descriptions, modes: results }, sets))
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
    for (role, spec) in &request.sets {
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

fn settings(request: &Request, classifier: &Classifier, batch: usize) -> Settings {
    let (module_sha256, parameters_sha256) = classifier.sha256.clone();
    Settings {
        version: env!("CARGO_PKG_VERSION").into(),
        module: request.module.display().to_string(),
        module_sha256,
        parameters: request.parameters.as_ref().map(|path| path.display().to_string()),
        parameters_sha256,
        function: classifier.function.name.clone(),
        core: classifier.core().to_owned(),
        classes: classifier.classes,
        batch,
        logit_draws: request.logit_draws,
        seed: request.seed,
        bins: request.bins,
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
            roc: roc.points(),
        })
    };
    Score::ALL.into_iter().filter_map(detection).collect()
}

/// Fills in how far mode `moments` is from the sampling modes.
fn compare_with_moments(modes: &[Mode], results: &mut [ModeResult]) {
    let Some(moments) = modes.iter().position(|mode| *mode == Mode::Moments) else { return };
    let moments: Vec<_> = results[moments].sets.iter().map(|set| set.items.clone()).collect();
    for (mode, result) in modes.iter().zip(results) {
        // One pass has no variance.
        if matches!(mode, Mode::Sample(sampling) if sampling.samples > 1) {
            for (moments, sampled) in moments.iter().zip(&mut result.sets) {
                sampled.agreement = Some(agree(moments, &sampled.items));
            }
        }
    }
}

fn agree(moments: &Items, sampled: &Items) -> Agreement {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
    let variances = || wide(&moments.variance).into_iter().zip(wide(&sampled.variance));
    let means = wide(&moments.mean).into_iter().zip(wide(&sampled.mean));
    // Where sampling does not vary, nothing can be measured by it.
    let squares: Vec<_> = means
        .zip(variances())
        .filter(|(_, (_, variance))| *variance > 0.0)
        .map(|((mean, sampled), (_, variance))| (mean - sampled).powi(2) / variance)
        .collect();
    let ratios = variances().filter(|(_, sampled)| *sampled > 0.0);
    let score = |items: &Items| Score::Variance.of(items).unwrap_or_default();
    let (own, other) = (score(moments), score(sampled));
    let same: Vec<_> = moments.class.iter().zip(&sampled.class).map(|(a, b)| a == b).collect();
    Agreement {
        mean: (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt(),
        variance_ratio: metrics::median(ratios.map(|(own, sampled)| own / sampled).collect()),
        correlation: metrics::pearson(&own, &other),
        rank_correlation: metrics::spearman(&own, &other),
        same_class: metrics::share(&same),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_measured_in_deviations_and_ratios() {
        let items = |class: Vec<usize>, mean: Vec<f32>, variance: Vec<f32>| Items {
            probabilities: vec![0.5; mean.len()],
            class,
            mean,
            variance,
            ..Items::default()
        };
        let moments = items(vec![0, 1], vec![1.0, 0.0, 2.0, 4.0], vec![1.0, 3.0, 4.0, 8.0]);
        let sampled = items(vec![0, 0], vec![3.0, 0.0, 2.0, 4.0], vec![4.0, 6.0, 16.0, 0.0]);
        let agreement = agree(&moments, &sampled);
        assert!((agreement.mean - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(agreement.variance_ratio, 0.25);
        assert!((agreement.correlation - 1.0).abs() < 1e-12);
        assert_eq!(agreement.same_class, 0.5);
    }
}
