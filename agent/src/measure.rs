//! Times of calls, and of the kernels within them.

use std::cell::RefCell;

use nix::time::{ClockId, clock_gettime};

use crate::{
    counters::{self, Counters, KernelCounts},
    crash,
    protocol::{Profile, Settings},
    sysfs::Root,
};

/// The most samples of a measurement.
const MOST_SAMPLES: usize = 1 << 22;

/// The times of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Nanoseconds of each.
    pub nanoseconds: Vec<u64>,
    /// Calls of each.
    pub calls: u32,
    /// From the begin of the first to the end of the last.
    pub window: (u64, u64),
}

/// Nanoseconds of CLOCK_MONOTONIC.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC);
    time.map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Warms up: the first call, then others for as long as the settings say. Returns how many calls make
/// a sample.
///
/// # Errors
///
/// That of a call.
pub fn warm_up(
    settings: &Settings,
    call: &mut impl FnMut() -> Result<(), String>,
) -> Result<u32, String> {
    call()?;
    let start = now();
    let mut calls = 0u64;
    while calls == 0 || now() - start < settings.warm_up {
        call()?;
        calls += 1;
    }
    let each = ((now() - start) / calls).max(1);
    Ok(match settings.calls {
        0 => u32::try_from(settings.least_sample.div_ceil(each)).unwrap_or(u32::MAX).max(1),
        calls => calls,
    })
}

/// Takes samples of so many calls.
///
/// # Errors
///
/// That of a call.
pub fn sample(
    settings: &Settings,
    calls: u32,
    call: &mut impl FnMut() -> Result<(), String>,
) -> Result<Samples, String> {
    let mut nanoseconds = Vec::new();
    let start = now();
    let mut end = start;
    while nanoseconds.len() < MOST_SAMPLES
        && (end - start < settings.duration || nanoseconds.len() < settings.least_samples as usize)
    {
        let begin = now();
        for _ in 0..calls {
            call()?;
        }
        end = now();
        nanoseconds.push(end - begin);
    }
    Ok(Samples { nanoseconds, calls, window: (start, end) })
}

/// What the marks of kernels do.
#[derive(Debug)]
enum Marks {
    /// Nanoseconds of each kernel.
    Time { last: u64, kernels: Vec<u64> },
    /// Events of each kernel.
    Count { counters: Counters, last: [Option<u64>; 3], kernels: Vec<KernelCounts> },
}

thread_local! {
    static MARKS: RefCell<Option<Marks>> = const { RefCell::new(None) };
}

/// The function `pfp.profile_mark` of compiled code: the kernel of this number has ended.
pub extern "C" fn mark(kernel: u32) {
    crash::enter_kernel(kernel.wrapping_add(1));
    MARKS.with_borrow_mut(|marks| match marks {
        None => (),
        Some(Marks::Time { last, kernels }) => {
            let time = now();
            if let Some(spent) = kernels.get_mut(kernel as usize) {
                *spent += time - *last;
            }
            // What the mark itself takes belongs to no kernel.
            *last = now();
        }
        Some(Marks::Count { counters, last, kernels }) => {
            let counts = counters.read().unwrap_or_default();
            if let Some(kernel) = kernels.get_mut(kernel as usize) {
                *kernel = add(*kernel, counters::between(*last, counts));
            }
            *last = counters.read().unwrap_or_default();
        }
    });
}

fn add(a: KernelCounts, b: KernelCounts) -> KernelCounts {
    let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b).or(b);
    KernelCounts {
        cycles: sum(a.cycles, b.cycles),
        instructions: sum(a.instructions, b.instructions),
        cache_misses: sum(a.cache_misses, b.cache_misses),
    }
}

