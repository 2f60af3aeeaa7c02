//! `pfp demo` on the data of the repository.

use serde_json::Value;

use crate::fixture::{Dir, Ran, pfp, repository};

#[test]
fn the_demo_is_real() {
    let dir = Dir::empty();
    let mut command = pfp();
    command.current_dir(repository()).args(["demo", "--json", "--reports"]).arg(dir.path(""));
    let ran = Ran::of(&mut command);
    for network in ["mlp", "cnn"] {
        let page = format!("pfp-demo-{network}.html");
        assert!(ran.stderr.contains(&page), "{ran:#?}");
        assert!(dir.text(&page).starts_with("<!DOCTYPE html>"));
    }
    let report = ran.json();
    let networks = report["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 2);
    for network in networks {
        let number = |pointer: &str| network.pointer(pointer).and_then(Value::as_f64);
        let [digits, _, other] = [0, 1, 2].map(|group| &network["groups"][group]);
        assert!(digits["accuracy"].as_f64() > Some(0.95), "{network:#}");
        assert!(other["epistemic"].as_f64() > digits["epistemic"].as_f64(), "{network:#}");
        assert!(number("/auroc/mutual_information") > Some(0.9), "{network:#}");
        assert!(number("/host_to_reference/mean") < Some(1e-5), "{network:#}");
        assert!(number("/host_to_reference/variance") < Some(1e-4), "{network:#}");
        if network["aarch64_missing"].is_null() {
            assert!(number("/aarch64_to_host/mean") < Some(1e-5), "{network:#}");
            assert!(number("/aarch64_to_host/variance") < Some(1e-4), "{network:#}");
        }
    }
}
