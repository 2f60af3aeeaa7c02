//! Loop nests: what a `linalg.generic` on buffers reads, writes and computes.

use std::{collections::HashSet, ops::Range};

use gauss_dialect::ir::{AffineExpr, Block, Builder, DYNAMIC, Op, Value};

use crate::target::Core;

/// A perfect loop nest over buffers of `f32`.
#[derive(Debug, Clone)]
pub struct Nest {
    /// The `linalg.generic`.
    pub op: Op,
    /// Trip counts: the parallel dimensions, then the reductions.
    pub sizes: Vec<i64>,
    /// How many dimensions are parallel.
    pub parallel: usize,
    /// What is read, in the order of the body's arguments.
    pub inputs: Vec<Access>,
    /// What is written, and read before that by a reduction.
    pub outputs: Vec<Access>,
    /// The scalar computation; its terminator yields one value per output.
    pub body: Block,
}

/// A linear access of a buffer: element
/// `offset + item · i + strip · s + task · t + Σ strides[d] · index[d]`
/// of strip s of item i in task t.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// The whole buffer: a `memref.alloc`, a `memref.get_global` or an argument; or a
    /// part of one whose place a loop around the nest decides.
    pub root: Value,
    /// The element at the origin of the nest.
    pub offset: i64,
    /// The step along the loop over the items around the nest; 0 where there is none.
    pub item: i64,
    /// The step along the loop over strips; 0 where there is none.
    pub strip: i64,
    /// The step from one task to the next; 0 where they share the memory.
    pub task: i64,
    /// The step along each dimension of the nest.
    pub strides: Vec<i64>,
}

impl Nest {
    /// Reads a `linalg.generic` on buffers with static strides.
    ///
    /// # Errors
    ///
    /// Where its accesses are not linear, or its strides not static.
    pub fn of(op: Op) -> Result<Nest, String> {
        let maps = op
            .attribute("indexing_maps")
            .and_then(|maps| maps.as_array())
            .ok_or("has no indexing maps")?;
        let maps: Vec<_> = maps.into_iter().filter_map(|map| map.as_affine_map()).collect();
        let iterators = op
            .attribute("iterator_types")
            .and_then(|iterators| iterators.as_array())
            .ok_or("has no iterator types")?;
        let dims = iterators.len();
        let operands = op.operands();
        if maps.len() != operands.len() || !op.results().is_empty() {
            return Err("is not on buffers".into());
        }
        // Parallel dimensions first: order[new] = old.
        let is_parallel = |&dim: &usize| iterators[dim].to_string().contains("parallel");
        let mut order: Vec<_> = (0..dims).filter(is_parallel).collect();
        let parallel = order.len();
        order.extend((0..dims).filter(|dim| !is_parallel(dim)));

        let mut sizes = vec![None; dims];
        let mut accesses = Vec::new();
        for (&operand, map) in operands.iter().zip(&maps) {
            let ty = operand.ty();
            if !ty.is_memref() || !ty.element_type().is_f32() {
                return Err(format!("has an operand of type {ty}; buffers of f32 are compiled"));
            }
            let shape = ty.shape().ok_or("has an operand without shape")?;
            let root = base_of(operand);
            let (steps, offset) = ty
                .strides_and_offset()
                .map(|(steps, offset)| (steps, if is_moving(root) { 0 } else { offset }))
                .filter(|(steps, offset)| *offset >= 0 && steps.iter().all(|&step| step >= 0))
                .ok_or_else(|| {
                    format!("has an operand of type {ty}; its strides must be static")
                })?;
            let results = map.results();
            let linear = |expr: &AffineExpr| {
                expr.linear(dims).ok_or("has an indexing map that is not linear".to_owned())
            };
            let (item, strip, task) = (0, 0, 0);
            let mut access = Access { root, offset, item, strip, task, strides: vec![0; dims] };
            for ((expr, step), size) in results.iter().zip(steps).zip(shape) {
                let (coefficients, constant) = linear(expr)?;
                access.offset += constant * step;
                for (new, &old) in order.iter().enumerate() {
                    access.strides[new] += coefficients[old] * step;
                    let alone = coefficients.iter().filter(|&&c| c != 0).count() == 1;
                    if coefficients[old] == 1 && alone && constant == 0 {
                        sizes[new] = Some(size);
                    }
                }
            }
            accesses.push(access);
        }
        let sizes = sizes
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .filter(|sizes| sizes.iter().all(|&size| size > 0))
            .ok_or("has a loop whose trip count is not known")?;
        let segments = op.attribute("operandSegmentSizes").map(|a| a.to_string());
        let outputs = segments
            .as_deref()
            .and_then(|text| text.trim_end_matches('>').rsplit(", ").next()?.parse().ok())
            .unwrap_or(1);
        let outputs = accesses.split_off(accesses.len() - outputs);
        if outputs.iter().any(|out| out.strides[parallel..].iter().any(|&stride| stride != 0)) {
            return Err("writes along a reduction".into());
        }
        let body = op.body().ok_or("has no body")?;
        if dims > 1 && body.ops().iter().any(|op| op.is("linalg.index")) {
            return Err("reads the index of one of several loops, which may be joined".into());
        }
        Ok(Nest { op, sizes, parallel, inputs: accesses, outputs, body })
    }

