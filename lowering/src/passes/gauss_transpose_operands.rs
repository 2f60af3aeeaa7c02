//! `--gauss-transpose-operands`: operands of sums in the order in which vectors read them.

use std::collections::HashMap;

use gauss_dialect::ir::{AffineMap, Attribute, Builder, Context, Op, Type, Value};

use crate::{
    linalg,
    pass::{Outcome, Pass},
};

/// Copies operands of a reduction that it reads often, so that a loop over elements of the result
/// that they alone depend on walks neighbours: outputs of a layer whose weights are known at run
/// time only, which constants are packed for. A result whose neighbours would lie apart then is
/// computed in that order, and copied.
pub const PASS: Pass = Pass {
    name: "gauss-transpose-operands",
    description: "Copy operands of reductions that vectors would read in strides",
    options: &[],
    run: |module, _| {
        let is_nest = |op: &Op| op.is("linalg.generic") && !op.results().is_empty();
        let nests: Vec<_> = module.descendants().into_iter().filter(is_nest).collect();
        let mut copies = HashMap::new();
        nests.into_iter().try_for_each(|op| transpose(op, &mut copies))
    },
};

/// A reduction that uses each element of an operand less often is not worth a copy of it.
const LEAST_USES: i64 = 16;

/// A loop of fewer steps fills no vectors.
const LEAST_STEPS: i64 = 8;

/// Copies that exist, by what they are of and which dimension is last.
type Copies = HashMap<(Value, usize), Value>;

fn transpose(op: Op, copies: &mut Copies) -> Outcome {
    let context = op.context();
    let Some(nest) = Nest::of(op) else { return Ok(()) };
    let Some(dim) = nest.loop_of_lanes() else { return Ok(()) };
    let builder = Builder::before(op);
    let mut operands = op.operands();
    let mut maps = nest.maps.clone();
    for number in 0..nest.inputs {
        let Some(place) = nest.walks(number, dim) else { continue };
        let rank = maps[number].results().len();
        if place + 1 == rank {
            continue;
        }
        let key = (operands[number], place);
        let tensor = *copies
            .entry(key)
            .or_insert_with(|| with_last(builder, operands[number], place, &nest.layer));
        operands[number] = tensor;
        let mut results = maps[number].results();
        let last = results.remove(place);
        results.push(last);
        maps[number] = context.affine_map(nest.sizes.len(), &results);
    }
    if operands == op.operands() {
        return Ok(());
    }
    op.set_operands(&operands);
    set_maps(op, context, &maps);
    Ok(())
}

fn set_maps(op: Op, context: Context, maps: &[AffineMap]) {
    let maps: Vec<_> = maps.iter().map(|map| map.attr()).collect();
    op.set_attribute("indexing_maps", context.array_attr(&maps));
}

/// A tensor with this dimension behind the others.
fn with_last(builder: Builder, x: Value, dim: usize, layer: &str) -> Value {
    let context = builder.context();
    let mut order: Vec<_> = (0..x.ty().shape().unwrap_or_default().len()).collect();
    order.remove(dim);
    order.push(dim);
    let own = x.ty().shape().unwrap_or_default();
    let shape: Vec<_> = order.iter().map(|&dim| own[dim]).collect();
    let place = |dim: usize| order.iter().position(|&other| other == dim).unwrap_or_default();
    let indices: Vec<_> = (0..order.len()).map(|dim| context.dim(place(dim))).collect();
    let read = (x, context.affine_map(order.len(), &indices));
    let empty = builder.value("tensor.empty", &[], Type::tensor(context.f32(), &shape));
    let out = (empty, context.identity_map(order.len()));
    linalg::generic(builder, &[read], &[out], layer, |_, x| vec![x[0]]).result(0)
}

/// A `linalg.generic` with loops of known sizes.
struct Nest {
    op: Op,
    inputs: usize,
    maps: Vec<AffineMap>,
    /// For each operand and each of its dimensions, the steps along the loops.
    steps: Vec<Vec<Vec<i64>>>,
    sizes: Vec<i64>,
    layer: String,
}

impl Nest {
    fn of(op: Op) -> Option<Self> {
        let maps = op.attribute("indexing_maps")?.as_array()?;
        let maps: Vec<_> = maps.into_iter().filter_map(Attribute::as_affine_map).collect();
        let iterators = op.attribute("iterator_types")?.as_array()?;
        if !iterators.iter().any(|iterator| iterator.to_string().contains("reduction")) {
            return None;
        }
        let dims = iterators.len();
        let steps = |map: &AffineMap| {
            let linear = map.results().into_iter().map(|expression| expression.linear(dims));
            linear.map(|place| Some(place?.0)).collect::<Option<Vec<_>>>()
        };
        let steps = maps.iter().map(steps).collect::<Option<Vec<_>>>()?;
        let mut sizes = vec![None; dims];
        for (operand, places) in op.operands().into_iter().zip(&steps) {
            for (place, size) in places.iter().zip(operand.ty().shape()?) {
                if let Some(dim) = alone(place) {
                    sizes[dim] = Some(size);
                }
            }
        }
        let sizes = sizes.into_iter().collect::<Option<Vec<_>>>()?;
        let inputs = maps.len().checked_sub(op.results().len())?;
        let layer = linalg::layer(op).unwrap_or_default();
        Some(Self { op, inputs, maps, steps, sizes, layer })
    }

    /// The dimension of an input that a loop walks, if no other dimension of it depends on the loop.
    fn walks(&self, input: usize, dim: usize) -> Option<usize> {
        let places = &self.steps[input];
        let mut dependent = (0..places.len()).filter(|&place| places[place][dim] != 0);
        let place = dependent.next()?;
        (dependent.next().is_none() && alone(&places[place]) == Some(dim)).then_some(place)
    }

    /// The loop over elements of the result that vectors should walk: one that some inputs alone
    /// depend on, all of which are read often and none by windows; the longest.
    fn loop_of_lanes(&self) -> Option<usize> {
        let iterations = self.sizes.iter().try_fold(1i64, |n, &size| n.checked_mul(size))?;
        let operands = self.op.operands();
        let is_fit = |&dim: &usize| {
            let on: Vec<_> = (0..self.inputs)
                .filter(|&input| self.steps[input].iter().any(|place| place[dim] != 0))
                .collect();
            let is_often = |&input: &usize| {
                let shape = operands[input].ty().shape().unwrap_or_default();
                let elements: i64 = shape.iter().product();
                let is_constant =
                    operands[input].defining_op().is_some_and(|op| op.is("arith.constant"));
                !is_constant && iterations / elements.max(1) >= LEAST_USES
            };
            self.sizes[dim] >= LEAST_STEPS
                && !on.is_empty()
                && on.len() < self.inputs
                && on.iter().all(|&input| self.steps[input].iter().all(|p| alone(p).is_some()))
                && on.iter().all(is_often)
        };
        let parallel = self.steps[self.inputs].iter().filter_map(|place| alone(place));
        parallel.filter(is_fit).max_by_key(|&dim| self.sizes[dim])
    }
}

/// The loop that a dimension walks as it is, if it is one.
fn alone(steps: &[i64]) -> Option<usize> {
    let mut loops = steps.iter().enumerate().filter(|(_, step)| **step != 0);
    let (dim, &step) = loops.next()?;
    (step == 1 && loops.next().is_none()).then_some(dim)
}
