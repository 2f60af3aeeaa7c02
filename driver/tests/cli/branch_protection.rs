//! `--branch-protection`: landing pads, signed return addresses, and the notes that tell of them.

use std::process::Command;

use crate::fixture::{Dir, has, repository};

const COMPILE: &str = "compile tiny.mlir --params tiny.safetensors --emit=obj,header";
const AARCH64: [&str; 6] =
    ["generic", "cortex-a53", "cortex-a55", "cortex-a72", "cortex-a76", "neoverse-n1"];
const X86_64: [&str; 5] = ["x86-64", "x86-64-v3", "x86-64-v4", "znver4", "znver5"];

/// A program without a library, as none of the libraries here has landing pads: it calls through
/// a pointer and exits with the status.
const CALLER: &str = r#"
#include "tiny.h"
static _Alignas(64) char arena[PFP_TINY_ARENA_BYTES + 1];
static float x[4], m[3], v[3];
static int (*volatile call)(const float *, float *, float *, void *) = pfp_tiny;
void *memset(void *d, int c, unsigned long n) { char *p = d; while (n--) *p++ = c; return d; }
void *memcpy(void *d, const void *s, unsigned long n) {
    char *p = d; const char *q = s; while (n--) *p++ = *q++; return d;
}
void _start(void) {
    register long status __asm__("x0") = call(x, m, v, arena);
    register long exit __asm__("x8") = 93;
    __asm__ volatile("svc 0" :: "r"(status), "r"(exit));
}
"#;

/// What the property note of an ELF file says, by the words of readelf.
fn features(dir: &Dir, file: &str) -> String {
    let notes = dir.run(Command::new("readelf").args(["-nW", file])).ok();
    let line = notes.lines().find_map(|line| line.split_once("feature: "));
    line.map_or_else(String::new, |(_, features)| features.trim().to_owned())
}

/// The instructions of a file.
fn disassembly(dir: &Dir, file: &str) -> String {
    dir.run(Command::new("aarch64-linux-gnu-objdump").args(["-d", file])).ok()
}

#[test]
fn an_aarch64_program_with_landing_pads_links_and_runs_with_every_core() {
    let compiler = "aarch64-linux-gnu-gcc";
    if !has(compiler) || !has("qemu-aarch64") {
        return;
    }
    let dir = Dir::tiny();
    dir.write("caller.c", CALLER);
    for (target, cpu) in AARCH64
        .map(|cpu| ("aarch64-linux-gnu", cpu))
        .into_iter()
        .chain([("aarch64-none-elf", "cortex-a53")])
    {
        for protection in ["bti", "standard"] {
            let options = format!("--target {target} --cpu {cpu} --branch-protection {protection}");
            dir.pfp(&format!("{COMPILE} {options}")).ok();
            let mut link = Command::new(compiler);
            link.args(["-O1", "-fno-builtin", "-nostdlib", "-static"]);
            link.args(["-mbranch-protection=standard", "-Wl,-z,force-bti,--fatal-warnings"]);
            dir.run(link.args(["caller.c", "tiny.o", "-o", "caller"])).ok();
            assert!(features(&dir, "caller").contains("BTI"), "{options}");
            // The emulator enforces what the note asks for.
            dir.run(Command::new("qemu-aarch64").args(["-cpu", "max", "caller"])).ok();
        }
    }
}

#[test]
fn an_x86_64_object_has_the_notes_with_every_core() {
    let dir = Dir::tiny();
    for cpu in X86_64 {
        dir.pfp(&format!("{COMPILE} --target x86_64-linux-gnu --cpu {cpu}")).ok();
        assert_eq!(features(&dir, "tiny.o"), "IBT, SHSTK", "{cpu}");
        let link = ["-shared", "-nostdlib", "-Wl,-z,cet-report=error", "tiny.o", "-o", "tiny.so"];
        dir.run(Command::new("cc").args(link)).ok();
    }
}

#[test]
fn the_shared_library_has_them_too() {
    let dir = Dir::tiny();
    let compile = "compile tiny.mlir --params tiny.safetensors --emit=shared";
    dir.pfp(&format!("{compile} --target x86_64-linux-gnu")).ok();
    assert_eq!(features(&dir, "libtiny.so"), "IBT, SHSTK");
    if has("aarch64-linux-gnu-gcc") {
        let compile = format!("{compile} --target aarch64-linux-gnu");
        for (option, expected) in [("", "BTI"), ("--branch-protection standard", "BTI, PAC")] {
            dir.pfp(&format!("{compile} {option}")).ok();
            assert_eq!(features(&dir, "libtiny.so"), expected);
        }
    }
}

#[test]
fn each_kind_is_what_it_is_for_a_c_compiler() {
    if !has("aarch64-linux-gnu-objdump") {
        return;
    }
    let dir = Dir::tiny();
    for (kind, note, pads, signs) in [
        ("none", "", false, false),
        ("bti", "BTI", true, false),
        ("pac-ret", "PAC", false, true),
        ("standard", "BTI, PAC", true, true),
    ] {
        let options = "--target aarch64-linux-gnu --emit=obj,manifest";
        let compile = "compile tiny.mlir --params tiny.safetensors";
        dir.pfp(&format!("{compile} {options} --branch-protection {kind}")).ok();
        assert_eq!(features(&dir, "tiny.o"), note, "{kind}");
        let code = disassembly(&dir, "tiny.o");
        assert_eq!(code.contains("\tbti\tc"), pads, "{kind}");
        assert_eq!(code.contains("\tpaciasp"), signs, "{kind}");
        assert_eq!(dir.json("tiny.json")["target"]["branch_protection"], kind);
    }
    dir.pfp(&format!("{COMPILE} --target x86_64-linux-gnu --branch-protection none")).ok();
    assert_eq!(features(&dir, "tiny.o"), "");
    let error = dir.pfp(&format!("{COMPILE} --target host --branch-protection pac-ret")).error();
    assert!(error.contains("has no signed return addresses"), "{error}");
    assert!(error.contains("--branch-protection=bti"), "{error}");
}

#[test]
fn bare_metal_leaves_x18_to_the_platform() {
    if !has("aarch64-linux-gnu-objdump") {
        return;
    }
    let dir = Dir::empty();
    let digits = repository().join("examples/digits").display().to_string();
    let uses_x18 = |target: &str, cpu: &str| {
        let compile = format!("compile {digits}/cnn.mlir --params {digits}/cnn.safetensors");
        dir.pfp(&format!("{compile} --emit=obj,manifest --target {target} --cpu {cpu}")).ok();
        let code = disassembly(&dir, "digits_cnn.o");
        code.split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "x18" | "w18"))
    };
    assert!(uses_x18("aarch64-linux-gnu", "cortex-a72"), "there are registers enough");
    for cpu in ["generic", "cortex-a53", "cortex-a72", "cortex-a57"] {
        assert!(!uses_x18("aarch64-none-elf", cpu), "{cpu}");
    }
    let features = &dir.json("digits_cnn.json")["target"]["features"];
    assert_eq!(features[0], "+reserve-x18");
}
