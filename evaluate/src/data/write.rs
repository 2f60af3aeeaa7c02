//! Results to files.

use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use pfp_compiler::error::Error;
use safetensors::{Dtype, tensor::TensorView};
use serde::Serialize;

/// A named array: one output buffer of a model, for all items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Output {
    /// The buffer, such as `mean`.
    pub name: String,
    /// The sizes.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: Vec<f32>,
}

/// A format of results, by the ending of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// All arrays in one file.
    Json,
    /// All arrays in one file.
    Safetensors,
    /// One array in a file.
    Npy,
}

impl Format {
    /// The format that a file's name says.
    ///
    /// # Errors
    ///
    /// Where the ending is unknown.
    pub fn of(path: &Path) -> Result<Self, Error> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Ok(Self::Json),
            Some("safetensors") => Ok(Self::Safetensors),
            Some("npy") => Ok(Self::Npy),
            _ => Err(Error::request(format!(
                "cannot tell from its name how to write {}",
                path.display()
            ))
            .with_help("known endings: .safetensors, .npy, .json")),
        }
    }

    /// The files for arrays of these names. An npy file holds one array: of several, each gets a
    /// file `NAME.BUFFER.npy`.
    pub fn files(self, path: &Path, names: &[&str]) -> Vec<PathBuf> {
        match (self, names) {
            (Self::Npy, [_, _, ..]) => {
                names.iter().map(|name| path.with_extension(format!("{name}.npy"))).collect()
            }
            _ => vec![path.to_owned()],
        }
    }

    /// What is in those files.
    ///
    /// # Errors
    ///
    /// Where arrays and shapes disagree.
    pub fn contents(self, outputs: &[Output]) -> Result<Vec<Vec<u8>>, Error> {
        match self {
            Self::Json => {
                let text = serde_json::to_string(outputs);
                let text = text.map_err(|error| Error::Internal(error.to_string()))?;
                Ok(vec![text.into_bytes()])
            }
            Self::Safetensors => Ok(vec![to_safetensors(outputs)?]),
            Self::Npy => outputs.iter().map(to_npy).collect(),
        }
    }
}

fn to_safetensors(outputs: &[Output]) -> Result<Vec<u8>, Error> {
    let internal = |error: safetensors::SafeTensorError| Error::Internal(error.to_string());
    let bytes: Vec<Vec<u8>> = outputs
        .iter()
        .map(|output| output.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = outputs
        .iter()
        .zip(&bytes)
        .map(|(output, bytes)| {
            let view = TensorView::new(Dtype::F32, output.shape.clone(), bytes);
            view.map(|view| (output.name.as_str(), view)).map_err(internal)
        })
        .collect::<Result<Vec<_>, _>>()?;
    safetensors::serialize(views, None).map_err(internal)
}

fn to_npy(output: &Output) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let shape: Vec<_> = output.shape.iter().map(|&size| size as u64).collect();
    let write = |bytes: &mut Vec<u8>| {
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(&shape).writer(bytes).begin_nd()?;
        writer.extend(output.values.iter().copied())?;
        writer.finish()
    };
    write(&mut bytes).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(bytes)
}
