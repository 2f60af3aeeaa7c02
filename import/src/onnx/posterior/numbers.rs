//! Where the numbers of a tensor are in another one, which an exporter made of it: reordered, split,
//! joined with others, or scaled.

/// Numbers and their sizes, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    /// The sizes.
    pub shape: &'a [usize],
    /// The numbers.
    pub values: &'a [f32],
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
    /// Factors along a dimension of the source: how far its elements are apart there, and one for each.
    scale: Option<(usize, Vec<f32>)>,
    /// Are the dimensions in another order?
    is_transposed: bool,
}

/// The largest difference of a scaled number, relative to the largest of its slice. An exporter rounds the
/// factor and the product, each to 6e-8.
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
        Self { scale: Some((1, factors.clone())), ..Self::whole(factors.len()) }
    }

    /// The same numbers, from the target to the source; without factors.
    #[must_use]
    pub fn reversed(self) -> Self {
        let dims = self.dims.into_iter().map(|(size, from, to)| (size, to, from)).collect();
        Self { dims, start: (self.start.1, self.start.0), ..self }
    }

    /// The factors, where there are some.
    pub fn factors(&self) -> Option<&[f32]> {
        self.scale.as_ref().map(|(_, factors)| factors.as_slice())
    }

    /// Are the dimensions in another order?
    pub fn is_transposed(&self) -> bool {
        self.is_transposed
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
            let factor = self.scale.as_ref().map_or(1.0, |(step, factors)| {
                factors.get((from / step) % factors.len()).copied().unwrap_or(1.0)
            });
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
        return orders(part.dims.len()).into_iter().find_map(|order| {
            let block = contiguous(part, &order);
            matches(&block, source, target).then_some(block)
        });
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
    let equal = |from: usize, to: usize| {
        let (from, to) = (source.values.get(from), target.values.get(to));
        from.is_some() && from.map(|x| x.to_bits()) == to.map(|x| x.to_bits())
            || matches!((from, to), (Some(&x), Some(&y)) if x == y)
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

/// All numbers of `source` in `target`, each slice of one of its first two dimensions with a factor of
/// its own: what is left where a normalisation behind a layer was folded into it.
pub fn scaled(source: Numbers, target: Numbers) -> Option<Block> {
    let count = source.values.len();
    let rank = source.dims().len();
    if count != target.values.len() || !(2..=MAX_RANK).contains(&rank) {
        return None;
    }
    let whole = Part { start: 0, dims: source.dims() };
    let along = source.shape.iter().take(2).enumerate().filter(|(_, size)| count > **size);
    let along: Vec<_> = along
        .map(|(dim, &size)| (size, source.shape[dim + 1..].iter().product::<usize>()))
        .collect();
    orders(rank).into_iter().find_map(|order| {
        let block = contiguous(&whole, &order);
        along.iter().find_map(|&(size, step)| {
            let factors = factors(&block, (size, step), source, target)?;
            Some(Block { scale: Some((step, factors)), ..block.clone() })
        })
    })
}

fn factors(block: &Block, (size, step): Dim, source: Numbers, target: Numbers) -> Option<Vec<f32>> {
    // The factor of the largest number of each slice.
    let mut largest = vec![(0f32, 1f64); size];
    let slice = |from: usize| (from / step) % size;
    block.each(|from, to, _| {
        let (x, y) = (source.values[from], target.values[to]);
        let known = &mut largest[slice(from)];
        if x.abs() > known.0 {
            *known = (x.abs(), f64::from(y) / f64::from(x));
        }
    });
    let mut fits = largest.iter().all(|(_, factor)| factor.is_finite() && *factor != 0.0);
    block.each(|from, to, _| {
        let (largest, factor) = largest[slice(from)];
        let scaled = f64::from(source.values[from]) * factor;
        let error = (scaled - f64::from(target.values[to])).abs();
        fits = fits && error <= TOLERANCE * f64::from(largest) * factor.abs();
    });
    fits.then(|| largest.iter().map(|&(_, factor)| factor as f32).collect())
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
        let source = Numbers { shape: &[3, 4], values: &values };
        let moved: Vec<f32> = (0..4)
            .flat_map(|c| (0..3).map(move |r| (r, c)))
            .map(|(r, c)| values[r * 4 + c])
            .collect();
        let target = Numbers { shape: &[4, 3], values: &moved };
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
        let source = Numbers { shape: &[2, 3, 2, 2], values: &values };
        let found = find(source, &[Numbers { shape: &[2, 2, 3, 2], values: &moved }]);
        assert_eq!(gathered(&found[0], &values, moved.len()), moved);
    }

    #[test]
    fn gates_in_another_order_are_found() {
        // Four gates of two rows, as i, f, g, o, to i, o, f, g with a dimension for directions.
        let values = numbers(8 * 3);
        let gate = |number: usize| values[number * 6..(number + 1) * 6].to_vec();
        let joined = [gate(0), gate(3), gate(1), gate(2)].concat();
        let source = Numbers { shape: &[8, 3], values: &values };
        let found = find(source, &[Numbers { shape: &[1, 8, 3], values: &joined }]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].len(), 4);
        assert_eq!(gathered(&found[0], &values, 24), joined);
        // As the second of two directions.
        let both = [vec![0.5; 24], joined.clone()].concat();
        let found = find(source, &[Numbers { shape: &[2, 8, 3], values: &both }]);
        assert_eq!(gathered(&found[0], &values, 48)[24..], joined);
    }

    #[test]
    fn joined_and_split_tensors_are_found() {
        let values = numbers(6 * 4);
        let all = Numbers { shape: &[6, 4], values: &values };
        let part = |n: usize| Numbers { shape: &[2, 4], values: &values[n * 8..(n + 1) * 8] };
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
        let source = Numbers { shape: &[4], values: &zeros };
        assert!(find(source, &[Numbers { shape: &[8], values: &joined }]).is_empty());
        assert_eq!(find(source, &[source]).len(), 1);
    }

    #[test]
    fn other_numbers_are_not_found() {
        let (values, mut other) = (numbers(12), numbers(12));
        other[11] += 0.5;
        let source = Numbers { shape: &[3, 4], values: &values };
        let target = Numbers { shape: &[3, 4], values: &other };
        assert!(find(source, &[target]).is_empty());
        assert!(scaled(source, target).is_none());
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
        let source = Numbers { shape: &[3, 4], values: &values };
        // Of a transposed convolution the outputs are the second dimension.
        for (factors, dim) in [(vec![0.5f32, -2.0, 3.25], 0), (vec![0.5, -2.0, 3.25, 1.5], 1)] {
            let output = |n: usize| [n / 4, n % 4][dim];
            let folded: Vec<f32> =
                values.iter().enumerate().map(|(n, value)| value * factors[output(n)]).collect();
            let block = scaled(source, Numbers { shape: &[3, 4], values: &folded }).expect("found");
            assert_close(block.factors().expect("scaled"), &factors);
            assert_close(&gathered(&[(0, block)], &values, 12), &folded);
        }
    }
}
