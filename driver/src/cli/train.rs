//! `pfp train`.

mod given;
mod options;
mod start;
mod summary;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use gauss_lowering::{mode::MAX_SAMPLES, passes::gauss_pool_first::Order};
use pfp_compiler::{error::Error, output::Outputs, parameters::Safetensors};
use pfp_evaluate::{eval::Spec, watch::Watch};
use pfp_train::{
    agreement,
    checkpoint::{self, Checkpoints},
    compiled::{self, Kind, Network},
    data::{Data, Reading},
    fit::{Fitted, Run},
    gradient::{Parameter, Values},
    laplace::{self, Chosen},
    layout::spans,
    posterior, report,
    settings::{Loss, Settings},
    start::Started,
    state::{Record, State},
};

use super::{Outcome, Ui};
use crate::importing::{self, Imported, Wanted};
use given::Given;
use options::{
    LaplaceArgs, LossKind, Method, OptimiserArgs, PriorArgs, RunArgs, SviArgs, SviDraws, SwagArgs,
};
use start::StartArgs;
use summary::{Asked, End, Line, Summary, line, text};

/// Between two checkpoints at ends of epochs is so much time at least.
const PAUSE: Duration = Duration::from_secs(1);

/// So many symbolic links in a row are followed.
const LINKS: usize = 40;

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
    // Reads what the fields after it take.
    #[command(flatten)]
    given: Given,

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
    svi: SviArgs,

    #[command(flatten)]
    swag: SwagArgs,

    #[command(flatten)]
    laplace: LaplaceArgs,

    /// Write a page with the curves of the run to this .html file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Compare the moments of the outputs on the page with those of so many draws of the weights, on 100
    /// items; 0 for no comparison
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "report")]
    #[arg(value_parser = report_draws)]
    report_draws: u32,

    /// The parameter file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
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
            objective: self.posterior.objective(self.svi.svi_draws),
            loss: self.data.loss(self.posterior),
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

    /// The files that are read, but the checkpoint that a run goes on from: it may be written anew.
    fn inputs(&self) -> Vec<PathBuf> {
        let sets = self.data.data.iter().chain(&self.data.validation).flat_map(Spec::files);
        [self.module.clone()].into_iter().chain(self.start.files()).chain(sets).collect()
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
        self.given.check(given::Chosen {
            method: self.posterior,
            loss: self.data.loss,
            is_sgd: self.optimiser.is_sgd(),
            freezes: !self.prior.freeze.is_empty(),
            resumes: self.run.resume.is_some(),
        })?;
        if self.posterior != Method::Laplace {
            if self.run.epochs.is_none() {
                return Err(Error::request("it is not said how long to train")
                    .with_help("give --epochs, such as --epochs 20"));
            }
            return settings.check(!self.data.validation.is_empty());
        }
        if self.start.is_random() {
            return Err(Error::request("--posterior laplace needs means that were trained")
                .with_help("give them with --init FILE, a parameter file or an ONNX model"));
        }
        if self.data.loss == LossKind::Gaussian && self.data.noise_variance.is_none() {
            return Err(Error::request("laplace of a regression needs the variance of its noise")
                .with_help(
                    "give it with --noise-variance, such as the mean squared error of the means",
                ));
        }
        settings.check(false)
    }

    /// Where checkpoints go. The file is not made before there is one, but could be.
    fn checkpoints(&self) -> Result<Option<Checkpoints>, Error> {
        if self.run.no_checkpoint || self.posterior == Method::Laplace {
            return Ok(None);
        }
        // Beside a pipe or a device is no place for a file.
        let is_stream = fs::metadata(&self.output).is_ok_and(|output| !output.is_file());
        if is_stream && self.run.checkpoint.is_none() {
            return match self.run.checkpoint_every {
                Some(_) => Err(Error::request("the output is no file that checkpoints lie beside")
                    .with_help("name their file with --checkpoint")),
                None => Ok(None),
            };
        }
        let path = self.run.checkpoint.clone().unwrap_or_else(|| beside(&self.output));
        let shown = path.display();
        let outputs = [Some(&self.output), self.report.as_ref()];
        if outputs.into_iter().flatten().any(|output| place(output) == place(&path)) {
            return Err(Error::request(format!("two outputs would go to {shown}"))
                .with_help("give them names of their own"));
        }
        match fs::metadata(&path) {
            Ok(file) if !file.is_file() => {
                return Err(Error::request(format!("{shown} is no file that can be replaced"))
                    .with_help("name another with --checkpoint, or give --no-checkpoint"));
            }
            _ => Outputs::beside(self.inputs())
                .open(&path, false)
                .map_err(|error| error.with_help("name another file with --checkpoint"))?,
        }
        let is_checkpoint = |file: Safetensors| file.metadata().contains_key(checkpoint::METADATA);
        if fs::metadata(&path).is_ok_and(|file| file.len() > 0)
            && !Safetensors::open(&path).is_ok_and(is_checkpoint)
        {
            return Err(Error::request(format!(
                "{shown} is no checkpoint, and one would be written over it"
            ))
            .with_help("name another file with --checkpoint, or give --no-checkpoint"));
        }
        Ok(Some(Checkpoints { path, every: self.run.checkpoint_every, pause: PAUSE }))
    }

    /// What was asked for, as far as it has a part in the posterior.
    fn asked(&self, settings: &Settings) -> Asked {
        let is_laplace = self.posterior == Method::Laplace;
        let is_new = self.run.resume.is_none();
        Asked {
            method: match is_laplace {
                false => summary::Method::Trained(Box::new(settings.clone())),
                true => summary::Method::Laplace {
                    loss: self.data.loss.describe().0,
                    seed: settings.seed,
                    prior_precision: self.laplace.prior_precision,
                    laplace_items: self.laplace.laplace_items,
                },
            },
            order: self.order.describe().0,
            init: is_new.then(|| self.start.init.display().to_string()),
            init_sigma: (is_new && !is_laplace).then_some(self.start.init_sigma),
            resumed: self.run.resume.as_ref().map(|path| path.display().to_string()),
            scale: self.data.scale.map(|scale| scale.to_string()),
            normalize: self.data.normalize,
            labels: (self.data.loss != LossKind::Gaussian).then(|| self.data.labels.describe().0),
        }
    }
}

