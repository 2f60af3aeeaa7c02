//! `linalg.generic` ops, and those on tensors around them.

use std::ops::Range;

use gauss_dialect::ir::{AffineMap, Attribute, Block, Builder, Context, Op, Type, Value};

/// The attribute of a `linalg.generic` that names the layer which it is from.
pub const LAYER: &str = "pfp.layer";

/// The name of the layer that an op is from.
pub fn layer(op: Op) -> Option<String> {
    op.attribute(LAYER)?.as_string()
}

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

/// An op on buffers that copies one to the other.
pub fn copy(builder: Builder, source: Value, destination: Value) -> Op {
    let scalar = source.ty().element_type();
    let block = Block::new(&[scalar, scalar], builder.location());
    builder.in_block(block).op("linalg.yield").operands(&[block.argument(0)]).build();
    elementwise(builder, [source, destination], &[], block)
}

/// An op on tensors or on buffers, or a sum where `outs` does not name every dimension. `body` gets
/// the elements of the inputs and the outputs, and gives those of the results.
/// `layer` names what it is from.
pub fn generic(
    builder: Builder,
    inputs: &[(Value, AffineMap)],
    outs: &[(Value, AffineMap)],
    layer: &str,
    body: impl FnOnce(Builder, &[Value]) -> Vec<Value>,
) -> Op {
    let context = builder.context();
    let values = |list: &[(Value, AffineMap)]| list.iter().map(|(x, _)| *x).collect::<Vec<_>>();
    let (input_values, out_values) = (values(inputs), values(outs));
    let all = || inputs.iter().chain(outs);
    let maps: Vec<_> = all().map(|(_, map)| map.attr()).collect();
    let scalars: Vec<_> = all().map(|(x, _)| x.ty().element_type()).collect();
    let parallel = outs.first().map_or(0, |(_, map)| map.results().len());
    let dims = all().map(|(_, map)| map.num_dims()).max().unwrap_or(0);
    let kind = |dim| if dim < parallel { "parallel" } else { "reduction" };
    let iterators: Vec<_> = (0..dims).map(|dim| iterator(context, kind(dim))).collect();
    let block = Block::new(&scalars, builder.location());
    let inner = builder.in_block(block);
    let results = body(inner, &block.arguments());
    inner.op("linalg.yield").operands(&results).build();
    let types = out_values.iter().map(|x| x.ty()).filter(|ty| ty.is_ranked_tensor());
    let types: Vec<_> = types.collect();
    builder
        .op("linalg.generic")
        .operands(&input_values)
        .operands(&out_values)
        .results(&types)
        .attr("indexing_maps", context.array_attr(&maps))
        .attr("iterator_types", context.array_attr(&iterators))
        .attr(
            "operandSegmentSizes",
            context.i32_array_attr(&[inputs.len() as i32, outs.len() as i32]),
        )
        .attr(LAYER, context.string_attr(layer))
        .region(block)
        .build()
}

/// A tensor with one value everywhere.
pub fn fill(builder: Builder, shape: &[i64], value: f64, layer: &str) -> Value {
    let context = builder.context();
    let empty = builder.value("tensor.empty", &[], Type::tensor(context.f32(), shape));
    let map = context.identity_map(shape.len());
    let literal =
        |inner: Builder, _: &[Value]| vec![inner.constant(context.f32_attr(value), context.f32())];
    generic(builder, &[], &[(empty, map)], layer, literal).result(0)
}

/// The elements of `x` from `offsets` on, `shape` in all; `x` itself where these are all.
pub fn slice(builder: Builder, x: Value, offsets: &[i64], shape: &[i64]) -> Value {
    slice_strided(builder, x, (offsets, &vec![1; shape.len()]), shape)
}

/// Elements of `x` from offsets on, in these strides, `shape` in all; `x` itself where these are all.
pub fn slice_strided(
    builder: Builder,
    x: Value,
    (offsets, strides): (&[i64], &[i64]),
    shape: &[i64],
) -> Value {
    if x.ty().shape().as_deref() == Some(shape) {
        return x;
    }
    let ty = Type::tensor(x.ty().element_type(), shape);
    at(builder, "tensor.extract_slice", &[x], ty, (offsets, shape, strides))
}

