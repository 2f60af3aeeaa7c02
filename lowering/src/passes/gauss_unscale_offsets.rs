//! `--gauss-unscale-offsets`: vectors loaded by offsets that LDUR takes and LDR does not.

use std::collections::HashMap;

use gauss_dialect::ir::{Builder, Op, Type, Value};

use crate::{
    effect::{Effect, effect},
    lanes,
    pass::{Pass, fail},
};

/// Gives loads of `vector<4xf32>` other bases in each innermost `scf.for` that stores nothing:
/// three or more that differ by a constant load from an address 8 bytes past a multiple of 16
/// from theirs, and at most 248 away. An offset that is no multiple of the size is the unscaled
/// one of LDUR, never that of LDR or, for a pair, LDP.
pub const PASS: Pass = Pass {
    name: "gauss-unscale-offsets",
    description: "Load vectors of AArch64 by unscaled offsets, which some cores start sooner",
    options: &[],
    run: |module, _| {
        let Some(pointer) = module.context().parse_type("!llvm.ptr") else {
            return Err(fail(module, "cannot be rewritten: the llvm dialect is not loaded"));
        };
        let loops: Vec<_> =
            module.descendants().into_iter().filter(|op| op.is("scf.for")).collect();
        loops.into_iter().for_each(|op| rewrite(op, pointer));
        Ok(())
    },
};

/// Fewer loads are not worth a register for their base.
const LEAST_LOADS: usize = 3;

/// Elements of a vector.
const LANES: i64 = 4;

/// Elements from the first vector of a window to its base, as from there to the last one:
/// half a vector past a whole number of them.
const REACH: i64 = 15 * LANES + LANES / 2;

/// A load, its place in the loop, and what of its index is constant.
struct Load {
    op: Op,
    place: usize,
    offset: i64,
}

fn rewrite(op: Op, pointer: Type) {
    let ops = op.body().map(|body| body.ops()).unwrap_or_default();
    // A store could be to an address that the compiler does not know.
    let is_harmless = |op: &Op| matches!(effect(*op), Effect::None | Effect::Reads(_));
    if !ops.iter().all(|op| is_harmless(op) || op.is("scf.yield")) {
        return;
    }
    for mut loads in groups(&ops) {
        loads.sort_by_key(|load| load.offset);
        let mut rest = &mut loads[..];
        while let Some(first) = rest.first() {
            let middle = first.offset + REACH;
            let length = rest.partition_point(|load| load.offset <= middle + REACH);
            let (window, after) = rest.split_at_mut(length);
            window.sort_by_key(|load| load.place);
            let address = address(window[0].op, middle, pointer);
            for load in window.iter() {
                load_from(load.op, address, load.offset - middle);
            }
            rest = after;
        }
    }
}

/// The loads that differ by a constant only.
fn groups(ops: &[Op]) -> Vec<Vec<Load>> {
    let mut numbers = HashMap::new();
    let mut groups: Vec<Vec<Load>> = vec![];
    for (place, &op) in ops.iter().enumerate().filter(|(_, op)| is_load(**op)) {
        let (base, offset) = split(op.operand(1));
        let number = *numbers.entry((op.operand(0), base)).or_insert(groups.len());
        groups.resize_with(groups.len().max(number + 1), Vec::new);
        groups[number].push(Load { op, place, offset });
    }
    groups.retain(|loads| loads.len() >= LEAST_LOADS);
    groups
}

fn is_load(op: Op) -> bool {
    if !op.is("vector.load") || op.operands().len() != 2 {
        return false;
    }
    let (buffer, f32) = (op.operand(0).ty(), op.context().f32());
    // Neighbours from the pointer on, in the memory that pointers are for.
    let is_plain = |shape: Vec<i64>| shape.len() == 1 && buffer == Type::memref(f32, &shape);
    op.result(0).ty() == Type::vector(f32, &[LANES]) && buffer.shape().is_some_and(is_plain)
}

/// An index without the constant that is added to it, and the constant.
fn split(index: Value) -> (Value, i64) {
    let sum = index.defining_op().filter(|op| op.is("arith.addi"));
    let constant = |value| lanes::integer_constant(value).filter(|n| i32::try_from(*n).is_ok());
    sum.and_then(|sum| Some((sum.operand(0), constant(sum.operand(1))?))).unwrap_or((index, 0))
}

/// The address of an element, `middle` past what a load and its group have in common. The
/// compiler does not know where it is, so that it does not move it to a multiple of 16.
fn address(load: Op, middle: i64, pointer: Type) -> Value {
    let builder = Builder::before(load);
    let context = builder.context();
    let index = context.index();
    let (base, _) = split(load.operand(1));
    let start = builder.value("memref.extract_aligned_pointer_as_index", &[load.operand(0)], index);
    let sum = |a, b| builder.value("arith.addi", &[a, b], index);
    let element = sum(base, builder.index_constant(middle));
    let bytes = builder.value("arith.muli", &[element, builder.index_constant(4)], index);
    let address = sum(start, bytes);
    let address = builder.value("arith.index_cast", &[address], context.integer(64));
    let address = builder.value("llvm.inttoptr", &[address], pointer);
    builder
        .op("llvm.inline_asm")
        .operands(&[address])
        .attr("asm_string", context.string_attr(""))
        .attr("constraints", context.string_attr("=r,0"))
        .results(&[pointer])
        .build()
        .result(0)
}

/// Loads from so many elements past an address.
fn load_from(load: Op, address: Value, offset: i64) {
    let builder = Builder::before(load);
    let context = builder.context();
    let element = builder
        .op("llvm.getelementptr")
        .operands(&[address])
        .attr("elem_type", context.f32().attr())
        .attr("rawConstantIndices", context.i32_array_attr(&[offset as i32]))
        .results(&[address.ty()])
        .build()
        .result(0);
    let loaded = builder
        .op("llvm.load")
        .operands(&[element])
        .attr("alignment", context.i64_attr(4))
        .results(&[load.result(0).ty()])
        .build()
        .result(0);
    load.result(0).replace_all_uses_with(loaded);
    load.erase();
}
