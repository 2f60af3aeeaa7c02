//! Loads and stores of a tile.

use super::Model;
use crate::{
    kernel::{
        nest::Access,
        schedule::{
            cache::{CACHE_LINE, CACHE_SETS, CACHE_WAYS, MISSED_STORE, gcd},
            tile::{MAX_INTERLEAVE, RowWindow, count_of_powers, sharing, unrolled_steps},
        },
    },
    target::Core,
};

/// How a value of each row is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLoads {
    /// Vectors that hold the values; `None` where each is loaded right before its use.
    pub(super) held: Option<i64>,
    /// Are they of one step, or else of all that are written out?
    pub(super) of_each_step: bool,
    /// Loads in a step.
    pub(super) loads: f64,
}

impl Model<'_> {
    /// Loads that one vector of an access takes.
    fn vector_loads(&self, access: &Access) -> f64 {
        // A vector that is as long as a line of the cache lies in two of them.
        let lines = if self.core.lanes < CACHE_LINE { 1 } else { 2 };
        match access.strides[self.vector] {
            0 | 1 => 1.0,
            _ if self.is_packed(access) => 1.0,
            stride @ 2..=MAX_INTERLEAVE => (stride * lines + 1) as f64,
            _ => 2.0 * self.core.lanes as f64,
        }
    }

    /// The cost in cycles of storing one vector to an access, one of so many of a row, of which the
    /// tile has so many.
    pub(super) fn vector_stores(&self, access: &Access, others: i64, rows: i64) -> f64 {
        let lanes = self.core.lanes;
        let stride = access.strides[self.vector];
        // Lines at these distances are in as many sets of the cache.
        let sets = match stride % CACHE_LINE {
            0 => CACHE_SETS / gcd(stride / CACHE_LINE, CACHE_SETS),
            _ => CACHE_SETS,
        };
        match stride {
            0 | 1 => 1.0,
            // The rows of a tile are neighbours in its lines, where these stay in the cache.
            _ if self.row.is_some() && lanes * others <= sets * CACHE_WAYS => lanes as f64,
            _ => match self.row.map_or(0, |row| access.strides[row]) {
                0 | 1 => 2.0 * lanes as f64,
                // The tile stores to a line once, what its rows have there.
                step => {
                    let in_line = (CACHE_LINE / step).clamp(1, rows) as f64;
                    lanes as f64 * (1.0 + MISSED_STORE / in_line)
                }
            },
        }
    }

    /// How a value of each row is loaded.
    pub(super) fn loads_of_rows(&self, rows: i64, window: bool) -> RowLoads {
        let Core { lanes, lane_loads, .. } = *self.core;
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        let of_step = |loads: i64| loads as f64 / steps as f64;
        let of_steps = |held, loads| RowLoads { held, of_each_step: false, loads };
        match (self.window(rows).filter(|_| window), lane_loads) {
            (Some(window), true) => {
                let vectors = count_of_powers(window.size, lanes);
                of_steps(Some(vectors), of_step(vectors))
            }
            (_, false) => self.scalars_of_rows(rows),
            (None, true) if self.has_packed_rows() || self.has_neighbouring_rows() => RowLoads {
                held: Some((rows + lanes - 1) / lanes),
                of_each_step: true,
                loads: count_of_powers(rows, lanes) as f64,
            },
            (None, true) if self.has_neighbouring_steps() => {
                of_steps(Some(rows), of_step(rows * count_of_powers(steps, lanes)))
            }
            (None, true) => RowLoads { held: Some(rows), of_each_step: true, loads: rows as f64 },
        }
    }

    /// How scalars for rows are loaded: once, where several rows read one in several steps.
    fn scalars_of_rows(&self, rows: i64) -> RowLoads {
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        let shared = self.shared_inputs().filter(|input| !self.is_packed(input));
        let sharing = shared.filter_map(|input| {
            let strides = (input.strides[self.row?], *input.strides.last()?);
            Some(sharing(rows, steps, strides))
        });
        let (waiting, loads) = sharing.max().unwrap_or((0, rows * steps));
        RowLoads {
            // Each row holds the element of its step.
            held: (waiting > 0).then_some(waiting.max(rows)),
            of_each_step: false,
            loads: loads as f64 / steps as f64,
        }
    }

    /// The inputs that all lanes of a vector share.
    fn shared_inputs(&self) -> impl Iterator<Item = &Access> {
        self.root().inputs.iter().filter(|input| !input.depends_on(self.vector))
    }

    /// Do unrolled steps read neighbouring elements of the inputs of rows?
    fn has_neighbouring_steps(&self) -> bool {
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        steps > 1 && self.shared_inputs().all(|input| input.strides.last() == Some(&1))
    }

    /// Do rows read neighbouring elements, and unrolled steps do not?
    fn has_neighbouring_rows(&self) -> bool {
        let is_next = |row: usize| self.shared_inputs().all(|input| input.strides[row] == 1);
        self.row.is_some_and(is_next) && !self.has_neighbouring_steps()
    }

    /// The window that so many rows share.
    pub(in crate::kernel::schedule) fn window(&self, rows: i64) -> Option<RowWindow> {
        let steps = unrolled_steps(self.root().reduction_sizes(), self.core);
        self.shared_inputs()
            .find_map(|input| RowWindow::of(input, self.row, rows, steps, self.core))
    }

    /// Loads per vector, per row and per vector of each row, of one step.
    pub(super) fn loads(&self) -> [f64; 3] {
        let mut loads = [0.0; 3];
        for input in &self.root().inputs {
            let of_row = self.row.is_some_and(|row| input.depends_on(row));
            match (input.depends_on(self.vector), of_row) {
                (true, false) => loads[0] += self.vector_loads(input),
                (false, _) => loads[1] += 1.0,
                (true, true) => loads[2] += self.vector_loads(input),
            }
        }
        loads
    }

    /// Registers for what LLVM loads early: vectors of inputs that are not packed, and the parts of
    /// vectors that are shuffled together.
    pub(super) fn loads_ahead(&self, vectors: i64) -> i64 {
        let inputs = self
            .root()
            .inputs
            .iter()
            .filter(|input| input.depends_on(self.vector) && !self.is_packed(input));
        let (mut ahead, mut parts) = (-1, 0);
        for input in inputs {
            ahead += 1;
            parts = parts.max(if input.strides[self.vector] > 1 { 2 } else { 0 });
        }
        (ahead.max(0) + parts) * vectors
    }
}
