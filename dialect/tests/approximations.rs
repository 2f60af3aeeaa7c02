//! What the moments of ops that approximate are off by: the tables of their pages, against Monte Carlo
//! in double precision. With `PFP_UPDATE_DOCS=1` the tables are written again.

mod common;

use std::{env, fs, path::PathBuf};

use common::program;
use gauss_dialect::{interpreter::Tensor, shape::TensorType};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Forward passes for each row of a table of one op.
const SAMPLES: u64 = 40_000;

/// Forward passes for each row of a table of a network.
const FEWER: u64 = 4_000;

/// A row of a table: what is computed, and of what.
struct Row {
    label: String,
    module: String,
    inputs: Vec<Tensor>,
    /// The deviations of parameters.
    sigma: f64,
    samples: u64,
}

/// The averages over all elements of how far a mean is from that of Monte Carlo, in its standard
/// deviations, and of how far a variance is from it, relative; and the sums of the variances, one
/// over the other.
struct Errors {
    mean: f64,
    variance: f64,
    total: f64,
}

impl Errors {
    fn of(row: &Row) -> Self {
        let program = program(&row.module, &drawn(row.sigma)).expect("a program");
        let moments = program.run(&row.inputs).expect("moments").remove(0);
        let sampled = program.sample(&row.inputs, row.samples, 1).expect("samples").remove(0);
        let (v, w) = (moments.variance.expect("variances"), sampled.variance.expect("variances"));
        let count = v.len() as f64;
        let means = moments.mean.iter().zip(&sampled.mean).zip(&w);
        let mean: f64 = means.map(|((a, b), w)| (a - b).abs() / w.sqrt()).sum();
        let variance: f64 = v.iter().zip(&w).map(|(v, w)| (v / w - 1.0).abs()).sum();
        let total = v.iter().sum::<f64>() / w.iter().sum::<f64>();
        Self { mean: mean / count, variance: variance / count, total }
    }

    fn numbers(&self) -> [f64; 3] {
        [self.mean, self.variance, self.total]
    }
}

/// Means of N(0, 1), and standard deviations around `sigma`, unlike each other.
fn input(shape: &[usize], sigma: f64, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product();
    let mean = (0..count).map(|_| rng.sample(StandardNormal)).collect();
    let deviation = |_| {
        let spread: f64 = rng.sample(StandardNormal);
        (sigma * (spread / 2.0).exp()).powi(2)
    };
    Tensor::gaussian(shape, mean, (0..count).map(deviation).collect())
}

fn page(op: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/ops/{op}.md"))
}

/// Compares the rows with the table of an op's page, whose first column has the labels.
fn check(op: &str, rows: &[Row]) {
    let text = fs::read_to_string(page(op)).expect("a page");
    let mut written = text.clone();
    let mut wrong = vec![];
    for row in rows {
        let errors = Errors::of(row);
        let [mean, variance, total] = errors.numbers();
        let line = format!("| {} | {mean:.3} | {variance:.3} | {total:.3} |", row.label);
        let start = format!("| {} |", row.label);
        let known = text.lines().find(|line| line.starts_with(&start));
        let Some(known) = known else {
            wrong.push(format!("docs/ops/{op}.md has no row {line}"));
            continue;
        };
        written = written.replace(known, &line);
        let stated: Vec<f64> =
            known[start.len()..].split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
        // Other mathematical functions may round a draw differently.
        let agrees = |(stated, number): (&f64, f64)| (stated - number).abs() <= 0.002;
        if stated.len() != 3 || !stated.iter().zip(errors.numbers()).all(agrees) {
            wrong.push(format!("docs/ops/{op}.md: {known}\nis {line}"));
        }
    }
    if env::var_os("PFP_UPDATE_DOCS").is_some() {
        fs::write(page(op), written).expect("a page that can be written");
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows for an op on inputs of several deviations.
fn rows_of(
    op: &str,
    attributes: &str,
    shape: &[usize],
    elements: usize,
    sigmas: &[f64],
) -> Vec<Row> {
    let row = |&sigma: &f64| {
        let x = input(shape, sigma, 7);
        let ty = x.ty();
        let module = format!(
            "func.func @main(%x: {ty}) -> {ty} {{
               %y = gauss.{op} %x {attributes} : ({ty}) -> {ty}
               return %y : {ty}
             }}"
        );
        Row {
            label: format!("{elements} elements, σ = {sigma}"),
            module,
            inputs: vec![x],
            sigma,
            samples: SAMPLES,
        }
    };
    sigmas.iter().map(row).collect()
}

/// Deviations beside means of about 1.
const SIGMAS: [f64; 5] = [0.03, 0.3, 1.0, 3.0, 30.0];

