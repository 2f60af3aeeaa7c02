//! Small functions around a compiled one, in LLVM IR.

use inkwell::{
    AddressSpace,
    builder::{Builder, BuilderError},
    context::Context,
    module::{Linkage, Module},
    values::{FunctionValue, PointerValue},
};

use super::Compiled;
use crate::{compile::ARENA_ALIGN, error::Error};

/// `int pfp_NAME_run(..)`: the function with an arena of the calling thread.
pub fn with_thread_local_arena<'c>(
    compiled: &Compiled,
    context: &'c Context,
) -> Result<Module<'c>, Error> {
    let bytes = u32::try_from(compiled.arena.bytes)
        .map_err(|_| Error::request("the arena is too large for a thread-local variable"))?;
    wrap(compiled, context, "run", buffers(compiled), |_, module, wrapper| {
        let mut pointers: Vec<_> =
            wrapper.get_param_iter().map(|parameter| parameter.into_pointer_value()).collect();
        if bytes == 0 {
            pointers.push(context.ptr_type(AddressSpace::default()).const_null());
            return Ok(pointers);
        }
        let ty = context.i8_type().array_type(bytes);
        let arena = module.add_global(ty, None, "arena");
        arena.set_initializer(&ty.const_zero());
        arena.set_thread_local(true);
        arena.set_linkage(Linkage::Internal);
        arena.set_alignment(ARENA_ALIGN as u32);
        pointers.push(arena.as_pointer_value());
        Ok(pointers)
    })
}

/// `int pfp_NAME_packed(void **pointers)`: the function on a list of its
/// pointers, whose number a caller in Rust does not know when it is compiled. The
/// executor comes last where the function has tasks.
pub fn packed<'c>(compiled: &Compiled, context: &'c Context) -> Result<Module<'c>, Error> {
    let pointers = buffers(compiled) as u64 + 1 + u64::from(compiled.tasks > 1);
    wrap(compiled, context, "packed", 1, |builder, _, wrapper| {
        let pointer = context.ptr_type(AddressSpace::default());
        let list = wrapper.get_param_iter().map(|parameter| parameter.into_pointer_value());
        list.flat_map(|list| (0..pointers).map(move |index| (list, index)))
            .map(|(list, index)| {
                let index = context.i64_type().const_int(index, false);
                // SAFETY: the caller's list has a pointer for every parameter.
                let place = unsafe { builder.build_gep(pointer, list, &[index], "")? };
                Ok(builder.build_load(pointer, place, "")?.into_pointer_value())
            })
            .collect()
    })
}

/// A module with one function `SYMBOL_suffix`, which takes `parameters` pointers
/// and calls the compiled function with those that `arguments` makes of them.
fn wrap<'c>(
    compiled: &Compiled,
    context: &'c Context,
    suffix: &str,
    parameters: usize,
    arguments: impl FnOnce(
        &Builder<'c>,
        &Module<'c>,
        FunctionValue<'c>,
    ) -> Result<Vec<PointerValue<'c>>, BuilderError>,
) -> Result<Module<'c>, Error> {
    let symbol = compiled.function.symbol();
    let module = context.create_module(&symbol);
    let pointer = context.ptr_type(AddressSpace::default());
    let declare = |name: &str, parameters: usize| {
        let ty = context.i32_type().fn_type(&vec![pointer.into(); parameters], false);
        module.add_function(name, ty, Some(Linkage::External))
    };
    let wrapper = declare(&format!("{symbol}_{suffix}"), parameters);
    let builder = context.create_builder();
    builder.position_at_end(context.append_basic_block(wrapper, ""));
    let build = || {
        let arguments = arguments(&builder, &module, wrapper)?;
        // The buffers, the arena, and possibly an executor.
        let has_executor = arguments.len() > buffers(compiled) + 1;
        let name = if has_executor { format!("{symbol}_parallel") } else { symbol.clone() };
        let callee = declare(&name, arguments.len());
        let arguments: Vec<_> = arguments.into_iter().map(Into::into).collect();
        let status = builder.build_call(callee, &arguments, "")?.try_as_basic_value().basic();
        builder.build_return(status.as_ref().map(|status| status as _))
    };
    build().map_err(|error: BuilderError| Error::Internal(error.to_string()))?;
    Ok(module)
}

/// How many buffers the function reads and writes.
fn buffers(compiled: &Compiled) -> usize {
    let signature = &compiled.function.signature;
    signature.input_buffers().len() + signature.output_buffers().len()
}
