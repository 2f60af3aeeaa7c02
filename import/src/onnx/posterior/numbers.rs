//! Where the numbers of a tensor are in another one, which an exporter made of it: reordered, split,
//! joined with others, or scaled.

/// Numbers and their sizes, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    /// The sizes.
    pub shape: &'a [usize],
    /// The numbers.
    pub values: &'a [f32],
    /// What they were rounded to.
    pub precision: Precision,
}

/// To what a file rounded its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// To no less than float32.
    #[default]
    Single,
    /// To float16.
    Half,
    /// To bfloat16.
    Brain,
}

impl Precision {
    /// That of a tensor of ONNX, by the number of its element type.
    pub fn of(element: i32) -> Self {
        match element {
            10 => Self::Half,
            16 => Self::Brain,
            _ => Self::Single,
        }
    }

    /// The largest relative error of a rounding, and the largest absolute one. Below 6e-5 numbers of float16
    /// are 6e-8 apart, and converters put those below 1e-7 there.
    fn errors(self) -> (f64, f64) {
        match self {
            Self::Single => (0.0, 0.0),
            Self::Half => (0.5f64.powi(11), 1.2e-7),
            Self::Brain => (0.5f64.powi(8), 0.0),
        }
    }

    /// The largest difference of numbers that a few operations made of each other, relative to their size, and
    /// an absolute one. Operations in float32 round to 6e-8 each; of coarser ones as many as the weight, the
    /// factor of its fold and their product.
    pub fn tolerance(self) -> (f64, f64) {
        let (relative, absolute) = self.errors();
        ((4.0 * relative).max(TOLERANCE), absolute)
    }

    /// Are numbers the same, but for their rounding?
    fn equal(self, exact: f32, rounded: f32) -> bool {
        let (relative, absolute) = self.errors();
        let error = (f64::from(exact) - f64::from(rounded)).abs();
        // A number that is not finite is only itself.
        exact == rounded
            || error <= relative * f64::from(exact).abs() + absolute
            || exact.to_bits() == rounded.to_bits()
    }
}

/// A dimension: its size, and how far its elements are apart.
type Dim = (usize, usize);

/// Numbers of one tensor that are in another.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The sizes, with the distances of elements in the source and in the target.
    dims: Vec<(usize, usize, usize)>,
    /// The first element in the source, and in the target.
    start: (usize, usize),
    /// Factors of the numbers of the source.
    scale: Option<Scale>,
    /// Are the dimensions in another order?
    is_transposed: bool,
}

/// One factor for each slice of a tensor.
#[derive(Debug, Clone, PartialEq)]
struct Scale {
    /// The dimensions, or parts of them, along which the slices are.
    dims: Vec<Dim>,
    /// In their order; none where all numbers of a slice are zeros.
    factors: Vec<Option<f32>>,
}

impl Scale {
    /// The number of the slice of an element.
    fn slice(dims: &[Dim], at: usize) -> usize {
        dims.iter().fold(0, |slice, &(size, step)| slice * size + at / step % size)
    }

    /// The factor of an element; one where there is none, of a zero.
    fn of(&self, at: usize) -> f32 {
        let factor = self.factors.get(Self::slice(&self.dims, at)).copied().flatten();
        factor.unwrap_or(1.0)
    }
}

/// The largest difference of a scaled number in float32, relative to the largest of its slice. An exporter
/// rounds the factor and the product, each to 6e-8.
const TOLERANCE: f64 = 1e-5;

/// The most dimensions whose orders are tried.
const MAX_RANK: usize = 5;

impl Block {
    /// All numbers of a tensor, in their order.
    pub fn whole(count: usize) -> Self {
        Self { dims: vec![(count, 1, 1)], start: (0, 0), scale: None, is_transposed: false }
    }

    /// All numbers of a list, each with a factor of its own.
    pub fn scaled(factors: Vec<f32>) -> Self {
        let count = factors.len();
        let factors = factors.into_iter().map(Some).collect();
        Self { scale: Some(Scale { dims: vec![(count, 1)], factors }), ..Self::whole(count) }
    }

    /// The same numbers, from the target to the source; without factors.
    #[must_use]
    pub fn reversed(self) -> Self {
        let dims = self.dims.into_iter().map(|(size, from, to)| (size, to, from)).collect();
        Self { dims, start: (self.start.1, self.start.0), ..self }
    }

