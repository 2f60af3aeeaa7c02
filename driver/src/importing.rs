//! The file of a network, read by an importer.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use gauss_lowering::{
    files::{self, Kind},
    passes::gauss_pool_first::Order,
};
use pfp_compiler::{
    diagnostics::{Covariance, Source},
    error::Error,
    parameters::Safetensors,
};
use pfp_import::{
    Failure, Files, OnnxSettings,
    onnx::{self, posterior::Placed},
    posterior::{Framework, Posterior, Request, place::Parameter},
};

/// A network as its file has it.
pub struct Imported {
    /// The module.
    pub source: Arc<Source>,
    /// The values of its parameters, where the file has them.
    pub parameters: Option<Safetensors>,
    /// The size of the batch, where the network was read for one.
    pub batch: Option<i64>,
    /// What became of the posterior of an ONNX model.
    pub placed: Option<Placed>,
}

/// Finds the posterior of a model with these parameters.
pub type Find<'a> = &'a dyn Fn(&[Parameter]) -> Result<onnx::posterior::Posterior, Error>;

/// How a network is read.
#[derive(Default)]
pub struct Wanted<'a> {
    /// The size of the batch of a model that computes with it.
    pub batch: Option<i64>,
    /// In which order maxima and activations are taken.
    pub order: Order,
    /// Which covariances are carried to predictions.
    pub covariance: Covariance,
    /// Does an ONNX model end before its last softmax?
    pub logits: bool,
    /// The values of an ONNX model that are wanted; its outputs where there are none.
    pub outputs: &'a [String],
    /// Where the variances of an ONNX model come from; it has none where this is left out.
    pub posterior: Option<Find<'a>>,
}

impl Imported {
    /// The parameters of the file at `given`, or those that came with the network.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or both are there.
    pub fn parameters(&mut self, given: Option<&Path>) -> Result<Option<Safetensors>, Error> {
        match (given, self.parameters.take()) {
            (Some(path), None) => Safetensors::open(path).map(Some),
            (None, own) => Ok(own),
            // What an exporter folded has the name of what a state dict has, and other numbers.
            (Some(_), Some(_)) => Err(Error::request(
                "--params has no meaning for an ONNX model, which has weights of its own",
            )
            .with_help(
                "give it a posterior with --posterior, or make a module and its parameters of both with \
                 pfp import",
            )),
        }
    }
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        files::read(path, Kind::MODULE)
    }

    fn read_data(&self, folder: &Path, name: &Path) -> io::Result<Vec<u8>> {
        let path = folder.join(name);
        // A link may lead out of the folder.
        let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if !path.canonicalize()?.starts_with(place.canonicalize()?) {
            return Err(io::Error::other("it is a link that leads out of the folder of the model"));
        }
        files::read(&path, Kind::PARAMETERS)
    }
}

/// Reads the network at `path`; `note` is told what a user should know.
///
/// # Errors
///
/// Where a file cannot be read, holds no network, or its posterior does not fit.
pub fn open(path: &Path, wanted: &Wanted, note: &mut dyn FnMut(&str)) -> Result<Imported, Error> {
    if !pfp_import::is_onnx(path) {
        return text(path, wanted, note);
    }
    let refuse = |failure| refusal(path, onnx::FORMAT, failure);
    let mut model = onnx::Model::read(path, &Disk, note).map_err(refuse)?;
    if !wanted.outputs.is_empty() {
        model.end_at(wanted.outputs).map_err(refuse)?;
    }
    let placed = match wanted.posterior {
        None => None,
        Some(find) => {
            let parameters = model.parameters().map_err(refuse)?;
            let given = find(&parameters)?;
            Some(model.place(&parameters, given).map_err(|problems| misfit(path, &problems))?)
        }
    };
    // A model that computes with the size of its batch is read for the one that is wanted.
    let batches = [None].into_iter().chain(wanted.batch.map(Some));
    let mut import = None;
    for batch in batches {
        let settings = OnnxSettings { batch, logits: wanted.logits };
        let mut notes = Vec::new();
        let read = model.clone().import(&settings, &mut |text| notes.push(text.to_owned()));
        import = Some((read, batch, notes));
        if matches!(import, Some((Ok(_), ..))) {
            break;
        }
    }
    let (import, batch, notes) =
        import.ok_or_else(|| Error::Internal("nothing was read".into()))?;
    let import = import.map_err(refuse)?;
    let of_posterior = placed.iter().flat_map(|placed| &placed.notes);
    of_posterior.chain(&notes).for_each(|text| note(text));
    let parameters = import.parameters.as_deref().map(Safetensors::of).transpose()?;
    let source = Source::with(import.name, import.module, wanted.order, wanted.covariance);
    Ok(Imported { source, parameters, batch, placed })
}

