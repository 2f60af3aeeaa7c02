//! What measurements say of the analytic model: a forest of regression trees on the features of
//! schedules, for the logarithm of the time that the model does not explain.

use gauss_lowering::kernel::{
    plan::{Candidate, KernelSchedule},
    schedule::Schedule,
};
use smartcore::{
    ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters},
    linalg::basic::matrix::DenseMatrix,
};

/// A measured schedule: its features, and the logarithm of its time over that of the model's choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    features: Vec<f64>,
    log_ratio: f64,
}

impl Sample {
    /// Of a candidate of a kernel, whose time is so many times that of the model's choice.
    pub fn new(kernel: &KernelSchedule, candidate: &Candidate, ratio: f64) -> Self {
        Self { features: features(kernel, candidate), log_ratio: ratio.max(1e-3).ln() }
    }
}

/// Fewer samples say nothing of kinds of schedules.
const LEAST_SAMPLES: usize = 24;

/// More samples take longer to learn from than to measure; the latest count.
const MOST_SAMPLES: usize = 3000;

const TREES: usize = 24;

type Forest = RandomForestRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>;

/// Ranks candidates: by the model alone, until enough was measured.
pub struct Correction(Option<Forest>);

impl Correction {
    /// Learns from all samples.
    pub fn of(samples: &[Sample], seed: u64) -> Self {
        let samples = &samples[samples.len().saturating_sub(MOST_SAMPLES)..];
        if samples.len() < LEAST_SAMPLES {
            return Self(None);
        }
        let rows: Vec<_> = samples.iter().map(|sample| sample.features.clone()).collect();
        let wanted: Vec<_> = samples.iter().map(|sample| sample.log_ratio).collect();
        let parameters = RandomForestRegressorParameters::default()
            .with_n_trees(TREES)
            // All features for every split: the trees of smartcore 0.4 draw theirs from one seed,
            // and where the drawn ones are constant no tree grows at all.
            .with_m(rows[0].len())
            .with_min_samples_leaf(2)
            .with_seed(seed);
        // Without a forest the model ranks alone.
        let forest = DenseMatrix::from_2d_vec(&rows)
            .and_then(|rows| RandomForestRegressor::fit(&rows, &wanted, parameters));
        Self(forest.ok())
    }

    /// The expected logarithms of the times of candidates of a kernel, over that of the model's choice.
    pub fn predict(&self, kernel: &KernelSchedule, candidates: &[&Candidate]) -> Vec<f64> {
        let of_model = || candidates.iter().map(|candidate| log_cost(kernel, candidate)).collect();
        let Some(forest) = self.0.as_ref().filter(|_| !candidates.is_empty()) else {
            return of_model();
        };
        let rows: Vec<_> = candidates.iter().map(|candidate| features(kernel, candidate)).collect();
        let expected = DenseMatrix::from_2d_vec(&rows).and_then(|rows| forest.predict(&rows));
        expected.unwrap_or_else(|_| of_model())
    }
}

/// The logarithm of a candidate's cost over that of the model's choice, by the model.
fn log_cost(kernel: &KernelSchedule, candidate: &Candidate) -> f64 {
    (candidate.cost.max(1e-3) / kernel.cost.max(1e-3)).ln()
}

/// What a schedule is, apart from its kernel where that is possible: sizes are logarithms.
fn features(kernel: &KernelSchedule, candidate: &Candidate) -> Vec<f64> {
    let (own, chosen) = (&candidate.schedule, &kernel.schedule);
    let size = |dim: Option<usize>| dim.and_then(|dim| kernel.parallel.get(dim)).copied();
    let log = |count: i64| (count.max(1) as f64).ln();
    let rest = |count: i64, of: i64| (count.max(1) % of.max(1)) as f64 / of.max(1) as f64;
    let depth: i64 = kernel.reductions.iter().product();
    let elements: i64 = kernel.parallel.iter().product();
    let block = |schedule: &Schedule| schedule.block.as_ref().map_or(0, |block| block.steps);
    let switch = |is_on: bool| f64::from(u8::from(is_on));
    vec![
        log_cost(kernel, candidate),
        own.rows as f64,
        own.vectors as f64,
        (own.rows * own.vectors * own.splits) as f64,
        own.splits as f64,
        own.rows as f64 - chosen.rows as f64,
        own.vectors as f64 - chosen.vectors as f64,
        switch(own.vector == chosen.vector),
        switch(own.row == chosen.row),
        switch(own.order == chosen.order),
        switch(own.window),
        switch(own.precompute),
        own.ahead as f64,
        log(block(own)),
        switch(own.block.is_some()),
        own.unroll.unwrap_or(0) as f64,
        own.side_by_side.unwrap_or(0) as f64,
        own.prefetch.map_or(-1.0, |distance| log(distance + 1)),
        rest(size(own.row).unwrap_or(1), own.rows),
        log(size(own.row).unwrap_or(1)),
        log(size(own.vector).unwrap_or(1)),
        log(depth),
        log(elements),
        switch(kernel.reductions.is_empty()),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kernel() -> KernelSchedule {
        serde_json::from_value(json!({
            "function": "f", "kernel": "0 dense", "parallel": [64, 256], "reductions": [128],
            "schedule": schedule(4, 2), "cost": 1000.0
        }))
        .unwrap()
    }

    fn schedule(rows: i64, vectors: i64) -> serde_json::Value {
        json!({ "vector": 1, "row": 0, "rows": rows, "vectors": vectors, "splits": 1,
                "order": [1, 0], "precompute": false, "block": null })
    }

    fn candidate(rows: i64, vectors: i64) -> Candidate {
        let schedule = serde_json::from_value(schedule(rows, vectors)).unwrap();
        Candidate { schedule, cost: 1000.0 }
    }

    #[test]
    fn without_samples_the_model_ranks() {
        let cheap = Candidate { cost: 500.0, ..candidate(4, 2) };
        let expected = Correction::of(&[], 0).predict(&kernel(), &[&cheap, &candidate(4, 2)]);
        assert!((expected[0] - 0.5_f64.ln()).abs() < 1e-12 && expected[1] == 0.0);
    }

    #[test]
    fn what_is_fast_for_some_tiles_is_expected_of_their_like() {
        // The model sees no difference; machines like many rows here.
        let kernel = kernel();
        let tiles = (1..=8).flat_map(|rows| (1..=6).map(move |vectors| (rows, vectors)));
        let (known, new): (Vec<_>, Vec<_>) =
            tiles.partition(|(rows, vectors)| (rows + vectors) % 4 > 0);
        let samples: Vec<_> = known
            .iter()
            .map(|&(rows, vectors)| {
                Sample::new(&kernel, &candidate(rows, vectors), 2.0 / rows as f64)
            })
            .collect();
        let correction = Correction::of(&samples, 0);
        let new: Vec<_> =
            new.into_iter().map(|(rows, vectors)| (rows, candidate(rows, vectors))).collect();
        let candidates: Vec<_> = new.iter().map(|(_, candidate)| candidate).collect();
        let expected = correction.predict(&kernel, &candidates);
        for ((rows, _), expected) in new.iter().zip(expected) {
            assert_eq!(expected < 0.0, *rows > 2, "{rows} rows: {expected}");
        }
    }
}
