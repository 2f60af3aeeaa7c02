//! Whatever schedule is measured is right: every candidate that `pfp tune` may choose gives what the reference does.

use std::{collections::BTreeSet, fs};

use gauss_lowering::{
    kernel::{
        given::ScheduleFile,
        plan::{By, KernelSchedule},
    },
    target::Target,
};
use pfp_compiler::{
    compile::{Options, Schedules},
    jit::CompiledModel,
};

use crate::{
    case::{Case, Tolerance, check, has_fma, sixteen_lanes},
    random,
};

/// Sums of a few hundred terms in any order, and what ReLUs and maxima make of their rounding.
const TOLERANCE: Tolerance = Tolerance {
    mean_of_sigma: 1e-4,
    mean: 1e-4,
    mean_absolute: 1e-5,
    variance: 1e-3,
    variance_absolute: 1e-9,
};

/// The kernels of a case with their candidates.
fn kernels(case: &Case, target: &Target, candidates: usize) -> Vec<KernelSchedule> {
    let options = Options { candidates, schedules: Schedules::Model, ..Options::default() };
    case.compile_with(target, &options).kernels
}

/// Compiles a case so that kernel k has its candidate n + 7k, for every n below `rounds`, and checks what each
/// gives. Returns how many candidates were different from the model's choice.
fn check_candidates(case: &Case, target: &Target, (candidates, rounds): (usize, usize)) -> usize {
    let kernels = kernels(case, target, candidates);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schedules.json");
    let mut others = 0;
    for round in 0..rounds {
        let chosen = (0..).zip(&kernels).map(|(number, kernel): (usize, _)| {
            let count = kernel.candidates.len();
            assert!(count > 0 && count <= candidates, "{}: {count}", kernel.kernel);
            let step = (count / rounds).max(1);
            let schedule = &kernel.candidates[(round * step + 7 * number) % count].schedule;
            others += usize::from(*schedule != kernel.schedule);
            KernelSchedule {
                schedule: schedule.clone(),
                shape: None,
                candidates: vec![],
                by: By::Measurement,
                ..kernel.clone()
            }
        });
        let file = ScheduleFile { kernels: chosen.collect(), ..ScheduleFile::default() };
        fs::write(&path, serde_json::to_string(&file).unwrap()).unwrap();
        let options = Options { schedules: Schedules::File(path.clone()), ..Options::default() };
        let compiled = case.compile_with(target, &options);
        assert!(compiled.kernels.iter().all(|kernel| kernel.by == By::File));
        let buffers = case.buffers();
        let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
        let outputs = CompiledModel::new(&compiled).unwrap().run(&slices).unwrap();
        let name = format!("{} with the candidates {round}", case.name);
        check(&name, &case.result(outputs), &case.expected, TOLERANCE);
    }
    others
}

#[test]
fn of_random_chains_of_layers() {
    let mut others = 0;
    for case in random::chains(18, 12) {
        others += check_candidates(&case, &Target::host(), (60, 4));
    }
    assert!(others > 100, "{others} candidates");
}

#[test]
fn of_cores_of_sixteen_lanes() {
    if has_fma() {
        let others: usize = random::chains(19, 4)
            .iter()
            .map(|case| check_candidates(case, &sixteen_lanes(), (60, 3)))
            .sum();
        assert!(others > 20, "{others} candidates");
    }
}

#[test]
fn candidates_stand_by_their_cost_each_once() {
    let case = &random::chains(20, 1)[0];
    let target = Target::find("aarch64-linux-gnu", "cortex-a72").unwrap();
    for kernel in kernels(case, &target, 40) {
        let costs: Vec<_> = kernel.candidates.iter().map(|candidate| candidate.cost).collect();
        assert!(costs.is_sorted(), "{costs:?}");
        let keys: BTreeSet<_> =
            kernel.candidates.iter().map(|candidate| candidate.schedule.key()).collect();
        assert_eq!(keys.len(), kernel.candidates.len(), "a candidate stands twice");
    }
}
