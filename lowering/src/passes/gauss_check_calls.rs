//! `--gauss-check-calls`: how large a network gets when its calls are inlined.

use std::collections::HashMap;

use gauss_dialect::ir::Op;

use crate::pass::{Outcome, Pass, fail};

/// The most operations of a function and of all that it calls, each as often as it is called.
pub const MAX_OPS: u64 = 4096;

/// Refuses recursion, and functions with more than [`MAX_OPS`] operations once calls are inlined.
pub const PASS: Pass = Pass {
    name: "gauss-check-calls",
    description: "Refuse recursion and calls that would be inlined to too many ops",
    options: &[],
    run: |module, _| check(module),
};

/// A function and what it calls.
struct Function {
    op: Op,
    ops: u64,
    calls: Vec<(Op, usize)>,
}

/// Checks the functions of `module`. Each is counted once, however often it is called.
///
/// # Errors
///
/// At a call that is recursive, or from which too many operations would follow.
pub fn check(module: Op) -> Outcome {
    let ops = module.body().map(|body| body.ops()).unwrap_or_default();
    let ops: Vec<_> = ops.into_iter().filter(|op| op.is("func.func")).collect();
    let named = ops.iter().enumerate().filter_map(|(index, op)| Some((op.symbol()?, index)));
    let names: HashMap<_, _> = named.collect();
    let functions: Vec<_> = ops.into_iter().map(|op| Function::of(op, &names)).collect();
    let mut counts = vec![Count::Unknown; functions.len()];
    for start in 0..functions.len() {
        count(start, &functions, &mut counts)?;
    }
    Ok(())
}

impl Function {
    fn of(op: Op, names: &HashMap<String, usize>) -> Self {
        let within = op.descendants();
        let callee = |call: &Op| call.attribute("callee").and_then(|callee| callee.as_symbol());
        let calls = within.iter().filter(|op| op.is("func.call"));
        let calls = calls.filter_map(|call| Some((*call, *names.get(&callee(call)?)?)));
        Self { op, ops: within.len() as u64, calls: calls.collect() }
    }
}

/// The operations of a function with those of what it calls.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Count {
    Unknown,
    /// Its callees are being counted: whoever calls it now is called by it.
    Open,
    Known(u64),
}

/// Counts a function after its callees, without calling itself for them.
fn count(start: usize, functions: &[Function], counts: &mut [Count]) -> Outcome {
    // Functions that are being counted, and the call of each that is next.
    let mut open = vec![(start, 0)];
    while let Some((index, next)) = open.pop() {
        let function = &functions[index];
        if next == 0 && matches!(counts[index], Count::Known(_)) {
            continue;
        }
        counts[index] = Count::Open;
        if let Some(&(call, callee)) = function.calls.get(next) {
            open.push((index, next + 1));
            match counts[callee] {
                Count::Unknown => open.push((callee, 0)),
                Count::Open => {
                    return Err(fail(call, "is recursive: a network is a function that ends"));
                }
                Count::Known(_) => {}
            }
            continue;
        }
        let inlined = function.calls.iter().map(|&(_, callee)| match counts[callee] {
            Count::Known(ops) => ops,
            Count::Unknown | Count::Open => 0,
        });
        let total = inlined.fold(function.ops, u64::saturating_add);
        if total > MAX_OPS {
            return Err(fail(
                function.op,
                format!(
                    "has {total} ops when its calls are inlined; the most is {MAX_OPS}: call less \
                     often, or split the network into functions that are compiled each on its own"
                ),
            ));
        }
        counts[index] = Count::Known(total);
    }
    Ok(())
}
