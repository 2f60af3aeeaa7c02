//! An AArch64 object in a C program under qemu.

use std::{fs, path::Path, process::Command};

use pfp_compiler::{
    compile::Compiled,
    emit::{self, Kind},
    error::Error,
    interrupt::{self, Scratch},
    output::Outputs,
};
use pfp_evaluate::{batches::Items, data::Output};

const COMPILER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";

/// What came of it.
pub enum Run {
    /// The outputs for all items.
    Done(Vec<Output>),
    /// A tool is missing; says which and how it is installed.
    Missing(String),
}

/// Runs an object with one plain input, one item per call.
///
/// # Errors
///
/// Where what is there fails: the compiler driver, or the emulated program.
pub fn run(compiled: &Compiled, items: &Items) -> Result<Run, Error> {
    for (tool, package) in
        [(COMPILER, "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"), (EMULATOR, "qemu-user")]
    {
        if Command::new(tool).arg("--version").output().is_err() {
            return Ok(Run::Missing(format!("{tool} is missing: apt-get install {package}")));
        }
    }
    let scratch = Scratch::new().map_err(|error| Error::request(error.to_string()))?;
    let path = |file: &str| scratch.path().join(file);
    let write = |file: &Path, contents: &[u8]| {
        fs::write(file, contents).map_err(|error| Error::write(file, error))
    };
    let name = &compiled.function.name;
    let kinds = [Kind::Obj, Kind::Header];
    let mut files = Outputs::default();
    emit::open(&mut files, name, &kinds, scratch.path())?;
    files.write(emit::contents(compiled, &kinds)?)?;
    // The outputs of an item lie one after the other.
    let buffers = compiled.function.signature.output_buffers();
    let mut elements = 0;
    let places = buffers.iter().map(|buffer| {
        let start = elements;
        elements += buffer.tensor.elements();
        start..elements
    });
    let places: Vec<_> = places.collect();
    let arguments: Vec<_> =
        places.iter().map(|place| format!("outputs + {}", place.start)).collect();
    let program = include_str!("harness.c")
        .replace("OUTPUT_FLOATS", &elements.to_string())
        .replace("OUTPUTS", &arguments.join(", "))
        .replace("NAME", name)
        .replace("PREFIX", &format!("PFP_{}", name.to_uppercase()));
    write(&path("main.c"), program.as_bytes())?;
    let input: Vec<u8> = (0..items.count())
        .flat_map(|item| items.chunk(item, 1).remove(0))
        .flat_map(f32::to_le_bytes)
        .collect();
    write(&path("input"), &input)?;
    execute(Command::new(COMPILER).args(["-std=c11", "-O1", "-static", "-o"]).args([
        path("main"),
        path("main.c"),
        path(&format!("{name}.o")),
    ]))?;
    execute(Command::new(EMULATOR).args([path("main"), path("input"), path("output")]))?;
    let output = fs::read(path("output")).map_err(|error| Error::read(&path("output"), error))?;
    let values: Vec<_> =
        output.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();

    let outputs = buffers.iter().zip(places).map(|(buffer, place)| Output {
        name: buffer.name.clone(),
        shape: vec![items.count(), place.len()],
        values: values
            .chunks_exact(elements.max(1))
            .flat_map(|item| item[place.clone()].iter().copied())
            .collect(),
    });
    Ok(Run::Done(outputs.collect()))
}

fn execute(command: &mut Command) -> Result<(), Error> {
    let (status, said) =
        interrupt::run(command).map_err(|error| Error::request(error.to_string()))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::request(format!(
            "{} failed ({status}): {said}",
            command.get_program().to_string_lossy(),
        ))),
    }
}
