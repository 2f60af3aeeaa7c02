//! `pfp bench`.

mod answer;
mod emulated;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use gauss_lowering::target::Target;
use pfp_agent::{
    counters::KernelCounts,
    protocol::{self, Settings},
};
use pfp_compiler::{
    array::Array,
    compile::{Compiled, Network, Options},
    error::Error,
    module::Session,
    output::Outputs,
    target,
};
use pfp_evaluate::{
    calibrate::rewrite,
    device::{Buffers, Device, Executable, Host, LEAST_CALLS, Timing},
    measure::{self, Times},
    told::Told,
};
use serde::Serialize;

use super::{
    DeviceArgs, HeadArgs, ModeArgs, Outcome, ScheduleArgs, Ui, check::random_inputs, open_module,
    posterior::ReadingArgs, results, values,
};
use crate::{board::device::BoardDevice, roofline::Roofline};
use answer::Answer;

/// Time a network, on this machine against what the machine can do, or on a board
#[derive(Debug, Args)]
#[command(after_help = "The limit is the larger of two times: that of the multiply-adds at the \
measured peak of a core, and that of reading the weights once, at the speed at which a core was \
measured to read as many bytes again and again. Its share is of the median. A network of 3x3 \
convolutions can be faster: their means take fewer multiply-adds than the layers have.

On a board all timing is done there. Beside the times stand what the board tells of clocks, heat and
energy; a limit is not measured.

Without a board, --target counts the instructions of one call under qemu-aarch64 and asks llvm-mca for
their cycles on the CPU, block by block: loads that hit the first cache, branches as foreseen. The two
say which kernel is worth a look; they are no times.

Examples:
  pfp bench lenet.mlir --params lenet.safetensors
  pfp bench lenet.mlir --params lenet.safetensors --batch 1,100 --threads 1,2 --json
  pfp bench lenet.mlir --params lenet.safetensors --batch 1 --profile
  pfp bench lenet.mlir --params lenet.safetensors --head sample:1000 --budget 2x --profile
  pfp bench lenet.mlir --params lenet.safetensors --on pi --batch 1 --profile --results lenet.json
  pfp bench lenet.mlir --params lenet.safetensors --target aarch64-linux-gnu --cpu cortex-a72 \\
      --batch 1 --profile")]
pub struct BenchArgs {
    /// The network: a module in the gauss dialect (.mlir), or an ONNX model (.onnx)
    #[arg(value_name = "MODULE")]
    module: PathBuf,

    /// The posterior of a module: a safetensors file
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    head: HeadArgs,

    #[command(flatten)]
    mode: ModeArgs,

    /// The function, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// Items per call [default: 1,10,100, or what the module fixes]
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(i64).range(1..=1 << 30))]
    batch: Vec<i64>,

    /// Threads that share a call
    #[arg(long, value_name = "N", value_delimiter = ',', default_values = ["1"],
          value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: Vec<u8>,

    /// Seconds for each batch and number of threads
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = values::seconds)]
    seconds: f64,

    /// Rounds in which all of them take turns
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,

    /// The CPUs to use [default: those of the board's table, else the last ones that may be used]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    cpus: Vec<usize>,

    #[command(flatten)]
    schedule: ScheduleArgs,

    /// Show where the time of a call goes, kernel by kernel, and how near sums come to the peak; a
    /// call takes longer, for the clock is read around each kernel. On a board hardware counters too
    #[arg(long)]
    profile: bool,

    /// Write tables, and with --profile a picture of the kernels, to this .html file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Write latency and energy to this .json file, for comparison with runs of MLPerf Tiny
    #[arg(long, value_name = "FILE", requires = "on")]
    results: Option<PathBuf>,

    /// Write what is sent to the board to this file: `pfp-agent measure FILE` runs it there by hand. Takes
    /// one batch and one number of threads
    #[arg(long, value_name = "FILE", requires = "on")]
    save_bundle: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,

    /// Count what a call executes on this target under QEMU, and its cycles by llvm-mca, where no board is
    /// at hand: aarch64-linux-gnu or aarch64-none-elf
    #[arg(long, value_name = "TRIPLE", help_heading = "Without a board",
          conflicts_with_all = ["on", "cpus", "seconds", "rounds"])]
    target: Option<String>,

    /// The CPU, by its LLVM name [default: the least of the architecture]
    #[arg(long, value_name = "NAME", help_heading = "Without a board", requires = "target")]
    cpu: Option<String>,
}

