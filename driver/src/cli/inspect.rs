//! `pfp inspect`.

mod ladder;
mod moments;
mod picture;
mod posterior;

use std::path::PathBuf;

use clap::Args;
use gauss_dialect::{
    parameters::{ParameterSource, ParameterTensor},
    shape::TensorType,
};
use gauss_lowering::{kernel::given::ScheduleFile, mode::Mode};
use pfp_compiler::{
    compile::{Arena, Carried, Choice, Function, Network, Options},
    error::Error,
    layers::LayerSummary,
    module::Session,
    output::Outputs,
    parameters::Safetensors,
    posterior::{Statistics, statistics},
    signature::{Signature, Tensor},
    target::{self, HOST},
};
use pfp_evaluate::calibrate::rewrite;
use serde::Serialize;

use super::{
    HeadArgs, ModelArgs, Outcome, Ui, open_module,
    table::{Table, grouped},
};

/// Show the layers, shapes, sizes and the arena of a network
#[derive(Debug, Args)]
#[command(
    after_help = "Without --params the weights of a module are taken as zeros: shapes and sizes do \
not depend on them. With --params, or of an ONNX model, the answer also tells what its standard \
deviations are like, and warns of variances that can hardly be meant.

Examples:
  pfp inspect lenet.mlir --target aarch64-linux-gnu --cpu cortex-a72
  pfp inspect lenet.mlir --params lenet.safetensors --moments mnist/t10k \\
      --scale 1/255 --normalize 0.1307,0.3081"
)]
pub struct InspectArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// Show this function only
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// The target that the arena is planned for
    #[arg(long, value_name = "TRIPLE", default_value = HOST)]
    target: String,

    /// Print the schedule of every kernel instead, as a file for `pfp compile --schedule` with the
    /// same target, batch, threads, mode and head
    #[arg(long, conflicts_with = "json")]
    schedule: bool,

    /// With up to so many other schedules of each kernel, as `pfp tune` measures them
    #[arg(long, value_name = "N", requires = "schedule",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    candidates: Option<u32>,

    /// Draw the layers to this .svg file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schedule", "moments"])]
    svg: Option<PathBuf>,

    /// Write the layers to this file as a graph for Graphviz
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schedule", "moments"])]
    dot: Option<PathBuf>,

    /// Its CPU
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,

    /// Tasks that may run at the same time: the schedule and the arena depend on them
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,

    /// What is computed: moments, mean, sample:N or presampled:N; schedule and arena depend on it
    #[arg(long, value_name = "MODE", default_value_t = Mode::Moments, conflicts_with = "moments")]
    mode: Mode,

    #[command(flatten)]
    head: HeadArgs,

    #[command(flatten)]
    moments: moments::MomentsArgs,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    name: &'a str,
    inputs: &'a [Tensor],
    outputs: &'a [Tensor],
    batch: usize,
    parameters: u64,
    stored_numbers: u64,
    multiply_adds: u64,
    gaussian_maxima: u64,
    layers: &'a [LayerSummary],
    /// What a head may be given of covariances, where there is none yet.
    covariance: Vec<Choice>,
    arena: Arena,
    /// Of the Gaussian parameters, with --params.
    #[serde(skip_serializing_if = "Option::is_none")]
    posterior: Option<Vec<Statistics>>,
}

/// What is said of parameters that do not load.
#[derive(Debug, Serialize)]
struct Unusable {
    posterior: Vec<Statistics>,
}

/// How a network is drawn.
type Draw = fn(&Function) -> String;

