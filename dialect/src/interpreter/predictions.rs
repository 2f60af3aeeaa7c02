//! The predictive head on tables of `f64`: loops around [`crate::predictive`].

use std::array;

use super::{F64, Tensor};
use crate::{
    moments::Moments,
    predictive::{self, Elementary, Method, Rows, Thresholds, information_reference},
    shape::UNCERTAINTIES,
};

impl Elementary for F64 {
    fn exp(&mut self, a: f64) -> f64 {
        a.exp()
    }

    fn ln(&mut self, a: f64) -> f64 {
        a.ln()
    }

    fn information(&mut self, a: f64) -> f64 {
        information_reference(a)
    }
}

/// Class probabilities, N×C.
pub(super) fn softmax(method: Method, logits: &Tensor) -> Vec<f64> {
    let mut table = Table::of(logits);
    predictive::probabilities(&mut table, method, &moments(logits)).values
}

/// Total, aleatoric and epistemic uncertainty, N×3.
pub(super) fn uncertainty(method: Method, logits: &Tensor) -> Vec<f64> {
    let mut table = Table::of(logits);
    let parts = predictive::uncertainty(&mut table, method, &moments(logits));
    let items = parts.total.values.iter().zip(&parts.aleatoric.values).zip(&parts.epistemic.values);
    items.flat_map(|((&total, &aleatoric), &epistemic)| [total, aleatoric, epistemic]).collect()
}

/// One decision for each item.
pub(super) fn decide(
    thresholds: Thresholds,
    probabilities: &Tensor,
    uncertainty: &Tensor,
) -> Vec<f64> {
    let mut table = Table::of(probabilities);
    let column = |number: usize| {
        let values = uncertainty.mean.iter().skip(number).step_by(UNCERTAINTIES as usize);
        Row { values: values.copied().collect(), is_wide: false }
    };
    let probabilities = Row { values: probabilities.mean.clone(), is_wide: true };
    predictive::decide(&mut table, &probabilities, &column(1), &column(2), thresholds).values
}

fn moments(logits: &Tensor) -> Moments<Row> {
    let row = |values: &Vec<f64>| Row { values: values.clone(), is_wide: true };
    Moments { mean: row(&logits.mean), variance: logits.variance.as_ref().map(row) }
}

/// The sizes of the tables of a batch.
struct Table {
    items: usize,
    classes: usize,
}

impl Table {
    /// Those of an N×C tensor.
    fn of(tensor: &Tensor) -> Self {
        let size = |dim: usize| tensor.shape.get(dim).copied().unwrap_or(1);
        Self { items: size(0), classes: size(1) }
    }
}

/// A number for each class of each item, or one for each item.
#[derive(Debug, Clone)]
struct Row {
    values: Vec<f64>,
    is_wide: bool,
}

impl Row {
    fn at(&self, item: usize, class: usize, classes: usize) -> f64 {
        self.values[if self.is_wide { item * classes + class } else { item }]
    }
}

impl Rows for Table {
    type Scalar = F64;
    type Row = Row;

    fn classes(&self) -> usize {
        self.classes
    }

    fn numbers(&mut self) -> Row {
        let numbers = (0..self.items * self.classes).map(|i| (i % self.classes) as f64);
        Row { values: numbers.collect(), is_wide: true }
    }

    fn map<const N: usize>(
        &mut self,
        inputs: [&Row; N],
        f: impl Fn(&mut F64, [f64; N]) -> f64,
    ) -> Row {
        let is_wide = inputs.iter().any(|input| input.is_wide);
        let classes = self.classes;
        let columns = if is_wide { classes } else { 1 };
        let at = |i: usize| array::from_fn(|n| inputs[n].at(i / columns, i % columns, classes));
        let values = (0..self.items * columns).map(|i| f(&mut F64, at(i))).collect();
        Row { values, is_wide }
    }

    fn fold<const N: usize>(
        &mut self,
        initial: f64,
        inputs: [&Row; N],
        f: impl Fn(&mut F64, f64, [f64; N]) -> f64,
    ) -> Row {
        let classes = self.classes;
        let of_item = |item: usize| {
            (0..classes).fold(initial, |sum, class| {
                f(&mut F64, sum, array::from_fn(|n| inputs[n].at(item, class, classes)))
            })
        };
        Row { values: (0..self.items).map(of_item).collect(), is_wide: false }
    }
}
