//! The built-in networks on their built-in data: what `pfp demo` measures.

pub mod aarch64;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gauss_lowering::{mode::Mode, passes::gauss_track_covariance::Returned};
use pfp_compiler::{
    array::Array,
    compile::{Compiled, Network, Options},
    error::Error,
    jit::CompiledModel,
    module::Session,
    parameters::Safetensors,
    signature::Signature,
    target::{self, HOST},
};
use pfp_evaluate::{
    answers::{self, Draws, Score, of_outputs},
    batches::{self, Items},
    data::{self, Part, Preparation},
    device::InProcess,
    eval,
    metrics::{self, Labels, Roc},
    reference::{self, OutputMoments, Reference},
};
use pfp_runtime::Executor;
use serde::Serialize;

use crate::importing::{self, Wanted};
use aarch64::Run;

/// The networks, by the names of their files.
pub const NETWORKS: [&str; 2] = ["mlp", "cnn"];

/// The core that the AArch64 objects are made for.
pub const CROSS: (&str, &str) = ("aarch64-linux-gnu", "cortex-a72");

/// Passes of the Monte Carlo that the latency is compared with.
pub const MONTE_CARLO_SAMPLES: u32 = 30;

/// Draws of the logits that the entropies of one image are computed from. They
/// are draws of ten numbers each, not of the weights.
const LOGIT_DRAWS: u32 = 1000;

/// How long one latency is measured.
const ROUNDS: usize = 25;

/// The held-out images.
pub struct Data {
    digits: Array,
    labels: Array,
    ambiguous: Array,
    /// The two digits that each ambiguous image is a blend of.
    pairs: Array,
    out_of_domain: Array,
}

/// A kind of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Held-out digits.
    Digits,
    /// Blends of two digits.
    Ambiguous,
    /// What is no digit.
    OutOfDomain,
}

/// What a network says of a group.
#[derive(Debug, Clone, Serialize)]
pub struct GroupReport {
    /// The group.
    pub group: Group,
    /// How many images.
    pub images: usize,
    /// The share of right answers; for blends, of answers that name one of the two.
    pub accuracy: Option<f64>,
    /// Mean entropy of the predicted class probabilities, in nats.
    pub predictive: f64,
    /// Its mean share that more training cannot remove.
    pub aleatoric: f64,
    /// Its mean share that the model does not know; the mutual information.
    pub epistemic: f64,
}

/// How well digits and out-of-domain images are told apart: 0.5 is chance, 1 perfect.
#[derive(Debug, Clone, Serialize)]
pub struct Auroc {
    /// By the mean variance of the logits.
    pub variance: f64,
    /// By the mutual information of class and weights.
    pub mutual_information: f64,
}

/// Microseconds per image on this machine, one image at a time.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// The compiled probabilistic forward pass.
    pub pfp: f64,
    /// The same network with its weights at their means, by the same compiler.
    pub mean_network: f64,
}

/// The largest errors over all images and classes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Agreement {
    /// Of the means, relative to max(|mean|, standard deviation).
    pub mean: f64,
    /// Of the variances, relative.
    pub variance: f64,
}

/// What the demo found for one network.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The network.
    pub network: String,
    /// The groups.
    pub groups: Vec<GroupReport>,
    /// Telling digits from out-of-domain images.
    pub auroc: Auroc,
    /// Latencies on the host.
    pub latency_us: Latency,
    /// Compiled code on the host against the float64 reference.
    pub host_to_reference: Agreement,
    /// Compiled code on AArch64 against the reference, where it could be run.
    pub aarch64_to_reference: Option<Agreement>,
    /// The two against each other.
    pub aarch64_to_host: Option<Agreement>,
    /// Why AArch64 could not be run.
    pub aarch64_missing: Option<String>,
    /// Sizes of the AArch64 object: code, weights, arena, stack.
    pub aarch64_bytes: [u64; 4],
}

