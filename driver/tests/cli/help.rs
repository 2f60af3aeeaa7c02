//! Help, version, completions, usage errors.

use std::time::{Duration, Instant};

use crate::fixture::{Dir, Ran, pfp};

#[test]
fn every_command_explains_itself() {
    let help = |arguments: &[&str]| Ran::of(pfp().args(arguments).arg("--help")).ok();
    insta::assert_snapshot!("pfp", help(&[]));
    for command in [
        "import",
        "train",
        "compile",
        "run",
        "check",
        "bench",
        "calibrate",
        "eval",
        "inspect",
        "tune",
        "schedules",
        "demo",
        "board",
    ] {
        insta::assert_snapshot!(command, help(&[command]));
    }
    for command in ["add", "list", "test"] {
        insta::assert_snapshot!(format!("board-{command}"), help(&["board", command]));
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let dir = Dir::tiny();
    for arguments in [
        "",
        "frobnicate",
        "compile",
        "compile tiny.mlir --emit=exe",
        "compile tiny.mlir --batch 0",
        "compile tiny.mlir --batch many",
        "run tiny.mlir --scale 1/0",
        "run tiny.mlir --normalize 1",
        "run tiny.mlir --normalize 0,0",
        "check tiny.mlir --items 0",
        "completions cmd",
    ] {
        let ran = dir.pfp(arguments);
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:#?}");
        assert!(ran.stderr.contains("Usage") || ran.stderr.contains("--help"), "{ran:#?}");
    }
}

#[test]
fn version_names_the_release() {
    let version = Ran::of(pfp().arg("--version")).ok();
    assert_eq!(version.trim(), concat!("pfp ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_for_the_shells() {
    for (shell, needle) in
        [("bash", "complete -F"), ("zsh", "#compdef pfp"), ("fish", "complete -c pfp")]
    {
        let script = Ran::of(pfp().args(["completions", shell])).ok();
        assert!(script.contains(needle), "{shell}");
        assert!(script.contains("inspect"), "{shell}");
    }
}

#[test]
fn help_answers_at_once() {
    // The fastest of some runs, as other tests run at the same time.
    let fastest = (0..20)
        .map(|_| {
            let start = Instant::now();
            Ran::of(pfp().arg("--help")).ok();
            start.elapsed()
        })
        .min();
    assert!(fastest < Some(Duration::from_millis(50)), "{fastest:?}");
}
