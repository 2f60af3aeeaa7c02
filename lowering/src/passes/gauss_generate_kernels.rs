//! `--gauss-generate-kernels`: linalg on buffers to vector code.

use std::collections::HashMap;

use gauss_dialect::ir::{Block, Builder, Op, Value};

use crate::{
    kernel::{
        constants::Constants,
        emit::{
            Around, emit, erase_members,
            loops::{for_each, for_each_strip, repeat, share},
        },
        given::Given,
        group::{Group, group},
        layout,
        nest::{Nest, is_moving, root_of},
        plan::{KernelSchedule, Plan, Planner},
        region::{ItemRegion, regions},
    },
    linalg,
    pass::{Failed, Options, Outcome, Pass, fail},
};

/// Replaces every `linalg.generic` and `memref.copy` of a function by loops over
/// vectors, in the schedule that suits the core. Constants that a reduction reads
/// are packed into new globals.
///
/// With `report` the kernels are listed, each as the JSON of a [`KernelSchedule`],
/// in the function's attribute `gauss.kernels`.
///
/// With `tasks=N` loops that are worth it become loops over up to N tasks that may
/// run at the same time. With `profile` each kernel ends with a call of
/// `pfp.profile_mark`, which gets its number. `schedule` names a JSON file with
/// schedules for some kernels ([`Given`]), by the numbers of the `network` too; without it those that are
/// shipped are taken, with `schedule=model` none. `candidates=N` adds up to N schedules to measure to the
/// report of each kernel.
pub const PASS: Pass = Pass {
    name: "gauss-generate-kernels",
    description: "Generate vector code for linalg on buffers (options: core, default host; tasks; \
                  schedule, a file or model; network; candidates; report; profile)",
    options: &["core", "tasks", "schedule", "network", "candidates", "report", "profile"],
    run: |module, options| {
        let Given { core, kernels: given, tuned } =
            Given::of(options).map_err(|error| fail(module, error))?;
        let tasks = tasks(options).map_err(|error| fail(module, error))?;
        let candidates = candidates(options).map_err(|error| fail(module, error))?;
        let is_set = |name| options.get(name).is_some_and(|value| value != "false");
        let (is_profiled, is_reported) = (is_set("profile"), is_set("report"));
        let ops = module.body().map(|body| body.ops()).unwrap_or_default();
        for function in ops.into_iter().filter(|op| op.is("func.func")) {
            let constants = Constants::of(module);
            let planner = Planner {
                core: &core,
                constants: &constants,
                given: &given,
                tuned: &tuned,
                candidates,
                tasks,
                function,
            };
            let kernels = generate(&planner, is_profiled)?;
            if is_reported {
                report(function, &kernels);
            }
        }
        Ok(())
    },
};

/// The most tasks that may run at the same time.
const MAX_TASKS: i64 = 64;

fn tasks(options: &Options) -> Result<i64, String> {
    let text = options.get("tasks").unwrap_or("1");
    let tasks = text.parse().ok().filter(|tasks| (1..=MAX_TASKS).contains(tasks));
    tasks.ok_or_else(|| format!("'tasks' is a number from 1 to {MAX_TASKS}, not '{text}'"))
}

/// The most candidates that are listed for a kernel.
const MAX_CANDIDATES: usize = 100_000;

fn candidates(options: &Options) -> Result<usize, String> {
    let text = options.get("candidates").unwrap_or("0");
    let candidates = text.parse().ok().filter(|count| *count <= MAX_CANDIDATES);
    candidates
        .ok_or_else(|| format!("'candidates' is a number up to {MAX_CANDIDATES}, not '{text}'"))
}

