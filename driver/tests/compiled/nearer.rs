//! Random classifiers of every op: how far the moments of their logits are from draws of the weights, without
//! covariances, within budgets, and with all.

use gauss_dialect::{
    interpreter::{Program, Tensor},
    layer::Layer,
    moments::mixture,
    predictive::{Method, Sampling},
    shape::TensorType,
};
use gauss_lowering::passes::{
    gauss_append_head::Head, gauss_pool_first::Order, gauss_track_covariance::Returned,
};
use pfp_compiler::{
    compile::Network,
    diagnostics::{Covariance, Source},
    module::Session,
};

use crate::{
    case::Case,
    random::{self, Classifier, values},
};

/// What is compared; the first is what the others are measured by.
const SETTINGS: [(&str, Covariance); 4] = [
    ("diagonal", Covariance::Diagonal),
    ("1.2x", Covariance::Within(1.2)),
    ("2.5x", Covariance::Within(2.5)),
    ("full", Covariance::Full),
];

/// The distances.
const NAMES: [&str; 3] =
    ["KL divergence of a logit", "variance of a difference", "mutual information, nats"];

type Distances = [f64; NAMES.len()];

/// So many forward passes are the truth.
const PASSES: u64 = 20_000;

/// In so many ways the passes are halved; the halves are as far from each other as their number allows.
const HALVINGS: usize = 8;

/// What is known of the logits of an item.
struct Logits {
    mean: Vec<f64>,
    /// D×D.
    covariance: Vec<f64>,
    /// Between the class and the weights.
    information: f64,
}

/// Gaussian logits with a weight in a mixture.
struct Node {
    weight: f64,
    mean: Vec<f64>,
    /// D×D.
    covariance: Vec<f64>,
}

/// Sums over softmaxes.
struct Predictive {
    probabilities: Vec<f64>,
    entropy: f64,
    weight: f64,
}

impl Predictive {
    fn new(classes: usize) -> Self {
        Self { probabilities: vec![0.0; classes], entropy: 0.0, weight: 0.0 }
    }

    fn add(&mut self, logits: &[f64], weight: f64) {
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<_> = logits.iter().map(|z| (z - most).exp()).collect();
        let total: f64 = powers.iter().sum();
        for (sum, power) in self.probabilities.iter_mut().zip(&powers) {
            *sum += weight * power / total;
        }
        let expected: f64 = powers.iter().zip(logits).map(|(p, z)| p / total * (z - most)).sum();
        self.entropy += weight * (total.ln() - expected);
        self.weight += weight;
    }

    fn information(&self) -> f64 {
        let each = self.probabilities.iter().map(|sum| sum / self.weight).filter(|&p| p > 0.0);
        each.map(|p| -p * p.ln()).sum::<f64>() - self.entropy / self.weight
    }
}

impl Logits {
    fn of_draws<'a>(draws: impl Iterator<Item = &'a [f64]> + Clone, classes: usize) -> Self {
        let count = draws.clone().count() as f64;
        let mut mean = vec![0.0; classes];
        let mut predictive = Predictive::new(classes);
        for draw in draws.clone() {
            mean.iter_mut().zip(draw).for_each(|(mean, z)| *mean += z / count);
            predictive.add(draw, 1.0);
        }
        let mut covariance = vec![0.0; classes * classes];
        for draw in draws {
            let apart: Vec<_> = draw.iter().zip(&mean).map(|(z, mean)| z - mean).collect();
            for (row, x) in covariance.chunks_mut(classes).zip(&apart) {
                row.iter_mut().zip(&apart).for_each(|(sum, y)| *sum += x * y / (count - 1.0));
            }
        }
        Self { mean, covariance, information: predictive.information() }
    }

    fn of_nodes(nodes: &[Node]) -> Self {
        const DRAWS: u32 = 10_000;
        let classes = nodes[0].mean.len();
        let mut mean = vec![0.0; classes];
        for node in nodes {
            mean.iter_mut().zip(&node.mean).for_each(|(mean, z)| *mean += node.weight * z);
        }
        let mut covariance = vec![0.0; classes * classes];
        let mut predictive = Predictive::new(classes);
        let normals = Sampling { draws: DRAWS, seed: 7 }.normals(classes);
        for Node { weight, mean: own, covariance: matrix } in nodes {
            for i in 0..classes {
                for j in 0..classes {
                    let between = (own[i] - mean[i]) * (own[j] - mean[j]);
                    covariance[i * classes + j] += weight * (matrix[i * classes + j] + between);
                }
            }
            let factor = cholesky(matrix, classes);
            for normals in normals.chunks(classes) {
                let shifts = factor.chunks(classes).map(|row| {
                    row.iter().zip(normals).map(|(l, &x)| l * f64::from(x)).sum::<f64>()
                });
                let shifts: Vec<_> = shifts.collect();
                for sign in [1.0, -1.0] {
                    let logits = own.iter().zip(&shifts).map(|(mean, shift)| mean + sign * shift);
                    predictive.add(&logits.collect::<Vec<_>>(), *weight);
                }
            }
        }
        Self { mean, covariance, information: predictive.information() }
    }

    fn variance(&self, logit: usize) -> f64 {
        self.covariance[logit * self.mean.len() + logit]
    }

    fn of_difference(&self, i: usize, j: usize) -> f64 {
        let shared = self.covariance[i * self.mean.len() + j];
        self.variance(i) + self.variance(j) - 2.0 * shared
    }
}

