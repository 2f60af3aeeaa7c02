//! Data that a network is trained on: all of it in memory, as the network reads it.

use pfp_compiler::{array::Numbers, error::Error, signature::Signature};
use pfp_evaluate::{
    data::{self, Preparation},
    eval::{DataSet, Role, Spec},
};
use sha2::{Digest, Sha256};

use crate::{inputs::Inputs, settings::Loss};

/// What an item has several labels for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SeveralLabels {
    /// They share one item, whose target is their mean.
    #[default]
    Mean,
    /// Each is an item of its own.
    Each,
}

impl SeveralLabels {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Mean, Self::Each];

    /// Its name on the command line, and what it does.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Mean => ("mean", "one item, whose target is the mean of its labels"),
            Self::Each => ("each", "an item for each label, as Dirty-MNIST counts them"),
        }
    }
}

/// What the outputs of a network should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Logits of so many classes.
    Classes(usize),
    /// The logit of class 1 of two.
    Binary,
    /// So many numbers.
    Numbers(usize),
}

/// How data sets are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What is done to the numbers of sets that say nothing else.
    pub preparation: &'a Preparation,
    /// What the network takes.
    pub signature: &'a Signature,
    /// What its outputs should be.
    pub target: Target,
    /// What several labels of an item are.
    pub labels: SeveralLabels,
}

/// Items with their targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// What the outputs should be.
    pub target: Target,
    inputs: Inputs,
    targets: Vec<f32>,
    /// The row of the inputs that an item has.
    rows: Vec<u32>,
    length: usize,
    /// What a user should know.
    pub notes: Vec<String>,
}

impl Target {
    /// That of a network whose outputs of an item have this shape.
    ///
    /// # Errors
    ///
    /// Where the loss has none for them.
    pub fn of(loss: Loss, shape: &[usize]) -> Result<Self, Error> {
        let outputs = shape.iter().product();
        match (loss, shape) {
            (Loss::CrossEntropy { .. }, &[classes]) if classes > 1 => Ok(Self::Classes(classes)),
            (Loss::CrossEntropy { .. }, _) if outputs == 1 => Err(Error::request(
                "--loss cross-entropy takes logits of 2 or more classes, the network has one output",
            )
            .with_help("of two classes it is --loss binary, of a number --loss gaussian")),
            (Loss::CrossEntropy { .. }, _) => Err(Error::request(format!(
                "--loss cross-entropy takes a row of logits for each item, the network gives the shape \
                 {shape:?}"
            ))
            .with_help("train a function that returns one logit for each class; of numbers it is --loss gaussian")),
            (Loss::Binary { .. }, _) if outputs == 1 => Ok(Self::Binary),
            (Loss::Binary { .. }, _) => Err(Error::request(format!(
                "--loss binary takes a network of one logit, this one has {outputs} outputs"
            ))
            .with_help("of several classes it is --loss cross-entropy")),
            (Loss::Gaussian { .. }, _) => Ok(Self::Numbers(outputs)),
        }
    }

    /// Numbers of the target of an item.
    pub fn width(self) -> usize {
        match self {
            Self::Classes(width) | Self::Numbers(width) => width,
            Self::Binary => 1,
        }
    }

    /// How near the means of the outputs of an item are: 1 or 0 for a right or a wrong answer, or the
    /// mean squared error.
    pub fn score(self, outputs: &[f32], target: &[f32]) -> f64 {
        let right = |is_right: bool| f64::from(u8::from(is_right));
        match self {
            Self::Classes(_) => right(largest(outputs) == largest(target)),
            Self::Binary => right((outputs[0] > 0.0) == (target[0] > 0.5)),
            Self::Numbers(width) => {
                let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
                outputs.iter().zip(target).map(square).sum::<f64>() / width as f64
            }
        }
    }

    /// Is the score one of answers, and not of errors?
    pub fn has_answers(self) -> bool {
        !matches!(self, Self::Numbers(_))
    }
}

/// The first of the largest numbers.
fn largest(numbers: &[f32]) -> usize {
    let larger = |best: usize, (index, number): (usize, &f32)| {
        if *number > numbers[best] { index } else { best }
    };
    numbers.iter().enumerate().fold(0, larger)
}

