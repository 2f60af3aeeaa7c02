#!/usr/bin/env python3
"""Writes the parameter files of the tests beside this script.

A safetensors file is the length of its header as 8 bytes, the header as JSON
padded with spaces to a multiple of 8, and the tensors one after the other.
Needs nothing but the standard library:

    python3 test/mlir/passes/gauss-load-parameters/Inputs/make.py
"""

import json
import math
import struct
from pathlib import Path

HERE = Path(__file__).parent
FORMATS = {"F32": "f", "F64": "d", "F16": "e", "I64": "q"}

# name: (shape, values)
OK = {
    "fc.weight.mean": ([2, 3], [1, 2, 3, 4, 5, 6]),
    "fc.weight.var": ([2, 3], [0.5, 0, 0.5, 0, 0.5, 0]),
    "fc.bias": ([2], [0.25, -0.25]),
}


def encode(tensors, dtype="F32"):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        encoded = struct.pack(f"<{len(values)}{FORMATS[dtype]}", *values)
        offsets = [len(data), len(data) + len(encoded)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += encoded
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def without(name):
    return {key: tensor for key, tensor in OK.items() if key != name}


FILES = {
    "ok": encode(OK),
    "missing": encode(without("fc.weight.var")),
    "empty": encode({}),
    "extra": encode(OK | {"fc2.weight.mean": ([1], [0]), "fc3": ([1], [0])}),
    "misshaped": encode(OK | {"fc.weight.mean": ([3, 2], [1, 2, 3, 4, 5, 6])}),
    "negative": encode(OK | {"fc.weight.var": ([2, 3], [0, 0, 0, 0, 0, -0.5])}),
    "nan": encode(OK | {"fc.weight.var": ([2, 3], [0, math.nan, 0, 0, 0, 0])}),
    "infinite": encode(OK | {"fc.bias": ([2], [0, math.inf])}),
    "double": encode(OK, "F64"),
    "half": encode(OK, "F16"),
    "large": encode(OK | {"fc.weight.var": ([2, 3], [0, 0, 1e39, 0, 0, 0])}, "F64"),
    "integer": encode({name: (shape, [1] * len(values)) for name, (shape, values) in OK.items()}, "I64"),
    "prefixed": encode({f"module.{name}": tensor for name, tensor in OK.items()}),
    "rho": encode(without("fc.weight.var") | {"fc.weight.rho": ([2, 3], [-3] * 6)}),
    "counter": encode(OK | {"bn.num_batches_tracked": ([1], [0])}),
    "truncated": encode(OK)[:100],
}

for name, contents in FILES.items():
    (HERE / f"{name}.safetensors").write_bytes(contents)
