//! Compiles the C++ glue: the stock tools of MLIR.

use llvm_config::Llvm;

const SOURCES: [&str; 1] = ["glue/tools.cpp"];

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
        .compile("driver_glue");
    Ok(())
}
