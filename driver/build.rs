//! Compiles the C++ glue: the stock tools of MLIR.

use llvm_config::{Llvm, Missing, glue};

fn main() -> Result<(), Missing> {
    glue(&Llvm::find()?, &["glue/tools.cpp"]).compile("driver_glue");
    Ok(())
}
