//! `--gauss-hoist-operands`: what a reduction computes again and again, computed once.

use gauss_dialect::ir::{AffineMap, Attribute, Block, Builder, Op, Value};

use crate::{
    linalg,
    pass::{Outcome, Pass, fail},
};

/// Takes operations on a single input out of the body of a reduction, such as the
/// square of a mean, where the reduction reads each element of that input often:
/// an elementwise op computes them before, and the reduction reads its result.
/// Inputs that are constants stay; they are packed later.
pub const PASS: Pass = Pass {
    name: "gauss-hoist-operands",
    description: "Compute what a reduction derives from one input once, before it",
    options: &[],
    run: |module, _| {
        let mut squared = Vec::new();
        let is_nest = |op: &Op| op.is("linalg.generic") && !op.results().is_empty();
        // Before any op of a body is erased.
        let nests: Vec<_> = module.descendants().into_iter().filter(is_nest).collect();
        nests.into_iter().try_for_each(|op| hoist(op, &mut squared))
    },
};

/// A tensor and its squares, which later reductions of the same block may read too.
struct Squared {
    input: Value,
    block: Block,
    squares: Value,
}

/// A reduction that uses each element of an input less often computes as fast as it loads.
const LEAST_USES: i64 = 8;

fn hoist(op: Op, squared: &mut Vec<Squared>) -> Outcome {
    let body = op.body().ok_or_else(|| fail(op, "has no body"))?;
    let maps = op.attribute("indexing_maps").and_then(Attribute::as_array).unwrap_or_default();
    let mut maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
    let outputs = op.results().len();
    let Some(iterations) = iterations(op, &maps) else { return Ok(()) };
    while let Some((number, derived)) = candidate(op, body, iterations) {
        let mut operands = op.operands();
        let inputs = operands.len() - outputs;
        let input = operands[number];
        let known = squared.iter().find(|known| known.input == input && known.block == op.block());
        let result = match known.filter(|_| derived.is("arith.mulf")) {
            Some(known) => known.squares,
            None => compute(op, derived, input),
        };
        if derived.is("arith.mulf") && known.is_none() {
            squared.push(Squared { input, block: op.block(), squares: result });
        }
        operands.insert(inputs, result);
        maps.insert(inputs, maps[number]);
        let argument = body.insert_argument(inputs, derived.result(0).ty(), op.location());
        derived.result(0).replace_all_uses_with(argument);
        derived.erase();
        let context = op.context();
        let map_attributes: Vec<_> = maps.iter().map(|map| map.attr()).collect();
        op.set_operands(&operands);
        op.set_attribute("indexing_maps", context.array_attr(&map_attributes));
        let segments = context.i32_array_attr(&[inputs as i32 + 1, outputs as i32]);
        op.set_attribute("operandSegmentSizes", segments);
    }
    Ok(())
}

/// The iterations of a reduction; `None` for what is none.
fn iterations(op: Op, maps: &[AffineMap]) -> Option<i64> {
    let iterators = op.attribute("iterator_types")?.as_array()?;
    if !iterators.iter().any(|iterator| iterator.to_string().contains("reduction")) {
        return None;
    }
    let mut sizes = vec![None; iterators.len()];
    for (operand, map) in op.operands().into_iter().zip(maps) {
        for (expr, size) in map.results().iter().zip(operand.ty().shape()?) {
            let (coefficients, constant) = expr.linear(iterators.len())?;
            let mut used = coefficients.iter().enumerate().filter(|(_, c)| **c != 0);
            if let (Some((dim, 1)), None) = (used.next(), used.next())
                && constant == 0
            {
                sizes[dim] = Some(size);
            }
        }
    }
    sizes.into_iter().try_fold(1i64, |product, size| product.checked_mul(size?))
}

/// An input that is no constant, and an operation on it alone.
fn candidate(op: Op, body: Block, iterations: i64) -> Option<(usize, Op)> {
    let operands = op.operands();
    (0..operands.len() - op.results().len()).find_map(|number| {
        let elements: i64 = operands[number].ty().shape()?.iter().product();
        let is_constant = operands[number].defining_op().is_some_and(|op| op.is("arith.constant"));
        if is_constant || iterations / elements.max(1) < LEAST_USES {
            return None;
        }
        let argument = body.argument(number);
        let is_on_it = |derived: &Op| {
            let operands = derived.operands();
            !operands.is_empty() && operands.iter().all(|&operand| operand == argument)
        };
        let is_number = |op: &Op| op.results().first().is_some_and(|result| result.ty().is_f32());
        let derived = body.ops().into_iter().filter(is_number).find(is_on_it)?;
        Some((number, derived))
    })
}

/// The tensor of `derived` over all elements of `input`. Where that is padded, only what is
/// inside of the padding is computed, where it comes from, and padded again.
fn compute(op: Op, derived: Op, input: Value) -> Value {
    let builder = Builder::before(op);
    let Some((insertion, around)) = padding(input) else {
        return elementwise(builder, derived, input);
    };
    let (insertion, around) = (insertion.clone_detached(), around.clone_detached());
    if let Some(end) = around.body().and_then(Block::terminator) {
        let value = apply(Builder::before(end), derived, end.operand(0));
        end.set_operands(&[value]);
    }
    builder.insert(around);
    let mut operands = insertion.operands();
    operands[0] = elementwise(builder, derived, operands[0]);
    operands[1] = around.result(0);
    insertion.set_operands(&operands);
    builder.insert(insertion);
    insertion.result(0)
}

/// The op that inserts what is padded into a tensor, and the one that fills that tensor.
fn padding(input: Value) -> Option<(Op, Op)> {
    let insertion = input.defining_op().filter(|op| op.is("tensor.insert_slice"))?;
    let around = insertion.operand(1).defining_op().filter(|op| op.is("linalg.generic"))?;
    let fills = around.operands().len() == 1 && around.results().len() == 1;
    fills.then_some((insertion, around))
}

fn elementwise(builder: Builder, derived: Op, input: Value) -> Value {
    let ty = input.ty();
    let empty = builder.value("tensor.empty", &[], ty);
    let block = Block::new(&[ty.element_type(); 2], derived.location());
    let inner = builder.in_block(block);
    let value = apply(inner, derived, block.argument(0));
    inner.op("linalg.yield").operands(&[value]).build();
    linalg::elementwise(builder, [input, empty], &[ty], block).result(0)
}

/// The result of `derived` on another operand.
fn apply(builder: Builder, derived: Op, operand: Value) -> Value {
    let copy = derived.clone_detached();
    copy.set_operands(&vec![operand; derived.operands().len()]);
    builder.insert(copy);
    copy.result(0)
}
