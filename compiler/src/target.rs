//! `--target` and `--cpu`: which machine code is made for.

use std::{
    ffi::{CString, c_char, c_void},
    sync::Once,
};

use gauss_lowering::target::Target;
use inkwell::llvm_sys::{
    support::LLVMParseCommandLineOptions,
    target::{
        LLVMInitializeAArch64AsmPrinter, LLVMInitializeAArch64Target,
        LLVMInitializeAArch64TargetInfo, LLVMInitializeAArch64TargetMC,
        LLVMInitializeX86AsmPrinter, LLVMInitializeX86Target, LLVMInitializeX86TargetInfo,
        LLVMInitializeX86TargetMC,
    },
};

use crate::{error::Error, ffi};

/// The machine that this program runs on.
pub const HOST: &str = "host";

/// The targets besides the host, each with the CPU that is taken where none is given.
const TARGETS: [(&str, &str); 3] = [
    ("x86_64-linux-gnu", "x86-64"),
    ("aarch64-linux-gnu", "generic"),
    ("aarch64-none-elf", "generic"),
];

/// Which core stands for a CPU that the lowering has no description of: the
/// first of its architecture whose features the CPU has. LLVM aborts when it is
/// asked for a feature of another architecture.
const STAND_INS: [(&str, &str, &str); 4] = [
    ("x86-64-v4", "x86_64", "+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512cd"),
    ("x86-64-v3", "x86_64", "+avx2,+fma,+bmi2"),
    ("x86-64", "x86_64", "+sse2"),
    ("generic", "aarch64", "+neon"),
];

/// What a CPU must have: LLVM aborts on 64-bit code for the 32-bit CPUs in its list.
const REQUIRED: [(&str, &str); 2] = [("x86_64", "+64bit,+sse2"), ("aarch64", "+neon")];

/// Features that code may use beyond the least of an architecture: the architecture, LLVM's name, and that
/// of /proc/cpuinfo.
const FEATURES: [(&str, &str, &str); 26] = [
    ("x86_64", "+ssse3", "ssse3"),
    ("x86_64", "+sse4.1", "sse4_1"),
    ("x86_64", "+sse4.2", "sse4_2"),
    ("x86_64", "+popcnt", "popcnt"),
    ("x86_64", "+avx", "avx"),
    ("x86_64", "+avx2", "avx2"),
    ("x86_64", "+fma", "fma"),
    ("x86_64", "+bmi", "bmi1"),
    ("x86_64", "+bmi2", "bmi2"),
    ("x86_64", "+f16c", "f16c"),
    ("x86_64", "+lzcnt", "abm"),
    ("x86_64", "+movbe", "movbe"),
    ("x86_64", "+avx512f", "avx512f"),
    ("x86_64", "+avx512bw", "avx512bw"),
    ("x86_64", "+avx512cd", "avx512cd"),
    ("x86_64", "+avx512dq", "avx512dq"),
    ("x86_64", "+avx512vl", "avx512vl"),
    ("x86_64", "+avx512vnni", "avx512_vnni"),
    ("x86_64", "+avx512bf16", "avx512_bf16"),
    ("x86_64", "+avx512fp16", "avx512_fp16"),
    ("aarch64", "+lse", "atomics"),
    ("aarch64", "+fullfp16", "asimdhp"),
    ("aarch64", "+rdm", "asimdrdm"),
    ("aarch64", "+dotprod", "asimddp"),
    ("aarch64", "+sve", "sve"),
    ("aarch64", "+sve2", "sve2"),
];

