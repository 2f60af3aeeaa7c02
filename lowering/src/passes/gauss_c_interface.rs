//! `--gauss-c-interface`: the C function of a lowered network.

use gauss_dialect::ir::{Block, Builder, Context, Op};

use super::{
    gauss_generate_kernels::KERNELS,
    gauss_outline_tasks::{DISPATCH, EXECUTOR, TASK},
    gauss_plan_arena::ALIGNMENT,
};
use crate::{
    buffers::PLACES,
    pass::{Failed, Options, Outcome, Pass, fail},
};

/// Puts `int pfp_<name>(.., void *arena)` before each `llvm.func` that has a
/// planned arena, and makes that function internal. The C function returns 1
/// where a pointer is null and 2 where the arena is not aligned.
///
/// A function with tasks gets `int pfp_<name>_parallel(.., void *arena, const struct
/// pfp_executor *executor)` as well, and what was declared as a dispatch becomes a
/// function that calls the executor, or the tasks in order where there is none.
///
/// With `float-control` no floating-point exception traps while a network or a task of it
/// runs, and with `flush-denormals` denormal numbers count as zero there: the control word of
/// the calling thread is set, and put back with the exception flags.
pub const PASS: Pass = Pass {
    name: "gauss-c-interface",
    description: "Wrap lowered networks in functions that C can call (options: vector-bits; \
                  float-control, which is x86-64 or aarch64; flush-denormals, for x86-64)",
    options: &["vector-bits", "float-control", "flush-denormals"],
    run: |module, options| {
        let vector_bits = options.get("vector-bits");
        let control = FloatControl::of(options).map_err(|error| fail(module, error))?;
        let ops = module.body().map(Block::ops).unwrap_or_default();
        let mut networks = Vec::new();
        for op in ops.into_iter().filter(|op| op.is("llvm.func")) {
            if op.attribute("gauss.arena_bytes").is_some() {
                networks.push(wrap(op, vector_bits, &control)?);
            } else if let Some(buffers) = op.attribute(TASK).and_then(|buffers| buffers.as_i64()) {
                make_internal(op, buffers as usize, vector_bits);
            } else if let Some(tasks) = op.attribute(DISPATCH).and_then(|tasks| tasks.as_i64()) {
                define_dispatch(op, tasks, vector_bits, &control)?;
            }
        }
        keep_signatures(module, &networks)
    },
};

/// How many parameters a function has.
fn parameters(function: Op) -> usize {
    function.body().map(Block::arguments).unwrap_or_default().len()
}

/// Keeps LLVM from passing what a network loads in place of its buffers: the code generator of AArch64 ends
/// in a crash where a vector of three lanes is passed on the stack.
fn keep_signatures(module: Op, networks: &[String]) -> Outcome {
    let (Some(last), false) =
        (module.body().and_then(|body| body.ops().last().copied()), networks.is_empty())
    else {
        return Ok(());
    };
    let count = networks.len();
    let mut text = format!(
        "module {{\nllvm.mlir.global appending @llvm.compiler.used() {{section = \"llvm.metadata\"}} \
         : !llvm.array<{count} x ptr> {{\n  %0 = llvm.mlir.undef : !llvm.array<{count} x ptr>\n"
    );
    for (number, name) in networks.iter().enumerate() {
        let next = number + 1;
        text += &format!(
            "  %p{number} = llvm.mlir.addressof @\"{name}\" : !llvm.ptr\n  %{next} = \
             llvm.insertvalue %p{number}, %{number}[{number}] : !llvm.array<{count} x ptr>\n"
        );
    }
    text += &format!("  llvm.return %{count} : !llvm.array<{count} x ptr>\n}}\n");
    for name in networks {
        text += &format!("llvm.func @\"{name}\"()\n");
    }
    text += "}";
    insert::<1>(last, &text, None).map(drop)
}

