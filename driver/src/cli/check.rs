//! `pfp check`.

use clap::Args;
use gauss_dialect::ops::{
    activation::Activation,
    composite::Composite,
    contraction::{ConvTranspose, Convolution},
    weights::Weights,
};
use gauss_lowering::mode::Mode;
use pfp_compiler::{
    array::Array, compile::Options, error::Error, layers::LayerSummary, module::Session,
    signature::Signature,
};
use pfp_evaluate::{
    batches::{self, Items},
    reference::{self, Comparison, OutputMoments, Reference},
};
use serde::Serialize;

use super::{
    DeviceArgs, HeadArgs, ModelArgs, Outcome, ScheduleArgs, Ui,
    run::InputArgs,
    table::{Table, figure},
    values,
};

/// The most random numbers that are made.
const RANDOM_LIMIT: usize = 1 << 28;

/// Compare a compiled network with the reference and with Monte Carlo
#[derive(Debug, Args)]
#[command(after_help = "The reference computes the same moments in float64, layer by layer; the \
compiled code must agree
with it. Monte Carlo draws weights and runs the plain network; it shows how good the \
approximation
is, and decides nothing.

Errors of means are relative to max(|mean|, standard deviation), errors of variances to the
variance. Where these are below a hundredth, or of variances a millionth, of the largest of the
output, errors are relative to that: a mean whose terms cancel has the rounding of the terms. What
lies below the normal numbers of float32 counts as zero. A result that is infinite passes where the
reference is beyond float32 too, and is counted.

What --head and --return-covariance add is compared too: a head sample:DRAWS has the same draws in the
reference. Errors of probabilities and uncertainties are relative to 0.05 at least. A decision can differ where an uncertainty is at its threshold up to the tolerance. Monte
Carlo is of the network without them.

Examples:
  pfp check lenet.mlir --params lenet.safetensors
  pfp check lenet.mlir --params lenet.safetensors --head sample:1000 --return-covariance
  pfp check lenet.mlir --params lenet.safetensors --input images.npy --samples 10000")]
pub struct CheckArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// The function to check, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// Inputs as in `pfp run` [default: random numbers]
    #[command(flatten)]
    input: InputArgs,

    /// How many items to check: the first of the input, or so many random ones
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    items: u32,

    /// Forward passes of Monte Carlo; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = values::samples_or_none)]
    samples: u64,

    /// The seed of random inputs and of Monte Carlo
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The largest error that passes [default: 1e-4; where moments are by quadrature, 1e-3, or 1e-2 if
    /// that is the end of the network, whose smallest variances show it]
    #[arg(long, value_name = "ERROR", value_parser = values::amount)]
    #[arg(allow_negative_numbers = true)]
    tolerance: Option<f64>,

    #[command(flatten)]
    head: HeadArgs,

    #[command(flatten)]
    schedule: ScheduleArgs,

    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    items: usize,
    seed: u64,
    tolerance: f64,
    passed: bool,
    outputs: Vec<Comparison>,
    monte_carlo: Option<MonteCarlo>,
}

/// How far the reference is from Monte Carlo.
#[derive(Debug, Serialize)]
struct MonteCarlo {
    samples: u64,
    outputs: Vec<Deviation>,
}

#[derive(Debug, Serialize)]
struct Deviation {
    name: String,
    /// The mean over the finite elements of |difference of the means| / standard deviation, the
    /// larger of both; `None` where none is finite.
    mean_in_deviations: Option<f64>,
    /// The sum of the finite variances over that of Monte Carlo; `None` where that has none.
    variance_ratio: Option<f64>,
    /// How many elements are not finite.
    not_finite: usize,
}

/// What passes where nothing else is said. The float64 reference integrates what compiled code has by
/// quadrature, whose error is relative to σ: a linear layer hides it, the end of a network does not.
fn default_tolerance(layers: &[LayerSummary]) -> f64 {
    let composite = [&Composite::NAMES[..], &[Weights::NAME]].concat();
    let is_smooth = |layer: &LayerSummary| {
        Activation::is_by_quadrature(&layer.op) || composite.contains(&layer.op.as_str())
    };
    let linear = [&["dense"][..], &Convolution::NAMES, &ConvTranspose::NAMES].concat();
    let is_linear = |layer: &LayerSummary| linear.contains(&layer.op.as_str());
    let last = layers.iter().rposition(is_linear).map_or(layers, |last| &layers[last..]);
    match (last.iter().any(is_smooth), layers.iter().any(is_smooth)) {
        (true, _) => 1e-2,
        (false, true) => 1e-3,
        (false, false) => 1e-4,
    }
}

