//! A directory with a small network in it, and the programs run there.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::Value;
use tempfile::TempDir;

/// One dense layer and a ReLU, with a dynamic batch.
pub const TINY: &str = r#"func.func @tiny(%x: tensor<?x4xf32>) -> !gauss.tensor<?x3xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<3x4xf32>
  %b = gauss.parameter "fc.bias" : !gauss.tensor<3xf32>
  %y = gauss.dense %x, %w, %b : (tensor<?x4xf32>, !gauss.tensor<3x4xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<?x3xf32>
  %z = gauss.relu %y : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32>
  return %z : !gauss.tensor<?x3xf32>
}
"#;

/// Several layers, so that there is something in the arena.
pub const NET: &str = r#"func.func @net(%x: tensor<?x1x6x6xf32>) -> !gauss.tensor<?x3xf32> {
  %k = gauss.parameter "conv.weight" : !gauss.tensor<2x1x3x3xf32>
  %w = gauss.parameter "fc.weight" : !gauss.tensor<3x8xf32>
  %c = gauss.conv2d %x, %k : (tensor<?x1x6x6xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<?x2x4x4xf32>
  %r = gauss.relu %c : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x4x4xf32>
  %p = gauss.max_pool2d %r kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  %f = gauss.flatten %p : (!gauss.tensor<?x2x2x2xf32>) -> !gauss.tensor<?x8xf32>
  %y = gauss.dense %f, %w : (!gauss.tensor<?x8xf32>, !gauss.tensor<3x8xf32>) -> !gauss.tensor<?x3xf32>
  return %y : !gauss.tensor<?x3xf32>
}
"#;

/// Two inputs and two outputs, each one plain and one Gaussian; no parameters.
pub const FUSION: &str = r#"func.func @fusion(%a: tensor<1x4xf32>, %b: !gauss.tensor<1x4xf32>) -> (!gauss.tensor<1x4xf32>, tensor<1x4xf32>) {
  %sum = gauss.add %a, %b : (tensor<1x4xf32>, !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %relu = gauss.relu %a : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %sum, %relu : !gauss.tensor<1x4xf32>, tensor<1x4xf32>
}
"#;

/// Shape and elements.
pub type Tensor = (Vec<usize>, Vec<f32>);

/// The parameters of [`TINY`].
pub fn tiny_parameters() -> BTreeMap<String, Tensor> {
    let ramp = |n: usize, from: f32, step: f32| (0..n).map(|i| from + step * i as f32).collect();
    BTreeMap::from([
        ("fc.weight.mean".into(), (vec![3, 4], ramp(12, -0.5, 0.125))),
        ("fc.weight.var".into(), (vec![3, 4], ramp(12, 0.25, 0.0625))),
        ("fc.bias.mean".into(), (vec![3], ramp(3, -0.5, 0.5))),
        ("fc.bias.var".into(), (vec![3], ramp(3, 0.0, 0.25))),
    ])
}

/// What [`TINY`] gives for one item by the formulas of the dense layer, before the ReLU.
pub fn tiny_dense(x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let parameters = tiny_parameters();
    let rows = |name: &str| parameters[name].1.clone();
    let (w, s) = (rows("fc.weight.mean"), rows("fc.weight.var"));
    let (b, v) = (rows("fc.bias.mean"), rows("fc.bias.var"));
    let sum = |rows: &[f32], o: usize, f: fn(f32) -> f32| {
        (0..4).map(|k| f(x[k]) * rows[4 * o + k]).sum::<f32>()
    };
    (0..3).map(|o| (sum(&w, o, |x| x) + b[o], sum(&s, o, |x| x * x) + v[o])).unzip()
}

