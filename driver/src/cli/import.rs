//! `pfp import`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{ArgGroup, Args};
use gauss_dialect::{ir::Op, parameters::ParameterSource, representation::Component};
use gauss_lowering::parameters::declared::Declared;
use pfp_compiler::{
    diagnostics::Source, error::Error, module::Session, output::Outputs, parameters::Safetensors,
};
use pfp_import::posterior::{
    Framework, Ordered, Posterior, Request,
    place::{Map, Parameter, Placement, Wishes, place, sizes},
    representation::Representation,
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;

use super::{Outcome, Ui, open_module, table::Table};
use crate::importing::{self, Imported};

/// The framework of `--posterior`.
const OWN: &str = "safetensors";

/// Turn the posterior that a framework saved into the parameters of a module
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("network").required(true))]
#[command(
    after_help = "Reads the file without running any code of it, matches its tensors to the \
parameters of the
module by name and shape, and prints what became what. What fits nowhere is an error.

Frameworks: pyro, numpyro, bayesian-torch, torch-uncertainty, blitz, torchbnn, fastbnns,
posteriors, ivon, laplace, tfp, pytagi, safetensors. docs/import.md says what to save of each.

Examples:
  pfp import net.mlir --posterior-from pyro store.pt -o model.mlir --params model.safetensors
  pfp import net.mlir --posterior-from numpyro params.pkl --map 'w([0-9])=fc$1.weight:transpose' \\
      --map 'b([0-9])=fc$1.bias' -o model.mlir --params model.safetensors
  pfp import net.mlir --posterior-from laplace la.pt --weights net.pt \\
      -o model.mlir --params model.safetensors"
)]
pub struct ImportArgs {
    /// The network: a module in the gauss dialect (.mlir)
    #[arg(value_name = "ARCHITECTURE", group = "network")]
    module: Option<PathBuf>,

    /// The same, as an option
    #[arg(long, value_name = "FILE", group = "network")]
    architecture: Option<PathBuf>,

    /// The module to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The parameter file to write
    #[arg(long, value_name = "FILE")]
    params: PathBuf,

    #[command(flatten)]
    posterior: PosteriorArgs,
}

/// Where the posterior comes from, and what the file does not say.
#[derive(Debug, Args)]
#[command(next_help_heading = "Posterior")]
struct PosteriorArgs {
    /// The posterior, as a framework saved it
    #[arg(long, num_args = 2, value_names = ["FRAMEWORK", "FILE"], conflicts_with = "posterior")]
    posterior_from: Option<Vec<String>>,

    /// The posterior: a safetensors file with NAME.mean and NAME.scale of each parameter, and what
    /// the scales are in its metadata, as `representation`
    #[arg(long, value_name = "FILE")]
    posterior: Option<PathBuf>,

    /// What the numbers are, where the file does not say: std, variance, log_variance, log_std,
    /// softplus or precision
    #[arg(long, value_name = "WHAT")]
    representation: Option<Representation>,

    /// Take the variances of a posterior with correlations, and drop these
    #[arg(long)]
    marginals: bool,

    /// The parameters of the module in the order of a posterior that is one vector;
    /// NAME:transpose of one that lies in x out
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    order: Vec<Ordered>,

    /// The weights of the network, of a posterior without names: a state dict of torch
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Names of the file that match as a whole go to this parameter; NAME:transpose turns in x out
    /// to out x in, an empty name leaves them out. Can be given several times: the first that matches
    /// holds
    #[arg(long, value_name = "REGEX=NAME")]
    map: Vec<Map>,

    /// Take the mean alone: with the variance 0 where the module declares the parameter Gaussian
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    deterministic: Vec<String>,
}

impl PosteriorArgs {
    /// The framework and its file.
    fn source(&self) -> Result<Option<(Framework, PathBuf)>, Error> {
        let (name, path) = match (self.posterior_from.as_deref(), &self.posterior) {
            (Some([framework, path]), _) => (framework.as_str(), PathBuf::from(path)),
            (_, Some(path)) => (OWN, path.clone()),
            _ => return Ok(None),
        };
        name.parse().map(|framework| Some((framework, path))).map_err(Error::request)
    }

    /// The files that are read.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let from = self.posterior_from.iter().filter_map(|from| from.get(1)).map(PathBuf::from);
        from.chain(self.posterior.clone()).chain(self.weights.clone())
    }

    fn read(&self, parameters: &[Parameter]) -> Result<Posterior, Error> {
        let Some((framework, path)) = self.source()? else { return Ok(Posterior::default()) };
        let weights = self.weights.as_deref().map(importing::bytes).transpose()?;
        let request = Request {
            representation: self.representation,
            marginals: self.marginals,
            order: self.order.clone(),
            parameters,
            weights: weights.as_deref(),
        };
        importing::posterior(framework, &path, &request)
    }
}

