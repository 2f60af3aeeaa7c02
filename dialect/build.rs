//! Generates the C++ classes of the dialect from td/Gauss.td and compiles them
//! with the glue.

use std::{env, path::PathBuf, process::Command};

use llvm_config::{Llvm, glue};

const GENERATED: [(&str, &str); 6] = [
    ("--gen-dialect-decls --dialect=gauss", "GaussDialect.h.inc"),
    ("--gen-dialect-defs --dialect=gauss", "GaussDialect.cpp.inc"),
    ("--gen-typedef-decls --typedefs-dialect=gauss", "GaussTypes.h.inc"),
    ("--gen-typedef-defs --typedefs-dialect=gauss", "GaussTypes.cpp.inc"),
    ("--gen-op-decls", "GaussOps.h.inc"),
    ("--gen-op-defs", "GaussOps.cpp.inc"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for input in ["td/Gauss.td", "glue/Clauses.h", "glue/Gauss.h"] {
        println!("cargo:rerun-if-changed={input}");
    }
    println!("cargo:rustc-env=GAUSS_TD_DIR={}/td", env::var("CARGO_MANIFEST_DIR")?);
    let llvm = Llvm::find()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for (generator, file) in GENERATED {
        let status = Command::new(llvm.tool("mlir-tblgen"))
            .args(generator.split(' '))
            .args(["td/Gauss.td", "-I"])
            .arg(llvm.include_dir())
            .arg("-o")
            .arg(out.join(file))
            .status()?;
        if !status.success() {
            return Err(format!("mlir-tblgen {generator} failed").into());
        }
    }
    glue(&llvm, &["glue/Gauss.cpp"]).include(&out).include("glue").compile("gauss_glue");
    Ok(())
}
