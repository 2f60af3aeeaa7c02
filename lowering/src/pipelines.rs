//! Named sequences of passes.

use crate::{
    kernel::given::Given,
    mode::Mode,
    pass::{Options, Pipeline},
    passes::{gauss_append_loss, gauss_generate_kernels, gauss_gradient, gauss_pool_first::Values},
    target::{Core, Target},
};

const KERNEL_OPTIONS: &[&str] = gauss_generate_kernels::PASS.options;

/// Those of gauss-generate-kernels and of lower-gauss, and `lowered`: is the module in linalg on
/// tensors already?
const OPTIONS: &[&str] = &[
    "core",
    "tasks",
    "schedule",
    "network",
    "candidates",
    "report",
    "profile",
    "mode",
    "samples",
    "seed",
    "draws",
    "lowered",
];

/// Those of gauss-append-loss and of gauss-gradient, and `local`: are outputs of dense layers drawn?
const GRADIENT_OPTIONS: &[&str] = &["loss", "mean", "function", "only-arguments", "local"];

/// Every pipeline of the crate.
pub static ALL: &[Pipeline] = &[
    Pipeline {
        name: "gauss-to-linalg",
        description: "Lower gauss to linalg on tensors, simplified (options: those of lower-gauss)",
        options: Mode::OPTIONS,
        build: to_linalg,
    },
    Pipeline {
        name: "gauss-to-gradient",
        description: "Lower gauss to linalg on tensors that also gives the gradient of a loss \
                      (options: those of gauss-append-loss and gauss-gradient; local)",
        options: GRADIENT_OPTIONS,
        build: to_gradient,
    },
    Pipeline {
        name: "gauss-to-kernels",
        description: "Lower gauss to vector code in a planned arena (options: those of \
                      lower-gauss and gauss-generate-kernels; lowered)",
        options: OPTIONS,
        build: to_kernels,
    },
    Pipeline {
        name: "gauss-to-llvm",
        description: "Lower gauss to the LLVM dialect with a C interface (options: those of \
                      lower-gauss and gauss-generate-kernels; lowered)",
        options: OPTIONS,
        build: to_llvm,
    },
];

/// The core, with the numbers that are given. A file that cannot be read is refused by the pass that
/// reads its kernels.
fn core(options: &Options) -> Result<Core, String> {
    let named = Target::core(options.get("core").unwrap_or("host"))?;
    Ok(Given::of(options).map_or(named, |given| given.core))
}

/// One function per network, folded, then linalg. Maxima of what is exact come first. No common
/// subexpressions are joined afterwards: two empty tensors would become one buffer.
fn to_linalg(options: &Options) -> Result<String, String> {
    let first = match Mode::of(options)? {
        Mode::Moments => Values::Exact,
        // There no value keeps a variance.
        Mode::Mean | Mode::Sample(_) => Values::All,
    };
    Ok(format!(
        "gauss-check-calls,inline,symbol-dce,gauss-pool-first{{{}}},gauss-fold-batch-norm,canonicalize,cse,\
         lower-gauss{},canonicalize",
        first.option(),
        options.only(Mode::OPTIONS)
    ))
}

/// As [`to_linalg`], with a loss, backwards, too. Batch normalisation stays what it is: its parameters
/// are arguments.
fn to_gradient(options: &Options) -> Result<String, String> {
    let is_mean = options.get("mean") == Some("true");
    let lower = match (options.get("local") == Some("true"), is_mean) {
        (true, true) => "gauss-draw-locally,lower-gauss",
        (true, false) => return Err("local=true is for mean=true: the plain network".into()),
        (false, true) => "lower-gauss{mode=mean}",
        (false, false) => "lower-gauss",
    };
    Ok(format!(
        "gauss-check-calls,inline,symbol-dce,gauss-append-loss{},canonicalize,cse,{lower},\
         canonicalize,gauss-gradient{},canonicalize",
        options.only(gauss_append_loss::PASS.options),
        options.only(gauss_gradient::PASS.options)
    ))
}

fn to_kernels(options: &Options) -> Result<String, String> {
    let core = core(options)?;
    let to_linalg = match options.get("lowered") {
        Some("true") => "gauss-transpose-operands,".to_owned(),
        _ => to_linalg(options)? + ",",
    };
    Ok(format!(
        "{to_linalg}{}{}gauss-use-destinations,eliminate-empty-tensors,one-shot-bufferize,cse,\
         canonicalize,gauss-generate-kernels{},{}{}{}gauss-expand-math{{fma={}}},canonicalize,cse,\
         symbol-dce,gauss-plan-arena{}",
        if core.hoists_operands { "gauss-hoist-operands," } else { "" },
        match core.winograd_channels {
            0 => String::new(),
            channels => format!("gauss-winograd{{channels={channels}}},"),
        },
        options.only(KERNEL_OPTIONS),
        match core.pipelines_roots {
            // LLVM orders the instructions of AArch64 by models of the cores, those of x86-64
            // by the registers that they take.
            true => format!("gauss-pipeline-roots{{ordered={}}},", !core.is_aarch64),
            false => String::new(),
        },
        "gauss-skip-unchosen,",
        if core.estimates_reciprocals { "gauss-estimate-reciprocals," } else { "" },
        core.fma,
        match options.get("tasks") {
            None | Some("1") => "",
            Some(_) => ",gauss-outline-tasks",
        }
    ))
}

fn to_llvm(options: &Options) -> Result<String, String> {
    let core = core(options)?;
    Ok(format!(
        "{}{},convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-vector-to-llvm,\
         convert-math-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,\
         finalize-memref-to-llvm,convert-func-to-llvm{{use-bare-ptr-memref-call-conv=1}},\
         convert-cf-to-llvm,convert-ub-to-llvm,reconcile-unrealized-casts,canonicalize,cse,\
         gauss-c-interface{{vector-bits={} float-control={} flush-denormals={}}}",
        to_kernels(options)?,
        if core.unscales_offsets { ",gauss-unscale-offsets" } else { "" },
        core.lanes * 32,
        if core.is_aarch64 { "aarch64" } else { "x86-64" },
        core.flushes_denormals,
    ))
}
