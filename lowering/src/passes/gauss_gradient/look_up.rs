//! The adjoint of a loop that looks elements up: what each one that was looked up gives is added to
//! where it came from.

use std::collections::HashMap;

use gauss_dialect::ir::{Block, Builder, Op, Type, Value};

use super::parts::added;
use crate::linalg;

/// What an op of the dialect `tensor` says of its place.
const PLACE: [&str; 3] = ["static_offsets", "static_sizes", "static_strides"];

/// The adjoints of the tables of a `scf.for` whose results are each filled by one element for every
/// step.
///
/// # Errors
///
/// Where the loop does anything else.
pub(super) fn adjoints(
    builder: Builder,
    op: Op,
    results: &[Option<Value>],
    active: impl Fn(Value) -> bool,
) -> Result<Vec<(Value, Value)>, String> {
    let other = || "is a loop that has no derivative here".to_owned();
    let body = op.body().ok_or_else(other)?;
    let yielded = body.terminator().map(Op::operands).unwrap_or_default();
    let mut adjoints = Vec::new();
    for (value, adjoint) in yielded.into_iter().zip(results) {
        let insert = value.defining_op().filter(|op| op.is("tensor.insert_slice"));
        let insert = insert.ok_or_else(other)?;
        let extract = insert.operand(0).defining_op().filter(|op| op.is("tensor.extract_slice"));
        let extract = extract.ok_or_else(other)?;
        let table = extract.operand(0);
        if let (Some(adjoint), true) = (adjoint, active(table)) {
            let zeros = table.ty().shape().ok_or_else(other)?;
            let zeros = linalg::fill(builder, &zeros, 0.0, "gather.gradient");
            let block = Block::new(&[builder.context().index(), table.ty()], op.location());
            let inner = builder.in_block(block);
            let (place, sum) = (block.argument(0), block.argument(1));
            let mut copies = HashMap::from([(body.argument(0), place)]);
            for op in body.ops() {
                if op.name().starts_with("tensor.") && !op.is("tensor.extract")
                    || op.is("scf.yield")
                {
                    continue;
                }
                inner.copy(op, &mut copies);
            }
            let copied = |value: Value| *copies.get(&value).unwrap_or(&value);
            let places = |op: Op, from: usize| {
                op.operands().into_iter().skip(from).map(copied).collect::<Vec<_>>()
            };
            let element = extract.result(0).ty();
            let part = at(inner, &[*adjoint], element, &places(insert, 2), insert);
            let own = at(inner, &[sum], element, &places(extract, 1), extract);
            let next = added(inner, own, part);
            let next = at(inner, &[next, sum], table.ty(), &places(extract, 1), extract);
            inner.op("scf.yield").operands(&[next]).build();
            let bounds: Vec<_> = op.operands()[..3].to_vec();
            let all = builder
                .op("scf.for")
                .operands(&bounds)
                .operands(&[zeros])
                .results(&[table.ty()])
                .region(block)
                .build();
            adjoints.push((table, all.result(0)));
        }
    }
    Ok(adjoints)
}

/// The adjoint of the tensor that an op takes one element out of, whose place is known only when it
/// runs.
///
/// # Errors
///
/// Where the sizes are not known.
pub(super) fn scattered(builder: Builder, extract: Op, adjoint: Value) -> Result<Value, String> {
    let shape = extract.operand(0).ty().shape().ok_or("takes a tensor without shape")?;
    let zeros = linalg::fill(builder, &shape, 0.0, "gather.gradient");
    let places: Vec<_> = extract.operands().into_iter().skip(1).collect();
    // Kernels write to places that are known: what is put elsewhere is copied there.
    let segments = builder.context().i32_array_attr(&[0, 1, 0]);
    let copy = builder
        .op("bufferization.alloc_tensor")
        .operands(&[adjoint])
        .results(&[adjoint.ty()])
        .attr("operandSegmentSizes", segments);
    let adjoint = copy.build().result(0);
    Ok(at(builder, &[adjoint, zeros], zeros.ty(), &places, extract))
}

/// Takes an element out of a tensor, or puts the first tensor into the second, at the place of
/// another op.
fn at(builder: Builder, tensors: &[Value], ty: Type, places: &[Value], of: Op) -> Value {
    let mut segments = vec![1; tensors.len()];
    segments.extend([places.len() as i32, 0, 0]);
    let name = match tensors.len() {
        1 => "tensor.extract_slice",
        _ => "tensor.insert_slice",
    };
    let op = builder.op(name).operands(tensors).operands(places).results(&[ty]);
    let place = PLACE.iter().filter_map(|name| Some((*name, of.attribute(name)?)));
    let op = place.fold(op, |op, (name, value)| op.attr(name, value));
    op.attr("operandSegmentSizes", builder.context().i32_array_attr(&segments)).build().result(0)
}
