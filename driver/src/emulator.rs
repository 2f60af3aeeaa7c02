//! What a network for AArch64 executes, where no board is at hand.
//!
//! - [`program`]: its object in a program that calls it once;
//! - [`trace`]: what QEMU executes of that, kernel by kernel;
//! - [`cycles`]: what llvm-mca says of it for a core.

pub mod cycles;
pub mod program;
pub mod trace;

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use pfp_compiler::{
    compile::Compiled,
    error::Error,
    interrupt::{self, Scratch},
};
use program::Program;
use trace::Trace;

/// The emulator.
const EMULATOR: &str = "qemu-aarch64";

/// The name and version of the emulator.
///
/// # Errors
///
/// Where it is not installed; says how it is.
pub fn version() -> Result<String, Error> {
    first_line_of_version(EMULATOR, "qemu-user")
}

/// Emulates one call of a function.
///
/// # Errors
///
/// Where the object has what is not linked, or the emulator cannot be run.
pub fn run(compiled: &Compiled, inputs: &[Vec<f32>]) -> Result<(Program, Trace), Error> {
    let program = Program::new(compiled, inputs)?;
    let unusable = |error: std::io::Error| Error::request(format!("no scratch directory: {error}"));
    let scratch = Scratch::new().map_err(unusable)?;
    let path = scratch.path().join("network");
    fs::write(&path, program.file())
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o700)))
        .map_err(|error| Error::write(&path, error))?;
    let mut command = Command::new(EMULATOR);
    // Every block that is executed is a line, every block that is translated is listed once.
    command.args(["-d", "in_asm,exec,nochain"]).arg(&path);
    let failed = |how: &str| Error::request(format!("{EMULATOR} could not run the network: {how}"));
    let (status, trace) = interrupt::run_reading(&mut command, |log| Trace::read(log, &program))
        .map_err(|error| failed(&error.to_string()))?;
    match status.code() {
        Some(0) => Ok((program, trace)),
        _ => Err(failed(&format!("{status}; {}", trace.said.join("\n")))),
    }
}

/// The first line that a program says to `--version`.
fn first_line_of_version(tool: &str, package: &str) -> Result<String, Error> {
    let answer = Command::new(tool).arg("--version").output().map_err(|error| {
        Error::request(format!("{tool} cannot be run: {error}"))
            .with_help(format!("apt-get install {package}"))
    })?;
    let text = String::from_utf8_lossy(&answer.stdout);
    Ok(text.lines().next().unwrap_or(tool).trim().to_owned())
}
