//! Small functions around a compiled one, in LLVM IR.

use inkwell::{context::Context, memory_buffer::MemoryBuffer, module::Module};

use super::{Compiled, codegen::Machine};
use crate::{compile::ARENA_ALIGN, error::Error};

/// `int pfp_NAME_run(..)`: the function with an arena from the heap, or status 3 where there
/// is no memory for one.
///
/// The arena of one call is kept for the next, whichever thread makes it, and freed when the
/// library is unloaded. No thread has anything of its own: neither a variable, which would be
/// taken from the stack of every thread of the process, nor an arena that outlives it.
///
/// # Errors
///
/// Where LLVM does not parse the function, which is a fault of the compiler.
pub fn with_arena<'c>(compiled: &Compiled, context: &'c Context) -> Result<Module<'c>, Error> {
    let symbol = compiled.function.symbol();
    let buffers = buffers(compiled);
    let parameters = list(buffers, |i| format!("ptr %p{i}"));
    let types = list(buffers + 1, |_| "ptr".into());
    if compiled.arena.bytes == 0 {
        let text = format!(
            "declare i32 @{symbol}({types})

define i32 @{symbol}_run({parameters}) nounwind {{
  %status = call i32 @{symbol}({parameters}, ptr null)
  ret i32 %status
}}"
        );
        return parse(context, &text);
    }
    let text = format!(
        "@kept = internal global ptr null
@llvm.global_dtors = appending global [1 x {{ i32, ptr, ptr }}]
  [{{ i32, ptr, ptr }} {{ i32 65535, ptr @unload, ptr null }}]

declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare i32 @{symbol}({types})

define i32 @{symbol}_run({parameters}) nounwind {{
take:
  %taken = atomicrmw xchg ptr @kept, ptr null acq_rel
  %nothing = icmp eq ptr %taken, null
  br i1 %nothing, label %allocate, label %call
allocate:
  %new = call ptr @aligned_alloc(i64 {ARENA_ALIGN}, i64 {bytes})
  %exhausted = icmp eq ptr %new, null
  br i1 %exhausted, label %fail, label %call
fail:
  ret i32 {ERROR_MEMORY}
call:
  %arena = phi ptr [ %taken, %take ], [ %new, %allocate ]
  %status = call i32 @{symbol}({parameters}, ptr %arena)
  %other = atomicrmw xchg ptr @kept, ptr %arena acq_rel
  call void @free(ptr %other)
  ret i32 %status
}}

define internal void @unload() nounwind {{
  %last = atomicrmw xchg ptr @kept, ptr null acq_rel
  call void @free(ptr %last)
  ret void
}}",
        // A multiple of the alignment, as C11 has it.
        bytes = compiled.arena.bytes.next_multiple_of(ARENA_ALIGN),
    );
    parse(context, &text)
}

/// `PFP_ERROR_MEMORY` of the header.
const ERROR_MEMORY: i32 = 3;

/// `int pfp_NAME_packed(void **pointers)`: the function on a list of its
/// pointers, whose number a caller in Rust does not know when it is compiled. The
/// executor comes last where the function has tasks.
///
/// # Errors
///
/// As [`with_arena`].
pub fn packed<'c>(compiled: &Compiled, context: &'c Context) -> Result<Module<'c>, Error> {
    let symbol = compiled.function.symbol();
    let name = packed_symbol(compiled);
    let (callee, pointers) = match compiled.tasks > 1 {
        true => (format!("{symbol}_parallel"), buffers(compiled) + 2),
        false => (symbol.clone(), buffers(compiled) + 1),
    };
    let loads: String = (0..pointers)
        .map(|i| {
            format!(
                "  %place{i} = getelementptr ptr, ptr %list, i64 {i}
  %p{i} = load ptr, ptr %place{i}
"
            )
        })
        .collect();
    let text = format!(
        "declare i32 @{callee}({types})

define i32 @{name}(ptr %list) nounwind {{
{loads}  %status = call i32 @{callee}({arguments})
  ret i32 %status
}}",
        types = list(pointers, |_| "ptr".into()),
        arguments = list(pointers, |i| format!("ptr %p{i}")),
    );
    parse(context, &text)
}

/// The object of [`packed`].
///
/// # Errors
///
/// As [`with_arena`].
pub fn packed_object(compiled: &Compiled) -> Result<Vec<u8>, Error> {
    let context = Context::create();
    let machine = Machine::new(&compiled.target, compiled.branch_protection)?;
    let packed = packed(compiled, &context)?;
    machine.optimise(&packed)?;
    machine.object(&packed)
}

/// The name of the function of [`packed`].
pub fn packed_symbol(compiled: &Compiled) -> String {
    format!("{}_packed", compiled.function.symbol())
}

/// How many buffers the function reads and writes.
fn buffers(compiled: &Compiled) -> usize {
    let signature = &compiled.function.signature;
    signature.input_buffers().len() + signature.output_buffers().len()
}

fn list(count: usize, element: impl Fn(usize) -> String) -> String {
    (0..count).map(element).collect::<Vec<_>>().join(", ")
}

fn parse<'c>(context: &'c Context, text: &str) -> Result<Module<'c>, Error> {
    let buffer = MemoryBuffer::create_from_memory_range_copy(text.as_bytes(), "wrapper");
    context.create_module_from_ir(buffer).map_err(|error| Error::Internal(error.to_string()))
}
