//! Named sequences of passes.

use crate::{
    pass::{Options, Pipeline},
    target::Target,
};

/// Every pipeline of the crate.
pub static ALL: &[Pipeline] = &[
    Pipeline {
        name: "gauss-to-linalg",
        description: "Lower gauss to linalg on tensors, simplified",
        options: &[],
        build: |_| Ok(to_linalg()),
    },
    Pipeline {
        name: "gauss-to-kernels",
        description: "Lower gauss to vector code in a planned arena (option: core, default host)",
        options: &["core"],
        build: to_kernels,
    },
    Pipeline {
        name: "gauss-to-llvm",
        description: "Lower gauss to the LLVM dialect with a C interface (option: core, default \
                      host)",
        options: &["core"],
        build: to_llvm,
    },
];

/// One function per network, folded, then linalg. No common subexpressions are
/// joined afterwards: two empty tensors would become one buffer.
fn to_linalg() -> String {
    "inline,symbol-dce,gauss-fold-batch-norm,canonicalize,cse,lower-gauss,canonicalize".into()
}

fn to_kernels(options: &Options) -> Result<String, String> {
    let name = options.get("core").unwrap_or("host");
    let core = Target::core(name)?;
    Ok(format!(
        "{},{}gauss-use-destinations,eliminate-empty-tensors,one-shot-bufferize,canonicalize,\
         gauss-generate-kernels{{core={name}}},gauss-expand-math{{fma={}}},canonicalize,cse,\
         symbol-dce,gauss-plan-arena",
        to_linalg(),
        if core.hoists_operands { "gauss-hoist-operands," } else { "" },
        core.fma
    ))
}

fn to_llvm(options: &Options) -> Result<String, String> {
    let core = Target::core(options.get("core").unwrap_or("host"))?;
    Ok(format!(
        "{},convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-vector-to-llvm,\
         convert-math-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,\
         finalize-memref-to-llvm,convert-func-to-llvm{{use-bare-ptr-memref-call-conv=1}},\
         convert-cf-to-llvm,convert-ub-to-llvm,reconcile-unrealized-casts,canonicalize,cse,\
         gauss-c-interface{{vector-bits={}}}",
        to_kernels(options)?,
        core.lanes * 32
    ))
}
