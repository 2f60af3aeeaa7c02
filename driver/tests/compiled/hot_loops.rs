//! What the machine code of the reductions looks like: the loops that multiply and add
//! keep everything in registers, the code of a network is small and soon made.

use std::{collections::HashMap, fs};

use gauss_lowering::target::Target;
use inkwell::context::Context;
use pfp::{compile::codegen::Machine, diagnostics::Source, error::Error, module::Session};

use crate::{
    case::{self, Posterior},
    common,
};

const TARGETS: [(&str, &str); 5] = [
    ("x86_64-linux-gnu", "x86-64-v3"),
    ("x86_64-linux-gnu", "x86-64-v4"),
    ("aarch64-linux-gnu", "cortex-a53"),
    ("aarch64-linux-gnu", "cortex-a72"),
    ("aarch64-linux-gnu", "cortex-a76"),
];

/// A layer with Gaussian weight and bias, and a ReLU after it.
struct Layer {
    op: &'static str,
    /// The shape of the input.
    input: &'static [usize],
    /// The shape of the weight.
    weight: &'static [usize],
    /// The shape of the result.
    result: &'static [usize],
    attributes: &'static str,
}

const fn layer(
    op: &'static str,
    input: &'static [usize],
    weight: &'static [usize],
    attributes: &'static str,
    result: &'static [usize],
) -> Layer {
    Layer { op, input, weight, attributes, result }
}

const LAYERS: [Layer; 20] = [
    layer("dense", &[1, 784], &[100, 784], "", &[1, 100]),
    layer("dense", &[10, 784], &[100, 784], "", &[10, 100]),
    layer("dense", &[100, 784], &[100, 784], "", &[100, 100]),
    layer("dense", &[1, 400], &[120, 400], "", &[1, 120]),
    layer("dense", &[10, 84], &[10, 84], "", &[10, 10]),
    layer("dense", &[100, 120], &[84, 120], "", &[100, 84]),
    layer("conv2d", &[1, 16, 16, 16], &[32, 16, 3, 3], "", &[1, 32, 14, 14]),
    layer("conv2d", &[1, 16, 14, 14], &[32, 16, 3, 3], "padding [1, 1, 1, 1]", &[1, 32, 14, 14]),
    layer("conv2d", &[10, 16, 14, 14], &[32, 16, 3, 3], "padding [1, 1, 1, 1]", &[10, 32, 14, 14]),
    layer("conv2d", &[1, 1, 28, 28], &[6, 1, 5, 5], "padding [2, 2, 2, 2]", &[1, 6, 28, 28]),
    layer("conv2d", &[1, 6, 14, 14], &[16, 6, 5, 5], "", &[1, 16, 10, 10]),
    layer("conv2d", &[10, 6, 14, 14], &[16, 6, 5, 5], "", &[10, 16, 10, 10]),
    layer("conv2d", &[1, 16, 29, 29], &[32, 16, 3, 3], "strides [2, 2]", &[1, 32, 14, 14]),
    layer("conv2d", &[1, 16, 16, 16], &[32, 4, 3, 3], "groups 4", &[1, 32, 14, 14]),
    layer("conv2d", &[1, 16, 16, 16], &[16, 1, 3, 3], "groups 16", &[1, 16, 14, 14]),
    layer("conv2d", &[1, 64, 14, 14], &[64, 64, 1, 1], "", &[1, 64, 14, 14]),
    layer("conv2d", &[10, 64, 7, 7], &[128, 64, 1, 1], "", &[10, 128, 7, 7]),
    layer("conv2d", &[1, 16, 18, 18], &[32, 16, 3, 3], "dilation [2, 2]", &[1, 32, 14, 14]),
    layer("conv2d", &[1, 64, 10, 10], &[128, 64, 3, 3], "", &[1, 128, 8, 8]),
    layer("conv2d", &[1, 128, 6, 6], &[128, 128, 5, 5], "padding [2, 2, 2, 2]", &[1, 128, 6, 6]),
];

impl Layer {
    /// The module, for an exact or a Gaussian input, and its parameters.
    fn module(&self, gaussian: bool) -> (String, Posterior) {
        let ty = |shape: &[usize], gaussian| common::random(shape, gaussian, 0).ty().to_string();
        let (x, w) = (ty(self.input, gaussian), ty(self.weight, true));
        let (b, y) = (ty(&self.weight[..1], true), ty(self.result, true));
        let (op, attributes) = (self.op, self.attributes);
        let module = format!(
            "func.func @f(%x: {x}) -> {y} {{
  %w = gauss.parameter \"w\" : {w}
  %b = gauss.parameter \"b\" : {b}
  %0 = gauss.{op} %x, %w, %b {attributes} : ({x}, {w}, {b}) -> {y}
  %1 = gauss.relu %0 : ({y}) -> {y}
  return %1 : {y}
}}
"
        );
        (module, parameters(&[("w", self.weight), ("b", &self.weight[..1])]))
    }
}

