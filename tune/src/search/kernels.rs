//! The candidates of all kernels, and what is known of them.

use std::collections::HashMap;

use gauss_lowering::kernel::{
    given::ScheduleFile,
    plan::{By, Candidate, KernelSchedule},
    schedule::Schedule,
    shape::Shape,
};
use pfp_compiler::error::Error;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::{KernelReport, Settings, trial::Trials};
use crate::{
    correction::{Correction, Sample},
    journal::Entry,
    measure::Window,
    ratio::Ratio,
};

/// Of so many candidates of a kernel, one is chosen by chance: what is never tried teaches nothing.
const BY_CHANCE: u32 = 5;

/// Kernels below so much of a call do not decide how many windows are timed.
const SMALL: f64 = 0.005;

/// The kernels of a function, by shape.
pub struct Kernels {
    /// All kernels, in the order of a call.
    list: Vec<KernelSchedule>,
    shapes: Vec<OfShape>,
    samples: Vec<Sample>,
    random: ChaCha8Rng,
    failed: usize,
    failure: Option<String>,
}

/// The kernels of one shape.
struct OfShape {
    shape: Shape,
    /// Their numbers.
    numbers: Vec<usize>,
    candidates: Vec<Candidate>,
    /// For each candidate: was it tried?
    is_tried: Vec<bool>,
    measured: usize,
    /// Microseconds of all of them in a call, with the model's choice.
    of_model: f64,
    /// The least ratio of all that were measured.
    least: f64,
    /// The best that is certainly better than the model's choice.
    best: Option<(Schedule, f64)>,
}

/// A candidate that a compilation holds for a kernel.
#[derive(Clone, Copy)]
struct Pick {
    kernel: usize,
    shape: usize,
    candidate: usize,
}

impl Kernels {
    /// Of the kernels of a function, with what is known of an earlier run.
    pub fn new(mut list: Vec<KernelSchedule>, known: &[Entry], settings: &Settings) -> Self {
        let mut shapes: Vec<OfShape> = Vec::new();
        for (number, kernel) in list.iter_mut().enumerate() {
            let candidates = std::mem::take(&mut kernel.candidates);
            let Some(shape) = kernel.shape.take() else { continue };
            match shapes.iter_mut().find(|known| known.shape == shape) {
                Some(known) => known.numbers.push(number),
                None => {
                    let own = kernel.schedule.key();
                    let mut candidates = candidates;
                    candidates.retain(|candidate| candidate.schedule.key() != own);
                    shapes.push(OfShape {
                        shape,
                        numbers: vec![number],
                        is_tried: vec![false; candidates.len()],
                        candidates,
                        measured: 0,
                        of_model: 0.0,
                        least: 1.0,
                        best: None,
                    });
                }
            }
        }
        let mut kernels = Self {
            list,
            shapes,
            samples: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(settings.seed),
            failed: 0,
            failure: None,
        };
        kernels.remember(known);
        kernels
    }

    /// Takes what a journal knows.
    fn remember(&mut self, known: &[Entry]) {
        let mut places = HashMap::new();
        for (number, shape) in self.shapes.iter().enumerate() {
            for (candidate, Candidate { schedule, .. }) in shape.candidates.iter().enumerate() {
                let key = (shape.shape.digest.clone(), schedule.key());
                places.insert(key, (number, candidate));
            }
        }
        for entry in known {
            let Entry::Kernel { shape, schedule, ratio, of_model } = entry else { continue };
            if let Some(&(shape, candidate)) = places.get(&(shape.clone(), schedule.clone())) {
                self.learn(shape, candidate, *ratio, *of_model);
            }
        }
    }

    /// Takes what was measured of a candidate; `None` where it could not be.
    fn learn(&mut self, shape: usize, candidate: usize, ratio: Option<Ratio>, of_model: f64) {
        let known = &mut self.shapes[shape];
        known.is_tried[candidate] = true;
        let Some(ratio) = ratio else {
            self.failed += 1;
            return;
        };
        known.measured += 1;
        known.of_model = of_model * known.numbers.len() as f64;
        known.least = known.least.min(ratio.median);
        let chosen = &known.candidates[candidate];
        let is_best = known.best.as_ref().is_none_or(|(_, best)| ratio.median < *best);
        if ratio.is_less() && is_best {
            known.best = Some((chosen.schedule.clone(), ratio.median));
        }
        let kernel = &self.list[known.numbers[0]];
        self.samples.push(Sample::new(kernel, chosen, ratio.median));
    }