/// The lower factor of a matrix that is semidefinite up to rounding.
fn cholesky(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut factor = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i * size + k] * factor[j * size + k]).sum();
            let left = matrix[i * size + j] - known;
            let pivot = factor[j * size + j];
            factor[i * size + j] = match i == j {
                true => left.max(0.0).sqrt(),
                false if pivot > 1e-9 * matrix[j * size + j].sqrt() => left / pivot,
                false => 0.0,
            };
        }
    }
    factor
}

/// Of all items, how far what is known is from draws: of a logit the divergence from the Gaussian of the draws, of a
/// difference of two logits the logarithm of the ratio of its variances.
fn distances(draws: &[Logits], known: &[Logits]) -> Distances {
    let (mut divergences, mut ratios, mut informations) = (vec![], vec![], vec![]);
    for (draws, known) in draws.iter().zip(known) {
        // What does not vary has no divergence.
        let least = 1e-12 * draws.mean.iter().map(|z| z * z).fold(1e-12, f64::max);
        for i in 0..draws.mean.len() {
            let [v, w] = [draws, known].map(|logits| logits.variance(i).max(least));
            let shift = known.mean[i] - draws.mean[i];
            divergences.push(0.5 * (v / w - 1.0 - (v / w).ln() + shift * shift / w));
            for j in 0..i {
                let [v, w] = [draws, known].map(|logits| logits.of_difference(i, j).max(least));
                ratios.push((w / v).ln().abs());
            }
        }
        informations.push((draws.information - known.information).abs());
    }
    [divergences, ratios, informations].map(|all| all.iter().sum::<f64>() / all.len() as f64)
}

/// The network with what a head would be given.
fn network<'s>(session: &'s Session, case: &Case, covariance: Covariance) -> Network<'s> {
    let text = case.module.as_bytes();
    let source = Source::with(case.name.clone(), text, Order::default(), covariance);
    let mut network = Network::with_source(session, &source, Some(&case.posterior), None)
        .unwrap_or_else(|error| panic!("{error:?}\n{}", case.module));
    match network.carries_covariance(None).unwrap() {
        true => network.return_covariance(None, Returned::OfNodes).unwrap(),
        false => {
            let head = Head::Classify(Method::MeanField, Default::default());
            network.append_head(&head, None).unwrap();
        }
    }
    network
}

/// The moments of the logits, item by item.
fn moments(case: &Case, covariance: Covariance) -> Vec<Logits> {
    let session = Session::new();
    let network = network(&session, case, covariance);
    let loaded = |name: &str, _: &TensorType| Err(format!("has no value for '{name}'"));
    let program = Program::of(network.op(), &case.name, &loaded).unwrap();
    let results = program.run(&case.inputs).unwrap();
    let logits = &results[0];
    let [items, classes] = logits.shape[..] else { panic!("{:?}", logits.shape) };
    // Of a mixture the moments of each node, then matrices; else matrices, or what a head gives.
    let carried = network.carried(&case.name);
    let (nodes, matrices) = match &results[1..] {
        [nodes, matrices] if carried.nodes > 0 => (nodes, Some(matrices)),
        [matrices] if carried.layers > 0 => (logits, Some(matrices)),
        _ => (logits, None),
    };
    let count = nodes.mean.len() / (items * classes);
    assert_eq!(count as i64, carried.nodes.max(1), "{}", case.module);
    let weights: Vec<_> = match count {
        1 => vec![1.0],
        count => mixture::rule(count as i64).unwrap().iter().map(|node| node.1).collect(),
    };
    let node = |place: usize| {
        let own = place * classes..(place + 1) * classes;
        let square = classes * classes;
        let mut covariance = match matrices {
            Some(matrices) => matrices.mean[place * square..][..square].to_vec(),
            None => vec![0.0; square],
        };
        for (logit, variance) in nodes.variance.as_ref().unwrap()[own.clone()].iter().enumerate() {
            covariance[logit * classes + logit] = *variance;
        }
        Node { weight: weights[place % count], mean: nodes.mean[own].to_vec(), covariance }
    };
    let of_item = |item| (item * count..(item + 1) * count).map(node).collect::<Vec<_>>();
    (0..items).map(|item| Logits::of_nodes(&of_item(item))).collect()
}

