//! Networks in ONNX: the parser, what depends on no input, the conversion and the placement of posteriors.

use std::{io, path::Path};

use gauss_dialect::parameters::ParameterSource;
use pfp_compiler::{diagnostics::Source, parameters::Safetensors};
use pfp_import::{
    Files, OnnxSettings,
    onnx::{Model, posterior::Posterior},
    posterior::{Entry, Weights, layout::Layout, place::Wishes},
};

use crate::{expect, with_session};

/// One file, and no other.
struct One<'a>(&'a [u8]);

impl Files for One<'_> {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn read_data(&self, _folder: &Path, _name: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Reads a model, gives it posteriors and imports it. A model may be refused: the fault is a crash, or a
/// module that is none.
pub fn onnx(bytes: &[u8]) {
    let file = One(bytes);
    let Ok(mut model) = Model::read(Path::new("model.onnx"), &file, &mut |_| ()) else { return };
    let Ok(parameters) = model.parameters() else { return };
    // The parameters backwards, with other names, as a state dict could have them.
    let weights: Vec<_> = parameters
        .iter()
        .rev()
        .filter_map(|parameter| {
            let values = model.values(&parameter.name)?.to_vec();
            Some(Weights {
                name: format!("net.{}", parameter.name),
                shape: parameter.shape.clone(),
                values,
            })
        })
        .collect();
    let entry = |weights: &Weights| Entry {
        name: weights.name.clone(),
        shape: weights.shape.clone(),
        is_flat: false,
        layout: Layout::Torch,
        mean: None,
        variance: Some(vec![0.25; weights.values.len()]),
        keys: vec![],
    };
    let entries = weights.iter().map(entry).collect();
    let posteriors = [
        None,
        Some(Posterior::Relative(0.5)),
        Some(Posterior::Entries { entries, names: weights, wishes: Wishes::default() }),
    ];
    for posterior in posteriors {
        let mut model = model.clone();
        if let Some(posterior) = posterior
            && model.place(&parameters, posterior).is_err()
        {
            continue;
        }
        for (batch, logits) in [(None, false), (Some(2), true)] {
            let settings = OnnxSettings { batch, logits };
            let Ok(import) = model.clone().import(&settings, &mut |_| ()) else { continue };
            let parameters = import.parameters.as_deref().map(Safetensors::of).transpose();
            let parameters = expect(parameters, "the numbers of a model are no parameters");
            let source = Source::as_written(import.name, import.module);
            with_session(|session| {
                let mut module = expect(session.parse(&source), "a model became no module");
                if let Some(parameters) = &parameters {
                    let loaded = module.load_parameters(parameters as &dyn ParameterSource);
                    expect(loaded, "the parameters of a model do not fit its module");
                }
            });
        }
    }
}
