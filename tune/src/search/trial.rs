//! What a search asks of compilers and of the device.

use std::time::Instant;

use gauss_lowering::kernel::given::ScheduleFile;
use pfp_compiler::{compile::Compiled, error::Error};
use pfp_evaluate::device::{Buffers, Device};

use super::{Progress, Settings, Watch};
use crate::{
    compilers::Compilers,
    journal::Journal,
    measure::{Timing, Window, in_turn},
    ratio::Ratio,
};

/// Compiles, times, and keeps the account of both.
pub struct Trials<'a> {
    pub compilers: Compilers<'a>,
    pub device: &'a dyn Device,
    pub inputs: Buffers,
    pub settings: &'a Settings,
    pub start: Instant,
    pub journal: Journal,
    pub compilations: usize,
    pub watch: Watch<'a>,
}

impl Trials<'_> {
    /// Is so much of the budget used up?
    pub fn is_over(&self, share: f64) -> bool {
        self.start.elapsed() > self.settings.budget.mul_f64(share)
    }

    /// How far the search is.
    pub fn progress<'s>(&self, stage: &'s str, measured: usize, ratio: f64) -> Progress<'s> {
        Progress { stage, elapsed: self.start.elapsed(), measured, ratio }
    }

    /// Compiles the function with each of some schedules.
    pub fn compile(
        &mut self,
        files: &[ScheduleFile],
        is_profiled: bool,
    ) -> Vec<Result<Compiled, Error>> {
        self.compilations += files.len();
        self.compilers.compile(files, is_profiled)
    }

    /// Compiles the function with some schedules.
    pub fn compile_one(
        &mut self,
        file: &ScheduleFile,
        is_profiled: bool,
    ) -> Result<Compiled, Error> {
        let compiled = self.compile(std::slice::from_ref(file), is_profiled).pop();
        compiled.unwrap_or_else(|| Err(Error::Internal("a compilation did not end".into())))
    }

    /// Times functions in turn, in up to `times` as many windows as one candidate gets.
    pub fn time(
        &self,
        compiled: &[&Compiled],
        times: u32,
        is_settled: impl Fn(&[Vec<Window>]) -> bool,
    ) -> Result<Vec<Vec<Window>>, Error> {
        let loaded = compiled.iter().map(|compiled| self.device.load(compiled));
        let loaded = loaded.collect::<Result<Vec<_>, Error>>()?;
        let profiled = compiled.iter().filter(|compiled| compiled.is_profiled);
        let kernels = profiled.map(|compiled| compiled.kernels.len()).max().unwrap_or(0);
        let timing = self.settings.timing;
        let timing = Timing { repeat: timing.repeat.saturating_mul(times), ..timing };
        in_turn(&loaded, (&self.inputs, kernels), &timing, |windows| {
            is_settled(windows) || self.is_over(1.0)
        })
    }

    /// The times of calls of all functions but the first, over that of the first.
    pub fn compare_calls(&self, compiled: &[&Compiled]) -> Result<Vec<Ratio>, Error> {
        let ratios = |windows: &[Vec<Window>]| -> Vec<Ratio> {
            let calls = |windows: &[Window]| -> Vec<f64> {
                windows.iter().map(|window| window.call).collect()
            };
            let Some((first, others)) = windows.split_first() else { return Vec::new() };
            let first = calls(first);
            others.iter().map(|windows| Ratio::of(&calls(windows), &first)).collect()
        };
        if compiled.len() < 2 {
            return Ok(Vec::new());
        }
        let worth = self.settings.worth;
        let windows = self.time(compiled, 1, |windows| {
            ratios(windows).iter().all(|ratio| ratio.is_settled(worth))
        })?;
        Ok(ratios(&windows))
    }
}
