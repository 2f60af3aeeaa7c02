//! Where training starts.

use std::path::{Path, PathBuf};

use clap::Args;
use gauss_lowering::parameters::declared::Declared;
use pfp_compiler::{array::Array, error::Error, module::Session, parameters::Safetensors};
use pfp_train::{
    checkpoint,
    gradient::{NOISE, Parameter},
    posterior,
    start::{self, Named, Scale, Start, Started},
};

use super::{super::Ui, options::START};
use crate::importing::{self, Wanted};

/// Where training starts.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The first values: he or glorot, random by fan-in, or those of a file: a parameter file with means
    /// and variances or with means only, a checkpoint, or an ONNX model
    #[arg(long, help_heading = START, value_name = "he|glorot|FILE", default_value = "he")]
    pub init: PathBuf,

    /// The first standard deviations, over 1 / sqrt(fan-in), where no file gives variances; where it is
    /// given, in place of those of a file
    #[arg(long, help_heading = START, value_name = "FRACTION", default_value_t = 0.05)]
    #[arg(value_parser = crate::cli::values::positive)]
    pub init_sigma: f64,
}

impl StartArgs {
    fn scale(&self) -> Option<Scale> {
        match self.init.to_str() {
            Some("he") => Some(Scale::He),
            Some("glorot") => Some(Scale::Glorot),
            _ => None,
        }
    }

    /// Are the first values drawn?
    pub fn is_random(&self) -> bool {
        self.scale().is_some()
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<PathBuf> {
        if self.is_random() { Vec::new() } else { importing::files(&self.init) }
    }

    /// The first values; the variances of a file where `with_variances` says so.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or does not fit the network.
    pub fn start(
        &self,
        parameters: &[Parameter],
        seed: u64,
        with_variances: bool,
        ui: &Ui,
    ) -> Result<Started, Error> {
        let first = match self.scale() {
            Some(scale) => Start::Random(scale),
            None => Start::Named(self.named(with_variances, ui)?),
        };
        start::start(&first, parameters, self.init_sigma, seed)
    }

    fn named(&self, with_variances: bool, ui: &Ui) -> Result<Named, Error> {
        let path = &self.init;
        let in_order = pfp_import::is_onnx(path);
        let arrays = if in_order { of_onnx(path, ui)? } else { of_tensors(path)? };
        Ok(Named { source: path.display().to_string(), arrays, in_order, with_variances })
    }
}

/// The values in a parameter file or a checkpoint.
fn of_tensors(path: &Path) -> Result<Vec<(String, Array)>, Error> {
    let name = path.display().to_string();
    let has_ending = |ending: &str| path.extension().is_some_and(|own| own == ending);
    let file = match Safetensors::open(path) {
        Err(_) if !["safetensors", "checkpoint"].into_iter().any(has_ending) => {
            return Err(Error::request(format!("cannot tell what {name} is")).with_help(
                "--init is he, glorot, a .safetensors file, a checkpoint or an .onnx model; pfp import \
                 makes a parameter file of what frameworks save",
            ));
        }
        file => file?,
    };
    if let Some(arrays) = checkpoint::arrays(&file, &name)? {
        return Ok(arrays);
    }
    let noise = posterior::noise_of(file.metadata())
        .map_err(|message| Error::malformed(&name, "posterior", message))?;
    let noise = noise.map(|noise| (NOISE.to_owned(), noise));
    Ok(file.arrays()?.into_iter().chain(noise).collect())
}

/// The weights of an ONNX model, in the order in which its network declares them.
fn of_onnx(path: &Path, ui: &Ui) -> Result<Vec<(String, Array)>, Error> {
    let wanted = Wanted::default();
    let imported = importing::open(path, &wanted, &mut |note| ui.notes(&[note.to_owned()]))?;
    let Some(parameters) = imported.parameters else { return Ok(Vec::new()) };
    let mut arrays = parameters.arrays()?;
    let session = Session::new();
    let module = session.parse(&imported.source)?;
    let names: Vec<_> = Declared::all(module.op()).iter().flat_map(Declared::tensors).collect();
    let place = |name: &str| names.iter().position(|other| other == name).unwrap_or(names.len());
    arrays.sort_by_key(|(name, _)| place(name));
    Ok(arrays)
}
