//! What a board is.

use std::{collections::BTreeSet, env};

use nix::{
    sched::{CpuSet, sched_getaffinity},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::sysfs::Root;

/// A board, as its agent sees it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Description {
    /// The architecture that the agent was built for, as `std::env::consts::ARCH` has it.
    pub architecture: String,
    /// What the kernel or the device tree call the processor or the board.
    pub name: String,
    /// Implementer and part of each kind of ARM core, of the lowest CPU number first.
    pub cores: Vec<ArmCore>,
    /// The family of a processor of AMD, as /proc/cpuinfo numbers it.
    #[serde(default)]
    pub amd_family: Option<u32>,
    /// The features of the processor, as /proc/cpuinfo names them.
    pub features: Vec<String>,
    /// How many CPUs there are.
    pub cpus: usize,
    /// Which of them the agent may use.
    pub allowed: Vec<usize>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// How the clock of the first CPU is chosen.
    pub governor: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
}

/// A kind of ARM core, as its register MIDR names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ArmCore {
    /// Who designed it: 0x41 is Arm.
    pub implementer: u8,
    /// Which core of theirs.
    pub part: u16,
    /// The lowest number of a CPU of this kind.
    pub first_cpu: usize,
}

impl Description {
    /// Of this machine.
    pub fn here(root: &Root) -> Self {
        let cpuinfo = root.text("proc/cpuinfo").unwrap_or_default();
        let allowed = allowed_cpus();
        let cpus = root.entries("sys/devices/system/cpu", "cpu");
        let is_cpu = |name: &str| name[3..].bytes().all(|c| c.is_ascii_digit()) && name.len() > 3;
        let cpus = cpus.iter().filter_map(|path| path.file_name()?.to_str()).filter(|n| is_cpu(n));
        Self {
            architecture: env::consts::ARCH.into(),
            name: name(root, &cpuinfo),
            cores: arm_cores(root, &cpuinfo),
            amd_family: amd_family(&cpuinfo),
            features: features(),
            cpus: cpus.count().max(allowed.len()),
            memory: memory(root),
            governor: root.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            kernel: root.text("proc/sys/kernel/osrelease"),
            allowed,
        }
    }
}

/// The CPUs that this process may use, in ascending order.
pub fn allowed_cpus() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).collect()
}

fn name(root: &Root, cpuinfo: &str) -> String {
    // A text of the device tree ends with a zero.
    let tree = root.text("proc/device-tree/model");
    let tree = tree.map(|text| text.trim_end_matches('\0').to_owned());
    let named = fields(cpuinfo, "model name").next().map(ToOwned::to_owned);
    tree.or(named).unwrap_or_else(|| env::consts::ARCH.into())
}

fn amd_family(cpuinfo: &str) -> Option<u32> {
    let is_amd = fields(cpuinfo, "vendor_id").next() == Some("AuthenticAMD");
    fields(cpuinfo, "cpu family").next().filter(|_| is_amd)?.parse().ok()
}

/// The values of a field of /proc/cpuinfo, one for each CPU.
fn fields<'a>(cpuinfo: &'a str, field: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    pairs.filter(move |(key, _)| key.trim() == field).map(|(_, value)| value.trim())
}

/// The kinds of core of an ARM processor: from sysfs, from cpuinfo, or from the register itself, which
/// the kernel lets a program read.
fn arm_cores(root: &Root, cpuinfo: &str) -> Vec<ArmCore> {
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let of_midr = |(cpu, midr): (usize, u64)| ArmCore {
        implementer: (midr >> 24) as u8,
        part: (midr >> 4) as u16 & 0xfff,
        first_cpu: cpu,
    };
    let file = |cpu: usize| format!("sys/devices/system/cpu/cpu{cpu}/regs/identification/midr_el1");
    let registers =
        (0..CpuSet::count()).map_while(|cpu| Some((cpu, hex(&root.text(&file(cpu))?)?)));
    let mut cores: Vec<_> = registers.map(of_midr).collect();
    if cores.is_empty() {
        let pairs = fields(cpuinfo, "CPU implementer").zip(fields(cpuinfo, "CPU part")).enumerate();
        let core = |(cpu, (implementer, part)): (usize, (&str, &str))| {
            let (implementer, part) = (hex(implementer)?, hex(part)?);
            Some(of_midr((cpu, implementer << 24 | part << 4)))
        };
        cores = pairs.filter_map(core).collect();
    }
    if cores.is_empty() {
        cores = midr().map(|midr| of_midr((0, midr))).into_iter().collect();
    }
    let mut seen = BTreeSet::new();
    cores.retain(|core| seen.insert((core.implementer, core.part)));
    cores
}

