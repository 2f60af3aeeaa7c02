//! `pfp eval`.

use std::{path::PathBuf, thread};

use clap::Args;
use gauss_lowering::mode::Mode;
use pfp_compiler::{error::Error, output::Outputs};
use pfp_evaluate::{
    answers::Items,
    data::{self, Preparation, Scale},
    device::{Device, Host},
    eval::{
        self, Classification, Evaluation, ModeResult, Request, Role, Set, SetResult, Spec,
        latency::shown,
    },
    halves::Differences,
    report,
};

use super::{
    DeviceArgs, Outcome, Ui, open_module, posterior::ReadingArgs, results::Results, table::Table,
    values,
};

/// Compare ways to run a network by accuracy, calibration, uncertainty and time
#[derive(Debug, Args)]
#[command(after_help = "A data set is one of
  an IDX or .npy file (.gz too), FILE.npz:NAME or FILE.safetensors:TENSOR
  the part of such a name before -images-idx3-ubyte, .images-idx3-ubyte or -images.npy
  a folder of PNG and JPEG images, or of folders of them, which are classes
Labels are beside the images: 'labels' stands in the name where 'images' does.
After a data set may follow what holds for it alone: @labels=FILE @scale=FACTOR
@normalize=MEAN,STD @name=NAME

Examples:
  pfp eval lenet.mlir --params lenet.safetensors --in-domain mnist/t10k \\
      --ood fashion-mnist/t10k@normalize=0.2860,0.3530 \\
      --scale 1/255 --normalize 0.1307,0.3081
  pfp eval net.mlir --params net.safetensors --in-domain photos/ --json --items > photos.json")]
pub struct EvalArgs {
    /// The network: a module in the gauss dialect (.mlir), or an ONNX model (.onnx)
    #[arg(value_name = "MODULE")]
    module: PathBuf,

    /// The posterior of a module: a safetensors file
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,

    /// The function, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    #[command(flatten)]
    data: DataArgs,

    /// How the network is run: moments, mean, sample:N, presampled:N
    #[arg(long, value_name = "MODE", value_delimiter = ',', default_values = ["moments", "mean", "sample:30"])]
    modes: Vec<Mode>,

    /// Items in a call [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    batch: Option<u32>,

    /// Threads that share the items [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Draws of the logits of an item, from which mode moments gets class probabilities
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=values::DRAWS))]
    draws: u32,

    /// The seed of all draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Bins of the reliability diagram
    #[arg(long, value_name = "N", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    bins: u16,

    /// Items in a call whose time is measured [default: 1,10,100]
    #[arg(long, value_name = "N", value_delimiter = ',', conflicts_with = "no_latency")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    latency: Vec<u32>,

    /// Measure no times
    #[arg(long)]
    no_latency: bool,

    /// Write a page with tables, plots and pictures to this .html file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// With --json: what each item got, and its labels
    #[arg(long)]
    items: bool,

    /// Write latency, energy and accuracy to this .json file, for comparison with runs of MLPerf Tiny
    #[arg(long, value_name = "FILE", requires = "on")]
    results: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,
}

/// The heading of the options for data.
const DATA: &str = "Data";

/// The data sets.
#[derive(Debug, Args)]
struct DataArgs {
    /// What the network was trained for; needs labels
    #[arg(long, help_heading = DATA, value_name = "DATA")]
    in_domain: Spec,

    /// What belongs to none of the classes
    #[arg(long, help_heading = DATA, value_name = "DATA")]
    ood: Vec<Spec>,

    /// What belongs to several classes; right is an answer that names one of the labels
    #[arg(long, help_heading = DATA, value_name = "DATA")]
    ambiguous: Vec<Spec>,

    /// Multiply the numbers by this, such as 1/255
    #[arg(long, help_heading = DATA, value_name = "FACTOR", allow_hyphen_values = true)]
    scale: Option<Scale>,

    /// Then subtract MEAN and divide by STD
    #[arg(long, help_heading = DATA, value_name = "MEAN,STD", value_parser = data::parse_normalize)]
    #[arg(allow_hyphen_values = true)]
    normalize: Option<(f64, f64)>,
}

impl EvalArgs {
    fn request(&self) -> Request {
        let data = &self.data;
        let sets = [(Role::InDomain, data.in_domain.clone())].into_iter();
        let ambiguous = data.ambiguous.iter().map(|spec| (Role::Ambiguous, spec.clone()));
        let outside = data.ood.iter().map(|spec| (Role::OutOfDomain, spec.clone()));
        let numbers = |list: &[u32]| list.iter().map(|&number| number as usize).collect();
        Request {
            module: self.module.clone(),
            parameters: self.params.clone(),
            function: self.function.clone(),
            sets: sets.chain(ambiguous).chain(outside).collect(),
            preparation: Preparation { scale: data.scale, normalize: data.normalize },
            modes: self.modes.clone(),
            batch: self.batch.map(|batch| batch as usize),
            logit_draws: self.draws,
            seed: self.seed,
            bins: self.bins.into(),
            threads: self.threads.map_or_else(cpus, usize::from),
            latency: match (self.no_latency, &self.latency[..]) {
                (true, _) => Some(Vec::new()),
                (false, []) => None,
                (false, batches) => Some(numbers(batches)),
            },
        }
    }
}

