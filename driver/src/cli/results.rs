//! `--results`: latency, energy and accuracy in a file, for comparison with runs of MLPerf Tiny.

use std::path::Path;

use pfp_agent::description::Description;
use pfp_compiler::error::Error;
use pfp_evaluate::{eval::Evaluation, measure::Times, told::Told};
use serde::Serialize;

use crate::board::device::BoardDevice;

/// The version of the format.
const VERSION: u32 = 1;

/// What the file has.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The version of the format.
    pub version: u32,
    /// The file of the network.
    pub model: String,
    /// The board.
    pub board: BoardOf,
    /// Times and energy, for each batch, number of threads and mode.
    pub latency: Vec<Latency>,
    /// What share of the answers is right, for each data set and mode.
    pub accuracy: Vec<Accuracy>,
}

/// Which board it was.
#[derive(Debug, Serialize)]
pub struct BoardOf {
    /// What the user calls it.
    pub name: String,
    /// The CPU that code was made for.
    pub cpu: String,
    /// What it is.
    pub found: Description,
}

/// Times and energy.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Items of a call.
    pub batch: usize,
    /// Threads that share a call.
    pub threads: usize,
    /// How the network is run.
    pub mode: String,
    /// Half of the calls took at most so long.
    pub median_microseconds: f64,
    /// All that is known of the times of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microseconds: Option<Times>,
    /// What the board told.
    #[serde(flatten)]
    pub told: Option<Told>,
}

/// What share of the answers is right.
#[derive(Debug, Serialize)]
pub struct Accuracy {
    /// The data set.
    pub set: String,
    /// How the network is run.
    pub mode: String,
    /// How many items there are.
    pub items: usize,
    /// The share of items whose first answer is a label of theirs.
    pub top1: f64,
}

impl Results {
    /// A file of a network on a board, by its name.
    pub fn new(model: &Path, (name, board): (&str, &BoardDevice)) -> Self {
        use pfp_evaluate::device::Device;

        Self {
            version: VERSION,
            model: model.display().to_string(),
            board: BoardOf {
                name: name.to_owned(),
                cpu: board.target().cpu.clone(),
                found: board.connection.board.clone(),
            },
            latency: Vec::new(),
            accuracy: Vec::new(),
        }
    }

    /// Adds what an evaluation found.
    pub fn add(&mut self, evaluation: &Evaluation) {
        for mode in &evaluation.modes {
            let sets = evaluation.sets.iter().zip(&mode.sets);
            self.accuracy.extend(sets.filter_map(|(set, result)| {
                Some(Accuracy {
                    set: set.name.clone(),
                    mode: mode.mode.clone(),
                    items: set.items,
                    top1: result.classification.as_ref()?.accuracy,
                })
            }));
            self.latency.extend(mode.latency.iter().map(|latency| Latency {
                batch: latency.batch,
                threads: 1,
                mode: mode.mode.clone(),
                median_microseconds: latency.microseconds * latency.batch as f64,
                microseconds: None,
                told: latency.told.clone(),
            }));
        }
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec_pretty(self).map_err(|error| Error::Internal(error.to_string()))
    }
}
