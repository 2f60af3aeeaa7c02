//! What the fuzz targets do with their input. See `README.md`.

mod module;
mod network;
mod onnx;
mod posterior;
mod safetensors;

use std::{
    cell::RefCell,
    ffi::{CString, c_char, c_int},
    os::unix::ffi::OsStringExt,
    process::ExitCode,
};

use pfp_compiler::{error::Error, module::Session};

pub use module::module;
pub use network::network;
pub use onnx::onnx;
pub use posterior::posterior;
pub use safetensors::safetensors;

type TestOneInput = unsafe extern "C" fn(*const u8, usize) -> c_int;

unsafe extern "C" {
    fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> c_int;
    fn LLVMFuzzerRunDriver(
        argc: *mut c_int,
        argv: *mut *mut *mut c_char,
        test_one_input: TestOneInput,
    ) -> c_int;
}

/// The `main` of a fuzz target. libFuzzer brings one too, but so do the static
/// libraries of MLIR (that of `mlir-opt`), and theirs would be linked.
pub fn main() -> ExitCode {
    let arguments: Vec<_> =
        std::env::args_os().filter_map(|argument| CString::new(argument.into_vec()).ok()).collect();
    let mut pointers: Vec<_> =
        arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    let mut count = c_int::try_from(pointers.len()).unwrap_or(c_int::MAX);
    pointers.push(std::ptr::null_mut());
    let mut argv = pointers.as_mut_ptr();
    // SAFETY: `count` strings and a null, all alive during the call; libFuzzer
    // replaces pointers, but writes to no string.
    let status =
        unsafe { LLVMFuzzerRunDriver(&raw mut count, &raw mut argv, LLVMFuzzerTestOneInput) };
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

/// A context keeps every type, attribute and blob that it has seen; a new one
/// after this many runs bounds the memory.
const RUNS_PER_SESSION: usize = 256;

/// Gives `run` the session of this thread.
fn with_session<R>(run: impl FnOnce(&Session) -> R) -> R {
    thread_local! {
        static SESSION: RefCell<(usize, Option<Session>)> = const { RefCell::new((0, None)) };
    }
    SESSION.with_borrow_mut(|(runs, session)| {
        if runs.is_multiple_of(RUNS_PER_SESSION) {
            *session = None;
        }
        *runs += 1;
        run(session.get_or_insert_with(Session::new))
    })
}

/// Prints an error as `pfp` would, source line and all. The compiler may reject
/// any input, but only with an error that blames the input.
fn blames_the_input(error: Error) {
    let message = error.to_string();
    let internal = matches!(error, Error::Internal(_)) || message.contains("internal error");
    let report = format!("{:?}", miette::Report::new(error));
    assert!(!internal, "{report}");
}

/// Unwraps what must succeed; the error is printed as `pfp` prints it.
fn expect<T>(result: Result<T, Error>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {:?}", miette::Report::new(error)))
}
