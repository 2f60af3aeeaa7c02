//! `pfp train`.

mod options;
mod start;

use std::{
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use clap::Args;
use gauss_lowering::passes::gauss_pool_first::Order;
use pfp_compiler::{error::Error, output::Outputs};
use pfp_evaluate::{eval::Spec, watch::Watch};
use pfp_train::{
    checkpoint::{self, Checkpoints},
    compiled::{self, Kind, Network},
    data::{Data, Reading, Target},
    fit::{Fitted, Run},
    gradient::Values,
    laplace::{self, Chosen},
    layout::spans,
    posterior, report,
    settings::{Loss, Settings},
    start::Started,
    state::{Record, State},
};
use serde::Serialize;

use super::{Outcome, Ui, table::Table};
use crate::importing::{self, Wanted};
use options::{LaplaceArgs, Method, OptimiserArgs, PriorArgs, RunArgs, SwagArgs};
use start::StartArgs;

/// Fit the posterior of a network to data
#[derive(Debug, Args)]
#[command(after_help = "Writes a parameter file with NAME.mean and NAME.var for every Gaussian \
parameter of the module,
which every other command takes. What is minimised, and what each option does to it, is in
docs/train.md.

Data sets are named as for `pfp eval`; several --data are joined. Targets of a regression are
given by @labels=FILE, an array of items x outputs.

Examples:
  pfp train mlp.mlir --data mnist/train --data ambiguous-mnist/train --labels each \\
      --scale 1/255 --normalize 0.1307,0.3081 --epochs 40 --kl-warm-up 5 \\
      --validation mnist/t10k --report mlp.html -o mlp.safetensors
  pfp train mlp.mlir --posterior laplace --init mlp.onnx --data mnist/train \\
      --scale 1/255 -o laplace.safetensors
  pfp train net.mlir --loss gaussian --data x.npy@labels=y.npy --epochs 200 --json \\
      -o net.safetensors > epochs.jsonl")]
pub struct TrainArgs {
    /// The network: a module in the gauss dialect (.mlir)
    #[arg(value_name = "MODULE")]
    module: PathBuf,

    /// The order of max pools and the activations before them
    #[arg(long, value_name = "ORDER", default_value = Order::default().describe().0,
          value_parser = super::values::one_of(Order::ALL, Order::describe))]
    order: Order,

    /// The function, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// What posterior is made
    #[arg(long, value_name = "METHOD", default_value = "moments",
          value_parser = super::values::one_of(Method::ALL, Method::describe))]
    posterior: Method,

    #[command(flatten)]
    data: options::DataArgs,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    start: StartArgs,

    #[command(flatten)]
    optimiser: OptimiserArgs,

    #[command(flatten)]
    prior: PriorArgs,

    #[command(flatten)]
    swag: SwagArgs,

    #[command(flatten)]
    laplace: LaplaceArgs,

    /// Write a page with the curves of the run to this .html file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// The parameter file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// A line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    Epoch(&'a Record),
    End(&'a Summary),
}

/// How a posterior was made. It stands in the metadata of the file, too.
#[derive(Serialize)]
struct Summary {
    version: &'static str,
    posterior: &'static str,
    module: String,
    function: String,
    data: Vec<String>,
    items: usize,
    /// The numbers of means and of variances.
    means: usize,
    variances: usize,
    /// The epoch that the posterior is of, and how many were run.
    epoch: u64,
    epochs: u64,
    stopped_early: bool,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Record>,
    /// The variance of the noise of each output of a regression, where it was learned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    noise_variance: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    priors: Vec<Chosen>,
    settings: Settings,
    files: Vec<String>,
}

/// What was made.
struct Made {
    values: Values,
    epoch: u64,
    stopped: bool,
    history: Vec<Record>,
    priors: Vec<Chosen>,
}

impl From<Fitted> for Made {
    fn from(fitted: Fitted) -> Self {
        let Fitted { values, epoch, stopped, history } = fitted;
        Self { values, epoch, stopped, history, priors: Vec::new() }
    }
}

