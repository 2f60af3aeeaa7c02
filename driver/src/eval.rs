//! What a network is worth on data: answers, uncertainty and time, by mode of execution.

pub mod dataset;
mod result;

pub use result::{
    Agreement, Bin, Classification, Detection, Evaluation, Items, Latency, ModeResult, RiskPoint,
    RocPoint, Role, Score, Set, SetResult, Settings, Uncertainties,
};
