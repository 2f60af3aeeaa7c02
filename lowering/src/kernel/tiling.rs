//! How a dimension is cut into tiles.

/// Equal tiles, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The number of the first tile.
    pub first: i64,
    /// How many there are.
    pub count: i64,
    /// Where the first tile starts.
    pub start: i64,
    /// Elements of a tile.
    pub length: i64,
}

impl Run {
    /// The end of the last tile.
    pub fn end(&self) -> i64 {
        self.start + self.count * self.length
    }

    /// Start and length of each tile.
    pub fn tiles(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        let Self { count, start, length, .. } = *self;
        (0..count).map(move |number| (start + number * length, length))
    }
}

/// The tiles along a dimension, whose elements come in units: rows, or the lanes of a vector.
/// They are as few as `largest`, a number of units, allows, and as equal as whole units
/// allow, the longer ones first: a short tile does little for what it loads, and waits for
/// its own results.
pub fn runs(size: i64, largest: i64, unit: i64) -> Vec<Run> {
    let units = (size + unit - 1) / unit;
    let count = (units + largest - 1) / largest;
    if count == 0 {
        return vec![];
    }
    let (short, longer) = (units / count, units % count);
    // Lanes without a meaning in the last unit, which is one of a short tile.
    let missing = units * unit - size;
    let partial = i64::from(missing > 0);
    let lengths = [
        (longer, (short + 1) * unit),
        (count - longer - partial, short * unit),
        (partial, short * unit - missing),
    ];
    let (mut first, mut start) = (0, 0);
    let runs = lengths.into_iter().filter(|(count, _)| *count > 0).map(|(count, length)| {
        let run = Run { first, count, start, length };
        (first, start) = (first + count, run.end());
        run
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_as_few_and_as_equal_as_whole_units_allow() {
        let lengths = |size, largest, unit| -> Vec<i64> {
            let runs = runs(size, largest, unit);
            runs.iter().flat_map(|run| vec![run.length; run.count as usize]).collect()
        };
        assert_eq!(lengths(100, 9, 4), [36, 32, 32]);
        assert_eq!(lengths(100, 3, 16), [48, 32, 20]);
        assert_eq!(lengths(8, 6, 1), [4, 4]);
        assert_eq!(lengths(3, 8, 16), [3]);
        assert!(lengths(0, 8, 16).is_empty());
        for (size, largest, unit) in (1..70)
            .flat_map(|size| (1..9).flat_map(move |n| [1, 4, 16].map(|unit| (size, n, unit))))
        {
            let lengths = lengths(size, largest, unit);
            assert_eq!(lengths.iter().sum::<i64>(), size);
            assert_eq!(lengths.len() as i64, (size + largest * unit - 1) / (largest * unit));
            assert!(lengths[0] <= largest * unit);
            // All but the last tile are whole units.
            let units = lengths.iter().map(|length| (length + unit - 1) / unit);
            assert!(units.clone().max().unwrap() - units.min().unwrap() <= 1, "{lengths:?}");
            assert!(lengths[..lengths.len() - 1].iter().all(|length| length % unit == 0));
        }
    }

    #[test]
    fn runs_follow_each_other() {
        for (size, largest, unit) in [(100, 9, 4), (100, 3, 16), (100, 6, 1), (7, 8, 1)] {
            let runs = runs(size, largest, unit);
            assert_eq!((runs[0].first, runs[0].start), (0, 0));
            for pair in runs.windows(2) {
                assert_eq!(pair[1].first, pair[0].first + pair[0].count);
                assert_eq!(pair[1].start, pair[0].end());
                assert!(pair[1].length < pair[0].length);
            }
            assert_eq!(runs.last().unwrap().end(), size);
        }
    }
}
