//! Parameter files: the reader, and the checks of what it reads.

use std::sync::Arc;

use pfp_compiler::{diagnostics::Source, parameters::Safetensors};

use crate::{blames_the_input, with_session};

/// A module with a Gaussian and a deterministic parameter.
const MODULE: &str = r#"
func.func @net(%x: tensor<1x3xf32>) -> !gauss.tensor<1x2xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<2x3xf32>
  %b = gauss.parameter "b" : tensor<2xf32>
  %y = gauss.dense %x, %w, %b
    : (tensor<1x3xf32>, !gauss.tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<1x2xf32>
  return %y : !gauss.tensor<1x2xf32>
}
"#;

/// Reads every tensor of a file and loads the file into [`MODULE`].
pub fn safetensors(bytes: &[u8]) {
    let file = match Safetensors::from_bytes("fuzz.safetensors", bytes.to_vec()) {
        Ok(file) => file,
        Err(error) => return blames_the_input(error),
    };
    with_session(|session| {
        let source: Arc<Source> = Source::as_written("net.mlir", MODULE);
        let mut module = crate::expect(session.parse(&source), "the module of this target");
        if let Err(error) = module.load_parameters(&file) {
            blames_the_input(error);
        }
    });
}
