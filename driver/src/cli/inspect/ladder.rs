//! What each choice of covariances buys: outputs beside sampling.

use pfp_compiler::{
    compile::{Carried, Choice, Function, Network},
    error::Error,
};
use pfp_evaluate::{
    answers::{self, of_draws, of_outputs},
    batches::Items,
    eval::{agreement::agree, uncertainties},
    halves::{Differences, Halvings, Noise},
    reference::{Draws, LayerMoments, Reference},
};
use serde::Serialize;

use super::super::{
    Ui,
    table::{Table, figure, grouped},
};

/// Draws of the logits from which moments get a mutual information: so many numbers, within bounds.
const NUMBERS: u32 = 1 << 24;
const LEAST_DRAWS: u32 = 1000;
const MOST_DRAWS: u32 = 100_000;

/// What each choice of covariances makes of the outputs, beside sampling.
#[derive(Debug, Serialize)]
pub struct Ladder {
    /// The mutual information of sampling, in nats, without the bias of few passes.
    mutual_information: f64,
    /// What exact moments would show beside as many passes; `None` of fewer than four.
    noise: Option<Noise>,
    /// From none on, by what they cost.
    choices: Vec<Rung>,
    /// The least budget whose distance is that of the best one, up to the noise; `None` where there is no
    /// choice, or the noise is not known.
    recommended: Option<Recommended>,
}

/// What one choice makes of the outputs.
#[derive(Debug, Serialize)]
struct Rung {
    #[serde(flatten)]
    choice: Choice,
    /// The mutual information that a head sees, in nats.
    mutual_information: f64,
    /// Beside sampling.
    #[serde(flatten)]
    differences: Differences,
    /// The divergence of a logit, that of a difference of two, and how far mutual information is off, in nats.
    distance: f64,
}

#[derive(Debug, Serialize)]
struct Recommended {
    /// The budget.
    budget: f64,
    /// Its distance.
    distance: f64,
    /// The budget of the choice that is nearest to sampling.
    best: f64,
    /// The distance of that.
    least: f64,
    /// What exact moments would have as a distance.
    noise: f64,
}

/// The layers with the covariances that the options choose, where they choose any.
type Chosen = Option<Vec<LayerMoments>>;

/// Does a function return logits, or something else of this form: one Gaussian for each item and class?
pub fn is_of_logits(function: &Function) -> bool {
    let batch = function.signature.batch();
    match &function.signature.outputs[..] {
        [output] => output.gaussian && matches!(output.shape[..], [items, _] if items == batch),
        _ => false,
    }
}

/// What each choice makes of the outputs of a function of logits, with the layers of the choice that is made. The
/// recommended one has at most this budget, where one is said.
pub fn compare(
    (network, function): (&Network, &Function),
    (items, draws): (&Items, &Draws),
    (most, seed): (Option<f64>, u64),
    ui: &Ui,
) -> Result<(Ladder, Chosen), Error> {
    let choices = network.covariance_choices(Some(&function.name))?;
    let is_chosen = !choices.iter().any(|choice| choice.is_chosen);
    let none = Choice { budget: 1.0, carried: Carried::default(), is_chosen };
    let choices: Vec<_> = [none].into_iter().chain(choices).collect();
    let bar = ui.count("covariances", choices.len());
    let sampled = sampled(draws, function);
    let passes = u32::try_from(draws.passes.len()).unwrap_or(u32::MAX);
    let outputs = draws.passes.first().map_or(1, Vec::len).max(1);
    let count = (NUMBERS / outputs as u32).clamp(LEAST_DRAWS, MOST_DRAWS);
    let (mut rungs, mut chosen, mut noise, mut information) = (Vec::new(), None, None, 0.0);
    for choice in choices {
        let work = choice.carried.multiply_adds;
        let carrying = (work > 0).then(|| network.with_covariance(&function.name, work));
        let carrying = carrying.transpose()?;
        let network = carrying.as_ref().unwrap_or(network);
        let function = network.function(Some(&function.name))?;
        let reference = Reference::new(network, function)?;
        if choice.is_chosen && carrying.is_some() {
            chosen = Some(reference.trace(items, &|_| ())?);
        }
        let outputs = reference.run(items, &|_| ())?;
        let all = items.count();
        let moments = of_outputs(&outputs, 0..all, all, answers::Draws { count, seed });
        let agreement = agree(&moments, count, &sampled, passes);
        let differences = agreement.differences;
        let mutual_information = uncertainties(&moments).epistemic.unwrap_or(0.0);
        information = mutual_information - differences.epistemic;
        noise = agreement.noise;
        let distance = distance(&differences);
        rungs.push(Rung { choice, mutual_information, differences, distance });
        bar.inc(1);
    }
    let recommended = noise.and_then(|noise| recommend(&rungs, most, distance(&noise.differences)));
    Ok((Ladder { mutual_information: information, noise, choices: rungs, recommended }, chosen))
}

/// What the passes say of the items.
fn sampled(draws: &Draws, function: &Function) -> answers::Items {
    let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
    let output = draws.outputs.first().map(|output| &output.monte_carlo);
    let [mean, variance] =
        output.map(|output| [narrow(&output.mean), narrow(&output.variance)]).unwrap_or_default();
    let width = function.signature.outputs.first().and_then(|output| output.shape.last());
    let width = width.copied().unwrap_or(1).max(1);
    let passes = draws.passes.iter().map(Vec::as_slice);
    of_draws(&mean, &variance, passes, width, &Halvings::of(draws.passes.len()))
}