impl Data {
    /// Reads the images of a directory.
    ///
    /// # Errors
    ///
    /// Where a file is missing or not valid, or images and labels differ in number.
    pub fn open(directory: &Path, preparation: &Preparation) -> Result<Self, Error> {
        let read = |file: &str| data::read(&directory.join(file).display().to_string());
        let prepared = |file: &str, preparation: &Preparation| {
            let array = preparation.array(&read(file)?, Part::Value);
            array.map_err(|unusable| batches::refuse(file, 1, 0, unusable))
        };
        let images = |file: &str| prepared(file, preparation);
        let labels = |file: &str| prepared(file, &Preparation::default());
        let data = Self {
            digits: images("test-images.idx3-ubyte")?,
            labels: labels("test-labels.idx1-ubyte")?,
            ambiguous: images("ambiguous-images.idx3-ubyte")?,
            pairs: labels("ambiguous-labels.idx2-ubyte")?,
            out_of_domain: images("ood-images.idx3-ubyte")?,
        };
        let images = |array: &Array| array.shape.first().copied().unwrap_or(0);
        match images(&data.digits) == data.labels.values.len()
            && 2 * images(&data.ambiguous) == data.pairs.values.len()
        {
            true => Ok(data),
            false => Err(Error::request(format!(
                "images and labels in {} differ in number",
                directory.display()
            ))),
        }
    }

    fn group(&self, group: Group) -> &Array {
        match group {
            Group::Digits => &self.digits,
            Group::Ambiguous => &self.ambiguous,
            Group::OutOfDomain => &self.out_of_domain,
        }
    }

    /// The labels of a group and how many there are for each image.
    fn labels(&self, group: Group) -> Option<(&[f32], usize)> {
        match group {
            Group::Digits => Some((&self.labels.values, 1)),
            Group::Ambiguous => Some((&self.pairs.values, 2)),
            Group::OutOfDomain => None,
        }
    }
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 3] = [Self::Digits, Self::Ambiguous, Self::OutOfDomain];
}

/// Compiles one network and measures it.
///
/// # Errors
///
/// Where the network cannot be compiled or run.
pub fn measure(
    directory: &Path,
    network: &str,
    data: &Data,
    watch: &dyn Fn(&str),
) -> Result<Report, Error> {
    let files = Files::new(directory, network);
    let session = Session::new();
    let (source, parameters) = (
        importing::open(&files.module, &Wanted::default(), &mut |note| watch(note))?.source,
        Safetensors::open(&files.parameters)?,
    );
    let plain = Network::open(&session, &source, Some(&parameters), Some(1))?;
    check_signature(&plain.function(None)?.signature)?;
    // What a head would be given.
    let mut loaded = Network::open(&session, &source, Some(&parameters), Some(1))?;
    if loaded.carries_covariance(None)? {
        loaded.return_covariance(None, Returned::OfNodes)?;
    }
    let function = loaded.function(None)?;

    watch(&format!("{network}: compiling"));
    let host = target::find(HOST, None)?;
    let cross = target::find(CROSS.0, Some(CROSS.1))?;
    let on_host = loaded.compile(function, &host, &Options::default(), &|_| ())?;
    let on_cross = loaded.compile(function, &cross, &Options::default(), &|_| ())?;
    let model = InProcess::serial(CompiledModel::new(&on_host)?)?;

    let all = join(&Group::ALL.map(|group| data.group(group)));
    let arrays = [all];
    let items = Items::new(&function.signature, &arrays)?;
    watch(&format!("{network}: running on the host"));
    let results = batches::run(&model, &items, &|_| ())?;
    let results = reference::moments(&function.signature, &results);
    watch(&format!("{network}: running on AArch64"));
    let aarch64 = aarch64::run(&on_cross, &items)?;
    watch(&format!("{network}: float64 reference"));
    let expected = Reference::new(&loaded, function)?.run(&items, &|_| ())?;

    watch(&format!("{network}: latency"));
    let digits = [data.digits.clone()];
    let digits = Items::new(&function.signature, &digits)?;
    let pfp = latency(model.model(), &digits)?;
    let at_mean = Options { mode: Mode::Mean, ..Options::default() };
    let mean_model = plain.compile(plain.function(None)?, &host, &at_mean, &|_| ())?;
    let mean_model = CompiledModel::new(&mean_model)?;
    let mean_network = latency(&mean_model, &digits)?;

    watch(&format!("{network}: uncertainties"));
    let scores = Group::ALL.map(|group| items_of(&results, data, group));
    let (aarch64, aarch64_missing) = match aarch64 {
        Run::Done(outputs) => (Some(reference::moments(&function.signature, &outputs)), None),
        Run::Missing(tool) => (None, Some(tool)),
    };
    Ok(Report {
        network: network.to_owned(),
        groups: groups(&scores, data),
        auroc: auroc(&scores),
        latency_us: Latency { pfp, mean_network },
        host_to_reference: agreement(&results, &expected),
        aarch64_to_reference: aarch64.as_ref().map(|aarch64| agreement(aarch64, &expected)),
        aarch64_to_host: aarch64.as_ref().map(|aarch64| agreement(aarch64, &results)),
        aarch64_missing,
        aarch64_bytes: sizes(&on_cross),
    })
}

