#!/bin/sh
# A node test of ONNX, and its reference evaluator, resize with aligned corners by a length of 2.4
# elements; onnxruntime rounds it first, as the specification does.
#
# Version: onnx 1.23.2, onnxruntime 1.32.0.
# Guess: the node tests are what the specification means, and onnxruntime, whose tests include them, gives
#     their outputs.
# Behaviour: test_resize_downsample_scales_linear_align_corners scales a row of four by 0.6. The text of
#     Resize has x_original = x_resized * (length_original - 1) / (length_resized - 1), with the length of the
#     output, 2: the last element is the last one of the input. The test and onnx.reference take 2.4 for
#     the length, and give an element between the third and the fourth.
# Output seen:
#     node test [1.0, 3.142857]
#     onnx.reference [1.0, 3.142857]
#     onnxruntime [1.0, 4.0]
# What it means: gauss.resize with aligned corners ends at the corner. The table of node tests in
#     docs/onnx.md names this test as one where onnxruntime holds.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy

cat >"$folder/look.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

NAME = "test_resize_downsample_scales_linear_align_corners"
(case,) = [case for case in collect_testcases(None) if case.name == NAME]
((inputs, outputs),) = case.data_sets
feed = dict(zip([port.name for port in case.model.graph.input], inputs))


def show(name, values):
    print(name, [round(float(value), 6) for value in np.ravel(values)])


show("node test", outputs[0])
show("onnx.reference", ReferenceEvaluator(case.model).run(None, feed)[0])
session = onnxruntime.InferenceSession(case.model.SerializeToString())
show("onnxruntime", session.run(None, feed)[0])
PYTHON

"$folder/venv/bin/python" "$folder/look.py" 2>"$folder/log" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
node test [1.0, 3.142857]
onnx.reference [1.0, 3.142857]
onnxruntime [1.0, 4.0]
EXPECTED