/// The file of checkpoints of an output.
fn beside(output: &Path) -> PathBuf {
    if output.extension().is_some_and(|extension| extension == "safetensors") {
        return output.with_extension("checkpoint");
    }
    let mut name = output.as_os_str().to_owned();
    name.push(".checkpoint");
    name.into()
}

/// Where a file lies that need not exist, however it is called.
fn place(path: &Path) -> PathBuf {
    let mut place = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&place) else { break };
        place = place.parent().unwrap_or(Path::new("")).join(target);
    }
    let directory = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (fs::canonicalize(directory), place.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => place,
    }
}

/// Reads the module, and says what a file is that cannot be one.
fn open(args: &TrainArgs, ui: &Ui) -> Result<Imported, Error> {
    let wanted = Wanted { order: args.order, ..Wanted::default() };
    let note = &mut |note: &str| ui.notes(&[note.to_owned()]);
    let imported = importing::open(&args.module, &wanted, note)?;
    let bytes = imported.source.bytes();
    let what = match bytes {
        [0x93, b'N', b'U', b'M', ..] => "an array (.npy)",
        [b'P', b'K', 3, 4, ..] => "a zip archive, as .npz and .pt files are",
        [_, _, _, _, _, _, 0, 0, b'{', ..] => "a safetensors file",
        // Bytecode of MLIR has a message of its own.
        [b'M', b'L', 0xef, b'R', ..] => return Ok(imported),
        bytes if bytes.contains(&0) => "binary",
        _ => return Ok(imported),
    };
    Err(Error::request(format!("{} is no module: it is {what}", args.module.display())).with_help(
        "MODULE is the network as text in the gauss dialect; values are given with --init",
    ))
}

