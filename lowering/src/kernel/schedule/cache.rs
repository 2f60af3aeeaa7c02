//! Lines, pages and sets of a first-level cache.

/// Elements of a line of the cache.
pub const CACHE_LINE: i64 = 16;

/// Elements of a page of memory.
const PAGE: i64 = 1024;

/// Sets of the first-level cache, as of one of 32 KiB with 8 ways, and lines in each.
pub(super) const CACHE_SETS: i64 = 64;
pub(super) const CACHE_WAYS: i64 = 8;

/// The cost in cycles of storing to a line that has left the first-level cache.
pub(super) const MISSED_STORE: f64 = 16.0;

pub(super) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What nested loops touch, each given by a stride and a trip count: elements of cache lines, counted
/// by whole lines, and pages.
pub(super) fn touched(mut loops: Vec<(i64, i64)>) -> [i64; 2] {
    loops.retain(|(stride, _)| *stride > 0);
    loops.sort_unstable();
    [CACHE_LINE, PAGE].map(|unit| {
        // Pieces at one distance from each other, elements at first, and what all of them touch.
        let (mut distance, mut pieces, mut touched) = (1, 1, 1);
        let whole = |distance, pieces: i64| match distance {
            1 if unit == PAGE => (pieces + PAGE - 1) / PAGE,
            1 => pieces.max(unit),
            _ => pieces,
        };
        for &(stride, trips) in &loops {
            if stride < distance * pieces || (distance == 1 && stride < unit) {
                pieces += (trips - 1) * stride / distance;
            } else {
                touched *= whole(distance, pieces);
                (distance, pieces) = (stride, trips);
            }
        }
        touched * whole(distance, pieces)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_touch_what_several_of_them_lead_to_once() {
        // Rows of a dense layer; of a convolution, whose windows overlap with stride 2 down; 64
        // channels of 32x32, and of 14x14.
        assert_eq!(touched(vec![(1, 784), (784, 3), (0, 100)]), [3 * 784, 3]);
        assert_eq!(touched(vec![(4624, 8), (68, 5), (1, 5), (136, 6)]), [8 * 15 * 16, 8]);
        assert_eq!(touched(vec![(1, 32), (1024, 64)]), [32 * 64, 64]);
        assert_eq!(touched(vec![(1, 32), (196, 64)]), [32 * 64, 13]);
    }
}
