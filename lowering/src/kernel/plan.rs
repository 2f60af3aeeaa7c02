//! Plans: a group with its schedule and its packed constants, ready to be emitted.

use std::path::Path;

use gauss_dialect::ir::{Builder, Op, Value};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::{
    body::Body,
    buffers::allocate_within_item,
    constants::Constants,
    group::Group,
    nest::Access,
    pack::{Stream, pack},
    schedule::{self, Schedule},
};
use crate::{
    files::{self, Kind},
    pass::Options,
    target::{Core, Target},
};

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
}

impl KernelSchedule {
    /// Do both name the same kernel?
    pub fn is_for(&self, other: &Self) -> bool {
        (&self.function, &self.kernel) == (&other.function, &other.kernel)
    }

    /// Is the schedule one of so many strips, and of the sizes of a group as it is planned?
    fn check(&self, strips: i64, group: &Group) -> Result<(), String> {
        let Self { kernel, parallel, reductions, .. } = self;
        if let Some(given) = self.strips.filter(|given| *given != strips) {
            return Err(format!(
                "the schedule of kernel '{kernel}' is for {given} strips, which do not fit here; \
                 take one of the same batch and tasks"
            ));
        }
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

/// A schedule file: what it says of some kernels of a function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    /// Numbers of the core that take the place of the target's.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub core: Map<String, serde_json::Value>,
    /// Kernels whose schedule the model does not choose.
    #[serde(default)]
    pub kernels: Vec<KernelSchedule>,
}

impl ScheduleFile {
    /// The file that the option `schedule` names, empty without it; and the core that the
    /// option `core` names, with the numbers of the file.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is no schedule file, or there is no such core.
    pub fn of(options: &Options) -> Result<(Self, Core), String> {
        let core = Target::core(options.get("core").unwrap_or("host"))?;
        let read =
            |path: &str| Self::read(Path::new(path)).map_err(|error| format!("{path}: {error}"));
        let file = options.get("schedule").map_or(Ok(Self::default()), read)?;
        let core = core.with(&file.core)?;
        Ok((file, core))
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not JSON of this form.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = files::read(path, Kind::SCHEDULE).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }
}

/// What all kernels of a function are planned with.
pub struct Planner<'a> {
    /// The core to generate code for.
    pub core: &'a Core,
    /// The constants of the module.
    pub constants: &'a Constants,
    /// Schedules that are given.
    pub given: &'a [KernelSchedule],
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
        let described = KernelSchedule {
            function: self.function.symbol().unwrap_or_default(),
            kernel: self.name(&group, number),
            strips: Some(strips),
            parallel: joined.root.parallel_sizes().to_vec(),
            reductions: joined.root.reduction_sizes().to_vec(),
            schedule: schedule::choose(&joined, self.core, constants),
            cost: 0.0,
            multiply_adds: Body::new(&joined.root, None, None).multiply_adds()
                * joined.root.sizes.iter().product::<i64>(),
        };
        let mut described = KernelSchedule { cost: described.schedule.cost, ..described };
        if let Some(given) = self.given(&described.kernel) {
            given.check(strips, &joined)?;
            let schedule = given.schedule.clone().complete(&joined, self.core, constants);
            described.schedule = schedule
                .map_err(|error| format!("the schedule of kernel '{}' {error}", given.kernel))?;
        }
        let mut schedule = described.schedule.clone();
        let streams = pack(&group.root, &schedule, self.core, constants, self.function, builder);
        let is_packed = |input: &Access| streams.iter().any(|s| s.inputs.contains(&input.root));
        if group.root.inputs.iter().all(|input| !self.is_constant(input) || is_packed(input)) {
            group = joined;
        }
        if let Some(block) = &mut schedule.block {
            block.hoisted = group.block_reductions(block.steps);
        }
        let elements = schedule.scratch * self.tasks;
        let scratch = (elements > 0).then(|| allocate_within_item(builder, elements));
        Ok((Plan { group, schedule, streams, scratch }, described))
    }
}
