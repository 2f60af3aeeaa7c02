//! The C header.

use std::fmt::Write;

use gauss_dialect::representation::Component;

use crate::{
    compile::{ARENA_ALIGN, Compiled},
    prediction::Prediction,
    signature::{Buffer, Tensor},
};

/// The header of a compiled function, for C99 and C++.
pub fn header(compiled: &Compiled) -> String {
    let name = &compiled.function.name;
    let prefix = format!("PFP_{}", name.to_uppercase());
    let signature = &compiled.function.signature;
    let (inputs, outputs) = (signature.input_buffers(), signature.output_buffers());
    let parameters = [
        inputs.iter().map(|buffer| format!("const float *{}", buffer.name)).collect::<Vec<_>>(),
        outputs.iter().map(|buffer| format!("float *{}", buffer.name)).collect(),
    ]
    .concat();

    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    line(&format!("/* {} */", super::origin(compiled)));
    line(&format!(
        "
#ifndef {prefix}_H
#define {prefix}_H

#ifndef PFP_OK
#define PFP_OK 0              /* every output is written */
#define PFP_ERROR_NULL 1      /* a pointer is null; nothing was written */
#define PFP_ERROR_ALIGNMENT 2 /* the arena is not aligned; nothing was written */
#define PFP_ERROR_MEMORY 3    /* no memory for an arena; nothing was written */
#endif

#define {prefix}_BATCH {batch} /* items per call */
#define {prefix}_ARENA_BYTES {arena} /* scratch memory of a call */
#define {prefix}_ARENA_ALIGN {ARENA_ALIGN} /* of the address of the arena */
#define {prefix}_WEIGHT_BYTES {weights} /* weights in the object, read-only */
#define {prefix}_STACK_BYTES {stack} /* the most stack that a call uses */
",
        batch = signature.batch(),
        arena = compiled.arena.bytes,
        weights = compiled.weight_bytes,
        stack = compiled.report.stack_bound_bytes,
    ));
    if compiled.tasks > 1 {
        line(&format!(
            "#define {prefix}_TASKS {} /* the most that run at the same time */\n",
            compiled.tasks
        ));
        line(EXECUTOR);
    }
    for tensor in signature.inputs.iter().chain(&signature.outputs) {
        line(&shape_macros(&prefix, tensor));
    }
    let predictions = || signature.outputs.iter().filter_map(|tensor| tensor.prediction);
    let mut shared: Vec<_> = predictions().filter_map(|p| shared_names(&p)).collect();
    shared.dedup();
    shared.into_iter().for_each(&mut line);
    line("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    let batch = signature.batch();
    let items = if batch == 1 { "one item".into() } else { format!("{batch} items") };
    line("/*");
    line(&format!(" * Runs @{name} once, on {items}.{}", super::of_mode(compiled)));
    line(" *");
    line(" * Every tensor is an array of IEEE 754 binary32 floats, row-major, the last dimension");
    line(" * contiguous, of any alignment that float has. A Gaussian tensor is two arrays, the");
    line(" * means and the variances (not standard deviations), in the units of the network.");
    line(" * The buffers must not overlap.");
    line(" *");
    let out = |b: &Buffer| if b.tensor.in_place { "i/o" } else { "out" };
    let documented = inputs.iter().map(|b| (b, "in")).chain(outputs.iter().map(|b| (b, out(b))));
    let width = inputs.iter().chain(&outputs).map(|b| b.name.len()).max().unwrap_or(0).max(5);
    for (buffer, direction) in documented {
        line(&format!(" * {direction:3} {:width$}  {}", buffer.name, describe(buffer, &prefix)));
    }
    line(&format!(
        " *     {:width$}  {prefix}_ARENA_BYTES bytes aligned to {prefix}_ARENA_ALIGN; need not be \
         initialised",
        "arena"
    ));
    if compiled.arena.bytes == 0 {
        line(&format!(" *     {:width$}  (0 bytes: may be null)", ""));
    }
    line(" *");
    line(match outputs.iter().any(|output| output.tensor.in_place) {
        true => " * Calls may run at the same time, each with a state and an arena of its own.",
        false => {
            " * Keeps no state: calls may run at the same time, each with an arena of its own."
        }
    });
    line(" * Returns PFP_OK, PFP_ERROR_NULL or PFP_ERROR_ALIGNMENT.");
    line(" */");
    line(&format!("int pfp_{name}({}, void *arena);", parameters.join(", ")));
    if compiled.tasks > 1 {
        line("");
        line("/*");
        line(
            " * The same, its tasks run by an executor; a null one stands for the calling thread.",
        );
        line(" * The results are those of the function above, bit for bit.");
        line(" */");
        line(&format!(
            "int pfp_{name}_parallel({}, void *arena,\n    const struct pfp_executor *executor);",
            parameters.join(", ")
        ));
    }
    line("");
    line(&format!(
        "/*
 * The same with an arena from the heap; also returns PFP_ERROR_MEMORY. Only in the shared
 * library lib{name}.so.
 */"
    ));
    line(&format!("int pfp_{name}_run({});", parameters.join(", ")));
    line("\n#ifdef __cplusplus\n}\n#endif\n");
    line(&format!("#endif /* {prefix}_H */"));
    text
}

/// Shared by all headers: what runs tasks.
const EXECUTOR: &str = "\
#ifndef PFP_EXECUTOR
#define PFP_EXECUTOR
#include <stddef.h>

/*
 * Runs tasks. run(context, task, data, count) calls task(data, i) once for every i < count,
 * in any order, possibly at the same time, and returns when all of these calls have
 * returned and their writes are visible.
 */
struct pfp_executor {
    void *context;
    void (*run)(void *context, void (*task)(void *data, size_t index), void *data, size_t count);
};
#endif
";

/// The names of codes and columns, shared by all headers.
fn shared_names(prediction: &Prediction) -> Option<&'static str> {
    match prediction {
        Prediction::Probabilities { .. } | Prediction::Covariance => None,
        Prediction::Uncertainty { .. } => Some(UNCERTAINTY),
        Prediction::Decision { .. } => Some(DECISION),
        Prediction::Interval { .. } => Some(INTERVAL),
    }
}

