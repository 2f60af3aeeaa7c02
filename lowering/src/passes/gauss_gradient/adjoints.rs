//! The adjoint of a loop nest: a nest for each way in which it reads its inputs.

use std::collections::HashSet;

use gauss_dialect::ir::{AffineExpr, AffineMap, Block, Builder, Op, Value};

use super::{
    factor::{self, Term},
    nest::{Linear, Nest, Operand},
    scalar::{Kind, Reverse},
    windows::{Gather, UNSUPPORTED},
};
use crate::linalg;

/// Adjoints of tensors that a nest reads.
pub(super) type Adjoints = Vec<(Value, Value)>;

impl Nest {
    /// The adjoints of the tensors that are `active`, given those of the results where they are not
    /// 0.
    ///
    /// # Errors
    ///
    /// Where a part of the nest has no rule.
    pub(super) fn adjoints(
        &self,
        builder: Builder,
        results: &[Option<Value>],
        active: impl Fn(Value) -> bool,
    ) -> Result<Adjoints, String> {
        let kinds = self.kinds();
        let mut adjoints = Vec::new();
        for ((out, kind), adjoint) in self.outs.iter().zip(&kinds).zip(results) {
            if let (Some(adjoint), true) = (adjoint, active(out.tensor)) {
                match kind {
                    Kind::Function => {}
                    Kind::Sum => adjoints.push((out.tensor, *adjoint)),
                    Kind::Maximum(_) | Kind::Recurrence => {
                        return Err("has a largest element that depends on a parameter from the \
                                    start on, which has no derivative here"
                            .into());
                    }
                }
            }
        }
        let mut left: Vec<_> =
            (0..self.inputs.len()).filter(|&number| active(self.inputs[number].tensor)).collect();
        while let Some(&first) = left.first() {
            let map = &self.inputs[first].map;
            let (group, others): (Vec<_>, _) =
                left.into_iter().partition(|&number| self.inputs[number].map == *map);
            left = others;
            let shape = self.inputs[first].tensor.ty().shape().unwrap_or_default();
            if map.iter().zip(shape).any(|(place, size)| place.is_constant() && size != 1) {
                return Err("reads one place of a dimension, which has no derivative here".into());
            }
            let is_walked = |place: &Linear| place.is_constant() || place.alone().is_some();
            adjoints.extend(match map.iter().all(is_walked) && is_distinct(map) {
                true => self.direct(builder, results, &kinds, &group)?,
                false => self.gathered(builder, results, &kinds, &group)?,
            });
        }
        Ok(adjoints)
    }

    /// Adjoints of inputs whose elements are read at loops of their own: the same loops, of which
    /// the others become sums.
    fn direct(
        &self,
        builder: Builder,
        results: &[Option<Value>],
        kinds: &[Kind],
        group: &[usize],
    ) -> Result<Adjoints, String> {
        let map = &self.inputs[group[0]].map;
        let mut order: Vec<_> = map.iter().filter_map(Linear::alone).collect();
        let parallel = order.len();
        let rest: Vec<_> = (0..self.sizes.len()).filter(|dim| !order.contains(dim)).collect();
        order.extend(rest);
        let renamed = |place: &Linear| Linear {
            steps: order.iter().map(|&dim| place.steps[dim]).collect(),
            start: place.start,
        };
        let reads = self.reads(results, |operand| Operand {
            tensor: operand.tensor,
            map: operand.map.iter().map(renamed).collect(),
        });
        let sizes: Vec<_> = order[..parallel].iter().map(|&dim| self.sizes[dim]).collect();
        self.build(builder, &reads, results, kinds, group, &sizes)
    }

    /// Adjoints of inputs that are read by windows.
    fn gathered(
        &self,
        builder: Builder,
        results: &[Option<Value>],
        kinds: &[Kind],
        group: &[usize],
    ) -> Result<Adjoints, String> {
        if kinds.iter().any(|kind| matches!(kind, Kind::Maximum(_))) {
            return Err(UNSUPPORTED.into());
        }
        let gather = Gather::of(self, group)?;
        let mut reads = Vec::new();
        for (number, operand) in self.inputs.iter().enumerate() {
            reads.push(match group.contains(&number) {
                true => gather.element(operand),
                false => gather.kernel(builder, operand)?,
            });
        }
        for (out, adjoint) in self.outs.iter().zip(results) {
            if let Some(adjoint) = adjoint {
                reads.push(gather.among_zeros(builder, out, *adjoint)?);
            }
        }
        self.build(builder, &reads, results, kinds, group, &gather.sizes())
    }

