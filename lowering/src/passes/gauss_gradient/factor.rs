//! Sums of products, with what no summed loop changes taken out of them.

use std::collections::{HashMap, HashSet};

use gauss_dialect::ir::{Block, Builder, Op, Value};

/// A term of a sum, and the factors that are the same for all terms.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// What is the same.
    pub(super) factors: Vec<Value>,
    /// What is summed.
    pub(super) term: Value,
    /// Is it taken away?
    pub(super) is_negative: bool,
}

/// A value of a block as a sum of terms, of which those with the same factors become one. One term
/// without factors is the value itself.
pub(super) fn factored(builder: Builder, value: Value, outer: &HashSet<Value>) -> Vec<Term> {
    let mut terms = Vec::new();
    let whole = || vec![Term { factors: Vec::new(), term: value, is_negative: false }];
    let mut split = Split { builder, outer, terms: &mut terms };
    split.add(value, Vec::new(), false);
    let mut groups: Vec<(Vec<Value>, Vec<Term>)> = Vec::new();
    for term in terms {
        match groups.iter_mut().find(|(factors, _)| *factors == term.factors) {
            Some((_, group)) => group.push(term),
            None => groups.push((term.factors.clone(), vec![term])),
        }
    }
    // Many sums would take more registers than factors take operations.
    if groups.len() > MOST_SUMS || groups.iter().all(|(factors, _)| factors.is_empty()) {
        return whole();
    }
    let f32 = builder.context().f32();
    let joined = |(factors, group): (Vec<Value>, Vec<Term>)| {
        let mut counts: Vec<(Value, f64)> = Vec::new();
        for Term { term, is_negative, .. } in group {
            let sign = if is_negative { -1.0 } else { 1.0 };
            match counts.iter_mut().find(|(known, _)| *known == term) {
                Some((_, count)) => *count += sign,
                None => counts.push((term, sign)),
            }
        }
        let common = counts[0].1;
        // One number of times is a factor of all.
        let same = counts.iter().all(|(_, count)| *count == common) && common != 0.0;
        let scaled = |(term, count): (Value, f64)| match same || count == 1.0 {
            true => term,
            false => {
                let count = builder.constant(builder.context().f32_attr(count), f32);
                builder.value("arith.mulf", &[term, count], f32)
            }
        };
        let sum = counts.into_iter().map(scaled).reduce(|sum, next| {
            let product = next.defining_op().filter(|op| op.is("arith.mulf"));
            match product.map(Op::operands) {
                Some(factors) => builder.value("math.fma", &[factors[0], factors[1], sum], f32),
                None => builder.value("arith.addf", &[sum, next], f32),
            }
        });
        let mut factors = factors;
        if same && common != 1.0 {
            factors.push(builder.constant(builder.context().f32_attr(common), f32));
        }
        Term { factors, term: sum.unwrap_or(value), is_negative: false }
    };
    groups.into_iter().map(joined).collect()
}

/// The most sums that one becomes.
const MOST_SUMS: usize = 2;

struct Split<'a> {
    builder: Builder,
    outer: &'a HashSet<Value>,
    terms: &'a mut Vec<Term>,
}

impl Split<'_> {
    fn add(&mut self, value: Value, factors: Vec<Value>, is_negative: bool) {
        let op = value.defining_op();
        let operands = op.map(Op::operands).unwrap_or_default();
        match (op.map(Op::name).as_deref(), &operands[..]) {
            (Some("arith.addf"), &[x, y]) => {
                self.add(x, factors.clone(), is_negative);
                self.add(y, factors, is_negative);
            }
            (Some("arith.subf"), &[x, y]) => {
                self.add(x, factors.clone(), is_negative);
                self.add(y, factors, !is_negative);
            }
            (Some("arith.negf"), &[x]) => self.add(x, factors, !is_negative),
            (Some("math.fma"), &[x, y, z]) => {
                self.add_product([x, y], None, factors.clone(), is_negative);
                self.add(z, factors, is_negative);
            }
            (Some("arith.mulf"), &[x, y]) => {
                self.add_product([x, y], Some(value), factors, is_negative);
            }
            _ => self.terms.push(Term { factors, term: value, is_negative }),
        }
    }

    fn add_product(
        &mut self,
        [x, y]: [Value; 2],
        product: Option<Value>,
        mut factors: Vec<Value>,
        is_negative: bool,
    ) {
        match (self.outer.contains(&x), self.outer.contains(&y)) {
            (true, false) => {
                factors.push(x);
                self.add(y, factors, is_negative);
            }
            (false, true) => {
                factors.push(y);
                self.add(x, factors, is_negative);
            }
            _ => {
                let f32 = self.builder.context().f32();
                let term =
                    product.unwrap_or_else(|| self.builder.value("arith.mulf", &[x, y], f32));
                self.terms.push(Term { factors, term, is_negative });
            }
        }
    }
}

/// The values of a block that follow from some of its arguments alone.
pub(super) fn following(block: Block, arguments: &[Value]) -> HashSet<Value> {
    let own: HashSet<_> = block
        .arguments()
        .into_iter()
        .chain(block.ops().into_iter().flat_map(Op::results))
        .collect();
    let mut found: HashSet<_> = arguments.iter().copied().collect();
    for op in block.ops() {
        let follows = |operand: &Value| found.contains(operand) || !own.contains(operand);
        if op.operands().iter().all(follows) && !op.is("arith.constant") {
            found.extend(op.results());
        }
    }
    found
}

/// Copies what some values of a block follow from, and gives what stands for them.
pub(super) fn copied(
    builder: Builder,
    block: Block,
    used: &HashSet<Value>,
    copies: &mut HashMap<Value, Value>,
) {
    for op in block.ops() {
        if op.results().iter().any(|result| used.contains(result)) {
            builder.copy(op, copies);
        }
    }
}
