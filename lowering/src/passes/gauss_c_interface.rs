//! `--gauss-c-interface`: the C function of a lowered network.

use gauss_dialect::ir::{Block, Builder, Context, Op};

use super::{gauss_generate_kernels::KERNELS, gauss_plan_arena::ALIGNMENT};
use crate::pass::{Failed, Outcome, Pass, fail};

/// Puts `int pfp_<name>(.., void *arena)` before each `llvm.func` that has a
/// planned arena, and makes that function internal. The C function returns 1
/// where a pointer is null and 2 where the arena is not aligned.
pub const PASS: Pass = Pass {
    name: "gauss-c-interface",
    description: "Wrap lowered networks in functions that C can call (option: vector-bits)",
    options: &["vector-bits"],
    run: |module, options| {
        let ops = module.body().map(Block::ops).unwrap_or_default();
        for op in ops {
            if op.is("llvm.func") && op.attribute("gauss.arena_bytes").is_some() {
                wrap(op, options.get("vector-bits"))?;
            }
        }
        Ok(())
    },
};

fn wrap(function: Op, vector_bits: Option<&str>) -> Outcome {
    let name = function.symbol().unwrap_or_default();
    let mut characters = name.chars();
    let starts_well = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(fail(function, format!("has the name '{name}', which C cannot call")));
    }
    let context = function.context();
    let count = function.body().map(Block::arguments).unwrap_or_default().len();
    let arena_bytes =
        function.attribute("gauss.arena_bytes").and_then(|bytes| bytes.as_i64()).unwrap_or(0);
    let text = wrapper(&name, count, arena_bytes);
    let parsed = context
        .parse_op(&text)
        .ok_or_else(|| fail(function, "could not be wrapped: internal error"))?;
    let wrapper = parsed.body().and_then(Block::first_op).ok_or(Failed)?.clone_detached();
    Builder::before(function).insert(wrapper);
    parsed.erase();
    for attribute in ["gauss.arena_bytes", "gauss.arena_plan", KERNELS] {
        if let Some(value) = function.attribute(attribute) {
            wrapper.set_attribute(attribute, value);
            function.remove_attribute(attribute);
        }
    }
    if let Some(internal) = context.parse_attribute("#llvm.linkage<internal>") {
        function.set_attribute("linkage", internal);
    }
    if let Some(attributes) = pointer_attributes(context, count) {
        function.set_attribute("arg_attrs", attributes);
    }
    for op in [function, wrapper] {
        if let Some(attributes) = context.parse_attribute(&code_generation(vector_bits)) {
            op.set_attribute("passthrough", attributes);
        }
    }
    Ok(())
}

/// Nothing overlaps, and the arena is aligned: the wrapper has checked it.
fn pointer_attributes(context: Context, count: usize) -> Option<gauss_dialect::ir::Attribute> {
    let plain = "{llvm.noalias, llvm.nocapture}".to_owned();
    let arena = format!("{{llvm.noalias, llvm.nocapture, llvm.align = {ALIGNMENT} : i64}}");
    let mut each = vec![plain; count - 1];
    each.push(arena);
    context.parse_attribute(&format!("[{}]", each.join(", ")))
}

/// No unwinding, vectors as wide as the kernels were made for, and no red zone:
/// the stack that a function uses is then what LLVM reports.
fn code_generation(vector_bits: Option<&str>) -> String {
    match vector_bits {
        Some(bits) => format!(
            "[\"nounwind\", \"noredzone\", [\"prefer-vector-width\", \"{bits}\"], \
             [\"min-legal-vector-width\", \"{bits}\"]]"
        ),
        None => "[\"nounwind\", \"noredzone\"]".to_owned(),
    }
}

/// The text of the C function: pointers in, status out.
fn wrapper(name: &str, count: usize, arena_bytes: i64) -> String {
    let parameters: Vec<_> = (0..count).map(|i| format!("%p{i}: !llvm.ptr")).collect();
    let arguments: Vec<_> = (0..count).map(|i| format!("%p{i}")).collect();
    let types = vec!["!llvm.ptr"; count].join(", ");
    // An arena of no bytes may be null.
    let checked = if arena_bytes > 0 { count } else { count - 1 };
    let mut nulls = String::from("    %none = llvm.mlir.constant(false) : i1\n");
    let mut any = "%none".to_owned();
    for i in 0..checked {
        nulls += &format!(
            "    %null{i} = llvm.icmp \"eq\" %p{i}, %zero : !llvm.ptr\n    \
             %any{i} = llvm.or {any}, %null{i} : i1\n"
        );
        any = format!("%any{i}");
    }
    format!(
        "module {{
  llvm.func @pfp_{name}({parameters}) -> i32 {{
    %zero = llvm.mlir.zero : !llvm.ptr
{nulls}    llvm.cond_br {any}, ^null, ^aligned
  ^null:
    %one = llvm.mlir.constant(1 : i32) : i32
    llvm.return %one : i32
  ^aligned:
    %address = llvm.ptrtoint %p{arena} : !llvm.ptr to i64
    %mask = llvm.mlir.constant({mask} : i64) : i64
    %low = llvm.and %address, %mask : i64
    %nothing = llvm.mlir.constant(0 : i64) : i64
    %misaligned = llvm.icmp \"ne\" %low, %nothing : i64
    llvm.cond_br %misaligned, ^misaligned, ^run
  ^misaligned:
    %two = llvm.mlir.constant(2 : i32) : i32
    llvm.return %two : i32
  ^run:
    llvm.call @{name}({arguments}) : ({types}) -> ()
    %ok = llvm.mlir.constant(0 : i32) : i32
    llvm.return %ok : i32
  }}
  llvm.func @{name}({types})
}}",
        parameters = parameters.join(", "),
        arguments = arguments.join(", "),
        arena = count - 1,
        mask = ALIGNMENT - 1,
    )
}
