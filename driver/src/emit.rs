//! The files that a compilation writes.

mod header;
mod manifest;
mod names;
mod rust;
mod shared;

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use gauss_lowering::mode::{Mode, Sampling};

pub use manifest::Manifest;
pub use names::check as check_names;

use crate::{
    compile::{Compiled, Texts},
    error::Error,
};

/// A kind of file. The file is named after the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// NAME.o: the object file
    Obj,
    /// NAME.h: the C header
    Header,
    /// NAME.json: shapes, sizes, arena plan, hashes
    Manifest,
    /// libNAME.so: a shared library, also with pfp_NAME_run
    Shared,
    /// NAME.s: assembly
    Asm,
    /// NAME.ll: optimised LLVM IR
    Llvm,
    /// NAME.mlir: linalg on tensors, for stock mlir-opt
    Mlir,
    /// NAME.rs: the binding for the crate pfp-runtime
    Rust,
}

impl Kind {
    /// What is written where nothing else is asked for.
    pub const DEFAULT: [Self; 3] = [Self::Obj, Self::Header, Self::Manifest];

    fn file_name(self, function: &str) -> String {
        match self {
            Self::Obj => format!("{function}.o"),
            Self::Header => format!("{function}.h"),
            Self::Manifest => format!("{function}.json"),
            Self::Shared => format!("lib{function}.so"),
            Self::Asm => format!("{function}.s"),
            Self::Llvm => format!("{function}.ll"),
            Self::Mlir => format!("{function}.mlir"),
            Self::Rust => format!("{function}.rs"),
        }
    }

    fn contents(self, compiled: &Compiled) -> Result<Vec<u8>, Error> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
        Ok(match self {
            Self::Obj => compiled.object.clone(),
            Self::Header => header::header(compiled).into_bytes(),
            Self::Manifest => Manifest::of(compiled).to_json().into_bytes(),
            Self::Shared => shared::library(compiled)?,
            Self::Asm => compiled.assembly.clone().unwrap_or_default(),
            Self::Llvm => text(&compiled.llvm),
            Self::Mlir => text(&compiled.mlir),
            Self::Rust => rust::binding(compiled).into_bytes(),
        })
    }
}

/// What a compilation must keep for these kinds of file.
pub fn texts(kinds: &[Kind]) -> Texts {
    Texts {
        assembly: kinds.contains(&Kind::Asm),
        llvm: kinds.contains(&Kind::Llvm),
        mlir: kinds.contains(&Kind::Mlir),
    }
}

/// Writes the files of a compiled function into a directory, which is made
/// where it does not exist. Returns their paths.
pub fn write(compiled: &Compiled, kinds: &[Kind], directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let files = kinds
        .iter()
        .map(|kind| {
            let path = directory.join(kind.file_name(&compiled.function.name));
            Ok((path, kind.contents(compiled)?, *kind == Kind::Shared))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    fs::create_dir_all(directory).map_err(|error| Error::write(directory, error))?;
    files
        .into_iter()
        .map(|(path, contents, executable)| write_file(&path, &contents, executable).map(|()| path))
        .collect()
}

/// Writes a file in one step: nobody sees half of it, and a failure leaves what was there.
pub fn write_file(path: &Path, contents: &[u8], executable: bool) -> Result<(), Error> {
    let failed = |error| Error::write(path, error);
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mode = if executable { 0o777 } else { 0o666 };
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        .map_err(failed)?;
    file.write_all(contents).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// What a function computes where it is not moments: a sentence after a space.
fn of_mode(compiled: &Compiled) -> String {
    match compiled.mode {
        Mode::Moments => String::new(),
        Mode::Mean => " Every Gaussian is at its mean.".into(),
        Mode::Sample(Sampling { samples, seed, presampled, .. }) => format!(
            " Mean and variance over {samples} forward passes, weights drawn {} with seed {seed}.",
            if presampled { "by the compiler" } else { "in each call" }
        ),
    }
}

/// Who wrote a file, from what and for what.
fn origin(compiled: &Compiled) -> String {
    format!(
        "Emitted by pfp {} from @{} for {}, {}. Do not edit.",
        env!("CARGO_PKG_VERSION"),
        compiled.function.name,
        compiled.target.triple,
        compiled.target.cpu,
    )
}
