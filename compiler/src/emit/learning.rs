//! What belongs to a network that learns where it runs: the posterior that it starts from, and a header.

use std::fmt::Write;

use inkwell::{context::Context, memory_buffer::MemoryBuffer};

use crate::{
    adapt::{Adapted, POSTERIOR},
    compile::{Compiled, codegen::Machine},
    error::Error,
};

/// What the header says of a step, beside what is compiled.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The learning rate of means.
    pub rate: f64,
    /// The learning rate of the logarithms of deviations.
    pub deviation_rate: f64,
    /// How many observations the device learns from.
    pub observations: f64,
}

impl Settings {
    /// The numbers that a step takes: both rates, and one over the observations.
    pub fn numbers(self) -> [f64; 3] {
        [self.rate, self.deviation_rate, 1.0 / self.observations]
    }

    /// Checks that float32 holds them.
    ///
    /// # Errors
    ///
    /// At the first that it does not.
    pub fn check(self) -> Result<(), Error> {
        let names = ["the learning rate of means", "that of deviations", "1/observations"];
        let bad = names.iter().zip(self.numbers()).find(|(_, number)| {
            let single = *number as f32;
            !single.is_finite() || (single == 0.0) != (*number == 0.0)
        });
        match bad {
            Some((name, number)) => {
                Err(Error::request(format!("{name} is {} in float32", number as f32)))
            }
            None => Ok(()),
        }
    }
}

/// The object `NAME_adapt.o`: `pfp_NAME_prior`, the posterior of the file, and `pfp_NAME_start`, which
/// makes a state of it.
///
/// # Errors
///
/// Where LLVM fails, which is a fault of the compiler.
pub fn object(prediction: &Compiled, step: &Compiled, prior: &[f32]) -> Result<Vec<u8>, Error> {
    let symbol = prediction.function.symbol();
    let state = state_elements(step);
    let bytes = 4 * prior.len();
    let numbers: String = prior.iter().flat_map(|number| number.to_le_bytes()).fold(
        String::with_capacity(3 * bytes),
        |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\{byte:02X}");
            text
        },
    );
    let text = format!(
        "@{symbol}_prior = constant [{bytes} x i8] c\"{numbers}\", align 64

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define void @{symbol}_start(ptr %state) nounwind {{
  call void @llvm.memcpy.p0.p0.i64(ptr align 4 %state, ptr align 64 @{symbol}_prior, i64 {bytes}, i1 false)
  %memory = getelementptr i8, ptr %state, i64 {bytes}
  call void @llvm.memset.p0.i64(ptr align 4 %memory, i8 0, i64 {rest}, i1 false)
  ret void
}}",
        rest = 4 * state.saturating_sub(prior.len()),
    );
    let context = Context::create();
    let buffer = MemoryBuffer::create_from_memory_range_copy(text.as_bytes(), "prior");
    let module = context
        .create_module_from_ir(buffer)
        .map_err(|error| Error::Internal(error.to_string()))?;
    module.set_source_file_name(&prediction.function.name);
    let machine = Machine::new(&prediction.target, prediction.branch_protection)?;
    machine.optimise(&module)?;
    machine.object(&module)
}

/// The numbers of the state of a step.
pub fn state_elements(step: &Compiled) -> usize {
    let state = step.function.signature.outputs.iter().find(|output| output.in_place);
    state.map_or(0, |state| state.elements())
}

/// The header `NAME_adapt.h`.
pub fn header(prediction: &Compiled, parameters: &[Adapted], settings: Settings) -> String {
    let name = &prediction.function.name;
    let symbol = prediction.function.symbol();
    let upper = format!("PFP_{}", name.to_uppercase());
    let posterior: usize =
        parameters.iter().map(|own| 2 * own.shape.iter().product::<i64>() as usize).sum();
    let [rate, deviation_rate, share] = settings.numbers().map(|number| number as f32);
    let mut layout = String::new();
    for own in parameters {
        let sizes: Vec<_> = own.shape.iter().map(ToString::to_string).collect();
        let _ = write!(
            layout,
            "\n *   {:6}  means of {}, {}\n *   {:6}  their variances",
            own.mean,
            own.name,
            sizes.join(" x "),
            own.variance
        );
    }
    format!(
        "/* {origin} */

#ifndef {upper}_ADAPT_H
#define {upper}_ADAPT_H

#include \"{name}.h\"
#include \"{name}_step.h\"

#ifdef __cplusplus
extern \"C\" {{
#endif

/*
 * A network that learns where it runs.
 *
 *     static float state[{upper}_STEP_STATE_ELEMENTS];
 *     {symbol}_start(state);
 *     {symbol}_step(.., {symbol}_prior, settings, state, ..);
 *     {symbol}(.., state, ..);   predicts from what was learned
 *
 * A state begins with the posterior, {posterior} numbers, each at this place:{layout}
 *
 * Behind it is what the optimiser remembers. To keep what was learned, keep the posterior: copied
 * to the front of a state that is 0 otherwise, learning goes on from it.
 */

/* The posterior as it was compiled in, in read-only memory: what a step is drawn back to. */
extern const float {symbol}_prior[{upper}_{posterior_name}_ELEMENTS];

/* Makes a state of it; nothing is learned then. */
void {symbol}_start(float *state);

/*
 * The settings of a step: the learning rate of means, that of the logarithms of standard deviations,
 * and the weight of the divergence from the prior, which is one over the number of observations that
 * are learned from in all.
 */
#define {upper}_SETTINGS {{{rate:?}f, {deviation_rate:?}f, {share:?}f}}

/* Bytes of an arena that fits prediction and step, one after the other. */
#define {upper}_ADAPT_ARENA_BYTES \\
    ({upper}_ARENA_BYTES > {upper}_STEP_ARENA_BYTES ? {upper}_ARENA_BYTES : {upper}_STEP_ARENA_BYTES)

#ifdef __cplusplus
}}
#endif

#endif /* {upper}_ADAPT_H */
",
        origin = super::origin(prediction),
        posterior_name = POSTERIOR.to_uppercase(),
    )
}
