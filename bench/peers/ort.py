"""ONNX Runtime: all optimisations, bound inputs and outputs, denormals flushed."""

import numpy as np
import onnxruntime as ort

from peers import onnx_graph


def version(case):
    return ort.__version__


def formulations(case):
    return {form: lambda form=form: build(case, form) for form in onnx_graph.forms(case)}


def build(case, form):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.log_severity_level = 3
    session = ort.InferenceSession(
        onnx_graph.build(case, form), options, providers=["CPUExecutionProvider"]
    )

    binding = session.io_binding()
    binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(case.images))
    outputs = []
    for output in session.get_outputs():
        outputs.append(ort.OrtValue.ortvalue_from_numpy(np.zeros(output.shape, np.float32)))
        binding.bind_ortvalue_output(output.name, outputs[-1])
    # run_with_iobinding of the session without a Python frame that only forwards.
    run, inner, run_options = session._sess.run_with_iobinding, binding._iobinding, ort.RunOptions()

    def call():
        run(inner, run_options)

    call.keep = session, binding
    return call, lambda: [output.numpy() for output in outputs]
