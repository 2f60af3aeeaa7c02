#!/usr/bin/env python3
"""What a call from Python costs beside the network: pfp, ONNX Runtime and OpenVINO in one process, in turns.

Each runs an MLP, one item at a time. A network of one product with a 1x1 matrix tells what the call itself costs;
for pfp also the MLP less its C function, as `pfp bench` times it in this run.

    pip install pfp-*.whl onnxruntime openvino onnx
    python bench/python/overhead.py
"""

import argparse
import json
import statistics
import time

import numpy as np
import onnxruntime
import openvino
import pfp
from onnx import TensorProto, helper, numpy_helper

#: Rounds are short, so that most of them are of one time slice, and many.
ROUNDS = 2000
ROUND_SECONDS = 3e-4


def onnx_mlp(sizes):
    """A multilayer perceptron of ReLUs, with random weights."""
    random = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for layer, (width, height) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weight = (random.normal(size=(height, width)) / np.sqrt(width)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        weights.append(numpy_helper.from_array(np.zeros(height, np.float32), f"b{layer}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{layer}", f"b{layer}"], [f"h{layer}"], transB=1))
        value = f"h{layer}"
        if layer < len(sizes) - 2:
            nodes.append(helper.make_node("Relu", [value], [f"a{layer}"]))
            value = f"a{layer}"
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, sizes[0]])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, sizes[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def callers(model, x):
    """A call of each, from an array to arrays."""
    function = pfp.compile(model, "constant:0.05", batch=1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
    feed = {"x": x}

    def of_pfp():
        y = function(x)
        return y.mean, y.variance

    return {
        "pfp, mean and variance": of_pfp,
        "pfp, no array made": lambda: function(x),
        "onnxruntime": lambda: session.run(None, feed),
        "openvino": lambda: request.infer([x])[0],
    }


def timed(call, count):
    """Microseconds of a call, of so many."""
    start = time.perf_counter_ns()
    for _ in range(count):
        call()
    return (time.perf_counter_ns() - start) / count / 1e3


def measure(calls):
    """Microseconds of each call: the median of the rounds, in which all take turns."""
    times = {name: [] for name in calls}
    counts = {}
    for name, call in calls.items():
        timed(call, 100)
        fastest = min(timed(call, 10) for _ in range(50))
        counts[name] = max(1, int(ROUND_SECONDS * 1e6 / fastest))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(timed(call, counts[name]))
    return {name: statistics.median(each) for name, each in times.items()}


def empty():
    """What the loop itself costs."""
    return measure({"loop": lambda: None})["loop"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", default="examples/digits/mlp.mlir", help="the module for pfp's C function")
    parser.add_argument("--params", default="examples/digits/mlp.safetensors", help="its parameters")
    parser.add_argument("--json", help="write all numbers to this file")
    given = parser.parse_args()
    loop = empty()
    results = {"loop": loop}
    for name, sizes in [("1-1", [1, 1]), ("64-64-64-10", [64, 64, 64, 10])]:
        x = np.random.default_rng(1).random((1, sizes[0])).astype(np.float32)
        results[name] = measure(callers(onnx_mlp(sizes), x))
    x = np.random.default_rng(1).random((1, 1, 8, 8)).astype(np.float32)
    function = pfp.compile(given.module, given.params, batch=1)
    called = measure({"call": lambda: function(x)})["call"]
    bench = pfp.command("bench", given.module, params=given.params, batch=1)
    alone = bench["results"][0]["microseconds"]["median"]
    results["pfp"] = {"call": called, "C function": alone, "overhead": called - alone - loop}

    names = list(results["1-1"])
    print(f"{'us per call, one item':28}" + "".join(f"{name:>26}" for name in names))
    for network in ["1-1", "64-64-64-10"]:
        print(f"{network:28}" + "".join(f"{results[network][name] - loop:26.2f}" for name in names))
    least = min(results["1-1"]["onnxruntime"], results["1-1"]["openvino"]) - loop
    print(f"overhead of the others over that of pfp: {least / (results['1-1'][names[0]] - loop):.1f} times or more")
    print(f"{given.module}: {called - loop:.2f} us a call, {alone:.2f} of them the C function")
    if given.json:
        with open(given.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
