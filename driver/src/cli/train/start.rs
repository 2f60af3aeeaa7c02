//! Where training starts.

use std::path::{Path, PathBuf};

use clap::Args;
use gauss_lowering::parameters::declared::Declared;
use pfp_compiler::{array::Array, error::Error, module::Session, parameters::Safetensors};
use pfp_train::{
    gradient::Parameter,
    start::{self, Named, Scale, Start, Started},
};

use super::{super::Ui, is_safetensors, options::START};
use crate::importing::{self, Wanted};

/// Where training starts.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The first values: he or glorot, random by fan-in, or those of a file: a parameter file with means
    /// and variances or with means only, or an ONNX model
    #[arg(long, help_heading = START, value_name = "he|glorot|FILE", default_value = "he")]
    init: PathBuf,

    /// The first standard deviations, over 1 / sqrt(fan-in), where no file gives variances
    #[arg(long, help_heading = START, value_name = "FRACTION", default_value_t = 0.05)]
    #[arg(value_parser = crate::cli::values::positive)]
    init_sigma: f64,
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

    /// The first values.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or does not fit the network.
    pub fn start(&self, parameters: &[Parameter], seed: u64, ui: &Ui) -> Result<Started, Error> {
        let first = match self.scale() {
            Some(scale) => Start::Random(scale),
            None => Start::Named(self.named(ui)?),
        };
        start::start(&first, parameters, self.init_sigma, seed)
    }

    fn named(&self, ui: &Ui) -> Result<Named, Error> {
        let path = &self.init;
        let arrays = match (pfp_import::is_onnx(path), is_safetensors(path)) {
            (true, _) => of_onnx(path, ui)?,
            (false, true) => Safetensors::open(path)?.arrays()?,
            (false, false) => {
                return Err(Error::request(format!("cannot tell what {} is", path.display()))
                    .with_help(
                        "--init is he, glorot, a .safetensors file or an .onnx model; pfp import makes \
                         a parameter file of what frameworks save",
                    ));
            }
        };
        Ok(Named { source: path.display().to_string(), arrays })
    }
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
