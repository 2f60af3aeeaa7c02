//! `pfp inspect`.

mod moments;

use clap::Args;
use gauss_dialect::{ir::Op, layer::Layer as Kind};
use gauss_lowering::{
    kernel::plan::ScheduleFile,
    parameters::{ParameterSource, ParameterTensor},
};
use serde::Serialize;

use super::{
    ModelArgs, Outcome, Ui,
    table::{Table, grouped},
};
use crate::{
    compile::{Arena, Function, Network, Options},
    diagnostics::Source,
    error::Error,
    layers::Layer,
    module::Session,
    parameters::Safetensors,
    signature::{Signature, Tensor},
    target::{self, HOST},
};

/// Show the layers, shapes, sizes and the arena of a network
#[derive(Debug, Args)]
#[command(after_help = "Without --params the weights are taken as zeros: shapes and sizes do not \
depend on them.

Examples:
  pfp inspect lenet.mlir --target aarch64-linux-gnu --cpu cortex-a72
  pfp inspect lenet.mlir --params lenet.safetensors --moments mnist/t10k \\
      --scale 1/255 --normalize 0.1307,0.3081")]
pub struct InspectArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// Show this function only
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// The target that the arena is planned for
    #[arg(long, value_name = "TRIPLE", default_value = HOST)]
    target: String,

    /// Print the schedule of every kernel instead, as a file for `pfp compile --schedule`
    #[arg(long, conflicts_with = "json")]
    schedule: bool,

    /// Its CPU
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,

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
    multiply_adds: u64,
    gaussian_maxima: u64,
    layers: &'a [Layer],
    arena: Arena,
}

pub fn inspect(args: InspectArgs, ui: &Ui) -> Result<Outcome, Error> {
    let target = target::find(&args.target, args.cpu.as_deref())?;
    let session = Session::new();
    ui.stage("reading the network");
    let source = Source::open(&args.model.module)?;
    let parameters: Box<dyn ParameterSource> = match &args.model.params {
        Some(path) => Box::new(Safetensors::open(path)?),
        None => Box::new(Zeros::of(session.parse(&source)?.op())),
    };
    let network =
        Network::with_source(&session, &source, Some(parameters.as_ref()), args.model.batch)?;
    let functions = match &args.function {
        Some(name) => vec![network.function(Some(name))?],
        None => network.functions().iter().collect(),
    };
    if let Some(spec) = &args.moments.moments {
        let compare = |function| args.moments.compare(spec, &network, function, ui);
        let reports = functions.into_iter().map(compare).collect::<Result<Vec<_>, Error>>()?;
        match ui.json() {
            true => ui.print_json(&reports)?,
            false => {
                ui.print(reports.iter().map(moments::text).collect::<Vec<_>>().join("\n\n"))?
            }
        }
        return Ok(Outcome::Done);
    }
    ui.stage("lowering");
    let lower = |function| network.lower(function, &target, &Options::default());
    if args.schedule {
        let kernels = functions.into_iter().map(|function| Ok(lower(function)?.kernels));
        let kernels = kernels.collect::<Result<Vec<_>, Error>>()?.concat();
        ui.print_json(&ScheduleFile { core: target.core.numbers(), kernels })?;
        return Ok(Outcome::Done);
    }
    let reports = functions
        .into_iter()
        .map(|function| Ok(report(function, lower(function)?.arena)))
        .collect::<Result<Vec<_>, Error>>()?;
    match ui.json() {
        true => ui.print_json(&reports)?,
        false => ui.print(reports.iter().map(text).collect::<Vec<_>>().join("\n\n"))?,
    }
    Ok(Outcome::Done)
}

fn report(function: &Function, arena: Arena) -> Report<'_> {
    let Function { name, signature, layers } = function;
    let Signature { inputs, outputs } = signature;
    let total = |count: fn(&Layer) -> u64| layers.iter().map(count).sum();
    Report {
        name,
        inputs,
        outputs,
        batch: signature.batch(),
        parameters: total(|layer| layer.parameters),
        multiply_adds: total(|layer| layer.multiply_adds),
        gaussian_maxima: total(|layer| layer.gaussian_maxima),
        layers,
        arena,
    }
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!("@{}, batch {}", report.name, report.batch)];
    for tensor in report.inputs.iter().chain(report.outputs) {
        let kind = if tensor.gaussian { "Gaussian" } else { "deterministic" };
        lines.push(format!("  {}: {}, {kind}", tensor.name, tensor.sizes()));
    }
    let mut layers =
        Table::new(&["layer", "op", "output", "parameters", "multiply-adds", "Gaussian maxima"], 3);
    for layer in report.layers {
        layers.row(vec![
            layer.name.clone(),
            layer.op.clone(),
            layer.output.clone(),
            grouped(layer.parameters),
            grouped(layer.multiply_adds),
            grouped(layer.gaussian_maxima),
        ]);
    }
    layers.row(vec![
        "total".into(),
        String::new(),
        String::new(),
        grouped(report.parameters),
        grouped(report.multiply_adds),
        grouped(report.gaussian_maxima),
    ]);
    lines.extend([String::new(), layers.to_string(), String::new()]);
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

/// The most zeros in one parameter.
const ZEROS_LIMIT: usize = 1 << 30;

/// Parameters that are all zero, for what does not depend on their values.
struct Zeros(Vec<(String, Vec<i64>)>);

impl Zeros {
    fn of(module: Op) -> Self {
        let mut tensors = Vec::new();
        for op in module.descendants() {
            let Ok(Some(Kind::Parameter(name))) = Kind::of(op) else { continue };
            let ty = op.result(0).ty();
            let names = match ty.is_gaussian() {
                true => vec![format!("{name}.mean"), format!("{name}.var")],
                false => vec![name],
            };
            let shape = ty.shape().unwrap_or_default();
            tensors.extend(names.into_iter().map(|name| (name, shape.clone())));
        }
        Self(tensors)
    }
}

impl ParameterSource for Zeros {
    fn name(&self) -> &str {
        "zeros"
    }

    fn tensors(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        let Some((_, shape)) = self.0.iter().find(|(known, _)| known == name) else {
            return Ok(None);
        };
        let elements = shape.iter().try_fold(1i64, |product, &size| product.checked_mul(size));
        let elements = elements.and_then(|n| usize::try_from(n).ok()).filter(|&n| n <= ZEROS_LIMIT);
        let elements = elements.ok_or("it is too large to make up; give --params")?;
        Ok(Some(ParameterTensor { shape: shape.clone(), values: vec![0.0; elements] }))
    }
}
