//! `pfp import`.

use std::fs;

use pfp_compiler::parameters::Safetensors;

use crate::fixture::{Dir, Ran, TINY, pfp, repository, safetensors, tiny_parameters};

/// The network of the files in `test/import`, with the names of Pyro's.
const NET: &str = r#"func.func @net(%x: tensor<1x4xf32>) -> !gauss.tensor<1x2xf32> {
  %w1 = gauss.parameter "fc1.weight" : !gauss.tensor<3x4xf32>
  %b1 = gauss.parameter "fc1.bias" : !gauss.tensor<3xf32>
  %w2 = gauss.parameter "fc2.weight" : !gauss.tensor<2x3xf32>
  %b2 = gauss.parameter "fc2.bias" : !gauss.tensor<2xf32>
  %0 = gauss.dense %x, %w1, %b1 : (tensor<1x4xf32>, !gauss.tensor<3x4xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<1x3xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x3xf32>) -> !gauss.tensor<1x3xf32>
  %2 = gauss.dense %1, %w2, %b2 : (!gauss.tensor<1x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<1x2xf32>
  return %2 : !gauss.tensor<1x2xf32>
}
"#;

/// A directory with the network and these files of `test/import`.
fn with(files: &[&str]) -> Dir {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    for file in files {
        dir.write(file, fs::read(repository().join("test/import/files").join(file)).unwrap());
    }
    dir
}

fn import(dir: &Dir, arguments: &[&str]) -> Ran {
    let outputs = ["-o", "model.mlir", "--params", "model.safetensors"];
    dir.run(pfp().arg("import").args(arguments).args(outputs))
}

#[test]
fn a_parameter_store_becomes_a_model() {
    let dir = with(&["pyro_normal.pt"]);
    let arguments = ["net.mlir", "--posterior-from", "pyro", "pyro_normal.pt"];
    insta::assert_snapshot!(import(&dir, &arguments).ok());
    assert_eq!(dir.text("model.mlir"), NET);
    let written = dir.read("model.safetensors");
    let json = dir
        .pfp(
            "import --architecture net.mlir --posterior-from pyro pyro_normal.pt -o model.mlir \
              --params model.safetensors --json",
        )
        .json();
    assert_eq!(json["parameters"][0]["tensors"][1], "AutoNormal.scales.fc1.weight");
    assert_eq!(json["files"][1], "model.safetensors");
    assert_eq!(dir.read("model.safetensors"), written);
    let checked = dir.pfp("check model.mlir --params model.safetensors");
    assert_eq!(checked.code, Some(0), "{checked:#?}");
}

#[test]
fn names_of_a_framework_are_mapped() {
    let dir = with(&["numpyro_plain.pkl"]);
    let from = ["net.mlir", "--posterior-from", "numpyro", "numpyro_plain.pkl"];
    let error = import(&dir, &from).error();
    assert!(error.contains(r"--map 'w1=fc1.weight:transpose', if that is the one"), "{error}");
    assert!(error.contains("'fc2.bias' of shape 2, a parameter of the module"), "{error}");
    assert!(!dir.path("model.mlir").exists() && !dir.path("model.safetensors").exists());
    let maps = ["--map", "w(.)=fc$1.weight:transpose", "--map", "b(.)=fc$1.bias"];
    let answer = import(&dir, &[&from[..], &maps[..]].concat()).ok();
    assert!(answer.contains("w1, transposed"), "{answer}");
}

#[test]
fn what_is_left_out_is_told() {
    let dir = with(&["blitz.pt"]);
    dir.write("net.mlir", NET.replace("fc1", "0").replace("fc2", "2"));
    let from = ["net.mlir", "--posterior-from", "blitz", "blitz.pt", "--map", r"2\.bias="];
    let error = import(&dir, &from).error();
    assert!(
        error.contains("'2.bias' of shape 2, a parameter of the module, has no entry"),
        "{error}"
    );
    let ran = import(&dir, &from[..4]);
    assert!(ran.stderr.contains("note: 0.weight_mu"), "{ran:#?}");
    let answer = ran.ok();
    assert!(
        answer.contains("2.bias_sampler.eps_w") && answer.contains("a copy, noise"),
        "{answer}"
    );
}

