//! MLIR's stock tools with the gauss dialect. MLIR sees a text after [`pfp_compiler::guard`] has.

use std::{
    ffi::{CString, c_char, c_int, c_void},
    io::{self, IsTerminal},
    os::unix::ffi::OsStringExt,
    path::Path,
    process::ExitCode,
    slice,
};

use gauss_lowering::files::{self, Kind};
use melior::dialect::DialectRegistry;
use mlir_sys::{MlirDialectRegistry, MlirStringRef};
use pfp_compiler::{error::Error, guard, interrupt, output::Outputs};

use crate::lsp;

/// Is told a string.
pub type Tell = unsafe extern "C" fn(MlirStringRef, *mut c_void);

/// The `main` of a tool: the arguments of a C program, and a registry to fill.
pub type ToolMain = unsafe extern "C" fn(c_int, *mut *mut c_char, MlirDialectRegistry) -> c_int;

/// `mlir-opt` in steps, so that files are opened in between. The functions are those of
/// glue/tools.cpp, which must not be linked where they are not named.
#[derive(Debug, Clone, Copy)]
pub struct OptTool {
    /// Reads the command line, and tells the files.
    pub parse: unsafe extern "C" fn(
        c_int,
        *mut *mut c_char,
        MlirDialectRegistry,
        Tell,
        *mut c_void,
    ) -> OptRequest,
    /// Prints the list that the command line asks for.
    pub list: unsafe extern "C" fn(c_int, *mut *mut c_char, MlirDialectRegistry) -> bool,
    /// Runs the passes that the command line asks for.
    pub run: unsafe extern "C" fn(
        MlirDialectRegistry,
        MlirStringRef,
        MlirStringRef,
        Option<Tell>,
        *mut c_void,
    ) -> bool,
}

/// What the command line of `pfp-opt` asks for.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct OptRequest {
    /// Does it ask for a list, which needs no input?
    pub lists: bool,
}

/// The arguments of this process as those of a C program.
struct Arguments {
    strings: Vec<CString>,
    /// Those strings, and a null.
    pointers: Vec<*mut c_char>,
}

impl Arguments {
    fn of_process() -> Self {
        let strings: Vec<_> = std::env::args_os()
            // The operating system passes no argument with a null byte inside.
            .filter_map(|argument| CString::new(argument.into_vec()).ok())
            .collect();
        let pointers = strings.iter().map(|string| string.as_ptr().cast_mut());
        let pointers = pointers.chain([std::ptr::null_mut()]).collect();
        Self { strings, pointers }
    }

    fn count(&self) -> c_int {
        c_int::try_from(self.strings.len()).unwrap_or(c_int::MAX)
    }
}

/// Bytes as MLIR takes them.
fn string_ref(bytes: &[u8]) -> MlirStringRef {
    MlirStringRef { data: bytes.as_ptr().cast(), length: bytes.len() }
}

/// Everything of the gauss dialect, for a tool that adds what MLIR has.
fn registry() -> DialectRegistry {
    gauss_lowering::register_passes(pfp_compiler::parameters::open);
    let registry = DialectRegistry::new();
    gauss_dialect::register(&registry);
    registry
}

/// Adds a string to the vector of them that `state` is.
///
/// # Safety
///
/// `text` is valid during the call, `state` is a `Vec<Vec<u8>>` that nobody else uses.
unsafe extern "C" fn collect(text: MlirStringRef, state: *mut c_void) {
    // SAFETY: by the contract of this function.
    let strings = unsafe { &mut *state.cast::<Vec<Vec<u8>>>() };
    let bytes = match text.length {
        0 => &[],
        // SAFETY: by the contract of this function.
        length => unsafe { slice::from_raw_parts(text.data.cast(), length) },
    };
    strings.push(bytes.to_vec());
}

