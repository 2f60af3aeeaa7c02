//! Training: steps over shuffled batches, epoch by epoch.

use std::time::{Duration, Instant};

use pfp_compiler::error::Error;
use pfp_evaluate::watch::Watch;
use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};

use crate::{
    checkpoint::{self, Checkpoints, Identity, Origin},
    data::{Data, Target},
    divergence::divergence,
    gradient::{Gradient, Outcome, Parameter, Values, sizes},
    layout::{Place, places},
    objective::{Estimate, Shard, Wanted},
    random::{Purpose, order, stream},
    schedule::{Clock, ramp},
    settings::{Collect, Objective, Settings},
    state::{Best, Collected, Record, State, Totals, Validation},
    update::{Step, Updates},
};

/// After so many steps a parameter that no gradient has reached is told.
const STEPS_TO_REACH: u64 = 20;

/// A run.
pub struct Run<'a> {
    /// The gradient that the objective takes.
    pub gradient: &'a dyn Gradient,
    /// The parameters of the network.
    pub parameters: &'a [Parameter],
    /// What the network was read from.
    pub origin: &'a Origin,
    /// What it is trained on.
    pub data: &'a Data,
    /// What it is judged by.
    pub validation: Option<&'a Data>,
    /// What it is asked to do.
    pub settings: &'a Settings,
    /// Where its checkpoints go.
    pub checkpoints: Option<&'a Checkpoints>,
    /// Threads that shards are run by. The numbers do not depend on them.
    pub threads: usize,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The posterior: the last one, the best one where a run has patience, or what was collected.
    pub values: Values,
    /// The epoch that it is of, counted from 1.
    pub epoch: u64,
    /// Did the run end before its last epoch?
    pub stopped: bool,
    /// All epochs.
    pub history: Vec<Record>,
}

/// Is told of every epoch that is over.
pub type OnEpoch<'a> = &'a mut dyn FnMut(&Record);

impl Run<'_> {
    /// What a checkpoint of the run is known by.
    pub fn identity(&self) -> Identity {
        Identity {
            settings: self.settings.clone(),
            origin: self.origin.clone(),
            parameters: self.parameters.to_vec(),
            data_sha256: self.data.sha256(),
            validation_sha256: self.validation.map(Data::sha256),
        }
    }

    /// Trains from a state on, to the end of the last epoch or of the patience.
    ///
    /// # Errors
    ///
    /// Where the settings do not fit the network or the data, a call fails, a loss is no number, or a
    /// checkpoint cannot be written.
    pub fn fit(&self, state: State, watch: &dyn Watch, on_epoch: OnEpoch) -> Result<Fitted, Error> {
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).build();
        let pool =
            pool.map_err(|error| Error::request(format!("threads cannot be started: {error}")))?;
        Work::new(self, state, pool)?.run(watch, on_epoch)
    }
}

/// A run while it runs.
struct Work<'a> {
    run: &'a Run<'a>,
    state: State,
    places: Vec<Place>,
    estimate: Estimate<'a>,
    updates: Updates,
    shards: Vec<Shard>,
    outcomes: Vec<Outcome>,
    order: Vec<u32>,
    clock: Clock,
    identity: Option<Identity>,
    /// When the last checkpoint was written.
    saved: Option<Instant>,
    /// Has a gradient been other than 0, for each parameter?
    reached: Vec<bool>,
    first_step: u64,
    pool: ThreadPool,
}

impl<'a> Work<'a> {
    fn new(run: &'a Run<'a>, state: State, pool: ThreadPool) -> Result<Self, Error> {
        let Run { gradient, parameters, data, settings, .. } = *run;
        let places = places(parameters, settings)?;
        let steps = data.len().div_ceil(settings.batch.max(1)) as u64;
        check(run, &state, &places, steps)?;
        let estimate = Estimate::new(gradient, settings.objective, parameters, &places)?;
        let shard = estimate.shard(data, parameters);
        let outcome = estimate.outcome(parameters);
        Ok(Self {
            updates: Updates::new(places.clone(), settings.optimiser),
            shards: vec![shard; settings.shards],
            outcomes: vec![outcome; settings.shards],
            order: vec![0; data.len()],
            clock: Clock { steps_per_epoch: steps, epochs: settings.epochs.max(1) },
            identity: run.checkpoints.map(|_| run.identity()),
            saved: None,
            reached: vec![false; parameters.len()],
            first_step: state.step,
            run,
            state,
            places,
            estimate,
            pool,
        })
    }

