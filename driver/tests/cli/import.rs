//! `pfp import`.

use std::{collections::BTreeMap, fs};

use pfp_compiler::parameters::Safetensors;
use serde_json::Value;

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

/// A chain of transposed convolutions of kernel 3×2, by inputs, outputs and stride; channels before rows.
fn chain(layers: &[(&str, [usize; 3])], ty: &str) -> String {
    let mut text = String::new();
    let mut sizes = [2, 2, 2, 3];
    let shape =
        |sizes: &[usize]| sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    let mut last = ("%x".to_owned(), format!("tensor<{}xf32>", shape(&sizes)));
    for (name, [inputs, outputs, stride]) in layers {
        let weight = format!("{ty}<{inputs}x{outputs}x3x2xf32>");
        let bias = format!("{ty}<{outputs}xf32>");
        sizes = [2, *outputs, (sizes[2] - 1) * stride + 3, (sizes[3] - 1) * stride + 2];
        let result = format!("{ty}<{}xf32>", shape(&sizes));
        text += &format!(
            "  %{name}w = gauss.parameter \"{name}.weight\" : {weight}\n  \
               %{name}b = gauss.parameter \"{name}.bias\" : {bias}\n  \
               %{name} = gauss.conv_transpose2d {}, %{name}w, %{name}b strides [{stride}, {stride}] : \
               ({}, {weight}, {bias}) -> {result}\n",
            last.0, last.1
        );
        last = (format!("%{name}"), result);
    }
    format!(
        "func.func @net(%x: tensor<2x2x2x3xf32>) -> {1} {{\n{text}  return {0} : {1}\n}}\n",
        last.0, last.1
    )
}

/// Mean and variance that a framework's own layers gave for the input in `{stem}.npy`; float32 in another order
/// of sums.
#[track_caller]
fn agrees(dir: &Dir, stem: &str) {
    let wanted = dir.json(&format!("{stem}.json"));
    let run = format!("run model.mlir --params model.safetensors --json -q --input {stem}.npy");
    let got = dir.pfp(&run).json();
    for output in got["outputs"].as_array().unwrap() {
        let list = |value: &Value| serde_json::from_value::<Vec<f64>>(value.clone()).unwrap();
        let (got, wanted) =
            (list(&output["values"]), list(&wanted[output["name"].as_str().unwrap()]));
        assert_eq!(got.len(), wanted.len());
        let size = wanted.iter().fold(0.0f64, |size, value| size.max(value.abs()));
        for (got, wanted) in got.iter().zip(&wanted) {
            assert!((got - wanted).abs() <= 1e-5 * size, "{stem}: {got}, not {wanted}");
        }
    }
}

/// flax has the kernel of a transposed convolution backwards, or with `transpose_kernel` outputs before inputs:
/// sizes tell which, and where they do not, the user.
#[test]
fn kernels_of_transposed_convolutions_of_flax_are_turned() {
    let stem = "numpyro_conv_transpose";
    let files = ["pkl", "npy", "json"].map(|suffix| format!("{stem}.{suffix}"));
    let dir = with(&files.each_ref().map(String::as_str));
    let layers = [("up1", [2, 3, 2]), ("up2", [3, 3, 1]), ("up3", [3, 3, 1]), ("up4", [3, 2, 1])];
    dir.write("net.mlir", chain(&layers, "!gauss.tensor"));
    let from = ["net.mlir", "--posterior-from", "numpyro", &files[0]];
    let told = ["--map", r"net/up3\.weight=up3.weight:keras"];
    let ran = import(&dir, &[&from[..], &told].concat());
    assert!(
        ran.stderr.contains("--map 'net/up2\\.weight=up2.weight:keras' if it has that"),
        "{ran:#?}"
    );
    assert!(!ran.stderr.contains("'net/up3.weight' has as many"), "{ran:#?}");
    assert!(ran.ok().contains("net/up2.weight, mirrored"));
    agrees(&dir, stem);
    let wrong = ["--map", r"net/up1\.weight=up1.weight:transpose"];
    let error = import(&dir, &[&from[..], &wrong].concat()).error();
    assert!(error.contains("leave out ':transpose'"), "{error}");
    let bias = ["--map", r"net/up1\.bias=up1.bias:flax"];
    let error = import(&dir, &[&from[..], &bias].concat()).error();
    assert!(error.contains("'up1.bias' is no kernel of a transposed convolution"), "{error}");
}

/// Keras has outputs before inputs, as many as they may be.
#[test]
fn kernels_of_transposed_convolutions_of_keras_are_turned() {
    let stem = "tfp_conv_transpose";
    let files = ["npz", "npy", "json"].map(|suffix| format!("{stem}.{suffix}"));
    let dir = with(&files.each_ref().map(String::as_str));
    let up = chain(&[("up", [2, 2, 2])], "tensor");
    let out = r#"  %w = gauss.parameter "out.weight" : !gauss.tensor<1x2x2x2xf32>
  %b = gauss.parameter "out.bias" : tensor<1xf32>
  %y = gauss.conv2d %up, %w, %b : (tensor<2x2x5x6xf32>, !gauss.tensor<1x2x2x2xf32>, tensor<1xf32>) -> !gauss.tensor<2x1x4x5xf32>
  return %y : !gauss.tensor<2x1x4x5xf32>"#;
    let net = up.replace("  return %up : tensor<2x2x5x6xf32>", out);
    dir.write(
        "net.mlir",
        net.replace("-> tensor<2x2x5x6xf32> {", "-> !gauss.tensor<2x1x4x5xf32> {"),
    );
    import(&dir, &["net.mlir", "--posterior-from", "tfp", &files[0]]).ok();
    agrees(&dir, stem);
}

/// The right factor of a product is in x out, the weight of a dense layer out x in: the op tells, also of a
/// square kernel.
#[test]
fn a_square_kernel_lies_as_its_op_wants() {
    let dir = Dir::empty();
    let product = |op: &str| {
        format!(
            r#"func.func @net(%x: tensor<1x2xf32>) -> !gauss.tensor<1x2xf32> {{
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x2xf32>
  %y = gauss.{op} : (tensor<1x2xf32>, !gauss.tensor<2x2xf32>) -> !gauss.tensor<1x2xf32>
  return %y : !gauss.tensor<1x2xf32>
}}
"#
        )
    };
    let kernel = |name: &str, values: [f32; 4]| (name.to_owned(), (vec![2, 2], values.to_vec()));
    let of_keras = [
        ("fc/kernel_posterior_loc", [1.0, 2.0, 3.0, 4.0]),
        ("fc/kernel_posterior_untransformed_scale", [0.0; 4]),
    ];
    let tensors = of_keras.map(|(name, values)| kernel(name, values));
    dir.write("keras.safetensors", safetensors(&BTreeMap::from(tensors)));
    for (op, wanted) in [
        ("dense %x, %w", [1.0, 3.0, 2.0, 4.0]),
        ("matmul %x, %w transpose_rhs true", [1.0, 3.0, 2.0, 4.0]),
        ("matmul %x, %w", [1.0, 2.0, 3.0, 4.0]),
    ] {
        dir.write("net.mlir", product(op));
        let from = ["net.mlir", "--posterior-from", "tfp", "keras.safetensors"];
        import(&dir, &from).ok();
        let written = Safetensors::open(&dir.path("model.safetensors")).unwrap();
        assert_eq!(written.f32("fc.weight.mean").unwrap().unwrap().values, wanted, "{op}");
    }
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
