//! Timing of compiled functions, in turn.

use std::time::Duration;

use pfp_compiler::error::Error;
use pfp_evaluate::{
    device::{self, Buffers, Executable},
    measure::Times,
};

/// How windows of calls are timed; the terms are those of TVM's tuners. The first call of a window is
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
    /// Of each kernel; empty where the functions are not profiled.
    pub kernels: Vec<f64>,
}

/// Fewer rounds do not tell how noisy they are.
pub const LEAST_ROUNDS: u32 = 4;

/// Times functions of so many kernels, 0 where they are not profiled, in turn, window by window, until
/// `is_settled` says of all windows so far that they suffice, or there are as many as there may be: for
/// each function its windows. Odd rounds go in the opposite order, so that no function is always behind the
/// same other.
///
/// # Errors
///
/// Where a call fails.
pub fn in_turn(
    functions: &[Box<dyn Executable>],
    (inputs, kernels): (&Buffers, usize),
    timing: &Timing,
    is_settled: impl Fn(&[Vec<Window>]) -> bool,
) -> Result<Vec<Vec<Window>>, Error> {
    let of_window = device::Timing { duration: timing.min_repeat, calls: timing.number, kernels };
    let mut callers: Vec<_> = functions.iter().map(|function| function.caller()).collect();
    let mut windows = vec![Vec::new(); functions.len()];
    for round in 0..timing.repeat {
        let mut timed: Vec<_> = callers.iter_mut().zip(&mut windows).collect();
        if round % 2 == 1 {
            timed.reverse();
        }
        for (caller, windows) in timed {
            let times = caller.time(inputs, &of_window)?;
            windows.push(Window { call: Times::of(times.calls).median, kernels: times.kernels });
        }
        if round + 1 >= LEAST_ROUNDS && is_settled(&windows) {
            break;
        }
    }
    Ok(windows)
}
