//! The MLIR language server with the gauss dialect.

use std::{
    ffi::{c_char, c_int},
    process::ExitCode,
};

use mlir_sys::MlirDialectRegistry;

unsafe extern "C" {
    fn pfp_lsp_main(argc: c_int, argv: *mut *mut c_char, registry: MlirDialectRegistry) -> c_int;
}

fn main() -> ExitCode {
    pfp::tools::language_server(pfp_lsp_main)
}
