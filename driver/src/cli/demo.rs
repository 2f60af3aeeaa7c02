//! `pfp demo`.

use std::{
    path::{Path, PathBuf},
    thread,
};

use clap::Args;
use gauss_lowering::mode::{Mode, Sampling};
use pfp_compiler::{error::Error, interrupt::Scratch, output::Outputs};
use pfp_evaluate::{
    data::{self, Preparation, Scale},
    device::Host,
    eval::{self, Request, Role, Spec},
    report,
};
use serde_json::json;

use super::{
    Outcome, Ui, open_module,
    posterior::ReadingArgs,
    table::{Table, grouped},
};
use crate::demo::{self, Agreement, CROSS, Data, Group, MONTE_CARLO_SAMPLES, NETWORKS, Report};

/// Compile the built-in networks, run them on the built-in images, print what they know
#[derive(Debug, Args)]
#[command(
    after_help = "Handwritten digits of 8x8 pixels: held-out ones, blends of two, and what is \
no digit at all."
)]
pub struct DemoArgs {
    /// Where networks and images are
    #[arg(value_name = "DIR", default_value = "examples/digits")]
    directory: PathBuf,

    /// The factor of the pixels
    #[arg(long, value_name = "FACTOR", default_value = "1/16", allow_hyphen_values = true)]
    scale: Scale,

    /// Mean and standard deviation of the scaled pixels
    #[arg(long, value_name = "MEAN,STD", default_value = "0.5,0.5")]
    #[arg(value_parser = data::parse_normalize, allow_hyphen_values = true)]
    normalize: (f64, f64),

    /// Where a page for each network is written [default: a new directory for temporary files]
    #[arg(long, value_name = "DIR")]
    reports: Option<PathBuf>,
}

impl DemoArgs {
    /// What is evaluated of a network.
    fn request(&self, network: &str) -> Request {
        let file = |name: &str| self.directory.join(name);
        let set = |name: &str| Spec {
            path: file(name).display().to_string(),
            name: Some(name.to_owned()),
            ..Spec::default()
        };
        Request {
            module: file(&format!("{network}.mlir")),
            parameters: Some(file(&format!("{network}.safetensors"))),
            function: None,
            sets: vec![
                (Role::InDomain, set("test")),
                (Role::Ambiguous, set("ambiguous")),
                (Role::OutOfDomain, set("ood")),
            ],
            preparation: self.preparation(),
            modes: MODES.to_vec(),
            batch: None,
            logit_draws: LOGIT_DRAWS,
            seed: 0,
            bins: BINS,
            threads: thread::available_parallelism().map_or(1, usize::from),
            latency: None,
        }
    }

    fn preparation(&self) -> Preparation {
        Preparation { scale: Some(self.scale), normalize: Some(self.normalize) }
    }
}

/// The modes of the pages.
const MODES: [Mode; 3] = [Mode::Moments, Mode::Mean, Mode::Sample(PASSES)];

/// As many passes as the paper compares with; the evaluation has the seed and asks for the draws.
const PASSES: Sampling = Sampling { samples: 30, seed: 0, presampled: false, draws: false };

/// Draws of the logits of an image, on the pages.
const LOGIT_DRAWS: u32 = 1000;

/// Bins of their reliability diagrams.
const BINS: usize = 15;

