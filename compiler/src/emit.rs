//! The files that a compilation writes.

mod header;
pub mod learning;
mod manifest;
mod names;
mod rust;
mod shared;

use std::path::Path;

use gauss_lowering::mode::{Mode, Sampling};

pub use manifest::Manifest;
pub use names::{check as check_names, check_learning};

use crate::{
    compile::{Compiled, Texts},
    error::Error,
    output::Outputs,
};

/// A kind of file. The file is named after the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The object file.
    Obj,
    /// The C header.
    Header,
    /// Shapes, sizes, arena plan, hashes.
    Manifest,
    /// A shared library.
    Shared,
    /// Assembly.
    Asm,
    /// Optimised LLVM IR.
    Llvm,
    /// Linalg on tensors.
    Mlir,
    /// The binding for the crate pfp-runtime.
    Rust,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Obj,
        Self::Header,
        Self::Manifest,
        Self::Shared,
        Self::Asm,
        Self::Llvm,
        Self::Mlir,
        Self::Rust,
    ];

    /// What is written where nothing else is asked for.
    pub const DEFAULT: [Self; 3] = [Self::Obj, Self::Header, Self::Manifest];

    /// A short name, and the file in words.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Obj => ("obj", "NAME.o: the object file"),
            Self::Header => ("header", "NAME.h: the C header"),
            Self::Manifest => ("manifest", "NAME.json: shapes, sizes, arena plan, hashes"),
            Self::Shared => ("shared", "libNAME.so: a shared library, also with pfp_NAME_run"),
            Self::Asm => {
                ("asm", "NAME.s: assembly; without the weights where they are more than 16 MiB")
            }
            Self::Llvm => (
                "llvm",
                "NAME.ll: optimised LLVM IR; without the weights where they are more than 16 MiB",
            ),
            Self::Mlir => ("mlir", "NAME.mlir: linalg on tensors, for stock mlir-opt"),
            Self::Rust => ("rust", "NAME.rs: the binding for the crate pfp-runtime"),
        }
    }

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
            Self::Asm => {
                let note =
                    elision(compiled).map_or(String::new(), |note| format!("/* {note} */\n"));
                [note.into_bytes(), compiled.assembly.clone().unwrap_or_default()].concat()
            }
            Self::Llvm => {
                let note = elision(compiled).map_or(String::new(), |note| format!("; {note}\n"));
                [note.into_bytes(), text(&compiled.llvm)].concat()
            }
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

/// Checks that these kinds of file can be made for a target.
///
/// # Errors
///
/// Where a shared library has no linker.
pub fn check_tools(kinds: &[Kind], triple: &str) -> Result<(), Error> {
    if kinds.contains(&Kind::Shared) { shared::check(triple) } else { Ok(()) }
}

/// Opens the files of a function in a directory, which is made where it does not exist.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn open(
    outputs: &mut Outputs,
    function: &str,
    kinds: &[Kind],
    directory: &Path,
) -> Result<(), Error> {
    kinds.iter().try_for_each(|kind| {
        outputs.open(&directory.join(kind.file_name(function)), *kind == Kind::Shared)
    })
}

/// What is in the files of a compiled function.
///
/// # Errors
///
/// Where a shared library cannot be linked.
pub fn contents(compiled: &Compiled, kinds: &[Kind]) -> Result<Vec<Vec<u8>>, Error> {
    kinds.iter().map(|kind| kind.contents(compiled)).collect()
}

/// What assembly and LLVM IR leave out, if anything.
pub fn elision(compiled: &Compiled) -> Option<&'static str> {
    let note = "Constants of 1 KiB and more are declared only: the weights are more than 16 MiB. \
                The object has them.";
    compiled.elided.then_some(note)
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
