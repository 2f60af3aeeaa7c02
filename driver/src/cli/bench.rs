//! `pfp bench`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use gauss_lowering::target::Target;
use pfp_compiler::{
    array::Array,
    compile::{Network, Options, Schedules},
    error::Error,
    jit::{Arena, CompiledModel},
    module::Session,
    profile,
    target::{self, HOST},
};
use pfp_evaluate::{
    calibrate::rewrite,
    measure::{self, Times},
};
use pfp_runtime::Threads;
use serde::Serialize;

use super::{
    HeadArgs, ModeArgs, Outcome, Ui, check::random_inputs, open_module, posterior::ReadingArgs,
    table::Table, values,
};
use crate::roofline::Roofline;

/// Time a network on this machine, against what the machine can do
#[derive(Debug, Args)]
#[command(after_help = "The limit is the larger of two times: that of the multiply-adds at the \
measured peak of a core, and that of reading the weights once, at the speed at which a core was \
measured to read as many bytes again and again. Its share is of the median. A network of 3x3 \
convolutions can be faster: their means take fewer multiply-adds than the layers have.

Examples:
  pfp bench lenet.mlir --params lenet.safetensors
  pfp bench lenet.mlir --params lenet.safetensors --batch 1,100 --threads 1,2 --json
  pfp bench lenet.mlir --params lenet.safetensors --batch 1 --profile
  pfp bench lenet.mlir --params lenet.safetensors --head sample:1000 --budget 2x --profile")]
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

    /// The CPUs to use [default: the last ones that this process may use]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    cpus: Vec<usize>,

    /// Schedules: a file as `pfp inspect --schedule` prints it, one that `pfp tune` wrote, or `model` for
    /// those of the analytic model alone [default: what was measured on such a core and is shipped]
    #[arg(long, value_name = "FILE")]
    schedule: Option<Schedules>,

    /// Show where the time of a call goes, kernel by kernel, and how near sums come to the peak; a
    /// call takes longer, for the clock is read around each kernel
    #[arg(long)]
    profile: bool,
}

/// What is timed: a batch and a number of threads.
struct Configuration {
    batch: i64,
    flop: f64,
    weight_bytes: u64,
    model: CompiledModel,
    threads: Threads,
    inputs: Vec<Array>,
    outputs: Vec<Vec<f32>>,
    arena: Arena,
    times: Vec<f64>,
    /// Each kernel, and the multiply-adds of its sums.
    kernels: Vec<(String, i64)>,
    profiles: Vec<Vec<f64>>,
}

#[derive(Debug, Serialize)]
struct Report {
    cpu: String,
    cpus: Vec<usize>,
    roofline: Roofline,
    results: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    batch: i64,
    threads: usize,
    microseconds: Times,
    microseconds_per_item: f64,
    gflops: f64,
    weight_bytes: u64,
    limit_microseconds: f64,
    share_of_limit: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile: Vec<Kernel>,
}

/// A kernel of a call.
#[derive(Debug, Serialize)]
struct Kernel {
    kernel: String,
    microseconds: f64,
    share: f64,
    /// Of the multiply-adds that its sums take, on elements of results.
    gflops: f64,
    share_of_peak: f64,
}

/// The batches that are timed where the module leaves them open.
const DEFAULT_BATCHES: [i64; 3] = [1, 10, 100];