    fn run(mut self, watch: &dyn Watch, on_epoch: OnEpoch) -> Result<Fitted, Error> {
        let settings = self.run.settings;
        self.tell_kept(watch);
        let mut stopped = self.is_out_of_patience();
        while self.state.epoch < settings.epochs && !stopped {
            let record = self.epoch(watch)?;
            on_epoch(&record);
            self.state.history.push(record);
            stopped = self.is_out_of_patience();
            let is_last = stopped || self.state.epoch >= settings.epochs;
            let pause = self.run.checkpoints.map_or(Duration::ZERO, |own| own.pause);
            if is_last || self.saved.is_none_or(|saved| saved.elapsed() >= pause) {
                self.save()?;
            }
        }
        self.tell_unreached(watch)?;
        let State { values, best, collected, history, epoch, .. } = self.state;
        let (values, epoch) = match (best, collected, settings.collect) {
            (Some(best), _, _) => (best.values, best.epoch),
            (None, Some(collected), Some(collect)) => {
                (swag(values, &collected, collect, &self.places)?, epoch)
            }
            (None, None, Some(collect)) => return Err(too_few(0, collect)),
            _ => (values, epoch),
        };
        if let Some(fault) = values.fault(self.run.parameters) {
            return Err(Error::request(format!("no posterior is written: {fault}"))
                .with_help("lower --learning-rate, or --swag-scale"));
        }
        Ok(Fitted { values, epoch, stopped, history })
    }

    fn epoch(&mut self, watch: &dyn Watch) -> Result<Record, Error> {
        let settings = self.run.settings;
        let start = Instant::now();
        let number = self.state.epoch + 1;
        order(settings.seed, self.state.epoch, &mut self.order);
        let what = format!("epoch {number} of {}", settings.epochs);
        let steps = self.clock.steps_per_epoch;
        let progress = watch.count(&what, (steps - self.state.step_of_epoch) as usize);
        while self.state.step_of_epoch < steps {
            self.step()?;
            progress(1);
            if self.state.step - self.first_step == STEPS_TO_REACH {
                self.tell_unreached(watch)?;
            }
            let every = self.run.checkpoints.and_then(|checkpoints| checkpoints.every);
            if every.is_some_and(|every| self.state.step.is_multiple_of(every.max(1)))
                && self.state.step_of_epoch < steps
            {
                self.check_values()?;
                self.save()?;
            }
        }
        self.check_values()?;
        let validation = self.run.validation.map(|data| self.validate(data)).transpose()?;
        let Totals { items, loss, score, norm } = self.state.totals;
        let (accuracy, rmse) = shown_score(self.run.data.target, score / items);
        let step = self.state.step.saturating_sub(1);
        let record = Record {
            epoch: number,
            steps: self.state.step,
            loss: loss / items,
            accuracy,
            rmse,
            kl: (settings.objective != Objective::Means).then(|| self.divergence()),
            beta: settings.beta * ramp(step + 1, settings.kl_warm_up, self.clock),
            learning_rate: self.rate(step),
            gradient_norm: norm / steps as f64,
            validation,
            seconds: start.elapsed().as_secs_f64(),
        };
        self.state.epoch = number;
        self.state.step_of_epoch = 0;
        self.state.totals = Totals::default();
        if let (Some(validation), Some(_)) = (validation, settings.patience) {
            self.judge(validation, number);
        }
        Ok(record)
    }

    /// Keeps the values of the epoch where they are the best so far. What the warm-up of the divergence
    /// has not let be a posterior yet is not among them.
    fn judge(&mut self, validation: Validation, epoch: u64) {
        let is_warm = ramp(self.state.step, self.run.settings.kl_warm_up, self.clock) >= 1.0;
        let is_better = self.state.best.as_ref().is_none_or(|best| validation.loss < best.loss);
        if is_warm && is_better {
            let values = self.state.values.clone();
            self.state.best = Some(Best { loss: validation.loss, epoch, values });
        }
    }

    fn is_out_of_patience(&self) -> bool {
        match (&self.state.best, self.run.settings.patience) {
            (Some(best), Some(patience)) => self.state.epoch - best.epoch >= patience.max(1),
            _ => false,
        }
    }

