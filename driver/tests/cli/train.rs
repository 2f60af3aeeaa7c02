//! `pfp train`: what is refused before anything is read.

use crate::fixture::Dir;

#[test]
fn what_no_run_can_be_is_refused_before_files_are_read() {
    let dir = Dir::tiny();
    for (arguments, needle) in [
        ("", "give --epochs"),
        ("--epochs 3 --batch 101", "multiple of --shards"),
        ("--epochs 3 --patience 2", "--validation"),
        ("--epochs 3 --checkpoint p.safetensors", "two outputs would go to p.safetensors"),
        ("--posterior laplace", "give them with --init FILE"),
        ("--posterior laplace --epochs 3 --init x.safetensors", "changes no mean"),
        (
            "--posterior swag --epochs 3 --patience 2 --validation x.npy",
            "samples are of all epochs",
        ),
    ] {
        let line = format!("train tiny.mlir --data x.npy -o p.safetensors {arguments}");
        let ran = dir.pfp(&line);
        assert_eq!(ran.code, Some(1), "{arguments}: {ran:#?}");
        assert!(ran.stderr.contains(needle), "{arguments}: {ran:#?}");
    }
    let ran = dir.pfp("train tiny.onnx --data x.npy --epochs 3 -o p.safetensors");
    assert!(ran.stderr.contains("pfp import"), "{ran:#?}");
}

#[test]
fn an_option_that_is_none_is_exit_code_2() {
    let dir = Dir::tiny();
    for arguments in [
        "--schedule linear",
        "--schedule step:0,0.1",
        "--prior -1",
        "--prior fan-in:0",
        "--momentum 1",
        "--posterior magic",
        "--loss hinge",
        "--labels some",
        "--prior-precision most",
        "--learning-rate 0",
        "--no-checkpoint --checkpoint-every 3",
    ] {
        let line = format!("train tiny.mlir --data x.npy --epochs 3 -o p.safetensors {arguments}");
        let ran = dir.pfp(&line);
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:#?}");
    }
}
