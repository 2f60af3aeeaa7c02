//! Schedules that `pfp inspect --schedule` prints, given back to `pfp compile` and `pfp bench`.

use std::{collections::BTreeMap, fs};

use crate::fixture::{Dir, NET, Tensor, repository, safetensors};

/// Target, CPU, batch and tasks.
type Configuration = (&'static str, &'static str, u32, u32);

const X86: Configuration = ("x86_64-linux-gnu", "x86-64", 1, 1);
const X86_V3: Configuration = ("x86_64-linux-gnu", "x86-64-v3", 3, 1);
const TASKS: Configuration = ("x86_64-linux-gnu", "x86-64-v4", 1, 4);
const A53: Configuration = ("aarch64-linux-gnu", "cortex-a53", 3, 1);
const A72: Configuration = ("aarch64-linux-gnu", "cortex-a72", 1, 1);
const A72_TASKS: Configuration = ("aarch64-linux-gnu", "cortex-a72", 3, 3);

/// A network under construction: one value of so many channels of square images.
struct Chain {
    name: &'static str,
    input: String,
    lines: Vec<String>,
    channels: usize,
    size: usize,
    is_gaussian: bool,
}

impl Chain {
    fn new(name: &'static str, channels: usize, size: usize) -> Self {
        let input = format!("tensor<?x{channels}x{size}x{size}xf32>");
        Self { name, input, lines: vec![], channels, size, is_gaussian: false }
    }

    fn ty(&self) -> String {
        let gauss = if self.is_gaussian { "!gauss." } else { "" };
        format!("{gauss}tensor<?x{0}x{1}x{1}xf32>", self.channels, self.size)
    }

    /// The newest value.
    fn value(&self) -> String {
        match self.lines.len() {
            0 => "%x".into(),
            count => format!("%{}", count - 1),
        }
    }

    fn line(&mut self, line: &str) {
        self.lines.push(format!("%{} = {line}", self.lines.len()));
    }

    /// A convolution and, if wanted, a ReLU.
    fn conv(mut self, channels: usize, kernel: usize, padding: usize, relu: bool) -> Self {
        let (x, from, number) = (self.value(), self.ty(), self.lines.len());
        let weight = format!("!gauss.tensor<{channels}x{}x{kernel}x{kernel}xf32>", self.channels);
        self.line(&format!("gauss.parameter \"conv{number}\" : {weight}"));
        let w = self.value();
        (self.channels, self.size) = (channels, self.size + 2 * padding + 1 - kernel);
        self.is_gaussian = true;
        let (to, pad) =
            (self.ty(), format!("padding [{padding}, {padding}, {padding}, {padding}]"));
        self.line(&format!("gauss.conv2d {x}, {w} {pad} : ({from}, {weight}) -> {to}"));
        if relu { self.unary("relu", "", 0) } else { self }
    }

    fn pool(self, op: &str, kernel: usize, stride: usize) -> Self {
        let size = (self.size - kernel) / stride + 1;
        let attributes = format!(" kernel [{kernel}, {kernel}] strides [{stride}, {stride}]");
        self.unary(op, &attributes, size)
    }

    /// An op with one operand; a size of 0 is the same size.
    fn unary(mut self, op: &str, attributes: &str, size: usize) -> Self {
        let (x, from) = (self.value(), self.ty());
        self.size = if size > 0 { size } else { self.size };
        let to = self.ty();
        self.line(&format!("gauss.{op} {x}{attributes} : ({from}) -> {to}"));
        self
    }

    /// Two convolutions, what went into them added, and a ReLU.
    fn residual(self) -> Self {
        let (skip, channels) = (self.value(), self.channels);
        let mut chain = self.conv(channels, 3, 1, true).conv(channels, 3, 1, false);
        let (x, ty) = (chain.value(), chain.ty());
        chain.line(&format!("gauss.add {x}, {skip} : ({ty}, {ty}) -> {ty}"));
        chain.unary("relu", "", 0)
    }

    /// The text, with a dense layer at the end.
    fn finish(mut self) -> (&'static str, String) {
        let (x, from) = (self.value(), self.ty());
        let length = self.channels * self.size * self.size;
        let flat = format!("!gauss.tensor<?x{length}xf32>");
        self.line(&format!("gauss.flatten {x} : ({from}) -> {flat}"));
        let x = self.value();
        let weight = format!("!gauss.tensor<5x{length}xf32>");
        self.line(&format!("gauss.parameter \"dense\" : {weight}"));
        let w = self.value();
        let to = "!gauss.tensor<?x5xf32>";
        self.line(&format!("gauss.dense {x}, {w} : ({flat}, {weight}) -> {to}"));
        let Self { name, input, lines, .. } = &self;
        let (lines, y) = (lines.join("\n  "), self.value());
        let text = format!(
            "func.func @{name}(%x: {input}) -> {to} {{\n  {lines}\n  return {y} : {to}\n}}\n"
        );
        (name, text)
    }
}

/// Some numbers for every parameter of a module.
fn parameters(module: &str) -> BTreeMap<String, Tensor> {
    let mut found = BTreeMap::new();
    for line in module.lines().filter(|line| line.contains("gauss.parameter")) {
        let name = line.split('"').nth(1).unwrap();
        let (sizes, _) = line.split_once("tensor<").unwrap().1.split_once("xf32").unwrap();
        let shape: Vec<usize> = sizes.split('x').map(|size| size.parse().unwrap()).collect();
        for (part, from, step) in [("mean", -0.5, 0.25), ("var", 0.01, 0.015)] {
            let count: usize = shape.iter().product();
            let values = (0..count).map(|i| from + step * (i % 5) as f32).collect();
            found.insert(format!("{name}.{part}"), (shape.clone(), values));
        }
    }
    found
}

