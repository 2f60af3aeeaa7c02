#!/bin/sh
# ONNX's shape inference counts a window of a pool that begins in the padding behind the input, up to
# opset 21; what runs the model does not.
#
# Version: onnx 1.23.2, onnxruntime 1.32.0.
# Guess: with ceil_mode = 1 inference gives the size that every runtime gives, whatever the opset: a
#     last window counts where it begins inside of the input or of the padding before it.
# Behaviour: for MaxPool and AveragePool of opset 11 to 21 inference rounds up and nothing else, and
#     gives one element more where the stride carries the last window into the padding behind the
#     input. The rule was mended for opset 22. onnxruntime leaves such a window out for every opset,
#     as PyTorch does, and warns that the shape is not the expected one.
# Output seen:
#     onnx 1.23.2 onnxruntime 1.32.0
#     MaxPool opset 12: inferred 3, run 2
#     MaxPool opset 21: inferred 3, run 2
#     MaxPool opset 22: inferred 2, run 2
#     AveragePool opset 12: inferred 3, run 2
#     AveragePool opset 21: inferred 3, run 2
#     AveragePool opset 22: inferred 2, run 2
# What it means: sizes behind a pool that rounds up are to be computed from the pool, not taken from
#     the shapes that are stored or inferred. gauss.max_pool2d and gauss.avg_pool2d with `ceil` have
#     the windows of the runtimes (`pools_round_up_and_have_gaps`).
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy

cat >"$folder/look.py" <<'PYTHON'
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, shape_inference

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
quiet = onnxruntime.SessionOptions()
quiet.log_severity_level = 4
x = numpy.arange(1, 5, dtype=numpy.float32).reshape(1, 1, 4)

for op in ("MaxPool", "AveragePool"):
    for opset in (12, 21, 22):
        # Windows of 2 at every third place of 1 + 4 + 1: the third would begin in the last of them.
        node = helper.make_node(
            op, ["x"], ["y"], kernel_shape=[2], strides=[3], pads=[1, 1], ceil_mode=1
        )
        graph = helper.make_graph(
            [node],
            "pool",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 4))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, "n"))],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        inferred = shape_inference.infer_shapes(model, strict_mode=True)
        size = inferred.graph.output[0].type.tensor_type.shape.dim[2].dim_value
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), quiet, providers=["CPUExecutionProvider"]
        )
        (y,) = session.run(None, {"x": x})
        print(f"{op} opset {opset}: inferred {size}, run {y.shape[2]}")
PYTHON

"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
onnx 1.23.2 onnxruntime 1.32.0
MaxPool opset 12: inferred 3, run 2
MaxPool opset 21: inferred 3, run 2
MaxPool opset 22: inferred 2, run 2
AveragePool opset 12: inferred 3, run 2
AveragePool opset 21: inferred 3, run 2
AveragePool opset 22: inferred 2, run 2
EXPECTED
