"""IREE: StableHLO from JAX, compiled for this CPU with constant weights, on a local device."""

import importlib.metadata
import io

import iree.compiler
import iree.runtime as runtime
import jax
import numpy as np

from peers import jax_graph

FLAGS = (
    "--iree-llvmcpu-target-cpu=host",
    "--iree-opt-level=O3",
    "--iree-opt-data-tiling",
    "--iree-opt-const-eval",
)
_devices = {}


def version(case):
    return importlib.metadata.version("iree-base-compiler")


def formulations(case):
    forms = jax_graph.forms(case, ("separate", "joined"))
    return {form: lambda form=form: build(case, form) for form in forms}


def device(threads):
    """The synchronous device for one thread, a pool for more; one per process."""
    if threads not in _devices:
        if threads > 1:
            runtime.flags.parse_flags(f"--task_topology_group_count={threads}")
        _devices[threads] = runtime.get_device("local-task" if threads > 1 else "local-sync")
    return _devices[threads]


def build(case, form):
    function, parameters = jax_graph.build(case, form)
    jax.config.update("jax_platforms", "cpu")
    images = case.images
    lowered = jax.jit(lambda x: function(parameters, x)).lower(
        jax.ShapeDtypeStruct(images.shape, images.dtype)
    )
    bytecode = io.BytesIO()
    lowered.compiler_ir("stablehlo").operation.write_bytecode(bytecode)
    name = f"iree-{case.name}-{case.batch}-{case.threads}-{form.replace(', ', '-')}.vmfb"
    path = str(case.folder / name)
    iree.compiler.compile_str(
        bytecode.getvalue(),
        input_type="stablehlo",
        target_backends=["llvm-cpu"],
        output_file=path,
        extra_args=list(FLAGS),
    )

    config = runtime.Config(device=device(case.threads))
    module = runtime.VmModule.mmap(config.vm_instance, path)
    context = runtime.VmContext(config.vm_instance, modules=[*config.default_vm_modules, module])
    main = module.lookup_function("main")
    x = runtime.asdevicearray(config.device, images)
    arguments = runtime.VmVariantList(1)
    arguments.push_ref(x._buffer_view)
    results = []

    def call():
        outputs = runtime.VmVariantList(2)
        context.invoke(main, arguments, outputs)
        results[:] = [outputs]

    def outputs():
        views = (results[0].get_as_object(i, runtime.HalBufferView) for i in range(2))
        return [
            np.array(
                runtime.DeviceArray(config.device, view, implicit_host_transfer=True).to_host()
            )
            for view in views
        ]

    # The argument list refers to a buffer of x.
    call.buffers = x
    return call, outputs
