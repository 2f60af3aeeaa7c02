//! Classify handwritten digits with two Bayesian networks that pfp compiled to object files.
//!
//! Exit code: 0 if at least nine of ten digits are classified correctly, 1 if not, 2 on an error.

mod digits;

mod models {
    include!(concat!(env!("OUT_DIR"), "/digits_mlp.rs"));
    include!(concat!(env!("OUT_DIR"), "/digits_cnn.rs"));
}

use models::{DigitsCnn, DigitsMlp};
use pfp_runtime::{Arena, Error, predictive};
use std::process::ExitCode;

const IMAGES: &[u8] = include_bytes!("../../digits/test-images.idx3-ubyte");
const LABELS: &[u8] = include_bytes!("../../digits/test-labels.idx1-ubyte");
const COUNT: usize = 20;
const CLASSES: usize = 10;
const DRAWS: u32 = 1000;

/// The models run one after the other, so they share an arena.
const ARENA_BYTES: usize = if DigitsMlp::ARENA_BYTES > DigitsCnn::ARENA_BYTES {
    DigitsMlp::ARENA_BYTES
} else {
    DigitsCnn::ARENA_BYTES
};

fn main() -> ExitCode {
    match run() {
        Ok((correct, count)) => {
            println!("digits: {correct} of {count} correct");
            ExitCode::from(u8::from(correct * 10 < count * 9))
        }
        Err(error) => {
            eprintln!("digits: {error}");
            ExitCode::from(2)
        }
    }
}

/// Classify with both models: the number of correct answers, and of all.
fn run() -> Result<(usize, usize), Box<dyn std::error::Error>> {
    let images = digits::images(IMAGES).ok_or("the test images are not 8x8 IDX images")?;
    let labels = digits::labels(LABELS).ok_or("the test labels are not IDX labels")?;
    let mut arena = Box::new(Arena::<ARENA_BYTES>::new());

    let test = || images.iter().zip(labels).take(COUNT);
    let mlp = classify("mlp", test(), |image, mean, variance| {
        DigitsMlp::run(image, mean, variance, &mut arena)
    })?;
    let cnn = classify("cnn", test(), |image, mean, variance| {
        DigitsCnn::run(image, mean, variance, &mut arena)
    })?;
    Ok((mlp + cnn, 2 * test().count()))
}

/// Print a line for each digit and count the correct ones.
fn classify<'a>(
    name: &str,
    test: impl Iterator<Item = (&'a [u8; digits::PIXELS], &'a u8)>,
    mut model: impl FnMut(
        &[f32; digits::PIXELS],
        &mut [f32; CLASSES],
        &mut [f32; CLASSES],
    ) -> Result<(), Error>,
) -> Result<usize, Error> {
    println!("{name}: uncertainties in nats");
    println!("label  class  probability  logit mean  logit sd  total  aleatoric  epistemic");
    let mut correct = 0;
    for (image, &label) in test {
        let (mut mean, mut variance) = ([0.0; CLASSES], [0.0; CLASSES]);
        model(&digits::normalise(image), &mut mean, &mut variance)?;

        let prediction = predictive::decompose(&mean, &variance, DRAWS, 0);
        let Some(class) = predictive::argmax(&prediction.probabilities) else {
            continue; // every logit is NaN: not a correct answer
        };
        let uncertainty = prediction.uncertainty;
        println!(
            "{label:>5}  {class:>5}  {:>11.3}  {:>10.2}  {:>8.2}  {:>5.3}  {:>9.3}  {:>9.3}",
            prediction.probabilities[class],
            mean[class],
            variance[class].sqrt(),
            uncertainty.total,
            uncertainty.aleatoric,
            uncertainty.epistemic,
        );
        correct += usize::from(class == usize::from(label));
    }
    Ok(correct)
}
