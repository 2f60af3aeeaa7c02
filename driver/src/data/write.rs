//! Results to files.

use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use safetensors::{Dtype, tensor::TensorView};
use serde::Serialize;

use crate::{emit::write_file, error::Error};

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

/// Writes outputs in the format that the file's name says. An npy file holds
/// one array: of several, each gets a file `NAME.BUFFER.npy`. Returns the paths.
pub fn write(outputs: &[Output], path: &Path) -> Result<Vec<PathBuf>, Error> {
    let files = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => {
            let text = serde_json::to_string(outputs)
                .map_err(|error| Error::Internal(error.to_string()))?;
            vec![(path.to_owned(), text.into_bytes())]
        }
        Some("safetensors") => vec![(path.to_owned(), to_safetensors(outputs)?)],
        Some("npy") => outputs
            .iter()
            .map(|output| {
                let path = match outputs.len() {
                    1 => path.to_owned(),
                    _ => path.with_extension(format!("{}.npy", output.name)),
                };
                Ok((path, to_npy(output)?))
            })
            .collect::<Result<_, Error>>()?,
        _ => {
            return Err(Error::request(format!(
                "cannot tell from its name how to write {}",
                path.display()
            ))
            .with_help("known endings: .safetensors, .npy, .json"));
        }
    };
    for (path, contents) in &files {
        write_file(path, contents, false)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
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
