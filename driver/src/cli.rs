//! The command line.

mod adapt;
mod bench;
mod board;
mod calibrate;
mod check;
mod compile;
mod completions;
mod demo;
mod embedded;
mod eval;
mod import;
mod inspect;
mod on;
mod posterior;
mod results;
mod run;
mod schedules;
mod table;
mod train;
mod tune;
mod ui;
mod values;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use gauss_dialect::predictive::Thresholds;
use gauss_lowering::{
    mode::{Mode, Sampling},
    passes::{
        gauss_append_head::{Head, Kind, Settings},
        gauss_track_covariance::Returned,
    },
};
use miette::{MietteHandlerOpts, Report};
use pfp_compiler::{
    compile::{Network, Schedules},
    error::Error,
    interrupt,
    module::Session,
    parameters::Safetensors,
};
use pfp_evaluate::calibrate::{Calibration, reject, rewrite};
use pfp_import::posterior::place::Parameter;

use crate::importing::{self, Find, Imported, Wanted};
pub use embedded::{Answer, Recipe, Refused, answer};
use on::DeviceArgs;
use posterior::ReadingArgs;
use ui::Ui;
pub use ui::{Cancelled, Listener};

/// Compiles Bayesian neural networks to sampling-free machine code.
///
/// A network is a module in the gauss dialect of MLIR and the posterior of its
/// weights in a safetensors file. The compiled function returns mean and
/// variance of the outputs in one pass, without sampling.
#[derive(Debug, Parser)]
#[command(name = "pfp", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 success, 1 the input was bad or the work failed, 2 the \
                        command line was wrong.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    ui: ui::UiArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::ImportArgs),
    Train(Box<train::TrainArgs>),
    Compile(compile::CompileArgs),
    Adapt(Box<adapt::AdaptArgs>),
    Run(run::RunArgs),
    Check(check::CheckArgs),
    Bench(bench::BenchArgs),
    Board(board::BoardArgs),
    Calibrate(calibrate::CalibrateArgs),
    Eval(eval::EvalArgs),
    Inspect(inspect::InspectArgs),
    Tune(tune::TuneArgs),
    Schedules(schedules::SchedulesArgs),
    Demo(demo::DemoArgs),
    Completions(completions::CompletionsArgs),
}

/// How a command ended that did not fail.
enum Outcome {
    Done,
    /// The work was done, and its answer is no.
    Rejected,
}

/// The network that a command works on.
#[derive(Debug, Args)]
struct ModelArgs {
    /// The network: a module in the gauss dialect (.mlir), or an ONNX model (.onnx)
    #[arg(value_name = "MODULE")]
    module: PathBuf,

    /// The posterior of a module: a safetensors file
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,

    /// The size of a leading `?` dimension [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1 << 30))]
    batch: Option<i64>,

    /// Tell on standard error where a value is used twice and independence is assumed
    #[arg(long)]
    remarks: bool,

    #[command(flatten)]
    reading: ReadingArgs,
}

/// What is computed of a network.
#[derive(Debug, Args)]
struct ModeArgs {
    /// moments, mean, sample:N (weights drawn in each call) or presampled:N (by the compiler)
    #[arg(long, value_name = "MODE", default_value_t = Mode::Moments)]
    mode: Mode,

    /// The seed of the weights that are drawn [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// What chooses the schedules of kernels.
#[derive(Debug, Args)]
struct ScheduleArgs {
    /// Schedules: a file as `pfp inspect --schedule` prints it, one that `pfp tune` wrote, or `model` for
    /// those of the analytic model alone [default: what was measured on such a core and is shipped]
    #[arg(long, value_name = "FILE")]
    schedule: Option<Schedules>,
}

impl ScheduleArgs {
    /// The file, where one is named.
    fn file(&self) -> Option<PathBuf> {
        self.schedule.as_ref()?.file().map(Path::to_owned)
    }

    /// The schedules, of a network that has the functions which they name.
    fn of(&self, network: &Network) -> Result<Schedules, Error> {
        let schedules = self.schedule.clone().unwrap_or_default();
        network.check_schedules(&schedules)?;
        Ok(schedules)
    }
}

impl ModeArgs {
    /// The mode; with the outputs of every forward pass where `draws` are wanted.
    fn mode(&self, draws: bool) -> Result<Mode, Error> {
        let extra = match (self.seed, draws) {
            (Some(_), _) => "--seed",
            (None, true) => "--draws",
            (None, false) => return Ok(self.mode),
        };
        match self.mode {
            Mode::Sample(sampling) => {
                let seed = self.seed.unwrap_or(sampling.seed);
                Ok(Mode::Sample(Sampling { seed, draws, ..sampling }))
            }
            mode => Err(Error::request(format!("{extra} has no meaning with --mode {mode}"))
                .with_help("choose --mode sample:N or --mode presampled:N")),
        }
    }
}

impl ModelArgs {
    /// The files that are read.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let network = importing::files(&self.module).into_iter();
        network.chain(self.params.clone()).chain(self.reading.files())
    }

