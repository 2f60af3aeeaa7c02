//! Data sets, runs and linear algebra for the tests.

use std::sync::Mutex;

use pfp_compiler::error::Error;
use pfp_evaluate::watch::Watch;
use pfp_train::{
    checkpoint::{Checkpoints, Origin},
    data::{Data, Target},
    fit::{Fitted, Run},
    gradient::{Gradient, Parameter, Values, sizes},
    settings::{Loss, Settings},
    state::State,
};

static ORIGIN: Origin =
    Origin { module_sha256: String::new(), order: String::new(), function: String::new() };

/// Remembers what it was told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<String>>);

impl Watch for Told {
    fn stage(&self, _: &str) {}

    fn note(&self, note: &str) {
        self.remark(note);
    }

    fn remark(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn count(&self, _: &str, _: usize) -> Box<dyn Fn(usize) + Sync> {
        Box::new(|_| ())
    }
}

/// A fixed sequence of numbers between -1 and 1.
pub struct Sequence(pub u64);

impl Sequence {
    pub fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 / f64::from(1u32 << 30)) - 1.0
    }
}

/// `y = x w + 0.3 + noise`, of three inputs.
pub fn regression(items: usize) -> Data {
    let mut sequence = Sequence(11);
    let (mut inputs, mut targets) = (vec![], vec![]);
    for _ in 0..items {
        let x = [sequence.next(), 2.0 * sequence.next(), 0.5 * sequence.next()];
        let y = 1.5 * x[0] - 0.7 * x[1] + 0.4 * x[2] + 0.3 + 0.5 * sequence.next();
        inputs.extend(x.map(|x| x as f32));
        targets.push(y as f32);
    }
    Data::new(Target::Numbers(1), inputs, targets).unwrap()
}

/// Three classes of two inputs.
pub fn classes(items: usize, salt: u64) -> Data {
    let mut sequence = Sequence(salt);
    let (mut inputs, mut targets) = (vec![], vec![]);
    for item in 0..items {
        let class = item % 3;
        let centre = [[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]][class];
        inputs.extend(centre.map(|c| (c + 0.9 * sequence.next()) as f32));
        targets.extend((0..3).map(|k| if k == class { 1.0f32 } else { 0.0 }));
    }
    Data::new(Target::Classes(3), inputs, targets).unwrap()
}

pub fn values(parameters: &[Parameter], variance: f32) -> Values {
    let (means, variances) = sizes(parameters);
    let mut sequence = Sequence(5);
    let mean = (0..means).map(|_| 0.1 * sequence.next() as f32).collect();
    Values { mean, variance: vec![variance; variances] }
}

pub fn settings() -> Settings {
    Settings { loss: Loss::Gaussian { noise: Some(0.25) }, batch: 20, ..Settings::default() }
}

/// What is run.
#[derive(Clone)]
pub struct Case<'a> {
    pub gradient: &'a dyn Gradient,
    pub parameters: &'a [Parameter],
    pub data: &'a Data,
    pub validation: Option<&'a Data>,
    pub settings: Settings,
    pub checkpoints: Option<Checkpoints>,
    pub threads: usize,
}

impl<'a> Case<'a> {
    pub fn new(gradient: &'a dyn Gradient, data: &'a Data, settings: Settings) -> Self {
        let parameters = gradient.parameters();
        let (validation, checkpoints) = (None, None);
        Self { gradient, parameters, data, validation, settings, checkpoints, threads: 1 }
    }

    pub fn run(&self) -> Run<'_> {
        Run {
            gradient: self.gradient,
            parameters: self.parameters,
            origin: &ORIGIN,
            data: self.data,
            validation: self.validation,
            settings: &self.settings,
            checkpoints: self.checkpoints.as_ref(),
            threads: self.threads,
        }
    }

    pub fn fit(&self) -> Result<Fitted, Error> {
        self.fit_from(State::new(values(self.parameters, 0.01)), &Told::default())
    }

    pub fn fit_from(&self, state: State, told: &Told) -> Result<Fitted, Error> {
        self.run().fit(state, told, &mut |_| ())
    }
}

/// The numbers of a run, to be compared bit by bit.
pub fn bits(fitted: &Fitted) -> Vec<u64> {
    let values = fitted.values.mean.iter().chain(&fitted.values.variance);
    let values = values.map(|x| u64::from(x.to_bits()));
    let history = fitted.history.iter().flat_map(|record| {
        let validation = record.validation.map_or(0.0, |validation| validation.loss);
        [record.loss, record.kl.unwrap_or(0.0), record.gradient_norm, validation].map(f64::to_bits)
    });
    values.chain(history).collect()
}

/// Solves `A x = b` by elimination with pivots.
pub fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot =
            (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs())).unwrap();
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..n {
            let factor = a[row][column] / a[column][column];
            let pivot = a[column].clone();
            a[row].iter_mut().zip(&pivot).for_each(|(x, pivot)| *x -= factor * pivot);
            b[row] -= factor * b[column];
        }
    }
    for row in (0..n).rev() {
        for k in row + 1..n {
            b[row] -= a[row][k] * b[k];
        }
        b[row] /= a[row][row];
    }
    b
}

/// Precision matrix and mean of the posterior of a linear regression of one output, its bias last.
pub fn conjugate(data: &Data, noise: f64, prior: f64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let n = data.length() + 1;
    let mut precision = vec![vec![0.0; n]; n];
    let mut right = vec![0.0; n];
    for item in 0..data.len() {
        let x = data.input(item).into_iter().map(f64::from).chain([1.0]);
        let x: Vec<_> = x.collect();
        for i in 0..n {
            for j in 0..n {
                precision[i][j] += x[i] * x[j] / noise;
            }
            right[i] += x[i] * f64::from(data.target(item)[0]) / noise;
        }
    }
    for (i, row) in precision.iter_mut().enumerate() {
        row[i] += prior;
    }
    let mean = solve(precision.clone(), right);
    (precision, mean)
}

pub fn close(own: f64, expected: f64, tolerance: f64) {
    assert!(
        (own - expected).abs() <= tolerance * (1.0 + expected.abs()),
        "{own} is not {expected}"
    );
}