pub fn inspect(args: InspectArgs, ui: &Ui) -> Result<Outcome, Error> {
    let drawings: [(&Option<PathBuf>, Draw); 2] =
        [(&args.svg, picture::svg), (&args.dot, picture::dot)];
    let drawings: Vec<_> =
        drawings.into_iter().filter_map(|(path, draw)| Some((path.as_ref()?, draw))).collect();
    let mut outputs = Outputs::beside(args.model.files());
    for (path, _) in &drawings {
        outputs.open(path, false)?;
    }
    let target = target::find(&args.target, args.cpu.as_deref())?;
    let session = Session::new();
    ui.stage("reading the network");
    let mut imported = open_module(&args.model.module, args.model.batch, &args.model.reading, ui)?;
    let batch = args.model.batch.filter(|_| imported.batch.is_none());
    let file = imported.parameters(args.model.params.as_deref())?;
    let source = imported.source;
    let calibration = file.as_ref().map(rewrite::read).transpose()?.flatten();
    let declared = posterior::types(session.parse(&source)?.op());
    let mut network = match &file {
        Some(file) => match Network::open(&session, &source, Some(file), batch) {
            Ok(network) => network,
            Err(error) => {
                say_unusable(file, &declared, ui)?;
                return Err(error);
            }
        },
        None => {
            let zeros = Zeros(&declared);
            Network::with_source(&session, &source, Some(&zeros), batch)?
        }
    };
    args.model.remark(&network, ui);
    let (mode, name) = (args.mode, args.function.as_deref());
    args.head.append(&mut network, (mode, name), calibration, ui)?;
    let functions = match &args.function {
        Some(name) => vec![network.function(Some(name))?],
        None => network.functions().iter().collect(),
    };
    let drawn = match (&drawings[..], &functions[..]) {
        ([], _) => Vec::new(),
        (_, [function]) => drawings.iter().map(|(_, draw)| draw(function).into_bytes()).collect(),
        (_, functions) => {
            let names: Vec<_> = functions.iter().map(|function| function.name.as_str()).collect();
            return Err(Error::request("a picture is of one function, and there are several")
                .with_help(format!("choose one of {} with --function", names.join(", "))));
        }
    };
    if args.schedule || args.moments.moments.is_some() {
        ui.remarks(&network);
    } else if let Some(file) = &file
        && let Some(conversion) = file.conversion()
    {
        // The table tells what else there is to know.
        ui.notes(&[format!("{}: {conversion}", file.name())]);
    }
    if let Some(spec) = &args.moments.moments {
        let most = args.model.reading.most();
        let compare = |function| args.moments.compare(spec, (&network, function), most, ui);
        let reports = functions.into_iter().map(compare).collect::<Result<Vec<_>, Error>>()?;
        match ui.json() {
            true => ui.print_json(&reports)?,
            false => {
                let texts = reports.iter().map(|report| moments::text(report, most));
                ui.print(texts.collect::<Vec<_>>().join("\n\n"))?
            }
        }
        return Ok(Outcome::Done);
    }
    ui.stage("lowering");
    let candidates = args.candidates.unwrap_or(0) as usize;
    let options = Options { mode, candidates, tasks: args.threads.into(), ..Options::default() };
    let lower = |function| network.lower(function, &target, &options);
    if args.schedule {
        let kernels = functions.into_iter().map(|function| Ok(lower(function)?.kernels));
        let kernels = kernels.collect::<Result<Vec<_>, Error>>()?.concat();
        ui.print_json(&ScheduleFile { core: target.core.numbers(), kernels })?;
        return Ok(Outcome::Done);
    }
    let posterior = |function: &Function| {
        let used = declared.iter().filter(|(name, _)| function.parameters.contains(name));
        file.as_ref().map(|file| statistics(file, &used.cloned().collect::<Vec<_>>()))
    };
    let reports = functions
        .into_iter()
        .map(|function| {
            let choices = match mode {
                Mode::Moments => network.covariance_choices(Some(&function.name))?,
                _ => Vec::new(),
            };
            Ok(report(function, choices, lower(function)?.arena, posterior(function)))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let files = outputs.write(drawn)?;
    match ui.json() {
        true => ui.print_json(&reports)?,
        false => {
            let mut parts: Vec<_> = reports.iter().map(text).collect();
            let files: Vec<_> = files.iter().map(|path| format!("  {}", path.display())).collect();
            parts.extend((!files.is_empty()).then(|| files.join("\n")));
            ui.print(parts.join("\n\n"))?;
        }
    }
    Ok(Outcome::Done)
}

/// Shows the numbers of parameters of which some are invalid.
fn say_unusable(
    file: &Safetensors,
    declared: &[(String, TensorType)],
    ui: &Ui,
) -> Result<(), Error> {
    let posterior = statistics(file, declared);
    if posterior.iter().all(Statistics::is_valid) {
        return Ok(());
    }
    match ui.json() {
        true => ui.print_json(&[Unusable { posterior }]),
        false => ui.print(posterior::text(&posterior)),
    }
}

fn report(
    function: &Function,
    covariance: Vec<Choice>,
    arena: Arena,
    posterior: Option<Vec<Statistics>>,
) -> Report<'_> {
    let Function { name, signature, layers, .. } = function;
    let Signature { inputs, outputs, .. } = signature;
    let total = |count: fn(&LayerSummary) -> u64| layers.iter().map(count).sum();
    Report {
        name,
        inputs,
        outputs,
        batch: signature.batch(),
        parameters: total(|layer| layer.parameters),
        stored_numbers: total(|layer| layer.stored_numbers),
        multiply_adds: total(|layer| layer.multiply_adds),
        gaussian_maxima: total(|layer| layer.gaussian_maxima),
        layers,
        covariance,
        arena,
        posterior,
    }
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!("@{}, batch {}", report.name, report.batch)];
    for tensor in report.inputs.iter().chain(report.outputs) {
        let kind = if tensor.gaussian { "Gaussian" } else { "deterministic" };
        lines.push(format!("  {}: {}, {kind}", tensor.name, tensor.sizes()));
    }
    // The nodes of a model have names of their own.
    let has_nodes = report.layers.iter().any(|layer| layer.node.is_some());
    let mut head = vec!["layer", "op", "output", "parameters", "multiply-adds", "Gaussian maxima"];
    head.splice(0..0, has_nodes.then_some("node"));
    let mut layers = Table::new(&head, if has_nodes { 4 } else { 3 });
    let mut row = |node: &str, texts: [&str; 3], numbers: [u64; 3]| {
        let node = has_nodes.then(|| node.to_owned());
        let texts = texts.into_iter().map(str::to_owned);
        layers.row(node.into_iter().chain(texts).chain(numbers.map(grouped)).collect());
    };
    for layer in report.layers {
        row(
            layer.node.as_deref().unwrap_or_default(),
            [&layer.name, &layer.op, &layer.output],
            [layer.parameters, layer.multiply_adds, layer.gaussian_maxima],
        );
    }
    let total = [report.parameters, report.multiply_adds, report.gaussian_maxima];
    match has_nodes {
        true => row("total", [""; 3], total),
        false => row("", ["total", "", ""], total),
    }
    lines.extend([String::new(), layers.to_string(), String::new()]);
    if !report.covariance.is_empty() {
        lines.extend(["covariances that a head may be given (*: as asked)".to_owned()]);
        lines.extend([choices(&report.covariance), String::new()]);
    }
    if let Some(posterior) = report.posterior.as_ref().filter(|all| !all.is_empty()) {
        lines.extend([posterior::text(posterior), String::new()]);
    }
    lines.push(format!("arena: {} bytes", grouped(report.arena.bytes)));
    if !report.arena.plan.is_empty() {
        let mut plan = Table::new(&["offset", "bytes", "first step", "last step"], 0);
        for slot in &report.arena.plan {
            plan.row([slot.offset, slot.bytes, slot.first, slot.last].map(grouped).to_vec());
        }
        lines.push(plan.to_string());
    }
    lines.join("\n")
}

