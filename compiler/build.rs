//! Compiles the C++ glue: what the C API of MLIR and LLVM does not reach.

use llvm_config::Llvm;

const SOURCES: [&str; 2] = ["glue/codegen.cpp", "glue/registry.cpp"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut build = cc::Build::new();
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
        build.file(source);
    }
    build
        .cpp(true)
        .std("c++17")
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
        .compile("compiler_glue");
    Ok(())
}
