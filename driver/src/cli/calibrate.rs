//! `pfp calibrate`.

use std::path::{Path, PathBuf};

use clap::Args;
use pfp_compiler::{
    array::Array, compile::Network, error::Error, module::Session, output::Outputs,
};
use pfp_evaluate::{
    answers::Draws,
    batches::Items,
    calibrate::{
        self, Calibration, Kept, Labelled, Settings, Temperature, Variances,
        adjustable::Adjustable, reject::Goal, rewrite,
    },
    data::{self, Preparation, Scale},
    eval::{DataSet, Role, Spec},
};
use serde_json::json;

use super::{ModelArgs, Outcome, Ui, open_module, table::Table, values};

/// Fit variances, temperature and reject thresholds to held-out labelled data
#[derive(Debug, Args)]
#[command(after_help = "Writes a parameter file with scaled variances, which every other command \
takes, and beside it
a .json file with factors, temperature, thresholds and the quantile of prediction sets; the
same text stands in the metadata of the parameter file.

Half of the data is for factors and temperature, the rest for thresholds, prediction sets and
the likelihood that is reported. Use data that the network was not trained on.

Data sets are named as for `pfp eval`.

Examples:
  pfp calibrate lenet.mlir --params lenet.safetensors --data mnist/t10k \\
      --scale 1/255 --normalize 0.1307,0.3081 -o calibrated.safetensors
  pfp calibrate net.mlir --params net.safetensors --data x.npy@labels=y.npy \\
      --ood other.npy --false-accept 0.05 -o calibrated.safetensors")]
pub struct CalibrateArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// The function to calibrate, where there are several
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    #[command(flatten)]
    data: DataArgs,

    /// The share of in-domain items that the thresholds accept
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = values::share)]
    coverage: f64,

    /// Choose the thresholds instead so that at most this share of the items that should be
    /// rejected is accepted: those classified wrongly, and all of --ood
    #[arg(long, value_name = "SHARE", conflicts_with = "coverage", value_parser = values::share)]
    false_accept: Option<f64>,

    /// The probability that a prediction set holds the right class
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = values::share)]
    conformal: f64,

    /// The share of the items that factors and temperature are fitted to
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = values::share)]
    fit_share: f64,

    /// Which variances may change: keep them, one factor for all, or layers for one for each, which
    /// needs many items
    #[arg(long, value_name = "WHICH", default_value = "one",
          value_parser = values::one_of(Variances::ALL, Variances::describe))]
    variances: Variances,

    /// Leave the scale of the logits as it is
    #[arg(long)]
    no_temperature: bool,

    /// Draws of the logits that class probabilities are computed from
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=values::DRAWS))]
    draws: u32,

    /// The seed of the draws and of the split of the items
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The parameter file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// The heading of the options for data.
const DATA: &str = "Data";

/// The data sets.
#[derive(Debug, Args)]
struct DataArgs {
    /// Items of the kind that the network was trained for, with a label each
    #[arg(long, help_heading = DATA, value_name = "DATA")]
    data: Spec,

    /// Items that belong to none of the classes, for --false-accept
    #[arg(long, help_heading = DATA, value_name = "DATA")]
    ood: Option<Spec>,

    /// Multiply the numbers by this, such as 1/255
    #[arg(long, help_heading = DATA, value_name = "FACTOR", allow_hyphen_values = true)]
    scale: Option<Scale>,

    /// Then subtract MEAN and divide by STD
    #[arg(long, help_heading = DATA, value_name = "MEAN,STD", value_parser = data::parse_normalize)]
    #[arg(allow_hyphen_values = true)]
    normalize: Option<(f64, f64)>,
}

impl DataArgs {
    fn open(&self, spec: &Spec, role: Role, model: &Adjustable) -> Result<DataSet, Error> {
        let preparation = Preparation { scale: self.scale, normalize: self.normalize };
        let set = DataSet::open(spec, role, &preparation, model.signature(), model.classes())?;
        match (role, set.set.labels_per_item) {
            (Role::InDomain, 2..) => Err(Error::request(format!(
                "{} has several labels for each item; calibration needs one",
                set.set.labels_source.as_deref().unwrap_or_default()
            ))),
            _ => Ok(set),
        }
    }
}