pub fn train(args: TrainArgs, ui: &Ui) -> Result<Outcome, Error> {
    let start_time = Instant::now();
    let mut settings = args.settings();
    args.check(&settings)?;
    let mut outputs = Outputs::beside(args.inputs().into_iter().chain(args.run.resume.clone()));
    outputs.open(&args.output, false)?;
    if let Some(path) = &args.report {
        outputs.open(path, false)?;
    }
    let checkpoints = args.checkpoints()?;
    ui.stage("reading the network");
    let imported = open(&args, ui)?;
    ui.stage("compiling the gradient");
    let is_laplace = args.posterior == Method::Laplace;
    let threads = args.threads();
    let network = compiled::open(&compiled::Request {
        source: &imported.source,
        function: args.function.as_deref(),
        kind: match args.posterior {
            Method::Moments => Kind::Moments,
            Method::Svi if args.svi.svi_draws == SviDraws::Local => Kind::Local,
            Method::Svi | Method::Swag => Kind::Plain,
            Method::Laplace => Kind::Linear,
        },
        loss: settings.loss,
        items: if is_laplace { 1 } else { settings.items_per_call() },
    })?;
    network.warnings.iter().for_each(|warning| Watch::remark(ui, warning));
    ui.notes(&network.notes);
    ui.stage("reading the data");
    let preparation = args.data.preparation();
    let reading = Reading {
        preparation: &preparation,
        signature: &network.signature,
        target: network.target,
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
    let run = Run {
        gradient: &*network.gradient,
        parameters: &network.parameters,
        origin: &network.origin,
        data: &data,
        validation: validation.as_ref(),
        settings: &settings,
        checkpoints: checkpoints.as_ref(),
        threads,
    };
    let mut failure = None;
    let made = match is_laplace {
        true => approximate(&args, &network, &data, &settings, ui)?,
        false => fit(&args, &run, &mut failure, ui)?,
    };
    ui.stage("writing");
    let spans = spans(&network.parameters);
    let noise_variance = match settings.loss {
        Loss::Gaussian { noise: Some(noise) } => vec![noise; network.target.width()],
        _ => posterior::learned_noise(&made.values, &network.parameters, &spans),
    };
    let files = [Some(&args.output), args.report.as_ref()].into_iter().flatten();
    let summary = Summary {
        version: env!("CARGO_PKG_VERSION"),
        posterior: args.posterior.describe().0,
        module: args.module.display().to_string(),
        function: network.origin.function.clone(),
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
        settings: args.asked(&settings),
        files: files.map(|path| path.display().to_string()).collect(),
    };
    let bytes = posterior::bytes(&made.values, &network.parameters, &spans, &summary)?;
    let agreement = match (&args.report, args.report_draws) {
        (Some(_), draws @ 1..) => {
            ui.stage(&format!("drawing the weights {draws} times"));
            let name = args.output.display().to_string();
            Some(agreement::agreement(&agreement::Request {
                source: &imported.source,
                function: &summary.function,
                parameters: &Safetensors::from_bytes(&name, bytes.clone())?,
                data: validation.as_ref().unwrap_or(&data),
                draws,
                seed: settings.seed,
            })?)
        }
        _ => None,
    };
    let page = args.report.as_ref().map(|_| {
        let lines = [format!("{} on {}", summary.module, summary.data.join(", "))];
        let settings = report::rows(&summary.settings)?;
        let page = report::Report {
            function: &summary.function,
            lines: &lines,
            history: &made.history,
            posterior: (&network.parameters, &spans, &made.values),
            agreement: agreement.as_ref(),
            settings: &settings,
            version: summary.version,
        };
        page.page().map(String::into_bytes)
    });
    outputs.write([Some(bytes), page.transpose()?].into_iter().flatten().collect())?;
    // What could not be printed does not keep the posterior from being written.
    let printed = match ui.json() {
        true => ui
            .print_json_line(&Line::End(&End { summary: &summary, agreement: agreement.as_ref() })),
        false => ui.print(text(&summary, agreement.as_ref())),
    };
    failure.map_or(printed, Err).map(|()| Outcome::Done)
}

/// Parses the number of draws of a comparison, or 0 for none.
fn report_draws(text: &str) -> Result<u32, String> {
    let draws = text.parse().ok().filter(|draws| *draws == 0 || (2..=MAX_SAMPLES).contains(draws));
    draws.ok_or_else(|| format!("'{text}' is not 0, or a number from 2 to {MAX_SAMPLES}"))
}

/// The values that a run starts from.
fn start(
    args: &TrainArgs,
    (network, settings): (&[Parameter], &Settings),
    ui: &Ui,
) -> Result<Values, Error> {
    let with_variances = !args.given.has("init-sigma");
    let Started { values, notes } = args.start.start(network, settings.seed, with_variances, ui)?;
    ui.notes(&notes);
    Ok(values)
}

/// A posterior around means that were trained before.
fn approximate(
    args: &TrainArgs,
    network: &Network,
    data: &Data,
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
    let values = start(args, (parameters, settings), ui)?;
    let result = laplace::laplace(&*network.gradient, parameters, &values, data, &wanted, ui)?;
    ui.notes(&result.notes);
    let (values, priors) = (result.values, result.priors);
    Ok(Made { values, epoch: 0, stopped: false, history: Vec::new(), priors })
}

/// Trains, from the start or from a checkpoint on. A line that cannot be printed is a `failure` that stops
/// nothing.
fn fit(args: &TrainArgs, run: &Run, failure: &mut Option<Error>, ui: &Ui) -> Result<Made, Error> {
    let state = match &args.run.resume {
        Some(path) => {
            ui.stage("reading the checkpoint");
            checkpoint::read(path, &run.identity())?
        }
        None => {
            ui.notes(&of_unfinished(run));
            State::new(start(args, (run.parameters, run.settings), ui)?)
        }
    };
    let epochs = run.settings.epochs;
    let fitted = run.fit(state, &Steps(ui), &mut |record| match ui.json() {
        true => {
            let printed = ui.print_json_line(&Line::Epoch(record));
            *failure = failure.take().or(printed.err());
        }
        false => ui.progress(&line(record, epochs)),
    })?;
    Ok(fitted.into())
}

/// That a run like this one was not finished, and is begun anew.
fn of_unfinished(run: &Run) -> Vec<String> {
    let path = run.checkpoints.map(|checkpoints| &checkpoints.path).filter(|path| path.exists());
    let state = path.and_then(|path| Some((path, checkpoint::read(path, &run.identity()).ok()?)));
    let unfinished = state.filter(|(_, state)| state.epoch < run.settings.epochs);
    let note = unfinished.map(|(path, state)| {
        let path = path.display();
        format!(
            "{path} has {} of {} epochs of this run, which begins anew and writes over it; --resume \
             {path} would go on",
            state.epoch, run.settings.epochs
        )
    });
    note.into_iter().collect()
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

    fn note(&self, note: &str) {
        Watch::note(self.0, note);
    }

    fn count(&self, what: &str, parts: usize) -> Box<dyn Fn(usize) + Sync> {
        let progress = self.0.count(what, parts);
        Box::new(move |done| progress.inc(done))
    }
}
