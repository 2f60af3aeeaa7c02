//! `--gauss-outline-tasks`: loops over tasks to functions that an executor can call.

use std::collections::HashMap;

use gauss_dialect::ir::{Block, Builder, Op, Type, Value};

use crate::{
    kernel::emit::loops::TASKS,
    pass::{Failed, Outcome, Pass, fail},
};

/// Moves the body of each loop that is marked with `gauss.tasks` into a function
/// `NAME.taskK` of the arguments of its function and the number of the task, and
/// puts a call of `NAME.dispatchK` in the place of the loop. That function is
/// declared only: `--gauss-c-interface` defines it, as what hands the tasks to the
/// executor of the caller. The executor is a further last argument of the function;
/// it stands for an address, as a buffer of no elements. Between both stand the counters
/// of the loops around the loop over tasks, where it uses them.
pub const PASS: Pass = Pass {
    name: "gauss-outline-tasks",
    description: "Turn loops over tasks into functions for an executor",
    options: &[],
    run: |module, _| {
        let ops = module.body().map(Block::ops).unwrap_or_default();
        let has_body = |op: &Op| op.is("func.func") && op.body().is_some();
        ops.into_iter().filter(has_body).try_for_each(outline)
    },
};

/// The attribute of a function that takes an executor.
pub const EXECUTOR: &str = "gauss.executor";

/// The attribute of a declaration that stands for a dispatch: how many tasks there are.
pub const DISPATCH: &str = "gauss.dispatch";

/// The attribute of a function that is a task: how many of its parameters are buffers.
pub const TASK: &str = "gauss.task";

/// The names of what belongs to the k-th loop of a function. A dot keeps them apart
/// from the functions of a network, whose names are C identifiers.
pub fn names(function: &str, number: usize) -> [String; 3] {
    ["task", "dispatch", "entry"].map(|kind| format!("{function}.{kind}{number}"))
}

fn outline(function: Op) -> Outcome {
    let Some(body) = function.body() else { return Ok(()) };
    let context = function.context();
    let arguments = body.arguments();
    let types: Vec<_> = arguments.iter().map(|argument| argument.ty()).collect();
    let executor_type = Type::memref(context.integer(8), &[0]);
    let executor = body.insert_argument(arguments.len(), executor_type, function.location());
    let inputs = [&types[..], &[executor_type]].concat();
    function.set_attribute("function_type", context.function_type(&inputs, &[]).attr());
    function.set_attribute(EXECUTOR, context.unit_attr());
    let name = function.symbol().unwrap_or_default();
    let loops = function.descendants().into_iter().filter(|op| op.attribute(TASKS).is_some());
    for (number, op) in loops.enumerate() {
        let tasks = trips(op)?;
        let [task, dispatch, _] = names(&name, number);
        let given = [&arguments[..], &counters(op)].concat();
        let types: Vec<_> = given.iter().map(|value| value.ty()).collect();
        let task = declare(function, &task, &[&types[..], &[context.index()]].concat());
        task.set_attribute(TASK, context.i64_attr(arguments.len() as i64));
        fill(task, op, &given)?;
        let declared = declare(function, &dispatch, &[&types[..], &[executor_type]].concat());
        declared.set_attribute(DISPATCH, context.i64_attr(tasks));
        Builder::before(op)
            .op("func.call")
            .operands(&[&given[..], &[executor]].concat())
            .attr("callee", context.symbol_attr(&dispatch))
            .build();
        op.erase();
    }
    Ok(())
}

/// The counters of the loops around `op`, innermost first.
fn counters(op: Op) -> Vec<Value> {
    let around = std::iter::successors(op.parent(), |op| op.parent());
    let loops = around.filter(|op| op.is("scf.for"));
    loops.filter_map(|op| Some(op.body()?.argument(0))).collect()
}