    /// Orders the reductions so that the last one walks the input that is read
    /// most often, which is no constant, in the smallest steps.
    pub fn sort_reductions(&mut self, is_constant: impl Fn(&Access) -> bool) {
        let Some(input) = self.inputs.iter().find(|input| !is_constant(input)) else { return };
        let mut order: Vec<_> = (0..self.sizes.len()).collect();
        order[self.parallel..].sort_by_key(|&dim| -input.strides[dim]);
        let permute = |values: &[i64]| order.iter().map(|&dim| values[dim]).collect();
        self.sizes = permute(&self.sizes);
        for access in self.inputs.iter_mut().chain(&mut self.outputs) {
            access.strides = permute(&access.strides);
        }
    }

    /// Has the nest no reduction?
    pub fn is_elementwise(&self) -> bool {
        self.parallel == self.sizes.len()
    }

    /// Vectors that are computed side by side, where there is no reduction: at least two where the body
    /// has more constants than the core has registers, so that each is loaded for both.
    pub fn unroll(&self, core: &Core) -> i64 {
        let operands = self.body.ops().into_iter().flat_map(Op::operands);
        let is_constant =
            |value: &Value| value.defining_op().is_some_and(|op| op.is("arith.constant"));
        let constants: HashSet<_> = operands.filter(is_constant).collect();
        match constants.len() as i64 > core.vector_registers {
            true => core.elementwise_unroll.max(2),
            false => core.elementwise_unroll,
        }
    }

    /// The trip counts of the parallel dimensions.
    pub fn parallel_sizes(&self) -> &[i64] {
        &self.sizes[..self.parallel]
    }

    /// The trip counts of the reductions.
    pub fn reduction_sizes(&self) -> &[i64] {
        &self.sizes[self.parallel..]
    }

    /// The nest of some steps of a parallel dimension, if there are any; its op is put at `at`.
    pub fn part(&self, dim: usize, steps: Range<i64>, at: Builder) -> Option<Nest> {
        if steps.is_empty() {
            return None;
        }
        let op = self.op.clone_detached();
        let mut nest = Nest { op, body: op.body()?, ..self.clone() };
        at.insert(op);
        nest.sizes[dim] = steps.end - steps.start;
        nest.accesses_mut().for_each(|access| access.offset += access.strides[dim] * steps.start);
        Some(nest)
    }

    /// Makes several dimensions of one that is walked as a whole.
    pub fn split(&mut self, dim: usize, sizes: &[i64]) {
        self.parallel += if dim < self.parallel { sizes.len() - 1 } else { 0 };
        self.sizes.splice(dim..=dim, sizes.iter().copied());
        self.accesses_mut().for_each(|access| {
            let step = access.strides[dim];
            let inner = |number: usize| sizes[number + 1..].iter().product::<i64>();
            let steps = (0..sizes.len()).map(|number| step * inner(number));
            access.strides.splice(dim..=dim, steps.collect::<Vec<_>>());
        });
    }

    /// The nest with these parallel dimensions, if its own are walked as they are when each
    /// is split into some of them.
    pub fn refined(&self, sizes: &[i64]) -> Option<Nest> {
        let mut nest = self.clone();
        let mut dim = 0;
        while nest.parallel_sizes() != sizes {
            let size = nest.parallel_sizes().get(dim).copied()?;
            let parts = sizes.get(dim..)?;
            let product = |count: &usize| parts[..*count].iter().product::<i64>();
            let count = (1..=parts.len()).find(|count| product(count) == size)?;
            nest.split(dim, &parts[..count]);
            dim += count;
        }
        Some(nest)
    }

    /// All accesses.
    pub fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.inputs.iter().chain(&self.outputs)
    }

    /// All accesses, to change.
    pub fn accesses_mut(&mut self) -> impl Iterator<Item = &mut Access> {
        self.inputs.iter_mut().chain(&mut self.outputs)
    }
}

impl Access {
    /// Does the access move along this dimension?
    pub fn depends_on(&self, dim: usize) -> bool {
        self.strides[dim] != 0
    }
}

/// The buffer that a view is a part of.
pub fn root_of(view: Value) -> Value {
    const VIEWS: [&str; 5] = [
        "memref.subview",
        "memref.collapse_shape",
        "memref.expand_shape",
        "memref.cast",
        "memref.reinterpret_cast",
    ];
    match view.defining_op() {
        Some(op) if VIEWS.contains(&op.name().as_str()) => root_of(op.operand(0)),
        _ => view,
    }
}

/// The buffer that a nest takes a view for: [`root_of`], or the view itself where its
/// place is not known before run time.
fn base_of(view: Value) -> Value {
    const SAME_PLACE: [&str; 3] = ["memref.collapse_shape", "memref.expand_shape", "memref.cast"];
    if !is_moving(view) {
        return root_of(view);
    }
    match view.defining_op() {
        Some(op) if SAME_PLACE.contains(&op.name().as_str()) => base_of(op.operand(0)),
        _ => view,
    }
}

/// Is this a view whose place in its buffer is not known before run time?
pub fn is_moving(view: Value) -> bool {
    view.ty().strides_and_offset().is_some_and(|(_, offset)| offset == DYNAMIC)
}

/// Does the function allocate the buffer for itself?
pub fn is_allocated(buffer: Value) -> bool {
    buffer.defining_op().is_some_and(|op| op.is("memref.alloc"))
}

/// Every op that uses a buffer, directly or through views.
pub fn users_of(buffer: Value) -> Vec<Op> {
    let through = |user: Op| {
        let is_view = user.results().first().is_some_and(|result| root_of(*result) != *result);
        match is_view {
            true => users_of(user.result(0)),
            false => vec![user],
        }
    };
    buffer.users().into_iter().flat_map(through).collect()
}
