//! Compiles the C++ class through which MLIR runs the passes of this crate.

use llvm_config::{Llvm, Missing, glue};

fn main() -> Result<(), Missing> {
    glue(&Llvm::find()?, &["glue/Pass.cpp"]).compile("lowering_glue");
    Ok(())
}
