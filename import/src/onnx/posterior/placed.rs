//! What a posterior became in a model.

use crate::posterior::place::Row;

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
