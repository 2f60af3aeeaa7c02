//! The Rust binding: one invocation of `pfp_runtime::model!`.

use crate::{
    compile::{ARENA_ALIGN, Compiled, Function},
    prediction::{Constant, Prediction},
};

/// The binding of a compiled function.
pub fn binding(compiled: &Compiled) -> String {
    let function = &compiled.function;
    let signature = &function.signature;
    let tensors = signature.inputs.iter().chain(&signature.outputs);
    let shapes: String = tensors
        .map(|tensor| {
            let name = tensor.name.to_uppercase();
            let sizes: Vec<_> = tensor.shape.iter().map(ToString::to_string).collect();
            format!("\n        const {name}_SHAPE, {name}_ELEMENTS = [{}];", sizes.join(", "))
        })
        .collect();
    let parameter = |buffer: &crate::signature::Buffer| {
        format!("{}: {}_SHAPE", buffer.name, buffer.tensor.name.to_uppercase())
    };
    let inputs: String = signature
        .input_buffers()
        .iter()
        .map(|buffer| format!("\n        {},", parameter(buffer)))
        .collect();
    let outputs: Vec<_> = signature.output_buffers().iter().map(parameter).collect();
    let parallel = match compiled.tasks {
        0 | 1 => String::new(),
        tasks => format!(
            "
pfp_runtime::parallel! {{
    impl {type_name} {{
        const TASKS = {tasks};
    }}

    // SAFETY: as above.
    unsafe extern \"C\" fn {symbol}_parallel({inputs}
    ) -> ({outputs});
}}
",
            type_name = type_name(&function.name),
            symbol = function.symbol(),
            outputs = outputs.join(", "),
        ),
    };
    let constants = constants(function);
    format!(
        "// {origin}

pfp_runtime::model! {{
    /// `@{name}`, compiled for {triple}, {cpu}.
    pub struct {type_name} {{
        const BATCH = {batch};
        const ARENA_BYTES = {arena};
        const ARENA_ALIGN = {ARENA_ALIGN};
        const WEIGHT_BYTES = {weights};
        const STACK_BYTES = {stack};{shapes}
    }}

    // SAFETY: the object file that was written together with this file defines the function so.
    unsafe extern \"C\" fn {symbol}({inputs}
    ) -> ({outputs});
}}
{parallel}{constants}",
        origin = super::origin(compiled),
        name = function.name,
        triple = compiled.target.triple,
        cpu = compiled.target.cpu,
        type_name = type_name(&function.name),
        batch = signature.batch(),
        arena = grouped(compiled.arena.bytes),
        weights = grouped(compiled.weight_bytes),
        stack = grouped(compiled.report.stack_bound_bytes),
        symbol = function.symbol(),
        outputs = outputs.join(", "),
    )
}

/// The numbers that the results of a head depend on.
fn constants(function: &Function) -> String {
    let outputs = &function.signature.outputs;
    let constants: String = outputs
        .iter()
        .flat_map(|tensor| {
            let named = tensor.prediction.iter().flat_map(Prediction::constants);
            named.map(move |Constant { name, meaning, value }| {
                let tensor = tensor.name.to_uppercase();
                format!("\n    /// {meaning}\n    pub const {tensor}_{name}: f64 = {value:?};")
            })
        })
        .collect();
    match constants.is_empty() {
        true => constants,
        false => format!("\nimpl {} {{{constants}\n}}\n", type_name(&function.name)),
    }
}

/// Types, traits and variants that a program in Rust has without a word, or from `pfp_runtime`.
/// A type of such a name would hide them where the binding is included.
const TAKEN: &str = "\
    Arena AsMut AsRef AsyncFn AsyncFnMut AsyncFnOnce Box Buffer Clone Copy Default \
    DoubleEndedIterator Drop Eq Err Error ExactSizeIterator Executor Extend Fn FnMut FnOnce From \
    FromIterator Future Into IntoFuture IntoIterator Iterator Model None Ok Option Ord PartialEq \
    PartialOrd Result Self Send Sized Some StaticArena String Sync Task Threads ToOwned ToString \
    TryFrom TryInto Unpin Vec";

/// `my_net` as `MyNet`, and `option` as `OptionModel`.
pub fn type_name(function: &str) -> String {
    let words = function.split('_').filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        })
        .collect();
    if TAKEN.split_whitespace().any(|taken| taken == name) { name + "Model" } else { name }
}

/// `25088` as `25_088`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types() {
        assert_eq!(type_name("lenet"), "Lenet");
        assert_eq!(type_name("digits_cnn"), "DigitsCnn");
        assert_eq!(type_name("self"), "SelfModel");
        assert_eq!(type_name("option"), "OptionModel");
        assert_eq!(type_name("partial_eq"), "PartialEqModel");
        // The only keyword that begins with a capital is Self.
        assert_eq!(type_name("crate"), "Crate");
    }

    #[test]
    fn long_numbers_have_groups() {
        assert_eq!(grouped(512), "512");
        assert_eq!(grouped(25_088), "25_088");
        assert_eq!(grouped(1_532_824), "1_532_824");
    }
}
