//! `pfp adapt`.

use std::path::PathBuf;

use clap::Args;
use gauss_lowering::{
    mode::Mode,
    passes::{gauss_append_loss::Loss, gauss_append_update::Optimiser},
};
use pfp_compiler::{
    adapt::{self, Adaptable, Wanted},
    compile::{Compiled, LinearLayer, Options, branch_protection::BranchProtection},
    emit::{self, Kind, Manifest, learning},
    error::Error,
    module::Session,
    output::Outputs,
    target::{self, HOST},
};
use pfp_evaluate::calibrate::rewrite;
use regex::Regex;
use serde_json::json;

use super::{HeadArgs, ModelArgs, Outcome, Ui, open_module, table::grouped, values};

/// Compile a network that goes on learning where it runs
#[derive(Debug, Args)]
#[command(after_help = "Writes, for a function @NAME,
  NAME.o, NAME.h, NAME.json                 predicts, from a posterior in memory of the caller
  NAME_step.o, NAME_step.h, NAME_step.json  moves the posterior along the gradient of a loss
  NAME_adapt.o, NAME_adapt.h                the posterior that it starts from, and how to use all

No function allocates memory or keeps a state. What a step minimises, and the layout of a state, is
in docs/adapt.md.

Examples:
  pfp adapt lenet.mlir --params lenet.safetensors -o build
  pfp adapt lenet.mlir --params lenet.safetensors --parameters 'fc.*' --optimiser sgd \\
      --target aarch64-linux-gnu --cpu cortex-a72 -o build")]
pub struct AdaptArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// Compile this function, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// What learns: the Gaussian parameters whose whole name fits a regular expression; several are
    /// joined [default: those of the last layer that has any]
    #[arg(long, value_name = "REGEX")]
    parameters: Vec<String>,

    /// The items of a step, of a module with a leading `?` dimension [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1 << 20))]
    step_batch: Option<i64>,

    /// What a step makes smaller: cross-entropy, binary, or gaussian:VARIANCE. With cross-entropy:DRAWS
    /// and binary:DRAWS over draws of the outputs, made of normal numbers that the caller gives
    #[arg(long, value_name = "LOSS", default_value = "cross-entropy")]
    loss: Loss,

    /// adam, sgd or sgd:MOMENTUM
    #[arg(long, value_name = "NAME", default_value = "adam")]
    optimiser: Optimiser,

    /// The learning rate of means in the header
    #[arg(long, value_name = "RATE", default_value_t = 1e-3, value_parser = values::positive)]
    learning_rate: f64,

    /// The learning rate of the logarithms of standard deviations, over that of means
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = values::amount)]
    deviation_rate: f64,

    /// How many observations are learned from in all: the prior counts for one over so many in a step
    #[arg(long, value_name = "N", default_value_t = 1000.0, value_parser = values::positive)]
    observations: f64,

    #[command(flatten)]
    head: HeadArgs,

    /// host, x86_64-linux-gnu, aarch64-linux-gnu or aarch64-none-elf
    #[arg(long, value_name = "TRIPLE", default_value = HOST)]
    target: String,

    /// The CPU, by its LLVM name [default: native on the host, else the least of the architecture]
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,

    /// What guards indirect calls and return addresses, as GCC and Clang name it
    #[arg(long, value_name = "KIND", default_value = BranchProtection::default().name(),
          value_parser = values::one_of(BranchProtection::ALL, BranchProtection::describe))]
    branch_protection: BranchProtection,

    /// Where to write
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

/// The items of a step where nobody says otherwise.
const STEP_ITEMS: i64 = 8;

