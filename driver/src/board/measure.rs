//! Many compiled functions, timed in turns.

use pfp_agent::protocol::{Measured, Settings};
use pfp_compiler::{compile::Compiled, error::Error};
use pfp_evaluate::{device::Buffers, measure::Times};

use super::device::BoardDevice;

/// What came of one function.
#[derive(Debug)]
pub struct Timed {
    /// Microseconds per call.
    pub microseconds: Times,
    /// What the board told in the last round: clocks, temperatures, energy.
    pub told: Measured,
}

/// Times compiled functions on one input, in so many rounds in which they take turns, so that what else
/// the board does meets all of them. One that cannot be loaded, or crashes, does not disturb the others.
///
/// # Errors
///
/// Of each function its own: where it cannot be loaded, crashes, or the connection has ended.
pub fn in_turns(
    device: &BoardDevice,
    functions: &[&Compiled],
    inputs: &Buffers,
    (settings, rounds): (&Settings, usize),
) -> Vec<Result<Timed, Error>> {
    let mut all: Vec<_> = functions
        .iter()
        .map(|compiled| Ok((device.load_function(compiled)?, Vec::new(), None)))
        .collect::<Vec<Result<_, Error>>>();
    for _ in 0..rounds.max(1) {
        for entry in &mut all {
            let Ok((loaded, times, told)) = entry else { continue };
            match loaded.measure(inputs, settings) {
                Ok((measured, samples)) => {
                    let each = 1e3 * f64::from(measured.calls);
                    times.extend(samples.into_iter().map(|time| time as f64 / each));
                    *told = Some(measured);
                }
                Err(error) => *entry = Err(error),
            }
        }
    }
    let finish = |entry: Result<(_, Vec<f64>, Option<Measured>), Error>| {
        let (_, times, told) = entry?;
        let told = told.ok_or_else(|| Error::Internal("nothing was measured".into()))?;
        Ok(Timed { microseconds: Times::of(times), told })
    };
    all.into_iter().map(finish).collect()
}
