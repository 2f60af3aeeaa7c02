//! The code that pages speak of: definitions of ops, passes, and what programs print.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use gauss_lowering::{passes, pipelines};
use llvm_config::Llvm;

use super::page::{first_column, root};

/// What the definition says of an op.
pub struct OpDefinition {
    /// Without the dialect.
    pub name: String,
    pub summary: String,
    pub operands: Vec<String>,
    pub attributes: Vec<String>,
    pub results: Vec<String>,
}

/// The ops as TableGen documents them.
pub fn ops() -> Vec<OpDefinition> {
    let llvm = Llvm::find().unwrap_or_else(|missing| panic!("{missing}"));
    let output = Command::new(llvm.tool("mlir-tblgen"))
        .arg("-gen-op-doc")
        .arg("-I")
        .arg(llvm.include_dir())
        .arg(root().join("dialect/td/Gauss.td"))
        .output()
        .expect("mlir-tblgen");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let ops: Vec<_> = text.split("\n### `gauss.").skip(1).map(parse_op).collect();
    assert!(ops.len() > 10, "mlir-tblgen documents {} ops", ops.len());
    ops
}

fn parse_op(text: &str) -> OpDefinition {
    let name = text.split('`').next().unwrap_or_default().to_owned();
    let emphasised = |line: &str| Some(line.strip_prefix('_')?.strip_suffix('_')?.to_owned());
    let summary = text.lines().find_map(emphasised).unwrap_or_default();
    let table = |heading: &str| {
        text.split_once(heading).map(|(_, rest)| first_column(rest)).unwrap_or_default()
    };
    let attribute = |row: &str| Some(row.split_once("<code>")?.1.split_once('<')?.0.to_owned());
    OpDefinition {
        name,
        summary,
        operands: table("#### Operands:\n"),
        results: table("#### Results:\n"),
        attributes: text
            .lines()
            .filter(|line| line.starts_with("<tr><td>"))
            .filter_map(attribute)
            .collect(),
    }
}

/// Name, description and options of every pass and pipeline.
pub fn steps() -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    let passes = passes::ALL.iter().map(|pass| (pass.name, pass.description, pass.options));
    let pipelines = pipelines::ALL.iter().map(|line| (line.name, line.description, line.options));
    passes.chain(pipelines).collect()
}

fn path_of_tools() -> String {
    let pfp_opt = Path::new(env!("CARGO_BIN_EXE_pfp-opt"));
    let ours = pfp_opt.parent().unwrap_or(pfp_opt).display();
    format!("{ours}:{}", env::var("PATH").unwrap_or_default())
}

/// What a command prints; panics where it fails.
pub fn shell(command: &str, folder: &Path) -> String {
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .env("PATH", path_of_tools())
        .current_dir(folder)
        .output()
        .expect("bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "$ {command}\n{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A new folder for the files of a test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs").join(name);
    fs::create_dir_all(&folder).expect("a folder for scratch files");
    folder
}
