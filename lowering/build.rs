//! Compiles the C++ class through which MLIR runs the passes of this crate.

use llvm_config::Llvm;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=glue/Pass.cpp");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("glue/Pass.cpp")
        .include(Llvm::find()?.include_dir())
        .flag("-fno-exceptions")
        // The headers of MLIR are not ours to mend.
        .flag("-w")
        .opt_level(1)
        .debug(false)
        .define("__STDC_CONSTANT_MACROS", None)
        .define("__STDC_FORMAT_MACROS", None)
        .define("__STDC_LIMIT_MACROS", None)
        .define("_GNU_SOURCE", None)
        .compile("lowering_glue");
    Ok(())
}
