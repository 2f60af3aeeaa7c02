//! Rows of a table by numbers that are computed: exact for any distribution.

use crate::types::TensorType;

/// The most rows of a table: up to here every number of a row is an `f32`.
pub const MAX_ROWS: i64 = 1 << 24;

/// The type of the result of `gauss.embedding`.
///
/// # Errors
///
/// Where the numbers are Gaussian, or the table is no table.
pub fn infer(indices: &TensorType, table: &TensorType) -> Result<TensorType, String> {
    if indices.gaussian {
        return Err(format!(
            "takes rows by the Gaussian {indices}; numbers of rows are known: a tensor"
        ));
    }
    let [rows, features] = table.shape[..] else {
        return Err(format!("needs a table of rank 2, got {table}"));
    };
    if !(1..=MAX_ROWS).contains(&rows) {
        return Err(format!(
            "has the table {table}; it may have up to 2^24 rows, whose numbers float32 holds"
        ));
    }
    let shape = indices.shape.iter().copied().chain([features]).collect();
    Ok(TensorType::new(shape, table.gaussian))
}

/// The row that a number stands for: its whole part, the first or the last row where there is none
/// of that number, the first for what is not a number.
pub fn row(number: f64, rows: usize) -> usize {
    number.max(0.0).min((rows - 1) as f64) as usize
}