    /// The factors, where there are some; none of slices of zeros.
    pub fn factors(&self) -> Option<&[Option<f32>]> {
        self.scale.as_ref().map(|scale| scale.factors.as_slice())
    }

    /// Is a number of the source, which is a zero, in a slice whose factor nothing tells?
    pub fn is_untold(&self, at: usize) -> bool {
        let scale = self.scale.as_ref();
        scale.is_some_and(|scale| {
            scale.factors.get(Scale::slice(&scale.dims, at)).is_some_and(Option::is_none)
        })
    }

    /// Are the dimensions in another order?
    pub fn is_transposed(&self) -> bool {
        self.is_transposed
    }

    /// Are these its dimensions, in this order?
    fn has_sizes(&self, dims: &[Dim]) -> bool {
        self.dims.iter().map(|&(size, ..)| size).eq(dims.iter().map(|&(size, _)| size))
    }

    /// How many numbers.
    pub fn count(&self) -> usize {
        self.dims.iter().map(|&(size, ..)| size).product()
    }

    /// Goes over the numbers: the place in the source, the place in the target, and the factor.
    pub fn each(&self, mut visit: impl FnMut(usize, usize, f32)) {
        let count = self.count();
        let mut index = vec![0usize; self.dims.len()];
        let (mut from, mut to) = self.start;
        for _ in 0..count {
            let factor = self.scale.as_ref().map_or(1.0, |scale| scale.of(from));
            visit(from, to, factor);
            for (at, &(size, source, target)) in index.iter_mut().zip(&self.dims).rev() {
                *at += 1;
                from += source;
                to += target;
                if *at < size {
                    break;
                }
                *at = 0;
                from -= size * source;
                to -= size * target;
            }
        }
    }
}

impl<'a> Numbers<'a> {
    /// Numbers of float32.
    pub fn of(shape: &'a [usize], values: &'a [f32]) -> Self {
        Self { shape, values, precision: Precision::Single }
    }

    /// Dimensions of more than one element.
    fn dims(&self) -> Vec<Dim> {
        let mut step = 1;
        let mut dims: Vec<Dim> = Vec::new();
        for &size in self.shape.iter().rev() {
            if size != 1 {
                dims.push((size, step));
            }
            step *= size;
        }
        dims.reverse();
        dims
    }

    /// Are all numbers the same, so that they tell nothing?
    pub fn is_uniform(&self) -> bool {
        self.values.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Equal parts along the first dimension that has some; the first element of each, and their sizes.
    fn parts(&self, count: usize) -> Option<Vec<Part>> {
        let mut dims = self.dims();
        let (size, step) = dims.first_mut()?;
        if !size.is_multiple_of(count) || *size == count {
            return None;
        }
        *size /= count;
        let part = *size * *step;
        Some((0..count).map(|number| Part { start: number * part, dims: dims.clone() }).collect())
    }
}

/// Some numbers of a tensor.
#[derive(Debug, Clone)]
struct Part {
    start: usize,
    dims: Vec<Dim>,
}

impl Part {
    fn count(&self) -> usize {
        self.dims.iter().map(|&(size, _)| size).product()
    }
}

/// Where all numbers of `source` are in the targets: one block, or one for each of two to four equal parts,
/// as those of gates and of heads, with the number of the target. Nothing where they are not, or where they
/// are so alike that the place cannot be told.
pub fn find<'t>(source: Numbers, targets: &[Numbers<'t>]) -> Vec<Vec<(usize, Block)>> {
    let whole = Part { start: 0, dims: source.dims() };
    let targets: Vec<_> = targets.iter().copied().enumerate().collect();
    let all: Vec<_> = targets
        .iter()
        .filter_map(|(number, target)| Some(vec![(*number, located(source, &whole, *target)?)]))
        .collect();
    if !all.is_empty() {
        return all;
    }
    let of_parts = (2..=4).find_map(|count| {
        let parts = source.parts(count)?;
        let place = |part: &Part| {
            let mut found = targets
                .iter()
                .filter_map(|(number, target)| Some((*number, located(source, part, *target)?)));
            found.next()
        };
        parts.iter().map(place).collect::<Option<Vec<_>>>()
    });
    of_parts.into_iter().collect()
}

