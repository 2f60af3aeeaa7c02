//! `pfp tune`.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use gauss_lowering::kernel::given::{Contents, Database};
use pfp_compiler::{
    compile::Network, error::Error, module::Session, output::Outputs, signature::Signature,
};
use pfp_evaluate::{
    calibrate::rewrite,
    device::{Device, Host},
    measure,
};
use pfp_tune::{Progress, Report, Settings, Tuned, measure::Timing, opener, tune as search};
use serde::Serialize;

use super::{
    DeviceArgs, HeadArgs, ModeArgs, ModelArgs, Outcome, Ui, bench::choose_cpus,
    check::random_inputs, open_module, table::Table, values,
};

/// Search the schedules of a network's kernels by measuring
#[derive(Debug, Args)]
#[command(
    after_help = "The analytic model of the kernel generator ranks the candidates, and what was \
measured corrects it. Every
compilation has another candidate for every kernel, which is timed in turn with the model's choice.
What was found is measured once more before it is written.

FILE is a database by shapes of kernels: it serves every network that has them, and what is measured
of another network is added to it. A journal beside it, FILE.CORE-NETWORK.journal, has all that was
measured of this one; a search that was ended goes on from there.

Examples:
  pfp tune lenet.mlir --params lenet.safetensors --batch 1 -o schedules.json
  pfp tune vgg.mlir --params vgg.safetensors --batch 8 --threads 2 --budget 10m -o schedules.json
  pfp compile lenet.mlir --params lenet.safetensors --schedule schedules.json"
)]
pub struct TuneArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    head: HeadArgs,

    #[command(flatten)]
    mode: ModeArgs,

    /// The function, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// Threads that share a call
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,

    /// How long the search may take, from 10s to 24h: 90s, 10m, 2h. What is compiled then still comes to
    /// its end, and is measured shortly
    #[arg(long = "budget", value_name = "TIME", default_value = "10m",
          value_parser = values::duration)]
    time: Duration,

    /// Candidates of each kernel, of which the most promising are measured first
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    candidates: u32,

    /// Calls in a window, at least; the first call of a window is discarded
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    number: u32,

    /// Windows for each candidate, at most; fewer where the difference is clear before
    #[arg(long, value_name = "N", default_value_t = 12,
          value_parser = clap::value_parser!(u32).range(4..=10_000))]
    repeat: u32,

    /// Milliseconds of a window, at least
    #[arg(long, value_name = "MS", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=60_000))]
    min_repeat_ms: u32,

    /// The seed of the order in which some candidates are measured
    #[arg(long, value_name = "N", default_value_t = 0)]
    search_seed: u64,

    /// The CPUs to time on [default: the last ones that this process may use; of a board, those that its
    /// table names]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    cpus: Vec<usize>,

    #[command(flatten)]
    device: DeviceArgs,

    /// The database: what is there already stays, unless it is about the same kernels
    #[arg(short, long, value_name = "FILE", default_value = "schedules.json")]
    output: PathBuf,
}

/// What is printed with `--json`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a Report,
    file: &'a Path,
    entries: usize,
}

pub fn tune(args: TuneArgs, ui: &Ui) -> Result<Outcome, Error> {
    let tasks = usize::from(args.threads);
    let windows = Duration::from_millis(args.min_repeat_ms.into()) * SHARE_OF_WINDOWS;
    if windows > args.time {
        return Err(Error::request(format!(
            "windows of {} ms are too long for a search of {} s",
            args.min_repeat_ms,
            args.time.as_secs()
        ))
        .with_help("choose a longer --budget, or shorter windows with --min-repeat-ms"));
    }
    let device: Box<dyn Device> = match args.device.connect(&args.cpus, ui)? {
        Some(board) => Box::new(board),
        None => Box::new(Host::new(choose_cpus(&args.cpus, tasks)?)?),
    };
    let all_cpus = measure::allowed_cpus()?;
    let model = &args.model;
    let mut imported = open_module(&model.module, model.batch, &model.reading, ui)?;
    let parameters = imported.parameters(model.params.as_deref())?;
    let calibration = parameters.as_ref().map(rewrite::read).transpose()?.flatten();
    let mode = args.mode.mode(false)?;
    let batch = model.batch.filter(|_| imported.batch.is_none());
    let source = imported.source;
    let name = args.function.as_deref();
    // What is to be said of the network is said once.
    let session = Session::new();
    let mut first = Network::open(&session, &source, parameters.as_ref(), batch)?;
    ui.remarks(&first);
    model.remark(&first, ui);
    args.head.append(&mut first, (mode, name), calibration.clone(), ui)?;
    first.function(name)?;
    let open = opener(|session| {
        let mut network = Network::open(session, &source, parameters.as_ref(), batch)?;
        args.head.append_noting(&mut network, (mode, name), calibration.clone(), &|_| ())?;
        Ok(network)
    });

    let mut database = read(&args.output)?;
    let mut outputs = Outputs::beside(model.files());
    outputs.open(&args.output, false)?;
    let settings = Settings {
        budget: args.time,
        candidates: args.candidates as usize,
        timing: Timing {
            number: args.number,
            repeat: args.repeat,
            min_repeat: Duration::from_millis(args.min_repeat_ms.into()),
        },
        worth: 0.01,
        seed: args.search_seed,
        cpus: all_cpus,
    };
    let inputs = |signature: &Signature| {
        let arrays = random_inputs(signature, signature.batch(), 0)?;
        Ok(arrays.into_iter().map(|array| array.values).collect())
    };
    let tuned =
        Tuned { open: &open, function: name, device: &*device, inputs: &inputs, mode, tasks };
    let last = Cell::new(None);
    let watch = |progress: Progress| {
        let part = progress.elapsed.as_secs() / LINE_SECONDS;
        if last.replace(Some(part)) != Some(part) {
            ui.progress(&format!(
                "{} of {} s, {}: {} candidates measured, {:.1} % less time expected",
                progress.elapsed.as_secs(),
                args.time.as_secs(),
                progress.stage,
                progress.measured,
                100.0 * (1.0 - progress.ratio)
            ));
        }
    };
    let (report, found) = search(&tuned, &settings, &args.output, &watch)?;
    let entries = found.kernels.len() + found.networks.len();
    database.merge(found);
    outputs.write(vec![database.to_json().into_bytes()])?;
    match ui.json() {
        true => ui.print_json(&Answer { report: &report, file: &args.output, entries })?,
        false => ui.print(text(&report, &args.output, entries))?,
    }
    Ok(Outcome::Done)
}

