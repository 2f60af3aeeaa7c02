//! `--gauss-pipeline-roots`: roots and their quotients one trip of a loop before their use.

use std::collections::{HashMap, HashSet};

use gauss_dialect::ir::{Block, Builder, Op, Value};

use crate::{
    effect::{Effect, effect},
    kernel::emit::{self, loops},
    lanes,
    pass::{Outcome, Pass},
};

/// Rewrites each innermost `scf.for` that divides by a `math.sqrt`: a trip takes the roots of
/// the next trip and the quotients by them, so that what follows from them does not wait.
/// Those of the first trip stand before the loop; the last trip takes its own once more.
/// `ordered` keeps the compiler from moving them to their use again.
pub const PASS: Pass = Pass {
    name: "gauss-pipeline-roots",
    description: "Take roots and quotients by them one trip of a loop before their use (option: \
                  ordered, default true)",
    options: &["ordered"],
    run: |module, options| {
        let is_ordered = options.get("ordered") != Some("false");
        let pipelines: Vec<_> = module.descendants().into_iter().filter_map(Pipeline::of).collect();
        pipelines.into_iter().for_each(|pipeline| pipeline.emit(is_ordered));
        Ok(()) as Outcome
    },
};

/// A loop of fewer full trips has too little to overlap.
const LEAST_TRIPS: i64 = 3;

/// A loop that can be written so.
struct Pipeline {
    op: Op,
    body: Block,
    /// First counter, end and step.
    bounds: (i64, i64, i64),
    /// What the roots and quotients are computed with, themselves included, in order.
    early: Vec<Op>,
    /// Results of those that are needed a trip later. What is loaded is loaded again.
    carried: Vec<Value>,
}

impl Pipeline {
    fn of(op: Op) -> Option<Self> {
        if !op.is("scf.for") || !op.results().is_empty() || op.attribute(loops::TASKS).is_some() {
            return None;
        }
        let body = op.body()?;
        let ops = body.ops();
        if ops.iter().any(|op| !op.regions().is_empty()) {
            return None;
        }
        let bound = |number| lanes::integer_constant(op.operand(number));
        let bounds @ (start, end, step) = (bound(0)?, bound(1)?, bound(2)?);
        if step < 1 || end.checked_sub(start)? / step < LEAST_TRIPS {
            return None;
        }
        let is_root = |value: Value| {
            value.defining_op().is_some_and(|op| op.is("math.sqrt") && op.block() == body)
        };
        let quotients = ops.iter().filter(|op| op.is("arith.divf") && is_root(op.operand(1)));
        let mut needed: HashSet<Op> = quotients.copied().collect();
        if needed.is_empty() {
            return None;
        }
        for op in ops.iter().rev() {
            if needed.contains(op) {
                let within = |value: &Value| value.defining_op().filter(|op| op.block() == body);
                needed.extend(op.operands().iter().filter_map(within));
            }
        }
        let early: Vec<_> = ops.iter().copied().filter(|op| needed.contains(op)).collect();
        if early.iter().any(|op| op.results().len() != 1) {
            return None;
        }
        let mut loaded = HashSet::new();
        for &op in &early {
            match effect(op) {
                Effect::None => {}
                Effect::Reads(buffer) => {
                    loaded.insert(buffer);
                }
                Effect::Writes(_) | Effect::Unknown => return None,
            }
        }
        let may_disturb = |op: &Op| match effect(*op) {
            Effect::None | Effect::Reads(_) => false,
            Effect::Writes(buffer) => loaded.contains(&buffer),
            Effect::Unknown => !op.is("scf.yield"),
        };
        if ops.iter().any(may_disturb) {
            return None;
        }
        let is_late = |op: &Op| op.block() == body && !needed.contains(op);
        let computes = |op: &&Op| effect(**op) == Effect::None && !op.is("arith.constant");
        let values = early.iter().filter(computes).map(|op| op.result(0));
        let is_needed = |value: &Value| is_float(*value) && value.users().iter().any(is_late);
        let carried = values.filter(is_needed).collect();
        Some(Self { op, body, bounds, early, carried })
    }

    fn emit(self, is_ordered: bool) {
        let Self { op, body, bounds, early, carried } = self;
        let (start, end, step) = bounds;
        let last = start + (end - start - 1) / step * step;
        let counter = body.argument(0);
        let builder = Builder::before(op);
        let copy = |builder: Builder, at: Value| {
            let mut known = HashMap::from([(counter, at)]);
            early.iter().for_each(|&op| clone(builder, op, &mut known));
            carried.iter().map(|value| known[value]).collect::<Vec<_>>()
        };
        let first = copy(builder, builder.index_constant(start));
        loops::repeat(builder, bounds, first, |builder, at, current| {
            let at = at.emit(builder);
            let index = builder.context().index();
            let next = builder.value("arith.addi", &[at, builder.index_constant(step)], index);
            let next = builder.value("arith.minsi", &[next, builder.index_constant(last)], index);
            let coming = copy(builder, next);
            if is_ordered {
                emit::fence(builder, &coming);
            }
            let mut known: HashMap<_, _> = carried.iter().copied().zip(current).collect();
            known.insert(counter, at);
            for op in body.ops() {
                let is_known = op.results().first().is_some_and(|value| known.contains_key(value));
                if !is_known && !op.is("scf.yield") {
                    clone(builder, op, &mut known);
                }
            }
            coming
        });
        op.erase();
    }
}

/// Copies an op whose operands have new names.
fn clone(builder: Builder, op: Op, known: &mut HashMap<Value, Value>) {
    let copy = op.clone_detached();
    let operands: Vec<_> = op
        .operands()
        .into_iter()
        .map(|value| known.get(&value).copied().unwrap_or(value))
        .collect();
    copy.set_operands(&operands);
    builder.insert(copy);
    known.extend(op.results().into_iter().zip(copy.results()));
}

fn is_float(value: Value) -> bool {
    let ty = value.ty();
    ty.is_f32() || (ty.is_vector() && ty.element_type().is_f32())
}