/// The name that the network has behind its C function.
fn wrap(function: Op, vector_bits: Option<&str>, control: &FloatControl) -> Result<String, Failed> {
    let name = function.symbol().unwrap_or_default();
    let mut characters = name.chars();
    let starts_well = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(fail(function, format!("has the name '{name}', which C cannot call")));
    }
    let has_executor = function.attribute(EXECUTOR).is_some();
    let count = parameters(function) - usize::from(has_executor);
    let places = places(function, count);
    let arena_bytes =
        function.attribute("gauss.arena_bytes").and_then(|bytes| bytes.as_i64()).unwrap_or(0);
    let executors = match has_executor {
        true => &[Executor::Null, Executor::Parameter][..],
        false => &[Executor::None],
    };
    for (number, &executor) in executors.iter().enumerate() {
        let text = wrapper(&name, &places, arena_bytes, executor, control);
        let [wrapper] = insert(function, &text, vector_bits)?;
        if number == 0 {
            for attribute in ["gauss.arena_bytes", "gauss.arena_plan", KERNELS] {
                if let Some(value) = function.attribute(attribute) {
                    wrapper.set_attribute(attribute, value);
                    function.remove_attribute(attribute);
                }
            }
        }
    }
    function.remove_attribute(PLACES);
    let network = network(&name);
    function.set_attribute("sym_name", function.context().string_attr(&network));
    make_internal(function, count, vector_bits);
    Ok(network)
}

/// The name of a network behind its C function. A dot keeps it apart from what a C library
/// defines: a call of `memcpy` that LLVM makes of a copy would reach a network of that name.
fn network(name: &str) -> String {
    format!("{name}.network")
}

/// Puts the first ops of a module's text before `function`.
fn insert<const N: usize>(
    function: Op,
    text: &str,
    vector_bits: Option<&str>,
) -> Result<[Op; N], Failed> {
    let context = function.context();
    let parsed = context
        .parse_op(text)
        .ok_or_else(|| fail(function, "could not be wrapped: internal error"))?;
    let ops = parsed.body().map(Block::ops).unwrap_or_default();
    let copies: Vec<_> = ops.into_iter().take(N).map(Op::clone_detached).collect();
    parsed.erase();
    for &copy in &copies {
        Builder::before(function).insert(copy);
        if copy.is("llvm.func")
            && let Some(attributes) = context.parse_attribute(&code_generation(vector_bits))
        {
            copy.set_attribute("passthrough", attributes);
        }
    }
    copies.try_into().map_err(|_| Failed)
}

/// Makes a function internal whose first `count` parameters are buffers.
fn make_internal(function: Op, count: usize, vector_bits: Option<&str>) {
    let context = function.context();
    if let Some(internal) = context.parse_attribute("#llvm.linkage<internal>") {
        function.set_attribute("linkage", internal);
    }
    if let Some(attributes) = pointer_attributes(context, count, parameters(function)) {
        function.set_attribute("arg_attrs", attributes);
    }
    // Not inlined: what is known of the pointers would be lost, and arithmetic could leave
    // the place where denormal numbers are flushed.
    let attributes = code_generation(vector_bits).replacen('[', "[\"noinline\", ", 1);
    if let Some(attributes) = context.parse_attribute(&attributes) {
        function.set_attribute("passthrough", attributes);
    }
}

/// Nothing overlaps, and the arena, the last of the buffers, is aligned: the wrapper
/// has checked it.
fn pointer_attributes(
    context: Context,
    buffers: usize,
    parameters: usize,
) -> Option<gauss_dialect::ir::Attribute> {
    let plain = "{llvm.noalias, llvm.nocapture}".to_owned();
    let arena = format!("{{llvm.noalias, llvm.nocapture, llvm.align = {ALIGNMENT} : i64}}");
    let mut each = vec![plain; buffers - 1];
    each.push(arena);
    each.resize(parameters, "{}".to_owned());
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

/// What a C function gives as the executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Executor {
    /// The network takes none.
    None,
    /// None: the tasks run in order.
    Null,
    /// That of the caller.
    Parameter,
}

/// What sets the floating-point control of the calling thread for a call: the memory that it
/// needs, for the entry of a function, and what comes before and after the call.
#[derive(Debug, Clone, Default)]
struct FloatControl {
    entry: String,
    before: String,
    after: String,
}

/// The bits of MXCSR that make denormal results (FTZ) and operands (DAZ) zero.
const FLUSH_TO_ZERO: i32 = 0x8040;

/// The bits of MXCSR that keep each of the six exceptions from trapping.
const MASKED: i32 = 0x1f80;

/// The bits of FPCR that let each of the six exceptions trap. Cores that cannot trap ignore them.
const TRAPPED: i64 = 0x9f00;

