//! `linalg.generic` ops.

use gauss_dialect::ir::{Attribute, Block, Builder, Context, Op, Type, Value};

/// The attribute of an iterator: `parallel` or `reduction`.
pub fn iterator(context: Context, kind: &str) -> Attribute {
    let text = format!("#linalg.iterator_type<{kind}>");
    // The dialect is loaded before any pass runs and knows both kinds.
    context.parse_attribute(&text).unwrap_or_else(|| context.string_attr(kind))
}

/// An op that computes each element of `out` from the element of `input` at the
/// same place; `results` is empty on buffers.
pub fn elementwise(
    builder: Builder,
    [input, out]: [Value; 2],
    results: &[Type],
    body: Block,
) -> Op {
    let context = builder.context();
    let rank = out.ty().shape().unwrap_or_default().len();
    let map = context.identity_map(rank).attr();
    builder
        .op("linalg.generic")
        .operands(&[input, out])
        .results(results)
        .attr("indexing_maps", context.array_attr(&[map, map]))
        .attr("iterator_types", context.array_attr(&vec![iterator(context, "parallel"); rank]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[1, 1]))
        .region(body)
        .build()
}