/// Gaussian parameters.
fn parameters(shapes: &[(&str, &[usize])]) -> Posterior {
    let mut posterior = Posterior::default();
    for (seed, (name, shape)) in shapes.iter().enumerate() {
        posterior.insert(name, &common::random(shape, true, seed as u64));
    }
    posterior
}

/// The assembly of the only function of a module.
fn assembly(module: &str, posterior: &Posterior, target: &Target) -> String {
    let session = Session::new();
    let source = Source::new("test.mlir", module);
    let compile = || -> Result<String, Error> {
        let mut module = session.parse(&source)?;
        module.load_parameters(posterior)?;
        module.run(&format!("gauss-to-llvm{{core={}}}", target.name))?;
        let context = Context::create();
        let machine = Machine::new(target)?;
        let translated = machine.translate(&module, "test", &context)?;
        machine.optimise(&translated)?;
        Ok(String::from_utf8_lossy(&machine.assembly(&translated)?).into_owned())
    };
    compile().unwrap_or_else(|error| panic!("{error:?}\n{module}"))
}

/// The loops without a loop inside, each from its label to its jump back.
fn innermost_loops(assembly: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = assembly.lines().map(str::trim).collect();
    let label = |line: &str| line.split([':', ' ', '\t']).next().map(str::to_owned);
    let is_label =
        |line: &str| line.split(['#', '/']).next().is_some_and(|l| l.trim().ends_with(':'));
    let labels: HashMap<String, usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_label(line))
        .filter_map(|(number, line)| Some((label(line)?, number)))
        .collect();
    let jumps_back = |(end, line): (usize, &&str)| {
        let (mnemonic, operands) = line.split_once(['\t', ' '])?;
        let is_jump = mnemonic.starts_with(['j', 'b', 'c', 't']);
        let target = operands.split([',', ' ', '\t']).find_map(|word| labels.get(word))?;
        (is_jump && *target <= end).then_some((*target, end))
    };
    let loops: Vec<_> = lines.iter().enumerate().filter_map(jumps_back).collect();
    let is_inside = |inner: &(usize, usize), outer: &(usize, usize)| {
        inner != outer && outer.0 <= inner.0 && inner.1 <= outer.1
    };
    let innermost = loops.iter().filter(|outer| !loops.iter().any(|inner| is_inside(inner, outer)));
    innermost.map(|&(start, end)| lines[start..=end].to_vec()).collect()
}

/// Is there an instruction whose name begins so?
fn has(lines: &[&str], names: &[&str]) -> bool {
    lines.iter().any(|line| names.iter().any(|name| line.starts_with(name)))
}

/// How the names of multiply-adds begin.
const ADDS: [&str; 3] = ["vfmadd", "vfnmadd", "fml"];

/// The loops that multiply and add but do not divide, as activations do.
fn hot_loops(assembly: &str) -> Vec<Vec<&str>> {
    const ACTIVATES: [&str; 4] = ["vdiv", "vsqrt", "fdiv", "fsqrt"];
    let mut loops = innermost_loops(assembly);
    loops.retain(|lines| has(lines, &ADDS) && !has(lines, &ACTIVATES));
    loops
}

/// Does an instruction use the memory of the function's frame?
fn uses_stack(line: &str, has_frame_pointer: bool) -> bool {
    let registers: &[&str] = match has_frame_pointer {
        true => &["(%rsp", "(%rbp", "[sp", "[x29"],
        false => &["(%rsp", "[sp"],
    };
    registers.iter().any(|register| line.contains(register))
}

#[test]
fn loops_that_multiply_and_add_stay_in_registers() {
    let mut spilling = Vec::new();
    let mut count = 0;
    for (triple, cpu) in TARGETS {
        let target = Target::find(triple, cpu).unwrap();
        for layer in &LAYERS {
            for gaussian in [false, true] {
                let (module, posterior) = layer.module(gaussian);
                let assembly = assembly(&module, &posterior, &target);
                let frame_pointers = ["%rsp, %rbp", "mov\tx29, sp", "add\tx29, sp"];
                let has_frame_pointer = frame_pointers.iter().any(|set| assembly.contains(set));
                for lines in hot_loops(&assembly) {
                    count += 1;
                    let on_stack =
                        lines.iter().filter(|line| uses_stack(line, has_frame_pointer)).count();
                    if on_stack > 0 {
                        let kind = if gaussian { "Gaussian" } else { "exact" };
                        let adds = lines.iter().filter(|line| has(&[line], &ADDS)).count();
                        spilling.push(format!(
                            "{cpu}, {kind} input, {on_stack} uses of the stack for {adds} \
                             multiply-adds: {} {:?} x {:?} {}\n{}",
                            layer.op,
                            layer.input,
                            layer.weight,
                            layer.attributes,
                            lines.join("\n")
                        ));
                    }
                }
            }
        }
    }
    println!("{count} loops");
    assert!(count > TARGETS.len() * LAYERS.len(), "{count} loops were found");
    let summary: Vec<_> = spilling.iter().filter_map(|loop_| loop_.lines().next()).collect();
    assert!(
        spilling.is_empty(),
        "{}\n\n{} of {count} loops:\n{}",
        spilling.join("\n\n"),
        spilling.len(),
        summary.join("\n")
    );
}