    /// What a nest of adjoints may read: the inputs, the adjoints of the results, and the results
    /// that are largest elements.
    fn reads(
        &self,
        results: &[Option<Value>],
        place: impl Fn(&Operand) -> Operand,
    ) -> Vec<Operand> {
        let mut reads: Vec<_> = self.inputs.iter().map(&place).collect();
        for (out, adjoint) in self.outs.iter().zip(results) {
            reads.extend(adjoint.map(|tensor| place(&Operand { tensor, map: out.map.clone() })));
        }
        for ((out, kind), number) in self.outs.iter().zip(self.kinds()).zip(0..) {
            if let Kind::Maximum(_) = kind {
                let tensor = self.op.result(number);
                reads.push(place(&Operand { tensor, map: out.map.clone() }));
            }
        }
        reads
    }

    /// A nest that sums the adjoints of a group of inputs over all loops behind the first ones, which
    /// have these sizes.
    fn build(
        &self,
        builder: Builder,
        reads: &[Operand],
        results: &[Option<Value>],
        kinds: &[Kind],
        group: &[usize],
        sizes: &[i64],
    ) -> Result<Adjoints, String> {
        let (count, parallel) = (self.sizes.len(), sizes.len());
        let is_sum = count > parallel;
        let f32 = self.context.f32();
        let scratch = Block::new(&vec![f32; reads.len()], self.op.location());
        let inner = builder.in_block(scratch).at_location_of(self.op);
        let arguments = scratch.arguments();
        let values =
            (0..self.inputs.len()).map(|n| (self.body.argument(n), arguments[n])).collect();
        let wanted: Vec<_> = group.iter().map(|&number| self.body.argument(number)).collect();
        let mut reverse = Reverse::new(inner, self.body, values, &wanted);
        let yielded = self.body.terminator().map(Op::operands).unwrap_or_default();
        let mut adjoints = arguments[self.inputs.len()..].iter();
        let seeds: Vec<_> =
            results.iter().map(|known| known.and_then(|_| adjoints.next().copied())).collect();
        let mut largest = adjoints;
        for ((&value, kind), seed) in yielded.iter().zip(kinds).zip(seeds) {
            match (kind, seed) {
                (Kind::Maximum(term), seed) => {
                    let largest = largest.next().copied();
                    if let (Some(seed), Some(largest)) = (seed, largest) {
                        let term_value = reverse.value(*term);
                        let chosen = reverse.equal(term_value, largest);
                        reverse.add_where(*term, chosen, seed);
                    }
                }
                (Kind::Recurrence, Some(_)) => return Err("is a recurrence".into()),
                (_, Some(seed)) => reverse.add(value, seed),
                (_, None) => {}
            }
        }
        reverse
            .run(self.body)
            .map_err(|name| format!("holds {name}, which has no derivative here"))?;
        let found: Vec<_> = wanted.iter().map(|&value| reverse.adjoint(value)).collect();
        let found: Vec<_> =
            group.iter().zip(found).filter_map(|(&number, value)| Some((number, value?))).collect();
        if found.is_empty() {
            scratch.destroy();
            return Ok(Vec::new());
        }
        let is_outer = |read: &Operand| {
            read.map.iter().all(|place| place.steps[parallel..].iter().all(|&step| step == 0))
        };
        let outer: Vec<_> = reads
            .iter()
            .zip(&arguments)
            .filter(|(read, _)| is_outer(read))
            .map(|(_, &x)| x)
            .collect();
        let outer = factor::following(scratch, &outer);
        let terms: Vec<Vec<Term>> = match is_sum {
            true => found.iter().map(|&(_, x)| factor::factored(inner, x, &outer)).collect(),
            false => found
                .iter()
                .map(|&(_, x)| vec![Term { factors: vec![], term: x, is_negative: false }])
                .collect(),
        };
        let sums: Vec<_> = terms.iter().flatten().map(|term| term.term).collect();
        let scratch = Scratch { block: scratch, reads, dims: [parallel, count] };
        let sums = self.computed(builder, &scratch, &sums, sizes, is_sum);
        let factors: Vec<_> =
            terms.iter().flatten().flat_map(|term| term.factors.clone()).collect();
        let results = match factors.is_empty() {
            true => sums,
            false => self.multiplied(builder, &scratch, &terms, &sums, sizes),
        };
        scratch.block.destroy();
        let tensor = |(&(number, _), result): (&(usize, Value), Value)| {
            let tensor = self.inputs[number].tensor;
            let shape = tensor.ty().shape().unwrap_or_default();
            (tensor, linalg::regrouped(builder, result, &shape))
        };
        Ok(found.iter().zip(results).map(tensor).collect())
    }

