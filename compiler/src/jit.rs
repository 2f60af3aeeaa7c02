//! A compiled model in this process.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ffi::{CStr, CString, c_int, c_void},
    marker::PhantomData,
    ptr::{self, NonNull},
};

use gauss_lowering::passes::gauss_generate_kernels::PROFILE_MARK;
use inkwell::llvm_sys::{
    core::LLVMCreateMemoryBufferWithMemoryRangeCopy,
    error::{LLVMDisposeErrorMessage, LLVMErrorRef, LLVMGetErrorMessage},
    orc2::{
        LLVMJITEvaluatedSymbol, LLVMJITSymbolFlags, LLVMJITSymbolGenericFlags,
        LLVMOrcAbsoluteSymbols, LLVMOrcCSymbolMapPair,
        LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess, LLVMOrcJITDylibAddGenerator,
        LLVMOrcJITDylibDefine,
        lljit::{
            LLVMOrcCreateLLJIT, LLVMOrcDisposeLLJIT, LLVMOrcLLJITAddObjectFile,
            LLVMOrcLLJITGetGlobalPrefix, LLVMOrcLLJITGetMainJITDylib, LLVMOrcLLJITLookup,
            LLVMOrcLLJITMangleAndIntern, LLVMOrcLLJITRef,
        },
    },
};
use pfp_runtime::Executor;

use crate::{
    compile::{ARENA_ALIGN, Compiled, wrapper},
    error::Error,
    profile,
    signature::{Buffer, Signature},
};

type Packed = unsafe extern "C" fn(*const *mut c_void) -> c_int;

/// A compiled function that can be called. It is the object file that `pfp
/// compile` would write, linked into this process.
pub struct CompiledModel {
    call: Packed,
    signature: Signature,
    /// The elements of each input buffer, and of each output buffer.
    lengths: [Box<[usize]>; 2],
    arena: Layout,
    has_tasks: bool,
    // Owns the code.
    _jit: Jit,
}

// SAFETY: the code has no mutable state, and the JIT is not used after the look-up until the drop.
unsafe impl Send for CompiledModel {}
// SAFETY: as above; every call brings its own arena.
unsafe impl Sync for CompiledModel {}

impl CompiledModel {
    /// Links a function that was compiled for the host.
    ///
    /// # Errors
    ///
    /// Where the object cannot be linked into this process.
    pub fn new(compiled: &Compiled) -> Result<Self, Error> {
        // An allocation has at least one byte.
        let arena = usize::try_from(compiled.arena.bytes.max(1))
            .ok()
            .and_then(|bytes| Layout::from_size_align(bytes, ARENA_ALIGN as usize).ok())
            .ok_or_else(|| Error::request("the arena is larger than the memory can be"))?;
        let jit = Jit::new()?;
        if compiled.report.undefined_symbols.iter().any(|symbol| symbol == PROFILE_MARK) {
            jit.define(PROFILE_MARK, profile::mark as *const () as u64)?;
        }
        jit.add(&compiled.object)?;
        jit.add(&wrapper::packed_object(compiled)?)?;
        let address = jit.look_up(&wrapper::packed_symbol(compiled))?;
        // SAFETY: the function was built with this type.
        let call = unsafe { std::mem::transmute::<usize, Packed>(address) };
        let signature = compiled.function.signature.clone();
        let lengths = [signature.input_buffers(), signature.output_buffers()]
            .map(|buffers| buffers.iter().map(|buffer| buffer.tensor.elements()).collect());
        let has_tasks = compiled.tasks > 1;
        Ok(Self { call, signature, lengths, arena, has_tasks, _jit: jit })
    }

    /// What the function takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// An arena for calls of this function.
    pub fn arena(&self) -> Arena {
        Arena::new(self.arena)
    }

