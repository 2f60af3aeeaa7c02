//! Timing of calls.

use std::{
    collections::BTreeMap,
    env, fs,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use pfp_compiler::error::Error;
use serde::Serialize;

/// What the system calls the processor.
pub fn cpu_name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let fields: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let name = fields.iter().find(|(key, _)| key.trim() == "model name");
    name.map_or_else(|| env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// The CPUs that this process may use, in ascending order.
///
/// # Errors
///
/// Where the system does not tell.
pub fn allowed_cpus() -> Result<Vec<usize>, Error> {
    let set = sched_getaffinity(Pid::from_raw(0)).map_err(|error| {
        Error::request(format!("the CPUs of this process are unknown: {error}"))
    })?;
    Ok((0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).collect())
}

/// Keeps the calling thread, and the threads that it will start, on these CPUs.
///
/// # Errors
///
/// Where one does not exist or may not be used.
pub fn pin(cpus: &[usize]) -> Result<(), Error> {
    let refuse = |error| Error::request(format!("the CPUs {cpus:?} cannot be used: {error}"));
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| set.set(cpu)).map_err(refuse)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(refuse)
}

/// Calls `call` for about so long after a short warm-up, and at least so many times.
/// Returns the microseconds of each call.
///
/// # Errors
///
/// That of a call.
pub fn time(
    duration: Duration,
    calls: u32,
    mut call: impl FnMut() -> Result<(), Error>,
) -> Result<Vec<f64>, Error> {
    let start = Instant::now();
    while start.elapsed() < duration / 10 {
        call()?;
    }
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < duration || times.len() < calls as usize {
        let begin = Instant::now();
        call()?;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// Microseconds per call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// Calls that were timed.
    pub calls: usize,
    /// The least.
    pub min: f64,
    /// A tenth of the calls was faster.
    pub p10: f64,
    /// Half of the calls was faster.
    pub median: f64,
    /// Nine tenths of the calls were faster.
    pub p90: f64,
}

impl Times {
    /// Of a list that is not empty; zeros otherwise.
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (share * times.len() as f64) as usize;
            times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or(0.0)
        };
        Self { calls: times.len(), min: at(0.0), p10: at(0.1), median: at(0.5), p90: at(0.9) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_ten_calls() {
        let times = Times::of((1..=10).rev().map(f64::from).collect());
        assert_eq!(times, Times { calls: 10, min: 1.0, p10: 2.0, median: 6.0, p90: 10.0 });
    }
}
