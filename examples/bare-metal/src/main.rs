//! Classify handwritten digits on a Cortex-A72 without an operating system.
//!
//! Exit code of QEMU: 0 if at least nine of ten digits are classified correctly, 1 if not, 2 if the
//! model or the test set is refused, 101 after a panic, 102 after a CPU exception.

#![no_std]
#![no_main]

mod board;
#[path = "../../rust/src/digits.rs"]
mod digits;

mod models {
    include!(concat!(env!("OUT_DIR"), "/digits_cnn.rs"));
}

use models::DigitsCnn;
use pfp_runtime::{Error, StaticArena, predictive};

static IMAGES: &[u8] = include_bytes!("../../digits/test-images.idx3-ubyte");
static LABELS: &[u8] = include_bytes!("../../digits/test-labels.idx1-ubyte");
const COUNT: usize = 20;
const CLASSES: usize = 10;
const DRAWS: u32 = 256;

static ARENA: StaticArena<{ DigitsCnn::ARENA_BYTES }> = StaticArena::new();

/// `STACK_BYTES` of the linker script, of which the app itself takes the smaller half.
const _: () = assert!(DigitsCnn::STACK_BYTES <= 32 * 1024);

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    println!(
        "weights {} bytes, arena {} bytes, stack {} bytes",
        DigitsCnn::WEIGHT_BYTES,
        DigitsCnn::ARENA_BYTES,
        DigitsCnn::STACK_BYTES,
    );
    let (Some(images), Some(labels)) = (digits::images(IMAGES), digits::labels(LABELS)) else {
        println!("digits: the test set is not 8x8 IDX images and labels");
        board::exit(2)
    };
    match classify(&images[..COUNT], &labels[..COUNT]) {
        Ok(correct) => {
            println!("digits: {correct} of {COUNT} correct");
            board::exit(u8::from(correct * 10 < COUNT * 9))
        }
        Err(error) => {
            println!("digits: {error}");
            board::exit(2)
        }
    }
}

/// Print a line for each digit and count the correct ones.
fn classify(images: &[[u8; digits::PIXELS]], labels: &[u8]) -> Result<usize, Error> {
    let arena = ARENA.take().expect("classify runs once");
    println!("label  class  probability  logit mean  logit variance  total  aleatoric  epistemic");
    let mut correct = 0;
    for (image, &label) in images.iter().zip(labels) {
        let (mut mean, mut variance) = ([0.0; CLASSES], [0.0; CLASSES]);
        DigitsCnn::run(&digits::normalise(image), &mut mean, &mut variance, arena)?;

        let prediction = predictive::decompose(&mean, &variance, DRAWS, 0);
        let Some(class) = predictive::argmax(&prediction.probabilities) else {
            continue; // every logit is NaN: not a correct answer
        };
        let uncertainty = prediction.uncertainty;
        println!(
            "{label:>5}  {class:>5}  {:>11.3}  {:>10.2}  {:>14.3}  {:>5.3}  {:>9.3}  {:>9.3}",
            prediction.probabilities[class],
            mean[class],
            variance[class],
            uncertainty.total,
            uncertainty.aleatoric,
            uncertainty.epistemic,
        );
        correct += usize::from(class == usize::from(label));
    }
    Ok(correct)
}