    fn step(&mut self) -> Result<(), Error> {
        let Run { data, settings, .. } = *self.run;
        let batch = settings.batch;
        let start = self.state.step_of_epoch as usize * batch;
        let batch = &self.order[start..(start + batch).min(data.len())];
        let (values, step, count) = (&self.state.values, self.state.step, batch.len());
        let (estimate, items) = (&self.estimate, self.estimate.items());
        let shards = self.shards.par_iter_mut().zip(&mut self.outcomes).enumerate();
        self.pool.install(|| {
            shards.with_max_len(1).try_for_each(|(number, (shard, outcome))| {
                let part = part(count, number, items);
                shard.fill(data, batch[part].iter().map(|&item| item as usize));
                let mut random = stream(settings.seed, Purpose::Step, step, number as u64);
                estimate.call(values, shard, &mut random, Wanted::Gradient, outcome)
            })
        })?;
        let sum = sum(data.target, &self.shards, &self.outcomes);
        if !sum.loss.is_finite() {
            return Err(self.diverged(&format!("the loss is {}", sum.loss), step + 1));
        }
        if step - self.first_step < STEPS_TO_REACH {
            self.mark_reached();
        }
        let rate = self.rate(step);
        let beta = settings.beta * ramp(step + 1, settings.kl_warm_up, self.clock);
        let next = Step {
            scale: 1.0 / count as f64,
            divergence: beta / data.len() as f64,
            rate,
            deviation_rate: rate * settings.deviation_rate,
            clip: settings.clip,
            number: step + 1,
        };
        let (updates, outcomes, state) = (&mut self.updates, &mut self.outcomes, &mut self.state);
        let norm = self.pool.install(|| updates.step(state, outcomes, &next));
        if !norm.is_finite() {
            return Err(self.diverged("the gradient is not finite", step + 1));
        }
        let totals = &mut self.state.totals;
        totals.items += sum.items;
        totals.loss += sum.loss;
        totals.score += sum.score;
        totals.norm += norm;
        self.state.step += 1;
        self.state.step_of_epoch += 1;
        if let Some(collect) = settings.collect {
            let waits = collect.after.saturating_mul(self.clock.steps_per_epoch);
            let since = self.state.step.saturating_sub(waits);
            if since > 0 && since.is_multiple_of(collect.every.max(1)) {
                let collected = self.state.collected.get_or_insert_default();
                collected.add(&self.state.values.mean);
            }
        }
        Ok(())
    }

    fn rate(&self, step: u64) -> f64 {
        let settings = self.run.settings;
        settings.learning_rate * settings.schedule.share(step, settings.warm_up, self.clock)
    }

    /// An error of a step, counted from 1.
    fn diverged(&self, what: &str, step: u64) -> Error {
        let advice = "lower --learning-rate, shorten gradients with --clip 1, or begin with \
                      --learning-rate-warm-up; look at the scale of the data, too";
        let kept = self.run.checkpoints.filter(|_| self.saved.is_some());
        let advice = match kept.map(|kept| kept.path.display()) {
            Some(path) => format!(
                "{advice}. {path} has the last numbers that were good: --init {path} starts from them, with \
                 another --checkpoint"
            ),
            None => advice.to_owned(),
        };
        Error::request(format!(
            "{what} in epoch {}, step {step}, at a learning rate of {}",
            self.state.epoch + 1,
            self.rate(step.saturating_sub(1))
        ))
        .with_help(advice)
    }

    /// Values that are no numbers are neither kept nor judged.
    fn check_values(&self) -> Result<(), Error> {
        let step = self.state.step;
        match self.state.values.fault(self.run.parameters) {
            Some(fault) => Err(self.diverged(&fault, step)),
            None if self.state.is_sound() => Ok(()),
            None => Err(self.diverged("what the optimiser remembers is not finite", step)),
        }
    }

    /// Says which parameters SWAG has no variances of.
    fn tell_kept(&self, watch: &dyn Watch) {
        let all = self.run.parameters.iter().zip(&self.places);
        let kept = all.filter(|(parameter, place)| parameter.gaussian && !place.trains_means);
        let names: Vec<_> = kept.map(|(parameter, _)| format!("'{}'", parameter.name)).collect();
        if self.run.settings.collect.is_some() && !names.is_empty() {
            watch.note(&format!(
                "{} is frozen: mean and variance stay as they start",
                names.join(", ")
            ));
        }
    }

