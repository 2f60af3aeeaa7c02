//! How a `main` of MLIR's stock tools is entered from Rust.

use std::{
    ffi::{CString, c_char, c_int},
    os::unix::ffi::OsStringExt,
    process::ExitCode,
};

use melior::dialect::DialectRegistry;
use mlir_sys::MlirDialectRegistry;

/// The `main` of a tool: the arguments of a C program, and a registry to fill.
pub type ToolMain = unsafe extern "C" fn(c_int, *mut *mut c_char, MlirDialectRegistry) -> c_int;

/// Runs a tool with this process's arguments, the gauss dialect and its passes.
pub fn run(main: ToolMain) -> ExitCode {
    gauss_lowering::register_passes(crate::parameters::open);
    let registry = DialectRegistry::new();
    gauss_dialect::register(&registry);
    let arguments: Vec<_> = std::env::args_os()
        // The operating system passes no argument with a null byte inside.
        .filter_map(|argument| CString::new(argument.into_vec()).ok())
        .collect();
    let mut pointers: Vec<_> =
        arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    let count = c_int::try_from(pointers.len()).unwrap_or(c_int::MAX);
    pointers.push(std::ptr::null_mut());
    // SAFETY: `pointers` holds `count` strings and a null, all alive during the call, and the
    // tool does not write to them; the registry is live.
    let status = unsafe { main(count, pointers.as_mut_ptr(), registry.to_raw()) };
    ExitCode::from(u8::from(status != 0))
}