/// The register MIDR_EL1, which the kernel reads for a program.
#[cfg(target_arch = "aarch64")]
fn midr() -> Option<u64> {
    // SAFETY: asks for a number.
    if unsafe { libc::getauxval(libc::AT_HWCAP) } & 1 << 11 == 0 {
        return None;
    }
    let midr: u64;
    // SAFETY: the kernel says that it emulates the read, which has no effect.
    unsafe { std::arch::asm!("mrs {}, midr_el1", out(reg) midr, options(nomem, nostack)) };
    Some(midr)
}

#[cfg(not(target_arch = "aarch64"))]
fn midr() -> Option<u64> {
    None
}

/// Bits of HWCAP by their names in /proc/cpuinfo.
#[cfg(target_arch = "aarch64")]
const HWCAP: [(u32, &str); 12] = [
    (0, "fp"),
    (1, "asimd"),
    (3, "aes"),
    (6, "sha2"),
    (7, "crc32"),
    (8, "atomics"),
    (9, "fphp"),
    (10, "asimdhp"),
    (12, "asimdrdm"),
    (20, "asimddp"),
    (22, "sve"),
    (23, "asimdfhm"),
];

/// Bits of HWCAP2.
#[cfg(target_arch = "aarch64")]
const HWCAP2: [(u32, &str); 3] = [(1, "sve2"), (13, "i8mm"), (14, "bf16")];

/// The features that the processor and the system have, by their names in /proc/cpuinfo.
#[cfg(target_arch = "aarch64")]
pub fn features() -> Vec<String> {
    // SAFETY: both ask for a number.
    let (first, second) =
        unsafe { (libc::getauxval(libc::AT_HWCAP), libc::getauxval(libc::AT_HWCAP2)) };
    let first = HWCAP.iter().filter(|(bit, _)| first >> bit & 1 != 0);
    let second = HWCAP2.iter().filter(|(bit, _)| second >> bit & 1 != 0);
    first.chain(second).map(|(_, name)| (*name).to_owned()).collect()
}

/// The features that the processor and the system have, by their names in /proc/cpuinfo.
#[cfg(target_arch = "x86_64")]
pub fn features() -> Vec<String> {
    macro_rules! present {
        ($($feature:tt: $name:literal),* $(,)?) => {
            [$((is_x86_feature_detected!($feature), $name)),*]
        };
    }
    let known = present! {
        "sse3": "pni", "ssse3": "ssse3", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "popcnt": "popcnt",
        "avx": "avx", "avx2": "avx2", "fma": "fma", "bmi1": "bmi1", "bmi2": "bmi2", "f16c": "f16c",
        "lzcnt": "abm", "movbe": "movbe", "avx512f": "avx512f", "avx512bw": "avx512bw",
        "avx512cd": "avx512cd", "avx512dq": "avx512dq", "avx512vl": "avx512vl",
        "avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16", "avx512fp16": "avx512_fp16",
    };
    known.iter().filter(|(is_there, _)| *is_there).map(|(_, name)| (*name).to_owned()).collect()
}

/// None are told of machines that there is no code for.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn features() -> Vec<String> {
    Vec::new()
}

fn memory(root: &Root) -> Option<u64> {
    let text = root.text("proc/meminfo")?;
    let total = fields(&text, "MemTotal").next()?;
    Some(total.strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const RASPBERRY_PI_4: &str = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\n\
        CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\n\n\
        processor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n";

    #[test]
    fn cpuinfo_names_the_kinds_of_core() {
        let root = Root::at("/nonexistent");
        let core = ArmCore { implementer: 0x41, part: 0xd08, first_cpu: 0 };
        assert_eq!(arm_cores(&root, RASPBERRY_PI_4), [core]);
    }

    #[test]
    fn families_are_those_of_amd() {
        let of = |vendor| amd_family(&format!("vendor_id\t: {vendor}\ncpu family\t: 25\n"));
        assert_eq!((of("AuthenticAMD"), of("GenuineIntel")), (Some(25), None));
        assert_eq!(amd_family(RASPBERRY_PI_4), None);
    }

    #[test]
    fn the_register_of_each_cpu_tells_big_from_little() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        for (cpu, midr) in ["0x410fd034", "0x410fd034", "0x410fd082"].iter().enumerate() {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}/regs/identification");
            fs::create_dir_all(root.path(&folder)).unwrap();
            fs::write(root.path(&folder).join("midr_el1"), format!("{midr}\n")).unwrap();
        }
        let parts: Vec<_> =
            arm_cores(&root, "").iter().map(|core| (core.part, core.first_cpu)).collect();
        assert_eq!(parts, [(0xd03, 0), (0xd08, 2)]);
    }

    #[test]
    fn this_machine_is_described() {
        let here = Description::here(&Root::default());
        assert_eq!(here.architecture, env::consts::ARCH);
        assert!(!here.allowed.is_empty() && here.cpus >= here.allowed.len(), "{here:?}");
        assert!(here.memory.is_some_and(|bytes| bytes > 1 << 20));
    }
}
