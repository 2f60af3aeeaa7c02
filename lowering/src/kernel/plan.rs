//! Plans: a group with its schedule and its packed constants, ready to be emitted.

use std::collections::BTreeMap;

use gauss_dialect::ir::{Builder, Op, Value};
use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    buffers::allocate_within_item,
    constants::Constants,
    group::Group,
    nest::Access,
    pack::{Stream, pack},
    schedule::{self, Schedule},
    shape::Shape,
};
use crate::target::Core;

/// A kernel to be.
#[derive(Debug)]
pub struct Plan {
    /// The loops and the bodies.
    pub group: Group,
    /// How they are computed.
    pub schedule: Schedule,
    /// The constants that are read in the order of the tiles.
    pub streams: Vec<Stream>,
    /// Memory for [`Schedule::scratch`] elements for each task, where that is not 0.
    pub scratch: Option<Value>,
    /// The core, with the numbers of the schedule.
    pub core: Core,
}

/// A schedule with the kernel that it is for, as schedule files have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelSchedule {
    /// The function.
    pub function: String,
    /// Its number in the function, and the layers that it computes.
    pub kernel: String,
    /// Strips of an item that the kernel computes in turn with its neighbours, which have
    /// those of the first of them. Where a file does not tell, the model does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strips: Option<i64>,
    /// Trip counts of the parallel dimensions.
    pub parallel: Vec<i64>,
    /// Trip counts of the reductions.
    pub reductions: Vec<i64>,
    /// The schedule.
    pub schedule: Schedule,
    /// Cycles by the model, up to a constant factor; informative.
    #[serde(default)]
    pub cost: f64,
    /// Multiply-adds that sums take in a call; informative.
    #[serde(default)]
    pub multiply_adds: i64,
    /// What the schedule was chosen by; informative.
    #[serde(default)]
    pub by: By,
    /// The shape of the kernel; informative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Other schedules that may be measured, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// A schedule to measure, and its cost by the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The schedule.
    pub schedule: Schedule,
    /// Cycles by the model, up to a constant factor.
    pub cost: f64,
}

/// What chose a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The analytic model.
    #[default]
    Model,
    /// A schedule file that names the kernel.
    File,
    /// A database of what was measured.
    Measurement,
}

impl KernelSchedule {
    /// Do both name the same kernel?
    pub fn is_for(&self, other: &Self) -> bool {
        (&self.function, &self.kernel) == (&other.function, &other.kernel)
    }

    /// Is the schedule one of so many strips?
    fn check_strips(&self, strips: i64) -> Result<(), String> {
        match self.strips.filter(|given| *given != strips) {
            None => Ok(()),
            Some(given) => Err(format!(
                "the schedule of kernel '{}' is for {given} strips, which do not fit here; \
                 take one of the same batch and tasks",
                self.kernel
            )),
        }
    }

    /// Is the schedule one of so many strips, and of the sizes of a group as it is planned?
    fn check(&self, strips: i64, group: &Group) -> Result<(), String> {
        let Self { kernel, parallel, reductions, .. } = self;
        self.check_strips(strips)?;
        let (rows, sums) = (group.root.parallel_sizes(), group.root.reduction_sizes());
        if (&parallel[..], &reductions[..]) != (rows, sums) {
            return Err(format!(
                "the schedule of kernel '{kernel}' is for the sizes {parallel:?} and \
                 {reductions:?}; here they are {rows:?} and {sums:?}"
            ));
        }
        Ok(())
    }
}

/// What all kernels of a function are planned with.
pub struct Planner<'a> {
    /// The core to generate code for.
    pub core: &'a Core,
    /// The constants of the module.
    pub constants: &'a Constants,
    /// Schedules that are given for kernels by name.
    pub given: &'a [KernelSchedule],
    /// Schedules that were measured, by the digests of shapes.
    pub tuned: &'a BTreeMap<String, Schedule>,
    /// How many candidates are listed for each kernel.
    pub candidates: usize,
    /// Tasks that may run at the same time.
    pub tasks: i64,
    /// The function.
    pub function: Op,
}

