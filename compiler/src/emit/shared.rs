//! The shared library, linked by the system's compiler driver.

use std::{fmt, fs, io, process::Command};

use inkwell::{context::Context, targets::TargetMachine};

use crate::{
    compile::{Compiled, codegen::Machine, wrapper},
    error::Error,
    interrupt::{self, Scratch},
};

/// The shared library of a compiled function: the object, and `pfp_NAME_run`
/// with an arena from the heap.
///
/// # Errors
///
/// Where the linker is missing or fails.
pub fn library(compiled: &Compiled) -> Result<Vec<u8>, Error> {
    let name = &compiled.function.name;
    let linker = linker(&compiled.target.triple)?;
    let context = Context::create();
    let machine = Machine::new(&compiled.target, compiled.branch_protection)?;
    let wrapper = wrapper::with_arena(compiled, &context)?;
    wrapper.set_source_file_name(name);
    machine.optimise(&wrapper)?;

    let scratch = Scratch::new().map_err(|error| unusable(&error))?;
    let path = |file: &str| scratch.path().join(file);
    let (object, run, library) = (path("net.o"), path("run.o"), path("net.so"));
    for (file, contents) in [(&object, &compiled.object), (&run, &machine.object(&wrapper)?)] {
        fs::write(file, contents).map_err(|error| unusable(&error))?;
    }
    let mut command = Command::new(&linker);
    command
        // Without the start files, which lack the property notes that the object has: there are
        // no constructors in C++, no exceptions.
        .args(["-shared", "-nostartfiles", "-Wl,--build-id=none", "-Wl,-z,noexecstack"])
        // What is called within is this library's own, whatever else defines the name.
        .arg("-Wl,-Bsymbolic")
        .arg(format!("-Wl,-soname,lib{name}.so"))
        .arg("-o")
        .args([&library, &object, &run]);
    let (status, said) = interrupt::run(&mut command).map_err(|error| missing(&linker, &error))?;
    let failed = |how: &str| Error::request(format!("{linker} could not link lib{name}.so: {how}"));
    if !status.success() {
        return Err(failed(&match said.is_empty() {
            true => format!("it ended with {status} and said nothing"),
            false => said,
        }));
    }
    fs::read(&library).map_err(|_| failed("it wrote no file"))
}

/// Checks that shared libraries of a target can be linked here.
///
/// # Errors
///
/// Where the target has no shared libraries, or their linker is missing.
pub fn check(triple: &str) -> Result<(), Error> {
    let linker = linker(triple)?;
    match which::which(&linker) {
        Ok(_) => Ok(()),
        Err(error) => Err(missing(&linker, &error)),
    }
}

/// The compiler driver that links for a target.
fn linker(triple: &str) -> Result<String, Error> {
    let architecture = |triple: &str| triple.split('-').next().unwrap_or_default().to_owned();
    if !triple.contains("linux") {
        return Err(Error::request(format!("{triple} has no shared libraries"))
            .with_help("link the object instead: --emit=obj"));
    }
    let host = TargetMachine::get_default_triple();
    let host = host.as_str().to_string_lossy();
    Ok(match architecture(triple) {
        same if same == architecture(&host) => "cc".into(),
        other => format!("{other}-linux-gnu-gcc"),
    })
}

fn missing(linker: &str, error: &dyn fmt::Display) -> Error {
    let advice = match linker {
        "cc" => "install a C compiler: apt-get install gcc".into(),
        cross => format!("install it: apt-get install {}", package(cross)),
    };
    Error::request(format!("a shared library needs the linker {linker}: {error}")).with_help(advice)
}

/// Debian's package of a cross compiler driver.
fn package(cross: &str) -> String {
    let triple = cross.trim_end_matches("-gcc").replace('_', "-");
    format!("gcc-{triple}")
}

fn unusable(error: &io::Error) -> Error {
    Error::request(format!("cannot use the directory for temporary files: {error}"))
}
