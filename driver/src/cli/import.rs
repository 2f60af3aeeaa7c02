//! `pfp import`.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{ArgGroup, Args};
use gauss_dialect::{ir::Op, parameters::ParameterSource, representation::Component};
use gauss_lowering::{parameters::declared::Declared, passes::gauss_pool_first::Order};
use pfp_compiler::{
    diagnostics::{Covariance, Source},
    error::Error,
    module::Session,
    output::Outputs,
    parameters::Safetensors,
};
use pfp_import::posterior::{
    Framework, Posterior,
    layout::Reader,
    place::{BY_MAP, Parameter, Placement, Row, place, sizes},
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;

use super::{Outcome, Ui, posterior::PosteriorArgs, table::Table};
use crate::importing::{self, Find, Imported, Wanted};

/// Turn a network and its posterior into a module and its parameters
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("either").required(true))]
#[command(
    after_help = "Reads the files without running any code of them, matches the tensors of the \
posterior to the
parameters of the network, and prints what became what. What fits nowhere is an error.

Frameworks: pyro, numpyro, bayesian-torch, torch-uncertainty, blitz, torchbnn, fastbnns,
posteriors, ivon, laplace, tfp, pytagi, safetensors. docs/import.md says what to save of each.

Examples:
  pfp import net.onnx --posterior sigma.safetensors --representation std \\
      -o model.mlir --params model.safetensors
  pfp import net.onnx --posterior constant:0.05 -o model.mlir --params model.safetensors
  pfp import net.onnx --posterior-from pyro store.pt --names net.safetensors \\
      -o model.mlir --params model.safetensors
  pfp import net.mlir --posterior-from numpyro params.pkl --map 'w([0-9])=fc$1.weight:transpose' \\
      --map 'b([0-9])=fc$1.bias' -o model.mlir --params model.safetensors
  pfp import net.mlir --posterior-from laplace la.pt --weights net.pt \\
      -o model.mlir --params model.safetensors"
)]
pub struct ImportArgs {
    /// The network: an ONNX model (.onnx), or a module in the gauss dialect (.mlir)
    #[arg(value_name = "NETWORK", group = "either")]
    network: Option<PathBuf>,

    /// The same, as an option
    #[arg(long, value_name = "FILE", group = "either")]
    architecture: Option<PathBuf>,

    /// The module to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The parameter file to write
    #[arg(long, value_name = "FILE")]
    params: PathBuf,

    /// The size of the batch, of an ONNX model that computes with it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1 << 30))]
    batch: Option<i64>,

    #[command(flatten)]
    posterior: PosteriorArgs,
}

/// A network that was read: the two files to write, and what is told of them.
struct Read {
    module: Vec<u8>,
    parameters: Vec<u8>,
    rows: Vec<Row>,
    left_out: Vec<(String, String)>,
}

pub fn import(args: ImportArgs, ui: &Ui) -> Result<Outcome, Error> {
    let network = args.network.as_ref().or(args.architecture.as_ref());
    let network = network.ok_or_else(|| Error::request("there is no network"))?;
    let mut outputs = Outputs::beside(args.posterior.files().chain(importing::files(network)));
    outputs.open(&args.output, false)?;
    outputs.open(&args.params, false)?;
    let read = match pfp_import::is_onnx(network) {
        true => of_model(network, args.batch, &args.posterior, ui)?,
        false => of_module(network, args.batch, &args.posterior, ui)?,
    };
    ui.stage("writing");
    let Read { module, parameters, rows, left_out } = read;
    outputs.write(vec![module, parameters])?;
    let files = [&args.output, &args.params].map(|path| path.display().to_string());
    match ui.json() {
        true => ui.print_json(&report(&rows, &left_out, &files))?,
        false => ui.print(text_of(&rows, &left_out, &files))?,
    }
    Ok(Outcome::Done)
}

fn of_model(
    path: &Path,
    batch: Option<i64>,
    posterior: &PosteriorArgs,
    ui: &Ui,
) -> Result<Read, Error> {
    ui.stage("reading the network");
    let beside = RefCell::new(Posterior::default());
    let find = |parameters: &[Parameter]| {
        ui.stage("reading the posterior");
        posterior.of_model(parameters, &mut |file| *beside.borrow_mut() = file)
    };
    let wanted = Wanted {
        batch,
        order: Order::AsWritten,
        covariance: Covariance::default(),
        logits: posterior.logits(),
        outputs: posterior.outputs(),
        posterior: Some(&find as Find),
    };
    let note = &mut |note: &str| ui.notes(&[note.to_owned()]);
    let Imported { source, parameters, placed, .. } = importing::open(path, &wanted, note)?;
    let Posterior { left_out, notes, .. } = beside.into_inner();
    ui.notes(&notes);
    let placed = placed.unwrap_or_default();
    let file = match parameters {
        Some(parameters) => parameters.into_bytes(),
        None => return Err(Error::Internal("the model has no parameters".into())),
    };
    check(&source, path, &file)?;
    Ok(Read {
        module: source.bytes().to_vec(),
        parameters: file,
        rows: placed.rows,
        left_out: left_out.into_iter().chain(placed.left_out).collect(),
    })
}

