//! Tables of text.

use std::fmt;

/// Rows of cells below a head. Columns of numbers stand to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
    left: usize,
}

impl Table {
    /// A table with these column names, the first `left` columns being text.
    pub fn new(head: &[&str], left: usize) -> Self {
        Self { rows: vec![head.iter().map(ToString::to_string).collect()], left }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The head, and the rows below it.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// How many columns are text.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = width(column);
                match column < self.left {
                    true => line += &format!("{cell:<width$}  "),
                    false => line += &format!("{cell:>width$}  "),
                }
            }
            let line = line.trim_end();
            match index + 1 == self.rows.len() {
                true => write!(f, "{line}")?,
                false => writeln!(f, "{line}")?,
            }
        }
        Ok(())
    }
}

/// A number with three digits after the point, or, where they would say little, as `1.23e-7`.
pub fn figure(number: f64) -> String {
    match number.abs() {
        0.0 => "0.000".into(),
        1e-3..1e4 => format!("{number:.3}"),
        _ => format!("{number:.2e}"),
    }
}

/// `532824` as `532 824`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_few_digits() {
        let found = [0.0, 0.0301, 1.0, 9999.5, 1e4, 1e267, -2e-9, f64::INFINITY].map(figure);
        let expected =
            ["0.000", "0.030", "1.000", "9999.500", "1.00e4", "1.00e267", "-2.00e-9", "inf"];
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(&["layer", "bytes"], 1);
        table.row(vec!["a".into(), grouped(1_234)]);
        assert_eq!(table.to_string(), "layer  bytes\na      1 234");
    }
}