/// All items of a set as the network reads them.
fn items(set: &DataSet) -> Result<[Array; 1], Error> {
    let values = set.prepared(0..set.len())?;
    Ok([Array { shape: vec![set.len(), values.len() / set.len()], values }])
}

impl CalibrateArgs {
    fn settings(&self) -> Settings {
        Settings {
            draws: Draws { count: self.draws, seed: self.seed },
            fit_share: self.fit_share,
            variances: self.variances,
            temperature: !self.no_temperature,
            goal: match self.false_accept {
                Some(rate) => Goal::FalseAccept(rate),
                None => Goal::Coverage(self.coverage),
            },
            conformal: self.conformal,
        }
    }

    /// The files that are read.
    fn inputs(&self) -> Vec<PathBuf> {
        let sets = [Some(&self.data.data), self.data.ood.as_ref()].into_iter().flatten();
        self.model.files().chain(sets.flat_map(Spec::files)).collect()
    }
}

pub fn calibrate(args: CalibrateArgs, ui: &Ui) -> Result<Outcome, Error> {
    if pfp_import::is_onnx(&args.model.module) {
        return Err(Error::request("an ONNX model has no parameter file that could be calibrated")
            .with_help("pfp import makes a module and its parameters of it"));
    }
    let json = json_path(&args.output)?;
    let mut outputs = Outputs::beside(args.inputs());
    outputs.open(&args.output, false)?;
    outputs.open(&json, false)?;
    let mut imported = open_module(&args.model.module, None, &args.model.reading, ui)?;
    let parameters = imported.parameters(args.model.params.as_deref())?.ok_or_else(|| {
        Error::request("there are no parameters to calibrate")
            .with_help("give them with --params FILE.safetensors")
    })?;
    let source = imported.source;
    ui.stage("reading the network");
    // Checks the parameters as any other command does, before they become inputs.
    let (_, sha256) = {
        let session = Session::new();
        let network = Network::open(&session, &source, Some(&parameters), args.model.batch)?;
        ui.remarks(&network);
        args.model.remark(&network, ui);
        network.sha256()
    };
    ui.stage("compiling");
    let function = args.function.as_deref();
    let model = Adjustable::new(&source, &parameters, args.model.batch, function)?;
    ui.stage("reading the data");
    let inside = args.data.open(&args.data.data, Role::InDomain, &model)?;
    let outside = args.data.ood.as_ref();
    let outside = outside.map(|spec| args.data.open(spec, Role::OutOfDomain, &model));
    let outside = outside.transpose()?;
    [Some(&inside), outside.as_ref()].iter().flatten().for_each(|set| ui.notes(&set.set.notes));
    let (arrays, labels) = (items(&inside)?, inside.set.labels);
    let foreign = outside.as_ref().map(items).transpose()?;
    let signature = model.signature();
    let out_of_domain = foreign.as_ref().map(|arrays| Items::new(signature, arrays)).transpose()?;
    let data = Labelled { items: Items::new(signature, &arrays)?, labels, out_of_domain };
    let settings = args.settings();
    let calibration =
        calibrate::calibrate(&model, sha256.unwrap_or_default(), &data, &settings, ui)?;

    ui.stage("writing");
    let last = model.last().unwrap_or_default();
    let calibrated = rewrite::rewrite(&parameters, &calibration, last)?;
    let text = serde_json::to_string_pretty(&calibration)
        .map_err(|error| Error::Internal(error.to_string()))?;
    outputs.write(vec![calibrated, format!("{text}\n").into_bytes()])?;
    ui.finish();
    let held_out = calibration.held_out;
    if held_out.after.nll > held_out.before.nll {
        ui.say("WARNING: the likelihood of the held-out items is not better; use more data");
    }
    let files = [&args.output, &json].map(|path| path.display().to_string());
    match ui.json() {
        true => ui.print_json(&json!({ "files": files, "calibration": calibration }))?,
        false => ui.print(text_of(&calibration, &files))?,
    }
    Ok(Outcome::Done)
}

/// The `.json` file beside a parameter file.
fn json_path(output: &Path) -> Result<PathBuf, Error> {
    match output.extension().is_some_and(|extension| extension == "safetensors") {
        true => Ok(output.with_extension("json")),
        false => Err(Error::request(format!("{} is no parameter file", output.display()))
            .with_help("give --output a name that ends in .safetensors")),
    }
}

