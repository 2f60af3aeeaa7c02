//! How long a call takes on one core.

use std::time::Duration;

use gauss_lowering::mode::Mode;
use pfp_agent::protocol::Measured;
use pfp_compiler::error::Error;

use super::{dataset::DataSet, execute::Classifier, result::Latency};
use crate::{
    device::{Executable, LEAST_CALLS, Timing},
    measure::{self, Times},
    told::Told,
};

/// The modes take turns so often, so that what else the machine does meets all of them.
const ROUNDS: usize = 3;

/// How long a turn is.
const TURN: Duration = Duration::from_millis(60);

/// Microseconds with three digits or more.
pub fn shown(microseconds: f64) -> String {
    match microseconds {
        ..0.1 => format!("{microseconds:.4}"),
        ..1.0 => format!("{microseconds:.3}"),
        ..10.0 => format!("{microseconds:.2}"),
        _ => format!("{microseconds:.1}"),
    }
}

/// A model of one mode that is timed.
struct Timed {
    model: Box<dyn Executable>,
    input: Vec<f32>,
    times: Vec<f64>,
    /// What a board told in each turn.
    told: Vec<Measured>,
}

/// Times of every mode, in their order, at every batch. The calling thread is kept on one core
/// meanwhile.
///
/// # Errors
///
/// Where a mode cannot be compiled or called, or the core cannot be had.
pub fn measure(
    classifier: &Classifier,
    modes: &[Mode],
    batches: &[usize],
    set: &DataSet,
    progress: &dyn Fn(),
) -> Result<Vec<Vec<Latency>>, Error> {
    let cpus = measure::allowed_cpus()?;
    measure::pin(cpus.last().map_or(&[], std::slice::from_ref))?;
    let measured = batches
        .iter()
        .map(|&batch| {
            let times = at_batch(classifier, modes, batch, set);
            progress();
            times
        })
        .collect::<Result<Vec<_>, Error>>();
    measure::pin(&cpus)?;
    let measured = measured?;
    let of_mode = |mode: usize| measured.iter().map(|times| times[mode].clone()).collect();
    Ok((0..modes.len()).map(of_mode).collect())
}

fn at_batch(
    classifier: &Classifier,
    modes: &[Mode],
    batch: usize,
    set: &DataSet,
) -> Result<Vec<Latency>, Error> {
    let mut timed = modes
        .iter()
        .map(|&mode| Timed::new(classifier.compile(mode, batch)?, batch, set))
        .collect::<Result<Vec<_>, Error>>()?;
    for _ in 0..ROUNDS {
        timed.iter_mut().try_for_each(Timed::turn)?;
    }
    let moments = modes.iter().position(|mode| *mode == Mode::Moments);
    let found = |timed: &Timed| {
        let told = Told::of(&timed.told, timed.times.len(), batch);
        (Times::of(timed.times.clone()).median / batch as f64, told)
    };
    let found: Vec<_> = timed.iter().map(found).collect();
    let moments = moments.and_then(|index| Some(found.get(index)?.0));
    let latency = |(microseconds, told)| Latency {
        batch,
        microseconds,
        speed_up: moments.map(|moments| microseconds / moments),
        told,
    };
    Ok(found.into_iter().map(latency).collect())
}

impl Timed {
    fn new(model: Box<dyn Executable>, batch: usize, set: &DataSet) -> Result<Self, Error> {
        let items = set.prepared(0..batch.min(set.len()))?;
        let length = items.len() / batch.min(set.len()).max(1) * batch;
        let input = items.into_iter().cycle().take(length).collect();
        Ok(Self { input, times: Vec::new(), told: Vec::new(), model })
    }

    fn turn(&mut self) -> Result<(), Error> {
        let input = vec![self.input.clone()];
        let timing = Timing { duration: TURN, calls: LEAST_CALLS, kernels: 0 };
        let timed = self.model.caller().time(&input, &timing)?;
        self.times.extend(timed.calls);
        self.told.extend(timed.told);
        Ok(())
    }
}