fn generate(planner: &Planner, is_profiled: bool) -> Result<Vec<KernelSchedule>, Failed> {
    let function = planner.function;
    let Some(body) = function.body() else { return Ok(vec![]) };
    for op in function.descendants() {
        if op.is("memref.copy") {
            linalg::copy(Builder::before(op), op.operand(0), op.operand(1));
            op.erase();
        }
    }
    let mut runs = Runs::default();
    find_runs(body, &mut runs)?;
    let runs = runs.all;
    // Kernels may be in another order than the ops that they replace. At the end of a run all
    // that they use is there.
    let ends: Vec<Option<Op>> = runs.iter().map(|run| run.last().map(|nest| nest.op)).collect();
    let mut runs: Vec<Vec<Group>> = runs.into_iter().map(group).collect();
    for run in &mut runs {
        layout::assign(run, planner.core, planner.constants);
        layout::spread_items(run);
    }
    let mut kernels = Vec::new();
    for (run, end) in runs.into_iter().zip(ends) {
        let Some(end) = end else { continue };
        let regions = regions(run, kernels.len(), planner);
        for region in &regions {
            emit_region(region, Builder::before(end), planner, is_profiled, &mut kernels)?;
        }
        let groups = regions.iter().flat_map(|region| &region.strips).flat_map(|s| &s.groups);
        groups.collect::<Vec<_>>().into_iter().rev().for_each(erase_members);
    }
    let name = function.symbol().unwrap_or_default();
    let is_unknown = |given: &&KernelSchedule| {
        given.function == name && !kernels.iter().any(|kernel| given.is_for(kernel))
    };
    if let Some(unknown) = planner.given.iter().find(is_unknown) {
        let names: Vec<_> = kernels.iter().map(|kernel| format!("'{}'", kernel.kernel)).collect();
        let message = format!(
            "has no kernel '{}', for which there is a schedule; it has {}",
            unknown.kernel,
            names.join(", ")
        );
        return Err(fail(function, message));
    }
    if is_profiled {
        let mark = function.context().parse_op(&format!("func.func private @{PROFILE_MARK}(i32)"));
        let is_declared = |op: &Op| op.symbol().as_deref() == Some(PROFILE_MARK);
        let module = function.parent().and_then(Op::body).map(Block::ops).unwrap_or_default();
        if let (Some(mark), false) = (mark, module.iter().any(is_declared)) {
            Builder::before(function).insert(mark);
        }
    }
    Ok(kernels)
}

/// Nests in their order, in runs that are compiled together.
#[derive(Default)]
struct Runs {
    all: Vec<Vec<Nest>>,
    /// What the nests of the last run access, by the whole buffer.
    places: HashMap<Value, Vec<Place>>,
}

/// A buffer, or a part of it, that a nest accesses.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    root: Value,
    is_moving: bool,
    is_written: bool,
}

impl Place {
    /// The places of a nest, each with the whole buffer.
    fn of(nest: &Nest) -> Vec<(Value, Self)> {
        let place = |root: Value| Self {
            root,
            is_moving: is_moving(root),
            is_written: nest.outputs.iter().any(|out| out.root == root),
        };
        nest.accesses().map(|access| (root_of(access.root), place(access.root))).collect()
    }

    /// Must these places of one buffer not be in a run together? Nests of one run are compared by what
    /// they take for a buffer: a part at a moving place must not share its buffer with another that
    /// they write.
    fn is_apart(&self, other: &Self) -> bool {
        self.root != other.root
            && (self.is_moving || other.is_moving)
            && (self.is_written || other.is_written)
    }
}

impl Runs {
    /// Ends the last run.
    fn end(&mut self) {
        self.all.push(vec![]);
        self.places.clear();
    }

    /// Adds a nest to the last run, or to one of its own where it must not be in that.
    fn add(&mut self, nest: Nest) {
        let places = Place::of(&nest);
        let is_apart = |(buffer, place): &(Value, Place)| {
            self.places.get(buffer).is_some_and(|others| others.iter().any(|o| place.is_apart(o)))
        };
        if places.iter().any(is_apart) {
            self.end();
        }
        for (buffer, place) in places {
            let known = self.places.entry(buffer).or_default();
            if !known.contains(&place) {
                known.push(place);
            }
        }
        match self.all.last_mut() {
            Some(run) => run.push(nest),
            None => self.all.push(vec![nest]),
        }
    }
}

/// Adds the nests of a block and of its loops. A run of nests ends at any op that may
/// touch memory in another way.
fn find_runs(block: Block, runs: &mut Runs) -> Outcome {
    for op in block.ops() {
        if op.is("linalg.generic") {
            runs.add(Nest::of(op).map_err(|error| fail(op, error))?);
        } else if let Some(body) = op.body().filter(|_| op.is("scf.for")) {
            runs.end();
            find_runs(body, runs)?;
            runs.end();
        } else if !is_transparent(op) {
            runs.end();
        }
    }
    Ok(())
}

fn report(function: Op, kernels: &[KernelSchedule]) {
    let context = function.context();
    let texts = kernels.iter().filter_map(|kernel| serde_json::to_string(kernel).ok());
    let texts: Vec<_> = texts.map(|text| context.string_attr(&text)).collect();
    function.set_attribute(KERNELS, context.array_attr(&texts));
}

/// The attribute of a function that lists its kernels.
pub const KERNELS: &str = "gauss.kernels";