/// What is timed: a batch and a number of threads.
struct Configuration {
    batch: i64,
    threads: usize,
    flop: f64,
    weight_bytes: u64,
    executable: Box<dyn Executable>,
    inputs: Buffers,
    times: Vec<f64>,
    /// Each kernel, and the multiply-adds of its sums.
    kernels: Vec<(String, i64)>,
    is_profiled: bool,
    profiles: Vec<Vec<f64>>,
    /// What the board told in each round.
    told: Vec<protocol::Measured>,
}

#[derive(Debug, Serialize)]
struct Report {
    cpu: String,
    cpus: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roofline: Option<Roofline>,
    results: Vec<Measured>,
}

/// What came of a configuration.
#[derive(Debug, Serialize)]
struct Measured {
    batch: i64,
    threads: usize,
    microseconds: Times,
    microseconds_per_item: f64,
    gflops: f64,
    weight_bytes: u64,
    #[serde(flatten)]
    limit: Option<Limit>,
    #[serde(flatten)]
    board: Option<Told>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile: Vec<Kernel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counters_missing: Option<String>,
}

/// What the machine could do.
#[derive(Debug, Serialize)]
struct Limit {
    limit_microseconds: f64,
    share_of_limit: f64,
}

/// A kernel of a call.
#[derive(Debug, Serialize)]
struct Kernel {
    kernel: String,
    microseconds: f64,
    share: f64,
    /// Of the multiply-adds that its sums take, on elements of results.
    gflops: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_of_peak: Option<f64>,
    #[serde(flatten)]
    counts: Option<KernelCounts>,
}

/// The batches that are timed where the module leaves them open.
const DEFAULT_BATCHES: [i64; 3] = [1, 10, 100];

pub fn bench(args: BenchArgs, ui: &Ui) -> Result<Outcome, Error> {
    let mut files = Outputs::beside(args.params.iter().cloned().chain([args.module.clone()]));
    for path in args.report.iter().chain(&args.results).chain(&args.save_bundle) {
        files.open(path, false)?;
    }
    if let Some(target) = &args.target {
        let target = target::find(target, args.cpu.as_deref())?;
        return emulated::bench(&args, &target, files, ui);
    }
    let board = args.device.connect(&args.cpus, ui)?;
    let most = args.threads.iter().copied().max().unwrap_or(1).into();
    let cpus = match &board {
        Some(_) => Vec::new(),
        None => choose_cpus(&args.cpus, most)?,
    };
    let device: Box<dyn Device> = match &board {
        Some(board) => Box::new(board.clone()),
        None => Box::new(Host::new(cpus.clone())?),
    };
    let slice = Duration::from_secs_f64(args.seconds / f64::from(args.rounds));
    let mut configurations = Vec::new();
    let mut bundles = Vec::new();
    for_each_compiled(&args, device.target(), ui, &mut |compiled, batch| {
        let configuration = configuration(&args, compiled, batch, &*device)?;
        if let (Some(_), Some(board)) = (&args.save_bundle, &board) {
            bundles.push(bundle(board, compiled, &configuration, slice)?);
        }
        configurations.push(configuration);
        Ok(())
    })?;
    let roofline = match &board {
        Some(_) => None,
        None => {
            measure::pin(&cpus[..1])?;
            ui.stage("measuring the limits of a core");
            Some(Roofline::measure(configurations.iter().map(Configuration::bytes_of_thread)))
        }
    };
    let bar = ui.count("timing", args.rounds as usize);
    for _ in 0..args.rounds {
        for configuration in &mut configurations {
            configuration.round(slice)?;
        }
        bar.inc(1);
    }
    let cpus = match configurations.iter().flat_map(|each| &each.told).next_back() {
        Some(told) => told.cpus.clone(),
        None => cpus,
    };
    let results: Vec<_> =
        configurations.into_iter().map(|each| each.result(roofline.as_ref())).collect();
    let report = Report { cpu: device.cpu_name(), cpus, roofline, results };
    let answer = Answer::of_times(&report);
    let mut contents: Vec<_> = args.report.iter().map(|_| answer.page(&args.module)).collect();
    if let Some(board) = &board {
        report.results.iter().filter_map(|result| result.board.as_ref()).for_each(|told| {
            told.warnings.iter().for_each(|warning| ui.say(&format!("WARNING: {warning}")));
        });
        if args.results.is_some() {
            contents.push(results_file(&args, board, &report)?);
        }
        contents.extend(bundles);
    }
    files.write(contents)?;
    match ui.json() {
        true => ui.print_json(&report)?,
        false => ui.print(answer.text())?,
    }
    Ok(Outcome::Done)
}

