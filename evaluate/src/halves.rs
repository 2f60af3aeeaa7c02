//! How far sampling is from itself: what the halves of the passes say of each other.
//!
//! N passes say what endlessly many would say up to a noise. To know how large it is, the passes are
//! parted at random into two halves, which are compared like the closed form with all N. A half has
//! twice the variance of the whole and there are two of them, so what two halves show is, in
//! variance, four times what exact moments would show beside N passes: differences count half,
//! their squares a quarter. Averages over many halvings are the usual estimate of a variance from
//! balanced half-samples (P. McCarthy, *Pseudo-replication: half samples*, Review of the
//! International Statistical Institute 37, 1969).
//!
//! Entropies and logarithms of few passes are also biased, by about b/N. Halves are biased by 2b/N,
//! so what is extrapolated from both has no such bias (M. Quenouille, *Notes on bias in estimation*,
//! Biometrika 43, 1956).

use std::ops::AddAssign;

use pfp_runtime::random::philox4x32;
use serde::Serialize;

/// Random halvings of the passes. More change little: the noise is that of the passes.
const HALVINGS: usize = 16;

/// Fewer passes have no halves with a variance.
const LEAST_PASSES: usize = 4;

/// How two views of the same items differ, or by how much they would by chance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Differences {
    /// The share of items with another class.
    #[serde(rename = "other_class")]
    pub class: f64,
    /// The total variation distance of the class probabilities, 0 to 1: how much probability is
    /// with another class. An average over the items.
    pub probabilities: f64,
    /// The logarithm of the ratio of the items' mean variances, moments over sampling. An average
    /// over the items; as noise its standard deviation.
    pub log_variance: f64,
    /// The epistemic uncertainty by moments minus that by sampling, in nats. An average over the
    /// items; as noise its standard deviation.
    pub epistemic: f64,
    /// Root mean square of the difference of the mean logits, in standard deviations of sampling.
    pub mean: f64,
    /// Kullback-Leibler divergence of the Gaussian of a logit by sampling from that by moments, in
    /// nats. An average over the logits.
    pub kl: f64,
    /// The logarithm of the ratio of the items' mean variances of the differences of two logits, moments
    /// over sampling. An average over the items; as noise its standard deviation. `None` of one logit.
    pub log_difference: Option<f64>,
    /// As `kl`, of a Gaussian with that variance: what covariances add to what is known of each logit.
    pub kl_difference: Option<f64>,
}

/// What exact moments would show beside sampling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Noise {
    /// On average.
    #[serde(flatten)]
    pub differences: Differences,
    /// How much that varies.
    pub spread: Spread,
}

/// Standard deviations of the differences that have no sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Of the share of items with another class.
    #[serde(rename = "other_class")]
    pub class: f64,
    /// Of the total variation distance of the class probabilities.
    pub probabilities: f64,
}

/// What is known of the logits and classes of one item.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub class: usize,
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
    pub probabilities: Vec<f64>,
    pub epistemic: f64,
    /// The mean variance of the differences of two logits; `None` of one logit.
    pub difference: Option<f64>,
}

impl View {
    /// The logarithm of the mean variance. Nothing varies less than the smallest number.
    fn log_variance(&self) -> f64 {
        let mean = self.variance.iter().sum::<f64>() / self.variance.len().max(1) as f64;
        mean.max(f64::from(f32::MIN_POSITIVE)).ln()
    }

    fn log_difference(&self) -> Option<f64> {
        Some(self.difference?.max(f64::from(f32::MIN_POSITIVE)).ln())
    }
}

/// The Kullback-Leibler divergence of a Gaussian by sampling from one by moments, each a mean and a
/// variance; `None` where one of them does not vary.
pub fn divergence((m1, v1): (f64, f64), (m2, v2): (f64, f64)) -> Option<f64> {
    let is_proper = v1 > 0.0 && v2 > 0.0;
    is_proper.then(|| 0.5 * ((v2 / v1).ln() + (v1 + (m1 - m2).powi(2)) / v2 - 1.0))
}