    /// Tensors of these values of a block, or of their sums over the loops behind the first ones.
    fn computed(
        &self,
        builder: Builder,
        scratch: &Scratch,
        values: &[Value],
        sizes: &[i64],
        is_sum: bool,
    ) -> Vec<Value> {
        let [parallel, count] = scratch.dims;
        let used = used(scratch.block, values);
        let inputs = scratch.used(&used);
        if let (true, Some((dim, size))) = (is_sum, innermost(&inputs, parallel)) {
            let reads: Vec<_> =
                scratch.reads.iter().map(|read| moved(read, dim, parallel)).collect();
            let first =
                Scratch { block: scratch.block, reads: &reads, dims: [parallel + 1, count] };
            let sizes_of_rows = [sizes, &[size]].concat();
            let rows = self.computed(builder, &first, values, &sizes_of_rows, count > parallel + 1);
            return rows.into_iter().map(|row| self.sum_of_rows(builder, row, sizes)).collect();
        }
        let reads: Vec<_> =
            inputs.iter().map(|&(read, _)| (read.tensor, self.affine(&read.map, count))).collect();
        let dims: Vec<_> = (0..parallel).map(|dim| self.context.dim(dim)).collect();
        let out = self.context.affine_map(count, &dims);
        let initial = || match is_sum {
            true => linalg::fill(builder, sizes, 0.0, &self.layer),
            false => self.empty(builder, sizes),
        };
        let outs: Vec<_> = values.iter().map(|_| (initial(), out)).collect();
        let op = linalg::generic(builder, &reads, &outs, &self.layer, |inner, scalars| {
            let (of_inputs, sums) = scalars.split_at(inputs.len());
            let stands = inputs.iter().zip(of_inputs);
            let mut copies = stands.map(|(&(_, own), &scalar)| (own, scalar)).collect();
            factor::copied(inner, scratch.block, &used, &mut copies);
            let result = |(value, &sum): (&Value, &Value)| {
                let value = *copies.get(value).unwrap_or(value);
                if is_sum { summed(inner, value, sum) } else { value }
            };
            values.iter().zip(sums).map(result).collect()
        });
        op.results()
    }

    /// The sums along the last dimension.
    fn sum_of_rows(&self, builder: Builder, rows: Value, sizes: &[i64]) -> Value {
        let out = (linalg::fill(builder, sizes, 0.0, &self.layer), {
            let dims: Vec<_> = (0..sizes.len()).map(|dim| self.context.dim(dim)).collect();
            self.context.affine_map(sizes.len() + 1, &dims)
        });
        let read = (rows, self.context.identity_map(sizes.len() + 1));
        let sum = |inner: Builder, x: &[Value]| vec![summed(inner, x[0], x[1])];
        linalg::generic(builder, &[read], &[out], &self.layer, sum).result(0)
    }

