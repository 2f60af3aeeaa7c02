//! Numbers of a core that may suit a network better than its own.

use gauss_lowering::target::Core;
use serde_json::{Map, Value, json};

/// Changes of numbers to try, each alone. What a change is about stands first.
pub fn variants(core: &Core, tasks: usize) -> Vec<(&'static str, Map<String, Value>)> {
    let mut variants = Vec::new();
    let mut of_number = |what, name: &str, own: i64, values: &[i64]| {
        for &value in values.iter().filter(|&&value| value != own) {
            variants.push((what, Map::from_iter([(name.to_owned(), json!(value))])));
        }
    };
    of_number("Winograd", "winograd_channels", core.winograd_channels, &[0, 8, 16, 32]);
    of_number("strips", "strip_percent", core.strip_percent, &[0, 100, 105, 130]);
    let spare = core.spare_registers;
    of_number("registers", "spare_registers", spare, &[(spare - 1).max(0), spare + 1, spare + 3]);
    if tasks > 1 {
        of_number("tasks", "task_cycles", core.task_cycles, &[50_000, 200_000, 1_000_000]);
    }
    let mut of_switch = |what, name: &str, own: bool| {
        variants.push((what, Map::from_iter([(name.to_owned(), json!(!own))])));
    };
    of_switch("layouts", "moves_channels", core.moves_channels);
    of_switch("squares of inputs", "hoists_operands", core.hoists_operands);
    of_switch("roots", "pipelines_roots", core.pipelines_roots);
    variants
}

/// The core with changes, where they are numbers that it can have.
pub fn with(core: &Core, changes: &Map<String, Value>) -> Option<Core> {
    core.with(changes).ok()
}

#[cfg(test)]
mod tests {
    use gauss_lowering::target::Target;

    use super::*;

    #[test]
    fn every_variant_is_a_core_of_its_own() {
        for name in ["znver5", "x86-64-v3", "cortex-a53", "cortex-a76"] {
            let core = Target::core(name).unwrap();
            let cores: Vec<_> = variants(&core, 2)
                .iter()
                .map(|(_, changes)| with(&core, changes).unwrap())
                .collect();
            assert!(cores.len() >= 10);
            for (number, variant) in cores.iter().enumerate() {
                assert!(*variant != core && !cores[..number].contains(variant), "{variant:?}");
            }
        }
    }
}