/// Makes LLVM's backends available. Cheap after the first call.
pub fn initialise() {
    static BACKENDS: Once = Once::new();
    // Without assembly parsers and disassemblers, which inkwell would link in.
    // SAFETY: called once; LLVM keeps its registry of backends behind a lock.
    BACKENDS.call_once(|| unsafe {
        LLVMInitializeX86TargetInfo();
        LLVMInitializeX86Target();
        LLVMInitializeX86TargetMC();
        LLVMInitializeX86AsmPrinter();
        LLVMInitializeAArch64TargetInfo();
        LLVMInitializeAArch64Target();
        LLVMInitializeAArch64TargetMC();
        LLVMInitializeAArch64AsmPrinter();
        // Arguments on the stack are part of the frame, whose size LLVM reports: those that are
        // pushed are not.
        let arguments = [c"pfp".as_ptr(), c"-no-x86-call-frame-opt".as_ptr()];
        LLVMParseCommandLineOptions(2, arguments.as_ptr(), c"".as_ptr());
    });
}

/// The target that the command line names.
///
/// # Errors
///
/// Where no target or CPU of the name is known; the message names similar ones.
pub fn find(target: &str, cpu: Option<&str>) -> Result<Target, Error> {
    initialise();
    let host = Target::host();
    if target == HOST && cpu.is_none_or(|cpu| cpu == "native") {
        return Ok(host);
    }
    let triple = if target == HOST { &host.triple } else { target };
    // The vendor says nothing: aarch64-unknown-linux-gnu is aarch64-linux-gnu.
    let short = triple.replace("-unknown-", "-").replace("-pc-", "-");
    let Some((triple, default_cpu)) = TARGETS.iter().find(|(name, _)| *name == short) else {
        let names: Vec<_> = std::iter::once(HOST).chain(TARGETS.map(|(name, _)| name)).collect();
        return Err(Error::request(format!("the target '{target}' is not supported"))
            .with_help(suggest(target, &names, "targets")));
    };
    let cpu = cpu.unwrap_or(default_cpu);
    if cpu == "native" {
        return Target::find(triple, cpu).map_err(|message| {
            Error::request(message).with_help("name the CPU, for example --cpu cortex-a72")
        });
    }
    if !is_known(triple, cpu) {
        let cpus = cpus(triple)?;
        let names: Vec<_> = cpus.iter().map(String::as_str).collect();
        return Err(Error::request(format!("LLVM knows no CPU '{cpu}' for the target {triple}"))
            .with_help(suggest(cpu, &names, "CPUs")));
    }
    if !has_features(triple, cpu, required(triple)) {
        return Err(Error::request(format!("the CPU '{cpu}' cannot run code for {triple}"))
            .with_help(format!("it must have {}", required(triple))));
    }
    Target::find(triple, cpu).or_else(|_| stand_in(triple, cpu))
}

/// The description of a CPU that only LLVM knows.
fn stand_in(triple: &str, cpu: &str) -> Result<Target, Error> {
    let fits = |(_, architecture, features): &&(&str, &str, &str)| {
        triple.starts_with(architecture) && has_features(triple, cpu, features)
    };
    let core = STAND_INS.iter().find(fits).map(|(core, _, _)| *core);
    let core = core.ok_or_else(|| Error::Internal(format!("no core stands for '{cpu}'")))?;
    let target = Target::find(triple, core).map_err(Error::Internal)?;
    Ok(Target { cpu: cpu.into(), ..target })
}

/// The features that a CPU must have.
fn required(triple: &str) -> &'static str {
    let required = REQUIRED.iter().find(|(architecture, _)| triple.starts_with(architecture));
    required.map_or("", |(_, features)| features)
}

/// The features that code for a target may use, as /proc/cpuinfo names them.
pub fn needed_features(target: &Target) -> Vec<String> {
    initialise();
    let needs = |(architecture, feature, _): &&(&str, &str, &str)| {
        target.triple.starts_with(architecture)
            && has_features(&target.triple, &target.cpu, feature)
    };
    FEATURES.iter().filter(needs).map(|(.., name)| (*name).to_owned()).collect()
}

/// Does LLVM know a CPU of this name?
fn is_known(triple: &str, cpu: &str) -> bool {
    let [Ok(triple), Ok(cpu)] = [triple, cpu].map(CString::new) else { return false };
    // SAFETY: strings that outlive the call; the backends are initialised.
    unsafe { ffi::pfp_cpu_is_known(triple.as_ptr(), cpu.as_ptr()) }
}