/// A part of `source` in `target`.
fn located(source: Numbers, part: &Part, target: Numbers) -> Option<Block> {
    let count = part.count();
    if count > target.values.len() || part.dims.len() > MAX_RANK {
        return None;
    }
    let value = |at: usize| source.values.get(at).copied();
    let dims = target.dims();
    if count == target.values.len() {
        let blocks = orders(part.dims.len()).into_iter().map(|order| contiguous(part, &order));
        // Numbers that are alike fit in any order: the sizes tell it first.
        let (fitting, others): (Vec<_>, Vec<_>) = blocks.partition(|block| block.has_sizes(&dims));
        return fitting.into_iter().chain(others).find(|block| matches(block, source, target));
    }
    // Some of the target: numbers that are all alike could be anywhere.
    let first = value(part.start)?;
    let mut is_uniform = true;
    contiguous(part, &(0..part.dims.len()).collect::<Vec<_>>())
        .each(|from, _, _| is_uniform &= value(from) == Some(first));
    if is_uniform {
        return None;
    }
    let mut own = part.dims.clone();
    if own.len() + 1 == dims.len() {
        own.push((1, 0));
    }
    if own.len() != dims.len() || own.len() > MAX_RANK {
        return None;
    }
    orders(own.len()).into_iter().find_map(|order| {
        let moved: Vec<Dim> = order.iter().map(|&dim| own[dim]).collect();
        let sizes: Vec<_> =
            moved.iter().zip(&dims).map(|(&(size, from), &(_, to))| (size, from, to)).collect();
        let is_transposed = !order.is_sorted();
        offsets(&moved, &dims)?.into_iter().find_map(|offset| {
            let start = (part.start, offset);
            let block = Block { dims: sizes.clone(), start, scale: None, is_transposed };
            matches(&block, source, target).then_some(block)
        })
    })
}

/// Where a part may begin in a target: anywhere along one dimension, and along one in which it has a single
/// element, such as directions.
fn offsets(part: &[Dim], target: &[Dim]) -> Option<Vec<usize>> {
    let mut offsets = vec![0];
    let mut is_moved = false;
    for (&(size, _), &(of, step)) in part.iter().zip(target).filter(|(part, of)| part.0 != of.0) {
        if size > of || (size != 1 && is_moved) {
            return None;
        }
        is_moved |= size != 1;
        let along = 0..=of - size;
        offsets = along.flat_map(|at| offsets.iter().map(move |base| base + at * step)).collect();
    }
    Some(offsets)
}

/// All of a part in the order of its dimensions, one number behind the other.
fn contiguous(part: &Part, order: &[usize]) -> Block {
    let mut step = part.count();
    let dims = order.iter().map(|&dim| {
        let (size, from) = part.dims[dim];
        step /= size.max(1);
        (size, from, step)
    });
    let dims = dims.collect();
    Block { dims, start: (part.start, 0), scale: None, is_transposed: !order.is_sorted() }
}

fn matches(block: &Block, source: Numbers, target: Numbers) -> bool {
    let precision = match target.precision {
        Precision::Single => source.precision,
        coarse => coarse,
    };
    let equal = |from: usize, to: usize| match (source.values.get(from), target.values.get(to)) {
        (Some(&from), Some(&to)) => precision.equal(from, to),
        _ => false,
    };
    // Most differ in the first numbers.
    if !equal(block.start.0, block.start.1) {
        return false;
    }
    let mut same = true;
    block.each(|from, to, _| same = same && equal(from, to));
    same
}