    /// Tells what the network assumes, where that is wanted.
    fn remark(&self, network: &Network, ui: &Ui) {
        if self.remarks {
            ui.assumptions(network);
        }
    }

    /// The network, and the calibration that its parameter file carries, if any.
    fn open_with_calibration<'s>(
        &self,
        session: &'s Session,
        ui: &Ui,
    ) -> Result<(Network<'s>, Option<Calibration>), Error> {
        ui.stage("reading the network");
        let mut imported = open_module(&self.module, self.batch, &self.reading, ui)?;
        let parameters = imported.parameters(self.params.as_deref())?;
        let batch = self.batch.filter(|_| imported.batch.is_none());
        let network = Network::open(session, &imported.source, parameters.as_ref(), batch)?;
        ui.remarks(&network);
        self.remark(&network, ui);
        Ok((network, calibration_of(parameters.as_ref())?))
    }
}

/// The calibration that a parameter file carries, if any.
fn calibration_of(parameters: Option<&Safetensors>) -> Result<Option<Calibration>, Error> {
    Ok(parameters.map(rewrite::read).transpose()?.flatten())
}

/// The file of a network. What its importer notes is said.
fn open_module(
    path: &Path,
    batch: Option<i64>,
    reading: &ReadingArgs,
    ui: &Ui,
) -> Result<Imported, Error> {
    let posterior = reading.posterior();
    posterior.check_given()?;
    let find = |parameters: &[Parameter]| {
        posterior.of_model(parameters, &mut |file| ui.notes(&file.notes))
    };
    let wanted = Wanted {
        batch,
        order: reading.order,
        covariance: reading.covariance(),
        logits: posterior.logits(),
        outputs: posterior.outputs(),
        posterior: posterior.is_given().then_some(&find as Find),
    };
    importing::open(path, &wanted, &mut |note| ui.notes(&[note.to_owned()]))
}

/// What is appended to the functions of a network.
#[derive(Debug, Args)]
struct HeadArgs {
    /// Also return what follows from the outputs. Of a classifier, whose outputs are logits, class
    /// probabilities and uncertainty by mean-field, laplace or sample:DRAWS; of a binary classifier,
    /// or of binary labels, by sigmoid; of a regression an interval:COVERAGE
    #[arg(long, value_name = "HEAD")]
    head: Option<Kind>,

    /// Also return the covariance matrix of the outputs of each item: of the last dense layer at least,
    /// whatever --covariance and --budget say; a head beside it reads it, too
    #[arg(long)]
    return_covariance: bool,

    /// The seed of the draws of a head sample:DRAWS [default: 0]
    #[arg(long, value_name = "SEED", requires = "head")]
    head_seed: Option<u64>,

    /// Decide, and call items unknown whose epistemic uncertainty is above so many nats. Without
    /// thresholds on the command line, those of `pfp calibrate` hold, if PARAMS has any for this
    /// head: sample, or sigmoid of a binary classifier
    #[arg(long, value_name = "NATS", requires = "head", value_parser = values::amount)]
    reject_epistemic: Option<f64>,

    /// Decide, and call items ambiguous whose aleatoric uncertainty is above so many nats
    #[arg(long, value_name = "NATS", requires = "head", value_parser = values::amount)]
    reject_aleatoric: Option<f64>,

    /// The variance of observations around the outputs of a regression [default: 0]
    #[arg(long, value_name = "VARIANCE", requires = "head", value_parser = values::amount)]
    noise_variance: Option<f64>,
}

impl HeadArgs {
    /// Is there anything to append?
    fn adds(&self) -> bool {
        self.head.is_some() || self.return_covariance
    }