impl FloatControl {
    fn of(options: &Options) -> Result<Self, String> {
        let flushes = options.get("flush-denormals").is_some_and(|value| value != "false");
        match (options.get("float-control"), flushes) {
            (Some("x86-64"), true) => Ok(Self::x86_64(MASKED | FLUSH_TO_ZERO)),
            (Some("x86-64"), false) => Ok(Self::x86_64(MASKED)),
            (Some("aarch64"), false) => Ok(Self::aarch64()),
            (None, false) => Ok(Self::default()),
            (Some("aarch64") | None, true) => {
                Err("cannot flush denormals without float-control=x86-64".to_owned())
            }
            (Some(other), _) => {
                Err(format!("has no float-control '{other}'; known: x86-64, aarch64"))
            }
        }
    }

    /// Sets bits of MXCSR, which holds control and flags.
    fn x86_64(bits: i32) -> Self {
        let control = |what: &str, place: &str| {
            format!(
                "    llvm.call_intrinsic \"llvm.x86.sse.{what}mxcsr\"({place}) : (!llvm.ptr) -> ()\n"
            )
        };
        let before = format!(
            "{save}    %mxcsr = llvm.load %saved : !llvm.ptr -> i32\n    \
             %bits = llvm.mlir.constant({bits} : i32) : i32\n    \
             %changed = llvm.or %mxcsr, %bits : i32\n    \
             llvm.store %changed, %control : i32, !llvm.ptr\n{set}",
            save = control("st", "%saved"),
            set = control("ld", "%control"),
        );
        let place = |name| format!("    {name} = llvm.alloca %word x i32 : (i64) -> !llvm.ptr\n");
        Self {
            entry: format!(
                "    %word = llvm.mlir.constant(1 : i64) : i64\n{}{}",
                place("%saved"),
                place("%control")
            ),
            before,
            after: control("ld", "%saved"),
        }
    }

    /// Clears bits of the control word FPCR; the flags are in FPSR.
    fn aarch64() -> Self {
        let read = |word: &str| {
            format!("    %{word} = llvm.call_intrinsic \"llvm.aarch64.get.{word}\"() : () -> i64\n")
        };
        let write = |word: &str, value: &str| {
            format!("    llvm.call_intrinsic \"llvm.aarch64.set.{word}\"({value}) : (i64) -> ()\n")
        };
        let before = format!(
            "{}{}    %bits = llvm.mlir.constant({} : i64) : i64\n    \
             %changed = llvm.and %fpcr, %bits : i64\n{}",
            read("fpcr"),
            read("fpsr"),
            !TRAPPED,
            write("fpcr", "%changed"),
        );
        let after = write("fpcr", "%fpcr") + &write("fpsr", "%fpsr");
        Self { entry: String::new(), before, after }
    }
}

/// For each pointer that C gives, the arena the last of them, where the arguments begin that it holds.
fn places(function: Op, count: usize) -> Vec<Vec<i64>> {
    let given = function.attribute(PLACES).and_then(|places| places.as_array());
    let given = given.unwrap_or_default().into_iter().filter_map(|places| places.as_i64_array());
    let mut places: Vec<_> = given.collect();
    let arguments: usize = places.iter().map(Vec::len).sum();
    places.resize(places.len() + count - arguments.min(count), vec![0]);
    places
}

/// The text of the C function: pointers in, status out.
fn wrapper(
    name: &str,
    places: &[Vec<i64>],
    arena_bytes: i64,
    executor: Executor,
    control: &FloatControl,
) -> String {
    let count = places.len();
    let mut parameters: Vec<_> = (0..count).map(|i| format!("%p{i}: !llvm.ptr")).collect();
    let mut arguments = Vec::new();
    let mut parts = String::new();
    for (i, places) in places.iter().enumerate() {
        for &place in places {
            if place == 0 {
                arguments.push(format!("%p{i}"));
                continue;
            }
            let part = format!("%part{}", arguments.len());
            parts += &format!(
                "    {part} = llvm.getelementptr inbounds %p{i}[{place}] : (!llvm.ptr) -> !llvm.ptr, f32\n"
            );
            arguments.push(part);
        }
    }
    match executor {
        Executor::None => {}
        Executor::Null => arguments.push("%zero".to_owned()),
        Executor::Parameter => {
            parameters.push("%executor: !llvm.ptr".to_owned());
            arguments.push("%executor".to_owned());
        }
    }
    let suffix = if executor == Executor::Parameter { "_parallel" } else { "" };
    let types = vec!["!llvm.ptr"; arguments.len()].join(", ");
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
    let FloatControl { entry, before, after } = control;
    let network = network(name);
    format!(
        "module {{
  llvm.func @pfp_{name}{suffix}({parameters}) -> i32 {{
{entry}    %zero = llvm.mlir.zero : !llvm.ptr
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
{parts}{before}    llvm.call @\"{network}\"({arguments}) : ({types}) -> ()
{after}    %ok = llvm.mlir.constant(0 : i32) : i32
    llvm.return %ok : i32
  }}
  llvm.func @\"{network}\"({types})
}}",
        parameters = parameters.join(", "),
        arguments = arguments.join(", "),
        arena = count - 1,
        mask = ALIGNMENT - 1,
    )
}

