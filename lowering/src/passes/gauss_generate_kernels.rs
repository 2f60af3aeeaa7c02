//! `--gauss-generate-kernels`: linalg on buffers to vector code.

use gauss_dialect::ir::{Builder, Op};

use crate::{
    kernel::{
        emit,
        group::{Group, group},
        nest::Nest,
        pack::{Constants, pack},
        schedule,
    },
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
            copy_as_nest(op)?;
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
    for mut group in runs.into_iter().flat_map(group) {
        group.simplify();
        let schedule = schedule::choose(&group, core, &constants);
        let builder = Builder::before(last_op(&group)?);
        let streams = pack(&group.root, &schedule, core, &constants, function, builder);
        emit::emit(&group, &schedule, core, &streams, builder);
        emit::erase_members(&group);
    }
    Ok(())
}

fn last_op(group: &Group) -> Result<Op, Failed> {
    group.members().last().map(|nest| nest.op).ok_or(Failed)
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
fn copy_as_nest(op: Op) -> Outcome {
    let builder = Builder::before(op);
    let context = op.context();
    let (source, destination) = (op.operand(0), op.operand(1));
    let shape = source.ty().shape().ok_or_else(|| fail(op, "copies a buffer without shape"))?;
    let scalar = source.ty().element_type();
    let block = gauss_dialect::ir::Block::new(&[scalar, scalar], op.location());
    builder.in_block(block).op("linalg.yield").operands(&[block.argument(0)]).build();
    let map = context.identity_map(shape.len()).attr();
    let parallel = context
        .parse_attribute("#linalg.iterator_type<parallel>")
        .ok_or_else(|| fail(op, "needs the linalg dialect"))?;
    builder
        .op("linalg.generic")
        .operands(&[source, destination])
        .attr("indexing_maps", context.array_attr(&[map, map]))
        .attr("iterator_types", context.array_attr(&vec![parallel; shape.len()]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 1]))
        .region(block)
        .build();
    op.erase();
    Ok(())
}
