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
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(&["layer", "bytes"], 1);
        table.row(vec!["a".into(), grouped(1_234)]);
        assert_eq!(table.to_string(), "layer  bytes\na      1 234");
    }
}