/// Takes a compiled function, and the batch that it was asked for.
type Take<'a> = &'a mut dyn FnMut(&Compiled, Option<i64>) -> Result<(), Error>;

/// Compiles the function for each batch and number of threads, for a target.
fn for_each_compiled(args: &BenchArgs, target: &Target, ui: &Ui, then: Take) -> Result<(), Error> {
    let mut imported = open_module(&args.module, None, &args.reading, ui)?;
    let parameters = imported.parameters(args.params.as_deref())?;
    let calibration = parameters.as_ref().map(rewrite::read).transpose()?.flatten();
    let mode = args.mode.mode(false)?;
    let source = imported.source;
    let session = Session::new();
    let open = |batch| Network::open(&session, &source, parameters.as_ref(), batch);
    let batches: Vec<_> = match args.batch.is_empty() {
        false => args.batch.iter().copied().map(Some).collect(),
        true if open(None)?.has_free_batch() => DEFAULT_BATCHES.map(Some).to_vec(),
        true => vec![None],
    };
    if args.save_bundle.is_some() && (batches.len(), args.threads.len()) != (1, 1) {
        return Err(Error::request("a bundle has one batch and one number of threads")
            .with_help("choose them: --batch N --threads N"));
    }
    if let Some(&batch) = batches.first() {
        ui.remarks(&open(batch)?);
    }
    for batch in batches {
        for &threads in &args.threads {
            let items = batch.map_or(String::new(), |batch| format!("batch {batch}, "));
            ui.stage(&format!("compiling for {items}{threads} thread(s)"));
            let mut network = open(batch)?;
            let what = (mode, args.function.as_deref());
            args.head.append(&mut network, what, calibration.clone(), ui)?;
            let options = Options {
                tasks: threads.into(),
                schedules: args.schedule.of(&network)?,
                profile: args.profile,
                mode,
                ..Options::default()
            };
            let function = network.function(args.function.as_deref())?;
            let compiled = network.compile(function, target, &options, &|_| ())?;
            ui.notes(compiled.unused_schedules(&options.schedules).as_slice());
            then(&compiled, batch)?;
        }
    }
    Ok(())
}

/// The file of `--save-bundle`: what is sent, and timed for a round.
fn bundle(
    board: &BoardDevice,
    compiled: &Compiled,
    configuration: &Configuration,
    slice: Duration,
) -> Result<Vec<u8>, Error> {
    let duration = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    let settings = Settings { warm_up: duration / 10, duration, ..Settings::default() };
    board.bundle(compiled, &configuration.inputs, &settings)
}

/// The file of `--results`.
fn results_file(args: &BenchArgs, board: &BoardDevice, report: &Report) -> Result<Vec<u8>, Error> {
    let latency = |result: &Measured| results::Latency {
        batch: result.batch as usize,
        threads: result.threads,
        mode: args.mode.mode.to_string(),
        median_microseconds: result.microseconds.median,
        microseconds: Some(result.microseconds),
        told: result.board.clone(),
    };
    let name = args.device.on.clone().unwrap_or_default();
    let file = results::Results {
        latency: report.results.iter().map(latency).collect(),
        ..results::Results::new(&args.module, (&name, board))
    };
    file.bytes()
}

/// The CPUs for so many threads: those that are wanted, else the last ones.
pub fn choose_cpus(wanted: &[usize], threads: usize) -> Result<Vec<usize>, Error> {
    let allowed = measure::allowed_cpus()?;
    if let Some(cpu) = wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(Error::request(format!("this process may not use the CPU {cpu}"))
            .with_help(format!("it may use {allowed:?}")));
    }
    if let Some(place) = (1..wanted.len()).find(|&n| wanted[..n].contains(&wanted[n])) {
        return Err(Error::request(format!("the CPU {} is named twice", wanted[place])));
    }
    let cpus: Vec<_> = match wanted.is_empty() {
        true => allowed.into_iter().rev().collect(),
        false => wanted.to_vec(),
    };
    match threads <= cpus.len() {
        true => Ok(cpus.into_iter().take(threads).collect()),
        false => Err(Error::request(format!("{threads} threads need as many CPUs"))
            .with_help(format!("there are {}: {cpus:?}", cpus.len()))),
    }
}