/// The parameters of [`NET`].
pub fn net_parameters() -> BTreeMap<String, Tensor> {
    let tensor = |name: &str, shape: &[usize], from: f32, step: f32| {
        let values = (0..shape.iter().product()).map(|i: usize| from + step * (i % 7) as f32);
        (name.to_owned(), (shape.to_vec(), values.collect()))
    };
    BTreeMap::from([
        tensor("conv.weight.mean", &[2, 1, 3, 3], -0.5, 0.1875),
        tensor("conv.weight.var", &[2, 1, 3, 3], 0.0, 0.0625),
        tensor("fc.weight.mean", &[3, 8], 0.5, -0.125),
        tensor("fc.weight.var", &[3, 8], 0.125, 0.0625),
    ])
}

/// A safetensors file.
pub fn safetensors(tensors: &BTreeMap<String, Tensor>) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .values()
        .map(|(_, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, (shape, _)), bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// An npy file of floats.
pub fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let data = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    npy_of("'<f4'", false, shape, &data)
}

/// An npy file of any dtype; the data as it lies in the file.
pub fn npy_of(dtype: &str, fortran: bool, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': {dtype}, 'fortran_order': {order}, 'shape': ({sizes}), }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

/// A file packed by gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An image of 8 bits for each sample; the folders that it lies in are made.
pub fn write_png(path: &Path, width: u32, height: u32, color: png::ColorType, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), width, height);
    encoder.set_color(color);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
}

/// A directory that is removed at the end of the test.
pub struct Dir(TempDir);

impl Dir {
    /// An empty directory.
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with `tiny.mlir` and `tiny.safetensors`.
    pub fn tiny() -> Self {
        let dir = Self::empty();
        dir.write("tiny.mlir", TINY);
        dir.write("tiny.safetensors", safetensors(&tiny_parameters()));
        dir
    }

    /// A directory with `net.mlir` and `net.safetensors`, of a network of several layers.
    pub fn net() -> Self {
        let dir = Self::empty();
        dir.write("net.mlir", NET);
        dir.write("net.safetensors", safetensors(&net_parameters()));
        dir
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(file), contents).unwrap();
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub fn text(&self, file: &str) -> String {
        String::from_utf8(self.read(file)).unwrap()
    }

    pub fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&self.read(file)).unwrap()
    }

    /// The names of the files in a directory below this one.
    pub fn list(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `pfp` here, its arguments separated by spaces.
    pub fn pfp(&self, arguments: &str) -> Ran {
        self.run(pfp().args(arguments.split_whitespace()))
    }

    /// Runs a program here.
    pub fn run(&self, command: &mut Command) -> Ran {
        Ran::of(command.current_dir(self.0.path()))
    }
}

/// The compiler's command line.
pub fn pfp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pfp"));
    // The same text on every machine.
    command.env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8").env_remove("RUST_BACKTRACE");
    command
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// The output of a run that succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// The JSON of a run that succeeded.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// The error of a run that failed on its input, as one line.
    #[track_caller]
    pub fn error(self) -> String {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        assert!(!self.stderr.contains("internal error"), "{self:#?}");
        let frame = |c: char| c.is_whitespace() || "×│╭─╰·▶".contains(c);
        self.stderr.split(frame).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Is a program there? Says so loudly where it is not.
pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        crate::absent::skipped(&format!("{program} is not installed (./x test installs it)"));
    }
    found
}

/// What a C program prints that is built from `flags` and run, under an emulator if there is
/// one. `THREADS` is defined where it may start some: the user-mode qemu of Debian 12 hangs in
/// pthread_create.
pub fn run_c(dir: &Dir, compiler: &str, emulator: &[&str], flags: &[&str]) -> String {
    let threads: &[&str] = if emulator.is_empty() { &["-DTHREADS", "-pthread"] } else { &[] };
    dir.run(Command::new(compiler).args(threads).args(["-o", "caller"]).args(flags)).ok();
    match emulator {
        [] => dir.run(&mut Command::new(dir.path("caller"))),
        [program, arguments @ ..] => dir.run(Command::new(program).args(arguments).arg("caller")),
    }
    .ok()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