/// In nats: of a logit, of a difference of two, and of what a head makes of all.
fn distance(differences: &Differences) -> f64 {
    differences.kl + differences.kl_difference.unwrap_or(0.0) + differences.epistemic.abs()
}

/// The least budget, of those up to `most`, that is no farther from sampling than the best of them and the noise.
fn recommend(rungs: &[Rung], most: Option<f64>, noise: f64) -> Option<Recommended> {
    let is_allowed = |rung: &&Rung| most.is_none_or(|most| rung.choice.budget <= most);
    let allowed: Vec<_> = rungs.iter().filter(is_allowed).collect();
    let best = allowed.iter().min_by(|a, b| a.distance.total_cmp(&b.distance))?;
    let found = allowed.iter().find(|rung| rung.distance <= best.distance + noise)?;
    (rungs.len() > 1).then_some(Recommended {
        budget: found.choice.budget,
        distance: found.distance,
        best: best.choice.budget,
        least: best.distance,
        noise,
    })
}

impl Ladder {
    /// A table, and what it says.
    pub fn lines(&self, most: Option<f64>) -> Vec<String> {
        let head = [
            "",
            "--budget",
            "layers",
            "nodes",
            "pools",
            "multiply-adds",
            "KL",
            "variance",
            "of differences",
            "mutual information",
            "distance",
        ];
        let mut table = Table::new(&head, 1);
        let ratio = |log: Option<f64>| log.map_or("-".into(), |log| figure(log.exp()));
        for Rung { choice, mutual_information, differences, distance } in &self.choices {
            let Carried { layers, nodes, pools, multiply_adds } = choice.carried;
            let mark = if choice.is_chosen { "*" } else { "" };
            let counts = [layers as u64, nodes.unsigned_abs(), pools as u64, multiply_adds];
            let cells = [mark.to_owned(), super::least(choice.budget)].into_iter();
            let of_outputs = [
                fine(differences.kl),
                ratio(Some(differences.log_variance)),
                ratio(differences.log_difference),
                fine(*mutual_information),
                fine(*distance),
            ];
            table.row(cells.chain(counts.map(grouped)).chain(of_outputs).collect());
        }
        let noise = self.noise.map(|noise| noise.differences);
        let within =
            |part: Option<f64>| part.map_or(String::new(), |part| format!(" +- {}", fine(part)));
        let sampled = [
            noise.map_or("-".into(), |noise| fine(noise.kl)),
            format!("1{}", within(noise.map(|noise| noise.log_variance))),
            format!("1{}", within(noise.and_then(|noise| noise.log_difference))),
            fine(self.mutual_information) + &within(noise.map(|noise| noise.epistemic)),
            noise.map_or("-".into(), |noise| fine(distance(&noise))),
        ];
        let blank = ["", "draws", "", "", "", ""].map(str::to_owned).into_iter();
        table.row(blank.chain(sampled).collect());
        let mut lines = vec![
            "outputs beside Monte Carlo (*: as asked); draws: what exact moments would show".to_owned(),
            table.to_string(),
            String::new(),
            "KL: the mean divergence of the Gaussian of an output by Monte Carlo from that by moments, in nats;\n\
             variances, and those of the differences of two outputs, over those of Monte Carlo; mutual\n\
             information of class and weights in nats, the outputs being logits; distance: KL, that of a\n\
             difference, and what the mutual information is off by"
                .to_owned(),
        ];
        lines.extend(self.recommended.as_ref().map(|found| found.sentence(most)));
        lines
    }
}

impl Recommended {
    fn sentence(&self, most: Option<f64>) -> String {
        let Self { budget, distance, best, least, noise } = *self;
        let option = match budget {
            1.0 => "--covariance diagonal".to_owned(),
            budget => format!("--budget {}", super::least(budget)),
        };
        let among = most.map_or(String::new(), |most| format!(" up to {most}x"));
        let reason = match budget == best {
            true => {
                format!("the nearest to Monte Carlo{among}, at a distance of {}", fine(distance))
            }
            false => format!(
                "at a distance of {}; the nearest{among}, {}, is at {}, within the noise of {}",
                fine(distance),
                super::least(best),
                fine(least),
                fine(noise)
            ),
        };
        format!("recommended for this data: {option}, {reason}")
    }
}

/// A number with four digits after the point, or as [`figure`] where these would say little.
fn fine(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-4..1e3 => format!("{number:.4}"),
        _ => figure(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(budget: f64, distance: f64) -> Rung {
        let choice = Choice { budget, carried: Carried::default(), is_chosen: false };
        Rung { choice, mutual_information: 0.0, differences: Differences::default(), distance }
    }

    #[test]
    fn the_least_budget_within_the_noise_is_recommended() {
        let rungs = [rung(1.0, 0.9), rung(1.2, 0.21), rung(1.8, 0.25), rung(30.0, 0.2)];
        let found = |most, noise| {
            let found = recommend(&rungs, most, noise).unwrap();
            (found.budget, found.best)
        };
        assert_eq!(found(None, 0.0), (30.0, 30.0));
        assert_eq!(found(None, 0.02), (1.2, 30.0));
        assert_eq!(found(Some(2.0), 0.0), (1.2, 1.2));
        assert_eq!(found(Some(1.1), 0.0), (1.0, 1.0));
        assert_eq!(found(None, 1.0), (1.0, 30.0));
        assert!(recommend(&rungs[..1], None, 1.0).is_none());
    }
}
