//! `pfp-opt` and `gauss-lsp-server`.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

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
fn the_language_server_publishes_diagnostics() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_gauss-lsp-server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let text = crate::fixture::TINY.replace("?x4xf32", "?x5xf32");
    let document = serde_json::json!({
        "uri": "file:///tiny.mlir", "languageId": "mlir", "version": 1, "text": text
    });
    let messages = [
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {"processId": null, "rootUri": null, "capabilities": {}}}),
        serde_json::json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}),
        serde_json::json!({"jsonrpc": "2.0", "method": "textDocument/didOpen",
            "params": {"textDocument": document}}),
        serde_json::json!({"jsonrpc": "2.0", "id": 2, "method": "shutdown", "params": null}),
        serde_json::json!({"jsonrpc": "2.0", "method": "exit", "params": null}),
    ];
    let mut input = server.stdin.take().unwrap();
    for message in messages {
        let message = message.to_string();
        write!(input, "Content-Length: {}\r\n\r\n{message}", message.len()).unwrap();
    }
    drop(input);
    let mut answer = String::new();
    server.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    assert!(server.wait().unwrap().success(), "{answer}");
    assert!(answer.contains("publishDiagnostics"), "{answer}");
    assert!(answer.contains("'gauss.dense' op"), "{answer}");
}
