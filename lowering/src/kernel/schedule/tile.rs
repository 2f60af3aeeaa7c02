//! The micro-tile: its rows and vectors, and what they share.

use std::{collections::HashSet, ops::Range};

use crate::{kernel::nest::Access, target::Core};

/// Consecutive lanes that one vector holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The first lane, counted from the start of the tile.
    pub offset: i64,
    /// Lanes with a meaning.
    pub count: i64,
    /// Lanes of the vector, a power of two.
    pub width: i64,
}

/// The vectors that cover `size` neighbours: full ones, then one that may be
/// narrower and only partly used.
pub fn chunks(size: i64, lanes: i64) -> Vec<Chunk> {
    let full = (0..size / lanes).map(|i| Chunk { offset: i * lanes, count: lanes, width: lanes });
    let rest = size % lanes;
    let last = (rest > 0).then(|| Chunk {
        offset: size - rest,
        count: rest,
        width: (rest as u64).next_power_of_two() as i64,
    });
    full.chain(last).collect()
}

/// As [`chunks`], for a reduction. Its last vector has at least four lanes: one or two would take a
/// register too, and could not use what is broadcast to four.
pub fn chunks_of_sums(size: i64, lanes: i64) -> Vec<Chunk> {
    let mut chunks = chunks(size, lanes);
    if let Some(last) = chunks.last_mut().filter(|_| size > 1) {
        last.width = last.width.max(lanes.min(4));
    }
    chunks
}

/// Lanes that a list of chunks occupies.
pub fn padded_width(chunks: &[Chunk]) -> i64 {
    chunks.iter().map(|chunk| chunk.width).sum()
}

/// A number as a sum of powers of two up to `most`, itself a power of two: `(start, length)` of each.
pub fn powers(count: i64, most: i64) -> Vec<(i64, i64)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut length = most;
    while start < count {
        while length > count - start {
            length /= 2;
        }
        parts.push((start, length));
        start += length;
    }
    parts
}

/// How many [`powers`] a number has.
pub(super) fn count_of_powers(count: i64, most: i64) -> i64 {
    count / most + i64::from((count % most).count_ones())
}

/// Neighbouring elements that rows of a tile share: what one row reads in a step, the
/// next one has read in an earlier step, as the rows of a convolution do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowWindow {
    /// From a row to the next.
    pub stride: i64,
    /// All that the rows read.
    pub size: i64,
}

impl RowWindow {
    /// The window of so many rows and steps of the innermost reduction, where it takes
    /// fewer loads than each row for itself.
    pub fn of(
        access: &Access,
        row: Option<usize>,
        rows: i64,
        steps: i64,
        core: &Core,
    ) -> Option<Self> {
        let stride = access.strides[row?];
        let size = (rows - 1) * stride + steps;
        let most = if core.lane_loads { core.lanes } else { 1 };
        let is_contiguous = stride > 0 && access.strides.last() == Some(&1);
        let loads = |count| count_of_powers(count, most);
        (is_contiguous && loads(size) < rows * loads(steps)).then_some(Self { stride, size })
    }
}

/// Elements that rows read in so many steps of a reduction, with strides along both: the most that are
/// held between two steps, because a later step reads them again, and how many there are in all.
pub(super) fn sharing(rows: i64, steps: i64, strides: (i64, i64)) -> (i64, i64) {
    let read = |step| (0..rows).map(move |row| row * strides.0 + step * strides.1);
    let all = |steps: Range<i64>| steps.flat_map(read).collect::<HashSet<_>>();
    let waiting = |step| all(0..step).intersection(&all(step..steps)).count();
    let most = (1..steps).map(waiting).max().unwrap_or(0);
    (most as i64, all(0..steps).len() as i64)
}

/// Up to this stride, elements are loaded with those between them and shuffled apart.
pub const MAX_INTERLEAVE: i64 = 4;

/// Up to this trip count, the innermost reduction is fully unrolled.
pub const FULL_UNROLL: i64 = 8;

/// Steps of the innermost reduction that are unrolled.
pub fn unrolled_steps(reductions: &[i64], core: &Core) -> i64 {
    match reductions.last() {
        Some(&size) if size > FULL_UNROLL => core.reduction_unroll,
        size => size.copied().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_counted_as_they_are() {
        for (count, most) in (0..100).flat_map(|count| [1, 2, 4, 8].map(|most| (count, most))) {
            let powers = powers(count, most);
            assert_eq!(count_of_powers(count, most), powers.len() as i64);
            assert_eq!(powers.iter().map(|(_, length)| length).sum::<i64>(), count);
        }
    }

    #[test]
    fn what_rows_share_waits_from_its_first_to_its_last_step() {
        // A dense layer; convolutions with stride 1, stride 2 in 7 and in 3 steps, dilation 2.
        let cases =
            [(4, 2, (784, 1)), (4, 5, (1, 1)), (4, 7, (2, 1)), (4, 3, (2, 1)), (6, 3, (1, 2))];
        let found = cases.map(|(rows, steps, strides)| sharing(rows, steps, strides));
        assert_eq!(found, [(0, 8), (3, 8), (6, 13), (3, 9), (4, 10)]);
    }

    #[test]
    fn the_last_chunk_of_a_sum_is_no_narrower_than_four_lanes_unless_it_is_a_scalar() {
        let widths = |size| chunks_of_sums(size, 16).iter().map(|chunk| chunk.width).collect();
        let expected: [(i64, Vec<i64>); 5] =
            [(1, vec![1]), (2, vec![4]), (17, vec![16, 4]), (21, vec![16, 8]), (32, vec![16, 16])];
        for (size, expected) in expected {
            let found: Vec<i64> = widths(size);
            assert_eq!(found, expected, "{size}");
        }
    }
}