pub fn adapt(args: AdaptArgs, ui: &Ui) -> Result<Outcome, Error> {
    let target = target::find(&args.target, args.cpu.as_deref())?;
    args.branch_protection.check(&target)?;
    match args.loss {
        Loss::Gaussian(None) => {
            return Err(Error::request("the loss gaussian needs the variance of the noise here")
                .with_help("pfp train learns it; give it as --loss gaussian:VARIANCE"));
        }
        Loss::Linear => {
            return Err(Error::request("the loss linear is no likelihood")
                .with_help("choose cross-entropy, binary or gaussian:VARIANCE"));
        }
        _ => {}
    }
    let settings = learning::Settings {
        rate: args.learning_rate,
        deviation_rate: args.deviation_rate * args.learning_rate,
        observations: args.observations,
    };
    settings.check()?;
    let patterns =
        args.parameters.iter().map(|text| pattern(text)).collect::<Result<Vec<_>, _>>()?;
    ui.stage("reading the network");
    let ModelArgs { module, params, batch, reading, .. } = &args.model;
    let mut imported = open_module(module, *batch, reading, ui)?;
    let parameters = imported.parameters(params.as_deref())?.ok_or_else(|| {
        Error::request("there is no posterior to start from").with_help("give it with --params")
    })?;
    let session = Session::new();
    let wanted = Wanted {
        function: args.function.as_deref(),
        batch: batch.filter(|_| imported.batch.is_none()),
        items: args.step_batch.unwrap_or(STEP_ITEMS),
        loss: args.loss,
        optimiser: args.optimiser,
    };
    let layers = adapt::layers(&session, &imported.source, &parameters, &wanted)?;
    let names = chosen(&patterns, layers)?;
    let opened = Adaptable::open(&session, &imported.source, &parameters, &names, &wanted)?;
    let Adaptable { mut network, function, step, prior, parameters: places } = opened;
    for (option, given, own) in [
        ("--step-batch", args.step_batch, step.function(None)?),
        ("--batch", batch.filter(|_| imported.batch.is_none()), &function),
    ] {
        // A function may have a batch of its own where others are free.
        let takes = |items: i64| {
            let inputs = own.signature.inputs.iter().filter(|input| !input.is_of_call);
            let mut sizes = inputs.map(|input| input.shape.first().copied());
            sizes.any(|size| size.and_then(|size| i64::try_from(size).ok()) == Some(items))
        };
        let is_free = network.has_free_batch();
        if let Some(items) = given.filter(|&items| !is_free || !takes(items)) {
            return Err(Error::request(format!(
                "{option} {items} has no meaning for @{}, whose batch is fixed",
                function.name
            ))
            .with_help("write ? as the leading dimension of the module's tensors"));
        }
    }
    args.model.remark(&network, ui);
    let calibration = rewrite::read(&parameters)?;
    args.head.append(&mut network, (Mode::Moments, Some(&function.name)), calibration, ui)?;
    let function = network.function(Some(&function.name))?;
    let step_function = step.function(None)?;
    emit::check_learning(&network, function)?;

    let name = function.name.clone();
    let mut outputs = Outputs::beside(args.model.files());
    for own in [&name, &step_function.name] {
        emit::open(&mut outputs, own, &Kind::DEFAULT, &args.output)?;
    }
    for ending in ["o", "h"] {
        outputs.open(&args.output.join(format!("{name}_adapt.{ending}")), false)?;
    }
    let options = Options { branch_protection: args.branch_protection, ..Options::default() };
    let watch = |stage: &str| ui.stage(stage);
    let prediction = network.compile(function, &target, &options, &watch)?;
    let step = step.compile(step_function, &target, &options, &watch)?;
    let mut contents = Vec::new();
    for compiled in [&prediction, &step] {
        contents.extend(emit::contents(compiled, &Kind::DEFAULT)?);
    }
    contents.push(learning::object(&prediction, &step, &prior)?);
    contents.push(learning::header(&prediction, &places, settings).into_bytes());
    ui.stage("writing files");
    let files = outputs.write(contents)?;
    let files: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
    let state = learning::state_elements(&step);
    match ui.json() {
        true => ui.print_json(&json!({
            "files": files,
            "parameters": places,
            "settings": settings.numbers(),
            "state_bytes": 4 * state,
            "prior_bytes": 4 * prior.len(),
            "prediction": Manifest::of(&prediction),
            "step": Manifest::of(&step),
        }))?,
        false => {
            let names: Vec<_> = places.iter().map(|own| own.name.as_str()).collect();
            let line = |what: &str, compiled: &Compiled| {
                format!(
                    "@{}: {what}, {} bytes of code, {} of weights, {} of arena, {} of stack",
                    compiled.function.name,
                    grouped(compiled.report.text_bytes),
                    grouped(compiled.weight_bytes),
                    grouped(compiled.arena.bytes),
                    grouped(compiled.report.stack_bound_bytes),
                )
            };
            ui.print(format!(
                "{}\n{}\nlearns: {}; {} bytes of state, {} of prior\n  {}",
                line("prediction", &prediction),
                line("a step", &step),
                names.join(", "),
                grouped(4 * state as u64),
                grouped(4 * prior.len() as u64),
                files.join("\n  "),
            ))?;
        }
    }
    Ok(Outcome::Done)
}

/// A regular expression for whole names.
fn pattern(text: &str) -> Result<(String, Regex), Error> {
    match Regex::new(&format!("^(?:{text})$")) {
        Ok(regex) => Ok((text.to_owned(), regex)),
        Err(error) => Err(Error::request(format!("--parameters {text} is no regular expression"))
            .with_help(error.to_string())),
    }
}

/// The names of the parameters that learn.
fn chosen(
    patterns: &[(String, Regex)],
    mut layers: Vec<LinearLayer>,
) -> Result<Vec<String>, Error> {
    if patterns.is_empty() {
        let last = layers.pop().map(|last| last.parameters);
        return last.ok_or_else(|| {
            Error::request("no parameter of the network is Gaussian, so nothing of it can learn")
                .with_help(
                    "declare what is to learn as !gauss.tensor, or give an ONNX model a --posterior",
                )
        });
    }
    let all: Vec<_> = layers.into_iter().flat_map(|layer| layer.parameters).collect();
    for (text, regex) in patterns {
        if !all.iter().any(|name| regex.is_match(name)) {
            return Err(Error::request(format!(
                "--parameters {text} fits the name of no Gaussian parameter"
            ))
            .with_help(format!("there are {}", all.join(", "))));
        }
    }
    let is_chosen = |name: &String| patterns.iter().any(|(_, regex)| regex.is_match(name));
    Ok(all.into_iter().filter(is_chosen).collect())
}