impl TrainArgs {
    fn settings(&self) -> Settings {
        let settings = Settings {
            objective: self.posterior.objective(),
            loss: self.data.loss(),
            epochs: self.run.epochs.unwrap_or(1),
            seed: self.run.seed,
            batch: self.run.batch as usize,
            shards: self.run.shards.into(),
            patience: self.run.patience,
            collect: (self.posterior == Method::Swag).then(|| self.swag.collect()),
            freeze: self.prior.freeze.clone(),
            ..Settings::default()
        };
        self.prior.apply(self.optimiser.apply(settings))
    }

    /// The files that are read.
    fn inputs(&self) -> Vec<PathBuf> {
        let sets = self.data.data.iter().chain(&self.data.validation).flat_map(Spec::files);
        let own = [self.module.clone()].into_iter().chain(self.run.resume.clone());
        own.chain(self.start.files()).chain(sets).collect()
    }

    fn threads(&self) -> usize {
        let cpus = || thread::available_parallelism().map_or(1, usize::from);
        self.run.threads.map_or_else(cpus, usize::from)
    }

    /// Checks what no file needs to be read for.
    fn check(&self, settings: &Settings) -> Result<(), Error> {
        if pfp_import::is_onnx(&self.module) {
            return Err(Error::request("an ONNX model does not say which weights are Gaussian")
                .with_help(
                    "make a module of it with pfp import, and give its weights with --init",
                ));
        }
        let is_laplace = self.posterior == Method::Laplace;
        match (is_laplace, self.run.epochs) {
            (false, None) => {
                return Err(Error::request("it is not said how long to train")
                    .with_help("give --epochs, such as --epochs 20"));
            }
            (true, Some(_)) => {
                return Err(Error::request("--epochs has no meaning with --posterior laplace")
                    .with_help("it changes no mean: train them first, and give them with --init"));
            }
            _ => {}
        }
        if is_laplace && self.start.is_random() {
            return Err(Error::request("--posterior laplace needs means that were trained")
                .with_help("give them with --init FILE, a parameter file or an ONNX model"));
        }
        settings.check(!self.data.validation.is_empty())
    }

    /// Where checkpoints go.
    fn checkpoints(&self) -> Result<Option<Checkpoints>, Error> {
        if self.run.no_checkpoint || self.posterior == Method::Laplace {
            return Ok(None);
        }
        let beside = || self.output.with_extension("checkpoint");
        let path = self.run.checkpoint.clone().unwrap_or_else(beside);
        if [Some(&self.output), self.report.as_ref()].contains(&Some(&path)) {
            return Err(Error::request(format!("two outputs would go to {}", path.display()))
                .with_help("give them names of their own"));
        }
        Ok(Some(Checkpoints { path, every: self.run.checkpoint_every }))
    }
}