/// Puts the definition of a dispatch in the place of its declaration.
fn define_dispatch(
    declared: Op,
    tasks: i64,
    vector_bits: Option<&str>,
    control: &FloatControl,
) -> Outcome {
    let name = declared.symbol().unwrap_or_default();
    let signature = declared.attribute("function_type").map(|ty| ty.to_string());
    let signature = signature.unwrap_or_default();
    let (_, parameters) = signature.rsplit_once('(').ok_or(Failed)?;
    let of_llvm = |ty: &str| if ty.contains("ptr") { "!llvm.ptr" } else { "i64" };
    let mut types: Vec<_> = parameters.split(',').map(of_llvm).collect();
    // The executor is the last parameter.
    types.pop().ok_or(Failed)?;
    let text = dispatch(&name, &types, tasks, control);
    let [_, _] = insert(declared, &text, vector_bits)?;
    declared.erase();
    Ok(())
}

/// The text of a dispatch, and of the function that an executor calls for a task:
/// pointers and counters go through memory, as C has one pointer for the data of a task.
fn dispatch(name: &str, types: &[&str], tasks: i64, control: &FloatControl) -> String {
    let (task, entry) = (name.replace(".dispatch", ".task"), name.replace(".dispatch", ".entry"));
    let count = types.len();
    let parameters: Vec<_> =
        types.iter().enumerate().map(|(i, ty)| format!("%p{i}: {ty}")).collect();
    let arguments: Vec<_> = (0..count).map(|i| format!("%p{i}")).collect();
    let (mut loads, mut stores) = (String::new(), String::new());
    for (i, ty) in types.iter().enumerate() {
        let place = format!(
            "    %place{i} = llvm.getelementptr %data[{i}] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr\n"
        );
        loads += &format!("{place}    %p{i} = llvm.load %place{i} : !llvm.ptr -> {ty}\n");
        stores += &format!("{place}    llvm.store %p{i}, %place{i} : {ty}, !llvm.ptr\n");
    }
    let types = types.join(", ");
    // A thread of the executor has a control word of its own.
    let FloatControl { entry: memory, before, after } = control;
    format!(
        "module {{
  llvm.func internal @\"{entry}\"(%data: !llvm.ptr, %task: i64) {{
{memory}{loads}{before}    llvm.call @\"{task}\"({arguments}, %task) : ({types}, i64) -> ()
{after}    llvm.return
  }}
  llvm.func internal @\"{name}\"({parameters}, %executor: !llvm.ptr) {{
    %slots = llvm.mlir.constant({count} : i64) : i64
    %data = llvm.alloca %slots x !llvm.ptr : (i64) -> !llvm.ptr
{stores}    %first = llvm.mlir.constant(0 : i64) : i64
    %one = llvm.mlir.constant(1 : i64) : i64
    %tasks = llvm.mlir.constant({tasks} : i64) : i64
    %zero = llvm.mlir.zero : !llvm.ptr
    %alone = llvm.icmp \"eq\" %executor, %zero : !llvm.ptr
    llvm.cond_br %alone, ^next(%first : i64), ^together
  ^next(%task: i64):
    llvm.call @\"{entry}\"(%data, %task) : (!llvm.ptr, i64) -> ()
    %following = llvm.add %task, %one : i64
    %more = llvm.icmp \"ult\" %following, %tasks : i64
    llvm.cond_br %more, ^next(%following : i64), ^done
  ^together:
    %context = llvm.load %executor : !llvm.ptr -> !llvm.ptr
    %member = llvm.getelementptr %executor[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %run = llvm.load %member : !llvm.ptr -> !llvm.ptr
    %entry = llvm.mlir.addressof @\"{entry}\" : !llvm.ptr
    llvm.call %run(%context, %entry, %data, %tasks) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
    llvm.br ^done
  ^done:
    llvm.return
  }}
  llvm.func @\"{task}\"({types}, i64)
}}",
        parameters = parameters.join(", "),
        arguments = arguments.join(", "),
    )
}