/// The mean over all pairs of elements of the variance of their difference, of elements with these variances
/// and a sum of this variance: the squared differences of all pairs are D·Σx² − (Σx)². `None` without pairs.
pub fn mean_difference(variances: impl ExactSizeIterator<Item = f64>, of_sum: f64) -> Option<f64> {
    let count = variances.len() as f64;
    let pairs = count * (count - 1.0) / 2.0;
    let all = count * variances.sum::<f64>();
    (pairs > 0.0).then(|| ((all - of_sum) / pairs).max(0.0))
}

/// Differences of two views of the same items, summed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sums {
    items: f64,
    /// Items of another class.
    class: f64,
    /// Total variation distances of the probabilities.
    probabilities: f64,
    /// Differences of the logarithms of mean variances, the first minus the second.
    log_variance: f64,
    /// Differences of the epistemic uncertainties.
    epistemic: f64,
    /// Logits of which the second has a variance, and the squares of the differences of their means
    /// over it.
    logits: f64,
    squares: f64,
    /// Logits of which both have a variance, and their divergences, the second from the first.
    proper: f64,
    divergence: f64,
    /// Items of several logits, differences of the logarithms of their mean variances of differences, and the
    /// divergences of these.
    paired: f64,
    log_difference: f64,
    difference: f64,
}

impl Sums {
    /// The differences of one item.
    pub fn of(first: &View, second: &View) -> Self {
        let probabilities = first.probabilities.iter().zip(&second.probabilities);
        let mut sums = Self {
            items: 1.0,
            class: f64::from(u8::from(first.class != second.class)),
            probabilities: probabilities.map(|(p, q)| (p - q).abs() / 2.0).sum(),
            log_variance: first.log_variance() - second.log_variance(),
            epistemic: first.epistemic - second.epistemic,
            ..Self::default()
        };
        let logits = first.mean.iter().zip(&first.variance);
        for ((m1, v1), (m2, v2)) in logits.zip(second.mean.iter().zip(&second.variance)) {
            // Where nothing varies, nothing can be measured by it.
            if *v2 > 0.0 {
                let square = (m1 - m2).powi(2);
                sums.logits += 1.0;
                sums.squares += square / v2;
            }
            if let Some(divergence) = divergence((*m2, *v2), (*m1, *v1)) {
                sums.proper += 1.0;
                sums.divergence += divergence;
            }
        }
        if let (Some(one), Some(other)) = (first.log_difference(), second.log_difference()) {
            sums.paired += 1.0;
            sums.log_difference += one - other;
            sums.difference += divergence((0.0, other.exp()), (0.0, one.exp())).unwrap_or(0.0);
        }
        sums
    }

    /// The averages: of items, of logits the root mean square of means, and their divergence.
    pub fn differences(&self) -> Differences {
        let average = |sum: f64, count: f64| sum / count.max(1.0);
        Differences {
            class: average(self.class, self.items),
            probabilities: average(self.probabilities, self.items),
            log_variance: average(self.log_variance, self.items),
            epistemic: average(self.epistemic, self.items),
            mean: average(self.squares, self.logits).sqrt(),
            kl: average(self.divergence, self.proper),
            log_difference: (self.paired > 0.0).then(|| self.log_difference / self.paired),
            kl_difference: (self.paired > 0.0).then(|| self.difference / self.paired),
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.class += other.class;
        self.probabilities += other.probabilities;
        self.log_variance += other.log_variance;
        self.epistemic += other.epistemic;
        self.logits += other.logits;
        self.squares += other.squares;
        self.proper += other.proper;
        self.divergence += other.divergence;
        self.paired += other.paired;
        self.log_difference += other.log_difference;
        self.difference += other.difference;
    }
}

/// What the halves of the passes say of each other, summed over items.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Halves {
    /// For each halving one half against the other.
    halvings: Vec<Sums>,
    /// The average half minus all passes: what logarithms and `epistemic` are biased by.
    bias: Sums,
}

impl AddAssign for Halves {
    fn add_assign(&mut self, other: Self) {
        self.halvings.resize(self.halvings.len().max(other.halvings.len()), Sums::default());
        self.halvings.iter_mut().zip(other.halvings).for_each(|(sums, more)| *sums += more);
        self.bias += other.bias;
    }
}

impl Halves {
    /// What differences from few passes are biased by, summed over items.
    pub fn bias(&self) -> &Sums {
        &self.bias
    }