/// The times of so many kernels, and their events where they run in one thread.
///
/// # Errors
///
/// That of a call.
pub fn profile(
    settings: &Settings,
    (kernels, threads): (usize, u32),
    root: &Root,
    call: &mut impl FnMut() -> Result<(), String>,
) -> Result<Profile, String> {
    let mut times = vec![Vec::new(); kernels];
    repeat(settings, || {
        MARKS.set(Some(Marks::Time { last: now(), kernels: vec![0; kernels] }));
        let result = call();
        if let Some(Marks::Time { kernels, .. }) = MARKS.take() {
            times.iter_mut().zip(kernels).for_each(|(all, time)| all.push(time));
        }
        result
    })?;
    let nanoseconds = times.into_iter().map(|times| median(times) as f64).collect();
    let counters = match threads {
        ..=1 => Counters::open(root),
        _ => Err("events are counted of calls in one thread only".into()),
    };
    let mut counters = match counters {
        Ok(counters) => Some(counters),
        Err(missing) => {
            return Ok(Profile { nanoseconds, counts: Vec::new(), missing: Some(missing) });
        }
    };
    let missing = counters.as_ref().and_then(|counters| counters.missing.clone());
    let mut counts = vec![Vec::new(); kernels];
    repeat(settings, || {
        let Some(open) = counters.take() else { return Ok(()) };
        let last = open.read().unwrap_or_default();
        let none = vec![KernelCounts::default(); kernels];
        MARKS.set(Some(Marks::Count { counters: open, last, kernels: none }));
        let result = call();
        if let Some(Marks::Count { counters: open, kernels, .. }) = MARKS.take() {
            counters = Some(open);
            counts.iter_mut().zip(kernels).for_each(|(all, count)| all.push(count));
        }
        result
    })?;
    let middle = |counts: &[KernelCounts], of: fn(&KernelCounts) -> Option<u64>| {
        counts.iter().map(of).collect::<Option<Vec<_>>>().map(median)
    };
    let counts = counts.iter().map(|counts| KernelCounts {
        cycles: middle(counts, |count| count.cycles),
        instructions: middle(counts, |count| count.instructions),
        cache_misses: middle(counts, |count| count.cache_misses),
    });
    Ok(Profile { nanoseconds, counts: counts.collect(), missing })
}

/// Calls for as long as the settings say, at least as often as they say.
fn repeat(settings: &Settings, mut call: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let (start, mut count) = (now(), 0);
    while count < MOST_SAMPLES
        && (now() - start < settings.duration || count < settings.least_samples as usize)
    {
        call()?;
        count += 1;
    }
    Ok(())
}

/// The middle of numbers, the upper of two; 0 where there is none.
pub fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn the_first_call_and_those_of_the_warm_up_are_no_samples() {
        let mut calls = 0;
        let settings =
            Settings { duration: 0, least_samples: 5, warm_up: 0, ..Settings::default() };
        let mut call = || {
            calls += 1;
            Ok(())
        };
        let number = warm_up(&settings, &mut call).unwrap();
        let samples = sample(&settings, number, &mut call).unwrap();
        assert_eq!((samples.nanoseconds.len(), samples.calls, calls), (5, 1, 2 + 5));
        assert!(samples.window.1 - samples.window.0 >= samples.nanoseconds.iter().sum());
    }

    #[test]
    fn a_sample_has_as_many_calls_as_fill_its_time() {
        let least_sample = 10_000_000;
        let settings =
            Settings { calls: 0, least_sample, warm_up: 0, duration: 0, ..Settings::default() };
        let mut call = || {
            thread::sleep(Duration::from_millis(2));
            Ok(())
        };
        let calls = warm_up(&settings, &mut call).unwrap();
        assert!((2..=5).contains(&calls), "{calls}");
    }

    #[test]
    fn time_goes_to_the_kernel_that_ends() {
        let settings = Settings { duration: 0, least_samples: 1, ..Settings::default() };
        let mut call = || {
            thread::sleep(Duration::from_millis(2));
            mark(1);
            mark(0);
            // A kernel that is not listed is not counted.
            mark(7);
            Ok(())
        };
        let root = Root::default();
        let profile = profile(&settings, (2, 2), &root, &mut call).unwrap();
        assert!(profile.nanoseconds[1] >= 2e6 && profile.nanoseconds[0] < 2e6, "{profile:?}");
        assert_eq!(profile.missing.unwrap(), "events are counted of calls in one thread only");
    }

    #[test]
    fn an_error_of_a_call_ends_the_measurement() {
        let error = warm_up(&Settings::default(), &mut || Err("no".into()));
        assert_eq!(error, Err("no".into()));
    }
}
