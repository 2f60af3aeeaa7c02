//! What a posterior became in a model.

use crate::posterior::place::Parameter;

/// What an initialiser became.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The initialiser.
    pub parameter: Parameter,
    /// The entries that it got.
    pub entries: Vec<String>,
    /// What the exporter did to their numbers.
    pub how: Vec<&'static str>,
    /// The tensors of the file that they come from.
    pub keys: Vec<String>,
}

/// The posterior as it is in the model.
#[derive(Debug, Default)]
pub struct Placed {
    /// Every initialiser that is a parameter.
    pub rows: Vec<Row>,
    /// Entries that are in no initialiser, and why that is no mistake.
    pub left_out: Vec<(String, String)>,
    /// What a user should know.
    pub notes: Vec<String>,
}