fn configuration(
    args: &BenchArgs,
    compiled: &Compiled,
    batch: Option<i64>,
    device: &dyn Device,
) -> Result<Configuration, Error> {
    let signature = &compiled.function.signature;
    let inputs = random_inputs(signature, signature.batch(), 0)?;
    let multiply_adds: u64 = compiled.function.layers.iter().map(|layer| layer.multiply_adds).sum();
    let kernels = compiled.kernels.iter();
    Ok(Configuration {
        batch: batch.unwrap_or(signature.batch() as i64),
        threads: compiled.tasks,
        flop: 2.0 * multiply_adds as f64,
        weight_bytes: compiled.weight_bytes,
        executable: device.load(compiled)?,
        inputs: inputs.into_iter().map(|Array { values, .. }| values).collect(),
        times: Vec::new(),
        kernels: kernels.map(|kernel| (kernel.kernel.clone(), kernel.multiply_adds)).collect(),
        is_profiled: args.profile,
        profiles: vec![vec![]; compiled.kernels.len()],
        told: Vec::new(),
    })
}

impl Configuration {
    /// Bytes of weights that a thread reads at least: threads share them at best.
    fn bytes_of_thread(&self) -> u64 {
        self.weight_bytes / self.threads as u64
    }

    /// Calls the function for a slice of time.
    fn round(&mut self, slice: Duration) -> Result<(), Error> {
        let kernels = if self.is_profiled { self.kernels.len() } else { 0 };
        let timing = Timing { duration: slice, calls: LEAST_CALLS, kernels };
        let timed = self.executable.caller().time(&self.inputs, &timing)?;
        self.times.extend(timed.calls);
        self.profiles.iter_mut().zip(timed.kernels).for_each(|(all, spent)| all.push(spent));
        self.told.extend(timed.told);
        Ok(())
    }

    fn result(self, roofline: Option<&Roofline>) -> Measured {
        let threads = self.threads;
        let microseconds = Times::of(self.times.clone());
        let limit = roofline.map(|roofline| {
            let limit = roofline.limit(self.flop / threads as f64, self.bytes_of_thread());
            let share_of_limit = limit / microseconds.median;
            Limit { limit_microseconds: limit, share_of_limit }
        });
        let peak = roofline.map(|roofline| roofline.gflops * threads as f64);
        let last = self.told.last().and_then(|told| told.profile.as_ref());
        let counts = last.map_or(&[][..], |profile| &profile.counts);
        Measured {
            batch: self.batch,
            threads,
            microseconds,
            microseconds_per_item: microseconds.median / self.batch as f64,
            gflops: self.flop / microseconds.median / 1e3,
            weight_bytes: self.weight_bytes,
            limit,
            board: Told::of(&self.told, self.times.len(), self.batch as usize),
            counters_missing: last.and_then(|profile| profile.missing.clone()),
            profile: match self.is_profiled {
                true => profile(&self.kernels, self.profiles, counts, peak),
                false => Vec::new(),
            },
        }
    }
}

/// Where the time of a call goes, by the medians of the kernels.
fn profile(
    kernels: &[(String, i64)],
    times: Vec<Vec<f64>>,
    counts: &[KernelCounts],
    peak: Option<f64>,
) -> Vec<Kernel> {
    let medians: Vec<_> = times.into_iter().map(|spent| Times::of(spent).median).collect();
    let total: f64 = medians.iter().sum();
    let of = |(index, ((kernel, multiply_adds), microseconds)): (usize, (&(String, i64), f64))| {
        let gflops = 2e-3 * *multiply_adds as f64 / microseconds.max(f64::MIN_POSITIVE);
        Kernel {
            kernel: kernel.clone(),
            microseconds,
            share: microseconds / total.max(f64::MIN_POSITIVE),
            gflops,
            share_of_peak: peak.map(|peak| gflops / peak),
            counts: counts.get(index).copied(),
        }
    };
    kernels.iter().zip(medians).enumerate().map(of).collect()
}
