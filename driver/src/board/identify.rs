//! From what a board is to what code is made for.

use pfp_agent::description::{ArmCore, Description};
use pfp_compiler::target;

/// The cores of Arm (implementer 0x41) by their parts.
const ARM: [(u16, &str); 21] = [
    (0xd02, "cortex-a34"),
    (0xd03, "cortex-a53"),
    (0xd04, "cortex-a35"),
    (0xd05, "cortex-a55"),
    (0xd06, "cortex-a65"),
    (0xd07, "cortex-a57"),
    (0xd08, "cortex-a72"),
    (0xd09, "cortex-a73"),
    (0xd0a, "cortex-a75"),
    (0xd0b, "cortex-a76"),
    (0xd0c, "neoverse-n1"),
    (0xd0d, "cortex-a77"),
    (0xd40, "neoverse-v1"),
    (0xd41, "cortex-a78"),
    (0xd44, "cortex-x1"),
    (0xd46, "cortex-a510"),
    (0xd47, "cortex-a710"),
    (0xd48, "cortex-x2"),
    (0xd49, "neoverse-n2"),
    (0xd4b, "cortex-a78c"),
    (0xd4f, "neoverse-v2"),
];

/// Levels of x86-64, the highest first, and the features that tell each.
const X86: [(&str, &[&str]); 3] = [
    ("x86-64-v4", &["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma"]),
    ("x86-64-v3", &["avx2", "fma", "bmi1", "bmi2", "f16c", "abm", "movbe"]),
    ("x86-64-v2", &["ssse3", "sse4_1", "sse4_2", "popcnt"]),
];

/// Cores of AMD by their families, each with its level.
const AMD: [(u32, &str, &str); 3] =
    [(0x19, "x86-64-v3", "znver3"), (0x19, "x86-64-v4", "znver4"), (0x1a, "x86-64-v4", "znver5")];

/// The target triple of a board of an architecture; `None` where no code is made for it.
pub fn platform(architecture: &str) -> Option<&'static str> {
    match architecture {
        "aarch64" => Some("aarch64-linux-gnu"),
        "x86_64" => Some("x86_64-linux-gnu"),
        _ => None,
    }
}

/// The LLVM name of a board's CPU; of several kinds that of the last ones, which the agent uses where
/// nothing else is said. One that is not known goes by the least of its architecture.
pub fn cpu(board: &Description) -> &'static str {
    match board.architecture.as_str() {
        "x86_64" => {
            let has = |features: &[&str]| {
                features.iter().all(|feature| board.features.iter().any(|has| has == feature))
            };
            let level = X86.iter().find(|(_, features)| has(features));
            let level = level.map_or("x86-64", |(name, _)| *name);
            let is_it = |(family, of_level, _): &&(u32, &str, &str)| {
                board.amd_family == Some(*family) && *of_level == level
            };
            // A hypervisor may hide what else the model has.
            let is_whole = |name: &&str| {
                target::find("x86_64-linux-gnu", Some(name)).is_ok_and(|target| {
                    target::needed_features(&target).iter().all(|feature| has(&[feature.as_str()]))
                })
            };
            let core = AMD.iter().find(is_it).map(|(.., name)| *name);
            core.filter(is_whole).unwrap_or(level)
        }
        _ => board.cores.last().and_then(arm_core).unwrap_or("generic"),
    }
}

/// The LLVM name of a core of Arm.
fn arm_core(core: &ArmCore) -> Option<&'static str> {
    let named = ARM.iter().find(|(part, _)| core.implementer == 0x41 && core.part == *part);
    let name = named.map(|(_, name)| *name)?;
    target::find("aarch64-linux-gnu", Some(name)).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm_cores_go_by_their_parts() {
        for (_, name) in ARM {
            assert!(target::find("aarch64-linux-gnu", Some(name)).is_ok(), "{name}");
        }
        let core = |implementer, part, first_cpu| ArmCore { implementer, part, first_cpu };
        let board =
            |cores| Description { architecture: "aarch64".into(), cores, ..Description::default() };
        assert_eq!(cpu(&board(vec![core(0x41, 0xd08, 0)])), "cortex-a72");
        assert_eq!(cpu(&board(vec![core(0x41, 0xd03, 0), core(0x41, 0xd08, 4)])), "cortex-a72");
        assert_eq!(cpu(&board(vec![core(0x00, 0x051, 0)])), "generic");
        assert_eq!(cpu(&board(vec![])), "generic");
    }

    #[test]
    fn cores_of_amd_go_by_their_family_where_nothing_is_hidden() {
        for (family, _, name) in AMD {
            let target = target::find("x86_64-linux-gnu", Some(name)).unwrap();
            let features = target::needed_features(&target);
            let mut board = Description {
                architecture: "x86_64".into(),
                amd_family: Some(family),
                features,
                ..Description::default()
            };
            assert_eq!(cpu(&board), name);
            // One that no level has.
            board.features.retain(|feature| feature != "avx512_bf16" && feature != "avx");
            assert!(cpu(&board).starts_with("x86-64"), "{name}");
        }
    }

    #[test]
    fn x86_goes_by_its_levels() {
        let board = |features: &[&str]| Description {
            architecture: "x86_64".into(),
            features: features.iter().map(|&name| name.to_owned()).collect(),
            ..Description::default()
        };
        assert_eq!(cpu(&board(&["ssse3"])), "x86-64");
        for (name, features) in X86 {
            assert_eq!(cpu(&board(features)), name);
            assert!(target::find("x86_64-linux-gnu", Some(name)).is_ok(), "{name}");
        }
    }
}