/// The files of a network.
struct Files {
    module: PathBuf,
    parameters: PathBuf,
}

impl Files {
    fn new(directory: &Path, network: &str) -> Self {
        let file = |ending: &str| directory.join(format!("{network}.{ending}"));
        Self { module: file("mlir"), parameters: file("safetensors") }
    }
}

/// A demo network reads one plain image and writes Gaussian logits.
fn check_signature(signature: &Signature) -> Result<(), Error> {
    match (&signature.inputs[..], &signature.outputs[..]) {
        ([input], [output]) if !input.gaussian && output.gaussian => Ok(()),
        _ => Err(Error::request("the demo needs networks from plain images to Gaussian logits")),
    }
}

fn join(arrays: &[&Array]) -> Array {
    let items = arrays.iter().map(|array| array.shape.first().copied().unwrap_or(0)).sum();
    let rest = arrays.first().map(|array| array.shape.get(1..).unwrap_or_default());
    Array {
        shape: [&[items], rest.unwrap_or_default()].concat(),
        values: arrays.iter().flat_map(|array| array.values.iter().copied()).collect(),
    }
}

/// How far the logits are from a reference.
fn agreement(result: &[OutputMoments], reference: &[OutputMoments]) -> Agreement {
    let compared = reference::compare(result, reference);
    let compared = compared.first();
    let variance = compared.and_then(|c| c.variance.as_ref()).map_or(0.0, |errors| errors.max);
    Agreement { mean: compared.map_or(0.0, |c| c.mean.max), variance }
}

fn sizes(compiled: &Compiled) -> [u64; 4] {
    let report = &compiled.report;
    [report.text_bytes, compiled.weight_bytes, compiled.arena.bytes, report.stack_bound_bytes]
}

/// Microseconds per item, one in a call: the fastest of several rounds over all items. Only calls
/// are timed.
fn latency(model: &CompiledModel, items: &Items) -> Result<f64, Error> {
    let inputs: Vec<_> = (0..items.count()).map(|item| items.chunk(item, 1)).collect();
    let mut outputs: Vec<_> = model
        .signature()
        .output_buffers()
        .iter()
        .map(|buffer| vec![0.0; buffer.tensor.elements()])
        .collect();
    let mut outputs: Vec<_> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut arena = model.arena();
    let mut best = f64::INFINITY;
    let executor = Executor::serial();
    for _ in 0..ROUNDS {
        let mut round = Duration::ZERO;
        for input in &inputs {
            let input = [input[0].as_slice()];
            let mut call = model.prepare(&input, &mut outputs, &mut arena, &executor)?;
            let start = Instant::now();
            call.run()?;
            round += start.elapsed();
        }
        best = best.min(round.as_secs_f64());
    }
    Ok(best * 1e6 / inputs.len().max(1) as f64)
}

/// What a network says of the images of a group, by its outputs for all groups one after the other.
fn items_of(outputs: &[OutputMoments], data: &Data, group: Group) -> answers::Items {
    let count = |group: &Group| data.group(*group).shape.first().copied().unwrap_or(0);
    let start: usize = Group::ALL.iter().take_while(|&&other| other != group).map(count).sum();
    let images: usize = Group::ALL.iter().map(count).sum();
    let draws = Draws { count: LOGIT_DRAWS, seed: start as u64 };
    of_outputs(outputs, start..start + count(&group), images, draws)
}

fn groups(items: &[answers::Items; 3], data: &Data) -> Vec<GroupReport> {
    let report = |(group, items): (Group, &answers::Items)| {
        let uncertainty = eval::uncertainties(items);
        let accuracy = data.labels(group).map(|(labels, each)| {
            let values: Vec<_> = labels.iter().map(|&label| label as usize).collect();
            metrics::share(&metrics::named(&items.class, Labels { values: &values, each }))
        });
        GroupReport {
            group,
            images: items.len(),
            accuracy,
            predictive: uncertainty.total,
            aleatoric: uncertainty.aleatoric,
            epistemic: uncertainty.epistemic.unwrap_or(0.0),
        }
    };
    Group::ALL.into_iter().zip(items).map(report).collect()
}

fn auroc([digits, _, other]: &[answers::Items; 3]) -> Auroc {
    let by = |score: Score| {
        let scores = |items| score.of(items).unwrap_or_default();
        Roc::of(&scores(digits), &scores(other)).auroc()
    };
    Auroc { variance: by(Score::Variance), mutual_information: by(Score::MutualInformation) }
}
