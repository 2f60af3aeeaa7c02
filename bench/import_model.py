"""Writes a residual network as an ONNX model, as torch's exporter would: run by bench/import."""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Writer:
    def __init__(self):
        self.random = np.random.default_rng(7)
        self.nodes, self.tensors = [], []

    def conv(self, x, inputs, outputs, kernel, stride):
        name = f"conv{len(self.nodes)}"
        scale = np.sqrt(2 / (inputs * kernel * kernel))
        weight = self.random.normal(0, scale, (outputs, inputs, kernel, kernel))
        self.add(f"{name}.weight", weight)
        self.add(f"{name}.bias", self.random.normal(0, 0.1, outputs))
        pads = [kernel // 2] * 4
        return self.node(
            "Conv", [x, f"{name}.weight", f"{name}.bias"], strides=[stride, stride], pads=pads
        )

    def add(self, name, values):
        self.tensors.append(numpy_helper.from_array(np.asarray(values, np.float32), name))

    def node(self, op, inputs, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"node_{output}", **attributes))
        return output


def network(widths):
    """A ResNet-18 with these numbers of channels, its normalisations folded as exporters fold them."""
    writer = Writer()
    x = writer.node("Relu", [writer.conv("input", 3, widths[0], 7, 2)])
    x = writer.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = widths[0]
    for stage, outputs in enumerate(widths):
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            y = writer.node("Relu", [writer.conv(x, inputs, outputs, 3, stride)])
            y = writer.conv(y, outputs, outputs, 3, 1)
            if stride != 1 or inputs != outputs:
                x = writer.conv(x, inputs, outputs, 1, stride)
            x = writer.node("Relu", [writer.node("Add", [y, x])])
            inputs = outputs
    x = writer.node("Flatten", [writer.node("GlobalAveragePool", [x])])
    writer.add("fc.weight", writer.random.normal(0, 0.05, (1000, inputs)))
    writer.add("fc.bias", np.zeros(1000) + 0.01)
    y = writer.node("Gemm", [x, "fc.weight", "fc.bias"], transB=1)
    ports = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 64, 64]),
        helper.make_tensor_value_info(y, TensorProto.FLOAT, ["batch", 1000]),
    ]
    graph = helper.make_graph(writer.nodes, "resnet18", [ports[0]], [ports[1]], writer.tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


if __name__ == "__main__":
    onnx.save(network([48, 96, 192, 384]), sys.argv[1])