/// All orders of so many dimensions, the present one first.
fn orders(rank: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for _ in 0..rank {
        let longer = |order: &Vec<usize>| {
            let rest = (0..rank).filter(|dim| !order.contains(dim));
            rest.map(|dim| [&order[..], &[dim]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    orders
}

/// Would other numbers in the place of those of a source, which are in all of a target, lie in another order
/// that the source and the sizes allow as well?
pub fn is_ambiguous(source: Numbers, target: Numbers, block: &Block, others: &[f32]) -> bool {
    let dims = target.dims();
    if source.values.len() != target.values.len()
        || source.dims().len() > MAX_RANK
        || !block.has_sizes(&dims)
    {
        return false;
    }
    let whole = Part { start: 0, dims: source.dims() };
    let placed = |block: &Block| {
        let mut placed = vec![0f32; target.values.len()];
        block.each(|from, to, _| {
            if let (Some(place), Some(&value)) = (placed.get_mut(to), others.get(from)) {
                *place = value;
            }
        });
        placed
    };
    let own = placed(block);
    let orders = orders(whole.dims.len()).into_iter().map(|order| contiguous(&whole, &order));
    orders
        .filter(|other| other.dims != block.dims && other.has_sizes(&dims))
        .any(|other| matches(&other, source, target) && placed(&other) != own)
}

/// All numbers of `source` in `target`, each slice of one of its first two dimensions with a factor of
/// its own: what is left where a normalisation behind a layer was folded into it. The outputs of a transposed
/// convolution in groups are the second dimension of each group of the first.
pub fn scaled(source: Numbers, target: Numbers, groups: Option<usize>) -> Option<Block> {
    let count = source.values.len();
    let rank = source.dims().len();
    if count != target.values.len() || !(2..=MAX_RANK).contains(&rank) {
        return None;
    }
    let whole = Part { start: 0, dims: source.dims() };
    let step = |dim: usize| source.shape[dim + 1..].iter().product::<usize>();
    let sizes = source.shape.iter().take(2).enumerate().filter(|(_, size)| count > **size);
    let mut along: Vec<Vec<Dim>> = sizes.map(|(dim, &size)| vec![(size, step(dim))]).collect();
    if let (Some(groups), &[inputs, outputs, ..]) = (groups, source.shape)
        && groups > 1
        && inputs.is_multiple_of(groups)
        && count > groups * outputs
    {
        along.push(vec![(groups, inputs / groups * step(0)), (outputs, step(1))]);
    }
    orders(rank).into_iter().find_map(|order| {
        let block = contiguous(&whole, &order);
        along.iter().find_map(|dims| {
            let factors = factors(&block, dims, source, target)?;
            Some(Block { scale: Some(Scale { dims: dims.clone(), factors }), ..block.clone() })
        })
    })
}

/// The factor of each slice that gives the numbers of the target with the smallest squares of errors.
fn factors(
    block: &Block,
    dims: &[Dim],
    source: Numbers,
    target: Numbers,
) -> Option<Vec<Option<f32>>> {
    #[derive(Clone, Copy, Default)]
    struct Sums {
        squares: f64,
        products: f64,
        largest: f64,
    }
    impl Sums {
        fn factor(self) -> f64 {
            if self.squares == 0.0 { 1.0 } else { self.products / self.squares }
        }
    }
    let mut sums = vec![Sums::default(); dims.iter().map(|&(size, _)| size).product()];
    let pair =
        |from: usize, to: usize| (f64::from(source.values[from]), f64::from(target.values[to]));
    block.each(|from, to, _| {
        let (x, y) = pair(from, to);
        let sums = &mut sums[Scale::slice(dims, from)];
        sums.squares += x * x;
        sums.products += x * y;
        sums.largest = sums.largest.max(x.abs());
    });
    let mut fits = sums.iter().all(|sums| sums.factor().is_finite() && sums.factor() != 0.0);
    let (relative, absolute) = target.precision.tolerance();
    block.each(|from, to, _| {
        let (x, y) = pair(from, to);
        let sums = sums[Scale::slice(dims, from)];
        let error = (x * sums.factor() - y).abs();
        fits = fits && error <= relative * sums.largest * sums.factor().abs() + absolute;
    });
    let factor = |sums: &Sums| (sums.squares != 0.0).then(|| sums.factor() as f32);
    fits.then(|| sums.iter().map(factor).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are all different.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|n| ((n * 7919 + 13) % 1009) as f32 / 37.0 - 9.0).collect()
    }

    /// What the blocks make of the target, starting from NaN.
    fn gathered(blocks: &[(usize, Block)], source: &[f32], count: usize) -> Vec<f32> {
        let mut target = vec![f32::NAN; count];
        for (_, block) in blocks {
            block.each(|from, to, factor| target[to] = source[from] * factor);
        }
        target
    }

    #[test]
    fn a_transposed_copy_is_found() {
        let values = numbers(12);
        let source = Numbers::of(&[3, 4], &values);
        let moved: Vec<f32> = (0..4)
            .flat_map(|c| (0..3).map(move |r| (r, c)))
            .map(|(r, c)| values[r * 4 + c])
            .collect();
        let target = Numbers::of(&[4, 3], &moved);
        let found = find(source, &[target]);
        assert_eq!(found.len(), 1);
        assert!(found[0][0].1.is_transposed());
        assert_eq!(gathered(&found[0], &values, 12), moved);
    }

    #[test]
    fn a_kernel_of_another_layout_is_found() {
        // Out, in, height, width to height, width, in, out.
        let values = numbers(2 * 3 * 2 * 2);
        let at = |o: usize, i: usize, y: usize, x: usize| values[((o * 3 + i) * 2 + y) * 2 + x];
        let mut moved = Vec::new();
        for y in 0..2 {
            for x in 0..2 {
                for i in 0..3 {
                    for o in 0..2 {
                        moved.push(at(o, i, y, x));
                    }
                }
            }
        }
        let source = Numbers::of(&[2, 3, 2, 2], &values);
        let found = find(source, &[Numbers::of(&[2, 2, 3, 2], &moved)]);
        assert_eq!(gathered(&found[0], &values, moved.len()), moved);
    }

    #[test]
    fn gates_in_another_order_are_found() {
        // Four gates of two rows, as i, f, g, o, to i, o, f, g with a dimension for directions.
        let values = numbers(8 * 3);
        let gate = |number: usize| values[number * 6..(number + 1) * 6].to_vec();
        let joined = [gate(0), gate(3), gate(1), gate(2)].concat();
        let source = Numbers::of(&[8, 3], &values);
        let found = find(source, &[Numbers::of(&[1, 8, 3], &joined)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].len(), 4);
        assert_eq!(gathered(&found[0], &values, 24), joined);
        // As the second of two directions.
        let both = [vec![0.5; 24], joined.clone()].concat();
        let found = find(source, &[Numbers::of(&[2, 8, 3], &both)]);
        assert_eq!(gathered(&found[0], &values, 48)[24..], joined);
    }

    #[test]
    fn joined_and_split_tensors_are_found() {
        let values = numbers(6 * 4);
        let all = Numbers::of(&[6, 4], &values);
        let part = |n: usize| Numbers::of(&[2, 4], &values[n * 8..(n + 1) * 8]);
        // One in a join.
        let found = find(part(1), &[all]);
        assert_eq!(found.len(), 1);
        let mut places = Vec::new();
        found[0][0].1.each(|_, to, _| places.push(to));
        assert_eq!(places, (8..16).collect::<Vec<_>>());
        // A join in its parts.
        let found = find(all, &[part(2), part(0), part(1)]);
        let targets: Vec<_> = found[0].iter().map(|(target, _)| *target).collect();
        assert_eq!(targets, [1, 2, 0]);
    }

    #[test]
    fn numbers_that_are_alike_have_no_place_in_a_join() {
        let zeros = [0.0; 4];
        let joined = [0.0; 8];
        let source = Numbers::of(&[4], &zeros);
        assert!(find(source, &[Numbers::of(&[8], &joined)]).is_empty());
        assert_eq!(find(source, &[source]).len(), 1);
    }

    #[test]
    fn other_numbers_are_not_found() {
        let (values, mut other) = (numbers(12), numbers(12));
        other[11] += 0.5;
        let source = Numbers::of(&[3, 4], &values);
        let target = Numbers::of(&[3, 4], &other);
        assert!(find(source, &[target]).is_empty());
        assert!(scaled(source, target, None).is_none());
    }

    /// Are the numbers those of a product that was rounded once more?
    fn assert_close(got: &[f32], wanted: &[f32]) {
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().zip(wanted) {
            assert!(
                (got - wanted).abs() <= 2.0 * f32::EPSILON * wanted.abs(),
                "{got}, not {wanted}"
            );
        }
    }

    #[test]
    fn a_fold_of_a_normalisation_is_a_factor_for_each_output() {
        let values = numbers(3 * 4);
        let source = Numbers::of(&[3, 4], &values);
        // Of a transposed convolution the outputs are the second dimension.
        for (factors, dim) in [(vec![0.5f32, -2.0, 3.25], 0), (vec![0.5, -2.0, 3.25, 1.5], 1)] {
            let output = |n: usize| [n / 4, n % 4][dim];
            let folded: Vec<f32> =
                values.iter().enumerate().map(|(n, value)| value * factors[output(n)]).collect();
            let block = scaled(source, Numbers::of(&[3, 4], &folded), None).expect("found");
            let found: Option<Vec<f32>> =
                block.factors().expect("scaled").iter().copied().collect();
            assert_close(&found.expect("no slice of zeros"), &factors);
            assert_close(&gathered(&[(0, block)], &values, 12), &folded);
        }
    }

    /// A transposed convolution of 4 inputs and 2 x 3 outputs in two groups: the factor of an output counts in
    /// the inputs of its group alone.
    #[test]
    fn a_fold_into_groups_of_a_transposed_convolution_is_found() {
        let values = numbers(4 * 3 * 2);
        let source = Numbers::of(&[4, 3, 2], &values);
        let factors = [0.5f32, -2.0, 3.25, 1.5, 0.25, -0.75];
        let output = |at: usize| at / (2 * 3 * 2) * 3 + at / 2 % 3;
        let folded: Vec<f32> =
            values.iter().enumerate().map(|(at, value)| value * factors[output(at)]).collect();
        let target = Numbers::of(&[4, 3, 2], &folded);
        assert!(scaled(source, target, None).is_none());
        assert!(scaled(source, target, Some(1)).is_none());
        let block = scaled(source, target, Some(2)).expect("found");
        let found: Option<Vec<f32>> = block.factors().expect("scaled").iter().copied().collect();
        assert_close(&found.expect("no slice of zeros"), &factors);
        assert_close(&gathered(&[(0, block)], &values, 24), &folded);
    }

    #[test]
    fn numbers_that_were_rounded_to_half_are_found() {
        use half::f16;
        let exact: Vec<f32> = numbers(12).iter().map(|value| value * 0.1).collect();
        let rounded: Vec<f32> = exact.iter().map(|&value| f16::from_f32(value).to_f32()).collect();
        let half = |values| Numbers { shape: &[3, 4], values, precision: Precision::Half };
        let source = Numbers::of(&[3, 4], &exact);
        assert_eq!(find(source, &[half(&rounded)]).len(), 1);
        assert!(find(source, &[Numbers::of(&[3, 4], &rounded)]).is_empty());
        // A fold of which every step was rounded.
        let factors = [0.5371f32, -2.123, 3.25];
        let product = |(at, value): (usize, &f32)| {
            f16::from_f32(value * f16::from_f32(factors[at / 4]).to_f32()).to_f32()
        };
        let folded: Vec<f32> = rounded.iter().enumerate().map(product).collect();
        let block = scaled(source, half(&folded), None).expect("found");
        for (found, factor) in block.factors().expect("scaled").iter().zip(factors) {
            // Two roundings, which the mean over a slice makes no larger.
            let error = (found.expect("no zeros") - factor).abs();
            assert!(error <= 2.0 * 0.5f32.powi(11) * factor.abs(), "{found:?}, not {factor}");
        }
        let other: Vec<f32> = rounded.iter().map(|value| value + 0.02).collect();
        assert!(find(source, &[half(&other)]).is_empty());
        assert!(scaled(source, half(&other), None).is_none());
    }

    #[test]
    fn the_factor_of_zeros_is_not_told() {
        let source = [1.0, 2.0, 0.0, 0.0];
        let target = [3.0, 6.0, 0.0, 0.0];
        let block = scaled(Numbers::of(&[2, 2], &source), Numbers::of(&[2, 2], &target), None);
        let block = block.expect("found");
        assert_eq!(block.factors(), Some(&[Some(3.0), None][..]));
        assert!(!block.is_untold(1) && block.is_untold(2));
    }

    /// Zeros fit in any order: the sizes of the target tell it, and of a square one nothing does.
    #[test]
    fn numbers_that_are_alike_lie_as_the_sizes_say() {
        let zeros = [0.0; 6];
        let (source, target) = (Numbers::of(&[2, 3], &zeros), Numbers::of(&[3, 2], &zeros));
        let others = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let found = find(source, &[target]);
        assert_eq!(gathered(&found[0], &others, 6), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert!(!is_ambiguous(source, target, &found[0][0].1, &others));
        let square = Numbers::of(&[2, 2], &zeros[..4]);
        let found = find(square, &[square]);
        assert!(is_ambiguous(square, square, &found[0][0].1, &others[..4]));
        assert!(!is_ambiguous(square, square, &found[0][0].1, &[1.0, 2.0, 2.0, 4.0]));
    }
}