pub fn demo(args: DemoArgs, ui: &Ui) -> Result<Outcome, Error> {
    let scratch = match &args.reports {
        Some(_) => None,
        None => Some(Scratch::named("pfp-demo-").map_err(|error| {
            Error::request(format!("cannot make a directory for temporary files: {error}"))
                .with_help("choose one for the pages with --reports DIR")
        })?),
    };
    let directory = args.reports.as_deref().or(scratch.as_ref().map(Scratch::path));
    let requests = NETWORKS.map(|network| args.request(network));
    let mut pages = Outputs::beside(requests.iter().flat_map(Request::inputs));
    for network in NETWORKS {
        let file = format!("pfp-demo-{network}.html");
        pages.open(&directory.unwrap_or(Path::new("")).join(file), false)?;
    }
    ui.stage("reading the images");
    let data = Data::open(&args.directory, &args.preparation())?;
    let reports = NETWORKS
        .iter()
        .map(|network| demo::measure(&args.directory, network, &data, &|stage| ui.stage(stage)))
        .collect::<Result<Vec<_>, Error>>()?;
    let page = |request: &Request| {
        let mut imported = open_module(&request.module, None, &ReadingArgs::default(), ui)?;
        let parameters = imported.parameters(request.parameters.as_deref())?;
        let network = (&imported.source, parameters);
        let (evaluation, sets) = eval::evaluate(request, network, &Host::new(Vec::new())?, ui)?;
        Ok(report::page(&evaluation, &sets)?.into_bytes())
    };
    let contents = requests.iter().map(page).collect::<Result<Vec<_>, Error>>()?;
    let pages = pages.write(contents)?;
    if let Some(scratch) = scratch {
        scratch.keep();
    }
    ui.finish();
    let missing = reports.iter().find_map(|report| report.aarch64_missing.as_ref());
    if let Some(missing) = missing {
        ui.say(&format!("WARNING: nothing was run on AArch64. {missing}"));
    }
    match ui.json() {
        true => ui.print_json(&json!({ "networks": reports }))?,
        false => ui.print(text(&reports))?,
    }
    for page in pages {
        ui.say(&format!("page: {}", page.display()));
    }
    Ok(Outcome::Done)
}

fn text(reports: &[Report]) -> String {
    let names = reports.iter().map(|report| report.network.as_str());
    let mut table = Table::new(&[""].into_iter().chain(names).collect::<Vec<_>>(), 1);
    let mut row = |name: &str, cell: &dyn Fn(&Report) -> String| {
        table.row([name.to_owned()].into_iter().chain(reports.iter().map(cell)).collect());
    };
    let nothing = |_: &Report| String::new();
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    for (index, group) in Group::ALL.into_iter().enumerate() {
        let images = reports.first().map_or(0, |report| report.groups[index].images);
        let (title, accuracy) = match group {
            Group::Digits => ("held-out digits", Some("accuracy")),
            Group::Ambiguous => ("blends of two digits", Some("names one of the two")),
            Group::OutOfDomain => ("out of domain", None),
        };
        row(&format!("{title}, {images} images"), &nothing);
        if let Some(accuracy) = accuracy {
            row(&format!("  {accuracy}"), &|report| {
                report.groups[index].accuracy.map_or(String::new(), percent)
            });
        }
        let nats = |name: &str| format!("  {name} uncertainty, nats");
        row(&nats("predictive"), &|report| format!("{:.3}", report.groups[index].predictive));
        row(&nats("aleatoric"), &|report| format!("{:.3}", report.groups[index].aleatoric));
        row(&nats("epistemic"), &|report| format!("{:.3}", report.groups[index].epistemic));
    }
    row("AUROC, digits against out of domain", &nothing);
    row("  by the variance of the logits", &|report| format!("{:.3}", report.auroc.variance));
    row("  by mutual information", &|report| format!("{:.3}", report.auroc.mutual_information));

    let samples = f64::from(MONTE_CARLO_SAMPLES);
    row("latency on this machine, µs per image", &nothing);
    row("  PFP", &|report| format!("{:.2}", report.latency_us.pfp));
    row("  network of the mean weights", &|report| {
        format!("{:.2}", report.latency_us.mean_network)
    });
    row(&format!("  Monte Carlo, {samples} x that, weights drawn before"), &|report| {
        format!("{:.2}", samples * report.latency_us.mean_network)
    });
    row("  PFP over mean network", &|report| {
        format!("{:.1} x", report.latency_us.pfp / report.latency_us.mean_network)
    });

    let largest = |agreement: Option<Agreement>| match agreement {
        Some(Agreement { mean: 0.0, variance: 0.0 }) => "equal".into(),
        Some(Agreement { mean, variance }) => format!("{mean:.0e}, {variance:.0e}"),
        None => "NOT RUN".into(),
    };
    row("largest error of mean, variance", &nothing);
    row("  host against float64 reference", &|report| largest(Some(report.host_to_reference)));
    row("  AArch64 against reference", &|report| largest(report.aarch64_to_reference));
    row("  AArch64 against host", &|report| largest(report.aarch64_to_host));

    row(&format!("object for {}, bytes", CROSS.1), &nothing);
    for (index, part) in ["code", "weights", "arena", "stack"].iter().enumerate() {
        row(&format!("  {part}"), &|report| grouped(report.aarch64_bytes[index]));
    }
    table.to_string()
}