pub fn import(args: ImportArgs, ui: &Ui) -> Result<Outcome, Error> {
    let architecture = args.module.as_ref().or(args.architecture.as_ref());
    let architecture = architecture.ok_or_else(|| Error::request("there is no network"))?;
    let mut outputs = Outputs::beside(args.posterior.files().chain([architecture.clone()]));
    outputs.open(&args.output, false)?;
    outputs.open(&args.params, false)?;
    ui.stage("reading the network");
    let Imported { source, parameters: own, .. } = open_module(architecture, None, ui)?;
    let parameters = declared(&source)?;
    ui.stage("reading the posterior");
    let Posterior { entries, left_out, notes } = args.posterior.read(&parameters)?;
    ui.notes(&notes);
    let wishes = Wishes {
        maps: args.posterior.map.clone(),
        deterministic: args.posterior.deterministic.clone(),
    };
    let placement =
        place(entries, &parameters, &wishes, own.as_ref().map(|own| own as &dyn ParameterSource))
            .map_err(|problems| misfit(&problems, args.posterior.source().ok().flatten()))?;
    let file = safetensors(&placement)?;
    check(&source, &args.params, &file)?;
    ui.stage("writing");
    outputs.write(vec![source.bytes().to_vec(), file])?;
    let files = [&args.output, &args.params].map(|path| path.display().to_string());
    match ui.json() {
        true => ui.print_json(&report(&placement, &left_out, &files))?,
        false => ui.print(text_of(&placement, &left_out, &files))?,
    }
    Ok(Outcome::Done)
}

/// The parameters that a module declares, each once.
fn declared(source: &Arc<Source>) -> Result<Vec<Parameter>, Error> {
    let session = Session::new();
    let module = session.parse(source)?;
    let op: Op = module.op();
    let mut known = BTreeSet::new();
    let parameter = |Declared { name, ty, .. }: Declared| Parameter {
        name,
        shape: ty.shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect(),
        gaussian: ty.gaussian,
    };
    let all = Declared::all(op).into_iter().filter(|one| known.insert(one.name.clone()));
    Ok(all.map(parameter).collect())
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

fn report(
    placement: &Placement,
    left_out: &[(String, String)],
    files: &[String],
) -> serde_json::Value {
    let parameters = placement.placed.iter().map(|placed| {
        json!({
            "name": placed.parameter.name,
            "shape": placed.parameter.shape,
            "gaussian": placed.parameter.gaussian,
            "entry": (!placed.entry.is_empty()).then_some(&placed.entry),
            "tensors": placed.keys,
            "transposed": placed.is_transposed,
        })
    });
    let own = left_out.iter().map(|(tensor, why)| json!({ "tensor": tensor, "why": why }));
    let mapped = placement.left_out.iter().map(|name| json!({ "tensor": name, "why": BY_MAP }));
    json!({
        "files": files,
        "parameters": parameters.collect::<Vec<_>>(),
        "left_out": own.chain(mapped).collect::<Vec<_>>(),
    })
}

/// Why a user's wish leaves something out.
const BY_MAP: &str = "--map gives it no name";

fn text_of(placement: &Placement, left_out: &[(String, String)], files: &[String]) -> String {
    let mut table = Table::new(&["parameter", "shape", "kind", "from", "tensors"], 5);
    for placed in &placement.placed {
        let from = match (placed.entry.as_str(), placed.is_transposed) {
            ("", _) => "the architecture".to_owned(),
            (entry, true) => format!("{entry}, transposed"),
            (entry, false) => entry.to_owned(),
        };
        table.row(vec![
            placed.parameter.name.clone(),
            sizes(&placed.parameter.shape),
            if placed.parameter.gaussian { "Gaussian" } else { "deterministic" }.into(),
            from,
            placed.keys.join(", "),
        ]);
    }
    let mut lines = vec![table.to_string(), String::new()];
    let mapped = placement.left_out.iter().map(|name| (name.as_str(), BY_MAP));
    let own = left_out.iter().map(|(tensor, why)| (tensor.as_str(), why.as_str()));
    let out: Vec<_> = own.chain(mapped).collect();
    if !out.is_empty() {
        let mut table = Table::new(&["left out", "why"], 2);
        out.iter().for_each(|(tensor, why)| table.row(vec![(*tensor).into(), (*why).into()]));
        lines.extend([table.to_string(), String::new()]);
    }
    lines.extend(files.iter().map(|file| format!("  {file}")));
    lines.join("\n")
}