    /// Measures candidates until so much of the budget is used up, or all of them were; the expected ratio
    /// of a call by seconds since the start.
    pub fn search(
        &mut self,
        trials: &mut Trials,
        changes: &Map<String, Value>,
        share: f64,
    ) -> Result<Vec<(f64, f64)>, Error> {
        let model = ScheduleFile { core: changes.clone(), kernels: Vec::new() };
        let base = trials.compile_one(&model, true)?;
        let mut course = vec![(trials.start.elapsed().as_secs_f64(), self.ratio())];
        while !trials.is_over(share) {
            let jobs = self.pick(trials.settings.cpus.len().max(1), trials.settings.seed);
            if jobs.iter().all(Vec::is_empty) {
                break;
            }
            (trials.watch)(trials.progress("kernels", self.measured(), self.ratio()));
            let files: Vec<_> = jobs.iter().map(|picks| self.file(picks, changes)).collect();
            let mut done = Vec::new();
            for (picks, compiled) in jobs.iter().zip(trials.compile(&files, true)) {
                match compiled {
                    Ok(compiled) => done.push((picks, compiled)),
                    Err(error) => self.give_up(trials, picks, &error)?,
                }
            }
            let all: Vec<_> = [&base].into_iter().chain(done.iter().map(|(_, c)| c)).collect();
            let worth = trials.settings.worth;
            let windows = trials.time(&all, 1, |windows| {
                let total: f64 = windows[0].iter().map(|window| window.call).sum();
                (1..windows.len()).all(|job| {
                    (0..self.list.len()).all(|kernel| {
                        let own: f64 = windows[0].iter().map(|w| of_kernel(w, kernel)).sum();
                        own < SMALL * total
                            || compare(&windows[job], &windows[0], kernel).is_settled(worth)
                    })
                })
            })?;
            for ((picks, _), windows_of_job) in done.iter().zip(&windows[1..]) {
                for &Pick { kernel, shape, candidate } in *picks {
                    let ratio = compare(windows_of_job, &windows[0], kernel);
                    let mut times: Vec<_> =
                        windows[0].iter().map(|window| of_kernel(window, kernel)).collect();
                    let of_model = crate::ratio::median(&mut times);
                    let known = &self.shapes[shape];
                    trials.journal.add(&Entry::Kernel {
                        shape: known.shape.digest.clone(),
                        schedule: known.candidates[candidate].schedule.key(),
                        ratio: Some(ratio),
                        of_model,
                    })?;
                    self.learn(shape, candidate, Some(ratio), of_model);
                }
            }
            course.push((trials.start.elapsed().as_secs_f64(), self.ratio()));
        }
        Ok(course)
    }

    /// Notes candidates that cannot be compiled together.
    fn give_up(&mut self, trials: &mut Trials, picks: &[Pick], error: &Error) -> Result<(), Error> {
        self.failure.get_or_insert_with(|| error.to_string());
        for &Pick { shape, candidate, .. } in picks {
            let known = &self.shapes[shape];
            let (shape_digest, schedule) =
                (known.shape.digest.clone(), known.candidates[candidate].schedule.key());
            let entry = Entry::Kernel { shape: shape_digest, schedule, ratio: None, of_model: 0.0 };
            trials.journal.add(&entry)?;
            self.learn(shape, candidate, None, 0.0);
        }
        Ok(())
    }

    /// For each of so many compilations, a candidate for every kernel that has one left: those that are
    /// expected to be fastest, and some by chance.
    fn pick(&mut self, jobs: usize, seed: u64) -> Vec<Vec<Pick>> {
        let correction = Correction::of(&self.samples, seed);
        let mut picks = vec![Vec::new(); jobs];
        for number in 0..self.shapes.len() {
            let known = &self.shapes[number];
            let left: Vec<_> =
                (0..known.candidates.len()).filter(|&index| !known.is_tried[index]).collect();
            let candidates: Vec<_> = left.iter().map(|&index| &known.candidates[index]).collect();
            let expected = correction.predict(&self.list[known.numbers[0]], &candidates);
            let mut ranked: Vec<_> = left.into_iter().zip(expected).collect();
            ranked.sort_by(|(_, a), (_, b)| a.total_cmp(b));
            let mut ranked: Vec<_> = ranked.into_iter().map(|(index, _)| index).collect();
            let kernels = known.numbers.clone();
            for picks in &mut picks {
                for &kernel in &kernels {
                    if ranked.is_empty() {
                        break;
                    }
                    let place = match self.random.random_ratio(1, BY_CHANCE) {
                        true => self.random.random_range(0..ranked.len()),
                        false => 0,
                    };
                    let candidate = ranked.remove(place);
                    picks.push(Pick { kernel, shape: number, candidate });
                }
            }
        }
        picks
    }

