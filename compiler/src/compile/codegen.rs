//! From the LLVM dialect to machine code.

use gauss_lowering::target::Target;
use inkwell::{
    GlobalVisibility, OptimizationLevel,
    context::{AsContextRef, Context},
    llvm_sys::core::LLVMSetInitializer,
    module::{Linkage, Module as LlvmModule},
    passes::PassBuilderOptions,
    targets::{CodeModel, FileType, RelocMode, Target as LlvmTarget, TargetMachine, TargetTriple},
    values::{AsValueRef, GlobalValue},
};

use super::branch_protection::BranchProtection;
use crate::{error::Error, ffi, module::Module, target};

/// Bytes of a constant that is elided where constants are.
const LARGE_CONSTANT: u64 = 1024;

/// LLVM's code generator for one target.
pub struct Machine {
    machine: TargetMachine,
    protection: BranchProtection,
}

impl Machine {
    /// The code generator for a target, whose code is protected so.
    ///
    /// # Errors
    ///
    /// Where LLVM has no code generator for the target.
    pub fn new(target: &Target, protection: BranchProtection) -> Result<Self, Error> {
        target::initialise();
        let triple = TargetTriple::create(&target.triple);
        let machine = LlvmTarget::from_triple(&triple)
            .map_err(internal)?
            .create_target_machine(
                &triple,
                &target.cpu,
                &target.features,
                OptimizationLevel::Aggressive,
                // Serves objects, shared libraries and fixed images alike.
                RelocMode::PIC,
                CodeModel::Default,
            )
            .ok_or_else(|| Error::Internal(format!("no code generator for {}", target.triple)))?;
        // SAFETY: a live target machine.
        unsafe { ffi::pfp_emit_stack_sizes(machine.as_mut_ptr()) };
        Ok(Self { machine, protection })
    }

    /// Turns a module in the LLVM dialect into LLVM IR. `name` becomes the source
    /// file name in the object.
    ///
    /// # Errors
    ///
    /// Where something is left that LLVM IR cannot say.
    pub fn translate<'c>(
        &self,
        module: &Module,
        name: &str,
        context: &'c Context,
    ) -> Result<LlvmModule<'c>, Error> {
        // SAFETY: a live operation and a live context, which the result borrows.
        let translated = unsafe {
            let raw = mlir_sys::mlirTranslateModuleToLLVMIR(
                module.op().to_raw(),
                context.as_ctx_ref().cast(),
            );
            if raw.is_null() {
                return Err(module.rejected("cannot be translated to LLVM IR"));
            }
            LlvmModule::new(raw.cast())
        };
        translated.set_source_file_name(name);
        Ok(translated)
    }

    /// Runs LLVM's -O3 pipeline for this target.
    ///
    /// # Errors
    ///
    /// Where LLVM fails.
    pub fn optimise(&self, module: &LlvmModule) -> Result<(), Error> {
        module.set_triple(&self.machine.get_triple());
        module.set_data_layout(&self.machine.get_target_data().get_data_layout());
        self.protection.apply(module);
        module.verify().map_err(internal)?;
        // Kernels are written out as far as the registers go.
        let options = PassBuilderOptions::create();
        options.set_loop_unrolling(false);
        module.run_passes("default<O3>", &self.machine, options).map_err(internal)
    }

    /// The object file of an optimised module.
    ///
    /// # Errors
    ///
    /// Where LLVM fails.
    pub fn object(&self, module: &LlvmModule) -> Result<Vec<u8>, Error> {
        self.emit(module, FileType::Object)
    }

    /// The assembly of an optimised module.
    ///
    /// # Errors
    ///
    /// Where LLVM fails.
    pub fn assembly(&self, module: &LlvmModule) -> Result<Vec<u8>, Error> {
        self.emit(module, FileType::Assembly)
    }

    fn emit(&self, module: &LlvmModule, kind: FileType) -> Result<Vec<u8>, Error> {
        // Code generation changes the module; the next one must see what this one saw.
        let module = module.clone();
        let buffer = self.machine.write_to_memory_buffer(&module, kind).map_err(internal)?;
        Ok(buffer.as_slice().to_vec())
    }

    /// Takes the values of large constants out of a module, which then declares them. What is left
    /// is the code, and assembles as it did.
    pub fn elide_constants(&self, module: &LlvmModule) {
        let data = self.machine.get_target_data();
        let large = |global: &GlobalValue| {
            global.is_constant() && data.get_abi_size(&global.get_value_type()) >= LARGE_CONSTANT
        };
        for (index, global) in module.get_globals().filter(large).enumerate() {
            // SAFETY: a live global variable; without a value it is a declaration.
            unsafe { LLVMSetInitializer(global.as_value_ref(), std::ptr::null_mut()) };
            if global.get_name().is_empty() {
                global.set_name(&format!("constant{index}"));
            }
            // Hidden: it is addressed as one of this module.
            global.set_linkage(Linkage::External);
            global.set_visibility(GlobalVisibility::Hidden);
        }
    }

    /// The bytes of all constants of a module; optimised, some are in the code.
    pub fn constant_bytes(&self, module: &LlvmModule) -> u64 {
        let data = self.machine.get_target_data();
        let constants = module.get_globals().filter(|global| global.is_constant());
        constants.map(|global| data.get_abi_size(&global.get_value_type())).sum()
    }
}

fn internal(error: inkwell::support::LLVMString) -> Error {
    Error::Internal(format!("LLVM: {}", error.to_string_lossy()))
}