impl Data {
    /// Items from memory, one target for each.
    ///
    /// # Errors
    ///
    /// Where there is none, or they do not fit.
    pub fn new(target: Target, inputs: Vec<f32>, targets: Vec<f32>) -> Result<Self, Error> {
        let items = targets.len() / target.width().max(1);
        if items == 0 || inputs.is_empty() {
            return Err(Error::request("there are no items to train on"));
        }
        if !inputs.len().is_multiple_of(items) || items * target.width() != targets.len() {
            return Err(Error::request(format!(
                "{} numbers and {} targets are not those of whole items",
                inputs.len(),
                targets.len()
            )));
        }
        let length = inputs.len() / items;
        let rows = (0..).take(items).collect();
        let mut all = Inputs::default();
        all.extend(&inputs);
        let data = Self { target, inputs: all, targets, rows, length, notes: Vec::new() };
        data.check("the data")?;
        Ok(data)
    }

    /// Reads data sets and joins them.
    ///
    /// # Errors
    ///
    /// Where one cannot be read, does not fit the network, or has no targets.
    pub fn open(specs: &[Spec], reading: Reading) -> Result<Self, Error> {
        let mut joined: Option<Self> = None;
        for spec in specs {
            let set = Self::read(spec, reading)?;
            joined = Some(match joined {
                None => set,
                Some(joined) => joined.join(set),
            });
        }
        joined.ok_or_else(|| Error::request("there are no items to train on"))
    }

    fn read(spec: &Spec, reading: Reading) -> Result<Self, Error> {
        let Reading { preparation, signature, target, labels } = reading;
        let given = match (&spec.labels, target) {
            (Some(source), Target::Binary) => {
                Some(data::read(source)?).filter(is_fraction).map(|numbers| (source, numbers))
            }
            (Some(source), Target::Numbers(_)) => Some((source, data::read(source)?)),
            (None, Target::Numbers(_)) => {
                return Err(Error::request(format!("there are no targets for {}", spec.path))
                    .with_help(format!("name the file that has them: {}@labels=FILE", spec.path)));
            }
            _ => None,
        };
        let (set, targets) = match (given, target) {
            (Some((source, numbers)), target) => {
                let (inputs, role) = (Spec { labels: None, ..spec.clone() }, Role::OutOfDomain);
                let width = target.width();
                let set = DataSet::open(&inputs, role, preparation, signature, width)?;
                let targets = targets_of(&numbers, source, (set.len(), target))?;
                (set, targets)
            }
            (None, Target::Classes(classes)) => {
                let set = with_labels(spec, preparation, signature, classes)?;
                let targets = shares(&set, classes, labels);
                (set, targets)
            }
            (None, _) => {
                let set = with_labels(spec, preparation, signature, 2)?;
                let targets = shares(&set, 2, labels);
                // The share of class 1.
                (set, targets.chunks_exact(2).map(|shares| shares[1]).collect())
            }
        };
        let mut inputs = Inputs::default();
        for start in (0..set.len()).step_by(READ_ITEMS) {
            let numbers = set.prepared(start..(start + READ_ITEMS).min(set.len()))?;
            if start == 0 {
                inputs.reserve(numbers.len() / set.len().min(READ_ITEMS) * set.len());
            }
            inputs.extend(&numbers);
        }
        let items = targets.len() / target.width();
        let times = (items / set.len()).max(1);
        let rows = (0..).take(set.len());
        let data = Self {
            length: inputs.len() / set.len(),
            rows: rows.flat_map(|row| std::iter::repeat_n(row, times)).collect(),
            target,
            inputs,
            targets,
            notes: set.set.notes.clone(),
        };
        data.check(&set.set.source)?;
        Ok(data)
    }

    fn join(mut self, other: Self) -> Self {
        let first = u32::try_from(self.inputs.len() / self.length).unwrap_or(u32::MAX);
        self.rows.extend(other.rows.iter().map(|row| row + first));
        self.inputs.append(&other.inputs);
        self.targets.extend(other.targets);
        self.notes.extend(other.notes);
        self
    }

    fn check(&self, source: &str) -> Result<(), Error> {
        if u32::try_from(self.rows.len()).is_err() {
            return Err(Error::request(format!("{source} has too many items: at most 2^32 - 1")));
        }
        let check = |what: &str, numbers: &mut dyn Iterator<Item = f32>, length: usize| {
            let bad = numbers.enumerate().find(|(_, number)| !number.is_finite());
            bad.map_or(Ok(()), |(index, number)| {
                Err(Error::request(format!(
                    "{source} has the {what} {number} in item {}; it must be finite",
                    index / length.max(1)
                )))
            })
        };
        check("number", &mut self.inputs.iter(), self.length)?;
        check("target", &mut self.targets.iter().copied(), self.target.width())
    }

    /// How many items there are; at least one.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: data without items cannot be made.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers of an item.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The numbers of an item.
    pub fn input(&self, item: usize) -> Vec<f32> {
        let mut input = vec![0.0; self.length];
        self.read_input(item, &mut input);
        input
    }