fn text_of(calibration: &Calibration, files: &[String]) -> String {
    let mut quality =
        Table::new(&["", "items", "NLL before", "after", "accuracy before", "after"], 1);
    for (name, change) in [("fitted", &calibration.fitted), ("held out", &calibration.held_out)] {
        let mut row = vec![name.to_owned(), change.items.to_string()];
        row.extend([change.before.nll, change.after.nll].map(|nll| format!("{nll:.4}")));
        let accuracies = [change.before.accuracy, change.after.accuracy];
        row.extend(accuracies.map(percent));
        quality.row(row);
    }
    let mut factors = Table::new(&["layer", "factor of variances"], 1);
    for layer in &calibration.layers {
        factors.row(vec![layer.layer.clone(), format!("{:.4}", layer.factor)]);
    }
    let kept = |kept: &Kept| {
        format!(
            "the best change would bring the negative log likelihood of the fitted items from \
             {:.4} to {:.4}\n  nats, and a gain of up to {:.4} is noise",
            kept.nll, kept.best, kept.noise
        )
    };
    let variances = match &calibration.variances_kept {
        Some(why) => format!("the variances are kept: {}\n", kept(why)),
        None if calibration.layers.iter().all(|layer| layer.factor == 1.0) => {
            "the variances are kept: --variances keep\n".into()
        }
        None => String::new(),
    };
    let Temperature { value, not_fitted, kept: temperature_kept } = &calibration.temperature;
    let temperature = match (not_fitted, temperature_kept) {
        (Some(reason), _) => format!("temperature: 1; {reason}"),
        (None, Some(why)) => format!("temperature: {value:.4}, kept: {}", kept(why)),
        (None, None) => format!("temperature: {value:.4}"),
    };
    let thresholds = &calibration.thresholds;
    let rejection = format!(
        "unknown above {} nats of epistemic uncertainty, ambiguous above {} of aleatoric, by \
         --head {}:\n  \
         accepts {} of in-domain items{}{}",
        four_digits(thresholds.epistemic),
        four_digits(thresholds.aleatoric),
        match calibration.head.as_str() {
            "sample" => "sample:N",
            head => head,
        },
        percent(thresholds.coverage),
        thresholds.accuracy.map_or(String::new(), |a| format!(", {} of them right", percent(a))),
        thresholds
            .false_accept
            .map_or(String::new(), |f| format!(", {} of what it should reject", percent(f))),
    );
    let detection = calibration.detection.map_or(String::new(), |detection| {
        format!(
            "\nAUROC of mutual information against out of domain: {:.4} before, {:.4} after",
            detection.before, detection.after
        )
    });
    let sets = sets(calibration);
    format!(
        "{quality}\n\n{factors}\n\n{variances}{temperature}\n{rejection}{detection}\n{sets}\n\n  {}",
        files.join("\n  ")
    )
}

/// What is known of the prediction sets.
fn sets(calibration: &Calibration) -> String {
    let rule = &calibration.conformal;
    let stated = percent(rule.coverage);
    let quantile = four_digits(rule.quantile);
    let first = format!("prediction sets hold the classes with 1 - p <= {quantile}: ");
    let Some(check) = &calibration.conformal_check else {
        return format!(
            "{first}stated coverage {stated}, not measured:\n  the rule needs all of the {} \
             held-out items",
            rule.items
        );
    };
    let mut text = format!(
        "{first}stated coverage {stated}, measured {} over {} splits,\n  {:.2} classes on average, \
         {} of the sets empty",
        percent(check.coverage),
        check.splits,
        check.size,
        percent(check.empty),
    );
    if check.empty > 0.0 {
        text += &format!(
            ";\n  an empty set says that no class is as probable as the right one is in {stated} of \
             the cases: treat it as\n  unknown. "
        );
        let accuracy = calibration.held_out.after.accuracy;
        text += &match check.expected_empty {
            Some((low, high)) if low > 0.0 => format!(
                "The network is right in {}, more than stated, so that {} to {} of empty sets are \
                 expected;\n  a higher --conformal makes fewer",
                percent(accuracy),
                percent(low),
                percent(high)
            ),
            _ => format!("Up to {} of them are expected", percent(1.0 - rule.coverage)),
        };
    }
    text
}

/// A number with four digits after the point, or, where they would all be zeros, as `1.23e-7`.
fn four_digits(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-3.. => format!("{number:.4}"),
        _ => format!("{number:.2e}"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
