//! The JSON manifest: what a build system or a reviewer needs to know of an object.

use gauss_lowering::mode::{self, Sampling};
use serde::Serialize;

use crate::{
    compile::{ARENA_ALIGN, Carried, Compiled, Slot},
    layers::LayerSummary,
    module::llvm_version,
    signature::Tensor,
};

/// The version of the manifest's layout. It rises when a field changes its
/// meaning or goes away, not when one is added.
const SCHEMA: u32 = 2;

/// The facts of a compiled function.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    schema: u32,
    name: &'a str,
    symbol: String,
    compiler: Compiler,
    target: Target<'a>,
    mode: Mode,
    order: &'static str,
    covariance: &'a Carried,
    batch: usize,
    inputs: &'a [Tensor],
    outputs: &'a [Tensor],
    arena_bytes: u64,
    arena_align: u64,
    arena_plan: &'a [Slot],
    weight_bytes: u64,
    text_bytes: u64,
    rodata_bytes: u64,
    data_bytes: u64,
    stack_bound_bytes: u64,
    tasks: usize,
    undefined_symbols: &'a [String],
    op_counts: OpCounts<'a>,
    sha256: Hashes<'a>,
}

/// What the function computes.
#[derive(Debug, Serialize)]
struct Mode {
    /// `moments`, `mean`, `sample` or `presampled`.
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

impl Mode {
    fn of(mode: mode::Mode) -> Self {
        let plain = |name| Self { name, samples: None, seed: None };
        match mode {
            mode::Mode::Moments => plain("moments"),
            mode::Mode::Mean => plain("mean"),
            mode::Mode::Sample(Sampling { samples, seed, presampled, .. }) => Self {
                name: if presampled { "presampled" } else { "sample" },
                samples: Some(samples),
                seed: Some(seed),
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct Compiler {
    name: &'static str,
    version: &'static str,
    llvm: String,
}

#[derive(Debug, Serialize)]
struct Target<'a> {
    triple: &'a str,
    cpu: &'a str,
    core: &'a str,
    features: Vec<&'a str>,
    branch_protection: &'static str,
}

#[derive(Debug, Serialize)]
struct OpCounts<'a> {
    parameters: u64,
    stored_numbers: u64,
    multiply_adds: u64,
    gaussian_maxima: u64,
    layers: &'a [LayerSummary],
}

#[derive(Debug, Serialize)]
struct Hashes<'a> {
    module: &'a str,
    parameters: Option<&'a str>,
}

impl<'a> Manifest<'a> {
    /// The manifest of a compiled function.
    pub fn of(compiled: &'a Compiled) -> Self {
        let Compiled { function, target, arena, report, .. } = compiled;
        let layers = &function.layers;
        Self {
            schema: SCHEMA,
            name: &function.name,
            symbol: function.symbol(),
            compiler: Compiler {
                name: "pfp",
                version: env!("CARGO_PKG_VERSION"),
                llvm: llvm_version(),
            },
            target: Target {
                triple: &target.triple,
                cpu: &target.cpu,
                core: &target.name,
                features: target.features.split(',').filter(|f| !f.is_empty()).collect(),
                branch_protection: compiled.branch_protection.name(),
            },
            mode: Mode::of(compiled.mode),
            order: compiled.order.describe().0,
            covariance: &compiled.covariance,
            batch: function.signature.batch(),
            inputs: &function.signature.inputs,
            outputs: &function.signature.outputs,
            arena_bytes: arena.bytes,
            arena_align: ARENA_ALIGN,
            arena_plan: &arena.plan,
            weight_bytes: compiled.weight_bytes,
            text_bytes: report.text_bytes,
            rodata_bytes: report.rodata_bytes,
            data_bytes: report.data_bytes,
            stack_bound_bytes: report.stack_bound_bytes,
            tasks: compiled.tasks,
            undefined_symbols: &report.undefined_symbols,
            op_counts: OpCounts {
                parameters: layers.iter().map(|layer| layer.parameters).sum(),
                stored_numbers: layers.iter().map(|layer| layer.stored_numbers).sum(),
                multiply_adds: layers.iter().map(|layer| layer.multiply_adds).sum(),
                gaussian_maxima: layers.iter().map(|layer| layer.gaussian_maxima).sum(),
                layers,
            },
            sha256: Hashes {
                module: &compiled.module_sha256,
                parameters: compiled.parameters_sha256.as_deref(),
            },
        }
    }

    /// The manifest as a file.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists of them always have a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