/// LeNet-5 for one image.
const LENET: &str = r#"
func.func @lenet(%x: tensor<1x1x28x28xf32>) -> !gauss.tensor<1x10xf32> {
  %w0 = gauss.parameter "w0" : !gauss.tensor<6x1x5x5xf32>
  %b0 = gauss.parameter "b0" : !gauss.tensor<6xf32>
  %w1 = gauss.parameter "w1" : !gauss.tensor<16x6x5x5xf32>
  %b1 = gauss.parameter "b1" : !gauss.tensor<16xf32>
  %w2 = gauss.parameter "w2" : !gauss.tensor<120x400xf32>
  %b2 = gauss.parameter "b2" : !gauss.tensor<120xf32>
  %w3 = gauss.parameter "w3" : !gauss.tensor<84x120xf32>
  %b3 = gauss.parameter "b3" : !gauss.tensor<84xf32>
  %w4 = gauss.parameter "w4" : !gauss.tensor<10x84xf32>
  %b4 = gauss.parameter "b4" : !gauss.tensor<10xf32>
  %0 = gauss.conv2d %x, %w0, %b0 padding [2, 2, 2, 2] : (tensor<1x1x28x28xf32>, !gauss.tensor<6x1x5x5xf32>, !gauss.tensor<6xf32>) -> !gauss.tensor<1x6x28x28xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x6x28x28xf32>) -> !gauss.tensor<1x6x28x28xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2] : (!gauss.tensor<1x6x28x28xf32>) -> !gauss.tensor<1x6x14x14xf32>
  %3 = gauss.conv2d %2, %w1, %b1 : (!gauss.tensor<1x6x14x14xf32>, !gauss.tensor<16x6x5x5xf32>, !gauss.tensor<16xf32>) -> !gauss.tensor<1x16x10x10xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<1x16x10x10xf32>) -> !gauss.tensor<1x16x10x10xf32>
  %5 = gauss.max_pool2d %4 kernel [2, 2] strides [2, 2] : (!gauss.tensor<1x16x10x10xf32>) -> !gauss.tensor<1x16x5x5xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<1x16x5x5xf32>) -> !gauss.tensor<1x400xf32>
  %7 = gauss.dense %6, %w2, %b2 : (!gauss.tensor<1x400xf32>, !gauss.tensor<120x400xf32>, !gauss.tensor<120xf32>) -> !gauss.tensor<1x120xf32>
  %8 = gauss.relu %7 : (!gauss.tensor<1x120xf32>) -> !gauss.tensor<1x120xf32>
  %9 = gauss.dense %8, %w3, %b3 : (!gauss.tensor<1x120xf32>, !gauss.tensor<84x120xf32>, !gauss.tensor<84xf32>) -> !gauss.tensor<1x84xf32>
  %10 = gauss.relu %9 : (!gauss.tensor<1x84xf32>) -> !gauss.tensor<1x84xf32>
  %11 = gauss.dense %10, %w4, %b4 : (!gauss.tensor<1x84xf32>, !gauss.tensor<10x84xf32>, !gauss.tensor<10xf32>) -> !gauss.tensor<1x10xf32>
  return %11 : !gauss.tensor<1x10xf32>
}
"#;

/// The posterior of [`LENET`].
fn lenet() -> Posterior {
    parameters(&[
        ("w0", &[6, 1, 5, 5]),
        ("b0", &[6]),
        ("w1", &[16, 6, 5, 5]),
        ("b1", &[16]),
        ("w2", &[120, 400]),
        ("b2", &[120]),
        ("w3", &[84, 120]),
        ("b3", &[84]),
        ("w4", &[10, 84]),
        ("b4", &[10]),
    ])
}

/// The time that this thread had a core for itself: test machines are shared.
fn seconds_of_thread() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).expect("nanoseconds") * 1e-9
}

#[test]
fn the_code_of_lenet_is_small_and_soon_made() {
    const MOST_BYTES: u64 = 64 * 1024;
    // A fast core takes less than 1.5 s.
    const MOST_SECONDS: f64 = 6.0;
    let posterior = lenet();
    let mut wrong = Vec::new();
    for (triple, cpu) in TARGETS {
        let target = Target::find(triple, cpu).unwrap();
        let start = seconds_of_thread();
        let compiled = case::compile(LENET, Some(&posterior), None, &target);
        let seconds = seconds_of_thread() - start;
        let bytes = compiled.report.text_bytes;
        println!("{cpu}: {bytes} bytes of code in {seconds:.2} s");
        if triple.starts_with("aarch64") && bytes > MOST_BYTES {
            wrong.push(format!("{cpu}: {bytes} bytes of code, more than {MOST_BYTES}"));
        }
        if seconds > MOST_SECONDS {
            wrong.push(format!("{cpu}: {seconds:.1} s, more than {MOST_SECONDS}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
