//! What a reader of the tutorial builds and runs.

use std::{collections::BTreeSet, fs, process::Command};

use safetensors::{Dtype, tensor::TensorView};

use super::{
    code::shell,
    page::{Page, root},
};

/// A part of the tutorial under a heading of any level, up to the next one.
fn tutorial(heading: &str) -> Page {
    let tutorial = Page::read(root().join("docs/tutorial.md"));
    let (_, text) = tutorial
        .text
        .split_once(&format!("# {heading}\n"))
        .unwrap_or_else(|| panic!("the tutorial has no part '{heading}'"));
    let heading = |line: &&str| !["## ", "### "].iter().any(|mark| line.starts_with(mark));
    let text = text.lines().take_while(heading).map(|line| format!("{line}\n")).collect();
    Page { path: tutorial.path, text }
}

/// Parameters of the network of the tutorial.
fn classifier_parameters() -> Vec<u8> {
    let tensor = |name: &str, shape: &[usize], value: f32| {
        let count = shape.iter().product();
        let bytes: Vec<u8> = vec![value.to_le_bytes(); count].concat();
        (name.to_owned(), shape.to_vec(), bytes)
    };
    let tensors = [
        tensor("fc1.weight.mean", &[16, 4], 0.25),
        tensor("fc1.weight.var", &[16, 4], 0.01),
        tensor("fc1.bias.mean", &[16], 0.0),
        tensor("fc1.bias.var", &[16], 0.01),
        tensor("fc2.weight.mean", &[3, 16], 0.25),
        tensor("fc2.weight.var", &[3, 16], 0.01),
        tensor("fc2.bias", &[3], 0.0),
    ];
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("a parameter file")
}

/// The application is outside of the repository, beside a copy of the runtime alone.
#[test]
fn the_rust_application_of_the_tutorial_runs_anywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let runtime = root().join("runtime");
    shell(&format!("cp -r {} pfp-runtime", runtime.display()), folder.path());
    fs::create_dir_all(path("app/src")).expect("a folder");
    let (network, part) = (tutorial("The network"), tutorial("A Rust application"));
    let network = network.blocks().remove(0).text;
    let blocks = part.blocks();
    let of = |language: &str| -> Vec<&str> {
        let blocks = blocks.iter().filter(|block| block.language == language);
        blocks.map(|block| block.text.as_str()).collect()
    };
    let [manifest] = of("toml")[..] else { panic!("one Cargo.toml") };
    let [build, main] = of("rust")[..] else { panic!("build.rs and main.rs") };
    let manifest = manifest.replace("/path/to/pfp/runtime", "../pfp-runtime");
    for (name, text) in [
        ("app/Cargo.toml", manifest.as_str()),
        ("app/build.rs", build),
        ("app/src/main.rs", main),
        ("app/classifier.mlir", &network),
    ] {
        fs::write(path(name), text).expect("a file");
    }
    fs::write(path("app/classifier.safetensors"), classifier_parameters()).expect("a file");
    let cargo =
        "unset RUSTC_WORKSPACE_WRAPPER RUSTFLAGS; cargo run -q --offline --target-dir ../out";
    let printed = shell(cargo, &path("app"));
    assert!(printed.contains("Uncertainty { total: 1.0"), "{printed}");
}

#[test]
fn the_runtime_has_the_release_of_the_workspace() {
    let manifest = |name: &str| fs::read_to_string(root().join(name)).expect("a manifest");
    let (workspace, runtime) = (manifest("Cargo.toml"), manifest("runtime/Cargo.toml"));
    let of = |text: &str, section: &str| -> BTreeSet<String> {
        let (_, rest) = text.split_once(section).unwrap_or_else(|| panic!("no {section}"));
        let keys = ["version", "edition", "rust-version", "license"];
        let lines = rest.lines().skip(1).take_while(|line| !line.starts_with('['));
        let of_key = |line: &&str| keys.contains(&line.split(' ').next().unwrap_or_default());
        lines.filter(of_key).map(str::to_owned).collect()
    };
    assert_eq!(of(&workspace, "[workspace.package]"), of(&runtime, "[package]"));
    for lint in ["unsafe_op_in_unsafe_fn = \"deny\"", "undocumented_unsafe_blocks = \"deny\""] {
        assert!(workspace.contains(lint) && runtime.contains(lint), "{lint}");
    }
}

/// What the scripts import, as far as they come before they give up or save.
const STUBS: [(&str, &str); 8] = [
    ("torch/__init__.py", "import json\ndef load(path, **_): return json.load(open(path))\n"),
    ("torch/nn/__init__.py", ""),
    ("torch/nn/functional.py", "softplus = None\n"),
    ("safetensors/__init__.py", ""),
    ("safetensors/torch.py", "def save_file(tensors, path): open(path, 'w').write('saved')\n"),
    ("safetensors/numpy.py", "from .torch import save_file\n"),
    ("numpy.py", ""),
    (
        "pyro.py",
        "import json\nclass Store(dict):\n    def load(self, path, **_): \
         self.update(json.load(open(path)))\ndef get_param_store(): return Store()\n",
    ),
];

/// Where no parameter has the names that a script looks for, it says so and writes nothing.
#[test]
fn exports_that_find_nothing_fail() {
    if Command::new("python3").arg("--version").output().is_err() {
        crate::absent::skipped("python3 is not installed (apt-get install python3)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in STUBS {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path())).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    fs::write(folder.path().join("net.pt"), r#"{"layer.weight": 1}"#).expect("a file");
    for part in ["PyTorch", "Pyro", "NumPyro"] {
        let part = tutorial(part);
        let blocks = part.blocks();
        let script = blocks.iter().find(|block| block.language == "python").expect("a script");
        let given = "class svi_result: params = {'layer.weight': 1}\n";
        fs::write(folder.path().join("export.py"), format!("{given}{}", script.text))
            .expect("a file");
        let output = Command::new("python3").arg("export.py").current_dir(folder.path()).output();
        let output = output.expect("python3");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{}", script.text);
        let last = errors.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("no parameter is called ") && last.contains("layer.weight"),
            "{errors}"
        );
        assert!(!folder.path().join("net.safetensors").exists(), "{}", script.text);
    }
}
