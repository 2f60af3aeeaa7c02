//! The C functions of glue/.

use std::ffi::{c_char, c_void};

use inkwell::llvm_sys::{prelude::LLVMModuleRef, target_machine::LLVMTargetMachineRef};
use mlir_sys::{MlirContext, MlirDialectRegistry, MlirModule, MlirStringRef};

unsafe extern "C" {
    pub fn pfp_register_dialects(registry: MlirDialectRegistry);
    pub fn pfp_register_upstream_passes();
    pub fn pfp_keep_ops_out_of_diagnostics(context: MlirContext);
    pub fn pfp_parse_module(
        context: MlirContext,
        source: MlirStringRef,
        name: MlirStringRef,
    ) -> MlirModule;
    pub fn pfp_target_cpus(
        triple: *const c_char,
        report: extern "C" fn(*const c_char, usize, *mut c_void),
        state: *mut c_void,
    ) -> bool;
    pub fn pfp_cpu_is_known(triple: *const c_char, cpu: *const c_char) -> bool;
    pub fn pfp_cpu_has_features(
        triple: *const c_char,
        cpu: *const c_char,
        features: *const c_char,
    ) -> bool;
    pub fn pfp_emit_stack_sizes(machine: LLVMTargetMachineRef);
    pub fn pfp_protect_branches(module: LLVMModuleRef, pads: bool, signs: bool);
}

/// Bytes as MLIR takes them.
pub fn string_ref(bytes: &[u8]) -> MlirStringRef {
    MlirStringRef { data: bytes.as_ptr().cast(), length: bytes.len() }
}
