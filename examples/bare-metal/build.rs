//! Compile the model with pfp and link it with the linker script of the board.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    let model = manifest.join("../digits/cnn.mlir");
    let weights = manifest.join("../digits/cnn.safetensors");
    let script = manifest.join("virt.ld");
    println!("cargo::rerun-if-env-changed=PFP");
    let pfp =
        env::var_os("PFP").map_or_else(|| manifest.join("../../target/release/pfp"), PathBuf::from);
    for input in [&pfp, &model, &weights, &script] {
        println!("cargo::rerun-if-changed={}", input.display());
    }

    let status = Command::new(&pfp)
        .arg("compile")
        .arg(&model)
        .arg("--params")
        .arg(&weights)
        .args(["--target", "aarch64-none-elf", "--cpu", "cortex-a72"])
        .args(["--batch", "1", "--emit=obj,rust", "-o"])
        .arg(&out)
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

    println!("cargo::rustc-link-arg-bins={}", out.join("digits_cnn.o").display());
    println!("cargo::rustc-link-arg-bins=-Wl,--script={}", script.display());
    for argument in ["-nostdlib", "-nostartfiles", "-static", "-no-pie", "-Wl,--build-id=none"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