pub fn check(args: CheckArgs, ui: &Ui) -> Result<Outcome, Error> {
    let session = Session::new();
    let name = args.function.as_deref();
    let (mut network, calibration) = args.model.open_with_calibration(&session, ui)?;
    // Predictions and covariances have no meaning in one forward pass.
    let plain = network.function(name)?.clone();
    let drawn = match args.samples > 0 && args.head.adds() {
        true => Some(Reference::new(&network, &plain)?),
        false => None,
    };
    args.head.append(&mut network, (Mode::Moments, name), calibration, ui)?;
    let function = network.function(name)?;
    let signature = &function.signature;
    let arrays = match args.input.input.is_empty() {
        true => {
            let items = signature.items_of_calls(args.items as usize);
            random_inputs(signature, items, args.seed)?
        }
        false => args.input.read(signature)?,
    };
    let items = Items::new(signature, &arrays)?.first(args.items as usize);

    let schedules = args.schedule.of(&network)?;
    let options = Options { schedules, ..Options::default() };
    let device = args.device.open(ui)?;
    let compiled =
        network.compile(function, device.target(), &options, &|stage| ui.stage(stage))?;
    ui.notes(compiled.unused_schedules(&options.schedules).as_slice());
    let model = device.load(&compiled)?;
    ui.stage("running the compiled code");
    let results = reference::moments(signature, &batches::run(&*model, &items, &|_| ())?);

    let bar = ui.count("reference", items.count());
    let reference = Reference::new(&network, function)?;
    let expected = reference.run(&items, &|done| bar.reach(done))?;
    let outputs = reference::compare(&results, &expected);
    let tolerance = args.tolerance.unwrap_or_else(|| default_tolerance(&plain.layers));
    let passed = outputs.iter().all(|output| output.max() <= tolerance);

    let monte_carlo = match args.samples {
        0 => None,
        samples => {
            let bar = ui.count("Monte Carlo", items.count());
            let drawn = drawn.as_ref().unwrap_or(&reference);
            let sampled = drawn.sample(&items, samples, args.seed, &|done| bar.reach(done))?;
            let outputs = expected.iter().zip(&sampled).map(|(e, s)| deviation(e, s)).collect();
            Some(MonteCarlo { samples, outputs })
        }
    };
    let report =
        Report { items: items.count(), seed: args.seed, tolerance, passed, outputs, monte_carlo };
    match ui.json() {
        true => ui.print_json(&report)?,
        false => ui.print(text(&report, &results, &expected))?,
    }
    Ok(if passed { Outcome::Done } else { Outcome::Rejected })
}

/// Standard normal numbers; variances between 0 and 1.
pub fn random_inputs(signature: &Signature, items: usize, seed: u64) -> Result<Vec<Array>, Error> {
    let batch = signature.batch();
    let elements: usize = signature.input_buffers().iter().map(|b| b.tensor.elements()).sum();
    if elements.saturating_mul(items.div_ceil(batch)) > RANDOM_LIMIT {
        return Err(Error::request(format!("{items} random items are too many"))
            .with_help("choose fewer with --items"));
    }
    let arrays = signature
        .input_buffers()
        .iter()
        .zip(0..)
        .map(|(buffer, number)| {
            let mut shape = buffer.tensor.shape.clone();
            match shape.first_mut() {
                Some(first) if *first == batch => *first = items,
                _ => shape.insert(0, items),
            }
            let length = shape.iter().product::<usize>();
            let is_variance = buffer.is_variance();
            let key = [seed as u32, (seed >> 32) as u32];
            let values = (0..length.div_ceil(4) as u32)
                .flat_map(|block| pfp_runtime::random::standard_normals([block, number, 0, 0], key))
                .map(|x| if is_variance { x * x / (1.0 + x * x) } else { x })
                .take(length)
                .collect();
            Array { shape, values }
        })
        .collect::<Vec<_>>();
    Ok(arrays)
}