    /// Reads the numbers of an item into `out`, which has room for them.
    pub fn read_input(&self, item: usize, out: &mut [f32]) {
        self.inputs.read(self.rows[item] as usize * self.length, out);
    }

    /// The target of an item.
    pub fn target(&self, item: usize) -> &[f32] {
        let width = self.target.width();
        &self.targets[item * width..(item + 1) * width]
    }

    /// SHA-256 of items and targets.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let mut bytes = Vec::new();
        let mut take = |numbers: &[f32]| {
            bytes.clear();
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            hash.update(&bytes);
        };
        self.inputs.blocks(&mut take);
        self.targets.chunks(1 << 14).for_each(take);
        self.rows.iter().for_each(|row| hash.update(row.to_le_bytes()));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Has an array of one number for each item some between 0 and 1?
fn is_fraction(numbers: &Numbers) -> bool {
    let is_column = numbers.shape().iter().skip(1).product::<usize>() == 1;
    is_column && numbers.all().any(|number| number > 0.0 && number < 1.0)
}

/// The targets of a regression, or shares of class 1 of two.
fn targets_of(
    numbers: &Numbers,
    source: &str,
    (items, target): (usize, Target),
) -> Result<Vec<f32>, Error> {
    let width = target.width();
    if numbers.len() != items * width || numbers.shape().first().is_some_and(|n| *n != items) {
        return Err(Error::request(format!(
            "{source} has targets of shape {:?}, but there are {items} item(s) of {width} output(s)",
            numbers.shape()
        ))
        .with_help("targets are an array of items x outputs"));
    }
    let is_usable = |number: &f64| match target {
        Target::Binary => (0.0..=1.0).contains(number),
        _ => (*number as f32).is_finite(),
    };
    if let Some(index) = numbers.all().position(|number| !is_usable(&number)) {
        let must = match target {
            Target::Binary => "shares of class 1 are from 0 to 1",
            _ => "it must be finite in float32",
        };
        return Err(Error::request(format!(
            "{source} has the target {} in item {}; {must}",
            numbers.text(index),
            index / width.max(1)
        )));
    }
    Ok(numbers.all().map(|number| number as f32).collect())
}

/// A set with labels, or with shares of classes.
fn with_labels(
    spec: &Spec,
    preparation: &Preparation,
    signature: &Signature,
    classes: usize,
) -> Result<DataSet, Error> {
    if let Some(source) = &spec.labels {
        check_rows(&data::read(source)?, source, classes)?;
    }
    DataSet::with_soft_labels(spec, preparation, signature, classes)
}

/// Rows of a number for each class, with some between 0 and 1, are shares: they add up to 1.
fn check_rows(numbers: &Numbers, source: &str, classes: usize) -> Result<(), Error> {
    let is_row = matches!(numbers.shape(), [_, width] if *width == classes && classes > 1);
    let is_share = |number: f64| (0.0..=1.0).contains(&number);
    let is_whole = |number: f64| number.fract() == 0.0;
    if !is_row || numbers.all().all(is_whole) || !numbers.all().all(is_share) {
        return Ok(());
    }
    let sum = |row: usize| numbers.values(row * classes..(row + 1) * classes).sum::<f64>();
    let rows = numbers.len() / classes;
    match (0..rows).find(|&row| (sum(row) - 1.0).abs() >= SUM_TOLERANCE) {
        Some(row) => Err(Error::request(format!(
            "{source} has shares of {classes} classes in item {row} that add up to {}, not to 1",
            sum(row)
        ))
        .with_help("divide each row by its sum")),
        None => Ok(()),
    }
}

/// Items that are read at a time.
const READ_ITEMS: usize = 1024;

/// How far the shares of an item may be from 1 in sum, as they are when labels are read.
const SUM_TOLERANCE: f64 = 1e-2;

/// The share of each class, of all items.
fn shares(set: &DataSet, classes: usize, labels: SeveralLabels) -> Vec<f32> {
    if !set.shares.is_empty() {
        return set.shares.clone();
    }
    let row = |labels: &[usize]| {
        let mut row = vec![0.0; classes];
        labels.iter().for_each(|&label| row[label] += 1.0 / labels.len() as f32);
        row
    };
    let of_item = |item: usize| match labels {
        SeveralLabels::Mean => row(set.labels(item)),
        SeveralLabels::Each => set.labels(item).iter().flat_map(|&label| row(&[label])).collect(),
    };
    (0..set.len()).flat_map(of_item).collect()
}