/// All files that a network is read from.
pub fn files(path: &Path) -> Vec<PathBuf> {
    let beside = match pfp_import::is_onnx(path) {
        true => onnx::data_files(path, &Disk),
        false => Vec::new(),
    };
    [path.to_owned()].into_iter().chain(beside).collect()
}

/// Reads a module in the dialect.
fn text(path: &Path, wanted: &Wanted, note: &mut dyn FnMut(&str)) -> Result<Imported, Error> {
    let given = [
        (wanted.posterior.is_some(), "--posterior"),
        (wanted.logits, "--logits"),
        (!wanted.outputs.is_empty(), "--outputs"),
    ];
    if let Some((_, option)) = given.iter().find(|(is_given, _)| *is_given) {
        return Err(Error::request(format!("{option} has no meaning for a module in the dialect"))
            .with_help(
                "its parameters come with --params; `pfp import` makes them of a posterior",
            ));
    }
    let importer = pfp_import::importer_of(path, &OnnxSettings::default());
    let import = importer
        .import(path, &Disk, note)
        .map_err(|failure| refusal(path, importer.format(), failure))?;
    let parameters = import.parameters.as_deref().map(Safetensors::of).transpose()?;
    let source = Source::with(import.name, import.module, wanted.order, wanted.covariance);
    Ok(Imported { source, parameters, batch: None, placed: None })
}

fn refusal(path: &Path, format: &str, failure: Failure) -> Error {
    match failure {
        Failure::Unreadable { path, error } => Error::read(&path, error),
        // A model may be valid and still be none that the dialect has.
        Failure::Refused { message } => {
            Error::request(format!("{} cannot be imported: {message}", path.display()))
                .with_help(format!("docs/onnx.md says what of an {format} is supported"))
        }
    }
}

/// Everything of a posterior that has no place in a model.
fn misfit(path: &Path, problems: &[String]) -> Error {
    Error::request(format!(
        "the posterior and {} do not fit together:\n  {}",
        path.display(),
        problems.join("\n  ")
    ))
    .with_help("docs/import.md says how entries find their initialisers")
}

/// All bytes of a file of numbers.
///
/// # Errors
///
/// Where it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    files::read(path, Kind::PARAMETERS).map_err(|error| Error::read(path, error))
}

/// The weights of a network, as its user names them.
///
/// # Errors
///
/// Where the file cannot be read, or holds none.
pub fn weights(path: &Path) -> Result<Vec<pfp_import::posterior::Weights>, Error> {
    pfp_import::posterior::weights(&bytes(path)?).map_err(|message| {
        Error::request(format!("{} holds no weights of a network: {message}", path.display()))
            .with_help("save the state dict of the network, with torch or as safetensors")
    })
}

/// Reads the posterior that a framework saved.
///
/// # Errors
///
/// Where the file cannot be read, or does not say what mean and variance are.
pub fn posterior(framework: Framework, path: &Path, request: &Request) -> Result<Posterior, Error> {
    framework.read(&bytes(path)?, request).map_err(|message| {
        Error::request(format!("{} is no posterior of {framework:?}: {message}", path.display()))
            .with_help("docs/import.md says what pfp reads of each framework")
    })
}