/// A budget has room for so many of the shortest windows, those of a few candidates.
const SHARE_OF_WINDOWS: u32 = 100;

/// Seconds from one line of progress to the next.
const LINE_SECONDS: u64 = 10;

/// The database of this name, empty where there is no file yet.
pub fn read(path: &Path) -> Result<Database, Error> {
    if !path.exists() {
        return Ok(Database::default());
    }
    let refuse = |reason: String| {
        Error::request(format!("{} is no database of schedules: {reason}", path.display()))
            .with_help("name another file, or one that pfp tune wrote")
    };
    match Contents::read(path).map_err(refuse)? {
        Contents::Database(database) => Ok(database),
        Contents::File(_) => Err(refuse("it names the kernels of one network".into())),
    }
}

/// So many kernels are listed.
const LISTED: usize = 20;

fn text(report: &Report, file: &Path, entries: usize) -> String {
    let percent = |ratio: f64| format!("{:+.1} %", 100.0 * (ratio - 1.0));
    let mut lines = vec![
        format!(
            "@{}, {} ({}): {} candidates in {} compilations, {:.0} s",
            report.function,
            report.core,
            report.cpu,
            report.measured,
            report.compilations,
            report.seconds
        ),
        format!(
            "a call: {:.2} us as the model chooses, {:.2} us as tuned; round by round {} (± {:.1} %, two \
             standard errors)",
            report.of_model,
            report.tuned,
            percent(report.ratio.median),
            200.0 * report.ratio.noise
        ),
    ];
    if report.taken_over > 0 {
        lines.push(format!(
            "{} measurements are of earlier runs, by the journal",
            report.taken_over
        ));
    }
    if let Some(failure) = &report.failure {
        lines.push(format!("{} candidates could not be compiled: {failure}", report.failed));
    }
    if !report.trials.is_empty() {
        let mut table = Table::new(&["numbers of the core", "time", "taken"], 1);
        for trial in &report.trials {
            let changes = serde_json::to_string(&trial.changes).unwrap_or_default();
            let is_taken = trial.changes.iter().all(|(n, v)| report.numbers.get(n) == Some(v));
            table.row(vec![
                format!("{}: {}", trial.what, changes.trim_matches(['{', '}'])),
                percent(trial.ratio.median),
                if is_taken { "yes".into() } else { String::new() },
            ]);
        }
        lines.extend([String::new(), table.to_string()]);
    }
    let head = ["kernels", "sizes", "us", "tuned", "measured", "of"];
    let mut table = Table::new(&head, 2);
    for kernel in report.kernels.iter().take(LISTED) {
        let sizes = |sizes: &[i64]| sizes.iter().map(i64::to_string).collect::<Vec<_>>().join("x");
        let count = match kernel.kernels.len() {
            1 => kernel.kernels[0].clone(),
            count => format!("{} and {} more", kernel.kernels[0], count - 1),
        };
        table.row(vec![
            count,
            format!("{} by {}", sizes(&kernel.shape.parallel), sizes(&kernel.shape.reductions)),
            format!("{:.2}", kernel.of_model),
            if kernel.schedule.is_some() { percent(kernel.ratio) } else { "as the model".into() },
            kernel.measured.to_string(),
            kernel.candidates.to_string(),
        ]);
    }
    lines.extend([String::new(), table.to_string()]);
    if report.kernels.len() > LISTED {
        lines.push(format!("({} more; all with --json)", report.kernels.len() - LISTED));
    }
    lines.push(match entries {
        0 => format!(
            "nothing is better than the model's choice: nothing is added to {}",
            file.display()
        ),
        _ => format!(
            "found {entries} better {what}, now in {file}; compile for the core {core} with --schedule \
             {file}",
            what = if entries == 1 { "choice" } else { "choices" },
            file = file.display(),
            core = report.core,
        ),
    });
    lines.join("\n")
}
