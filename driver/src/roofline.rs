//! What one core can do: multiply-adds, and reading from each level of the memory.

use std::{collections::BTreeSet, hint::black_box, time::Instant};

use serde::Serialize;

/// The limits of a core.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Roofline {
    /// Multiply-adds on `f32` count two. 10⁹ per second.
    pub gflops: f64,
    /// Reading, for working sets of several sizes, the smallest first.
    pub bandwidths: Vec<Bandwidth>,
}

/// How fast a working set is read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bandwidth {
    /// Its size.
    pub bytes: usize,
    /// 10⁹ bytes per second.
    pub gigabytes: f64,
}

/// Working sets that lie in the first, second and third level cache and in memory.
const WORKING_SETS: [usize; 4] = [16 << 10, 256 << 10, 4 << 20, 256 << 20];

/// Working sets are a multiple of this and at least as large.
const GRAIN: usize = 4 << 10;

/// Times that something is measured; the best counts, as nothing makes a core faster.
const ROUNDS: usize = 12;

impl Roofline {
    /// Measures the core that the calling thread is pinned to, reading sets of these bytes
    /// and some of a size of their own; takes a second or two.
    pub fn measure(working_sets: impl IntoIterator<Item = u64>) -> Self {
        let largest = WORKING_SETS[WORKING_SETS.len() - 1];
        let wanted = working_sets
            .into_iter()
            .map(|bytes| usize::try_from(bytes).map_or(largest, |bytes| bytes.min(largest)).max(1));
        let sets: BTreeSet<_> =
            wanted.map(|bytes| bytes.next_multiple_of(GRAIN)).chain(WORKING_SETS).collect();
        let best = |measure: &dyn Fn() -> f64| (0..ROUNDS).map(|_| measure()).fold(0.0, f64::max);
        let gflops = best(&|| {
            let start = Instant::now();
            let flop = black_box(multiply_add(black_box(1 << 20)));
            flop / start.elapsed().as_secs_f64() / 1e9
        });
        let memory = vec![1.0f32; largest / 4];
        let bandwidth = |bytes: usize| {
            let set = &memory[..bytes / 4];
            let passes = ((64 << 20) / bytes).max(1);
            black_box(sum(set));
            let gigabytes = best(&|| {
                let start = Instant::now();
                for _ in 0..passes {
                    black_box(sum(black_box(set)));
                }
                (bytes * passes) as f64 / start.elapsed().as_secs_f64() / 1e9
            });
            Bandwidth { bytes, gigabytes }
        };
        Self { gflops, bandwidths: sets.into_iter().map(bandwidth).collect() }
    }

    /// Microseconds below which a call cannot be: the time of its arithmetic, or that
    /// of reading its weights, at the speed of the smallest set that is as large.
    pub fn limit(&self, flop: f64, weight_bytes: u64) -> f64 {
        let arithmetic = flop / self.gflops / 1e3;
        let level = self.bandwidths.iter().find(|level| level.bytes as u64 >= weight_bytes);
        let level = level.or(self.bandwidths.last());
        let reading = level.map_or(0.0, |level| weight_bytes as f64 / level.gigabytes / 1e3);
        arithmetic.max(reading)
    }
}

/// Independent sums that hide the latency of one addition on any core.
const SUMS: usize = 16;

/// The operations of so many steps on as many vectors as hide the latency; returns flop.
fn multiply_add(steps: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has AVX-512F.
            return unsafe { x86::multiply_add_512(steps) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU has AVX2 and FMA.
            return unsafe { x86::multiply_add_256(steps) };
        }
    }
    let mut sums = [[0.0f32; 4]; SUMS];
    for _ in 0..steps {
        for sum in sums.iter_mut().flatten() {
            *sum = *sum * 0.999_999 + 1e-7;
        }
    }
    black_box(sums);
    (2 * 4 * SUMS * steps) as f64
}

/// The sum of numbers, read as fast as the core can.
fn sum(values: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has AVX2.
        return unsafe { x86::sum_256(values) };
    }
    let mut sums = [0.0f32; SUMS];
    for chunk in values.chunks_exact(SUMS) {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::{arch::x86_64::*, hint::black_box};

    use super::SUMS;

    macro_rules! multiply_add {
        ($name:ident, $features:literal, $lanes:literal, $set:ident, $fma:ident) => {
            #[target_feature(enable = $features)]
            pub fn $name(steps: usize) -> f64 {
                const COUNT: usize = if $lanes == 16 { SUMS } else { 12 };
                let (factor, term) = ($set(0.999_999), $set(1e-7));
                let mut sums = [$set(0.5); COUNT];
                for _ in 0..steps {
                    for sum in &mut sums {
                        *sum = $fma(*sum, factor, term);
                    }
                }
                black_box(sums);
                (2 * $lanes * COUNT * steps) as f64
            }
        };
    }

    multiply_add!(multiply_add_512, "avx512f", 16, _mm512_set1_ps, _mm512_fmadd_ps);
    multiply_add!(multiply_add_256, "avx2,fma", 8, _mm256_set1_ps, _mm256_fmadd_ps);

    #[target_feature(enable = "avx2")]
    pub fn sum_256(values: &[f32]) -> f32 {
        // As many as hide the latency of an addition.
        let mut sums = [_mm256_setzero_ps(); 12];
        for chunk in values.chunks_exact(8 * sums.len()) {
            for (sum, values) in sums.iter_mut().zip(chunk.chunks_exact(8)) {
                // SAFETY: eight numbers.
                let values = unsafe { _mm256_loadu_ps(values.as_ptr()) };
                *sum = _mm256_add_ps(*sum, values);
            }
        }
        let mut lanes = [0.0; 8];
        for sum in sums {
            let mut values = [0.0f32; 8];
            // SAFETY: room for eight numbers.
            unsafe { _mm256_storeu_ps(values.as_mut_ptr(), sum) };
            lanes.iter_mut().zip(values).for_each(|(lane, value)| *lane += value);
        }
        lanes.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_limited_by_arithmetic_or_by_reading_its_weights() {
        let level = |bytes, gigabytes| Bandwidth { bytes, gigabytes };
        let bandwidths = vec![level(1000, 100.0), level(1_000_000, 10.0)];
        let roofline = Roofline { gflops: 50.0, bandwidths };
        // 50 000 flop take 1 µs; 500 bytes are read from the first level.
        assert_eq!(roofline.limit(50_000.0, 500), 1.0);
        // 100 000 bytes at 10 GB/s take 10 µs.
        assert_eq!(roofline.limit(50_000.0, 100_000), 10.0);
        // Beyond the largest set its bandwidth counts.
        assert_eq!(roofline.limit(0.0, 10_000_000), 1000.0);
    }
}