const UNCERTAINTY: &str = "\
#ifndef PFP_UNCERTAINTY
#define PFP_UNCERTAINTY
/* The columns of an uncertainty, in nats: total is aleatoric plus epistemic. */
enum pfp_uncertainty { PFP_TOTAL = 0, PFP_ALEATORIC = 1, PFP_EPISTEMIC = 2 };
#endif
";

const DECISION: &str = "\
#ifndef PFP_DECISION
#define PFP_DECISION
/* A decision that is not the number of a class: the classes overlap here, or the
 * network does not know; the latter also where a result is not a number. */
enum pfp_decision { PFP_AMBIGUOUS = -1, PFP_UNKNOWN = -2 };
#endif
";

const INTERVAL: &str = "\
#ifndef PFP_INTERVAL
#define PFP_INTERVAL
/* The columns of an interval. */
enum pfp_interval { PFP_LOWER = 0, PFP_UPPER = 1 };
#endif
";

fn shape_macros(prefix: &str, tensor: &Tensor) -> String {
    let kind = if tensor.gaussian { "Gaussian" } else { "deterministic" };
    let name = tensor.name.to_uppercase();
    let sizes = tensor.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut text = format!("/* {}: {}, {kind} */\n", tensor.name, tensor.sizes());
    let mut define = |what: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "#define {prefix}_{name}_{what} {value}");
    };
    define("RANK", tensor.shape.len().to_string());
    define("SHAPE", format!("{{{sizes}}}"));
    define("ELEMENTS", tensor.elements().to_string());
    for constant in tensor.prediction.iter().flat_map(Prediction::constants) {
        define(constant.name, format!("{:?} /* {} */", constant.value, constant.meaning));
    }
    text
}

fn describe(buffer: &Buffer, prefix: &str) -> String {
    let elements = format!("{prefix}_{}_ELEMENTS floats", buffer.tensor.name.to_uppercase());
    if let Some(prediction) = buffer.tensor.prediction {
        return format!("{elements}, {}, {}", prediction.describe(), buffer.tensor.sizes());
    }
    let part = match buffer.component {
        Component::Value if buffer.tensor.passes.is_some() => "values of every forward pass",
        Component::Value => "values",
        Component::Mean => "means",
        Component::Variance => "variances",
    };
    format!("{elements}, {part}, {}", buffer.tensor.sizes())
}
