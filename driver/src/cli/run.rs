//! `pfp run`.

use std::path::{Path, PathBuf};

use clap::Args;
use pfp_compiler::{
    array::Array, compile::Options, error::Error, module::Session, output::Outputs,
    prediction::Prediction, signature::Signature,
};
use pfp_evaluate::{
    batches::{self, Items},
    data::{self, Format, Output, Preparation, Scale},
};
use pfp_runtime::predictive::Decision;
use serde_json::json;

use super::{DeviceArgs, HeadArgs, ModeArgs, ModelArgs, Outcome, ScheduleArgs, Ui, table::Table};

/// So many items are printed where no output file is given.
const SHOWN_ITEMS: usize = 20;

/// Compile a network in memory and run it on data
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pfp run lenet.mlir --params lenet.safetensors --input images.npy
  pfp run lenet.mlir --params lenet.safetensors --batch 100 --input t10k-images-idx3-ubyte.gz \\
      --scale 1/255 --normalize 0.1307,0.3081 --output logits.safetensors
  pfp run lenet.mlir --params lenet.safetensors --input images.npy --head mean-field
  pfp run lenet.mlir --params lenet.safetensors --input images.npy --on pi")]
pub struct RunArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    head: HeadArgs,

    /// The function to run, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    #[command(flatten)]
    mode: ModeArgs,

    /// Give the outputs of every forward pass, too; the table leaves them out
    #[arg(long)]
    draws: bool,

    #[command(flatten)]
    schedule: ScheduleArgs,

    #[command(flatten)]
    input: InputArgs,

    /// Write the outputs to this .safetensors, .npy or .json file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    device: DeviceArgs,
}

/// Where inputs come from.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// A .npy or IDX file (.gz too), FILE.npz:NAME or FILE.safetensors:TENSOR; once for each array
    /// that the function reads, a Gaussian input being two: mean, variance
    #[arg(long, value_name = "FILE")]
    pub input: Vec<String>,

    /// Multiply the input by this number, such as 1/255; variances by its square
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true, requires = "input")]
    pub scale: Option<Scale>,

    /// Then subtract MEAN and divide by STD
    #[arg(long, value_name = "MEAN,STD", value_parser = data::parse_normalize)]
    #[arg(allow_hyphen_values = true, requires = "input")]
    pub normalize: Option<(f64, f64)>,
}

impl InputArgs {
    /// Reads and prepares the arrays for a model.
    pub fn read(&self, signature: &Signature) -> Result<Vec<Array>, Error> {
        let preparation = Preparation { scale: self.scale, normalize: self.normalize };
        let files = self.input.iter().map(|path| Ok((path.clone(), data::read(path)?)));
        let files = files.collect::<Result<Vec<_>, Error>>()?;
        batches::prepare(signature, &files, &preparation)
    }
}

impl RunArgs {
    /// Opens the output files of a function.
    fn open(&self, path: &Path, signature: &Signature) -> Result<(Format, Outputs), Error> {
        let format = Format::of(path)?;
        let inputs = self.input.input.iter().map(|path| data::split(path).0.into());
        let schedules = self.schedule.file();
        let mut outputs = Outputs::beside(self.model.files().chain(inputs).chain(schedules));
        let buffers = signature.output_buffers();
        let names: Vec<_> = buffers.iter().map(|buffer| buffer.name.as_str()).collect();
        for path in format.files(path, &names) {
            outputs.open(&path, false)?;
        }
        Ok((format, outputs))
    }
}