    /// Calls the function once: one slice for each input buffer, one vector for
    /// each output buffer.
    ///
    /// # Errors
    ///
    /// Where the number or the lengths of the inputs are not those of the function.
    pub fn run(&self, inputs: &[&[f32]]) -> Result<Vec<Vec<f32>>, Error> {
        let mut outputs: Vec<_> = self
            .signature
            .output_buffers()
            .iter()
            .map(|buffer| vec![0.0; buffer.tensor.elements()])
            .collect();
        let mut slices: Vec<_> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.run_into(inputs, &mut slices, &mut self.arena())?;
        Ok(outputs)
    }

    /// As [`CompiledModel::run`], into memory of the caller.
    ///
    /// # Errors
    ///
    /// As [`CompiledModel::prepare`].
    pub fn run_into(
        &self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        arena: &mut Arena,
    ) -> Result<(), Error> {
        self.run_parallel_into(inputs, outputs, arena, &Executor::serial())
    }

    /// As [`CompiledModel::run_into`], the tasks run by an executor. A function that
    /// was compiled without tasks runs in the calling thread.
    ///
    /// # Errors
    ///
    /// As [`CompiledModel::prepare`].
    pub fn run_parallel_into(
        &self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        arena: &mut Arena,
        executor: &Executor,
    ) -> Result<(), Error> {
        self.prepare(inputs, outputs, arena, executor)?.run()
    }

    /// A call of the function on this memory, which can be repeated and does nothing else.
    ///
    /// # Errors
    ///
    /// Where the number or the lengths of the buffers are not those of the function, or the arena is
    /// that of another.
    pub fn prepare<'a>(
        &'a self,
        inputs: &[&'a [f32]],
        outputs: &'a mut [&mut [f32]],
        arena: &'a mut Arena,
        executor: &'a Executor,
    ) -> Result<Call<'a>, Error> {
        let [of_inputs, of_outputs] = &self.lengths;
        if !inputs.iter().map(|input| input.len()).eq(of_inputs.iter().copied()) {
            let lengths = inputs.iter().map(|input| input.len()).collect();
            return Err(misfit(lengths, self.signature.input_buffers()));
        }
        if !outputs.iter().map(|output| output.len()).eq(of_outputs.iter().copied()) {
            let lengths = outputs.iter().map(|output| output.len()).collect();
            return Err(misfit(lengths, self.signature.output_buffers()));
        }
        if arena.layout.size() < self.arena.size() {
            return Err(Error::request("the arena is that of another model"));
        }
        let inputs = inputs.iter().map(|input| input.as_ptr().cast_mut().cast());
        let outputs = outputs.iter_mut().map(|output| output.as_mut_ptr().cast());
        let executor: *const Executor = executor;
        let executor = self.has_tasks.then_some(executor.cast_mut().cast());
        let arena = [arena.start.as_ptr().cast()];
        let pointers = inputs.chain(outputs).chain(arena).chain(executor).collect();
        Ok(Call { function: self.call, pointers, memory: PhantomData })
    }
}

/// What is wrong with buffers of other lengths than those of a function.
fn misfit(lengths: Vec<usize>, buffers: Vec<Buffer>) -> Error {
    let other = lengths.iter().zip(&buffers).find(|(length, of)| **length != of.tensor.elements());
    match other.filter(|_| lengths.len() == buffers.len()) {
        Some((length, buffer)) => Error::request(format!(
            "'{}' has {} elements ({}), not {length}",
            buffer.name,
            buffer.tensor.elements(),
            buffer.tensor.sizes()
        )),
        None => Error::request(format!(
            "the model has {} buffers here, not {}",
            buffers.len(),
            lengths.len()
        )),
    }
}

/// A call of a compiled function on memory that is known to fit.
pub struct Call<'a> {
    function: Packed,
    /// One for every parameter.
    pointers: Vec<*mut c_void>,
    memory: PhantomData<&'a mut [f32]>,
}

