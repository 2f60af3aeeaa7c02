//! `pfp-opt`.

use std::process::Command;

use crate::fixture::{Dir, has};

fn pfp_opt() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pfp-opt"))
}

#[test]
fn pfp_opt_has_the_dialect_the_passes_and_all_of_mlir() {
    let help = Dir::empty().run(pfp_opt().arg("--help")).ok();
    for word in
        ["--lower-gauss", "--gauss-load-parameters", "--gauss-to-llvm", "--canonicalize", "gauss,"]
    {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn pfp_opt_lowers_with_flags_and_pipelines() {
    let dir = Dir::tiny();
    let lowered = dir.run(pfp_opt().args(["--lower-gauss", "tiny.mlir"])).ok();
    assert!(lowered.contains("linalg.generic"), "{lowered}");
    let pipeline = "--pass-pipeline=builtin.module(gauss-load-parameters{file=tiny.safetensors},\
                    gauss-set-batch{n=3},gauss-to-llvm{core=cortex-a72})";
    let lowered = dir.run(pfp_opt().args([pipeline, "tiny.mlir"])).ok();
    assert!(lowered.contains("llvm.func @pfp_tiny("), "{lowered}");
    let printed =
        dir.run(pfp_opt().args(["--lower-gauss", "--mlir-print-ir-after-all", "tiny.mlir"]));
    assert!(printed.stderr.contains("IR Dump After lower-gauss"), "{printed:#?}");
}

#[test]
fn pfp_opt_reports_a_bad_parameter_file() {
    let dir = Dir::tiny();
    dir.write("tiny.safetensors", [0; 4]);
    let ran =
        dir.run(pfp_opt().args(["--gauss-load-parameters=file=tiny.safetensors", "tiny.mlir"]));
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("not a valid safetensors file"), "{ran:#?}");
}

#[test]
fn stock_mlir_opt_takes_over_after_lower_gauss() {
    let mlir_opt = "/usr/lib/llvm-22/bin/mlir-opt";
    if !has(mlir_opt) {
        return;
    }
    let dir = Dir::tiny();
    dir.run(pfp_opt().args(["--lower-gauss", "tiny.mlir", "-o", "linalg.mlir"])).ok();
    dir.run(Command::new(mlir_opt).args(["--canonicalize", "linalg.mlir"])).ok();
}

#[test]
fn pfp_opt_writes_its_output_whole() {
    let dir = Dir::tiny();
    dir.write("out.mlir", "before");
    // What fails leaves what was there; an input is no output.
    let ran = dir.run(pfp_opt().args(["--gauss-set-batch=n=0", "tiny.mlir", "-o", "out.mlir"]));
    assert_ne!(ran.code, Some(0));
    assert_eq!(dir.text("out.mlir"), "before");
    std::os::unix::fs::symlink("tiny.mlir", dir.path("link.mlir")).unwrap();
    let error = dir.run(pfp_opt().args(["tiny.mlir", "-o", "link.mlir"])).error();
    assert!(error.contains("link.mlir is one of the inputs"), "{error}");
    let error = dir.run(pfp_opt().args(["no.mlir", "-o", "out.mlir"])).error();
    assert!(error.contains("cannot read no.mlir: No such file"), "{error}");
    let error = dir.run(pfp_opt().args(["tiny.mlir", "-o", "/proc/no/out.mlir"])).error();
    assert!(error.contains("cannot write /proc/no"), "{error}");
    dir.run(pfp_opt().args(["tiny.mlir", "-o", "out.mlir"])).ok();
    assert!(dir.text("out.mlir").contains("gauss.dense"));
    // To standard output, and the lists that need no input.
    assert_eq!(dir.run(pfp_opt().arg("out.mlir")).ok(), dir.text("out.mlir"));
    assert!(dir.run(pfp_opt().arg("--show-dialects")).ok().contains("gauss"));
}