    /// What moments without error would show beside all passes, on average, and the standard
    /// deviation of its unsigned parts: items share the passes, so that of few inputs one draw can
    /// change the class of many. `None` without halves.
    pub fn noise(&self) -> Option<Noise> {
        let all: Vec<_> = self.halvings.iter().map(Sums::differences).collect();
        let average = |part: &dyn Fn(&Differences) -> f64| {
            all.iter().map(part).sum::<f64>() / all.len() as f64
        };
        let spread = |part: fn(&Differences) -> f64| {
            let centre = average(&part);
            average(&|d| (part(d) - centre).powi(2)).sqrt() / 2.0
        };
        let average = |part: fn(&Differences) -> f64| average(&part);
        let are_paired = all.iter().any(|d| d.log_difference.is_some());
        let spread =
            Spread { class: spread(|d| d.class), probabilities: spread(|d| d.probabilities) };
        let differences = Differences {
            class: average(|d| d.class) / 2.0,
            probabilities: average(|d| d.probabilities) / 2.0,
            // Of signed averages the standard deviation.
            log_variance: average(|d| d.log_variance.powi(2)).sqrt() / 2.0,
            epistemic: average(|d| d.epistemic.powi(2)).sqrt() / 2.0,
            mean: average(|d| d.mean.powi(2)).sqrt() / 2.0,
            kl: average(|d| d.kl) / 4.0,
            log_difference: are_paired
                .then(|| average(|d| d.log_difference.unwrap_or(0.0).powi(2)).sqrt() / 2.0),
            kl_difference: are_paired.then(|| average(|d| d.kl_difference.unwrap_or(0.0)) / 4.0),
        };
        (!all.is_empty()).then_some(Noise { differences, spread })
    }
}

/// Random halvings of a number of passes.
pub struct Halvings {
    /// The passes that are halved: an even number.
    passes: usize,
    /// Those of the first half, for each halving.
    firsts: Vec<Vec<usize>>,
}

impl Halvings {
    /// None, where there are too few passes.
    pub fn of(passes: usize) -> Self {
        let even = passes - passes % 2;
        let count = if passes < LEAST_PASSES { 0 } else { HALVINGS };
        let first = |halving: usize| {
            let mut order: Vec<_> = (0..even).collect();
            order.sort_by_key(|&pass| philox4x32([pass as u32, halving as u32, 0, 0], [0, 0]));
            order.truncate(even / 2);
            order
        };
        Self { passes: even, firsts: (0..count).map(first).collect() }
    }

    /// Compares the halves of the passes of one item: logits, passes x classes, or passes x 1 of a
    /// binary classifier.
    pub fn compare(&self, logits: &[f32], width: usize) -> Halves {
        if self.firsts.is_empty() {
            return Halves::default();
        }
        let rows = logits.chunks_exact(width.max(1)).take(self.passes);
        let mut passes: Vec<_> = rows.map(Pass::of).collect();
        // Squares of deviations from the mean lose no digits.
        let total: Pass = passes.iter().fold(Pass::zero(width), Pass::plus);
        let count = self.passes as f64;
        let centre: Vec<_> = total.logits.iter().map(|sum| sum / count).collect();
        passes.iter_mut().for_each(|pass| pass.centre(&centre));
        let total = passes.iter().fold(Pass::zero(width), Pass::plus);
        let all = total.view(count, &centre);
        let mut halves = Halves::default();
        for first in &self.firsts {
            let of_first = first.iter().filter_map(|&pass| passes.get(pass));
            let first = of_first.fold(Pass::zero(width), Pass::plus);
            let second = total.minus(&first);
            let views = [first, second].map(|half| half.view(count / 2.0, &centre));
            let [first, second] = &views;
            halves.halvings.push(Sums::of(first, second));
            for half in &views {
                let share = 0.5 / self.firsts.len() as f64;
                halves.bias.log_variance += share * (half.log_variance() - all.log_variance());
                halves.bias.epistemic += share * (half.epistemic - all.epistemic);
                if let (Some(half), Some(all)) = (half.log_difference(), all.log_difference()) {
                    halves.bias.log_difference += share * (half - all);
                }
            }
        }
        halves.bias.items = 1.0;
        halves.bias.paired = f64::from(u8::from(all.difference.is_some()));
        halves
    }
}

