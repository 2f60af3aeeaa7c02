//! The built-in networks.

use std::{fs, process::Command};

use serde_json::Value;

use crate::fixture::{Dir, Ran, pfp, repository};

/// What `pfp eval` says of parameters of the built-in MLP: accuracy, negative log likelihood, and how well
/// mutual information tells digits from photographs.
fn judged(parameters: &str) -> [f64; 3] {
    let mut command = pfp();
    command
        .current_dir(repository().join("examples/digits"))
        .args(["eval", "mlp.mlir", "--params"]);
    command.arg(parameters).args(["--in-domain", "test", "--ood", "ood", "--modes", "moments"]);
    command.args([
        "--scale",
        "1/16",
        "--normalize",
        "0.5,0.5",
        "--no-latency",
        "--json",
        "--quiet",
    ]);
    let evaluation = Ran::of(&mut command).json();
    let mode = &evaluation["modes"][0];
    let of_digits = |key: &str| mode["sets"][0]["classification"][key].as_f64().unwrap();
    let detection = mode["detection"].as_array().unwrap();
    let by = |found: &&Value| found["score"] == "mutual-information";
    let auroc = detection.iter().find(by).unwrap()["auroc"].as_f64().unwrap();
    [of_digits("accuracy"), of_digits("nll"), auroc]
}

/// Trains the MLP anew. Sums round differently from CPU to CPU, and training amplifies that: what comes out
/// is as good as the committed network, and not the same.
#[test]
fn the_built_in_mlp_comes_from_its_script() {
    let dir = Dir::empty();
    let mut command = Command::new("sh");
    command.arg(repository().join("examples/digits/train.sh")).arg("mlp");
    command.env("PFP", env!("CARGO_BIN_EXE_pfp")).env("OUT", dir.path(""));
    Ran::of(&mut command).ok();
    let [own, committed] =
        [dir.path("mlp.safetensors").display().to_string(), "mlp.safetensors".into()]
            .map(|parameters: String| judged(&parameters));
    let [accuracy, likelihood, auroc] = own;
    assert!(accuracy > committed[0] - 0.02, "accuracy {accuracy}, committed {}", committed[0]);
    assert!(likelihood < committed[1] + 0.05, "nll {likelihood}, committed {}", committed[1]);
    assert!(auroc > committed[2] - 0.02, "AUROC {auroc}, committed {}", committed[2]);
    let header = |file: &std::path::Path| {
        let bytes = fs::read(file).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let settings: Value =
            serde_json::from_str(header["__metadata__"]["pfp.train"].as_str().unwrap()).unwrap();
        settings["settings"].clone()
    };
    let committed = repository().join("examples/digits/mlp.safetensors");
    assert_eq!(header(&dir.path("mlp.safetensors")), header(&committed), "the committed settings");
}