/// Has a CPU these features, written `+a,+b`?
fn has_features(triple: &str, cpu: &str, features: &str) -> bool {
    let [Ok(triple), Ok(cpu), Ok(features)] = [triple, cpu, features].map(CString::new) else {
        return false;
    };
    // SAFETY: strings that outlive the call; the backends are initialised.
    unsafe { ffi::pfp_cpu_has_features(triple.as_ptr(), cpu.as_ptr(), features.as_ptr()) }
}

/// The CPUs that can run code for a triple.
fn cpus(triple: &str) -> Result<Vec<String>, Error> {
    extern "C" fn add(name: *const c_char, length: usize, cpus: *mut c_void) {
        // SAFETY: `cpus` is the vector below; the name is valid during the call.
        let (cpus, name) = unsafe {
            (&mut *cpus.cast::<Vec<String>>(), std::slice::from_raw_parts(name.cast(), length))
        };
        cpus.push(String::from_utf8_lossy(name).into_owned());
    }
    let mut cpus = Vec::<String>::new();
    let name = CString::new(triple).map_err(|error| Error::Internal(error.to_string()))?;
    // SAFETY: a string and a vector that outlive the call.
    match unsafe { ffi::pfp_target_cpus(name.as_ptr(), add, (&raw mut cpus).cast()) } {
        true => {
            cpus.retain(|cpu| has_features(triple, cpu, required(triple)));
            Ok(cpus)
        }
        false => Err(Error::Internal(format!("LLVM has no backend for {triple}"))),
    }
}

/// Which of `known` the user may have meant, in words.
pub fn suggest(given: &str, known: &[&str], what: &str) -> String {
    let mut close: Vec<_> = known
        .iter()
        .map(|name| (strsim::jaro_winkler(given, name), *name))
        .filter(|(similarity, _)| *similarity > 0.8)
        .collect();
    close.sort_by(|(a, left), (b, right)| b.total_cmp(a).then(left.cmp(right)));
    let close: Vec<_> = close.into_iter().take(5).map(|(_, name)| name).collect();
    match close[..] {
        [] => format!("known {what}: {}", known.join(", ")),
        [name] => format!("did you mean '{name}'?"),
        _ => format!("similar {what}: {}", close.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_that_only_llvm_knows_gets_the_widest_core_that_it_can_run() {
        let core = |target, cpu| find(target, Some(cpu)).map(|target| target.name);
        assert_eq!(core("x86_64-linux-gnu", "icelake-server").unwrap(), "x86-64-v4");
        assert_eq!(core("x86_64-linux-gnu", "skylake").unwrap(), "x86-64-v3");
        assert_eq!(core("aarch64-linux-gnu", "cortex-a57").unwrap(), "generic");
        assert_eq!(core("aarch64-unknown-linux-gnu", "cortex-a53").unwrap(), "cortex-a53");
    }

    #[test]
    fn code_for_a_cpu_needs_the_features_of_the_cpu() {
        let needed = |target, cpu| needed_features(&find(target, Some(cpu)).unwrap());
        assert_eq!(needed("x86_64-linux-gnu", "x86-64"), Vec::<String>::new());
        let v3 = needed("x86_64-linux-gnu", "x86-64-v3");
        assert!(v3.contains(&"avx2".into()) && !v3.contains(&"avx512f".into()), "{v3:?}");
        assert_eq!(needed("aarch64-linux-gnu", "cortex-a72"), Vec::<String>::new());
        assert!(needed("aarch64-linux-gnu", "cortex-a76").contains(&"asimddp".into()));
    }

    #[test]
    fn a_misspelt_cpu_is_answered_with_similar_ones() {
        let Err(Error::Request { message, help }) = find("aarch64-linux-gnu", Some("cortex-a27"))
        else {
            panic!("there is no such CPU");
        };
        assert_eq!(message, "LLVM knows no CPU 'cortex-a27' for the target aarch64-linux-gnu");
        assert!(help.unwrap().contains("cortex-a72"));
    }
}