/// Sums over passes of one item.
#[derive(Debug, Clone)]
struct Pass {
    logits: Vec<f64>,
    squares: Vec<f64>,
    /// The square of the sum of the logits.
    of_sum: f64,
    probabilities: Vec<f64>,
    entropy: f64,
}

impl Pass {
    fn zero(width: usize) -> Self {
        let zeros = || vec![0.0; width];
        let probabilities = vec![0.0; width.max(2)];
        Self { logits: zeros(), squares: zeros(), of_sum: 0.0, probabilities, entropy: 0.0 }
    }

    fn of(logits: &[f32]) -> Self {
        let logits: Vec<_> = logits.iter().copied().map(f64::from).collect();
        // The one logit of a binary classifier is that of class 1 against class 0.
        let of_classes = if let [one] = logits[..] { vec![0.0, one] } else { logits.clone() };
        let largest = of_classes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut probabilities: Vec<_> = of_classes.iter().map(|z| (z - largest).exp()).collect();
        let sum: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= sum);
        let entropy = entropy(&probabilities);
        Self { squares: vec![0.0; logits.len()], of_sum: 0.0, logits, probabilities, entropy }
    }

    /// Measures the logits from a centre.
    fn centre(&mut self, centre: &[f64]) {
        self.logits.iter_mut().zip(centre).for_each(|(z, centre)| *z -= centre);
        self.squares = self.logits.iter().map(|z| z * z).collect();
        self.of_sum = self.logits.iter().sum::<f64>().powi(2);
    }

    fn zip(&self, other: &Self, f: fn(f64, f64) -> f64) -> Self {
        let columns = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect();
        Self {
            logits: columns(&self.logits, &other.logits),
            squares: columns(&self.squares, &other.squares),
            of_sum: f(self.of_sum, other.of_sum),
            probabilities: columns(&self.probabilities, &other.probabilities),
            entropy: f(self.entropy, other.entropy),
        }
    }

    fn plus(self, other: &Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    fn minus(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    /// What so many passes say whose sums these are.
    fn view(&self, count: f64, centre: &[f64]) -> View {
        let deviations = || self.logits.iter().map(|sum| sum / count);
        let mean: Vec<_> = deviations().zip(centre).map(|(d, centre)| centre + d).collect();
        let squares = self.squares.iter().zip(deviations());
        let variance = |(sum, d): (f64, f64)| (sum - count * d * d).max(0.0) / (count - 1.0);
        let of_sum = variance((self.of_sum, deviations().sum()));
        let variance: Vec<_> = squares.map(|(sum, d)| variance((*sum, d))).collect();
        let probabilities: Vec<_> = self.probabilities.iter().map(|sum| sum / count).collect();
        let largest =
            |best: usize, class: usize| if mean[class] > mean[best] { class } else { best };
        View {
            class: match mean[..] {
                [logit] => usize::from(logit >= 0.0),
                _ => (0..mean.len()).reduce(largest).unwrap_or(0),
            },
            difference: mean_difference(variance.iter().copied(), of_sum),
            variance,
            epistemic: (entropy(&probabilities) - self.entropy / count).max(0.0),
            mean,
            probabilities,
        }
    }
}

/// In nats.
fn entropy(probabilities: &[f64]) -> f64 {
    probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum()
}

#[cfg(test)]
mod tests {
    use pfp_runtime::random::standard_normals;

    use super::*;

    #[test]
    fn halves_are_halves() {
        for (passes, even) in [(4, 4), (5, 4), (30, 30)] {
            let halvings = Halvings::of(passes);
            assert_eq!(halvings.firsts.len(), HALVINGS);
            for first in &halvings.firsts {
                let distinct: std::collections::BTreeSet<_> = first.iter().collect();
                assert_eq!((first.len(), distinct.len()), (even / 2, even / 2));
                assert!(first.iter().all(|&pass| pass < even));
            }
        }
        assert!(Halvings::of(3).firsts.is_empty());
    }

    /// Logits of independent Gaussians that differ between the items, drawn `passes` times.
    fn sampling(items: usize, passes: usize, seed: u32) -> (Vec<[f64; 3]>, Vec<Vec<f32>>) {
        let means = |item: usize| [0.0, (item % 7) as f64 / 7.0, (item % 5) as f64 / 5.0];
        let draw = |item: usize, pass: usize| {
            let normals = standard_normals([item as u32, pass as u32, seed, 7], [1, 2]);
            let mean = means(item);
            [0, 1, 2].map(|class| (mean[class] + f64::from(normals[class])) as f32)
        };
        let logits = |item: usize| (0..passes).flat_map(|pass| draw(item, pass)).collect();
        ((0..items).map(means).collect(), (0..items).map(logits).collect())
    }

    #[test]
    fn differences_of_pairs_follow_from_the_sum() {
        // Three numbers of the variances 1, 2, 4 with the covariances 0.5, -0.25 and 1.
        let of_sum = 7.0 + 2.0 * (0.5 - 0.25 + 1.0);
        let pairs = [1.0 + 2.0 - 1.0, 1.0 + 4.0 + 0.5, 2.0 + 4.0 - 2.0];
        let wanted = pairs.iter().sum::<f64>() / 3.0;
        let got = mean_difference([1.0, 2.0, 4.0].into_iter(), of_sum).unwrap();
        assert!((got - wanted).abs() < 1e-12, "{got}, not {wanted}");
        assert_eq!(mean_difference([1.0].into_iter(), 1.0), None);
    }

    /// Exact moments differ from sampling by its noise, and by what it is said to be.
    #[test]
    fn the_noise_is_what_exact_moments_show() {
        const ITEMS: usize = 400;
        for passes in [30usize, 100] {
            let (means, logits) = sampling(ITEMS, passes, 0);
            // The truth of probabilities and epistemic uncertainty by many more passes.
            let (_, many) = sampling(ITEMS, 4000, 1);
            let (mut sums, mut noise) = (Sums::default(), Halves::default());
            for ((mean, few), many) in means.iter().zip(&logits).zip(&many) {
                let view = |logits: &[f32]| {
                    let count = (logits.len() / 3) as f64;
                    let passes = logits.chunks_exact(3).map(|row| {
                        let mut pass = Pass::of(row);
                        pass.centre(&[0.0; 3]);
                        pass
                    });
                    passes.fold(Pass::zero(3), |sum, pass| sum.plus(&pass)).view(count, &[0.0; 3])
                };
                let truth = view(many);
                let class = (0..3).reduce(|a, b| if mean[b] > mean[a] { b } else { a }).unwrap();
                let (mean, variance) = (mean.to_vec(), vec![1.0; 3]);
                let truth = View { class, mean, variance, difference: Some(2.0), ..truth };
                sums += Sums::of(&truth, &view(few));
                noise += Halvings::of(passes).compare(few, 3);
            }
            let (seen, said) = (sums.differences(), noise.noise().unwrap().differences);
            let bias = noise.bias.differences();
            // Few passes have heavier tails than the scaling knows, so that it says a little much.
            for (name, seen, said) in [
                ("class", seen.class, said.class),
                ("probabilities", seen.probabilities, said.probabilities),
                ("mean", seen.mean, said.mean),
                ("kl", seen.kl, said.kl),
                ("kl of differences", seen.kl_difference.unwrap(), said.kl_difference.unwrap()),
            ] {
                assert!((0.75..1.1).contains(&(seen / said)), "{passes} {name}: {seen} {said}");
            }
            // Of signed averages a standard deviation: three of them hold, the bias taken out.
            for (name, seen, bias, said) in [
                ("variance", seen.log_variance, bias.log_variance, said.log_variance),
                ("epistemic", seen.epistemic, bias.epistemic, said.epistemic),
                (
                    "differences",
                    seen.log_difference.unwrap(),
                    bias.log_difference.unwrap(),
                    said.log_difference.unwrap(),
                ),
            ] {
                assert!((seen + bias).abs() <= 3.0 * said, "{passes} {name}: {seen} {bias} {said}");
            }
            // Without that, the epistemic uncertainty of few passes is too small.
            assert!(passes > 30 || seen.epistemic > 3.0 * said.epistemic, "{seen:?} {said:?}");
        }
    }
}