fn deviation(expected: &OutputMoments, sampled: &OutputMoments) -> Deviation {
    Deviation {
        name: expected.name.clone(),
        mean_in_deviations: expected.mean_in_deviations(sampled),
        variance_ratio: expected.variance_ratio(sampled),
        not_finite: expected.not_finite(sampled),
    }
}

/// What an output is beside Monte Carlo.
fn beside(output: &Deviation) -> String {
    let Deviation { name, mean_in_deviations, variance_ratio, not_finite } = output;
    let Some(deviations) = mean_in_deviations else {
        return format!("no element of {name} is finite");
    };
    let ratio = variance_ratio.map_or(String::new(), |ratio| {
        format!(", the total variance is {} times Monte Carlo's", figure(ratio))
    });
    let left_out = match not_finite {
        0 => String::new(),
        count => format!("; {count} element(s) that are not finite are left out"),
    };
    let deviations = figure(*deviations);
    format!(
        "means of {name} differ by {deviations} standard deviations on average{ratio}{left_out}"
    )
}

/// What is infinite of an output, a line for each of mean and variance.
fn infinite(output: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, errors) in [("mean", Some(&output.mean)), ("variance", output.variance.as_ref())] {
        let Some(errors) = errors else { continue };
        let mut line = |count: usize, why: &str| {
            if count > 0 {
                lines.push(format!(
                    "{what} of {}: {count} element(s) are infinite, {why}",
                    output.name
                ));
            }
        };
        line(errors.beyond_float32, "in the reference too or beyond float32 there");
        line(
            errors.overflowed,
            "which float32 would hold by the reference: numbers of the network overflow on the way",
        );
    }
    lines
}

fn text(report: &Report, results: &[OutputMoments], expected: &[OutputMoments]) -> String {
    let mut table =
        Table::new(&["output", "elements", "mean: max", "average", "variance: max", "average"], 1);
    let mut worst = Vec::new();
    for (output, (result, expected)) in report.outputs.iter().zip(results.iter().zip(expected)) {
        let mut row = vec![output.name.clone(), output.mean.elements.len().to_string()];
        for errors in [Some(&output.mean), output.variance.as_ref()] {
            row.extend(match errors {
                Some(errors) => [errors.max, errors.average].map(|error| format!("{error:.2e}")),
                None => ["-".into(), "-".into()],
            });
        }
        table.row(row);
        let items = report.items.max(1);
        let describe = |what: &str, index: usize, got: &[f64], wanted: &[f64]| {
            let length = (wanted.len() / items).max(1);
            let (item, element) = (index / length, index % length);
            format!(
                "worst {what} of {}: item {item}, element {element}: {:.8e}, reference {:.8e}",
                output.name, got[index], wanted[index]
            )
        };
        worst.push(describe("mean", output.mean.worst, &result.mean, &expected.mean));
        if let (Some(errors), Some(got), Some(wanted)) =
            (&output.variance, &result.variance, &expected.variance)
        {
            worst.push(describe("variance", errors.worst, got, wanted));
        }
    }
    let mut lines = vec![
        format!("{} item(s), relative errors against the float64 reference:", report.items),
        String::new(),
        table.to_string(),
        String::new(),
    ];
    lines.extend(worst);
    lines.extend(report.outputs.iter().flat_map(infinite));
    if let Some(monte_carlo) = &report.monte_carlo {
        lines.push(String::new());
        for output in &monte_carlo.outputs {
            lines.push(format!("Monte Carlo, {} samples: {}", monte_carlo.samples, beside(output)));
        }
    }
    lines.push(String::new());
    lines.push(match report.passed {
        true => format!("ok: every error is at most {:e}", report.tolerance),
        false if report.outputs.iter().any(|output| output.overflowed() > 0) => {
            "FAILED: results overflow float32".into()
        }
        false => format!("FAILED: an error is above {:e}", report.tolerance),
    });
    lines.join("\n")
}
