//! Compile the two models with pfp and link them into the app.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    println!("cargo::rerun-if-env-changed=PFP");
    let pfp =
        env::var_os("PFP").map_or_else(|| manifest.join("../../target/release/pfp"), PathBuf::from);

    let target = variable("TARGET");
    let machine: &[&str] = match target.as_str() {
        target if target == variable("HOST") => &[],
        "aarch64-unknown-linux-gnu" => &["--target", "aarch64-linux-gnu", "--cpu", "cortex-a72"],
        _ => panic!("no pfp target is known for {target}"),
    };

    for model in ["mlp", "cnn"] {
        let digits = manifest.join("../digits");
        compile(
            &pfp,
            &digits.join(format!("{model}.mlir")),
            &digits.join(format!("{model}.safetensors")),
            machine,
            &out,
        );
        let object = out.join(format!("digits_{model}.o"));
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
}

/// Write the object and the Rust file of `model` to `out`.
fn compile(pfp: &Path, model: &Path, weights: &Path, machine: &[&str], out: &Path) {
    for input in [pfp, model, weights] {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    let status = Command::new(pfp)
        .arg("compile")
        .arg(model)
        .arg("--params")
        .arg(weights)
        .args(machine)
        .args(["--batch", "1", "--emit=obj,rust", "-o"])
        .arg(out)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{} on {}: {status}", pfp.display(), model.display()),
        Err(error) => panic!(
            "cannot run {}: {error}; build it with `cargo build --release -p pfp` \
             or set PFP to the compiler",
            pfp.display()
        ),
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
