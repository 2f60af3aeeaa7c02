//! `mlir-opt` with the gauss dialect and the passes of this workspace.

use std::{
    ffi::{c_char, c_int, c_void},
    process::ExitCode,
};

use mlir_sys::{MlirDialectRegistry, MlirStringRef};
use pfp::tools::{OptRequest, OptTool, Tell};

unsafe extern "C" {
    fn pfp_opt_parse(
        argc: c_int,
        argv: *mut *mut c_char,
        registry: MlirDialectRegistry,
        tell: Tell,
        state: *mut c_void,
    ) -> OptRequest;
    fn pfp_opt_list(argc: c_int, argv: *mut *mut c_char, registry: MlirDialectRegistry) -> bool;
    fn pfp_opt_run(
        registry: MlirDialectRegistry,
        text: MlirStringRef,
        name: MlirStringRef,
        write: Option<Tell>,
        state: *mut c_void,
    ) -> bool;
}

fn main() -> ExitCode {
    pfp::tools::opt(OptTool { parse: pfp_opt_parse, list: pfp_opt_list, run: pfp_opt_run })
}