/// `whole` with `part` in it from `offsets` on.
pub fn insert(builder: Builder, part: Value, whole: Value, offsets: &[i64]) -> Value {
    insert_strided(builder, part, whole, (offsets, &vec![1; offsets.len()]))
}

/// `whole` with `part` in it from offsets on, in these strides.
pub fn insert_strided(
    builder: Builder,
    part: Value,
    whole: Value,
    (offsets, strides): (&[i64], &[i64]),
) -> Value {
    let shape = part.ty().shape().unwrap_or_default();
    let place = (offsets, &shape[..], strides);
    at(builder, "tensor.insert_slice", &[part, whole], whole.ty(), place)
}

/// An op on the elements from these offsets on, so many in each dimension, in these strides.
fn at(
    builder: Builder,
    name: &str,
    operands: &[Value],
    ty: Type,
    (offsets, sizes, strides): (&[i64], &[i64], &[i64]),
) -> Value {
    let context = builder.context();
    let mut segments = vec![1; operands.len()];
    segments.extend([0; 3]);
    builder
        .op(name)
        .operands(operands)
        .results(&[ty])
        .attr("static_offsets", context.i64_array_attr(offsets))
        .attr("static_sizes", context.i64_array_attr(sizes))
        .attr("static_strides", context.i64_array_attr(strides))
        .attr("operandSegmentSizes", context.i32_array_attr(&segments))
        .build()
        .result(0)
}

/// `x` with these dimensions, of the same elements in the same order: each dimension of one
/// shape is a product of neighbours of the other.
pub fn regrouped(builder: Builder, x: Value, shape: &[i64]) -> Value {
    let from = x.ty().shape().unwrap_or_default();
    let (name, larger, smaller) = match shape.len() >= from.len() {
        true => ("tensor.expand_shape", shape, &from[..]),
        false => ("tensor.collapse_shape", &from[..], shape),
    };
    if from == shape {
        return x;
    }
    let context = builder.context();
    let groups = groups(larger, smaller);
    let group = |dims: Range<usize>| {
        context.array_attr(&dims.map(|dim| context.i64_attr(dim as i64)).collect::<Vec<_>>())
    };
    let groups: Vec<_> = groups.into_iter().map(group).collect();
    let op = builder
        .op(name)
        .operands(&[x])
        .results(&[Type::tensor(x.ty().element_type(), shape)])
        .attr("reassociation", context.array_attr(&groups));
    let op = match name {
        "tensor.expand_shape" => op.attr("static_output_shape", context.i64_array_attr(shape)),
        _ => op,
    };
    op.build().result(0)
}

/// Which dimensions of the larger shape each dimension of the smaller one is made of; units behind
/// the last belong to it.
fn groups(larger: &[i64], smaller: &[i64]) -> Vec<Range<usize>> {
    let mut next = 0;
    let mut group = |(number, &size): (usize, &i64)| {
        let first = next;
        let mut product = 1;
        while next < larger.len() && (next == first || product < size) {
            product *= larger[next];
            next += 1;
        }
        if number + 1 == smaller.len() {
            next = larger.len();
        }
        first..next
    };
    smaller.iter().enumerate().map(&mut group).collect()
}

/// A buffer of `f32`.
pub fn allocate(builder: Builder, shape: &[i64]) -> Value {
    let context = builder.context();
    builder
        .op("memref.alloc")
        .results(&[Type::memref(context.f32(), shape)])
        .attr("operandSegmentSizes", context.i32_array_attr(&[0, 0]))
        .build()
        .result(0)
}

/// The buffer of a tensor, to read.
pub fn as_buffer(builder: Builder, tensor: Value) -> Value {
    let ty = Type::memref(tensor.ty().element_type(), &tensor.ty().shape().unwrap_or_default());
    let op = builder.op("bufferization.to_buffer").operands(&[tensor]).results(&[ty]);
    op.attr("read_only", builder.context().unit_attr()).build().result(0)
}

/// The contents of a buffer that nothing writes any more.
pub fn as_tensor(builder: Builder, buffer: Value) -> Value {
    let ty = Type::tensor(buffer.ty().element_type(), &buffer.ty().shape().unwrap_or_default());
    builder
        .op("bufferization.to_tensor")
        .operands(&[buffer])
        .attr("restrict", builder.context().unit_attr())
        .results(&[ty])
        .build()
        .result(0)
}