pub fn train(args: TrainArgs, ui: &Ui) -> Result<Outcome, Error> {
    let start_time = Instant::now();
    let mut settings = args.settings();
    args.check(&settings)?;
    let checkpoints = args.checkpoints()?;
    let mut outputs = Outputs::beside(args.inputs());
    outputs.open(&args.output, false)?;
    if let Some(path) = &args.report {
        outputs.open(path, false)?;
    }
    ui.stage("reading the network");
    let wanted = Wanted { order: args.order, ..Wanted::default() };
    let note = &mut |note: &str| ui.notes(&[note.to_owned()]);
    let imported = importing::open(&args.module, &wanted, note)?;
    ui.stage("compiling the gradient");
    let is_laplace = args.posterior == Method::Laplace;
    let threads = args.threads();
    let network = compiled::open(&compiled::Request {
        source: &imported.source,
        function: args.function.as_deref(),
        kind: if args.posterior == Method::Moments { Kind::Moments } else { Kind::Plain },
        loss: if is_laplace { Loss::Linear } else { settings.loss },
        items: if is_laplace { 1 } else { settings.items_per_call() },
    })?;
    let target = Target::of(settings.loss, network.gradient.outputs())?;
    ui.stage("reading the data");
    let preparation = args.data.preparation();
    let reading = Reading {
        preparation: &preparation,
        signature: &network.signature,
        target,
        labels: args.data.labels,
    };
    let data = Data::open(&args.data.data, reading)?;
    let validation = match &args.data.validation[..] {
        [] => None,
        specs => Some(Data::open(specs, reading)?),
    };
    for data in [Some(&data), validation.as_ref()].into_iter().flatten() {
        ui.notes(&data.notes);
    }
    if let (Some(collect), None) = (&mut settings.collect, args.swag.swag_every) {
        collect.every = data.len().div_ceil(settings.batch) as u64;
    }
    let started = args.start.start(&network.parameters, settings.seed, ui)?;
    ui.notes(&started.notes);
    let made = match is_laplace {
        true => approximate(&args, &network, (&data, started), &settings, ui)?,
        false => {
            let run = Run {
                gradient: &*network.gradient,
                parameters: &network.parameters,
                data: &data,
                validation: validation.as_ref(),
                settings: &settings,
                checkpoints: checkpoints.as_ref(),
                threads,
            };
            fit(&args, &run, started, ui)?
        }
    };
    ui.stage("writing");
    let spans = spans(&network.parameters);
    let noise_variance = posterior::learned_noise(&made.values, &network.parameters, &spans);
    let files = [Some(&args.output), args.report.as_ref()].into_iter().flatten();
    let summary = Summary {
        version: env!("CARGO_PKG_VERSION"),
        posterior: args.posterior.describe().0,
        module: args.module.display().to_string(),
        function: network.function.clone(),
        data: args.data.data.iter().map(|spec| spec.path.clone()).collect(),
        items: data.len(),
        means: made.values.mean.len(),
        variances: made.values.variance.len(),
        epoch: made.epoch,
        epochs: made.history.len() as u64,
        stopped_early: made.stopped,
        seconds: start_time.elapsed().as_secs_f64(),
        last: made.history.last().cloned(),
        noise_variance,
        priors: made.priors,
        settings,
        files: files.map(|path| path.display().to_string()).collect(),
    };
    let bytes = posterior::bytes(&made.values, &network.parameters, &spans, &summary)?;
    let page = args.report.as_ref().map(|_| {
        let lines = [format!("{} on {}", summary.module, summary.data.join(", "))];
        let settings = report::rows(&summary.settings)?;
        let page = report::Report {
            function: &summary.function,
            lines: &lines,
            history: &made.history,
            posterior: (&network.parameters, &spans, &made.values),
            settings: &settings,
            version: summary.version,
        };
        page.page().map(String::into_bytes)
    });
    outputs.write([Some(bytes), page.transpose()?].into_iter().flatten().collect())?;
    match ui.json() {
        true => ui.print_json_line(&Line::End(&summary))?,
        false => ui.print(text(&summary))?,
    }
    Ok(Outcome::Done)
}

/// A posterior around means that were trained before.
fn approximate(
    args: &TrainArgs,
    network: &Network,
    (data, started): (&Data, Started),
    settings: &Settings,
    ui: &Ui,
) -> Result<Made, Error> {
    let wanted = laplace::Settings {
        precision: args.laplace.prior_precision,
        noise: args.data.noise_variance.unwrap_or(0.0),
        items: args.laplace.laplace_items.map(|items| items as usize),
        seed: settings.seed,
        threads: args.threads(),
    };
    let parameters = &network.parameters;
    let result =
        laplace::laplace(&*network.gradient, parameters, &started.values, data, &wanted, ui)?;
    ui.notes(&result.notes);
    let (values, priors) = (result.values, result.priors);
    Ok(Made { values, epoch: 0, stopped: false, history: Vec::new(), priors })
}