/// A row for each choice that a budget has.
fn choices(choices: &[Choice]) -> String {
    let head = ["", "--budget", "dense layers", "nodes", "pools", "multiply-adds"];
    let mut table = Table::new(&head, 1);
    for Choice { budget, carried, is_chosen } in choices {
        let Carried { layers, nodes, pools, multiply_adds } = carried;
        let mark = if *is_chosen { "*" } else { "" };
        let numbers = [*layers as u64, nodes.unsigned_abs(), *pools as u64, *multiply_adds];
        let texts = [mark.to_owned(), least(*budget)].into_iter();
        table.row(texts.chain(numbers.map(grouped)).collect());
    }
    table.to_string()
}

/// A budget that is enough, as an option takes it: rounded up.
fn least(budget: f64) -> String {
    format!("{:.2}x", (budget * 100.0).ceil() / 100.0)
}

/// The most zeros in one parameter.
const ZEROS_LIMIT: usize = 1 << 30;

/// Parameters that are all zero, for what does not depend on their values.
struct Zeros<'a>(&'a [(String, TensorType)]);

impl ParameterSource for Zeros<'_> {
    fn name(&self) -> &str {
        "zeros"
    }

    fn tensors(&self) -> Vec<String> {
        self.0.iter().flat_map(|(name, ty)| ty.representation().tensors(name)).collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        let is_of = |(known, ty): &&(String, TensorType)| {
            ty.representation().tensors(known).iter().any(|tensor| tensor == name)
        };
        let Some((_, TensorType { shape, .. })) = self.0.iter().find(is_of) else {
            return Ok(None);
        };
        let elements = shape.iter().try_fold(1i64, |product, &size| product.checked_mul(size));
        let elements = elements.and_then(|n| usize::try_from(n).ok()).filter(|&n| n <= ZEROS_LIMIT);
        let elements = elements.ok_or("it is too large to make up; give --params")?;
        Ok(Some(ParameterTensor { shape: shape.clone(), values: vec![0.0; elements] }))
    }
}
