//! `mlir-opt` with the gauss dialect and the passes of this workspace.

use std::{
    ffi::{c_char, c_int},
    process::ExitCode,
};

use mlir_sys::MlirDialectRegistry;

unsafe extern "C" {
    fn pfp_opt_main(argc: c_int, argv: *mut *mut c_char, registry: MlirDialectRegistry) -> c_int;
}

fn main() -> ExitCode {
    pfp::tools::run(pfp_opt_main)
}