/// Trains, from the start or from a checkpoint on.
fn fit(args: &TrainArgs, run: &Run, started: Started, ui: &Ui) -> Result<Made, Error> {
    let state = match &args.run.resume {
        Some(path) => {
            ui.stage("reading the checkpoint");
            checkpoint::read(path, &run.identity())?
        }
        None => State::new(started.values),
    };
    let epochs = run.settings.epochs;
    let mut failure = None;
    let fitted = run.fit(state, &Steps(ui), &mut |record| match ui.json() {
        true => failure = ui.print_json_line(&Line::Epoch(record)).err().or(failure.take()),
        false => ui.progress(&line(record, epochs)),
    })?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(fitted.into()),
    }
}

/// Progress of an epoch that has a line of its own at its end.
struct Steps<'a>(&'a Ui);

impl Watch for Steps<'_> {
    fn stage(&self, what: &str) {
        self.0.stage(what);
    }

    fn remark(&self, text: &str) {
        Watch::remark(self.0, text);
    }

    fn count(&self, what: &str, parts: usize) -> Box<dyn Fn(usize) + Sync> {
        let progress = self.0.count(what, parts);
        Box::new(move |done| progress.inc(done))
    }
}

/// An epoch in a line.
fn line(record: &Record, epochs: u64) -> String {
    let score = |accuracy: Option<f64>, rmse: Option<f64>| match (accuracy, rmse) {
        (Some(accuracy), _) => format!(", accuracy {:.2} %", 100.0 * accuracy),
        (None, Some(rmse)) => format!(", error {rmse:.4}"),
        (None, None) => String::new(),
    };
    let kl = record.kl.map_or(String::new(), |kl| format!(", KL {kl:.4e}"));
    let validation = record.validation.map_or(String::new(), |validation| {
        format!(
            "; validation {:.4}{}",
            validation.loss,
            score(validation.accuracy, validation.rmse)
        )
    });
    let left = epochs.saturating_sub(record.epoch) as f64 * record.seconds;
    format!(
        "epoch {} of {epochs}: loss {:.4}{}{kl}{validation}; {:.1} s, {left:.0} s left",
        record.epoch,
        record.loss,
        score(record.accuracy, record.rmse),
        record.seconds
    )
}

fn text(summary: &Summary) -> String {
    let mut table = Table::new(&["posterior", summary.posterior], 1);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("items", summary.items.to_string());
    row("means", summary.means.to_string());
    row("variances", summary.variances.to_string());
    if let Some(last) = &summary.last {
        row("epochs", summary.epochs.to_string());
        row("posterior of epoch", summary.epoch.to_string());
        row("loss of the last epoch, nats", format!("{:.4}", last.loss));
        if let Some(accuracy) = last.accuracy {
            row("accuracy of the last epoch, %", format!("{:.2}", 100.0 * accuracy));
        }
        if let Some(rmse) = last.rmse {
            row("error of the last epoch", format!("{rmse:.4}"));
        }
        if let Some(kl) = last.kl {
            row("KL to the prior, nats", format!("{kl:.4e}"));
        }
        if let Some(validation) = last.validation {
            row("loss of the validation, nats", format!("{:.4}", validation.loss));
        }
    }
    if !summary.noise_variance.is_empty() {
        let noise: Vec<_> = summary.noise_variance.iter().map(|x| format!("{x:.4e}")).collect();
        row("variance of the noise", noise.join(", "));
    }
    for prior in &summary.priors {
        let parameters = match &prior.parameters[..] {
            [first, _, ..] if summary.priors.len() > 1 => {
                first.rsplit_once('.').map_or(first.as_str(), |(layer, _)| layer).to_owned()
            }
            [one] => one.clone(),
            _ => "all parameters".into(),
        };
        row(&format!("prior precision, {parameters}"), format!("{:.4e}", prior.precision));
        let determined = format!("{:.1} of {}", prior.determined, prior.weights);
        row("  weights that the data determine", determined);
    }
    row("seconds", format!("{:.1}", summary.seconds));
    format!("{table}\n\n  {}", summary.files.join("\n  "))
}

/// Is this the file of a parameter file?
fn is_safetensors(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors")
}