    /// Marks the parameters that a gradient of this step has reached.
    fn mark_reached(&mut self) {
        for (place, reached) in self.places.iter().zip(&mut self.reached) {
            let mut arrays = self.outcomes.iter().flat_map(|outcome| {
                let variance = place.variance.clone().map(|range| &outcome.variance[range]);
                [Some(&outcome.mean[place.mean.clone()]), variance].into_iter().flatten()
            });
            *reached = *reached || arrays.any(|array| array.iter().any(|x| *x != 0.0));
        }
    }

    /// Tells which of the parameters that are trained no gradient has reached so far.
    fn tell_unreached(&mut self, watch: &dyn Watch) -> Result<(), Error> {
        let steps = (self.state.step - self.first_step).min(STEPS_TO_REACH);
        let all = self.run.parameters.iter().zip(&self.places).zip(&mut self.reached);
        let trained = all.filter(|((_, p), _)| p.trains_means || p.trains_variances);
        let (mut names, mut count) = (Vec::new(), 0);
        for ((parameter, _), reached) in trained {
            count += 1;
            if !std::mem::replace(reached, true) {
                names.push(format!("'{}'", parameter.name));
            }
        }
        if names.is_empty() || steps == 0 {
            return Ok(());
        }
        let message = format!(
            "the gradient along {} was 0 in each of the first {steps} step(s)",
            names.join(", ")
        );
        if names.len() == count {
            return Err(Error::request(message).with_help(
                "nothing can be learned: do the outputs depend on the parameters, and are not all \
                 activations 0?",
            ));
        }
        watch.remark(&format!(
            "WARNING: {message}: does the output depend on it? Only its prior moves it; --freeze \
             keeps it as it is"
        ));
        Ok(())
    }

    /// The mean loss and score of all items, with the same draws in every epoch.
    fn validate(&mut self, data: &Data) -> Result<Validation, Error> {
        let settings = self.run.settings;
        let items = self.estimate.items();
        let (values, estimate) = (&self.state.values, &self.estimate);
        let mut totals = Totals::default();
        let batch = items * self.shards.len();
        for start in (0..data.len()).step_by(batch) {
            let count = batch.min(data.len() - start);
            let shards = self.shards.par_iter_mut().zip(&mut self.outcomes).enumerate();
            self.pool.install(|| {
                shards.with_max_len(1).try_for_each(|(number, (shard, outcome))| {
                    let part = part(count, number, items);
                    let minor = number as u64;
                    let mut random =
                        stream(settings.seed, Purpose::Validation, start as u64, minor);
                    shard.fill(data, part.start + start..part.end + start);
                    estimate.call(values, shard, &mut random, Wanted::Loss, outcome)
                })
            })?;
            let sum = sum(data.target, &self.shards, &self.outcomes);
            totals.items += sum.items;
            totals.loss += sum.loss;
            totals.score += sum.score;
        }
        let loss = totals.loss / totals.items;
        if !loss.is_finite() {
            let what = format!("the loss of the validation is {loss}");
            return Err(self.diverged(&what, self.state.step));
        }
        let (accuracy, rmse) = shown_score(data.target, totals.score / totals.items);
        Ok(Validation { loss, accuracy, rmse })
    }

    /// The divergence of the whole posterior from its prior.
    fn divergence(&self) -> f64 {
        let values = &self.state.values;
        let of_place = |place: &Place| {
            let variance = place.variance.clone()?;
            let mean = &values.mean[place.mean.clone()];
            Some(divergence(mean, &values.variance[variance], place.precision))
        };
        self.places.iter().filter_map(of_place).sum()
    }

    fn save(&mut self) -> Result<(), Error> {
        if let (Some(checkpoints), Some(identity)) = (self.run.checkpoints, &self.identity) {
            checkpoint::write(&checkpoints.path, &self.state, identity)?;
            self.saved = Some(Instant::now());
        }
        Ok(())
    }
}

