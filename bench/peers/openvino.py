"""OpenVINO: latency hint, one stream, float32 even where the CPU has bfloat16, tensors set once."""

import numpy as np
import openvino
import openvino.properties as properties
import openvino.properties.hint as hints

from peers import onnx_graph


def version(case):
    return openvino.get_version().split("-")[0]


def formulations(case):
    forms = onnx_graph.forms(case)
    return {
        f"{form}, {how}": lambda form=form, how=how: build(case, form, how)
        for form in forms
        for how in ("sync", "async")
    }


def build(case, form, how):
    core = openvino.Core()
    settings = {
        hints.performance_mode: hints.PerformanceMode.LATENCY,
        hints.inference_precision: openvino.Type.f32,
        hints.enable_cpu_pinning: False,
        properties.inference_num_threads: case.threads,
        properties.num_streams: 1,
    }
    model = core.compile_model(core.read_model(onnx_graph.build(case, form)), "CPU", settings)
    request, images = model.create_infer_request(), case.images
    request.set_input_tensor(openvino.Tensor(images, shared_memory=True))

    def call_sync():
        request.infer(None, share_inputs=True, share_outputs=True, decode_strings=False)

    def call_async():
        request.start_async()
        request.wait()

    call = call_sync if how == "sync" else call_async
    call.keep = model, images
    return call, lambda: [np.array(request.get_output_tensor(i).data) for i in range(2)]