impl Call<'_> {
    /// Calls the function.
    ///
    /// # Errors
    ///
    /// Where it returns a status other than 0, which is a fault of the compiler.
    pub fn run(&mut self) -> Result<(), Error> {
        // SAFETY: a pointer for every parameter, each to as many elements as the function reads or
        // writes; the outputs are borrowed exclusively, as is the arena.
        match unsafe { (self.function)(self.pointers.as_ptr()) } {
            0 => Ok(()),
            status => Err(Error::Internal(format!("the compiled function returned {status}"))),
        }
    }
}

/// Scratch memory for calls.
pub struct Arena {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: plain memory, used through exclusive references only.
unsafe impl Send for Arena {}

impl Arena {
    fn new(layout: Layout) -> Self {
        // SAFETY: the layout is not empty.
        match NonNull::new(unsafe { alloc_zeroed(layout) }) {
            Some(start) => Self { start, layout },
            None => handle_alloc_error(layout),
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// LLVM's ORC JIT, given object files.
struct Jit(LLVMOrcLLJITRef);

impl Jit {
    fn new() -> Result<Self, Error> {
        let mut jit = ptr::null_mut();
        // SAFETY: a place for the result; null asks for the default builder.
        check(unsafe { LLVMOrcCreateLLJIT(&raw mut jit, ptr::null_mut()) })?;
        let jit = Self(jit);
        let mut process = ptr::null_mut();
        // SAFETY: a live JIT, which takes over the generator. It finds memcpy and memset.
        unsafe {
            check(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
                &raw mut process,
                LLVMOrcLLJITGetGlobalPrefix(jit.0),
                None,
                ptr::null_mut(),
            ))?;
            LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(jit.0), process);
        }
        Ok(jit)
    }

    /// Makes an address known under a name.
    fn define(&self, symbol: &str, address: u64) -> Result<(), Error> {
        let symbol = CString::new(symbol).map_err(|error| Error::Internal(error.to_string()))?;
        let flags = LLVMJITSymbolFlags {
            GenericFlags: LLVMJITSymbolGenericFlags::LLVMJITSymbolGenericFlagsExported as u8,
            TargetFlags: 0,
        };
        // SAFETY: a live JIT; the library takes over the symbols.
        check(unsafe {
            let mut pair = LLVMOrcCSymbolMapPair {
                Name: LLVMOrcLLJITMangleAndIntern(self.0, symbol.as_ptr()),
                Sym: LLVMJITEvaluatedSymbol { Address: address, Flags: flags },
            };
            let unit = LLVMOrcAbsoluteSymbols(&raw mut pair, 1);
            LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(self.0), unit)
        })
    }

    fn add(&self, object: &[u8]) -> Result<(), Error> {
        // SAFETY: the bytes are copied, and the JIT takes over the copy.
        check(unsafe {
            let copy = LLVMCreateMemoryBufferWithMemoryRangeCopy(
                object.as_ptr().cast(),
                object.len(),
                c"object".as_ptr(),
            );
            LLVMOrcLLJITAddObjectFile(self.0, LLVMOrcLLJITGetMainJITDylib(self.0), copy)
        })
    }

    fn look_up(&self, symbol: &str) -> Result<usize, Error> {
        let symbol = CString::new(symbol).map_err(|error| Error::Internal(error.to_string()))?;
        let mut address = 0;
        // SAFETY: a live JIT, a place for the result and a string.
        check(unsafe { LLVMOrcLLJITLookup(self.0, &raw mut address, symbol.as_ptr()) })?;
        usize::try_from(address).map_err(|error| Error::Internal(error.to_string()))
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        // An error at the end of the JIT's life has no consequence.
        // SAFETY: the JIT is live and not used again.
        let _ = check(unsafe { LLVMOrcDisposeLLJIT(self.0) });
    }
}

fn check(error: LLVMErrorRef) -> Result<(), Error> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the message of a live error, which this call consumes; freed once.
    let message = unsafe {
        let raw = LLVMGetErrorMessage(error);
        let message = CStr::from_ptr(raw).to_string_lossy().into_owned();
        LLVMDisposeErrorMessage(raw);
        message
    };
    Err(Error::Internal(format!("JIT: {message}")))
}
