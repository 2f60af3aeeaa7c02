//! C++ beside the Rust of a crate: what the C API of LLVM and MLIR does not reach.

use crate::Llvm;

/// A compiler of C++ `sources`, whose paths begin at the folder of the crate that is built. A build script
/// adds what else it needs and ends with [`cc::Build::compile`]; it runs again where a source changes.
pub fn glue(llvm: &Llvm, sources: &[&str]) -> cc::Build {
    let mut build = cc::Build::new();
    for source in sources {
        println!("cargo:rerun-if-changed={source}");
        build.file(source);
    }
    build
        .cpp(true)
        .std("c++17")
        .include(llvm.include_dir())
        .flag("-fno-exceptions")
        // The headers of MLIR, and what TableGen generates, are not ours to mend.
        .flag("-w")
        .opt_level(1)
        .debug(false)
        .define("__STDC_CONSTANT_MACROS", None)
        .define("__STDC_FORMAT_MACROS", None)
        .define("__STDC_LIMIT_MACROS", None)
        .define("_GNU_SOURCE", None);
    build
}