/// What a profiled kernel calls at its end.
pub const PROFILE_MARK: &str = "pfp.profile_mark";

/// Emits a region at the end of its run, which `end` stands at.
fn emit_region(
    region: &ItemRegion,
    end: Builder,
    planner: &Planner,
    is_profiled: bool,
    kernels: &mut Vec<KernelSchedule>,
) -> Outcome {
    let last = region.strips.iter().flat_map(|strip| &strip.groups).last();
    let last = last.and_then(|group| group.members().last()).ok_or(Failed)?.op;
    let builder = end.at_location_of(last);
    let mut plans = Vec::new();
    let mut cost = 0.0;
    for strip in &region.strips {
        let mut plans_of_strip = Vec::new();
        for group in &strip.groups {
            let (plan, mut kernel) = planner
                .plan(group.clone(), strip.trips, kernels.len(), builder)
                .map_err(|error| fail(last, error))?;
            let (done, of) = group.steps_in_strips();
            kernel.multiply_adds = kernel.multiply_adds / of * done * region.items;
            cost += kernel.cost / of as f64 * (done * region.items) as f64;
            plans_of_strip.push((kernels.len(), plan));
            kernels.push(kernel);
        }
        plans.push((strip.trips, plans_of_strip));
    }
    let core = planner.core;
    let is_shared = planner.tasks > 1 && cost >= core.task_cycles as f64;
    // A region of one kernel has but the loops of that to share.
    let sharing = match &mut plans[..] {
        [(1, plans)] if is_shared && region.items == 1 => plans
            .first_mut()
            .and_then(|(_, plan)| plan.schedule.share(&plan.group.root.sizes, core, planner.tasks)),
        _ => None,
    };
    let emit_strip = |builder: Builder, plans: &[(usize, Plan)], around: Around| {
        for (number, plan) in plans {
            emit(plan, &around, builder);
            if is_profiled {
                mark(builder, *number as i64);
            }
        }
    };
    let emit_strips = |builder: Builder, plans: &[(usize, Plan)], part, around: Around| {
        let uneven = plans.iter().filter_map(|(_, plan)| plan.group.uneven);
        match uneven.into_iter().any(|uneven| uneven.common > 0) {
            true => for_each_strip(builder, part, |builder, strip, is_later_strip| {
                emit_strip(builder, plans, Around { strip, is_later_strip, ..around });
            }),
            false => for_each(builder, part, |builder, strip| {
                emit_strip(builder, plans, Around { strip, ..around });
            }),
        }
    };
    let emit_item = |builder: Builder, around: Around| {
        for (trips, plans) in &plans {
            let around = around.clone();
            match trips {
                1 => emit_strip(builder, plans, around),
                _ => {
                    let part = [0, *trips].map(|strip| builder.index_constant(strip));
                    emit_strips(builder, plans, part, around);
                }
            }
        }
    };
    match (&plans[..], region.items) {
        (_, items) if is_shared && items > 1 => {
            let tasks = planner.tasks.min(items);
            share(builder, (tasks, items), |builder, task, part| {
                for_each(builder, part, |builder, item| {
                    emit_item(builder, Around { item, task, ..Around::default() });
                });
            });
        }
        ([(trips, plans)], _) if is_shared && *trips > 1 => {
            let tasks = planner.tasks.min(*trips);
            share(builder, (tasks, *trips), |builder, task, part| {
                emit_strips(builder, plans, part, Around { task, ..Around::default() });
            });
        }
        (_, items) => {
            repeat(builder, (0, items, 1), vec![], |builder, item, _| {
                emit_item(builder, Around { item, sharing, ..Around::default() });
                vec![]
            });
        }
    }
    Ok(())
}

fn mark(builder: Builder, kernel: i64) {
    let context = builder.context();
    let ty = context.integer(32);
    let number = builder.constant(ty.integer_attr(kernel), ty);
    let callee = context.symbol_attr(PROFILE_MARK);
    builder.op("func.call").operands(&[number]).attr("callee", callee).build();
}

/// Does the op neither read nor write the elements of a buffer?
fn is_transparent(op: Op) -> bool {
    const HARMLESS: [&str; 8] = [
        "func.return",
        "memref.alloc",
        "memref.cast",
        "memref.collapse_shape",
        "memref.expand_shape",
        "memref.get_global",
        "memref.reinterpret_cast",
        "memref.subview",
    ];
    op.name().starts_with("arith.") || HARMLESS.contains(&op.name().as_str())
}
