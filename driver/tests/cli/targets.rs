//! `--target` and `--cpu`.

use object::{Architecture, Object};

use crate::fixture::Dir;

const COMPILE: &str = "compile tiny.mlir --params tiny.safetensors --emit=obj,manifest";

#[test]
fn every_supported_target() {
    let dir = Dir::tiny();
    for (target, cpu, architecture) in [
        ("host", "native", Architecture::X86_64),
        ("host", "x86-64", Architecture::X86_64),
        ("x86_64-linux-gnu", "x86-64-v3", Architecture::X86_64),
        ("x86_64-unknown-linux-gnu", "znver4", Architecture::X86_64),
        ("aarch64-linux-gnu", "cortex-a53", Architecture::Aarch64),
        ("aarch64-linux-gnu", "cortex-a72", Architecture::Aarch64),
        ("aarch64-linux-gnu", "cortex-a76", Architecture::Aarch64),
        ("aarch64-linux-gnu", "cortex-a57", Architecture::Aarch64),
        ("aarch64-linux-gnu", "apple-m1", Architecture::Aarch64),
        ("aarch64-none-elf", "cortex-a53", Architecture::Aarch64),
    ] {
        if target == "host" && !cfg!(target_arch = "x86_64") {
            continue;
        }
        dir.pfp(&format!("{COMPILE} --target {target} --cpu {cpu}")).ok();
        let bytes = dir.read("tiny.o");
        assert_eq!(object::File::parse(&*bytes).unwrap().architecture(), architecture, "{cpu}");
        if cpu != "native" {
            assert_eq!(dir.json("tiny.json")["target"]["cpu"], cpu);
        }
    }
    dir.pfp(&format!("{COMPILE} --target aarch64-linux-gnu")).ok();
    assert_eq!(dir.json("tiny.json")["target"]["cpu"], "generic");
}

#[test]
fn an_unknown_target_or_cpu_is_answered_with_known_ones() {
    let dir = Dir::tiny();
    for (arguments, message, help) in [
        ("--target sparc", "the target 'sparc' is not supported", "known targets: host"),
        ("--target aarch64-linux", "'aarch64-linux' is not supported", "aarch64-linux-gnu"),
        ("--cpu skylak", "LLVM knows no CPU 'skylak'", "skylake"),
        (
            "--target aarch64-linux-gnu --cpu cortex-a27",
            "LLVM knows no CPU 'cortex-a27' for the target aarch64-linux-gnu",
            "cortex-a72",
        ),
        ("--target aarch64-linux-gnu --cpu skylake", "LLVM knows no CPU 'skylake'", "CPUs:"),
        ("--target aarch64-linux-gnu --cpu native", "'native'", "--cpu cortex-a72"),
        ("--target x86_64-linux-gnu --cpu i386", "the CPU 'i386' cannot run code for", "64bit"),
    ] {
        let error = dir.pfp(&format!("{COMPILE} {arguments}")).error();
        assert!(error.contains(message), "{error}");
        assert!(error.contains(help), "{error}");
        // LLVM's own words, which go to standard error past us.
        assert!(!error.contains("recognized") && !error.contains("LLVM ERROR"), "{error}");
    }
    assert!(!dir.path("tiny.o").exists());
}
