//! `--gauss-skip-unchosen`: what no lane chooses is not computed.

use std::collections::HashSet;

use gauss_dialect::ir::{Attribute, Block, Builder, Op, Type, Value};

use crate::{
    effect::{Effect, effect},
    kernel::schedule::count::op_cost,
    pass::{Outcome, Pass},
    promises::EITHER,
};

/// Rewrites the `arith.select`s that have the attribute [`EITHER`]: what only their first operand needs
/// moves to an `scf.if` that runs where a lane chooses it, and likewise what only their second one
/// needs. Selects of several vectors side by side share it.
pub const PASS: Pass = Pass {
    name: "gauss-skip-unchosen",
    description: "Compute either side of a choice only where a lane chooses it",
    options: &[],
    run: |module, _| {
        let mut blocks = Vec::new();
        for op in module.descendants() {
            if is_choice(op) && !blocks.contains(&op.block()) {
                blocks.push(op.block());
            }
        }
        for block in blocks {
            Choice::all_of(block).into_iter().for_each(|choice| choice.split());
        }
        Ok(()) as Outcome
    },
};

/// In additions; what costs less is about as fast as a branch that the core did not foresee.
const LEAST_COST: i64 = 16;

fn is_choice(op: Op) -> bool {
    op.is("arith.select") && op.attribute(EITHER).is_some()
}

/// Selects that share their branches.
struct Choice {
    /// In the order of the block.
    selects: Vec<Op>,
    /// The ops of the block before the first of them.
    before: Vec<Op>,
}

/// The operands of a select that are chosen from.
#[derive(Clone, Copy)]
enum Side {
    First = 1,
    Second = 2,
}

impl Choice {
    /// The choices of a block. A select belongs to the one before it where its condition is known there.
    fn all_of(block: Block) -> Vec<Self> {
        let ops = block.ops();
        let mut choices: Vec<Self> = Vec::new();
        for (place, &op) in ops.iter().enumerate().filter(|(_, op)| is_choice(**op)) {
            let condition = op.operand(0).defining_op();
            let is_known = |choice: &Self| {
                condition.is_none_or(|condition| {
                    condition.block() != block || choice.before.contains(&condition)
                })
            };
            match choices.last_mut().filter(|choice| is_known(choice)) {
                Some(choice) => choice.selects.push(op),
                None => choices.push(Self { selects: vec![op], before: ops[..place].to_vec() }),
            }
        }
        choices
    }

    fn split(self) {
        for side in [Side::First, Side::Second] {
            let only = self.only_for(side);
            if only.iter().copied().map(op_cost).sum::<i64>() >= LEAST_COST {
                self.branch(side, &only);
            }
        }
    }

    /// The ops that only one side of the selects needs, in order.
    fn only_for(&self, side: Side) -> Vec<Op> {
        let selects: HashSet<Op> = self.selects.iter().copied().collect();
        let mut only = HashSet::new();
        for &op in self.before.iter().rev() {
            let is_moved = effect(op) == Effect::None && !op.is("arith.constant");
            let [result] = op.results()[..] else { continue };
            let is_only = |user: &Op| {
                let other = [0, 1, 2].into_iter().filter(|&number| number != side as usize);
                let is_chosen = || other.into_iter().all(|number| user.operand(number) != result);
                only.contains(user) || (selects.contains(user) && is_chosen())
            };
            if is_moved && op.is_used() && result.users().iter().all(is_only) {
                only.insert(op);
            }
        }
        self.before.iter().copied().filter(|op| only.contains(op)).collect()
    }

    /// Moves ops of one side to a branch.
    fn branch(&self, side: Side, only: &[Op]) {
        let Some(&first) = self.selects.first() else { return };
        let builder = Builder::before(first);
        let of_branch = |select: &&Op| {
            let value = select.operand(side as usize);
            value.defining_op().is_some_and(|op| only.contains(&op))
        };
        let selects: Vec<_> = self.selects.iter().filter(of_branch).copied().collect();
        let values: Vec<_> = selects.iter().map(|op| op.operand(side as usize)).collect();
        let types: Vec<_> = values.iter().map(|value| value.ty()).collect();

        let skipped = Block::new(&[], builder.location());
        let inner = builder.in_block(skipped);
        let zeros: Vec<_> = types.iter().map(|&ty| zero(inner, ty)).collect();
        inner.op("scf.yield").operands(&zeros).build();
        let block = Block::new(&[], builder.location());
        let end = builder.in_block(block).op("scf.yield").operands(&values).build();
        let chosen = self.is_chosen(builder, side, &selects);
        only.iter().for_each(|op| op.move_before(end));
        let branch = builder.op("scf.if").operands(&[chosen]).results(&types);
        let branch = branch.region(block).region(skipped).build();
        for (select, result) in selects.into_iter().zip(branch.results()) {
            select.set_operand(side as usize, result);
        }
    }

    /// Does any lane choose this side?
    fn is_chosen(&self, builder: Builder, side: Side, selects: &[Op]) -> Value {
        let mut conditions = Vec::new();
        for condition in selects.iter().map(|select| select.operand(0)) {
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
        let truths = conditions.into_iter().map(|condition| match side {
            Side::First => condition,
            Side::Second => not(builder, condition),
        });
        let mut joined: Vec<Value> = Vec::new();
        for truth in truths {
            // Vectors of one width first, then one bit each.
            match joined.iter_mut().find(|known| known.ty() == truth.ty()) {
                Some(known) => *known = builder.value("arith.ori", &[*known, truth], truth.ty()),
                None => joined.push(truth),
            }
        }
        let bit = builder.context().integer(1);
        let any = |truth: Value| match truth.ty().is_vector() {
            true => any_lane(builder, truth),
            false => truth,
        };
        let bits = joined.into_iter().map(any);
        bits.reduce(|a, b| builder.value("arith.ori", &[a, b], bit))
            .unwrap_or(selects[0].operand(0))
    }
}

/// Is any lane of a vector of bits set?
fn any_lane(builder: Builder, truth: Value) -> Value {
    let context = builder.context();
    let kind = context.parse_attribute("#vector.kind<or>");
    let op = builder.op("vector.reduction").operands(&[truth]).results(&[context.integer(1)]);
    kind.into_iter().fold(op, |op, kind| op.attr("kind", kind)).build().result(0)
}

fn not(builder: Builder, truth: Value) -> Value {
    let ones = splat(truth.ty(), builder.context().bool_attr(true));
    builder.value("arith.xori", &[truth, builder.constant(ones, truth.ty())], truth.ty())
}

fn zero(builder: Builder, ty: Type) -> Value {
    builder.constant(splat(ty, builder.context().f32_attr(0.0)), ty)
}

fn splat(ty: Type, element: Attribute) -> Attribute {
    if ty.is_vector() { Attribute::splat_of(ty, element) } else { element }
}