pub fn bench(args: BenchArgs, ui: &Ui) -> Result<Outcome, Error> {
    let target = target::find(HOST, None)?;
    let most = args.threads.iter().copied().max().unwrap_or(1).into();
    let cpus = choose_cpus(&args.cpus, most)?;
    let mut imported = open_module(&args.module, None, &args.reading, ui)?;
    let parameters = imported.parameters(args.params.as_deref())?;
    let calibration = parameters.as_ref().map(rewrite::read).transpose()?.flatten();
    let mode = args.mode.mode(false)?;
    let source = imported.source;
    let session = Session::new();
    let mut configurations = Vec::new();
    let open = |batch| Network::open(&session, &source, parameters.as_ref(), batch);
    let batches: Vec<_> = match args.batch.is_empty() {
        false => args.batch.iter().copied().map(Some).collect(),
        true if open(None)?.has_free_batch() => DEFAULT_BATCHES.map(Some).to_vec(),
        true => vec![None],
    };
    if let Some(&batch) = batches.first() {
        ui.remarks(&open(batch)?);
    }
    for batch in batches {
        for &threads in &args.threads {
            let items = batch.map_or(String::new(), |batch| format!("batch {batch}, "));
            ui.stage(&format!("compiling for {items}{threads} thread(s)"));
            measure::pin(&cpus[..threads.into()])?;
            let mut network = open(batch)?;
            let what = (mode, args.function.as_deref());
            args.head.append(&mut network, what, calibration.clone(), ui)?;
            let options = Options {
                tasks: threads.into(),
                schedules: args.schedule.clone().unwrap_or_default(),
                profile: args.profile,
                mode,
                ..Options::default()
            };
            configurations.push(configuration(&args, &network, batch, &target, &options)?);
        }
    }
    measure::pin(&cpus[..1])?;
    ui.stage("measuring the limits of a core");
    let roofline = Roofline::measure(configurations.iter().map(Configuration::bytes_of_thread));
    let slice = Duration::from_secs_f64(args.seconds / f64::from(args.rounds));
    let bar = ui.count("timing", args.rounds as usize);
    for _ in 0..args.rounds {
        for configuration in &mut configurations {
            measure::pin(&cpus[..configuration.threads.count()])?;
            configuration.round(slice)?;
        }
        bar.inc(1);
    }
    let results = configurations.into_iter().map(|each| each.result(&roofline)).collect();
    let report = Report { cpu: measure::cpu_name(), cpus, roofline, results };
    match ui.json() {
        true => ui.print_json(&report)?,
        false => ui.print(text(&report))?,
    }
    Ok(Outcome::Done)
}

/// The CPUs for so many threads: those that are wanted, else the last ones.
pub fn choose_cpus(wanted: &[usize], threads: usize) -> Result<Vec<usize>, Error> {
    let allowed = measure::allowed_cpus()?;
    if let Some(cpu) = wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(Error::request(format!("this process may not use the CPU {cpu}"))
            .with_help(format!("it may use {allowed:?}")));
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
    network: &Network,
    batch: Option<i64>,
    target: &Target,
    options: &Options,
) -> Result<Configuration, Error> {
    let function = network.function(args.function.as_deref())?;
    let compiled = network.compile(function, target, options, &|_| ())?;
    let model = CompiledModel::new(&compiled)?;
    let signature = &compiled.function.signature;
    let inputs = random_inputs(signature, signature.batch(), 0)?;
    let threads = Threads::new(options.tasks)
        .map_err(|error| Error::request(format!("a thread cannot be started: {error}")))?;
    let multiply_adds: u64 = compiled.function.layers.iter().map(|layer| layer.multiply_adds).sum();
    let outputs = signature.output_buffers();
    Ok(Configuration {
        batch: batch.unwrap_or(signature.batch() as i64),
        flop: 2.0 * multiply_adds as f64,
        weight_bytes: compiled.weight_bytes,
        arena: model.arena(),
        model,
        threads,
        inputs,
        outputs: outputs.iter().map(|buffer| vec![0.0; buffer.tensor.elements()]).collect(),
        times: Vec::new(),
        kernels: compiled
            .kernels
            .iter()
            .map(|kernel| (kernel.kernel.clone(), kernel.multiply_adds))
            .collect(),
        profiles: if args.profile { vec![vec![]; compiled.kernels.len()] } else { vec![] },
    })
}

impl Configuration {
    /// Bytes of weights that a thread reads at least: threads share them at best.
    fn bytes_of_thread(&self) -> u64 {
        self.weight_bytes / self.threads.count() as u64
    }