impl Planner<'_> {
    /// The name of kernel `number` of the function.
    pub fn name(&self, group: &Group, number: usize) -> String {
        format!("{number} {}", group.layers())
    }

    /// What is given for the kernel of this name.
    pub fn given(&self, name: &str) -> Option<&KernelSchedule> {
        let function = self.function.symbol().unwrap_or_default();
        self.given.iter().find(|given| given.function == function && given.kernel == name)
    }

    /// How many of some kernels, of which the first has this number and each so many strips,
    /// have a schedule that is given: `usize::MAX` for all of them. `None` where one has a
    /// schedule for other strips or sizes.
    pub fn named(
        &self,
        number: usize,
        kernels: impl Iterator<Item = (Group, i64)>,
    ) -> Option<usize> {
        let (mut named, mut is_of_all) = (0, true);
        for (number, (group, strips)) in (number..).zip(kernels) {
            let Some(given) = self.given(&self.name(&group, number)) else {
                is_of_all = false;
                continue;
            };
            given.check(strips, &self.prepare(group).1).ok()?;
            named += 1;
        }
        Some(if is_of_all { usize::MAX } else { named })
    }

    /// Have all of some kernels, of which the first has this number and each so many strips, a schedule
    /// that is given for as many strips?
    pub fn names_all(&self, number: usize, kernels: impl Iterator<Item = (Group, i64)>) -> bool {
        (number..).zip(kernels).all(|(number, (group, strips))| {
            let given = self.given(&self.name(&group, number));
            given.is_some_and(|given| given.check_strips(strips).is_ok())
        })
    }

    /// Is a buffer a constant?
    pub fn is_constant(&self, input: &Access) -> bool {
        self.constants.values(input.root).is_some()
    }

    /// The cost of a group by the model, with that of weights which were not near before.
    pub fn cost(&self, group: &Group) -> f64 {
        let (_, joined) = self.prepare(group.clone());
        let schedule = schedule::choose(&joined, self.core, self.constants);
        schedule.cost + schedule.cost_of_weights(&joined, self.core, self.constants)
    }

    /// A group with as few dimensions as possible; and with as few reductions, if its
    /// constants are packed.
    fn prepare(&self, mut group: Group) -> (Group, Group) {
        group.simplify();
        group.root.sort_reductions(|input| self.is_constant(input));
        let mut joined = group.clone();
        joined.join_reductions(|input| self.is_constant(input));
        (group, joined)
    }

    /// Plans kernel `number` of the function, one of so many strips; what it needs is put
    /// at `builder`.
    ///
    /// # Errors
    ///
    /// Where a schedule that is given does not fit the kernel.
    pub fn plan(
        &self,
        group: Group,
        strips: i64,
        number: usize,
        builder: Builder,
    ) -> Result<(Plan, KernelSchedule), String> {
        let constants = self.constants;
        let (mut group, joined) = self.prepare(group);
        let shape = Shape::of(&joined, strips, self.tasks, constants);
        let mut described = KernelSchedule {
            function: self.function.symbol().unwrap_or_default(),
            kernel: self.name(&group, number),
            strips: Some(strips),
            parallel: joined.root.parallel_sizes().to_vec(),
            reductions: joined.root.reduction_sizes().to_vec(),
            schedule: schedule::choose(&joined, self.core, constants),
            cost: 0.0,
            multiply_adds: Body::new(&joined.root, None, None).multiply_adds()
                * joined.root.sizes.iter().product::<i64>(),
            by: By::Model,
            shape: None,
            candidates: Vec::new(),
        };
        described.cost = described.schedule.cost;
        let given = match (self.given(&described.kernel), self.tuned.get(&shape.digest)) {
            (Some(given), _) => {
                given.check(strips, &joined)?;
                Some((By::File, given.schedule.clone()))
            }
            (None, Some(tuned)) => Some((By::Measurement, tuned.clone())),
            (None, None) => None,
        };
        if let Some((by, schedule)) = given {
            let completed = schedule.complete(&joined, self.core, constants);
            let completed = completed.map_err(|error| match by {
                By::Measurement => format!(
                    "the measured schedule of kernel '{}' {error}; measure again with pfp tune, or \
                     take --schedule model",
                    described.kernel
                ),
                _ => format!("the schedule of kernel '{}' {error}", described.kernel),
            })?;
            (described.by, described.schedule) = (by, completed);
        }
        if self.candidates > 0 {
            let all = schedule::candidates(&joined, self.core, constants, self.candidates);
            let all = all.into_iter().map(|schedule| Candidate { cost: schedule.cost, schedule });
            described.candidates = all.collect();
            described.shape = Some(shape);
        }
        let mut schedule = described.schedule.clone();
        let core = schedule.core(self.core);
        let streams = pack(&group.root, &schedule, &core, constants, self.function, builder);
        let is_packed = |input: &Access| streams.iter().any(|s| s.inputs.contains(&input.root));
        if group.root.inputs.iter().all(|input| !self.is_constant(input) || is_packed(input)) {
            group = joined;
        }
        if let Some(block) = &mut schedule.block {
            block.hoisted = group.block_reductions(block.steps);
        }
        let elements = schedule.scratch * self.tasks;
        let scratch = (elements > 0).then(|| allocate_within_item(builder, elements));
        Ok((Plan { group, schedule, streams, scratch, core }, described))
    }
}