fn of_module(
    path: &Path,
    batch: Option<i64>,
    posterior: &PosteriorArgs,
    ui: &Ui,
) -> Result<Read, Error> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mlir")) {
        return Err(Error::request(format!(
            "{} is neither an ONNX model (.onnx) nor a module (.mlir)",
            path.display()
        )));
    }
    if let Some(option) = posterior.of_onnx_only().or(batch.map(|_| "--batch")) {
        return Err(Error::request(format!(
            "{option} is for ONNX models and has no meaning for a module in the dialect"
        )));
    }
    ui.stage("reading the network");
    let note = &mut |note: &str| ui.notes(&[note.to_owned()]);
    let Imported { source, parameters: own, .. } = importing::open(path, &Wanted::default(), note)?;
    let parameters = declared(&source)?;
    ui.stage("reading the posterior");
    let Posterior { entries, left_out, notes } = posterior.read(&parameters)?;
    ui.notes(&notes);
    let own = own.as_ref().map(|own| own as &dyn ParameterSource);
    let placement = place(entries, &parameters, &posterior.wishes(), own)
        .map_err(|problems| misfit(&problems, posterior.source().ok().flatten()))?;
    ui.notes(&placement.notes);
    let file = safetensors(&placement)?;
    check(&source, path, &file)?;
    let mapped = placement.left_out.into_iter().map(|name| (name, BY_MAP.to_owned()));
    let rows = placement.placed.into_iter().map(|placed| Row {
        parameter: placed.parameter,
        entries: Some(placed.entry).filter(|entry| !entry.is_empty()).into_iter().collect(),
        how: placed.how.into_iter().collect(),
        keys: placed.keys,
    });
    Ok(Read {
        module: source.bytes().to_vec(),
        parameters: file,
        rows: rows.collect(),
        left_out: left_out.into_iter().chain(mapped).collect(),
    })
}

/// The parameters that a module declares, each once.
fn declared(source: &Arc<Source>) -> Result<Vec<Parameter>, Error> {
    let session = Session::new();
    let module = session.parse(source)?;
    let op: Op = module.op();
    let mut known = BTreeSet::new();
    let all = Declared::all(op);
    let reader = |name: &str| {
        let own = all.iter().filter(|declared| declared.name == name);
        Reader::all(own.map(|declared| Reader::of(declared.op)))
    };
    let parameter = |Declared { name, ty, .. }: &Declared| Parameter {
        name: name.clone(),
        shape: ty.shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect(),
        gaussian: ty.gaussian,
        reader: reader(name),
    };
    let once = all.iter().filter(|one| known.insert(one.name.clone()));
    Ok(once.map(parameter).collect())
}

/// Everything that has no place.
fn misfit(problems: &[String], source: Option<(Framework, PathBuf)>) -> Error {
    match source {
        None => Error::request(format!(
            "the network has no values of its own:\n  {}",
            problems.join("\n  ")
        ))
        .with_help("give its posterior with --posterior-from FRAMEWORK FILE"),
        Some((_, path)) => Error::request(format!(
            "{} and the module do not fit together:\n  {}",
            path.display(),
            problems.join("\n  ")
        ))
        .with_help("--map 'REGEX=NAME' says where names of the file go, see docs/import.md"),
    }
}

/// The parameter file.
fn safetensors(placement: &Placement) -> Result<Vec<u8>, Error> {
    let mut tensors = Vec::new();
    for placed in &placement.placed {
        let name = &placed.parameter.name;
        let mean = if placed.variance.is_some() { Component::Mean } else { Component::Value };
        let variance = placed.variance.as_ref().map(|values| (Component::Variance, values));
        for (component, values) in [(mean, &placed.mean)].into_iter().chain(variance) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((component.tensor(name), placed.parameter.shape.clone(), bytes));
        }
    }
    let internal = |error: safetensors::SafeTensorError| Error::Internal(error.to_string());
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)?;
        Ok((name.clone(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(internal)?;
    safetensors::serialize(views, None).map_err(internal)
}

/// What is written is what every other command reads.
fn check(source: &Arc<Source>, path: &Path, file: &[u8]) -> Result<(), Error> {
    let parameters = Safetensors::from_bytes(&path.display().to_string(), file.to_vec())?;
    let session = Session::new();
    session.parse(source)?.load_parameters(&parameters as &dyn ParameterSource)
}

fn report(rows: &[Row], left_out: &[(String, String)], files: &[String]) -> serde_json::Value {
    let parameters = rows.iter().map(|row| {
        json!({
            "name": row.parameter.name,
            "shape": row.parameter.shape,
            "gaussian": row.parameter.gaussian,
            "entries": row.entries,
            "tensors": row.keys,
            "how": row.how,
        })
    });
    let left_out = left_out.iter().map(|(tensor, why)| json!({ "tensor": tensor, "why": why }));
    json!({
        "files": files,
        "parameters": parameters.collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
    })
}

fn text_of(rows: &[Row], left_out: &[(String, String)], files: &[String]) -> String {
    let mut table = Table::new(&["parameter", "shape", "kind", "from", "tensors"], 5);
    for row in rows {
        let entries = match row.entries.is_empty() {
            true => "the network".to_owned(),
            false => row.entries.join(" and "),
        };
        let from: Vec<_> = [entries.as_str()].into_iter().chain(row.how.iter().copied()).collect();
        table.row(vec![
            row.parameter.name.clone(),
            sizes(&row.parameter.shape),
            if row.parameter.gaussian { "Gaussian" } else { "deterministic" }.into(),
            from.join(", "),
            row.keys.join(", "),
        ]);
    }
    let mut lines = vec![table.to_string(), String::new()];
    if !left_out.is_empty() {
        let mut table = Table::new(&["left out", "why"], 2);
        left_out.iter().for_each(|(tensor, why)| table.row(vec![tensor.clone(), why.clone()]));
        lines.extend([table.to_string(), String::new()]);
    }
    lines.extend(files.iter().map(|file| format!("  {file}")));
    lines.join("\n")
}