/// A network, measured.
struct Measured {
    /// Of each setting.
    distances: [Distances; SETTINGS.len()],
    /// How far the halves of the draws are from each other.
    noise: Distances,
    /// Is it a chain of layers of which the first reads independent elements, of the moments that are known of them?
    begins_right: bool,
}

impl Measured {
    /// How much further than diagonal a setting is.
    fn excess(&self, setting: usize, name: usize) -> f64 {
        self.distances[setting][name] - self.distances[0][name]
    }

    fn print_what_is_further(&self, case: &Case) {
        for (setting, (label, _)) in SETTINGS.iter().enumerate() {
            for (name, text) in NAMES.iter().enumerate() {
                let (excess, noise) = (self.excess(setting, name), self.noise[name]);
                if excess > noise {
                    let diagonal = self.distances[0][name];
                    println!("{}, {label}: {text} {diagonal:.4} + {excess:.4}", case.name);
                }
            }
        }
    }

    /// With all covariances moments are no further from draws where the rules begin with what is right.
    fn check_where_rules_begin_right(&self, case: &Case) {
        let full = SETTINGS.len() - 1;
        for name in (0..2).filter(|_| self.begins_right) {
            let (excess, allowed) = (self.excess(full, name), self.noise[name] + NEGLIGIBLE[name]);
            assert!(
                excess <= allowed,
                "{}: {:.4} of {:.4}, more than {allowed:.4}\n{}",
                NAMES[name],
                excess,
                self.distances[full][name],
                case.module
            );
        }
    }
}

fn measure(classifier: &Classifier) -> Measured {
    let case = &classifier.case;
    let session = Session::new();
    let source = Source::as_written(case.name.clone(), classifier.with_features());
    let module = session
        .parse(&source)
        .unwrap_or_else(|error| panic!("{error:?}\n{}", classifier.with_features()));
    let program = Program::of(module.op(), &case.name, &values(&case.posterior)).unwrap();
    let draws = program.draws(&case.inputs, 0..PASSES, 1).unwrap();
    let [items, classes] = case.expected.shape[..] else { panic!("{:?}", case.expected.shape) };
    let of_passes = |is_taken: &dyn Fn(usize) -> bool| -> Vec<Logits> {
        let taken = draws.iter().enumerate().filter(|(pass, _)| is_taken(*pass));
        let of_item = |item: usize| {
            let rows = taken.clone().map(|(_, draw)| &draw[0].mean[item * classes..][..classes]);
            Logits::of_draws(rows, classes)
        };
        (0..items).map(of_item).collect()
    };
    let mut noise = [0.0; NAMES.len()];
    for bit in 0..HALVINGS {
        let halves = [0, 1].map(|half| of_passes(&|pass| pass >> bit & 1 == half));
        let each = distances(&halves[0], &halves[1]);
        noise.iter_mut().zip(each).for_each(|(sum, each)| *sum += each / HALVINGS as f64);
    }
    let truth = of_passes(&|_| true);
    let elements = draws[0][1].mean.len() / items;
    let of_item = |item| draws.iter().map(move |draw| &draw[1].mean[item * elements..][..elements]);
    let features: Vec<Vec<_>> = (0..items).map(|item| of_item(item).collect()).collect();
    let moments_of_features = program.run(&case.inputs).unwrap().remove(1);
    Measured {
        distances: SETTINGS.map(|(_, covariance)| distances(&truth, &moments(case, covariance))),
        noise,
        begins_right: classifier.is_chain && are_independent(&features, &moments_of_features),
    }
}

