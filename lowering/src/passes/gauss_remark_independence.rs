//! `--gauss-remark-independence`: where a value is used twice and independence is assumed.

use gauss_dialect::{
    independence::{Assumption, Dependence, Origin, assumptions},
    ir::{Location, Op},
};

use crate::pass::Pass;

/// Remarks on every op whose moments are those of independent numbers, although some of them depend
/// on each other. Changes nothing.
pub const PASS: Pass = Pass {
    name: "gauss-remark-independence",
    description: "Remark where a value is used twice and independence is assumed",
    options: &[],
    run: |module, _| {
        remark(module);
        Ok(())
    },
};

/// Emits the remarks on a module whose parameters are not loaded yet: a loaded one has no name.
pub fn remark(module: Op) {
    for Assumption { op, dependence } in assumptions(module) {
        let (message, at, note) = match dependence {
            Dependence::Operands { pair: [first, second], .. }
                if op.operand(first) == op.operand(second) =>
            {
                let advice = match op.name().as_str() {
                    "gauss.mul" => "gauss.square has the moments of a number times itself",
                    "gauss.add" => "gauss.mul by 2 has the moments of a number added to itself",
                    "gauss.sub" => "a number less itself is 0",
                    _ => "their covariance is dropped",
                };
                let message = format!(
                    "takes its operands {first} and {second} as independent, which are the same value"
                );
                (message, op.location(), advice.to_owned())
            }
            Dependence::Operands { pair: [first, second], origin } => {
                let (name, at, note) = described(&origin);
                let message = format!(
                    "takes its operands {first} and {second} as independent; both depend on {name}, \
                     and their covariance is dropped"
                );
                (message, at, note)
            }
            Dependence::Callee { operand, origin } => {
                let (name, at, note) = described(&origin);
                let message = format!(
                    "passes as operand {operand} what depends on {name}, which the function uses again \
                     and takes as independent of it"
                );
                (message, at, note)
            }
            Dependence::Copies { operand } => {
                let message = format!(
                    "repeats elements of its operand {operand}; what brings copies together takes them \
                     as independent"
                );
                let note = "a sum of n copies has n times their variance here, in truth n² times";
                (message, op.location(), note.to_owned())
            }
        };
        op.emit_remark(&message, at, &note);
    }
}

/// What a value is called, where it comes from, and a note for that place.
fn described(origin: &Origin) -> (String, Location, String) {
    let value = origin.value;
    let at = |op: Option<Op>| op.map(Op::location);
    match (&origin.parameter, value.defining_op()) {
        (Some(name), op) => {
            let at = at(op).unwrap_or_else(|| value.ty().context().unknown_location());
            (format!("the parameter \"{name}\""), at, "the parameter".to_owned())
        }
        (None, Some(op)) => {
            (format!("a result of {}", op.name()), op.location(), "computed here".to_owned())
        }
        (None, None) => {
            let function = value.owner_block().and_then(|block| block.parent_op());
            let at = at(function).unwrap_or_else(|| value.ty().context().unknown_location());
            let name = format!("argument {}", value.number());
            (name.clone(), at, format!("{name} of this function"))
        }
    }
}
