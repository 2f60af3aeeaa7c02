//! Compiles the C++ glue: what the C API of MLIR and LLVM does not reach.

use llvm_config::{Llvm, Missing, glue};

fn main() -> Result<(), Missing> {
    glue(&Llvm::find()?, &["glue/codegen.cpp", "glue/registry.cpp"]).compile("compiler_glue");
    Ok(())
}
