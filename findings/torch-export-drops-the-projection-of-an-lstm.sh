#!/bin/sh
# torch's default ONNX exporter writes an LSTM with proj_size without its projection, and says nothing.
#
# Version: torch 2.15.0, onnx 1.23.2, onnxruntime 1.32.0.
# Guess: ONNX's LSTM has no projection of the state, so the exporter refuses the layer, as the older one
#     (dynamo=False) does, or writes the projection as a product of its own.
# Behaviour: it exports one LSTM node whose weights are those of the layer without weight_hr: the numbers
#     of the projection are in no initialiser. The state has the projected size and the cell the full
#     one, which no LSTM of ONNX has. onnx.checker with full_check accepts the model; onnxruntime loads
#     it and fails when it runs.
# Output seen:
#     dynamo: exported, LSTM 1, projection in the model False, checker accepts
#     onnxruntime: initial_c must have shape {1,2,4}. Actual:{1,2,6}
#     script: SymbolicValueError
# What it means: the importer compares the sizes of the states with hidden_size and refuses such a node by
#     name; a posterior for weight_hr is told to be in no initialiser.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy

cat >"$folder/look.py" <<'PYTHON'
import contextlib
import io
import re
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

warnings.filterwarnings("ignore")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(3, 6, proj_size=4, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


torch.manual_seed(0)
net, x, path = Net().eval(), torch.randn(2, 5, 3), sys.argv[1]
for name, options in (("dynamo", {"external_data": False}), ("script", {"dynamo": False})):
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            torch.onnx.export(net, (x,), path, **options)
    except Exception as error:
        print(f"{name}: {type(error).__name__}")
        continue
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    projection = np.sort(net.rnn.weight_hr_l0.detach().numpy().ravel())
    sizes = [numpy_helper.to_array(tensor).ravel() for tensor in model.graph.initializer]
    kept = any(np.isin(projection, values).all() for values in sizes if values.dtype == np.float32)
    count = sum(node.op_type == "LSTM" for node in model.graph.node)
    print(f"{name}: exported, LSTM {count}, projection in the model {kept}, checker accepts")
    session = onnxruntime.InferenceSession(path)
    try:
        session.run(None, {session.get_inputs()[0].name: x.numpy()})
        print("onnxruntime: runs")
    except Exception as error:
        print("onnxruntime:", re.search(r"initial_c .*", str(error))[0].strip())
PYTHON

# The older exporter prints its graph, too.
"$folder/venv/bin/python" "$folder/look.py" "$folder/net.onnx" 2>"$folder/log" >"$folder/all"
grep -E '^(dynamo|script|onnxruntime): ' "$folder/all" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
dynamo: exported, LSTM 1, projection in the model False, checker accepts
onnxruntime: initial_c must have shape {1,2,4}. Actual:{1,2,6}
script: SymbolicValueError
EXPECTED
