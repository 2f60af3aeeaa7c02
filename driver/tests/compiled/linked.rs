//! Objects linked into a C program and run, natively or under qemu.

use std::{fmt::Write, fs, process::Command};

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use pfp_compiler::compile::Options;

use crate::case::Case;

/// How a program for a target is linked and run.
struct Toolchain {
    compiler: &'static str,
    emulator: Option<&'static str>,
}

/// The tools for a target; `None`, with a word about it, where they are missing.
fn toolchain(target: &Target) -> Option<Toolchain> {
    let toolchain = match target.triple.starts_with("aarch64") {
        true => Toolchain { compiler: "aarch64-linux-gnu-gcc", emulator: Some("qemu-aarch64") },
        false => Toolchain { compiler: "cc", emulator: None },
    };
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let complete = runs(toolchain.compiler) && toolchain.emulator.is_none_or(runs);
    if !complete {
        let Toolchain { compiler, emulator } = toolchain;
        crate::common::absent::skipped(&format!(
            "{} needs {compiler} {emulator:?} (./x test installs them)",
            target.triple
        ));
        return None;
    }
    Some(toolchain)
}

/// What every case gives on a target; `None` where it cannot be run here. All
/// cases are linked into one program. Every buffer ends where an unmapped page
/// begins, and the arena is exactly as large as declared.
pub fn run(cases: &[Case], target: &Target) -> Option<Vec<Tensor>> {
    run_with(cases, target, &Options::default())
}

/// As [`run`], with options that leave the buffers as they are for moments.
pub fn run_with(cases: &[Case], target: &Target, options: &Options) -> Option<Vec<Tensor>> {
    let toolchain = toolchain(target)?;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut program = String::from(PRELUDE);
    let mut main = String::from("int main(void) {\n");
    let mut input = Vec::new();
    let mut objects = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let compiled = case.compile_with(target, options);
        let object = path(&format!("{number}.o"));
        fs::write(&object, &compiled.object).unwrap();
        objects.push(object);
        let buffers = case.buffers();
        input.extend(buffers.iter().flatten().flat_map(|value| value.to_le_bytes()));
        let outputs = compiled.function.signature.output_buffers().len();
        let elements = case.expected.mean.len();
        let pointers = vec!["void *"; buffers.len() + outputs + 1].join(", ");
        let symbol = compiled.function.symbol();
        writeln!(program, "int {symbol}({pointers});").unwrap();
        let reads: Vec<_> = buffers.iter().map(|b| format!("take({})", b.len())).collect();
        let writes: Vec<_> = (0..outputs).map(|o| format!("out{o}")).collect();
        writeln!(main, "  {{").unwrap();
        for (i, read) in reads.iter().enumerate() {
            writeln!(main, "    float *in{i} = {read};").unwrap();
        }
        for write in &writes {
            writeln!(main, "    float *{write} = guarded({elements} * 4);").unwrap();
        }
        let ins: Vec<_> = (0..reads.len()).map(|i| format!("in{i}")).collect();
        let arguments = [ins, writes.clone(), vec!["arena".into()]].concat().join(", ");
        writeln!(main, "    void *arena = guarded({});", compiled.arena.bytes).unwrap();
        writeln!(main, "    if ({symbol}({arguments})) return 2;").unwrap();
        for write in &writes {
            writeln!(main, "    give({write}, {elements}); check({write});").unwrap();
        }
        writeln!(main, "    check(arena);\n  }}").unwrap();
    }
    main += "  return 0;\n}\n";
    fs::write(path("main.c"), program + &main).unwrap();
    fs::write(path("input"), input).unwrap();
    let mut link = Command::new(toolchain.compiler);
    link.args(["-O1", "-static", "-o"]).arg(path("main")).arg(path("main.c")).args(&objects);
    succeed(&mut link);
    let mut run = match toolchain.emulator {
        Some(emulator) => Command::new(emulator),
        None => Command::new(path("main")),
    };
    if toolchain.emulator.is_some() {
        run.arg(path("main"));
    }
    succeed(run.current_dir(folder.path()));
    let mut output = fs::read(path("output"))
        .unwrap()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect::<Vec<_>>()
        .into_iter();
    let results = cases.iter().map(|case| {
        let count = if returns_gaussian(&case.module) { 2 } else { 1 };
        let buffers =
            (0..count).map(|_| output.by_ref().take(case.expected.mean.len()).collect()).collect();
        case.result(buffers)
    });
    Some(results.collect())
}

/// Is the result of the function Gaussian?
fn returns_gaussian(module: &str) -> bool {
    module.lines().find(|line| line.contains("func.func")).is_some_and(|line| {
        line.rsplit("->").next().is_some_and(|result| result.contains("!gauss.tensor"))
    })
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Reading, writing, and memory that ends at an unmapped page.
const PRELUDE: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096 };
static FILE *input, *output;
static void *guarded(size_t bytes) {
  size_t inner = (bytes + 64 + PAGE - 1) / PAGE * PAGE;
  char *p = mmap(0, inner + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(p + PAGE, inner, PROT_READ | PROT_WRITE)) exit(5);
  memset(p + PAGE, 0xA5, inner);
  return p + PAGE + inner - bytes;
}
/* The bytes before a buffer are untouched. */
static void check(const void *p) {
  const unsigned char *q = p;
  for (size_t i = 1; i <= 64; i++)
    if (q[-i] != 0xA5) exit(6);
}
static float *take(size_t n) {
  if (!input) input = fopen("input", "rb");
  float *p = guarded(n * 4);
  if (fread(p, 4, n, input) != n) exit(3);
  return p;
}
static void give(const float *p, size_t n) {
  if (!output) output = fopen("output", "wb");
  if (fwrite(p, 4, n, output) != n || fflush(output)) exit(4);
}
"#;