#[test]
fn a_safetensors_file_states_its_representation() {
    let dir = Dir::empty();
    dir.write("net.mlir", TINY);
    let mut tensors = tiny_parameters();
    for name in ["fc.weight", "fc.bias"] {
        let variance = tensors.remove(&format!("{name}.var")).unwrap();
        let std = variance.1.iter().map(|variance| variance.sqrt()).collect();
        tensors.insert(format!("{name}.scale"), (variance.0, std));
    }
    dir.write("std.safetensors", safetensors(&tensors));
    let error = import(&dir, &["net.mlir", "--posterior", "std.safetensors"]).error();
    assert!(error.contains("say it with --representation"), "{error}");
    let std = ["net.mlir", "--posterior", "std.safetensors", "--representation", "std"];
    import(&dir, &std).ok();
    let written = Safetensors::open(&dir.path("model.safetensors")).unwrap();
    for (name, (_, expected)) in tiny_parameters() {
        let found = written.f32(&name).unwrap().unwrap().values;
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{name}");
        }
    }
}

#[test]
fn deterministic_parameters_are_a_wish() {
    let dir = with(&["pyro_normal.pt"]);
    dir.write(
        "net.mlir",
        NET.replace(r#""fc2.bias" : !gauss.tensor"#, r#""fc2.bias" : tensor"#).replace(
            "!gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) ->",
            "!gauss.tensor<2x3xf32>, tensor<2xf32>) ->",
        ),
    );
    let from = ["net.mlir", "--posterior-from", "pyro", "pyro_normal.pt"];
    let error = import(&dir, &from).error();
    assert!(error.contains("--deterministic fc2.bias takes the mean alone"), "{error}");
    let wish = ["--deterministic", "fc2.bias,fc1.bias"];
    import(&dir, &[&from[..], &wish[..]].concat()).ok();
    let written = Safetensors::open(&dir.path("model.safetensors")).unwrap();
    assert!(written.f32("fc2.bias").unwrap().is_some());
    assert_eq!(written.f32("fc1.bias.var").unwrap().unwrap().values, [0.0; 3]);
}

#[test]
fn bad_files_and_options_are_errors_of_the_input() {
    let dir = with(&["pyro_normal.pt", "laplace_kron.pt"]);
    dir.write("foreign.pkl", b"\x80\x02cmy_project.models\nNet\n)\x81.");
    dir.write("cut.pt", &dir.read("pyro_normal.pt")[..1000]);
    dir.write("legacy.pt", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.");
    dir.write("model.h5", b"\x89HDF\r\n\x1a\n");
    for (framework, file, options, needle) in [
        ("pyro", "foreign.pkl", &[][..], "'my_project.models.Net'"),
        ("pyro", "cut.pt", &[], "cut.pt is no posterior of pyro"),
        ("pyro", "legacy.pt", &[], "before version 1.6"),
        ("tfp", "model.h5", &[], "numpy.savez"),
        ("pyro", "missing.pt", &[], "cannot read missing.pt"),
        ("keras", "pyro_normal.pt", &[], "there are pyro, numpyro,"),
        ("laplace", "laplace_kron.pt", &[], "1.55"),
        (
            "blitz",
            "pyro_normal.pt",
            &["--marginals"],
            "--marginals has no meaning for files of blitz",
        ),
        ("ivon", "pyro_normal.pt", &[], "'param_groups'"),
    ] {
        let from = ["net.mlir", "--posterior-from", framework, file];
        let error = import(&dir, &[&from[..], options].concat()).error();
        assert!(error.contains(needle), "{framework} {file}: {error}");
    }
    let error = import(&dir, &["net.mlir"]).error();
    assert!(error.contains("--posterior-from FRAMEWORK FILE"), "{error}");
    for wrong in [
        &["--posterior-from", "pyro", "pyro_normal.pt"][..],
        &["net.mlir", "--posterior-from", "pyro"],
        &["net.mlir", "--posterior", "x", "--map", "(=y"],
        &["net.mlir", "--posterior", "x", "--representation", "sigma"],
    ] {
        assert_eq!(import(&dir, wrong).code, Some(2), "{wrong:?}");
    }
}