    /// The network of the arguments, with the head on one public function, or on all.
    fn open<'s>(
        &self,
        model: &ModelArgs,
        session: &'s Session,
        (mode, function): (Mode, Option<&str>),
        ui: &Ui,
    ) -> Result<Network<'s>, Error> {
        let (mut network, calibration) = model.open_with_calibration(session, ui)?;
        self.append(&mut network, (mode, function), calibration, ui)?;
        Ok(network)
    }

    /// Appends what else is returned to one public function of a network, or to all.
    fn append(
        &self,
        network: &mut Network,
        (mode, function): (Mode, Option<&str>),
        calibration: Option<Calibration>,
        ui: &Ui,
    ) -> Result<(), Error> {
        self.append_noting(network, (mode, function), calibration, &|note| ui.notes(&[note]))
    }

    /// As [`HeadArgs::append`], with what there is to say told to `note`.
    fn append_noting(
        &self,
        network: &mut Network,
        (mode, function): (Mode, Option<&str>),
        calibration: Option<Calibration>,
        note: &dyn Fn(String),
    ) -> Result<(), Error> {
        self.append_head(network, (mode, function), calibration, note)?;
        if self.return_covariance {
            if mode != Mode::Moments {
                return Err(Error::request(format!(
                    "--return-covariance has no meaning with --mode {mode}"
                ))
                .with_help("covariances are moments: use --mode moments"));
            }
            network.return_covariance(function, Returned::Matrix)?;
        }
        Ok(())
    }

    fn append_head(
        &self,
        network: &mut Network,
        (mode, function): (Mode, Option<&str>),
        calibration: Option<Calibration>,
        note: &dyn Fn(String),
    ) -> Result<(), Error> {
        let Some(kind) = self.head else { return Ok(()) };
        if mode != Mode::Moments {
            return Err(Error::request(format!("a head has no meaning with --mode {mode}"))
                .with_help("a head reads mean and variance of the outputs: use --mode moments"));
        }
        let given =
            Thresholds { epistemic: self.reject_epistemic, aleatoric: self.reject_aleatoric };
        let thresholds = match (given, calibration) {
            (Thresholds { epistemic: None, aleatoric: None }, Some(calibration)) => {
                let reject::Thresholds { epistemic, aleatoric, .. } = calibration.thresholds;
                if calibration.is_for(kind) {
                    Thresholds { epistemic: Some(epistemic), aleatoric: Some(aleatoric) }
                } else {
                    note(format!(
                        "the thresholds of the parameters are for uncertainties of the head {}, not \
                         of {kind}: nothing is rejected; --reject-epistemic and --reject-aleatoric \
                         set others",
                        calibration.head
                    ));
                    given
                }
            }
            _ => given,
        };
        let settings = Settings { thresholds, seed: self.head_seed, noise: self.noise_variance };
        let head = Head::new(kind, settings).map_err(|error| {
            Error::request(error)
                .with_help("see docs/predictive.md for what each head takes and returns")
        })?;
        network.append_head(&head, function)
    }
}

/// The command line. A negative number after an option is its value, whether or not it fits.
fn command() -> clap::Command {
    fn with_negative_numbers(command: clap::Command) -> clap::Command {
        let allow = |arg: clap::Arg| match arg.get_action().takes_values() && !arg.is_positional() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        };
        command.mut_args(allow).mut_subcommands(with_negative_numbers)
    }
    // The budget of a search is a time; that of covariances has another name there.
    let command = Cli::command()
        .mut_subcommand("tune", |tune| tune.mut_arg("budget", |arg| arg.long("covariance-budget")));
    with_negative_numbers(command)
}

/// Runs one command.
fn run_command(command: Command, ui: &Ui) -> Result<Outcome, Error> {
    match command {
        Command::Import(args) => import::import(args, ui),
        Command::Train(args) => train::train(*args, ui),
        Command::Compile(args) => compile::compile(args, ui),
        Command::Adapt(args) => adapt::adapt(*args, ui),
        Command::Run(args) => run::run(args, ui),
        Command::Bench(args) => bench::bench(args, ui),
        Command::Board(args) => board::board(args, ui),
        Command::Eval(args) => eval::eval(args, ui),
        Command::Check(args) => check::check(args, ui),
        Command::Calibrate(args) => calibrate::calibrate(args, ui),
        Command::Inspect(args) => inspect::inspect(args, ui),
        Command::Tune(args) => tune::tune(args, ui),
        Command::Schedules(args) => schedules::schedules(args, ui),
        Command::Demo(args) => demo::demo(args, ui),
        Command::Completions(args) => completions::completions(args, ui),
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    main_of(env::args_os())
}

/// Runs a command line, the name of the program first, and takes over the signals of this process.
pub fn main_of(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = command().get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let _ = miette::set_hook(Box::new(|_| {
        Box::new(MietteHandlerOpts::new().wrap_lines(false).context_lines(1).build())
    }));
    let ui = Ui::new(cli.ui);
    if let Err(error) = interrupt::clean_up_on_signals() {
        ui.say(&format!("WARNING: signals will leave temporary files: {error}"));
    }
    let outcome = run_command(cli.command, &ui);
    ui.finish();
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Rejected) => ExitCode::FAILURE,
        Err(error) => {
            ui.say(&format!("{:?}", Report::new(error)));
            ExitCode::FAILURE
        }
    }
}