/// Compiles with what `inspect` prints and without, and compares the objects. Returns the largest
/// number of strips that a kernel has.
fn round_trip(dir: &Dir, name: &str, options: &str, file: &str) -> u64 {
    let schedule = dir.pfp(&format!("inspect {file}.mlir --schedule {options}")).ok();
    dir.write("schedule.json", &schedule);
    let compile = format!("compile {file}.mlir --params {file}.safetensors --emit obj {options}");
    dir.pfp(&format!("{compile} -o alone")).ok();
    dir.pfp(&format!("{compile} -o given --schedule schedule.json")).ok();
    let objects = ["alone", "given"].map(|folder| dir.read(&format!("{folder}/{name}.o")));
    assert!(objects[0] == objects[1], "{name} {options}: the objects differ");
    let kernels = &dir.json("schedule.json")["kernels"];
    let strips =
        kernels.as_array().unwrap().iter().map(|kernel| kernel["strips"].as_u64().unwrap());
    strips.max().unwrap()
}

/// Several configurations of a network, of which some have strips.
fn round_trips((name, text): (&str, String), configurations: &[Configuration]) {
    let dir = Dir::empty();
    dir.write("net.mlir", &text);
    dir.write("net.safetensors", safetensors(&parameters(&text)));
    let strips = configurations.iter().map(|(target, cpu, batch, threads)| {
        let options = format!("--target {target} --cpu {cpu} --batch {batch} --threads {threads}");
        round_trip(&dir, name, &options, "net")
    });
    assert!(strips.max() > Some(1), "{name} has no strips");
}

#[test]
fn of_lenet() {
    let text = fs::read_to_string(repository().join("test/models/lenet.mlir")).unwrap();
    round_trips(("lenet", text), &[X86_V3, TASKS, A53, A72]);
}

#[test]
fn of_a_network_of_dense_layers() {
    let text = fs::read_to_string(repository().join("test/models/mlp.mlir")).unwrap();
    let dir = Dir::empty();
    dir.write("net.mlir", &text);
    dir.write("net.safetensors", safetensors(&parameters(&text)));
    round_trip(&dir, "mlp", "--batch 10 --threads 2", "net");
}

/// Pairs of convolutions before a pool, whose kernels are named alike.
#[test]
fn of_convolutions_in_pairs() {
    let pair = |chain: Chain, channels: usize| {
        chain.conv(channels, 3, 1, true).conv(channels, 3, 1, true).pool("max_pool2d", 2, 2)
    };
    let chain = pair(pair(Chain::new("pairs", 3, 16), 8), 16);
    round_trips(chain.finish(), &[X86, TASKS, A53, A72_TASKS]);
}

#[test]
fn of_residual_sums() {
    let chain = Chain::new("residual", 3, 16).conv(8, 3, 1, true).residual().residual();
    let chain = chain.pool("max_pool2d", 2, 2).conv(8, 3, 1, true).residual();
    let chain = chain.pool("avg_pool2d", 2, 2);
    round_trips(chain.finish(), &[X86_V3, A53, A72_TASKS]);
}

#[test]
fn of_pools_that_overlap() {
    let chain = Chain::new("overlaps", 3, 33).conv(16, 3, 0, true).pool("max_pool2d", 3, 2);
    let chain = chain.conv(16, 5, 2, true).pool("avg_pool2d", 3, 2).conv(8, 3, 1, true);
    round_trips(chain.finish(), &[TASKS, A53, A72]);
}

#[test]
fn with_a_mode_or_a_head() {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", safetensors(&parameters(NET)));
    for options in ["--mode mean", "--mode sample:4", "--mode presampled:4", "--head mean-field"] {
        round_trip(&dir, "net", &format!("{options} --batch 2"), "net");
    }
}

#[test]
fn what_is_no_schedule_is_named() {
    let dir = Dir::tiny();
    dir.write("text.json", "no schedule");
    let with = |file: &str| {
        dir.pfp(&format!("compile tiny.mlir --params tiny.safetensors --schedule {file}")).error()
    };
    let error = with("missing.json");
    assert!(error.contains("missing.json is not read as a schedule file: No such file"), "{error}");
    let error = with("text.json");
    assert!(error.contains("text.json is not read as a schedule file: expected"), "{error}");
    assert!(!error.contains("builtin.module"), "{error}");
}

#[test]
fn bench_takes_them() {
    let dir = Dir::empty();
    let chain = Chain::new("pairs", 3, 16).conv(8, 3, 1, true).conv(8, 3, 1, true);
    let (_, text) = chain.pool("max_pool2d", 2, 2).finish();
    dir.write("net.mlir", &text);
    dir.write("net.safetensors", safetensors(&parameters(&text)));
    dir.write("schedule.json", dir.pfp("inspect net.mlir --schedule --batch 2").ok());
    let bench = "bench net.mlir --params net.safetensors --batch 2 --seconds 0.01 --rounds 1";
    dir.pfp(&format!("{bench} --schedule schedule.json")).ok();
}
