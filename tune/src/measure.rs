//! Timing of compiled functions, in turn.

use std::time::{Duration, Instant};

use pfp_compiler::{
    array::Array,
    compile::Compiled,
    error::Error,
    jit::{Arena, CompiledModel},
    profile,
};
use pfp_runtime::Threads;

use crate::ratio::median;

/// How a window of calls is timed; the terms are those of TVM's tuners. The first call of a window is
/// discarded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Calls of a window, at least.
    pub number: u32,
    /// Windows of each function, at most.
    pub repeat: u32,
    /// How long a window lasts, at least.
    pub min_repeat: Duration,
}

/// The times of a window of calls: medians, in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Of a call.
    pub call: f64,
    /// Of each kernel; empty where the function is not profiled.
    pub kernels: Vec<f64>,
}

/// A function that is ready to be timed.
pub trait Timed {
    /// Times a window of calls.
    ///
    /// # Errors
    ///
    /// Where a call fails.
    fn window(&mut self, timing: &Timing) -> Result<Window, Error>;
}

/// Somewhere that functions are timed.
pub trait Device {
    /// Prepares a function, with inputs.
    ///
    /// # Errors
    ///
    /// Where it cannot be loaded.
    fn load(&self, compiled: &Compiled) -> Result<Box<dyn Timed>, Error>;

    /// What the processor is called.
    fn cpu_name(&self) -> String;
}

/// This machine.
pub struct Host<'a> {
    /// Makes inputs for a function.
    pub inputs: &'a dyn Fn(&Compiled) -> Result<Vec<Array>, Error>,
    /// The CPUs that calls run on; the first of them runs those of one thread.
    pub cpus: Vec<usize>,
}

impl Device for Host<'_> {
    fn load(&self, compiled: &Compiled) -> Result<Box<dyn Timed>, Error> {
        let model = CompiledModel::new(compiled)?;
        let buffers = compiled.function.signature.output_buffers();
        pfp_evaluate::measure::pin(&self.cpus)?;
        let threads = Threads::new(compiled.tasks)
            .map_err(|error| Error::request(format!("a thread cannot be started: {error}")))?;
        Ok(Box::new(Loaded {
            arena: model.arena(),
            model,
            threads,
            inputs: (self.inputs)(compiled)?,
            outputs: buffers.iter().map(|buffer| vec![0.0; buffer.tensor.elements()]).collect(),
            kernels: compiled.kernels.len(),
            is_profiled: compiled.is_profiled,
        }))
    }

    fn cpu_name(&self) -> String {
        pfp_evaluate::measure::cpu_name()
    }
}

struct Loaded {
    model: CompiledModel,
    threads: Threads,
    inputs: Vec<Array>,
    outputs: Vec<Vec<f32>>,
    arena: Arena,
    kernels: usize,
    is_profiled: bool,
}

impl Timed for Loaded {
    fn window(&mut self, timing: &Timing) -> Result<Window, Error> {
        let inputs: Vec<_> = self.inputs.iter().map(|array| &array.values[..]).collect();
        let mut outputs: Vec<_> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let executor = self.threads.executor();
        let mut call = self.model.prepare(&inputs, &mut outputs, &mut self.arena, &executor)?;
        call.run()?;
        let mut calls = Vec::new();
        let mut kernels = vec![Vec::new(); if self.is_profiled { self.kernels } else { 0 }];
        let start = Instant::now();
        while calls.len() < timing.number as usize || start.elapsed() < timing.min_repeat {
            let begin = Instant::now();
            match self.is_profiled {
                true => {
                    let spent = profile::of(self.kernels, || call.run())?;
                    kernels.iter_mut().zip(spent).for_each(|(all, spent)| all.push(spent));
                }
                false => call.run()?,
            }
            calls.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        Ok(Window {
            call: median(&mut calls),
            kernels: kernels.iter_mut().map(|times| median(times)).collect(),
        })
    }
}

/// Times functions in turn, window by window, until `is_settled` says of all windows so far that they
/// suffice, or there are as many as there may be: for each function its windows. Functions of an odd round go
/// in the opposite order, so that none is always behind the same other.
///
/// # Errors
///
/// Where a call fails.
pub fn in_turn(
    functions: &mut [Box<dyn Timed>],
    timing: &Timing,
    is_settled: impl Fn(&[Vec<Window>]) -> bool,
) -> Result<Vec<Vec<Window>>, Error> {
    let mut windows = vec![Vec::new(); functions.len()];
    for round in 0..timing.repeat {
        let mut timed: Vec<_> = functions.iter_mut().zip(&mut windows).collect();
        if round % 2 == 1 {
            timed.reverse();
        }
        for (function, windows) in timed {
            windows.push(function.window(timing)?);
        }
        if round + 1 >= LEAST_ROUNDS && is_settled(&windows) {
            break;
        }
    }
    Ok(windows)
}

/// Fewer rounds do not tell how noisy they are.
const LEAST_ROUNDS: u32 = 4;