/// What cannot be trained, in epochs of so many steps.
fn check(run: &Run, state: &State, places: &[Place], steps: u64) -> Result<(), Error> {
    let Run { gradient, parameters, data, validation, settings, .. } = *run;
    settings.check(validation.is_some())?;
    if gradient.items() != settings.items_per_call() {
        return Err(Error::Internal(format!(
            "a call of the gradient takes {} items, not {}",
            gradient.items(),
            settings.items_per_call()
        )));
    }
    for data in [Some(data), validation].into_iter().flatten() {
        if data.length() != gradient.inputs() {
            return Err(Error::request(format!(
                "an item of the data has {} numbers, the network takes {}",
                data.length(),
                gradient.inputs()
            )));
        }
        if data.target.width() != gradient.outputs() {
            return Err(Error::request(format!(
                "a target of the data has {} numbers, the network gives {}",
                data.target.width(),
                gradient.outputs()
            )));
        }
    }
    if let Some(collect) = settings.collect {
        let all = settings.epochs.saturating_mul(steps);
        let waits = collect.after.saturating_mul(steps);
        let count = all.saturating_sub(waits) / collect.every.max(1);
        if count < 2 {
            return Err(too_few(count, collect));
        }
    }
    check_progress(state, settings, steps)?;
    let lengths = (state.values.mean.len(), state.values.variance.len());
    if lengths != sizes(parameters) {
        return Err(Error::request("the values to start from are those of another network"));
    }
    for (parameter, place) in parameters.iter().zip(places) {
        let trained = place.variance.clone().filter(|_| place.trains_variances);
        let logs = trained.map_or(&[][..], |range| &state.log_deviation[range]);
        if logs.contains(&f32::NEG_INFINITY) {
            return Err(Error::request(format!(
                "'{}' starts with a variance of 0, whose logarithm no step can change",
                parameter.name
            ))
            .with_help("start from its means only, or keep it with --freeze"));
        }
    }
    Ok(())
}

/// A state is one of this run, and not beyond its end.
fn check_progress(state: &State, settings: &Settings, steps: u64) -> Result<(), Error> {
    let State { epoch, step, step_of_epoch, .. } = *state;
    let done = epoch.checked_mul(steps).and_then(|before| before.checked_add(step_of_epoch));
    if done != Some(step) || step_of_epoch >= steps {
        return Err(Error::request(format!(
            "the checkpoint is of no step of this run: {epoch} epoch(s) of {steps} step(s) and \
             {step_of_epoch} more are not {step}"
        ))
        .with_help("it is damaged; start a new run without --resume"));
    }
    let begun = epoch + u64::from(step_of_epoch > 0);
    if begun > settings.epochs {
        return Err(Error::request(format!(
            "the checkpoint is of epoch {begun}, --epochs is {}",
            settings.epochs
        ))
        .with_help(format!("a run that goes on has as many epochs or more: --epochs {begun}")));
    }
    Ok(())
}

/// The items of a shard among those of a batch.
fn part(batch: usize, shard: usize, items: usize) -> std::ops::Range<usize> {
    (shard * items).min(batch)..((shard + 1) * items).min(batch)
}

/// Sums over the items of a step, in their order.
fn sum(target: Target, shards: &[Shard], outcomes: &[Outcome]) -> Totals {
    let mut totals = Totals::default();
    let width = target.width();
    for (shard, outcome) in shards.iter().zip(outcomes) {
        for place in 0..shard.items {
            let outputs = &outcome.outputs[place * width..(place + 1) * width];
            totals.items += 1.0;
            totals.loss += f64::from(outcome.losses[place]);
            totals.score += target.score(outputs, shard.target(place, width));
        }
    }
    totals
}

/// A mean score as accuracy, or as the root of the mean squared error.
fn shown_score(target: Target, score: f64) -> (Option<f64>, Option<f64>) {
    if target.has_answers() { (Some(score), None) } else { (None, Some(score.sqrt())) }
}

/// The posterior of SWAG with a diagonal covariance (Maddox et al., 2019): the mean of the collected
/// means, and as variance `scale` times theirs.
fn swag(
    values: Values,
    collected: &Collected,
    collect: Collect,
    places: &[Place],
) -> Result<Values, Error> {
    if collected.count < 2 {
        return Err(too_few(collected.count, collect));
    }
    let Values { mut mean, mut variance } = values;
    for place in places.iter().filter(|place| place.trains_means) {
        for index in place.mean.clone() {
            mean[index] = collected.mean[index] as f32;
        }
        let Some(range) = &place.variance else { continue };
        let squares = &collected.squares[place.mean.clone()];
        for (variance, squares) in variance[range.clone()].iter_mut().zip(squares) {
            *variance = (collect.scale * squares / collected.count as f64) as f32;
        }
    }
    Ok(Values { mean, variance })
}

fn too_few(count: u64, collect: Collect) -> Error {
    Error::request(format!(
        "{count} sample(s) of the weights would be collected, a variance takes 2 at least"
    ))
    .with_help(format!(
        "train for more --epochs, or collect more often than every {} steps after {} epoch(s)",
        collect.every, collect.after
    ))
}
