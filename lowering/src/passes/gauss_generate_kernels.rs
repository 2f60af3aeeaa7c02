//! `--gauss-generate-kernels`: linalg on buffers to vector code.

use gauss_dialect::ir::{Block, Builder, Op, Type, Value};

use crate::{
    kernel::{
        emit::{emit, erase_members, repeat},
        group::{Group, group},
        layout,
        nest::{Access, Nest},
        pack::{Constants, pack},
        region::{Region, WITHIN_ITEM, regions},
        schedule,
    },
    linalg,
    pass::{Failed, Outcome, Pass, fail},
    target::{Core, Target},
};

/// Replaces every `linalg.generic` and `memref.copy` of a function by loops over
/// vectors, in the schedule that suits the core. Constants that a reduction reads
/// are packed into new globals.
pub const PASS: Pass = Pass {
    name: "gauss-generate-kernels",
    description: "Generate vector code for linalg on buffers (option: core, default host)",
    options: &["core"],
    run: |module, options| {
        let core = Target::core(options.get("core").unwrap_or("host"))
            .map_err(|error| fail(module, error))?;
        let ops = module.body().map(|body| body.ops()).unwrap_or_default();
        let functions = ops.into_iter().filter(|op| op.is("func.func"));
        functions.into_iter().try_for_each(|function| generate(module, function, &core))
    },
};

fn generate(module: Op, function: Op, core: &Core) -> Outcome {
    let constants = Constants::of(module);
    for op in function.descendants() {
        if op.is("memref.copy") {
            copy_as_nest(op);
        }
    }
    // A run of nests ends at any op that may touch memory in another way.
    let mut runs: Vec<Vec<Nest>> = vec![vec![]];
    for op in function.body().map(|body| body.ops()).unwrap_or_default() {
        if op.is("linalg.generic") {
            let nest = Nest::of(op).map_err(|error| fail(op, error))?;
            if let Some(run) = runs.last_mut() {
                run.push(nest);
            }
        } else if !is_transparent(op) {
            runs.push(vec![]);
        }
    }
    let mut runs: Vec<Vec<Group>> = runs.into_iter().map(group).collect();
    for run in &mut runs {
        layout::assign(run, core, &constants);
    }
    for region in runs.into_iter().flat_map(|groups| regions(groups, &constants)) {
        emit_region(region, core, &constants, function)?;
    }
    Ok(())
}

fn emit_region(region: Region, core: &Core, constants: &Constants, function: Op) -> Outcome {
    let last = region.groups.last().and_then(|group| group.members().last());
    let builder = Builder::before(last.ok_or(Failed)?.op);
    let trip = (0, region.items, 1);
    repeat(builder, trip, vec![], |inner, item, _| {
        for mut group in region.groups.iter().cloned() {
            group.simplify();
            let is_constant = |input: &Access| constants.values(input.root).is_some();
            group.root.sort_reductions(is_constant);
            let mut joined = group.clone();
            joined.join_reductions(is_constant);
            let mut schedule = schedule::choose(&joined, core, constants);
            let streams = pack(&group.root, &schedule, core, constants, function, builder);
            let is_packed = |input: &Access| streams.iter().any(|s| s.inputs.contains(&input.root));
            if group.root.inputs.iter().all(|input| !is_constant(input) || is_packed(input)) {
                group = joined;
            }
            if let Some(block) = &mut schedule.block {
                block.hoisted = group.block_reductions(block.steps);
            }
            let scratch = (schedule.scratch > 0).then(|| scratch(builder, schedule.scratch));
            emit(&group, &schedule, core, &streams, &item, scratch, inner);
        }
        vec![]
    });
    region.groups.iter().rev().for_each(erase_members);
    Ok(())
}

/// Memory whose contents matter within one tile.
fn scratch(builder: Builder, elements: i64) -> Value {
    let context = builder.context();
    builder
        .op("memref.alloc")
        .results(&[Type::memref(context.f32(), &[elements])])
        .attr("operandSegmentSizes", context.i32_array_attr(&[0, 0]))
        .attr(WITHIN_ITEM, context.unit_attr())
        .build()
        .result(0)
}

/// Does the op neither read nor write the elements of a buffer?
fn is_transparent(op: Op) -> bool {
    const HARMLESS: [&str; 9] = [
        "arith.constant",
        "func.return",
        "memref.alloc",
        "memref.cast",
        "memref.collapse_shape",
        "memref.expand_shape",
        "memref.get_global",
        "memref.reinterpret_cast",
        "memref.subview",
    ];
    HARMLESS.contains(&op.name().as_str())
}

/// `memref.copy` as the nest that yields what it reads.
fn copy_as_nest(op: Op) {
    let builder = Builder::before(op);
    let (source, destination) = (op.operand(0), op.operand(1));
    let scalar = source.ty().element_type();
    let block = Block::new(&[scalar, scalar], op.location());
    builder.in_block(block).op("linalg.yield").operands(&[block.argument(0)]).build();
    linalg::elementwise(builder, [source, destination], &[], block);
    op.erase();
}