pub fn run(args: RunArgs, ui: &Ui) -> Result<Outcome, Error> {
    let session = Session::new();
    let mode = args.mode.mode(args.draws)?;
    let network = args.head.open(&args.model, &session, (mode, args.function.as_deref()), ui)?;
    let function = network.function(args.function.as_deref())?;
    let signature = function.signature.in_mode(mode);
    let file = args.output.as_deref().map(|path| args.open(path, &signature)).transpose()?;
    ui.stage("reading the input");
    let options = Options { mode, schedules: args.schedule.of(&network)?, ..Options::default() };
    let arrays = args.input.read(&signature)?;
    let items = Items::new(&signature, &arrays)?;
    let device = args.device.open(ui)?;
    let target = device.target();
    let compiled = network.compile(function, target, &options, &|stage| ui.stage(stage))?;
    ui.notes(compiled.unused_schedules(&options.schedules).as_slice());
    let model = device.load(&compiled)?;
    let bar = ui.count("running", items.count());
    let outputs = batches::run(&*model, &items, &|done| bar.reach(done))?;
    if let Some(warning) = unusable(&outputs, items.count()) {
        ui.say(&warning);
    }
    match file {
        Some((format, file)) => {
            let files = file.write(format.contents(&outputs)?)?;
            let files: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
            match ui.json() {
                true => ui.print_json(&json!({ "items": items.count(), "files": files }))?,
                false => {
                    ui.print(format!("{} item(s)\n  {}", items.count(), files.join("\n  ")))?
                }
            }
        }
        None if ui.json() => {
            ui.print_json(&json!({ "items": items.count(), "outputs": outputs }))?;
        }
        None => {
            let buffers = signature.output_buffers();
            let shown = outputs.iter().zip(&buffers);
            let shown = shown.filter(|(_, buffer)| buffer.tensor.passes.is_none());
            let shown: Vec<_> =
                shown.map(|(output, buffer)| (output, buffer.tensor.prediction.as_ref())).collect();
            ui.print(text(&shown, items.count()))?;
        }
    }
    Ok(Outcome::Done)
}

/// The first items as a table: one line for each item and array, or for each label of one whose
/// uncertainty is parted.
fn text(outputs: &[(&Output, Option<&Prediction>)], items: usize) -> String {
    let rows = |output: &Output, prediction: Option<&Prediction>, item: usize| {
        let length = output.values.len() / items;
        let values = &output.values[item * length..(item + 1) * length];
        let cells = |values: &[f32]| -> Vec<String> {
            values.iter().map(|&value| cell(value, prediction)).collect()
        };
        let parts: &[&str] = match prediction {
            Some(Prediction::Uncertainty { .. }) => &["total", "aleatoric", "epistemic"],
            Some(Prediction::Interval { .. }) => &["lower", "upper"],
            _ => return vec![(output.name.clone(), cells(values))],
        };
        let part = |(number, part): (usize, &&str)| {
            let values: Vec<_> = values.iter().skip(number).step_by(parts.len()).copied().collect();
            (format!("{} {part}", output.name), cells(&values))
        };
        parts.iter().enumerate().map(part).collect()
    };
    let rows: Vec<_> = (0..items.min(SHOWN_ITEMS))
        .flat_map(|item| {
            let of_item = outputs.iter().flat_map(move |&(output, p)| rows(output, p, item));
            of_item.map(move |(name, cells)| (item, name, cells))
        })
        .collect();
    let longest = rows.iter().map(|(_, _, cells)| cells.len()).max().unwrap_or(0);
    let numbers: Vec<_> = (0..longest).map(|element| element.to_string()).collect();
    let head = ["item", "array"].into_iter().chain(numbers.iter().map(String::as_str));
    let mut table = Table::new(&head.collect::<Vec<_>>(), 2);
    for (item, name, cells) in rows {
        table.row([item.to_string(), name].into_iter().chain(cells).collect());
    }
    match items > SHOWN_ITEMS {
        true => format!("{table}\n({} more; write all with --output FILE)", items - SHOWN_ITEMS),
        false => table.to_string(),
    }
}

/// What to know of the first number that is infinite or none, as all inputs are finite.
fn unusable(outputs: &[Output], items: usize) -> Option<String> {
    let of = |output: &Output| {
        let index = output.values.iter().position(|value| !value.is_finite())?;
        Some((
            index / (output.values.len() / items).max(1),
            output.name.clone(),
            output.values[index],
        ))
    };
    let (item, name, value) = outputs.iter().filter_map(of).min_by_key(|(item, ..)| *item)?;
    Some(format!(
        "WARNING: '{name}' of item {item} is {value}: a number on the way is too large for float32, \
         and nothing that follows from it can be used; scale the input as for training"
    ))
}

/// A number; of a decision the class or the label, or why there is none.
fn cell(value: f32, prediction: Option<&Prediction>) -> String {
    match (prediction, Decision::of_code(value)) {
        (Some(Prediction::Decision { .. }), Decision::Accept(class)) => class.to_string(),
        (Some(Prediction::Decision { .. }), Decision::Ambiguous) => "ambiguous".into(),
        (Some(Prediction::Decision { .. }), Decision::Unknown) => "unknown".into(),
        _ => format!("{value:.5}"),
    }
}