/// Do elements vary on their own, and as these moments say, as far as draws of items can tell?
fn are_independent(draws: &[Vec<&[f64]>], moments: &Tensor) -> bool {
    let Some(variances) = &moments.variance else { return true };
    let elements = variances.len() / draws.len();
    let known = moments.mean.chunks(elements).zip(variances.chunks(elements));
    draws.iter().zip(known).all(|(rows, (means, variances))| {
        let drawn = Logits::of_draws(rows.iter().copied(), elements);
        // Correlations that are 0 are within 5 deviations.
        let most = 5.0 / (rows.len() as f64).sqrt();
        let mut covariance = vec![0.0; elements * elements];
        let mut is_right = true;
        for i in 0..elements {
            covariance[i * elements + i] = variances[i];
            for j in 0..i {
                let both = (drawn.variance(i) * drawn.variance(j)).sqrt();
                is_right &= drawn.covariance[i * elements + j].abs() <= most * both;
            }
        }
        let information = drawn.information;
        let known = Logits { mean: means.to_vec(), covariance, information };
        is_right && distances(&[drawn], &[known])[0] < 0.01
    })
}

/// The number below which this share of all is.
fn quantile(mut all: Vec<f64>, share: f64) -> f64 {
    all.sort_by(f64::total_cmp);
    all[((all.len() - 1) as f64 * share).round() as usize]
}

/// The rows of docs/covariance.md.
fn table(measured: &[&Measured]) {
    println!("| | median | 90 % | worst | nearer | equal | further | at most further by |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, text) in NAMES.iter().enumerate() {
        for (setting, (label, _)) in SETTINGS.iter().enumerate() {
            let all: Vec<_> = measured.iter().map(|m| m.distances[setting][name]).collect();
            let of = |share| quantile(all.clone(), share);
            let [middle, most, worst] = [of(0.5), of(0.9), of(1.0)];
            let count = |f: &dyn Fn(f64, f64) -> bool| {
                measured.iter().filter(|m| f(m.excess(setting, name), m.noise[name])).count()
            };
            let nearer = count(&|excess, noise| excess < -noise);
            let further = count(&|excess, noise| excess > noise);
            let equal = measured.len() - nearer - further;
            let excess = measured.iter().map(|m| m.excess(setting, name)).fold(0.0, f64::max);
            println!(
                "| {text}, {label} | {middle:.4} | {most:.4} | {worst:.4} | {nearer} | {equal} | {further} | {excess:.4} |"
            );
        }
    }
}

/// How many of so many networks may be further away, and by how much at most: of each distance.
const FURTHER: Distances = [0.03, 0.06, 0.16];
const MOST_FURTHER: Distances = [0.1, 0.4, 0.1];

/// So much more counts for nothing: of the KL divergence 0.001 nats.
const NEGLIGIBLE: Distances = [0.001, 0.0, 0.0];

#[test]
fn covariances_come_nearer_to_draws_of_the_weights() {
    let (mut measured, mut cases) = (vec![], vec![]);
    for (seed, count) in random::portions(24, 1) {
        for classifier in random::classifiers(seed, count) {
            let each = measure(&classifier);
            each.check_where_rules_begin_right(&classifier.case);
            each.print_what_is_further(&classifier.case);
            measured.push(each);
            cases.push(classifier.case);
        }
    }
    if cases.len() >= Layer::names().len() {
        random::assert_every_op_is_there(&cases);
    }
    let all: Vec<_> = measured.iter().collect();
    table(&all);
    let right: Vec<_> = measured.iter().filter(|m| m.begins_right).collect();
    println!("\nof which {} begin right:\n", right.len());
    table(&right);
    for (name, text) in NAMES.iter().enumerate() {
        for (setting, (label, _)) in SETTINGS.iter().enumerate().skip(1) {
            let excesses: Vec<_> = all.iter().map(|m| m.excess(setting, name)).collect();
            let further = all.iter().zip(&excesses).filter(|(m, excess)| **excess > m.noise[name]);
            let (further, expected) = (further.count() as f64, FURTHER[name] * all.len() as f64);
            let most = expected + 2.0 * expected.sqrt();
            assert!(
                further <= most,
                "{text}, {label}: {further} of {} are further away",
                all.len()
            );
            let worst = quantile(excesses, 1.0);
            assert!(worst <= MOST_FURTHER[name], "{text}, {label}: one is further away by {worst}");
        }
        let [diagonal, budget, full] = [0, 2, 3]
            .map(|setting| quantile(all.iter().map(|m| m.distances[setting][name]).collect(), 0.5));
        let [of_budget, of_full] = [[1.05, 1.0], [0.6, 0.3], [1.0, 0.9]][name];
        assert!(budget <= of_budget * diagonal, "{text}: {budget} within 2.5x, {diagonal} without");
        assert!(full <= of_full * diagonal, "{text}: {full} with all, {diagonal} without");
    }
}
