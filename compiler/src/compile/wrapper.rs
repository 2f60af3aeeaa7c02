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

/// The object of `memcpy`, `memmove` and `memset`, for a program without a C library.
///
/// # Errors
///
/// Where LLVM fails, which is a fault of the compiler.
pub fn memory_object(compiled: &Compiled) -> Result<Vec<u8>, Error> {
    let context = Context::create();
    let machine = Machine::new(&compiled.target, compiled.branch_protection)?;
    let memory = parse(&context, MEMORY)?;
    machine.optimise(&memory)?;
    machine.object(&memory)
}

/// Vectors first, then bytes; a move to a higher place that overlaps goes by bytes from the end.
const MEMORY: &str = r#"
define ptr @memset(ptr %to, i32 %value, i64 %count) nounwind "no-builtins" {
entry:
  %byte = trunc i32 %value to i8
  %first = insertelement <16 x i8> poison, i8 %byte, i64 0
  %vector = shufflevector <16 x i8> %first, <16 x i8> poison, <16 x i32> zeroinitializer
  %whole = and i64 %count, -16
  br label %vectors
vectors:
  %i = phi i64 [ 0, %entry ], [ %i.next, %store.vector ]
  %has.vector = icmp ult i64 %i, %whole
  br i1 %has.vector, label %store.vector, label %bytes
store.vector:
  %to.vector = getelementptr i8, ptr %to, i64 %i
  store <16 x i8> %vector, ptr %to.vector, align 1
  %i.next = add i64 %i, 16
  br label %vectors
bytes:
  %j = phi i64 [ %whole, %vectors ], [ %j.next, %store.byte ]
  %has.byte = icmp ult i64 %j, %count
  br i1 %has.byte, label %store.byte, label %done
store.byte:
  %to.byte = getelementptr i8, ptr %to, i64 %j
  store i8 %byte, ptr %to.byte
  %j.next = add i64 %j, 1
  br label %bytes
done:
  ret ptr %to
}

define ptr @memcpy(ptr %to, ptr %from, i64 %count) nounwind "no-builtins" {
entry:
  %whole = and i64 %count, -16
  br label %vectors
vectors:
  %i = phi i64 [ 0, %entry ], [ %i.next, %move.vector ]
  %has.vector = icmp ult i64 %i, %whole
  br i1 %has.vector, label %move.vector, label %bytes
move.vector:
  %from.vector = getelementptr i8, ptr %from, i64 %i
  %to.vector = getelementptr i8, ptr %to, i64 %i
  %vector = load <16 x i8>, ptr %from.vector, align 1
  store <16 x i8> %vector, ptr %to.vector, align 1
  %i.next = add i64 %i, 16
  br label %vectors
bytes:
  %j = phi i64 [ %whole, %vectors ], [ %j.next, %move.byte ]
  %has.byte = icmp ult i64 %j, %count
  br i1 %has.byte, label %move.byte, label %done
move.byte:
  %from.byte = getelementptr i8, ptr %from, i64 %j
  %to.byte = getelementptr i8, ptr %to, i64 %j
  %byte = load i8, ptr %from.byte
  store i8 %byte, ptr %to.byte
  %j.next = add i64 %j, 1
  br label %bytes
done:
  ret ptr %to
}

define ptr @memmove(ptr %to, ptr %from, i64 %count) nounwind "no-builtins" {
entry:
  %to.address = ptrtoint ptr %to to i64
  %from.address = ptrtoint ptr %from to i64
  %distance = sub i64 %to.address, %from.address
  %is.apart = icmp uge i64 %distance, %count
  br i1 %is.apart, label %copy, label %bytes
copy:
  %copied = call ptr @memcpy(ptr %to, ptr %from, i64 %count)
  ret ptr %to
bytes:
  %rest = phi i64 [ %count, %entry ], [ %last, %move.byte ]
  %has.byte = icmp ne i64 %rest, 0
  br i1 %has.byte, label %move.byte, label %done
move.byte:
  %last = sub i64 %rest, 1
  %from.byte = getelementptr i8, ptr %from, i64 %last
  %to.byte = getelementptr i8, ptr %to, i64 %last
  %byte = load i8, ptr %from.byte
  store i8 %byte, ptr %to.byte
  br label %bytes
done:
  ret ptr %to
}
"#;

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