    /// Calls the function for a slice of time.
    fn round(&mut self, slice: Duration) -> Result<(), Error> {
        let inputs: Vec<_> = self.inputs.iter().map(|array| &array.values[..]).collect();
        let mut outputs: Vec<_> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let executor = self.threads.executor();
        let (model, arena) = (&self.model, &mut self.arena);
        let mut call = model.prepare(&inputs, &mut outputs, arena, &executor)?;
        let mut call = || call.run();
        if self.profiles.is_empty() {
            self.times.extend(measure::time(slice, call)?);
            return Ok(());
        }
        let (kernels, profiles) = (self.kernels.len(), &mut self.profiles);
        let times = measure::time(slice, || {
            let spent = profile::of(kernels, &mut call)?;
            profiles.iter_mut().zip(spent).for_each(|(all, spent)| all.push(spent));
            Ok(())
        })?;
        self.times.extend(times);
        Ok(())
    }

    fn result(self, roofline: &Roofline) -> Measured {
        let threads = self.threads.count();
        let limit = roofline.limit(self.flop / threads as f64, self.bytes_of_thread());
        let microseconds = Times::of(self.times);
        let medians: Vec<_> =
            self.profiles.into_iter().map(|spent| Times::of(spent).median).collect();
        let total: f64 = medians.iter().sum();
        let kernels = self.kernels.into_iter().zip(medians);
        Measured {
            batch: self.batch,
            threads,
            microseconds,
            microseconds_per_item: microseconds.median / self.batch as f64,
            gflops: self.flop / microseconds.median / 1e3,
            weight_bytes: self.weight_bytes,
            limit_microseconds: limit,
            share_of_limit: limit / microseconds.median,
            profile: kernels
                .map(|((kernel, multiply_adds), microseconds)| {
                    let share = microseconds / total.max(f64::MIN_POSITIVE);
                    let gflops = 2e-3 * multiply_adds as f64 / microseconds.max(f64::MIN_POSITIVE);
                    let share_of_peak = gflops / (roofline.gflops * threads as f64);
                    Kernel { kernel, microseconds, share, gflops, share_of_peak }
                })
                .collect(),
        }
    }
}

fn text(report: &Report) -> String {
    let roofline = &report.roofline;
    let mut lines = vec![format!("{}, CPUs {:?}", report.cpu, report.cpus)];
    lines.push(format!("one core: {:.1} GFLOP/s", roofline.gflops));
    for level in &roofline.bandwidths {
        lines.push(format!("  {:>6} KiB: {:.1} GB/s", level.bytes >> 10, level.gigabytes));
    }
    let head = [
        "batch",
        "threads",
        "median us",
        "p10",
        "p90",
        "min",
        "us/item",
        "GFLOP/s",
        "limit us",
        "share",
    ];
    let mut table = Table::new(&head, 0);
    for result in &report.results {
        let times = result.microseconds;
        let micro = |time: f64| format!("{time:.2}");
        table.row(vec![
            result.batch.to_string(),
            result.threads.to_string(),
            micro(times.median),
            micro(times.p10),
            micro(times.p90),
            micro(times.min),
            micro(result.microseconds_per_item),
            format!("{:.1}", result.gflops),
            micro(result.limit_microseconds),
            format!("{:.0} %", 100.0 * result.share_of_limit),
        ]);
    }
    lines.extend([String::new(), table.to_string()]);
    for result in report.results.iter().filter(|result| !result.profile.is_empty()) {
        let mut table = Table::new(&["kernel", "us", "share", "GFLOP/s", "of peak"], 1);
        for kernel in &result.profile {
            // Activations and copies are no multiply-adds.
            let of_sums = |text: String| if kernel.gflops > 0.0 { text } else { String::new() };
            table.row(vec![
                kernel.kernel.clone(),
                format!("{:.2}", kernel.microseconds),
                format!("{:.1} %", 100.0 * kernel.share),
                of_sums(format!("{:.1}", kernel.gflops)),
                of_sums(format!("{:.0} %", 100.0 * kernel.share_of_peak)),
            ]);
        }
        let title = format!("batch {}, {} thread(s):", result.batch, result.threads);
        lines.extend([String::new(), title, table.to_string()]);
    }
    lines.join("\n")
}