/// How many CPUs this process may use.
fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub fn eval(args: EvalArgs, ui: &Ui) -> Result<Outcome, Error> {
    let request = args.request();
    let open = |path: &PathBuf| {
        let mut outputs = Outputs::beside(request.inputs().into_iter().chain(args.reading.files()));
        outputs.open(path, false).map(|()| outputs)
    };
    let page = args.report.as_ref().map(open).transpose()?;
    let results_file = args.results.as_ref().map(open).transpose()?;
    let mut imported = open_module(&request.module, None, &args.reading, ui)?;
    let parameters = imported.parameters(request.parameters.as_deref())?;
    let board = args.device.connect(&[], ui)?;
    let device: Box<dyn Device> = match &board {
        Some(board) => Box::new(board.clone()),
        None => Box::new(Host::new(Vec::new())?),
    };
    let network = (&imported.source, parameters);
    let (mut evaluation, sets) = eval::evaluate(&request, network, &*device, ui)?;
    let written = page.map(|outputs| {
        ui.stage("writing the report");
        outputs.write(vec![report::page(&evaluation, &sets)?.into_bytes()])
    });
    if let (Some(file), Some(board)) = (results_file, &board) {
        let name = args.device.on.as_deref().unwrap_or_default();
        let mut results = Results::new(&request.module, (name, board));
        results.add(&evaluation);
        file.write(vec![results.bytes()?])?;
    }
    // The table does not depend on the page.
    match ui.json() {
        true => {
            if !args.items {
                drop_items(&mut evaluation);
            }
            ui.print_json(&evaluation)?;
        }
        false => ui.print(text(&evaluation))?,
    }
    for path in written.transpose()?.unwrap_or_default() {
        ui.say(&format!("report: {}", path.display()));
    }
    Ok(Outcome::Done)
}

fn drop_items(evaluation: &mut Evaluation) {
    evaluation.sets.iter_mut().for_each(|set| set.labels.clear());
    let results = evaluation.modes.iter_mut().flat_map(|mode| &mut mode.sets);
    results.for_each(|result| result.items = Items::default());
}

fn text(evaluation: &Evaluation) -> String {
    let tables =
        evaluation.sets.iter().enumerate().map(|(index, set)| set_table(evaluation, set, index));
    let tables: Vec<_> = tables
        .chain(detection_table(evaluation))
        .chain(agreement_tables(evaluation))
        .chain(latency_table(evaluation))
        .chain([verdict(evaluation)])
        .collect();
    tables.join("\n\n")
}

/// What all modes say of one data set.
fn set_table(evaluation: &Evaluation, set: &Set, index: usize) -> String {
    let (role, right) = match set.role {
        Role::InDomain => ("in domain", "accuracy"),
        Role::Ambiguous => ("ambiguous", "names one of the labels"),
        Role::OutOfDomain => ("out of domain", "accuracy"),
    };
    let title = format!("{} ({role}, {} items)", set.name, set.items);
    let names = evaluation.modes.iter().map(|mode| mode.mode.as_str());
    let mut table = Table::new(&[title.as_str()].into_iter().chain(names).collect::<Vec<_>>(), 1);
    let results: Vec<_> = evaluation.modes.iter().filter_map(|mode| mode.sets.get(index)).collect();
    let mut row = |name: &str, cell: &dyn Fn(&SetResult) -> Option<String>| {
        let cells: Vec<_> = results.iter().map(|result| cell(result)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".into()));
            table.row([format!("  {name}")].into_iter().chain(cells).collect());
        }
    };
    let measure = |cell: fn(&Classification) -> String| {
        move |result: &SetResult| result.classification.as_ref().map(cell)
    };
    row(&format!("{right}, %"), &measure(|c| format!("{:.2}", 100.0 * c.accuracy)));
    row("negative log likelihood, nats", &measure(|c| format!("{:.4}", c.nll)));
    row("Brier score", &measure(|c| format!("{:.4}", c.brier)));
    row("expected calibration error, %", &measure(|c| format!("{:.2}", 100.0 * c.ece)));
    row("area under risk-coverage curve, %", &measure(|c| format!("{:.3}", 100.0 * c.aurc)));
    row("total uncertainty, nats", &|r| Some(format!("{:.4}", r.uncertainty.total)));
    row("aleatoric uncertainty, nats", &|r| Some(format!("{:.4}", r.uncertainty.aleatoric)));
    row("epistemic uncertainty, nats", &|r| r.uncertainty.epistemic.map(|x| format!("{x:.4}")));
    row("mean variance of the logits", &|r| r.uncertainty.variance.map(|x| format!("{x:.3}")));
    row("of differences of two logits", &|r| r.uncertainty.difference.map(|x| format!("{x:.3}")));
    table.to_string()
}