    /// Schedules for a compilation: the picks, and elsewhere the model's.
    fn file(&self, picks: &[Pick], changes: &Map<String, Value>) -> ScheduleFile {
        let chosen = picks.iter().map(|pick| {
            let schedule = self.shapes[pick.shape].candidates[pick.candidate].schedule.clone();
            self.with(pick.kernel, schedule)
        });
        ScheduleFile { core: changes.clone(), kernels: chosen.collect() }
    }

    fn with(&self, kernel: usize, schedule: Schedule) -> KernelSchedule {
        KernelSchedule { schedule, by: By::Measurement, ..self.list[kernel].clone() }
    }

    /// The best of every kernel.
    pub fn schedules(&self, changes: &Map<String, Value>) -> ScheduleFile {
        let better = self.shapes.iter().filter_map(|known| Some((known, known.best.as_ref()?)));
        let kernels = better.flat_map(|(known, (schedule, _))| {
            known.numbers.iter().map(|&kernel| self.with(kernel, schedule.clone()))
        });
        ScheduleFile { core: changes.clone(), kernels: kernels.collect() }
    }

    /// Measures the best of every kernel again, and gives up what is not better: of many that were measured
    /// once, the best was lucky, too.
    pub fn verify(
        &mut self,
        trials: &mut Trials,
        changes: &Map<String, Value>,
    ) -> Result<(), Error> {
        if self.shapes.iter().all(|known| known.best.is_none()) {
            return Ok(());
        }
        let model = ScheduleFile { core: changes.clone(), kernels: Vec::new() };
        let compiled = trials.compile(&[model, self.schedules(changes)], true);
        let compiled = compiled.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let windows = trials.time(&compiled.iter().collect::<Vec<_>>(), 3, |_| false)?;
        for known in &mut self.shapes {
            let Some((_, ratio)) = &mut known.best else { continue };
            let times = |windows: &[Window]| -> Vec<f64> {
                let of_call = |window: &Window| {
                    known.numbers.iter().map(|&kernel| of_kernel(window, kernel)).sum()
                };
                windows.iter().map(of_call).collect()
            };
            let (of_model, best) = (times(&windows[0]), times(&windows[1]));
            let measured = Ratio::of(&best, &of_model);
            known.of_model = crate::ratio::median(&mut of_model.clone());
            *ratio = measured.median;
            if !measured.is_less() {
                known.best = None;
            }
        }
        Ok(())
    }

    /// The expected time of a call over that of the model's choice.
    pub fn ratio(&self) -> f64 {
        let total: f64 = self.shapes.iter().map(|known| known.of_model).sum();
        let best: f64 = self
            .shapes
            .iter()
            .map(|known| known.of_model * known.best.as_ref().map_or(1.0, |(_, ratio)| *ratio))
            .sum();
        if total > 0.0 { best / total } else { 1.0 }
    }

    /// How many candidates were measured.
    pub fn measured(&self) -> usize {
        self.shapes.iter().map(|known| known.measured).sum()
    }

    /// How many could not be, and why the first of them could not.
    pub fn failures(&self) -> (usize, Option<String>) {
        (self.failed, self.failure.clone())
    }

    /// The shapes whose best schedule is better than the model's.
    pub fn better(&self) -> Vec<(Shape, Schedule, KernelReport)> {
        let better = self.shapes.iter().filter_map(|known| {
            let (schedule, _) = known.best.as_ref()?;
            Some((known.shape.clone(), schedule.clone(), self.report(known)))
        });
        better.collect()
    }

    /// All shapes, the longest first.
    pub fn reports(&self) -> Vec<KernelReport> {
        let mut reports: Vec<_> = self.shapes.iter().map(|known| self.report(known)).collect();
        reports.sort_by(|a, b| b.of_model.total_cmp(&a.of_model));
        reports
    }

    fn report(&self, known: &OfShape) -> KernelReport {
        KernelReport {
            kernels: known.numbers.iter().map(|&n| self.list[n].kernel.clone()).collect(),
            shape: known.shape.clone(),
            of_model: known.of_model,
            ratio: known.best.as_ref().map_or(1.0, |(_, ratio)| *ratio),
            least: known.least,
            measured: known.measured,
            candidates: known.candidates.len(),
            schedule: known.best.as_ref().map(|(schedule, _)| schedule.clone()),
        }
    }
}

/// The time of a kernel in a window of calls, in microseconds.
fn of_kernel(window: &Window, kernel: usize) -> f64 {
    window.kernels.get(kernel).copied().unwrap_or(0.0)
}

/// The time of a kernel in some windows over that in others.
fn compare(windows: &[Window], others: &[Window], kernel: usize) -> Ratio {
    let times = |windows: &[Window]| -> Vec<f64> {
        windows.iter().map(|window| of_kernel(window, kernel)).collect()
    };
    Ratio::of(&times(windows), &times(others))
}