/// The trips of a loop from 0 in steps of 1.
fn trips(op: Op) -> Result<i64, Failed> {
    let constant = |number: usize| {
        op.operand(number).defining_op()?.attribute("value").and_then(|value| value.as_i64())
    };
    let shape = || match (constant(0)?, constant(1)?, constant(2)?) {
        (0, trips, 1) if trips > 0 => Some(trips),
        _ => None,
    };
    let is_plain = op.is("scf.for") && op.results().is_empty();
    is_plain.then(shape).flatten().ok_or_else(|| {
        fail(op, "is marked as tasks; it must be an scf.for from 0 in steps of 1 without results")
    })
}

/// A private function without a body, before `function`.
fn declare(function: Op, name: &str, inputs: &[Type]) -> Op {
    let context = function.context();
    Builder::before(function)
        .op("func.func")
        .attr("sym_name", context.string_attr(name))
        .attr("function_type", context.function_type(inputs, &[]).attr())
        .attr("sym_visibility", context.string_attr("private"))
        .empty_region()
        .build()
}

/// Moves the body of a loop into a function of the arguments and the loop's counter.
fn fill(task: Op, op: Op, arguments: &[Value]) -> Outcome {
    let body = op.body().ok_or(Failed)?;
    let types: Vec<_> = arguments.iter().map(|argument| argument.ty()).collect();
    let types = [&types[..], &[task.context().index()]].concat();
    let block = Block::new(&types, op.location());
    task.region(0).append(block);
    let end = Builder::at_end(task.context(), block, op.location()).op("func.return").build();
    let mut known: HashMap<Value, Value> =
        arguments.iter().copied().zip(block.arguments()).collect();
    body.argument(0).replace_all_uses_with(block.argument(arguments.len()));
    let moved: Vec<Op> = body.ops().into_iter().filter(|op| !op.is("scf.yield")).collect();
    for op in &moved {
        op.move_before(end);
    }
    let start = moved.first().copied().unwrap_or(end);
    for op in moved.iter().flat_map(|op| [vec![*op], op.descendants()].concat()) {
        for (number, operand) in op.operands().into_iter().enumerate() {
            if !is_within(operand, block) {
                let own = bring(operand, start, &mut known)?;
                op.set_operand(number, own);
            }
        }
    }
    Ok(())
}

/// Is the value defined in a block or in a region of one of its ops?
fn is_within(value: Value, block: Block) -> bool {
    let mut current = match value.defining_op() {
        Some(op) => Some(op.block()),
        None => value.owner_block(),
    };
    while let Some(inner) = current {
        if inner == block {
            return true;
        }
        current = inner.parent_op().filter(|op| !op.is("func.func")).map(Op::block);
    }
    false
}

/// The value in the function of the task: an argument, or a copy of what computes it.
fn bring(value: Value, start: Op, known: &mut HashMap<Value, Value>) -> Result<Value, Failed> {
    const PURE: [&str; 15] = [
        "arith.addf",
        "arith.addi",
        "arith.constant",
        "arith.divf",
        "arith.index_cast",
        "arith.minsi",
        "arith.muli",
        "arith.uitofp",
        "memref.cast",
        "memref.extract_strided_metadata",
        "memref.get_global",
        "memref.reinterpret_cast",
        "memref.subview",
        "memref.view",
        "vector.broadcast",
    ];
    if let Some(&known) = known.get(&value) {
        return Ok(known);
    }
    let op = value.defining_op().filter(|op| PURE.contains(&op.name().as_str()));
    let op = op.ok_or_else(|| {
        fail(
            start,
            "is part of a task, and uses a value from outside that is not computed by a \
                     pure operation",
        )
    })?;
    let operands = op.operands().into_iter().map(|operand| bring(operand, start, known));
    let operands = operands.collect::<Result<Vec<_>, _>>()?;
    let copy = op.clone_detached();
    copy.set_operands(&operands);
    Builder::before(start).insert(copy);
    known.insert(value, copy.result(value.number()));
    Ok(copy.result(value.number()))
}