/// How well scores tell the sets out of domain from the one in domain.
fn detection_table(evaluation: &Evaluation) -> Option<String> {
    let head = ["out of domain against in domain", "mode", "by", "AUROC", "AUPR", "FPR95"];
    let mut table = Table::new(&head, 3);
    let rows = |mode: &ModeResult| {
        let name = mode.mode.clone();
        let row = move |d: &eval::Detection| {
            let number = |x: f64| format!("{x:.4}");
            let text = [format!("  {}", d.set), name.clone(), d.score.name().into()];
            text.into_iter().chain([d.auroc, d.aupr, d.fpr95].map(number)).collect()
        };
        mode.detection.iter().map(row).collect::<Vec<_>>()
    };
    let rows: Vec<_> = evaluation.modes.iter().flat_map(rows).collect();
    let has_rows = !rows.is_empty();
    rows.into_iter().for_each(|row| table.row(row));
    has_rows.then(|| table.to_string())
}

/// How far moments are from sampling, in brackets the noise of the sampling.
fn agreement_tables(evaluation: &Evaluation) -> Vec<String> {
    let compared = evaluation.modes.iter().flat_map(|mode| {
        let sets = mode.sets.iter().filter_map(|result| Some((result, result.agreement?)));
        sets.map(|(result, agreement)| (&mode.mode, &result.set, agreement))
    });
    let compared: Vec<_> = compared.collect();
    if compared.is_empty() {
        return vec![];
    }
    let mut differences = Table::new(
        &[
            "moments against (noise)",
            "data",
            "same class, %",
            "probabilities, %",
            "variance, ratio",
            "of differences, ratio",
            "epistemic, nats",
            "means, deviations",
            "KL, nats",
            "of differences, nats",
        ],
        2,
    );
    let mut variances = Table::new(
        &["variances of moments against", "data", "median ratio", "correlation", "of ranks"],
        2,
    );
    for (mode, set, agreement) in compared {
        let cell = |show: fn(&Differences) -> String| {
            let noise = agreement.noise.map_or("-".into(), |noise| show(&noise.differences));
            format!("{} ({noise})", show(&agreement.differences))
        };
        differences.row(vec![
            format!("  {mode}"),
            set.clone(),
            cell(|d| format!("{:.2}", 100.0 * (1.0 - d.class))),
            cell(|d| format!("{:.2}", 100.0 * d.probabilities)),
            cell(|d| format!("{:.3}", d.log_variance.exp())),
            cell(|d| d.log_difference.map_or("-".into(), |log| format!("{:.3}", log.exp()))),
            cell(|d| format!("{:.4}", d.epistemic)),
            cell(|d| format!("{:.3}", d.mean)),
            cell(|d| format!("{:.3}", d.kl)),
            cell(|d| d.kl_difference.map_or("-".into(), |kl| format!("{kl:.3}"))),
        ]);
        let numbers = [agreement.variance_ratio, agreement.correlation, agreement.rank_correlation];
        let numbers = numbers.map(|number| format!("{number:.3}"));
        variances.row([format!("  {mode}"), set.clone()].into_iter().chain(numbers).collect());
    }
    vec![differences.to_string(), variances.to_string()]
}

/// Can the closed form be trusted?
fn verdict(evaluation: &Evaluation) -> String {
    let verdict = &evaluation.verdict;
    let sets = verdict.sets.iter().map(|set| {
        let advice: String = set.advice.iter().map(|advice| format!("\n    {advice}")).collect();
        format!("  {}: {}.{advice}", set.set, set.sentence)
    });
    let sets: Vec<_> = sets.collect();
    format!("Can PFP be trusted on this data? {}\n{}", verdict.answer, sets.join("\n"))
}

/// The times of calls.
fn latency_table(evaluation: &Evaluation) -> Option<String> {
    let first = evaluation.modes.first().filter(|mode| !mode.latency.is_empty())?;
    let batches = first.latency.iter().map(|latency| format!("batch {}", latency.batch));
    let mut head = vec!["us per item, one core (times of moments)".to_owned()];
    head.extend(batches);
    let mut table = Table::new(&head.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    for mode in &evaluation.modes {
        let cells = mode.latency.iter().map(|latency| match latency.speed_up {
            Some(factor) => format!("{} ({factor:.1})", shown(latency.microseconds)),
            None => shown(latency.microseconds),
        });
        table.row([format!("  {}", mode.mode)].into_iter().chain(cells).collect());
    }
    let told = evaluation.modes.iter().flat_map(|mode| {
        mode.latency.iter().filter_map(move |latency| {
            let told = latency.told.as_ref()?.text();
            Some(format!("\n  {}, batch {}: {told}", mode.mode, latency.batch))
        })
    });
    Some(table.to_string() + &told.collect::<String>())
}