#[test]
fn layer_norm_is_off_by_what_its_page_says() {
    let rows = [8, 64, 512].map(|n| rows_of("layer_norm", "", &[1, n], n, &SIGMAS));
    check("layer_norm", &rows.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn rms_norm_is_off_by_what_its_page_says() {
    let rows = [8, 64, 512].map(|n| rows_of("rms_norm", "", &[1, n], n, &SIGMAS));
    check("rms_norm", &rows.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn group_norm_is_off_by_what_its_page_says() {
    check("group_norm", &rows_of("group_norm", "groups 2", &[1, 8, 4, 4], 64, &SIGMAS));
}

#[test]
fn instance_norm_is_off_by_what_its_page_says() {
    check("instance_norm", &rows_of("instance_norm", "", &[1, 4, 4, 4], 16, &SIGMAS));
}

/// Rows for an op of several operands, each a function of σ with a label, on Gaussian weights whose
/// deviations are σ and whose means are small.
fn row_of(label: String, op: &str, attributes: &str, operands: Vec<Tensor>, result: &str) -> Row {
    let names: Vec<_> = (0..operands.len()).map(|number| format!("%a{number}")).collect();
    let types: Vec<_> = operands.iter().map(|operand| operand.ty().to_string()).collect();
    let arguments: Vec<_> =
        names.iter().zip(&types).map(|(name, ty)| format!("{name}: {ty}")).collect();
    let module = format!(
        "func.func @main({}) -> {result} {{
           %y = gauss.{op} {} {attributes} : ({}) -> {result}
           return %y : {result}
         }}",
        arguments.join(", "),
        names.join(", "),
        types.join(", ")
    );
    Row { label, module, inputs: operands, sigma: 0.0, samples: FEWER }
}

/// A weight: means of N(0, 1/depth), deviations around σ of these.
fn weight(shape: &[usize], sigma: f64, seed: u64) -> Tensor {
    let depth = *shape.last().unwrap_or(&1) as f64;
    let drawn = input(shape, sigma, seed);
    let mean = drawn.mean.into_iter().map(|m| m / depth.sqrt()).collect();
    let variance = drawn.variance.map(|all| all.into_iter().map(|v| v / depth).collect());
    Tensor::new(drawn.shape, mean, variance)
}

#[test]
fn weights_of_an_attention_are_off_by_what_their_page_says() {
    let rows =
        [4, 64].map(|n| rows_of("attention_weights", "", &[1, n], n, &[0.03, 0.3, 1.0, 2.0, 4.0]));
    check("attention_weights", &rows.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn attention_is_off_by_what_its_page_says() {
    let row = |(n, sigma): (usize, f64)| {
        let operands = (0..3).map(|seed| input(&[1, n, 8], sigma, seed)).collect();
        let label = format!("{n} keys, σ = {sigma}");
        row_of(label, "attention", "", operands, &format!("!gauss.tensor<1x{n}x8xf32>"))
    };
    let rows = [4, 32].into_iter().flat_map(|n| [0.03, 0.3, 1.0].map(|sigma| (n, sigma)));
    let blocks = [0.03, 0.3, 1.0].map(block);
    check("attention", &rows.map(row).chain(blocks).collect::<Vec<_>>());
}

/// The block of an encoder among the examples, on one item.
fn block(sigma: f64) -> Row {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/encoder/block.mlir");
    let module = fs::read_to_string(path).expect("an example").replace("@block", "@main");
    let x = Tensor { variance: None, ..input(&[1, 16, 32], 0.0, 1) };
    let label = format!("a block, σ = {sigma}");
    Row { label, module, inputs: vec![x], sigma, samples: FEWER }
}

/// A weight for each Gaussian parameter, with deviations around `sigma`; a factor of 1 and a summand
/// of 0 for each deterministic one.
fn drawn(sigma: f64) -> impl Fn(&str, &TensorType) -> Result<Tensor, String> {
    move |name, ty| {
        let shape: Vec<_> = ty.shape.iter().map(|&size| size as usize).collect();
        let value = if name.ends_with("gamma") { 1.0 } else { 0.0 };
        Ok(match ty.gaussian {
            true => weight(&shape, sigma, name.bytes().map(u64::from).sum()),
            false => Tensor::deterministic(&shape, vec![value; shape.iter().product()]),
        })
    }
}

/// A recurrent layer of 8 numbers on inputs of 8, exact, with weights of deviation σ.
fn recurrent(op: &str, gates: usize) -> Vec<Row> {
    let row = |(steps, sigma): (usize, f64)| {
        let x = Tensor { variance: None, ..input(&[1, steps, 8], 0.0, 1) };
        let shapes =
            [vec![1, gates * 8, 8], vec![1, gates * 8, 8], vec![1, gates * 8], vec![1, gates * 8]];
        let parameters =
            shapes.iter().enumerate().map(|(n, shape)| weight(shape, sigma, n as u64 + 2));
        let operands = [x].into_iter().chain(parameters).collect();
        let label = format!("{steps} steps, σ = {sigma}");
        row_of(label, op, "", operands, &format!("!gauss.tensor<1x{steps}x8xf32>"))
    };
    [1, 4, 16]
        .into_iter()
        .flat_map(|steps| [0.03, 0.3, 1.0].map(|sigma| (steps, sigma)))
        .map(row)
        .collect()
}

#[test]
fn lstm_is_off_by_what_its_page_says() {
    check("lstm", &recurrent("lstm", 4));
}

#[test]
fn gru_is_off_by_what_its_page_says() {
    check("gru", &recurrent("gru", 3));
}