/// `pfp-opt`: `mlir-opt` with the gauss dialect and the passes of this workspace.
pub fn opt(tool: OptTool) -> ExitCode {
    // Before LLVM's own handlers, which then hand on what they get.
    if let Err(error) = interrupt::clean_up_on_signals() {
        eprintln!("warning: signals will leave temporary files: {error}");
    }
    match optimise(tool) {
        Ok(true) => ExitCode::SUCCESS,
        // MLIR has said why.
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn optimise(tool: OptTool) -> Result<bool, String> {
    let plain = |error: Error| match &error {
        Error::Request { help: Some(help), .. } => format!("error: {error}\nnote: {help}"),
        error => format!("error: {error}"),
    };
    let registry = registry();
    let mut arguments = Arguments::of_process();
    let count = arguments.count();
    let mut told: Vec<Vec<u8>> = Vec::new();
    // SAFETY: `pointers` holds `count` strings and a null, alive until the end of this function,
    // and the tool does not write to the strings; the registry is live; `told` is what `collect`
    // expects.
    let request = unsafe {
        let state = (&raw mut told).cast();
        let pointers = arguments.pointers.as_mut_ptr();
        (tool.parse)(count, pointers, registry.to_raw(), collect, state)
    };
    if request.lists {
        // SAFETY: as above.
        return Ok(unsafe {
            (tool.list)(count, arguments.pointers.as_mut_ptr(), registry.to_raw())
        });
    }
    let [input, output, marker, dialects] = <[_; 4]>::try_from(told)
        .map_err(|_| "error: the command line could not be read".to_owned())?;
    let paths = [&input, &output, &dialects].map(|path| String::from_utf8_lossy(path).into_owned());
    let [input, output, dialects] = paths;
    if !dialects.is_empty() {
        read(&dialects, b"")?;
    }
    let mut file = Outputs::beside([&input, &dialects]);
    if output != "-" {
        file.open(Path::new(&output), false).map_err(plain)?;
    }
    let text = read(&input, &marker)?;
    let name = if input == "-" { "<stdin>" } else { &input };
    let mut printed: Vec<Vec<u8>> = Vec::new();
    let write: Option<Tell> = if output == "-" { None } else { Some(collect) };
    // SAFETY: the registry is live, the strings are valid during the call, `printed` is what
    // `collect` expects.
    let done = unsafe {
        let (text, name) = (string_ref(&text), string_ref(name.as_bytes()));
        (tool.run)(registry.to_raw(), text, name, write, (&raw mut printed).cast())
    };
    if done && output != "-" {
        file.write(printed).map_err(plain)?;
    }
    Ok(done)
}

/// Reads a file, or standard input, that MLIR can take: bytecode, or text, split at `marker` where
/// that is not empty.
fn read(path: &str, marker: &[u8]) -> Result<Vec<u8>, String> {
    let bytes = match path {
        "-" => {
            if io::stdin().is_terminal() {
                eprintln!("(reading standard input: end it with ctrl-d)");
            }
            files::read_all(io::stdin(), Kind::MODULE)
        }
        path => files::read(Path::new(path), Kind::MODULE),
    };
    let bytes = bytes.map_err(|error| format!("error: {}", Error::read(Path::new(path), error)))?;
    if bytes.starts_with(guard::BYTECODE) {
        return Ok(bytes);
    }
    let bytes = guard::without_mark(&bytes).to_vec();
    let checked = match marker {
        [] => guard::check(&bytes),
        marker => guard::check_parts(&bytes, marker),
    };
    match checked {
        Ok(()) => Ok(bytes),
        Err(refusal) => {
            let (line, column) = refusal.line_and_column(&bytes);
            let (message, help) = (&refusal.message, refusal.help);
            Err(format!("{path}:{line}:{column}: error: {message}\nnote: {help}"))
        }
    }
}

/// `gauss-lsp-server`: MLIR's language server with the gauss dialect.
pub fn language_server(main: ToolMain) -> ExitCode {
    let registry = registry();
    let mut arguments = Arguments::of_process();
    let (count, pointers) = (arguments.count(), arguments.pointers.as_mut_ptr());
    let serve = || {
        // SAFETY: `pointers` holds `count` strings and a null, all alive during the call, and the
        // tool does not write to them; the registry is live.
        unsafe { main(count, pointers, registry.to_raw()) }
    };
    let status = match lsp::is_filtered(std::env::args().skip(1)) {
        true => lsp::filtered(serve),
        false => Ok(serve()),
    };
    match status {
        Ok(status) => ExitCode::from(u8::from(status != 0)),
        Err(error) => {
            eprintln!("error: standard input or output cannot be used: {error}");
            ExitCode::FAILURE
        }
    }
}
