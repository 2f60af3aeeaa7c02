#!/bin/sh
# All trees of a random forest of smartcore draw their features from one and the same sequence.
#
# Version: smartcore 0.4.10.
# Guess: a forest draws the rows and the features of each tree anew, from the seed of the forest, so that
#     of 100 trees some 20 look at a feature that is drawn with a chance of one in five at their first
#     split. Where that one feature explains everything, the forest follows it roughly, for any seed.
# Behaviour: the rows of each tree are drawn from the generator of the forest, but every tree seeds a
#     generator of features of its own with the seed of the forest. The first split of all trees looks at
#     the same features; where these are constant, no tree has any split, and 100 trees answer with the
#     mean for everything. For most seeds the forest has learned nothing; for the others all trees have
#     split by the one feature at once. More trees change nothing.
# Output seen:
#     1 of 25 features explains all, 100 trees, 20 seeds
#     forests that answer the same for all rows: 19
#     with 1000 trees: 19
#     with all features at every split: 0
# What it means: give m, the number of features of a split, as the number of all features. The trees then
#     differ by their rows alone. Classifiers share the code.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "look"
version = "0.0.0"
edition = "2021"

[dependencies]
smartcore = "=0.4.10"
TOML
cat >"$folder/src/main.rs" <<'RUST'
use smartcore::{
    ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters},
    linalg::basic::matrix::DenseMatrix,
};

/// Of 20 seeds, how many forests answer the same for all rows.
fn constant(trees: usize, features: Option<usize>) -> usize {
    let rows: Vec<Vec<f64>> = (0..60)
        .map(|row| (0..25).map(|column| if column == 7 { row as f64 } else { 1.0 }).collect())
        .collect();
    let wanted: Vec<f64> = (0..60).map(f64::from).collect();
    let rows = DenseMatrix::from_2d_vec(&rows).unwrap();
    (0..20)
        .filter(|&seed| {
            let mut parameters =
                RandomForestRegressorParameters::default().with_n_trees(trees).with_seed(seed);
            parameters.m = features;
            let forest = RandomForestRegressor::fit(&rows, &wanted, parameters).unwrap();
            let answers: Vec<f64> = forest.predict(&rows).unwrap();
            answers.iter().all(|answer| *answer == answers[0])
        })
        .count()
}

fn main() {
    println!("1 of 25 features explains all, 100 trees, 20 seeds");
    println!("forests that answer the same for all rows: {}", constant(100, None));
    println!("with 1000 trees: {}", constant(1000, None));
    println!("with all features at every split: {}", constant(100, Some(25)));
}
RUST
found=$(cd "$folder" && CARGO_TARGET_DIR="$folder/target" cargo run -q --release)
echo "$found"
wanted=$(sed -n '/^# Output seen:/,/^# What it means/s/^#     //p' "$0")
[ "$found" = "$wanted" ] || { echo "another behaviour than the one above" >&2; exit 1; }