    /// Sums of terms times their factors.
    fn multiplied(
        &self,
        builder: Builder,
        scratch: &Scratch,
        terms: &[Vec<Term>],
        sums: &[Value],
        sizes: &[i64],
    ) -> Vec<Value> {
        let [parallel, _] = scratch.dims;
        let factors: Vec<_> =
            terms.iter().flatten().flat_map(|term| term.factors.clone()).collect();
        let used = used(scratch.block, &factors);
        let inputs = scratch.used(&used);
        let outer = |read: &Operand| {
            let cut = |place: &Linear| Linear {
                steps: place.steps[..parallel].to_vec(),
                start: place.start,
            };
            (read.tensor, self.affine(&read.map.iter().map(cut).collect::<Vec<_>>(), parallel))
        };
        let identity = self.context.identity_map(parallel);
        let mut reads: Vec<_> = inputs.iter().map(|&(read, _)| outer(read)).collect();
        reads.extend(sums.iter().map(|&sum| (sum, identity)));
        let outs: Vec<_> = terms.iter().map(|_| (self.empty(builder, sizes), identity)).collect();
        let op = linalg::generic(builder, &reads, &outs, &self.layer, |inner, scalars| {
            let (of_inputs, of_sums) = scalars.split_at(inputs.len());
            let stands = inputs.iter().zip(of_inputs);
            let mut copies = stands.map(|(&(_, own), &scalar)| (own, scalar)).collect();
            factor::copied(inner, scratch.block, &used, &mut copies);
            let f32 = self.context.f32();
            let mut of_sums = of_sums.iter();
            let product = |(term, sum): (&Term, Value)| {
                let factors =
                    term.factors.iter().map(|factor| *copies.get(factor).unwrap_or(factor));
                factors
                    .fold(sum, |product, factor| inner.value("arith.mulf", &[product, factor], f32))
            };
            let total = |terms: &Vec<Term>| {
                let own: Vec<_> = of_sums.by_ref().take(terms.len()).copied().collect();
                let parts: Vec<_> = terms.iter().zip(own).map(product).collect();
                let add = |sum, next| inner.value("arith.addf", &[sum, next], f32);
                parts.into_iter().reduce(add)
            };
            terms.iter().filter_map(total).collect()
        });
        op.results()
    }

    fn affine(&self, map: &[Linear], dims: usize) -> AffineMap {
        let expression = |place: &Linear| {
            let constant = self.context.affine_constant(place.start);
            let steps = place.loops().map(|dim| self.context.dim(dim).times(place.steps[dim]));
            let start = (place.start != 0).then_some(constant);
            steps.chain(start).reduce(AffineExpr::plus).unwrap_or(constant)
        };
        let expressions: Vec<_> = map.iter().map(expression).collect();
        self.context.affine_map(dims, &expressions)
    }
}

/// A block that is computed for every step of some loops, of which the first ones are those of the
/// result, and what it reads.
struct Scratch<'a> {
    block: Block,
    reads: &'a [Operand],
    dims: [usize; 2],
}

impl Scratch<'_> {
    /// What is read of it, and the arguments of the block for that.
    fn used(&self, used: &HashSet<Value>) -> Vec<(&Operand, Value)> {
        let all = self.reads.iter().zip(self.block.arguments());
        all.filter(|(_, argument)| used.contains(argument)).collect()
    }
}

/// A sum and one term more: a product that is only added becomes one op with the sum.
fn summed(builder: Builder, term: Value, sum: Value) -> Value {
    let f32 = builder.context().f32();
    match term.defining_op().filter(|op| op.is("arith.mulf")) {
        Some(product) => {
            let factors = product.operands();
            builder.value("math.fma", &[factors[0], factors[1], sum], f32)
        }
        None => builder.value("arith.addf", &[term, sum], f32),
    }
}

/// The summed loop along which all reads are contiguous, and its trip count: vectors go along it, and a
/// second sum adds up their elements.
fn innermost(reads: &[(&Operand, Value)], parallel: usize) -> Option<(usize, i64)> {
    let mut found = reads.iter().map(|(read, _)| {
        let size = read.tensor.ty().shape().unwrap_or_default().last().copied()?;
        let dim = read.map.last()?.alone().filter(|&dim| dim >= parallel)?;
        (size > 1).then_some((dim, size))
    });
    let first = found.next()??;
    found.all(|other| other == Some(first)).then_some(first)
}

/// The read with a loop moved before others.
fn moved(read: &Operand, dim: usize, to: usize) -> Operand {
    let place = |place: &Linear| {
        let mut steps = place.steps.clone();
        let step = steps.remove(dim);
        steps.insert(to, step);
        Linear { steps, start: place.start }
    };
    Operand { tensor: read.tensor, map: read.map.iter().map(place).collect() }
}

/// Does each loop walk one dimension at most?
fn is_distinct(map: &[Linear]) -> bool {
    let loops: Vec<_> = map.iter().filter_map(Linear::alone).collect();
    loops.iter().enumerate().all(|(number, dim)| !loops[..number].contains(dim))
}

/// What some values of a block are computed of, these included.
fn used(block: Block, values: &[Value]) -> HashSet<Value> {
    let mut used: HashSet<_> = values.iter().copied().collect();
    for op in block.ops().into_iter().rev() {
        if op.results().iter().any(|result| used.contains(result)) {
            used.extend(op.operands());
        }
    }
    used
}
